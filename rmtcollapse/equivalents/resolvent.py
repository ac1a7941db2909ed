r"""One and two resolvents of a sample covariance.

Setting: rows :math:`x_i\sim N(0,\Sigma)`, *n* of them, :math:`\hat\Sigma=X^\top X/n`,
:math:`R(\lambda)=(\hat\Sigma+\lambda)^{-1}`. Everything is written in the eigenbasis of :math:`\Sigma`, with
eigenvalues :math:`s_j`.

The effective ridge :math:`\kappa\ge\lambda` and the residual fraction :math:`\rho=\lambda/\kappa` solve

.. math:: \kappa\rho=\lambda,\qquad n\rho = n-\sum_j \frac{s_j}{s_j+\kappa},\qquad \kappa,\rho\ge0 .

Written in the pair, the two ridgeless limits are ordinary solutions: :math:`\kappa=0` when there are more samples than
directions, :math:`\rho=0` when there are fewer, and both at the interpolation threshold. And no formula needs
:math:`n-\mathrm{df}_2` as a difference: it equals :math:`n\rho+\kappa\sum_j s_j/(s_j+\kappa)^2`.

Sources: the one-resolvent equivalent is classical [MarchenkoPastur1967]_, [SilversteinBai1995]_; the two-resolvent
one is as in [DobribanWager2018]_ and [Bach2024]_; the form in :math:`(\kappa,\rho)` is derived here.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from rmtcollapse.equations.symbols import Column, Parameter, filter_factor, limit_product, total, unknown
from rmtcollapse.equations.system import Branch, FixedPoint
from rmtcollapse.equivalents.thresholds import THRESHOLD

__all__ = ["THRESHOLD", "Resolvent", "one_resolvent", "two_resolvents"]


@dataclass(frozen=True)
class Resolvent:
    r"""Symbols of one resolvent's equivalent; methods give the equivalents of expressions in it.

    Attributes
    ----------
    samples, ridge : Parameter
        *n* and :math:`\lambda`.
    eigenvalue : Column
        :math:`s_j`.
    kappa, rho : Parameter
        Effective ridge and residual fraction :math:`\lambda/\kappa`.
    """

    samples: Parameter
    ridge: Parameter
    eigenvalue: Column
    kappa: Parameter
    rho: Parameter

    @property
    def learned(self) -> sp.Expr:
        r"""Diagonal of :math:`R\hat\Sigma\simeq\Sigma(\Sigma+\kappa)^{-1}`."""
        return filter_factor(self.eigenvalue, self.kappa)

    @property
    def unlearned(self) -> sp.Expr:
        r"""Diagonal of :math:`\lambda R\simeq\kappa(\Sigma+\kappa)^{-1}`."""
        return filter_factor(self.kappa, self.eigenvalue)

    @property
    def degrees_of_freedom(self) -> sp.Expr:
        r""":math:`\mathrm{df}_1=\operatorname{tr}\Sigma(\Sigma+\kappa)^{-1}`."""
        return total(self.learned)

    @property
    def degrees_of_freedom_2(self) -> sp.Expr:
        r""":math:`\mathrm{df}_2=\operatorname{tr}\Sigma^2(\Sigma+\kappa)^{-2}`."""
        return total(self.learned**2)

    @property
    def slack(self) -> sp.Expr:
        r""":math:`n-\mathrm{df}_2`, as a sum of two non-negative terms."""
        return self.samples * self.rho + total(self.learned * self.unlearned)

    def bias(self, weight: sp.Expr, slack: sp.Expr) -> sp.Expr:
        r"""Trace of :math:`\lambda^2R\Sigma R` with a diagonal.

        It is :math:`\frac{n}{n-\mathrm{df}_2}\sum_j\Gamma_js_j\kappa^2/(s_j+\kappa)^2`.

        `weight` is the diagonal :math:`\Gamma` (the squared target), `slack` is :math:`n-\mathrm{df}_2`.
        """
        return limit_product(total(weight * self.eigenvalue * self.unlearned**2), self.samples / slack)

    def gain(self, weight: sp.Expr, slack: sp.Expr) -> sp.Expr:
        r""":math:`c_B=\operatorname{tr}[B\Sigma(\Sigma+\kappa)^{-2}]/(n-\mathrm{df}_2)`, the noise gain.

        It is the equivalent of :math:`\frac1n\operatorname{tr}(BR\hat\Sigma R)`; `weight` is the diagonal of *B*.
        """
        return total(weight * self.learned**2 / self.eigenvalue) / slack

    def sandwich_excess(self, gain: sp.Expr) -> sp.Expr:
        r"""What :math:`(R\hat\Sigma)^\top B(R\hat\Sigma)` has beyond :math:`MBM`.

        It is the diagonal :math:`c_B\kappa^2\Sigma(\Sigma+\kappa)^{-2}`; `gain` is :math:`c_B`.
        """
        return limit_product(self.unlearned**2, gain) * self.eigenvalue

    def fixed_point(self) -> FixedPoint:
        """The pair of equations with its four regimes."""
        n, lam, s, kappa, rho = self.samples, self.ridge, self.eigenvalue, self.kappa, self.rho
        rank, mean, inverse = total(1), total(s) / total(1), total(1 / s) / total(1)
        balance = sp.Eq(n * rho, n - self.degrees_of_freedom, evaluate=False)
        defect = balance.lhs - balance.rhs
        surplus = (rank - n) / n
        branches = (
            Branch(
                "ridge",
                sp.Gt(lam, 0),
                solve=(kappa,),
                equations=(defect.subs(rho, lam / kappa),),
                bracket=(lam, lam + total(s) / n),
                given={rho: lam / kappa},
            ),
            Branch("ridgeless, more samples than directions", n > rank, given={kappa: sp.S.Zero, rho: (n - rank) / n}),
            Branch(
                "ridgeless, fewer samples than directions",
                n < rank,
                solve=(kappa,),
                equations=(defect.subs(rho, 0),),
                # Jensen's inequality both ways: equality for an isotropic population.
                bracket=(surplus / inverse, surplus * mean),
                given={rho: sp.S.Zero},
            ),
            Branch("threshold", sp.true, given={kappa: sp.S.Zero, rho: sp.S.Zero}, status=THRESHOLD),
        )
        return FixedPoint("one resolvent", (kappa, rho), (sp.Eq(kappa * rho, lam, evaluate=False), balance), branches)


def one_resolvent(samples: Parameter, ridge: Parameter, eigenvalue: Column, mark: str = "") -> Resolvent:
    r"""The equivalent of one resolvent :math:`(X^\top X/n+\lambda)^{-1}`.

    Parameters
    ----------
    samples, ridge : Parameter
        *n* > 0 and :math:`\lambda\ge0`.
    eigenvalue : Column
        Eigenvalues of the population covariance, positive (a zero direction is never seen and never tested).
    mark : str
        Subscript of :math:`\kappa` and :math:`\rho`, where a system has several.

    Returns
    -------
    Resolvent
        Its ``fixed_point()`` goes into a system.
    """
    names = ("effective_ridge", "residual_fraction")
    suffix, letter = (f"_{mark}", f"_{{{mark}}}") if mark else ("", "")
    kappa, rho = (unknown(n + suffix, a + letter) for n, a in zip(names, (r"\kappa", r"\rho"), strict=True))
    return Resolvent(samples, ridge, eigenvalue, kappa, rho)


def two_resolvents(samples: Parameter, eigenvalue: Column, first: sp.Expr, second: sp.Expr, weight: sp.Expr) -> sp.Expr:
    r"""The scalar *g* of two resolvents of the same sample covariance at two ridge levels (complex ones too):

    .. math:: \lambda_1R(\lambda_1)\,B\,\lambda_2R(\lambda_2)\simeq
              \kappa_1\kappa_2(\Sigma+\kappa_1)^{-1}(B+g\Sigma)(\Sigma+\kappa_2)^{-1},\qquad
              g=\frac{\operatorname{tr}B\Sigma(\Sigma+\kappa_1)^{-1}(\Sigma+\kappa_2)^{-1}}
                     {n-\operatorname{tr}\Sigma^2(\Sigma+\kappa_1)^{-1}(\Sigma+\kappa_2)^{-1}} .

    It is also the equivalent of :math:`\frac1n\operatorname{tr}BR(\lambda_1)\hat\Sigma R(\lambda_2)`.

    Parameters
    ----------
    samples : Parameter
        *n*.
    eigenvalue : Column
        Eigenvalues of the population covariance.
    first, second : Expr
        Effective ridges :math:`\kappa_1,\kappa_2`.
    weight : Expr
        Diagonal of *B* in the eigenbasis of the population covariance.
    """
    s = eigenvalue
    pair = s / ((s + first) * (s + second))
    return total(weight * pair) / (samples - total(s * pair))
