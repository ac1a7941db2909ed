"""Pictures of spectral laws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rmtcollapse.plotting._axes import COLOURS, new_axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rmtcollapse.spectra.law import Law

__all__ = ["plot_law"]


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
