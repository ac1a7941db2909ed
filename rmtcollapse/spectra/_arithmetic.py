"""Three arithmetics: arrays with derivatives and rounding bounds, arrays of 32 digits, and mpmath with derivatives.

The relations of a law (`rmtcollapse.spectra._curve`) are written once, with + - * / and integer powers, and evaluated
in any of them. Constants are ``fractions.Fraction``, so that every arithmetic rounds them for
itself.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["EPS", "DoubleDouble", "Dual", "Jet", "either", "integer_power"]

EPS = float(np.finfo(np.float64).eps)
Pair: TypeAlias = tuple[Any, Any]


def either(mask: NDArray[np.bool_] | bool, first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """Elementwise choice between two forms of one quantity, of which one cancels: first where `mask`."""
    if np.all(mask):
        return first()
    if not np.any(mask):
        return second()
    return first().where(mask, second())


def integer_power(base: Any, exponent: int) -> Any:
    """base ** exponent for an exponent >= 1, by repeated squaring."""
    result = None
    while exponent:
        if exponent & 1:
            result = base if result is None else result * base
        exponent >>= 1
        if exponent:
            base = base * base
    return result


class Jet:
    """Values (n,), derivatives in k unknowns (k, n), and a first-order bound of the values' rounding errors (n,).

    `bound_imag`, where known, is a smaller one for imaginary parts alone.
    """

    __slots__ = ("bound", "bound_imag", "slopes", "value")

    def __init__(
        self, value: NDArray[Any], slopes: NDArray[Any], bound: NDArray[Any], bound_imag: NDArray[Any] | None = None
    ) -> None:
        self.value, self.slopes, self.bound = value, slopes, bound
        self.bound_imag = bound if bound_imag is None else bound_imag

    def __add__(self, other: Any) -> Jet:
        if isinstance(other, Jet):
            value = self.value + other.value
            return Jet(value, self.slopes + other.slopes, self.bound + other.bound + EPS * np.abs(value))
        value = self.value + float(other)
        rounded = EPS * abs(float(other)) if float(other) != other else 0.0
        return Jet(value, self.slopes, self.bound + rounded + EPS * np.abs(value))

    __radd__ = __add__

    def __neg__(self) -> Jet:
        return Jet(-self.value, -self.slopes, self.bound)

    def __sub__(self, other: Any) -> Jet:
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> Jet:
        return (-self).__add__(other)

    def __mul__(self, other: Any) -> Jet:
        if not isinstance(other, Jet):
            number = float(other)
            value = self.value * number
            return Jet(value, self.slopes * number, self.bound * abs(number) + 2 * EPS * np.abs(value))
        value = self.value * other.value
        bound = np.abs(self.value) * other.bound + np.abs(other.value) * self.bound + 2 * EPS * np.abs(value)
        return Jet(value, self.value * other.slopes + self.slopes * other.value, bound)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Jet:
        if not isinstance(other, Jet):
            return self * (1 / Fraction(other))
        value = self.value / other.value
        bound = (self.bound + np.abs(value) * other.bound) / np.abs(other.value) + 4 * EPS * np.abs(value)
        return Jet(value, (self.slopes - value * other.slopes) / other.value, bound)

    def __rtruediv__(self, other: Any) -> Jet:
        return Jet(np.full_like(self.value, float(other)), np.zeros_like(self.slopes), np.zeros_like(self.bound)) / self

    def where(self, mask: NDArray[np.bool_], other: Jet) -> Jet:
        """Elementwise choice: self where `mask`, else other."""
        slopes = np.where(mask, self.slopes, other.slopes)
        return Jet(np.where(mask, self.value, other.value), slopes, np.where(mask, self.bound, other.bound))


class Dual:
    """One mpmath number with its derivatives in k unknowns, a list."""

    __slots__ = ("slopes", "value")

    def __init__(self, value: Any, slopes: list[Any]) -> None:
        self.value, self.slopes = value, slopes

    def _lift(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            return other
        import mpmath

        exact = Fraction(other)
        return Dual(mpmath.mpf(exact.numerator) / exact.denominator, [0] * len(self.slopes))

    def __add__(self, other: Any) -> Dual:
        y = self._lift(other)
        return Dual(self.value + y.value, [a + b for a, b in zip(self.slopes, y.slopes, strict=True)])

    __radd__ = __add__

    def __neg__(self) -> Dual:
        return Dual(-self.value, [-a for a in self.slopes])

    def __sub__(self, other: Any) -> Dual:
        return self + -self._lift(other)

    def __rsub__(self, other: Any) -> Dual:
        return (-self).__add__(other)

    def __mul__(self, other: Any) -> Dual:
        y = self._lift(other)
        slopes = [self.value * b + a * y.value for a, b in zip(self.slopes, y.slopes, strict=True)]
        return Dual(self.value * y.value, slopes)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Dual:
        y = self._lift(other)
        value = self.value / y.value
        return Dual(value, [(a - value * b) / y.value for a, b in zip(self.slopes, y.slopes, strict=True)])

    def __rtruediv__(self, other: Any) -> Dual:
        return self._lift(other) / self


# Real numbers as unevaluated sums (high, low): Dekker 1971, Knuth; Hida, Li and Bailey 2001.


def two_sum(a: Any, b: Any) -> Pair:
    s = a + b
    v = s - a
    return s, (a - (s - v)) + (b - v)


def quick_two_sum(a: Any, b: Any) -> Pair:
    s = a + b
    return s, b - (s - a)


def two_product(a: Any, b: Any) -> Pair:
    p = a * b
    c = 134217729.0 * a  # 2**27 + 1 splits 53 bits into 26 and 27
    a1 = c - (c - a)
    a2 = a - a1
    c = 134217729.0 * b
    b1 = c - (c - b)
    b2 = b - b1
    return p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2


def add(x: Pair, y: Pair) -> Pair:
    s, e = two_sum(x[0], y[0])
    t, f = two_sum(x[1], y[1])
    s, e = quick_two_sum(s, e + t)
    return quick_two_sum(s, e + f)


def multiply(x: Pair, y: Pair) -> Pair:
    p, e = two_product(x[0], y[0])
    return quick_two_sum(p, e + (x[0] * y[1] + x[1] * y[0]))


def negative(x: Pair) -> Pair:
    return -x[0], -x[1]


def divide(x: Pair, y: Pair) -> Pair:
    quotient = x[0] / y[0]
    rest = add(x, negative(multiply(y, (quotient, 0.0 * quotient))))
    second = rest[0] / y[0]
    rest = add(rest, negative(multiply(y, (second, 0.0 * second))))
    s, e = quick_two_sum(quotient, second)
    return add((s, e), (rest[0] / y[0], 0.0 * s))


def total(x: Pair) -> Pair:
    """Sum over the last axis."""
    high, low = x
    while high.shape[-1] > 1:
        half = high.shape[-1] // 2
        rest = high[..., 2 * half :], low[..., 2 * half :]
        high, low = add((high[..., :half], low[..., :half]), (high[..., half : 2 * half], low[..., half : 2 * half]))
        if rest[0].shape[-1]:
            high, low = np.concatenate([high, rest[0]], -1), np.concatenate([low, rest[1]], -1)
    return high[..., 0], low[..., 0]


def constant(number: Any) -> Pair:
    exact = Fraction(number)
    high = float(exact)
    return high, float(exact - Fraction(high))


class DoubleDouble:
    """Complex numbers (n,) whose real and imaginary parts are pairs of doubles: about 32 digits."""

    __slots__ = ("imag", "real")

    def __init__(self, real: Pair, imag: Pair) -> None:
        self.real, self.imag = real, imag

    @classmethod
    def of(cls, high: NDArray[Any], low: NDArray[Any] | float = 0.0) -> DoubleDouble:
        """The exact sum of two arrays of complex numbers."""
        both = high, low + np.zeros_like(high)
        return cls(two_sum(both[0].real, both[1].real), two_sum(both[0].imag, both[1].imag))

    def _lift(self, other: Any) -> DoubleDouble:
        if isinstance(other, DoubleDouble):
            return other
        zero = np.zeros_like(self.real[0])
        high, low = constant(other)
        return DoubleDouble((zero + high, zero + low), (zero, zero))

    @property
    def value(self) -> NDArray[Any]:
        """The numbers, rounded."""
        result: NDArray[Any] = self.real[0] + 1j * self.imag[0]
        return result

    def __add__(self, other: Any) -> DoubleDouble:
        y = self._lift(other)
        return DoubleDouble(add(self.real, y.real), add(self.imag, y.imag))

    __radd__ = __add__

    def __neg__(self) -> DoubleDouble:
        return DoubleDouble(negative(self.real), negative(self.imag))

    def __sub__(self, other: Any) -> DoubleDouble:
        return self + -self._lift(other)

    def __rsub__(self, other: Any) -> DoubleDouble:
        return (-self).__add__(other)

    def __mul__(self, other: Any) -> DoubleDouble:
        y = self._lift(other)
        real = add(multiply(self.real, y.real), negative(multiply(self.imag, y.imag)))
        return DoubleDouble(real, add(multiply(self.real, y.imag), multiply(self.imag, y.real)))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> DoubleDouble:
        y = self._lift(other)
        size = np.ldexp(1.0, -np.frexp(np.maximum(np.abs(y.real[0]), np.abs(y.imag[0])))[1])  # no square may underflow
        scaled = DoubleDouble((y.real[0] * size, y.real[1] * size), (y.imag[0] * size, y.imag[1] * size))
        square = add(multiply(scaled.real, scaled.real), multiply(scaled.imag, scaled.imag))
        above = self * DoubleDouble(scaled.real, negative(scaled.imag))
        real, imag = divide(above.real, square), divide(above.imag, square)
        return DoubleDouble((real[0] * size, real[1] * size), (imag[0] * size, imag[1] * size))

    def __rtruediv__(self, other: Any) -> DoubleDouble:
        return self._lift(other) / self

    def where(self, mask: NDArray[np.bool_], other: DoubleDouble) -> DoubleDouble:
        """Elementwise choice: self where `mask`, else other."""
        parts = [
            tuple(np.where(mask, a, b) for a, b in zip(x, y, strict=True))
            for x, y in ((self.real, other.real), (self.imag, other.imag))
        ]
        return DoubleDouble(parts[0], parts[1])
