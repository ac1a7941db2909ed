r"""Jacobians of deep networks: Gaussian weights spread the singular values with depth, orthogonal ones need not.

Density of :math:`\log_{10}` of the singular values at criticality. Left: hyperbolic tangents with Gaussian weights; the
spread grows with the depth whatever the activation. Middle: the same with orthogonal weights: what spreads is the slope
alone. Right: orthogonal weights of one depth; ReLU loses half of the directions in every layer and spreads, error
functions and hyperbolic tangents of small preactivations stay near 1: dynamical isometry.

Statement from the paper; depths, :math:`q=1` (left and middle) and :math:`q=0.1` (right) are chosen here. Singular
values that are 0 (half of those of ReLU), and the smallest 15 % of the others, are not shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from rmtcollapse.figures._figure import Figure, Size
from rmtcollapse.figures._spectra import SpectrumPanel
from rmtcollapse.models.deep_jacobian import DeepJacobian

__all__ = ["FIGURE"]


def _panels(size: Size) -> Sequence[SpectrumPanel]:
    tanh = DeepJacobian(depth=1, activation="tanh", preactivation_variance=1.0, width=size.dimension)
    turned = tanh.evolve(weights="orthogonal", depth=4)
    small = turned.evolve(preactivation_variance=0.1)
    return [
        SpectrumPanel("tanh, Gaussian weights", {f"$L = {L}$": tanh.evolve(depth=L) for L in (1, 2, 4)}),
        SpectrumPanel("tanh, orthogonal weights", {f"$L = {L}$": turned.evolve(depth=L) for L in (2, 4, 8)}),
        SpectrumPanel(
            "orthogonal weights, $L = 4$, $q = 0.1$",
            {name: small.evolve(activation=name) for name in ("relu", "tanh", "erf")},
        ),
    ]


FIGURE = Figure(
    paper="Pennington, Schoenholz and Ganguli 2018, arXiv 1802.09979, and 2017, arXiv 1711.04735",
    panels=_panels,
    sizes={"quick": Size(140, 12, 8), "standard": Size(320, 12, 16), "large": Size(800, 12, 40)},
    rate=2 / 3,
)
