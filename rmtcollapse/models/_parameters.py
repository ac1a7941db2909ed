"""Declaring a model's parameters: symbol, domain, unit and meaning beside the name, refusals of one line.

A model is a frozen keyword-only record (attrs: it imports in a few milliseconds, where pydantic takes a hundred, and a
refusal is one line without translation). Values are strict: no text for numbers, no truth values, no nan, no infinity.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, dataclass_transform

import attrs
import numpy as np

from rmtcollapse.errors import MissingParameterError, ParameterError, UnknownParameterError, did_you_mean
from rmtcollapse.spectra.population import Spectrum

__all__ = [
    "ParameterSpec",
    "activation",
    "array",
    "choice",
    "count",
    "default_of",
    "flag",
    "model",
    "nonnegative",
    "number",
    "population",
    "refuse_unknown",
    "specs",
]

M = TypeVar("M")


@dataclass(frozen=True)
class ParameterSpec:
    """What a parameter is.

    `kind` is one of ``"count" "number" "choice" "flag" "activation" "population" "array"``.

    An array has one of the numbers of dimensions `ranks`, the largest with the names `shape`. `copied` makes of its
    value that of so many independent copies of the setting; without it the value does not change with size. A count
    that may be `infinite` is then ``inf``.
    """

    kind: str
    symbol: str
    meaning: str
    domain: str
    unit: str = "dimensionless"
    check: Callable[[Any], Any] = lambda values: np.ones(np.shape(values), dtype=bool)
    options: tuple[str, ...] = ()
    optional: bool = False
    needs: tuple[str, ...] = ()
    shape: tuple[str, ...] = ()
    ranks: tuple[int, ...] = ()
    copied: Callable[[Any, int], Any] | None = None
    infinite: bool = False

    def validated(self, name: str, value: Any) -> Any:
        """The value as the type that the model stores, or a :class:`ParameterError`."""
        if value is None and self.optional:
            return None
        if self.kind == "choice":
            return self._chosen(name, value)
        if self.kind == "activation":
            return self._activation(name, value)
        if self.kind == "flag":
            if not isinstance(value, bool | np.bool_):
                raise ParameterError(name, value, self.domain)
            return bool(value)
        if self.kind == "population":
            return self._population(name, value)
        if self.kind == "array":
            return self._array(name, value)
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value[()]
        if self.infinite and isinstance(value, float | np.floating) and np.isposinf(value):
            return math.inf
        allowed = (int, np.integer) if self.kind == "count" else (int, float, np.integer, np.floating)
        if isinstance(value, bool | np.bool_) or not isinstance(value, allowed):
            raise ParameterError(name, value, self.domain)
        # Beyond 2^53 a whole number is no longer itself in floating point.
        if isinstance(value, int) and abs(value) > 2**53:
            raise ParameterError(name, value, f"{self.domain}, at most 2^53 in size")
        if not np.isfinite(value) or not self.check(value):
            raise ParameterError(name, value, self.domain)
        return int(value) if self.kind == "count" else float(value)

    def _population(self, name: str, value: Any) -> Spectrum:
        if not isinstance(value, Spectrum):
            raise ParameterError(name, value, self.domain)
        for column in self.needs:
            if getattr(value, column) is None:
                raise ParameterError(name, value, f"a Spectrum with {column}=...")
        if value.rank == 0:
            raise ParameterError(name, value, "a Spectrum with at least one positive eigenvalue")
        return value

    def _array(self, name: str, value: Any) -> np.ndarray:
        """A read-only copy in float64."""
        try:
            array = np.asarray(value)
        except ValueError:  # ragged
            raise ParameterError(name, value, self.domain) from None
        wrong = array.dtype.kind not in "iuf" or array.ndim not in self.ranks or array.size == 0
        if wrong or not np.all(np.isfinite(array)) or not np.all(self.check(array)):
            raise ParameterError(name, value, self.domain)
        return np.frombuffer(np.array(array, dtype=float).tobytes()).reshape(array.shape)

    def _chosen(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in self.options:
            hint = did_you_mean(value, self.options) if isinstance(value, str) else ""
            raise ParameterError(name, value, self.domain + hint)
        return value

    def _activation(self, name: str, value: Any) -> Any:
        """A name, or functions of one's own."""
        if isinstance(value, str):
            return self._chosen(name, value)
        from rmtcollapse.models._activations import own_activation

        return own_activation(name, value, self.domain)

    def validated_grid(self, name: str, values: Any) -> np.ndarray:
        """A whole axis of a sweep at once, under the same rules; names the first value that is refused."""
        if self.kind not in ("count", "number"):
            cells = [self.validated(name, v) for v in values]
            axis = np.empty(len(cells), dtype=object)
            for i, cell in enumerate(cells):  # not as a whole: equal arrays would become further dimensions
                axis[i] = cell
            return axis
        axis = np.asarray(values)
        if self.infinite and axis.ndim == 1 and axis.dtype.kind == "f" and np.any(np.isposinf(axis)):
            # Beside an infinity whole numbers are floats; a cell is what it was.
            cells = [self.validated(name, int(v) if v == np.floor(v) < np.inf else v) for v in axis]
            return np.array(cells, dtype=object)
        kinds = "iu" if self.kind == "count" else "iuf"
        if axis.ndim != 1 or axis.size == 0 or axis.dtype.kind not in kinds:
            raise ParameterError(name, values, f"a one-dimensional, non-empty grid of values, each {self.domain}")
        good = np.isfinite(axis) & self.check(axis)
        if not good.all():
            raise ParameterError(name, axis[~good][0].item(), self.domain)
        return axis


def _field(name_spec: ParameterSpec, default: Any) -> Any:
    def convert(value: Any, field: attrs.Attribute[Any]) -> Any:
        return name_spec.validated(field.name, value)

    converter = attrs.Converter(convert, takes_field=True)
    # Arrays are equal where their contents are.
    equal: Any = _content if name_spec.kind == "array" else None
    return attrs.field(default=default, converter=converter, metadata={"spec": name_spec}, eq=equal)


def _content(array: np.ndarray | None) -> tuple[tuple[int, ...], bytes] | None:
    return None if array is None else (array.shape, array.tobytes())


def count(
    symbol: str,
    meaning: str,
    *,
    least: int = 1,
    default: Any = attrs.NOTHING,
    optional: bool = False,
    infinite: bool = False,
) -> Any:
    """A whole number, at least `least`; infinity too where it may be `infinite`."""
    domain = f"an integer >= {least}" + (", or inf" if infinite else "")
    spec = ParameterSpec(
        "count", symbol, meaning, domain, "a count", lambda v: v >= least, optional=optional, infinite=infinite
    )
    return _field(spec, default)


def nonnegative(
    symbol: str, meaning: str, *, unit: str = "dimensionless", default: Any = attrs.NOTHING, optional: bool = False
) -> Any:
    """A finite number, zero or more."""
    return number(
        symbol, meaning, "a finite number >= 0", lambda v: v >= 0, unit=unit, default=default, optional=optional
    )


def number(
    symbol: str,
    meaning: str,
    domain: str,
    check: Callable[[Any], Any],
    *,
    unit: str = "dimensionless",
    default: Any = attrs.NOTHING,
    optional: bool = False,
) -> Any:
    """A finite number that satisfies `check` (written so that it works on arrays), described by `domain`."""
    return _field(ParameterSpec("number", symbol, meaning, domain, unit, check, optional=optional), default)


def choice(symbol: str, meaning: str, *options: str, default: Any = attrs.NOTHING) -> Any:
    """One of a few words."""
    domain = "one of " + ", ".join(options)
    return _field(ParameterSpec("choice", symbol, meaning, domain, "a word", options=options), default)


def activation(symbol: str, meaning: str) -> Any:
    """The name of an activation, or one of the user's own."""
    from rmtcollapse.models._activations import NAMES

    domain = (
        f"one of {', '.join(NAMES)}, or a pair (function, derivative) of functions of arrays, or a triple with kinks"
    )
    return _field(ParameterSpec("activation", symbol, meaning, domain, "a function", options=NAMES), attrs.NOTHING)


def flag(symbol: str, meaning: str, *, default: Any = attrs.NOTHING) -> Any:
    """True or False."""
    return _field(ParameterSpec("flag", symbol, meaning, "true or false", "a truth value"), default)


def population(symbol: str, meaning: str, *needs: str) -> Any:
    """A :class:`~rmtcollapse.Spectrum` that has the columns `needs` and a positive eigenvalue."""
    domain = "a Spectrum, such as Spectrum.isotropic(200) (on the command line isotropic:dimension=200, or a file)"
    spec = ParameterSpec("population", symbol, meaning, domain, "covariance of the features", needs=needs)
    return _field(spec, attrs.NOTHING)


def array(
    symbol: str,
    meaning: str,
    domain: str,
    *shape: str,
    check: Callable[[Any], Any] = lambda values: np.ones(np.shape(values), dtype=bool),
    unit: str = "dimensionless",
    default: Any = attrs.NOTHING,
    optional: bool = False,
    ranks: tuple[int, ...] | None = None,
    copied: Callable[[Any, int], Any] | None = None,
) -> Any:
    """Finite numbers in an array with the named dimensions `shape`, satisfying `check`; kept read-only.

    Where `ranks` is given the array may have any of these numbers of dimensions; `copied` is what
    :class:`ParameterSpec` says.
    """
    ranks = (len(shape),) if ranks is None else ranks
    spec = ParameterSpec(
        "array", symbol, meaning, domain, unit, check, optional=optional, shape=shape, ranks=ranks, copied=copied
    )
    return _field(spec, default)


@dataclass_transform(
    frozen_default=True,
    kw_only_default=True,
    field_specifiers=(count, nonnegative, number, choice, flag, activation, population, array),
)
def model(cls: type[M]) -> type[M]:
    """Make a class a model: a frozen keyword-only record whose unknown and missing parameters are refused by name."""
    made = attrs.define(frozen=True, kw_only=True, slots=False)(cls)
    build = made.__init__
    names = [f.name for f in attrs.fields(made)]  # type: ignore[arg-type]

    @functools.wraps(build)
    def __init__(self: Any, *args: Any, **given: Any) -> None:  # noqa: N807 - it replaces one
        if args:
            raise ParameterError(cls.__name__, args, "keyword arguments only: " + ", ".join(names))
        refuse_unknown(cls.__name__, given, names)
        missing = [n for n, s in specs(made).items() if n not in given and s[1] is attrs.NOTHING]
        if missing:
            spec = specs(made)[missing[0]][0]
            raise MissingParameterError(missing[0], None, f"{spec.meaning}, {spec.domain}")
        build(self, **given)

    __init__.__signature__ = inspect.signature(build)  # type: ignore[attr-defined]
    made.__init__ = __init__  # type: ignore[method-assign]
    return made


def refuse_unknown(owner: str, given: Mapping[str, Any], names: list[str]) -> None:
    """Refuse the first name that `owner` does not have, with the closest one that it has."""
    for name, value in given.items():
        if name not in names:
            known = f"a parameter of {owner}{did_you_mean(name, names)}; it has {', '.join(names)}"
            raise UnknownParameterError(name, value, known)


def specs(cls: type) -> dict[str, tuple[ParameterSpec, Any]]:
    """Declarations and defaults of a model's parameters, in order."""
    return {f.name: (f.metadata["spec"], f.default) for f in attrs.fields(cls)}


def default_of(cls: type, name: str) -> str:
    """The default of a parameter as text; ``required`` where it has none."""
    default = specs(cls)[name][1]
    if default is attrs.NOTHING:
        return "required"
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return str(default).lower() if default is None or isinstance(default, bool) else str(default)
