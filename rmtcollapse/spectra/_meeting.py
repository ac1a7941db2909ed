"""Where two laws meet: real parameters of both at which their m, or their t, agree; see `rmtcollapse.spectra._real`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra._branch import Branch, find_roots, grid
from rmtcollapse.spectra._curve import Product
from rmtcollapse.spectra._node import Node
from rmtcollapse.spectra._solver import jets

__all__ = ["meetings"]

TABLE = 2001
NEAR = 16.0  # exponent of the largest parameter, in units of the law's size


def _clock(node: Node, child: Node, u: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """What must agree where two laws meet, m or t, at parameters (k, n), and its derivative in the first of them."""
    with np.errstate(all="ignore"):
        here, _ = jets(child, u.astype(complex))
    shown = here.t if isinstance(node, Product) else here.m
    return shown.value.real, shown.slopes[0].real


class _Inverse:
    """Parameters of a branch from what its increasing clock shows: a table brackets them, Newton's method ends."""

    def __init__(self, node: Node, child: Node, branch: Branch) -> None:
        self.node, self.child, self.branch = node, child, branch
        self.table = np.unique(np.concatenate([grid(branch), np.linspace(branch.low, branch.high, TABLE)]))
        self.u = branch.u(self.table)
        self.shown = np.maximum.accumulate(np.nan_to_num(_clock(node, child, self.u)[0], nan=-np.inf))

    def __call__(self, target: NDArray[Any]) -> NDArray[Any]:
        """Parameters (k, n) for the clock at `target` (n,), or the end of the branch that it would pass."""
        right = np.searchsorted(self.shown, target)
        result: NDArray[Any] = self.u[:, np.clip(right, 0, self.table.size - 1)]
        inside = (right > 0) & (right < self.table.size)
        bracket = right[inside] - 1, right[inside]
        if len(self.u) > 1:
            result[:, inside] = self.branch.u(find_roots(self._miss, *(self.table[i] for i in bracket), target[inside]))
        else:
            result[:, inside] = self._newton(self.u[0, bracket[0]], self.u[0, bracket[1]], target[inside])
        return result

    def v(self, target: float) -> float:
        """The position on the branch for one `target`."""
        right = int(np.searchsorted(self.shown, target))
        if not 0 < right < self.table.size:
            return float(self.table[min(right, self.table.size - 1)])
        low, high = self.table[right - 1 : right], self.table[right : right + 1]
        return float(find_roots(self._miss, low, high, np.array([target]))[0])

    def _miss(self, v: NDArray[Any], aim: NDArray[Any]) -> NDArray[Any]:
        shown = _clock(self.node, self.child, self.branch.u(v))[0]
        gap: NDArray[Any] = (shown - aim) / (np.abs(shown) + np.abs(aim))
        return gap

    def _newton(self, low: NDArray[Any], high: NDArray[Any], aim: NDArray[Any]) -> NDArray[Any]:
        u: NDArray[Any] = (low + high) / 2
        for _ in range(60):
            shown, slope = _clock(self.node, self.child, u[None])
            low, high = np.where(shown < aim, u, low), np.where(shown < aim, high, u)
            with np.errstate(all="ignore"):
                new = u + (aim - shown) / slope
            settled = np.abs(new - u) <= 2 * np.spacing(np.abs(u))
            new = np.where((new > low) & (new < high), new, np.where(settled, u, (low + high) / 2))
            if np.all(settled | (high - low <= 2 * np.spacing(np.abs(u)))):
                return new
            u = new
        return u


def _pull(node: Node, child: Node, branch: Branch) -> float:
    """Largest share of a branch in the slope of z at a meeting; two shares that do not exceed 1 make no gap."""
    v = grid(branch)
    with np.errstate(all="ignore"):
        here, _ = jets(child, branch.u(v).astype(complex))
        if len(child.leaves) > 1:
            return np.inf
        z, m, t = (f.value.real for f in (here.z, here.m, here.t))
        dz, dm, dt = (f.slopes[0].real for f in (here.z, here.m, here.t))
        shares = m * m * dz / dm if not isinstance(node, Product) else t * (t - 1) * dz / (z * dt)
        shares = np.where((t > 0) & (t < 1), np.inf, shares) if isinstance(node, Product) else shares
    return float(np.max(np.nan_to_num(shares, nan=np.inf)))


def meetings(node: Node, below: Sequence[list[Branch]]) -> list[Branch]:
    """Branches of pairs of branches of a sum's or product's two children, before any inequality."""
    lists = []
    for child, found in zip(node.children, below, strict=True):
        near = [_nearer(branch) for branch in found]
        lists.append([(branch, _pull(node, child, branch)) for branch in near])
    pairs = [(a, b) for a, share in lists[0] for b, other in lists[1] if share + other > 1 - 1e-3]
    return [branch for a, b in pairs if (branch := _meeting(node, a, b)) is not None]


def _nearer(branch: Branch) -> Branch:
    """A branch without its far end, where z and 1/m cancel."""
    low = max(branch.low, -NEAR) if branch.ends[0] == "infinity" else branch.low
    high = min(branch.high, NEAR) if branch.ends[1] == "infinity" else branch.high
    return branch.part(low, high, branch.ends)


def _meeting(node: Node, a: Branch, b: Branch) -> Branch | None:
    """The branch of a pair: parameters of both where both clocks show the same, led by one that reaches infinity."""
    swap = "infinity" in b.ends and "infinity" not in a.ends
    (leader, first), (follower, second) = zip(node.children, (a, b), strict=True)
    if swap:
        (leader, first), (follower, second) = (follower, second), (leader, first)
    lead, follow = _Inverse(node, leader, first), _Inverse(node, follower, second)
    low, high = max(lead.shown[0], follow.shown[0]), min(lead.shown[-1], follow.shown[-1])
    if not low < high:
        return None
    led = lead.shown[0] < follow.shown[0], lead.shown[-1] > follow.shown[-1]
    v_low, v_high = (lead.v(low) if led[0] else first.low), (lead.v(high) if led[1] else first.high)
    kinds = (second.ends[0] if led[0] else first.ends[0], second.ends[1] if led[1] else first.ends[1])
    # an infinite z of one law only is a finite one of the meeting
    both = a.ends[0] == b.ends[0], a.ends[1] == b.ends[1]
    met = ["meeting" if k == "infinity" and not same else k for k, same in zip(kinds, both, strict=True)]

    def u(v: NDArray[Any]) -> NDArray[Any]:
        mine = first.u(v)
        other = follow(_clock(node, leader, mine)[0])
        return np.concatenate([other, mine] if swap else [mine, other])

    return Branch(u, v_low, v_high, (met[0], met[1]), first.marks)
