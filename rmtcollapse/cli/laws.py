"""Spectral laws as a user types them: a small grammar of names, numbers, brackets, + and @; never evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from inspect import signature
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


_JOIN = r"(?<![=;])(?<![\d.][eE])\+"  # neither a sign nor part of an exponent


def parse_law(text: str) -> Law:
    """A law such as ``marchenko-pastur:ratio=0.5``, or several joined by + or @ (@ binds tighter, as in Python).

    Brackets group laws, and keep the commas of a spectrum together.
    """
    terms = [_joined([_one(word) for word in _split(part, "@")], lambda a, b: a @ b) for part in _split(text, _JOIN)]
    law: Law = _joined(terms, lambda a, b: a + b)
    return law


def _split(text: str, mark: str) -> list[str]:
    """Pieces of `text` between the marks that are not in brackets."""
    depth, masked = 0, ""
    for character in text:
        depth += character == "("
        masked += "_" if depth else character
        depth -= character == ")"
    if depth or ")" in masked:
        raise ParameterError("law", text, "brackets in pairs")
    found = list(re.finditer(mark, masked))
    starts, ends = [0, *(m.end() for m in found)], [*(m.start() for m in found), len(text)]
    return [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]


def _joined(laws: list[Any], operation: Callable[[Any, Any], Any]) -> Any:
    result = laws[0]
    for law in laws[1:]:
        result = operation(result, law)
    return result


def _one(word: str) -> Law:
    from rmtcollapse import spectra

    if word.startswith("(") and word.endswith(")"):
        return parse_law(word[1:-1])
    name, _, rest = (part.strip() for part in word.partition(":"))
    if name not in LAWS:
        known = ", ".join(LAWS)
        raise UnknownParameterError(word or "(nothing)", word, f"a law{did_you_mean(name, LAWS)}; there are {known}")
    kind, parameters = LAWS[name]
    given = {key: _value(key, value, parameters[key]) for key, value in _pairs(name, rest, parameters).items()}
    if kind == "SampleCovariance":
        return spectra.SampleCovariance(_population(given), given.get("ratio"), samples=given.get("samples"))
    make = getattr(spectra, kind)
    required = [key for key, field in signature(make).parameters.items() if field.default is field.empty]
    if missing := [key for key in required if key not in given]:
        raise MissingParameterError(name, word, f"give {', '.join(missing)}, such as {name}:{missing[0]}=...")
    law: Law = make(**given)
    return law


def _population(given: dict[str, Any]) -> Any:
    from rmtcollapse import spectra

    if ("atoms" in given) == ("spectrum" in given) or ("weights" in given and "atoms" not in given):
        raise ParameterError(
            "population", sorted(given), "atoms=1;8 (with weights=0.3;0.7) or spectrum=(...), one of them"
        )
    return given["spectrum"] if "spectrum" in given else spectra.Atoms(given["atoms"], given.get("weights"))


def _pairs(name: str, rest: str, parameters: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for piece in _split(rest, ",") if rest else []:
        key, equals, value = (part.strip() for part in piece.partition("="))
        key = key.replace("-", "_")
        if not key or not equals or not value:
            raise ParameterError(name, rest, f"name=value pairs joined by commas; it has {', '.join(parameters)}")
        if key not in parameters:
            raise UnknownParameterError(
                key, piece, f"a parameter of {name}{did_you_mean(key, parameters)}; it has {', '.join(parameters)}"
            )
        if key in found:
            raise ParameterError(key, value, "given once")
        found[key] = value
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
