r"""Heavy-tailed tokens: how a scaling law changes when the tail is cut, narrowed, resampled or mixed in again.

**Setting.** Tokens :math:`i=1,2,\dots` have probabilities :math:`p_i=Ci^{-\beta}`, :math:`C=1/\zeta(\beta)`, and a
learner that memorises answers a token right if it has seen it. Synthetic tokens have the law
:math:`r_i=C'i^{-\beta'}`, *i* <= *k*: the tail cut at *k* (top-k or nucleus sampling), narrowed to a larger exponent
(a low temperature), or both. They may be resampled: *n* data sets of :math:`T_0` draws, the first from *r*, each later
one from the one before with replacement. The learner gets *T* draws, each from *p* with probability :math:`\pi`, else
synthetic (from *r*, or from the last data set). Its test error is the mass of the tokens that it has not seen.

**Statement.** With :math:`U_i` the chance that token *i* is not seen, exactly

.. math:: E=\sum_{i\ge1}p_iU_i,\qquad L=\sum_{i\ge1}(1-U_i),\qquad U_i=(1-\pi p_i-(1-\pi)r_i)^T\quad(n=0),

and :math:`U_i=\mathbb E(1-\pi p_i-(1-\pi)X_n/T_0)^T` with :math:`X_1\sim\mathrm{Bin}(T_0,r_i)`,
:math:`X_{\ell+1}\sim\mathrm{Bin}(T_0,X_\ell/T_0)`, the chain of Wright and Fisher, which is run exactly for
:math:`T_0\le2000`. Beyond that, and with a relative error of order :math:`1/T_0`, counts are Poisson numbers:
:math:`U_i=e^{-\pi Tp_i-\tau r_i}`, where :math:`\tau` is :math:`(1-\pi)T` after *n* times
:math:`t\mapsto T_0(1-e^{-t/T_0})`.

**Scaling laws.** With :math:`c=1-1/\beta` and :math:`A=C^{1/\beta}\Gamma(c)/\beta`, all asymptotic:

- plain: :math:`E\simeq AT^{-c}`, and :math:`L\simeq\Gamma(c)(CT)^{1/\beta}`;
- cut: :math:`AT^{-c}+Ck^{-(\beta-1)}/(\beta-1)`, no gain beyond :math:`T\sim k^\beta`;
- narrowed: :math:`(C/\beta')(C'T)^{-e}\,\Gamma(e)`, :math:`e=(\beta-1)/\beta'`: another exponent, no floor;
- resampled: *T* becomes :math:`\tau`, so that one data set is a cut at :math:`T_0^{1/\beta}`, and after many
  :math:`\tau\to2T_0/n`: the error grows as :math:`n^c`, less than the linear growth :math:`nT_0^{-c}` that bounds it;
- mixed: the synthetic law, or :math:`A(\pi T)^{-c}` where that is less: a plateau for :math:`k^\beta\ll T\ll
  k^\beta/\pi`, then scaling again.

**Notation.** :math:`\beta` exponent, *T* samples, *k* tail cut, :math:`\beta'` narrowed exponent, :math:`\pi` real
fraction, *n* generations, :math:`T_0` generator samples, :math:`\tau` effective samples.

**Source.** [DohmatobFengYangCharton2024]_: the cut law (Theorem 2.1), the plateau (Theorem 3.2) and linear degradation
in *n*, from a summary; [Hutter2021]_: the plain law. Exact sums, constants, the narrowed and the resampled laws are
derived here and checked by simulation; growth linear in *n* is corrected here to a bound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from rmtcollapse.errors import NoExactValueError, ParameterError
from rmtcollapse.models._base import Limit, Model, validated_digits
from rmtcollapse.models._exact import exact_prediction
from rmtcollapse.models._parameters import count, model, number
from rmtcollapse.models._prediction import Prediction

if TYPE_CHECKING:
    from rmtcollapse.models._tail_equations import TailEquations
    from rmtcollapse.models._token_laws import Draws, TokenLaws

__all__ = ["HeavyTail"]

LARGEST_CHAIN = 2000
_EXPONENT = "a number from 1 (excluded) to 100"
CHAIN = "resampled by the exact chain"
POISSON = "resampled with Poisson counts: relative error of order 1/generator_samples"


@model
class HeavyTail(Model):
    r"""Mass of the tokens that a memorising learner has not seen, when tokens follow a power law.

    Parameters
    ----------
    exponent : float
        :math:`\beta` > 1 of the true law, :math:`p_i\propto i^{-\beta}`.
    samples : int
        Training tokens, *T* >= 1.
    tail_cut : int, optional
        Last token that the generator gives, *k* >= 1; none is cut by default.
    narrowed_exponent : float, optional
        :math:`\beta'` > 1 of the generator's law; that of the true law by default.
    real_fraction : float
        Chance :math:`\pi` in [0, 1] that a training token is real; none is by default.
    generations : int
        Resampled data sets between the generator and the learner, *n* >= 0.
    generator_samples : int, optional
        Tokens in each of them, :math:`T_0` >= 1; as many as `samples` by default.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter.
    """

    exponent: float = number(r"\beta", "exponent of the true law", _EXPONENT, lambda v: (v > 1) & (v <= 100))
    samples: int = count("T", "training tokens")
    tail_cut: int | None = count("k", "last token that the generator gives", default=None, optional=True)
    narrowed_exponent: float | None = number(
        r"\beta'", "exponent of the generator's law", _EXPONENT, lambda v: (v > 1) & (v <= 100),
        default=None, optional=True,
    )  # fmt: skip
    real_fraction: float = number(
        r"\pi", "chance that a training token is real", "a number in [0, 1]", lambda v: (v >= 0) & (v <= 1), default=0.0
    )
    generations: int = count("n", "resampled data sets before the training tokens", least=0, default=0)
    generator_samples: int | None = count("T_0", "tokens in each resampled data set", default=None, optional=True)

    VALUES: ClassVar[Mapping[str, str]] = {
        "test_error": "expected mass of the tokens that are not seen in training",
        "learned_tokens": "expected number of different tokens seen in training",
        "asymptotic_test_error": "the scaling law that the test error follows",
    }
    SOURCE: ClassVar[str] = (
        "Dohmatob, Feng, Yang, Charton and Kempe 2024, arXiv 2402.07043; Hutter 2021, arXiv 2102.04074; exact sums, "
        "narrowed and resampled laws derived here"
    )
    ONE_CALL: ClassVar[bool] = False
    ASYMPTOTIC: ClassVar[bool] = False
    UNMEASURED: ClassVar[frozenset[str]] = frozenset({"asymptotic_test_error"})

    @classmethod
    def system(cls) -> TailEquations:  # type: ignore[override]
        """The equations, in SymPy."""
        from rmtcollapse.models._tail_equations import tail_equations

        return tail_equations()

    # ---- theory -------------------------------------------------------------------------------------------------

    def theory(self, digits: int | None = None) -> Prediction:
        """The expectation at these parameters; see :meth:`rmtcollapse.models._base.Model.theory`.

        Resampling is exact up to 2,000 generator samples; the status says which formula answered.
        """
        return self._theory(digits, self._kind)

    def poissonised(self, digits: int | None = None) -> Prediction:
        r"""The closed form with Poisson counts at any :math:`T_0`: relative error of order :math:`1/T_0`, 1/T."""
        return self._theory(digits, "poisson")

    @property
    def _kind(self) -> str:
        """How resampling is treated."""
        if self.generations == 0 or self.real_fraction == 1:
            return "independent"
        return "chain" if self._generator_samples <= LARGEST_CHAIN else "poisson"

    @property
    def _generator_samples(self) -> int:
        return self.samples if self.generator_samples is None else self.generator_samples

    @property
    def effective_samples(self) -> float:
        r""":math:`\tau`: how many draws from the generator the synthetic tokens are worth."""
        from rmtcollapse.models._token_laws import effective_samples

        return effective_samples((1 - self.real_fraction) * self.samples, self.generations, self._generator_samples)

    def _theory(self, digits: int | None, kind: str) -> Prediction:
        status = {"independent": "converged", "chain": CHAIN, "poisson": POISSON}[kind]
        if digits is not None:
            from rmtcollapse.models._tail_reference import reference_values

            named, unknowns = reference_values(self, kind, validated_digits(digits))
            return Prediction(named, unknowns, 0.0, 10.0**-digits, status, (kind,), digits)
        from rmtcollapse.models._tail_values import tail_values

        laws = self._laws()
        found = tail_values(laws, self._draws(laws, kind))
        named = {
            "test_error": found.unseen_mass,
            "learned_tokens": found.distinct,
            "asymptotic_test_error": self._scaling_law(laws),
        }
        unknowns = {
            "scale": laws.scale,
            "synthetic_scale": laws.synthetic_scale,
            "effective_samples": self.effective_samples,
        }
        return Prediction(named, unknowns, 0.0, found.certificate, status, (kind,))

    def _laws(self) -> TokenLaws:
        from rmtcollapse.models._token_laws import TokenLaws

        return TokenLaws(self.exponent, self.narrowed_exponent or self.exponent, self.tail_cut)

    def _draws(self, laws: TokenLaws, kind: str) -> Draws:
        from rmtcollapse.models._token_laws import IndependentDraws, PoissonDraws, ResampledDraws

        if kind == "independent":
            return IndependentDraws(self.samples, self.real_fraction)
        if kind == "poisson":
            return PoissonDraws(self.real_fraction * self.samples, self.effective_samples)
        left = float(laws.at(np.ones(1), synthetic=False)[1][0])
        return ResampledDraws(self.samples, self.real_fraction, self.generations, self._generator_samples, left)

    def _scaling_law(self, laws: TokenLaws) -> float:
        beta, other = self.exponent, laws.synthetic_exponent
        real, synthetic = self.real_fraction * self.samples, self.effective_samples
        from_real = _power_law(beta, beta, laws.scale, laws.scale, real)
        if self.real_fraction == 1:
            return from_real
        if other == beta:
            made = _power_law(beta, beta, laws.scale, laws.scale, real + synthetic)
        else:
            made = _power_law(beta, other, laws.scale, laws.synthetic_scale, synthetic)
        floor = laws.scale * self.tail_cut ** (1 - beta) / (beta - 1) if self.tail_cut is not None else 0.0
        return min(made + floor, from_real)

    # ---- experiment ---------------------------------------------------------------------------------------------

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw the tokens literally, resample the data sets, and weigh what was not seen."""
        from rmtcollapse.experiments.tokens import PowerLawTokens

        true = PowerLawTokens(self.exponent)
        generator = PowerLawTokens(self.narrowed_exponent or self.exponent, self.tail_cut)
        real = int(rng.binomial(self.samples, self.real_fraction))
        if self.generations == 0:
            made = generator.draw(self.samples - real, rng)
        else:
            data = generator.draw(self._generator_samples, rng)
            for _ in range(self.generations - 1):
                data = rng.choice(data, size=data.size)
            made = rng.choice(data, size=self.samples - real)
        seen = np.unique(np.concatenate([true.draw(real, rng), made]))
        return {"test_error": 1 - true.mass(seen), "learned_tokens": float(seen.size)}

    # ---- exact statements and limits ------------------------------------------------------------------------------

    def exact(self) -> Prediction:
        """Expectation at this finite size, which is the theory but for Poisson counts.

        Raises
        ------
        NoExactValueError
            For more than 2,000 generator samples.
        """
        if self._kind == "poisson":
            raise NoExactValueError(
                f"HeavyTail: resampling is run exactly for generator_samples <= {LARGEST_CHAIN} only"
            )
        found = self.theory()
        return exact_prediction(test_error=found["test_error"], learned_tokens=found["learned_tokens"])

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Few draws, few tokens, and resampling that never ends."""
        one = 6 / math.pi**2  # chance of the first of tokens with exponent 2
        pairs, triples, fours = one**2 * math.pi**4 / 90, one**3 * math.pi**6 / 945, one**4 * math.pi**8 / 9450
        three = {"test_error": 1 - 3 * pairs + 3 * triples - fours, "learned_tokens": 3 - 3 * pairs + triples}
        missed = (0.2**3, 0.8**3)  # of two tokens, four to one
        beyond = {"test_error": 1 - 1.25 * one + one * (missed[0] + missed[1] / 4), "learned_tokens": 2 - sum(missed)}
        fixed = cls(exponent=2.0, samples=2, generations=2000, generator_samples=10)
        return [
            Limit("two draws", cls(exponent=2.0, samples=2), {"learned_tokens": 2 - pairs}),
            Limit("three draws", cls(exponent=2.0, samples=3), three),
            Limit("a cut after two tokens", cls(exponent=2.0, samples=3, tail_cut=2), beyond),
            Limit("resampled for ever: one token is left", fixed, {"test_error": 1 - pairs, "learned_tokens": 1.0}),
        ]

    # ---- scaling ------------------------------------------------------------------------------------------------

    def exponents(self) -> dict[str, float]:
        r"""Exponents of the scaling laws of this exponent, and of this generator's.

        Returns
        -------
        dict
            ``clean_rate``: :math:`1-1/\beta`, of the test error in the samples, positive where it decays;
            ``narrowed_rate``: :math:`(\beta-1)/\beta'`; ``cut_rate``: :math:`\beta-1`, of the floor in the cut;
            ``cut_samples_rate``: :math:`\beta`, of the samples at which the floor is reached; ``generations_rate``: of
            the growth in the generations, as many samples as generator samples; ``generations_bound``: 1, of the linear
            growth that bounds it; ``learned_rate``: :math:`1/\beta'`, of the number of learned tokens.
        """
        beta, other = self.exponent, self.narrowed_exponent or self.exponent
        return {
            "clean_rate": 1 - 1 / beta,
            "narrowed_rate": (beta - 1) / other,
            "cut_rate": beta - 1,
            "cut_samples_rate": beta,
            "generations_rate": (beta - 1) / other,
            "generations_bound": 1.0,
            "learned_rate": 1 / other,
        }

    def unseen(self, tokens: Sequence[int] | np.ndarray) -> np.ndarray:
        r"""The chance :math:`U_i` that each of some tokens is not seen in training, (tokens,).

        Skills are tokens: the mass that a group of skills loses is the sum of :math:`p_iU_i` over it.

        Raises
        ------
        ParameterError
            For anything but a list of whole numbers >= 1.
        """
        places = np.asarray(tokens)
        if places.ndim != 1 or places.dtype.kind not in "iu" or np.any(places < 1):
            raise ParameterError("tokens", tokens, "a list of whole numbers >= 1")
        laws = self._laws()
        ranks = places.astype(float)
        made, left = laws.at(ranks, synthetic=True)
        inside = np.ones(ranks.shape, bool) if self.tail_cut is None else places <= self.tail_cut
        synthetic = np.where(inside, made, 0.0), np.where(inside, left, 1.0)
        return np.asarray(self._draws(laws, self._kind).unseen(laws.at(ranks, synthetic=False), synthetic)[0])

    @property
    def learned_rank(self) -> float:
        r"""Rank up to which tokens are likely to be learned, :math:`\pi Tp_i+\tau r_i\ge1`; 0 where there is none."""
        laws = self._laws()
        made = float(self.effective_samples * laws.synthetic_scale) ** (1 / laws.synthetic_exponent)
        last = min(made, self.tail_cut or math.inf)
        real = (self.real_fraction * self.samples * laws.scale) ** (1 / self.exponent)
        return float(max(last, real))


def _power_law(beta: float, other: float, scale: float, synthetic_scale: float, samples: float) -> float:
    r""":math:`\int_0^\infty Ci^{-\beta}e^{-TC'i^{-\beta'}}\,\mathrm di`."""
    if samples == 0:
        return math.inf
    rate = (beta - 1) / other
    log = math.log(scale / other) - rate * math.log(samples * synthetic_scale) + math.lgamma(rate)
    return math.exp(log) if log < 700 else math.inf
