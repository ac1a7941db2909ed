r"""Forecast a ridge classifier's accuracy on a table of two classes, and measure it.

The theory is that of two Gaussian classes with means, covariances and shares of their own, and of a ridge fit to labels
:math:`\pm1` with an unpenalised intercept, some of which are wrong at random; it depends on the means through their
difference alone. What is centred loses a row: *N* rows at the ridge :math:`\lambda` are *N* - 1 at
:math:`\lambda N/(N-1)`. The intercept is the mean of *N* residuals, independent of the slope: where labels are wrong
with probability :math:`\varepsilon` and scores within a class have the variance *V*, it varies by
:math:`\{4\varepsilon(1-\varepsilon)+V\}/N` and shifts all scores, which matters where a large ridge makes them small.

Covariances are estimated by linear shrinkage, and the difference of the means is freed of its noise in the eigenbasis
of their mean. Cross-validation is that of :mod:`rmtcollapse.predict.regression`: each fold's theory is estimated on the
other folds' rows, refits use subsamples of those rows with their classes in proportion, and accuracy is measured on the
fold's own rows and true labels.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ParameterError
from rmtcollapse.experiments.classification import fit_with_offset, flipped
from rmtcollapse.experiments.executors import default_executor, run_all, seed_sequence, track
from rmtcollapse.predict.classification_report import Accuracies, ClassificationForecast
from rmtcollapse.predict.tables import Table

__all__ = ["predict_classification"]

Array = NDArray[np.float64]

_SIZES, _RIDGES = 8, 13
_USUAL = 0.1  # ridge, relative to the mean eigenvalue
_NOISES = (0.0, 0.1, 0.2, 0.3, 0.4)


@dataclass(frozen=True)
class _Setting:
    """A point of a curve: rows, penalty, share of wrong labels."""

    samples: int
    ridge: float
    noise: float


@dataclass(frozen=True)
class _Fold:
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

    def theory(self, setting: _Setting) -> float:
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

    def measure(self, settings: list[_Setting], seed: np.random.SeedSequence) -> Array:
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


def predict_classification(
    table: Table,
    *,
    classes: tuple[float, float] | None = None,
    samples: int | None = None,
    ridge: float | None = None,
    noise: float = 0.2,
    folds: int = 5,
    repeats: int = 40,
    standardize: bool = True,
    seed: int = 0,
    executor: Executor | None = None,
    progress: bool = False,
) -> ClassificationForecast:
    """Predict and measure a ridge classifier's accuracy against sample size, ridge and wrong labels.

    Parameters
    ----------
    table : Table
        From :func:`read_table` or :func:`load_dataset`; its target has two values.
    classes : pair of float, optional
        Use the rows with these two values of the target; needed where it has more.
    samples : int, optional
        Rows of the ridge curve and of the noise curve, from 4 to those outside one fold; twice the dimension, or half
        of what there is.
    ridge : float, optional
        Penalty of the other curves, from 1e-6 to 1e8 of the mean eigenvalue within classes; 0.1 of it if not given.
    noise : float
        Share of training labels that are made wrong in the second learning curve and in the ridge curve, in [0, 0.5).
    folds : int
        Cross-validation folds, 2 to 20.
    repeats : int
        Refits of a point, over all folds; at least 2 a fold.
    standardize : bool
        Bring every feature to unit variance (on the rows outside the fold).
    seed, executor, progress
        As in :func:`rmtcollapse.simulate`.

    Returns
    -------
    ClassificationForecast
        Curves, ``report`` and ``plot``.

    Raises
    ------
    ParameterError
        For a value outside its domain, or a target without two classes of at least two rows a fold.
    """
    features, labels, values = _two_classes(table, classes, folds)
    if isinstance(noise, bool) or not isinstance(noise, int | float) or not 0 <= noise < 0.5:
        raise ParameterError("noise", noise, "a number in [0, 0.5)")
    from rmtcollapse.predict.regression import validate_folds, validated_ridge, validated_samples

    rows = len(labels)
    validate_folds(folds, repeats, rows)
    split_seed, run_seed = seed_sequence(seed).spawn(2)
    parts = _folds(features, labels, folds, standardize, split_seed)
    pool = min(len(f.pool) for f in parts)
    size = max(4, validated_samples(samples, pool, features.shape[1]))
    mean = float(np.mean([f.scale for f in parts]))
    usual = _USUAL * mean if ridge is None else validated_ridge(ridge, mean, least=1e-6)
    low = min(max(8, features.shape[1] // 3), pool // 2)
    sizes = np.unique(np.round(np.geomspace(low, pool, _SIZES)).astype(int))
    grid = mean * np.geomspace(1e-3, 1e3, _RIDGES)
    named = {
        "samples": [_Setting(int(n), usual, 0.0) for n in sizes],
        "noisy samples": [_Setting(int(n), usual, noise) for n in sizes],
        "ridge": [_Setting(size, float(r), noise) for r in grid],
        "noise": [_Setting(size, usual, e) for e in _NOISES],
    }
    found = _evaluate(parts, named, repeats, run_seed, executor, progress)
    plain, noisy, tuned, wrong = (found[n] for n in named)
    best = int(np.argmax(tuned.predicted))
    return ClassificationForecast(
        source=table.source, target=table.target_name, classes=values, rows=rows, dimension=features.shape[1],
        share=float(np.mean(labels > 0)), separation=float(np.mean([_separation(f) for f in parts])), folds=folds,
        repeats=repeats, plain=plain, noisy=noisy, regularisation=tuned, corruption=wrong,
        best_ridge_predicted=float(grid[best]), best_ridge_measured=float(grid[np.argmax(tuned.measured)]),
        regret=float(tuned.measured.max() - tuned.measured[best]),
    )  # fmt: skip


def _two_classes(
    table: Table, classes: tuple[float, float] | None, folds: Any
) -> tuple[Array, Array, tuple[float, float]]:
    """Features, labels 1 and -1, and the values that these stand for (the larger one is positive)."""
    values = np.unique(table.target)
    if classes is None:
        if len(values) != 2:
            shown = ", ".join(f"{v:g}" for v in values[:6]) + ("..." if len(values) > 6 else "")
            raise ParameterError("target", f"{len(values)} values ({shown})", "two values, or classes that name two")
        low, high = float(values[0]), float(values[1])
    else:
        low, high = sorted(float(c) for c in classes)
        for value in (low, high):
            if value not in values:
                raise ParameterError("classes", value, f"values of the target {table.target_name!r}")
        if low == high:
            raise ParameterError("classes", (low, high), "two different values")
    chosen = (table.target == low) | (table.target == high)
    labels = np.where(table.target[chosen] == high, 1.0, -1.0)
    least = int(min(np.sum(labels > 0), np.sum(labels < 0)))
    if least < 10:
        raise ParameterError("classes", (low, high), f"classes of at least 10 rows each; one has {least}")
    return table.features[chosen], labels, (high, low)


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


def _separation(fold: _Fold) -> float:
    """Distance of the classes in units of their spread."""
    pooled = sum(len(r) * C for r, C in zip(fold.classes, fold.covariances, strict=True)) / len(fold.pool)
    return float(2 * np.sqrt(fold.half_difference @ np.linalg.solve(pooled, fold.half_difference)))


def _folds(features: Array, labels: Array, folds: int, standardize: bool, seed: np.random.SeedSequence) -> list[_Fold]:
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
        made.append(_Fold(pool, labels[rest], held, labels[test]))
    return made


def _evaluate(
    parts: list[_Fold],
    named: dict[str, list[_Setting]],
    repeats: int,
    seed: np.random.SeedSequence,
    executor: Executor | None,
    progress: bool,
) -> dict[str, Accuracies]:
    """Predicted and measured accuracy of every setting, and the standard error of the latter."""
    each, found = -(-repeats // len(parts)), {}
    with default_executor(executor) as pool, track("refitting", len(named), progress) as advance:
        for (name, settings), own in zip(named.items(), seed.spawn(len(named)), strict=True):
            tasks = [(f, settings) for f in parts]
            predicted = np.mean(run_all(pool, _predict, tasks), axis=0)
            seeds = own.spawn(len(parts) * each)
            fits = [(f, settings, s) for f, s in zip([f for f in parts for _ in range(each)], seeds, strict=True)]
            refits = np.array(run_all(pool, _measure, fits)).reshape(len(parts), each, len(settings))
            error = np.sqrt(refits.var(axis=1, ddof=1).mean(axis=0) / (each * len(parts)))
            columns = {n: np.array([getattr(s, n) for s in settings], float) for n in ("samples", "ridge", "noise")}
            measured = {"measured": refits.mean(axis=(0, 1)), "standard_error": error}
            found[name] = Accuracies(axis=name.split()[-1], predicted=predicted, **columns, **measured)
            advance(1)
    return found


def _predict(fold: _Fold, settings: list[_Setting]) -> Array:
    return np.array([fold.theory(s) for s in settings])


def _measure(fold: _Fold, settings: list[_Setting], seed: np.random.SeedSequence) -> Array:
    """One refit of every setting; settings of one size share their rows."""
    sizes = sorted({s.samples for s in settings})
    found = np.empty(len(settings))
    for n, own in zip(sizes, seed.spawn(len(sizes)), strict=True):
        at = [i for i, s in enumerate(settings) if s.samples == n]
        found[at] = fold.measure([settings[i] for i in at], own)
    return found
