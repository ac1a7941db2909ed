"""What a system accepts: every symbol declared, every branch complete, every name usable in generated text."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import sympy as sp

from rmtcollapse.equations.symbols import Column, parameter, total, unknown
from rmtcollapse.equations.system import Branch, FixedPoint, Recursion, System

S = Column("eigenvalue", "s_j")
A, B = parameter("a", "a"), parameter("b", "b")
X, Y = unknown("first", "x"), unknown("second", "y")
OUTPUT, HALFWAY = unknown("answer", "E"), unknown("halfway", "h")
LOST, LOST_COLUMN = parameter("lost", "l"), Column("lost_column", "l_j")


def branch(**changes: Any) -> Branch:
    parts: dict[str, Any] = {
        "when": sp.Gt(A, 0),
        "solve": (X,),
        "equations": (X - total(S / (S + X)),),
        "bracket": (A, total(S) + A),
        "given": {Y: X + 1},
    }
    return Branch("only", **{**parts, **changes})


def system(*, point: dict[str, Any] | None = None, cases: tuple[Branch, ...] = (), **changes: Any) -> System:
    statement: dict[str, Any] = {"statement": (sp.Eq(X, total(S / (S + X)), evaluate=False), sp.Eq(Y, X + 1))}
    fixed = FixedPoint("pair", (X, Y), branches=cases or (branch(),), **{**statement, **(point or {})})
    parts: dict[str, Any] = {
        "parameters": (A, B),
        "columns": (S,),
        "fixed_points": (fixed,),
        "definitions": {HALFWAY: X + B},
        "outputs": {OUTPUT: HALFWAY + total(S * Y)},
    }
    return System("trial", **{**parts, **changes})


def test_a_complete_system_is_accepted() -> None:
    assert system().unknowns == [X, Y]
    assert system(outputs={OUTPUT: HALFWAY, unknown("next", "F"): OUTPUT + 1}).name == "trial"


CARRIED = Column("carried", "c_j")
LEVEL, GAIN = unknown("level", "L"), unknown("gain", "c")


def recursion(**changes: Any) -> Recursion:
    parts: dict[str, Any] = {
        "steps": B,
        "within": {GAIN: total(CARRIED)},
        "state": {CARRIED: (S, CARRIED * GAIN), LEVEL: (A, LEVEL + GAIN)},
    }
    return Recursion(**{**parts, **changes})


def test_a_recursion_declares_what_it_carries() -> None:
    assert system(recursion=recursion(), outputs={OUTPUT: LEVEL + total(CARRIED)}).recursion is not None


def many(**changes: Any) -> Branch:
    both: dict[str, Any] = {"solve": (X, Y), "equations": (X - A, Y - B), "bracket": None, "given": {}, "start": (A, B)}
    return branch(**{**both, **changes})


UNDECLARED: dict[str, dict[str, Any]] = {
    "definition": {"definitions": {HALFWAY: LOST}},
    "output": {"outputs": {OUTPUT: HALFWAY + LOST}},
    "column in an output": {"outputs": {OUTPUT: HALFWAY + total(LOST_COLUMN)}},
    "column beside a declared one": {"outputs": {OUTPUT: HALFWAY + total(S * LOST_COLUMN)}},
    "scalar in a sum": {"outputs": {OUTPUT: HALFWAY + total(S / (S + LOST))}},
    "statement": {"point": {"statement": (sp.Eq(X, LOST),)}},
    "condition": {"cases": (branch(when=sp.Gt(LOST, 0)),)},
    "closed form": {"cases": (branch(given={Y: LOST}),)},
    "equation": {"cases": (branch(equations=(X - LOST,)),)},
    "bracket": {"cases": (branch(bracket=(A, LOST)),)},
    "start": {"cases": (many(start=(A, LOST)),)},
    "recursion steps": {"recursion": recursion(steps=LOST)},
    "recursion within": {"recursion": recursion(within={GAIN: total(CARRIED * LOST)})},
    "recursion start": {"recursion": recursion(state={CARRIED: (LOST, CARRIED * GAIN)})},
    "recursion step": {"recursion": recursion(state={CARRIED: (S, CARRIED * LOST_COLUMN)})},
    "letter of a parameter": {"outputs": {OUTPUT: HALFWAY + parameter("a", "another letter")}},
}


@pytest.mark.parametrize("changes", UNDECLARED.values(), ids=UNDECLARED)
def test_undeclared_symbols_are_refused_by_name(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"system 'trial': undeclared symbols \['(lost|lost_column|a)'\]"):
        system(**changes)


def test_the_start_of_several_unknowns_may_use_the_law() -> None:
    assert system(cases=(many(start=(A, 1 + total(S))),)).unknowns == [X, Y]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"equations": ()}, "1 unknowns, 0 equations"),
        ({"equations": (X, X)}, "1 unknowns, 2 equations"),
        ({"solve": ()}, "0 unknowns, 1 equations"),
        ({"bracket": None}, "one unknown needs a bracket, or a start"),
        ({"solve": (X, Y), "equations": (X, Y)}, "several unknowns need a start for each"),
        ({"solve": (X, Y), "equations": (X, Y), "start": (A,)}, "several unknowns need a start for each"),
    ],
)
def test_incomplete_branches_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"branch 'only': {message}"):
        branch(**changes)


def test_a_branch_needs_nothing_but_closed_forms() -> None:
    closed = branch(solve=(), equations=(), bracket=None, given={X: A, Y: B})
    assert system(cases=(closed,)).unknowns == [X, Y]


def test_two_quantities_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="several quantities are named 'a'"):
        system(definitions={HALFWAY: X, unknown("a", "another letter"): B})


@pytest.mark.parametrize("name", ["stop", "i", "start", "law", "p", "value", "max", "lambda", "first0_0", "no name"])
def test_names_that_the_generated_text_uses_are_refused(name: str) -> None:
    taken = parameter(name, "t")
    with pytest.raises(ValueError, match=f"the name '{name}' is taken"):
        system(parameters=(A, B, taken))


def test_parts_are_frozen() -> None:
    for part, attribute in ((system(), "name"), (branch(), "when"), (recursion(), "steps")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(part, attribute, None)
