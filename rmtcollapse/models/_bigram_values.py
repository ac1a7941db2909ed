r"""Rows of bigrams: the expected distance of an empirical law from its own, for many numbers of draws, and its mean.

With *n* draws a row is off by :math:`V_n=\sum_jh_j(n)`, where
:math:`h_j(n)=\tfrac\nu n\binom n\nu p_j^\nu(1-p_j)^{n-\nu+1}`, :math:`\nu=\lfloor np_j\rfloor+1`, is de Moivre's mean
deviation over 2n. From *n* to *n* + 1 it is multiplied by :math:`n(1-p_j)/(n+1-\nu)` where :math:`\nu` stays and by
:math:`np_j/\nu` where it grows. Tokens with :math:`np_j<1` have :math:`h_j=p_j(1-p_j)^n`, which is smooth in *j*.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.models._count_chain import binomial_window
from rmtcollapse.models._token_chain import binomial_pmf
from rmtcollapse.models._token_laws import TokenLaws
from rmtcollapse.models._token_sums import LAST_BLOCK, Nodes, power_sum, token_nodes

__all__ = ["BigramValues", "bigram_values"]

Array = NDArray[np.float64]

_FREQUENT = 100  # expected draws of a context up to which its error is smooth enough in its rank
_BLOCK = 64  # numbers of draws that are reached from one by recurrence, which multiplies the rounding of p
_ALLOWED = 1e-12
_SMALLEST = 1e-290
_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class BigramValues:
    """The error over all contexts, that of one row of all draws, and the relative change from coarser rules."""

    test_error: float
    row_error: float
    certificate: float


def bigram_values(contexts: TokenLaws, tokens: TokenLaws, samples: int) -> BigramValues:
    r""":math:`\sum_i\pi_i\mathbb E\,V_{N_i}` and :math:`V_T`.

    Raises
    ------
    ConvergenceError
        If a coarser rule gives another value, or if the test error underflows.
    """
    if samples == 0:
        return BigramValues(1.0, 1.0, 0.0)
    windows = [_Windows.of(contexts, samples, rule) for rule in _rules(contexts, samples / _FREQUENT)]
    wanted = np.zeros(samples + 1, bool)
    wanted[samples] = True
    for low, law in (pair for w in windows for pair in w.laws):
        wanted[low : low + law.size] = True
    rows, change = _row_errors(tokens, wanted)
    fine, coarse = (w.mean(rows) + _beyond(contexts) for w in windows)
    certificate = change + 4 * _EPS
    if contexts.cut != 1 or tokens.cut != 1:
        if fine < _SMALLEST:
            raise ConvergenceError(
                "bigrams: a test error below 1e-290 is not known in floating point; give fewer samples"
            )
        certificate += abs(fine - coarse) / fine
    if not certificate <= _ALLOWED:
        raise ConvergenceError(
            f"bigrams: rules of 24 and of 16 nodes differ by {certificate:.1e}; give fewer samples or contexts"
        )
    return BigramValues(float(fine), float(rows[samples]), float(certificate))


def _rules(laws: TokenLaws, draws: float) -> tuple[Nodes, Nodes]:
    """Ranks one by one while they are expected once or more in so many draws, nodes of two rules beyond."""
    last = LAST_BLOCK if laws.cut is None else laws.cut
    first = min(math.floor((draws * laws.synthetic_scale) ** (1 / laws.synthetic_exponent)) + 1, last)
    plain = np.arange(1.0, first + 1)
    fine, coarse = (
        Nodes(np.concatenate([plain, n.places]), np.concatenate([np.ones(first), n.weights]))
        for n in token_nodes(first + 1, last)
    )
    return fine, coarse


def _beyond(laws: TokenLaws) -> float:
    """Mass after the last node: among a million draws it is not met, to rounding."""
    if laws.cut is not None:
        return 0.0
    return laws.synthetic_scale * power_sum(laws.synthetic_exponent, LAST_BLOCK + 1, None)


@dataclass(frozen=True)
class _Windows:
    """Contexts: their mass, the part of it that is not seen, and laws of counts from 1 on with their first counts."""

    mass: Array
    unseen: float
    laws: list[tuple[int, Array]]

    @classmethod
    def of(cls, contexts: TokenLaws, samples: int, rule: Nodes) -> _Windows:
        share, rest = contexts.at(rule.places, synthetic=True)
        with np.errstate(divide="ignore"):
            log = samples * np.where(share < 0.5, np.log1p(-np.minimum(share, 0.5)), np.log(rest))
        mass = rule.weights * share
        laws = []
        for p, q in zip(share.tolist(), rest.tolist(), strict=True):
            counts, law = binomial_window(samples, p, q) if q > 0 else (np.array([samples]), np.ones(1))
            skipped = int(counts[0] == 0)  # the chance of no draw is held apart, to full accuracy
            laws.append((int(counts[0]) + skipped, law[skipped:]))
        return cls(mass, float(mass @ np.exp(log)), laws)

    def mean(self, rows: Array) -> float:
        """The error over all contexts."""
        each = [law @ rows[low : low + law.size] for low, law in self.laws]
        return self.unseen + float(self.mass @ np.array(each))


def _row_errors(tokens: TokenLaws, wanted: NDArray[np.bool_]) -> tuple[Array, float]:
    """V_n for the wanted n >= 1, and its largest relative change from a coarser rule; 0 elsewhere."""
    rows, change = np.zeros(wanted.size), 0.0
    for start in range(1, wanted.size, _BLOCK):
        places = start + np.flatnonzero(wanted[start : start + _BLOCK])
        if places.size:
            low, high = int(places[0]), int(places[-1])
            fine, coarse = _rules(tokens, high)
            rows[low : high + 1] = _row_block(tokens, fine, low, high)
            if rows[low] > 0:
                change = max(change, abs(_row_block(tokens, coarse, low, low)[0] / rows[low] - 1))
    return rows, change


def _row_block(tokens: TokenLaws, rule: Nodes, low: int, high: int) -> Array:
    """V_n for n = low, ..., high: by de Moivre's formula, then by recurrence."""
    p, q = tokens.at(rule.places, synthetic=True)
    mode = np.minimum(np.floor(low * p) + 1, low)
    h = mode * q * binomial_pmf(low, mode, p, q) / low
    found = [rule.weights @ h]
    for n in range(low, high):
        grown = np.minimum(np.floor((n + 1) * p) + 1, n + 1)
        h = h * np.where(grown == mode, n * q / (n + 1 - mode), n * p / mode)
        mode = grown
        found.append(rule.weights @ h)
    return np.array(found) + _beyond(tokens)
