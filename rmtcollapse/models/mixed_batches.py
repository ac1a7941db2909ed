r"""Batches in which nobody knows what is real: replaced or accumulated empirical laws of mixed data.

**Setting.** Tokens of true probabilities *p*. Every draw of a batch of *n* is real with probability *a* and else from
the last law :math:`p_{t-1}`, :math:`p_0=p`; its source is not known. :math:`p_t` is the empirical law of batch *t*
(``replace``) or of all batches so far (``accumulate``).

**Statement.** With :math:`s=\|p\|^2`, :math:`L_t=\mathrm E\|p_t-p\|^2` obeys, exactly,

.. math::
   L_t&=(1-a)^2\left(1-\tfrac1n\right)L_{t-1}+\frac{1-s}n\quad\text{(replace)},\\
   L_t&=\frac{\{t-a\}^2-(1-a)^2/n}{t^2}L_{t-1}+\frac{1-s}{nt^2}\quad\text{(accumulate)},\qquad L_0=0 .

Replaced, the loss stays at :math:`\frac{(1-s)/n}{1-(1-a)^2(1-1/n)}`, and at a = 0 tends to 1 - s, total collapse.
Accumulated it falls like :math:`t^{-\min(2a,1)}`, where an estimator that knew the real draws would have
:math:`t^{-1}`; at a = 0 it stays finite, :math:`(1-s)\{1-\frac{\sin(\pi/\sqrt n)}{\pi/\sqrt n}\}` in the end.

**Notation.** *n* samples, *t* generations, *a* real fraction, :math:`[\cdot]` 1 for the workflow that is chosen.

**Source.** Setting: [KanabarGastpar2025]_, whose minimax statements are not covered
here, nor are the bounds of Fu et al. 2025 for a constant real fraction. The recursions of the
empirical estimators, and their limits, are derived here and checked by simulation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rmtcollapse.models._base import Limit, Model
from rmtcollapse.models._parameters import array, choice, count, model, number
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.models._vocabulary import Array, Tokens, check_law

if TYPE_CHECKING:
    from rmtcollapse.equations.system import System

__all__ = ["MixedBatches"]


@model
class MixedBatches(Model):
    r"""Distance from the truth of empirical laws of batches that mix real and synthetic draws.

    Parameters
    ----------
    probabilities : array (k,)
        True probabilities of the tokens, non-negative with sum 1.
    samples : int
        Draws of a batch, *n* >= 1.
    generations : int
        Batches, *t* >= 0; 0 is the true law.
    real_fraction : float
        Probability that a draw is real, *a* in [0, 1].
    workflow : str
        ``"replace"`` or ``"accumulate"``.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, or probabilities that do not sum to 1.
    """

    probabilities: Array = array(
        "p_i", "true probabilities of the tokens", "non-negative numbers with sum 1 (k,)", "k",
        check=lambda v: v >= 0, unit="a probability",
    )  # fmt: skip
    samples: int = count("n", "draws of a batch")
    generations: int = count("t", "number of batches", least=0)
    real_fraction: float = number(
        "a", "probability that a draw is real", "a number in [0, 1]", lambda v: (v >= 0) & (v <= 1)
    )
    workflow: str = choice("", "which batches a law is fitted to", "replace", "accumulate", default="replace")

    VALUES: ClassVar[Mapping[str, str]] = {
        "squared_distance": "mean squared Euclidean distance of the last law from the true one",
        "collision_probability": "mean probability that two draws from the last law are alike",
    }
    SOURCE: ClassVar[str] = "Kanabar and Gastpar 2025, arXiv 2501.19273 (setting); recursions derived here"
    ASYMPTOTIC: ClassVar[bool] = False

    @classmethod
    def system(cls) -> System:
        """The equations, in SymPy."""
        from sympy import S

        from rmtcollapse.equations.symbols import Column, limit_product, lost_share, parameter, total, unknown
        from rmtcollapse.equations.system import Recursion, System

        p, q = Column("probability", "p_i"), Column("complement", "(1-p_i)")
        n, t = parameter("samples", "n", exact=True), parameter("generations", "t", exact=True)
        a, b = parameter("real_fraction", "a"), parameter("synthetic_fraction", "b")
        replaced, pooled = (parameter(w, rf"[\mathrm{{{w}}}]", exact=True) for w in ("replace", "accumulate"))
        steps = parameter("steps", "t_*", exact=True)
        alike, unlike, rest = unknown("alike", "s"), unknown("unlike", "(1-s)"), unknown("rest", "c")
        share, place = unknown("carried", "v"), unknown("place", "j")
        spread = limit_product(replaced, lost_share(rest, t) / (n * rest)) + limit_product(pooled, share)
        return System(
            name="mixed_batches",
            parameters=(n, t, steps, a, b, replaced, pooled),
            columns=(p, q),
            fixed_points=(),
            definitions={alike: total(p**2), unlike: total(p * q), rest: a * (2 - a) + b**2 / n},
            recursion=Recursion(
                steps=steps,
                state={
                    share: (S.Zero, (((place - a) ** 2 - b**2 / n) * share + 1 / n) / place**2),
                    place: (S.One, place + 1),
                },
            ),
            outputs={
                unknown("squared_distance", "L_t"): unlike * spread,
                unknown("collision_probability", "S_t"): alike + unlike * spread,
            },
        )

    @classmethod
    def arguments(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """The workflow as two numbers, one of them 1."""
        pooled = 1.0 * (np.asarray(values["workflow"]) == "accumulate")
        numbers = {name: values[name] for name in ("samples", "generations", "real_fraction")}
        own = {
            "synthetic_fraction": 1 - np.asarray(values["real_fraction"]),
            "steps": pooled * np.asarray(values["generations"]),
        }
        return {**numbers, **own, "replace": 1 - pooled, "accumulate": pooled}

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """A law."""
        check_law("probabilities", values["probabilities"])

    def columns(self) -> Mapping[str, np.ndarray]:
        """The law over tokens."""
        t = Tokens.of(self.probabilities)
        return {"multiplicity": t.multiplicity, "probability": t.probability, "complement": t.complement}

    def exact(self) -> Prediction:
        """The theory, which is exact at this size."""
        return Prediction(dict(self.theory()), status="exact")

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw batches and count them, literally."""
        from rmtcollapse.experiments.generations import measured

        truth = self.probabilities / self.probabilities.sum()
        law: Array = truth
        counts: Array = np.zeros(len(truth))
        for _ in range(self.generations):
            real = rng.binomial(self.samples, self.real_fraction)
            made = rng.multinomial(real, truth) + rng.multinomial(self.samples - real, law)
            counts = np.asarray(counts + made if self.workflow == "accumulate" else made, float)
            law = counts / counts.sum()
        found = measured(law, truth)
        return {name: found[name] for name in self.VALUES}

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Total collapse, real draws alone, and the constant of accumulated data."""
        p = np.array([0.5, 0.25, 0.25])
        common: dict[str, Any] = {"probabilities": p, "samples": 4}
        kept = (63 / 64) ** 3
        half = cls(**common, generations=2, real_fraction=0.5)
        return [
            Limit(
                "no real data: a share of the rest is lost in each generation",
                cls(**{**common, "samples": 64}, generations=3, real_fraction=0.0),
                {"squared_distance": 0.625 * (1 - kept), "collision_probability": 1 - 0.625 * kept},
            ),
            Limit(
                "real data alone: accumulated draws",
                cls(**common, generations=5, real_fraction=1.0, workflow="accumulate"),
                {"squared_distance": 0.625 / 20},
            ),
            Limit("replaced twice", half, {"squared_distance": 0.625 / 4 * (1 + 0.25 * 0.75)}),
            Limit(
                "accumulated without real data: a product",
                cls(**common, generations=2, real_fraction=0.0, workflow="accumulate"),
                {"squared_distance": 0.625 * (1 - 3 / 4 * 15 / 16)},
            ),
        ]
