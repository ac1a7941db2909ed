r"""Clustering from several views: the best rank-one tensor sees clusters that the unfolding does not.

Share of right labels against the strength :math:`|\mu|` of the clusters, for weak views, :math:`|h|=0.5`, and strong
ones, :math:`|h|=1.5`: with the weights of the views known, from the best rank-one approximation of the tensor (started
at the signal), and from the unfolding along the points. With strong views the first two all but coincide. The unfolding
is drawn at the actual sizes; dotted is its limit, which promises too much.

The paper's parameters: 150 features, 300 points, 60 views; the quick form has a fifth of these.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rmtcollapse.figures._figure import Figure, Guide, Line, Panel, Size
from rmtcollapse.models.nested_matrix_tensor import NestedMatrixTensor

__all__ = ["FIGURE"]

_LABELS = {"known-weights": "weights known", "tensor": "tensor", "unfolding": "unfolding"}
_LARGEST = 5.0
_SIMULATED = {0.5: 4.9, 1.5: 2.4}  # beyond, hardly a label is wrong


def _panels(size: Size) -> Sequence[Panel]:
    return [_panel(h, size) for h in (0.5, 1.5)]


def _panel(h: float, size: Size) -> Panel:
    d = size.dimension
    lines = [Line(_LABELS[e], m, "matrix_strength", *_grid(m, _SIMULATED[h], size.points), value="accuracy")
             for e in _LABELS for m in [_model(d, h, e)]]  # fmt: skip
    unfolding = _model(d, h, "unfolding").evolve(size_corrected=False)
    places, _ = _grid(unfolding, _SIMULATED[h], size.points)
    limit = [float(unfolding.evolve(matrix_strength=float(x)).theory()["accuracy"]) for x in places]
    return Panel(
        rf"$|h| = {h:g}$",
        lines,
        guides=[Guide("unfolding, in the limit", places, limit)],
        x=r"strength of the clusters $|\mu|$",
        y="share of right labels",
    )


def _model(d: int, h: float, estimator: str) -> NestedMatrixTensor:
    return NestedMatrixTensor(sizes=[d, 2 * d, 2 * d // 5], matrix_strength=1.0, tensor_strength=h, estimator=estimator)


def _grid(model: NestedMatrixTensor, most: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """A line with its threshold in it, and places above the threshold where it is simulated."""
    threshold = model.threshold()
    simulated = np.linspace(1.2 * threshold, most, points)
    around = threshold * (1 + np.array([-1e-9, 1e-9, *np.geomspace(1e-4, 0.3, 14)]))
    return np.unique(np.concatenate([np.linspace(0, _LARGEST, 31), around, simulated])), simulated


FIGURE = Figure(
    paper="Lebeau, Seddik and Goulart 2024, arXiv 2402.10677",
    panels=_panels,
    sizes={"quick": Size(30, 3, 30), "standard": Size(150, 5, 5), "large": Size(150, 8, 20)},
)
