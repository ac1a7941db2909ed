"""Eight definitions of collapse on curves whose answers are known, on sweeps, under noise, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rmtcollapse import ParameterError, Spectrum, models, sweep
from rmtcollapse.models import AccumulatedRegression, RecursiveRegression, collapse_report

Array = NDArray[np.float64]
T = np.arange(41.0)
RISK = ("catastrophic_increase", "any_increase", "diverging_risk")
OTHERS = ("collapsing_variance", "changed_scaling_law", "entangled_modes", "lost_tail", "hallucinated_data")


def answers(curve: Any, *names: str, **given: Any) -> tuple[bool | None, ...]:
    report = collapse_report(curve, **given)
    return tuple(report[name].met for name in names)


# ---- the first three, on exact curves --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (1 + T, (True, True, True)),
        (5 + 0.1 * T, (False, True, True)),
        (1 + np.sqrt(T), (True, True, True)),
        (1 + T**2, (True, True, True)),
        (1.1**T, (True, True, True)),
        (np.cumsum(1 / (1 + T) ** 2), (False, True, False)),
        (3 * np.cumsum(1 / (1 + T) ** 2) - 2, (False, True, False)),
        (1.1 - 0.8**T, (True, True, False)),
        (np.full(41, 0.3), (False, False, False)),
        (1 / (1 + T), (False, False, False)),
        (1 + 0.1 * np.sin(T), (False, True, False)),
        (1 + np.log1p(T), (True, True, None)),  # no finite curve tells a logarithm from a limit
        (1.1 - 0.99**T, (True, True, None)),  # still far from its limit, but slowing down
        (np.array([1, 2, np.inf, np.inf]), (True, True, True)),
        (np.array([0, 0, 0.1]), (True, True, None)),
        (np.array([1.0, 2.0]), (False, True, None)),
        (np.full(41, 0.3) * (1 + 1e-14 * np.sin(7 * T)), (False, False, False)),  # rounding
    ],
)
def test_risk_over_generations(curve: Array, expected: tuple[bool | None, ...]) -> None:
    assert answers(curve, *RISK) == expected
    assert answers(7e-5 * curve, *RISK) == expected
    assert answers(curve.tolist(), *OTHERS) == (None,) * 5


def test_catastrophic_is_a_multiple_of_ones_own() -> None:
    curve = 1 + T / 10
    assert answers(curve, "catastrophic_increase") == (True,)
    assert answers(curve, "catastrophic_increase", threshold=5.0) == (False,)
    assert collapse_report(curve)["catastrophic_increase"].statistic == pytest.approx(5)


@pytest.mark.parametrize("last", [8, 9, 20, 33, 100, 1000])
def test_the_length_of_a_curve_does_not_matter(last: int) -> None:
    t = np.arange(last + 1.0)
    assert answers(1 + t, "diverging_risk") == (True,)
    assert answers(np.cumsum(1 / (1 + t) ** 2), "diverging_risk") == (False,)
    assert answers(1 + np.log1p(t), "diverging_risk") == (None,)


def test_generations_need_not_be_evenly_spaced() -> None:
    times = [0, 1, 2, 4, 8, 16, 32, 64]
    for exponent in (0.5, 1.0, 2.0):
        found = collapse_report(1 + np.array(times) ** exponent, generations=times)["diverging_risk"]
        assert found.met
        assert found.statistic == pytest.approx(exponent, abs=1e-9)
    assert answers(2 - 1 / (1 + np.array(times)), "diverging_risk", generations=times) == (False,)
    assert answers([1, 2, 3, 4, 5, 6], "diverging_risk", generations=[0, 1, 2, 3, 4, 100]) == (None,)


def test_a_known_limit_decides() -> None:
    assert answers(1 + np.log1p(T), "diverging_risk", limit=np.inf) == (True,)
    assert answers(1 + np.log1p(T), "diverging_risk", limit=9.0) == (False,)


def test_a_curve_that_begins_late_says_so() -> None:
    found = collapse_report(3 + T, generations=T + 3)
    assert [found[name].met for name in RISK] == [None, None, True]
    assert "3 generations after" in found["any_increase"].reason


# ---- noise -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clean", "never"),
    [
        (lambda t: 1 + 0 * t, (True, True, True)),
        (lambda t: 1 + t, (False, False, False)),
        (lambda t: np.cumsum(1 / (1 + t) ** 2), (True, False, True)),
    ],
)
def test_noise_alone_seldom_decides(clean: Callable[[Array], Array], never: tuple[bool, ...]) -> None:
    rng, wrong = np.random.default_rng(0), np.zeros(3)
    for _ in range(200):
        curve = clean(np.arange(33.0))
        errors = 0.05 * curve
        noisy = abs(curve + rng.normal(size=33) * errors)
        found = answers(noisy, *RISK, standard_error=errors)
        wrong += [one is bad for one, bad in zip(found, never, strict=True)]
    assert np.all(wrong <= 200 * 0.01 + 4 * np.sqrt(200 * 0.01)), wrong


def test_what_errors_do_not_settle_is_left_open() -> None:
    curve = 1 + T
    assert answers(curve, *RISK, standard_error=0.01 * curve) == (True, True, True)
    assert answers(curve, *RISK, standard_error=10 * curve) == (None, None, None)
    bounded = np.cumsum(1 / (1 + T) ** 2)
    for error, expected in ((1e-4, False), (4e-3, None), (1.0, None)):
        assert answers(bounded, "diverging_risk", standard_error=np.full(41, error)) == (expected,)
    flat = np.full(41, 2.0)
    assert answers(flat, "any_increase", standard_error=0.01 * flat) == (None,)
    assert answers(flat, "catastrophic_increase", standard_error=0.01 * flat) == (False,)


# ---- what the others need ------------------------------------------------------------------------------------------


def test_each_missing_part_is_named() -> None:
    report = collapse_report(1 + T)
    assert report.unknown == OTHERS
    parts = ("variance=", "samples=", "confusion=", "tail=", "hallucinated=")
    assert all(part in report[name].reason for name, part in zip(OTHERS, parts, strict=True))


@pytest.mark.parametrize(
    ("variance", "expected"),
    [
        (0.9**T, True),
        (np.cumprod(1 - 1 / (50 * (1 + T) ** 2)), False),  # accumulated data: the product stays positive
        (np.ones(41), False),
        (1 + T, False),
        (1 / (1 + T), None),  # -log of a power is a logarithm
        (np.maximum(1 - T / 20, 0), True),
        (np.zeros(41), None),
    ],
)
def test_collapsing_variance(variance: Array, expected: bool | None) -> None:
    assert answers(1 + T, "collapsing_variance", variance=variance) == (expected,)


def test_definitions_can_disagree() -> None:
    """Gaussians refitted without bias: the variance is constant in the mean, and yet the drift has no limit."""
    report = collapse_report(T / 30, variance=np.ones(41), hallucinated=np.zeros(41), tail=100 - T, confusion=T * 0 + 1)
    assert report.met == ("catastrophic_increase", "any_increase", "diverging_risk", "lost_tail")
    assert not report["collapsing_variance"].met


def test_scaling_laws() -> None:
    sizes = np.geomspace(100, 10_000, 7)
    shift, steeper = 1 / sizes + 0 * T[:, None], sizes ** -(1 - 0.01 * T[:, None])
    grown = (1 + T[:, None]) / sizes
    plateau = 1 / sizes + 0.01 * T[:, None]
    assert answers(shift, "changed_scaling_law", samples=sizes) == (False,)
    assert answers(grown, *RISK, "changed_scaling_law", samples=sizes) == (True, True, True, False)
    assert answers(plateau, "changed_scaling_law", samples=sizes) == (True,)
    found = collapse_report(steeper, samples=sizes)["changed_scaling_law"]
    assert found.met
    assert found.statistic == pytest.approx(0.4, abs=1e-12)
    assert answers(grown[:, :2], "changed_scaling_law", samples=sizes[:2]) == (None,)
    assert answers(grown, "changed_scaling_law", samples=sizes, standard_error=0.5 * grown) == (None,)
    assert answers(steeper, "changed_scaling_law", samples=sizes, standard_error=0.5 * steeper) == (None,)
    assert answers(plateau, "changed_scaling_law", samples=sizes, standard_error=1e-3 * plateau) == (True,)
    assert answers(0 * grown, "changed_scaling_law", samples=sizes) == (None,)


def test_the_largest_sample_size_answers_for_the_risk() -> None:
    risk = np.stack([1 + T, np.ones(41), 1 / (1 + T)], axis=1)
    assert answers(risk, *RISK, samples=[10, 20, 30]) == (False, False, False)
    assert answers(risk[:, ::-1], *RISK, samples=[10, 20, 30]) == (True, True, True)


# ---- sweeps ----------------------------------------------------------------------------------------------------------


ITERATED = AccumulatedRegression(dimension=20, samples=60, noise_variance=1.0, iterations=8)


@pytest.mark.parametrize(
    ("workflow", "met"),
    [
        ("replace", RISK),
        ("accumulate", ("any_increase",)),
        ("accumulate-subsample", ("any_increase",)),
    ],
)
def test_workflows(workflow: str, met: tuple[str, ...]) -> None:
    found = sweep(ITERATED.evolve(workflow=workflow), iterations=range(1, 31), samples=[60, 120, 240, 480])
    report = collapse_report(found)
    assert report.met == met
    assert "limit is known" in report["diverging_risk"].reason
    assert report["changed_scaling_law"].met is False
    # The curve alone leads to the same answers.
    assert collapse_report(found["test_error"]).met == met
    assert collapse_report(found["test_error"].isel(samples=0).values).met == met
    late = collapse_report(found.isel(iterations=slice(3, None)))
    assert late["any_increase"].met is None


def test_recursive_regression() -> None:
    chain = RecursiveRegression(
        spectrum=Spectrum.isotropic(100),
        samples=150,
        ridge=0.1,
        noise_variance=0.1,
        generations=0,
        generator_samples=200,
    )
    linear = sweep(chain, generations=range(33), samples=[150, 300, 600, 1200, 2400], ridge=[0.1])
    assert collapse_report(linear).met == (*RISK, "changed_scaling_law")  # the generators' error does not fall with T
    saturating = collapse_report(sweep(chain.evolve(generator_samples=80), generations=range(33)))
    assert saturating["diverging_risk"].met is False
    assert saturating["any_increase"].met
    silent = chain.evolve(noise_variance=0.0, designs="all-shared", generator_samples=None)
    assert collapse_report(sweep(silent, generations=range(33))).met == ()


def test_a_simulated_curve_brings_its_errors() -> None:
    found = sweep(ITERATED, iterations=range(1, 10), trials=60)
    report = collapse_report(found, value="test_error_simulated")
    assert report["any_increase"].met
    coarse = found.assign(test_error_standard_error=10 * found["test_error_simulated"])
    assert collapse_report(coarse, value="test_error_simulated")["any_increase"].met is None


def test_what_a_model_predicts_besides_is_used() -> None:
    import xarray as xr

    def axis(values: Array) -> xr.Variable:
        return xr.Variable(("generations",), values)

    values = {
        "test_error": axis(1 - 0.8**T),
        "collision_probability": axis(1 - 0.9**T),
        "surviving_tokens": axis(50 - T),
    }
    report = collapse_report(xr.Dataset(values, coords={"generations": T}))
    assert report["collapsing_variance"].met
    assert report["lost_tail"].met
    gauss = {"test_error": axis(1 - 0.8**T), "expected_variance": axis(np.ones(41))}
    assert collapse_report(xr.Dataset(gauss, coords={"generations": T}))["collapsing_variance"].met is False


# ---- text and refusals ---------------------------------------------------------------------------------------------


def test_text_and_plain_values() -> None:
    report = collapse_report(1 + T)
    lines = str(report).splitlines()
    assert lines[0] == "model collapse: 3 of 8 definitions met"
    assert len(lines) == 9
    assert [line.split()[1] for line in lines[1:]] == [one.name for one in report]
    assert lines[4].count("cannot be told") == 1
    plain = report.to_dict()
    assert plain["met"] == list(RISK)
    assert plain["definitions"][0]["met"] is True
    with pytest.raises(KeyError, match="did you mean 'any_increase'"):
        report["any_increas"]
    assert "collapse_report" in dir(models)


@pytest.mark.parametrize(
    ("curve", "given", "part"),
    [
        ([1.0], {}, "shape of curve"),
        (np.ones((2, 2, 2)), {}, "shape of curve"),
        ("curve", {}, "curve = 'curve'"),
        ([1.0, np.nan], {}, "curve = nan"),
        ([1.0, -2.0], {}, "curve = -2.0"),
        (1 + T, {"standard_error": [1.0]}, "shape of standard_error"),
        (1 + T, {"standard_error": -T}, "standard_error = -1.0"),
        (1 + T, {"generations": -T}, "generations = "),
        (1 + T, {"generations": 0 * T}, "increasing"),
        (1 + T, {"samples": [1, 2]}, "two-dimensional"),
        (np.ones((3, 2)), {}, "samples = None"),
        (1 + T, {"limit": -1.0}, "limit = -1.0"),
        (1 + T, {"variance": [1.0]}, "shape of variance"),
        (1 + T, {"tail": np.full(41, np.inf)}, "tail = inf"),
        (1 + T, {"threshold": 1.0}, "threshold = 1.0"),
        (1 + T, {"threshold": "3"}, "threshold = '3'"),
        (1 + T, {"level": 0.7}, "level = 0.7"),
    ],
)
def test_refusals(curve: Any, given: dict[str, Any], part: str) -> None:
    with pytest.raises(ParameterError, match=r"\A[^\n]+\Z") as caught:
        collapse_report(curve, **given)
    assert part in str(caught.value)


def test_sweeps_that_are_no_curve_are_refused() -> None:
    with pytest.raises(ParameterError, match="one of generations, iterations, rounds"):
        collapse_report(sweep(ITERATED, samples=[60, 70]))
    with pytest.raises(ParameterError, match="one cell of noise_variance"):
        collapse_report(sweep(ITERATED, iterations=[1, 2], noise_variance=[0.1, 0.2]))
    with pytest.raises(ParameterError, match="did you mean 'test_error'"):
        collapse_report(sweep(ITERATED, iterations=[1, 2]), value="tset_error")
