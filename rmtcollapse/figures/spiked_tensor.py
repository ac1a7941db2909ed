r"""Spiked matrices and tensors: the alignment of a tensor's best rank-one approximation sets in with a jump.

Squared alignment with the signal against its strength :math:`\beta` for equal sizes at orders 2, 3 and 4. For matrices
it grows from zero; from order three on it jumps where the local maximum that sees the signal appears. Stars: from there
on that local maximum is the global one, the maximum-likelihood estimate. The power iteration starts at the signal.

Statement from the paper; sizes are chosen here, with fewer entries a mode at higher orders.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rmtcollapse.figures._figure import Figure, Guide, Line, Panel, Size
from rmtcollapse.models.spiked_tensor import SpikedTensor

__all__ = ["FIGURE"]

_LARGEST = 3.0
_ORDERS = {2: 8, 3: 2, 4: 1}  # and how many times the size of the smallest


def _panels(size: Size) -> Sequence[Panel]:
    models = {d: SpikedTensor(sizes=[k * size.dimension] * d, strength=1.0) for d, k in _ORDERS.items()}
    lines = [Line(f"order {d}", m, "strength", *_grid(m, size.points), value="alignment", entry=0)
             for d, m in models.items()]  # fmt: skip
    jumps = [m for d, m in models.items() if d > 2]
    strengths = [m.mle_threshold() for m in jumps]
    heights = [m.evolve(strength=s).theory()["alignment"][0] for m, s in zip(jumps, strengths, strict=True)]
    return [
        Panel(
            "equal sizes",
            lines,
            guides=[Guide("global maximum from here on", strengths, heights, marker="*")],
            x=r"strength of the signal $\beta$",
            y=r"squared alignment $q^2$",
        )
    ]


def _grid(model: SpikedTensor, points: int) -> tuple[np.ndarray, np.ndarray]:
    """A line with its threshold in it, and places above the threshold where it is simulated."""
    threshold = model.threshold()
    simulated = np.linspace(1.2 * threshold, _LARGEST, points)
    around = threshold * (1 + np.array([-1e-9, 1e-9, *np.geomspace(1e-4, 0.3, 14)]))
    return np.unique(np.concatenate([np.linspace(0, _LARGEST, 61), around, simulated])), simulated


FIGURE = Figure(
    paper="Seddik, Guillaud and Couillet 2024, arXiv 2112.12348",
    panels=_panels,
    sizes={"quick": Size(14, 4, 40), "standard": Size(30, 6, 20), "large": Size(60, 8, 40)},
)
