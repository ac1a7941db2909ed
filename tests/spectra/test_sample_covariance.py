"""Sample covariances: densities and edges at seventy digits, masses, spikes, shrinkage and overlaps."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra.continuous import Uniform
from rmtcollapse.spectra.dyson import DysonLaw
from rmtcollapse.spectra.laws import Atoms, MarchenkoPastur, Semicircle
from rmtcollapse.spectra.population import Spectrum
from rmtcollapse.spectra.sample_covariance import SampleCovariance, Spike

RELATIVE = 1e-13
TWO = ([1.0, 8.0], [0.5, 0.5])
THREE = ([1.0, 3.0, 10.0], [0.5, 0.25, 0.25])


@pytest.mark.parametrize(
    ("values", "weights", "ratio"),
    [
        (*TWO, 0.1),
        (*TWO, 2.0),
        (*TWO, 1.0),
        (*TWO, 1e-6),
        (*TWO, 1e6),
        (*THREE, 5.0),
        ([1.0, 1 + 2.0**-20], [0.5, 0.5], 2.0**-29),
        ([1e-6, 1.0, 1e6], [0.5, 0.25, 0.25], 0.5),
        ([1.0, 2.0], [1 - 2.0**-40, 2.0**-40], 0.25),
        ([2.0**-60, 1.0], [0.5, 0.5], 2.0),
    ],
)
def test_densities_are_those_of_polynomial_roots(
    exact: SimpleNamespace, values: list[float], weights: list[float], ratio: float
) -> None:
    law = SampleCovariance(Atoms(values, weights), ratio)
    x = exact.grid(law, inside=5)
    reference = exact.covariance(values, weights, ratio)
    errors = exact.relative_errors(law.density(x), [reference.density(p) for p in x])
    assert errors.max() < RELATIVE, (x[errors.argmax()], errors.max())


@pytest.mark.parametrize("ratio", [0.3, 2.0])
def test_zeros_in_the_population_cost_no_digits(exact: SimpleNamespace, ratio: float) -> None:
    values, weights = [0.0, 1.0, 2.0, 8.0], [0.25, 0.25, 0.25, 0.25]
    law = SampleCovariance(Atoms(values, weights), ratio)
    x = exact.grid(law, inside=5)
    reference = exact.covariance(values, weights, ratio)
    errors = exact.relative_errors(law.density(x), [reference.density(p) for p in x])
    assert errors.max() < 1e-12, (x[errors.argmax()], errors.max())
    assert law.atoms() == [(0.0, 0.5 if ratio == 2 else 0.25)]


# Values of 20 digits, from an independent solution of the companion equation in w

EDGES = [
    (1e-6, [1.0], [1.0], [(0, 0.998001), (1, 1.002001)]),
    (
        0.3,
        [1.0, 4.0],
        [0.5, 0.5],
        [
            (0, 0.27148446314572913602),
            (1, 1.5899399105210265711),
            (2, 1.7572364407260633855),
            (3, 7.8813391856071809074),
        ],
    ),
]
DENSITIES = [
    (
        1.0,
        [1.0],
        [1.0],
        [(1e-12, 318309.8861837508828), (1e-6, 318.30984639505241177), (3.9999999999, 7.9577471546942386279e-7)],
    ),
    (1e-6, [1.0], [1.0], [(1.0, 318.30984639505241177), (0.999, 275.84834662908877936)]),
    (5.0, *THREE, [(5.0, 0.010283946885746011553), (20.0, 0.0047653590717386491031)]),
    (
        0.3,
        [1.0, 4.0],
        [0.5, 0.5],
        [(0.5, 0.57158442508929102033), (1.0, 0.38366144805883147842), (5.0, 0.085586741003230627845)],
    ),
]


@pytest.mark.parametrize(("ratio", "values", "weights", "edges"), EDGES)
def test_tabulated_edges(ratio: float, values: Any, weights: Any, edges: list[tuple[int, float]]) -> None:
    found = np.ravel(SampleCovariance(Atoms(values, weights), ratio).support())
    for number, edge in edges:
        assert found[number] == pytest.approx(edge, rel=2e-16)


@pytest.mark.parametrize(("ratio", "values", "weights", "points"), DENSITIES)
def test_tabulated_densities(ratio: float, values: Any, weights: Any, points: list[tuple[float, float]]) -> None:
    law = SampleCovariance(Atoms(values, weights), ratio)
    for x, density in points:
        assert law.density(x) == pytest.approx(density, rel=1e-14 if x < 3.9 else 4e-14)


def test_tabulated_transforms() -> None:
    law = SampleCovariance(Atoms(*THREE), 5)
    values = law.stieltjes([1e-8 + 1e-8j, 30 + 1e-6j])
    expected = [-39999999.983586554641 + 40000000.00000000002j, -0.035238630648248298506 + 0.0095871461453059520452j]
    np.testing.assert_allclose(values, expected, rtol=1e-14)
    np.testing.assert_allclose(law.stieltjes([1e-8 - 1e-8j]), np.conj(expected[:1]), rtol=1e-14)
    w = -1 / (5 * law.stieltjes(20.0, side="above") + (5 - 1) / 20.0)
    assert w == pytest.approx(5.2207217605470758919 + 10.846429568232338243j, rel=1e-13)


# Twenty-one bulks from a thousand atoms


@pytest.fixture(scope="module")
def power_law() -> SampleCovariance:
    return SampleCovariance(Atoms(np.arange(1, 1001) ** -1.5), 0.5)


def _slope(places: NDArray[np.float64], w: Any) -> Any:
    """1 - Z'(w) at 40 digits: the sum of c h (t/(t - w))^2."""
    return mp.fsum((t / (t - w)) ** 2 for t in places) / (2 * len(places))


def _image(places: NDArray[np.float64], w: Any) -> Any:
    return w * (1 - mp.fsum(t / (t - w) for t in places) / (2 * len(places)))


def test_a_thousand_atoms_make_twenty_one_bulks(power_law: SampleCovariance) -> None:
    """Gaps in double precision by a scan of each interval between atoms; four edges by the secant method in mpmath."""
    places = power_law.population.values  # type: ignore[attr-defined]
    gaps = []
    for low, high in pairwise(places):
        w = low + (high - low) * np.linspace(0, 1, 202)[1:-1]
        least = np.sum((places / (places - w[:, None])) ** 2, axis=1) / (2 * len(places))
        if least.min() < 1:
            gaps.append((low, w[least.argmin()], high))
    assert len(power_law.support()) == len(gaps) + 1 == 21
    edges = np.ravel(power_law.support())
    with mp.workdps(40):
        exact = [mp.mpf(t) for t in places]
        low, bottom, high = gaps[-1]
        brackets = {40: (bottom, high * (1 - 1e-9)), 41: (high * (1 + 1e-9), 3 * high), 39: (low * (1 + 1e-9), bottom)}
        brackets[0] = (0.0, places[0] * (1 - 1e-9))
        for number, bracket in brackets.items():
            start = brentq(
                lambda u: np.sum((places / (places - u)) ** 2) / (2 * len(places)) - 1, *bracket, xtol=1e-300
            )
            w = mp.findroot(lambda u: _slope(exact, u) - 1, start)
            assert edges[number] == pytest.approx(float(_image(exact, w)), rel=2e-16), number


def test_densities_of_a_thousand_atoms(power_law: SampleCovariance) -> None:
    edges = power_law.support()
    x = [0.9 * a + 0.1 * b for a, b in edges[::7]] + [edges[3][0] * (1 + 1e-12), edges[-1][1] * (1 - 1e-13)]
    start = -1 / (0.5 * power_law.stieltjes(x, side="above") - 0.5 / np.array(x))
    true = []
    with mp.workdps(40):
        exact = [mp.mpf(t) for t in power_law.population.values]  # type: ignore[attr-defined]
        for place, first in zip(x, start, strict=True):
            w = mp.mpmathify(complex(first))
            for _ in range(3):
                w -= (_image(exact, w) - mp.mpf(place)) / (1 - _slope(exact, w))
            assert abs(_image(exact, w) - mp.mpf(place)) < mp.mpf(10) ** -30
            true.append(2 * mp.im(w) / (mp.pi * abs(w) ** 2))
    with mp.workdps(40):
        errors = [float(abs(mp.mpf(float(d)) / t - 1)) for d, t in zip(power_law.density(x), true, strict=True)]
    assert max(errors) < RELATIVE
    assert all(t > 0 for t in true)


# Masses and structure


def test_bulks_hold_the_weight_of_their_atoms() -> None:
    law = SampleCovariance(Atoms([1.0, 20, 400], [0.5, 0.3125, 0.1875]), 0.05)
    np.testing.assert_allclose(law.masses(), [0.5, 0.3125, 0.1875], rtol=1e-14)
    assert law.atoms() == []
    np.testing.assert_allclose(law.cdf([0.01, 10, 100, 1000]), [0, 0.5, 0.8125, 1.0], atol=2e-14)
    few = SampleCovariance(Atoms([1.0, 400], [0.75, 0.25]), 2)
    # n = p/2 samples: the largest quarter of p takes its own bulk, the rest of the n eigenvalues are with the small
    np.testing.assert_allclose(few.masses(), [0.25, 0.25], rtol=1e-13)
    assert few.atoms() == [(0.0, 0.5)]


def test_zeros_in_the_population() -> None:
    law = SampleCovariance(Atoms([0.0, 1.0], [0.75, 0.25]), 2)
    same = MarchenkoPastur(0.5)
    assert law.atoms() == [(0.0, 0.75)]
    np.testing.assert_allclose(law.support(), same.support(), rtol=4e-16)
    np.testing.assert_allclose(law.density([0.2, 1, 2]), same.density([0.2, 1, 2]) / 4, rtol=1e-14)
    np.testing.assert_allclose(law.cdf([0.2, 1, 2]), 0.75 + same.cdf([0.2, 1, 2]) / 4, rtol=1e-14)
    z = np.array([0.3 + 1j, -1.0])
    np.testing.assert_allclose(law.stieltjes(z), same.stieltjes(z) / 4 - 0.75 / z, rtol=1e-13)
    assert SampleCovariance(Atoms([0.0, 1.0], [0.25, 0.75]), 4).atoms() == [(0.0, 0.75)]


def test_populations_given_in_other_ways() -> None:
    spectrum = Spectrum([3.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    law = SampleCovariance(spectrum, samples=9)
    assert law.atoms() == [(0.0, 0.5)]
    same = SampleCovariance(Atoms([0.0, 1.0, 3.0], [0.5, 1 / 3, 1 / 6]), Fraction(2, 3))
    np.testing.assert_allclose(law.support(), same.support(), rtol=1e-15)
    assert law.ratio == 2 / 3
    merged = SampleCovariance(Atoms([1.0, 2.0, 1.0, 2.0]), 0.5)
    assert merged.population.values.tolist() == [1.0, 2.0]  # type: ignore[attr-defined]
    twice = SampleCovariance(MarchenkoPastur(0.25), 0.5)
    other = MarchenkoPastur(0.5) @ MarchenkoPastur(0.25)
    np.testing.assert_allclose(twice.density([0.3, 1.0, 3.0]), other.density([0.3, 1.0, 3.0]), rtol=1e-13)
    np.testing.assert_allclose(twice.moments(5), other.moments(5), rtol=1e-13)
    uniform = SampleCovariance(Uniform(0.5, 2), 2)
    assert uniform.atoms() == [(0.0, 0.5)]
    assert uniform.integrate(lambda x: x) == pytest.approx(1.25, rel=1e-10)


def test_moments_of_the_sample() -> None:
    """m1 = t1, m2 = t2 + c t1^2, m3 = t3 + 3 c t1 t2 + c^2 t1^3."""
    law = SampleCovariance(Atoms(*THREE), 1.5)
    t1, t2, t3 = law.population.moments(3)
    expected = [t1, t2 + 1.5 * t1**2, t3 + 4.5 * t1 * t2 + 2.25 * t1**3]
    np.testing.assert_allclose(law.moments(3), expected, rtol=1e-14)
    for power, moment in enumerate(expected, start=1):
        assert law.integrate(lambda x, n=power: x**n) == pytest.approx(moment, rel=1e-12)  # type: ignore[misc]


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
def test_the_logarithm_of_white_data(ratio: float) -> None:
    """Integral of log x: ((c - 1)/c) log(1 - c) - 1, plus that of the population."""
    closed = (ratio - 1) / ratio * math.log1p(-ratio) - 1
    assert MarchenkoPastur(ratio).integrate(np.log) == pytest.approx(closed, rel=1e-11)
    law = SampleCovariance(Atoms(*TWO), ratio)
    assert law.integrate(np.log) == pytest.approx(closed + math.log(8) / 2, rel=1e-11)
    assert law.log_potential(0.0, side="below") == pytest.approx(closed + math.log(8) / 2 - 1j * math.pi, rel=1e-13)


# Spikes


def test_spikes_of_white_data_are_those_of_baik_ben_arous_and_peche() -> None:
    c = 0.25
    law = SampleCovariance(Atoms([1.0]), c)
    values = np.array([1.5 + 1e-9, 1.51, 2.0, 5.0, 1e4, 0.49, 0.2])
    found = law.spike(values)
    assert isinstance(found, Spike)
    assert found.detached.all()
    np.testing.assert_allclose(found.location, values * (1 + c / (values - 1)), rtol=1e-14)
    overlap = (1 - c / (values - 1) ** 2) / (1 + c / (values - 1))
    np.testing.assert_allclose(found.overlap, overlap, rtol=1e-12, atol=1e-15)
    stuck = law.spike([1.5 - 1e-9, 1.2, 1.0, 0.9, 0.5 + 1e-9])
    assert not stuck.detached.any()
    assert stuck.overlap.tolist() == [0.0] * 5
    np.testing.assert_allclose(stuck.location, [2.25, 2.25, stuck.location[2], 0.25, 0.25], rtol=1e-12)
    assert str(MarchenkoPastur(law.ratio).spike(values)) == str(found)
    one = law.spike(2.0)
    assert (one.location, one.detached) == (2.5, True)


def test_a_spike_between_two_bulks(exact: SimpleNamespace) -> None:
    """A spike between the bulks lands in the gap, where w = -1/v is the spike, and its overlap is a slope."""
    law = SampleCovariance(Atoms([1.0, 30.0]), 0.05)
    spike = law.spike(6.0)
    (_, low), (high, _) = law.support()
    assert low < spike.location < high
    m = law.stieltjes(spike.location)
    companion = 0.05 * m - 0.95 / spike.location
    assert -1 / companion == pytest.approx(6.0, rel=1e-12)
    step = 1e-6
    slope = (law.spike(6 + step).location - law.spike(6 - step).location) / (2 * step)
    assert spike.overlap == pytest.approx(6 * slope / spike.location, rel=1e-8)


def test_a_spike_on_a_continuous_population() -> None:
    law = SampleCovariance(Uniform(0.5, 2), 0.1)
    found = law.spike([6.0, 1.0])
    companion = 0.1 * law.stieltjes(found.location[0]) - 0.9 / found.location[0]
    assert -1 / companion == pytest.approx(6.0, rel=1e-10)
    step = 1e-5
    slope = (law.spike(6 + step).location - law.spike(6 - step).location) / (2 * step)
    assert found.overlap[0] == pytest.approx(6 * slope / found.location[0], rel=1e-7)
    assert found.detached.tolist() == [True, False]


def test_spikes_against_matrices() -> None:
    """Largest eigenvalue of 40 matrices with one spike: location and overlap within 4 standard errors and 8/n."""
    rng = np.random.default_rng(3)
    n, p, value, trials = 800, 200, 3.0, 40
    scale = np.ones(p)
    scale[0] = math.sqrt(value)
    top, cosine = np.empty(trials), np.empty(trials)
    for i in range(trials):
        _, s, rows = np.linalg.svd(rng.standard_normal((n, p)) * scale, full_matrices=False)
        top[i], cosine[i] = s[0] ** 2 / n, rows[0, 0] ** 2
    spike = SampleCovariance(Atoms([1.0]), p / n).spike(value)
    for sample, limit in ((top, spike.location), (cosine, spike.overlap)):
        assert sample.mean() == pytest.approx(limit, abs=4 * sample.std(ddof=1) / math.sqrt(trials) + 8 / n)


# Shrinkage and overlaps


@pytest.mark.parametrize("ratio", [0.1, 0.5, 3.0])
def test_overlaps_average_to_one(ratio: float) -> None:
    """Over the population at each x; over the sample at each t, where no eigenvalue is null."""
    law = SampleCovariance(Atoms(*THREE), ratio)
    weights, values = law.population.weights, law.population.values  # type: ignore[attr-defined]
    x = np.concatenate([a + (b - a) * np.array([1e-9, 0.2, 0.6, 1 - 1e-9]) for a, b in law.support()])
    overlaps = law.overlap(x[:, None], values)
    np.testing.assert_allclose(overlaps @ weights, np.ones(x.size), rtol=1e-9)
    np.testing.assert_allclose((overlaps * values) @ weights, law.shrinkage(x), rtol=1e-9)
    if ratio < 1:
        for value in values:
            assert law.integrate(lambda y, t=value: law.overlap(y, t)) == pytest.approx(1, abs=1e-10)  # type: ignore[misc]


@pytest.mark.parametrize("ratio", [0.5, 3.0, 10.0])
def test_shrinkage_keeps_the_trace(ratio: float) -> None:
    law = SampleCovariance(Atoms(*THREE), ratio)
    (left, right) = law.support()[0][0], law.support()[-1][1]
    atom = sum(h for _, h in law.atoms())
    kept = law.integrate(lambda x: np.where(x > 0, law.shrinkage(np.where(x > 0, x, (left + right) / 2)), 0.0))
    null = law.shrinkage(0.0) if ratio > 1 else 0.0
    assert kept + atom * null == pytest.approx(law.population.mean, rel=1e-10)


def test_null_shrinkage_of_white_data() -> None:
    """For T = 1 everything shrinks to 1, and the null eigenvectors see 1 as well."""
    law = SampleCovariance(Atoms([1.0]), 4)
    np.testing.assert_allclose(law.shrinkage([0.0, 2.0, 5.0, 8.9]), np.ones(4), rtol=1e-12)
    assert law.shrinkage(2.0) == pytest.approx(1, rel=1e-13)


def test_null_shrinkage_with_zeros_in_the_population() -> None:
    """Null vectors of the sample: p - n of them, an expected trace of tr T less that of the bulk."""
    law = SampleCovariance(Atoms([0.0, 1.0, 4.0], [0.25, 0.5, 0.25]), 2)
    kept = law.integrate(lambda x: np.where(x > 0, law.shrinkage(np.where(x > 0, x, law.support()[0][1] / 2)), 0.0))
    ((_, atom),) = law.atoms()
    assert kept + atom * law.shrinkage(0.0) == pytest.approx(law.population.mean, rel=1e-10)


# Refusals


@pytest.mark.parametrize(
    ("population", "options", "message"),
    [
        (Atoms([1.0]), {}, "ratio"),
        (Atoms([1.0]), {"ratio": 0}, "ratio = 0 "),
        (Atoms([1.0]), {"ratio": -1.0}, "ratio"),
        (Atoms([1.0]), {"ratio": math.nan}, "ratio"),
        (Atoms([1.0]), {"ratio": True}, "ratio"),
        (Atoms([1.0]), {"ratio": 1, "samples": 3}, "ratio"),
        (Atoms([1.0]), {"samples": 3}, "samples"),
        (Spectrum([1.0]), {"samples": 0}, "samples"),
        (Spectrum([1.0]), {"samples": 2.5}, "samples"),
        (Atoms([-1.0, 1.0]), {"ratio": 1}, "smallest place of population = -1"),
        (Semicircle(), {"ratio": 1}, "smallest place of population"),
        (Atoms([0.0]), {"ratio": 1}, "not all zero"),
        ([1.0, 2.0], {"ratio": 1}, "population"),
        (DysonLaw(np.array([[1.0]])), {"ratio": 1}, "population"),
    ],
)
def test_bad_populations_and_ratios_are_refused(population: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        SampleCovariance(population, **options)


def test_bad_arguments_are_refused() -> None:
    law = SampleCovariance(Atoms(*TWO), 0.1)
    for value in (0.0, -1.0, math.nan, "2", 1j):
        with pytest.raises(ParameterError, match="value"):
            law.spike(value)  # type: ignore[arg-type]
    for x in (0.0, -1.0, 1e9, math.nan, law.support()[0][1]):
        with pytest.raises(ParameterError, match="x = "):
            law.shrinkage(x)
        with pytest.raises(ParameterError, match="x = "):
            law.overlap(x, 1.0)
    with pytest.raises(ParameterError, match="population"):
        SampleCovariance(MarchenkoPastur(0.5), 0.5).shrinkage(1.0)
    with pytest.raises(ParameterError, match="value"):
        law.overlap(1.0, math.nan)


def test_representation_shows_population_and_ratio() -> None:
    assert repr(SampleCovariance(Atoms([1.0]), 0.5)) == "SampleCovariance(<Atoms: 1 at 1 (1 in all)>, ratio=0.5)"
