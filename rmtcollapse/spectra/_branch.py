"""Intervals of real parameters, off the support of a law; see `rmtcollapse.spectra._real`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra._arithmetic import EPS
from rmtcollapse.spectra._node import Leaf, Node
from rmtcollapse.spectra._poles import gaps_of_poles
from rmtcollapse.spectra._solver import jets, values

__all__ = [
    "Branch",
    "find_roots",
    "gap_branches",
    "grid",
    "image_noise",
    "image_slope",
    "increasing",
    "leaf_branches",
    "pole_branches",
    "size_of",
]

SAMPLES = 385
CANDIDATES = 48
FAR = 30.0  # exponent of the largest parameter, in units of the law's size
MEETING_NOISE = 1e2  # parameters of a meeting are determined this much worse than z
TINY = 1e-9  # gaps of meetings up to this, relative, cannot be told from rounding: a meeting may keep z constant


@dataclass(frozen=True)
class Branch:
    """Real parameters u(v) for v in (low, high), increasing; ends are "edge", "atom", "infinity" or "meeting"."""

    u: Callable[[NDArray[Any]], NDArray[Any]]
    low: float
    high: float
    ends: tuple[str, str]
    marks: tuple[float, ...] = ()  # values of v to be sampled exactly

    def part(self, low: float, high: float, ends: tuple[str, str]) -> Branch:
        """A piece of the branch."""
        return replace(self, low=low, high=high, ends=ends)


# Elementary laws


def _between(low: float, high: float) -> Branch:
    width = high - low

    def u(v: NDArray[Any]) -> NDArray[Any]:
        share = 1 / (1 + np.exp(np.minimum(np.abs(v), 700.0)))
        value = np.where(v < 0, low + width * share, high - width * share)
        return np.where(v == mark, 0.0, value)[None]

    mark = np.log(-low / high) if low < 0 < high else np.nan
    reach = [-np.log(4 * np.spacing(abs(end)) / width) if end else 600.0 for end in (low, high)]
    marks = (float(mark),) if np.isfinite(mark) else ()
    return Branch(u, -reach[0], reach[1], ("atom", "atom"), marks)


def _outer(end: float, size: float, sign: int) -> Branch:
    """From an end of the law to infinity (sign = 1), or from minus infinity to one (sign = -1)."""
    mark = sign * np.log(-sign * end / size) if -sign * end > 0 else np.nan

    def u(v: NDArray[Any]) -> NDArray[Any]:
        with np.errstate(over="ignore", under="ignore"):
            return np.where(v == mark, 0.0, end + sign * size * np.exp(sign * v))[None]

    near = np.log(max(4 * np.spacing(abs(end)) / size, 1e-290))
    ends, limits = ("atom", "infinity"), (near, FAR)
    if sign < 0:
        ends, limits = ("infinity", "atom"), (-FAR, -near)
    marks = (float(mark),) if limits[0] < mark < limits[1] else ()
    return Branch(u, limits[0], limits[1], (ends[0], ends[1]), marks)


def _leaf_size(leaf: Leaf) -> float:
    low, high = _leaf_ends(leaf)
    finite = [abs(end) for end in (low, high) if np.isfinite(end)]
    return max(finite) or 1.0


def size_of(node: Node) -> float:
    return max(_leaf_size(leaf) for leaf in node.leaves)


def _leaf_ends(leaf: Leaf) -> tuple[float, float]:
    return leaf.ends if leaf.ends else (float(leaf.places[0]), float(leaf.places[-1]))


def leaf_branches(leaf: Leaf, size: float) -> list[Branch]:
    low, high = _leaf_ends(leaf)
    inner = [] if leaf.ends else [_between(a, b) for a, b in zip(leaf.places[:-1], leaf.places[1:], strict=True)]
    outer = [_outer(end, size, sign) for end, sign in ((low, -1), (high, 1)) if np.isfinite(end)]
    return [*outer[:1], *inner, *outer[1:]] if np.isfinite(low) else [*inner, *outer]


def pole_branches(leaf: Leaf, weights: NDArray[Any], size: float, *, hard: bool) -> list[Branch]:
    """Branches of one convolution of atoms: the gaps are found in u itself. A hard edge is at u = 0, exactly."""
    gaps = gaps_of_poles(leaf.places, weights)
    if hard:
        gaps.flat[np.argmin(np.abs(gaps))] = 0.0
    return gap_branches(gaps, size)


def gap_branches(gaps: NDArray[Any], size: float) -> list[Branch]:
    """Branches of known intervals (gaps, 2) of the one parameter, between edges."""
    result = []
    for low, high in gaps:
        if np.isinf(low):
            whole = _outer(float(high), size, -1)
            result.append(replace(whole, high=745.0, ends=("infinity", "edge")))
        elif np.isinf(high):
            whole = _outer(float(low), size, 1)
            result.append(replace(whole, low=-745.0, ends=("edge", "infinity")))
        else:
            whole = _between(float(low), float(high))
            result.append(replace(whole, low=-745.0, high=745.0, ends=("edge", "edge")))
    return result


def image_slope(node: Node, branch: Branch, v: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """z at v (n,), and its slope: negative where it is not admissible, nan where that is undetermined."""
    u = branch.u(v)
    with np.errstate(all="ignore"):
        here, trace = jets(node, u.astype(complex))
        direction = np.ones((1, v.size)) if len(node.leaves) == 1 else _along(trace)
        slope = np.einsum("kn,kn->n", here.z.slopes.real, direction)
        last, _, below = trace[-1]
        admissible = last.admissible(values(here), *(values(b) for b in below))
    slope = np.where(admissible, np.nan_to_num(slope, nan=-1.0, posinf=1.0, neginf=-1.0), -1.0)
    # where a parameter is exactly 0, functions of the others are 0/0
    return here.z.value.real, np.where((u == 0).any(0) & ~(slope > 0), np.nan, slope)


def _along(trace: list[Any]) -> NDArray[Any]:
    """Direction (k, n) in parameters along which all constraints hold."""
    rows = np.stack([c.slopes.real for node, _, below in trace if (c := node.constraint(*below)) is not None])
    matrix = rows.transpose(2, 0, 1)
    matrix = np.nan_to_num(matrix / np.abs(matrix).max(axis=2, keepdims=True))
    count = matrix.shape[2]
    result = np.stack([(-1) ** i * np.linalg.det(np.delete(matrix, i, axis=2)) for i in range(count)])
    result /= np.abs(result).max(0)
    return result * np.where(result[0] < 0, -1.0, 1.0)


def grid(branch: Branch) -> NDArray[Any]:
    middle = np.clip(0.0, branch.low, branch.high)
    graded = np.linspace(-1, 1, SAMPLES) ** 3
    spread = np.where(graded < 0, middle + (middle - branch.low) * graded, middle + (branch.high - middle) * graded)
    cosine = (branch.low + branch.high) / 2 - (branch.high - branch.low) / 2 * np.cos(np.linspace(0, np.pi, SAMPLES))
    marks = [mark for mark in branch.marks if branch.low < mark < branch.high]
    inside = np.unique(np.concatenate([spread, cosine, marks]))
    return inside[(inside > branch.low) & (inside < branch.high)]


def increasing(node: Node, branch: Branch) -> list[Branch]:
    """The pieces of a branch on which z increases at the node."""
    v, slope = _sampled(node, branch)
    if not v.size:
        return []
    positive = slope > 0
    flips = np.flatnonzero(positive[1:] != positive[:-1])
    roots = find_roots(lambda x: image_slope(node, branch, x)[1], v[flips], v[flips + 1])
    limits = [branch.low, *roots, branch.high]
    kinds = [branch.ends[0], *["edge"] * len(roots), branch.ends[1]]
    pieces = [
        branch.part(float(limits[i]), float(limits[i + 1]), (kinds[i], kinds[i + 1]))
        for i in range(len(limits) - 1)
        if positive[0] == (i % 2 == 0)
    ]
    return _significant(node, pieces)


def _significant(node: Node, pieces: list[Branch]) -> list[Branch]:
    """Pieces along which z rises by more than rounding; those between which it does not are one."""
    kept: list[tuple[Branch, float]] = []
    for piece in pieces:
        inset = 1e-12 * (piece.high - piece.low)
        z, noise = image_noise(node, piece, np.array([piece.low + inset, piece.high - inset]))
        if not np.all(np.isfinite(z)):
            kept.append((piece, np.inf))
        elif z[1] - z[0] > noise.sum():
            joined = piece
            if kept and z[0] <= kept[-1][1] + noise[0]:  # z cannot fall between two of them: rounding parted them
                before = kept.pop()[0]
                joined = before.part(before.low, piece.high, (before.ends[0], piece.ends[1]))
            kept.append((joined, float(z[1] + noise[1])))
    return [piece for piece, _ in kept]


def image_noise(node: Node, branch: Branch, v: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """z at v (n,), and how far rounding, of the parameters too, may move it."""
    u = branch.u(v)
    here, _ = jets(node, u.astype(complex))
    with np.errstate(all="ignore"):
        noise = here.z.bound + (np.abs(here.z.slopes) * 8 * EPS * np.abs(u)).sum(0)
    return here.z.value.real, 8 * noise


def _sampled(node: Node, branch: Branch) -> tuple[NDArray[Any], NDArray[Any]]:
    """Slopes on a grid, refined around maxima below zero and minima above: where a pair of edges could hide."""
    v = grid(branch)
    if not v.size:
        return v, v
    image, slope = image_slope(node, branch, v)
    known = ~np.isnan(slope)
    v, image, slope = v[known], image[known], slope[known]
    if len(node.leaves) > 1 and _is_constant(node, branch, v, image):
        return v, np.full(v.size, -1.0)  # constant: what rounding leaves of the slope has no sign
    for _ in range(10):
        inner = slope[1:-1]
        peak = (inner < 0) & (inner >= slope[:-2]) & (inner >= slope[2:])
        dip = (inner > 0) & (inner <= slope[:-2]) & (inner <= slope[2:])
        centre = 1 + np.flatnonzero(peak | dip)
        centre = centre[np.argsort(np.abs(slope[centre]))[:CANDIDATES]]
        extra = np.concatenate([(v[centre - 1] + v[centre]) / 2, (v[centre + 1] + v[centre]) / 2])
        extra = np.setdiff1d(extra, v)
        if not extra.size:
            break
        v, slope = np.concatenate([v, extra]), np.concatenate([slope, image_slope(node, branch, extra)[1]])
        order = np.argsort(v)
        v, slope = v[order], slope[order]
    return v, slope


def _is_constant(node: Node, branch: Branch, v: NDArray[Any], image: NDArray[Any]) -> bool:
    """Whether z changes along a branch by no more than what rounding leaves of a meeting that keeps it constant."""
    image = image[np.isfinite(image)]
    small = TINY * np.abs(image).max(initial=0.0) + TINY * size_of(node)
    if not image.size or np.ptp(image) > small:
        return False
    noise = image_noise(node, branch, v)[1]
    return bool(np.ptp(image) <= MEETING_NOISE * noise[np.isfinite(noise)].max(initial=0.0))


def find_roots(
    function: Callable[..., NDArray[Any]], low: NDArray[Any], high: NDArray[Any], *args: Any
) -> NDArray[Any]:
    """Roots of functions of opposite signs at `low` and `high`, all at once."""
    if not low.size:
        return low
    from scipy.optimize.elementwise import find_root  # type: ignore[import-untyped, unused-ignore]

    found = find_root(
        function, (low, high), args=args, tolerances={"xrtol": 4e-16, "xatol": 4e-15, "fatol": 0.0}, maxiter=400
    )
    # a sign that two ways of summing round differently has no root: anywhere between will do
    roots: NDArray[Any] = np.where(np.isfinite(found.x), found.x, (low + high) / 2)
    return roots
