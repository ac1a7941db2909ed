r"""Gaps of a product of free layers of different widths, below its top.

On the real line outside the support :math:`\tau` and all :math:`\xi_l` are real, *z* falls as :math:`\tau` grows, and
the arguments of all factors add up to nothing. Below the top that is left of the rank, at :math:`\tau=-R-w`, wherever
one numerator more than denominators has changed its sign. Between two changes of sign the mass above *z* is one and
the same, so that there is one gap at most: that between 0 and a lower edge, that between two bulks, or that below the
atom of orthogonal weights. Slopes that come near 0 do not change sign: at their width their :math:`\xi` is infinite.
There *z* may come to an end that is not stationary, where :math:`1/c` has a mean and an orthogonal matrix the same
width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra._chain_curve import Chain, Group
from rmtcollapse.spectra._chain_real import Point, real_point, turned

__all__ = ["Gap", "gaps"]

STEPS, FEW = 800, 100  # of a scan for gaps, and with slopes whose arguments have to be solved for
FINE = 2  # level of the quadrature on which signs are told: an edge is stationary, and errs by the square
LOW, HIGH = -60.0, 34.0  # of the logit of a place between two changes of sign


@dataclass(frozen=True)
class Gap:
    """No mass between the `ends` (logarithms, -inf is 0), a mass of `above` above, and which ends are stationary."""

    ends: tuple[float, float]
    above: float
    edges: tuple[Point, ...]


@dataclass(frozen=True)
class _Spot:
    """A place between two changes of sign: w, and what the factors and 1 + u of the groups are there, with digits."""

    w: float
    rest: float
    factors: NDArray[np.float64]
    shares: list[float]


@dataclass(frozen=True)
class _Interval:
    """Between two changes of sign, in w."""

    chain: Chain
    start: float
    end: float
    known: dict[int, float] = field(default_factory=dict)  # the last argument of each group

    def spot(self, s: float) -> _Spot:
        """At a logit of the place, or a logarithm if there is no end."""
        R, places = self.chain.rank, self.chain.factors[0] - self.chain.rank
        if math.isinf(self.end):
            offset, rest = max(R, self.start) * math.exp(s), math.inf
            return _Spot(self.start + offset, rest, places - self.start - offset, [])
        length = self.end - self.start
        offset, rest = length / (1 + math.exp(-s)), length / (1 + math.exp(s))
        factors = np.where(places >= self.end, places - self.end + rest, places - self.start - offset)
        shares = [(g.width - R - self.end + rest) / g.width for g in self.chain.groups]
        return _Spot(self.start + offset, rest, factors, shares)

    def growth(self, s: float) -> float:
        """d log z / d log w."""
        chain, spot = self.chain, self.spot(s)
        places, powers = chain.factors
        R, w = chain.rank, spot.w
        if chain.orthogonal and not chain.smooth:  # powers sum to 1, of which 1 - w / (R + w) is left
            return R / (R + w) - math.fsum(powers * (places - R) / spot.factors)
        inner = places - R != self.end
        total = -w * math.fsum(powers[inner] / spot.factors[inner]) + (chain.smooth - 1) * w / (R + w)
        infinite = float(powers[~inner].sum())  # changes of sign at the end
        for group, share in zip(chain.groups, spot.shares, strict=True):
            place, fall, second = turned(group, share, FINE, self.known.get(id(group), math.nan))
            if fall == 0:
                return -math.inf
            self.known[id(group)] = place
            if group.width - R == self.end:  # 1 / fall = 1 / share + ..., of which the first belongs to those
                infinite += group.count
                total -= group.count * w * second / (group.width * share * fall)
            else:
                total -= group.count * w / (group.width * fall)
        return total - (w * infinite / spot.rest if infinite else 0.0)

    def point(self, s: float) -> Point:
        """The point of the curve."""
        spot = self.spot(s)
        shares = {id(g): x for g, x in zip(self.chain.groups, spot.shares, strict=True)}

        def place(group: Group, step: int) -> float:
            return turned(group, shares[id(group)], step)[0]

        return real_point(self.chain, -self.chain.rank - spot.w, -spot.w, spot.factors, place)


def gaps(chain: Chain) -> list[Gap]:
    """All of them, from the lowest to the highest."""
    places, powers = chain.factors
    limit = min((g.width for g in chain.groups), default=math.inf) - chain.rank
    offsets = np.append(places - chain.rank, math.inf)
    found, count = [], 0.0
    for i, start in enumerate(offsets[:-1]):
        if start >= limit:
            break
        count += powers[i]
        above = 1 - math.fsum(powers[: i + 1] * (chain.last - places[: i + 1])) / chain.last
        if count == 1 and above > 1e-13:
            gap = _gap(_Interval(chain, float(start), float(min(offsets[i + 1], limit))), above)
            found += [gap] if gap else []
    return found


def _gap(interval: _Interval, above: float) -> Gap | None:
    """Where z grows with w."""
    finite = math.isfinite(interval.end)
    if interval.start == 0 and finite:  # growth falls from 1, and changes its sign once if at all
        if interval.growth(LOW) <= 0:
            raise ConvergenceError("the lower edge is beyond the range of doubles: a smaller preactivation variance")
        if interval.growth(HIGH) > 0:
            return Gap((-math.inf, interval.point(HIGH).log_z), above, ())
        edge = interval.point(_crossing(interval, LOW, HIGH))
        return Gap((-math.inf, edge.log_z), above, (edge,))
    grid = np.linspace(LOW, HIGH if finite else -LOW, FEW if interval.chain.groups else STEPS)
    grid = _with_peaks(interval, grid)
    signs = np.array([interval.growth(s) > 0 for s in grid])
    turns = np.flatnonzero(signs[1:] != signs[:-1])
    if not turns.size and not (signs[0] and interval.start == 0):
        return None
    if turns.size > 2 or (turns.size and signs[0]):
        raise ConvergenceError("a gap of the law has no end: widths and slopes are too close to a threshold")
    edges = [interval.point(_crossing(interval, grid[i], grid[i + 1])) for i in turns]
    low = edges[0].log_z if edges else -math.inf
    last = interval.point(HIGH).log_z if finite else interval.chain.log_scale
    high = last if signs[-1] else edges[1].log_z
    return Gap((low, high), above, tuple(edges))


def _with_peaks(interval: _Interval, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """The places of a scan, and between them those of the peaks at which the growth nearly reaches 0."""
    from scipy.optimize import minimize_scalar

    values = np.array([interval.growth(s) for s in grid])
    peaks = 1 + np.flatnonzero((values[1:-1] >= values[:-2]) & (values[1:-1] >= values[2:]) & (values[1:-1] <= 0))
    found = [
        minimize_scalar(lambda s: -interval.growth(float(s)), bounds=(grid[i - 1], grid[i + 1]), method="bounded",
                        options={"xatol": 1e-12}).x
        for i in peaks
    ]  # fmt: skip
    return np.union1d(grid, found)


def _crossing(interval: _Interval, low: float, high: float) -> float:
    """A sign change; infinite growth counts as large."""
    from scipy.optimize import brentq

    return float(brentq(lambda s: float(np.clip(interval.growth(s), -1e9, 1e9)), low, high, xtol=1e-14, rtol=1e-15))
