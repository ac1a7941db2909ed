"""Equations between scalars: the same numbers as the matrix Dyson equation, to any number of digits."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from rmtcollapse import ConvergenceError, ParameterError
from rmtcollapse import derive as dv
from rmtcollapse.derive.inversion import Inverses
from rmtcollapse.derive.reduction import BudgetError

from .cases import cases, d, lam, m, n, n1, n2, noise1, noise2, resolvent, z

CASES = cases()
u = (np.arange(12) + 0.5) / 12
SPECTRUM = 0.3 + 2.5 * u**2


def _projected_mixture() -> Any:
    """Strong collapse with random projections: two sources, each with covariance, noise and a shift."""
    S, G, D = dv.commuting("Sigma Gamma Delta", d)
    X1, X2 = dv.gaussian("X1", n1, d, colcov=S), dv.gaussian("X2", n2, d, colcov=S)
    P, rows = dv.gaussian("P", d, m, variance=1 / d), n1 + n2
    M1, M2 = X1.T * X1, X2.T * X2
    Q = P * (lam * dv.identity(m) + P.T * (M1 + M2) * P / rows).inv() * P.T
    miss, pull = Q * (M1 + M2) / rows - dv.identity(d), Q * M2 / rows
    error = (
        dv.trace(S * miss * G * miss.T)
        + dv.trace(S * pull * D * pull.T)
        + noise1 * dv.trace(S * Q * M1 * Q.T) / rows**2
        + noise2 * dv.trace(S * Q * M2 * Q.T) / rows**2
    )
    numbers = {n1: 9, n2: 15, d: 12, m: 7, lam: 0.1, noise1: 0.3, noise2: 0.6, S: SPECTRUM, G: u / 12, D: 0.1 - u / 12}
    return error, numbers


def _others() -> dict[str, Any]:
    S, A = dv.commuting("Sigma A", d)
    T = dv.commuting("T", n)
    X = dv.gaussian("X", n, d, colcov=S)
    Y = dv.gaussian("Y", n, d, rowcov=T, colcov=S)
    R, RY = resolvent(X), resolvent(Y)
    W = dv.symmetric("W", d, variance=1 / d)
    J = A * dv.gaussian("W2", d, d, variance=1 / d) * S * dv.gaussian("W1", d, d, variance=1 / d)
    K = dv.gaussian("U", n, m) * dv.gaussian("V", m, d) / m + dv.gaussian("N", n, d, colcov=S)
    X0 = dv.gaussian("X0", n1, d, colcov=S)
    first, second = resolvent(X0) * X0.T * X0 / n, R * X.T * X / n
    sizes = {n: 9, d: 12, S: SPECTRUM}
    spectra = {**sizes, T: [0.5, 1.0, 2.0], lam: 0.2}
    return {
        "projected mixture": _projected_mixture(),
        "weighted samples": (dv.trace(S * RY * S * RY) / d, spectra),
        "two laws, two resolvents": (
            dv.trace(T * (Y * Y.T / n + lam * dv.identity(n)).inv() * T * Y * Y.T) / d + sp.log(dv.trace(RY)),
            spectra,
        ),
        "layers": (
            dv.trace((J * J.T - z * dv.identity(d)).inv()) / d,
            {d: 12, z: 0.5 + 0.3j, S: SPECTRUM, A: u + 0.1},
        ),
        "deformed Wigner": (dv.trace((W + A - z * dv.identity(d)).inv() * A) / d, {d: 12, z: 0.5 + 0.3j, A: u}),
        "signal and noise": (
            dv.trace((K.T * K / n + lam * dv.identity(d)).inv()) / d,
            {**sizes, m: 6, lam: 0.2},
        ),
        "two generations": (
            dv.trace(S * second * first * A * first.T * second.T),
            {**sizes, n1: 18, lam: 0.2, A: u},
        ),
        "two variances": (
            dv.trace(R * A * resolvent(dv.gaussian("Z", n, d, colcov=S, variance=2))),
            {**sizes, lam: 0.2, A: u},
        ),
        "fourth power": (dv.trace((R * S) ** 4) / d, {**sizes, lam: 0.2}),
    }


ALL = {**{name: case[:2] for name, case in CASES.items()}, **_others()}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.filterwarnings("ignore::rmtcollapse.derive.SharedLetterWarning")
def test_the_scalars_give_the_value_of_the_matrices(name: str) -> None:
    expression, numbers = ALL[name]
    derived = dv.derive(expression)
    assert derived.reduced is not None
    answer, reference = derived.theory(numbers), derived.theory(numbers, digits=20)
    assert abs(complex(reference["value"]) - answer["value"]) <= 1e-13 * abs(answer["value"])
    assert answer.engine.startswith("numeric")
    assert reference.engine.startswith("reduced")
    certified = derived.theory(numbers, engine="reduced")
    assert certified.engine.startswith("numeric" if isinstance(answer["value"], complex) else "reduced")
    assert abs(certified["value"] - answer["value"]) <= 1e-13 * abs(answer["value"])
    assert max(certified.residual, certified.certificate) < 1e-12
    system = derived.equations()
    letters = [s.letter for s in (*system.unknowns, *system.definitions)]
    assert len(set(letters)) == len(letters)
    assert "_{1}_" not in system.latex()


@pytest.mark.parametrize("digits", [1, 40, 120])
def test_digits_of_marchenko_and_pastur(digits: int) -> None:
    expression, numbers, _ = CASES["MP"]
    value = dv.derive(expression).theory(numbers, digits=digits)["value"]
    with mp.workdps(digits + 20):
        c, ridge = mp.mpf(120) / 160, mp.mpf(0.3)
        b = ridge + 1 - c
        expected = 2 / (b + mp.sqrt(b * b + 4 * ridge * c))
        assert abs(value - expected) <= mp.mpf(10) ** -digits * expected


def test_the_ridge_bias_has_two_implicit_scalars_and_two_affine_ones() -> None:
    reduced = dv.derive(CASES["ridge bias"][0]).reduced
    assert reduced is not None
    assert (reduced.implicit, reduced.affine) == (2, 2)
    latex = reduced.system.latex()
    assert r"q_{X} &= \frac{1}{1 + s_{X}}" in latex
    assert r"T_{1} &= I_{1} - I_{2} \dot q_{X}" in latex


@pytest.mark.parametrize(
    ("expression", "numbers", "expected"),
    [
        (lam * dv.trace(dv.identity(d)), {d: 4, lam: 0.25}, 1.0),
        (dv.trace(dv.commuting("A", d)), {d: 4, "A": [1.0, 2.0]}, 6.0),
        (sp.exp(-dv.trace(dv.commuting("A", d) ** sp.Rational(1, 2))), {d: 2, "A": [1.0, 4.0]}, np.exp(-3)),
        (dv.trace(dv.gaussian("X", n, d).T * dv.gaussian("X", n, d)) / n - sp.pi, {n: 5, d: 4}, 4 - np.pi),
    ],
)
def test_what_needs_no_equation(expression: Any, numbers: Any, expected: float) -> None:
    derived = dv.derive(expression)
    assert derived.theory(numbers)["value"] == pytest.approx(expected, rel=1e-14)
    assert float(derived.theory(numbers, digits=30)["value"]) == pytest.approx(expected, rel=1e-15)
    assert derived.size <= 3
    assert "Read off the answer" in str(derived.steps())


def test_what_takes_too_long_is_left_to_the_numeric_engine(monkeypatch: Any) -> None:
    expression, numbers = ALL["projected mixture"]
    derived = dv.derive(expression)
    with pytest.raises(BudgetError):
        derived.reduction(budget=0.0)
    monkeypatch.setattr("rmtcollapse.derive.derivation._BUDGET", 0.0)
    assert derived.reduced is None
    assert derived.theory(numbers).engine.startswith("numeric")
    assert len(derived.steps().steps) == 7
    assert derived.theory(numbers, engine="reduced").engine.startswith("numeric")
    with pytest.raises(ParameterError, match="one of numeric, reduced"):
        derived.theory(numbers, engine="symbolic")
    with pytest.raises(ConvergenceError, match="not reduced to scalars"):
        derived.theory(numbers, digits=30)


@pytest.mark.parametrize("digits", [0, 2000, 3.0, True])
def test_digits_are_checked(digits: Any) -> None:
    expression, numbers, _ = CASES["MP"]
    with pytest.raises(ParameterError, match="an integer from 1 to 1000"):
        dv.derive(expression).theory(numbers, digits=digits)


def test_an_unknown_that_vanishes_has_no_reference() -> None:
    S = dv.commuting("Sigma", d)
    derived = dv.derive(dv.trace(resolvent(dv.gaussian("X", n, d, colcov=S))) / d)
    numbers = {n: 10, d: 10, lam: 0.5, S: [0.0]}
    assert derived.theory(numbers)["value"] == derived.theory(numbers, engine="reduced")["value"] == 2.0
    with pytest.raises(ConvergenceError, match="is zero"):
        derived.theory(numbers, digits=20)


def test_entries_of_a_block_triangular_inverse() -> None:
    rng = np.random.default_rng(5)
    matrix = np.zeros((6, 6))
    for i, j in [(0, 1), (1, 0), (2, 3), (3, 4), (4, 2), (0, 2), (1, 4), (4, 5), (0, 5), *((k, k) for k in range(6))]:
        matrix[i, j] = rng.uniform(0.5, 2)
    entries = {(i, j): sp.Float(matrix[i, j], 30) for i, j in zip(*np.nonzero(matrix), strict=True)}
    found = Inverses({(int(i), int(j)): e for (i, j), e in entries.items()}, ["d"] * 6)
    values = np.array([[float(found.entry(i, j)) for j in range(6)] for i in range(6)])
    assert values == pytest.approx(np.linalg.inv(matrix), rel=1e-12, abs=1e-12)
