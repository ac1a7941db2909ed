"""Points off the bulks: in the open upper half plane, and real ones in the gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra._arithmetic import DoubleDouble, two_sum
from rmtcollapse.spectra._real import branch_at
from rmtcollapse.spectra._reference import cusp
from rmtcollapse.spectra._solver import Solved, continued, double_double_steps, evaluate, jets, newton_step

if TYPE_CHECKING:
    from rmtcollapse.spectra.curve_law import CurveLaw

__all__ = ["solve_upper"]


def solve_upper(law: CurveLaw, z: NDArray[Any]) -> Solved:
    """Certified points z (n,); real ones in a bulk are tried by continuation."""
    found = Solved.empty(len(law._root.leaves), z.size)
    inside = law._bulk_of(z.real) >= 0
    above = np.flatnonzero((z.imag > 0) | inside)
    near = continued(law._root, z[above], law._scale)
    found.put(above, near)
    stopped = np.flatnonzero(~near.good & (near.u.imag > 0).all(0))
    if stopped.size:
        found.put(above[stopped], double_double_steps(law._root, z[above[stopped]], near.u[:, stopped]))
    for i in np.flatnonzero(~found.good).tolist():
        (_beside_bulk if inside[i] else _beside_gap)(law, z, i, found)
    return found


def _beside_bulk(law: CurveLaw, z: NDArray[Any], i: int, found: Solved) -> None:
    """Just above a bulk: 32 digits from the point of the bulk below. In one: perhaps two bulks touch there."""
    x, which = z.real[i : i + 1], law._bulk_of(z.real[i : i + 1])
    if z.imag[i] == 0:
        near = law._tables[int(which[0])]
        guess = near[0].guess(near[0].angle(x, np.array([near[1]])))
        m = cusp(law._root, float(x[0]), complex(guess[0, 0]))
        if m is not None:
            found.put(
                np.array([i]),
                Solved(guess.real + 0j, np.inf + 0 * guess, np.array([m + 0j]), np.array([True]), np.zeros(1)),
            )
        return
    below = law._from_tables(x, which)
    if below.good.all():
        found.put(np.array([i]), double_double_steps(law._root, z[i : i + 1], below.u))


def _beside_gap(law: CurveLaw, z: NDArray[Any], i: int, found: Solved) -> None:
    """On the axis off the support, or so little above it that Im u is all rounding in doubles."""
    edges = {end: u for bulk in law._bulks for end, u in ((bulk.left, bulk.left_u), (bulk.right, bulk.right_u))}
    x = float(z.real[i])
    u = edges[x] if x in edges else branch_at(law._root, law._branches, x)
    if u is None:
        return
    with np.errstate(all="ignore"):
        here, trace = jets(law._root, u[:, None] + 0j)
    if z.imag[i] == 0:
        u, m = (u, here.m.value) if x in edges else _real_steps(law, x, u)
        if not np.isfinite(m).all():
            if x in edges:
                raise ConvergenceError(f"the transform at {x:.17g}, an edge of the support, is not finite")
            return
        unknown = np.full((len(u), 1), np.nan + 0j)
        found.put(np.array([i]), Solved(u[:, None] + 0j, unknown, m.real + 0j, np.array([True]), np.zeros(1)))
        return
    rows = [here.z.slopes[:, 0], *(c.slopes[:, 0] for n, _, b in trace if (c := n.constraint(*b)) is not None)]
    right = np.zeros(len(u), complex)
    right[0] = 1j * z.imag[i]
    start = u + np.linalg.solve(np.stack(rows), right)
    found.put(np.array([i]), double_double_steps(law._root, z[i : i + 1], start[:, None]))


def _real_steps(law: CurveLaw, x: float, u: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Newton's method with residuals of 32 digits for real parameters (k,), and the transform (1,), or ``nan``."""
    root, low = law._root, np.zeros_like(u)
    with np.errstate(all="ignore"):
        for _ in range(12):
            trace: list[Any] = []
            points = [DoubleDouble.of(a[None] + 0j, b[None] + 0j) for a, b in zip(u, low, strict=True)]
            exact = evaluate(root, [leaf.double_double(p) for leaf, p in zip(root.leaves, points, strict=True)], trace)
            rest = [(exact.z - DoubleDouble.of(np.array([x + 0j]))).value]
            rest += [c.value for node, _, below in trace if (c := node.constraint(*below)) is not None]
            here, rough = jets(root, u[:, None] + 0j)
            du = newton_step(here, rough, np.array([x + 0j]), rest)[0][:, 0].real
            if not np.all(np.isfinite(du)):
                break
            m = exact.m.value + here.m.slopes[:, 0] @ du
            high, low = two_sum(u, low + du)
            small, u = np.all(np.abs(du) <= 1e-15 * np.abs(u)), high
            if small:
                return u, m
    return u, np.full(1, np.nan)
