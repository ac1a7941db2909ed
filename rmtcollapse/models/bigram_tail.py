r"""Bigrams with heavy tails: how far the next-token laws of a learner that counts are from the true ones.

**Setting.** A context :math:`i=1,2,\dots` (up to *K*, or without end) has probability :math:`\pi_i=Ci^{-\beta}`, and
the token that follows it a law of its own: :math:`p_j=C'j^{-\beta}`, *j* <= *k*, over tokens in an order that differs
from context to context. A learner sees *T* bigrams and predicts, after each context, the frequencies that it counted.
Its test error is the total variation (half the sum of absolute differences, in [0, 1]) from the true law, averaged
over contexts with :math:`\pi_i`; it is 1 for a context that was not seen.

**Statement.** A context is seen :math:`N_i\sim\mathrm{Bin}(T,\pi_i)` times, so that exactly

.. math:: E=\sum_i\pi_i\,\mathbb E\,V_{N_i},\qquad V_0=1,\qquad
          V_n=\frac1{2n}\sum_j\mathbb E\,|\mathrm{Bin}(n,p_j)-np_j|,

where, with :math:`\nu=\lfloor np\rfloor+1`, the mean deviation is de Moivre's [DiaconisZabell1991]_

.. math:: \mathbb E\,|\mathrm{Bin}(n,p)-np|=2\nu\binom n\nu p^\nu(1-p)^{n-\nu+1}.

The order of the tokens does not matter.

**Scaling laws.** With many tokens :math:`V_n\sim n^{-r}`, :math:`r=\min(1-1/\beta,\tfrac12)`: rare tokens that are not
seen, or counts that fluctuate. With many contexts too :math:`E\sim T^{-r}`, times a logarithm where
:math:`\beta\le2`. Slopes are reached slowly, and all become 1/2 when *n* exceeds :math:`k^\beta` by far.

**Notation.** :math:`\beta` exponent, *K* contexts, *k* tail cut, *T* samples, :math:`V_n` error of a row of *n* draws.

**Source.** [Hutter2021]_ for the memorising learner, [DohmatobFengYangCharton2024]_ for bigrams with heavy tails. This
reconstruction, its exact error and its scaling laws are derived here and checked by simulation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rmtcollapse.errors import ParameterError
from rmtcollapse.models._base import Limit, Model, validated_digits
from rmtcollapse.models._exact import exact_prediction
from rmtcollapse.models._parameters import count, model, number
from rmtcollapse.models._prediction import Prediction

if TYPE_CHECKING:
    from rmtcollapse.experiments.tokens import PowerLawTokens
    from rmtcollapse.models._tail_equations import TailEquations

__all__ = ["BigramTail"]

MOST_SAMPLES = 10**6


@model
class BigramTail(Model):
    r"""Total variation between counted and true next-token laws, when contexts and tokens follow a power law.

    Parameters
    ----------
    exponent : float
        :math:`\beta` > 1 of the law of contexts and of every next-token law.
    samples : int
        Bigrams, 0 <= *T* <= 1,000,000.
    contexts : int, optional
        Number of contexts, *K* >= 1; infinitely many by default.
    tail_cut : int, optional
        Last token of every next-token law, *k* >= 1; none is cut by default.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter.
    """

    exponent: float = number(
        r"\beta",
        "exponent of the laws of contexts and of tokens",
        "a number from 1 (excluded) to 100",
        lambda v: (v > 1) & (v <= 100),
    )
    samples: int = count("T", "training bigrams", least=0)
    contexts: int | None = count("K", "number of contexts", default=None, optional=True)
    tail_cut: int | None = count("k", "last token of every next-token law", default=None, optional=True)

    VALUES: ClassVar[Mapping[str, str]] = {
        "test_error": "expected total variation from the true next-token law, averaged over contexts",
        "single_row_error": "the same for one context that all samples belong to",
    }
    SOURCE: ClassVar[str] = (
        "Hutter 2021, arXiv 2102.04074, and Dohmatob, Feng, Yang, Charton and Kempe 2024, arXiv 2402.07043 (setting); "
        "exact error derived here"
    )
    ONE_CALL: ClassVar[bool] = False
    ASYMPTOTIC: ClassVar[bool] = False

    @classmethod
    def system(cls) -> TailEquations:  # type: ignore[override]
        """The equations, in SymPy."""
        from rmtcollapse.models._tail_equations import bigram_equations

        return bigram_equations()

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Sums over counts end somewhere."""
        samples = np.asarray(values["samples"])
        if np.any(samples > MOST_SAMPLES):
            raise ParameterError("samples", int(samples.max()), f"an integer from 0 to {MOST_SAMPLES}")

    # ---- theory -------------------------------------------------------------------------------------------------

    def theory(self, digits: int | None = None) -> Prediction:
        """The expectation at these parameters; see :meth:`rmtcollapse.models._base.Model.theory`."""
        if digits is not None:
            from rmtcollapse.models._bigram_reference import bigram_reference

            named, unknowns = bigram_reference(self, validated_digits(digits))
            return Prediction(named, unknowns, 0.0, 10.0**-digits, "converged", (), digits)
        from rmtcollapse.models._bigram_values import bigram_values
        from rmtcollapse.models._token_laws import TokenLaws

        contexts, tokens = (TokenLaws(self.exponent, self.exponent, last) for last in (self.contexts, self.tail_cut))
        found = bigram_values(contexts, tokens, self.samples)
        named = {"test_error": found.test_error, "single_row_error": found.row_error}
        unknowns = {"context_scale": contexts.synthetic_scale, "scale": tokens.synthetic_scale}
        return Prediction(named, unknowns, 0.0, found.certificate, "converged")

    # ---- experiment ---------------------------------------------------------------------------------------------

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw the bigrams, count them, and compare the frequencies with the true laws, context by context."""
        from rmtcollapse.experiments.tokens import PowerLawTokens

        contexts = PowerLawTokens(self.exponent, self.contexts)
        tokens = PowerLawTokens(self.exponent, self.tail_cut)
        bigrams = np.stack([contexts.draw(self.samples, rng), tokens.draw(self.samples, rng)])
        before = np.unique(bigrams[0])
        rows = [_variation(bigrams[1, bigrams[0] == i], tokens) for i in before]
        mass = contexts.probability(before)
        return {
            "test_error": float(1 - mass.sum() + mass @ np.array(rows)),
            "single_row_error": _variation(tokens.draw(self.samples, rng), tokens),
        }

    # ---- exact statements and limits ------------------------------------------------------------------------------

    def exact(self) -> Prediction:
        """Expectation at this finite size: the theory."""
        return exact_prediction(**self.theory())

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Few bigrams of contexts and tokens whose chances are four to one."""
        two: dict[str, Any] = {"exponent": 2.0, "contexts": 2, "tail_cut": 2}
        # One draw misses by the chance of the other token, two by twice the product of the chances times 0.8.
        first, second = 0.32, 2 * 0.16 * 0.8
        unseen = 0.8 * 0.2**2 + 0.2 * 0.8**2
        mean = unseen + first * 0.32 + second * (0.8**3 + 0.2**3)
        alone = cls(exponent=2.0, contexts=2, tail_cut=1, samples=3)
        return [
            Limit("two bigrams", cls(**two, samples=2), {"test_error": mean, "single_row_error": second}),
            Limit("one token: contexts that are not seen", alone, {"test_error": 0.8 * 0.2**3 + 0.2 * 0.8**3}),
        ]

    # ---- scaling ------------------------------------------------------------------------------------------------

    def exponents(self) -> dict[str, float]:
        r"""Exponents of the scaling laws of this exponent while tokens and contexts are many.

        Returns
        -------
        dict
            ``single_row_rate``: :math:`\min(1-1/\beta,\tfrac12)`, of the error of one row in its draws, positive where
            it decays; ``test_rate``: the same, of the test error in the samples, with a logarithm where
            :math:`\beta\le2`.
        """
        rate = min(1 - 1 / self.exponent, 0.5)
        return {"single_row_rate": rate, "test_rate": rate}


def _variation(drawn: np.ndarray, law: PowerLawTokens) -> float:
    """Total variation between frequencies and their law: how much more often tokens are drawn than they should be."""
    if drawn.size == 0:
        return 1.0
    found, counts = np.unique(drawn, return_counts=True)
    return float(np.maximum(counts / drawn.size - law.probability(found), 0.0).sum())
