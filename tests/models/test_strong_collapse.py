"""Real and synthetic data mixed: recorded values, reductions, precision, grids, exact values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rmtcollapse import NoExactValueError, ParameterError, Spectrum, sweep
from rmtcollapse.models import RidgeRegression, StrongCollapse

EPS = float(np.finfo(float).eps)
LAW = Spectrum.power_law(40, 1.5, 0.5).with_target_shift(np.linspace(0.1, 2.0, 40))


def strong(spectrum: Spectrum, real: int, synthetic: int, ridge: float, **changes: Any) -> StrongCollapse:
    given = {"noise_variance": 0.3, **changes}
    return StrongCollapse(spectrum=spectrum, real_samples=real, synthetic_samples=synthetic, ridge=ridge, **given)


# ---- recorded values ---------------------------------------------------------------------------------------------


def flat(d: int, shift: float) -> Spectrum:
    return Spectrum(np.ones(d), signal=np.full(d, 1 / d), target_shift=np.full(d, shift / d))


def law(
    d: int, scale: float, exponent: float, signal: np.ndarray | None = None, shift: np.ndarray | None = None
) -> Any:
    j = np.arange(1, d + 1.0)
    return Spectrum(scale * j**-exponent, signal=1 / j if signal is None else signal, target_shift=shift)


def odd(d: int) -> np.ndarray:
    return np.arange(1, d + 1) % 2


def wavy(d: int) -> np.ndarray:
    return np.asarray((0.3 * abs(np.sin(np.arange(1, d + 1))) + 0.05) / d)


RECORDED: list[tuple[StrongCollapse, dict[str, float]]] = [
    (
        strong(flat(50, 0.5), 75, 25, 0.1, noise_variance=0.25),
        {"test_error": 0.25318980173928446, "bias": 0.03452248382484876},
    ),
    (strong(flat(400, 0.5), 600, 200, 0.1, noise_variance=0.25), {"zeta": 0.07640607600201135}),
    *(
        (
            strong(law(d, 2.0, 1.0, shift=wavy(d)), 3 * d // 10, d // 2, 0.02),
            {"bias": bias, "zeta": zeta},
        )
        for d, bias, zeta in (
            (50, 0.07825294134271586, 0.021654193196628167),
            (100, 0.05579005477528016, 0.010370328695569052),
            (200, 0.04201504682614779, 0.00494884631986183),
        )
    ),
    *(
        (
            strong(
                law(d, 3.0, 0.5, np.full(d, 1 / d), (1.0 + odd(d)) / d), 3 * d // 10, d // 5, 0.0, noise_variance=0.2
            ),
            {"test_error": total, "bias": bias},
        )
        for d, total, bias in (
            (50, 0.963418683920584, 0.3368828834195342),
            (100, 0.758921397539384, 0.240746388279736),
            (200, 0.6076128818017887, 0.1711939734501765),
        )
    ),
    (strong(flat(50, 1.0), 50, 30, 0.05, noise_variance=0.2, width=25), {"variance": 0.0665148405862919}),
    (
        strong(flat(50, 0.5), 15, 10, 0.05, noise_variance=0.2, width=40),
        {"bias": 1.0163267304961536, "variance": 0.29543954560691804, "zeta": 0.24960076775128814},
    ),
    (strong(flat(50, 0.5), 50, 25, 0.05, noise_variance=0.2, width=100), {"test_error": 0.4534256284114571}),
    *(
        (
            strong(
                law(d, 3.0, 0.8, shift=(0.1 + odd(d)) / d),
                d // 2,
                2 * d // 5,
                0.01,
                noise_variance=0.1,
                synthetic_noise_variance=0.3,
                width=2 * d // 5,
            ),
            {"bias": bias, "variance": variance},
        )
        for d, bias, variance in (
            (50, 1.9100322164655643, 0.11306692017012764),
            (100, 1.318420411716044, 0.09806455394534541),
            (200, 0.8785417004987465, 0.08115867539271253),
        )
    ),
    *(
        (
            strong(
                law(d, 3.0, 0.8, shift=(0.1 + odd(d)) / d),
                n1,
                n2,
                ridge,
                noise_variance=0.1,
                synthetic_noise_variance=0.3,
                width=m,
            ),
            values,
        )
        for d, n1, n2, m, ridge, values in (
            (50, 15, 10, 60, 0.0, {"test_error": 1.5744057811855332}),
            (100, 30, 20, 120, 0.0, {"test_error": 1.1535495910419928}),
            (200, 60, 40, 240, 0.0, {"test_error": 0.8652103642806843}),
            (400, 120, 80, 480, 0.0, {"test_error": 0.6751505187510272, "zeta": 0.034951346357202435}),
            (50, 25, 25, 25, 0.0, {"test_error": 2.035309389865802}),
            (100, 50, 50, 50, 0.0, {"test_error": 1.4790613259611078}),
            (200, 100, 100, 100, 0.0, {"test_error": 1.0644683837244364}),
            (400, 120, 80, 200, 0.02, {"test_error": 0.6729837798059587, "bias": 0.5761064030764675}),
        )
    ),
]


@pytest.mark.parametrize(("model", "values"), RECORDED, ids=[str(i) for i in range(len(RECORDED))])
def test_recorded_values(model: StrongCollapse, values: dict[str, float]) -> None:
    theory = model.theory()
    for name, value in values.items():
        assert theory[name] == pytest.approx(value, rel=1e-12, abs=0), name


def test_recorded_error_over_the_width() -> None:
    """Up, over the interpolation peak at 500 samples, and down to the linear model; entries of variance 1/m."""
    spectrum = flat(600, 1.0)
    widths = (25, 100, 300, 490, 510, 600, 1000, 2000, 8000, 10**6)
    recorded = (1.0455, 1.2004, 1.9525, 23.8405, 24.4705, 4.0150, 2.1431, 1.8310, 1.7061, 1.6752)
    for m, expected in zip(widths, recorded, strict=True):
        model = strong(spectrum, 250, 250, 1e-6, noise_variance=0.01, width=m, projection_variance=1 / m)
        assert model.theory()["test_error"] == pytest.approx(expected, abs=5e-5)


# ---- reductions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("real", "synthetic"), [(25, 10), (10, 30), (60, 30), (0, 25)])
@pytest.mark.parametrize("ridge", [0.0, 1e-6, 0.1])
def test_a_very_wide_projection_is_the_linear_model(real: int, synthetic: int, ridge: float) -> None:
    linear = strong(LAW, real, synthetic, ridge)
    if real + synthetic == 40:
        linear = linear.evolve(real_samples=real + 1)
    wide = linear.evolve(width=10**12, projection_variance=1e-12).theory()
    for name, value in linear.theory().items():
        assert wide[name] == pytest.approx(value, rel=1e-7, abs=0), name


@pytest.mark.parametrize("rows", [1, 25, 39, 41, 500])
@pytest.mark.parametrize("ridge", [0.0, 1e-9, 0.1, 1e4])
def test_real_rows_alone_are_ridge_regression(rows: int, ridge: float) -> None:
    theory = strong(LAW, rows, 0, ridge, synthetic_noise_variance=7.0).theory()
    plain = RidgeRegression(spectrum=LAW, samples=rows, ridge=ridge, noise_variance=0.3).theory()
    assert theory["zeta"] == 0.0
    for name in ("test_error", "bias", "variance", "effective_ridge"):
        assert theory[name] == pytest.approx(plain[name], rel=32 * EPS, abs=0), name


@pytest.mark.parametrize("width", [None, 20, 60])
def test_synthetic_rows_of_the_real_target_are_real_rows(width: int | None) -> None:
    alike = LAW.with_target_shift(0.0)
    mixed, real = (strong(alike, *rows, 0.05, width=width).theory() for rows in ((10, 25), (35, 0)))
    assert dict(mixed) == pytest.approx(dict(real), rel=32 * EPS, abs=0)


def test_the_noise_of_synthetic_rows_is_that_of_real_ones_unless_given() -> None:
    assert dict(strong(LAW, 10, 25, 0.1).theory()) == dict(
        strong(LAW, 10, 25, 0.1, synthetic_noise_variance=0.3).theory()
    )
    other = strong(LAW, 10, 25, 0.1, synthetic_noise_variance=0.9).theory()
    expected = strong(LAW, 10, 25, 0.1).theory()["variance"] * (10 * 0.3 + 25 * 0.9) / (35 * 0.3)
    assert other["variance"] == pytest.approx(expected, rel=8 * EPS)


def test_entries_of_the_projection_have_variance_one_over_the_dimension_unless_given() -> None:
    model = strong(LAW, 10, 25, 0.1, width=30)
    assert dict(model.theory()) == dict(model.evolve(projection_variance=1 / 40).theory())
    # Directions that are never seen count as directions.
    padded = Spectrum([*LAW.eigenvalues, 0.0], [*LAW.signal, 1.0], [*LAW.target_shift, 1.0], [1] * 40 + [10])  # type: ignore[misc]
    assert dict(model.evolve(spectrum=padded, projection_variance=1 / 40).theory()) == dict(model.theory())
    assert dict(model.evolve(spectrum=padded).theory()) == dict(model.evolve(projection_variance=1 / 50).theory())
    # Twice the variance is half the ridge.
    doubled = model.evolve(projection_variance=1 / 20, ridge=0.2).theory()
    assert dict(doubled) == pytest.approx(dict(model.theory()), rel=16 * EPS)


def test_resizing_keeps_the_equivalent_with_given_entries() -> None:
    model = strong(LAW, 10, 25, 0.1, width=30, projection_variance=0.07)
    resized = model.resized(3)
    assert (resized.width, resized.real_samples, resized.projection_variance) == (90, 30, pytest.approx(0.07 / 3))
    assert dict(resized.theory()) == pytest.approx(dict(model.theory()), rel=64 * EPS)


# ---- exact values, refusals ---------------------------------------------------------------------------------------


def test_exact_values_are_those_of_least_squares() -> None:
    """One direction, real and synthetic rows alike: the shift is scaled by a beta variable."""
    line = Spectrum([2.0], [1.0], [3.0])
    for n1, n2 in ((3, 5), (6, 2)):
        exact = strong(line, n1, n2, 0.0).exact()
        mean, spread = n2 / (n1 + n2), 2 * n1 * n2 / (n1 + n2) ** 2 / (n1 + n2 + 2)
        assert exact["zeta"] == pytest.approx(6.0 * (mean**2 + spread), rel=1e-13)
        assert exact["variance"] == pytest.approx(0.3 / (n1 + n2 - 2), rel=1e-13)
    # Two directions: the share of a shift that least squares takes up, drawn 400,000 times.
    rng = np.random.default_rng(7)
    real, synthetic = (rng.standard_normal((400_000, n, 2)) for n in (3, 5))
    first, second = (np.einsum("tni,tnj->tij", x, x) for x in (real, synthetic))
    taken = np.linalg.solve(first + second, second[:, :, :1])
    drawn = np.sum(taken**2, axis=(1, 2))
    exact = strong(Spectrum([1.0], [1.0], [1.0], [2]), 3, 5, 0.0).exact()
    assert abs(drawn.mean() - exact["zeta"]) <= 4 * drawn.std() / 400_000**0.5
    assert drawn.std() / 400_000**0.5 < 1e-3 * exact["zeta"]
    # Exact and asymptotic values meet at O(1/n), from either side of the mixture.
    for n1, n2 in ((100, 60), (60, 100), (0, 160), (160, 0)):
        model = strong(LAW.resized(100), 100 * n1, 100 * n2, 0.0, width=20_000)
        assert dict(model.exact()) == pytest.approx({n: model.theory()[n] for n in model.exact()}, rel=1e-3)
    assert strong(LAW, 30, 11, 0.0).exact()["test_error"] == math.inf
    assert "infinite" in strong(LAW, 30, 11, 0.0).exact().status


@pytest.mark.parametrize("changes", [{"ridge": 0.1}, {"real_samples": 20}, {"width": 39}])
def test_no_exact_value_is_made_up(changes: dict[str, Any]) -> None:
    with pytest.raises(NoExactValueError, match=r"\AStrongCollapse: [^\n]+\Z"):
        strong(LAW, 60, 15, 0.0).evolve(**changes).exact()


def test_there_must_be_rows() -> None:
    with pytest.raises(ParameterError, match=r"\Areal_samples = 0 [^\n]+where synthetic_samples is 0\Z"):
        strong(LAW, 0, 0, 0.1)
    with pytest.raises(ParameterError, match="real_samples"):
        sweep(strong(LAW, 0, 5, 0.1), synthetic_samples=[0, 1])
    with pytest.raises(ParameterError, match=r"\Aspectrum = [^\n]+target_shift"):
        strong(Spectrum.power_law(40, 1.5, 0.5), 10, 10, 0.1)
    with pytest.raises(ParameterError, match="projection_variance"):
        strong(LAW, 10, 10, 0.1, width=5, projection_variance=0.0)
