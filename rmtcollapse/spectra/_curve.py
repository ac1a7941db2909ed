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

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra._arithmetic import EPS, DoubleDouble, Dual, Jet, either, integer_power
from rmtcollapse.spectra._atom_sums import CHUNK, atom_sums, atom_sums_double_double

__all__ = ["AddFold", "AddPoisson", "AddSemicircle", "AffineMap", "Leaf", "MixZero", "MultiplyFold", "MultiplyPoisson"]
__all__ += ["Node", "Point", "Product", "Sum", "affine_factor", "convolved_atoms", "leaf_jet"]


@dataclass
class Point:
    """The four functions of a law at some parameters; `potential` is U where it was asked for."""

    z: Any
    m: Any
    t: Any
    s: Any
    potential: Any = None


class Node(ABC):
    """A law as a curve. `relate` is written in bare arithmetic, and so runs in doubles, in 32 digits, and in mpmath."""

    children: tuple[Node, ...] = ()

    @abstractmethod
    def relate(self, *below: Point) -> Point:
        """This law's functions from those of the laws that it is made of."""

    def potential(self, here: Point, *below: Point) -> Any:
        """U from the children's, in complex doubles."""
        raise NotImplementedError

    def constraint(self, *below: Point) -> Any:
        """What must vanish for two laws to meet; None for one."""
        return None

    def admissible(self, here: Point, *below: Point) -> Any:
        """Whether the arguments of z and of its children add up without a turn (a winding is another branch)."""
        return True

    @abstractmethod
    def start(self, z: Any) -> list[Any]:
        """Parameters far from the support, one array an elementary law, to leading order."""

    def reflected(self) -> Node:
        """The law of -x."""
        raise ParameterError("factor", -1, "positive for a free product of nonnegative laws that enters a convolution")

    @property
    def leaves(self) -> list[Leaf]:
        """The elementary laws, in the order of their parameters."""
        return [leaf for child in self.children for leaf in child.leaves]


class Leaf(Node):
    """Atoms; `counts` are exact weights but for their sum."""

    def __init__(
        self,
        places: NDArray[Any],
        weights: NDArray[Any],
        ends: tuple[float, float] | None = None,
        counts: NDArray[Any] | None = None,
    ) -> None:
        self.places, self.weights = places, weights
        self.ends = ends  # of a density
        self.counts = weights if counts is None else counts

    @property
    def leaves(self) -> list[Leaf]:
        return [self]

    def relate(self, *below: Point) -> Point:
        raise NotImplementedError

    def start(self, z: Any) -> list[Any]:
        return [z]

    def reflected(self) -> Leaf:
        return Leaf(-self.places[::-1], self.weights[::-1], counts=self.counts[::-1])

    def jet(self, u: NDArray[Any], index: int, count: int) -> Point:
        """At u (n,), with derivatives in parameter `index` of `count`."""
        m, t, m1, t1 = atom_sums(u, self.places, self.weights)
        with np.errstate(invalid="ignore", divide="ignore"):
            bounds = [np.sqrt(np.abs(f.imag / u.imag)) if np.any(u.imag) else np.abs(f) for f in (m, t)]
        spread = np.sqrt(np.abs(np.sum(self.weights * self.places)))
        tail = EPS * (4 + np.log2(self.places.size))
        first = m, m1, tail * np.maximum(bounds[0], np.abs(m))
        here = leaf_jet(u, first, (t, t1, tail * np.maximum(bounds[1] * spread, np.abs(t))), index, count)
        if self.places[0] >= 0:  # then no terms of Im t cancel
            here.t.bound_imag = tail * np.abs(t.imag)
        return here

    def double_double(self, u: DoubleDouble) -> Point:
        """At u in 32 digits."""
        m, t = atom_sums_double_double(u, self.places, self.counts)
        high = math.fsum(self.counts)
        total = Fraction(high) + Fraction(math.fsum([*self.counts, -high]))
        if total != 1:  # rounded weights of a law of mass 1
            m, t = m / total, t / total
        return Point(u, m, t, -(u * m))

    def dual(self, u: Any, index: int, count: int) -> Point:
        """At one mpmath number u, with derivatives in parameter `index` of `count`."""
        import mpmath

        places, weights = self._mpmath_atoms
        m = t = m1 = t1 = mpmath.mpf(0)
        for x, h in zip(places, weights, strict=True):
            inverse = 1 / (x - u)
            q = h * inverse
            m, t, m1, t1 = m + q, t + x * q, m1 + q * inverse, t1 + x * q * inverse
        z, m, t = (
            Dual(value, [slope if k == index else 0 for k in range(count)])
            for value, slope in ((u, mpmath.mpf(1)), (m, m1), (t, t1))
        )
        return Point(z, m, t, -(z * m))

    def reference(self, u: Any) -> Point:
        """At one mpmath number u."""
        here = self.dual(u, 0, 0)
        return Point(here.z.value, here.m.value, here.t.value, here.s.value)

    @cached_property
    def _mpmath_atoms(self) -> tuple[list[Any], list[Any]]:
        """Places and weights of total mass 1, exact but for the digits of one division."""
        import mpmath

        with mpmath.workdps(400):
            exact = [mpmath.mpmathify(h) for h in self.counts]
            total = mpmath.fsum(exact)
            return [mpmath.mpmathify(x) for x in self.places], [h / total for h in exact]

    def logarithm(self, u: NDArray[Any]) -> NDArray[Any]:
        """The potential of the atoms at u (n,) in the closed upper half plane."""
        if not u.size:
            return u.copy()
        step = max(1, CHUNK // self.places.size)
        parts = [np.log(u[i : i + step, None] - self.places) @ self.weights for i in range(0, u.size, step)]
        return np.concatenate(parts)


def leaf_jet(u: NDArray[Any], m: tuple[Any, ...], t: tuple[Any, ...], index: int, count: int) -> Point:
    """The functions of an elementary law at u from values, derivatives and bounds, of parameter `index` of `count`."""

    def lifted(value: Any, slope: Any, bound: Any) -> Jet:
        slopes = np.zeros((count, value.size), complex)
        slopes[index] = slope
        return Jet(value, slopes, bound)

    z, first = lifted(u, np.ones_like(u), np.zeros(u.size)), lifted(*m)
    return Point(z, first, lifted(*t), -(z * first))


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
