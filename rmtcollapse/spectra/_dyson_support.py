"""Where the law of an irreducible Dyson system lives: its edges by following both branches to where they meet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra import _arithmetic as dd
from rmtcollapse.spectra._dyson_solver import solve
from rmtcollapse.spectra._dyson_system import EPS, BoolArray, ComplexArray, System
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["Edge", "Points", "find_bulks", "limit_at"]

ROUNDS = 60  # halvings of a bracket, enough to reach neighbouring doubles; a scan may take thrice as many
BESIDE = 1e-12  # distance, relative to the scale, within which nothing is looked for beside a pole
MOST = 20_000  # points of a scan
TINY = (
    1e-200,
    1e-60,
    1e-30,
)  # heights, relative to the scale, above a divergence: the lowest at which there is a certified solution counts


@dataclass(frozen=True)
class Edge:
    """An end of a bulk and the solution there, or just above it if the density diverges."""

    place: float
    m: ComplexArray
    divergent: bool = False


@dataclass
class Points:
    """Certified solutions at increasing real points: `bulk` where the density is positive; `slope` is dm/dx."""

    system: System
    x: FloatArray = field(default_factory=lambda: np.zeros(0))
    m: ComplexArray = field(default_factory=lambda: np.zeros((0, 0), complex))
    slope: ComplexArray = field(default_factory=lambda: np.zeros((0, 0), complex))

    def add(self, x: FloatArray) -> None:
        """Solve at more points; those at which no solution is certified (an edge, a pole) are left out."""
        z = np.setdiff1d(x, self.x).astype(np.complex128)
        m, good = solve(self.system, z)
        z, m = z[good], m[good]
        both = np.concatenate([self.x, z.real])
        order = np.argsort(both)
        slope = self.system.slope(z, m)
        self.m = np.concatenate([self.m.reshape(-1, m.shape[1]), m])[order]
        self.slope = np.concatenate([self.slope.reshape(-1, m.shape[1]), slope])[order]
        self.x = both[order]

    @property
    def bulk(self) -> BoolArray:
        result: BoolArray = np.any(self.m.imag > 0, axis=1)
        return result

    @property
    def density(self) -> FloatArray:
        result: FloatArray = self.m.imag @ (self.system.masses * self.system.alpha) / math.pi
        return result

    @property
    def above(self) -> FloatArray:
        """Mass to the right of each point."""
        return self.system.potential(self.m).imag / math.pi


def _scan(points: Points, atoms: Sequence[tuple[float, float]]) -> None:
    """Add points until they are close enough for the trapezoid rule, in the masses and in m, between any two of them.

    The exact mass between two points is known from the potential, and the exact change of every m from m itself. A bulk
    between two points in gaps, a gap between two points of a bulk, a peak: whatever the values at both ends do not tell
    of makes a rule fail, and the interval is halved.
    """
    for share in ROUNDS * [0.5, 0.4375, 0.5625]:  # a point may fall on an edge, where no solution is certified
        middle = _doubtful(points, atoms, share)
        if not middle.size:
            return
        if points.x.size > MOST:
            break
        points.add(middle)
    raise ConvergenceError("a bulk is too narrow to be found; merge classes that carry almost no weight or variance")


def _doubtful(points: Points, atoms: Sequence[tuple[float, float]], share: float) -> FloatArray:
    """Points that cut what has to be cut, at a share of its width."""
    x, density = points.x, points.density
    masses, width = -np.diff(points.above), np.diff(x)
    for place, mass in atoms:
        masses[(x[:-1] < place) & (place < x[1:])] -= mass
    ends = (density[:-1] > 0).astype(int) + (density[1:] > 0)
    rule = width * (density[:-1] + density[1:]) / np.array([1, 1, 2])[ends]
    # beside an edge a root lies between its chord and its highest value
    wrong = np.where(ends == 1, (masses > 1.05 * rule) | (masses < 0.5 * rule), np.abs(masses - rule) > 0.05 * masses)
    wrong &= np.maximum(masses, rule) > 64 * EPS * points.system.masses.sum()
    wrong |= (ends == 2) & _bent(points)
    for place in points.system.centres:  # the rules have no meaning across a pole or a divergence
        close = np.abs(x - place) < BESIDE * points.system.reach
        wrong &= ~(close[:-1] & close[1:])
    middle: FloatArray = (x[:-1] + share * width)[wrong]
    inside: BoolArray = (middle > x[:-1][wrong]) & (middle < x[1:][wrong])
    return np.asarray(middle[inside])


def _bent(points: Points) -> BoolArray:
    """Where the slopes at both ends do not give the change of m."""
    m, half = points.m, points.slope * 0.5
    width = np.diff(points.x)[:, None]
    change, left, right = np.diff(m, axis=0), width * half[:-1], width * half[1:]
    allowed = 0.05 * (np.abs(change) + np.abs(left) + np.abs(right)) + 1e-9 * np.abs(m[1:])
    result: BoolArray = np.any(np.abs(change - left - right) > allowed, axis=1)
    return result


def find_bulks(points: Points, atoms: Sequence[tuple[float, float]], hard: Sequence[float]) -> list[tuple[Edge, Edge]]:
    """The bulks, each with its two ends; `hard` are the places at which the density may diverge."""
    for _ in range(ROUNDS):
        _scan(points, atoms)
        bulk = points.bulk
        if bulk[0] and not hard:
            raise ConvergenceError("the support reaches further than the scan")
        edges = [limit_at(points.system, hard[0])] if bulk[0] else []
        beyond = []
        for i in np.flatnonzero(bulk[1:] != bulk[:-1]):
            inside, outside = (int(i) + 1, int(i)) if bulk[i + 1] else (int(i), int(i) + 1)
            edges.append(_edge(points, inside, outside, hard))
            beyond += _hidden(points, edges[-1], outside)
        if not beyond:
            break
        points.add(np.array(beyond))
    pairs = [(edges[i], edges[i + 1]) for i in range(0, len(edges) - 1, 2)]
    for place in hard:  # a divergence inside a bulk splits it
        pairs = [part for pair in pairs for part in _split(points.system, pair, place)]
    return pairs


def _hidden(points: Points, edge: Edge, outside: int) -> list[float]:
    """Points between an edge and its neighbour outside if there is mass, hence another bulk, between them."""
    system, x = points.system, float(points.x[outside])
    mass = abs(float(system.potential(edge.m[None]).imag[0]) / math.pi - points.above[outside])
    if edge.divergent or mass <= 64 * EPS * system.masses.sum():
        return []
    return [edge.place + share * (x - edge.place) for share in (0.1, 0.5)]


def _split(system: System, pair: tuple[Edge, Edge], place: float) -> list[tuple[Edge, Edge]]:
    if not pair[0].place < place < pair[1].place:
        return [pair]
    middle = limit_at(system, place)
    return [(pair[0], middle), (middle, pair[1])]


def _moved(system: System, place: float) -> System:
    """The system in which a place is at 0."""
    balances = tuple(replace(some, place=some.place - place) for some in system.balances)
    return replace(system, b=system.b - place * system.alpha, centres=(0.0,), balances=balances)


def limit_at(system: System, place: float) -> Edge:
    """The solution just above a place where it may diverge: good for the potential, which does not."""
    for height in TINY:
        m, good = solve(_moved(system, place), np.array([max(height * system.reach, 1e-280) * 1j]))
        if good[0]:
            return Edge(place, m[0], divergent=True)
    raise ConvergenceError(
        f"no solution was found beside {place:.17g}, where the density diverges; move an expectation"
    )


def _edge(points: Points, inside: int, outside: int, hard: Sequence[float]) -> Edge:
    """The end of a bulk between a point inside it and one outside: halved until Newton's method converges."""
    system, x, m = points.system, points.x[inside], points.m[inside]
    limit = points.x[outside]
    for place in hard:
        if min(x, limit) <= place <= max(x, limit) and abs(x - place) <= 1e-13 * max(system.reach, abs(place)):
            return limit_at(system, place)
    for _ in range(ROUNDS):
        found = _fold(system, x, m.real, m.imag / np.max(m.imag), system.reach)
        if found is not None and min(x, limit) <= found.place <= max(x, limit):
            return found
        middle = (x + limit) / 2
        value, good = solve(system, np.array([middle + 0j]))
        if not good[0]:
            middle += (x - middle) / 3
            value, good = solve(system, np.array([middle + 0j]))
        if good[0] and np.any(value.imag > 0):
            x, m = middle, value[0]
        elif good[0]:
            limit = middle
        else:
            break
    raise ConvergenceError(f"no end of the support was found between {min(x, limit):.17g} and {max(x, limit):.17g}")


def _fold(system: System, x: float, m: FloatArray, v: FloatArray, scale: float) -> Edge | None:
    """Newton's method for an edge: the equations, a null vector v of their derivative, and the place x."""
    size = m.size
    norm = 1 / (size * v)
    last = math.inf
    with np.errstate(all="ignore"):
        for _ in range(40):
            residual, matrix = _fold_equations(system, x, m, v, norm, scale)
            if not np.all(np.isfinite(matrix)):
                return None
            try:
                step = np.linalg.solve(matrix, -residual)
            except np.linalg.LinAlgError:
                return None
            m, v, x = m * (1 + step[:size]), v * (1 + step[size:-1]), x + step[-1] * scale
            now = float(np.max(np.abs(step)))
            if now < 1e-8 and now >= last / 4:
                break
            last = now
        else:
            return None
        return _refined_edge(system, x, m, v)


def _fold_equations(
    system: System, x: float, m: FloatArray, v: FloatArray, norm: FloatArray, scale: float
) -> tuple[FloatArray, FloatArray]:
    """Residuals (2K+1,) and their derivatives relative to m, to v, and to x in units of `scale`."""
    K, coupling = m.size, system.coupling[0]
    products = m * (system.alpha * x - system.b + coupling @ m)
    turned = m[:, None] ** 2 * coupling * v / v[:, None]
    null = turned.sum(1)
    matrix = np.zeros((2 * K + 1, 2 * K + 1))
    matrix[:K, :K] = m[:, None] * coupling * m + np.diag(products)
    matrix[:K, -1] = m * system.alpha * scale
    matrix[K:-1, :K] = np.diag(2 * null)
    matrix[K:-1, K:-1] = turned - np.diag(null)
    matrix[-1, K:-1] = norm * v
    return np.concatenate([1 + products, null - 1, [norm @ v - 1]]), matrix


def _refined_edge(system: System, x: float, m: FloatArray, v: FloatArray) -> Edge | None:
    """Accept an edge: v positive, radius 1. Its place is freed of rounding: errors of m enter it only squared."""
    if (
        not (np.all(np.isfinite(m)) and np.all(v > 0))
        or abs(system.radius(m[None].astype(np.complex128))[0] - 1) > 1e-6
    ):
        return None
    residual = system.residual_of_pairs(np.array([x + 0j]), dd.DoubleDouble.of(m[None] + 0j))[0].real
    left = system.masses * v
    x -= float((left * residual / m).sum() / (left * system.alpha).sum())
    return Edge(float(x), m.astype(np.complex128))
