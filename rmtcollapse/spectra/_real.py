r"""The real axis off the support of a curve, and with it all edges.

Off the support m is real and increasing. Conversely, where real parameters satisfy the relations and z increases with m
at every node, they are the limit of the solution in the upper half plane, and z is off the support (derived here, from
the uniqueness of that solution). A law's complement is therefore the image of intervals of real parameters, its
*branches*: those of an elementary law are the gaps between its atoms, and every node keeps of its children's branches
what satisfies the inequality at the node. Convolutions of one step with a semicircle or a free Poisson law have all
their branches guaranteed (`rmtcollapse.spectra._poles`); elsewhere the sign is sampled, densely towards the ends of a
branch, and maxima below zero are refined. A bulk that is missed by that shows as mass missing from 1; a gap that is
missed shows where its points are asked for, as a refusal, because they have no solution in the half plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra._arithmetic import DoubleDouble
from rmtcollapse.spectra._branch import (
    MEETING_NOISE,
    TINY,
    Branch,
    find_roots,
    image_noise,
    image_slope,
    increasing,
    leaf_branches,
    pole_branches,
    size_of,
)
from rmtcollapse.spectra._curve import AddSemicircle, AffineMap, MixZero, MultiplyFold, MultiplyPoisson, convolved_atoms
from rmtcollapse.spectra._meeting import meetings
from rmtcollapse.spectra._node import Leaf, Node
from rmtcollapse.spectra._solver import evaluate, jets

__all__ = ["Branch", "Bulk", "branch_at", "branches", "bulks"]


@dataclass(frozen=True)
class Bulk:
    """An interval of the support, with the parameters (k,) at its ends."""

    left: float
    right: float
    left_u: NDArray[Any]
    right_u: NDArray[Any]
    kinds: tuple[str, str]


def branches(node: Node, size: float | None = None) -> list[Branch]:
    """All branches of a law; `size` is the unit of the largest parameters, by default that of the law."""
    size = size_of(node) if size is None else size
    if isinstance(node, Leaf):
        return leaf_branches(node, size)
    if len(node.children) == 2:
        below = [branches(child, size) for child in node.children]
        return [piece for branch in meetings(node, below) for piece in increasing(node, branch)]
    (child,) = node.children
    if isinstance(node, AffineMap | MixZero):
        return branches(child, size)
    if isinstance(child, Leaf) and child.ends is None and isinstance(node, AddSemicircle | MultiplyPoisson):
        weights = node.poles(child)
        if np.all(weights > 0):
            hard = isinstance(node, MultiplyPoisson) and node.ratio == 1
            return pole_branches(child, weights, size, hard=hard)
    found = branches(child, size)
    # each power in turn, or another winding would pass
    powers = [MultiplyFold(child, k, node.mean) for k in range(2, node.k)] if isinstance(node, MultiplyFold) else []
    for law in (*powers, node):
        found = [piece for branch in found for piece in increasing(law, branch)]
    return found


def _images(law: Node, u: NDArray[Any]) -> NDArray[Any]:
    """z (n,) at real parameters (k, n), rounded once from 32 digits where the laws' atoms are real."""
    with np.errstate(all="ignore"):
        low = np.zeros_like(u)
        for _ in range(3):  # parameters that meet to 16 digits only would move z as much
            trace: list[Any] = []
            pairs = [DoubleDouble.of(x + 0j, y + 0j) for x, y in zip(u, low, strict=True)]
            exact = evaluate(law, [leaf.double_double(x) for leaf, x in zip(law.leaves, pairs, strict=True)], trace)
            misses = [c.value.real for node, _, below in trace if (c := node.constraint(*below)) is not None]
            if not misses:
                break
            low[1:] -= _corrections(law, u, np.stack(misses))
        rough = jets(law, u + 0j)[0].z.value.real
        found: NDArray[Any] = np.where(np.isfinite(exact.z.value.real), exact.z.value.real, rough)
    return found


def _corrections(law: Node, u: NDArray[Any], misses: NDArray[Any]) -> NDArray[Any]:
    """Changes (k - 1, n) of all parameters but the first that make up for constraints missed by `misses` (k - 1, n)."""
    _, trace = jets(law, u + 0j)
    rows = [c.slopes.real[1:] for node, _, below in trace if (c := node.constraint(*below)) is not None]
    matrix = np.stack(rows).transpose(2, 0, 1)
    known = np.isfinite(matrix).all((1, 2)) & np.isfinite(misses).all(0)
    known[known] = np.linalg.matrix_rank(matrix[known]) == len(rows)
    changes = np.zeros_like(misses)
    changes[:, known] = np.linalg.solve(matrix[known], misses.T[known][:, :, None])[:, :, 0].T
    return changes


def _snapped(x: float, tiny: float) -> float:
    """Hard edges at 0 are exact."""
    return 0.0 if abs(x) < tiny else x


def _ends(law: Node, found: list[Branch]) -> list[tuple[Any, ...]]:
    """Of each branch: z at its ends, the parameters (k, 2) there, and what they are."""
    u = np.stack([branch.u(np.array([branch.low, branch.high])) for branch in found], 1)  # (k, branches, 2)
    z = _images(law, u.reshape(len(u), -1)).reshape(-1, 2)
    kinds = np.array([branch.ends for branch in found])
    z[:, 0] = np.where(kinds[:, 0] == "infinity", -np.inf, z[:, 0])
    z[:, 1] = np.where(kinds[:, 1] == "infinity", np.inf, z[:, 1])
    return [(float(z[i, 0]), float(z[i, 1]), u[:, i], branch.ends) for i, branch in enumerate(found)]


def _rises(law: Node, branch: Branch, end: tuple[Any, ...], scale: float) -> bool:
    """Whether z rises along a branch by more than what rounding leaves of a meeting that keeps z constant."""
    low, high = end[:2]
    if "meeting" in branch.ends or high - low > TINY * scale:
        return True
    noise = image_noise(law, branch, np.array([branch.low, branch.high]))[1]
    return bool(high - low > MEETING_NOISE * noise.max())


def bulks(law: Node, found: list[Branch]) -> list[Bulk]:
    """The intervals of the support, increasing."""
    ends = _ends(law, found)
    scale = max(abs(x) for end in ends for x in end[:2] if np.isfinite(x))
    if len(law.leaves) > 1:
        rises = [_rises(law, branch, end, scale) for branch, end in zip(found, ends, strict=True)]
        ends = [end for end, rise in zip(ends, rises, strict=True) if rise]
    ends.sort(key=lambda end: (end[0], end[1]))
    tiny = scale * (1e-100 if convolved_atoms(law) else 1e-30)
    ends = [(_snapped(low, tiny), _snapped(high, tiny), u, kinds) for low, high, u, kinds in ends]
    result = []
    for (_, left, u, kinds), (right, _, w, other) in pairwise(ends):
        shortest = 1e-12 if convolved_atoms(law) is None or kinds[1] == other[0] == "atom" else 4e-16
        if kinds[1] == other[0] == "meeting":  # one gap, through infinity
            shortest = 1e-5
        if right - left > shortest * scale:
            result.append(Bulk(left, right, u[:, 1], w[:, 0], (kinds[1], other[0])))
    if np.isfinite(ends[-1][1]):
        result.append(
            Bulk(ends[-1][1], np.inf, ends[-1][2][:, 1], np.full(len(u), np.inf), (ends[-1][3][1], "infinity"))
        )
    return result


def branch_at(law: Node, found: list[Branch], x: float) -> NDArray[Any] | None:
    """Real parameters (k,) at a real x off the support, or None where no branch reaches it."""
    for branch in found:
        tiny = 1e-15 * (branch.high - branch.low)
        ends = np.array([branch.low + tiny, branch.high - tiny])
        low, high = image_slope(law, branch, ends)[0]
        if low <= x <= high:
            v = find_roots(partial(_miss, law, branch, x), ends[:1], ends[1:])
            return branch.u(v)[:, 0]
    return None


def _miss(law: Node, branch: Branch, x: float, v: NDArray[Any]) -> NDArray[Any]:
    z = image_slope(law, branch, v)[0]
    gap: NDArray[Any] = (z - x) / (np.abs(z) + abs(x) + 1e-300)
    return gap
