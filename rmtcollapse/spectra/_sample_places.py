r"""Where the Marchenko-Pastur law puts the eigenvalues of one sample covariance, and how they move with the population.

With *n* degrees of freedom, population eigenvalues :math:`t_j` of multiplicities :math:`k_j` (*d* in all) and a point
w = a + ib of the curve

.. math:: g(w) = \frac1n \sum_j \frac{k_j t_j^2}{|w-t_j|^2} = 1, \qquad b > 0,

the law has the abscissa x, and above it the number of eigenvalues N,

.. math:: x = \frac{|w|^2}{n} \sum_j \frac{k_j t_j}{|w-t_j|^2}, \qquad
          \pi N = \sum_j k_j \arg(w-t_j) + (n-d)\arg w - b \sum_j \frac{k_j t_j}{|w-t_j|^2} .

Both are monotone in a. (-1/w is the companion Stieltjes transform of Silverstein (1995): g = 1 is the imaginary part of
its equation, N its integral; both forms are derived here, cleared of cancellation by g = 1.) N is stationary in w, so
that the place :math:`q_i` where N has a given value moves by
:math:`\partial q_i/\partial t_j = k_j |w_i|^2/(n\,|w_i-t_j|^2)` (derived here).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["Places", "null_value", "places"]

EPS = float(np.finfo(np.float64).eps)
STEPS = 120


@dataclass(frozen=True)
class Places:
    """Points (m,) of the curve.

    Attributes
    ----------
    real, square : (m,) arrays
        a and b squared.
    x, count : (m,) arrays
        Abscissa of the law, and the number of eigenvalues above it.
    slope : (m,) array
        d(count)/da < 0.
    kernel : (m, p) array
        |w|^2 / (n |w - t|^2): derivative of x by t at fixed count, for an atom of multiplicity one.
    density : (m,) array
        Eigenvalues per unit of x.
    """

    real: FloatArray
    square: FloatArray
    x: FloatArray
    count: FloatArray
    slope: FloatArray
    kernel: FloatArray
    density: FloatArray


def places(t: FloatArray, k: FloatArray, n: float, levels: FloatArray) -> Places:
    """The points that have `levels` (m,) eigenvalues above them, for atoms t (p,) > 0 of multiplicities k (p,).

    Newton steps in a, safeguarded by bisection between neighbours of a first grid. Raises `ConvergenceError`.
    """
    left, right, square = _brackets(t, k, n, levels)
    a, open_ = (left + right) / 2, np.arange(levels.size)
    tolerance = 1e-8 * max(1.0, float(k.sum()))
    for _ in range(STEPS):
        point = _on_curve(a[open_], t, k, n, square[open_])
        square[open_], error = point.square, point.count - levels[open_]
        left[open_] = np.where(error > 0, point.real, left[open_])
        right[open_] = np.where(error < 0, point.real, right[open_])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = point.real - error / point.slope
        inside = (step > left[open_]) & (step < right[open_])
        far = np.abs(error) > tolerance
        a[open_] = np.where(far, np.where(inside, step, _between(left[open_], right[open_])), point.real)
        open_ = open_[far]
        if not open_.size:
            return _on_curve(a, t, k, n, square)
    cure = "give fewer or less uneven eigenvalues"
    raise ConvergenceError(
        f"{open_.size} of {levels.size} quantiles of the sample law not found in {STEPS} steps; {cure}"
    )


def null_value(t: FloatArray, n: int, dimension: int) -> float:
    r"""Mean variance along the null directions of n < d rows: :math:`n\kappa/(d-n)` where :math:`\sum t/(t+\kappa)=n`.

    -kappa is the real w at x = 0. All of t (p,) is positive, and n < p.
    """
    from scipy.optimize import brentq  # type: ignore[import-untyped, unused-ignore]

    def excess(log_kappa: float) -> float:
        return float(np.sum(t / (t + math.exp(log_kappa)))) - n

    low = math.log(t.min() / t.size) - 1  # p - n >= 1, and each missing share is at most kappa/t
    high = math.log(t.sum() / n) + 1e-9  # each share is at most t/kappa
    return n * math.exp(brentq(excess, low, high, xtol=1e-14)) / (dimension - n)


def _brackets(t: FloatArray, k: FloatArray, n: float, levels: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Neighbours on a grid of real parts with counts on either side of each level, and a first square of b."""
    reach = math.sqrt(float(np.sum(k * t * t)) / n)
    low, high = float(t.min()) - reach, float(t.max()) + reach
    tiny = 1e-6 * float(t.min())
    negative = -np.geomspace(max(-low, 2 * tiny), tiny, 40) if low < 0 else np.zeros(0)
    positive = np.geomspace(max(low, tiny) * (1 - 1e-9), high * (1 + 1e-9), 200)
    grid = np.concatenate([negative, positive])
    point = _on_curve(grid, t, k, n, np.full(grid.size, reach**2))
    after = np.clip(np.searchsorted(-point.count, -levels), 1, grid.size - 1)
    return grid[after - 1], grid[after], point.square[after]


def _between(left: FloatArray, right: FloatArray) -> FloatArray:
    """A middle: geometric where both ends are positive."""
    product = left * right
    geometric: FloatArray = np.where((left > 0) & (product > 0), np.sqrt(np.maximum(product, 0)), (left + right) / 2)
    return geometric


def _heights(a: FloatArray, t: FloatArray, k: FloatArray, n: float, square: FloatArray) -> FloatArray:
    """b squared on the curve above each a, or nearly 0 in a gap: Newton on 1/g - 1, which is concave in b squared.

    From any start the first iterate is below the root; from there they increase to it.
    """
    offsets, weights = (a[:, None] - t) ** 2, k * t * t / n
    floor = 1e-26 * a * a + 1e-200
    square = np.maximum(square, floor)
    for _ in range(STEPS):
        inverse = 1 / (offsets + square[:, None])
        g, descent = inverse @ weights, (inverse * inverse) @ weights
        old, square = square, np.maximum(square + g * (g - 1) / descent, floor)
        if np.all((np.abs(square - old) <= 1e-10 * square) | (np.abs(g - 1) <= 16 * EPS)):
            break
    return square


def _on_curve(a: FloatArray, t: FloatArray, k: FloatArray, n: float, square: FloatArray) -> Places:
    square = _heights(a, t, k, n, square)
    b, offsets = np.sqrt(square), a[:, None] - t
    inverse = 1 / (offsets**2 + square[:, None])
    level = inverse @ (k * t) / n
    angles = np.arctan2(b[:, None], offsets) @ k + (n - float(k.sum())) * np.arctan2(b, a)
    quartic, modulus = inverse * inverse, a * a + square
    even, odd = quartic @ (k * t * t) / n, (quartic * offsets) @ (k * t * t) / n
    density = n * b / (math.pi * modulus)
    slope = -2 * density * (square * even**2 + odd**2) / even
    count = (angles - n * b * level) / math.pi
    return Places(a, square, modulus * level, count, slope, modulus[:, None] * inverse / n, density)
