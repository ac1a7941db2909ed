"""Chains that reuse one design: noises that add, filters of one sample covariance, and their limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rmtcollapse import Spectrum, simulate
from rmtcollapse.models import RecursiveRegression, RidgeRegression

from .independent import marchenko_pastur_mean
from .independent_shared import one_design_for_all, one_design_for_generators

EPS = float(np.finfo(float).eps)
LAW = Spectrum.power_law(20, 1.2, 0.6)
NOISE = {"noise_variance": 0.3, "generator_noise_variance": 0.2}


def all_shared(spectrum: Spectrum, samples: int, ridge: float, generations: int, **changes: Any) -> RecursiveRegression:
    given = {"spectrum": spectrum, "samples": samples, "ridge": ridge, "generations": generations}
    return RecursiveRegression(**{**given, **NOISE, "designs": "all-shared", **changes})


def generators_shared(spectrum: Spectrum, rows: int, generations: int, **changes: Any) -> RecursiveRegression:
    given = {"spectrum": spectrum, "samples": 30, "ridge": 0.05, "generations": generations, "generator_samples": rows}
    return RecursiveRegression(**{**given, **NOISE, "designs": "generators-shared", **changes})


def harmonic(dimension: int) -> Spectrum:
    """Eigenvalues 2/j with unit signal spread evenly."""
    return Spectrum(2 / np.arange(1, dimension + 1.0), signal=np.full(dimension, 1 / dimension))


# ---- least-squares generators ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("samples", "ridge"), [(50, 0.1), (50, 0.0), (12, 0.1), (12, 0.0), (20, 0.1)])
@pytest.mark.parametrize("generations", [1, 6])
def test_one_design_for_all_adds_the_noises_and_no_bias(samples: int, ridge: float, generations: int) -> None:
    theory = all_shared(LAW, samples, ridge, generations).theory()
    noise = 0.3 + generations * 0.2
    once = RidgeRegression(spectrum=LAW, samples=samples, ridge=ridge, noise_variance=noise).theory()
    clean = RidgeRegression(spectrum=LAW, samples=samples, ridge=ridge, noise_variance=0.3).theory()
    for name in ("test_error", "bias", "variance"):
        assert theory[name] == pytest.approx(once[name], rel=16 * EPS, abs=0), name
    assert theory["clean_test_error"] == pytest.approx(clean["test_error"], rel=16 * EPS, abs=0)
    added = once["variance"] * generations * 0.2 / noise
    assert theory["collapse"] == pytest.approx(added, rel=16 * EPS, abs=0)


@pytest.mark.parametrize("rows", [12, 50])
@pytest.mark.parametrize("generations", [1, 4, 30])
def test_one_design_for_generators_is_one_generator_with_all_the_noise(rows: int, generations: int) -> None:
    theory = generators_shared(LAW, rows, generations).theory()
    single = RecursiveRegression(
        spectrum=LAW,
        samples=30,
        ridge=0.05,
        noise_variance=0.3,
        generations=1,
        generator_samples=rows,
        generator_noise_variance=generations * 0.2,
    ).theory()
    for name, value in theory.items():
        assert value == pytest.approx(single[name], rel=16 * EPS, abs=0), name


@pytest.mark.parametrize(("dimension", "expected"), [(50, 0.15037617546179907), (200, 0.054670618610083474)])
def test_recorded_one_design_for_all(dimension: int, expected: float) -> None:
    model = all_shared(
        harmonic(dimension), 3 * dimension // 2, 0.1, 5, noise_variance=0.2, generator_noise_variance=0.1
    )
    assert model.theory()["test_error"] == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize(("dimension", "expected"), [(50, 0.3066292008084092), (200, 0.13775851233870426)])
def test_recorded_one_design_for_generators(dimension: int, expected: float) -> None:
    rows = {"samples": 3 * dimension // 2, "generator_samples": dimension // 2}
    noise = {"noise_variance": 0.2, "generator_noise_variance": 0.1}
    model = generators_shared(harmonic(dimension), 1, 4, ridge=0.1, **rows, **noise)
    assert model.theory()["test_error"] == pytest.approx(expected, rel=1e-12, abs=0)


# ---- generators with a ridge -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dimension", "expected"), [(50, 0.63553962649664), (100, 0.6359864601517807)])
def test_recorded_ridge_at_every_generation(dimension: int, expected: float) -> None:
    spectrum = Spectrum(np.linspace(0.5, 1.5, dimension), signal=np.full(dimension, 1 / dimension))
    noise = {"noise_variance": 0.3, "generator_noise_variance": 0.3}
    model = all_shared(spectrum, 2 * dimension, 0.2, 3, generator_ridge=0.2, **noise)
    assert model.theory()["test_error"] == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("samples", [12, 20, 33])
@pytest.mark.parametrize("ridge", [0.0, 0.05, 0.1])
@pytest.mark.parametrize("generations", [1, 2, 4])
def test_one_design_for_all_by_partial_fractions(samples: int, ridge: float, generations: int) -> None:
    model = all_shared(LAW, samples, ridge, generations, generator_ridge=0.1, noise_variance=0.0)
    theory, clean = model.theory(), model.evolve(generations=0).theory()
    bias, noise = one_design_for_all(LAW.eigenvalues, LAW.signal, samples, ridge, generations, 0.1)  # type: ignore[arg-type]
    assert theory["bias"] == pytest.approx(float(bias), rel=1e-13, abs=0)
    assert theory["variance"] == pytest.approx(0.2 * float(noise), rel=1e-13, abs=0)
    assert theory["collapse"] == pytest.approx(float(bias) + 0.2 * float(noise) - clean["bias"], rel=1e-12, abs=0)
    assert theory.certificate <= 1e-12
    assert theory.residual <= 64 * EPS


@pytest.mark.parametrize("rows", [12, 20, 33])
@pytest.mark.parametrize("generations", [1, 2, 4])
def test_one_design_for_generators_by_partial_fractions(rows: int, generations: int) -> None:
    theory = generators_shared(LAW, rows, generations, generator_ridge=0.1, noise_variance=0.0).theory()
    bias, noise = one_design_for_generators(LAW.eigenvalues, LAW.signal, 30, 0.05, generations, rows, 0.1)  # type: ignore[arg-type]
    assert theory["bias"] == pytest.approx(float(bias), rel=1e-13, abs=0)
    assert theory["variance"] == pytest.approx(0.2 * float(noise), rel=1e-13, abs=0)


@pytest.mark.parametrize("samples", [60, 99, 250])
@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_isotropic_values_are_integrals_over_the_marchenko_pastur_law(samples: int, ridge: float) -> None:
    g, lam0, phi = 5, 0.4, 100 / samples

    def last(x: Any) -> Any:
        return x / (x + ridge)

    bias = 1.7 * marchenko_pastur_mean(lambda x: (1 - last(x) * (x / (x + lam0)) ** g) ** 2, phi, 1.0)
    passes = [
        marchenko_pastur_mean(lambda x, p=p: x * last(x) ** 2 * x ** (2 * p) / (x + lam0) ** (2 * p + 2), phi)
        for p in range(g)
    ]
    theory = all_shared(
        Spectrum.isotropic(100, 1.7), samples, ridge, g, generator_ridge=lam0, noise_variance=0.0
    ).theory()
    assert theory["bias"] == pytest.approx(bias, rel=1e-12, abs=0)
    assert theory["variance"] == pytest.approx(0.2 * phi * sum(passes), rel=1e-12, abs=0)


def test_one_generator_and_a_ridgeless_last_fit_is_the_ridge_of_the_generator() -> None:
    # The last fit, on the same rows, returns what the generator said and adds its own noise.
    for samples in (12, 33):
        theory = all_shared(LAW, samples, 0.0, 1, generator_ridge=0.1).theory()
        ridge = RidgeRegression(spectrum=LAW, samples=samples, ridge=0.1, noise_variance=0.2).theory()
        last = RidgeRegression(spectrum=LAW, samples=samples, ridge=0.0, noise_variance=0.3).theory()
        assert theory["bias"] == pytest.approx(ridge["bias"], rel=1e-13, abs=0)
        assert theory["variance"] == pytest.approx(ridge["variance"] + last["variance"], rel=1e-13, abs=0)


@pytest.mark.parametrize("samples", [12, 33])
@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_a_vanishing_generator_ridge_is_least_squares(samples: int, ridge: float) -> None:
    limit = all_shared(LAW, samples, ridge, 3).theory()
    slope = 3 * float(np.sum(1 / LAW.eigenvalues))  # every filter is first order in ridge/s_j
    for generator_ridge in (1e-5, 1e-8, 1e-11):
        near = all_shared(LAW, samples, ridge, 3, generator_ridge=generator_ridge).theory()
        allowed = slope * generator_ridge
        assert dict(near) == pytest.approx(dict(limit), rel=allowed, abs=allowed)


def test_a_huge_generator_ridge_forgets_everything() -> None:
    theory = all_shared(LAW, 33, 0.1, 2, generator_ridge=1e6).theory()
    null = float(LAW.eigenvalues @ LAW.signal)
    assert theory["bias"] == pytest.approx(null, rel=1e-11, abs=0)


def test_agreement_with_the_reference_at_eight_digits() -> None:
    model = all_shared(Spectrum.isotropic(10), 25, 0.1, 2, generator_ridge=1.0)
    theory, reference = model.theory(), model.theory(digits=8)
    assert reference.digits == 8
    for name, value in theory.items():
        assert value == pytest.approx(float(reference[name]), rel=1e-8, abs=0), name


@pytest.mark.slow
@pytest.mark.parametrize(("samples", "ridge"), [(7, 0.0), (7, 0.1), (25, 0.0)])
def test_agreement_with_the_reference_at_twenty_digits(samples: int, ridge: float) -> None:
    spectrum = Spectrum([2.0, 0.5, 0.1], signal=[1.0, 0.5, 0.1], multiplicities=[3, 4, 3])
    model = all_shared(spectrum, samples, ridge, 3, generator_ridge=0.3)
    theory, reference = model.theory(), model.theory(digits=20)
    for name, value in theory.items():
        assert value == pytest.approx(float(reference[name]), rel=1e-12, abs=0), name


# ---- simulation --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("samples", [12, 33])
def test_the_bias_of_one_ridgeless_design_does_not_grow(samples: int, factor: int) -> None:
    model = all_shared(LAW, samples, 0.0, 5).resized(factor)
    measured = simulate(model, trials=300, seed=3)
    once = simulate(model.evolve(generations=0), trials=300, seed=3)
    # The same draws of rows and target: what five generators return is the projection that one fit returns.
    np.testing.assert_allclose(measured.draws["bias"], once.draws["bias"], rtol=1e-9, atol=1e-20)


@pytest.mark.parametrize("designs", ["generators-shared", "all-shared"])
def test_ridge_generators_agree_with_simulation(designs: str) -> None:
    # Far from any threshold the O(1/n) bias is below one percent; the standard error is of that order.
    model = RecursiveRegression(
        spectrum=Spectrum.power_law(100, 1.2, 0.6),
        samples=150,
        ridge=0.1,
        generations=4,
        generator_ridge=0.3,
        designs=designs,
        **NOISE,
    )
    theory, measured = model.theory(), simulate(model, trials=200, seed=1)
    for name, value in theory.items():
        allowed = 4 * measured[name].standard_error + 2 / 150 * abs(value)
        assert abs(measured[name].mean - value) <= allowed, name
