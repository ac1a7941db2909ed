"""Sweeps: lines at the theory, points at the simulation, labels with the symbols."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from rmtcollapse import models, sweep
from rmtcollapse.errors import UnknownParameterError

mpl.use("Agg")


from rmtcollapse.plotting import plot_curve


def test_a_curve_has_a_line_for_each_cell_and_points_where_simulated(ridge) -> None:
    grid = np.geomspace(1e-2, 1, 5)
    found = sweep(ridge(), ridge=grid, samples=[15, 30], trials=3)
    axes = plot_curve(found)
    lines = [line for line in axes.lines if len(line.get_xdata()) == 5 and line.get_linestyle() == "-"]
    assert len(lines) == 2
    for line, n in zip(lines, (15, 30), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), found["test_error"].sel(samples=n))
    assert len(axes.containers) == 2
    assert axes.get_xscale() == "log"
    assert r"\lambda" in axes.get_xlabel()
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["$n = 15$", "$n = 30$"]


def test_a_divergence_is_a_gap_with_its_place_marked(ridge) -> None:
    axes = plot_curve(sweep(ridge(ridge=0.0), samples=[10, 20, 40]))
    assert np.isnan(axes.lines[0].get_ydata()).tolist() == [False, True, False]
    assert list(axes.lines[1].get_xdata()) == [20, 20]


def test_values_are_chosen_by_name(ridge) -> None:
    found = sweep(ridge(), ridge=[0.1, 0.2])
    axes = plot_curve(found, values=["bias", "variance"])
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), found["bias"])
    with pytest.raises(UnknownParameterError, match="did you mean 'bias'"):
        plot_curve(found, values=["bais"])


def test_places_that_were_not_simulated_have_no_point(ridge) -> None:
    axes = plot_curve(sweep(ridge(), ridge=[0.1, 0.2, 0.4], trials=3, simulated={"ridge": [0.4]}))
    (bars,) = axes.containers
    assert list(bars.lines[0].get_xdata()) == [0.4]


def test_axes_of_words_truth_values_and_infinities_are_drawn_and_stored(tmp_path: Path) -> None:
    model = models.BaggedLSSVM(dimension=9, samples=40, subset_samples=12, learners=2, mean_norm=1.0, ridge=0.1,
                               resampling="subsample")  # fmt: skip
    grids: dict[str, Any] = {
        "learners": [1, 2, math.inf],
        "intercept": [False, True],
        "resampling": ["subsample", "bootstrap"],
    }
    for name, values in grids.items():
        found = sweep(model, **{name: values})
        found.to_netcdf(tmp_path / f"{name}.nc")
        assert len(plot_curve(found).lines) == 1
        expected = [model.evolve(**{name: v}).theory()["accuracy"] for v in values]
        np.testing.assert_array_equal(found["accuracy"], expected)
    np.testing.assert_array_equal(sweep(model, learners=[1, math.inf])["learners"], [1.0, math.inf])
