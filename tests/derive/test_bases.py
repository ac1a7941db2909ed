"""Full matrices in the place of eigenvalues: alone, commuting, and where traces are linear in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import ortho_group

from rmtcollapse import ParameterError
from rmtcollapse import derive as dv

from .cases import d, lam, n, resolvent

S, G, D = dv.commuting("Sigma Gamma Delta", d)
X = dv.gaussian("X", n, d, colcov=S)
R = resolvent(X)
rng = np.random.default_rng(2)
U = ortho_group.rvs(8, random_state=rng)
LEVELS = np.array([0.5, 0.5, 0.5, 1.0, 1.0, 2.0, 3.0, 4.0])
OTHER = rng.uniform(0, 2, 8)
NUMBERS = {n: 24, d: 32, lam: 0.2}


def full(values: np.ndarray, basis: np.ndarray = U) -> np.ndarray:
    return (basis * values) @ basis.T


def value(expression: Any, numbers: Any) -> Any:
    return dv.derive(expression).theory({**NUMBERS, **numbers})["value"]


@pytest.mark.parametrize("expression", [dv.trace(R * S), dv.trace((S + dv.identity(d)).inv() * R)])
def test_a_matrix_alone(expression: Any) -> None:
    assert value(expression, {S: full(LEVELS)}) == pytest.approx(value(expression, {S: LEVELS}), rel=1e-12)


def test_matrices_that_commute_are_diagonalised_together() -> None:
    """Eigenvalues of either repeat, so that the basis is one of both."""
    third = np.array([1.0, 2.0, 3.0, 1.0, 1.0, 5.0, 5.0, 2.0])
    expression = dv.trace(R * G * R * S * D)
    expected = value(expression, {S: LEVELS, G: OTHER, D: third})
    found = value(expression, {S: full(LEVELS), G: full(OTHER), D: full(third)})
    assert found == pytest.approx(expected, rel=1e-12)
    assert value(expression, {G: full(OTHER), D: full(third), S: full(LEVELS)}) == pytest.approx(expected, rel=1e-12)


def test_what_enters_linearly_need_not_commute() -> None:
    """Only its diagonal in the eigenbasis of the others matters; finite matrices use all of it."""
    target = rng.standard_normal(8)
    matrix = np.outer(target, target)
    derived = dv.derive(lam**2 * dv.trace(R * G * R * S))
    numbers = {**NUMBERS, S: full(LEVELS), G: matrix}
    # In the eigenspaces of repeated eigenvalues only the trace of the block counts.
    expected = value(derived.expression, {S: LEVELS, G: (U.T @ target) ** 2})
    assert derived.theory(numbers)["value"] == pytest.approx(expected, rel=1e-12)
    verdict = derived.verify(numbers, trials=250)
    assert verdict.passed, verdict.report


def test_eigenvalues_beside_a_full_matrix_are_diagonal() -> None:
    matrix = full(OTHER)
    found = value(dv.trace(R * G), {S: LEVELS, G: matrix})
    assert found == pytest.approx(value(dv.trace(R * G), {S: LEVELS, G: np.diag(matrix)}), rel=1e-12)


@pytest.mark.parametrize(
    ("expression", "numbers"),
    [
        (dv.trace(R * G * R * G), {S: full(LEVELS), G: np.diag(OTHER)}),
        (dv.trace(R * (S + G).inv()), {S: full(LEVELS), G: np.diag(OTHER)}),
        (dv.trace(R * G * R * D), {S: LEVELS, G: full(OTHER), D: full(OTHER, ortho_group.rvs(8, random_state=rng))}),
    ],
)
def test_pairs_that_do_not_commute_are_refused_by_name(expression: Any, numbers: Any) -> None:
    with pytest.raises(ParameterError, match=r"^Sigma = .*commutes with (Gamma|Delta), or one that"):
        value(expression, numbers)


def test_two_traces_may_each_be_linear() -> None:
    one, two = full(OTHER), np.diag(LEVELS)
    both = dv.trace(R * G) * dv.trace(R * D)
    expected = value(dv.trace(R * G), {S: full(LEVELS), G: one}) * value(dv.trace(R * D), {S: full(LEVELS), D: two})
    assert value(both, {S: full(LEVELS), G: one, D: two}) == pytest.approx(expected, rel=1e-12)
