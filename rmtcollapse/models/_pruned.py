"""From the parameters of real and pruned synthetic data to what trains the classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.equivalents.eigenbasis import shared_eigenbasis
from rmtcollapse.equivalents.generated_rows_solver import GeneratedRows, ReusedRows
from rmtcollapse.equivalents.groups_solver import Classifier, Group, ScoredClass
from rmtcollapse.models._classes import Directions, directions
from rmtcollapse.models._classifier_values import classifier_theory, compiled_equivalent, stated_theory
from rmtcollapse.models._prediction import Prediction

if TYPE_CHECKING:
    from rmtcollapse.models.pruned_synthetic import PrunedSynthetic

__all__ = ["NOTHING", "Kept", "candidate_groups", "pruned_theory"]

Array = NDArray[np.float64]
NOTHING = "no rows are kept: the fit is zero"
_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Kept:
    """Synthetic rows that pass the pruning.

    Attributes
    ----------
    share : float
        Of the candidates, alpha.
    agreement : float
        Mean of label times true label among them, lambda_e / alpha.
    variance : float
        Variance of that product.
    """

    share: float
    agreement: float
    variance: float

    @classmethod
    def of(cls, label_error: float, keep_correct: float, keep_wrong: float) -> Kept:
        """Where labels are wrong at this rate and rows are kept at these; none if no row is."""
        right, wrong = keep_correct * (1 - label_error), keep_wrong * label_error
        share = right + wrong
        if share == 0:
            return cls(0.0, 0.0, 0.0)
        return cls(share, (right - wrong) / share, 4 * (right / share) * (wrong / share))


@dataclass(frozen=True)
class _Places:
    """Covariances of real and synthetic rows, and coordinates of their means (2, r) in a basis."""

    given: Directions
    means: Array

    @property
    def covariances(self) -> tuple[Array, Array]:
        real, synthetic = self.given.covariances
        return real, synthetic

    def in_eigenbasis(self) -> _Places:
        """The same in the eigenbasis that the covariances share, if there is one."""
        found = None if self.covariances[0].ndim == 1 else shared_eigenbasis(self.covariances)
        if found is None:
            return self
        return _Places(Directions(found[0].T @ self.given.basis, tuple(found[1])), self.means)


def _places(model: PrunedSynthetic) -> _Places:
    """Coordinates in which the means of synthetic rows vanish after the first."""
    if model.mean is None:
        assert model.mean_norm is not None
        given = directions([np.array([model.mean_norm])], [None, None], model.dimension)
        return _Places(given, np.ones((2, 1)))
    mean, shifted = model.mean, model.synthetic_mean
    if shifted is None or not model.synthetic_samples * model.kept().share:
        shifted = mean
    basis, means = _coordinates(mean, shifted)
    second = model.covariance if model.synthetic_covariance is None else model.synthetic_covariance
    return _Places(directions(basis, [model.covariance, second], len(mean)), means)


def _coordinates(mean: Array, shifted: Array) -> tuple[Array, Array]:
    """Vectors (r, d), the first along the mean of synthetic rows, and both means in them (2, r)."""
    if np.array_equal(mean, shifted):
        return mean[None], np.ones((2, 1))
    if not shifted.any():
        return mean[None], np.array([[1.0], [0.0]])
    along = float(shifted @ mean / (shifted @ shifted))
    across = mean - along * shifted
    if np.linalg.norm(across) <= 8 * _EPS * np.linalg.norm(mean):
        return shifted[None], np.array([[along], [1.0]])
    return np.array([shifted, across]), np.array([[along, 1.0], [1.0, 0.0]])


def pruned_theory(model: PrunedSynthetic, names: Sequence[str], digits: int | None = None) -> Prediction:
    """Values of the stated equations for this generator."""
    kept = model.kept()
    rows = np.array([float(model.real_samples), kept.share * model.synthetic_samples])
    if not rows.any():
        zero = {"accuracy": 0.5, "risk": 1.0, "score_mean": 0.0, "score_variance": 0.0}
        return Prediction({n: _number(zero[n], digits) for n in names}, status=NOTHING, digits=digits)
    if model.generator == "exact" or not rows[1]:
        return classifier_theory(candidate_groups(model), names, digits)
    places = _places(model) if digits is not None else _places(model).in_eigenbasis()
    common: dict[str, Any] = {
        "rows": rows, "agreement": kept.agreement, "target_variance": kept.variance, "basis": places.given.basis,
        "samples": float(model.real_samples + model.synthetic_samples), "ridge": model.ridge,
        "multiplicity": places.given.multiplicity,
    }  # fmt: skip
    if model.generator == "same-data":
        problem = ReusedRows(covariance=places.covariances[0], mean=places.means[0], **common)
        return stated_theory(_compiled("reused"), problem, names, digits)
    assert model.generator_samples is not None
    generated = GeneratedRows(
        covariances=places.covariances, means=places.means, generator_samples=float(model.generator_samples),
        own_mean=model.estimate_mean, **common,
    )  # fmt: skip
    return stated_theory(_compiled("real" if generated.real else "alone"), generated, names, digits)


def _number(value: float, digits: int | None) -> Any:
    if digits is None:
        return value
    import mpmath as mp

    return mp.mpf(value)


def _compiled(kind: str) -> Any:
    """The generated module of a generator's system."""

    def build() -> Any:
        from rmtcollapse.equivalents.generated_rows import generated_rows_system
        from rmtcollapse.equivalents.reused_rows import reused_rows_system

        return reused_rows_system() if kind == "reused" else generated_rows_system(real=kind == "real")

    return compiled_equivalent(f"generated rows {kind}", build).numpy


def candidate_groups(model: PrunedSynthetic) -> Classifier:
    """Real rows and the kept ones of an exact generator as two groups; either may have none."""
    kept, places = model.kept(), _places(model)
    first, second = places.covariances
    made = kept.share * model.synthetic_samples
    return Classifier(
        [
            Group(float(model.real_samples), first, places.means[0], 1.0),
            Group(made, second, places.means[1], kept.agreement, kept.variance),
        ],
        [ScoredClass(first, places.means[0])],
        places.given.basis,
        model.real_samples + model.synthetic_samples,
        model.ridge,
        multiplicity=places.given.multiplicity,
    )
