r"""Close to an edge of a product of layers, where :math:`\log z` is stationary in :math:`\lambda=\log\xi`.

There :math:`\log z-\log z_*` is a small difference, of the order of :math:`h^2`, :math:`h=\lambda-\lambda_*`. It is made
of differences of *u*, which are sums of nodes as *u* is, and lose nothing; with the place of the edge to 32 digits a
density keeps its digits down to the last double inside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra._arithmetic import EPS
from rmtcollapse.spectra._layer_curve import COARSE, ComplexArray, Found, Layers, log1p
from rmtcollapse.spectra._layer_exact import exact_place, polished
from rmtcollapse.spectra._layer_gains import SwitchGains
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["Edge", "edge_at"]

CLOSE = 0.05  # share of the distance to what else is singular, within which an edge is close
STEPS = 12


@dataclass(frozen=True)
class Edge:
    """An edge that is a square root.

    Attributes
    ----------
    lam, room : float
        log(xi) there, and its distance to 0 and to other edges.
    bend : float
        Second derivative of log z.
    high, low : float
        The place, as a sum of two doubles.
    error : float
        Relative error of the place.
    """

    lam: float
    room: float
    bend: float
    high: float
    low: float
    error: float = field(default=0.0)

    def beyond(self, x: FloatArray) -> FloatArray:
        """log(x / place) (n,), which keeps its digits."""
        share = ((x - self.high) - self.low) / self.high
        result: FloatArray = np.where(share > -0.5, np.log1p(np.maximum(share, -0.5)), np.log(np.maximum(x, 1e-323) / self.high))
        return result

    def start(self, x: FloatArray) -> FloatArray:
        """The imaginary part of lambda (n,) to leading order; nan outside."""
        with np.errstate(invalid="ignore"):
            result: FloatArray = np.sqrt(-2 * self.beyond(x) / self.bend)
        return result

    def reaches(self, x: FloatArray) -> NDArray[np.bool_]:
        """Whether places x (n,) are close to the edge, and inside."""
        result: NDArray[np.bool_] = self.start(x) < CLOSE * self.room
        return result

    def solved(self, layers: Layers, x: FloatArray) -> Found:
        """Solutions at places x (n,)."""
        guess = Found.empty(x.size)
        guess.lam[:] = self.lam + 1j * self.start(x)
        if isinstance(layers.gains, SwitchGains):
            return polished(layers, x, guess)
        h, before = 1j * self.start(x), np.zeros(x.size, bool)
        for level in range(layers.gains.first, layers.gains.levels + 1):
            found, now = _Differences(layers, self, level).solved(self.beyond(x), h)
            stays = before & found.good & (np.abs(now - h) <= 8 * found.floor * now.imag)
            h, before = np.where(found.good, now, h), found.good
            if stays.all():
                break
        found.good = stays
        return found


def edge_at(layers: Layers, lam: float, others: list[float]) -> Edge:
    """The edge at log(xi) = lam."""
    room = min([abs(lam), *(abs(lam - other) for other in others if other != lam)])
    step = 1e-3 * room
    slopes = layers.at(np.array([lam - step, lam + step]) + 0j, layers.path_level).slope.real
    bend = float(slopes[1] - slopes[0]) / (2 * step)
    exact = exact_place(layers, lam)
    if exact is not None:
        return Edge(lam, room, bend, *exact)
    log_z = float(layers.at(np.array([lam + 0j]), layers.gains.levels).log_z.real[0])
    return Edge(lam, room, bend, math.exp(log_z), 0.0, EPS * (8 + layers.depth + abs(log_z)))


class _Differences:
    """Newton's method in h, from differences to the edge, on one level of the quadrature."""

    def __init__(self, layers: Layers, edge: Edge, level: int) -> None:
        self.layers, self.edge = layers, edge
        gain, loss, self.weight = layers.gains.graded(level, edge.lam)
        self.gain, self.xi = gain, math.exp(edge.lam)
        self.below = loss * self.xi - math.expm1(edge.lam)
        self.u = self.xi * float(np.sum(self.weight * gain / self.below))
        self.s = layers.gains.zero + float(np.sum(self.weight / self.below))
        g = layers.noise
        self.root = math.sqrt(1 + 4 * g * (1 - g) * self.u)
        self.T = (1 + 2 * g * self.u + self.root) / 2

    def solved(self, beyond: FloatArray, h: ComplexArray) -> tuple[Found, ComplexArray]:
        h = h.copy()
        with np.errstate(all="ignore"):
            for _ in range(STEPS):
                value, slope, change, size = self._at(h)
                step = (value - beyond) / slope
                h -= step
                if np.all(np.abs(step) <= 1e-15 * h.imag):
                    break
            value, slope, change, size = self._at(h)
            left = np.abs((value - beyond) / slope)
            floor = EPS * size / np.abs(slope) / h.imag + self.edge.error / np.abs(2 * beyond)
            good = (h.imag > 0) & (left <= 8 * np.maximum(floor, 8 * EPS) * h.imag) & (floor < COARSE)
        found = Found.empty(h.size)
        found.lam[:], found.u[:], found.s[:], found.slope[:] = self.edge.lam + h, self.u + change, self.s + change, slope
        found.floor[:], found.error[:], found.good[:] = floor + 8 * EPS, EPS * abs(self.edge.lam), good
        return found, h

    def _at(self, h: ComplexArray) -> tuple[Any, ...]:
        """log z over that of the edge, its slope, the change of u, and the size of what log z is a sum of."""
        layers, L, g = self.layers, self.layers.depth, self.layers.noise
        moved = self.xi * np.expm1(h)
        inverse = 1 / (self.below - np.outer(moved, self.gain))
        shares = self.weight * self.gain
        change = moved * (inverse @ (shares / self.below))
        du = (self.xi + moved) * ((inverse * inverse) @ shares)
        T, bend = layers.weights(self.u + change, self.s + change)
        root = np.sqrt(1 + 4 * g * (1 - g) * (self.u + change))
        turned = g * change * (1 + 2 * (1 - g) / (root + self.root)) / self.T
        parts = [(L - 1) * log1p(change / self.u), -(L - 1) * log1p(change / self.s), L * log1p(turned), -L * h]
        slope = (L - 1) * du / ((self.u + change) * (self.s + change)) + L * (bend * du - 1)
        return sum(parts), slope, change, sum(np.abs(part) for part in parts)
