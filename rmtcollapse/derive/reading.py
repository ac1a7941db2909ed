"""From a SymPy expression to traces of matrices, with the refusals that say what to write instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sympy as sp

from rmtcollapse.derive.algebra import Det, Eigenvalue, Inv, Letter, Node, inverse, product, summed
from rmtcollapse.derive.algebra import transposed as transpose
from rmtcollapse.derive.features import Features
from rmtcollapse.derive.letters import Commuting, Dim, Gaussian, Scalar
from rmtcollapse.errors import ParameterError

__all__ = ["Reading", "covariance", "letters_in", "read", "shared_letters", "trace"]

_FAMILY = (
    "matrices that commute: declare them in one call, commuting('{} {}', {}), if they do; the theory of a pair that "
    "does not is not covered"
)


@dataclass(frozen=True)
class Reading:
    """A function of traces: `value` in the symbols that stand for the traces of `nodes`."""

    value: sp.Expr
    traces: dict[sp.Symbol, sp.MatrixExpr]
    nodes: dict[sp.Symbol, Node]


def trace(expression: sp.MatrixExpr) -> sp.Expr:
    """The trace of a square matrix expression; sums, differences and functions of traces can be derived."""
    if not isinstance(expression, sp.MatrixExpr):
        raise ParameterError("expression", expression, "a matrix expression in declared symbols")
    _shapes(expression)
    rows, columns = expression.shape
    if rows != columns:
        raise ParameterError("expression", expression, f"a square matrix; {_shape(expression)}")
    return sp.Trace(expression)


def _shapes(E: Any) -> None:
    """Refuse factors and terms that do not fit, the innermost first."""
    for part in E.args:
        if isinstance(part, sp.MatrixExpr):
            _shapes(part)
    if isinstance(E, sp.MatMul):
        _fitting_product(E)
    elif isinstance(E, sp.MatAdd):
        _fitting_sum(E)
    elif isinstance(E, sp.MatPow) and E.base.shape[0] != E.base.shape[1]:
        how = "inverted" if E.exp == -1 else f"multiplied by itself (power {E.exp}; a transpose missing?)"
        raise ParameterError("expression", E, f"a square matrix where it is {how}; {_shape(E.base)}")


def _fitting_product(E: sp.MatMul) -> None:
    matrices = E.as_coeff_matrices()[1]
    for left, right in pairwise(matrices):
        if left.shape[1] != right.shape[0]:
            advice = f"a product whose shapes fit: {_shape(left)}, and {_shape(right)} (a transpose missing?)"
            raise ParameterError("expression", E, advice)


def _fitting_sum(E: sp.MatAdd) -> None:
    for term in E.args[1:]:
        if term.shape != E.args[0].shape:
            raise ParameterError("expression", E, f"a sum of equal shapes: {_shape(E.args[0])}, and {_shape(term)}")


def read(expression: Any) -> Reading:
    """Read a scalar expression in traces.

    Raises
    ------
    ParameterError
        For what cannot be derived; the message says what to write instead.
    """
    if isinstance(expression, sp.MatrixExpr):
        raise ParameterError("expression", expression, "a scalar: wrap the matrix in dv.trace(...)")
    if not isinstance(expression, sp.Expr):
        raise ParameterError("expression", expression, "an expression in declared symbols, such as dv.trace(R*S)/d")
    found = list(dict.fromkeys(_traces(expression)))
    inner = {t for outer in found for t in outer.arg.atoms(sp.Trace)}
    for one in sorted(inner, key=str):
        raise ParameterError(
            "expression",
            expression,
            f"free of traces inside a trace: take {one} outside, for trace(trace(A)*B) is trace(A)*trace(B), as a "
            "trace becomes a number",
        )
    if not found:
        raise ParameterError("expression", expression, "an expression with at least one dv.trace(...)")
    names = {t: sp.Symbol(f"T_{k}") for k, t in enumerate(found, 1)}
    value = expression.xreplace(names)
    _declared(value, set(names.values()))
    _one_meaning(expression)
    _one_activation(expression)
    for t in found:
        trace(t.arg)
    nodes = {names[t]: _matrix(t.arg) for t in found}
    _commuting(list(nodes.values()))
    return Reading(value, {names[t]: t.arg for t in found}, nodes)


def _traces(E: Any) -> Iterator[sp.Trace]:
    """The outermost traces, in the order of the expression."""
    if isinstance(E, sp.Trace):
        yield E
    else:
        for part in E.args:
            yield from _traces(part)


def _declared(scalar: sp.Expr, known: set[Any] = frozenset()) -> None:  # type: ignore[assignment]
    for symbol in sorted(scalar.free_symbols - set(known), key=str):
        if not isinstance(symbol, Scalar | Dim):
            raise ParameterError(
                str(symbol), symbol, f"a declared symbol: write {symbol} = dv.scalar('{symbol}'), or dv.dims for a size"
            )


def _one_meaning(expression: sp.Expr) -> None:
    """One name must have one meaning, or numbers given by name would be given to two things."""
    kinds: dict[str, Any] = {}
    for symbol in sorted(expression.atoms(sp.Symbol, sp.MatrixSymbol), key=sp.default_sort_key):
        if kinds.setdefault(symbol.name, symbol) != symbol:
            raise ParameterError(
                symbol.name, symbol, "a name with one meaning: it was declared twice, in two ways; rename one"
            )


def _one_activation(expression: sp.Expr) -> None:
    """The noises of two activations of one argument are not independent."""
    seen: dict[Any, Features] = {}
    for made in sorted(expression.atoms(Features), key=str):
        first = seen.setdefault((made.data, made.weights), made)
        if first.activation != made.activation:
            domain = f"one activation of {made.data}*{made.weights}; {first} is another: declare other weights for it"
            raise ParameterError("activation", made.activation.name, domain)


def _shape(matrix: sp.MatrixExpr) -> str:
    return f"{matrix} is {matrix.shape[0]} x {matrix.shape[1]}"


def _matrix(E: sp.MatrixExpr) -> Node:
    """A matrix expression as a node, with every shape checked."""
    for kind, reader in _READERS:
        if isinstance(E, kind):
            return reader(E)
    raise ParameterError(
        "expression", E, f"made of sums, products, powers, inverses, transposes; {type(E).__name__} is none of these"
    )


def _symbol(E: sp.MatrixExpr) -> Node:
    raise ParameterError(
        E.name,
        E,
        f"a declared matrix: write {E.name} = dv.gaussian('{E.name}', rows, columns) if it is random, or "
        f"dv.commuting('{E.name}', dimension) if not",
    )


def _gaussian(E: Gaussian) -> Node:
    for covariance in (E.rowcov, E.colcov):
        _matrix(covariance)
    _declared(E.variance)
    return Letter(E, False)


def _product(E: sp.MatMul) -> Node:
    coefficient, matrices = E.as_coeff_matrices()
    _declared(coefficient)
    nodes = [_matrix(m) for m in matrices]
    return product([Det(coefficient, nodes[0].rows), *nodes])


def _sum(E: sp.MatAdd) -> Node:
    return summed([_matrix(term) for term in E.args])


def _inverse(E: sp.Inverse) -> Node:
    body = _matrix(E.arg)
    if isinstance(body, Letter):
        raise ParameterError("expression", E, "not the inverse of a Gaussian matrix itself: invert X*X.T or X.T*X")
    return inverse(body)


def _power(E: sp.MatPow) -> Node:
    base, exponent = E.base, E.exp
    node = _matrix(base)
    if isinstance(node, Det):
        _declared(exponent)
        return Det(node.value**exponent, node.rows)
    if not exponent.is_Integer:
        raise ParameterError(
            "expression",
            E,
            f"free of the power {exponent} of a random matrix: integer powers only; square roots and the like of a "
            "random matrix are no rational function of it",
        )
    times = [_inverse(sp.Inverse(base)) if exponent < 0 else node] * abs(int(exponent))
    return product(times) if times else Det(sp.S.One, node.rows)


_READERS: tuple[tuple[Any, Any], ...] = (
    (Commuting, lambda E: Det(Eigenvalue(E), E.dimension)),
    (Gaussian, _gaussian),
    (Features, lambda E: _matrix(E.linear)),
    (sp.MatrixSymbol, _symbol),
    (sp.Identity, lambda E: Det(sp.S.One, E.shape[0])),
    (sp.ZeroMatrix, lambda E: Det(sp.S.Zero, E.shape[0])),
    (sp.Inverse, _inverse),  # a subclass of the power
    (sp.MatPow, _power),
    (sp.Transpose, lambda E: transpose(_matrix(E.arg))),
    (sp.MatMul, _product),
    (sp.MatAdd, _sum),
)


def covariance(matrix: sp.MatrixExpr) -> sp.Expr:
    """A deterministic matrix expression as a function of eigenvalues."""
    node = _matrix(matrix)
    assert isinstance(node, Det)
    return node.value


def letters_in(node: Node) -> set[Gaussian]:
    """The Gaussian matrices of a node."""
    own = {node.matrix} if isinstance(node, Letter) else set()
    return own.union(*(letters_in(inner) for inner in node.parts))


def shared_letters(nodes: list[Node]) -> set[Gaussian]:
    """Gaussian matrices that stand in two different inverses, neither inside the other."""
    inverses = {inverse for node in nodes for inverse in _inverses(node)}
    seen: dict[Gaussian, Inv] = {}
    shared = set()
    for node in sorted(inverses, key=lambda found: found.key):
        for letter in letters_in(node):
            if seen.setdefault(letter, node) is not node:
                shared.add(letter)
    return shared


def _inverses(node: Node) -> list[Inv]:
    """The outermost inverses of a node."""
    return [node] if isinstance(node, Inv) else [found for part in node.parts for found in _inverses(part)]


def _values(node: Node) -> list[sp.Expr]:
    """The deterministic matrices of a node, covariances among them."""
    if isinstance(node, Letter):
        return [covariance(node.matrix.rowcov), covariance(node.matrix.colcov)]
    own = [node.value] if isinstance(node, Det) else []
    return own + [value for inner in node.parts for value in _values(inner)]


def _commuting(nodes: list[Node]) -> None:
    """Refuse two matrices of one dimension that were not declared to commute."""
    seen: dict[Dim, Commuting] = {}
    atoms = {a for node in nodes for value in _values(node) for a in value.atoms(Eigenvalue)}
    for eigenvalue in sorted(atoms, key=str):
        matrix = eigenvalue.matrix
        first = seen.setdefault(matrix.dimension, matrix)
        if first.family != matrix.family:
            advice = _FAMILY.format(first.name, matrix.name, matrix.dimension)
            raise ParameterError("expression", sp.Tuple(first, matrix), advice)
