"""From expressions with sums to an order of work: passes over the atoms of the law, and scalar statements between.

Nothing here knows a target language. Sums that can be formed at the same time share one pass, so that the common
parts of their summands are computed once per atom.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sympy as sp

from rmtcollapse.equations.symbols import Column, Count, Parameter, Total, filter_factor

__all__ = ["Assign", "Pass", "Step", "Sum", "exact_part", "magnitude", "names_of", "schedule", "shared_parts"]


@dataclass(frozen=True)
class Sum:
    """One sum over the atoms. A degrees-of-freedom sum is split: whole number `count` + remainder `symbol`."""

    symbol: Parameter
    summand: sp.Expr
    count: Count | None = None


@dataclass(frozen=True)
class Pass:
    """Sums formed in one loop over the atoms."""

    sums: tuple[Sum, ...]


@dataclass(frozen=True)
class Assign:
    """Scalar statements, in order."""

    pairs: tuple[tuple[sp.Symbol, sp.Expr], ...]


Step = Pass | Assign


def _scratch(name: str) -> Parameter:
    """A name for an intermediate number of either sign."""
    return Parameter(name, "", real=True)


def names_of(symbols: Iterable[sp.Symbol]) -> list[str]:
    """Sorted names, for messages and for reproducible text."""
    return sorted(str(s) for s in symbols)


def _sum_for(node: Total, index: int, prefix: str) -> tuple[Sum, sp.Expr]:
    """The sum that computes `node`, and what stands for it in an expression."""
    symbol = _scratch(f"{prefix}{index}")
    if isinstance(node.summand, filter_factor):
        count = Count(f"{prefix}{index}_whole", "")
        return Sum(symbol, node.summand, count), count + symbol
    if not node.summand.atoms(Column):
        whole = Count(f"{prefix}{index}", "")
        return Sum(whole, node.summand), whole
    return Sum(symbol, node.summand), symbol


def schedule(
    targets: Sequence[tuple[sp.Symbol, sp.Expr]], known: set[sp.Symbol], prefix: str, columns: set[sp.Symbol]
) -> list[Step]:
    """Order the work that computes `targets`, each of which may use those before it.

    Parameters
    ----------
    targets : sequence of (Symbol, Expr)
        What to compute.
    known : set of Symbol
        Scalars available at the start.
    prefix : str
        Prefix of the names of the sums.
    columns : set of Symbol
        Columns available at the start.
    """
    nodes = sorted({t for _, e in targets for t in e.atoms(Total)}, key=sp.default_sort_key)
    sums, stands_for = {}, {}
    for index, node in enumerate(nodes):
        sums[node], stands_for[node] = _sum_for(node, index, prefix)
    waiting, done, known = list(targets), set[Total](), set(known)
    steps: list[Step] = []
    while waiting:
        ready = [n for n in nodes if n not in done and n.free_symbols <= known]
        missing = {s for n in ready for s in n.summand.atoms(Column)} - columns
        if missing:
            raise ValueError(f"a sum uses undeclared columns {names_of(missing)}")
        if ready:
            steps.append(Pass(tuple(sums[n] for n in ready)))
            done |= set(ready)
        pairs: list[tuple[sp.Symbol, sp.Expr]] = []
        while waiting:
            symbol, expr = waiting[0]
            if not (expr.atoms(Total) <= done and expr.free_symbols <= known):
                break
            pairs.append((symbol, expr.xreplace(stands_for)))
            known.add(symbol)
            waiting.pop(0)
        if not ready and not pairs:
            raise ValueError(f"cannot order the work: {waiting[0][0]} needs something that is defined after it")
        if pairs:
            steps.append(Assign(tuple(pairs)))
    return steps


def shared_parts(exprs: Sequence[sp.Expr], prefix: str) -> tuple[list[tuple[sp.Symbol, sp.Expr]], list[sp.Expr]]:
    """Common subexpressions of summands, with each division made once: 1/b becomes a named reciprocal."""
    filters = sorted({f for e in exprs for f in e.atoms(filter_factor)}, key=sp.default_sort_key)
    shares = {f: _scratch(f"{prefix}share{i}") for i, f in enumerate(filters)}
    # Named before anything is simplified: the square of a share cannot overflow, the square of its numerator can.
    exprs = [e.xreplace(shares) for e in exprs]
    divided = {p.base for e in exprs for p in e.atoms(sp.Pow) if p.exp.is_Integer and p.exp < 0 and p.base.free_symbols}
    bases = sorted(divided | {sp.Add(*f.args) for f in filters}, key=sp.default_sort_key)
    inverse = {b: _scratch(f"{prefix}inverse{i}") for i, b in enumerate(bases)}

    def reciprocal(base: sp.Expr, power: sp.Expr) -> sp.Expr:
        return inverse[base] ** (-power) if base in inverse and power.is_Integer and power < 0 else base**power

    rewritten = [e.replace(sp.Pow, reciprocal) for e in exprs]
    first = [(symbol, 1 / base) for base, symbol in inverse.items()]
    first += [(symbol, f.args[0] * inverse[sp.Add(*f.args)]) for f, symbol in shares.items()]
    names = (_scratch(f"{prefix}{i}") for i in range(10**6))
    parts, reduced = sp.cse(rewritten, symbols=names, order="canonical")
    return [*first, *parts], list(reduced)


def exact_part(expr: sp.Add) -> tuple[list[sp.Expr], list[sp.Expr]]:
    """Split a sum into addends that are whole numbers (added without rounding, so first) and the others."""
    whole = [a for a in expr.args if all(isinstance(s, Count) for s in a.free_symbols) and _is_whole(a)]
    return whole, [a for a in expr.args if a not in whole]


def _is_whole(expr: sp.Expr) -> bool:
    return all(p.exp.is_Integer and p.exp > 0 for p in expr.atoms(sp.Pow)) and all(
        c.is_Integer for c in expr.atoms(sp.Number)
    )


def magnitude(expr: sp.Expr) -> sp.Expr:
    """Sum of the absolute addends of `expr`, whole numbers taken together: the scale of its rounding error."""
    if not expr.is_Add:
        return sp.Abs(expr)
    whole, rest = exact_part(expr)
    return sp.Add(*(sp.Abs(a) for a in rest), sp.Abs(sp.Add(*whole)))
