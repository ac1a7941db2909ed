"""Certified points against roots of polynomials to 50 digits; wrong starts are refused."""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra import _curve as curve
from rmtcollapse.spectra import _solver as solver
from rmtcollapse.spectra._arithmetic import EPS
from rmtcollapse.spectra._node import Leaf
from rmtcollapse.spectra._real import branches, bulks

Array = NDArray[Any]


def exact(number: Any) -> Any:
    if isinstance(number, Fraction):
        return mpmath.mpf(number.numerator) / number.denominator
    return mpmath.mpf(float(number))


def in_u(*coefficients: Any) -> Polynomial:
    return Polynomial(np.array([exact(x) if isinstance(x, float | Fraction) else x for x in coefficients], object))


def parts(leaf: Leaf) -> tuple[Polynomial, Polynomial, Polynomial]:
    """N, T, D in u, with m = N/D and t = T/D."""
    factors = [in_u(float(x), -1.0) for x in leaf.places]
    others = [prod([*factors[:i], *factors[i + 1 :]], start=in_u(1.0)) for i in range(len(factors))]
    n = sum(p * exact(h) for h, p in zip(leaf.weights, others, strict=True))
    t = sum(p * exact(h) * exact(x) for h, x, p in zip(leaf.weights, leaf.places, others, strict=True))
    return n, t, prod(factors)


def polynomial(law: Any, z: Any) -> Polynomial:
    """What the first parameter satisfies at z."""
    n, t, d = parts(law.leaves[0])
    u, away = in_u(0.0, 1.0), in_u(-z, 1.0)
    if isinstance(law.children[0], curve.MultiplyPoisson):  # z = u (1 - c T/D) - v N/(D - c T)
        inner = d - t * exact(law.children[0].ratio)
        return u * inner * inner - n * d * exact(law.variance) - d * inner * z
    if isinstance(law, curve.AddSemicircle):  # z = u - v N/D
        return away * d - n * exact(law.variance)
    if isinstance(law, curve.AddPoisson):  # z = u + r j/(1 + j N/D)
        return away * (d + n * exact(law.jump)) + d * exact(law.rate * law.jump)
    if isinstance(law, curve.MultiplyPoisson):  # z = u (1 - c T/D)
        return away * d - u * t * exact(law.ratio)
    if isinstance(law, curve.AddFold):  # z = k u + (k - 1) D/N
        return in_u(-z, law.k) * n + d * exact(law.k - 1)
    if isinstance(law, curve.MultiplyFold):  # z = u (T/N)^(k-1)
        return u * t ** (law.k - 1) - n ** (law.k - 1) * z
    top, bottom = second(law, z)
    other = law.leaves[1]
    weights = other.weights * (1 if isinstance(law, curve.Sum) else other.places)
    factors = [bottom * exact(p) - top for p in other.places]
    others = [prod([*factors[:i], *factors[i + 1 :]], start=in_u(1.0)) for i in range(len(factors))]
    # sums of w/(p - P/Q) are Q times polynomials, and N/D or T/D have the same Q above
    return d * sum(p * exact(w) for w, p in zip(weights, others, strict=True)) - prod(factors)


def second(law: Any, z: Any) -> tuple[Polynomial, Polynomial]:
    """Numerator and denominator of the second parameter."""
    n, t, d = parts(law.leaves[0])
    if isinstance(law, curve.Sum):  # z = u1 + u2 + D/N
        return in_u(z, -1.0) * n - d, n
    return n * z, t  # z = u2 T/N


def points(law: Any, z: complex) -> tuple[list[Any], list[Any]]:
    """Parameters and m at the roots in the upper half plane: those whose arguments add up, and those that wind."""
    right, wrong = [], []
    with mpmath.workdps(50):
        at = mpmath.mpmathify(complex(z))
        coefficients = list(polynomial(law, at).coef)
        while abs(coefficients[-1]) < 1e-45:
            coefficients.pop()
        for root in mpmath.polyroots(coefficients[::-1], maxsteps=500, extraprec=400):
            if root.imag <= 1e-35:
                continue
            u = [root]
            if len(law.leaves) > 1:
                top, bottom = (p(root) for p in second(law, at))
                u.append(top / bottom)
            if min(x.imag for x in u) <= 1e-35 or max(map(abs, u)) > 1e15:
                continue
            trace: list[Any] = []
            here = solver.evaluate(law, [leaf.reference(x) for leaf, x in zip(law.leaves, u, strict=True)], trace)
            k = law.k if isinstance(law, curve.MultiplyFold) else 2
            turn = sum(map(mpmath.arg, u)) * k / len(u) + (k - 1) * (mpmath.arg(-here.t) - mpmath.arg(here.s))
            winds = isinstance(law, curve.MultiplyFold | curve.Product) and not -1e-9 < turn < mpmath.pi + 1e-9
            winds |= min(point.z.imag for _, point, _ in trace[:-1]) <= 0
            (wrong if winds or here.m.imag <= 0 else right).append((u, here.m))
    return right, wrong


def atoms(*pairs: tuple[float, float]) -> Leaf:
    return Leaf(np.array([x for x, _ in pairs], float), np.array([h for _, h in pairs]))


A, P = atoms((-1, 0.25), (0.5, 0.5), (2, 0.25)), atoms((0.25, 0.5), (1, 0.25), (3, 0.25))
Q, H = atoms((0, 0.25), (2, 0.75)), atoms((0.5, 0.25), (2, 0.75))
LAWS: dict[str, Any] = {
    "semicircle": curve.AddSemicircle(A, Fraction(1, 3)),
    "poisson": curve.AddPoisson(A, Fraction(3, 4), Fraction(-2, 5)),
    "marchenko-pastur": curve.MultiplyPoisson(P, Fraction(7, 3)),
    "hard edge": curve.MultiplyPoisson(A, Fraction(1)),
    "add-fold": curve.AddFold(A, Fraction(5, 2), 0.5),
    "multiply-fold": curve.MultiplyFold(P, 4, 1.125),
    "two steps": curve.AddSemicircle(curve.MultiplyPoisson(P, Fraction(3, 2)), Fraction(2, 5)),
    "sum": curve.Sum(A, Q, [0.5, 1.5]),
    "product": curve.Product(P, H, [1.125, 1.625]),
}
each_law = pytest.mark.parametrize("name", LAWS)


def off(found: Any, true: Any) -> float:
    return float(abs(mpmath.mpmathify(complex(found)) - true) / abs(true))


def near_edges(law: Any) -> Array:
    """Inside every bulk, and 1e-9 of the law's size above the axis on both sides of its edges."""
    found = bulks(law, branches(law))
    ends = np.array([(b.left, b.right) for b in found]).ravel()
    inward = np.tile([1.0, -1.0], len(found)) * np.repeat([b.right - b.left for b in found], 2)
    inside = [ends + share * inward + 0j for share in (1e-2, 1e-5, 1e-8)]
    return np.concatenate([*inside, ends + 1e-9j * ends[-1], ends - 1e-2 * inward + 1e-6j])


@each_law
def test_certified_points_are_right(name: str) -> None:
    law, rng = LAWS[name], np.random.default_rng(1)
    z = np.concatenate([rng.uniform(-3, 8, 8) + 1j * 10 ** np.linspace(-12, 1, 8), near_edges(law)])
    rough = solver.continued(law, z, 8.0)
    first, error = rough.m.copy(), rough.relative.copy()
    found = solver.polished(law, z, rough)
    for i in range(z.size):
        right, _ = points(law, z[i])
        assert len(right) == 1
        u, m = right[0]
        assert found.good[i] or m.imag < 2e-3  # in a bulk, or well above the axis
        if found.good[i]:
            assert all(off(a, b) <= 32 * EPS for a, b in zip(found.u[:, i], u, strict=True))
            assert off(found.m[i], m) <= 32 * EPS
            assert off(found.m[i].imag, m.imag) <= solver.FINE
            # before polishing, within the rounding that was stated
            assert off(first[i].imag, m.imag) <= 2 * error[i]


@each_law
def test_wrong_starts_are_refused_or_lead_to_the_point(name: str) -> None:
    law, rng = LAWS[name], np.random.default_rng(2)
    count = len(law.leaves)
    for z in (1.3 + 0.4j, 3.0 + 1e-6j, -2.0 + 1e-3j, 0.7 + 0j):
        right, wrong = points(law, z)
        starts = rng.uniform(-4, 8, (count, 300)) + 1j * rng.choice([-1, 1], (1, 300)) * 10 ** rng.uniform(
            -8, 1, (1, 300)
        )
        starts[:, :4] = np.array([np.nan, np.inf, 1j * np.inf, law.leaves[0].places[0]])
        winding = [[complex(x) for x in u] for u, _ in wrong]
        if z.imag == 0:
            winding += [[complex(x).conjugate() for x in u] for u, _ in right]
        starts = np.concatenate([starts, np.array(winding, complex).reshape(-1, count).T], 1)
        at = np.full(starts.shape[1], z)
        for found in (solver.refined(law, at, starts), solver.double_double_steps(law, at, starts)):
            assert not found.good[300:].any()
            assert np.all(found.relative[~found.good] == np.inf)
            for i in np.flatnonzero(found.good):
                assert all(off(a, b) <= 1e-8 for a, b in zip(found.u[:, i], right[0][0], strict=True))
                assert off(found.m[i], right[0][1]) <= 1e-8


def test_what_was_not_certified_is_refused_by_name() -> None:
    law, z = LAWS["semicircle"], np.array([0.5 + 1j, 0.5 + 0j, -40.0 + 0j, 41.0 + 0j])
    found = solver.continued(law, z, 3.0)
    assert found.good.tolist() == [True, True, False, False]
    with pytest.raises(ConvergenceError, match=r"z = -40\+0j \(2 of 4 points\)"):
        solver.refuse_failures(found, z)
    solver.refuse_failures(solver.continued(law, z[:2], 3.0), z[:2])
    assert solver.continued(law, z[:0], 3.0).m.size == 0


def test_speeds_are_derivatives_and_puts_keep_the_rest() -> None:
    for law in LAWS.values():
        h, z = 1e-4, np.array([1.0 + 0.5j])
        found = solver.continued(law, np.concatenate([z, z + h, z - h]), 8.0)
        np.testing.assert_allclose((found.u[:, 1] - found.u[:, 2]) / (2 * h), found.speed[:, 0], rtol=1e-5)
        before = solver.Solved.empty(len(law.leaves), 5)
        part = solver.continued(law, np.array([-900.0 + 0j, z[0]]), 8.0)
        before.put(np.array([3, 1]), part)
        assert before.good.tolist() == [False, True, False, False, False]
        assert before.m[1] == part.m[1]
        assert np.all(before.relative[[0, 2, 3, 4]] == np.inf)
