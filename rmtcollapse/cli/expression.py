"""Expressions in random matrices as a user types them: read by a small grammar of their own, never evaluated.

``sum = term {(+|-) term}``, ``term = sign {(*|@|/) sign}``, ``sign = {+|-} power``, ``power = item [(^|**) sign]``,
``item = (number | name | name(sum) | (sum)) {' | .T}``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import sympy as sp

from rmtcollapse import derive as dv
from rmtcollapse.errors import ParameterError

__all__ = ["FUNCTIONS", "Unit", "names_in", "parse_expression"]

FUNCTIONS = ("tr", "trace", "inv", "sqrt", "log", "exp")
_TOKEN = re.compile(
    r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<name>[^\W\d]\w*)|(?P<mark>\*\*|\.T\b|[-+*/@^()'])"
)
_DEEPEST, _LONGEST, _POWER = 40, 2000, 20


@dataclass(frozen=True)
class Unit:
    """A multiple of an identity matrix whose dimension the matrices beside it decide."""

    factor: Any


def names_in(text: str) -> list[str]:
    """Names that are not called as functions, in their order."""
    return list(dict.fromkeys(re.findall(r"(?<![\w.])[^\W\d]\w*(?!\w|\s*\()", text)))


def parse_expression(text: str, meaning: Callable[[str], Any], option: str = "expression") -> Any:
    """A scalar, a matrix or a `Unit` in the symbols that `meaning` gives to names.

    Raises
    ------
    ParameterError
        For what the grammar does not have, or what cannot be added, multiplied or inverted.
    """
    return _Parser(text, meaning, option).parsed()


def _is_matrix(value: Any) -> bool:
    return isinstance(value, sp.MatrixExpr)


class _Parser:
    def __init__(self, text: str, meaning: Callable[[str], Any], option: str) -> None:
        self.text, self.meaning, self.option = text, meaning, option
        self.tokens, self.place, self.depth = self._tokens(), 0, 0

    def _refuse(self, domain: str) -> NoReturn:
        raise ParameterError(self.option, self.text, domain)

    def _tokens(self) -> list[tuple[str, str, int]]:
        if len(self.text) > _LONGEST:
            self._refuse(f"at most {_LONGEST} characters")
        found, at = [], 0
        while at < len(self.text):
            if self.text[at].isspace():
                at += 1
                continue
            match = _TOKEN.match(self.text, at)
            if match is None:
                self._refuse(f"made of names, numbers, + - * / ^ ' and brackets; character {at + 1} is none of these")
            found.append((str(match.lastgroup), match.group(), at + 1))
            at = match.end()
        return found

    def _next(self, *marks: str) -> str:
        """The mark that stands here, consumed, if it is one of these."""
        if self.place < len(self.tokens):
            kind, word, _ = self.tokens[self.place]
            if kind == "mark" and word in marks:
                self.place += 1
                return word
        return ""

    def _where(self) -> str:
        if self.place == len(self.tokens):
            return "at the end"
        _, word, at = self.tokens[self.place]
        return f"before {word!r} (character {at})"

    def parsed(self) -> Any:
        """The whole text."""
        value = self._sum()
        if self.place < len(self.tokens):
            self._refuse(f"an expression that goes on with an operator, such as *, {self._where()}")
        return value

    def _sum(self) -> Any:
        self.depth += 1
        if self.depth > _DEEPEST:
            self._refuse(f"at most {_DEEPEST} brackets inside one another")
        value = self._term()
        while mark := self._next("+", "-"):
            term = self._term()
            value = self._plus(value, term if mark == "+" else self._times(sp.S.NegativeOne, term))
        self.depth -= 1
        return value

    def _term(self) -> Any:
        value = self._sign()
        while mark := self._next("*", "@", "/"):
            factor = self._sign()
            value = self._times(value, self._reciprocal(factor) if mark == "/" else factor)
        return value

    def _sign(self) -> Any:
        negative = False
        while mark := self._next("+", "-"):
            negative ^= mark == "-"
        value = self._power()
        return self._times(sp.S.NegativeOne, value) if negative else value

    def _power(self) -> Any:
        value = self._item()
        if self._next("^", "**"):
            self.depth += 1
            if self.depth > _DEEPEST:
                self._refuse(f"at most {_DEEPEST} powers inside one another")
            value = self._raised(value, self._sign())
            self.depth -= 1
        return value

    def _item(self) -> Any:
        value = self._atom()
        while self._next("'", ".T"):
            if not isinstance(value, Unit):
                value = value.T if _is_matrix(value) else self._refuse(f"a matrix where it is transposed, not {value}")
        return value

    def _atom(self) -> Any:
        if self._next("("):
            return self._closed()
        if self.place == len(self.tokens) or self.tokens[self.place][0] == "mark":
            self._refuse(f"an expression with a name, a number or a bracket {self._where()}")
        kind, word, _ = self.tokens[self.place]
        self.place += 1
        if kind == "number":
            return self._number(word)
        if self._next("("):
            return self._called(word, self._closed())
        return self.meaning(word)

    def _closed(self) -> Any:
        value = self._sum()
        if not self._next(")"):
            self._refuse(f"an expression whose brackets are closed: ) is missing {self._where()}")
        return value

    def _number(self, word: str) -> Any:
        if not math.isfinite(value := float(word)):
            self._refuse(f"an expression in finite numbers; {word} is too large")
        return sp.Integer(word) if word.isdigit() else sp.Rational(repr(value))

    def _called(self, name: str, value: Any) -> Any:
        if name in ("tr", "trace"):
            if isinstance(value, Unit):
                self._refuse("a trace of a matrix of known dimension: write I_d for the identity on d")
            return dv.trace(value) if _is_matrix(value) else self._refuse(f"a matrix in the trace, not {value}")
        if name == "inv":
            return self._raised(value, sp.S.NegativeOne)
        if name == "sqrt":
            return self._raised(value, sp.S.Half)
        if name not in FUNCTIONS:
            self._refuse(f"an expression in the functions {', '.join(FUNCTIONS)}, not {name}(); products need a *")
        if _is_matrix(value) or isinstance(value, Unit):
            self._refuse(f"free of the {name} of a matrix: sums, products, powers and inverses only")
        return self._constant(getattr(sp, name)(value))

    def _plus(self, a: Any, b: Any) -> Any:
        if isinstance(a, Unit) and isinstance(b, Unit):
            return Unit(a.factor + b.factor)
        if isinstance(a, Unit):
            a, b = b, a
        if _is_matrix(a) and isinstance(b, Unit):
            rows, columns = a.shape
            if rows != columns:
                self._refuse(f"a square matrix where I is added; {a} is {rows} x {columns}")
            return a + b.factor * dv.identity(rows)
        if isinstance(b, Unit) or _is_matrix(a) != _is_matrix(b):
            self._refuse("sums of matrices, or of numbers: write lam*I where a number is added to a matrix")
        return a + b

    def _times(self, a: Any, b: Any) -> Any:
        if isinstance(a, Unit) and isinstance(b, Unit):
            return Unit(a.factor * b.factor)
        if isinstance(b, Unit):
            a, b = b, a
        if isinstance(a, Unit):
            return a.factor * b if _is_matrix(b) else Unit(a.factor * b)
        return a * b

    def _reciprocal(self, value: Any) -> Any:
        if _is_matrix(value) or isinstance(value, Unit):
            self._refuse("free of division by a matrix: write inv(...) on the side where it belongs")
        return self._raised(value, sp.S.NegativeOne)

    def _raised(self, value: Any, exponent: Any) -> Any:
        if _is_matrix(exponent) or isinstance(exponent, Unit):
            self._refuse("free of matrices in exponents")
        if exponent.is_number and not abs(exponent) <= _POWER:
            self._refuse(f"an expression in powers between -{_POWER} and {_POWER}")
        if isinstance(value, Unit):
            return Unit(self._raised(value.factor, exponent))
        if value == 0 and not exponent.is_positive:
            self._refuse("free of division by zero")
        return self._constant(value**exponent)

    def _constant(self, made: Any) -> Any:
        """Constants that double precision can hold."""
        if isinstance(made, sp.Expr) and made.is_number:
            if not made.is_extended_real:
                self._refuse(f"an expression in real constants; {made} is none: give complex numbers by --set")
            if not 1e-300 < abs(sp.N(made)) < 1e300 and made != 0:
                self._refuse("an expression in finite constants, between 1e-300 and 1e300")
        return made
