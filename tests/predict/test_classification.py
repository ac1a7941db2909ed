"""On Gaussian classes the forecast of a classifier must be right; on real ones it must be near."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from rmtcollapse.errors import ParameterError
from rmtcollapse.predict import ClassificationForecast, Table, load_dataset, predict_classification


def gaussian_table(rows: int, dimension: int, seed: int, distance: float = 0.3) -> Table:
    """Two Gaussian classes in the shares 0.35 and 0.65, with covariances of their own."""
    rng = np.random.default_rng(seed)
    mixings = rng.normal(size=(2, dimension, dimension)) / np.sqrt(dimension) + np.eye(dimension)
    shift = distance * rng.normal(size=dimension)
    y = rng.random(rows) < 0.35
    noise = rng.normal(size=(rows, dimension))
    features = np.where(y[:, None], noise @ mixings[0] + shift, noise @ mixings[1] - shift) + 5.0
    return Table(features, y.astype(float), tuple(f"x{k}" for k in range(dimension)), "y", "Gaussian")


def worst(found: ClassificationForecast, least: int) -> list[float]:
    """Largest gaps of the curves in units of what is allowed: refits, rows, and what is of order 1/N."""
    spread, made = np.sqrt(0.25 / found.rows), []
    for curve in found.curves.values():
        allowed = 4 * np.hypot(curve.standard_error, spread) + 0.5 / curve.samples
        made.append(float(np.max((abs(curve.gaps) / allowed)[curve.samples >= least])))
    return made


def test_gaussian_classes_are_forecast_within_their_errors() -> None:
    found = predict_classification(gaussian_table(5000, 12, seed=1), repeats=120, samples=30, seed=2)
    assert max(worst(found, least=12)) < 1
    assert found.regret < 0.01
    assert found.share == pytest.approx(0.35, abs=0.03)
    assert found.corruption.predicted[0] > found.corruption.predicted[-1] + 0.1


def test_few_rows_do_not_make_classes_look_further_apart() -> None:
    # Means that do not differ, estimated on 48 rows each, are 0.2 apart in each of 60 directions: 1.6 in all.
    rng = np.random.default_rng(3)
    table = Table(rng.normal(size=(120, 60)), np.arange(120.0) % 2, tuple(map(str, range(60))), "y", "noise")
    found = predict_classification(table, repeats=40)
    assert found.separation < 0.6
    assert np.all(found.plain.predicted < 0.58)


def test_units_of_features_do_not_matter_where_they_are_standardised() -> None:
    table = gaussian_table(300, 6, seed=4)
    scaled = Table(table.features * [1e-6, 1e6, 3, 1, 1, 1] + 7, 2 * table.target - 5, table.names, "y", "scaled")
    first, second = (predict_classification(t, repeats=10, seed=5) for t in (table, scaled))
    np.testing.assert_allclose(first.plain.predicted, second.plain.predicted, rtol=1e-7)
    assert second.classes == (-3.0, -5.0)


def test_the_result_does_not_depend_on_the_executor() -> None:
    table = gaussian_table(200, 5, seed=6)
    with ThreadPoolExecutor(1) as single:
        alone = predict_classification(table, repeats=10, executor=single)
    together = predict_classification(table, repeats=10)
    for name, curve in alone.curves.items():
        np.testing.assert_array_equal(curve.measured, together.curves[name].measured)


@pytest.mark.parametrize(("name", "classes"), [("breast-cancer", None), ("digits", (3.0, 8.0))])
def test_real_tables(name: str, classes: Any) -> None:
    found = predict_classification(load_dataset(name), classes=classes, repeats=20)
    assert np.median(abs(found.plain.gaps)) < 0.015
    assert max(float(np.max(abs(c.gaps))) for c in found.curves.values()) < 0.12
    assert found.regret < 0.02
    assert "best ridge" in found.report
    made = found.to_dict()
    assert len(made["noisy"]["gaps"]) == len(made["noisy"]["samples"])


def test_it_draws() -> None:
    import matplotlib.pyplot as plt

    axes = predict_classification(gaussian_table(100, 3, seed=7), repeats=10).plot()
    assert [ax.get_xlabel() for ax in axes] == ["rows $N$", r"ridge $\lambda$", r"share of wrong labels $\varepsilon$"]
    plt.close("all")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"noise": 0.5}, "noise = 0.5"),
        ({"ridge": 0}, "ridge"),
        ({"samples": 1000}, "samples"),
        ({"folds": 1}, "folds"),
        ({"repeats": 5}, "repeats"),
        ({"classes": (0.0, 2.0)}, "classes = 2"),
        ({"classes": (1.0, 1.0)}, "classes"),
    ],
)
def test_bad_input_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        predict_classification(gaussian_table(100, 3, seed=8), **given)


def test_other_targets_are_refused() -> None:
    table = gaussian_table(100, 3, seed=9)
    with pytest.raises(ParameterError, match=r"target .*two values"):
        predict_classification(Table(table.features, np.arange(100.0), table.names, "y", "counted"))
    rare = np.where(np.arange(100) < 5, 1.0, 0.0)
    with pytest.raises(ParameterError, match="at least 10 rows"):
        predict_classification(Table(table.features, rare, table.names, "y", "rare"))
