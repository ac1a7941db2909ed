"""The two generated forms: self-contained, the same text in every process, and the same numbers."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from rmtcollapse.equations.compile import Compiled
from rmtcollapse.equations.generate import numba_module, numpy_module
from rmtcollapse.equations.solve import solve_grid, solve_point
from rmtcollapse.equations.symbols import Column, filter_factor, limit_product, parameter, total, unknown
from rmtcollapse.equations.system import Recursion, System
from rmtcollapse.models import RecursiveRegression, RidgeRegression

EPS = float(np.finfo(float).eps)
WRITERS = {"numpy": numpy_module, "numba": numba_module}
S, W2 = Column("eigenvalue", "s_j"), Column("signal", "w_j^2")


def build_sums() -> System:
    """Sums alone: plain, weighted, a difference that cancels, products at zero and infinity, a column carried."""
    n, kappa, a, b = parameter("samples", "n", exact=True), *(parameter(x, x) for x in ("kappa", "a", "b"))
    carried = Column("carried", "c_j", real=True)
    return System(
        name="sums",
        parameters=(n, kappa, a, b),
        columns=(S, W2),
        fixed_points=(),
        definitions={},
        recursion=Recursion(steps=n, state={carried: (S, carried - S * kappa)}),
        outputs={
            unknown("directions", "d"): total(1),
            unknown("trace", "t"): total(S),
            unknown("weighted", "u"): total(W2 * S / (S + kappa)),
            unknown("unlearned", "r"): total(1) - total(filter_factor(S, kappa)),
            unknown("balance", "k"): n * kappa - n + total(filter_factor(S, kappa)),
            unknown("product", "p"): limit_product(a, 1 / b),
            unknown("logarithms", "l"): total(W2 * sp.log(1 + S) + sp.exp(-S)),
            unknown("carried_total", "q"): total(carried * W2),
        },
    )


@pytest.fixture(scope="module")
def sums() -> Compiled:
    return Compiled("sums", build_sums, ())


def both_forms(
    compiled: Compiled, parameters: dict[str, float], columns: dict[str, np.ndarray]
) -> tuple[dict[str, float], dict[str, float]]:
    """Outputs of the NumPy form and of the Numba form."""
    plain = solve_point(compiled, parameters, columns).outputs
    points = np.array([[parameters[name] for name in compiled.numba.PARAMETERS]])
    return plain, {name: float(x[0]) for name, x in solve_grid(compiled, points, columns).outputs.items()}


def law(atoms: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "multiplicity": rng.integers(1, 9, atoms).astype(float),
        "eigenvalue": 10 ** rng.uniform(-8, 8, atoms),
        "signal": 10 ** rng.uniform(-3, 3, atoms),
    }


@pytest.mark.parametrize("atoms", [1, 2, 63, 64, 65, 127, 128, 129, 1000])
def test_sums_are_right_for_any_number_of_atoms(sums: Compiled, atoms: int) -> None:
    columns, kappa = law(atoms, seed=atoms), 3.0
    m, s, w2 = columns.values()
    expected = {
        "directions": math.fsum(m),
        "trace": math.fsum(m * s),
        "weighted": math.fsum(m * w2 * s / (s + kappa)),
        "unlearned": math.fsum(m * kappa / (s + kappa)),
        "carried_total": -5 * math.fsum(m * w2 * s),
    }
    for found in both_forms(sums, {"samples": 2, "kappa": kappa, "a": 1, "b": 4}, columns):
        assert found["product"] == 0.25
        assert found["directions"] == expected["directions"]
        for name, value in expected.items():
            # Every addend has one sign: a relative error of a few eps an addend in a block, and of its place.
            assert found[name] == pytest.approx(value, rel=(atoms / 64 + 72) * EPS, abs=0), name


@pytest.mark.parametrize("kappa", [1e-14, 1e-9, 1e-3, 1.0, 1e4])
def test_the_degrees_of_freedom_cancel_without_rounding(sums: Compiled, kappa: float) -> None:
    columns = law(40, seed=3) | {"eigenvalue": np.geomspace(0.5, 2, 40)}
    with mp.workdps(40):
        rows = zip(columns["multiplicity"], columns["eigenvalue"], strict=True)
        exact = float(mp.fsum(mp.mpf(m) * mp.mpf(kappa) / (mp.mpf(s) + mp.mpf(kappa)) for m, s in rows))
    directions = float(columns["multiplicity"].sum())
    for found in both_forms(sums, {"samples": directions, "kappa": kappa, "a": 1, "b": 1}, columns):
        assert found["unlearned"] == pytest.approx(exact, rel=8 * EPS, abs=0)
        # Printed in the order of its symbols, this sum would meet the small numbers before the large ones are gone.
        scale = directions * kappa + exact
        assert found["balance"] == pytest.approx(directions * kappa - exact, rel=0, abs=8 * EPS * scale)


def test_zero_times_infinity_is_zero_and_infinity_stays(sums: Compiled) -> None:
    columns = law(3, seed=0)
    for a, value in ((0.0, 0.0), (2.0, math.inf)):
        for found in both_forms(sums, {"samples": 1, "kappa": 1, "a": a, "b": 0}, columns):
            assert found["product"] == value


SYSTEMS: dict[str, Callable[[], System]] = {
    "ridge": RidgeRegression.system,
    "recursive regression": RecursiveRegression.system,
    "sums": build_sums,
}


def text_of(name: str, form: str, two_sources: System) -> str:
    system = two_sources if name == "two sources" else SYSTEMS[name]()
    return WRITERS[form](system)


every_text = [(name, form) for name in (*SYSTEMS, "two sources") for form in WRITERS]


@pytest.mark.parametrize(("name", "form"), every_text)
def test_a_module_imports_nothing_of_the_package(name: str, form: str, two_sources: System) -> None:
    tree = ast.parse(text_of(name, form, two_sources))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"math", "numpy"} | ({"numba"} if form == "numba" else set())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


@pytest.mark.parametrize(("name", "form"), every_text)
def test_no_name_of_the_text_can_be_a_name_of_a_system(name: str, form: str, two_sources: System) -> None:
    system = two_sources if name == "two sources" else SYSTEMS[name]()
    quantities = [*system.parameters, *system.columns, *system.unknowns, *system.definitions, *system.outputs]
    if system.recursion:
        quantities += [*system.recursion.state, *system.recursion.within]
    own = {symbol.name for symbol in quantities}
    free = []
    for used in scope_of_formulas(ast.parse(WRITERS[form](system))) - own:
        try:
            System("trial", (parameter(used, "x"),), (), (), {}, {unknown("answer", "A"): sp.S.One})
        except ValueError:
            continue
        free.append(used)
    assert free == []


def scope_of_formulas(tree: ast.Module) -> set[str]:
    """Every variable, argument and function in the functions that hold formulas."""
    kinds = ("constants", "branch_", "given_", "bracket_", "start_", "residual_", "outputs")
    functions = [f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name.startswith(kinds)]
    assert len(functions) >= 2
    inside = [node for f in functions for node in ast.walk(f)]
    return {n.id for n in inside if isinstance(n, ast.Name)} - {"_", "njit"} | {
        n.arg for n in inside if isinstance(n, ast.arg)
    }


def test_functions_of_columns_are_summed(sums: Compiled) -> None:
    columns = law(7, seed=5)
    m, s, w2 = columns.values()
    expected = float(m @ (w2 * np.log1p(s) + np.exp(-s)))
    for found in both_forms(sums, {"samples": 2, "kappa": 1.5, "a": 1, "b": 4}, columns):
        assert found["logarithms"] == pytest.approx(expected, rel=8 * EPS)


def test_both_forms_describe_the_system_alike(compiled_two_sources: Compiled) -> None:
    for module in (compiled_two_sources.numpy, compiled_two_sources.numba):
        assert module.SYSTEM == "two_sources"
        assert module.PARAMETERS == ("rows", "ridge", "first_share", "second_share")
        assert module.COLUMNS == ("first_eigenvalue", "second_eigenvalue")
        assert module.UNKNOWNS == (("first_weight", "v_1"), ("second_weight", "v_2"))
        assert module.OUTPUTS == ("trace", "energy")
        assert module.REGIMES == ((("ridge", ""),),)


TEXTS = """
import json
from rmtcollapse._cache import text_digest
from rmtcollapse.equations.generate import numba_module, numpy_module
from rmtcollapse.models import RecursiveRegression, RidgeRegression
systems = [RidgeRegression.system(), RecursiveRegression.system()]
print(json.dumps([text_digest(write(system)) for system in systems for write in (numpy_module, numba_module)]))
"""


def test_the_text_is_the_same_in_every_process(run_python: Callable[..., list[str]], tmp_path: Path) -> None:
    first, second = (run_python(TEXTS, tmp_path, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert first == second
    assert len(set(first)) == 4
