"""Scores of normal weights: the compiled functions against mpmath, mpmath against the definitions, derivatives."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from rmtcollapse.equations import scores
from rmtcollapse.equations.compile import Compiled
from rmtcollapse.equations.latex import expression_latex
from rmtcollapse.equations.reference import solve_reference
from rmtcollapse.equations.solve import solve_grid, solve_point
from rmtcollapse.equations.symbols import parameter, unknown
from rmtcollapse.equations.system import System

X, A = parameter("place", "x"), parameter("sensitive", "a", exact=True)
NAMES = {f.__name__: f for f in scores.REFERENCE}
PLACES = [1e-200, 0.01, 1.0, 1.1, 17.0, 36.0]


def build() -> System:
    outputs = {unknown(f"value_of_{name}", "v"): f(X, A) for name, f in NAMES.items()}
    return System("scores", (X, A), (), (), {}, outputs)


COMPILED = Compiled("scores", build, ())
LAW = {"multiplicity": np.ones(1)}


@pytest.mark.parametrize("a", [0.0, 1.0])
def test_compiled_values_to_rounding(a: float) -> None:
    for x in PLACES:
        given = {"place": x, "sensitive": a}
        found = solve_point(COMPILED, given, LAW).outputs
        for name, exact in solve_reference(build(), given, LAW, 30).outputs.items():
            if exact > 1e-300:
                # exp(-x) and exp(-x^2 / 2) are known to so many roundings
                known = 4e-15 + 1e-15 * (x * x if a == 0 else x)
                assert found[name] == pytest.approx(float(exact), rel=known, abs=0), (name, x)


@pytest.mark.slow
def test_compiled_forms_agree() -> None:
    grid = np.array([[x, a] for x in PLACES for a in (0.0, 1.0)])
    found = solve_grid(COMPILED, grid, LAW).outputs
    for k, (x, a) in enumerate(grid):
        for name, value in solve_point(COMPILED, {"place": x, "sensitive": a}, LAW).outputs.items():
            assert found[name][k] == pytest.approx(value, rel=4e-15, abs=0)


def test_the_reference_is_what_is_defined() -> None:
    x = mp.mpf("0.7")
    ends = [0, x / 4, x, 2, 5, 12]
    for name, over in (("score_cdf", lambda w: 1), ("score_square", lambda w: w**2)):
        plain = mp.quad(lambda w, over=over: 2 * mp.npdf(w) * over(w), [0, x])
        assert scores.REFERENCE[NAMES[name]](x, 0) == pytest.approx(plain, rel=1e-13)
        sensitive = mp.quad(lambda w, over=over: 2 * mp.npdf(w) * over(w) * mp.erf(x / w / mp.sqrt(2)), ends)
        assert scores.REFERENCE[NAMES[name]](x, 1) == pytest.approx(sensitive, rel=1e-12)
    cdf, tail, density, fall, square = (scores.REFERENCE[f] for f in NAMES.values())
    for a in (0, 1):
        assert cdf(x, a) + tail(x, a) == pytest.approx(1, rel=1e-14)
        for function, slope in ((cdf, density(x, a)), (density, -fall(x, a)), (square, x * fall(x, a))):
            assert mp.diff(lambda t, f=function, a=a: f(t, a), x) == pytest.approx(slope, rel=1e-10)


def test_derivatives_and_print() -> None:
    assert sp.diff(scores.score_tail(X, A), X) == -scores.score_density(X, A)
    assert sp.diff(scores.score_cdf(X**2, A), X) == 2 * X * scores.score_density(X**2, A)
    assert sp.diff(scores.score_density(X, A), X) == -scores.score_fall(X, A)
    for f in NAMES.values():
        text = expression_latex(f(X, A))
        assert r"|w||\zeta|^{a}" in text
        assert text.count("{") == text.count("}")
