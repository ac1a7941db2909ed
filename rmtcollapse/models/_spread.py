r"""Mean absolute deviations where chains are too large: laws of the right mean, variance and shape.

Without real data a token's probability is, when all of it descends from *a* ancestors, a beta variable with as many of
them as are of the token; with real data it is one outright (Wright 1931). Neither is exact at finite size; the variance
is.
"""

from __future__ import annotations

import math

import numpy as np

from rmtcollapse.models._count_chain import binomial_window
from rmtcollapse.models._vocabulary import Array, Tokens

__all__ = ["kept_distance", "pure_distance"]

_MANY = 1e4  # effective counts beyond which a law is normal


def _normal(tokens: Tokens, variance_share: float) -> Array:
    return np.sqrt(2 / math.pi * variance_share * tokens.probability * tokens.complement)


def kept_distance(tokens: Tokens, variance_share: float) -> Array:
    r"""Mean of :math:`|Y-p|` for beta variables of mean *p* and variance :math:`Fp(1-p)`."""
    from scipy.special import betaln, xlogy

    p, q, theta = tokens.probability, tokens.complement, 1 / variance_share - 1
    with np.errstate(all="ignore"):
        logs = xlogy(theta * p, p) + xlogy(theta * q, q) - betaln(theta * p, theta * q)
        exact = 2 / theta * np.exp(logs)
    return np.where(theta * p * q > _MANY**2, _normal(tokens, variance_share), exact)


def pure_distance(tokens: Tokens, variance_share: float) -> Array:
    r"""Mean of :math:`|Y-p|`, *Y* a beta variable with Bin(a, p) and the other ancestors; its variance fixes *a*."""
    ancestors = 2 / variance_share - 1
    low = math.floor(ancestors)
    # Between two whole numbers, weighted so that the variance is right.
    share = (2 / (low + 1) - variance_share) / (2 / (low + 1) - 2 / (low + 2))
    found = _normal(tokens, variance_share)
    for i, (p, q) in enumerate(zip(tokens.probability, tokens.complement, strict=True)):
        if ancestors * p * q < _MANY:
            found[i] = (1 - share) * _mixed(low, p, q) + (share * _mixed(low + 1, p, q) if share else 0.0)
    return found


def _mixed(ancestors: int, p: float, q: float) -> float:
    from scipy.special import betainc

    own, weight = binomial_window(ancestors, p, q)
    other = ancestors - own
    with np.errstate(all="ignore"):
        mean = own / ancestors
        apart = mean * (1 - 2 * betainc(own + 1, other, p)) - p * (1 - 2 * betainc(own, other, p))
    apart = np.where(own == 0, p, np.where(other == 0, q, apart))
    return float(weight @ apart)
