"""Expressions with values that were obtained independently (simulations agree with each)."""

from __future__ import annotations

from typing import Any

import numpy as np

from rmtcollapse import derive as dv

u = (np.arange(120) + 0.5) / 120
SIGMA, THETA, SIGMA2 = 0.3 + 2.5 * u**2, 1 / (36 + 120 * u), 2 - 1.5 * u
GAMMA, DELTA = (1 + 0.5 * np.cos(6 * u)) / 120, (0.2 + u) / 120

n, d, m, n1, n2 = dv.dims("n d m n_1 n_2")
lam, z, noise, noise1, noise2 = dv.scalar("lambda z sigma2 sigma1 sigma2_")


def resolvent(X: Any, penalty: Any = lam) -> Any:
    """(X'X/n + penalty)^-1."""
    return (X.T * X / n + penalty * dv.identity(X.shape[1])).inv()


def _ridge() -> dict[str, Any]:
    S, G = dv.commuting("Sigma Gamma", d)
    X = dv.gaussian("X", n, d, colcov=S)
    R, numbers = resolvent(X), {n: 90, d: 120, lam: 0.2, S: SIGMA}
    miss = R * X.T * X / n - dv.identity(d)
    Q = (X * X.T / n + lam * dv.identity(n)).inv()
    test = dv.trace(S * miss * G * miss.T) + noise * dv.trace(R * X.T * X * R * S) / n**2
    train = lam**2 * noise * dv.trace(Q**2) / n + lam**2 * dv.trace(Q * X * G * X.T * Q) / n
    free, full = (X.T * X / n).inv(), {**numbers, noise: 0.5, G: THETA}
    return {
        "anisotropic MP": (dv.trace(S * R) / d, numbers, 1.9906417078204481),
        "ridge bias": (lam**2 * dv.trace(R * G * R * S), {**numbers, G: THETA}, 0.4203592078493488),
        "ridge variance": (
            noise * dv.trace(R * X.T * X * R * S) / n**2,
            {**numbers, noise: 1.0},
            0.7616580484896415,
        ),
        "ridge test error": (test, full, 0.8011882320941695),
        "ridge training error": (train, full, 0.09744467878924795),
        "no ridge": (dv.trace(free * S * free) / d, {n: 300, d: 120, S: SIGMA}, 6.614534990855207),
    }


def _mixture() -> dict[str, Any]:
    S1, S2, A, G, D = dv.commuting("Sigma1 Sigma2 A Gamma Delta", d)
    X1, X2 = dv.gaussian("X1", n1, d, colcov=S1), dv.gaussian("X2", n2, d, colcov=S2)
    M1, M2 = X1.T * X1, X2.T * X2
    R = (lam * dv.identity(d) + M1 / n + M2 / n).inv()
    numbers = {n: 150, n1: 60, n2: 90, d: 120, lam: 0.2, S1: SIGMA, S2: SIGMA2}
    full = (
        lam**2 * dv.trace(S1 * R * G * R)
        + noise1 * dv.trace(S1 * R * M1 * R) / n**2
        + noise2 * dv.trace(S1 * R * M2 * R) / n**2
        + dv.trace(S1 * R * M2 * D * M2 * R) / n**2
    )
    values = {**numbers, noise1: 0.3, noise2: 0.6, G: GAMMA, D: DELTA}
    return {
        "mixture": (dv.trace(A * R * M1) / n, {**numbers, A: THETA}, 0.3146814993353087),
        "strong collapse": (full, values, 0.662876290013722),
    }


def _projections() -> dict[str, Any]:
    S, G = dv.commuting("Sigma Gamma", d)
    X, P = dv.gaussian("X", n, d, colcov=S), dv.gaussian("P", d, m, variance=1 / d)
    R = resolvent(X * P)
    miss = P * R * P.T * X.T * X / n - dv.identity(d)
    test = dv.trace(S * miss * G * miss.T) + noise * dv.trace(S * P * R * P.T * X.T * X * P * R * P.T) / n**2
    numbers = {n: 150, m: 70, d: 120, lam: 0.2, S: SIGMA}
    return {
        "projected resolvent": (dv.trace(R) / m, numbers, 1.6706314093327794),
        "projected test error": (test, {**numbers, noise: 0.3, G: GAMMA}, 0.651665692240428),
    }


def cases() -> dict[str, Any]:
    """Expression, numbers and value by name."""
    X = dv.gaussian("X", n, d)
    mp = dv.trace(resolvent(X)) / d, {n: 160, d: 120, lam: 0.3}, 1.2146346888290345
    value = -0.36522352709084693 + 0.9909643148341337j
    complex_mp = dv.trace(resolvent(X, -z)) / d, {n: 160, d: 120, z: 1 + 0.2j}, value
    return {"MP": mp, "MP, complex z": complex_mp, **_ridge(), **_mixture(), **_projections()}
