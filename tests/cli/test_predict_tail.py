"""`predict --task tail` on the command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TAIL = ["predict", "python-topics", "--task", "tail", "--repeats", "2"]


def test_the_bundled_text(command_line, strict, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    picture = tmp_path / "tail.png"
    code, out, _ = command_line(*TAIL, "--plot", str(picture))
    assert code == 0
    assert "unseen mass as the sample grows" in out
    assert picture.stat().st_size > 10_000
    found = strict(command_line(*TAIL, "--json")[1])
    assert found["resampling"]["x"][0] == 0
    assert found["exponent"] > 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["predict", "nowhere.txt", "--task", "tail"], "data = 'nowhere.txt'"),
        ([*TAIL, "--ridge", "0.1"], "ridge = 0.1 .*not given with --task tail"),
        ([*TAIL, "--target", "y"], "target = 'y'"),
        ([*TAIL[:3], "tails"], "did you mean 'tail'"),
        ([*TAIL, "--samples", "7"], "samples = 7"),
    ],
)
def test_refusals(command_line, words: list[str], message: str) -> None:  # type: ignore[no-untyped-def]
    code, _, err = command_line(*words)
    assert code == 2
    assert re.search(message, err)
    assert err.count("\n") == 1
