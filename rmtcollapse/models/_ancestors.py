r"""Ancestors: how many draws of the first generation everything drawn *g* generations later descends from.

Looking back one generation, *a* draws have as many different parents as *a* balls hit of *n* boxes. A token is lost
where it is none of the ancestors, the law is on one token where they are all alike; so one chain of numbers, the same
for all tokens, answers for both, at any size of the vocabulary. This is the coalescent of the Wright-Fisher model
(Kingman, J. Appl. Prob. 19A, 1982), at finite *n*, with all its multiple mergers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rmtcollapse.models._vocabulary import Array, Tokens, lost_share

__all__ = ["EXACT_DRAWS", "Ancestors", "collapse_time", "occupancy"]

EXACT_DRAWS = 2000
_FEW = 1000  # ancestors from which on a larger chain is followed exactly
_HUGE = 1e8  # draws beyond which generations are skipped
_SMALL = 64  # states below which many generations are one power of a matrix
_POINTS = np.array([-math.sqrt(3), 0.0, math.sqrt(3)])
_WEIGHTS = np.array([1.0, 4.0, 1.0]) / 6


@lru_cache(maxsize=4)
def occupancy(boxes: int, balls: int) -> Array:
    """Probability that a balls hit j of the boxes, (balls + 1, balls + 1); sums of non-negative terms only."""
    table = np.zeros((balls + 1, balls + 1))
    table[0, 0] = 1.0
    j = np.arange(balls + 1)
    stay, new = j / boxes, np.maximum(boxes - j, 0) / boxes
    for a in range(balls):
        row, after = table[a, : a + 1], table[a + 1]
        after[: a + 1] = row * stay[: a + 1]
        after[1 : a + 2] += row * new[: a + 1]
        after /= after.sum()
    table.setflags(write=False)
    return table


@dataclass(frozen=True)
class Ancestors:
    """A law of the number of ancestors: `number` (not always whole) with probability `weight`."""

    number: Array
    weight: Array

    @classmethod
    def after(cls, draws: int, generations: int) -> Ancestors:
        """Ancestors of `draws` draws, that many generations back."""
        if draws <= EXACT_DRAWS:
            start = np.zeros(draws + 1)
            start[-1] = 1.0
            return cls._followed(draws, start, generations)
        mean, variance, left = _thinned(draws, generations)
        if left == 0:
            return cls(mean[-1] + _POINTS * math.sqrt(variance), _WEIGHTS)
        return cls._followed(draws, _whole(mean[-1], variance), left)

    @classmethod
    def with_fresh(cls, real: int, draws: int, generations: int) -> Ancestors:
        """Real draws that generation m descends from, its own among them, in the mean: fresh ones in each."""
        found, here, shares = float(real), float(draws), real + draws
        for g in range(generations - 1, 0, -1):
            if g == 1 or here < 1e-12:
                found += min(here, -real * math.expm1(here * math.log1p(-1 / real))) if real > 1 else 1.0
                break
            hit = -shares * math.expm1(here * math.log1p(-1 / shares))
            found, here = found + hit * real / shares, hit * draws / shares
        return cls(np.array([found]), np.ones(1))

    @classmethod
    def _followed(cls, draws: int, law: Array, generations: int) -> Ancestors:
        table = occupancy(draws, len(law) - 1)
        while generations > 0:
            top = len(law)
            if top <= _SMALL < generations:
                law, generations = law @ np.linalg.matrix_power(table[:top, :top], generations), 0
                break
            law, generations = law @ table[:top, :top], generations - 1
            # One ancestor makes a collapse: what is left out is nothing beside it.
            tail = np.cumsum(law[::-1])[::-1]
            law = law[: max(2, int(np.count_nonzero(tail > 1e-20 * law[1])))] if law.size > 1 else law
        return cls(np.arange(1.0, len(law)), law[1:])

    def surviving(self, tokens: Tokens) -> float:
        """Expected number of tokens that are an ancestor's."""
        return self._mean(lambda a: lost_share(tokens.probability, a) @ tokens.multiplicity)

    def alike(self, tokens: Tokens) -> float:
        """Probability that all ancestors are of one token."""
        return self._mean(lambda a: np.exp(a * tokens.log_probability) @ tokens.multiplicity)

    def lost(self, probability: Array) -> Array:
        """Probability that no ancestor is of the token, for each probability."""
        return np.array(self.weight @ np.exp(np.outer(self.number, np.log1p(-probability))))

    def _mean(self, function: object) -> float:
        return math.fsum(w * float(function(a)) for a, w in zip(self.number, self.weight, strict=True) if w > 0)  # type: ignore[operator]


def collapse_time(draws: int, tokens: Tokens) -> float:
    r"""Expected number of generations until all draws are of one token.

    :math:`1+\sum_aG_a\{1-\sum_ip_i^a\}`, with :math:`G_a` the expected number of generations that see *a* ancestors;
    for more than 10^8 draws :math:`-2n\sum_i(1-p_i)\log(1-p_i)`, the diffusion's (relative error of order 1/n).
    """
    p, q, many = tokens.probability, tokens.complement, tokens.multiplicity
    if len(p) == 1 and many[0] == 1:
        return 0.0
    if draws > _HUGE:
        return float(-2 * draws * (np.where(q < 0.5, q * np.log(q), q * np.log1p(-p)) @ many))
    law, early = np.zeros(min(draws, EXACT_DRAWS) + 1), np.empty(0)
    law[-1] = 1.0
    if draws > EXACT_DRAWS:
        means, variance, _ = _thinned(draws, 2**62)
        law, early = _whole(means[-1], variance), np.array(means[:-1])
    visits = _visits(draws, law)
    terms = [v * _unlike(tokens, a) for a, v in enumerate(visits) if a > 1 and v > 0]
    # More than a thousand are alike only where one token is nearly all there is.
    return 1 + math.fsum(terms) + float(np.sum(q[-1] + p[-1] * lost_share(q[-1], early - 1)))


def _unlike(tokens: Tokens, ancestors: float) -> float:
    """Probability that ancestors are not all alike."""
    return float(lost_share(tokens.complement, ancestors - 1) @ (tokens.multiplicity * tokens.probability))


def _visits(draws: int, law: Array) -> Array:
    """Expected number of generations with each number of ancestors, from the first law on."""
    table = occupancy(draws, len(law) - 1)
    visits = law.copy()
    stays = np.r_[0.0, np.cumsum(np.log1p(-np.arange(len(law) - 1) / draws))]
    for a in range(len(law) - 1, 1, -1):
        visits[a] /= -math.expm1(stays[a])
        visits[:a] += visits[a] * table[a, :a]
    return visits


def _thinned(draws: int, generations: int) -> tuple[list[float], float, int]:
    """Means of the number of ancestors until they are few, the last variance, and the generations that are left."""
    means, variance, rate = [float(draws)], 0.0, math.log1p(-1 / draws)
    pairs = math.log1p(-1 / (draws - 1) ** 2)
    while generations > 0 and means[-1] > _FEW:
        a, empty = means[-1], math.exp(means[-1] * rate)
        if draws > _HUGE and a < 1e-3 * draws:
            skipped, mean = _skipped(a / draws, _FEW / draws, generations)
            return [*means, mean * draws], mean * draws / 3, generations - skipped
        own = draws * empty * -math.expm1(a * rate) + draws * (draws - 1) * empty**2 * math.expm1(a * pairs)
        slope, bend = -draws * rate * empty, -draws * rate**2 * empty
        means.append(-draws * math.expm1(a * rate) + bend * variance / 2)
        variance = slope**2 * variance + max(own, 0.0)
        generations -= 1
    return means, variance, generations


def _skipped(share: float, least: float, generations: int) -> tuple[int, float]:
    r"""Generations of :math:`y\to1-e^{-y}` at once, until `least`: 1/y + log(y)/6 + y/72 grows by a half each time."""

    def clock(y: float) -> float:
        return 1 / y + math.log(y) / 6 + y / 72

    steps = min(generations, math.ceil(2 * (clock(least) - clock(share))))
    target = clock(share) + steps / 2
    y = 1 / target
    for _ in range(8):
        y += (clock(y) - target) / (1 / y**2 - 1 / (6 * y) - 1 / 72)
    return steps, y


def _whole(mean: float, variance: float) -> Array:
    """A normal law on whole numbers, from 0 to where it ends."""
    sd = math.sqrt(variance)
    places = np.arange(math.ceil(mean + 9 * sd) + 1)
    law = np.exp(-((places - mean) ** 2) / (2 * variance))
    return np.asarray(law / law.sum())
