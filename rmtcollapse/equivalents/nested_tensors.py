r"""The nested matrix-tensor model: the equations of its estimators, in SymPy.

Setting: :math:`T=\beta_TM\otimes z+W/\sqrt{n_T}` with :math:`M=\beta_Mxy^\top+Z/\sqrt{n_1+n_2}`, *Z* and *W* standard
normal, :math:`n_T=n_1+n_2+n_3`, :math:`c_i=n_i/n_T` and :math:`c_i'=n_i/(n_1+n_2)`. All estimates of *y* are stated in
:math:`p=(\beta_T\beta_M)^2` and :math:`S=\beta_T^2`; those of *x* follow by exchanging the sizes :math:`n_1,n_2`.

- ``tensor``: the best rank-one approximation of *T*, as in :mod:`rmtcollapse.equivalents.tensors` but with noise inside
  the signal, :math:`\gamma=Sq_3^2/(c_1+c_2)`;
- ``known``: the mean of the slices with the true weights *z*, which is a spiked matrix;
- ``unfolding``: the first left singular vector of the unfolding :math:`(n_2,n_1n_3)`, a signal with a continuous
  spectrum and an outlier, in noise. At the actual sizes; ``unfolding_limit`` is its leading order;
- ``third``, ``third_limit``: the same for the unfolding :math:`(n_3,n_1n_2)`.

Source: the limits of the unfoldings, the tensor equations and the weighted mean are those of
[LebeauSeddikGoulart2024]_ and [SeddikAchabGoulartDebbah2023]_; unfoldings at the actual sizes follow from Dozier and
Silverstein 2007. Derived again here in *p* and *S*, together with the edges that take the place of an equation where
nothing is detected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from rmtcollapse.equations.matrices import MatrixSystem
from rmtcollapse.equations.symbols import Parameter, normal_cdf, parameter, unknown
from rmtcollapse.equivalents.tensors import rank_one, real

__all__ = ["ESTIMATORS", "joined", "nested_system"]


@dataclass(frozen=True)
class _Common:
    """Parameters and shares that all estimators have in common."""

    n: tuple[Parameter, ...]
    matrix: Parameter
    tensor: Parameter
    detected: Parameter
    c: tuple[Parameter, ...]
    c_matrix: tuple[Parameter, ...]
    v: Parameter
    flags: tuple[Parameter, ...] = ()

    @property
    def definitions(self) -> dict[Any, Any]:
        """Shares, and the variance of the tensor's noise."""
        shares = {x: n * self.v for x, n in zip(self.c, self.n, strict=True)}
        matrix = {x: n / (self.n[0] + self.n[1]) for x, n in zip(self.c_matrix, self.n, strict=False)}
        return {self.v: 1 / (self.n[0] + self.n[1] + self.n[2]), **shares, **matrix}

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What is given."""
        return (*self.n, self.matrix, self.tensor, self.detected, *self.flags)


def _common(tag: str) -> _Common:
    return _Common(
        tuple(parameter(f"size_{i}", f"n_{i}", exact=True) for i in (1, 2, 3)),
        parameter("matrix_strength", r"\beta_M"),
        parameter("tensor_strength", r"\beta_T"),
        parameter(f"{tag}_detected", rf"[\mathrm{{{tag.replace('_', ' ')}}}]", exact=True),
        tuple(unknown(f"share_{i}", f"c_{i}") for i in (1, 2, 3)),
        tuple(unknown(f"matrix_share_{i}", f"c_{i}'") for i in (1, 2)),
        unknown("variance", "v"),
    )


def _system(tag: str, given: _Common, found: Any, definitions: Mapping[Any, Any], estimate: Any) -> MatrixSystem:
    """Put together; the estimate is (alignment, what it misses, singular value), all of the solution."""
    from sympy import sqrt

    alignment, missed, value = estimate
    mark = rf"^{{\mathrm{{{tag.replace('_', ' ')}}}}}"
    names = [unknown(f"{tag}_{n}", letter + mark) for n, letter in
             (("alignment", "a"), ("accuracy", r"\mathrm{acc}"), ("value", r"\sigma"))]  # fmt: skip
    seen = parameter(f"{tag}_seen", rf"[a{mark}>0]", exact=True)
    return MatrixSystem(
        name=f"nested_{tag}",
        parameters=(*given.parameters, seen),
        unknowns=found[0],
        definitions={**given.definitions, **definitions},
        statement=found[1],
        outputs={names[0]: seen * alignment, names[1]: normal_cdf(sqrt(names[0] / missed)), names[2]: value},
    )


def _tensor(tag: str = "tensor") -> MatrixSystem:
    """The best rank-one tensor; for the second mode, or for the third."""
    from sympy import Eq, sqrt

    given = _common(tag)
    (c1, c2, c3), D = given.c, given.detected
    g = [real(f"{tag}_kernel_{i}", f"g_{i}") for i in (1, 2, 3)]
    q = [unknown(f"{tag}_overlap_{i}", f"q_{i}") for i in (1, 2, 3)]
    S, lam = unknown(f"{tag}_excess", "s"), unknown(f"{tag}_singular_value", r"\lambda")
    gamma = unknown(f"{tag}_gamma", r"\gamma")
    r1, r2 = (unknown(f"{tag}_r_{i}", f"r_{i}") for i in (1, 2))
    fall, rise = unknown(f"{tag}_fall", "f"), unknown(f"{tag}_rise", "e")
    w = sqrt(1 + gamma)
    definitions = {r1: S - 2 * w * g[0], r2: S - 2 * w * g[1]}
    weights = parameter(f"{tag}_weights", "[q_3>0]", exact=True)
    # Where nothing is detected: s = 0, or with gamma = 0 the fold of noise alone. No fractions; decimals have none.
    steep = gamma / (1 + gamma) + c3 * q[2] ** 2 / g[2] ** 2
    definitions[fall] = 4 * S + (2 * S + gamma * r1 + gamma * r2) * steep
    definitions[rise] = 4 * S + 2 * gamma * S**2 * (1 / r1 + 1 / r2)
    below = S * (1 + gamma) * (1 / r1 + 1 / r2) * fall
    above = given.tensor * given.matrix * q[0] * q[1] * q[2]
    statement = (
        Eq(-lam * g[0], c1 + g[0] * ((1 + gamma) * g[1] + g[2]), evaluate=False),
        Eq(-lam * g[1], c2 + g[1] * ((1 + gamma) * g[0] + g[2]), evaluate=False),
        Eq(-lam * g[2], c3 + g[2] * (g[0] + g[1]), evaluate=False),
        Eq(q[0] ** 2 + (1 + gamma) * g[0] ** 2 / c1, 1, evaluate=False),
        Eq(q[1] ** 2 + (1 + gamma) * g[1] ** 2 / c2, 1, evaluate=False),
        Eq(q[2] ** 2 + g[2] ** 2 / c3, 1, evaluate=False),
        Eq(gamma * (c1 + c2), weights * given.tensor**2 * q[2] ** 2, evaluate=False),
        Eq(lam, S * w - (1 + gamma) * (g[0] + g[1]) - g[2], evaluate=False),
        Eq(D * S * w + (1 - D) * below, D * above + (1 - D) * rise, evaluate=False),
    )
    own = (q[1] ** 2, (1 + gamma) * g[1] ** 2 / c2) if tag == "tensor" else (q[2] ** 2, g[2] ** 2 / c3)
    given = replace(given, flags=(weights,))
    return _system(tag, given, ((*g, *q, gamma, S, lam), statement), definitions, (*own, lam))


def _known() -> MatrixSystem:
    """The mean with the true weights: a spiked matrix."""
    from sympy import sqrt

    given = _common("known")
    noise, r = unknown("known_noise", r"\nu^2"), unknown("known_energy", "r")
    definitions = {noise: given.tensor**2 + given.c[0] + given.c[1]}
    definitions[r] = given.matrix**2 * given.tensor**2 / noise
    found = rank_one(given.c_matrix, sqrt(r), given.detected, "known_", r"^{\mathrm{known}}")
    (_, g2, _, q2, _, lam), c2 = found.unknowns, given.c_matrix[1]
    return _system("known", given, found, definitions, (q2**2, g2**2 / c2, lam * sqrt(noise)))


def _third() -> MatrixSystem:
    """The unfolding along the third mode at the actual sizes: a spiked matrix as well."""
    from sympy import sqrt

    given = _common("third")
    n1, n2, n3 = given.n
    wide, tall = unknown("third_wide", r"v_{12}"), unknown("third_tall", r"v_3")
    r = unknown("third_energy", "r")
    definitions = {wide: given.v * n1 * n2, tall: given.v * n3}
    definitions[r] = given.tensor**2 * (given.matrix**2 + n1 * n2 / (n1 + n2))
    found = rank_one((wide, tall), sqrt(r), given.detected, "third_", r"^{\mathrm{third}}")
    _, g2, _, q2, _, lam = found.unknowns
    return _system("third", given, found, definitions, (q2**2, g2**2 / tall, lam))


def _third_limit() -> MatrixSystem:
    """The unfolding along the third mode, to leading order: a semicircle and an outlier."""
    from sympy import Eq, Max, sqrt

    given = _common("third_limit")
    n1, n2, n3 = given.n
    unit, z, m = unknown("third_limit_unit", r"\sigma_0"), unknown("third_limit_place", "z"), real("third_limit_m", "m")
    rho = unknown("third_limit_energy", r"\varrho")
    definitions = {unit: given.v * sqrt(n1 * n2 * n3)}
    definitions[rho] = Max(1, given.tensor**2 * (given.matrix**2 + n1 * n2 / (n1 + n2)) / unit)
    statement = (Eq(m**2 + 1, -z * m, evaluate=False), Eq(-m * rho, 1, evaluate=False))
    value = sqrt(given.v * n1 * n2 + unit * z)
    # One minus the alignment is 1 / rho^2, from the slope of m.
    estimate = (rho - 1) * (rho + 1) / rho**2, m**2, value
    return _system("third_limit", given, ((m, z), statement), definitions, estimate)


def _unfolding(tag: str = "unfolding") -> MatrixSystem:
    """The unfolding along the second mode, at the actual sizes or to leading order."""
    from sympy import Eq, sqrt

    given, limit = _common(tag), tag.endswith("limit")
    (n1, n2, n3), (c1, c2), D = given.n, given.c_matrix, given.detected
    unit, S = unknown(f"{tag}_unit", r"\sigma_0"), unknown(f"{tag}_weight", r"\rho" if limit else "S")
    scale = unit if limit else 1
    own, rest, w = (unknown(f"{tag}_{n}", x) for n, x in (("own", r"v_2"), ("rest", r"v_{13}"), ("place", "w")))
    h, dh, first = (unknown(f"{tag}_{n}", x) for n, x in (("h", "h"), ("dh", "h'"), ("first", r"\zeta_0")))
    p, K, m = unknown(f"{tag}_energy", "p"), unknown(f"{tag}_spare", "K"), real(f"{tag}_transform", "m")
    dm, a, b = (unknown(f"{tag}_{n}", x) for n, x in (("slope", "m'"), ("overlap", r"\zeta"), ("missed", r"\bar\zeta")))
    definitions: dict[Any, Any] = {unit: given.v * sqrt(n1 * n2 * n3)} if limit else {}
    definitions |= {S: given.tensor**2 / scale, w: (p + S * c1) * (p + S * c2) / p}
    definitions[first] = K / (p * (p + S * c2))
    line = w + S * (c2 - c1)
    bulk = Eq(S * c2 * w * m**2 + 1, -m * line, evaluate=False)
    if limit:
        z = unknown(f"{tag}_outlier", "z")
        definitions[z] = w - m
        loss, value, whole = first * dm, sqrt(given.v * n1 * n3 + unit * z), first
        bulk = Eq((1 + z * S * c2) * m**2 + 1, -S * c2 * m**3 - m * (z + S * (c2 - c1)), evaluate=False)
    else:
        definitions |= {own: given.v * n2, rest: given.v * (n1 * n3 - n2), h: 1 - own * m, dh: own * dm}
        loss, value = first * dh * (2 * w + rest / h), sqrt(w * h**2 + rest * h)
        whole = first * h
    statement = (
        bulk,
        Eq(p**2, K + S**2 * c1 * c2, evaluate=False),
        Eq(dm * line + S * c2 * m**2, -m - 2 * S * c2 * w * m * dm, evaluate=False),
        Eq(whole, a + loss, evaluate=False),
        Eq(a + b, 1, evaluate=False),
        Eq(D * p + (1 - D) * whole, D * given.tensor**2 * given.matrix**2 / scale + (1 - D) * loss, evaluate=False),
    )
    return _system(tag, given, ((m, dm, a, b, p, K), statement), definitions, (a, b, value))


ESTIMATORS = {
    "tensor": _tensor,
    "tensor_third": lambda: _tensor("tensor_third"),
    "known": _known,
    "third": _third,
    "third_limit": _third_limit,
    "unfolding": _unfolding,
    "unfolding_limit": lambda: _unfolding("unfolding_limit"),
}


def nested_system(estimator: str) -> MatrixSystem:
    """The equations of one of :data:`ESTIMATORS`."""
    return ESTIMATORS[estimator]()


def joined(*systems: MatrixSystem) -> MatrixSystem:
    """Several systems of one model as one."""

    def both(left: MatrixSystem, right: MatrixSystem) -> MatrixSystem:
        return MatrixSystem(
            name=f"{left.name}_{right.name}",
            parameters=tuple(dict.fromkeys((*left.parameters, *right.parameters))),
            unknowns=(*left.unknowns, *right.unknowns),
            definitions={**left.definitions, **right.definitions},
            statement=(*left.statement, *right.statement),
            outputs={**left.outputs, **right.outputs},
        )

    return reduce(both, systems)
