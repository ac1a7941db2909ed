"""A forecast of a classifier and how it reads: predicted accuracy beside measured accuracy, and how far apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse._deferred import deferred
from rmtcollapse.predict._plain import plain_values

__all__ = ["Accuracies", "ClassificationForecast"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Accuracies:
    """Accuracy along one axis.

    Attributes
    ----------
    axis : str
        ``"samples"``, ``"ridge"`` or ``"noise"``.
    samples, ridge, noise : array (points,)
        Rows, penalty and share of wrong training labels of every point.
    predicted : array (points,)
        Theory: expected accuracy on new rows and their true labels.
    measured, standard_error : array (points,)
        Mean held-out accuracy over refits, and its standard error (over refits of these rows only).
    """

    axis: str
    samples: Array
    ridge: Array
    noise: Array
    predicted: Array
    measured: Array
    standard_error: Array

    @property
    def gaps(self) -> Array:
        """Gaps in accuracy, predicted - measured."""
        return self.predicted - self.measured

    @property
    def x(self) -> Array:
        """The axis that is varied."""
        return np.asarray(getattr(self, self.axis))


@dataclass(frozen=True, eq=False)
class ClassificationForecast:
    """What the theory said of a table of two classes, and what refitting measured.

    Attributes
    ----------
    source, target : str
        The table and its target column.
    classes : pair of float
        Values of the target that are positive and negative.
    rows, dimension : int
        Of what was used.
    share : float
        Of positive rows.
    separation : float
        Estimated distance of the class means in units of the spread within classes (mean over folds).
    plain, noisy : Accuracies
        Learning curves with true labels, and with some wrong.
    regularisation : Accuracies
        Against the ridge, with some labels wrong.
    corruption : Accuracies
        Against the share of wrong labels.
    best_ridge_predicted, best_ridge_measured : float
        Where the ridge curve is highest.
    regret : float
        Accuracy that the predicted best ridge costs.
    """

    source: str
    target: str
    classes: tuple[float, float]
    rows: int
    dimension: int
    share: float
    separation: float
    folds: int
    repeats: int
    plain: Accuracies
    noisy: Accuracies
    regularisation: Accuracies
    corruption: Accuracies
    best_ridge_predicted: float
    best_ridge_measured: float
    regret: float

    plot = deferred("rmtcollapse.plotting", "plot_classification_forecast")

    @property
    def curves(self) -> dict[str, Accuracies]:
        """The four curves by what they show."""
        noise, size = self.regularisation.noise[0], int(self.regularisation.samples[0])
        ridge = self.plain.ridge[0]
        return {
            f"learning curve, ridge {ridge:.3g}": self.plain,
            f"learning curve with {noise:.0%} wrong labels, ridge {ridge:.3g}": self.noisy,
            f"ridge curve, {size} rows, {noise:.0%} wrong labels": self.regularisation,
            f"wrong labels, {size} rows, ridge {ridge:.3g}": self.corruption,
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values, arrays as lists."""
        return plain_values(self, ("plain", "noisy", "regularisation", "corruption"))

    @property
    def report(self) -> str:
        """The forecast as text."""
        high, low = self.classes
        spread = 100 * np.sqrt(self.plain.measured[-1] * (1 - self.plain.measured[-1]) / self.rows)
        pool = self.rows - -(-self.rows // self.folds)
        lines = [
            f"{self.source}: {self.rows} rows, {self.dimension} features, target {self.target!r}, {self.share:.0%} of "
            f"class {high:g} and the others of class {low:g}, {self.separation:.2g} standard deviations apart",
        ]
        if pool < 8 * self.dimension:
            lines.append(
                f"caution: {pool} rows outside a fold tell little of the covariances of {self.dimension} features"
            )
        lines += [
            "Accuracy on true labels; gap is predicted - measured, in points; ± is one standard error over refits of",
            f"these rows, which alone leave any measured accuracy uncertain by about {spread:.1f} points.",
        ]
        for name, curve in self.curves.items():
            lines += ["", name, *_table(curve)]
        lines += [
            f"best ridge: predicted {self.best_ridge_predicted:.3g}, measured {self.best_ridge_measured:.3g}; "
            f"the predicted one costs {100 * self.regret:.1f} points",
            *(f"gap, {n}: median {100 * np.median(abs(c.gaps)):.1f}, {_largest(c)}" for n, c in self.curves.items()),
        ]
        return "\n".join(lines)


def _table(curve: Accuracies) -> list[str]:
    head = f"{'rows':>8}{'ridge':>11}{'wrong':>8}{'predicted':>11}{'measured':>11}{'±':>9}{'gap':>7}"
    rows = zip(
        curve.samples, curve.ridge, curve.noise, curve.predicted, curve.measured, curve.standard_error, strict=True
    )
    cells = (
        f"{n:>8.0f}{r:>11.3g}{e:>8.0%}{p:>11.4f}{m:>11.4f}{s:>9.4f}{100 * (p - m):>7.1f}" for n, r, e, p, m, s in rows
    )
    return [head, *cells]


def _largest(curve: Accuracies) -> str:
    worst = int(np.argmax(abs(curve.gaps)))
    return f"largest {100 * curve.gaps[worst]:+.1f} points at {curve.axis} = {curve.x[worst]:.3g}"
