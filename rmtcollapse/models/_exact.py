"""Expectations of least squares at finite size, from Gaussian and Wishart matrices."""

from __future__ import annotations

import math

import numpy as np

from rmtcollapse.models._prediction import Prediction
from rmtcollapse.spectra.population import Spectrum

__all__ = ["exact_prediction", "isotropic_signal", "minimum_norm_variance"]


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


def exact_prediction(**values: float) -> Prediction:
    """A prediction without equations: an exact expectation, which may be infinite."""
    finite = all(math.isfinite(v) for v in values.values())
    return Prediction(
        values, status="exact" if finite else "exact: infinite, within one sample of an interpolation threshold"
    )
