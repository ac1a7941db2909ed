"""Points off the bulks against closed forms: above the axis by anything, in gaps, at edges and poles."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra import Atoms, FreeAdditivePower, MarchenkoPastur, SampleCovariance, Semicircle
from rmtcollapse.spectra._arithmetic import EPS
from rmtcollapse.spectra._upper import solve_upper

COIN, HALF = Atoms([-1, 1]), Atoms([0, 1])


def root(z: Any, low: Any, high: Any) -> Any:
    """sqrt((z - low)(z - high)), which is z at infinity."""
    return mpmath.sqrt(z - low) * mpmath.sqrt(z - high)


def marchenko_pastur(z: Any, c: Any) -> Any:
    return (1 - c - z + root(z, (1 - mpmath.sqrt(c)) ** 2, (1 + mpmath.sqrt(c)) ** 2)) / (2 * c * z)


def two_semicircles(z: Any) -> Any:
    """u - z = v m(u) for atoms at -1 and 1, v = 1/4: the cubic's root in the upper half plane, or that near z."""
    roots = mpmath.polyroots([1, -z, -mpmath.mpf(3) / 4, z], maxsteps=500, extraprec=2000)
    u = max(roots, key=lambda w: w.imag) if mpmath.im(z) else min(roots, key=lambda w: abs(w - z))
    return 4 * (u - z)


LAWS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "semicircle": (Semicircle(2.0), lambda z: (root(z, -mpmath.sqrt(8), mpmath.sqrt(8)) - z) / 4),
    "flat": (MarchenkoPastur(Fraction(4)), lambda z: marchenko_pastur(z, mpmath.mpf(4))),
    "hard edge": (MarchenkoPastur(1), lambda z: marchenko_pastur(z, mpmath.mpf(1))),
    "kesten": (FreeAdditivePower(COIN, 5), lambda z: (3 * z - 5 * root(z, -4, 4)) / (2 * (z * z - 25))),
    "two bulks": (COIN + Semicircle(0.25), two_semicircles),
    "arcsine": (COIN + COIN, lambda z: -1 / root(z, -2, 2)),
    "angles": (HALF @ HALF, lambda z: -1 / (2 * z) - 1 / (2 * root(z, 0, 1))),
}
each_law = pytest.mark.parametrize("name", LAWS)


def compare(law: Any, closed: Callable[[Any], Any], z: np.ndarray, digits: int = 60) -> None:
    found = law._solve(z)
    assert found.good.all()
    with mpmath.workdps(digits):
        for i in range(z.size):
            true = closed(mpmath.mpc(z[i]))
            m = mpmath.mpmathify(complex(found.m[i]))
            assert abs(m - true) <= 64 * EPS * abs(true)
            if z[i].imag:
                assert abs(m.imag - true.imag) <= 1e-11 * true.imag


@each_law
def test_points_above_the_axis(name: str) -> None:
    law, closed = LAWS[name]
    ends = np.array(law.support()).ravel()
    width = ends[-1] - ends[0]
    x = ends[0] + width * np.array([-3, -0.1, 0.03, 0.4, 0.77, 1.2])
    compare(law, closed, (x[:, None] + 1j * width * 10.0 ** np.array([-18, -12, -6, -1, 3])).ravel(), 120)
    compare(law, closed, 1e3 * ends[-1] + 1j * width * 10.0 ** np.array([-12, -3, 3, 9]))


@each_law
def test_points_above_edges(name: str) -> None:
    law, closed = LAWS[name]
    ends = np.array([end for end in np.array(law.support()).ravel() if end])
    width = ends[-1] - ends[0] or 1.0
    aside = (ends[:, None] + width * np.array([-1e-6, -1e-3, 1e-3, 1e-6])).ravel()
    compare(law, closed, (aside[:, None] + 1j * width * 10.0 ** np.array([-12, -9, -5])).ravel(), 120)
    for y in (1e-2, 1e-5, 1e-8):
        # the edge is rounded, which the square root beside it shows
        found = law._solve(ends + 1j * y * width).m
        with mpmath.workdps(60):
            for end, m in zip(ends, found, strict=True):
                true = closed(mpmath.mpc(end, y * width))
                assert abs(mpmath.mpmathify(complex(m)) - true) <= 1e-13 * abs(true)


@pytest.mark.parametrize("height", [1e-12, 1e-14, 1e-16])
@each_law
def test_points_next_to_edges(name: str, height: float) -> None:
    """Where neither the continuation nor the bulk below gets through: the square root of the edge itself does."""
    law, closed = LAWS[name]
    ends = np.array(law.support())
    for end in ends.ravel():
        z = end + (ends[-1, 1] - ends[0, 0]) * (np.array([-1e-13, 0, 1e-13]) + 1j * height)
        found = law._solve(z)
        assert found.good.all()
        with mpmath.workdps(60):
            for i in range(3):
                true = closed(mpmath.mpc(z[i]))
                # the edge is known to its own rounding
                near = abs(end) * EPS / max(abs(z[i] - end), abs(end) * EPS)
                assert abs(mpmath.mpmathify(complex(found.m[i])) - true) <= (1e-6 + near) * abs(true)


@each_law
def test_real_points_in_gaps(name: str) -> None:
    law, closed = LAWS[name]
    ends = np.array(law.support())
    width = ends[-1, 1] - ends[0, 0]
    shares = np.array([1e-9, 1e-4, 0.3, 20.0])
    x = np.concatenate([ends[0, 0] - width * shares, ends[-1, 1] + width * shares])
    if len(ends) > 1:
        x = np.concatenate([x, ends[0, 1] + (ends[1, 0] - ends[0, 1]) * np.array([0.001, 0.2, 0.7])])
    poles = {place for place, _ in law.atoms()}
    compare(law, closed, np.array([p for p in x if p not in poles]) + 0j)


def test_transforms_at_edges() -> None:
    """m = -1/sqrt(v) at a semicircle's left end; 1/(sqrt c (1 - sqrt c)) at that of Marchenko-Pastur."""
    for law, x, true in (
        (Semicircle(4.0), -4.0, 0.5),
        (Semicircle(4.0), 4.0, -0.5),
        (MarchenkoPastur(0.25), 0.25, 4.0),
        (MarchenkoPastur(0.25), 2.25, -4.0 / 3),
        (FreeAdditivePower(COIN, 5), 4.0, -2.0 / 3),
    ):
        found = solve_upper(law, np.array([x + 0j]))
        assert found.good.all()
        assert abs(found.m[0] - true) <= 1e-7  # a square root of rounding
    with pytest.raises(ConvergenceError, match="an edge of the support"):
        solve_upper(MarchenkoPastur(1), np.array([0j]))


@pytest.mark.parametrize(("law", "place"), [
    (MarchenkoPastur(4), 0.0),
    (FreeAdditivePower(COIN, 1.25), 1.25),
    (HALF @ Atoms([0, 1], [0.75, 0.25]), 0.0),
])  # fmt: skip
def test_poles_are_refused(law: Any, place: float) -> None:
    with pytest.raises(ConvergenceError):
        law._solve(np.array([place + 0j]))


CUSPS = [(COIN + Semicircle(1.0), 0.0), (SampleCovariance(Atoms([125, 1000]), Fraction(98, 125)), 216.0)]


@pytest.mark.parametrize(("law", "x"), CUSPS)
def test_above_a_cusp(law: Any, x: float) -> None:
    """z - x is (z'''/6)(u - u0)^3 there: Im m goes down with the cube root of the height."""
    height = 10.0 ** np.arange(-14, -3)
    found = law._solve(np.concatenate([[x + 0j], x + 1j * height]))
    assert found.good.all()
    assert found.m[0].imag == 0
    drop = found.m[1:].imag / np.cbrt(height)
    np.testing.assert_allclose(drop, drop[-3], rtol=5e-2)
    assert np.all(np.abs(np.diff(drop[:-4])) <= 1e-2 * drop[0])
