"""Many points of a chain of free layers: continuation from far away, interpolation between anchors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra._chain_curve import Chain
from rmtcollapse.spectra._chain_newton import COARSE, ComplexArray, Found, Room, newton, solve
from rmtcollapse.spectra._chain_real import Point
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["begun", "beside", "continued", "walked"]

NEAR = 1e-7  # of an edge, relative: there and nearer the density is a square root
FEW, ANCHORS, ROUNDS = 48, 40, 5  # points up to which none is interpolated, and from how many, how often


def _halved(whole: ComplexArray) -> tuple[ComplexArray, NDArray[np.bool_]]:
    r"""Arguments without the :math:`i\pi` of those but Lambda that are nearer to it than to the real line."""
    half = whole.imag > 0.5 * np.pi
    half[0] = False
    return whole - 1j * np.pi * half, half


def beside(chain: Chain, critical: list[Point]) -> Room:
    """For arguments (1 + K, n), the distances of each to what is singular: edges, 0, and places of a sign change."""
    places, _ = chain.factors
    beyond = np.log(places[places > chain.rank] / (places[places > chain.rank] - chain.rank))
    edges = [np.array([point.unknown(chain.rank), *point.lam]) for point in critical]

    def room(place: ComplexArray) -> FloatArray:
        away = np.abs(place)
        for b in beyond:
            away[0] = np.minimum(away[0], np.abs(place[0] - b))
        for edge in edges:
            away = np.minimum(away, np.abs(place - edge[:, None]))
        return away

    return room


def continued(chain: Chain, log_z: ComplexArray, top: float, room: Room, bulk: bool = False) -> Found:
    """Solve by continuation in log z, on a straight line from far below the real axis, beyond the log edge `top`."""
    far = top + np.log(60.0)
    begin = np.where(log_z.real > far, log_z, far - 0.5j * np.pi)
    first, others = chain.start(begin)
    found = newton(chain, begin, *_halved(np.vstack([first[None], others])), 0, room)
    at, stride = np.where(begin == log_z, 1.0, 0.0), np.full(log_z.size, 0.25)
    alive = found.good & (at < 1)
    for _ in range(400):
        index = np.flatnonzero(alive)
        if not index.size:
            break
        ahead = np.minimum(at[index] + stride[index], 1.0)
        guess = _ahead(found, index, (log_z[index] - begin[index]) * (ahead - at[index]))
        target = np.where(ahead == 1.0, log_z[index], begin[index] + (log_z[index] - begin[index]) * ahead)
        tried = newton(chain, target, *_halved(guess), 0, room, bulk)
        found.put(index, tried)
        good, bad = index[tried.good], index[~tried.good]
        at[good] = ahead[tried.good]
        stride[good] *= 2
        stride[bad] /= 3
        alive &= (stride > 1e-9) & (at < 1)
    out, reached = Found.empty(chain, log_z.size), np.flatnonzero(found.good & (at == 1))
    out.put(reached, solve(chain, log_z[reached], found.place[:, reached], found.half[:, reached], room, bulk))
    return out


def _ahead(found: Found, index: NDArray[Any], change: ComplexArray) -> ComplexArray:
    """Along the tangents, well inside the upper half plane."""
    here = found.place[:, index] + 1j * np.pi * found.half[:, index]
    guess = here + change * found.tangent[:, index]
    return np.asarray(guess.real + 1j * np.clip(guess.imag, 0.2 * here.imag, np.pi - 0.2 * (np.pi - here.imag)))


def walked(chain: Chain, log_x: FloatArray, top: float, room: Room) -> Found:
    """Solve at many real places of one bulk: some by continuation, the rest from interpolation between those."""
    if log_x.size <= FEW:
        return continued(chain, log_x + 0j, top, room, True)
    order = np.argsort(log_x, kind="stable")
    y = log_x[order]
    found = Found.empty(chain, y.size)
    anchors = np.unique(np.round(np.linspace(0, y.size - 1, ANCHORS)).astype(int))
    found.put(anchors, continued(chain, y[anchors] + 0j, top, room, True))
    for _ in range(ROUNDS):
        known, rest = np.flatnonzero(found.good), np.flatnonzero(~found.good)
        if not rest.size or known.size < 2:
            break
        tried = solve(chain, y[rest] + 0j, *_halved(_between(y, found, known, rest)), room, True)
        if not tried.good.any():
            break
        found.put(rest, tried)
    rest = np.flatnonzero(~found.good)
    if rest.size:
        found.put(rest, continued(chain, y[rest] + 0j, top, room, True))
    out = Found.empty(chain, y.size)
    out.put(order, found)
    return out


def begun(chain: Chain, log_x: FloatArray, edge: Point, top: float, room: Room) -> Found:
    """Places so near an edge that rounding tells nothing but their distance: the square root begins there."""
    away = log_x - edge.log_z
    known = continued(chain, np.array([edge.log_z + math.copysign(NEAR, away[0])]) + 0j, top, room, True)
    share = np.sqrt(np.abs(away) / NEAR)
    start = np.array([edge.unknown(chain.rank), *edge.lam]) - 1j * np.pi * known.half[:, 0]
    place = start.real[:, None] + 1j * known.place.imag * share
    steps = 1j * known.tau.imag * share
    rough = np.full(away.size, COARSE)
    good = np.full(away.size, known.good[0])
    half, tangent = (np.repeat(x, away.size, axis=1) for x in (known.half, known.tangent))
    return Found(place, half, tangent, edge.tau + steps, edge.behind + steps, rough, rough, good)


def _between(y: FloatArray, found: Found, known: NDArray[Any], rest: NDArray[Any]) -> ComplexArray:
    """Cubic interpolation of the arguments in log z between solved places, linear beyond them."""
    right = np.clip(np.searchsorted(known, rest), 1, known.size - 1)
    a, b = known[right - 1], known[right]
    width = y[b] - y[a]
    t = np.clip((y[rest] - y[a]) / np.where(width > 0, width, 1.0), 0.0, 1.0)
    left, top = (found.place[:, i] + 1j * np.pi * found.half[:, i] for i in (a, b))
    cubic = left + (top - left) * t * t * (3 - 2 * t)
    cubic += width * t * (1 - t) * ((1 - t) * found.tangent[:, a] - t * found.tangent[:, b])
    line = left + (top - left) * t
    inside = (cubic.imag > 0.3 * line.imag) & (cubic.imag < np.pi - 0.3 * (np.pi - line.imag))
    start: ComplexArray = np.where(inside, cubic, line)
    return start
