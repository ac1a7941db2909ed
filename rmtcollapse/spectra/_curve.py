r"""Laws as explicit curves: the relations of free probability, solved for nothing.

A law F is written with a parameter u for each of its elementary laws, in which everything is explicit:

.. math:: z, \qquad m = \int \frac{dF(x)}{x-z}, \qquad t = \int \frac{x\,dF(x)}{x-z} = 1 + zm = -\psi, \qquad
          s = 1 - t = -zm .

All four are carried, because each has a regime in which it cannot be had from the others without cancellation. Atoms
have u = z. Then, with the R and S transforms :math:`R(g)`, g = -m, and :math:`S(\psi)` of Voiculescu:

======================  ====================================  ===========================
free convolution        relation                              source
======================  ====================================  ===========================
\+ with an explicit R    z' = z + R(-m)                        Voiculescu 1986
@ with an explicit S    z' = z / S(-t)                        Voiculescu 1987
\+ of two laws           z' = z1 + z2 + 1/m where m1 = m2      Voiculescu 1993, Biane 1998
@ of two laws           z' = z2 t/m1 where t1 = t2            Biane 1998
k-fold + (k >= 1)       z' = k z + (k - 1)/m                  Nica and Speicher 1996
k-fold @                z' = z (t/m)^(k-1)                    Bercovici, Voiculescu 1993
======================  ====================================  ===========================

Each subordinate z maps the closed upper half plane into itself, and a solution of the relations with every subordinate
z in the open half plane is THE solution (Belinschi and Bercovici 2007): no other branch needs excluding.

The logarithmic potential is explicit too (derived here, by integrating U' = -m along the relations): for the rows of
the table U' = U + gR - \int R, U - \int (1+\psi) d log S, U1 + U2 + log g, U1 + U2 + log \psi, k U + (k-1) log g,
and k U + (k-1) log \psi.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra._arithmetic import either, integer_power
from rmtcollapse.spectra._node import Leaf, Node, Point

__all__ = [
    "AddFold",
    "AddPoisson",
    "AddSemicircle",
    "AffineMap",
    "MixZero",
    "MultiplyFold",
    "MultiplyPoisson",
    "Product",
    "Sum",
    "affine_factor",
    "convolved_atoms",
]


class AffineMap(Node):
    """The law of factor * x + offset."""

    def __init__(self, child: Node, factor: Fraction, offset: Fraction) -> None:
        self.children = (child,)
        self.factor, self.offset = factor, offset

    def relate(self, *below: Point) -> Point:
        (a,) = below
        m = a.m / self.factor
        if not self.offset:
            return Point(a.z * self.factor, m, a.t, a.s)
        return Point(a.z * self.factor + self.offset, m, a.t + m * self.offset, a.s - m * self.offset)

    def potential(self, here: Point, *below: Point) -> Any:
        return below[0].potential + np.log(float(self.factor))

    def start(self, z: Any) -> list[Any]:
        return self.children[0].start((z - float(self.offset)) / float(self.factor))

    def reflected(self) -> Node:
        return AffineMap(self.children[0].reflected(), self.factor, -self.offset)


class MixZero(Node):
    """Mass `zero` at 0, the rest spread as the child."""

    def __init__(self, child: Node, zero: Fraction) -> None:
        self.children = (child,)
        self.zero = zero

    def relate(self, *below: Point) -> Point:
        (a,) = below
        rest = 1 - self.zero
        return Point(a.z, a.m * rest - self.zero * (1 / a.z), a.t * rest, a.s * rest + self.zero)

    def potential(self, here: Point, *below: Point) -> Any:
        zero = float(self.zero)
        return below[0].potential * (1 - zero) + zero * np.log(here.z)

    def start(self, z: Any) -> list[Any]:
        return self.children[0].start(z)

    def reflected(self) -> Node:
        return MixZero(self.children[0].reflected(), self.zero)


class AddSemicircle(Node):
    """Free sum with a semicircle law of this variance: R(g) = variance * g."""

    def __init__(self, child: Node, variance: Fraction) -> None:
        self.children = (child,)
        self.variance = variance

    def relate(self, *below: Point) -> Point:
        (a,) = below
        moved = a.m * self.variance
        return Point(a.z - moved, a.m, a.t - moved * a.m, a.s + moved * a.m)

    def potential(self, here: Point, *below: Point) -> Any:
        return below[0].potential + float(self.variance) / 2 * here.m**2

    def start(self, z: Any) -> list[Any]:
        return self.children[0].start(z)

    def reflected(self) -> Node:
        return AddSemicircle(self.children[0].reflected(), self.variance)

    def poles(self, leaf: Leaf) -> NDArray[Any]:
        return float(self.variance) * leaf.weights


class AddPoisson(Node):
    """Free sum with a free Poisson law: R(g) = rate * jump / (1 - jump * g)."""

    def __init__(self, child: Node, rate: Fraction, jump: Fraction) -> None:
        self.children = (child,)
        self.rate, self.jump = rate, jump

    def relate(self, *below: Point) -> Point:
        (a,) = below
        r = 1 / (1 + a.m * self.jump) * (self.rate * self.jump)
        return Point(a.z + r, a.m, a.t + a.m * r, a.s - a.m * r)

    def potential(self, here: Point, *below: Point) -> Any:
        rate, moved = float(self.rate), float(self.jump) * here.m
        return below[0].potential + rate * (np.log1p(moved) - moved / (1 + moved))

    def start(self, z: Any) -> list[Any]:
        return self.children[0].start(z - float(self.rate * self.jump))

    def reflected(self) -> Node:
        return AddPoisson(self.children[0].reflected(), self.rate, -self.jump)


class MultiplyPoisson(Node):
    """Free product with the Marchenko-Pastur law of this ratio: S(psi) = 1 / (1 + ratio * psi)."""

    def __init__(self, child: Node, ratio: Fraction) -> None:
        self.children = (child,)
        self.ratio = ratio

    def _direct(self, t: Any, s: Any) -> Any:
        """Where 1 - ratio * t cancels less than its other form, (1 - ratio) + ratio * s."""
        c = float(self.ratio)
        return np.maximum(1, c * np.abs(t)) <= np.maximum(abs(float(1 - self.ratio)), c * np.abs(s))

    def factor(self, a: Point) -> Any:
        """1 - ratio * t, in the form of the two that does not cancel."""
        if not hasattr(a.t, "where"):
            return 1 - a.t * self.ratio
        mask = self._direct(a.t.value, a.s.value)
        return either(mask, lambda: 1 - a.t * self.ratio, lambda: a.s * self.ratio + (1 - self.ratio))

    def relate(self, *below: Point) -> Point:
        (a,) = below
        factor = self.factor(a)
        return Point(a.z * factor, a.m / factor, a.t, a.s)

    def potential(self, here: Point, *below: Point) -> Any:
        if self.ratio == 1:
            return below[0].potential - here.t
        c, inner, share = float(self.ratio), below[0].z, float(1 - 1 / self.ratio)
        with np.errstate(divide="ignore", invalid="ignore"):
            direct = np.log(np.abs(np.where(self._direct(here.t, here.s), 1 - c * here.t, (1 - c) + c * here.s)))
            # z / z1, which next to an atom at 0 is better known from z, as is its argument
            size = np.where(
                np.abs(here.z) < 1e-3 * np.abs(inner), np.log(np.abs(here.z)) - np.log(np.abs(inner)), direct
            )
        angle = _argument(here.z) - _argument(inner)
        return below[0].potential - here.t + share * size + 1j * share * angle

    def start(self, z: Any) -> list[Any]:
        return self.children[0].start(z)

    def reflected(self) -> Node:
        return MultiplyPoisson(self.children[0].reflected(), self.ratio)

    def poles(self, leaf: Leaf) -> NDArray[Any]:
        return np.asarray(float(self.ratio) * leaf.weights * leaf.places**2)


class AddFold(Node):
    """k-fold free sum with itself, for any real k >= 1."""

    def __init__(self, child: Node, k: Fraction, mean: float) -> None:
        self.children = (child,)
        self.k, self.mean = k, mean

    def relate(self, *below: Point) -> Point:
        (a,) = below
        return Point(a.z * self.k + (1 / a.m) * (self.k - 1), a.m, a.t * self.k, (1 - self.k) + a.s * self.k)

    def potential(self, here: Point, *below: Point) -> Any:
        k = float(self.k)
        return below[0].potential * k + (k - 1) * np.log(-here.m)

    def start(self, z: Any) -> list[Any]:
        return self.children[0].start(z - float(self.k - 1) * self.mean)

    def reflected(self) -> Node:
        return AddFold(self.children[0].reflected(), self.k, -self.mean)


class MultiplyFold(Node):
    """k-fold free product of a nonnegative law with itself, for integers k >= 1."""

    def __init__(self, child: Node, k: int, mean: float) -> None:
        self.children = (child,)
        self.k, self.mean = k, mean

    def relate(self, *below: Point) -> Point:
        (a,) = below
        factor = integer_power(a.t / a.m, self.k - 1)
        z = a.z * factor
        return Point(z, -(a.s / z), a.t, a.s)

    def potential(self, here: Point, *below: Point) -> Any:
        return below[0].potential * self.k + (self.k - 1) * np.log(-here.t)

    def admissible(self, here: Point, *below: Point) -> Any:
        turn = _below(-here.t) - _below(here.s)
        return _no_turn(self.k * _above(below[0].z) + (self.k - 1) * turn)

    def start(self, z: Any) -> list[Any]:
        return self.children[0].start(z / self.mean ** (self.k - 1))


class Sum(Node):
    """Free sum of two laws."""

    def __init__(self, left: Node, right: Node, means: Sequence[float]) -> None:
        self.children = (left, right)
        self.means = means

    def relate(self, *below: Point) -> Point:
        a, b = below
        # z2 + 1/m2 = t2/m2 keeps its digits as z2 grows: the larger z is left out
        z = _smaller_first(a, b, lambda: a.z + b.t / b.m, lambda: b.z + a.t / a.m)
        return Point(z, a.m, a.t + b.t, a.s + b.s - 1)

    def constraint(self, *below: Point) -> Any:
        a, b = below
        return a.m - b.m

    def potential(self, here: Point, *below: Point) -> Any:
        a, b = below
        return a.potential + b.potential + np.log(-here.m)

    def start(self, z: Any) -> list[Any]:
        return self.children[0].start(z - self.means[1]) + self.children[1].start(z - self.means[0])

    def reflected(self) -> Node:
        left, right = self.children
        return Sum(left.reflected(), right.reflected(), [-mean for mean in self.means])


class Product(Node):
    """Free product of two nonnegative laws."""

    def __init__(self, left: Node, right: Node, means: Sequence[float]) -> None:
        self.children = (left, right)
        self.means = means

    def relate(self, *below: Point) -> Point:
        a, b = below
        # s = -z1 m1 = -z2 m2: where s vanishes with one z, the other's m may vanish too
        z = _smaller_first(a, b, lambda: a.z * b.t / b.m, lambda: b.z * a.t / a.m, turned=True)
        return Point(z, a.m * b.m / a.t, a.t, a.s)

    def constraint(self, *below: Point) -> Any:
        a, b = below
        return a.t - b.t

    def potential(self, here: Point, *below: Point) -> Any:
        a, b = below
        return a.potential + b.potential + np.log(-here.t)

    def admissible(self, here: Point, *below: Point) -> Any:
        a, b = below
        return _no_turn(_above(a.z) + _above(b.z) + _below(-here.t) - _below(here.s))

    def start(self, z: Any) -> list[Any]:
        return self.children[0].start(z / self.means[1]) + self.children[1].start(z / self.means[0])


def _smaller_first(a: Point, b: Point, first: Any, second: Any, *, turned: bool = False) -> Any:
    """The form for the smaller z of a, or that for the smaller z of b; the other one where s vanishes, if `turned`."""
    if not hasattr(a.z, "where"):
        return first()
    smaller = np.abs(a.z.value) <= np.abs(b.z.value)
    return either(smaller ^ (turned & (1024 * np.abs(a.s.value) < np.abs(a.t.value))), first, second)


def _argument(value: Any) -> Any:
    """Argument of a number of the closed upper half plane, where an imaginary part below 0 is rounding."""
    return np.arctan2(np.maximum(value.imag, 0.0), value.real)


def _above(value: Any) -> Any:
    """Argument of a limit from the upper half plane."""
    return np.arctan2(np.where(value.imag == 0, 0.0, value.imag), value.real)


def _below(value: Any) -> Any:
    """Argument of a limit from the lower half plane."""
    return np.arctan2(np.where(value.imag == 0, -0.0, value.imag), value.real)


def _no_turn(angle: Any) -> Any:
    slack = 1e-6  # limits on the real axis may round to either side
    return (angle > -slack) & (angle < np.pi + slack)


def convolved_atoms(root: Node) -> AddSemicircle | MultiplyPoisson | None:
    """The convolution of atoms that this law is, up to affine maps and mass at 0; None if it is another law."""
    while isinstance(root, AffineMap | MixZero):
        root = root.children[0]
    if isinstance(root, AddSemicircle | MultiplyPoisson) and isinstance(root.children[0], Leaf):
        return None if root.children[0].ends else root
    return None


def affine_factor(root: Node) -> float:
    """By how much the affine maps around a law stretch it."""
    factor = 1.0
    while isinstance(root, AffineMap | MixZero):
        factor *= float(root.factor) if isinstance(root, AffineMap) else 1.0
        root = root.children[0]
    return factor
