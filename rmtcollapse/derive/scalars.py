"""Answers of the reduced equations, from the certified solution on: compiled, or in mpmath to any number of digits."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import mpmath as mp

from rmtcollapse.derive.binding import Binding
from rmtcollapse.derive.pencil import Unknown
from rmtcollapse.equations.reference import solve_reference
from rmtcollapse.equations.solve import solve_point
from rmtcollapse.errors import ConvergenceError, ParameterError

if TYPE_CHECKING:
    from rmtcollapse.derive.answer import Answer
    from rmtcollapse.derive.derivation import Derivation

__all__ = ["compiled", "refined"]

_APART = 1e-6  # relative distance of the two answers from which on they are two solutions
_MOST = 1000  # digits
_ENGINE = "reduced: scalar equations"


def compiled(derivation: Derivation, binding: Binding, answer: Answer, solved: Mapping[Unknown, Any]) -> Answer:
    """The answer of the compiled scalar equations, with their own certificate.

    That of the matrix equation where there are none: the reduction took too long, a parameter is complex, an unknown is
    zero, or the scalars are not certified.
    """
    reduction = derivation.reduced
    if reduction is None or not binding.is_real:
        return answer
    arguments = reduction.arguments(binding, solved)
    if any(arguments[guess.name] == 0 for guess, _, _ in reduction.guesses):
        return answer
    try:
        solution = solve_point(reduction.compiled, arguments, reduction.columns(binding))
    except ConvergenceError:
        return answer
    value = solution.outputs["answer"]
    if not abs(value - answer["value"]) <= _APART * abs(value):
        return answer
    return replace(
        answer,
        named={"value": value},
        residual=solution.residual,
        certificate=solution.certificate,
        engine=_ENGINE,
        unknowns=solution.unknowns,
    )


def refined(
    derivation: Derivation, binding: Binding, answer: Answer, solved: Mapping[Unknown, Any], digits: int
) -> Answer:
    """The answer to `digits` digits; see :meth:`Derivation.theory`."""
    if isinstance(digits, bool) or not isinstance(digits, numbers.Integral) or not 1 <= digits <= _MOST:
        raise ParameterError("digits", digits, f"an integer from 1 to {_MOST}")
    if derivation.coefficients:
        raise ParameterError("digits", digits, "None where activations are used: their moments are double precision")
    system, reduction = derivation.equations(), derivation.reduced
    assert reduction is not None
    arguments = reduction.arguments(binding, solved)
    if any(arguments[guess.name] == 0 for guess, _, _ in reduction.guesses):
        raise ConvergenceError(
            "an unknown of the equations is zero, which the reference cannot have: leave the Gaussian matrices without "
            "variance out of the expression, or ask without digits"
        )
    solution = solve_reference(system, arguments, reduction.columns(binding), int(digits))
    value = solution.outputs["answer"]
    if abs(value - answer["value"]) > _APART * abs(value):
        raise ConvergenceError(
            "the reference found another solution than the certified one: the parameters are at an edge, or the value "
            "is a difference that double precision does not resolve; move them, or ask without digits"
        )
    named = {"value": mp.re(value) if binding.is_real else value}
    return replace(answer, named=named, residual=0.0, certificate=10.0**-digits, engine=_ENGINE)
