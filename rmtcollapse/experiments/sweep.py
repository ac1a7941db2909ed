"""A model over a grid of its parameters, as a labelled dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rmtcollapse.errors import ParameterError, UnknownParameterError, did_you_mean
from rmtcollapse.experiments.executors import default_executor, run_all, seed_sequence, track
from rmtcollapse.experiments.protocol import ExperimentModel
from rmtcollapse.experiments.simulate import Simulation, draws, validated_trials
from rmtcollapse.experiments.store import CellStore, identity

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["sweep"]


def sweep(
    model: ExperimentModel,
    *,
    trials: int | None = None,
    seed: int = 0,
    executor: Executor | None = None,
    progress: bool = False,
    store: str | Path | None = None,
    **grids: Iterable[Any],
) -> xr.Dataset:
    """Evaluate a model's theory, and on request its simulation, over a rectangular grid.

    Parameters
    ----------
    model : model
        Parameters that are not swept keep its values.
    trials : int, optional
        If given, simulate every cell this many times as well.
    seed : int
        Seed of the run; the seed of a cell follows from it and from the cell's place in the grid.
    executor : concurrent.futures.Executor, optional
        Where cells run that are not one compiled call, and all simulations; threads if not given.
    progress : bool
        Show a progress bar on standard error.
    store : path, optional
        Folder where each simulated cell is kept as soon as it is finished; a run that was interrupted resumes there.
    **grids
        One-dimensional grids by parameter name, such as ``ridge=np.logspace(-4, 1, 60)``.

    Returns
    -------
    xarray.Dataset
        A variable for each value; with `trials` also ``<value>_simulated`` and ``<value>_standard_error``. The status
        and the certificate of every point are coordinates.

    Raises
    ------
    ParameterError
        For an unknown parameter or a value outside its domain.
    ConvergenceError
        If a point has no certified solution.
    """
    axes = _validated_axes(model, grids)
    values, coords = _theory(model, axes, executor, progress)
    if trials is not None:
        values.update(_simulations(model, axes, validated_trials(trials), seed, executor, progress, CellStore(store)))
    return _dataset(model, axes, values, coords)


def _validated_axes(model: ExperimentModel, grids: Mapping[str, Iterable[Any]]) -> dict[str, np.ndarray]:
    if not grids:
        raise ParameterError("grid", {}, "at least one parameter=values to sweep over")
    specs = model.specs()
    for name in grids:
        if name not in specs:
            raise UnknownParameterError(
                name, "a grid", f"a parameter of {type(model).__name__}{did_you_mean(name, specs)}"
            )
    return {name: specs[name].validated_grid(name, _listed(g)) for name, g in grids.items()}


def _listed(grid: Any) -> Any:
    """A grid as something with a length; what is not a grid is left for the parameter to refuse."""
    return list(grid) if isinstance(grid, Iterable) and not isinstance(grid, str | np.ndarray) else grid


Values = dict[str, np.ndarray]


def _theory(
    model: ExperimentModel, axes: dict[str, np.ndarray], executor: Executor | None, progress: bool
) -> tuple[Values, Values]:
    shape = tuple(map(len, axes.values()))
    if model.sweepable(tuple(axes)):
        solved = model.theory_grid(axes)
        found = {**solved.unknowns, **solved.outputs}
        values = {name: found[name].reshape(shape) for name in model.VALUES}
        return values, {"status": solved.status.reshape(shape), "certificate": solved.certificate.reshape(shape)}
    cells = [model.evolve(**cell) for cell in _cells(axes)]
    with default_executor(executor) as pool, track(f"solving {model.name()}", len(cells), progress) as advance:
        solved_cells = run_all(pool, _predict, [(cell,) for cell in cells])
        advance(len(cells))
    values = {n: np.array([p[n] for p, _, _ in solved_cells]).reshape(shape) for n in solved_cells[0][0]}
    status = np.array([s for _, s, _ in solved_cells]).reshape(shape)
    return values, {"status": status, "certificate": np.array([c for _, _, c in solved_cells]).reshape(shape)}


def _predict(model: ExperimentModel) -> tuple[dict[str, float], str, float]:
    prediction = model.theory()
    return dict(prediction), prediction.status, prediction.certificate


def _cells(axes: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    return [dict(zip(axes, (_plain(v) for v in cell), strict=True)) for cell in product(*axes.values())]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _simulations(
    model: ExperimentModel,
    axes: dict[str, np.ndarray],
    trials: int,
    seed: int,
    executor: Executor | None,
    progress: bool,
    store: CellStore,
) -> Values:
    shape = tuple(map(len, axes.values()))
    cells = _cells(axes)
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
        values[f"{name}_simulated"] = np.array([s[name].mean for s in made]).reshape(shape)
        values[f"{name}_standard_error"] = np.array([s[name].standard_error for s in made]).reshape(shape)
    return values


def _dataset(model: ExperimentModel, axes: dict[str, np.ndarray], values: Values, coords: Values) -> xr.Dataset:
    import xarray as xr

    dims = tuple(axes)
    specs = model.specs()
    labels = {}
    for name, axis in axes.items():
        spec = specs[name]
        shown = [str(v) for v in axis] if axis.dtype == object else axis
        labels[name] = xr.Variable(
            (name,), shown, {"long_name": spec.meaning, "symbol": spec.symbol, "units": spec.unit}
        )
    fixed = {n: v for n, v in model.parameters().items() if n not in axes and isinstance(v, int | float | str)}
    return xr.Dataset(
        {name: xr.Variable(dims, v, {"long_name": model.VALUES.get(name, "")}) for name, v in values.items()},
        coords={**labels, **{name: (dims, v) for name, v in coords.items()}},
        attrs={"model": model.name(), **fixed},
    )
