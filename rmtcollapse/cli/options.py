"""Options that several commands share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["Json", "Plot", "Seed", "Store", "Trials", "interactive", "save_plot"]

Json = Annotated[bool, typer.Option("--json", help="Print strict JSON.")]
Trials = Annotated[int, typer.Option(help="Independent finite-size experiments.")]
Seed = Annotated[int, typer.Option(help="Seed of the run.")]
Plot = Annotated[Path | None, typer.Option(help="Save the picture here (.png, .pdf or .svg).")]
Store = Annotated[Path | None, typer.Option(help="Folder of finished cells, to resume an interrupted run.")]


def interactive() -> bool:
    """Whether somebody watches."""
    return sys.stderr.isatty()


def save_plot(draw: Any, path: Path | None) -> None:
    """Call `draw` and save the picture of the axes that it returns."""
    if path is None:
        return
    import matplotlib as mpl

    mpl.use("Agg")
    axes = draw()
    figure = getattr(axes, "figure", None) or axes.flat[0].figure
    figure.savefig(path, dpi=150)
