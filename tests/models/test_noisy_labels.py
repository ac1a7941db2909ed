"""Noisy labels: verified values, what the targets can change, corrections, estimates, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rmtcollapse import ConvergenceError, ParameterError
from rmtcollapse.models import NoisyLabels


def unbalanced(**given: Any) -> NoisyLabels:
    return NoisyLabels(**{
        "dimension": 1000, "samples": 1000, "ridge": 10.0, "mean_norm": 2.0, "negative_fraction": 0.3,
        "flip_positive": 0.4, "flip_negative": 0.3, **given,
    })  # fmt: skip


def test_verified_case() -> None:
    found = unbalanced(dimension=400, samples=1600, ridge=0.1).theory()
    assert found["accuracy"] == pytest.approx(0.6601151298206328, rel=1e-11)
    assert found["risk"] == pytest.approx(0.8769015521883327, rel=1e-11)


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [
        (100, (0.939439, 0.948684, 0.966815, 0.975846)),
        (1000, (0.768078, 0.795445, 0.883205, 0.962670)),
        (10000, (0.607228, 0.622424, 0.689895, 0.854576)),
    ],
)
def test_published_figure(dimension: int, expected: tuple[float, ...]) -> None:
    naive = unbalanced(dimension=dimension)
    plus, minus = naive.optimal_correction()
    assert plus - minus == pytest.approx(47 / 30, rel=1e-14)
    models = (
        naive,
        naive.evolve(correction_positive=0.4, correction_negative=0.3),
        naive.evolve(correction_positive=plus, correction_negative=minus),
        naive.evolve(flip_positive=0.0, flip_negative=0.0),
    )
    for model, value in zip(models, expected, strict=True):
        assert model.theory()["accuracy"] == pytest.approx(value, abs=6e-7)


@pytest.mark.parametrize(("flips", "ridge"), [((0.4, 0.3), 0.1), ((0.05, 0.6), 0.0)])
def test_optimal_correction_is_the_maximum_and_only_the_difference_matters(flips: Any, ridge: float) -> None:
    model = unbalanced(dimension=300, flip_positive=flips[0], flip_negative=flips[1], ridge=ridge)
    plus, minus = model.optimal_correction()
    assert 1 - plus - minus > 0

    def accuracy(x: float, y: float) -> float:
        return model.evolve(correction_positive=x, correction_negative=y).theory()["accuracy"]

    best = accuracy(plus, minus)
    assert all(accuracy(plus + step, minus) < best for step in (-0.3, -0.01, 0.01, 0.3))
    assert accuracy(plus - 0.7, minus - 0.7) == pytest.approx(best, rel=1e-12)


def test_worst_correction_tells_nothing_and_beyond_it_the_sign_is_kept() -> None:
    model = unbalanced()
    assert model.evolve(correction_positive=-0.65).theory()["accuracy"] == pytest.approx(0.5, abs=1e-14)
    below = model.evolve(correction_positive=-0.8).theory()
    assert below["accuracy"] < 0.5
    assert below["score_mean"] < 0
    turned = model.evolve(correction_positive=47 / 30).theory()["accuracy"]
    assert turned == pytest.approx(1 - 0.883205, abs=6e-7)


def test_a_large_ridge_takes_the_mean_of_the_rows() -> None:
    model = unbalanced(ridge=1e9, dimension=700)
    s = 1 - 2 * (0.7 * 0.4 + 0.3 * 0.3)
    ratio = 4 * s / math.sqrt(4 * s**2 + 0.7)
    assert model.theory()["accuracy"] == pytest.approx(0.5 * math.erfc(-ratio / math.sqrt(2)), rel=1e-7)


@pytest.mark.parametrize("ridge", [0.0, 0.1, 10.0])
def test_risk_optimal_targets(ridge: float) -> None:
    model = unbalanced(dimension=300, ridge=ridge)
    plus, minus = model.optimal_correction()
    positive, negative = model.risk_optimal_targets()
    t_plus, t_minus = model.evolve(correction_positive=plus, correction_negative=minus).targets()
    assert positive / negative == pytest.approx(t_plus / t_minus, rel=1e-12)

    def risk(t: float, u: float) -> float:
        x1, x2, told = 0.7 * 0.6 - 0.3 * 0.3, 0.3 * 0.7 - 0.7 * 0.4, 0.7 * 0.6 + 0.3 * 0.3
        s = t * x1 - u * x2
        return model._trained(s, t**2 * told + u**2 * (1 - told) - s**2)["risk"]

    least = risk(positive, negative)
    for step in (-0.02, 0.02):
        assert risk(positive + step, negative) > least
        assert risk(positive, negative + step) > least


def test_noise_rates_from_data() -> None:
    rng, model, found = np.random.default_rng(3), unbalanced(ridge=0.1), []
    for _ in range(8):
        y = np.where(rng.random(1600) < 0.3, -1.0, 1.0)
        X = rng.standard_normal((1600, 200))
        X[:, 0] += 2 * y
        wrong = rng.random(1600) < np.where(y > 0, 0.4, 0.15)
        found.append(model.estimate_noise_rates(X, np.where(wrong, -y, y)))
    mean, error = np.mean(found, 0), np.std(found, 0, ddof=1) / math.sqrt(8)
    assert np.all(error < 0.03)
    assert np.all(abs(mean - [0.4, 0.15]) < 4 * error)


def test_estimates_refuse() -> None:
    X, y = np.random.default_rng(0).standard_normal((40, 10)), np.tile([1.0, -1.0], 20)
    with pytest.raises(ConvergenceError, match="largest eigenvalue"):
        unbalanced().estimate_noise_rates(0.5 * X, y)
    with pytest.raises(ParameterError, match="y = "):
        unbalanced().estimate_noise_rates(X, 2 * y)
    with pytest.raises(ParameterError, match="ridge = "):
        unbalanced(ridge=0.0).estimate_noise_rates(X[:10], y[:10])


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({"flip_positive": -0.1}, "flip_positive"),
        ({"negative_fraction": 1.1}, "negative_fraction"),
        ({"flip_positive": 0.6, "flip_negative": 0.4}, r"flip_positive \+ flip_negative"),
        ({"correction_positive": 0.6, "correction_negative": 0.4}, r"correction_positive \+ correction_negative"),
    ],
)
def test_bad_input_is_refused(bad: dict[str, float], named: str) -> None:
    with pytest.raises(ParameterError, match=named):
        unbalanced(**bad)


def test_one_class_has_no_best_correction() -> None:
    with pytest.raises(ParameterError, match="negative_fraction"):
        unbalanced(negative_fraction=0.0).optimal_correction()


@pytest.mark.parametrize("dimension", [100, 200])
@pytest.mark.parametrize("ratio", [0.5, 3])
def test_experiment_agrees_with_the_theory(dimension: int, ratio: float) -> None:
    model = unbalanced(
        dimension=dimension, samples=int(ratio * dimension), ridge=0.3, mean_norm=1.5, correction_negative=-1.0
    )
    theory, rng = model.theory(), np.random.default_rng(5)
    draws = [model.draw(rng) for _ in range(120)]
    for name in ("accuracy", "risk", "score_mean", "score_variance"):
        values = np.array([draw[name] for draw in draws])
        error = values.std(ddof=1) / math.sqrt(len(values))
        # Finite-size bias is of order 1/p.
        assert abs(values.mean() - theory[name]) < 4 * error + abs(theory[name]) / dimension, name
