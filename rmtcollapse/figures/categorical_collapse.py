r"""A law over tokens forgets: fewer tokens survive each generation, unless real data are kept.

Against generations *m* of drawing *n* tokens and refitting: how alike two draws are (left), how many tokens survive
(middle), both without real data, with a fixed sample of *N* = *n* real draws, and with fresh ones; and the probability
that one token is all that is left, without real data (right). Fixed data keep what their sample has, fresh data more
than any one sample.

The left statement without real data is the paper's; Zipf's law over 30 tokens (2, 5 and 30 at the right), *N* = *n* and
sizes are chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rmtcollapse.figures._figure import Figure, Line, Panel, Size, places
from rmtcollapse.models.categorical_recursion import CategoricalRecursion

__all__ = ["FIGURE"]

_DATA = {"no real data": "none", "fixed real data": "fixed", "fresh real data": "fresh"}
_TOKENS = 30


def _panels(size: Size) -> Sequence[Panel]:
    n = size.dimension
    return [
        Panel(rf"$n = N = {n}$", _lines(n, size, "collision_probability"), y="collision probability", log="x"),
        Panel(f"{_TOKENS} tokens", _lines(n, size, "surviving_tokens"), y="surviving tokens", log="xy"),
        Panel("no real data", _collapses(n, size), y="probability of one token only", legend="tokens", log="x"),
    ]


def _zipf(tokens: int) -> Any:
    weights = 1 / np.arange(1.0, tokens + 1)
    return weights / weights.sum()


def _lines(n: int, size: Size, value: str) -> list[Line]:
    """One line for each kind of real data."""
    every, simulated = places(1, 4 * n, size.points, between=6, whole=True)
    return [
        Line(label, _chain(_TOKENS, n, n if data != "none" else 0, data), "generations", every, simulated, value)
        for label, data in _DATA.items()
    ]


def _chain(tokens: int, draws: int, real: int = 0, data: str = "none") -> CategoricalRecursion:
    return CategoricalRecursion(
        probabilities=_zipf(tokens), generations=1, synthetic_samples=draws, real_samples=real, real_data=data
    )


def _collapses(n: int, size: Size) -> list[Line]:
    """One line for each size of the vocabulary."""
    every, simulated = places(n, 4 * n, size.points, between=6, whole=True)
    return [
        Line(str(k), _chain(k, n), "generations", every, simulated, "collapse_probability") for k in (2, 5, _TOKENS)
    ]


FIGURE = Figure(
    paper="Seddik et al. 2024, arXiv 2404.05090",
    panels=_panels,
    sizes={"quick": Size(20, 4, 100), "standard": Size(40, 7, 300), "large": Size(100, 10, 2000)},
)
