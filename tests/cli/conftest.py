"""What tests of the command line share: a runner, and a strict reading of its JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from rmtcollapse.cli.main import main


@pytest.fixture
def command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """A function that runs one command and gives its exit code, standard output and standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rmtcollapse", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return run


@pytest.fixture
def strict() -> Callable[[str], Any]:
    """A function that reads JSON and refuses NaN and Infinity."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    return lambda text: json.loads(text, parse_constant=refuse)
