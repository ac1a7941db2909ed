r"""Forecast ridge regression's learning curves on a table, and measure them.

The theory is that of Gaussian rows and a linear target with an unpenalised intercept. For *N* centred Gaussian rows the
slope is that of *N* - 1 uncentred ones, and the intercept's error multiplies the prediction error by 1 + 1/N, exactly.
So with ridge :math:`\lambda` on *N* rows the predicted squared error of a new label is
:math:`(1+1/N)\,(\sigma^2+E(N-1,\ \lambda N/(N-1)))`.

Cross-validation: every fold's theory is estimated on the other folds' rows only, its refits use subsamples of those
rows, and its error is measured on its own rows; predictions and measurements are averaged over folds.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ParameterError
from rmtcollapse.experiments.executors import default_executor, run_all, seed_sequence, track
from rmtcollapse.experiments.regression import Design
from rmtcollapse.models.ridge_regression import RidgeRegression
from rmtcollapse.predict.report import Curve, RegressionForecast
from rmtcollapse.predict.tables import Table
from rmtcollapse.spectra.population import Spectrum

__all__ = ["predict_regression", "validate_folds", "validated_ridge", "validated_samples"]

Array = NDArray[np.float64]

_SIZES, _RIDGES = 9, 17
_SMALL = 1e-3  # ridge of the plain learning curve, relative to the mean eigenvalue


@dataclass(frozen=True)
class _Fold:
    """One fold: rows to learn from, rows to test on, and the theory estimated on the former."""

    pool: Array
    labels: Array
    test: Array
    truth: Array
    spectrum: Spectrum

    def theory(self, samples: float, ridge: float) -> float:
        """Predicted squared error of a new label."""
        n = int(samples)
        return float((1 + 1 / n) * (self.noise + self._model(n, ridge).theory()["test_error"]))

    @property
    def noise(self) -> float:
        assert self.spectrum.noise_variance is not None
        return self.spectrum.noise_variance

    def _model(self, n: int, ridge: float) -> RidgeRegression:
        rescaled = ridge * n / (n - 1)
        return RidgeRegression(spectrum=self.spectrum, samples=n - 1, ridge=rescaled, noise_variance=self.noise)

    def best_ridge(self, samples: float) -> float:
        """Ridge with the least predicted error; a signal that cannot be seen would have an infinite one."""
        n = int(samples)
        mean = self.spectrum.trace / self.spectrum.dimension
        return float(np.clip(self._model(n, mean).optimal_ridge() * (n - 1) / n, 1e-8 * mean, 1e6 * mean))

    def measure(self, samples: float, ridges: Array, seed: np.random.SeedSequence) -> Array:
        """Held-out squared error at each ridge, after fitting one random subsample of the pool."""
        chosen = np.random.default_rng(seed).choice(len(self.pool), int(samples), replace=False)
        rows, labels = self.pool[chosen], self.labels[chosen]
        centre, level = rows.mean(axis=0), labels.mean()
        design = Design(rows - centre)
        fits = np.stack([design.fitter(float(r))(labels - level) for r in ridges], axis=1)
        errors = self.truth[:, None] - level - (self.test - centre) @ fits
        return np.asarray((errors**2).mean(axis=0))


def predict_regression(
    table: Table,
    *,
    samples: int | None = None,
    ridge: float | None = None,
    folds: int = 5,
    repeats: int = 40,
    standardize: bool = True,
    seed: int = 0,
    executor: Executor | None = None,
    progress: bool = False,
) -> RegressionForecast:
    """Predict and measure ridge regression's learning curve and ridge curve on a table.

    Parameters
    ----------
    table : Table
        From :func:`read_table` or :func:`load_dataset`.
    samples : int, optional
        Rows of the ridge curve, from 3 to the rows outside one fold; twice the dimension, or half of what there is.
    ridge : float, optional
        Penalty of the plain learning curve, from 1e-8 to 1e8 of the mean eigenvalue (1 for standardised features);
        0.001 of it if not given.
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
    RegressionForecast
        Curves, estimates, ``report`` and ``plot``.

    Raises
    ------
    ParameterError
        For a value outside its domain.
    """
    rows = len(table.target)
    validate_folds(folds, repeats, rows)
    pool = rows - -(-rows // folds)
    size = validated_samples(samples, pool, table.features.shape[1])
    split_seed, run_seed = seed_sequence(seed).spawn(2)
    parts = _folds(table, folds, standardize, split_seed)
    mean = float(np.mean([f.spectrum.trace / f.spectrum.dimension for f in parts]))
    small = _SMALL * mean if ridge is None else validated_ridge(ridge, mean)
    low = max(5, table.features.shape[1] // 3)
    sizes = np.unique(np.round(np.geomspace(min(low, pool // 2), pool, _SIZES))).astype(np.float64)
    best = np.array([np.exp(np.mean([np.log(f.best_ridge(n)) for f in parts])) for n in sizes])
    grid = mean * np.geomspace(1e-4, 1e2, _RIDGES)
    jobs = [(n, np.array([small, b])) for n, b in zip(sizes, best, strict=True)] + [(float(size), grid)]
    predicted, measured, errors = _evaluate(parts, jobs, repeats, run_seed, executor, progress)
    k = len(sizes)
    learning = [np.array([a[i] for a in values[:k]]) for i in (0, 1) for values in (predicted, measured, errors)]
    plain = Curve(f"learning curve, ridge {small:.3g}", "samples", sizes, np.full(k, small), *learning[:3])
    tuned = Curve("tuned learning curve, best predicted ridge", "samples", sizes, best, *learning[3:])
    name = f"ridge curve, {size} rows"
    curve = Curve(name, "ridge", np.full(len(grid), float(size)), grid, predicted[k], measured[k], errors[k])
    chosen = float(np.exp(np.mean([np.log(f.best_ridge(size)) for f in parts])))
    return RegressionForecast(
        source=table.source,
        target=table.target_name,
        rows=rows,
        dimension=table.features.shape[1],
        variance=float(table.target.var(ddof=1)),
        noise_variance=float(np.mean([f.noise for f in parts])),
        folds=folds,
        repeats=repeats,
        plain=plain,
        tuned=tuned,
        regularisation=curve,
        best_ridge_predicted=chosen,
        best_ridge_measured=float(grid[np.argmin(measured[k])]),
        regret=float(np.interp(np.log(chosen), np.log(grid), measured[k]) / measured[k].min() - 1),
    )


def validate_folds(folds: int, repeats: int, rows: int) -> None:
    """Refuse a number of folds or of refits that `rows` rows do not allow."""
    if isinstance(folds, bool) or not isinstance(folds, int | np.integer) or not 2 <= folds <= min(20, rows // 4):
        raise ParameterError("folds", folds, f"an integer from 2 to {min(20, rows // 4)}")
    if isinstance(repeats, bool) or not isinstance(repeats, int | np.integer) or repeats < 2 * folds:
        raise ParameterError("repeats", repeats, f"an integer >= {2 * folds} (two refits a fold)")


def validated_samples(samples: int | None, pool: int, dimension: int) -> int:
    """Rows of a curve at one size, by default a round number that the `pool` allows."""
    if samples is None:
        return max(3, min(2 * dimension, pool // 2))
    if isinstance(samples, bool) or not isinstance(samples, int | np.integer) or not 3 <= samples <= pool:
        raise ParameterError("samples", samples, f"an integer from 3 to {pool}, the rows outside one fold")
    return int(samples)


def validated_ridge(ridge: float, mean: float, least: float = 1e-8) -> float:
    """A penalty from `least` to 1e8 times the mean eigenvalue.

    Between these bounds a Cholesky factor of any Gram matrix exists, and the penalty does not hide the data.
    """
    number = isinstance(ridge, int | float | np.integer | np.floating) and not isinstance(ridge, bool)
    if not (number and least * mean <= ridge <= 1e8 * mean):
        raise ParameterError("ridge", ridge, f"a number from {least * mean:.3g} to {1e8 * mean:.3g}")
    return float(ridge)


def _folds(table: Table, folds: int, standardize: bool, seed: np.random.SeedSequence) -> list[_Fold]:
    order = np.random.default_rng(seed).permutation(len(table.target))
    made = []
    for part in np.array_split(order, folds):
        rest = np.setdiff1d(order, part)
        pool = table.features[rest]
        # A feature can be constant on these rows; it then says nothing and is left out of the fit.
        varies = np.ptp(pool, axis=0) > 0
        if not varies.any():
            domain = f"a table with a feature that varies outside each of {folds} folds"
            raise ParameterError("data", table.source, domain)
        centre = pool.mean(axis=0)
        scale = np.where(varies, pool.std(axis=0, ddof=1), 1.0) if standardize else np.ones(len(centre))
        pool, test = (((a - centre) / scale)[:, varies] for a in (pool, table.features[part]))
        spectrum = Spectrum.from_data(pool, table.target[rest])
        made.append(_Fold(pool, table.target[rest], test, table.target[part], spectrum))
    return made


Job = tuple[float, Array]


def _evaluate(
    parts: list[_Fold],
    jobs: list[Job],
    repeats: int,
    seed: np.random.SeedSequence,
    executor: Executor | None,
    progress: bool,
) -> tuple[list[Array], list[Array], list[Array]]:
    """Predicted and measured error of every job (a size and its ridges), and the standard error of the latter."""
    each = -(-repeats // len(parts))
    predicted, measured, errors = [], [], []
    with default_executor(executor) as pool, track("refitting", len(jobs), progress) as advance:
        for (n, ridges), own in zip(jobs, seed.spawn(len(jobs)), strict=True):
            # Folds differ in size by one row.
            usable = [(f, min(n, len(f.pool))) for f in parts]
            predicted.append(np.mean([[f.theory(m, float(r)) for r in ridges] for f, m in usable], axis=0))
            tasks = [
                (f, m, ridges, s)
                for (f, m), fs in zip(usable, own.spawn(len(parts)), strict=True)
                for s in fs.spawn(each)
            ]
            refits = np.array(run_all(pool, _measure, tasks)).reshape(len(parts), each, len(ridges))
            measured.append(refits.mean(axis=(0, 1)))
            spread = refits.var(axis=1, ddof=1).mean(axis=0) / (each * len(parts))
            errors.append(np.sqrt(spread))
            advance(1)
    return predicted, measured, errors


def _measure(fold: _Fold, samples: float, ridges: Array, seed: np.random.SeedSequence) -> Array:
    return fold.measure(samples, ridges, seed)
