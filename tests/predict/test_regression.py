"""On Gaussian rows with a linear target the forecast must be right; on real ones it must be near."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rmtcollapse.errors import ParameterError
from rmtcollapse.predict import RegressionForecast, Table, load_dataset, predict_regression


def gaussian_table(rows: int, dimension: int, noise: float, seed: int) -> Table:
    """Correlated Gaussian features with offsets, a linear target with an intercept."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(dimension, dimension)) / np.sqrt(dimension) + np.eye(dimension)
    features = rng.normal(size=(rows, dimension)) @ mixing + 5.0
    weights = rng.normal(size=dimension)
    target = 3.0 + features @ weights + noise * rng.normal(size=rows)
    return Table(features, target, tuple(f"x{k}" for k in range(dimension)), "y", "Gaussian")


TABLE = gaussian_table(300, 6, 1.0, seed=4)


@pytest.fixture(scope="module")
def forecast() -> RegressionForecast:
    return predict_regression(TABLE, repeats=10, seed=5)


def test_a_gaussian_table_is_forecast_within_its_errors() -> None:
    found = predict_regression(gaussian_table(6000, 20, 2.0, seed=1), repeats=200, samples=40, seed=2)
    # Four standard errors of the refits, plus what 6,000 test labels say of a squared error: sqrt(2/6000) = 1.8 %.
    for curve in found.curves:
        allowed = 4 * curve.standard_error + 4 * np.sqrt(2 / 6000) * curve.measured
        usable = abs(curve.samples - 20) > 4  # at the interpolation peak the error has no finite variance
        assert np.all(abs(curve.predicted - curve.measured)[usable] <= allowed[usable])
    assert found.noise_variance == pytest.approx(4.0, rel=4 * np.sqrt(2 / 6000))
    assert found.regret < 0.03


def test_the_prediction_is_of_a_new_noisy_label() -> None:
    # With many rows the error is the noise; a forecast without the noise variance would be near zero.
    found = predict_regression(gaussian_table(2000, 5, 2.0, seed=3), repeats=20)
    assert found.plain.predicted[-1] == pytest.approx(4.0, rel=0.15)
    assert found.plain.measured[-1] == pytest.approx(4.0, rel=0.15)


def test_units_of_features_do_not_matter_where_they_are_standardised(forecast: RegressionForecast) -> None:
    scaled = Table(TABLE.features * [1e-6, 1e6, 3, 1, 1, 1] + 7, TABLE.target, TABLE.names, "y", "scaled")
    found = predict_regression(scaled, repeats=10, seed=5)
    np.testing.assert_allclose(found.plain.predicted, forecast.plain.predicted, rtol=1e-8)
    np.testing.assert_allclose(found.plain.measured, forecast.plain.measured, rtol=1e-6)


def test_the_result_does_not_depend_on_the_executor(forecast: RegressionForecast) -> None:
    with ThreadPoolExecutor(1) as single:
        alone = predict_regression(TABLE, repeats=10, seed=5, executor=single)
    np.testing.assert_array_equal(alone.plain.measured, forecast.plain.measured)
    np.testing.assert_array_equal(alone.regularisation.measured, forecast.regularisation.measured)


@pytest.mark.parametrize("name", ["diabetes", "digits"])
def test_real_tables_with_a_sensible_ridge(name: str) -> None:
    found = predict_regression(load_dataset(name), repeats=20)
    # Measured at 40 refits: medians 0.7 % and 1.9 %, largest 5.3 % and 6.8 %. Without the noise variance, or with the
    # signal of the wrong directions, the gaps are tens of per cent.
    assert np.median(abs(found.tuned.gaps)) < 0.04
    assert np.all(
        abs(found.tuned.predicted - found.tuned.measured) < 0.1 * found.tuned.measured + 4 * found.tuned.standard_error
    )
    assert found.regret < 0.03


def test_few_rows_are_cautioned(forecast: RegressionForecast) -> None:
    rng = np.random.default_rng(7)
    table = Table(rng.normal(size=(60, 40)), rng.normal(size=60), tuple(map(str, range(40))), "y", "wide")
    assert "caution: 48 rows" in predict_regression(table, repeats=10).report
    assert "caution" not in forecast.report


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"samples": 2}, "samples = 2"),
        ({"samples": 10**6}, "samples"),
        ({"ridge": 0.0}, "ridge = 0.0"),
        ({"ridge": float("nan")}, "ridge = nan"),
        ({"repeats": 3}, "repeats = 3"),
        ({"folds": 1}, "folds = 1"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_refusals(changes: dict[str, object], part: str) -> None:
    with pytest.raises(ParameterError, match=part):
        predict_regression(gaussian_table(100, 4, 1.0, seed=9), **changes)


def test_the_report_and_the_plain_values_say_the_same(forecast: RegressionForecast) -> None:
    plain, gaps = forecast.to_dict(), forecast.regularisation.predicted / forecast.regularisation.measured - 1
    assert plain["plain"]["predicted"] == forecast.plain.predicted.tolist()
    assert plain["regularisation"]["gaps"] == gaps.tolist()
    assert f"{forecast.plain.predicted[0]:.5g}" in forecast.report
    assert f"{forecast.best_ridge_predicted:.3g}" in forecast.report
