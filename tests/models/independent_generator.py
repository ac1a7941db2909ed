r"""A second opinion on generators fitted to their own sample: the average over the generator of the fit given it.

Written from the mathematics alone: given the generator's covariance the classifier is a ridge fit to two groups, whose
equations have second-order traces that are derivatives of first-order ones in the weights of the groups; their averages
over the generator are derivatives of averages. Here these are numerical derivatives in mpmath; the package has neither
them nor this way to split the variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath as mp

DIGITS = 40


def averaged(
    eigenvalues: Sequence[float], mean: Sequence[float], *, multiplicity: Sequence[int], real: int, candidates: int,
    ridge: float, agreement: float, kept: float, generator: int, own_mean: bool,
) -> tuple[Any, Any]:  # fmt: skip
    """Mean and variance of the score; `mean` has the coordinates in the eigenbasis of the shared covariance."""
    with mp.workdps(DIGITS):
        c, count = [mp.mpf(x) for x in eigenvalues], multiplicity
        N, n = mp.mpf(real + candidates), mp.mpf(generator)
        f, lam = [real / N, mp.mpf(kept) * candidates / N], mp.mpf(ridge)

        def averages(a: Any, b: Any) -> list[Any]:
            """Traces of the resolvent with either covariance, and its forms with the mean and with a mean's error."""

            def places(k: Any) -> list[Any]:
                return [1 / (a * x + b * x / (1 + k) + lam) for x in c]

            def total(k: Any) -> Any:
                return mp.fsum(m * x * g for m, x, g in zip(count, c, places(k), strict=True))

            k = _root(lambda k: b / n * total(k) - k, b / n * total(mp.mpf(0)))
            form = mp.fsum(mp.mpf(v) ** 2 * g for v, g in zip(mean, places(k), strict=True))
            return [total(k) / N, n / N * k / (b * (1 + k)), form, total(k) / n]

        weights = _weights(averages, f)
        J = [[-mp.diff(lambda *x, i=i: averages(*x)[i], tuple(weights), (1 - j, j)) for j in (0, 1)] for i in range(4)]
        value = averages(*weights)
        K = mp.diag([value[2], value[3] if own_mean else mp.mpf(0)])
        e = [mp.matrix([1, 0]), mp.matrix([1, 1 if own_mean else 0])]
        P = weights[0] * e[0] * e[0].T + weights[1] * e[1] * e[1].T
        z = (mp.eye(2) + P * K) ** -1 * (weights[0] * e[0] + weights[1] * agreement * e[1])
        m = [(v.T * K * z)[0] for v in e]
        energy = [z[0] ** 2 * J[2][j] + (z[1] ** 2 * J[3][j] if own_mean else 0) for j in (0, 1)]
        residual = [1 - 2 * t * m[k] + m[k] ** 2 + energy[k] for k, t in enumerate((1, agreement))]
        D = [weights[k] ** 2 / f[k] for k in (0, 1)]
        V = mp.matrix([[J[0][0], J[0][1]], [J[1][0], J[1][1]]])
        d = (mp.eye(2) - V * mp.diag(D)) ** -1 * mp.matrix([J[0][0], J[1][0]])
        return m[0], energy[0] + mp.fsum(D[k] * d[k] * residual[k] for k in (0, 1))


def _root(f: Any, high: Any) -> Any:
    return mp.findroot(f, (mp.mpf(0), high), solver="anderson", tol=mp.mpf(10) ** (-2 * DIGITS + 10))


def _weights(averages: Any, f: list[Any]) -> list[Any]:
    """Weights of the groups: rows over 1 + trace."""
    found = [x / 2 for x in f]
    for _ in range(400):
        traces = averages(*found)[:2]
        new = [x / (1 + t) for x, t in zip(f, traces, strict=True)]
        if all(abs(x / y - 1) < mp.mpf(10) ** (-DIGITS + 5) for x, y in zip(new, found, strict=True)):
            return new
        found = new
    raise AssertionError("no convergence")
