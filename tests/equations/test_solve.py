"""Both compiled forms against the mpmath reference, wherever the parameters may be, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rmtcollapse.equations.compile import Compiled
from rmtcollapse.equations.reference import ReferenceSolution, solve_reference
from rmtcollapse.equations.solve import CONVERGED, solve_grid, solve_point
from rmtcollapse.equations.system import System
from rmtcollapse.equivalents.resolvent import THRESHOLD
from rmtcollapse.models import RidgeRegression
from rmtcollapse.spectra import Spectrum

EPS = float(np.finfo(float).eps)
RIDGE = RidgeRegression.system()
DIGITS = 50


def error(found: float, exact: Any) -> float:
    """Relative error; exact zeros and infinities must be met exactly."""
    if exact == 0 or mp.isinf(exact):
        return 0.0 if found == exact else math.inf
    with mp.workdps(DIGITS + 10):
        return float(abs(mp.mpf(found) - exact) / abs(exact))


def assert_certified(unknowns: dict[str, float], certificate: float, exact: ReferenceSolution, solved: str) -> None:
    """Each exact unknown lies within the stated radius; one that follows from it has a rounding of its own."""
    for name, value in unknowns.items():
        assert error(value, exact.unknowns[name]) <= certificate + (0 if name == solved else EPS), name


# ---- one unknown: ridge regression -------------------------------------------------------------------------------


@st.composite
def spectra(draw: st.DrawFn) -> Spectrum:
    """Up to eight atoms from 1e-8 to 1e8: scattered, in one cluster, in two far apart, or one alone."""
    size = draw(st.integers(1, 8))
    anywhere = st.floats(-8, 8)
    if draw(st.booleans()):
        powers = draw(st.lists(anywhere, min_size=size, max_size=size))
    else:
        centres = draw(st.lists(anywhere, min_size=1, max_size=2))
        offsets = draw(st.lists(st.floats(-1e-3, 1e-3), min_size=size, max_size=size))
        powers = [min(8.0, max(-8.0, centres[k % len(centres)] + x)) for k, x in enumerate(offsets)]
    counts = draw(st.lists(st.sampled_from([1, 2, 7, 100, 10**5]), min_size=size, max_size=size))
    signal = draw(st.lists(st.floats(-3, 3), min_size=size, max_size=size))
    return Spectrum([10**p for p in powers], [10**w for w in signal], multiplicities=counts)


@st.composite
def problems(draw: st.DrawFn) -> RidgeRegression:
    spectrum = draw(spectra())
    ratio = st.floats(-3, 3).map(lambda p: round(spectrum.rank * 10**p))
    samples = draw(st.sampled_from([spectrum.rank + k for k in (-1, 0, 1)]) | ratio)
    ridge = draw(st.just(0.0) | st.floats(-12, 6).map(lambda p: 10**p))
    return RidgeRegression(spectrum=spectrum, samples=max(1, samples), ridge=ridge, noise_variance=0.3)


def problem(eigenvalues: Any, samples: int, ridge: float, multiplicities: Any = None) -> RidgeRegression:
    signal = np.geomspace(0.01, 100, len(eigenvalues))
    spectrum = Spectrum(eigenvalues, signal, multiplicities=multiplicities)
    return RidgeRegression(spectrum=spectrum, samples=samples, ridge=ridge, noise_variance=0.3)


GAP = [1e8] * 10 + [1e-8] * 10
FIXED = [
    problem(GAP, 10, 0.0),
    problem(GAP, 9, 1e-12),
    problem(GAP, 11, 1e-12),
    problem([3.0], 1, 1e-12),
    problem([3.0], 1, 0.0),
    problem([1.0], 100_000, 1e-12, [100_000]),
    problem([1.0], 99_999, 0.0, [100_000]),
    problem(np.geomspace(1e-8, 1e8, 17), 16, 0.0),
    problem(np.geomspace(1e-8, 1e8, 17), 17, 1e-12),
    problem(np.geomspace(1e-8, 1e8, 17), 17_000, 1e6),
    problem(np.geomspace(1e-8, 1e8, 17), 1, 0.0, [1000] * 17),
    problem(1 + 1e-13 * np.arange(12), 12, 1e-10),
    problem([1e-8, 1e8], 1, 1e-12, [1, 100_000]),
]


def check_ridge(model: RidgeRegression) -> None:
    """theory() and the Numba form: values to 1e-13, unknowns inside the certificate, the same regime and status."""
    columns, given = model.spectrum.columns(), model.parameters()
    exact = solve_reference(RIDGE, given, columns, DIGITS)
    prediction = model.theory()
    points = np.array([[given[name] for name in ("samples", "ridge", "noise_variance")]])
    grid = solve_grid(model.compiled(), points, columns)
    everything = {**exact.outputs, **exact.unknowns}
    for name, value in prediction.items():
        assert error(value, everything[name]) <= 1e-13, name
    for name, column in {**grid.outputs, **grid.unknowns}.items():
        assert error(column[0], everything[name]) <= 1e-13, name
    assert_certified(dict(prediction.unknowns), prediction.certificate, exact, "effective_ridge")
    assert_certified({n: x[0] for n, x in grid.unknowns.items()}, grid.certificate[0], exact, "effective_ridge")
    assert (prediction.status, prediction.regimes) == (exact.status, exact.regimes)
    assert grid.status[0] == exact.status
    assert max(prediction.residual, grid.residual[0]) <= 16 * EPS


@pytest.mark.parametrize("model", FIXED, ids=str)
def test_hard_cases_agree_with_the_reference(model: RidgeRegression) -> None:
    check_ridge(model)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(problems())
def test_any_spectrum_agrees_with_the_reference(model: RidgeRegression) -> None:
    check_ridge(model)


LARGE = {
    "power law": np.arange(1, 100_001) ** -1.3,
    "log-uniform": 10 ** np.random.default_rng(1).uniform(-8, 8, 100_000),
}


@pytest.mark.slow
@pytest.mark.parametrize(("samples", "ridge"), [(1_000, 0.0), (1_000, 1e-3), (99_999, 0.0), (100_000, 1e-12)])
@pytest.mark.parametrize("eigenvalues", LARGE.values(), ids=LARGE)
def test_a_hundred_thousand_atoms_agree_with_the_reference(eigenvalues: np.ndarray, samples: int, ridge: float) -> None:
    check_ridge(problem(eigenvalues, samples, ridge))


def test_a_grid_has_the_values_of_its_points() -> None:
    model = problem(np.geomspace(1e-3, 10, 40), 40, 0.1)
    axes = {"samples": np.array([80, 41, 40, 39, 5]), "ridge": np.array([0.0, 1e-12, 1e-6, 1e-3, 0.1, 10.0, 1e6])}
    grid = model.theory_grid(axes)
    cells = [(int(n), float(lam)) for n in axes["samples"] for lam in axes["ridge"]]
    for i, (samples, ridge) in enumerate(cells):
        single = model.evolve(samples=samples, ridge=ridge).theory()
        for name, column in grid.outputs.items():
            assert error(column[i], mp.mpf(single[name])) <= 1e-13, (samples, ridge, name)
        assert grid.status[i] == single.status
        assert (single.status == THRESHOLD) == (samples == 40 and ridge == 0)


def test_the_order_of_a_grid_does_not_matter() -> None:
    model = problem(np.geomspace(1e-3, 10, 40), 30, 0.1)
    ridge = np.geomspace(1e-12, 1e6, 60)
    there, mixed = model.theory_grid({"ridge": ridge}), np.random.default_rng(0).permutation(60)
    again = model.theory_grid({"ridge": ridge[mixed]})
    for name, column in there.outputs.items():
        assert np.all(abs(again.outputs[name] - column[mixed]) <= 1e-13 * abs(column[mixed])), name


def test_a_value_beyond_double_precision_is_infinite_and_says_so() -> None:
    model = problem([1.0, 0.5], 2, 1e-9).evolve(noise_variance=1e308)
    single, grid = model.theory(), model.theory_grid({"ridge": np.array([1e-9, 1e3])})
    for status, variance in ((single.status, single["variance"]), (grid.status[0], grid.outputs["variance"][0])):
        assert status == "a value exceeds the range of double precision"
        assert variance == math.inf
    assert grid.status[1] == CONVERGED
    assert np.isfinite(grid.outputs["variance"][1])


# ---- two unknowns ------------------------------------------------------------------------------------------------


@st.composite
def two_laws(draw: st.DrawFn) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    size = draw(st.integers(1, 8))
    powers = st.lists(st.floats(-3, 3), min_size=size, max_size=size)
    counts = draw(st.lists(st.integers(1, 50), min_size=size, max_size=size))
    near = st.sampled_from([sum(counts) + k for k in (-1, 0, 1)])
    rows = draw(near | st.floats(-1.5, 1.5).map(lambda p: round(sum(counts) * 10**p)))
    share = draw(st.floats(0.01, 0.99))
    columns = {
        "multiplicity": np.array(counts, dtype=float),
        "first_eigenvalue": 10 ** np.array(draw(powers)),
        "second_eigenvalue": 10 ** np.array(draw(powers)),
    }
    ridge = 10 ** draw(st.floats(-12, 3))
    return {"rows": max(1, rows), "ridge": ridge, "first_share": share, "second_share": 1 - share}, columns


ORDINARY = (
    {"rows": 90.0, "ridge": 0.1, "first_share": 0.3, "second_share": 0.7},
    {
        "multiplicity": np.ones(40),
        "first_eigenvalue": np.geomspace(0.01, 10, 40),
        "second_eigenvalue": np.geomspace(5, 0.1, 40),
    },
)
FAR = (  # from its start: the weights are of the order of the ridge
    {"rows": 1.0, "ridge": 0.01, "first_share": 0.25, "second_share": 0.75},
    {
        "multiplicity": np.array([15.0]),
        "first_eigenvalue": np.array([1000.0]),
        "second_eigenvalue": np.array([1.0]),
    },
)
STIFF = (
    {"rows": 36.0, "ridge": 2e-13, "first_share": 0.94, "second_share": 0.06},
    {
        "multiplicity": np.full(4, 9.0),
        "first_eigenvalue": np.array([20.0, 0.05, 1.0, 3.0]),
        "second_eigenvalue": np.array([0.04, 7.0, 30.0, 0.2]),
    },
)


def near_threshold(parameters: dict[str, float], columns: dict[str, np.ndarray]) -> bool:
    """Whether rows about equal directions and the ridge is small beside the spectrum."""
    eigenvalues = np.concatenate([columns["first_eigenvalue"], columns["second_eigenvalue"]])
    balanced = abs(parameters["rows"] / columns["multiplicity"].sum() - 1) < 0.1
    return bool(balanced and parameters["ridge"] < 1e-4 * eigenvalues.max())


@settings(max_examples=150, deadline=None, derandomize=True)
@given(case=two_laws())
@example(case=ORDINARY)
@example(case=FAR)
@example(case=STIFF)
def test_two_unknowns_agree_with_the_reference(
    compiled_two_sources: Compiled,
    two_sources: System,
    case: tuple[dict[str, float], dict[str, np.ndarray]],
) -> None:
    parameters, columns = case
    exact = solve_reference(two_sources, parameters, columns, DIGITS)
    point = solve_point(compiled_two_sources, parameters, columns)
    grid = solve_grid(compiled_two_sources, np.array([list(parameters.values())]), columns)
    everything = {**exact.outputs, **exact.unknowns}
    for values, certificate, residual in (
        ({**point.unknowns, **point.outputs}, point.certificate, point.residual),
        ({n: x[0] for n, x in {**grid.unknowns, **grid.outputs}.items()}, grid.certificate[0], grid.residual[0]),
    ):
        for name, value in values.items():
            # Towards the threshold these equations lose digits, as the certificate says; an output is of degree one.
            allowed = certificate if name in exact.unknowns else 1e-12 + 2 * certificate
            assert error(value, everything[name]) <= allowed, name
        assert certificate <= 1e-12 or near_threshold(parameters, columns)
        assert residual <= certificate + 16 * EPS


def test_two_unknowns_follow_a_grid(compiled_two_sources: Compiled) -> None:
    parameters, columns = ORDINARY
    shares = np.linspace(0.02, 0.98, 25)
    points = np.array([[90.0, 0.1, p, 1 - p] for p in shares])
    grid = solve_grid(compiled_two_sources, points, columns)
    for i, p in enumerate(shares):
        single = solve_point(compiled_two_sources, {**parameters, "first_share": p, "second_share": 1 - p}, columns)
        for name, column in {**grid.outputs, **grid.unknowns}.items():
            assert error(column[i], mp.mpf({**single.outputs, **single.unknowns}[name])) <= 1e-13


# ---- recursions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [0, 1, 2, 9])
@pytest.mark.parametrize("atoms", [1, 5, 64, 200])
def test_a_recursion_agrees_with_the_reference_and_with_a_loop(
    compiled_recursive: Compiled, recursive: System, steps: int, atoms: int
) -> None:
    rng = np.random.default_rng(atoms)
    m = rng.integers(1, 5, atoms).astype(float)
    s, w2 = 10 ** rng.uniform(-2, 1, atoms), 10 ** rng.uniform(-1, 0, atoms)
    columns = {"multiplicity": m, "eigenvalue": s, "signal": w2}
    parameters = {"damping": 0.4, "decay": 0.9, "steps": float(steps)}
    exact = solve_reference(recursive, parameters, columns, DIGITS).outputs
    point = solve_point(compiled_recursive, parameters, columns).outputs
    grid = solve_grid(compiled_recursive, np.array([list(parameters.values())] * 2), columns).outputs
    mean = (m * s * w2).sum() / m.sum()
    carry, balance, level = s / (s + 0.4), -w2, 1.0
    for done in range(steps):
        gain = (m * (s * carry**2 + w2 * balance)).sum() / ((m * s).sum() + level) + mean
        carry, balance = carry * s / (s + 0.4) + level * w2, gain * carry - balance / 2
        level = 0.9 * level + gain / (1 + done)
    looped = {"untouched": mean**2, "learned_share": (m * w2 * (carry + balance)).sum() + level}
    for found in (point, *({n: x[i] for n, x in grid.items()} for i in (0, 1)), {**looped, "generations_seen": steps}):
        for name, value in found.items():
            assert error(value, exact[name]) <= 1e-13, name
