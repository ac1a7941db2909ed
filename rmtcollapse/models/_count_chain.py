r"""The count of one token, generation after generation: an autonomous chain, exact at finite size.

With *y* of :math:`N+n` shares in the law, the next generation draws :math:`x\sim\mathrm{Bin}(n,y/(N+n))` of the token,
whatever the other tokens do. Real draws are added to *x*: none (then y = x), the same every time, or fresh ones.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from rmtcollapse.models._vocabulary import Array, Tokens

__all__ = [
    "binomial_rows",
    "binomial_window",
    "fixed_moments",
    "fresh_laws",
    "largest_defect",
    "law_moments",
    "pure_laws",
    "transitions",
]

_SETTLED = 1e-16
_BLOCK = 128


def binomial_rows(draws: int, probability: Array, complement: Array) -> Array:
    """Binomial laws, (rows, draws + 1): ratios from the mode outwards, then normalised, accurate in both tails."""
    rows = np.arange(len(probability))
    mode = np.minimum(np.floor((draws + 1) * probability), draws).astype(np.intp)
    law = np.zeros((len(rows), draws + 1))
    law[rows, mode] = 1.0
    with np.errstate(divide="ignore", invalid="ignore", under="ignore"):
        odds, against = probability / complement, complement / probability
        for up, factor in ((1, odds), (-1, against)):
            here, at, value = rows, mode.copy(), np.ones(len(rows))
            while True:
                inside = (at < draws) if up > 0 else (at > 0)
                alive = inside & (value > 0)
                if not alive.any():
                    break
                here, at, value = here[alive], at[alive], value[alive]
                ratio = (draws - at) / (at + 1) if up > 0 else at / (draws - at + 1)
                value, at = value * ratio * factor[here], at + up
                law[here, at] = value
    law /= law.sum(axis=1, keepdims=True)
    return law


def binomial_window(draws: int, probability: float, complement: float) -> tuple[Array, Array]:
    """Counts around the mode of one binomial law and their probabilities; what is left out is below 1e-20."""
    mode = min(math.floor((draws + 1) * probability), draws)
    reach = math.ceil(10 * math.sqrt(draws * probability * complement)) + 60
    low, high = max(0, mode - reach), min(draws, mode + reach)
    up, down = np.arange(mode, high, dtype=float), np.arange(mode, low, -1, dtype=float)
    above = np.cumprod((draws - up) / (up + 1) * (probability / complement)) if up.size else up
    below = np.cumprod(down / (draws - down + 1) * (complement / probability)) if down.size else down
    law = np.r_[below[::-1], 1.0, above]
    return np.arange(low, high + 1, dtype=float), law / law.sum()


@lru_cache(maxsize=2)
def transitions(shares: int, draws: int) -> Array:
    """Law of x for every y: row y is Bin(draws, y / shares), (shares + 1, draws + 1)."""
    y = np.arange(shares + 1) / shares
    table = binomial_rows(draws, y, y[::-1])
    table.setflags(write=False)
    return table


def _pushed(laws: Array, table: Array) -> Array:
    """laws @ table, in blocks of rows that leave out what is beyond ten standard deviations."""
    shares, draws = table.shape[0] - 1, table.shape[1] - 1
    if shares < 2 * _BLOCK:
        return np.asarray(laws @ table)
    after = np.zeros((len(laws), draws + 1))
    for start in range(0, shares + 1, _BLOCK):
        stop = min(start + _BLOCK, shares + 1)
        low, high = start / shares * draws, (stop - 1) / shares * draws
        sd = math.sqrt(max(p * (1 - p / draws) for p in (low, high, min(max(draws / 2, low), high))))
        left, right = max(0, int(low - 10 * sd - 20)), min(draws, int(high + 10 * sd + 20)) + 1
        after[:, left:right] += laws[:, start:stop] @ table[start:stop, left:right]
    return after


def pure_laws(tokens: Tokens, draws: int, generations: int) -> Array:
    """Laws of the count after so many generations without real data, (tokens, draws + 1)."""
    laws = binomial_rows(draws, tokens.probability, tokens.complement)
    table, steps = transitions(draws, draws), generations - 1
    if steps * len(laws) > 8 * draws * max(steps.bit_length(), 1):
        return np.asarray(laws @ np.linalg.matrix_power(table, steps))
    for _ in range(steps):
        laws = _pushed(laws, table)
    return laws


def fresh_laws(tokens: Tokens, real: int, draws: int, generations: int) -> Array:
    """Laws of the token's shares, real and synthetic, with fresh real draws, (tokens, real + draws + 1)."""
    fresh = binomial_rows(real, tokens.probability, tokens.complement)
    if generations == 1:  # each real draw is worth one share of `real`
        return fresh
    first = fresh @ transitions(real, draws)
    laws = _added(fresh, first)
    table = transitions(real + draws, draws)
    for _ in range(generations - 2):
        after = _added(fresh, _pushed(laws, table))
        settled = abs(after - laws).sum() <= _SETTLED * len(laws)
        laws = after
        if settled:
            break
    return laws


def _added(left: Array, right: Array) -> Array:
    """Laws of sums of independent counts, row by row."""
    return np.array([np.convolve(a, b) for a, b in zip(left, right, strict=True)])


def fixed_moments(tokens: Tokens, real: int, draws: int, generations: int) -> tuple[Array, Array, Array]:
    r"""Means of |p^(m) - p|, p^(m) and its square for each token, the same real draws in every generation, m >= 2."""
    shares = real + draws
    table, starts = transitions(shares, draws), transitions(real, draws)
    whole = np.floor(tokens.probability * shares)
    kinks, place = np.unique(np.r_[whole, whole + 1], return_inverse=True)
    found = np.empty((real + 1, len(kinks) + 2))
    for k in range(real + 1):
        law = _settled(starts[k], table[k : k + draws + 1], generations - 2)
        y = k + np.arange(draws + 1.0)
        found[k] = law @ np.column_stack([abs(y[:, None] - kinks), y, y**2])
    at = binomial_rows(real, tokens.probability, tokens.complement) @ found
    # |y - c| at whole y is linear in c between whole numbers.
    t, rows = tokens.probability * shares - whole, np.arange(len(whole))
    apart = (1 - t) * at[rows, place[: len(t)]] + t * at[rows, place[len(t) :]]
    return apart / shares, at[:, -2] / shares, at[:, -1] / shares**2


def _settled(law: Array, step: Array, steps: int) -> Array:
    """The law after so many steps, or where it no longer changes."""
    for _ in range(steps):
        after = law @ step
        if abs(after - law).sum() <= _SETTLED:
            return after
        law = after
    return law


def law_moments(laws: Array, tokens: Tokens) -> tuple[Array, Array, Array]:
    """Means of |y - p|, y and its square for each token, from laws of the shares."""
    y = np.arange(laws.shape[1]) / (laws.shape[1] - 1)
    apart = np.array([law @ abs(y - p) for law, p in zip(laws, tokens.probability, strict=True)])
    return apart, laws @ y, laws @ y**2


def largest_defect(means: Array, squares: Array, tokens: Tokens, variance_share: float) -> float:
    r"""How far laws of shares are from a mean of *p* and a variance of :math:`Fp(1-p)`, relative to both."""
    p = tokens.probability
    second = p * (p + variance_share * tokens.complement)
    return float(max(np.max(abs(means / p - 1)), np.max(abs(squares / second - 1))))
