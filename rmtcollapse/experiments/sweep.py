"""A model over a grid of its parameters, as a labelled dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rmtcollapse.errors import ParameterError
from rmtcollapse.experiments.entries import entry_axes
from rmtcollapse.experiments.executors import default_executor, run_all, seed_sequence, track
from rmtcollapse.experiments.grid import Axis, Linked, attributes, cells, chosen_cells, flat_points, validated_axes
from rmtcollapse.experiments.protocol import ExperimentModel, refuse_no_model
from rmtcollapse.experiments.simulate import Simulation, draws, validated_trials
from rmtcollapse.experiments.store import CellStore, identity

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["sweep"]


def sweep(
    model: ExperimentModel,
    *,
    trials: int | None = None,
    simulated: Mapping[str, Iterable[Any]] | None = None,
    seed: int = 0,
    executor: Executor | None = None,
    progress: bool = False,
    store: str | Path | None = None,
    **grids: Iterable[Any] | Linked,
) -> xr.Dataset:
    """Evaluate a model's theory, and on request its simulation, over a rectangular grid.

    Parameters
    ----------
    model : model
        Parameters that are not swept keep its values.
    trials : int, optional
        If given, simulate every cell this many times as well.
    simulated : mapping of str to sequence, optional
        Values of an axis at which to simulate, all if not given: theory on a fine grid, points on a coarse part of it.
    seed : int
        Seed of the run; the seed of a cell follows from it and from the cell's place among those simulated.
    executor : concurrent.futures.Executor, optional
        Where cells run that are not one compiled call, and all simulations; threads if not given.
    progress : bool
        Show a progress bar on standard error.
    store : path, optional
        Folder where each simulated cell is kept as soon as it is finished; a run that was interrupted resumes there.
    **grids
        One-dimensional grids by parameter name, such as ``ridge=np.logspace(-4, 1, 60)``; under any name, a
        :class:`~rmtcollapse.experiments.grid.Linked` of parameters that change together.

    Returns
    -------
    xarray.Dataset
        A variable for each value; with `trials` also ``<value>_simulated`` and ``<value>_standard_error``, nan where
        nothing was simulated. The entries of an array lie along an axis ``<value>_entry``. The status and the
        certificate of every point are coordinates, as are linked parameters.

    Raises
    ------
    ParameterError
        For an unknown parameter or a value outside its domain.
    ConvergenceError
        If a point has no certified solution.
    """
    refuse_no_model(model)
    axes = validated_axes(model, grids)
    chosen = chosen_cells(axes, simulated)
    values, coords = _theory(model, axes, executor, progress)
    if trials is None:
        return _dataset(model, axes, values, coords)
    here = [cell for cell, wanted in zip(cells(axes), chosen, strict=True) if wanted]
    found = _simulations(model, here, validated_trials(trials), seed, executor, progress, CellStore(store))
    for name, column in found.items():
        values[name] = np.full((chosen.size, *column.shape[1:]), np.nan)
        values[name][chosen] = column
        values[name] = values[name].reshape(*map(len, axes.values()), *column.shape[1:])
    return _dataset(model, axes, values, coords)


Values = dict[str, np.ndarray]


def _theory(
    model: ExperimentModel, axes: dict[str, Axis], executor: Executor | None, progress: bool
) -> tuple[Values, Values]:
    shape = tuple(map(len, axes.values()))
    points = flat_points(axes)
    if model.sweepable(tuple(points)):
        solved = model.theory_points(points, row=shape[-1])
        found = {**solved.unknowns, **solved.outputs}
        values = {name: found[name].reshape(shape) for name in model.VALUES}
        return values, {"status": solved.status.reshape(shape), "certificate": solved.certificate.reshape(shape)}
    models = [model.evolve(**cell) for cell in cells(axes)]
    with default_executor(executor) as pool, track(f"solving {model.name()}", len(models), progress) as advance:
        solved_cells = run_all(pool, _predict, [(m,) for m in models])
        advance(len(models))
    values = {n: _stacked(n, [p[n] for p, _, _ in solved_cells], shape) for n in solved_cells[0][0]}
    status = np.array([s for _, s, _ in solved_cells]).reshape(shape)
    return values, {"status": status, "certificate": np.array([c for _, _, c in solved_cells]).reshape(shape)}


def _predict(model: ExperimentModel) -> tuple[dict[str, Any], str, float]:
    prediction = model.theory()
    return dict(prediction), prediction.status, prediction.certificate


def _stacked(name: str, found: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """A value of every cell in the shape of the grid, the entries of an array behind it."""
    if len({np.shape(v) for v in found}) > 1:
        raise ParameterError(name, found[-1], "an array of the same shape all over the sweep")
    return np.array(found).reshape(shape + np.shape(found[0]))


def _simulations(
    model: ExperimentModel,
    cells: list[dict[str, Any]],
    trials: int,
    seed: int,
    executor: Executor | None,
    progress: bool,
    store: CellStore,
) -> Values:
    seeds = seed_sequence(seed).spawn(len(cells))
    made = []
    with default_executor(executor) as pool, track(f"simulating {model.name()}", len(cells), progress) as advance:
        for index, (cell, own) in enumerate(zip(cells, seeds, strict=True)):
            here = model.evolve(**cell)
            key = f"{index:05d}-{identity(here, trials, seed)}"
            found = store.load(key)
            if found is None:
                found = draws(here, own.spawn(trials), pool, "", False)
                store.save(key, found)
            made.append(Simulation(found))
            advance(1)
    values: Values = {}
    for name in made[0]:
        everywhere = (len(made),)
        values[f"{name}_simulated"] = _stacked(name, [s[name].mean for s in made], everywhere)
        values[f"{name}_standard_error"] = _stacked(name, [s[name].standard_error for s in made], everywhere)
    return values


def _dataset(model: ExperimentModel, axes: dict[str, Axis], values: Values, coords: Values) -> xr.Dataset:
    import xarray as xr

    dims = tuple(axes)
    labels = {}
    for dim, axis in axes.items():
        columns = {**{n: v for n, v in axis.parameters.items() if n != dim}, dim: axis.labels}
        for name, column in columns.items():
            shown = _shown(column)
            notes = dict(axis.attributes) if name == dim else attributes(model.specs()[name])
            labels[name] = xr.Variable((dim,), shown, notes)
    varied = {name for axis in axes.values() for name in axis.parameters}
    plain = {n: v for n, v in model.parameters().items() if n not in varied and isinstance(v, int | float | str)}
    # netCDF has no truth values.
    fixed = {n: int(v) if isinstance(v, bool) else v for n, v in plain.items()}

    def variable(name: str, v: np.ndarray) -> xr.Variable:
        own = name.removesuffix("_simulated").removesuffix("_standard_error")
        return xr.Variable((*dims, *entry_axes(own, v.ndim - len(dims))), v, {"long_name": model.VALUES.get(name, "")})

    return xr.Dataset(
        {name: variable(name, v) for name, v in values.items()},
        coords={**labels, **{name: (dims, v) for name, v in coords.items()}},
        attrs={"model": model.name(), **fixed},
    )


def _shown(column: np.ndarray) -> Any:
    """Values of an axis as a dataset can hold them: numbers, or text."""
    if column.dtype != object:
        return column
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in column)
    return column.astype(float) if numbers else [str(v) for v in column]
