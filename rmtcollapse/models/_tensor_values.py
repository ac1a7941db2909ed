"""From a point of an explicit curve to values: the stated equations are evaluated there, and certify it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from rmtcollapse.equations.compile import Compiled
from rmtcollapse.equations.operations import DECIMAL, MPMATH
from rmtcollapse.equivalents.tensor_curves import DIGITS, precise
from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.models._parameters import array

__all__ = ["Certified", "Numbers", "certified", "compiled_spiked", "rounded_off", "scaled_sizes"]
__all__ += ["sizes_parameter"]

_GUARD_DIGITS = 30
_LOST = 12  # digits by which the stated equations may be missed
_EPS = float(np.finfo(float).eps)

Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Certified:
    """Parameters of the system, and outputs and unknowns as floats, or as mpmath numbers where digits were asked
    for."""

    given: dict[str, Any]
    outputs: dict[str, Any]
    unknowns: dict[str, Any]
    residual: float
    certificate: float
    digits: int | None


@cache
def compiled_spiked(order: int) -> Compiled:
    """The generated module of :func:`~rmtcollapse.equivalents.tensors.spiked_system`."""

    def build() -> Any:
        from rmtcollapse.equivalents.tensors import spiked_system

        return spiked_system(order)

    return Compiled(f"spiked {order}", build, (Path(__file__),))


def certified(compiled: Compiled, solve: Callable[[], tuple[Numbers, Numbers]], digits: int | None) -> Certified:
    """Solve on the curve, and evaluate what is stated.

    Parameters
    ----------
    compiled : Compiled
        The generated module of the stated system.
    solve : callable
        Returns the parameters and the unknowns of the system, in the current decimal precision.
    digits : int, optional
        Work with this many digits, and evaluate with mpmath.

    Raises
    ------
    ConvergenceError
        If the stated equations are not met to nearly the working precision.
    """
    module, working = compiled.numpy, DIGITS if digits is None else digits + _GUARD_DIGITS
    with precise(working):
        given, unknowns = solve()
        if digits is None:
            exact = {n: Decimal(v) for n, v in given.items()}
            relations, outputs = module.evaluate({**exact, **unknowns}, DECIMAL)
            defect = float(_defect(relations))
            # The root is enclosed to 30 digits, so that rounding to double precision is all that is left.
            found, unknown = ({n: float(v) for n, v in numbers.items()} for numbers in (outputs, unknowns))
            return Certified(dict(given), found, unknown, _judged(defect, working, module.SYSTEM), _EPS, None)
    return _reference(module, given, unknowns, digits, working)


def _reference(module: Any, given: Numbers, unknowns: Numbers, digits: int, working: int) -> Certified:
    import mpmath as mp

    with mp.workdps(working):
        numbers = {n: mp.mpf(str(v)) for n, v in unknowns.items()}
        exact = {n: mp.mpf(v) for n, v in given.items()}
        relations, outputs = module.evaluate({**exact, **numbers}, MPMATH)
        _judged(float(_defect(relations)), working, module.SYSTEM)
        found = {n: mp.mpf(v) for n, v in outputs.items()}
        return Certified(dict(given), found, numbers, 0.0, 10.0**-digits, digits)


def _defect(relations: Any) -> Any:
    return max((abs(a - b) / (abs(a) + abs(b)) for a, b in relations if a != b), default=0.0)


def _judged(defect: float, working: int, name: str) -> float:
    if not defect <= 10.0 ** (_LOST - working):
        raise ConvergenceError(f"{name}: the stated equations are met to {defect:.1e} only; rescale the strengths")
    return defect


# Noise eigenvalues as near to the edge as the signal, from which on values are in their limit but for a power of 1/n:
# by simulation at up to 3,000 trials a size, to a few per cent.
_FEWEST, _FEWEST_BELOW = 0.5, 10.0


def rounded_off(expected: float, detected: bool, names: Iterable[str]) -> dict[str, str]:
    """The values of which experiments tell nothing where so few noise eigenvalues are as near to the edge, and why.

    Overlaps that vanish need more of them than the place of the edge.
    """
    wanted = {n: _FEWEST if detected or n == "singular_value" else _FEWEST_BELOW for n in names}
    return {n: _next_to_it(expected / w) for n, w in wanted.items() if expected < w}


def _next_to_it(share: float) -> str:
    more = f"take sizes of {math.ceil(1 / share):.6g} times these" if share > 1e-9 else "move away from it"
    return f"next to the threshold, which finite sizes round off; {more}"


def scaled_sizes(sizes: Any, factor: int | Fraction) -> list[int]:
    """Sizes times a factor, which must leave them whole."""
    scaled = [Fraction(int(n)) * Fraction(factor) for n in sizes]
    if any(n.denominator != 1 or n < 1 for n in scaled):
        whole = Fraction(factor).denominator
        raise ParameterError("sizes", [int(n) for n in sizes], f"multiples of {whole} to be resized by {factor}")
    return [int(n) for n in scaled]


def sizes_parameter(symbol: str, meaning: str, *shape: str) -> Any:
    """The declaration of a list of sizes."""
    return array(
        symbol, meaning, "whole numbers >= 1, such as 150,300,60", *shape,
        check=lambda v: (v >= 1) & (v == np.floor(v)) & (v <= 2**53), unit="a count",
    )  # fmt: skip
