r"""The linear pencil L = F + N of a circuit, and the scalars of its matrix Dyson equation.

L has a block for each pair of wires. F is deterministic, a small matrix at each joint eigenvalue of a dimension; N is
linear in the Gaussian letters. The generalised resolvent :math:`G = E L^{-1}` solves

.. math:: G = (F - S[G])^{-1}, \qquad S[G]_{il} = \sum E[N_{ij} G_{jk} N_{kl}],

and for N_ij = P X Q and N_kl = P' X^T Q' the expectation is :math:`v\,\mathrm{tr}(B Q G_{jk} P')\,P A Q'`: a scalar
unknown times a deterministic insertion. A square letter met twice the same way contributes O(1/N), and is left out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sympy as sp
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from rmtcollapse.derive.algebra import Letter
from rmtcollapse.derive.circuit import Circuit, Output, Wire
from rmtcollapse.derive.letters import Dim
from rmtcollapse.derive.reading import covariance

__all__ = ["Entry", "Pencil", "Unknown"]


@dataclass(frozen=True)
class Entry:
    """A random block of the pencil, N_ij = P X Q."""

    row: int
    column: int
    outer: sp.Expr
    letter: Letter
    inner: sp.Expr

    @cached_property
    def covariances(self) -> tuple[sp.Expr, sp.Expr]:
        """Covariance on the side of the row, and on the side of the column (with the variance)."""
        X = self.letter.matrix
        rows, columns = covariance(X.rowcov), covariance(X.colcov)
        left, right = (columns, rows) if self.letter.turned else (rows, columns)
        return left, X.variance * right

    def meets(self, other: Entry) -> bool:
        """Whether E[N_ij ... N_kl] is of order one: the same letter, once turned and once not."""
        same = self.letter.matrix == other.letter.matrix
        return same and (self.letter.matrix.is_wigner or self.letter.turned != other.letter.turned)

    def runs_beside(self, other: Entry) -> bool:
        """Whether E[N_ij ... conj(N_kl)] is of order one: the same letter, turned alike."""
        same = self.letter.matrix == other.letter.matrix
        return same and (self.letter.matrix.is_wigner or self.letter.turned == other.letter.turned)


@dataclass(frozen=True)
class Unknown:
    """A scalar of the Dyson equation: the sum of tr(weight G_jk), inserted at (row, column) with a coefficient.

    `letter` is the first one that inserts it.
    """

    row: int
    column: int
    coefficient: sp.Expr
    measured: tuple[tuple[int, int, sp.Expr], ...]
    letter: Letter


@dataclass(frozen=True)
class Pencil:
    """Blocks of the pencil by wire."""

    wires: tuple[Wire, ...]
    fixed: dict[tuple[int, int], sp.Expr]
    entries: tuple[Entry, ...]
    sources: dict[int, sp.Expr]
    outputs: tuple[tuple[Output, ...], ...]

    @classmethod
    def of(cls, circuit: Circuit, outputs: list[list[Output]]) -> Pencil:
        """Read the equations of the wires, left - right = source, into blocks."""
        fixed: dict[tuple[int, int], sp.Expr] = defaultdict(lambda: sp.S.Zero)
        entries, sources = [], {}
        for i, wire in enumerate(circuit.wires):
            for sign, form in ((1, wire.left), (-1, wire.right)):
                for t in form:
                    if t.wire < 0:
                        sources[i] = -sign * t.outer
                    elif t.letter is None:
                        fixed[i, t.wire] += sign * t.outer
                    else:
                        entries.append(Entry(i, t.wire, sign * t.outer, t.letter, t.inner))
        kept = {place: value for place, value in fixed.items() if value != 0}
        return cls(tuple(circuit.wires), kept, tuple(entries), sources, tuple(map(tuple, outputs)))

    @property
    def size(self) -> int:
        """Number of wires."""
        return len(self.wires)

    def dimension(self, wire: int) -> Dim:
        """The dimension of a wire."""
        return self.wires[wire].dimension

    @cached_property
    def component(self) -> np.ndarray:
        """The strongly connected component of each wire: one resolvent, with those nested in it."""
        places = [*self.fixed, *((e.row, e.column) for e in self.entries)]
        rows, columns = np.array(places, dtype=int).reshape(-1, 2).T
        graph = csr_array((np.ones(len(rows)), (rows, columns)), shape=(self.size, self.size))
        return connected_components(graph, directed=True, connection="strong")[1]  # type: ignore[no-any-return]

    @cached_property
    def components(self) -> tuple[tuple[int, ...], ...]:
        """Wires of each component that a letter makes random; the others are their own inverse."""
        random = {self.component[e.row] for e in self.entries if self.component[e.row] == self.component[e.column]}
        return tuple(tuple(np.flatnonzero(self.component == c).tolist()) for c in sorted(random))

    @cached_property
    def pattern(self) -> np.ndarray:
        """Which blocks of G can differ from zero, to all orders in the letters."""
        same = np.array([[a.dimension == b.dimension for b in self.wires] for a in self.wires])
        pattern = np.eye(self.size, dtype=bool)
        for place in self.fixed:
            pattern[place] = True
        while True:
            wider = pattern.copy()
            for a in self.entries:
                for b in self.entries:
                    if a.meets(b) and pattern[a.column, b.row]:
                        wider[a.row, b.column] = True
            wider = ((wider.astype(int) @ wider.astype(int)) > 0) & same
            if (wider == pattern).all():
                return pattern
            pattern = wider

    @cached_property
    def unknowns(self) -> tuple[Unknown, ...]:
        """The scalars of the Dyson equation, those of equal insertions joined."""
        found: dict[tuple[int, int, sp.Expr], list[tuple[int, int, sp.Expr]]] = defaultdict(list)
        letters: dict[tuple[int, int, sp.Expr], Letter] = {}
        for a in self.entries:
            left, right = a.covariances
            for b in self.entries:
                if a.meets(b) and self.pattern[a.column, b.row]:
                    place = (a.row, b.column, a.outer * left * b.inner)
                    found[place].append((a.column, b.row, right * a.inner * b.outer))
                    letters.setdefault(place, a.letter)
        return tuple(Unknown(*place, tuple(measured), letters[place]) for place, measured in found.items())

    @cached_property
    def original(self) -> dict[Unknown, Unknown]:
        """Each unknown's counterpart in the first copy of its resolvent: copies have equal solutions."""
        first: dict[object, tuple[int, ...]] = {}
        places = {(u.row, u.column, u.coefficient): u for u in self.unknowns}
        found = {u: u for u in self.unknowns}
        for wires in self.components:
            order = {w: k for k, w in enumerate(wires)}
            original = first.setdefault(self._kind(order), wires)
            for u in self.unknowns:
                if u.row in order and u.column in order:
                    found[u] = places[original[order[u.row]], original[order[u.column]], u.coefficient]
        return found

    def _kind(self, order: dict[int, int]) -> object:
        """What a component is, its wires counted from zero."""
        fixed = frozenset((order[i], order[j], e) for (i, j), e in self.fixed.items() if i in order and j in order)
        random = frozenset(
            (order[e.row], order[e.column], e.outer, e.letter, e.inner)
            for e in self.entries
            if e.row in order and e.column in order
        )
        return tuple(self.dimension(w) for w in order), fixed, random

    def nonlinear(self, unknown: Unknown) -> bool:
        """Whether it belongs to a single resolvent; all others solve affine equations."""
        return bool(self.component[unknown.row] == self.component[unknown.column])
