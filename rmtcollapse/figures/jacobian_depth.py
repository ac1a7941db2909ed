r"""Jacobians of deep networks: Gaussian weights spread the singular values with depth, orthogonal ones need not.

Density of :math:`\log_{10}` of the singular values at criticality. Top: hyperbolic tangents by depth. With Gaussian
weights the spread grows with the depth whatever the activation; with orthogonal weights what spreads is the slope
alone, and small preactivations keep it near 1: dynamical isometry. Bottom: activations at one depth. With Gaussian
weights they differ little; with orthogonal ones ReLU, which loses half of the directions in every layer, has the
largest singular values.

Statement from the paper; depths, :math:`q=0.1` (top right) and :math:`q=1` (elsewhere) are chosen here. Singular
values that are 0, and the smallest 15 % of the others, are not shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from rmtcollapse.figures._figure import Figure, Size
from rmtcollapse.figures._spectra import SpectrumPanel
from rmtcollapse.models.deep_jacobian import DeepJacobian

__all__ = ["FIGURE"]


def _panels(size: Size) -> Sequence[SpectrumPanel]:
    tanh = DeepJacobian(depth=4, activation="tanh", preactivation_variance=1.0, width=size.dimension)
    turned = tanh.evolve(weights="orthogonal")
    small = turned.evolve(preactivation_variance=0.1)
    gaussian = _by_activation(tanh, "linear", "relu", "hard-tanh", "tanh")
    rotated = _by_activation(turned, "relu", "hard-tanh", "tanh", "erf")
    return [
        SpectrumPanel("Gaussian weights, tanh, $q = 1$", {f"$L = {L}$": tanh.evolve(depth=L) for L in (1, 2, 4, 8)}),
        SpectrumPanel("orthogonal weights, tanh, $q = 0.1$", {f"$L = {L}$": small.evolve(depth=L) for L in (2, 4, 8)}),
        SpectrumPanel("Gaussian weights, $L = 4$, $q = 1$", gaussian),
        SpectrumPanel("orthogonal weights, $L = 4$, $q = 1$", rotated),
    ]


def _by_activation(model: DeepJacobian, *names: str) -> dict[str, DeepJacobian]:
    return {name: model.evolve(activation=name) for name in names}


FIGURE = Figure(
    paper="Pennington, Schoenholz and Ganguli 2018, arXiv 1802.09979, and 2017, arXiv 1711.04735",
    panels=_panels,
    sizes={"quick": Size(140, 12, 8), "standard": Size(320, 12, 16), "large": Size(800, 12, 40)},
    rate=2 / 3,
)
