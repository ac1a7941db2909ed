"""LaTeX of a system: one aligned block, in the letters of the paper."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import sympy as sp
from sympy.printing.latex import LatexPrinter

from rmtcollapse.equations.symbols import Total, filter_factor, limit_product

if TYPE_CHECKING:
    from rmtcollapse.equations.system import Recursion, System

__all__ = ["expression_latex", "system_latex"]


class _Printer(LatexPrinter):
    """SymPy's printer with sums kept as written and squares such as ``w_j^2`` powered legibly."""

    def __init__(self) -> None:
        super().__init__({"order": "none", "fold_short_frac": False, "mul_symbol": None})

    def _as_ordered_terms(self, expr: sp.Add, order: object = None) -> list[sp.Expr]:
        return sorted(expr.args, key=lambda term: term.could_extract_minus_sign())

    def _print_Pow(self, expr: sp.Pow) -> str:
        base, power = expr.args
        compound = isinstance(base, Total | filter_factor | limit_product) or "^" in getattr(base, "letter", "")
        if not compound or not power.is_Integer:
            return str(super()._print_Pow(expr))
        if power < 0:
            return rf"\frac{{1}}{{{self._print(base**-power)}}}"
        return rf"\left({self._print(base)}\right)^{{{power}}}"


def expression_latex(expr: sp.Basic) -> str:
    """LaTeX of one expression or equation."""
    return str(_Printer().doprint(expr))


def _line(left: str, right: str) -> str:
    return rf"{left} &= {right}"


def _assignments(pairs: Iterable[tuple[sp.Basic, sp.Basic]]) -> list[str]:
    return [_line(expression_latex(name), expression_latex(expr)) for name, expr in pairs]


def _recursion_lines(recursion: Recursion) -> list[str]:
    index = r"(\ell)"
    started = [_line(rf"{s.letter}^{{(0)}}", expression_latex(first)) for s, (first, _) in recursion.state.items()]
    carried = {s: sp.Symbol(rf"{s.letter}^{{{index}}}") for s in recursion.state}
    inner = {s: sp.Symbol(rf"{s.letter}^{{{index}}}") for s in recursion.within}

    def show(expr: sp.Expr) -> str:
        return _IndexedPrinter({**carried, **inner}).doprint(expr)

    within = [_line(rf"{s.letter}^{{{index}}}", show(expr)) for s, expr in recursion.within.items()]
    steps = [_line(rf"{s.letter}^{{(\ell+1)}}", show(after)) for s, (_, after) in recursion.state.items()]
    count = rf"& \text{{for }} \ell = 0, \dots, {expression_latex(recursion.steps)} - 1:"
    return [*started, count, *within, *steps]


class _IndexedPrinter(_Printer):
    """Prints carried quantities with their generation as a superscript."""

    def __init__(self, shown: dict[sp.Symbol, sp.Symbol]) -> None:
        super().__init__()
        self._shown = {s: t.name for s, t in shown.items()}

    def emptyPrinter(self, expr: sp.Basic) -> str:
        return str(super().emptyPrinter(expr))

    def _print(self, expr: sp.Basic, **kwargs: object) -> str:
        if expr in self._shown:
            return self._shown[expr]
        return str(super()._print(expr, **kwargs))

    def _print_Pow(self, expr: sp.Pow) -> str:
        if expr.args[0] in self._shown and expr.args[1].is_Integer:
            return rf"\left({self._shown[expr.args[0]]}\right)^{{{expr.args[1]}}}"
        return super()._print_Pow(expr)


def system_latex(system: System) -> str:
    """The whole system as an ``aligned`` block: fixed points, definitions, recursion, outputs."""
    lines = [
        _line(expression_latex(eq.lhs), expression_latex(eq.rhs))
        for point in system.fixed_points
        for eq in point.statement
    ]
    lines += _assignments(system.definitions.items())
    if system.recursion:
        lines += _recursion_lines(system.recursion)
    lines += _assignments(system.outputs.items())
    lines += _assignments(system.kernel.items())
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"
