r"""A second opinion on chains that reuse one design with a ridge, by partial fractions instead of contour integrals.

Every filter of one sample covariance is a rational function with simple poles once its ridges are told apart by a
relative 1e-20, far below what is compared and far above the working precision. What is left are equivalents of
:math:`\lambda R(\lambda)` and of :math:`\lambda_1R(\lambda_1)B\lambda_2R(\lambda_2)` at real ridges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath as mp
import numpy as np

from .independent import effective_ridge

_APART = "1e-20"
_WORKING = 250


class OneDesign:
    """Resolvents of one sample covariance of `rows` rows at the ridges of a chain of fits, first fit first."""

    def __init__(self, s: np.ndarray, rows: int, ridges: Sequence[float]) -> None:
        self.s = [mp.mpf(float(x)) for x in s]
        self.rows = rows
        middle = mp.mpf(len(ridges) - 1) / 2
        self.poles = [mp.mpf(b) * (1 + mp.mpf(_APART) * (k - middle)) for k, b in enumerate(ridges)]
        self.kappas = [effective_ridge(self.s, rows, b, digits=_WORKING) for b in self.poles]

    def residues(self, first: int, power: int) -> list[Any]:
        """Residues of z^power / prod (z + b_k) over the fits from `first` on (0 for those before)."""
        rest = range(first, len(self.poles))
        found = [mp.mpf(0)] * first
        for k in rest:
            b = self.poles[k]
            found.append((-b) ** power / mp.fprod(self.poles[l] - b for l in rest if l != k))
        return found

    def forgotten(self) -> list[Any]:
        """1 - f as coefficients of b_k R(b_k), f = prod z/(z + b_k)."""
        return [-a / b for a, b in zip(self.residues(0, len(self.poles)), self.poles, strict=True)]

    def diagonal(self) -> list[Any]:
        """Equivalent of 1 - f in the eigenbasis."""
        pairs = list(zip(self.forgotten(), self.kappas, strict=True))
        return [mp.fsum(c * k / (x + k) for c, k in pairs) for x in self.s]

    def quadratic(self, w2: Sequence[Any], form: Sequence[Any]) -> Any:
        """Equivalent of w'(1-f) B (1-f) w."""
        terms = []
        pairs = list(zip(self.forgotten(), self.kappas, strict=True))
        for c1, k1 in pairs:
            for c2, k2 in pairs:
                both = [1 / ((x + k1) * (x + k2)) for x in self.s]
                spread = mp.fsum(b * x * p for b, x, p in zip(form, self.s, both, strict=True))
                g = spread / (self.rows - mp.fsum(x**2 * p for x, p in zip(self.s, both, strict=True)))
                terms += [
                    c1 * c2 * k1 * k2 * w * (b + g * x) * p for w, b, x, p in zip(w2, form, self.s, both, strict=True)
                ]
        return mp.fsum(terms)

    def noise(self, generators: int, form: Sequence[Any]) -> Any:
        """Energy, in the form B, of unit label noise that enters each of the first fits and passes through the rest."""
        last = len(self.poles)
        return mp.fsum(self._noise(self.residues(j, last - 1 - j), form) for j in range(generators))

    def _noise(self, coefficients: Sequence[Any], form: Sequence[Any]) -> Any:
        """tr(B f S f)/n for f = sum c_k R(b_k), from R_1 S R_2 = (b_1 R_1 - b_2 R_2)/(b_1 - b_2)."""
        terms = []
        triples = list(zip(coefficients, self.kappas, self.poles, strict=True))
        for c1, k1, b1 in triples:
            for c2, k2, b2 in triples:
                if b1 == b2:
                    slack = self.rows - mp.fsum((x / (x + k1)) ** 2 for x in self.s)
                    gain = mp.fsum(f * x / (x + k1) ** 2 for f, x in zip(form, self.s, strict=True)) / slack
                else:
                    shares = [k1 / (x + k1) - k2 / (x + k2) for x in self.s]
                    gain = mp.fsum(f * y for f, y in zip(form, shares, strict=True)) / (b1 - b2) / self.rows
                terms.append(c1 * c2 * gain)
        return mp.fsum(terms)


def one_design_for_all(
    s: np.ndarray, w2: np.ndarray, rows: int, ridge: float, generations: int, generator_ridge: float
) -> tuple[Any, Any]:
    """Bias, and energy of the generators' noise per unit variance, where every fit uses the same rows."""
    with mp.workdps(_WORKING):
        # A ridgeless last fit returns what it is given: the fit before it lies in the row space.
        design = OneDesign(s, rows, [generator_ridge] * generations + [ridge] * (ridge > 0))
        signal = [mp.mpf(float(x)) for x in w2]
        return design.quadratic(signal, design.s), design.noise(generations, design.s)


def one_design_for_generators(
    s: np.ndarray,
    w2: np.ndarray,
    rows: int,
    ridge: float,
    generations: int,
    generator_rows: int,
    generator_ridge: float,
) -> tuple[Any, Any]:
    """The same where the generators share their rows and the downstream fit has fresh ones."""
    with mp.workdps(_WORKING):
        design = OneDesign(s, generator_rows, [generator_ridge] * generations)
        signal, s = [mp.mpf(float(x)) for x in w2], design.s
        kappa = effective_ridge(s, rows, ridge, digits=_WORKING)
        df2 = mp.fsum((x / (x + kappa)) ** 2 for x in s)
        form = [x * (x**2 + df2 / (rows - df2) * kappa**2) / (x + kappa) ** 2 for x in s]
        first = [
            w * (x - 2 * x * x / (x + kappa) * (1 - u) + b * (1 - 2 * u))
            for w, x, u, b in zip(signal, s, design.diagonal(), form, strict=True)
        ]
        return mp.fsum(first) + design.quadratic(signal, form), design.noise(generations, form)
