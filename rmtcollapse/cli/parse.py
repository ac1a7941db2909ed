"""What a user types, as models, grids and spectra. Parsed, never evaluated."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmtcollapse.errors import ParameterError, UnknownParameterError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

    from rmtcollapse.models._base import Model
    from rmtcollapse.models._parameters import ParameterSpec
    from rmtcollapse.spectra.population import Spectrum

__all__ = ["assignments", "build_curve", "build_model", "model_class", "parse_numbers", "parse_spectrum", "parse_value"]

_INTEGER = re.compile(r"[+-]?\d+")
_KINDS = {
    "isotropic": {"dimension": int, "signal_energy": float, "target_shift": float},
    "power-law": {"dimension": int, "capacity": float, "source": float, "target_shift": float},
}
_OPTIONAL = ("signal_energy", "target_shift")
_COLUMNS = {
    "eigenvalues": ("eigenvalues", "eigenvalue"),
    "signal": ("signal",),
    "target_shift": ("target_shift",),
    "multiplicities": ("multiplicities", "multiplicity"),
}


def assignments(words: Iterable[str]) -> dict[str, str]:
    """``key=value`` words as a mapping (dashes in keys are underscores)."""
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key or not value:
            raise ParameterError("argument", word, "name=value, such as ridge=0.1")
        if key in found:
            raise ParameterError(key, value, "given once")
        found[key] = value
    return found


def model_class(name: str) -> type[Model]:
    """The model of this command-line name (its own file only is imported)."""
    from importlib import import_module

    from rmtcollapse import models

    file = name.replace("-", "_")
    if re.fullmatch(r"[a-z][a-z0-9_]*", file):
        try:
            module = import_module(f"rmtcollapse.models.{file}")
        except ModuleNotFoundError:
            pass
        else:
            for item in vars(module).values():
                if getattr(item, "__module__", "") == module.__name__ and hasattr(item, "VALUES"):
                    return item  # type: ignore[no-any-return]
    known = models.model_classes()
    raise UnknownParameterError(name, name, f"a model{did_you_mean(name, known)}; there are {', '.join(known)}")


def _integer(name: str, text: str, domain: str = "an integer") -> int:
    if not _INTEGER.fullmatch(text.strip()):
        raise ParameterError(name, text, domain)
    return int(text)


def _float(name: str, text: str, domain: str = "a number") -> float:
    try:
        # float() also takes digits with underscores, which a user would mean as something else.
        return float(text if "_" not in text else "refused")
    except ValueError:
        raise ParameterError(name, text, domain) from None


def parse_value(name: str, text: str, spec: ParameterSpec) -> Any:
    """One parameter's value from its text."""
    if spec.optional and text == "none":
        return None
    if spec.infinite and text == "inf":
        return math.inf
    if spec.kind == "count":
        return _integer(name, text, spec.domain)
    if spec.kind == "number":
        return _float(name, text, spec.domain)
    if spec.kind == "flag":
        if text not in ("true", "false"):
            raise ParameterError(name, text, spec.domain)
        return text == "true"
    if spec.kind == "population":
        return parse_spectrum(text, name)
    if spec.kind == "array":
        return parse_array(name, text, spec.ranks)
    return text


def parse_array(name: str, text: str, ranks: tuple[int, ...]) -> Any:
    """``1,2`` as a vector, ``1,2;3,4`` as rows of a matrix, blocks joined by ``|``, or a .npy file.

    Of several `ranks` it has the least that has a place for every separator in the text.
    """
    import numpy as np

    path = Path(text)
    if path.suffix == ".npy":
        if not path.is_file():
            raise ParameterError(name, text, "an existing file")
        try:
            return np.load(path, allow_pickle=False)
        except (ValueError, OSError) as error:
            raise ParameterError(name, text, f"a readable file ({str(error).splitlines()[0]})") from None

    def split(part: str, separators: str) -> Any:
        if not separators:
            return _float(name, part, "numbers joined by , ; and | (or a .npy file)")
        return [split(p, separators[1:]) for p in part.split(separators[0])]

    used = 3 if "|" in text else 2 if ";" in text else 1
    return split(text, "|;,"[-min((r for r in ranks if r >= used), default=max(ranks)) :])


def parse_numbers(name: str, text: str) -> dict[str, float]:
    """``a=1,b=2`` as numbers by name."""
    pairs = assignments(text.split(","))
    return {key: _float(f"{name} {key}", value) for key, value in pairs.items()}


def parse_spectrum(text: str, name: str = "spectrum") -> Spectrum:
    """``isotropic:dimension=200``, ``power-law:dimension=400,capacity=1.5,source=0.5``, or a file (csv, npy, npz).

    Either kind may have a ``target_shift``, a total that is spread equally over all directions.
    """
    from rmtcollapse.spectra.population import Spectrum

    kind, _, rest = text.partition(":")
    if kind in _KINDS:
        fields = _KINDS[kind]
        given = assignments(rest.split(",")) if rest else {}
        for key in given:
            if key not in fields:
                raise UnknownParameterError(
                    key, given[key], f"a field of {kind}{did_you_mean(key, fields)}; it has {', '.join(fields)}"
                )
        values = {
            key: (_integer if fields[key] is int else _float)(f"{name} {key}", value) for key, value in given.items()
        }
        missing = [key for key in fields if key not in (*values, *_OPTIONAL)]
        if missing:
            raise ParameterError(name, text, f"{kind}: needs {', '.join(missing)}, as in {kind}:{missing[0]}=...")
        shift = values.pop("target_shift", None)
        make: Any = Spectrum.isotropic if kind == "isotropic" else Spectrum.power_law
        made: Spectrum = make(**values)
        return made if shift is None else made.with_target_shift(shift)
    path = Path(text)
    if path.suffix in (".csv", ".npy", ".npz"):
        return _spectrum_file(path, name)
    hint = did_you_mean(kind, _KINDS)
    raise ParameterError(name, text, f"isotropic:..., power-law:..., or a .csv, .npy or .npz file{hint}")


def _spectrum_file(path: Path, name: str) -> Spectrum:
    import numpy as np

    from rmtcollapse.spectra.population import Spectrum

    if not path.is_file():
        raise ParameterError(name, str(path), "an existing file")
    try:
        if path.suffix == ".npy":
            array = np.load(path, allow_pickle=False)
            if array.ndim == 2:
                return Spectrum.from_covariance(array)
            return Spectrum(array)
        columns = _named_columns(path)
    except ParameterError:
        raise
    except (ValueError, OSError) as error:
        raise ParameterError(name, str(path), f"a readable file of numbers ({str(error).splitlines()[0]})") from None
    found: dict[str, Any] = {ours: columns[n] for ours, names in _COLUMNS.items() for n in names if n in columns}
    if "eigenvalues" not in found:
        raise ParameterError(
            name, str(path), f"columns eigenvalue[, signal, target_shift, multiplicity]; it has {', '.join(columns)}"
        )
    return Spectrum(**found)


def _named_columns(path: Path) -> Mapping[str, np.ndarray]:
    import numpy as np

    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    head, *body_lines = path.read_text(encoding="utf-8-sig").splitlines() or [""]
    names = [n.strip() for n in head.split(",")]
    if not any(line.strip() for line in body_lines):
        raise ValueError("it has no rows")
    body = np.loadtxt(body_lines, delimiter=",", ndmin=2)
    if body.shape[1] != len(names):
        raise ValueError(f"{len(names)} names but {body.shape[1]} columns")
    return dict(zip(names, body.T, strict=True))


def build_model(name: str, words: Iterable[str]) -> Model:
    """A model from its name and ``key=value`` words."""
    cls = model_class(name)
    return _build(cls, assignments(words))


def _build(cls: type[Model], given: Mapping[str, str]) -> Model:
    from rmtcollapse.models._parameters import refuse_unknown

    specs = cls.specs()
    refuse_unknown(cls.__name__, given, list(specs))
    return cls(**{key: parse_value(key, text, specs[key]) for key, text in given.items()})


def build_curve(name: str, words: Iterable[str]) -> tuple[Model, dict[str, Any]]:
    """A model and the grids among its parameters (``1e-4:10:60:log`` or ``0,1,2,5``)."""
    from rmtcollapse.models._parameters import refuse_unknown

    cls = model_class(name)
    given, specs = assignments(words), cls.specs()
    refuse_unknown(cls.__name__, given, list(specs))
    grids = {
        key: parse_grid(key, text, specs[key])
        for key, text in given.items()
        if specs[key].kind not in ("population", "array") and (":" in text or "," in text)
    }
    if not grids:
        raise ParameterError(
            "curve", " ".join(given), "at least one grid, such as ridge=1e-4:10:60:log or generations=0,1,5"
        )
    fixed = {key: text for key, text in given.items() if key not in grids}
    first = {key: _plain(values[0]) for key, values in grids.items()}
    model = cls(**{key: parse_value(key, text, specs[key]) for key, text in fixed.items()}, **first)
    return model, grids


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def parse_grid(name: str, text: str, spec: ParameterSpec) -> Any:
    """A grid from ``low:high:points[:log]`` or a list ``a,b,c``; whole numbers for counts."""
    import numpy as np

    if ":" not in text:
        values = [parse_value(name, part, spec) for part in text.split(",")]
        # Beside an infinity whole numbers would become floats.
        plain = spec.kind in ("choice", "activation") or math.inf in values
        return values if plain else np.array(values)
    parts = text.split(":")
    form = "low:high:points or low:high:points:log"
    if spec.kind not in ("count", "number") or len(parts) not in (3, 4) or parts[3:] not in ([], ["log"], ["linear"]):
        raise ParameterError(name, text, form)
    low, high = (_float(name, part, form) for part in parts[:2])
    points = _integer(name, parts[2], form)
    if not 2 <= points <= 10**7 or not np.isfinite([low, high]).all():
        raise ParameterError(name, text, f"{form}, with finite ends and 2 to 10,000,000 points")
    logarithmic = parts[3:] == ["log"]
    if logarithmic and min(low, high) <= 0:
        raise ParameterError(name, text, "positive ends where the grid is logarithmic")
    grid = np.geomspace(low, high, points) if logarithmic else np.linspace(low, high, points)
    return np.unique(np.round(grid).astype(np.int64)) if spec.kind == "count" else grid
