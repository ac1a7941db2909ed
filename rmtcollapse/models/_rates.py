"""Power-law rates that several models share, and the check of a rate on a curve."""

from __future__ import annotations

import math
from collections.abc import Callable

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra.population import Spectrum

__all__ = ["clean_rates", "measured_rate", "power_law_exponents"]


def power_law_exponents(spectrum: Spectrum) -> tuple[float, float]:
    r"""Capacity :math:`\beta>1` and source :math:`r>0` of a power-law spectrum; others are refused."""
    beta, r = spectrum.capacity, spectrum.source
    if beta is None or r is None or beta <= 1 or r <= 0:
        raise ParameterError("spectrum", spectrum, "Spectrum.power_law with capacity > 1 and source > 0")
    return beta, r


def clean_rates(beta: float, r: float) -> dict[str, float]:
    r"""Rates of ridge regression on clean data: the best :math:`\ell` in :math:`\lambda=n^{-\ell}`, and what it gives.

    With :math:`\underline r=\min(r,1)`, :math:`\ell=\beta/(2\underline r\beta+1)` balances a bias
    :math:`n^{-2\underline r\ell}` and a variance :math:`n^{-(1-\ell/\beta)}`; without noise the best is
    :math:`\ell=\beta`.
    """
    width = 2 * min(r, 1.0) * beta + 1
    return {"clean_ridge": beta / width, "clean_rate": (width - 1) / width, "noiseless_rate": width - 1}


def measured_rate(error: Callable[[int], float], first: int, last: int) -> float:
    """Minus the log-log slope of an error between two sizes: positive where it decays."""
    return -math.log(error(last) / error(first)) / math.log(last / first)
