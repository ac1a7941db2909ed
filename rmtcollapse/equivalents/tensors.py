r"""Best rank-one approximations of spiked matrices and tensors: the equations that these models share.

Setting: a tensor of order *d* and sizes :math:`n_i`, :math:`T=\beta\,x_1\otimes\dots\otimes x_d+W/\sqrt{\sum_in_i}`,
*W* standard normal, :math:`x_i` of length one, :math:`c_i=n_i/\sum_jn_j`. Let
:math:`\lambda\,u_1\otimes\dots\otimes u_d` be its best rank-one approximation, that is the local maximum that is
correlated with the signal, and :math:`q_i=|x_i^\top u_i|`. The block matrix of the contractions of *T* by the
:math:`u_j` has a resolvent at :math:`\lambda` whose traces :math:`g_i` and the overlaps :math:`q_i` solve

.. math:: -\lambda g_i=c_i+g_i\sum_{j\ne i}g_j,\qquad q_i^2+g_i^2/c_i=1,\qquad
          \lambda+\sum_ig_i=\beta\prod_iq_i ;

with a complex argument in the place of :math:`\lambda` the first of them give the density of that matrix. Where the
strength is too low, the place of the last equation is taken by the one of the edge,
:math:`\sum_is/(s-2g_i)=d-2` with :math:`s=\lambda+\sum_ig_i`, and the alignments are zero.

Source: stated in Seddik, Guillaud and Couillet 2024 (arXiv 2112.12348); at order two they are solved by the formulas of
Benaych-Georges and Nadakuditi 2012. The equation of the edge is derived here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from rmtcollapse.equations.matrices import MatrixSystem
from rmtcollapse.equations.symbols import Parameter, parameter, unknown

__all__ = ["rank_one", "real", "spiked_system"]


class _RankOne(NamedTuple):
    """What determines a best rank-one approximation."""

    unknowns: tuple[Parameter, ...]
    statement: tuple[Any, ...]


def real(name: str, letter: str) -> Parameter:
    return Parameter(name, letter, real=True)


def _total(terms: Any) -> Any:
    from sympy import Add

    return Add(*terms)


def rank_one(c: Sequence[Any], beta: Any, detected: Any, tag: str = "", mark: str = "") -> _RankOne:
    """Unknowns and equations for these shares and this strength."""
    from sympy import Eq, Mul

    modes = range(len(c))
    g = [real(f"{tag}kernel_{i + 1}", f"g{mark}_{{{i + 1}}}") for i in modes]
    q = [unknown(f"{tag}overlap_{i + 1}", f"q{mark}_{{{i + 1}}}") for i in modes]
    s, lam = unknown(f"{tag}excess", f"s{mark}"), unknown(f"{tag}singular_value", rf"\lambda{mark}")
    statement = []
    for i in modes:
        others = _total(g[j] for j in modes if j != i)
        statement.append(Eq(-lam * g[i], c[i] + g[i] * others, evaluate=False))
        statement.append(Eq(q[i] ** 2 + g[i] ** 2 / c[i], 1, evaluate=False))
    statement.append(Eq(lam, s - _total(g), evaluate=False))
    edge = _total(s / (s - 2 * x) for x in g)
    either = detected * s + (1 - detected) * edge, detected * beta * Mul(*q) + (1 - detected) * (len(c) - 2)
    statement.append(Eq(*either, evaluate=False))
    return _RankOne((*g, *q, s, lam), tuple(statement))


def spiked_system(order: int) -> MatrixSystem:
    """The equations for a tensor of this order, its signal detected (a parameter that is 1) or not (0)."""
    modes = range(1, order + 1)
    n = [parameter(f"size_{i}", f"n_{{{i}}}", exact=True) for i in modes]
    beta, detected = parameter("strength", r"\beta"), parameter("detectable", r"[\beta>\beta_s]", exact=True)
    c = [unknown(f"share_{i}", f"c_{{{i}}}") for i in modes]
    found = rank_one(c, beta, detected)
    q = found.unknowns[order : 2 * order]
    return MatrixSystem(
        name=f"spiked_{order}",
        parameters=(*n, beta, detected),
        unknowns=found.unknowns,
        definitions={c[i]: n[i] / _total(n) for i in range(order)},
        statement=found.statement,
        outputs={unknown(f"alignment_{i}", f"a_{{{i}}}"): detected * q[i - 1] ** 2 for i in modes},
    )
