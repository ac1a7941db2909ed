"""The reference has the digits that it was asked for; cusps are found where they are exact, and only there."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra import Atoms, FreeAdditivePower, MarchenkoPastur, SampleCovariance, Semicircle
from rmtcollapse.spectra import _curve as curve
from rmtcollapse.spectra._node import Leaf, Node
from rmtcollapse.spectra._reference import continued_exactly, cusp, reference_transform

COIN = Atoms([-1, 1])


def root(z: Any, low: Any, high: Any) -> Any:
    """sqrt((z - low)(z - high)), which is z at infinity."""
    return mpmath.sqrt(z - low) * mpmath.sqrt(z - high)


def marchenko_pastur(z: Any, c: Any) -> Any:
    low, high = (1 - mpmath.sqrt(c)) ** 2, (1 + mpmath.sqrt(c)) ** 2
    return (1 - c - z + root(z, low, high)) / (2 * c * z)


CLOSED: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "semicircle": (Semicircle(2.0), lambda z: (-z + root(z, -mpmath.sqrt(8), mpmath.sqrt(8))) / 4),
    "marchenko-pastur": (MarchenkoPastur(Fraction(1, 3)), lambda z: marchenko_pastur(z, mpmath.mpf(1) / 3)),
    "arcsine": (COIN + COIN, lambda z: -1 / root(z, -2, 2)),
    "angles": (Atoms([0, 1]) @ Atoms([0, 1]), lambda z: -1 / (2 * z) - 1 / (2 * root(z, 0, 1))),
    "kesten": (
        FreeAdditivePower(COIN, 5),  # Kesten 1959, four of five steps away from the root
        lambda z: (3 * z - 5 * root(z, -4, 4)) / (2 * (z * z - 25)),
    ),
}


@pytest.mark.parametrize("digits", [15, 40, 120])
@pytest.mark.parametrize("name", CLOSED)
def test_the_reference_has_its_digits(name: str, digits: int) -> None:
    law, closed = CLOSED[name]
    for z in (0.3 + 0.5j, 0.7 + 1e-9j, -1.5 + 1e-3j, 1e5 + 1j):
        found = law.reference(z, digits)
        with mpmath.workdps(digits + 40):
            true = closed(mpmath.mpmathify(z))
            assert abs(found - true) <= mpmath.mpf(10) ** (1 - digits) * abs(true)


@pytest.mark.parametrize("name", CLOSED)
def test_continuation_in_mpmath_reaches_what_doubles_do_not(name: str) -> None:
    """On both sides of edges at 1e-17 of their size and less, and real points on and off the support."""
    law, closed = CLOSED[name]
    edges = [end for interval in law.support() for end in interval if end]
    near = [complex(edge * (1 + sign * 2.0**-51)) for edge in edges for sign in (-1, 1)]
    for z in [*near, *(edge + 1e-18j for edge in edges), 0.3 + 0j, 1e3 + 0j, 0.5 + 1e-30j]:
        found = continued_exactly(law._root, z, 4.0)
        assert found is not None
        with mpmath.workdps(60):
            at = mpmath.mpmathify(z) if z.imag else mpmath.mpc(z.real, mpmath.mpf(10) ** -45 * abs(z.real))
            assert abs(found.m - closed(at)) <= mpmath.mpf(10) ** -30 * abs(found.m)


def test_continuation_refuses_poles_and_infinite_densities() -> None:
    for law, place in (
        (COIN + COIN, 2.0),
        (Atoms([0, 1], [0.25, 0.75]) @ Atoms([0, 1]), 0.0),
        (FreeAdditivePower(COIN, 1.25), 1.25),
    ):
        assert continued_exactly(law._root, complex(place), 2.0) is None  # type: ignore[attr-defined]


def test_the_working_precision_is_given_back() -> None:
    before = mpmath.mp.dps
    Semicircle().reference(1j, 70)
    assert mpmath.mp.dps == before


def test_what_does_not_converge_is_refused() -> None:
    law = curve.AddSemicircle(Leaf(np.zeros(1), np.ones(1)), Fraction(1))
    with pytest.raises(ConvergenceError, match="z = 2"):
        reference_transform(law, 2.0, np.array([0.9 + 0.4j]), 40)  # an edge: a double root


CUSPS = [
    (COIN + Semicircle(1.0), 0.0, 0.0),
    (COIN + 3.0 + Semicircle(1.0), 3.0, 0.0),
    (0.5 * (COIN + Semicircle(1.0)), 0.0, 0.0),
    # two atoms touch where the cube roots of c h t^2 add up to (t2 - t1)^(2/3): at u = 300
    (SampleCovariance(Atoms([125, 1000]), Fraction(98, 125)), 216.0, -1 / 336),
]


@pytest.mark.parametrize(("law", "x", "m"), CUSPS)
def test_exact_cusps_are_found(law: Any, x: float, m: float) -> None:
    start = law._solve(np.array([x + 1e-6j])).u[0, 0]
    found = cusp(law._root, x, complex(start))
    assert found is not None
    assert abs(found - m) <= 1e-15 * abs(m)
    assert law.density(x) == 0.0
    for away in (1e-12, 1e-6, 1e-2):
        assert cusp(law._root, x + away, complex(start)) is None


@pytest.mark.parametrize(("variance", "counts"), [(0.999999, [2]), (1.000001, [1]), (1 - 2.0**-52, [1, 2])])
def test_almost_touching_is_not_touching(variance: float, counts: list[int]) -> None:
    law: Any = COIN + Semicircle(variance)
    for start in (0.01j, 1e-3 + 0.01j, 0.3 + 0.01j):
        assert cusp(law._root, 0.0, start) is None
    assert len(law.support()) in counts


@pytest.mark.parametrize("node", [
    curve.AddPoisson(COIN._root, Fraction(1, 2), Fraction(1)),
    curve.AddFold(COIN._root, Fraction(3, 2), 0.0),
    curve.MixZero(curve.AddSemicircle(COIN._root, Fraction(1, 2)), Fraction(1, 3)),
    curve.MultiplyFold(Atoms([1, 2])._root, 3, 1.5),
    curve.Sum(COIN._root, COIN._root, [0.0, 0.0]),
    curve.AddSemicircle(Atoms([0.0])._root, Fraction(1)),
])  # fmt: skip
def test_laws_without_a_cusp_have_none(node: Node) -> None:
    for x, start in ((0.1, 0.3 + 0.1j), (0.0, 0.0j), (-2.0, -1.0 + 1e-3j)):
        assert cusp(node, x, start) is None
