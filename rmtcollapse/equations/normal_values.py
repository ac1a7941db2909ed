r"""Functions of :mod:`rmtcollapse.equations.normal` in double precision: sums of terms of one sign.

:math:`\Phi_2` is an integral over the angle at which the two variables stand to each other, from the nearest position
at which it is known (Plackett 1954): perpendicular for *r* >= 0, opposite for *r* < 0. Loads SciPy when called.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "angle_share",
    "binormal_cdf",
    "height",
    "kept_bound",
    "kept_pull",
    "kept_push",
    "kept_square",
    "less_product",
    "normal_pdf",
    "quotient",
]

Array = NDArray[np.float64]
_ROOT = math.sqrt(2)
_PEAK = 1 / math.sqrt(2 * math.pi)
_SATURATED = 9.0  # erf(9 / sqrt 2) is 1 in double precision
_FAR = 12.0  # where the normal density is 0 beside anything that its integral contains
_NODES = 24
_VANISHED = 40.0  # exp(-40**2 / 2) is 0 beside anything that the integral contains


def normal_pdf(x: float) -> float:
    """Standard normal density."""
    return _PEAK * math.exp(-0.5 * x * x)


def less_product(a: float, b: float, c: float) -> float:
    """The difference a - b c, rounded once."""
    return float(Fraction(a) - Fraction(b) * Fraction(c))


def quotient(a: float, b: float) -> float:
    """The quotient a / b, 0 where both vanish."""
    return a / b if a or b else 0.0


def height(x: float, y: float, z: float) -> float:
    """Distance of a unit vector from the plane of two others, rounded once."""
    a, b, c = Fraction(x), Fraction(y), Fraction(z)
    square = (1 + 2 * a * b * c - a * a - b * b - c * c) / (1 - c * c) if abs(c) != 1 else 1 - a * a
    return math.sqrt(max(0.0, float(square)))


def angle_share(y: float, x: float) -> float:
    """Angle of (x, y) in units of pi."""
    return math.atan2(y, x) / math.pi


def kept_bound(share: float, easy: float) -> float:
    """Where the absolute value of a normal variable is cut, so that `share` is below (above, for `easy`)."""
    from scipy.special import erfcinv, erfinv

    return float(_ROOT * (erfcinv(share) if easy else erfinv(share)))


def kept_square(bound: float, easy: float) -> float:
    """Second moment of the kept part: a chi-square distribution function of three degrees of freedom."""
    from scipy.special import gammainc, gammaincc

    return float((gammaincc if easy else gammainc)(1.5, bound * bound / 2))


def _side(rho: float) -> tuple[float, float]:
    """sqrt(1 - rho^2) without cancellation, and rho over it."""
    side = math.sqrt((1 - rho) * (1 + rho))
    return side, rho / side if side else math.copysign(math.inf, rho)


def _over(bound: float, side: float) -> float:
    return bound / side if side else (math.inf if bound else 0.0)


def kept_push(bound: float, rho: float, easy: float) -> float:
    """Mean of label times the variable that is not cut."""
    side, _ = _side(rho)
    if not side:
        return 0.0
    share = (math.erfc if easy else math.erf)(_over(bound, side) / _ROOT)
    return 2 * _PEAK * side * share


def kept_pull(bound: float, rho: float, easy: float) -> float:
    """Mean of label times the variable that is cut."""
    if rho == 0:
        return 0.0
    side, slope = _side(abs(rho))
    sign = math.copysign(1.0, rho)
    if easy:
        known = math.erf(slope * bound / _ROOT) if bound else 0.0
        return sign * 2 * (normal_pdf(bound) * known + abs(rho) * _PEAK * math.erfc(_over(bound, side) / _ROOT))
    # Where the label is not certain by quadrature, beyond that in closed form.
    edge = min(bound, _SATURATED / slope, _FAR)
    certain = -2 * normal_pdf(edge) * math.expm1((edge - bound) * (edge + bound) / 2) if bound > edge else 0.0
    return sign * (certain + _uncertain(edge, slope))


def _uncertain(edge: float, slope: float) -> float:
    """Integral of 2 g pdf(g) erf(slope g / sqrt 2) from 0 to `edge`."""
    from scipy.special import erf

    if edge == 0:
        return 0.0
    g, weight = _panels(np.linspace(0.0, edge, 9))
    return float(weight @ (2 * g * _PEAK * np.exp(-g * g / 2) * erf(slope * g / _ROOT)))


@cache
def _rule() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights


def _panels(ends: Array) -> tuple[Array, Array]:
    """Nodes and weights of Gauss-Legendre quadrature on every panel."""
    x, w = _rule()
    half = np.diff(ends)[:, None] / 2
    return (ends[:-1, None] + half * (1 + x)).ravel(), (half * w).ravel()


def binormal_cdf(h: float, k: float, r: float) -> float:
    """Bivariate normal distribution function, to a few roundings of itself in the tails too."""
    angle = math.atan2(math.sqrt((1 - r) * (1 + r)), r)
    if r >= 0:
        if r == 1:
            return _cdf(min(h, k))
        return _cdf(h) * _cdf(k) + _angular(h, k, angle, math.pi / 2)
    return _between(-k, h) + _angular(h, -k, 0.0, math.atan2(math.sqrt((1 - r) * (1 + r)), -r))


def _cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / _ROOT)


def _between(low: float, high: float) -> float:
    """Normal probability of an interval, 0 where it is empty."""
    if high <= low:
        return 0.0
    if high - low < 1:
        x, weight = _panels(np.array([low, high]))
        return float(weight @ np.exp(-x * x / 2)) * _PEAK
    return _cdf(-low) - _cdf(-high) if low + high > 0 else _cdf(high) - _cdf(low)


def _angular(h: float, k: float, low: float, high: float) -> float:
    """Integral of exp(-(h - k)^2 / (2 sin^2) - h k / (1 + cos)) / (2 pi) over angles in (low, high)."""
    apart = abs(h - k)
    low = max(low, min(apart / _VANISHED, high))
    if low >= high:
        return 0.0
    # Panels over which neither term changes much: even in apart / t, then doubling; and narrow where h k is large.
    first = max(low, apart) if apart else high / 2**6
    doubled = first * 2.0 ** np.arange(0, max(math.log2(high / first), 1))
    even = apart / np.arange(1.0, _VANISHED, 0.75)
    narrow = np.arange(low, high, 8 / (4 + abs(h * k)))
    places = np.unique(np.concatenate((np.array([low, high]), doubled, even, narrow)))
    t, weight = _panels(places[(places >= low) & (places <= high)])
    sine = np.sin(t)
    return float(weight @ np.exp(-((h - k) ** 2) / (2 * sine**2) - h * k / (1 + np.cos(t)))) / (2 * math.pi)
