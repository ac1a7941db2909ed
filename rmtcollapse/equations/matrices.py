"""Systems of matrices that need not commute: stated in SymPy, printed, and written out as one generated module.

A :class:`MatrixSystem` relates its unknown scalars to traces of matrix expressions. How it is solved is left to an
engine (dense linear algebra); the generated module evaluates what is stated, its relations and its outputs, in any
arithmetic of :mod:`rmtcollapse.equations.operations`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter
from sympy.printing.pycode import PythonCodePrinter

from rmtcollapse.equations.symbols import Parameter

__all__ = ["MatrixParameter", "MatrixSystem", "matrix_module"]


class MatrixParameter(sp.MatrixSymbol):  # type: ignore[misc]
    """A matrix (or a column vector) with the paper's letter for it."""

    def __new__(cls, name: str, rows: Any, columns: Any, letter: str = "") -> MatrixParameter:
        made: MatrixParameter = super().__new__(cls, name, rows, columns)
        made.letter = letter or str(name)
        return made

    letter: str


@dataclass(frozen=True)
class MatrixSystem:
    """A system of matrix equations, written once.

    Parameters
    ----------
    name : str
        Identifier, used in file names and messages.
    parameters : sequence of Parameter or MatrixParameter
        What is given.
    unknowns : sequence of Parameter
        Scalars that the relations determine.
    definitions : mapping
        Named intermediate quantities, in order; relations and outputs may use them.
    statement : sequence of Eq
        As many relations as unknowns, each with an unknown on its left.
    outputs : mapping of Parameter to Expr
        What is computed, in order; one output may use those before it.
    """

    name: str
    parameters: Sequence[Any]
    unknowns: Sequence[Parameter]
    definitions: Mapping[Any, Any]
    statement: Sequence[sp.Eq]
    outputs: Mapping[Parameter, sp.Expr]

    def __post_init__(self) -> None:
        known = {*self.parameters, *self.unknowns, *self.definitions, *self.outputs}
        exprs = [*self.definitions.values(), *self.statement, *self.outputs.values()]
        loose = {s for e in exprs for s in e.free_symbols} - known - _shapes(self.parameters)
        if loose:
            raise ValueError(f"system {self.name!r}: undeclared symbols {sorted(map(str, loose))}")
        if len(self.statement) != len(self.unknowns):
            raise ValueError(f"system {self.name!r}: {len(self.unknowns)} unknowns, {len(self.statement)} relations")

    def symbol(self, name: str) -> Any:
        """The quantity of this name."""
        named = (*self.parameters, *self.unknowns, *self.definitions, *self.outputs)
        return next(s for s in named if s.name == name)

    def given(
        self,
        name: str,
        parameters: Sequence[Any],
        formulas: Mapping[Any, Any],
        outputs: Mapping[Parameter, sp.Expr],
        keep: Sequence[str] = (),
    ) -> MatrixSystem:
        """The same equations where some parameters follow by formulas, in order, from others; with other outputs.

        Parameters
        ----------
        name : str
            Of the new system.
        parameters : sequence
            What the formulas are given.
        formulas : mapping
            Parameters of this system, and whatever they need, in order.
        outputs : mapping
            In order, after those of this system that are kept.
        keep : sequence of str
            Names of outputs that are kept.
        """
        kept = {s: e for s, e in self.outputs.items() if s.name in keep}
        exprs = [*self.definitions.values(), *self.statement, *kept.values(), *formulas.values(), *outputs.values()]
        used = {s for e in exprs for s in e.free_symbols} | _shapes(self.parameters)
        free = [s for s in self.parameters if s in used and s not in formulas]
        return MatrixSystem(
            name,
            (*free, *parameters),
            self.unknowns,
            {**formulas, **self.definitions},
            self.statement,
            {**kept, **outputs},
        )

    def latex(self) -> str:
        """The system as one LaTeX ``aligned`` block."""
        relations = [(eq.lhs, eq.rhs) for eq in self.statement]
        rows = [*self.definitions.items(), *relations, *self.outputs.items()]
        printer = _Printer({s.name: s.letter for s in (*self.parameters, *self.definitions)})
        text = " \\\\\n".join(f"{printer.doprint(left)} &= {printer.doprint(right)}" for left, right in rows)
        return f"\\begin{{aligned}}\n{text}\n\\end{{aligned}}"


def _shapes(symbols: Sequence[Any]) -> set[sp.Basic]:
    return {s for m in symbols if isinstance(m, sp.MatrixSymbol) for d in m.shape for s in d.free_symbols}


class _Printer(LatexPrinter):
    """Terms in the order in which they are written; letters by name, as SymPy makes its matrix symbols anew."""

    def __init__(self, letters: Mapping[str, str]) -> None:
        super().__init__({"order": "none", "fold_short_frac": False, "mul_symbol": None})
        self._letters = letters

    def _print_MatrixSymbol(self, expr: sp.MatrixSymbol, style: str = "plain") -> str:
        return self._letters[expr.name]

    _print_MatrixParameter = _print_MatrixSymbol  # noqa: N815

    def _print_Trace(self, expr: sp.Trace) -> str:
        return rf"\operatorname{{tr}}\left[{self._print(expr.arg)}\right]"


class _MatrixCode(PythonCodePrinter):
    """Python text in terms of an ``op``, which says how matrices are multiplied, inverted and traced."""

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        return str(expr.name)

    _print_Parameter = _print_Count = _print_MatrixSymbol = _print_MatrixParameter = _print_Symbol  # noqa: N815

    def _print_MatMul(self, expr: sp.MatMul) -> str:
        factor, matrices = expr.as_coeff_matrices()
        text = self._print(matrices[0])
        for matrix in matrices[1:]:
            text = f"op.product({text}, {self._print(matrix)})"
        return text if factor == 1 else f"({self._print(factor)})*({text})"

    def _print_MatAdd(self, expr: sp.MatAdd) -> str:
        return "(" + " + ".join(self._print(a) for a in expr.args) + ")"

    def _print_Inverse(self, expr: sp.Inverse) -> str:
        return f"op.inverse({self._print(expr.arg)})"

    def _print_Transpose(self, expr: sp.Transpose) -> str:
        return f"({self._print(expr.arg)}).T"

    def _print_Trace(self, expr: sp.Trace) -> str:
        """The last product under a trace is never formed, only its diagonal."""
        if isinstance(expr.arg, sp.MatPow) and expr.arg.exp == 2:
            return f"op.trace_product({self._print(expr.arg.base)}, {self._print(expr.arg.base)})"
        if not isinstance(expr.arg, sp.MatMul):
            return f"op.trace({self._print(expr.arg)})"
        factor, matrices = expr.arg.as_coeff_matrices()
        if len(matrices) == 1:
            return f"({self._print(factor)})*op.trace({self._print(matrices[0])})"
        text = f"op.trace_product({self._print(sp.MatMul(*matrices[:-1]))}, {self._print(matrices[-1])})"
        return text if factor == 1 else f"({self._print(factor)})*{text}"

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:
        if expr.exp in (sp.S.Half, -sp.S.Half):
            root = f"op.sqrt({self._print(expr.base)})"
            return root if expr.exp > 0 else f"(1/{root})"
        return str(super()._print_Pow(expr, rational=rational))

    def _print_MatPow(self, expr: sp.MatPow) -> str:
        if expr.exp != 2:
            raise NotImplementedError(f"the power {expr.exp} of a matrix")
        return f"op.product({self._print(expr.base)}, {self._print(expr.base)})"

    def _print_limit_product(self, expr: sp.Expr) -> str:
        return f"op.limit_product({', '.join(self._print(a) for a in expr.args)})"

    def _print_normal_cdf(self, expr: sp.Expr) -> str:
        return f"op.normal_cdf({self._print(expr.args[0])})"

    def _print_poisson_moment(self, expr: sp.Expr) -> str:
        return f"op.poisson_moment({', '.join(self._print(a) for a in expr.args)})"

    def _print_NormalBase(self, expr: sp.Expr) -> str:
        return f"op.normal.{type(expr).__name__}({', '.join(self._print(a) for a in expr.args)})"

    def _print_Identity(self, expr: sp.Identity) -> str:
        return f"op.identity({self._print(expr.shape[0])})"


def matrix_module(system: MatrixSystem) -> str:
    """Text of the generated module of `system`: names, and an ``evaluate`` of relations and outputs."""
    printer = _MatrixCode()
    names = [s.name for s in (*system.parameters, *system.unknowns)]
    lines = [f"{n} = values[{n!r}]" for n in names]
    lines += [f"{s.name} = {printer.doprint(e)}" for s, e in (*system.definitions.items(), *system.outputs.items())]
    relations = ", ".join(f"({printer.doprint(eq.lhs)}, {printer.doprint(eq.rhs)})" for eq in system.statement)
    outputs = ", ".join(f"{s.name!r}: {s.name}" for s in system.outputs)
    body = "\n    ".join([*lines, f"return [{relations}], {{{outputs}}}"])
    return (
        '"""Generated by rmtcollapse from a system of equations. Do not edit: written anew when they change."""\n\n'
        f"SYSTEM = {system.name!r}\n"
        f"UNKNOWNS = {tuple((u.name, u.letter) for u in system.unknowns)!r}\n"
        f"OUTPUTS = {tuple(s.name for s in system.outputs)!r}\n\n\n"
        f"def evaluate(values, op):\n    {body}\n"
    )
