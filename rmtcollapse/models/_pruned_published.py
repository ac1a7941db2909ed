r"""The published formula for pruned synthetic data, to be judged beside the corrected one.

It takes :math:`\delta_s=\alpha\frac1N\operatorname{tr}C_bR` for the synthetic rows, where
:math:`\delta_s=\frac1N\operatorname{tr}C_bR` is right: a row that is kept has the weight one, and not every candidate
the weight :math:`\alpha`. The rest of it counts kept rows with weight one, so that where much is pruned and the ridge
is small its variance may be negative.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.equations.operations import NUMPY, diagonal_operations
from rmtcollapse.equivalents.sample_weights import Kernels
from rmtcollapse.equivalents.sources_solver import solve_sources
from rmtcollapse.equivalents.sources_state import Sources
from rmtcollapse.models._pruned import candidate_groups

if TYPE_CHECKING:
    from rmtcollapse.models.pruned_synthetic import PrunedSynthetic

__all__ = ["published_values"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _FixedWeights:
    """Rows that all have the same weight, one for each source."""

    weights: Array
    seen: float = 1.0

    def kernels(self, ridge: float, traces: Array) -> Kernels:
        """The expectations that the equations of the traces need."""
        share = 1 / (ridge + self.weights * traces)
        mean = self.weights * share
        return Kernels(mean, mean**2, ridge * mean * share, ridge * share)


def published_values(model: PrunedSynthetic) -> Mapping[str, float]:
    """Values of the published code, for an exact generator and a positive ridge; no accuracy if V is not positive."""
    classifier = candidate_groups(model).in_eigenbasis()
    groups, N = classifier.active, float(classifier.samples)
    weights = np.array([1.0, model.kept().share])[[g.rows > 0 for g in classifier.groups]]
    rows, C = np.array([g.rows for g in groups]), np.array([g.covariance for g in groups])
    size = classifier.parameters()["dimension"]
    op = diagonal_operations(size) if classifier.diagonal else NUMPY
    law = _FixedWeights(weights)
    solved = solve_sources(Sources(C, rows / weights, N, model.ridge, C[0], classifier.multiplicity, law))
    h = 1 / (model.ridge + weights * solved.traces)
    Q = op.inverse(op.identity(size) + np.tensordot(rows / N * h, C, 1))
    P = [op.product(c, Q) for c in C]
    A = classifier.classes[0].covariance
    pairs = np.array([[op.trace_product(p, q) for q in P] for p in P]) / N
    tested = np.array([op.trace_product(p, op.product(A, Q)) for p in P]) / N
    means, targets = np.array([classifier.basis @ g.mean for g in groups]), np.array([g.target for g in groups])
    w = _mean_fit(op, Q, means, rows / N * h, targets)
    within = np.array([g.target_variance + w @ _product(g.covariance, w) for g in groups])
    gain = rows / N * h**2
    spread = np.linalg.solve(np.eye(len(rows)) - pairs * gain, tested)
    score = float(classifier.basis @ classifier.classes[0].mean @ w)
    variance = float(w @ _product(A, w) + gain @ (spread * ((targets - means @ w) ** 2 + within)))
    return _named(score, variance)


def _mean_fit(op: Any, Q: Array, means: Array, pulls: Array, targets: Array) -> Array:
    """Solution of the normal equations of the means, weighted by the pulls."""
    learned = op.product(Q, means.T)
    normal = np.eye(len(means)) + pulls[:, None] * (means @ learned)
    return np.asarray(learned @ np.linalg.solve(normal, pulls * targets))


def _product(matrix: Array, vector: Array) -> Array:
    return np.asarray(matrix * vector if matrix.ndim == 1 else matrix @ vector)


def _named(score: float, variance: float) -> dict[str, float]:
    from scipy.special import ndtr

    named = {"risk": (1 - score) ** 2 + variance, "score_mean": score, "score_variance": variance}
    return {"accuracy": float(ndtr(score / np.sqrt(variance)))} | named if variance > 0 else named
