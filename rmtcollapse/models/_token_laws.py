r"""The law of tokens, the law of synthetic tokens, and the chance that a token is not seen, at any rank.

A *kind of draws* gives the chance :math:`U_i` that token *i* is not among the training tokens, from its true
probability :math:`p_i` and its synthetic one :math:`r_i`, and the coefficients of :math:`U=\sum_{jl}c_{jl}p^jr^l`,
which serve where tokens are so rare that a few terms are all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.models._token_chain import binomial_pmf, carried_back
from rmtcollapse.models._token_sums import power_sum

__all__ = ["Draws", "IndependentDraws", "PoissonDraws", "ResampledDraws", "TokenLaws", "effective_samples"]

Array = NDArray[np.float64]

_TERMS = 13  # of a series in rates of at most 0.1
_STEPS = 10**6
_SHARES = 48  # Chebyshev nodes in the share of a count that is synthetic


@dataclass(frozen=True)
class TokenLaws:
    r""":math:`p_i=Ci^{-\beta}`, and :math:`r_i=C'i^{-\beta'}` up to a cut."""

    exponent: float
    synthetic_exponent: float
    cut: int | None

    @cached_property
    def scale(self) -> float:
        """C."""
        return 1 / power_sum(self.exponent, 1, None)

    @cached_property
    def synthetic_scale(self) -> float:
        """C'."""
        return 1 / power_sum(self.synthetic_exponent, 1, self.cut)

    def at(self, places: Array, *, synthetic: bool) -> tuple[Array, Array]:
        """Probabilities at some ranks and their complements, accurate where a token has nearly all of the mass."""
        s = self.synthetic_exponent if synthetic else self.exponent
        scale = self.synthetic_scale if synthetic else self.scale
        last = self.cut if synthetic else None
        share = scale * places**-s
        others = scale * power_sum(s, 2, last) if last is None or last > 1 else 0.0
        return share, np.where(places == 1, others, 1 - share)


class Draws(Protocol):
    """How training tokens are drawn."""

    @property
    def real_rate(self) -> float:
        """Expected draws from p."""

    @property
    def synthetic_rate(self) -> float:
        """Draws from r, or as many as they are worth at most."""

    def unseen(self, real: tuple[Array, Array], synthetic: tuple[Array, Array]) -> tuple[Array, Array]:
        """U and 1 - U from probabilities and their complements; without synthetic ones where they are 0."""

    def coefficients(self) -> Array:
        """c[j, l]."""


def _falling(count: float, terms: int) -> Array:
    r""":math:`\binom nj`, j < terms."""
    made = [1.0]
    for j in range(terms - 1):
        made.append(made[-1] * (count - j) / (j + 1))
    return np.array(made)


def _log_left(taken: Array, left: Array) -> Array:
    """log(1 - taken), where `left` is 1 - taken."""
    with np.errstate(divide="ignore"):
        return np.where(taken < 0.5, np.log1p(-np.minimum(taken, 0.5)), np.log(left))


@dataclass(frozen=True)
class IndependentDraws:
    r"""*T* independent draws, each real with probability :math:`\pi`: :math:`U=(1-\pi p-(1-\pi)r)^T`."""

    samples: int
    real_fraction: float

    @property
    def real_rate(self) -> float:
        """Expected number of real draws."""
        return self.real_fraction * self.samples

    @property
    def synthetic_rate(self) -> float:
        """Expected number of synthetic draws."""
        return (1 - self.real_fraction) * self.samples

    def unseen(self, real: tuple[Array, Array], synthetic: tuple[Array, Array]) -> tuple[Array, Array]:
        """U and 1 - U."""
        share = self.real_fraction
        taken = share * real[0] + (1 - share) * synthetic[0]
        log = self.samples * _log_left(taken, share * real[1] + (1 - share) * synthetic[1])
        return np.exp(log), -np.expm1(log)

    def coefficients(self) -> Array:
        """c[j, l]."""
        binomial = _falling(self.samples, _TERMS)
        made = np.zeros((_TERMS, _TERMS))
        for j in range(_TERMS):
            for l in range(_TERMS - j):
                split = math.comb(j + l, j) * (-self.real_fraction) ** j * (self.real_fraction - 1) ** l
                made[j, l] = binomial[j + l] * split
        return made


@dataclass(frozen=True)
class PoissonDraws:
    r"""Poisson numbers of draws, :math:`U=e^{-ap-br}`."""

    real_rate: float
    synthetic_rate: float

    def unseen(self, real: tuple[Array, Array], synthetic: tuple[Array, Array]) -> tuple[Array, Array]:
        """U and 1 - U."""
        log = -(self.real_rate * real[0] + self.synthetic_rate * synthetic[0])
        return np.exp(log), -np.expm1(log)

    def coefficients(self) -> Array:
        """c[j, l]."""
        inverse = np.array([1 / math.factorial(j) for j in range(_TERMS)])
        powers = np.arange(_TERMS)
        one, other = inverse * (-self.real_rate) ** powers, inverse * (-self.synthetic_rate) ** powers
        return np.asarray(np.where(powers[:, None] + powers < _TERMS, one[:, None] * other, 0.0))


@dataclass(frozen=True)
class ResampledDraws:
    r"""*T* draws, each real with probability :math:`\pi`, else from a data set that was resampled.

    With *x* the token's count in the last data set, :math:`U=E(1-\pi p-(1-\pi)x/T_0)^T
    =(1-\pi p)^TE(1-\sigma x/T_0)^T`, where :math:`\sigma=(1-\pi)/(1-\pi p)` varies little over tokens and is
    interpolated.
    """

    samples: int
    real_fraction: float
    generations: int
    generator_samples: int
    top_left: float  # mass of all tokens but the most frequent

    @property
    def real_rate(self) -> float:
        """Expected number of real draws."""
        return self.real_fraction * self.samples

    @property
    def synthetic_rate(self) -> float:
        """Draws of the first data set."""
        return float(self.generator_samples)

    @cached_property
    def _range(self) -> tuple[float, float]:
        """Range of log sigma."""
        low = math.log1p(-self.real_fraction)
        return low, low - math.log((1 - self.real_fraction) + self.real_fraction * self.top_left)

    @cached_property
    def _nodes(self) -> Array:
        """Chebyshev nodes in [-1, 1]; one where every draw is synthetic."""
        return np.polynomial.chebyshev.chebpts1(_SHARES) if self.real_fraction > 0 else np.zeros(1)

    @cached_property
    def _functions(self) -> tuple[Array, Array, Array]:
        """Chances to be seen and unseen, (T_0 + 1, nodes), and those to be seen among fewer draws."""
        low, high = self._range
        shares = np.exp(low + (high - low) * (self._nodes + 1) / 2)
        x = np.arange(self.generator_samples + 1.0)[:, None] / self.generator_samples
        log = self.samples * _log_left(shares * x, np.maximum(1 - shares * x, 0.0))
        fewer = np.maximum(self.samples - np.arange(_TERMS if self.real_fraction > 0 else 1), 0)
        taken = (1 - self.real_fraction) * x
        with np.errstate(invalid="ignore"):
            log_fewer = np.where(fewer > 0, fewer * _log_left(taken, 1 - taken), 0.0)
        stacked = np.concatenate([-np.expm1(log), np.exp(log), -np.expm1(log_fewer)], axis=1)
        carried = carried_back(self.generator_samples, self.generations - 1, stacked)
        count = shares.size
        return carried[:, :count], carried[:, count : 2 * count], carried[:, 2 * count :]

    def unseen(self, real: tuple[Array, Array], synthetic: tuple[Array, Array]) -> tuple[Array, Array]:
        """U and 1 - U."""
        seen, lost, _ = self._functions
        x = np.arange(self.generator_samples + 1.0)
        counts = binomial_pmf(self.generator_samples, x, synthetic[0][:, None], synthetic[1][:, None])
        share, (low, high) = self.real_fraction, self._range
        log_left = _log_left(share * real[0], (1 - share) + share * real[1])
        place = -2 * log_left / (high - low) - 1 if high > low else np.zeros(real[0].size)
        vander = np.polynomial.chebyshev.chebvander
        degree = self._nodes.size - 1
        basis = vander(place, degree) @ np.linalg.inv(vander(self._nodes, degree))
        met, missed = (np.sum((counts @ f) * basis, axis=1) for f in (seen, lost))
        log = self.samples * log_left
        return np.exp(log) * missed, -np.expm1(log) + np.exp(log) * met

    def coefficients(self) -> Array:
        """c[j, l]."""
        _, _, fewer = self._functions
        made = np.zeros((_TERMS, _TERMS))
        outer = _falling(self.samples, _TERMS) * (-self.real_fraction) ** np.arange(_TERMS)
        inner = _falling(self.generator_samples, _TERMS)
        for j in range(fewer.shape[1]):
            seen = np.zeros(_TERMS)
            seen[: min(_TERMS, len(fewer))] = fewer[:_TERMS, j]
            for l in range(_TERMS - j):
                made[j, l] = outer[j] * inner[l] * ((1.0 if l == 0 else 0.0) - seen[0])
                seen = np.append(np.diff(seen), 0.0)
        return made


def effective_samples(samples: float, generations: int, generator_samples: float) -> float:
    r"""How many draws from the first law are worth *T* draws after resampling: :math:`t\to T_0(1-e^{-t/T_0})`.

    After a million steps :math:`v=T_0/t` grows by :math:`\tfrac12+\tfrac1{12v}` a step, to rounding.
    """
    share = samples / generator_samples
    for _ in range(min(generations, _STEPS)):
        share = -math.expm1(-share)
    rest = generations - _STEPS
    if rest > 0:
        v = 1 / share
        grown = v + rest / 2
        for _ in range(60):
            grown = v + rest / 2 + math.log((6 * grown + 1) / (6 * v + 1)) / 6
        share = 1 / grown
    return generator_samples * share if generations else float(samples)
