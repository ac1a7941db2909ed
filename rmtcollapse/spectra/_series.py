"""Moments and free cumulants of curves, by power series: nothing is integrated."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import Any

import numpy as np

from rmtcollapse.spectra import _curve as curve
from rmtcollapse.spectra._node import Leaf, Node
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["chained", "cumulants_of", "free_power", "free_product", "mixed_weights", "moments", "moments_of"]


def _powers_of_moments(m: FloatArray) -> FloatArray:
    """Coefficients [s, j] of M(x)^s for M = 1 + sum m_j x^j, s = 0..k, j = 0..k."""
    k = m.size
    base = np.concatenate([[1.0], m])
    table = np.zeros((k + 1, k + 1))
    table[0, 0] = 1.0
    for s in range(1, k + 1):
        table[s] = np.convolve(table[s - 1], base)[: k + 1]
    return table


def cumulants_of(m: FloatArray) -> FloatArray:
    r"""Free cumulants (k,) from moments (k,): :math:`m_n = \sum_s \kappa_s [x^{n-s}] M(x)^s` (Speicher 1994)."""
    kappa = np.zeros(m.size)
    table = _powers_of_moments(m)
    for n in range(1, m.size + 1):
        kappa[n - 1] = m[n - 1] - sum(kappa[s - 1] * table[s, n - s] for s in range(1, n))
    return kappa


def moments_of(kappa: FloatArray) -> FloatArray:
    """Moments (k,) from free cumulants (k,)."""
    m = np.zeros(kappa.size)
    for n in range(1, kappa.size + 1):
        table = _powers_of_moments(m[: n - 1]) if n > 1 else np.ones((1, 1))
        lower = sum(kappa[s - 1] * (table[s, n - s] if s < n else 1.0) for s in range(1, n))
        m[n - 1] = lower + kappa[n - 1]
    return m


def _reverted(m: FloatArray) -> FloatArray:
    r"""Coefficients c_1..c_k of the inverse of :math:`\psi(x) = \sum m_j x^j`, for m_1 = 1."""
    k = m.size
    inverse = np.zeros(k)
    inverse[0] = 1.0
    for n in range(2, k + 1):
        total = np.zeros(k + 1)
        power = np.zeros(k + 1)
        power[0] = 1.0
        step = np.concatenate([[0.0], inverse])
        for j in range(1, n + 1):
            power = np.convolve(power, step)[: k + 1]
            total += m[j - 1] * power
        inverse[n - 1] = -total[n]
    return inverse


def free_product(a: FloatArray, b: FloatArray) -> FloatArray:
    r"""Moments of the free product, of means 1: :math:`\chi = \chi_a\chi_b(1+u)/u` for the inverses of psi."""
    k = a.size
    inverse = np.convolve(_reverted(a), _reverted(b))[:k]
    inverse[1:] += inverse[:-1].copy()
    return _reverted(inverse)


def free_power(m: FloatArray, k: int) -> FloatArray:
    """Moments of the k-fold free product of a law of mean 1 with itself, by repeated squaring."""
    result = m
    for bit in bin(k)[3:]:
        result = free_product(result, result)
        result = free_product(result, m) if bit == "1" else result
    return result


def mixed_weights(noise: float, k: int) -> FloatArray:
    r"""Moments of WW', W a share of independent entries `noise` beside a rotation, of mean 1.

    The inverse of psi is :math:`2u/\{(1+u)(1+2gu+\sqrt{1+4g(1-g)u})\}`.
    """
    root, twist = np.zeros(k + 1), 4 * noise * (1 - noise)
    root[0] = 1.0
    for j in range(1, k + 1):
        root[j] = root[j - 1] * twist * (1.5 - j) / j
    below = root / 2
    below[0] += 0.5
    below[1] += noise
    below[1:] += below[:-1].copy()
    inverse = np.zeros(k)
    for j in range(k):
        inverse[j] = (j == 0) - below[1 : j + 1] @ inverse[:j][::-1]
    return _reverted(inverse)


def chained(slopes: Sequence[FloatArray], ratios: Sequence[float], wide: Sequence[float]) -> FloatArray:
    r"""Moments of a product of layers of mean 1 each, of slopes with these moments (k,).

    The inverse of psi is :math:`\frac u{1+u}\prod_l\frac{\xi_l}{r_lu}\prod_m(1+u/m)`, where the slopes of layer *l*
    have :math:`\psi_l(\xi_l)=r_lu`, :math:`r_l` the ratio of the last width to that of the layer. The widths `wide`, in
    units of the last, are those of orthogonal weights.
    """
    k = len(slopes[0])
    inverse = np.asarray((-1.0) ** np.arange(k), np.float64)
    for moments, ratio in zip(slopes, ratios, strict=True):
        inverse = np.convolve(inverse, _reverted(moments) * ratio ** np.arange(k))[:k]
    for width in wide:
        inverse[1:] += inverse[:-1] / width
    return _reverted(inverse)


def moments(node: Node, k: int) -> FloatArray:
    """The first k moments of a curve."""
    below = [moments(child, k) for child in node.children]
    if isinstance(node, Leaf):
        return np.array([(node.weights * node.places**j).sum().real for j in range(1, k + 1)])
    if isinstance(node, curve.Sum):
        return moments_of(cumulants_of(below[0]) + cumulants_of(below[1]))
    if isinstance(node, curve.Product):
        scale = np.array([m[0] for m in below])
        powers = np.arange(1, k + 1)
        unit = free_product(*(m / c**powers for m, c in zip(below, scale, strict=True)))
        result: FloatArray = unit * scale.prod() ** powers
        return result
    return np.array(_one_child(node, below[0]), dtype=float)


def _one_child(node: Node, m: FloatArray) -> Any:
    powers = np.arange(1, m.size + 1)
    if isinstance(node, curve.AffineMap):
        factor, offset = float(node.factor), float(node.offset)
        full = np.concatenate([[1.0], m * factor**powers])
        return np.array([sum(comb(n, j) * full[j] * offset ** (n - j) for j in range(n + 1)) for n in powers.tolist()])
    if isinstance(node, curve.MixZero):
        return m * float(1 - node.zero)
    if isinstance(node, curve.MultiplyPoisson):
        c = float(node.ratio)  # the companion, Z'TZ/n, is compound free Poisson
        return moments_of(c * m) / c
    if isinstance(node, curve.MultiplyFold):
        unit = m / m[0] ** powers
        return free_power(unit, node.k) * m[0] ** (powers * node.k)
    kappa = cumulants_of(m)
    if isinstance(node, curve.AddSemicircle):
        kappa[1:2] += float(node.variance)
    elif isinstance(node, curve.AddPoisson):
        kappa += float(node.rate) * float(node.jump) ** powers
    elif isinstance(node, curve.AddFold):
        kappa *= float(node.k)
    return moments_of(kappa)
