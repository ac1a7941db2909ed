r"""The law of the squared slope :math:`d=\varphi'(\sqrt qZ)^2` of an activation, as nodes on the real line.

Slopes are kept relative to the largest, :math:`c=d/d_{\max}`, beside what is missing, :math:`1-c`, which is computed
and not subtracted. Expectations of an analytic slope are the trapezoid rule in *z*, which converges geometrically, at a
rate set by the distance from the real axis of the nearest pole of the integrand; every level halves the step, and
agreement of two levels is the certificate. (Gauss and Hermite's rule converges like the root of that, and is off by
1e-6 with 200 nodes.) Where the place is known at which :math:`c\xi=1`, the residue there makes the rule exact however
close to the real axis that pole is: without it no density is known that is small beside the rest of its law.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra.estimate import FloatArray

__all__ = [
    "EvenGains",
    "Gains",
    "GaussianGains",
    "HyperbolicGains",
    "SlopeGains",
    "SwitchGains",
    "gaussian_nodes",
    "log_mean_gain",
    "mean_gain",
]

REACH = 13.0  # standard deviations; what lies beyond has a mass of 1e-38
FAR = 38.0  # the same where a pole is beyond 7: the last weight that is a double
COARSEST = 0.5  # step of level 0
LEVELS = 7  # beyond the first

ComplexArray: TypeAlias = NDArray[Any]
Nodes: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]
ExactNodes: TypeAlias = tuple[Any, list[Any], list[Any], list[Any]]


@lru_cache(maxsize=16)
def gaussian_nodes(level: int, shifted: bool = False, reach: float = REACH) -> tuple[FloatArray, FloatArray]:
    """Places and weights of the trapezoid rule for a standard normal variable, (n,) each, symmetric about 0.

    If `shifted`, 0 is in the middle between two of them; none is much further from 0 than `reach`.
    """
    step = COARSEST / 2**level
    half = (np.arange(1, math.ceil(reach / step) + 1) - 0.5 * shifted) * step
    places = np.concatenate([-half[::-1], [] if shifted else [0.0], half])
    weights = step / math.sqrt(2 * math.pi) * np.exp(-(places**2) / 2)
    return places, weights


class Gains(ABC):
    """Squared slopes: the largest, the mass at 0, and nodes of a quadrature for the rest.

    Attributes
    ----------
    largest : float
        The largest squared slope.
    smallest : float
        Below which no relative gain is.
    zero, rest : float
        Probabilities that the slope is 0, and that it is not the largest.
    """

    largest: float
    smallest: float = 0.0
    zero: float = 0.0
    rest: float = 1.0

    @abstractmethod
    def nodes(self, level: int, shifted: bool = False, far: bool = False) -> Nodes:
        """Relative gains c (n,) > 0, what they lack of 1, and their weights; with `zero` these sum to 1."""

    def pole(self, lam: ComplexArray) -> tuple[ComplexArray, ComplexArray, ComplexArray] | None:
        r"""The normal variable z of the first quadrant at which :math:`\log c=-\lambda`, if it is known.

        With it :math:`\kappa=dz/d\lambda` and :math:`d\kappa/dz`; the gain must be even.
        """
        return None

    def exactly(self, lam: float) -> ExactNodes | None:
        """Mass at 0, and nodes as those of :meth:`graded` to the digits of mpmath; None if 16 are all there are."""
        return None

    @property
    def levels(self) -> int:
        """Finest level; 0 where level 0 is exact."""
        return self.first + LEVELS

    def graded(self, level: int, lam: float) -> Nodes:
        """Nodes of the same kind for a real lambda < 0, graded towards the largest gain where its place is known."""
        return self.nodes(level)

    @property
    def first(self) -> int:
        """Level at which to begin."""
        return 0


class SwitchGains(Gains):
    """A slope that is 1 with probability `share` and 0 otherwise, squared and times `largest`.

    Parameters
    ----------
    share, largest : float
        As above.
    zero : float, optional
        1 - `share`, where it is known to more digits.
    """

    def __init__(self, share: float, largest: float = 1.0, zero: float | None = None) -> None:
        self.share, self.zero, self.largest = share, 1 - share if zero is None else zero, largest

    @property
    def exact_shares(self) -> tuple[Fraction, Fraction]:
        """Probabilities of 0 and of 1, of which the smaller one has its digits."""
        off = Fraction(self.zero) if self.zero < self.share else 1 - Fraction(self.share)
        return off, 1 - off

    def exactly(self, lam: float) -> ExactNodes:
        import mpmath as mp

        off, p = (mp.mpf(share.numerator) / share.denominator for share in self.exact_shares)
        return off, [mp.mpf(1)], [mp.mpf(0)], [p]

    @property
    def rest(self) -> float:  # type: ignore[override]
        return self.zero

    def nodes(self, level: int, shifted: bool = False, far: bool = False) -> Nodes:
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
    smallest : float
        Least relative gain.
    """

    even = False
    cut = math.inf  # preactivation beyond which the gain is less than any double

    def __init__(
        self,
        relative: Callable[[FloatArray], tuple[FloatArray, FloatArray]],
        largest: float,
        variance: float,
        smallest: float = 0.0,
    ) -> None:
        self._relative, self.largest, self.variance, self.smallest = relative, largest, variance, smallest
        self._known: dict[tuple[int, bool, bool], Nodes] = {}

    @property
    def first(self) -> int:
        return max(0, math.ceil(math.log2(self.variance) / 2))

    def at(self, places: FloatArray) -> tuple[FloatArray, FloatArray]:
        """c and 1 - c at values (n,) of the standard normal variable."""
        with np.errstate(under="ignore"):
            return self._relative(math.sqrt(self.variance) * places)

    def nodes(self, level: int, shifted: bool = False, far: bool = False) -> Nodes:
        if (level, shifted, far) not in self._known:
            reach = FAR if far else REACH
            places, weights = gaussian_nodes(level, shifted, reach)
            if self.even:
                half = places.size // 2
                places, weights = places[half:], weights[half:] * np.where(places[half:] == 0, 1.0, 2.0)
            here = np.abs(places) * math.sqrt(self.variance) <= self.cut
            with np.errstate(under="ignore"):
                gain, loss = self._relative(math.sqrt(self.variance) * places[here])
            if not here.all():
                gain, loss = np.append(gain, 0.0), np.append(loss, 1.0)
                weights = np.append(weights[here], math.fsum(weights[~here]))
            self._known[level, shifted, far] = gain, loss, weights
        return self._known[level, shifted, far]


class EvenGains(SlopeGains):
    """A slope that is even and largest at 0, with a known pole."""

    even = True

    def graded(self, level: int, lam: float) -> Nodes:
        """By z = a sinh s, a the distance of the pole: in s it is at a distance of pi / 2."""
        scale = self._scale(lam)
        step = COARSEST / 2 ** (level - self.first)
        s = np.arange(math.ceil(math.asinh(REACH / scale) / step) + 1) * step
        places = scale * np.sinh(s)
        weights = step * scale * np.cosh(s) * np.exp(-(places**2) / 2) * math.sqrt(2 / math.pi)
        weights[0] /= 2
        with np.errstate(under="ignore"):
            gain, loss = self._relative(math.sqrt(self.variance) * places)
        return gain, loss, weights

    def exactly(self, lam: float) -> ExactNodes:
        import mpmath as mp

        # in s the nearest poles are at distances of pi / 4 and more
        scale, step = self._scale(lam), mp.mpf(1) / 16
        angles = [k * step for k in range(math.ceil(math.asinh(REACH / scale) * 16) + 1)]
        places = [scale * mp.sinh(s) for s in angles]
        weights = [(1 if s == 0 else 2) * step * scale * mp.cosh(s) * mp.npdf(z)
                   for s, z in zip(angles, places, strict=True)]  # fmt: skip
        gain, loss = zip(*(self._relative_exactly(mp.sqrt(self.variance) * z) for z in places), strict=True)
        return 0, list(gain), list(loss), weights

    def _scale(self, lam: float) -> float:
        return min(float(np.abs(self.pole(np.array([lam + 0j]))[0][0])), 4.0)

    @abstractmethod
    def _relative_exactly(self, h: Any) -> tuple[Any, Any]:
        """c and 1 - c at a preactivation of mpmath."""

    @abstractmethod
    def pole(self, lam: ComplexArray) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
        """As in :class:`Gains`."""


class GaussianGains(EvenGains):
    """The slope of an error function: a Gaussian, :math:`c=e^{-2qz^2}`."""

    cut = 20.0

    def __init__(self, largest: float, variance: float) -> None:
        super().__init__(lambda h: (np.exp(-2 * h**2), -np.expm1(-2 * h**2)), largest, variance)

    def _relative_exactly(self, h: Any) -> tuple[Any, Any]:
        import mpmath as mp

        return mp.exp(-2 * h**2), -mp.expm1(-2 * h**2)

    def pole(self, lam: ComplexArray) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
        z = np.sqrt(lam / (2 * self.variance))
        kappa = 1 / (4 * self.variance * z)
        return z, kappa, -kappa / z


class HyperbolicGains(EvenGains):
    r"""The slope of a hyperbolic tangent, :math:`c=\cosh^{-4}(\sqrt qz)`."""

    cut = 190.0

    def __init__(self, variance: float) -> None:
        super().__init__(_hyperbolic, 1.0, variance)

    def _relative_exactly(self, h: Any) -> tuple[Any, Any]:
        import mpmath as mp

        square = mp.tanh(h) ** 2
        return mp.sech(h) ** 4, square * (2 - square)

    def pole(self, lam: ComplexArray) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
        root = math.sqrt(self.variance)
        # cosh y = exp(lambda / 4), from the half angle: 2 sinh^2(y / 2) = cosh y - 1
        y = 2 * np.arcsinh(np.sqrt(np.expm1(lam / 4) / 2))
        return y / root, 1 / (4 * root * np.tanh(y)), -1 / (4 * np.sinh(y) ** 2)


def _hyperbolic(h: FloatArray) -> tuple[FloatArray, FloatArray]:
    square = np.tanh(h) ** 2
    return np.cosh(np.clip(h, -175.0, 175.0)) ** -4.0, square * (2 - square)


def mean_gain(gains: Gains, power: int = 1) -> float:
    r"""The mean of :math:`c^k`, by halving the step until it stays.

    Raises
    ------
    ConvergenceError
        If it does not: the slope has a kink or a jump.
    """
    return _settled(gains, lambda gain, loss: gain**power)


def log_mean_gain(gains: Gains) -> float:
    """log E c, from what is missing where that is little."""
    loss = gains.zero + _settled(gains, lambda gain, loss: loss)
    return math.log1p(-loss) if loss < 0.5 else math.log(mean_gain(gains))


def _settled(gains: Gains, function: Callable[[FloatArray, FloatArray], FloatArray]) -> float:
    """The mean of a function of c and 1 - c over slopes that are not 0."""
    before = math.nan
    for level in range(gains.first, gains.levels + 1):
        gain, loss, weight = gains.nodes(level)
        now = math.fsum(weight * function(gain, loss))
        if gains.levels == 0 or abs(now - before) <= 2e-15 * now:
            return now
        before = now
    raise ConvergenceError(
        "the mean squared slope did not settle under halving of the step; use a smoother activation, or give its kinks"
    )
