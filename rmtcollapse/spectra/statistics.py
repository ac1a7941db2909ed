r"""Linear spectral statistics of sample covariances, and their central limit theorem.

For :math:`\sum_i f(\hat\lambda_i)` of :math:`S = T^{1/2}ZZ'T^{1/2}/n` with real Gaussian Z, p x n (Bai and Silverstein
2004, theorem 1.1; their contour integrals are taken to the real axis here): centred at :math:`p\int f\,dF`, it is
asymptotically normal with

.. math:: \text{bias} = \frac1{2\pi}\int f'(x)\arg Z'(w(x))\,dx, \qquad
   \text{variance} = \frac1{2\pi^2}\iint f'(x)f'(y)\log\Big|\frac{w_x - \bar w_y}{w_x - w_y}\Big|^2 dx\,dy,

w and Z as in `rmtcollapse.spectra.sample_covariance`. For complex Gaussian Z the bias is 0 and the variance half of it.
Entries with another fourth moment add terms that are not covered.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.spectra._quantile import tanh_sinh
from rmtcollapse.spectra.estimate import FloatArray
from rmtcollapse.spectra.sample_covariance import SampleCovariance

__all__ = ["LinearStatistic", "linear_statistic"]


@dataclass(frozen=True)
class LinearStatistic:
    """Gaussian limit of a sum over all p eigenvalues.

    Attributes
    ----------
    mean : float
        Of f over the limiting law: the sum is centred at p times this.
    bias : float
        Limit of the expected sum less p times `mean`.
    variance : float
        Limit of the variance of the sum.
    """

    mean: float
    bias: float
    variance: float


def linear_statistic(
    law: SampleCovariance,
    function: Callable[[FloatArray], ArrayLike],
    derivative: Callable[[FloatArray], ArrayLike],
    *,
    complex_entries: bool = False,
) -> LinearStatistic:
    """Mean, bias and variance of the sum of f over the eigenvalues of a sample covariance with Gaussian entries.

    Parameters
    ----------
    law : SampleCovariance
        Its bulks must stay away from 0 (ratio not 1) unless f is smooth there. Zero eigenvalues count in the mean only.
    function, derivative : callable
        f and f' of an array of eigenvalues; f analytic on the bulks.
    complex_entries : bool
        Complex instead of real Gaussian entries.

    Raises
    ------
    ConvergenceError
        If the double integral does not settle to 1e-8 of its size.
    """
    if not isinstance(law, SampleCovariance):
        raise ParameterError("law", law, "a SampleCovariance: the theorem is about them")
    mean = law.integrate(function)
    variance = _settled(law, derivative, _variance, 0.0)
    if complex_entries:
        return LinearStatistic(mean, 0.0, variance / 2)
    return LinearStatistic(mean, _settled(law, derivative, _bias, math.sqrt(max(variance, 0.0))), variance)


def _settled(law: SampleCovariance, derivative: Callable[[FloatArray], ArrayLike], rule: Any, size: float) -> float:
    """Double the nodes until the value stays, to 1e-8 of itself or of `size`."""
    previous, count = math.nan, 32
    while count <= (8192 if rule is _bias else 2048):
        current = float(rule(law, derivative, count))
        if abs(current - previous) <= 1e-8 * max(abs(current), size):
            return current
        previous, count = current, 2 * count
    raise ConvergenceError(
        f"the integral of the statistic did not settle (last {previous:.6g}): give the derivative of the function, and "
        "keep the function analytic on the bulks"
    )


def _nodes(law: SampleCovariance, derivative: Callable[[FloatArray], ArrayLike], angle: FloatArray) -> tuple[Any, ...]:
    """At angles (count,) in every bulk (bulks, count): f' dx, Z'(w), w, and dw, per unit of angle."""
    left, right = law._edges
    half = (right - left)[:, None] / 2
    crowd = _crowding(left, right)[:, None]
    turned = 2 * np.arctan2(crowd * np.sin(angle / 2), np.cos(angle / 2))
    rate = crowd / (np.cos(angle / 2) ** 2 + crowd**2 * np.sin(angle / 2) ** 2)
    x = left[:, None] + 2 * half * np.sin(turned / 2) ** 2
    solved = law._solve(x.ravel() + 0j)
    slopes = np.asarray(derivative(x.ravel()), float).reshape(x.shape)
    speed, change = solved.speed[0].reshape(x.shape), half * np.sin(turned) * rate
    return slopes * change, 1 / speed, solved.u[0].reshape(x.shape), speed * change


def _crowding(left: FloatArray, right: FloatArray) -> FloatArray:
    """Slope (bulks,), at angle 0, of a map of the circle that crowds nodes where 0 or another bulk is near."""
    before, after = left - np.append(0.0 if left[0] > 0 else -np.inf, right[:-1]), np.append(left[1:], np.inf) - right
    near = [np.minimum(1.0, np.maximum(gap / (right - left), 1e-8)) for gap in (before, after)]
    crowd: FloatArray = (near[0] / near[1]) ** 0.25
    return crowd


def _bias(law: SampleCovariance, derivative: Callable[[FloatArray], ArrayLike], count: int) -> float:
    # the argument of Z' jumps at the edges, and turns fast beside a narrow gap: nodes crowd towards both ends
    angle, weight = tanh_sinh(0.0, np.pi, int(np.log2(count)))
    inside = (angle > 1e-6) & (angle < np.pi - 1e-6)  # f' dx vanishes there like the angle
    change, slope, _, _ = _nodes(law, derivative, angle[inside])
    return float(np.sum(weight[inside] * change * np.angle(slope)) / (2 * np.pi))


def _variance(law: SampleCovariance, derivative: Callable[[FloatArray], ArrayLike], count: int) -> float:
    """Spectrally accurate: inside a bulk over the whole period, on which w(-angle) is the conjugate of w(angle)."""
    weight, _, w, dw = _nodes(law, derivative, (np.arange(count) + 0.5) * np.pi / count)
    step = np.pi / count
    total = 0.0
    singular = _singular_rule(count)
    for i in range(len(w)):
        total -= 2 * step * _inside(weight[i], w[i], dw[i], singular)
        for j in range(len(w)):
            if i != j:
                kernel = np.log(np.abs((w[i][:, None] - w[j].conj()) / (w[i][:, None] - w[j])))
                total += 2 * step**2 * float(weight[i] @ kernel @ weight[j])
    return total / (2 * np.pi**2)


def _singular_rule(count: int) -> NDArray[Any]:
    r"""Weights (count, 2 count) that integrate :math:`\log|2\sin((\theta-\theta')/2)|` against a periodic function.

    Nodes are the midpoints of count cells a half period; exact for trigonometric polynomials (Kress, Linear integral
    equations, section 12.3).
    """
    nodes = 2 * count
    distance = np.arange(nodes) * np.pi / count
    order = np.arange(1, count)
    sums = np.cos(np.outer(distance, order)) @ (1 / order) + np.cos(count * distance) / (2 * count)
    row = -np.pi / count * sums
    index = (np.arange(count)[:, None] + count - np.arange(nodes)) % nodes
    return np.asarray(row[index])


def _inside(weight: NDArray[Any], w: NDArray[Any], dw: NDArray[Any], singular: NDArray[Any]) -> float:
    count = w.size
    angle = (np.arange(-count, count) + 0.5) * np.pi / count
    whole = np.concatenate([w[::-1].conj(), w])
    odd = np.concatenate([-weight[::-1], weight])
    with np.errstate(divide="ignore", invalid="ignore"):
        smooth = np.log(np.abs((w[:, None] - whole) / (2 * np.sin((angle[count:, None] - angle) / 2))))
    smooth[np.arange(count), count + np.arange(count)] = np.log(np.abs(dw))
    return float(weight @ (singular + np.pi / count * smooth) @ odd)
