r"""Pruned networks: the right scaling keeps the Jacobian's largest singular value, the wrong one lets it grow.

Largest singular value against the share *s* of weights that is set to 0, linear networks (left) and ReLU (right) at
criticality, Gaussian weights. Divided by the square root of the share of the mean square that is kept, pruned weights
act like dense ones, whichever are pruned. Divided by :math:`\sqrt{1-s}` after pruning the smallest weights, or those of
the smallest score (a weight times a normal sensitivity), which lose little, they make the Jacobian grow by
:math:`(f/(1-s))^{L/2}`; not divided at all, it shrinks.

Statement from the paper (a random mask and scores); the mean square *f* that pruning by a score keeps is derived here,
:math:`L=3` and sizes are chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rmtcollapse.experiments.grid import Linked
from rmtcollapse.figures._figure import Figure, Line, Panel, Size
from rmtcollapse.models.deep_jacobian import DeepJacobian

__all__ = ["FIGURE"]


def _panels(size: Size) -> Sequence[Panel]:
    return [_panel(name, size) for name in ("linear", "relu")]


def _panel(activation: str, size: Size) -> Panel:
    simulated = np.linspace(0.0, 0.9, size.points)
    grid = np.union1d(np.linspace(0.0, 0.95, 39), simulated)
    dense = DeepJacobian(
        depth=3, activation=activation, preactivation_variance=1.0, pruning="magnitude", width=size.dimension
    )
    larger = dense.critical_weight_variance / (1 - grid)
    both: dict[str, Any] = {"sparsity": grid, "weight_variance": larger}
    wrong = Linked(grid.tolist(), both, symbol="s", meaning="share of weights pruned")
    plain = dense.evolve(rescaled=False)
    value = "largest_singular_value"
    lines = [
        Line(r"magnitude, over $\sqrt{1-s}$ (wrong)", plain, "s", wrong, simulated, value),
        Line(r"score, over $\sqrt{1-s}$ (wrong)", plain.evolve(pruning="score"), "s", wrong, simulated, value),
        Line(r"magnitude, over $\sqrt{f}$", dense, "sparsity", grid, simulated, value),
        Line(r"score, over $\sqrt{f}$", dense.evolve(pruning="score"), "sparsity", grid, simulated, value),
        Line(r"random, over $\sqrt{1-s}$", dense.evolve(pruning="random"), "sparsity", grid, simulated, value),
        Line("magnitude, not scaled", plain, "sparsity", grid, simulated, value),
    ]
    return Panel(f"{activation}, $L = 3$", lines, x="share of weights pruned $s$", y="largest singular value", log="y")


FIGURE = Figure(
    paper="Dadoun, Hayou, Salam, Seddik and Youssef 2025, arXiv 2506.08764",
    panels=_panels,
    sizes={"quick": Size(160, 3, 4), "standard": Size(300, 7, 8), "large": Size(800, 10, 16)},
    rate=2 / 3,
)
