r"""Linearisation: an expression applied to a vector, as linear equations between intermediate vectors (wires).

A source vector x runs through the expression from right to left. What it becomes is a *form*, a sum of terms P Z Q w
with deterministic P and Q, at most one Gaussian letter Z, and w a wire or the source. Every wire has one equation,
linear in the letters:

* a vector that meets a second letter, or the source that meets its first, becomes a wire, w - form = 0;
* the inverse of E makes an implicit one, E[y] - form = 0, so that no inverse is ever formed.

Equal forms are one wire, so an expression that occurs twice costs nothing the second time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias

import sympy as sp

from rmtcollapse.derive.algebra import Det, Inv, Letter, Node, Prod, Sum, transposed
from rmtcollapse.derive.letters import Dim

__all__ = ["Circuit", "Form", "Output", "Term", "Wire", "linearised"]


@dataclass(frozen=True)
class Term:
    """P Z Q w: `outer` P, `letter` Z (or none), `inner` Q, `wire` w (-1 is the source)."""

    outer: sp.Expr
    letter: Letter | None
    inner: sp.Expr
    wire: int


Form: TypeAlias = tuple[Term, ...]
_SOURCE = -1
_KEPT = 12  # circuits that are carried on, for the smallest so far need not stay it


@dataclass(frozen=True)
class Wire:
    """One intermediate vector of a dimension: the equation `left` = `right`, and the inverse that it came from."""

    dimension: Dim
    left: Form
    right: Form
    inverse: Inv | None = None


@dataclass(frozen=True)
class Output:
    """A trace: the sum of tr(P G b) over the terms P w of a form in wires and the source of a dimension."""

    dimension: Dim
    form: Form


@dataclass
class Circuit:
    """Wires, each with its equation; the source of each dimension is marked -1 in that dimension's forms."""

    wires: list[Wire] = field(default_factory=list)
    known: dict[object, int] = field(default_factory=dict)

    def copy(self) -> Circuit:
        """A scratch copy."""
        return Circuit(list(self.wires), dict(self.known))

    def apply(self, node: Node, form: Form) -> Form:
        """The form of node * vector."""
        if isinstance(node, Det):
            return _collected([replace(t, outer=node.value * t.outer) for t in form])
        if isinstance(node, Letter):
            if any(t.letter is not None or t.wire == _SOURCE for t in form):
                form = self._named(form, node.columns)
            return tuple(Term(sp.S.One, node, t.outer, t.wire) for t in form)
        if isinstance(node, Prod):
            for factor in reversed(node.factors):
                form = self.apply(factor, form)
            return form
        if isinstance(node, Sum):
            return _collected([t for term in node.terms for t in self.apply(term, form)])
        assert isinstance(node, Inv)
        return self._solved(node, form)

    def _named(self, form: Form, dimension: Dim) -> Form:
        key = (dimension, form)
        if key not in self.known:
            self.known[key] = self._add(Wire(dimension, (), form))
            wire = self.known[key]
            self.wires[wire] = Wire(dimension, (Term(sp.S.One, None, sp.S.One, wire),), form)
        return (Term(sp.S.One, None, sp.S.One, self.known[key]),)

    def _solved(self, node: Inv, form: Form) -> Form:
        key = (node, form)
        if key not in self.known:
            wire = self.known[key] = self._add(Wire(node.rows, (), form, node))
            left = self.apply(node.body, (Term(sp.S.One, None, sp.S.One, wire),))
            self.wires[wire] = Wire(node.rows, left, form, node)
        return (Term(sp.S.One, None, sp.S.One, self.known[key]),)

    def _add(self, wire: Wire) -> int:
        self.wires.append(wire)
        return len(self.wires) - 1

    def output(self, node: Node) -> Output:
        """tr(node) as a form in wires that no letter stands before."""
        form = self.apply(node, _source())
        if any(t.letter is not None for t in form):
            form = self._named(form, node.rows)
        return Output(node.rows, form)


def _source() -> Form:
    return (Term(sp.S.One, None, sp.S.One, _SOURCE),)


def _collected(terms: list[Term]) -> Form:
    """Terms that differ in P alone are one."""
    found: dict[tuple[Letter | None, sp.Expr, int], sp.Expr] = {}
    for t in terms:
        key = (t.letter, t.inner, t.wire)
        found[key] = found.get(key, sp.S.Zero) + t.outer
    made = [Term(outer, *key) for key, outer in found.items() if outer != 0]
    return tuple(sorted(made, key=lambda t: (t.wire, t.letter.key if t.letter else "", str(t.inner))))


def linearised(traces: list[Node]) -> tuple[Circuit, list[list[Output]]]:
    """One circuit for all traces, the longest term first, and for each trace the outputs whose sum it is."""
    terms = [(k, term) for k, node in enumerate(traces) for term in (node.terms if isinstance(node, Sum) else (node,))]
    terms.sort(key=lambda pair: -len(pair[1].key))
    found: list[tuple[Circuit, tuple[Output, ...]]] = [(Circuit(), ())]
    for _, term in terms:
        ahead = [(scratch, (*made, output)) for circuit, made in found for scratch, output in _ways(circuit, term)]
        found = sorted(ahead, key=lambda pair: len(pair[0].wires))[:_KEPT]
    circuit, made = found[0]
    outputs: list[list[Output]] = [[] for _ in traces]
    for (k, _), output in zip(terms, made, strict=True):
        outputs[k].append(output)
    return circuit, outputs


def _ways(circuit: Circuit, node: Node) -> list[tuple[Circuit, Output]]:
    """A trace is cyclic and does not mind a transpose: all ways of writing it."""
    found = []
    for way in dict.fromkeys((node, transposed(node))):
        for turned in _rotations(way):
            scratch = circuit.copy()
            output = scratch.output(turned)
            found.append((scratch, output))
    return found


def _rotations(node: Node) -> list[Node]:
    if not isinstance(node, Prod):
        return [node]
    f = node.factors
    return [Prod(f[k:] + f[:k]) for k in range(len(f))]
