r"""Singular values of the input-output Jacobian of a deep network at its initialisation.

**Setting.** :math:`h^l=W^l\varphi(h^{l-1})+b^l`, *L* layers of a large width *N*; :math:`W` has independent normal
entries of variance :math:`\sigma_w^2/N`, or is :math:`\sigma_w` times a Haar orthogonal matrix. Preactivations have the
variance *q* in every layer. :math:`J=\prod_lW^lD^l`, :math:`D=\operatorname{diag}\varphi'(h)`. A share *s* of the
weights may be set to 0: a random one, the smallest, or those of the smallest score :math:`|w\zeta|`,
:math:`\zeta` normal and independent.

**Statement.** With :math:`d=\varphi'(\sqrt qZ)^2`, :math:`\mu_k=E\,d^k`, :math:`d_{\max}` its largest value,
:math:`c=d/d_{\max}`, and *f* the share of the squared weights that is kept,

.. math:: \chi=\sigma_w^2f\mu_1,\qquad m_1=\chi^L,\qquad
          \frac{m_2}{m_1^2}=1+L\Big(\frac{\mu_2}{\mu_1^2}-1+g(2-g)\Big),

are the first moments of the eigenvalues of :math:`JJ^\top`, where *g* = 1 for Gaussian weights and 1 - *f* for
orthogonal ones. Their law is a free product: with :math:`u=E\,ct/(1+(1-c)t)` and
:math:`T=\frac12(1+2gu+\sqrt{1+4g(1-g)u})`, the reciprocal S transform of the weights,

.. math:: \log x=\log\frac{1+u}u+L\log\frac{\chi\,(1+t)\,(u/t)\,T}{(1+u)\,Ec},

all logarithms principal. A real *x* in the bulk has one *t* in the upper half plane, and the density is
:math:`\operatorname{Im}u/(\pi x)`; :math:`t>0` is right of everything, and the largest singular value is
:math:`\sqrt x` where :math:`\log x` is stationary,

.. math:: (1+t)\frac{tu'}u\Big(\frac{L-1}{1+u}+L\frac{uT'}T\Big)=L .

Slopes that are 1 with probability *p* and else 0 (ReLU, hard tanh, linear) with orthogonal weights have an atom of mass
:math:`1-L(1-p)` at the top, :math:`(\chi/p)^L`, where that is positive.

**Criticality.** :math:`\sigma_w^2\mu_1=1` keeps :math:`m_1=1` at any depth. A bias of variance
:math:`\sigma_b^2=q-\sigma_w^2fE\varphi^2` keeps *q*; it must not be negative.

**Pruning.** At random :math:`f=1-s`. By a score *Y*, which is :math:`|w|` or :math:`|w\zeta|`, of density *p*,

.. math:: f=E[w^2;Y>\tau]=1-s+\tau\,p(\tau),\qquad P(Y\le\tau)=s,

with :math:`p=2\phi` and :math:`p=\frac2\pi K_0`. Divided by :math:`\sqrt f`, pruned Gaussian weights have the same law
as before; divided by :math:`\sqrt{1-s}` after pruning by a score, every singular value grows by
:math:`(f/(1-s))^{L/2}`. A pruned orthogonal matrix is *f* times itself plus independent entries of variance
:math:`f(1-f)`, whichever weights are pruned: *f* is the part of a pruned weight that is linear in the weight.

**Notation.** *L* depth, *q* preactivation variance, :math:`\sigma_w^2` weight variance, *s* sparsity, *t* the argument
of one layer, :math:`\chi` mean square of one layer.

**Source.** Mean field, criticality, the S transforms and the moments: stated in [PenningtonSchoenholzGanguli2017]_ and
[PenningtonSchoenholzGanguli2018]_. The norm of sparse products: [DadounHayouSalamSeddikYoussef2025]_. The equation in
logarithms and its uniqueness, the edges, the kept variance of pruning by a score, and the law of pruned orthogonal
weights are derived here and checked by simulation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from rmtcollapse.errors import ParameterError
from rmtcollapse.models._activations import energy, named
from rmtcollapse.models._base import Limit, Model, validated_digits
from rmtcollapse.models._jacobian_theory import (
    correlation_outlier,
    heaviest_row,
    jacobian_theory,
    kinds_of_pruning,
    law_of,
    layers_of,
    mean_squared_slope,
    scaling_inflation,
    squares,
)
from rmtcollapse.models._parameters import activation, choice, count, flag, model, number
from rmtcollapse.models._prediction import Prediction

if TYPE_CHECKING:
    from rmtcollapse.equations.system import System
    from rmtcollapse.spectra.law import Law

__all__ = ["DeepJacobian"]


@model
class DeepJacobian(Model):
    r"""Spectrum of the Jacobian of a deep network: mean square, spread, largest singular value, density.

    Parameters
    ----------
    depth : int
        Layers, *L* >= 1.
    activation : str, callable or tuple
        ``"linear"``, ``"relu"``, ``"hard-tanh"``, ``"tanh"``, ``"erf"``, or your own: a pair (activation, derivative)
        of functions of arrays, or a function with an attribute ``derivative``; the derivative bounded. A triple
        (activation, derivative, kinks), or an attribute ``kinks``, says between which preactivations it is smooth.
    preactivation_variance : float
        Variance *q* > 0 of the preactivations of every layer. It plays no part for linear networks and ReLU.
    weights : str
        ``"gaussian"`` or ``"orthogonal"``.
    weight_variance : float, optional
        :math:`\sigma_w^2>0`; if not given the critical one, :math:`1/\mu_1`, of the network before pruning.
    sparsity : float
        Share of the weights that is set to 0, in [0, 1).
    pruning : str
        ``"random"``; the smallest by ``"magnitude"``; or by ``"score"``, the weight times a normal sensitivity.
    rescaled : bool
        Whether pruned weights are divided by :math:`\sqrt f`, so that their mean square is what it was. For another
        scaling see :meth:`wrong_scaling_inflation`.
    width : int
        Width *N* of the networks that :meth:`draw` simulates; the theory is the limit of a large one.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, or where criticality is asked for and no bias
        keeps the preactivation variance.
    """

    depth: int = count("L", "number of layers")
    activation: Any = activation(r"\varphi", "activation of every layer")
    preactivation_variance: float = number(
        "q", "variance of the preactivations of every layer", "a finite number from 1e-12 to 1e8",
        lambda v: (v >= 1e-12) & (v <= 1e8), unit="squared preactivation",
    )  # fmt: skip
    weights: str = choice("", "law of the weight matrices", "gaussian", "orthogonal", default="gaussian")
    weight_variance: float | None = number(
        r"\sigma_w^2", "variance of the weights times the width; critical if none", "a finite number > 0",
        lambda v: v > 0, unit="squared gain", default=None, optional=True,
    )  # fmt: skip
    sparsity: float = number(
        "s", "share of the weights that is set to 0", "a number in [0, 1)", lambda v: (v >= 0) & (v < 1),
        unit="a share", default=0.0,
    )  # fmt: skip
    pruning: str = choice("", "which weights are set to 0", "random", "magnitude", "score", default="random")
    rescaled: bool = flag("", "whether pruned weights are scaled back to their mean square", default=True)
    width: int = count("N", "width of simulated networks", default=200)

    VALUES: ClassVar[Mapping[str, str]] = {
        "mean_square": "mean eigenvalue of J J^T, m_1",
        "fourth_moment_ratio": "mean squared eigenvalue of J J^T over the square of the mean, m_2/m_1^2",
        "largest_singular_value": "right end of the law of the singular values of J",
    }
    SOURCE: ClassVar[str] = (
        "Pennington, Schoenholz and Ganguli 2017, arXiv 1711.04735, and 2018, arXiv 1802.09979 (stated); Dadoun, "
        "Hayou, Salam, Seddik, Youssef 2025, arXiv 2506.08764 (sparse weights); edges and pruned weights derived here"
    )
    ONE_CALL: ClassVar[bool] = False
    FINITE_SIZE: ClassVar[Mapping[str, float]] = {"largest_singular_value": 2 / 3}

    @classmethod
    def system(cls) -> System:
        """The equations, in SymPy."""
        from rmtcollapse.models._jacobian_system import jacobian_system

        return jacobian_system()

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Without a weight variance the network has to be able to be critical."""
        if values["weight_variance"] is not None or isinstance(values["activation"], str):
            return
        q = float(values["preactivation_variance"])
        bias = q - energy(values["activation"], q) / mean_squared_slope(values["activation"], q)
        if bias < -1e-9 * q:
            domain = (
                f"one at which this activation can be critical: a bias of variance {bias:.3g} would have to keep it; "
                "give weight_variance"
            )
            raise ParameterError("preactivation_variance", q, domain)

    @classmethod
    def arguments(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Words as numbers."""
        return {
            "depth": values["depth"],
            "weight_variance": 0.0 if values["weight_variance"] is None else values["weight_variance"],
            "critical": 1.0 * (values["weight_variance"] is None),
            "sparsity": values["sparsity"],
            **kinds_of_pruning(values["sparsity"], values["pruning"]),
            "orthogonal": 1.0 * (values["weights"] == "orthogonal"),
            "rescaled": 1.0 * values["rescaled"],
        }

    def theory(self, digits: int | None = None) -> Prediction:
        """The limit of large width; see :meth:`rmtcollapse.models._base.Model.theory`."""
        return jacobian_theory(self, None if digits is None else validated_digits(digits))

    # ---- mean field ---------------------------------------------------------------------------------------------

    @property
    def critical_weight_variance(self) -> float:
        r""":math:`1/\mu_1`, at which the mean square of *J* is 1 at any depth (before pruning)."""
        return 1 / mean_squared_slope(self.activation, self.preactivation_variance)

    @property
    def bias_variance(self) -> float:
        r""":math:`\sigma_b^2=q-\sigma_w^2fE\varphi^2`, which keeps *q*; negative if no bias does."""
        q, variance = self.preactivation_variance, self.weight_variance
        variance = self.critical_weight_variance if variance is None else variance
        kept = 1.0 if self.rescaled else squares(self.sparsity, self.pruning)[0]
        bias = q - variance * kept * energy(self.activation, q)
        return 0.0 if abs(bias) <= 1e-13 * q else bias

    def caution(self) -> str:
        """What is special about the parameters; empty if nothing is."""
        if self.bias_variance >= 0 or self.activation in ("linear", "relu"):
            return ""
        return "no bias keeps this preactivation variance: it holds in networks that are normalised to it"

    def preactivation_variances(self, input_variance: float, layers: int) -> np.ndarray:
        r"""Variances of the preactivations of the first layers, (layers,), from that of the first.

        :math:`q\mapsto\sigma_w^2fE\varphi(\sqrt qZ)^2+\sigma_b^2` with the bias variance of :attr:`bias_variance`.

        Raises
        ------
        ParameterError
            For an input variance that is not positive, or where the bias variance would be negative.
        """
        q, bias = self.preactivation_variance, self.bias_variance
        if not (np.isfinite(input_variance) and input_variance > 0):
            raise ParameterError("input_variance", input_variance, "a finite number > 0")
        if bias < 0:
            raise ParameterError(
                "preactivation_variance", q, f"one that a bias of variance >= 0 keeps (it is {bias:.3g})"
            )
        gain = (q - bias) / energy(self.activation, q)
        found = [float(input_variance)]
        for _ in range(layers - 1):
            found.append(gain * energy(self.activation, found[-1]) + bias)
        return np.array(found)

    def singular_value_spread(self) -> float:
        r"""Standard deviation of the eigenvalues of :math:`JJ^\top` over their mean; 0 is dynamical isometry."""
        return math.sqrt(max(self.theory()["fourth_moment_ratio"] - 1, 0.0))

    def wrong_scaling_inflation(self) -> float:
        r""":math:`(f/(1-s))^{L/2}`: how much too large all singular values are if pruned weights were counted.

        That is, if they were divided by :math:`\sqrt{1-s}`, the root of the share that is left, and not by
        :math:`\sqrt f`, the root of the share of the mean square that is left. It is 1 for pruning at random. To have
        the network so scaled: ``rescaled=False`` and the weight variance divided by :math:`1-s`.
        """
        return scaling_inflation(self.sparsity, self.pruning, self.depth)

    # ---- one layer, where the law of the bulk does not tell the largest singular value --------------------------

    def heaviest_row(self) -> tuple[float, float]:
        r"""Heuristic: squared norm of the heaviest row of one sparse layer, and the layer's largest singular value.

        Both relative to weights of mean square 1/*N*, *N* the width. Where few weights are left in a row,
        :math:`d=N(1-s)` of the order of :math:`\log N`, the law of the bulk does not tell the largest singular value:
        the heaviest of *N* rows has :math:`\alpha` with :math:`d\,I(\alpha)=\log N`,
        :math:`I(a)=\sup_\theta\{\theta a-(1-2\theta)^{-1/2}+1\}`, and an outlier :math:`\alpha/\sqrt{\alpha-1}` above 2
        once :math:`\alpha>2`. For random masks of normal weights. To leading exponential order, derived here: at a
        width of 2000 and *d* of 5, 10, 20, 50, 100 it gives 2.81, 2.40, 2.15, 2.01, 2, where simulations give 2.70(8),
        2.37(2), 2.17(1), 2.062(3), 2.022(2).

        Raises
        ------
        ParameterError
            For pruning by a score, orthogonal weights, or less than one weight a row.
        """
        if self.pruning != "random" or self.weights != "gaussian":
            raise ParameterError("pruning", self.pruning, "random, of gaussian weights")
        left = self.width * (1 - self.sparsity)
        if left < 1:
            raise ParameterError("sparsity", self.sparsity, f"at most 1 - 1/width = {1 - 1 / self.width:.6g}")
        alpha = heaviest_row(left, self.width)
        return alpha, alpha / math.sqrt(alpha - 1) if alpha > 2 else 2.0

    def correlation_outlier(self, correlation: float, quantile: float = 0.5) -> tuple[float, float]:
        r"""Of weights that are all correlated: how likely a layer has an outlier, and its largest singular value.

        The second relative to weights of mean square 1/*N*. A correlation :math:`\rho` of every pair of weights of a
        layer is a common normal variable *g*, and adds the rank one matrix of the norm :math:`\theta=\sqrt{\rho N}|g|`
        to independent weights of the share :math:`1-\rho` of the variance. Once :math:`\theta^2>1-\rho` the largest
        singular value leaves the bulk, which ends at :math:`2\sqrt{1-\rho}`, for :math:`(1-\rho+\theta^2)/\theta`. It
        is as random as *g*; only :math:`\rho N\to0` is safe. The limit of large *N* at a given :math:`\rho N`, a rank
        one perturbation of a Gaussian matrix; derived here for this matrix and checked by simulation.

        Parameters
        ----------
        correlation : float
            :math:`\rho`, in [0, 1).
        quantile : float
            In (0, 1), of the largest singular value; the median if not given. That of :math:`P(|g|\le t)` is the value
            at :math:`|g|=t`.

        Returns
        -------
        probability, largest : float
            :math:`P(\rho Ng^2>1-\rho)`, and the quantile.

        Raises
        ------
        ParameterError
            For a number outside its domain, and for orthogonal or pruned weights.
        """
        if self.weights != "gaussian":
            raise ParameterError("weights", self.weights, "gaussian")
        if self.sparsity > 0:
            raise ParameterError("sparsity", self.sparsity, "0: all weights of a layer correlated")
        return correlation_outlier(correlation, self.width, quantile)

    # ---- the law ------------------------------------------------------------------------------------------------

    def law(self) -> Law:
        r"""The law of the eigenvalues of :math:`JJ^\top`, with ``support``, ``atoms``, ``cdf``, ``moments``, ``plot``.

        One layer of orthogonal weights has the law of the squared slopes themselves.

        Raises
        ------
        ParameterError
            For one layer of orthogonal weights and an activation of one's own that is not piecewise linear.
        """
        return law_of(layers_of(self))

    def density(self, x: ArrayLike) -> Any:
        r"""Density of the continuous part of the law of the eigenvalues of :math:`JJ^\top`, on the real axis."""
        return self.law().density(x)

    # ---- experiment -----------------------------------------------------------------------------------------------

    def singular_values(self, rng: np.random.Generator) -> np.ndarray:
        """Singular values (width,), decreasing, of the Jacobian of one network: drawn, given an input, multiplied."""
        from rmtcollapse.experiments.networks import Pruning, jacobian, weight_matrix

        variance = self.critical_weight_variance if self.weight_variance is None else self.weight_variance
        pruning = Pruning(self.sparsity, self.pruning, self.rescaled)
        start = rng.normal(scale=math.sqrt(self.preactivation_variance), size=self.width)

        def layer() -> np.ndarray:
            return pruning.apply(weight_matrix(self.weights, variance, self.width, rng), rng)

        J = jacobian(layer, named(self.activation), self.depth, start, self.bias_variance, rng)
        return np.asarray(np.linalg.svd(J, compute_uv=False))

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw a network and an input, propagate it, multiply the Jacobians, take singular values."""
        values = self.singular_values(rng)
        mean = float(np.mean(values**2))
        return {
            "mean_square": mean,
            "fourth_moment_ratio": float(np.mean(values**4)) / mean**2,
            "largest_singular_value": float(values[0]),
        }

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Fuss-Catalan edges, ReLU in closed form, the atom at the top, unscaled pruning."""
        common: dict[str, Any] = {"depth": 3, "preactivation_variance": 1.0, "width": 64}
        edge = math.sqrt(4**4 / 3**3)
        linear = cls(**common, activation="linear")
        return [
            Limit("linear Gaussian: Fuss-Catalan", linear,
                  {"largest_singular_value": edge, "fourth_moment_ratio": 4.0, "mean_square": 1.0}),
            Limit("pruned and rescaled: the same", linear.evolve(sparsity=0.25, pruning="magnitude"),
                  {"largest_singular_value": edge, "fourth_moment_ratio": 4.0}),
            Limit("pruned at random, not rescaled", linear.evolve(sparsity=0.25, rescaled=False),
                  {"largest_singular_value": edge * 0.75**1.5, "mean_square": 0.75**3}),
            Limit("orthogonal ReLU", cls(**common, activation="relu", weights="orthogonal"),
                  {"largest_singular_value": math.sqrt(27) / 2, "fourth_moment_ratio": 4.0}),
            Limit("orthogonal hard tanh of small preactivations: an atom at the top",
                  cls(**{**common, "preactivation_variance": 0.1}, activation="hard-tanh", weights="orthogonal"),
                  {"largest_singular_value": math.erf(math.sqrt(5)) ** -1.5}),
            Limit("error function: moments", cls(**common, activation="erf"),
                  {"fourth_moment_ratio": 1 + 3 * 5 / 3, "mean_square": 1.0}),
        ]  # fmt: skip
