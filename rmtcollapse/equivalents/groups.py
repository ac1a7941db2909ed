r"""Ridge classifiers on groups of Gaussian rows: the equations that every model of a classifier shares.

Setting: group *k* has :math:`n_k` rows of covariance :math:`C_k` (up to bounded rank) and mean :math:`B\nu_k`; the
columns of *B* span the few directions that matter, and regression targets *t* of mean :math:`\theta_k`. Beyond the
mean, features have the covariance :math:`C_k+B\Xi_kB^\top`, the covariance :math:`B\gamma_k` with the target, and the
target the variance :math:`v_k`; so the second moment is :math:`S_k=C_k+B(\nu_k\nu_k^\top+\Xi_k)B^\top`, the cross
moment :math:`c_k=B(\theta_k\nu_k+\gamma_k)`, the target energy :math:`\theta_k^2+v_k`. A row has an independent weight
*s*, and the fit is

.. math:: w=\Big(\tfrac1N\sum_is_ix_ix_i^\top+\lambda\Big)^{-1}\tfrac1N\sum_is_it_ix_i ,

with an unpenalised intercept *b* or without (:math:`\iota` is 1 or 0). Without an intercept a row may be taken with its
label's sign, :math:`(x,t)\to(yx,yt)`: two classes of opposite means are then one group.

With :math:`f_k=n_k/N`, :math:`h_k=E\,s/(\lambda+st_k)` and :math:`g_k=E\,s^2/(\lambda+st_k)^2`
(:math:`h=1/(\lambda+t)`, :math:`g=h^2` without weights),

.. math:: Q=\Big(\epsilon+\sum_lf_lh_lC_l\Big)^{-1},\qquad t_k=\tfrac1N\operatorname{tr}C_kQ,\qquad
          z_k=\frac{g_k}N\operatorname{tr}C_kQ\Big(A+\sum_lf_lz_lC_l\Big)Q,

:math:`\epsilon=1`: with :math:`R=Q/\lambda` and :math:`\delta=t/\lambda` this is the usual
:math:`\delta_k=\frac1N\operatorname{tr}C_kR`. The equations are homogeneous:
:math:`(\lambda,\epsilon)=(0,1)` is
the minimum-norm limit with fewer rows than directions and :math:`(1,0)` that with more, as in
:mod:`rmtcollapse.equivalents.sources`. With :math:`a_k=f_kh_k`, :math:`G=B^\top QB`, the mean fit :math:`w=QBz` solves
the normal equations weighted by *a*, its coordinates are :math:`u=B^\top w`, and with
:math:`\rho_k=(\theta_k-\nu_k^\top u-b)^2+v_k-2\gamma_k^\top u+u^\top\Xi_ku+w^\top C_kw`

.. math:: E\,w^\top Aw=w^\top Aw+\sum_kf_kz_k\rho_k .

Between two of *m* fits whose weights on the same rows are independent, :math:`g_k` is :math:`h_k^2` (times the share of
rows that one fit has of another's, :math:`o`); their mean has the variance *V* of both with shares 1/*m* and
1 - 1/*m*. A test class of mean :math:`B\mu_l` and covariance :math:`A_l` has scores
:math:`N(\mu_l^\top u+b,\,V_l)`.

Source: derived here (the equations of one or two groups are in the papers of the models); checked by simulation.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from rmtcollapse.equations.matrices import MatrixParameter, MatrixSystem
from rmtcollapse.equations.symbols import Parameter, limit_product, normal_cdf, poisson_moment, unknown

__all__ = ["groups_system"]


def _real(name: str, letter: str) -> Parameter:
    return Parameter(name, letter, real=True)


def groups_system(groups: int, classes: int, *, drawn: bool = False) -> MatrixSystem:  # noqa: PLR0915
    """The equations for so many groups and test classes.

    Parameters
    ----------
    groups, classes : int
        How many there are of either.
    drawn : bool
        Whether rows are drawn with replacement, so that their weights are Poisson variables.
    """
    d, r = unknown("dimension", "d"), unknown("directions", "r")
    ks, ls = range(1, groups + 1), range(1, classes + 1)

    def matrix(name: str, letter: str, rows: Any = d, columns: Any = d) -> MatrixParameter:
        return MatrixParameter(name, rows, columns, letter)

    N, lam, eps = unknown("samples", "N"), unknown("ridge", r"\lambda"), unknown("epsilon", r"\epsilon")
    iota, m, overlap = unknown("intercept", r"\iota"), unknown("learners", "m"), unknown("overlap", "o")
    rate = unknown("rate", r"\varrho")
    B, unseen = matrix("basis", "B", d, r), matrix("unseen", r"\Pi_0")
    rows = [unknown(f"rows_{k}", f"n_{{{k}}}") for k in ks]
    C = [matrix(f"covariance_{k}", f"C_{{{k}}}") for k in ks]
    nu = [matrix(f"mean_{k}", rf"\nu_{{{k}}}", r, 1) for k in ks]
    theta = [_real(f"target_{k}", rf"\theta_{{{k}}}") for k in ks]
    extra = [unknown(f"target_variance_{k}", f"v_{{{k}}}") for k in ks]
    spread = [matrix(f"spread_{k}", rf"\Xi_{{{k}}}", r, r) for k in ks]
    covariation = [matrix(f"covariation_{k}", rf"\gamma_{{{k}}}", r, 1) for k in ks]
    A = [matrix(f"test_covariance_{l}", f"A_{{{l}}}") for l in ls]
    mu = [matrix(f"test_mean_{l}", rf"\mu_{{{l}}}", r, 1) for l in ls]
    label = [_real(f"label_{l}", f"y_{{{l}}}") for l in ls]
    prior = [unknown(f"prior_{l}", rf"\pi_{{{l}}}") for l in ls]

    t = [unknown(f"trace_{k}", f"t_{{{k}}}") for k in ks]
    z = [[unknown(f"leverage_{k}_{l}", f"z_{{{k}{l}}}") for k in ks] for l in ls]
    y = [[unknown(f"shared_leverage_{k}_{l}", rf"\tilde z_{{{k}{l}}}") for k in ks] for l in ls]

    f = [unknown(f"fraction_{k}", f"f_{{{k}}}") for k in ks]
    h = [unknown(f"kernel_{k}", f"h_{{{k}}}") for k in ks]
    g = [unknown(f"square_{k}", f"g_{{{k}}}") for k in ks]
    a = [unknown(f"pull_{k}", f"a_{{{k}}}") for k in ks]
    Q, G, M, w = (
        matrix("resolvent", "Q"),
        matrix("gram", "G", r, r),
        matrix("moment", "M", r, r),
        matrix("fit", "w", d, 1),
    )
    beta, u = matrix("cross", r"\beta", r, 1), matrix("coordinates", "u", r, 1)
    mean, target = matrix("mean", r"\bar\nu", r, 1), _real("target", r"\bar\theta")
    whole, b = unknown("pull", "a"), _real("bias", "b")
    off = [matrix(f"centred_{k}", rf"\hat\nu_{{{k}}}", r, 1) for k in ks]
    P = [matrix(f"learned_{k}", f"P_{{{k}}}") for k in ks]
    T = [matrix(f"tested_{l}", f"T_{{{l}}}") for l in ls]
    pairs = [[unknown(f"pair_{k}_{j}", f"H_{{{k}{j}}}") for j in ks] for k in ks]
    heads = [[unknown(f"head_{k}_{l}", f"J_{{{k}{l}}}") for k in ks] for l in ls]
    misfit = [unknown(f"misfit_{k}", rf"\rho_{{{k}}}") for k in ks]
    along = [_real(f"projection_{l}", f"q_{{{l}}}") for l in ls]
    score = [_real(f"score_mean_{l}", f"m_{{{l}}}") for l in ls]
    variance = [unknown(f"score_variance_{l}", f"V_{{{l}}}") for l in ls]

    def number(left: sp.MatrixExpr, right: sp.MatrixExpr) -> sp.Expr:
        return sp.Trace(left.T * right)

    def form(x: sp.MatrixExpr, matrix: sp.MatrixExpr) -> sp.Expr:
        return sp.Trace(x.T * matrix * x)

    definitions: dict[Any, Any] = {f[i]: rows[i] / N for i in range(groups)}
    for i in range(groups):
        definitions[h[i]] = poisson_moment(1, rate, lam, t[i]) if drawn else 1 / (lam + t[i])
        definitions[g[i]] = poisson_moment(2, rate, lam, t[i]) if drawn else h[i] ** 2
        definitions[a[i]] = f[i] * h[i]
    seen = [a[i] * C[i] for i in range(groups)]
    definitions[Q] = sp.MatAdd(sp.Inverse(sp.MatAdd(eps * sp.Identity(d), *seen, unseen)), -unseen)
    definitions |= {P[i]: C[i] * Q for i in range(groups)} | {T[l]: A[l] * Q for l in range(classes)}
    definitions |= {pairs[i][j]: sp.Trace(P[i] * P[j]) for i in range(groups) for j in range(groups)}
    definitions |= {heads[l][i]: sp.Trace(P[i] * T[l]) for l in range(classes) for i in range(groups)}
    definitions[whole] = sp.Add(*a)
    definitions[mean] = sp.MatAdd(*(iota * a[i] / whole * nu[i] for i in range(groups)))
    pulled = sp.Add(*(a[i] * theta[i] for i in range(groups)))
    if not drawn:
        # The same, as h_k - h_1 = h_k h_1 (t_1 - t_k): classes of equal shares cancel where the penalty is large.
        pulled = h[0] * sp.Add(*(f[i] * theta[i] + a[i] * theta[i] * (t[0] - t[i]) for i in range(groups)))
    definitions[target] = iota * pulled / whole
    # Centred, so that nothing is lost where a group is small.
    definitions |= {off[i]: nu[i] - mean for i in range(groups)}
    squares = [x for i in range(groups) for x in (a[i] * off[i] * off[i].T, a[i] * spread[i])]
    crosses = [x for i in range(groups) for x in (a[i] * (theta[i] - target) * off[i], a[i] * covariation[i])]
    definitions[M] = sp.MatAdd(*squares)
    definitions[beta] = sp.MatAdd(*crosses)
    definitions[G] = B.T * Q * B
    definitions[w] = Q * B * sp.Inverse(sp.MatAdd(sp.Identity(r), M * G)) * beta
    definitions[u] = B.T * w
    definitions[b] = target - number(mean, u)
    for i in range(groups):
        within = extra[i] - 2 * number(covariation[i], u) + form(u, spread[i])
        definitions[misfit[i]] = (theta[i] - target - number(off[i], u)) ** 2 + within + form(w, C[i])

    def leverage(gain: sp.Expr, own: list[Any], l: int, i: int) -> sp.Expr:
        return gain / N * (heads[l][i] + sp.Add(*(f[j] * own[j] * pairs[i][j] for j in range(groups))))

    statement = [sp.Eq(t[i], sp.Trace(P[i]) / N, evaluate=False) for i in range(groups)]
    for l in range(classes):
        for i in range(groups):
            statement.append(sp.Eq(z[l][i], leverage(g[i], z[l], l, i), evaluate=False))
            statement.append(sp.Eq(y[l][i], leverage(overlap * h[i] ** 2, y[l], l, i), evaluate=False))
    outputs: dict[Any, Any] = {_real("offset", r"b_0"): b}
    for l in range(classes):
        both = [f[i] * (z[l][i] / m + limit_product(1 - 1 / m, y[l][i])) * misfit[i] for i in range(groups)]
        outputs[along[l]] = number(mu[l], u)
        outputs[score[l]] = along[l] + b
        outputs[variance[l]] = form(w, A[l]) + sp.Add(*both)
    ratio = [label[l] * score[l] / sp.sqrt(variance[l]) for l in range(classes)]
    outputs[unknown("accuracy", r"\mathrm{acc}")] = sp.Add(*(prior[l] * normal_cdf(ratio[l]) for l in range(classes)))
    missed = sp.Add(*(prior[l] * normal_cdf(-ratio[l]) for l in range(classes)))
    outputs[unknown("test_error", r"\mathrm{err}")] = missed
    squared = [prior[l] * ((label[l] - score[l]) ** 2 + variance[l]) for l in range(classes)]
    outputs[unknown("risk", r"\mathrm{risk}")] = sp.Add(*squared)
    tests = [x for l in range(classes) for x in (A[l], mu[l], label[l], prior[l])]
    each = [x for i in range(groups)
            for x in (rows[i], C[i], nu[i], theta[i], extra[i], spread[i], covariation[i])]  # fmt: skip
    return MatrixSystem(
        name=f"groups_{groups}_{classes}{'_drawn' if drawn else ''}",
        parameters=(d, r, N, lam, eps, iota, m, overlap, *((rate,) if drawn else ()), B, unseen, *each, *tests),
        unknowns=(*t, *(x for l in range(classes) for i in range(groups) for x in (z[l][i], y[l][i]))),
        definitions=definitions,
        statement=tuple(statement),
        outputs=outputs,
    )
