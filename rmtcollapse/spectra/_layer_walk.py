"""Many points of one product of layers: continuation from far away, interpolation between anchors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra._layer_curve import ComplexArray, Layers, Room
from rmtcollapse.spectra._layer_gains import SwitchGains
from rmtcollapse.spectra._layer_newton import Found, newton, solve
from rmtcollapse.spectra._layer_pieces import PieceGains

__all__ = ["beside", "continued", "walked"]

FEW = 48  # points up to which none is interpolated
ANCHORS = 40
ROUNDS = 5


def beside(layers: Layers, critical: list[float]) -> Room:
    """For lambda, the distance to the edges, to 0, and to the slopes' own places unless these are known as poles."""
    if isinstance(layers.gains, PieceGains):
        return _beside_pieces(layers.gains, critical)
    with np.errstate(all="ignore"):
        open_ = isinstance(layers.gains, SwitchGains) or layers.gains.pole(np.ones(1) + 0j) is not None

    def room(lam: NDArray[Any]) -> NDArray[np.float64]:
        away = np.abs(lam) if open_ else np.where(lam.real < 0, np.abs(lam), lam.imag)
        for place in critical:
            away = np.minimum(away, np.abs(lam - place))
        return away

    return room


def _beside_pieces(gains: PieceGains, critical: list[float]) -> Room:
    """The distance to the intervals of 1 / c, and to the edges."""
    spans = [(-np.log(high), -np.log(low) if low > 0 else np.inf) for low, high in gains.support]

    def room(lam: NDArray[Any]) -> NDArray[np.float64]:
        away = np.full(lam.shape, np.inf)
        for left, right in spans:
            beyond = np.maximum(np.maximum(left - lam.real, lam.real - right), 0.0)
            away = np.minimum(away, np.hypot(beyond, lam.imag))
        for place in critical:
            away = np.minimum(away, np.abs(lam - place))
        return away

    return room


def continued(layers: Layers, log_z: ComplexArray, top: float, room: Room, bulk: bool = False) -> Found:
    """Solve by continuation in log z, on a straight line from far below the real axis, beyond the log edge `top`.

    Where many poles are near the nodes the way is lost on a coarse level of the quadrature, and taken on a finer one.
    """
    out, rest = Found.empty(log_z.size), np.arange(log_z.size)
    for level in range(layers.path_level, layers.gains.levels + 1, 2):
        out.put(rest, _followed(layers, log_z[rest], top, room, bulk, level))
        rest = np.flatnonzero(~out.good)
        if not rest.size:
            break
    return out


def _followed(layers: Layers, log_z: ComplexArray, top: float, room: Room, bulk: bool, level: int) -> Found:
    """The same on one level, up to the last step."""
    far = top + np.log(60.0)
    begin = np.where(log_z.real > far, log_z, far - 0.5j * np.pi)
    found = newton(layers, begin, layers.start(begin), level, room, bulk)
    lam, slope, alive = found.lam, found.slope, found.good.copy()
    at, stride = np.where(begin == log_z, 1.0, 0.0), np.full(log_z.size, 0.25)
    alive &= at < 1
    for _ in range(300):
        index = np.flatnonzero(alive)
        if not index.size:
            break
        ahead = np.minimum(at[index] + stride[index], 1.0)
        change = (log_z[index] - begin[index]) * (ahead - at[index])
        guess = lam[index] + change / slope[index]
        guess = guess.real + 1j * np.clip(guess.imag, 0.2 * lam[index].imag, np.pi - 0.2 * (np.pi - lam[index].imag))
        target = np.where(ahead == 1.0, log_z[index], begin[index] + (log_z[index] - begin[index]) * ahead)
        tried = newton(layers, target, guess, level, room, bulk)
        good, bad = index[tried.good], index[~tried.good]
        lam[good], slope[good], at[good] = tried.lam[tried.good], tried.slope[tried.good], ahead[tried.good]
        stride[good] *= 2
        stride[bad] /= 3
        alive &= (stride > 1e-9) & (at < 1)
    out, arrived = Found.empty(log_z.size), np.flatnonzero(at == 1)
    out.put(arrived, solve(layers, log_z[arrived], lam[arrived], room, bulk))
    return out


def walked(layers: Layers, log_x: NDArray[np.float64], top: float, room: Room) -> Found:
    """Solve at many real places of one bulk: some by continuation, the rest from interpolation between those."""
    log_z = log_x + 0j
    if log_x.size <= FEW:
        return continued(layers, log_z, top, room, True)
    order = np.argsort(log_x, kind="stable")
    log_z = log_z[order]
    sorted_found = Found.empty(log_z.size)
    anchors = np.unique(np.round(np.linspace(0, log_z.size - 1, ANCHORS)).astype(int))
    sorted_found.put(anchors, continued(layers, log_z[anchors], top, room, True))
    for _ in range(ROUNDS):
        known, rest = np.flatnonzero(sorted_found.good), np.flatnonzero(~sorted_found.good)
        if not rest.size or known.size < 2:
            break
        tried = solve(layers, log_z[rest], _between(log_x[order], sorted_found, known, rest), room, True)
        if not tried.good.any():
            break
        sorted_found.put(rest, tried)
    rest = np.flatnonzero(~sorted_found.good)
    if rest.size:
        sorted_found.put(rest, continued(layers, log_z[rest], top, room, True))
    out = Found.empty(log_z.size)
    out.put(order, sorted_found)
    return out


def _between(y: NDArray[np.float64], found: Found, known: NDArray[Any], rest: NDArray[Any]) -> ComplexArray:
    """Cubic interpolation of lambda in log z between solved places, linear beyond them."""
    right = np.clip(np.searchsorted(known, rest), 1, known.size - 1)
    a, b = known[right - 1], known[right]
    width = y[b] - y[a]
    t = np.clip((y[rest] - y[a]) / np.where(width > 0, width, 1.0), 0.0, 1.0)
    left, top = found.lam[a], found.lam[b]
    cubic = left + (top - left) * t * t * (3 - 2 * t)
    cubic += width * t * (1 - t) * ((1 - t) / found.slope[a] - t / found.slope[b])
    line = left + (top - left) * t
    inside = (cubic.imag > 0.3 * line.imag) & (cubic.imag < np.pi - 0.3 * (np.pi - line.imag))
    start: ComplexArray = np.where(inside, cubic, line)
    return start
