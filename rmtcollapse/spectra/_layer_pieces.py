r"""The law of the squared slope of an activation with kinks: pieces between them, some of a constant slope.

A constant slope makes an atom. The others are integrated by Gauss and Legendre's rule on panels that halve towards the
ends of every piece, where kinks, and the largest and least slopes, are: a real pole as close as it may come to one of
those is no further from a panel, in its widths, than one. Every level halves the widest panels, for complex poles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra._layer_gains import COARSEST, REACH, Gains, Nodes
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["Piece", "PieceGains", "monotone_pieces", "panel_nodes"]

ORDER = 16
HALVINGS = 30  # of the panels at either end of a piece
LEVELS = 6
SAMPLES = 200  # of a piece, to see where its slope turns
MANY = 40  # pieces
TOUCHING = 1e-12  # relative distance of gains at which there is no gap between them
TAIL = 1e9  # reaches away, for what a slope tends to


@dataclass(frozen=True)
class Piece:
    """An interval of the normal variable on which the relative gain is monotone, from `low` to `high`."""

    left: float
    right: float
    low: float
    high: float

    @property
    def mass(self) -> float:
        """Probability of the piece; what begins or ends at the reach has no end there."""
        from scipy.special import ndtr

        left, right = (np.copysign(np.inf, z) if abs(z) >= REACH else z for z in (self.left, self.right))
        return float(ndtr(-left) - ndtr(-right) if left > 0 else ndtr(right) - ndtr(left))


@lru_cache(maxsize=4)
def _rule() -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.legendre.leggauss(ORDER)
    return nodes, weights


def panel_nodes(left: float, right: float, level: int) -> tuple[FloatArray, FloatArray]:
    """Places in (left, right), (n,), and their weights under the standard normal density."""
    halves = (right - left) / 2 * 0.5 ** np.arange(HALVINGS + 1)
    ends = np.concatenate([[left], left + halves[::-1], right - halves[1:], [right]])
    count = np.ceil(np.diff(ends) * 2**level / COARSEST).astype(int)
    start, width = np.repeat(ends[:-1], count), np.repeat(np.diff(ends) / count, count)
    begin = start + width * (np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count))
    nodes, weights = _rule()
    places = (begin[:, None] + width[:, None] / 2 * (1 + nodes)).ravel()
    density = np.exp(-(places**2) / 2) / np.sqrt(2 * np.pi)
    return places, (width[:, None] / 2 * weights).ravel() * density


class PieceGains(Gains):
    """Squared slopes of an activation with kinks.

    Parameters
    ----------
    relative : callable
        From values of the standard normal variable, (n,), to the relative gain c.
    largest : float
        The largest squared slope.
    pieces : sequence of Piece
        What the real line is made of.
    """

    def __init__(self, relative: Callable[[FloatArray], FloatArray], largest: float, pieces: Sequence[Piece]) -> None:
        self._relative, self.largest, self._pieces = relative, largest, [p for p in pieces if p.low < p.high]
        masses: dict[float, float] = {}
        for piece in pieces:
            if piece.low == piece.high:
                masses[piece.low] = masses.get(piece.low, 0.0) + piece.mass
        self.zero = masses.pop(0.0, 0.0)
        self.atoms = sorted(masses.items())
        self.smallest = min(p.low for p in pieces if p.high > 0)
        self.rest = sum(p.mass for p in pieces if p.low < 1)
        self._known: dict[int, Nodes] = {}

    @property
    def levels(self) -> int:
        return LEVELS if self._pieces else 0

    @cached_property
    def support(self) -> list[tuple[float, float]]:
        """Intervals, or atoms, of relative gains above 0, in increasing order."""
        found: list[tuple[float, float]] = []
        places = [(c, c) for c, _ in self.atoms] + [(p.low, p.high) for p in self._pieces]
        for low, high in sorted(places):
            if found and low <= found[-1][1] * (1 + TOUCHING):
                found[-1] = found[-1][0], max(high, found[-1][1])
            else:
                found.append((low, high))
        return found

    def share_above(self, place: float) -> float:
        """Probability of relative gains of at least `place`, which is in no interval of the support."""
        return sum(m for c, m in self.atoms if c >= place) + sum(p.mass for p in self._pieces if p.low >= place)

    def nodes(self, level: int, shifted: bool = False, far: bool = False) -> Nodes:
        if level not in self._known:
            gains, weights = [np.array([c for c, _ in self.atoms])], [np.array([m for _, m in self.atoms])]
            for piece in self._pieces:
                places, weight = panel_nodes(piece.left, piece.right, level)
                gains.append(np.clip(self._relative(places), piece.low, piece.high))
                weights.append(weight)
            gain = np.concatenate(gains)
            self._known[level] = gain, 1 - gain, np.concatenate(weights)
        return self._known[level]


def monotone_pieces(relative: Callable[[FloatArray], FloatArray], kinks: Sequence[float]) -> list[Piece]:
    """The pieces between `kinks`, values of the normal variable in increasing order, and where the gain turns.

    Raises
    ------
    ConvergenceError
        If it turns too often.
    """
    ends = [-REACH, *(k for k in kinks if abs(k) < REACH), REACH]
    found: list[Piece] = []
    for left, right in pairwise(ends):
        places = [left, *_turns(relative, left, right), right]
        for a, b in pairwise(places):
            low, high = sorted((_end(relative, a, b, kinks), _end(relative, b, a, kinks)))
            found.append(Piece(a, b, high if high - low <= 4e-15 * high else low, high))
    if len(found) > MANY:
        raise ConvergenceError(f"the slope turns {len(found)} times: more than {MANY} are not resolved")
    return found


def _end(relative: Callable[[FloatArray], FloatArray], place: float, other: float, kinks: Sequence[float]) -> float:
    """The gain at an end of a piece, from inside; what reaches so far goes on to where it tends to."""
    step = min(8 * np.spacing(max(1.0, abs(place))), abs(other - place) / 2)  # beyond the rounding of a preactivation
    inside = float(relative(np.array([place + math.copysign(step, other - place)]))[0])
    if abs(place) < REACH or any(k * place >= REACH**2 for k in kinks):
        return inside
    with np.errstate(all="ignore"):
        tail = float(relative(np.array([TAIL * place]))[0])
    return tail if np.isfinite(tail) else inside


def _turns(relative: Callable[[FloatArray], FloatArray], left: float, right: float) -> list[float]:
    """Where the gain is largest or least inside an interval."""
    from scipy.optimize import minimize_scalar

    x = left + (right - left) * (1 + np.tanh(np.linspace(-8, 8, SAMPLES)) / np.tanh(8.001)) / 2
    y = relative(x)
    noise = 8e-15 * np.max(np.abs(y))
    found = []
    for i in range(1, SAMPLES - 1):
        sign = np.sign(y[i] - y[i - 1]) if abs(y[i] - y[i - 1]) > noise else 0.0
        if sign and sign * (y[i] - y[i + 1]) > noise:
            best = minimize_scalar(lambda t, s=sign: -s * float(relative(np.array([t]))[0]),
                                   bounds=(x[i - 1], x[i + 1]), method="bounded", options={"xatol": 1e-12})  # fmt: skip
            found.append(float(best.x))
    return found
