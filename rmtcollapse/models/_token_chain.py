r"""Resampling a token's count, :math:`x\to\mathrm{Bin}(T_0,x/T_0)`: the exact chain of one token among any number.

The count of one token is a chain of its own (Wright and Fisher's), whatever the others do. Functions of the count are
carried backwards, :math:`h\mapsto Ph`; nothing is ever subtracted.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["binomial_pmf", "carried_back"]

Array = NDArray[np.float64]

_SPARSE_STEPS = 4096  # beyond, powers of the dense matrix are cheaper


def binomial_pmf(count: int | Array, x: Array, share: Array, rest: Array) -> Array:
    r""":math:`\binom nx p^x(1-p)^{n-x}` to a few units of rounding, all broadcast; `rest` is 1 - p.

    By the deviance from the mean, so that large logarithms do not cancel (Loader 2000).
    """
    count = np.asarray(count, dtype=float)
    x, share, rest = np.broadcast_arrays(np.asarray(x, dtype=float), share, rest)
    left = count - x
    inner = (x > 0) & (left > 0) & (share > 0) & (rest > 0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        log = _stirling_error(count) - _stirling_error(x) - _stirling_error(left)
        log = log - _deviance(x, count * share) - _deviance(left, count * rest)
        usual = np.exp(log) * np.sqrt(count / (2 * math.pi * x * left))
        none = np.exp(count * np.where(share < 0.5, np.log1p(-share), np.log(rest)))
        every = np.exp(count * np.where(share < 0.5, np.log(share), np.log1p(-rest)))
    ends = np.where(x == 0, none, np.where(left == 0, every, 0.0))
    return np.where(inner, usual, ends)


def _stirling_error(x: Any) -> Any:
    r""":math:`\log x!-(x+\tfrac12)\log x+x-\tfrac12\log2\pi`."""
    small = np.array([_small_stirling_error(k) for k in range(16)])
    large = np.maximum(x, 16.0)
    square = 1 / (large * large)
    series = (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 * square) * square) * square) * square) / large
    return np.where(
        np.asarray(x) < 16, small[np.minimum(x, 15.0).astype(int)] if np.ndim(x) else small[int(min(x, 15))], series
    )


@lru_cache(maxsize=16)
def _small_stirling_error(k: int) -> float:
    return math.log(math.factorial(k) * math.exp(k) / (k**k * math.sqrt(2 * math.pi * k))) if k else 0.0


def _deviance(x: Array, mean: Array) -> Array:
    r""":math:`x\log(x/M)-x+M`, near its zero by a series."""
    v = (x - mean) / (x + mean)
    square = v * v
    series = np.zeros_like(v)
    for k in range(19, 1, -2):
        series = (series + 1 / k) * square
    near = (x - mean) * v + 2 * x * v * series
    return np.where(abs(v) < 0.1, near, x * np.log(x / mean) - x + mean)


@lru_cache(maxsize=4)
def _step(count: int) -> Any:
    """The matrix of one resampling, (n + 1, n + 1), sparse: entries below 1e-20 or so are left out."""
    from scipy.sparse import csr_array

    x = np.arange(count + 1.0)
    reach = np.ceil(10 * np.sqrt(x * (1 - x / count)) + 40)
    low, high = np.maximum(x - reach, 0).astype(int), np.minimum(x + reach, count).astype(int)
    width = high - low + 1
    ends = np.concatenate([[0], np.cumsum(width)])
    columns = np.arange(ends[-1]) - np.repeat(ends[:-1] - low, width)
    share = np.repeat(x / count, width)
    entries = binomial_pmf(count, columns.astype(float), share, np.repeat((count - x) / count, width))
    return csr_array((entries, columns, ends), shape=(count + 1, count + 1))


def carried_back(count: int, steps: int, values: Array) -> Array:
    r""":math:`P^{\mathrm{steps}}h` for functions of the count, (n + 1, functions)."""
    # What has not been lost or fixed by then decays as (1 - 1/n)^steps, below rounding.
    steps = min(steps, 60 * count)
    matrix = _step(count)
    if steps > _SPARSE_STEPS:
        return np.asarray(np.linalg.matrix_power(matrix.toarray(), steps) @ values)
    for _ in range(steps):
        values = matrix @ values
    return values
