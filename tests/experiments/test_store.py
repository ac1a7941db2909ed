"""Cells on disk: what is stored comes back exactly, what is damaged is as if it had never been."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rmtcollapse import Spectrum
from rmtcollapse.experiments.store import CellStore, identity
from rmtcollapse.models import RidgeRegression, WeightedSources

DRAWS = {"bias": np.array([0.1, 1 / 3, 5e-324, 1e308]), "variance": np.array([0.0, np.inf, -1.0, np.pi])}
MODEL = RidgeRegression(spectrum=Spectrum.isotropic(10), samples=15, ridge=0.1, noise_variance=0.4)


def test_stored_numbers_come_back_to_the_last_bit(tmp_path: Path) -> None:
    store = CellStore(tmp_path / "new" / "folder")
    store.save("cell", DRAWS)
    found = store.load("cell")
    assert found is not None
    assert list(found) == list(DRAWS)
    for name, values in DRAWS.items():
        np.testing.assert_array_equal(found[name], values)
    assert store.load("another cell") is None


def test_no_folder_keeps_nothing() -> None:
    store = CellStore(None)
    store.save("cell", DRAWS)
    assert store.load("cell") is None


@pytest.mark.parametrize("text", ["", "{", '{"bias": ["a"]}', "[1, 2]", "null", "\x00\xff"])
def test_a_damaged_cell_is_no_cell(tmp_path: Path, text: str) -> None:
    store = CellStore(tmp_path)
    store.save("cell", DRAWS)
    (tmp_path / "cell.json").write_text(text, encoding="latin-1")
    assert store.load("cell") is None
    store.save("cell", DRAWS)
    assert store.load("cell") is not None
    assert [p.name for p in tmp_path.iterdir()] == ["cell.json"], "no half-written files are left"


def test_identity_is_that_of_everything_that_decides_a_cell() -> None:
    base = identity(MODEL, 10, 3)
    assert identity(MODEL.evolve(), 10, 3) == base
    others = [
        identity(MODEL, 11, 3),
        identity(MODEL, 10, 4),
        identity(MODEL.evolve(ridge=0.1 + 1e-16), 10, 3),
        identity(MODEL.evolve(spectrum=Spectrum.isotropic(10, 1 + 1e-15)), 10, 3),
        identity(MODEL.evolve(samples=16), 10, 3),
    ]
    assert len({base, *others}) == 6


def test_identity_knows_every_entry_of_a_large_array() -> None:
    d = 60
    given = {
        "covariances": np.array([np.eye(d)]),
        "samples": np.array([70]),
        "noise_variances": np.ones(1),
        "weights": np.ones(1),
        "targets": np.ones((1, d)),
        "ridge": 0.1,
        "test_covariance": np.eye(d),
        "test_target": np.ones(d),
    }
    changed = np.array([np.eye(d)])
    changed[0, 30, 30] = 2.0
    first, other = WeightedSources(**given), WeightedSources(**{**given, "covariances": changed})
    assert identity(first, 10, 3) != identity(other, 10, 3)
    assert identity(first, 10, 3) == identity(first.evolve(), 10, 3)
