"""Sums of 1/(i (a + (i-1) b)): every form against sums added up one by one, constants, and digamma functions."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from rmtcollapse.equations.compile import Compiled
from rmtcollapse.equations.latex import expression_latex
from rmtcollapse.equations.reference import solve_reference
from rmtcollapse.equations.solve import solve_grid, solve_point
from rmtcollapse.equations.symbols import parameter, reciprocal_sum, unknown
from rmtcollapse.equations.system import System

EPS = float(np.finfo(float).eps)
A, B, N = parameter("a", "a"), parameter("b", "b"), parameter("terms", "N", exact=True)
LAW = {"multiplicity": np.ones(1)}


def build() -> System:
    return System(
        name="sums",
        parameters=(A, B, N),
        columns=(),
        fixed_points=(),
        definitions={},
        outputs={unknown("some", "E"): reciprocal_sum(A, B, N), unknown("all", "L"): reciprocal_sum(A, B, sp.oo)},
    )


COMPILED = Compiled("sums", build, ())


def added_up(a: float, b: float, terms: int) -> float:
    """Exact arithmetic, term by term."""
    a, b = Fraction(a), Fraction(b)
    return math.fsum(float(1 / (i * (a + (i - 1) * b))) for i in range(1, terms + 1))


def point(a: float, b: float, terms: float) -> dict[str, float]:
    return solve_point(COMPILED, {"a": a, "b": b, "terms": terms}, LAW).outputs


PAIRS = [(1.0, 1.0), (39.0, 60.0), (1.0, 1e6), (999_999.0, 1e6), (1e-9, 3.0), (5.0, 2.0), (0.3, 0.7)]


@pytest.mark.parametrize(("a", "b"), PAIRS)
@pytest.mark.parametrize("terms", [1, 2, 63, 64, 65, 66, 100, 201, 5000])
def test_finite_sums(a: float, b: float, terms: int) -> None:
    wanted = added_up(a, b, terms)
    assert point(a, b, terms)["some"] == pytest.approx(wanted, rel=8 * EPS, abs=0)
    reference = solve_reference(build(), {"a": a, "b": b, "terms": terms}, LAW, 30)
    assert float(reference.outputs["some"]) == pytest.approx(wanted, rel=4 * EPS, abs=0)


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_infinite_sums(a: float, b: float) -> None:
    with mp.workdps(60):
        x = 1 - mp.mpf(a) / mp.mpf(b)
        plain = mp.zeta(2) / b if x == 0 else (mp.digamma(1) - mp.digamma(1 - x)) / (x * b)
    assert point(a, b, 3)["all"] == pytest.approx(float(plain), rel=8 * EPS, abs=0)
    assert point(a, b, 2.0**53)["some"] == pytest.approx(float(plain), rel=8 * EPS, abs=0)


def test_constants() -> None:
    assert point(1, 1, 1)["all"] == pytest.approx(math.pi**2 / 6, rel=2 * EPS, abs=0)
    assert point(1, 2, 1)["all"] == pytest.approx(2 * math.log(2), rel=2 * EPS, abs=0)
    assert point(1, 1, 10**6)["some"] == pytest.approx(math.pi**2 / 6 - 1e-6 + 5e-13, rel=4 * EPS, abs=0)


def test_what_begins_with_an_infinite_term_is_infinite() -> None:
    assert point(0, 3, 5) == {"some": math.inf, "all": math.inf}
    reference = solve_reference(build(), {"a": 0, "b": 3, "terms": 5}, LAW, 30)
    assert reference.outputs == {"some": mp.inf, "all": mp.inf}


def test_the_reference_adds_up_few_terms_and_not_many() -> None:
    for a, b in PAIRS:
        for terms in (200, 201):  # on both sides of where the reference changes its way
            given = {"a": a, "b": b, "terms": terms}
            reference = solve_reference(build(), given, LAW, 50).outputs["some"]
            with mp.workdps(80):
                plain = mp.fsum(1 / (i * (mp.mpf(a) + (i - 1) * mp.mpf(b))) for i in range(1, terms + 1))
                assert abs(reference / plain - 1) < mp.mpf(10) ** -50


def test_compiled_form_is_the_plain_one() -> None:
    grid = np.array([[a, b, terms] for a, b in [*PAIRS, (0.0, 1.0)] for terms in (1, 64, 65, 10**7)])
    found = solve_grid(COMPILED, grid, LAW).outputs
    for k, (a, b, terms) in enumerate(grid):
        for name, value in point(a, b, terms).items():
            assert found[name][k] == pytest.approx(value, rel=4 * EPS, abs=0)


def test_symbolic_value() -> None:
    assert reciprocal_sum(1, 1, 3).doit() == sp.Rational(49, 36)
    assert sp.simplify(reciprocal_sum(A, B, 2).doit() - (1 / A + 1 / (2 * (A + B)))) == 0


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ((1, 1, N), [r"\sum_{i=1}^{N}", r"\frac{1}{i^2}"]),
        ((B, B, sp.oo), [r"\frac{1}{b}", r"\sum_{i=1}^{\infty}", r"\frac{1}{i^2}"]),
        ((A, B, N), [r"\sum_{i=1}^{N}", r"i\left(a + (i-1)b\right)"]),
    ],
)
def test_print(arguments: tuple[Any, ...], parts: list[str]) -> None:
    text = expression_latex(reciprocal_sum(*arguments))
    assert all(part in text for part in parts), text
    assert text.count("{") == text.count("}")
