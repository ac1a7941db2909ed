"""What a figure declares: panels of lines, each a model along a path, simulated at some places of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from rmtcollapse.errors import ParameterError, did_you_mean
from rmtcollapse.experiments.entries import entry_axes
from rmtcollapse.experiments.executors import seed_sequence
from rmtcollapse.experiments.grid import Linked
from rmtcollapse.experiments.simulate import validated_trials
from rmtcollapse.experiments.sweep import sweep
from rmtcollapse.figures._data import Curves, FigureData, PanelData
from rmtcollapse.models._base import Model

__all__ = ["SIZES", "Figure", "Guide", "Line", "Panel", "Run", "Size", "places"]

SIZES = ("quick", "standard", "large")


@dataclass(frozen=True)
class Size:
    """How large the simulations of a figure are.

    Attributes
    ----------
    dimension : int
        Of the features; everything else that is a count follows from it.
    points : int
        Simulated places of a line.
    trials : int
        Independent experiments at each.
    """

    dimension: int
    points: int
    trials: int


@dataclass(frozen=True)
class Run:
    """How a panel is to be evaluated; without trials nothing is simulated."""

    trials: int | None = None
    seed: int = 0
    executor: Executor | None = None
    progress: bool = False
    store: str | Path | None = None

    def split(self, count: int) -> list[Run]:
        """As many runs of the same kind with seeds of their own."""
        return [replace(self, seed=int(s)) for s in seed_sequence(self.seed).generate_state(count)]


@dataclass(frozen=True)
class Line:
    """One line: a model along an axis, its theory everywhere and its simulation at some places.

    Attributes
    ----------
    label : str
        For the legend.
    model : Model
        What is evaluated; parameters that do not vary keep its values.
    axis : str
        Name of the axis: a parameter, or any word for linked ones.
    grid : sequence or Linked
        Where the theory is drawn.
    simulated : sequence
        Where experiments are run, a part of the grid.
    value : str
        Which value is drawn.
    entry : int, optional
        Which entry of it, where it is an array.
    limit : float, optional
        What the value tends to: a dashed line of the same colour.
    """

    label: str
    model: Model
    axis: str
    grid: Iterable[Any] | Linked
    simulated: Iterable[Any]
    value: str = "test_error"
    limit: float | None = None
    entry: int | None = None

    def evaluate(self, run: Run) -> Any:
        """The sweep behind the line."""
        how: dict[str, Any] = {"executor": run.executor, "progress": run.progress, "store": run.store}
        grids: dict[str, Any] = {self.axis: self.grid}
        found = sweep(
            self.model, trials=run.trials, simulated={self.axis: self.simulated}, seed=run.seed, **how, **grids
        )
        return found if self.entry is None else found.isel({next(iter(entry_axes(self.value, 1))): self.entry})


@dataclass(frozen=True)
class Guide:
    """A line or points of theory alone: a rate, a threshold, the best places of the lines.

    Attributes
    ----------
    label : str
        For the legend; empty keeps it out.
    x, y : array_like
        Its places.
    marker : str
        Draw these markers in place of a line.
    """

    label: str
    x: ArrayLike
    y: ArrayLike
    marker: str = ""


class AnyPanel(Protocol):
    """What a figure is made of; :class:`Panel` is the usual kind."""

    def evaluate(self, run: Run) -> PanelData:
        """Theory and simulation, as something that makes table rows and draws itself."""


@dataclass(frozen=True)
class Panel:
    """Lines over one axis.

    Attributes
    ----------
    title : str
        What is held fixed, or what is to be seen.
    lines : sequence of Line
        In the order of the legend.
    guides : sequence of Guide
        Theory alone.
    x, y : str
        What is written at the axes; that of the swept parameter and of the value if not given.
    log : str
        Which axes are logarithmic: ``""``, ``"x"``, ``"y"`` or ``"xy"``.
    legend : str
        Title of the legend.
    """

    title: str
    lines: Sequence[Line]
    guides: Sequence[Guide] = ()
    x: str = ""
    y: str = "test error $E$"
    log: str = ""
    legend: str = ""

    def evaluate(self, run: Run) -> Curves:
        """Sweep every line."""
        runs = run.split(len(self.lines))
        return Curves(self, tuple(line.evaluate(r) for line, r in zip(self.lines, runs, strict=True)), run.trials)


@dataclass(frozen=True)
class Figure:
    """The declaration of a figure, ``FIGURE`` in its file.

    Attributes
    ----------
    paper : str
        Where the statement that it shows is made.
    panels : callable
        From a :class:`Size` to panels.
    sizes : mapping of str to Size
        For ``"quick"``, ``"standard"`` (under a minute on two cores) and ``"large"``.
    rate : float
        Finite sizes are off by the dimension to the power of minus this: 2/3 where edges of a spectrum are shown.
    """

    paper: str
    panels: Callable[[Size], Sequence[AnyPanel]]
    sizes: Mapping[str, Size] = field(default_factory=dict)
    rate: float = 1.0

    def size(self, name: str) -> Size:
        """The size of this name."""
        if name not in self.sizes:
            raise ParameterError("size", name, f"one of {', '.join(self.sizes)}{did_you_mean(name, self.sizes)}")
        return self.sizes[name]

    def evaluate(self, name: str, summary: str, size: str, simulation: bool, run: Run) -> FigureData:
        """Evaluate all panels."""
        chosen = self.size(size)
        wanted = validated_trials(chosen.trials if run.trials is None else run.trials)
        run = replace(run, trials=wanted if simulation else None)
        panels = self.panels(chosen)
        data = tuple(panel.evaluate(r) for panel, r in zip(panels, run.split(len(panels)), strict=True))
        return FigureData(name, summary, self.paper, size, run.trials, run.seed, data)


def places(low: float, high: float, points: int, between: int = 48, whole: bool = False) -> tuple[Any, Any]:
    """A logarithmic grid for a line and, within it, that of its simulated points; of whole numbers on request."""
    coarse, fine = np.geomspace(low, high, points), np.geomspace(low, high, (points - 1) * between + 1)
    if not whole:
        return np.union1d(fine[np.arange(fine.size) % between > 0], coarse), coarse
    coarse = np.unique(np.round(coarse).astype(np.int64))
    return np.union1d(np.round(fine).astype(np.int64), coarse), coarse
