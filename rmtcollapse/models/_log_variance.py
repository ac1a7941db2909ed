r"""Means of logarithms of chi-square variables and of their combinations, in double precision and with mpmath."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rmtcollapse.models._vocabulary import Array

__all__ = ["log_chi_square", "log_chi_square_reference", "pooled_logs", "pooled_logs_reference"]

_BERNOULLI = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
_FAR = 20.0
_BLOCK = 1000


def log_chi_square(freedom: float) -> float:
    r"""Mean of :math:`\log(\chi^2_\nu/\nu)`, which is :math:`\psi(\nu/2)-\log(\nu/2)`; nothing cancels."""
    x = freedom / 2
    if x == 0:
        return -math.inf
    shift = max(0, math.ceil(_FAR - x))
    far = x + shift
    series = -1 / (2 * far) - sum(b / far ** (2 * k) for k, b in enumerate(_BERNOULLI, 1))
    # psi(x) - log(x) = psi(x + k) - log(x + k) + log(1 + k/x) - sum of reciprocals
    return series + math.log1p(shift / x) - math.fsum(1 / (x + i) for i in range(shift)) if shift else series


def log_chi_square_reference(freedom: Any) -> Any:
    """The same with mpmath."""
    import mpmath as mp

    return mp.digamma(mp.mpf(freedom) / 2) - mp.log(mp.mpf(freedom) / 2) if freedom else -mp.inf


def pooled_logs(samples: int, generations: int, spare: int) -> float:
    r"""Mean change of :math:`\log\sigma_j^2` over accumulated generations j = 1, ..., `generations`.

    With :math:`d_j=jn` minus `spare`, the change is the mean log of
    :math:`X=(d_j+\chi^2_{n-1}+\frac j{j+1}\chi^2_1)/d_{j+1}`, by Frullani's integral
    :math:`\int_0^\infty(e^{-s}-\mathrm E\,e^{-sX})\,ds/s` and the exponential of a hyperbolic sine as its variable. The
    transform of *X* is :math:`e^{-s+\varphi}` with all terms of :math:`\varphi` positive (up to `spare`).
    """
    tau = np.arange(-4.5, 2.1, 1 / 24)[:, None]
    s = np.exp(np.pi / 2 * np.sinh(tau))
    measure = np.pi / 2 * np.cosh(tau) / 24
    parts = []
    for start in range(1, generations, _BLOCK):
        j = np.arange(start, min(start + _BLOCK, generations), dtype=float)
        divisor = (j + 1) * samples - spare
        mixed = 2 * s / divisor
        phi = s / ((j + 1) * divisor) + (samples - 1) / 2 * _log_excess(mixed) + _log_excess(mixed * j / (j + 1)) / 2
        parts.append(-np.exp(-s) * np.expm1(phi) * measure)
    return math.fsum(np.concatenate([p.sum(axis=0) for p in parts])) if parts else 0.0


def _log_excess(u: Array) -> Array:
    """u - log(1 + u) for u > 0; a series where it cancels."""
    small = np.minimum(u, 0.25)
    series = np.zeros_like(u)
    for k in range(26, 1, -1):
        series = small * (series + (-1) ** k / k)
    return np.where(u < 0.25, small * series, u - np.log1p(u))


def pooled_logs_reference(samples: int, generations: int, spare: int) -> Any:
    """The same by mpmath's quadrature of the plain transform."""
    import mpmath as mp

    total = mp.mpf(0)
    for j in range(1, generations):
        have, divisor = mp.mpf(j * samples - spare), mp.mpf((j + 1) * samples - spare)
        ratio = mp.mpf(j) / (j + 1)

        def transform(s: Any, have: Any = have, divisor: Any = divisor, ratio: Any = ratio) -> Any:
            u = 2 * s / divisor
            return mp.exp(-s * have / divisor) / mp.sqrt((1 + u) ** (samples - 1) * (1 + u * ratio))

        total += mp.quad(lambda s: (mp.exp(-s) - transform(s)) / s, [0, 1, 10, mp.inf])
    return total
