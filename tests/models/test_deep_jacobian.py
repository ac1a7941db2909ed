"""Deep Jacobians: verified values, identities of moments and edges, atoms, one's own activations, refusals."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse import ParameterError, simulate, sweep, verify
from rmtcollapse.models import DeepJacobian


def network(depth: int = 3, activation: Any = "linear", **given: Any) -> DeepJacobian:
    return DeepJacobian(**{"depth": depth, "activation": activation, "preactivation_variance": 1.0, **given})


# ---- values --------------------------------------------------------------------------------------------------------

CASES = [
    (network(3), "3.0792014356780040774", "4"),
    (network(50), "11.716270288908235796", "51"),
    (network(3, "relu"), "4.0568161033910367904", "7"),
    (network(3, "relu", weights="orthogonal"), "2.5980762113533159403", "4"),
    (network(5, "hard-tanh", weights="orthogonal"), "2.3819664827297528949", "3.3239738674577204003"),
    (network(5, "tanh"), "4.7557911562615227", "8.9173997068373176643"),
    (network(5, "tanh", weights="orthogonal"), "2.9261980706551579", "3.9173997068373176643"),
    (network(5, "erf"), "4.8619539831007261", "9.3333333333333333333"),
    (network(3, sparsity=0.5, pruning="magnitude"), "3.0792014356780040774", "4"),
    (network(3, sparsity=0.9, pruning="magnitude"), "3.0792014356780040774", "4"),
]


@pytest.mark.parametrize(("model", "largest", "ratio"), CASES)
def test_verified_cases(model: DeepJacobian, largest: str, ratio: str) -> None:
    found = model.theory()
    assert found["largest_singular_value"] == pytest.approx(float(largest), rel=1e-14)
    assert found["fourth_moment_ratio"] == pytest.approx(float(ratio), rel=1e-14)
    assert found["mean_square"] == pytest.approx(1.0, rel=1e-14)
    assert math.sqrt(model.law().support()[-1][1]) == pytest.approx(float(largest), rel=1e-13)


def test_verified_mean_field() -> None:
    tanh, erf, hard = (network(5, name) for name in ("tanh", "erf", "hard-tanh"))
    assert tanh.critical_weight_variance == pytest.approx(2.1533026489027900328, rel=1e-14)
    assert tanh.bias_variance == pytest.approx(0.15096462937855288971, rel=1e-13)
    assert erf.critical_weight_variance == pytest.approx(1.7562036827601815983, rel=1e-14)
    assert erf.bias_variance == pytest.approx(0.18413967780745275353, rel=1e-13)
    assert hard.critical_weight_variance == pytest.approx(1.4647947734915440801, rel=1e-14)
    assert hard.bias_variance == pytest.approx(0.24408013173566270876, rel=1e-13)
    assert network(2, "relu").bias_variance == 0.0


@pytest.mark.parametrize(("sparsity", "kept"), [(0.5, 0.9286740822557405984), (0.9, 0.43928606427878446647)])
def test_verified_pruning(sparsity: float, kept: float) -> None:
    plain = network(3, sparsity=sparsity, pruning="magnitude", rescaled=False)
    assert plain.theory()["mean_square"] == pytest.approx(kept**3, rel=1e-14)
    wrong = plain.evolve(weight_variance=1 / (1 - sparsity)).theory()["largest_singular_value"]
    growth = (kept / (1 - sparsity)) ** 1.5
    assert wrong == pytest.approx(3.0792014356780040774 * growth, rel=1e-13)
    random = network(3, sparsity=sparsity, rescaled=False).theory()
    assert random["mean_square"] == pytest.approx((1 - sparsity) ** 3, rel=1e-14)


@pytest.mark.parametrize("depth", [1, 2, 7, 40, 300])
def test_fuss_catalan_edge(depth: int) -> None:
    exact = mp.sqrt(mp.mpf(depth + 1) ** (depth + 1) / mp.mpf(depth) ** depth)
    assert network(depth).theory()["largest_singular_value"] == pytest.approx(float(exact), rel=1e-13)


def test_one_layer_of_half_the_directions_is_marchenko_pastur() -> None:
    law = network(1, "relu").law()
    assert law.support()[0] == pytest.approx(((1 - math.sqrt(0.5)) ** 2 * 2, (1 + math.sqrt(0.5)) ** 2 * 2), rel=1e-13)
    assert law.atoms() == [(0.0, 0.5)]
    x = np.array([0.2, 1.0, 5.8])
    exact = np.sqrt((x - law.support()[0][0]) * (law.support()[0][1] - x)) / (4 * np.pi * x)
    assert law.density(x) == pytest.approx(exact, rel=1e-13)


RANDOM = [
    {"activation": "relu", "depth": 9, "weights": "orthogonal", "weight_variance": 1.3},
    {"activation": "hard-tanh", "depth": 4, "preactivation_variance": 0.4, "weights": "orthogonal", "sparsity": 0.2},
    {"activation": "tanh", "depth": 30, "preactivation_variance": 3e-3, "weights": "orthogonal"},
    {"activation": "tanh", "depth": 2, "preactivation_variance": 60.0, "sparsity": 0.7, "rescaled": False},
    {"activation": "erf", "depth": 12, "preactivation_variance": 0.3, "weights": "orthogonal", "sparsity": 0.6,
     "pruning": "magnitude"},
    {"activation": "erf", "depth": 1, "preactivation_variance": 5.0, "weights": "orthogonal", "sparsity": 1e-3},
    {"activation": "linear", "depth": 60, "weights": "orthogonal", "sparsity": 0.999, "pruning": "magnitude"},
    {"activation": "hard-tanh", "depth": 2, "preactivation_variance": 1e4},
    {"activation": "linear", "depth": 43, "sparsity": 0.9999988603690094, "pruning": "magnitude", "rescaled": False},
]  # fmt: skip


@pytest.mark.parametrize("given", RANDOM)
def test_values_agree_with_thirty_digits(given: dict[str, Any]) -> None:
    model = network(**given)
    theory, reference = model.theory(), model.theory(digits=30)
    for name, value in theory.items():
        assert value == pytest.approx(float(reference[name]), rel=2e-13), name


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
def test_edges_agree_with_an_independent_solution(weights: str) -> None:
    """Of the equation in xi, with Gauss-Legendre nodes for the mean over the slopes, and no system of the package."""
    from scipy.optimize import minimize_scalar

    nodes, shares = np.polynomial.legendre.leggauss(400)
    z, share = 9 * nodes, 9 * shares * np.exp(-81 * nodes**2 / 2) / math.sqrt(2 * math.pi)
    d = np.cosh(z) ** -4.0
    variance = 1 / (share @ d)

    def log_x(xi: float) -> float:
        psi = float(share @ (xi * d / (1 - xi * d)))
        inverse = 1 if weights == "orthogonal" else 1 / (1 + psi)
        return -math.log(psi / (1 + psi)) - 4 * math.log(inverse * xi * (1 + psi) / psi / variance)

    # log x falls from infinity, and rises again towards the pole: its least value is the edge
    found = minimize_scalar(log_x, bounds=(0.01, 0.95), method="bounded", options={"xatol": 1e-9})
    expected = math.exp(found.fun / 2)
    assert network(4, "tanh", weights=weights).theory()["largest_singular_value"] == pytest.approx(expected, rel=1e-13)


def test_sweeps_and_prunes_rows_of_values() -> None:
    data = sweep(network(3, "relu"), depth=[1, 2, 3], sparsity=[0.0, 0.5])
    assert data["fourth_moment_ratio"].values[:, 0] == pytest.approx([3, 5, 7])
    assert data["largest_singular_value"].values[:, 1] == pytest.approx(data["largest_singular_value"].values[:, 0])


# ---- the law ---------------------------------------------------------------------------------------------------------


def test_an_atom_at_the_top_keeps_its_mass() -> None:
    model = network(5, "hard-tanh", weights="orthogonal", preactivation_variance=0.1)
    p = math.erf(math.sqrt(5))
    (zero, low), (place, mass) = model.law().atoms()
    assert (zero, low) == (0.0, pytest.approx(1 - p, rel=1e-13))
    assert (place, mass) == (pytest.approx(p**-5), pytest.approx(1 - 5 * (1 - p)))
    assert model.theory()["largest_singular_value"] == pytest.approx(p**-2.5)
    values = model.evolve(width=400).singular_values(np.random.default_rng(0)) ** 2
    assert np.mean(np.isclose(values, p**-5, rtol=1e-10)) == pytest.approx(mass, abs=0.01)


def test_at_the_threshold_the_density_diverges_at_the_top() -> None:
    law = network(2, "relu", weights="orthogonal").law()
    assert law.support() == [(0.0, pytest.approx(4.0))]
    assert law.density(law.support()[0][1]) == math.inf
    x = np.array([0.01, 1.0, 3.99])  # two free projections of trace 1/2: the arcsine law on (0, 1), times 4
    assert law.density(x) == pytest.approx(0.5 / (np.pi * np.sqrt(x * (4 - x))), rel=1e-12)


def test_mean_field_recursion_ends_where_it_is_kept() -> None:
    model = network(3, "tanh")
    path = model.preactivation_variances(0.3, 400)
    assert path[0] == 0.3
    assert np.all(np.diff(path) >= 0)
    assert path[20] == pytest.approx(1.0, abs=1e-6)
    kept = model.preactivation_variances(1.0, 3)
    assert kept == pytest.approx(np.ones(3), rel=1e-13)
    stable = model.evolve(weight_variance=1.2).preactivation_variances(0.3, 200)
    assert stable[-1] == pytest.approx(1.0, rel=1e-6)
    with pytest.raises(ParameterError, match="input_variance"):
        model.preactivation_variances(-1.0, 3)


def test_isometry_needs_orthogonal_weights_and_small_preactivations() -> None:
    spread = [network(20, "erf", weights="orthogonal", preactivation_variance=q).singular_value_spread()
              for q in (1.0, 0.1, 0.01)]  # fmt: skip
    assert spread[0] > spread[1] > spread[2]
    assert network(20, "erf", preactivation_variance=0.01).singular_value_spread() > math.sqrt(20)
    assert network(20, weights="orthogonal").singular_value_spread() == 0.0


# ---- experiments ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"activation": "relu", "weights": "orthogonal"},
        {"activation": "tanh", "sparsity": 0.4},
        {"activation": "linear", "weights": "orthogonal", "sparsity": 0.3},
        {"activation": "linear", "weights": "orthogonal", "sparsity": 0.6, "pruning": "magnitude", "rescaled": False},
        {"activation": "erf", "weights": "orthogonal", "weight_variance": 3.0},
    ],
)
def test_simulated_moments_agree(given: dict[str, Any]) -> None:
    for width in (60, 120):
        model = network(2, width=width, **given)
        theory, found = model.theory(), simulate(model, trials=40, seed=3)
        for name in ("mean_square", "fourth_moment_ratio"):
            gap = abs(found[name].mean - theory[name])
            assert gap < 4 * found[name].standard_error + 3 / width * theory[name], name
        edge = found["largest_singular_value"]
        allowance = 3 / width ** (2 / 3) * theory["largest_singular_value"]
        assert abs(edge.mean - theory["largest_singular_value"]) < 4 * edge.standard_error + allowance


def test_pruned_rotations_are_not_as_if_they_had_independent_entries() -> None:
    model = network(2, weights="orthogonal", sparsity=0.3, width=160)
    found = simulate(model, trials=20)["fourth_moment_ratio"]
    assert model.theory()["fourth_moment_ratio"] == pytest.approx(1 + 2 * (1 - 0.7**2), rel=1e-14)
    assert abs(found.mean - (1 + 2 * (1 - 0.7**2))) < 4 * found.standard_error + 0.01
    assert abs(found.mean - 3) > 0.5


@pytest.mark.slow
def test_the_verdict_agrees_and_rejects_a_wrong_edge() -> None:
    model = network(2, width=64)
    assert verify(model, trials=100, sizes=(1, 2, 4)).passed
    wrong = verify(model, theory={"largest_singular_value": 2.45}, trials=100, sizes=(1, 2, 4))
    assert not wrong.passed
    assert wrong["largest_singular_value"].rate == 2 / 3


def test_heaviest_row_of_a_sparse_layer() -> None:
    """It is near the heaviest of many rows that are drawn, and few weights a row make an outlier."""
    rng = np.random.default_rng(0)
    for left in (10, 40):
        model = network(1, sparsity=1 - left / 1000, width=1000)
        alpha, norm = model.heaviest_row()
        rows = [np.sum(rng.normal(size=rng.poisson(left)) ** 2) / left for _ in range(1000)]
        assert 0.75 * max(rows) < alpha < 1.6 * max(rows)
        assert norm >= 2
    assert network(1, sparsity=0.99, width=10**6).heaviest_row()[1] == 2.0
    with pytest.raises(ParameterError, match="random"):
        network(1, pruning="magnitude").heaviest_row()
    with pytest.raises(ParameterError, match="1/width"):
        network(1, sparsity=0.999, width=100).heaviest_row()


# ---- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"depth": 0}, "depth = 0"),
        ({"activation": "rellu"}, "did you mean 'relu'"),
        ({"activation": np.tanh}, "no derivative"),
        ({"activation": (np.tanh, np.cosh)}, "a function and its derivative"),
        ({"activation": (np.square, lambda h: 2 * h), "weight_variance": 1.0}, None),
        ({"activation": (math.tanh, math.cosh)}, "functions of NumPy arrays"),
        ({"sparsity": 1.0}, r"\[0, 1\)"),
        ({"sparsity": -0.1}, r"\[0, 1\)"),
        ({"weight_variance": 0.0}, "> 0"),
        ({"preactivation_variance": 0.0}, "from 1e-12"),
        ({"weights": "haar"}, "gaussian, orthogonal"),
        ({"pruning": "smallest"}, "random, magnitude"),
        ({"rescaled": 1}, "true or false"),
        ({"activation": (lambda h: 1 + h, np.ones_like)}, "can be critical"),
    ],
)
def test_wrong_parameters_are_refused(given: dict[str, Any], message: str | None) -> None:
    if message is None:
        with pytest.raises(ParameterError, match="bounded"):
            network(**given).theory()
        return
    with pytest.raises(ParameterError, match=message):
        network(**given)


def test_a_bias_that_cannot_be_is_said() -> None:
    assert network(3, "tanh").theory().status == "converged"
    assert "no bias" in network(3, "tanh", weight_variance=5.0).theory().status
    assert network(3, "relu", weight_variance=5.0).theory().status == "converged"
