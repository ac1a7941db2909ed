"""Self-play: recorded values, regimes, histories, fits by another method, the experiment, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from rmtcollapse import ConvergenceError, ParameterError, simulate, sweep, verify
from rmtcollapse.experiments.preferences import fit_preferences
from rmtcollapse.models import SelfPlay

DATA, BASE = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.3, 0.4])


def play(regularization: float = 1.5, rounds: int = 3, **given: Any) -> SelfPlay:
    return SelfPlay(**{"data": DATA, "base": BASE, "regularization": regularization, "rounds": rounds, **given})


def contrast(policy: np.ndarray, first: int = 0, second: int = 1) -> float:
    return math.log(policy[first] / policy[second])


def test_recorded_values() -> None:
    data = [0.2682948151453146, 0.17718549332253214, 0.21192564875030837, 0.2683549032292038, 0.0742391395526412]
    base = [0.2563437005077598, 0.1702957373214181, 0.29765012780731925, 0.15741064653471135, 0.11829978782879144]
    policy = play(1.7, 4, data=data, base=base).theory()["policy"]
    assert contrast(policy) == pytest.approx(0.4147194623627148, rel=1e-14)
    assert contrast(play(1.5, 12).theory()["policy"]) == pytest.approx(0.2876802268485005, rel=1e-14)


def test_the_fit_of_preferences_is_a_minimum() -> None:
    def loss(h: np.ndarray) -> float:
        return float(np.sum(np.outer(DATA, BASE) * np.logaddexp(0, h - h[:, None])))

    found = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-9}).x
    score = fit_preferences(DATA, BASE)
    np.testing.assert_allclose(score, found - found.mean(), atol=1e-5)
    np.testing.assert_allclose(score - score[0], np.log(DATA / BASE) - math.log(4), atol=1e-10)


@pytest.mark.parametrize(("lam", "words", "stable"), [
    (3.0, "converged", 1), (1.0, "converged", 1), (0.7, "passes the fixed point", 1), (0.5, "unstable", 0),
    (0.3, "unstable", 0),
])  # fmt: skip
def test_regimes(lam: float, words: str, stable: int) -> None:
    theory = play(lam, 5).theory()
    assert words in theory.status
    assert theory["stable"] == stable
    assert theory["contraction"] == pytest.approx(abs(1 - 1 / lam), abs=1e-15)
    distances = [play(lam, t).theory()["divergence"] for t in (1, 2, 3)]
    assert (distances[2] < distances[0]) == (stable == 1) or lam in (0.5, 1.0)


@pytest.mark.parametrize("opponent", ["policy", "reference"])
def test_the_mixed_reference_has_the_stated_fixed_point(opponent: str) -> None:
    lam, a = 1.8, 0.3
    weight = 1 / (1 + a * lam) if opponent == "policy" else (1 / lam) / (1 - (1 - a) * (1 - 1 / lam))
    fixed = DATA**weight * BASE ** (1 - weight)
    policy = play(lam, 500, base_mixing=a, opponent=opponent).theory()["policy"]
    np.testing.assert_allclose(policy, fixed / fixed.sum(), rtol=1e-13)
    rate = 1 - a - 1 / lam if opponent == "policy" else (1 - a) * (1 - 1 / lam)
    start, later = (contrast(play(lam, t, base_mixing=a, opponent=opponent).theory()["policy"]) - contrast(fixed)
                    for t in (0, 3))  # fmt: skip
    assert later == pytest.approx(rate**3 * start, rel=1e-12)


@pytest.mark.parametrize("history", [1, 2, 3, 5])
def test_a_history_is_stable_above_its_threshold(history: int) -> None:
    edge = 1 / (history + 1)
    for factor, stable in ((1.02, 1), (0.98, 0)):
        model = play(edge * factor, 4000, history=history)
        theory = model.theory()
        assert theory["stable"] == stable
        assert (theory["contraction"] < 1) == bool(stable)
        assert (theory["divergence"] < 1e-6) == bool(stable)


@pytest.mark.parametrize("history", [1, 2, 3, 6])
def test_a_history_of_opponents_alone_destabilises(history: int) -> None:
    edge = 1 / (2 * history * math.sin(math.pi / (2 * history)) ** 2)
    for factor, stable in ((1.03, 1), (0.97, 0)):
        model = play(edge * factor, 3, history=history, opponent="history")
        theory = model.theory()
        assert theory["stable"] == stable
        assert (theory["contraction"] < 1) == bool(stable)
    assert edge == pytest.approx(0.5) or edge > 0.5 or history == 2


def test_the_whole_history_is_a_ratio_of_gamma_functions() -> None:
    lam = 0.4
    weights = [contrast(play(lam, t, history=None).theory()["policy"]) - contrast(DATA) for t in range(40)]
    averages = np.cumsum(weights) / np.arange(1, 41) / weights[0]
    for t in (1, 5, 39):
        expected = math.gamma(t + 2 - 1 / lam) / math.gamma(2 - 1 / lam) / math.gamma(t + 2)
        assert averages[t] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_diverging_rounds_end_on_one_side() -> None:
    theory = play(0.05, 2001).theory()
    assert theory["divergence"] == math.inf
    assert "exceeds the range" in theory.status
    np.testing.assert_array_equal(theory["policy"], [1, 0, 0, 0])
    np.testing.assert_array_equal(play(0.05, 2000).theory()["policy"], [0, 0, 0, 1])
    assert play(0.05, 2001, base=DATA).theory()["divergence"] < 1e-30


@pytest.mark.parametrize("given", [{}, {"history": 3}, {"history": None}, {"base_mixing": 0.4},
                                   {"base_mixing": 0.4, "opponent": "reference"},
                                   {"history": 2, "opponent": "history"}])  # fmt: skip
def test_random_laws_against_mpmath(given: dict[str, Any]) -> None:
    rng = np.random.default_rng(8)
    for _ in range(4):
        laws = rng.dirichlet(np.ones(5), 2)
        model = play(float(10 ** rng.uniform(-0.4, 1)), int(rng.integers(0, 7)), data=laws[0], base=laws[1], **given)
        theory, reference = model.theory(), model.theory(digits=25)
        np.testing.assert_allclose(theory["policy"], reference["policy"].astype(float), rtol=1e-12)
        for name in ("divergence", "contraction"):
            assert theory[name] == pytest.approx(float(reference[name]), rel=1e-10, abs=1e-300)


def test_the_variance_of_a_contrast() -> None:
    for samples in (1000, 4000):
        model = play(1.5, 4, samples=samples)
        drawn = simulate(model, 300, seed=4).draws["policy"]
        found = np.log(drawn[:, 0] / drawn[:, 1]).var(ddof=1)
        assert found == pytest.approx(model.contrast_variance(0, 1), rel=5 * math.sqrt(2 / 300))
    with pytest.raises(ParameterError, match="second = 4"):
        play().contrast_variance(0, 4)
    with pytest.raises(ParameterError, match="history"):
        play(history=2).contrast_variance(0, 1)


@pytest.mark.parametrize("given", [{"base_mixing": 0.3, "opponent": "reference"}, {"history": None},
                                   {"history": 2, "opponent": "history"}])  # fmt: skip
def test_the_verdict(given: dict[str, Any]) -> None:
    model = play(1.5, 2, samples=1000, **given)
    assert verify(model, trials=100)["policy[0]"].passed
    wrong = verify(model, lambda m: {"policy": m.evolve(rounds=1).theory()["policy"]}, trials=100)
    assert not wrong.passed


def test_answers_that_are_not_drawn_are_a_failure_with_advice() -> None:
    with pytest.raises(ConvergenceError, match="more samples"):
        play(0.2, 6, samples=20).draw(np.random.default_rng(0))


def test_a_sweep_has_a_policy_in_every_cell() -> None:
    found = sweep(play(), regularization=[0.4, 1.0, 2.0], rounds=[0, 1])
    assert found["policy"].shape == (3, 2, 4)
    np.testing.assert_allclose(found["policy"].values[1, 1], DATA, rtol=1e-14)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": [0.5, 0.5, 0.0, 0.0]}, "data = .* positive numbers"),
        ({"base": [0.5, 0.5]}, r"base of shape = \(2,\) .*shape \(4,\)"),
        ({"base": [0.3, 0.3, 0.3, 0.3]}, "the sum of base = 1.2"),
        ({"regularization": 0.0}, "regularization = 0.0"),
        ({"rounds": -1}, "rounds = -1"),
        ({"base_mixing": 1.2}, "base_mixing = 1.2"),
        ({"history": 0}, "history = 0"),
        ({"history": 10**6}, "history = 1000000"),
        ({"opponent": "policies"}, "did you mean 'policy'"),
    ],
)
def test_bad_input_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        play(**change)
