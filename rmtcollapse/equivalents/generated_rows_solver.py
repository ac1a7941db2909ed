"""Real and generated rows that train a classifier, and the unknowns of their equations; loads no SymPy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.equivalents.generated_rows_weights import GeneratedWeights
from rmtcollapse.equivalents.sources_solver import SourcesSolution, solve_sources
from rmtcollapse.equivalents.sources_state import Sources
from rmtcollapse.equivalents.thresholds import GENERATOR_THRESHOLD

__all__ = ["GeneratedRows", "ReusedRows"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GeneratedRows:
    """See :mod:`rmtcollapse.equivalents.generated_rows`; the test class is that of the real rows.

    Attributes
    ----------
    rows : array (2,)
        Real rows and generated rows in the fit; the first may be 0.
    covariances : tuple of array (d, d) or (d,)
        Of the real rows and of the generator's own sample, or their diagonals.
    means : array (2, r)
        Coordinates of their means; those of the second vanish after the first.
    agreement, target_variance : float
        Mean and variance of the generated rows' target.
    generator_samples : float
        Rows that the generator was fitted to; may be infinite.
    own_mean : bool
        Whether it draws with its sample mean.
    basis : array (d, r)
        Directions in which means are given.
    samples, ridge : float
        Normaliser of the loss and penalty.
    multiplicity : array (d,), optional
        Directions that a diagonal coordinate stands for; where it is not 1 the basis vanishes.
    """

    rows: Array
    covariances: tuple[Array, Array]
    means: Array
    agreement: float
    target_variance: float
    generator_samples: float
    own_mean: bool
    basis: Array
    samples: float
    ridge: float
    multiplicity: Array | None = None

    @property
    def diagonal(self) -> bool:
        """Whether covariances are given by their diagonals."""
        return self.covariances[0].ndim == 1

    @property
    def real(self) -> bool:
        """Whether there are real rows."""
        return bool(self.rows[0] > 0)

    @property
    def load(self) -> float:
        """Generated rows for each row that the generator was fitted to."""
        return float(self.rows[1] / self.generator_samples)

    def solve(self) -> tuple[SourcesSolution, dict[str, float]]:
        """Traces with their certificate, and all unknowns of the stated system by name."""
        ks = [0, 1] if self.real else [1]
        weights = GeneratedWeights(np.array([0.0, self.load])[ks])
        solution = solve_sources(
            Sources(
                np.array([self.covariances[k] for k in ks]), self.rows[ks], float(self.samples), float(self.ridge),
                self.covariances[0], self.multiplicity, weights,
            )
        )  # fmt: skip
        with np.errstate(all="ignore"):
            u, omega = weights.pair(solution.ridge, solution.traces)
            gains = weights.gains(solution.ridge, solution.traces)
        named = {f"trace_{k + 1}": float(t) for k, t in zip(ks, solution.traces, strict=True)}
        named |= {"pull_scale": float(u[-1]), "left_share": float(omega[-1]), "target_gain": float(gains[-1])}
        named |= {f"leverage_{k + 1}": float(z) for k, z in zip(ks, solution.leverages, strict=True)}
        if np.isinf(gains[-1]) and solution.epsilon:
            solution = replace(solution, status=GENERATOR_THRESHOLD)
        return solution, named

    def parameters(self) -> dict[str, Any]:
        """Parameters of the stated system by name, but for the pair of the regime."""
        given = _common(self)
        along = np.zeros(self.basis.shape[1])
        along[0] = float(np.any(self.basis @ self.means[1]))
        given |= {"load": self.load, "own_mean": float(self.own_mean)}
        given |= {"along": np.diag(along), "across": np.diag(1 - along)}
        for k in (0, 1) if self.real else (1,):
            given |= {f"rows_{k + 1}": float(self.rows[k]), f"covariance_{k + 1}": self.covariances[k]}
            given |= {f"mean_{k + 1}": self.means[k][:, None]}
        return given | {"test_covariance": self.covariances[0], "test_mean": self.means[0][:, None]}


@dataclass(frozen=True)
class ReusedRows:
    """See :mod:`rmtcollapse.equivalents.reused_rows`.

    Attributes
    ----------
    rows : array (2,)
        Real rows and generated rows in the fit, both positive.
    covariance : array (d, d) or (d,)
        Of the real rows, or its diagonal.
    mean : array (r,)
        Coordinates of their mean.
    agreement, target_variance, basis, samples, ridge, multiplicity
        As in :class:`GeneratedRows`.
    """

    rows: Array
    covariance: Array
    mean: Array
    agreement: float
    target_variance: float
    basis: Array
    samples: float
    ridge: float
    multiplicity: Array | None = None

    @property
    def diagonal(self) -> bool:
        """Whether the covariance is given by its diagonal."""
        return self.covariance.ndim == 1

    def solve(self) -> tuple[SourcesSolution, dict[str, float]]:
        """The fit to the real rows at the weight b that solves its equation, and all unknowns by name."""
        weight = self._root() if self.ridge > 0 else self._weight(self._fitted(1.0))
        solution = self._real(weight)
        defect = abs(weight - self._weight(_share(solution))) / weight
        # Any ridge stands for the limit of more rows than directions.
        ridge = self.ridge if solution.epsilon else solution.ridge * weight
        unknowns = {"trace": float(solution.traces[0]), "weight": weight, "leverage": float(solution.leverages[0])}
        return replace(solution, ridge=ridge, certificate=solution.certificate + defect), unknowns

    def _root(self) -> float:
        """The weight; it falls as F grows, and F grows with it: one root, where the defect has a slope of 1 or more."""
        from scipy.optimize import brentq

        def defect(weight: float) -> float:
            return weight - self._weight(self._fitted(weight))

        low, high = self._weight(1.0), self._weight(0.0)
        # Either end may be the root, to rounding.
        if defect(low) >= 0 or defect(high) <= 0:
            return low if defect(low) >= 0 else high
        eps = float(np.finfo(float).eps)
        return float(brentq(defect, low, high, xtol=eps * low, rtol=4 * eps))

    def _real(self, weight: float) -> SourcesSolution:
        """The fit to the real rows alone at this weight."""
        n = float(self.rows[0])
        sources = Sources(
            self.covariance[None], np.array([n]), n, self.ridge / weight, self.covariance, self.multiplicity
        )
        return solve_sources(sources)

    def _fitted(self, weight: float) -> float:
        return _share(self._real(weight))

    def _weight(self, fitted: float) -> float:
        """Positive root of b = f_1 + f_2 b/(b + f_1 F) in b."""
        real, made = self.rows / self.samples
        half = real * (1 - fitted) + made
        return float((half + np.sqrt(half**2 + 4 * real**2 * fitted)) / 2)

    def parameters(self) -> dict[str, Any]:
        """Parameters of the stated system by name, but for the pair of the regime."""
        given = _common(self) | {"covariance": self.covariance, "mean": self.mean[:, None]}
        return given | {"rows_1": float(self.rows[0]), "rows_2": float(self.rows[1])}


def _share(solution: SourcesSolution) -> float:
    """F, what of its own target a row's fit takes up."""
    t = float(solution.traces[0])
    return t / (solution.ridge + t)


def _common(problem: GeneratedRows | ReusedRows) -> dict[str, Any]:
    counted = problem.multiplicity if problem.multiplicity is not None else np.ones(len(problem.basis))
    return {
        "dimension": counted if problem.diagonal else len(problem.basis),
        "directions": problem.basis.shape[1],
        "samples": float(problem.samples),
        "basis": problem.basis,
        "agreement": float(problem.agreement),
        "target_variance": float(problem.target_variance),
    }
