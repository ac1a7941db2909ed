"""Ridge regression: double descent, its limits and its optimal penalty, against formulas written anew."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rmtcollapse import ConvergenceError, NoExactValueError, Spectrum, simulate
from rmtcollapse.models import RidgeRegression

from .independent import Stage, chain, effective_ridge, marchenko_pastur_mean

EPS = float(np.finfo(float).eps)
FLAT = Spectrum.isotropic(100, 1.7)
LAW = Spectrum.power_law(40, 1.5, 0.5)


def ridge_regression(spectrum: Spectrum, samples: int, ridge: float, noise_variance: float) -> RidgeRegression:
    return RidgeRegression(spectrum=spectrum, samples=samples, ridge=ridge, noise_variance=noise_variance)


def unit_trace(exponent: float, dimension: int) -> np.ndarray:
    """Power-law eigenvalues of mean one."""
    s = np.arange(1, dimension + 1.0) ** -exponent
    return s * dimension / s.sum()


# ---- isotropic population ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [20, 60, 99, 100, 101, 150, 1000])
@pytest.mark.parametrize("ridge", [0.01, 0.2, 5.0])
def test_isotropic_values_are_integrals_over_the_marchenko_pastur_law(samples: int, ridge: float) -> None:
    phi, energy, sigma2 = 100 / samples, 1.7, 0.4
    theory = ridge_regression(FLAT, samples, ridge, sigma2).theory()

    def mean(function: object, at_zero: float = 0.0) -> float:
        return marchenko_pastur_mean(function, phi, at_zero)  # type: ignore[arg-type]

    bias = energy * mean(lambda x: (ridge / (x + ridge)) ** 2, 1.0)
    variance = sigma2 * phi * mean(lambda x: x / (x + ridge) ** 2)
    # Residuals are lambda (XX'/n + lambda)^-1 applied to the labels; n - d directions of the labels see no features.
    shrunk = phi * mean(lambda x: (ridge / (x + ridge)) ** 2, 1.0) + 1 - phi
    train = energy * ridge**2 * mean(lambda x: x / (x + ridge) ** 2) + sigma2 * shrunk
    rho = phi * mean(lambda x: ridge / (x + ridge), 1.0) + 1 - phi
    expected = {"bias": bias, "variance": variance, "test_error": bias + variance, "train_error": train}
    assert dict(theory) == pytest.approx({**expected, "effective_ridge": ridge / rho}, rel=1e-12, abs=0)


def test_ridgeless_with_more_samples_than_directions() -> None:
    theory = ridge_regression(LAW, 100, 0.0, 0.4).theory()
    assert theory["bias"] == 0.0
    assert theory["effective_ridge"] == 0.0
    assert theory["variance"] == pytest.approx(0.4 * 40 / 60, rel=4 * EPS, abs=0)
    assert theory["train_error"] == pytest.approx(0.4 * 60 / 100, rel=4 * EPS, abs=0)
    assert theory.regimes == ("ridgeless, more samples than directions",)


def test_ridgeless_isotropic_with_fewer_samples_than_directions() -> None:
    theory = ridge_regression(FLAT, 40, 0.0, 0.4).theory()
    assert theory["effective_ridge"] == pytest.approx(1.5, rel=8 * EPS, abs=0)
    assert theory["bias"] == pytest.approx(1.7 * 0.6, rel=8 * EPS, abs=0)
    assert theory["variance"] == pytest.approx(0.4 / 1.5, rel=8 * EPS, abs=0)
    assert theory["train_error"] == 0.0
    assert theory.regimes == ("ridgeless, fewer samples than directions",)


# ---- any population ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("samples", "ridge"), [(25, 0.0), (39, 0.0), (41, 0.0), (25, 0.03), (40, 0.03), (90, 2.0)])
def test_any_population_against_plain_mpmath(samples: int, ridge: float) -> None:
    theory = ridge_regression(LAW, samples, ridge, 0.3).theory()
    bias, variance = chain(LAW.eigenvalues, LAW.signal, [Stage(samples, ridge, 0.3)])  # type: ignore[arg-type]
    assert theory["bias"] == pytest.approx(float(bias), rel=1e-13, abs=0)
    assert theory["variance"] == pytest.approx(float(variance), rel=1e-13, abs=0)
    assert theory["test_error"] == pytest.approx(float(bias + variance), rel=1e-13, abs=0)
    kappa = effective_ridge([*map(float, LAW.eigenvalues)], samples, ridge)
    assert theory["effective_ridge"] == pytest.approx(float(kappa), rel=1e-13, abs=0)


@pytest.mark.parametrize(
    ("s", "w2", "samples", "ridge", "noise", "expected"),
    [
        (np.ones(100), np.full(100, 1 / 100), 200, 0.2, 0.25, 0.1832483835048496),
        (unit_trace(1.5, 50), 1 / np.arange(1, 51.0), 25, 0.01, 0.09, 0.42263706996426764),
        (unit_trace(1.5, 200), 1 / np.arange(1, 201.0), 100, 0.01, 0.09, 0.26360780779200466),
        (unit_trace(1.2, 50), np.full(50, 1 / 50), 25, 0.0, 0.1, 0.3370018275067333),
        (unit_trace(1.2, 200), np.full(200, 1 / 200), 100, 0.0, 0.1, 0.2734856220243176),
    ],
)
def test_recorded_values(
    s: np.ndarray, w2: np.ndarray, samples: int, ridge: float, noise: float, expected: float
) -> None:
    theory = ridge_regression(Spectrum(s, signal=w2), samples, ridge, noise).theory()
    assert theory["test_error"] == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("samples", [25, 70])
def test_the_ridgeless_limit_is_approached(samples: int) -> None:
    limit = ridge_regression(LAW, samples, 0.0, 0.3).theory()
    slope = float(np.sum(1 / LAW.eigenvalues))  # every value is first order in ridge/s_j
    for ridge in (1e-6, 1e-9, 1e-12):
        near = ridge_regression(LAW, samples, ridge, 0.3).theory()
        assert dict(near) == pytest.approx(dict(limit), rel=slope * ridge, abs=slope * ridge)


@pytest.mark.parametrize("samples", [1, 50, 100, 150, 10**6])
@pytest.mark.parametrize("exponent", [-320, -300, -200, -100, -30, 30, 100, 200, 300])
def test_a_ridge_of_any_size_is_answered_right_or_refused(samples: int, exponent: int) -> None:
    try:
        theory = ridge_regression(FLAT, samples, 10.0**exponent, 0.4).theory()
    except ConvergenceError:
        return
    assert theory.residual <= 64 * EPS
    if exponent < 0 and samples != 100:
        ridgeless = ridge_regression(FLAT, samples, 0.0, 0.4).theory()
        assert theory["test_error"] == pytest.approx(ridgeless["test_error"], rel=1e-12, abs=0)
    if exponent > 0:
        assert theory["test_error"] == pytest.approx(1.7, rel=1e-12, abs=0)


# ---- interpolation threshold -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spectrum", [FLAT, Spectrum([2.0, 0.5, 0.0], signal=[1.0, 1.0, 3.0], multiplicities=[60, 40, 9])]
)
def test_at_the_threshold_noise_diverges_and_only_noise(spectrum: Spectrum) -> None:
    theory = ridge_regression(spectrum, 100, 0.0, 0.4).theory()
    assert (theory["variance"], theory["test_error"], theory["bias"]) == (math.inf, math.inf, 0.0)
    assert theory["train_error"] == 0.0
    assert theory.status.startswith("interpolation threshold")
    silent = ridge_regression(spectrum, 100, 0.0, 0.0).theory()
    assert (silent["variance"], silent["test_error"], silent["bias"]) == (0.0, 0.0, 0.0)
    assert silent.status.startswith("interpolation threshold")
    assert ridge_regression(spectrum, 100, 1e-3, 0.4).theory().status == "converged"


# ---- optimal ridge -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "s", [np.ones(30), unit_trace(1.5, 30), np.repeat([3.0, 0.01], 15)], ids=["flat", "law", "two"]
)
@pytest.mark.parametrize(("samples", "noise", "r2"), [(45, 0.5, 1.0), (20, 0.5, 1.0), (30, 2.0, 0.3), (500, 0.01, 4.0)])
def test_optimal_ridge_of_an_isotropic_prior(s: np.ndarray, samples: int, noise: float, r2: float) -> None:
    model = ridge_regression(Spectrum(s, signal=np.full(30, r2 / 30)), samples, 1.0, noise)
    assert model.optimal_ridge() == pytest.approx(noise * 30 / (samples * r2), rel=1e-9, abs=0)


def test_no_double_descent_at_the_optimal_ridge() -> None:
    sizes = (10, 50, 90, 100, 110, 150, 300)
    errors = [ridge_regression(FLAT, n, 0.4 * 100 / (n * 1.7), 0.4).theory()["test_error"] for n in sizes]
    assert np.all(np.diff(errors) < 0)
    ridgeless = [ridge_regression(FLAT, n, 0.0, 0.4).theory()["test_error"] for n in sizes]
    assert ridgeless[2] > ridgeless[1]
    assert ridgeless[4] > ridgeless[5]


# ---- finite size -------------------------------------------------------------------------------------------------


def test_exact_values_are_those_of_inverse_wishart_means() -> None:
    exact = ridge_regression(LAW, 60, 0.0, 0.3).exact()
    assert dict(exact) == pytest.approx(
        {"test_error": 0.3 * 40 / 19, "variance": 0.3 * 40 / 19, "bias": 0.0, "train_error": 0.3 * 20 / 60}, rel=4 * EPS
    )
    exact = ridge_regression(FLAT, 60, 0.0, 0.3).exact()
    assert dict(exact) == pytest.approx(
        {"test_error": 1.7 * 0.4 + 0.3 * 60 / 39, "variance": 0.3 * 60 / 39, "bias": 1.7 * 0.4, "train_error": 0.0},
        rel=4 * EPS,
    )
    # The recorded one: d = 120, n = 60, unit signal, noise 0.3.
    recorded = ridge_regression(Spectrum.isotropic(120), 60, 0.0, 0.3).exact()
    assert recorded["test_error"] == pytest.approx(0.8050847457627119, rel=4 * EPS, abs=0)


@pytest.mark.parametrize("samples", [99, 100, 101])
def test_exact_values_are_infinite_within_one_sample_of_the_threshold(samples: int) -> None:
    exact = ridge_regression(FLAT, samples, 0.0, 0.3).exact()
    assert exact["variance"] == exact["test_error"] == math.inf
    assert "infinite" in exact.status
    assert exact["bias"] == pytest.approx(1.7 * max(0.0, 1 - samples / 100), rel=8 * EPS, abs=0)
    assert ridge_regression(FLAT, samples, 0.0, 0.0).exact()["variance"] == 0.0


@pytest.mark.parametrize(("spectrum", "samples", "ridge"), [(LAW, 60, 0.1), (LAW, 30, 0.0)])
def test_no_exact_value_is_made_up(spectrum: Spectrum, samples: int, ridge: float) -> None:
    with pytest.raises(NoExactValueError, match=r"\ARidgeRegression: [^\n]+\Z"):
        ridge_regression(spectrum, samples, ridge, 0.3).exact()


@pytest.mark.parametrize(
    "model",
    [
        ridge_regression(Spectrum.power_law(10, 1.2, 0.6), 16, 0.0, 0.4),
        ridge_regression(Spectrum.power_law(20, 1.2, 0.6), 32, 0.0, 0.4),
        ridge_regression(Spectrum.isotropic(16, 1.7), 8, 0.0, 0.4),
        ridge_regression(Spectrum.isotropic(32, 1.7), 16, 0.0, 0.4),
    ],
    ids=["n>d", "n>d doubled", "n<d", "n<d doubled"],
)
def test_simulated_means_are_the_exact_ones(model: RidgeRegression) -> None:
    exact, measured = model.exact(), simulate(model, trials=2000, seed=5)
    for name, value in exact.items():
        if value == 0:
            assert abs(measured[name].mean) <= 1e-20
        else:
            assert abs(measured[name].mean - value) <= 4 * measured[name].standard_error, name
