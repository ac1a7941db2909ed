"""The symbols of a derivation in the vocabulary of `equations`: parameters, columns of one joint law, sums over it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from rmtcollapse.derive.algebra import Eigenvalue
from rmtcollapse.derive.binding import Binding
from rmtcollapse.derive.features import Coefficient
from rmtcollapse.derive.letters import Commuting, Dim
from rmtcollapse.equations.symbols import Column, Parameter, total

__all__ = ["Vocabulary"]


@dataclass(frozen=True)
class Vocabulary:
    """Sizes and scalars as parameters; each deterministic matrix as a column.

    The spectra of several dimensions follow one another in one law, and a column of each dimension is one on its own
    directions and zero on the others.
    """

    scalar: dict[sp.Symbol, Parameter]
    column: dict[Commuting, Column]
    inside: dict[Dim, Column]

    @classmethod
    def of(cls, symbols: Iterable[sp.Basic]) -> Vocabulary:
        """The vocabulary of the symbols of an expression."""
        listed = list(symbols)
        plain = [s for s in listed if not isinstance(s, Commuting)]
        matrices = [s for s in listed if isinstance(s, Commuting)]
        dims = list(dict.fromkeys(m.dimension for m in matrices))
        return cls(
            {s: _parameter(s, k) for k, s in enumerate(plain)},
            {m: Column(f"col_{m.name}", _indexed(_tex(m)), real=True) for m in matrices},
            {t: Column(f"in_{t.name}", rf"1_{{j\in {_tex(t)}}}", real=True) for t in dims} if len(dims) > 1 else {},
        )

    @property
    def parameters(self) -> list[Parameter]:
        """Sizes and scalars."""
        return list(self.scalar.values())

    @property
    def laws(self) -> list[Column]:
        """Columns of the law."""
        return [*self.column.values(), *self.inside.values()]

    def read(self, expr: sp.Expr) -> sp.Expr:
        """An expression of the derivation in these symbols."""
        eigenvalues = {e: self.column[e.matrix] for e in expr.atoms(Eigenvalue)}
        return expr.xreplace({**self.scalar, **eigenvalues})

    def trace(self, dimension: Dim, summand: sp.Expr) -> sp.Expr:
        """tr f on a dimension: a sum over the law, or its size times f where f is a constant."""
        if not summand.has(Column):
            return self.scalar[dimension] * summand
        return total(self.inside.get(dimension, sp.S.One) * summand)

    def scalars(self, binding: Binding) -> dict[str, Any]:
        """Values of the parameters."""
        values: dict[Any, Any] = {**binding.sizes, **binding.scalars}
        return {p.name: values[s] for s, p in self.scalar.items()}

    def columns(self, binding: Binding) -> dict[str, np.ndarray]:
        """The law in numbers. Where a matrix is not defined it has the value of a direction of its own."""
        dims = list(dict.fromkeys(m.dimension for m in self.column)) or [next(iter(binding.sizes))]
        sizes = [binding.atoms(t) for t in dims]
        place = {t: np.repeat([k == i for k in range(len(dims))], sizes) for i, t in enumerate(dims)}
        found = {"multiplicity": np.repeat([binding.weight(t) for t in dims], sizes)}
        for m, column in self.column.items():
            values = np.full(sum(sizes), binding.spectra[m][0])
            values[place[m.dimension]] = binding.spectra[m]
            found[column.name] = values
        return found | {c.name: place[t].astype(float) for t, c in self.inside.items()}


def _parameter(symbol: sp.Symbol, place: int) -> Parameter:
    if isinstance(symbol, Coefficient):
        return Parameter(f"moment_{place}", symbol.letter, complex=True)
    return Parameter(f"of_{symbol.name}", _tex(symbol), complex=True)


def _tex(symbol: Any) -> str:
    return str(sp.latex(sp.Symbol(symbol.name)))


def _indexed(letter: str) -> str:
    """The letter with the index j, beside a subscript that it may have."""
    return f"{letter[:-1]},j}}" if letter.endswith("}") and "_{" in letter else f"{letter}_j"
