r"""Ridge regression on random projections of the features.

Setting: rows :math:`x_i\sim N(0,\Sigma)`, *n* of them; an independent :math:`d\times m` matrix *S* with entries
:math:`N(0,\varsigma^2)`; ridge regression on the features :math:`S^\top x`, back in the original coordinates
:math:`\hat w=S\hat v`. With :math:`\gamma=m\varsigma^2` the effective ridge :math:`\kappa`, the residual fraction
:math:`\rho` and the spare width :math:`\mu` solve

.. math:: \gamma\kappa\rho\mu=\lambda,\qquad n\rho=n-\sum_j\frac{s_j}{s_j+\kappa},\qquad
          m\mu=m-\sum_j\frac{s_j}{s_j+\kappa},\qquad \kappa,\rho,\mu\ge0 .

Samples and width enter alike. :math:`m=\infty`, :math:`\gamma=1` is no projection, the equations of
:mod:`rmtcollapse.equivalents.resolvent`; :math:`n=\infty` is the limit of many samples. Ridgeless limits are ordinary
solutions: the smaller of *n* and *m* is used up (:math:`\rho=0` or :math:`\mu=0`) where it is below the rank, and
:math:`\kappa=0` where both are above.

Of the two differences :math:`n-\mathrm{df}_1` and :math:`m-\mathrm{df}_1` the smaller, *x*, is never formed as one.
With *k* and *K* the smaller and the larger of *n* and *m* and :math:`\delta=(K-k)/K`, the first equation is
:math:`x(\delta+x/K)=\lambda k/(\gamma\kappa)`, whose positive root has a stable form, and the larger difference is
:math:`x+K-k`.

With the learned matrix *T* (:math:`\hat w=Tw` without noise), :math:`t=\kappa\sum_js_j/(s_j+\kappa)^2` and
:math:`r=t/(m\mu+t)`,

.. math:: E\,T\simeq\Sigma(\Sigma+\kappa)^{-1},\qquad
          E\,(I-T)^\top\Sigma(I-T)\simeq(1+u)\,\Sigma\,(\kappa^2+r\kappa\Sigma)(\Sigma+\kappa)^{-2},\qquad
          1+u=\frac1{\rho+\mu t/(n(\mu+t/m))} .

Source: two-resolvent equivalents of random projections are in [Bach2024]_ and [DohmatobFengSubramonianKempe2024]_, with
several auxiliary scalars; the one-scalar form and everything stable here are derived here and checked by simulation.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from rmtcollapse.equations.symbols import Column, Count, Parameter, limit_product, total, unknown
from rmtcollapse.equations.system import Branch, FixedPoint
from rmtcollapse.equivalents.resolvent import Resolvent
from rmtcollapse.equivalents.thresholds import THRESHOLD, WIDTH_THRESHOLD

__all__ = ["Projection", "random_projection"]


@dataclass(frozen=True)
class Projection:
    r"""Symbols of the equivalent of regression on *m* random features; methods give what a risk is made of.

    Attributes
    ----------
    samples, width : Count
        *n* and *m*; either may be infinite (not both).
    ridge, gain : Parameter
        :math:`\lambda` and :math:`\gamma=m\varsigma^2`.
    resolvent : Resolvent
        Diagonals of learned and unlearned shares at :math:`\kappa`, with :math:`\rho`.
    mu : Parameter
        Spare width :math:`\mu=1-\mathrm{df}_1/m`.
    imbalance : Parameter
        :math:`\delta`, the relative gap between *n* and *m*.
    """

    samples: Count
    width: Count
    ridge: Parameter
    gain: Parameter
    resolvent: Resolvent
    mu: Parameter
    imbalance: Parameter

    @property
    def boundary(self) -> sp.Expr:
        r""":math:`t=\mathrm{df}_1-\mathrm{df}_2`, the directions that are neither learned nor left."""
        return total(self.resolvent.learned * self.resolvent.unlearned)

    def leakage(self, boundary: sp.Expr) -> sp.Expr:
        r""":math:`r=t/(m\mu+t)` in [0, 1]: how far the width, not the samples, limits the fit; 0 without projection."""
        per_feature = boundary / self.width
        return limit_product(per_feature, 1 / (self.mu + per_feature))

    def slack(self, boundary: sp.Expr) -> sp.Expr:
        r""":math:`1/(1+u)=\rho+\mu t/(n(\mu+t/m))`, a sum of two non-negative terms."""
        spare = limit_product(boundary * self.mu, 1 / (self.mu + boundary / self.width))
        return self.resolvent.rho + spare / self.samples

    def amplification(self, boundary: sp.Expr, leakage: sp.Expr, slack: sp.Expr) -> sp.Expr:
        r""":math:`u`, the variance that unit label noise adds: :math:`(\mathrm{df}_2+rt)/n` over the slack."""
        return (self.resolvent.degrees_of_freedom_2 + leakage * boundary) / (self.samples * slack)

    def bias(self, weight: sp.Expr, leakage: sp.Expr, slack: sp.Expr) -> sp.Expr:
        r"""Trace of :math:`\Gamma\,E(I-T)^\top\Sigma(I-T)` with the diagonal `weight`, :math:`\Gamma`."""
        return limit_product(self.unlearned_energy(weight) + leakage * self.boundary_energy(weight), 1 / slack)

    def learned_energy(self, weight: sp.Expr) -> sp.Expr:
        r""":math:`\operatorname{tr}\Gamma\Sigma^3(\Sigma+\kappa)^{-2}`."""
        return total(weight * self.resolvent.eigenvalue * self.resolvent.learned**2)

    def unlearned_energy(self, weight: sp.Expr) -> sp.Expr:
        r""":math:`\kappa^2\operatorname{tr}\Gamma\Sigma(\Sigma+\kappa)^{-2}`."""
        return total(weight * self.resolvent.eigenvalue * self.resolvent.unlearned**2)

    def boundary_energy(self, weight: sp.Expr) -> sp.Expr:
        r""":math:`\kappa\operatorname{tr}\Gamma\Sigma^2(\Sigma+\kappa)^{-2}`."""
        s, learned, unlearned = self.resolvent.eigenvalue, self.resolvent.learned, self.resolvent.unlearned
        return total(weight * s * learned * unlearned)

    def fixed_points(self) -> tuple[FixedPoint, FixedPoint]:
        """The gap between samples and width, then the three equations with their regimes."""
        n, m, delta = self.samples, self.width, self.imbalance
        small, large = sp.Min(n, m), sp.Max(n, m)
        gap = FixedPoint(
            "samples and width",
            (delta,),
            (sp.Eq(large * delta, large - small, evaluate=False),),
            (Branch("gap", sp.true, given={delta: _spare(large, small)}),),
        )
        kappa, rho = self.resolvent.kappa, self.resolvent.rho
        statement = (
            sp.Eq(self.gain * kappa * rho * self.mu, self.ridge, evaluate=False),
            sp.Eq(n * rho, n - self.resolvent.degrees_of_freedom, evaluate=False),
            sp.Eq(m * self.mu, m - self.resolvent.degrees_of_freedom, evaluate=False),
        )
        return gap, FixedPoint("random projection", (kappa, rho, self.mu), statement, self._branches(small, large))

    def _branches(self, small: sp.Expr, large: sp.Expr) -> tuple[Branch, ...]:
        n, m, kappa, rho = self.samples, self.width, self.resolvent.kappa, self.resolvent.rho
        rank = total(1)
        above = {kappa: sp.S.Zero, rho: _spare(n, rank), self.mu: _spare(m, rank)}
        return (
            self._with_ridge(small, large),
            Branch("ridgeless, more samples than directions", sp.And(n > rank, m >= rank), given=above),
            Branch("threshold", sp.And(sp.Eq(n, rank), m >= rank), given=above, status=THRESHOLD),
            self._used_up("threshold in the width", sp.Eq(n, m), small, WIDTH_THRESHOLD),
            self._used_up("ridgeless, fewer samples or features than directions", sp.true, small),
        )

    def _with_ridge(self, small: sp.Expr, large: sp.Expr) -> Branch:
        lam, kappa, delta = self.ridge / self.gain, self.resolvent.kappa, self.imbalance
        level = lam * small / kappa
        left = 2 * level / (delta + sp.sqrt(delta**2 + 4 * level / large))
        trace = total(self.resolvent.eigenvalue)
        return Branch(
            "ridge",
            sp.Gt(self.ridge, 0),
            solve=(kappa,),
            equations=(left - small + self.resolvent.degrees_of_freedom,),
            bracket=(lam, lam + trace / self.samples + trace / self.width),
            given=self._shares(left, small),
        )

    def _used_up(self, name: str, when: sp.Basic, small: sp.Expr, status: str = "") -> Branch:
        s, kappa, rank = self.resolvent.eigenvalue, self.resolvent.kappa, total(1)
        surplus = (rank - small) / small
        return Branch(
            name,
            when,
            solve=(kappa,),
            equations=(self.resolvent.degrees_of_freedom - small,),
            # Jensen's inequality both ways: equality for an isotropic population.
            bracket=(surplus * rank / total(1 / s), surplus * total(s) / rank),
            given=self._shares(sp.S.Zero, small),
            status=status,
        )

    def _shares(self, left: sp.Expr, small: sp.Expr) -> dict[sp.Symbol, sp.Expr]:
        """rho and mu where `left` of the smaller of n and m is not used up."""
        n, m = self.samples, self.width
        return {
            self.resolvent.rho: _share(left + sp.Max(n - m, 0), small - left),
            self.mu: _share(left + sp.Max(m - n, 0), small - left),
        }


def _share(part: sp.Expr, rest: sp.Expr) -> sp.Expr:
    """part/(part + rest), which is one for an infinite part."""
    return 1 / (1 + rest / part)


def _spare(whole: sp.Expr, used: sp.Expr) -> sp.Expr:
    """(whole - used)/whole, which is one for an infinite whole."""
    return _share(whole - used, used)


def random_projection(
    samples: Count, width: Count, ridge: Parameter, gain: Parameter, eigenvalue: Column
) -> Projection:
    r"""The equivalent of ridge regression on *m* random Gaussian combinations of the features.

    Parameters
    ----------
    samples, width : Count
        *n* and *m*, made with ``extended_nonnegative=True``: one of them may be infinite.
    ridge, gain : Parameter
        :math:`\lambda\ge0` and :math:`\gamma=m\varsigma^2>0` (1 without projection).
    eigenvalue : Column
        Eigenvalues of the population covariance, positive.

    Returns
    -------
    Projection
        Its ``fixed_points()`` go into a system.
    """
    kappa, rho = unknown("effective_ridge", r"\kappa"), unknown("residual_fraction", r"\rho")
    resolvent = Resolvent(samples, ridge, eigenvalue, kappa, rho)
    return Projection(
        samples, width, ridge, gain, resolvent, unknown("spare_width", r"\mu"), unknown("imbalance", r"\delta")
    )
