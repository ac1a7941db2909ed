r"""Sums over infinitely many tokens, to rounding: Gauss rules for sums in blocks, Hurwitz zeta functions beyond.

A sum of a smooth function over consecutive whole numbers is an integral against a discrete measure, which has Gauss
rules of its own: nodes and weights of the polynomials orthogonal on :math:`\{1,\dots,N\}` (Gram's), whose recurrence
has the coefficients :math:`\tfrac{m^2(N^2-m^2)}{4(4m^2-1)}`. All weights are positive, so that nothing cancels and
no derivative is needed. Blocks grow geometrically: a billion tokens are two thousand nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAST_BLOCK", "Nodes", "power_sum", "token_nodes", "token_sum"]

Array = NDArray[np.float64]

_ORDERS = (24, 16)  # nodes of a block: of the value, and of the coarser rule that it is compared with
_GROWTH = 1.25
LAST_BLOCK = 2**60  # beyond any place where a series takes over
_PLAIN = 24


@dataclass(frozen=True)
class Nodes:
    """Places and weights of one rule, (nodes,) each; the first places are the first whole numbers themselves."""

    places: Array
    weights: Array


def token_nodes(first: int, last: int) -> tuple[Nodes, Nodes]:
    """The rule for sums over first, ..., last, and a coarser one; no nodes where there is nothing to sum."""
    starts, ends = _grid()
    blocks = [(max(a, first), min(b, last)) for a, b in zip(starts, ends, strict=True) if b >= first and a <= last]
    if last < first:
        blocks = []
    made = []
    for order in _ORDERS:
        rules = [_block(a, b, order) for a, b in blocks] or [(np.empty(0), np.empty(0))]
        made.append(Nodes(*(np.concatenate(part) for part in zip(*rules, strict=True))))
    return made[0], made[1]


@lru_cache(maxsize=1)
def _grid() -> tuple[list[int], list[int]]:
    """Where blocks begin and end: each is a quarter longer than the one before."""
    starts, ends = [1], [_PLAIN]
    while ends[-1] < LAST_BLOCK:
        starts.append(ends[-1] + 1)
        ends.append(max(starts[-1] + _PLAIN, int(_GROWTH * starts[-1])) - 1)
    return starts, ends


@lru_cache(maxsize=4096)
def _block(first: int, last: int, order: int) -> tuple[Array, Array]:
    """The Gauss rule of a sum from first to last (all of its terms where there are no more than 24)."""
    count = last - first + 1
    if count <= _PLAIN:
        return np.arange(first, last + 1, dtype=float), np.ones(count)
    from scipy.linalg import eigh_tridiagonal

    m = np.arange(1.0, order)
    beside = np.sqrt(m**2 * (1 - (m / count) ** 2) / (4 * (4 * m**2 - 1)))
    nodes, vectors = eigh_tridiagonal(np.zeros(order), beside)
    return (first + last) / 2 + count * nodes, count * vectors[0] ** 2


def token_sum(values: Callable[[Array], Array], first: int, last: int) -> tuple[Array, Array]:
    """Sums of several functions from first to last, and how far a coarser rule is from them.

    Parameters
    ----------
    values : callable
        From places (nodes,) to the functions' values (functions, nodes); smooth where 1/i and log i are.
    first, last : int
        The range; 1 or more.
    """
    fine, coarse = token_nodes(first, last)
    total = values(fine.places) @ fine.weights
    return total, abs(total - values(coarse.places) @ coarse.weights)


def power_sum(exponent: float, first: int, last: int | None) -> float:
    r""":math:`\sum_{i=a}^{b}i^{-s}` for s > 1; without a last number to infinity."""
    if last is None:
        from scipy.special import zeta

        return float(zeta(exponent, first))
    return float(token_sum(lambda i: i[None, :] ** -exponent, first, last)[0][0])
