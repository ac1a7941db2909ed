"""Errors that teach: each its own message, with what to do."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import sympy as sp

from rmtcollapse import ConvergenceError, ParameterError
from rmtcollapse import derive as dv

from .cases import d, lam, n, resolvent, z

X, Y = dv.gaussian("X", n, d), dv.gaussian("Y", n, d)
R = resolvent(X)
I = dv.identity(d)
A, B = dv.commuting("A", d), dv.commuting("B", d)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: dv.trace(R * sp.MatrixSymbol("M", d, d)), "write M = dv.gaussian"),
        (lambda: dv.trace(R) * sp.Symbol("mu"), "write mu = dv.scalar"),
        (lambda: dv.trace(sp.Symbol("mu") * R), "write mu = dv.scalar"),
        (lambda: dv.trace(R * A * B), r"declare them in one call, commuting\('A B', d\)"),
        (lambda: dv.trace(dv.trace(R) * R), "traces inside a trace"),
        (lambda: dv.trace(R * X * X.T), r"X is n x d \(a transpose missing\?\)"),
        (lambda: dv.trace(X * X), "X is n x d"),
        (lambda: dv.trace(X.T * X + dv.identity(n)), "a sum of equal shapes: .*I is n x n"),
        (lambda: dv.trace((X.T * X) ** sp.Rational(1, 2)), "integer powers only"),
        (lambda: dv.trace(X.T), "a square matrix; X.T is d x n"),
        (lambda: R, "wrap the matrix in dv.trace"),
        (lambda: lam**2, "at least one"),
        (lambda: dv.trace(dv.gaussian("Z", d, d).inv()), "not the inverse of a Gaussian matrix itself"),
        (lambda: dv.trace(R) + dv.trace(dv.commuting("X", d)), "a name with one meaning"),
    ],
)
def test_expressions(build: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        dv.derive(build())


@pytest.mark.parametrize(
    ("expression", "numbers", "message"),
    [
        (dv.trace((X.T * X / n).inv()), {n: 50, d: 100}, r"n < d.*add lam\*identity"),
        (dv.trace(resolvent(X, -z)), {n: 100, d: 50, z: 1.0}, "inside the bulk.*imaginary part"),
        (dv.trace((X.T * X / n - Y.T * Y / n + lam * I).inv()), {n: 100, d: 50, lam: 0.2}, "indefinite"),
    ],
    ids=["ridgeless", "bulk", "indefinite"],
)
def test_points_without_a_solution(expression: Any, numbers: Any, message: str) -> None:
    with pytest.raises(ConvergenceError, match=message):
        dv.derive(expression).theory(numbers)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({lam: None}, "lambda = None"),
        ({lam: float("nan")}, "lambda = nan"),
        ({n: 0}, "n = 0"),
        ({n: 2.5}, "n = 2.5"),
        ({"lamda": 1.0}, "did you mean 'lambda'"),
        ({A: [1.0, 2.0, 3.0]}, r"d = 100 eigenvalues"),
        ({A: [[1.0, 2.0]]}, "eigenvalues, or a full symmetric matrix"),
        ({A: [[1.0, 2.0], [3.0, 4.0]]}, "a symmetric matrix; this one is not"),
        ({A: [[[1.0]]]}, "array of real eigenvalues, or a real symmetric matrix"),
        ({A: ["a"]}, "array of real eigenvalues"),
    ],
)
def test_numbers(change: Any, message: str) -> None:
    numbers = {n: 50, d: 100, lam: 0.1, A: [1.0, 2.0], **change}
    with pytest.raises(ParameterError, match=message):
        dv.derive(dv.trace(R * A)).theory(numbers)


@pytest.mark.parametrize(
    ("declare", "numbers", "message"),
    [
        (lambda: dv.gaussian("Z", n, d, colcov=A), {A: [-1.0, 2.0]}, r"^A = .*eigenvalues >= 0, .*a covariance of Z"),
        (lambda: dv.gaussian("Z", n, d, colcov=A - I), {A: [0.5, 2.0]}, "covariance .*eigenvalues >= 0"),
        (lambda: dv.gaussian("Z", n, d, colcov=A.inv()), {A: [0.0, 2.0]}, "eigenvalues >= 0"),
        (lambda: dv.gaussian("Z", n, d, variance=z), {z: -1.0}, "variance of Z = -1.0"),
        (lambda: dv.gaussian("Z", n, d, variance=z), {z: 1j}, "variance of Z = 1j"),
    ],
)
def test_covariances_below_zero(declare: Any, numbers: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        dv.derive(dv.trace(resolvent(declare()))).theory({n: 50, d: 100, lam: 0.1, **numbers})


def test_missing_numbers_are_named() -> None:
    with pytest.raises(ParameterError, match="lambda is missing: a number"):
        dv.derive(dv.trace(R)).theory({n: 50, d: 100})


def test_one_symbol_that_may_be_two_data_sets() -> None:
    with pytest.warns(dv.SharedLetterWarning, match="X stands in two different resolvents"):
        dv.derive(dv.trace(R * resolvent(X, 2 * lam)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dv.derive(dv.trace(R * A * R))


@pytest.mark.parametrize(
    "declare",
    [
        lambda: dv.dims("n n"),
        lambda: dv.scalar("1a"),
        lambda: dv.commuting("S", 3),  # type: ignore[arg-type]
        lambda: dv.gaussian("X", n, d, colcov=dv.identity(n)),
        lambda: dv.gaussian("X", n, d, variance=-1),
        lambda: dv.trace(3),  # type: ignore[arg-type]
    ],
)
def test_declarations(declare: Any) -> None:
    with pytest.raises(ParameterError):
        declare()


def test_one_name_gives_one_symbol() -> None:
    assert dv.dims("n") == n
    assert dv.commuting("S T", d)[0] == dv.commuting("S T", d)[0]
    assert dv.gaussian("X", n, d) == X
