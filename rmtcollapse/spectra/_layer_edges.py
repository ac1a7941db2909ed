r"""Where a product of free layers has mass: edges, atoms and gaps, from the real critical points of its equation.

On the real line outside the support, *u* falls as *z* grows. Right of everything :math:`\xi\in(0,1)`, and the top edge
is where :math:`d\log z/d\log\xi` first vanishes. Slopes that are switched on or off leave :math:`\xi>1` as well,
where the logarithms allow :math:`u=-1-v`, :math:`v>0` (and :math:`u=-p-v` for one layer): a gap is where *z* grows
with *v*. It is the one below the top atom of orthogonal weights, whose mass is :math:`1-L(1-p)`, that between two
bulks, or that between 0 and a lower edge. Without switches, slopes reach down to 0 and so does the product.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra._layer_curve import Layers
from rmtcollapse.spectra._layer_gains import SwitchGains
from rmtcollapse.spectra._layer_gaps import Gap, atom_place, gaps_of
from rmtcollapse.spectra._layer_pieces import PieceGains

__all__ = ["Outline", "outline", "top_point"]

LARGEST = 80.0  # of log(xi / (1 - xi))
STEPS = 4000  # of a scan for gaps
NEARLY = 0.02  # of the size of what is scanned: more than a peak may rise between two places
LIMIT = 1e-12  # of the mass of an atom below which the density diverges in its place
NO_MASS = 1e-15  # of a bulk that is not told from nothing; the uppermost is kept


@dataclass(frozen=True)
class Outline:
    """Edges of the bulks, atoms and critical points, places as logarithms (-inf is 0).

    Attributes
    ----------
    bulks : list of (left, right)
        In increasing order.
    atom : tuple of (place, mass) or None
        The atom that is not at 0.
    critical : dict
        :math:`\\log\\xi` at the edges that are square roots, by their places.
    diverges : bool
        Whether the density is infinite at the upper end.
    masses : list of float
        Of the bulks, where the slopes have atoms and gaps of their own; else empty.
    divergent : list of float
        Further places, edges, at which the density is infinite.
    """

    bulks: list[tuple[float, float]]
    atom: tuple[float, float] | None = None
    critical: dict[float, float] = field(default_factory=dict)
    diverges: bool = False
    masses: list[float] = field(default_factory=list)
    divergent: list[float] = field(default_factory=list)


def outline(layers: Layers) -> Outline:
    """The outline of a product of at least one layer; one orthogonal layer of smooth slopes is another matter."""
    gains = layers.gains
    if isinstance(gains, PieceGains):
        return _pieced(layers, gains)
    if not isinstance(gains, SwitchGains):
        top = top_point(layers)
        low = _bottom_point(layers)
        critical = {_log_z(layers, lam): lam for lam in (low, top) if lam is not None}
        right = _log_z(layers, top)
        return Outline([(-math.inf if low is None else _log_z(layers, low), right)], None, critical)
    if layers.noise == 0:
        return _switched_rotations(layers, gains)
    top = top_point(layers)
    edges, critical = [_log_z(layers, top)], {_log_z(layers, top): top}
    low = -math.inf
    for v0, v1 in _gaps(layers, gains):
        critical |= {_switched_log_z(layers, gains, v): _switched_lam(layers, gains, v) for v in (v0, v1) if v > 0}
        if v0 == 0:
            low = _switched_log_z(layers, gains, v1)
        else:
            edges = [_switched_log_z(layers, gains, v0), _switched_log_z(layers, gains, v1), *edges]
    ends = [low, *edges]
    return Outline(list(zip(ends[::2], ends[1::2], strict=True)), None, critical)


def _pieced(layers: Layers, gains: PieceGains) -> Outline:
    """Between the gaps: bulks, and the atoms of orthogonal weights."""
    heavy = [(c, p) for c, p in gains.atoms if layers.noise == 0 and layers.depth * (1 - p) < 1 + LIMIT]
    places = {atom_place(layers, c): 1 - layers.depth * (gains.rest if c == 1 else 1 - p) for c, p in heavy}
    if heavy and heavy[-1][0] == 1:
        gaps = [Gap(atom_place(layers, 1.0), math.inf, (None, None), 0.0)]
    else:
        top = top_point(layers)
        gaps = [Gap(_log_z(layers, top), math.inf, (top, None), 0.0)]
    gaps += gaps_of(layers)
    below = [gap.above for gap in gaps[1:]] + [1 - gains.zero]
    lower = [gap.high for gap in gaps[1:]] + [-math.inf]
    bulks: list[tuple[float, float]] = []
    masses: list[float] = []
    for gap, end, mass in zip(gaps, lower, below, strict=True):
        if gap.low > end and (mass - gap.above > NO_MASS or gap.high == math.inf):
            bulks, masses = [(end, gap.low), *bulks], [mass - gap.above, *masses]
    among = {p: i for p in places for i, (a, b) in enumerate(bulks) if a < p < b}  # not in gaps, but in bulks
    for place, index in among.items():
        masses[index] -= max(places[place], 0.0)
    atom = next(((place, mass) for place, mass in places.items() if mass > LIMIT), None)
    ends = [pair for gap in gaps for pair in zip((gap.low, gap.high), gap.ends, strict=True)]
    critical = {place: lam for place, lam in ends if lam is not None}
    divergent = [end for bulk in bulks for end in bulk if abs(places.get(end, 1.0)) <= LIMIT]
    return Outline(bulks, atom, critical, False, masses, divergent + [p for p in among if abs(places[p]) <= LIMIT])


def _switched_rotations(layers: Layers, gains: SwitchGains) -> Outline:
    """Orthogonal weights: in closed form."""
    L, off, p = layers.depth, gains.zero, gains.share
    place = L * (layers.log_gain - math.log(p))
    excess = 1 - L * off
    atom = (place, excess if L > 1 else p) if excess > 0 or L == 1 else None
    if L == 1 or off == 0:
        return Outline([], (place, excess if off == 0 else p))
    if excess == 0:
        return Outline([(-math.inf, place)], None, {}, True)
    if excess < 0:
        lam = -math.log1p(-excess)  # of t = xi / (1 - xi) = 1 / (L (1 - p) - 1)
        right = _log_z(layers, lam)
        return Outline([(-math.inf, right)], None, {right: lam})
    v = off * (L - 1) / excess
    right = _switched_log_z(layers, gains, v)
    return Outline([(-math.inf, right)], atom, {right: _switched_lam(layers, gains, v)})


def top_point(layers: Layers) -> float:
    """log(xi) at the top edge, xi in (0, 1), on a level of the quadrature that the next one confirms.

    Raises
    ------
    ConvergenceError
        If there is none, or several.
    """
    from scipy.optimize import brentq

    gains = layers.gains
    before = math.nan
    for level in range(gains.first, gains.levels + 1):

        def slope(tau: float, level: int = level) -> float:
            return float(_slopes(layers, np.array([tau]), level)[0])

        grid = np.arange(-math.log(8 * layers.depth) - 1, LARGEST, 0.5)
        signs = _slopes(layers, grid, level) > 0
        turns = np.flatnonzero(signs[1:] & ~signs[:-1])
        if turns.size:
            tau = float(brentq(slope, grid[turns[0]], grid[turns[0] + 1], xtol=1e-14, rtol=1e-14))
            if gains.levels == 0 or abs(tau - before) < 1e-7:  # the edge is stationary: it errs by the square
                if not signs[turns[0] + 1 :][:40].all():
                    raise ConvergenceError(
                        "the law of the slopes leaves gaps that are not resolved; use a smoother one"
                    )
                return -math.log1p(math.exp(-tau))
            before = tau
    raise ConvergenceError("no upper edge was found: the slopes vary too little, or too abruptly, to be resolved")


def _bottom_point(layers: Layers) -> float | None:
    """log(xi) > 0 at a lower edge, of slopes that are nowhere 0 and weights with little noise; None if it is at 0."""
    from scipy.optimize import brentq

    gains, g = layers.gains, layers.noise
    if gains.smallest <= 0 or g >= 0.5:
        return None
    grid = -math.log(gains.smallest) + np.exp(np.linspace(-12, 5, 400))

    def slope(lam: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(all="ignore"):
            u, s, du = layers.sums(lam + 0j, gains.levels - 2)
            s = s.real
            root = (1 - 2 * g) ** 2 + 4 * g * (1 - g) * s
            bend = layers.weights(u.real, np.where(root > 0, s, 0.0))[1]
            found = (layers.depth - 1) * du.real / (u.real * s) + layers.depth * (bend * du.real - 1)
        return np.where((root > 0) & np.isfinite(found), found, np.inf)

    rising = np.flatnonzero(slope(grid) > 0)
    if not rising.size or rising[-1] == grid.size - 1:
        return None
    low, high = grid[rising[-1]], grid[rising[-1] + 1]
    if not np.isfinite(slope(np.array([low]))[0]):
        raise ConvergenceError("the lower edge is not resolved: the slopes vary too little beside the noise")
    return float(brentq(lambda lam: float(slope(np.array([lam]))[0]), low, high, xtol=1e-14, rtol=1e-14))


def _slopes(layers: Layers, tau: NDArray[np.float64], level: int) -> NDArray[np.float64]:
    """d log z / d log xi at log(xi / (1 - xi)) = tau."""
    return layers.at(-np.log1p(np.exp(-tau)) + 0j, level).slope.real


def _log_z(layers: Layers, lam: float) -> float:
    """log z at a real log(xi), on two levels that agree."""
    before = math.nan
    for level in range(layers.gains.first, layers.gains.levels + 1):
        now = float(layers.at(np.array([lam + 0j]), level).log_z.real[0])
        if layers.gains.levels == 0 or abs(now - before) <= 1e-14 * (1 + layers.depth / 8):
            return now
        before = now
    raise ConvergenceError("the mean over the slopes did not settle; use a smoother activation")


# ---- slopes that are switched on or off, xi > 1 ---------------------------------------------------------------------


def _switched_u(layers: Layers, gains: SwitchGains, v: float) -> float:
    return -(gains.share if layers.depth == 1 else 1.0) - v


def _switched_lam(layers: Layers, gains: SwitchGains, v: float) -> float:
    """log(u / (p + u))."""
    return math.log1p(gains.share / (v if layers.depth == 1 else gains.zero + v))


def _switched_log_z(layers: Layers, gains: SwitchGains, v: float) -> float:
    L, p, off = layers.depth, gains.share, gains.zero
    u = np.array([_switched_u(layers, gains, v)])
    s = np.array([off - v]) if L == 1 else np.array([-v])
    log_t = float(np.log(layers.weights(u, s)[0].real)[0])
    scale = L * (log_t + layers.log_gain - math.log(p))
    if L == 1:
        return math.log(v / (p + v)) + scale
    return math.log(v / (1 + v)) + L * math.log((off + v) / v) + scale


def _gaps(layers: Layers, gains: SwitchGains) -> list[tuple[float, float]]:
    """Intervals of v in which z grows, with mixed weights or independent entries."""
    g, L = layers.noise, layers.depth
    slack = gains.zero if L == 1 else 0.0
    # T > 0, and its root is real
    reach = slack if g >= 0.5 else (1 - 2 * g) ** 2 / (4 * g * (1 - g)) + slack
    if reach <= 0:
        return []
    share = 1 / (1 + np.exp(-np.linspace(-60, 36, STEPS)))
    slope = _growth(layers, gains)
    share = _with_peaks(slope, reach, share, NEARLY * (1 + layers.depth))
    signs = slope(reach * share) > 0
    turns = np.flatnonzero(signs[1:] != signs[:-1])
    places = [_crossing(slope, reach * share[i], reach * share[i + 1]) for i in turns]
    if signs[0]:
        places = [0.0, *places]
    if len(places) % 2:
        raise ConvergenceError("a gap of the law has no end; depth and weights are too close to a threshold")
    return list(zip(places[::2], places[1::2], strict=True))


def _with_peaks(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]], reach: float, share: Any, nearly: float
) -> Any:
    """The places of a scan, and between them those of the peaks at which the function nearly reaches 0."""
    from scipy.optimize import minimize_scalar

    values = function(reach * share)
    peaks = 1 + np.flatnonzero(
        (values[1:-1] >= values[:-2]) & (values[1:-1] >= values[2:]) & (values[1:-1] <= 0) & (values[1:-1] > -nearly)
    )
    found = [
        minimize_scalar(lambda v: -float(function(np.array([reach * v]))[0]), bounds=(share[i - 1], share[i + 1]),
                        method="bounded", options={"xatol": 1e-12 * share[i]}).x
        for i in peaks
    ]  # fmt: skip
    return np.union1d(share, found)


def _growth(layers: Layers, gains: SwitchGains) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """v times d log z / dv."""
    L, p, off = layers.depth, gains.share, gains.zero

    def slope(v: NDArray[np.float64]) -> NDArray[np.float64]:
        u = -(p if L == 1 else 1.0) - v
        with np.errstate(all="ignore"):
            bend = v * layers.weights(u, off - v if L == 1 else -v)[1]
        bend = np.where(np.isfinite(bend), bend, np.inf)  # at the end of the interval
        if L == 1:
            return p / (p + v) - bend
        return 1 / (1 + v) - L * off / (off + v) - L * bend

    return slope


def _crossing(function: Callable[[NDArray[np.float64]], NDArray[np.float64]], low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(lambda v: float(function(np.array([v]))[0]), low, high, xtol=1e-300, rtol=1e-15))
