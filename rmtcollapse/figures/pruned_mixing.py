r"""Real data and more and more synthetic rows: what verification and a generator fitted to few rows let through.

Accuracy against the share :math:`x=m/(n+m)` of synthetic candidates beside *n* real rows, in three dimensions *p*. The
generator has its covariance from :math:`\hat n=n` rows of its own; its labels are those of a classifier that was
trained on its own *m* rows, so that :math:`\varepsilon` is that classifier's error. Left: an oracle keeps right labels
only. Right: a weak verifier keeps every wrong label and half of the right ones. Dashed: real rows alone, with the loss
divided by *n*.

The setting :math:`n=\hat n=1000,p\in\{50,200,500\},|\mu|=0.7,\gamma=1` and both verifiers are the paper's; it is
simulated at smaller sizes of the same ratios, chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rmtcollapse.experiments.grid import Linked
from rmtcollapse.figures._figure import Figure, Line, Panel, Size, places
from rmtcollapse.models.pruned_synthetic import PrunedSynthetic

__all__ = ["FIGURE"]

_VERIFIERS = {r"oracle: $\phi = 1$, $\rho = 0$": (1.0, 0.0), r"weak: $\phi = 0.5$, $\rho = 1$": (0.5, 1.0)}


def _panels(size: Size) -> Sequence[Panel]:
    d = size.dimension
    return [_panel(title, *keep, size, (d // 10, 2 * d // 5, d)) for title, keep in _VERIFIERS.items()]


def _panel(title: str, correct: float, wrong: float, size: Size, dimensions: Sequence[int]) -> Panel:
    n = 2 * size.dimension
    made, simulated = places(n / 40, 19 * n, size.points, between=12, whole=True)
    return Panel(
        title,
        [_line(p, n, made, simulated, correct, wrong) for p in dimensions],
        x="share of synthetic candidates $x = m/(n + m)$",
        y="accuracy",
        legend=f"$n = {n}$",
    )


def _line(p: int, n: int, made: Any, simulated: Any, correct: float, wrong: float) -> Line:
    model = PrunedSynthetic(
        dimension=p, real_samples=n, synthetic_samples=n, ridge=1.0, mean_norm=0.7, label_error=0.0,
        keep_correct=correct, keep_wrong=wrong, generator="estimated", generator_samples=n,
    )  # fmt: skip
    labeller = model.evolve(real_samples=0, keep_correct=1.0, keep_wrong=1.0)
    errors = [1 - labeller.evolve(synthetic_samples=int(m)).theory()["accuracy"] for m in made]
    grid = Linked(
        made / (n + made), {"synthetic_samples": made, "label_error": errors}, symbol="x", meaning="share of candidates"
    )
    alone = model.evolve(synthetic_samples=0).theory()["accuracy"]
    return Line(f"$p = {p}$", model, "x", grid, simulated / (n + simulated), value="accuracy", limit=alone)


FIGURE = Figure(
    paper="Firdoussi, Seddik et al. 2024, arXiv 2410.08942",
    panels=_panels,
    sizes={"quick": Size(40, 4, 40), "standard": Size(150, 7, 16), "large": Size(500, 10, 20)},
)
