"""Numba forms of the sums over atoms.

Lanes in place of fastmath: as many accumulators as it takes for the compiler to make a vector loop over them.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from rmtcollapse.spectra import _arithmetic as dd

__all__ = [
    "atom_sums_kernel",
    "double_double_kernel",
    "double_double_node_kernel",
    "height_kernel",
    "newton_kernel",
    "node_kernel",
    "power_kernel",
]

LANES = 64

for _function in (dd.two_sum, dd.quick_two_sum, dd.two_product, dd.add, dd.multiply, dd.negative, dd.divide):
    register_jitable(_function)
add, multiply, negative, divide = dd.add, dd.multiply, dd.negative, dd.divide


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def atom_sums_kernel(u: Any, places: Any, weights: Any) -> Any:
    """Sums of q, places q and their derivatives, (4, n); see `rmtcollapse.spectra._atom_sums.atom_sums`."""
    out = np.empty((4, u.size), np.complex128)
    acc = np.empty(8 * LANES)  # one array of constant offsets: of several the compiler could not exclude overlaps
    sums = acc.reshape(8, LANES)
    for i in range(u.size):
        x, y, square = u[i].real, u[i].imag, u[i].imag * u[i].imag
        acc[:] = 0.0
        for start in range(0, places.size, LANES):
            for j in range(min(LANES, places.size - start)):
                t = places[start + j]
                d = t - x
                q = 1.0 / (d * d + square)
                b = weights[start + j] * q
                a = b * d  # h/(t - u) = a + i y b
                c = (a * d - b * square) * q  # h/(t - u)^2 = c + 2 i y e
                e = a * q
                acc[j] += a
                acc[LANES + j] += b
                acc[2 * LANES + j] += t * a
                acc[3 * LANES + j] += t * b
                acc[4 * LANES + j] += c
                acc[5 * LANES + j] += e
                acc[6 * LANES + j] += t * c
                acc[7 * LANES + j] += t * e
        for s in range(4):
            rest = y if s < 2 else 2.0 * y
            out[s, i] = complex(sums[2 * s].sum(), rest * sums[2 * s + 1].sum())
    return out


@register_jitable  # type: ignore[untyped-decorator, unused-ignore]
def times(x: dd.Pair, a: float) -> dd.Pair:
    """A pair times a double."""
    high, low = dd.two_product(x[0], a)
    return dd.quick_two_sum(high, low + x[1] * a)


@register_jitable  # type: ignore[untyped-decorator, unused-ignore]
def quotient(a: float, y: dd.Pair) -> dd.Pair:
    """A double over a pair, to a few units of the last of 32 digits."""
    inverse = 1.0 / y[0]
    first = a * inverse
    high, low = dd.two_product(first, y[0])
    return dd.quick_two_sum(first, ((a - high) - (low + first * y[1])) * inverse)


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def double_double_kernel(u: Any, places: Any, weights: Any) -> Any:
    """Sums of q and places q at u (n, 4), pairs of doubles as (n, 8): real and imaginary parts, high before low."""
    out = np.empty((u.shape[0], 8))
    for i in range(u.shape[0]):
        zero = (0.0, 0.0)
        m_real, m_imag, t_real, t_imag = zero, zero, zero, zero
        a, b = (-u[i, 0], -u[i, 1]), (u[i, 2], u[i, 3])
        for k in range(places.size):
            x, y, scale = add((places[k], 0.0), a), b, 1.0
            size = max(abs(x[0]), abs(y[0]))
            if not 1e-100 < size < 1e100:  # no square may underflow
                scale = math.ldexp(1.0, -math.frexp(size)[1])
                x, y = (x[0] * scale, x[1] * scale), (y[0] * scale, y[1] * scale)
            ratio = quotient(weights[k] * scale, add(multiply(x, x), multiply(y, y)))
            moment = times(ratio, places[k])
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


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def power_kernel(u: Any, places: Any, weights: Any) -> Any:
    """Sums of weights/(places - u)^k for k = 2, 3, 4 at real u (n,), (3, n)."""
    out = np.empty((3, u.size))
    acc = np.empty(3 * LANES)
    for i in range(u.size):
        x = u[i]
        acc[:] = 0.0
        for start in range(0, places.size, LANES):
            for j in range(min(LANES, places.size - start)):
                inverse = 1.0 / (places[start + j] - x)
                power = inverse * inverse * weights[start + j]
                acc[j] += power
                acc[LANES + j] += power * inverse
                acc[2 * LANES + j] += power * inverse * inverse
        out[:, i] = acc.reshape(3, LANES).sum(1)
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def height_kernel(real: Any, places: Any, weights: Any, tolerance: float, iterations: int) -> Any:
    """Newton's method of `rmtcollapse.spectra._poles.unit_height` at each of the points real (n,)."""
    out = np.empty(real.size)
    acc = np.empty(2 * LANES)
    for i in range(real.size):
        x, s = real[i], weights.sum()
        for _ in range(iterations):
            acc[:] = 0.0
            for start in range(0, places.size, LANES):
                for j in range(min(LANES, places.size - start)):
                    d = places[start + j] - x
                    inverse = 1.0 / (d * d + s)
                    term = weights[start + j] * inverse
                    acc[j] += term
                    acc[LANES + j] += term * inverse
            g, slope = acc.reshape(2, LANES).sum(1)
            new = s + g * (g - 1.0) / slope
            if not new > 0.0:
                new = s / 64.0
            settled = abs(new - s) <= tolerance * s
            s = new
            if settled:
                break
        out[i] = s
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def newton_kernel(u: Any, x: Any, places: Any, weights: Any, variance: float, ratio: float, steps: int) -> Any:
    """Roots near u (n,) of u (1 - ratio t) - variance m = x (n,), and dz/du there; nan where it leaves the half plane.

    m and t are sums over atoms as in `atom_sums_kernel`. For guesses: not certified.
    """
    slopes = np.empty_like(u)
    roots = u.copy()
    for i in range(u.size):
        settled = False
        for _ in range(steps):
            at = roots[i : i + 1]
            m, t, m1, t1 = atom_sums_kernel(at, places, weights)[:, 0]
            slope = 1.0 - ratio * (t + at[0] * t1) - variance * m1
            step = (at[0] * (1.0 - ratio * t) - variance * m - x[i]) / slope
            slopes[i] = slope
            size = abs(step)
            height = at[0].imag
            roots[i] = at[0] - step
            if not (roots[i].imag > 0.0 and size < 1e3 * height):
                break
            if size <= 1e-8 * height:
                settled = True
                break
        if not settled:
            roots[i] = complex(np.nan, np.nan)
    return roots, slopes
