"""Power-law rates: the stated exponents against log-log slopes of the equations.

The slopes converge slowly. Between T = 2,000 and 8,000 those of single terms are known to be within 0.03 of their
limit, and those of sums of terms over one decade within 0.05: these are the tolerances.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from rmtcollapse import ParameterError, Spectrum
from rmtcollapse.models import RecursiveRegression, RidgeRegression

TERM, SUM = 0.03, 0.05
DIRECTIONS = 200_000


def decay(error: Callable[[int], float], first: int, last: int) -> float:
    """Minus the log-log slope between two sample sizes."""
    return -math.log(error(last) / error(first)) / math.log(last / first)


def power_law(capacity: float, source: float, **changes: Any) -> RecursiveRegression:
    spectrum = Spectrum.power_law(10, capacity, source)
    given = {"spectrum": spectrum, "samples": 2000, "ridge": 0.0, "noise_variance": 1.0, "generations": 0}
    return RecursiveRegression(**{**given, **changes})


@pytest.mark.parametrize(
    ("capacity", "source", "first"), [(1.5, 0.5, 2000), (2.0, 0.3, 2000), (1.5, 0.25, 2000), (1.2, 1.5, 20_000)]
)
def test_clean_rate_and_ridge(capacity: float, source: float, first: int) -> None:
    exponents = power_law(capacity, source).exponents()
    spectrum = Spectrum.power_law(DIRECTIONS, capacity, source)
    ell = exponents["clean_ridge"]

    def value(name: str) -> Callable[[int], float]:
        return lambda T: RidgeRegression(spectrum=spectrum, samples=T, ridge=T**-ell, noise_variance=1.0).theory()[name]

    # At the best ridge bias and variance decay together: that is what makes it the best.
    for name in ("bias", "variance", "test_error"):
        assert decay(value(name), first, 4 * first) == pytest.approx(exponents["clean_rate"], abs=TERM), name


@pytest.mark.parametrize(("capacity", "source"), [(1.5, 0.5), (2.0, 0.3), (1.5, 0.25)])
def test_noiseless_rate(capacity: float, source: float) -> None:
    # The best ridge is the smallest that still regularises, T^-capacity.
    spectrum = Spectrum.power_law(DIRECTIONS, capacity, source)

    def error(T: int) -> float:
        return RidgeRegression(spectrum=spectrum, samples=T, ridge=T**-capacity, noise_variance=0.0).theory()[
            "test_error"
        ]

    expected = power_law(capacity, source).exponents()["noiseless_rate"]
    assert decay(error, 1000, 4000) == pytest.approx(expected, abs=TERM)


def on_synthetic_data(capacity: float, source: float, growth: float, ridge: str) -> tuple[float, float]:
    """Measured and stated decay with T_0 = C T^growth, sigma_0^2 = C, from T = 1e5 to 1e6.

    C keeps T_0 above d and the noise of the generators in charge; d is below T, as the rates assume.
    """
    scale, spectrum = 1e4 if growth < 0.5 else 100, Spectrum.power_law(1000, capacity, source)
    exponents = power_law(capacity, source).exponents(growth)
    ell, rate = exponents[f"{ridge}_ridge"], {"clean": "unadapted_rate", "adaptive": "adaptive_rate"}[ridge]

    def error(T: int) -> float:
        model = RecursiveRegression(
            spectrum=spectrum,
            samples=T,
            ridge=T**-ell,
            noise_variance=1.0,
            generations=5,
            generator_samples=int(scale * T**growth),
            generator_noise_variance=scale,
        )
        return float(model.theory()["test_error"])

    return decay(error, 10**5, 10**6), exponents[rate]


@pytest.mark.parametrize(("capacity", "source"), [(1.5, 0.5), (2.0, 0.3)])
@pytest.mark.parametrize("growth", [0.6, 0.8])
def test_adapting_the_ridge_beats_keeping_the_clean_one(capacity: float, source: float, growth: float) -> None:
    kept, expected_kept = on_synthetic_data(capacity, source, growth, "clean")
    adapted, expected_adapted = on_synthetic_data(capacity, source, growth, "adaptive")
    assert kept == pytest.approx(expected_kept, abs=SUM)
    assert adapted == pytest.approx(expected_adapted, abs=SUM)
    assert adapted > kept + 0.5 * (expected_adapted - expected_kept)
    assert expected_adapted > expected_kept + 0.07


def test_with_few_generator_rows_the_clean_ridge_makes_the_error_grow() -> None:
    kept, expected = on_synthetic_data(1.5, 0.5, 0.2, "clean")
    assert expected == pytest.approx(0.2 - 0.4)
    assert kept == pytest.approx(expected, abs=SUM)
    assert on_synthetic_data(1.5, 0.5, 0.2, "adaptive")[0] > 0


# ---- algebra of the exponents ------------------------------------------------------------------------------------


def test_recorded_exponents() -> None:
    # capacity 1.5, source 0.5, T_0 = T^0.6: the clean ridge would give 0.2, the adaptive one 0.36.
    exponents = power_law(1.5, 0.5).exponents(0.6)
    expected = {
        "clean_ridge": 0.6,
        "clean_rate": 0.6,
        "noiseless_rate": 1.5,
        "unadapted_rate": 0.2,
        "adaptive_ridge": 0.36,
        "adaptive_rate": 0.36,
    }
    assert exponents == pytest.approx(expected, rel=1e-15)


def test_the_source_saturates_at_one_and_growth_at_one() -> None:
    assert power_law(1.2, 1.5).exponents() == power_law(1.2, 1.0).exponents()
    many = power_law(1.5, 0.5).exponents(1.0)
    assert power_law(1.5, 0.5).exponents(3) == many
    assert many["adaptive_ridge"] == many["clean_ridge"]
    assert many["adaptive_rate"] == many["unadapted_rate"] == pytest.approx(many["clean_rate"], rel=1e-15)


def test_growth_is_read_from_the_model() -> None:
    model = power_law(1.5, 0.5, samples=10_000, generator_samples=100)
    assert model.exponents() == pytest.approx(model.exponents(0.5), rel=1e-15)
    assert power_law(1.5, 0.5).exponents() == power_law(1.5, 0.5).exponents(1.0)
    assert model.adaptive_ridge() == pytest.approx(10_000**-0.3, rel=1e-15)
    assert model.adaptive_ridge(0.25) == pytest.approx(10_000**-0.15, rel=1e-15)


@pytest.mark.parametrize("growth", [-0.1, math.nan, math.inf, True, "1"])
def test_wrong_growth_is_refused(growth: Any) -> None:
    with pytest.raises(ParameterError, match=r"\Agenerator_growth = [^\n]+>= 0\Z"):
        power_law(1.5, 0.5).exponents(growth)


@pytest.mark.parametrize(
    "spectrum",
    [
        Spectrum.isotropic(10),
        Spectrum([1.0, 0.5], signal=[1.0, 1.0]),
        Spectrum.power_law(10, 1.0, 0.5),
        Spectrum.power_law(10, 1.5, 0.0),
        Spectrum.power_law(10, 1.5, 0.5).with_signal(1.0),
    ],
    ids=["isotropic", "atoms", "capacity 1", "source 0", "other signal"],
)
def test_rates_are_stated_for_power_laws_only(spectrum: Spectrum) -> None:
    with pytest.raises(ParameterError, match=r"\Aspectrum = [^\n]+power_law with capacity > 1 and source > 0\Z"):
        power_law(1.5, 0.5, spectrum=spectrum).exponents()
