"""Several sources at one point: the resolvent, the map of the traces, and linear algebra without subtraction.

The equations and their reasons are in :mod:`rmtcollapse.equivalents.sources_solver`. Loads no SymPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
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
    """Everything at one point: the resolvent, F, and, where asked for, H and the deficits of its rows."""

    def __init__(self, sources: Sources, regime: Regime, traces: Array) -> None:
        self.sources, self.regime, self.unknowns = sources, regime, traces
        self.kernels = sources.weights.kernels(regime.ridge, traces)
        mixed = np.tensordot(sources.fractions * self.kernels.mean, sources.covariances, 1) + regime.unseen
        self.resolvent = _inverse(mixed + regime.epsilon * sources.identity) - regime.unseen
        self.image = self._seen_by(self.resolvent) / sources.samples
        self.defect = self._defect(regime)

    @cached_property
    def products(self) -> Array:
        """All C_k Q."""
        return self._times(self.sources.covariances)

    @cached_property
    def pairs(self) -> Array:
        """All tr(C_k Q C_l Q) / N."""
        return self._pairs(self.products)

    @cached_property
    def H(self) -> Array:
        """Derivative of the logarithm of F."""
        return np.asarray(
            self.sources.fractions * self.kernels.square * self.unknowns * self.pairs / self.unknowns[:, None]
        )

    @cached_property
    def deficits(self) -> Array:
        """What the rows of H leave of one, at a root."""
        epsilon = self.regime.epsilon
        square = self._pairs(self.resolvent[None])[:, 0] if epsilon else 0.0
        return np.asarray(
            (epsilon * square + self.pairs @ (self.sources.fractions * self.kernels.slack)) / self.unknowns
        )

    def _seen_by(self, matrix: Array) -> Array:
        """Traces of the products of all covariances and a symmetric matrix."""
        sources = self.sources
        if sources.diagonal:
            return np.asarray(sources.traces(sources.covariances * matrix))
        return np.array([np.vdot(c, matrix) for c in sources.covariances])

    def _times(self, matrices: Array) -> Array:
        return np.asarray(self.resolvent * matrices if self.sources.diagonal else matrices @ self.resolvent)

    def _pairs(self, products: Array) -> Array:
        """Traces of the products with each of `products`, over the normaliser."""
        if self.sources.diagonal:
            counted = products if self.sources.multiplicity is None else products * self.sources.multiplicity
            return np.asarray(self.products @ counted.T / self.sources.samples)
        right = [np.ascontiguousarray(p.T) for p in products]
        return np.array([[np.vdot(p, q) for q in right] for p in self.products]) / self.sources.samples

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
        right = self._tested(metric) / self.unknowns
        H, deficits, gain = self.H, self.deficits, self.kernels.square
        if joint is not None:
            shared, gain = joint / gain, joint
            H, deficits = H * shared, deficits + H @ (1 - shared)
        return np.asarray(solve_dominant(H, deficits, right) * self.unknowns * gain)

    def _tested(self, metric: Array) -> Array:
        """All tr(C_k Q A Q) / N; nothing new where A is one of the covariances."""
        for k, covariance in enumerate(self.sources.covariances):
            if np.array_equal(covariance, metric):
                return np.asarray(self.pairs[:, k])
        return np.asarray(self._pairs(self._times(metric)[None])[:, 0])


def _inverse(matrix: Array) -> Array:
    """Inverse of a symmetric positive definite matrix, or of a diagonal; exact scaling."""
    from scipy.linalg.lapack import dpotrf, dpotri

    if matrix.ndim == 1:
        return np.asarray(1 / matrix)
    scale = 1 / np.sqrt(np.diagonal(matrix))
    factor, failed = dpotrf(scale[:, None] * matrix * scale, lower=True, clean=True)
    if failed:
        raise np.linalg.LinAlgError("not positive definite")
    lower = scale[:, None] * dpotri(factor, lower=True)[0] * scale
    return np.asarray(lower + np.tril(lower, -1).T)


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
