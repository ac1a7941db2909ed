r"""All gaps of 1 = g(u) = \sum_k A_k/(\tau_k - u)^2, A_k > 0: the edges of one free convolution of atoms, guaranteed.

Between neighbouring places g is strictly convex and infinite at both ends, so that there are no edges or two. No edges
if already the two neighbours alone keep g above 1, :math:`(A_i^{1/3}+A_{i+1}^{1/3})^3 \ge (\tau_{i+1}-\tau_i)^2`;
otherwise g is minimised by Newton's method on g', safeguarded by bisection, until g < 1 or a tangent shows that g > 1
in the whole bracket. Edges then follow by safeguarded Newton on the almost linear :math:`g^{-1/2} - 1`. Derived here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra._atom_sums import power_sums, unit_heights

__all__ = ["gaps_of_poles", "unit_height"]

ITERATIONS = 200


def _dips(places: NDArray[Any], weights: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Index of every gap that opens, and a point in it where g < 1."""
    roots = np.cbrt(weights)
    width = np.diff(places)
    index = np.flatnonzero((roots[:-1] + roots[1:]) ** 3 < width**2)
    left, right = places[index], places[index + 1]
    share = roots[index] / (roots[index] + roots[index + 1])
    # where the two neighbours alone would have their minimum
    u = np.clip(left + share * (right - left), np.nextafter(left, right), np.nextafter(right, left))
    found = np.full(index.size, np.nan)
    active = np.arange(index.size)
    for _ in range(ITERATIONS):
        if not active.size:
            break
        at = u[active]
        g, half_slope, third_curvature = power_sums(at, places, weights)
        slope, curvature = 2 * half_slope, 6 * third_curvature
        found[active[g < 1]] = at[g < 1]
        lowest = g + np.minimum(slope * (left[active] - at), slope * (right[active] - at))
        right[active] = np.where(slope > 0, at, right[active])
        left[active] = np.where(slope > 0, left[active], at)
        with np.errstate(all="ignore"):
            step = at - slope / curvature
        inside = (step > left[active]) & (step < right[active])
        u[active] = np.where(inside, step, (left[active] + right[active]) / 2)
        narrow = right[active] - left[active] <= 4 * np.spacing(np.abs(at))
        active = active[(g >= 1) & (lowest < 1) & ~narrow & (u[active] != at)]
    opened = np.isfinite(found)
    return index[opened], found[opened]


def _edge(near: NDArray[Any], far: NDArray[Any], places: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Roots of g = 1 between points `near` a pole, where g >= 1, and points `far` from it, where g < 1."""
    high, low, u = near.copy(), far.copy(), far.copy()
    result, index = np.empty_like(u), np.arange(u.size)
    for _ in range(ITERATIONS):
        g, third, _ = power_sums(u, places, weights)
        high, low = np.where(g >= 1, u, high), np.where(g >= 1, low, u)
        with np.errstate(all="ignore"):
            new = u + (g - g**1.5) / third  # Newton on g^{-1/2} - 1
        between = (new - high) * (new - low) < 0
        new = np.where(between, new, (high + low) / 2)
        width = 2 * np.spacing(np.abs(u))
        rest = (np.abs(new - u) > width) & (np.abs(high - low) > width)
        result[index[~rest]] = new[~rest]
        if not rest.any():
            return result
        high, low, u, index = high[rest], low[rest], new[rest], index[rest]
    raise ConvergenceError("an edge of the support was not found to rounding: merge atoms that are nearly equal")


def gaps_of_poles(places: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Maximal intervals (gaps, 2) of u where g < 1, increasing; the first starts at -inf, the last ends at inf."""
    keep = (np.sqrt(weights) > 4 * np.spacing(np.abs(places))) & (
        weights > 1e-280
    )  # no lighter atom opens a bulk as wide as rounding
    places, weights = (places[keep], weights[keep]) if keep.any() else (places, weights)
    reach = np.sqrt(weights.sum())
    index, dips = _dips(places, weights)
    own = np.sqrt(weights)
    points = np.array([places[0] - reach, *dips, places[-1] + reach])
    # just left of a place and just right of one, a single pole alone keeps g at 1 up to sqrt(A)
    rising = np.array([places[0], *places[index + 1]]) - np.array([own[0], *own[index + 1]])
    falling = np.array([*places[index], places[-1]]) + np.array([*own[index], own[-1]])
    first = points[:-1], points[1:]
    near = np.concatenate([rising, falling])
    far = np.concatenate([np.minimum(first[0], rising), np.maximum(first[1], falling)])
    upper, lower = _edge(near, far, places, weights).reshape(2, -1)
    result = np.full((dips.size + 2, 2), np.inf)
    result[0, 0] = -np.inf
    result[:-1, 1], result[1:, 0] = upper, lower
    return result


def unit_height(real: NDArray[Any], places: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    r"""Squared heights s (n,) with :math:`\sum_k A_k/((\tau_k - a)^2 + s) = 1` over points a (n,) inside bulks.

    1/g is increasing and concave in s: after one step, Newton's method for 1/g = 1 rises to the root from any start.
    """
    return unit_heights(real, places, weights, 1e-10, ITERATIONS)
