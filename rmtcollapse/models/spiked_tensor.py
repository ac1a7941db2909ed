r"""Spiked tensors of any order: when the best rank-one approximation sees the signal, and how well.

**Setting.** :math:`T=\beta\,x_1\otimes\dots\otimes x_d+W/\sqrt{\sum_in_i}` of sizes :math:`n_1,\dots,n_d`, :math:`x_i`
of length one, *W* standard normal. The estimate :math:`\lambda\,u_1\otimes\dots\otimes u_d` is the local maximum of
the rank-one approximation that is correlated with the signal.

**Statement.** With :math:`c_i=n_i/\sum_jn_j`, the equations of :mod:`rmtcollapse.equivalents.tensors` hold for
:math:`q_i=|u_i^\top x_i|` and :math:`\lambda`. They are solved explicitly by a curve in
:math:`s=\lambda+\sum_ig_i`: with :math:`r_i=\sqrt{s^2+4c_i}`

.. math:: q_i^2=\frac{2s}{s+r_i},\qquad \lambda=s+\tfrac12\sum_i(r_i-s),\qquad \beta=s\prod_iq_i^{-1}.

It has a fold where :math:`\sum_is/r_i=d-2`. Its strength :math:`\beta_s` there is the threshold: below it there is no
such local maximum. At order two the fold is at *s* = 0, and the alignment grows from zero; at higher orders it jumps.

**Below the threshold** the alignments are zero and the singular value is that of the fold, which is the edge of the
bulk of the matrix of contractions (:meth:`SpikedTensor.bulk`), as :math:`\beta` and :math:`\lambda` are stationary
together. A local maximum has at least this weight, as no eigenvalue but its own may exceed it, and simulated power
iterations end there, :math:`O(n^{-2/3})` below; for equal sizes it is :math:`2\sqrt{(d-1)/d}`, the threshold energy of
the spherical *d*-spin model. An iteration that starts at the signal finds some local maximum of noise near it, whose
overlap fades so slowly with the size, if at all, that it says nothing about the limit.

**Consequences.** The global maximum (the maximum-likelihood estimate) sees the signal only from a larger strength
on, at which :math:`\lambda` is the maximum over noise alone; for equal sizes that is the ground state of the spherical
*d*-spin model, and :meth:`SpikedTensor.mle_threshold` gives it.

**Notation.** :math:`n_i` sizes, *d* order, :math:`\beta` strength, :math:`c_i` shares, :math:`g_i` traces of the
resolvent, :math:`q_i` overlaps, :math:`\lambda` singular value.

**Source.** Equations stated in [SeddikGuillaudCouillet2024]_; the explicit curve, its fold, the threshold and what
iterations find below it derived here. The ground state is that of [AuffingerBenArousCerny2013]_; that it is the maximum
over tensors that need not be symmetric is taken over for equal sizes, not derived here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from rmtcollapse.errors import ParameterError
from rmtcollapse.models._base import Limit
from rmtcollapse.models._parameters import choice, model, nonnegative
from rmtcollapse.models._spiked import Approximation, Spiked
from rmtcollapse.models._tensor_values import sizes_parameter

__all__ = ["SpikedTensor"]

_REMEMBERED = "below the threshold the iteration remembers the signal that it starts at; start=hosvd is blind to it"
_SEEN = 1.15  # times their threshold: from there on nearly all unfoldings see enough of the signal
_UNSEEN = "at these sizes the unfoldings hardly see the signal, or not at all; take a strength above"


@model
class SpikedTensor(Spiked):
    r"""Singular value and alignments of the best rank-one approximation of a rank-one tensor in noise.

    Parameters
    ----------
    sizes : array (d,)
        Sizes of the modes, two or more whole numbers >= 1.
    strength : float
        Size of the signal, :math:`\beta\ge0`, where the noise has entries of variance :math:`1/\sum_in_i`.
    start : str
        Where the power iteration of the experiment starts: at the ``"signal"``, which finds the local maximum that
        the theory is about, or at the first singular vectors of the unfoldings (``"hosvd"``), which finds it only
        where they see the signal, above :meth:`hosvd_threshold`. The theory is the same.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, or fewer than two sizes.
    """

    sizes: Any = sizes_parameter("n_i", "sizes of the modes", "d")
    strength: float = nonnegative(r"\beta", "size of the signal")
    start: str = choice("", "where the power iteration of the experiment starts", "signal", "hosvd", default="signal")

    VALUES: ClassVar[Mapping[str, str]] = {
        "alignment": "squared overlaps of the estimate with the signal, one a mode",
        "singular_value": "weight of the best rank-one approximation",
        "detectable": "1 where the alignments are positive, 0 where they are not",
    }
    SOURCE: ClassVar[str] = "Seddik, Guillaud and Couillet 2024, arXiv 2112.12348 (equations); curve derived here"

    @classmethod
    def system(cls) -> Any:
        """The equations of a mode *i* at any order, in SymPy; :func:`~rmtcollapse.equivalents.tensors.spiked_system`
        writes out those of one order."""
        from rmtcollapse.equivalents.tensors import any_order_system

        return any_order_system()

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """A tensor has two or more sizes."""
        if len(values["sizes"]) < 2:
            raise ParameterError("sizes", values["sizes"].tolist(), "two or more whole numbers >= 1, such as 90,60,30")

    def mle_threshold(self) -> float:
        r"""The strength :math:`\beta_c\ge\beta_s` above which that local maximum is the global one, for equal sizes.

        The strength at which :math:`\lambda` is the ground-state energy of the spherical *d*-spin model.

        Raises
        ------
        ParameterError
            For sizes that are not equal: the maximum over noise alone is then not known.
        """
        from rmtcollapse.equivalents.tensor_curves import DIGITS, maximum_threshold, precise

        if np.ptp(self.sizes) > 0:
            raise ParameterError("sizes", self.sizes.tolist(), "equal sizes, for which the maximum of noise is known")
        with precise(DIGITS):
            return float(maximum_threshold(len(self.sizes)))

    def hosvd_threshold(self) -> float:
        r"""The strength :math:`(\prod_in_i)^{1/4}/\sqrt{\sum_in_i}` above which the unfoldings see the signal.

        It grows with the sizes from order three on: unlike :meth:`threshold` it is no property of the limit.
        """
        return math.exp(float(np.log(self.sizes).sum()) / 4 - math.log(self.sizes.sum()) / 2)

    def unjudged(self) -> Mapping[str, str]:
        """Where the start of the iteration does not see the signal, or is all that it sees."""
        found, detectable = dict(super().unjudged()), self.strength > self.threshold()
        if len(self.sizes) == 2 or "singular_value" in found:
            return found
        if not detectable and self.start == "signal":
            found["alignment"] = _REMEMBERED
        if detectable and self.start == "hosvd" and self.strength < _SEEN * self.hosvd_threshold():
            reason = f"{_UNSEEN} {_SEEN} times {self.hosvd_threshold():.4g}, or start=signal"
            found = dict.fromkeys(("alignment", "singular_value"), reason)
        return found

    def approximated(self, rng: np.random.Generator) -> Approximation:
        """Draw the tensor and run the power iteration from `start`."""
        from rmtcollapse.experiments.tensors import draw_spiked, hosvd_start, rank_one

        tensor, signal = draw_spiked([int(n) for n in self.sizes], self.strength, rng)
        return Approximation(
            tensor, signal, *rank_one(tensor, signal if self.start == "signal" else hosvd_start(tensor))
        )

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        r"""Closed points of the curve of equal sizes, its fold, and order two."""
        made = []
        for d in (2, 3, 4, 6):
            q2 = 1 - 1 / d  # where s + r = 2
            values = {"alignment": np.full(d, q2), "singular_value": 1 + q2, "detectable": 1.0}
            case = cls(sizes=[12] * d if d < 6 else [4] * d, strength=q2 ** (1 - d / 2))
            made.append(Limit(f"order {d}, equal sizes: a closed point of the curve", case, values))
        none = {"alignment": np.zeros(3), "singular_value": math.sqrt(8 / 3), "detectable": 0.0}
        below = cls(sizes=[12, 12, 12], strength=1.15)
        return [*made[1:], Limit("below the threshold of order three: the edge", below, none), made[0]]
