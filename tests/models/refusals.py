"""What every model must refuse: one line, a ValueError, the parameter's name in it."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest

from rmtcollapse import Spectrum
from rmtcollapse.models._base import Model
from rmtcollapse.models._parameters import ParameterSpec

from .contract import CLASSES, each_class, each_instance, example

NEVER: tuple[Any, ...] = (
    True,
    np.True_,
    "3",
    "",
    1j,
    [1],
    {},
    np.array([1.0, 2.0]),
    math.nan,
    math.inf,
    -math.inf,
    object(),
)
WRONG: dict[str, tuple[Any, ...]] = {
    "count": (*NEVER, 2.5, 3.0, np.float64(3), -1),
    "number": NEVER,
    "choice": (True, 3, "", "no such option", ["independent"]),
    "activation": (True, 3, "", "no such option", 1.5, [np.tanh], np.tanh, (np.tanh, 3), (np.tanh, np.cosh), object()),
    "flag": (0, 1, 1.0, "true", "", [True], math.nan, np.array([True]), object()),
    "array": (
        True,
        "3",
        "",
        3,
        1.5,
        1j,
        {},
        [],
        object(),
        math.nan,
        [["a"]],
        [1j],
        [math.nan],
        [[1.0], [1.0, 2.0]],
        [True],
    ),
    "population": (True, 3, "isotropic", np.eye(2), [1.0, 2.0], Spectrum([0.0], signal=[1.0])),
}


def wrong_values(spec: ParameterSpec) -> list[Any]:
    """Values that a parameter of this kind must refuse."""
    values = [v for v in WRONG[spec.kind] if not (spec.infinite and v is math.inf)]
    if not spec.optional:
        values.append(None)
    if spec.kind == "number":
        values += [v for v in (-1.0, -1e-300) if not spec.check(v)]
    if spec.kind == "count":
        values += [v for v in (0, np.int64(0)) if not spec.check(v)]
    if spec.needs:
        values.append(Spectrum([1.0, 2.0]))
    return values


def assert_refused(cls: type[Model], given: dict[str, Any], *expected: str) -> None:
    with pytest.raises(ValueError, match=r"\A[^\n]+\Z") as refusal:
        cls(**given)
    for words in expected:
        assert words in str(refusal.value)


PARAMETERS = [(cls, name, spec) for cls in CLASSES for name, spec in cls.specs().items()]
each_parameter = pytest.mark.parametrize(
    ("cls", "name", "spec"), PARAMETERS, ids=[f"{cls.__name__}.{name}" for cls, name, _ in PARAMETERS]
)


@each_parameter
def test_wrong_values_are_refused_in_one_line(cls: type[Model], name: str, spec: ParameterSpec) -> None:
    given = example(cls).parameters()
    for value in wrong_values(spec):
        assert_refused(cls, {**given, name: value}, name)


@each_parameter
def test_integers_beyond_floating_point_are_refused(cls: type[Model], name: str, spec: ParameterSpec) -> None:
    assert_refused(cls, {**example(cls).parameters(), name: 10**400}, name, spec.domain)


@each_parameter
def test_misspelt_and_missing_parameters_are_refused(cls: type[Model], name: str, spec: ParameterSpec) -> None:
    given = example(cls).parameters()
    misspelt = name[:-2] + name[-1]
    assert_refused(cls, {**given, misspelt: given[name]}, misspelt, "did you mean", cls.__name__)
    if inspect.signature(cls).parameters[name].default is inspect.Parameter.empty:
        del given[name]
        assert_refused(cls, given, name, spec.meaning)


@each_parameter
def test_misspelt_options_are_refused_with_a_suggestion(cls: type[Model], name: str, spec: ParameterSpec) -> None:
    for option in spec.options:
        assert_refused(cls, {**example(cls).parameters(), name: option[:-1]}, name, f"did you mean {option!r}")


@each_class
def test_positional_arguments_are_refused(cls: type[Model]) -> None:
    values = tuple(example(cls).parameters().values())
    with pytest.raises(ValueError, match=r"\A[^\n]*keyword[^\n]*\Z") as refusal:
        cls(*values)
    assert all(name in str(refusal.value) for name in cls.specs())


@each_instance
def test_changes_are_validated(model: Model) -> None:
    name = next(iter(model.parameters()))
    with pytest.raises(ValueError, match=name):
        model.evolve(**{name: "nonsense"})
    with pytest.raises(ValueError, match="no_such_parameter"):
        model.evolve(no_such_parameter=1)


@each_instance
@pytest.mark.parametrize("digits", [True, 0, -1, 2.0, "20", 1001])
def test_wrong_digits_are_refused(model: Model, digits: Any) -> None:
    with pytest.raises(ValueError, match=r"\Adigits [^\n]+\Z"):
        model.theory(digits=digits)
