"""Expectations of least squares at finite size, from Gaussian and Wishart matrices."""

from __future__ import annotations

import math

import numpy as np

from rmtcollapse.models._prediction import Prediction
from rmtcollapse.spectra.population import Spectrum

__all__ = ["exact_prediction", "isotropic_signal", "minimum_norm_variance", "mixed_share"]


def minimum_norm_variance(samples: int, rank: int, noise_variance: float) -> float:
    r"""Expected excess risk that label noise adds to a minimum-norm fit, per unit population covariance.

    :math:`\sigma^2d/(n-d-1)` for *n* > *d* and any :math:`\Sigma`, :math:`\sigma^2n/(d-n-1)` for *n* < *d* and
    :math:`\Sigma=I` (the mean of an inverse Wishart matrix); infinite for :math:`|n-d|\le1`. `rank` is *d*.
    """
    if noise_variance == 0:
        return 0.0
    freedom = abs(samples - rank) - 1
    return noise_variance * min(samples, rank) / freedom if freedom > 0 else math.inf


def isotropic_signal(spectrum: Spectrum) -> float | None:
    """Signal energy times eigenvalue where all positive eigenvalues are equal, else None."""
    seen = spectrum.eigenvalues > 0
    if np.ptp(spectrum.eigenvalues[seen]) > 0 or spectrum.signal is None:
        return None
    return float(spectrum.eigenvalues[seen][0] * spectrum.signal[seen].sum())


def mixed_share(real: int, synthetic: int, rank: int) -> float:
    r"""Expected share of the shift's energy that least squares on real and synthetic rows takes up; any covariance.

    Whitened, the shift is mapped by :math:`W^{-1}W_2` with :math:`W=W_1+W_2` of independent Wishart matrices.
    :math:`W_2=W^{1/2}BW^{1/2}` with *B* independent of *W* and invariant under rotations, so that
    :math:`E\,B_{ij}B_{kl}=A\delta_{ij}\delta_{kl}+C(\delta_{ik}\delta_{jl}+\delta_{il}\delta_{jk})`; second moments of
    *W* and :math:`W_2` give :math:`C=n_1n_2/(n(n-1)(n+2))`, :math:`A+2C=n_2(n_2+2)/(n(n+2))`, and the share is

    .. math:: \frac1dE\operatorname{tr}BW^{-1}BW=\frac{n_2(n_2+2)}{n(n+2)}
              +\frac{n_1n_2(n+1)(d-1)}{n(n-1)(n+2)(n-d-1)} .

    Infinite for :math:`n\le d+1` unless one kind of rows is missing or :math:`d=1`. Derived here.
    """
    n, d = real + synthetic, rank
    if real == 0 or synthetic == 0:
        return float(real == 0)
    if n <= d + 1 and d > 1:
        return math.inf
    spread = real * synthetic * (n + 1) * (d - 1) / (n * (n - 1) * (n + 2) * (n - d - 1)) if d > 1 else 0.0
    return synthetic * (synthetic + 2) / (n * (n + 2)) + spread


def exact_prediction(**values: float) -> Prediction:
    """A prediction without equations: an exact expectation, which may be infinite."""
    finite = all(math.isfinite(v) for v in values.values())
    return Prediction(
        values, status="exact" if finite else "exact: infinite, within one sample of an interpolation threshold"
    )
