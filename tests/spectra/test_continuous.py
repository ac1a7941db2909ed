"""Populations with a density: closed forms, moments, quantiles, and refusals."""

from __future__ import annotations

import math
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra.continuous import Exponential, PowerLawDensity, Uniform
from rmtcollapse.spectra.law import Law
from rmtcollapse.spectra.laws import Semicircle
from rmtcollapse.spectra.sample_covariance import SampleCovariance

LAWS = [Uniform(-1, 2), Uniform(0.5, 2), PowerLawDensity(1.5, 0.1, 10), PowerLawDensity(1.0, 1, 4), Exponential(2.0)]
POINTS = [0.3 + 1j, -3 + 1e-6j, 1 - 0.25j, 1.5 + 1e-9j, 1e4 + 1j, -7.0, 500.0]


def uniform_transform(z: complex) -> Any:
    """Of the uniform law on [-1, 2]: log((2 - z)/(-1 - z))/3, off the support."""
    point = mp.mpmathify(z)
    if mp.im(point):
        return (mp.log(2 - point) - mp.log(-1 - point)) / 3
    return mp.log(abs((2 - point) / (-1 - point))) / 3


def test_the_transform_of_a_uniform_law_is_a_logarithm(exact: SimpleNamespace) -> None:
    law = Uniform(-1, 2)
    with mp.workdps(40):
        errors = exact.relative_errors(law.stieltjes(np.array(POINTS)), [uniform_transform(p) for p in POINTS])
        ends = [2 + 1e-9, -1 - 1e-6, 2 + 1e-9j]
        near = exact.relative_errors(law.stieltjes(np.array(ends)), [uniform_transform(p) for p in ends])
    assert errors.max() < 1e-13
    assert near.max() < 1e-9  # next to an end the nodes' own rounding shows
    inside = law.stieltjes(0.5, side="above")
    assert inside == pytest.approx(1j * np.pi / 3, rel=1e-13)
    assert law.stieltjes(0.5, side="below") == pytest.approx(-1j * np.pi / 3, rel=1e-13)


def test_the_transform_of_a_power_law_is_an_integral(exact: SimpleNamespace) -> None:
    law = PowerLawDensity(1.5, 0.125, 8)
    z = [0.3 + 1j, 1 - 0.25j, 1e4 + 1j, -7.0 + 0j, 500.0 + 0j, 9.0 + 0j, 0.1 + 0j]
    with mp.workdps(30):
        scale = 2 * (mp.mpf("0.125") ** -0.5 - mp.mpf(8) ** -0.5)
        true = [
            mp.quad(lambda t, p=p: t ** mp.mpf("-1.5") / (t - mp.mpmathify(p)), [0.125, 0.3, 1, 3, 8]) / scale
            for p in z
        ]
    assert exact.relative_errors(law.stieltjes(z), true).max() < 1e-12


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_densities_distribution_functions_and_moments(law: Law) -> None:
    ((low, high),) = law.support()
    top = min(high, 10.0)
    assert law.density([low - 1e-9, high + 1e-9]).tolist() == [0.0, 0.0]
    assert law.cdf([low - 1, low, high, high + 1]).tolist() == pytest.approx([0, 0, 1, 1], abs=1e-12)
    node, weight = np.polynomial.legendre.leggauss(60)
    for a, b in ((low + 0.1 * (top - low), low + 0.2 * (top - low)), (0.4 * low + 0.6 * top, 0.1 * low + 0.9 * top)):
        x = (a + b) / 2 + (b - a) / 2 * node
        assert law.cdf(b) - law.cdf(a) == pytest.approx((b - a) / 2 * weight @ law.density(x), abs=1e-13)
    q = np.array([0.01, 0.25, 0.5, 0.99])
    np.testing.assert_allclose(law.cdf(law.quantile(q)), q, rtol=1e-12)
    assert law.masses() == pytest.approx([1.0], abs=1e-13)
    for k, moment in enumerate(law.moments(4), start=1):
        assert law.integrate(lambda x, n=k: x**n) == pytest.approx(moment, rel=1e-9)  # type: ignore[misc]
    z = np.array([0.3 + 1j, -3.0])
    expected = [
        law.integrate(lambda x, p=p: (1 / (x - p)).real) + 1j * law.integrate(lambda x, p=p: (1 / (x - p)).imag)
        for p in z
    ]  # type: ignore[misc]
    np.testing.assert_allclose(law.stieltjes(z), expected, rtol=1e-12)


def test_closed_forms() -> None:
    x = np.array([0.2, 1.0, 5.0])
    np.testing.assert_allclose(Exponential(2.0).density(x), np.exp(-x / 2) / 2, rtol=1e-15)
    np.testing.assert_allclose(Exponential(2.0).cdf(x), -np.expm1(-x / 2), rtol=1e-12)
    assert Exponential(2.0).moments(4).tolist() == [2.0, 8.0, 48.0, 384.0]
    power = PowerLawDensity(1.5, 0.25, 4)
    np.testing.assert_allclose(power.cdf(x[1:2]), (2 - 1) / (2 - 0.5), rtol=1e-12)
    np.testing.assert_allclose(power.density(1.0), 0.5 / (2 - 0.5), rtol=1e-14)
    np.testing.assert_allclose(power.mean, (2 - 0.5) / (2 - 0.5), rtol=1e-14)
    reciprocal = PowerLawDensity(1.0, 1, math.e)
    np.testing.assert_allclose(reciprocal.density(2.0), 0.5, rtol=1e-15)
    np.testing.assert_allclose(reciprocal.mean, math.e - 1, rtol=1e-14)
    np.testing.assert_allclose(PowerLawDensity(0, 1, 3).moments(5), Uniform(1, 3).moments(5), rtol=1e-14)
    exact = [float((Fraction(2) ** (k + 1) - Fraction(-1) ** (k + 1)) / (3 * (k + 1))) for k in range(1, 8)]
    np.testing.assert_allclose(Uniform(-1, 2).moments(7), exact, rtol=1e-14)
    np.testing.assert_allclose(Uniform(-1, 2).free_cumulants(2), [0.5, 0.75], rtol=1e-14)
    assert Uniform().density(0.5) == 1.0


def test_uniform_plus_semicircle_solves_its_equation() -> None:
    """m satisfies exp(m (b - a)) (a - w) = b - w at w = z + v m, for a uniform law on [a, b]."""
    law = Uniform(-1, 2) + Semicircle(0.5)
    z = np.array([0.1 + 1e-9j, 1 + 0.5j, -2.0 + 1e-3j, 0.7 + 0j])
    m = law.stieltjes(z, side="above")
    w = z + 0.5 * m
    assert np.all(w.imag > 0)
    np.testing.assert_allclose(np.exp(3 * m) * (-1 - w), 2 - w, rtol=1e-11)


def test_uniform_covariances_solve_silversteins_equation() -> None:
    ratio = 0.5
    law = SampleCovariance(Uniform(0.5, 2), ratio)
    ((low, high),) = law.support()
    z = np.array([low + 1e-6, 1.0, 3.0, high - 1e-6, 2 + 1j])
    v = ratio * law.stieltjes(z, side="above") - (1 - ratio) / z
    # integral of t/(1 + t v) over [a, b]
    integral = (1.5 - np.log((1 + 2 * v) / (1 + 0.5 * v)) / v) / v / 1.5
    np.testing.assert_allclose(-1 / v + ratio * integral, z, rtol=1e-11)


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (math.nan, 1), (0, math.inf), ("a", 1), (0, True)])
def test_bad_ends_are_refused(ends: tuple[object, object]) -> None:
    with pytest.raises(ParameterError, match=r"low|high"):
        Uniform(*ends)  # type: ignore[arg-type]


def test_other_bad_parameters_are_refused() -> None:
    for low in (0, -1.0, math.nan):
        with pytest.raises(ParameterError, match="low"):
            PowerLawDensity(1.0, low, 2)
    for exponent in (math.nan, math.inf, "1", None):
        with pytest.raises(ParameterError, match="exponent"):
            PowerLawDensity(exponent, 1, 2)  # type: ignore[arg-type]
    for scale in (0, -1, math.nan, True):
        with pytest.raises(ParameterError, match="scale"):
            Exponential(scale)
    with pytest.raises(ParameterError, match="x"):
        Uniform().density(math.nan)
    with pytest.raises(ParameterError, match="k"):
        Uniform().moments(0)


def test_representations_show_the_parameters() -> None:
    assert repr(Uniform(-1, 2)) == "Uniform(-1, 2)"
    assert repr(PowerLawDensity(1.5, 1, 2)) == "PowerLawDensity(1.5, 1, 2)"
    assert repr(Exponential(3)) == "Exponential(3)"
