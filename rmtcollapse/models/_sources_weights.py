"""Weights of several sources that minimise the predicted test error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.models._optimum import least_point

if TYPE_CHECKING:
    from rmtcollapse.models.weighted_sources import WeightedSources

__all__ = ["best_of_many", "best_of_two"]

Array = NDArray[np.float64]
_BOUND = 30.0  # |log weight| beyond which a source is everything or nothing


def _error(model: WeightedSources, weights: Array) -> float:
    """Predicted test error; infinite where a weight leaves nothing to fit with or no certified answer."""
    try:
        return float(model.evolve(weights=weights).theory()["test_error"])
    except (ConvergenceError, ValueError):
        return math.inf


def best_of_two(model: WeightedSources) -> Array:
    """The least valley over the logarithm of the second weight."""
    best = least_point(lambda x: _error(model, np.array([1.0, math.exp(x)])), _error(model, np.array([1.0, 0.0])))
    return np.array([0.0, 1.0]) if math.isinf(best) else np.array([1.0, best])


def best_of_many(model: WeightedSources) -> Array:
    """Quasi-Newton in the logarithms of the weights, from equal ones and from each source alone with little else."""
    from scipy.optimize import minimize

    size = len(model.weights)

    def error(logs: Array) -> float:
        return math.log(_error(model, np.exp(np.clip(np.concatenate([[0.0], logs]), -_BOUND, _BOUND))))

    starts = [np.zeros(size - 1), np.full(size - 1, -4.0), *(4.0 * np.eye(size - 1))]
    bounds = [(-_BOUND, _BOUND)] * (size - 1)
    options = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 300}
    found = [minimize(error, x, method="L-BFGS-B", jac="3-point", bounds=bounds, options=options) for x in starts]
    logs = np.concatenate([[0.0], min(found, key=lambda r: r.fun).x])
    logs = np.where(logs <= -_BOUND + 1, -np.inf, logs)
    if logs.max() >= _BOUND - 1:
        logs = np.where(logs >= _BOUND - 1, 0.0, -np.inf)
    return np.asarray(np.exp(logs))
