"""Why a resolvent has no certified solution, in words that say what to change."""

from __future__ import annotations

import numpy as np

from rmtcollapse.derive.algebra import Inv, Sum, scaled
from rmtcollapse.derive.binding import Binding
from rmtcollapse.derive.dyson import Equation

__all__ = ["refusal"]


def refusal(inverse: Inv, equation: Equation, binding: Binding) -> str:
    """One sentence for the inverse that has failed."""
    matrix = inverse.body.key
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


def _one_sign(inverse: Inv, binding: Binding) -> bool:
    """Whether all random terms have coefficients of one sign, as X'X/n - z has and X'X/n - Y'Y/n + lam has not."""
    terms = inverse.body.terms if isinstance(inverse.body, Sum) else (inverse.body,)
    signs = {float(np.sign(binding.number(c, {}))) for c, rest in map(scaled, terms) if rest is not None}
    return len(signs) <= 1
