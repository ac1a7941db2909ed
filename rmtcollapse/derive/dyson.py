"""The matrix Dyson equation in numbers: arrays in, arrays out, for any pencil and any part of one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.derive.binding import Binding
from rmtcollapse.derive.letters import Dim
from rmtcollapse.derive.pencil import Entry, Pencil, Unknown

__all__ = ["CANCELLED", "Array", "Equation", "equation"]

Array = NDArray[Any]
CANCELLED = 1e-4  # size relative to its reach below which an unknown is a difference, and its accuracy absolute
_CHAIN = 4  # cancellations that follow from one another


@dataclass(frozen=True)
class Slot:
    """A block of G or of the self-energy: `unknown` a, in the matrices of a dimension, with a number at each atom."""

    unknown: int
    dimension: Dim
    row: int
    column: int
    values: Array


@dataclass(frozen=True)
class Strand:
    """A random block P X Q: P on the dimension of its row, Q on that of its column, both with their covariance."""

    entry: Entry
    row: tuple[Dim, int]
    column: tuple[Dim, int]
    outer: Array
    inner: Array
    covariance: Array
    variance: Array


@dataclass
class Equation:
    """G_t = (F_t - sum of e_u insertions)^-1 for each dimension t, and e_u = sum of tr(weight G_jk)."""

    fixed: dict[Dim, Array]
    insertions: list[Slot]
    measurements: list[Slot]
    strands: list[Strand]
    inverses: list[tuple[Dim, int]]
    place: dict[int, tuple[Dim, int]]
    unknowns: list[Unknown]
    dtype: Any  # real where every parameter is

    def shifted(self, amount: complex, places: list[tuple[Dim, int]] | None = None) -> Equation:
        """The same with `amount` added to the matrix under every inverse, or under those at some places."""
        kind = np.result_type(self.dtype, np.asarray(amount).dtype)
        fixed = {t: F.astype(kind) for t, F in self.fixed.items()}
        for t, i in self.inverses if places is None else places:
            fixed[t][:, i, i] += amount
        return replace(self, fixed=fixed, dtype=kind)

    def resolvents(self, e: Array) -> dict[Dim, Array]:
        """G at each dimension, (atoms, wires, wires)."""
        M = {t: F.astype(np.result_type(F, e)) for t, F in self.fixed.items()}
        for s in self.insertions:
            M[s.dimension][:, s.row, s.column] -= e[s.unknown] * s.values
        return {t: np.linalg.inv(block) for t, block in M.items()}

    def reach(self, e: Array, G: dict[Dim, Array]) -> Array:
        """Size to which rounding of the unknowns is relative: addends of |G||M||G|, where those of G may cancel.

        An unknown that cancels stands in M with its reach, for others may cancel because it does.
        """
        size = np.abs(e)
        for _ in range(_CHAIN):
            wide = {t: np.abs(F) for t, F in self.fixed.items()}
            for s in self.insertions:
                wide[s.dimension][:, s.row, s.column] += size[s.unknown] * np.abs(s.values)
            wide = {t: np.abs(G[t]) @ M @ np.abs(G[t]) for t, M in wide.items()}
            ahead = np.zeros(len(e))
            for m in self.measurements:
                ahead[m.unknown] += np.sum(np.abs(m.values) * wide[m.dimension][:, m.row, m.column])
            if np.all(ahead <= size):
                break
            size = np.maximum(size, np.where(np.abs(e) <= CANCELLED * ahead, ahead, 0.0))
        return size

    def measured(self, G: dict[Dim, Array], size: int) -> tuple[Array, Array]:
        """The unknowns that G has, and the sum of the absolute values of their addends."""
        value = np.zeros(size, dtype=self.dtype)
        scale = np.zeros(size)
        for m in self.measurements:
            addends = m.values * G[m.dimension][:, m.row, m.column]
            value[m.unknown] += addends.sum()
            scale[m.unknown] += np.abs(addends).sum()
        return value, scale

    def slopes(self, G: dict[Dim, Array], size: int) -> Array:
        """Derivatives of the measured unknowns, (unknowns, unknowns): dG = G dS G."""
        slopes = np.zeros((size, size), dtype=self.dtype)
        by_dimension = {t: [s for s in self.insertions if s.dimension == t] for t in self.fixed}
        for m in self.measurements:
            g = G[m.dimension]
            for s in by_dimension[m.dimension]:
                left, right = g[:, m.row, s.row], g[:, s.column, m.column]
                slopes[m.unknown, s.unknown] += np.sum(m.values * left * s.values * right)
        return slopes


def equation(pencil: Pencil, binding: Binding, wires: tuple[int, ...]) -> Equation:
    """The Dyson equation of some wires of a pencil, in numbers."""
    inside = set(wires)
    order: dict[Dim, list[int]] = {}
    for w in wires:
        order.setdefault(pencil.dimension(w), []).append(w)
    place = {w: (t, k) for t, ws in order.items() for k, w in enumerate(ws)}
    unknowns = [
        u
        for u in pencil.unknowns
        if u.row in inside and u.column in inside and any(j in inside and k in inside for j, k, _ in u.measured)
    ]
    entries = [e for e in pencil.entries if e.row in inside and e.column in inside]
    values = binding.evaluate(_expressions(pencil, inside, unknowns, entries))
    dtype = float if binding.is_real else complex
    fixed = {t: np.zeros((binding.atoms(t), len(ws), len(ws)), dtype=dtype) for t, ws in order.items()}
    for (i, j), expression in pencil.fixed.items():
        if i in inside and j in inside:
            t, row = place[i]
            fixed[t][:, row, place[j][1]] = values[expression, t]

    def slot(u: int, i: int, j: int, expression: Any, weight: float = 1.0) -> Slot:
        t, row = place[i]
        return Slot(u, t, row, place[j][1], weight * values[expression, t])

    measured = [
        slot(u, j, k, w, binding.weight(pencil.dimension(j)))
        for u, unknown in enumerate(unknowns)
        for j, k, w in unknown.measured
        if j in inside and k in inside
    ]
    strands = [_strand(e, place, values, binding) for e in entries]
    return Equation(
        fixed,
        [slot(u, unknown.row, unknown.column, unknown.coefficient) for u, unknown in enumerate(unknowns)],
        measured,
        strands,
        [place[w] for w in wires if pencil.wires[w].inverse is not None],
        place,
        unknowns,
        dtype,
    )


def _expressions(pencil: Pencil, inside: set[int], unknowns: list[Unknown], entries: list[Entry]) -> list[Any]:
    wanted = [(v, pencil.dimension(i)) for (i, j), v in pencil.fixed.items() if i in inside and j in inside]
    for u in unknowns:
        wanted.append((u.coefficient, pencil.dimension(u.row)))
        wanted += [(w, pencil.dimension(j)) for j, _, w in u.measured if j in inside]
    for e in entries:
        rows, columns = pencil.dimension(e.row), pencil.dimension(e.column)
        left, right = e.covariances
        wanted += [(e.outer, rows), (left, rows), (e.inner, columns), (right, columns)]
    return wanted


def _strand(e: Entry, place: dict[int, tuple[Dim, int]], values: Any, binding: Binding) -> Strand:
    rows, columns = place[e.row], place[e.column]
    left, right = e.covariances
    return Strand(
        e,
        rows,
        columns,
        values[e.outer, rows[0]],
        values[e.inner, columns[0]],
        values[left, rows[0]],
        values[right, columns[0]] * binding.weight(columns[0]),
    )
