r"""Rounds of self-play: the share of the start that is left, the factor of a round, and mixtures of opponents.

Written for numbers of any kind: floats, or those of mpmath.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np

from rmtcollapse.models._vocabulary import Array

__all__ = ["characteristic", "contraction", "linear_share", "mixture_log_ratios"]


def linear_share(rate: Any, rounds: int, history: int | None) -> Any:
    """Share of the first deviation that is left, where each is the mean of the last ones times a rate."""
    if history == 1:
        try:
            return rate**rounds
        except OverflowError:
            return math.inf if rate > 0 or rounds % 2 == 0 else -math.inf
    one = rate * 0 + 1
    if history is None:
        mean = one
        for j in range(1, rounds):
            mean = mean * (j + rate) / (j + 1)
        return rate * mean if rounds else one
    last = deque([one], maxlen=history)
    for _ in range(rounds):
        last.append(rate * sum(last) / len(last))
    return last[-1]


def characteristic(rate: float, regularization: float, base_mixing: float, history: int, mixture: bool) -> Array:
    """Coefficients of the polynomial whose roots are the factors of a round, highest power first."""
    if mixture:
        lower = np.full(history, 1 / (regularization * history))
        lower[0] -= 1 - base_mixing
    else:
        lower = np.full(history, -rate / history)
    return np.asarray(np.r_[1.0, lower])


def contraction(coefficients: Array) -> float:
    """Largest modulus of a root, by Newton's method from the eigenvalues of the companion matrix."""
    roots = np.roots(coefficients)
    root = complex(roots[np.argmax(abs(roots))]) if roots.size else 0j
    slopes = np.polyder(coefficients)
    for _ in range(3):
        slope = complex(np.polyval(slopes, root))
        if slope == 0:
            break
        root -= complex(np.polyval(coefficients, root)) / slope
    return abs(root)


def mixture_log_ratios(
    contrast: Any, inverse: Any, base_mixing: Any, data: Any, rounds: int, history: int | None
) -> Any:
    r"""Logarithms of :math:`\pi_t/p`, the opponent a mixture of the last policies; iterated exactly.

    `contrast` is log(base / data), `inverse` 1 / regularization; arrays of floats or of mpmath numbers.
    """
    first = _normalised(contrast, data)
    last, ratios = first, deque([first], maxlen=history)
    for _ in range(rounds):
        moved = (1 - base_mixing) * last + base_mixing * first - inverse * _mixed(ratios)
        last = _normalised(moved, data)
        ratios.append(last)
    return last


def _normalised(score: Any, data: Any) -> Any:
    """Scores less the logarithm of the mean of their exponentials."""
    top = max(score)
    return score - top - _log(sum(data * _exp(score - top)))


def _mixed(ratios: Any) -> Any:
    """Logarithms of the mean of policies."""
    top = np.maximum.reduce(list(ratios))
    return top + _log(sum(_exp(r - top) for r in ratios) / len(ratios))


def _exp(values: Any) -> Any:
    if np.asarray(values).dtype != object:
        return np.exp(values)
    import mpmath as mp

    return np.array([mp.exp(v) for v in values], dtype=object)


def _log(values: Any) -> Any:
    if np.asarray(values).dtype != object:
        return np.log(values)
    import mpmath as mp

    return np.array([mp.log(v) for v in values], dtype=object) if np.ndim(values) else mp.log(values)
