r"""The vocabulary in which a system is written: parameters, columns of a law, sums over its directions.

A *law* is the joint law of what a formula attaches to each direction of the population: its eigenvalue, the squared
target coefficient along it, and so on. ``total(f)`` is :math:`\sum_j f(s_j, w_j^2, \dots)` over the directions
(an eigenvalue of multiplicity five counts five times), a symbolic node that differentiates under the sum.
"""

from __future__ import annotations

from typing import Any, Self

import sympy as sp

__all__ = ["Column", "Count", "Parameter", "Total", "filter_factor", "kept_share", "limit_product", "lost_share"]
__all__ += ["normal_cdf", "parameter", "poisson_moment", "reciprocal_sum", "total", "unknown"]


class _Lettered(sp.Symbol):
    """A symbol with the paper's letter for it. The letter is part of its identity: n and T are different symbols."""

    __slots__ = ("letter",)
    letter: str

    def __new__(cls, name: str, letter: str, **assumptions: Any) -> Self:
        # Past SymPy's symbol cache, which knows names and assumptions only.
        made: Self = sp.Symbol.__xnew__(cls, name, **(assumptions or {"nonnegative": True}))
        made.letter = letter
        return made

    def _hashable_content(self) -> tuple[Any, ...]:
        return (*super()._hashable_content(), self.letter)

    def _latex(self, printer: Any) -> str:
        return self.letter


class Column(_Lettered):
    """A quantity attached to each direction; bound by the surrounding :class:`Total`."""

    __slots__ = ()


class Parameter(_Lettered):
    """A scalar: given by the user, an unknown, or a named quantity."""

    __slots__ = ()


class Count(Parameter):
    """A scalar that is a whole number, which floating point adds without error."""

    __slots__ = ()


def parameter(name: str, letter: str, *, exact: bool = False) -> Parameter:
    """A non-negative scalar parameter, printed as `letter`; `exact` marks a whole number."""
    return (Count if exact else Parameter)(name, letter)


def unknown(name: str, letter: str) -> Parameter:
    """A non-negative scalar that a fixed point determines, or a named quantity, printed as `letter`."""
    return Parameter(name, letter)


class Total(sp.Expr):
    r"""Sum of an expression over the directions of the law, :math:`\sum_j f_j`.

    Factors that no column touches are taken out, so that equal sums are equal nodes and are computed once.
    """

    is_commutative = True

    def __new__(cls, summand: Any) -> sp.Expr:
        summand = sp.sympify(summand)
        if summand == 0:
            return sp.S.Zero
        outside: list[sp.Expr] = []
        inside: list[sp.Expr] = []
        for factor in sp.Mul.make_args(summand):
            (inside if factor.has(Column) else outside).append(factor)
        node = sp.Expr.__new__(cls, sp.Mul(*inside))
        return sp.Mul(*outside, node)

    @property
    def summand(self) -> sp.Expr:
        """The expression that is summed."""
        return self.args[0]

    @property
    def free_symbols(self) -> set[sp.Basic]:
        """Symbols that the value of the sum depends on (columns are bound)."""
        return {s for s in self.args[0].free_symbols if not isinstance(s, Column)}

    def _eval_derivative(self, symbol: sp.Symbol) -> sp.Expr:
        return Total(sp.diff(self.args[0], symbol))

    def _latex(self, printer: Any) -> str:
        body = printer._print(self.args[0])
        return rf"\sum_j {body}" if not self.args[0].is_Add else rf"\sum_j \left({body}\right)"


def total(summand: Any) -> sp.Expr:
    r""":math:`\sum_j` of an expression in the columns of the law, counted with multiplicity."""
    return Total(summand)


class filter_factor(sp.Function):  # noqa: N801 - a mathematical function, named as SymPy names them
    r"""The ridge filter :math:`s/(s+\kappa)`, the share of a direction that is learned.

    Kept as a function so that its total (the degrees of freedom) can be computed as a whole number of learned
    directions plus a small remainder: :math:`n - \sum_j s_j/(s_j+\kappa)` is then accurate to rounding however
    close the sum is to *n*.
    """

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        s, kappa = self.args
        return kappa / (s + kappa) ** 2 if argindex == 1 else -s / (s + kappa) ** 2

    def doit(self, **hints: Any) -> sp.Expr:
        s, kappa = (a.doit(**hints) for a in self.args)
        return s / (s + kappa)

    def _latex(self, printer: Any) -> str:
        return printer._print(self.args[0] / (self.args[0] + self.args[1]))


class limit_product(sp.Function):  # noqa: N801
    r"""The product :math:`ab` with :math:`0\cdot\infty = 0`: the limit :math:`\lambda\to0^+` at a threshold.

    At an interpolation threshold the noise gain is infinite; without noise it multiplies nothing.
    """

    nargs = 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return self.args[2 - argindex]

    def doit(self, **hints: Any) -> sp.Expr:
        return self.args[0].doit(**hints) * self.args[1].doit(**hints)

    def _latex(self, printer: Any) -> str:
        return printer._print(sp.Mul(*self.args))


class kept_share(sp.Function):  # noqa: N801
    r"""What is left after *m* steps that lose a share *c* each, :math:`(1-c)^m`, for c >= 0 and a whole m >= 0.

    Kept as a function so that *c* is not rounded where it is small; so is :class:`lost_share`.
    """

    nargs = 2

    def doit(self, **hints: Any) -> sp.Expr:
        share, steps = (a.doit(**hints) for a in self.args)
        return (1 - share) ** steps

    def _latex(self, printer: Any) -> str:
        share, steps = (printer._print(a) for a in self.args)
        return rf"\left(1 - {share}\right)^{{{steps}}}"


class lost_share(sp.Function):  # noqa: N801
    r"""What is lost after *m* steps that lose a share *c* each, :math:`1-(1-c)^m`, for c >= 0 and a whole m >= 0.

    Kept as a function so that nothing cancels where *c* is small.
    """

    nargs = 2

    def doit(self, **hints: Any) -> sp.Expr:
        share, steps = (a.doit(**hints) for a in self.args)
        return 1 - (1 - share) ** steps

    def _latex(self, printer: Any) -> str:
        share, steps = (printer._print(a) for a in self.args)
        return rf"\left(1 - \left(1 - {share}\right)^{{{steps}}}\right)"


class normal_cdf(sp.Function):  # noqa: N801
    r"""The standard normal distribution function :math:`\Phi(x)`, accurate in both tails."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.exp(-(self.args[0] ** 2) / 2) / sp.sqrt(2 * sp.pi)

    def doit(self, **hints: Any) -> sp.Expr:
        return sp.erfc(-self.args[0].doit(**hints) / sp.sqrt(2)) / 2

    def _latex(self, printer: Any) -> str:
        return rf"\Phi\left({printer._print(self.args[0])}\right)"


class poisson_moment(sp.Function):  # noqa: N801
    r"""The expectation :math:`E\{s/(\lambda+st)\}^k` for :math:`s\sim\mathrm{Poisson}(r)`.

    Arguments k, r, :math:`\lambda`, t: what a row that is drawn *s* times contributes to a fit.
    """

    nargs = 4

    def _latex(self, printer: Any) -> str:
        power, rate, lam, t = (printer._print(x) for x in self.args)
        share = rf"\frac{{s}}{{{lam} + s {t}}}"
        body = share if self.args[0] == 1 else rf"\left({share}\right)^{{{power}}}"
        return rf"\operatorname{{E}}_{{s\sim\mathrm{{Poisson}}({rate})}}{body}"


class reciprocal_sum(sp.Function):  # noqa: N801
    r"""The sum :math:`\sum_{i=1}^N\frac{1}{i(a+(i-1)b)}` for :math:`a\ge0`, :math:`b>0`, N >= 1 or infinite.

    Arguments a, b, N. Kept as a function so that any number of terms costs the same; it is infinite at a = 0.
    """

    nargs = 3

    def doit(self, **hints: Any) -> sp.Expr:
        a, b, count = (x.doit(**hints) for x in self.args)
        i = sp.Dummy("i", integer=True, positive=True)
        return sp.Sum(1 / (i * (a + (i - 1) * b)), (i, 1, count)).doit(**hints)

    def _latex(self, printer: Any) -> str:
        first, step, last = (printer._print(x) for x in self.args)
        shown = rf"i\left({first} + (i-1){step}\right)" if self.args[0] != self.args[1] else "i^2"
        factor = "" if self.args[0] != self.args[1] or self.args[1] == 1 else rf"\frac{{1}}{{{step}}}"
        return rf"{factor}\sum_{{i=1}}^{{{last}}} \frac{{1}}{{{shown}}}"
