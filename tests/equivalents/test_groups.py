"""Classifiers on groups: verified cases, dense against diagonal, limits, the sign of what is learned."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rmtcollapse.equivalents.groups_solver import Classifier, Group, ScoredClass
from rmtcollapse.equivalents.sample_weights import SampleWeights
from rmtcollapse.models._classifier_values import classifier_theory

NAMES = ["accuracy", "risk", "score_mean", "score_variance"]


def isotropic(dimension: int, groups: list[tuple[float, float, float]], mu: float, **given: Any) -> Classifier:
    """Groups (rows, mean target, target variance) of the mean mu e_1 and unit covariance."""
    covariance, basis = np.ones(2), np.array([[1.0], [0.0]])
    made = [Group(n, covariance, np.array([mu]), target, variance) for n, target, variance in groups]
    counts = np.array([1.0, dimension - 1.0])
    return Classifier(made, [ScoredClass(covariance, np.array([mu]))], basis, multiplicity=counts, **given)


def kept(samples: int, error: float, correct: float, wrong: float) -> tuple[float, float, float]:
    share, signal = correct * (1 - error) + wrong * error, correct * (1 - error) - wrong * error
    return share * samples, signal / share, 1 - (signal / share) ** 2


CASES = {
    "above the critical error": (
        isotropic(600, [kept(1200, 0.8, 0.8, 0.3)], 1.5, samples=1200, ridge=0.5),
        {"accuracy": 0.41385466462052556, "risk": 1.324994435390753},
    ),
    "fewer kept rows than directions": (
        isotropic(800, [kept(800, 0.2, 0.6, 0.2)], 1.5, samples=800, ridge=0.001),
        {"accuracy": 0.7125821202255627, "risk": 0.9563777935429603},
    ),
    "subsamples": (
        isotropic(480, [(600, 1.0, 0.0)], 1.2, samples=600, ridge=0.02, learners=4, overlap=0.5),
        {"accuracy": 0.7669062875584195},
    ),
    "draws with replacement": (
        isotropic(600, [(1000, 1.0, 0.0)], 1.2, samples=1000, ridge=0.05, learners=5, weights=SampleWeights(1.0)),
        {"accuracy": 0.7667228892963351},
    ),
}


@pytest.mark.parametrize(("classifier", "expected"), CASES.values(), ids=CASES)
def test_verified_cases(classifier: Classifier, expected: dict[str, float]) -> None:
    found = classifier_theory(classifier, NAMES)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-11), name
    exact = classifier_theory(classifier, NAMES, digits=30)
    for name in NAMES:
        assert found[name] == pytest.approx(float(exact[name]), rel=1e-13), name


def dense(seed: int = 0, **given: Any) -> Classifier:
    rng, d = np.random.default_rng(seed), 8
    roots = rng.standard_normal((2, d, 2 * d)) / math.sqrt(2 * d)
    covariances = roots @ roots.transpose(0, 2, 1)
    means = [np.array([1.0, 0.0]), np.array([0.0, 1.0])]
    groups = [Group(n, c, m, y) for n, c, m, y in zip((20, 9), covariances, means, (1.0, -1.0), strict=True)]
    classes = [ScoredClass(g.covariance, g.mean, g.target, p) for g, p in zip(groups, (0.7, 0.3), strict=True)]
    return Classifier(groups, classes, rng.standard_normal((d, 2)), **{"samples": 29, "ridge": 0.1, **given})


@pytest.mark.parametrize("ridge", [0.0, 1e-6, 0.1, 1e6])
@pytest.mark.parametrize("intercept", [False, True])
def test_dense_against_thirty_digits(ridge: float, intercept: bool) -> None:
    classifier = dense(ridge=ridge, intercept=intercept, learners=3, overlap=0.3)
    found, exact = (classifier_theory(classifier, NAMES, digits) for digits in (None, 30))
    for name in NAMES:
        assert found[name] == pytest.approx(float(exact[name]), rel=1e-12), name


def test_diagonal_matrices_are_matrices() -> None:
    s, basis = np.array([[2.0, 1.0, 0.5, 0.1], [0.3, 1.0, 0.7, 2.0]]), np.array([[1.0], [0.4], [0.0], [1.0]])
    made = []
    for shape in (lambda x: x, np.diag):
        groups = [Group(n, shape(c), np.array([1.0]), t, 1 - t**2) for n, c, t in zip((5, 9), s, (1, 0.4), strict=True)]
        tested = [ScoredClass(shape(s[0]), np.array([1.0]))]
        made.append(classifier_theory(Classifier(groups, tested, basis, 20, 0.05), NAMES))
    for name in NAMES:
        assert made[0][name] == pytest.approx(made[1][name], rel=1e-12), name


def test_at_the_threshold_nothing_is_learned() -> None:
    found = classifier_theory(isotropic(100, [(100, 1.0, 0.0)], 1.5, samples=100, ridge=0.0), NAMES)
    assert found["score_variance"] == found["risk"] == math.inf
    assert found["accuracy"] == 0.5
    assert found.status.startswith("interpolation threshold")


@pytest.mark.parametrize("ratio", [1e-6, 0.5, 2.0, 1e6])
def test_without_a_ridge_it_is_the_limit_of_small_ones(ratio: float) -> None:
    limit, near = (
        classifier_theory(isotropic(10**6, [(ratio * 1e6, 0.5, 0.75)], 1.5, samples=ratio * 1e6, ridge=r), NAMES)
        for r in (0.0, 1e-9)
    )
    for name in NAMES:
        assert near[name] == pytest.approx(limit[name], rel=1e-6), name


def test_spread_and_covariation_against_drawn_rows() -> None:
    """Rows that are uniform along one direction and tell their target along two, beside plain ones."""
    rng, d, counts, ridge = np.random.default_rng(8), 60, (90, 60), 0.1
    # Uniform on (-4, 4) along e_1, of variance 16/3, and targets that follow 0.7 + x_1 / 2 - x_2.
    spread, covariation = np.diag([13 / 3, 0.0]), np.array([8 / 3, -1.0])
    odd = Group(counts[0], np.ones(d), np.array([0.5, 0.0]), 0.7, 4 / 3 + 1 + 0.09, spread, covariation)
    plain = Group(counts[1], np.ones(d), np.array([0.0, 0.8]), 1.0)
    test = ScoredClass(np.ones(d), np.array([0.5, 0.8]))
    classifier = Classifier([odd, plain], [test], np.eye(d)[:, :2], sum(counts), ridge)
    theory, found = classifier_theory(classifier, NAMES[2:]), []
    for _ in range(150):
        x = rng.standard_normal((sum(counts), d))
        x[: counts[0], 0] = rng.uniform(-4, 4, counts[0])
        inner = x[: counts[0]].copy()
        told = 0.7 + inner[:, 0] / 2 - inner[:, 1] + 0.3 * rng.standard_normal(counts[0])
        t = np.concatenate([told, np.ones(counts[1])])
        x[: counts[0], 0] += 0.5
        x[counts[0] :, 1] += 0.8
        w = np.linalg.solve(x.T @ x / len(x) + ridge * np.eye(d), x.T @ t / len(x))
        found.append((0.5 * w[0] + 0.8 * w[1], w @ w))
    mean, error = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / math.sqrt(len(found))
    for k, name in enumerate(NAMES[2:]):
        assert abs(mean[k] - theory[name]) < 4 * error[k] + 1.5 * abs(theory[name]) / d, name
    # Without either it is another classifier.
    for bare in (Group(90, np.ones(d), odd.mean, 0.7, odd.target_variance, None, covariation),
                 Group(90, np.ones(d), odd.mean, 0.7, odd.target_variance, spread, None)):  # fmt: skip
        other = classifier_theory(Classifier([bare, plain], [test], np.eye(d)[:, :2], sum(counts), ridge), NAMES[2:])
        assert any(abs(mean[k] - other[n]) > 8 * error[k] for k, n in enumerate(NAMES[2:]))
