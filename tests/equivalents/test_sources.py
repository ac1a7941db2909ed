"""Several sources: the published equations solved plainly, closed forms, the engine's elimination and its enclosure."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse import ConvergenceError
from rmtcollapse.equations.generate import numpy_module
from rmtcollapse.equations.matrices import MatrixParameter, MatrixSystem
from rmtcollapse.equations.operations import MPMATH, NUMPY
from rmtcollapse.equations.symbols import unknown
from rmtcollapse.equivalents.sources import sources_system
from rmtcollapse.equivalents.sources_solver import solve_sources
from rmtcollapse.equivalents.sources_state import Sources, solve_dominant
from rmtcollapse.equivalents.thresholds import THRESHOLD

EPS = float(np.finfo(float).eps)


def wishart(d: int, rng: np.random.Generator, rank: int | None = None) -> np.ndarray:
    root = rng.standard_normal((d, rank or 2 * d))
    return np.asarray(root @ root.T / root.shape[1])


def sources(rows: tuple[int, ...], d: int, ridge: float, seed: int = 0) -> Sources:
    rng = np.random.default_rng(seed)
    covariances = np.array([wishart(d, rng) for _ in rows])
    return Sources(covariances, np.array(rows, float), float(sum(rows)), ridge, wishart(d, rng))


def published(given: Sources, rounds: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """v_k = 1/(1 + tr(S_k R)/N), R = (lambda + sum p_k v_k S_k)^-1 by damped iteration, then v' from K equations."""
    p, N, d = given.fractions, given.samples, len(given.metric)
    v = np.ones(len(p))
    for _ in range(rounds):
        R = np.linalg.inv(given.ridge * np.eye(d) + np.tensordot(p * v, given.covariances, 1))
        v = 0.5 * v + 0.5 / (1 + np.array([np.trace(s @ R) for s in given.covariances]) / N)
    H = np.array([[q * a**2 * np.trace(s @ R @ t @ R) / N for q, t in zip(p, given.covariances, strict=True)]
                  for a, s in zip(v, given.covariances, strict=True)])  # fmt: skip
    right = [a**2 * np.trace(s @ R @ given.metric @ R) / N for a, s in zip(v, given.covariances, strict=True)]
    return v, np.linalg.solve(np.eye(len(p)) - H, right), R


@pytest.mark.parametrize("ridge", [0.05, 0.7])
@pytest.mark.parametrize("rows", [(9, 15), (4, 3), (30, 40), (5, 12, 9), (17,)])
def test_unknowns_are_those_of_the_published_equations(rows: tuple[int, ...], ridge: float) -> None:
    given = sources(rows, 12, ridge)
    solution = solve_sources(given)
    v, slopes, _ = published(given)
    np.testing.assert_allclose(ridge / solution.scales, v, rtol=1e-12)
    np.testing.assert_allclose(solution.leverages, slopes, rtol=1e-11)
    assert 0 < solution.certificate < 1e-12
    assert (solution.regime, solution.status, solution.epsilon) == ("ridge", "converged", 1.0)


@pytest.mark.parametrize("rows", [(9, 15), (5, 12, 9)])
def test_values_are_those_of_the_published_formulas(rows: tuple[int, ...]) -> None:
    """Bias, variance, cross term and zeta as four traces, with their subtractions."""
    d, ridge, rng = 12, 0.15, np.random.default_rng(1)
    given = sources(rows, d, ridge)
    v, slopes, R = published(given)
    p, S, M = given.fractions, given.covariances, given.metric
    target, shifts, noise = rng.standard_normal(d), rng.standard_normal((len(p), d)), rng.uniform(0.1, 1, len(p))
    D = R @ (M + np.tensordot(p * slopes, S, 1)) @ R
    expected = {"bias": ridge**2 * target @ D @ target, "variance": np.sum(p * noise * slopes), "cross": 0.0}
    expected["zeta"] = sum(a * b * x @ s @ x for a, b, x, s in zip(p, slopes, shifts, S, strict=True))
    for k, x in enumerate(shifts):
        expected["cross"] -= 2 * ridge * p[k] * target @ (v[k] * D - slopes[k] * R) @ S[k] @ x
        for j, y in enumerate(shifts):
            middle = v[k] * v[j] * S[k] @ D @ S[j] - (v[k] * slopes[j] + slopes[k] * v[j]) * S[k] @ R @ S[j]
            expected["zeta"] += p[k] * p[j] * x @ middle @ y
    expected["test_error"] = sum(expected.values())
    found = evaluated(given, target, shifts, noise)
    assert found == pytest.approx(expected, rel=1e-10)


def evaluated(given: Sources, target: np.ndarray, shifts: np.ndarray, noise: np.ndarray) -> dict[str, float]:
    solution, count = solve_sources(given), len(given.rows)
    values: dict[str, Any] = {
        "dimension": len(target), "samples": given.samples, "metric": given.metric, "target": target[:, None],
        "ridge": solution.ridge, "epsilon": solution.epsilon, "unseen": solution.unseen,
    }  # fmt: skip
    for k in range(count):
        values |= {f"rows_{k + 1}": given.rows[k], f"noise_variance_{k + 1}": noise[k]}
        values |= {f"covariance_{k + 1}": given.covariances[k], f"shift_{k + 1}": shifts[k][:, None]}
        values |= {f"scale_{k + 1}": solution.scales[k], f"leverage_{k + 1}": solution.leverages[k]}
    space: dict[str, Any] = {}
    exec(numpy_module(sources_system(count)), space)
    relations, outputs = space["evaluate"](values, NUMPY)
    assert all(left == pytest.approx(right, rel=1e-12) for left, right in relations)
    return {name: float(value) for name, value in outputs.items()}


@pytest.mark.parametrize("rows", [(9, 15), (4, 3), (5, 4, 2), (20, 40, 30)])
def test_without_a_ridge_it_is_the_limit_of_small_ones(rows: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    target, shifts, noise = (
        rng.standard_normal(12),
        rng.standard_normal((len(rows), 12)),
        rng.uniform(0.1, 1, len(rows)),
    )
    limit = evaluated(sources(rows, 12, 0.0), target, shifts, noise)
    near = evaluated(sources(rows, 12, 1e-10), target, shifts, noise)
    assert near == pytest.approx(limit, rel=1e-7, abs=1e-8)
    regime = solve_sources(sources(rows, 12, 0.0)).regime
    assert regime == f"ridgeless, {'more' if sum(rows) > 12 else 'fewer'} samples than directions"


@pytest.mark.parametrize("ridge", [0.0, 1e-9, 0.3])
@pytest.mark.parametrize("n", [5, 30])
def test_one_source_is_one_resolvent(n: int, ridge: float) -> None:
    s = np.array([3.0, 1.0, 0.5, 0.5, 0.5, 0.2, 0.1, 0.1])
    solution = solve_sources(Sources(np.diag(s)[None], np.array([float(n)]), float(n), ridge, np.diag(s)))
    kappa = float(solution.epsilon * solution.scales[0])
    learned = s / (s + kappa)
    assert n - learned.sum() == pytest.approx(n * (solution.ridge / solution.scales[0]), rel=1e-12, abs=1e-12)
    assert kappa * solution.ridge / solution.scales[0] == pytest.approx(ridge, rel=1e-12)
    amplification = np.sum(learned**2) / (n - np.sum(learned**2))
    assert solution.leverages[0] == pytest.approx(amplification, rel=1e-12)


def test_the_threshold_and_what_cannot_be_determined() -> None:
    solution = solve_sources(sources((5, 7), 12, 0.0))
    assert solution.status == THRESHOLD
    assert np.all(np.isinf(solution.leverages))
    # One source has rows to spare in its own directions, the other has not enough in its own.
    halves = np.array([np.diag([1.0] * 6 + [0.0] * 6), np.diag([0.0] * 6 + [1.0] * 6)])
    apart = Sources(halves, np.array([20.0, 3.0]), 23.0, 0.0, np.eye(12))
    with pytest.raises(ConvergenceError, match=r"\Aseveral sources: [^\n]+give a ridge"):
        solve_sources(apart)
    assert solve_sources(Sources(halves, apart.rows, 23.0, 1e-6, np.eye(12))).certificate < 1e-11


@pytest.mark.parametrize("ridge", [1e-12, 1e-9, 1e-6])
def test_at_the_threshold_small_ridges_keep_their_precision(ridge: float) -> None:
    """The sum of n_k lambda/kappa_k is epsilon tr Q there, of the size of the root of the ridge."""
    given = sources((5, 7), 12, ridge)
    solution = solve_sources(given)
    with mp.workdps(60):
        covariances = [mp.matrix(s.tolist()) for s in given.covariances]

        def defects(*kappa: Any) -> list[Any]:
            mixed = mp.eye(12)
            for n, k, s in zip((5, 7), kappa, covariances, strict=True):
                mixed += mp.mpf(n) / 12 / k * s
            Q = mixed**-1
            traces = [mp.fsum((s * Q)[i, i] for i in range(12)) for s in covariances]
            return [1 - (mp.mpf(ridge) + t / 12) / k for t, k in zip(traces, kappa, strict=True)]

        exact = mp.findroot(defects, [mp.mpf(x) for x in solution.scales], solver="mdnewton", tol=mp.mpf(10) ** -60)
        assert max(abs(x - y) / y for x, y in zip(solution.scales, exact, strict=True)) <= 1e-12


def test_elimination_without_subtraction() -> None:
    """Deficits of 1e-14 beside rows of one: the solution is known to rounding all the same."""
    rng = np.random.default_rng(0)
    H = rng.uniform(0, 1, (5, 5))
    H /= 2 * H.sum(axis=1, keepdims=True)
    for deficit in (0.5, 1e-14):
        off = H - np.diag(np.diag(H))
        deficits = np.full(5, deficit)
        with mp.workdps(40):
            diagonal = [mp.mpf(deficit) + mp.fsum(map(mp.mpf, row)) for row in off]
            exact = mp.lu_solve(mp.diag(diagonal) - mp.matrix(off.tolist()), mp.matrix([1, 2, 3, 4, 5]))
        found = solve_dominant(H, deficits, np.arange(1.0, 6.0))
        assert all(abs(x - y) <= 64 * EPS * y for x, y in zip(found, exact, strict=True))


# ---- systems of matrices -----------------------------------------------------------------------------------------


def test_one_module_serves_both_arithmetics() -> None:
    given = sources((9, 15), 4, 0.2)
    space: dict[str, Any] = {}
    exec(numpy_module(sources_system(2)), space)
    rng = np.random.default_rng(3)
    values: dict[str, Any] = {
        "dimension": 4, "samples": 24.0, "ridge": 0.2, "epsilon": 1.0, "metric": given.metric,
        "unseen": np.zeros((4, 4)), "target": rng.standard_normal((4, 1)),
    }  # fmt: skip
    for k in (1, 2):
        values |= {f"rows_{k}": given.rows[k - 1], f"noise_variance_{k}": 0.3, f"scale_{k}": 0.4}
        values |= {f"leverage_{k}": 0.7, f"covariance_{k}": given.covariances[k - 1]}
        values[f"shift_{k}"] = rng.standard_normal((4, 1))
    precise = {n: mp.matrix(np.asarray(v).tolist()) if np.ndim(v) else mp.mpf(v) for n, v in values.items()}
    (left, outputs), (right, exact) = space["evaluate"](values, NUMPY), space["evaluate"](precise, MPMATH)
    for name in outputs:
        assert float(outputs[name]) == pytest.approx(float(exact[name]), rel=1e-13)
    for (a, b), (c, e) in zip(left, right, strict=True):
        assert (float(a), float(b)) == pytest.approx((float(c), float(e)), rel=1e-13)


def test_a_system_declares_all_that_it_uses() -> None:
    d, x = unknown("dimension", "d"), unknown("scale", "x")
    S, T = (MatrixParameter(name, d, d, name) for name in ("S", "T"))
    import sympy as sp

    statement = (sp.Eq(x, sp.Trace(S * T), evaluate=False),)
    with pytest.raises(ValueError, match="undeclared symbols"):
        MatrixSystem("some", (d, S), (x,), {}, statement, {})
    with pytest.raises(ValueError, match="2 unknowns, 1 relations"):
        MatrixSystem("some", (d, S, T), (x, unknown("other", "y")), {}, statement, {})
    printed = MatrixSystem("some", (d, S, T), (x,), {}, statement, {}).latex()
    assert r"x &= \operatorname{tr}\left[S T\right]" in printed
