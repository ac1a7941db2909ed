r"""Recursive labels, power-law spectrum: scaling laws flatten, and an adapted ridge restores the decay.

Test error against the rows *T* of the downstream fit. Left: the ridge :math:`\lambda=T^{-\beta/(2r\beta+1)}` that is
best on clean labels, and generators of fixed size: the clean line follows its rate (dotted), all others leave it, the
earlier the more generations *n* there are. Right: *n* = 20 generations of generators that grow more slowly than *T*,
:math:`T_0\propto T^a`. All ridges start at the best one: falling as on clean labels the error all but stops falling;
with the adapted exponent, :math:`\lambda\propto T^{-a\beta/(2r\beta+1)}`, it goes on, near what the best ridge gives.

Statements from the paper; :math:`\beta=1.5`, *r* = 0.5, :math:`\sigma^2=\sigma_0^2=0.05` (left) and 0.5 (right),
*a* = 0.4 and sizes are chosen here.
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
    noisy = chain.evolve(generations=_GENERATIONS[-1], noise_variance=0.5)
    return [_fixed(chain, *_rows(d / 2, 100 * d, size)), _growing(noisy, *_rows(d, 1000 * d, size))]


def _rows(first: float, last: float, size: Size) -> tuple[Any, Any]:
    """Rows of the downstream fit for the theory, and those that are simulated."""
    near, simulated = places(first, 16 * size.dimension, size.points, whole=True)
    return np.union1d(near, places(16 * size.dimension, last, 4, whole=True)[0]), simulated


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
    """Generators that grow with the downstream fit; ridges that start at the best one and follow three rules."""
    rates = chain.exponents(_GROWTH)
    first, dimension = rows[0], chain.spectrum.dimension

    def line(label: str, there: Any, ridge: Any) -> Line:
        grid = _grid(there, {"ridge": ridge, "generator_samples": _generator_rows(there, first, dimension)})
        return Line(label, chain, "T", grid, simulated)

    few = np.union1d(
        simulated, [*rows[:: max(1, len(rows) // 12)], rows[-1]]
    )  # minimising is slow, and its result smooth
    best = [
        chain.evolve(samples=int(t), generator_samples=int(made)).optimal_ridge()
        for t, made in zip(few, _generator_rows(few, first, dimension), strict=True)
    ]
    lines = [
        line(rf"{word}, $\lambda \propto T^{{-{rates[key]:.2g}}}$", rows, best[0] * (rows / first) ** -rates[key])
        for word, key in (("clean", "clean_ridge"), ("adapted", "adaptive_ridge"))
    ]
    lines.append(line("best", few, best))
    title = rf"$n = {chain.generations}$, $T_0 \propto T^{{{_GROWTH}}}$"
    return Panel(title, lines, log="xy", legend="ridge")


def _generator_rows(rows: Any, first: int, dimension: int) -> Any:
    return np.round(4 * dimension * (rows / first) ** _GROWTH).astype(np.int64)


def _grid(rows: Any, follow: dict[str, Any]) -> Linked:
    return Linked(rows, {"samples": rows, **follow}, symbol="T", meaning="rows of the downstream fit")


FIGURE = Figure(
    paper="Dohmatob, Feng and Kempe 2024, arXiv 2402.07712",
    panels=_panels,
    sizes={"quick": Size(30, 3, 40), "standard": Size(60, 6, 60), "large": Size(400, 8, 40)},
)
