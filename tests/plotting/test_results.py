"""Verdicts and forecasts draw what they hold."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np

from rmtcollapse import verify
from rmtcollapse.models import SpikedMatrix

mpl.use("Agg")

import matplotlib.pyplot as plt

from rmtcollapse.plotting import plot_forecast, plot_learning_curve


def test_a_result_draws_itself_on_given_axes(ridge) -> None:
    _, axes = plt.subplots()
    verdict = verify(ridge(), trials=40, sizes=(1, 2))
    assert verdict.plot(axes) is axes
    shown = " ".join(t.get_text() for t in axes.get_legend().get_texts())
    assert all(name in shown for name in verdict.means)
    gap = verdict.means["bias"] / verdict.predictions["bias"] - 1
    assert any(np.array_equal(line.get_ydata(), gap) for line in axes.lines if len(line.get_ydata()) == 2)


def test_a_verdict_of_nothing_draws_no_legend() -> None:
    near = SpikedMatrix(sizes=[4, 6], strength=0.7)
    axes = verify(near, trials=4).plot()
    assert axes.get_title(loc="left") == "spiked-matrix: not yet judged"
    assert axes.get_legend() is None


def test_a_forecast_has_two_panels() -> None:
    from rmtcollapse.predict import Table, predict_regression

    rng = np.random.default_rng(0)
    rows = rng.standard_normal((60, 4))
    table = Table(rows, rows[:, 0] + rng.standard_normal(60), ("a", "b", "c", "d"), "y", "made up")
    forecast = predict_regression(table, repeats=10)
    left, right = plot_forecast(forecast)
    np.testing.assert_array_equal(left.lines[0].get_ydata(), forecast.plain.predicted)
    np.testing.assert_array_equal(right.lines[0].get_ydata(), forecast.regularisation.predicted)
    assert plot_learning_curve(forecast).get_title() == "made up"
