"""Iterated mixing: recorded values, a backward recursion written anew, its limits, experiments."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse import NoExactValueError, ParameterError, Spectrum, simulate, sweep, verify
from rmtcollapse.models import IteratedMixing, RecursiveRegression, RidgeRegression

from .independent import DIGITS, Stage, chain, effective_ridge

EPS = float(np.finfo(float).eps)
LAW = Spectrum.power_law(40, 1.2, 0.5)


def mixing(spectrum: Spectrum, real: int, synthetic: int, ridge: float, generations: int, **changes: Any) -> Any:
    given = {"noise_variance": 0.3, "synthetic_noise_variance": 0.7, **changes}
    return IteratedMixing(
        spectrum=spectrum,
        real_samples=real,
        synthetic_samples=synthetic,
        ridge=ridge,
        generations=generations,
        **given,
    )


@pytest.mark.parametrize(
    ("d", "expected"), [(50, 0.36163105258291084), (100, 0.2910780975631899), (200, 0.2320970733249885)]
)
def test_recorded_values(d: int, expected: float) -> None:
    """A first fit on the real rows alone, then four on the mixture."""
    spectrum = Spectrum(3 * np.arange(1, d + 1.0) ** -0.5, signal=np.full(d, 1 / d))
    model = mixing(
        spectrum, 4 * d // 5, 3 * d // 5, 0.1, 4, noise_variance=0.2, synthetic_noise_variance=0.3,
        first_samples=4 * d // 5,
    )  # fmt: skip
    assert model.theory()["test_error"] == pytest.approx(expected, rel=1e-12, abs=0)


def backward(model: IteratedMixing) -> tuple[Any, Any]:
    """Bias and variance: the quadratic form of the error, carried from the last fit to the first, with its means."""
    with mp.workdps(DIGITS):
        s = [mp.mpf(float(x)) for x in model.spectrum.eigenvalues]
        w = [mp.sqrt(mp.mpf(float(x))) for x in model.spectrum.signal]  # type: ignore[union-attr]
        n = model.real_samples + model.synthetic_samples
        p1, p2 = mp.mpf(model.real_samples) / n, mp.mpf(model.synthetic_samples) / n
        v1, v2 = mp.mpf(model.noise_variance), mp.mpf(model.synthetic_noise_variance or 0)
        first = (model.first_samples or n, mp.mpf(0), v1)
        stages = [first, *[(n, p2, p1 * v1 + p2 * v2)] * model.generations]
        kappas = {rows: effective_ridge(s, rows, model.ridge) for rows, _, _ in stages}
        means = [[mp.mpf(0)] * len(s)]
        for rows, share, _ in stages:
            k = kappas[rows]
            means.append([(share * a * m - k * x) / (a + k) for a, x, m in zip(s, w, means[-1], strict=True)])
        B, bias, variance = list(s), mp.mpf(0), mp.mpf(0)
        for (rows, share, noise), mean in reversed(list(zip(stages, means[:-1], strict=True))):
            k = kappas[rows]
            c = mp.fsum(b * a / (a + k) ** 2 for a, b in zip(s, B, strict=True))
            c /= rows - mp.fsum((a / (a + k)) ** 2 for a in s)
            quadruples = list(zip(s, w, mean, B, strict=True))
            bias += mp.fsum(x**2 * k**2 * (b + c * a) / (a + k) ** 2 for a, x, _, b in quadruples)
            bias -= 2 * mp.fsum(x * share * a * k * (b - c * k) / (a + k) ** 2 * m for a, x, m, b in quadruples)
            variance += noise * c
            B = [
                share * c * a - 2 * share**2 * c * a**2 / (a + k) + share**2 * a**2 * (b + c * a) / (a + k) ** 2
                for a, b in zip(s, B, strict=True)
            ]
        return +bias, +variance


@pytest.mark.parametrize(("real", "synthetic"), [(30, 30), (20, 10), (5, 25), (0, 30), (0, 60), (35, 0)])
@pytest.mark.parametrize("ridge", [0.0, 1e-4, 0.3])
@pytest.mark.parametrize(("generations", "first"), [(0, None), (1, 25), (6, None)])
def test_the_forward_recursion_is_the_backward_one(
    real: int, synthetic: int, ridge: float, generations: int, first: int | None
) -> None:
    model = mixing(LAW, real, synthetic, ridge, generations, first_samples=first)
    theory, (bias, variance) = model.theory(), backward(model)
    assert theory["bias"] == pytest.approx(float(bias), rel=1e-12, abs=1e-30)
    assert theory["variance"] == pytest.approx(float(variance), rel=1e-12, abs=0)
    assert theory["test_error"] == theory["bias"] + theory["variance"]


@pytest.mark.parametrize("rows", [25, 60])
@pytest.mark.parametrize("ridge", [0.0, 0.05])
def test_without_real_rows_it_is_the_chain(rows: int, ridge: float) -> None:
    theory = mixing(LAW, 0, rows, ridge, 4, synthetic_noise_variance=0.3).theory()
    other = RecursiveRegression(
        spectrum=LAW, samples=rows, ridge=ridge, noise_variance=0.3, generations=4, generator_ridge=ridge
    ).theory()
    bias, variance = chain(LAW.eigenvalues, LAW.signal, [Stage(rows, ridge, 0.3)] * 5)  # type: ignore[arg-type]
    if rows < 40 or ridge:
        assert float(bias) == pytest.approx(theory["bias"], rel=1e-12, abs=0)
        assert float(variance) == pytest.approx(theory["variance"], rel=1e-12, abs=0)
    for name in ("test_error", "bias", "variance"):
        assert theory[name] == pytest.approx(other[name], rel=1e-12, abs=0), name


@pytest.mark.parametrize("rows", [25, 40, 60])
@pytest.mark.parametrize("ridge", [0.0, 0.05])
@pytest.mark.parametrize(("synthetic", "generations"), [(0, 5), (10, 0)])
def test_without_synthetic_rows_or_generations_it_is_ridge_regression(
    rows: int, ridge: float, synthetic: int, generations: int
) -> None:
    model = mixing(LAW, rows - synthetic, synthetic, ridge, generations)
    theory = model.theory()
    plain = RidgeRegression(spectrum=LAW, samples=rows, ridge=ridge, noise_variance=0.3).theory()
    for name in ("test_error", "bias", "variance"):
        assert theory[name] == pytest.approx(plain[name], rel=64 * EPS, abs=0), name
    assert theory.status == plain.status


def test_what_the_first_generation_got_wrong_is_forgotten_as_the_square_of_the_share() -> None:
    """Many rows: a generation keeps p2 of the error before it."""

    def excess(generations: int) -> float:
        model = mixing(LAW, 3 * 10**8, 10**8, 0.0, generations, first_samples=50, synthetic_noise_variance=0.3)
        settled = model.evolve(first_samples=None)
        return float(model.theory()["test_error"] - settled.theory()["test_error"])

    for generations in range(4):
        assert excess(generations + 1) / excess(generations) == pytest.approx(1 / 16, rel=1e-6)


def test_real_rows_keep_the_error_bounded_and_synthetic_ones_alone_do_not() -> None:
    mixed, alone = mixing(LAW, 40, 40, 0.0, 1), mixing(LAW, 0, 80, 0.0, 1)
    settled = [mixed.evolve(generations=g).theory()["test_error"] for g in (50, 100)]
    assert settled[0] == pytest.approx(settled[1], rel=1e-12)
    growing = [alone.evolve(generations=g).theory()["test_error"] for g in (50, 100)]
    assert growing[1] - growing[0] == pytest.approx(50 * 0.7 * 40 / 40, rel=1e-12)


@pytest.mark.parametrize(("real", "synthetic"), [(30, 10), (10, 30), (0, 40)])
def test_at_the_threshold_noise_diverges_and_only_noise(real: int, synthetic: int) -> None:
    noisy = mixing(LAW, real, synthetic, 0.0, 3).theory()
    assert (noisy["test_error"], noisy["variance"], noisy["bias"]) == (math.inf, math.inf, 0.0)
    assert noisy.status.startswith("interpolation threshold")
    silent = mixing(LAW, real, synthetic, 0.0, 3, noise_variance=0.0, synthetic_noise_variance=0.0).theory()
    assert (silent["test_error"], silent["variance"], silent["bias"]) == (0.0, 0.0, 0.0)
    # Without generations the rows of the mixture do not matter.
    assert mixing(LAW, real, synthetic, 0.0, 0, first_samples=60).theory().status == "converged"


def test_random_settings_against_thirty_digits() -> None:
    rng = np.random.default_rng(4)
    for _ in range(60):
        atoms = int(rng.integers(1, 6))
        spectrum = Spectrum(
            10 ** rng.uniform(-8, 8, atoms), 10 ** rng.uniform(-2, 2, atoms), None, rng.integers(1, 40, atoms)
        )
        rows = max(1, int(spectrum.dimension * 10 ** rng.uniform(-2, 3)))
        synthetic = int(rng.integers(0, rows + 1))
        ridge = 0.0 if rng.random() < 0.3 else 10 ** rng.uniform(-12, 6)
        model = mixing(spectrum, rows - synthetic, synthetic, ridge, int(rng.integers(0, 8)))
        theory, reference = model.theory(), model.theory(digits=30)
        assert theory.regimes == reference.regimes
        for name, value in theory.items():
            assert value == reference[name] or abs(value - reference[name]) <= 1e-12 * abs(reference[name]), model


def test_a_grid_is_its_points() -> None:
    model = mixing(LAW, 25, 10, 0.1, 3)
    grid = sweep(model, generations=[0, 1, 5], synthetic_samples=[0, 15, 30])
    for i, g in enumerate((0, 1, 5)):
        for k, n2 in enumerate((0, 15, 30)):
            value = model.evolve(generations=g, synthetic_samples=n2).theory()["test_error"]
            assert float(grid.test_error[i, k]) == pytest.approx(value, rel=64 * EPS)


# ---- experiments -------------------------------------------------------------------------------------------------


REGIMES = {
    "more rows": mixing(LAW, 60, 40, 0.1, 3),
    "more rows, no ridge": mixing(LAW, 60, 60, 0.0, 3),
    "fewer rows": mixing(LAW, 15, 10, 0.05, 3, first_samples=10),
    "fewer rows, no ridge": mixing(LAW, 10, 10, 0.0, 3),
}


@pytest.mark.slow
@pytest.mark.parametrize("model", REGIMES.values(), ids=REGIMES)
def test_theory_agrees_with_experiments(model: IteratedMixing) -> None:
    verdict = verify(model, sizes=(1, 2), precision=0.012)
    assert verdict.passed, verdict.report


@pytest.mark.parametrize("name", ["more rows", "fewer rows, no ridge"])
def test_theory_agrees_with_a_few_experiments(name: str) -> None:
    verdict = verify(REGIMES[name], sizes=(1, 2), trials=300)
    assert all(abs(row.z) <= verdict.threshold for row in verdict.rows), verdict.report


@pytest.mark.parametrize("scale", [1, 2])
def test_simulated_means_are_the_exact_ones(scale: int) -> None:
    model = mixing(Spectrum.power_law(8 * scale, 1.2, 0.5), 12 * scale, 8 * scale, 0.0, 4, first_samples=12 * scale)
    exact, measured = model.exact(), simulate(model, trials=1500, seed=3)
    assert measured["bias"].mean < 1e-20
    for name in ("test_error", "variance"):
        assert abs(measured[name].mean - exact[name]) <= 4 * measured[name].standard_error, name


@pytest.mark.parametrize("changes", [{"ridge": 0.1}, {"real_samples": 10}, {"first_samples": 39}])
def test_no_exact_value_is_made_up(changes: dict[str, Any]) -> None:
    with pytest.raises(NoExactValueError, match=r"\AIteratedMixing: [^\n]+\Z"):
        mixing(LAW, 60, 15, 0.0, 2).evolve(**changes).exact()


def test_exact_values_near_the_threshold_and_the_optimal_ridge() -> None:
    assert mixing(LAW, 30, 11, 0.0, 2).exact()["test_error"] == math.inf
    model = mixing(LAW, 20, 15, 0.1, 3)
    best = model.optimal_ridge()
    errors = [model.evolve(ridge=best * (1 + h)).theory(digits=40)["test_error"] for h in (-1e-6, 0, 1e-6)]
    assert errors[0] > errors[1] < errors[2]
    with pytest.raises(ParameterError, match=r"\Areal_samples = 0 [^\n]+where synthetic_samples is 0\Z"):
        mixing(LAW, 0, 0, 0.1, 1)
