r"""Close to an edge of a product of layers, where :math:`\log z` is stationary in :math:`\lambda=\log\xi`.

There :math:`\log z-\log z_*` is a small difference, of the order of :math:`h^2`, :math:`h=\lambda-\lambda_*`. It is
made of differences of *u*, which are sums of nodes as *u* is, and lose nothing; with the place of the edge to 32 digits
a density keeps its digits down to the last double inside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra._arithmetic import EPS
from rmtcollapse.spectra._layer_curve import ComplexArray, Layers, log1p
from rmtcollapse.spectra._layer_exact import exact_place, polished
from rmtcollapse.spectra._layer_gains import SwitchGains
from rmtcollapse.spectra._layer_newton import COARSE, Found
from rmtcollapse.spectra._layer_pieces import PieceGains
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["Edge", "edge_at"]

CLOSE = 0.05  # share of the distance to what else is singular, within which an edge is close
NARROW, WIDE = 1e-3, 3.0  # distance up to which log z keeps few digits, and the same share there
LEADING = 1e-5  # the same within which the leading order has all digits that there are
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
        """log(x / place) (n,), which keeps its digits; not finite for a place that rounds to 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            share = ((x - self.high) - self.low) / self.high
            far = np.log(np.maximum(x, 1e-323) / self.high)
            result: FloatArray = np.where(share > -0.5, np.log1p(np.maximum(share, -0.5)), far)
        return result

    def start(self, x: FloatArray) -> FloatArray:
        """The imaginary part of lambda (n,) to leading order; nan outside."""
        with np.errstate(invalid="ignore"):
            result: FloatArray = np.sqrt(-2 * self.beyond(x) / self.bend)
        return result

    def reaches(self, x: FloatArray) -> NDArray[np.bool_]:
        """Whether places x (n,) are close to the edge, and inside."""
        share = WIDE if self.room < NARROW else CLOSE
        result: NDArray[np.bool_] = self.start(x) < share * self.room
        return result

    def solved(self, layers: Layers, x: FloatArray) -> Found:
        """Solutions at places x (n,)."""
        if isinstance(layers.gains, SwitchGains):
            guess = Found.empty(x.size)
            guess.lam[:] = self.lam + 1j * self.start(x)
            return polished(layers, x, guess)
        found = self._by_differences(layers, x)
        closest = np.flatnonzero(self.start(x) < LEADING * self.room)
        if closest.size:
            found.put(closest, _Differences(layers, self, layers.gains.levels).leading(self.start(x[closest])))
        return found

    def _by_differences(self, layers: Layers, x: FloatArray) -> Found:
        h, before = 1j * self.start(x), np.zeros(x.size, bool)
        for level in range(layers.gains.first, layers.gains.levels + 1):
            found, now = _Differences(layers, self, level).solved(self.beyond(x), h)
            allowed = 8 * np.where(found.good, found.floor, 0.0) * now.imag
            stays = before & found.good & (np.abs(now - h) <= allowed)
            h, before = np.where(found.good, now, h), found.good
            if stays.all():
                break
        found.good = stays if layers.gains.levels else found.good
        return found


def edge_at(layers: Layers, lam: float, others: list[float]) -> Edge:
    """The edge at log(xi) = lam."""
    room = _room(layers, lam, [other for other in others if other != lam])
    bend = _bend(layers, lam, 0.01 * room)
    exact = exact_place(layers, lam)
    if exact is not None:
        return Edge(lam, room, bend, *exact)
    log_z = float(layers.at(np.array([lam + 0j]), layers.gains.levels).log_z.real[0])
    return Edge(lam, room, bend, math.exp(log_z), 0.0, EPS * (8 + layers.depth + abs(log_z)))


def _room(layers: Layers, lam: float, others: list[float]) -> float:
    """The distance to 0, to other edges, and to the slopes' own places."""
    gains, places = layers.gains, [0.0, *others]
    if isinstance(gains, PieceGains):
        places += [-math.log(c) for span in gains.support for c in span if c > 0]
    elif isinstance(gains, SwitchGains):
        places += _switched_places(layers.noise, gains)
    elif gains.smallest > 0:
        places.append(-math.log(gains.smallest))
    return min(abs(lam - place) for place in places)


def _switched_places(g: float, gains: SwitchGains) -> list[float]:
    """Where 1 + u vanishes, and where T has a branch point."""
    off = gains.zero
    found = [-math.log(off)] if off > 0 else []
    if 0 < g < 1:
        s = -((1 - 2 * g) ** 2) / (4 * g * (1 - g))
        if s < off:
            found.append(math.log((1 - s) / (off - s)))
    return found


def _bend(layers: Layers, lam: float, step: float) -> float:
    """The derivative of the slope, from differences of the sixth order, on two levels that agree."""
    before = math.nan
    for level in range(layers.gains.first, layers.gains.levels + 1):
        slopes = layers.at(lam + step * np.arange(-3, 4) + 0j, level).slope.real
        now = float(slopes @ [-1, 9, -45, 0, 45, -9, 1]) / (60 * step)
        if abs(now - before) <= 1e-11 * abs(now):
            break
        before = now
    return now


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
        found.lam[:], found.u[:], found.s[:], found.slope[:] = (
            self.edge.lam + h,
            self.u + change,
            self.s + change,
            slope,
        )
        found.floor[:], found.error[:], found.good[:] = floor + 8 * EPS, EPS * abs(self.edge.lam), good
        return found, h

    def leading(self, height: FloatArray) -> Found:
        """Where lambda has the imaginary parts `height`, small enough that their squares are rounding."""
        du = self.xi * float(np.sum(self.weight * self.gain / self.below**2))
        found = Found.empty(height.size)
        found.lam[:], found.slope[:] = self.edge.lam + 1j * height, 1j * self.edge.bend * height
        found.u[:], found.s[:], found.good[:] = self.u + 1j * du * height, self.s + 1j * du * height, True
        found.error[:], found.floor[:] = EPS * abs(self.edge.lam), LEADING**2
        return found

    def _at(self, h: ComplexArray) -> tuple[Any, ...]:
        """log z over that of the edge, its slope, the change of u, and the size of what log z is a sum of."""
        layers, L, g = self.layers, self.layers.depth, self.layers.noise
        moved = self.xi * np.expm1(h)
        inverse = 1 / (self.below - np.outer(moved, self.gain))
        shares = self.weight * self.gain
        change = moved * (inverse @ (shares / self.below))
        du = (self.xi + moved) * ((inverse * inverse) @ shares)
        bend = layers.weights(self.u + change, self.s + change)[1]
        root = np.sqrt(1 + 4 * g * (1 - g) * (self.u + change))
        turned = g * change * (1 + 2 * (1 - g) / (root + self.root)) / self.T
        parts = [(L - 1) * log1p(change / (self.u * (self.s + change))), L * log1p(turned), -L * h]
        slope = (L - 1) * du / ((self.u + change) * (self.s + change)) + L * (bend * du - 1)
        return sum(parts), slope, change, sum(np.abs(part) for part in parts)
