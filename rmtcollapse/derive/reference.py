"""An answer to any number of digits: the reduced equations in mpmath, from the certified solution on."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import mpmath as mp

from rmtcollapse.derive.binding import Binding
from rmtcollapse.derive.pencil import Unknown
from rmtcollapse.equations.reference import solve_reference
from rmtcollapse.errors import ConvergenceError, ParameterError

if TYPE_CHECKING:
    from rmtcollapse.derive.derivation import Answer, Derivation

__all__ = ["refined"]

_APART = 1e-6  # relative distance of the two answers from which on they are two solutions
_MOST = 1000  # digits


def refined(
    derivation: Derivation, binding: Binding, answer: Answer, solved: Mapping[Unknown, Any], digits: int
) -> Answer:
    """The answer to `digits` digits; see :meth:`Derivation.theory`."""
    if isinstance(digits, bool) or not isinstance(digits, numbers.Integral) or not 1 <= digits <= _MOST:
        raise ParameterError("digits", digits, f"an integer between 1 and {_MOST}")
    reduction = derivation.reduced
    if reduction is None:
        raise ConvergenceError(
            "this expression was not reduced to scalar equations in time, which digits= needs: derive its traces one "
            "by one, or ask without digits, which the matrix Dyson equation answers in double precision"
        )
    arguments = reduction.arguments(binding, solved)
    solution = solve_reference(reduction.system, arguments, reduction.columns(binding), int(digits))
    value = solution.outputs["answer"]
    if abs(value - answer["value"]) > _APART * abs(value):
        raise ConvergenceError(
            "the reference found another solution than the certified one: the parameters are at an edge, or the value "
            "is a difference that double precision does not resolve; move them, or ask without digits"
        )
    named = {"value": mp.re(value) if binding.is_real else value}
    return replace(answer, named=named, residual=0.0, certificate=10.0**-digits, engine="reduced: scalar equations")
