r"""Pruned synthetic data alone: a smooth transition of the accuracy that sharpens as rows are added.

Accuracy of a classifier trained on synthetic rows alone against the error :math:`\varepsilon` of their labels, for *m*
candidates in dimension *p*. All lines cross one half at :math:`\varepsilon^*=\phi/(\phi+\rho)` (dotted), where the sign
of what is learned turns; as *m* grows they tend to a step from :math:`\Phi(|\mu|)` to :math:`\Phi(-|\mu|)`. Beyond
:math:`\varepsilon^*` the classifier is worse than a guess; its accuracy is drawn as it is, not mirrored.

The setting :math:`|\mu|=\gamma=1,\phi=0.8,\rho=0.3` and :math:`m/p=1,10,100,1000` is the paper's, with *p* = 100; it is
simulated in the dimension given above each panel, at the same ratios.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rmtcollapse.figures._figure import Figure, Guide, Line, Panel, Size
from rmtcollapse.models.pruned_synthetic import PrunedSynthetic

__all__ = ["FIGURE"]

_BETWEEN = 24  # places of the theory between two simulated ones


def _panels(size: Size) -> Sequence[Panel]:
    p, last = size.dimension, 1000 * size.dimension
    alone = PrunedSynthetic(
        dimension=p, real_samples=0, synthetic_samples=p, ridge=1.0, mean_norm=1.0, label_error=0.0, keep_correct=0.8,
        keep_wrong=0.3,
    )  # fmt: skip
    simulated = np.linspace(0.0, 1.0, size.points)
    errors = np.union1d(np.linspace(0.0, 1.0, (size.points - 1) * _BETWEEN + 1), simulated)
    lines = [
        Line(f"$m = {m // p}p$" if m > p else "$m = p$", model, "label_error", errors,
             simulated, value="accuracy")
        for m in (p, 10 * p, 100 * p, last)
        for model in [alone.evolve(synthetic_samples=m)]
    ]  # fmt: skip
    critical = float(alone.theory()["critical_label_error"])
    guide = Guide(r"$\varepsilon^*$", [critical, critical], [0.1, 0.9])
    return [
        Panel(
            rf"$p = {p}$, $|\mu| = \gamma = 1$, $\phi = 0.8$, $\rho = 0.3$",
            lines,
            guides=[guide],
            x=r"label error $\varepsilon$",
            y="accuracy",
            legend="candidates",
        )
    ]


FIGURE = Figure(
    paper="Firdoussi, Seddik et al. 2024, arXiv 2410.08942",
    panels=_panels,
    sizes={"quick": Size(20, 5, 24), "standard": Size(40, 9, 24), "large": Size(100, 11, 40)},
)
