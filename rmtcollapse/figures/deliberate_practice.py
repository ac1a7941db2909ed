r"""Deliberate practice: which share to keep, hard examples or easy ones.

Left and middle: test error against the share *p* that is kept, with many rows (:math:`d/n=0.1`) and with few (0.5), for
a pruner that is nearly the truth (:math:`\sigma=0.99`) and one that is not (0.6). The dot marks the best share of hard
examples for the good pruner. With few kept rows the interpolation peak at :math:`p=d/n` (dotted) is in the way. Right:
hard examples at several shares against the number of candidates; with many candidates fewer examples are better.

The model and the right panel are the paper's; :math:`\lambda=10^{-4}` and the cosines are chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rmtcollapse.figures._figure import Figure, Guide, Line, Panel, Size, places
from rmtcollapse.models.deliberate_practice import DeliberatePractice

__all__ = ["FIGURE"]

_PRUNERS = (0.99, 0.6)
_SHARES = (1.0, 0.5, 0.25, 0.1)


def _panels(size: Size) -> Sequence[Panel]:
    d = size.dimension
    return [_shares(d, 10 * d, size), _shares(2 * d, 4 * d, size), _samples(d, size)]


def _practice(d: int, n: int, cosine: float, share: float, keep: str) -> DeliberatePractice:
    return DeliberatePractice(dimension=d, samples=n, ridge=1e-4, pruner_cosine=cosine, keep_fraction=share, keep=keep)


def _shares(d: int, n: int, size: Size) -> Panel:
    """Error against the kept share."""
    simulated = np.linspace(0.1, 1.0, size.points)
    grid = np.union1d(np.linspace(0.04, 1.0, 65), simulated)
    models = {(c, k): _practice(d, n, c, 1.0, k) for c in _PRUNERS for k in ("hard", "easy")}
    lines = [Line(rf"{k}, $\sigma = {c:g}$", m, "keep_fraction", grid, simulated) for (c, k), m in models.items()]
    good = models[_PRUNERS[0], "hard"]
    best = good.optimal_keep_fraction()
    least = good.evolve(keep_fraction=best).theory()["test_error"]
    guides = [Guide("best share", [best], [least], marker="o"), Guide("$p = d/n$", [d / n, d / n], [0.02, 0.5])]
    return Panel(rf"$d/n = {d / n:g}$", lines, guides=guides, x="share that is kept $p$", y="test error")


def _samples(d: int, size: Size) -> Panel:
    """Error of hard examples against the number of candidates."""
    grid, simulated = places(d, 100 * d, size.points, between=10, whole=True)
    lines = [Line(f"$p = {p:g}$", _practice(d, d, 0.99, p, "hard"), "samples", grid, simulated) for p in _SHARES]
    title = rf"hard, $\sigma = 0.99$, $d = {d}$"
    return Panel(title, lines, x="candidates $n$", y="test error", log="xy", legend="share that is kept")


FIGURE = Figure(
    paper="Askari-Hemmat et al. 2025, arXiv 2502.15588",
    panels=_panels,
    sizes={"quick": Size(20, 4, 24), "standard": Size(60, 7, 24), "large": Size(150, 10, 40)},
)
