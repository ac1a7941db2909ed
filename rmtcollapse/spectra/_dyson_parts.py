"""From a variance profile to its irreducible parts, with the atoms and the divergences that its zeros force on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra import _arithmetic as dd
from rmtcollapse.spectra._dyson_component import Component, Point
from rmtcollapse.spectra._dyson_pattern import read_pattern
from rmtcollapse.spectra._dyson_system import Balance, System
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["gram_part", "gram_system", "hermitian_part"]

Index = NDArray[np.intp]


def hermitian_part(system: System, index: Index) -> Component | Point:
    part = _restricted(system, index)
    s, w, a = part.coupling[0], part.masses, part.b
    if not s.any():
        return Point(float(a[0]), float(w[0]))
    atoms, hard, balances = [], [], []
    for place in np.unique(a):  # elsewhere no solution has a pole: its rows would need a diagonal that vanishes
        pattern = read_pattern((s > 0) | np.diag(a != place), w, w)
        if pattern.atom > 0:
            atoms.append((float(place), pattern.atom))
        if not pattern.bounded:  # then it diverges, or is real there
            hard.append(float(place))
        used: set[int] = set()  # each set of rows also shows up as a set of columns
        for P, N, row in pattern.balances:
            if not np.intersect1d(P, N).size and row not in used:
                balances.append(_balance(part, float(place), P, N, row))
                used.update(N.tolist())
    centres = {*hard, *(place for place, _ in atoms), *(balance.place for balance in balances)}
    part = replace(part, centres=tuple(sorted(centres)), balances=tuple(balances))
    return Component(part, tuple(atoms), tuple(hard))


def _balance(system: System, place: float, P: Index, N: Index, row: int) -> Balance:
    sign, coupling = np.zeros(system.b.size), system.coupling[0].copy()
    sign[P], sign[N] = 1.0, -1.0
    coupling[np.ix_(P, N)] = coupling[np.ix_(N, P)] = 0.0
    return Balance(place, sign, coupling, row)


def gram_system(s: FloatArray, u: FloatArray, v: FloatArray, c: float) -> System:
    R, C = s.shape
    high, low = np.zeros((R + C, R + C)), np.zeros((R + C, R + C))
    high[:R, R:], low[:R, R:] = dd.two_product(s, v)
    high[R:, :R], low[R:, :R] = dd.multiply(dd.two_product(s.T, u), (c, 0.0))
    alpha = np.repeat([1.0, 0.0], [R, C])
    return System(alpha, alpha - 1, (high, low), np.concatenate([u, v / c]))


def gram_part(system: System, index: Index, c: float) -> Component | Point | None:
    part = _restricted(system, index)
    rows = part.alpha == 1
    if rows.all():
        return Point(0.0, float(part.masses[0]))
    if not rows.any():
        return None
    pattern = read_pattern(part.coupling[0][np.ix_(rows, ~rows)] > 0, part.masses[rows], part.masses[~rows])
    atoms = ((0.0, pattern.atom),) if pattern.atom > 0 else ()
    hard = (0.0,) if pattern.square else ()
    R = int(rows.sum())  # the rows come first
    balances = tuple(_balance(part, 0.0, P, N + R, row) for P, N, row in pattern.balances)
    return Component(replace(part, centres=(0.0,) if atoms or hard else (), balances=balances), atoms, hard)


def _restricted(system: System, index: Index) -> System:
    coupling = [matrix[np.ix_(index, index)] for matrix in system.coupling]
    return System(system.alpha[index], system.b[index], (coupling[0], coupling[1]), system.masses[index])
