"""The laboratory for laws over tokens: draw tokens, count them, refit, measure.

Everything is written from the definitions and shares no formula with the theories that it judges.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["recursion"]

Array = NDArray[np.float64]


def recursion(
    truth: Array, generations: int, synthetic: int, real: int, data: str, rng: np.random.Generator
) -> dict[str, float]:
    """Empirical laws of empirical laws; without real data on until one token is left, to measure the time.

    Parameters
    ----------
    truth : array (k,)
        True probabilities.
    generations, synthetic, real : int
        Generations, synthetic draws in each, and real draws.
    data : str
        ``"none"``, ``"fixed"`` or ``"fresh"`` real draws.
    """
    if data == "none":
        return _alone(truth, generations, synthetic, rng)
    law = truth
    for m in range(generations):
        if m == 0 or data == "fresh":
            drawn = rng.multinomial(real, truth)
        made = rng.multinomial(synthetic, law) if m > 0 else np.zeros_like(drawn)
        law = (drawn + made) / (drawn.sum() + made.sum())
    return measured(law, truth)


def _alone(truth: Array, generations: int, draws: int, rng: np.random.Generator) -> dict[str, float]:
    """No real data; tokens that are lost are no longer followed."""
    alive, law, step, time = np.flatnonzero(truth), truth[truth > 0], 0, -1
    values: dict[str, float] = {}
    while not values or time < 0:
        if time < 0 and len(alive) == 1:
            time = step
        if step == generations:
            whole = np.zeros(len(truth))
            whole[alive] = law
            values = measured(whole, truth)
        counts = rng.multinomial(draws, law)
        alive, law, step = alive[counts > 0], counts[counts > 0] / draws, step + 1
    return {**values, "expected_collapse_time": float(time)}


def measured(law: Array, truth: Array) -> dict[str, float]:
    """What is asked of a law."""
    return {
        "collision_probability": float(law @ law),
        "squared_distance": float(np.sum((law - truth) ** 2)),
        "absolute_distance": float(np.sum(abs(law - truth))),
        "collapse_probability": float(np.count_nonzero(law) == 1),
        "surviving_tokens": float(np.count_nonzero(law)),
    }
