"""Recursively generated labels: the backward recursion, its special cases, recorded values and finite-size laws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rmtcollapse import NoExactValueError, ParameterError, Spectrum
from rmtcollapse.models import RecursiveRegression, RidgeRegression

from .independent import Stage, chain, effective_ridge

EPS = float(np.finfo(float).eps)
LAW = Spectrum.power_law(40, 1.5, 0.5)
FLAT = Spectrum.isotropic(100, 1.7)


def recursive(spectrum: Spectrum, samples: int, ridge: float, generations: int, **changes: Any) -> RecursiveRegression:
    noise = {"noise_variance": 0.3, "generator_noise_variance": 0.2}
    given = {"spectrum": spectrum, "samples": samples, "ridge": ridge, "generations": generations}
    return RecursiveRegression(**{**given, **noise, **changes})


def harmonic(dimension: int, total: float) -> Spectrum:
    """Eigenvalues total/j, unit signal spread evenly."""
    return Spectrum(total / np.arange(1, dimension + 1.0), signal=np.full(dimension, 1 / dimension))


# ---- the recursion -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("generator_ridge", [0.0, 0.05])
@pytest.mark.parametrize("generator_samples", [12, 39, 41, 90])
@pytest.mark.parametrize(("samples", "ridge"), [(60, 0.0), (60, 0.1), (25, 0.0), (25, 0.1), (40, 0.1)])
def test_against_the_backward_recursion_in_plain_mpmath(
    samples: int, ridge: float, generator_samples: int, generator_ridge: float
) -> None:
    model = recursive(LAW, samples, ridge, 4, generator_samples=generator_samples, generator_ridge=generator_ridge)
    last, one = Stage(samples, ridge, 0.3), Stage(generator_samples, generator_ridge, 0.2)
    bias, variance = chain(LAW.eigenvalues, LAW.signal, [one] * 4 + [last])  # type: ignore[arg-type]
    clean = sum(chain(LAW.eigenvalues, LAW.signal, [last]))  # type: ignore[arg-type]
    expected = {
        "bias": bias,
        "variance": variance,
        "test_error": bias + variance,
        "clean_test_error": clean,
        "collapse": bias + variance - clean,
    }
    theory = model.theory()
    for name, value in expected.items():
        # With enough samples everywhere and no ridge the reference bias is its own rounding, fifty digits down.
        assert theory[name] == pytest.approx(float(value), rel=1e-13, abs=1e-40), name


@pytest.mark.parametrize("generator_ridge", [0.05, 1.0])
def test_generators_at_the_threshold_with_a_ridge(generator_ridge: float) -> None:
    model = recursive(LAW, 60, 0.1, 3, generator_samples=40, generator_ridge=generator_ridge)
    stages = [Stage(40, generator_ridge, 0.2)] * 3 + [Stage(60, 0.1, 0.3)]
    bias, variance = chain(LAW.eigenvalues, LAW.signal, stages)  # type: ignore[arg-type]
    assert model.theory()["test_error"] == pytest.approx(float(bias + variance), rel=1e-13, abs=0)


def test_generators_at_the_threshold_without_a_ridge() -> None:
    noisy = recursive(LAW, 60, 0.1, 3, generator_samples=40).theory()
    clean = RidgeRegression(spectrum=LAW, samples=60, ridge=0.1, noise_variance=0.3).theory()
    assert noisy["variance"] == noisy["test_error"] == noisy["collapse"] == math.inf
    assert noisy["bias"] == pytest.approx(clean["bias"], rel=4 * EPS, abs=0)
    assert noisy["clean_test_error"] == pytest.approx(clean["test_error"], rel=4 * EPS, abs=0)
    assert noisy.status.startswith("interpolation threshold")
    # Least squares with as many rows as directions returns the truth where the labels have no noise.
    silent = recursive(LAW, 60, 0.1, 3, generator_samples=40, generator_noise_variance=0.0).theory()
    assert silent["collapse"] == 0.0
    assert silent["test_error"] == pytest.approx(clean["test_error"], rel=4 * EPS, abs=0)


def test_collapse_does_not_cancel() -> None:
    # One generator with a million times more rows than directions: collapse is far below rounding of the errors.
    model = recursive(LAW, 60, 0.1, 1, generator_samples=4 * 10**7, generator_noise_variance=1e-12, noise_variance=1e3)
    theory, reference = model.theory(), model.theory(digits=40)
    assert theory["collapse"] < EPS * theory["test_error"]
    assert theory["collapse"] == pytest.approx(float(reference["collapse"]), rel=1e-13, abs=0)


# ---- special cases -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("designs", ["independent", "generators-shared", "all-shared"])
@pytest.mark.parametrize(("samples", "ridge"), [(60, 0.1), (60, 0.0), (25, 0.0)])
def test_no_generation_is_ridge_regression(designs: str, samples: int, ridge: float) -> None:
    theory = recursive(LAW, samples, ridge, 0, designs=designs, generator_ridge=0.7).theory()
    clean = RidgeRegression(spectrum=LAW, samples=samples, ridge=ridge, noise_variance=0.3).theory()
    for name in ("test_error", "bias", "variance"):
        assert theory[name] == pytest.approx(clean[name], rel=8 * EPS, abs=0), name
    assert theory["clean_test_error"] == pytest.approx(theory["test_error"], rel=8 * EPS, abs=0)
    assert theory["collapse"] == 0.0


@pytest.mark.parametrize(("samples", "ridge"), [(60, 0.1), (25, 0.1), (60, 0.0), (25, 0.0)])
@pytest.mark.parametrize("generations", [1, 7])
def test_least_squares_generators_add_noise_linearly(samples: int, ridge: float, generations: int) -> None:
    r"""Collapse is g sigma_0^2 rho with rho = (df2 + kappa^2 tr(Sigma+kappa)^-2 df2/(T-df2)) / (T_0-d)."""
    s = LAW.eigenvalues
    kappa = float(effective_ridge([*map(float, s)], samples, ridge))
    df2 = np.sum((s / (s + kappa)) ** 2)
    rho = (df2 + kappa**2 * np.sum((s + kappa) ** -2.0) * df2 / (samples - df2)) / (90 - 40)
    theory = recursive(LAW, samples, ridge, generations, generator_samples=90).theory()
    assert theory["collapse"] == pytest.approx(generations * 0.2 * rho, rel=1e-13, abs=0)


def test_unset_generator_parameters_are_those_of_the_downstream_fit() -> None:
    short = RecursiveRegression(spectrum=LAW, samples=60, ridge=0.1, noise_variance=0.3, generations=3)
    full = recursive(LAW, 60, 0.1, 3, generator_samples=60, generator_noise_variance=0.3)
    assert dict(short.theory()) == dict(full.theory())
    assert short.generator_noise() == 0.3


@pytest.mark.parametrize("generations", [1, 2, 6, 200])
def test_isotropic_generators_with_few_rows_forget_and_saturate(generations: int) -> None:
    # Least squares downstream: 1 - eta^g of the signal is lost, the noise stops at eta/(1-eta)^2.
    theory = recursive(FLAT, 250, 0.0, generations, generator_samples=80).theory()
    lost = 1.7 * (1 - 0.8**generations)
    noise = 0.2 * 0.8 / 0.2 * (1 - 0.8**generations) / (1 - 0.8)
    assert theory["bias"] == pytest.approx(lost, rel=64 * EPS, abs=0)
    assert theory["variance"] == pytest.approx(noise + 0.3 * 100 / 150, rel=64 * EPS, abs=0)


def test_isotropic_generators_with_few_rows_then_a_ridge() -> None:
    g, eta, phi = 5, 0.8, 100 / 150
    kappa = float(effective_ridge([1.0] * 100, 150, 0.2))
    m1, slack = 1 / (1 + kappa), (1 + kappa) ** 2 - phi
    m2 = (1 + kappa**2 * phi / slack) / (1 + kappa) ** 2
    theory = recursive(FLAT, 150, 0.2, g, generator_samples=80).theory()
    assert theory["bias"] == pytest.approx(1.7 * (1 - 2 * m1 * eta**g + m2 * eta**g), rel=1e-13, abs=0)
    noise = m2 * 0.2 * eta / (1 - eta) * (1 - eta**g) / (1 - eta) + 0.3 * phi / slack
    assert theory["variance"] == pytest.approx(noise, rel=1e-13, abs=0)


def test_small_directions_die_first() -> None:
    # One generation at a time, the share of a direction's energy that is lost grows down the spectrum.
    def lost(j: int) -> float:
        signal = np.zeros(40)
        signal[j] = 1 / LAW.eigenvalues[j]
        return float(
            recursive(Spectrum(LAW.eigenvalues, signal=signal), 400, 0.0, 3, generator_samples=20).theory()["bias"]
        )

    assert np.all(np.diff([lost(j) for j in range(0, 40, 6)]) > 0)


# ---- recorded values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("generations", "ridge", "error", "with_clean_ridge"),
    [
        (0, 0.3333, 0.3660, 0.3660),
        (1, 0.5271, 0.4860, 0.5013),  # the last column is linear: 0.3660 + (3.0718 - 0.3660) / 20
        (5, 1.9812, 0.7348, 1.0425),
        (20, 9.2277, 0.9108, 3.0718),
    ],
)
def test_recorded_optima(generations: int, ridge: float, error: float, with_clean_ridge: float) -> None:
    model = RecursiveRegression(
        spectrum=Spectrum.isotropic(100),
        samples=150,
        ridge=1 / 3,
        noise_variance=0.5,
        generations=generations,
        generator_samples=200,
        generator_noise_variance=0.3,
    )
    best = model.optimal_ridge()
    assert round(best, 4) == ridge
    assert round(model.evolve(ridge=best).theory()["test_error"], 4) == error
    assert round(model.theory()["test_error"], 4) == with_clean_ridge


@pytest.mark.parametrize("dimension", [50, 200])
def test_recorded_ridge_after_least_squares(dimension: int) -> None:
    noise = {"noise_variance": 0.25, "generator_noise_variance": 0.09}
    rows = {"samples": 6 * dimension // 5, "generator_samples": 2 * dimension}
    model = recursive(Spectrum.isotropic(dimension), ridge=0.3, generations=5, **rows, **noise)  # type: ignore[arg-type]
    assert model.theory()["test_error"] == pytest.approx(0.5332508628421377, rel=1e-13, abs=0)


# ---- exact values ------------------------------------------------------------------------------------------------


def test_exact_linear_growth_for_any_population() -> None:
    for g in (0, 1, 4):
        exact = recursive(LAW, 60, 0.0, g, generator_samples=70).exact()
        assert exact["collapse"] == pytest.approx(g * 0.2 * 40 / 29, rel=8 * EPS, abs=0)
        assert exact["clean_test_error"] == pytest.approx(0.3 * 40 / 19, rel=8 * EPS, abs=0)
        assert exact["bias"] == 0.0
        assert exact["test_error"] == exact["variance"]


def test_exact_catastrophic_collapse() -> None:
    silent = {"noise_variance": 0.0, "generator_noise_variance": 0.0}
    recorded = recursive(Spectrum.isotropic(100), 150, 0.0, 6, generator_samples=80, **silent).exact()
    assert recorded["test_error"] == recorded["bias"] == pytest.approx(0.7378559999999998, rel=8 * EPS, abs=0)
    # Fewer rows downstream as well: 1 - eta^g eta'.
    twice = recursive(FLAT, 60, 0.0, 6, generator_samples=80, **silent).exact()
    assert twice["bias"] == pytest.approx(1.7 * (1 - 0.8**6 * 0.6), rel=8 * EPS, abs=0)
    assert twice["collapse"] == pytest.approx(1.7 * 0.6 * (1 - 0.8**6), rel=8 * EPS, abs=0)


def test_exact_saturation() -> None:
    exact = recursive(FLAT, 150, 0.0, 6, generator_samples=80).exact()
    generated = 0.2 * 80 / 19 * (1 - 0.8**6) / 0.2
    assert exact["variance"] == pytest.approx(generated + 0.3 * 100 / 49, rel=8 * EPS, abs=0)


@pytest.mark.parametrize(("spectrum", "samples"), [(LAW, 60), (FLAT, 150), (FLAT, 60)])
def test_exact_shared_design_adds_noise_once(spectrum: Spectrum, samples: int) -> None:
    exact = recursive(spectrum, samples, 0.0, 6, designs="all-shared").exact()
    once = RidgeRegression(spectrum=spectrum, samples=samples, ridge=0.0, noise_variance=0.3 + 6 * 0.2).exact()
    for name in ("test_error", "bias", "variance"):
        assert exact[name] == pytest.approx(once[name], rel=8 * EPS, abs=0), name


@pytest.mark.parametrize(
    "changes",
    [{"ridge": 0.1}, {"generator_ridge": 0.1}, {"generator_samples": 30}, {"samples": 30}],
    ids=["ridge", "generator ridge", "few generator rows", "few rows"],
)
def test_no_exact_value_is_made_up(changes: dict[str, Any]) -> None:
    model = recursive(LAW, 60, 0.0, 2, generator_samples=70).evolve(**changes)
    with pytest.raises(NoExactValueError, match=r"\ARecursiveRegression: [^\n]+\Z"):
        model.exact()


# ---- refusals ----------------------------------------------------------------------------------------------------


def test_one_design_for_all_needs_one_number_of_rows() -> None:
    with pytest.raises(ParameterError, match=r"\Agenerator_samples = 70 .*equal to samples[^\n]*\Z"):
        recursive(LAW, 60, 0.1, 2, generator_samples=70, designs="all-shared")
    assert recursive(LAW, 60, 0.1, 2, generator_samples=60, designs="all-shared").theory().status == "converged"
