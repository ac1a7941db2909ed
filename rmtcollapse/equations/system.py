"""What a fixed-point system is: parameters, a law, fixed points with branches, a recursion, named outputs.

A :class:`System` says nothing about how it is solved. ``latex`` prints it, ``generate`` compiles it, ``reference``
solves it with mpmath; all three read the same expressions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from keyword import iskeyword

import sympy as sp
from sympy.logic.boolalg import Boolean

from rmtcollapse.equations.symbols import Column, Parameter, Total

__all__ = ["Branch", "FixedPoint", "Recursion", "System"]

# Names that the generated text gives to things of its own.
_TAKEN = re.compile(
    r"[pvcxFJHSi]|law|out|np|math|numba|strict|njit|abs|max|min|int|range|lower|upper|guess|start|stop|value|slope|bend|scale|learned|multiplicity"
    r"|add_up|relative_defect|limit_product|kept_share|lost_share|normal_cdf|reciprocal_sum|midpoint_correction"
    r"|cosh_integral|score_(cdf|tail|density|fall|square|series)"
    r"|EPS|DEPTH|NO_\w+|.*_(part|after|carried|run|runs)"
    r"|(law_total|total|sum|first|last|begin|step|update|start|given)(\d+|_\d).*"
    r"|(left|right|size|value|f|g)\d+|[jh]\d+_.*"
)


@dataclass(frozen=True)
class Branch:
    """One regime of a fixed point, and how its unknowns are found there.

    Parameters
    ----------
    name : str
        The regime, in words.
    when : Boolean
        Condition on parameters and on totals of the law; the first branch that holds is taken.
    given : mapping of Symbol to Expr
        Unknowns with a closed form in this regime (may use the solved unknowns).
    solve : sequence of Symbol
        Unknowns found numerically; all are positive and are solved in their logarithm.
    equations : sequence of Expr
        As many expressions, zero at the solution, in the solved unknowns.
    bracket : pair of Expr, optional
        For one unknown: positive bounds between which the equation changes sign exactly once.
    start : sequence of Expr, optional
        For several unknowns (or one without a bracket): where Newton's method starts.
    status : str
        What to tell the user about values in this regime; empty where there is nothing to tell.
    """

    name: str
    when: Boolean
    given: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
    solve: Sequence[sp.Symbol] = ()
    equations: Sequence[sp.Expr] = ()
    bracket: tuple[sp.Expr, sp.Expr] | None = None
    start: Sequence[sp.Expr] = ()
    status: str = ""

    def __post_init__(self) -> None:
        if len(self.solve) != len(self.equations):
            raise ValueError(f"branch {self.name!r}: {len(self.solve)} unknowns, {len(self.equations)} equations")
        if len(self.solve) == 1 and self.bracket is None and not self.start:
            raise ValueError(f"branch {self.name!r}: one unknown needs a bracket, or a start")
        if not self.is_bracketed and len(self.start) != len(self.solve):
            raise ValueError(f"branch {self.name!r}: several unknowns need a start for each")

    @property
    def is_bracketed(self) -> bool:
        """Whether there is one unknown, between two bounds; else Newton's method is used."""
        return len(self.solve) == 1 and self.bracket is not None


@dataclass(frozen=True)
class FixedPoint:
    """Unknowns and the equations that state them, valid in every regime; branches say how to solve.

    The statement is what is printed and what certifies a value; it does not know the branches.
    """

    name: str
    unknowns: Sequence[Parameter]
    statement: Sequence[sp.Eq]
    branches: Sequence[Branch]


@dataclass(frozen=True)
class Recursion:
    """Quantities carried through `steps` generations, all updated at once.

    `state` maps each carried symbol to (initial value, value after one step). A symbol that is a
    :class:`~rmtcollapse.equations.symbols.Column` is carried for each direction. `within` names scalars that one
    step needs, in order.
    """

    steps: sp.Expr
    state: Mapping[sp.Symbol, tuple[sp.Expr, sp.Expr]]
    within: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)


@dataclass(frozen=True)
class System:
    """A fixed-point system, written once.

    Parameters
    ----------
    name : str
        Identifier, used in file names and messages.
    parameters : sequence of Parameter
        Scalars that the user gives, in the order of the compiled argument vector.
    columns : sequence of Column
        Columns of the law (the multiplicity is implied).
    fixed_points : sequence of FixedPoint
        Solved in order; a later one may use the unknowns of an earlier one.
    definitions : mapping of Symbol to Expr
        Named intermediate quantities, in order.
    outputs : mapping of Symbol to Expr
        What is computed, in order; one output may use those before it.
    recursion : Recursion, optional
        Between the definitions that it does not touch and those (and outputs) that use its result.
    kernel : mapping of Expr to Expr
        What a hand-written kernel of the model computes from the rest: stated and printed here, not compiled.
    """

    name: str
    parameters: Sequence[Parameter]
    columns: Sequence[Column]
    fixed_points: Sequence[FixedPoint]
    definitions: Mapping[sp.Symbol, sp.Expr]
    outputs: Mapping[Parameter, sp.Expr]
    recursion: Recursion | None = None
    kernel: Mapping[sp.Basic, sp.Expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._refuse_names()
        known: set[sp.Basic] = set(self.parameters) | set(self.unknowns) | set(self.definitions) | set(self.outputs)
        if self.recursion:
            known |= set(self.recursion.state) | set(self.recursion.within)
        for expr in self._expressions():
            columns = {s for t in expr.atoms(Total) for s in t.args[0].free_symbols if isinstance(s, Column)}
            loose = (expr.free_symbols | columns) - known - set(self.columns)
            if loose:
                raise ValueError(f"system {self.name!r}: undeclared symbols {sorted(map(str, loose))}")

    def _refuse_names(self) -> None:
        """Every quantity has a name of its own, which the generated text does not use for something else."""
        named = [*self.parameters, *self.columns, *self.unknowns, *self.definitions, *self.outputs]
        if self.recursion:
            named += [*self.recursion.state, *self.recursion.within]
        names = [s.name for s in dict.fromkeys(named)]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"system {self.name!r}: several quantities are named {name!r}")
            if not name.isidentifier() or iskeyword(name) or _TAKEN.fullmatch(name):
                raise ValueError(f"system {self.name!r}: the name {name!r} is taken (or not one); choose another")

    def _expressions(self) -> list[sp.Basic]:
        found: list[sp.Basic] = [*self.definitions.values(), *self.outputs.values()]
        for point in self.fixed_points:
            found += point.statement
            for branch in point.branches:
                found += [
                    branch.when,
                    *branch.given.values(),
                    *branch.equations,
                    *(branch.bracket or ()),
                    *branch.start,
                ]
        if self.recursion:
            found += [self.recursion.steps, *self.recursion.within.values()]
            found += [e for pair in self.recursion.state.values() for e in pair]
        return found

    @property
    def unknowns(self) -> list[Parameter]:
        """All unknowns, in the order in which they are solved."""
        return [u for point in self.fixed_points for u in point.unknowns]

    def latex(self) -> str:
        """The system as one LaTeX ``aligned`` block."""
        from rmtcollapse.equations.latex import system_latex

        return system_latex(self)
