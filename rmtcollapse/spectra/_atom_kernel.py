"""Numba forms of the sums over atoms. Lanes in place of fastmath: accumulators that the compiler vectorises."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from rmtcollapse.spectra import _arithmetic as dd

__all__ = ["atom_sums_kernel", "double_double_kernel"]

LANES = 8

for _function in (dd.two_sum, dd.quick_two_sum, dd.two_product, dd.add, dd.multiply, dd.negative, dd.divide):
    register_jitable(_function)
add, multiply, negative, divide = dd.add, dd.multiply, dd.negative, dd.divide


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _accumulate(acc: Any, j: int, x: float, y: float, t: float, h: float) -> None:
    d = t - x
    q = 1.0 / (d * d + y * y)
    a = d * q  # 1/(t - u) = a + i b
    b = y * q
    ha = h * a
    hb = h * b
    sr = ha * a - hb * b
    si = ha * b + hb * a
    acc[0, j] += ha
    acc[1, j] += hb
    acc[2, j] += t * ha
    acc[3, j] += t * hb
    acc[4, j] += sr
    acc[5, j] += si
    acc[6, j] += t * sr
    acc[7, j] += t * si


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def atom_sums_kernel(u: Any, places: Any, weights: Any) -> Any:
    """Sums of q, places q and their derivatives, (4, n); see `rmtcollapse.spectra._atom_sums.atom_sums`."""
    out = np.empty((4, u.size), np.complex128)
    acc = np.empty((8, LANES))
    whole = places.size // LANES * LANES
    for i in range(u.size):
        acc[:] = 0.0
        for start in range(0, whole, LANES):
            for j in range(LANES):
                _accumulate(acc, j, u[i].real, u[i].imag, places[start + j], weights[start + j])
        for k in range(whole, places.size):
            _accumulate(acc, 0, u[i].real, u[i].imag, places[k], weights[k])
        for s in range(4):
            out[s, i] = complex(acc[2 * s].sum(), acc[2 * s + 1].sum())
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def double_double_kernel(u: Any, places: Any, weights: Any) -> Any:
    """Sums of q and places q at u (n, 4), pairs of doubles as (n, 8): real and imaginary parts, high before low."""
    out = np.empty((u.shape[0], 8))
    for i in range(u.shape[0]):
        zero = (0.0, 0.0)
        m_real, m_imag, t_real, t_imag = zero, zero, zero, zero
        a, b = (u[i, 0], u[i, 1]), (u[i, 2], u[i, 3])
        for k in range(places.size):
            d = add((places[k], 0.0), negative(a))
            scale = math.ldexp(1.0, -math.frexp(max(abs(d[0]), abs(b[0])))[1])  # no square may underflow
            x, y = (d[0] * scale, d[1] * scale), (b[0] * scale, b[1] * scale)
            ratio = divide((weights[k] * scale, 0.0), add(multiply(x, x), multiply(y, y)))
            moment = multiply(ratio, (places[k], 0.0))
            m_real, m_imag = add(m_real, multiply(ratio, x)), add(m_imag, multiply(ratio, y))
            t_real, t_imag = add(t_real, multiply(moment, x)), add(t_imag, multiply(moment, y))
        out[i, 0:2], out[i, 2:4], out[i, 4:6], out[i, 6:8] = m_real, m_imag, t_real, t_imag
    return out
