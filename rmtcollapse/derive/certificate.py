r"""Why the number is the right solution: the spectral radius of a positive map.

For the pencil L = F + N and a solution G of G = (F - S[G])^{-1}, let :math:`T[R] = G\,E[N R N^*]\,G^*`, a map of
positive semidefinite matrices. **Statement**: the radius of T is below 1 if and only if L is invertible in the limit,
with an inverse bounded in norm, and G is the mean of that inverse. At most one solution is accepted, therefore, whether
parameters are real or complex, and expressions Hermitian or not (derived here).

**Hermitisation.** The Hermitian matrix H with corners L and L* has, at :math:`i\eta` with :math:`\eta>0`, exactly one
solution of its Dyson equation with positive imaginary part (Helton, Rashidi Far and Speicher 2007), which is the limit
of :math:`E(H-i\eta)^{-1}`. Write it as :math:`i\,\mathrm{diag}(A,D)` and corners C, C*. The equation for its blocks is
solved at :math:`\eta=0` by A = D = 0, C = G, and linearised there it falls apart:

.. math:: D = \eta GG^* + T[D],\qquad A = \eta G^*G + T'[A],\qquad \delta C = G\,E[N\,\delta C\,N]\,G,

with :math:`T'[R]=G^*E[N^*RN]G`, which has the radius of T: it is dual to T up to the order of its factors.

**If the radius is below 1**, the first two are invertible, and so is the third: its radius is at most the geometric
mean of those of T and T', by the inequality of Cauchy and Schwarz. By the implicit function theorem the equation has an
analytic solution for all spectral parameters near 0, real where they are real; on the imaginary axis
:math:`D=\eta(1-T)^{-1}[GG^*]+O(\eta^2)\ge\eta GG^*/2>0`, and A likewise, so it is the one with positive imaginary
part. Hence the limiting spectrum of H leaves a neighbourhood of 0 free and L has a bounded inverse, of mean G. By
strong convergence (Haagerup and Thorbjørnsen 2005) no eigenvalue of the finite matrices enters that neighbourhood.

**If L has a bounded inverse of mean G**, then :math:`R=E[L^{-1}L^{-*}]`, the limit of :math:`D/\eta`, is finite and
solves :math:`R=GG^*+T[R]` with :math:`GG^*>0`. So :math:`T[R]\le(1-\epsilon)R` with R > 0, and the radius is below 1.

**What it does not say.** At a radius of 1 or more either G is another solution, or L is singular; the two are not told
apart. L is block triangular in the resolvents, so each of these is invertible; of an inverse nested inside another it
says only that the outer expression has its value by continuation. It says nothing of the rate in the size.

The pencil's resolvents are looked at one by one: for a product of two the mixed map has at most the geometric mean of
their radii.
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
