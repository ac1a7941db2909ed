"""Newton's method for chains of free layers: all arguments at once, certified, on levels of the quadrature."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra._arithmetic import EPS
from rmtcollapse.spectra._chain_curve import Chain, Spot
from rmtcollapse.spectra._layer_gains import LEVELS
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["COARSE", "TINY", "Found", "Room", "faint_heights", "newton", "solve"]

ComplexArray: TypeAlias = NDArray[Any]
Room: TypeAlias = Callable[[ComplexArray], FloatArray]
ITERATIONS, PATIENCE = 60, 10  # steps in all, and steps after which they must have become small
SHORTEN, TINY = 1e-8, 1e-60  # imaginary parts of less than this are infinitesimal: far less are lost in Newton's steps
COARSE = 1e-3  # relative rounding of a density that is refused
TOGETHER = 1e-5  # relative difference of the traces of two layers that is refused, however small a step is
AIM = 3e-9  # a quadratically converging step this small leaves an error below rounding


@dataclass
class Found:
    r"""Solutions (1 + K, n), Lambda first, their slopes in log z, tau and R + tau; which are certified.

    Where `half`, an argument is its place and :math:`i\pi`, so that it keeps the digits of what is left.

    `error` is the rounding of Lambda, `floor` that relative to the room, and in a bulk to the imaginary part.
    """

    place: ComplexArray
    half: NDArray[np.bool_]
    tangent: ComplexArray
    tau: ComplexArray
    behind: ComplexArray
    error: FloatArray
    floor: FloatArray
    good: NDArray[np.bool_]

    @classmethod
    def empty(cls, chain: Chain, n: int) -> Found:
        blank = np.zeros((1 + len(chain.groups), n), complex)
        none = np.zeros(n, complex)
        return cls(
            blank,
            np.zeros(blank.shape, bool),
            blank + 1,
            none,
            none.copy(),
            np.full(n, np.inf),
            np.full(n, np.inf),
            np.zeros(n, bool),
        )

    def at(self, where: NDArray[Any]) -> Found:
        """Those at the indices `where`."""
        return Found(**{name: values[..., where] for name, values in vars(self).items()})

    def put(self, where: NDArray[Any], other: Found) -> None:
        """Store another's certified points at the indices `where`."""
        for name in ("place", "half", "tangent", "tau", "behind", "error", "floor"):
            getattr(self, name)[..., where[other.good]] = getattr(other, name)[..., other.good]
        self.good[where[other.good]] = True


def _step(chain: Chain, spot: Spot, log_z: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
    """Newton's step (1 + K, n) in all arguments, and their slopes in log z."""
    counts = np.array([float(g.count) for g in chain.groups])
    lacking = spot.apart * spot.pull
    first = (log_z - spot.log_z + counts @ lacking) / spot.slope
    steps = np.vstack([first[None], lacking + spot.drag * first])
    return steps, np.vstack([np.ones_like(first)[None], spot.drag]) / spot.slope


def newton(
    chain: Chain, log_z: ComplexArray, start: ComplexArray, half: NDArray[np.bool_], level: int, room: Room,
    bulk: bool = False,
) -> Found:  # fmt: skip
    """Newton's method from `start` (1 + K, n); good is what was seen to converge quadratically, down to rounding.

    Steps are measured against `room`. In a bulk the imaginary part of that of Lambda is measured against Lambda's own
    too, however small it is: no place is taken for one outside.
    """
    n = log_z.size
    out = Found.empty(chain, n)
    place, index, before = start.copy(), np.arange(n), np.full(n, np.inf)
    with np.errstate(all="ignore"):
        for count in range(ITERATIONS):
            spot = chain.at(place[0], place[1:], half[1:], level)
            step, tangent = _step(chain, spot, log_z[index])
            moved = place + step
            free, size = room(place + 1j * np.pi * half), np.abs(spot.slope)
            ratio, error = (np.abs(step) / free).max(axis=0), spot.rounding / size
            floor = np.maximum(error / free[0], EPS * (np.abs(place) / free).max(axis=0))
            alive = np.isfinite(moved).all(axis=0) & (ratio < 1e3)
            together = (np.abs(spot.apart) < TOGETHER).all(axis=0)
            alive &= (count < PATIENCE) | (ratio < 0.1)
            out_of = np.where(half, moved.imag, -moved.imag)  # of the upper half plane, if positive
            if bulk:
                # Where an imaginary part is small the equation is linear in it: one step finds it, another its digits.
                moved = moved.real + 1j * np.where(out_of >= 0, SHORTEN * place.imag, moved.imag)
                seen = place[0].imag > TINY
                ratio = np.maximum(ratio, np.where(seen, np.abs(step[0].imag) / place[0].imag, 0.0))
                turning = spot.turning / size + error * np.abs(spot.slope.imag) / size
                floor = floor + np.where(seen, turning / place[0].imag, 0.0)
            else:
                alive &= (out_of < 1e-9 * np.minimum(free, 1.0)).all(axis=0)
                moved = moved.real + 1j * np.where(out_of >= 0, 0.0, np.minimum(moved.imag, np.pi))  # by a rounding
            alive &= (np.abs(moved.imag) < np.pi * (1 + 1e-9)).all(axis=0)
            quadratic = (before <= 0.1) & (ratio <= np.maximum(before**1.5, 8 * floor))
            done = (
                alive
                & together
                & (quadratic | (ratio <= floor))
                & (ratio <= np.maximum(AIM, 8 * floor))
                & (floor < COARSE)
            )
            change = spot.tau * spot.rate * step[0]
            out.put(index, Found(moved, half, tangent, spot.tau + change, spot.behind + change, error, floor, done))
            alive &= ~done
            index, before = index[alive], ratio[alive]
            if not index.size:
                break
            place, half = _again(moved[:, alive], half[:, alive])
    return out


def _again(place: ComplexArray, half: NDArray[np.bool_]) -> tuple[ComplexArray, NDArray[np.bool_]]:
    """Halves anew where an argument has moved to the other side; the digits of all others stay."""
    other = np.abs(place.imag) > 0.6 * np.pi
    other[0] = False
    return place + 1j * np.pi * np.where(other, np.where(half, 1.0, -1.0), 0.0), half ^ other


def solve(
    chain: Chain, log_z: ComplexArray, start: ComplexArray, half: NDArray[np.bool_], room: Room, bulk: bool = False
) -> Found:
    """Newton's method on ever finer levels of the quadrature, until the next level agrees at the solution."""
    if not chain.groups:
        return newton(chain, log_z, start, half, 0, room, bulk)
    out = Found.empty(chain, log_z.size)
    index, place = np.arange(log_z.size), start.copy()
    for level in range(LEVELS - 1):
        found = newton(chain, log_z[index], place, half, level, room, bulk)
        place, half = np.where(found.good, found.place, place), np.where(found.good, found.half, half)
        seen = np.flatnonzero(found.good)
        if seen.size:
            finer = newton(chain, log_z[index[seen]], place[:, seen], half[:, seen], level + 1, room, bulk)
            change = finer.place[0] - place[0, seen]
            finer.good &= np.abs(change) <= 8 * finer.error
            if bulk:
                height = np.where(finer.good, finer.place[0].imag, 1.0)
                finer.good &= (np.abs(change.imag) <= 8 * np.minimum(finer.floor, 1.0) * height) | (height <= TINY)
            out.put(index[seen], finer)
        rest = ~out.good[index]
        index, place, half = index[rest], place[:, rest], half[:, rest]
        if not index.size:
            break
    return out


def faint_heights(chain: Chain, found: Found) -> FloatArray:
    r"""Logarithm of the imaginary part of tau (n,) where those of the arguments are infinitesimal.

    To first order :math:`-\sum_lN_{l-1}\rho_l\,\partial\lambda_l/\partial\log z`, where :math:`\rho_l` is what the
    poles on the real axis add to :math:`\psi_l`, and nothing where :math:`\xi_l<0`.
    """
    parts = np.full((len(chain.groups), found.tau.size), -np.inf)
    for part, group, lam, half, tangent in zip(
        parts, chain.groups, found.place[1:], found.half[1:], found.tangent[1:], strict=True
    ):
        pole = group.layers.gains.pole(lam[~half].real + 0j)
        assert pole is not None, "every named slope has one"
        weight = group.count * group.width * math.sqrt(2 * math.pi) * pole[1].real * -tangent[~half].real
        part[~half] = np.log(weight) - pole[0].real ** 2 / 2
    return np.asarray(np.logaddexp.reduce(parts, axis=0))
