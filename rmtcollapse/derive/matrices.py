"""Finite matrices for an expression, drawn from its definition: no formula of the theory is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from rmtcollapse.derive.binding import Binding
from rmtcollapse.derive.features import Features
from rmtcollapse.derive.letters import Commuting, Gaussian

__all__ = ["measure"]


def measure(expression: sp.Expr, binding: Binding, rng: np.random.Generator, complex_entries: bool) -> Any:
    """One draw of the expression; with complex entries, a transpose is a conjugate transpose."""
    drawn = _Drawn(binding, rng, complex_entries)
    traces = {t: np.trace(drawn(t.arg)) for t in expression.atoms(sp.Trace)}
    names = {t: sp.Symbol(f"T_{k}") for k, t in enumerate(traces)}
    return binding.number(expression.xreplace(names), {names[t]: value for t, value in traces.items()})


class _Drawn:
    """Evaluates matrix expressions at one draw of their letters."""

    def __init__(self, binding: Binding, rng: np.random.Generator, complex_entries: bool) -> None:
        self.binding, self.rng, self.complex_entries = binding, rng, complex_entries
        self.known: dict[Any, Any] = {}

    def __call__(self, E: Any) -> Any:
        if E not in self.known:
            self.known[E] = self._value(E)
        return self.known[E]

    def _value(self, E: Any) -> Any:
        for kind, rule in _RULES:
            if isinstance(E, kind):
                return rule(self, E)
        raise TypeError(type(E).__name__)

    def number(self, E: sp.Expr) -> Any:
        return self.binding.number(E, {})

    def size(self, dimension: Any) -> int:
        return int(self.binding.sizes[dimension])

    def gaussian(self, X: Gaussian) -> Any:
        n, d = (self.size(s) for s in X.shape)
        Z = self.rng.standard_normal((n, d))
        if self.complex_entries:
            Z = (Z + 1j * self.rng.standard_normal((n, d))) / np.sqrt(2)
        if X.is_wigner:
            Z = (Z + Z.conj().T) / np.sqrt(2)
        for side, A in enumerate((X.rowcov, X.colcov)):
            Z = _coloured(Z, self(A), side) if not isinstance(A, sp.Identity) else Z
        return np.sqrt(self.number(X.variance)) * Z

    def features(self, F: Features) -> Any:
        """The activation itself, entry by entry; the mean that it is freed of is a number."""
        values = F.activation(self(F.data) @ self(F.weights))
        return values - self.binding.moments(F).mean if F.centred else values

    def deterministic(self, S: Commuting) -> Any:
        given = self.binding.full.get(S)
        matrix = np.diag(self.binding.spectra[S]) if given is None else given
        return np.kron(matrix, np.eye(self.size(S.dimension) // len(matrix)))

    def transposed(self, E: Any) -> Any:
        value = self(E.arg).T
        return value.conj() if self.complex_entries else value

    def power(self, E: sp.MatPow) -> Any:
        value, exponent = self(E.base), E.exp
        if exponent.is_Integer:
            return np.linalg.matrix_power(value, int(exponent))
        return _powered(value, self.number(exponent))

    def product(self, E: sp.MatMul) -> Any:
        coefficient, matrices = E.as_coeff_matrices()
        value = self(matrices[-1])
        for matrix in reversed(matrices[:-1]):
            value = self(matrix) @ value
        return self.number(coefficient) * value


def _powered(matrix: np.ndarray, exponent: Any) -> Any:
    """A power of a deterministic matrix, which is symmetric; rounding below zero is zero."""
    diagonal = np.diag(matrix)
    if np.count_nonzero(matrix) == np.count_nonzero(diagonal):
        return np.diag(_positive(diagonal) ** exponent)
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * _positive(values) ** exponent) @ vectors.T


def _coloured(Z: np.ndarray, covariance: np.ndarray, side: int) -> Any:
    root = _powered(covariance, 0.5)
    if np.count_nonzero(root) == np.count_nonzero(np.diag(root)):
        return np.diag(root)[:, None] * Z if side == 0 else Z * np.diag(root)
    return root @ Z if side == 0 else Z @ root


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(np.abs(values) <= 1e-12 * np.abs(values).max(initial=0), 0, values)


_RULES: tuple[tuple[Any, Callable[[_Drawn, Any], Any]], ...] = (
    (Commuting, _Drawn.deterministic),
    (Gaussian, _Drawn.gaussian),
    (Features, _Drawn.features),
    (sp.Identity, lambda drawn, E: np.eye(drawn.size(E.shape[0]))),
    (sp.ZeroMatrix, lambda drawn, E: np.zeros([drawn.size(s) for s in E.shape])),
    (sp.Inverse, lambda drawn, E: np.linalg.inv(drawn(E.arg))),
    (sp.MatPow, _Drawn.power),
    (sp.Transpose, _Drawn.transposed),
    (sp.MatMul, _Drawn.product),
    (sp.MatAdd, lambda drawn, E: sum(drawn(term) for term in E.args)),
)
