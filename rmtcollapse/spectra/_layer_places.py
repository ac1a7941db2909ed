"""The law of the logarithm of a product of layers, in which its quantiles are found and integrals taken.

Deep products have a density of about x^(-L/(L+1)) at 0: half of their mass may lie below any place that a rule in *x*
meets. In log x the density is smooth, and falls off. What is below the range of doubles is an atom at the left end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rmtcollapse.spectra.estimate import FloatArray
from rmtcollapse.spectra.law import Law

__all__ = ["Places"]

LEAST = 1e-300
SCAN, LITTLE = 200, 1e-22


class Places:
    """What :mod:`rmtcollapse.spectra._quantile` asks of a law, for the logarithm of a positive one.

    Attributes
    ----------
    beyond : float
        Mass below `LEAST`, without the atom at 0.
    """

    _closest = 0.0

    def __init__(self, law: Law) -> None:
        self.law = law
        self.zero = dict(law.atoms()).get(0.0, 0.0)
        lowest = law.support()[0][0] if law.support() else math.inf
        self.beyond = max(float(law.cdf(LEAST)) - self.zero, 0.0) if lowest < LEAST else 0.0
        ends = {end for bulk in law.support() for end in bulk if end >= LEAST} | {x for x, _ in law.atoms() if x > 0}
        self._ends = {math.log(end): end for end in ends} | {math.log(LEAST): LEAST}

    def support(self) -> list[tuple[float, float]]:
        return [(math.log(max(left, LEAST)), math.log(right)) for left, right in self.law.support()]

    def atoms(self) -> list[tuple[float, float]]:
        """With what is beyond the doubles, and at 0, at the left end."""
        rest = [(math.log(place), mass) for place, mass in self.law.atoms() if place > 0]
        below = self.zero + self.beyond
        return [(math.log(LEAST), below), *rest] if below > 0 else rest

    def masses(self) -> FloatArray:
        masses = self.law.masses().astype(float)
        masses[:1] -= self.beyond
        return masses

    def places(self, y: FloatArray) -> FloatArray:
        """x at log x (n,), exactly at the ends."""
        x = np.exp(y)
        for log, end in self._ends.items():
            x = np.where(y == log, end, x)
        return x

    def cdf(self, y: ArrayLike) -> Any:
        return self.law.cdf(self.places(np.asarray(y, float)))

    def density(self, y: FloatArray) -> FloatArray:
        x = self.places(y)
        with np.errstate(invalid="ignore"):
            result: FloatArray = self.law.density(x) * x
        return result

    def counts_from(self, function: Callable[[FloatArray], FloatArray], left: float, right: float) -> float:
        """The end of a bulk below which a function of log x adds nothing to its integral."""
        whole = right - left
        y = right - np.union1d(np.linspace(0, whole, SCAN + 1)[1:-1], whole * np.geomspace(1e-13, 0.99, SCAN))[::-1]
        with np.errstate(all="ignore"):
            height = self.density(y) * np.abs(function(y))
        counts = np.flatnonzero(~(height <= LITTLE * np.max(height)))
        return left if not counts.size or counts[0] < 2 else float(y[counts[0] - 2])

    def back(self, y: FloatArray) -> FloatArray:
        """x at log x (n,), 0 at the left end where that is an atom."""
        x = self.places(y)
        return np.where(y == math.log(LEAST), 0.0, x) if self.zero + self.beyond > 0 else x
