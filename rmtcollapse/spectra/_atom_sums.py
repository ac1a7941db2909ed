"""Sums over the atoms of a law, the only loops of this folder: atoms x points."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra import _arithmetic as dd
from rmtcollapse.spectra._arithmetic import DoubleDouble

__all__ = [
    "atom_sums",
    "atom_sums_double_double",
    "node_sums",
    "node_sums_double_double",
    "power_sums",
    "rough_roots",
    "unit_heights",
]

SMALL = 200_000  # atoms x points up to which numba's start costs more than it saves
WARM = 1_000  # the same once numba has started
TINY = 1e-140
CHUNK = 50_000  # atoms x points held at once by NumPy, to stay in the cache


@cache
def _kernels() -> ModuleType:
    """The compiled forms, cached on disk under a digest of the two files that define them."""
    import numba

    from rmtcollapse._cache import cache_folder, text_digest

    sources = [Path(__file__).with_name(name).read_bytes() for name in ("_atom_kernel.py", "_arithmetic.py")]
    config: Any = numba.config
    folder, config.CACHE_DIR = config.CACHE_DIR, str(cache_folder() / f"atoms-{text_digest(*sources)}")
    try:
        from rmtcollapse.spectra import _atom_kernel
    finally:
        config.CACHE_DIR = folder
    return _atom_kernel


def _large(points: int, places: NDArray[Any]) -> bool:
    limit = WARM if _kernels.cache_info().currsize else SMALL
    return places.size * points > limit


def atom_sums(u: NDArray[Any], places: NDArray[Any], weights: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    r"""Sums over atoms at points u (n,), as four arrays (n,).

    With :math:`q_k = h_k/(\tau_k-u)`: sums of :math:`q`, :math:`\tau q`, and of their derivatives :math:`q/(\tau-u)`
    and :math:`\tau q/(\tau-u)`.
    """
    if _large(u.size, places):
        sums = _kernels().atom_sums_kernel(np.ascontiguousarray(u), places, weights)
        extreme = ~((np.abs(u) > TINY) & (np.abs(u) < 1 / TINY))  # where its squares leave the doubles
        if extreme.any():
            sums[:, extreme] = _by_numpy(u[extreme], places, weights)
        return tuple(sums)
    return tuple(_by_numpy(u, places, weights))


def _by_numpy(u: NDArray[Any], places: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    results = np.empty((4, u.size), complex)
    for part in _parts(u.size, places.size):
        inverse = 1 / (places - u[part, None])
        terms = weights * inverse
        moments = places * terms
        results[0, part], results[1, part] = terms.sum(1), moments.sum(1)
        results[2, part], results[3, part] = (terms * inverse).sum(1), (moments * inverse).sum(1)
    return results


def atom_sums_double_double(
    u: DoubleDouble, places: NDArray[Any], weights: NDArray[Any]
) -> tuple[DoubleDouble, DoubleDouble]:
    """Sums of q and of places * q, as in `atom_sums`, to 32 digits; real atoms."""
    if 20 * u.real[0].size * places.size > (WARM if _kernels.cache_info().currsize else SMALL):
        sums = _kernels().double_double_kernel(np.stack([*u.real, *u.imag], 1), places, weights).T
        return DoubleDouble((sums[0], sums[1]), (sums[2], sums[3])), DoubleDouble(
            (sums[4], sums[5]), (sums[6], sums[7])
        )
    a, b = ((x[0][:, None], x[1][:, None]) for x in (u.real, u.imag))
    distance = dd.add((places, 0.0 * places), dd.negative(a))
    scale = np.ldexp(1.0, -np.frexp(np.maximum(np.abs(distance[0]), np.abs(b[0])))[1])  # no square may underflow
    x, y = ((c[0] * scale, c[1] * scale) for c in (distance, b))
    square = dd.add(dd.multiply(x, x), dd.multiply(y, y))
    ratio = dd.divide((weights * scale, 0.0 * scale), square)
    moment = dd.multiply(ratio, (places + 0.0 * scale, 0.0 * scale))
    real, imag, t_real, t_imag = (dd.total(dd.multiply(f, c)) for f in (ratio, moment) for c in (x, y))
    return DoubleDouble(real, imag), DoubleDouble(t_real, t_imag)


def node_sums(u: NDArray[Any], places: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """As `atom_sums`, for complex places and weights, and two rows more: the sums of the sizes of m's and t's terms."""
    sums: NDArray[Any] = _kernels().node_kernel(np.ascontiguousarray(u), places, weights)
    return sums


def node_sums_double_double(
    u: DoubleDouble, places: NDArray[Any], weights: NDArray[Any]
) -> tuple[DoubleDouble, DoubleDouble]:
    """As `atom_sums_double_double`, for complex places and weights as pairs: four rows, (4, nodes)."""
    sums = _kernels().double_double_node_kernel(np.stack([*u.real, *u.imag], 1), places, weights).T
    return DoubleDouble((sums[0], sums[1]), (sums[2], sums[3])), DoubleDouble((sums[4], sums[5]), (sums[6], sums[7]))


def power_sums(u: NDArray[Any], places: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Sums of weights/(places - u)^k for k = 2, 3, 4 at real points u (n,), (3, n); infinite at a place."""
    if _large(u.size, places):
        sums: NDArray[Any] = _kernels().power_kernel(u, places, weights)
        return sums
    result = np.empty((3, u.size))
    for part in _parts(u.size, places.size):
        with np.errstate(all="ignore"):
            inverse = 1 / (places - u[part, None])
            power = inverse * inverse * weights
            for k in range(3):
                result[k, part] = power.sum(1)
                power *= inverse
    return result


def unit_heights(
    real: NDArray[Any], places: NDArray[Any], weights: NDArray[Any], tolerance: float, iterations: int
) -> NDArray[Any]:
    """Newton's method for `rmtcollapse.spectra._poles.unit_height`, from the sum of the weights."""
    if _large(real.size, places):
        found: NDArray[Any] = _kernels().height_kernel(real, places, weights, tolerance, iterations)
        return found
    result = np.empty(real.size)
    for part in _parts(real.size, places.size):
        squares = (places - real[part, None]) ** 2
        s = np.full(squares.shape[0], weights.sum())
        for _ in range(iterations):
            inverse = 1 / (squares + s[:, None])
            terms = weights * inverse
            g = terms.sum(1)
            new = s + g * (g - 1) / (terms * inverse).sum(1)
            new = np.where(new > 0, new, s / 64)
            settled = np.abs(new - s) <= tolerance * s
            s = new
            if settled.all():
                break
        result[part] = s
    return result


def rough_roots(
    u: NDArray[Any], x: NDArray[Any], leaf: tuple[NDArray[Any], NDArray[Any]], variance: float, ratio: float, steps: int
) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Newton's method for u (1 - ratio t) - variance m = x: u (n,), nan where it failed, and dz/du; None while cold."""
    if not _large(u.size, leaf[0]):
        return None
    roots, slopes = _kernels().newton_kernel(u, x, *leaf, variance, ratio, steps)
    return roots, slopes


def _parts(points: int, atoms: int) -> list[slice]:
    step = max(1, CHUNK // atoms)
    return [slice(start, start + step) for start in range(0, points, step)]
