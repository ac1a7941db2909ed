"""What a shift of synthetic labels adds: two published forms against the one without cancellation."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse import Spectrum
from rmtcollapse.models import StrongCollapse

# Totals, and shares of the rows below, that are exact in binary: both sides then agree to all digits.
SPECTRUM = Spectrum([5.0, 1.0, 0.1, 1e-3], [0.5, 2.25, 2.5, 3.5], [1.0, 0.0, 5.0, 7.0], [4, 9, 20, 7])
RANK = 40


def solved(real: int, synthetic: int, ridge: float, width: int | None) -> Any:
    model = StrongCollapse(
        spectrum=SPECTRUM,
        real_samples=real,
        synthetic_samples=synthetic,
        ridge=ridge,
        noise_variance=0.3,
        synthetic_noise_variance=0.7,
        width=width,
    )
    return model.theory(digits=40)


def energies(totals: Any) -> list[tuple[Any, Any]]:
    """Eigenvalue and total of each atom, as mpmath numbers."""
    return [(mp.mpf(float(s)), mp.mpf(float(x))) for s, x in zip(SPECTRUM.eigenvalues, totals, strict=True)]


def traces(power: int, kappa: Any) -> Any:
    """Trace of Delta Sigma^(power+1) (Sigma + kappa)^-power."""
    return mp.fsum(x * s * (s / (s + kappa)) ** power for s, x in energies(SPECTRUM.target_shift))


def degrees(kappa: Any) -> tuple[Any, Any]:
    df1, df2 = (mp.fsum(m * (s / (s + kappa)) ** k for s, m in energies(SPECTRUM.multiplicities)) for k in (1, 2))
    return df1, df2


def assert_close(got: Any, expected: Any) -> None:
    assert abs(got - expected) <= mp.mpf(10) ** -35 * abs(expected)


@pytest.mark.parametrize("ridge", [0.0, 1e-6, 0.2])
@pytest.mark.parametrize(("real", "synthetic"), [(8, 24), (30, 30), (0, 25), (25, 0), (2, 62)])
def test_linear_model_in_both_published_forms(real: int, synthetic: int, ridge: float) -> None:
    theory = solved(real, synthetic, ridge, None)
    with mp.workdps(60):
        n = real + synthetic
        p1, p2 = mp.mpf(real) / n, mp.mpf(synthetic) / n
        kappa = theory["effective_ridge"]
        df2 = degrees(kappa)[1]
        u = df2 / (n - df2)
        mixed = mp.fsum(x * s * (p1 * s + kappa) ** 2 / (s + kappa) ** 2 for s, x in energies(SPECTRUM.target_shift))
        paper = p2**2 * (1 + p1 * u) * traces(2, kappa) + p2 * u * mixed
        other = p2 * u * traces(0, kappa) - 2 * p2**2 * u * traces(1, kappa) + p2**2 * (1 + u) * traces(2, kappa)
        assert_close(theory["zeta"], paper)
        assert_close(theory["zeta"], other)
        assert_close(theory["variance"], (p1 * mp.mpf(0.3) + p2 * mp.mpf(0.7)) * u)


@pytest.mark.parametrize("ridge", [0.0, 1e-6, 0.2])
@pytest.mark.parametrize("width", [8, 24, 26, 39, 41, 300])
@pytest.mark.parametrize(("real", "synthetic"), [(8, 24), (30, 30), (0, 25), (2, 62)])
def test_random_projections_in_the_published_form(real: int, synthetic: int, width: int, ridge: float) -> None:
    theory = solved(real, synthetic, ridge, width)
    with mp.workdps(60):
        n = real + synthetic
        p2 = mp.mpf(synthetic) / n
        kappa = theory["effective_ridge"]
        df1, df2 = degrees(kappa)
        a, b, t = (x if x > mp.mpf(10) ** -45 else mp.mpf(0) for x in (n - df1, width - df1, df1 - df2))
        q, u = (kappa * t / (b + t), n * (b + t) / (a * b + a * t + b * t) - 1) if b + t else (mp.mpf(0), n / a - 1)
        squared = mp.fsum(x * s * (s**2 + q * s) / (s + kappa) ** 2 for s, x in energies(SPECTRUM.target_shift))
        published = p2 * u * traces(0, kappa) - 2 * p2**2 * u * traces(1, kappa) + p2**2 * (1 + u) * squared
        assert_close(theory["zeta"], published)


@pytest.mark.parametrize(("real", "synthetic", "width"), [(16, 48, 10), (96, 32, 39)])
def test_without_a_ridge_below_the_samples_the_width_alone_counts(real: int, synthetic: int, width: int) -> None:
    theory = solved(real, synthetic, 0.0, width)
    with mp.workdps(60):
        n, p2 = real + synthetic, mp.mpf(synthetic) / (real + synthetic)
        u, kappa = mp.mpf(width) / (n - width), theory["effective_ridge"]
        assert_close(theory["zeta"], p2 * u * traces(0, kappa) + p2**2 * (1 - u) * traces(1, kappa))
        bias = kappa * mp.fsum(x * s / (s + kappa) for s, x in energies(SPECTRUM.signal))
        assert_close(theory["bias"], n * bias / (n - width))


def test_without_a_ridge_above_all_directions() -> None:
    theory = solved(50, 30, 0.0, None)
    p1, p2, u = 5 / 8, 3 / 8, 1.0
    energy = float(np.sum(SPECTRUM.eigenvalues * SPECTRUM.target_shift))
    assert float(theory["zeta"]) == pytest.approx((p2**2 + p1 * p2 * u) * energy, rel=1e-14)
    assert float(theory["variance"]) == pytest.approx(p1 * 0.3 + p2 * 0.7, rel=1e-14)
    assert theory["bias"] == 0
