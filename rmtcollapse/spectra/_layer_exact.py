"""Products of layers to 32 digits: places of edges, and slopes that are switched on or off."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra._arithmetic import EPS, DoubleDouble, either, integer_power
from rmtcollapse.spectra._layer_curve import Layers, log1p
from rmtcollapse.spectra._layer_gains import SwitchGains
from rmtcollapse.spectra._layer_newton import Found

__all__ = ["exact_place", "polished"]

DIGITS = 40
STEPS = 40  # of Newton's method
STAYS = 1e-15  # relative step of 1 + u at which digits are those of a double
TURNED = 1e-3  # angle of z, from logarithms of which each is principal, at which one counts as none


def exact_place(layers: Layers, lam: float) -> tuple[float, float] | None:
    """z at a real log(xi) as the sum of two doubles; None where the slopes are known to 16 digits only.

    An edge is stationary in log(xi), so that the rounding of `lam` enters by its square.
    """
    import mpmath as mp

    with mp.workdps(DIGITS + math.ceil(abs(lam))):  # 1 + u may be as small as 1 / xi
        known = layers.gains.exactly(lam)
        if known is None:
            return None
        zero, gain, loss, weight = known
        minus, g, L = mp.exp(-mp.mpf(lam)), mp.mpf(layers.noise), layers.depth
        # 1 - c xi over xi
        below = [b - mp.expm1(mp.mpf(lam)) * minus for b in loss]
        u = mp.fsum(w * c / b for c, b, w in zip(gain, below, weight, strict=True))
        s = zero + minus * mp.fsum(w / b for b, w in zip(below, weight, strict=True))
        T = (1 + 2 * g * u + mp.sqrt(1 + 4 * g * (1 - g) * u)) / 2
        mean = mp.fsum(w * c for c, w in zip(gain, weight, strict=True))
        place = s / u * (mp.mpf(layers.gain) / mean * (u / s) * T * minus) ** L
        high = float(place)
        return high, float(place - high)


def polished(layers: Layers, x: NDArray[np.float64], found: Found) -> Found:
    """Newton's method with residuals of 32 digits from all of `found`, for slopes that are switched on or off.

    Good is where it converges in the upper half plane, to a solution of the equation in logarithms: there is one.
    """
    gains = layers.gains
    index = np.flatnonzero(found.lam.imag > 0)
    if not isinstance(gains, SwitchGains) or not index.size:
        return found
    xi, place = DoubleDouble.of(np.exp(found.lam[index])), DoubleDouble.of(x[index] + 0j)
    good = np.zeros(index.size, bool)
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            lam = np.log(xi.value)
            u, s, T, z = _exactly(layers, gains, xi)
            du = u.value / (1 - xi).value
            slope = _slope(layers, u.value, s.value, T.value, du)
            step = -log1p((z / place - 1).value) / slope
            good = (np.abs(du * step) <= STAYS * s.value.imag) & (np.abs(_turn(layers, u, s, T, lam)) < TURNED)
            if good.all():
                break
            step = step / np.maximum(1.0, 4 * np.abs(step) / np.minimum(np.abs(lam), 1.0))
            xi = xi + xi * DoubleDouble.of(_expm1(step))
    found.lam[index], found.u[index], found.s[index], found.slope[index] = lam, u.value, s.value, slope
    found.good[index] = good & (lam.imag > 0)
    found.error[index] = np.where(good, EPS * np.abs(lam), np.inf)
    return found


def _expm1(w: NDArray[Any]) -> NDArray[Any]:
    result: NDArray[Any] = np.where(np.abs(w) < 1e-5, w * (1 + w * (0.5 + w / 6)), np.expm1(w))
    return result


def _slope(layers: Layers, u: NDArray[Any], s: NDArray[Any], T: NDArray[Any], du: NDArray[Any]) -> NDArray[Any]:
    g = layers.noise
    root = 2 * T - 1 - 2 * g * u
    bend = (g + g * (1 - g) / root) / T
    result: NDArray[Any] = (layers.depth - 1) * du / (u * s) + layers.depth * (bend * du - 1)
    return result


def _turn(layers: Layers, u: DoubleDouble, s: DoubleDouble, T: DoubleDouble, lam: NDArray[Any]) -> NDArray[Any]:
    """Argument of z as the equation in logarithms has it."""
    turn = np.angle((u / s).value)
    result: NDArray[Any] = (layers.depth - 1) * turn + layers.depth * (np.angle(T.value) - lam.imag)
    return result


def _exactly(layers: Layers, gains: SwitchGains, xi: DoubleDouble) -> tuple[DoubleDouble, ...]:
    """u, 1 + u, T and z in 32 digits."""
    off, p = gains.exact_shares
    rest, behind = 1 - xi, 1 - xi * off
    share = p / rest
    # where xi is large, imaginary parts are small beside real ones that are nearly constant
    u = either(np.abs(xi.value) > 2, lambda: share - p, lambda: share * xi)
    s = either(np.abs(xi.value * float(off)) > 2, lambda: share + off, lambda: behind / rest)
    T = _weights_exactly(layers.noise, u, s)
    layer = T * Fraction(layers.gain) / behind
    return u, s, T, integer_power(layer, layers.depth) * (behind / (xi * p))


def _weights_exactly(noise: float, u: DoubleDouble, s: DoubleDouble) -> DoubleDouble:
    g = Fraction(noise)
    if g in (0, 1):
        return s * g + (1 - g)
    square = s * (4 * g * (1 - g)) + (1 - 2 * g) ** 2
    root = DoubleDouble.of(np.sqrt(square.value))
    root = (root + square / root) * Fraction(1, 2)
    if g < Fraction(1, 2):
        return (1 + root) * (1 - 2 * g + root) * (1 / (4 * (1 - g)))
    return s * g * (1 + root) / (root + (2 * g - 1))
