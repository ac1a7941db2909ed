"""Pruned, sparse and correlated weights of deep networks: kept squares, right and wrong scaling, outliers."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse import ParameterError, simulate
from rmtcollapse.models import DeepJacobian


def network(depth: int = 2, **given: Any) -> DeepJacobian:
    common = {"depth": depth, "activation": "linear", "preactivation_variance": 1.0}
    return DeepJacobian(**{**common, **given})


SPARSITIES = [1e-30, 1e-5, 0.3, 0.5, 0.9, 1 - 1e-12, 1 - 2**-53]
QUICK = [0.3, 0.9, 1 - 1e-12]


@pytest.mark.parametrize(
    ("pruning", "sparsity"),
    [
        *(("magnitude", s) for s in SPARSITIES),
        *(pytest.param("score", s, marks=[] if s in QUICK else pytest.mark.slow) for s in SPARSITIES),
    ],
)
def test_what_is_kept_is_what_the_threshold_leaves(pruning: str, sparsity: float) -> None:
    """By quadrature of the definitions: the share pruned, and the squares lost or kept, whichever is small."""
    found = network(1, sparsity=sparsity, pruning=pruning, rescaled=False, weight_variance=1.0).theory()
    with mp.workdps(28 if 0.1 < sparsity < 0.99 else 50):  # quad stops at an absolute error
        tau = mp.mpf(found.unknowns["threshold"])
        kept, lost = found.unknowns["kept"], found.unknowns["lost"]
        left, gone = _shares(tau, pruning)
        assert float(gone) == pytest.approx(sparsity, rel=1e-13, abs=0)
        # the share that is left falls so much faster than the threshold grows
        assert float(left) == pytest.approx(1 - sparsity, rel=1e-13 + 1e-15 * float(tau) ** 2, abs=0)
        assert kept == pytest.approx(float(_squares(tau, pruning, True)), rel=1e-13, abs=0)
        assert lost == pytest.approx(float(_squares(tau, pruning, False)), rel=1e-13, abs=0)
    assert found["mean_square"] == pytest.approx(kept, rel=1e-15)


def _over_weights(function: Any, tau: Any) -> Any:
    """E over a normal weight; in log w, which resolves a threshold however small."""
    places = [*range(int(mp.log(tau)) - 75, -3, 3), -3, -1, 0, 1, 2, 3]
    return 2 * mp.quad(lambda y: function(mp.exp(y)) * mp.npdf(mp.exp(y)) * mp.exp(y), places)


def _shares(tau: Any, pruning: str) -> tuple[Any, Any]:
    if pruning == "magnitude":
        return mp.erfc(tau / mp.sqrt(2)), mp.erf(tau / mp.sqrt(2))
    left, gone = (_over_weights(lambda w, f=f: f(tau / w / mp.sqrt(2)), tau) for f in (mp.erfc, mp.erf))
    return left, gone


def _squares(tau: Any, pruning: str, kept: bool) -> Any:
    if pruning == "magnitude":
        ends = (tau**2 / 2, mp.inf) if kept else (0, tau**2 / 2)
        return mp.gammainc(1.5, *ends, regularized=True)
    f = mp.erfc if kept else mp.erf
    return _over_weights(lambda w: w**2 * f(tau / w / mp.sqrt(2)), tau)


@pytest.mark.parametrize("given", [
    {"sparsity": 0.8, "pruning": "score", "rescaled": False},
    {"sparsity": 1e-9, "pruning": "score", "weights": "orthogonal", "depth": 7},
    {"sparsity": 1e-9, "pruning": "magnitude", "weights": "orthogonal", "depth": 7},
    {"sparsity": 1e-14, "weights": "orthogonal", "depth": 3},
    {"sparsity": 0.3, "pruning": "score", "weights": "orthogonal", "activation": "tanh"},
    pytest.param({"sparsity": 1 - 1e-6, "pruning": "score", "weights": "orthogonal", "activation": "relu"},
                 marks=pytest.mark.slow),
])  # fmt: skip
def test_values_agree_with_thirty_digits(given: dict[str, Any]) -> None:
    model = network(**given)
    theory, reference = model.theory(), model.theory(digits=30)
    for name, value in theory.items():
        assert value == pytest.approx(float(reference[name]), rel=2e-13), name


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
def test_pruning_by_a_score_is_simulated(weights: str) -> None:
    gaps = []
    for width in (60, 120):
        model = network(2, weights=weights, width=width, sparsity=0.6, pruning="score", rescaled=False)
        theory, found = model.theory(), simulate(model, trials=40, seed=5)
        for name in ("mean_square", "fourth_moment_ratio"):
            gap = abs(found[name].mean - theory[name])
            assert gap < 4 * found[name].standard_error + 6 / width * theory[name], name
        gaps.append(theory["largest_singular_value"] / found["largest_singular_value"].mean - 1)
        assert abs(gaps[-1]) < 3 / width ** (2 / 3)
    assert abs(theory["fourth_moment_ratio"] - 3) > 0.3 or weights == "gaussian"


def test_the_wrong_scaling_inflates_every_singular_value() -> None:
    right = network(3, sparsity=0.9, pruning="score")
    wrong = right.evolve(rescaled=False, weight_variance=1 / (1 - 0.9))
    growth = right.wrong_scaling_inflation()
    for name, power in (("largest_singular_value", 1), ("mean_square", 2), ("fourth_moment_ratio", 0)):
        assert wrong.theory()[name] == pytest.approx(right.theory()[name] * growth**power, rel=1e-13), name
    assert right.evolve(pruning="magnitude").wrong_scaling_inflation() == pytest.approx(9.2064, rel=1e-4)
    assert right.evolve(pruning="random").wrong_scaling_inflation() == 1.0
    assert right.evolve(sparsity=0.0).wrong_scaling_inflation() == 1.0


def test_heaviest_rows_beside_simulations_at_a_width_of_two_thousand() -> None:
    simulated = {5: 2.70, 10: 2.373, 20: 2.169, 50: 2.062, 100: 2.022}
    for left, norm in simulated.items():
        model = network(1, sparsity=1 - left / 2000, width=2000)
        assert model.heaviest_row()[1] == pytest.approx(norm, rel=0.04)


# ---- correlated weights ---------------------------------------------------------------------------------------------


def test_correlated_weights_are_simulated() -> None:
    """Entries of a common covariance: a layer at a time, beside the place at its own common variable."""
    rng = np.random.default_rng(0)
    for width in (80, 240):
        correlation, gaps, outliers = 3 / width, [], []
        model = network(1, width=width)
        for _ in range(24):
            common = rng.normal()
            entries = math.sqrt(1 - correlation) * rng.normal(size=(width, width)) + math.sqrt(correlation) * common
            largest = np.linalg.norm(entries, 2) / math.sqrt(width)
            predicted = model.correlation_outlier(correlation, math.erf(abs(common) / math.sqrt(2)))[1]
            gaps.append(largest / predicted - 1)
            outliers.append(correlation * width * common**2 > 1 - correlation)
        assert np.abs(gaps).max() < 3 / width ** (2 / 3)
        chance = model.correlation_outlier(correlation)[0]
        assert abs(np.mean(outliers) - chance) < 4 * math.sqrt(chance * (1 - chance) / 24)


def test_correlations_that_do_not_count() -> None:
    model = network(1, width=100)
    assert model.correlation_outlier(0.0) == (0.0, 2.0)
    assert model.correlation_outlier(1e-5)[0] < 1e-100
    chance, median = model.correlation_outlier(0.04)
    assert chance == pytest.approx(float(mp.erfc(mp.sqrt(mp.mpf("0.96") / 8))), rel=1e-14)
    theta = 2 * 0.67448975019608174  # the median of the absolute value of a normal variable
    assert median == pytest.approx((0.96 + theta**2) / theta, rel=1e-14)
    at_threshold = model.correlation_outlier(0.04, 1 - chance)[1]
    assert at_threshold == pytest.approx(2 * math.sqrt(0.96), rel=1e-13)


@pytest.mark.parametrize(
    ("given", "arguments", "message"),
    [
        ({}, (-0.1,), r"correlation = -0.1.*\[0, 1\)"),
        ({}, (1.0,), r"correlation = 1.0"),
        ({}, (math.nan,), "correlation = nan"),
        ({}, ("0.1",), "correlation = '0.1'"),
        ({}, (True,), "correlation = True"),
        ({}, (0.1, 0.0), r"quantile = 0.0.*\(0, 1\)"),
        ({}, (0.1, 1), "quantile = 1"),
        ({"weights": "orthogonal"}, (0.1,), "weights = 'orthogonal'"),
        ({"sparsity": 0.5}, (0.1,), "sparsity = 0.5"),
    ],
)
def test_wrong_correlations_are_refused(given: dict[str, Any], arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        network(1, **given).correlation_outlier(*arguments)
