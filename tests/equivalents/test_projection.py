"""Random projections: the three stated equations in every regime, what published forms become, limits and symmetry."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse.equations.compile import Compiled
from rmtcollapse.equations.reference import ReferenceSolution, solve_reference
from rmtcollapse.equations.solve import Solution, solve_point
from rmtcollapse.equations.symbols import Column, Count, parameter, unknown
from rmtcollapse.equations.system import System
from rmtcollapse.equivalents.projection import random_projection
from rmtcollapse.equivalents.thresholds import THRESHOLD, WIDTH_THRESHOLD

EPS = float(np.finfo(float).eps)


def build() -> System:
    """The fixed point and everything that is made from it."""
    s, weight = Column("eigenvalue", "s_j"), Column("weight", "b_j")
    n, m = (Count(name, letter, extended_nonnegative=True) for name, letter in (("samples", "n"), ("width", "m")))
    projection = random_projection(n, m, parameter("ridge", r"\lambda"), parameter("gain", r"\gamma"), s)
    t, r, slack = unknown("boundary", "t"), unknown("leakage", "r"), unknown("slack", r"\tau")
    return System(
        name="projected",
        parameters=(n, m, projection.ridge, projection.gain),
        columns=(s, weight),
        fixed_points=projection.fixed_points(),
        definitions={},
        outputs={
            t: projection.boundary,
            r: projection.leakage(t),
            slack: projection.slack(t),
            unknown("amplification", "u"): projection.amplification(t, r, slack),
            unknown("bias", "B"): projection.bias(weight, r, slack),
        },
    )


SYSTEM = build()
COMPILED = Compiled("projected", build, ())
LAW = {
    "multiplicity": np.array([3.0, 20.0, 7.0, 10.0]),
    "eigenvalue": np.array([30.0, 1.0, 0.2, 1e-4]),
    "weight": np.array([0.3, 2.0, 1.1, 5.0]),
}
RANK = 40
RIDGE, ABOVE = "ridge", "ridgeless, more samples than directions"
BELOW = "ridgeless, fewer samples or features than directions"


def given(n: float, m: float, ridge: float, gain: float = 0.7) -> dict[str, float]:
    return {"samples": n, "width": m, "ridge": ridge, "gain": gain}


def solved(n: float, m: float, ridge: float, gain: float = 0.7) -> tuple[Solution, ReferenceSolution]:
    """In double precision and to 50 digits."""
    return (
        solve_point(COMPILED, given(n, m, ridge, gain), LAW),
        solve_reference(SYSTEM, given(n, m, ridge, gain), LAW, 50),
    )


def degrees(kappa: Any) -> tuple[Any, Any]:
    """df1 and df2 at an effective ridge, in the current precision of mpmath."""
    rows = [(mp.mpf(m), mp.mpf(s)) for m, s in zip(LAW["multiplicity"], LAW["eigenvalue"], strict=True)]
    df1, df2 = (mp.fsum(m * (s / (s + kappa)) ** k for m, s in rows) for k in (1, 2))
    return df1, df2


CASES = [
    (25, 60, 0.3, RIDGE),
    (25, 26, 1e-9, RIDGE),
    (25, 25, 1e-9, RIDGE),
    (26, 25, 1e-12, RIDGE),
    (40, 40, 1e-9, RIDGE),
    (4000, 41, 1e-6, RIDGE),
    (1, 1, 1e6, RIDGE),
    (25, 60, 0.0, BELOW),
    (60, 25, 0.0, BELOW),
    (25, 26, 0.0, BELOW),
    (1, 4000, 0.0, BELOW),
    (41, 40, 0.0, ABOVE),
    (60, 4000, 0.0, ABOVE),
]
every_case = pytest.mark.parametrize(("n", "m", "ridge", "regime"), CASES)


@every_case
def test_the_unknowns_solve_the_stated_equations(n: int, m: int, ridge: float, regime: str) -> None:
    solution, exact = solved(n, m, ridge)
    assert solution.regimes == exact.regimes == ("gap", regime)
    assert solution.status == exact.status == "converged"
    assert solution.residual <= 16 * EPS
    assert solution.certificate <= 1e-12
    with mp.workdps(60):
        kappa, rho, mu = (exact.unknowns[k] for k in ("effective_ridge", "residual_fraction", "spare_width"))
        df1 = degrees(kappa)[0]
        assert abs(n * rho - (n - df1)) <= mp.mpf(10) ** -46 * n
        assert abs(m * mu - (m - df1)) <= mp.mpf(10) ** -46 * m
        assert abs(mp.mpf(0.7) * kappa * rho * mu - mp.mpf(ridge)) <= mp.mpf(10) ** -46 * max(ridge, 1e-30)
        for name in ("effective_ridge", "residual_fraction", "spare_width"):
            assert abs(solution.unknowns[name] - exact.unknowns[name]) <= 1e-13 * exact.unknowns[name]


@every_case
def test_amplification_and_bias_are_those_of_the_published_form(n: int, m: int, ridge: float, regime: str) -> None:
    """1 + u = n(b+t)/(ab+at+bt) and q = kappa t/(b+t), with a = n - df1, b = m - df1 as plain differences."""
    solution, exact = solved(n, m, ridge)
    with mp.workdps(60):
        kappa = exact.unknowns["effective_ridge"]
        df1, df2 = degrees(kappa)
        # At most one of the two differences vanishes in theory; what is left of it is rounding.
        a, b, t = (x if x > mp.mpf(10) ** -45 else mp.mpf(0) for x in (n - df1, m - df1, df1 - df2))
        u = n * (b + t) / (a * b + a * t + b * t) - 1 if b + t else n / a - 1
        q = kappa * t / (b + t) if b + t else mp.mpf(0)
        rows = [[mp.mpf(x) for x in row] for row in zip(*LAW.values(), strict=True)]
        bias = (1 + u) * mp.fsum(k * w * s * (kappa**2 + q * s) / (s + kappa) ** 2 for k, s, w in rows)
        assert abs(solution.outputs["amplification"] - u) <= 1e-13 * u
        assert abs(solution.outputs["bias"] - bias) <= 1e-13 * bias
        assert abs(kappa * exact.outputs["leakage"] - q) <= mp.mpf(10) ** -40 * q


@pytest.mark.parametrize(("n", "m"), [(25, 60), (25, 26), (60, 25), (39, 38), (25, 4000), (60, 90)])
def test_ridgeless_closed_forms(n: int, m: int) -> None:
    solution, exact = solved(n, m, 0.0)
    with mp.workdps(60):
        df1, df2 = degrees(exact.unknowns["effective_ridge"])
        t = df1 - df2
        if min(n, m) > RANK:
            u, leakage = mp.mpf(RANK) / (n - RANK), mp.mpf(0)
        elif m < n:
            u, leakage = mp.mpf(m) / (n - m), mp.mpf(1)
        else:
            u, leakage = df2 / (n - df2) + mp.mpf(n) / (m - n), t / (m - n + t)
        assert abs(solution.outputs["amplification"] - u) <= 1e-13 * u
        assert abs(solution.outputs["leakage"] - leakage) <= 1e-13 * leakage


@pytest.mark.parametrize("ridge", [0.0, 1e-12, 1e-3, 0.5, 1e6])
@pytest.mark.parametrize("n", [25, 39, 41, 4000])
def test_an_infinite_width_is_no_projection(n: int, ridge: float) -> None:
    infinite, exact = solved(n, np.inf, ridge, 1.0)
    assert infinite.unknowns["spare_width"] == 1.0
    assert infinite.outputs["leakage"] == 0.0
    with mp.workdps(60):
        kappa, rho = exact.unknowns["effective_ridge"], exact.unknowns["residual_fraction"]
        df1, df2 = degrees(kappa)
        assert abs(kappa * rho - mp.mpf(ridge)) <= mp.mpf(10) ** -46 * max(ridge, 1e-30)
        assert abs(n * rho - (n - df1)) <= mp.mpf(10) ** -46 * n
        assert abs(infinite.outputs["amplification"] - df2 / (n - df2)) <= 1e-13 * df2 / (n - df2)
    # Large widths approach it like 1/m.
    for m in (1e6, 1e9):
        wide = solve_point(COMPILED, given(n, m, ridge, 1.0), LAW)
        for name, value in infinite.outputs.items():
            if name != "leakage":
                assert wide.outputs[name] == pytest.approx(value, rel=1e4 / m, abs=1e-30), name


@pytest.mark.parametrize("ridge", [0.0, 1e-9, 0.3])
@pytest.mark.parametrize("m", [25, 41, 4000])
def test_infinitely_many_samples_amplify_nothing(m: int, ridge: float) -> None:
    infinite = solved(np.inf, m, ridge)[0]
    assert infinite.unknowns["residual_fraction"] == 1.0
    assert infinite.outputs["amplification"] == 0.0
    many = solve_point(COMPILED, given(2.0**50, m, ridge), LAW)
    assert many.outputs["bias"] == pytest.approx(infinite.outputs["bias"], rel=1e-11, abs=0)


@pytest.mark.parametrize("ridge", [0.0, 1e-9, 0.3])
@pytest.mark.parametrize(("n", "m"), [(25, 60), (25, 26), (39, 400)])
def test_samples_and_width_enter_the_fixed_point_alike(n: int, m: int, ridge: float) -> None:
    one, other = (solve_point(COMPILED, given(*pair, ridge), LAW).unknowns for pair in ((n, m), (m, n)))
    assert one["effective_ridge"] == pytest.approx(other["effective_ridge"], rel=8 * EPS)
    assert one["residual_fraction"] == pytest.approx(other["spare_width"], rel=16 * EPS)


@pytest.mark.parametrize("ridge", [1e-12, 1e-3, 0.7, 1e6])
@pytest.mark.parametrize(("n", "m"), [(60, 150), (150, 60), (99, 100), (100, 100), (300, 400)])
def test_an_isotropic_population_has_a_cubic(n: int, m: int, ridge: float) -> None:
    """The largest root of gamma k (1+k-phi)(1+k-d/m) = lambda (1+k)^2."""
    law = {"multiplicity": np.array([100.0]), "eigenvalue": np.array([1.0]), "weight": np.array([2.0])}
    kappa = solve_point(COMPILED, given(n, m, ridge), law).unknowns["effective_ridge"]
    with mp.workdps(50):
        lam, phi, psi, gamma = mp.mpf(ridge), mp.mpf(100) / n, mp.mpf(100) / m, mp.mpf(0.7)
        # gamma k (k + 1 - phi)(k + 1 - psi) - lambda (k + 1)^2
        first, second = 2 - phi - psi, (1 - phi) * (1 - psi)
        roots = mp.polyroots([gamma, gamma * first - lam, gamma * second - 2 * lam, -lam], maxsteps=500, extraprec=400)
        largest = max(mp.re(x) for x in roots if abs(mp.im(x)) < mp.mpf(10) ** -30 * (1 + abs(x)))
        assert abs(kappa - largest) <= 1e-13 * largest


@pytest.mark.parametrize(
    ("n", "m", "status"), [(40, 60, THRESHOLD), (40, 40, THRESHOLD), (25, 25, WIDTH_THRESHOLD), (1, 1, WIDTH_THRESHOLD)]
)
def test_thresholds_amplify_without_bound_and_say_so(n: int, m: int, status: str) -> None:
    solution, exact = solved(n, m, 0.0)
    assert solution.status == exact.status == status
    assert status.startswith("interpolation threshold")
    assert solution.outputs["amplification"] == np.inf
    assert mp.isinf(exact.outputs["amplification"])
    # Below the rank something stays unlearned, and is amplified too.
    assert solution.outputs["bias"] == (0.0 if n == RANK else np.inf)


def test_as_many_features_as_directions_are_no_threshold() -> None:
    at, beyond = (solve_point(COMPILED, given(60, m, 0.0), LAW) for m in (40, 4000))
    assert at.status == "converged"
    assert at.outputs["amplification"] == beyond.outputs["amplification"] == 2.0
    assert at.outputs["bias"] == 0.0
    near = solve_point(COMPILED, given(60, 40, 1e-14), LAW)
    assert near.outputs["amplification"] == pytest.approx(2.0, rel=1e-4)


def test_the_equations_are_covariant_under_a_change_of_unit() -> None:
    plain = solve_point(COMPILED, given(25, 31, 0.03), LAW)
    for factor in (2.0**-40, 2.0**30):
        scaled = solve_point(COMPILED, given(25, 31, 0.03 * factor), LAW | {"eigenvalue": factor * LAW["eigenvalue"]})
        kappa = plain.unknowns["effective_ridge"] * factor
        assert scaled.unknowns["effective_ridge"] == pytest.approx(kappa, rel=1e-14)
        assert scaled.outputs["amplification"] == pytest.approx(plain.outputs["amplification"], rel=1e-14)
        # A ridge and a gain that grow together leave everything as it is.
        gained = solve_point(COMPILED, given(25, 31, 0.03 * factor, 0.7 * factor), LAW)
        assert gained.outputs == pytest.approx(plain.outputs, rel=1e-14)
