"""The bulk of an unfolding of the nested matrix-tensor model, with noise at the actual sizes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["bulk_density"]


def bulk_density(sizes: tuple[int, int, int], tensor_strength: float, x: Any) -> Any:
    r"""Density of the unfolding along the second mode, centred by :math:`\mu` and scaled by :math:`\sigma`, at *x*.

    With *m* in units of :math:`1/\sigma`, :math:`\rho=\beta_T^2/\sigma`, :math:`\eta=vn_2/\sigma`, :math:`h=1-\eta m`
    the equations of the outlier hold in the bulk as well: *m* is a root of

    .. math:: \{x+\eta+(1-n_2/n_1n_3)m\}(\rho c_2'm^2+m)+h^2\{1+\rho(c_2'-c_1')m\}=0,

    and the Stieltjes transform is *m*/*h*. In the limit :math:`\eta=0`.
    """
    first, second, third = sizes
    wide, unit = first * third, math.sqrt(math.prod(sizes)) / sum(sizes)
    rho, eta = tensor_strength**2 / unit, math.sqrt(second / wide)
    c1, c2 = first / (first + second), second / (first + second)
    m = np.polynomial.Polynomial([0.0, 1.0])
    h = 1 - eta * m
    found = []
    for place in np.ravel(x):
        cubic = (place + eta + (1 - second / wide) * m) * (rho * c2 * m * m + m) + h * h * (rho * (c2 - c1) * m + 1)
        found.append(max((root / h(root)).imag for root in cubic.roots()) / math.pi)
    return np.reshape(np.maximum(found, 0.0), np.shape(x))
