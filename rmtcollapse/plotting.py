"""Pictures of results: theory as lines, simulation as points with error bars, the paper's symbols on the axes.

Functions take results and return matplotlib axes; they compute nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rmtcollapse.errors import UnknownParameterError, did_you_mean

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from rmtcollapse.experiments.verdict import Verdict
    from rmtcollapse.spectra.law import Law

    Forecast = Any  # of the floor above

__all__ = [
    "COLOURS",
    "new_axes",
    "plot_curve",
    "plot_forecast",
    "plot_law",
    "plot_learning_curve",
    "plot_verdict",
    "points",
    "tidy",
]

# Okabe and Ito's palette, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31")


def new_axes(axes: Axes | None, size: tuple[float, float] = (6.4, 4.2)) -> Axes:
    """The given axes, or those of a new figure."""
    if axes is not None:
        return axes
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def tidy(axes: Axes) -> Axes:
    """The house look: no box, a faint grid behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def points(axes: Axes, x: Any, y: Any, error: Any, colour: str, label: str | None = None) -> None:
    """Measured points: open circles with bars of one standard error."""
    axes.errorbar(
        x,
        y,
        yerr=error,
        fmt="o",
        color=colour,
        markerfacecolor="white",
        markersize=4.5,
        linewidth=1,
        capsize=2,
        label=label,
    )


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
    across = max(dataset.sizes, key=lambda d: dataset.sizes[d] if dataset[d].dtype.kind in "iuf" else 0)
    others = [str(d) for d in dataset.dims if d != across]
    axes = new_axes(ax)
    lines = [(n, cell) for n in names for cell in np.ndindex(*(dataset.sizes[d] for d in others))]
    for i, (name, cell) in enumerate(lines):
        where = dict(zip(others, cell, strict=True))
        label = ", ".join(
            [name.replace("_", " ")] * (len(names) > 1) + [_cell_label(dataset, d, k) for d, k in where.items()]
        )
        _line(axes, dataset.isel(where), str(across), name, _colour(i, len(lines)), label)
    _scales(axes, dataset, str(across), names)
    if len(lines) > 1:
        axes.legend(frameon=False, fontsize=9)
    return tidy(axes)


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


def _colour(index: int, count: int) -> Any:
    if count <= len(COLOURS):
        return COLOURS[index]
    import matplotlib as mpl

    return mpl.colormaps["viridis"](index / (count - 1) * 0.9)


def _cell_label(dataset: xr.Dataset, dimension: str, index: int) -> str:
    value = dataset[dimension].values[index]
    symbol = dataset[dimension].attrs.get("symbol")
    text = value if isinstance(value, str) else f"{value:g}"
    return f"${symbol} = {text}$" if symbol and not isinstance(value, str) else f"{text}"


def _line(axes: Axes, data: xr.Dataset, across: str, name: str, colour: str, label: str) -> None:
    x, y = data[across].values, data[name].values
    # A true divergence is a gap in the line, with its place marked.
    axes.plot(x, np.where(np.isfinite(y), y, np.nan), color=colour, linewidth=1.6, label=label or None)
    for place in x[np.isinf(y)]:
        axes.axvline(place, color=colour, linestyle=":", linewidth=1)
    if f"{name}_simulated" in data:
        points(axes, x, data[f"{name}_simulated"].values, data[f"{name}_standard_error"].values, colour)


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
    symbol = grid.attrs.get("symbol")
    axes.set_xlabel(f"{grid.attrs.get('long_name', across)}" + (f"  ${symbol}$" if symbol else ""))
    axes.set_ylabel(names[0].replace("_", " ") if len(names) == 1 else "value")
    axes.set_title(str(dataset.attrs.get("model", "")), loc="left", fontsize=10)


def _geometric(grid: np.ndarray) -> bool:
    """Whether a grid is spaced more evenly in its logarithm."""
    if grid.min() <= 0 or len(grid) < 3:
        return False
    plain, logarithmic = np.diff(grid), np.diff(np.log(grid))
    return bool(logarithmic.std() * abs(plain.mean()) < plain.std() * abs(logarithmic.mean()))


def plot_verdict(verdict: Verdict, ax: Axes | None = None) -> Axes:
    """Draw a verdict: relative gaps against 1/size, with the fitted line and its intercept, which is what is judged."""
    axes = new_axes(ax)
    inverse = np.array([float(1 / s) for s in verdict.sizes])
    judged = [r for r in verdict.rows if r.scale > 0]
    for i, row in enumerate(judged):
        colour = _colour(i, len(judged))
        gap = verdict.means[row.name] / verdict.predictions[row.name] - 1
        points(axes, inverse, gap, verdict.errors[row.name] / abs(verdict.predictions[row.name]), colour)
        x = np.array([0.0, inverse.max()])
        axes.plot(
            x, row.relative_gap + row.slope * x, color=colour, linewidth=1.4, label=f"{row.name}: z = {row.z:.1f}"
        )
    axes.axhline(0, color="0.4", linewidth=0.8)
    axes.yaxis.set_major_formatter(lambda v, _: f"{v:.1%}")
    axes.set_xlabel("1 / size (multiples of the model's own)")
    axes.set_ylabel("(simulation - theory) / theory")
    axes.set_title(f"{verdict.model}: {'agrees' if verdict.passed else 'does not agree'}", loc="left", fontsize=10)
    axes.legend(frameon=False, fontsize=9)
    return tidy(axes)


def plot_forecast(forecast: Forecast, axes: Any = None) -> Any:
    """Draw a forecast: the learning curves and the ridge curve, theory as lines and refits as points."""
    if axes is None:
        import matplotlib.pyplot as plt

        axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")[1]
    plot_learning_curve(forecast, axes[0])
    right, curve = axes[1], forecast.regularisation
    right.plot(curve.ridge, curve.predicted, color=COLOURS[2], label=f"theory, $N = {curve.samples[0]:.0f}$")
    points(right, curve.ridge, curve.measured, curve.standard_error, COLOURS[2], "refits")
    right.axvline(
        forecast.best_ridge_predicted, color="0.4", linestyle=":", linewidth=1.2, label="best ridge, predicted"
    )
    right.set(xscale="log", xlabel=r"ridge $\lambda$", ylabel="mean squared error")
    right.legend(frameon=False, fontsize=9)
    tidy(right)
    return axes


def plot_learning_curve(forecast: Forecast, ax: Axes | None = None) -> Axes:
    """Draw the learning curves of a forecast against the number of rows."""
    axes = new_axes(ax)
    small = f"{forecast.plain.ridge[0]:.2g}"
    for curve, colour, label in (
        (forecast.plain, COLOURS[1], rf"$\lambda = {small}$"),
        (forecast.tuned, COLOURS[0], "best $\\lambda$"),
    ):
        axes.plot(curve.samples, curve.predicted, color=colour, label=f"theory, {label}")
        points(axes, curve.samples, curve.measured, curve.standard_error, colour, "refits")
    axes.axhline(forecast.noise_variance, color="0.4", linestyle=":", linewidth=1.2, label="noise")
    axes.axhline(forecast.variance, color="0.7", linestyle=":", linewidth=1.2, label="target variance")
    axes.set(xscale="log", yscale="log", xlabel="rows $N$", ylabel="mean squared error", title=forecast.source)
    axes.legend(frameon=False, fontsize=8)
    return tidy(axes)


def plot_law(law: Law, ax: Axes | None = None, eigenvalues: Any = None, points: int = 600, bins: int = 60) -> Axes:
    """Draw a spectral law: its density as a line, its atoms as stems, a sample of eigenvalues behind it as a histogram.

    Parameters
    ----------
    law : Law
        Anything of `rmtcollapse.spectra`.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if not given.
    eigenvalues : array_like, optional
        Of matrices, as from `rmtcollapse.experiments.eigenvalues`; those at atoms of the law are counted in the stems.
    points : int
        Points of the line, over all bulks together.
    bins : int
        Bins of the histogram.
    """
    axes = new_axes(ax)
    support, atoms = law.support(), law.atoms()
    left = min([interval[0] for interval in support] + [place for place, _ in atoms])
    right = max([interval[1] for interval in support] + [place for place, _ in atoms])
    margin = 0.04 * (right - left) or 1.0
    if eigenvalues is not None:
        _histogram(axes, np.asarray(eigenvalues, float).ravel(), atoms, bins, margin)
    top = _density_lines(axes, law, support, points)
    for i, (place, mass) in enumerate(atoms):
        axes.vlines(place, 0, top * 1.05, color=COLOURS[1], linewidth=1.5)
        axes.plot(place, top * 1.05, "v", color=COLOURS[1], markersize=5, label="atoms" if i == 0 else None)
        if len(atoms) <= 4:
            axes.annotate(
                f"mass {mass:.3g}", (place, top * 1.05), xytext=(6, -3), textcoords="offset points", fontsize=9
            )
    axes.set_xlim(left - margin, right + margin)
    axes.set_ylim(0, top * 1.15)
    axes.set_xlabel("eigenvalue")
    axes.set_ylabel("density")
    if eigenvalues is not None or atoms:
        axes.legend(frameon=False, fontsize=9)
    return tidy(axes)


def _density_lines(axes: Axes, law: Law, support: list[tuple[float, float]], count: int) -> float:
    """One line a bulk; returns the height that shows them, cut where a density diverges."""
    heights = []
    each = max(40, count // max(1, len(support)))
    for i, (start, end) in enumerate(support):
        x = start + (end - start) * np.sin(np.linspace(0, np.pi / 2, each)[1:-1]) ** 2
        y = law.density(x)
        x, y = np.concatenate([[start], x, [end]]), np.concatenate([[law.density(start)], y, [law.density(end)]])
        heights.append((y[np.isfinite(y)], float(law.masses()[i]) / (end - start)))
        axes.plot(
            x[np.isfinite(y)], y[np.isfinite(y)], color=COLOURS[0], linewidth=1.8, label="law" if i == 0 else None
        )
    if not heights:
        return 1.0
    return float(max(min(y.max(), 6 * max(mean, float(np.median(y)))) for y, mean in heights))


def _histogram(axes: Axes, values: Any, atoms: list[tuple[float, float]], bins: int, margin: float) -> None:
    at_atom = np.zeros(values.shape, bool)
    for place, _ in atoms:
        at_atom |= np.abs(values - place) < 1e-9 * max(1.0, margin)
    rest = values[~at_atom]
    if rest.size:
        edges = np.linspace(rest.min(), rest.max(), bins + 1)
        weights = np.full(rest.size, 1 / (values.size * (edges[1] - edges[0])))
        axes.hist(
            rest,
            bins=edges.tolist(),
            weights=weights,
            color="0.85",
            edgecolor="0.7",
            linewidth=0.5,
            label="eigenvalues",
        )
