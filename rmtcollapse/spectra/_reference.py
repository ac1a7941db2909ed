"""The relations of a law in mpmath: any number of digits."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra._curve import Node, Point
from rmtcollapse.spectra._solver import evaluate

__all__ = ["reference_transform"]


def reference_transform(root: Node, z: complex, start: NDArray[Any], digits: int) -> Any:
    """m(z) to `digits` digits, by Newton's method with a numerical Jacobian from a double solution `start` (k,)."""
    import mpmath

    with mpmath.workdps(2 * digits + 15):
        target = mpmath.mpmathify(z)

        def equations(u: list[Any]) -> tuple[list[Any], Any]:
            trace: list[tuple[Node, Point, list[Point]]] = []
            here = evaluate(root, [leaf.reference(x) for leaf, x in zip(root.leaves, u, strict=True)], trace)
            met = [c for node, _, below in trace if (c := node.constraint(*below)) is not None]
            return [here.z - target, *met], here.m

        u = [mpmath.mpmathify(complex(x)) for x in start]
        for _ in range(60):
            values, m = equations(u)
            steps = [mpmath.mpf(10) ** (-digits) * (abs(x) + mpmath.mpf(10) ** -30) for x in u]
            columns = []
            for k, h in enumerate(steps):
                moved = equations([x + (h if i == k else 0) for i, x in enumerate(u)])[0]
                columns.append([(a - b) / h for a, b in zip(moved, values, strict=True)])
            size = len(u)
            matrix = mpmath.matrix(size, size)
            for i in range(size):
                for k in range(size):
                    matrix[i, k] = columns[k][i]
            du = mpmath.lu_solve(matrix, mpmath.matrix([-value for value in values]))
            u = [x + dx for x, dx in zip(u, du, strict=True)]
            if max(abs(dx) for dx in du) <= mpmath.mpf(10) ** (-digits - 5) * max(abs(x.imag) or abs(x) for x in u):
                m = equations(u)[1]
                break
        else:
            raise ConvergenceError(f"the reference at z = {z} did not reach {digits} digits: move z away from the edge")
    with mpmath.workdps(digits):
        return +m


def cusp(root: Node, x: float, start: complex, digits: int = 40) -> float | None:
    """The real transform at x if two bulks touch there, exactly: at a real parameter z = x, z' = z'' = 0; else None.

    `start` is a parameter (of one elementary law) near it. Touching to within rounding is not touching: then None.
    """
    import mpmath

    if len(root.leaves) > 1:
        return None
    leaf = root.leaves[0]
    with mpmath.workdps(2 * digits):

        def z(u: Any) -> Any:
            return evaluate(root, [leaf.reference(u)]).z

        try:
            u = mpmath.findroot(lambda v: mpmath.diff(z, v, 2), mpmath.mpf(start.real))
            slope, place = mpmath.diff(z, u), z(u)
        except (ValueError, ZeroDivisionError):
            return None  # no such parameter near
        scale = abs(mpmath.mpf(x)) + abs(start)
        flat = abs(slope) < mpmath.mpf(10) ** (-digits // 2 - 5)
        if flat and abs(place - mpmath.mpf(x)) < scale * mpmath.mpf(10) ** (-digits // 2 - 5):
            return float(evaluate(root, [leaf.reference(u)]).m)
    return None
