r"""Good first guesses everywhere in some bulks, edges included, from a few solved points.

In the angle :math:`\theta` of :math:`x = \frac{l+r}2 - \frac{r-l}2\cos\theta` the parameters are smooth up to and
beyond square-root edges, where u is real and :math:`u(-\theta) = \bar u(\theta)`. A table of u and its derivative in
the angle, cubic between its nodes, is refined until it predicts its own new nodes; one certified Newton step then
finishes most points. All bulks share one table: bulk number i has the angles from 4i to 4i + pi.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra._atom_sums import rough_roots
from rmtcollapse.spectra._curve import AddSemicircle, affine_factor, convolved_atoms
from rmtcollapse.spectra._node import Node
from rmtcollapse.spectra._poles import unit_height
from rmtcollapse.spectra._real import Bulk
from rmtcollapse.spectra._solver import Solved, continued, double_double_steps, exact_arguments, jets, refined

__all__ = ["BulkTable"]

COARSE = 7
ANCHORS = 7
CLOSE = 1e-2  # relative to Im u: from a prediction this good Newton converges in a few steps
LARGEST = 3000  # nodes a bulk
STEPS = 8
PERIOD = 4.0

Floats = NDArray[Any]
Complexes = NDArray[Any]


class BulkTable:
    """Nodes in the angle (n,), parameters (k, n) and their derivatives in the angle (k, n)."""

    def __init__(self, root: Node, bulks: Sequence[Bulk]) -> None:
        self.root, self.bulks = root, bulks
        self.left = np.array([bulk.left for bulk in bulks])
        self.right = np.array([bulk.right for bulk in bulks])
        self.scale = float(np.max(np.abs([self.left, self.right])))
        anchors = self._anchors()
        if anchors is None:
            inner = np.linspace(0, np.pi, COARSE + 2)[1:-1]
            angles = (PERIOD * np.arange(len(bulks))[:, None] + inner).ravel()
            found = continued(root, self.place(angles) + 0j, self.scale)
            keep = found.good
            self.angles, self.u = angles[keep], found.u[:, keep]
            self.slopes = self._slopes(angles[keep], found.speed[:, keep])
        else:
            self.angles, self.u, self.slopes = anchors
        self._add_edges()
        self._refine()

    def _anchors(self) -> tuple[Floats, Complexes, Complexes] | None:
        """Nodes without a guess, for one convolution of atoms: at any real part of u, Im z = 0 where g = 1."""
        node = convolved_atoms(self.root)
        if node is None:
            return None
        leaf = node.leaves[0]
        share = np.sin(np.linspace(0, np.pi / 2, ANCHORS + 2)[1:-1]) ** 2
        ends = [np.array([bulk.left_u[0], bulk.right_u[0]]) for bulk in self.bulks]
        real = np.concatenate([low + (high - low) * share for low, high in ends])
        u = (real + 1j * np.sqrt(unit_height(real, leaf.places, node.poles(leaf))))[None]
        which = np.repeat(np.arange(len(self.bulks)), ANCHORS)
        here, _ = jets(self.root, u)
        x = here.z.value.real
        steep = np.abs(here.z.slopes[0]) > 1e-7  # not where two bulks touch
        keep = (x > self.left[which]) & (x < self.right[which]) & np.isfinite(u[0]) & steep
        angles = self.angle(x[keep], which[keep])
        return angles, u[:, keep], self._slopes(angles, 1 / here.z.slopes[:, keep])

    def _ends(self, angle: Floats) -> tuple[Floats, Floats, Floats]:
        which = np.clip(np.floor_divide(angle, PERIOD).astype(int), 0, len(self.bulks) - 1)
        return self.left[which], self.right[which], angle - PERIOD * which

    def place(self, angle: Floats) -> Floats:
        """x at an angle, from the nearer end."""
        left, right, own = self._ends(angle)
        near = left + (right - left) * np.sin(own / 2) ** 2
        far = right - (right - left) * np.cos(own / 2) ** 2
        result: Floats = np.where(own < np.pi / 2, near, far)
        return result

    def angle(self, x: Floats, which: NDArray[np.intp]) -> Floats:
        """Angle of x inside the bulk of this number."""
        left, right = self.left[which], self.right[which]
        low, high = np.sqrt((x - left) / (right - left)), np.sqrt((right - x) / (right - left))
        own = np.where(low < high, 2 * np.arcsin(np.minimum(low, 1)), np.pi - 2 * np.arcsin(np.minimum(high, 1)))
        result: Floats = PERIOD * which + own
        return result

    def _slopes(self, angle: Floats, speed: Complexes) -> Complexes:
        """du over the angle from du/dz."""
        left, right, own = self._ends(angle)
        slopes: Complexes = speed * (right - left) / 2 * np.sin(own)
        return slopes

    def _add_edges(self) -> None:
        """Append the ends of the bulks at which u leaves along a straight line in the angle."""
        own = PERIOD * np.arange(len(self.bulks))
        angles = np.concatenate([own, own + np.pi])
        u = np.stack([b.left_u for b in self.bulks] + [b.right_u for b in self.bulks], 1)
        speed = self._edge_speeds(u, np.tile((self.right - self.left) / 2, 2))
        good = np.all(np.isfinite(speed) & (speed > 0), axis=0)
        sign = np.repeat([1j, -1j], own.size)[good]
        self.angles = np.concatenate([self.angles, angles[good]])
        self.u = np.concatenate([self.u, u[:, good] + 0j], 1)
        self.slopes = np.concatenate([self.slopes, sign * speed[:, good]], 1)
        self._sort()

    def _edge_speeds(self, u: Floats, half: Floats) -> Floats:
        """|du/d angle| (k, n) at edges: there z' = 0 along the curve, and z'' is taken by a complex step."""
        size = 1e-20 * np.maximum(np.abs(u).max(0), 1e-280)
        with np.errstate(all="ignore"):
            along = self._along(u + 0j)[1]
            slope = self._along(u + 1j * size * along)[0]
            speed: Floats = along.real * np.sqrt(half * size / np.abs(slope.imag))
        return speed

    def _along(self, u: Complexes) -> tuple[Complexes, Complexes]:
        """Derivative of z (n,) along the curve in its first parameter, and the direction (k, n)."""
        here, trace = jets(self.root, u)
        rows = [c.slopes for node, _, below in trace if (c := node.constraint(*below)) is not None]
        direction = np.ones(u.shape, complex)
        if rows:
            matrix = np.stack(rows).transpose(2, 0, 1)
            known = np.isfinite(matrix).all((1, 2))
            known[known] = np.linalg.matrix_rank(matrix[known][:, :, 1:]) == len(rows)
            direction[1:, known] = np.linalg.solve(matrix[known][:, :, 1:], -matrix[known][:, :, :1])[:, :, 0].T
        return np.einsum("kn,kn->n", here.z.slopes, direction), direction

    def _sort(self) -> None:
        order = np.argsort(self.angles)
        self.angles, self.u, self.slopes = self.angles[order], self.u[:, order], self.slopes[:, order]

    def guess(self, angles: Floats) -> Complexes:
        """Cubic Hermite prediction of u (k, n)."""
        if self.angles.size < 2:
            return np.full((len(self.u), angles.size), np.nan + 0j)
        i = np.clip(np.searchsorted(self.angles, angles) - 1, 0, self.angles.size - 2)
        width = self.angles[i + 1] - self.angles[i]
        s = (angles - self.angles[i]) / width
        a, b = self.u[:, i], self.u[:, i + 1]
        da, db = self.slopes[:, i] * width, self.slopes[:, i + 1] * width
        smooth = s * s * (3 - 2 * s)
        result: Complexes = a + (b - a) * smooth + s * (1 - s) * ((1 - s) * da - s * db)
        return result

    def _refine(self) -> None:
        """Solve midpoints until the table predicts them; an interval is left once its midpoint was predicted well."""
        intervals = np.stack([self.angles[:-1], self.angles[1:]])
        same = np.floor_divide(intervals[0], PERIOD) == np.floor_divide(intervals[1], PERIOD)
        intervals = intervals[:, same]
        while intervals.shape[1] and self.angles.size < LARGEST * len(self.bulks):
            middle = intervals.mean(0)
            guess = self.guess(middle)
            found = self._finished(middle, guess)
            good = found.good
            with np.errstate(all="ignore"):
                close = np.abs((guess - found.u) / found.u.imag).max(0) <= CLOSE
            self.angles = np.concatenate([self.angles, middle[good]])
            self.u = np.concatenate([self.u, found.u[:, good]], 1)
            self.slopes = np.concatenate([self.slopes, self._slopes(middle[good], found.speed[:, good])], 1)
            self._sort()
            wide = good & ~close & (np.diff(intervals, axis=0)[0] > 1e-7)
            halves = [intervals[0, wide], middle[wide]], [middle[wide], intervals[1, wide]]
            intervals = np.stack([np.concatenate(ends) for ends in halves])

    def _finished(self, angles: Floats, guess: Complexes) -> Solved:
        z = self.place(angles) + 0j
        found = self._compiled(z, guess)
        missing = np.flatnonzero(~found.good)
        found.put(missing, refined(self.root, z[missing], guess[:, missing]))
        missing = np.flatnonzero(~found.good)
        found.put(missing, continued(self.root, z[missing], self.scale, patience=20))
        return found

    def _compiled(self, z: Complexes, guess: Complexes) -> Solved:
        """Nodes of one convolution of atoms without certificates: what is read from the table is certified later."""
        found = Solved.empty(*guess.shape)
        node = convolved_atoms(self.root)
        if node is None:
            return found
        inner, leaf = exact_arguments(self.root, z)[id(node)], node.leaves[0]
        constants = (float(node.variance), 0.0) if isinstance(node, AddSemicircle) else (0.0, float(node.ratio))
        made = rough_roots(guess[0], inner.real, (leaf.places, leaf.weights), *constants, STEPS)
        if made is not None:
            u, slopes = made
            speed = 1 / (affine_factor(self.root) * slopes)
            found.put(np.arange(z.size), Solved(u[None], speed[None], found.m, np.isfinite(u), found.relative))
        return found

    def solve(self, x: Floats, which: NDArray[np.intp]) -> Solved:
        """Points x inside the bulks of these numbers, on the real axis."""
        z = x + 0j
        guess = self.guess(self.angle(x, which))
        found = refined(self.root, z, guess)
        if not found.good.all():
            rest = np.flatnonzero(~found.good)
            close = rest[np.isfinite(guess[:, rest]).all(0) & (guess[:, rest].imag > 0).all(0)]
            found.put(close, double_double_steps(self.root, z[close], guess[:, close]))
            rest = np.flatnonzero(~found.good)
            found.put(rest, continued(self.root, z[rest], self.scale))
        return found
