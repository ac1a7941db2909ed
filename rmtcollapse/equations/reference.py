"""The same system solved with mpmath, to any number of digits, from the same expressions.

This is the judge of the compiled forms, so it shares none of their tricks: sums are plain, differences are plain, and
working precision pays for the cancellation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import sympy as sp

from rmtcollapse.equations import scores
from rmtcollapse.equations.symbols import (
    Column,
    Total,
    filter_factor,
    kept_share,
    limit_product,
    lost_share,
    normal_cdf,
    reciprocal_sum,
)
from rmtcollapse.equations.system import Branch, System
from rmtcollapse.errors import ConvergenceError

__all__ = ["Evaluator", "ReferenceSolution", "solve_reference"]

_GUARD_DIGITS = 30
_PLAIN = 200  # terms up to which a sum is added up one by one


@dataclass(frozen=True)
class ReferenceSolution:
    """Values at many digits, as ``mpmath.mpf``."""

    outputs: dict[str, Any]
    unknowns: dict[str, Any]
    letters: dict[str, str]
    status: str
    regimes: tuple[str, ...]


class Evaluator:
    """Evaluates expressions with sums over the atoms of a law, in the current mpmath precision."""

    def __init__(self, columns: Mapping[str, Iterable[float]], names: Sequence[Column]) -> None:
        self.multiplicity = [mp.mpf(x) for x in columns["multiplicity"]]
        self.columns: dict[sp.Symbol, list[Any]] = {c: [mp.mpf(x) for x in columns[c.name]] for c in names}
        self.scalars: dict[sp.Symbol, Any] = {}
        self._compiled: dict[sp.Expr, Any] = {}

    def __call__(self, expr: sp.Basic) -> Any:
        """Value of a scalar expression or condition; a division by zero is infinite, as in the compiled forms."""
        if expr in self.scalars:
            return self.scalars[expr]
        if isinstance(expr, Total):
            return self._total(expr)
        if isinstance(expr, sp.Rational):
            return mp.mpf(expr.p) / expr.q
        if expr.is_number and not expr.args:
            return expr._to_mpmath(mp.mp.prec)
        values = [self(a) for a in expr.args]
        if isinstance(expr, sp.Pow):
            return mp.inf if values[0] == 0 and values[1] < 0 else mp.power(*values)
        return _OPERATIONS[expr.func](*values)

    def per_atom(self, expr: sp.Expr) -> list[Any]:
        """Values of an expression at every atom."""
        if expr not in self._compiled:
            columns = sorted(expr.atoms(Column), key=str)
            scalars = sorted(expr.free_symbols - set(columns), key=str)
            self._compiled[expr] = (columns, scalars, sp.lambdify([*columns, *scalars], expr, [_FUNCTIONS, "mpmath"]))
        columns, scalars, function = self._compiled[expr]
        values = [self.scalars[s] for s in scalars]
        if not columns:
            return [function(*values)] * len(self.multiplicity)
        return [function(*row, *values) for row in zip(*(self.columns[c] for c in columns), strict=True)]

    def _total(self, node: Total) -> Any:
        return mp.fsum(m * x for m, x in zip(self.multiplicity, self.per_atom(node.summand), strict=True))


def _number(value: Any) -> Any:
    return mp.mpc(value) if isinstance(value, complex) else mp.mpf(float(value))


def _limit_product(a: Any, b: Any) -> Any:
    return mp.mpf(0) if a == 0 or b == 0 else a * b


def _reciprocal_sum(a: Any, b: Any, count: Any) -> Any:
    if a == 0:
        return mp.inf
    if count <= _PLAIN:
        return mp.fsum(1 / (i * (a + (i - 1) * b)) for i in range(1, int(count) + 1))
    x = 1 - a / b
    if x == 0:
        return (mp.zeta(2) - mp.zeta(2, count + 1) if mp.isfinite(count) else mp.zeta(2)) / b
    rest = mp.digamma(count + 1 - x) - mp.digamma(count + 1) if mp.isfinite(count) else 0
    return (rest - mp.digamma(1 - x) - mp.euler) / (b - a)


_FUNCTIONS = {"filter_factor": lambda s, k: s / (s + k), "limit_product": _limit_product}
_OPERATIONS: dict[Any, Callable[..., Any]] = {
    sp.Add: lambda *x: mp.fsum(x),
    sp.Mul: lambda *x: mp.fprod(x),
    sp.Min: min,
    sp.Max: max,
    sp.Gt: lambda a, b: a > b,
    sp.Lt: lambda a, b: a < b,
    sp.Ge: lambda a, b: a >= b,
    sp.Le: lambda a, b: a <= b,
    sp.Eq: lambda a, b: a == b,
    sp.And: lambda *x: all(x),
    sp.Or: lambda *x: any(x),
    sp.Not: lambda x: not x,
    type(sp.true): lambda: True,
    type(sp.false): lambda: False,
    type(sp.oo): lambda: mp.inf,
    limit_product: _limit_product,
    kept_share: lambda share, steps: (1 - share) ** steps,
    lost_share: lambda share, steps: 1 - (1 - share) ** steps,
    normal_cdf: mp.ncdf,
    sp.log: mp.log,
    sp.exp: mp.exp,
    reciprocal_sum: _reciprocal_sum,
    **scores.REFERENCE,
}


def _root(function: Callable[[Any], Any], lower: Any, upper: Any) -> Any:
    """The sign change of `function` in [lower, upper] > 0: bisection in log x, then the secant method."""
    low, high = mp.log(lower) - mp.mpf(2) ** -40, mp.log(upper) + mp.mpf(2) ** -40
    sign = mp.sign(function(mp.exp(low)))
    if sign * mp.sign(function(mp.exp(high))) > 0:
        raise ConvergenceError(
            f"the reference found no sign change between {mp.nstr(lower, 5)} and {mp.nstr(upper, 5)}"
        )
    while high - low > mp.mpf(1) / 64:
        middle = (low + high) / 2
        low, high = (middle, high) if mp.sign(function(mp.exp(middle))) == sign else (low, middle)
    root = mp.findroot(
        lambda x: function(mp.exp(x)), (low, high), solver="anderson", tol=mp.eps * 64, maxsteps=500, verify=False
    )
    tiny = mp.mpf(10) ** (-mp.mp.dps + _GUARD_DIGITS // 2)
    if function(mp.exp(root - tiny)) * function(mp.exp(root + tiny)) > 0:
        raise ConvergenceError("the reference root is not bracketed to the digits asked for; ask for fewer digits")
    return mp.exp(root)


def _newton(defects: Callable[..., list[Any]], slopes: Callable[[], list[list[Any]]], logs: list[Any]) -> None:
    """Damped Newton in the logarithms of the unknowns; `defects` leaves them where they were evaluated last."""
    size = mp.mpf(1)
    for _ in range(500):
        defect = mp.matrix(defects(*map(mp.exp, logs)))
        try:
            step = mp.lu_solve(mp.matrix(slopes()), -defect)
        except ZeroDivisionError:
            raise ConvergenceError("the reference met equations that do not determine their unknowns") from None
        before, size = mp.norm(defect, mp.inf), mp.norm(step, mp.inf)
        if size <= mp.mpf(10) ** (-mp.mp.dps + _GUARD_DIGITS // 2):
            return
        damping = min(mp.mpf(1), 1 / size)
        for _ in range(60):
            ahead = [x + damping * s for x, s in zip(logs, step, strict=True)]
            if mp.norm(mp.matrix(defects(*map(mp.exp, ahead))), mp.inf) < before:
                break
            damping /= 2
        logs = ahead
    raise ConvergenceError(f"the reference stopped at a relative step of {mp.nstr(size, 3)}; ask for fewer digits")


def _solve_branch(evaluate: Evaluator, branch: Branch) -> None:
    equations = [e.replace(filter_factor, lambda s, k: s / (s + k)) for e in branch.equations]
    unknowns = list(branch.solve)

    def defects(*values: Any) -> list[Any]:
        evaluate.scalars.update(zip(unknowns, values, strict=True))
        return [evaluate(e) for e in equations]

    if branch.is_bracketed:
        assert branch.bracket is not None
        lower, upper = (evaluate(b) for b in branch.bracket)
        evaluate.scalars[unknowns[0]] = _root(lambda x: defects(x)[0], lower, upper)
    elif unknowns:
        slopes = [[x * sp.diff(e, x) for x in unknowns] for e in equations]
        start = [mp.log(evaluate(b)) for b in branch.start]
        _newton(defects, lambda: [[evaluate(d) for d in row] for row in slopes], start)
    for symbol, expr in branch.given.items():
        evaluate.scalars[symbol] = evaluate(expr)


def _recur(evaluate: Evaluator, system: System) -> None:
    rec = system.recursion
    assert rec is not None

    def advance(position: int) -> None:
        columns = {s: evaluate.per_atom(e[position]) for s, e in rec.state.items() if isinstance(s, Column)}
        scalars = {s: evaluate(e[position]) for s, e in rec.state.items() if not isinstance(s, Column)}
        evaluate.columns.update(columns)
        evaluate.scalars.update(scalars)

    advance(0)
    for _ in range(int(evaluate(rec.steps))):
        for symbol, expr in rec.within.items():
            evaluate.scalars[symbol] = evaluate(expr)
        advance(1)


def solve_reference(
    system: System, parameters: Mapping[str, complex], columns: Mapping[str, Iterable[float]], digits: int
) -> ReferenceSolution:
    """Solve `system` to `digits` decimal digits.

    Raises
    ------
    ConvergenceError
        If no root is bracketed to that many digits.
    """
    with mp.workdps(digits + _GUARD_DIGITS):
        evaluate = Evaluator(columns, system.columns)
        evaluate.scalars.update({p: _number(parameters[p.name]) for p in system.parameters})
        taken = []
        for point in system.fixed_points:
            branch = next((b for b in point.branches if evaluate(b.when)), None)
            if branch is None:
                raise ConvergenceError(f"{system.name}: no regime of the equations covers these parameters")
            taken.append(branch)
            _solve_branch(evaluate, branch)
        _assign(evaluate, system)
        notes = dict.fromkeys(b.status for b in taken if b.status)
        return ReferenceSolution(
            outputs={s.name: evaluate.scalars[s] for s in system.outputs},
            unknowns={u.name: evaluate.scalars[u] for u in system.unknowns},
            letters={u.name: u.letter for u in system.unknowns},
            status="; ".join(notes) or "converged",
            regimes=tuple(b.name for b in taken),
        )


def _assign(evaluate: Evaluator, system: System) -> None:
    """Definitions and outputs; those that use the recursion's result wait for it."""
    touched: set[sp.Basic] = set(system.recursion.state) if system.recursion else set()
    late = []
    for symbol, expr in [*system.definitions.items(), *system.outputs.items()]:
        if (expr.free_symbols | expr.atoms(Column)) & touched:
            touched.add(symbol)
            late.append((symbol, expr))
        else:
            evaluate.scalars[symbol] = evaluate(expr)
    if system.recursion:
        _recur(evaluate, system)
    for symbol, expr in late:
        evaluate.scalars[symbol] = evaluate(expr)
