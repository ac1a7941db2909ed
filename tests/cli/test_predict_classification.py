"""The command line of a classifier's forecast."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rmtcollapse.cli.main import app

RUN = CliRunner()


def test_it_prints_and_draws(tmp_path: Path) -> None:
    picture = tmp_path / "digits.png"
    found = RUN.invoke(app, ["predict", "digits", "--task", "classification", "--classes", "3,8", "--repeats", "10",
                             "--plot", str(picture)])  # fmt: skip
    assert found.exit_code == 0, found.output
    assert "class 8 and the others of class 3" in found.output
    assert picture.stat().st_size > 0


def test_json_is_strict(tmp_path: Path) -> None:
    rows = ["a,b,kind"] + [f"{(k * 7) % 11},{(k * 5) % 13},{k % 2}" for k in range(60)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(rows), encoding="utf-8")
    found = RUN.invoke(app, ["predict", str(table), "--task", "classification", "--repeats", "10", "--json"])
    assert found.exit_code == 0, found.output
    made = json.loads(found.output)
    assert made["classes"] == [1.0, 0.0]
    assert len(made["regularisation"]["predicted"]) == len(made["regularisation"]["ridge"])


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["digits", "--task", "classification"], "two values"),
        (["digits", "--task", "classification", "--classes", "3;8"], "classes"),
        (["digits", "--task", "classification", "--classes", "3"], "classes"),
        (["breast-cancer", "--task", "classification", "--noise", "0.7"], "noise"),
        (["diabetes", "--classes", "3,8"], "classes"),
        (["diabetes", "--noise", "0.1"], "noise"),
        (["digits", "--task", "clasification"], "did you mean"),
    ],
)
def test_bad_input_is_one_line(words: list[str], named: str) -> None:
    found = RUN.invoke(app, ["predict", *words])
    assert found.exit_code != 0
    said = found.stderr.strip() or str(found.exception)
    assert named in said
    assert "\n" not in said
