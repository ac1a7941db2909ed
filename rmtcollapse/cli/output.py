"""Tables for people, strict JSON for programs, files for both."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmtcollapse.errors import ParameterError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check_suffix", "decimals", "describe", "describe_law", "dumps", "plain", "table", "write_dataset"]

DATA_FORMATS = (".nc", ".csv", ".json")
PLOT_FORMATS = (".png", ".pdf", ".svg")


def plain(value: Any) -> Any:
    """A value that strict JSON can hold: numbers as they are, infinite ones as null, arrays as lists."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Sequence):
        return [plain(v) for v in value]
    return str(value)


def dumps(value: Any) -> str:
    """Strict JSON text."""
    return json.dumps(plain(value), allow_nan=False, indent=2)


def decimals(value: Any, digits: int) -> Any:
    """A number at many digits as text, an array of them as a list."""
    from mpmath import nstr

    if hasattr(value, "tolist"):
        return [decimals(v, digits) for v in value.tolist()]
    return str(nstr(value, digits, strip_zeros=False))


def describe(value: Any) -> Any:
    """A parameter's value for output: a spectrum by what it is, anything else as it is."""
    if hasattr(value, "digest"):
        return {"dimension": value.dimension, "rank": value.rank, "trace": value.trace, "digest": value.digest}
    return value.tolist() if hasattr(value, "tolist") else value


def table(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> str:
    """Left-aligned columns, two spaces apart."""
    lines = [list(header), *map(list, rows)] if header else [list(r) for r in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def check_suffix(option: str, path: Path | None, allowed: Sequence[str]) -> None:
    """Refuse an output file before the work, not after it."""
    if path is None:
        return
    if path.suffix not in allowed:
        raise ParameterError(option, str(path), f"a file that ends in {', '.join(allowed)}")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise ParameterError(option, str(path), "a file in a folder that exists")


def dataset_json(dataset: xr.Dataset) -> dict[str, Any]:
    """A dataset as nested plain values."""
    return {
        "model": dataset.attrs.get("model"),
        "parameters": {k: v for k, v in dataset.attrs.items() if k != "model"},
        "grid": {str(name): dataset[name].values for name in dataset.dims},
        "values": {str(name): dataset[name].values for name in dataset.data_vars},
        "status": dataset["status"].values,
    }


def write_dataset(dataset: xr.Dataset, path: Path) -> None:
    """Write a dataset as netCDF, CSV or JSON, by the ending of `path`."""
    if path.suffix == ".nc":
        dataset.to_netcdf(path, engine="scipy")
    elif path.suffix == ".csv":
        dataset.to_dataframe().to_csv(path)
    else:
        path.write_text(dumps(dataset_json(dataset)) + "\n", encoding="utf-8")


def describe_law(found: dict[str, Any]) -> str:
    """What `density` found, as text."""
    lines = [found["law"], f"mean {found['mean']:.12g}, variance {found['variance']:.12g}"]
    lines += [f"atom at {place:.12g}, mass {mass:.12g}" for place, mass in found["atoms"]]
    bulks = zip(found["support"], found["masses"], strict=True)
    lines += [f"bulk from {left:.16g} to {right:.16g}, mass {mass:.12g}" for (left, right), mass in bulks]
    rows = [(f"{x:.12g}", f"{y:.12g}") for x, y in zip(found["x"], found["density"], strict=True)]
    if found["asked"]:
        lines.append(table(rows, ("x", "density")))
    return "\n".join(lines)
