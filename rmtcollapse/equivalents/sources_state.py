"""Several sources at one point: the resolvent, the map of the traces, and linear algebra without subtraction.

The equations and their reasons are in :mod:`rmtcollapse.equivalents.sources_solver`. Loads no SymPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.equivalents.sample_weights import UNIT, RowWeights

__all__ = ["Regime", "Sources", "State", "solve_dominant"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sources:
    """Sources that have a say.

    Attributes
    ----------
    covariances : array (K, d, d) or (K, d)
        Covariance of each source, or their diagonals in a basis that they share.
    rows : array (K,)
        Rows of each source; not necessarily whole.
    samples : float
        Normaliser *N* of the loss.
    ridge : float
        Penalty.
    metric : array (d, d) or (d,)
        What the leverages are for.
    multiplicity : array (d,), optional
        Directions that a diagonal coordinate stands for; one each if not given.
    weights : RowWeights
        Laws of the sample weights.
    """

    covariances: Array
    rows: Array
    samples: float
    ridge: float
    metric: Array
    multiplicity: Array | None = None
    weights: RowWeights = UNIT

    @property
    def fractions(self) -> Array:
        """Rows per unit of the normaliser."""
        return self.rows / self.samples

    @property
    def diagonal(self) -> bool:
        """Whether the covariances are given by their diagonals."""
        return self.covariances.ndim == 2

    @property
    def identity(self) -> Array:
        """The identity, or its diagonal."""
        size = self.covariances.shape[-1]
        return np.ones(size) if self.diagonal else np.eye(size)

    def traces(self, matrices: Array) -> Any:
        """Traces of a stack of matrices, or of their diagonals."""
        if not self.diagonal:
            return np.trace(matrices, axis1=-2, axis2=-1)
        return matrices.sum(-1) if self.multiplicity is None else matrices @ self.multiplicity


@dataclass(frozen=True)
class Regime:
    """The pair of the statement, the projector on directions that no source has, and the number of the others."""

    ridge: float
    epsilon: float
    unseen: Array
    rank: float
    name: str
    status: str = "converged"

    @property
    def free(self) -> bool:
        """Whether any multiple of a solution is one."""
        return not self.ridge and not self.epsilon


class State:
    """Everything at one point: the resolvent, F, H and the deficits of its rows."""

    def __init__(self, sources: Sources, regime: Regime, traces: Array) -> None:
        self.sources, self.unknowns = sources, traces
        self.kernels = sources.weights.kernels(regime.ridge, traces)
        fractions, epsilon = sources.fractions, regime.epsilon
        mixed = np.tensordot(fractions * self.kernels.mean, sources.covariances, 1) + regime.unseen
        self.resolvent = _inverse(mixed + epsilon * sources.identity) - regime.unseen
        self.products = self._times(sources.covariances)
        self.image = sources.traces(self.products) / sources.samples
        self.pairs = self._pairs(self.products)
        self.H = fractions * self.kernels.square * traces * self.pairs / traces[:, None]
        square = self._pairs(self.resolvent[None])[:, 0] if epsilon else 0.0
        self.deficits = (epsilon * square + self.pairs @ (fractions * self.kernels.slack)) / traces
        self.defect = self._defect(regime)

    def _times(self, matrices: Array) -> Array:
        return np.asarray(self.resolvent * matrices if self.sources.diagonal else self.resolvent @ matrices)

    def _pairs(self, products: Array) -> Array:
        """Traces of the products with each of `products`, over the normaliser."""
        if self.sources.diagonal:
            counted = products if self.sources.multiplicity is None else products * self.sources.multiplicity
            return np.asarray(self.products @ counted.T / self.sources.samples)
        left, right = self.products, products.transpose(0, 2, 1)
        return np.tensordot(left, right, axes=([1, 2], [1, 2])) / self.sources.samples

    def _defect(self, regime: Regime) -> Array:
        """(F - t)/t; where a threshold may be near, with the mean that then decides."""
        sources, t = self.sources, self.unknowns
        plain = (self.image - t) / t
        used, seen = sources.rows * self.kernels.mean * t, float((sources.rows * sources.weights.seen).sum())
        if used.sum() < 0.5 * seen or seen < 0.5 * regime.rank:
            return np.asarray(plain)
        mean = sources.rows @ self.kernels.unlearned - (seen - regime.rank)
        mean -= regime.epsilon * sources.traces(self.resolvent)
        return np.asarray(plain + (mean - used @ plain) / used.sum())

    def leverages(self, metric: Array, joint: Array | None = None) -> Array:
        """z, which solve z_k = g_k tr(C_k Q (A + sum_l f_l z_l C_l) Q)/N, with `joint` in the place of g if given."""
        right = self._pairs(self._times(metric)[None])[:, 0] / self.unknowns
        H, deficits, gain = self.H, self.deficits, self.kernels.square
        if joint is not None:
            shared, gain = joint / gain, joint
            H, deficits = H * shared, deficits + H @ (1 - shared)
        return np.asarray(solve_dominant(H, deficits, right) * self.unknowns * gain)


def _inverse(matrix: Array) -> Array:
    """Inverse of a symmetric positive definite matrix, or of a diagonal; exact scaling."""
    from scipy.linalg import cho_factor, cho_solve

    if matrix.ndim == 1:
        return np.asarray(1 / matrix)
    scale = 1 / np.sqrt(np.diagonal(matrix))
    factor = cho_factor(scale[:, None] * matrix * scale, lower=True)
    inverse = cho_solve(factor, np.diag(scale)) * scale[:, None]
    return np.asarray((inverse + inverse.T) / 2)


def solve_dominant(H: Array, deficits: Array, right: Array) -> Array:
    """Solve (I - H) x = right for H >= 0 whose rows leave `deficits` >= 0 of one: no subtraction anywhere."""
    H, deficits, x = H.copy(), deficits.copy(), right.copy()
    size = len(x)
    pivots = np.zeros(size)
    for k in range(size):
        pivots[k] = deficits[k] + H[k, k + 1 :].sum()
        for i in range(k + 1, size):
            factor = H[i, k] / pivots[k]
            H[i, k + 1 :] += factor * H[k, k + 1 :]
            deficits[i] += factor * deficits[k]
            x[i] += factor * x[k]
    for k in range(size - 1, -1, -1):
        x[k] = (x[k] + H[k, k + 1 :] @ x[k + 1 :]) / pivots[k]
    return x
