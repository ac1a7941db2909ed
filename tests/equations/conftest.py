"""Systems that several tests of the equations use, and a way to run Python on a package folder in a new process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

import rmtcollapse
from rmtcollapse.equations.compile import Compiled
from rmtcollapse.equations.symbols import Column, parameter, total, unknown
from rmtcollapse.equations.system import Branch, FixedPoint, Recursion, System


def build_two_sources() -> System:
    """Two sources with commuting covariances: v_k = 1/(1 + tr(S_k R)/N), R = 1/(lam + p_1 v_1 s_1 + p_2 v_2 s_2)."""
    s1, s2 = Column("first_eigenvalue", "s_{1j}"), Column("second_eigenvalue", "s_{2j}")
    rows, lam = parameter("rows", "N", exact=True), parameter("ridge", r"\lambda")
    p1, p2 = parameter("first_share", "p_1"), parameter("second_share", "p_2")
    v1, v2 = unknown("first_weight", "v_1"), unknown("second_weight", "v_2")
    resolvent = 1 / (lam + p1 * v1 * s1 + p2 * v2 * s2)
    pairs = ((v1, s1), (v2, s2))
    branch = Branch(
        "ridge",
        sp.Gt(lam, 0),
        solve=(v1, v2),
        equations=[v * (1 + total(s * resolvent) / rows) - 1 for v, s in pairs],
        start=(sp.S.Half, 1 / (1 + total(s2) / rows)),
    )
    statement = [sp.Eq(v, 1 / (1 + total(s * resolvent) / rows), evaluate=False) for v, s in pairs]
    return System(
        name="two_sources",
        parameters=(rows, lam, p1, p2),
        columns=(s1, s2),
        fixed_points=(FixedPoint("two sources", (v1, v2), statement, (branch,)),),
        definitions={},
        outputs={unknown("trace", "t"): total(resolvent), unknown("energy", "e"): p1 * v1 * total(s1**2 * resolvent)},
    )


def build_recursive() -> System:
    """A recursion that carries two columns (one of either sign) and two scalars, each of which uses the others."""
    a, decay, steps = parameter("damping", "a"), parameter("decay", r"\eta"), parameter("steps", "g", exact=True)
    s, w2 = Column("eigenvalue", "s_j"), Column("signal", "w_j^2")
    carry, balance = Column("carry", r"\Pi_j"), Column("balance", "D_j", real=True)
    level, count = unknown("level", "L"), unknown("elapsed", "q")
    mean, gain = unknown("mean", "m"), unknown("feedback", "c")
    return System(
        name="recursive",
        parameters=(a, decay, steps),
        columns=(s, w2),
        fixed_points=(),
        definitions={mean: total(s * w2) / total(1)},
        recursion=Recursion(
            steps=steps,
            within={gain: total(s * carry**2 + w2 * balance) / (total(s) + level) + mean},
            state={
                carry: (s / (s + a), carry * s / (s + a) + level * w2),
                balance: (-w2, gain * carry - balance / 2),
                level: (sp.S.One, decay * level + gain / (1 + count)),
                count: (sp.S.Zero, count + 1),
            },
        ),
        outputs={
            unknown("untouched", "U"): mean**2,
            unknown("learned_share", "E"): total(w2 * (carry + balance)) + level,
            unknown("generations_seen", "Q"): count,
        },
    )


@pytest.fixture(scope="session")
def two_sources() -> System:
    return build_two_sources()


@pytest.fixture(scope="session")
def compiled_two_sources() -> Compiled:
    return Compiled("two_sources", build_two_sources, ())


@pytest.fixture(scope="session")
def recursive() -> System:
    return build_recursive()


@pytest.fixture(scope="session")
def compiled_recursive() -> Compiled:
    return Compiled("recursive", build_recursive, ())


PACKAGE = Path(rmtcollapse.__file__).resolve().parent
StartPython = Callable[..., "subprocess.Popen[str]"]
RunPython = Callable[..., Any]


@pytest.fixture(scope="session")
def start_python() -> StartPython:
    """Start a script that sees the package in a folder (the one under test if not given) and a cache of its own."""

    def start(script: str, cache: Path, *, package: Path = PACKAGE, **variables: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(package.parent), "RMTCOLLAPSE_CACHE": str(cache), **variables}
        command = [sys.executable, "-W", "error", "-c", script]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=package.parent
        )

    return start


@pytest.fixture(scope="session")
def run_python(start_python: StartPython) -> RunPython:
    """Run a script to its end; what it prints is JSON."""

    def run(script: str, cache: Path, **options: Any) -> Any:
        process = start_python(script, cache, **options)
        printed, complaint = process.communicate()
        assert process.returncode == 0, complaint
        return json.loads(printed)

    return run
