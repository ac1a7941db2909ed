r"""Ensembles of ridge classifiers: splitting the rows among learners helps where the ridge is too small.

Error of the mean of *m* classifiers, each trained on its own :math:`k=n/m` rows, at fixed ridges :math:`\lambda`; stars
are at the best number of learners that is drawn, the dotted line is one learner on all rows with the best ridge, which
no ensemble passes. Left: :math:`n=10d`. With a small ridge few learners are worse than one, because each comes near its
interpolation threshold, :math:`m=n/d`, and many are better; with a large one there is nothing to gain. Right:
:math:`n=5d/4`, where one learner is near the threshold, and every further one leads away from it.

Left the paper's defaults: *d* = 100, 500 rows a class, means :math:`\pm0.9e_1`, :math:`\lambda\in\{0.1,10\}`, *m* up to
100, here where *m* divides *n*. The right panel is chosen here; *d* is smaller in the smaller sizes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rmtcollapse.experiments.grid import Linked
from rmtcollapse.figures._figure import Figure, Guide, Line, Panel, Size
from rmtcollapse.models.bagged_lssvm import BaggedLSSVM

__all__ = ["FIGURE"]

_MOST = 100


def _panels(size: Size) -> Sequence[Panel]:
    d = size.dimension
    return [_panel(d, 10 * d, (0.1, 10.0), size.points), _panel(d, 5 * d // 4, (1e-3, 0.1, 10.0), size.points)]


def _panel(d: int, rows: int, ridges: Sequence[float], points: int) -> Panel:
    counts = [m for m in range(1, _MOST + 1) if rows % m == 0]
    simulated = [counts[k] for k in np.unique(np.linspace(0, len(counts) - 1, points).round().astype(int))]
    parameters = {"learners": counts, "subset_samples": [rows // m for m in counts]}
    grid = Linked(counts, parameters, symbol="m", meaning="number of learners")
    alone = BaggedLSSVM(dimension=d, samples=rows, subset_samples=rows, learners=1, mean_norm=0.9, ridge=0.0)
    models = [alone.evolve(ridge=ridge) for ridge in ridges]
    least = min(_error(alone.evolve(ridge=x)) for x in np.geomspace(1e-4, 1e4, 33))
    best = [min(counts, key=lambda m, x=model: _error(x, m)) for model in models]  # type: ignore[misc]
    lowest = [_error(model, m) for m, model in zip(best, models, strict=True)]
    return Panel(
        rf"$d = {d}$, $n = {rows}$",
        [Line(rf"$\lambda = {model.ridge:g}$", model, "m", grid, simulated) for model in models],
        guides=[
            Guide("best number drawn", best, lowest, marker="*"),
            Guide("one learner, best ridge", [1, counts[-1]], [least, least]),
        ],
        y="probability of misclassification",
        log="x",
        legend=r"ridge $\lambda$",
    )


def _error(model: BaggedLSSVM, learners: int = 1) -> float:
    """Of a pool that is split among so many."""
    split = model.evolve(learners=learners, subset_samples=model.samples // learners)
    return float(split.theory()["test_error"])


FIGURE = Figure(
    paper="Cherkaoui et al. 2025, arXiv 2505.14587",
    panels=_panels,
    sizes={"quick": Size(24, 4, 60), "standard": Size(48, 6, 200), "large": Size(100, 8, 300)},
)
