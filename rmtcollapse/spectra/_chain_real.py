"""Real points of a chain of free layers: the arguments of its groups at a trace above 0, or below that of the rank."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra._chain_curve import Chain, Group
from rmtcollapse.spectra._layer_gains import LEVELS

__all__ = ["Point", "argument", "real_point", "turned"]

AGREE = 1e-14  # of places on two levels of the quadrature, and more for more layers
FAR = 650.0  # log of an argument beyond which none is looked for


@dataclass(frozen=True)
class Point:
    """A real point of the curve: tau, the lambda (K,), their imaginary parts a multiple of pi, and log z."""

    tau: float
    behind: float
    lam: NDArray[Any]
    log_z: float

    def unknown(self, rank: float) -> float:
        """Lambda."""
        return -math.log1p(rank / self.tau) if self.tau > 0 else math.log1p(-rank / self.behind)


def argument(group: Group, u: float, step: int) -> tuple[float, float, float]:
    r"""Real :math:`\log\xi` at which the group has `u` > 0, :math:`t=\xi/(1-\xi)`, and d log u / d log xi.

    Newton's method in :math:`t=\xi/(1-\xi)`, in which u is concave: from the left it cannot overshoot.
    """
    layers, level = group.layers, group.level(step)
    t, settled = u / layers.mean, False
    for _ in range(1000):
        lam = -math.log1p(1 / t)
        value, _, du = (float(x[0].real) for x in layers.sums(np.array([lam + 0j]), level))
        change = (u - value) * t * (1 + t) / du
        if settled:
            return -math.log1p(1 / (t + change)), t, du / value
        t = max(t + change, 0.5 * t)
        settled = abs(change) <= 1e-9 * t  # the next step squares this
    raise ConvergenceError("an argument of the slopes was not found; a smaller preactivation variance may help")


def turned(group: Group, s: float, step: int, guess: float = math.nan) -> tuple[float, float, float]:
    r"""Real :math:`\log(-\xi)` at which the group has 1 + u = `s` in (0, 1).

    Beside it -d u / d log xi, and the mean of :math:`(1-c\xi)^{-2}`. The first is infinite where it is beyond the range
    of doubles, and the second then 0. Newton's method from a `guess`, if it is near; else a bracket.
    """
    from scipy.optimize import brentq

    layers, level, flip = group.layers, group.level(step), np.ones(1, bool)

    def lack(y: float) -> tuple[float, float, float]:
        """How far the smaller of -u and 1 + u is from what it is to be, in logarithms; Newton's step; slope of u."""
        u, rest, du = (float(x[0].real) for x in layers.sums(np.array([y + 0j]), level, flip))
        off = math.log(-u / (1 - s)) if s > 0.5 else -math.log(max(rest, 1e-300) / s)
        return off, off * (-u if s > 0.5 else rest) / du, du

    y = guess
    for _ in range(8):
        _, change, du = lack(y) if math.isfinite(y) else (math.nan,) * 3
        if not abs(change) < 1:
            break
        y += change
        if abs(change) < 1e-9:
            return y, -du, _second(group, y, level)
    low = math.log((1 - s) / layers.mean)
    high = low + 1
    while lack(high)[0] < 0:
        high += 1 + (high - low)
        if high > FAR:
            return math.inf, 0.0, s
    y = float(brentq(lambda y: lack(y)[0], low - 1e-9, high, xtol=1e-14, rtol=1e-14))
    return y, -lack(y)[2], _second(group, y, level)


def _second(group: Group, y: float, level: int) -> float:
    gain, _, weight = group.layers.gains.nodes(level)
    return float(weight @ (1 + gain * math.exp(y)) ** -2.0)


def real_point(
    chain: Chain, tau: float, behind: float, factors: NDArray[np.float64], places: Callable[[Group, int], float]
) -> Point:
    r"""The point at a real trace, with R + tau and the factors b + tau, on two levels that agree.

    `places` gives :math:`\log|\xi|` of a group on a level.
    """
    _, powers = chain.factors
    fixed = math.fsum(powers * np.log(np.abs(factors) / chain.last))
    fixed += (chain.smooth - 1) * math.log(abs(tau) / chain.last) + chain.log_scale
    before = math.nan
    for step in range(LEVELS + 1):
        lam = np.array([places(group, step) for group in chain.groups])
        now = fixed - math.fsum(g.count * x for g, x in zip(chain.groups, lam, strict=True))
        if not chain.groups or abs(now - before) <= AGREE * (1 + len(chain.stages) / 8):
            return Point(tau, behind, lam + (1j * math.pi if tau < 0 else 0j), now)
        before = now
    raise ConvergenceError("the mean over the slopes did not settle; use a smoother activation")
