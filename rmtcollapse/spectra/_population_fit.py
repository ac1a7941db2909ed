r"""The population eigenvalues that put a sample's eigenvalues where they are: a penalised least-squares fit.

Residuals are :math:`(\lambda_i - q_i)\,\rho(q_i)`, with the place :math:`q_i` of the i-th eigenvalue and the density
:math:`\rho` of eigenvalues there: units of eigenvalue counts, in which eigenvalues fluctuate alike in every part of the
spectrum, be they large or small. The unknowns are log eigenvalues. The data leave the fine structure of a population
open; a penalty on steps along the order of the eigenvalues closes it, quadratic for small steps (a smooth population
stays smooth), linear for large ones (atoms far apart, and spikes, are not drawn together). All derived here; the fit of
places to eigenvalues is the idea of Ledoit and Wolf (2015), "Spectrum estimation".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra._sample_places import places
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["ATOMS", "LEVELS", "SMOOTHING", "PopulationFit", "blocks", "centres", "sums"]

KNOTS, LEVELS, ATOMS = 160, 240, 1500  # at most about so many unknowns, fitted places, atoms of the fitted law
SMOOTHING, JUMP = 1.0, 0.25  # weight of a squared step; log step from which the penalty is linear
SETTLED = 1e-4  # relative decrease of the cost, twice in a row: far below what the noise of the data can show
STEPS, TRIALS = 300, 30  # Gauss-Newton steps, and rejected trials of one

_Residuals: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]


def blocks(size: int, most: int) -> FloatArray:
    """Sizes of at most about `most` blocks of `size` things in a row: single ones at both ends, growing inwards."""
    if size <= most:
        return np.ones(size)
    crowd, half = 20.0, size / 2
    edges = np.unique(np.round(crowd * np.expm1(np.linspace(0, math.log1p(half / crowd), most // 2))))
    edges = np.unique(np.concatenate([[0.0, 1.0], edges[edges < half], [np.floor(half)]]))
    return np.diff(np.unique(np.concatenate([edges, size - edges])))


def sums(values: FloatArray, sizes: FloatArray) -> FloatArray:
    """Sum over each block."""
    return np.add.reduceat(values, (np.cumsum(sizes) - sizes).astype(np.intp))


def centres(sizes: FloatArray) -> FloatArray:
    """Middle of each block, counted in things from the start of the row; the first of single ones is 1/2."""
    return np.cumsum(sizes) - sizes / 2


@dataclass(frozen=True)
class PopulationFit:
    """Population eigenvalues (size,) from the positive sample eigenvalues (rank,), decreasing, the first of them 1."""

    sample: FloatArray
    size: int
    samples: int
    smoothing: float

    @cached_property
    def levels(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Count above, mean eigenvalue, and number of eigenvalues, of every block that is fitted."""
        sizes = blocks(self.sample.size, LEVELS)
        return centres(sizes), sums(self.sample, sizes) / sizes, sizes

    @cached_property
    def knots(self) -> FloatArray:
        return centres(blocks(self.size, KNOTS))

    @cached_property
    def multiplicities(self) -> FloatArray:
        return blocks(self.size, ATOMS)

    @cached_property
    def spread(self) -> FloatArray:
        """Log eigenvalues of the atoms from those at the knots: linear interpolation, (atoms, knots)."""
        middles, eye = centres(self.multiplicities), np.eye(self.knots.size)
        return np.stack([np.interp(middles, self.knots, column) for column in eye], axis=1)

    @cached_property
    def steps(self) -> FloatArray:
        """Steps between knots, (knots - 1, knots), each over the root of its length, as of a random walk."""
        return np.diff(np.eye(self.knots.size), axis=0) / np.sqrt(np.diff(self.knots))[:, None]

    def start(self) -> FloatArray:
        """Linear shrinkage towards the mean, by the spread that the law would give an isotropic population."""
        values = np.concatenate([self.sample, np.full(self.size - self.sample.size, self.sample[-1] / 2)])
        mean, variance = float(values.mean()), float(values.var())
        share = min(0.95, mean**2 * self.size / self.samples / variance) if variance > 0 else 0.95
        shrunk = share * mean + (1 - share) * values
        return np.interp(self.knots, np.arange(self.size) + 0.5, np.log(shrunk))

    def residuals(self, theta: FloatArray) -> _Residuals:
        """Residuals in x, (m,), their Jacobian by theta, (m, knots), and their weights: density times root of count."""
        counts, means, sizes = self.levels
        t = np.exp(self.spread @ theta)
        at = places(t, self.multiplicities, self.samples, counts)
        jacobian = (at.kernel * (self.multiplicities * t)) @ self.spread
        return means - at.x, jacobian, at.density * np.sqrt(sizes)

    def run(self) -> FloatArray:
        """Levenberg-Marquardt. A trial is judged with the weights of the step's start: no step wins by low weights."""
        theta, damping, still = self.start(), 1e-2, 0
        now = self.residuals(theta)
        for _ in range(STEPS):
            before, (hessian, gradient) = self._cost(now[0] * now[2], theta), self._normal(theta, now)
            theta, now, damping, after = self._accepted(theta, now, (hessian, gradient), damping, before)
            still = still + 1 if before - after <= SETTLED * before else 0
            if still == 2 or before == after:
                fitted: FloatArray = np.exp(np.interp(np.arange(self.size) + 0.5, self.knots, theta))
                return fitted
        cure = "raise smoothing, or give the degrees of freedom that these eigenvalues have"
        raise ConvergenceError(f"the population spectrum did not settle in {STEPS} Gauss-Newton steps; {cure}")

    def _cost(self, residuals: FloatArray, theta: FloatArray) -> float:
        """Squared residuals, and steps: squared where small, in absolute value where large, as jumps are."""
        walk = np.hypot(1, self.steps @ theta / JUMP) - 1
        return float(residuals @ residuals) + 2 * self.smoothing * JUMP**2 * float(walk.sum())

    def _normal(self, theta: FloatArray, now: _Residuals) -> tuple[FloatArray, FloatArray]:
        """Gauss-Newton matrix of half the cost, and minus its gradient; the penalty by its quadratic majorant."""
        gaps, jacobian, weights = now
        weighted, walk = jacobian * weights[:, None], self.steps @ theta
        stiffness = self.steps.T * (self.smoothing / np.hypot(1, walk / JUMP))
        return weighted.T @ weighted + stiffness @ self.steps, weighted.T @ (gaps * weights) - stiffness @ walk

    def _accepted(
        self, theta: FloatArray, now: _Residuals, normal: tuple[FloatArray, FloatArray], damping: float, before: float
    ) -> tuple[FloatArray, _Residuals, float, float]:
        """A step that lowers the cost, or the point itself where none is found."""
        hessian, gradient = normal
        for _ in range(TRIALS):
            step = np.linalg.solve(hessian + damping * np.eye(theta.size), gradient)
            step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-9))
            trial = np.sort(theta + step)[::-1]
            try:
                found = self.residuals(trial)
            except ConvergenceError:  # too long a step
                damping *= 4
                continue
            if (after := self._cost(found[0] * now[2], trial)) < before:
                return trial, found, max(damping / 5, 1e-9), after
            damping *= 4
        return theta, now, damping, before
