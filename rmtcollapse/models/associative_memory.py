r"""A memory of limited dimension: which heavy-tailed tokens it can tell apart, and what a cut tail takes from it.

**Setting.** Tokens :math:`i=1,\dots,K` have probabilities :math:`p_i\propto i^{-\beta}` and random keys
:math:`e_i\sim N(0,I_d/d)`. The memory stores :math:`\sum_jq_ju_je_j^\top` with one output :math:`u_j` for each token
and weights :math:`q_j`: the frequencies :math:`p_j`, or 1 for all (``"uniform"``), up to a cut at *k* and 0 beyond.
Asked for token *i* it gives the *j* of the largest score :math:`q_j\langle e_j,e_i\rangle`; the test error is the mass
of the tokens that it gets wrong.

**Statement.** With *R* a chi variable of *d* degrees, the length of a key times :math:`\sqrt d`, exactly

.. math:: E=\sum_ip_i\Big(1-\mathbb E_R\prod_{j\ne i}\Phi(R\,q_i/q_j)\Big),\qquad
          L=\sum_i\mathbb E_R\prod_{j\ne i}\Phi(R\,q_i/q_j),

where tokens beyond the cut are wrong. With frequencies tokens beyond rank :math:`d^{1/(2\beta)}` or so fail,
:math:`E\sim d^{-(\beta-1)/(2\beta)}`; with equal weights the capacity is exponential in *d*.

**Notation.** :math:`\beta` exponent, *K* tokens, *d* dimension, *k* tail cut, *R* length of a key, :math:`\Phi` the
normal distribution function.

**Source.** [DohmatobFengYangCharton2024]_ for memories with a heavy tail. This one-sided memory, whose outputs do not
overlap, and its exact error are derived here and checked by simulation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.models._base import Limit, Model, validated_digits
from rmtcollapse.models._exact import exact_prediction
from rmtcollapse.models._parameters import choice, count, model, number
from rmtcollapse.models._prediction import Prediction

if TYPE_CHECKING:
    from rmtcollapse.models._tail_equations import TailEquations

__all__ = ["AssociativeMemory"]

Array = NDArray[np.float64]

_ORDERS = (24, 16)  # nodes of each interval of the integral over R
_REACH = 8.5  # chi varies by less than this, in units of its deviation (at most 1)
_CERTAIN = 14.0  # no normal variable is so large: 1 - Phi(14) = 8e-45
_HOPELESS = -120.0  # logarithm of a chance that is nothing beside the mass of all tokens
_SMALLEST = 1e-290
_EPS = float(np.finfo(float).eps)


@model
class AssociativeMemory(Model):
    r"""Mass of the tokens that a linear memory with random keys gets wrong.

    Parameters
    ----------
    exponent : float
        :math:`\beta` > 1 of the law of tokens.
    tokens : int
        Number of tokens, *K* >= 2.
    dimension : int
        Of the keys, *d* >= 1.
    tail_cut : int, optional
        Last token that is stored, 1 <= *k* <= *K*; all are by default.
    weights : str
        ``"frequency"`` or ``"uniform"``.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, or a cut beyond the last token.
    """

    exponent: float = number(
        r"\beta", "exponent of the law of tokens", "a number from 1 (excluded) to 100", lambda v: (v > 1) & (v <= 100)
    )
    tokens: int = count("K", "number of tokens", least=2)
    dimension: int = count("d", "dimension of the keys")
    tail_cut: int | None = count("k", "last token that is stored", default=None, optional=True)
    weights: str = choice("", "how strongly a token is stored", "frequency", "uniform", default="frequency")

    VALUES: ClassVar[Mapping[str, str]] = {
        "test_error": "expected mass of the tokens that are answered wrong",
        "learned_tokens": "expected number of tokens that are answered right",
    }
    SOURCE: ClassVar[str] = (
        "Dohmatob, Feng, Yang, Charton and Kempe 2024, arXiv 2402.07043 (setting); exact error derived here"
    )
    ONE_CALL: ClassVar[bool] = False
    ASYMPTOTIC: ClassVar[bool] = False

    @classmethod
    def system(cls) -> TailEquations:  # type: ignore[override]
        """The equations, in SymPy."""
        from rmtcollapse.models._tail_equations import memory_equations

        return memory_equations()

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """A cut lies among the tokens."""
        if (cut := values["tail_cut"]) is not None and np.any(np.asarray(cut) > values["tokens"]):
            raise ParameterError("tail_cut", cut, f"at most the number of tokens ({values['tokens']})")

    @property
    def _stored(self) -> int:
        return self.tokens if self.tail_cut is None else self.tail_cut

    @property
    def _power(self) -> float:
        """q_i/q_j is (j/i) to this power."""
        return self.exponent if self.weights == "frequency" else 0.0

    # ---- theory -------------------------------------------------------------------------------------------------

    def theory(self, digits: int | None = None) -> Prediction:
        """The expectation at these parameters; see :meth:`rmtcollapse.models._base.Model.theory`."""
        if digits is not None:
            from rmtcollapse.models._memory_reference import memory_reference

            named = memory_reference(self, validated_digits(digits))
            return Prediction(named, {}, 0.0, 10.0**-digits, "converged", (self.weights,), digits)
        found, certificate = self._certified(wide=False)
        if found[0] < 0.01:  # made by keys that are shorter than is usual
            found, certificate = self._certified(wide=True)
        if found[0] < _SMALLEST:
            raise ConvergenceError("associative memory: a test error below 1e-290; give a smaller dimension")
        if not certificate <= 1e-12:
            raise ConvergenceError(f"associative memory: rules differ by {certificate:.1e}; give a smaller exponent")
        named = {"test_error": float(found[0]), "learned_tokens": float(found[1])}
        return Prediction(named, {}, 0.0, certificate, "converged", (self.weights,))

    def _certified(self, wide: bool) -> tuple[Array, float]:
        """Both values, and how far coarser rules over keys and over tokens are from them."""
        (fine, change), (coarse, _) = (self._sums(order, wide) for order in _ORDERS)
        apart = np.max((abs(fine - coarse) + change) / np.maximum(fine, _SMALLEST))
        return fine, float(apart) + 4 * _EPS

    def _sums(self, order: int, wide: bool) -> tuple[Array, Array]:
        """Mass that is wrong and number that is right; and the change from a coarser rule over tokens."""
        from rmtcollapse.models._token_sums import power_sum, token_sum

        lengths, chances = _chi_rule(self.dimension, order, 4.0 if self._power > 0 else 0.5, wide)
        total = power_sum(self.exponent, 1, self.tokens)

        def values(places: Array) -> Array:
            log = self._log_right(places, lengths)
            return np.stack([places**-self.exponent / total * (-np.expm1(log) @ chances), np.exp(log) @ chances])

        found, change = token_sum(values, 1, self._stored)
        if self._stored < self.tokens:
            found[0] += power_sum(self.exponent, self._stored + 1, self.tokens) / total
        return found, change

    def _log_right(self, places: Array, lengths: Array) -> Array:
        r""":math:`\sum_{j\ne i}\log\Phi(Rq_i/q_j)`, (places, lengths)."""
        from scipy.special import log_ndtr

        from rmtcollapse.models._token_sums import token_nodes

        if self._power == 0:
            return np.repeat((self._stored - 1) * log_ndtr(lengths)[None, :], places.size, axis=0)
        rule = token_nodes(1, self._stored)[0]
        made = np.full((places.size, lengths.size), -np.inf)
        far = (_CERTAIN / lengths[0]) ** (1 / self._power)
        for k in np.argsort(places):
            rivals = rule.places <= max(far * places[k], 1.0)
            ratio = (rule.places[rivals] / places[k]) ** self._power
            made[k] = rule.weights[rivals] @ log_ndtr(ratio[:, None] * lengths) - log_ndtr(lengths)
            if made[k].max() < _HOPELESS:
                break  # nor has any token of a higher rank a chance
        return made

    # ---- experiment ---------------------------------------------------------------------------------------------

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw the keys, ask for every token, and weigh the wrong answers."""
        keys = rng.normal(size=(self.tokens, self.dimension)) / np.sqrt(self.dimension)
        mass = np.arange(1.0, self.tokens + 1) ** -self.exponent
        mass /= mass.sum()
        strength = mass if self.weights == "frequency" else np.ones(self.tokens)
        scores = strength[: self._stored, None] * (keys[: self._stored] @ keys.T)
        right = scores.argmax(axis=0)[: self._stored] == np.arange(self._stored)
        return {"test_error": float(1 - mass[: self._stored][right].sum()), "learned_tokens": float(right.sum())}

    # ---- exact statements and limits ------------------------------------------------------------------------------

    def exact(self) -> Prediction:
        """Expectation at this finite size: the theory."""
        return exact_prediction(**self.theory())

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        r"""Two tokens and three in one dimension, where :math:`\mathbb E\,\Phi(R)` is 3/4."""
        two: dict[str, Any] = {"exponent": 2.0, "tokens": 2, "weights": "uniform"}
        alone = cls(exponent=2.0, tokens=3, dimension=1, tail_cut=2, weights="uniform")
        return [
            Limit("one dimension", cls(**two, dimension=1), {"test_error": 0.25, "learned_tokens": 1.5}),
            Limit("a third that is not stored", alone, {"test_error": 1 - 45 / 49 * 0.75}),
        ]


def _chi_rule(dimension: int, order: int, widest: float, wide: bool) -> tuple[Array, Array]:
    r"""Places and chances of a chi variable: Gauss rules on intervals no wider than that or than their lower end.

    A wide rule reaches down to :math:`\sqrt{d/2}`, where the key is so short that another token is as near.
    """
    from scipy.special import roots_legendre

    centre = float(np.sqrt(max(dimension - 1, 0)))
    ends = [centre + _REACH]
    # Shorter ones have a chance of 1e-18 or so.
    least = max(centre * (0.5**0.5 if wide else 1.0) - _REACH, 10 ** (-18 / dimension) * min(1.0, centre or 1.0))
    while ends[-1] > least:
        ends.append(max(ends[-1] - min(widest, ends[-1] / 2), least))
    low, high = np.array(ends[:0:-1])[:, None], np.array(ends[-2::-1])[:, None]
    nodes, weights = roots_legendre(order)
    places = ((low + high) / 2 + (high - low) / 2 * nodes).ravel()
    log = (dimension - 1) * np.log(places / max(centre, 1.0)) - (places**2 - centre**2) / 2
    chances = ((high - low) * weights).ravel() * np.exp(log)
    return places, chances / chances.sum()
