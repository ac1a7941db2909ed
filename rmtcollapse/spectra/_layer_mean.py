"""The mean logarithm of one layer, of which distribution functions are made."""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra._layer_curve import ComplexArray, Layers, without
from rmtcollapse.spectra._layer_gains import COARSEST

__all__ = ["log_mean"]

ABOVE = 0.0, 0.25, 0.75, 1.75, 3.75, 7.0  # panels, in steps, of an integral that falls by exp(2 pi) with each


def log_mean(layers: Layers, lam: ComplexArray) -> ComplexArray:
    """E log(1 - c xi) at lambda (n,), by levels until two agree.

    Raises
    ------
    ConvergenceError
        If they do not.
    """
    out, index = np.zeros(lam.size, complex), np.arange(lam.size)
    before = np.full(lam.size, np.nan + 0j)
    for level in range(layers.gains.first, layers.gains.levels + 1):
        now = _log_mean_at(layers, lam[index], level)
        out[index] = now
        rest = ~(np.abs(now - before) <= 4e-14 * (1 + np.abs(now)))
        if layers.gains.levels == 0 or not rest.any():
            return out
        index, before = index[rest], now[rest]
    raise ConvergenceError("the distribution function did not settle under finer quadrature; move the point")


@cache
def _above() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights on the panels above a pole."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    half = np.diff(ABOVE)[:, None] / 2
    return (np.array(ABOVE[:-1])[:, None] + half * (1 + nodes)).ravel(), (half * weights).ravel()


def _log_mean_at(layers: Layers, lam: ComplexArray, level: int) -> ComplexArray:
    """On one level; what the rule lacks because of the branch points at the poles is an integral above them."""
    gains, step = layers.gains, COARSEST / 2**level
    with np.errstate(all="ignore"):
        pole = gains.pole(lam)
    found = np.zeros(lam.size, complex)
    if pole is None:
        gain, loss, weight = gains.nodes(level)
        result: ComplexArray = np.log(without(lam, np.exp(lam), gain, loss)) @ weight
        return result
    near, far = np.abs(pole[0].real / step % 1 - 0.5) > 0.25, pole[0].real > 7
    for kind in itertools.product((False, True), repeat=2):
        part = np.flatnonzero((near == kind[0]) & (far == kind[1]))
        if part.size:
            gain, loss, weight = gains.nodes(level, *kind)
            found[part] = np.log(without(lam[part], np.exp(lam[part]), gain, loss)) @ weight
    height, shares = _above()
    z = pole[0][:, None] + 1j * step * height
    with np.errstate(all="ignore"):
        inverse = np.where(near, -1.0, 1.0)[:, None] * np.exp(2j * np.pi * z / step)
        added = -(np.exp(-z * z / 2) * inverse / (1 - inverse)) @ shares
        added *= -4 * np.pi * step / math.sqrt(2 * math.pi)
        counts = (pole[0].imag < np.pi / step) & np.isfinite(added)
    return found + np.where(counts, added, 0.0)
