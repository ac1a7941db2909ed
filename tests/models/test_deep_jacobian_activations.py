"""Deep Jacobians with activations of one's own, kinks among them, and one rotation alone, the law of its slopes."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse import ConvergenceError, NoExactValueError, ParameterError, simulate
from rmtcollapse.models import DeepJacobian


def network(depth: int = 3, activation: Any = "linear", **given: Any) -> DeepJacobian:
    return DeepJacobian(**{"depth": depth, "activation": activation, "preactivation_variance": 1.0, **given})


def sech_squared(h: Any) -> Any:
    return np.cosh(np.clip(h, -300.0, 300.0)) ** -2.0


LEAKY = (lambda h: np.where(h > 0, h, 0.1 * h), lambda h: np.where(h > 0, 1.0, 0.1))
ELU = (lambda h: np.where(h > 0, h, np.expm1(np.minimum(h, 0))), lambda h: np.exp(np.minimum(h, 0)))


def test_density_of_your_own_activation_is_that_of_the_named_one() -> None:
    named, own = (network(4, a, weights="orthogonal") for a in ("tanh", (np.tanh, sech_squared)))
    x = np.array([0.01, 0.5, 3.0, 6.9])
    assert own.density(x) == pytest.approx(named.density(x), rel=1e-11)
    assert dict(own.theory()) == pytest.approx(dict(named.theory()), rel=1e-12)
    with pytest.raises(NoExactValueError, match="named activation"):
        own.theory(digits=30)


def test_slopes_that_are_nowhere_zero_leave_a_lower_edge() -> None:
    wavy = (lambda h: h + 0.3 * np.sin(h), lambda h: 1 + 0.3 * np.cos(h))
    model = network(4, wavy, weights="orthogonal", width=400)
    (low, high), *rest = model.law().support()
    assert not rest
    values = model.singular_values(np.random.default_rng(1)) ** 2
    assert low * 0.9 < values.min() < low * 1.1
    assert high * 0.95 < values.max() < high * 1.05


def test_a_constant_slope_is_linear() -> None:
    twice = (lambda h: 2 * h, lambda h: 0 * h + 2)
    model = network(3, twice, weight_variance=0.25, preactivation_variance=2.0)
    assert dict(model.theory()) == pytest.approx(dict(network(3).theory()), rel=1e-13)


def test_kinks_that_are_not_given_are_refused() -> None:
    with pytest.raises(ConvergenceError, match="smoother activation, or give its kinks"):
        network(3, LEAKY)


def test_kinks_of_your_own() -> None:
    """Leaky ReLU in closed form; an exponential linear unit's mean squares from their integrals."""
    for variance in (1e-3, 1.0, 300.0):
        leaky = network(3, (*LEAKY, 0.0), preactivation_variance=variance)
        assert leaky.critical_weight_variance == pytest.approx(2 / 1.01, rel=1e-14)
        assert leaky.theory()["fourth_moment_ratio"] == pytest.approx(1 + 3 * (2 * 1.0001 / 1.01**2), rel=1e-14)
        assert leaky.bias_variance == 0.0
        with mp.workdps(30):
            root = mp.sqrt(mp.mpf(variance))
            mean = mp.mpf(1) / 2 + mp.exp(2 * root**2) * mp.ncdf(-2 * root)
            energy = root**2 / 2 + mp.exp(2 * root**2) * mp.ncdf(-2 * root)
            energy += mp.mpf(1) / 2 - 2 * mp.exp(root**2 / 2) * mp.ncdf(-root)
        elu = network(3, (*ELU, [0]), preactivation_variance=variance, weight_variance=0.5)
        assert elu.critical_weight_variance == pytest.approx(float(1 / mean), rel=1e-14)
        assert elu.bias_variance == pytest.approx(float(root**2 - energy / 2), rel=1e-12)
        assert elu.theory()["mean_square"] == pytest.approx(float((mean / 2) ** 3), rel=1e-14)


def test_a_kinked_switch_is_the_named_one() -> None:
    def relu(h: Any) -> Any:
        return np.maximum(h, 0)

    relu.derivative, relu.kinks = lambda h: 1.0 * (h > 0), (0.0,)  # type: ignore[attr-defined]
    own = network(3, relu, weights="orthogonal")
    assert dict(own.theory()) == pytest.approx(dict(network(3, "relu", weights="orthogonal").theory()), rel=1e-14)
    clipped = (lambda h: np.clip(h, -1, 1), lambda h: 1.0 * (np.abs(h) < 1), (-1, 1))
    own, named = (network(5, a, weights="orthogonal", preactivation_variance=0.1) for a in (clipped, "hard-tanh"))
    assert dict(own.theory()) == pytest.approx(dict(named.theory()), rel=1e-13)
    assert np.array(own.law().atoms()) == pytest.approx(np.array(named.law().atoms()), rel=1e-11)


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
@pytest.mark.parametrize("activation", [(*LEAKY, 0.0), (*ELU, 0.0)], ids=["leaky", "elu"])
def test_kinks_are_simulated(activation: Any, weights: str) -> None:
    for width in (60, 140):
        model = network(2, activation, weights=weights, width=width)
        theory, found = model.theory(), simulate(model, trials=30, seed=2)
        for name in ("mean_square", "fourth_moment_ratio"):
            gap = abs(found[name].mean - theory[name])
            assert gap < 4 * found[name].standard_error + 4 / width * theory[name], name
        edge = found["largest_singular_value"]
        allowance = 3 / width ** (2 / 3) * theory["largest_singular_value"]
        assert abs(edge.mean - theory["largest_singular_value"]) < 4 * edge.standard_error + allowance
        assert math.sqrt(model.law().largest) == pytest.approx(theory["largest_singular_value"], rel=1e-13)


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ((*LEAKY, "0"), "activation = '0'.*finite numbers"),
        ((*LEAKY, [math.nan]), r"activation = \[nan\].*finite numbers"),
        ((*LEAKY, [[0.0], [1.0, 2.0]]), "finite numbers"),
        ((*LEAKY, range(40)), "at most 20 finite numbers"),
        ((*LEAKY, 0.0, 1.0), "or a triple with kinks"),
    ],
)
def test_wrong_kinks_are_refused(activation: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        network(3, activation)


@pytest.mark.parametrize(("activation", "variance"), [("tanh", 1.0), ("erf", 0.04), ("erf", 30.0)])
def test_one_rotation_has_the_law_of_the_squared_slopes(activation: str, variance: float) -> None:
    model = network(1, activation, weights="orthogonal", preactivation_variance=variance, weight_variance=1.3)
    law, theory = model.law(), model.theory()
    slope = {"tanh": lambda z: mp.sech(mp.sqrt(variance) * z) ** 4,
             "erf": lambda z: 4 / mp.pi * mp.exp(-2 * variance * z * z)}[activation]  # fmt: skip
    z = 0.7
    x = float(1.3 * slope(z))
    assert law.support()[0] == (0.0, pytest.approx(float(1.3 * slope(0)), rel=1e-14))
    assert theory["largest_singular_value"] ** 2 == pytest.approx(law.support()[0][1], rel=1e-14)
    assert law.cdf(x) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-13)
    assert law.quantile(law.cdf(x)) == pytest.approx(x, rel=1e-12)
    step = float(abs(mp.diff(lambda t: 1.3 * slope(t), z)))
    assert law.density(x) == pytest.approx(2 * math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / step, rel=1e-12)
    assert law.density(law.support()[0][1]) == math.inf
    assert law.density(0.0) == (math.inf if activation == "erf" and variance > 0.25 else 0.0)
    assert law.moments(2)[1] == pytest.approx(theory["fourth_moment_ratio"] * theory["mean_square"] ** 2, rel=1e-13)
    w = complex(0.4, 1e-3) * law.support()[0][1]
    near = math.sqrt(2) * float(mp.erfinv(1 - law.cdf(w.real)))
    with mp.workdps(20):
        ends = [0, 0.9 * near, 0.99 * near, near, 1.01 * near, 1.1 * near, 2 * near + 1, 14]
        exact = 2 * mp.quad(lambda t: mp.npdf(t) / (1.3 * slope(t) - w), ends)
        potential = 2 * mp.quad(lambda t: mp.npdf(t) * mp.log(w - 1.3 * slope(t)), ends)
    assert law.stieltjes(w) == pytest.approx(complex(exact), rel=1e-12)
    assert law.log_potential(w) == pytest.approx(complex(potential), rel=1e-12)
    assert law.stieltjes(x, side="above").imag == pytest.approx(math.pi * law.density(x), rel=1e-12)
    assert law.log_potential(x).imag == pytest.approx(math.pi * (1 - law.cdf(x)), rel=1e-12)
    draws = law.sample(4000, rng=0)
    assert np.mean(draws) == pytest.approx(law.mean, abs=5 * math.sqrt(law.variance / 4000))


def test_one_rotation_of_steps_has_atoms_and_one_of_your_own_is_refused() -> None:
    law = network(1, (*LEAKY, 0.0), weights="orthogonal", weight_variance=2.0).law()
    assert np.array(law.atoms()) == pytest.approx(np.array([(0.02, 0.5), (2.0, 0.5)]), rel=1e-14)
    with pytest.raises(ParameterError, match="depth = 1"):
        network(1, (np.tanh, sech_squared), weights="orthogonal").law()


def test_kinks_next_to_rounding_and_far_away() -> None:
    """A kink whose place rounds to its other side; kinks out of reach; a slope that falls like a power."""
    step = 0.6139801946763324
    cut = (lambda h: np.minimum(h, step), lambda h: 1.0 * (h < step), step)
    law = network(2, cut, weights="orthogonal", preactivation_variance=0.11206708859473671).law()
    assert len(law.atoms()) == 2
    far = (lambda h: np.where(h > 2.0, 3 * h - 4, h), lambda h: np.where(h > 2.0, 3.0, 1.0), 2.0)
    found = network(3, far, preactivation_variance=1e-2, weight_variance=1.0).theory()
    assert dict(found) == pytest.approx(dict(network(3).theory()), rel=1e-13)
    sign = (lambda h: h / (1 + np.abs(h)), lambda h: (1 + np.abs(h)) ** -2.0, 0.0)
    assert network(3, sign, weights="orthogonal").law().support()[0][0] == 0.0
    square = (lambda h: np.maximum(h, 0) ** 2, lambda h: 2 * np.maximum(h, 0), 0.0)
    with pytest.raises(ParameterError, match="bounded"):
        network(3, square, weight_variance=1.0).theory()
