"""The verdict: right theories pass, wrong ones do not, and what cannot be judged is said to be so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from rmtcollapse import ParameterError, Spectrum, simulate, sweep, verify
from rmtcollapse.models import AccumulatedRegression, NoisyLabels, RecursiveRegression, RidgeRegression

from .toys import Counter, Toy

FLAT, LAW = Spectrum.isotropic(20, 1.3), Spectrum.power_law(20, 1.2, 0.6)


def ridge_regression(spectrum: Spectrum, samples: int, ridge: float) -> RidgeRegression:
    return RidgeRegression(spectrum=spectrum, samples=samples, ridge=ridge, noise_variance=0.4)


def recursive(spectrum: Spectrum, samples: int, ridge: float, **changes: Any) -> RecursiveRegression:
    noise = {"noise_variance": 0.4, "generator_noise_variance": 0.2}
    return RecursiveRegression(spectrum=spectrum, samples=samples, ridge=ridge, generations=3, **noise, **changes)


RIDGE = ridge_regression(LAW, 30, 0.1)

MODELS: dict[str, Any] = {
    "ridge": RIDGE,
    "ridge, few rows": ridge_regression(LAW, 10, 0.1),
    "ridgeless, many rows": ridge_regression(LAW, 50, 0.0),
    "ridgeless, few rows": ridge_regression(LAW, 8, 0.0).resized(2),  # of 8 rows the gap is not linear in 1/size
    "at the threshold with a ridge": ridge_regression(FLAT, 20, 0.2),
    "chain, many rows": recursive(FLAT, 40, 0.1, generator_samples=60),
    "chain, few rows": recursive(FLAT, 40, 0.1, generator_samples=8),
    "chain, ridgeless": recursive(FLAT, 50, 0.0, generator_samples=10),
    "chain, generator ridge": recursive(LAW, 30, 0.1, generator_samples=24, generator_ridge=0.3),
    "generators share": recursive(LAW, 40, 0.1, generator_samples=10, designs="generators-shared"),
    "all share": recursive(LAW, 10, 0.1, designs="all-shared"),
    "all share, generator ridge": recursive(LAW, 30, 0.1, generator_ridge=0.2, designs="all-shared"),
    "generators share a ridge": recursive(
        LAW, 30, 0.1, generator_samples=30, generator_ridge=0.2, designs="generators-shared"
    ),
}


# ---- the two models ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_theory_of_a_model_is_not_rejected(model: Any) -> None:
    verdict = verify(model, trials=100, seed=1)
    assert [row.name for row in verdict.rows] == list(model.VALUES)
    for row in verdict.rows:
        assert abs(row.z) <= verdict.threshold, verdict.report


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_theory_of_a_model_passes(model: Any) -> None:
    verdict = verify(model, precision=0.012, seed=2)
    assert verdict.passed, verdict.report
    assert verdict.conclusive


def test_a_conclusive_verdict() -> None:
    verdict = verify(ridge_regression(FLAT, 60, 0.2), precision=0.012, seed=3)
    assert verdict.passed, verdict.report
    assert verdict.conclusive
    assert verdict.sizes == (1, 2, 4)
    assert max(row.standard_error / row.scale for row in verdict.rows) <= 0.012
    for row in verdict.rows:
        assert row.theory == ridge_regression(FLAT, 60, 0.2).theory()[row.name]
        assert row.z == pytest.approx((row.simulated - row.theory) / row.standard_error, rel=1e-9)


# ---- wrong theories ----------------------------------------------------------------------------------------------

SHARP = ridge_regression(FLAT, 60, 0.2)


@pytest.mark.parametrize("error", [0.95, 1.05])
@pytest.mark.parametrize("names", [{"bias", "test_error"}, {"variance", "effective_ridge", "train_error"}])
def test_five_percent_off_is_noticed_in_a_mapping(names: set[str], error: float) -> None:
    planted = {name: error * value if name in names else value for name, value in SHARP.theory().items()}
    verdict = verify(SHARP, planted, trials=700, seed=4)
    assert not verdict.passed
    assert {row.name for row in verdict.rows if not row.passed} == names, verdict.report
    for name in names:
        assert abs(verdict[name].z) > verdict.threshold
        assert verdict[name].relative_gap == pytest.approx(1 / error - 1, abs=0.02)


def test_five_percent_off_is_noticed_in_a_function() -> None:
    sizes: list[int] = []

    def formula(model: RidgeRegression) -> Mapping[str, float]:
        sizes.append(model.samples)
        return {"variance": 1.05 * model.theory()["variance"]}

    verdict = verify(SHARP, formula, trials=700, seed=4)
    assert not verdict.passed
    assert sizes == [60, 120, 240], "a formula may depend on the size"
    assert verify(SHARP, lambda m: {"variance": m.theory()["variance"]}, trials=700, seed=4).passed


def test_a_formula_may_depend_on_the_size() -> None:
    # The exact expectation at each size leaves nothing to extrapolate.
    model = ridge_regression(FLAT, 60, 0.0)
    verdict = verify(model, lambda m: {"variance": m.exact()["variance"]}, trials=700, seed=5)
    assert verdict.passed
    assert verdict.predictions["variance"] == pytest.approx([0.4 * 20 / 39, 0.4 * 40 / 79, 0.4 * 80 / 159])


def test_some_of_the_names_are_enough() -> None:
    verdict = verify(SHARP, {"bias": SHARP.theory()["bias"]}, trials=300, seed=5)
    assert [row.name for row in verdict.rows] == ["bias"]


# ---- known distributions -----------------------------------------------------------------------------------------


def test_a_finite_size_effect_is_extrapolated_away() -> None:
    # 30 % off at size one, with standard errors of 0.2 %: only the limit is judged.
    verdict = verify(Toy(slope=0.3, spread=0.1), trials=600, seed=1)
    row = verdict["value"]
    assert verdict.passed, verdict.report
    assert row.slope == pytest.approx(0.3, abs=0.02)
    assert row.relative_gap == pytest.approx(0.0, abs=4 * row.standard_error / 2)
    assert verify(Toy(slope=0.3, spread=0.1), {"value": 2.6}, trials=600, seed=1).passed is False


def test_the_extrapolation_is_weighted_least_squares() -> None:
    verdict = verify(Toy(slope=0.3, spread=0.1), trials=50, sizes=[1, 2, 4, 8], seed=2)
    x, y = 1 / np.array([1.0, 2, 4, 8]), verdict.means["value"] / 2 - 1
    weights = 2 / verdict.errors["value"]
    slope, gap = np.polyfit(x, y, 1, w=weights)
    assert verdict["value"].relative_gap == pytest.approx(gap, rel=1e-9)
    assert verdict["value"].slope == pytest.approx(slope, rel=1e-9)
    spread = np.sqrt(np.polyfit(x, y, 1, w=weights, cov="unscaled")[1][1, 1])
    assert verdict["value"].standard_error == pytest.approx(2 * spread, rel=1e-9)


def test_a_right_theory_is_hardly_ever_rejected() -> None:
    # 1 in 1,000 over all values; 300 verdicts reject none or one or two.
    rejected = sum(not verify(Toy(spread=0.01), trials=8, sizes=[1, 2], seed=k).passed for k in range(300))
    assert rejected <= 3


def test_too_few_trials_are_inconclusive() -> None:
    verdict = verify(Toy(spread=2.0), trials=10, seed=1)
    assert not verdict.passed
    assert not verdict.conclusive
    assert abs(verdict["value"].z) <= verdict.threshold
    assert verdict["value"].note.startswith("not precise enough")
    assert "NOT YET JUDGED" in verdict.report


def test_trials_are_added_until_the_precision_is_reached() -> None:
    rough, fine = (verify(Toy(spread=0.2), precision=p, seed=1) for p in (0.02, 0.004))
    assert rough.trials == 48
    assert fine.trials > 200
    assert fine["value"].standard_error / 2 <= 0.004
    # The first trials are kept.
    counter = Counter()
    assert verify(Toy(spread=0.2, counter=counter), precision=0.004, seed=1).trials * 3 == counter.made
    hopeless = verify(Toy(spread=1e3), precision=0.001, sizes=[1, 2], seed=1)
    assert hopeless.trials == 6144
    assert not hopeless.conclusive


def test_a_value_without_noise_is_compared_to_rounding() -> None:
    verdict = verify(Toy(), trials=10, seed=1)
    assert verdict["nothing"].passed
    assert verdict["nothing"].note == "without noise"
    wrong = verify(Toy(spread=0.001), {"value": 2.0, "nothing": 0.1}, trials=10, seed=1)
    assert not wrong["nothing"].passed
    assert wrong["nothing"].z == math.inf


def test_a_value_that_vanishes_in_the_limit_is_measured_at_finite_size() -> None:
    theory = {"value": 0.0, "nothing": 0.0}
    vanishing = verify(Toy(level=1.0, spread=0.01), lambda m: theory, trials=200, seed=1)
    assert not vanishing["value"].passed, "a constant does not vanish"

    class Fading(Toy):
        def draw(self, rng: np.random.Generator) -> dict[str, float]:
            return {"value": float(rng.normal(1 / self.size, 0.01)), "nothing": 1.0}

    verdict = verify(Fading(), lambda m: {"value": 0.0, "nothing": 1.0}, trials=200, seed=1)
    assert verdict["value"].passed
    assert verdict["value"].note == "vanishes in the limit"


# ---- what cannot be judged ---------------------------------------------------------------------------------------


def test_infinite_theory_is_reported_and_not_judged() -> None:
    verdict = verify(ridge_regression(FLAT, 20, 0.0), trials=20, seed=1)
    for name in ("variance", "test_error"):
        assert verdict[name].theory == math.inf
        assert verdict[name].passed
        assert verdict[name].z == 0.0
        assert "infinite" in verdict[name].note
    assert verdict["bias"].theory == 0.0
    assert "inf" in verdict.report


def test_an_infinite_claim_about_a_finite_value_does_not_pass() -> None:
    verdict = verify(SHARP, {"test_error": math.inf}, trials=10)
    assert not verdict.passed
    assert verdict.conclusive
    assert "DISAGREES" in verdict.report


@pytest.mark.parametrize("model", ["ridge-regression", RidgeRegression, None], ids=["name", "class", "none"])
def test_what_is_no_model_is_refused(model: Any) -> None:
    for call in (lambda: verify(model), lambda: simulate(model), lambda: sweep(model, ridge=[1.0])):
        with pytest.raises(ParameterError, match=r"\Amodel = [^\n]*with its parameters[^\n]*\Z"):
            call()


def test_a_claim_about_nothing_that_is_measured_is_refused() -> None:
    model = AccumulatedRegression(dimension=5, samples=20, noise_variance=0.5, iterations=2)
    with pytest.raises(ParameterError, match=r"\Atheory = 'limit' [^\n]*test_error\Z"):
        verify(model, {"limit": 1.0}, trials=4)


@pytest.mark.parametrize(
    ("theory", "words"),
    [
        ({"test_eror": 1.0}, r"'test_eror' .*test_error, bias.*did you mean 'test_error'"),
        ({"test_error": math.nan}, "nan"),
        ({}, ""),
        ({"test_error": None}, "None"),
        ({"test_error": "1"}, "'1'"),
        (3.0, "3.0"),
        (lambda model: {"nonsense": 1.0}, "'nonsense'"),
        (lambda model: None, "None"),
    ],
    ids=["misspelt", "nan", "nothing", "none", "text", "number", "misspelt by a function", "a function of nothing"],
)
def test_theories_that_are_none_are_refused(theory: Any, words: str) -> None:
    with pytest.raises(ParameterError, match=rf"\Atheory[^\n]*{words}[^\n]*\Z"):
        verify(SHARP, theory, trials=10)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sizes": [1]}, "sizes = .*two or more"),
        ({"sizes": [2, 2]}, "sizes = .*two or more"),
        ({"sizes": []}, "sizes = .*two or more"),
        ({"sizes": [0, 1]}, "sizes = .*positive"),
        ({"sizes": [-1, 1]}, "sizes = .*positive"),
        ({"sizes": 2}, "sizes = 2 "),
        ({"sizes": [1, math.nan]}, "sizes = .*positive"),
        ({"sizes": [1, math.inf]}, "sizes = .*positive"),
        ({"sizes": [1, Fraction(1, 7)]}, r"\w+ = .*integer"),
        ({"trials": 1}, "trials = 1 "),
        ({"trials": True}, "trials = True "),
        ({"precision": 0.0}, "precision = 0.0 "),
        ({"precision": 1.0}, "precision = 1.0 "),
        ({"precision": math.nan}, "precision = nan "),
        ({"precision": "fine"}, "precision = 'fine' "),
        ({"seed": -1}, "seed = -1 "),
    ],
)
def test_wrong_settings_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=rf"\A{words}[^\n]*\Z"):
        verify(SHARP, **{"trials": 10, **given})


@pytest.mark.parametrize(("dimension", "sizes"), [(120, (1, 2, 4)), (124, (Fraction(1, 2), 1)), (125, (1, 2))])
def test_default_sizes(dimension: int, sizes: tuple[Fraction, ...]) -> None:
    model = RidgeRegression(spectrum=Spectrum.isotropic(dimension), samples=10, ridge=1.0, noise_variance=0.1)
    assert verify(model, trials=2).sizes == sizes
    classes = {"samples": 10, "ridge": 1.0, "flip_positive": 0.1, "flip_negative": 0.1}
    assert verify(NoisyLabels(dimension=dimension, mean_norm=1.0, **classes), trials=2).sizes == sizes
    # Copies of a covariance cannot be halved.
    given = NoisyLabels(mean=np.ones(dimension), covariance=np.ones(dimension), **classes)
    assert verify(given, trials=2).sizes == ((1, 2, 4) if dimension == 120 else (1, 2))


def test_the_result_depends_on_the_seed_only() -> None:
    first, again, other = (verify(SHARP, trials=20, seed=s) for s in (1, 1, 2))
    assert first.rows == again.rows
    assert first.rows != other.rows


class Edge(Toy):
    """A toy that nears its level like an edge of a spectrum, as the size to the power of -2/3."""

    def finite_size(self) -> dict[str, float]:
        return {"value": 2 / 3}

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        return {"value": float(rng.normal(self.level * (1 - 0.2 * self.size ** (-2 / 3)), self.spread)), "nothing": 0.0}


def test_values_near_their_limit_at_the_rate_that_their_model_states() -> None:
    verdict = verify(Edge(spread=0.01), trials=200, sizes=(1, 2, 4, 8))
    assert verdict.passed
    assert verdict["value"].rate == 2 / 3
    assert verdict["value"].slope == pytest.approx(-0.2, rel=0.05)
    assert verdict["nothing"].rate == 1.0


def test_at_another_rate_they_would_not() -> None:
    class Wrong(Edge):
        def finite_size(self) -> dict[str, float]:
            return {}

    assert not verify(Wrong(spread=0.01), trials=200, sizes=(1, 2, 4, 8)).passed


class Blind(Toy):
    """A toy whose experiment at a size below four says nothing about its level, and draws something else."""

    def unjudged(self) -> dict[str, str]:
        return {"value": "too small"} if self.size < 4 else {}

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        return {"value": float(rng.normal(self.level + (self.size < 4), self.spread)), "nothing": 0.0}


def test_a_value_of_which_the_experiment_says_nothing_is_not_judged() -> None:
    verdict = verify(Blind(), trials=20)
    row = verdict["value"]
    assert (row.passed, row.z, row.note) == (True, 0.0, "not judged: too small")
    assert "--  not judged: too small" in verdict.report
    assert verdict.passed  # by the other value
    assert verify(Blind(spread=0.01), trials=20, sizes=(4, 8))["value"].note == ""


def test_a_verdict_without_a_judged_value_does_not_pass() -> None:
    class Alone(Blind):
        def draw(self, rng: np.random.Generator) -> dict[str, float]:
            return {"value": super().draw(rng)["value"]}

    verdict = verify(Alone(), trials=20)
    assert not verdict.passed
    assert not verdict.conclusive
    assert "NOT YET JUDGED" in verdict.report


class Single(Toy):
    """A toy without noise at its own size, like the overlap of vectors of one entry."""

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        return {"value": 5.0} if self.size == 1 else {"value": super().draw(rng)["value"]}


def test_a_size_without_noise_is_left_out() -> None:
    assert verify(Single(spread=0.01), trials=50).passed
    assert not verify(Single(spread=0.01), {"value": 2.2}, trials=50).passed
    alone = verify(Single(spread=0.01), trials=50, sizes=(1, 2))
    assert "without noise at all sizes but one" in alone["value"].note
    assert not alone.passed
