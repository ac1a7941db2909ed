r"""Best rank-one approximations of spiked matrices and tensors: the equations that these models share.

Setting: a tensor of order *d* and sizes :math:`n_i`, :math:`T=\beta\,x_1\otimes\dots\otimes x_d+W/\sqrt{\sum_in_i}`,
*W* standard normal, :math:`x_i` of length one, :math:`c_i=n_i/\sum_jn_j`. Let
:math:`\lambda\,u_1\otimes\dots\otimes u_d` be its best rank-one approximation, that is the local maximum that is
correlated with the signal, and :math:`q_i=|x_i^\top u_i|`. The block matrix of the contractions of *T* by the
:math:`u_j` has a resolvent at :math:`\lambda` whose traces :math:`g_i` and the overlaps :math:`q_i` solve

.. math:: -\lambda g_i=c_i+g_i\sum_{j\ne i}g_j,\qquad q_i^2+g_i^2/c_i=1,\qquad
          \lambda+\sum_ig_i=\beta\prod_iq_i ;

with an argument *z* in the upper half plane in the place of :math:`\lambda` the first of them have one solution there
and give the law of that matrix, that of a variance profile of ones off the diagonal and zeros on it: its Stieltjes
transform is :math:`\sum_ig_i=s-z` with :math:`z=s+\tfrac12\sum_i(r_i-s)`, :math:`r_i^2=s^2+4c_i`. Where the
strength is too low, the place of the last equation is taken by the one of the edge,
:math:`\sum_is/(s-2g_i)=d-2` with :math:`s=\lambda+\sum_ig_i`, and the alignments are zero.

Source: stated in Seddik, Guillaud and Couillet 2024 (arXiv 2112.12348); at order two they are solved by the formulas of
Benaych-Georges and Nadakuditi 2012. The equation of the edge is derived here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import sympy as sp

from rmtcollapse.equations.matrices import MatrixSystem
from rmtcollapse.equations.symbols import Column, Parameter, parameter, total, unknown

__all__ = ["any_order_system", "rank_one", "real", "spiked_system"]


class _Product(sp.Expr):  # type: ignore[misc]
    r"""The product of a column over all modes, :math:`\prod_jf_j`: to be read."""

    is_commutative = True

    @property
    def free_symbols(self) -> set[sp.Basic]:
        """None: the column is bound."""
        return set()

    def _latex(self, printer: Any) -> str:
        return rf"\left(\prod_j {printer.doprint(self.args[0])}\right)"


class _RankOne(NamedTuple):
    """What determines a best rank-one approximation."""

    unknowns: tuple[Parameter, ...]
    statement: tuple[Any, ...]


class _Mode(NamedTuple):
    """Share, trace of the resolvent and overlap of one mode."""

    c: Any
    g: Any
    q: Any


class _Over(NamedTuple):
    """Sum and product over all modes of what is formed of each, and the number of modes."""

    add: Callable[[Callable[[_Mode], Any]], Any]
    multiply: Callable[[Callable[[_Mode], Any]], Any]
    order: Any


def real(name: str, letter: str) -> Parameter:
    return Parameter(name, letter, real=True)


def _each(modes: Sequence[_Mode]) -> _Over:
    return _Over(lambda f: sp.Add(*map(f, modes)), lambda f: sp.Mul(*map(f, modes)), len(modes))


def _states(mode: _Mode, over: _Over, lam: Any) -> tuple[Any, Any]:
    """What holds for one mode."""
    c, g, q = mode
    others = over.add(lambda m: m.g) - g
    return sp.Eq(-lam * g, c + g * others, evaluate=False), sp.Eq(q**2 + g**2 / c, 1, evaluate=False)


def _closes(over: _Over, s: Any, lam: Any, beta: Any, detected: Any) -> tuple[Any, Any]:
    """What holds for all modes together: the signal, or the edge in its place."""
    edge = over.add(lambda m: s / (s - 2 * m.g))
    signal = beta * over.multiply(lambda m: m.q)
    either = detected * s + (1 - detected) * edge, detected * signal + (1 - detected) * (over.order - 2)
    return sp.Eq(lam, s - over.add(lambda m: m.g), evaluate=False), sp.Eq(*either, evaluate=False)


def _scalars(tag: str = "", mark: str = "") -> tuple[Parameter, Parameter]:
    return unknown(f"{tag}excess", f"s{mark}"), unknown(f"{tag}singular_value", rf"\lambda{mark}")


def rank_one(c: Sequence[Any], beta: Any, detected: Any, tag: str = "", mark: str = "") -> _RankOne:
    """Unknowns and equations for these shares and this strength."""
    g = [real(f"{tag}kernel_{i}", f"g{mark}_{{{i}}}") for i in range(1, len(c) + 1)]
    q = [unknown(f"{tag}overlap_{i}", f"q{mark}_{{{i}}}") for i in range(1, len(c) + 1)]
    s, lam = _scalars(tag, mark)
    modes = [_Mode(*mode) for mode in zip(c, g, q, strict=True)]
    over = _each(modes)
    own = [relation for mode in modes for relation in _states(mode, over, lam)]
    return _RankOne((*g, *q, s, lam), (*own, *_closes(over, s, lam, beta, detected)))


def _strengths() -> tuple[Parameter, Parameter]:
    return parameter("strength", r"\beta"), parameter("detectable", r"[\beta>\beta_s]", exact=True)


def spiked_system(order: int) -> MatrixSystem:
    """The equations for a tensor of this order, its signal detected (a parameter that is 1) or not (0)."""
    modes = range(1, order + 1)
    n = [parameter(f"size_{i}", f"n_{{{i}}}", exact=True) for i in modes]
    beta, detected = _strengths()
    c = [unknown(f"share_{i}", f"c_{{{i}}}") for i in modes]
    found = rank_one(c, beta, detected)
    q = found.unknowns[order : 2 * order]
    return MatrixSystem(
        name=f"spiked_{order}",
        parameters=(*n, beta, detected),
        unknowns=found.unknowns,
        definitions={c[i]: n[i] / sp.Add(*n) for i in range(order)},
        statement=found.statement,
        outputs={unknown(f"alignment_{i}", f"a_{{{i}}}"): detected * q[i - 1] ** 2 for i in modes},
    )


def any_order_system() -> MatrixSystem:
    """The same equations for a mode *i* of a tensor of any order *d*, to be read; sums are over all modes *j*."""
    n, order = parameter("size", "n_i", exact=True), parameter("order", "d", exact=True)
    beta, detected = _strengths()
    mode = _Mode(unknown("share", "c_i"), real("kernel", "g_i"), unknown("overlap", "q_i"))
    bound = _Mode(Column("share", "c_j"), Column("kernel", "g_j", real=True), Column("overlap", "q_j"))
    over = _Over(lambda f: total(f(bound)), lambda f: _Product(f(bound)), order)
    s, lam = _scalars()
    return MatrixSystem(
        name="spiked",
        parameters=(n, order, beta, detected),
        unknowns=(mode.g, mode.q, s, lam),
        definitions={mode.c: n / total(Column("size", "n_j"))},
        statement=(*_states(mode, over, lam), *_closes(over, s, lam, beta, detected)),
        outputs={unknown("alignment", "a_i"): detected * mode.q**2},
    )
