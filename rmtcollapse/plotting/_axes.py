"""The house look of all pictures: axes, colours, measured points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COLOURS", "colour_of", "new_axes", "points", "tidy"]

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


def colour_of(index: int, count: int) -> Any:
    if count <= len(COLOURS):
        return COLOURS[index]
    import matplotlib as mpl

    return mpl.colormaps["viridis"](index / (count - 1) * 0.9)
