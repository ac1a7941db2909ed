r"""Accumulated data keep the error bounded, replaced data let it grow with every iteration.

Test error of least squares on its own labels against the iterations *N*, in units of the first iteration's error
:math:`\sigma^2d/(T-d-1)`. Replaced, the error is *N*; accumulated on the same rows it stays below :math:`\pi^2/6`, on
fresh rows below something smaller; subsampled below :math:`\pi^2/2-2`. Limits are dashed. Left: :math:`T=50d`, where
fresh and same rows nearly agree. Right: :math:`T=2d`, where they do not.

Statements from the papers (the constants, for the same rows and for large *T*); dimension and sizes are chosen here.
The subsampled workflow is known to leading order in *d*/*T* and is drawn at the left only.
"""

from __future__ import annotations

from collections.abc import Sequence

from rmtcollapse.figures._figure import Figure, Line, Panel, Size
from rmtcollapse.models.accumulated_regression import AccumulatedRegression

__all__ = ["FIGURE"]

_ITERATIONS = range(1, 31)
_LAST = 16  # simulated iteration
_WORKFLOWS = {
    "replace": ("replace", "fresh"),
    "accumulate, same rows": ("accumulate", "same"),
    "accumulate, fresh rows": ("accumulate", "fresh"),
    "accumulate and subsample": ("accumulate-subsample", "fresh"),
}


def _panels(size: Size) -> Sequence[Panel]:
    few, d = max(4, size.dimension // 4), size.dimension
    return [_panel(few, 50 * few, list(_WORKFLOWS), size), _panel(d, 2 * d, list(_WORKFLOWS)[:3], size)]


def _panel(d: int, samples: int, shown: Sequence[str], size: Size) -> Panel:
    """Label noise such that the first iteration has error 1."""
    unit = (samples - d - 1) / d
    simulated = sorted({round(_LAST ** (k / (size.points - 1))) for k in range(size.points)})
    lines = []
    for label in shown:
        workflow, designs = _WORKFLOWS[label]
        run = AccumulatedRegression(
            dimension=d, samples=samples, noise_variance=unit, iterations=1, workflow=workflow, designs=designs
        )
        limit = run.theory()["limit"] if workflow != "replace" else None
        lines.append(Line(label, run, "iterations", _ITERATIONS, simulated, limit=limit))
    return Panel(
        rf"$d = {d}$, $T = {samples}$",
        lines,
        x="iterations $N$",
        y=r"test error $E$ / first test error",
        log="xy",
    )


FIGURE = Figure(
    paper="Gerstgrasser et al. 2024, arXiv 2404.01413; Dey and Donoho 2024, arXiv 2410.22812",
    panels=_panels,
    sizes={"quick": Size(16, 4, 60), "standard": Size(40, 6, 200), "large": Size(80, 8, 1000)},
)
