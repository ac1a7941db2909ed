r"""Nonlinear random features f(XW), entry by entry, and the linear letters that are equivalent to them.

For rows x of X with :math:`|x|^2` concentrated and independent columns w of W, every argument x'w is nearly Gaussian
of one variance :math:`\tau^2`, and in traces that do not single out a few directions

.. math:: f(XW) - \mu_0 \;\simeq\; \mu_1 XW + \mu_*\Theta,

with :math:`\Theta` of independent standard Gaussian entries, independent of X and W, and the moments of
:class:`~rmtcollapse.derive.activations.Moments` (Pennington and Worah 2017; Mei and Montanari 2022; Hu and Lu 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.core.symbol import Str

from rmtcollapse.derive import activations
from rmtcollapse.derive.activations import Activation
from rmtcollapse.derive.letters import Gaussian, Scalar, gaussian
from rmtcollapse.errors import ParameterError

__all__ = ["Coefficient", "Features", "features"]

_KINDS = {"mean": r"\mu_{0}", "slope": r"\mu_{1}", "noise": r"\mu_{*}"}


class Coefficient(Scalar):
    """A Gaussian moment of an activation, which the spectra determine; nobody gives it."""

    __slots__ = ("features", "kind")
    features: Features
    kind: str

    def __new__(cls, features: Features, kind: str) -> Coefficient:
        name = f"{kind} of {features.activation.name} after {features.argument}"
        made = super().__xnew__(cls, name, real=True)
        made.features, made.kind = features, kind
        return made  # type: ignore[no-any-return]

    @property
    def letter(self) -> str:
        """With the activation as a superscript."""
        return rf"{_KINDS[self.kind]}^{{\mathrm{{{self.features.activation.name}}}}}"

    def _latex(self, printer: Any) -> str:
        return self.letter


class Features(sp.MatrixSymbol):  # type: ignore[misc]
    """f(XW), or f(XW) less its mean where it is `centred`."""

    def __new__(cls, name: Any, rows: Any, columns: Any, data: Any, weights: Any, key: Any, centred: Any) -> Features:
        return sp.Basic.__new__(  # type: ignore[no-any-return]
            cls,
            name if isinstance(name, Str) else Str(str(name)),
            rows,
            columns,
            data,
            weights,
            key,
            sp.sympify(centred),
        )

    @property
    def data(self) -> Gaussian | Features:
        """X."""
        return self.args[3]

    @property
    def weights(self) -> Gaussian:
        """W."""
        return self.args[4]

    @property
    def activation(self) -> Activation:
        """f."""
        return activations.activation(str(self.args[5]))

    @property
    def centred(self) -> bool:
        """Whether the mean is subtracted."""
        return bool(self.args[6])

    @property
    def argument(self) -> str:
        """What decides the variance of the argument, as text."""
        X, W = self.data, self.weights
        inner = f"{X.activation.name}({X.argument})" if isinstance(X, Features) else f"{X.colcov}*{X.variance}"
        return f"{inner}|{W.rowcov}*{W.variance}|{W.shape[0]}"

    @property
    def noise(self) -> Gaussian:
        """The letter Theta."""
        return gaussian(f"Theta_{self.activation.name}_{self.data.name}_{self.weights.name}", *self.shape)

    @property
    def linear(self) -> sp.MatrixExpr:
        """The equivalent, in letters."""
        slope, noise = (Coefficient(self, kind) for kind in ("slope", "noise"))
        return slope * self.data * self.weights + noise * self.noise

    @property
    def coefficients(self) -> tuple[Coefficient, ...]:
        """Those of features inside first."""
        inner = self.data.coefficients if isinstance(self.data, Features) else ()
        return (*inner, *(Coefficient(self, kind) for kind in _KINDS))


def features(
    data: Gaussian | Features,
    weights: Gaussian,
    activation: Any,
    *,
    centred: bool = False,
    kinks: Sequence[float] = (),
) -> Features:
    r"""Declare nonlinear random features f(XW), with f applied to every entry.

    The theory replaces them by :math:`\mu_1XW+\mu_*\Theta`; `verify` draws f(XW) itself. The argument has variance
    :math:`\tau^2=v_Xv_W\,\mathrm{tr}(\Sigma A)` for X of column covariance :math:`\Sigma` and W of row covariance A
    (with ``variance=1/d`` for W and standard data it is 1). Rows of X should have :math:`|x|^2` close to its mean:
    many directions, none dominating.

    Parameters
    ----------
    data : Gaussian matrix or features
        X, one row a sample; independent samples with one covariance (no ``rowcov``).
    weights : Gaussian matrix
        W, one column a neuron; independent neurons (no ``colcov``).
    activation : str or callable
        ``"relu"``, ``"erf"``, ``"tanh"``, ``"sign"``, ``"sin"``, ``"abs"``, ``"gelu"``, ``"sigmoid"``, ``"silu"``,
        ``"softplus"``, ``"identity"``, or a function of an array.
    centred : bool
        Subtract :math:`\mu_0=E f(\tau g)`. Features whose mean is not zero are refused without it, for a mean is one
        large singular value that this equivalent does not have.
    kinks : sequence of float
        For a function of one's own: where it jumps or bends.

    Raises
    ------
    ParameterError
        For what is not a Gaussian matrix, shapes that do not fit, dependent samples or neurons, an unknown activation.
    """
    if not isinstance(data, Gaussian | Features) or getattr(data, "is_wigner", False):
        raise ParameterError("data", data, "a Gaussian matrix of samples in rows, or features")
    if not isinstance(weights, Gaussian) or weights.is_wigner or weights.has(data):
        raise ParameterError("weights", weights, "another Gaussian matrix, with one column a neuron")
    if data.shape[1] != weights.shape[0]:
        domain = f"a matrix with {data.shape[1]} rows, as many as {data} has columns; it has {weights.shape[0]}"
        raise ParameterError("weights", weights, domain)
    if isinstance(data, Gaussian) and data.rowcov != sp.Identity(data.shape[0]):
        raise ParameterError("data", data, "independent samples, declared without rowcov")
    if weights.colcov != sp.Identity(weights.shape[1]):
        raise ParameterError("weights", weights, "independent neurons, declared without colcov")
    if isinstance(data, Features) and weights.rowcov != sp.Identity(weights.shape[0]):
        raise ParameterError("weights", weights, "free of rowcov where they act on features")
    f = activations.activation(activation, kinks)
    mark = "" if not centred else "_centred"
    name = f"{f.name}{mark}_{data.name}_{weights.name}"
    return Features(name, data.shape[0], weights.shape[1], data, weights, Str(f.name), bool(centred))
