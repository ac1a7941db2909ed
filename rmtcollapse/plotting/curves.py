"""Pictures of sweeps: one line for each cell of all axes but the longest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rmtcollapse.errors import UnknownParameterError, did_you_mean
from rmtcollapse.plotting._axes import colour_of, new_axes, points, tidy

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["axis_label", "draw_line", "plot_curve"]


def plot_curve(dataset: xr.Dataset, ax: Axes | None = None, values: Sequence[str] | None = None) -> Axes:
    """Draw a sweep: the longest axis across, one line for each cell of the others (or for each value).

    Parameters
    ----------
    dataset : xarray.Dataset
        From :func:`rmtcollapse.sweep`.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if not given.
    values : sequence of str, optional
        Values to draw; the test error, or the first value, if not given.
    """
    names = _drawn(dataset, values)
    swept = dataset["status"].dims
    across = max(swept, key=lambda d: dataset.sizes[d] if dataset[d].dtype.kind in "iuf" else 0)
    axes = new_axes(ax)
    lines = [(n, where) for n in names for where in _cells(dataset[n], across)]
    for i, (name, where) in enumerate(lines):
        label = ", ".join(
            [name.replace("_", " ")] * (len(names) > 1) + [_cell_label(dataset, d, k) for d, k in where.items()]
        )
        draw_line(axes, dataset.isel(where), str(across), name, colour_of(i, len(lines)), label)
    _scales(axes, dataset, str(across), names)
    if len(lines) > 1:
        axes.legend(frameon=False, fontsize=9)
    return tidy(axes)


def _cells(value: xr.DataArray, across: Any) -> Iterator[dict[str, int]]:
    """Places along all axes but one: of the sweep, and of the entries of an array."""
    others = [str(d) for d in value.dims if d != across]
    for cell in np.ndindex(*(value.sizes[d] for d in others)):
        yield dict(zip(others, cell, strict=True))


def _drawn(dataset: xr.Dataset, values: Sequence[str] | None) -> list[str]:
    theory = [str(n) for n in dataset.data_vars if not str(n).endswith(("_simulated", "_standard_error"))]
    if values is None:
        return ["test_error"] if "test_error" in theory else theory[:1]
    for name in values:
        if name not in theory:
            raise UnknownParameterError(
                name, name, f"a value of this sweep{did_you_mean(name, theory)}; it has {', '.join(theory)}"
            )
    return list(values)


def _cell_label(dataset: xr.Dataset, dimension: str, index: int) -> str:
    if dimension not in dataset.coords:  # an entry of an array
        return f"[{index}]"
    value = dataset[dimension].values[index]
    symbol = dataset[dimension].attrs.get("symbol")
    text = value if isinstance(value, str) else f"{value:g}"
    return f"${symbol} = {text}$" if symbol and not isinstance(value, str) else f"{text}"


def draw_line(axes: Axes, data: xr.Dataset, across: str, name: str, colour: str, label: str) -> None:
    """One line of a sweep over `across` alone: theory, and points where it was simulated."""
    x, y = data[across].values, data[name].values
    # A true divergence is a gap in the line, with its place marked.
    axes.plot(x, np.where(np.isfinite(y), y, np.nan), color=colour, linewidth=1.6, label=label or None)
    for place in x[np.isinf(y)]:
        axes.axvline(place, color=colour, linestyle=":", linewidth=1)
    if f"{name}_simulated" in data:
        measured, error = data[f"{name}_simulated"].values, data[f"{name}_standard_error"].values
        there = ~np.isnan(measured)
        points(axes, x[there], measured[there], error[there], colour)


def _scales(axes: Axes, dataset: xr.Dataset, across: str, names: list[str]) -> None:
    from matplotlib.ticker import MaxNLocator

    grid = dataset[across]
    if _geometric(grid.values):
        axes.set_xscale("log")
    elif grid.dtype.kind in "iu":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    shown = np.concatenate([dataset[n].values.ravel() for n in names])
    shown = shown[np.isfinite(shown)]
    if shown.size and shown.min() > 0 and shown.max() / shown.min() > 30:
        axes.set_yscale("log")
    axes.set_xlabel(axis_label(grid))
    axes.set_ylabel(names[0].replace("_", " ") if len(names) == 1 else "value")
    axes.set_title(str(dataset.attrs.get("model", "")), loc="left", fontsize=10)


def axis_label(grid: xr.DataArray) -> str:
    """Meaning and symbol of a swept parameter."""
    symbol = grid.attrs.get("symbol")
    return str(grid.attrs.get("long_name", grid.name)) + (f"  ${symbol}$" if symbol else "")


def _geometric(grid: np.ndarray) -> bool:
    """Whether a grid is spaced more evenly in its logarithm; of words it is not."""
    if grid.dtype.kind not in "iuf":
        return False
    grid = grid[np.isfinite(grid)]
    if not grid.size or grid.min() <= 0 or len(grid) < 3:
        return False
    plain, logarithmic = np.diff(grid), np.diff(np.log(grid))
    return bool(logarithmic.std() * abs(plain.mean()) < plain.std() * abs(logarithmic.mean()))
