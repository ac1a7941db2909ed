"""Networks that are drawn: their Jacobian is the derivative, pruning removes what it says, biases keep the size."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from rmtcollapse.experiments.networks import Pruning, chained_jacobian, jacobian, rectangular_weights, weight_matrix

TANH = SimpleNamespace(value=np.tanh, slope=lambda h: 1 - np.tanh(h) ** 2)


def test_the_jacobian_is_the_derivative_of_the_network() -> None:
    rng = np.random.default_rng(0)
    layers = [rng.normal(size=(6, 6)) / 2 for _ in range(3)]
    start = rng.normal(size=6)

    def network(h: np.ndarray) -> np.ndarray:
        for w in layers:
            h = w @ np.tanh(h)
        return h

    feed = iter(layers)
    J = jacobian(lambda: next(feed), TANH, 3, start, 0.0, rng)
    step = 1e-6
    columns = [(network(start + step * e) - network(start - step * e)) / (2 * step) for e in np.eye(6)]
    assert pytest.approx(J, abs=1e-8) == np.array(columns).T


def test_orthogonal_and_gaussian_weights() -> None:
    rng = np.random.default_rng(1)
    turned = weight_matrix("orthogonal", 2.0, 40, rng)
    assert turned @ turned.T == pytest.approx(2 * np.eye(40), abs=1e-12)
    drawn = weight_matrix("gaussian", 2.0, 300, rng)
    assert np.mean(drawn**2) * 300 == pytest.approx(2.0, rel=0.03)


@pytest.mark.parametrize("kind", ["random", "magnitude", "score"])
@pytest.mark.parametrize("rescaled", [True, False])
def test_pruning(kind: str, rescaled: bool) -> None:
    rng = np.random.default_rng(2)
    weights = rng.normal(size=(200, 200))
    pruned = Pruning(0.7, kind, rescaled).apply(weights, rng)
    gone = pruned == 0
    assert np.mean(gone) == pytest.approx(0.7, abs=0.01)
    if kind == "magnitude":
        assert np.abs(weights[gone]).max() < np.abs(weights[~gone]).min()
    else:
        assert np.abs(weights[gone]).max() > np.abs(weights[~gone]).min()
    # mean sizes of what stays, beside 0.798 of all: by chance, by a score, by size
    expected = {"random": 0.798, "score": 1.288, "magnitude": 1.554}[kind]
    assert np.mean(np.abs(weights[~gone])) == pytest.approx(expected, abs=0.03)
    ratio = pruned[~gone] / weights[~gone]
    assert np.ptp(ratio) < 1e-12
    assert np.mean(pruned**2) == pytest.approx(np.mean((weights if rescaled else weights * ~gone) ** 2))
    assert Pruning().apply(weights, rng) is weights


def test_without_a_bias_preactivations_are_normalised() -> None:
    rng = np.random.default_rng(3)
    seen: list[float] = []

    def slope(h: np.ndarray) -> np.ndarray:
        seen.append(float(np.mean(h**2)))
        return np.ones_like(h)

    start = rng.normal(size=100)
    functions = SimpleNamespace(value=lambda h: h, slope=slope)
    jacobian(lambda: weight_matrix("gaussian", 9.0, 100, rng), functions, 4, start, -1.0, rng)
    assert seen == pytest.approx([np.mean(start**2)] * 4)


@pytest.mark.parametrize("shape", [(30, 50), (50, 30), (40, 40)])
def test_rectangular_weights_keep_the_mean_square(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    outputs, inputs = shape
    turned = rectangular_weights("orthogonal", 2.0, outputs, inputs, rng)
    assert turned.shape == shape
    assert np.mean(turned**2) * inputs == pytest.approx(2.0, rel=1e-12)
    values = np.linalg.svd(turned, compute_uv=False)
    assert values == pytest.approx(np.sqrt(2.0 * max(shape) / inputs) * np.ones(min(shape)), rel=1e-12)
    drawn = rectangular_weights("gaussian", 2.0, 300, 200, rng)
    assert np.mean(drawn**2) * 200 == pytest.approx(2.0, rel=0.03)


def test_the_jacobian_of_a_chain_is_the_derivative_of_the_network() -> None:
    rng = np.random.default_rng(5)
    layers = [(rng.normal(size=(m, n)) / 2, TANH) for n, m in ((6, 3), (3, 5))]
    start, seen = rng.normal(size=6), np.random.default_rng(7)
    biases = [seen.normal(scale=2.0, size=m) for m in (3, 5)]

    def network(h: np.ndarray) -> np.ndarray:
        for (w, _), b in zip(layers, biases, strict=True):
            h = w @ np.tanh(h) + b
        return h

    J = chained_jacobian(layers, start, 4.0, np.random.default_rng(7))
    step = 1e-6
    columns = [(network(start + step * e) - network(start - step * e)) / (2 * step) for e in np.eye(6)]
    assert pytest.approx(J, abs=1e-8) == np.array(columns).T
