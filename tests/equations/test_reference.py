"""The mpmath reference, which judges the compiled forms, against closed forms and direct loops of its own."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from rmtcollapse.equations.reference import Evaluator, solve_reference
from rmtcollapse.equations.symbols import Column, filter_factor, limit_product, parameter, total, unknown
from rmtcollapse.equations.system import Branch, FixedPoint, System
from rmtcollapse.equivalents.resolvent import THRESHOLD
from rmtcollapse.errors import ConvergenceError
from rmtcollapse.models import RidgeRegression

S, W2 = Column("eigenvalue", "s_j"), Column("signal", "w_j^2")
A, B = parameter("a", "a"), parameter("b", "b", exact=True)
RIDGE = RidgeRegression.system()
LAW = {"multiplicity": [2.0, 1.0, 3.0], "eigenvalue": [4.0, 0.7, 0.1], "signal": [0.3, 2.0, 1.1]}


def relative(found: Any, exact: Any) -> Any:
    return abs(found - exact) / abs(exact)


@pytest.mark.parametrize("digits", [15, 50, 120])
@pytest.mark.parametrize(("samples", "ridge"), [(150, 0.2), (60, 1e-9), (100, 1e-12), (60, 0.0), (100, 1e6)])
def test_an_isotropic_population_has_its_closed_form(samples: int, ridge: float, digits: int) -> None:
    columns = {"multiplicity": [100.0], "eigenvalue": [1.0], "signal": [0.017]}
    given = {"samples": samples, "ridge": ridge, "noise_variance": 0.4}
    found = solve_reference(RIDGE, given, columns, digits)
    with mp.workdps(digits + 40):
        lam, phi, energy = mp.mpf(ridge), mp.mpf(100) / samples, 100 * mp.mpf(0.017)
        kappa = ((lam + phi - 1) + mp.sqrt((lam + phi - 1) ** 2 + 4 * lam)) / 2
        slack = 1 - phi / (1 + kappa) ** 2
        bias, variance = energy * (kappa / (1 + kappa)) ** 2 / slack, mp.mpf(0.4) * phi / (1 + kappa) ** 2 / slack
        assert relative(found.unknowns["effective_ridge"], kappa) < mp.mpf(10) ** -digits
        assert relative(found.outputs["bias"], bias) < mp.mpf(10) ** -digits
        assert relative(found.outputs["variance"], variance) < mp.mpf(10) ** -digits
        train = (1 - phi / (1 + kappa)) ** 2 * (bias + variance + mp.mpf(0.4))
        assert abs(found.outputs["train_error"] - train) < mp.mpf(10) ** -digits * (train or 1)


@pytest.mark.parametrize(
    ("samples", "ridge", "regime"),
    [
        (4, 0.1, "ridge"),
        (7, 0.0, "ridgeless, more samples than directions"),
        (5, 0.0, "ridgeless, fewer samples than directions"),
        (6, 0.0, "threshold"),
    ],
)
def test_the_regime_is_the_first_that_holds(samples: int, ridge: float, regime: str) -> None:
    found = solve_reference(RIDGE, {"samples": samples, "ridge": ridge, "noise_variance": 1}, LAW, 20)
    assert found.regimes == (regime,)
    assert found.status == (THRESHOLD if regime == "threshold" else "converged")
    assert found.letters == {"effective_ridge": r"\kappa", "residual_fraction": r"\rho"}
    assert mp.isinf(found.outputs["variance"]) == (regime == "threshold")


def test_the_unknowns_solve_the_stated_equations() -> None:
    found = solve_reference(RIDGE, {"samples": 5, "ridge": 0.03, "noise_variance": 1}, LAW, 60)
    kappa, rho = found.unknowns["effective_ridge"], found.unknowns["residual_fraction"]
    with mp.workdps(80):
        rows = zip(LAW["multiplicity"], LAW["eigenvalue"], strict=True)
        learned = mp.fsum(mp.mpf(m) * mp.mpf(s) / (mp.mpf(s) + kappa) for m, s in rows)
        assert abs(kappa * rho - mp.mpf(0.03)) < mp.mpf(10) ** -60
        assert abs(5 * rho - (5 - learned)) < mp.mpf(10) ** -58


def test_several_unknowns_solve_their_definition(two_sources: System) -> None:
    given = {"rows": 9.0, "ridge": 0.01, "first_share": 0.3, "second_share": 0.7}
    columns = {
        "multiplicity": [3.0, 4.0, 5.0],
        "first_eigenvalue": [2.0, 0.5, 1.0],
        "second_eigenvalue": [0.1, 3.0, 1.0],
    }
    found = solve_reference(two_sources, given, columns, 50)
    with mp.workdps(70):
        lam, p1, p2 = (mp.mpf(given[name]) for name in ("ridge", "first_share", "second_share"))
        v1, v2 = found.unknowns["first_weight"], found.unknowns["second_weight"]
        rows = [[mp.mpf(x) for x in row] for row in zip(*columns.values(), strict=True)]
        r = [1 / (lam + p1 * v1 * s1 + p2 * v2 * s2) for _, s1, s2 in rows]
        for k, v in ((1, v1), (2, v2)):
            trace = mp.fsum(row[0] * row[k] * x for row, x in zip(rows, r, strict=True))
            assert abs(v - 1 / (1 + trace / 9)) < mp.mpf(10) ** -50
        assert relative(found.outputs["trace"], mp.fsum(row[0] * x for row, x in zip(rows, r, strict=True))) < 1e-50


def fixed(branch: Branch) -> System:
    x = unknown("root", "x")
    point = FixedPoint("point", (x,), (sp.Eq(x, A, evaluate=False),), (branch,))
    return System("trial", (A, B), (S, W2), (point,), {}, {unknown("answer", "E"): x})


def test_an_equation_without_a_sign_change_is_refused() -> None:
    x = unknown("root", "x")
    system = fixed(Branch("only", sp.true, solve=(x,), equations=(x + A,), bracket=(A, 2 * A)))
    with pytest.raises(ConvergenceError, match=r"no sign change between 2\.0 and 4\.0"):
        solve_reference(system, {"a": 2, "b": 1}, LAW, 20)


@pytest.mark.parametrize("kind", ["without a root", "singular"])
def test_several_equations_without_a_certain_root_are_refused(kind: str) -> None:
    x, y = unknown("root", "x"), unknown("other", "y")
    equations = (x + y + 1, x - y) if kind == "without a root" else (x * y - A, 2 * x * y - 2 * A)
    branch = Branch("only", sp.true, solve=(x, y), equations=equations, start=(A, A))
    point = FixedPoint("pair", (x, y), (sp.Eq(x, y, evaluate=False),), (branch,))
    system = System("trial", (A,), (S, W2), (point,), {}, {unknown("answer", "E"): x})
    with pytest.raises(ConvergenceError, match="the reference"):
        solve_reference(system, {"a": 2}, LAW, 20)


def test_parameters_that_no_regime_covers_are_refused() -> None:
    system = fixed(Branch("only", sp.Gt(A, 5), given={unknown("root", "x"): A}))
    assert solve_reference(system, {"a": 6, "b": 1}, LAW, 20).outputs["answer"] == 6
    with pytest.raises(ConvergenceError, match="trial: no regime"):
        solve_reference(system, {"a": 2, "b": 1}, LAW, 20)


EXPRESSIONS: list[tuple[sp.Basic, Any]] = [
    (A + B / 3 - sp.Rational(1, 7), mp.mpf("2.5") + 1 - mp.mpf(1) / 7),
    (sp.sqrt(A) * A**-2, mp.sqrt(mp.mpf("2.5")) / mp.mpf("6.25")),
    (total(1), 6),
    (total(S) / total(A), (mp.mpf(4.0) * 2 + mp.mpf(0.7) + 3 * mp.mpf(0.1)) / 15),
    (total(filter_factor(S, A)), 2 * mp.mpf(4) / 6.5 + mp.mpf(0.7) / (mp.mpf(0.7) + 2.5) + 3 * mp.mpf(0.1) / 2.6),
    (sp.Min(A, B), mp.mpf("2.5")),
    (sp.Max(A, B), 3),
    (limit_product(A - sp.Rational(5, 2), 1 / (B - 3)), 0),
    (limit_product(A, B), mp.mpf("7.5")),
    (1 / (B - 3), mp.inf),
    (sp.And(sp.Gt(B, A), sp.Le(A, sp.Rational(5, 2))), True),
    (sp.Or(sp.Lt(B, A), sp.Ge(A, 4)), False),
    (sp.Eq(B, 3), True),
    (sp.Not(sp.And(sp.Gt(A, 1), sp.Gt(B, 1))), False),
    (sp.true, True),
    (sp.false, False),
]


@pytest.mark.parametrize(("expr", "value"), EXPRESSIONS, ids=lambda x: str(x)[:40])
def test_scalar_expressions_have_their_values(expr: sp.Basic, value: Any) -> None:
    with mp.workdps(40):
        evaluate = Evaluator(LAW, [S, W2])
        evaluate.scalars.update({A: mp.mpf("2.5"), B: mp.mpf(3)})
        found = evaluate(expr)
        # The expected values above were formed at the default precision of mpmath.
        assert found == value or relative(found, value) < 1e-14


def test_expressions_are_evaluated_for_each_atom() -> None:
    with mp.workdps(30):
        evaluate = Evaluator(LAW, [S, W2])
        evaluate.scalars[A] = mp.mpf(2)
        found = evaluate.per_atom(W2 * filter_factor(S, A))
        assert found == [
            mp.mpf(w) * (mp.mpf(s) / (mp.mpf(s) + 2)) for s, w in zip(*list(LAW.values())[1:], strict=True)
        ]
        assert evaluate.per_atom(A**2) == [4, 4, 4]


def direct_loop(a: Any, decay: Any, steps: int, m: Any, s: Any, w2: Any) -> tuple[Any, Any, Any]:
    """The recursion of the shared fixture, carried out on arrays of any number type."""
    mean = (m * s * w2).sum() / m.sum()
    carry, balance, level, count = s / (s + a), -w2, 1 + 0 * a, 0
    for _ in range(steps):
        gain = (m * (s * carry**2 + w2 * balance)).sum() / ((m * s).sum() + level) + mean
        carry, balance = carry * s / (s + a) + level * w2, gain * carry - balance / 2
        level, count = decay * level + gain / (1 + count), count + 1
    return mean**2, (m * w2 * (carry + balance)).sum() + level, count


@pytest.mark.parametrize("steps", [0, 1, 2, 9])
def test_a_recursion_is_the_loop_that_it_says(recursive: System, steps: int) -> None:
    found = solve_reference(recursive, {"damping": 0.4, "decay": 0.9, "steps": steps}, LAW, 50)
    with mp.workdps(80):
        columns = (np.array([mp.mpf(x) for x in LAW[name]], dtype=object) for name in LAW)
        untouched, share, count = direct_loop(mp.mpf(0.4), mp.mpf(0.9), steps, *columns)
        assert relative(found.outputs["untouched"], untouched) < 1e-50
        assert relative(found.outputs["learned_share"], share) < 1e-50
        assert found.outputs["generations_seen"] == count == steps
