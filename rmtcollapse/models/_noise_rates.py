"""What rows and labels tell of a mixture: length of the mean, shares, and the energy of the scores on new rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError, ParameterError

__all__ = ["LabelledRows", "labelled_rows"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LabelledRows:
    """Estimates from rows and labels.

    Attributes
    ----------
    mean_norm : float
        Length of the class mean.
    negative_fraction : float
        Share of rows that are truly negative.
    told_positive : float
        Share of rows that are labelled positive.
    energy : float
        Mean square of the score of a row that the fit has not seen.
    sign : float
        Sign of the score's mean on positive rows.
    """

    mean_norm: float
    negative_fraction: float
    told_positive: float
    energy: float
    sign: float


def labelled_rows(X: Array, y: Array, ridge: float) -> LabelledRows:
    """Estimate from rows of unit noise, (n, p), and labels +-1, (n,).

    Raises
    ------
    ParameterError
        For other rows or labels, or no penalty with as few rows as features.
    ConvergenceError
        If the mean cannot be told from noise.
    """
    X, y = _validated(X, y, ridge)
    n, p = X.shape
    values, vectors = np.linalg.eigh(X.T @ X / n)
    square = _spike(float(values[-1]), p / n)
    # Labels are more often right than wrong in either class: that orients the direction of the mean.
    along = X @ vectors[:, -1]
    along *= np.sign(np.mean((along - along.mean()) * (y - y.mean())))
    balance = np.sqrt(np.clip((np.sum(X.mean(0) ** 2) - p / n) / square, 0.0, 1.0)) * np.sign(along.mean())
    energy = float(np.mean(_unseen_scores(X, y, values, vectors, ridge) ** 2))
    negative, told = float((1 - balance) / 2), float(np.mean(y > 0))
    return LabelledRows(float(np.sqrt(square)), negative, told, energy, float(np.sign(np.mean(along * y))))


def _validated(X: Array, y: Array, ridge: float) -> tuple[Array, Array]:
    X, y = np.asarray(X, float), np.asarray(y, float)
    if X.ndim != 2 or X.size == 0 or not np.isfinite(X).all():
        raise ParameterError("X", X, "finite rows, an array of shape (rows, features)")
    if y.shape != X.shape[:1] or not np.all(abs(y) == 1) or np.all(y == y[:1]):
        raise ParameterError("y", y, "one label a row, 1 or -1, both of which occur")
    if ridge == 0 and len(X) <= X.shape[1]:
        raise ParameterError("ridge", ridge, "a positive number, where there are no more rows than features")
    return X, y


def _spike(largest: float, ratio: float) -> float:
    """Squared length of the mean from the largest eigenvalue of the second moment."""
    if largest <= (1 + ratio**0.5) ** 2:
        raise ConvergenceError(
            f"noise rates: the largest eigenvalue {largest:.3g} is not above that of noise, "
            f"{(1 + ratio**0.5) ** 2:.3g}; give more rows, or rows scaled to have noise of unit variance"
        )
    middle = largest - ratio - 1
    return float((middle + np.sqrt(middle**2 - 4 * ratio)) / 2)


def _unseen_scores(X: Array, y: Array, values: Array, vectors: Array, ridge: float) -> Array:
    """Score of every row by the fit to all others."""
    rotated = X @ vectors
    solved = rotated / (values + ridge) / len(X)
    hat = np.sum(solved * rotated, axis=1)
    return np.asarray((rotated @ (solved.T @ y) - hat * y) / (1 - hat))
