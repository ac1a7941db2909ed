"""Minimise a model's test error over its ridge, to near full precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rmtcollapse.models._base import Model

__all__ = ["best_count", "least_point", "least_share", "smooth_minimum"]

_ROUNDING = 16 * float(np.finfo(float).eps)


def smooth_minimum(model: Model, value: str = "test_error") -> float:
    r"""The :math:`\lambda\ge0` at which ``model.theory()[value]`` is least.

    A scan over :math:`\log\lambda` finds the lowest valley; a Chebyshev interpolant of the value in that valley is then
    differentiated. Interpolating keeps the precision of the value itself, where comparing values near a minimum would
    lose half the digits. Returns 0.0 or inf if the value decreases all the way to that end.
    """

    def at(log_ridge: float) -> float:
        return float(model.evolve(ridge=math.exp(log_ridge)).theory()[value])

    scale = math.log(model.spectrum.trace / model.spectrum.dimension)
    return least_point(at, float(model.evolve(ridge=0.0).theory()[value]), scale)


def least_point(at: Callable[[float], float], at_zero: float, centre: float = 0.0) -> float:
    """The x >= 0 at which a value is least, from the value as a function of log x and its limit at 0; 0.0 or inf."""
    grid = centre + np.linspace(-30.0, 30.0, 121)
    values = np.array([at(x) for x in grid])
    best = int(np.argmin(values))
    # Flat to rounding towards zero: the limit is the minimum.
    if at_zero <= values[best] * (1 + 1e-14):
        return 0.0
    if best in (0, len(grid) - 1):
        return 0.0 if best == 0 else math.inf
    return math.exp(_stationary(at, grid[best - 1], grid[best + 1]))


def least_share(at: Callable[[float], float]) -> float:
    """The x in [1e-6, 1] at which a value is least, from the value as a function of x."""
    grid = np.linspace(math.log(1e-6), 0.0, 97)
    values = [at(math.exp(x)) for x in grid]
    best = int(np.argmin(values))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = math.exp(_stationary(lambda x: at(math.exp(min(x, 0.0))), low, high))
    return min(found, 1.0) if at(min(found, 1.0)) < values[best] else math.exp(grid[best])


def _stationary(function: Callable[[float], float], low: float, high: float) -> float:
    """Zero of the derivative in a valley, through ever narrower Chebyshev interpolants."""
    for _ in range(3):
        fit = np.polynomial.Chebyshev.interpolate(np.vectorize(function), 20, domain=[low, high])
        slope = fit.deriv()
        inside = [float(r.real) for r in slope.roots() if abs(r.imag) < 1e-9 and low <= float(r.real) <= high]
        centre = min(inside, key=fit) if inside else (low if fit(low) < fit(high) else high)
        width = 0.25 * (high - low)
        low, high = centre - width, centre + width
    return float(centre)


def best_count(at: Callable[[int], float], most: int) -> int:
    """The whole number from 1 to `most` at which a value is greatest, the least of several that agree to rounding.

    Found on a logarithmic grid that is refined around its best point, so that a peak as narrow as a few hundredths of
    its place may be missed.
    """
    low, high, found = 1, most, dict[int, float]()
    while True:
        grid = np.unique(np.round(np.geomspace(low, high, 64)).astype(int))
        for m in map(int, grid):
            if m not in found:
                found[m] = at(m)
        top = max(found.values())
        best = min(m for m, value in found.items() if value >= top - _ROUNDING * abs(top))
        place = int(np.searchsorted(grid, best))
        ends = int(grid[max(place - 1, 0)]), int(grid[min(place + 1, len(grid) - 1)])
        if ends[1] - ends[0] <= 2 or ends == (low, high):
            return best
        low, high = ends
