"""Recursive categorical laws: recorded values, a plain chain as judge, identities, limits, the experiment, refusals."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from scipy.special import gammaln

from rmtcollapse import NoExactValueError, ParameterError, simulate, sweep, verify
from rmtcollapse.models import CategoricalRecursion
from rmtcollapse.models import _ancestors as ancestors
from rmtcollapse.models import _categorical_values as categorical
from rmtcollapse.models._count_chain import binomial_rows, transitions
from rmtcollapse.models._vocabulary import Tokens

EPS = float(np.finfo(float).eps)


def zipf(tokens: int, exponent: float = 1.0) -> np.ndarray:
    p = np.arange(1.0, tokens + 1) ** -exponent
    return p / p.sum()


def recursion(
    law: Any = (0.5, 0.3, 0.2), generations: int = 4, synthetic: int = 9, **given: Any
) -> CategoricalRecursion:
    return CategoricalRecursion(
        probabilities=np.asarray(law), generations=generations, synthetic_samples=synthetic, **given
    )


def binomial(draws: int, p: np.ndarray) -> np.ndarray:
    """Binomial laws by logarithms of gamma functions."""
    x, p = np.arange(draws + 1), np.clip(np.atleast_1d(p), 1e-300, 1 - 1e-16)[:, None]
    choose = gammaln(draws + 1) - gammaln(x + 1) - gammaln(draws - x + 1)
    return np.exp(choose + x * np.log(p) + (draws - x) * np.log1p(-p))


# ---- values ------------------------------------------------------------------------------------------------------


def test_recorded_values() -> None:
    alone = recursion(zipf(10), 30, 50).theory()
    assert alone["collision_probability"] == pytest.approx(0.5530572683712468, rel=1e-14)
    assert recursion(zipf(10), 3, 40).theory()["expected_collapse_time"] == pytest.approx(70.13079667875924, rel=1e-13)
    mixed = {"law": zipf(8), "generations": 12, "synthetic": 90, "real_samples": 60}
    fixed, fresh = (recursion(**mixed, real_data=data).theory() for data in ("fixed", "fresh"))
    assert fixed["squared_distance"] == pytest.approx(0.018065024920508464, rel=1e-14)
    assert fresh["squared_distance"] == pytest.approx(0.00821145890052266, rel=1e-14)


def test_distance_from_the_real_draws_that_were_made() -> None:
    """Recorded for one first sample: a chain that starts there, from its definition."""
    first = np.array([17, 10, 11, 7, 2, 5, 4, 4]) / 60
    total = 0.0
    for k in (first * 60).round().astype(int):
        law = np.zeros(91)
        law = binomial_rows(90, np.array([k / 60]), np.array([1 - k / 60]))[0]
        for _ in range(10):
            law = law @ transitions(150, 90)[k : k + 91]
        total += float(law @ abs(k + np.arange(91) - 2.5 * k)) / 150
    assert total == pytest.approx(0.15559889362864138, rel=1e-12)


@pytest.mark.parametrize(("draws", "generations"), [(1, 1), (1, 5), (2, 3), (7, 1), (30, 2), (30, 25), (60, 400)])
def test_a_plain_chain_agrees(draws: int, generations: int) -> None:
    """Transition matrices by gamma functions, a linear solve for the time: none of it is in the package."""
    p = zipf(6, 1.3)
    chain = binomial(draws, np.arange(draws + 1) / draws)
    laws = binomial(draws, p) @ np.linalg.matrix_power(chain, generations - 1)
    y = np.arange(draws + 1) / draws
    inner = slice(1, draws)
    waits = np.zeros(draws + 1)
    waits[inner] = np.linalg.solve(np.eye(max(draws - 1, 0)) - chain[inner, inner], y[inner])
    found = recursion(p, generations, draws).theory()
    assert found["surviving_tokens"] == pytest.approx(laws[:, 1:].sum(), rel=1e-11)
    assert found["collapse_probability"] == pytest.approx(laws[:, -1].sum(), rel=1e-10)
    assert found["absolute_distance"] == pytest.approx(np.sum(laws * abs(y - p[:, None])), rel=1e-11)
    assert found["expected_collapse_time"] == pytest.approx(1 + np.sum(binomial(draws, p) @ waits), rel=1e-11)
    assert found["collision_probability"] == pytest.approx(np.sum(laws @ y**2), rel=1e-11)


def test_eigenvalues_of_the_chain() -> None:
    found = np.sort(np.linalg.eigvals(transitions(20, 20)).real)[::-1]
    expected = np.cumprod(np.r_[1.0, 1.0, 1 - np.arange(1, 20) / 20])
    np.testing.assert_allclose(found[:12], expected[:12], rtol=1e-8)


def test_collapse_is_between_its_bounds() -> None:
    for p in (zipf(4), zipf(60), np.full(5, 0.2)):
        for draws in (5, 20, 80):
            for m in (1, 5, 40, 200):
                theory = recursion(p, m, draws).theory()
                unlike, left = 1 - theory["collision_probability"], 1 - theory["collapse_probability"]
                assert unlike / (1 - 1 / min(len(p), draws)) <= left * (1 + 1e-9) + 8 * EPS
                assert left <= unlike * draws**2 / (2 * (draws - 1)) * (1 + 1e-9) + 8 * EPS
                assert theory["absolute_distance"] ** 2 <= len(p) * theory["squared_distance"] * (1 + 1e-12)


@pytest.mark.parametrize(
    "given", [{}, {"real_samples": 5, "real_data": "fixed"}, {"real_samples": 5, "real_data": "fresh"}]
)
def test_total_variance_is_conserved(given: dict[str, Any]) -> None:
    for m in (0, 1, 2, 17, 10**6):
        theory = recursion(zipf(9), m, 6, **given).theory()
        lost = theory["squared_distance"] + 1 - theory["collision_probability"]
        assert lost == pytest.approx(1 - np.sum(zipf(9) ** 2), rel=1e-14)


def test_no_real_or_no_synthetic_data_are_limits() -> None:
    alone = recursion()
    for data in ("fixed", "fresh"):
        assert dict(recursion(real_samples=0, real_data=data).theory()) == dict(alone.theory())
        real = recursion(synthetic=0, real_samples=7, real_data=data).theory()
        assert real["squared_distance"] == pytest.approx((1 - 0.38) / 7, rel=1e-15)
        once = recursion(generations=1, synthetic=7).theory()
        for name in ("absolute_distance", "surviving_tokens", "collapse_probability"):
            assert real[name] == pytest.approx(once[name], rel=1e-14)
    many = recursion(zipf(5), 200, 10**9, real_samples=20, real_data="fixed").theory()
    s = np.sum(zipf(5) ** 2)
    assert many["squared_distance"] == pytest.approx((1 - s) * (1 / 20 + (1 - 1 / 20) / 41 * 0), rel=1e-2)
    settled = recursion(zipf(5), 10**12, 10**9, real_samples=20, real_data="fixed").theory()
    assert settled["squared_distance"] == pytest.approx((1 - s) * (1 / 20 + (1 - 1 / 20) / 41), rel=1e-6)


def test_synthetic_data_hurt_where_real_ones_are_fixed_and_help_where_they_are_fresh() -> None:
    for data, sign in (("fixed", 1), ("fresh", -1)):
        values = [
            recursion(zipf(5), 60, n, real_samples=20, real_data=data).theory()["squared_distance"]
            for n in (0, 1, 5, 20, 80)
        ]
        assert np.all(sign * np.diff(values) > 0)


def test_degenerate_truths_are_values() -> None:
    for law in ([1.0], [1.0, 0.0], [0.0, 1.0, 0.0]):
        for given in ({}, {"real_samples": 3, "real_data": "fixed"}, {"real_samples": 3, "real_data": "fresh"}):
            theory = recursion(law, 5, 4, **given).theory()
            assert theory.status == "converged"
            assert dict(theory) == {
                "collision_probability": 1, "squared_distance": 0, "absolute_distance": 0,
                "collapse_probability": 1, "expected_collapse_time": 0, "surviving_tokens": 1,
            }  # fmt: skip
    start = recursion(generations=0).theory()
    assert start["surviving_tokens"] == 3
    assert start["absolute_distance"] == start["squared_distance"] == start["collapse_probability"] == 0
    real = recursion(real_samples=2, real_data="fixed").theory()
    assert real["expected_collapse_time"] == math.inf
    assert "no collapse is for good" in real.status
    assert real["collapse_probability"] == pytest.approx(0.38, rel=1e-15)


def test_a_token_that_is_nearly_all_there_is_or_nearly_nothing() -> None:
    rare = 2.0**-40
    theory = recursion([1 - rare, rare], 3, 6).theory()
    share = -np.expm1(3 * np.log1p(-1 / 6))
    assert theory["squared_distance"] == pytest.approx(2 * rare * (1 - rare) * share, rel=1e-14)
    reference = recursion([1 - rare, rare], 3, 6).theory(digits=30)
    for name, value in theory.items():
        assert value == pytest.approx(float(reference[name]), rel=1e-13, abs=0), name


@pytest.mark.parametrize("data", ["none", "fixed", "fresh"])
def test_random_parameters_against_mpmath(data: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(6):
        law = rng.dirichlet(np.full(int(rng.integers(2, 6)), 0.5))
        real = 0 if data == "none" else int(rng.integers(1, 9))
        model = recursion(
            law,
            int(rng.integers(1, 6)),
            int(rng.integers(1, 10)),
            real_samples=real,
            real_data=data if real else "none",
        )
        theory, reference = model.theory(), model.theory(digits=25)
        for name, value in theory.items():
            assert value == pytest.approx(float(reference[name]), rel=2e-13, abs=0), (name, model)


# ---- large vocabularies, many draws --------------------------------------------------------------------------------


def test_fewer_tokens_stand_for_many() -> None:
    p = zipf(6000)
    whole, few = Tokens.of(p), Tokens.of(p).between_kinks(70)
    assert len(few.probability) < 100
    assert few.multiplicity @ few.probability == pytest.approx(1, rel=1e-14)
    laws = binomial(70, whole.probability)
    y = np.arange(71) / 70
    expected = np.sum(laws * abs(y - whole.probability[:, None]))
    assert recursion(p, 1, 70).theory()["absolute_distance"] == pytest.approx(expected, rel=1e-12)
    assert recursion(p, 1, 70).theory()["surviving_tokens"] == pytest.approx(np.sum(1 - laws[:, 0]), rel=1e-12)
    assert recursion(p, 1, 70).theory()["collapse_probability"] == pytest.approx(np.sum(p**70), rel=1e-12)


def test_blocks_leave_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from rmtcollapse.models import _count_chain as chain

    model = recursion(zipf(5), 40, 300)
    in_blocks = model.theory()["absolute_distance"]
    monkeypatch.setattr(chain, "_BLOCK", 1000)
    assert model.theory()["absolute_distance"] == pytest.approx(in_blocks, rel=1e-13)


@pytest.mark.parametrize("law", [zipf(10), zipf(100, 1.5), np.full(50, 0.02), np.array([0.999, 0.001])])
def test_limits_of_many_draws_agree_with_the_chain(law: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    for m in (2, 20, 400):
        model = recursion(law, m, 1100)
        exact = model.theory()
        with monkeypatch.context() as patch:
            patch.setattr(categorical, "EXACT_DRAWS", 10)
            patch.setattr(ancestors, "EXACT_DRAWS", 10)
            limit = model.theory()
        assert "limits of many draws" in limit.status
        assert limit["expected_collapse_time"] == pytest.approx(exact["expected_collapse_time"], rel=2e-6)
        assert limit["surviving_tokens"] == pytest.approx(exact["surviving_tokens"], rel=1e-8)
        assert limit["absolute_distance"] == pytest.approx(exact["absolute_distance"], rel=5e-2)
        if m > 100:
            assert limit["collapse_probability"] == pytest.approx(exact["collapse_probability"], rel=1e-6)


def test_the_diffusion_and_the_branching_limit() -> None:
    p, n = zipf(10), 10**6
    diffusion = -2 * n * np.sum((1 - p) * np.log1p(-p))
    assert recursion(p, 5, n).theory()["expected_collapse_time"] == pytest.approx(diffusion, rel=1e-5)
    assert recursion(p, 5, 10**12).theory()["expected_collapse_time"] == pytest.approx(diffusion * 1e6, rel=1e-12)
    extinct = 0.0
    for _ in range(9):
        extinct = math.exp(extinct - 1)
    rare = np.r_[1 - 5e-6, np.full(1, 5e-6)]
    alive = recursion(rare, 10, n).theory()["surviving_tokens"] - 1
    assert alive == pytest.approx(-math.expm1(-5 * (1 - extinct)), rel=1e-5)
    later = recursion(rare, 2000, 10**9).theory()["surviving_tokens"] - 1
    assert later == pytest.approx(-math.expm1(-2 * 5000 / 2000), rel=5e-3)


def test_exact_values_and_where_there_are_none() -> None:
    assert recursion().exact().status == "exact"
    assert recursion(real_samples=3, real_data="fresh").exact().status.startswith("exact; real data")
    with pytest.raises(NoExactValueError, match="2,000"):
        recursion(synthetic=2001).exact()


@pytest.mark.slow
def test_a_million_tokens_take_less_than_a_second() -> None:
    law = zipf(10**6)
    recursion(law, 30, 1000).theory()
    start = time.perf_counter()
    recursion(law, 31, 1000).theory()
    assert time.perf_counter() - start < 1


# ---- how much synthetic data ----------------------------------------------------------------------------------------


def test_largest_synthetic_amount() -> None:
    model = recursion(zipf(8), 10**6, 1, real_samples=60, real_data="fixed")
    for tolerance in (0.01, 0.05, 0.07):
        limit = model.largest_synthetic_samples(tolerance)
        base = (1 - np.sum(zipf(8) ** 2)) / 60
        extra = [
            model.evolve(synthetic_samples=int(limit.exact) + more).theory()["squared_distance"] - base
            for more in (0, 1)
        ]
        assert extra[0] <= tolerance**2 < extra[1]
        assert limit.bound <= limit.exact
    assert model.largest_synthetic_samples(0.5).exact == math.inf
    with pytest.raises(ParameterError, match="tolerance"):
        model.largest_synthetic_samples(0.0)
    with pytest.raises(ParameterError, match="real_samples"):
        recursion().largest_synthetic_samples(0.1)


# ---- experiment, verdict, sweep -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", [{}, {"real_samples": 12, "real_data": "fixed"}, {"real_samples": 12, "real_data": "fresh"}]
)
def test_the_experiment_agrees(given: dict[str, Any]) -> None:
    for draws in (8, 20):
        model = recursion(zipf(5), 6, draws, **given)
        theory, found = model.theory(), simulate(model, 800, seed=2)
        for name, estimate in found.items():
            allowed = 4.5 * estimate.standard_error + 1e-3 * (name == "collapse_probability")
            assert abs(estimate.mean - theory[name]) <= allowed, name


def test_the_verdict_rejects_a_wrong_theory() -> None:
    model = recursion(zipf(4), 3, 10)
    assert verify(model, trials=600)["surviving_tokens"].passed
    wrong = verify(model, lambda m: {"squared_distance": 1.15 * m.theory()["squared_distance"]}, trials=1500)
    assert not wrong.passed
    assert verify(model, {"collision_probability": model.theory()["collision_probability"]}, trials=600).passed


def test_which_definitions_of_collapse_are_met() -> None:
    from rmtcollapse.models import collapse_report

    alone, real = (
        collapse_report(sweep(recursion(zipf(5), 1, 10, **given), generations=range(1, 80)), value="squared_distance")
        for given in ({}, {"real_samples": 10, "real_data": "fixed"})
    )
    assert {"collapsing_variance", "lost_tail"} <= set(alone.met)
    assert not {"collapsing_variance", "lost_tail", "diverging_risk"} & set(real.met)


def test_a_sweep_over_generations() -> None:
    found = sweep(recursion(), generations=[0, 1, 5])
    assert found["surviving_tokens"].values[0] == 3
    assert np.all(np.diff(found["surviving_tokens"].values) < 0)


# ---- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"law": [0.5, 0.3]}, r"sum of probabilities = 0\.8 .*divide"),
        ({"law": [0.5, 0.7, -0.2]}, "non-negative"),
        ({"law": [math.nan, 1.0]}, "probabilities"),
        ({"law": []}, "probabilities"),
        ({"law": [[0.5, 0.5]]}, "probabilities"),
        ({"generations": -1}, "generations = -1"),
        ({"synthetic": 2.5}, "synthetic_samples = 2.5"),
        ({"real_samples": 5}, "real_data = 'none' .* fixed or fresh"),
        ({"synthetic": 0}, "synthetic_samples = 0 .* no real samples"),
        ({"real_data": "fix"}, "did you mean 'fixed'"),
    ],
)
def test_bad_input_is_refused_in_one_line(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words) as refusal:
        recursion(**change)
    assert "\n" not in str(refusal.value)


def test_chains_too_large_for_mpmath_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"digits = 20 .* fewer draws"):
        recursion(synthetic=1000).theory(digits=20)
