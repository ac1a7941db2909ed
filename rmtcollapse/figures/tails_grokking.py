r"""A little real data and a cut tail: a plateau first, then the scaling law resumes.

Test error against the training tokens *T*, a share :math:`\pi` of which is real and the rest from a tail cut at *k*,
one line a share. Up to :math:`T\sim k^\beta` all follow the clean law :math:`T^{-(1-1/\beta)}` (dotted); then they
wait at the mass of what was cut until :math:`\pi T\sim k^\beta`, where the real tokens take over and the error follows
:math:`(\pi T)^{-(1-1/\beta)}`, like grokking.

The statement is the paper's; :math:`\beta=1.5`, *k* = 20 and the shares are chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rmtcollapse.figures._figure import Figure, Guide, Line, Panel, Size, places
from rmtcollapse.models.heavy_tail import HeavyTail

__all__ = ["FIGURE"]

_EXPONENT, _CUT = 1.5, 20
_SHARES = (0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_LAST = 10**9


def _panels(size: Size) -> Sequence[Panel]:
    near, simulated = places(10, size.dimension, size.points, between=24, whole=True)
    far, _ = places(size.dimension, _LAST, 8, between=12, whole=True)
    lines = []
    for share in _SHARES:
        model = HeavyTail(exponent=_EXPONENT, samples=10, tail_cut=_CUT, real_fraction=share)
        # Elsewhere every token that is left is seen and no real one is drawn: there is nothing random.
        varies = simulated[(simulated <= 1.5 * _CUT**_EXPONENT) | (share * simulated >= 3)]
        lines.append(Line(rf"$\pi = {share:g}$", model, "samples", np.union1d(near, far), varies))
    rate = HeavyTail(exponent=_EXPONENT, samples=10).exponents()["clean_rate"]
    samples = np.array([10.0, _LAST])
    law = Guide(f"$T^{{-{rate:.2g}}}$", samples, 0.7 * samples**-rate)
    return [Panel(f"a tail cut at $k = {_CUT}$", lines, guides=[law], log="xy", legend="real share")]


FIGURE = Figure(
    paper="Dohmatob, Feng, Yang, Charton and Kempe 2024, arXiv 2402.07043, Theorem 3.2",
    panels=_panels,
    sizes={"quick": Size(10000, 4, 30), "standard": Size(300000, 7, 10), "large": Size(3000000, 8, 20)},
)
