"""Laws of matrices whose independent entries have variances by class: the vector Dyson equation."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.spectra import _arithmetic as dd
from rmtcollapse.spectra._dyson_component import Component, Point
from rmtcollapse.spectra._dyson_parts import gram_part, gram_system, hermitian_part
from rmtcollapse.spectra._dyson_pattern import components
from rmtcollapse.spectra._dyson_system import System
from rmtcollapse.spectra.estimate import FloatArray
from rmtcollapse.spectra.law import EPS, ComplexArray, Law, moment_count, numbers

__all__ = ["DysonLaw", "GramLaw"]


class _BlockLaw(Law):
    """A mixture of irreducible parts, which share nothing but the line they live on."""

    _parts: list[Component | Point]
    _system: System  # all classes together, for what needs no solving

    @cached_property
    def _support(self) -> list[tuple[float, float]]:
        intervals = sorted((left.place, right.place) for part in self._parts for left, right in part.bulks)
        merged: list[tuple[float, float]] = []
        for left, right in intervals:
            if merged and left < merged[-1][1]:
                merged[-1] = merged[-1][0], max(merged[-1][1], right)
            else:
                merged.append((left, right))
        for place in [*self._divergent_edges, *(place for place, _ in self._atoms)]:
            merged = [piece for interval in merged for piece in _cut(interval, place)]
        return merged

    def support(self) -> list[tuple[float, float]]:
        """Intervals of the continuous part, increasing; two touch where an atom, or a divergence, is between them."""
        return list(self._support)

    def density(self, x: ArrayLike) -> Any:
        """Density of the continuous part: 0 outside the support, ``inf`` where it diverges."""
        result = super().density(x)
        for place, _ in self._atoms:  # between two intervals that touch
            if place not in self._divergent_edges and sum(place in interval for interval in self._support) == 2:
                value = self._transform(np.array([place + 0j])).imag[0] / math.pi
                result = np.where(np.asarray(x) == place, value, result)[()]
        return result

    @cached_property
    def _atoms(self) -> list[tuple[float, float]]:
        found: dict[float, list[float]] = {}
        for part in self._parts:
            for place, mass in part.atoms:
                found.setdefault(place, []).append(mass)
        return [(place, math.fsum(found[place])) for place in sorted(found)]

    def atoms(self) -> list[tuple[float, float]]:
        """Place and mass of every atom, exact from the zeros of the profile."""
        return list(self._atoms)

    def moments(self, k: int) -> FloatArray:
        """The first `k` moments, (k,), from the power series of the Dyson equation in 1/z: finite sums."""
        count, system = moment_count(k), self._system
        rows, coupling = system.alpha == 1, system.coupling[0]
        series, fields = np.ones((count + 1, rows.size)), np.zeros((count + 1, rows.size))
        with np.errstate(over="ignore", invalid="ignore"):
            fields[0] = coupling @ ~rows
            for n in range(1, count + 1):
                fields[n, ~rows] = (coupling @ (rows * series[n - 1]))[~rows]
                series[n] = (fields[:n] * series[n - 1 :: -1]).sum(0) + system.b * series[n - 1]
                series[n, ~rows] = (fields[1 : n + 1] * series[n - 1 :: -1]).sum(0)[~rows]
                fields[n, rows] = (coupling @ np.where(rows, series[n - 1], series[n]))[rows]
            result: FloatArray = series[1:] @ (system.masses * system.alpha)
        if not np.all(np.isfinite(result)):
            raise ParameterError("k", k, "a number of moments that fit double precision")
        return result

    def _transform(self, z: ComplexArray) -> ComplexArray:
        return sum((part.transform(z) for part in self._parts), np.zeros(z.size, complex))

    def _potential(self, z: ComplexArray) -> ComplexArray:
        return sum((part.potential(z) for part in self._parts), np.zeros(z.size, complex))

    @cached_property
    def _divergent_edges(self) -> tuple[float, ...]:
        ends = [end for part in self._parts for pair in part.bulks for end in pair]
        return tuple(sorted({end.place for end in ends if end.divergent}))

    @cached_property
    def _masses(self) -> FloatArray:
        left, right = self._edges
        if not left.size:
            return np.zeros(0)
        masses: FloatArray = (self._potential(left + 0j).imag - self._potential(right + 0j).imag) / math.pi
        for place, mass in self._atoms:  # the potential jumps at an atom, and is taken on its right
            masses[(left < place) & (place <= right)] -= mass
        total = math.fsum([*masses, *(mass for _, mass in self._atoms)])
        if not (abs(total - 1) < 1e-12 and np.all(masses > 0)):
            raise ConvergenceError(f"bulks and atoms have a mass of {total:.17g}, not 1: an edge has been missed")
        return masses


@final
class DysonLaw(_BlockLaw):
    r"""Limiting spectral law of a Hermitian matrix with a variance profile and a diagonal expectation.

    H = diag(a) + W is n x n, with rows in K classes of proportions w. The entries of W are centred, independent up to
    symmetry, and :math:`E|W_{ij}|^2 = s_{b(i) b(j)} / n` for rows i, j of classes b(i), b(j). As n grows,

    .. math:: -\frac1{m_i} = z - a_i + \sum_j s_{ij} w_j m_j, \qquad m(z) = \sum_i w_i m_i(z), \qquad \Im m_i > 0 .

    Parameters
    ----------
    profile : (K, K) array_like
        s, symmetric (to rounding), >= 0.
    weights : (K,) array_like, optional
        w >= 0, sum 1, or whole numbers whose shares are meant (sizes of the classes, without rounding); equal by
        default. Classes of weight 0 are dropped.
    expectations : (K,) array_like, optional
        a, real; 0 by default.

    Notes
    -----
    A class without variance is an atom at its expectation. Zeros of the profile may force more atoms, whose masses
    are exact, and places where the density diverges: there `density` is ``inf``, and the support is cut in two.

    Bulks and gaps are found by comparing the exact mass between neighbouring points with the trapezoid rule, and
    halving where they differ by more than 5%; a gap that changes the mass beside it by less is reported as part of a
    bulk. Values inside it are right all the same, as each is certified on its own.

    Source: the vector Dyson (quadratic vector) equation of Girko, as in Ajanki, Erdos and Krueger (2019), who state it
    for a = 0. Potential, moments and atoms are derived here; edges are solved for from their definition.

    Examples
    --------
    >>> law = DysonLaw([[1.0, 1.0], [1.0, 1.0]])  # a flat profile: the semicircle of radius 2
    >>> [(round(left, 12), round(right, 12)) for left, right in law.support()]
    [(-2.0, 2.0)]
    """

    def __init__(
        self, profile: ArrayLike, weights: ArrayLike | None = None, expectations: ArrayLike | None = None
    ) -> None:
        s = _profile(profile)
        K = len(s)
        domain = "a symmetric (K, K) matrix of numbers >= 0"
        if s.shape != (K, K) or np.any(np.abs(s - s.T) > 8 * EPS * np.maximum(s, s.T)):
            raise ParameterError("profile", profile, domain)
        self.profile = _frozen(np.maximum(s, s.T))
        high, low = _shares(weights, K)
        self.weights = _frozen(high)
        self.expectations = _frozen(np.zeros(K) if expectations is None else _vector("expectations", expectations, K))
        keep = self.weights > 0
        w, a, s = self.weights[keep], self.expectations[keep], self.profile[np.ix_(keep, keep)]
        self._system = System(np.ones(w.size), a, dd.multiply((s, 0 * s), (w, low[keep])), w)
        self._parts = [hermitian_part(self._system, index) for index in components(s > 0)]

    @classmethod
    def covariance(
        cls,
        profile: ArrayLike,
        row_weights: ArrayLike | None = None,
        column_weights: ArrayLike | None = None,
        *,
        ratio: float,
    ) -> GramLaw:
        """The law of XX' for X with a variance profile: `GramLaw`."""
        return GramLaw(profile, row_weights, column_weights, ratio=ratio)

    @property
    def variance(self) -> float:
        """Second central moment: that of the expectations and the mean of the profile."""
        w, a = self.weights, self.expectations
        return float(w @ (a - w @ a) ** 2 + w @ self.profile @ w)

    def __repr__(self) -> str:
        arrays = (self.profile, self.weights, self.expectations)
        return "DysonLaw({}, weights={}, expectations={})".format(*(array.tolist() for array in arrays))


@final
class GramLaw(_BlockLaw):
    r"""Limiting spectral law of XX', X p x n with independent centred entries of variance s_ij / n.

    Rows are in classes i with proportions u (of p), columns in classes j with proportions v (of n), and c = p/n:

    .. math:: \frac1{m_i} = \sum_j \frac{v_j s_{ij}}{1 + c \sum_k u_k s_{kj} m_k} - z, \qquad m = \sum_i u_i m_i .

    One column class is a sample covariance; several are a mixture of populations whose covariances commute: the columns
    of class j have covariance diag(s_.j).

    Parameters
    ----------
    profile : (R, C) array_like
        s >= 0, a row for each class of rows.
    row_weights, column_weights : (R,) and (C,) array_like, optional
        u and v, >= 0, sum 1; equal by default.
    ratio : float
        c > 0, rows to columns.

    Notes
    -----
    The atom at 0 is exact: max(0, 1 - 1/c) for a profile without zeros, more where zeros force it. Where rows and
    columns balance (c = 1), the density diverges at 0 (a hard edge). For gaps see `DysonLaw`.

    Source: Girko's equation for a Gram matrix with a variance profile, as stated in Hachem, Loubaton and Najim (2007);
    solved here as a Dyson system in :math:`m_i` and :math:`-1/(1 + c \sum_k u_k s_{kj} m_k)`.
    """

    def __init__(
        self,
        profile: ArrayLike,
        row_weights: ArrayLike | None = None,
        column_weights: ArrayLike | None = None,
        *,
        ratio: float,
    ) -> None:
        s = self.profile = _frozen(_profile(profile))
        self.row_weights = _weights("row_weights", row_weights, len(s), "a row of profile")
        self.column_weights = _weights("column_weights", column_weights, s.shape[1], "a column of profile")
        c = numbers("ratio", ratio, "a finite number > 0")
        if c.shape != () or not c > 0:
            raise ParameterError("ratio", ratio, "a finite number > 0")
        self.ratio = float(c)
        rows, columns = self.row_weights > 0, self.column_weights > 0
        self._system = gram_system(
            s[np.ix_(rows, columns)], self.row_weights[rows], self.column_weights[columns], self.ratio
        )
        index = components(self._system.coupling[0] > 0)
        parts = [gram_part(self._system, some, self.ratio) for some in index]
        self._parts = [part for part in parts if part is not None]

    def __repr__(self) -> str:
        arrays = (self.profile, self.row_weights, self.column_weights)
        text = "DysonLaw.covariance({}, row_weights={}, column_weights={}, ratio={!r})"
        return text.format(*(array.tolist() for array in arrays), self.ratio)


def _cut(interval: tuple[float, float], place: float) -> list[tuple[float, float]]:
    left, right = interval
    return [(left, place), (place, right)] if left < place < right else [interval]


def _profile(value: ArrayLike) -> FloatArray:
    domain = "a matrix of finite numbers >= 0, one row and one column a class"
    array = numbers("profile", value, domain)
    if array.ndim != 2 or not array.size or np.any(array < 0):
        raise ParameterError("profile", value, domain)
    return array


def _vector(name: str, value: ArrayLike, size: int, what: str = "a class") -> FloatArray:
    domain = f"({size},): one finite number {what}"
    array = numbers(name, value, domain)
    if array.shape != (size,):
        raise ParameterError(name, value, domain)
    return array


def _weights(name: str, value: ArrayLike | None, size: int, what: str) -> FloatArray:
    if value is None:
        return _frozen(np.full(size, 1 / size))
    array = _vector(name, value, size, what)
    total = math.fsum(array)
    if np.any(array < 0) or abs(total - 1) > 8 * (size + 1) * EPS:
        raise ParameterError(name, value, f"numbers >= 0 whose sum is 1 (it is {total:.17g})")
    return _frozen(array)


def _shares(value: ArrayLike | None, size: int) -> dd.Pair:
    """Weights as pairs of doubles: as given, or the shares of whole numbers."""
    counts = np.ones(size) if value is None else _vector("weights", value, size)
    if np.any(counts != np.round(counts)) or not np.all(counts >= 0) or not counts.any() or counts.max() > 2**53:
        return _weights("weights", value, size, "a class"), np.zeros(size)
    whole = dd.total((counts, np.zeros(size)))
    return dd.divide((counts, np.zeros(size)), whole)


def _frozen(array: FloatArray) -> FloatArray:
    array = array.copy()
    array.flags.writeable = False
    return array
