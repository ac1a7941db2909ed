"""Panels of densities: the law of the singular values of a model, and those of networks that were drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse._deferred import deferred
from rmtcollapse.experiments.executors import default_executor, run_all, seed_sequence, track
from rmtcollapse.figures._figure import Run
from rmtcollapse.models.deep_jacobian import DeepJacobian
from rmtcollapse.spectra.law import Law

__all__ = ["Densities", "SpectrumPanel"]

Array = NDArray[np.float64]
BINS, FIRST = 12, 0.15  # bins, and the share of the mass that is left out: of small values, which spread over decades
POINTS, DEEPEST = 160, 8.0  # of a line, and decades below the edge


@dataclass(frozen=True)
class SpectrumPanel:
    """Densities of log10 of the singular values that are not 0.

    Attributes
    ----------
    title : str
        What is held fixed.
    models : mapping of str to DeepJacobian
        By label.
    """

    title: str
    models: dict[str, DeepJacobian]
    x: str = r"$\log_{10}$ singular value"
    y: str = "density"
    legend: str = ""

    def evaluate(self, run: Run) -> Densities:
        """Laws on a grid, and the share of drawn singular values in every bin."""
        runs = run.split(len(self.models))
        return Densities(self, tuple(_line(m, r) for m, r in zip(self.models.values(), runs, strict=True)), run.trials)


@dataclass(frozen=True, eq=False)
class Density:
    """One line: its grid, and for every bin a place, what the law has there, and what was drawn."""

    grid: Array
    density: Array
    place: Array
    expected: Array
    simulated: Array | None
    error: Array | None
    status: str


@dataclass(frozen=True, eq=False)
class Densities:
    """An evaluated panel of densities."""

    panel: SpectrumPanel
    lines: Sequence[Density]
    trials: int | None

    plot = deferred("rmtcollapse.plotting", "plot_densities")

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row for each place of each line, and one for each bin."""
        for (label, model), line in zip(self.panel.models.items(), self.lines, strict=True):
            fixed = {n: v for n, v in model.parameters().items() if isinstance(v, int | float | str)}
            row: dict[str, Any] = {
                "panel": self.panel.title,
                "curve": label,
                "axis": "log10_singular_value",
                "value": "density",
            }
            row |= {"status": line.status, "model": model.name(), **fixed}
            for x, y in zip(line.grid, line.density, strict=True):
                yield {**row, "x": float(x), "theory": float(y)}
            for k, x in enumerate(line.place):
                found = {**row, "x": float(x), "theory": float(line.expected[k])}
                if line.simulated is not None and line.error is not None:
                    drawn = {"simulated": float(line.simulated[k]), "standard_error": float(line.error[k])}
                    found |= drawn | {"trials": self.trials}
                yield found


def _line(model: DeepJacobian, run: Run) -> Density:
    law = model.law()
    ends = _bins(law)
    # Densities fall like a square root at the edge: as many places there as a smooth line wants.
    grid = ends[-1] - (ends[-1] - ends[0]) * np.linspace(1.0, 0.0, POINTS + 1)[:-1] ** 2
    square = 10.0 ** (2 * grid)
    density = law.density(square) * square * 2 * np.log(10)
    expected = np.diff(law.cdf(10.0 ** (2 * ends))) / np.diff(ends)
    expected[-1] = (1 - float(law.cdf(10.0 ** (2 * ends[-2])))) / (ends[-1] - ends[-2])
    place, status = _representative(grid, density, ends, expected), model.theory().status
    if run.trials is None:
        return Density(grid, density, place, expected, None, None, status)
    shares = np.array(_drawn(model, run, ends)) / np.diff(ends)
    whole = 1 / (model.width * np.diff(ends))  # counts are whole numbers
    error = np.sqrt((shares.var(axis=0, ddof=1) + whole**2 / 6) / len(shares))
    return Density(grid, density, place, expected, shares.mean(axis=0), error, status)


def _representative(grid: Array, density: Array, ends: Array, expected: Array) -> Array:
    """Where in every bin the density is its mean over the bin, which is not in the middle where it bends."""
    found = []
    for low, high, mean in zip(ends[:-1], ends[1:], expected, strict=True):
        x = np.linspace(low, high, 101)[:-1]
        found.append(x[np.argmin(abs(np.interp(x, grid, density) - mean))])
    return np.array(found)


def _bins(law: Law) -> Array:
    """Ends of bins of log10 of the singular values, of about equal mass; the last one, at the edge, has twice that."""
    top = np.log10(law.support()[-1][1]) / 2
    places = top - DEEPEST * np.linspace(1.0, 0.0, 121)[:-1] ** 3
    null = float(law.cdf(0.0))
    masses = np.append((law.cdf(10.0 ** (2 * places)) - null) / (1 - null), 1.0)
    levels = np.delete(np.linspace(FIRST, 1.0, BINS + 2), -2)
    ends: Array = np.interp(levels, masses, np.append(places, top))
    return ends


def _drawn(model: DeepJacobian, run: Run, ends: Array) -> list[Array]:
    seeds = seed_sequence(run.seed).spawn(run.trials or 0)
    with default_executor(run.executor) as pool, track("simulating", len(seeds), run.progress) as advance:
        found = run_all(pool, _shares, [(model, seed, ends) for seed in seeds])
        advance(len(seeds))
    return found


def _shares(model: DeepJacobian, seed: np.random.SeedSequence, ends: Array) -> Array:
    """Share of the singular values of one network in every bin; those beyond the last are in it."""
    values = model.singular_values(np.random.default_rng(seed))
    logs = np.log10(values[values > 0])
    return np.histogram(np.minimum(logs, ends[-1]), ends)[0] / values.size
