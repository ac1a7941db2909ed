r"""Points of a curve at given z: Newton's method in all parameters at once, over all points at once, with certificates.

The unknowns are the parameters u_k of the elementary laws; the equations are z(u) = z and the constraints. For z in the
closed upper half plane there is at most one solution with every subordinate z in the open half plane, so that a Newton
iteration that converges there has found the right root, on the real axis too. The step r = max |du_k| / Im u_k, with

.. math:: \gamma \le \frac{1}{\mathrm{Im}\,u}\max\Big(1, \frac{\mathrm{Im}(u - z)}{\mathrm{Im}\,u\,|z'|}\Big)

(u - z is a Nevanlinna function of u where a law is one convolution away from its atoms: there this is Smale's alpha
test) certifies quadratic convergence; where the bound is not small enough, two steps must show it. Where rounding keeps
r from its aim, that is beside an edge, the residual is taken in 32 digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra._arithmetic import EPS, DoubleDouble, Jet
from rmtcollapse.spectra._curve import AffineMap, MixZero
from rmtcollapse.spectra._node import Leaf, Node, Point

__all__ = [
    "Solved",
    "continued",
    "double_double_steps",
    "evaluate",
    "evaluate_potential",
    "exact_arguments",
    "jets",
    "polished",
    "refined",
    "refuse_failures",
    "values",
]

AIM = 3e-9  # a certified step this small leaves an error of its square, below rounding
FINE = 3e-13  # relative rounding of Im m up to which doubles are enough; beyond, the residual is taken in 32 digits
ITERATIONS = 12


def evaluate(root: Node, leaves: Sequence[Point], trace: list[tuple[Node, Point, list[Point]]] | None = None) -> Point:
    """The root's functions from those of the elementary laws; every node's are appended to `trace`."""
    supply = iter(leaves)

    def visit(node: Node) -> Point:
        if isinstance(node, Leaf):
            here, below = next(supply), []
        else:
            below = [visit(child) for child in node.children]
            here = node.relate(*below)
        if trace is not None:
            trace.append((node, here, below))
        return here

    return visit(root)


def jets(root: Node, u: NDArray[Any]) -> tuple[Point, list[tuple[Node, Point, list[Point]]]]:
    """The root's functions, with derivatives, at parameters u (k, n), and those of every node."""
    trace: list[tuple[Node, Point, list[Point]]] = []
    with np.errstate(all="ignore"):  # what is not finite is never certified
        leaves = [leaf.jet(u[i], i, len(u)) for i, leaf in enumerate(root.leaves)]
        return evaluate(root, leaves, trace), trace


def values(point: Point) -> Point:
    """A point without its derivatives."""
    return Point(point.z.value, point.m.value, point.t.value, point.s.value)


def evaluate_potential(root: Node, u: NDArray[Any], z: NDArray[Any] | None = None) -> NDArray[Any]:
    """The logarithmic potential at parameters u (k, n), those of z (n,) where it is known."""
    _, trace = jets(root, u)
    exact = {} if z is None else exact_arguments(root, z)
    logarithms = iter([leaf.logarithm(x) for leaf, x in zip(root.leaves, u, strict=True)])
    known: dict[int, Point] = {}
    for node, jet, below in trace:
        here = values(jet)
        here.z = exact.get(id(node), here.z)
        if isinstance(node, Leaf):
            here.potential = next(logarithms)
        else:
            here.potential = node.potential(here, *(known[id(b)] for b in below))
        known[id(jet)] = here
    result: NDArray[Any] = known[id(trace[-1][1])].potential
    return result


def exact_arguments(root: Node, z: NDArray[Any]) -> dict[int, NDArray[Any]]:
    """z of the root, and of what it is an affine image of, by node."""
    found = {id(root): z}
    while isinstance(root, AffineMap | MixZero):
        if isinstance(root, AffineMap):
            z = (z - float(root.offset)) / float(root.factor)
        root = root.children[0]
        found[id(root)] = z
    return found


@dataclass
class Solved:
    """Parameters u (k, n), du/dz (k, n) and the transform m (n,).

    `good` marks the certified, `relative` is the rounding of Im m.
    """

    u: NDArray[Any]
    speed: NDArray[Any]
    m: NDArray[Any]
    good: NDArray[np.bool_]
    relative: NDArray[Any]

    @classmethod
    def empty(cls, k: int, n: int) -> Solved:
        zero = np.zeros((k, n), complex)
        return cls(zero, zero.copy(), np.zeros(n, complex), np.zeros(n, bool), np.full(n, np.inf))

    def put(self, where: NDArray[Any], other: Solved) -> None:
        """Store another's certified points at the indices `where`."""
        chosen = where[other.good]
        self.u[:, chosen], self.m[chosen] = other.u[:, other.good], other.m[other.good]
        self.speed[:, chosen] = other.speed[:, other.good]
        self.good[chosen], self.relative[chosen] = True, other.relative[other.good]


def newton_step(
    here: Point, trace: list[Any], z: NDArray[Any], residuals: list[Any] | None = None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Newton's step (k, n), the part of it that is rounding, and du/dz; `residuals` replace the doubles' own."""
    equations = [here.z, *(c for node, _, below in trace if (c := node.constraint(*below)) is not None)]
    if residuals is None:
        residuals = [e.value for e in equations]
        residuals[0] = residuals[0] - z
    right = np.stack(residuals)
    bounds = np.stack([e.bound for e in equations])
    if len(equations) == 1:
        slope = equations[0].slopes[0]
        return -right / slope, bounds / np.abs(slope), 1 / slope[None]
    matrix = np.stack([e.slopes for e in equations]).transpose(2, 0, 1)
    singular = ~np.isfinite(matrix).all(axis=(1, 2)) | (np.abs(np.linalg.det(np.nan_to_num(matrix))) == 0)
    matrix = np.where(singular[:, None, None], np.eye(len(matrix[0])), matrix)
    inverse = np.linalg.inv(matrix)
    du = -np.einsum("nij,jn->in", inverse, right)
    rounding = np.einsum("nij,jn->in", np.abs(inverse), bounds)
    return np.where(singular, np.nan, du), rounding, inverse[:, :, 0].T


def _admissible(trace: list[Any], u: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether every subordinate z is in the upper half plane, to rounding, without a turn."""
    good: NDArray[Any] = np.all(u.imag > 0, axis=0)
    own = trace[-1][0]
    for node, here, below in reversed(trace):
        if below:
            good &= np.asarray(node.admissible(values(here), *(values(b) for b in below)), bool)
        if node is not own and not isinstance(node, Leaf):
            good = np.logical_and(good, here.z.value.imag > -8 * here.z.bound)
        elif isinstance(own, AffineMap | MixZero):
            own = own.children[0]  # has the argument itself as its z, real or not
    return good


def refined(root: Node, z: NDArray[Any], start: NDArray[Any]) -> Solved:
    """Newton's method from `start` (k, n) for z (n,); what does not converge in the half plane is not good."""
    out = Solved.empty(*start.shape)
    index, u, before = np.arange(z.size), start.copy(), np.full(z.size, np.inf)
    with np.errstate(all="ignore"):
        for _ in range(ITERATIONS):
            if not index.size:
                break
            here, trace = jets(root, u)
            du, rounding, speed = newton_step(here, trace, z[index])
            ratio, floor = np.abs(du / u.imag).max(0), (rounding / u.imag).max(0)
            done = _converged(ratio, floor, before, _curvature(trace, u))
            u, before = u + du, ratio
            alive = np.isfinite(u).all(0) & (u.imag > 0).all(0) & (ratio < 1e3)
            done &= alive
            if done.any():
                done[done] = _admissible(_part(trace, done), u[:, done])
                m, relative, _ = _transform(here, here.m.value, here.t.value, du, rounding, z[index])
                out.put(index, Solved(u, speed, m, done, relative))
                alive &= ~done
            index, u, before = index[alive], u[:, alive], before[alive]
    return out


def _transform(
    here: Point, m: Any, t: Any, du: Any, rounding: Any, z: NDArray[Any], unit: float = 1.0
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """m after a step du, the relative rounding of its imaginary part, and the relative change by the step.

    m (n,) and t (n,) are values before the step, with a rounding of `unit` times the bounds. At real z the imaginary
    part of m is that of t over z, which does not see an atom at 0.
    """
    both = []
    for jet, value in ((here.m, m), (here.t, t)):
        moved = np.einsum("kn,kn->n", jet.slopes, du)
        noise = unit * (jet.bound_imag + np.einsum("kn,kn->n", np.abs(jet.slopes), rounding))
        after = value + moved
        both.append((after, noise / np.abs(after.imag), np.abs(moved / after.imag)))
    by_t = (z.imag == 0) & (z.real != 0) & (both[1][1] < both[0][1])
    height = both[1][0].imag / np.where(by_t, z.real, 1.0)  # the real part of t is -1 next to 0: m knows its own better
    chosen = [np.where(by_t, both[0][0].real + 1j * height, both[0][0])]
    chosen += [np.where(by_t, both[1][k], both[0][k]) for k in (1, 2)]
    return chosen[0], chosen[1], chosen[2]


def _curvature(trace: list[Any], u: NDArray[Any]) -> NDArray[Any]:
    """The bound of gamma * Im u where it is known: for one convolution of an elementary law."""
    steps = [here for node, here, _ in trace if not isinstance(node, Leaf | AffineMap | MixZero)]
    if len(u) > 1 or len(steps) > 1:
        return np.full(u.shape[1], np.inf)
    z = steps[0].z if steps else trace[0][1].z
    bound: NDArray[Any] = (u[0] - z.value).imag / (u[0].imag * np.abs(z.slopes[0]))
    curvature: NDArray[Any] = np.maximum(1.0, bound)
    return curvature


def _converged(
    ratio: NDArray[Any], floor: NDArray[Any], before: NDArray[Any], curvature: NDArray[Any]
) -> NDArray[np.bool_]:
    """Certified by the curvature, or seen to converge quadratically, down to the aim or to rounding."""
    bounded = ratio * curvature <= AIM
    shrinking = (before <= 0.05) & (ratio <= np.maximum(before**1.5, 8 * floor))
    done: NDArray[Any] = bounded | (shrinking & ((ratio <= AIM) | ((ratio <= 8 * floor) & (floor <= 1e-4))))
    return done


def _part(trace: list[Any], mask: NDArray[np.bool_]) -> list[Any]:
    """The trace at some of its points."""

    def cut(jet: Any) -> Any:
        return Jet(jet.value[mask], jet.slopes[:, mask], jet.bound[mask], jet.bound_imag[mask])

    def short(point: Point) -> Point:
        return Point(cut(point.z), cut(point.m), cut(point.t), cut(point.s))

    return [(node, short(here), [short(b) for b in below]) for node, here, below in trace]


def continued(root: Node, z: NDArray[Any], scale: float, patience: int = 400) -> Solved:
    """Solve by continuation down from far above: each point tries long jumps towards its z first, then shorter ones."""
    out = Solved.empty(len(root.leaves), z.size)
    if not z.size:
        return out
    height = 16 * (np.abs(z) + scale)
    for _ in range(8):
        far = z.real + 1j * height
        begun = refined(root, far, np.stack(np.broadcast_arrays(*root.start(far))).astype(complex))
        if begun.good.all():
            break
        height = np.where(begun.good, height, 16 * height)
    u, alive = begun.u, begun.good.copy()
    ratio = np.full(z.size, 1e-3)
    for _ in range(patience):
        index = np.flatnonzero(alive & ~out.good)
        if not index.size:
            break
        y = np.where(ratio[index] <= 1e-12, z.imag[index], np.maximum(height[index] * ratio[index], z.imag[index]))
        found = refined(root, z.real[index] + 1j * y, u[:, index])
        arrived = found.good & (y == z.imag[index])
        out.put(index, Solved(found.u, found.speed, found.m, arrived, found.relative))
        good, bad = index[found.good], index[~found.good]
        u[:, good], height[good] = found.u[:, found.good], y[found.good]
        ratio[good] = np.maximum(ratio[good] ** 2, 1e-16)
        ratio[bad] = np.maximum(np.sqrt(ratio[bad]), 1e-4)
        alive[bad[ratio[bad] > 0.9]] = False
    out.u[:, ~out.good] = u[:, ~out.good]  # as far as they came
    return out


def polished(root: Node, z: NDArray[Any], found: Solved, all_points: bool = False) -> Solved:
    """Repeat Newton's step with a residual of 32 digits wherever the doubles' rounding shows in Im m."""
    coarse = np.flatnonzero(found.good & ((found.relative > FINE) | all_points))
    if not coarse.size:
        return found
    fine = double_double_steps(root, z[coarse], found.u[:, coarse])
    found.good[coarse[~fine.good]] = False
    found.put(coarse, fine)
    return found


def double_double_steps(root: Node, z: NDArray[Any], start: NDArray[Any]) -> Solved:
    """Newton's method with residuals of 32 digits and derivatives in doubles, from a start near the root."""
    out = Solved.empty(*start.shape)
    index, high, low = np.arange(z.size), start.copy(), np.zeros_like(start)
    with np.errstate(all="ignore"):
        for _ in range(60):
            if not index.size:
                break
            trace: list[tuple[Node, Point, list[Point]]] = []
            leaves = [
                leaf.double_double(DoubleDouble.of(a, b)) for leaf, a, b in zip(root.leaves, high, low, strict=True)
            ]
            exact = evaluate(root, leaves, trace)
            rest = [(exact.z - DoubleDouble.of(z[index])).value]
            rest += [c.value for node, _, below in trace if (c := node.constraint(*below)) is not None]
            here, rough = jets(root, high)
            du, rounding, speed = newton_step(here, rough, z[index], rest)
            ratio = np.abs(du / high.imag).max(0)
            m, relative, moved = _transform(here, exact.m.value, exact.t.value, du, rounding, z[index], EPS)
            step = DoubleDouble.of(high, low + du)
            high = step.value
            low = (step.real[1] + 1j * step.imag[1]).astype(complex)
            alive = np.isfinite(high).all(0) & (high.imag > 0).all(0)
            # parameters may be less well determined than what they determine; one alone converges quadratically
            settled = (moved < 1e-14) | (len(high) == 1)
            done = alive & (moved < 1e-8) & ((ratio < FINE) | ((ratio < AIM) & settled))
            if done.any():
                done[done] = _admissible(_part(rough, done), high[:, done])
                out.put(index, Solved(high, speed, m, done & (relative < 1e-10), np.maximum(relative, 1e-16)))
                alive &= ~done
            index, high, low = index[alive], high[:, alive], low[:, alive]
    return out


def refuse_failures(found: Solved, z: NDArray[Any]) -> None:
    """Raise `ConvergenceError` that names the first point without a certificate."""
    if not found.good.all():
        first = z[~found.good][0]
        raise ConvergenceError(
            f"no certified solution at z = {first:.17g} ({int((~found.good).sum())} of {z.size} points): continuation "
            "from the upper half plane stopped; move the point, or give it a positive imaginary part"
        )
