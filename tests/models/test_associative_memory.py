"""A memory of limited dimension: the recorded value, every pair of tokens, scaling, the experiment, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import chi
from scipy.stats import t as student

from rmtcollapse import ConvergenceError, ParameterError, simulate, verify
from rmtcollapse.models import AssociativeMemory


def memory(**changes: Any) -> AssociativeMemory:
    return AssociativeMemory(**{"exponent": 1.5, "tokens": 150, "dimension": 40, **changes})


def test_recorded_value() -> None:
    # Where the recorded value counts a tie of 120 scores of zero as a guess, it is lower by 5e-13.
    assert memory(tail_cut=30).theory()["test_error"] == pytest.approx(0.2574639443092542, rel=1e-12, abs=0)


@pytest.mark.parametrize("weights", ["frequency", "uniform"])
@pytest.mark.parametrize(("dimension", "tokens"), [(1, 4), (3, 40), (20, 90)])
def test_every_pair_of_tokens(weights: str, dimension: int, tokens: int) -> None:
    model = memory(weights=weights, dimension=dimension, tokens=tokens, exponent=1.3)
    mass = np.arange(1.0, tokens + 1) ** -1.3
    mass /= mass.sum()
    strength = mass if weights == "frequency" else np.ones(tokens)

    def right(i: int) -> float:
        others = np.delete(strength, i)
        law = chi(dimension)
        low, high = law.ppf(1e-15), law.isf(1e-15)
        return float(quad(lambda r: law.pdf(r) * np.prod(ndtr(r * strength[i] / others)), low, high, epsabs=1e-13)[0])

    each = np.array([right(i) for i in range(tokens)])
    found = model.theory()
    assert found["test_error"] == pytest.approx(1 - mass @ each, rel=1e-10)
    assert found["learned_tokens"] == pytest.approx(each.sum(), rel=1e-10)


@pytest.mark.parametrize("dimension", [1, 2, 3, 10, 77, 500, 1000])
def test_two_equal_tokens_are_a_student_variable(dimension: int) -> None:
    r"""A key is mistaken where a normal variable exceeds R: t of d degrees beyond sqrt(d)."""
    found = AssociativeMemory(exponent=2.0, tokens=2, dimension=dimension, weights="uniform").theory()
    assert found["test_error"] == pytest.approx(student.sf(math.sqrt(dimension), dimension), rel=2e-11, abs=0)


def test_what_cannot_be_resolved_is_refused() -> None:
    with pytest.raises(ConvergenceError, match="below 1e-290"):
        memory(weights="uniform", dimension=10**6).theory()


def test_a_cut_loses_the_mass_beyond_it_and_less_interference() -> None:
    errors = {cut: memory(tail_cut=cut, dimension=8).theory()["test_error"] for cut in (1, 10, 50, 150)}
    mass = np.arange(1.0, 151) ** -1.5
    assert errors[1] == pytest.approx(1 - 1 / mass.sum(), rel=1e-13)
    assert memory(dimension=8).theory()["test_error"] == errors[150]
    assert errors[1] > errors[10] > errors[50]
    equal = [memory(tail_cut=cut, dimension=8, weights="uniform").theory()["test_error"] for cut in (10, 150)]
    assert equal[0] < equal[1]  # what is stored evenly interferes: a cut helps


def test_scaling_in_the_dimension() -> None:
    """Frequencies tell tokens apart up to rank d^{1/(2 beta)}; equal weights hold exponentially many."""
    low, high = (memory(exponent=2.0, tokens=10**5, dimension=d).theory() for d in (10**4, 10**6))
    assert math.log10(high["learned_tokens"] / low["learned_tokens"]) / 2 == pytest.approx(1 / 4, abs=0.02)
    assert math.log10(low["test_error"] / high["test_error"]) / 2 == pytest.approx(1 / 4, abs=0.03)
    assert memory(tokens=10**6, dimension=100, weights="uniform").theory()["test_error"] < 1e-3


@pytest.mark.parametrize("changes", [{}, {"tail_cut": 30}, {"weights": "uniform", "dimension": 6}])
def test_the_experiment_at_two_sizes(changes: dict[str, Any]) -> None:
    for model in (memory(**changes), memory(**{**changes, "tokens": 60})):
        measured, expected = simulate(model, 200, seed=4), model.theory()
        for name, value in expected.items():
            assert measured[name].standard_error < 0.08 * value
            assert abs(measured[name].mean - value) < 4 * measured[name].standard_error


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["frequency", "uniform"])
def test_verify_agrees(weights: str) -> None:
    verdict = verify(memory(weights=weights, dimension=10, tail_cut=60), sizes=(1, 2), trials=2000, seed=3)
    assert verdict.passed, verdict.report


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tail_cut": 151}, r"tail_cut = 151 .*at most the number of tokens \(150\)"),
        ({"tokens": 1}, r"tokens = 1 .*>= 2"),
        ({"dimension": 0}, "dimension = 0"),
        ({"exponent": 1.0}, r"exponent = 1\.0"),
        ({"weights": "frequencies"}, "did you mean 'frequency'"),
    ],
)
def test_refusals(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        memory(**changes)
