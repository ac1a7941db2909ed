"""A user's table: features and a target, read from a file and refused in one line where it is not numbers."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ParameterError, UnknownParameterError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Table", "load_dataset", "read_table"]

Array = NDArray[np.float64]
LEAST_ROWS = 20
BUNDLED = ("breast-cancer", "diabetes", "digits")
_LARGEST, _SMALLEST = 1e100, 1e-100  # variances of what lies between neither overflow nor underflow


@dataclass(frozen=True, eq=False)
class Table:
    """Features (rows, columns), a target (rows,), and what they are called.

    Raises
    ------
    ParameterError
        For a missing, infinite or huge entry, a constant column, fewer than 20 rows, or lengths that differ.
    """

    features: Array
    target: Array
    names: tuple[str, ...]
    target_name: str
    source: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", _real(np.asarray(self.features), "features", 2))
        object.__setattr__(self, "target", _real(np.asarray(self.target), "target", 1))
        rows, columns = self.features.shape
        if len(self.target) != rows:
            raise ParameterError("target", f"{len(self.target)} entries", f"one entry for each of the {rows} rows")
        if len(self.names) != columns:
            raise ParameterError("names", f"{len(self.names)} names", f"one name for each of the {columns} columns")
        if rows < LEAST_ROWS:
            raise ParameterError("data", self.source, f"a table of at least {LEAST_ROWS} rows; it has {rows}")
        if columns == 0:
            raise ParameterError("data", self.source, "a table with a feature column beside the target")
        for values, name in (*zip(self.features.T, self.names, strict=True), (self.target, self.target_name)):
            bad = ~np.isfinite(values)
            if bad.any():
                row = int(np.argmax(bad))
                raise ParameterError(f"column {name!r}, row {row + 1}", float(values[row]), "a finite number")
            if np.ptp(values) == 0:
                raise ParameterError(f"column {name!r}", float(values[0]), "a column that varies")
            if (size := float(np.abs(values).max())) > _LARGEST or np.ptp(values) < _SMALLEST:
                domain = f"a column with entries up to {_LARGEST:g} that differ by {_SMALLEST:g} or more; rescale it"
                raise ParameterError(f"largest entry of column {name!r}", size, domain)


def read_table(path: str | Path, target: str | int | None = None) -> Table:
    """Read a table of numbers.

    Parameters
    ----------
    path : path
        ``.csv`` or ``.tsv`` with a header; ``.npy`` with a two-dimensional array; ``.npz`` with ``X`` and ``y``.
    target : str or int, optional
        Target column by name or position (from 0; negative from the end); the last column by default.

    Raises
    ------
    ParameterError
        For anything that is not a table of varying, finite numbers; one line that says where.
    """
    path = Path(path)
    if not _is_file(path):
        hint = did_you_mean(path.name, BUNDLED)
        raise ParameterError("data", str(path), f"an existing file, or one of {', '.join(BUNDLED)}{hint}")
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return _from_text(path, target)
    if suffix == ".npy":
        return _from_matrix(_load(path), path, target)
    if suffix == ".npz":
        return _from_archive(path, target)
    raise ParameterError("data", str(path), "a .csv, .tsv, .npy or .npz file")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as: a name that is too long
        return False


def _from_text(path: Path, target: str | int | None) -> Table:
    import pandas as pd

    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        names = _checked_header(path, separator)
        frame = pd.read_csv(path, sep=separator, skipinitialspace=True, encoding="utf-8-sig")
    except ParameterError:
        raise
    except (ValueError, OSError, csv.Error) as error:  # pandas' own errors are ValueErrors
        raise ParameterError("data", str(path), f"a table of text ({' '.join(str(error).split())})") from None
    place = _place(target, names, path)
    matrix = np.stack([_numbers(frame.iloc[:, k], names[k]) for k in range(len(names))], axis=1)
    return _split(matrix, place, tuple(names), str(path))


def _checked_header(path: Path, separator: str) -> list[str]:
    """Column names, after checking that every row is as long as the header (pandas would guess)."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, delimiter=separator, skipinitialspace=True)
        names = [n.strip() for n in next((line for line in lines if not _blank(line)), [])]
        if not any(names):
            raise ParameterError("data", str(path), "a table with a header of column names")
        if "" in names:
            where = f"column {names.index('')} of the header"
            raise ParameterError(where, "", "a name (a column of row numbers is no feature: leave it out)")
        if all(_is_number(n) for n in names):
            raise ParameterError("header", ", ".join(names[:5]), "column names, not numbers")
        twice = [n for n in names if names.count(n) > 1]
        if twice:
            raise ParameterError("header", twice[0], "column names that differ")
        rows = 0
        for line in lines:
            if _blank(line):
                continue
            rows += 1
            if len(line) != len(names):
                shown = f"{len(line)} entries"
                raise ParameterError(f"line {lines.line_num}", shown, f"{len(names)} entries, as the header has")
    if rows == 0:
        raise ParameterError("data", str(path), "a table with rows")
    return names


def _blank(line: list[str]) -> bool:
    return not line or (len(line) == 1 and not line[0].strip())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(column: pd.Series, name: str) -> Array:
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    wrong = numbers.isna() & column.notna()
    if wrong.any():
        row = int(np.argmax(wrong.to_numpy()))
        raise ParameterError(f"column {name!r}, row {row + 1}", str(column.iloc[row]), "a number")
    if column.isna().any():
        row = int(np.argmax(column.isna().to_numpy()))
        raise ParameterError(f"column {name!r}, row {row + 1}", "", "a number (this entry is missing)")
    return np.asarray(numbers.to_numpy(dtype=float))


def _load(path: Path) -> NDArray[np.generic]:
    try:
        loaded = np.load(path, allow_pickle=False)
    except Exception as error:  # damaged files fail in a dozen ways, a size that they claim among them
        raise ParameterError("data", str(path), f"an array of numbers ({_reason(error)})") from None
    if not isinstance(loaded, np.ndarray):
        loaded.close()
        raise ParameterError("data", str(path), "an array of numbers (it is an archive; name it .npz)")
    return loaded


def _reason(error: Exception) -> str:
    # NumPy takes whatever is not its own format for a pickle, and would advise to load that.
    if isinstance(error, TypeError):
        return "it is one array; name it .npy"
    said = str(error).splitlines()
    return "it is not one" if "pickle" in str(error) or not said else said[0]


def _real(array: NDArray[np.generic], what: str, dimensions: int) -> Array:
    if array.dtype.kind not in "iufb" or array.ndim != dimensions:
        shown = f"{array.dtype} array of shape {array.shape}"
        raise ParameterError(what, shown, f"a {dimensions}-dimensional array of numbers")
    with np.errstate(over="ignore"):  # from long doubles; the infinity is refused by row and column
        return array.astype(float)


def _from_matrix(array: NDArray[np.generic], path: Path, target: str | int | None) -> Table:
    matrix = _real(array, "data", 2)
    if matrix.shape[1] == 0:
        raise ParameterError("data", f"array of shape {matrix.shape}", "an array with columns")
    names = [f"column {k}" for k in range(matrix.shape[1])]
    return _split(matrix, _place(target, names, path), tuple(names), str(path))


def _from_archive(path: Path, target: str | int | None) -> Table:
    if target is not None:
        raise ParameterError("target", target, "not given for an .npz file, whose target is y")
    try:
        # Opened here: np.load leaves the file open where it is no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            held = list(stored.files)
            arrays = {key: np.asarray(stored[key]) for key in ("X", "y") if key in held}
    except Exception as error:  # in zipfile, zlib and numpy
        raise ParameterError("data", str(path), f"an archive of arrays ({_reason(error)})") from None
    for key in ("X", "y"):
        if key not in arrays:
            raise ParameterError("data", str(path), f"arrays X and y; it has {', '.join(held[:20]) or 'none'}")
    features, values = _real(arrays["X"], "X", 2), _real(arrays["y"], "y", 1)
    if len(features) != len(values):
        raise ParameterError("y", f"{len(values)} entries", f"one entry for each of the {len(features)} rows of X")
    return Table(features, values, tuple(f"column {k}" for k in range(features.shape[1])), "y", str(path))


def _place(target: str | int | None, names: list[str], path: Path) -> int:
    if target is None:
        return len(names) - 1
    if target in names:
        return names.index(str(target))
    if isinstance(target, str) and not re.fullmatch(r"-?[0-9]{1,9}", target):
        known = f"a column of {path.name}{did_you_mean(target, names)}; it has {', '.join(names[:20])}"
        raise UnknownParameterError(f"target {target[:40]!r}", target, " ".join(known.split()))
    if isinstance(target, bool) or not isinstance(target, str | int | np.integer):
        raise ParameterError("target", target, f"a column name, or a position from 0 to {len(names) - 1}")
    place = int(target)
    if not -len(names) <= place < len(names):
        raise ParameterError("target", target, f"a column name, or a position from 0 to {len(names) - 1}")
    return place % len(names)


def _split(matrix: Array, place: int, names: tuple[str, ...], source: str) -> Table:
    rest = tuple(n for k, n in enumerate(names) if k != place)
    return Table(np.delete(matrix, place, axis=1), matrix[:, place].copy(), rest, names[place], source)


def load_dataset(name: str) -> Table:
    """A set that scikit-learn brings along.

    ``breast-cancer`` (569 rows, 30 features, two classes), ``diabetes`` (442 rows, 10 features) or ``digits`` (1,797
    rows; constant pixels dropped).

    Raises
    ------
    ParameterError
        For another name, or where scikit-learn (extra ``data``) is not installed.
    """
    if name not in BUNDLED:
        raise UnknownParameterError(
            f"data {name!r}", name, f"a bundled set{did_you_mean(name, BUNDLED)}; there are {', '.join(BUNDLED)}"
        )
    try:
        from sklearn import datasets
    except ImportError:
        raise ParameterError("data", name, "available with scikit-learn: pip install 'rmtcollapse[data]'") from None
    load = {
        "breast-cancer": datasets.load_breast_cancer,
        "diabetes": lambda: datasets.load_diabetes(scaled=False),
        "digits": datasets.load_digits,
    }
    bunch = load[name]()
    features = np.asarray(bunch.data, dtype=float)
    varies = np.ptp(features, axis=0) > 0
    names = tuple(str(n) for n, v in zip(bunch.feature_names, varies, strict=True) if v)
    target = {"breast-cancer": "benign", "diabetes": "disease progression", "digits": "digit"}[name]
    return Table(features[:, varies], np.asarray(bunch.target, dtype=float), names, target, f"scikit-learn {name}")
