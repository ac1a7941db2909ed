r"""Random weights of the rows in a loss: what a fit on a random subset, or on draws with replacement, makes of a pool.

A weight *s* enters a deterministic equivalent through

.. math:: h(t)=E\frac s{\lambda+st},\qquad g(t)=-h'(t)=E\frac{s^2}{(\lambda+st)^2} .

Rows that are each kept with probability *q* are *qn* unit rows. Draws with replacement give a row the weight
:math:`s\sim\mathrm{Poisson}(r)`, *r* draws a row; moments are sums over its counts. Loads neither SymPy nor SciPy's
statistics.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["UNIT", "Kernels", "RowWeights", "SampleWeights"]

Array = NDArray[np.float64]
_SPREADS, _LEAST = 14.0, 60.0  # counts further than this from the mean have a probability below 1e-40


@dataclass(frozen=True)
class Kernels:
    r"""Expectations over the weight at traces *t*, (K,) each.

    Attributes
    ----------
    mean, square : array
        :math:`h=E\,s/(\lambda+st)` and :math:`g=E\,s^2/(\lambda+st)^2`.
    slack : array
        :math:`h-gt=\lambda E\,s/(\lambda+st)^2`.
    unlearned : array
        :math:`E\,\lambda[s>0]/(\lambda+st)`.
    """

    mean: Array
    square: Array
    slack: Array
    unlearned: Array


class RowWeights(Protocol):
    """Laws of the weights of rows, the same for all sources or one for each."""

    @property
    def seen(self) -> float | Array:
        """Probability of a positive weight, or those of the sources (K,)."""

    def kernels(self, ridge: float, traces: Array) -> Kernels:
        """The expectations that the equations need."""


@dataclass(frozen=True)
class SampleWeights:
    """Law of the weight of a row: one, or the number of times that it is drawn.

    Attributes
    ----------
    rate : float or None
        Mean number of draws of a row, with replacement; none for unit weights.
    """

    rate: float | None = None

    @property
    def seen(self) -> float:
        """Probability of a positive weight."""
        return 1.0 if self.rate is None else float(-np.expm1(-self.rate))

    @cached_property
    def law(self) -> tuple[Array, Array]:
        """Positive weights and their probabilities."""
        return (np.ones(1), np.ones(1)) if self.rate is None else _counts(self.rate)

    def kernels(self, ridge: float, traces: Array) -> Kernels:
        """The expectations that the equations need."""
        s, probability = self.law
        share = 1 / (ridge + s[:, None] * traces)
        mean, square = (probability * s) @ share, (probability * s**2) @ share**2
        return Kernels(mean, square, ridge * ((probability * s) @ share**2), ridge * (probability @ share))


UNIT = SampleWeights()


def _counts(rate: float) -> tuple[Array, Array]:
    from scipy.special import gammaln, xlogy

    reach = _SPREADS * rate**0.5 + _LEAST
    counts = np.arange(max(1.0, np.floor(rate - reach)), np.ceil(rate + reach) + 1)
    return counts, np.asarray(np.exp(xlogy(counts, rate) - rate - gammaln(counts + 1)))
