"""Several weighted sources: reductions, symmetries, precision, thresholds, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rmtcollapse import ConvergenceError, ParameterError, Spectrum, sweep
from rmtcollapse.models import RidgeRegression, StrongCollapse, WeightedSources

from .sources import random_sources, wishart

EPS = float(np.finfo(float).eps)
PARTS = ("bias", "variance", "zeta", "cross", "test_error")


def assert_same(left: Any, right: Any, tolerance: float = 1e-12) -> None:
    for name in PARTS:
        scale = abs(left["test_error"]) + abs(left["bias"]) + abs(left["zeta"])
        assert left[name] == pytest.approx(right[name], rel=tolerance, abs=tolerance * scale), name


# ---- reductions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ridge", [0.0, 1e-6, 0.1])
@pytest.mark.parametrize(("real", "synthetic"), [(30, 20), (6, 8), (20, 0), (0, 9)])
def test_two_commuting_sources_are_strong_collapse(real: int, synthetic: int, ridge: float) -> None:
    s = np.arange(1, 13.0) ** -0.8
    shift, w = np.linspace(0.2, 1.0, 12), np.linspace(1.0, -0.4, 12)
    strong = StrongCollapse(
        spectrum=Spectrum(s, signal=w**2, target_shift=shift**2),
        real_samples=real,
        synthetic_samples=synthetic,
        ridge=ridge,
        noise_variance=0.3,
        synthetic_noise_variance=0.7,
    ).theory()
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((12, 12)))[0]
    covariance = basis @ np.diag(s) @ basis.T
    given: dict[str, Any] = {
        "covariances": np.array([covariance, covariance]), "samples": [real, synthetic],
        "noise_variances": [0.3, 0.7], "weights": [1.0, 1.0], "ridge": ridge,
        "test_covariance": covariance, "test_target": basis @ w,
    }  # fmt: skip
    signs = (basis @ (w + shift), basis @ (w - shift))
    theories = [WeightedSources(targets=np.array([basis @ w, t]), **given).theory() for t in signs]
    for name in ("bias", "variance", "zeta"):
        assert theories[0][name] == pytest.approx(strong[name], rel=1e-11, abs=1e-14), name
    # The cross term changes its sign with the shift; an average over signs is the total.
    assert theories[0]["cross"] == pytest.approx(-theories[1]["cross"], rel=1e-10, abs=1e-14)
    mean = (theories[0]["test_error"] + theories[1]["test_error"]) / 2
    assert mean == pytest.approx(strong["test_error"], rel=1e-11)


@pytest.mark.parametrize("ridge", [0.0, 1e-9, 0.1])
@pytest.mark.parametrize("n", [7, 30])
def test_one_source_is_ridge_regression(n: int, ridge: float) -> None:
    s, w = np.logspace(1, -5, 12), np.linspace(1.0, 2.0, 12)
    theory = WeightedSources(
        covariances=np.diag(s)[None], samples=np.array([n]), noise_variances=np.array([0.3]), weights=np.ones(1),
        targets=w[None], ridge=ridge, test_covariance=np.diag(s), test_target=w,
    ).theory()  # fmt: skip
    plain = RidgeRegression(spectrum=Spectrum(s, signal=w**2), samples=n, ridge=ridge, noise_variance=0.3).theory()
    for name in ("bias", "variance", "test_error"):
        assert theory[name] == pytest.approx(plain[name], rel=1e-12, abs=1e-14), name
    assert theory["zeta"] == theory["cross"] == 0.0


def test_a_source_may_be_split_and_sources_without_rows_left_out() -> None:
    model = random_sources((15, 20), 10, 0.2)
    split = model.evolve(
        **{n: np.concatenate([getattr(model, n), getattr(model, n)[1:]])
           for n in ("covariances", "noise_variances", "weights", "targets")},
        samples=np.array([15, 12, 8]),
    )  # fmt: skip
    assert_same(split.theory(), model.theory())
    empty = split.evolve(samples=np.array([15, 20, 0]))
    assert_same(empty.theory(), model.theory())


def test_rows_of_weight_zero_count_in_the_normalisation_only() -> None:
    model = random_sources((15, 20), 10, 0.2, weights=np.array([1.3, 0.0]))
    alone = model.evolve(
        **{n: getattr(model, n)[:1] for n in ("covariances", "noise_variances", "weights", "targets", "samples")},
        ridge=0.2 * 35 / 15,
    )
    assert_same(model.theory(), alone.theory())


@pytest.mark.parametrize("rows", [(15, 20), (3, 4)])
def test_symmetries(rows: tuple[int, int]) -> None:
    model = random_sources(rows, 10, 0.2)
    theory = model.theory()
    assert_same(model.evolve(weights=3 * model.weights, ridge=0.6).theory(), theory)
    swapped = {n: getattr(model, n)[::-1] for n in
               ("covariances", "samples", "noise_variances", "weights", "targets")}  # fmt: skip
    assert_same(model.evolve(**swapped).theory(), theory)
    basis = np.linalg.qr(np.random.default_rng(1).standard_normal((10, 10)))[0]
    turned = {
        "covariances": basis @ model.covariances @ basis.T,
        "test_covariance": basis @ model.test_covariance @ basis.T,
        "targets": model.targets @ basis.T,
        "test_target": basis @ model.test_target,
    }
    assert_same(model.evolve(**turned).theory(), theory, 1e-11)
    scaled = model.evolve(
        targets=2 * model.targets, test_target=2 * model.test_target, noise_variances=4 * model.noise_variances
    )
    assert {n: 4 * v for n, v in theory.items()} == pytest.approx(dict(scaled.theory()), rel=1e-12)
    assert sum(theory[n] for n in PARTS[:4]) == pytest.approx(theory["test_error"], rel=1e-12)


# ---- precision ---------------------------------------------------------------------------------------------------


def test_random_settings_against_thirty_digits() -> None:
    rng = np.random.default_rng(5)
    for seed in range(30):
        count, d = int(rng.integers(1, 4)), int(rng.integers(2, 7))
        rows = tuple(int(x) for x in rng.integers(1, 3 * d, count))
        if count > 1 and rng.random() < 0.3:  # at the threshold
            rows = (*rows[:-1], max(1, d - sum(rows[:-1])))
        ridge = 0.0 if sum(rows) != d and rng.random() < 0.4 else 10 ** rng.uniform(-12, 6)
        model = random_sources(rows, d, ridge, seed, weights=10 ** rng.uniform(-2, 2, count))
        theory, reference = model.theory(), model.theory(digits=30)
        assert theory.regimes == reference.regimes
        scale = max(abs(reference[name]) for name in PARTS)
        for name in PARTS:
            # The cross term is a sum of terms of either sign.
            size = abs(reference[name]) if name != "cross" else scale
            assert abs(theory[name] - reference[name]) <= 1e-12 * size, (name, rows, d, ridge)
        assert theory.residual <= 1e-11


# ---- thresholds and regimes --------------------------------------------------------------------------------------


def test_at_the_threshold_noise_and_disagreement_diverge() -> None:
    model = random_sources((4, 6), 10, 0.0)
    theory = model.theory()
    assert theory["variance"] == theory["zeta"] == theory["test_error"] == math.inf
    assert theory["bias"] == 0.0
    assert theory.status.startswith("interpolation threshold")
    silent = model.evolve(noise_variances=np.zeros(2))
    assert silent.theory()["variance"] == 0.0
    assert silent.theory()["zeta"] == math.inf
    assert silent.theory()["test_error"] == math.inf
    agreed = silent.evolve(targets=np.tile(model.targets[0], (2, 1))).theory()
    shift = model.targets[0] - model.test_target
    assert agreed["zeta"] == pytest.approx(shift @ model.test_covariance @ shift, rel=1e-11)
    assert agreed["test_error"] == pytest.approx(agreed["zeta"], rel=1e-11)
    assert model.theory(digits=20).status == theory.status
    assert float(silent.theory(digits=20)["zeta"]) == math.inf
    assert model.evolve(ridge=1e-6).theory().status == "converged"


def test_directions_that_no_source_has_are_left_at_zero() -> None:
    """With rows to spare in all others: an error from not knowing them, which a test metric may see."""
    rng = np.random.default_rng(2)
    seen = np.zeros((2, 8, 8))
    seen[:, :6, :6] = [wishart(6, rng), wishart(6, rng)]
    model = random_sources((9, 12), 8, 0.0, covariances=seen)
    theory, near = model.theory(), model.evolve(ridge=1e-11).theory()
    assert theory.regimes == ("ridgeless, more samples than directions",)
    assert_same(theory, near, 1e-8)
    unseen = model.test_target * (np.arange(8) >= 6)
    assert theory["bias"] == pytest.approx(unseen @ model.test_covariance @ unseen, rel=1e-11)
    assert_same(
        model.evolve(samples=np.array([2, 3])).theory(),
        model.evolve(samples=np.array([2, 3]), ridge=1e-12).theory(),
        1e-8,
    )


def test_sources_that_are_not_determined_together_need_a_ridge() -> None:
    halves = np.array([np.diag([1.0] * 3 + [0.0] * 3), np.diag([0.0] * 3 + [1.0] * 3)])
    model = random_sources((9, 2), 6, 0.0, covariances=halves)
    with pytest.raises(ConvergenceError, match="give a ridge"):
        model.theory()
    assert model.evolve(ridge=1e-4).theory().status == "converged"


def test_many_directions() -> None:
    rng = np.random.default_rng(3)
    model = random_sources((150, 250), 200, 1e-3, covariances=np.array([wishart(200, rng), wishart(200, rng, 220)]))
    theory = model.theory()
    assert theory.certificate < 1e-11
    assert theory.residual < 1e-11


# ---- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"samples": np.array([1, 2, 3])}, r"samples of shape = \(3,\) .* shape \(2,\)"),
        ({"test_target": np.ones(3)}, r"test_target of shape = \(3,\)"),
        ({"samples": np.array([1.5, 2])}, "samples = .* whole numbers"),
        ({"weights": np.array([-1.0, 2])}, "weights = .*>= 0"),
        ({"weights": np.zeros(2)}, "weights = .*positive for a source"),
        ({"samples": np.zeros(2)}, "weights = .*positive for a source"),
        ({"covariances": -np.array([np.eye(4), np.eye(4)])}, "covariances = .*positive semi-definite"),
        ({"test_covariance": np.triu(np.ones((4, 4)))}, "test_covariance = .*symmetric"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=rf"\A{words}[^\n]*\Z"):
        random_sources((5, 6), 4, 0.1, **changes)
    with pytest.raises(ParameterError, match="factor"):
        random_sources((5, 6), 4, 0.1).resized(0)


def test_arrays_are_kept_read_only_and_a_sweep_takes_lists_of_them() -> None:
    model = random_sources((15, 20), 4, 0.1)
    with pytest.raises(ValueError, match="read-only"):
        model.covariances[0, 0, 0] = 1.0
    weights = [[1.0, 0.5], [1.0, 0.1], [0.2, 0.2]]
    grid = sweep(model, weights=weights, ridge=[0.1, 0.5])
    for i, w in enumerate(weights):
        expected = model.evolve(weights=w, ridge=0.5).theory()["test_error"]  # type: ignore[arg-type]
        assert float(grid.test_error[i, 1]) == expected
