r"""A density as an elementary law: nodes of a quadrature in the lower half plane.

The transform of an analytic density is its integral along a path below the support, from one end to the other,
:math:`\tau = a + (b-a)/(1 + e^{-(\theta - i\pi/4)})` for real :math:`\theta`: the trapezoid rule in :math:`\theta`
converges geometrically for every argument in the closed upper half plane, its nodes are graded towards both ends, and
none sits on the real axis, so that no gap opens between nodes (derived here). Next to an end of the support the nodes
come as close as an argument can: at 0 that is further than anywhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra._arithmetic import EPS, DoubleDouble
from rmtcollapse.spectra._atom_sums import node_sums, node_sums_double_double
from rmtcollapse.spectra._node import Leaf, Point, leaf_jet

__all__ = ["DensityLeaf"]

STEP, REACH = 0.1, 76.0  # exp(-76) is 1e-16 of the distance of the next double from an end
FINE_STEP, FINE_REACH = 0.0625, 112.0  # the same for 32 digits
LOGARITHM = 700.0  # exp(-700) is about the smallest double


class DensityLeaf(Leaf):
    """An analytic density on (low, high), of mass 1 once its nodes' weights are divided by their sum.

    Nodes are kept as offsets from the nearer end, from which an argument beside it is subtracted without rounding.
    """

    def __init__(self, ends: tuple[float, float], formula: Callable[[Any], Any], sign: int = 1) -> None:
        self._formula, self._sign = formula, sign
        theta = np.arange(-self._reach(ends[0], REACH), self._reach(ends[1], REACH) + STEP / 2, STEP)
        share = 1 / (1 + np.exp(-theta + 1j * np.pi / 4))
        rest = 1 / (1 + np.exp(theta - 1j * np.pi / 4))
        width, left = ends[1] - ends[0], theta < 0
        offsets = np.where(left, width * share, -width * rest)
        places = offsets + np.where(left, *ends)
        weights = width * share * rest * formula(places * sign)
        weights = weights / weights.sum()
        super().__init__(places, weights, ends)
        self._halves = [(end, offsets[part], weights[part]) for end, part in zip(ends, (left, ~left), strict=True)]

    @staticmethod
    def _reach(end: float, reach: float) -> float:
        return LOGARITHM if end == 0 else reach

    def reflected(self) -> DensityLeaf:
        assert self.ends is not None
        return DensityLeaf((-self.ends[1], -self.ends[0]), self._formula, -self._sign)

    def jet(self, u: NDArray[Any], index: int, count: int) -> Point:
        assert self.ends is not None
        sums = np.zeros((6, u.size), complex)
        for end, offsets, weights in self._halves:
            for part in self._parts(u, end):
                keep = self._worth(np.abs(offsets), u[part], end, 1e-18)
                own = node_sums(u[part] - end, offsets[keep], weights[keep])
                own[1] += end * own[0]
                own[3] += end * own[2]
                own[5] += abs(end) * own[4]
                sums[:, part] += own
        m, t, m1, t1 = sums[:4]
        # real off the support, where a quadrature leaves imaginary rounding
        off = (np.abs(u.imag) <= 1e-20 * np.abs(u)) & ((u.real <= self.ends[0]) | (u.real >= self.ends[1]))
        m = np.where(off, m.real + 1j * np.abs(m1.real) * u.imag, m)
        t = np.where(off, t.real + 1j * np.abs(t1.real) * u.imag, t)
        bounds = sums[4:].real * EPS * (4 + np.log2(self.places.size))
        return leaf_jet(u, (m, m1, bounds[0]), (t, t1, bounds[1]), index, count)

    @staticmethod
    def _parts(u: NDArray[Any], end: float) -> list[NDArray[np.bool_]]:
        """Arguments close to an end at 0 are apart from the others."""
        close = (np.abs(u) < 1e-15) & (end == 0)
        return [part for part in (close, ~close) if part.any()]

    @staticmethod
    def _worth(distances: NDArray[Any], u: NDArray[Any], end: float, share: float) -> NDArray[np.bool_]:
        """Nodes so close to an end at 0 that they add nothing at u are not summed."""
        smallest = share * np.fmin.reduce(np.abs(u), initial=1.0) if end == 0 else 0.0
        worth: NDArray[np.bool_] = distances >= smallest
        return worth

    def double_double(self, u: DoubleDouble) -> Point:
        zero = np.zeros_like(u.value)
        m, t = DoubleDouble.of(zero), DoubleDouble.of(zero)
        for end, offsets, weights in self._fine:
            sums = np.empty((2, 4, zero.size))
            for part in self._parts(u.value, end):
                own = DoubleDouble((u.real[0][part], u.real[1][part]), (u.imag[0][part], u.imag[1][part]))
                keep = self._worth(np.hypot(offsets[0], offsets[2]), own.value, end, 1e-36)
                kept = [np.ascontiguousarray(rows[:, keep]) for rows in (offsets, weights)]
                for k, f in enumerate(node_sums_double_double(own - Fraction(end), *kept)):
                    sums[k][:, part] = [*f.real, *f.imag]
            q, moved = (DoubleDouble((f[0], f[1]), (f[2], f[3])) for f in sums)
            m, t = m + q, t + moved + q * Fraction(end)
        return Point(u, m, t, -(u * m))

    @cached_property
    def _fine(self) -> list[tuple[float, NDArray[Any], NDArray[Any]]]:
        """End, offsets and weights of both halves to 32 digits: real, imaginary parts, high before low, (4, nodes)."""
        assert self.ends is not None
        offsets, weights, left = self._exact_nodes
        result = []
        for end, near in zip(self.ends, (True, False), strict=True):
            own = [_pairs([z for z, x in zip(f, left, strict=True) if x is near]) for f in (offsets, weights)]
            result.append((end, own[0], own[1]))
        return result

    @cached_property
    def _exact_nodes(self) -> tuple[list[Any], list[Any], list[bool]]:
        """Offsets from the nearer end, weights, and which ends are the left one, in mpmath."""
        import mpmath

        assert self.ends is not None
        with mpmath.workdps(45):
            low, high = map(mpmath.mpf, self.ends)
            turn = mpmath.expj(mpmath.pi / 4)
            first, last = (round(self._reach(end, FINE_REACH) / FINE_STEP) for end in self.ends)
            offsets, weights, left = [], [], []
            for k in range(-first, last + 1):
                fall = mpmath.exp(-k * mpmath.mpf(FINE_STEP)) * turn
                share = 1 / (1 + fall)
                rest = fall * share
                left.append(k < 0)
                offsets.append((high - low) * share if k < 0 else -(high - low) * rest)
                weights.append(share * rest * self._formula((offsets[-1] + (low if k < 0 else high)) * self._sign))
            total = mpmath.fsum(weights)
            return offsets, [h / total for h in weights], left

    @cached_property
    def _mpmath_atoms(self) -> tuple[list[Any], list[Any]]:
        import mpmath

        assert self.ends is not None
        offsets, weights, left = self._exact_nodes
        with mpmath.workdps(400):
            return [x + self.ends[0 if near else 1] for x, near in zip(offsets, left, strict=True)], weights


def _pairs(numbers: list[Any]) -> NDArray[Any]:
    """mpmath numbers as pairs of doubles: real parts, what they leave, imaginary parts, what they leave; (4, n)."""
    rows = []
    for part in ([z.real for z in numbers], [z.imag for z in numbers]):
        high = [float(x) for x in part]
        rows += [high, [float(x - y) for x, y in zip(part, high, strict=True)]]
    return np.array(rows)
