"""Covariances and vectors as parameters: what is accepted, and what they are at another size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["copied_covariance", "copied_vector", "is_covariance", "is_variance"]

Array = NDArray[np.float64]
EPS = float(np.finfo(float).eps)


def is_covariance(matrix: Array) -> bool:
    """Whether a matrix is square, symmetric and positive semi-definite, up to rounding."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        return False
    scale = float(abs(matrix).max())
    if not scale or abs(matrix - matrix.T).max() > 1e-10 * scale:
        return not scale
    try:
        # Much faster than eigenvalues; zero ones come out of rounding with either sign.
        raised = matrix / scale
        raised.flat[:: len(matrix) + 1] += 16 * len(matrix) * EPS
        np.linalg.cholesky(raised)
    except np.linalg.LinAlgError:
        return False
    return True


def is_variance(covariance: Array) -> bool:
    """Whether this is a covariance, or the diagonal of one, that is not zero."""
    good = is_covariance(covariance) if covariance.ndim == 2 else bool(np.all(covariance >= 0))
    return good and bool(np.any(covariance))


def copied_vector(vector: Array, copies: int) -> Any:
    """A vector of the same length in so many independent copies of every direction."""
    return np.tile(vector, copies) / math.sqrt(copies)


def copied_covariance(covariance: Array, copies: int) -> Any:
    """Covariance, or its diagonal, of so many independent copies of every direction."""
    if covariance.ndim == 1:
        return np.tile(covariance, copies)
    return np.kron(np.eye(copies), covariance)
