r"""Singular values of the Jacobian of a network whose layers differ in width and in the size of preactivations.

**Setting.** :math:`h^l=W^l\varphi(h^{l-1})+b^l`, :math:`l=1,\dots,L`, widths :math:`N_0,\dots,N_L`, all large. Entries
of :math:`W^l` have the mean square :math:`\sigma_w^2/N_{l-1}`: they are independent and normal, or those of a Haar
matrix with orthogonal rows or columns, whichever are fewer. Its non-zero singular values then are all
:math:`\sigma_w\sqrt{M_l/N_{l-1}}`, :math:`M_l=\max(N_{l-1},N_l)`: :math:`\sigma_w` where the width falls. Biases have
the variance :math:`\sigma_b^2`. :math:`J=\prod_lW^lD^l`, :math:`D^l=\operatorname{diag}\varphi'(h^{l-1})`, and averages
over the eigenvalues of :math:`JJ^\top` are over all :math:`N_L` of them. If the inputs are data and not preactivations,
:math:`h^0` is the input itself, and the first layer has no activation.

**Mean field.** :math:`q_0` is the mean square of :math:`h^0`, and

.. math:: q_l=\sigma_w^2E\,\varphi(\sqrt{q_{l-1}}Z)^2+\sigma_b^2 .

**Statement.** With :math:`d_l=\varphi'(\sqrt{q_{l-1}}Z)^2` and :math:`\mu_{k,l}=E\,d_l^k`,

.. math:: m_1=\prod_l\sigma_w^2\mu_{1,l},\qquad
          \frac{m_2}{m_1^2}=1+\sum_l\Big(\frac{\mu_{2,l}}{\mu_{1,l}^2}\frac{N_L}{N_{l-1}}-w\frac{N_L}{M_l}\Big),

*w* = 0 for independent entries and 1 for orthogonal ones. Of the free product, with
:math:`u=\int x\,dF(x)/(z-x)`, every layer has an argument :math:`\xi_l` at which
:math:`\psi_l=E\,d_l\xi_l/(1-d_l\xi_l)` is :math:`uN_L/N_{l-1}`, and

.. math:: \log z=\log\frac{1+u}u+\sum_l\log\frac{\sigma_w^2\psi_l}{\xi_l}-w\sum_l\log\Big(1+\frac{uN_L}{M_l}\Big).

The density at *x* is :math:`\operatorname{Im}u/(\pi x)`. The largest singular value is :math:`\sqrt x` where
:math:`\log x` is stationary at :math:`u>0`: with :math:`e_l=d\log\psi_l/d\log\xi_l`,

.. math:: \frac1{1+u}=\sum_l\Big(1-\frac1{e_l}-w\frac{uN_L}{M_l+uN_L}\Big).

**Consequences.** Widths of independent entries matter by :math:`N_L/N_{l-1}` only. No more directions are left than
:math:`R=\min(N_L,p_lN_{l-1})`, :math:`p_l` the probability that a slope is not 0: the rest is an atom at 0. Where the
least of these is less than the second, and not that of a smooth slope, singular values keep a distance from 0.
Slopes that are 0 or 1 and orthogonal weights have an atom at the top, of mass
:math:`1+\sum_l(p_lN_{l-1}-M_l)/N_L` where this is positive.

**Notation.** :math:`N_l` widths, *L* depth, :math:`q_l` variances, :math:`\sigma_w^2,\sigma_b^2` those of weights and
biases, :math:`\xi_l` the argument of one layer.

**Source.** Mean field and free products of layers: [PenningtonSchoenholzGanguli2017]_, for equal widths and variances.
Unequal ones, the equation in logarithms and its uniqueness, edges, gaps and atoms are derived here and checked by
simulation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from rmtcollapse.errors import ParameterError
from rmtcollapse.models._base import Limit, Model, validated_digits
from rmtcollapse.models._layered_theory import chain_of, compiled_layers, layered_theory, variances
from rmtcollapse.models._parameters import array, choice, model, nonnegative, number
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.models.deep_jacobian import DeepJacobian

if TYPE_CHECKING:
    from rmtcollapse.equations.compile import Compiled
    from rmtcollapse.equations.system import System
    from rmtcollapse.spectra.law import Law

__all__ = ["LayeredJacobian"]


@model
class LayeredJacobian(Model):
    r"""Spectrum of the Jacobian of a network of unequal layers: mean square, spread, largest singular value, density.

    Parameters
    ----------
    widths : array (L + 1,)
        :math:`N_0,\dots,N_L`: the inputs, and the outputs of every layer. The theory is the limit in which they grow
        in proportion.
    activation : str
        ``"linear"``, ``"relu"``, ``"hard-tanh"``, ``"tanh"`` or ``"erf"``.
    input_variance : float
        Mean square :math:`q_0>0` of the inputs.
    weight_variance : float
        :math:`\sigma_w^2>0`: mean square of the entries of a weight matrix, times its inputs.
    bias_variance : float
        :math:`\sigma_b^2\ge0`.
    weights : str
        ``"gaussian"``, or ``"orthogonal"`` rows or columns.
    inputs : str
        ``"preactivations"``, normal numbers to which the activation is applied first, or ``"data"``, which the first
        weights are applied to as they are.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, or fewer than two widths.
    """

    widths: Any = array(
        "N_l", "widths, from the inputs to the last outputs", "whole numbers >= 1, such as 784,512,512,10", "L + 1",
        check=lambda v: (v >= 1) & (v == np.floor(v)) & (v <= 2**53), unit="a count",
    )  # fmt: skip
    activation: str = choice(r"\varphi", "activation of every layer", "linear", "relu", "hard-tanh", "tanh", "erf")
    input_variance: float = number(
        "q_0", "mean square of the inputs", "a finite number from 1e-12 to 1e8",
        lambda v: (v >= 1e-12) & (v <= 1e8), unit="squared preactivation",
    )  # fmt: skip
    weight_variance: float = number(
        r"\sigma_w^2", "mean square of the weights times the inputs", "a finite number > 0", lambda v: v > 0,
        unit="squared gain",
    )  # fmt: skip
    bias_variance: float = nonnegative(
        r"\sigma_b^2", "variance of the biases", unit="squared preactivation", default=0.0
    )
    weights: str = choice("", "law of the weight matrices", "gaussian", "orthogonal", default="gaussian")
    inputs: str = choice("", "what the first layer is given", "preactivations", "data", default="preactivations")

    VALUES: ClassVar[Mapping[str, str]] = {
        "mean_square": "mean of all eigenvalues of J J^T, m_1",
        "fourth_moment_ratio": "mean squared eigenvalue of J J^T over the square of the mean, m_2/m_1^2",
        "largest_singular_value": "right end of the law of the singular values of J",
    }
    SOURCE: ClassVar[str] = (
        "Pennington, Schoenholz and Ganguli 2017, arXiv 1711.04735 (equal layers); unequal widths and variances "
        "derived here"
    )
    ONE_CALL: ClassVar[bool] = False
    FINITE_SIZE: ClassVar[Mapping[str, float]] = DeepJacobian.FINITE_SIZE

    @classmethod
    def system(cls) -> System:
        """The equations, in SymPy: sums over the layers."""
        from rmtcollapse.models._layered_system import layered_system

        return layered_system()

    @classmethod
    def compiled(cls) -> Compiled:
        """Handle to the generated modules of the system."""
        return compiled_layers(True)

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """A layer has two widths."""
        if len(values["widths"]) < 2:
            raise ParameterError("widths", values["widths"].tolist(), "two or more widths, such as 784,512,512,10")

    @classmethod
    def arguments(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters of the system."""
        widths = values["widths"]
        return {
            "depth": len(widths) - 1,
            "outputs": widths[-1],
            "orthogonal": 1.0 * (values["weights"] == "orthogonal"),
        }

    def resized(self, factor: int | Fraction) -> Self:
        """The same limit at another size: all widths times `factor`."""
        scaled = [Fraction(int(n)) * Fraction(factor) for n in self.widths]
        if any(n.denominator != 1 or n < 1 for n in scaled):
            whole = Fraction(factor).denominator
            raise ParameterError("widths", self.widths.tolist(), f"multiples of {whole} to be resized by {factor}")
        return self.evolve(widths=[int(n) for n in scaled])

    def theory(self, digits: int | None = None) -> Prediction:
        """The limit of large widths; see :meth:`rmtcollapse.models._base.Model.theory`."""
        return layered_theory(self, None if digits is None else validated_digits(digits))

    # ---- mean field ---------------------------------------------------------------------------------------------

    @property
    def depth(self) -> int:
        """Number of layers, *L*."""
        return len(self.widths) - 1

    def kinds(self) -> list[str]:
        """The activation that every layer applies to what it is given, (L,)."""
        first = "linear" if self.inputs == "data" else self.activation
        return [first, *[self.activation] * (self.depth - 1)]

    def preactivation_variances(self) -> np.ndarray:
        r"""Variances :math:`q_0,\dots,q_{L-1}` of what the layers are given, (L,)."""
        return variances(self)

    def singular_value_spread(self) -> float:
        r"""Standard deviation of the eigenvalues of :math:`JJ^\top` over their mean; 0 is dynamical isometry."""
        return math.sqrt(max(self.theory()["fourth_moment_ratio"] - 1, 0.0))

    # ---- the law ------------------------------------------------------------------------------------------------

    def law(self) -> Law:
        r"""The law of the :math:`N_L` eigenvalues of :math:`JJ^\top`.

        Raises
        ------
        ParameterError
            Where the rotations change nothing (one smooth activation, orthogonal weights, and widths that fall before
            it and grow behind): that is the law of the squared slopes itself.
        """
        from rmtcollapse.spectra.chains import LayerChain

        return LayerChain(chain_of(self))

    def density(self, x: ArrayLike) -> Any:
        r"""Density of the continuous part of the law of the eigenvalues of :math:`JJ^\top`, on the real axis."""
        return self.law().density(x)

    # ---- experiment -----------------------------------------------------------------------------------------------

    def singular_values(self, rng: np.random.Generator) -> np.ndarray:
        """Singular values of one network, (min(N_0, N_L),) and decreasing: drawn, given an input, multiplied."""
        from rmtcollapse.experiments.networks import chained_jacobian, rectangular_weights
        from rmtcollapse.models._activations import named

        widths = [int(n) for n in self.widths]
        start = rng.normal(size=widths[0])
        if self.inputs == "data":  # of exactly this mean square
            start /= math.sqrt(float(np.mean(start**2)))
        layers = [
            (rectangular_weights(self.weights, self.weight_variance, n, m, rng), named(kind))
            for m, n, kind in zip(widths[:-1], widths[1:], self.kinds(), strict=True)
        ]
        J = chained_jacobian(layers, math.sqrt(self.input_variance) * start, self.bias_variance, rng)
        return np.asarray(np.linalg.svd(J, compute_uv=False))

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw a network and an input, propagate it, multiply the Jacobians, take singular values."""
        squares = self.singular_values(rng) ** 2
        mean = float(squares.sum() / self.widths[-1])
        return {
            "mean_square": mean,
            "fourth_moment_ratio": float((squares**2).sum() / self.widths[-1]) / mean**2,
            "largest_singular_value": math.sqrt(float(squares[0])),
        }

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Marchenko and Pastur's edge, Fuss and Catalan's, moments of widths that differ, a free projection."""
        linear: dict[str, Any] = {"activation": "linear", "input_variance": 1.0, "weight_variance": 1.0}
        turned = {**linear, "weights": "orthogonal"}
        one = {"mean_square": 1.0, "fourth_moment_ratio": 1 + 48 / 24, "largest_singular_value": 1 + math.sqrt(2)}
        return [
            Limit("one layer: Marchenko and Pastur", cls(widths=[24, 48], **linear), one),
            Limit("equal widths: Fuss and Catalan", cls(widths=[40] * 4, **linear),
                  {"fourth_moment_ratio": 4.0, "largest_singular_value": 16 / math.sqrt(27)}),
            Limit("moments add up over the widths", cls(widths=[64, 16, 32], **linear),
                  {"mean_square": 1.0, "fourth_moment_ratio": 1 + 32 / 64 + 32 / 16}),
            Limit("orthogonal ReLU: rotations into narrower layers add nothing",
                  cls(widths=[64, 32, 16], **{**turned, "activation": "relu"}),
                  {"mean_square": 0.25, "fourth_moment_ratio": 1 + 16 / 64 + 16 / 32}),
            Limit("a narrow rotation into a wide layer and back: two free projections",
                  cls(widths=[30, 60, 30], **turned), {"largest_singular_value": math.sqrt(2)}),
            Limit("ReLU of data: the first layer has no slopes",
                  cls(widths=[32, 32, 32], **{**linear, "activation": "relu", "weight_variance": 2.0}, inputs="data"),
                  {"mean_square": 2.0, "fourth_moment_ratio": 1 + 1 + 2}),
        ]  # fmt: skip
