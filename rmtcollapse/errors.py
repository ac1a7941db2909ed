"""The three ways in which a call can refuse: bad input, a failed solve, no exact value."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "ConvergenceError",
    "MissingParameterError",
    "NoExactValueError",
    "ParameterError",
    "UnknownParameterError",
    "did_you_mean",
]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the closest known name, or an empty string."""
    close = get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


class ParameterError(ValueError):
    """A parameter outside its domain. The message is one line: parameter, value, domain.

    Parameters
    ----------
    parameter : str
        Name of the parameter, as the user wrote it.
    value : object
        What was given.
    domain : str
        What would be accepted, in words.
    """

    def __init__(self, parameter: str, value: object, domain: str) -> None:
        super().__init__(parameter, value, domain)
        self.parameter = parameter
        self.value = value
        self.domain = domain

    def __str__(self) -> str:
        value = repr(self.value).replace("\n", " ")
        shown = value if len(value) <= 80 else f"{value[:38]}...{value[-39:]}"  # a path's end says more than its middle
        return f"{self.parameter} = {shown} is outside its domain: {self.domain}"


class UnknownParameterError(ParameterError):
    """A name that its owner does not have: `parameter` is the name, `domain` says what there is."""

    def __str__(self) -> str:
        return f"{self.parameter} is not {self.domain}"


class MissingParameterError(ParameterError):
    """A required parameter that was not given; `domain` says what it is."""

    def __str__(self) -> str:
        return f"{self.parameter} is missing: {self.domain}"


class ConvergenceError(RuntimeError):
    """A solve that produced no certified number. The message says what was tried and what to change."""


class NoExactValueError(ValueError):
    """No closed finite-size expectation is known for these parameters; ``theory()`` and ``simulate`` still answer."""
