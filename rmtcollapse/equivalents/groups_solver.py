"""What trains and what tests a classifier, and the unknowns of its equations; loads no SymPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.equivalents.eigenbasis import shared_eigenbasis
from rmtcollapse.equivalents.sample_weights import UNIT, SampleWeights
from rmtcollapse.equivalents.sources_solver import SourcesSolution, solve_sources
from rmtcollapse.equivalents.sources_state import Sources

__all__ = ["Classifier", "Group", "ScoredClass"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """Rows of one kind; see :mod:`rmtcollapse.equivalents.groups`.

    Attributes
    ----------
    rows : float
        How many are used (of a pool from which fits draw with replacement: how many there are).
    covariance : array (d, d) or (d,)
        Covariance up to bounded rank, or its diagonal.
    mean : array (r,)
        Coordinates of the mean in the basis.
    target, target_variance : float
        Mean and variance of the regression target.
    spread : array (r, r), optional
        What the covariance has beyond `covariance`, in coordinates of the basis.
    covariation : array (r,), optional
        Covariance of features and target, in coordinates of the basis.
    """

    rows: float
    covariance: Array
    mean: Array
    target: float
    target_variance: float = 0.0
    spread: Array | None = None
    covariation: Array | None = None


@dataclass(frozen=True)
class ScoredClass:
    """Rows that a classifier is tested on: covariance, coordinates of the mean, label, share of the test."""

    covariance: Array
    mean: Array
    label: float = 1.0
    prior: float = 1.0


@dataclass(frozen=True)
class Classifier:
    """A ridge classifier on groups, or the mean of several.

    Attributes
    ----------
    groups, classes : sequence
        What trains and what tests it; covariances all dense or all diagonal.
    basis : array (d, r)
        Directions in which means are given.
    samples : float
        Normaliser *N* of the loss.
    ridge : float
        Penalty; 0 is the minimum-norm limit.
    intercept : bool
        Whether there is an unpenalised intercept.
    learners : float
        Fits whose scores are averaged; infinitely many too.
    overlap : float
        Share of one fit's rows that another has (0 for disjoint rows; q for independent subsets of a share q).
    weights : SampleWeights
        Law of the sample weights.
    multiplicity : array (d,), optional
        Directions that a diagonal coordinate stands for; where it is not 1 the basis vanishes.
    """

    groups: Sequence[Group]
    classes: Sequence[ScoredClass]
    basis: Array
    samples: float
    ridge: float
    intercept: bool = False
    learners: float = 1.0
    overlap: float = 1.0
    weights: SampleWeights = UNIT
    multiplicity: Array | None = None

    @property
    def active(self) -> list[Group]:
        """Groups with rows."""
        return [g for g in self.groups if g.rows > 0]

    @property
    def diagonal(self) -> bool:
        """Whether covariances are given by their diagonals."""
        return self.groups[0].covariance.ndim == 1

    def in_eigenbasis(self) -> Classifier:
        """The same in the eigenbasis that all covariances share, if there is one."""
        forms = [*(g.covariance for g in self.groups), *(x.covariance for x in self.classes)]
        found = None if self.diagonal else shared_eigenbasis(forms)
        if found is None:
            return self
        vectors, diagonals = found
        groups = [replace(g, covariance=c) for g, c in zip(self.groups, diagonals, strict=False)]
        classes = [replace(x, covariance=c) for x, c in zip(self.classes, diagonals[len(groups) :], strict=True)]
        return replace(self, groups=groups, classes=classes, basis=vectors.T @ self.basis)

    def solve(self) -> tuple[SourcesSolution, dict[str, float]]:
        """Traces with their certificate, and all unknowns of the stated system by name."""
        active = self.active
        sources = Sources(
            np.array([g.covariance for g in active]),
            np.array([float(g.rows) for g in active]),
            float(self.samples),
            float(self.ridge),
            self.classes[0].covariance,
            self.multiplicity,
            self.weights,
        )
        solution = solve_sources(sources)
        unknowns = {f"trace_{k}": float(t) for k, t in enumerate(solution.traces, 1)}
        joint = self.overlap * self.weights.kernels(solution.ridge, solution.traces).mean ** 2
        with np.errstate(all="ignore"):
            for l, test in enumerate(self.classes, 1):
                own = solution.leverages_for(test.covariance)
                shared = solution.leverages_for(test.covariance, joint)
                unknowns |= {f"leverage_{k}_{l}": float(x) for k, x in enumerate(own, 1)}
                unknowns |= {f"shared_leverage_{k}_{l}": float(x) for k, x in enumerate(shared, 1)}
        return solution, unknowns

    def parameters(self) -> dict[str, Any]:
        """Parameters of the stated system by name, but for the pair of the regime."""
        r = self.basis.shape[1]
        counted = self.multiplicity if self.multiplicity is not None else np.ones(len(self.basis))
        given: dict[str, Any] = {
            "dimension": counted if self.diagonal else len(self.basis),
            "directions": r,
            "samples": float(self.samples),
            "intercept": float(self.intercept),
            "learners": float(self.learners),
            "overlap": float(self.overlap),
            "basis": self.basis,
        }
        if self.weights.rate is not None:
            given["rate"] = float(self.weights.rate)
        for k, g in enumerate(self.active, 1):
            given |= {f"rows_{k}": float(g.rows), f"covariance_{k}": g.covariance}
            given |= {f"mean_{k}": np.asarray(g.mean, float)[:, None], f"target_{k}": float(g.target)}
            given[f"target_variance_{k}"] = float(g.target_variance)
            given[f"spread_{k}"] = np.zeros((r, r)) if g.spread is None else g.spread
            given[f"covariation_{k}"] = (np.zeros(r) if g.covariation is None else g.covariation)[:, None]
        for l, c in enumerate(self.classes, 1):
            given |= {f"test_covariance_{l}": c.covariance, f"test_mean_{l}": np.asarray(c.mean, float)[:, None]}
            given |= {f"label_{l}": float(c.label), f"prior_{l}": float(c.prior)}
        return given
