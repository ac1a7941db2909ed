r"""Weights that rows of a generator's own sample have in a fit to the rows that it generates.

A generator is fitted to :math:`\hat n` rows and draws :math:`\chi` rows for each of them,
:math:`X_s=Z\hat X/\sqrt{\hat n}`. In the fit stands :math:`X_s^\top X_s=\hat X^\top(Z^\top Z/\hat n)\hat X`, so that
the generator's rows, turned into the eigenbasis of the middle, are rows with weights *s* of the Marchenko-Pastur law.
Per generated row, :math:`h(t)=E\frac s{\lambda+st}=1/\kappa` is given by the pair :math:`u,\omega\ge0` with

.. math:: u\,\omega=\lambda,\qquad \kappa=t+\omega\kappa,\qquad \kappa=u+\chi t :

:math:`\frac1u=E\frac1{\lambda+st}`, :math:`\omega=E\frac\lambda{\lambda+st}`. :math:`\chi=0` is a generator that is
known exactly, :math:`s=1`. Derived here. Loads no SymPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.equivalents.sample_weights import Kernels

__all__ = ["GeneratedWeights"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GeneratedWeights:
    """Law of the weights of each source.

    Attributes
    ----------
    loads : array (K,)
        Generated rows for each row that the generator was fitted to; 0 where rows are not generated, or by a generator
        that is known exactly.
    """

    loads: Array

    @property
    def seen(self) -> Array:
        """Probability of a positive weight, (K,): rows span no more than the generator's sample."""
        return np.asarray(1 / np.maximum(self.loads, 1.0))

    def pair(self, ridge: float, traces: Array) -> tuple[Array, Array]:
        r"""The pair :math:`u,\omega`, (K,) each; nothing is subtracted but a load from one."""
        r, t = self.loads, traces
        half = t * (1 - r) + ridge
        root = np.sqrt(half**2 + 4 * ridge * r * t)
        u = np.where(half >= 0, (half + root) / 2, 2 * ridge * r * t / np.where(half < 0, root - half, 1.0))
        return u, ridge / u if ridge else np.where(r > 1, 1 - 1 / np.maximum(r, 1.0), 0.0)

    def gains(self, ridge: float, traces: Array) -> Array:
        r"""Gain :math:`E\frac s{(\lambda+st)^2}` of an error in the targets, (K,)."""
        u, omega = self.pair(ridge, traces)
        return np.asarray(1 / ((u + self.loads * traces) * (u + self.loads * traces * omega)))

    def kernels(self, ridge: float, traces: Array) -> Kernels:
        """The expectations that the equations need."""
        r, t = self.loads, traces
        u, omega = self.pair(ridge, traces)
        kappa, rest = u + r * t, u + r * t * omega
        # Both numerators vanish with the denominator where as many rows are generated and there is no ridge.
        safe = np.where(rest > 0, rest, 1.0)
        square = (1 + r * omega**2 * kappa / safe) / kappa**2
        unlearned = np.where(r > 1, u / (np.maximum(r, 1.0) * kappa), omega)
        return Kernels(1 / kappa, square, ridge / (kappa * safe), unlearned)
