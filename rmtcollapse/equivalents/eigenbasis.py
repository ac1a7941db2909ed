"""The eigenbasis that covariances share, where they do: everything then costs as much as a vector does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["shared_eigenbasis"]

Array = NDArray[np.float64]
EPS = float(np.finfo(float).eps)
_LEAST = 100  # below, dense matrices are fast, and keep the scales of features that are in different units
_SCALES = 1e3  # features whose variances differ by more lose digits in an eigenbasis


def shared_eigenbasis(matrices: Sequence[Array]) -> tuple[Array, list[Array]] | None:
    """Orthogonal eigenvectors of symmetric positive semi-definite matrices that commute, and all eigenvalues.

    None where they do not commute up to rounding, and where matrices as they are serve better: small ones, and those
    whose diagonals spread over many orders of magnitude.
    """
    if len(matrices[0]) < _LEAST:
        return None
    distinct: list[Array] = []
    places = []
    for matrix in matrices:
        same = (k for k, known in enumerate(distinct) if known is matrix or np.array_equal(known, matrix))
        places.append(next(same, len(distinct)))
        if places[-1] == len(distinct):
            distinct.append(matrix)
    sizes = sum(np.diagonal(m) / np.trace(m) for m in distinct)
    if np.min(sizes) * _SCALES < np.max(sizes) or not _commute(distinct):
        return None
    found = _decomposed(tuple(m.tobytes() for m in distinct), len(matrices[0]))
    return None if found is None else (found[0], [found[1][k] for k in places])


def _commute(matrices: Sequence[Array]) -> bool:
    """Whether products agree on one vector, which they would not by accident."""
    v = np.cos(1.0 + np.arange(len(matrices[0])) ** 2)
    first = matrices[0]
    for other in matrices[1:]:
        gap = first @ (other @ v) - other @ (first @ v)
        if np.linalg.norm(gap) > 64 * EPS * np.linalg.norm(abs(first) @ (abs(other) @ abs(v))):
            return False
    return True


@lru_cache(maxsize=2)
def _decomposed(contents: tuple[bytes, ...], size: int) -> tuple[Array, list[Array]] | None:
    """Kept for the next call: a curve is many points of the same covariances."""
    matrices = [np.frombuffer(content).reshape(size, size) for content in contents]
    # Unequal shares, so that no two of the joint eigenvalues meet by symmetry.
    mixed = sum(m / np.trace(m) / np.sqrt(2 + k) for k, m in enumerate(matrices))
    values, vectors = np.linalg.eigh(mixed)
    if len(matrices) == 1:
        return vectors, [np.maximum(values, 0.0) * np.trace(matrices[0]) * np.sqrt(2)]
    diagonals = []
    for matrix in matrices:
        turned = matrix @ vectors
        values = np.einsum("ij,ij->j", vectors, turned)
        if np.max(abs(turned - vectors * values)) > 1e-13 * np.max(abs(values)) * np.sqrt(size):
            return None
        diagonals.append(np.maximum(values, 0.0))
    return vectors, diagonals
