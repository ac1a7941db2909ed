"""Spectral laws as a user types them. Parsed by a small grammar of names, numbers, + and @; never evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rmtcollapse.cli.parse import parse_spectrum
from rmtcollapse.errors import MissingParameterError, ParameterError, UnknownParameterError, did_you_mean

if TYPE_CHECKING:
    from rmtcollapse.spectra.law import Law

__all__ = ["LAWS", "parse_law"]

LAWS = {
    "marchenko-pastur": ("MarchenkoPastur", {"ratio": "ratio"}),
    "semicircle": ("Semicircle", {"variance": "number"}),
    "free-poisson": ("FreePoisson", {"rate": "number", "jump": "number"}),
    "fuss-catalan": ("FussCatalan", {"order": "integer"}),
    "atoms": ("Atoms", {"values": "list", "weights": "list"}),
    "uniform": ("Uniform", {"low": "number", "high": "number"}),
    "exponential": ("Exponential", {"scale": "number"}),
    "power-law-density": ("PowerLawDensity", {"exponent": "number", "low": "number", "high": "number"}),
    "sample-covariance": (
        "SampleCovariance",
        {"atoms": "list", "weights": "list", "spectrum": "spectrum", "ratio": "ratio", "samples": "integer"},
    ),
}


def parse_law(text: str) -> Law:
    """A law such as ``marchenko-pastur:ratio=0.5``, or several joined by + or @ (@ binds tighter, as in Python)."""
    sums = [part.strip() for part in re.split(r"(?<![eE])\+", text)]
    terms = [_joined([_one(word.strip()) for word in part.split("@")], lambda a, b: a @ b) for part in sums]
    law: Law = _joined(terms, lambda a, b: a + b)
    return law


def _joined(laws: list[Any], operation: Callable[[Any, Any], Any]) -> Any:
    result = laws[0]
    for law in laws[1:]:
        result = operation(result, law)
    return result


def _one(word: str) -> Law:
    from rmtcollapse import spectra

    name, _, rest = word.partition(":")
    if name not in LAWS:
        known = ", ".join(LAWS)
        raise UnknownParameterError(word or "(nothing)", word, f"a law{did_you_mean(name, LAWS)}; there are {known}")
    kind, parameters = LAWS[name]
    given = {key: _value(key, value, parameters[key]) for key, value in _pairs(name, rest, parameters).items()}
    if kind == "SampleCovariance":
        return spectra.SampleCovariance(_population(given), given.get("ratio"), samples=given.get("samples"))
    try:
        law: Law = getattr(spectra, kind)(**given)
    except TypeError:
        missing = ", ".join(key for key in parameters if key not in given)
        raise MissingParameterError(
            name, word, f"give {missing}, such as {name}:{missing.split(', ')[0]}=..."
        ) from None
    return law


def _population(given: dict[str, Any]) -> Any:
    from rmtcollapse import spectra

    if ("atoms" in given) == ("spectrum" in given):
        raise ParameterError(
            "population", sorted(given), "atoms=1;8 (with weights=0.3;0.7) or spectrum=(...), one of them"
        )
    return given["spectrum"] if "spectrum" in given else spectra.Atoms(given["atoms"], given.get("weights"))


def _pairs(name: str, rest: str, parameters: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    # a spectrum brings commas of its own, in brackets
    for piece in re.findall(r"(?:[^,(]|\([^)]*\))+", rest):
        key, equals, value = piece.partition("=")
        key = key.strip().replace("-", "_")
        if key not in parameters:
            raise UnknownParameterError(
                key, piece, f"a parameter of {name}{did_you_mean(key, parameters)}; it has {', '.join(parameters)}"
            )
        if not equals or not value or key in found:
            raise ParameterError(key, value, "given once, as name=value")
        found[key] = value.strip()
    return found


def _value(name: str, text: str, kind: str) -> Any:
    if kind == "list":
        return [_number(name, part) for part in text.split(";")]
    if kind == "spectrum":
        return parse_spectrum(text.removeprefix("(").removesuffix(")"), name)
    if kind == "integer":
        if not re.fullmatch(r"[+-]?\d+", text):
            raise ParameterError(name, text, "an integer")
        return int(text)
    if kind == "ratio" and re.fullmatch(r"\d+/0*[1-9]\d*", text):
        return Fraction(text)
    return _number(name, text)


def _number(name: str, text: str) -> float:
    try:
        return float(text if "_" not in text else "refused")
    except ValueError:
        raise ParameterError(name, text, "a number") from None
