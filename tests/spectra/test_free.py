"""Free convolutions against polynomial roots at seventy digits, exact atoms, cumulants and series, and refusals."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra.continuous import Uniform
from rmtcollapse.spectra.curve_law import CurveLaw
from rmtcollapse.spectra.dyson import DysonLaw
from rmtcollapse.spectra.free import Affine, FreeAdditivePower, FreeMultiplicativePower, FreeProduct, FreeSum
from rmtcollapse.spectra.law import Law
from rmtcollapse.spectra.laws import Atoms, FreePoisson, FussCatalan, MarchenkoPastur, Semicircle
from rmtcollapse.spectra.sample_covariance import SampleCovariance

RELATIVE = 1e-13
SIGNS = Atoms([-1.0, 1.0])
PAIR = ([-1.0, 1.0], [0.5, 0.5])
THREE = ([-1.0, 0.5, 3.0], [0.25, 0.5, 0.25])
TWO = ([1.0, 8.0], [0.5, 0.5])
UNEVEN = ([1.0, 8.0], [0.4375, 0.5625])


def both_poisson(first: float, second: float) -> Callable[[Any], Any]:
    """Density of MP @ MP: z (1 - w)^2 = w (1 - w - c)(1 - w - d), m = (1/(1 - w) - 1)/z."""

    def density(x: float) -> Any:
        with mp.workdps(100):
            z, a, b = mp.mpf(x), 1 - mp.mpf(first), 1 - mp.mpf(second)
            roots = mp.polyroots([1, -a - b - z, a * b + 2 * z, -z], maxsteps=2000, extraprec=600)
            w = max(roots, key=mp.im)
            return mp.im((1 / (1 - w) - 1) / z) / mp.pi

    return density


def arcsine(x: float) -> Any:
    with mp.workdps(60):
        return 1 / (mp.pi * mp.sqrt((2 - mp.mpf(x)) * (2 + mp.mpf(x))))


CASES: dict[str, tuple[CurveLaw, Callable[[Any], Callable[[float], Any]]]] = {
    "semicircle + MP": (
        Semicircle() + MarchenkoPastur(0.5),
        lambda e: e.plus_r([0.0], [1.0], variance=1, rate=2, jump=0.5).density,
    ),
    "signs + semicircle 2": (SIGNS + Semicircle(2), lambda e: e.plus_r(*PAIR, variance=2).density),
    "signs + semicircle .5": (SIGNS + Semicircle(0.5), lambda e: e.plus_r(*PAIR, variance=0.5).density),
    "three + semicircle": (Atoms(*THREE) + Semicircle(0.25), lambda e: e.plus_r(*THREE, variance=0.25).density),
    "three + negative Poisson": (
        Atoms(*THREE) + FreePoisson(1.5, -2),
        lambda e: e.plus_r(*THREE, rate=1.5, jump=-2).density,
    ),
    "three @ MP": (Atoms(*THREE) @ MarchenkoPastur(0.5), lambda e: e.covariance(*THREE, 0.5).density),
    "signs + signs": (SIGNS + SIGNS, lambda e: arcsine),
    "three + two": (Atoms(*THREE) + Atoms(*UNEVEN), lambda e: e.sum_of(THREE, UNEVEN).density),
    "two @ two": (
        Atoms(*TWO) @ Atoms([1.0, 2.0], [0.25, 0.75]),
        lambda e: e.product_of(TWO, ([1.0, 2.0], [0.25, 0.75])).density,
    ),
    "projections": (
        Atoms([0.0, 1.0], [0.25, 0.75]) @ Atoms([0.0, 2.0], [0.5, 0.5]),
        lambda e: e.product_of(([0.0, 1.0], [0.25, 0.75]), ([0.0, 2.0], [0.5, 0.5])).density,
    ),
    "MP @ MP": (MarchenkoPastur(0.5) @ MarchenkoPastur(0.25), lambda e: both_poisson(0.5, 0.25)),
    "MP @ MP, few samples": (MarchenkoPastur(3) @ MarchenkoPastur(0.25), lambda e: both_poisson(3, 0.25)),
    "power 2.5 of three": (FreeAdditivePower(Atoms(*THREE), 2.5), lambda e: e.power_of(*THREE, 2.5).density),
    "(three + 1) * -2 + semicircle": (
        (Atoms(*THREE) + 1.0) * -2.0 + Semicircle(0.5),
        lambda e: e.plus_r([-8.0, -3.0, 0.0], [0.25, 0.5, 0.25], variance=0.5).density,
    ),
    "semicircle + (MP * -2 + 1)": (
        Semicircle(0.5) + Affine(MarchenkoPastur(0.5), -2, 1),
        lambda e: e.plus_r([1.0], [1.0], variance=0.5, rate=2, jump=-1).density,
    ),
}  # type: ignore[assignment]


@pytest.mark.parametrize("name", CASES)
def test_densities_are_those_of_polynomial_roots(exact: SimpleNamespace, name: str) -> None:
    law, reference = CASES[name]
    x = exact.grid(law, inside=5)
    errors = exact.relative_errors(law.density(x), [reference(exact)(p) for p in x])
    assert errors.max() < RELATIVE, (x[errors.argmax()], errors.max())
    assert np.all(law.density([left - 1e-9 for left, _ in law.support()]) == 0)
    assert np.all(law.density([right + 1e-9 for _, right in law.support()]) == 0)


def test_two_bulks_that_touch_leave_a_cusp_of_density_zero(exact: SimpleNamespace) -> None:
    """Signs and a semicircle of variance 1: u^3 = z (u^2 - 1) touches at 0, where the density grows as |x|^(1/3)."""
    law = SIGNS + Semicircle()
    reference = exact.plus_r(*PAIR, variance=1)
    assert law.density(0.0) == 0.0
    x = np.array([s * 10.0**-k for k in range(1, 16) for s in (-1, 1)] + [1.0, -2.5, 2.59])
    errors = exact.relative_errors(law.density(x), [reference.density(p) for p in x])
    assert errors.max() < RELATIVE
    assert law.cdf(0.0) == pytest.approx(0.5, abs=1e-14)
    assert law.density(1e-12) == pytest.approx(math.sqrt(3) / (2 * math.pi) * 1e-4, rel=1e-3)


def test_masses_of_exactly_one_leave_a_divergence_and_no_atom(exact: SimpleNamespace) -> None:
    law, reference = Atoms(*THREE) + Atoms(*TWO), exact.sum_of(THREE, TWO)
    assert law.atoms() == []
    assert law.support()[1][0] == 1.5
    assert law.density(1.5) == math.inf
    x = 1.5 + 10.0 ** -np.arange(1, 16)
    assert exact.relative_errors(law.density(x), [reference.density(p) for p in x]).max() < RELATIVE


COMPLEX = [0.3 + 1e-12j, -2.0 + 1e-6j, 0.1 + 0.5j, 5.0 - 3j, 1e6 + 1e3j, -1e-9 + 1e-9j]


@pytest.mark.parametrize(
    ("law", "reference"),
    [
        (Atoms(*THREE) + Semicircle(0.25), lambda e: e.plus_r(*THREE, variance=0.25)),
        (Atoms(*THREE) + FreePoisson(0.5, -2), lambda e: e.plus_r(*THREE, rate=0.5, jump=-2)),
        (Atoms(*THREE) + Atoms(*UNEVEN), lambda e: e.sum_of(THREE, UNEVEN)),
        (Atoms(*TWO) @ Atoms([1.0, 2.0]), lambda e: e.product_of(TWO, ([1.0, 2.0], [0.5, 0.5]))),
        (Atoms(*THREE) @ MarchenkoPastur(2), lambda e: e.covariance(*THREE, 2)),
        (FreeAdditivePower(Atoms(*THREE), 2.5), lambda e: e.power_of(*THREE, 2.5)),
    ],
)
def test_transforms_off_the_axis_and_off_the_support(
    exact: SimpleNamespace, law: Law, reference: Callable[[Any], Any]
) -> None:
    low, high = law.support()[0][0], law.support()[-1][1]
    z = np.array([*COMPLEX, low - 1e-3, high + 1e-3, low - 100, high + 1e8])
    true = [reference(exact).transform(complex(p.real, abs(p.imag))) for p in z]
    true = [mp.conj(m) if p.imag < 0 else m for m, p in zip(true, z, strict=True)]
    errors = exact.relative_errors(law.stieltjes(z, side="above"), true)
    assert errors.max() < 1e-12, z[errors.argmax()]


# Structure: what an operation must not change


@pytest.mark.parametrize(
    ("law", "same"),
    [
        (Semicircle(1) + Semicircle(3), Semicircle(4)),
        (Semicircle(1) * 3.0, Semicircle(9)),
        (FreePoisson(1, 2) + FreePoisson(0.5, 2), FreePoisson(1.5, 2)),
        (FreePoisson(1.5, 2) * -2.0, FreePoisson(1.5, -4)),
        (FreeAdditivePower(FreePoisson(0.5, 1), 3), FreePoisson(1.5, 1)),
        (FreeAdditivePower(Semicircle(2), 2.5), Semicircle(5)),
        (MarchenkoPastur(1) @ MarchenkoPastur(1), FussCatalan(2)),
        (FreeMultiplicativePower(MarchenkoPastur(1), 3), FussCatalan(3)),
        (FussCatalan(2) @ FussCatalan(1), FussCatalan(3)),
        (Atoms(*TWO) @ MarchenkoPastur(0.5), SampleCovariance(Atoms(*TWO), 0.5)),
        (MarchenkoPastur(0.5) @ Atoms(*TWO), SampleCovariance(Atoms(*TWO), 0.5)),
        (FreeAdditivePower(SIGNS, 2), SIGNS + SIGNS),
        (FreeMultiplicativePower(Atoms(*TWO), 2), Atoms(*TWO) @ Atoms(*TWO)),
        (Affine(Affine(Semicircle(), 2, 1), -0.5, 3), Semicircle() + 2.5),
        ((Atoms(*THREE) + Atoms(*TWO)) + Semicircle(0.5), Atoms(*THREE) + (Semicircle(0.5) + Atoms(*TWO))),
        ((Atoms(*TWO) @ Atoms([1.0, 2])) @ MarchenkoPastur(0.5), Atoms([1.0, 2]) @ SampleCovariance(Atoms(*TWO), 0.5)),
        (Affine(Atoms(*THREE) + Atoms(*TWO), -2), Affine(Atoms(*THREE), -2) + Affine(Atoms(*TWO), -2)),
    ],
)
def test_equal_laws_built_in_two_ways(law: Law, same: Law) -> None:
    np.testing.assert_allclose(law.support(), same.support(), rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(law.moments(6), same.moments(6), rtol=1e-12, atol=1e-12)
    for left, right in same.support():
        x = left + (right - left) * np.array([0.03, 0.3, 0.6, 0.97])
        np.testing.assert_allclose(law.density(x), same.density(x), rtol=1e-12)
        np.testing.assert_allclose(law.cdf(x), same.cdf(x), rtol=1e-12)
    z = np.array([0.2 + 0.3j, -5.0 + 1e-3j, 50 - 2j])
    np.testing.assert_allclose(law.stieltjes(z), same.stieltjes(z), rtol=1e-12)
    np.testing.assert_allclose(law.log_potential(z), same.log_potential(z), rtol=1e-12)


def test_affine_images_and_reflections() -> None:
    law = Atoms(*THREE) + Semicircle(0.25)
    image = -2.0 * law + 3.0
    assert isinstance(image, Affine)
    x = np.array([-0.9, 0.4, 3.1])
    np.testing.assert_allclose(image.density(3 - 2 * x), law.density(x) / 2, rtol=1e-13)
    np.testing.assert_allclose(image.cdf(3 - 2 * x), 1 - law.cdf(x), rtol=1e-12)
    np.testing.assert_allclose(image.quantile(1 - law.cdf(x)), 3 - 2 * x, rtol=1e-11)
    assert image.mean == pytest.approx(3 - 2 * law.mean, rel=1e-14)
    assert image.variance == pytest.approx(4 * law.variance, rel=1e-13)
    np.testing.assert_allclose(image.support(), [(3 - 2 * b, 3 - 2 * a) for a, b in law.support()[::-1]], rtol=1e-14)
    np.testing.assert_allclose(image.stieltjes(1 + 2j), -law.stieltjes(1 - 1j) / 2, rtol=1e-13)


def test_numbers_shift_and_scale_atoms_exactly() -> None:
    assert (Atoms([1.0, 2]) + 0.5).atoms() == [(1.5, 0.5), (2.5, 0.5)]
    assert (0.5 + Atoms([1.0, 2])).atoms() == [(1.5, 0.5), (2.5, 0.5)]
    assert (Atoms([1.0, 2]) - 1).atoms() == [(0.0, 0.5), (1.0, 0.5)]
    assert (Atoms([1.0, 2]) * -2).atoms() == [(-4.0, 0.5), (-2.0, 0.5)]
    assert (0 * Semicircle()).atoms() == [(0.0, 1.0)]
    assert (Semicircle() + Atoms([2.0])).support() == [(0.0, 4.0)]
    assert (Atoms([2.0]) @ MarchenkoPastur(1)).support() == [(0.0, 8.0)]
    semicircle = Semicircle()
    assert semicircle * 1 is semicircle
    assert semicircle + 0 is semicircle


# Atoms of convolutions


def test_atoms_of_convolutions_are_exact() -> None:
    heavy = Atoms([0.0, 1.0], [0.75, 0.25])
    assert (heavy + heavy).atoms() == [(0.0, 0.5)]
    assert (heavy + Atoms([-1.0, 2.0], [0.375, 0.625])).atoms() == [(-1.0, 0.125), (2.0, 0.375)]
    assert (Atoms([0.0, 1.0], [0.25, 0.75]) @ Atoms([0.0, 2.0], [0.375, 0.625])).atoms() == [(0.0, 0.375), (2.0, 0.375)]
    assert FreeAdditivePower(heavy, 2).atoms() == [(0.0, 0.5)]
    assert FreeAdditivePower(heavy, 3.5).atoms() == [(0.0, 0.125)]
    assert FreeAdditivePower(heavy, 4).atoms() == []
    assert FreeMultiplicativePower(Atoms([0.0, 3.0], [0.125, 0.875]), 3).atoms() == [(0.0, 0.125), (27.0, 0.625)]
    assert (MarchenkoPastur(4) + heavy).atoms() == [(0.0, 0.5)]
    assert (MarchenkoPastur(4) @ MarchenkoPastur(2)).atoms() == [(0.0, 0.75)]
    assert (Affine(heavy, -2, 1) + Semicircle()).atoms() == []
    assert Affine(MarchenkoPastur(4), -2, 1).atoms() == [(1.0, 0.75)]


@pytest.mark.parametrize(
    "law",
    [
        Atoms([0.0, 1.0], [0.75, 0.25]) + Atoms([-1.0, 2.0], [0.375, 0.625]),
        Atoms([0.0, 1.0], [0.25, 0.75]) @ Atoms([0.0, 2.0], [0.375, 0.625]),
        FreeAdditivePower(Atoms([0.0, 1.0], [0.75, 0.25]), 2.5),
        MarchenkoPastur(4) + Atoms([0.0, 1.0], [0.75, 0.25]),
        MarchenkoPastur(4) @ MarchenkoPastur(2),
    ],
    ids=repr,
)
def test_atoms_and_bulks_make_the_whole_law(law: Law) -> None:
    assert law.masses().sum() + sum(h for _, h in law.atoms()) == pytest.approx(1, abs=1e-13)
    size = law.integrate(lambda x: np.abs(x) ** 3)
    for power, moment in enumerate(law.moments(3), start=1):
        assert law.integrate(lambda x, n=power: x**n) == pytest.approx(moment, abs=1e-12 * size)  # type: ignore[misc]
    z = -2.0 + 0.75j
    value = law.integrate(lambda x: (1 / (x - z)).real) + 1j * law.integrate(lambda x: (1 / (x - z)).imag)
    assert law.stieltjes(z) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("ratio", [2.0, 10.0])
def test_an_atom_inside_a_bulk(exact: SimpleNamespace, ratio: float) -> None:
    """With few samples and both signs the bulk crosses 0, where the null eigenvalues are."""
    values, weights = [-3.0, 9.0], [0.875, 0.125]
    law = Atoms(values, weights) @ MarchenkoPastur(ratio)
    (atom,) = law.atoms()
    x = np.array([s * 10.0**-k for k in range(16) for s in (-1, 1)])
    reference = exact.covariance(values, weights, ratio)
    assert exact.relative_errors(law.density(x), [reference.density(p) for p in x]).max() < 1e-12
    assert law.density(0.0) == pytest.approx(law.density(1e-15), rel=1e-9)
    assert atom == (0.0, 1 - 1 / ratio)
    assert law.masses().sum() == pytest.approx(1 / ratio, abs=1e-12)
    size = law.integrate(np.abs)
    assert law.integrate(lambda x: x) == pytest.approx(law.mean, abs=1e-12 * size)
    assert law.cdf(-1e-9) + atom[1] == pytest.approx(law.cdf(1e-9), abs=1e-10)
    assert law.cdf(0.0) == pytest.approx(law.cdf(1e-12), abs=1e-12)
    q = np.array([0.01, law.cdf(0.0) - 0.5 * atom[1], 0.999])
    x = law.quantile(q)
    assert x[1] == 0.0
    np.testing.assert_allclose(law.cdf(x[[0, 2]]), q[[0, 2]], rtol=1e-12)
    draws = law.sample(4000, 1)
    assert np.mean(draws == 0) == pytest.approx(atom[1], abs=4.5 * math.sqrt(atom[1] * (1 - atom[1]) / 4000))


# Cumulants and series


def test_free_cumulants_add() -> None:
    first, second = Atoms(*THREE), FreePoisson(1.5, -0.5)
    third = Uniform(-1, 2)
    total = (first + second) + third
    assert isinstance(total, FreeSum)
    parts = sum(law.free_cumulants(7) for law in (first, second, third))
    np.testing.assert_allclose(total.free_cumulants(7), parts, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(
        FreeAdditivePower(first, 2.5).free_cumulants(7), 2.5 * first.free_cumulants(7), rtol=1e-11, atol=1e-12
    )


def s_series(moments: np.ndarray) -> list[Any]:
    """Power series of S(u) from moments, in exact arithmetic of doubles in mpmath: chi inverts sum of m_k x^k."""
    count = len(moments)
    with mp.workdps(40):
        psi = [mp.mpf(0), *(mp.mpf(float(m)) for m in moments)]
        chi = [mp.mpf(0), 1 / psi[1]]
        for order in range(2, count + 1):
            total, power = mp.mpf(0), [mp.mpf(1)]
            for k in range(1, order + 1):
                power = [
                    sum(power[i] * chi[n - i] for i in range(min(n, len(power) - 1) + 1) if n - i < len(chi))
                    for n in range(order + 1)
                ]
                total += psi[k] * power[order]
            chi.append(-total / psi[1])
        return [chi[k + 1] + (chi[k] if k else 0) for k in range(count)]


def test_s_transforms_multiply() -> None:
    """S(u) = chi(u) (1 + u)/u."""
    left, right = Atoms([1.0, 3.0], [0.75, 0.25]), Atoms([0.5, 2.0, 4.0], [0.5, 0.25, 0.25])
    law = left @ right
    assert isinstance(law, FreeProduct)
    a, b, c = (s_series(x.moments(6)) for x in (left, right, law))
    product = [sum(a[i] * b[k - i] for i in range(k + 1)) for k in range(6)]
    np.testing.assert_allclose(np.array(c, float), np.array(product, float), rtol=1e-10)
    np.testing.assert_allclose(
        np.array(s_series(MarchenkoPastur(0.5).moments(6)), float), [(-0.5) ** k for k in range(6)], rtol=1e-11
    )
    cube = s_series(FreeMultiplicativePower(left, 2).moments(6))
    np.testing.assert_allclose(
        np.array(cube, float),
        np.array([sum(a[i] * a[k - i] for i in range(k + 1)) for k in range(6)], float),
        rtol=1e-10,
    )


@pytest.mark.parametrize(
    "law",
    [
        Uniform(0, 1) + Atoms([0.0, 2.0]),
        Uniform(0.5, 2) @ MarchenkoPastur(2),
        pytest.param(Uniform(0.5, 2) @ Atoms([1.0, 2.0]), marks=pytest.mark.slow),
        (Atoms(*THREE) + Atoms(*TWO)) + Atoms([0.0, 1.0], [0.75, 0.25]),
        SampleCovariance(Atoms(*TWO) @ Atoms([1.0, 2.0]), 0.1) + Semicircle(0.01),
        SampleCovariance(Atoms([2.0, 4.0]) + Semicircle(0.125), 20),
        SampleCovariance(Atoms([2.0, 4.0]) + FreePoisson(1.5, 0.5), 20),
        SampleCovariance(FreeAdditivePower(Atoms([2.0, 4.0]), 1.5), 20),
        FreeMultiplicativePower(Atoms([2.0, 4.0]) + Semicircle(0.125), 2),
        FreeMultiplicativePower(Uniform(0.5, 2) @ MarchenkoPastur(2), 2),
    ],
    ids=repr,
)
def test_laws_of_several_steps_have_the_right_moments(law: Law) -> None:
    low, high = law.support()[0][0], law.support()[-1][1]
    assert law.masses().sum() + sum(h for _, h in law.atoms()) == pytest.approx(1, abs=1e-11)
    size = law.integrate(lambda x: np.abs(x) ** 3)
    for power, moment in enumerate(law.moments(3), start=1):
        assert law.integrate(lambda x, n=power: x**n) == pytest.approx(moment, abs=1e-11 * size)  # type: ignore[misc]
    assert np.all(law.masses() > 1e-9)
    assert high - low < 400


# Near misses


def test_a_gap_beside_a_zero_of_the_transform(exact: SimpleNamespace) -> None:
    """The second bulk begins 2e-6 beyond the place where m crosses 0: one law's parameter is at infinity there."""
    first = ([-4.426963892983226, -3.7318655710888735], [0.4495370789952631, 0.5504629210047369])
    second = ([1.0, 4.0], [0.013241543933133926, 0.9867584560668661])
    law, reference = Atoms(*first) + Atoms(*second), exact.sum_of(first, second)
    assert len(law.support()) == 2
    for left, right in law.support():
        for edge, sign in ((left, 1), (right, -1)):
            inside, outside = edge + sign * 1e-9, edge - sign * 1e-9
            assert reference.density(inside) > 1e-6
            assert reference.density(outside) < 1e-30
            assert law.density(outside) == 0
            assert exact.relative_errors([law.density(inside)], [reference.density(inside)])[0] < 1e-9


def test_a_gap_beside_a_parameter_of_exactly_zero(exact: SimpleNamespace) -> None:
    """Where a parameter is 0 the slope along the branch is 0/0; on both sides of it, it is positive."""
    first = ([0.0036447603464536656, 3.903021793055635], [0.0001124376431107521, 0.9998875623568892])
    second = ([0.00470151648939668, 0.017911598290562877, 19.0661301019725], [0.245871358551085, 0.08120892196893692,
              0.6729197194799781])  # fmt: skip
    law, reference = Atoms(*first) @ Atoms(*second), exact.product_of(first, second)
    (left, right), *_ = law.support()
    for edge, sign in ((left, 1), (right, -1)):
        assert reference.density(edge * (1 + sign * 1e-9)) > 1e-3
        assert reference.density(edge * (1 - sign * 1e-9)) < 1e-24  # not 0 where roots are as exact as its digits
        assert law.density(edge * (1 - sign * 1e-9)) == 0


def test_no_gaps_appear_where_three_laws_meet() -> None:
    """Two atoms' worth of m -> infinity on both sides: rounding must not open gaps."""
    heavy = Atoms([3.143, 3.472, 3.917], [0.09375, 0.03125, 0.875]) + Atoms([0.0, 5.0])
    law = (MarchenkoPastur(1) @ Atoms([0.4, 1.8, 3.8], [0.4375, 0.5, 0.0625])) + heavy
    assert len(law.support()) == 2
    x = np.linspace(*law.support()[1], 12)[1:-1]
    smeared = law.stieltjes(x + 1e-9j).imag / np.pi
    np.testing.assert_allclose(law.density(x), smeared, rtol=1e-6)


# Refusals


@pytest.mark.parametrize("value", [0, math.nan, math.inf, "2", True, None])
def test_bad_affine_maps_are_refused(value: object) -> None:
    with pytest.raises(ParameterError, match="factor"):
        Affine(Semicircle(), value)  # type: ignore[arg-type]
    if value != 0:
        with pytest.raises(ParameterError, match="offset"):
            Affine(Semicircle(), 1, value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0.5, 0, -1, math.nan, math.inf, True, "2", 1 - 1e-15])
def test_bad_powers_are_refused(value: object) -> None:
    with pytest.raises(ParameterError, match="k"):
        FreeAdditivePower(Semicircle(), value)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="k"):
        FreeMultiplicativePower(MarchenkoPastur(1), value)  # type: ignore[arg-type]


def test_a_power_of_one_is_the_law_itself() -> None:
    law = Atoms(*TWO) @ MarchenkoPastur(0.5)
    for same in (FreeAdditivePower(law, 1), FreeMultiplicativePower(law, 1)):
        assert same.support() == law.support()
        assert same.density(1.0) == law.density(1.0)
        assert same.atoms() == law.atoms()


def test_products_of_signed_laws_are_refused() -> None:
    with pytest.raises(ParameterError, match="smallest place of a factor = -1"):
        SIGNS @ Atoms([1.0, 2.0])
    with pytest.raises(ParameterError, match="smallest place of a factor = -2"):
        Atoms([1.0, 2.0]) @ Semicircle()
    with pytest.raises(ParameterError, match="smallest place"):
        FreeMultiplicativePower(Semicircle(), 2)
    with pytest.raises(ParameterError, match="smallest place"):
        SIGNS @ FreePoisson(1.0, -1.0)
    with pytest.raises(ParameterError, match=r"k = 1\.5"):
        FreeMultiplicativePower(MarchenkoPastur(1), 1.5)  # type: ignore[arg-type]


def test_what_is_not_a_law_is_refused() -> None:
    dyson = DysonLaw(np.array([[1.0]]))
    for build in (
        lambda: FreeSum(Semicircle(), dyson),
        lambda: FreeProduct(dyson, MarchenkoPastur(1)),
        lambda: Affine(dyson, 2),
        lambda: FreeAdditivePower(dyson, 2),
        lambda: FreeSum(Semicircle(), 3),  # type: ignore[arg-type]
    ):
        with pytest.raises(ParameterError, match="explicit relations"):
            build()
    with pytest.raises(ParameterError, match="a @ b"):
        Semicircle() * MarchenkoPastur(1)  # type: ignore[operator]
    for other in ("2", None, [1.0]):
        with pytest.raises(TypeError):
            Semicircle() + other  # type: ignore[operator]
        with pytest.raises(TypeError):
            Semicircle() * other  # type: ignore[operator]
        with pytest.raises(TypeError):
            Semicircle() @ other  # type: ignore[operator]
    with pytest.raises(ParameterError, match=r"offset|values"):
        Semicircle() + math.nan
