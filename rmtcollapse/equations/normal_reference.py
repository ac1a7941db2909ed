"""Functions of :mod:`rmtcollapse.equations.normal` with mpmath, from their definitions; working precision pays."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

__all__ = [
    "angle_share",
    "binormal_cdf",
    "height",
    "kept_bound",
    "kept_pull",
    "kept_push",
    "kept_square",
    "less_product",
    "normal_pdf",
    "quotient",
]

_SPARE = 15


def normal_pdf(x: Any) -> Any:
    import mpmath as mp

    return mp.npdf(x)


def less_product(a: Any, b: Any, c: Any) -> Any:
    import mpmath as mp

    with mp.workdps(3 * mp.mp.dps):
        return mp.mpf(a) - mp.mpf(b) * c


def quotient(a: Any, b: Any) -> Any:
    import mpmath as mp

    return a / b if a or b else mp.mpf(0)


def height(x: Any, y: Any, z: Any) -> Any:
    import mpmath as mp

    with mp.workdps(4 * mp.mp.dps):
        square = 1 - mp.mpf(x) ** 2
        if abs(z) != 1:
            square = (1 + 2 * mp.mpf(x) * y * z - x * x - y * y - z * z) / (1 - z * z)
        return mp.sqrt(max(mp.mpf(0), square))


def angle_share(y: Any, x: Any) -> Any:
    import mpmath as mp

    return mp.atan2(y, x) / mp.pi


def kept_bound(share: Any, easy: Any) -> Any:
    import mpmath as mp

    if share == 1:
        return mp.mpf(0) if easy else mp.inf
    with mp.workdps(mp.mp.dps + _SPARE + int(-mp.log10(share))):
        return mp.sqrt(2) * mp.erfinv(1 - share if easy else mp.mpf(share))


def kept_square(bound: Any, easy: Any) -> Any:
    import mpmath as mp

    half = bound * bound / 2
    ends = (half, mp.inf) if easy else (0, half)
    return mp.gammainc(mp.mpf(3) / 2, *ends, regularized=True)


def _parts(bound: Any, rho: Any) -> tuple[Any, Any, Any]:
    """The side of rho, the bound over it, and erf of rho over it times the bound."""
    import mpmath as mp

    side = mp.sqrt((1 - rho) * (1 + rho))
    if not side or not bound or not rho:
        return side, (bound / side if side else mp.inf) if bound else mp.mpf(0), mp.sign(rho) * (bound > 0)
    return side, bound / side, mp.erf(rho * bound / side / mp.sqrt(2))


def kept_pull(bound: Any, rho: Any, easy: Any) -> Any:
    import mpmath as mp

    # What is taken away is up to bound^-4 as large as what is left.
    lost = int(-5 * mp.log10(bound)) if 0 < bound < 1 else 0
    with mp.workdps(mp.mp.dps + _SPARE + lost):
        _, far, known = _parts(bound, rho)
        if easy:
            return 2 * (mp.npdf(bound) * known + rho * mp.npdf(0) * mp.erfc(far / mp.sqrt(2)))
        return 2 * (rho * mp.npdf(0) * mp.erf(far / mp.sqrt(2)) - mp.npdf(bound) * known)


def kept_push(bound: Any, rho: Any, easy: Any) -> Any:
    import mpmath as mp

    side, far, _ = _parts(bound, rho)
    return 2 * mp.npdf(0) * side * (mp.erfc if easy else mp.erf)(far / mp.sqrt(2))


def binormal_cdf(h: Any, k: Any, r: Any) -> Any:
    r"""Integral of :math:`\varphi(x)\Phi((k-rx)/\sqrt{1-r^2})` up to *h*."""
    import mpmath as mp

    side = mp.sqrt((1 - r) * (1 + r))
    if not side:
        return mp.ncdf(min(h, k)) if r > 0 else max(mp.mpf(0), mp.ncdf(h) - mp.ncdf(-k))
    return _integral(h, k, r, side, mp.mp.prec)


@lru_cache(64)
def _integral(h: Any, k: Any, r: Any, side: Any, precision: int) -> Any:
    import mpmath as mp

    reach = abs(h) + abs(k) + mp.sqrt(mp.mpf(2) * precision)
    ends = [-reach + 3 * i for i in range(int((reach + h) / 3) + 1)]
    # The integrand steps at k / r, within a distance of `side`, and may fall quickly below h.
    around = [k / r + side * mp.mpf(4) ** i * s for i in range(-1, 6) for s in (-1, 0, 1)] if r else []
    below = [h - side**p * mp.mpf(4) ** i for p in (1, 2) for i in range(-2, 6)]
    places = [-reach, *sorted({x for x in (*ends, *around, *below) if -reach < x < h}), h]

    def density(x: Any) -> Any:
        return mp.npdf(x) * mp.ncdf((k - r * x) / side)

    # Quadrature stops at an absolute error.
    scale = max(density(x) for x in places)
    return scale * mp.quad(lambda x: density(x) / scale, places, method="gauss-legendre")
