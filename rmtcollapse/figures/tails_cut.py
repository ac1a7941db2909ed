r"""A cut tail ends the scaling law: double scaling in the number of samples and in the cut.

Test error of a memorising learner against the training tokens *T*, one line for each last token *k* that the generator
gives. Without a cut the error decays as :math:`T^{-(1-1/\beta)}` (dotted) for ever; with one it leaves that law at
:math:`T\sim k^\beta` for the mass of what was cut, of the order of :math:`k^{-(\beta-1)}` (dashed). Right: a narrowed
law has no floor but another exponent, :math:`(\beta-1)/\beta'`.

The statement is the paper's; :math:`\beta=1.5`, cuts and exponents are chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rmtcollapse.figures._figure import Figure, Guide, Line, Panel, Size, places
from rmtcollapse.models.heavy_tail import HeavyTail

__all__ = ["FIGURE"]

_EXPONENT = 1.5
_CUTS = (10, 100, 1000, None)
_NARROWED = (None, 2.0, 3.0)
_FARTHER = 1000  # times the largest simulated sample, for the theory


def _panels(size: Size) -> Sequence[Panel]:
    cuts, narrowed = [], []
    for cut in _CUTS:
        model = HeavyTail(exponent=_EXPONENT, samples=10, tail_cut=cut)
        floor = None if cut is None else model.evolve(samples=2**53).theory()["test_error"]
        cuts.append(_line("no cut" if cut is None else f"$k = {cut}$", model, size, floor))
    for exponent in _NARROWED:
        model = HeavyTail(exponent=_EXPONENT, samples=10, narrowed_exponent=exponent)
        narrowed.append(_line(rf"$\beta' = {exponent or _EXPONENT:g}$", model, size, None))
    rates = HeavyTail(exponent=_EXPONENT, samples=10).exponents()
    samples = np.array([10.0, size.dimension * _FARTHER])
    law = Guide(f"$T^{{-{rates['clean_rate']:.2g}}}$", samples, 0.8 * samples ** -rates["clean_rate"])
    return [
        Panel("a tail cut at $k$", cuts, guides=[law], log="xy"),
        Panel("a narrowed tail", narrowed, guides=[law], log="xy"),
    ]


def _line(label: str, model: HeavyTail, size: Size, floor: float | None) -> Line:
    near, simulated = places(10, size.dimension, size.points, whole=True)
    far, _ = places(size.dimension, size.dimension * _FARTHER, 8, between=12, whole=True)
    if model.tail_cut is not None:  # beyond, every token that is left is seen: there is nothing random
        simulated = simulated[simulated <= 1.5 * model.tail_cut**_EXPONENT]
    return Line(label, model, "samples", np.union1d(near, far), simulated, limit=floor)


FIGURE = Figure(
    paper="Dohmatob, Feng, Yang, Charton and Kempe 2024, arXiv 2402.07043, Theorem 2.1",
    panels=_panels,
    sizes={"quick": Size(3000, 4, 30), "standard": Size(30000, 6, 20), "large": Size(300000, 8, 40)},
)
