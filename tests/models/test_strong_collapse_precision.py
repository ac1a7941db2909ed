"""Real and synthetic data mixed: random settings against mpmath, grids against their points, speed."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest

from rmtcollapse import Spectrum, sweep
from rmtcollapse.models import StrongCollapse

EPS = float(np.finfo(float).eps)
LAW = Spectrum.power_law(40, 1.5, 0.5).with_target_shift(np.linspace(0.1, 2.0, 40))


def strong(spectrum: Spectrum, real: int, synthetic: int, ridge: float, **changes: Any) -> StrongCollapse:
    given = {"noise_variance": 0.3, **changes}
    return StrongCollapse(spectrum=spectrum, real_samples=real, synthetic_samples=synthetic, ridge=ridge, **given)


# ---- against mpmath ----------------------------------------------------------------------------------------------


def random_model(rng: np.random.Generator, decades: float) -> StrongCollapse:
    """Any spectrum; samples and width from far below to far above each other and the rank, often at a threshold."""
    atoms = int(rng.integers(1, 7))
    spectrum = Spectrum(
        10 ** rng.uniform(-decades, decades, atoms),
        10 ** rng.uniform(-2, 2, atoms),
        10 ** rng.uniform(-3, 2, atoms),
        rng.integers(1, 40, atoms),
    )
    d = spectrum.dimension

    def near(*sizes: int) -> int:
        return max(1, int(rng.choice(sizes)) + int(rng.integers(-2, 3)))

    rows = max(1, int(d * 10 ** rng.uniform(-3, 3))) if rng.random() < 0.7 else near(d)
    width = max(1, int(d * 10 ** rng.uniform(-2, 3))) if rng.random() < 0.5 else near(d, rows)
    synthetic = int(rng.integers(0, rows + 1))
    return StrongCollapse(
        spectrum=spectrum,
        real_samples=rows - synthetic,
        synthetic_samples=synthetic,
        ridge=0.0 if rng.random() < 0.35 else 10 ** rng.uniform(-12, 6),
        noise_variance=float(rng.choice([0.0, 0.3])),
        synthetic_noise_variance=0.7,
        width=None if rng.random() < 0.25 else width,
        projection_variance=None if rng.random() < 0.5 else 10 ** rng.uniform(-3, 1),
    )


def assert_as_precise(model: StrongCollapse) -> None:
    theory, reference = model.theory(), model.theory(digits=30)
    assert (theory.status, theory.regimes) == (reference.status, reference.regimes)
    assert theory.certificate <= 1e-12
    for name, value in theory.items():
        exact = reference[name]
        close = value == exact if not math.isfinite(value) else abs(value - exact) <= 1e-12 * abs(exact)
        assert close, f"{name} of {model!r}: {value} is not {exact}"


@pytest.mark.parametrize("decades", [2, 8])
def test_random_settings_against_thirty_digits(decades: int) -> None:
    rng = np.random.default_rng(decades)
    for _ in range(60):
        assert_as_precise(random_model(rng, decades))


@pytest.mark.slow
@pytest.mark.parametrize("decades", [2, 8])
def test_a_thousand_random_settings_against_thirty_digits(decades: int) -> None:
    rng = np.random.default_rng(100 + decades)
    for _ in range(1000):
        assert_as_precise(random_model(rng, decades))


# ---- grids ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ridge", [0.0, 1e-3])
def test_a_grid_is_its_points(ridge: float) -> None:
    model = strong(LAW, 25, 10, ridge, width=10)
    widths, synthetic = [5, 30, 35, 36, 40, 41, 200], [0, 5, 10, 15, 16, 40]
    grid = sweep(model, width=widths, synthetic_samples=synthetic)
    for i, m in enumerate(widths):
        for k, n2 in enumerate(synthetic):
            theory = model.evolve(width=m, synthetic_samples=n2).theory()
            assert str(grid.status[i, k].item()) == theory.status
            for name, value in theory.items():
                assert float(grid[name][i, k]) == pytest.approx(value, rel=256 * EPS, abs=0), (m, n2, name)
    linear = sweep(model.evolve(width=None), synthetic_samples=synthetic, ridge=[ridge, 0.1])
    assert float(linear.zeta[2, 0]) == pytest.approx(model.evolve(width=None).theory()["zeta"], rel=256 * EPS)


@pytest.mark.slow
def test_a_heatmap_of_ten_thousand_points_takes_less_than_two_seconds() -> None:
    spectrum = Spectrum.power_law(1000, 1.2, 0.6).with_target_shift(1.0)
    model = strong(spectrum, 500, 0, 1e-3, width=1)
    widths, synthetic = np.arange(10, 2010, 20), np.arange(0, 500, 5)
    sweep(model, width=widths[:2], synthetic_samples=synthetic[:2])
    begin = time.process_time()
    heatmap = sweep(model, width=widths, synthetic_samples=synthetic)
    assert heatmap.test_error.shape == (100, 100)
    assert time.process_time() - begin < 2
