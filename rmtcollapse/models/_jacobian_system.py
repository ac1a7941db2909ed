"""The equations of a product of layers in SymPy: the largest singular value, and the first two moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rmtcollapse.equations.system import FixedPoint, System

__all__ = ["jacobian_system", "pruning_system"]


def jacobian_system(atom: bool = False) -> System:
    """The system; with an `atom` at the top there is nothing to solve but how much of the weights is kept."""
    from sympy import exp, log

    from rmtcollapse.equations.symbols import Column, parameter, total, unknown
    from rmtcollapse.equations.system import System

    c, loss, d = Column("gain", "c_j"), Column("loss", r"\bar c_j"), Column("square", "d_j")
    L, variance = parameter("depth", "L", exact=True), parameter("weight_variance", r"\sigma_w^2")
    s, near = parameter("sparsity", "s"), parameter("near", "t")
    critical, scored, sensitive, rotated, scaled = (
        parameter(n, rf"[\mathrm{{{n}}}]", exact=True)
        for n in ("critical", "scored", "sensitive", "orthogonal", "rescaled")
    )
    pruning = _pruning(s, scored, sensitive, rotated)
    _, kept, _, noise = pruning.unknowns
    mean, gain = unknown("mean_gain", r"\bar c"), unknown("layer_gain", r"\chi")
    m1, ratio = unknown("mean_square", "m_1"), unknown("fourth_moment_ratio", "m_2/m_1^2")
    place, largest = unknown("log_edge", r"\log x"), unknown("largest_singular_value", r"\sigma_{\max}")
    scale = (scaled + (1 - scaled) * kept) * (critical + (1 - critical) * variance * total(d))
    outputs: dict[Any, Any] = {
        m1: gain**L,
        ratio: 1 + L * (total(c**2) / mean**2 - 1 + noise * (2 - noise)),
    }
    given, points = [L, variance, critical, s, scored, sensitive, rotated, scaled], [pruning]
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


def pruning_system() -> System:
    """Alone, how much of the squares of the weights pruning keeps, and how much it takes."""
    from rmtcollapse.equations.symbols import parameter, unknown
    from rmtcollapse.equations.system import System

    s = parameter("sparsity", "s")
    scored, sensitive, rotated = (
        parameter(n, rf"[\mathrm{{{n}}}]", exact=True) for n in ("scored", "sensitive", "orthogonal")
    )
    pruning = _pruning(s, scored, sensitive, rotated)
    _, kept, lost, _ = pruning.unknowns
    outputs = {unknown("kept_squares", "f"): kept, unknown("lost_squares", r"\bar f"): lost}
    return System("deep_jacobian_pruning", [s, scored, sensitive, rotated], (), [pruning], {}, outputs)


def _pruning(s: Any, scored: Any, sensitive: Any, rotated: Any) -> FixedPoint:
    """The score up to which normal weights are set to 0, the shares of their squares that stay and go, the noise."""
    from sympy import And, Eq, Integer, Rational, S, log, true

    from rmtcollapse.equations.scores import score_cdf, score_density, score_square, score_tail
    from rmtcollapse.equations.symbols import unknown
    from rmtcollapse.equations.system import Branch, FixedPoint

    tau, kept = unknown("threshold", r"\tau"), unknown("kept", "f")
    lost, noise = unknown("lost", r"\bar f"), unknown("noise", "g")
    # 1 - s stays together: it may be small
    share = (1 - s) * (1 + scored * tau * score_density(tau, sensitive) / (1 - s))
    # cdfs that are concave, (2 / pi) x (log(1 / x) + 1.2) at most; tails below exp(-x), or exp(-x^2 / 2) for magnitudes
    few = (s / (2 - 2 * log(s)), s * Rational(3, 2))
    many = (Rational(1, 4), -2 * log(1 - s))
    mixed = {noise: 1 - rotated + rotated * lost}
    branches = (
        Branch("few weights, by score", And(scored > 0, s > 0, 2 * s < 1),
               {lost: score_square(tau, sensitive), kept: 1 - lost, **mixed}, (tau,),
               (score_cdf(tau, sensitive) / s - 1,), few),
        Branch("many weights, by score", And(scored > 0, s > 0), {kept: share, lost: 1 - kept, **mixed}, (tau,),
               (score_tail(tau, sensitive) / (1 - s) - 1,), many),
        Branch("at random", true, {tau: S.Zero, lost: s, kept: 1 - s, **mixed}),
    )  # fmt: skip
    stated = (
        Eq(scored * score_cdf(tau, sensitive), scored * s),
        Eq(kept, share),
        Eq(kept + lost, Integer(1)),
        Eq(noise, 1 - rotated * kept),
    )
    return FixedPoint("pruning", (tau, kept, lost, noise), stated, branches)


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
