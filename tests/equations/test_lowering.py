"""The order of work: sums share passes where they can, wait where they must, and stand for what they replace."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import sympy as sp

from rmtcollapse.equations.lowering import (
    Assign,
    Pass,
    Step,
    Sum,
    exact_part,
    magnitude,
    names_of,
    schedule,
    shared_parts,
)
from rmtcollapse.equations.symbols import Column, Count, filter_factor, parameter, total, unknown

S, W2 = Column("eigenvalue", "s_j"), Column("signal", "w_j^2")
N, A, KAPPA = parameter("samples", "n", exact=True), parameter("a", "a"), unknown("kappa", r"\kappa")
X, Y, Z = (unknown(name, name) for name in "xyz")


def plan(*targets: tuple[sp.Symbol, sp.Expr], known: set[sp.Symbol] | None = None) -> list[Step]:
    return schedule(targets, {N, A, KAPPA} if known is None else known, "t_", {S, W2})


def kinds(steps: Sequence[Step]) -> list[type]:
    return [type(step) for step in steps]


Values = dict[sp.Symbol, sp.Expr]


def evaluated(steps: Sequence[Step], rows: Sequence[Values], values: Values) -> Values:
    """Carry the plan out in exact arithmetic; each row is one direction."""
    known = dict(values)
    for step in steps:
        if isinstance(step, Pass):
            for item in step.sums:
                form_sum(item, rows, known)
        else:
            for symbol, expr in step.pairs:
                known[symbol] = sp.sympify(expr.subs(known))
    return known


def form_sum(item: Sum, rows: Sequence[Values], known: Values) -> None:
    terms = [item.summand.doit().subs(row).subs(known) for row in rows]
    known[item.symbol] = sp.Add(*terms)
    if item.count is not None:
        s, k = item.summand.args
        known[item.count] = sp.Integer(sum(bool((s - k).subs(row).subs(known) > 0) for row in rows))
        known[item.symbol] -= known[item.count]


ROWS = [{S: sp.Rational(3), W2: sp.Rational(1, 2)}, {S: sp.Rational(2, 7), W2: sp.Rational(5)}]


def test_sums_that_can_be_formed_together_share_a_pass() -> None:
    steps = plan((X, total(S) + total(W2 / (S + KAPPA))), (Y, X * total(S * W2)))
    assert kinds(steps) == [Pass, Assign]
    assert isinstance(steps[0], Pass)
    assert len(steps[0].sums) == 3


def test_equal_sums_are_formed_once() -> None:
    steps = plan((X, total(A * S)), (Y, total(S) / 2))
    assert isinstance(steps[0], Pass)
    assert len(steps[0].sums) == 1


def test_a_sum_over_a_result_waits_for_it() -> None:
    steps = plan((X, A * total(S)), (Y, total(S / (S + X))), (Z, Y + total(W2)))
    assert kinds(steps) == [Pass, Assign, Pass, Assign]
    first, second = (step for step in steps if isinstance(step, Pass))
    assert {item.summand for item in first.sums} == {S, W2}
    assert {item.summand for item in second.sums} == {S / (S + X)}


def test_scalars_need_no_pass() -> None:
    steps = plan((X, A + 1), (Y, X**2))
    assert kinds(steps) == [Assign]
    assert isinstance(steps[0], Assign)
    assert [s for s, _ in steps[0].pairs] == [X, Y]


@pytest.mark.parametrize("kappa", [sp.Rational(1, 100), sp.Rational(2), sp.Rational(1000)])
def test_a_plan_computes_what_was_asked(kappa: sp.Rational) -> None:
    targets = [
        (X, N - total(filter_factor(S, KAPPA)) + total(1) * A),
        (Y, total(W2 * filter_factor(S, X**2) ** 2) / X),
        (Z, Y * total(S * W2) ** 2 - X),
    ]
    values: Values = {N: sp.Integer(7), A: sp.Rational(1, 3), KAPPA: kappa}
    found = evaluated(plan(*targets), ROWS, values)
    expected = dict(values)
    for symbol, expr in targets:
        whole = expr.replace(lambda e: e.func is total(S).func, lambda t: sp.Add(*(t.summand.subs(r) for r in ROWS)))
        expected[symbol] = whole.doit().subs(expected)
        assert sp.simplify(found[symbol] - expected[symbol]) == 0


def test_the_degrees_of_freedom_are_split_into_a_count_and_a_remainder() -> None:
    (step, _) = plan((X, N - total(filter_factor(S, KAPPA))))
    assert isinstance(step, Pass)
    assert [item.summand for item in step.sums] == [filter_factor(S, KAPPA)]
    assert isinstance(step.sums[0].count, Count)


def test_a_weighted_filter_is_an_ordinary_sum() -> None:
    (step, _) = plan((X, total(W2 * filter_factor(S, KAPPA))))
    assert isinstance(step, Pass)
    assert step.sums[0].count is None
    assert step.sums[0].summand == W2 * filter_factor(S, KAPPA)


def test_the_number_of_directions_is_whole() -> None:
    (step, _) = plan((X, total(1)))
    assert isinstance(step, Pass)
    assert isinstance(step.sums[0].symbol, Count)


def test_undeclared_columns_are_refused() -> None:
    with pytest.raises(ValueError, match=r"undeclared columns \['other'\]"):
        plan((X, total(S * Column("other", "o_j"))))


@pytest.mark.parametrize(
    "targets", [((X, Y), (Y, X)), ((X, total(S * Y)), (Y, A)), ((X, parameter("missing", "m")),)], ids=str
)
def test_work_that_cannot_be_ordered_is_refused(targets: tuple[tuple[sp.Symbol, sp.Expr], ...]) -> None:
    with pytest.raises(ValueError, match="x needs something that is defined after it"):
        plan(*targets)


SHARED = [S * W2 / (S + KAPPA) ** 2, A / (S + KAPPA) - 1 / (S + A), (S + KAPPA) ** 3 * sp.sqrt(S), S**2 / W2]


def test_shared_parts_put_together_again_are_the_expressions() -> None:
    parts, reduced = shared_parts(SHARED, "q")
    for symbol, expr in reversed(parts):
        reduced = [e.subs(symbol, expr) for e in reduced]
    assert all(sp.simplify(a - b) == 0 for a, b in zip(reduced, SHARED, strict=True))


def test_each_divisor_is_divided_by_once() -> None:
    parts, reduced = shared_parts(SHARED, "q")
    divisions = [p for e in [*(e for _, e in parts), *reduced] for p in e.atoms(sp.Pow) if p.exp.is_negative]
    assert len(divisions) == 3
    assert len({p.base for p in divisions}) == 3


def test_names_of_is_sorted() -> None:
    assert names_of([W2, A, S]) == ["a", "eigenvalue", "signal"]


def test_whole_numbers_are_told_from_others() -> None:
    whole_sum = Count("learned", "")
    expr = sp.Add(N, -3 * whole_sum**2, A, N / 2, N / whole_sum, sp.Integer(4), evaluate=False)
    whole, rest = exact_part(expr)
    assert set(whole) == {N, -3 * whole_sum**2, sp.Integer(4)}
    assert set(rest) == {A, N / 2, N / whole_sum}


def test_magnitude_takes_whole_numbers_together() -> None:
    whole_sum = Count("learned", "")
    signed = parameter("a", "a") - 3 * KAPPA
    assert magnitude(N - whole_sum + signed) == sp.Abs(N - whole_sum) + A + 3 * KAPPA
    assert magnitude(-2 * KAPPA) == 2 * KAPPA
