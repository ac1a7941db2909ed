r"""Training on a mixture of real and synthetic rows that share one covariance.

A share :math:`p_1` of the rows is labelled by the target, a share :math:`p_2=1-p_1` by the target plus a shift of its
own, :math:`w_2=w_1+\Delta^{1/2}z`. The fit is linear in the labels, so the risk against the target splits into a bias
*B* (from the target), a variance *V* (from the noise of either kind of row) and what the shift adds,
:math:`\zeta`. With the shares and the amplification *u* of :mod:`rmtcollapse.equivalents.projection`,

.. math:: V=(p_1\sigma_1^2+p_2\sigma_2^2)\,u,\qquad
          \zeta=\operatorname{tr}\Delta\Big\{p_1p_2u\Sigma+p_2^2\Big[\Sigma\big(1-T_1\big)^2u+\Sigma T_1^2
                +(1+u)\,r\,\Sigma T_1(1-T_1)\Big]\Big\},\qquad T_1=\Sigma(\Sigma+\kappa)^{-1} :

the shift is learned (:math:`p_2T_1`), and what of it the fit does not explain acts as noise. Every term is
non-negative. Source: [DohmatobFengSubramonianKempe2024]_, Theorems 1 and 2; this form is derived here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import sympy as sp

from rmtcollapse.equations.symbols import Column, Parameter, limit_product, parameter, total
from rmtcollapse.equivalents.projection import Projection

__all__ = ["Mixture"]


@dataclass(frozen=True)
class Mixture:
    r"""Shares and noises of real and synthetic rows.

    Attributes
    ----------
    real, synthetic : Parameter
        Shares :math:`p_1,p_2` of the rows.
    noise, synthetic_noise : Parameter
        Label noise :math:`\sigma_1^2,\sigma_2^2` of either.
    """

    real: Parameter
    synthetic: Parameter
    noise: Parameter
    synthetic_noise: Parameter

    @classmethod
    def named(cls) -> Self:
        """Under the names and letters that all models of mixtures use."""
        return cls(
            parameter("real_fraction", "p_1"),
            parameter("synthetic_fraction", "p_2"),
            parameter("noise_variance", r"\sigma_1^2"),
            parameter("synthetic_noise_variance", r"\sigma_2^2"),
        )

    @property
    def mean_noise(self) -> sp.Expr:
        r""":math:`p_1\sigma_1^2+p_2\sigma_2^2`."""
        return self.real * self.noise + self.synthetic * self.synthetic_noise

    def variance(self, amplification: sp.Expr) -> sp.Expr:
        """What the label noise adds to the risk."""
        return limit_product(self.mean_noise, amplification)

    def shift_error(
        self, projection: Projection, shift: Column, amplification: sp.Expr, leakage: sp.Expr, slack: sp.Expr
    ) -> sp.Expr:
        r""":math:`\zeta`, what the shift of the synthetic labels adds to the risk; `shift` is the diagonal of Delta."""
        energy = total(shift * projection.resolvent.eigenvalue)
        learned = (
            projection.learned_energy(shift)
            + limit_product(projection.unlearned_energy(shift), amplification)
            + limit_product(leakage * projection.boundary_energy(shift), 1 / slack)
        )
        mixed = limit_product(self.real * self.synthetic * energy, amplification)
        return mixed + limit_product(self.synthetic**2, learned)
