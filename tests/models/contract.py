"""What every model must do, whatever its theorem: one import gives a model file the whole contract.

The classes come from the registry and the example instances from the ``limits()`` of each, so a new model is tested
by being there.
"""

from __future__ import annotations

import copy
import inspect
import math
import pickle
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from rmtcollapse import NoExactValueError, ParameterError
from rmtcollapse.experiments.entries import by_entry
from rmtcollapse.models import model_classes
from rmtcollapse.models._base import Limit, Model
from rmtcollapse.models._parameters import specs

EPS = float(np.finfo(float).eps)
CLASSES = list(model_classes().values())
LIMITS = [limit for cls in CLASSES for limit in cls.limits()]
# A model file may state several limits of one instance.
INSTANCES = list({repr(limit.model): limit.model for limit in LIMITS}.values())


def label(case: Any) -> str:
    """Test id of a class, an instance or a limit."""
    if isinstance(case, Limit):
        return f"{type(case.model).__name__}: {case.statement}"
    return case.__name__ if isinstance(case, type) else f"{type(case).__name__}-{INSTANCES.index(case)}"


each_class = pytest.mark.parametrize("cls", CLASSES, ids=label)
each_instance = pytest.mark.parametrize("model", INSTANCES, ids=label)
each_limit = pytest.mark.parametrize("limit", LIMITS, ids=label)


def example(cls: type[Model]) -> Model:
    return next(m for m in INSTANCES if type(m) is cls)


def entries(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by name, those of an array entry by entry."""
    assert all(np.ndim(v) == 0 or type(v) is np.ndarray for v in values.values())
    return {name: v.item() if isinstance(v, np.generic) else v for name, v in by_entry(values).items()}


def assert_agrees(got: float, expected: float, tolerance: float, name: str) -> None:
    """Relative agreement; zero and infinity are exact."""
    if expected == 0 or math.isinf(expected):
        assert got == expected, name
    else:
        assert abs(got - expected) <= tolerance * abs(expected), f"{name}: {got!r} is not {expected!r}"


@each_class
def test_class_has_examples(cls: type[Model]) -> None:
    assert cls.limits(), f"{cls.__name__} states no limit that it must meet"
    assert all(type(limit.model) is cls and limit.values for limit in cls.limits())


@each_class
def test_docstrings_state_the_theorem_and_every_parameter(cls: type[Model]) -> None:
    document = inspect.getdoc(cls) or ""
    head, _, parameters = document.partition("Parameters\n----------\n")
    assert head.strip()
    documented = {line.split(" : ")[0] for line in parameters.splitlines() if " : " in line and line[0] != " "}
    assert documented == set(cls.specs())
    module = inspect.getmodule(cls)
    assert module is not None
    for part in ("**Setting.**", "**Statement", "**Notation.**", "**Source.**"):
        assert part in (module.__doc__ or ""), f"{module.__name__}: no {part}"


@each_class
def test_source_values_and_parameters_are_described(cls: type[Model]) -> None:
    assert cls.SOURCE.strip()
    assert cls.VALUES
    assert all(meaning.strip() for meaning in cls.VALUES.values())
    for name, spec in cls.specs().items():
        assert all(text.strip() for text in (spec.meaning, spec.domain, spec.unit)), name


@each_class
def test_signature_is_keyword_only(cls: type[Model]) -> None:
    given = {n: p for n, p in inspect.signature(cls).parameters.items() if n != "self"}
    assert list(given) == list(cls.specs())
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in given.values())


@each_class
def test_equations_print(cls: type[Model]) -> None:
    system = cls.equations()
    latex = system.latex()
    assert latex.strip()
    assert latex == cls.latex()
    for symbol in (*system.parameters, *system.unknowns, *system.outputs):
        assert symbol.letter in latex, f"{symbol} is not printed"
    assert latex.count("{") == latex.count("}")
    assert latex.count(r"\left") == latex.count(r"\right")


# ---- the record --------------------------------------------------------------------------------------------------


@each_instance
def test_frozen(model: Model) -> None:
    for name, value in model.parameters().items():
        with pytest.raises(AttributeError):
            setattr(model, name, value)
        with pytest.raises(AttributeError):
            delattr(model, name)


@each_instance
def test_equality_and_hash_are_those_of_the_parameters(model: Model) -> None:
    same = type(model)(**model.parameters())
    assert same == model
    assert same is not model
    assert hash(same) == hash(model)
    assert repr(model) != model
    for name, (spec, _) in specs(type(model)).items():
        if spec.kind == "number" and (value := getattr(model, name)) is not None:
            with suppress(ParameterError):  # what other parameters rule out
                assert model.evolve(**{name: value + 0.5}) != model, name


@each_instance
def test_survives_pickling_and_copying(model: Model) -> None:
    expected = entries(model.theory())
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), model.evolve()):
        assert again == model
        assert type(again) is type(model)
        assert entries(again.theory()) == expected


@each_instance
def test_repr_names_every_parameter(model: Model) -> None:
    text = repr(model)
    assert text.startswith(f"{type(model).__name__}(")
    for name, value in model.parameters().items():
        assert f"{name}={value!r}" in text


# ---- theory, experiment, exact value -----------------------------------------------------------------------------


@each_instance
def test_theory_is_certified(model: Model) -> None:
    theory = model.theory()
    assert list(theory) == list(model.VALUES)
    numbers = list(entries(theory).values())
    assert all(type(v) is float for v in numbers)
    assert not any(math.isnan(v) for v in numbers)
    assert 0 <= theory.residual <= 64 * EPS
    assert 0 <= theory.certificate <= 1e-12
    assert theory.status
    assert theory.digits is None
    if any(math.isinf(v) for v in numbers):
        assert theory.status != "converged"


@each_instance
def test_theory_agrees_with_itself_at_thirty_digits(model: Model) -> None:
    theory, reference = model.theory(), model.theory(digits=30)
    assert list(reference) == list(theory)
    assert reference.digits == 30
    assert reference.status == theory.status
    assert reference.regimes == theory.regimes
    exact = entries(reference)
    for name, value in entries(theory).items():
        assert_agrees(value, float(exact[name]), 1e-13, name)


@each_instance
def test_theory_does_not_depend_on_size(model: Model) -> None:
    theory, doubled = model.theory(), model.resized(2)
    assert doubled != model
    if not model.ASYMPTOTIC:
        pytest.skip("its theory is the expectation at its own size")
    expected = entries(theory)
    for name, value in entries(doubled.theory()).items():
        assert_agrees(value, expected[name], 1e-13, name)


@each_instance
def test_experiment_measures_the_same_names(model: Model) -> None:
    first, again = (model.draw(np.random.default_rng(11)) for _ in range(2))
    other = model.draw(np.random.default_rng(12))
    infinite = {name for name, value in model.theory().items() if np.any(np.isinf(value))}
    assert set(first) <= set(model.VALUES) - model.UNMEASURED <= set(first) | infinite
    assert all(type(v) is float and math.isfinite(v) for v in entries(first).values())
    assert entries(first) == entries(again)
    assert entries(first) != entries(other)


@each_limit
def test_limit_holds(limit: Limit) -> None:
    theory = entries(limit.model.theory())
    assert limit.statement.strip()
    for name, expected in entries(limit.values).items():
        assert_agrees(theory[name], expected, limit.slack * EPS, name)


@each_instance
def test_exact_value_has_no_names_of_its_own(model: Model) -> None:
    try:
        exact = model.exact()
    except NoExactValueError as refusal:
        pytest.skip(str(refusal))
    assert len(exact) > 0
    assert set(exact) <= set(model.VALUES)
    assert exact.status.startswith("exact")
    assert not any(math.isnan(v) for v in entries(exact).values())
