"""The error of bigrams in mpmath, from their SymPy equations: every context, every count, every token.

Where contexts or tokens are infinite in number, those that are drawn less than once in two data sets are power series
whose coefficients are zeta functions.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import mpmath as mp
import sympy as sp

from rmtcollapse.models._tail_equations import bigram_equations
from rmtcollapse.models._tail_reference import binomial_row, hurwitz

if TYPE_CHECKING:
    from rmtcollapse.models.bigram_tail import BigramTail

__all__ = ["bigram_reference"]


def bigram_reference(model: BigramTail, digits: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values and unknowns of a model to so many digits."""
    size = model.samples
    with mp.workdps(digits + 40):
        context_scale, shares, beyond = _law(model.exponent, model.contexts, size)
        scale, law, rare = _law(model.exponent, model.tail_cut, size)
        moivre = _moivre()
        random = [p for p in law if p < 1]  # a token that always follows is always counted
        rows = [mp.mpf(1)]
        for n in range(1, size + 1):
            frequent = mp.fsum(moivre(n, p) for p in random) / (2 * n)
            rows.append(frequent + _series([(-1) ** m for m in range(len(rare))], n, rare))
        each = [mp.fdot(binomial_row(size, p), rows) for p in shares]
        error = mp.fdot(shares, each) + _series(_differences(rows), size, beyond)
        values = {"test_error": error, "single_row_error": rows[-1]}
        return values, {"context_scale": context_scale, "scale": scale}


def _moivre() -> Callable[[Any, Any], Any]:
    """De Moivre's mean deviation as a function of n and p."""
    equations = bigram_equations().token
    apart, deviation = equations["deviation"]
    p = sp.Symbol("p_j")
    return sp.lambdify([apart.indices[0], p], deviation.subs(equations["token"][0], p), "mpmath")  # type: ignore[no-any-return]


def _law(exponent: float, last: int | None, size: int) -> tuple[Any, list[Any], list[Any]]:
    """The scale, probabilities one by one, and sums of powers 1, 2, ... of those that are left."""
    beta = mp.mpf(exponent)
    if last is None:
        scale = 1 / mp.zeta(beta)
        plain = int((2 * size * scale) ** (1 / beta)) + 1
        powers = _power_sums(beta, scale, plain + 1, size)
    else:
        scale, plain, powers = 1 / mp.fsum(mp.mpf(i) ** -beta for i in range(1, last + 1)), last, []
    return scale, [scale * mp.mpf(i) ** -beta for i in range(1, plain + 1)], powers


def _power_sums(beta: Any, scale: Any, first: int, size: int) -> list[Any]:
    """Sums of powers of probabilities from a rank on, as many as their series needs."""
    found: list[Any] = []
    bound = mp.mpf(1)
    while not found or bound * found[-1] > mp.eps * found[0]:
        found.append(scale ** (len(found) + 1) * hurwitz((len(found) + 1) * beta, first))
        bound *= mp.mpf(2 * size) / len(found)
    return found


def _series(coefficients: list[Any], size: int, powers: list[Any]) -> Any:
    r""":math:`\sum_m\binom nmc_m\sum_ip_i^{m+1}`."""
    pairs = zip(coefficients, powers, strict=False)
    return mp.fsum(mp.binomial(size, m) * c * total for m, (c, total) in enumerate(pairs))


def _differences(row: list[Any]) -> list[Any]:
    """Forward differences of a sequence at its start."""
    found: list[Any] = []
    row = row[: 2 * mp.mp.dps]
    while row:
        found.append(row[0])
        row = [b - a for a, b in pairwise(row)]
    return found
