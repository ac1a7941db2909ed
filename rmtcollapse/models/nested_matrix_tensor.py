r"""The nested matrix-tensor model: clustering the same points in several views.

**Setting.** :math:`T=\beta_T\,M\otimes z+W/\sqrt{n_T}` of sizes :math:`n_1\times n_2\times n_3` holds :math:`n_3`
views of a matrix :math:`M=\beta_M\,xy^\top+Z/\sqrt{n_1+n_2}` of :math:`n_1` features of :math:`n_2` points; *Z*, *W*
standard normal, :math:`n_T=n_1+n_2+n_3`; *x*, *y*, *z* of length one. :math:`y=(\pm1,\dots)/\sqrt{n_2}` are the labels
of two clusters with means :math:`\pm\mu`, :math:`|\mu|=\beta_M`, and *h* the weights of the views, :math:`z=h/|h|`,
:math:`|h|=\beta_T`. The labels are estimated by the signs of

- ``unfolding``: the first left singular vector of the unfolding along the points, :math:`n_2\times n_1n_3`;
- ``tensor``: the best rank-one approximation, the local maximum that is correlated with the signal;
- ``known-weights``: the first singular vector of the mean of the views with the true weights *z*.

**Statement.** An entry of the estimate is a label times :math:`\sqrt{a/n_2}` with normal noise of variance
:math:`(1-a)/n_2`, where *a* is the squared alignment, so that the accuracy is :math:`\Phi(\sqrt{a/(1-a)})`. With
:math:`c_i'=n_i/(n_1+n_2)` and :math:`c_i=n_i/n_T`:

- known weights, :math:`r=\beta_M^2\beta_T^2/(\beta_T^2+c_1+c_2)`: :math:`a=(r^2-c_1'c_2')/\{r(r+c_2')\}` if positive;
- unfolding, :math:`\rho=\beta_T^2n_T/\sqrt{n_1n_2n_3}`, :math:`b=\beta_M^2`, :math:`\kappa=b^2-c_1'c_2'>0`: in the
  limit :math:`a=\frac\kappa{b(b+c_2')}\big(1-\frac{b^2}{\rho^2(b+c_2')^2\kappa}\big)` if positive. Its relative error
  is :math:`O(n^{-1/2})`, some per cent at usual sizes; with ``size_corrected`` the noise is that of the actual sizes;
- tensor: :math:`a=q_2^2` of the equations below.

**Consequences.** The tensor estimate works from :math:`\beta_T=O(1)` on, the unfolding from :math:`O(n^{1/4})`. As
:math:`\beta_T\to\infty` it tends to that of a spiked matrix, as :math:`\beta_T\to0` with :math:`\beta_T\beta_M` fixed
to that of a spiked tensor. For small :math:`\beta_T` it sets in with a jump, for large ones continuously
(:meth:`NestedMatrixTensor.transition`); past :math:`\beta_T^2=(c_1+c_2)\sqrt{c_3}/(\sqrt{c_1}+\sqrt{c_2})` the weights
*z* are recovered below the threshold of the labels. Where nothing is, the singular value is the edge of the noise
*W* alone, which iterations from a blind start reach; one from the signal need not.

**Notation.** :math:`n_i` sizes, :math:`\beta_M,\beta_T` strengths of matrix and tensor, :math:`g_i` traces of the
resolvent, :math:`q_i` overlaps, :math:`\gamma=\beta_T^2q_3^2/(c_1+c_2)`, :math:`\lambda` singular value, *m* Stieltjes
transform of the bulk, [...] 1 where a condition holds and 0 where it does not.

**Source.** The model and the tensor equations: [SeddikAchabGoulartDebbah2023]_; unfoldings, the gap between both and
their phase transitions: [LebeauSeddikGoulart2024]_. Derived here: the correction for the sizes, the explicit curve of
the tensor equations, the kind of its transition, and the recovery of *z* below it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ParameterError
from rmtcollapse.models._base import Limit, Model, validated_digits
from rmtcollapse.models._nested_values import Estimate
from rmtcollapse.models._parameters import choice, flag, model, nonnegative
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.models._tensor_values import rounded_off, scaled_sizes, sizes_parameter
from rmtcollapse.models.spiked_tensor import SpikedTensor

__all__ = ["NestedMatrixTensor"]

Array = NDArray[np.float64]

_MODES = {"labels": 2, "direction": 1, "weights": 3}


@model
class NestedMatrixTensor(Model):
    r"""Alignment and accuracy of labels estimated from several noisy views of the same clusters.

    Parameters
    ----------
    sizes : array (3,)
        Features, points and views, whole numbers >= 1.
    matrix_strength : float
        Strength of the clusters in a view, :math:`\beta_M=|\mu|\ge0`.
    tensor_strength : float
        Strength of all views together, :math:`\beta_T=|h|\ge0`.
    estimator : str
        ``"unfolding"``, ``"tensor"`` or ``"known-weights"``.
    size_corrected : bool
        For the unfolding: noise at the actual sizes (recommended) in place of the limit.
    estimand : str
        What is estimated: the ``"labels"`` *y* (mode 2), the ``"direction"`` *x* of the means (mode 1) or the
        ``"weights"`` *z* of the views (mode 3).

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, other than three sizes, or the weights
        as estimand where they are known.
    """

    sizes: Any = sizes_parameter("n_i", "features, points and views", "3")
    matrix_strength: float = nonnegative(r"\beta_M", "strength of the clusters in a view")
    tensor_strength: float = nonnegative(r"\beta_T", "strength of all views together")
    estimator: str = choice(
        "", "what estimates the labels", "unfolding", "tensor", "known-weights", default="unfolding"
    )
    size_corrected: bool = flag("", "unfolding: noise at the actual sizes, not the limit", default=True)
    estimand: str = choice("", "what is estimated", *_MODES, default="labels")

    VALUES: ClassVar[Mapping[str, str]] = {
        "alignment": "squared overlap of the estimate with the labels (of length one)",
        "accuracy": "share of labels that are right, up to one common sign",
        "singular_value": "first singular value of what is decomposed",
        "detectable": "1 where the alignment is positive, 0 where it is not",
    }
    SOURCE: ClassVar[str] = (
        "Lebeau, Seddik and Goulart 2024, arXiv 2402.10677; Seddik, Achab, Goulart and Debbah 2023, arXiv 2305.19992; "
        "size correction and explicit curve derived here"
    )
    ONE_CALL: ClassVar[bool] = False
    ASYMPTOTIC: ClassVar[bool] = False
    UNMEASURED: ClassVar[frozenset[str]] = frozenset({"detectable"})
    EVENTS: ClassVar[frozenset[str]] = frozenset({"accuracy"})

    @classmethod
    def system(cls) -> Any:
        """The equations of all estimators of the labels, in SymPy."""
        from rmtcollapse.equivalents.nested_tensors import joined, nested_system

        return joined(*map(nested_system, ("unfolding", "tensor", "known")))

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Three sizes; known weights are not estimated."""
        if len(values["sizes"]) != 3:
            raise ParameterError("sizes", values["sizes"].tolist(), "three whole numbers >= 1, such as 150,300,60")
        if values["estimator"] == "known-weights" and values["estimand"] == "weights":
            raise ParameterError("estimand", "weights", "labels or direction where the weights are known")

    def resized(self, factor: int | Fraction) -> Self:
        r"""Sizes times `factor`, at a tensor strength of the same difficulty.

        The unfoldings along the first two modes see :math:`\beta_T` in units of :math:`n^{1/4}`, that along the third
        in units of :math:`n^{-1/4}`.
        """
        power = {"unfolding": -0.25 if self.mode == 3 else 0.25}.get(self.estimator, 0.0)
        return self.evolve(
            sizes=scaled_sizes(self.sizes, factor), tensor_strength=self.tensor_strength * float(factor) ** power
        )

    @property
    def mode(self) -> int:
        """The mode of the tensor that is estimated, counted from 1."""
        return _MODES[self.estimand]

    # ---- theory -------------------------------------------------------------------------------------------------

    def theory(self, digits: int | None = None) -> Prediction:
        """The limit, or its size-corrected form; see :meth:`rmtcollapse.models._base.Model.theory`."""
        return self._estimate().theory(None if digits is None else validated_digits(digits))

    def _estimate(self) -> Estimate:
        first, second, third = (int(n) for n in self.sizes)
        corrected = "" if self.size_corrected else "_limit"
        tags = {
            "tensor": "tensor_third" if self.mode == 3 else "tensor",
            "known-weights": "known",
            "unfolding": ("third" if self.mode == 3 else "unfolding") + corrected,
        }
        sizes = (second, first, third) if self.mode == 1 else (first, second, third)
        return Estimate(sizes, self.matrix_strength, self.tensor_strength, tags[self.estimator])

    def threshold(self) -> float:
        """The matrix strength above which the alignment is positive, at this tensor strength; infinite at 0."""
        return self._estimate().threshold()

    def transition(self) -> str:
        """How the tensor estimate of the labels sets in: ``"continuous"``, or ``"discontinuous"`` with a jump."""
        return "continuous" if self._estimate().continuous() else "discontinuous"

    def bulk(self) -> Any:
        r"""Limiting law of the bulk of :math:`(T_kT_k^\top-\mu)/\sigma` of the unfolding along :attr:`mode`.

        :math:`\mu` is the product of the other sizes over :math:`n_T`, :math:`\sigma=\sqrt{n_1n_2n_3}/n_T`. A
        semicircle, along the first two modes plus a free Marchenko-Pastur law of the noise in the views.

        Returns
        -------
        Law
        """
        from rmtcollapse.spectra import FreePoisson, Semicircle

        sizes, (own, other) = self._estimate().sizes, (1, 0)
        pair = sizes[0] + sizes[1]
        rho = self.tensor_strength**2 * float(self.sizes.sum()) / math.sqrt(float(np.prod(self.sizes)))
        if self.mode == 3 or rho == 0:
            return Semicircle(1.0)
        return Semicircle(1.0) + FreePoisson(sizes[other] / sizes[own], rho * sizes[own] / pair)

    def density(self, x: Any) -> Any:
        """Density of :meth:`bulk` at *x* (numbers or arrays)."""
        return self.bulk().density(x)

    def corrected_density(self, x: Any) -> Any:
        """The same with noise at the actual sizes.

        Along the first two modes to about 1e-8, next to edges 1e-5; along the third a Marchenko-Pastur law.
        """
        from rmtcollapse.equivalents.nested_bulk import bulk_density
        from rmtcollapse.spectra import MarchenkoPastur

        if self.mode < 3:
            return bulk_density(self._estimate().sizes, self.tensor_strength, x)
        slope = math.sqrt(self.sizes[2] / (self.sizes[0] * self.sizes[1]))
        return slope * MarchenkoPastur(slope**2).density(1 + slope * np.asarray(x, float))

    # ---- experiment ---------------------------------------------------------------------------------------------

    def finite_size(self) -> Mapping[str, float]:
        """Where nothing is detected, the singular value nears an edge, and chance overlaps help the accuracy.

        The square of a singular value of an unfolding is a constant plus a bulk that is narrower by :math:`n^{-1/2}`.
        """
        if self.matrix_strength > self.threshold():
            return {}
        edge = {"singular_value": 7 / 6 if self.estimator == "unfolding" else 2 / 3}
        return {**edge, "accuracy": 0.5} if self.matrix_strength else edge

    def unjudged(self) -> Mapping[str, str]:
        """Next to the threshold finite sizes tell nothing; and some iterations remember where they start."""
        threshold, remembered = self.threshold(), self._estimate().remembered()
        if threshold == 0 or self.matrix_strength == 0 or math.isinf(threshold):
            return remembered
        names, detected = ("alignment", "accuracy", "singular_value"), self.matrix_strength > threshold
        return {**rounded_off(self._crowd(threshold), detected, names), **remembered}

    def _crowd(self, threshold: float) -> float:
        """Noise eigenvalues as near to the edge as the signal, were the strength as far above the threshold."""
        above = max(self.matrix_strength, min(threshold / self.matrix_strength, 1e6) * threshold)
        places = [float(self.evolve(matrix_strength=m).theory()["singular_value"]) for m in (above, threshold)]
        if self.estimator == "unfolding":
            law, count = self.bulk(), float(self.sizes[self.mode - 1])
            places = [float(self.scaled(x**2)) for x in places]
        else:
            known = self.estimator == "known-weights"
            law = SpikedTensor(sizes=self.sizes[: 2 if known else 3], strength=0.0).bulk()
            shares, count = self.sizes / self.sizes.sum(), float(self.sizes[: 2 if known else 3].sum())
            noise = math.sqrt(self.tensor_strength**2 + shares[:2].sum()) if known else 1.0
            places = [x / noise for x in places]
        edge = law.support()[-1][1]
        return count * (1 - float(law.cdf(edge - (places[0] - places[1]))))

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw the matrix, then the tensor; estimate. The power iteration for the tensor starts at the signal."""
        from rmtcollapse.experiments.tensors import draw_nested, estimated, label_values

        sizes = [int(n) for n in self.sizes]
        tensor, signal = draw_nested(sizes, self.matrix_strength, self.tensor_strength, rng)
        value, estimate = estimated(self.estimator, tensor, signal, self.mode - 1)
        return {**label_values(estimate, signal[self.mode - 1]), "singular_value": value}

    def draw_spectrum(self, rng: np.random.Generator) -> Array:
        """Eigenvalues of one unfolding along :attr:`mode`, centred and scaled as in :meth:`bulk`, ascending."""
        from rmtcollapse.experiments.tensors import draw_nested, unfolded

        sizes = [int(n) for n in self.sizes]
        tensor, _ = draw_nested(sizes, self.matrix_strength, self.tensor_strength, rng)
        matrix = unfolded(tensor, self.mode - 1)
        return np.asarray(self.scaled(np.linalg.eigvalsh(matrix @ matrix.T)))

    def scaled(self, squares: Any) -> Any:
        """Squared singular values of the unfolding along :attr:`mode` on the axis of :meth:`bulk`."""
        entries, whole = float(np.prod(self.sizes)), float(self.sizes.sum())
        return (np.asarray(squares) * whole - entries / self.sizes[self.mode - 1]) / math.sqrt(entries)

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Closed forms, thresholds and the two ends of the tensor estimate."""
        return _limits(cls)


def _limits(cls: type[NestedMatrixTensor]) -> list[Limit]:
    """At sizes 30, 60, 10: shares 1/3 and 2/3 of the matrix, 0.3, 0.6, 0.1 of the tensor."""
    sizes, weak = [30, 60, 10], {"alignment": 0.0, "accuracy": 0.5, "detectable": 0.0}
    r = 4 * 0.25 / (0.25 + 0.9)
    known = (r**2 - 2 / 9) / (r * (r + 2 / 3))
    mean = cls(sizes=sizes, matrix_strength=2.0, tensor_strength=0.5, estimator="known-weights")
    values = {
        "alignment": known,
        "accuracy": 0.5 * math.erfc(-math.sqrt(known / (1 - known) / 2)),
        "singular_value": math.sqrt((r + 1 / 3) * (r + 2 / 3) / r * 1.15),
        "detectable": 1.0,
    }
    made = [Limit("known weights: a spiked matrix", mean, values)]
    rho, b, kappa = 2.0, 4.0, 16 - 2 / 9
    strong = cls(sizes=sizes, matrix_strength=2.0, tensor_strength=rho**0.5 * 1.8**0.25, size_corrected=False)
    unfolded = kappa / (b * (b + 2 / 3)) * (1 - b**2 / (rho**2 * (b + 2 / 3) ** 2 * kappa))
    made.append(Limit("unfolding, in the limit: closed form", strong, {"alignment": unfolded, "detectable": 1.0}))
    for estimator in ("unfolding", "tensor", "known-weights"):
        noise = cls(sizes=sizes, matrix_strength=0.4, tensor_strength=0.3, estimator=estimator)
        made.append(Limit(f"{estimator}: nothing below the threshold", noise, weak))
    far = cls(sizes=sizes, matrix_strength=1.5, tensor_strength=1e9, estimator="tensor")
    b2 = 1.5**2
    bbp = (b2**2 - 2 / 9) / (b2 * (b2 + 2 / 3))
    made.append(Limit("tensor without noise: a spiked matrix", far, {"alignment": bbp}))
    near = cls(sizes=[40, 40, 40], matrix_strength=1.5**0.5 * 1e9, tensor_strength=1e-9, estimator="tensor")
    made.append(Limit("matrix without noise: a spiked tensor", near, {"alignment": 2 / 3, "singular_value": 5 / 3}))
    return made
