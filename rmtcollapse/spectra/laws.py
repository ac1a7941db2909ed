"""The elementary laws: atoms, semicircle, Marchenko-Pastur and free Poisson, Fuss-Catalan."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cached_property
from numbers import Integral, Rational, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra._branch import Branch, gap_branches
from rmtcollapse.spectra._curve import AddPoisson, AddSemicircle, AffineMap, MultiplyFold, MultiplyPoisson
from rmtcollapse.spectra._node import Leaf, Node
from rmtcollapse.spectra._real import Bulk
from rmtcollapse.spectra.curve_law import CurveLaw
from rmtcollapse.spectra.estimate import EPS, FloatArray, real_array, refuse_entry
from rmtcollapse.spectra.law import ComplexArray

if TYPE_CHECKING:
    from rmtcollapse.spectra.sample_covariance import Spike

__all__ = ["Atoms", "FreePoisson", "FussCatalan", "MarchenkoPastur", "Semicircle", "coefficient", "exact_number"]

SMALLEST, LARGEST = 1e-9, 1e9  # aspect ratios beyond these are other problems


def exact_number(name: str, value: object, domain: str = "a finite number", *, positive: bool = False) -> Fraction:
    """`value` as an exact fraction; floats are what their bits say."""
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, Real) or isinstance(value, bool) or not math.isfinite(value) or (positive and value <= 0):
        raise ParameterError(name, value, domain)
    return Fraction(value) if isinstance(value, Rational) else Fraction(float(value))


def aspect_ratio(value: object) -> Fraction:
    """An aspect ratio p/n > 0."""
    domain = f"a number from {SMALLEST:g} to {LARGEST:g}: rows over samples, p/n (a fractions.Fraction is kept exact)"
    ratio = exact_number("ratio", value, domain, positive=True)
    if not SMALLEST <= ratio <= LARGEST:
        raise ParameterError("ratio", value, domain)
    return ratio


def unit_leaf(place: float = 1.0) -> Leaf:
    """One atom."""
    return Leaf(np.array([place]), np.ones(1))


class Atoms(CurveLaw):
    r"""Finitely many atoms: :math:`\sum_k h_k \delta_{\tau_k}`.

    Parameters
    ----------
    values : (k,) array_like
        Places, finite. Equal ones are merged.
    weights : (k,) array_like, optional
        Masses >= 0 that sum to 1 (to rounding); equal ones by default. Zero masses are dropped.
    """

    def __init__(self, values: ArrayLike, weights: ArrayLike | None = None) -> None:
        places = real_array("values", values, "(k,): one place an atom", 1)
        if weights is None:
            self._merge(places, np.ones(places.size))
            return
        masses = real_array("weights", weights, "(k,): one mass an atom", 1)
        if masses.size != places.size:
            raise ParameterError("length of weights", masses.size, f"{places.size}, as many as values")
        refuse_entry("weights", masses, masses < 0, "a number >= 0")
        total = math.fsum(masses)
        if abs(total - 1) > 8 * EPS * (8 + masses.size):
            raise ParameterError("sum of weights", total, "1")
        self._merge(places, masses)

    @classmethod
    def of_counts(cls, values: FloatArray, counts: FloatArray) -> Atoms:
        """Atoms with weights in proportion to `counts` > 0, exactly: nothing is rounded to masses that sum to 1."""
        law = cls.__new__(cls)
        law._merge(values, counts)
        return law

    def _merge(self, places: FloatArray, counts: FloatArray) -> None:
        unique, inverse = np.unique(places + 0.0, return_inverse=True)
        merged = np.bincount(inverse, counts)
        self.values: FloatArray = np.asarray(unique[merged > 0], float)
        self._counts: FloatArray = np.asarray(merged[merged > 0], float)
        self.weights: FloatArray = self._counts / math.fsum(self._counts)
        self.values.setflags(write=False)
        self.weights.setflags(write=False)

    def __repr__(self) -> str:
        shown = ", ".join(f"{h:.4g} at {x:.4g}" for x, h in zip(self.values[:4], self.weights[:4], strict=True))
        return f"<Atoms: {shown}{', ...' if self.values.size > 4 else ''} ({self.values.size} in all)>"

    @cached_property
    def _root(self) -> Node:
        return Leaf(self.values, self.weights, counts=self._counts)

    @cached_property
    def _bulks(self) -> list[Bulk]:
        return []

    def atoms(self) -> list[tuple[float, float]]:
        return [(float(x), float(h)) for x, h in zip(self.values, self.weights, strict=True)]

    def _transform(self, z: ComplexArray) -> ComplexArray:
        leaf = Leaf(self.values, self.weights)
        values: ComplexArray = leaf.jet(z, 0, 1).m.value
        return values

    def _potential(self, z: ComplexArray) -> ComplexArray:
        return Leaf(self.values, self.weights).logarithm(z.real + 1j * np.maximum(z.imag, 0.0))

    def _added_to(self, node: Node) -> Node | None:
        if self.values.size > 1:
            return None
        return AffineMap(node, Fraction(1), Fraction(float(self.values[0])))

    def _multiplied_to(self, node: Node) -> Node | None:
        if self.values.size > 1 or self.values[0] <= 0:
            return None
        return AffineMap(node, Fraction(float(self.values[0])), Fraction(0))

    def _r(self, g: Any) -> Any:
        return coefficient(Fraction(float(self.values[0])), g) + 0 * g if self.values.size == 1 else None

    def _s(self, u: Any) -> Any:
        single = self.values.size == 1 and self.values[0] > 0
        return coefficient(1 / Fraction(float(self.values[0])), u) + 0 * u if single else None


class Semicircle(CurveLaw):
    r"""Wigner's semicircle on :math:`[-2\sigma, 2\sigma]`, density :math:`\sqrt{4\sigma^2 - x^2}/(2\pi\sigma^2)`.

    The law of a symmetric n x n matrix with independent entries of variance ``variance``/n. R(g) = variance * g.

    Parameters
    ----------
    variance : float
        :math:`\sigma^2 > 0`, from 1e-200 to 1e200.
    """

    def __init__(self, variance: float = 1.0) -> None:
        domain = "a number from 1e-200 to 1e200"
        self._variance = exact_number("variance", variance, domain, positive=True)
        if not 1e-200 <= self._variance <= 1e200:
            raise ParameterError("variance", variance, domain)

    @property
    def variance(self) -> float:
        return float(self._variance)

    def __repr__(self) -> str:
        return f"Semicircle(variance={self.variance:.6g})"

    @cached_property
    def _root(self) -> Node:
        return AddSemicircle(unit_leaf(0.0), self._variance)

    def atoms(self) -> list[tuple[float, float]]:
        return []

    def _added_to(self, node: Node) -> Node | None:
        return AddSemicircle(node, self._variance)

    def _r(self, g: Any) -> Any:
        return coefficient(self._variance, g) * g


class FreePoisson(CurveLaw):
    r"""Free Poisson law of rate :math:`\lambda` and jump a: :math:`R(g) = \lambda a/(1 - ag)`.

    Parameters
    ----------
    rate : float
        :math:`\lambda > 0`, from 1e-9 to 1e9; below 1 there is an atom of mass :math:`1-\lambda` at 0.
    jump : float
        a, not 0.
    """

    def __init__(self, rate: float, jump: float = 1.0) -> None:
        domain = f"a number from {SMALLEST:g} to {LARGEST:g}"
        self._rate = exact_number("rate", rate, domain, positive=True)
        if not SMALLEST <= float(self._rate) <= LARGEST:
            raise ParameterError("rate", rate, domain)
        self._jump = exact_number("jump", jump, "a finite number, not 0")
        if not self._jump:
            raise ParameterError("jump", jump, "a finite number, not 0")

    @property
    def rate(self) -> float:
        return float(self._rate)

    @property
    def jump(self) -> float:
        return float(self._jump)

    def __repr__(self) -> str:
        return f"FreePoisson(rate={self.rate:.6g}, jump={self.jump:.6g})"

    @cached_property
    def _root(self) -> Node:
        unit = MultiplyPoisson(unit_leaf(), 1 / self._rate)
        scaled = AffineMap(unit, self._rate * abs(self._jump), Fraction(0))
        return scaled if self._jump > 0 else AffineMap(unit.reflected(), self._rate * -self._jump, Fraction(0))

    def atoms(self) -> list[tuple[float, float]]:
        return [(0.0, float(1 - self._rate))] if self._rate < 1 else []

    def _added_to(self, node: Node) -> Node | None:
        return AddPoisson(node, self._rate, self._jump)

    def _multiplied_to(self, node: Node) -> Node | None:
        if self._jump < 0:
            return None
        return AffineMap(MultiplyPoisson(node, 1 / self._rate), self._rate * self._jump, Fraction(0))

    def _r(self, g: Any) -> Any:
        rate, jump = coefficient(self._rate, g), coefficient(self._jump, g)
        return rate * jump / (1 - jump * g)

    def _s(self, u: Any) -> Any:
        rate, jump = coefficient(self._rate, u), coefficient(self._jump, u)
        return 1 / (jump * (rate + u))


class MarchenkoPastur(FreePoisson):
    r"""Marchenko-Pastur law: eigenvalues of :math:`ZZ'/n`, Z p x n with entries of variance 1, :math:`c = p/n`.

    Mean 1; continuous on :math:`[(1-\sqrt c)^2, (1+\sqrt c)^2]` with density
    :math:`\sqrt{(b-x)(x-a)}/(2\pi c x)`, and an atom of mass :math:`1 - 1/c` at 0 for c > 1. R(g) = 1/(1 - cg) and
    S(u) = 1/(1 + cu). Source: Marchenko and Pastur 1967.

    Parameters
    ----------
    ratio : float or fractions.Fraction
        c > 0.
    """

    def __init__(self, ratio: float | Fraction) -> None:
        self._ratio = aspect_ratio(ratio)
        super().__init__(1 / self._ratio, self._ratio)  # type: ignore[arg-type]

    @property
    def ratio(self) -> float:
        return float(self._ratio)

    def __repr__(self) -> str:
        return f"MarchenkoPastur(ratio={self.ratio:.6g})"

    @cached_property
    def _root(self) -> Node:
        return MultiplyPoisson(unit_leaf(), self._ratio)

    def spike(self, value: ArrayLike) -> Spike:
        """As :meth:`rmtcollapse.spectra.SampleCovariance.spike`, of a population whose other eigenvalues are one."""
        from rmtcollapse.spectra.sample_covariance import SampleCovariance

        return SampleCovariance(Atoms([1.0]), self._ratio).spike(value)

    def _multiplied_to(self, node: Node) -> Node | None:
        return MultiplyPoisson(node, self._ratio)


class FussCatalan(CurveLaw):
    r"""Fuss-Catalan law of an order L: eigenvalues of :math:`WW'` for a product W of L independent square matrices.

    Each factor has independent entries of variance 1/n. Support :math:`[0, (L+1)^{L+1}/L^L]`, moments
    :math:`\binom{(L+1)k}{k}/(Lk+1)`, density diverging as :math:`x^{-L/(L+1)}` at 0, S(u) = (1 + u)^-L. Order 1 is
    `MarchenkoPastur` of ratio 1.

    Parameters
    ----------
    order : int
        L >= 1, at most 1000.
    """

    def __init__(self, order: int) -> None:
        if not isinstance(order, Integral) or isinstance(order, bool) or not 1 <= order <= 1000:
            raise ParameterError("order", order, "an integer from 1 to 1000")
        self.order: int = int(order)

    def __repr__(self) -> str:
        return f"FussCatalan(order={self.order})"

    @cached_property
    def _root(self) -> Node:
        one = MultiplyPoisson(unit_leaf(), Fraction(1))
        return MultiplyFold(one, self.order, 1.0) if self.order > 1 else one

    @cached_property
    def _branches(self) -> list[Branch]:
        # z = u (u/(u - 1))^L, and z' = 0 at u = L + 1: closed, where a search would take every power in turn
        below, above = gap_branches(np.array([[-np.inf, 0.0], [self.order + 1.0, np.inf]]), self.order + 1.0)
        return [below.part(below.low, 660.0, below.ends), above]  # u up to -1e-286: at 0 itself m is infinite

    def atoms(self) -> list[tuple[float, float]]:
        return []

    def moments(self, k: int) -> FloatArray:
        from rmtcollapse.spectra.law import moment_count

        top = self.order + 1
        return np.array([math.comb(top * j, j) / (self.order * j + 1) for j in range(1, moment_count(k) + 1)])

    def _multiplied_to(self, node: Node) -> Node:
        for _ in range(self.order):
            node = MultiplyPoisson(node, Fraction(1))
        return node

    def _s(self, u: Any) -> Any:
        return (1 + u) ** (-self.order)


def coefficient(number: Fraction, argument: Any) -> Any:
    """A constant in the arithmetic of the argument: exact beside a SymPy symbol, a float beside numbers."""
    return float(number) if isinstance(argument, float | complex | np.ndarray | np.generic) else number
