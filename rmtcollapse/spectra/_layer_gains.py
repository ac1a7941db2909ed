r"""The law of the squared slope :math:`d=\varphi'(\sqrt qZ)^2` of an activation, as nodes on the real line.

Slopes are kept relative to the largest, :math:`c=d/d_{\max}`, beside what is missing, :math:`1-c`, which is computed and
not subtracted. Expectations of an analytic slope are the trapezoid rule in *z*, which converges geometrically, at a
rate set by the distance from the real axis of the nearest pole of the integrand; every level halves the step, and
agreement of two levels is the certificate. (Gauss and Hermite's rule converges like the root of that, and is off by
1e-6 with 200 nodes.)
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["Gains", "Nodes", "SlopeGains", "SwitchGains", "gaussian_nodes"]

REACH = 13.0  # standard deviations; what lies beyond has a mass of 1e-38
COARSEST = 0.5  # step of level 0
LEVELS = 7  # beyond the first

Nodes: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]


@lru_cache(maxsize=8)
def gaussian_nodes(level: int) -> tuple[FloatArray, FloatArray]:
    """Places and weights of the trapezoid rule for a standard normal variable, (n,) each, symmetric about 0."""
    step = COARSEST / 2**level
    half = np.arange(1, math.ceil(REACH / step) + 1) * step
    places = np.concatenate([-half[::-1], [0.0], half])
    weights = step / math.sqrt(2 * math.pi) * np.exp(-(places**2) / 2)
    return places, weights


class Gains(ABC):
    """Squared slopes: the largest, the mass at 0, and nodes of a quadrature for the rest.

    Attributes
    ----------
    largest : float
        The largest squared slope.
    zero : float
        Probability that the slope is 0.
    """

    largest: float
    zero: float = 0.0

    @abstractmethod
    def nodes(self, level: int) -> Nodes:
        """Relative gains c (n,) > 0, what they lack of 1, and their weights; with `zero` these sum to 1."""

    @property
    def levels(self) -> int:
        """Finest level; 0 where level 0 is exact."""
        return self.first + LEVELS

    @property
    def first(self) -> int:
        """Level at which to begin."""
        return 0


class SwitchGains(Gains):
    """A slope that is 1 with probability `share` and 0 otherwise, squared and times `largest`."""

    def __init__(self, share: float, largest: float = 1.0) -> None:
        self.share, self.zero, self.largest = share, 1 - share, largest

    def nodes(self, level: int) -> Nodes:
        return np.ones(1), np.zeros(1), np.array([self.share])

    @property
    def levels(self) -> int:
        return 0


class SlopeGains(Gains):
    """A smooth slope of a normal variable of variance `variance`.

    Parameters
    ----------
    relative : callable
        From preactivations (n,) to the relative gain c and to 1 - c.
    largest : float
        The largest squared slope.
    variance : float
        Of the preactivations.
    even : bool
        Whether the gain is the same on both sides of 0.
    """

    def __init__(
        self,
        relative: Callable[[FloatArray], tuple[FloatArray, FloatArray]],
        largest: float,
        variance: float,
        even: bool = True,
    ) -> None:
        self._relative, self.largest, self.variance, self.even = relative, largest, variance, even
        self._known: dict[int, Nodes] = {}

    @property
    def first(self) -> int:
        return max(0, math.ceil(math.log2(self.variance) / 2))

    def nodes(self, level: int) -> Nodes:
        if level not in self._known:
            places, weights = gaussian_nodes(level)
            if self.even:
                half = places.size // 2
                places, weights = places[half:], weights[half:] * np.where(places[half:] == 0, 1.0, 2.0)
            with np.errstate(under="ignore"):
                gain, loss = self._relative(math.sqrt(self.variance) * places)
            self._known[level] = gain, loss, weights
        return self._known[level]


def mean_gain(gains: Gains, power: int = 1) -> float:
    r"""The mean of :math:`c^k`, by halving the step until it stays."""
    before = math.nan
    for level in range(gains.first, gains.levels + 1):
        gain, _, weight = gains.nodes(level)
        now = math.fsum(weight * gain**power)
        if gains.levels == 0 or abs(now - before) <= 4e-16 * now:
            return now
        before = now
    return math.nan


def bulk_of(array: NDArray[np.float64]) -> float:
    return float(array.max())
