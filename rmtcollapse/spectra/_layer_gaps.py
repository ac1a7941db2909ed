r"""Where a product of free layers has mass, if the slopes' own law has atoms and gaps.

Outside the support of the product :math:`\xi` is real, :math:`1/\xi` is in a gap of the law of the relative gains *c*
(or above it, or below it), and *z* falls as :math:`\xi` grows. Conversely a real :math:`\xi` with falling *z* is in the
closure of the solutions of the upper half plane, so *z* is in a gap: all gaps are the intervals of falling *z*,
wherever the logarithms add up to a real one: :math:`T>0`, and *u* outside (-1, 0) for more than one layer. The mass
above a gap is :math:`L\,P(c>1/\xi)`, less :math:`L-1` where :math:`u<-1`, from the argument of the potential.

At an atom of mass *p* of *c* the slope of log *z* in log :math:`\xi` tends to :math:`(L-1)/p-L` for orthogonal weights:
falling on both sides, it is an atom of the product, of mass :math:`1-L(1-p)`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra._layer_curve import Layers
from rmtcollapse.spectra._layer_pieces import PieceGains
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["Gap", "atom_place", "gaps_of"]

STEPS = 700  # of a scan of one gap of c
FINEST = 28.0  # logits at which it ends: 1e-12 of the gap
FAR = 200.0  # log(c xi) below the least gain, where u is what it is at infinity
COARSE_LEVEL = 1
AGREE = 1e-12
NOISE = 1e-9  # relative, of slopes that are not told apart


@dataclass(frozen=True)
class Gap:
    """A gap of the product, from `low` to `high`, logarithms of places.

    Attributes
    ----------
    low, high : float
        `low` may be 0, as -inf; `high` is infinite above everything.
    ends : tuple of (float or None)
        log(xi) at `low` and `high` where the end is a square root; None at an atom of c.
    above : float
        Mass above the gap.
    """

    low: float
    high: float
    ends: tuple[float | None, float | None]
    above: float


@dataclass(frozen=True)
class _Hole:
    """A gap of the law of c between `low` and `high`, 0 and 1 included, and nodes of that law."""

    layers: Layers
    low: float
    high: float
    level: int

    def slope(self, s: FloatArray) -> FloatArray:
        """d log z / d log xi at logits s of the place between the ends; infinite where there is no gap."""
        L = self.layers.depth
        u, one, du = self._sums(s)
        with np.errstate(all="ignore"):
            bend = self._bend(one)
            found = (L - 1) * du / (u * one) + L * (bend * du - 1) if L > 1 else bend * du - 1
        barred = ~np.isfinite(found) | ((u < 0) & (one > 0) & (L > 1))
        return np.where(barred, np.inf, found)

    def _bend(self, one: FloatArray) -> FloatArray:
        """T' / T, nan where T is not positive."""
        g = self.layers.noise
        if g == 0:
            return np.zeros_like(one)
        if g == 1:
            return np.where(one > 0, 1 / one, np.nan)
        radicand = (1 - 2 * g) ** 2 + 4 * g * (1 - g) * one
        T, bend = self.layers.weights(one - 1, np.where(radicand > 0, one, 0.0))
        return np.where((radicand > 0) & (T > 0), bend, np.nan)

    def log_xi(self, s: FloatArray) -> FloatArray:
        return -math.log(self.high) + self._from_left(s)

    def log_z(self, s: float) -> float:
        """log z, of which all logarithms are those of positive numbers."""
        layers, at = self.layers, np.array([s])
        u, one, _ = self._sums(at)
        T = layers.weights(u, one)[0] if layers.noise < 1 else one
        scale = layers.log_gain - math.log(layers.mean)
        found = layers.depth * (np.log(T) - self.log_xi(at) + scale)
        return float((found + (layers.depth - 1) * np.log(np.abs(u / one)))[0])

    def above(self, s: float) -> float:
        L = self.layers.depth
        below_one = bool(self._sums(np.array([s]))[0][0] < -1)
        assert isinstance(self.layers.gains, PieceGains)
        return L * self.layers.gains.share_above(self.high) - (L - 1) * (below_one and L > 1)

    def _width(self) -> float:
        return math.log(self.high / self.low) if self.low > 0 else FAR

    def _from_left(self, s: FloatArray) -> FloatArray:
        return self._width() / (1 + np.exp(-s))

    def _sums(self, s: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """u, 1 + u and the slope of u in log xi; the distance to either end keeps its digits."""
        gain, _, weight = self.layers.gains.nodes(self.level)
        zero = self.layers.gains.zero + math.fsum(weight[gain == 0])
        weight, gain = weight[gain > 0], gain[gain > 0]
        left = self._from_left(s)[:, None] + np.log(gain / self.high)
        right = np.log(gain / self.low) - (self._width() / (1 + np.exp(s)))[:, None] if self.low > 0 else left
        y = np.minimum(np.where(s[:, None] < 0, left, right), 700.0)
        inverse = -1 / np.expm1(y)  # 1 / (1 - c xi)
        share = np.where(y < 0, np.exp(np.minimum(y, 0)) * inverse, -1 / -np.expm1(-np.maximum(y, 1e-300)))
        u = share @ weight
        return u, zero + inverse @ weight, (share * inverse) @ weight


def atom_place(layers: Layers, gain: float) -> float:
    """log z of products of one relative gain alone."""
    return layers.depth * (math.log(gain / layers.mean) + layers.log_gain)


def gaps_of(layers: Layers) -> list[Gap]:
    """All gaps below the largest gain, from above; on levels of the quadrature that agree.

    Raises
    ------
    ConvergenceError
        If they do not.
    """
    levels = layers.gains.levels
    before: list[Gap] | None = None
    for level in range(COARSE_LEVEL, levels + 1) if levels else [0]:
        now = _gaps_at(layers, level)
        if not levels or (before is not None and _same(now, before)):
            return now
        before = now
    raise ConvergenceError("the gaps of the law did not settle under finer quadrature; use a smoother activation")


def _same(now: list[Gap], before: list[Gap]) -> bool:
    if len(now) != len(before):
        return False
    pairs = [(x, y) for a, b in zip(now, before, strict=True) for x, y in ((a.low, b.low), (a.high, b.high))]
    return all(x == y or abs(x - y) <= AGREE * (1 + abs(x)) for x, y in pairs)


def _gaps_at(layers: Layers, level: int) -> list[Gap]:
    gains = layers.gains
    assert isinstance(gains, PieceGains)
    tops = [high for _, high in gains.support]
    bottoms = [low for low, _ in gains.support]
    holes = [_Hole(layers, low, high, level) for low, high in zip([0.0, *tops[:-1]], bottoms, strict=True) if high > 0]
    found = [gap for hole in reversed(holes) for gap in _in_hole(hole)]
    return sorted(found, key=lambda gap: -gap.low)


def _in_hole(hole: _Hole) -> list[Gap]:
    """The intervals of falling z, from above."""
    grid = np.linspace(-FINEST, FINEST, STEPS)
    grid = _with_dips(hole, grid)
    falling = hole.slope(grid) < 0
    starts = np.flatnonzero(falling & ~np.concatenate([[False], falling[:-1]]))
    stops = np.flatnonzero(falling & ~np.concatenate([falling[1:], [False]]))
    found = []
    for i, j in zip(starts, stops, strict=True):
        left = _crossing(hole, grid[i - 1], grid[i]) if i else None
        right = _crossing(hole, grid[j], grid[j + 1]) if j + 1 < grid.size else None
        ends = [None if s is None else float(hole.log_xi(np.array([s]))[0]) for s in (right, left)]
        low = _at_end(hole, hole.low, FINEST) if right is None else hole.log_z(right)
        high = _at_end(hole, hole.high, -FINEST) if left is None else hole.log_z(left)
        found.append(Gap(low, high, (ends[0], ends[1]), hole.above(float(grid[i]))))
    return found


def _at_end(hole: _Hole, place: float, s: float) -> float:
    """Where z falls up to an end of the gap of c: an atom, or an interval of so little mass near its end."""
    layers = hole.layers
    assert isinstance(layers.gains, PieceGains)
    if place == 0:
        return -math.inf
    return atom_place(layers, place) if place in dict(layers.gains.atoms) and layers.noise == 0 else hole.log_z(s)


def _with_dips(hole: _Hole, grid: FloatArray) -> FloatArray:
    """The places of a scan, and those between them where z nearly falls."""
    from scipy.optimize import minimize_scalar

    values = hole.slope(grid)
    middle = values[1:-1] * (1 + NOISE)
    dips = 1 + np.flatnonzero((middle < values[:-2]) & (middle < values[2:]) & (middle > 0))
    found = [
        minimize_scalar(lambda s: float(hole.slope(np.array([s]))[0]), bounds=(grid[i - 1], grid[i + 1]),
                        method="bounded", options={"xatol": 1e-10}).x
        for i in dips
    ]  # fmt: skip
    return np.union1d(grid, found)


def _crossing(hole: _Hole, low: float, high: float) -> float:
    """Where the slope changes its sign; it may be infinite on one side."""
    from scipy.optimize import brentq

    def bounded(s: float) -> float:
        return float(np.clip(hole.slope(np.array([s]))[0], -1e3, 1e3))

    return float(brentq(bounded, low, high, xtol=1e-14, rtol=1e-14))
