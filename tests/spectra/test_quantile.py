"""Quantiles, draws and integrals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.spectra._quantile import over_bulk
from rmtcollapse.spectra.continuous import Exponential, Uniform
from rmtcollapse.spectra.free import FreeAdditivePower
from rmtcollapse.spectra.law import Law
from rmtcollapse.spectra.laws import Atoms, FreePoisson, FussCatalan, MarchenkoPastur, Semicircle
from rmtcollapse.spectra.sample_covariance import SampleCovariance

SMOOTH: list[Law] = [
    Semicircle(),
    MarchenkoPastur(0.5),
    MarchenkoPastur(1),
    SampleCovariance(Atoms([1.0, 8.0]), 0.1),
    SampleCovariance(Atoms([1.0, 20.0, 400.0], [0.5, 0.3125, 0.1875]), 0.05),
    Atoms([-1.0, 1.0]) + Semicircle(),
    Atoms([-1.0, 1.0]) + Atoms([-1.0, 1.0]),
    FreePoisson(1.5, -2.0),
    FussCatalan(2),
    Uniform(-1, 2) + Semicircle(0.5),
]
MIXED: list[Law] = [
    MarchenkoPastur(2),
    SampleCovariance(Atoms([0.0, 1.0, 8.0]), 0.125),
    Atoms([0.0, 1.0], [0.75, 0.25]) + Atoms([-1.0, 2.0], [0.375, 0.625]),
    FreeAdditivePower(Atoms([0.0, 1.0], [0.75, 0.25]), 2.5),
]
LEVELS = np.array([1e-12, 1e-6, 0.03, 0.2, 0.45, 0.7, 0.95, 1 - 1e-6])


@pytest.mark.parametrize("law", SMOOTH + MIXED, ids=repr)
def test_quantiles_invert_the_distribution_function(law: Law) -> None:
    x = law.quantile(LEVELS)
    places = np.array([place for place, _ in law.atoms()])
    smooth = ~np.isin(x, places) & (x - law._hull[0] > 1e-30)  # where the density diverges, ends are reached in doubles
    # x is rounded: next to an infinite density that moves the level
    rounding = np.nan_to_num(law.density(x) * np.spacing(np.abs(x)), posinf=1e-8)
    assert np.all(np.abs(law.cdf(x) - LEVELS)[smooth] <= (1e-12 * LEVELS + 1e-15 + 2 * rounding)[smooth])
    assert np.all(np.diff(x) >= 0)
    at_atom = np.isin(x, places)
    for level, place in zip(LEVELS[at_atom], x[at_atom], strict=True):
        assert law.cdf(np.nextafter(place, -math.inf)) < level <= law.cdf(place)
    low, high = law._hull
    assert law.quantile([0.0, 1.0]).tolist() == [low, high]


def test_quantiles_at_the_ends_of_atoms_and_gaps() -> None:
    law = MarchenkoPastur(2)
    assert law.quantile([0.0, 0.25, 0.5]).tolist() == [0.0, 0.0, 0.0]
    left, right = law.support()[0]
    assert left < law.quantile(0.5 + 1e-9) < left + 1e-4
    assert law.quantile(1.0) == right
    atoms = Atoms([1.0, 2.0, 4.0], [0.25, 0.5, 0.25])
    assert atoms.quantile([0, 0.25, 0.25 + 1e-12, 0.75, 0.76, 1]).tolist() == [1, 1, 2, 2, 4, 4]
    two = SampleCovariance(Atoms([1.0, 100.0]), 0.1)
    (_, end), (start, _) = two.support()
    below, above = two.quantile([0.5 - 1e-9, 0.5 + 1e-9])
    assert end - 1e-4 < below < end
    assert start < above < start + 1e-2


@pytest.mark.parametrize("law", SMOOTH, ids=repr)
def test_draws_follow_the_distribution_function(law: Law) -> None:
    draws = law.sample(5000, rng=7)
    assert stats.kstest(draws, law.cdf).pvalue > 1e-3
    low, high = law._hull
    assert np.all((draws >= low) & (draws <= high))


@pytest.mark.parametrize("law", MIXED, ids=repr)
def test_draws_hit_atoms_as_often_as_their_masses(law: Law) -> None:
    draws = law.sample((50, 100), rng=5)
    assert draws.shape == (50, 100)
    total = 0.0
    for place, mass in law.atoms():
        total += mass
        assert np.mean(draws == place) == pytest.approx(mass, abs=4.5 * math.sqrt(mass * (1 - mass) / draws.size))
    rest = draws[~np.isin(draws, [place for place, _ in law.atoms()])]

    def continuous(x: Any) -> Any:
        atoms = sum(mass * (np.asarray(x) >= place) for place, mass in law.atoms())
        return (law.cdf(x) - atoms) / (1 - total)

    assert stats.kstest(rest, continuous).pvalue > 1e-3


def test_draws_are_quantiles_of_uniform_numbers() -> None:
    """The table of a draw is within 1e-9 of the width of the bulk of the quantile."""
    for law in (SMOOTH[1], SMOOTH[3], SMOOTH[5], MIXED[0]):
        q = np.random.default_rng(3).random(200)
        width = max(b - a for a, b in law.support())
        np.testing.assert_allclose(law.sample(200, rng=3), law.quantile(q), atol=1e-9 * width, rtol=0)


def test_draws_are_reproducible() -> None:
    law = MarchenkoPastur(0.5)
    np.testing.assert_array_equal(law.sample(7, rng=1), law.sample(7, np.random.default_rng(1)))
    assert law.sample(0).shape == (0,)
    assert law.sample((2, 0, 3)).shape == (2, 0, 3)
    assert not np.array_equal(law.sample(5), law.sample(5))
    assert Atoms([2.0]).sample(3).tolist() == [2.0] * 3


@pytest.mark.parametrize("size", [-1, 1.5, "3", (2, -1)])
def test_bad_sizes_are_refused(size: Any) -> None:
    with pytest.raises(ParameterError, match="size"):
        MarchenkoPastur(0.5).sample(size)


# Integrals


def test_integrals_of_functions_with_singular_ends() -> None:
    """Over Marchenko-Pastur at ratio 1: x = y^2 with y a semicircle, so that x^(-1/4) integrates to its |y|^(-1/2)."""
    law = MarchenkoPastur(1)
    closed = 2**-0.5 * math.gamma(0.25) * math.gamma(1.5) * 2 / (math.pi * math.gamma(1.75))
    assert law.integrate(lambda x: x**-0.25) == pytest.approx(closed, rel=1e-12)
    assert law.integrate(np.log) == pytest.approx(-1, rel=1e-12)
    assert law.integrate(np.sqrt) == pytest.approx(8 / (3 * math.pi), rel=1e-13)
    assert MarchenkoPastur(0.5).integrate(lambda x: 1 / x) == pytest.approx(2, rel=1e-13)
    assert MarchenkoPastur(0.25).integrate(lambda x: x**-2.0) == pytest.approx(0.75**-3, rel=1e-12)
    arcsine = Atoms([-1.0, 1.0]) + Atoms([-1.0, 1.0])
    assert arcsine.integrate(lambda x: x**4) == pytest.approx(6, rel=1e-12)
    with pytest.raises(ConvergenceError, match="did not settle"):  # 1e-8 of the mass is within rounding of x = 2
        arcsine.integrate(lambda x: np.log(2 - x))


def test_integrals_of_functions_with_kinks() -> None:
    assert Semicircle().integrate(np.abs) == pytest.approx(8 / (3 * math.pi), rel=1e-10)
    law = MarchenkoPastur(0.5)
    assert law.integrate(lambda x: (x > 1.0) * 1.0) == pytest.approx(1 - law.cdf(1.0), abs=1e-9)


def test_atoms_enter_integrals_exactly() -> None:
    law = MarchenkoPastur(4)
    assert law.integrate(lambda x: np.where(x == 0, 1.0, 0.0)) == 0.75
    assert law.integrate(lambda x: np.cos(0 * x)) == pytest.approx(1, abs=1e-13)
    assert Atoms([1.0, 3.0], [0.25, 0.75]).integrate(lambda x: x**2) == 7.0
    assert Exponential(1).integrate(lambda x: np.exp(-x)) == pytest.approx(0.5, rel=1e-12)


def test_over_bulk_is_one_bulk_of_the_integral() -> None:
    law = SampleCovariance(Atoms([1.0, 100.0]), 0.1)
    for (left, right), mass in zip(law.support(), (0.5, 0.5), strict=True):
        assert over_bulk(law, np.ones_like, left, right) == pytest.approx(mass, rel=1e-13)


def test_functions_of_another_shape_are_refused() -> None:
    law = Semicircle()
    with pytest.raises(ParameterError, match=r"shape of function\(x\)"):
        law.integrate(np.sum)
    with pytest.raises(ParameterError, match=r"shape of function\(x\)"):
        law.integrate(lambda x: x[:-1])


@pytest.mark.slow
def test_what_cannot_be_integrated_is_refused() -> None:
    with pytest.raises(ConvergenceError, match="did not settle"):
        MarchenkoPastur(1).integrate(lambda x: 1 / x)
    with pytest.raises(ConvergenceError, match="did not settle"):
        Semicircle().integrate(lambda x: 1 / (x - 0.25) ** 2)
