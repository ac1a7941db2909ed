"""The error of bigrams in mpmath, from their SymPy equations: every context, every count, every token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mpmath as mp
import sympy as sp

from rmtcollapse.models._tail_equations import bigram_equations
from rmtcollapse.models._tail_reference import binomial_row

if TYPE_CHECKING:
    from rmtcollapse.models.bigram_tail import BigramTail

__all__ = ["bigram_reference"]


def bigram_reference(model: BigramTail, digits: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values and unknowns of a model to so many digits."""
    equations = bigram_equations().token
    token, (apart, deviation) = equations["token"][0], equations["deviation"]
    n, p = apart.indices[0], sp.Symbol("p_j")
    moivre = sp.lambdify([n, p], deviation.subs(token, p), "mpmath")
    with mp.workdps(digits + 15):
        context_scale, shares = _law(model.exponent, model.contexts)
        scale, law = _law(model.exponent, model.tail_cut)
        rows = [mp.mpf(1)]
        random = [x for x in law if x < 1]  # a token that always follows is always counted
        rows += [mp.fsum(moivre(m, x) for x in random) / (2 * m) for m in range(1, model.samples + 1)]
        each = [mp.fdot(binomial_row(model.samples, x), rows) for x in shares]
        values = {"test_error": mp.fdot(shares, each), "single_row_error": rows[-1]}
        return values, {"context_scale": context_scale, "scale": scale}


def _law(exponent: float, last: int) -> tuple[Any, list[Any]]:
    """The scale and the probabilities of a power law."""
    weights = [mp.mpf(i) ** -mp.mpf(exponent) for i in range(1, last + 1)]
    scale = 1 / mp.fsum(weights)
    return scale, [scale * w for w in weights]
