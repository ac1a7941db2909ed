"""What is done with a law's distribution function: quantiles, draws, integrals."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["Distribution", "draw", "integral", "over_bulk", "quantiles", "tanh_sinh", "values_of"]

TABLE_ERROR = 1e-10  # of the mass of the law, by which a table of the distribution function may be off


class Distribution(Protocol):
    """What is asked of a law here: the same names as in :class:`rmtcollapse.spectra.law.Law`."""

    @property
    def _closest(self) -> float: ...

    def support(self) -> list[tuple[float, float]]: ...

    def atoms(self) -> list[tuple[float, float]]: ...

    def masses(self) -> FloatArray: ...

    def density(self, x: FloatArray) -> Any: ...

    def cdf(self, x: ArrayLike) -> Any: ...


def _pieces(law: Distribution) -> list[tuple[float, float, float]]:
    """Atoms (place, place, mass) and bulks (left, right, mass), by place; an atom inside a bulk cuts it in two."""
    pieces = [(place, place, mass) for place, mass in law.atoms()]
    for (left, right), mass in zip(law.support(), law.masses(), strict=True):
        start, base, rest = left, float(law.cdf(left)), float(mass)
        for place, weight in law.atoms():
            if left < place < right:
                above = float(law.cdf(place))
                pieces.append((start, place, above - weight - base))
                start, base, rest = place, above, rest - pieces[-1][2]
        pieces.append((start, right, rest))
    return sorted(pieces)


def _cdf(law: Distribution, x: FloatArray, right: float) -> FloatArray:
    """Mass up to x (n,) in a piece that ends at `right`, without an atom that is there."""
    result: FloatArray = law.cdf(x) - np.where(x == right, dict(law.atoms()).get(right, 0.0), 0.0)
    return result


def _inside(left: float, right: float, angle: FloatArray) -> FloatArray:
    """x in a bulk at an angle in [0, pi]; an infinite end is reached at pi."""
    if math.isinf(right):
        return left + (1 + abs(left)) * np.tan(angle / 2) ** 2
    return np.where(
        angle < 2, left + (right - left) * np.sin(angle / 2) ** 2, right - (right - left) * np.cos(angle / 2) ** 2
    )


def quantiles(law: Distribution, q: FloatArray) -> FloatArray:
    """Smallest x with cdf(x) >= q, for q (n,) in [0, 1]."""
    from scipy.optimize.elementwise import find_root  # type: ignore[import-untyped, unused-ignore]

    pieces = _pieces(law)
    tops = np.cumsum([mass for *_, mass in pieces])
    tops[-1] = max(1.0, tops[-1])
    which = np.searchsorted(tops, q, side="left")
    result = np.empty(q.size)
    for i, (left, right, mass) in enumerate(pieces):
        here = np.flatnonzero(which == i)
        if left == right:
            result[here] = left
        elif here.size:
            base = tops[i] - mass if i else 0.0

            def miss(angle: FloatArray, level: FloatArray, ends: tuple[float, float] = (left, right)) -> Any:
                return _cdf(law, _inside(*ends, angle), ends[1]) - level

            level = np.clip(q[here], base, tops[i])
            brackets = np.zeros(here.size), np.full(here.size, np.pi - (1e-8 if math.isinf(right) else 0))
            at_low, at_high = miss(brackets[0], level) >= 0, miss(brackets[1], level) <= 0
            result[here] = np.where(at_low, left, right)
            open_ = ~(at_low | at_high)
            if open_.any():
                ends = brackets[0][open_], brackets[1][open_]
                options = {"xrtol": 4e-16, "xatol": 1e-300, "fatol": 0.0}
                found = find_root(miss, ends, args=(level[open_],), tolerances=options)
                result[here[open_]] = _inside(left, right, np.asarray(found.x))
    return result


def draw(law: Distribution, size: int | tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Independent draws from a law."""
    try:
        q = rng.random(size)
    except (TypeError, ValueError):
        raise ParameterError("size", size, "a nonnegative integer, or a tuple of them") from None
    pieces = _pieces(law)
    tops = np.cumsum([mass for *_, mass in pieces])
    flat = np.asarray(q).ravel()
    which = np.minimum(np.searchsorted(tops, flat, side="right"), len(pieces) - 1)
    result = np.empty(flat.size)
    for i, (left, right, mass) in enumerate(pieces):
        here = np.flatnonzero(which == i)
        if left == right or not here.size:
            result[here] = left
        else:
            angles, heights, slopes = _table(law, left, right)
            level = heights[0] + (heights[-1] - heights[0]) * (flat[here] - tops[i] + mass) / mass
            result[here] = _inside(left, right, _invert(angles, heights, slopes, level))
    return result.reshape(np.shape(q))


def _hermite(s: FloatArray, width: FloatArray, ends: tuple[FloatArray, ...]) -> FloatArray:
    """Cubic at s in [0, 1] from values and slopes at both ends."""
    a, b, da, db = ends
    result: FloatArray = a + (b - a) * s * s * (3 - 2 * s) + width * s * (1 - s) * ((1 - s) * da - s * db)
    return result


def _table(law: Distribution, left: float, right: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Distribution function and its slope over the angle, at angles that are dense enough for cubics between them."""
    top = np.pi - (1e-6 if math.isinf(right) else 0)

    def evaluate(angle: FloatArray) -> tuple[FloatArray, FloatArray]:
        x = _inside(left, right, angle)
        speed = (right - left) / 2 * np.sin(angle)
        if math.isinf(right):
            speed = (1 + abs(left)) * np.tan(angle / 2) / np.cos(angle / 2) ** 2
        with np.errstate(invalid="ignore"):
            slope = np.where((angle > 0) & (angle < np.pi), law.density(x) * speed, 0.0)
        return _cdf(law, x, right), np.nan_to_num(slope, posinf=0.0)

    angles = np.linspace(0, top, 65)
    heights, slopes = evaluate(angles)
    active = np.ones(64, bool)
    while active.any() and angles.size < 50_000:
        start = np.flatnonzero(active)
        middle = (angles[start] + angles[start + 1]) / 2
        found, found_slopes = evaluate(middle)
        ends = heights[start], heights[start + 1], slopes[start], slopes[start + 1]
        poor = np.abs(_hermite(np.full(start.size, 0.5), np.diff(angles)[start], ends) - found) > TABLE_ERROR
        flags = np.zeros(angles.size - 1, bool)
        flags[start] = poor & (np.diff(angles)[start] > 1e-6)
        order = np.argsort(np.concatenate([angles, middle]), kind="stable")
        both = np.concatenate([np.append(flags, False), poor])[order]
        angles = np.concatenate([angles, middle])[order]
        heights = np.concatenate([heights, found])[order]
        slopes = np.concatenate([slopes, found_slopes])[order]
        active = both[:-1]
    return angles, np.maximum.accumulate(heights), slopes


def _invert(angles: FloatArray, heights: FloatArray, slopes: FloatArray, level: FloatArray) -> FloatArray:
    """Angles at which the piecewise cubic distribution function reaches `level`."""
    i = np.clip(np.searchsorted(heights, level) - 1, 0, angles.size - 2)
    width = angles[i + 1] - angles[i]
    ends = heights[i], heights[i + 1], slopes[i], slopes[i + 1]
    low, high = np.zeros(level.size), np.ones(level.size)
    for _ in range(45):
        middle = (low + high) / 2
        below = _hermite(middle, width, ends) < level
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return angles[i] + width * (low + high) / 2


def integral(law: Distribution, function: Callable[[FloatArray], ArrayLike]) -> float:
    """Integral of a function over a law."""
    total = 0.0
    for place, mass in law.atoms():
        total += mass * float(np.asarray(function(np.array([place])), float).ravel()[0])
    for (left, right), mass in zip(law.support(), law.masses(), strict=True):
        total += over_bulk(law, function, left, right, float(mass))
    return total


def over_bulk(
    law: Distribution, function: Callable[[FloatArray], ArrayLike], left: float, right: float, mass: float | None = None
) -> float:
    """Integral of a function over the continuous part between two edges, of a known mass."""
    rules = [tanh_sinh] if math.isinf(right) else [_midpoints, tanh_sinh]
    previous = math.nan
    for rule in rules:
        for level in range(5, 13):
            x, weight = rule(left, right, level)
            keep = (x - left > law._closest) & (x < right) & (weight > 0)
            shares = weight[keep] * law.density(x[keep])
            terms = _weighted(function, x[keep], shares)
            if not np.all(np.isfinite(terms)):
                break
            current, size = math.fsum(terms), math.fsum(np.abs(terms))
            # an end too singular for doubles would settle too, without a part of the mass or of the function
            whole = mass is None or abs(math.fsum(shares) - mass) <= 1e-10
            whole &= rule is _midpoints or abs(terms[0]) <= 1e-12 * size
            if whole and abs(current - previous) <= 1e-13 * size:
                return current
            previous = current
    current = _adaptive(law, function, left, right)
    if math.isfinite(current) and (mass is None or abs(_adaptive(law, np.ones_like, left, right) - mass) <= 1e-9):
        return current
    raise ConvergenceError(
        f"the integral over [{left:.6g}, {right:.6g}] did not settle (last {previous:.9g}): the function has to be "
        "analytic inside, and integrable at the ends"
    )


def _adaptive(law: Distribution, function: Callable[[FloatArray], ArrayLike], left: float, right: float) -> float:
    """By bisection in the angle, for bulks that touch inside and functions with kinks; ``nan`` if that fails too."""
    from scipy.integrate import cubature

    def terms(angle: FloatArray) -> FloatArray:
        x = _inside(left, right, angle[:, 0])
        return _weighted(function, x, law.density(x) * (right - left) / 2 * np.sin(angle[:, 0]))

    if math.isinf(right):
        return math.nan
    with np.errstate(invalid="ignore"):
        found = cubature(terms, [0.0], [math.pi], rtol=1e-12, atol=1e-13, max_subdivisions=400)
    value, error = float(found.estimate), float(found.error)
    return value if error <= 1e-11 * max(1.0, abs(value)) else math.nan


def values_of(function: Callable[[FloatArray], ArrayLike], x: FloatArray) -> FloatArray:
    """The values (n,) of a function at x (n,), or a refusal of other shapes."""
    values = np.asarray(function(x), float)
    if values.shape != x.shape:
        raise ParameterError("shape of function(x)", values.shape, f"{x.shape}, that of x")
    return values


def _weighted(function: Callable[[FloatArray], ArrayLike], x: FloatArray, weights: FloatArray) -> FloatArray:
    with np.errstate(all="ignore"):  # a value that is not finite makes a rule fail
        return values_of(function, x) * weights


def _midpoints(left: float, right: float, level: int) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights in the angle: geometric convergence for edges that are square roots, or their inverses."""
    angle = (np.arange(2**level) + 0.5) * np.pi / 2**level
    return _inside(left, right, angle), (right - left) / 2 * np.sin(angle) * np.pi / 2**level


def tanh_sinh(left: float, right: float, level: int) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of Takahasi and Mori 1974, for any integrable ends; their exp-sinh rule for an infinite one."""
    step = 2.0 ** (3 - level)
    t = np.arange(-6.5, 6.5 + step / 2, step)
    s = np.pi / 2 * np.sinh(t)
    rate = step * np.pi / 2 * np.cosh(t)
    with np.errstate(over="ignore", under="ignore"):
        if math.isinf(right):
            grown = (1 + abs(left)) * np.exp(s)
            return left + grown, grown * rate
        near = 1 / (1 + np.exp(2 * np.abs(s)))
        x = np.where(s < 0, left + (right - left) * near, right - (right - left) * near)
        return x, (right - left) * 2 * rate * near * (1 - near)
