"""Entries of the inverse of a sparse block triangular matrix of expressions, as expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import sympy as sp
from sympy.utilities.iterables import strongly_connected_components

__all__ = ["Inverses"]


class Inverses:
    """G = M^{-1} of the matrices M_t of all dimensions: diagonal blocks by cofactors, other entries by paths.

    Parameters
    ----------
    entries : mapping of (int, int) to Expr
        Entries of M that are not zero.
    kinds : sequence
        Dimension of each row; entries between two dimensions are zero.
    """

    def __init__(self, entries: Mapping[tuple[int, int], sp.Expr], kinds: Sequence[Any]) -> None:
        self.entries, self.kinds = entries, kinds
        self._found: dict[tuple[int, int], sp.Expr] = {}
        self._minors: dict[tuple[tuple[int, ...], tuple[int, ...]], sp.Expr] = {}

    @cached_property
    def _block(self) -> dict[int, tuple[int, ...]]:
        """The diagonal block of each row."""
        blocks = strongly_connected_components((list(range(len(self.kinds))), list(self.entries)))
        return {i: tuple(sorted(block)) for block in blocks for i in block}

    def entry(self, i: int, j: int) -> sp.Expr:
        """G_ij; zero where no path leads from i to j."""
        if (i, j) not in self._found:
            block = self._block[i]
            if self.kinds[i] != self.kinds[j]:
                self._found[i, j] = sp.S.Zero
            elif j in block:
                self._found[i, j] = self._inside(block, i, j)
            else:
                self._found[i, j] = sp.Add(
                    *(
                        -self._inside(block, i, k) * value * self.entry(into, j)
                        for (k, into), value in self.entries.items()
                        if k in block and into not in block
                    )
                )
        return self._found[i, j]

    def _inside(self, block: tuple[int, ...], i: int, j: int) -> sp.Expr:
        rows = tuple(k for k in block if k != j)
        columns = tuple(k for k in block if k != i)
        sign = (-1) ** (block.index(i) + block.index(j))
        return sign * self._minor(rows, columns) / self._minor(block, block)

    def _minor(self, rows: tuple[int, ...], columns: tuple[int, ...]) -> sp.Expr:
        """A determinant, along its first row."""
        if not rows:
            return sp.S.One
        if (rows, columns) not in self._minors:
            addends = [
                (-1) ** place * self.entries[rows[0], c] * self._minor(rows[1:], columns[:place] + columns[place + 1 :])
                for place, c in enumerate(columns)
                if (rows[0], c) in self.entries
            ]
            self._minors[rows, columns] = sp.Add(*addends)
        return self._minors[rows, columns]
