"""The certificate of a solution: what it says is true of finite matrices, and what it accepts is unique."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rmtcollapse import derive as dv
from rmtcollapse.derive.certificate import spectral_radius
from rmtcollapse.derive.dyson import Array, Equation, equation
from rmtcollapse.derive.letters import Dim
from rmtcollapse.derive.matrices import measure
from rmtcollapse.derive.solver import newton, resolvent

from .cases import d, m, n, z

A, B = dv.commuting("A B", d)
I = dv.identity(d)
X = dv.gaussian("X", n, d, variance=1 / n, colcov=A)
Y = dv.gaussian("Y", m, d, variance=1 / m)
V, W = dv.gaussian("V", d, d, variance=1 / d), dv.symmetric("W", d, variance=1 / d)
u = (np.arange(4) + 0.5) / 4
NUMBERS = {n: 12, m: 8, d: 8, A: u + 0.2, B: 2 * u - 1}
MATRICES = {
    "sample covariance": X.T * X,
    "not Hermitian": B * X.T * X + 0.7 * V,
    "Wigner and a square": W * A * W - 0.5 * Y.T * Y,
    "nested": X.T * X * (Y.T * Y + I).inv() + 0.3 * (V + V.T),
    "commutator": 1.3 * X.T * X * Y.T * Y + 0.4 * W,
}


def numbers_of(derived: Any, at: complex, factor: int = 1) -> dict[Any, Any]:
    sizes = {k: v * factor for k, v in NUMBERS.items() if k in (n, m, d)}
    return {k: v for k, v in {**NUMBERS, **sizes, z: at}.items() if k in derived.symbols}


def parts_of(derived: Any, numbers: Any) -> list[Equation]:
    binding = derived.bound(numbers)
    return [equation(derived.pencil, binding, wires) for wires in derived.pencil.components]


def covariance_map(part: Equation, G: dict[Dim, Array], R: dict[Dim, Array]) -> dict[Dim, Array]:
    """T[R] = G E[N R N*] G*, atom by atom, from the definition."""
    inside = {t: np.zeros_like(g) for t, g in G.items()}
    for a in part.strands:
        for b in part.strands:
            if a.entry.runs_beside(b.entry) and a.row[0] == b.row[0]:
                block = R[a.column[0]][:, a.column[1], b.column[1]]
                scalar = np.sum(a.variance * a.inner * np.conj(b.inner) * block)
                inside[a.row[0]][:, a.row[1], b.row[1]] += scalar * a.outer * a.covariance * np.conj(b.outer)
    return {t: g @ inside[t] @ np.conj(np.swapaxes(g, 1, 2)) for t, g in G.items()}


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.filterwarnings("ignore::rmtcollapse.derive.SharedLetterWarning")
@pytest.mark.parametrize("at", [0.3 + 1.2j, -1.2 + 2.0j])
def test_the_radius_and_the_mean_square_of_the_inverse(name: str, at: complex) -> None:
    """R = GbG* + T[R] is E L^{-1}bL^{-*}: for b the place of the inverse, its corner is the mean of M^{-1}M^{-*}."""
    H, conjugate = MATRICES[name], dv.scalar("conjugate")
    derived = dv.derive(dv.trace((H - z * I).inv()) / d)
    outer = next(i for i, wire in enumerate(derived.pencil.wires) if wire.inverse is not None)
    part = next(p for p in parts_of(derived, numbers_of(derived, at)) if outer in p.place)
    solved = resolvent(part)
    assert solved is not None
    dimension, i = part.place[outer]
    T = {t: np.zeros_like(g) for t, g in solved.G.items()}
    column = solved.G[dimension][:, :, i]
    T[dimension] = column[:, :, None] * np.conj(column)[:, None, :]
    R, sizes = T, []
    for _ in range(400):
        T = covariance_map(part, solved.G, T)
        R = {t: R[t] + T[t] for t in R}
        sizes.append(sum(np.abs(t).sum() for t in T.values()))
    growth = (sizes[159] / sizes[99]) ** (1 / 60)  # the map may turn blocks in a circle of up to four
    assert growth == pytest.approx(solved.radius, rel=5e-3)
    # Drawn with complex entries, in which a transpose is the adjoint.
    square = dv.derive(dv.trace((H - z * I).inv() * (H.T - conjugate * I).inv()) / d)
    binding = square.bound({**numbers_of(square, at, 24), conjugate: at.conjugate()})
    draws = [measure(square.expression, binding, np.random.default_rng(seed), True).real for seed in range(4)]
    assert R[dimension][:, i, i].mean().real == pytest.approx(np.mean(draws), rel=0.03)


@pytest.mark.parametrize("name", MATRICES)
def test_no_two_solutions_are_accepted(name: str) -> None:
    """Newton's method from anywhere: of all that it finds, one has a radius below 1, and it is the one returned."""
    derived = dv.derive(dv.trace((MATRICES[name] - z * I).inv()) / d)
    rng, rejected = np.random.default_rng(3), 0
    for at in (0.3 + 0.02j, 1.1 + 0.3j, -0.8 + 0.1j):
        for part in parts_of(derived, numbers_of(derived, at)):
            chosen, size = resolvent(part), len(part.unknowns)
            for _ in range(12):
                start = (rng.normal(size=size) + 1j * rng.normal(size=size)) * 10 ** rng.uniform(-1, 1.5)
                try:
                    with np.errstate(all="ignore"):
                        found = newton(part, start)
                except np.linalg.LinAlgError:
                    continue
                if found is None or size == 0:
                    continue
                G = part.resolvents(found[0])
                if np.abs(part.measured(G, size)[0] - found[0]).max() > 1e-9 * np.abs(found[0]).max():
                    continue
                if spectral_radius(part, G) < 1:
                    assert chosen is not None
                    assert found[0] == pytest.approx(chosen.unknowns, rel=1e-6, abs=1e-9)
                else:
                    rejected += 1
    assert rejected > 0


def test_the_sweep_along_the_axis_in_which_a_point_was_lost() -> None:
    """At a height of 1e-4 Newton's method alone meets the mirror solution, or none, at some of 200 points.

    Of the two solutions of Marchenko and Pastur's quadratic the radius accepts the one in the upper half-plane.
    """
    data = dv.gaussian("X", n, d)
    derived = dv.derive(dv.trace((data.T * data / n - z * I).inv()) / d)
    mirrored = lost = 0
    for x in np.linspace(0.02, 4.0, 200):
        numbers = {n: 160, d: 120, z: complex(x, 1e-4)}
        (part,) = parts_of(derived, numbers)
        try:
            found = newton(part, np.zeros(2, dtype=complex))
        except np.linalg.LinAlgError:
            found = None
        accepted = False
        if found is not None:
            G = part.resolvents(found[0])
            accepted = spectral_radius(part, G) < 1
            assert accepted == (G[d][:, 0, 0].mean().imag > 0)
        lost += found is None
        mirrored += found is not None and not accepted
        if not accepted:
            value = derived.theory(numbers)["value"]
            assert value.imag > 0
            assert abs(numbers[z] * 0.75 * value**2 - (0.25 - numbers[z]) * value + 1) < 1e-11 * abs(value)
    assert mirrored > 0
    assert lost > 0
