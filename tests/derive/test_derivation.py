"""Values: against numbers obtained independently, closed forms, and the hand-derived models."""

from __future__ import annotations

import cmath
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rmtcollapse import ConvergenceError, Spectrum, models
from rmtcollapse import derive as dv
from rmtcollapse.derive.circuit import linearised
from rmtcollapse.derive.minimality import minimal_size
from rmtcollapse.derive.pencil import Pencil

from .cases import GAMMA, SIGMA, cases, d, lam, m, n, n1, n2, noise1, noise2, resolvent, z

CASES = cases()


@pytest.mark.parametrize("name", CASES)
def test_values_and_evidence(name: str) -> None:
    expression, numbers, value = CASES[name]
    answer = dv.derive(expression).theory(numbers)
    assert answer["value"] == pytest.approx(value, rel=1e-12)
    assert answer.residual < 1e-12
    assert answer.radius < 1
    assert isinstance(answer["value"], complex) == isinstance(value, complex)


@pytest.mark.parametrize("name", ["MP", "anisotropic MP", "mixture", "ridge test error", "projected test error"])
def test_derived_and_solved_in_no_time(name: str) -> None:
    expression, numbers, _ = CASES[name]
    start = time.perf_counter()
    dv.derive(expression).theory(numbers)
    assert time.perf_counter() - start < 3


@pytest.mark.parametrize(
    ("name", "size", "minimal"),
    [
        ("MP", 2, 2),
        ("ridge bias", 4, 4),
        ("ridge test error", 6, 6),
        ("ridge training error", 6, 6),
        ("strong collapse", 11, 11),
        ("projected resolvent", 4, 4),
        ("projected test error", 18, 14),
        ("no ridge", 4, None),
    ],
)
def test_pencils_stay_small(name: str, size: int, minimal: int | None) -> None:
    found = dv.derive(CASES[name][0]).size
    assert found <= size
    assert found.minimal == minimal
    assert f"at least {minimal}" in repr(found) or minimal is None


def test_a_pencil_that_is_too_large_shows_it() -> None:
    """A second copy of a resolvent that no output sees, and one that no source reaches, do not count."""
    circuit, outputs = linearised(list(dv.derive(CASES["MP"][0]).reading.nodes.values()))
    wires = list(circuit.wires)
    for wire in wires:
        copied = tuple(replace(t, wire=t.wire + 2 if t.wire >= 0 else t.wire) for t in wire.left)
        circuit.wires.append(replace(wire, left=copied))
    assert Pencil.of(circuit, outputs).size == 4
    assert minimal_size(Pencil.of(circuit, outputs)) == 2


@pytest.mark.parametrize(
    ("rows", "columns", "ridge"), [(160, 120, 0.3), (20, 120, 1e-6), (1000, 10, 1e3), (7, 7, 1e-8)]
)
def test_the_quadratic_of_marchenko_and_pastur(rows: int, columns: int, ridge: float) -> None:
    """lam c m^2 + (lam + 1 - c) m - 1 = 0 for m = tr (X'X/n + lam)^-1 / d, c = d/n."""
    X = dv.gaussian("X", n, d)
    value = dv.derive(dv.trace(resolvent(X)) / d).theory({n: rows, d: columns, lam: ridge})["value"]
    c = columns / rows
    b = ridge + 1 - c
    root = np.sqrt(b * b + 4 * ridge * c)
    expected = 2 / (b + root) if b > 0 else (root - b) / (2 * ridge * c)
    assert value == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("z0", [0.5 + 0.3j, 1.2 + 1e-6j, -3.0 + 0j, 0.1 - 0.4j, 2.5, -2.001])
def test_the_semicircle(z0: complex) -> None:
    W = dv.symmetric("W", d, variance=1 / d)
    value = dv.derive(dv.trace((W - z * dv.identity(d)).inv()) / d).theory({d: 50, z: z0})["value"]
    roots = [(-z0 + s * cmath.sqrt(z0 * z0 - 4)) / 2 for s in (1, -1)]
    assert value == pytest.approx(min(roots, key=abs), rel=1e-11)


def test_close_to_the_axis_everywhere() -> None:
    """Both sides of each edge and through the bulk: the branch has the sign of Im z, and solves the quadratic."""
    X = dv.gaussian("X", n, d)
    derived = dv.derive(dv.trace(resolvent(X, -z)) / d)
    for x in np.linspace(0.02, 4.0, 40):
        at = complex(x, 1e-4)
        value = derived.theory({n: 160, d: 120, z: at})["value"]
        assert value.imag > 0
        c = 0.75
        assert abs(at * c * value**2 - (1 - c - at) * value + 1) < 1e-11 * abs(value)


def test_ridge_regression_from_its_definition() -> None:
    expression, numbers, _ = CASES["ridge test error"]
    hand = models.RidgeRegression(spectrum=Spectrum(SIGMA, GAMMA), samples=90, ridge=0.2, noise_variance=0.5).theory()
    derived = dv.derive(expression)
    G = next(s for s in numbers if getattr(s, "name", "") == "Gamma")
    assert derived.theory({**numbers, G: GAMMA})["value"] == pytest.approx(hand["test_error"], rel=1e-12)


@pytest.mark.parametrize("width", [None, 25, 70])
def test_strong_collapse_from_its_definition(width: int | None) -> None:
    rng = np.random.default_rng(3)
    s, signal, shift = rng.uniform(0.2, 3, 40), rng.uniform(0, 0.1, 40), rng.uniform(0, 0.05, 40)
    S, G, D = dv.commuting("Sigma Gamma Delta", d)
    X1, X2 = dv.gaussian("X1", n1, d, colcov=S), dv.gaussian("X2", n2, d, colcov=S)
    P, rows = dv.gaussian("P", d, m, variance=1 / d), n1 + n2
    M1, M2 = X1.T * X1, X2.T * X2
    numbers = {n1: 30, n2: 50, d: 40, lam: 0.1, noise1: 0.3, noise2: 0.6, S: s, G: signal, D: shift}
    if width is None:
        Q = (lam * dv.identity(d) + (M1 + M2) / rows).inv()
    else:
        Q = P * (lam * dv.identity(m) + P.T * (M1 + M2) * P / rows).inv() * P.T
        numbers[m] = width
    miss, pull = Q * (M1 + M2) / rows - dv.identity(d), Q * M2 / rows
    error = (
        dv.trace(S * miss * G * miss.T)
        + dv.trace(S * pull * D * pull.T)
        + noise1 * dv.trace(S * Q * M1 * Q.T) / rows**2
        + noise2 * dv.trace(S * Q * M2 * Q.T) / rows**2
    )
    start = time.perf_counter()
    value = dv.derive(error).theory(numbers)["value"]
    assert time.perf_counter() - start < 5
    hand = models.StrongCollapse(
        spectrum=Spectrum(s, signal, target_shift=shift),
        real_samples=30,
        synthetic_samples=50,
        ridge=0.1,
        noise_variance=0.3,
        synthetic_noise_variance=0.6,
        width=width,
    ).theory()
    assert value == pytest.approx(hand["test_error"], rel=1e-12)


def test_two_generations_from_their_definition() -> None:
    """Labels of X from a fit without ridge on X0: the error is bias + noise + the noise of X0 that X learns."""
    S, G = dv.commuting("Sigma Gamma", d)
    n0 = dv.dims("n_0")
    X0, X = dv.gaussian("X0", n0, d, colcov=S), dv.gaussian("X", n, d, colcov=S)
    R, C = resolvent(X), (X0.T * X0).inv()
    learn = R * X.T * X / n
    error = (
        lam**2 * dv.trace(S * R * G * R)
        + noise1 * dv.trace(S * learn * C * learn.T)
        + noise2 * dv.trace(S * R * X.T * X * R) / n**2
    )
    numbers = {n: 90, n0: 300, d: 120, lam: 0.2, noise1: 0.3, noise2: 0.5, S: SIGMA, G: GAMMA}
    hand = models.RecursiveRegression(
        spectrum=Spectrum(SIGMA, GAMMA),
        samples=90,
        ridge=0.2,
        noise_variance=0.5,
        generations=1,
        generator_samples=300,
        generator_noise_variance=0.3,
    ).theory()
    assert dv.derive(error).theory(numbers)["value"] == pytest.approx(hand["test_error"], rel=1e-12)


def test_traces_combine_as_numbers() -> None:
    X = dv.gaussian("X", n, d)
    R, numbers = resolvent(X), {n: 160, d: 120, lam: 0.3}

    def value(expression: Any) -> Any:
        return dv.derive(expression).theory(numbers)["value"]

    one, two = dv.trace(R), dv.trace(R * R)
    assert value(one * two - two**2 / one) == pytest.approx(
        value(one) * value(two) - value(two) ** 2 / value(one), rel=1e-13
    )
    assert value(dv.trace(R * X.T * X / n + lam * R)) == pytest.approx(120, rel=1e-13)


def test_a_preconditioned_resolvent_is_no_symmetric_matrix() -> None:
    """(A X'X/n + lam)^-1 A is (X'X/n + lam A^-1)^-1."""
    A = dv.commuting("A", d)
    X = dv.gaussian("X", n, d)
    left = dv.trace((A * X.T * X / n + lam * dv.identity(d)).inv() * A)
    right = dv.trace((X.T * X / n + lam * A.inv()).inv())
    numbers = {n: 90, d: 120, lam: 0.2, A: SIGMA}
    assert dv.derive(left).theory(numbers)["value"] == pytest.approx(
        dv.derive(right).theory(numbers)["value"], rel=1e-12
    )


def test_a_square_gaussian_matrix_is_certified_outside_its_disc() -> None:
    """det(lam - X) of independent entries: 1/lam for |lam| > 1, refused inside the disc, where 1/lam is wrong."""
    X = dv.gaussian("X", d, d, variance=1 / d)
    derived = dv.derive(dv.trace((lam * dv.identity(d) - X).inv()) / d)
    assert derived.theory({d: 100, lam: 1.1})["value"] == pytest.approx(1 / 1.1, rel=1e-14)
    with pytest.raises(ConvergenceError):
        derived.theory({d: 100, lam: 0.9j})
