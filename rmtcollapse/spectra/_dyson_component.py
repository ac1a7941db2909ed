"""One irreducible part of a law that solves a Dyson system, and the atoms that need no system."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.spectra._dyson_solver import solve
from rmtcollapse.spectra._dyson_support import Edge, Points, find_bulks, limit_at
from rmtcollapse.spectra._dyson_system import BoolArray, ComplexArray, System
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["Component", "Point"]

BESIDE = 1e-8  # distance, relative to the scale, at which the continuous part is read beside an atom inside it


@dataclass(frozen=True)
class Point:
    """An atom on its own: rows without variance."""

    place: float
    mass: float

    @property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        return ((self.place, self.mass),)

    @property
    def bulks(self) -> list[tuple[Edge, Edge]]:
        return []

    def transform(self, z: ComplexArray) -> ComplexArray:
        """Transform; at the atom itself, where only the continuous part is asked for, 0."""
        here = z == self.place
        return np.where(here, 0.0, self.mass / (self.place - np.where(here, z + 1, z)))

    def potential(self, z: ComplexArray) -> ComplexArray:
        result = np.zeros(z.size, complex)
        with np.errstate(divide="ignore"):
            result.real = self.mass * np.log(np.abs(z - self.place))
        result.imag = self.mass * np.where(z == self.place, 0.0, np.arctan2(np.abs(z.imag), z.real - self.place))
        return result


@dataclass(frozen=True)
class Component:
    """A law of mass sum(masses * alpha): its system, its atoms, and the places where its density may diverge."""

    system: System
    atoms: tuple[tuple[float, float], ...]
    hard: tuple[float, ...]

    @cached_property
    def bulks(self) -> list[tuple[Edge, Edge]]:
        """Bulks by their two ends."""
        points = Points(self.system)
        points.add(self._grid)
        return find_bulks(points, self.atoms, self.hard)

    @cached_property
    def _edges(self) -> list[Edge]:
        return [edge for pair in self.bulks for edge in pair]

    @property
    def _grid(self) -> FloatArray:
        """Where the density is looked at first: every scale at which a class, or a divergence, shows on its own."""
        system = self.system
        rows = system.alpha == 1
        widths = np.sqrt(system.coupling[0].sum(1))
        reach = system.reach
        near = reach * np.concatenate([[0.0], np.geomspace(1e-15, 1.0, 61)])
        if not rows.all():
            far = np.zeros(0) if self.hard else np.geomspace(1e-60, 1e-15, 91)  # the gap at 0 may be narrow
            return reach * np.concatenate([far, np.geomspace(1e-15, 1.0, 481), np.linspace(0, 1, 300)[1:]])
        a = system.b
        hull = np.linspace(a.min() - 2.1 * widths.max(), a.max() + 2.1 * widths.max(), 301)
        local = (a[:, None] + 2.1 * widths[:, None] * np.linspace(-1, 1, 41)).ravel()
        centres = np.array(system.centres)[:, None]
        return np.concatenate([hull, local, (centres + near).ravel(), (centres - near).ravel()])

    def unknowns(self, z: ComplexArray) -> ComplexArray:
        """Certified solutions (n, K) at points that are neither edges nor atoms."""
        m, good = solve(self.system, z)
        for centre in self.system.centres:  # a regular one: poles and divergences have been seen to
            here = z == centre
            if here.any():
                m[here], good[here] = limit_at(self.system, centre).m, True
        _require(z, good)
        return m

    def transform(self, z: ComplexArray) -> ComplexArray:
        """Transform; at an atom inside a bulk, that of the continuous part (the mean of both sides)."""
        result = np.zeros(z.size, complex)
        rest = np.ones(z.size, bool)
        weight = self.system.masses * self.system.alpha
        for edge in self._edges_on_axis(z):
            here = z == edge.place
            if here.any() and edge.divergent:
                raise ParameterError("z", edge.place, "not a place where the density diverges")
            result[here], rest[here] = edge.m @ weight, False
        for place, _ in self.atoms:
            here = z == place
            if here.any():
                sides = np.array(
                    [place - BESIDE * self.system.reach, place + BESIDE * self.system.reach], np.complex128
                )
                result[here], rest[here] = (self.unknowns(sides) @ weight).mean(), False
        result[rest] = self.unknowns(z[rest]) @ weight
        return result

    def potential(self, z: ComplexArray) -> ComplexArray:
        """Potential; at an atom its real part is -inf, and its imaginary part the limit from the right."""
        result = np.zeros(z.size, complex)
        rest = np.ones(z.size, bool)
        for place, mass in self.atoms:
            here = z == place
            if here.any():  # straight above an atom, half of it counts as being on the right
                above = self.system.potential(limit_at(self.system, place).m[None])[0].imag
                result[here], rest[here] = complex(-np.inf, above - np.pi * mass / 2), False
        for edge in self._edges_on_axis(z[rest]):
            here = rest & (z == edge.place)
            result[here], rest[here] = self.system.potential(edge.m[None])[0], False
        result[rest] = self.system.potential(self.unknowns(z[rest]))
        return result

    def _edges_on_axis(self, z: ComplexArray) -> list[Edge]:
        """Edges, which need not be found for points above the axis."""
        return self._edges if np.any(z.imag == 0) else []


def _require(z: ComplexArray, good: BoolArray) -> None:
    if not np.all(good):
        raise ConvergenceError(
            f"no certified solution of the Dyson equation at z = {complex(z[~good][0]):.17g}; "
            "move z away from the edges of the support, or merge classes whose variances or weights hardly matter"
        )
