"""The chain of one token's count, in SymPy."""

from __future__ import annotations

from typing import Any

import sympy as sp

from rmtcollapse.equations.symbols import Parameter

__all__ = ["chain_statement", "transition"]

x, y, i, k = sp.symbols("x y i k", integer=True, nonnegative=True)


def transition(draws: Any, real: Any) -> sp.Expr:
    """Probability of x synthetic draws of a token that has y of all shares."""
    p = y / (real + draws)
    return sp.binomial(draws, x) * p**x * (1 - p) ** (draws - x)


def chain_statement(n: Parameter, N: Parameter, m: Parameter) -> dict[sp.Basic, sp.Expr]:
    """Transition of the count, waiting time without real data, and what the count's law is asked for."""
    P, L, h, p = (sp.IndexedBase(name) for name in ("P", "L", "h", "p"))
    named = {name: sp.Symbol(name) for name in (r"\|p^{(m)}-p\|_1", r"C_m", r"K_m", "T")}
    distance, collapse, survivors, time = named.values()
    shares = N + n
    first = sp.binomial(n, x) * p[i] ** x * (1 - p[i]) ** (n - x)
    return {
        P[y, x]: transition(n, N),
        distance: sp.Sum(L[i, y] * sp.Abs(y / shares - p[i]), (y, 0, shares), (i, 1, k)),
        collapse: sp.Sum(L[i, shares], (i, 1, k)),
        survivors: sp.Sum(1 - L[i, 0], (i, 1, k)),
        h[y]: y / n + sp.Sum(P[y, x] * h[x], (x, 1, n - 1)),
        time: sp.Sum(p[i] + sp.Sum(first * h[x], (x, 1, n - 1)), (i, 1, k)),
    }
