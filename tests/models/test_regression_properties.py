"""What holds for every regression model whatever its parameters: linearity, symmetries and true monotonicities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rmtcollapse import Spectrum
from rmtcollapse.models import RecursiveRegression, RidgeRegression

EPS = float(np.finfo(float).eps)
FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=60)


def decades(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda x: 10.0**x)


@st.composite
def spectra(draw: st.DrawFn) -> Spectrum:
    """One to five atoms over six decades, each with one to thirty directions."""
    size = draw(st.integers(1, 5))
    s = draw(st.lists(decades(-3, 3), min_size=size, max_size=size))
    w2 = draw(st.lists(st.one_of(st.just(0.0), decades(-3, 1)), min_size=size, max_size=size))
    m = draw(st.lists(st.integers(1, 30), min_size=size, max_size=size))
    return Spectrum(s, signal=w2, multiplicities=m)


samples = st.integers(1, 200)
ridges = decades(-3, 2)
noises = decades(-3, 1)


@st.composite
def ridge_models(draw: st.DrawFn) -> RidgeRegression:
    return RidgeRegression(
        spectrum=draw(spectra()), samples=draw(samples), ridge=draw(ridges), noise_variance=draw(noises)
    )


@st.composite
def chains(draw: st.DrawFn) -> RecursiveRegression:
    """Independent designs; generators with or without a ridge, away from the threshold."""
    spectrum, rows = draw(spectra()), draw(samples)
    generator_ridge = draw(st.one_of(st.just(0.0), ridges))
    assume(generator_ridge > 0 or rows != spectrum.rank)
    return RecursiveRegression(
        spectrum=spectrum,
        samples=draw(samples),
        ridge=draw(ridges),
        noise_variance=draw(noises),
        generations=draw(st.integers(0, 6)),
        generator_samples=rows,
        generator_noise_variance=draw(noises),
        generator_ridge=generator_ridge,
    )


anything = st.one_of(ridge_models(), chains())


def assert_equal(left: Mapping[str, Any], right: Mapping[str, Any], tolerance: float, *names: str) -> None:
    for name in names or left:
        assert left[name] == pytest.approx(right[name], rel=tolerance, abs=tolerance * left["test_error"]), name


@FIXED
@given(anything)
def test_values_are_errors_and_add_up(model: Any) -> None:
    theory = model.theory()
    assert theory["bias"] >= 0
    assert theory["variance"] > 0
    assert theory["test_error"] == theory["bias"] + theory["variance"]
    assert theory.residual <= 64 * EPS
    assert theory.certificate <= 1e-12


@FIXED
@given(chains())
def test_collapse_is_the_difference_from_clean_training(model: RecursiveRegression) -> None:
    theory = model.theory()
    difference = theory["test_error"] - theory["clean_test_error"]
    scale = max(theory["test_error"], theory["clean_test_error"])
    assert theory["collapse"] == pytest.approx(difference, rel=0, abs=64 * EPS * scale)
    assert theory["clean_test_error"] == pytest.approx(model.evolve(generations=0).theory()["test_error"], rel=1e-13)


@FIXED
@given(anything, st.integers(-30, 30))
def test_units_of_the_features_do_not_matter(model: Any, exponent: int) -> None:
    unit = 2.0**exponent
    spectrum = model.spectrum.scaled(unit).with_signal(model.spectrum.signal / unit)
    changes = {name: getattr(model, name) * unit for name in ("ridge", "generator_ridge") if hasattr(model, name)}
    scaled = model.evolve(spectrum=spectrum, **changes).theory()
    assert_equal(scaled, model.theory(), 1e-12, "test_error", "bias", "variance")


@FIXED
@given(anything, st.integers(-30, 30))
def test_units_of_the_labels_scale_all_errors(model: Any, exponent: int) -> None:
    unit = 2.0**exponent
    noises = ("noise_variance", "generator_noise_variance")
    changes = {name: getattr(model, name) * unit for name in noises if hasattr(model, name)}
    scaled = model.evolve(spectrum=model.spectrum.with_signal(model.spectrum.signal * unit), **changes).theory()
    for name, value in model.theory().items():
        assert scaled[name] == (value if name == "effective_ridge" else value * unit), name


@FIXED
@given(anything)
def test_the_order_and_the_splitting_of_atoms_do_not_matter(model: Any) -> None:
    full = model.spectrum.expanded()
    shuffled = Spectrum(full.eigenvalues[::-1], signal=full.signal[::-1])
    assert_equal(model.evolve(spectrum=shuffled).theory(), model.theory(), 1e-12)


@FIXED
@given(anything, st.integers(1, 50), decades(-2, 2))
def test_directions_without_variance_do_not_matter(model: Any, number: int, energy: float) -> None:
    law = model.spectrum
    padded = Spectrum(
        [*law.eigenvalues, 0.0], signal=[*law.signal, energy], multiplicities=[*law.multiplicities, number]
    )
    assert dict(model.evolve(spectrum=padded).theory()) == dict(model.theory())


@FIXED
@given(ridge_models(), decades(-3, 3))
def test_variance_is_linear_in_the_noise_and_bias_ignores_it(model: RidgeRegression, factor: float) -> None:
    theory, other = model.theory(), model.evolve(noise_variance=factor * model.noise_variance).theory()
    assert other["variance"] == pytest.approx(factor * theory["variance"], rel=16 * EPS, abs=0)
    assert other["bias"] == theory["bias"]


@FIXED
@given(chains())
def test_the_noises_of_a_chain_add(model: RecursiveRegression) -> None:
    theory = model.theory()
    first = model.evolve(noise_variance=0.0, generator_noise_variance=model.generator_noise()).theory()
    last = model.evolve(generator_noise_variance=0.0).theory()
    assert first["bias"] == last["bias"] == theory["bias"]
    assert first["variance"] + last["variance"] == pytest.approx(theory["variance"], rel=16 * EPS, abs=0)


@FIXED
@given(anything)
def test_bias_is_additive_over_the_directions_of_the_signal(model: Any) -> None:
    law = model.spectrum
    parts = []
    for j in range(law.eigenvalues.size):
        signal = np.zeros(law.eigenvalues.size)
        signal[j] = law.signal[j]
        parts.append(model.evolve(spectrum=law.with_signal(signal)).theory()["bias"])
    assert sum(parts) == pytest.approx(model.theory()["bias"], rel=64 * EPS, abs=0)


@FIXED
@given(ridge_models(), st.floats(1.01, 100), st.integers(1, 100))
def test_monotone_in_ridge_and_samples(model: RidgeRegression, factor: float, more: int) -> None:
    theory = model.theory()
    stronger = model.evolve(ridge=factor * model.ridge).theory()
    assert stronger["effective_ridge"] > theory["effective_ridge"] > model.ridge
    assert stronger["variance"] < theory["variance"]
    assert stronger["train_error"] > theory["train_error"]
    assert model.evolve(samples=model.samples + more).theory()["effective_ridge"] < theory["effective_ridge"]


@FIXED
@given(ridge_models())
def test_training_error_is_below_the_error_on_new_labels(model: RidgeRegression) -> None:
    theory = model.theory()
    assert 0 < theory["train_error"] < theory["test_error"] + model.noise_variance
    assert 0 < theory["residual_fraction"] < 1


@FIXED
@given(spectra(), samples, ridges, noises, noises, st.integers(1, 50), st.integers(2, 9))
def test_least_squares_generators_collapse_linearly(
    law: Spectrum, rows: int, ridge: float, noise: float, generated: float, more: int, generations: int
) -> None:
    model = RecursiveRegression(
        spectrum=law,
        samples=rows,
        ridge=ridge,
        noise_variance=noise,
        generations=1,
        generator_samples=law.rank + more,
        generator_noise_variance=generated,
    )
    once, often = model.theory()["collapse"], model.evolve(generations=generations).theory()["collapse"]
    assert once > 0
    assert often == pytest.approx(generations * once, rel=64 * EPS, abs=0)
