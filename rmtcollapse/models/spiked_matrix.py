r"""Spiked matrices: when the first singular vectors of signal plus noise see the signal, and how well.

**Setting.** :math:`M=\beta\,xy^\top+Z/\sqrt{n_1+n_2}` of sizes :math:`n_1\times n_2`, *x* and *y* of length one, *Z*
standard normal. Its first singular value is :math:`\sigma` with vectors *u*, *v*.

**Statement.** With :math:`c_i=n_i/(n_1+n_2)`, for :math:`\beta^4>c_1c_2`

.. math:: \sigma^2=\frac{(\beta^2+c_1)(\beta^2+c_2)}{\beta^2},\qquad
          (u^\top x)^2=\frac{\beta^4-c_1c_2}{\beta^2(\beta^2+c_1)},\qquad
          (v^\top y)^2=\frac{\beta^4-c_1c_2}{\beta^2(\beta^2+c_2)},

and :math:`\sigma=\sqrt{c_1}+\sqrt{c_2}`, the edge of the noise, without alignment for a smaller strength. These solve
the equations of spiked tensors at order two, which is how they are stated and certified here.

**Notation.** :math:`n_1,n_2` sizes, :math:`\beta` strength, :math:`c_i` shares, :math:`g_i` traces of the resolvent,
:math:`q_i` overlaps, :math:`\lambda=\sigma` singular value.

**Source.** [BaikBenArousPeche2005]_ for covariances; singular vectors stated in [BenaychGeorgesNadakuditi2012]_.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from rmtcollapse.errors import ParameterError
from rmtcollapse.models._base import Limit
from rmtcollapse.models._parameters import model, nonnegative
from rmtcollapse.models._spiked import Approximation, Spiked
from rmtcollapse.models._tensor_values import sizes_parameter

__all__ = ["SpikedMatrix"]


@model
class SpikedMatrix(Spiked):
    r"""Singular value and alignments of the first singular vectors of a rank-one matrix in noise.

    Parameters
    ----------
    sizes : array (2,)
        Rows and columns, whole numbers >= 1.
    strength : float
        Size of the signal, :math:`\beta\ge0`, where the noise has entries of variance :math:`1/(n_1+n_2)`.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, or other than two sizes.
    """

    sizes: Any = sizes_parameter("n_i", "rows and columns", "2")
    strength: float = nonnegative(r"\beta", "size of the signal")

    VALUES: ClassVar[Mapping[str, str]] = {
        "alignment": "squared overlaps of the singular vectors with those of the signal, left and right",
        "singular_value": "first singular value",
        "detectable": "1 where the alignments are positive, 0 where they are not",
    }
    SOURCE: ClassVar[str] = "Benaych-Georges and Nadakuditi 2012 (stated)"

    @classmethod
    def system(cls) -> Any:
        """The equations, in SymPy."""
        from rmtcollapse.equivalents.tensors import spiked_system

        return spiked_system(2)

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """A matrix has two sizes."""
        if len(values["sizes"]) != 2:
            raise ParameterError("sizes", values["sizes"].tolist(), "two whole numbers >= 1, such as 400,600")

    def approximated(self, rng: np.random.Generator) -> Approximation:
        """Draw the matrix and take its singular value decomposition."""
        from rmtcollapse.experiments.tensors import draw_spiked

        matrix, signal = draw_spiked([int(n) for n in self.sizes], self.strength, rng)
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
        return Approximation(matrix, signal, float(values[0]), [left[:, 0], right[0]])

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Closed forms on both sides of the threshold."""
        edge = math.sqrt(0.4) + math.sqrt(0.6)
        none = {"alignment": np.zeros(2), "singular_value": edge, "detectable": 0.0}
        made = [Limit("below the threshold: the edge of the noise", cls(sizes=[40, 60], strength=0.69), none)]
        for beta in (0.75, 1.0, 3.0):
            b2, gap = beta**2, beta**4 - 0.24
            values = {
                "alignment": np.array([gap / (b2 * (b2 + 0.4)), gap / (b2 * (b2 + 0.6))]),
                "singular_value": math.sqrt((b2 + 0.4) * (b2 + 0.6)) / beta,
                "detectable": 1.0,
            }
            made.append(Limit("above the threshold: closed form", cls(sizes=[40, 60], strength=beta), values))
        return made
