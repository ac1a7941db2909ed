"""Free convolutions, powers and affine images of laws."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from numbers import Integral
from typing import Any

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra._curve import AddFold, AffineMap, MultiplyFold, Product, Sum
from rmtcollapse.spectra._node import Node
from rmtcollapse.spectra.curve_law import CurveLaw
from rmtcollapse.spectra.law import Law
from rmtcollapse.spectra.laws import Atoms, coefficient, exact_number

__all__ = ["Affine", "FreeAdditivePower", "FreeMultiplicativePower", "FreeProduct", "FreeSum"]
__all__ += ["add", "multiply", "scale", "shift"]


def _curve_law(name: str, law: object) -> CurveLaw:
    if not isinstance(law, CurveLaw):
        raise ParameterError(name, law, "a law with explicit relations: all of rmtcollapse.spectra except DysonLaw")
    return law


class Affine(CurveLaw):
    """The law of ``factor * x + offset``.

    Parameters
    ----------
    law : Law
    factor : float
        Finite, not 0.
    offset : float
        Finite.
    """

    def __init__(self, law: Law, factor: float = 1.0, offset: float = 0.0) -> None:
        self.law = _curve_law("law", law)
        self._factor = exact_number("factor", factor, "a finite number, not 0")
        self._offset = exact_number("offset", offset)
        if not self._factor:
            raise ParameterError("factor", factor, "a finite number, not 0")

    @property
    def factor(self) -> float:
        return float(self._factor)

    @property
    def offset(self) -> float:
        return float(self._offset)

    def __repr__(self) -> str:
        return f"Affine({self.law!r}, factor={self.factor:.6g}, offset={self.offset:.6g})"

    @cached_property
    def _root(self) -> Node:
        root = self.law._root if self._factor > 0 else self.law._root.reflected()
        return AffineMap(root, abs(self._factor), self._offset)

    def atoms(self) -> list[tuple[float, float]]:
        return sorted((float(self._factor * Fraction(x) + self._offset), h) for x, h in self.law.atoms())

    def _critical_places(self) -> list[float]:
        return [float(self._factor * Fraction(x) + self._offset) for x in self.law._critical_places()]

    def _added_to(self, node: Node) -> Node | None:
        size = abs(self._factor)
        inner = AffineMap(node if self._factor > 0 else node.reflected(), 1 / size, Fraction(0))
        added = self.law._added_to(inner)
        if added is None:
            return None
        return AffineMap(added if self._factor > 0 else added.reflected(), size, self._offset)

    def _multiplied_to(self, node: Node) -> Node | None:
        inner = None if self._offset or self._factor < 0 else self.law._multiplied_to(node)
        return None if inner is None else AffineMap(inner, self._factor, Fraction(0))

    def _r(self, g: Any) -> Any:
        factor = coefficient(self._factor, g)
        inner = self.law._r(factor * g)
        return None if inner is None else factor * inner + coefficient(self._offset, g)

    def _s(self, u: Any) -> Any:
        inner = None if self._offset or self._factor < 0 else self.law._s(u)
        return None if inner is None else inner / coefficient(self._factor, u)


class FreeSum(CurveLaw):
    """Free additive convolution: eigenvalues of A + Q B Q' for a Haar-distributed Q.

    Atoms (exact): one at x + y for atoms at x and y whose masses exceed 1 together, of the excess (Bercovici and
    Voiculescu 1998).
    """

    def __init__(self, left: Law, right: Law) -> None:
        self.left, self.right = _curve_law("left", left), _curve_law("right", right)

    def __repr__(self) -> str:
        return f"({self.left!r} + {self.right!r})"

    @cached_property
    def _root(self) -> Node:
        left, right = self.left._root, self.right._root
        joined = self.right._added_to(left) or self.left._added_to(right)
        return joined or Sum(left, right, [self.left.mean, self.right.mean])

    def _added_to(self, node: Node) -> Node | None:
        first = self.left._added_to(node)
        return None if first is None else self.right._added_to(first)

    def atoms(self) -> list[tuple[float, float]]:
        return sorted((place, float(excess)) for place, excess in self._meetings() if excess > 0)

    def _critical_places(self) -> list[float]:
        return [place for place, excess in self._meetings() if excess == 0]

    def _meetings(self) -> list[tuple[float, Fraction]]:
        pairs = [(x + y, g, h) for x, g in self.left.atoms() for y, h in self.right.atoms()]
        return [(place, Fraction(g) + Fraction(h) - 1) for place, g, h in pairs]

    def _r(self, g: Any) -> Any:
        parts = self.left._r(g), self.right._r(g)
        return None if any(part is None for part in parts) else parts[0] + parts[1]


class FreeProduct(CurveLaw):
    """Free multiplicative convolution: eigenvalues of A^(1/2) Q B Q' A^(1/2), A nonnegative, for a Haar-distributed Q.

    One of the laws may take negative values if the other is, or is made from, Marchenko-Pastur, free Poisson and
    Fuss-Catalan laws; otherwise both must be nonnegative.
    Atoms (exact): at 0 the larger of the two masses; elsewhere as for sums, with products of places (Belinschi 2003).
    """

    def __init__(self, left: Law, right: Law) -> None:
        self.left, self.right = _curve_law("left", left), _curve_law("right", right)
        self._root  # refuses here what cannot be multiplied  # noqa: B018

    def __repr__(self) -> str:
        return f"({self.left!r} @ {self.right!r})"

    @cached_property
    def _root(self) -> Node:
        left, right = self.left._root, self.right._root
        joined = self.right._multiplied_to(left) or self.left._multiplied_to(right)
        if joined:
            return joined
        for law in (self.left, self.right):
            if law._hull[0] < 0:
                domain = (
                    "at least 0, unless the other law is made from Marchenko-Pastur, free Poisson or Fuss-Catalan laws"
                )
                raise ParameterError("smallest place of a factor", law._hull[0], domain)
            if law._hull[1] <= 0:
                raise ParameterError("factor", law, "not all zero")
        return Product(left, right, [self.left.mean, self.right.mean])

    def _multiplied_to(self, node: Node) -> Node | None:
        first = self.left._multiplied_to(node)
        return None if first is None else self.right._multiplied_to(first)

    def atoms(self) -> list[tuple[float, float]]:
        sides = self.left.atoms(), self.right.atoms()
        zero = max([Fraction(h) for atoms in sides for x, h in atoms if x == 0], default=Fraction(0))
        found = [(place, float(excess)) for place, excess in self._meetings() if excess > 0]
        return sorted([(0.0, float(zero)), *found] if zero else found)

    def _critical_places(self) -> list[float]:
        return [place for place, excess in self._meetings() if excess == 0]

    def _meetings(self) -> list[tuple[float, Fraction]]:
        pairs = [(x, y, g, h) for x, g in self.left.atoms() for y, h in self.right.atoms()]
        return [(x * y, Fraction(g) + Fraction(h) - 1) for x, y, g, h in pairs if x and y]

    def _s(self, u: Any) -> Any:
        parts = self.left._s(u), self.right._s(u)
        return None if any(part is None for part in parts) else parts[0] * parts[1]


class FreeAdditivePower(CurveLaw):
    """k-fold free sum of a law with itself, for any real k >= 1 (Nica and Speicher 1996).

    Divided by k, it is the free compression: eigenvalues of a corner, of a share 1/k of the rows, of a matrix of this
    law in random position.
    """

    def __init__(self, law: Law, k: float) -> None:
        self.law = _curve_law("law", law)
        self._k = exact_number("k", k, "a number >= 1")
        if self._k < 1:
            raise ParameterError("k", k, "a number >= 1")

    @property
    def k(self) -> float:
        return float(self._k)

    def __repr__(self) -> str:
        return f"FreeAdditivePower({self.law!r}, {self.k:.6g})"

    @cached_property
    def _root(self) -> Node:
        return AddFold(self.law._root, self._k, self.law.mean) if self._k > 1 else self.law._root

    def atoms(self) -> list[tuple[float, float]]:
        return [(x, float(h)) for x, h in self._meetings() if h > 0]

    def _critical_places(self) -> list[float]:
        return [x for x, h in self._meetings() if h == 0]

    def _meetings(self) -> list[tuple[float, Fraction]]:
        return [(float(self._k * Fraction(x)), 1 - self._k * (1 - Fraction(h))) for x, h in self.law.atoms()]

    def _r(self, g: Any) -> Any:
        inner = self.law._r(g)
        return None if inner is None else coefficient(self._k, g) * inner


class FreeMultiplicativePower(CurveLaw):
    """k-fold free product of a nonnegative law with itself, for integers k >= 1."""

    def __init__(self, law: Law, k: int) -> None:
        self.law = _curve_law("law", law)
        if not isinstance(k, Integral) or isinstance(k, bool) or not 1 <= k <= 1000:
            raise ParameterError("k", k, "an integer from 1 to 1000")
        if self.law._hull[0] < 0:
            raise ParameterError("smallest place of the law", self.law._hull[0], "at least 0")
        self.k: int = int(k)

    def __repr__(self) -> str:
        return f"FreeMultiplicativePower({self.law!r}, {self.k})"

    @cached_property
    def _root(self) -> Node:
        return MultiplyFold(self.law._root, self.k, self.law.mean) if self.k > 1 else self.law._root

    def atoms(self) -> list[tuple[float, float]]:
        return [(x, float(h)) for x, h in self._meetings() if h > 0]

    def _critical_places(self) -> list[float]:
        return [x for x, h in self._meetings() if h == 0]

    def _meetings(self) -> list[tuple[float, Fraction]]:
        sides = self.law.atoms()
        return [(x**self.k, Fraction(h) if x == 0 else 1 - self.k * (1 - Fraction(h))) for x, h in sides]

    def _s(self, u: Any) -> Any:
        inner = self.law._s(u)
        return None if inner is None else inner**self.k


def shift(law: Law, offset: float) -> Law:
    """The law of x + offset."""
    if isinstance(law, Atoms):
        return Atoms.of_counts(law.values + float(offset), law._counts)
    if isinstance(law, Affine):
        return Affine(law.law, law._factor, law._offset + exact_number("offset", offset))  # type: ignore[arg-type]
    return Affine(law, 1.0, offset) if offset else law


def scale(law: Law, factor: float) -> Law:
    """The law of factor * x."""
    if factor == 0:
        return Atoms([0.0])
    if isinstance(law, Atoms):
        return Atoms.of_counts(law.values * float(factor), law._counts)
    if isinstance(law, Affine):
        exact = exact_number("factor", factor)
        return Affine(law.law, law._factor * exact, law._offset * exact)  # type: ignore[arg-type]
    return Affine(law, factor) if factor != 1 else law


def add(left: Law, right: Law) -> Law:
    """Free additive convolution; exact where one law is a single atom."""
    for law, other in ((left, right), (right, left)):
        if isinstance(law, Atoms) and law.values.size == 1:
            return shift(other, float(law.values[0]))
    return FreeSum(left, right)


def multiply(left: Law, right: Law) -> Law:
    """Free multiplicative convolution; exact where one law is a single atom."""
    for law, other in ((left, right), (right, left)):
        if isinstance(law, Atoms) and law.values.size == 1:
            return scale(other, float(law.values[0]))
    return FreeProduct(left, right)
