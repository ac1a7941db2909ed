"""What `rmtcollapse derive` finds: the equations, the value and the verdict of an expression in random matrices."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import sympy as sp

from rmtcollapse import derive as dv
from rmtcollapse.cli.declarations import Scope
from rmtcollapse.cli.expression import Unit, parse_expression
from rmtcollapse.cli.parse import assignments, parse_spectrum
from rmtcollapse.derive.letters import Commuting, Dim
from rmtcollapse.errors import ConvergenceError, MissingParameterError, ParameterError

__all__ = ["described", "report"]

_SPOKEN = (
    (r"\bdv\.trace\(|\bTrace\(|\btrace\(", "tr("),
    (r"\.T\b", "'"),
    (r"\*\*", "^"),
    (r"\blam\*identity\(d\)", "lam*I"),
    (r"\b(?:dv\.)?identity\((\w+)\)", r"I_\1"),
    (r"features\(\.\.\., centred=True\)", '", centred" in --features'),
    (r"or use latex\(\), theory\(\) and verify\(\), which do not need it", "or leave out --scalars and --digits"),
)


class _Typed(str):
    """What is shown of a value, as it would be typed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _spoken(text: str) -> str:
    """What the library says, in the words of the command line."""
    for pattern, word in _SPOKEN:
        text = re.sub(pattern, word, text)
    return text


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except ParameterError as error:
        value = _Typed(_spoken(str(error.value))) if isinstance(error.value, sp.Basic) else error.value
        raise type(error)(error.parameter, value, _spoken(error.domain)) from None
    except ConvergenceError as error:
        raise ConvergenceError(_spoken(str(error))) from None


def _number(name: str, text: str) -> Any:
    try:
        value = complex("refused" if "_" in text else text.replace("i", "j") if text.endswith("i") else text)
    except ValueError:
        raise ParameterError(name, text, "a number, such as 0.2 or 0.5+0.1j") from None
    return value if "j" in text or text.endswith("i") else value.real


def _eigenvalues(matrix: Any, text: str, size: float, alone: bool) -> Any:
    """A list, or a spectrum, whose dimension (and the source, which plays no part) need not be given."""
    kind, _, rest = text.partition(":")
    if re.fullmatch(r"[-+.0-9].*", text) and not text.endswith((".csv", ".npy", ".npz")):
        return [_number(matrix.name, part) for part in text.split(",")]
    if kind in ("isotropic", "power-law"):
        given = assignments(rest.split(",")) if rest else {}
        extra = {"dimension": f"{size:.0f}"} | ({"source": "1"} if kind == "power-law" else {})
        text = f"{kind}:" + ",".join(f"{k}={v}" for k, v in (extra | given).items())
    spectrum = parse_spectrum(text, matrix.name)
    if text.endswith(".npy") and not alone and np.load(text, mmap_mode="r").ndim == 2:
        return np.load(text)
    if spectrum.dimension != size:
        raise ParameterError(matrix.name, text, f"a spectrum of {matrix.dimension} = {size:.0f} directions")
    return (
        spectrum.eigenvalues
        if kind == "isotropic"
        else np.repeat(spectrum.eigenvalues, spectrum.multiplicities.astype(int))
    )


def _values(derivation: dv.Derivation, given: Mapping[str, str]) -> dict[str, Any]:
    """Numbers for symbols; unknown and missing names are refused by the derivation."""
    matrices = {s.name: s for s in derivation.symbols if isinstance(s, Commuting)}
    plain = {s.name for s in derivation.symbols} - set(matrices)
    values: dict[str, Any] = {k: _number(k, text) if k in plain else text for k, text in given.items()}
    for name, matrix in matrices.items():
        size: Any = values.get(matrix.dimension.name)
        if size is None:
            raise MissingParameterError(matrix.dimension.name, None, "a size, an integer >= 1")
        if name in given:
            if isinstance(size, complex) or not 1 <= size < 2**53 or not size.is_integer():
                raise ParameterError(matrix.dimension.name, size, "a size, an integer >= 1")
            alone = sum(m.dimension == matrix.dimension for m in matrices.values()) == 1
            values[name] = _eigenvalues(matrix, given[name], size, alone)
    sizes = {s.name for s in derivation.symbols if isinstance(s, Dim)}
    return {k: int(v) if k in sizes and isinstance(v, float) and v.is_integer() else v for k, v in values.items()}


def _plain(value: Any) -> Any:
    return {"real": value.real, "imag": value.imag} if isinstance(value, complex) else value


def _decimal(value: Any, digits: int) -> Any:
    """A number at its digits, as text."""
    from mpmath import nstr

    if hasattr(value, "_mpc_"):
        return {"real": _decimal(value.real, digits), "imag": _decimal(value.imag, digits)}
    return str(nstr(value, digits, strip_zeros=False))


@_in_our_words()
def report(
    text: str,
    gaussian: Iterable[str],
    commuting: Iterable[str],
    words: Iterable[str],
    *,
    features: Iterable[str] = (),
    latex: bool,
    scalars: bool,
    steps: bool,
    digits: int | None,
    trials: int | None,
    seed: int,
) -> dict[str, Any]:
    """What was asked of an expression; the value where numbers are given, or where nothing else was asked."""
    if seed < 0:
        raise ParameterError("seed", seed, "an integer >= 0")
    given = assignments(words)
    expression = parse_expression(text, Scope(gaussian, commuting, features, given))
    if isinstance(expression, Unit | sp.MatrixExpr):
        raise ParameterError("expression", text, "a scalar: wrap the matrix in tr(...)")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", dv.SharedLetterWarning)
        derivation = dv.derive(expression)
    found: dict[str, Any] = {"expression": text, "size": derivation.size}
    found["warnings"] = [_spoken(str(w.message)) for w in caught]
    if latex:
        found["latex"] = derivation.latex()
    if scalars:
        found["scalars"] = derivation.equations().latex()
    if steps:
        found["steps"] = str(derivation.steps())
    if given or trials is not None or not (latex or scalars or steps):
        numbers = _values(derivation, given)
        with np.errstate(all="ignore"):  # what is not finite is refused
            answer = derivation.theory(numbers, digits=digits)
        found["value"] = _plain(answer["value"]) if digits is None else _decimal(answer["value"], digits)
        found |= {k: getattr(answer, k) for k in ("status", "residual", "certificate", "radius", "engine")}
        if trials is not None:
            found["verdict"] = _verdict(derivation.verify(numbers, trials, seed))
    return found


def _verdict(verdict: Any) -> dict[str, Any]:
    entries = {
        kind: {k: _plain(v) for k, v in vars(getattr(verdict, kind)).items()}
        for kind in ("complex_entries", "real_entries")
        if getattr(verdict, kind) is not None
    }
    plain = {k: getattr(verdict, k) for k in ("passed", "trials", "sizes", "threshold", "report")}
    return plain | entries


def _shown(value: Any) -> str:
    if not isinstance(value, dict):
        return value if isinstance(value, str) else f"{value:.12g}"
    real, imag = value["real"], value["imag"]
    return f"{real} + i({imag})" if isinstance(real, str) else f"{complex(real, imag):.12g}"


def described(found: Mapping[str, Any]) -> str:
    """The report as text."""
    lines = [found[key] for key in ("steps", "latex", "scalars") if key in found]
    if "value" in found:
        lines.append(f"value  {_shown(found['value'])}")
        lines.append(
            f"{found['status']}; residual {found['residual']:.1e}, certificate {found['certificate']:.1e}, "
            f"radius {found['radius']:.4g}"
        )
    if "verdict" in found:
        lines.append(found["verdict"]["report"])
    return "\n".join(lines)
