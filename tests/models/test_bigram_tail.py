"""Bigrams with heavy tails: sums from the definition, identities, scaling laws, the experiment, refusals."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from scipy.stats import binom

from rmtcollapse import ConvergenceError, ParameterError, simulate, sweep, verify
from rmtcollapse.models import BigramTail, HeavyTail


def bigram(**changes: Any) -> BigramTail:
    return BigramTail(**{"exponent": 1.5, "samples": 100, **changes})


def law(exponent: float, last: int) -> np.ndarray:
    mass = np.arange(1.0, last + 1) ** -exponent
    return mass / mass.sum()


# ---- values ------------------------------------------------------------------------------------------------------


def from_the_definition(exponent: float, contexts: int, tokens: int, samples: int) -> tuple[Any, Any]:
    """Both values in mpmath: every count of every context, and every count of every token after it."""

    def chances(size: int, p: Any) -> list[Any]:
        return [mp.binomial(size, x) * p**x * (1 - p) ** (size - x) for x in range(size + 1)]

    def powers(last: int) -> list[Any]:
        weights = [mp.mpf(i) ** -mp.mpf(exponent) for i in range(1, last + 1)]
        return [w / mp.fsum(weights) for w in weights]

    following = powers(tokens)
    rows = [mp.mpf(1)]
    for n in range(1, samples + 1):
        each = [mp.fsum(abs(mp.mpf(x) / n - p) * c for x, c in enumerate(chances(n, p))) for p in following]
        rows.append(mp.fsum(each) / 2)
    return mp.fsum(p * mp.fdot(chances(samples, p), rows) for p in powers(contexts)), rows[-1]


@pytest.mark.parametrize(
    ("exponent", "contexts", "tokens", "samples"),
    [(1.5, 5, 4, 30), (1.0001, 9, 3, 12), (3.0, 2, 7, 25), (40.0, 2, 2, 9), (2.2, 40, 2, 3), (1.3, 1, 12, 20)],
)
def test_values_from_the_definition(exponent: float, contexts: int, tokens: int, samples: int) -> None:
    with mp.workdps(60):
        expected = from_the_definition(exponent, contexts, tokens, samples)
    model = bigram(exponent=exponent, contexts=contexts, tail_cut=tokens, samples=samples)
    for found, digits in ((model.theory(), 1e-13), (model.theory(digits=20), 1e-19)):
        for name, value in zip(model.VALUES, expected, strict=True):
            assert abs(found[name] - value) <= digits * value, name


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"contexts": 60},
        {"tail_cut": 30, "exponent": 1.1},
        {"exponent": 2.5, "samples": 150},
        {"exponent": 1.01, "samples": 40},
        {"exponent": 100.0, "samples": 2},
    ],
)
def test_infinitely_many_in_mpmath(changes: dict[str, Any]) -> None:
    model = bigram(**changes)
    exact = model.theory(digits=25)
    for name, value in model.theory().items():
        assert abs(value - exact[name]) <= 2e-14 * exact[name], name


@pytest.mark.parametrize(("exponent", "contexts", "tokens", "samples"), [(1.2, 4, 5, 20_000), (1.7, 1500, 3, 3000)])
def test_many_bigrams_count_by_count(exponent: float, contexts: int, tokens: int, samples: int) -> None:
    """With de Moivre's formula at every count from another library; contexts are taken one by one."""
    n = np.arange(1, samples + 1.0)
    rows = np.zeros(samples + 1)
    rows[0] = 1
    for p in law(exponent, tokens):
        mode = np.floor(n * p) + 1
        rows[1:] += mode * (1 - p) * binom.pmf(mode, n, p) / n
    counts = np.arange(samples + 1)
    expected = sum(p * (binom.pmf(counts, samples, p) @ rows) for p in law(exponent, contexts))
    found = bigram(exponent=exponent, contexts=contexts, tail_cut=tokens, samples=samples).theory()
    assert found["test_error"] == pytest.approx(expected, rel=1e-12, abs=0)
    assert found["single_row_error"] == pytest.approx(rows[-1], rel=1e-12, abs=0)


def test_a_row_of_a_million_draws_in_mpmath() -> None:
    n = 10**6
    with mp.workdps(30):
        weights = [mp.mpf(j) ** -1.5 for j in range(1, 301)]
        each = [w / mp.fsum(weights) for w in weights]
        modes = [mp.floor(n * p) + 1 for p in each]
        expected = mp.fsum(
            v * mp.binomial(n, v) * p**v * (1 - p) ** (n - v + 1) for v, p in zip(modes, each, strict=True)
        )
    found = bigram(contexts=1, tail_cut=300, samples=n).theory()
    assert found["single_row_error"] == pytest.approx(float(expected / n), rel=1e-13, abs=0)


# ---- identities --------------------------------------------------------------------------------------------------


def test_nothing_seen_and_nothing_to_learn() -> None:
    assert dict(bigram(samples=0).theory()) == {"test_error": 1.0, "single_row_error": 1.0}
    assert dict(bigram(contexts=1, tail_cut=1).theory()) == {"test_error": 0.0, "single_row_error": 0.0}


def test_one_bigram_is_two_collisions() -> None:
    """One draw is right by the chance that another draw is the same: of the context, and of the token."""
    found = bigram(samples=1, exponent=2.0).theory()
    same = float(mp.zeta(4) / mp.zeta(2) ** 2)
    assert found["test_error"] == pytest.approx(1 - same**2, rel=1e-15)
    assert found["single_row_error"] == pytest.approx(1 - same, rel=1e-15)


@pytest.mark.parametrize(("exponent", "samples"), [(1.5, 1000), (1.1, 10), (3.0, 50_000)])
def test_one_token_leaves_the_contexts_that_are_not_seen(exponent: float, samples: int) -> None:
    found = bigram(exponent=exponent, samples=samples, tail_cut=1).theory()
    unseen = HeavyTail(exponent=exponent, samples=samples).theory()["test_error"]
    assert found["test_error"] == pytest.approx(unseen, rel=1e-13, abs=0)
    assert found["single_row_error"] == 0.0


def test_one_context_is_one_row() -> None:
    found = bigram(contexts=1, samples=3000).theory()
    assert found["test_error"] == pytest.approx(found["single_row_error"], rel=1e-14, abs=0)


def test_what_is_not_known_in_floating_point_is_refused() -> None:
    with pytest.raises(ConvergenceError, match="below 1e-290"):
        bigram(contexts=2, tail_cut=1, samples=10**5).theory()


# ---- scaling -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("exponent", "first", "slope"), [(1.5, 50_000, 0.318), (3.0, 10_000, 0.481)])
def test_slopes_of_one_row(exponent: float, first: int, slope: float) -> None:
    """Up to 100,000 draws, near the limit, which is reached slowly."""
    low, high = (
        bigram(exponent=exponent, contexts=1, samples=n).theory()["single_row_error"] for n in (first, 100_000)
    )
    found = math.log(low / high) / math.log(100_000 / first)
    assert found == pytest.approx(slope, abs=5e-4)
    assert 0 < bigram(exponent=exponent).exponents()["single_row_rate"] - found < 0.02


@pytest.mark.parametrize(("exponent", "corrected"), [(1.4, True), (3.0, False)])
def test_slopes_over_contexts(exponent: float, corrected: bool) -> None:
    """The same rate over contexts; up to an exponent of 2 times a logarithm, which adds 1/log T to the slope or so."""
    sizes = (20_000, 200_000)
    low, high = (bigram(exponent=exponent, samples=n).theory()["test_error"] for n in sizes)
    found = math.log10(low / high)
    rate = bigram(exponent=exponent).exponents()["test_rate"]
    if corrected:
        assert 0 < rate - found < 1.5 / math.log(sizes[0])
    else:
        assert found == pytest.approx(rate, abs=0.05)


# ---- experiment --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes", [{}, {"contexts": 20, "tail_cut": 30}, {"tail_cut": 4, "exponent": 1.2}, {"exponent": 3.0}]
)
def test_the_experiment_at_two_sizes(changes: dict[str, Any]) -> None:
    for samples in (40, 240):
        model = bigram(**{**changes, "samples": samples})
        measured, expected = simulate(model, 150, seed=6), model.theory()
        for name, value in expected.items():
            assert measured[name].standard_error < 0.05 * value
            assert abs(measured[name].mean - value) < 4 * measured[name].standard_error, name


@pytest.mark.slow
def test_verify_agrees() -> None:
    verdict = verify(bigram(contexts=40, tail_cut=25), sizes=(1, 2), trials=1000, seed=3)
    assert verdict.passed, verdict.report


def test_sweeps_and_exact_value() -> None:
    found = sweep(bigram(contexts=10, tail_cut=5), samples=[10, 20])
    one = bigram(contexts=10, tail_cut=5, samples=20)
    assert float(found["test_error"][1]) == one.theory()["test_error"] == one.exact()["test_error"]


# ---- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": 1_000_001}, "samples = 1000001 .*from 0 to 1000000"),
        ({"samples": -1}, "samples = -1 .*>= 0"),
        ({"contexts": 0}, "contexts = 0 .*>= 1"),
        ({"tail_cut": 0}, "tail_cut = 0 .*>= 1"),
        ({"tail_cut": 2.0}, r"tail_cut = 2\.0"),
        ({"exponent": 1.0}, r"exponent = 1\.0"),
        ({"exponent": 100.5}, r"exponent = 100\.5"),
        ({"tokens": 5}, "tokens"),
    ],
)
def test_refusals(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        bigram(**changes)
