"""The papers' figures: one file each, theory as lines and simulation as points, found by name.

Here live declarations of figures: which models over which grids, where they are simulated, what is written beside them.
Here never live formulas, experiments or drawing: those are of ``models``, ``experiments`` and ``plotting``. Every
module whose name does not begin with an underscore holds one figure, ``FIGURE``; the module's name with dashes is the
figure's and the first line of its docstring the summary, so adding a figure is adding one file.
"""

from __future__ import annotations

from concurrent.futures import Executor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rmtcollapse.figures._data import FigureData
    from rmtcollapse.figures._figure import Figure

__all__ = ["declarations", "find", "make", "summary"]


def declarations() -> dict[str, Figure]:
    """All figures of the package by name, in alphabetical order."""
    from pkgutil import iter_modules

    names = sorted(info.name for info in iter_modules(__path__) if not info.name.startswith("_"))
    return {name.replace("_", "-"): _module(name).FIGURE for name in names}


def _module(name: str) -> Any:
    return import_module(f"{__name__}.{name}")


def find(name: str) -> Figure:
    """The figure of this name.

    Raises
    ------
    UnknownParameterError
        If there is none; names what there is.
    """
    from rmtcollapse.errors import UnknownParameterError, did_you_mean

    known = declarations()
    if name not in known:
        raise UnknownParameterError(name, name, f"a figure{did_you_mean(name, known)}; there are {', '.join(known)}")
    return known[name]


def summary(name: str) -> str:
    """What a figure shows, in one line: the first of its file."""
    return str(_module(name.replace("-", "_")).__doc__).strip().splitlines()[0].rstrip(".")


def make(
    name: str,
    *,
    size: str = "standard",
    trials: int | None = None,
    seed: int = 0,
    simulation: bool = True,
    executor: Executor | None = None,
    progress: bool = False,
    store: str | Path | None = None,
) -> FigureData:
    """Evaluate a figure: theory over its grids, and simulations beside it.

    Parameters
    ----------
    name : str
        Such as ``"strong-collapse-width"``; :func:`declarations` has all.
    size : str
        ``"quick"`` (seconds), ``"standard"`` (under a minute on two cores) or ``"large"``.
    trials : int, optional
        Experiments at each simulated place, at least 2; that of the size if not given.
    seed : int
        Of the run.
    simulation : bool
        Whether to simulate at all.
    executor, progress, store
        As in :func:`~rmtcollapse.experiments.sweep.sweep`; with a store an interrupted figure resumes.

    Returns
    -------
    FigureData
        With ``plot()``, ``to_dataframe()`` and ``report``.

    Raises
    ------
    ParameterError
        For an unknown name or size, trials < 2 or a negative seed.
    """
    from rmtcollapse.figures._figure import Run

    figure = find(name)
    return figure.evaluate(name, summary(name), size, simulation, Run(trials, seed, executor, progress, store))
