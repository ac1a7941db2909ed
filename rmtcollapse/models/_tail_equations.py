"""The sums of heavy-tailed tokens in SymPy: what is printed, and what the mpmath reference evaluates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from rmtcollapse.equations.latex import expression_latex
from rmtcollapse.equations.symbols import Parameter, normal_cdf, parameter, unknown

__all__ = ["TailEquations", "memory_equations", "tail_equations"]


@dataclass(frozen=True)
class TailEquations:
    """Sums over tokens, written once.

    Attributes
    ----------
    parameters : tuple of Parameter
        Scalars of the model.
    definitions : mapping of Symbol to Expr
        Normalisations, and the number of draws that synthetic tokens are worth.
    token : mapping of Expr to Expr
        What belongs to one token *i*: its probabilities, and its chance not to be seen for each kind of draws.
    chain : mapping of Expr to Expr
        The chance not to be seen given the count in the last data set, and how it is carried back by one data set.
    outputs : mapping of Parameter to Expr
        The values.
    note : str
        What is to be said beside them, in LaTeX.
    """

    parameters: tuple[Parameter, ...]
    definitions: Mapping[Parameter, sp.Expr]
    token: Mapping[str, tuple[sp.Expr, sp.Expr]]
    chain: Mapping[str, tuple[sp.Expr, sp.Expr]]
    outputs: Mapping[Parameter, sp.Expr]
    note: str

    @property
    def unknowns(self) -> list[Parameter]:
        """None: nothing is solved for."""
        return []

    def latex(self) -> str:
        """All equations as one LaTeX ``aligned`` block."""
        pairs = [*self.definitions.items(), *self.token.values(), *self.chain.values(), *self.outputs.items()]
        lines = [rf"{expression_latex(left)} &= {expression_latex(right)}" for left, right in pairs]
        lines.append(rf"& {self.note}")
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def _binomial(size: sp.Expr, x: sp.Expr, share: sp.Expr) -> sp.Expr:
    return sp.binomial(size, x) * share**x * (1 - share) ** (size - x)


def tail_equations() -> TailEquations:
    """The equations of :class:`~rmtcollapse.models.heavy_tail.HeavyTail`."""
    beta, T = parameter("exponent", r"\beta"), parameter("samples", "T", exact=True)
    k, other = parameter("tail_cut", "k", exact=True), parameter("narrowed_exponent", r"\beta'")
    share, n = parameter("real_fraction", r"\pi"), parameter("generations", "n", exact=True)
    T0 = parameter("generator_samples", "T_0", exact=True)
    scale, made, tau = unknown("scale", "C"), unknown("synthetic_scale", "C'"), unknown("effective_samples", r"\tau")
    i, j, x, y, step = (sp.Symbol(s, nonnegative=True) for s in ("i", "j", "x", "y", r"\ell"))
    # Functions of a token, of a count; their letters are those of the docstring.
    p, r, missed, worth = sp.IndexedBase("p"), sp.IndexedBase("r"), sp.IndexedBase("U"), sp.Function("t")
    kept = sp.Function("h")
    after = 1 - share * p[i] - (1 - share) * x / T0
    token = {
        "real": (p[i], scale * i**-beta),
        "synthetic": (r[i], sp.Piecewise((made * i**-other, i <= k), (0, True))),
        "independent": (sp.Symbol("U^{(0)}_i"), (1 - share * p[i] - (1 - share) * r[i]) ** T),
        "chain": (sp.Symbol("U^{(n)}_i"), sp.Sum(_binomial(T0, x, r[i]) * kept(n - 1, x), (x, 0, T0))),
        "poisson": (sp.Symbol(r"U^{\mathrm{Poisson}}_i"), sp.exp(-share * T * p[i] - tau * r[i])),
    }
    chain = {
        "last": (kept(0, x), after**T),
        "step": (kept(step + 1, x), sp.Sum(_binomial(T0, y, x / T0) * kept(step, y), (y, 0, T0))),
        "effective_last": (worth(0), (1 - share) * T),
        "effective_step": (worth(step + 1), T0 * (1 - sp.exp(-worth(step) / T0))),
    }
    return TailEquations(
        parameters=(beta, T, k, other, share, n, T0),
        definitions={
            scale: 1 / sp.zeta(beta),
            made: 1 / sp.Sum(j**-other, (j, 1, k)),
            tau: worth(n),
        },
        token=token,
        chain=chain,
        outputs={
            unknown("test_error", "E"): sp.Sum(p[i] * missed[i], (i, 1, sp.oo)),
            unknown("learned_tokens", "L"): sp.Sum(1 - missed[i], (i, 1, sp.oo)),
            unknown("asymptotic_test_error", r"E_\infty"): _scaling(beta, other, scale, made, share, T, k, tau),
        },
        note=r"\text{with } U^{(0)} \text{ for } n = 0, \text{ else } U^{(n)} \text{ or Poisson counts}",
    )


def _scaling(
    beta: Parameter, other: Parameter, scale: Parameter, made: Parameter, share: Parameter, T: Parameter,
    k: Parameter, tau: Parameter,
) -> sp.Expr:  # fmt: skip
    """The scaling law: the synthetic one with the floor of the cut, or that of the real draws where it is less."""

    def law(tail: sp.Expr, constant: sp.Expr, draws: sp.Expr) -> sp.Expr:
        rate = (beta - 1) / tail
        return scale / tail * (constant * draws) ** -rate * sp.gamma(rate)

    real = share * T
    synthetic = sp.Piecewise((law(beta, scale, real + tau), sp.Eq(other, beta)), (law(other, made, tau), True))
    floor = scale * k ** (1 - beta) / (beta - 1)
    return sp.Min(synthetic + floor, law(beta, scale, real))


def memory_equations() -> TailEquations:
    """The equations of :class:`~rmtcollapse.models.associative_memory.AssociativeMemory`."""
    beta, K = parameter("exponent", r"\beta"), parameter("tokens", "K", exact=True)
    d, k = parameter("dimension", "d", exact=True), parameter("tail_cut", "k", exact=True)
    scale = unknown("scale", "C")
    i, j, length = (sp.Symbol(s, nonnegative=True) for s in ("i", "j", "R"))
    p, q, right = sp.IndexedBase("p"), sp.IndexedBase("q"), sp.IndexedBase("A")
    density = 2 ** (1 - d / 2) / sp.gamma(d / 2) * length ** (d - 1) * sp.exp(-(length**2) / 2)
    others = sp.Product(normal_cdf(length * q[i] / q[j]), (j, 1, k)) / normal_cdf(length)
    return TailEquations(
        parameters=(beta, K, d, k),
        definitions={scale: 1 / sp.Sum(j**-beta, (j, 1, K))},
        token={
            "mass": (p[i], scale * i**-beta),
            "right": (right[i], sp.Integral(density * others, (length, 0, sp.oo))),
        },
        chain={},
        outputs={
            unknown("test_error", "E"): 1 - sp.Sum(p[i] * right[i], (i, 1, k)),
            unknown("learned_tokens", "L"): sp.Sum(right[i], (i, 1, k)),
        },
        note=r"\text{with } q_j = p_j \text{ (frequency) or } 1 \text{ (uniform) for } j \le k",
    )
