"""Moments and free cumulants of curves against exact integers and fractions."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import comb
from typing import Any

import numpy as np
import pytest

from rmtcollapse.spectra import _curve as curve
from rmtcollapse.spectra._arithmetic import EPS
from rmtcollapse.spectra._node import Leaf, Node
from rmtcollapse.spectra._series import cumulants_of, moments, moments_of

Exact = Callable[[int], Any]
ORDER = 14


def catalan(n: int) -> int:
    return comb(2 * n, n) // (n + 1)


def narayana(n: int, k: int) -> int:
    return comb(n, k) * comb(n, k - 1) // n


def even(value: Exact) -> Exact:
    return lambda n: 0 if n % 2 else value(n // 2)


def semicircle(variance: Fraction) -> Exact:
    return even(lambda h: catalan(h) * variance**h)


def free_poisson(rate: Fraction, jump: Fraction) -> Exact:
    return lambda n: jump**n * sum(narayana(n, k) * rate**k for k in range(1, n + 1))


def floats(value: Exact, count: int = ORDER) -> np.ndarray:
    return np.array([float(value(n)) for n in range(1, count + 1)])


# moments and cumulants of laws for which both are known: Nica and Speicher 2006, lectures 11 and 12
KNOWN: dict[str, tuple[Exact, Exact]] = {
    "semicircle": (semicircle(Fraction(3)), lambda n: 3 if n == 2 else 0),
    "free Poisson": (free_poisson(Fraction(5, 2), Fraction(-2)), lambda n: Fraction(5, 2) * (-2) ** n),
    "coin": (even(lambda h: 1), even(lambda h: (-1) ** (h - 1) * catalan(h - 1))),
    "arcsine": (even(lambda h: comb(2 * h, h)), even(lambda h: 2 * (-1) ** (h - 1) * catalan(h - 1))),
    "constant": (lambda n: Fraction(7, 4) ** n, lambda n: Fraction(7, 4) if n == 1 else 0),
}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("count", [1, 2, 3, ORDER])
def test_moments_and_cumulants_of_known_laws(name: str, count: int) -> None:
    m, kappa = (floats(f, count) for f in KNOWN[name])
    # alternating sums over noncrossing partitions, of which there are catalan(n)
    slack = 8 * EPS * floats(catalan, count) * np.maximum.accumulate(np.abs(m) + np.abs(kappa) + 1)
    assert np.all(np.abs(moments_of(kappa) - m) <= slack)
    assert np.all(np.abs(cumulants_of(m) - kappa) <= slack)


def test_integers_stay_integers() -> None:
    """Below 2**53 the recursions of integers do not round."""
    catalans = floats(semicircle(Fraction(1)), 24)
    assert cumulants_of(catalans).tolist() == [0.0, 1.0] + [0.0] * 22
    assert moments_of(np.array([0.0, 1.0] + [0.0] * 22)).tolist() == catalans.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_round_trips(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kappa = rng.normal(size=10)
    np.testing.assert_allclose(
        cumulants_of(moments_of(kappa)), kappa, rtol=0, atol=1e5 * EPS * np.abs(kappa).max() ** 4
    )


ONE = Leaf(np.array([1.0]), np.ones(1))
ZERO = Leaf(np.array([0.0]), np.ones(1))
COIN = Leaf(np.array([-1.0, 1.0]), np.array([0.5, 0.5]))
HALF = Leaf(np.array([0.0, 1.0]), np.array([0.5, 0.5]))
TWO = Leaf(np.array([1.0, 3.0]), np.array([0.75, 0.25]))
V, R, J, C = Fraction(5, 4), Fraction(3, 2), Fraction(-1, 2), Fraction(7, 4)


def shifted(value: Exact, factor: Fraction, offset: Fraction) -> Exact:
    full: Exact = lambda n: value(n) if n else 1  # noqa: E731
    return lambda n: sum(comb(n, j) * factor**j * full(j) * offset ** (n - j) for j in range(n + 1))


def fuss_catalan(order: int) -> Exact:
    return lambda n: Fraction(comb((order + 1) * n, n), order * n + 1)


def powers_of_coin(k: Fraction) -> Exact:
    """Free cumulants k (0, 1, 0, -1, 0, 2): by the noncrossing partitions of 2, 4 and 6 points into even blocks."""
    return lambda n: {2: k, 4: 2 * k**2 - k, 6: 5 * k**3 - 6 * k**2 + 2 * k}.get(n, 0)


NODES: dict[str, tuple[Node, Exact, int]] = {
    "leaf": (TWO, lambda n: Fraction(3, 4) + Fraction(3**n, 4), ORDER),
    "complex nodes": (Leaf(np.array([1 + 1j, 1 - 1j]), np.array([0.5, 0.5])), lambda n: ((1 + 1j) ** n).real, 8),
    "affine": (curve.AffineMap(TWO, V, J), shifted(lambda n: Fraction(3 + 3**n, 4), V, J), ORDER),
    "mix": (curve.MixZero(TWO, Fraction(1, 4)), lambda n: Fraction(3, 4) * Fraction(3 + 3**n, 4), ORDER),
    "semicircle": (curve.AddSemicircle(ZERO, V), semicircle(V), ORDER),
    "semicircle, shifted": (curve.AddSemicircle(ONE, V), shifted(semicircle(V), Fraction(1), Fraction(1)), ORDER),
    "poisson": (curve.AddPoisson(ZERO, R, J), free_poisson(R, J), ORDER),
    "marchenko-pastur": (curve.MultiplyPoisson(ONE, C), free_poisson(1 / C, C), ORDER),
    "coin and semicircle": (
        curve.AddSemicircle(COIN, V),
        lambda n: {2: 1 + V, 4: 2 * (1 + V) ** 2 - 1, 6: 5 * (1 + V) ** 3 - 6 * (1 + V) + 2}.get(n, 0),
        7,
    ),
    "add-fold": (curve.AddFold(COIN, Fraction(7, 2), 0.0), powers_of_coin(Fraction(7, 2)), 7),
    "arcsine": (curve.Sum(COIN, COIN, [0.0, 0.0]), even(lambda h: comb(2 * h, h)), ORDER),
    "semicircles": (
        curve.Sum(curve.AddSemicircle(ZERO, V), curve.AddSemicircle(ZERO, R), [0.0, 0.0]),
        semicircle(V + R),
        ORDER,
    ),
    "angles": (curve.Product(HALF, HALF, [0.5, 0.5]), lambda n: Fraction(comb(2 * n, n), 2 * 4**n), ORDER),
    "fuss-catalan": (curve.MultiplyFold(curve.MultiplyPoisson(ONE, Fraction(1)), 3, 1.0), fuss_catalan(3), 10),
    "fuss-catalan, product": (
        curve.Product(
            curve.MultiplyPoisson(ONE, Fraction(1)),
            curve.MultiplyPoisson(curve.MultiplyPoisson(ONE, Fraction(1)), Fraction(1)),
            [1.0, 1.0],
        ),
        fuss_catalan(3),
        10,
    ),
    "scaled power": (
        curve.MultiplyFold(curve.AffineMap(curve.MultiplyPoisson(ONE, Fraction(1)), V, Fraction(0)), 2, 1.25),
        lambda n: V ** (2 * n) * fuss_catalan(2)(n),
        10,
    ),
}


@pytest.mark.parametrize("name", NODES)
@pytest.mark.parametrize("one", [False, True])
def test_moments_of_curves(name: str, one: bool) -> None:
    node, true, count = NODES[name]
    count = 1 if one else count
    exact = floats(true, count)
    # reversions and recursions alternate: their terms grow with the fourth power of a Catalan number's root
    size = np.maximum.accumulate(np.abs(exact) + 1)
    np.testing.assert_array_less(np.abs(moments(node, count) - exact), 64 * EPS * 6.0 ** np.arange(1, count + 1) * size)


def test_a_product_of_two_laws_to_second_order() -> None:
    """m_2 = m_2(a) m_1(b)^2 + m_1(a)^2 m_2(b) - m_1(a)^2 m_1(b)^2 (Voiculescu 1987), whatever the order."""
    a, b = (1.5, 3.0), (0.5, 0.5)
    true = [a[0] * b[0], a[1] * b[0] ** 2 + a[0] ** 2 * b[1] - (a[0] * b[0]) ** 2]
    np.testing.assert_allclose(moments(curve.Product(TWO, HALF, [a[0], b[0]]), 2), true, rtol=8 * EPS)
    np.testing.assert_allclose(moments(curve.Product(HALF, TWO, [b[0], a[0]]), 2), true, rtol=8 * EPS)
