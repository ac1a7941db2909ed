"""The equations of a product of layers in SymPy: the largest singular value, and the first two moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rmtcollapse.equations.system import FixedPoint, System

__all__ = ["jacobian_system"]

FEW, TERMS = 0.05, 20  # share of the weights up to which so many terms of a series have 70 digits


def jacobian_system(atom: bool = False) -> System:
    """The system; with an `atom` at the top there is nothing to solve but how much of the weights is kept."""
    from sympy import exp, log

    from rmtcollapse.equations.symbols import Column, parameter, total, unknown
    from rmtcollapse.equations.system import System

    c, loss, d = Column("gain", "c_j"), Column("loss", r"\bar c_j"), Column("square", "d_j")
    L, variance = parameter("depth", "L", exact=True), parameter("weight_variance", r"\sigma_w^2")
    s, near = parameter("sparsity", "s"), parameter("near", "t")
    critical, magnitude, rotated, scaled = (
        parameter(n, rf"[\mathrm{{{n}}}]", exact=True) for n in ("critical", "magnitude", "orthogonal", "rescaled")
    )
    pruning = _pruning(s, magnitude, rotated)
    _, kept, noise = pruning.unknowns
    mean, gain = unknown("mean_gain", r"\bar c"), unknown("layer_gain", r"\chi")
    m1, ratio = unknown("mean_square", "m_1"), unknown("fourth_moment_ratio", "m_2/m_1^2")
    place, largest = unknown("log_edge", r"\log x"), unknown("largest_singular_value", r"\sigma_{\max}")
    scale = (scaled + (1 - scaled) * kept) * (critical + (1 - critical) * variance * total(d))
    outputs: dict[Any, Any] = {
        m1: gain**L,
        ratio: 1 + L * (total(c**2) / mean**2 - 1 + noise * (2 - noise)),
    }
    given, points = [L, variance, critical, s, magnitude, rotated, scaled], [pruning]
    if atom:
        outputs[place] = L * log(gain / mean)
    else:
        edge = _edge(L, noise, near, c, loss)
        t, u, _, weights = edge.unknowns
        outputs[place] = log((1 + u) / u) + L * log(gain * (1 + t) * (u / t) * weights / ((1 + u) * mean))
        given, points = [*given, near], [pruning, edge]
    outputs[largest] = exp(place / 2)
    columns = (c, d) if atom else (c, loss, d)
    return System("deep_jacobian", given, columns, points, {mean: total(c), gain: scale}, outputs)


def _pruning(s: Any, magnitude: Any, rotated: Any) -> FixedPoint:
    """The size below which normal weights are set to 0, the share of their squares that stays, and the noise."""
    from sympy import Add, And, Eq, Rational, S, exp, factorial2, log, pi, sqrt, true

    from rmtcollapse.equations.symbols import normal_cdf, unknown
    from rmtcollapse.equations.system import Branch, FixedPoint

    tau, kept, noise = unknown("threshold", r"\tau"), unknown("kept", "f"), unknown("noise", "g")
    # 1 - s stays together: it may be small
    share = (1 - s) * (1 + magnitude * tau * exp(-(tau**2) / 2) * sqrt(2 / pi) / (1 - s))
    given = {kept: share, noise: 1 - rotated * kept}
    # 2 Phi - 1 is concave, and the normal tail is below exp(-tau^2 / 2)
    bracket = (s * sqrt(pi / 2), sqrt(-2 * log(1 - s)))
    equation = 2 * normal_cdf(-tau) / (1 - s) - 1
    # of few weights: 2 Phi - 1 and what is lost of the squares, which 1 - f would cancel, by their series
    density = sqrt(2 / pi) * exp(-(tau**2) / 2)
    series = [tau ** (2 * n + 1) / factorial2(2 * n + 1) for n in range(TERMS)]
    lost = density * Add(*series[1:])
    few_given = {kept: 1 - lost, noise: (1 - rotated) + rotated * lost}
    near = (s * sqrt(pi / 2) * Rational(999, 1000), s * Rational(63, 50))
    pruned = And(magnitude > 0, s > 0)
    branches = (
        Branch("few by magnitude", And(pruned, s < FEW), few_given, (tau,), (density * Add(*series) / s - 1,), near),
        Branch("by magnitude", pruned, given, (tau,), (equation,), bracket),
        Branch("at random", true, {tau: S.Zero, kept: 1 - s, noise: (1 - rotated) + rotated * s}),
    )
    stated = (Eq(magnitude * 2 * normal_cdf(-tau), magnitude * (1 - s)), Eq(kept, share), Eq(noise, 1 - rotated * kept))
    return FixedPoint("pruning", (tau, kept, noise), stated, branches)


def _edge(L: Any, g: Any, near: Any, c: Any, loss: Any) -> FixedPoint:
    """Where log x is stationary in t."""
    from sympy import Eq, Integer, Rational, S, sqrt, true

    from rmtcollapse.equations.symbols import total, unknown
    from rmtcollapse.equations.system import Branch, FixedPoint

    t, u = unknown("argument", "t"), unknown("psi", "u")
    r, T = unknown("root", "r"), unknown("weights", "T")
    psi, slope = total(c * t / (1 + loss * t)), total(c * t / (1 + loss * t) ** 2)
    square = 1 + 4 * g * (1 - g) * psi

    def balance(u: Any, r: Any, T: Any) -> Any:
        return (1 + t) * (slope / u) * ((L - 1) / (1 + u) + L * g * u * (1 + r - g) / (r * T)) / L

    plain = (1 + t) * (slope / psi) * (L - 1 + L * g * psi) / (1 + psi) / L  # where g is 0 or 1
    bracket = (near * Rational(9, 10), near * Rational(10, 9))
    weights = (1 + 2 * g * u + r) / 2
    mixed = balance(psi, r, (1 + 2 * g * psi + r) / 2)
    branches = (
        Branch("one kind of weights", g * (1 - g) <= 0, {u: psi, r: S.One, T: weights}, (t,), (plain - 1,), bracket),
        Branch("two kinds of weights", true, {u: psi, T: weights}, (t, r), (mixed - 1, r**2 / square - 1),
               start=(near, sqrt(square.subs(t, near)))),
    )  # fmt: skip
    stated = (Eq(u, psi), Eq(r, sqrt(1 + 4 * g * (1 - g) * u)), Eq(T, weights), Eq(balance(u, r, T), Integer(1)))
    return FixedPoint("upper edge", (t, u, r, T), stated, branches)
