"""Pictures of the papers' figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rmtcollapse.plotting._axes import colour_of, new_axes, points, tidy
from rmtcollapse.plotting.curves import axis_label, draw_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    FigureData = Any  # of the floor above
    Curves = Any

__all__ = ["plot_densities", "plot_figure", "plot_panel"]

_PANEL = (5.4, 4.2)  # inches


def plot_figure(figure: FigureData, axes: Any = None) -> Any:
    """Draw an evaluated figure, its panels side by side, four in a square.

    Returns the axes, an array (panels,) where there are several.

    Parameters
    ----------
    figure : FigureData
        From :func:`rmtcollapse.figures.make`.
    axes : matplotlib Axes or array of Axes, optional
        One for each panel; a new picture if not given.
    """
    count = len(figure.panels)
    if axes is None:
        import matplotlib.pyplot as plt

        rows, columns = (2, 2) if count == 4 else (1, count)
        size = _PANEL[0] * columns, _PANEL[1] * rows
        axes = plt.subplots(rows, columns, figsize=size, layout="constrained")[1]
        axes = np.ravel(axes) if count > 1 else axes
    for panel, own in zip(figure.panels, np.atleast_1d(axes).flat, strict=True):
        panel.plot(own)
    return axes


def plot_panel(curves: Curves, ax: Axes | None = None) -> Axes:
    """Draw one panel of lines: theory as lines, simulation as points, limits dashed, guides dotted.

    Parameters
    ----------
    curves : Curves
        A panel of an evaluated figure.
    ax : matplotlib Axes, optional
        Where to draw; new ones if not given.
    """
    panel, axes = curves.panel, new_axes(ax)
    for k, (line, dataset) in enumerate(zip(panel.lines, curves.datasets, strict=True)):
        colour = colour_of(k, len(panel.lines))
        draw_line(axes, dataset, line.axis, line.value, colour, line.label)
        if line.limit is not None:
            axes.axhline(line.limit, color=colour, linestyle="--", linewidth=1)
    for guide in panel.guides:
        style = {"marker": guide.marker, "linestyle": "none", "markersize": 10} if guide.marker else {"linestyle": ":"}
        axes.plot(guide.x, guide.y, color="0.25", linewidth=1.2, label=guide.label or None, zorder=4, **style)
    if "x" in panel.log:
        axes.set_xscale("log")
    if "y" in panel.log:
        axes.set_yscale("log")
    axes.set_xlabel(panel.x or axis_label(curves.datasets[0][panel.lines[0].axis]))
    axes.set_ylabel(panel.y)
    axes.set_title(panel.title, loc="left", fontsize=10)
    legend = axes.legend(fontsize=8, title=panel.legend or None, title_fontsize=8, framealpha=0.85, edgecolor="none")
    legend.set_zorder(5)
    return tidy(axes)


def plot_densities(densities: Curves, ax: Axes | None = None) -> Axes:
    """Draw one panel of densities: laws as lines, bins of drawn values as points.

    Parameters
    ----------
    densities : Densities
        A panel of an evaluated figure.
    ax : matplotlib Axes, optional
        Where to draw; new ones if not given.
    """
    panel, axes = densities.panel, new_axes(ax)
    for k, (label, line) in enumerate(zip(panel.models, densities.lines, strict=True)):
        colour = colour_of(k, len(panel.models))
        axes.plot(line.grid, line.density, color=colour, linewidth=1.6, label=label)
        if line.simulated is not None:
            points(axes, line.place, line.simulated, line.error, colour)
    axes.set(xlabel=panel.x, ylabel=panel.y)
    axes.set_ylim(bottom=0)
    axes.set_title(panel.title, loc="left", fontsize=10)
    axes.legend(fontsize=8, title=panel.legend or None, framealpha=0.85, edgecolor="none")
    return tidy(axes)
