"""Pruned synthetic data: verified values, identities, what was published, refusals."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse import ParameterError
from rmtcollapse.errors import MissingParameterError
from rmtcollapse.models import PrunedSynthetic

from .independent_generator import averaged

SCORES = ("accuracy", "risk", "score_mean", "score_variance")


def mixed(**given: Any) -> PrunedSynthetic:
    return PrunedSynthetic(**{
        "dimension": 600, "real_samples": 600, "synthetic_samples": 1600, "ridge": 0.1, "mean_norm": 1.2,
        "label_error": 0.15, "keep_correct": 0.8, "keep_wrong": 0.1, **given,
    })  # fmt: skip


def alone(**given: Any) -> PrunedSynthetic:
    return mixed(**{"real_samples": 0, "keep_wrong": 0.3, **given})


def estimated(**given: Any) -> PrunedSynthetic:
    return mixed(**{"generator": "estimated", "generator_samples": 300, **given})


CASES: dict[str, tuple[PrunedSynthetic, dict[str, float]]] = {
    "beyond the critical error": (
        alone(synthetic_samples=1200, mean_norm=1.5, label_error=0.8, ridge=0.5),
        {"accuracy": 0.41385466462052556, "risk": 1.324994435390753},
    ),
    "fewer kept rows than directions": (
        alone(dimension=800, synthetic_samples=800, mean_norm=1.5, label_error=0.2, keep_correct=0.6, keep_wrong=0.2,
              ridge=0.001),
        {"accuracy": 0.7125821202255627, "risk": 0.9563777935429603},
    ),
    "estimated generator, exact mean": (
        estimated(dimension=400, real_samples=800, mean_norm=0.7, label_error=0.1, keep_correct=0.6, keep_wrong=0.2,
                  ridge=0.05, generator_samples=800),
        {"accuracy": 0.6913025127334419, "risk": 0.8753917752687316},
    ),
    "estimated generator, fewer rows than directions": (
        estimated(estimate_mean=True),
        {"accuracy": 0.773661158868143, "risk": 0.6996977847232939},
    ),
    "generator of the same data": (
        mixed(real_samples=800, synthetic_samples=2400, label_error=0.1, keep_correct=0.9, generator="same-data"),
        {"accuracy": 0.76077901336, "risk": 0.76399533399},
    ),
    "generator of other rows": (
        estimated(real_samples=800, synthetic_samples=2400, label_error=0.1, keep_correct=0.9, generator_samples=800,
                  estimate_mean=True),
        {"accuracy": 0.806694896871998, "risk": 0.5994287548789997},
    ),
    "no pruning, few generator rows": (
        estimated(dimension=400, real_samples=800, mean_norm=0.7, label_error=0.1, keep_correct=1.0, keep_wrong=1.0,
                  ridge=0.05, generator_samples=600),
        {"risk": 0.87628},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("model", "expected"), CASES.values(), ids=CASES)
def test_verified_cases(model: PrunedSynthetic, expected: dict[str, float]) -> None:
    found, exact = model.theory(), model.theory(digits=30)
    for name, value in expected.items():
        # Values are given to so many digits.
        tolerance = 10.0 ** -(len(str(value)) - 2) if len(str(value)) < 14 else 1e-11
        assert found[name] == pytest.approx(value, abs=tolerance), name
    for name in model.VALUES:
        assert found[name] == pytest.approx(float(exact[name]), rel=1e-13), name


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        (100, (0.732926, 0.665919, 0.561327, 0.487707, 0.394938)),
        (1000, (0.824282, 0.796590, 0.666536, 0.462874, 0.258764)),
        (100000, (0.841164, 0.840801, 0.836134, 0.247354, 0.160324)),
    ],
)
def test_published_transition(candidates: int, expected: tuple[float, ...]) -> None:
    model = alone(dimension=100, synthetic_samples=candidates, mean_norm=1.0, ridge=1.0)
    for error, value in zip((0.0, 0.3, 0.6, 0.75, 0.9), expected, strict=True):
        assert model.evolve(label_error=error).theory()["accuracy"] == pytest.approx(value, abs=6e-7)


# ---- identities ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ridge", [0.0, 0.1])
@pytest.mark.parametrize("real", [0, 600])
@pytest.mark.parametrize("own_mean", [False, True])
def test_a_generator_fitted_to_everything_is_exact(ridge: float, real: int, own_mean: bool) -> None:
    exact = mixed(ridge=ridge, real_samples=real)
    model = exact.evolve(generator="estimated", generator_samples=10**15, estimate_mean=own_mean)
    for name in SCORES:
        assert model.theory()[name] == pytest.approx(exact.theory()[name], rel=1e-11), name


@pytest.mark.parametrize(("real", "generator", "own_mean"), [(60, 40, False), (60, 40, True), (20, 300, True)])
def test_average_over_the_generator(real: int, generator: int, own_mean: bool) -> None:
    values, counts, mean = [0.2, 1.0, 3.5], [25, 30, 5], [0.7, 0.4, -0.9]
    covariance = np.repeat(values, counts)
    vector = np.zeros(60)
    vector[[0, 25, 55]] = mean
    model = PrunedSynthetic(
        mean=vector, covariance=covariance, real_samples=real, synthetic_samples=170, ridge=0.08, label_error=0.2,
        keep_correct=0.9, keep_wrong=0.3, generator="estimated", generator_samples=generator, estimate_mean=own_mean,
    )  # fmt: skip
    kept, found = model.kept(), model.theory()
    m, V = averaged(
        values, mean, multiplicity=counts, real=real, candidates=170, ridge=0.08, agreement=kept.agreement,
        kept=kept.share, generator=generator, own_mean=own_mean,
    )  # fmt: skip
    assert found["score_mean"] == pytest.approx(float(m), rel=1e-12)
    assert found["score_variance"] == pytest.approx(float(V), rel=1e-12)
    turned = np.linalg.qr(np.random.default_rng(1).standard_normal((60, 60)))[0]
    dense = model.evolve(mean=turned @ vector, covariance=(turned * covariance) @ turned.T)
    both = dense.evolve(synthetic_covariance=dense.covariance, synthetic_mean=dense.mean)
    for other in (dense, both):
        assert other.theory()["accuracy"] == pytest.approx(found["accuracy"], rel=1e-11)


@pytest.mark.parametrize("candidates", [100, 2000, 10**6])
@pytest.mark.parametrize("ridge", [0.0, 0.3, 1e4])
def test_accuracy_is_a_half_at_the_critical_error_and_less_beyond(candidates: int, ridge: float) -> None:
    model = alone(synthetic_samples=candidates, ridge=ridge)
    critical = model.theory()["critical_label_error"]
    assert critical == pytest.approx(8 / 11, rel=1e-15)
    assert model.evolve(label_error=critical).theory()["accuracy"] == pytest.approx(0.5, abs=1e-14)
    below, beyond = (model.evolve(label_error=critical + step).theory() for step in (-0.02, 0.02))
    assert below["accuracy"] > 0.5 > beyond["accuracy"]
    assert beyond["score_mean"] < 0 < below["score_mean"]


def test_width_of_the_transition() -> None:
    model, square, step = alone(mean_norm=1.0, ridge=0.4), 1.0, 1e-6
    slopes = []
    for candidates in (6 * 10**4, 6 * 10**6):
        phi, alpha = 600 / candidates, 2 * 0.8 * 0.3 / 1.1
        half = alpha - phi - 0.4
        kappa = (math.sqrt(half**2 + 4 * 0.4 * alpha) - half) / 2
        H = phi / (alpha + kappa) ** 2 / (1 - alpha * phi / (alpha + kappa) ** 2)
        slopes.append(-1.1 * square / (math.sqrt(2 * math.pi) * (alpha * (1 + square) + kappa) * math.sqrt(alpha * H)))
        sides = [
            model.evolve(synthetic_samples=candidates, label_error=8 / 11 + x).theory()["accuracy"]
            for x in (step, -step)
        ]
        assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(slopes[-1], rel=1e-6)
    # Ten times as sharp for a hundred times the rows.
    assert slopes[1] / slopes[0] == pytest.approx(10, rel=0.02)


@pytest.mark.parametrize("error", [0.1, 0.5, 0.9])
def test_a_large_ridge_takes_the_mean_of_the_rows(error: float) -> None:
    model = mixed(ridge=1e9, label_error=error)
    share, signal = 0.8 * (1 - error) + 0.1 * error, 0.8 * (1 - error) - 0.1 * error
    pull = (600 + 1600 * signal) * 1.2
    ratio = pull * 1.2 / math.sqrt(pull**2 + 600 * (600 + 1600 * share))
    assert model.theory()["accuracy"] == pytest.approx(0.5 * math.erfc(-ratio / math.sqrt(2)), rel=1e-7)
    assert model.helps_at_large_ridge() == model.synthetic_data_helps() == (error < 0.8)


@pytest.mark.parametrize(("correct", "wrong", "critical"), [(1.0, 1.0, 0.25), (0.9, 0.3, 0.5)])
def test_help_at_a_large_ridge_starts_where_the_condition_says(correct: float, wrong: float, critical: float) -> None:
    model = mixed(ridge=1e9, synthetic_samples=1, real_samples=10**6, keep_correct=correct, keep_wrong=wrong)
    for error, helps in ((critical - 0.01, True), (critical + 0.01, False)):
        assert model.evolve(label_error=error).helps_at_large_ridge() is helps
        # Beside that many rows one is lost in rounding.
        assert model.evolve(label_error=error, synthetic_samples=10**4).synthetic_data_helps() is helps


def test_the_same_data_brings_no_information() -> None:
    model = mixed(dimension=60, real_samples=80, synthetic_samples=0)
    ridges = np.geomspace(1e-3, 1e4, 29)
    best = max(model.evolve(ridge=r).theory()["accuracy"] for r in ridges)
    for candidates in (20, 200, 2000):
        reused = model.evolve(generator="same-data", synthetic_samples=candidates)
        assert max(reused.evolve(ridge=r).theory()["accuracy"] for r in ridges) < best + 1e-6


def test_the_same_data_without_wrong_labels_is_ridge_on_the_real_rows() -> None:
    """As many generated rows as one likes: only the penalty differs."""
    model = mixed(label_error=0.0, keep_correct=1.0, generator="same-data", synthetic_samples=10**12, ridge=0.3)
    real = mixed(synthetic_samples=0, ridge=0.3)
    for name in SCORES:
        assert model.theory()[name] == pytest.approx(real.theory()[name], rel=1e-8), name


@pytest.mark.parametrize(
    "given",
    [
        {"synthetic_samples": 0},
        {"synthetic_samples": 0, "generator": "same-data"},
        {"synthetic_samples": 0, "generator": "estimated", "generator_samples": 3},
        {"label_error": 1.0, "keep_wrong": 0.0, "synthetic_samples": 600},
    ],
)
def test_real_rows_alone(given: dict[str, Any]) -> None:
    scale = 600 / (600 + given["synthetic_samples"])
    model = mixed(**given).evolve(ridge=0.1 * scale)
    expected = mixed(synthetic_samples=0).theory()
    assert dict(model.theory())["risk"] == pytest.approx(expected["risk"], rel=1e-12)


@pytest.mark.parametrize("ridge", [1e-14, 1e-9, 1e9, 1e14])
def test_the_same_data_at_either_end_of_the_ridge(ridge: float) -> None:
    """Where what is fitted of a row is one, or nothing, to rounding."""
    for real, candidates in ((1, 10**5), (10**4, 3)):
        model = mixed(
            dimension=1000, real_samples=real, synthetic_samples=candidates, ridge=ridge, generator="same-data"
        )
        found, exact = model.theory(), model.theory(digits=30)
        for name in SCORES:
            assert found[name] == pytest.approx(float(exact[name]), rel=1e-11), name


def test_nothing_kept_at_all() -> None:
    model = alone(label_error=1.0, keep_wrong=0.0)
    found = model.theory()
    assert (found["accuracy"], found["risk"], found["score_variance"]) == (0.5, 1.0, 0.0)
    assert "no rows" in found.status
    assert model.draw(np.random.default_rng(0)) == {n: found[n] for n in SCORES}
    assert float(model.theory(digits=20)["risk"]) == 1.0


@pytest.mark.parametrize(
    "model",
    [
        estimated(real_samples=200, generator_samples=200),
        estimated(real_samples=200, generator_samples=200, estimate_mean=True),
        estimated(real_samples=200, synthetic_samples=300),
        estimated(generator_samples=2000, estimate_mean=True),
        mixed(real_samples=200, generator="same-data"),
        mixed(real_samples=800, generator="same-data"),
    ],
    ids=str,
)
def test_ridgeless_limits(model: PrunedSynthetic) -> None:
    found, near = model.evolve(ridge=0.0).theory(), model.evolve(ridge=1e-9).theory()
    assert found.regimes[0].startswith("ridgeless")
    for name in SCORES:
        assert found[name] == pytest.approx(near[name], rel=1e-6), name


@pytest.mark.parametrize(
    "given",
    [
        {"synthetic_samples": 0},
        {"generator": "estimated", "generator_samples": 100, "real_samples": 500},
        {"generator": "same-data"},
        {"generator": "same-data", "label_error": 0.0},
        {"generator": "estimated", "generator_samples": 256, "real_samples": 300, "synthetic_samples": 512,
         "keep_correct": 0.5, "keep_wrong": 0.5},
    ],
)  # fmt: skip
def test_interpolation_thresholds(given: dict[str, Any]) -> None:
    found = mixed(**given, ridge=0.0).theory()
    assert math.isinf(found["score_variance"])
    assert found["accuracy"] == 0.5
    assert "threshold" in found.status
    assert mixed(**given, ridge=1e-12).theory()["score_variance"] > 1e4


def test_a_large_population_is_quick_and_exact() -> None:
    model = estimated(dimension=10**5, real_samples=10**5, synthetic_samples=270_000, generator_samples=50_000)
    found, exact = model.theory(), model.theory(digits=30)
    small = model.evolve(dimension=10**4, real_samples=10**4, synthetic_samples=27_000, generator_samples=5000).theory()
    for name in SCORES:
        assert found[name] == pytest.approx(float(exact[name]), rel=1e-13)
        assert found[name] == pytest.approx(small[name], rel=1e-13)


def test_random_settings_agree_with_mpmath() -> None:
    rng = np.random.default_rng(8)
    for k in range(12):
        d, kind = int(rng.integers(2, 6)), ("exact", "estimated", "same-data")[k % 3]
        own: dict[str, Any] = {"generator_samples": int(10 ** rng.uniform(0, 4))} if kind == "estimated" else {}
        if kind != "same-data":
            own |= {"synthetic_mean": rng.standard_normal(d), "synthetic_covariance": 10 ** rng.uniform(-2, 2, d)}
        model = PrunedSynthetic(
            mean=rng.standard_normal(d) * 10 ** rng.uniform(-1, 1), covariance=10 ** rng.uniform(-2, 2, d),
            real_samples=int(10 ** rng.uniform(0, 4)), synthetic_samples=int(10 ** rng.uniform(0, 4)),
            ridge=10 ** rng.uniform(-9, 4), label_error=rng.random(), keep_correct=rng.random(),
            keep_wrong=rng.random(), generator=kind, **own,
        )  # fmt: skip
        found, exact = model.theory(), model.theory(digits=25)
        for name in SCORES:
            assert found[name] == pytest.approx(float(exact[name]), rel=1e-11, abs=1e-300), (name, model)


# ---- what was published ----------------------------------------------------------------------------------------------


def test_published_values_are_those_of_the_code() -> None:
    published = CASES["beyond the critical error"][0].published()
    assert published["accuracy"] == pytest.approx(0.4233974417313531, rel=1e-12)
    assert published["risk"] == pytest.approx(1.4311344570831082, rel=1e-12)
    published = CASES["fewer kept rows than directions"][0].published()
    assert published["risk"] == pytest.approx(-0.8400963233319849, rel=1e-11)
    assert published["score_variance"] < 0
    assert "accuracy" not in published


def test_without_pruning_the_published_values_are_right() -> None:
    d = 30
    rng = np.random.default_rng(2)
    for given in (
        {},
        {"dimension": None, "mean_norm": None, "mean": rng.standard_normal(d), "covariance": np.geomspace(0.1, 3, d),
         "synthetic_mean": rng.standard_normal(d), "synthetic_covariance": np.cov(rng.standard_normal((d, 90)))},
    ):  # fmt: skip
        model = mixed(keep_correct=1.0, keep_wrong=1.0, **given)
        published, theory = model.published(), model.theory()
        for name in SCORES:
            assert published[name] == pytest.approx(theory[name], rel=1e-11), name


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"ridge": 0.0}, "ridge"),
        ({"generator": "same-data"}, "generator"),
        ({"real_samples": 0, "label_error": 1.0, "keep_wrong": 0.0}, "label_error"),
    ],
)
def test_published_has_no_such_case(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ParameterError, match=rf"\A{named} = "):
        mixed(**given).published()


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({"real_samples": 0, "synthetic_samples": 0}, "real_samples"),
        ({"keep_correct": 0.0, "keep_wrong": 0.0}, r"keep_correct \+ keep_wrong"),
        ({"label_error": 1.2}, "label_error"),
        ({"keep_wrong": -0.1}, "keep_wrong"),
        ({"generator": "exakt"}, "generator = 'exakt' .*'exact'"),
        ({"generator_samples": 5}, "generator_samples"),
        ({"generator": "same-data", "generator_samples": 5}, "generator_samples"),
        ({"generator": "estimated", "generator_samples": 0}, "generator_samples"),
        ({"estimate_mean": True}, "estimate_mean"),
        ({"generator": "same-data", "real_samples": 0}, "real_samples"),
        ({"synthetic_mean": [1.0, 2.0]}, "synthetic_mean"),
        ({"mean": [1.0, 2.0], "dimension": None}, "mean_norm"),
    ],
)
def test_bad_input_is_refused(bad: dict[str, Any], named: str) -> None:
    with pytest.raises(ParameterError, match=rf"\A{named}[^\n]*\Z"):
        mixed(**bad)


def test_bad_shapes_are_refused() -> None:
    given: dict[str, Any] = {"dimension": None, "mean_norm": None, "mean": [1.0, 2.0]}
    for bad, named in (
        ({"synthetic_mean": [1.0]}, r"synthetic_mean of shape = \(1,\)"),
        ({"synthetic_covariance": np.eye(3)}, r"synthetic_covariance of shape = \(3, 3\)"),
        ({"synthetic_mean": [1.0, 1.0], "generator": "same-data"}, "synthetic_mean"),
    ):
        with pytest.raises(ParameterError, match=rf"\A{named}"):
            mixed(**given, **bad)


def test_an_estimated_generator_needs_rows() -> None:
    with pytest.raises(MissingParameterError, match="generator_samples"):
        mixed(generator="estimated")


@pytest.mark.parametrize("call", ["helps_at_large_ridge"])
def test_the_closed_condition_says_where_it_holds(call: str) -> None:
    with pytest.raises(ParameterError, match="generator"):
        getattr(estimated(), call)()
    with pytest.raises(ParameterError, match="covariance"):
        getattr(mixed(dimension=None, mean_norm=None, mean=[1.0, 0.0], covariance=[1.0, 2.0]), call)()


def test_digits_reach_the_critical_error() -> None:
    with mp.workdps(40):
        assert (
            abs(alone().theory(digits=40)["critical_label_error"] - mp.mpf(0.8) / (mp.mpf(0.8) + mp.mpf(0.3))) < 1e-38
        )
