r"""Where a product of free layers of different widths has mass: edges, atoms and gaps, from real critical points.

On the real line outside the support :math:`\tau` and all :math:`\xi_l` are real and *z* falls as :math:`\tau` grows. The
arguments of the factors then add up to nothing, which happens right of everything, at :math:`\tau>0`, and left of the
rank, at :math:`\tau<-R`, wherever one numerator more than denominators has changed its sign. In any other such interval
between two places of a sign change the mass above *z* is one and the same, so each has one gap at most: that between 0
and a lower edge, that between two bulks, or that below the atom of orthogonal weights, of
:math:`N_L+\sum_lp_lN_{l-1}-\sum_lM_l` directions. Slopes that come near 0 cannot change sign.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra._chain_curve import Chain, Group
from rmtcollapse.spectra._layer_gains import LEVELS

__all__ = ["Outline", "Point", "balance", "isometric", "outline", "top_point"]

STEPS = 800  # of a scan for gaps
AGREE = 1e-14  # of places on two levels of the quadrature, relative to the number of layers


@dataclass(frozen=True)
class Point:
    """A real point of the curve: tau, the lambda (K,), their imaginary parts a multiple of pi, and log z."""

    tau: float
    behind: float
    lam: NDArray[Any]
    log_z: float

    def unknown(self, rank: float) -> float:
        """Lambda."""
        return -math.log1p(rank / self.tau) if self.tau > 0 else math.log1p(-rank / self.behind)


@dataclass(frozen=True)
class Outline:
    """Edges of the bulks, atoms and critical points, places as logarithms (-inf is 0).

    Attributes
    ----------
    bulks : list of (left, right)
        In increasing order.
    masses : list of float
        Of the bulks.
    zero : float
        Mass at 0.
    atom : tuple of (place, mass) or None
        The atom that is not at 0.
    critical : list of Point
        The edges that are square roots.
    diverges : bool
        Whether the density is infinite at the upper end.
    """

    bulks: list[tuple[float, float]]
    masses: list[float]
    zero: float
    atom: tuple[float, float] | None = None
    critical: list[Point] = field(default_factory=list)
    diverges: bool = False


def isometric(chain: Chain) -> bool:
    """Whether rotations change nothing: one layer of smooth slopes at the narrowest width, and orthogonal weights."""
    return chain.orthogonal and chain.smooth == 1 and not chain.factors[0].size


def has_atom(chain: Chain) -> bool:
    """Whether orthogonal weights leave nothing above the largest slope of every layer."""
    return chain.orthogonal and not chain.smooth and chain.excess > -1e-13 * chain.last


# ---- one group at a real place ---------------------------------------------------------------------------------------


def argument(group: Group, u: float, step: int) -> tuple[float, float, float]:
    r"""Real :math:`\log|\xi|` at which the group has `u` > -1, what it lacks below 0, and d log u / d log xi.

    For u > 0 Newton's method in :math:`t=\xi/(1-\xi)`, in which u is concave: from the left it cannot overshoot.
    """
    if u < 0:
        return _turned(group, u, step)
    layers, level = group.layers, group.level(step)
    t, settled = u / layers.mean, False
    for _ in range(1000):
        lam = -math.log1p(1 / t)
        value, _, du = (float(x[0].real) for x in layers.sums(np.array([lam + 0j]), level))
        change = (u - value) * t * (1 + t) / du
        if settled:
            return -math.log1p(1 / (t + change)), t, du / value
        t = max(t + change, 0.5 * t)
        settled = abs(change) <= 1e-9 * t  # the next step squares this
    raise ConvergenceError("an argument of the slopes was not found; a smaller preactivation variance may help")


def _turned(group: Group, u: float, step: int) -> tuple[float, float, float]:
    """Of u in (-1, 0), at a negative argument; the last is the slope of u."""
    from scipy.optimize import brentq

    layers, level = group.layers, group.level(step)

    def sums(y: float) -> tuple[float, float, float]:
        u, s, du = layers.sums(np.array([y + 1j * math.pi]), level)
        return float(u[0].real), float(s[0].real), float(du[0].real)

    def lack(y: float) -> float:
        now, rest, _ = sums(y)
        return math.log(now / u) if u > -0.5 else -math.log(max(rest, 1e-300) / (1 + u))

    low = math.log(-u / layers.mean)
    high = low + 1
    while lack(high) < 0:
        high += 1 + (high - low)
        if high > 650:
            return math.inf, math.nan, 0.0
    y = float(brentq(lack, low - 1e-9, high, xtol=1e-14, rtol=1e-14))
    return y, math.nan, sums(y)[2]


# ---- the top -----------------------------------------------------------------------------------------------------------


def balance(chain: Chain, tau: float, step: int) -> float:
    """d log z / d log tau at a real tau > 0, in a form that does not cancel."""
    places, powers = chain.factors
    rates = [(g.count, argument(g, tau / g.width, step)[2]) for g in chain.groups]
    if chain.orthogonal:
        return -math.fsum(powers * places / (places + tau)) - math.fsum(n / e for n, e in rates)
    return math.fsum([-1.0, *(powers * tau / (places + tau)), *(n * (1 - 1 / e) for n, e in rates)])


def top_point(chain: Chain) -> Point:
    """The top edge, on a level of the quadrature that the next one confirms.

    Raises
    ------
    ConvergenceError
        If there is none.
    """
    from scipy.optimize import brentq

    before, guess, width = math.nan, math.log(chain.rank), 2.0
    for step in range(LEVELS + 1):

        def slope(log_tau: float, step: int = step) -> float:
            return balance(chain, math.exp(log_tau), step)

        low, high = guess, guess
        reach = width
        while slope(low) > 0 and low > guess - 100:
            low, reach = low - reach, 2 * reach
        reach = width
        while slope(high) <= 0 and high < guess + 100:
            high, reach = high + reach, 2 * reach
        if slope(low) > 0 or slope(high) <= 0:
            break
        place = float(brentq(slope, low, high, xtol=1e-15, rtol=1e-15)) if low < high else low
        if not chain.groups or abs(place - before) < 1e-7:  # the edge is stationary: it errs by the square
            return _point(chain, math.exp(place), 0.0)
        before, guess, width = place, place, 1e-6
    raise ConvergenceError("no upper edge was found: the slopes vary too little, or too abruptly, to be resolved")


def _point(chain: Chain, tau: float, below: float) -> Point:
    """The point of the curve at a real tau, or at -R - `below`, on two levels that agree."""
    if below > 0:
        tau = -chain.rank - below
    behind = -below if below > 0 else chain.rank + tau
    places, powers = chain.factors
    fixed = math.fsum(powers * np.log(np.abs(places - chain.rank + behind) / chain.last))
    fixed += (chain.smooth - 1) * math.log(abs(tau) / chain.last) + chain.log_scale
    before = math.nan
    for step in range(LEVELS + 1):
        lam = np.array([argument(g, tau / g.width, step)[0] for g in chain.groups])
        now = fixed - math.fsum(g.count * x for g, x in zip(chain.groups, lam, strict=True))
        if not chain.groups or abs(now - before) <= AGREE * (1 + len(chain.stages) / 8):
            return Point(tau, behind, lam + (1j * math.pi if tau < 0 else 0j), now)
        before = now
    raise ConvergenceError("the mean over the slopes did not settle; use a smoother activation")


# ---- below the rank ----------------------------------------------------------------------------------------------------


def outline(chain: Chain) -> Outline:
    """The outline of a chain whose rotations change something."""
    zero = (chain.last - chain.rank) / chain.last
    gaps, masses, critical = _gaps(chain)
    atom, diverges = None, False
    if has_atom(chain):
        place = chain.log_scale
        diverges = chain.excess <= 1e-13 * chain.last
        top = place
        if not diverges:
            atom = (place, chain.excess / chain.last)
    else:
        point = top_point(chain)
        top = point.log_z
        critical.append(point)
    ends = [-math.inf, *(end for gap in gaps for end in gap), top]
    above = [chain.rank / chain.last, *masses, 0.0]
    bulks, shares = [], []
    for i in range(0, len(ends), 2):
        left, right = ends[i : i + 2]
        if right > left:
            bulks.append((left, right))
            shares.append(above[i // 2] - above[i // 2 + 1])
    return Outline(bulks, shares, zero, atom, critical, diverges)


def _gaps(chain: Chain) -> tuple[list[tuple[float, float]], list[float], list[Point]]:
    """Gaps as logarithms, from the lowest to the highest, the mass above each, and their ends that are edges."""
    places, powers = chain.factors
    limit = min((g.width for g in chain.groups), default=math.inf) - chain.rank
    offsets = np.append(places - chain.rank, math.inf)
    gaps, masses, critical, count = [], [], [], 0.0
    for i, start in enumerate(offsets[:-1]):
        count += powers[i]
        end = min(offsets[i + 1], limit)
        if start >= limit:
            break
        above = 1 - math.fsum(powers[: i + 1] * (chain.last - places[: i + 1])) / chain.last
        if count != 1 or above <= 1e-13:
            continue
        found = _gap(chain, start, end)
        if found is None:
            continue
        low, high = (None if w is None else _point(chain, 0.0, w) for w in found)
        critical += [p for p in (low, high) if p]
        gaps.append((low.log_z if low else -math.inf, high.log_z if high else chain.log_scale))
        masses.append(above)
    return gaps, masses, critical


def _gap(chain: Chain, start: float, end: float) -> tuple[float | None, float | None] | None:
    """Where z grows with w = -R - tau in (start, end); None for an end at which z is 0, or that of the atom."""
    growth, finite = _growth(chain, start), math.isfinite(end)

    def place(s: float) -> float:
        return (end - start) / (1 + math.exp(-s)) if finite else max(chain.rank, start) * math.exp(s)

    if start == 0 and finite:  # from infinity to minus infinity, once
        return None, _crossing(lambda s: growth(place(s)), -60.0, 36.0, place)
    grid = _with_peaks(growth, np.array([place(s) for s in np.linspace(-60, 36 if finite else 60, STEPS)]))
    signs = np.array([growth(o) > 0 for o in grid])
    turns = np.flatnonzero(signs[1:] != signs[:-1])
    if not turns.size:
        return (None, None) if signs[0] else None
    if signs[0] or turns.size > 2 or (signs[-1] and finite) or (turns.size == 2 and signs[-1]):
        raise ConvergenceError("a gap of the law has no end: widths and slopes are too close to a threshold")
    edges = [start + _crossing(growth, grid[i], grid[i + 1]) for i in turns]
    return edges[0], edges[1] if len(edges) == 2 else None


def _growth(chain: Chain, start: float) -> Callable[[float], float]:
    """d log z / d log w at w = start + offset."""
    places, powers = chain.factors
    inner = places - chain.rank - start
    closed = chain.orthogonal and not chain.smooth

    def slope(offset: float) -> float:
        w = start + offset
        if closed:  # powers sum to 1, of which 1 - w / (R + w) is left
            return chain.rank / (chain.rank + w) + math.fsum(powers * (places - chain.rank) / (offset - inner))
        total = math.fsum(powers * w / (offset - inner)) + (chain.smooth - 1) * w / (chain.rank + w)
        for group in chain.groups:
            du = argument(group, -(chain.rank + w) / group.width, LEVELS - 3)[2]
            if du == 0:  # of an argument beyond the range of doubles
                return -math.inf
            total += group.count * w / (group.width * du)
        return total

    return slope


def _with_peaks(function: Callable[[float], float], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """The places of a scan, and between them those of the peaks at which the function nearly reaches 0."""
    from scipy.optimize import minimize_scalar

    values = np.array([function(o) for o in grid])
    peaks = 1 + np.flatnonzero((values[1:-1] >= values[:-2]) & (values[1:-1] >= values[2:]) & (values[1:-1] <= 0))
    found = [
        minimize_scalar(lambda o: -function(float(o)), bounds=(grid[i - 1], grid[i + 1]), method="bounded",
                        options={"xatol": 1e-12 * grid[i]}).x
        for i in peaks
    ]  # fmt: skip
    return np.union1d(grid, found)


def _crossing(
    function: Callable[[float], float], low: float, high: float, place: Callable[[float], float] | None = None
) -> float:
    """A sign change; infinite values of the function count as large ones."""
    from scipy.optimize import brentq

    found = brentq(lambda o: float(np.clip(function(o), -1e9, 1e9)), low, high, xtol=1e-300, rtol=1e-15)
    return float(found if place is None else place(found))
