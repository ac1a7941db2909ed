"""Heavy tails: recorded values, plain sums, scaling laws, resampling, the experiment, refusals."""

from __future__ import annotations

import itertools
import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse import NoExactValueError, ParameterError, simulate, sweep, verify
from rmtcollapse.models import HeavyTail

EPS = float(np.finfo(float).eps)


def tail(**changes: Any) -> HeavyTail:
    return HeavyTail(**{"exponent": 1.5, "samples": 1000, **changes})


REGIMES: dict[str, dict[str, Any]] = {
    "plain": {},
    "cut": {"tail_cut": 60},
    "narrowed": {"narrowed_exponent": 2.0},
    "narrowed and cut": {"narrowed_exponent": 1.8, "tail_cut": 40},
    "mixed": {"tail_cut": 20, "real_fraction": 0.05},
    "narrowed and mixed": {"narrowed_exponent": 2.5, "real_fraction": 0.1},
    "resampled once": {"generations": 1, "generator_samples": 300},
    "resampled": {"generations": 5, "generator_samples": 250},
    "resampled, cut": {"generations": 3, "generator_samples": 250, "tail_cut": 100, "narrowed_exponent": 1.7},
    "resampled, mixed": {"generations": 4, "generator_samples": 250, "real_fraction": 0.2},
    "resampled, Poisson": {"generations": 3, "generator_samples": 2500},
}
each_regime = pytest.mark.parametrize("changes", REGIMES.values(), ids=REGIMES)


# ---- values ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"narrowed_exponent": 2.0}, 0.1397284317104253),
        ({"samples": 2000, "tail_cut": 50, "real_fraction": 0.05}, 0.10609095222131401),
        ({}, 0.094135035172),
    ],
)
def test_recorded_values(changes: dict[str, Any], expected: float) -> None:
    assert tail(**changes).theory()["test_error"] == pytest.approx(expected, rel=5e-13, abs=0)


def test_recorded_value_with_poisson_counts() -> None:
    model = tail(samples=600, generations=6, generator_samples=300)
    found = model.poissonised()
    assert found["test_error"] == pytest.approx(0.2207592227688834, rel=1e-14, abs=0)
    assert found["effective_samples"] == pytest.approx(77.5869, rel=1e-6)
    assert "Poisson" in found.status
    assert "exact" in model.theory().status
    # Of order 1/T_0, and at most that here.
    assert 0 < found["test_error"] / model.theory()["test_error"] - 1 < 2 / 300


def plain_sums(model: HeavyTail, last: int) -> tuple[Any, Any]:
    """Both sums term by term, for a generator that is cut: beyond `last` only the mass of the unseen tail is left."""
    beta, other, share = (
        mp.mpf(model.exponent),
        mp.mpf(model.narrowed_exponent or model.exponent),
        mp.mpf(model.real_fraction),
    )
    scale = 1 / mp.zeta(beta)
    weights = [mp.mpf(i) ** -other for i in range(1, (model.tail_cut or 0) + 1)]
    unseen, seen = mp.mpf(0), mp.mpf(0)
    for i in range(1, last + 1):
        p = scale * mp.mpf(i) ** -beta
        made = weights[i - 1] / mp.fsum(weights) if i <= len(weights) else 0
        missed = (1 - share * p - (1 - share) * made) ** model.samples
        unseen, seen = unseen + p * missed, seen + 1 - missed
    return unseen, seen


@pytest.mark.parametrize("exponent", [1.05, 1.5, 3.0, 40.0])
@pytest.mark.parametrize("cut", [1, 7, 24, 25, 49, 400])
def test_a_cut_law_term_by_term(exponent: float, cut: int) -> None:
    with mp.workdps(60 + int(3 * exponent)):
        for samples, other in ((1, None), (90, 2.3), (90, None), (10**6, 1.4)):
            model = HeavyTail(exponent=exponent, samples=samples, tail_cut=cut, narrowed_exponent=other)
            unseen, seen = plain_sums(model, cut)
            beyond = 1 - mp.fsum(mp.mpf(i) ** -mp.mpf(exponent) for i in range(1, cut + 1)) / mp.zeta(exponent)
            found = model.theory()
            assert found["test_error"] == pytest.approx(float(unseen + beyond), rel=2e-14, abs=0), (samples, other)
            assert found["learned_tokens"] == pytest.approx(float(seen), rel=2e-14, abs=0), (samples, other)


@pytest.mark.parametrize("samples", [1, 2, 3, 6])
@pytest.mark.parametrize("exponent", [1.0001, 1.05, 2.0, 6.5])
def test_few_draws_are_polynomials_in_collisions(exponent: float, samples: int) -> None:
    """(1 - p)^T expands into powers of p, whose sums are zeta functions."""
    with mp.workdps(40):
        beta = mp.mpf(exponent)
        power = [mp.zeta(beta * j) / mp.zeta(beta) ** j if j else mp.mpf(0) for j in range(samples + 2)]
        signed = [mp.binomial(samples, j) * (-1) ** j for j in range(samples + 1)]
        mass = mp.fsum(s * power[j + 1] for j, s in enumerate(signed))
        seen = -mp.fsum(s * power[j] for j, s in enumerate(signed))
    found = HeavyTail(exponent=exponent, samples=samples).theory()
    assert found["test_error"] == pytest.approx(float(mass), rel=1e-14, abs=0)
    assert found["learned_tokens"] == pytest.approx(float(seen), rel=1e-14, abs=0)


@pytest.mark.parametrize(
    "changes",
    [
        {"exponent": 1.05, "samples": 10**8},
        {"exponent": 4.0, "samples": 10**8},
        {"exponent": 1.05, "samples": 10**8, "tail_cut": 10**12},
        {"exponent": 1.3, "samples": 10**6, "tail_cut": 10**4, "real_fraction": 1e-3, "narrowed_exponent": 1.7},
        {"exponent": 1.2, "samples": 5000, "generations": 3, "generator_samples": 10**7, "real_fraction": 0.2},
        {"exponent": 1.5, "samples": 12, "generations": 3, "generator_samples": 9, "real_fraction": 0.4},
    ],
)
@pytest.mark.slow
def test_against_mpmath(changes: dict[str, Any]) -> None:
    model = HeavyTail(**changes)
    theory, reference = model.theory(), model.theory(digits=20)
    for name, value in theory.items():
        assert value == pytest.approx(float(reference[name]), rel=5e-15, abs=0), name
    for name, value in theory.unknowns.items():
        assert value == pytest.approx(float(reference[name]), rel=5e-15, abs=0), name


# ---- resampling ----------------------------------------------------------------------------------------------------


def chances(size: int, share: float) -> list[float]:
    return [math.comb(size, x) * share**x * (1 - share) ** (size - x) for x in range(size + 1)]


@pytest.mark.parametrize("generations", [1, 2, 4])
@pytest.mark.parametrize("share", [0.0, 0.35, 1.0])
def test_resampling_forwards(generations: int, share: float) -> None:
    """The count of each token of a cut law carried forwards, from its own chances."""
    size, cut, samples = 12, 30, 9
    model = tail(
        exponent=1.8,
        samples=samples,
        tail_cut=cut,
        generations=generations,
        generator_samples=size,
        real_fraction=share,
    )
    weights = np.arange(1.0, cut + 1) ** -1.8
    step = np.array([chances(size, x / size) for x in range(size + 1)])
    p = weights / float(mp.zeta(1.8))
    unseen, seen = 1 - p.sum(), 0.0
    if share > 0:  # the tail is learned from real tokens: as if all of it were real
        real = HeavyTail(exponent=1.8, samples=samples, tail_cut=cut, real_fraction=share)
        inside = (1 - share * p - (1 - share) * weights / weights.sum()) ** samples
        unseen, seen = real.theory()["test_error"] - p @ inside, real.theory()["learned_tokens"] - np.sum(1 - inside)
    for i in range(cut):
        law = np.array(chances(size, weights[i] / weights.sum()))
        for _ in range(generations - 1):
            law = law @ step
        missed = law @ np.maximum(1 - share * p[i] - (1 - share) * np.arange(size + 1) / size, 0) ** samples
        unseen, seen = unseen + p[i] * missed, seen + 1 - missed
    found = model.theory()
    assert found["test_error"] == pytest.approx(unseen, rel=2e-13, abs=0)
    assert found["learned_tokens"] == pytest.approx(seen, rel=2e-13, abs=0)


def test_two_tokens_of_a_set_of_two() -> None:
    """One resampled pair: both draws the same with chance (1 + s)/2, s that of two real ones."""
    s = 2.5  # of tokens: the sum of squares is zeta(5)/zeta(2.5)^2
    same = float(mp.zeta(2 * s) / mp.zeta(s) ** 2)
    model = HeavyTail(exponent=s, samples=2, generations=1, generator_samples=2)
    assert model.theory()["learned_tokens"] == pytest.approx(2 - (1 + same) / 2, rel=1e-14)


def test_real_data_alone_do_not_know_the_generator() -> None:
    alone = tail(real_fraction=1.0, tail_cut=3, generations=7, generator_samples=5)
    assert dict(alone.theory()) == pytest.approx(dict(tail().theory()), rel=1e-14, abs=0)


def test_resampling_for_ever_leaves_one_token() -> None:
    model = tail(generations=10**9, generator_samples=50)
    assert model.theory()["learned_tokens"] == pytest.approx(1, rel=1e-13)
    assert model.theory()["test_error"] == pytest.approx(float(1 - mp.zeta(3) / mp.zeta(1.5) ** 2), rel=1e-12)


@pytest.mark.parametrize(("exponent", "size"), [(1.5, 1000), (1.2, 500), (3.0, 1000)])
def test_growth_over_generations_is_a_power_below_one(exponent: float, size: int) -> None:
    """E_n/E_1 tends to (0.316 n)^c for as many samples as generator samples; linear growth is only a bound."""
    steps = (1, 10, 50)
    models = [tail(exponent=exponent, samples=size, generator_samples=size, generations=n) for n in (0, *steps)]
    first, *at = [m.theory()["test_error"] for m in models]
    c = 1 - 1 / exponent
    assert all(e <= (n + 1) * first for n, e in zip(steps, at, strict=True))
    assert at[2] / at[0] == pytest.approx((models[1].effective_samples / models[3].effective_samples) ** c, rel=0.05)
    assert models[1].effective_samples / models[3].effective_samples == pytest.approx(0.316 * 51, rel=0.08)
    assert math.log(at[2] / at[1]) / math.log(5) < c + 0.02 < 1


def test_many_generations_of_poisson_counts() -> None:
    worth = [tail(generations=n, generator_samples=10**6).effective_samples for n in (0, 1, 10**6, 10**6 + 1, 10**9)]
    assert worth[0] == 1000
    assert worth[1] == pytest.approx(-(10**6) * math.expm1(-1e-3), rel=1e-14)
    assert worth[3] < worth[2]
    assert 1 / worth[3] - 1 / worth[2] == pytest.approx(0.5e-6, rel=1e-4)
    assert worth[4] == pytest.approx(2 * 10**6 / 10**9, rel=1e-5)
    # Past a million steps the recursion is summed, logarithm and all.
    share, steps = 1.0, 1_000_300
    for _ in range(steps):
        share = -math.expm1(-share)
    summed = tail(generations=steps, generator_samples=1000).effective_samples / 1000
    assert summed == pytest.approx(share, rel=1e-12)
    later = [tail(generations=n, generator_samples=1000).effective_samples for n in (10**6, 10**8)]
    grown = 1000 / later[1] - 1000 / later[0] - (10**8 - 10**6) / 2
    assert grown == pytest.approx(math.log(100) / 6, rel=1e-3)


# ---- scaling laws --------------------------------------------------------------------------------------------------


def test_the_scaling_laws_are_approached() -> None:
    for changes in ({}, {"narrowed_exponent": 2.5}, {"generations": 2, "generator_samples": 10**10}):
        gaps = []
        for samples in (10**4, 10**6, 10**8):
            found = tail(samples=samples, **changes).theory()
            gaps.append(abs(found["test_error"] / found["asymptotic_test_error"] - 1))
        assert gaps[2] <= gaps[0] + 8 * EPS < 1e-3, changes
        assert gaps[2] < 1e-6, changes


def test_closed_forms_of_the_scaling_laws() -> None:
    scale = 1 / float(mp.zeta(1.5))
    plain = scale ** (2 / 3) / 1.5 * math.gamma(1 / 3) * 1000 ** (-1 / 3)
    floor = scale * 40**-0.5 / 0.5
    assert tail().theory()["asymptotic_test_error"] == pytest.approx(plain, rel=4 * EPS)
    assert tail(tail_cut=40).theory()["asymptotic_test_error"] == pytest.approx(plain + floor, rel=4 * EPS)
    narrowed = tail(narrowed_exponent=2.0).theory()["asymptotic_test_error"]
    other = 6 / math.pi**2
    assert narrowed == pytest.approx(scale / 2 * (1000 * other) ** -0.25 * math.gamma(0.25), rel=4 * EPS)
    late = tail(samples=10**9, tail_cut=40, real_fraction=0.25).theory()["asymptotic_test_error"]
    assert late == pytest.approx(plain * (10**6 * 0.25) ** (-1 / 3), rel=8 * EPS)


def test_a_cut_ends_the_scaling_and_real_data_resume_it() -> None:
    floor = tail(tail_cut=100, samples=10**7).theory()
    assert floor["test_error"] == pytest.approx(floor["asymptotic_test_error"], rel=0.06)
    assert tail(tail_cut=100, samples=10**8).theory()["test_error"] == pytest.approx(floor["test_error"], rel=1e-12)
    mixed = [tail(tail_cut=100, samples=10**n, real_fraction=1e-4).theory()["test_error"] for n in (4, 5, 8, 9)]
    assert math.log10(mixed[0] / mixed[1]) < 0.05
    assert math.log10(mixed[2] / mixed[3]) == pytest.approx(1 / 3, rel=0.01)


@pytest.mark.parametrize("changes", [{}, {"narrowed_exponent": 2.0}])
def test_exponents_are_those_of_the_values(changes: dict[str, Any]) -> None:
    model = tail(**changes)
    rates = model.exponents()
    low, high = (model.evolve(samples=n).theory() for n in (10**7, 10**8))
    assert math.log10(low["test_error"] / high["test_error"]) == pytest.approx(rates["narrowed_rate"], rel=1e-3)
    assert math.log10(high["learned_tokens"] / low["learned_tokens"]) == pytest.approx(rates["learned_rate"], rel=2e-3)
    floors = [model.evolve(tail_cut=k, samples=10**15).theory()["test_error"] for k in (100, 1000)]
    assert math.log10(floors[0] / floors[1]) == pytest.approx(rates["cut_rate"], rel=0.02)
    grown = [
        model.evolve(samples=10**6, generator_samples=10**6, generations=n).theory()["test_error"]
        for n in (1000, 10000)
    ]
    assert math.log10(grown[1] / grown[0]) == pytest.approx(rates["generations_rate"], rel=0.03)
    assert rates["generations_rate"] < rates["generations_bound"]


def test_skills_that_are_lost() -> None:
    model = tail(tail_cut=200, generations=3, generator_samples=400, real_fraction=0.1)
    ranks = np.arange(1, 3001)
    missed = model.unseen(ranks)
    p = ranks**-1.5 / float(mp.zeta(1.5))
    beyond = tail(samples=1000, tail_cut=3000, real_fraction=0.1)
    assert np.all(np.diff(missed) > -1e-15)
    assert missed[199] < missed[200]
    assert missed[200:] == pytest.approx((1 - 0.1 * p[200:]) ** 1000, rel=1e-13)
    assert beyond.theory()["test_error"] > 0
    total = p @ missed + model.evolve(tail_cut=3000, generations=0).theory()["test_error"]
    inside = tail(tail_cut=3000, real_fraction=0.1)
    total -= p @ inside.unseen(ranks)
    assert model.theory()["test_error"] == pytest.approx(total, rel=1e-12)
    assert tail().learned_rank == pytest.approx((1000 / float(mp.zeta(1.5))) ** (2 / 3), rel=1e-14)
    assert tail(tail_cut=20).learned_rank == 20
    with pytest.raises(ParameterError, match=r"tokens = .*whole numbers >= 1"):
        model.unseen([0, 1])


# ---- size and speed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [1 + 1e-7, 1.0003, 1.05, 1.9, 7.0, 99.0])
def test_extreme_settings_are_certified_and_monotone(exponent: float) -> None:
    for share, cut in itertools.product((0.0, 1e-6, 0.5), (None, 1, 10**6, 2**53)):
        errors = []
        for samples in (1, 10**4, 10**8, 2**53):
            found = HeavyTail(exponent=exponent, samples=samples, tail_cut=cut, real_fraction=share).theory()
            assert found.certificate < 1e-13
            assert 0 < found["test_error"] < 1
            assert 1 - 1e-15 <= found["learned_tokens"] <= samples * (1 + 1e-15)
            errors.append(found["test_error"])
        assert all(b <= a * (1 + 1e-14) for a, b in itertools.pairwise(errors))


def test_a_sweep_over_generations_and_samples() -> None:
    grid = sweep(tail(generator_samples=100), generations=[0, 1, 5], samples=[50, 500])
    cell = grid.sel(generations=5, samples=50)
    assert float(cell["test_error"]) == tail(generations=5, samples=50, generator_samples=100).theory()["test_error"]
    assert "exact" in str(cell["status"].values)


# ---- experiment ----------------------------------------------------------------------------------------------------


@each_regime
def test_the_experiment_at_two_sizes(changes: dict[str, Any]) -> None:
    for model in (tail(**changes), tail(**changes).resized(2)):
        measured, expected = simulate(model, 150, seed=5), model.theory()
        for name in ("test_error", "learned_tokens"):
            found = measured[name]
            assert found.standard_error < 0.03 * found.mean
            # Poisson counts are off by 1/T_0 or so.
            allowance = 2 / 2500 * expected[name] if "Poisson" in expected.status else 0.0
            assert abs(found.mean - expected[name]) < 4 * found.standard_error + allowance, name


@pytest.mark.slow
@each_regime
def test_verify_agrees(changes: dict[str, Any]) -> None:
    verdict = verify(tail(**changes), sizes=(1, 2), trials=1500, seed=2)
    assert verdict.passed, verdict.report
    assert [row.name for row in verdict.rows] == ["test_error", "learned_tokens"]


def test_a_wrong_law_is_noticed() -> None:
    model = tail(tail_cut=60, real_fraction=0.4)
    claim = lambda m: {"test_error": m.evolve(real_fraction=0.0).theory()["test_error"]}  # noqa: E731
    verdict = verify(model, theory=claim, sizes=(1, 2), trials=200, seed=1)
    assert not verdict.passed


# ---- refusals ------------------------------------------------------------------------------------------------------


def test_exact_is_the_theory_where_it_is_exact() -> None:
    model = tail(generations=3, generator_samples=80)
    assert model.exact()["test_error"] == model.theory()["test_error"]
    with pytest.raises(NoExactValueError, match="generator_samples <= 2000"):
        model.evolve(generator_samples=2001).exact()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exponent": 1.0}, r"exponent = 1.0 .*from 1 \(excluded\)"),
        ({"exponent": 0.5}, "exponent = 0.5"),
        ({"exponent": 101}, "exponent = 101"),
        ({"samples": 0}, "samples = 0 .*>= 1"),
        ({"samples": -5}, "samples = -5"),
        ({"tail_cut": 0}, "tail_cut = 0 .*>= 1"),
        ({"narrowed_exponent": 1}, "narrowed_exponent = 1"),
        ({"real_fraction": 1.5}, r"real_fraction = 1.5 .*\[0, 1\]"),
        ({"generations": -1}, "generations = -1"),
        ({"generator_samples": 0}, "generator_samples = 0"),
        ({"generations": 2.5}, "generations = 2.5"),
        ({"tail": 3}, "did you mean 'tail_cut'"),
    ],
)
def test_refusals(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        tail(**changes)
