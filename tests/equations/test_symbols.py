"""Symbols against their expanded forms: over three concrete directions a sum is an ordinary expression."""

from __future__ import annotations

from itertools import pairwise

import pytest
import sympy as sp

from rmtcollapse.equations.symbols import (
    Column,
    Count,
    Parameter,
    Total,
    filter_factor,
    limit_product,
    parameter,
    total,
    unknown,
)

S, W2 = Column("eigenvalue", "s_j"), Column("signal", "w_j^2")
KAPPA, A = unknown("kappa", r"\kappa"), parameter("a", "a")
ROWS = ({S: 3, W2: sp.Rational(1, 2)}, {S: sp.Rational(2, 7), W2: 5}, {S: 11, W2: sp.Rational(4, 3)})

SUMMANDS = {
    "rational": S * W2 / (S + KAPPA) ** 2,
    "with outside factors": 5 * A * KAPPA**2 * S / (S + KAPPA),
    "filter": filter_factor(S, KAPPA),
    "filter of a filter": W2 * filter_factor(S, KAPPA * filter_factor(W2, KAPPA)),
    "exponential": sp.exp(-KAPPA * S) * W2,
    "limit product": limit_product(KAPPA * S, W2 / (KAPPA + S)),
    "difference": S - KAPPA * W2,
}


def expanded(expr: sp.Expr) -> sp.Expr:
    """Every sum written out over the three directions."""
    return expr.replace(Total, lambda f: sp.Add(*(f.subs(row) for row in ROWS))).doit()


@pytest.mark.parametrize("summand", SUMMANDS.values(), ids=SUMMANDS)
def test_a_sum_is_the_sum_over_directions(summand: sp.Expr) -> None:
    written_out = sp.Add(*(summand.doit().subs(row) for row in ROWS))
    assert sp.simplify(expanded(total(summand)) - written_out) == 0


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("summand", SUMMANDS.values(), ids=SUMMANDS)
def test_differentiation_goes_under_the_sum(summand: sp.Expr, order: int) -> None:
    node = A * total(summand) ** 2 + KAPPA
    assert sp.simplify(expanded(sp.diff(node, KAPPA, order)) - sp.diff(expanded(node), KAPPA, order)) == 0


def test_what_does_not_depend_on_the_variable_has_no_derivative() -> None:
    assert sp.diff(total(S * W2), KAPPA) == 0
    assert sp.diff(total(S * KAPPA), A) == 0


def test_factors_without_columns_are_taken_out_so_that_equal_sums_are_equal_nodes() -> None:
    assert total(3 * A * KAPPA * S) == 3 * A * KAPPA * total(S)
    assert total(A * S) / total(S) == A
    assert total((A * S) ** 2) == A**2 * total(S**2)
    assert total(A) == A * total(1)
    assert total(-S) + total(S) == 0
    assert total(0) == 0


def test_a_sum_of_addends_is_kept_whole() -> None:
    assert total(S + W2).atoms(Total) == {total(S + W2)}


def test_columns_are_bound_by_the_sum() -> None:
    node = total(S * W2 / (S + KAPPA))
    assert node.free_symbols == {KAPPA}
    assert sp.diff(node, S) == 0
    assert (S * node).free_symbols == {S, KAPPA}
    assert total(1).free_symbols == set()


def test_substitution_reaches_into_the_sum_and_takes_factors_out_again() -> None:
    assert total(S / (S + KAPPA)).subs(KAPPA, 0) == total(1)
    assert total(S / (KAPPA * S + A)).subs(KAPPA, 0) == total(S) / A
    assert total(filter_factor(S, KAPPA)).xreplace({KAPPA: A}) == total(filter_factor(S, A))


def test_the_letter_is_part_of_the_identity() -> None:
    rows, steps = parameter("samples", "n"), parameter("samples", "T")
    assert rows != steps
    assert len({rows, steps, parameter("samples", "n")}) == 2
    assert rows - steps != 0
    assert rows - parameter("samples", "n") == 0
    assert total(rows * S) != total(steps * S)
    assert (rows + steps).subs(rows, 1) == 1 + steps


def test_kinds_and_assumptions_are_part_of_the_identity() -> None:
    kinds = [Parameter("q", "q"), Count("q", "q"), Column("q", "q"), Parameter("q", "q", real=True), sp.Symbol("q")]
    assert all(a != b for a, b in pairwise(kinds))
    assert len(set(kinds)) == 5


def test_scalars_are_non_negative_unless_said_otherwise() -> None:
    assert parameter("b", "b").is_nonnegative
    assert Column("b", "b_j").is_nonnegative
    assert Column("b", "b_j", real=True).is_nonnegative is None
    assert isinstance(parameter("b", "b", exact=True), Count)
    assert not isinstance(parameter("b", "b"), Count)


def test_the_letter_is_what_is_printed() -> None:
    assert sp.latex(KAPPA + 1) == r"\kappa + 1"
    assert sp.latex(total(S * W2)) == r"\sum_j s_j w_j^2"
    assert sp.latex(total(S + W2)) == r"\sum_j \left(s_j + w_j^2\right)"


@pytest.mark.parametrize("variable", [S, KAPPA], ids=["eigenvalue", "kappa"])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_filter_factor_differentiates_as_its_expanded_form(variable: sp.Symbol, order: int) -> None:
    plain = S / (S + KAPPA)
    assert filter_factor(S, KAPPA).doit() == plain
    found = sp.diff(filter_factor(S, KAPPA), variable, order).doit()
    assert sp.simplify(found - sp.diff(plain, variable, order)) == 0


def test_filter_factor_obeys_the_chain_rule() -> None:
    nested = filter_factor(S**2, KAPPA * A + 1)
    for variable in (S, KAPPA, A):
        assert sp.simplify(sp.diff(nested, variable).doit() - sp.diff(nested.doit(), variable)) == 0


def test_filter_factor_is_printed_as_a_fraction() -> None:
    assert sp.latex(filter_factor(S, KAPPA)) == sp.latex(S / (S + KAPPA))


def test_limit_product_is_a_product_until_it_is_evaluated() -> None:
    gain = 1 / (KAPPA - A)
    assert limit_product(KAPPA**2, gain).doit() == KAPPA**2 * gain
    assert sp.simplify(sp.diff(limit_product(KAPPA**2, gain), KAPPA) - sp.diff(KAPPA**2 * gain, KAPPA)) == 0
    assert sp.latex(limit_product(KAPPA, A)) == sp.latex(KAPPA * A)


def test_zero_times_infinity_stays_unevaluated_where_a_product_is_undefined() -> None:
    assert sp.S.Zero * sp.oo is sp.nan
    assert limit_product(sp.S.Zero, sp.oo).has(sp.nan) is False
