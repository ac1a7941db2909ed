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

from rmtcollapse.spectra._curve import Node, convolved_atoms
from rmtcollapse.spectra._poles import unit_height
from rmtcollapse.spectra._real import Bulk
from rmtcollapse.spectra._solver import Solved, continued, double_double_steps, jets, refined

__all__ = ["BulkTable"]

COARSE = 7
ANCHORS = 21
CLOSE = 1e-6  # relative to Im u: a prediction this good leaves one step to do
LARGEST = 3000  # nodes a bulk
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
        for number, bulk in enumerate(self.bulks):
            for end, u, sign in ((0.0, bulk.left_u, 1), (np.pi, bulk.right_u, -1)):
                speed = self._edge_speed(u, (bulk.right - bulk.left) / 2)
                if speed is not None:
                    self.angles = np.append(self.angles, PERIOD * number + end)
                    self.u = np.concatenate([self.u, u[:, None] + 0j], 1)
                    self.slopes = np.concatenate([self.slopes, sign * 1j * speed[:, None]], 1)
        self._sort()

    def _edge_speed(self, u: Floats, half: float) -> Floats | None:
        """|du/d angle| (k,) at an edge: there z' = 0 along the curve, and z'' is taken by a complex step."""
        size = 1e-20 * max(float(np.max(np.abs(u))), 1e-280)
        slope, along = self._along(u[:, None] + 0j)
        slope, _ = self._along(u[:, None] + 1j * size * along)
        with np.errstate(all="ignore"):
            speed: Floats = along[:, 0].real * np.sqrt(half * size / np.abs(slope[0].imag))
        return speed if np.all(np.isfinite(speed)) and np.all(speed > 0) else None

    def _along(self, u: Complexes) -> tuple[Complexes, Complexes]:
        """Derivative of z (1,) along the curve in its first parameter, and the direction (k, 1)."""
        here, trace = jets(self.root, u)
        rows = [c.slopes[:, 0] for node, _, below in trace if (c := node.constraint(*below)) is not None]
        direction = np.ones((len(u), 1), complex)
        with np.errstate(all="ignore"):
            if rows and np.all(np.isfinite(rows)) and np.linalg.matrix_rank(np.stack(rows)[:, 1:]) == len(rows):
                direction[1:, 0] = np.linalg.solve(np.stack(rows)[:, 1:], -np.stack(rows)[:, 0])
            slope = np.einsum("kn,kn->n", here.z.slopes, direction)
        return slope, direction

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
        found = refined(self.root, z, guess)
        missing = np.flatnonzero(~found.good)
        found.put(missing, continued(self.root, z[missing], self.scale, patience=20))
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
