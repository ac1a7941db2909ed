r"""The law of sample covariances: generalised Marchenko-Pastur, with spikes and shrinkage.

Setting: :math:`S = T^{1/2} Z Z' T^{1/2}/n`, Z p x n with independent entries of variance 1, T p x p of spectral law H,
:math:`c = p/n`. With the companion transform v put :math:`w = -1/v`; Silverstein's equation (Silverstein 1995, eq. 1.4)
is then an explicit map, and all of the following are read off w without cancellation (derived here from it):

.. math:: z = Z(w) = w\Big(1 - c\int \frac{t\,dH(t)}{t-w}\Big), \qquad m = \frac{w}{z}\int\frac{dH(t)}{t-w},
          \qquad f(x) = \frac{\mathrm{Im}\,w}{\pi c\,|w|^2} .
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra._curve import MixZero, MultiplyPoisson
from rmtcollapse.spectra._node import Leaf, Node
from rmtcollapse.spectra.curve_law import CurveLaw
from rmtcollapse.spectra.law import Law, numbers, shaped
from rmtcollapse.spectra.laws import Atoms, aspect_ratio, coefficient
from rmtcollapse.spectra.population import Spectrum, _size

__all__ = ["SampleCovariance", "Spike"]


class Spike(NamedTuple):
    """What a spike of the population does to the sample.

    `location` is where its eigenvalue goes (the edge that it sticks to where it is not `detached`), `overlap` the
    squared cosine between the eigenvectors of sample and population (0 where it is not detached).
    """

    location: Any
    overlap: Any
    detached: Any


class SampleCovariance(CurveLaw):
    r"""Spectral law of :math:`T^{1/2}ZZ'T^{1/2}/n` for a population law H of T and a ratio :math:`c = p/n`.

    Any atoms (equal ones merged, zeros allowed) or any nonnegative law of this package. Atoms whose bulks separate cost
    time in proportion to atoms x bulks.

    Parameters
    ----------
    population : Spectrum, Atoms, or another nonnegative law
        H. A `Spectrum` has its eigenvalues as atoms, weighted by multiplicity.
    ratio : float or fractions.Fraction, optional
        c = p/n > 0.
    samples : int, optional
        n, in place of `ratio`, for a `Spectrum`: the ratio is then exact, dimension over samples.
    """

    def __init__(
        self, population: Spectrum | Law, ratio: float | Fraction | None = None, *, samples: int | None = None
    ) -> None:
        if (ratio is None) == (samples is None):
            raise ParameterError("ratio", ratio, "given, or samples= given in its place, not both")
        if samples is not None:
            if not isinstance(population, Spectrum):
                raise ParameterError("samples", samples, "given with a Spectrum, whose dimension is known; else ratio=")
            self._ratio = aspect_ratio(Fraction(population.dimension, _size("samples", samples)))
        else:
            self._ratio = aspect_ratio(ratio)
        self._zero, self.population = _split(population)

    @property
    def ratio(self) -> float:
        """c = p/n."""
        return float(self._ratio)

    def __repr__(self) -> str:
        return f"SampleCovariance({self.population!r}, ratio={self.ratio:.6g})"

    @cached_property
    def _positive(self) -> Node:
        """The population without its zeros, whose mass is `_zero`."""
        if not isinstance(self.population, Atoms):
            return self.population._root
        keep = self.population.values > 0
        counts = self.population._counts[keep]
        return Leaf(self.population.values[keep], counts / math.fsum(counts), counts=counts)

    @cached_property
    def _root(self) -> Node:
        inner = MultiplyPoisson(self._positive, self._ratio * (1 - self._zero))
        return MixZero(inner, self._zero) if self._zero else inner

    def _multiplied_to(self, node: Node) -> Node | None:
        node_or_none = self.population._multiplied_to(node)
        return None if node_or_none is None else MultiplyPoisson(node_or_none, self._ratio)

    def atoms(self) -> list[tuple[float, float]]:
        null = max([1 - 1 / self._ratio, self._zero, *(Fraction(h) for x, h in self.population.atoms() if x == 0)])
        return [(0.0, float(null))] if null > 0 else []

    def _s(self, u: Any) -> Any:
        inner = self.population._s(u)
        return None if inner is None else inner / (1 + coefficient(self._ratio, u) * u)

    # Spikes: Baik, Ben Arous and Peche 2005; Baik and Silverstein 2006; Paul 2007; Benaych-Georges and Nadakuditi 2011

    def spike(self, value: ArrayLike) -> Spike:
        r"""A population eigenvalue :math:`\ell` of vanishing weight: where it shows in the sample.

        .. math:: x = Z(\ell), \qquad |\langle u, \hat u\rangle|^2 = \ell Z'(\ell)/Z(\ell) \quad\text{if } Z'(\ell) > 0,

        otherwise it stays at the edge of its bulk, with a vanishing overlap.

        Parameters
        ----------
        value : array_like
            :math:`\ell > 0`.
        """
        spikes = numbers("value", value, "positive numbers")
        flat = spikes.ravel()
        if np.any(flat <= 0):
            raise ParameterError("value", value, "positive numbers")
        location, overlap, detached = np.empty(flat.size), np.zeros(flat.size), np.zeros(flat.size, bool)
        for i, number in enumerate(flat):
            location[i], overlap[i], detached[i] = self._one_spike(float(number))
        return Spike(*(shaped(a, spikes.shape) for a in (location, overlap, detached)))

    def _one_spike(self, value: float) -> tuple[float, float, bool]:
        z, slope = self._map(value)
        if slope > 0:
            return z, value * slope / z, True
        edges = [(abs(u - value), x) for bulk in self._bulks for u, x in _ends(bulk)]
        return min(edges)[1], 0.0, False

    def _map(self, w: float) -> tuple[float, float]:
        r"""Z(w) and Z'(w) at a real w, :math:`-\infty` where w is inside the population's support."""
        if not isinstance(self.population, Atoms):
            left, right = self.population._edges
            if np.any((left <= w) & (w <= right)):
                return np.nan, -np.inf
            w_m = self.population.stieltjes(np.array([w - 1e-6 * w, w, w + 1e-6 * w]))
            t = 1 + np.array([w - 1e-6 * w, w, w + 1e-6 * w]) * w_m
            slope = (t[2] - t[0]) / (2e-6 * w)
            return float(w * (1 - self.ratio * t[1])), float(1 - self.ratio * (t[1] + w * slope))
        if np.any(self.population.values == w):
            return np.nan, -np.inf
        h, tau = self.population.weights, self.population.values
        z = w * (1 - self.ratio * np.sum(h * tau / (tau - w)))
        return float(z), float(1 - self.ratio * np.sum(h * (tau / (tau - w)) ** 2))

    # Shrinkage: Ledoit and Peche 2011, theorems 3 and 4; stated there in v, here in w

    def _w(self, x: np.ndarray) -> np.ndarray:
        """w at points inside bulks."""
        leaf = self._positive
        if not isinstance(leaf, Leaf):
            raise ParameterError("population", self.population, "atoms: shrinkage and overlaps are stated for atoms")
        w: np.ndarray = self._solve(x + 0j).u[0]
        return w

    def shrinkage(self, x: ArrayLike) -> Any:
        r"""Oracle eigenvalue :math:`d(x) = |w|^2/x`, the limit of :math:`\hat u' T \hat u` for a sample eigenvalue x.

        x inside the support, or 0 for the null eigenvalues of c > 1, where :math:`d(0) = -w(0)/(c-1)`. Any x off the
        support is refused; a spike's oracle value is ``overlap * value`` plus a part that depends on the rest.
        """
        points = numbers("x", x, "sample eigenvalues in the support")
        flat = points.ravel()
        result = np.empty(flat.size)
        inside = self._bulk_of(flat) >= 0
        null = (flat == 0) & (self._ratio > 1)
        if not np.all(inside | null):
            bad = float(flat[~(inside | null)][0])
            raise ParameterError("x", bad, f"inside the support {self.support()}, or 0 where ratio > 1")
        if inside.any():
            result[inside] = np.abs(self._w(flat[inside])) ** 2 / flat[inside]
        if null.any():
            result[null] = self._null_shrinkage()
        return shaped(result, points.shape)

    def _null_shrinkage(self) -> float:
        from scipy.optimize import brentq  # type: ignore[import-untyped, unused-ignore]

        leaf = self._positive
        assert isinstance(leaf, Leaf)
        c = float(self._ratio * (1 - self._zero))
        if c <= 1:
            return 0.0
        h, tau = leaf.weights, leaf.places

        def bracket(log_w: float) -> float:
            return float(1 - c * np.sum(h * tau / (tau + np.exp(log_w))))

        # n is more than c - 1 times too few for the smallest atom alone, and fewer than c times for the largest
        low, high = np.log(tau[0] * (c - 1)) - 1, np.log(tau[-1] * (c - 1)) + 1
        return float(np.exp(brentq(bracket, low, high, xtol=1e-15, rtol=1e-14)) / (self.ratio - 1))

    def overlap(self, x: ArrayLike, value: ArrayLike) -> Any:
        r"""Bulk eigenvectors: p times the mean squared cosine between those of the sample at x and of T at `value`.

        :math:`O(x, t) = c\,t\,|w|^2/(x\,|t - w|^2)`, averaging to 1 over H and to 1 over F (Ledoit and Peche 2011).
        Broadcasts over both; x inside the support.
        """
        points, values = np.broadcast_arrays(numbers("x", x), numbers("value", value))
        if not np.all(self._bulk_of(points) >= 0):
            raise ParameterError("x", x, f"inside the support {self.support()}")
        w = self._w(points.ravel()).reshape(points.shape)
        return self.ratio * values * np.abs(w) ** 2 / (points * np.abs(values - w) ** 2)


def _ends(bulk: Any) -> list[tuple[float, float]]:
    return [(float(bulk.left_u[0]), bulk.left), (float(bulk.right_u[0]), bulk.right)]


def _split(population: Spectrum | Law) -> tuple[Fraction, CurveLaw]:
    """Exact mass of the zeros, and the population as a law."""
    if isinstance(population, Spectrum):
        counts, total = population.multiplicities, population.dimension
        zeros = int(counts[population.eigenvalues == 0].sum())
        return Fraction(zeros, total), Atoms.of_counts(population.eigenvalues, counts)
    if not isinstance(population, CurveLaw):
        raise ParameterError("population", population, "a Spectrum, Atoms, or another law made by convolution")
    if population._hull[0] < 0:
        raise ParameterError("smallest place of population", population._hull[0], "at least 0: covariances are")
    if not isinstance(population, Atoms):
        return Fraction(0), population
    if not np.any(population.values == 0):
        return Fraction(0), population
    if population.values.size == 1:
        raise ParameterError("population", population, "not all zero")
    exact = [Fraction(count) for count in population._counts]
    zero = sum((h for x, h in zip(population.values, exact, strict=True) if x == 0), Fraction(0))
    return zero / sum(exact, Fraction(0)), population
