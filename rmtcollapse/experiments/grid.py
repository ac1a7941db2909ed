"""The axes of a sweep: parameters that vary alone, and parameters that vary together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from rmtcollapse.errors import ParameterError, UnknownParameterError, did_you_mean
from rmtcollapse.experiments.protocol import ExperimentModel

__all__ = ["Axis", "Linked", "attributes", "cells", "chosen_cells", "flat_points", "validated_axes"]


@dataclass(frozen=True)
class Linked:
    """Several parameters that change together along one axis of a sweep.

    Parameters
    ----------
    values : sequence
        What the axis is labelled with, numbers or words.
    parameters : mapping of str to sequence
        Values of each parameter, as many as labels: real and synthetic rows at a fixed share, a ridge that follows
        the sample size, a spectrum for each quality of the labels.
    symbol, meaning, unit : str
        Of the labels, for axes and tables.

    Examples
    --------
    >>> from rmtcollapse.experiments import Linked
    >>> rows = Linked([100, 200], {"real_samples": [90, 180], "synthetic_samples": [10, 20]}, symbol="n")
    """

    values: Sequence[Any]
    parameters: Mapping[str, Sequence[Any]]
    symbol: str = ""
    meaning: str = ""
    unit: str = "dimensionless"


@dataclass(frozen=True, eq=False)
class Axis:
    """A validated axis: its labels, the parameters that vary along it, and what is written beside it."""

    labels: np.ndarray
    parameters: Mapping[str, np.ndarray]
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)


def validated_axes(model: ExperimentModel, grids: Mapping[str, Any]) -> dict[str, Axis]:
    """The axes of a sweep by name.

    Raises
    ------
    ParameterError
        Where there is none, for an unknown parameter, for one that varies along two axes, for a value outside its
        domain, or for linked parameters of unequal length.
    """
    if not grids:
        raise ParameterError("grid", {}, "at least one parameter=values to sweep over")
    axes: dict[str, Axis] = {}
    seen: set[str] = set()
    for name, grid in grids.items():
        axis = _linked(model, name, grid) if isinstance(grid, Linked) else _plain_axis(model, name, grid)
        for parameter in axis.parameters:
            if parameter in seen:
                raise ParameterError(name, parameter, "parameters that no other axis varies")
            seen.add(parameter)
        axes[name] = axis
    return axes


def _known(model: ExperimentModel, name: str) -> Any:
    specs = model.specs()
    if name not in specs:
        raise UnknownParameterError(name, "a grid", f"a parameter of {type(model).__name__}{did_you_mean(name, specs)}")
    return specs[name]


def _plain_axis(model: ExperimentModel, name: str, grid: Any) -> Axis:
    spec = _known(model, name)
    values = spec.validated_grid(name, _listed(grid))
    return Axis(values, {name: values}, attributes(spec))


def _linked(model: ExperimentModel, name: str, grid: Linked) -> Axis:
    labels = np.asarray(grid.values)
    if labels.ndim != 1 or labels.size == 0 or labels.dtype.kind not in "iufU":
        raise ParameterError(name, grid.values, "linked values: a one-dimensional, non-empty list of numbers or words")
    if not grid.parameters:
        raise ParameterError(name, {}, "linked values: at least one parameter that changes with them")
    found = {}
    for parameter, values in grid.parameters.items():
        found[parameter] = _known(model, parameter).validated_grid(parameter, _listed(values))
        if len(found[parameter]) != len(labels):
            raise ParameterError(parameter, len(found[parameter]), f"as many values as {name} has, {len(labels)}")
    return Axis(labels, found, attributes(grid) | {"long_name": grid.meaning or name})


def attributes(described: Any) -> dict[str, str]:
    """What a dataset says of a parameter or of linked values."""
    return {"long_name": described.meaning, "symbol": described.symbol, "units": described.unit}


def _listed(grid: Any) -> Any:
    """A grid as something with a length; what is not a grid is left for the parameter to refuse."""
    return list(grid) if isinstance(grid, Iterable) and not isinstance(grid, str | np.ndarray) else grid


def cells(axes: Mapping[str, Axis]) -> list[dict[str, Any]]:
    """Parameters of every cell of the grid, the last axis fastest."""
    found = []
    for place in product(*(range(len(axis)) for axis in axes.values())):
        cell = {}
        for axis, k in zip(axes.values(), place, strict=True):
            cell.update({name: _plain(values[k]) for name, values in axis.parameters.items()})
        found.append(cell)
    return found


def flat_points(axes: Mapping[str, Axis]) -> dict[str, np.ndarray]:
    """Parameters over the whole grid, (cells,) each, the last axis fastest."""
    places = np.indices([len(axis) for axis in axes.values()]).reshape(len(axes), -1)
    return {
        name: values[place]
        for axis, place in zip(axes.values(), places, strict=True)
        for name, values in axis.parameters.items()
    }


def chosen_cells(axes: Mapping[str, Axis], chosen: Mapping[str, Any] | None) -> np.ndarray:
    """Which cells lie at chosen labels, (cells,); all where nothing is chosen."""
    masks = [np.ones(len(axis), dtype=bool) for axis in axes.values()]
    for name, labels in (chosen or {}).items():
        if name not in axes:
            raise UnknownParameterError(name, labels, f"an axis of this sweep{did_you_mean(name, axes)}")
        wanted = np.atleast_1d(np.asarray(_listed(labels)))
        if not (known := np.isin(wanted, axes[name].labels)).all():
            raise ParameterError(f"simulated {name}", _plain(wanted[~known][0]), "a value of that axis of the sweep")
        masks[list(axes).index(name)] = np.isin(axes[name].labels, wanted)
    found: np.ndarray = np.logical_and.reduce(np.meshgrid(*masks, indexing="ij")).ravel()
    return found


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
