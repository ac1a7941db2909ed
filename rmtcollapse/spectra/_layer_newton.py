"""Newton's method for products of free layers: at many places at once, certified, on levels of the quadrature."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra._layer_curve import ComplexArray, Layers, Room
from rmtcollapse.spectra._layer_gains import SwitchGains

__all__ = ["COARSE", "TINY", "Found", "faint_heights", "newton", "solve"]

ITERATIONS, PATIENCE = 60, 10  # steps in all, and steps after which the real part must have settled
SHORTEN, TINY = 1e-8, 1e-120  # imaginary parts of less than this are infinitesimal, products with others no double
COARSE, POLISHED = 1e-6, 0.5  # relative rounding of a density that is refused; where 32 digits follow
AGREED = 1e-13  # relative change of an imaginary part from one level to the next that is none
AIM = 3e-9  # a quadratically converging step this small leaves an error below rounding


@dataclass
class Found:
    """Solutions lambda (n,), u, 1 + u, and the slope there; roundings of lambda, and which are certified.

    `floor` is the rounding relative to the room, and in a bulk to the imaginary part.
    """

    lam: ComplexArray
    u: ComplexArray
    s: ComplexArray
    slope: ComplexArray
    error: NDArray[np.float64]
    floor: NDArray[np.float64]
    good: NDArray[np.bool_]

    @classmethod
    def empty(cls, n: int) -> Found:
        zero = np.zeros(n, complex)
        return cls(zero, zero.copy(), zero.copy(), zero + 1, np.full(n, np.inf), np.full(n, np.inf), np.zeros(n, bool))

    def at(self, where: NDArray[Any]) -> Found:
        """Those at the indices `where`."""
        return Found(**{name: values[where] for name, values in vars(self).items()})

    def put(self, where: NDArray[Any], other: Found) -> None:
        """Store another's certified points at the indices `where`."""
        for name in ("lam", "u", "s", "slope", "error", "floor"):
            getattr(self, name)[where[other.good]] = getattr(other, name)[other.good]
        self.good[where[other.good]] = True


def newton(
    layers: Layers, log_z: ComplexArray, start: ComplexArray, level: int, room: Room, bulk: bool = False
) -> Found:
    """Newton's method from `start` (n,); good is what was seen to converge quadratically, down to rounding.

    Steps are measured against `room`, the distance of lambda to what is singular. In a bulk their imaginary parts are
    measured against that of lambda too, however small it is: no place is taken for one outside.
    """
    coarse = POLISHED if isinstance(layers.gains, SwitchGains) else COARSE
    out = Found.empty(start.size)
    lam, index, before = start.copy(), np.arange(start.size), np.full(start.size, np.inf)
    with np.errstate(all="ignore"):
        for count in range(ITERATIONS):
            here = layers.at(lam, level)
            step = -(here.log_z - log_z[index]) / here.slope
            moved: ComplexArray = lam + step
            free, size = room(lam), np.abs(here.slope)
            error = here.rounding / size
            ratio, floor = np.abs(step) / free, error / free
            alive = np.isfinite(moved) & (ratio < 1e3) & (moved.imag < np.pi * (1 + 1e-12))
            alive &= (count < PATIENCE) | (ratio < 0.1)
            if bulk:
                # Where an imaginary part is small the equation is linear in it: one step finds it, another its digits.
                moved = moved.real + 1j * np.where(moved.imag > 0, moved.imag, SHORTEN * lam.imag)
                ratio = np.maximum(ratio, np.where(lam.imag > TINY, np.abs(step.imag) / lam.imag, 0.0))
                floor = floor + np.where(lam.imag > TINY, here.turning / size / lam.imag, 0.0)
                alive &= (lam.imag > TINY) | (here.slope.real < 0)  # else no limit of places in the upper half plane
            alive &= moved.imag > -1e-9 * free
            quadratic = (before <= 0.1) & (ratio <= np.maximum(before**1.5, 8 * floor))
            done = alive & (quadratic | (ratio <= floor)) & (ratio <= np.maximum(AIM, 8 * floor)) & (floor < coarse)
            change = here.du * step
            out.put(index, Found(moved, here.u + change, here.s + change, here.slope, error, floor, done))
            alive &= ~done
            index, lam, before = index[alive], moved[alive], ratio[alive]
            if not index.size:
                break
    return out


def solve(layers: Layers, log_z: ComplexArray, start: ComplexArray, room: Room, bulk: bool = False) -> Found:
    """Newton's method on ever finer levels of the quadrature, until the next level agrees at the solution."""
    out = Found.empty(start.size)
    index, lam = np.arange(start.size), start.copy()
    last = layers.gains.levels
    for level in range(layers.path_level, last + 1):
        found = newton(layers, log_z[index], lam, level, room, bulk)
        if last == 0:
            return found
        lam = np.where(found.good, found.lam, lam)
        if level < last and found.good.any():
            seen = np.flatnonzero(found.good)
            finer = newton(layers, log_z[index[seen]], lam[seen], level + 1, room, bulk)
            change = finer.lam - lam[seen]
            finer.good &= np.abs(change) <= 8 * finer.error
            if bulk:
                height = np.where(finer.good, finer.lam.imag, 1.0)
                finer.good &= (np.abs(change.imag) <= np.clip(8 * finer.floor, AGREED, 8.0) * height) | (height <= TINY)
            out.put(index[seen], finer)
            lam[seen] = np.where(finer.lam != 0, finer.lam, lam[seen])
        rest = ~out.good[index]
        index, lam = index[rest], lam[rest]
        if not index.size:
            break
    return out


def faint_heights(layers: Layers, found: Found) -> NDArray[np.float64]:
    r"""Logarithm of the imaginary part of 1 + u (n,) where that of lambda is infinitesimal.

    To first order :math:`\rho L/|\partial\log z/\partial\lambda|`, where :math:`\rho` is what the poles on the real
    axis add: it may be far below the range of doubles.
    """
    pole = layers.gains.pole(found.lam.real + 0j)
    if pole is None:
        return np.full(found.lam.size, np.nan)
    z, kappa = pole[0].real, pole[1].real
    result: NDArray[np.float64] = np.log(kappa * math.sqrt(2 * math.pi) * layers.depth / -found.slope.real) - z**2 / 2
    return result
