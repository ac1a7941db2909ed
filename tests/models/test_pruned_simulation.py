"""Pruned synthetic data: experiments of two sizes against the theory, and verdicts on it and on what was published."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from rmtcollapse import verify
from rmtcollapse.experiments.classification import FittedMixture
from rmtcollapse.models import PrunedSynthetic

SCORES = ("accuracy", "risk", "score_mean", "score_variance")


def mixed(**given: Any) -> PrunedSynthetic:
    return PrunedSynthetic(**{
        "dimension": 60, "real_samples": 60, "synthetic_samples": 160, "ridge": 0.1, "mean_norm": 1.2,
        "label_error": 0.15, "keep_correct": 0.8, "keep_wrong": 0.1, **given,
    })  # fmt: skip


def general(**given: Any) -> PrunedSynthetic:
    """A mean and a covariance that do not commute with those of the synthetic rows."""
    d = np.arange(60)
    mean = np.cos(1.7 * d)
    toeplitz = 0.6 ** abs(np.subtract.outer(d, d))
    shifted = {"synthetic_mean": 0.2 * mean + 0.5 * (d == 3), "synthetic_covariance": np.linspace(0.3, 2.0, 60)}
    shifted = {} if given.get("generator") == "same-data" else shifted
    return mixed(dimension=None, mean_norm=None, mean=0.22 * mean, covariance=toeplitz, **{**shifted, **given})


@pytest.mark.parametrize("known", [None, np.array([1.0, 0.0, 0.5])])
def test_a_fitted_mixture_has_the_moments_of_its_sample(known: np.ndarray | None) -> None:
    rng = np.random.default_rng(2)
    labels, rows = rng.choice([-1.0, 1.0], 9), rng.standard_normal((9, 3)) + 1.0
    signed = labels[:, None] * rows
    mean = signed.mean(0) if known is None else known
    told = rng.choice([-1.0, 1.0], 40_000)
    drawn = told[:, None] * FittedMixture.to(rows, labels, known).draw(told, rng)
    covariance = (signed - mean).T @ (signed - mean) / 9
    np.testing.assert_allclose(drawn.mean(0), mean, atol=0.04)
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=0.05 * np.trace(covariance))


ESTIMATED: dict[str, Any] = {"generator": "estimated", "generator_samples": 40}
KINDS = {
    "exact": mixed(),
    "alone, beyond the critical error": mixed(real_samples=0, keep_wrong=0.4, label_error=0.8, ridge=0.5),
    "estimated": mixed(**ESTIMATED),
    "estimated with its mean": mixed(**ESTIMATED, estimate_mean=True),
    "estimated, more rows than its sample, no ridge": mixed(**{**ESTIMATED, "generator_samples": 20}, real_samples=16,
                                                            ridge=0.0),
    "estimated with its mean, the same": mixed(**{**ESTIMATED, "generator_samples": 20}, real_samples=16, ridge=0.0,
                                               estimate_mean=True),
    "same data": mixed(generator="same-data"),
    "same data, no ridge": mixed(generator="same-data", real_samples=24, ridge=0.0),
    "general": general(),
    "general, estimated": general(**ESTIMATED, estimate_mean=True),
    "general, same data": general(generator="same-data"),
}  # fmt: skip


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("model", KINDS.values(), ids=KINDS)
def test_experiment_agrees_with_the_theory(model: PrunedSynthetic, factor: int) -> None:
    model = model.resized(factor)
    theory, rng = model.theory(), np.random.default_rng(5)
    draws = [model.draw(rng) for _ in range(30)]
    for name in SCORES:
        values = np.array([draw[name] for draw in draws])
        error = values.std(ddof=1) / math.sqrt(len(values))
        # Finite-size bias is of order 1/p.
        assert abs(values.mean() - theory[name]) < 4 * error + 2 * abs(theory[name]) / (60 * factor), name


PRUNED = {
    "mixed": mixed(dimension=48, real_samples=24, synthetic_samples=120, keep_correct=0.3, keep_wrong=0.05, ridge=0.01,
                   label_error=0.2),
    "fewer kept rows than directions": mixed(dimension=60, real_samples=0, synthetic_samples=60, mean_norm=1.5,
                                             keep_correct=0.6, keep_wrong=0.2, label_error=0.2, ridge=0.001),
}  # fmt: skip


def test_published_formula_is_rejected_where_much_is_pruned_and_ours_is_not() -> None:
    for model in PRUNED.values():
        published = verify(model, PrunedSynthetic.published, sizes=(1, 2), trials=100)
        assert not published.passed
        assert max(abs(row.z) for row in published.rows) > 10
    own = verify(PRUNED["mixed"], sizes=(1, 2), precision=0.012)
    assert own.passed, own.report


@pytest.mark.slow
@pytest.mark.parametrize("model", [*KINDS.values(), *PRUNED.values()], ids=[*KINDS, *PRUNED])
def test_verdict(model: PrunedSynthetic) -> None:
    verdict = verify(model, sizes=(1, 2), seed=3)
    assert verdict.passed, verdict.report


def test_a_large_model_is_not_judged_at_four_times_its_size() -> None:
    assert verify(mixed(dimension=122, real_samples=40), trials=2).sizes == (Fraction(1, 2), Fraction(1))
    # Directions of an array are not halved.
    assert verify(general().resized(3), trials=2).sizes == (Fraction(1), Fraction(2))
