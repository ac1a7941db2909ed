"""Tables are read as they are, or refused in one line that says where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rmtcollapse.errors import ParameterError
from rmtcollapse.predict import Table, load_dataset, read_table

ROWS = 25


def text(header: str = "a,b,y", **cells: str) -> str:
    """A good table with some cells replaced: ``b3="cat"`` is column b, row 3 (from 1)."""
    names = ["a", "b", "y"]
    lines = [header]
    for i in range(1, ROWS + 1):
        values = {"a": f"{i}", "b": f"{i * i}", "y": f"{-i}"}
        lines.append(",".join(cells.get(f"{n}{i}", values[n]) for n in names))
    return "\n".join(lines) + "\n"


def written(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_csv_is_split_at_the_target(tmp_path: Path) -> None:
    path = written(tmp_path, text())
    last = read_table(path)
    assert (last.names, last.target_name) == (("a", "b"), "y")
    np.testing.assert_array_equal(last.target, -np.arange(1, ROWS + 1))
    np.testing.assert_array_equal(last.features[:, 1], np.arange(1, ROWS + 1) ** 2)
    for target in ("b", 1, -2, "1"):
        named = read_table(path, target)
        assert (named.names, named.target_name) == (("a", "y"), "b")


def test_marks_spaces_and_tabs_are_understood(tmp_path: Path) -> None:
    wanted = read_table(written(tmp_path, text()))
    marked = read_table(written(tmp_path, b"\xef\xbb\xbf" + text().replace(",", ", ").encode(), "marked.csv"))
    tabbed = read_table(written(tmp_path, text().replace(",", "\t"), "tabbed.tsv"))
    for table in (marked, tabbed):
        np.testing.assert_array_equal(table.features, wanted.features)
        assert table.names == wanted.names


def test_arrays_and_archives(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, text()))
    np.save(tmp_path / "a.npy", np.column_stack([table.features, table.target]))
    np.savez(tmp_path / "a.npz", X=table.features, y=table.target)
    for name in ("a.npy", "a.npz"):
        found = read_table(tmp_path / name)
        np.testing.assert_array_equal(found.features, table.features)
        np.testing.assert_array_equal(found.target, table.target)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["header"]),
        ("a,b,y\n", ["rows"]),
        (text(b7="cat"), ["'b'", "row 7", "cat"]),
        (text(b7=""), ["'b'", "row 7", "missing"]),
        (text(b7="inf"), ["'b'", "row 7", "inf"]),
        (text(b7="__import__('os').getcwd()"), ["'b'", "row 7", "__import__"]),
        (text(b7="1,2"), ["line 8", "4 entries", "3 entries"]),
        (text().replace("7,49,-7", "7,49"), ["line 8", "2 entries"]),
        (text("1,2,3"), ["header", "names"]),
        (text("a,a,y"), ["header", "differ"]),
        (text("a,y"), ["line 2", "3 entries", "2 entries"]),
        (text(**{f"b{i}": "3" for i in range(1, ROWS + 1)}), ["'b'", "3.0", "varies"]),
        (text(**{f"y{i}": "3" for i in range(1, ROWS + 1)}), ["'y'", "varies"]),
        ("\n".join(text().splitlines()[:11]), ["20 rows", "10"]),
        ("y\n" + "\n".join(map(str, range(30))), ["feature"]),
        (b"\xff\xfea\x00", ["table.csv", "decode"]),
    ],
)
def test_bad_text_is_refused_in_one_line(tmp_path: Path, content: str | bytes, parts: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        read_table(written(tmp_path, content))
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("arrays", "part"),
    [
        ({"X": np.zeros((30, 2))}, "X and y"),
        ({"X": np.random.default_rng(0).normal(size=(30, 2)), "y": np.arange(29.0)}, "29 entries"),
        ({"X": np.arange(30.0), "y": np.arange(30.0)}, "2-dimensional"),
        ({"X": np.full((30, 2), "a"), "y": np.arange(30.0)}, "numbers"),
        ({"X": np.ones((30, 2)) * 1j, "y": np.arange(30.0)}, "complex"),
    ],
)
def test_bad_archives_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray], part: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ParameterError, match=part):
        read_table(tmp_path / "a.npz")


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    for name in ("a.npy", "a.npz"):
        save = np.save if name.endswith("npy") else np.savez
        save(tmp_path / name, np.array([{"a": 1}], dtype=object), allow_pickle=True)
        with pytest.raises(ParameterError) as caught:
            read_table(tmp_path / name)
        assert "load it unsafely" not in str(caught.value)


def test_targets_and_files_that_are_not_there(tmp_path: Path) -> None:
    path = written(tmp_path, text())
    with pytest.raises(ParameterError, match=r"'yy' is not a column .*did you mean 'y'.*a, b, y"):
        read_table(path, "yy")
    with pytest.raises(ParameterError, match="0 to 2"):
        read_table(path, 3)
    with pytest.raises(ParameterError, match="existing file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(ParameterError, match=r"\.npz file"):
        read_table(written(tmp_path, "a", "table.xlsx"))


def test_bundled_sets() -> None:
    digits = load_dataset("digits")
    assert digits.features.shape == (1797, 61)
    assert load_dataset("diabetes").features.shape == (442, 10)
    with pytest.raises(ParameterError, match="did you mean 'digits'"):
        load_dataset("digit")


def test_a_table_checks_itself() -> None:
    rows = np.random.default_rng(0).normal(size=(30, 2))
    rows[4, 1] = np.nan
    with pytest.raises(ParameterError, match="'b', row 5"):
        Table(rows, np.arange(30.0), ("a", "b"), "y", "made up")
