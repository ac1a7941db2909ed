"""Classes with a mean and a covariance: the forms agree, the general one is right, refusals name the parameter."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.linalg import toeplitz

from rmtcollapse import ParameterError, verify
from rmtcollapse.cli.parse import build_model
from rmtcollapse.models import NoisyLabels
from rmtcollapse.models._classes import class_mixture, directions
from rmtcollapse.models._covariance import is_covariance

VALUES = ("accuracy", "risk", "score_mean", "score_variance")
MEAN = np.array([1.0, -0.5, 0.7, 0.2, 0.0, 0.3])
TOEPLITZ = toeplitz(0.6 ** np.arange(6))


def noisy(**given: Any) -> NoisyLabels:
    return NoisyLabels(**{
        "samples": 15, "ridge": 0.2, "negative_fraction": 0.3, "flip_positive": 0.25, "flip_negative": 0.125, **given
    })  # fmt: skip


def assert_same(left: NoisyLabels, right: NoisyLabels, rel: float = 1e-12) -> None:
    expected = right.theory()
    for name, value in left.theory().items():
        assert value == pytest.approx(expected[name], rel=rel), name


@pytest.mark.parametrize("ridge", [0.0, 0.2])
@pytest.mark.parametrize("covariance", [None, np.ones(6), np.eye(6)], ids=["none", "diagonal", "dense"])
def test_a_covariance_of_one_is_the_isotropic_class(covariance: Any, ridge: float) -> None:
    plain = noisy(dimension=6, mean_norm=float(np.linalg.norm(MEAN)), ridge=ridge)
    assert_same(noisy(mean=MEAN, covariance=covariance, ridge=ridge), plain)
    assert_same(noisy(mean=MEAN, dimension=6, covariance=covariance, ridge=ridge), plain)


@pytest.mark.parametrize(("samples", "ridge"), [(15, 0.2), (15, 0.0), (4, 0.0), (4, 1e-6)])
def test_a_covariance_is_its_eigenvalues_in_its_eigenbasis(samples: int, ridge: float) -> None:
    values, vectors = np.linalg.eigh(TOEPLITZ)
    dense = noisy(mean=MEAN, covariance=TOEPLITZ, samples=samples, ridge=ridge)
    assert_same(dense, dense.evolve(mean=vectors.T @ MEAN, covariance=values))


def test_units_of_the_features_do_not_matter() -> None:
    model = noisy(mean=MEAN, covariance=TOEPLITZ)
    scaled = model.evolve(mean=1e5 * MEAN, covariance=1e10 * TOEPLITZ, ridge=1e10 * model.ridge)
    assert_same(scaled, model)


def test_general_covariance_against_the_fixed_point() -> None:
    """Iteration of the equations in their usual form, with the whole second moment in the mean fit."""
    model = noisy(mean=MEAN, covariance=TOEPLITZ)
    n, lam, C = model.samples, model.ridge, TOEPLITZ
    positive, negative = 0.7 * 0.75, 0.3 * 0.875
    s, delta = positive + negative - 0.7 * 0.25 - 0.3 * 0.125, 1.0
    for _ in range(400):
        R = np.linalg.inv(C / (1 + delta) + lam * np.eye(6))
        delta = np.trace(C @ R) / n
    S, a = C + np.outer(MEAN, MEAN), 1 / (1 + delta)
    w = np.linalg.solve(a * S + lam * np.eye(6), a * s * MEAN)
    square = np.trace(C @ R @ C @ R) / n
    misfit = 1 - 2 * s * (MEAN @ w) + w @ S @ w
    V = w @ C @ w + a**2 * square / (1 - a**2 * square) * misfit
    found = model.theory()
    assert found["score_mean"] == pytest.approx(MEAN @ w, rel=1e-12)
    assert found["score_variance"] == pytest.approx(V, rel=1e-12)
    exact = model.theory(digits=25)
    for name in VALUES:
        assert found[name] == pytest.approx(float(exact[name]), rel=1e-13), name


def test_the_best_correction_does_not_depend_on_the_covariance() -> None:
    model = noisy(mean=MEAN, covariance=TOEPLITZ)
    plus, minus = model.optimal_correction()
    accuracies = [
        model.evolve(correction_positive=plus + d, correction_negative=minus).theory()["accuracy"]
        for d in (-0.1, 0.0, 0.1)
    ]
    assert max(accuracies) == accuracies[1]


def test_another_size_is_copies_of_every_direction() -> None:
    for covariance in (TOEPLITZ, np.diagonal(TOEPLITZ), None):
        model = noisy(mean=MEAN, covariance=covariance)
        doubled = model.resized(2)
        assert doubled.mean is not None
        assert (len(doubled.mean), doubled.samples) == (12, 30)
        assert_same(doubled, model)
    with pytest.raises(ParameterError, match="factor"):
        noisy(mean=MEAN, samples=20).resized(Fraction(3, 2))


def test_experiment_agrees_with_the_theory() -> None:
    mean = np.linspace(1.0, 0.0, 20)
    model = noisy(mean=mean, covariance=toeplitz(0.7 ** np.arange(20)), samples=40, ridge=0.1)
    verdict = verify(model, trials=600, sizes=(1, 2, 4), seed=2)
    assert verdict.passed, verdict.report
    wrong = model.evolve(covariance=np.ones(20)).theory()
    assert not verify(model, dict(wrong), trials=150, sizes=(1, 2), seed=2).passed


def test_the_laboratory_draws_that_covariance() -> None:
    mixture = class_mixture(noisy(mean=MEAN, covariance=TOEPLITZ))
    rows = mixture.noise(20000, np.random.default_rng(1))
    np.testing.assert_allclose(rows.T @ rows / 20000, TOEPLITZ, atol=5 * math.sqrt(2 / 20000))
    np.testing.assert_array_equal(mixture.mean, MEAN)


def test_directions_keep_all_products() -> None:
    vectors = np.random.default_rng(0).standard_normal((3, 5))
    for covariances in ([None], [np.ones(5), None], [np.eye(5), np.ones(5)]):
        found = directions(vectors, covariances)
        np.testing.assert_allclose(found.basis.T @ found.basis, vectors @ vectors.T, atol=1e-14)
        counts = np.ones(len(found.basis)) if found.multiplicity is None else found.multiplicity
        assert counts.sum() == 5
        assert len({c.shape for c in found.covariances}) == 1
    few = directions([[2.0], [1.0]], [None], 10**12)
    assert few.basis.shape == (2, 2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"dimension is missing: .*mean"),
        ({"dimension": 6}, r"mean_norm is missing: .*mean"),
        ({"mean_norm": 1.0}, "dimension is missing"),
        ({"dimension": 6, "mean_norm": 1.0, "covariance": TOEPLITZ}, "covariance = .*together with mean"),
        ({"mean": MEAN, "mean_norm": 1.0}, "mean_norm = 1.0 .*left out"),
        ({"mean": MEAN, "dimension": 7}, "dimension = 7 .*6 as mean has it"),
        ({"mean": MEAN, "covariance": np.eye(5)}, r"covariance of shape = \(5, 5\)"),
        ({"mean": MEAN, "covariance": np.ones(5)}, r"covariance of shape = \(5,\)"),
        ({"mean": MEAN, "covariance": np.ones((6, 5))}, "covariance = "),
        ({"mean": MEAN, "covariance": TOEPLITZ + np.triu(np.ones((6, 6)))}, "covariance = .*symmetric"),
        ({"mean": MEAN, "covariance": TOEPLITZ - 0.5 * np.eye(6)}, "covariance = .*semi-definite"),
        ({"mean": MEAN, "covariance": np.array([1.0, 1, 1, 1, 1, -1e-9])}, "covariance = "),
        ({"mean": MEAN, "covariance": np.zeros((6, 6))}, "covariance = .*not zero"),
        ({"mean": MEAN, "covariance": np.ones((1, 6, 6))}, "covariance = "),
        ({"mean": MEAN, "covariance": [[1.0, 0.0], [0.0]]}, "covariance = "),
        ({"mean": MEAN, "covariance": 2.0}, "covariance = "),
        ({"mean": np.array([1.0, math.nan])}, "mean = "),
        ({"mean": np.ones((2, 2))}, "mean = "),
        ({"mean": "1,2"}, "mean = "),
    ],
)
def test_refusals_name_the_parameter(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=rf"\A{message}[^\n]*\Z"):
        noisy(**given)


@pytest.mark.parametrize("rank", [1, 40, 399])
def test_rounding_does_not_make_a_covariance_indefinite(rank: int) -> None:
    factors = np.random.default_rng(rank).standard_normal((400, rank)) * 1e-7
    assert is_covariance(factors @ factors.T)
    assert is_covariance(np.ones((400, 400)))
    assert is_covariance(np.zeros((3, 3)))
    assert not is_covariance(factors @ factors.T - 1e-19 * np.eye(400))


def test_command_line_takes_files_and_lists(tmp_path: Path) -> None:
    np.save(tmp_path / "mean.npy", MEAN)
    np.save(tmp_path / "C.npy", TOEPLITZ)
    words = ["samples=15", "ridge=0.2", "negative_fraction=0.3", "flip_positive=0.25", "flip_negative=0.125"]

    def typed(*more: str) -> Any:
        return build_model("noisy-labels", [*words, *more])

    mean, dense = ",".join(map(str, MEAN)), ";".join(",".join(map(str, row)) for row in TOEPLITZ)
    model = noisy(mean=MEAN, covariance=TOEPLITZ)
    assert typed(f"mean={tmp_path}/mean.npy", f"covariance={tmp_path}/C.npy") == model
    assert typed(f"mean={mean}", f"covariance={dense}") == model
    assert typed(f"mean={mean}", "covariance=1,2,1,1,1,3") == model.evolve(covariance=[1, 2, 1, 1, 1, 3])
    plain = noisy(dimension=6, mean_norm=1.0)
    assert typed("dimension=6", "mean_norm=1", "mean=none", "covariance=none") == plain != model
