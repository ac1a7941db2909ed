"""Experiments with real and synthetic rows, at two sizes at least, against the theory in every regime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rmtcollapse import Spectrum, simulate, verify
from rmtcollapse.models import StrongCollapse

D = 40
BASE = Spectrum.power_law(D, 0.7, 0.6)
LAW = BASE.with_target_shift(2 * abs(np.sin(np.arange(1, D + 1))) * BASE.signal)  # type: ignore[operator]


def strong(real: int, synthetic: int, ridge: float, width: int | None = None, **changes: Any) -> StrongCollapse:
    given = {"spectrum": LAW, "noise_variance": 0.1, "synthetic_noise_variance": 0.4, **changes}
    return StrongCollapse(real_samples=real, synthetic_samples=synthetic, ridge=ridge, width=width, **given)


REGIMES = {
    "more rows than directions": strong(80, 40, 0.1),
    "more rows, no ridge": strong(80, 40, 0.0),
    "fewer rows": strong(10, 10, 0.02),
    "fewer rows, no ridge": strong(10, 10, 0.0),
    "narrow": strong(60, 30, 0.02, 20),
    "narrow, no ridge": strong(60, 30, 0.0, 20),
    "wide, fewer rows": strong(10, 10, 0.01, 30),
    "wide, fewer rows, no ridge": strong(10, 10, 0.0, 60),
    "wide, more rows": strong(60, 40, 0.05, 80),
    "wide, more rows, no ridge": strong(60, 40, 0.0, 80),
    "at the peak, with a ridge": strong(10, 10, 0.05, 20, projection_variance=0.1),
}


@pytest.mark.slow
@pytest.mark.parametrize("model", REGIMES.values(), ids=REGIMES)
def test_theory_agrees_with_experiments(model: StrongCollapse) -> None:
    verdict = verify(model, sizes=(1, 2), precision=0.012)
    assert verdict.passed, verdict.report


@pytest.mark.parametrize("name", ["more rows, no ridge", "narrow", "wide, fewer rows, no ridge"])
def test_theory_agrees_with_a_few_experiments(name: str) -> None:
    verdict = verify(REGIMES[name], sizes=(1, 2), trials=400)
    assert all(abs(row.z) <= verdict.threshold for row in verdict.rows), verdict.report


def test_a_wrong_part_is_noticed() -> None:
    model = REGIMES["more rows, no ridge"]
    right = model.theory()
    wrong = {name: 1.2 * right[name] for name in ("variance", "zeta")}
    assert not any(row.passed for row in verify(model, wrong, sizes=(1, 2), trials=1000).rows)


@pytest.mark.parametrize(("real", "synthetic", "width"), [(12, 9, None), (24, 18, None), (12, 9, 10), (24, 18, 20)])
def test_simulated_means_are_the_exact_ones(real: int, synthetic: int, width: int | None) -> None:
    d = 8 * (real // 12)
    spectrum = Spectrum.power_law(d, 0.7, 0.6).with_target_shift(np.arange(1, d + 1.0) / d)
    model = strong(real, synthetic, 0.0, width, spectrum=spectrum)
    exact, measured = model.exact(), simulate(model, trials=2000, seed=5)
    assert measured["bias"].mean < 1e-20
    for name in ("test_error", "variance", "zeta"):
        assert abs(measured[name].mean - exact[name]) <= 4 * measured[name].standard_error, name


def test_directions_that_are_never_seen_do_not_disturb_a_projection() -> None:
    padded = Spectrum([*LAW.eigenvalues, 0.0], [*LAW.signal, 1.0], [*LAW.target_shift, 1.0], [1] * D + [5])  # type: ignore[misc]
    model = strong(40, 30, 0.0, 60, spectrum=padded, projection_variance=1 / D)
    measured = simulate(model, trials=200, seed=1)
    plain = simulate(strong(40, 30, 0.0, 60), trials=200, seed=2)
    for name in ("variance", "zeta"):
        spread = np.hypot(measured[name].standard_error, plain[name].standard_error)
        assert abs(measured[name].mean - plain[name].mean) <= 4 * spread
    assert measured["bias"].mean < 1e-20
