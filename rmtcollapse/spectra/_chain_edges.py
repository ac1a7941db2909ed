r"""Where a product of free layers of different widths has mass: its edges and atoms.

Right of everything all :math:`\tau` and :math:`\xi_l` are positive, and the top edge is where *z* first is stationary.
Slopes that are switched on or off and orthogonal weights leave
:math:`N_L+\sum_lp_lN_{l-1}-\sum_lM_l` directions at the largest slope of every layer, if this is positive: an atom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra._chain_curve import Chain, Group
from rmtcollapse.spectra._chain_gaps import gaps
from rmtcollapse.spectra._chain_real import Point, argument, real_point
from rmtcollapse.spectra._layer_gains import LEVELS

__all__ = ["Outline", "balance", "has_atom", "isometric", "outline", "top_point"]


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
            return _positive(chain, math.exp(place))
        before, guess, width = place, place, 1e-6
    raise ConvergenceError("no upper edge was found: the slopes vary too little, or too abruptly, to be resolved")


def _positive(chain: Chain, tau: float) -> Point:
    """The point of the curve at tau > 0."""

    def place(group: Group, step: int) -> float:
        return argument(group, tau / group.width, step)[0]

    return real_point(chain, tau, chain.rank + tau, chain.factors[0] + tau, place)


def outline(chain: Chain) -> Outline:
    """The outline of a chain whose rotations change something."""
    zero = (chain.last - chain.rank) / chain.last
    empty = gaps(chain)
    critical = [point for gap in empty for point in gap.edges]
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
    ends = [-math.inf, *(end for gap in empty for end in gap.ends), top]
    above = [chain.rank / chain.last, *(gap.above for gap in empty), 0.0]
    bulks, shares = [], []
    for i in range(0, len(ends), 2):
        left, right = ends[i : i + 2]
        if right > left:
            bulks.append((left, right))
            shares.append(above[i // 2] - above[i // 2 + 1])
    return Outline(bulks, shares, zero, atom, critical, diverges)
