"""What a generated module of matrix equations is evaluated in: NumPy for values and residuals, mpmath as reference.

Matrices that are diagonal in one basis are one-dimensional arrays, so that thousands of directions cost no more than a
vector does. Loads neither SymPy nor mpmath.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from types import ModuleType
from typing import Any

import numpy as np

from rmtcollapse.equations import normal_reference, normal_values

__all__ = ["DECIMAL", "MPMATH", "NUMPY", "Operations", "diagonal_operations"]


@dataclass(frozen=True)
class Operations:
    """How an arithmetic multiplies, inverts and traces matrices, and its functions of numbers."""

    product: Callable[[Any, Any], Any]
    inverse: Callable[[Any], Any]
    trace: Callable[[Any], Any]
    trace_product: Callable[[Any, Any], Any]
    identity: Callable[[Any], Any]
    sqrt: Callable[[Any], Any]
    normal_cdf: Callable[[Any], Any]
    poisson_moment: Callable[[Any, Any, Any, Any], Any]
    limit_product: Callable[[Any, Any], Any]
    normal: ModuleType | None = None


def _normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def _poisson_moment(power: int, rate: float, ridge: float, trace: float) -> float:
    from scipy.special import gammaln, xlogy

    # Counts further from the mean than this have a probability below 1e-40.
    reach = 14 * math.sqrt(rate) + 60
    s = np.arange(max(1.0, math.floor(rate - reach)), math.ceil(rate + reach) + 1)
    return float(np.exp(xlogy(s, rate) - rate - gammaln(s + 1)) @ (s / (ridge + s * trace)) ** power)


def _mp_trace(matrix: Any) -> Any:
    import mpmath as mp

    return mp.fsum(matrix[i, i] for i in range(matrix.rows))


def _mp_trace_product(left: Any, right: Any) -> Any:
    import mpmath as mp

    return mp.fsum(left[i, j] * right[j, i] for i in range(left.rows) for j in range(left.cols))


def _mp_identity(size: Any) -> Any:
    import mpmath as mp

    return mp.eye(int(size))


def _mp_function(name: str) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        import mpmath as mp

        return getattr(mp, name)(x)

    return function


def _mp_poisson_moment(power: Any, rate: Any, ridge: Any, trace: Any) -> Any:
    """Plain terms until they no longer count."""
    import mpmath as mp

    total, term, s = mp.mpf(0), mp.exp(-rate), 0
    while s <= rate or term > mp.eps * mp.mpf(10) ** -5 * total:
        s += 1
        term *= rate / s
        total += term * (s / (ridge + s * trace)) ** power
    return total


def _limit_product(a: Any, b: Any) -> Any:
    return 0.0 if a == 0 or b == 0 else a * b


def _decimal_cdf(x: Decimal) -> Decimal:
    """To double precision."""
    return Decimal(_normal_cdf(float(x)))


def _no_decimal(*arguments: Any) -> Any:
    raise NotImplementedError("decimal arithmetic is of sums, products, roots and the normal distribution only")


_NO_MATRICES = (_no_decimal,) * 5
_NUMBERS = (math.sqrt, _normal_cdf, _poisson_moment, _limit_product, normal_values)
_MP_NUMBERS = (_mp_function("sqrt"), _mp_function("ncdf"), _mp_poisson_moment, _limit_product, normal_reference)
NUMPY = Operations(
    np.matmul, np.linalg.inv, np.trace, lambda a, b: np.sum(a * b.T), lambda size: np.eye(int(size)), *_NUMBERS
)
# Scalars with the digits of the current decimal context, no bounds on exponents.
DECIMAL = Operations(*_NO_MATRICES, Decimal.sqrt, _decimal_cdf, _no_decimal, _limit_product)
MPMATH = Operations(lambda a, b: a * b, lambda a: a**-1, _mp_trace, _mp_trace_product, _mp_identity, *_MP_NUMBERS)


def diagonal_operations(multiplicity: Any, *, exact: bool = False) -> Operations:
    """Arithmetic of matrices that are diagonal in one basis, and of dense ones with few rows or columns.

    Parameters
    ----------
    multiplicity : array (d,)
        Directions that each coordinate stands for. Given in the place of a size, it makes a diagonal identity.
    exact : bool
        Entries are mpmath numbers (in object arrays), not floats.
    """

    def product(a: Any, b: Any) -> Any:
        if a.ndim == b.ndim == 2:
            return a @ b
        return a[:, None] * b if a.ndim < b.ndim else a * b

    def inverse(a: Any) -> Any:
        if a.ndim == 1:
            return 1 / a
        return _mp_inverse(a) if exact else np.linalg.inv(a)

    def trace(a: Any) -> Any:
        return multiplicity @ a if a.ndim == 1 else np.trace(a)

    def trace_product(a: Any, b: Any) -> Any:
        return multiplicity @ (a * b) if a.ndim == b.ndim == 1 else np.trace(product(a, b))

    def identity(size: Any) -> Any:
        return np.ones(len(size)) if np.ndim(size) else np.eye(int(size))

    return Operations(product, inverse, trace, trace_product, identity, *(_MP_NUMBERS if exact else _NUMBERS))


def _mp_inverse(array: Any) -> Any:
    import mpmath as mp

    return np.array((mp.matrix(array.tolist()) ** -1).tolist(), dtype=object)
