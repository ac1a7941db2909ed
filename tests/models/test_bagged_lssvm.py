"""Bagged classifiers: verified values, an independent solution, identities, simulation, how many learners, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.linalg import toeplitz
from scipy.special import ndtr
from scipy.stats import poisson

from rmtcollapse import ParameterError, verify
from rmtcollapse.models import BaggedLSSVM
from rmtcollapse.models._optimum import best_count

WAYS = ("disjoint", "subsample", "bootstrap")


def bagged(**given: Any) -> BaggedLSSVM:
    return BaggedLSSVM(**{"samples": 60, "subset_samples": 18, "learners": 3, "ridge": 0.1, **given})


def unlike(d: int = 6, **given: Any) -> BaggedLSSVM:
    """Classes of different means, covariances and shares."""
    means = np.zeros((2, d))
    means[0, 0], means[1, 1], means[1, 0] = 1.2, 0.8, -0.5
    covariances = np.array([toeplitz(0.6 ** np.arange(d)), np.diag(np.linspace(0.3, 2.0, d))])
    given = {"samples": 10 * d, "subset_samples": 3 * d, **given}
    return bagged(**{"means": means, "covariances": covariances, "priors": [0.7, 0.3], "intercept": True, **given})


def error(**given: Any) -> float:
    return float(BaggedLSSVM(**given).theory()["test_error"])


# ---- values ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "accuracy"),
    [
        ((480, 1200, 600, 4, 0.02, "subsample"), 0.7669062875584195),
        ((600, 1000, 1000, 5, 0.05, "bootstrap"), 0.7667228892963351),
    ],
)
def test_verified_cases(given: tuple[Any, ...], accuracy: float) -> None:
    names = ("dimension", "samples", "subset_samples", "learners", "ridge", "resampling")
    model = BaggedLSSVM(mean_norm=1.2, **dict(zip(names, given, strict=True)))
    assert model.theory()["accuracy"] == pytest.approx(accuracy, rel=1e-12)


@pytest.mark.parametrize(
    ("dimension", "ridge", "learners", "expected"),
    [(100, 0.1, 1, 0.207846), (100, 0.1, 100, 0.199420), (100, 10.0, 1, 0.198006), (800, 1e-3, 1, 0.385528),
     (800, 1e-3, 40, 0.263305)],
)  # fmt: skip
def test_errors_of_a_split_pool(dimension: int, ridge: float, learners: int, expected: float) -> None:
    found = error(dimension=dimension, samples=1000, subset_samples=1000 // learners, learners=learners,
                  mean_norm=0.9, ridge=ridge)  # fmt: skip
    assert found == pytest.approx(expected, abs=6e-7)


def reference(model: BaggedLSSVM) -> dict[str, float]:
    """The equations in their usual form, iterated: weights of rows as a law, dense matrices, two groups."""
    assert model.means is not None
    assert model.covariances is not None
    n, k, lam, m, pi = model.samples, model.subset_samples, model.ridge, float(model.learners), model.priors
    means, C = model.means, model.covariances
    share, d = k / n, means.shape[1]
    s, law = np.ones(1), np.ones(1)
    if model.resampling == "subsample":
        law = np.array([share])
    if model.resampling == "bootstrap":
        s = np.arange(1.0, 200.0)
        law = poisson.pmf(s, share)
    f = pi if model.resampling == "disjoint" else pi / share
    delta = np.ones(2)
    for _ in range(600):
        g = np.array([law @ (s / (1 + s * x)) for x in delta])
        R = np.linalg.inv(np.tensordot(f * g, C, 1) + lam * np.eye(d))
        delta = np.array([np.trace(c @ R) for c in C]) / k
    square = np.array([law @ (s / (1 + s * x)) ** 2 for x in delta])
    joint = np.zeros(2) if model.resampling == "disjoint" else g**2
    a, label = f * g, np.array([1.0, -1.0])
    normal = np.zeros((d + 1, d + 1))
    normal[:d, :d] = lam * np.eye(d)
    right = np.zeros(d + 1)
    for j in range(2):
        x = np.append(means[j], 1.0)
        normal += a[j] * np.outer(x, x)
        normal[:d, :d] += a[j] * C[j]
        right += a[j] * label[j] * x
    if model.intercept:
        solved = np.linalg.solve(normal, right)
    else:
        solved = np.append(np.linalg.solve(normal[:d, :d], right[:d]), 0.0)
    w, b = solved[:d], solved[d]
    score = means @ w + b
    misfit = np.array([(label[j] - score[j]) ** 2 + w @ C[j] @ w for j in range(2)])
    pairs = np.array([[np.trace(x @ R @ y @ R) for y in C] for x in C]) / k

    def variance(l: int) -> float:
        both = [
            f * g2 @ (np.linalg.solve(np.eye(2) - pairs * (f * g2), pairs[:, l]) * misfit) for g2 in (square, joint)
        ]
        return float(w @ C[l] @ w + both[0] / m + (1 - 1 / m) * both[1])

    V = [variance(l) for l in range(2)]
    accuracy = sum(pi[l] * ndtr(label[l] * score[l] / math.sqrt(V[l])) for l in range(2))
    risk = sum(pi[l] * ((label[l] - score[l]) ** 2 + V[l]) for l in range(2))
    values = {"accuracy": accuracy, "test_error": 1 - accuracy, "risk": risk, "offset": b}
    return {**values, "score_mean": means[0] @ w, "score_variance": V[0]}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("given", [{}, {"intercept": False, "ridge": 2.0}, {"subset_samples": 4, "samples": 45}])
def test_unlike_classes_against_an_independent_solution(way: str, given: dict[str, Any]) -> None:
    model = unlike(resampling=way, **given)
    found, expected = model.theory(), reference(model)
    exact = model.theory(digits=25)
    for name, value in found.items():
        assert value == pytest.approx(expected[name], rel=1e-10), name
        assert value == pytest.approx(float(exact[name]), rel=1e-12), name


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("subset", [3, 60])
def test_without_a_ridge_it_is_the_limit_of_small_ones(way: str, subset: int) -> None:
    models = [unlike(samples=200, subset_samples=subset, resampling=way, ridge=r) for r in (0.0, 1e-9)]
    for name, value in models[0].theory().items():
        assert models[1].theory()[name] == pytest.approx(value, rel=1e-6), name


def test_the_intercept_of_equal_shares_survives_a_large_ridge() -> None:
    """As the ridge grows fit and intercept shrink alike; classes of equal shares cancel in the intercept."""
    model = unlike(priors=[0.5, 0.5], ridge=1e13)
    (one, two), C, k = model.means, model.covariances, model.subset_samples
    fit = (one - two) / 2
    offset = np.trace(C[1] - C[0]) / (2 * k) - fit @ (one + two) / 2
    spread = [fit @ A @ fit + sum(np.trace(A @ B) for B in C) / (2 * k * model.learners) for A in C]
    expected = (ndtr((fit @ one + offset) / spread[0] ** 0.5) + ndtr(-(fit @ two + offset) / spread[1] ** 0.5)) / 2
    found = model.theory()
    assert found["accuracy"] == pytest.approx(expected, rel=1e-11)
    assert found["offset"] * model.ridge == pytest.approx(offset, rel=1e-11)


def test_threshold_without_a_ridge() -> None:
    found = bagged(dimension=18, mean_norm=1.0, ridge=0.0).theory()
    assert (found["accuracy"], found["score_variance"]) == (0.5, math.inf)
    assert found.status.startswith("interpolation threshold")


# ---- identities --------------------------------------------------------------------------------------------------


def test_one_learner_on_all_rows_is_the_same_however_it_is_given_them() -> None:
    split, drawn = (unlike(subset_samples=60, learners=1, resampling=way).theory() for way in WAYS[:2])
    for name, value in split.items():
        assert drawn[name] == pytest.approx(value, rel=1e-13), name
    endless = unlike(subset_samples=60, learners=math.inf, resampling="subsample").theory()
    assert endless["score_variance"] == pytest.approx(split["score_variance"], rel=1e-12)


@pytest.mark.parametrize("ridge", [1e-3, 0.0, 0.5])
@pytest.mark.parametrize("subset", [3, 25])
def test_many_subsamples_are_one_fit_with_a_larger_ridge(subset: int, ridge: float) -> None:
    C = toeplitz(0.7 ** np.arange(8))
    mean = np.linspace(1.0, 0.0, 8)
    given = {"means": np.array([mean, -mean]), "covariances": np.array([C, C]), "samples": 40}
    many = bagged(**given, subset_samples=subset, learners=math.inf, resampling="subsample", ridge=ridge)
    low, high = 0.0, 1e6
    for _ in range(300):  # kappa = lam / (1 - tr C G / k), increasing
        kappa = (low + high) / 2
        left = kappa * (1 - np.trace(C @ np.linalg.inv(C + kappa * np.eye(8))) / subset)
        low, high = (kappa, high) if left < ridge else (low, kappa)
    kappa = high if subset < 8 or ridge else 0.0
    other = kappa * (1 - np.trace(C @ np.linalg.inv(C + kappa * np.eye(8))) / 40)
    one = bagged(**given, subset_samples=40, learners=1, ridge=other)
    for name in ("accuracy", "score_mean", "score_variance"):
        assert many.theory()[name] == pytest.approx(one.theory()[name], rel=1e-9), name


def test_splitting_at_equal_effective_ridge_never_helps() -> None:
    C, mean = toeplitz(0.8 ** np.arange(12)), np.ones(12) / math.sqrt(12)
    G = np.linalg.inv(C + 0.9 * np.eye(12))
    errors = []
    for m in (1, 2, 3, 6):
        ridge = 0.9 * (1 - np.trace(C @ G) * m / 120)
        errors.append(error(means=np.array([mean, -mean]), covariances=np.array([C, C]), samples=120,
                            subset_samples=120 // m, learners=m, ridge=ridge))  # fmt: skip
    assert errors == sorted(errors)
    assert len(set(errors)) == 4


def test_where_the_ridge_is_tuned_one_learner_is_best() -> None:
    values, mean = np.linalg.eigvalsh(toeplitz(0.8 ** np.arange(80))), np.ones(80) / math.sqrt(80)
    given = {"means": np.array([mean, -mean]), "covariances": np.array([values, values]), "samples": 160}
    ridges = np.append(np.geomspace(1e-3, 1e1, 21), 0.0)
    least = [min(split(m, ridge=ridge, **given) for ridge in ridges) for m in (1, 2, 4, 8)]
    assert least == sorted(least)
    assert least[1] > 1.05 * least[0]


def test_the_label_of_a_class_is_a_name() -> None:
    model = unlike()
    assert model.means is not None
    assert model.covariances is not None
    turned = model.evolve(means=model.means[::-1], covariances=model.covariances[::-1], priors=[0.3, 0.7]).theory()
    found = model.theory()
    for name in ("accuracy", "risk"):
        assert turned[name] == pytest.approx(found[name], rel=1e-12)
    assert turned["offset"] == pytest.approx(-found["offset"], rel=1e-11)


def test_an_intercept_makes_the_origin_free() -> None:
    model = unlike()
    assert model.means is not None
    moved = model.evolve(means=model.means + np.linspace(3.0, -1.0, 6)).theory()
    for name in ("accuracy", "risk", "score_variance"):
        assert moved[name] == pytest.approx(model.theory()[name], rel=1e-11), name


# ---- experiment --------------------------------------------------------------------------------------------------


SIMULATED: dict[str, dict[str, Any]] = {
    "overdetermined": {"subset_samples": 40, "samples": 130},
    "underdetermined, no ridge": {"subset_samples": 8, "samples": 26, "ridge": 0.0},
    "overdetermined, no ridge, no intercept": {"subset_samples": 60, "samples": 180, "ridge": 0.0, "intercept": False},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("given", SIMULATED.values(), ids=SIMULATED)
def test_experiment_agrees_with_the_theory(way: str, given: dict[str, Any]) -> None:
    model = unlike(d=16, resampling=way, **given)
    assert_agrees(model, (1, 2), 160)


def assert_agrees(model: BaggedLSSVM, sizes: tuple[int, ...], trials: int) -> None:
    """Mean of every value within four standard errors, after extrapolation in the reciprocal size."""
    for row in verify(model, trials=trials, sizes=sizes, seed=7).rows:
        assert abs(row.z) < 4 or row.note == "without noise", row


# ---- how many ----------------------------------------------------------------------------------------------------


def split(m: int, **given: Any) -> float:
    return error(subset_samples=given["samples"] // m, learners=m, **given)


@pytest.mark.parametrize(("ridge", "expected"), [(0.1, 1000), (10.0, 1)])
def test_more_learners_help_where_the_ridge_is_too_small(ridge: float, expected: int) -> None:
    model = BaggedLSSVM(dimension=100, samples=1000, subset_samples=10, learners=5, mean_norm=0.9, ridge=ridge)
    assert model.optimal_learners() == expected


def test_an_optimum_between_the_ends() -> None:
    values = np.linalg.eigvalsh(toeplitz(0.95 ** np.arange(40)))
    mean = values / np.linalg.norm(values)
    given = {"means": np.array([mean, -mean]), "covariances": np.array([values] * 2), "samples": 720, "ridge": 0.1}
    best = BaggedLSSVM(**given, subset_samples=2, learners=2).optimal_learners()
    divisors = [m for m in range(1, 721) if 720 % m == 0]
    errors = {m: split(m, **given) for m in divisors}
    least = min(errors, key=lambda m: errors[m])
    assert 1 < least < 720
    place = divisors.index(least)
    assert divisors[place - 1] < best < divisors[place + 1]


def test_few_rows_are_split_to_get_away_from_the_threshold() -> None:
    values = np.linalg.eigvalsh(toeplitz(0.8 ** np.arange(40)))
    mean = np.ones(40) / math.sqrt(40)
    model = bagged(means=np.array([mean, -mean]), covariances=np.array([values] * 2), ridge=1e-4, learners=2)
    accuracies = [model._ensemble(m, 60 / m)["accuracy"] for m in range(1, 61)]
    assert model.optimal_learners() == 1 + int(np.argmax(accuracies)) == 3


@pytest.mark.parametrize("way", WAYS[1:])
def test_overlapping_subsets_have_no_end(way: str) -> None:
    model = bagged(dimension=30, mean_norm=1.0, resampling=way)
    assert model.optimal_learners() == math.inf
    several = [model.evolve(learners=m).theory()["accuracy"] for m in (1, 2, 10, 1000, math.inf)]
    assert several == sorted(several)
    assert bagged(dimension=30, mean_norm=0.0, resampling=way).optimal_learners() == 1


def test_a_neglected_class_may_want_few_learners() -> None:
    model = bagged(means=np.array([[1.0, 0.0], [0.0, 0.5]]), resampling="subsample", subset_samples=3)
    best = model.optimal_learners()
    accuracies = {
        m: model.evolve(learners=m).theory()["accuracy"] for m in (1, 2, 3, 4, 5, 6, 8, 12, 20, 10**6, math.inf, best)
    }
    assert accuracies[best] == max(accuracies.values())


def test_copies_of_one_learner_are_one() -> None:
    assert unlike(subset_samples=60, learners=3, resampling="subsample").optimal_learners() == 1


def test_best_count_finds_peaks_and_ends() -> None:
    for peak in (1, 2, 37, 999, 123456, 10**6):
        assert best_count(lambda m, peak=peak: -abs(math.log(m / peak)), 10**6) == peak
    assert best_count(lambda m: 1.0, 10**6) == 1
    assert best_count(float, 1) == 1


# ---- refusals ----------------------------------------------------------------------------------------------------


ISOTROPIC = {"dimension": 6, "mean_norm": 1.0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({**ISOTROPIC, "learners": 4}, "learners = 4 .*at most samples // subset_samples = 3"),
        ({**ISOTROPIC, "learners": math.inf}, "learners = inf .*at most"),
        ({**ISOTROPIC, "learners": 0}, "learners = 0"),
        ({**ISOTROPIC, "learners": 2.5}, "learners = 2.5 .*or inf"),
        ({**ISOTROPIC, "subset_samples": 61, "resampling": "subsample"}, "subset_samples = 61 .*at most samples, 60"),
        ({**ISOTROPIC, "resampling": "bootstraps"}, "resampling = .*did you mean 'bootstrap'"),
        ({**ISOTROPIC, "priors": [0.5, 0.6]}, "priors = "),
        ({**ISOTROPIC, "priors": [1.0, 0.0]}, "priors = "),
        ({**ISOTROPIC, "priors": [0.2, 0.3, 0.5]}, "priors = "),
        ({**ISOTROPIC, "intercept": 1}, "intercept = 1 .*true or false"),
        ({}, "dimension is missing: .*or means and, if not one, covariances"),
        ({**ISOTROPIC, "covariances": np.ones((2, 6))}, "covariances = .*together with means"),
        ({"means": np.ones(6)}, "means = "),
        ({"means": np.ones((3, 6))}, "means = "),
        ({"means": np.ones((2, 6)), "mean_norm": 1.0}, "mean_norm = 1.0 .*left out"),
        ({"means": np.ones((2, 6)), "dimension": 5}, "dimension = 5 .*6 as means"),
        ({"means": np.ones((2, 6)), "covariances": np.ones((2, 5))}, r"covariances of shape = \(2, 5\)"),
        ({"means": np.ones((2, 6)), "covariances": np.eye(6)}, "covariances = "),
        ({"means": np.ones((2, 6)), "covariances": -np.ones((2, 6))}, "covariances = "),
        ({"means": np.ones((2, 6)), "covariances": np.array([np.eye(6), np.zeros((6, 6))])}, "covariances = "),
    ],
)
def test_refusals_name_the_parameter(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=rf"\A{message}[^\n]*\Z"):
        bagged(**given)


def test_infinitely_many_learners_are_theory_only() -> None:
    with pytest.raises(ParameterError, match=r"learners = inf .*experiment"):
        bagged(**ISOTROPIC, resampling="subsample", learners=math.inf).draw(np.random.default_rng(0))
