"""Nonlinear random features: moments in closed form, a published equation, and the activation itself, drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rmtcollapse import ParameterError
from rmtcollapse import derive as dv
from rmtcollapse.derive.activations import activation

from .cases import d, lam, m, n, n1, noise, resolvent, z

S, G = dv.commuting("Sigma Gamma", d)
X, T = dv.gaussian("X", n, d, colcov=S), dv.gaussian("T", n1, d, colcov=S)
W = dv.gaussian("W", d, m, variance=1 / d)


def _relu(v: float) -> tuple[float, float, float]:
    return np.sqrt(v / (2 * np.pi)), 0.5, v * (0.25 - 1 / (2 * np.pi))


def _erf(v: float) -> tuple[float, float, float]:
    slope = 2 / np.sqrt(np.pi * (1 + 2 * v))
    return 0.0, slope, 2 / np.pi * np.arcsin(2 * v / (1 + 2 * v)) - slope**2 * v


def _sign(v: float) -> tuple[float, float, float]:
    return 0.0, np.sqrt(2 / (np.pi * v)), 1 - 2 / np.pi


def _sin(v: float) -> tuple[float, float, float]:
    return 0.0, np.exp(-v / 2), (1 - np.exp(-2 * v)) / 2 - v * np.exp(-v)


def _absolute(v: float) -> tuple[float, float, float]:
    return np.sqrt(2 * v / np.pi), 0.0, v * (1 - 2 / np.pi)


CLOSED = {"relu": _relu, "erf": _erf, "sign": _sign, "sin": _sin, "abs": _absolute}


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("variance", [0.04, 1.0, 7.3, 400.0])
def test_moments_in_closed_form(name: str, variance: float) -> None:
    mean, slope, square = CLOSED[name](variance)
    found = activation(name).moments(variance)
    assert (found.mean, found.slope) == pytest.approx((mean, slope), rel=2e-14, abs=1e-14)
    assert found.noise**2 == pytest.approx(square, rel=1e-11)


def test_a_function_of_ones_own_is_integrated_between_its_kinks() -> None:
    """E max(g - a, 0) = phi(a) - a Q(a), and its slope is Q(a)."""
    from scipy.stats import norm

    a = 0.3
    found = activation(lambda x: np.maximum(x - a, 0), [a]).moments(1.0)
    assert found.mean == pytest.approx(norm.pdf(a) - a * norm.sf(a), rel=1e-14)
    assert found.slope == pytest.approx(norm.sf(a), rel=1e-14)


@pytest.mark.parametrize("name", ["relu", "erf", "sign", "abs"])
@pytest.mark.parametrize("sizes", [(300, 200, 150), (100, 200, 350)])
def test_the_equation_of_pennington_and_worah(name: str, sizes: tuple[int, int, int]) -> None:
    r"""Nonlinear random matrix theory for deep learning (2017), Theorem 1.

    With G the resolvent trace of f(WX) f(WX)'/m, eta = E f^2, zeta = (E f')^2, phi = n0/m, psi = n0/n1 and
    t = 1/(z psi): P = 1 + (eta - zeta) t P_phi P_psi + P_phi P_psi t zeta/(1 - P_phi P_psi t zeta).
    """
    rows, inputs, width = sizes
    at = 0.7 + 0.1j
    data = dv.gaussian("X", n, d)
    F = dv.features(data, W, name, centred=True)
    derived = dv.derive(dv.trace((z * dv.identity(m) - F.T * F / n).inv()) / m)
    value = derived.theory({n: rows, d: inputs, m: width, z: at})["value"]
    _, slope, square = CLOSED[name](1.0)
    eta, zeta = square + slope**2, slope**2
    phi, psi = inputs / rows, inputs / width
    P, t = (value * at - (1 - psi)) / psi, 1 / (at * psi)
    both = (1 + (P - 1) * phi) * (1 + (P - 1) * psi) * t
    assert abs(1 + (eta - zeta) * both + both * zeta / (1 - both * zeta) - P) < 1e-12 * abs(P)


def _test_error(name: str, **options: Any) -> Any:
    F, fresh = (dv.features(data, W, name, **options) for data in (X, T))
    R = resolvent(F)
    miss = fresh * R * F.T * X / n - T
    return dv.trace(miss * G * miss.T) / n1 + noise * dv.trace(fresh * R * F.T * F * R * fresh.T) / (n**2 * n1)


u = (np.arange(8) + 0.5) / 8
NUMBERS = {n: 40, d: 32, m: 40, n1: 32, lam: 0.2, noise: 0.3, S: 0.4 + 3 * u, G: (1 + u) / 32}


def test_the_test_error_of_random_features_without_an_activation_is_that_of_random_projections() -> None:
    """With f(t) = t the features are XW, and ||x'(W a - b)||^2 averages to Sigma: fresh data and population agree."""
    value = dv.derive(_test_error("identity")).theory(NUMBERS)["value"]
    R = resolvent(X * W)
    miss = W * R * W.T * X.T * X / n - dv.identity(d)
    projected = dv.trace(S * miss * G * miss.T) + noise * dv.trace(S * W * R * W.T * X.T * X * W * R * W.T) / n**2
    numbers = {k: v for k, v in NUMBERS.items() if k != n1}
    assert value == pytest.approx(dv.derive(projected).theory(numbers)["value"], rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tanh", "sign"])
def test_the_activation_itself_is_drawn(name: str) -> None:
    derived = dv.derive(_test_error(name))
    assert derived.reduced is not None
    verdict = derived.verify(NUMBERS, trials=60)
    assert verdict.passed, verdict.report
    assert verdict.complex_entries is None


def test_two_layers_of_centred_features() -> None:
    first = dv.features(X, W, "relu", centred=True)
    second = dv.features(first, dv.gaussian("V", m, n1, variance=1 / m), "erf")
    derived = dv.derive(dv.trace(resolvent(second)) / n1)
    verdict = derived.verify({k: NUMBERS[k] for k in (n, d, m, n1, lam, S)}, trials=60)
    assert verdict.passed, verdict.report
    moments = [(c.kind, c.features.activation.name) for c in derived.coefficients]
    assert moments[:3] == [("mean", "relu"), ("slope", "relu"), ("noise", "relu")]
    assert r"\mu_{1}^{\mathrm{erf}}" in derived.equations().latex()


def test_the_variance_of_the_argument() -> None:
    """tau^2 = v_X v_W tr(Sigma A) for one layer; the second moment of a layer, times its width, for the next."""
    data = dv.gaussian("X", n, d, colcov=S, variance=3)
    weights = dv.gaussian("W", d, m, rowcov=G, variance=2 / d)
    first = dv.features(data, weights, "erf")
    second = dv.features(first, dv.gaussian("V", m, n1, variance=5 / m), "tanh")
    binding = dv.derive(dv.trace(second.T * second)).bound({k: v for k, v in NUMBERS.items() if k not in (lam, noise)})
    variance = 3 * 2 * np.mean(NUMBERS[S] * NUMBERS[G])
    inner = activation("erf").moments(variance)
    assert binding.moments(first).noise == pytest.approx(inner.noise, rel=1e-13)
    outer = activation("tanh").moments(5 * (inner.slope**2 * variance + inner.noise**2))
    assert binding.moments(second).slope == pytest.approx(outer.slope, rel=1e-13)


def test_a_mean_is_refused_unless_it_is_subtracted() -> None:
    numbers = {k: NUMBERS[k] for k in (n, d, m, lam, S)}
    with pytest.raises(ParameterError, match=r"it has the mean 0.3989: features.*centred=True"):
        dv.derive(dv.trace(resolvent(dv.features(X, W, "relu")))).theory({**numbers, S: [1.0]})


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: dv.features(X, W, "rellu"), "did you mean 'relu'"),
        (lambda: dv.features(X, W, 3), "a function of an array"),
        (lambda: dv.features(S, W, "relu"), "a Gaussian matrix of samples"),  # type: ignore[arg-type]
        (lambda: dv.features(X, T, "relu"), "as many as X has columns"),
        (lambda: dv.features(X, X, "relu"), "another Gaussian matrix"),
        (lambda: dv.features(dv.gaussian("Y", n, d, rowcov=dv.commuting("A", n)), W, "erf"), "without rowcov"),
        (lambda: dv.features(X, dv.gaussian("V", d, m, colcov=dv.commuting("B", m)), "erf"), "without colcov"),
        (lambda: dv.features(X, W, np.tanh, kinks=("a",)), "finite numbers"),  # type: ignore[arg-type]
    ],
)
def test_refusals(build: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        build()


def test_what_the_numbers_refuse() -> None:
    numbers = {k: NUMBERS[k] for k in (n, d, m, lam, S)}

    def theory(made: Any, **options: Any) -> Any:
        return dv.derive(dv.trace(resolvent(made)) / m).theory(numbers, **options)

    with pytest.raises(ParameterError, match="name the points where it jumps or bends"):
        theory(dv.features(X, W, lambda x: np.abs(x - 0.3), centred=True))
    with pytest.raises(ParameterError, match="finite Gaussian moments"):
        theory(dv.features(X, W, lambda x: np.exp(x**4)))
    with pytest.raises(ParameterError, match="digits"):
        theory(dv.features(X, W, "erf"), digits=30)
    with pytest.raises(ParameterError, match="one activation of X\\*W"):
        dv.derive(dv.trace(dv.features(X, W, "erf").T * dv.features(X, W, "sin")))
