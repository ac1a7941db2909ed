"""Recursive Gaussians: recorded values, conserved variance, integrals, the experiment, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rmtcollapse import NoExactValueError, ParameterError, simulate, verify
from rmtcollapse.models import GaussianRecursion
from rmtcollapse.models._log_variance import log_chi_square, pooled_logs

WORKFLOWS = ("replace", "accumulate", "fresh")


def recursion(samples: int = 10, generations: int = 20, **given: Any) -> GaussianRecursion:
    return GaussianRecursion(samples=samples, generations=generations, **given)


def test_recorded_values() -> None:
    theory = recursion().theory()
    assert theory["expected_variance"] == pytest.approx(0.12157665459056935, rel=1e-14)
    assert theory["mean_squared_drift"] == pytest.approx(0.8784233454094307, rel=1e-14)


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_total_variance_is_conserved(workflow: str) -> None:
    for samples in (1, 2, 7, 10**6):
        for t in (0, 1, 2, 50):
            for a in (0.0, 0.3, 1.0) if workflow == "fresh" else (0.0,):
                theory = recursion(samples, t, workflow=workflow, real_fraction=a).theory()
                total = theory["expected_variance"] + theory["mean_squared_drift"]
                assert total == pytest.approx(1, rel=1e-14)


def test_accumulated_variance_tends_to_a_sine() -> None:
    x = math.pi / math.sqrt(9)
    theory = recursion(9, 4000, workflow="accumulate").theory()
    assert theory["expected_variance"] == pytest.approx(math.sin(x) / x, rel=1e-4)


def test_fresh_data_bound_the_drift() -> None:
    theory = recursion(20, 10**9, workflow="fresh", real_fraction=0.25).theory()
    assert theory["mean_squared_drift"] == pytest.approx(1 / 20 / (1 - 0.75 * (0.75 - 1 / 20)), rel=1e-14)


@pytest.mark.parametrize("estimator", ["mle", "unbiased"])
def test_fresh_data_at_both_ends(estimator: str) -> None:
    none = recursion(workflow="fresh", estimator=estimator).theory()
    assert dict(none) == dict(recursion(estimator=estimator).theory())
    full, once = (recursion(6, t, workflow=w, real_fraction=a, estimator=estimator).theory()
                  for t, w, a in ((9, "fresh", 1.0), (1, "replace", 0.0)))  # fmt: skip
    for name in full:
        assert full[name] == pytest.approx(once[name], rel=1e-14)


def test_unbiased_variances_step_by_step() -> None:
    """Second moments of a pool and of its mean, carried along."""
    n, pool, drift, variance = 5, 1.0, 0.0, 1.0
    for t in range(1, 7):
        drift_next = drift + variance / (n * t**2)
        pool = ((t - 1) * pool + variance + drift) / t
        drift, variance = drift_next, n * t / (n * t - 1) * (pool - drift_next)
        theory = recursion(n, t, workflow="accumulate", estimator="unbiased").theory()
        assert theory["expected_variance"] == pytest.approx(variance, rel=1e-14)
        assert theory["mean_squared_drift"] == pytest.approx(drift, rel=1e-14)


def test_logarithms_against_mpmath() -> None:
    import mpmath as mp

    for freedom in (1, 2, 5, 39, 40, 41, 1000, 10**9):
        with mp.workdps(40):
            exact = mp.digamma(mp.mpf(freedom) / 2) - mp.log(mp.mpf(freedom) / 2)
        assert log_chi_square(freedom) == pytest.approx(float(exact), rel=2e-14)
    for samples, generations, spare in ((2, 3, 1), (7, 5, 0), (10**7, 2, 0)):
        model = recursion(max(samples, 2), generations, workflow="accumulate", estimator="unbiased" if spare else "mle")
        reference = model.theory(digits=20)["expected_log_variance"]
        assert model.theory()["expected_log_variance"] == pytest.approx(float(reference), rel=1e-12)
        assert pooled_logs(samples, generations, spare) < 0


def test_one_sample_has_no_spread() -> None:
    for workflow in ("replace", "accumulate"):
        theory = recursion(1, 3, workflow=workflow).theory()
        assert theory["expected_variance"] == 0
        assert theory["expected_log_variance"] == -math.inf
        assert "no spread" in theory.status
    with pytest.raises(ParameterError, match=r"samples = 1 .*unbiased"):
        recursion(1, 3, estimator="unbiased")


def test_unbiased_replacement_drifts_for_ever() -> None:
    theory = recursion(estimator="unbiased").theory()
    assert theory["expected_variance"] == 1
    assert theory["mean_squared_drift"] == 2
    assert theory["expected_log_variance"] < -2
    assert "without limit" in theory.status


@pytest.mark.parametrize("estimator", ["mle", "unbiased"])
@pytest.mark.parametrize(("workflow", "a"), [("replace", 0.0), ("accumulate", 0.0), ("fresh", 0.5)])
def test_the_experiment_agrees(workflow: str, a: float, estimator: str) -> None:
    for samples in (8, 40):
        model = recursion(samples, 4, workflow=workflow, real_fraction=a, estimator=estimator)
        theory, found = model.theory(), simulate(model, 150, seed=1)
        for name, estimate in found.items():
            leading = 4 / samples**2 * (name == "expected_log_variance" and a > 0)
            assert abs(estimate.mean - theory[name]) <= 4.5 * estimate.standard_error + leading, name


def test_the_leading_order_says_so() -> None:
    model = recursion(workflow="fresh", real_fraction=0.5)
    assert "leading order" in model.theory().status
    with pytest.raises(NoExactValueError, match="leading order"):
        model.exact()
    assert model.evolve(generations=1).theory().status == "converged"


def test_the_verdict_rejects_a_wrong_theory() -> None:
    model = recursion(12, 3)
    assert verify(model, trials=250).passed
    assert not verify(model, lambda m: {"expected_variance": (1 - 1 / (m.samples - 1)) ** 3}, trials=250).passed


def test_real_draws_must_be_whole_to_be_drawn() -> None:
    model = recursion(10, 2, workflow="fresh", real_fraction=0.25)
    assert 0 < model.theory()["mean_squared_drift"] < 1
    with pytest.raises(ParameterError, match=r"real_fraction = 0.25 .*whole number of the 10"):
        model.draw(np.random.default_rng(0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"real_fraction": 0.5}, r"real_fraction = 0.5 .*0 where workflow is not fresh"),
        ({"workflow": "fresh", "real_fraction": 1.5}, "real_fraction = 1.5"),
        ({"workflow": "replaced"}, "did you mean 'replace'"),
        ({"samples": 0}, "samples = 0"),
        ({"estimator": "ml"}, "did you mean 'mle'"),
    ],
)
def test_bad_input_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        recursion(**change)
