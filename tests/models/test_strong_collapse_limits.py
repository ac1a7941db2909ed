"""What no amount of data removes, what rates lead there, where the error is infinite, and what the width does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rmtcollapse import ParameterError, Spectrum
from rmtcollapse.models import StrongCollapse

EPS = float(np.finfo(float).eps)
LAW = Spectrum.power_law(40, 1.5, 0.5).with_target_shift(np.linspace(0.1, 2.0, 40))
PARTS = ("bias", "variance", "zeta")


def strong(spectrum: Spectrum, real: int, synthetic: int, ridge: float, **changes: Any) -> StrongCollapse:
    given = {"noise_variance": 0.3, **changes}
    return StrongCollapse(spectrum=spectrum, real_samples=real, synthetic_samples=synthetic, ridge=ridge, **given)


def flat(d: int, shift: float) -> Spectrum:
    """Identity covariance, signal 1 and this shift, spread evenly."""
    return Spectrum.isotropic(d).with_target_shift(shift)


# ---- floor and scaling -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [1, 10, 50])
def test_more_data_does_not_help_against_strong_collapse(share: int) -> None:
    model = strong(LAW, 100 - share, share, 0.0)
    energy = float(np.sum(LAW.eigenvalues * LAW.target_shift))  # type: ignore[operator]
    assert model.floor() == pytest.approx((share / 100) ** 2 * energy, rel=8 * EPS)
    many = model.evolve(real_samples=(100 - share) * 10**7, synthetic_samples=share * 10**7)
    assert many.theory()["test_error"] == pytest.approx(model.floor(), rel=1e-3)
    assert many.theory()["test_error"] > model.floor()
    assert strong(LAW, 100, 0, 0.0).floor() == 0.0


@pytest.mark.parametrize("width", [None, 5, 39, 40, 200])
@pytest.mark.parametrize("ridge", [0.0, 0.03])
def test_the_floor_is_the_limit_of_many_rows(width: int | None, ridge: float) -> None:
    model = strong(LAW, 30, 10, ridge, width=width)
    many = model.evolve(real_samples=30 * 10**12, synthetic_samples=10**13).theory()["test_error"]
    assert many == pytest.approx(model.floor(), rel=1e-10)
    assert model.floor(ridge) == model.floor()
    assert model.floor(0.0) == model.evolve(ridge=0.0).floor()
    with pytest.raises(ParameterError, match=r"\Aridge = -1.0 "):
        model.floor(-1.0)


@pytest.mark.parametrize("width", [5, 39, 100])
def test_the_floor_of_a_width_is_its_closed_form(width: int) -> None:
    model = strong(LAW, 30, 10, 0.0, width=width)
    kappa = model.theory()["effective_ridge"] if width < 40 else 0.0
    s, w2, shift = LAW.eigenvalues, LAW.signal, LAW.target_shift
    expected = float(np.sum(w2 * s - (w2 - shift / 16) * s**2 / (s + kappa)))  # type: ignore[operator]
    assert model.floor() == pytest.approx(expected, rel=1e-12)


def test_the_excess_over_the_floor_falls_like_one_over_the_samples() -> None:
    def excess(n: int) -> float:
        model = strong(LAW, 3 * n, n, 0.0)
        return model.theory()["test_error"] - model.floor()

    assert excess(10**5) / excess(10**6) == pytest.approx(10, rel=1e-3)


@pytest.mark.parametrize(("capacity", "source"), [(1.5, 0.25), (2.0, 0.3), (1.8, 0.2)])
def test_stated_rates_are_those_of_the_equations(capacity: float, source: float) -> None:
    spectrum = Spectrum.power_law(200_000, capacity, source).with_target_shift(1e-9)
    model = strong(spectrum, 375, 125, 0.0, width=100)
    stated, fitted = model.exponents(), model.fitted_exponents()
    for name, rate in fitted.items():
        assert rate == pytest.approx(stated[name], abs=0.03), name


def test_the_plateau_begins_where_the_clean_law_meets_the_floor() -> None:
    spectrum = Spectrum.power_law(100_000, 1.5, 0.5)
    spectrum = spectrum.with_target_shift(spectrum.signal * 0.01)  # type: ignore[operator]
    exponents = strong(spectrum, 950, 50, 0.0).exponents()
    floor = strong(spectrum, 950, 50, 0.0).floor()

    def error(n: float) -> float:
        rows = int(n)
        ridge = n ** -exponents["clean_ridge"]
        model = strong(spectrum, 19 * rows // 20, rows // 20, ridge, noise_variance=1.0)
        return float(model.theory()["test_error"])

    onset = exponents["plateau_samples"]
    assert error(onset / 100) > 10 * floor
    assert error(onset * 100) < 1.2 * floor
    assert strong(spectrum, 1000, 0, 0.0).exponents()["plateau_samples"] == math.inf


@pytest.mark.parametrize(
    "spectrum", [flat(10, 1.0), LAW.with_signal(1.0), Spectrum([2.0, 1.0], [1.0, 1.0], [1.0, 1.0])]
)
def test_rates_are_stated_for_power_laws_only(spectrum: Spectrum) -> None:
    for rates in (strong(spectrum, 10, 5, 0.1).exponents, strong(spectrum, 10, 5, 0.1).fitted_exponents):
        with pytest.raises(ParameterError, match=r"\Aspectrum = [^\n]+power_law with capacity > 1 and source > 0\Z"):
            rates()


# ---- thresholds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "threshold"), [(None, 40), (25, 25), (39, 39), (40, 40), (41, 40), (4000, 40)])
def test_the_error_is_infinite_at_the_threshold_and_says_so(width: int | None, threshold: int) -> None:
    padded = Spectrum([*LAW.eigenvalues, 0.0], [*LAW.signal, 1.0], [*LAW.target_shift, 1.0])  # type: ignore[misc]
    for spectrum in (LAW, padded):
        model = strong(spectrum, threshold - 10, 10, 0.0, width=width)
        assert model.interpolation_threshold() == threshold
        theory = model.theory()
        assert theory["test_error"] == theory["variance"] == theory["zeta"] == math.inf
        assert theory["bias"] == (math.inf if threshold < 40 else 0.0)
        assert theory.status.startswith("interpolation threshold")
        for other in (model.evolve(ridge=1e-9), model.evolve(real_samples=threshold - 9)):
            assert other.theory().status == "converged"
            assert math.isfinite(other.theory()["test_error"])


def test_at_the_threshold_without_noise_and_shift_only_the_bias_counts() -> None:
    silent = strong(LAW, 40, 0, 0.0, noise_variance=0.0).theory()
    assert dict(silent) == {"test_error": 0.0, "bias": 0.0, "variance": 0.0, "zeta": 0.0, "effective_ridge": 0.0}
    assert silent.status.startswith("interpolation threshold")
    # Synthetic rows alone agree with each other: their shift is learned as it is.
    synthetic = strong(LAW, 0, 40, 0.0, noise_variance=0.0).theory()
    energy = float(np.sum(LAW.eigenvalues * LAW.target_shift))  # type: ignore[operator]
    assert synthetic["zeta"] == pytest.approx(energy, rel=8 * EPS)
    narrow = strong(LAW, 25, 0, 0.0, noise_variance=0.0, width=25).theory()
    assert (narrow["bias"], narrow["variance"], narrow["zeta"]) == (math.inf, 0.0, 0.0)


@pytest.mark.parametrize("side", [-1, 1])
def test_all_parts_diverge_like_one_over_the_distance_to_the_peak(side: int) -> None:
    spectrum = Spectrum.power_law(10**6, 1.2, 0.6)
    spectrum = spectrum.with_target_shift(spectrum.signal)  # type: ignore[arg-type]

    def values(gap: int) -> Any:
        return strong(spectrum, 6000, 4000, 0.0, width=10_000 + side * gap).theory()

    near, far = values(1), values(10)
    for name in PARTS:
        assert near[name] / far[name] == pytest.approx(10, rel=0.05), name


# ---- model size --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("quality", "first", "last"), [(1.0, 0.9292, 0.2580), (6.0, 1.0613, 1.5467)])
def test_whether_a_larger_model_is_worse_depends_on_the_quality(quality: float, first: float, last: float) -> None:
    """Half of many rows synthetic: worse with the width iff p2^2 Delta exceeds Gamma."""
    narrow = strong(flat(600, quality), 10_000, 10_000, 0.0, noise_variance=0.01, width=60)
    wide = narrow.evolve(width=2000)
    assert narrow.theory()["test_error"] == pytest.approx(first, abs=5e-5)
    assert wide.theory()["test_error"] == pytest.approx(last, abs=5e-5)
    answer = narrow.amplifies()
    assert bool(answer) is answer.worse is (quality > 4)
    assert answer.slopes["zeta"] > 0 > answer.slopes["bias"]
    assert answer.reason.startswith("it learns the shift" if answer.worse else "it learns the target")
    assert str(answer).startswith(f"a larger model is {'worse' if answer.worse else 'not worse'} here: ")


@pytest.mark.parametrize("width", [20, 30, 34, 36, 50, 400])
@pytest.mark.parametrize("ridge", [0.0, 1e-3])
def test_slopes_in_the_width_are_those_of_neighbouring_widths(width: int, ridge: float) -> None:
    scaled = strong(LAW.resized(1000), 20_000, 15_000, ridge, width=1000 * width)
    answer = scaled.amplifies()
    before, after = (scaled.evolve(width=1000 * width + k).theory() for k in (-1, 1))
    for name, slope in answer.slopes.items():
        assert slope == pytest.approx((after[name] - before[name]) * 500 * width, rel=2e-2), name
    assert answer.worse is (after["test_error"] > before["test_error"])


def test_past_the_peak_a_larger_model_mitigates() -> None:
    for width in (36, 60, 200):
        answer = strong(LAW, 20, 15, 0.0, width=width).amplifies()
        assert not answer
        assert all(answer.slopes[name] < 0 for name in PARTS)
    assert strong(LAW, 20, 15, 0.0, width=33).amplifies()
    assert "the width nears" in strong(LAW, 20, 15, 0.0, width=33).amplifies().reason


def test_where_the_width_does_not_matter_or_the_error_is_infinite() -> None:
    flatline = strong(LAW, 60, 30, 0.0, width=50).amplifies()
    assert not flatline
    assert flatline.reason == "the width does not matter"
    peak = strong(LAW, 20, 15, 0.0, width=35).amplifies()
    assert not peak
    assert "interpolation threshold" in peak.reason


def test_the_linear_model_is_judged_against_very_wide_ones() -> None:
    assert not strong(LAW, 20, 15, 0.0).amplifies()
    harmful = LAW.with_target_shift(100 * LAW.signal)  # type: ignore[operator]
    answer = strong(harmful, 10_000, 10_000, 0.1, noise_variance=0.0).amplifies()
    assert answer
    assert answer.slopes["zeta"] > 0


@pytest.mark.parametrize("width", [None, 25, 100])
def test_optimal_ridge_is_a_minimum(width: int | None) -> None:
    model = strong(LAW, 20, 15, 0.1, width=width)
    best = model.optimal_ridge()
    errors = [model.evolve(ridge=best * (1 + h)).theory(digits=40)["test_error"] for h in (-1e-6, 0, 1e-6)]
    assert errors[0] > errors[1] < errors[2]
