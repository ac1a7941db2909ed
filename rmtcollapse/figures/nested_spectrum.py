r"""Spectra of unfoldings: a bulk that no textbook law describes, and the eigenvalue that sees the signal.

Eigenvalues of the unfoldings along the points and along the views, squared, centred and scaled,
:math:`(T_kT_k^\top-\mu_k)/\sigma` with :math:`\mu_k` the product of the other sizes over :math:`n_T` and
:math:`\sigma=\sqrt{n_1n_2n_3}/n_T`, as histograms. In the limit their laws (dotted) are a semicircle, along the points
plus a Marchenko-Pastur law of the noise in the views; at these sizes the first is wider, as the line shows, which has
noise at the actual sizes. The outliers (circles, with standard errors) are at their predicted places.

The paper's parameters: sizes in the ratio 3 : 2 : 1 (the paper's are 600, 400, 200, the large form). Along the points
:math:`\rho=\beta_T^2/\sigma=2`, :math:`\beta_M=1.5`; along the views
:math:`\varrho=\beta_T^2\{\beta_M^2+n_1n_2/(n_1+n_2)\}/\sigma=4`, :math:`\beta_M=3`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.experiments.executors import default_executor, seed_sequence
from rmtcollapse.experiments.simulate import Simulation, draws
from rmtcollapse.figures._figure import Figure, Run, Size
from rmtcollapse.models.nested_matrix_tensor import NestedMatrixTensor

__all__ = ["FIGURE"]

Array = NDArray[np.float64]

_BULK, _LIMIT, _OUTLIER, _SIMULATED = "theory at these sizes", "theory in the limit", "outlier, theory", "simulated"
_WITHIN = 24  # places in a bin where its density is taken


@dataclass(frozen=True, eq=False)
class _Spectrum:
    """A panel: a histogram against a density, and an outlier; `strength` says how strong the signal is."""

    model: NestedMatrixTensor
    edges: Array
    strength: str

    def name(self) -> str:
        return "spectrum"

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Density of the bulk in every bin, and the outlier."""
        found = self.model.draw_spectrum(rng)
        counts = np.histogram(found[:-1], self.edges)[0]
        return {"bulk": counts / (len(found) * np.diff(self.edges)), "outlier": float(found[-1])}

    def evaluate(self, run: Run) -> _SpectrumData:
        """Densities, and their simulation if there is one."""
        if run.trials is None:
            return _SpectrumData(self, None)
        seeds = seed_sequence(run.seed).spawn(run.trials)
        with default_executor(run.executor) as pool:
            found = draws(self, seeds, pool, "spectrum of the unfolding", run.progress)  # type: ignore[arg-type]
        return _SpectrumData(self, Simulation(found))

    @property
    def title(self) -> str:
        along = {2: "points", 3: "views"}[self.model.mode]
        sizes = ", ".join(f"{n:g}" for n in self.model.sizes)
        return rf"along the {along}: sizes {sizes}, {self.strength}, $\beta_M = {self.model.matrix_strength:g}$"

    def bins(self) -> Array:
        """Mean density in every bin."""
        inside = (np.arange(_WITHIN) + 0.5) / _WITHIN
        places = self.edges[:-1, None] + np.diff(self.edges)[:, None] * inside
        return np.asarray(self.model.corrected_density(places).mean(axis=1))

    @property
    def outlier(self) -> float:
        return float(self.model.scaled(self.model.theory()["singular_value"] ** 2))


@dataclass(frozen=True, eq=False)
class _SpectrumData:
    """An evaluated panel."""

    panel: _Spectrum
    simulation: Simulation | None

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row a bin, a place of the limit, and the outlier."""
        panel, law = self.panel, self.panel.model.bulk()
        middles = (panel.edges[1:] + panel.edges[:-1]) / 2
        for x, y in zip(middles, law.density(middles), strict=True):
            yield {"panel": panel.title, "curve": _LIMIT, "x": float(x), "theory": float(y)}
        for k, (x, y) in enumerate(zip(middles, panel.bins(), strict=True)):
            yield self._row(_BULK, "density", float(x), float(y), "bulk", k)
        yield self._row(_OUTLIER, "eigenvalue", panel.outlier, panel.outlier, "outlier")

    def _row(self, curve: str, value: str, x: float, theory: float, name: str, k: int = 0) -> dict[str, Any]:
        model = self.panel.model
        row = {
            "panel": self.panel.title,
            "curve": curve,
            "axis": "eigenvalue",
            "x": x,
            "value": value,
            "theory": theory,
        }
        if self.simulation is not None:
            found = self.simulation[name]
            row |= {"simulated": float(np.ravel(found.mean)[k]), "trials": found.trials}
            row |= {"standard_error": float(np.ravel(found.standard_error)[k])}
        fixed = {n: v for n, v in model.parameters().items() if isinstance(v, int | float | str)}
        return {**row, "status": model.theory().status, "model": model.name(), **fixed}

    def plot(self, ax: Any = None) -> Any:
        """Bars for what was measured, a line and dots for densities, the outlier as a point on its place."""
        from rmtcollapse.plotting import COLOURS, new_axes, tidy

        axes, panel = new_axes(ax), self.panel
        if self.simulation is not None:
            bulk, outlier = self.simulation["bulk"], self.simulation["outlier"]
            axes.bar(panel.edges[:-1], bulk.mean, np.diff(panel.edges), align="edge", color="0.85", edgecolor="0.7",
                     linewidth=0.5, label=_SIMULATED)  # fmt: skip
            axes.errorbar([outlier.mean], [0], xerr=[outlier.standard_error], fmt="o", color=COLOURS[1],
                          markerfacecolor="white", capsize=3, zorder=5, clip_on=False)  # fmt: skip
        beyond = 0.02 * (panel.edges[-1] - panel.edges[0])
        x = np.linspace(panel.edges[0] - beyond, panel.edges[-1] + beyond, 1600)
        axes.plot(x, panel.model.corrected_density(x), color=COLOURS[0], linewidth=1.8, label=_BULK)
        axes.plot(x, panel.model.bulk().density(x), color="0.25", linewidth=1.2, linestyle=":", label=_LIMIT)
        axes.axvline(panel.outlier, 0, 0.3, color=COLOURS[1], linewidth=1.6, label=_OUTLIER)
        k = panel.model.mode
        axes.set_xlabel(rf"eigenvalue of $(T_{k}T_{k}^\top-\mu_{k})/\sigma$")
        axes.set_ylabel("density")
        axes.set_ylim(bottom=0)
        axes.set_title(panel.title, loc="left", fontsize=10)
        axes.legend(fontsize=8, framealpha=0.85, edgecolor="none")
        return tidy(axes)


def _panels(size: Size) -> Sequence[_Spectrum]:
    sizes = [3 * size.dimension, 2 * size.dimension, size.dimension]
    unit, pair = math.sqrt(math.prod(sizes)) / sum(sizes), sizes[0] * sizes[1] / (sizes[0] + sizes[1])
    points = NestedMatrixTensor(sizes=sizes, matrix_strength=1.5, tensor_strength=math.sqrt(2 * unit))
    views = NestedMatrixTensor(
        sizes=sizes, matrix_strength=3.0, tensor_strength=math.sqrt(4 * unit / (9 + pair)), estimand="weights"
    )
    return [_panel(points, r"$\rho = 2$", size.points), _panel(views, r"$\varrho = 4$", size.points)]


def _panel(model: NestedMatrixTensor, strength: str, bins: int) -> _Spectrum:
    places = np.linspace(-3.0, 12.0, 3001)
    inside = places[model.corrected_density(places) > 1e-6]
    return _Spectrum(model, np.linspace(inside[0], inside[-1], bins + 1), strength)


FIGURE = Figure(
    paper="Lebeau, Seddik and Goulart 2024, arXiv 2402.10677",
    panels=_panels,
    sizes={"quick": Size(14, 14, 60), "standard": Size(100, 20, 12), "large": Size(200, 25, 8)},
)
