"""The equations of a chain of different layers in SymPy, as sums over the layers: first moments, upper edge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rmtcollapse.equations.system import FixedPoint, System

__all__ = ["layered_system"]


def layered_system(edge: bool = True) -> System:
    """The system; without an `edge` the largest singular value is that of the largest slopes, an atom or a limit."""
    from sympy import exp, log

    from rmtcollapse.equations.symbols import Column, parameter, total, unknown
    from rmtcollapse.equations.system import System

    N, M, v = Column("inputs", "N_{j-1}"), Column("wide", "M_j"), Column("variance", r"\sigma_j^2")
    mean, square, top = Column("mean", r"\mu_{1,j}"), Column("square", r"\mu_{2,j}"), Column("largest", r"d_{\max,j}")
    psi, xi = Column("psi", r"\psi_j"), Column("argument", r"\xi_j")
    outputs_, depth = parameter("outputs", "N_L", exact=True), parameter("depth", "L", exact=True)
    rotated = parameter("orthogonal", r"[\mathrm{orthogonal}]", exact=True)
    m1, ratio = unknown("mean_square", "m_1"), unknown("fourth_moment_ratio", "m_2/m_1^2")
    place, largest = unknown("log_edge", r"\log x"), unknown("largest_singular_value", r"\sigma_{\max}")
    outputs: dict[Any, Any] = {
        m1: exp(total(log(v * mean))),
        ratio: 1 + outputs_ * total(square / mean**2 / N - rotated / M),
    }
    points, given, columns = [], [outputs_, rotated], [N, M, v, mean, square]
    if edge:
        points, given = [_edge(depth, outputs_, rotated)], [depth, *given]
        u = points[0].unknowns[0]
        outputs[place] = log((1 + u) / u) + total(log(v * psi / xi) - rotated * log(1 + N * psi / M))
        columns += [psi, xi, Column("rate", "e_j")]
    else:
        outputs[place] = total(log(v * top * M / N))
        columns.append(top)
    outputs[largest] = exp(place / 2)
    return System("layered_jacobian", given, columns, points, {}, outputs, kernel=_kernel(psi, xi) if edge else {})


def _edge(depth: Any, outputs: Any, rotated: Any) -> FixedPoint:
    """Where log x is stationary: u and the arguments of the layers are found on the curve, and judged here."""
    from sympy import Eq, true

    from rmtcollapse.equations.symbols import Column, total, unknown
    from rmtcollapse.equations.system import Branch, FixedPoint

    N, M = Column("inputs", "N_{j-1}"), Column("wide", "M_j")
    psi, rate, u = Column("psi", r"\psi_j"), Column("rate", "e_j"), unknown("trace", "u")
    stated = (
        Eq(u, total(N * psi) / (depth * outputs)),
        Eq(1 / (1 + u) + total(1 / rate), total(1 - rotated + rotated * M / (M + N * psi))),
    )
    return FixedPoint("upper edge", (u,), stated, (Branch("upper edge", true, {u: stated[0].rhs}),))


def _kernel(psi: Any, xi: Any) -> dict[Any, Any]:
    """What the curve gives: the arguments, at which all layers have the same trace."""
    from sympy import Function, Symbol

    from rmtcollapse.equations.symbols import Column

    mean = Function(r"\operatorname{E}")
    slope = Column("slope", "d_j")
    after, bias, variance = Symbol("q_{j+1}"), Symbol(r"\sigma_b^2"), Column("variance", r"\sigma_j^2")
    energy = mean(Function(r"\varphi")(Symbol(r"\sqrt{q_j}Z")) ** 2)
    return {
        psi: mean(slope * xi / (1 - slope * xi)),
        Column("rate", "e_j"): mean(slope * xi / (1 - slope * xi) ** 2) / psi,
        after: variance * energy + bias,
    }
