r"""Second opinions, written from the mathematics alone: nothing here knows the package.

:func:`chain` is the backward recursion for independent designs in plain mpmath. :func:`marchenko_pastur_mean` turns
statements about one isotropic design into one-dimensional integrals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

DIGITS = 50


@dataclass(frozen=True)
class Stage:
    """One fit of a chain: rows, ridge and label-noise variance."""

    rows: int
    ridge: float
    noise: float


def effective_ridge(s: Sequence[Any], rows: int, ridge: Any, digits: int = DIGITS) -> Any:
    r"""Root of :math:`\kappa(1-\mathrm{df}_1(\kappa)/n)=\lambda`, the positive one where there is one."""
    if ridge == 0 and rows >= len(s):
        return mp.mpf(0)
    with mp.workdps(digits):
        s, lam = [mp.mpf(x) for x in s], mp.mpf(ridge)

        def excess(log_kappa: Any) -> Any:
            kappa = mp.exp(log_kappa)
            return 1 - mp.fsum(x / (x + kappa) for x in s) / rows - lam / kappa

        # Without a ridge: fewer rows than directions, so the root is near min s or above.
        low, high = mp.log(lam or min(s) * mp.mpf("1e-9")), mp.log(lam + mp.fsum(s) / rows)
        while high - low > mp.mpf("1e-9"):
            middle = (low + high) / 2
            low, high = (middle, high) if excess(middle) < 0 else (low, middle)
        return mp.exp(mp.findroot(excess, (low, high), solver="secant", tol=mp.mpf(10) ** (10 - 2 * digits)))


def chain(s: Sequence[float], w2: Sequence[float], stages: Sequence[Stage]) -> tuple[Any, Any]:
    """Bias and variance of a chain of independent fits, the first generator first, the downstream fit last.

    One entry of `s` and `w2` a direction. Not for a stage with as many rows as directions and no ridge.
    """
    with mp.workdps(DIGITS):
        s, w2 = [mp.mpf(x) for x in s], [mp.mpf(x) for x in w2]
        B, Pi, noise = list(s), [mp.mpf(1)] * len(s), mp.mpf(0)
        for stage in reversed(stages):
            kappa = effective_ridge(s, stage.rows, stage.ridge)
            df2 = mp.fsum((x / (x + kappa)) ** 2 for x in s)
            c = mp.fsum(b * x / (x + kappa) ** 2 for b, x in zip(B, s, strict=True)) / (stage.rows - df2)
            noise += stage.noise * c
            M = [x / (x + kappa) for x in s]
            B = [m**2 * b + c * kappa**2 * x / (x + kappa) ** 2 for m, b, x in zip(M, B, s, strict=True)]
            Pi = [p * m for p, m in zip(Pi, M, strict=True)]
        bias = mp.fsum(w * (x - 2 * x * p + b) for w, x, p, b in zip(w2, s, Pi, B, strict=True))
        return +bias, +noise


def marchenko_pastur_mean(
    function: Callable[[Any], Any], ratio: float, at_zero: float = 0.0, nodes: int = 20_000
) -> float:
    r"""Mean of a function over the eigenvalues of :math:`X^\top X/n` with identity covariance, d/n = `ratio`.

    `at_zero` is its value at 0, which has mass 1 - 1/ratio for ratio > 1. The density is a square root at both ends:
    with x on a half circle the trapezoidal rule converges geometrically.
    """
    theta = (np.arange(nodes) + 0.5) * np.pi / nodes
    root = np.sqrt(ratio)
    x = (1 - root) ** 2 + 4 * root * np.cos(theta / 2) ** 2
    density = (2 * root * np.sin(theta)) ** 2 / (2 * np.pi * ratio * x)
    continuous = float(np.sum(function(x) * density) * np.pi / nodes)
    return continuous + max(0.0, 1 - 1 / ratio) * at_zero
