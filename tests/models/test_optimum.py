"""The least point of a model's test error over its ridge, against closed forms and fifty-digit neighbours."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rmtcollapse import Spectrum
from rmtcollapse.models import RecursiveRegression, RidgeRegression
from rmtcollapse.models._base import Model

LAW = Spectrum.power_law(30, 1.3, 0.7)

MODELS: dict[str, Model] = {
    "anisotropic prior": RidgeRegression(spectrum=LAW, samples=45, ridge=1.0, noise_variance=0.5),
    "fewer samples": RidgeRegression(spectrum=LAW, samples=20, ridge=0.0, noise_variance=0.5),
    "large scale": RidgeRegression(spectrum=LAW.scaled(1e8), samples=45, ridge=1.0, noise_variance=5e7),
    "small scale": RidgeRegression(spectrum=LAW.scaled(1e-8), samples=45, ridge=1.0, noise_variance=5e-9),
    "five generations": RecursiveRegression(
        spectrum=LAW, samples=45, ridge=0.0, noise_variance=0.5, generations=5, generator_samples=20
    ),
    "one design for all": RecursiveRegression(
        spectrum=LAW, samples=45, ridge=0.0, noise_variance=0.5, generations=3, designs="all-shared"
    ),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_error_at_forty_digits_is_larger_on_either_side(model: Model) -> None:
    best = model.optimal_ridge()  # type: ignore[attr-defined]
    at = [model.evolve(ridge=best * (1 + shift)).theory(digits=40)["test_error"] for shift in (-1e-7, 0, 1e-7)]
    assert at[0] > at[1] < at[2]
    # A valley, not a bump of a flat floor: far away the error is larger still.
    far = [model.evolve(ridge=best * factor).theory()["test_error"] for factor in (1e-3, 1e3)]
    assert min(far) > at[1] * 1.001


@pytest.mark.parametrize(("noise", "low", "high"), [(0.2, 1e-6, 1e-5), (2.0, 10.0, 30.0)])
def test_the_lower_of_two_valleys_is_found(noise: float, low: float, high: float) -> None:
    # Two bands far apart: little ridge learns both, much ridge learns neither much; the noise decides which is better.
    spectrum = Spectrum([1.0, 1e-4], signal=[0.1, 2e4], multiplicities=[60, 50])
    model = RidgeRegression(spectrum=spectrum, samples=120, ridge=1.0, noise_variance=noise)
    grid = np.geomspace(1e-12, 1e4, 200)
    errors = np.array([model.evolve(ridge=float(x)).theory()["test_error"] for x in grid])
    assert np.sum((errors[1:-1] < errors[:-2]) & (errors[1:-1] < errors[2:])) == 2
    best = model.optimal_ridge()
    assert low < best < high
    assert model.evolve(ridge=best).theory()["test_error"] <= errors.min()


def test_the_optimum_scales_with_the_features() -> None:
    plain = MODELS["anisotropic prior"].optimal_ridge()  # type: ignore[attr-defined]
    for name, factor in (("large scale", 1e8), ("small scale", 1e-8)):
        assert MODELS[name].optimal_ridge() == pytest.approx(factor * plain, rel=1e-7)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("spectrum", "samples"),
    [(LAW, 45), *((even, n) for even in (Spectrum.isotropic(30), LAW.with_signal(1.0)) for n in (3, 20, 45))],
)
def test_without_noise_the_ridgeless_limit_is_best(spectrum: Spectrum, samples: int) -> None:
    # With few samples the error is level to rounding over many decades: no point of that plain is the optimum.
    model = RidgeRegression(spectrum=spectrum, samples=samples, ridge=1.0, noise_variance=0.0)
    assert model.optimal_ridge() == 0.0


@pytest.mark.parametrize("spectrum", [Spectrum.isotropic(30, 0.0), LAW.with_signal(0.0)], ids=["flat", "law"])
def test_without_signal_nothing_should_be_learned(spectrum: Spectrum) -> None:
    model = RidgeRegression(spectrum=spectrum, samples=45, ridge=1.0, noise_variance=0.5)
    assert model.optimal_ridge() == math.inf


def test_the_ridge_of_the_model_itself_does_not_matter() -> None:
    model = MODELS["anisotropic prior"]
    found = {model.evolve(ridge=r).optimal_ridge() for r in (0.0, 1e-3, 7.0)}  # type: ignore[attr-defined]
    assert len(found) == 1
