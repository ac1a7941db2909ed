"""Curves: each relation against the definition of its convolution by noncrossing partitions, and its identities."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from math import prod
from typing import Any

import mpmath
import numpy as np
import pytest
from sympy.combinatorics import Permutation
from sympy.utilities.iterables import multiset_partitions

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra import _curve as curve
from rmtcollapse.spectra._arithmetic import EPS
from rmtcollapse.spectra._node import Leaf, Node, Point
from rmtcollapse.spectra._solver import continued, evaluate, evaluate_potential, jets, values

ORDER = 6
Moments = list[Fraction]
ONES = [Fraction(1)] * ORDER


A = Leaf(np.array([-1.0, 0.5, 2.0]), np.array([0.25, 0.5, 0.25]))
P = Leaf(np.array([0.25, 1.0, 3.0]), np.array([0.5, 0.25, 0.25]))
Q = Leaf(np.array([0.0, 2.0]), np.array([0.25, 0.75]))


def raw(law: Leaf) -> Moments:
    atoms = [(Fraction(x), Fraction(h)) for x, h in zip(law.places, law.weights, strict=True)]
    return [sum((h * x**n for x, h in atoms), Fraction(0)) for n in range(1, ORDER + 1)]


@cache
def noncrossing(n: int) -> list[tuple[list[list[int]], list[list[int]]]]:
    """Noncrossing partitions of n points, with their Kreweras complements (Nica and Speicher 2006, lecture 9)."""
    turn = Permutation([(i + 1) % n for i in range(n)])
    pairs = [(pi, (~Permutation(pi, size=n) * turn).full_cyclic_form) for pi in multiset_partitions(list(range(n)))]
    return [pair for pair in pairs if sum(map(len, pair)) == n + 1]  # of genus 0


def convolved(cumulants: Moments, moments: Moments) -> Moments:
    """Moments of the free product of laws with these free cumulants and these moments."""
    return [
        sum(prod(cumulants[len(b) - 1] for b in pi) * prod(moments[len(b) - 1] for b in k) for pi, k in noncrossing(n))
        for n in range(1, ORDER + 1)
    ]


def cumulants_of(moments: Moments) -> Moments:
    kappa: Moments = []
    for n in range(1, ORDER + 1):
        kappa.append(Fraction(0))
        kappa[-1] = moments[n - 1] - convolved(kappa + [Fraction(0)] * (ORDER - n), ONES)[n - 1]
    return kappa


def with_cumulants(law: Leaf, change: Callable[[int, Fraction], Fraction]) -> Moments:
    return convolved([change(n, k) for n, k in enumerate(cumulants_of(raw(law)), 1)], ONES)


V, R, J, C, K = Fraction(2, 3), Fraction(3, 4), Fraction(-2, 5), Fraction(7, 3), Fraction(5, 2)
POISSON = [C ** (n - 1) for n in range(1, ORDER + 1)]  # cumulants of Marchenko-Pastur
MEAN = {law: float(raw(law)[0]) for law in (A, P, Q)}
FREE = cumulants_of(raw(P))
NODES: dict[str, tuple[Node, Moments]] = {
    "atoms": (A, raw(A)),
    "affine": (curve.AffineMap(A, V, -R), with_cumulants(A, lambda n, k: V**n * k - (R if n == 1 else 0))),
    "mix": (curve.MixZero(A, Fraction(1, 3)), [Fraction(2, 3) * m for m in raw(A)]),
    "semicircle": (curve.AddSemicircle(A, V), with_cumulants(A, lambda n, k: k + (V if n == 2 else 0))),
    "poisson": (curve.AddPoisson(A, R, J), with_cumulants(A, lambda n, k: k + R * J**n)),
    "marchenko-pastur": (curve.MultiplyPoisson(A, C), convolved(POISSON, raw(A))),
    "add-fold": (curve.AddFold(A, K, MEAN[A]), with_cumulants(A, lambda n, k: K * k)),
    "fold": (curve.MultiplyFold(P, 3, MEAN[P]), convolved(FREE, convolved(FREE, raw(P)))),
    "sum": (curve.Sum(A, Q, [MEAN[A], MEAN[Q]]), with_cumulants(A, lambda n, k: k + cumulants_of(raw(Q))[n - 1])),
    "product": (curve.Product(P, Q, [MEAN[P], MEAN[Q]]), convolved(cumulants_of(raw(P)), raw(Q))),
}
NONNEGATIVE = ["fold", "product"]
each_node = pytest.mark.parametrize("name", NODES)


def solved(node: Node, z: Any, trace: list[Any] | None = None) -> Point:
    """The point of a curve at an mpmath number z far from the support."""

    def points(u: Any) -> list[Point]:
        return [law.reference(x) for law, x in zip(node.leaves, u, strict=True)]

    def equations(*u: Any) -> list[Any]:
        steps: list[Any] = []
        here = evaluate(node, points(u), steps)
        return [here.z - z, *(c for n, _, below in steps if (c := n.constraint(*below)) is not None)]

    root = mpmath.findroot(equations, node.start(z), tol=mpmath.mpf(10) ** (-2 * mpmath.mp.dps + 20))
    return evaluate(node, points(root), trace)


@each_node
def test_the_four_functions_are_what_they_are_named(name: str) -> None:
    with mpmath.workdps(50):
        for z in (mpmath.mpc(9, 7), mpmath.mpc(-8, 11), mpmath.mpc(0, 30)):
            trace: list[Any] = []
            assert abs(solved(NODES[name][0], z, trace).z - z) < 1e-45
            for _, point, _ in trace:
                assert abs(point.t - 1 - point.z * point.m) + abs(point.s - 1 + point.t) < 1e-45


@each_node
def test_the_transform_far_out_has_the_moments_of_the_definition(name: str) -> None:
    r""":math:`-zm = 1 + m_1/z + m_2/z^2 + \dots`: a polynomial through points at a distance 1e12."""
    node, true = NODES[name]
    size = ORDER + 3
    with mpmath.workdps(200):
        z = [10**12 * mpmath.expjpi(mpmath.mpf(2 * j + 1) / (2 * size)) for j in range(size)]
        rows = mpmath.matrix([[x**-k for k in range(size)] for x in z])
        series = mpmath.lu_solve(rows, mpmath.matrix([-x * solved(node, x).m for x in z]))
        assert abs(series[0] - 1) < 1e-20
        for n in range(1, ORDER + 1):
            assert abs(series[n] - mpmath.mpf(true[n - 1].numerator) / true[n - 1].denominator) < 1e-20


@each_node
def test_starts_are_the_leading_order(name: str) -> None:
    node = NODES[name][0]
    signed = name not in NONNEGATIVE
    for law in (node, node.reflected()) if signed else (node,):
        for z in (1e5j, 1e5 + 1e5j):
            here, trace = jets(law, np.array([[u] for u in np.broadcast_arrays(*law.start(np.array([z])))])[:, 0])
            misses = [here.z.value - z, *(c.value * z**2 for n, _, b in trace if (c := n.constraint(*b)) is not None)]
            # the next order is a variance, over z for sums
            assert np.all(np.abs(misses) < (1e-3 if signed and name != "marchenko-pastur" else 4))


@each_node
def test_potentials_have_the_transform_as_derivative(name: str) -> None:
    node = NODES[name][0]
    z = np.array([0.3 + 0.7j, 1.5 + 0.2j, -2 + 1j, 4 + 0.5j, 30j])
    h = 2.0**-9
    at = (z[:, None] + h * np.arange(-2, 3)).ravel()
    found = continued(node, at, 4.0)
    assert found.good.all()
    U = evaluate_potential(node, found.u).reshape(5, 5)
    slope = U @ np.array([1, -8, 0, 8, -1]) / (12 * h)
    # the fifth derivative of U is at most 24/Im(z)^5; and rounding
    error = 24 / z.imag**5 * h**4 / 30 + 1e3 * EPS / h
    assert np.all(np.abs(slope + found.m.reshape(5, 5)[:, 2]) <= error)
    assert np.all((U.imag >= 0) & (U.imag <= np.pi))
    far = 1e6 + 1e6j
    at_far = continued(node, np.array([far]), 4.0)
    first = float(NODES[name][1][0])
    assert abs(evaluate_potential(node, at_far.u)[0] - np.log(far) + first / far) < 1e-10


@each_node
def test_reflection(name: str) -> None:
    node = NODES[name][0]
    if name in NONNEGATIVE:
        with pytest.raises(ParameterError, match="nonnegative"):
            node.reflected()
        return
    z = np.array([0.3 + 0.7j, 1.5 + 1e-3j, -2 + 1j, 7j])
    here, there = continued(node, z, 4.0), continued(node.reflected(), -z.conj(), 4.0)
    assert np.all(here.good & there.good)
    np.testing.assert_allclose(there.m, -here.m.conj(), rtol=1e-11)


@pytest.mark.parametrize("k", [2, 3, 5, 12])
def test_a_turn_is_another_branch(k: int) -> None:
    """Of the roots of a power in the upper half plane, one has arguments that add up: the one of the continuation."""
    node = curve.MultiplyFold(Leaf(np.array([1.0, 2.0]), np.array([0.5, 0.5])), k, 1.5)
    z = 1.5**k * (0.9 + 0.4j)
    found = continued(node, np.array([z]), 2.0**k).u[0, 0]
    # z = u (t/m)^(k-1) with m = (3/2 - u)/D and t = (2 - 3u/2)/D
    t, m = (np.poly1d(p) ** (k - 1) for p in ([-1.5, 2], [-1, 1.5]))
    roots = (t * np.poly1d([1, 0]) - z * m).roots
    upper = roots[roots.imag > 0]
    here, trace = jets(node, upper[None])
    good = node.admissible(values(here), *map(values, trace[-1][2]))
    assert upper.size > 1 or k == 2
    np.testing.assert_allclose(upper[good], [found], rtol=1e-8)


@pytest.mark.parametrize("node", [curve.AddSemicircle(A, V), curve.MultiplyPoisson(A, C)])
def test_poles_are_those_of_the_slope(node: Any) -> None:
    u = np.array([0.1, 1.0, -3.0 + 1j, 0.2j])
    slope = 1 - (node.poles(A) / (A.places - u[:, None]) ** 2).sum(1)
    np.testing.assert_allclose(jets(node, u[None])[0].z.slopes[0], slope, rtol=100 * EPS)


@pytest.mark.parametrize("size", [1, 5, 300])
def test_the_bounds_and_the_logarithm_of_atoms(size: int) -> None:
    rng = np.random.default_rng(size)
    law = Leaf(np.sort(rng.uniform(0, 3, size)), rng.dirichlet(np.ones(size)))
    u = rng.uniform(-1, 4, 8) + 1j * 10 ** rng.uniform(-9, 1, 8)
    found = law.jet(u, 0, 1)
    with mpmath.workdps(40):
        for i in range(8):
            true = law.reference(mpmath.mpmathify(complex(u[i])))
            for name in ("z", "m", "t", "s"):
                jet = getattr(found, name)
                assert abs(mpmath.mpmathify(complex(jet.value[i])) - getattr(true, name)) <= jet.bound[i]
            logarithm = sum(h * mpmath.log(true.z - x) for x, h in zip(law.places, law.weights, strict=True))
            assert abs(mpmath.mpmathify(complex(law.logarithm(u)[i])) - logarithm) <= (8 + size) * EPS
