"""Tilted policies: closed forms, the frontier, extremes, finite samples, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rmtcollapse import ParameterError, simulate, verify
from rmtcollapse.models import TiltedPolicy

BASE, REWARD = np.array([0.1, 0.2, 0.3, 0.4]), np.array([1.0, -0.5, 0.3, 0.2])


def tilted(temperature: float = 0.7, **given: Any) -> TiltedPolicy:
    return TiltedPolicy(**{"base": BASE, "reward": REWARD, "temperature": temperature, **given})


def test_the_policy_is_the_best_at_its_divergence() -> None:
    theory = tilted().theory()
    rng = np.random.default_rng(0)
    value = theory["reward_mean"] - 0.7 * theory["divergence"]
    for other in rng.dirichlet(np.full(4, 0.7), 300):
        assert other @ REWARD - 0.7 * np.sum(other * np.log(other / BASE)) <= value + 1e-15
    assert value == pytest.approx(0.7 * math.log(BASE @ np.exp(REWARD / 0.7)), rel=1e-13)


def test_the_slope_of_the_frontier_is_the_temperature() -> None:
    near, far = (tilted(0.7 * (1 + h)).theory() for h in (-1e-4, 1e-4))
    slope = (near["reward_mean"] - far["reward_mean"]) / (near["divergence"] - far["divergence"])
    assert slope == pytest.approx(0.7, rel=1e-6)


def test_rounds_are_temperatures() -> None:
    for rounds in (0, 1, 2, 5):
        one, many = tilted(0.7 / rounds if rounds else 1.0, rounds=min(rounds, 1)), tilted(rounds=rounds)
        np.testing.assert_allclose(one.theory()["policy"], many.theory()["policy"], rtol=1e-14)
    assert tilted(rounds=0).theory()["divergence"] == 0


@pytest.mark.parametrize("temperature", [1e-3, 0.02, 1.0, 50.0, 1e6, 1e12])
def test_against_mpmath_at_all_temperatures(temperature: float) -> None:
    theory, reference = tilted(temperature).theory(), tilted(temperature).theory(digits=30)
    seen = theory["policy"] > 1e-290
    np.testing.assert_allclose(theory["policy"][seen], reference["policy"].astype(float)[seen], rtol=1e-12)
    for name in ("reward_mean", "divergence"):
        assert theory[name] == pytest.approx(float(reference[name]), rel=1e-12)


def test_a_weak_tilt_is_half_the_variance_of_the_reward() -> None:
    variance = BASE @ REWARD**2 - (BASE @ REWARD) ** 2
    assert tilted(1e9).theory()["divergence"] == pytest.approx(variance / 2e18, rel=1e-8)


def test_an_infinitely_strong_tilt_is_the_base_on_the_best_answers() -> None:
    theory = tilted(1e-310, reward=[1.0, 0.0, 0.5, 1.0]).theory()
    np.testing.assert_allclose(theory["policy"], [0.2, 0, 0, 0.8], rtol=1e-14)
    assert theory["divergence"] == pytest.approx(-math.log(0.5), rel=1e-14)
    assert "largest reward" in theory.status


def test_answers_that_the_base_never_gives_stay_out() -> None:
    theory = tilted(base=[0.0, 0.25, 0.25, 0.5]).theory()
    reference = tilted(base=[0.25, 0.25, 0.5], reward=REWARD[1:]).theory()
    assert theory["policy"][0] == 0
    np.testing.assert_allclose(theory["policy"][1:], reference["policy"], rtol=1e-14)
    assert theory["divergence"] == pytest.approx(reference["divergence"], rel=1e-14)


def test_the_error_of_finite_samples() -> None:
    for samples in (500, 2000):
        model = tilted(rounds=3, samples=samples)
        drawn = simulate(model, 1500, seed=5).draws["reward_mean"]
        assert drawn.var(ddof=1) == pytest.approx(model.reward_variance(), rel=5 * math.sqrt(2 / 1500))


def test_the_verdict() -> None:
    model = tilted(samples=400)
    assert verify(model, trials=500).passed
    assert not verify(model, {"divergence": 1.2 * model.theory()["divergence"]}, trials=500).passed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"temperature": 0.0}, "temperature = 0.0"),
        ({"reward": [1.0, 2.0]}, r"reward of shape = \(2,\) .*shape \(4,\), as base has it"),
        ({"reward": [0.0, -math.inf, 1.0, 1.0]}, "reward = .*finite numbers"),
        ({"base": [0.5, 0.6, -0.1, 0.0]}, "base = .*non-negative"),
        ({"base": [0.5, 0.4, 0.05, 0.0]}, r"the sum of base = 0\.95"),
        ({"rounds": 1.5}, "rounds = 1.5"),
    ],
)
def test_bad_input_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        tilted(**change)
