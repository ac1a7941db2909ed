"""Numba forms of the sums over atoms. Lanes in place of fastmath: accumulators that the compiler vectorises."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from rmtcollapse.spectra import _arithmetic as dd

__all__ = ["atom_sums_kernel", "double_double_kernel", "double_double_node_kernel", "node_kernel"]

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


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def double_double_node_kernel(u: Any, places: Any, weights: Any) -> Any:
    """As `double_double_kernel`, for complex places and weights (4, nodes), of the same four parts as u."""
    out = np.empty((u.shape[0], 8))
    for i in range(u.shape[0]):
        zero = (0.0, 0.0)
        m_real, m_imag, t_real, t_imag = zero, zero, zero, zero
        a, b = (u[i, 0], u[i, 1]), (u[i, 2], u[i, 3])
        for k in range(places.shape[1]):
            p, r = (places[0, k], places[1, k]), (places[2, k], places[3, k])
            h, g = (weights[0, k], weights[1, k]), (weights[2, k], weights[3, k])
            c, d = add(p, negative(a)), add(r, negative(b))
            scale = math.ldexp(1.0, -math.frexp(max(abs(c[0]), abs(d[0])))[1])  # no square may underflow
            x, y = (c[0] * scale, c[1] * scale), (d[0] * scale, d[1] * scale)
            h, g = (h[0] * scale, h[1] * scale), (g[0] * scale, g[1] * scale)
            square = add(multiply(x, x), multiply(y, y))
            real = divide(add(multiply(h, x), multiply(g, y)), square)
            imag = divide(add(multiply(g, x), negative(multiply(h, y))), square)
            m_real, m_imag = add(m_real, real), add(m_imag, imag)
            t_real = add(t_real, add(multiply(p, real), negative(multiply(r, imag))))
            t_imag = add(t_imag, add(multiply(p, imag), multiply(r, real)))
        out[i, 0:2], out[i, 2:4], out[i, 4:6], out[i, 6:8] = m_real, m_imag, t_real, t_imag
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def node_kernel(u: Any, places: Any, weights: Any) -> Any:
    """As `atom_sums_kernel`, for complex places and weights, and the sums of |q| and |places q|, (6, n)."""
    out = np.empty((6, u.size), np.complex128)
    for i in range(u.size):
        m, t, m1, t1, m_size, t_size = 0j, 0j, 0j, 0j, 0.0, 0.0
        for k in range(places.size):
            x, y = places[k].real - u[i].real, places[k].imag - u[i].imag
            scale = 1.0 / max(abs(x), abs(y))  # no square may underflow
            x, y = x * scale, y * scale
            size = scale / (x * x + y * y)
            inverse = complex(x * size, -y * size)
            q = weights[k] * inverse
            moment = places[k] * q
            m += q
            t += moment
            m1 += q * inverse
            t1 += moment * inverse
            m_size += abs(q.real) + abs(q.imag)
            t_size += abs(moment.real) + abs(moment.imag)
        out[0, i], out[1, i], out[2, i], out[3, i], out[4, i], out[5, i] = m, t, m1, t1, m_size, t_size
    return out
