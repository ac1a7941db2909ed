r"""What the zeros of a variance profile force: atoms, and places at which the density diverges.

Rows i have masses :math:`r_i`, columns j masses :math:`q_j`; an entry of the pattern lets mass flow from row to column.
Near a place where a solution has a pole, the rows P with the pole and the columns N(P) that they meet balance as
:math:`\sum_P r = \text{atom} + \sum_{N(P)} q`. The atom is the mass that the largest flow leaves behind (derived here,
from the leading order of the Dyson equation; the rank of a generic matrix of that pattern says the same). What a flow
must fill exactly is the square part of the Dulmage-Mendelsohn decomposition; there the solution stays bounded if some
flow uses every entry: "total support", as for the scaling of matrices to doubly stochastic ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["Pattern", "components", "read_pattern"]

EPS = float(np.finfo(np.float64).eps)
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Pattern:
    """Mass of the rows that no column balances; whether a square part is there, and whether it has total support.

    `balances` are sets of rows and of columns of the square part that balance exactly, each with a row that is in no
    smaller one of them: (rows, columns, row).
    """

    atom: float
    square: bool
    bounded: bool
    balances: list[tuple[NDArray[np.intp], NDArray[np.intp], int]]


def components(linked: BoolArray) -> list[NDArray[np.intp]]:
    """Connected components of a symmetric pattern, each with its indices in increasing order."""
    reach = _closure(linked | np.eye(len(linked), dtype=bool))
    return [np.flatnonzero(row) for i, row in enumerate(reach) if row.argmax() == i]


def read_pattern(entries: BoolArray, rows: FloatArray, columns: FloatArray) -> Pattern:
    """Largest flow from rows to columns along the entries, (R, C), and what it shows."""
    flow, spare_rows, spare_columns = _largest_flow(entries, rows, columns)
    R, C = entries.shape
    arcs = np.zeros((R + C, R + C), bool)
    arcs[:R, R:] = entries
    arcs[R:, :R] = (flow > _tolerance(rows, columns)).T
    reach = _closure(arcs | np.eye(R + C, dtype=bool))
    poles: BoolArray = np.any(reach[:R][spare_rows], axis=0)  # rows P and columns N(P) of the part with rows to spare
    fed: BoolArray = np.any(reach[:, R:][:, spare_columns], axis=1)  # the part with columns to spare
    square: BoolArray = ~poles & ~fed
    atom = rows[poles[:R]].sum() - columns[poles[R:]].sum() if poles.any() else 0.0
    used = arcs[R:, :R].T | reach[R:, :R].T
    inside = entries & square[:R, None] & square[None, R:]
    balances = _balances(reach, square, rows)
    return Pattern(float(atom), bool(square.any()), bool(np.all(used[inside])), balances)


def _balances(
    reach: BoolArray, square: BoolArray, rows: FloatArray
) -> list[tuple[NDArray[np.intp], NDArray[np.intp], int]]:
    """For each strongly connected part of the square part, all that it reaches in it, and its heaviest row."""
    R = rows.size
    found = []
    for part in components(reach & reach.T):
        own = part[(part < R) & square[part]]
        if own.size:
            seen = reach[own[0]] & square
            found.append((np.flatnonzero(seen[:R]), np.flatnonzero(seen[R:]), int(own[rows[own].argmax()])))
    return found


def _tolerance(rows: FloatArray, columns: FloatArray) -> float:
    return 16 * EPS * (len(rows) + len(columns)) * float(rows.sum() + columns.sum())


def _closure(arcs: BoolArray) -> BoolArray:
    reach = arcs
    while True:
        further = reach | ((reach.astype(np.float64) @ reach.astype(np.float64)) > 0)
        if np.array_equal(further, reach):
            return reach
        reach = further


def _largest_flow(
    entries: BoolArray, rows: FloatArray, columns: FloatArray
) -> tuple[FloatArray, NDArray[np.intp], NDArray[np.intp]]:
    """Shortest augmenting paths (Edmonds and Karp); also the rows and the columns with mass to spare."""
    tolerance = _tolerance(rows, columns)
    flow = np.zeros(entries.shape)
    left, right = rows.copy(), columns.copy()
    while path := _augmenting_path(entries, flow, left, right, tolerance):
        backward = [flow[i, j] for j, i in zip(path[1::2], path[2::2], strict=False)]
        amount = min(left[path[0]], right[path[-1]], *backward)
        for i, j in zip(path[::2], path[1::2], strict=True):
            flow[i, j] += amount
        for j, i in zip(path[1::2], path[2::2], strict=False):
            flow[i, j] -= amount
        left[path[0]] -= amount
        right[path[-1]] -= amount
    return flow, np.flatnonzero(left > tolerance), np.flatnonzero(right > tolerance)


def _augmenting_path(
    entries: BoolArray, flow: FloatArray, left: FloatArray, right: FloatArray, tolerance: float
) -> list[int]:
    """A shortest path row, column, row, ..., column that can take more mass; empty if there is none."""
    queue = [[int(i)] for i in np.flatnonzero(left > tolerance)]
    seen_rows, seen_columns = left > tolerance, np.zeros(len(right), bool)
    while queue:
        path = queue.pop(0)
        for j in np.flatnonzero(entries[path[-1]] & ~seen_columns):
            seen_columns[j] = True
            if right[j] > tolerance:
                return [*path, int(j)]
            for i in np.flatnonzero((flow[:, j] > tolerance) & ~seen_rows):
                seen_rows[i] = True
                queue.append([*path, int(j), int(i)])
    return []
