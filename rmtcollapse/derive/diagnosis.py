"""Why a resolvent has no certified solution, in words that say what to change."""

from __future__ import annotations

import numpy as np
import sympy as sp

from rmtcollapse.derive.algebra import Det, Eigenvalue, Inv, Letter, Node, Prod, Sum, scaled
from rmtcollapse.derive.binding import Binding
from rmtcollapse.derive.dyson import Equation

__all__ = ["refusal"]


def refusal(inverse: Inv, equation: Equation, binding: Binding) -> str:
    """One sentence for the inverse that has failed."""
    matrix = _written(inverse.body)
    under = np.concatenate([equation.fixed[t][:, i, i] for t, i in equation.inverses])
    if not binding.is_real:
        return f"no solution was certified for the inverse of {matrix}: move further from the real axis"
    if np.any(under == 0):
        return (
            f"the inverse of {matrix} has no ridge, and the matrix is singular: it has fewer rows of data than columns "
            "(n < d), or hardly more; add lam*identity(d), or take n > d"
        )
    if np.all(under < 0) and _one_sign(inverse, binding):
        return (
            f"the inverse of {matrix} is taken inside the bulk of its spectrum, where the matrix has eigenvalues at "
            "zero: give z an imaginary part, or move it out of the bulk"
        )
    return (
        f"the inverse of {matrix} is of an indefinite matrix, with positive and negative eigenvalues and some at zero: "
        "no real solution exists; give the scalar on the identity an imaginary part, or a larger size"
    )


def _written(node: Node) -> str:
    """A node as a user writes it."""
    if isinstance(node, Det):
        names = {e: sp.Symbol(e.matrix.name) for e in node.value.atoms(Eigenvalue)}
        value = str(node.value.xreplace(names))
        return value if names else "I" if node.value == 1 else f"{value}*I"
    if isinstance(node, Letter):
        return f"{node.matrix.name}.T" if node.turned else str(node.matrix.name)
    if isinstance(node, Inv):
        return f"({_written(node.body)})**(-1)"
    if isinstance(node, Prod):
        factor, rest = scaled(node)
        if factor != 1 and rest is not None:
            return f"{_bracketed(rest)}/{1 / factor}" if (1 / factor).is_Symbol else f"{factor}*{_bracketed(rest)}"
        return "*".join(_bracketed(f) for f in node.factors)
    return " + ".join(_written(term) for term in node.parts)


def _bracketed(node: Node) -> str:
    return f"({_written(node)})" if isinstance(node, Sum) else _written(node)


def _one_sign(inverse: Inv, binding: Binding) -> bool:
    """Whether all random terms have coefficients of one sign, as X'X/n - z has and X'X/n - Y'Y/n + lam has not."""
    terms = inverse.body.terms if isinstance(inverse.body, Sum) else (inverse.body,)
    signs = {float(np.sign(binding.number(c, {}))) for c, rest in map(scaled, terms) if rest is not None}
    return len(signs) <= 1
