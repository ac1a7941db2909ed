r"""A certified solution of a Dyson system at any point of the closed upper half plane, to full double precision.

Why no wrong solution is possible: in the open half plane there is one solution with all imaginary parts positive
(Helton, Rashidi Far and Speicher 2007). On the real axis such a solution, if Newton's matrix is not singular there, has
a neighbour of the same kind above the axis, so it is that one's limit. A real solution is the limit iff the spectral
radius of :math:`|m_i| C_{ij} |m_j|` is below 1: then :math:`dm/dz = (1 - m^2 C)^{-1} \alpha m^2 > 0` (derived here).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra import _arithmetic as dd
from rmtcollapse.spectra._dyson_system import EPS, BoolArray, ComplexArray, System, solve_each
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["solve"]

Solution: TypeAlias = tuple[ComplexArray, BoolArray]
NEWTON = 12  # steps from one height to the next; more are a sign that the step was too long
POLISH = 10  # steps with a residual of 32 digits: each multiplies the error by eps times the condition number
FLOOR = 1e-12  # height, relative to the scale of the system, from which the real axis is tried
FAINT = 1e-8  # imaginary part, relative to |m|, that rounding could have made
REAL = 1e-24  # imaginary part, relative to |m|, that 32 digits cannot tell from 0


def _newton(system: System, z: ComplexArray, m: ComplexArray) -> Solution:
    """Newton's method in double precision until the residual is rounding; says where it is."""
    m = m.copy()
    done = np.zeros(z.size, bool)
    active = np.arange(z.size)
    with np.errstate(all="ignore"):  # iterates that run away are refused
        for _ in range(NEWTON):
            residual, scale, matrix = system.linearized(z[active], m[active])
            small = np.all(np.abs(residual) <= 16 * EPS * scale, axis=1)
            done[active[small]] = True
            going = ~small & np.all(np.isfinite(residual) & (m[active] != 0), axis=1)
            active = active[going]
            if not active.size:
                break
            m[active] *= 1 + solve_each(matrix[going], -residual[going])
    return m, done


def _polish(system: System, z: ComplexArray, m: ComplexArray) -> Solution:
    """Refine solutions with residuals of 32 digits until m is right to rounding, and certify them."""
    high, low = m.copy(), np.zeros_like(m)
    good = np.zeros(z.size, bool)
    active = np.arange(z.size)
    with np.errstate(all="ignore"):
        for _ in range(POLISH):
            at, value = z[active], high[active]
            residual = system.residual_of_pairs(at, dd.DoubleDouble.of(value, low[active]))
            change = solve_each(system.linearized(at, value)[2], -residual)
            high[active], low[active] = _corrected(value, low[active], value * change)
            share = np.max(np.abs(high[active].imag) / np.abs(high[active]), axis=1)
            small = 1e-14 * share[:, None]
            steady = (np.abs(change.real) <= np.maximum(small, REAL)) & (np.abs(change.imag) <= small)
            steady |= ((at.imag == 0) & (share < REAL))[:, None] & (np.abs(change) < EPS)
            settled = np.all(steady, axis=1)
            good[active[settled]] = True
            active = active[~settled & np.all(np.isfinite(change), axis=1)]
            if not active.size:
                break
        real = (z.imag == 0) & (np.max(np.abs(high.imag) / np.abs(high), axis=1) < REAL)
    high[real] = high[real].real
    good[good] = _certified(system, high[good], real[good])
    return high, good


def _corrected(high: ComplexArray, low: ComplexArray, change: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
    total = dd.DoubleDouble.of(high, low) + dd.DoubleDouble.of(change)
    return total.value, total.real[1] + 1j * total.imag[1]


def _certified(system: System, m: ComplexArray, real: BoolArray) -> BoolArray:
    """Whether solutions are the limit from above; see the head of this file."""
    result: BoolArray = np.all(m.imag > 0, axis=1) & ~real
    rest = ~result
    if rest.any():  # on the axis off the support; or so close to it that an imaginary part underflows
        tiny = np.all(np.abs(m[rest].imag) <= REAL * np.abs(m[rest]), axis=1)
        result[rest] = tiny & (system.radius(m[rest]) < 1)
    return result


def _start(system: System, z: ComplexArray) -> Solution:
    m = -1 / (system.alpha * z[:, None] - system.b)
    for _ in range(3):
        m = -1 / (system.alpha * z[:, None] - system.b + m @ system.coupling[0].T)
    return _newton(system, z, m)


@dataclass
class _Path:
    """Where the descents of many points from a height y0 to their own heights stand."""

    system: System
    z: ComplexArray
    y: FloatArray
    m: ComplexArray
    before: tuple[FloatArray, ComplexArray]

    def trial(self, index: NDArray[np.intp], y: FloatArray) -> tuple[ComplexArray, BoolArray]:
        """Try to jump to heights y. Short jumps start from a power law through the last two solutions."""
        z = self.z[index].real + 1j * y
        guess = self._guess(index, y)
        m, good = _newton(self.system, z, guess)
        final = good & (y == self.z[index].imag)
        if final.any():
            m[final], good[final] = _polish(self.system, z[final], m[final])
        rest = good & ~final
        good[rest] = self._plausible(m[rest])
        return m, good

    def _plausible(self, m: ComplexArray) -> BoolArray:
        """Positive imaginary parts; where they may be rounding, also the radius that a solution above the axis has."""
        result: BoolArray = np.all(m.imag > 0, axis=1)
        faint = result & (np.max(m.imag / np.abs(m), axis=1, initial=0.0) < FAINT)
        result[faint] = self.system.radius(m[faint]) < 1
        return result

    def _guess(self, index: NDArray[np.intp], y: FloatArray) -> ComplexArray:
        m, last = self.m[index], self.before[1][index]
        with np.errstate(all="ignore"):
            power = np.log(y / self.y[index]) / np.log(self.y[index] / self.before[0][index])
            guess = m * (m / last) ** power[:, None]
        usable = (power <= 4) & np.all(np.isfinite(guess) & (guess.imag > 0), axis=1)
        return np.where(usable[:, None], guess, m)


def solve(system: System, z: ComplexArray) -> Solution:
    """Solutions (n, K) at z (n,), imaginary parts >= 0, and where they are certified; nowhere at a centre."""
    zero = () if np.all(system.alpha == 1) else (0.0,)  # spectra of Gram matrices may have any scale above 0
    distance = np.abs(z[:, None] - np.array([*system.centres, *zero, np.inf])).min(1)
    end = np.maximum(z.imag, FLOOR * np.clip(distance, 1e-292, system.reach))
    y = np.maximum(z.imag, system.reach)
    m, good = _start(system, z.real + 1j * y)
    path = _Path(system, z, y, m, (2 * y, m * (0.5 if np.all(system.alpha == 1) else 1.0)))
    pending = np.flatnonzero(good & ~np.isin(z, system.centres))
    step = np.log(end / y)
    direct, arrived = np.ones(z.size, bool), np.zeros(z.size, bool)
    while pending.size:
        height = np.exp(np.log(path.y[pending]) + step[pending])
        height = np.where(direct[pending] | (height <= end[pending] * (1 + 1e-9)), z[pending].imag, height)
        found, good = path.trial(pending, height)
        moved, stuck = pending[good], pending[~good]
        path.before[0][moved], path.before[1][moved] = path.y[moved], path.m[moved]
        path.y[moved], path.m[moved] = height[good], found[good]
        arrived[moved] = height[good] == z[moved].imag
        step[moved] *= 2
        step[stuck] /= 2
        direct[stuck] = False
        pending = pending[~arrived[pending] & (step[pending] < -0.05)]
    return path.m, arrived
