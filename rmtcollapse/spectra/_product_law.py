"""What laws of products of layers share: places solved bulk by bulk, and distribution functions in log x."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra._layer_places import LEAST, Places
from rmtcollapse.spectra.estimate import FloatArray
from rmtcollapse.spectra.law import ComplexArray, Law, probabilities, shaped

__all__ = ["ProductLaw"]


class ProductLaw(Law):
    """A law of positive places that may spread over hundreds of decades.

    A subclass solves its equation: in a bulk, and elsewhere in the upper half plane. What it finds has ``good``,
    whether a place is certified, ``put`` and ``at``, and belongs to the conjugates of the places.
    """

    @property
    def largest(self) -> float:
        """The largest place of the law."""
        return self._hull[1]

    # ---- the equation -------------------------------------------------------------------------------------------

    @abstractmethod
    def _none(self, size: int) -> Any:
        """So many places without solutions."""

    @abstractmethod
    def _in_bulk(self, x: FloatArray, top: float) -> Any:
        """Solutions at places x (n,) of one bulk; `top` is the logarithm of the largest place of the law."""

    @abstractmethod
    def _outside(self, log_z: ComplexArray, top: float) -> Any:
        """Solutions at places outside all bulks, their logarithms (n,) in the closed lower half plane."""

    @abstractmethod
    def _behind(self, found: Any) -> ComplexArray:
        """1 + u (n,), where u is the integral of x / (z - x)."""

    @abstractmethod
    def _faint(self, found: Any) -> NDArray[np.bool_]:
        """Where (n,) imaginary parts are infinitesimal: what is made of them may be no double."""

    @abstractmethod
    def _heights(self, found: Any) -> FloatArray:
        """The logarithm of the imaginary part of u (n,) there, to first order."""

    def _solved(self, z: ComplexArray) -> Any:
        """At points of the closed upper half plane, by their conjugates."""
        top, bulks = math.log(self._hull[1]), self._bulk_of(z.real)
        inside = (z.imag == 0) & (bulks >= 0)
        log_z = np.log(np.abs(z)) - 1j * np.angle(z)
        found = self._none(z.size)
        for bulk in np.unique(bulks[inside]):
            here = np.flatnonzero(inside & (bulks == bulk))
            found.put(here, self._in_bulk(z.real[here], top))
        outside = np.flatnonzero(~inside)
        if outside.size:
            found.put(outside, self._outside(log_z[outside], top))
        if not found.good.all():
            first = z[~found.good][0]
            raise ConvergenceError(
                f"no certified solution at z = {first:.17g} ({int((~found.good).sum())} of {z.size} points): closer "
                "to an edge than rounding allows, or slopes that are not resolved; move the point"
            )
        return found

    def _transform(self, z: ComplexArray) -> ComplexArray:
        found = self._solved(z)
        values = np.asarray(-self._behind(found).conj() / z) + 0.0  # no -0
        faint = np.flatnonzero((z.imag == 0) & (self._bulk_of(z.real) >= 0) & self._faint(found))
        if faint.size:
            with np.errstate(under="ignore"):
                height = np.exp(self._heights(found.at(faint)) - np.log(z.real[faint]))
            values[faint] = values.real[faint] + 1j * height
        return values

    # ---- in log x -----------------------------------------------------------------------------------------------

    @cached_property
    def _places(self) -> Places:
        return Places(self)

    def quantile(self, q: ArrayLike) -> Any:
        """Smallest x with ``cdf(x) >= q``; 0 where that is below 1e-300."""
        from rmtcollapse.spectra._quantile import quantiles

        levels = probabilities(q)
        return shaped(self._places.back(quantiles(self._places, levels.ravel())), levels.shape)

    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator | int | None = None) -> FloatArray:
        """Independent draws, as in :class:`rmtcollapse.spectra.law.Law`; 0 for those below 1e-300."""
        from rmtcollapse.spectra._quantile import draw

        found = draw(self._places, size, np.random.default_rng(rng))
        return self._places.back(found.ravel()).reshape(found.shape)

    def integrate(self, function: Callable[[FloatArray], ArrayLike]) -> float:
        """Integral over the whole law, in log x: atoms exactly, bulks by rules that are refined until they stay.

        Where mass lies below 1e-300, as of deep products, the function has to have settled there: `ConvergenceError`
        otherwise.
        """
        from rmtcollapse.spectra._quantile import over_bulk, values_of

        places, total = self._places, 0.0
        for place, mass in self.atoms():
            total += mass * float(values_of(function, np.array([place]))[0])

        def over(y: FloatArray) -> FloatArray:
            return values_of(function, places.places(y))

        for (left, right), mass in zip(places.support(), places.masses(), strict=True):
            start = places.counts_from(over, left, right)
            left_out = float(places.cdf(start) - places.cdf(left)) if start > left else 0.0
            total += over_bulk(places, over, start, right, float(mass) - left_out)
        if places.beyond > 0:
            last = values_of(function, np.array([LEAST, 2 * LEAST]))
            if not places.beyond * abs(last[1] - last[0]) <= 1e-13 * max(abs(total), places.beyond * abs(last[0])):
                raise ConvergenceError(
                    f"a mass of {places.beyond:.3g} lies below {LEAST:g}, where the function still varies; fewer "
                    "layers, or a function that is continuous at 0"
                )
            total += places.beyond * float(last[0])
        return total
