"""The two forms of a generated module: NumPy for single points, Numba for grids."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent

import sympy as sp

from rmtcollapse.equations.lowering import Pass, shared_parts
from rmtcollapse.equations.matrices import MatrixSystem, matrix_module
from rmtcollapse.equations.module_text import Form, template
from rmtcollapse.equations.printing import code
from rmtcollapse.equations.symbols import Column, filter_factor
from rmtcollapse.equations.system import System

__all__ = ["GENERATOR_VERSION", "numba_module", "numpy_module"]

GENERATOR_VERSION = 5
_BLOCK = 64  # atoms per block: the running sums of a block stay in cache, and their errors do not accumulate
_NUMBA = """import numba

strict = {"nogil": True, "error_model": "numpy", "fastmath": False}
# Python calls the grid alone: wrappers and files of all that it calls would be compiled and stored for nothing.
njit = numba.njit(**strict, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""


_LIMIT_PRODUCT_ARRAYS = """

def limit_product(a, b):
    return np.where((a == 0.0) | (b == 0.0), 0.0, a * b)
"""

_LIMIT_PRODUCT = """

@njit
def limit_product(a, b):
    if a == 0.0 or b == 0.0:
        return 0.0
    return a * b
"""


class _PassText:
    """The summands of one pass, with their common parts named."""

    def __init__(self, exprs: Sequence[sp.Expr], name: str) -> None:
        self.parts, self.reduced = shared_parts(exprs, name)
        self.columns = sorted({c.name for e in exprs for c in e.atoms(Column)})

    def lines(self) -> list[str]:
        return [f"{s.name} = {code(e)}" for s, e in self.parts]


def _summands(step: Pass) -> list[sp.Expr]:
    """Two expressions for a split sum (learned share, unlearned share), one for a plain one."""
    exprs: list[sp.Expr] = []
    for item in step.sums:
        if item.count is None:
            exprs.append(item.summand)
        else:
            s, k = item.summand.args
            exprs += [filter_factor(s, k), filter_factor(k, s)]
    return exprs


class _NumpyForm(Form):
    """Whole arrays at a time; runs without Numba."""

    def header(self) -> str:
        return template("header.py.in").substitute(imports="", decorator="") + _LIMIT_PRODUCT_ARRAYS

    def _columns(self, names: Sequence[str], carried: Sequence[str]) -> list[str]:
        return [f"{n} = law[{self.rows[n]}]" for n in names if n not in carried and n in self.rows]

    def run_pass(self, step: Pass, name: str, carried: Sequence[str]) -> str:
        text = _PassText(_summands(step), name)
        lines = ["multiplicity = law[0]", *self._columns(text.columns, carried), *text.lines()]
        reduced = iter(text.reduced)
        for item in step.sums:
            term = code(next(reduced))
            if item.count is None:
                lines.append(f"{item.symbol.name} = (multiplicity * ({term})).sum()")
                continue
            unlearned = code(next(reduced))
            s, k = (code(a) for a in item.summand.args)
            lines += [
                f"learned = {s} > {k}",
                f"{item.count.name} = multiplicity[learned].sum()",
                f"{item.symbol.name} = (multiplicity * np.where(learned, -({unlearned}), {term})).sum()",
            ]
        return "\n".join(lines).replace("math.", "np.")  # functions of whole arrays

    def update(self, pairs: Sequence[tuple[str, sp.Expr]], carried: Sequence[str], name: str) -> str:
        text = _PassText([e for _, e in pairs], f"{name}0_")
        lines = [*self._columns(text.columns, carried), *text.lines()]
        # A constant start still needs one number per atom.
        lines += [
            f"{n}_after = {code(e)} + np.zeros(law.shape[1])" for (n, _), e in zip(pairs, text.reduced, strict=True)
        ]
        return "\n".join([*lines, *(f"{n} = {n}_after" for n, _ in pairs)])


class _NumbaForm(Form):
    """Blocks of atoms with running sums per place in the block, which LLVM vectorises without reordering a sum."""

    decorator = "@njit\n"

    def header(self) -> str:
        return template("header.py.in").substitute(imports=_NUMBA, decorator=self.decorator) + _LIMIT_PRODUCT

    def module(self) -> str:
        size = len(self.system.unknowns)
        grid = template("grid.py.in").substitute(decorator=self.decorator, unknowns=max(size, 1))
        return super().module() + "\n\n" + grid

    def _blocks(self, columns: Sequence[str], carried: Sequence[str], inner: Sequence[str]) -> str:
        views = [f"{n}_part = {self._array(n, carried)}[start:stop]" for n in columns]
        picks = [f"{n} = {n}_part[i]" for n in columns]
        body = [*views, f"for i in range(stop - start):\n{indent(chr(10).join([*picks, *inner]), '    ')}"]
        block = indent("\n".join([f"stop = min(start + {_BLOCK}, law.shape[1])", *body]), "    ")
        return f"for start in range(0, law.shape[1], {_BLOCK}):\n{block}"

    def _array(self, name: str, carried: Sequence[str]) -> str:
        return f"{name}_carried" if name in carried else f"law[{self.rows[name]}]"

    def run_pass(self, step: Pass, name: str, carried: Sequence[str]) -> str:
        text = _PassText(_summands(step), name)
        inner, sums, reduced = text.lines(), [], iter(text.reduced)
        for item in step.sums:
            term = code(next(reduced))
            sums.append(item.symbol.name)
            if item.count is None:
                inner.append(f"{item.symbol.name}_run[i] += multiplicity * ({term})")
                continue
            unlearned = code(next(reduced))
            s, k = (code(a) for a in item.summand.args)
            sums.append(item.count.name)
            inner += [
                f"learned = {s} > {k}",
                f"{item.count.name}_run[i] += multiplicity if learned else 0.0",
                f"{item.symbol.name}_run[i] += -multiplicity * ({unlearned}) if learned else multiplicity * ({term})",
            ]
        made = [f"{name}runs = np.zeros(({len(sums)}, {_BLOCK}))"]
        made += [f"{s}_run = {name}runs[{i}]" for i, s in enumerate(sums)]
        columns = ["multiplicity", *(c for c in text.columns if c != "multiplicity")]
        return "\n".join([*made, self._blocks(columns, carried, inner), *(f"{s} = add_up({s}_run)" for s in sums)])

    def update(self, pairs: Sequence[tuple[str, sp.Expr]], carried: Sequence[str], name: str) -> str:
        text = _PassText([e for _, e in pairs], f"{name}0_")
        made = [] if carried else [f"{n}_carried = np.empty(law.shape[1])" for n, _ in pairs]
        after = [f"{n}_after = {code(e)}" for (n, _), e in zip(pairs, text.reduced, strict=True)]
        store = [f"{n}_carried_part[i] = {n}_after" for n, _ in pairs]
        views = [f"{n}_carried_part = {n}_carried[start:stop]" for n, _ in pairs]
        loop = self._blocks(text.columns, carried, [*text.lines(), *after, *store])
        head, rest = loop.split("\n", 1)
        first, rest = rest.split("\n", 1)
        return "\n".join([*made, head, first, indent("\n".join(views), "    "), rest])


def numpy_module(system: System | MatrixSystem) -> str:
    """Text of the NumPy form of `system`."""
    if isinstance(system, MatrixSystem):
        return matrix_module(system)
    return _NumpyForm(system).module()


def numba_module(system: System) -> str:
    """Text of the Numba form of `system`."""
    return _NumbaForm(system).module()
