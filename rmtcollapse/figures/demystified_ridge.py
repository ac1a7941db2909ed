r"""Recursive labels, isotropic features: the test error against the ridge and against the sample size, by generation.

Left: the U-shaped curves in :math:`\lambda` rise with the generation *n* of the labels, and their lowest points
(stars) move to the right: what was the best ridge on clean labels is too small on generated ones. Right: at a fixed
small ridge more rows of the same generation do not help beyond the generators' own error
:math:`n\sigma_0^2d/(T_0-d)`.

The setting :math:`T_0=2d`, :math:`\sigma=\sigma_0=0.1`, :math:`\|w_0\|=1` and the two panels,
:math:`T=10d/3` and :math:`\lambda=10^{-3}`, are the paper's with *d* = 300, from memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rmtcollapse.figures._figure import Figure, Guide, Line, Panel, Size, places
from rmtcollapse.models.recursive_regression import RecursiveRegression
from rmtcollapse.spectra.population import Spectrum

__all__ = ["FIGURE"]

_GENERATIONS = (0, 1, 2, 5, 10)


def _panels(size: Size) -> Sequence[Panel]:
    d = size.dimension
    chain = RecursiveRegression(
        spectrum=Spectrum.isotropic(d),
        samples=10 * d // 3,
        ridge=1e-3,
        noise_variance=0.01,
        generations=0,
        generator_samples=2 * d,
    )
    chains = [chain.evolve(generations=g) for g in _GENERATIONS]
    return [_against_ridge(chains, size), _against_samples(chains, size)]


def _against_ridge(chains: Sequence[RecursiveRegression], size: Size) -> Panel:
    ridges, simulated = places(1e-3, 10.0, size.points)
    best = [chain.optimal_ridge() for chain in chains]
    lowest = [chain.evolve(ridge=x).theory()["test_error"] for chain, x in zip(chains, best, strict=True)]
    return Panel(
        f"$T = {chains[0].samples}$",
        [Line(f"$n = {chain.generations}$", chain, "ridge", ridges, simulated) for chain in chains],
        guides=[Guide("best ridge", best, lowest, marker="*")],
        x=r"ridge $\lambda$",
        log="xy",
    )


def _against_samples(chains: Sequence[RecursiveRegression], size: Size) -> Panel:
    rows, simulated = places(size.dimension / 3, 20 * size.dimension, size.points, whole=True)
    return Panel(
        rf"$\lambda = {np.format_float_positional(chains[0].ridge)}$",
        [Line(f"$n = {chain.generations}$", chain, "samples", rows, simulated) for chain in chains],
        x="rows of the downstream fit $T$",
        log="xy",
    )


FIGURE = Figure(
    paper="Dohmatob, Feng and Kempe 2024, arXiv 2402.07712",
    panels=_panels,
    sizes={"quick": Size(30, 4, 40), "standard": Size(150, 8, 20), "large": Size(300, 10, 50)},
)
