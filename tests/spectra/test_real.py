"""The real axis off the support: edges against closed forms, polynomials and mpmath; parameters in every gap."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.polynomial import Polynomial

from rmtcollapse import spectra
from rmtcollapse.spectra import _curve as curve
from rmtcollapse.spectra._arithmetic import EPS
from rmtcollapse.spectra._node import Leaf
from rmtcollapse.spectra._real import branch_at, branches, bulks
from rmtcollapse.spectra._solver import evaluate

COIN, HALF = spectra.Atoms([-1, 1]), spectra.Atoms([0, 1])


def marchenko_pastur(c: Fraction) -> list[Any]:
    c = mpmath.mpf(c.numerator) / c.denominator
    return [(1 - mpmath.sqrt(c)) ** 2, (1 + mpmath.sqrt(c)) ** 2]


RATIOS = ("1/1000000", "999999999/1000000000", "1/3", "999/1000", "1", "1001/1000", "7", "1000000")
CLOSED: dict[str, tuple[Any, Any]] = {
    **{c: (spectra.MarchenkoPastur(Fraction(c)), lambda c=c: marchenko_pastur(Fraction(c))) for c in RATIOS},
    "semicircle": (spectra.Semicircle(2.0), lambda: [-mpmath.sqrt(8), mpmath.sqrt(8)]),
    "free Poisson": (spectra.FreePoisson(0.5, -2.0), lambda: [-3 - mpmath.sqrt(8), -3 + mpmath.sqrt(8)]),
    "arcsine": (COIN + COIN, lambda: [-2, 2]),
    "arcsine, folded": (spectra.FreeAdditivePower(COIN, 2), lambda: [-2, 2]),
    "Kesten": (spectra.FreeAdditivePower(COIN, 5), lambda: [-4, 4]),
    "atoms off the bulk": (spectra.FreeAdditivePower(COIN, 1.25), lambda: [-1, 1]),
    "angles of half spaces": (HALF @ HALF, lambda: [0, 1]),
    "atoms at an edge": (spectra.Atoms([0, 1], [0.25, 0.75]) @ spectra.Atoms([0, 1], [0.25, 0.75]), lambda: [0, 0.75]),
    "Fuss-Catalan": (spectra.FussCatalan(3), lambda: [0, mpmath.mpf(256) / 27]),
    "touching": (COIN + spectra.Semicircle(1.0), lambda: [-mpmath.sqrt(27) / 2, mpmath.sqrt(27) / 2]),
    "mirrored": (spectra.FreePoisson(1, -2.0), lambda: [-8, 0]),
    "negative": (spectra.Atoms([-2]) @ spectra.MarchenkoPastur(1), lambda: [-8, 0]),
    "shifted": (3 * spectra.Semicircle() - 7.0, lambda: [-13, -1]),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSED)
def test_edges_in_closed_form(name: str) -> None:
    law, true = CLOSED[name]
    with mpmath.workdps(40):
        left, right = true()
        (bulk,) = bulks(law._root, branches(law._root))
        size = max(abs(left), abs(right))
        for found, edge in ((bulk.left, left), (bulk.right, right)):
            # 32 digits at a parameter good to EPS, where z' = 0, rounded once; two laws may meet at a pole
            assert abs(found - edge) <= EPS * (size if len(law._root.leaves) > 1 else abs(edge) + EPS * size)


def test_hard_edges_are_exactly_zero() -> None:
    signed = spectra.Atoms([-1, -2, -4], [0.25, 0.25, 0.5]) @ spectra.MarchenkoPastur(1)
    assert signed.support()[0][1] == 0.0
    # z = -u^2 sum h/t + ... at u = 0, of which the sign is that of the gap's side
    assert (spectra.Atoms([-1, 2]) @ spectra.MarchenkoPastur(1)).support()[0][1] == 0.0
    assert (spectra.Atoms([-2, 1]) @ spectra.MarchenkoPastur(1)).support()[-1][0] == 0.0
    for law in (
        spectra.MarchenkoPastur(1),
        spectra.FussCatalan(5),
        spectra.SampleCovariance(spectra.Atoms([1, 2, 4], [0.25, 0.25, 0.5]), 1),
    ):
        assert law.support()[0][0] == 0.0


@pytest.mark.parametrize("seed", range(6))
def test_edges_beside_semicircles_are_rounded_once(seed: int) -> None:
    """Where z' = 0 for z = u - v m(u): by bisection in mpmath from the parameter."""
    rng = np.random.default_rng(seed)
    weights = (1 + rng.multinomial(2**20 - 4, rng.dirichlet(np.ones(4)))) / 2**20  # their sum is exactly 1
    law = spectra.Atoms(rng.normal(size=4), weights) + spectra.Semicircle(10 ** rng.uniform(-3, 0))
    leaf, variance = law._root.children[0], law._root.variance
    with mpmath.workdps(40):
        places = [(mpmath.mpf(x), mpmath.mpf(h)) for x, h in zip(leaf.places, leaf.weights, strict=True)]
        v = mpmath.mpf(variance.numerator) / variance.denominator
        for bulk in bulks(law._root, branches(law._root)):
            for x, u in ((bulk.left, bulk.left_u[0]), (bulk.right, bulk.right_u[0])):
                at = mpmath.findroot(lambda w: 1 - v * sum(h / (p - w) ** 2 for p, h in places), mpmath.mpf(float(u)))
                edge = at - v * sum(h / (p - at) for p, h in places)
                assert abs(x - edge) <= EPS * abs(edge)
                assert abs(u - at) <= 1e-13 * max(1, abs(at))


def polynomials(law: Leaf) -> tuple[Polynomial, Polynomial, Polynomial]:
    """N, T, D with m = N/D and t = T/D."""
    factors = [Polynomial([x, -1.0]) for x in law.places]
    others = [np.prod([*factors[:i], *factors[i + 1 :], Polynomial([1.0])]) for i in range(len(factors))]
    n = sum(h * p for h, p in zip(law.weights, others, strict=True))
    t = sum(h * x * p for h, x, p in zip(law.weights, law.places, others, strict=True))
    return n, t, np.prod(factors)


def inside(law: Any, x: float) -> bool:
    """Whether the relations of two laws of atoms have a solution in the upper half plane at a real x."""
    a, b = law.children
    n, t, d = polynomials(a)
    if isinstance(law, curve.Sum):
        above, below, weights = Polynomial([x, -1.0]) * n - d, n, b.weights
    else:
        above, below, weights = x * n, t, b.weights * b.places
    factors = [p * below - above for p in b.places]  # (p - u2) times `below`, where u2 = above/below
    others = [np.prod([*factors[:i], *factors[i + 1 :], Polynomial([1.0])]) for i in range(len(factors))]
    u = (d * sum(w * p for w, p in zip(weights, others, strict=True)) - np.prod(factors)).roots()
    u = u[u.imag > 1e-5]
    w, m = above(u) / below(u), n(u) / d(u)
    right = (w.imag > 1e-5) & (m.imag > 0)
    if isinstance(law, curve.Product):
        psi = -t(u) / d(u)
        right &= np.abs(np.angle(u) + np.angle(w) + np.angle(psi) - np.angle(1 + psi)) < 0.1
    return bool(right.any())


def solved(root: Any, x: float, start: Any) -> np.ndarray:
    """Parameters at x in mpmath, from an approximation."""

    def equations(*u: Any) -> list[Any]:
        trace: list[Any] = []
        here = evaluate(root, [leaf.reference(mpmath.mpc(p)) for leaf, p in zip(root.leaves, u, strict=True)], trace)
        return [here.z - x, *(c for node, _, below in trace if (c := node.constraint(*below)) is not None)]

    with mpmath.workdps(60):
        return np.array([complex(u).real for u in mpmath.findroot(equations, [float(u) for u in start])])


@pytest.mark.parametrize("kind", [curve.Sum, curve.Product])
@pytest.mark.parametrize("seed", range(5))
def test_bulks_are_where_the_polynomial_has_complex_roots(kind: Any, seed: int) -> None:
    rng = np.random.default_rng([seed, 7])
    leaves = [
        Leaf(np.sort(rng.uniform(0.1 if kind is curve.Product else -2, 4, k)), rng.dirichlet(2 * np.ones(k)))
        for k in (2, int(rng.integers(2, 4)))
    ]
    law = kind(*leaves, [float(leaf.weights @ leaf.places) for leaf in leaves])
    found = bulks(law, branches(law))
    ends = np.array([[b.left, b.right] for b in found])
    assert np.all(np.diff(ends.ravel()) > 0)
    width = ends[-1, 1] - ends[0, 0]
    for x in np.linspace(ends[0, 0] - 0.1 * width, ends[-1, 1] + 0.1 * width, 61):
        if np.min(np.abs(ends - x)) > 1e-2 * width and x > 0.01 * (kind is curve.Product):
            assert np.any((ends[:, 0] < x) & (x < ends[:, 1])) == inside(law, float(x))


GAPPED = [
    (4, spectra.Atoms([-3, 0, 2, 7]) + spectra.Semicircle(0.05)),
    (2, spectra.SampleCovariance(spectra.Atoms([1, 10]), 0.1)),
    (2, spectra.Atoms([-3, 0.5]) + spectra.Atoms([0, 1], [0.25, 0.75])),
    (2, spectra.Atoms([1, 50.0]) @ spectra.Atoms([1, 2.0])),
    (1, spectra.FreeAdditivePower(spectra.Atoms([-1, 5]), 1.25)),
    (1, spectra.FreeMultiplicativePower(spectra.Atoms([1, 90.0], [0.75, 0.25]), 2)),
    (1, spectra.FreeMultiplicativePower(spectra.Atoms([0, 3.0], [0.125, 0.875]), 7)),
    (1, spectra.FreeMultiplicativePower(spectra.Atoms([0, 9.125], [0.0625, 0.9375]), 6)),
]


@pytest.mark.parametrize(("count", "law"), GAPPED)
def test_every_gap_has_parameters(count: int, law: Any) -> None:
    root, found = law._root, branches(law._root)
    ends = [end for bulk in bulks(root, found) for end in (bulk.left, bulk.right)]
    size = ends[-1] - ends[0]
    assert len(ends) == 2 * count
    outer = [(ends[0] - 3 * size, ends[0]), (ends[-1], ends[-1] + 3 * size)]
    places = [x for x, _ in law.atoms()]
    for low, high in [*outer, *zip(ends[1:-1:2], ends[2:-1:2], strict=True)]:
        for share in (1e-6, 0.1, 0.5, 0.9, 1 - 1e-6):
            x = low + share * (high - low)
            if any(low < place < high for place in places):
                continue
            u = branch_at(root, found, x)
            assert u is not None
            true = solved(root, x, u)
            assert np.all(np.abs(u - true) <= 1e-10 * np.maximum(np.abs(true), size))
    for low, high in zip(ends[::2], ends[1::2], strict=True):
        for share in (0.01, 0.5, 0.99):
            assert branch_at(root, found, low + share * (high - low)) is None
