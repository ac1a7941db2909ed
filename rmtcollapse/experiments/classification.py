"""The laboratory for classifiers of Gaussian mixtures: draw rows and labels, fit, measure accuracy given the fit.

Everything is written from the definitions and shares no formula with the deterministic equivalents that it judges. The
score of a test row is Gaussian given the fit, so that accuracy and risk are exact given the fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.experiments.regression import Design

__all__ = [
    "FittedMixture",
    "Mixture",
    "fit_classifier",
    "fit_with_offset",
    "flipped",
    "resampled",
    "score_values",
    "two_class_values",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Mixture:
    r"""Rows :math:`x=y\mu+C^{1/2}z`.

    Attributes
    ----------
    mean : array (d,)
        Mean of the positive class.
    covariance : array (d, d) or (d,)
        Covariance of both classes, or its diagonal.
    """

    mean: Array
    covariance: Array

    def noise(self, samples: int, rng: np.random.Generator) -> Array:
        """Centred rows, (samples, d)."""
        if self.covariance.ndim == 1:
            return Design.draw(self.covariance, samples, rng).rows
        return Design.correlated(self.covariance, samples, rng).rows

    def draw(self, labels: Array, rng: np.random.Generator) -> Array:
        """Rows of the given labels, (samples, d)."""
        return labels[:, None] * self.mean + self.noise(len(labels), rng)

    def kept_share(
        self, generator: Array, verifier: Array, right: bool, samples: int, rng: np.random.Generator
    ) -> float:
        """Share of the rows that a linear generator labels right (or wrong) which a verifier labels the same.

        Rows are drawn given what the generator does: its score by inversion of its distribution function, the rest as
        it follows from the score. Classes are mirror images, so that positive rows will do.
        """
        from scipy.special import ndtr, ndtri

        spread = np.sqrt(self.variance(generator))
        score = generator @ self.mean / spread
        # A positive row is labelled right where noise is above -score.
        tail = ndtr(score) if right else ndtr(-score)
        noise = -ndtri(tail * (1 - rng.random(samples))) * (1 if right else -1)
        joint = (self.covariance * generator if self.covariance.ndim == 1 else self.covariance @ generator) / spread
        slope, whole = float(verifier @ joint), self.variance(verifier)
        other = np.sqrt(max(whole - slope**2, 0.0)) * rng.standard_normal(samples)
        told = verifier @ self.mean + slope * noise + other
        return float(np.mean(told > 0 if right else told <= 0))

    def variance(self, weights: Array) -> float:
        """Variance of the scores within a class."""
        spread = self.covariance * weights if self.covariance.ndim == 1 else self.covariance @ weights
        return float(weights @ spread)


@dataclass(frozen=True)
class FittedMixture:
    r"""Rows :math:`x=y\hat\mu+\hat C^{1/2}z`, with what a sample says of them.

    Attributes
    ----------
    mean : array (d,)
        Mean of the positive class.
    residuals : array (samples, d)
        What the sample has beside it; their second moment is the covariance.
    """

    mean: Array
    residuals: Array

    @classmethod
    def to(cls, rows: Array, labels: Array, mean: Array | None = None) -> FittedMixture:
        """The mixture fitted to rows of these labels; with their mean, or with a known one."""
        signed = labels[:, None] * rows
        mean = signed.mean(0) if mean is None else mean
        return cls(mean, signed - mean)

    def draw(self, labels: Array, rng: np.random.Generator) -> Array:
        """Rows of the given labels, (samples, d)."""
        size = len(self.residuals)
        noise = rng.standard_normal((len(labels), size)) @ self.residuals / np.sqrt(size)
        return np.asarray(labels[:, None] * self.mean + noise)


def flipped(labels: Array, probability: Array | float, rng: np.random.Generator) -> Array:
    """Labels, each wrong with its probability."""
    return np.where(rng.random(len(labels)) < probability, -labels, labels)


def fit_classifier(rows: Array, targets: Array, ridge: float, samples: int) -> Array:
    """Ridge regression on `targets` with the loss divided by `samples`; minimum norm at 0."""
    if not len(rows):
        return np.zeros(rows.shape[1])
    if not ridge:
        from scipy.linalg import lstsq

        # Generated rows may span fewer directions than there are rows and features.
        cut = max(rows.shape) * float(np.finfo(float).eps)
        return np.asarray(lstsq(rows, targets, cond=cut, lapack_driver="gelsy")[0])
    # A design divides by its own rows.
    return np.asarray(Design(rows).fitter(ridge * samples / len(rows))(targets))


def fit_with_offset(rows: Array, targets: Array, ridge: float, samples: int) -> tuple[Array, float]:
    """The same with an unpenalised intercept: coefficients and intercept."""
    centre, middle = rows.mean(axis=0), float(targets.mean())
    weights = fit_classifier(rows - centre, targets - middle, ridge, samples)
    return weights, middle - float(weights @ centre)


def resampled(
    samples: int, subset: int, learners: int, resampling: str, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Rows of a pool that each learner is given: ``"disjoint"`` ones, a ``"subsample"``, or ``"bootstrap"`` draws."""
    order = rng.permutation(samples)
    for i in range(learners):
        if resampling == "disjoint":
            yield order[i * subset : (i + 1) * subset]
        else:
            yield rng.choice(samples, subset, replace=resampling == "bootstrap")


def score_values(weights: Array, test: Mixture, bias: float = 0.0) -> dict[str, float]:
    """Accuracy, risk, mean and variance of the score of a test row of positive label, given the fit."""
    from scipy.special import ndtr

    mean, variance = float(weights @ test.mean) + bias, test.variance(weights)
    return {
        "accuracy": float(ndtr(mean / np.sqrt(variance))) if variance > 0 else 0.5 + 0.5 * float(np.sign(mean)),
        "risk": (1 - mean) ** 2 + variance,
        "score_mean": mean,
        "score_variance": variance,
    }


def two_class_values(weights: Array, offset: float, classes: Sequence[Mixture], priors: Array) -> dict[str, float]:
    """The same for rows of two classes, labelled 1 and -1, in the shares `priors`; mean and variance of the first.

    The mean is without the intercept, which is given as `offset`.
    """
    first, second = classes
    mirrored = Mixture(-second.mean, second.covariance)
    found = score_values(weights, first, offset), score_values(weights, mirrored, -offset)
    mixed = {n: float(priors[0] * found[0][n] + priors[1] * found[1][n]) for n in ("accuracy", "risk")}
    mixed["test_error"] = 1 - mixed["accuracy"]
    return {**found[0], **mixed, "score_mean": float(weights @ first.mean), "offset": offset}
