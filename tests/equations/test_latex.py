"""The printed system: balanced, readable by a TeX parser, in the letters of the paper and in no others."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sympy as sp
from matplotlib.mathtext import MathTextParser

from rmtcollapse.equations.latex import expression_latex
from rmtcollapse.equations.symbols import Column, Total, filter_factor, limit_product, parameter, total, unknown
from rmtcollapse.equations.system import System
from rmtcollapse.models import RecursiveRegression, RidgeRegression

S, W2 = Column("eigenvalue", "s_j"), Column("signal", "w_j^2")
KAPPA, SIGMA2 = unknown("kappa", r"\kappa"), parameter("noise_variance", r"\sigma^2")
HEAD, TAIL = "\\begin{aligned}\n", "\n\\end{aligned}"
SYSTEMS = ("ridge", "recursive regression", "two sources", "recursion")


@pytest.fixture
def chosen(request: pytest.FixtureRequest, two_sources: System, recursive: System) -> System:
    made: dict[str, Callable[[], System]] = {
        "ridge": RidgeRegression.system,
        "recursive regression": RecursiveRegression.system,
        "two sources": lambda: two_sources,
        "recursion": lambda: recursive,
    }
    return made[request.param]()


def lines(system: System) -> list[str]:
    text = system.latex()
    assert text.startswith(HEAD)
    assert text.endswith(TAIL)
    return text[len(HEAD) : -len(TAIL)].split(" \\\\\n")


def named(system: System) -> list[sp.Symbol]:
    """Every symbol that the system declares."""
    found = [*system.parameters, *system.columns, *system.unknowns, *system.definitions, *system.outputs]
    if system.recursion:
        found += [*system.recursion.state, *system.recursion.within]
    return found


everywhere = pytest.mark.parametrize("chosen", SYSTEMS, indirect=True)


@everywhere
def test_there_is_one_line_for_each_equation(chosen: System) -> None:
    stated = sum(len(point.statement) for point in chosen.fixed_points)
    carried = 1 + 2 * len(chosen.recursion.state) + len(chosen.recursion.within) if chosen.recursion else 0
    assert len(lines(chosen)) == stated + len(chosen.definitions) + carried + len(chosen.outputs)


@everywhere
def test_every_line_has_one_alignment_mark_and_parses(chosen: System) -> None:
    parser = MathTextParser("path")
    for line in lines(chosen):
        assert line.count("&") == 1
        assert line.count("{") == line.count("}")
        assert line.count(r"\left") == line.count(r"\right")
        parser.parse(f"${line.replace('&', '')}$")


@everywhere
def test_every_letter_is_printed(chosen: System) -> None:
    text = chosen.latex()
    assert [s.letter for s in named(chosen) if s.letter not in text] == []


@everywhere
def test_no_python_name_leaks(chosen: System) -> None:
    words = set(re.findall(r"[A-Za-z_]\w*", re.sub(r"\\(text|mathrm)\{[^}]*\}|\\[A-Za-z]+", " ", chosen.latex())))
    letters = {word for s in named(chosen) for word in re.findall(r"[A-Za-z_]\w*", s.letter)}
    names = {s.name for s in named(chosen)} | {"Total", "filter_factor", "limit_product", "Eq", "signal", "zoo"}
    assert words & names <= letters


def test_the_fixed_point_of_ridge_regression_reads_as_in_the_paper() -> None:
    shown = lines(RidgeRegression.system())
    assert shown[0] == r"\kappa \rho &= \lambda"
    left, right = shown[1].split(" &= ")
    assert left == r"n \rho"
    assert right == r"n - \sum_j \frac{s_j}{s_j + \kappa}"
    assert r"E &= B + V" in shown


@pytest.mark.parametrize(
    ("expr", "shown"),
    [
        (W2**2, r"\left(w_j^2\right)^{2}"),
        (SIGMA2**3, r"\left(\sigma^2\right)^{3}"),
        (1 / SIGMA2, r"\frac{1}{\sigma^2}"),
        (KAPPA**2, r"\kappa^{2}"),
        (total(S), r"\sum_j s_j"),
        (total(S + W2), r"\sum_j \left(s_j + w_j^2\right)"),
        (KAPPA - total(S), r"\kappa - \sum_j s_j"),
        (total(S) ** 2, r"\left(\sum_j s_j\right)^{2}"),
        (total(S) ** -2, r"\frac{1}{\left(\sum_j s_j\right)^{2}}"),
        (total(S**2), r"\sum_j s_j^{2}"),
        (filter_factor(S, KAPPA), r"\frac{s_j}{s_j + \kappa}"),
        (filter_factor(S, KAPPA) ** 2, r"\left(\frac{s_j}{s_j + \kappa}\right)^{2}"),
        (limit_product(KAPPA, 1 / SIGMA2), r"\frac{\kappa}{\sigma^2}"),
        (limit_product(KAPPA, SIGMA2) ** 2, r"\left(\kappa \sigma^2\right)^{2}"),
    ],
)
def test_expressions_are_printed_without_ambiguity(expr: sp.Expr, shown: str) -> None:
    # A product may print its factors in either order.
    assert expression_latex(expr) in (shown, shown.replace(r"\kappa \sigma^2", r"\sigma^2 \kappa"))


def test_a_negative_term_is_not_printed_first() -> None:
    assert expression_latex(-KAPPA + total(S)) == r"\sum_j s_j - \kappa"


def test_a_recursion_is_printed_with_its_generations(recursive: System) -> None:
    text = recursive.latex()
    for part in (
        r"\Pi_j^{(0)} &= \frac{s_j}{s_j + a}",
        r"D_j^{(0)} &= - w_j^2",
        r"L^{(0)} &= 1",
        r"& \text{for } \ell = 0, \dots, g - 1:",
        r"c^{(\ell)} &=",
        r"\left(\Pi_j^{(\ell)}\right)^{2}",
        r"\Pi_j^{(\ell+1)} &=",
        r"D_j^{(\ell+1)} &=",
        r"q^{(\ell+1)} &=",
    ):
        assert part in text
    after = text.split(r"q^{(\ell+1)}")[1].split("\n", 1)[1]
    assert r"(\ell" not in after


def test_columns_are_printed_inside_their_sum_only(two_sources: System) -> None:
    for output in two_sources.outputs.values():
        assert output.atoms(Total)
        assert expression_latex(output).index("s_{") > expression_latex(output).index(r"\sum_j")
