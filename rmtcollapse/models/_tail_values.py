"""Unseen mass and number of distinct tokens, summed over infinitely many tokens, with their certificate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.models._token_laws import Draws, TokenLaws
from rmtcollapse.models._token_sums import LAST_BLOCK, power_sum, token_sum

__all__ = ["TailValues", "tail_values"]

Array = NDArray[np.float64]

_RARE = 0.05  # expected draws of a token from which a series takes over
_ALLOWED = 1e-12
_SMALLEST = 1e-290
_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class TailValues:
    """Sums over all tokens, and the relative change from a coarser rule."""

    unseen_mass: float
    distinct: float
    certificate: float


def tail_values(laws: TokenLaws, draws: Draws) -> TailValues:
    r""":math:`\sum_ip_iU_i` and :math:`\sum_i(1-U_i)`.

    Raises
    ------
    ConvergenceError
        If a coarser rule gives another value, or if the test error underflows.
    """
    inside = _range(laws, draws, 1, laws.cut, synthetic=True)
    parts = [inside]
    if laws.cut is not None:
        parts.append(_range(laws, draws, laws.cut + 1, None, synthetic=False))
    total = np.sum([value for value, _ in parts], axis=0)
    change = np.sum([error for _, error in parts], axis=0)
    if total[0] < _SMALLEST:
        raise ConvergenceError(
            "heavy tail: a test error below 1e-290 is not known in floating point; give a smaller exponent"
        )
    certificate = float(np.max(change / total)) + 4 * _EPS
    if not certificate <= _ALLOWED:
        raise ConvergenceError(
            f"heavy tail: rules of 24 and of 16 nodes differ by {certificate:.1e}; give a smaller exponent"
        )
    return TailValues(float(total[0]), float(total[1]), certificate)


def _range(laws: TokenLaws, draws: Draws, first: int, last: int | None, *, synthetic: bool) -> tuple[Array, Array]:
    """Both sums over first, ..., last: by Gauss rules while tokens are frequent, by a series from there."""
    rare = max(24, _last_frequent(laws, draws, synthetic), first - 1)
    middle = rare if last is None else min(rare, last)

    def values(places: Array) -> Array:
        real = laws.at(places, synthetic=False)
        made = laws.at(places, synthetic=True) if synthetic else (np.zeros_like(places), np.ones_like(places))
        unseen, seen = draws.unseen(real, made)
        return np.stack([real[0] * unseen, seen])

    total, error = token_sum(values, first, middle)
    if last is None or last > middle:
        total = total + _series(laws, draws, middle + 1, last, synthetic=synthetic)
    return total, error


def _last_frequent(laws: TokenLaws, draws: Draws, synthetic: bool) -> int:
    """The last token that is expected to be drawn 0.05 times or more from either law."""
    last: float = (draws.real_rate * laws.scale / _RARE) ** (1 / laws.exponent)
    if synthetic:
        rate = draws.synthetic_rate * laws.synthetic_scale / _RARE
        last = max(last, float(rate) ** (1 / laws.synthetic_exponent))
    return math.ceil(min(last, LAST_BLOCK))


def _series(laws: TokenLaws, draws: Draws, first: int, last: int | None, *, synthetic: bool) -> Array:
    """Both sums where tokens are rare, from the coefficients of U: a zeta function for each power."""
    from scipy.special import zeta

    c = draws.coefficients()
    if not synthetic:
        c = c[:, :1]
    j, l = np.indices(c.shape)
    powers = np.asarray(laws.exponent * j + laws.synthetic_exponent * l)
    scales = np.asarray(c * laws.scale**j * laws.synthetic_scale**l)
    used = scales != 0
    used[0, 0] = False

    def sums(exponents: Array) -> Array:
        whole = zeta(exponents, float(first))
        if last is None:
            return np.asarray(whole)
        cut = whole - zeta(exponents, float(last) + 1)
        # Near an exponent of 1 both are large.
        near = np.flatnonzero(exponents < 1.5)
        cut[near] = [power_sum(float(s), first, last) for s in exponents[near]]
        return np.asarray(cut)

    of_law = float(sums(np.array([laws.exponent]))[0])
    mass = laws.scale * (of_law + np.sum(scales[used] * sums(powers[used] + laws.exponent)))
    return np.array([mass, -np.sum(scales[used] * sums(powers[used]))])
