"""The relations of a law in mpmath: any number of digits, and points that 32 digits do not reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra._node import Node, Point
from rmtcollapse.spectra._solver import evaluate

__all__ = ["Exact", "continued_exactly", "cusp", "reference_transform"]

DIGITS = 45  # a real argument is approached from this many digits above the axis
HALVINGS = 0.95  # factor of the height at which a step of the continuation is given up


@dataclass(frozen=True)
class Exact:
    """Parameters u (k), du/dz (k) and the transform m at one z, in mpmath."""

    u: list[Any]
    speed: list[Any]
    m: Any


def _newton(root: Node, z: Any, u: Sequence[Any], digits: int, limit: int) -> Exact | None:
    """Newton's method until steps are below 10^-digits of Im u; None if that takes more than `limit` steps."""
    import mpmath

    small = mpmath.mpf(10) ** -digits
    x = list(u)
    for _ in range(limit):
        trace: list[tuple[Node, Point, list[Point]]] = []
        try:
            leaves = [leaf.dual(a, i, len(x)) for i, (leaf, a) in enumerate(zip(root.leaves, x, strict=True))]
            here = evaluate(root, leaves, trace)
            met = [c for node, _, below in trace if (c := node.constraint(*below)) is not None]
            matrix = mpmath.matrix([here.z.slopes, *(c.slopes for c in met)])
            both = mpmath.matrix([[here.z.value - z, -1], *([c.value, 0] for c in met)])
            step = mpmath.lu_solve(matrix, -both[:, 0]), mpmath.lu_solve(matrix, -both[:, 1])
        except ZeroDivisionError:
            return None
        x = [a + d for a, d in zip(x, step[0], strict=True)]
        if max(abs(d) / (abs(a.imag) or abs(a)) for a, d in zip(x, step[0], strict=True)) <= small:
            change = mpmath.fsum(a * b for a, b in zip(here.m.slopes, step[0], strict=True))
            return Exact(x, list(step[1]), here.m.value + change) if z.imag == 0 or _admissible(trace) else None
    return None


def _admissible(trace: list[tuple[Node, Point, list[Point]]]) -> bool:
    """Whether every subordinate z is in the upper half plane, without a turn."""
    above = all(here.z.value.imag > 0 for _, here, _ in trace)
    return above and all(
        bool(node.admissible(_rounded(here), *(_rounded(b) for b in below))) for node, here, below in trace if below
    )


def _rounded(point: Point) -> Point:
    return Point(*(np.complex128(f.value) for f in (point.z, point.m, point.t, point.s)))


def continued_exactly(root: Node, z: complex, scale: float, starts: Sequence[Sequence[Any]] = ()) -> Exact | None:
    """The solution at z; for a real z, the limit from above to 10^-45 of its size. No poles.

    Newton's method from each of `starts` (the admissible solution is the only one, so any start will do), then
    a continuation down from far above, which takes a hundred times as long.
    """
    import mpmath

    with mpmath.workdps(2 * DIGITS + 15):
        end = mpmath.mpf(z.imag) or mpmath.mpf(10) ** -DIGITS * mpmath.mpf(abs(z.real) or scale)
        place = mpmath.mpc(z.real, end)
        near = (_newton(root, place, [mpmath.mpmathify(a) for a in start], DIGITS, 40) for start in starts)
        found = next((exact for exact in near if exact is not None), None) or _from_above(root, place, scale)
        if found is not None and z.imag == 0 and end * abs(found.m) > mpmath.mpf(10) ** (-DIGITS // 2 - 5):
            return None  # a mass at z, or a density that is infinite there
        return found


def _from_above(root: Node, z: Any, scale: float) -> Exact | None:
    """The solution at z in the upper half plane, down from where every law is a point mass."""
    import mpmath

    x, end = z.real, z.imag
    height, found = 16 * (abs(x) + scale), None
    for _ in range(8):
        far = np.array([complex(x, height)])
        begin = [mpmath.mpmathify(complex(np.ravel(a)[0])) for a in root.start(far)]
        found = _newton(root, mpmath.mpc(x, height), begin, 10, 30)
        if found is not None:
            break
        height *= 16
    ratio = mpmath.mpf("1e-3")
    while found is not None and height > end:
        lower = max(height * ratio, end)
        tried = _newton(root, mpmath.mpc(x, lower), found.u, 10, 12)
        if tried is None:
            ratio = mpmath.sqrt(ratio)
            if ratio > HALVINGS:
                return None
        else:
            found, height, ratio = tried, lower, max(ratio**2, mpmath.mpf("1e-12"))
    return found and _newton(root, z, found.u, DIGITS, 12)


def reference_transform(root: Node, z: complex, start: NDArray[Any], digits: int) -> Any:
    """m(z) to `digits` digits, by Newton's method from a double solution `start` (k,)."""
    import mpmath

    with mpmath.workdps(2 * digits + 15):
        found = _newton(root, mpmath.mpmathify(complex(z)), [mpmath.mpmathify(complex(a)) for a in start], digits, 60)
    if found is None:
        raise ConvergenceError(f"the reference at z = {z} did not reach {digits} digits: move z away from the edge")
    with mpmath.workdps(digits):
        return +found.m


def cusp(root: Node, x: float, start: complex, digits: int = 40) -> float | None:
    """The real transform at x if two bulks touch there, exactly: at a real parameter z = x, z' = z'' = 0; else None.

    `start` is a parameter (of one elementary law) near it. Touching to within rounding is not touching: then None.
    """
    import mpmath

    if len(root.leaves) > 1 or root.leaves[0].ends:
        return None
    leaf = root.leaves[0]
    with mpmath.workdps(2 * digits):

        def z(u: Any) -> Any:
            return evaluate(root, [leaf.dual(u, 0, 1)]).z

        try:
            u = mpmath.findroot(lambda v: mpmath.diff(lambda w: z(w).slopes[0], v), mpmath.mpf(start.real))
            there = evaluate(root, [leaf.dual(u, 0, 1)])
        except (ValueError, ZeroDivisionError):
            return None  # no such parameter near
        small = mpmath.mpf(10) ** (-digits // 2 - 5)
        close = abs(there.z.value - mpmath.mpf(x)) < small * (abs(mpmath.mpf(x)) + abs(start))
        return float(there.m.value) if close and abs(there.z.slopes[0]) < small else None
