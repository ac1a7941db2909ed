"""The contour integrals of a shared design in mpmath, from the SymPy equivalents of one and two resolvents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mpmath as mp
import sympy as sp

from rmtcollapse.equations.reference import Evaluator
from rmtcollapse.equations.symbols import Column, parameter, total, unknown
from rmtcollapse.equivalents.contour import Contour
from rmtcollapse.equivalents.resolvent import one_resolvent, two_resolvents
from rmtcollapse.models._shared_design import filters_at

if TYPE_CHECKING:
    from rmtcollapse.models.recursive_regression import RecursiveRegression

__all__ = ["reference_integrals"]

_HALF_HEIGHT, _MARGIN, _GUARD = 1.8, 1.2, 15


def reference_integrals(model: RecursiveRegression, digits: int) -> tuple[Any, Any, Any]:
    """Bias, its change from clean training, and the generators' noise per unit variance, to `digits` digits."""
    with mp.workdps(digits + _GUARD):
        nodes = 64
        before = _integrals(model, nodes)
        while True:
            nodes *= 2
            now = _integrals(model, nodes)
            if all(abs(a - b) <= mp.mpf(10) ** -digits * abs(a) for a, b in zip(now, before, strict=True)):
                return now
            before = now


def _integrals(model: RecursiveRegression, nodes: int) -> tuple[Any, Any, Any]:
    s, w2 = Column("eigenvalue", "s_j"), Column("signal", "w_j^2")
    T, lam = parameter("samples", "T", exact=True), parameter("ridge", r"\lambda")
    level = one_resolvent(T, lam, s)
    other = unknown("effective_ridge_2", r"\kappa_2")
    gain = two_resolvents(T, s, level.kappa, other, s)
    spread = total(w2 * s / ((s + level.kappa) * (s + other)))
    columns = model.spectrum.columns()
    evaluate = Evaluator(columns, [s, w2])
    evaluate.scalars[T] = mp.mpf(model.samples)
    pole = min(model.ridge, model.generator_ridge) or model.generator_ridge
    z, weight, kappa = _nodes(model, nodes, pole, evaluate, level, lam)
    shares = []
    for k in kappa:
        evaluate.scalars[level.kappa] = k
        shares.append(evaluate.per_atom(level.kappa / (s + level.kappa)))
    half = nodes // 2
    clean, full, last = zip(*(filters_at(model, x, mp) for x in z), strict=True)
    step = [x / (x + mp.mpf(model.generator_ridge)) for x in z]
    bias = _diagonal(columns, shares, weight, z, full, full)
    base = _diagonal(columns, shares, weight, z, clean, clean)
    noise = mp.mpf(0)
    # The integrand at a conjugate pair is the conjugate: half of the first index suffices.
    for a in range(half):
        evaluate.scalars[level.kappa] = kappa[a]
        for b in range(nodes):
            evaluate.scalars[other] = kappa[b]
            g, e = evaluate(gain), evaluate(spread)
            both = weight[a] * weight[b]
            kernel = both * kappa[a] * kappa[b] / (z[a] * z[b]) * g * e
            bias += 2 * (kernel * full[a] * full[b]).real
            base += 2 * (kernel * clean[a] * clean[b]).real
            passes = mp.fsum((step[a] * step[b]) ** p for p in range(model.generations))
            noise += 2 * (both * last[a] * last[b] * passes * g).real
    if model.ridge == 0:
        base = model.evolve(generations=0).theory(mp.mp.dps - _GUARD)["bias"]
    return bias, bias - base, noise


def _diagonal(columns: Any, shares: list[list[Any]], weight: Any, z: Any, first: Any, second: Any) -> Any:
    value = mp.mpf(0)
    for j, (m, s, w2) in enumerate(zip(columns["multiplicity"], columns["eigenvalue"], columns["signal"], strict=True)):
        ends = [
            mp.fsum(w * f * row[j] / x for w, f, row, x in zip(weight, fs, shares, z, strict=True))
            for fs in (first, second)
        ]
        value += mp.mpf(m) * mp.mpf(s) * mp.mpf(w2) * (ends[0] * ends[1]).real
    return value


def _nodes(
    model: Any, nodes: int, pole: float, evaluate: Evaluator, level: Any, lam: sp.Symbol
) -> tuple[list[Any], ...]:
    """Nodes, weights and effective ridges; the double-precision contour says which root to polish."""
    columns = model.spectrum.columns()
    rough = Contour.around(model.samples, columns["eigenvalue"], columns["multiplicity"], pole, nodes)
    top = (
        mp.mpf(columns["eigenvalue"].max()) * (1 + mp.sqrt(mp.mpf(columns["multiplicity"].sum()) / model.samples)) ** 2
    )
    low, high = mp.log(pole), mp.log(top + pole)
    centre, half = (low + high) / 2, (high - low) / 2 + mp.mpf(_MARGIN)
    z, weight, kappa = [], [], []
    equation = (level.kappa * level.samples - level.kappa * level.degrees_of_freedom) / level.samples - lam
    slope = sp.diff(equation, level.kappa)
    for k in range(nodes // 2):
        theta = (k + mp.mpf(1) / 2) * 2 * mp.pi / nodes
        y = mp.mpc(centre + half * mp.cos(theta), mp.mpf(_HALF_HEIGHT) * mp.sin(theta))
        turn = mp.exp(y) * mp.mpc(-half * mp.sin(theta), mp.mpf(_HALF_HEIGHT) * mp.cos(theta))
        z.append(mp.exp(y) - pole)
        weight.append(turn / mp.mpc(0, nodes))
        evaluate.scalars[lam] = -z[-1]
        root = mp.mpc(rough.kappa[k])
        for _ in range(mp.mp.prec.bit_length() - 3):
            evaluate.scalars[level.kappa] = root
            root -= evaluate(equation) / evaluate(slope)
        kappa.append(root)
    return tuple([*values, *map(mp.conj, values)] for values in (z, weight, kappa))
