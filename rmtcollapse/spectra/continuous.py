"""Populations with a density: uniform, exponential, power law."""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import cached_property
from typing import Any

import numpy as np

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra._density_leaf import DensityLeaf
from rmtcollapse.spectra._node import Node
from rmtcollapse.spectra._real import Bulk
from rmtcollapse.spectra.curve_law import CurveLaw
from rmtcollapse.spectra.estimate import FloatArray
from rmtcollapse.spectra.law import ComplexArray, moment_count
from rmtcollapse.spectra.laws import exact_number

__all__ = ["Exponential", "PowerLawDensity", "Uniform"]

REACH = 40.0  # exp(-40) is the mass that an exponential law goes without


class _Density(CurveLaw):
    """A law with an analytic density between two ends."""

    low: float
    high: float

    @abstractmethod
    def _formula(self, x: Any) -> Any:
        """The density at real or complex x."""

    @cached_property
    def _root(self) -> Node:
        return DensityLeaf((self.low, self.high), self._formula)

    @cached_property
    def _bulks(self) -> list[Bulk]:
        end = np.array([self.low]), np.array([self.high])
        return [Bulk(self.low, self.high, end[0], end[1], ("atom", "atom"))]

    def atoms(self) -> list[tuple[float, float]]:
        return []

    def density(self, x: Any) -> Any:
        from rmtcollapse.spectra.law import numbers

        points = numbers("x", x)
        inside = (points >= self.low) & (points <= self.high)
        return np.where(inside, self._formula(np.where(inside, points, (self.low + self.high) / 2)), 0.0)[()]

    def _transform(self, z: ComplexArray) -> ComplexArray:
        root = self._root
        assert isinstance(root, DensityLeaf)
        values: ComplexArray = root.jet(z, 0, 1).m.value
        inside = self._bulk_of(z.real) >= 0
        imaginary = np.where(inside, math.pi * self._formula(np.where(inside, z.real, self.high)), 0.0)
        return np.where(z.imag == 0, values.real + 1j * imaginary, values)

    def _potential(self, z: ComplexArray) -> ComplexArray:
        root = self._root
        assert isinstance(root, DensityLeaf)
        return root.logarithm(z)


class Uniform(_Density):
    """Uniform on [low, high], low < high."""

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        self.low, self.high = _ends(low, high)

    def __repr__(self) -> str:
        return f"Uniform({self.low:.6g}, {self.high:.6g})"

    def _formula(self, x: Any) -> Any:
        return 1 / (self.high - self.low) + 0 * x

    def moments(self, k: int) -> FloatArray:
        n = np.arange(1, moment_count(k) + 1)
        powers = [sum(self.low**i * self.high ** (j - i) for i in range(j + 1)) for j in n.tolist()]
        return np.array(powers) / (n + 1)


class PowerLawDensity(_Density):
    """Density proportional to x**-exponent on [low, high], 0 < low < high; any finite exponent."""

    def __init__(self, exponent: float, low: float, high: float) -> None:
        self.exponent = float(exact_number("exponent", exponent))
        self.low, self.high = _ends(low, high)
        if self.low <= 0:
            raise ParameterError("low", low, "a number > 0")

    def __repr__(self) -> str:
        return f"PowerLawDensity({self.exponent:.6g}, {self.low:.6g}, {self.high:.6g})"

    def _integral(self, power: float) -> float:
        """Integral of (x/low)**power from low to high, over low."""
        span = math.log(self.high / self.low)
        return span if abs(power + 1) * span < 1e-12 else math.expm1((power + 1) * span) / (power + 1)

    def _formula(self, x: Any) -> Any:
        return (x / self.low) ** -self.exponent / (self.low * self._integral(-self.exponent))

    def moments(self, k: int) -> FloatArray:
        whole = self._integral(-self.exponent)
        powers = range(1, moment_count(k) + 1)
        return np.array([self.low**j * self._integral(j - self.exponent) / whole for j in powers])


class Exponential(_Density):
    """Exponential law of mean `scale` > 0, without the mass of exp(-40) beyond 40 * scale."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = float(exact_number("scale", scale, "a finite number > 0", positive=True))
        self.low, self.high = 0.0, REACH * self.scale

    def __repr__(self) -> str:
        return f"Exponential({self.scale:.6g})"

    def _formula(self, x: Any) -> Any:
        import mpmath

        exp = mpmath.exp if isinstance(x, mpmath.mpc) else np.exp
        return exp(-x / self.scale) / self.scale

    def moments(self, k: int) -> FloatArray:
        return np.array([self.scale**j * math.factorial(j) for j in range(1, moment_count(k) + 1)])


def _ends(low: float, high: float) -> tuple[float, float]:
    ends = float(exact_number("low", low)), float(exact_number("high", high))
    if not ends[0] < ends[1]:
        raise ParameterError("high", high, f"a number > low = {low!r}")
    return ends
