"""`predict --task tail` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rmtcollapse.cli.main import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["rmtcollapse", "predict", *arguments])
    with pytest.raises(SystemExit) as done:
        main()
    return int(done.value.code or 0)


def test_the_bundled_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    picture = tmp_path / "tail.png"
    assert run(monkeypatch, "python-topics", "--task", "tail", "--repeats", "2", "--plot", str(picture)) == 0
    assert "unseen mass as the sample grows" in capsys.readouterr().out
    assert picture.stat().st_size > 10_000
    assert run(monkeypatch, "python-topics", "--task", "tail", "--repeats", "2", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["resampling"]["x"][0] == 0
    assert found["exponent"] > 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.txt", "--task", "tail"], "data = 'nowhere.txt'"),
        (["python-topics", "--task", "tail", "--ridge", "0.1"], "ridge = 0.1 .*not given with --task tail"),
        (["python-topics", "--task", "tail", "--target", "y"], "target = 'y'"),
        (["python-topics", "--task", "tails"], "did you mean 'tail'"),
        (["python-topics", "--task", "tail", "--samples", "7"], "samples = 7"),
    ],
)
def test_refusals(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    import re

    assert run(monkeypatch, *arguments) == 2
    said = capsys.readouterr().err
    assert re.search(message, said)
    assert said.count("\n") == 1
