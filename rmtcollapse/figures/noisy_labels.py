r"""Noisy labels: the accuracy of a ridge classifier against the correction of its targets, and the best correction.

Accuracy against :math:`\rho_+-\rho_-`, on which alone it depends, for *n* rows in dimension *p*. Unequal error rates
and shares of the classes make the best correction (stars) larger than the unbiased one (diamonds), all the more so the
larger *p/n* is; one correction (triangles) makes the classifier learn nothing, and beyond it the sign is wrong.

The setting :math:`n=1000`, :math:`\pi_-=0.3`, :math:`\varepsilon=(0.4,0.3)`, :math:`|\mu|=2`, :math:`\lambda=10` and
:math:`p\in\{100,1000,10000\}` is the paper's, which draws it against :math:`\rho_+` at :math:`\rho_-=0`; here *n* and
*p* are smaller at the same ratios, and the corrections are :math:`\pm(\rho_+-\rho_-)/2`, which keep the sign.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rmtcollapse.experiments.grid import Linked
from rmtcollapse.figures._figure import Figure, Guide, Line, Panel, Size
from rmtcollapse.models.noisy_labels import NoisyLabels

__all__ = ["FIGURE"]

_FLIPS = (0.4, 0.3)
_NEGATIVE = 0.3


def _panels(size: Size) -> Sequence[Panel]:
    n = size.dimension
    model = NoisyLabels(dimension=n, samples=n, ridge=10.0, mean_norm=2.0, negative_fraction=_NEGATIVE,
                        flip_positive=_FLIPS[0], flip_negative=_FLIPS[1])  # fmt: skip
    models = [model.evolve(dimension=p) for p in (n // 10, n, 10 * n)]
    simulated = np.linspace(-0.5, 3.0, size.points)
    every = np.union1d(np.linspace(-1.2, 3.5, 95), simulated)
    halves = {"correction_positive": list(every / 2), "correction_negative": list(-every / 2)}
    grid = Linked(list(every), halves, symbol=r"\rho_+ - \rho_-", meaning="correction")
    positive, negative = model.optimal_correction()
    told = 1 - 2 * ((1 - _NEGATIVE) * _FLIPS[0] + _NEGATIVE * _FLIPS[1])
    marked = {
        "worst": (-told / (1 - 2 * _NEGATIVE), "v"),
        "naive": (0.0, "s"),
        "unbiased": (_FLIPS[0] - _FLIPS[1], "D"),
        "optimal": (positive - negative, "*"),
    }
    return [
        Panel(
            rf"$n = {n}$",
            [Line(f"$p = {m.dimension}$", m, "correction", grid, simulated, value="accuracy") for m in models],
            guides=[_guide(label, x, marker, models) for label, (x, marker) in marked.items()],
            y="accuracy",
        )
    ]


def _guide(label: str, x: float, marker: str, models: Sequence[NoisyLabels]) -> Guide:
    """One choice of the correction on all lines."""
    made = [m.evolve(correction_positive=x / 2, correction_negative=-x / 2) for m in models]
    return Guide(label, [x] * len(made), [float(m.theory()["accuracy"]) for m in made], marker=marker)


FIGURE = Figure(
    paper="Firdoussi and Seddik 2024, arXiv 2405.14088",
    panels=_panels,
    sizes={"quick": Size(40, 5, 60), "standard": Size(100, 8, 100), "large": Size(400, 10, 100)},
)
