"""Verified synthesis: verified values, an independent evaluation, general covariances, degenerate triples, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from rmtcollapse import ParameterError
from rmtcollapse.experiments.classification import Mixture, fit_classifier, flipped, score_values
from rmtcollapse.models import PrunedSynthetic, VerifiedSynthesis


def verified(**given: Any) -> VerifiedSynthesis:
    return VerifiedSynthesis(**{
        "dimension": 600, "samples": 600, "ridge": 0.05, "mean_norm": 1.5, "generator_cosine": 0.3,
        "verifier_cosine": 0.4, "generator_verifier_cosine": 0.1, **given,
    })  # fmt: skip


def test_verified_case() -> None:
    expected = {
        "accuracy": 0.7345289875755702, "keep_fraction": 0.6027736791126957, "keep_correct": 0.7438381260098491,
        "keep_wrong": 0.3115960838182086, "generator_error": 0.32635522028792, "proxy_threshold": 0.7047697706624735,
    }  # fmt: skip
    for name, value in expected.items():
        assert verified().theory()[name] == pytest.approx(value, rel=1e-14), name
    assert verified(samples=6 * 10**11, ridge=0.0).theory()["accuracy"] == pytest.approx(0.7869352346330236, abs=2e-9)
    alone = verified(verifier_cosine=0.3, generator_verifier_cosine=1.0)
    assert alone.theory()["accuracy"] == pytest.approx(0.6227056492169694, rel=1e-13)


def independent(model: VerifiedSynthesis) -> tuple[float, float]:
    """Accuracy and keep fraction by quadrature over the generator's score, and one resolvent in closed form."""
    cg, cv, r = model.generator_cosine, model.verifier_cosine, model.generator_verifier_cosine
    assert cg is not None
    assert cv is not None
    assert r is not None
    s = math.sqrt(1 - r * r)
    m = model.mean_norm * np.array([cg, (cv - r * cg) / s, 0.0])
    m[2] = math.sqrt(model.mean_norm**2 - m @ m)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    p, c, S = 0.0, np.zeros(3), np.zeros((3, 3))
    for sign in (1, -1):  # kept where x1 > 0 and r x1 + s x2 > 0, of normal rows around m and around -m
        mean = sign * m
        x = 6 * (nodes + 1) + max(mean[0] - 6, 0)
        w = 6 * weights * np.exp(-((x - mean[0]) ** 2) / 2) / math.sqrt(2 * math.pi)
        t = -x * r / s
        above, edge = ndtr(mean[1] - t), np.exp(-((t - mean[1]) ** 2) / 2) / math.sqrt(2 * math.pi)
        first = mean[1] * above + edge
        second = (1 + mean[1] ** 2) * above + (t + mean[1]) * edge
        p += w @ above
        moment = np.array([w @ (x * above), w @ first, mean[2] * (w @ above)])
        c += moment
        S[0, 0] += w @ (x * x * above)
        S[0, 1] += w @ (x * first)
        S[1, 1] += w @ second
        S[:2, 2] += mean[2] * moment[:2]
        S[2, 2] += (1 + mean[2] ** 2) * (w @ above)
    S = S + np.triu(S, 1).T
    phi, lam = (model.dimension or 0) / model.samples, model.ridge
    kappa = ((lam + phi - p) + math.sqrt((lam + phi - p) ** 2 + 4 * lam * p)) / 2
    fit = np.linalg.solve(S + kappa * np.eye(3), c)
    h = p * phi / (p + kappa) ** 2
    variance = fit @ fit + h / (p * (1 - h)) * (p - 2 * c @ fit + fit @ S @ fit)
    return float(ndtr(m @ fit / math.sqrt(variance))), float(p)


@pytest.mark.parametrize("cosines", [(0.3, 0.4, 0.1), (-0.5, 0.6, 0.2), (0.9, 0.8, 0.95), (0.2, 0.7, -0.4)])
@pytest.mark.parametrize(("samples", "ridge"), [(600, 0.05), (300, 0.0), (4000, 0.0), (900, 2.0)])
def test_independent_evaluation(cosines: tuple[float, float, float], samples: int, ridge: float) -> None:
    names = ("generator_cosine", "verifier_cosine", "generator_verifier_cosine")
    model = verified(samples=samples, ridge=ridge, **dict(zip(names, cosines, strict=True)))
    accuracy, kept = independent(model)
    found = model.theory()
    assert found["keep_fraction"] == pytest.approx(kept, rel=1e-11)
    assert found["accuracy"] == pytest.approx(accuracy, rel=1e-10)


@pytest.mark.parametrize("given", [
    {"generator_cosine": 1.0, "verifier_cosine": 0.4, "generator_verifier_cosine": 0.4},
    {"generator_cosine": 1.0, "verifier_cosine": -1.0, "generator_verifier_cosine": -1.0},
    {"generator_cosine": -0.6, "verifier_cosine": -0.6, "generator_verifier_cosine": 1.0},
    {"generator_cosine": 0.6, "verifier_cosine": 0.6, "generator_verifier_cosine": 1 - 1e-9},
    {"generator_cosine": 0.6, "verifier_cosine": -0.6, "generator_verifier_cosine": -1 + 1e-6},
    {"generator_cosine": 0.6, "verifier_cosine": 0.8, "generator_verifier_cosine": 0.0},
    {"mean_norm": 0.0},
    {"mean_norm": 6.0},
])  # fmt: skip
def test_degenerate_and_extreme_triples_to_rounding(given: dict[str, float]) -> None:
    model = verified(samples=100_000, ridge=1e-5, **given)
    found, exact = model.theory(), model.theory(digits=18)
    for name, value in found.items():
        assert value == pytest.approx(float(exact[name]), rel=1e-11), name


def test_a_verifier_that_contradicts_keeps_nothing() -> None:
    model = verified(generator_cosine=0.3, verifier_cosine=-0.3, generator_verifier_cosine=-1.0)
    found = model.theory()
    assert "nothing is kept" in found.status
    wrong = 0.5 * math.erfc(0.45 / math.sqrt(2))
    expected = {"accuracy": 0.5, "keep_fraction": 0.0, "keep_correct": 0.0, "keep_wrong": 0.0}
    assert dict(found) == pytest.approx({**expected, "generator_error": wrong, "proxy_threshold": wrong}, rel=1e-14)
    near = model.evolve(generator_verifier_cosine=-1 + 1e-7, mean_norm=1.5, generator_cosine=0.3).theory()
    assert near["accuracy"] == pytest.approx(0.5, abs=1e-3)


def test_signs_are_kept() -> None:
    right = verified().theory()["accuracy"]
    wrong = verified(generator_cosine=-0.3, verifier_cosine=-0.4).theory()["accuracy"]
    assert wrong == pytest.approx(1 - right, rel=1e-14)
    # Of two generators of the same error, the one on whose side the verifier errs is worse.
    assert verified(generator_verifier_cosine=0.9).theory()["accuracy"] < right


@pytest.mark.parametrize("both", [0.0, 0.6, -0.8])
@pytest.mark.parametrize(("samples", "ridge"), [(600, 0.05), (3000, 0.0), (200, 0.0)])
def test_at_the_proxy_threshold_the_classifier_guesses(both: float, samples: int, ridge: float) -> None:
    model = verified(
        samples=samples, ridge=ridge, generator_cosine=-0.3, verifier_cosine=0.3, generator_verifier_cosine=both
    )
    found = model.theory()
    assert found["generator_error"] == pytest.approx(found["proxy_threshold"], rel=1e-13)
    assert found["accuracy"] == pytest.approx(0.5, abs=1e-13)


def test_a_good_verifier_helps_and_many_rows_do_not_make_it_certain() -> None:
    best = verified(verifier_cosine=1.0, generator_verifier_cosine=0.3, samples=10**9, ridge=0.0).theory()
    assert verified().theory()["accuracy"] < best["accuracy"] < ndtr(1.5)
    assert best["generator_error"] < best["proxy_threshold"]


def linear(covariance: np.ndarray, mean: np.ndarray, **given: Any) -> VerifiedSynthesis:
    rng = np.random.default_rng(3)
    generator, verifier = mean + 0.4 * rng.standard_normal((2, len(mean)))
    return VerifiedSynthesis(**{
        "mean": mean, "covariance": covariance, "generator": generator, "verifier": verifier, "samples": 60,
        "ridge": 0.1, **given,
    })  # fmt: skip


def correlated(d: int) -> tuple[np.ndarray, np.ndarray]:
    i = np.arange(d)
    return 0.6 ** abs(i[:, None] - i), np.random.default_rng(2).standard_normal(d) * 1.3 / math.sqrt(d)


def test_vectors_and_cosines_agree() -> None:
    _, mean = correlated(24)
    model = linear(np.ones(24), mean)
    assert model.generator is not None
    assert model.verifier is not None
    unit = [x / np.linalg.norm(x) for x in (model.generator, model.verifier, mean)]
    cosines = {"generator_cosine": unit[0] @ unit[2], "verifier_cosine": unit[1] @ unit[2],
               "generator_verifier_cosine": unit[0] @ unit[1]}  # fmt: skip
    other = VerifiedSynthesis(mean=mean, samples=60, ridge=0.1, **cosines)
    norm = VerifiedSynthesis(dimension=24, mean_norm=float(np.linalg.norm(mean)), samples=60, ridge=0.1, **cosines)
    for found in (model.evolve(covariance=None), model.evolve(covariance=np.eye(24)), other, norm):
        assert dict(found.theory()) == pytest.approx(dict(model.theory()), rel=1e-12)


def test_without_a_ridge_coordinates_do_not_matter() -> None:
    covariance, mean = correlated(5)
    model = linear(covariance, mean, ridge=0.0)
    A = np.random.default_rng(1).standard_normal((5, 5)) + 3 * np.eye(5)
    back = np.linalg.inv(A).T
    moved = model.evolve(
        mean=A @ mean, covariance=A @ covariance @ A.T, generator=back @ model.generator, verifier=back @ model.verifier
    )
    assert dict(moved.theory()) == pytest.approx(dict(model.theory()), rel=1e-10)
    assert model.theory()["accuracy"] == pytest.approx(float(model.theory(digits=18)["accuracy"]), rel=1e-12)


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("kind", ["cosines", "covariance", "fewer rows"])
def test_experiment_agrees_with_the_theory(kind: str, factor: int) -> None:
    rows = 120 if kind == "covariance" else 40
    model = linear(*correlated(30), samples=rows) if kind != "cosines" else verified(dimension=60, samples=90)
    model = model.resized(factor)
    theory, rng = model.theory(), np.random.default_rng(7)
    draws = [model.draw(rng) for _ in range(100)]
    for name, value in theory.items():
        sample = np.array([draw[name] for draw in draws])
        error = sample.std(ddof=1) / math.sqrt(len(sample))
        assert abs(sample.mean() - value) < 4 * error + value / (30 * factor), name


def test_supervision_that_does_not_see_the_row_is_pruned_synthetic_data() -> None:
    share, error, correct, wrong = (0.7, 0.3), (0.1, 0.4), (0.9, 0.5), (0.3, 0.2)
    right = sum(q * (1 - e) * k for q, e, k in zip(share, error, correct, strict=True))
    false = sum(q * e * k for q, e, k in zip(share, error, wrong, strict=True))
    mean_error = share[0] * error[0] + share[1] * error[1]
    pruned = PrunedSynthetic(
        dimension=60, real_samples=0, synthetic_samples=240, ridge=0.1, mean_norm=1.2, label_error=mean_error,
        keep_correct=right / (1 - mean_error), keep_wrong=false / mean_error,
    )  # fmt: skip
    rng, found = np.random.default_rng(11), []
    mixture = Mixture(np.eye(60)[0] * 1.2, np.ones(60))
    for _ in range(150):
        y = np.where(rng.random(240) < share[0], 1.0, -1.0)
        x, of = mixture.draw(y, rng), (y < 0).astype(int)
        told = flipped(y, np.array(error)[of], rng)
        kept = rng.random(240) < np.where(told == y, np.array(correct)[of], np.array(wrong)[of])
        found.append(score_values(fit_classifier(x[kept], told[kept], 0.1, 240), mixture)["accuracy"])
    spread = np.std(found, ddof=1) / math.sqrt(150)
    assert abs(np.mean(found) - pruned.theory()["accuracy"]) < 4 * spread + 1 / 240


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"generator_cosine": 0.9, "verifier_cosine": 0.9, "generator_verifier_cosine": 0.0}, "= 0.0.*from 0.62 to 1"),
        ({"generator_verifier_cosine": 1.5}, "generator_verifier_cosine"),
        ({"generator_verifier_cosine": None}, "generator_verifier_cosine"),
        ({"dimension": 2}, "dimension"),
        ({"dimension": None}, "dimension"),
        ({"generator": np.ones(3)}, "generator_cosine"),
        ({"mean": np.ones(3), "mean_norm": None, "dimension": None, "covariance": np.eye(3)}, "covariance"),
    ],
)
def test_bad_input_is_refused(bad: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        verified(**bad)


def test_bad_vectors_are_refused() -> None:
    covariance, mean = correlated(4)
    with pytest.raises(ParameterError, match="verifier"):
        linear(covariance, mean, verifier=None)
    with pytest.raises(ParameterError, match="generator of shape"):
        linear(covariance, mean, generator=np.ones(3))
    with pytest.raises(ParameterError, match="not all zero"):
        linear(covariance, mean, generator=np.zeros(4))
    with pytest.raises(ParameterError, match="positive definite"):
        linear(np.diag([1.0, 1.0, 1.0, 0.0]), mean)
