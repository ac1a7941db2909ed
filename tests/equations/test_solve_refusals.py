"""What the compiled forms refuse: equations without a certified root, undefined values; and how they say so."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy as sp

from rmtcollapse.equations.compile import Compiled
from rmtcollapse.equations.solve import solve_grid, solve_point
from rmtcollapse.equations.symbols import Column, parameter, total, unknown
from rmtcollapse.equations.system import Branch, FixedPoint, System
from rmtcollapse.errors import ConvergenceError


def build_stubborn() -> System:
    """Equations without a root, or with one that no certificate covers; `case` says which."""
    case, a = parameter("case", "k", exact=True), parameter("a", "a")
    x, y = unknown("root", "x"), unknown("other", "y")
    column = Column("eigenvalue", "s_j")

    def only(number: int, **parts: Any) -> Branch:
        return Branch(f"case {number}", sp.Eq(case, number), **parts)

    one, both = {"solve": (x,), "given": {y: sp.S.One}}, {"solve": (x, y), "start": (a, sp.S.One)}
    branches = (
        only(0, given={x: a, y: a}),
        only(1, **one, equations=(x + a,), bracket=(a / 2, 2 * a)),
        only(2, **one, equations=((x - a) ** 2 + a**2 / 10**6,), bracket=(a / 2, 3 * a)),
        only(3, **both, equations=(x + y + 1, x - y)),
        only(4, **both, equations=((x - 3 * a) ** 2, y - 1)),
        only(5, **one, equations=(x - a * total(column),), bracket=(4 * a, 5 * a)),
    )
    point = FixedPoint("stubborn", (x, y), (sp.Eq(x, x, evaluate=False),), branches)
    return System("stubborn", (case, a), (column,), (point,), {}, {unknown("answer", "E"): x + y})


@pytest.fixture(scope="module")
def stubborn() -> Compiled:
    return Compiled("stubborn", build_stubborn, ())


LAW = {"multiplicity": np.ones(2), "eigenvalue": np.array([1.0, 2.0])}
REFUSED = {
    1: "stopped before the equation was met",
    2: "stopped",
    3: "stopped before the equation was met",
    4: "no root is certified nearby",
    5: "stopped before the equation was met",
    9: "no regime of the equations covers these parameters",
}


@pytest.mark.parametrize(("case", "reason"), REFUSED.items())
def test_what_has_no_certified_root_is_refused_with_advice(stubborn: Compiled, case: int, reason: str) -> None:
    for refuse in (
        lambda: solve_point(stubborn, {"case": case, "a": 2.5}, LAW),
        lambda: solve_grid(stubborn, np.array([[0, 1.5], [case, 2.5], [case, 3.5]]), LAW),
    ):
        with pytest.raises(ConvergenceError, match=rf"^stubborn: .*({reason})") as caught:
            refuse()
        message = str(caught.value)
        assert f"case = {case}, a = 2.5" in message
        assert "move the parameters" in message
        assert "rescale the spectrum" in message
        assert "theory(digits=30)" in message


def test_what_has_a_root_is_not_refused(stubborn: Compiled) -> None:
    assert solve_point(stubborn, {"case": 0, "a": 2.5}, LAW).outputs == {"answer": 5.0}
    grid = solve_grid(stubborn, np.array([[0, 1.5], [0, 2.5]]), LAW)
    assert grid.outputs["answer"].tolist() == [3.0, 5.0]
    assert grid.certificate.tolist() == [0.0, 0.0]


def test_an_undefined_value_is_refused() -> None:
    a, b = parameter("a", "a"), parameter("b", "b")
    system = System("undefined", (a, b), (), (), {}, {unknown("answer", "E"): a / b})
    compiled = Compiled("undefined", lambda: system, ())
    law = {"multiplicity": np.ones(1)}
    assert solve_point(compiled, {"a": 1, "b": 0}, law).outputs == {"answer": math.inf}
    with pytest.raises(ConvergenceError, match="undefined: the values came out undefined"):
        solve_point(compiled, {"a": 0, "b": 0}, law)
    with pytest.raises(ConvergenceError, match=r"undefined \(a = 0, b = 0;"):
        solve_grid(compiled, np.array([[1.0, 2.0], [0.0, 0.0]]), law)
