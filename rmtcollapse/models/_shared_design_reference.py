"""The contour integrals of a shared design in mpmath, from the SymPy equivalents of one and two resolvents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mpmath as mp
import sympy as sp

from rmtcollapse.equations.reference import Evaluator
from rmtcollapse.equations.symbols import Column, parameter, total, unknown
from rmtcollapse.equivalents.contour import Contour, Ellipse
from rmtcollapse.equivalents.resolvent import one_resolvent, two_resolvents
from rmtcollapse.models._shared_design import filters_at

if TYPE_CHECKING:
    from rmtcollapse.models.recursive_regression import RecursiveRegression

__all__ = ["reference_integrals"]

_GUARD = 15


def reference_integrals(model: RecursiveRegression, digits: int) -> tuple[Any, Any]:
    """Change of the bias from clean training, and the generators' noise per unit variance, to `digits` digits."""
    with mp.workdps(digits + _GUARD):
        nodes = 64
        before = _integrals(model, nodes)
        while True:
            nodes *= 2
            now = _integrals(model, nodes)
            if all(abs(a - b) <= mp.mpf(10) ** -digits * abs(a) for a, b in zip(now, before, strict=True)):
                return now
            before = now


def _integrals(model: RecursiveRegression, nodes: int) -> tuple[Any, Any]:
    s, w2, form = Column("eigenvalue", "s_j"), Column("signal", "w_j^2"), Column("form", "B_j")
    T, lam = parameter("samples", "T", exact=True), parameter("ridge", r"\lambda")
    level = one_resolvent(T, lam, s)
    other = unknown("effective_ridge_2", r"\kappa_2")
    gain = two_resolvents(T, s, level.kappa, other, form)
    spread = total(w2 * s / ((s + level.kappa) * (s + other)))
    evaluate = Evaluator(model.spectrum.columns(), [s, w2])
    evaluate.scalars[T] = mp.mpf(int(model.arguments(model.parameters())["generator_samples"]))
    evaluate.columns[form], cross = _forms(model, evaluate.multiplicity, evaluate.columns[s])
    z, weight, kappa = _nodes(model, nodes, evaluate, level, lam)
    null = len(kappa) - len(z)
    share = [w * k / x for w, k, x in zip(weight, kappa, z, strict=False)] + kappa[len(z) :]
    clean, full, last = zip(*(filters_at(model, x, mp) for x in z), strict=True)
    clean, full = (*clean, *[mp.mpf(1)] * null), (*full, *[mp.mpf(1)] * null)
    step = [x / (x + mp.mpf(model.generator_ridge)) for x in z]
    quadratic = [mp.mpc(0)] * 2
    noise = mp.mpf(0)
    for a, k in enumerate(kappa):
        evaluate.scalars[level.kappa] = k
        for b in range(a + 1):
            evaluate.scalars[other] = kappa[b]
            g, twice = evaluate(gain), 1 if a == b else 2
            kernel = share[a] * share[b] * g * evaluate(spread) * twice
            quadratic = [e + kernel * f[a] * f[b] for e, f in zip(quadratic, (full, clean), strict=True)]
            if a < len(z):
                passes = mp.fsum((step[a] * step[b]) ** p for p in range(model.generations))
                noise += (weight[a] * weight[b] * last[a] * last[b] * passes * g * twice).real
    ends = [_diagonal(evaluate, level, kappa, share, f) for f in (full, clean)]
    energy = [m * w for m, w in zip(evaluate.multiplicity, evaluate.columns[w2], strict=True)]
    rows = list(zip(energy, evaluate.columns[form], cross, *ends, strict=True))
    change = mp.fsum(e * b * f**2 for e, b, _, f, _ in rows) + quadratic[0].real
    if model.designs == "all-shared":
        return change - mp.fsum(e * b * c**2 for e, b, _, _, c in rows) - quadratic[1].real, noise
    return change + 2 * mp.fsum(e * x * f for e, _, x, f, _ in rows), noise


def _forms(model: RecursiveRegression, m: list[Any], s: list[Any]) -> tuple[list[Any], list[Any]]:
    """Diagonals of the downstream form and of Sigma M minus it; Sigma and zero where one design serves all."""
    if model.designs == "all-shared":
        return s, [mp.mpf(0)] * len(s)
    clean = model.evolve(generations=0).theory(mp.mp.dps)
    kappa = clean["effective_ridge"]
    learned, unlearned = [x / (x + kappa) for x in s], [kappa / (x + kappa) for x in s]
    slack = model.samples * clean["residual_fraction"] + mp.fsum(
        c * a * b for c, a, b in zip(m, learned, unlearned, strict=True)
    )
    gain = mp.fsum(c * a**2 for c, a in zip(m, learned, strict=True)) / slack if kappa > 0 else mp.mpf(0)
    form = [x * (a**2 + gain * b**2) for x, a, b in zip(s, learned, unlearned, strict=True)]
    return form, [x * a - b for x, a, b in zip(s, learned, form, strict=True)]


def _diagonal(evaluate: Evaluator, level: Any, kappa: Any, share: Any, values: Any) -> list[Any]:
    """The one-resolvent equivalent of the function, one entry an atom."""
    ends = [mp.mpc(0)] * len(evaluate.multiplicity)
    for k, u, f in zip(kappa, share, values, strict=True):
        evaluate.scalars[level.kappa] = k
        terms = evaluate.per_atom(1 / (level.eigenvalue + level.kappa))
        ends = [e + u * f * x for e, x in zip(ends, terms, strict=True)]
    return [e.real for e in ends]


def _nodes(model: Any, nodes: int, evaluate: Evaluator, level: Any, lam: sp.Symbol) -> tuple[list[Any], ...]:
    """Nodes, weights and effective ridges; the double-precision contour says which root to polish."""
    columns = model.spectrum.columns()
    lam1 = model.ridge if model.designs == "all-shared" else 0.0
    pole = min(lam1, model.generator_ridge) or model.generator_ridge
    rows = int(model.arguments(model.parameters())["generator_samples"])
    where = (rows, columns["eigenvalue"], columns["multiplicity"], pole)
    rough, ellipse = Contour.around(*where, nodes), Ellipse.around(*where)
    half, height = map(mp.mpf, ellipse.half_axes)
    centre = (mp.mpf(ellipse.low) + mp.mpf(ellipse.high)) / 2
    z, weight, kappa = [], [], []
    for k in range(nodes // 2):
        theta = (k + mp.mpf(1) / 2) * 2 * mp.pi / nodes
        y = mp.mpc(centre + half * mp.cos(theta), height * mp.sin(theta))
        z.append(mp.exp(y) - mp.mpf(ellipse.shift))
        weight.append(mp.exp(y) * mp.mpc(-half * mp.sin(theta), height * mp.cos(theta)) / mp.mpc(0, nodes))
        kappa.append(_polish(evaluate, level, lam, rough.kappa[k], -z[-1]))
    null = [_polish(evaluate, level, lam, k.real, mp.mpf(0)) for k in rough.kappa[nodes:]]
    z, weight, kappa = ([*values, *map(mp.conj, values)] for values in (z, weight, kappa))
    return z, weight, kappa + null


def _polish(evaluate: Evaluator, level: Any, lam: sp.Symbol, start: Any, ridge: Any) -> Any:
    """Newton's method for the stated equation of one resolvent, at a complex ridge."""
    equation = level.kappa - level.kappa * level.degrees_of_freedom / level.samples - lam
    slope = sp.diff(equation, level.kappa)
    evaluate.scalars[lam] = ridge
    root = mp.mpmathify(start)
    for _ in range(mp.mp.prec.bit_length() - 3):
        evaluate.scalars[level.kappa] = root
        root -= evaluate(equation) / evaluate(slope)
    return root
