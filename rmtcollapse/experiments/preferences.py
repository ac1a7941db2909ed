"""The laboratory for preferences: draw answers, fit a preference score by Newton's method, move the policy.

Everything is written from the definitions and shares no formula with the theories that it judges.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError

__all__ = ["fit_preferences", "play"]

Array = NDArray[np.float64]


def fit_preferences(preferred: Array, other: Array) -> Array:
    r"""Scores that minimise :math:`\sum_{ij}a_ib_j\log(1+e^{-h_i+h_j})`, with mean 0.

    Parameters
    ----------
    preferred, other : array (k,)
        Positive shares *a*, *b* of the answers that are preferred and of those that are not.

    Raises
    ------
    ConvergenceError
        If an answer is missing, so that there is no minimum.
    """
    if not (preferred > 0).all() or not (other > 0).all():
        raise ConvergenceError(
            "preferences: an answer was not drawn, its best score is infinite; give more samples or fewer rounds"
        )
    k = len(preferred)
    pairs = np.outer(preferred, other)
    h = np.zeros(k)
    for _ in range(200):
        gap = h[:, None] - h
        wrong = pairs / (1 + np.exp(gap))
        slope = wrong.sum(axis=0) - wrong.sum(axis=1)
        weight = pairs * np.exp(-abs(gap)) / (1 + np.exp(-abs(gap))) ** 2
        both = weight + weight.T
        bend = np.diag(both.sum(axis=1)) - both
        step = -np.linalg.solve(bend + np.ones((k, k)) * np.trace(bend) / k**2, slope)
        # Longer steps may leave the valley: the loss is convex, but not quadratic.
        h = h + step * min(1.0, 2.0 / max(abs(step).max(), 1e-300))
        if abs(step).max() < 1e-12:
            break
    return np.asarray(h - h.mean())


def play(
    data: Array, base: Array, regularization: float, rounds: int, base_mixing: float, history: int | None,
    opponent: str, samples: int, rng: np.random.Generator,
) -> Array:  # fmt: skip
    """Logarithm of the policy after so many rounds; see :class:`rmtcollapse.models.SelfPlay` for the parameters."""
    logs = [np.log(base)]
    for _ in range(rounds):
        last = logs if history is None else logs[-history:]
        averaged = last[-1] if opponent == "history" else np.mean(last, axis=0)
        reference = (1 - base_mixing) * averaged + base_mixing * logs[0]
        if opponent == "history":
            source = np.mean([_law(x) for x in last], axis=0)
        else:
            source = _law(reference if opponent == "reference" else averaged)
        human, own = rng.multinomial(samples, data), rng.multinomial(samples, source)
        score = fit_preferences(human / samples, own / samples)
        moved = reference + score / regularization
        logs.append(moved - np.log(np.sum(np.exp(moved - moved.max()))) - moved.max())
    return np.asarray(logs[-1])


def _law(logs: Array) -> Array:
    """The law with these logarithms, up to a constant."""
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())
