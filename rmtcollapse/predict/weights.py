"""A user's weight matrices: read from a file in order, and refused by name where they are not a network's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtcollapse.errors import ParameterError

__all__ = ["Weights", "read_weights"]

Array = NDArray[np.float64]
SUFFIXES = (".npz", ".safetensors")
_TYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
}
_HEADER = 100_000_000  # bytes of a header beyond which a file is not what it says


@dataclass(frozen=True, eq=False)
class Weights:
    """The weight matrices of consecutive layers, (outputs, inputs) each, the first layer first.

    Attributes
    ----------
    matrices : tuple of array
        Read-only.
    names : tuple of str
        What they are called.
    source : str
        Where they are from.
    transposed : bool
        Whether they were stored as (inputs, outputs).

    Raises
    ------
    ParameterError
        For what is not a matrix of finite numbers, for a matrix of zeros, and for shapes that do not follow each other.
    """

    matrices: tuple[Array, ...]
    names: tuple[str, ...]
    source: str
    transposed: bool = False

    @classmethod
    def of(cls, arrays: Mapping[str, ArrayLike] | Sequence[ArrayLike], source: str = "weights") -> Weights:
        """Weights from arrays in order, or by name in order."""
        named = arrays if isinstance(arrays, Mapping) else {f"layer {k + 1}": a for k, a in enumerate(arrays)}
        if not named:
            raise ParameterError("weights", source, "at least one matrix")
        matrices = [_matrix(name, np.asarray(array)) for name, array in named.items()]
        turned = False
        if not _follow(matrices):
            turned = _follow([m.T for m in matrices])
            if not turned:
                _refuse_shapes(list(named), matrices)
        made = tuple(np.ascontiguousarray(m.T if turned else m) for m in matrices)
        for matrix in made:
            matrix.setflags(write=False)
        return cls(made, tuple(named), source, turned)


def _matrix(name: str, array: NDArray[Any]) -> Array:
    if array.dtype.kind not in "iuf" or array.ndim != 2:
        shown = f"{array.dtype} array of shape {array.shape}"
        raise ParameterError(f"weights {name!r}", shown, "a two-dimensional array of real numbers")
    if min(array.shape) < 2:
        raise ParameterError(f"weights {name!r}", f"shape {array.shape}", "at least 2 rows and 2 columns")
    matrix = array.astype(float)
    if not np.isfinite(matrix).all():
        row, column = np.argwhere(~np.isfinite(matrix))[0]
        raise ParameterError(
            f"weights {name!r}, entry [{row}, {column}]", float(matrix[row, column]), "a finite number"
        )
    size = float(np.abs(matrix).max())
    if not 1e-100 < size < 1e100:
        raise ParameterError(f"largest entry of weights {name!r}", size, "a number from 1e-100 to 1e100")
    return matrix


def _follow(matrices: Sequence[Array]) -> bool:
    return all(a.shape[0] == b.shape[1] for a, b in pairwise(matrices))


def _refuse_shapes(names: list[str], matrices: list[Array]) -> None:
    k = next(i for i, (a, b) in enumerate(pairwise(matrices)) if a.shape[0] != b.shape[1])
    domain = (
        f"(outputs, {matrices[k].shape[0]}): its inputs are the outputs of {names[k]!r}, which has shape "
        f"{matrices[k].shape}; matrices are (outputs, inputs), first layer first"
    )
    raise ParameterError(f"shape of weights {names[k + 1]!r}", matrices[k + 1].shape, domain)


def read_weights(path: str | Path) -> Weights:
    """Read the weight matrices of consecutive layers.

    Parameters
    ----------
    path : path
        ``.npz`` with two-dimensional arrays in the order in which they were saved, or ``.safetensors`` with them in
        the order of their data; arrays of one dimension (biases, norms) are left out.

    Raises
    ------
    ParameterError
        For anything else; one line that says what.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ParameterError("data", str(path), f"a {' or '.join(SUFFIXES)} file of weight matrices")
    try:
        if not path.is_file():
            raise ParameterError("data", str(path), "an existing file")
        arrays = _archive(path) if path.suffix.lower() == ".npz" else _tensors(path)
    except ParameterError:
        raise
    except Exception as error:  # damaged files fail in a dozen ways
        said = (str(error).splitlines() or ["it is not one"])[0]
        raise ParameterError(
            "data", str(path), f"an archive of arrays ({'it is not one' if 'pickle' in said else said})"
        ) from None
    layers = {name: array for name, array in arrays.items() if array.ndim != 1}
    if not layers:
        raise ParameterError(
            "data", str(path), f"a file with two-dimensional arrays; it has {', '.join(list(arrays)[:20]) or 'none'}"
        )
    return Weights.of(layers, str(path))


def _archive(path: Path) -> dict[str, NDArray[Any]]:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return {name: np.asarray(stored[name]) for name in stored.files}


def _tensors(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a safetensors file: the length of a JSON header, the header, the data that it points into."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    if len(raw) < 8 or length > min(_HEADER, len(raw) - 8):
        raise ValueError("its header is cut off")
    header = json.loads(raw[8 : 8 + length])
    header.pop("__metadata__", None)
    found = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"][0]):
        if entry["dtype"] not in _TYPES:
            raise ParameterError(f"type of tensor {name!r}", entry["dtype"], f"one of {', '.join(_TYPES)}")
        start, end = entry["data_offsets"]
        data = np.frombuffer(raw[8 + length + start : 8 + length + end], _TYPES[entry["dtype"]])
        if entry["dtype"] == "BF16":  # the upper half of a single-precision number
            data = (data.astype(np.uint32) << 16).view(np.float32)
        found[name] = data.reshape(entry["shape"])
    return found
