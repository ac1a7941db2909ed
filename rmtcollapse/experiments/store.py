"""Finished cells on disk, so that a long run can be interrupted and resumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rmtcollapse._cache import text_digest, write_atomically

__all__ = ["CellStore", "identity"]


def identity(model: Any, trials: int, seed: int) -> str:
    """Digest of everything that determines a cell's result."""
    # Not the text of an array, which leaves entries out.
    plain = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in model.parameters().items()}
    shown = {name: getattr(value, "digest", value) for name, value in plain.items()}
    return text_digest(model.name(), json.dumps(shown, sort_keys=True, default=str), str(trials), str(seed))


class CellStore:
    """A folder with one JSON file for each finished cell; None keeps nothing."""

    def __init__(self, folder: str | Path | None) -> None:
        self.folder = None if folder is None else Path(folder)

    def load(self, key: str) -> dict[str, np.ndarray] | None:
        """The stored draws of a cell, or None where it is not finished (or its file is damaged)."""
        if self.folder is None:
            return None
        try:
            stored = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
            return {name: np.array(values, dtype=float) for name, values in stored.items()}
        except (OSError, ValueError, AttributeError):
            return None

    def save(self, key: str, draws: Mapping[str, np.ndarray]) -> None:
        """Write a cell so that a crash leaves either all of it or nothing."""
        if self.folder is not None:
            text = json.dumps({name: values.tolist() for name, values in draws.items()})
            write_atomically(self.folder / f"{key}.json", text)
