r"""Squared singular values of products of many free layers: weights times diagonals of slopes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.spectra import _series as series
from rmtcollapse.spectra._layer_curve import Layers, Room
from rmtcollapse.spectra._layer_edges import Outline, outline
from rmtcollapse.spectra._layer_exact import polished
from rmtcollapse.spectra._layer_gains import Gains, SwitchGains, mean_gain
from rmtcollapse.spectra._layer_mean import log_mean
from rmtcollapse.spectra._layer_near import Edge, edge_at
from rmtcollapse.spectra._layer_newton import TINY, Found, faint_heights
from rmtcollapse.spectra._layer_walk import beside, continued, walked
from rmtcollapse.spectra._product_law import ProductLaw
from rmtcollapse.spectra.estimate import FloatArray
from rmtcollapse.spectra.law import ComplexArray, moment_count

__all__ = ["LayerProduct"]

LOWEST = -700.0  # logarithm of the least place that is told from 0


class LayerProduct(ProductLaw):
    r"""Eigenvalues of :math:`JJ^\top`, :math:`J=\prod_{l=1}^LW_lD_l`, of identical free layers.

    A density is 0 inside the support only where it is less than any double. It keeps its digits down to there, and up
    to the last double before an edge, for slopes that are switched on or off and those of the error function and of the
    hyperbolic tangent. Of others 16 digits are all there is: a place is refused whose density would keep less than six.

    Parameters
    ----------
    depth : int
        Layers, *L* >= 1.
    gains : Gains
        Law of the squared slopes, the diagonal of :math:`D_l^2`.
    noise : float
        Share *g* of independent entries in the weights: 1 for Gaussian, 0 for Haar matrices, between them
        :math:`\sqrt{1-g}` Haar plus :math:`\sqrt g` Gaussian.
    layer_gain : float
        Mean of the eigenvalues of one layer, :math:`\chi>0`.

    Raises
    ------
    ParameterError
        For one layer of orthogonal weights and smooth slopes, which is the law of the slopes themselves.
    """

    def __init__(self, depth: int, gains: Gains, noise: float, layer_gain: float) -> None:
        if depth == 1 and noise == 0 and not isinstance(gains, SwitchGains):
            domain = "2 or more, or weights with independent entries: one rotation changes nothing"
            raise ParameterError("depth", depth, domain)
        self._layers = Layers(depth, gains, noise, layer_gain)

    def __repr__(self) -> str:
        layers = self._layers
        return f"LayerProduct(depth={layers.depth}, noise={layers.noise:.6g}, layer_gain={layers.gain:.6g})"

    @cached_property
    def _outline(self) -> Outline:
        return outline(self._layers)

    @cached_property
    def _square_roots(self) -> dict[float, Edge]:
        """By the logarithms of their places."""
        critical = self._outline.critical
        return {
            log: edge_at(self._layers, lam, list(critical.values())) for log, lam in critical.items() if log > LOWEST
        }

    def support(self) -> list[tuple[float, float]]:
        """Intervals of the continuous part; a lower edge that is less than any double is 0."""
        return [
            (0.0 if left < LOWEST else self._place(left), self._place(right)) for left, right in self._outline.bulks
        ]

    def _place(self, log: float) -> float:
        """Of an edge; refuses what is beyond the range of doubles."""
        if log > 700 or log < LOWEST:
            raise ConvergenceError(
                f"an edge at exp({log:.6g}) is beyond the range of doubles; fewer layers, or a gain nearer 1"
            )
        return self._square_roots[log].high if log in self._square_roots else math.exp(log)

    def atoms(self) -> list[tuple[float, float]]:
        zero, atom = self._layers.gains.zero, self._outline.atom
        found = [(0.0, zero)] if zero > 0 else []
        return [*found, (self._place(atom[0]), atom[1])] if atom else found

    def moments(self, k: int) -> FloatArray:
        layers, count = self._layers, moment_count(k)
        slopes = np.array([mean_gain(layers.gains, j) for j in range(1, count + 1)])
        powers = np.arange(1, count + 1)
        one = series.free_product(slopes / slopes[0] ** powers, series.mixed_weights(layers.noise, count))
        result: FloatArray = series.free_power(one, layers.depth) * layers.gain ** (layers.depth * powers)
        return result

    @cached_property
    def _divergent_edges(self) -> Sequence[float]:
        ends = [right for _, right in self.support()[-1:]] if self._outline.diverges else []
        ends += [self._place(log) for log in self._outline.divergent]
        return [0.0 for left, _ in self._outline.bulks[:1] if left == -math.inf] + ends

    def _bulk_masses(self) -> FloatArray:
        """Of two bulks, or a bulk and an atom above it, the upper has a mass of 1 - L (1 - p)."""
        if self._outline.masses:
            return np.array(self._outline.masses)
        rest = 1.0 - sum(mass for _, mass in self.atoms())
        if len(self.support()) == 1:
            return np.array([rest])
        upper = 1 - self._layers.depth * self._layers.gains.zero
        return np.array([rest - upper, upper])

    @cached_property
    def _room(self) -> Room:
        return beside(self._layers, list(self._outline.critical.values()))

    def _none(self, size: int) -> Found:
        return Found.empty(size)

    def _in_bulk(self, x: FloatArray, top: float) -> Found:
        """From its edges where they are close, else by continuation from far away."""
        layers, room, found = self._layers, self._room, Found.empty(x.size)
        for edge in self._square_roots.values():
            near = np.flatnonzero(edge.reaches(x) & ~found.good)
            if near.size:
                found.put(near, edge.solved(layers, x[near]))
        rest = np.flatnonzero(~found.good)
        if rest.size:
            found.put(rest, polished(layers, x[rest], walked(layers, np.log(x[rest]), top, room)))
        return found

    def _outside(self, log_z: ComplexArray, top: float) -> Found:
        return continued(self._layers, log_z, top, self._room)

    def _behind(self, found: Found) -> ComplexArray:
        return found.s

    def _faint(self, found: Found) -> NDArray[np.bool_]:
        return np.asarray(found.lam.imag <= TINY)

    def _heights(self, found: Found) -> FloatArray:
        return faint_heights(self._layers, found)

    def _potential(self, z: ComplexArray) -> ComplexArray:
        layers, found = self._layers, self._solved(z)
        u, s, g = found.u, found.s, layers.noise
        root = np.sqrt((1 - 2 * g) ** 2 + 4 * g * (1 - g) * s)
        weights = u - 2 * (1 - g) * u / (1 + root) + np.log((1 + root) / 2)
        slopes = log_mean(layers, found.lam) - found.lam
        total = layers.depth * (slopes + weights + layers.log_gain - math.log(layers.mean))
        return np.asarray((total + (layers.depth - 1) * np.log(u)).conj())
