"""Finite-size laws of recursive regression as experiments: each at two sizes, against numbers written out here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rmtcollapse import Spectrum, simulate
from rmtcollapse.experiments.simulate import Estimate
from rmtcollapse.models import RecursiveRegression

EPS = float(np.finfo(float).eps)
TRIALS = 1000


def chain(
    spectrum: Spectrum, samples: int, generator_samples: int, generations: int, **changes: Any
) -> RecursiveRegression:
    given = {
        "spectrum": spectrum,
        "samples": samples,
        "ridge": 0.0,
        "noise_variance": 0.3,
        "generations": generations,
        "generator_samples": generator_samples,
        "generator_noise_variance": 0.2,
    }
    return RecursiveRegression(**{**given, **changes})


def z(measured: Estimate, expected: float) -> float:
    return (measured.mean - expected) / measured.standard_error


@pytest.mark.parametrize("d", [10, 20])
def test_error_grows_linearly_with_generations(d: int) -> None:
    law, base = Spectrum.power_law(d, 1.5, 0.5), 0.3 * d / (2 * d - 1)
    for generations in (1, 6):
        model = chain(law, 3 * d, 3 * d, generations)
        measured, expected = simulate(model, TRIALS, seed=1), base + generations * 0.2 * d / (2 * d - 1)
        assert model.exact()["test_error"] == pytest.approx(expected, rel=1e-14)
        assert abs(z(measured["test_error"], expected)) < 4
        assert abs(z(measured["collapse"], expected - base)) < 4
        assert measured["bias"].mean < 1e-20


@pytest.mark.parametrize("d", [10, 20])
def test_without_noise_few_rows_forget_exponentially(d: int) -> None:
    silent = {"noise_variance": 0.0, "generator_noise_variance": 0.0}
    for generations in (1, 6):
        model = chain(Spectrum.isotropic(d, 1.7), 2 * d, 4 * d // 5, generations, **silent)
        measured, expected = simulate(model, TRIALS, seed=2), 1.7 * (1 - 0.8**generations)
        assert model.exact()["test_error"] == pytest.approx(expected, rel=1e-14)
        assert abs(z(measured["test_error"], expected)) < 4
        assert measured["variance"].mean == 0.0


@pytest.mark.parametrize("d", [10, 20])
def test_with_noise_few_rows_saturate(d: int) -> None:
    generations, rows = 6, d // 2
    model = chain(Spectrum.isotropic(d, 1.7), 3 * d, rows, generations)
    measured = simulate(model, TRIALS, seed=3)
    tau = rows / (d - rows - 1)
    variance = 0.2 * tau * (1 - 0.5**generations) / 0.5 + 0.3 * d / (2 * d - 1)
    assert model.exact()["variance"] == pytest.approx(variance, rel=1e-14)
    assert abs(z(measured["variance"], variance)) < 4
    assert abs(z(measured["bias"], 1.7 * (1 - 0.5**generations))) < 4


@pytest.mark.parametrize("d", [10, 20])
@pytest.mark.parametrize("generations", [1, 6])
def test_one_shared_design_does_not_forget(d: int, generations: int) -> None:
    rows = d // 2
    model = chain(Spectrum.isotropic(d, 1.7), rows, rows, generations, designs="all-shared")
    measured = simulate(model, TRIALS, seed=4)
    variance = (0.3 + generations * 0.2) * rows / (d - rows - 1)
    expected = {"bias": 1.7 * 0.5, "variance": variance, "test_error": 1.7 * 0.5 + variance}
    for name, value in expected.items():
        assert model.exact()[name] == pytest.approx(value, rel=1e-14)
        assert abs(z(measured[name], value)) < 4, name


@pytest.mark.parametrize("d", [10, 20])
def test_generators_that_share_rows_forget_once(d: int) -> None:
    model = chain(Spectrum.isotropic(d, 1.7), 3 * d, d // 2, 6, designs="generators-shared")
    measured = simulate(model, TRIALS, seed=5)
    tau = (d // 2) / (d - d // 2 - 1)
    expected = {"bias": 1.7 * 0.5, "variance": 6 * 0.2 * tau + 0.3 * d / (2 * d - 1)}
    for name, value in expected.items():
        assert model.exact()[name] == pytest.approx(value, rel=1e-14)
        assert abs(z(measured[name], value)) < 4, name


@pytest.mark.parametrize("d", [10, 20])
def test_few_rows_downstream_as_well(d: int) -> None:
    model = chain(Spectrum.isotropic(d, 1.7), d // 2, 4 * d // 5, 3, noise_variance=0.0, generator_noise_variance=0.0)
    measured, expected = simulate(model, TRIALS, seed=6), 1.7 * (1 - 0.8**3 * 0.5)
    assert model.exact()["bias"] == pytest.approx(expected, rel=1e-14)
    assert abs(z(measured["bias"], expected)) < 4


def test_values_of_one_experiment_belong_together() -> None:
    model = chain(Spectrum.power_law(20, 1.2, 0.6), 30, 15, 3, ridge=0.1, generator_ridge=0.05)
    draws = simulate(model, 20, seed=7).draws
    np.testing.assert_allclose(draws["collapse"], draws["test_error"] - draws["clean_test_error"], rtol=1e-12)
    # The cross term of signal and noise has mean zero, not value zero.
    cross = draws["test_error"] - draws["bias"] - draws["variance"]
    assert np.any(cross > 0)
    assert np.any(cross < 0)
    untouched = simulate(model.evolve(generations=0), 20, seed=7).draws
    np.testing.assert_allclose(untouched["collapse"], 0.0, atol=64 * EPS)
