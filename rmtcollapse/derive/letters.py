"""What an expression is written in: dimensions, scalars, commuting deterministic matrices and Gaussian ones."""

from __future__ import annotations

import re
from typing import Any

import sympy as sp
from sympy.core.symbol import Str

from rmtcollapse.errors import ParameterError

__all__ = [
    "Commuting",
    "Dim",
    "Gaussian",
    "Scalar",
    "commuting",
    "dims",
    "gaussian",
    "identity",
    "scalar",
    "symmetric",
]

_NAME = re.compile(r"[^\W\d]\w*")


class Dim(sp.Symbol):
    """A size that grows, of the rows or columns of a matrix (SymPy prints a `Dimension` of its own, of physics)."""

    __slots__ = ()


class Scalar(sp.Symbol):
    """A number, real or complex."""

    __slots__ = ()


class Commuting(sp.MatrixSymbol):  # type: ignore[misc]
    """A deterministic symmetric matrix; it commutes with those declared in the same call."""

    def __new__(cls, name: Any, rows: Any, columns: Any, family: Any) -> Commuting:
        return sp.Basic.__new__(cls, _text(name), rows, columns, family)  # type: ignore[no-any-return]

    @property
    def dimension(self) -> Dim:
        """The dimension it acts on."""
        return self.args[1]  # type: ignore[no-any-return]

    @property
    def family(self) -> tuple[str, ...]:
        """Names of the matrices that it commutes with, its own among them."""
        return tuple(str(name) for name in self.args[3])

    def _eval_transpose(self) -> Commuting:
        return self


class Gaussian(sp.MatrixSymbol):  # type: ignore[misc]
    """A matrix of centred Gaussian entries with :math:`E X_{ij}X_{kl} = v A_{ik}B_{jl}` (A rows, B columns)."""

    def __new__(
        cls, name: Any, rows: Any, columns: Any, rowcov: Any, colcov: Any, variance: Any, is_symmetric: Any
    ) -> Gaussian:
        return sp.Basic.__new__(  # type: ignore[no-any-return]
            cls, _text(name), rows, columns, rowcov, colcov, sp.sympify(variance), sp.sympify(is_symmetric)
        )

    @property
    def rowcov(self) -> sp.MatrixExpr:
        """Covariance A of the rows' index, on the first dimension."""
        return self.args[3]

    @property
    def colcov(self) -> sp.MatrixExpr:
        """Covariance B of the columns' index, on the second dimension."""
        return self.args[4]

    @property
    def variance(self) -> sp.Expr:
        """Scalar factor v."""
        return self.args[5]

    @property
    def is_wigner(self) -> bool:
        """Whether the matrix is symmetric (GOE)."""
        return bool(self.args[6])

    def _eval_transpose(self) -> sp.MatrixExpr:
        return self if self.is_wigner else sp.MatrixExpr._eval_transpose(self)


def _text(name: Any) -> Str:
    return name if isinstance(name, Str) else Str(str(name))


def _names(parameter: str, text: Any) -> list[str]:
    names = text.replace(",", " ").split() if isinstance(text, str) else []
    if not names or not all(_NAME.fullmatch(name) for name in names) or len(set(names)) < len(names):
        raise ParameterError(parameter, text, "different names of letters, digits and underscores, such as 'n d'")
    return names


def _dimension(parameter: str, value: Any) -> Dim:
    if not isinstance(value, Dim):
        raise ParameterError(parameter, value, "a dimension declared with dims, such as n, d = dims('n d')")
    return value


def dims(names: str) -> Any:
    """Declare dimensions, ``n, d = dims("n d")``; one name gives one symbol."""
    made = [Dim(name, integer=True, positive=True) for name in _names("names", names)]
    return made[0] if len(made) == 1 else tuple(made)


def scalar(names: str) -> Any:
    """Declare scalars, real or complex, ``lam = scalar("lambda")``; one name gives one symbol."""
    made = [Scalar(name) for name in _names("names", names)]
    return made[0] if len(made) == 1 else tuple(made)


def commuting(names: str, dimension: Dim) -> Any:
    """Declare deterministic symmetric matrices that commute with one another; one name gives one symbol.

    Their eigenvalues are given together, in one common eigenbasis. Matrices from two calls are not assumed to
    commute, and an expression that would need it is refused.
    """
    d = _dimension("dimension", dimension)
    listed = _names("names", names)
    family = sp.Tuple(*map(Str, listed))
    made = [Commuting(name, d, d, family) for name in listed]
    return made[0] if len(made) == 1 else tuple(made)


def gaussian(
    name: str,
    rows: Dim,
    columns: Dim,
    *,
    rowcov: sp.MatrixExpr | None = None,
    colcov: sp.MatrixExpr | None = None,
    variance: Any = 1,
) -> Gaussian:
    r"""Declare a matrix of centred Gaussian entries, :math:`E X_{ij}X_{kl} = v A_{ik}B_{jl}`.

    Parameters
    ----------
    name : str
        Two matrices of the same name are the same matrix: independent data need different names.
    rows, columns : dimension
        Its shape.
    rowcov, colcov : matrix expression, optional
        A on `rows` and B on `columns`: deterministic, positive semidefinite; identities by default. With ``colcov=S``
        the rows are N(0, S).
    variance : expression
        v, a number or an expression in scalars and dimensions, such as ``1/d``.
    """
    n, d = _dimension("rows", rows), _dimension("columns", columns)
    (name,) = _names("name", name)
    A = _covariance("rowcov", rowcov, n)
    B = _covariance("colcov", colcov, d)
    return Gaussian(name, n, d, A, B, _variance(variance), False)


def symmetric(name: str, dimension: Dim, *, variance: Any = 1) -> Gaussian:
    r"""Declare a symmetric Gaussian matrix (GOE): :math:`E X_{ij}^2 = v` off the diagonal.

    With ``variance=1/d`` its spectrum fills [-2, 2].
    """
    d = _dimension("dimension", dimension)
    (name,) = _names("name", name)
    return Gaussian(name, d, d, sp.Identity(d), sp.Identity(d), _variance(variance), True)


def _covariance(parameter: str, value: Any, dimension: Dim) -> sp.MatrixExpr:
    if value is None:
        return sp.Identity(dimension)
    if not isinstance(value, sp.MatrixExpr) or value.has(Gaussian):
        raise ParameterError(parameter, value, "a deterministic matrix, declared with commuting")
    if value.shape != (dimension, dimension):
        shape = " x ".join(map(str, value.shape))
        raise ParameterError(parameter, value, f"a matrix of {dimension} x {dimension}; this one is {shape}")
    return value


def _variance(value: Any) -> sp.Expr:
    made = sp.sympify(value, strict=True)
    if not isinstance(made, sp.Expr) or made.is_negative or made.has(sp.MatrixExpr):
        raise ParameterError("variance", value, "a number >= 0 or an expression in scalars and dimensions")
    return made


def identity(dimension: Dim) -> sp.MatrixExpr:
    """The identity matrix of a dimension."""
    return sp.Identity(_dimension("dimension", dimension))
