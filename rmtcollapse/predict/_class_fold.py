"""One fold of a table of two classes: what is estimated on its rows, what the theory says of it, and a refit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ParameterError
from rmtcollapse.experiments.classification import fit_with_offset, flipped

__all__ = ["ClassFold", "Setting", "class_folds"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Setting:
    """A point of a curve: rows, penalty, share of wrong labels."""

    samples: int
    ridge: float
    noise: float


@dataclass(frozen=True)
class ClassFold:
    """One fold: rows to learn from and rows to test on, with their labels."""

    pool: Array
    labels: Array
    test: Array
    truth: Array

    @cached_property
    def classes(self) -> list[Array]:
        """Rows of the pool, positive class first."""
        return [self.pool[self.labels > 0], self.pool[self.labels < 0]]

    @cached_property
    def covariances(self) -> list[Array]:
        """Estimate of each class's covariance."""
        return [_shrunk_covariance(rows) for rows in self.classes]

    @cached_property
    def half_difference(self) -> Array:
        """Estimate of half the difference of the class means."""
        (first, second), (C, D) = self.classes, self.covariances
        _, basis = np.linalg.eigh((len(first) * C + len(second) * D) / len(self.pool))
        found = basis.T @ (first.mean(axis=0) - second.mean(axis=0))
        noise = np.sum(basis * ((C / len(first) + D / len(second)) @ basis), axis=0)
        # What is beyond the noise, coordinate by coordinate, brought to the size that it has without bias in all.
        excess = found**2 / noise - 1
        beyond = np.clip(excess, 0.0, None)
        share = max(0.0, float(excess.sum())) / max(float(beyond.sum()), 1e-300)
        return np.asarray(basis @ (np.sign(found) * np.sqrt(share * beyond * noise)) / 2)

    @property
    def scale(self) -> float:
        """Mean eigenvalue of the covariances within classes."""
        return float(np.mean([np.trace(C) / len(C) for C in self.covariances]))

    @property
    def separation(self) -> float:
        """Distance of the classes in units of their spread."""
        pooled = sum(len(r) * C for r, C in zip(self.classes, self.covariances, strict=True)) / len(self.pool)
        return float(2 * np.sqrt(self.half_difference @ np.linalg.solve(pooled, self.half_difference)))

    def theory(self, setting: Setting) -> float:
        """Predicted accuracy on new rows and their true labels."""
        from scipy.special import ndtr

        from rmtcollapse.equivalents.groups_solver import Classifier, Group, ScoredClass
        from rmtcollapse.models._classifier_values import classifier_theory

        rows, told = setting.samples - 1, 1 - 2 * setting.noise
        groups, tests = [], []
        for sign, own, covariance in zip((1.0, -1.0), self.classes, self.covariances, strict=True):
            share = len(own) / len(self.pool)
            groups.append(Group(share * rows, covariance, np.array([sign]), sign * told, 1 - told**2))
            tests.append(ScoredClass(covariance, np.array([sign]), sign, share))
        ridge = setting.ridge * setting.samples / rows
        classifier = Classifier(groups, tests, self.half_difference[:, None], rows, ridge, intercept=True)
        names = [f"score_{part}_{k}" for part in ("mean", "variance") for k in (1, 2)]
        found = classifier_theory(classifier, names)
        shares = np.array([test.prior for test in tests])
        means, variances = (np.array([found[n] for n in pair]) for pair in (names[:2], names[2:]))
        shift = (1 - told**2 + shares @ variances) / setting.samples
        ratio = np.array([1.0, -1.0]) * means / np.sqrt(variances + shift)
        return float(shares @ ndtr(ratio))

    def measure(self, settings: list[Setting], seed: np.random.SeedSequence) -> Array:
        """Held-out accuracy of each setting, all of one size, after drawing one subsample and its wrong labels."""
        rng = np.random.default_rng(seed)
        samples = settings[0].samples
        positive = int(np.clip(round(samples * np.mean(self.labels > 0)), 1, samples - 1))
        places = [np.flatnonzero(self.labels > 0), np.flatnonzero(self.labels < 0)]
        counts = [min(c, len(p)) for c, p in zip((positive, samples - positive), places, strict=True)]
        chosen = np.concatenate([rng.choice(p, c, replace=False) for p, c in zip(places, counts, strict=True)])
        rows, labels = self.pool[chosen], self.labels[chosen]
        found = []
        for setting in settings:
            told = flipped(labels, setting.noise, rng)
            weights, offset = fit_with_offset(rows, told, setting.ridge, len(rows))
            found.append(np.mean(np.sign(self.test @ weights + offset) == self.truth))
        return np.array(found)


def class_folds(
    features: Array, labels: Array, folds: int, standardize: bool, seed: np.random.SeedSequence
) -> list[ClassFold]:
    """Folds with the classes in proportion."""
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(np.flatnonzero(labels == sign)) for sign in (1.0, -1.0)])
    made = []
    for k in range(folds):
        test, rest = order[k::folds], np.setdiff1d(order, order[k::folds])
        pool = features[rest]
        varies = np.ptp(pool, axis=0) > 0
        if not varies.any():
            domain = f"a table with a feature that varies outside each of {folds} folds"
            raise ParameterError("data", "features", domain)
        centre = pool.mean(axis=0)
        scale = np.where(varies, pool.std(axis=0, ddof=1), 1.0) if standardize else np.ones(len(centre))
        pool, held = (((a - centre) / scale)[:, varies] for a in (pool, features[test]))
        made.append(ClassFold(pool, labels[rest], held, labels[test]))
    return made


def _shrunk_covariance(rows: Array) -> Array:
    """Sample covariance drawn towards its mean eigenvalue by as much as its noise asks for (Ledoit and Wolf 2004)."""
    centred = rows - rows.mean(axis=0)
    n, d = centred.shape
    sample = centred.T @ centred / n
    target = np.trace(sample) / d * np.eye(d)
    spread = float(np.sum((sample - target) ** 2))
    noise = float((np.sum(np.sum(centred**2, axis=1) ** 2) / n - np.sum(sample**2)) / n)
    share = min(1.0, noise / spread) if spread > 0 else 0.0
    return np.asarray(n / (n - 1) * ((1 - share) * sample + share * target))
