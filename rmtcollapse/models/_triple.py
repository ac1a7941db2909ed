"""Three unit vectors by their cosines: which triples there are, and the vectors."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.equations.normal_values import height
from rmtcollapse.errors import ParameterError
from rmtcollapse.models._parameters import number

__all__ = ["check_triple", "cosine", "triple"]

Array = NDArray[np.float64]
_EPS = float(np.finfo(float).eps)
_ROUNDED = 8 * _EPS  # what cosines of angles may be off by
_FLAT = 1e-7  # a height that rounding of the cosines makes of 0


def cosine(symbol: str, meaning: str, **given: object) -> float:
    """Declaration of a cosine."""
    in_range = "a number in [-1, 1]"
    return number(symbol, meaning, in_range, lambda v: abs(v) <= 1, unit="a cosine", **given)  # type: ignore[arg-type, no-any-return]


def check_triple(named: dict[str, float], dimension: int | None = None) -> None:
    """Refuse cosines that no three vectors have, or none in so few dimensions; the last is named as the wrong one.

    Parameters
    ----------
    named : dict
        Cosines of the third vector with the first and with the second, and of these with each other.
    dimension : int, optional
        Features.

    Raises
    ------
    ParameterError
        Naming what the last may be, given the others.
    """
    (first, x), (second, y), (last, z) = named.items()
    middle, reach = x * y, math.sqrt(((1 - x) * (1 + x)) * ((1 - y) * (1 + y)))
    # Each cosine is known to rounding only.
    most = math.sqrt(((1 - x) * (1 + x) + _ROUNDED) * ((1 - y) * (1 + y) + _ROUNDED)) + _ROUNDED
    others = f"as {first} = {x:g} and {second} = {y:g} have it"
    if abs(z - middle) > most:
        low, high = max(-1.0, middle - reach), min(1.0, middle + reach)
        raise ParameterError(last, z, f"a number from {low:.6g} to {high:.6g}, {others}")
    flat = height(x, y, z) <= _FLAT
    if dimension == 1 and not abs(x) == abs(y) == abs(z) == 1:
        raise ParameterError("dimension", dimension, f"at least 2 for vectors that are not on a line, {others}")
    if dimension == 2 and not flat and abs(z) != 1:
        raise ParameterError("dimension", dimension, f"at least 3 for vectors that are not in a plane, {others}")


def triple(x: float, y: float, z: float, dimension: int) -> tuple[Array, Array, Array]:
    """Unit vectors, the third of cosines x, y with the first two, which have the cosine z: (dimension,) each."""
    side = math.sqrt((1 - z) * (1 + z))
    along = (y - z * x) / side if side else 0.0
    coordinates = np.array([[1.0, 0.0, 0.0], [z, side, 0.0], [x, along, height(x, y, z)]])
    vectors = np.zeros((3, max(dimension, 3)))
    vectors[:, :3] = coordinates
    if side == 0:  # the second direction is free
        vectors[2, :3] = x, math.sqrt((1 - x) * (1 + x)), 0.0
    first, second, third = vectors[:, :dimension]
    return first, second, third
