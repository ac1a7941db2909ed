r"""Why the number is the right solution: the spectral radius of a positive map.

For the pencil L = F + N and a solution G of G = (F - S[G])^{-1}, let :math:`T[R] = G\,E[N R N^*]\,G^*`: positive
semidefinite R have such images. Hermitise: L is invertible, uniformly as its size grows, iff the Dyson equation of the
Hermitian matrix with corners L and L*, at :math:`i\eta`, has a solution that stays bounded as :math:`\eta\to0`; for
:math:`\eta>0` the one with positive imaginary part is unique (Helton, Rashidi Far and Speicher 2007). Near a solution
with corners G, G* its other corners solve :math:`V = \eta GG^* + T[V]`, so they are positive iff T has spectral radius
below 1. Hence: radius < 1 proves that G is the one solution, and that the matrices under all inverses are invertible;
radius >= 1 proves that this G is not it. It holds for real and complex parameters, Hermitian expressions or not
(derived here).
"""

from __future__ import annotations

import numpy as np

from rmtcollapse.derive.dyson import Array, Equation
from rmtcollapse.derive.letters import Dim

__all__ = ["spectral_radius"]


def spectral_radius(equation: Equation, G: dict[Dim, Array]) -> float:
    """Spectral radius of T, on the span of what the letters can insert."""
    strands = equation.strands
    pairs = [
        (a, b)
        for a, one in enumerate(strands)
        for b, other in enumerate(strands)
        if one.entry.runs_beside(other.entry) and one.row[0] == other.row[0]
    ]
    T = np.zeros((len(pairs), len(pairs)), dtype=equation.dtype)
    for x, (c, d) in enumerate(pairs):
        t, j = strands[c].column
        k = strands[d].column[1]
        for y, (a, b) in enumerate(pairs):
            if strands[a].row[0] == t:
                left = strands[c].inner * G[t][:, j, strands[a].row[1]] * strands[a].outer
                right = strands[d].inner * G[t][:, k, strands[b].row[1]] * strands[b].outer
                T[x, y] = np.sum(strands[c].variance * strands[a].covariance * left * np.conj(right))
    return float(np.abs(np.linalg.eigvals(T)).max(initial=0.0))
