r"""Products of many free layers, in logarithms: the equation, Newton's method, continuation.

A layer is a weight matrix times a diagonal of slopes. With :math:`\xi` the argument of one layer's
:math:`u=E\,c\xi/(1-c\xi)`, *c* the squared slopes relative to the largest, the product of *L* layers of mean
square :math:`\chi` has :math:`u=\int x/(z-x)\,dF(x)` at

.. math:: \log z = \log\frac{1+u}{u} + L\Big(\log\frac{u}{1+u}+\log T(u)-\log\xi+\log\frac\chi{Ec}\Big),\qquad
          T=\tfrac12\Big(1+2gu+\sqrt{1+4g(1-g)u}\Big),

all logarithms principal. *T* is the reciprocal S transform of weights that are a share :math:`1-g` Haar and *g* of
independent entries: :math:`1+u` for independent entries, 1 for orthogonal matrices. **The logarithms are essential**:
as a polynomial in :math:`\xi` the equation has more than *L* roots, several of them in the upper half plane. In
logarithms, *z* in the lower half plane (or real, in a bulk) has exactly one :math:`\xi` in the upper half plane: the
equation maps the sector :math:`-\arg z\le\arg\xi<\pi` into itself, and no solution is outside it. A root that is found
there is the right one. The unknown is :math:`\lambda=\log\xi`, which keeps its digits at both ends.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra._arithmetic import EPS
from rmtcollapse.spectra._layer_gains import COARSEST, Gains, SlopeGains, log_mean_gain, mean_gain
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["ComplexArray", "Here", "Layers", "Room", "log1p", "without"]

ComplexArray: TypeAlias = NDArray[Any]
Room: TypeAlias = Callable[[NDArray[Any]], NDArray[np.float64]]
CHUNK = 2_000_000  # nodes times points that are held at once


@dataclass
class Here:
    """What belongs to points :math:`\\lambda` (n,): log z, its slope, the roundings of log z and of its imaginary part,
    u, 1 + u, and the slope of u."""

    log_z: ComplexArray
    slope: ComplexArray
    rounding: NDArray[np.float64]
    turning: NDArray[np.float64]
    u: ComplexArray
    s: ComplexArray
    du: ComplexArray


@dataclass(frozen=True)
class Layers:
    """So many layers of one kind.

    Attributes
    ----------
    depth : int
        Layers, L.
    gains : Gains
        Law of the squared slopes.
    noise : float
        Share g of independent entries in the weights, in [0, 1].
    gain : float
        Mean square of one layer.
    """

    depth: int
    gains: Gains
    noise: float
    gain: float

    @cached_property
    def log_gain(self) -> float:
        """log of the mean square of one layer."""
        return math.log(self.gain)

    @cached_property
    def mean(self) -> float:
        """Mean relative gain."""
        return mean_gain(self.gains)

    @cached_property
    def log_scale(self) -> float:
        """log of the mean square over the mean relative gain."""
        return self.log_gain - log_mean_gain(self.gains)

    @property
    def path_level(self) -> int:
        """Level of the quadrature on the way to a place, and the first at the place."""
        return min(self.gains.first + 1, self.gains.levels)

    def sums(
        self, lam: ComplexArray, level: int, turned: NDArray[np.bool_] | None = None
    ) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
        """u, 1 + u and the slope of u in lambda, at lambda (n,).

        Where `turned`, :math:`\\xi=-e^\\lambda`: lambda is then small where xi is nearly negative.
        """
        return self.cut_sums(lam, level, turned)[:3]

    def cut_sums(
        self, lam: ComplexArray, level: int, turned: NDArray[np.bool_] | None = None
    ) -> tuple[ComplexArray, ComplexArray, ComplexArray, NDArray[np.float64]]:
        """The same, and the share of 1 + u of the nodes' end."""
        found = np.empty((4, lam.size), complex)
        half = np.zeros(lam.size, bool) if turned is None else turned
        with np.errstate(all="ignore"):
            pole = self.gains.pole(lam.real + 1j * np.maximum(lam.imag + np.pi * half, 0.0))
        if pole is None:
            self._rule(lam, level, (), np.arange(lam.size), half, found)
            u, s, du, left = found
        else:
            step = COARSEST / 2**level
            near = np.abs(pole[0].real / step % 1 - 0.5) > 0.25  # to a node, rather than to the middle of two
            far = pole[0].real > 7
            for kind in itertools.product((False, True), repeat=2):
                self._rule(lam, level, kind, np.flatnonzero((near == kind[0]) & (far == kind[1])), half, found)
            residue, slope = self._residues(lam, half, pole, step, near)
            u, s, du, left = found[0] + residue, found[1] + residue, found[2] + slope, found[3]
        with np.errstate(all="ignore"):
            short = np.exp(np.minimum(left.real - np.log(np.abs(s)), 0.0))
        return u.real + 1j * s.imag, s, du, short  # where xi is large, u has no digits of its imaginary part

    def _residues(
        self, lam: ComplexArray, half: NDArray[np.bool_], pole: Any, step: float, near: NDArray[np.bool_]
    ) -> tuple[ComplexArray, ComplexArray]:
        """What the rule lacks of u and of its slope; the pole of lambda - 2 pi i, mirrored, is as near for xi < 0."""
        residue, slope = _residue(pole, step, near)
        behind = np.flatnonzero(lam.imag + np.pi * half > np.pi / 2)
        if behind.size:
            with np.errstate(all="ignore"):
                mirrored = self.gains.pole(lam[behind].conj() + 1j * np.pi * (2 - half[behind]))
            assert mirrored is not None
            for total, part in zip((residue, slope), _residue(mirrored, step, near[behind]), strict=True):
                total[behind] += part.conj()
        return residue, slope

    def _rule(
        self, lam: ComplexArray, level: int, kind: tuple[bool, ...], index: NDArray[Any], turned: NDArray[np.bool_],
        found: ComplexArray,
    ) -> None:  # fmt: skip
        """The trapezoid rule alone, at the places `index`, into `found`."""
        if not index.size:
            return
        gain, loss, weight = self.gains.nodes(level, *kind)
        step = max(1, CHUNK // gain.size)
        ends = [0, -1] if kind == () else [-1]
        with np.errstate(divide="ignore"):  # what has no ends at the reach, or is followed by a slope of 0
            beyond = np.log(weight[ends] * (gain[ends] > 0) * isinstance(self.gains, SlopeGains))
        for i in range(0, index.size, step):
            part = index[i : i + step]
            half = turned[part]
            xi = np.exp(lam[part])
            below = without(lam[part], xi, gain, loss)
            if half.any():
                xi = np.where(half, -xi, xi)
                below[half] = 1 - gain * xi[half, None]
            inverse = 1 / below
            found[0, part] = xi * (inverse @ (weight * gain))
            found[1, part] = self.gains.zero + inverse @ weight
            if np.abs(xi).max() < 1e100:
                found[2, part] = xi * ((inverse * inverse) @ (weight * gain))
            else:  # no square may underflow
                found[2, part] = (xi[:, None] * inverse * inverse) @ (weight * gain)
            found[3, part] = np.max(np.log(np.abs(inverse[:, ends])) + beyond, axis=1)

    def weights(self, u: ComplexArray, s: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
        """T and its logarithmic slope in u, in forms that do not cancel."""
        g = self.noise
        if g in (0.0, 1.0):
            return (np.ones_like(u), np.zeros_like(u)) if g == 0 else (s, 1 / s)
        root = np.sqrt((1 - 2 * g) ** 2 + 4 * g * (1 - g) * s)
        T = g * s * (1 + root) / (root + (2 * g - 1)) if g >= 0.5 else (1 + root) * (1 + root - 2 * g) / (4 * (1 - g))
        return T, g * (1 + root - g) / (root * T)

    def at(self, lam: ComplexArray, level: int) -> Here:
        """Everything at lambda (n,), on one level of the quadrature."""
        L = self.depth
        u, s, du, short = self.cut_sums(lam, level)
        T, bend = self.weights(u, s)
        size, turn, bent, rounding = self._logarithms(lam, u, s, T)
        angle = (L - 1) * turn + L * (bent - lam.imag)
        slope = (L - 1) * du / (u * s) + L * (bend * du - 1)
        steep = 1 + self._steepness(lam, s, level)
        turning = 2 * EPS * steep * ((L - 1) * np.abs(turn) + L * (np.abs(bent) + np.abs(lam.imag)))
        cut = np.where(short > EPS, L * short, 0.0)
        rounding, turning = rounding + cut, turning + cut
        return Here(size + 1j * angle, slope, rounding, turning, u, s, du)

    def _steepness(self, lam: ComplexArray, s: ComplexArray, level: int) -> NDArray[np.float64]:
        """What rounding of the normal density at a pole is multiplied by, as far as the pole counts."""
        with np.errstate(all="ignore"):
            pole = self.gains.pole(lam)
            if pole is None:
                return np.zeros(lam.size)
            z, kappa, _ = pole
            share = 5 * np.abs(kappa) * np.exp(-(z * z).real / 2) / np.abs(s.imag)
            steps = 2**level / COARSEST
            counts = (z.imag < np.pi * steps) & (share > EPS)
        # of the density, and of the place of the pole between two nodes
        return np.where(counts, (np.abs(z) ** 2 + 2 * np.pi * np.abs(z) * steps) * np.fmin(share, 1.0), 0.0)

    def _logarithms(
        self, lam: ComplexArray, u: ComplexArray, s: ComplexArray, T: ComplexArray
    ) -> tuple[NDArray[np.float64], ...]:
        """log |z|, the arguments of u / (1 + u) and of T, and the rounding of the first."""
        L, g = self.depth, self.noise
        layer = np.abs(u * T) / (np.exp(lam.real) * np.abs(s) * self.mean)
        size = L * (np.log(layer) + self.log_gain) - np.log(np.abs(u) / np.abs(s))
        turn, bent = _argument(u / s), _argument(T)  # in one: it may be small beside both
        rounding = EPS * (L * (4 + np.abs(np.log(layer))) + np.abs(size) + 2)
        near = (np.abs(s) > 2) & (np.abs(lam) < 0.5)
        if near.any():  # laws as narrow as xi is near 1: nothing is added to 1
            first, root = log1p(-1 / s), np.sqrt(1 + 4 * g * (1 - g) * u)
            second = log1p(g * u * (1 + 2 * (1 - g) / (1 + root)))
            narrow = (L - 1) * first.real + L * (second.real - lam.real + self.log_scale)
            scale = abs(self.log_gain) + abs(self.log_scale - self.log_gain)
            parts = EPS * L * (3 * (np.abs(first) + np.abs(second) + np.abs(lam)) + scale)
            size, rounding = np.where(near, narrow, size), np.where(near, parts + EPS * np.abs(narrow), rounding)
            turn = np.where(near, np.maximum(first.imag, 0.0), turn)
            bent = np.where(near, np.maximum(second.imag, 0.0), bent)
        return size, turn, bent, rounding

    def start(self, log_z: ComplexArray) -> ComplexArray:
        """lambda where u is small."""
        begin: ComplexArray = self.depth * self.log_gain - np.log(self.mean) - log_z
        return begin


def without(lam: ComplexArray, xi: ComplexArray, gain: FloatArray, loss: FloatArray) -> ComplexArray:
    """1 - c xi, (n, nodes), in the form that does not cancel: from what c and xi lack of 1 where both are near it."""
    near = np.abs(xi) < 2
    if near.all():
        return -np.expm1(lam)[:, None] + loss * xi[:, None]
    if not near.any():
        return 1 - gain * xi[:, None]
    return np.where(near[:, None], -np.expm1(lam)[:, None] + loss * xi[:, None], 1 - gain * xi[:, None])


def _residue(
    pole: tuple[ComplexArray, ComplexArray, ComplexArray], step: float, shifted: NDArray[np.bool_]
) -> tuple[ComplexArray, ComplexArray]:
    r"""What the trapezoid rule lacks of u because of the poles at z and -z, and its slope in lambda.

    :math:`4\pi i\,\kappa\phi(z)/(1-E)`, :math:`E=e^{-2\pi iz/h}` (minus that between nodes). Poles beyond
    :math:`\pi/h` are beyond the reach of the rule's own error.
    """
    z, kappa, bend = pole
    with np.errstate(all="ignore"):
        inverse = np.where(shifted, -1.0, 1.0) * np.exp(2j * np.pi * z / step)
        density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        share = -inverse / (1 - inverse)  # 1 / (1 - E)
        value = 4j * np.pi * kappa * density * share
        # d log(share) / dz = 2 pi i / h / (1 - inverse)
        slope = kappa * value * (bend / kappa - z + 2j * np.pi / step / (1 - inverse))
        counts = (z.imag < np.pi / step) & np.isfinite(value) & np.isfinite(slope)
    return np.where(counts, value, 0.0), np.where(counts, slope, 0.0)


def _argument(value: ComplexArray) -> NDArray[np.float64]:
    """Argument of a number of the closed upper half plane, where an imaginary part below 0 is rounding."""
    result: NDArray[np.float64] = np.arctan2(np.maximum(value.imag, 0.0), value.real)
    return result


def log1p(w: ComplexArray) -> ComplexArray:
    """log(1 + w) by its parts; NumPy's has no more digits of a small complex number than log has."""
    size = 0.5 * np.log1p(w.real * (2 + w.real) + w.imag**2)
    result: ComplexArray = size + 1j * np.arctan2(w.imag, 1 + w.real)
    return result
