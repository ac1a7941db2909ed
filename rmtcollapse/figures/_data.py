"""An evaluated figure: what is drawn, as a table, as a report and as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rmtcollapse._deferred import deferred

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Curves", "FigureData", "PanelData"]

Row = dict[str, Any]


class PanelData(Protocol):
    """What evaluating a panel gives, whatever its kind."""

    def rows(self) -> Iterator[Row]:
        """Its part of the table: ``curve``, ``x``, ``theory``, and where measured ``simulated``, ``standard_error``."""

    def plot(self, ax: Any = None) -> Any:
        """Draw it on these matplotlib axes and return them."""


@dataclass(frozen=True, eq=False)
class Curves:
    """An evaluated panel of lines.

    Attributes
    ----------
    panel : Panel
        Its declaration.
    datasets : tuple of xarray.Dataset
        The sweep behind each line.
    trials : int or None
        Experiments at each simulated place.
    """

    panel: Any
    datasets: tuple[xr.Dataset, ...]
    trials: int | None

    plot = deferred("rmtcollapse.plotting", "plot_panel")

    def rows(self) -> Iterator[Row]:
        """One row for each place of each line, of its limit and of each guide."""
        for line, dataset in zip(self.panel.lines, self.datasets, strict=True):
            yield from self._line_rows(line, dataset)
            if line.limit is not None:
                yield {"panel": self.panel.title, "curve": f"limit of {line.label}", "theory": line.limit}
        for guide in self.panel.guides:
            for x, y in zip(guide.x, guide.y, strict=True):
                yield {"panel": self.panel.title, "curve": guide.label, "x": float(x), "theory": float(y)}

    def _line_rows(self, line: Any, dataset: xr.Dataset) -> Iterator[Row]:
        fixed = {n: v for n, v in line.model.parameters().items() if isinstance(v, int | float | str)}
        if "spectrum" in line.model.parameters():
            fixed["spectrum"] = str(line.model.spectrum)
        varied = [str(n) for n in dataset.coords if n in line.model.parameters()]
        simulated = dataset.get(f"{line.value}_simulated")
        for k, x in enumerate(dataset[line.axis].values):
            row = {"panel": self.panel.title, "curve": line.label, "axis": line.axis, "x": x, "value": line.value}
            row |= {"theory": dataset[line.value].values[k]}
            if simulated is not None and not np.isnan(simulated.values[k]):
                error = dataset[f"{line.value}_standard_error"].values[k]
                row |= {"simulated": simulated.values[k], "standard_error": error, "trials": self.trials}
            row |= {"status": str(dataset["status"].values[k]), "model": line.model.name()}
            row |= fixed | {n: dataset[n].values[k] for n in varied}
            yield {n: v.item() if isinstance(v, np.generic) else v for n, v in row.items()}


@dataclass(frozen=True, eq=False)
class FigureData:
    """An evaluated figure.

    Attributes
    ----------
    name, summary, paper : str
        What it is, and where it is from.
    size : str
        ``"quick"``, ``"standard"`` or ``"large"``.
    trials : int or None
        Experiments at each simulated place; None where there was no simulation.
    seed : int
        Of the run.
    panels : tuple
        The evaluated panels.
    """

    name: str
    summary: str
    paper: str
    size: str
    trials: int | None
    seed: int
    panels: tuple[PanelData, ...]

    plot = deferred("rmtcollapse.plotting", "plot_figure")

    def rows(self) -> list[Row]:
        """The table, one mapping for each place that is drawn."""
        return [row for panel in self.panels for row in panel.rows()]

    def to_dataframe(self) -> pd.DataFrame:
        """The table: a row for each place, with its theory, simulation, standard error and all parameters."""
        import pandas as pd

        rows = self.rows()
        frame = pd.DataFrame(rows)
        whole = [c for c in frame if all(isinstance(row.get(c, 0), int) for row in rows)]
        return frame.astype(dict.fromkeys(whole, "Int64"))

    def to_dataset(self) -> xr.Dataset:
        """The table as a dataset of one dimension, ``row``, which netCDF can hold (missing: nan, or no text)."""
        import pandas as pd

        frame = self.to_dataframe().rename_axis("row")
        text = {n: frame[n].fillna("") for n in frame if not pd.api.types.is_numeric_dtype(frame[n])}
        numbers = {n: frame[n].astype(float) for n in frame if n not in text}
        dataset: xr.Dataset = frame.assign(**text, **numbers).to_xarray()
        dataset.attrs = {n: v for n, v in self._head().items() if v is not None}
        return dataset

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**self._head(), "rows": self.rows()}

    def _head(self) -> dict[str, Any]:
        head = {"figure": self.name, "summary": self.summary, "paper": self.paper}
        return {**head, "size": self.size, "trials": self.trials, "seed": self.seed}

    def agreement(self) -> dict[str, float]:
        """How far theory and simulation are apart, over all simulated places.

        Returns
        -------
        dict
            ``simulated_points``; ``median_gap`` and ``largest_gap`` of abs(simulated / theory - 1); ``largest_z``, the
            largest difference in standard errors (which the finite size makes large where noise is small).
        """
        measured = [r for r in self.rows() if "simulated" in r and np.isfinite(r["theory"])]
        if not measured:
            return {"simulated_points": 0}
        theory, simulated, error = (
            np.array([r[n] for r in measured], float) for n in ("theory", "simulated", "standard_error")
        )
        gaps, z = abs(simulated / theory - 1), abs(simulated - theory) / error
        found = {"median_gap": np.median(gaps), "largest_gap": gaps.max(), "largest_z": z.max()}
        return {"simulated_points": len(measured), **{n: float(v) for n, v in found.items()}}

    @property
    def report(self) -> str:
        """The figure in words."""
        found = self.agreement()
        head = f"{self.name}: {self.summary}\n{self.paper}"
        if not found["simulated_points"]:
            return f"{head}\ntheory alone"
        return (
            f"{head}\n{found['simulated_points']} points of {self.trials} trials; |simulation / theory - 1|: median "
            f"{found['median_gap']:.2%}, largest {found['largest_gap']:.1%}; at most {found['largest_z']:.1f} standard "
            "errors apart"
        )
