r"""Strong collapse: with any fixed share of synthetic rows, more data stops helping.

Test error against the number of rows *n* for shares :math:`p_2` of synthetic rows, one line each. Without synthetic
rows the error decays for ever; with them it tends to the dashed floor :math:`p_2^2\operatorname{tr}\Delta\Sigma`
however many rows there are. Left: isotropic features and a vanishing ridge. Right: a power-law spectrum and the ridge
:math:`\lambda=n^{-\beta/(2r\beta+1)}`, whose rate on clean data, :math:`n^{-2r\beta/(2r\beta+1)}`, is dotted.

The statement is the paper's; shares and parameters are chosen here to show it: :math:`\operatorname{tr}\Gamma
=\operatorname{tr}\Delta=1` (left), :math:`\sigma^2=0.1`, and :math:`\beta=1.5`, *r* = 0.5, :math:`\Delta=\Gamma`
(right).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rmtcollapse.experiments.grid import Linked
from rmtcollapse.figures._figure import Figure, Guide, Line, Panel, Size, places
from rmtcollapse.models.strong_collapse import StrongCollapse
from rmtcollapse.spectra.population import Spectrum

__all__ = ["FIGURE"]

_SHARES = (0.0, 0.01, 0.1, 0.2, 0.5)
_NOISE = 0.1
_FARTHER = 30  # times the largest simulated number of rows, for the theory


def _panels(size: Size) -> Sequence[Panel]:
    d = size.dimension
    flat = Spectrum.isotropic(d).with_target_shift(1.0)
    clean = Spectrum.power_law(4 * d, 1.5, 0.5)
    assert clean.signal is not None
    law = clean.with_target_shift(clean.signal)
    rates = _mixture(law, ridge=1.0).exponents()
    right = _lines(law, lambda n: n ** -rates["clean_ridge"], 2 * d, size)
    rows = np.array([2 * d, 16 * d * _FARTHER])
    rate = rows ** -rates["clean_rate"]
    return [
        Panel(
            r"isotropic, $\lambda = 10^{-6}$",
            _lines(flat, lambda n: np.full(n.shape, 1e-6), 2 * d, size),
            log="xy",
            legend="synthetic share",
        ),
        Panel(
            r"power law, $\lambda = n^{-\beta/(2r\beta+1)}$",
            right,
            guides=[Guide(rf"$n^{{-{rates['clean_rate']:.2g}}}$", rows, 0.4 * rate)],
            log="xy",
            legend="synthetic share",
        ),
    ]


def _mixture(spectrum: Spectrum, **changes: Any) -> StrongCollapse:
    given: dict[str, Any] = {"real_samples": 100, "synthetic_samples": 0, "ridge": 0.0, "noise_variance": _NOISE}
    return StrongCollapse(spectrum=spectrum, **{**given, **changes})


def _lines(spectrum: Spectrum, ridge: Callable[[Any], Any], first: int, size: Size) -> list[Line]:
    """One line a share: real and synthetic rows and the ridge follow the number of rows."""
    near, simulated = places(first, 8 * first, size.points, whole=True)
    far, _ = places(8 * first, 8 * _FARTHER * first, 12, whole=True)
    rows = np.union1d(near, far)
    return [_line(spectrum, share, rows, ridge(rows.astype(float)), simulated) for share in _SHARES]


def _line(spectrum: Spectrum, share: float, rows: Any, ridges: Any, simulated: Any) -> Line:
    synthetic = np.round(share * rows).astype(np.int64)
    linked = {"real_samples": rows - synthetic, "synthetic_samples": synthetic, "ridge": ridges}
    grid = Linked(rows, linked, symbol="n", meaning="rows, real and synthetic")
    mixed = _mixture(spectrum, real_samples=round(1000 * (1 - share)), synthetic_samples=round(1000 * share))
    label = f"$p_2 = {share:g}$"
    return Line(label, mixed, "rows", grid, simulated, limit=mixed.floor(ridge=0.0) if share else None)


FIGURE = Figure(
    paper="Dohmatob, Feng, Subramonian and Kempe 2024, arXiv 2410.04840",
    panels=_panels,
    sizes={"quick": Size(20, 3, 40), "standard": Size(80, 5, 20), "large": Size(300, 6, 50)},
)
