"""Numbers for symbols: sizes, scalars, and joint eigenvalues of the matrices of each dimension."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from rmtcollapse.derive.activations import Moments
from rmtcollapse.derive.algebra import Eigenvalue, Node
from rmtcollapse.derive.bases import joint_diagonals, symmetric_matrix
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
    full: dict[Commuting, np.ndarray]  # those given as matrices, and all others of their dimensions

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


def bind(
    symbols: Iterable[sp.Basic],
    given: Mapping[Any, Any],
    *,
    coefficients: Iterable[Coefficient] = (),
    letters: Iterable[Gaussian] = (),
    nodes: Collection[Node] = (),
) -> Binding:
    """Check and sort the numbers that a user gave, keyed by symbols or by their names; add those of activations.

    Parameters
    ----------
    symbols : iterable
        What needs a number.
    given : mapping
        The numbers.
    coefficients : iterable
        Moments of activations to compute.
    letters : iterable
        Gaussian matrices, whose covariances must not be negative.
    nodes : collection
        The traces, which say what full matrices need not commute.

    Raises
    ------
    ParameterError
        For a name that the expression does not have, a missing one, or a value outside its domain.
    """
    wanted = {symbol.name: symbol for symbol in symbols}  # type: ignore[attr-defined]
    named = _named(wanted, given)
    sizes = {s: _size(s, named[s.name]) for s in wanted.values() if isinstance(s, Dim)}
    scalars = {s: _scalar(s, named[s.name]) for s in wanted.values() if isinstance(s, Scalar)}
    arrays = {s: _array(s, named[s.name], sizes) for s in wanted.values() if isinstance(s, Commuting)}
    full = _full(arrays, sizes)
    spectra = {m: v for m, v in arrays.items() if m not in full}
    for dimension in dict.fromkeys(m.dimension for m in full):
        spectra |= joint_diagonals({m: v for m, v in full.items() if m.dimension == dimension}, nodes)
    binding = Binding(sizes, scalars, _joint({m: spectra[m] for m in arrays}), full)
    for letter in sorted(letters, key=str):
        _check_covariance(letter, binding)
    scalars.update({c: getattr(binding.moments(c.features), c.kind) for c in coefficients})
    return binding


def _named(wanted: Mapping[str, Any], given: Mapping[Any, Any]) -> dict[str, Any]:
    """The numbers by name, all of them known and none missing."""
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
    return named


_NEGLIGIBLE = 1e-12  # a negative eigenvalue, relative to the largest, that is rounding
_KINDS: dict[type, str] = {
    Dim: "a size, an integer >= 1",
    Scalar: "a number, real or complex",
    Commuting: "an array of eigenvalues, in the eigenbasis common to the matrices of its dimension, or a full matrix",
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


def _array(symbol: Commuting, value: Any, sizes: Mapping[Dim, float]) -> np.ndarray:
    """Eigenvalues, or a full matrix, of a length that divides the dimension."""
    d = int(sizes[symbol.dimension])
    try:
        array = np.atleast_1d(np.array(value, dtype=float))
    except (TypeError, ValueError):
        raise ParameterError(symbol.name, value, "an array of real eigenvalues, or a real symmetric matrix") from None
    if array.ndim not in (1, 2) or not array.size or not np.isfinite(array).all():
        raise ParameterError(symbol.name, value, "an array of real eigenvalues, or a real symmetric matrix")
    if array.ndim == 2:
        array = symmetric_matrix(symbol.name, array)
    if d % len(array):
        domain = f"{symbol.dimension} = {d} eigenvalues, or a divisor of that many; this array has {len(array)}"
        raise ParameterError(symbol.name, value, domain)
    return array


def _full(arrays: Mapping[Commuting, np.ndarray], sizes: Mapping[Dim, float]) -> dict[Commuting, np.ndarray]:
    """The matrices of the dimensions where one is given in full; eigenvalues beside it are a diagonal matrix."""
    found = {}
    for dimension in dict.fromkeys(m.dimension for m, v in arrays.items() if v.ndim == 2):
        own = {m: v for m, v in arrays.items() if m.dimension == dimension}
        length = max(len(v) for v in own.values())
        for m, v in own.items():
            if length % len(v):
                raise ParameterError(m.name, v, f"of a size that divides that of the other matrices, {length}")
            times = length // len(v)
            found[m] = np.kron(v, np.eye(times)) if v.ndim == 2 else np.diag(np.repeat(v, times))
    return found


def _check_covariance(letter: Gaussian, binding: Binding) -> None:
    """A variance or a covariance below zero is none."""
    variance = binding.number(letter.variance, {})
    if not (np.isreal(variance) and np.real(variance) >= 0):
        raise ParameterError(f"variance of {letter.name}", variance, "a real number >= 0")
    for matrix, dimension in zip((letter.rowcov, letter.colcov), letter.shape, strict=True):
        value = covariance(matrix)
        values = binding.evaluate([(value, dimension)])[value, dimension]
        real = np.isreal(values).all() and np.isfinite(values).all()
        if not (real and np.real(values).min() >= -_NEGLIGIBLE * np.abs(values).max()):
            name = matrix.name if isinstance(matrix, Commuting) else f"covariance {matrix}"
            raise ParameterError(name, values, f"finite eigenvalues >= 0, for it is a covariance of {letter.name}")


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
