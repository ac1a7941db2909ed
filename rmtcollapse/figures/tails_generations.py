r"""Resampled data sets: the error grows as a power of the generations below one.

Test error of a memorising learner against the number *n* of data sets, each as large as the learner's own and drawn
from the one before. The counts of a token are a chain that is run exactly. The error grows as :math:`n^{1-1/\beta}`
(dotted), less than the linear growth :math:`(n+1)E_0` that bounds it (dotted at the left). Right: the different tokens
that are left fall as :math:`n^{-1/\beta}`.

That growth is linear is the paper's, as a bound; exponents and sizes are chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rmtcollapse.figures._figure import Figure, Guide, Line, Panel, Size
from rmtcollapse.models.heavy_tail import HeavyTail

__all__ = ["FIGURE"]

_EXPONENTS = (1.2, 1.5, 2.0)
_LAST = 100  # simulated generation


def _panels(size: Size) -> Sequence[Panel]:
    steps = np.unique(np.round(np.geomspace(1, 3 * _LAST, 20)).astype(int))
    simulated = np.unique(np.round(np.geomspace(1, _LAST, size.points)).astype(int))
    grid = np.union1d(steps, simulated)
    far = np.array([10.0, 3.0 * _LAST])
    errors, tokens = list[Line](), list[Line]()
    laws, losses = list[Guide](), list[Guide]()
    for exponent in _EXPONENTS:
        model = HeavyTail(exponent=exponent, samples=size.dimension, generations=1, generator_samples=size.dimension)
        label = rf"$\beta = {exponent:g}$"
        errors.append(Line(label, model, "generations", grid, simulated))
        tokens.append(Line(label, model, "generations", grid, simulated, value="learned_tokens"))
        last = model.evolve(generations=_LAST).theory()
        rates = model.exponents()
        shown = "" if laws else r"$n^{1-1/\beta}$"
        laws.append(Guide(shown, far, last["test_error"] * (far / _LAST) ** rates["generations_rate"]))
        shown = "" if losses else r"$n^{-1/\beta}$"
        losses.append(Guide(shown, far, last["learned_tokens"] * (far / _LAST) ** -rates["learned_rate"]))
    return [
        Panel(f"$T = T_0 = {size.dimension}$", errors, guides=[*laws, _bound(model)], log="xy"),
        Panel("what is left", tokens, guides=losses, y="learned tokens $L$", log="xy"),
    ]


def _bound(model: HeavyTail) -> Guide:
    """Linear growth, up to an error of one half."""
    first = model.evolve(generations=0).theory()["test_error"]
    steps = np.arange(1, max(3, int(0.5 / first)))
    return Guide(r"$(n+1)E_0$ at $\beta = 2$", steps, (steps + 1) * first)


FIGURE = Figure(
    paper="Dohmatob, Feng, Yang, Charton and Kempe 2024, arXiv 2402.07043",
    panels=_panels,
    sizes={"quick": Size(150, 4, 30), "standard": Size(500, 6, 40), "large": Size(2000, 8, 100)},
)
