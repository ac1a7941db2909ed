"""Drawing tokens from power laws, cut or not: literal samples, over infinitely many tokens where there is no cut."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["PowerLawTokens"]

Array = NDArray[np.float64]

_TABLE = 1 << 17


@lru_cache(maxsize=8)
def _cumulated(exponent: float, size: int) -> Array:
    return np.cumsum(np.arange(1.0, size + 1) ** -exponent)


@dataclass(frozen=True)
class PowerLawTokens:
    r"""Tokens 1, 2, ... with probabilities proportional to :math:`i^{-\beta}`, up to `last` where it is given.

    Tokens are whole numbers held as floats: those beyond :math:`2^{53}`, which heavy tails reach, are drawn once only.
    """

    exponent: float
    last: int | None = None

    @property
    def _weights(self) -> Array:
        """Cumulated weights of the tokens in the table."""
        return _cumulated(self.exponent, min(_TABLE, self.last or _TABLE))

    @property
    def _beyond(self) -> float:
        """Weight of the tokens after the table, cut or not."""
        from scipy.special import zeta

        cut = self.last is not None and self.last <= _TABLE
        return 0.0 if cut else float(zeta(self.exponent, _TABLE + 1.0))

    def draw(self, size: int, rng: np.random.Generator) -> Array:
        """Independent tokens, (size,): by inversion, in a table and beyond it."""
        table, beyond = self._weights, self._beyond
        made = np.empty(size)
        open_places = np.arange(size)
        while open_places.size:
            u = rng.random(open_places.size) * (table[-1] + beyond)
            tokens = np.searchsorted(table, u, side="right") + 1.0
            far = tokens > table.size
            tokens[far] = self._far(int(far.sum()), rng)
            made[open_places] = tokens
            if self.last is None:
                break
            open_places = open_places[tokens > self.last]
        return made

    def _far(self, size: int, rng: np.random.Generator) -> Array:
        """Tokens beyond the table: rounded Pareto numbers, whose law is theirs to one part in ten billion."""
        with np.errstate(over="ignore"):
            return np.rint((_TABLE + 0.5) * rng.random(size) ** (-1 / (self.exponent - 1)))

    def mass(self, tokens: Array) -> float:
        """Probability of some different tokens together, where there is no cut."""
        from scipy.special import zeta

        return float(np.sum(np.asarray(tokens) ** -self.exponent)) / float(zeta(self.exponent, 1.0))
