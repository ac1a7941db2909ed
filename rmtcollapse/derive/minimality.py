"""How small the pencil could be: the rank of what its source reaches and its output sees.

Kalman's count for a linear representation of a rational expression. Each random block and each function of eigenvalues
counts as a letter of its own that commutes with none, and the projections on the dimensions are letters too, so that
wires keep one dimension each. A change of basis attains this number; commuting matrices could lower it further.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import sympy as sp

from rmtcollapse.derive.algebra import Eigenvalue
from rmtcollapse.derive.pencil import Pencil

__all__ = ["Size", "minimal_size"]

_RANK = 1e-8  # singular value, relative to the largest, that is rounding


class Size(int):
    """Number of wires; `minimal` is the smallest number that a pencil of the same expression could have."""

    minimal: int | None

    def __new__(cls, wires: int, minimal: int | None) -> Size:
        made = super().__new__(cls, wires)
        made.minimal = minimal
        return made

    def __repr__(self) -> str:
        return f"{int(self)} wires" + (f", at least {self.minimal}" if self.minimal is not None else "")


def minimal_size(pencil: Pencil) -> int | None:
    """Rank of the observed part of the reachable space; None where the deterministic part is singular."""
    if not pencil.size:
        return 0
    numbers = _Numbers()
    letters: dict[Any, np.ndarray] = defaultdict(lambda: np.zeros((pencil.size, pencil.size)))
    constant = np.zeros((pencil.size, pencil.size))
    for (i, j), expression in pencil.fixed.items():
        constant[i, j] = numbers(expression)
        factor, profile = expression.as_independent(Eigenvalue, as_Add=False)
        if profile != 1:
            letters[profile][i, j] = numbers(factor)
    for e in pencil.entries:
        outer, P = e.outer.as_independent(Eigenvalue, as_Add=False)
        inner, Q = e.inner.as_independent(Eigenvalue, as_Add=False)
        letters[P, e.letter, Q][e.row, e.column] += numbers(outer * inner)
    if np.linalg.cond(constant) > 1 / _RANK:
        return None
    back = np.linalg.inv(constant)
    dims = list(dict.fromkeys(wire.dimension for wire in pencil.wires))
    kinds = [np.diag([float(wire.dimension == t) for wire in pencil.wires]) for t in dims]
    steps = [*(back @ letter for letter in letters.values()), *kinds]
    reached = _closed(back @ _sources(pencil, numbers), steps)
    seen = _closed(_outputs(pencil, numbers).T, [step.T for step in steps])
    return _rank(seen.T @ reached)


class _Numbers:
    """A random number for each symbol, one and the same wherever it stands."""

    def __init__(self) -> None:
        self.rng, self.known = np.random.default_rng(0), dict[Any, float]()

    def __call__(self, expression: sp.Expr) -> float:
        for symbol in sorted(expression.free_symbols, key=str):
            self.known.setdefault(symbol, float(self.rng.uniform(0.5, 2)))
        return float(expression.evalf(subs=self.known))


def _vectors(size: int, terms: Iterable[tuple[int, sp.Expr]], numbers: _Numbers) -> dict[sp.Expr, np.ndarray]:
    found: dict[sp.Expr, np.ndarray] = defaultdict(lambda: np.zeros(size))
    for place, expression in terms:
        factor, profile = expression.as_independent(Eigenvalue, as_Add=False)
        found[profile][place] += numbers(factor)
    return found


def _sources(pencil: Pencil, numbers: _Numbers) -> np.ndarray:
    return np.column_stack(list(_vectors(pencil.size, pencil.sources.items(), numbers).values()))


def _outputs(pencil: Pencil, numbers: _Numbers) -> np.ndarray:
    forms = [output.form for outputs in pencil.outputs for output in outputs]
    rows = [
        row
        for form in forms
        for row in _vectors(pencil.size, [(t.wire, t.outer) for t in form if t.wire >= 0], numbers).values()
    ]
    return np.array(rows).reshape(-1, pencil.size)


def _closed(vectors: np.ndarray, steps: list[np.ndarray]) -> np.ndarray:
    """An orthonormal basis of the smallest space with these vectors that every step maps into itself."""
    basis = _orthonormal(vectors)
    while True:
        wider = _orthonormal(np.column_stack([basis, *(step @ basis for step in steps)]))
        if wider.shape[1] == basis.shape[1]:
            return basis
        basis = wider


def _orthonormal(vectors: np.ndarray) -> np.ndarray:
    left, values, _ = np.linalg.svd(vectors, full_matrices=False)
    return left[:, values > _RANK * values.max(initial=0.0)]  # type: ignore[no-any-return]


def _rank(matrix: np.ndarray) -> int:
    values = np.linalg.svd(matrix, compute_uv=False)
    return int((values > _RANK * values.max(initial=0.0)).sum())
