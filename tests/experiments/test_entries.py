"""Values that are arrays: measured, judged, swept and drawn entry by entry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from rmtcollapse import ParameterError, simulate, sweep, verify
from rmtcollapse.experiments.entries import by_entry
from rmtcollapse.models._prediction import Prediction

from .toys import Toy

mpl.use("Agg")


@dataclass(frozen=True)
class Pair(Toy):
    """Measures (level, 2 level) with noise, and their sum; of another length where `kind` is odd."""

    VALUES = {"pair": "two normal variables", "total": "their sum"}

    def evolve(self, **changes: Any) -> Pair:
        return replace(self, **changes)

    def _pair(self) -> np.ndarray:
        return self.level * np.arange(1.0, 3.0 + (self.kind == "odd"))

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        pair = self._pair() + rng.normal(0, self.spread, len(self._pair()))
        return {"pair": pair, "total": float(pair.sum())}

    def theory(self, digits: int | None = None) -> Prediction:
        return Prediction({"pair": self._pair(), "total": float(self._pair().sum())})


def test_entries_have_names_of_their_own() -> None:
    assert by_entry({"a": 1.0, "b": np.array([2.0, 3.0]), "c": [[4.0]]}) == {
        "a": 1.0, "b[0]": 2.0, "b[1]": 3.0, "c[0, 0]": 4.0,
    }  # fmt: skip


def test_means_and_standard_errors_are_arrays() -> None:
    found = simulate(Pair(), 200, seed=1)
    pair = found["pair"]
    assert found.draws["pair"].shape == (200, 2)
    np.testing.assert_allclose(pair.mean, found.draws["pair"].mean(axis=0))
    np.testing.assert_allclose(pair.standard_error, 0.1 / np.sqrt(200), rtol=0.2)
    assert type(found["total"].mean) is float
    assert str(pair).count("±") == 2


def test_the_verdict_judges_every_entry() -> None:
    assert [row.name for row in verify(Pair()).rows] == ["pair[0]", "pair[1]", "total"]
    assert verify(Pair()).passed
    wrong = verify(Pair(), {"pair": [2.0, 4.2]})
    assert wrong["pair[0]"].passed
    assert not wrong["pair[1]"].passed
    assert [row.name for row in verify(Pair(), {"pair[1]": 4.0}).rows] == ["pair[1]"]
    with pytest.raises(ParameterError, match=r"theory = 'pair\[2\]'"):
        verify(Pair(), {"pair": [2.0, 4.0, 6.0]})


def test_a_sweep_has_an_axis_for_the_entries(tmp_path: Path) -> None:
    levels = [1.0, 2.0, 3.0]
    found = sweep(Pair(), level=levels, trials=50, simulated={"level": [1.0, 3.0]}, store=tmp_path)
    assert found["pair"].dims == ("level", "pair_entry")
    np.testing.assert_array_equal(found["pair"], np.outer(levels, [1, 2]))
    assert found["pair_simulated"].dims == found["pair_standard_error"].dims == found["pair"].dims
    assert np.isnan(found["pair_simulated"].values[1]).all()
    np.testing.assert_allclose(found["pair_simulated"].values[::2], found["pair"].values[::2], atol=0.1)
    again = sweep(Pair(), level=levels, trials=50, simulated={"level": [1.0, 3.0]}, store=tmp_path)
    assert again.identical(found)
    with pytest.raises(ParameterError, match="same shape"):
        sweep(Pair(), kind=["plain", "odd"])


def test_a_picture_has_a_line_for_each_entry() -> None:
    from rmtcollapse.plotting import plot_curve

    axes = plot_curve(sweep(Pair(), level=[1.0, 2.0, 3.0], trials=5), values=["pair"])
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["[0]", "[1]"]
    assert len(axes.containers) == 2
