"""What spiked matrices and tensors share: their parameters' meaning, theory, thresholds, bulk, and what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtcollapse.equivalents.tensor_curves import DIGITS, crowd, precise, shares, spiked_point, spiked_threshold
from rmtcollapse.models._base import Model, validated_digits
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.models._tensor_values import Numbers, certified, compiled_spiked, rounded_off, scaled_sizes

__all__ = ["Approximation", "Spiked"]

Array = NDArray[np.float64]

UNDETECTABLE = "the strength is below the threshold: no alignment, and the singular value is the edge of the noise"


class Approximation(NamedTuple):
    """A tensor, the vectors of its signal, and its rank-one approximation: weight and vectors."""

    tensor: Array
    signal: list[Array]
    value: float
    vectors: list[Array]


class Spiked(Model):
    """A rank-one signal in noise; a subclass declares the fields `sizes` and `strength` and how it is drawn."""

    sizes: Any
    strength: float

    ONE_CALL: ClassVar[bool] = False
    UNMEASURED: ClassVar[frozenset[str]] = frozenset({"detectable"})

    def resized(self, factor: int | Fraction) -> Self:
        """The same limit at another size: all sizes times `factor`."""
        return self.evolve(sizes=scaled_sizes(self.sizes, factor))

    # ---- theory -------------------------------------------------------------------------------------------------

    def theory(self, digits: int | None = None) -> Prediction:
        """The limit; see :meth:`rmtcollapse.models._base.Model.theory`."""
        order = len(self.sizes)
        found = certified(compiled_spiked(order), self._solve, None if digits is None else validated_digits(digits))
        alignment = np.array([found.outputs[f"alignment_{i + 1}"] for i in range(order)])
        detected = found.given["detectable"]
        named = {"alignment": alignment, "singular_value": found.unknowns["singular_value"]}
        named["detectable"] = float(detected)
        regime, status = ("detected", "converged") if detected else ("below the threshold", UNDETECTABLE)
        return Prediction(named, found.unknowns, found.residual, found.certificate, status, (regime,), found.digits)

    def _solve(self) -> tuple[Numbers, Numbers]:
        """Parameters and unknowns of the stated system."""
        point = spiked_point(self._shares(), Decimal(self.strength))
        given: dict[str, Any] = {f"size_{i}": int(n) for i, n in enumerate(self.sizes, 1)}
        unknowns = {f"kernel_{i}": g for i, g in enumerate(point.kernels, 1)}
        unknowns |= {f"overlap_{i}": q for i, q in enumerate(point.overlaps, 1)}
        unknowns |= {"excess": point.s, "singular_value": point.singular_value}
        return {**given, "strength": self.strength, "detectable": int(point.detected)}, unknowns

    def _shares(self) -> list[Decimal]:
        return shares([int(n) for n in self.sizes])

    def threshold(self) -> float:
        r"""The least strength with alignment, :math:`\beta_s`; for a matrix :math:`(c_1c_2)^{1/4}`."""
        with precise(DIGITS):
            return float(spiked_threshold(self._shares()))

    # ---- the bulk -----------------------------------------------------------------------------------------------

    def bulk(self) -> Any:
        r"""Limiting law of the eigenvalues of the matrix of contractions, apart from finitely many.

        A symmetric matrix of :math:`d\times d` blocks, (*i*, *j*) the contraction of the tensor by all :math:`u_k` but
        :math:`u_i,u_j`, of zeros for *i* = *j*. For a matrix its eigenvalues are the singular values, their negatives,
        and zeros. Its right edge is the singular value where nothing is detected.

        Returns
        -------
        DysonLaw
            The equations of the :math:`g_i=c_im_i` at a complex argument in the place of :math:`\lambda`; the solution
            in the upper half plane is unique.
        """
        from rmtcollapse.spectra import DysonLaw

        return DysonLaw(1.0 - np.eye(len(self.sizes)), self.sizes)

    def density(self, x: ArrayLike) -> Any:
        """Density of :meth:`bulk` at *x* (numbers or arrays)."""
        return self.bulk().density(x)

    # ---- experiment ---------------------------------------------------------------------------------------------

    def approximated(self, rng: np.random.Generator) -> Approximation:
        """Draw the tensor and approximate it."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw the tensor, approximate it, and compare with the signal."""
        found = self.approximated(rng)
        alignment = [float(u @ x) ** 2 for u, x in zip(found.vectors, found.signal, strict=True)]
        return {"alignment": np.array(alignment), "singular_value": found.value}

    def draw_spectrum(self, rng: np.random.Generator) -> Array:
        r"""Eigenvalues of one matrix of contractions, as in :meth:`bulk`, ascending.

        Outside the bulk, at order *d*: :math:`(d-1)\lambda` once and :math:`-\lambda` *d* - 1 times.
        """
        from rmtcollapse.experiments.tensors import contraction_matrix

        found = self.approximated(rng)
        return np.asarray(np.linalg.eigvalsh(contraction_matrix(found.tensor, found.vectors)))

    def finite_size(self) -> Mapping[str, float]:
        """Where nothing is detected, the singular value nears an edge."""
        return {} if self.strength > self.threshold() else {"singular_value": 2 / 3}

    def unjudged(self) -> Mapping[str, str]:
        """Next to the threshold, finite sizes tell nothing about the limit."""
        with precise(DIGITS):
            expected = float(crowd(self._shares(), Decimal(self.strength))) * float(np.sum(self.sizes))
        return rounded_off(expected, self.strength > self.threshold(), ("alignment", "singular_value"))
