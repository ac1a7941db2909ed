"""Numbers for symbols: sizes, scalars, and joint eigenvalues of the matrices of each dimension."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from rmtcollapse.derive.activations import Moments
from rmtcollapse.derive.algebra import Eigenvalue
from rmtcollapse.derive.features import Coefficient, Features
from rmtcollapse.derive.letters import Commuting, Dim, Gaussian, Scalar
from rmtcollapse.derive.reading import covariance
from rmtcollapse.errors import MissingParameterError, ParameterError, UnknownParameterError, did_you_mean

__all__ = ["Binding", "bind", "symbols_of"]


@dataclass(frozen=True)
class Binding:
    """What the symbols of a derivation are in numbers."""

    sizes: dict[Dim, float]
    scalars: dict[Scalar, Any]
    spectra: dict[Commuting, np.ndarray]

    @property
    def is_real(self) -> bool:
        """Whether every scalar is real."""
        return not any(isinstance(value, complex) for value in self.scalars.values())

    def atoms(self, dimension: Dim) -> int:
        """Number of joint eigenvalues given for a dimension (1 where none are needed)."""
        return max((len(v) for m, v in self.spectra.items() if m.dimension == dimension), default=1)

    def weight(self, dimension: Dim) -> float:
        """Directions that share one of them."""
        return self.sizes[dimension] / self.atoms(dimension)

    def evaluate(self, expressions: Iterable[tuple[sp.Expr, Dim]]) -> dict[tuple[sp.Expr, Dim], np.ndarray]:
        """Values of expressions at the joint eigenvalues of their dimensions."""
        wanted = list(dict.fromkeys(expressions))
        eigenvalues = sorted({a for e, _ in wanted for a in e.atoms(Eigenvalue)}, key=str)
        symbols = [*self.sizes, *self.scalars, *eigenvalues]
        function = _compiled(tuple(symbols), tuple(e for e, _ in wanted))
        with np.errstate(all="ignore"):
            values = function(
                *self.sizes.values(), *self.scalars.values(), *(self.spectra[e.matrix] for e in eigenvalues)
            )
        dtype = float if self.is_real else complex
        return {
            (e, d): np.broadcast_to(np.asarray(v, dtype=dtype), (self.atoms(d),))
            for (e, d), v in zip(wanted, values, strict=True)
        }

    def number(self, expression: sp.Expr, more: Mapping[sp.Symbol, Any]) -> Any:
        """Value of an expression in sizes, scalars and a few more symbols."""
        values = {**self.sizes, **self.scalars, **more}
        return _compiled(tuple(values), (expression,))(*values.values())[0]

    def moments(self, made: Features) -> Moments:
        """Gaussian moments of random features at the variance of their argument."""
        variance = self._variance(made)
        moments = made.activation.moments(variance)
        if not made.centred and not moments.is_centred(variance):
            domain = (
                f"an activation of mean zero; at an argument of variance {variance:.4g} it has the mean "
                f"{moments.mean:.4g}: features(..., centred=True) subtracts it"
            )
            raise ParameterError("activation", made.activation.name, domain)
        return moments

    def _variance(self, made: Features) -> float:
        """Variance of the argument: of x'w for a row x of the data and a column w of the weights."""
        X, W, d = made.data, made.weights, made.weights.shape[0]
        if isinstance(X, Features):
            inner = self.moments(X)
            value = self.number(W.variance, {}) * self.sizes[d] * (inner.slope**2 * self._variance(X) + inner.noise**2)
        else:
            product = X.variance * W.variance * covariance(X.colcov) * covariance(W.rowcov)
            value = self.weight(d) * self.evaluate([(product, d)])[product, d].sum()
        if not (np.isreal(value) and 0 < np.real(value) < np.inf):
            raise ParameterError(made.name, value, "features whose argument has a variance > 0")
        return float(np.real(value))


@lru_cache(maxsize=4096)
def _compiled(symbols: tuple[sp.Symbol, ...], expressions: tuple[sp.Expr, ...]) -> Callable[..., Any]:
    """Draws evaluate the same few expressions again and again."""
    return sp.lambdify(symbols, list(expressions), "numpy", dummify=True)  # type: ignore[no-any-return]


def bind(symbols: Iterable[sp.Basic], given: Mapping[Any, Any], coefficients: Iterable[Coefficient] = ()) -> Binding:
    """Check and sort the numbers that a user gave, keyed by symbols or by their names; add those of activations.

    Raises
    ------
    ParameterError
        For a name that the expression does not have, a missing one, or a value outside its domain.
    """
    wanted = {symbol.name: symbol for symbol in symbols}  # type: ignore[attr-defined]
    named: dict[str, Any] = {}
    for key, value in given.items():
        name = key if isinstance(key, str) else getattr(key, "name", str(key))
        if name not in wanted or not (isinstance(key, str) or wanted[name] == key):
            domain = f"a symbol of this expression; it has {', '.join(wanted)}{did_you_mean(name, wanted)}"
            raise UnknownParameterError(name, value, domain)
        named[name] = value
    for name, symbol in wanted.items():
        if name not in named:
            raise MissingParameterError(name, None, _KINDS[type(symbol)])
    sizes = {s: _size(s, named[s.name]) for s in wanted.values() if isinstance(s, Dim)}
    scalars = {s: _scalar(s, named[s.name]) for s in wanted.values() if isinstance(s, Scalar)}
    spectra = {s: _spectrum(s, named[s.name], sizes) for s in wanted.values() if isinstance(s, Commuting)}
    binding = Binding(sizes, scalars, _joint(spectra))
    scalars.update({c: getattr(binding.moments(c.features), c.kind) for c in coefficients})
    return binding


_KINDS: dict[type, str] = {
    Dim: "a size, an integer >= 1",
    Scalar: "a number, real or complex",
    Commuting: "an array of eigenvalues, in the eigenbasis common to the matrices of its dimension",
}


def _size(symbol: Dim, value: Any) -> float:
    whole = isinstance(value, numbers.Real) and not isinstance(value, bool) and float(value).is_integer()
    if not whole or value < 1:
        raise ParameterError(symbol.name, value, _KINDS[Dim])
    return float(value)


def _scalar(symbol: Scalar, value: Any) -> Any:
    number = isinstance(value, numbers.Complex) and not isinstance(value, bool)
    if not number or not np.isfinite(complex(value)):
        raise ParameterError(symbol.name, value, _KINDS[Scalar])
    return float(value) if isinstance(value, numbers.Real) else complex(value)


def _spectrum(symbol: Commuting, value: Any, sizes: Mapping[Dim, float]) -> np.ndarray:
    d = int(sizes[symbol.dimension])
    try:
        array = np.atleast_1d(np.array(value, dtype=float))
    except (TypeError, ValueError):
        raise ParameterError(symbol.name, value, "an array of real eigenvalues") from None
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise ParameterError(symbol.name, value, "an array of real eigenvalues")
    if d % array.size:
        domain = f"{symbol.dimension} = {d} eigenvalues, or a divisor of that many; this array has {array.size}"
        raise ParameterError(symbol.name, value, domain)
    return array


def _joint(spectra: dict[Commuting, np.ndarray]) -> dict[Commuting, np.ndarray]:
    """Eigenvalues of one dimension belong together: equal lengths, or a single one that all directions share."""
    longest = {m.dimension: max(len(v) for k, v in spectra.items() if k.dimension == m.dimension) for m in spectra}
    for matrix, values in spectra.items():
        if len(values) not in (1, longest[matrix.dimension]):
            domain = f"as many eigenvalues as the other matrices on {matrix.dimension}, {longest[matrix.dimension]}"
            raise ParameterError(matrix.name, values, domain)
    return {m: np.broadcast_to(v, (longest[m.dimension],)) for m, v in spectra.items()}


def symbols_of(expression: sp.Expr) -> list[sp.Basic]:
    """Everything that needs a number: sizes, scalars, deterministic matrices, also those inside covariances."""
    found = expression.atoms(Dim, Scalar, Commuting)
    for letter in expression.atoms(Gaussian):
        for part in (letter.rowcov, letter.colcov, letter.variance):
            found |= part.atoms(Dim, Scalar, Commuting)
        found |= set(letter.shape)
    return sorted(found, key=lambda s: (isinstance(s, Commuting), isinstance(s, Scalar), s.name))
