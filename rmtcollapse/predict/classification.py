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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ParameterError
from rmtcollapse.experiments.executors import default_executor, run_all, seed_sequence, track
from rmtcollapse.predict._class_fold import ClassFold, Setting, class_folds
from rmtcollapse.predict.classification_report import Accuracies, ClassificationForecast
from rmtcollapse.predict.tables import Table

__all__ = ["predict_classification"]

Array = NDArray[np.float64]

_SIZES, _RIDGES = 8, 13
_USUAL = 0.1  # ridge, relative to the mean eigenvalue
_NOISES = (0.0, 0.1, 0.2, 0.3, 0.4)


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
    parts = class_folds(features, labels, folds, standardize, split_seed)
    pool = min(len(f.pool) for f in parts)
    size = max(4, validated_samples(samples, pool, features.shape[1]))
    mean = float(np.mean([f.scale for f in parts]))
    usual = _USUAL * mean if ridge is None else validated_ridge(ridge, mean, least=1e-6)
    low = min(max(8, features.shape[1] // 3), pool // 2)
    sizes = np.unique(np.round(np.geomspace(low, pool, _SIZES)).astype(int))
    grid = mean * np.geomspace(1e-3, 1e3, _RIDGES)
    named = {
        "samples": [Setting(int(n), usual, 0.0) for n in sizes],
        "noisy samples": [Setting(int(n), usual, noise) for n in sizes],
        "ridge": [Setting(size, float(r), noise) for r in grid],
        "noise": [Setting(size, usual, e) for e in _NOISES],
    }
    found = _evaluate(parts, named, repeats, run_seed, executor, progress)
    plain, noisy, tuned, wrong = (found[n] for n in named)
    best = int(np.argmax(tuned.predicted))
    return ClassificationForecast(
        source=table.source, target=table.target_name, classes=values, rows=rows, dimension=features.shape[1],
        share=float(np.mean(labels > 0)), separation=float(np.mean([f.separation for f in parts])), folds=folds,
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


def _evaluate(
    parts: list[ClassFold],
    named: dict[str, list[Setting]],
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


def _predict(fold: ClassFold, settings: list[Setting]) -> Array:
    return np.array([fold.theory(s) for s in settings])


def _measure(fold: ClassFold, settings: list[Setting], seed: np.random.SeedSequence) -> Array:
    """One refit of every setting; settings of one size share their rows."""
    sizes = sorted({s.samples for s in settings})
    found = np.empty(len(settings))
    for n, own in zip(sizes, seed.spawn(len(sizes)), strict=True):
        at = [i for i, s in enumerate(settings) if s.samples == n]
        found[at] = fold.measure([settings[i] for i in at], own)
    return found
