"""`rmtcollapse figure` as a user meets it: files written, strict JSON, one-line refusals."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from rmtcollapse import figures

QUICK = ("accumulate-replace", "--quick", "--trials", "3")


@pytest.fixture
def cli(command_line, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):  # type: ignore[no-untyped-def]
    """A function that runs `figure` in an empty folder and gives its exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    return partial(command_line, "figure")


def test_the_list_is_the_registry(cli) -> None:  # type: ignore[no-untyped-def]
    listed = json.loads(cli("--list", "--json")[1])
    assert [row["name"] for row in listed] == list(figures.declarations())
    assert all(row["summary"] and row["paper"] for row in listed)
    code, out, _ = cli()
    assert code == 0
    assert out == cli("--list")[1]
    assert all(row[key] in out for row in listed for key in row)


def test_picture_and_table_are_written_side_by_side(cli, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, err = cli(*QUICK, "--seed", "5")
    assert (code, err) == (0, "")
    assert "28 points of 3 trials" in out
    picture, values = tmp_path / "accumulate-replace.png", tmp_path / "accumulate-replace.csv"
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert str(values.name) in out
    expected = figures.make("accumulate-replace", size="quick", trials=3, seed=5).to_dataframe()
    np.testing.assert_allclose(pd.read_csv(values)["simulated"], expected["simulated"], rtol=1e-14)


@pytest.mark.parametrize("kind", ["nc", "csv", "json"])
def test_every_format(cli, tmp_path: Path, kind: str) -> None:  # type: ignore[no-untyped-def]
    values = tmp_path / f"table.{kind}"
    code, out, _ = cli(*QUICK, "--output", str(tmp_path / "a.svg"), "--data", str(values), "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["picture"], found["data"]) == (str(tmp_path / "a.svg"), str(values))
    assert found["simulated_points"] == 28
    expected = figures.make("accumulate-replace", size="quick", trials=3).to_dataframe()
    if kind == "nc":
        with xr.open_dataset(values, engine="scipy") as stored:
            np.testing.assert_array_equal(stored["simulated"], expected["simulated"])
            assert stored.attrs["figure"] == "accumulate-replace"
    elif kind == "json":
        rows = json.loads(values.read_text())["rows"]
        assert [row["theory"] for row in rows] == list(expected["theory"])
    else:
        assert list(pd.read_csv(values).columns) == list(expected.columns)


def test_theory_alone_and_a_store(cli, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = cli(*QUICK, "--no-simulation")
    assert code == 0
    assert "theory alone" in out
    assert cli(*QUICK, "--store", str(tmp_path / "cells"))[0] == 0
    assert len(list((tmp_path / "cells").iterdir())) == 28


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["acumulate-replace"], "did you mean 'accumulate-replace'"),
        ([*QUICK, "--output", "picture.bmp"], "picture.bmp"),
        ([*QUICK, "--output", "nowhere/picture.png"], "nowhere"),
        ([*QUICK, "--data", "table.txt"], "table.txt"),
        (["accumulate-replace", "--trials", "1"], "trials"),
        (["accumulate-replace", "--trials", "many"], "trials"),
        (["accumulate-replace", "--seed", "-1"], "seed"),
        (["accumulate-replace", "--size", "huge"], "huge"),
        ([*QUICK, "--size", "large"], "--quick"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(cli, tmp_path: Path, words: list[str], part: str) -> None:  # type: ignore[no-untyped-def]
    code, out, err = cli(*words)
    assert (code, out) == (2, "")
    assert err.startswith("rmtcollapse: ")
    assert err.count("\n") == 1
    assert part in err
    assert not list(tmp_path.iterdir()), "refused before the work"
