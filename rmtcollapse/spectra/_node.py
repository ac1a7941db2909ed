"""What a law as a curve is, and the elementary laws that curves begin with; see `rmtcollapse.spectra._curve`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra._arithmetic import EPS, DoubleDouble, Dual, Jet
from rmtcollapse.spectra._atom_sums import CHUNK, atom_sums, atom_sums_double_double

__all__ = ["Leaf", "Node", "Point", "leaf_jet"]


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
