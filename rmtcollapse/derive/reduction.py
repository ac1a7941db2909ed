r"""The Dyson equation as scalar equations: a :class:`~rmtcollapse.equations.system.System` of sums over the law.

The small matrices M_t(c) are block triangular: each diagonal block is inverted by cofactors, and the other entries of
G_t(c) are sums over paths. The unknowns of one resolvent stay implicit; the copies of a resolvent share them. All
others obey affine equations, eliminated level by level with their coefficients named, so that no expression grows:
the reduced system is exact, only written out.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from sympy.utilities.iterables import strongly_connected_components

from rmtcollapse.derive.algebra import Eigenvalue
from rmtcollapse.derive.binding import Binding
from rmtcollapse.derive.inversion import Inverses
from rmtcollapse.derive.pencil import Pencil, Unknown
from rmtcollapse.derive.reading import Reading
from rmtcollapse.derive.vocabulary import Vocabulary
from rmtcollapse.equations.compile import Compiled
from rmtcollapse.equations.symbols import Parameter, Total, total
from rmtcollapse.equations.system import Branch, FixedPoint, System

__all__ = ["BudgetError", "Reduction", "reduced"]

_LONG = 24  # operations from which on a coefficient gets a name of its own
_MANY = 24  # terms up to which a sum over the law is split


class BudgetError(Exception):
    """The reduction has used up its time."""


@dataclass(frozen=True)
class Reduction:
    """A reduced system, and how numbers are handed to it.

    Attributes
    ----------
    system : System
        Its Newton iterations start where its parameters ``guess_1, ...`` say: at the certified solution.
    implicit, affine : int
        How many unknowns stay implicit, and how many are eliminated.
    """

    system: System
    implicit: int
    affine: int
    vocabulary: Vocabulary = field(repr=False)
    guesses: tuple[tuple[Parameter, Unknown, sp.Expr], ...] = field(repr=False)

    @cached_property
    def compiled(self) -> Compiled:
        """The system as a generated module."""
        return Compiled(self.system.name, lambda: self.system, ())

    def arguments(self, binding: Binding, solved: Mapping[Unknown, Any]) -> dict[str, Any]:
        """Parameters of the system: sizes, scalars, and the unknowns of the engine as starts."""
        known = self.vocabulary.scalars(binding)
        starts = {p.name: binding.number(scale, {}) * solved[u] for p, u, scale in self.guesses}
        return known | starts

    def columns(self, binding: Binding) -> dict[str, np.ndarray]:
        """Columns of the joint law of all dimensions."""
        return self.vocabulary.columns(binding)


def reduced(pencil: Pencil, reading: Reading, symbols: Iterable[sp.Basic], budget: float) -> Reduction:
    """Reduce a pencil to scalar equations.

    Raises
    ------
    BudgetError
        If that takes more than `budget` seconds.
    """
    return _Reducer(pencil, reading, Vocabulary.of(symbols), time.perf_counter() + budget).reduced()


class _Reducer:
    def __init__(self, pencil: Pencil, reading: Reading, words: Vocabulary, deadline: float) -> None:
        self.pencil, self.reading, self.words, self.deadline = pencil, reading, words, deadline
        self.symbols: dict[Unknown, Parameter] = {}
        self.scales: dict[Unknown, sp.Expr] = {}
        self.definitions: dict[sp.Symbol, sp.Expr] = {}
        self.names: dict[sp.Expr, Parameter] = {}
        self.inverses = Inverses(self._blocks(), [wire.dimension for wire in pencil.wires])

    def reduced(self) -> Reduction:
        traces = [sum((self._trace(o) for o in outputs), sp.S.Zero) for outputs in self.pencil.outputs]
        equations = self._reachable(traces)
        points, guesses, affine = [], list[tuple[Parameter, Unknown, sp.Expr]](), 0
        for level in self._levels(equations):
            if self._is_nonlinear(level, equations):
                points.append(self._fixed_point(level, equations, guesses))
            else:
                affine += len(level)
                self._eliminate(level, equations)
        value, fixed = self._value(traces), len(guesses)
        parameters = [*self.words.parameters, *(g for g, _, _ in guesses)]
        system = System("derived", parameters, self.words.laws, points, self.definitions, value)
        return Reduction(_numbered(system), fixed, affine, self.words, tuple(guesses))

    def _in_time(self) -> None:
        if time.perf_counter() > self.deadline:
            raise BudgetError

    def _blocks(self) -> dict[tuple[int, int], sp.Expr]:
        """M = F - S[G], by pair of wires of one dimension."""
        blocks = {place: self.words.read(value) for place, value in self.pencil.fixed.items()}
        for unknown in self.pencil.unknowns:
            place = unknown.row, unknown.column
            blocks[place] = blocks.get(place, sp.S.Zero) - self._inserted(unknown)
        return {place: value for place, value in blocks.items() if value != 0}

    def _inserted(self, unknown: Unknown) -> sp.Expr:
        """What the unknown adds to the self-energy, its constant factor being part of the symbol."""
        kind = self.pencil.original[unknown]
        coefficient, profile = unknown.coefficient.as_independent(Eigenvalue, as_Add=False)
        if kind not in self.symbols:
            weights = [coefficient * w for _, _, w in unknown.measured]
            sign = -1 if all(w.could_extract_minus_sign() for w in weights) else 1
            self.scales[kind] = sign * coefficient
            self.symbols[kind] = self._letter(kind)
        sign = sp.S.One if self.scales[kind] == coefficient else sp.S.NegativeOne
        return sign * self.symbols[kind] * self.words.read(profile)

    def _letter(self, unknown: Unknown) -> Parameter:
        """q for what the rows of a letter return, s for what its columns do; a dot marks products of resolvents."""
        kind = "q" if unknown.letter.turned else "s"
        kind = kind if self.pencil.nonlinear(unknown) else rf"\dot {kind}"
        subscript = sp.latex(sp.Symbol(unknown.letter.matrix.name))
        return Parameter(f"unknown_{len(self.symbols) + 1}", f"{kind}_{{{subscript}}}", complex=True)

    def _equation(self, unknown: Unknown) -> sp.Expr:
        addends = [
            self.words.trace(self.pencil.dimension(j), self.words.read(weight) * self.inverses.entry(j, k))
            for j, k, weight in unknown.measured
        ]
        return self.words.read(self.scales[unknown]) * sp.Add(*addends)

    def _trace(self, output: Any) -> sp.Expr:
        t = output.dimension
        sources = [(w, self.words.read(b)) for w, b in self.pencil.sources.items() if self.pencil.dimension(w) == t]
        total: sp.Expr = sp.S.Zero
        for term in output.form:
            self._in_time()
            outer = self.words.read(term.outer)
            if term.wire < 0:
                total += self.words.trace(t, outer)
            else:
                total += sum(self.words.trace(t, outer * b * self.inverses.entry(term.wire, w)) for w, b in sources)
        return total

    def _reachable(self, traces: list[sp.Expr]) -> dict[Parameter, sp.Expr]:
        """Right-hand sides of the unknowns that the traces need."""
        owners = {symbol: unknown for unknown, symbol in self.symbols.items()}
        equations: dict[Parameter, sp.Expr] = {}
        waiting = sorted({s for t in traces for s in t.free_symbols if s in owners}, key=str)
        while waiting:
            self._in_time()
            symbol = waiting.pop()
            if symbol not in equations:
                equations[symbol] = self._equation(owners[symbol])
                waiting += sorted((s for s in equations[symbol].free_symbols if s in owners), key=str)
        return dict(sorted(equations.items(), key=lambda pair: int(pair[0].name.partition("_")[2])))

    def _levels(self, equations: Mapping[Parameter, sp.Expr]) -> Iterator[list[Parameter]]:
        """Unknowns that depend on one another, those that others need first."""
        edges = [(a, b) for a, e in equations.items() for b in equations if b in e.free_symbols]
        for level in strongly_connected_components((list(equations), edges)):
            yield sorted(level, key=list(equations).index)

    def _is_nonlinear(self, level: list[Parameter], equations: Mapping[Parameter, sp.Expr]) -> bool:
        owners = {symbol: unknown for unknown, symbol in self.symbols.items()}
        loops = len(level) > 1 or level[0] in equations[level[0]].free_symbols
        return loops and any(self.pencil.nonlinear(owners[u]) for u in level)

    def _fixed_point(self, level: list[Parameter], equations: Mapping[Parameter, sp.Expr], guesses: list[Any]) -> Any:
        owners = {symbol: unknown for unknown, symbol in self.symbols.items()}
        starts = []
        for symbol in level:
            starts.append(
                Parameter(f"guess_{len(guesses) + 1}", rf"{symbol.letter}^{{\mathrm{{start}}}}", complex=True)
            )
            guesses.append((starts[-1], owners[symbol], self.scales[owners[symbol]]))
        defects = [symbol - equations[symbol] for symbol in level]
        branch = Branch("certified", sp.true, solve=level, equations=defects, start=starts)
        statement = [sp.Eq(symbol, equations[symbol], evaluate=False) for symbol in level]
        return FixedPoint(level[0].name, level, statement, [branch])

    def _eliminate(self, level: list[Parameter], equations: Mapping[Parameter, sp.Expr]) -> None:
        """Solve u = b + A u, one unknown after the other; long coefficients get names."""
        nothing = dict.fromkeys(level, sp.S.Zero)
        b = {u: self._named(equations[u].xreplace(nothing)) for u in level}
        A = {(u, v): self._named(sp.diff(equations[u], v)) for u in level for v in level}
        lines = []
        for place, u in enumerate(level):
            self._in_time()
            rest = level[place + 1 :]
            pivot = 1 / (1 - A[u, u])
            b[u] = self._short(pivot * b[u])
            for v in rest:
                A[u, v] = self._short(pivot * A[u, v])
            for w in rest:
                b[w] = self._short(b[w] + A[w, u] * b[u])
                for v in rest:
                    A[w, v] = self._short(A[w, v] + A[w, u] * A[u, v])
            lines.append((u, b[u] + sum(A[u, v] * v for v in rest)))
        self.definitions.update(reversed(lines))

    def _named(self, expr: sp.Expr) -> sp.Expr:
        """The expression with each sum over the law written as named sums of single terms."""
        self._in_time()
        return expr.xreplace({t: self._integrals(t) for t in sorted(expr.atoms(Total), key=str)})

    def _integrals(self, whole: Total) -> sp.Expr:
        """Sums over the law of single terms, whose constant factors stand outside: more of them are equal."""
        terms = _terms(whole.summand)
        made = sp.Add(*map(total, terms)) if len(terms) <= _MANY else whole
        return made.xreplace({t: self._name(t, "I", "integral") for t in sorted(made.atoms(Total), key=str)})

    def _short(self, expr: sp.Expr) -> sp.Expr:
        return self._name(expr, "a", "coefficient") if sp.count_ops(expr) > _LONG else expr

    def _name(self, expr: sp.Expr, letter: str, kind: str) -> Parameter:
        if expr not in self.names:
            number = 1 + sum(p.name.startswith(kind) for p in self.names.values())
            self.names[expr] = Parameter(f"{kind}_{number}", f"{letter}_{{{number}}}", complex=True)
            self.definitions[self.names[expr]] = expr
        return self.names[expr]

    def _value(self, traces: list[sp.Expr]) -> dict[Parameter, sp.Expr]:
        named = {s: self._named(t) for s, t in zip(self.reading.nodes, traces, strict=True)}
        if len(named) > 1 or self.reading.value not in named:
            letters = {s: Parameter(f"trace_{str(s)[2:]}", sp.latex(s), complex=True) for s in named}
            self.definitions.update((letters[s], expr) for s, expr in named.items())
            named = letters
        value = self.words.read(self.reading.value).xreplace(named)
        return {Parameter("answer", r"\mathrm{value}", complex=True): value}


def _terms(expr: sp.Expr) -> list[sp.Expr]:
    """Addends of a product of sums, denominators left as they are."""
    found = sp.expand_mul(expr, deep=False)
    return [t for part in found.args for t in _terms(part)] if found.is_Add else [found]


def _numbered(system: System) -> System:
    """The same system, in which unknowns of one letter are told apart by a number, in the order of the equations."""
    named = [*system.unknowns, *system.definitions]
    letters = [p.letter for p in named]
    new: dict[Parameter, Parameter] = {}
    for place, p in enumerate(named):
        if letters.count(p.letter) > 1:
            number = 1 + letters[:place].count(p.letter)
            new[p] = Parameter(p.name, f"{p.letter[:-1]},{number}}}", complex=True)

    def renamed(pairs: Mapping[Parameter, sp.Expr]) -> dict[Parameter, sp.Expr]:
        return {new.get(p, p): e.xreplace(new) for p, e in pairs.items()}

    points = [
        replace(
            point,
            unknowns=[new.get(u, u) for u in point.unknowns],
            statement=[eq.xreplace(new) for eq in point.statement],
            branches=[
                replace(b, solve=[new.get(u, u) for u in b.solve], equations=[e.xreplace(new) for e in b.equations])
                for b in point.branches
            ],
        )
        for point in system.fixed_points
    ]
    return replace(
        system, fixed_points=points, definitions=renamed(system.definitions), outputs=renamed(system.outputs)
    )
