r"""Singular values of the Jacobian of a deep linear residual network: no depth makes them vanish.

**Setting.** :math:`h^l=h^{l-1}+\sigma W^lh^{l-1}`, *L* layers of a large width *N*; *W* has independent normal entries
of variance 1/*N*. :math:`J=\prod_l(I+\sigma W^l)`.

**Statement.** A layer has the singular values of :math:`\sqrt{1+\sigma^2}` times :math:`\sqrt{1-g}` of a Haar matrix
plus :math:`\sqrt g` of independent entries, :math:`g=\sigma^2/(1+\sigma^2)`, free from all others: these are the
equations of :mod:`rmtcollapse.models.deep_jacobian` for linear layers of :math:`\chi=1+\sigma^2`. So

.. math:: m_1=(1+\sigma^2)^L,\qquad \frac{m_2}{m_1^2}=1+Lg(2-g),

which stay finite as :math:`L\to\infty` where :math:`\sigma^2\propto1/L`. For :math:`\sigma<1` singular values keep a
distance from 0 at any depth.

**Notation.** *L* depth, :math:`\sigma^2` variance of the branch.

**Source.** Free products of layers as in [PenningtonSchoenholzGanguli2017]_; the S transform of :math:`I+\sigma W` and
the edges are derived here and checked by simulation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from rmtcollapse.models._base import Limit, Model
from rmtcollapse.models._parameters import count, model, number
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.models.deep_jacobian import DeepJacobian

if TYPE_CHECKING:
    from rmtcollapse.equations.system import System
    from rmtcollapse.spectra.law import Law

__all__ = ["ResidualJacobian"]


@model
class ResidualJacobian(Model):
    r"""Spectrum of the Jacobian of a deep linear residual network: mean square, spread, largest singular value.

    Parameters
    ----------
    depth : int
        Layers, *L* >= 1.
    branch_variance : float
        :math:`\sigma^2>0`, variance of the entries of a branch times the width.
    width : int
        Width *N* of the networks that :meth:`draw` simulates; the theory is the limit of a large one.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter.
    """

    depth: int = count("L", "number of layers")
    branch_variance: float = number(
        r"\sigma^2", "variance of the entries of a branch times the width", "a number from 1e-9 to 1e9",
        lambda v: (v >= 1e-9) & (v <= 1e9), unit="squared gain",
    )  # fmt: skip
    width: int = count("N", "width of simulated networks", default=200)

    VALUES: ClassVar[Mapping[str, str]] = DeepJacobian.VALUES
    SOURCE: ClassVar[str] = "derived here, after Pennington, Schoenholz and Ganguli 2017, arXiv 1711.04735"
    ONE_CALL: ClassVar[bool] = False
    FINITE_SIZE: ClassVar[Mapping[str, float]] = DeepJacobian.FINITE_SIZE

    @classmethod
    def system(cls) -> System:
        """The equations, in SymPy: those of rotations of which a share is lost to noise."""
        return DeepJacobian.system()

    def _layers(self) -> DeepJacobian:
        """Rotations that are pruned at random have the same law."""
        square = 1 + self.branch_variance
        return DeepJacobian(
            depth=self.depth, activation="linear", preactivation_variance=1.0, weights="orthogonal",
            weight_variance=square, sparsity=self.branch_variance / square,
        )  # fmt: skip

    def theory(self, digits: int | None = None) -> Prediction:
        """The limit of large width; see :meth:`rmtcollapse.models._base.Model.theory`."""
        return self._layers().theory(digits)

    def law(self) -> Law:
        r"""The law of the eigenvalues of :math:`JJ^\top`."""
        return self._layers().law()

    def density(self, x: ArrayLike) -> Any:
        r"""Density of the eigenvalues of :math:`JJ^\top`, on the real axis."""
        return self.law().density(x)

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw the branches, multiply the layers, take singular values."""
        from rmtcollapse.experiments.networks import weight_matrix

        J = np.eye(self.width)
        for _ in range(self.depth):
            J = J + weight_matrix("gaussian", self.branch_variance, self.width, rng) @ J
        values = np.linalg.svd(J, compute_uv=False)
        mean = float(np.mean(values**2))
        return {
            "mean_square": mean,
            "fourth_moment_ratio": float(np.mean(values**4)) / mean**2,
            "largest_singular_value": float(values[0]),
        }

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Moments in closed form; one layer of a huge branch has independent entries; a single layer's edge."""
        case = cls(depth=6, branch_variance=0.5, width=48)
        moments = {"mean_square": 1.5**6, "fourth_moment_ratio": 1 + 6 * 5 / 9}
        alone = cls(depth=3, branch_variance=1e8, width=48)
        edge = math.sqrt(4**4 / 3**3) * (1e8 + 1) ** 1.5
        return [
            Limit("moments", case, moments),
            Limit("a branch that is everything: Fuss-Catalan", alone, {"largest_singular_value": edge}, slack=2**30),
        ]
