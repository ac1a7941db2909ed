"""Unequal layers: equal ones are those of the deep Jacobian, polynomials and free products, simulations, refusals."""

from __future__ import annotations

import math
from functools import reduce
from operator import matmul
from typing import Any

import numpy as np
import pytest

from rmtcollapse import ConvergenceError, ParameterError, simulate
from rmtcollapse.models.deep_jacobian import DeepJacobian
from rmtcollapse.models.layered_jacobian import LayeredJacobian
from rmtcollapse.spectra import MarchenkoPastur

NAMES = ("linear", "relu", "hard-tanh", "tanh", "erf")


def network(widths: list[int], activation: str = "linear", **given: Any) -> LayeredJacobian:
    common = {"input_variance": 2.0, "weight_variance": 1.5, "bias_variance": 0.05}
    return LayeredJacobian(**{"widths": widths, "activation": activation, **common, **given})


# ---- values --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
@pytest.mark.parametrize("activation", NAMES)
def test_equal_layers_are_those_of_the_deep_jacobian(activation: str, weights: str) -> None:
    equal = DeepJacobian(depth=5, activation=activation, preactivation_variance=0.7, weights=weights)
    given = {"input_variance": 0.7, "weight_variance": equal.critical_weight_variance, "weights": weights}
    model = network([100] * 6, activation, **given, bias_variance=max(equal.bias_variance, 0.0))
    assert model.preactivation_variances()[0] == 0.7
    assert dict(model.theory()) == pytest.approx(dict(equal.theory()), rel=1e-13)
    if activation == "linear" and weights == "orthogonal":
        assert model.law().atoms() == equal.law().atoms()
        return
    x = equal.law().largest * np.array([0.01, 0.2, 0.45])  # two bulks of hard tanh have a gap above
    assert model.density(x) == pytest.approx(equal.density(x), rel=1e-12)
    assert model.law().moments(4) == pytest.approx(equal.law().moments(4), rel=1e-13)


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
@pytest.mark.parametrize("widths", [[3, 5, 2], [4, 2, 3]])
def test_values_agree_with_an_independent_solution(widths: list[int], weights: str) -> None:
    """Of the equation for tau, by Gauss-Legendre nodes, a root search for each layer, and a search for the least z."""
    from scipy.optimize import brentq, minimize_scalar

    nodes, shares = np.polynomial.legendre.leggauss(1000)
    z, share = 9 * nodes, 9 * shares * np.exp(-81 * nodes**2 / 2) / math.sqrt(2 * math.pi)
    q, laws = 2.0, []
    for _ in widths[1:]:
        laws.append(np.cosh(math.sqrt(q) * z) ** -4.0)
        q = 1.5 * (share @ np.tanh(math.sqrt(q) * z) ** 2) + 0.05

    def psi(d: np.ndarray, xi: float) -> float:
        return float(share @ (d * xi / (1 - d * xi)))

    def log_z(log_tau: float) -> float:
        tau = math.exp(log_tau)
        total = math.log((widths[-1] + tau) / tau)
        for d, inputs, outputs in zip(laws, widths[:-1], widths[1:], strict=True):
            xi = brentq(lambda x, d=d, n=inputs: psi(d, x) - tau / n, 1e-9, 1 - 1e-6, xtol=1e-14, rtol=1e-13)
            total += math.log(1.5 * tau / inputs / xi)
            total -= math.log(1 + tau / max(inputs, outputs)) if weights == "orthogonal" else 0.0
        return total

    edge = minimize_scalar(log_z, bounds=(-3, 4), method="bounded", options={"xatol": 1e-6}).fun
    means = [share @ d for d in laws]
    ratio = 1 + sum(
        (share @ d**2) / m**2 * widths[-1] / n - (weights == "orthogonal") * widths[-1] / max(n, o)
        for d, m, n, o in zip(laws, means, widths[:-1], widths[1:], strict=True)
    )
    expected = [np.prod([1.5 * m for m in means]), ratio, math.exp(edge / 2)]
    assert list(network(widths, "tanh", weights=weights).theory().values()) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("widths", [[3, 5, 2, 4], [7, 3, 9], [50, 1, 2, 3, 100]])
def test_linear_widths_are_a_polynomial_and_a_free_product(widths: list[int]) -> None:
    """z = (1 + u) / u prod (N_l / N_{l-1} ...): its stationary points are roots of a polynomial in u."""
    model = network(widths, weight_variance=1.0)
    c = [widths[-1] / n for n in widths[:-1]]
    top = reduce(np.polymul, [[x, 1.0] for x in [1.0, *c]], np.ones(1))
    stationary = np.roots(np.polysub(np.polymul([1.0, 0.0], np.polyder(top)), top))
    real = stationary[np.abs(stationary.imag) < 1e-9 * np.abs(stationary)].real
    u = np.array([real[real < 0].max(), real.max()])  # beside the rank, and the only one right of everything
    (low, high), *rest = model.law().support()
    assert not rest
    assert [low, high] == pytest.approx((np.polyval(top, u) / u).tolist(), rel=1e-11)
    assert model.theory()["largest_singular_value"] == pytest.approx(math.sqrt(high), rel=1e-13)
    same = reduce(matmul, [MarchenkoPastur(x) for x in c])
    assert model.law().moments(4) == pytest.approx(same.moments(4), rel=1e-12)
    assert np.array(model.law().atoms()) == pytest.approx(np.array(same.atoms()), rel=1e-12)
    x = low + (high - low) * np.array([0.01, 0.3, 0.9])
    assert model.density(x) == pytest.approx(same.density(x), rel=1e-9)


RANDOM = [
    ([300, 500, 200, 400], {"activation": "tanh"}),
    ([20, 1000, 30], {"activation": "erf", "weights": "orthogonal", "inputs": "data"}),
    ([784, 512, 512, 10], {"activation": "hard-tanh", "input_variance": 1e-3}),
    ([10, 512, 784], {"activation": "relu", "weights": "orthogonal"}),
]
MORE = [
    ([30524, 1, 1], {"activation": "erf", "input_variance": 2e-4, "weights": "orthogonal", "bias_variance": 0.0}),
    ([784, 512, 512, 10], {"activation": "tanh", "inputs": "data"}),
    ([100, 99, 98], {"activation": "tanh", "input_variance": 1e-6, "weights": "orthogonal", "bias_variance": 0.0}),
    ([5, 100000, 7, 3], {"activation": "erf", "input_variance": 1e4, "weight_variance": 9.0}),
]


@pytest.mark.parametrize(
    ("widths", "given"), [*RANDOM[1:], *(pytest.param(*c, marks=pytest.mark.slow) for c in [RANDOM[0], *MORE])]
)
def test_values_agree_with_twenty_digits(widths: list[int], given: dict[str, Any]) -> None:
    model = network(widths, **given)
    theory, reference = model.theory(), model.theory(digits=20)
    for name, value in theory.items():
        assert value == pytest.approx(float(reference[name]), rel=1e-13), name
    assert theory.residual < 1e-13


def test_preactivations_follow_the_recursion() -> None:
    erf = network([10, 10, 10, 10], "erf", weight_variance=2.0)
    q = erf.preactivation_variances()
    assert q[1:] == pytest.approx([4 / math.pi * math.asin(2 * x / (1 + 2 * x)) + 0.05 for x in q[:-1]], rel=1e-14)
    data = network([10, 10, 10], "tanh", inputs="data")
    assert data.preactivation_variances() == pytest.approx([2.0, 1.5 * 2 + 0.05])
    kept = DeepJacobian(depth=3, activation="tanh", preactivation_variance=1.0)
    same = network([10] * 7, "tanh", input_variance=0.3, weight_variance=kept.critical_weight_variance,
                   bias_variance=kept.bias_variance)  # fmt: skip
    assert same.preactivation_variances() == pytest.approx(kept.preactivation_variances(0.3, 6), rel=1e-13)


def test_what_changes_nothing() -> None:
    """The order of widths of linear layers, and a layer of data that is as wide as what follows and orthogonal."""
    one = network([40, 70, 20, 30]).theory()
    other = network([20, 40, 70, 30]).theory()
    assert dict(one) == pytest.approx(dict(other), rel=1e-13)
    turned = network([30, 30, 50], "tanh", weights="orthogonal", inputs="data", bias_variance=0.0)
    plain = network([30, 50], "tanh", weights="orthogonal", input_variance=2.0 * 1.5)
    ratio = turned.theory()["largest_singular_value"] / plain.theory()["largest_singular_value"]
    assert ratio == pytest.approx(math.sqrt(1.5), rel=1e-13)


# ---- the law ---------------------------------------------------------------------------------------------------------


def test_the_mass_that_is_lost() -> None:
    assert network([30, 10, 20]).law().atoms() == [(0.0, 0.5)]
    assert network([30, 25, 20], "relu").law().atoms() == [(0.0, pytest.approx(1 - 12.5 / 20))]
    assert network([30, 25, 10], "tanh").law().atoms() == []
    assert network([30, 10, 20]).law().masses() == pytest.approx([0.5])


def test_a_narrow_end_keeps_a_distance_from_zero() -> None:
    for activation in NAMES:
        for weights in ("gaussian", "orthogonal"):
            (low, _), *rest = network([30, 40, 10], activation, weights=weights).law().support()
            assert low > 0
            assert not rest
    # the smallest width is that of smooth slopes, or there are two of them
    assert network([10, 40, 30], "tanh").law().support()[0][0] == 0.0
    assert network([30, 10, 10]).law().support()[0][0] == 0.0


def test_rotations_leave_an_atom_at_the_top() -> None:
    model = network([30, 60, 40], weights="orthogonal", weight_variance=1.0)
    law = model.law()  # 60 directions, of which 30 meet 40 in 10
    assert law.atoms() == [(0.0, pytest.approx(0.25)), (pytest.approx(2.0), pytest.approx(0.25))]
    assert law.masses() == pytest.approx([0.5])
    values = model.resized(10).singular_values(np.random.default_rng(0)) ** 2
    assert np.isclose(values, 2.0).sum() == 100
    assert law.support()[0][0] * 0.9 < values.min()
    assert values[values < 1.99].max() < law.support()[0][1] * 1.05


def test_two_free_projections_have_the_arcsine_law() -> None:
    law = network([30, 60, 30], weights="orthogonal", weight_variance=1.0).law()
    assert law.support() == [(0.0, pytest.approx(2.0))]
    x = np.array([0.01, 0.7, 1.99])
    assert law.density(x) == pytest.approx(1 / (np.pi * np.sqrt(x * (2 - x))), rel=1e-12)
    assert law.density(law.support()[0][1]) == math.inf


def test_a_density_agrees_with_an_independent_solution() -> None:
    """The damped fixed point of the sector, with Gauss-Legendre nodes for the means over the slopes."""
    widths, sw = [3, 5, 2], 1.5
    model = network(widths, "tanh", weight_variance=sw)
    nodes, shares = np.polynomial.legendre.leggauss(500)
    z, share = 9 * nodes, 9 * shares * np.exp(-81 * nodes**2 / 2) / math.sqrt(2 * math.pi)
    q = model.preactivation_variances()
    d = [np.cosh(math.sqrt(v) * z) ** -4.0 for v in q]
    low, high = model.law().support()[0]
    for x in low + (high - low) * np.array([0.2, 0.8]):
        g = np.array([0.5 + 0.5j, 0.5 + 0.5j])  # u_l / xi_l
        for _ in range(500):
            rest = sw**2 * g.prod() / x
            u = rest / (1 - rest)
            xi = u * widths[-1] / np.array(widths[:-1]) / g
            g = 0.7 * g + 0.3 * np.array([share @ (s / (1 - s * a)) for s, a in zip(d, xi, strict=True)])
        assert u.imag > 0
        assert model.density(x) == pytest.approx(u.imag / (np.pi * x), rel=1e-9)


def test_a_rotation_that_changes_nothing_has_no_law_of_its_own() -> None:
    model = network([60, 30, 50], "tanh", weights="orthogonal", inputs="data")
    assert model.theory()["largest_singular_value"] == pytest.approx(1.5 * math.sqrt(5 / 3), rel=1e-14)
    assert float(model.theory(digits=20)["largest_singular_value"]) == pytest.approx(1.5 * math.sqrt(5 / 3), rel=1e-15)
    with pytest.raises(ParameterError, match="independent entries"):
        model.law()
    assert network([30, 60, 50], "tanh", weights="orthogonal", inputs="data").law().largest > 0


# ---- experiments ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("widths", "given"),
    [
        ([15, 25, 10, 20], {"activation": "linear", "weights": "orthogonal"}),
        ([30, 50, 20, 40], {"activation": "tanh"}),
        ([20, 40, 10], {"activation": "relu", "weights": "orthogonal", "inputs": "data"}),
        ([40, 20, 10], {"activation": "erf", "weights": "orthogonal"}),
        ([20, 10, 40], {"activation": "hard-tanh"}),
    ],
)
def test_simulated_values_agree(widths: list[int], given: dict[str, Any]) -> None:
    for factor in (2, 4):
        model = network([n * factor for n in widths], **given)
        theory, found, width = model.theory(), simulate(model, trials=30, seed=5), min(widths) * factor
        for name in ("mean_square", "fourth_moment_ratio"):
            gap = abs(found[name].mean - theory[name])
            assert gap < 4 * found[name].standard_error + 2 / width * theory[name], name
        edge = found["largest_singular_value"]
        allowance = 2 / width ** (2 / 3) * theory["largest_singular_value"]
        assert abs(edge.mean - theory["largest_singular_value"]) < 4 * edge.standard_error + allowance


def test_the_size_changes_nothing() -> None:
    model = network([30, 50, 20], "tanh")
    assert dict(model.resized(3).theory()) == pytest.approx(dict(model.theory()), rel=1e-13)
    with pytest.raises(ParameterError, match="multiples of 4"):
        model.resized(0.75)


# ---- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"widths": [10]}, "two or more widths"),
        ({"widths": [10, 0]}, "whole numbers >= 1"),
        ({"widths": [10, 2.5]}, "whole numbers >= 1"),
        ({"widths": 10}, "whole numbers >= 1"),
        ({"activation": "rellu"}, "did you mean 'relu'"),
        ({"activation": np.tanh}, "one of linear"),
        ({"input_variance": 0.0}, "from 1e-12"),
        ({"weight_variance": 0.0}, "> 0"),
        ({"bias_variance": -1.0}, ">= 0"),
        ({"weights": "haar"}, "gaussian, orthogonal"),
        ({"inputs": "images"}, "preactivations, data"),
    ],
)
def test_wrong_parameters_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        network(**{"widths": [10, 20], **given})


def test_a_lower_edge_beyond_doubles_is_refused() -> None:
    with pytest.raises(ConvergenceError, match="lower edge"):
        network([5, 7, 3], "erf", input_variance=1e4).law().support()


def test_preactivations_that_vanish_are_refused() -> None:
    with pytest.raises(ConvergenceError, match="preactivation variance of"):
        network([10] * 60, "tanh", weight_variance=0.1, bias_variance=0.0).theory()
