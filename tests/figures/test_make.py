"""Figures by name: what is refused, seeds, resuming, and what single figures must show."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rmtcollapse import ParameterError, figures
from rmtcollapse.figures._data import FigureData
from rmtcollapse.figures._figure import places
from rmtcollapse.models import AccumulatedRegression

SMALL: dict[str, Any] = {"size": "quick", "trials": 2}


@pytest.mark.parametrize(
    ("name", "how", "words"),
    [
        ("strong-colapse-width", {}, "did you mean 'strong-collapse-width'"),
        ("strong_collapse_width", {}, "is not a figure"),
        ("_figure", {}, "is not a figure"),
        ("accumulate-replace", {"size": "quik"}, r"size = 'quik' .*did you mean 'quick'"),
        ("accumulate-replace", {"size": "quick", "trials": 1}, "trials = 1 "),
        ("accumulate-replace", {"size": "quick", "trials": True}, "trials = True "),
        ("accumulate-replace", {"size": "quick", "seed": -1}, "seed = -1 "),
    ],
)
def test_refusals_are_one_line(name: str, how: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=rf"\A[^\n]*{words}[^\n]*\Z"):
        figures.make(name, **how)


def simulated(data: FigureData) -> list[float]:
    return [row["simulated"] for row in data.rows() if "simulated" in row]


def test_the_seed_decides_and_lines_have_seeds_of_their_own() -> None:
    first = simulated(figures.make("accumulate-replace", **SMALL, seed=3))
    assert simulated(figures.make("accumulate-replace", **SMALL, seed=3)) == first
    assert not set(first) & set(simulated(figures.make("accumulate-replace", **SMALL, seed=4)))
    # at the first iteration all workflows are one experiment: only seeds tell them apart
    assert len(set(first)) == len(first)


def test_an_interrupted_figure_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = simulated(figures.make("accumulate-replace", **SMALL))
    draw, count = AccumulatedRegression.draw, []

    def counted(self: AccumulatedRegression, rng: np.random.Generator) -> dict[str, float]:
        count.append(self.iterations)
        if len(count) > most:
            raise KeyboardInterrupt
        return draw(self, rng)

    most = 20
    monkeypatch.setattr(AccumulatedRegression, "draw", counted)
    with pytest.raises(KeyboardInterrupt):
        figures.make("accumulate-replace", **SMALL, store=tmp_path)
    kept = len(list(tmp_path.iterdir()))
    assert kept >= 8
    most = 10**6
    count.clear()
    assert simulated(figures.make("accumulate-replace", **SMALL, store=tmp_path)) == whole
    assert len(count) == 2 * (len(whole) - kept)


@pytest.mark.parametrize("whole", [False, True])
def test_simulated_places_are_places_of_the_line(whole: bool) -> None:
    line, simulated = places(3, 1000, 7, whole=whole)
    assert set(simulated) <= set(line)
    assert (line[0], line[-1], simulated[0], simulated[-1]) == pytest.approx((3, 1000, 3, 1000))
    assert np.all(np.diff(line) > 0)
    assert np.diff(np.log(line)).min() > 0.2 * np.diff(np.log(line)).max() or whole
    assert len(simulated) == 7
    assert (line.dtype.kind == "i") == whole


# ---- what the papers say ------------------------------------------------------------------------------------------


@cache
def theory(name: str) -> FigureData:
    return figures.make(name, size="quick", simulation=False)


def line(name: str, panel: int, label: str) -> tuple[np.ndarray, np.ndarray]:
    chosen = [row for row in theory(name).panels[panel].rows() if row["curve"] == label]
    return np.array([row["x"] for row in chosen], float), np.array([row["theory"] for row in chosen])


def test_any_share_of_synthetic_rows_ends_at_its_floor() -> None:
    _, clean = line("strong-collapse-scaling", 0, "$p_2 = 0$")
    for share in (0.1, 0.2, 0.5):
        _, error = line("strong-collapse-scaling", 0, f"$p_2 = {share:g}$")
        assert error[-1] == pytest.approx(share**2, rel=0.1)
        assert error[-1] > 20 * clean[-1]


def test_larger_models_amplify_where_labels_are_bad() -> None:
    for label, sign in (("$c^2 = 1$", -1), ("$c^2 = 8$", 1)):
        _, error = line("strong-collapse-width", 1, label)
        assert sign * (error[-1] - error[0]) > 0.5


def test_the_best_ridge_grows_with_the_generations() -> None:
    best, _ = line("demystified-ridge", 0, "best ridge")
    assert len(best) == 5
    assert np.all(np.diff(best) > 0)


def test_the_adapted_ridge_keeps_its_rate() -> None:
    """At the end the clean ridge has lost, and the best one is hardly better than the adapted."""
    clean, adapted, best = (
        line("demystified-scaling", 1, label)[1][-1]
        for label in (r"clean, $\lambda \propto T^{-0.6}$", r"adapted, $\lambda \propto T^{-0.24}$", "best")
    )
    assert clean > 1.3 * adapted
    assert best <= adapted < 1.3 * best


def test_replaced_grows_linearly_and_accumulated_stays_below_its_constant() -> None:
    x, replaced = line("accumulate-replace", 1, "replace")
    np.testing.assert_allclose(replaced, x, rtol=1e-12)
    for label in ("same", "fresh"):
        assert line("accumulate-replace", 1, f"accumulate, {label} rows")[1].max() < np.pi**2 / 6
