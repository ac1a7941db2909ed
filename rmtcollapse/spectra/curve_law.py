"""Laws that are curves: densities, transforms and edges of everything that free convolution can build."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra import _series as series
from rmtcollapse.spectra._branch import size_of
from rmtcollapse.spectra._bulk_table import BulkTable
from rmtcollapse.spectra._curve import convolved_atoms
from rmtcollapse.spectra._node import Node
from rmtcollapse.spectra._quantile import over_bulk
from rmtcollapse.spectra._real import Branch, Bulk, branches, bulks
from rmtcollapse.spectra._reference import continued_exactly, reference_transform
from rmtcollapse.spectra._solver import Solved, continued, evaluate_potential, jets, polished, refuse_failures
from rmtcollapse.spectra._transforms import r_by_inversion, s_by_inversion
from rmtcollapse.spectra._upper import solve_upper
from rmtcollapse.spectra.estimate import FloatArray
from rmtcollapse.spectra.law import ComplexArray, Law, moment_count, numbers

__all__ = ["CurveLaw"]

PATIENCE = 20_000  # atoms x points for which mpmath is not too slow
FEW = 8  # points up to which a bulk is not worth a table


class CurveLaw(Law):
    """A law given by explicit relations between a few parameters; see `rmtcollapse.spectra._curve`."""

    @cached_property
    @abstractmethod
    def _root(self) -> Node:
        """The law as a curve."""

    def r_transform(self, g: Any) -> Any:
        r"""R transform, :math:`R(g) = z - 1/g` where :math:`m(z) = -g`; free sums add it (Voiculescu 1986).

        Parameters
        ----------
        g : array_like or SymPy expression
            Real or complex where R has a closed form; else real, among the values that -m takes off the support on
            the way through infinity. A SymPy expression gives one, for laws with a closed form.
        """
        return self._closed_or("g", g, self._r, r_by_inversion)

    def s_transform(self, u: Any) -> Any:
        r"""S transform of a nonnegative law, :math:`S(u) = \frac{1+u}{uz}` where :math:`\psi = u`.

        Free products multiply it (Voiculescu 1987). Here :math:`\psi = \int \frac{x\,dF(x)}{z - x}`.

        Parameters
        ----------
        u : array_like or SymPy expression
            As for `r_transform`, with psi in place of -m.
        """
        return self._closed_or("u", u, self._s, s_by_inversion)

    def _closed_or(self, name: str, argument: Any, closed: Any, inversion: Any) -> Any:
        if hasattr(argument, "free_symbols"):
            value = closed(argument)
            if value is None:
                raise ParameterError(name, argument, "numbers: this law has no closed form")
            return value
        points = np.asarray(argument)
        if points.dtype.kind not in "biufc" or not np.all(np.isfinite(points)):
            raise ParameterError(name, argument, "finite numbers, or a SymPy expression")
        value = closed(points.astype(complex if points.dtype.kind == "c" else float))
        if value is None:
            real = numbers(name, argument, "real numbers: this law has no closed form")
            value = inversion(self, real.ravel()).reshape(real.shape)
        return value[()] if isinstance(value, np.ndarray) else value

    def _r(self, g: Any) -> Any:
        """R(g) in the arithmetic of g, or None where it has no closed form."""
        return None

    def _s(self, u: Any) -> Any:
        """S(u) in the arithmetic of u, or None where it has no closed form."""
        return None

    def _added_to(self, node: Node) -> Node | None:
        """The free sum of a curve and this law where that needs no further parameter, else None."""
        return None

    def _multiplied_to(self, node: Node) -> Node | None:
        """The free product of a curve and this nonnegative law where that needs no further parameter, else None."""
        return None

    def _critical_places(self) -> list[float]:
        """Where masses of atoms add up to exactly 1: no atom, but an edge at which the density is infinite."""
        return []

    @cached_property
    def _bulks(self) -> list[Bulk]:
        found = [self._snapped(bulk) for bulk in bulks(self._root, self._branches)]
        if len(self._root.leaves) == 1:
            return found
        # where two laws meet, rounding can part a gap
        return [bulk for bulk in found if "atom" in bulk.kinds or abs(self._mass_between(bulk)) > 1e-13]

    def _snapped(self, bulk: Bulk) -> Bulk:
        """Edges within rounding of a critical place are there."""
        ends = [bulk.left, bulk.right]
        for place in self._critical_places():
            ends = [place if abs(end - place) <= 1e-14 * (abs(bulk.left) + abs(bulk.right)) else end for end in ends]
        return replace(bulk, left=ends[0], right=ends[1])

    def _mass_between(self, bulk: Bulk) -> float:
        ends = np.stack([bulk.left_u, bulk.right_u], 1)
        above = evaluate_potential(self._root, self._lifted(ends)).imag / math.pi
        return float(above[0] - above[1])

    def _lifted(self, u: Any) -> Any:
        """Real parameters a hair above the real axis: on which side the logarithms are cut."""
        sizes = np.where(np.isfinite(u), np.abs(u), 0.0)
        unit = min(size_of(self._root), float(sizes.max(initial=0.0)) or np.inf)
        return u + 1e-40j * np.maximum(np.abs(u), 1e-20 * unit)

    @cached_property
    def _branches(self) -> list[Branch]:
        return branches(self._root)

    def support(self) -> list[tuple[float, float]]:
        return [(bulk.left, bulk.right) for bulk in self._bulks]

    def moments(self, k: int) -> FloatArray:
        return series.moments(self._root, moment_count(k))

    def free_cumulants(self, k: int) -> FloatArray:
        r"""The first `k` free cumulants, (k,): the coefficients of :math:`R(g) = \sum_j \kappa_{j+1} g^j`."""
        return series.cumulants_of(self.moments(k))

    @cached_property
    def _scale(self) -> float:
        return max([abs(end) for interval in self.support() for end in interval if math.isfinite(end)] or [1.0])

    @cached_property
    def _tables(self) -> dict[int, tuple[BulkTable, int]]:
        """Of each bulk that was asked for: its table, and its number there."""
        return {}

    def _from_tables(self, x: FloatArray, which: NDArray[np.intp]) -> Solved:
        """Points inside bulks of these numbers, of finite length."""
        wanted = [int(i) for i in np.unique(which) if i not in self._tables]
        if wanted:
            table = BulkTable(self._root, [self._bulks[i] for i in wanted])
            self._tables.update({i: (table, number) for number, i in enumerate(wanted)})
        found = Solved.empty(len(self._root.leaves), x.size)
        tables = {id(self._tables[int(i)][0]): self._tables[int(i)][0] for i in np.unique(which)}
        owner = np.array([id(self._tables[int(i)][0]) for i in which])
        number = np.array([self._tables[int(i)][1] for i in which])
        for key, table in tables.items():
            points = np.flatnonzero(owner == key)
            found.put(points, table.solve(x[points], number[points]))
        return found

    def _solve(self, z: ComplexArray) -> Solved:
        """Certified parameters and transforms at z (n,): in the upper half plane, in bulks, or off the support."""
        found = Solved.empty(len(self._root.leaves), z.size)
        real = z.imag == 0
        which = np.where(real, self._bulk_of(z.real), -1)
        counts = np.bincount(which[which >= 0], minlength=1)
        few = (which >= 0) & (counts[which] <= (FEW if convolved_atoms(self._root) is None else 0))
        found.put(np.flatnonzero(few), continued(self._root, z[few], self._scale))
        rest = np.flatnonzero((which >= 0) & ~found.good)
        if rest.size:
            found.put(rest, self._from_tables(z.real[rest], which[rest]))
        rest = np.flatnonzero(~found.good)
        found.put(rest, solve_upper(self, z[rest]))
        found = polished(self._root, z, found)
        again = np.flatnonzero(~found.good)  # a start that was good enough for doubles only
        found.put(again, polished(self._root, z[again], continued(self._root, z[again], self._scale)))
        self._solve_exactly(z, found)
        self._solve_at_edges(z, found)
        refuse_failures(found, z)
        return found

    def _solve_exactly(self, z: ComplexArray, found: Solved) -> None:
        """Points where parameters are hardly determined, as next to singular edges: with as many digits as it takes."""
        rest = np.flatnonzero(~found.good)
        if self._dense or rest.size * sum(leaf.places.size for leaf in self._root.leaves) > PATIENCE:
            return
        last: list[Any] = []  # the solution at the point before, which in an integral is the neighbour
        for i in rest:
            exact = continued_exactly(self._root, complex(z[i]), self._scale, last)
            if exact is None:
                continue
            last = [exact.u]
            u, speed = np.array([exact.u, exact.speed], complex)[:, :, None]
            m = complex(exact.m)
            if z[i].imag == 0 and abs(m.imag) <= 1e-25 * abs(m):
                m = complex(m.real)  # off the support to within the rounding of the edge
            found.put(np.array([i]), Solved(u, speed, np.array([m]), np.array([True]), np.zeros(1)))

    def _solve_at_edges(self, z: ComplexArray, found: Solved) -> None:
        """Real points that are an edge to within rounding, at which m is finite."""
        for i in np.flatnonzero(~found.good & (z.imag == 0)):
            near = min(self._edge_parameters, key=lambda edge: abs(edge - z[i].real))
            if abs(near - z[i].real) <= 4 * np.spacing(abs(near)) and near not in self._divergent_edges:
                u = self._edge_parameters[near][:, None]
                m = jets(self._root, u)[0].m.value.real + 0j
                found.put(np.array([i]), Solved(u, np.full_like(u, np.inf), m, np.array([True]), np.zeros(1)))

    @cached_property
    def _closest(self) -> float:  # type: ignore[override]
        # next to an end of a density Im u / u is as small as u: 32 digits end here; integrals notice where it matters
        return 1e-40 * self._scale if self._dense else 1e-250

    @cached_property
    def _dense(self) -> bool:
        """Whether some elementary law is a density."""
        return any(leaf.ends for leaf in self._root.leaves)

    def _transform(self, z: ComplexArray) -> ComplexArray:
        return self._solve(z).m

    def _potential(self, z: ComplexArray) -> ComplexArray:
        edges = self._edge_parameters
        at_edge = (z.imag == 0) & np.isin(z.real, list(edges))
        result = np.empty(z.size, complex)
        if at_edge.any():
            result[at_edge] = evaluate_potential(self._root, np.stack([edges[x.real] for x in z[at_edge]], 1))
        if not at_edge.all():
            rest = z[~at_edge]
            result[~at_edge] = evaluate_potential(self._root, self._solve(rest).u, rest)
        return result

    def _bulk_masses(self) -> FloatArray:
        masses = super()._bulk_masses()
        places = np.array([place for place, _ in self.atoms()])
        weights = np.array([mass for _, mass in self.atoms()])
        for i, bulk in enumerate(self._bulks):
            masses[i] -= weights[(places > bulk.left) & (places < bulk.right)].sum()
            ends = np.array([bulk.left, bulk.right])
            at_atom = np.any(np.abs(places[:, None] - ends) <= 1e-12 * self._scale)
            if (
                "atom" in bulk.kinds and not self._dense
            ) or at_atom:  # the potential there cannot tell an atom at the edge from the bulk
                masses[i] = over_bulk(self, np.ones_like, bulk.left, bulk.right)
        return masses

    @cached_property
    def _edge_parameters(self) -> dict[float, ComplexArray]:
        """Parameters at the edges, a hair above the real axis."""
        ends = [(b.left, b.left_u) for b in self._bulks] + [(b.right, b.right_u) for b in self._bulks]
        return {x: self._lifted(u) for x, u in ends if math.isfinite(x)}

    @cached_property
    def _divergent_edges(self) -> Sequence[float]:
        ends = [(b.left, b.left_u) for b in self._bulks] + [(b.right, b.right_u) for b in self._bulks]
        ends = [(x, u) for x, u in ends if math.isfinite(x) and np.all(np.isfinite(u))]
        if not ends:
            return []
        with np.errstate(all="ignore"):
            m = jets(self._root, np.stack([u for _, u in ends], 1) + 0j)[0].m.value
        return [x for (x, _), size in zip(ends, np.abs(m), strict=True) if not size * self._scale < 1e7]

    def reference(self, z: complex, digits: int = 40) -> Any:
        """m(z) in mpmath, to this many digits, from the same relations; z as for `stieltjes`, above the axis."""
        start = self._solve(np.array([complex(z)])).u[:, 0]
        return reference_transform(self._root, z, start, digits)
