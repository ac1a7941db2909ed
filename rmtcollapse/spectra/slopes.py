"""The law of a squared slope itself: one orthogonal layer, which turns and changes nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.spectra._layer_curve import Layers
from rmtcollapse.spectra._layer_gains import REACH, EvenGains, mean_gain
from rmtcollapse.spectra._layer_pieces import panel_nodes
from rmtcollapse.spectra.estimate import FloatArray
from rmtcollapse.spectra.law import ComplexArray, Law, moment_count, numbers

__all__ = ["SquaredSlopes"]

AGREE = 4e-15
BEYOND = 1e4  # where the normal density is no number
ENDLESS = 1e8  # log(largest / x) at which a density that vanishes at 0 has done so


class SquaredSlopes(Law):
    r"""A multiple of the squared slope :math:`\varphi'(\sqrt qZ)^2` that is even, and falls from 0 on.

    With *z* the normal variable at which the slope belongs to *x*, the distribution function is
    :math:`2\Phi(-z)` and the density :math:`2\phi(z)|dz/dx|`, infinite at the upper end.

    Parameters
    ----------
    gains : EvenGains
        Law of the squared slopes, relative to the largest.
    mean : float
        First moment, > 0.
    """

    def __init__(self, gains: EvenGains, mean: float) -> None:
        self._layers = Layers(1, gains, 0.0, mean)
        self._gains, self._top = gains, mean / mean_gain(gains)

    def __repr__(self) -> str:
        return f"SquaredSlopes(largest={self._top:.6g})"

    def support(self) -> list[tuple[float, float]]:
        return [(0.0, self._top)]

    def atoms(self) -> list[tuple[float, float]]:
        return []

    def moments(self, k: int) -> FloatArray:
        powers = range(1, moment_count(k) + 1)
        return np.array([self._top**j * mean_gain(self._gains, j) for j in powers])

    def _place(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """z >= 0 at places x (n,) of the bulk, and dz / d log(1 / x)."""
        lack = np.minimum((self._top - x) / self._top, 0.5)  # beside 1, which x is a share of
        lam = np.where(lack < 0.5, -np.log1p(-lack), math.log(self._top) - np.log(x))
        z, kappa, _ = self._gains.pole(lam + 0j)
        return z.real, kappa.real

    def density(self, x: ArrayLike) -> Any:
        points = numbers("x", x)
        flat = points.ravel()
        result, inside = np.zeros(flat.size), self._bulk_of(flat) >= 0
        with np.errstate(under="ignore", over="ignore"):
            z, kappa = self._place(flat[inside])
            result[inside] = math.sqrt(2 / math.pi) * np.exp(-(z**2) / 2) * kappa / flat[inside]
        for edge in self._divergent_edges:
            result[flat == edge] = math.inf
        return result.reshape(points.shape)[()]

    def cdf(self, x: ArrayLike) -> Any:
        from scipy.special import erfc

        points = numbers("x", x)
        flat = points.ravel()
        result, inside = 1.0 * (flat >= self._top), self._bulk_of(flat) >= 0
        result[inside] = erfc(self._place(flat[inside])[0] / math.sqrt(2))
        return result.reshape(points.shape)[()]

    def quantile(self, q: ArrayLike) -> Any:
        from scipy.special import erfcinv

        levels = numbers("q", q, "numbers in [0, 1]")
        if np.any((levels < 0) | (levels > 1)):
            raise ParameterError("q", q, "numbers in [0, 1]")
        z = np.minimum(math.sqrt(2) * erfcinv(levels), BEYOND)
        return (self._top * self._gains.at(z)[0])[()]

    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator | int | None = None) -> FloatArray:
        draws: FloatArray = self._top * self._gains.at(np.random.default_rng(rng).normal(size=size))[0]
        return draws

    @cached_property
    def _divergent_edges(self) -> Sequence[float]:
        with np.errstate(all="ignore"):
            z, kappa, _ = self._gains.pole(np.array([ENDLESS + 0j]))
            log = float((ENDLESS - z.real**2 / 2 + np.log(kappa.real))[0])
        return [0.0, self._top] if log > 0 else [self._top]

    def _bulk_masses(self) -> FloatArray:
        return np.ones(1)

    def _lam(self, z: ComplexArray) -> ComplexArray:
        """log(largest / z) at conjugates, of the closed upper half plane."""
        found: ComplexArray = math.log(self._top) - np.log(np.abs(z)) + 1j * np.angle(z)
        return found

    def _transform(self, z: ComplexArray) -> ComplexArray:
        lam, before = self._lam(z), np.full(z.size, np.nan + 0j)
        for level in range(self._gains.first, self._gains.levels + 1):
            now = self._layers.sums(lam, level)[1]
            if np.all(np.abs(now - before) <= AGREE * (1 + np.abs(now))):
                return np.asarray(-now.conj() / z)
            before = now
        raise ConvergenceError("the mean over the slopes did not settle: close to the end of the law; move the point")

    def _potential(self, z: ComplexArray) -> ComplexArray:
        """By panels that halve towards the place at which the logarithm is singular."""
        found = np.log(z)
        for i, lam in enumerate(self._lam(z)):
            near = float(np.abs(self._gains.pole(np.array([lam]))[0].real[0])) if lam != 0 else 0.0
            ends = [0.0, near, REACH] if 1e-12 < near < REACH - 1e-6 else [0.0, REACH]
            for left, right in pairwise(ends):
                places, weights = panel_nodes(left, right, self._gains.first)
                gain, loss = self._gains.at(places)
                xi = np.exp(lam)
                rest = loss * xi - np.expm1(lam) if abs(xi) < 2 else 1 - gain * xi
                log = np.log(np.abs(rest)) - 1j * np.arctan2(rest.imag, rest.real)
                found[i] += 2 * weights @ (log.real + 1j * np.abs(log.imag))
        return found
