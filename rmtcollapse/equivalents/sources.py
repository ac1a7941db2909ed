r"""Ridge regression on several sources whose covariances need not commute.

Setting: :math:`n_k` rows of covariance :math:`\Sigma_k`, labels :math:`x^\top w_k+\varepsilon` with noise
:math:`\sigma_k^2`, :math:`k=1,\dots,K`, and one fit :math:`\frac1N\sum_k\|X_kw-y_k\|^2+\lambda\|w\|^2`,
:math:`N=\sum_kn_k`, :math:`p_k=n_k/N`. The error is measured by a matrix *M* against a target :math:`\bar w`, with
:math:`\delta_k=w_k-\bar w`. Weights are in :math:`\Sigma_k` and :math:`\sigma_k^2`.

Every source has an effective ridge :math:`\kappa_k`, the level at which its own rows see the population, and a leverage
:math:`z_k`, the sensitivity of the error to noise in its labels:

.. math:: Q=\Big(\epsilon+\sum_lp_l\Sigma_l/\kappa_l\Big)^{-1},\qquad
          \kappa_k=\lambda+\tfrac1N\operatorname{tr}\Sigma_kQ,\qquad
          z_k=\frac{\operatorname{tr}\Sigma_kQ\,(M+\sum_lp_lz_l\Sigma_l)\,Q}{N\kappa_k^2} .

:math:`\epsilon=1`. The equations are homogeneous: only :math:`\lambda/\kappa_k`, the residual fraction of source *k*,
matters where both vanish, so without a ridge and with more rows than directions they hold with
:math:`(\lambda,\epsilon)=(1,0)` (and :math:`\Pi_0`, the projector on directions that no source has, beside the sum).
The mean error of the fit is :math:`m=-(\epsilon Q+\Pi_0)\bar w+Q\sum_kp_k\Sigma_k\delta_k/\kappa_k`, and

.. math:: E=m^\top Mm+\sum_kp_kz_k\{(m-\delta_k)^\top\Sigma_k(m-\delta_k)+\sigma_k^2\} :

each source contributes, by its leverage, the error that the mean fit makes on its own labels. Bias, what the shifts add
and their cross term are the parts of this that are quadratic in :math:`\bar w`, quadratic in :math:`\delta`, and mixed.

Source: for two sources [DohmatobFengSubramonianKempe2024]_ states such equations; for *K* sources, any metric and this
form without cancellation they are derived here and checked by simulation.
"""

from __future__ import annotations

import sympy as sp

from rmtcollapse.equations.matrices import MatrixParameter, MatrixSystem
from rmtcollapse.equations.symbols import Parameter, unknown

__all__ = ["sources_system"]


def _scalars(name: str, letter: str, count: int) -> list[Parameter]:
    return [unknown(f"{name}_{k}", letter.format(k)) for k in range(1, count + 1)]


def sources_system(count: int) -> MatrixSystem:
    """The equations for `count` sources."""
    d = unknown("dimension", "d")

    def matrix(name: str, letter: str) -> MatrixParameter:
        return MatrixParameter(name, d, d, letter)

    def vector(name: str, letter: str) -> MatrixParameter:
        return MatrixParameter(name, d, 1, letter)

    each = range(1, count + 1)
    N, lam, eps = unknown("samples", "N"), unknown("ridge", r"\lambda"), unknown("epsilon", r"\epsilon")
    rows, p = _scalars("rows", "n_{{{}}}", count), _scalars("fraction", "p_{{{}}}", count)
    noise = _scalars("noise_variance", r"\sigma_{{{}}}^2", count)
    kappa, z = _scalars("scale", r"\kappa_{{{}}}", count), _scalars("leverage", "z_{{{}}}", count)
    sigma = [matrix(f"covariance_{k}", rf"\Sigma_{{{k}}}") for k in each]
    delta = [vector(f"shift_{k}", rf"\delta_{{{k}}}") for k in each]
    M, unseen, target = matrix("metric", "M"), matrix("unseen", r"\Pi_0"), vector("target", r"\bar w")
    Q, A = matrix("resolvent", "Q"), matrix("weight", "A")
    lost, learned, mean = vector("lost", "m_B"), vector("learned", r"m_\zeta"), vector("mean", "m")

    def quadratic(left: sp.MatrixExpr, form: sp.MatrixExpr, right: sp.MatrixExpr) -> sp.Expr:
        return sp.Trace(left.T * form * right)

    def by_leverage(first: list[sp.MatrixExpr], second: list[sp.MatrixExpr]) -> sp.Expr:
        return sp.Add(*(a * b * quadratic(e, s, f) for a, b, s, e, f in zip(p, z, sigma, first, second, strict=True)))

    seen = sp.MatAdd(*(a / k * s for a, k, s in zip(p, kappa, sigma, strict=True)))
    misfit, residual = [learned - x for x in delta], [mean - x for x in delta]
    outputs = {
        unknown("bias", "B"): quadratic(lost, M, lost) + by_leverage([lost] * count, [lost] * count),
        unknown("variance", "V"): sp.Add(*(a * b * v for a, b, v in zip(p, z, noise, strict=True))),
        unknown("zeta", r"\zeta"): quadratic(learned, M, learned) + by_leverage(misfit, misfit),
        unknown("cross", "X"): 2 * quadratic(lost, M, learned) + 2 * by_leverage([lost] * count, misfit),
    }
    variance = next(s for s in outputs if s.name == "variance")
    outputs[unknown("test_error", "E")] = quadratic(mean, M, mean) + by_leverage(residual, residual) + variance
    return MatrixSystem(
        name=f"weighted_sources_{count}",
        parameters=(d, N, lam, eps, *rows, *noise, *sigma, *delta, M, unseen, target),
        unknowns=(*kappa, *z),
        definitions={
            **{a: n / N for a, n in zip(p, rows, strict=True)},
            Q: sp.MatAdd(sp.Inverse(sp.MatAdd(eps * sp.Identity(d), seen, unseen)), -unseen),
            A: sp.MatAdd(M, *(a * b * s for a, b, s in zip(p, z, sigma, strict=True))),
            lost: sp.MatMul(-1, sp.MatAdd(eps * Q, unseen), target),
            learned: sp.MatAdd(*(a / k * Q * s * x for a, k, s, x in zip(p, kappa, sigma, delta, strict=True))),
            mean: lost + learned,
        },
        statement=(
            *(sp.Eq(k, lam + sp.Trace(s * Q) / N, evaluate=False) for k, s in zip(kappa, sigma, strict=True)),
            *(
                sp.Eq(b, sp.Trace(s * Q * A * Q) / (N * k**2), evaluate=False)
                for b, k, s in zip(z, kappa, sigma, strict=True)
            ),
        ),
        outputs=outputs,
    )
