"""The models' own formulas as derivations: typed as traces, they give the models' numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rmtcollapse import Spectrum, models, spectra
from rmtcollapse import derive as dv

from .cases import d, lam, m, n, n1, n2, noise, noise1, noise2, resolvent, z

pytestmark = pytest.mark.filterwarnings("ignore::rmtcollapse.derive.SharedLetterWarning")

S, G, D = dv.commuting("Sigma Gamma Delta", d)
X = dv.gaussian("X", n, d, colcov=S)
R = resolvent(X)
rng = np.random.default_rng(11)
SPECTRUM, SIGNAL, SHIFT = rng.uniform(0.2, 3, 30), rng.uniform(0, 0.1, 30), rng.uniform(0, 0.05, 30)


def value(expression: Any, numbers: Any) -> Any:
    """The value at those of the numbers that the expression has."""
    derived = dv.derive(expression)
    return derived.theory({k: v for k, v in numbers.items() if k in derived.symbols})["value"]


def _ridge_traces() -> dict[str, Any]:
    Q = (X * X.T / n + lam * dv.identity(n)).inv()
    return {
        "bias": lam**2 * dv.trace(S * R * G * R),
        "variance": noise * dv.trace(S * R * X.T * X * R) / n**2,
        "train_error": lam**2 * dv.trace(Q * (noise * dv.identity(n) + X * G * X.T) * Q) / n,
        "effective_ridge": n / dv.trace(Q),
    }


@pytest.mark.parametrize("name", _ridge_traces())
@pytest.mark.parametrize(("rows", "ridge"), [(20, 0.2), (50, 1e-3), (30, 2.0)])
def test_ridge_regression(name: str, rows: int, ridge: float) -> None:
    numbers = {n: rows, d: 30, lam: ridge, noise: 0.4, S: SPECTRUM, G: SIGNAL}
    expression = _ridge_traces()[name]
    hand = models.RidgeRegression(
        spectrum=Spectrum(SPECTRUM, SIGNAL), samples=rows, ridge=ridge, noise_variance=0.4
    ).theory()
    found = value(expression, numbers)
    assert found == pytest.approx(hand[name], rel=1e-12)


@pytest.mark.parametrize("width", [None, 18])
@pytest.mark.parametrize("name", ["bias", "variance", "zeta"])
def test_strong_collapse(name: str, width: int | None) -> None:
    X1, X2 = dv.gaussian("X1", n1, d, colcov=S), dv.gaussian("X2", n2, d, colcov=S)
    P, rows = dv.gaussian("P", d, m, variance=1 / d), n1 + n2
    M1, M2 = X1.T * X1, X2.T * X2
    if width is None:
        Q = (lam * dv.identity(d) + (M1 + M2) / rows).inv()
    else:
        Q = P * (lam * dv.identity(m) + P.T * (M1 + M2) * P / rows).inv() * P.T
    miss, pull = Q * (M1 + M2) / rows - dv.identity(d), Q * M2 / rows
    traces = {
        "bias": dv.trace(S * miss * G * miss.T),
        "variance": noise1 * dv.trace(S * Q * M1 * Q.T) / rows**2 + noise2 * dv.trace(S * Q * M2 * Q.T) / rows**2,
        "zeta": dv.trace(S * pull * D * pull.T),
    }
    numbers = {n1: 20, n2: 35, d: 30, m: width, lam: 0.1, noise1: 0.3, noise2: 0.6, S: SPECTRUM, G: SIGNAL, D: SHIFT}
    hand = models.StrongCollapse(
        spectrum=Spectrum(SPECTRUM, SIGNAL, target_shift=SHIFT),
        real_samples=20,
        synthetic_samples=35,
        ridge=0.1,
        noise_variance=0.3,
        synthetic_noise_variance=0.6,
        width=width,
    ).theory()
    found = value(traces[name], numbers)
    assert found == pytest.approx(hand[name], rel=1e-12)


@pytest.mark.parametrize("designs", ["independent", "generators-shared", "all-shared"])
@pytest.mark.parametrize("generator_ridge", [0.15, 0.0])
def test_two_generations(designs: str, generator_ridge: float) -> None:
    """Generators X0 and X1 fit and relabel, X fits their labels; a shared design is one letter."""
    lam0, n0 = dv.scalar("lambda_0"), dv.dims("n_0")
    first = dv.gaussian("X0", n0, d, colcov=S)
    second = dv.gaussian("X1", n0, d, colcov=S) if designs == "independent" else first
    if designs == "all-shared":
        first = second = dv.gaussian("X", n0, d, colcov=S)
    last, rows = (first, n0) if designs == "all-shared" else (X, n)

    def fit(data: Any, count: Any, ridge: Any) -> tuple[Any, Any]:
        Q = (data.T * data / count + ridge * dv.identity(d)).inv()
        return Q * data.T * data / count, Q * data.T * data * Q / count**2

    penalty = lam0 if generator_ridge else 0
    (L0, N0), (L1, N1), (L, N) = fit(first, n0, penalty), fit(second, n0, penalty), fit(last, rows, lam)
    miss = L * L1 * L0 - dv.identity(d)
    error = (
        dv.trace(S * miss * G * miss.T)
        + noise1 * dv.trace(S * L * L1 * N0 * L1.T * L.T)
        + noise1 * dv.trace(S * L * N1 * L.T)
        + noise * dv.trace(S * N)
    )
    downstream = 64 if designs == "all-shared" else 40
    numbers = {n: 40, n0: 64, d: 30, lam: 0.2, lam0: generator_ridge, noise: 0.4, noise1: 0.3, S: SPECTRUM, G: SIGNAL}
    hand = models.RecursiveRegression(
        spectrum=Spectrum(SPECTRUM, SIGNAL),
        samples=downstream,
        ridge=0.2,
        noise_variance=0.4,
        generations=2,
        generator_samples=64,
        generator_noise_variance=0.3,
        generator_ridge=generator_ridge,
        designs=designs,
    ).theory()
    found = value(error, numbers)
    assert found == pytest.approx(hand["test_error"], rel=1e-11 if designs == "all-shared" else 1e-12)


def test_the_bulk_of_a_classifier_on_real_and_synthetic_groups() -> None:
    r"""Groups with covariances C_k: delta_k, and the traces of second order amplified by (1 - V D)^{-1}.

    delta_k = tr(C_k R)/N with R = (sum a_k C_k + lam)^{-1}, a_k = f_k/(1 + delta_k), and
    tr(C_k Q A Q)/N = [(1 - V D)^{-1} T]_k with V_kl = tr(C_k R C_l R)/N, D = diag(f_k/(1 + delta_k)^2).
    """
    C1, C2, A = dv.commuting("C1 C2 A", d)
    X1, X2, rows = dv.gaussian("X1", n1, d, colcov=C1), dv.gaussian("X2", n2, d, colcov=C2), n1 + n2
    Q = ((X1.T * X1 + X2.T * X2) / rows + lam * dv.identity(d)).inv()
    c1, c2, a = SPECTRUM, rng.uniform(0.3, 2, 30), rng.uniform(0, 1, 30)
    numbers = {n1: 24, n2: 60, d: 30, lam: 0.05, C1: c1, C2: c2}
    C, f, N = np.array([c1, c2]), np.array([24, 60]) / 84, 84
    delta = np.ones(2)
    for _ in range(2000):
        resolved = 1 / ((f / (1 + delta)) @ C + 0.05)
        delta = C @ resolved / N
    V, T = C @ (C * resolved**2).T / N, C @ (a * resolved**2) / N
    second = np.linalg.solve(np.eye(2) - V * (f / (1 + delta) ** 2), T)
    for k, matrix in enumerate((C1, C2)):
        assert value(dv.trace(matrix * Q) / rows, numbers) == pytest.approx(delta[k], rel=1e-12)
        assert value(dv.trace(matrix * Q * A * Q) / rows, {**numbers, A: a}) == pytest.approx(second[k], rel=1e-12)


def test_a_classifier_on_pruned_synthetic_data() -> None:
    """Its score's variance: along the mean the weighted normal equations, and across it the derived traces."""
    real, synthetic, mean, error, right, wrong, ridge = 40, 80, 1.3, 0.2, 0.75, 0.5, 0.05
    kept, signal = right * (1 - error) + wrong * error, right * (1 - error) - wrong * error
    rows, kept_rows = real + synthetic, round(kept * synthetic)
    X1, X2, N = dv.gaussian("X1", n1, d), dv.gaussian("X2", n2, d), dv.scalar("N")
    Q = ((X1.T * X1 + X2.T * X2) / N + lam * dv.identity(d)).inv()
    numbers = {n1: real, n2: kept_rows, d: 30, lam: ridge, N: rows}
    delta, second = value(dv.trace(Q) / N, numbers), value(dv.trace(Q * Q) / N, numbers)
    share = np.array([real, kept_rows]) / rows
    weights, targets = share / (1 + delta), np.array([1.0, signal / kept]) * mean
    along = weights @ targets / (weights.sum() * (1 + mean**2) + ridge)
    missed = 1 - 2 * targets * along + along**2 * (1 + mean**2)
    hand = models.PrunedSynthetic(
        dimension=30,
        real_samples=real,
        synthetic_samples=synthetic,
        ridge=ridge,
        mean_norm=mean,
        label_error=error,
        keep_correct=right,
        keep_wrong=wrong,
    ).theory()
    assert hand["score_mean"] == pytest.approx(mean * along, rel=1e-12)
    spread = along**2 + share / (1 + delta) ** 2 @ missed * second
    assert hand["score_variance"] == pytest.approx(spread, rel=1e-12)


@pytest.mark.parametrize("at", [0.5 + 0.3j, 2.0 + 1e-3j, -0.4 + 0.1j])
def test_marchenko_pastur(at: complex) -> None:
    data = dv.gaussian("X", n, d)
    found = value(dv.trace((data.T * data / n - z * dv.identity(d)).inv()) / d, {n: 80, d: 60, z: at})
    assert found == pytest.approx(spectra.MarchenkoPastur(0.75).stieltjes(at), rel=1e-12)
