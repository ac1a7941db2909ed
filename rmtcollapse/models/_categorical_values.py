"""What a recursive categorical law has become: its support from ancestors, its distance from chains or limits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rmtcollapse.models._ancestors import EXACT_DRAWS, Ancestors, collapse_time
from rmtcollapse.models._count_chain import (
    binomial_window,
    fixed_moments,
    fresh_laws,
    largest_defect,
    law_moments,
    pure_laws,
)
from rmtcollapse.models._spread import kept_distance, pure_distance
from rmtcollapse.models._vocabulary import Array, Tokens

__all__ = ["LIMIT", "Chain", "Found"]

EXACT, LIMIT = "exact chain", "limit of many draws"
_AFFORDABLE = 4e9  # multiplications


@dataclass(frozen=True)
class Found:
    """Values beyond second moments: how they were found, and the largest defect of what must hold exactly."""

    values: dict[str, float]
    how: str
    defect: float


@dataclass(frozen=True)
class Chain:
    """Tokens through the generations, m >= 1; real data ``"none"``, ``"fixed"`` or ``"fresh"``."""

    tokens: Tokens
    generations: int
    synthetic: int
    real: int
    data: str

    def found(self, variance_share: float) -> Found:
        """All values; the variance of a token's probability is that share of p(1 - p)."""
        support, exact_support = self.support()
        distance, defect = self._distance(variance_share)
        exact = exact_support and defect is not None
        return Found({**support, "absolute_distance": distance}, EXACT if exact else LIMIT, defect or 0.0)

    # ---- support --------------------------------------------------------------------------------------------------

    def support(self) -> tuple[dict[str, float], bool]:
        """Collapse, its time and surviving tokens, and whether they are exact."""
        if self.data == "none":
            few = self.tokens.few()
            ancestors = Ancestors.after(self.synthetic, self.generations - 1)
            time = collapse_time(self.synthetic, few)
            return self._named(ancestors, few, time), self.synthetic <= EXACT_DRAWS
        if self.data == "fixed" or self.generations == 1 or self.synthetic == 0:
            return self._named(Ancestors(np.array([self.real]), np.ones(1)), self.tokens, math.inf), True
        few = self.tokens.between_kinks(self.real + self.synthetic)
        if self._affordable(few):
            laws = fresh_laws(few, self.real, self.synthetic, self.generations)
            alive, alike = laws[:, 1:].sum(axis=1) @ few.multiplicity, laws[:, -1] @ few.multiplicity
            found = {"collapse_probability": float(alike), "surviving_tokens": float(alive)}
            return {**found, "expected_collapse_time": math.inf}, True
        ancestors = Ancestors.with_fresh(self.real, self.synthetic, self.generations)
        return self._named(ancestors, self.tokens.few(), math.inf), False

    @staticmethod
    def _named(ancestors: Ancestors, tokens: Tokens, time: float) -> dict[str, float]:
        alike, alive = min(1.0, ancestors.alike(tokens)), ancestors.surviving(tokens)
        return {"collapse_probability": alike, "surviving_tokens": alive, "expected_collapse_time": time}

    # ---- distance ---------------------------------------------------------------------------------------------------

    def _distance(self, variance_share: float) -> tuple[float, float | None]:
        """Mean absolute distance and the defect of the chain behind it; no defect where it is a limit."""
        shares = self.synthetic + (self.real if self.data != "none" else 0)
        if self.data == "fixed" and (self.generations == 1 or self.synthetic == 0):
            shares = self.real
        few = self.tokens.between_kinks(shares)
        if not self._affordable(few):
            few = self.tokens.few()
            return float(self._limit(few, variance_share) @ few.multiplicity), None
        apart, means, squares = self._moments(few)
        defect = largest_defect(means, squares, few, variance_share)
        return float(apart @ few.multiplicity), defect

    def _moments(self, few: Tokens) -> tuple[Array, Array, Array]:
        if self.data == "none":
            return law_moments(pure_laws(few, self.synthetic, self.generations), few)
        if self.generations == 1 or self.synthetic == 0:
            return law_moments(fresh_laws(few, self.real, self.synthetic, 1), few)
        if self.data == "fixed":
            return fixed_moments(few, self.real, self.synthetic, self.generations)
        return law_moments(fresh_laws(few, self.real, self.synthetic, self.generations), few)

    def _affordable(self, few: Tokens) -> bool:
        """Whether chains can be followed exactly: counts up to 2,000, and in the fixed case for all real draws."""
        n, N, m, tokens = self.synthetic, self.real, self.generations, len(few.probability)
        if self.data == "none":
            return n <= EXACT_DRAWS
        if m == 1 or n == 0:
            return tokens * N <= _AFFORDABLE / 100
        steps = min(m, 40 * (1 + n / N)) + 1
        if self.data == "fixed":
            return N + n <= 2 * EXACT_DRAWS and (N + 1) * (n + 1) * (n * steps + 2 * tokens) <= _AFFORDABLE
        return N + n <= EXACT_DRAWS and tokens * (n + 1) * (2 * N + n) * steps <= _AFFORDABLE

    def _limit(self, few: Tokens, variance_share: float) -> Array:
        if self.data != "none":
            return kept_distance(few, variance_share)
        if self.generations == 1:
            return np.array(
                [_deviation(self.synthetic, p, q) for p, q in zip(few.probability, few.complement, strict=True)]
            )
        lost = Ancestors.after(self.synthetic, self.generations - 1).lost(few.probability)
        rare = few.probability * self.synthetic <= 1
        return np.where(rare, 2 * few.probability * lost, pure_distance(few, variance_share))


def _deviation(draws: int, p: float, q: float) -> float:
    """Mean absolute deviation of a share of binomial draws."""
    counts, weight = binomial_window(draws, p, q)
    return float(weight @ abs(counts / draws - p))
