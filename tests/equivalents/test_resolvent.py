"""One and two resolvents: the stated pair of equations, its regimes, closed forms, and the resolvent identity."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse.equations.compile import Compiled
from rmtcollapse.equations.reference import ReferenceSolution, solve_reference
from rmtcollapse.equations.solve import Solution, solve_point
from rmtcollapse.equations.symbols import Column, parameter, total, unknown
from rmtcollapse.equations.system import System
from rmtcollapse.equivalents.resolvent import THRESHOLD, one_resolvent, two_resolvents

EPS = float(np.finfo(float).eps)


def build() -> System:
    """Two ridge levels on one sample covariance, and everything that is made from them, for a diagonal B."""
    s, weight = Column("eigenvalue", "s_j"), Column("weight", "b_j")
    n = parameter("samples", "n", exact=True)
    first = one_resolvent(n, parameter("ridge", r"\lambda"), s)
    second = one_resolvent(n, parameter("ridge_2", r"\lambda_2"), s, "2")
    slack, gain = unknown("slack", r"(n-\mathrm{df}_2)"), unknown("gain", "c")
    return System(
        name="two_levels",
        parameters=(n, first.ridge, second.ridge),
        columns=(s, weight),
        fixed_points=(first.fixed_point(), second.fixed_point()),
        definitions={},
        outputs={
            slack: first.slack,
            gain: first.gain(weight, slack),
            unknown("df1", r"\mathrm{df}_1"): first.degrees_of_freedom,
            unknown("df2", r"\mathrm{df}_2"): first.degrees_of_freedom_2,
            unknown("bias", "B"): first.bias(weight, slack),
            unknown("whole", "d"): total(first.learned + first.unlearned),
            unknown("excess", "q"): total(first.sandwich_excess(gain)),
            unknown("pair_gain", "g"): two_resolvents(n, s, first.kappa, second.kappa, weight),
            unknown("same_level_gain", "g_0"): two_resolvents(n, s, first.kappa, first.kappa, weight),
        },
    )


SYSTEM = build()
COMPILED = Compiled("two_levels", build, ())
LAW = {
    "multiplicity": np.array([3.0, 20.0, 7.0, 10.0]),
    "eigenvalue": np.array([30.0, 1.0, 0.2, 1e-4]),
    "weight": np.array([0.3, 2.0, 1.1, 5.0]),
}
RANK = 40
RIDGE = "ridge"
MORE, FEWER = "ridgeless, more samples than directions", "ridgeless, fewer samples than directions"


def solved(samples: int, ridge: float, ridge_2: float = 0.7) -> tuple[Solution, ReferenceSolution]:
    """In double precision and to 50 digits."""
    given = {"samples": samples, "ridge": ridge, "ridge_2": ridge_2}
    return solve_point(COMPILED, given, LAW), solve_reference(SYSTEM, given, LAW, 50)


def traces(kappa: Any) -> tuple[Any, Any, Any]:
    """df1, df2 and kappa * sum s/(s+kappa)^2 at an effective ridge, in the current precision of mpmath."""
    rows = [(mp.mpf(m), mp.mpf(s)) for m, s in zip(LAW["multiplicity"], LAW["eigenvalue"], strict=True)]
    df1, df2 = (mp.fsum(m * (s / (s + kappa)) ** k for m, s in rows) for k in (1, 2))
    return df1, df2, df1 - df2


CASES = [
    (20, 0.3, RIDGE),
    (20, 1e-12, RIDGE),
    (39, 1e-9, RIDGE),
    (40, 1e-12, RIDGE),
    (41, 1e-9, RIDGE),
    (4000, 0.3, RIDGE),
    (1, 1e6, RIDGE),
    (1, 0.0, FEWER),
    (20, 0.0, FEWER),
    (39, 0.0, FEWER),
    (41, 0.0, MORE),
    (4000, 0.0, MORE),
    (40, 0.0, "threshold"),
]
every_case = pytest.mark.parametrize(("samples", "ridge", "regime"), CASES)


@every_case
def test_the_regime_follows_from_samples_and_ridge(samples: int, ridge: float, regime: str) -> None:
    solution, exact = solved(samples, ridge)
    assert solution.regimes == exact.regimes == (regime, RIDGE)
    assert solution.status == exact.status == (THRESHOLD if regime == "threshold" else "converged")


@every_case
def test_the_pair_solves_its_equations(samples: int, ridge: float, regime: str) -> None:
    solution, exact = solved(samples, ridge)
    kappa, rho = solution.unknowns["effective_ridge"], solution.unknowns["residual_fraction"]
    assert abs(kappa * rho - ridge) <= 2 * EPS * ridge
    with mp.workdps(60):
        df1, _, slope = traces(mp.mpf(kappa))
        # kappa is within the certificate, and that much of the slope may show in the balance.
        radius = mp.mpf(solution.certificate) * slope + 2 * EPS * samples * mp.mpf(rho) * (
            1 + solution.certificate / EPS
        )
        assert abs(samples * mp.mpf(rho) - (samples - df1)) <= radius
        precise, fraction = exact.unknowns["effective_ridge"], exact.unknowns["residual_fraction"]
        assert abs(precise * fraction - mp.mpf(ridge)) <= mp.mpf(10) ** -50 * ridge
        assert abs(samples * fraction - (samples - traces(precise)[0])) <= mp.mpf(10) ** -48
    assert solution.residual <= 16 * EPS


@every_case
def test_degrees_of_freedom_and_slack_are_their_definitions(samples: int, ridge: float, regime: str) -> None:
    solution, exact = solved(samples, ridge)
    found, precise = solution.outputs, exact.outputs
    with mp.workdps(60):
        df1, df2, _ = traces(exact.unknowns["effective_ridge"])
        assert abs(precise["slack"] - (samples - df2)) <= mp.mpf(10) ** -45 * samples
        for name, value in (("df1", df1), ("df2", df2), ("slack", samples - df2), ("whole", mp.mpf(RANK))):
            assert abs(found[name] - value) <= 1e-13 * abs(value), name


@every_case
def test_gain_and_bias_are_their_definitions(samples: int, ridge: float, regime: str) -> None:
    solution, exact = solved(samples, ridge)
    if regime == "threshold":
        assert solution.outputs["gain"] == np.inf
        assert mp.isinf(exact.outputs["gain"])
        # Nothing is unlearned, so an infinite gain leaves nothing behind.
        assert solution.outputs["excess"] == exact.outputs["excess"] == 0
        assert solution.outputs["bias"] == exact.outputs["bias"] == 0
        return
    with mp.workdps(60):
        kappa = exact.unknowns["effective_ridge"]
        rows = [[mp.mpf(x) for x in row] for row in zip(*LAW.values(), strict=True)]
        gain = mp.fsum(m * b * s / (s + kappa) ** 2 for m, s, b in rows) / (samples - traces(kappa)[1])
        excess = gain * kappa**2 * mp.fsum(m * s / (s + kappa) ** 2 for m, s, _ in rows)
        assert abs(solution.outputs["gain"] - gain) <= 1e-13 * gain
        bias = samples * kappa**2 * mp.fsum(m * b * s / (s + kappa) ** 2 for m, s, b in rows)
        assert abs(solution.outputs["excess"] - excess) <= 1e-13 * excess
        assert abs(solution.outputs["bias"] - bias / (samples - traces(kappa)[1])) <= 1e-13 * solution.outputs["bias"]


@every_case
def test_two_resolvents_at_one_level_are_the_gain(samples: int, ridge: float, regime: str) -> None:
    exact = solved(samples, ridge)[1]
    if regime == "threshold":
        assert mp.isinf(exact.outputs["same_level_gain"])
        return
    with mp.workdps(60):
        same, gain = exact.outputs["same_level_gain"], exact.outputs["gain"]
        assert abs(same - gain) <= mp.mpf(10) ** -45 * gain


@pytest.mark.parametrize("ridge_2", [1e-9, 0.05, 0.7, 1e4])
@pytest.mark.parametrize(("samples", "ridge"), [(20, 0.3), (20, 1e-6), (39, 0.01), (40, 0.01), (41, 1e-6), (4000, 0.3)])
def test_two_resolvents_obey_the_resolvent_identity(samples: int, ridge: float, ridge_2: float) -> None:
    """R1 S R2 = (l2 R2 - l1 R1)/(l2 - l1), and l R is known from one resolvent: g follows without two."""
    solution, exact = solved(samples, ridge, ridge_2)
    with mp.workdps(60):
        rows = [[mp.mpf(x) for x in row] for row in zip(*LAW.values(), strict=True)]
        left, right = (
            mp.fsum(m * b * kappa / (s + kappa) for m, s, b in rows)
            for kappa in (exact.unknowns["effective_ridge"], exact.unknowns["effective_ridge_2"])
        )
        gain = (right - left) / (mp.mpf(ridge_2) - mp.mpf(ridge)) / samples
        assert abs(exact.outputs["pair_gain"] - gain) <= mp.mpf(10) ** -35 * gain
        assert abs(solution.outputs["pair_gain"] - gain) <= 1e-11 * gain


@pytest.mark.parametrize("samples", [1, 60, 99, 100, 101, 150, 10**5])
@pytest.mark.parametrize("ridge", [0.0, 1e-12, 1e-3, 0.7, 1e6])
def test_an_isotropic_population_has_its_closed_form(samples: int, ridge: float) -> None:
    law = {"multiplicity": np.array([100.0]), "eigenvalue": np.array([1.0]), "weight": np.array([2.0])}
    found = solve_point(COMPILED, {"samples": samples, "ridge": ridge, "ridge_2": 1.0}, law)
    with mp.workdps(50):
        lam, phi = mp.mpf(ridge), mp.mpf(100) / samples
        kappa = ((lam + phi - 1) + mp.sqrt((lam + phi - 1) ** 2 + 4 * lam)) / 2
        rho = 1 - phi / (1 + kappa)
        gain = 2 * phi / (1 + kappa) ** 2 / (1 - phi / (1 + kappa) ** 2) if kappa or samples != 100 else mp.inf
        assert abs(found.unknowns["effective_ridge"] - kappa) <= 8 * EPS * kappa
        # For fewer samples and no ridge, rho is exactly zero, which the closed form meets to its own rounding.
        assert abs(found.unknowns["residual_fraction"] - rho) <= 8 * EPS * rho + mp.mpf(10) ** -45
        assert found.outputs["gain"] == gain or abs(found.outputs["gain"] - gain) <= 1e-13 * gain


def test_the_equations_are_covariant_under_a_change_of_unit() -> None:
    """Eigenvalues and ridge times f give kappa times f, and leave every share as it is."""
    given = {"samples": 25.0, "ridge": 0.03, "ridge_2": 0.7}
    plain = solve_point(COMPILED, given, LAW)
    for factor in (2.0**-40, 2.0**30):
        larger = {"samples": 25.0, "ridge": 0.03 * factor, "ridge_2": 0.7 * factor}
        scaled = solve_point(COMPILED, larger, LAW | {"eigenvalue": factor * LAW["eigenvalue"]})
        assert scaled.unknowns["effective_ridge"] == pytest.approx(
            plain.unknowns["effective_ridge"] * factor, rel=1e-14
        )
        assert scaled.unknowns["residual_fraction"] == pytest.approx(plain.unknowns["residual_fraction"], rel=1e-14)
        assert scaled.outputs["df2"] == pytest.approx(plain.outputs["df2"], rel=1e-14)


def test_marks_tell_the_resolvents_of_a_system_apart() -> None:
    n, lam, s = parameter("samples", "n"), parameter("ridge", r"\lambda"), Column("eigenvalue", "s_j")
    plain, marked = one_resolvent(n, lam, s), one_resolvent(n, lam, s, "0")
    assert (plain.kappa.name, plain.rho.name) == ("effective_ridge", "residual_fraction")
    assert (marked.kappa.name, marked.rho.name) == ("effective_ridge_0", "residual_fraction_0")
    assert (marked.kappa.letter, marked.rho.letter) == (r"\kappa_{0}", r"\rho_{0}")
    assert {plain.kappa, plain.rho}.isdisjoint({marked.kappa, marked.rho})
