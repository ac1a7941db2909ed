"""From sample to population: eigenvalues at the law's places give it back, draws come closer to it than they are."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq  # type: ignore[import-untyped, unused-ignore]

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.spectra import SampleCovariance, Spectrum, inverse
from rmtcollapse.spectra import _population_fit as fit
from rmtcollapse.spectra._sample_places import Places, places
from rmtcollapse.spectra.inverse import (
    deconvolved_energy,
    estimate_population,
    nonlinear_shrinkage,
    shrink_covariance,
)

Array = NDArray[np.float64]
EPS = float(np.finfo(float).eps)
LARGEST_Z = 4.0
COUNTED = 1e-8  # counts are solved for to this share of the dimension

POPULATIONS: dict[str, Callable[[int], Array]] = {
    "isotropic": np.ones,
    "two atoms": lambda d: np.repeat([8.0, 1.0], [d // 2, d - d // 2]),
    "power law 1": lambda d: np.arange(1.0, d + 1) ** -1,
    "power law 1.5": lambda d: np.arange(1.0, d + 1) ** -1.5,
    "uniform": lambda d: np.linspace(2.0, 0.5, d),
    "spiked": lambda d: np.r_[10.0, 6.0, 4.0, np.ones(d - 3)],
}


def sampled(t: Array, n: int, seed: int) -> Array:
    """Eigenvalues (d,), decreasing, of the covariance of n uncentred Gaussian rows."""
    rows = np.random.default_rng([seed, n, t.size]).standard_normal((n, t.size)) * np.sqrt(t)
    values = np.linalg.svd(rows, compute_uv=False) ** 2 / n
    return np.concatenate([values, np.zeros(t.size - values.size)])


def estimated(values: Array, n: int) -> Array:
    return estimate_population(values, n).eigenvalues


def distance(one: Array, other: Array) -> float:
    """Wasserstein-1."""
    return float(np.mean(np.abs(np.sort(one) - np.sort(other))))


def effective_ridge(s: Array, n: float, ridge: float) -> float:
    """kappa, by bisection of its definition."""

    def excess(log_kappa: float) -> float:
        return float(np.exp(log_kappa) * (1 - np.sum(s / (s + np.exp(log_kappa))) / n) - ridge)

    return float(np.exp(brentq(excess, -50, 50, xtol=1e-13)))


def risk_errors(found: Array, t: Array) -> Array:
    """Relative errors of df1(kappa) and of predicted effective ridges, over decades and sizes, as a user needs them."""
    mean, d = t.mean(), t.size
    degrees = [np.sum(found / (found + k)) / np.sum(t / (t + k)) - 1 for k in mean * np.array([0.01, 0.1, 1.0, 10.0])]
    cases = [(n, r * mean) for n in (d / 4, d / 2, 2 * d, 4 * d) for r in (0.01, 0.1)]
    ridges = [effective_ridge(found, n, r) / effective_ridge(t, n, r) - 1 for n, r in cases]
    return np.abs([*degrees, *ridges])


def law_places(t: Array, n: int) -> Places:
    return places(t, np.ones(t.size), n, np.arange(min(n, t.size)) + 0.5)


# The forward map


@pytest.mark.parametrize(("d", "n"), [(12, 40), (12, 12), (12, 5)])
def test_places_are_quantiles_of_the_law(d: int, n: int) -> None:
    t = np.geomspace(4.0, 0.25, d)
    law, at = SampleCovariance(Spectrum(t), samples=n), law_places(t, n)
    levels = np.arange(min(n, d)) + 0.5
    np.testing.assert_allclose(d * (1 - law.cdf(at.x)), levels, atol=10 * COUNTED * d)
    np.testing.assert_allclose(d * law.density(at.x), at.density, rtol=1e4 * EPS)
    np.testing.assert_allclose(law.shrinkage(at.x), (at.real**2 + at.square) / at.x, rtol=1e4 * EPS)


@pytest.mark.parametrize("n", [40, 6])
def test_places_of_one_atom_are_those_of_marchenko_and_pastur(n: int) -> None:
    """Against the density of the closed form, integrated from the top."""
    d = 12
    at = places(np.array([3.0]), np.array([float(d)]), n, np.arange(min(n, d)) + 0.5)
    low, high = (3 * (1 + s * np.sqrt(d / n)) ** 2 for s in (-1, 1))
    angle = np.linspace(0, np.pi, 200_001)
    x = (high + low) / 2 + (high - low) / 2 * np.cos(angle)
    density = n * ((high - low) / 2 * np.sin(angle)) ** 2 / (2 * np.pi * 3 * x)
    above = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(angle))])
    np.testing.assert_allclose(np.interp(at.x[::-1], x[::-1], above[::-1]), at.count[::-1], atol=1e-6)


@pytest.mark.parametrize("n", [60, 10, 4])
def test_the_kernel_is_the_derivative_of_the_places(n: int) -> None:
    t, h = np.array([5.0, 4.0, 2.0, 1.5, 1.0, 0.4]), 1e-5
    kernel = law_places(t, n).kernel
    for j in range(t.size):
        up, down = (law_places(t * np.where(np.arange(t.size) == j, 1 + s * h, 1), n).x for s in (1, -1))
        slopes = (up - down) / (2 * h * t[j])
        error = h**2 * t[0] ** 2 + 20 * COUNTED * t.size / (law_places(t, n).density * h * t[j])
        assert np.all(np.abs(kernel[:, j] - slopes) <= error), (j, kernel[:, j] - slopes, error)


def test_null_value_is_that_of_the_law() -> None:
    t = np.geomspace(4.0, 0.25, 12)
    shrunk = nonlinear_shrinkage(np.r_[np.ones(5), np.zeros(7)], 5, Spectrum(t))
    assert shrunk[-1] == pytest.approx(SampleCovariance(Spectrum(t), samples=5).shrinkage(0.0), rel=1e4 * EPS)


# The estimate


@pytest.mark.parametrize("name", ["isotropic", "power law 1", "uniform", "spiked"])
@pytest.mark.parametrize("ratio", [0.1, 0.5, 1, 2])
def test_eigenvalues_at_their_places_give_the_population_back(name: str, ratio: float) -> None:
    """No noise: what is left is the penalty's, and the data leave no more than this open."""
    t = np.asarray(POPULATIONS[name](60))
    n = round(60 / ratio)
    exact = np.concatenate([law_places(t, n).x, np.zeros(max(0, 60 - n))])
    found = estimated(exact, n)
    assert np.max(risk_errors(found, t)) < 0.02
    assert np.max(risk_errors(exact, t)) > 5 * np.max(risk_errors(found, t))


# Power laws are not here: the sampling error of their first eigenvalues dominates the distance (see below).
HALVED = ("isotropic", "two atoms", "uniform", "spiked")


@pytest.mark.parametrize("name", HALVED)
@pytest.mark.parametrize("ratio", [0.5, 1, 2])
def test_distance_to_the_population_is_halved(name: str, ratio: float) -> None:
    """At least, by LARGEST_Z standard errors over draws."""
    t, n = np.asarray(POPULATIONS[name](100)), round(100 / ratio)
    draws = [sampled(t, n, seed) for seed in range(6)]
    gain = np.array([distance(s, t) / 2 - distance(estimated(s, n), t) for s in draws])
    assert gain.mean() > LARGEST_Z * gain.std(ddof=1) / np.sqrt(gain.size)


@pytest.mark.parametrize("name", list(POPULATIONS))
@pytest.mark.parametrize("ratio", [0.1, 0.5, 2])
def test_predicted_degrees_of_freedom_and_ridges_are_twice_as_good(name: str, ratio: float) -> None:
    """Worst of each set, averaged over draws: at most half that of plugging in the sample spectrum."""
    t, n = np.asarray(POPULATIONS[name](60)), round(60 / ratio)
    draws = [sampled(t, n, seed) for seed in range(5)]
    gain = np.array([risk_errors(s, t).max() / 2 - risk_errors(estimated(s, n), t).max() for s in draws])
    assert gain.mean() > LARGEST_Z * gain.std(ddof=1) / np.sqrt(gain.size)


def test_a_steep_power_law_is_limited_by_its_first_eigenvalues() -> None:
    """Their sampling error dominates the distance, and nothing that sees the eigenvalues alone can lower it."""
    t, n = POPULATIONS["power law 1.5"](100), 200
    ratios = [distance(estimated(s, n), t) / distance(s, t) for s in (sampled(t, n, seed) for seed in range(8))]
    assert 0.8 < np.mean(ratios) < 1.3


def test_many_rows_return_the_sample_spectrum() -> None:
    t = np.linspace(2.0, 0.5, 30)
    for n, tolerance in ((10**5, 3e-2), (10**7, 3e-4), (10**9, 3e-6)):
        np.testing.assert_allclose(estimated(t, n), t, rtol=tolerance)
    assert np.all(estimated(t, 10**15) == t)


def test_the_spread_of_many_rows_is_undone_too() -> None:
    t = np.ones(30)
    values = sampled(t, 30 * 500, 0)
    assert distance(estimated(values, 30 * 500), t) < 0.2 * distance(values, t)


def test_steps_descend_the_cost_they_are_judged_by() -> None:
    """Of the penalty; the residuals' part is the kernel's test."""
    at = fit.PopulationFit(np.linspace(1.0, 0.1, 12), 12, 20, 3.0)
    theta = np.sort(np.random.default_rng(0).standard_normal(12))[::-1]
    nothing = np.zeros(12), np.zeros((12, 12)), np.ones(12)
    gradient, h = at._normal(theta, nothing)[1], 1e-6
    slopes = [(at._cost(nothing[0], theta + h * e) - at._cost(nothing[0], theta - h * e)) / (2 * h) for e in np.eye(12)]
    np.testing.assert_allclose(-2 * gradient, slopes, atol=10 * (h**2 + EPS / h))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 1000])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_few_columns(d: int, n: int) -> None:
    values = sampled(np.array([3.0, 1.0, 0.5])[:d], n, 0)
    found = estimated(values, n)
    assert np.all(found > 0)
    assert found.sum() == pytest.approx(values.sum(), rel=100 * EPS)
    if n == 1000:
        np.testing.assert_allclose(found, values, rtol=0.05)


def test_units_and_order_do_not_matter() -> None:
    values = sampled(POPULATIONS["spiked"](40), 60, 0)
    one = estimated(values, 60)
    for scale in (1e-200, 1e200):
        np.testing.assert_allclose(estimated(values[::-1] * scale, 60) / scale, one, rtol=1e-6)
    assert np.all(np.diff(one) <= 0)


@pytest.mark.parametrize(("n", "zeros"), [(12, 0), (25, 20), (60, 20)])
def test_rank(n: int, zeros: int) -> None:
    """A rank below both rows and columns is the population's own; else no eigenvalue is 0."""
    values = sampled(np.r_[np.ones(20), np.zeros(20)], n, 0)
    spectrum = estimate_population(values, n)
    assert spectrum.dimension == 40
    assert 40 - spectrum.rank == zeros
    assert spectrum.trace == pytest.approx(values.sum(), rel=100 * EPS)


def test_a_wide_range_keeps_its_small_end() -> None:
    t = np.repeat([1.0, 1e-9], 30)
    found = estimated(sampled(t, 120, 0), 120)
    np.testing.assert_allclose(np.sort(found), np.sort(t), rtol=0.5)


def test_a_huge_spike_is_not_drawn_to_the_rest() -> None:
    t = np.r_[1e6, np.ones(99)]
    for n in (20, 300):
        values = sampled(t, n, 0)
        found = estimated(values, n)
        assert found[0] == pytest.approx(values[0], rel=1e-3)
        assert found[1] < values[1]


def test_many_eigenvalues_use_knots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of eigenvalues and knots between them: nearly the fit that has one unknown an eigenvalue."""
    t, n = POPULATIONS["power law 1"](120), 100
    values = sampled(t, n, 0)
    full = estimated(values, n)
    for name, size in (("KNOTS", 50), ("LEVELS", 70), ("ATOMS", 90)):
        monkeypatch.setattr(fit, name, size)
    blocked = estimated(values, n)
    assert not np.array_equal(full, blocked)
    assert np.max(risk_errors(blocked, full)) < 0.01


@pytest.mark.parametrize(("size", "most"), [(7, 10), (101, 40), (1000, 160), (5001, 240)])
def test_blocks_part_the_row(size: int, most: int) -> None:
    sizes = fit.blocks(size, most)
    assert sizes.sum() == size
    assert sizes.size <= most + 4
    assert np.all(sizes >= 1)
    assert (sizes[0], sizes[-1]) == (1, 1)
    assert np.all(sizes == np.round(sizes))


def test_a_fit_that_does_not_settle_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "STEPS", 1)
    with pytest.raises(ConvergenceError, match="raise smoothing"):
        estimate_population(sampled(POPULATIONS["uniform"](20), 30, 0), 30)


# Energies


@pytest.mark.parametrize("n", [50, 400])
def test_energies_seen_in_expectation_give_the_signal_back(n: int) -> None:
    """What the overlaps mix is unmixed; the total is kept."""
    t = np.r_[np.full(10, 4.0), np.full(10, 1.0)]
    truth = np.r_[np.full(10, 0.2), np.full(10, 0.6)]
    seen = law_places(t, n).kernel @ truth
    seen *= truth.sum() / seen.sum()
    found = deconvolved_energy(seen, t, n)
    assert found.sum() == pytest.approx(truth.sum(), rel=100 * EPS)
    mixed = abs(seen[:10].sum() - truth[:10].sum())
    assert abs(found[:10].sum() - truth[:10].sum()) < 0.25 * mixed
    assert np.all(deconvolved_energy(np.zeros(20), t, n) == 0)


def test_many_energies_are_deconvolved_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    t = np.geomspace(8.0, 0.5, 200)
    seen = law_places(t, 300).kernel @ t**-1.5
    full = deconvolved_energy(seen, t, 300)
    monkeypatch.setattr(inverse, "LEVELS", 60)
    monkeypatch.setattr(inverse, "ATOMS", 80)
    blocked = deconvolved_energy(seen, t, 300)
    assert blocked.sum() == pytest.approx(full.sum(), rel=100 * EPS)
    assert not np.array_equal(blocked, full)
    np.testing.assert_allclose(np.cumsum(blocked), np.cumsum(full), atol=0.002 * full.sum())


# From data


def labelled(n: int, d: int, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng([n, d, seed])
    X = rng.standard_normal((n, d)) + 3.0
    return X, X @ rng.standard_normal(d) + rng.standard_normal(n)


@pytest.mark.parametrize(("n", "d"), [(60, 20), (25, 20), (12, 20)])
def test_data_keep_trace_energy_and_noise(n: int, d: int) -> None:
    X, y = labelled(n, d, 0)
    sample, population = (Spectrum.from_data(X, y, population=p) for p in ("sample", "estimated"))
    assert sample.signal is not None
    assert population.signal is not None
    assert population.trace == pytest.approx(sample.trace, rel=100 * EPS)
    energies = [float(np.sum(s.eigenvalues * s.signal)) for s in (sample, population) if s.signal is not None]
    assert energies[1] == pytest.approx(energies[0], rel=1000 * EPS)
    assert population.noise_variance == sample.noise_variance
    assert np.ptp(population.eigenvalues) < 0.5 * np.ptp(sample.eigenvalues)
    assert population.rank == d


@pytest.mark.parametrize(("n", "kind"), [(60, "estimated"), (61, "sample")])
def test_auto_changes_at_twenty_rows_a_column(n: int, kind: str) -> None:
    X, y = labelled(n, 3, 0)
    assert Spectrum.from_data(X, y) == Spectrum.from_data(X, y, population=kind)
    assert Spectrum.from_data(X) == Spectrum.from_data(X, population=kind)


def test_repeated_columns_have_the_rank_of_the_population() -> None:
    X, y = labelled(30, 4, 0)
    once, twice = Spectrum.from_data(X, y), Spectrum.from_data(np.hstack([X, X]), y)
    np.testing.assert_allclose(twice.eigenvalues, np.r_[2 * once.eigenvalues, np.zeros(4)], rtol=1e-4)
    assert twice.signal is not None
    assert np.all(twice.signal[4:] == 0)


# Shrinkage


def gaussian_rows(t: Array, n: int, seed: int) -> tuple[Array, Array]:
    """Rows with a mean, and their covariance, which is not diagonal."""
    rng = np.random.default_rng([n, t.size, seed])
    basis = np.linalg.qr(rng.standard_normal((t.size, t.size)))[0]
    return rng.standard_normal((n, t.size)) * np.sqrt(t) @ basis.T + 5.0, (basis * t) @ basis.T


@pytest.mark.parametrize("ratio", [0.5, 1, 2])
@pytest.mark.parametrize("name", ["two atoms", "spiked"])
def test_shrinkage_is_closer_than_the_sample_and_than_linear_shrinkage(name: str, ratio: float) -> None:
    from sklearn.covariance import ledoit_wolf  # type: ignore[import-untyped, unused-ignore]

    t, n, gains = np.asarray(POPULATIONS[name](60)), 1 + round(60 / ratio), []
    for seed in range(6):
        X, truth = gaussian_rows(t, n, seed)
        errors = [np.linalg.norm(c - truth) for c in (shrink_covariance(X), np.cov(X, rowvar=False), ledoit_wolf(X)[0])]
        gains.append(np.array(errors[1:]) - errors[0])
    mean, error = np.mean(gains, axis=0), np.std(gains, axis=0, ddof=1) / np.sqrt(len(gains))
    assert np.all(mean > LARGEST_Z * error), (mean, error)


@pytest.mark.parametrize("n", [1600, 400, 100])
def test_shrunk_eigenvalues_are_the_variances_along_sample_eigenvectors(n: int) -> None:
    t = np.geomspace(8.0, 0.5, 200)
    X, truth = gaussian_rows(t, n + 1, 0)
    values, basis = np.linalg.eigh(np.cov(X, rowvar=False))
    values = np.where(np.arange(200) < 200 - n, 0.0, values)
    oracle = np.einsum("ij,ik,kj->j", basis, truth, basis)
    for population in (None, Spectrum(t)):
        shrunk = nonlinear_shrinkage(values, n, population)
        assert np.corrcoef(shrunk, oracle)[0, 1] > (0.99 if n > 200 else 0.95)  # one draw: an eigenvector's own scatter
        assert shrunk.sum() == pytest.approx(t.sum(), rel=0.05)
    if n < 200:
        assert np.ptp(shrunk[values == 0]) == 0


def test_shrinkage_of_rank_deficient_rows_stays_in_their_span() -> None:
    X = np.random.default_rng(0).standard_normal((50, 3))
    wide = shrink_covariance(np.hstack([X, X]))
    narrow = shrink_covariance(X)
    np.testing.assert_allclose(wide, np.kron(np.ones((2, 2)), narrow), atol=1e-4)


SPECTRUM = Spectrum([1.0, 2.0])
REFUSALS: list[tuple[Callable[[], object], str, str]] = [
    (lambda: estimate_population([], 3), "shape of eigenvalues = (0,)", "(d,)"),
    (lambda: estimate_population([[1.0]], 3), "shape of eigenvalues = (1, 1)", "(d,)"),
    (lambda: estimate_population([1.0, -0.5], 3), "eigenvalues[1] = -0.5", "a finite number >= 0"),
    (lambda: estimate_population([1.0, np.nan], 3), "eigenvalues[1] = nan", "a finite number"),
    (lambda: estimate_population([0.0, 0.0], 3), "largest eigenvalue = 0.0", "positive"),
    (lambda: estimate_population([1e308, 1e308], 3), "largest eigenvalue = 1e+308", "positive, and with a finite sum"),
    (lambda: estimate_population([1.0], 0), "samples = 0", "a positive integer"),
    (lambda: estimate_population([1.0], 2.0), "samples = 2.0", "a positive integer"),  # type: ignore[arg-type]
    (lambda: estimate_population([1.0], True), "samples = True", "a positive integer"),
    (lambda: estimate_population([3.0, 2.0, 1.0], 2), "number of positive eigenvalues = 3", "at most samples = 2"),
    (lambda: estimate_population([1.0], 2, smoothing=0.0), "smoothing = 0.0", "a number from 1e-6 to 1e6"),
    (lambda: estimate_population([1.0], 2, smoothing=np.nan), "smoothing = nan", "a number from"),
    (lambda: nonlinear_shrinkage([1.0], 2, SPECTRUM), "dimension of population = 2", "1, as many as eigenvalues"),
    (lambda: nonlinear_shrinkage([1.0, 2.0], 2, Spectrum([1.0, 0.0])), "number of positive eigenvalues = 2", "at most"),
    (lambda: Spectrum.from_data(np.eye(3), population="raw"), "population = 'raw'", "'auto', 'estimated' or 'sample'"),
    (lambda: shrink_covariance([[1.0, 2.0]]), "rows of X = 1", "at least 2"),
]


@pytest.mark.parametrize(("call", "shown", "domain"), REFUSALS)
def test_refusals_name_parameter_value_and_domain(call: Callable[[], object], shown: str, domain: str) -> None:
    with pytest.raises(ParameterError) as refusal:
        call()
    assert str(refusal.value).startswith(shown)
    assert f" is outside its domain: {domain}" in str(refusal.value)
