"""What every figure must do, whatever its paper; a new one is in the registry and so tested by being there."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from functools import cache

import matplotlib as mpl
import numpy as np
import pytest

from rmtcollapse import figures
from rmtcollapse.figures._data import FigureData
from rmtcollapse.figures._figure import SIZES

mpl.use("Agg")

import matplotlib.pyplot as plt

NAMES = list(figures.declarations())
each_figure = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


@cache
def made(name: str) -> FigureData:
    return figures.make(name, size="quick", seed=1)


def measured(data: FigureData) -> dict[str, np.ndarray]:
    rows = [row for row in data.rows() if "simulated" in row]
    return {n: np.array([row[n] for row in rows], float) for n in ("theory", "simulated", "standard_error")}


@each_figure
def test_it_says_what_it_is_and_where_it_is_from(name: str) -> None:
    figure = figures.find(name)
    module = inspect.getmodule(figure.panels)
    assert module is not None
    assert module.__name__ == f"rmtcollapse.figures.{name.replace('-', '_')}"
    assert 20 < len(figures.summary(name)) <= 119
    assert "hosen here" in str(module.__doc__) or "paper's" in str(module.__doc__), "whose parameters these are"
    assert "arXiv" in figure.paper
    assert tuple(figure.sizes) == SIZES
    dimensions = [size.dimension for size in figure.sizes.values()]
    assert dimensions == sorted(dimensions)


@each_figure
def test_theory_is_finite_and_simulation_stands_beside_it(name: str) -> None:
    rows = made(name).rows()
    assert all(math.isfinite(row["theory"]) for row in rows)
    assert {row["panel"] for row in rows if "simulated" in row} == {row["panel"] for row in rows}
    found = measured(made(name))
    assert len(found["theory"]) >= 12
    assert np.all(np.isfinite(found["simulated"]))
    assert np.all(found["standard_error"] > 0)


@each_figure
def test_theory_and_simulation_agree(name: str) -> None:
    """Within standard errors and an O(1/n) allowance (or that of the figure): three over the dimension, relative."""
    found, figure = measured(made(name)), figures.find(name)
    gap = abs(found["simulated"] - found["theory"])
    allowance = 3 / figure.size("quick").dimension ** figure.rate * abs(found["theory"])
    assert np.all(gap <= 4 * found["standard_error"] + allowance)
    # and not because the standard errors are large
    assert np.median(found["standard_error"] / found["theory"]) < 0.12
    assert np.median(gap / found["theory"]) < 0.08


@each_figure
def test_the_table_has_every_row_and_every_parameter(name: str) -> None:
    data = made(name)
    frame = data.to_dataframe()
    assert len(frame) == len(data.rows())
    drawn = frame.dropna(subset=["model"])
    assert frame["simulated"].notna().sum() == len(measured(data)["theory"]) == data.agreement()["simulated_points"]
    assert drawn[["axis", "x", "value", "theory", "status"]].notna().all(axis=None)
    dataset = data.to_dataset()
    assert dict(dataset.sizes) == {"row": len(frame)}
    np.testing.assert_array_equal(dataset["theory"], frame["theory"])


@each_figure
def test_it_draws_one_axes_a_panel_with_all_its_lines(name: str) -> None:
    data = made(name)
    axes = np.atleast_1d(data.plot())
    assert len(axes) == len(data.panels)
    for one, panel in zip(axes, data.panels, strict=True):
        labels = {row["curve"] for row in panel.rows() if row["curve"] and not row["curve"].startswith("limit of")}
        assert {text.get_text() for text in one.get_legend().get_texts()} - {"simulated"} == labels
        assert one.get_xlabel()
        assert one.get_ylabel()
        assert len(one.containers) == len({row["curve"] for row in panel.rows() if "simulated" in row})
    again = plt.subplots(1, len(axes))[1]
    assert data.plot(again) is again


def test_theory_alone() -> None:
    kinds = {type(panel): name for name in NAMES for panel in made(name).panels}
    for name in kinds.values():
        assert_theory_alone(name)


def assert_theory_alone(name: str) -> None:
    alone = figures.make(name, size="quick", simulation=False)
    assert alone.trials is None
    assert [row["theory"] for row in alone.rows()] == [row["theory"] for row in made(name).rows()]
    assert not any("simulated" in row for row in alone.rows())
    assert alone.agreement() == {"simulated_points": 0}
    assert "theory alone" in alone.report
