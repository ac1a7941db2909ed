r"""Ridge classifiers on real rows and on rows of a generator that was fitted to a sample of its own.

Setting: as in :mod:`rmtcollapse.equivalents.groups`, signed rows :math:`(yx,yt)`, no intercept. Group 1 has :math:`n_1`
real rows of mean :math:`B\nu_1` and covariance :math:`C_1`, with target 1. A generator has a sample of :math:`\hat n`
independent rows of mean :math:`B\nu_2` and covariance :math:`C_2`; group 2 has :math:`n_2` rows that it drew with its
sample covariance and with the exact mean (:math:`\iota=0`) or its sample mean (:math:`\iota=1`), whose target has the
mean :math:`\theta` and the variance *v*. The test class has mean :math:`B\mu` and covariance *A*. Values are averages
over the generator as well.

With :math:`f_k=n_k/N` and :math:`\chi=n_2/\hat n`, as in :mod:`rmtcollapse.equivalents.generated_rows_weights`,

.. math:: h_1=\frac1{\lambda+t_1},\qquad h_2=\frac1\kappa,\qquad \kappa=u+\chi t_2,\qquad u\,\omega=\lambda,\qquad
          \kappa=t_2+\omega\kappa ,

and *Q*, :math:`t_k`, :math:`g_k=-h_k'` and the leverages :math:`z_k` are those of groups. What differs is how targets
enter: an error of a generated row's target has the gain :math:`e=E\frac s{(\lambda+st)^2}` in the place of
:math:`g_2=E\frac{s^2}{(\lambda+st)^2}`, and the mean is pulled by :math:`1/p=f_2/(u+\iota\chi t_2)` in the place of
:math:`f_2h_2`. With the projector :math:`\Pi` on :math:`\nu_2` the mean fit :math:`w=QBx` solves
:math:`(G^{-1}+a_1\nu_1\nu_1^\top+\frac1p\nu_2\nu_2^\top)Gx=a_1\nu_1+\frac\theta p\nu_2`, written so that
:math:`p=0` is an ordinary value (more rows than the generator's sample, and no ridge). With
:math:`\eta=\theta-\nu_2^\top B^\top w`

.. math:: V=w^\top Aw+f_1z_1\{(1-\nu_1^\top B^\top w)^2+w^\top C_1w\}+f_2z_2\Big\{w^\top C_2w+\frac1{g_2}\Big[
          e\,\big(\eta^2(1-\iota+\iota u/\kappa)^2+v\big)+\iota\chi\frac{\eta^2}{\kappa^2}\Big]\Big\} .

:math:`\hat n=\infty` is :math:`\chi=0`, :math:`e=g_2=h_2^2`: two groups. Ridgeless limits are those of groups, with
:math:`n_1+\min(n_2,\hat n)` in the place of the rows; where :math:`n_2=\hat n` and these are fewer than directions, *e*
is infinite.

Source: derived here; it agrees with the averages of the fit given the generator that are derived in the same way from a
two-level equivalent, and with simulation.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from rmtcollapse.equations.matrices import MatrixParameter, MatrixSystem
from rmtcollapse.equations.symbols import Parameter, limit_product, normal_cdf, unknown

__all__ = ["generated_rows_system", "score_outputs"]


def _matrix(name: str, letter: str, rows: Any, columns: Any) -> MatrixParameter:
    return MatrixParameter(name, rows, columns, letter)


def score_outputs(mean: sp.Expr, variance: sp.Expr) -> dict[Any, Any]:
    """Mean and variance of the score of a positive row, accuracy and risk."""
    m, V = Parameter("score_mean", "m", real=True), unknown("score_variance", "V")
    accuracy, risk = unknown("accuracy", r"\mathrm{acc}"), unknown("risk", r"\mathrm{risk}")
    return {m: mean, V: variance, accuracy: normal_cdf(m / sp.sqrt(V)), risk: (1 - m) ** 2 + V}


def generated_rows_system(*, real: bool = True) -> MatrixSystem:  # noqa: PLR0915
    """The equations, with real rows or without.

    Parameters
    ----------
    real : bool
        Whether there are real rows.
    """
    d, r = unknown("dimension", "d"), unknown("directions", "r")
    N, lam, eps = unknown("samples", "N"), unknown("ridge", r"\lambda"), unknown("epsilon", r"\epsilon")
    n = [unknown(f"rows_{k}", f"n_{{{k}}}") for k in (1, 2)]
    load, iota = unknown("load", r"\chi"), unknown("own_mean", r"\iota")
    theta, noise = Parameter("agreement", r"\theta", real=True), unknown("target_variance", "v")
    B, unseen = _matrix("basis", "B", d, r), _matrix("unseen", r"\Pi_0", d, d)
    C = [_matrix(f"covariance_{k}", f"C_{{{k}}}", d, d) for k in (1, 2)]
    nu = [_matrix(f"mean_{k}", rf"\nu_{{{k}}}", r, 1) for k in (1, 2)]
    Pi, rest = _matrix("along", r"\Pi", r, r), _matrix("across", r"\Pi^\perp", r, r)
    A, mu = _matrix("test_covariance", "A", d, d), _matrix("test_mean", r"\mu", r, 1)

    ks = (0, 1) if real else (1,)
    t = [unknown(f"trace_{k}", f"t_{{{k}}}") for k in (1, 2)]
    z = [unknown(f"leverage_{k}", f"z_{{{k}}}") for k in (1, 2)]
    u, omega, e = unknown("pull_scale", "u"), unknown("left_share", r"\omega"), unknown("target_gain", "e")

    f = [unknown(f"fraction_{k}", f"f_{{{k}}}") for k in (1, 2)]
    h = [unknown(f"kernel_{k}", f"h_{{{k}}}") for k in (1, 2)]
    g = [unknown(f"square_{k}", f"g_{{{k}}}") for k in (1, 2)]
    kappa, push, a = unknown("scale", r"\kappa"), unknown("push", "p"), unknown("pull", "a_1")
    Q, G, L = _matrix("resolvent", "Q", d, d), _matrix("gram", "G", r, r), _matrix("normal", "L", r, r)
    w, x, y = _matrix("fit", "w", d, 1), _matrix("solution", "x", r, 1), _matrix("coordinates", "y", r, 1)
    P = [_matrix(f"learned_{k}", f"P_{{{k}}}", d, d) for k in (1, 2)]
    T = _matrix("tested", "T", d, d)
    pairs = [[unknown(f"pair_{k}_{j}", f"H_{{{k}{j}}}") for j in (1, 2)] for k in (1, 2)]
    heads = [unknown(f"head_{k}", f"J_{{{k}}}") for k in (1, 2)]
    miss = Parameter("miss", r"\eta", real=True)

    def form(vector: sp.MatrixExpr, matrix: sp.MatrixExpr) -> sp.Expr:
        return sp.Trace(vector.T * matrix * vector)

    definitions: dict[Any, Any] = {f[k]: n[k] / N for k in ks}
    definitions[kappa] = u + load * t[1]
    definitions |= {h[k]: (1 / (lam + t[0]), 1 / kappa)[k] for k in ks}
    squares = (h[0] ** 2, h[1] ** 2 * (1 + limit_product(load * omega**2 * kappa**2, e)))
    definitions |= {g[k]: squares[k] for k in ks}
    definitions[push] = (u + iota * load * t[1]) / f[1]
    seen = [f[k] * h[k] * C[k] for k in ks]
    definitions[Q] = sp.MatAdd(sp.Inverse(sp.MatAdd(eps * sp.Identity(d), *seen, unseen)), -unseen)
    definitions |= {P[k]: C[k] * Q for k in ks} | {T: A * Q}
    definitions |= {pairs[k][j]: sp.Trace(P[k] * P[j]) for k in ks for j in ks}
    definitions |= {heads[k]: sp.Trace(P[k] * T) for k in ks}
    definitions[G] = B.T * Q * B
    scale = sp.MatAdd(push * Pi, rest)
    if real:
        definitions[a] = f[0] * h[0]
        left = sp.MatAdd(sp.Identity(r), a * nu[0] * nu[0].T * G)
        right = sp.MatAdd(scale * (a * nu[0]), theta * nu[1])
    else:
        left, right = sp.Identity(r), theta * nu[1]
    definitions[L] = sp.MatAdd(scale * left, nu[1] * nu[1].T * G)
    definitions[x] = sp.Inverse(L) * right
    definitions[w] = Q * B * x
    definitions[y] = B.T * w
    definitions[miss] = theta - sp.Trace(nu[1].T * y)

    statement = [sp.Eq(t[k], sp.Trace(P[k]) / N, evaluate=False) for k in ks]
    statement.append(sp.Eq(u * omega, lam, evaluate=False))
    statement.append(sp.Eq(kappa, t[1] + omega * kappa, evaluate=False))
    statement.append(sp.Eq(e * kappa * (u + load * t[1] * omega), 1, evaluate=False))
    for k in ks:
        chain = sp.Add(heads[k], *(f[j] * z[j] * pairs[k][j] for j in ks))
        statement.append(sp.Eq(z[k], g[k] / N * chain, evaluate=False))

    told = limit_product(e, (miss * (1 - iota + iota * u / kappa)) ** 2 + noise) + iota * load * (miss / kappa) ** 2
    variance = form(w, A) + f[1] * z[1] * (form(w, C[1]) + told / g[1])
    if real:
        variance += f[0] * z[0] * ((1 - sp.Trace(nu[0].T * y)) ** 2 + form(w, C[0]))
    own = [s for k in ks for s in (n[k], C[k], nu[k])]
    return MatrixSystem(
        name=f"generated_rows_{'and_real' if real else 'alone'}",
        parameters=(d, r, N, lam, eps, load, iota, theta, noise, B, unseen, Pi, rest, *own, A, mu),
        unknowns=(*(t[k] for k in ks), u, omega, e, *(z[k] for k in ks)),
        definitions=definitions,
        statement=tuple(statement),
        outputs=score_outputs(sp.Trace(mu.T * y), variance),
    )
