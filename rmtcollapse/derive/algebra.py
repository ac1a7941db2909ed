"""The expression as the derivation sees it: sums and products of random letters, deterministic factors and inverses.

Every deterministic matrix is a function of the eigenvalues of commuting ones, so here it is that function: a scalar
expression, which never costs an intermediate vector.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import attrs
import sympy as sp

from rmtcollapse.derive.letters import Commuting, Dim, Gaussian

__all__ = [
    "Det",
    "Eigenvalue",
    "Inv",
    "Letter",
    "Node",
    "Prod",
    "Sum",
    "inverse",
    "product",
    "scaled",
    "summed",
    "transposed",
]


class Eigenvalue(sp.Symbol):
    """An eigenvalue of a commuting matrix, as a scalar."""

    __slots__ = ("matrix",)
    matrix: Commuting

    def __new__(cls, matrix: Commuting) -> Eigenvalue:
        made = super().__xnew__(cls, "|".join((matrix.name, matrix.dimension.name, *matrix.family)), real=True)
        made.matrix = matrix
        return made  # type: ignore[no-any-return]

    def _latex(self, printer: Any) -> str:
        """As its matrix: a function of the one is that function of the other."""
        return str(printer._print(sp.Symbol(self.matrix.name)))


class Node:
    """A matrix. Two are equal where they are written alike."""

    rows: Any
    columns: Any

    @property
    def parts(self) -> tuple[Node, ...]:
        """The nodes that it is made of."""
        return ()

    @cached_property
    def key(self) -> str:
        """How it is written."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@attrs.define(eq=False, slots=False)
class Det(Node):
    """A deterministic matrix f of one dimension, as a function of the eigenvalues."""

    value: sp.Expr
    rows: Dim

    @property
    def columns(self) -> Dim:
        return self.rows

    @cached_property
    def key(self) -> str:
        return f"[{self.value}]_{self.rows.name}"

    @cached_property
    def is_scalar(self) -> bool:
        """Whether it is a multiple of the identity."""
        return not self.value.has(Eigenvalue)


@attrs.define(eq=False, slots=False)
class Letter(Node):
    """A Gaussian matrix, or its transpose."""

    matrix: Gaussian
    turned: bool

    @cached_property
    def rows(self) -> Dim:
        return self.matrix.shape[1 if self.turned else 0]  # type: ignore[no-any-return]

    @cached_property
    def columns(self) -> Dim:
        return self.matrix.shape[0 if self.turned else 1]  # type: ignore[no-any-return]

    @cached_property
    def key(self) -> str:
        return self.matrix.name + ("'" if self.turned else "")


@attrs.define(eq=False, slots=False)
class Prod(Node):
    """A product of at least two factors, none of them a product; no two deterministic ones are neighbours."""

    factors: tuple[Node, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        return self.factors

    @cached_property
    def rows(self) -> Dim:
        return self.factors[0].rows  # type: ignore[no-any-return]

    @cached_property
    def columns(self) -> Dim:
        return self.factors[-1].columns  # type: ignore[no-any-return]

    @cached_property
    def key(self) -> str:
        return "*".join(f.key for f in self.factors)


@attrs.define(eq=False, slots=False)
class Sum(Node):
    """A sum of at least two terms, none of them a sum, in the order of how they are written."""

    terms: tuple[Node, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        return self.terms

    @cached_property
    def rows(self) -> Dim:
        return self.terms[0].rows  # type: ignore[no-any-return]

    @cached_property
    def columns(self) -> Dim:
        return self.terms[0].columns  # type: ignore[no-any-return]

    @cached_property
    def key(self) -> str:
        return "(" + " + ".join(t.key for t in self.terms) + ")"


@attrs.define(eq=False, slots=False)
class Inv(Node):
    """The inverse of a random matrix."""

    body: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.body,)

    @property
    def rows(self) -> Dim:
        return self.body.rows  # type: ignore[no-any-return]

    @property
    def columns(self) -> Dim:
        return self.body.rows  # type: ignore[no-any-return]

    @cached_property
    def key(self) -> str:
        return f"inv({self.body.key})"


def scaled(node: Node) -> tuple[sp.Expr, Node | None]:
    """A node as a scalar times the rest (None for the identity)."""
    if isinstance(node, Det) and node.is_scalar:
        return node.value, None
    if isinstance(node, Prod) and isinstance(node.factors[0], Det) and node.factors[0].is_scalar:
        rest = node.factors[1:]
        return node.factors[0].value, rest[0] if len(rest) == 1 else Prod(rest)
    return sp.S.One, node


def summed(terms: list[Node]) -> Node:
    """The sum, flat, with equal terms collected and all deterministic ones in one; zero is a deterministic 0."""
    rows = terms[0].rows
    fixed: sp.Expr = sp.S.Zero
    found: dict[Node, sp.Expr] = {}
    for term in terms:
        for part in term.terms if isinstance(term, Sum) else (term,):
            if isinstance(part, Det):
                fixed += part.value
            else:
                factor, rest = scaled(part)
                assert rest is not None
                found[rest] = found.get(rest, sp.S.Zero) + factor
    made = [product([Det(c, rows), rest]) for rest, c in found.items() if c != 0]
    if fixed != 0 or not made:
        made.append(Det(fixed, rows))
    return made[0] if len(made) == 1 else Sum(tuple(sorted(made, key=lambda node: node.key)))


def product(factors: list[Node]) -> Node:
    """The product, flat, with neighbouring deterministic factors joined, scalars in front, resolvents reduced."""
    front, kept = _joined(
        [f for factor in factors for f in (factor.factors if isinstance(factor, Prod) else (factor,))]
    )
    rows = factors[0].rows
    if front == 0:
        return Det(sp.S.Zero, rows)
    if (reduced := _reduced(kept)) is not None:
        return product([Det(front, rows), *reduced])
    if len(kept) == 1 and isinstance(kept[0], Sum) and front != 1:
        return summed([product([Det(front, rows), term]) for term in kept[0].terms])
    if kept and isinstance(kept[0], Det):
        kept[0] = Det(front * kept[0].value, rows)
    elif front != 1 or not kept:
        kept = [Det(front, rows), *kept]
    return kept[0] if len(kept) == 1 else Prod(tuple(kept))


def _joined(flat: list[Node]) -> tuple[sp.Expr, list[Node]]:
    """All scalars in one, and the other factors with neighbouring deterministic ones multiplied."""
    front: sp.Expr = sp.S.One
    kept: list[Node] = []
    for factor in flat:
        coefficient, rest = scaled(factor)
        front *= coefficient
        if isinstance(rest, Det) and kept and isinstance(before := kept[-1], Det):
            kept.pop()
            coefficient, rest = scaled(Det(before.value * rest.value, rest.rows))
            front *= coefficient
        if rest is not None:
            kept.append(rest)
    return front, kept


def _reduced(factors: list[Node]) -> list[Node] | None:
    """(cB + f)^-1 B = (1 - (cB + f)^-1 f)/c for deterministic f, and its mirror image, at the first place it fits."""
    for place, factor in enumerate(factors):
        if not isinstance(factor, Inv):
            continue
        terms = factor.body.terms if isinstance(factor.body, Sum) else (factor.body,)
        fixed = [t for t in terms if isinstance(t, Det)] or [Det(sp.S.Zero, factor.rows)]
        rest = [t for t in terms if not isinstance(t, Det)]
        if len(rest) != 1:
            continue
        c, body = scaled(rest[0])
        pattern = list(body.factors) if isinstance(body, Prod) else [body]
        size, one = len(pattern), Det(sp.S.One, factor.rows)
        if factors[place + 1 : place + 1 + size] == pattern:
            inside = summed([one, product([Det(sp.S.NegativeOne, factor.rows), factor, fixed[0]])])
            return [*factors[:place], Det(1 / c, factor.rows), inside, *factors[place + 1 + size :]]
        if place >= size and factors[place - size : place] == pattern:
            inside = summed([one, product([Det(sp.S.NegativeOne, factor.rows), fixed[0], factor])])
            return [*factors[: place - size], Det(1 / c, factor.rows), inside, *factors[place + 1 :]]
    return None


def inverse(body: Node) -> Node:
    """The inverse; of a deterministic matrix it is a function of the eigenvalues."""
    if isinstance(body, Det):
        return Det(1 / body.value, body.rows)
    return body.body if isinstance(body, Inv) else Inv(body)


def transposed(node: Node) -> Node:
    """The transpose, pushed down to the letters."""
    if isinstance(node, Letter):
        return node if node.matrix.is_wigner else Letter(node.matrix, not node.turned)
    if isinstance(node, Inv):
        return Inv(transposed(node.body))
    if isinstance(node, Prod):
        return product([transposed(f) for f in reversed(node.factors)])
    return summed([transposed(t) for t in node.terms]) if isinstance(node, Sum) else node
