"""Optimal weights of several sources, and experiments with sources that do not commute."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rmtcollapse import verify
from rmtcollapse.models import WeightedSources

from .sources import random_sources

# ---- weights -----------------------------------------------------------------------------------------------------


def mixture(d: int, real: int, synthetic: int, quality: float, ridge: float = 1e-12) -> WeightedSources:
    """One isotropic covariance; a synthetic target at distance quality^(1/2) from the real one."""
    target = np.full(d, 1 / math.sqrt(d))
    signs = np.where(np.arange(d) % 2, 1.0, -1.0)
    return WeightedSources(
        covariances=np.array([np.eye(d), np.eye(d)]), samples=np.array([real, synthetic]),
        noise_variances=np.array([0.5, 0.5]), weights=np.ones(2),
        targets=np.array([target, target + signs * math.sqrt(quality / d)]), ridge=ridge,
        test_covariance=np.eye(d), test_target=target,
    )  # fmt: skip


def share(model: WeightedSources, weights: np.ndarray) -> float:
    """The weighted share of the synthetic rows."""
    rows = model.samples * weights
    return float(rows[1] / rows.sum())


@pytest.mark.parametrize(
    ("quality", "alpha", "best", "unweighted"), [(0.05, 0.6463, 0.03657, 0.0502), (1.0, 0.0899, 0.1087, 0.908)]
)
def test_recorded_optimal_weights(quality: float, alpha: float, best: float, unweighted: float) -> None:
    model = mixture(20, 100, 1900, quality)
    weights = model.optimal_weights()
    assert weights[0] == 1.0
    assert share(model, weights) == pytest.approx(alpha, abs=5e-5)
    assert model.evolve(weights=weights).theory()["test_error"] == pytest.approx(best, abs=5e-5)
    assert model.theory()["test_error"] == pytest.approx(unweighted, abs=5e-4)
    real_only = model.evolve(weights=np.array([1.0, 0.0])).theory()["test_error"]
    assert real_only == pytest.approx(0.5 * 20 / 80, rel=1e-6)


def test_reweighting_beats_collapse_only_by_discarding_synthetic_data() -> None:
    shares, gains = [], []
    for n in (10**3, 10**4, 10**5):
        model = mixture(10, n, n, 0.5)
        weights = model.optimal_weights()
        shares.append(share(model, weights))
        noise = 0.5 * 10 / n
        assert shares[-1] == pytest.approx(noise / (0.5 + 2 * noise), rel=0.02)
        best, alone = (model.evolve(weights=w).theory()["test_error"] for w in (weights, np.array([1.0, 0.0])))
        gains.append(1 - best / alone)
    # Less and less synthetic data, and less and less to gain over leaving it out.
    for sequence in (shares, gains):
        assert sequence[1] / sequence[0] == pytest.approx(0.1, rel=0.1)
        assert sequence[2] / sequence[1] == pytest.approx(0.1, rel=0.1)


def test_worthless_sources_get_no_weight() -> None:
    model = random_sources((60, 60), 5, 0.0, noise_variances=np.array([0.1, 0.1]))
    perfect = model.evolve(targets=np.tile(model.test_target, (2, 1)))
    useless = perfect.evolve(noise_variances=np.array([0.0, 5.0]))
    assert useless.optimal_weights()[1] < 1e-6
    assert list(perfect.evolve(noise_variances=np.array([5.0, 0.0])).optimal_weights()) == [0.0, 1.0]
    one = perfect.evolve(**{n: getattr(perfect, n)[:1] for n in
                            ("covariances", "samples", "noise_variances", "weights", "targets")})  # fmt: skip
    assert list(one.optimal_weights()) == [1.0]


def test_three_sources_are_weighted_by_their_noise() -> None:
    """Sources that agree: least squares is best with weights of one over the noise."""
    model = random_sources((60, 80, 70), 5, 1e-10)
    agreed = model.evolve(targets=np.tile(model.test_target, (3, 1)), noise_variances=np.array([0.2, 0.8, 0.4]))
    assert agreed.optimal_weights() == pytest.approx([1.0, 0.25, 0.5], rel=1e-4)
    two = agreed.evolve(**{n: getattr(agreed, n)[:2] for n in
                           ("covariances", "samples", "noise_variances", "weights", "targets")})  # fmt: skip
    assert two.optimal_weights() == pytest.approx([1.0, 0.25], rel=1e-7)


# ---- experiments -------------------------------------------------------------------------------------------------


def opposed(rows: tuple[int, ...], ridge: float, seed: int) -> WeightedSources:
    """Targets opposite to the one that is tested, so that the cross term is worth judging."""
    model = random_sources(rows, 30, ridge, seed)
    return model.evolve(targets=0.3 * model.targets - model.test_target)


REGIMES = {
    "more rows": opposed((36, 45), 0.15, 0),
    "three sources": opposed((24, 30, 18), 0.05, 1),
    "fewer rows": opposed((10, 8), 0.3, 2),
    "fewer rows, no ridge": opposed((9, 8), 0.0, 3),
    "more rows, no ridge": random_sources((36, 45), 30, 0.0, 4),
}


@pytest.mark.slow
@pytest.mark.parametrize("model", REGIMES.values(), ids=REGIMES)
def test_theory_agrees_with_experiments(model: WeightedSources) -> None:
    verdict = verify(model, sizes=(1, 2, 4), precision=0.012)
    assert verdict.passed, verdict.report


@pytest.mark.parametrize("name", ["more rows", "fewer rows, no ridge"])
def test_theory_agrees_with_a_few_experiments(name: str) -> None:
    verdict = verify(REGIMES[name], sizes=(1, 2), trials=400)
    assert all(abs(row.z) <= verdict.threshold for row in verdict.rows), verdict.report
