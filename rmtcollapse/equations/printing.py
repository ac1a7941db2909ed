"""Python text of expressions, for both forms of a generated module."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.printing.pycode import PythonCodePrinter

from rmtcollapse.equations.lowering import exact_part

__all__ = ["code"]


class _CodePrinter(PythonCodePrinter):
    """Python expressions; whole numbers are added first, in brackets, so that they cancel without rounding."""

    def __init__(self) -> None:
        super().__init__({"precision": 17})

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        return str(expr.name)

    _print_Column = _print_Parameter = _print_Count = _print_Symbol  # noqa: N815

    def _print_Add(self, expr: sp.Add, order: Any = None) -> str:
        whole, rest = exact_part(expr)
        if len(whole) < 2 or not rest:
            return str(super()._print_Add(expr, order=order))
        exact = super()._print_Add(sp.Add(*whole, evaluate=False))
        return f"(({exact}) + {' + '.join(f'({self._print(a)})' for a in rest)})"

    def _print_filter_factor(self, expr: sp.Expr) -> str:
        return self._print(expr.doit())  # type: ignore[no-any-return]

    def _print_limit_product(self, expr: sp.Expr) -> str:
        return f"limit_product({', '.join(self._print(a) for a in expr.args)})"

    def _print_reciprocal_sum(self, expr: sp.Expr) -> str:
        return f"reciprocal_sum({', '.join(self._print(a) for a in expr.args)})"

    def _print_lost_share(self, expr: sp.Expr) -> str:
        return f"lost_share({', '.join(self._print(a) for a in expr.args)})"

    def _print_kept_share(self, expr: sp.Expr) -> str:
        return f"kept_share({', '.join(self._print(a) for a in expr.args)})"

    def _print_normal_cdf(self, expr: sp.Expr) -> str:
        return f"normal_cdf({self._print(expr.args[0])})"

    def _print_ScoreBase(self, expr: sp.Expr) -> str:
        return f"{expr.func.__name__}({', '.join(self._print(a) for a in expr.args)})"

    def _print_Infinity(self, expr: Any) -> str:
        return "np.inf"

    def _print_BooleanTrue(self, expr: Any) -> str:
        return "True"


def code(expr: sp.Basic) -> str:
    """Python text of a scalar expression; the names are those of the symbols."""
    return str(_CodePrinter().doprint(expr))
