"""Solve a Dyson equation: each resolvent by itself, then the affine rest, each with its certificate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rmtcollapse.derive.certificate import spectral_radius
from rmtcollapse.derive.dyson import CANCELLED, Array, Equation
from rmtcollapse.derive.letters import Dim

__all__ = ["Solved", "affine", "attempt", "newton", "resolvent"]

_EPS = float(np.finfo(float).eps)
_SWEEPS = 400  # damped iterations before Newton's method
_NEWTON = 30
_FAR = 64.0  # where a continuation starts, in units of the matrix under the inverse
_NEAR = 1e-13  # and from where it jumps to the end
_SHORTEST = 0.999  # factor of a step that is too short to go on


@dataclass(frozen=True)
class Solved:
    """Unknowns and resolvents with the evidence: relative size of the last Newton step, and the spectral radius."""

    unknowns: Array
    G: dict[Dim, Array]
    step: float
    residual: float
    radius: float


def newton(equation: Equation, e: Array, *, cancelled: bool = False) -> tuple[Array, float] | None:
    """Newton's method until its step is rounding; the solution and the relative size of its last step.

    Unknowns that are differences (`cancelled`) are relative to what they are differences of.
    """
    last = np.inf
    size = len(e)
    for _ in range(_NEWTON):
        G = equation.resolvents(e)
        value, scale = equation.measured(G, size)
        step = np.linalg.solve(np.eye(size) - equation.slopes(G, size), value - e)
        floor = CANCELLED * equation.reach(e, G) if cancelled else _EPS * scale
        e = e + step
        if not np.isfinite(e).all():
            return None
        relative = float(np.max(np.abs(step) / np.maximum(np.maximum(np.abs(e), floor), 1e-300), initial=0.0))
        if relative <= 4 * _EPS or (relative < 1e-9 and relative >= last / 2):
            return e, relative
        last = relative
    return None


def attempt(equation: Equation, e: Array, sweeps: int) -> Solved | None:
    """A solution near `e`, if there is one and the certificate accepts it."""
    size = len(e)
    try:
        with np.errstate(all="ignore"):
            for _ in range(sweeps):
                ahead = 0.5 * (e + equation.measured(equation.resolvents(e), size)[0])
                if not np.isfinite(ahead).all():
                    return None
                close = np.all(np.abs(ahead - e) <= 1e-6 * np.abs(ahead))
                e = ahead
                if close:
                    break
            found = newton(equation, e)
            return None if found is None else _certified(equation, *found)
    except np.linalg.LinAlgError:
        return None


def _certified(equation: Equation, e: Array, step: float) -> Solved | None:
    G = equation.resolvents(e)
    radius = spectral_radius(equation, G)
    residual = _residual(equation, e, G)
    accepted = radius < 1 and residual <= 1e4 * _EPS
    return Solved(e, G, step, residual, radius) if accepted else None


def _residual(equation: Equation, e: Array, G: dict[Dim, Array], *, cancelled: bool = False) -> float:
    value, scale = equation.measured(G, len(e))
    if cancelled:
        scale = np.maximum(scale, CANCELLED * equation.reach(e, G))
    return float(np.max(np.abs(value - e) / np.maximum(scale, 1e-300), initial=0.0))


def resolvent(equation: Equation) -> Solved | None:
    """The solution of one resolvent, or None where there is none that the certificate accepts.

    Tried first: iteration from no randomness. Then a continuation: with t times the identity added under every inverse
    (turned to the side on which the matrix already is), the solution at large t is the free one; t is brought to 0.
    """
    zero = np.zeros(len(equation.unknowns), dtype=equation.dtype)
    return attempt(equation, zero, _SWEEPS) or _continued(equation, zero)


def _continued(equation: Equation, e: Array) -> Solved | None:
    under = np.concatenate([equation.fixed[t][:, i, i] for t, i in equation.inverses])
    mean = under.mean()
    side = mean / abs(mean) if mean != 0 else 1.0
    unit = max(float(np.abs(under).max()), 1.0)
    t, solved = _FAR * unit, None
    for _ in range(40):
        solved = attempt(equation.shifted(t * side), e, _SWEEPS)
        if solved:
            break
        t *= 8
    factor = 0.25
    while solved is not None and factor < _SHORTEST:
        ahead = t * factor if t * factor > _NEAR * unit else 0.0
        there = attempt(equation.shifted(ahead * side), solved.unknowns, 0)
        if there is None:
            factor = np.sqrt(factor)
        elif ahead == 0:
            return there
        else:
            t, solved, factor = ahead, there, max(factor**2, 0.1)
    return None


def affine(equation: Equation, start: Array) -> Solved | None:
    """All unknowns, those of single resolvents known: what is left is affine, level by level, so Newton is exact."""
    try:
        with np.errstate(all="ignore"):
            found = newton(equation, start, cancelled=True)
            if found is None:
                return None
            G = equation.resolvents(found[0])
            return Solved(found[0], G, found[1], _residual(equation, found[0], G, cancelled=True), 0.0)
    except np.linalg.LinAlgError:
        return None
