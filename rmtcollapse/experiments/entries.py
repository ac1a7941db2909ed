"""Values that are arrays: what judges numbers sees each entry as a value of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

__all__ = ["by_entry", "columns_by_entry", "entry_axes"]


def _names(name: str, shape: tuple[int, ...]) -> list[str]:
    return [f"{name}[{', '.join(map(str, place))}]" for place in np.ndindex(*shape)] if shape else [name]


def by_entry(values: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers by name; those of an array are named ``name[0]``, ``name[1]``, and so on."""
    return {
        entry: number
        for name, value in values.items()
        for entry, number in zip(_names(name, np.shape(value)), np.ravel(np.asarray(value, object)), strict=True)
    }


def columns_by_entry(draws: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same for draws, (trials, ...) each: one column (trials,) for each entry."""
    return {
        entry: column
        for name, drawn in draws.items()
        for entry, column in zip(_names(name, drawn.shape[1:]), drawn.reshape(len(drawn), -1).T, strict=True)
    }


def entry_axes(name: str, count: int) -> Iterable[str]:
    """Names of the axes of a dataset along which the entries of a value with `count` axes lie."""
    return [f"{name}_entry"] if count == 1 else [f"{name}_entry_{k}" for k in range(count)]
