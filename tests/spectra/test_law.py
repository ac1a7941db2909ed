"""What every law offers: shapes, sides, limits, distribution functions, potentials, and refusals."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.spectra.continuous import Uniform
from rmtcollapse.spectra.free import FreeAdditivePower
from rmtcollapse.spectra.law import Law, moment_count, numbers
from rmtcollapse.spectra.laws import Atoms, FreePoisson, FussCatalan, MarchenkoPastur, Semicircle
from rmtcollapse.spectra.sample_covariance import SampleCovariance

LAWS: list[Law] = [
    Semicircle(0.5),
    MarchenkoPastur(0.5),
    MarchenkoPastur(2),
    FreePoisson(0.5, -2.0),
    SampleCovariance(Atoms([1.0, 8.0]), 0.1),
    SampleCovariance(Atoms([0.0, 1.0, 8.0]), 0.5),
    Atoms([-1.0, 1.0]) + Semicircle(0.5),
    Atoms([0.0, 1.0], [0.75, 0.25]) + Atoms([-1.0, 2.0], [0.375, 0.625]),
    Atoms([1.0, 3.0]) @ Atoms([1.0, 2.0]),
    FreeAdditivePower(Atoms([0.0, 1.0], [0.75, 0.25]), 2.5),
    -2.0 * MarchenkoPastur(2) + 1.0,
    FreePoisson(1, -2.0),
    Atoms([-2.0, -1.0, 3.0], [0.25, 0.25, 0.5]) @ MarchenkoPastur(1),
    Uniform(-1, 2) + Semicircle(0.5),
]


def middle(law: Law) -> NDArray[np.float64]:
    """A few points inside every bulk."""
    return np.concatenate([a + (b - a) * np.array([1e-6, 0.2, 0.5, 0.9, 1 - 1e-6]) for a, b in law.support()])


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_the_distribution_function_is_the_integral_of_the_density(law: Law) -> None:
    node, weight = np.polynomial.legendre.leggauss(80)
    for left, right in law.support():
        a, b = 0.8 * left + 0.2 * right, 0.1 * left + 0.9 * right
        x = (a + b) / 2 + (b - a) / 2 * node
        assert law.cdf(b) - law.cdf(a) == pytest.approx((b - a) / 2 * weight @ law.density(x), abs=2e-13)


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_the_distribution_function_counts_atoms_and_bulks(law: Law) -> None:
    pieces = sorted([*law.support(), *((x, x) for x, _ in law.atoms())])
    masses = dict(zip(law.support(), law.masses(), strict=True)) | {(x, x): h for x, h in law.atoms()}
    level = 0.0
    for left, right in pieces:
        before = np.nextafter(left, -math.inf)
        assert law.cdf(before) == pytest.approx(level, abs=1e-12)
        level += masses[left, right]
        assert law.cdf(right) == pytest.approx(level, abs=1e-12)
    assert level == pytest.approx(1, abs=1e-12)
    assert law.cdf(pieces[-1][1]) == pytest.approx(1, abs=1e-13)
    assert law.cdf([-1e300, 1e300]).tolist() == [0.0, 1.0]
    x = np.sort(np.concatenate([middle(law), [x for x, _ in law.atoms()]]))
    levels = law.cdf(x)
    assert np.all(np.diff(levels) >= 0)
    assert np.all((levels >= 0) & (levels <= 1))


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_densities_vanish_off_the_support_and_are_positive_inside(law: Law) -> None:
    edges = np.ravel(law.support())
    assert np.all(law.density(middle(law)) > 0)
    outside = np.concatenate([edges[0::2] - 1e-9, edges[1::2] + 1e-9, [-1e300, 1e300]])
    assert np.all(law.density(outside) == 0)
    assert all(d in (0.0, math.inf) for d in law.density(edges))


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_the_transform_is_that_of_a_probability_law(law: Law) -> None:
    """Im m > 0 above the axis, conjugate symmetry, -1/z far away, and the limits from both sides."""
    z = np.concatenate([middle(law) + 1e-3j, [5j, -4.0 + 2j, 1e3 + 1j]])
    m = law.stieltjes(z)
    assert np.all(m.imag > 0)
    np.testing.assert_allclose(law.stieltjes(z.conj()), m.conj(), rtol=1e-14)
    far = np.array([1e12 * (0.6 + 0.8j), -1e9 + 1e9j, 1e12 * 1j])
    first, second = law.moments(2)
    np.testing.assert_allclose(law.stieltjes(far), -1 / far - first / far**2 - second / far**3, rtol=1e-14)
    x = middle(law)
    above, below = law.stieltjes(x, side="above"), law.stieltjes(x, side="below")
    np.testing.assert_allclose(above.imag, np.pi * law.density(x), rtol=1e-15)
    np.testing.assert_array_equal(below, above.conj())


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_the_transform_is_the_integral(law: Law) -> None:
    low, high = law.support()[0][0], law.support()[-1][1]
    places = [x for x, _ in law.atoms()]
    z = np.array([low - 0.7, high + 0.3, (low + high) / 2 + 0.4j])
    for point in z:
        assert point not in places
        value = law.integrate(lambda x, p=point: (1 / (x - p)).real)  # type: ignore[misc]
        if point.imag:
            value += 1j * law.integrate(lambda x, p=point: (1 / (x - p)).imag)  # type: ignore[misc]
        assert law.stieltjes(point) == pytest.approx(value, rel=1e-11)


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_the_potential_is_minus_the_integral_of_the_transform(law: Law) -> None:
    low, high = law.support()[0][0], law.support()[-1][1]
    node, weight = np.polynomial.legendre.leggauss(24)
    for a, b in (((low + high) / 2 + 1j, high + 2 + 3j), (-3 + 2j, -1 + 1j), (high + 1, high + 4), (1j - 5, 2j - 4)):
        z = (a + b) / 2 + (b - a) / 2 * node
        line = (b - a) / 2 * (weight @ law.stieltjes(z))
        assert law.log_potential(b) - law.log_potential(a) == pytest.approx(-line, abs=1e-12)
    x = middle(law)
    potential = law.log_potential(x)
    np.testing.assert_allclose(1 - potential.imag / np.pi, law.cdf(x), atol=1e-13)
    np.testing.assert_allclose(law.log_potential(x, side="below"), potential.conj(), rtol=1e-15)
    assert law.log_potential(high + 5).imag == pytest.approx(0, abs=1e-15)
    assert law.log_potential(low - 5).imag == pytest.approx(np.pi, rel=1e-14)
    assert law.log_potential(1e9j) == pytest.approx(np.log(1e9j) - law.mean / 1e9j, rel=1e-14)


def test_closed_forms_of_distribution_function_and_potential() -> None:
    x = np.array([-1.999999, -1.5, 0.0, 0.3, 1.99])
    semicircle = Semicircle()
    closed = 0.5 + x * np.sqrt(4 - x**2) / (4 * np.pi) + np.arcsin(x / 2) / np.pi
    np.testing.assert_allclose(semicircle.cdf(x), closed, rtol=1e-13, atol=1e-14)  # the closed form cancels
    np.testing.assert_allclose(semicircle.log_potential(x).real, x**2 / 4 - 0.5, rtol=1e-13)
    y = np.array([1e-12, 0.1, 1.0, 3.9])
    square = 2 * (np.sqrt(y) * np.sqrt(4 - y) / (4 * np.pi) + np.arcsin(np.sqrt(y) / 2) / np.pi)
    np.testing.assert_allclose(MarchenkoPastur(1).cdf(y), square, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(MarchenkoPastur(1).log_potential(y).real, y / 2 - 1, rtol=1e-13)
    assert semicircle.quantile(0.5) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9, 1e-12])
def test_real_arguments_beside_an_edge(distance: float) -> None:
    """m of Marchenko-Pastur at 50 digits; its error is that of rounding z at most."""
    ratio = 0.5
    with mp.workdps(50):
        a, b = (1 - mp.sqrt(ratio)) ** 2, (1 + mp.sqrt(ratio)) ** 2
        for z in (float(b) * (1 + distance), float(a) * (1 - distance)):
            sign = 1 if z > 1 else -1
            root = sign * mp.sqrt((z - a) * (z - b))
            exact = (1 - mp.mpf(ratio) - z + root) / (2 * mp.mpf(ratio) * z)
            assert abs(mp.mpf(float(MarchenkoPastur(ratio).stieltjes(z))) / exact - 1) < 1e-13


# Shapes and types


def test_arguments_broadcast() -> None:
    law = SampleCovariance(Atoms([1.0, 8.0]), 2.0)
    x = np.array([[0.5, 1.0, 40.0], [3.0, -1.0, 2.0]])
    for function in (law.density, law.cdf, lambda y: law.stieltjes(y, side="above"), law.log_potential):
        values = function(x)
        assert values.shape == (2, 3)
        assert np.ndim(function(1.0)) == 0
        assert function(x[0, 1]) == pytest.approx(values[0, 1], rel=1e-13)
        assert function(np.empty((0, 2))).shape == (0, 2)
        np.testing.assert_allclose(function(x[:, ::-1]), values[:, ::-1], rtol=1e-13)
    assert law.density([1, 2]).dtype == np.float64
    assert isinstance(float(law.density(1)), float)
    assert law.quantile([[0.6], [0.9]]).shape == (2, 1)


def test_the_transform_is_real_where_all_arguments_are_real_and_off_the_support() -> None:
    law = MarchenkoPastur(0.5)
    assert law.stieltjes([-1.0, 5.0]).dtype == np.float64
    assert law.stieltjes(-1).dtype == np.float64
    assert law.stieltjes([-1.0 + 0j]).dtype == np.complex128
    assert law.stieltjes([-1.0, 1.0], side="above").dtype == np.complex128


def test_many_points_and_one_point_give_the_same() -> None:
    law = SampleCovariance(Atoms([1.0, 3.0, 10.0], [0.5, 0.25, 0.25]), 5)
    ((left, right),) = law.support()
    x = np.linspace(left, right, 202)[1:-1]
    many = law.density(x)
    one = [SampleCovariance(law.population, 5).density(p) for p in x[::20]]
    np.testing.assert_allclose(many[::20], one, rtol=1e-13)


# Refusals


@pytest.mark.parametrize("x", [math.nan, math.inf, [1.0, math.nan], "1", None, 1j, [[1], [1, 2]], object()])
def test_arguments_that_are_not_finite_numbers_are_refused(x: Any) -> None:
    law = MarchenkoPastur(0.5)
    for function, name in ((law.density, "x"), (law.cdf, "x"), (law.quantile, "q")):
        with pytest.raises(ParameterError, match=name):
            function(x)
    with pytest.raises(ParameterError, match="x"):
        numbers("x", x)
    if x != 1j:
        for transform in (law.stieltjes, law.log_potential):
            with pytest.raises(ParameterError, match="z"):
                transform(x)


def test_real_arguments_inside_the_support_need_a_side() -> None:
    law = MarchenkoPastur(2)
    for z in (1.0, [7.0, 9.0, 1.0, 2.0], 1.0 + 0j):
        with pytest.raises(ParameterError, match=r"z = 1\.0 .*side='above' or side='below'"):
            law.stieltjes(z)
    for side in ("left", "", 1, True):
        with pytest.raises(ParameterError, match="side"):
            law.stieltjes(1.0, side=side)  # type: ignore[arg-type]
        with pytest.raises(ParameterError, match="side"):
            law.log_potential(1.0, side=side)  # type: ignore[arg-type]


@pytest.mark.parametrize("z", [0.0, [5j, 0.0], 0j])
def test_atoms_are_poles(z: ArrayLike) -> None:
    law = MarchenkoPastur(2)
    with pytest.raises(ParameterError, match=r"z = 0\.0 .*atom"):
        law.stieltjes(z, side="above")
    with pytest.raises(ParameterError, match=r"z = 0\.0 .*atom"):
        law.log_potential(z)


@pytest.mark.parametrize("q", [-1e-9, 1 + 1e-9, 2, [0.5, -1]])
def test_levels_outside_the_unit_interval_are_refused(q: ArrayLike) -> None:
    with pytest.raises(ParameterError, match=r"q = .*\[0, 1\]"):
        MarchenkoPastur(2).quantile(q)


@pytest.mark.parametrize("k", [0, -1, 1.5, True, "2", None, 1001])
def test_bad_numbers_of_moments_are_refused(k: Any) -> None:
    for law in (MarchenkoPastur(2), FussCatalan(2), Uniform(), Atoms([1.0])):
        with pytest.raises(ParameterError, match="k"):
            law.moments(k)
    with pytest.raises(ParameterError, match="k"):
        moment_count(k)


def test_masses_that_do_not_add_to_one_are_an_error() -> None:
    """A law whose support were cut short raises, and returns nothing."""

    class Cut(MarchenkoPastur):
        def support(self) -> list[tuple[float, float]]:
            return [(super().support()[0][0], 1.0)]

    with pytest.raises(ConvergenceError, match="not 1"):
        Cut(0.5).masses()
    with pytest.raises(ConvergenceError, match="not 1"):
        Cut(0.5).quantile(0.5)


def test_a_law_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Law()  # type: ignore[abstract]
