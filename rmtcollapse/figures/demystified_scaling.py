r"""Recursive labels, power-law spectrum: scaling laws flatten, and an adapted ridge restores the decay.

Test error against the rows *T* of the downstream fit. Left: the ridge :math:`\lambda=T^{-\beta/(2r\beta+1)}` that is
best on clean labels, and generators of fixed size: the clean line follows its rate (dotted), all others leave it, the
earlier the more generations *n* there are. Right: *n* = 5 generations of generators that grow more slowly than *T*,
:math:`T_0\propto T^a`: with the clean ridge the error stops falling; with the adapted one,
:math:`\lambda=T^{-a\beta/(2r\beta+1)}`, it goes on, and with the ridge that minimises the predicted error it is lowest.

Statements from the paper; :math:`\beta=1.5`, *r* = 0.5, :math:`\sigma^2=\sigma_0^2=0.05`, *a* = 0.4 and sizes are
chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rmtcollapse.experiments.grid import Linked
from rmtcollapse.figures._figure import Figure, Guide, Line, Panel, Size, places
from rmtcollapse.models.recursive_regression import RecursiveRegression
from rmtcollapse.spectra.population import Spectrum

__all__ = ["FIGURE"]

_GENERATIONS = (0, 1, 5, 20)
_GROWTH = 0.4  # a


def _panels(size: Size) -> Sequence[Panel]:
    d = size.dimension
    chain = RecursiveRegression(
        spectrum=Spectrum.power_law(d, 1.5, 0.5),
        samples=d,
        ridge=1.0,
        noise_variance=0.05,
        generations=5,
        generator_samples=2 * d,
    )
    near, simulated = places(d / 2, 16 * d, size.points, whole=True)
    rows = np.union1d(near, places(16 * d, 100 * d, 4, whole=True)[0])
    return [_fixed(chain, rows, simulated), _growing(chain, rows, simulated)]


def _fixed(chain: RecursiveRegression, rows: Any, simulated: Any) -> Panel:
    """Generators of fixed size, the clean ridge."""
    rates = chain.exponents()
    grid = _grid(rows, {"ridge": rows ** -rates["clean_ridge"]})
    lines = [Line(f"$n = {g}$", chain.evolve(generations=g), "T", grid, simulated) for g in _GENERATIONS]
    ends = np.array([rows[0], rows[-1]])
    first = chain.evolve(generations=0, samples=int(rows[0]), ridge=float(rows[0] ** -rates["clean_ridge"]))
    level = 0.6 * first.theory()["test_error"] * (ends / ends[0]) ** -rates["clean_rate"]
    return Panel(
        rf"$T_0 = {chain.generator_samples}$, $\lambda = T^{{-{rates['clean_ridge']:.2g}}}$",
        lines,
        guides=[Guide(rf"$T^{{-{rates['clean_rate']:.2g}}}$", ends, level)],
        log="xy",
    )


def _growing(chain: RecursiveRegression, rows: Any, simulated: Any) -> Panel:
    """Generators that grow with the downstream fit, three ridges."""
    made = np.round(2 * chain.spectrum.dimension * (rows / rows[0]) ** _GROWTH).astype(np.int64)
    rates = chain.exponents(_GROWTH)
    there = [chain.evolve(samples=int(t), generator_samples=int(t0)) for t, t0 in zip(rows, made, strict=True)]
    ridges = {
        f"clean ridge $T^{{-{rates['clean_ridge']:.2g}}}$": rows ** -rates["clean_ridge"],
        f"adapted ridge $T^{{-{rates['adaptive_ridge']:.2g}}}$": rows ** -rates["adaptive_ridge"],
        "best ridge": np.array([one.optimal_ridge() for one in there]),
    }
    lines = [
        Line(label, chain, "T", _grid(rows, {"ridge": ridge, "generator_samples": made}), simulated)
        for label, ridge in ridges.items()
    ]
    return Panel(rf"$n = {chain.generations}$, $T_0 \propto T^{{{_GROWTH}}}$", lines, log="xy")


def _grid(rows: Any, follow: dict[str, Any]) -> Linked:
    return Linked(rows, {"samples": rows, **follow}, symbol="T", meaning="rows of the downstream fit")


FIGURE = Figure(
    paper="Dohmatob, Feng and Kempe 2024, arXiv 2402.07712",
    panels=_panels,
    sizes={"quick": Size(30, 3, 40), "standard": Size(100, 6, 20), "large": Size(400, 8, 40)},
)
