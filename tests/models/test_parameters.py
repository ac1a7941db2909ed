"""Declaring parameters: what is stored, what is refused, what a declaration says of itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rmtcollapse import ParameterError, Spectrum
from rmtcollapse.models._parameters import (
    array,
    choice,
    count,
    default_of,
    flag,
    model,
    nonnegative,
    number,
    population,
    refuse_unknown,
    specs,
)

FLAT = Spectrum.isotropic(4)


@model
class Toy:
    """A record with one parameter of each kind."""

    spectrum: Spectrum = population("s_j", "a population", "signal")
    rows: int = count("n", "rows", least=2)
    penalty: float = nonnegative(r"\lambda", "a penalty", unit="squared feature", default=0.5)
    share: float | None = number(
        "p", "a share", "a number in (0, 1]", lambda v: (v > 0) & (v <= 1), default=None, optional=True
    )
    extra: int | None = count("k", "extra rows", default=None, optional=True)
    law: str = choice("", "which law", "uniform", "gaussian", default="gaussian")
    members: float = count("m", "members", default=1, infinite=True)
    centred: bool = flag("c", "whether rows are centred", default=False)
    corner: Any = array(
        "A", "a vector or a matrix", "numbers (k,) or (k, k)", "k", "k", default=(0.5, 0.5), optional=True,
        ranks=(1, 2), copied=np.tile,
    )  # fmt: skip


def toy(**given: Any) -> Any:
    return Toy(**{"spectrum": FLAT, "rows": 3, **given})


def test_defaults_are_stored() -> None:
    made = toy()
    assert (made.penalty, made.share, made.extra, made.law) == (0.5, None, None, "gaussian")
    defaults = ["required", "required", "0.5", "none", "none", "gaussian", "1", "false", "0.5,0.5"]
    assert [default_of(Toy, name) for name in specs(Toy)] == defaults


@pytest.mark.parametrize("value", [5, np.int64(5), np.uint8(5), np.array(5)])
def test_whole_numbers_of_any_kind_become_int(value: Any) -> None:
    made = toy(rows=value)
    assert made.rows == 5
    assert type(made.rows) is int


@pytest.mark.parametrize("value", [2, np.int32(2), 2.0, np.float32(2), np.float64(2), np.array(2.0)])
def test_numbers_of_any_kind_become_float(value: Any) -> None:
    made = toy(penalty=value)
    assert made.penalty == 2.0
    assert type(made.penalty) is float


def test_optional_means_none_is_accepted() -> None:
    assert toy(share=None, extra=None).share is None
    for name in ("rows", "penalty", "law", "spectrum"):
        with pytest.raises(ParameterError, match=name):
            toy(**{name: None})


@pytest.mark.parametrize("value", [0.0, -0.1, 1.0 + 1e-15, math.nan])
def test_a_domain_of_its_own_is_enforced_at_its_ends(value: float) -> None:
    assert toy(share=1.0).share == 1.0
    assert toy(share=5e-324).share == 5e-324
    with pytest.raises(ParameterError, match=r"^share = \S+ is outside its domain: a number in \(0, 1\]$"):
        toy(share=value)


def test_flags_are_truth_values() -> None:
    assert toy(centred=np.True_).centred is True
    for value in (1, 0, "true", None):
        with pytest.raises(ParameterError, match=r"^centred = .*: true or false$"):
            toy(centred=value)


def test_arrays_may_have_a_default_several_ranks_or_be_left_out() -> None:
    np.testing.assert_array_equal(toy().corner, [0.5, 0.5])
    assert toy(corner=None).corner is None
    assert toy(corner=None) == toy(corner=None) != toy()
    assert hash(toy()) == hash(toy())
    assert toy(corner=np.eye(2)).corner.shape == (2, 2)
    for value in (1.0, np.ones((1, 1, 1)), [[1.0], [1.0, 2.0]]):
        with pytest.raises(ParameterError, match=r"^corner = "):
            toy(corner=value)


def test_some_counts_may_be_infinite() -> None:
    for value in (math.inf, np.float64(math.inf)):
        assert toy(members=value).members == math.inf
    for value in (-math.inf, math.nan, 2.0, 0):
        with pytest.raises(ParameterError, match=r"^members = .*: an integer >= 1, or inf$"):
            toy(members=value)
    with pytest.raises(ParameterError, match="rows = inf"):
        toy(rows=math.inf)
    assert list(axis("members", [1, 3, math.inf])) == [1, 3, math.inf]
    assert [type(m) for m in axis("members", [1, math.inf])] == [int, float]
    assert axis("members", [1, 3]).dtype.kind == "i"
    for values in ([1, 2.5, math.inf], [0, math.inf], [1.0, 2.0]):
        with pytest.raises(ParameterError, match=r"^members = "):
            axis("members", values)


def test_least_count_is_inclusive() -> None:
    assert toy(rows=2).rows == 2
    with pytest.raises(ParameterError, match=r"^rows = 1 is outside its domain: an integer >= 2$"):
        toy(rows=1)


def test_needed_columns_and_a_positive_eigenvalue_are_asked_for() -> None:
    with pytest.raises(ParameterError, match=r"spectrum .*with signal"):
        toy(spectrum=Spectrum([1.0, 2.0]))
    with pytest.raises(ParameterError, match=r"spectrum .*positive eigenvalue"):
        toy(spectrum=Spectrum([0.0], signal=[1.0]))


def test_options_are_listed_and_the_closest_is_suggested() -> None:
    with pytest.raises(ParameterError, match=r"law = 'gausian'.*uniform, gaussian \(did you mean 'gaussian'\?\)$"):
        toy(law="gausian")
    with pytest.raises(ParameterError, match=r"law = 7 .*one of uniform, gaussian$"):
        toy(law=7)


def test_long_values_are_shortened_to_one_line() -> None:
    with pytest.raises(ParameterError) as refusal:
        toy(rows=np.zeros((40, 40)))
    assert len(str(refusal.value)) < 160
    assert "\n" not in str(refusal.value)


def test_refusals_carry_their_parts() -> None:
    with pytest.raises(ParameterError) as refusal:
        toy(penalty=-2.0)
    assert (refusal.value.parameter, refusal.value.value, refusal.value.domain) == (
        "penalty",
        -2.0,
        "a finite number >= 0",
    )


def test_unknown_missing_and_positional() -> None:
    with pytest.raises(ParameterError, match=r"^penality .*did you mean 'penalty'"):
        toy(penality=1.0)
    with pytest.raises(ParameterError, match=r"^rows .*an integer >= 2"):
        Toy(spectrum=FLAT)  # type: ignore[call-arg]
    with pytest.raises(ParameterError, match=r"keyword arguments only: spectrum, rows"):
        Toy(FLAT, 3)  # type: ignore[call-arg]
    refuse_unknown("Toy", {"rows": 1}, ["rows"])


def test_declarations_carry_symbol_meaning_and_unit() -> None:
    spec = specs(Toy)["penalty"][0]
    assert (spec.kind, spec.symbol, spec.meaning, spec.unit) == ("number", r"\lambda", "a penalty", "squared feature")
    assert specs(Toy)["law"][0].options == ("uniform", "gaussian")
    assert list(specs(Toy)) == ["spectrum", "rows", "penalty", "share", "extra", "law", "members", "centred", "corner"]


# ---- whole axes --------------------------------------------------------------------------------------------------


def axis(name: str, values: Any) -> np.ndarray:
    return specs(Toy)[name][0].validated_grid(name, values)


def test_an_axis_is_validated_at_once() -> None:
    np.testing.assert_array_equal(axis("rows", [2, 5, 9]), [2, 5, 9])
    np.testing.assert_array_equal(axis("penalty", [0, 1]), [0.0, 1.0])
    np.testing.assert_array_equal(axis("penalty", np.array([0.25, 4.0])), [0.25, 4.0])


@pytest.mark.parametrize(
    ("name", "values", "shown"),
    [
        ("rows", [2, 3, 1, -7], "rows = 1 "),
        ("penalty", [0.1, math.nan, -1.0], "penalty = nan "),
        ("penalty", [0.1, math.inf], "penalty = inf "),
        ("penalty", [0.1, -0.5, -1.0], "penalty = -0.5 "),
        ("share", [1.0, 2.0], "share = 2.0 "),
        ("law", ["uniform", "gausian"], "law = 'gausian' "),
        ("spectrum", [FLAT, Spectrum([1.0])], "spectrum = <Spectrum"),
    ],
)
def test_the_first_value_that_is_refused_is_named(name: str, values: Any, shown: str) -> None:
    with pytest.raises(ParameterError) as refusal:
        axis(name, values)
    assert str(refusal.value).startswith(shown)


@pytest.mark.parametrize("values", [[], [[1, 2]], 3, ["1"], [True, False], [1.5], [None], [1j]])
def test_what_is_no_axis_is_refused(values: Any) -> None:
    with pytest.raises(ParameterError, match=r"\Arows = .*one-dimensional[^\n]*\Z"):
        axis("rows", values)


# ---- arrays ------------------------------------------------------------------------------------------------------


def test_arrays_are_copied_kept_read_only_and_equal_by_content() -> None:
    @model
    class Listed:
        values: np.ndarray = array("v_k", "some numbers", "finite numbers >= 0 (K,)", "K", check=lambda v: v >= 0)

    given = np.array([1, 2])
    made = Listed(values=given)
    given[0] = 7
    np.testing.assert_array_equal(made.values, [1.0, 2.0])
    assert made.values.dtype == float
    with pytest.raises(ValueError, match="read-only"):
        made.values[0] = 3.0
    assert made == Listed(values=[1.0, 2.0])  # type: ignore[arg-type]
    assert hash(made) == hash(Listed(values=(1, 2)))  # type: ignore[arg-type]
    assert made != Listed(values=np.array([1.0, 3.0]))
    for wrong in ([1, -1], [[1, 2]], [], [math.nan], [True], "12", 3, [1, [2]]):
        with pytest.raises(ParameterError, match=r"\Avalues = [^\n]+finite numbers >= 0 \(K,\)\Z"):
            Listed(values=wrong)  # type: ignore[arg-type]
    axis = specs(Listed)["values"][0].validated_grid("values", [[1, 2], [3, 4]])
    assert axis.shape == (2,)
    np.testing.assert_array_equal(axis[1], [3.0, 4.0])
