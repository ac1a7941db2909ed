"""The interface of a limiting law, and what follows from its Stieltjes transform and its logarithmic potential."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtcollapse._deferred import deferred
from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["ComplexArray", "Law", "numbers"]

ComplexArray: TypeAlias = NDArray[Any]
EPS = float(np.finfo(np.float64).eps)


def numbers(name: str, value: ArrayLike, domain: str = "finite numbers") -> FloatArray:
    """`value` as a float64 array of any shape; refuses what is not real or has a ``nan`` or an infinity."""
    try:
        raw = np.asarray(value)
    except (TypeError, ValueError):
        raise ParameterError(name, value, domain) from None
    if raw.dtype.kind not in "biuf" or not np.all(np.isfinite(raw)):
        raise ParameterError(name, value, domain)
    return raw.astype(np.float64)


def probabilities(q: ArrayLike) -> FloatArray:
    """`q` as numbers in [0, 1], or a refusal."""
    levels = numbers("q", q, "numbers in [0, 1]")
    if np.any((levels < 0) | (levels > 1)):
        raise ParameterError("q", q, "numbers in [0, 1]")
    return levels


def shaped(values: NDArray[Any], shape: tuple[int, ...]) -> Any:
    return values.reshape(shape) if shape else values.reshape(())[()]


class Law(ABC):
    r"""A probability law on the real line: a continuous part on finitely many intervals, and atoms.

    Total mass is 1. Every function of a real or complex argument broadcasts. Values in the bulk are taken ON the real
    axis; nothing is smeared. A subclass says where its support is, and solves for :math:`m` and :math:`U`:

    .. math:: m(z) = \int \frac{dF(x)}{x - z}, \qquad U(z) = \int \log(z - x)\, dF(x), \quad U' = -m .

    Raises
    ------
    ParameterError
        For arguments that are not finite numbers, and for real arguments inside the support where a side is missing.
    ConvergenceError
        Where no certified solution was found; a number without a certificate is never returned.
    """

    _closest: float = 1e-250  # how close to the left end of a bulk integrals go

    @abstractmethod
    def support(self) -> list[tuple[float, float]]:
        """Intervals of the continuous part, increasing and disjoint; empty for a law of atoms."""

    @abstractmethod
    def atoms(self) -> list[tuple[float, float]]:
        """Place and mass of every atom, by increasing place."""

    @abstractmethod
    def moments(self, k: int) -> FloatArray:
        """The first `k` moments, (k,): integrals of x, x**2, ..., x**k."""

    @abstractmethod
    def _transform(self, z: ComplexArray) -> ComplexArray:
        """m (n,) at points z (n,) of the open upper half plane, inside a bulk (limit from above) or off the support."""

    @abstractmethod
    def _potential(self, z: ComplexArray) -> ComplexArray:
        r"""U (n,), imaginary part in [0, \pi], at points as in `_transform`; edges of the support are allowed too."""

    # Densities and probabilities

    def density(self, x: ArrayLike) -> Any:
        """Density of the continuous part: 0 outside the support, ``inf`` at an edge where it diverges."""
        points = numbers("x", x)
        flat = points.ravel()
        result = np.zeros(flat.size)
        inside = self._bulk_of(flat) >= 0
        if inside.any():
            result[inside] = self._transform(self._beside_atoms(flat[inside]) + 0j).imag / math.pi
        for edge in self._divergent_edges:
            result[flat == edge] = math.inf
        return shaped(result, points.shape)

    def cdf(self, x: ArrayLike) -> Any:
        """Mass of (-inf, x], atoms included."""
        points = numbers("x", x)
        flat = points.ravel()
        result = self._mass_below(flat)
        which = self._bulk_of(flat)
        inside = which >= 0
        if inside.any():  # closer to an edge than the rounding of x is at it
            left, right = (edge[which] for edge in self._edges)
            at_left, at_right = (inside & (np.abs(flat - e) <= 4 * np.spacing(np.abs(e))) for e in (left, right))
            result[at_right] += self._masses[which[at_right]]
            inside &= ~(at_left | at_right)
        if inside.any():
            result[inside] = 1 - self._potential(self._beside_atoms(flat[inside]) + 0j).imag / math.pi
        return shaped(np.clip(result, 0.0, 1.0), points.shape)

    def _beside_atoms(self, x: FloatArray) -> FloatArray:
        """Places x (n,) of a bulk; where an atom lies inside it, a hair to its right."""
        for place, _ in self.atoms():
            x = np.where(x == place, place + 1e-13 * max(map(abs, self._hull)), x)
        return x

    def masses(self) -> FloatArray:
        """Mass of each interval of the support, in order; with the masses of the atoms they sum to 1."""
        return self._masses.copy()

    def quantile(self, q: ArrayLike) -> Any:
        """Smallest x with ``cdf(x) >= q``; for q = 0, the left end of the law."""
        from rmtcollapse.spectra._quantile import quantiles

        levels = probabilities(q)
        return shaped(quantiles(self, levels.ravel()), levels.shape)

    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator | int | None = None) -> FloatArray:
        """Independent draws. (Eigenvalues of one finite matrix repel: ``rmtcollapse.experiments.eigenvalues``.)

        Draws are quantiles of uniform numbers, by a table of the inverse distribution function that is refined until
        its error is below 1e-9 of the width of the bulk.
        """
        from rmtcollapse.spectra._quantile import draw

        return draw(self, size, np.random.default_rng(rng))

    def integrate(self, function: Callable[[FloatArray], ArrayLike]) -> float:
        """Integral of a function of an array over the whole law: atoms exactly, bulks by the tanh-sinh rule.

        The rule is refined until two levels agree to 1e-13 of the integral of the absolute value; ends where the
        density or the function diverges, but integrably, are allowed. Raises `ConvergenceError` otherwise.
        """
        from rmtcollapse.spectra._quantile import integral

        return integral(self, function)

    # Transforms

    def stieltjes(self, z: ArrayLike, side: str | None = None) -> Any:
        r"""Stieltjes transform :math:`m(z) = \int dF(x)/(x-z)`.

        Parameters
        ----------
        z : array_like
            Complex or real numbers. Real ones inside the support need a `side`; none may be an atom.
        side : "above" or "below", optional
            The limit from which half plane is meant where z is real and inside the support.
        """
        points, flat = self._complex_points(z, side)
        lower = (flat.imag < 0) | ((flat.imag == 0) & (side == "below"))
        values = self._transform(np.where(lower, flat.conj(), flat))
        values = np.where(lower, values.conj(), values)
        if points.dtype.kind != "c" and not np.any(self._bulk_of(flat.real) >= 0):
            return shaped(values.real, points.shape)
        return shaped(values, points.shape)

    def log_potential(self, z: ArrayLike, side: str | None = None) -> Any:
        r"""Logarithmic potential :math:`U(z) = \int \log(z - x)\,dF(x)`; arguments as for `stieltjes`.

        Its imaginary part is :math:`\pi` times the mass to the right of a real z, seen from above.
        """
        points, flat = self._complex_points(z, "above" if side is None else side)
        lower = (flat.imag < 0) | ((flat.imag == 0) & (side == "below"))
        values = self._potential(np.where(lower, flat.conj(), flat))
        return shaped(np.where(lower, values.conj(), values), points.shape)

    def _complex_points(self, z: ArrayLike, side: str | None) -> tuple[NDArray[Any], ComplexArray]:
        domain = "finite real or complex numbers"
        try:
            points = np.asarray(z)
        except (TypeError, ValueError):
            raise ParameterError("z", z, domain) from None
        if points.dtype.kind not in "biufc" or not np.all(np.isfinite(points)):
            raise ParameterError("z", z, domain)
        if side not in (None, "above", "below"):
            raise ParameterError("side", side, "'above', 'below' or None")
        flat = points.ravel().astype(np.complex128)
        real = flat.real[flat.imag == 0]
        if side is None and np.any(inside := self._bulk_of(real) >= 0):
            domain = "off the support, where both limits agree; give side='above' or side='below' inside it"
            raise ParameterError("z", float(real[inside][0]), domain)
        for place, _ in self.atoms():
            if np.any(real == place):
                raise ParameterError("z", place, "not an atom of the law, where the transform has a pole")
        return points, flat

    # Summaries

    @property
    def mean(self) -> float:
        """First moment."""
        return float(self.moments(1)[0])

    @property
    def variance(self) -> float:
        """Second central moment."""
        first, second = self.moments(2)
        return float(second - first**2)

    @cached_property
    def _hull(self) -> tuple[float, float]:
        places = [end for interval in self.support() for end in interval] + [place for place, _ in self.atoms()]
        return min(places), max(places)

    @cached_property
    def _edges(self) -> tuple[FloatArray, FloatArray]:
        intervals = np.array(self.support()).reshape(-1, 2)
        return intervals[:, 0], intervals[:, 1]

    def _bulk_of(self, x: FloatArray) -> NDArray[np.intp]:
        """Index of the bulk whose interior holds each x, or -1."""
        left, right = self._edges
        if not left.size:
            return np.full(x.shape, -1)
        index = np.searchsorted(left, x, side="left") - 1
        return np.where((index >= 0) & (x < right[np.maximum(index, 0)]), index, -1)

    @cached_property
    def _divergent_edges(self) -> Sequence[float]:
        """Edges at which the density is infinite."""
        return ()

    @cached_property
    def _masses(self) -> FloatArray:
        masses = self._bulk_masses() if self.support() else np.zeros(0)
        total = float(masses.sum()) + sum(mass for _, mass in self.atoms())
        if not abs(total - 1) < 1e-9:
            raise ConvergenceError(f"bulks and atoms have a mass of {total:.12g}, not 1: an edge may have been missed")
        return masses

    def _bulk_masses(self) -> FloatArray:
        """Masses from the potential at the edges."""
        left, right = self._edges
        above = [self._potential(edge + 0j).imag / math.pi for edge in (left, right)]
        return above[0] - above[1]

    def _mass_below(self, x: FloatArray) -> FloatArray:
        """Mass of all atoms up to x and of all bulks that end up to x."""
        _, right = self._edges
        below = np.concatenate([[0.0], np.cumsum(self._masses)])[np.searchsorted(right, x, side="right")]
        places = np.array([place for place, _ in self.atoms()])
        cumulated = np.concatenate([[0.0], np.cumsum([mass for _, mass in self.atoms()])])
        result: FloatArray = below + cumulated[np.searchsorted(places, x, side="right")]
        return result

    # Algebra

    def __add__(self, other: Law | float) -> Law:
        """Free additive convolution with a law; a shift by a number."""
        from rmtcollapse.spectra.free import add, shift

        if isinstance(other, Law):
            return add(self, other)
        if isinstance(other, Real):
            return shift(self, float(other))
        return NotImplemented

    __radd__ = __add__

    def __sub__(self, other: float) -> Law:
        return self.__add__(-other)

    def __mul__(self, other: float) -> Law:
        """The law of a multiple; for the free multiplicative convolution write ``a @ b``."""
        from rmtcollapse.spectra.free import scale

        if isinstance(other, Law):
            raise ParameterError("factor", other, "a number; the free multiplicative convolution is a @ b")
        if isinstance(other, Real):
            return scale(self, float(other))
        return NotImplemented

    __rmul__ = __mul__

    def __matmul__(self, other: Law) -> Law:
        """Free multiplicative convolution."""
        from rmtcollapse.spectra.free import multiply

        if isinstance(other, Law):
            return multiply(self, other)
        return NotImplemented

    plot = deferred("rmtcollapse.plotting", "plot_law")


def moment_count(k: object) -> int:
    """A positive number of moments, or a refusal."""
    if not isinstance(k, Integral) or isinstance(k, bool) or not 1 <= int(k) <= 1000:
        raise ParameterError("k", k, "a positive integer up to 1000")
    return int(k)
