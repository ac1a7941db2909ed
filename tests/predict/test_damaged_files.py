"""Files that are damaged, mislabelled or hostile: one line each, nothing evaluated, nothing half read."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rmtcollapse.errors import ParameterError
from rmtcollapse.predict import Table, load_dataset, predict_regression, read_table

NUMBERS = np.random.default_rng(0).normal(size=(25, 3))
LINES = ["a,b,y", *(",".join(f"{v:.6f}" for v in row) for row in NUMBERS)]


def refused(call: Callable[[], object], *parts: str) -> None:
    with pytest.raises(ParameterError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def saved(path: Path, **arrays: np.ndarray) -> bytes:
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return path.read_bytes()


def header_of(text: bytes) -> bytes:
    """A .npy file with this header and almost no data."""
    padded = text.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + bytes(80)


def test_a_claimed_size_is_not_believed(tmp_path: Path) -> None:
    huge = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999, 3), }"
    (tmp_path / "a.npy").write_bytes(header_of(huge))
    refused(lambda: read_table(tmp_path / "a.npy"), "a.npy", "an array of numbers")


def test_a_header_is_not_evaluated(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    (tmp_path / "a.npy").write_bytes(header_of(f"open({str(witness)!r}, 'w')".encode()[:110]))
    refused(lambda: read_table(tmp_path / "a.npy"), "an array of numbers")
    assert not witness.exists()


class Opened:
    """Creates a file where it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.witness,)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
@pytest.mark.parametrize("bare", [True, False])
def test_an_unpickled_object_would_leave_a_trace(tmp_path: Path, name: str, bare: bool) -> None:
    witness, path = tmp_path / "witness", tmp_path / name
    if bare:
        path.write_bytes(pickle.dumps(Opened(witness)))
    else:
        held = np.array([[Opened(witness)]], dtype=object)
        if name == "a.npy":
            np.save(path, held, allow_pickle=True)
        else:
            np.savez(path, X=held, y=NUMBERS[:, 0])
    refused(lambda: read_table(path), "array")
    assert not witness.exists()


@pytest.mark.parametrize("kept", [0, 4, 30, 400])
def test_a_truncated_array_is_refused(tmp_path: Path, kept: int) -> None:
    np.save(tmp_path / "a.npy", NUMBERS)
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:kept])
    refused(lambda: read_table(tmp_path / "a.npy"), "an array of numbers")


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    whole = saved(path, X=NUMBERS, y=NUMBERS[:, 0])
    encrypted = bytearray(whole)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := encrypted.find(mark, at + 1)) >= 0:
            encrypted[at + place] |= 1
    scrambled = whole[:150] + b"\xff" * 20 + whole[170:]
    for content in (b"", b"hello", whole[:200], b"PK\x03\x04aaaa", scrambled, bytes(encrypted)):
        path.write_bytes(content)
        refused(lambda: read_table(path), "an archive of arrays")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X", "hello")
        archive.writestr("y", "there")
    refused(lambda: read_table(path), "X = ", "2-dimensional")


def test_a_wrong_suffix_is_told(tmp_path: Path) -> None:
    archive, array = tmp_path / "a.npy", tmp_path / "a.npz"
    with archive.open("wb") as file:
        np.savez(file, X=NUMBERS, y=NUMBERS[:, 0])
    with array.open("wb") as file:
        np.save(file, NUMBERS)
    refused(lambda: read_table(archive), "name it .npz")
    refused(lambda: read_table(array), "name it .npy")


def test_only_what_is_needed_is_read_of_an_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=NUMBERS, y=NUMBERS[:, 0], notes=np.array([None], dtype=object))
    assert read_table(tmp_path / "a.npz").features.shape == (25, 3)


@pytest.mark.parametrize(
    ("array", "part"),
    [
        (NUMBERS[:, 0], "(25,)"),
        (np.zeros((25, 0)), "(25, 0)"),
        (NUMBERS[:, :1], "feature column"),
        (np.full((25, 2), np.longdouble("1e4000")), "inf"),
        (np.zeros((25, 2), dtype="M8[s]"), "datetime64"),
        (np.zeros(25, dtype=[("a", float), ("b", float)]), "(25,)"),
    ],
)
def test_arrays_that_are_no_tables(tmp_path: Path, array: np.ndarray, part: str) -> None:
    np.save(tmp_path / "a.npy", array)
    refused(lambda: read_table(tmp_path / "a.npy"), part)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("\n".join([",b,y", *LINES[1:]]), ["column 0 of the header", "row numbers"]),
        ("\n".join(line + "," for line in LINES), ["column 3 of the header"]),
        ("\n".join(["0,1,2", *LINES[1:]]), ["header", "names"]),
        ("\n".join([*LINES[:5], "# a remark", *LINES[5:]]), ["line 6", "1 entries"]),
        ("\n".join(LINES).replace(",", ";"), ["a;b;y"]),
        ("\n".join([*LINES, "1,2,1e200"]), ["'y'", "1e+200", "rescale"]),
        ("a,b,y\n" + "1" * 200_000 + ",2,3\n", ["table.csv", "field"]),
    ],
)
def test_text_that_is_no_table(tmp_path: Path, content: str, parts: list[str]) -> None:
    (tmp_path / "table.csv").write_text(content, encoding="utf-8")
    refused(lambda: read_table(tmp_path / "table.csv"), *parts)


@pytest.mark.parametrize(
    "content",
    ["\n \n" + "\n".join(LINES), "\n\n".join(LINES), "\n".join([*LINES, "  "]), "\r\n".join(LINES), "\r".join(LINES)],
)
def test_blank_lines_and_any_line_end_are_no_data(tmp_path: Path, content: str) -> None:
    (tmp_path / "TABLE.CSV").write_bytes(content.encode())
    found = read_table(tmp_path / "TABLE.CSV")
    np.testing.assert_allclose(np.column_stack([found.features, found.target]), NUMBERS, atol=5.1e-7)


@pytest.mark.parametrize("target", [True, 1.0, [1], "1_0", "1.0", "", "9" * 5000, 3, -4, "-4"])
def test_positions_are_integers_in_range(tmp_path: Path, target: object) -> None:
    (tmp_path / "table.csv").write_text("\n".join(LINES), encoding="utf-8")
    refused(lambda: read_table(tmp_path / "table.csv", target), "target")  # type: ignore[arg-type]


def test_a_numbered_name_goes_before_a_position(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("\n".join(["a,0,y", *LINES[1:]]), encoding="utf-8")
    assert read_table(tmp_path / "table.csv", "0").target_name == "0"
    assert read_table(tmp_path / "table.csv", 0).target_name == "a"


@pytest.mark.parametrize("path", ["http://example.com/table.csv", "x" * 5000 + ".csv", "a\0b.csv", "a\nb.csv", ""])
def test_paths_that_are_no_files(path: str) -> None:
    refused(lambda: read_table(path), "an existing file")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "table.csv").mkdir()
    refused(lambda: read_table(tmp_path / "table.csv"), "an existing file")


def test_a_table_refuses_parts_that_do_not_fit() -> None:
    X, y, names = NUMBERS[:, :2], NUMBERS[:, 2], ("a", "b")
    refused(lambda: Table(X, y[1:], names, "y", "s"), "24 entries", "25 rows")
    refused(lambda: Table(X, y, ("a",), "y", "s"), "1 names", "2 columns")
    refused(lambda: Table(y, y, ("a",), "y", "s"), "(25,)")
    refused(lambda: Table(X * [1e200, 1], y, names, "y", "s"), "'a'", "rescale")
    refused(lambda: Table(X, y * 1e-170, names, "y", "s"), "'y'", "rescale")
    lists = Table(X.tolist(), y.tolist(), names, "y", "s")  # type: ignore[arg-type]
    np.testing.assert_array_equal(lists.features, X)
    assert lists != Table(X, y, names, "y", "s")  # by identity: arrays have no truth value


@pytest.mark.parametrize("ridge", [0, 1e-12, 1e-300, 1e300, True, "1", float("nan"), float("inf")])
def test_ridges_that_no_fit_survives_are_refused(ridge: object) -> None:
    table = Table(NUMBERS[:, [0, 0, 1]], NUMBERS[:, 2], ("a", "again", "b"), "y", "s")
    refused(lambda: predict_regression(table, ridge=ridge), "ridge = ", "1e-08")  # type: ignore[arg-type]


def test_a_repeated_column_survives_the_smallest_ridge() -> None:
    table = Table(NUMBERS[:, [0, 0, 1]], NUMBERS[:, 2], ("a", "again", "b"), "y", "s")
    found = predict_regression(table, ridge=1.1e-8, repeats=10)
    assert all(np.isfinite(c.measured).all() and np.isfinite(c.predicted).all() for c in found.curves)


def test_a_feature_constant_in_every_fold_but_one_is_told() -> None:
    table = Table((np.arange(25) == 7)[:, None], NUMBERS[:, 2], ("rare",), "y", "rarely")
    refused(lambda: predict_regression(table), "rarely", "varies")


def test_bundled_sets_need_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sklearn", None)
    refused(lambda: load_dataset("digits"), "digits", "rmtcollapse[data]")
