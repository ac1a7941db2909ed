"""A forecast and how it reads: predicted curves beside measured ones, and how far apart they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse._deferred import deferred
from rmtcollapse.predict._plain import plain_values

__all__ = ["Curve", "RegressionForecast"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """Prediction error along one axis, in squared units of the target.

    Attributes
    ----------
    name : str
        What is varied and what is kept.
    axis : str
        ``"samples"`` or ``"ridge"``.
    samples, ridge : array (points,)
        Rows and penalty of every point.
    predicted : array (points,)
        Theory: expected squared error of predicting a new noisy label.
    measured, standard_error : array (points,)
        Mean held-out squared error over refits, and its standard error (over refits of these rows only).
    """

    name: str
    axis: str
    samples: Array
    ridge: Array
    predicted: Array
    measured: Array
    standard_error: Array

    @property
    def gaps(self) -> Array:
        """Relative gaps, predicted / measured - 1."""
        return self.predicted / self.measured - 1

    @property
    def x(self) -> Array:
        """The axis that is varied."""
        return self.samples if self.axis == "samples" else self.ridge


@dataclass(frozen=True, eq=False)
class RegressionForecast:
    """What the theory said of a table, and what refitting measured.

    Attributes
    ----------
    source, target : str
        The table and its target column.
    rows, dimension : int
        Of the table.
    variance : float
        Variance of the target.
    noise_variance : float
        Estimated variance of the label noise (mean over folds).
    plain, tuned : Curve
        Learning curves at a small fixed ridge, and at the ridge that theory says is best for each size.
    regularisation : Curve
        Ridge curve at one size.
    best_ridge_predicted, best_ridge_measured : float
        Where the ridge curve is lowest.
    regret : float
        Relative excess of the measured error at the predicted best ridge over the lowest measured error.
    """

    source: str
    target: str
    rows: int
    dimension: int
    variance: float
    noise_variance: float
    folds: int
    repeats: int
    plain: Curve
    tuned: Curve
    regularisation: Curve
    best_ridge_predicted: float
    best_ridge_measured: float
    regret: float

    plot = deferred("rmtcollapse.plotting", "plot_forecast")

    @property
    def curves(self) -> tuple[Curve, Curve, Curve]:
        """The three curves."""
        return self.plain, self.tuned, self.regularisation

    def to_dict(self) -> dict[str, Any]:
        """Plain values, arrays as lists."""
        return plain_values(self, ("plain", "tuned", "regularisation"))

    def _cautions(self) -> list[str]:
        """What makes the estimates behind the forecast unreliable."""
        pool = self.rows - -(-self.rows // self.folds)
        if pool >= 4 * self.dimension:
            return []
        spread = (
            f"caution: {pool} rows outside a fold for {self.dimension} features; sample eigenvalues spread wider than"
        )
        return [f"{spread} the population's, so expect the forecast to be wrong at small ridges."]

    @property
    def report(self) -> str:
        """The forecast as text."""
        explained = max(0.0, 1 - self.noise_variance / self.variance)
        lines = [
            f"{self.source}: {self.rows} rows, {self.dimension} features, target {self.target!r} "
            f"(variance {self.variance:.4g}, of which a linear model can explain {explained:.0%})",
            *self._cautions(),
            "Mean squared error of prediction; gap is predicted / measured - 1; ± is one standard error over refits of",
            f"these rows, whose labels alone leave any measured error uncertain by about {np.sqrt(2 / self.rows):.1%}.",
        ]
        for curve in self.curves:
            lines += ["", curve.name, *_table(curve)]
        lines += [
            f"best ridge: predicted {self.best_ridge_predicted:.3g}, measured {self.best_ridge_measured:.3g}; "
            f"the predicted one costs {self.regret:.1%} more than the measured optimum",
            *(f"gap, {c.name.split(',')[0]}: median {np.median(abs(c.gaps)):.1%}, {_largest(c)}" for c in self.curves),
        ]
        return "\n".join(lines)


def _table(curve: Curve) -> list[str]:
    head = f"{'rows':>8}{'ridge':>11}{'predicted':>13}{'measured':>13}{'±':>10}{'gap':>8}"
    step = max(1, -(-len(curve.x) // 9))
    rows = zip(
        *(a[::step] for a in (curve.samples, curve.ridge, curve.predicted, curve.measured, curve.standard_error)),
        strict=True,
    )
    return [head, *(f"{n:>8.0f}{r:>11.3g}{p:>13.5g}{m:>13.5g}{e:>10.2g}{p / m - 1:>8.1%}" for n, r, p, m, e in rows)]


def _largest(curve: Curve) -> str:
    worst = int(np.argmax(abs(curve.gaps)))
    return f"largest {curve.gaps[worst]:.1%} at {curve.axis} = {curve.x[worst]:.3g}"
