"""The laboratory for deep networks at initialisation: draw weights, prune them, propagate an input, multiply Jacobians.

Everything is written from the definitions: a layer is its weights times the slopes at the preactivations that it was
given, and nothing of a limiting law is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.experiments.ensembles import haar

__all__ = ["Functions", "Pruning", "chained_jacobian", "jacobian", "rectangular_weights", "weight_matrix"]

Array = NDArray[np.float64]


class Functions(Protocol):
    """An activation and its derivative, of arrays."""

    @property
    def value(self) -> Callable[[Any], Any]:
        """The activation."""

    @property
    def slope(self) -> Callable[[Any], Any]:
        """Its derivative."""


@dataclass(frozen=True)
class Pruning:
    """Which weights are set to 0.

    Attributes
    ----------
    sparsity : float
        Their share.
    kind : str
        ``"random"``, each by itself; the smallest by ``"magnitude"``; or those of the smallest ``"score"``, the size of
        the weight times an independent normal variable.
    rescaled : bool
        Whether what stays is scaled back to the mean square that was there before.
    """

    sparsity: float = 0.0
    kind: str = "random"
    rescaled: bool = True

    def apply(self, weights: Array, rng: np.random.Generator) -> Array:
        """The pruned weights."""
        if self.sparsity == 0:
            return weights
        if self.kind == "random":
            kept = weights * (rng.random(weights.shape) >= self.sparsity)
        else:
            gone = round(self.sparsity * weights.size)
            size = np.abs(weights * rng.normal(size=weights.shape) if self.kind == "score" else weights)
            smallest = np.argpartition(size, gone, axis=None)[:gone]
            kept = weights.copy()
            kept.ravel()[smallest] = 0.0
        if self.rescaled:
            kept *= math.sqrt(float(np.mean(weights**2)) / float(np.mean(kept**2)))
        return kept


def weight_matrix(kind: str, variance: float, width: int, rng: np.random.Generator) -> Array:
    """Independent normal entries of variance `variance` / `width`, or sqrt(`variance`) times a Haar matrix."""
    if kind == "orthogonal":
        return math.sqrt(variance) * haar(width, width, rng)
    return rng.normal(scale=math.sqrt(variance / width), size=(width, width))


def jacobian(
    draw: Callable[[], Array], functions: Functions, depth: int, start: Array, bias_variance: float,
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    """The Jacobian (width, width) of the last preactivations of a network in the first.

    Parameters
    ----------
    draw : callable
        Returns the weights of one layer, (width, width).
    functions : Functions
        The activation.
    depth : int
        Layers.
    start : array (width,)
        The first preactivations.
    bias_variance : float
        Variance of the biases. If it is negative, there are none, and preactivations are normalised to the mean square
        that they began with.
    rng : numpy.random.Generator
        For the biases.
    """
    h, product = start, np.eye(start.size)
    size = float(np.mean(start**2))
    for _ in range(depth):
        weights = draw()
        product = weights @ (functions.slope(h)[:, None] * product)
        h = weights @ functions.value(h)
        if bias_variance >= 0:
            h = h + rng.normal(scale=math.sqrt(bias_variance), size=h.size)
        else:
            h = h * math.sqrt(size / float(np.mean(h**2)))
    return product


def rectangular_weights(kind: str, variance: float, outputs: int, inputs: int, rng: np.random.Generator) -> Array:
    """Weights (outputs, inputs) of mean square `variance` / `inputs`.

    Independent normal entries, or the rows or columns (whichever are fewer) of a Haar matrix, times a number.
    """
    if kind == "orthogonal":
        columns = haar(max(outputs, inputs), min(outputs, inputs), rng)
        scale = math.sqrt(variance * max(outputs, inputs) / inputs)
        return scale * (columns if outputs >= inputs else columns.T)
    return rng.normal(scale=math.sqrt(variance / inputs), size=(outputs, inputs))


def chained_jacobian(
    layers: Sequence[tuple[Array, Functions]], start: Array, bias_variance: float, rng: np.random.Generator
) -> Array:
    """The Jacobian (outputs of the last, inputs of the first) of the last preactivations of a network in the first.

    Parameters
    ----------
    layers : sequence of (array, Functions)
        Weights (outputs, inputs), and the activation that is applied before them.
    start : array (inputs of the first,)
        The first preactivations.
    bias_variance : float
        Variance of the biases.
    rng : numpy.random.Generator
        For the biases.
    """
    h, product = start, np.eye(start.size)
    for weights, functions in layers:
        product = weights @ (functions.slope(h)[:, None] * product)
        h = weights @ functions.value(h)
        h = h + rng.normal(scale=math.sqrt(bias_variance), size=h.size)
    return product
