r"""Strong collapse and model size: a larger model is better or worse, by the quality of the synthetic labels.

Test error against the width *m* of random features, for half real and half synthetic rows whose labels differ by
:math:`\Delta=c^2\Gamma`. Left: :math:`n=5d/6` rows, with the interpolation peak at *m* = *n* (dotted line) and the
linear model as the dashed limit. Right: many rows, :math:`n=33d`; the error falls with the width where
:math:`p_2^2c^2<1` and grows where it is larger: larger models amplify collapse.

Statement from the paper; :math:`d=600,n=500,p_2=1/2,\sigma^2=0.01` and projections of variance 1/*m* are chosen here,
and *d* is smaller where simulated, at the same ratios.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rmtcollapse.experiments.grid import Linked
from rmtcollapse.figures._figure import Figure, Guide, Line, Panel, Size, places
from rmtcollapse.models.strong_collapse import StrongCollapse
from rmtcollapse.spectra.population import Spectrum

__all__ = ["FIGURE"]

_QUALITIES = (0.0, 1.0, 4.0, 8.0)
_RIDGE = 1e-3


def _panels(size: Size) -> Sequence[Panel]:
    d = size.dimension
    few, many = 2 * (5 * d // 12), 2 * (33 * d // 2)
    peak = Guide("$m = n$", [few, few], [0.2, 20.0])
    return [
        Panel(
            rf"few rows: $n/d = {few / d:.2f}$",
            _lines(d, few, places(d / 12, 20 * d, size.points, whole=True)),
            guides=[peak],
            log="xy",
            legend="distance of labels",
        ),
        Panel(
            rf"many rows: $n/d = {many / d:.0f}$",
            _lines(d, many, places(d / 12, 6 * d, size.points, whole=True)),
            log="x",
            legend="distance of labels",
        ),
    ]


def _lines(d: int, rows: int, widths: tuple[Any, Any]) -> list[Line]:
    """One line a quality of the synthetic labels."""
    every, simulated = widths
    entries = 1 / every.astype(float)
    grid = Linked(every, {"width": every, "projection_variance": entries}, symbol="m", meaning="width of the model")
    return [
        Line(f"$c^2 = {c:g}$", mixed, "m", grid, simulated, limit=_linear(mixed))
        for c in _QUALITIES
        for mixed in [_mixture(d, rows, c)]
    ]


def _mixture(d: int, rows: int, distance: float) -> StrongCollapse:
    return StrongCollapse(
        spectrum=Spectrum.isotropic(d).with_target_shift(distance),
        real_samples=rows // 2,
        synthetic_samples=rows // 2,
        ridge=_RIDGE,
        noise_variance=0.01,
    )


def _linear(mixed: StrongCollapse) -> float:
    return float(mixed.theory()["test_error"])


FIGURE = Figure(
    paper="Dohmatob, Feng, Subramonian and Kempe 2024, arXiv 2410.04840",
    panels=_panels,
    sizes={"quick": Size(24, 4, 60), "standard": Size(60, 8, 40), "large": Size(240, 10, 50)},
)
