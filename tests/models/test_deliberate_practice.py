"""Deliberate practice: verified values, an independent evaluation, the published formula, edges, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr, ndtri

from rmtcollapse import ParameterError, verify
from rmtcollapse.models import DeliberatePractice


def hard(**given: Any) -> DeliberatePractice:
    return DeliberatePractice(**{
        "dimension": 300, "samples": 4800, "ridge": 0.01, "pruner_cosine": 0.9, "keep_fraction": 0.5, **given,
    })  # fmt: skip


def test_verified_cases() -> None:
    assert hard().theory()["test_error"] == pytest.approx(0.05193952135353855, rel=1e-13)
    assert hard().published()["test_error"] == pytest.approx(0.10082876663533419, rel=1e-13)
    easy = hard(dimension=400, samples=2400, ridge=1e-6, pruner_cosine=0.6, keep_fraction=0.4, keep="easy")
    assert easy.theory()["test_error"] == pytest.approx(0.2022129736592968, rel=1e-12)
    assert easy.published()["test_error"] == pytest.approx(0.20105700843237845, rel=1e-12)


def independent(model: DeliberatePractice, sigma: float, ell: float, rho: float) -> float:
    """Error by quadrature of the moments, and the resolvent of one covariance in closed form."""
    p, phi, lam = model.keep_fraction, model.dimension / model.samples, model.ridge
    cut = ndtri((1 + p) / 2) if model.keep == "hard" else -ndtri(p / 2)
    ends = (0, cut) if model.keep == "hard" else (cut, 40)
    slope = rho / math.sqrt(1 - rho**2)

    def pdf(x: float) -> float:
        return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)

    def total(f: Any) -> float:
        return 2 * float(quad(lambda g: pdf(g) * f(g), *ends, epsabs=0, epsrel=1e-12, limit=400)[0])

    gamma = total(lambda g: g * g)
    along, across = total(lambda g: g * (2 * ndtr(slope * g) - 1)), total(lambda g: 2 * pdf(slope * g))
    kappa = ((lam + phi - p) + math.sqrt((lam + phi - p) ** 2 + 4 * lam * p)) / 2
    second, cross = np.array([gamma, p]), np.array([along, across])
    fit = cross / (second + kappa)
    h = p * phi / (p + kappa) ** 2
    noise = h / (p * (1 - h)) * (p - 2 * cross @ fit + second @ fit**2)
    toward = sigma * fit[0] + (ell - rho * sigma) / math.sqrt(1 - rho**2) * fit[1]
    return math.acos(toward / math.sqrt(fit @ fit + noise)) / math.pi


@pytest.mark.parametrize("keep", ["hard", "easy"])
@pytest.mark.parametrize("ridge", [0.0, 0.02, 3.0])
@pytest.mark.parametrize("samples", [200, 1500])
def test_independent_evaluation(keep: str, ridge: float, samples: int) -> None:
    model = hard(samples=samples, ridge=ridge, keep=keep, keep_fraction=0.3, pruner_cosine=-0.7)
    assert model.theory()["test_error"] == pytest.approx(independent(model, -0.7, 1.0, -0.7), rel=1e-9)
    told = model.evolve(label_cosine=0.8)
    assert told.theory()["test_error"] == pytest.approx(independent(told, -0.7, 0.8, -0.56), rel=1e-9)
    told = told.evolve(pruner_label_cosine=-0.3)
    assert told.theory()["test_error"] == pytest.approx(independent(told, -0.7, 0.8, -0.3), rel=1e-9)


def test_signs() -> None:
    error = hard().theory()["test_error"]
    assert hard(pruner_cosine=-0.9).theory()["test_error"] == pytest.approx(error, rel=1e-14)
    turned = hard(pruner_cosine=-0.9, label_cosine=-1.0, pruner_label_cosine=0.9).theory()
    assert turned["test_error"] == pytest.approx(1 - error, rel=1e-14)
    assert turned["margin_mean"] < 0
    assert hard(label_cosine=0.0).theory()["test_error"] == pytest.approx(0.5, rel=1e-13)


def test_where_all_are_kept_the_pruner_does_not_matter() -> None:
    errors = {hard(pruner_cosine=c, keep_fraction=1.0, keep=k).theory()["test_error"]
              for c in (-1.0, 0.0, 0.3, 1 - 1e-15, 1.0) for k in ("hard", "easy")}  # fmt: skip
    assert max(errors) == pytest.approx(min(errors), rel=1e-12)


@pytest.mark.parametrize("keep", ["hard", "easy"])
@pytest.mark.parametrize("cosine", [1.0, 1 - 1e-14, 0.999, -0.4])
@pytest.mark.parametrize("share", [1e-9, 1 - 1e-12])
def test_extreme_parameters_to_rounding(keep: str, cosine: float, share: float) -> None:
    ridge = 0.0 if share < 0.5 else 1e-7
    model = hard(samples=30_000, pruner_cosine=cosine, keep_fraction=share, keep=keep, ridge=ridge)
    found, exact = model.theory(), model.theory(digits=18)
    for name, value in found.items():
        assert value == pytest.approx(float(exact[name]), rel=1e-12), name


def test_interpolation_threshold() -> None:
    peak = hard(samples=600, ridge=0.0).theory()
    assert "threshold" in peak.status
    assert peak["test_error"] == 0.5
    assert peak["margin_variance"] == math.inf
    # 3/10 of 1,000 is 300 to rounding only.
    assert hard(samples=1000, keep_fraction=0.1 + 0.2, ridge=0.0).theory()["test_error"] == 0.5
    beside = [hard(samples=n, ridge=0.0).theory()["test_error"] for n in (400, 598, 602, 1200)]
    assert beside[0] < beside[1] > 0.45
    assert beside[3] < beside[2] > 0.45


@pytest.mark.parametrize(
    ("dimension", "cosine", "share", "error"),
    [(100, 0.99, 0.33, 0.0379), (500, 0.99, 0.76, 0.1604), (100, 0.6, 0.94, 0.0767)],
)
def test_best_keep_fraction(dimension: int, cosine: float, share: float, error: float) -> None:
    model = hard(dimension=dimension, samples=1000, ridge=1e-4, pruner_cosine=cosine)
    best = model.optimal_keep_fraction()
    assert best == pytest.approx(share, abs=0.006)
    least = model.evolve(keep_fraction=best).theory()["test_error"]
    assert least == pytest.approx(error, abs=6e-5)
    for step in (-0.01, 0.01):
        assert model.evolve(keep_fraction=best + step).theory()["test_error"] > least


def test_all_are_best_kept_where_the_pruner_knows_nothing() -> None:
    assert hard(pruner_cosine=0.0, keep="hard").optimal_keep_fraction() == 1.0


def test_published_formula_is_rejected_and_ours_is_not() -> None:
    model = hard(dimension=18, samples=288)
    assert verify(model, seed=1, trials=600, sizes=(1, 3)).passed
    judged = verify(model, theory=DeliberatePractice.published, seed=1, trials=80, sizes=(1, 3))
    assert not judged.passed
    assert abs(judged.rows[0].z) > 10


@pytest.mark.parametrize("given", [
    {"keep": "easy", "label_cosine": 0.8, "pruner_label_cosine": 0.5, "pruner_cosine": 0.7, "ridge": 0.1},
    {"samples": 150, "pruner_cosine": -0.5, "keep_fraction": 0.6, "label_cosine": 0.9},
])  # fmt: skip
@pytest.mark.parametrize("factor", [1, 2])
def test_experiment_agrees_with_the_theory(given: dict[str, Any], factor: int) -> None:
    model = hard(**{"dimension": 50, "samples": 400, **given}).resized(factor)
    theory, rng = model.theory(), np.random.default_rng(5)
    draws = [model.draw(rng) for _ in range(150)]
    for name in model.VALUES:
        sample = np.array([draw[name] for draw in draws])
        error = sample.std(ddof=1) / math.sqrt(len(sample))
        # Finite-size bias is of order 1/d.
        assert abs(sample.mean() - theory[name]) < 4 * error + abs(theory[name]) / model.dimension, name


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"pruner_cosine": 1.2}, "pruner_cosine"),
        ({"keep_fraction": 0.0}, "keep_fraction"),
        ({"keep": "Hard"}, "keep"),
        ({"label_cosine": 0.1, "pruner_label_cosine": 0.9}, "pruner_label_cosine = 0.9.*-0.34.*0.52"),
        ({"pruner_label_cosine": 0.5}, "give label_cosine"),
        ({"dimension": 1}, "dimension"),
        ({"dimension": 2, "label_cosine": 0.5}, "dimension"),
    ],
)
def test_bad_input_is_refused(bad: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        hard(**bad)
