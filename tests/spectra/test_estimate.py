"""The estimators behind Spectrum.from_data, against definitions, an independent likelihood, and repeated draws."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import null_space  # type: ignore[import-untyped, unused-ignore]
from scipy.optimize import minimize  # type: ignore[import-untyped, unused-ignore]

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra import Spectrum
from rmtcollapse.spectra.estimate import debiased_energy, estimate

Array = NDArray[np.float64]
EPS = float(np.finfo(float).eps)
LARGEST_Z = 4.0  # of about thirty means here, one beyond 4 standard errors by chance: 1 in 500


def draw(rng: np.random.Generator, n: int, d: int, w: Array, noise_variance: float) -> tuple[Array, Array]:
    """Rows with population eigenvalues 1/j and an offset; labels with an offset."""
    X = rng.standard_normal((n, d)) / np.sqrt(np.arange(1, d + 1)) + 3.0
    return X, X @ w + np.sqrt(noise_variance) * rng.standard_normal(n) - 7.0


def z_scores(errors: Array) -> Array:
    """Mean over its standard error, column by column."""
    return np.asarray(errors.mean(axis=0) / (errors.std(axis=0, ddof=1) / np.sqrt(len(errors))))


def from_sample(X: ArrayLike, y: ArrayLike | None = None) -> Spectrum:
    """The estimators themselves, before sample eigenvalues become the population's."""
    return Spectrum.from_data(X, y, population="sample")


def total_energy(spectrum: Spectrum) -> float:
    assert spectrum.signal is not None
    return float(np.sum(spectrum.eigenvalues * spectrum.signal))


def test_eigenvalues_are_those_of_the_sample_covariance() -> None:
    X = draw(np.random.default_rng(0), 30, 5, np.ones(5), 1.0)[0]
    spectrum = from_sample(X)
    expected = np.linalg.eigvalsh(np.cov(X, rowvar=False))[::-1]
    np.testing.assert_allclose(spectrum.eigenvalues, expected, atol=100 * EPS * expected[0])
    assert spectrum.signal is None
    assert spectrum.noise_variance is None
    assert spectrum.dimension == 5


def test_labels_do_not_change_the_eigenvalues() -> None:
    X, y = draw(np.random.default_rng(0), 30, 5, np.ones(5), 1.0)
    np.testing.assert_allclose(from_sample(X, y).eigenvalues, from_sample(X).eigenvalues, rtol=100 * EPS)


@pytest.mark.parametrize(("n", "d", "rank"), [(10, 25, 9), (40, 6, 6)])
def test_rank_is_numerical_and_zero_beyond(n: int, d: int, rank: int) -> None:
    X, y = draw(np.random.default_rng(1), n, d, np.ones(d), 1.0)
    for spectrum in (from_sample(X), from_sample(X, y), from_sample(X + 1e6)):
        assert spectrum.dimension == d
        assert spectrum.rank == rank
        assert np.all(spectrum.eigenvalues[rank:] == 0.0)


def test_a_large_offset_is_not_a_direction() -> None:
    X, y = draw(np.random.default_rng(1), 10, 25, np.ones(25), 1.0)
    far = from_sample(1e-4 * X + 1e8, y)
    assert far.rank == 9
    assert far.noise_variance is not None
    assert far.noise_variance >= 0


def test_repeated_columns_lower_the_rank_and_carry_no_signal() -> None:
    X, y = draw(np.random.default_rng(2), 50, 3, np.ones(3), 1.0)
    spectrum = from_sample(np.hstack([X, X]), y)
    assert (spectrum.dimension, spectrum.rank) == (6, 3)
    assert spectrum.signal is not None
    assert np.all(spectrum.signal[3:] == 0.0)
    assert spectrum.noise_variance == pytest.approx(from_sample(X, y).noise_variance, rel=1000 * EPS)


def test_least_squares_is_the_textbook_formula() -> None:
    n, d = 60, 4
    X, y = draw(np.random.default_rng(3), n, d, np.array([1.0, -2.0, 3.0, -4.0]), 0.01)
    design = np.column_stack([np.ones(n), X])
    coefficients, rss, *_ = np.linalg.lstsq(design, y, rcond=None)
    noise = rss[0] / (n - 1 - d)
    values, vectors = np.linalg.eigh(np.cov(X, rowvar=False))
    expected = ((vectors.T @ coefficients[1:]) ** 2 - noise / ((n - 1) * values))[::-1]
    assert np.all(expected > 0)  # nothing to clip
    found = from_sample(X, y)
    assert found.noise_variance == pytest.approx(noise, rel=1e-10)
    assert found.signal is not None
    np.testing.assert_allclose(found.signal, expected, rtol=1e-9)


def test_debiasing_keeps_the_unbiased_total() -> None:
    energy = debiased_energy(np.array([5.0, 0.5, 2.0]), 1.0)
    np.testing.assert_allclose(energy, [4.0 * 0.9, 0.0, 1.0 * 0.9], rtol=4 * EPS)
    assert np.all(debiased_energy(np.array([1.5, 0.1]), 1.0) == 0.0)


@pytest.mark.parametrize(("n", "d", "draws"), [(24, 6, 3000), (200, 40, 400)])
def test_many_rows_are_unbiased(n: int, d: int, draws: int) -> None:
    """Noise variance, total prediction energy and trace; given X, the energy's truth is w' S w."""
    noise, w, errors = 1.0, np.full(d, 1.0), np.empty((draws, 3))
    truth = np.sum(1 / np.arange(1, d + 1))
    for k in range(draws):
        X, y = draw(np.random.default_rng([n, d, k]), n, d, w, noise)
        found = from_sample(X, y)
        assert found.noise_variance is not None
        energy = total_energy(found) - np.var(X @ w, ddof=1)
        errors[k] = found.noise_variance - noise, energy, found.trace - truth
    assert np.all(np.abs(z_scores(errors)) < LARGEST_Z), z_scores(errors)
    bias_without_correction = d * noise / (n - 1)
    assert bias_without_correction > 2 * LARGEST_Z * errors[:, 1].std() / np.sqrt(draws)  # the test would see it


def test_every_clear_direction_is_unbiased_given_the_rows() -> None:
    n, d, draws, noise = 40, 4, 2000, 1.0
    rng = np.random.default_rng(11)
    w = np.array([2.0, -4.0, 4.0, -6.0])
    X = draw(rng, n, d, w, noise)[0]
    _, _, basis = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    labels = (X @ w)[:, None] + np.sqrt(noise) * rng.standard_normal((n, draws))
    signals = np.array([from_sample(X, y).signal for y in labels.T])
    errors = signals - (basis @ w) ** 2
    assert np.all(np.abs(z_scores(errors)) < LARGEST_Z), z_scores(errors)


def dense_components(X: Array, y: Array) -> tuple[float, float]:
    """(total signal, noise variance) maximising the Gaussian likelihood of n - 1 contrasts, written out densely."""
    n, d = X.shape
    contrasts = null_space(np.ones((1, n)))
    gram, z = contrasts.T @ X @ X.T @ contrasts / d, contrasts.T @ y

    def deviance(logs: Array) -> float:
        covariance = np.exp(logs[0]) * gram + np.exp(logs[1]) * np.eye(n - 1)
        return float(np.linalg.slogdet(covariance)[1] + z @ np.linalg.solve(covariance, z))

    options = {"xatol": 1e-7, "fatol": 1e-10, "maxiter": 2000}
    best = np.exp(minimize(deviance, [0.0, 0.0], method="Nelder-Mead", options=options).x)
    return float(best[0]), float(best[1])


@pytest.mark.parametrize(("n", "d"), [(30, 50), (30, 20)])
def test_few_rows_maximise_the_likelihood(n: int, d: int) -> None:
    rng = np.random.default_rng([n, d])
    X, y = draw(rng, n, d, rng.standard_normal(d), 0.5)
    found = from_sample(X, y)
    signal, noise = dense_components(X, y)
    assert found.signal is not None
    assert np.ptp(found.signal) == 0.0
    assert found.signal.size == d
    assert found.signal_energy == pytest.approx(signal, rel=1e-4)  # the dense search stops at 1e-7 in a flat valley
    assert found.noise_variance == pytest.approx(noise, rel=1e-4)


def test_the_estimator_changes_where_rows_fall_below_twice_the_rank() -> None:
    for n, equal in ((13, False), (12, True)):
        X, y = draw(np.random.default_rng(4), n, 6, np.arange(1.0, 7.0), 0.1)
        signal = from_sample(X, y).signal
        assert signal is not None
        assert (np.ptp(signal) == 0.0) == equal


@pytest.mark.parametrize(("n", "d", "draws"), [(60, 90, 300), (60, 40, 300), (200, 300, 80)])
def test_few_rows_recover_signal_and_noise(n: int, d: int, draws: int) -> None:
    """Maximum likelihood is biased at order 1/n: allow 1/n of the quantity beside the standard errors."""
    truth, found = np.array([2.0, 1.0]), np.empty((draws, 2))
    for k in range(draws):
        rng = np.random.default_rng([n, d, k])
        X = rng.standard_normal((n, d)) + 3.0
        y = X @ (rng.standard_normal(d) * np.sqrt(truth[0] / d)) + np.sqrt(truth[1]) * rng.standard_normal(n) - 7.0
        spectrum = from_sample(X, y)
        assert spectrum.noise_variance is not None
        found[k] = spectrum.signal_energy, spectrum.noise_variance
    error = found.std(axis=0, ddof=1) / np.sqrt(draws)
    assert np.all(error < 0.05 * truth)  # sharp enough to see a wrong factor
    assert np.all(np.abs(found.mean(axis=0) - truth) < LARGEST_Z * error + truth / n), (found.mean(axis=0), error)


def boundary_rows() -> tuple[Array, Array, Array]:
    """Centred rows (8, 12) with very unequal singular values, their left vectors, and the values."""
    rng = np.random.default_rng(6)
    left = np.linalg.qr(null_space(np.ones((1, 8))) @ rng.standard_normal((7, 7)))[0]
    right, values = np.linalg.qr(rng.standard_normal((12, 7)))[0], np.geomspace(10.0, 0.1, 7)
    return left * values @ right.T, left, values


def test_labels_along_the_strongest_direction_leave_no_noise() -> None:
    X, left, values = boundary_rows()
    found = from_sample(X, 3.0 * left[:, 0])
    assert found.noise_variance == 0.0
    assert found.signal is not None
    np.testing.assert_allclose(found.signal, 9.0 / values[0] ** 2 / 7, rtol=1e-8)  # mean over 7 of z^2/S^2


def test_a_boundary_is_exact_on_a_flat_likelihood() -> None:
    """Few rows, many columns: the profile is nearly flat, and its rounding must not pass for a component of 1e-16."""
    rng = np.random.default_rng(9)
    noises = [from_sample(rng.standard_normal((4, 40)), rng.standard_normal(4)) for _ in range(40)]
    small = [s.noise_variance for s in noises if s.noise_variance is not None and s.noise_variance < 1e-9]
    assert len(small) > 5
    assert set(small) == {0.0}


def test_labels_along_the_weakest_direction_leave_no_signal() -> None:
    X, left, _ = boundary_rows()
    found = from_sample(X, 3.0 * left[:, -1])
    assert found.signal_energy == 0.0
    assert found.noise_variance == pytest.approx(9.0 / 7, rel=1e-10)


@pytest.mark.parametrize(("n", "d"), [(50, 5), (20, 40)])
def test_shifts_leave_it_and_units_square(n: int, d: int) -> None:
    X, y = draw(np.random.default_rng(7), n, d, np.ones(d), 1.0)
    one, other = from_sample(X, y), from_sample(2.0 * X + 5.0, 3.0 * y - 1.0)
    assert one.noise_variance is not None
    assert one.signal is not None
    assert other.signal is not None
    np.testing.assert_allclose(other.eigenvalues, 4.0 * one.eigenvalues, rtol=1e-10)
    assert other.noise_variance == pytest.approx(9.0 * one.noise_variance, rel=1e-5)
    np.testing.assert_allclose(other.signal, 9.0 / 4.0 * one.signal, rtol=1e-5)


def test_exact_labels_leave_rounding_as_noise() -> None:
    X, y = draw(np.random.default_rng(8), 40, 3, np.ones(3), 0.0)
    found = from_sample(X, y)
    assert found.noise_variance is not None
    assert 0 <= found.noise_variance < (100 * EPS * np.abs(y).max()) ** 2
    assert found.signal_energy == pytest.approx(3.0, rel=1e-12)


def test_integer_and_boolean_columns_are_numbers() -> None:
    X = np.array([[0, 1], [1, 1], [2, 0], [5, 0]])
    assert from_sample(X) == from_sample(X.astype(float))
    assert from_sample(X[:, 1:] == 1).trace == pytest.approx(1 / 3)


def test_the_result_is_frozen_and_plain() -> None:
    found = estimate([[0.0], [1.0], [3.0]])
    with pytest.raises(AttributeError):
        found.signal = None  # type: ignore[misc]


GOOD = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 5.0]])
REFUSALS: list[tuple[Callable[[], object], str, str]] = [
    (lambda: Spectrum.from_data([1.0, 2.0]), "shape of X = (2,)", "(n, d): n rows"),
    (lambda: Spectrum.from_data(np.empty((0, 3))), "shape of X = (0, 3)", "(n, d)"),
    (lambda: Spectrum.from_data(np.empty((3, 0))), "shape of X = (3, 0)", ""),
    (lambda: Spectrum.from_data([[1.0, 2.0], [3.0]]), "X = [[1.0, 2.0], [3.0]]", "a rectangular array of real numbers"),
    (
        lambda: Spectrum.from_data(np.array([[1, None]])),
        "X = array([[1, None]], dtype=object)",
        "an array of real numbers, (n, d): n rows",
    ),
    (lambda: Spectrum.from_data([["1", "2"]]), "X = [['1', '2']]", "an array of real numbers"),
    (lambda: Spectrum.from_data([[1.0, 2.0], [3.0, np.nan]]), "X[1, 1] = nan", "a finite number"),
    (lambda: Spectrum.from_data([[1.0, 2.0], [-np.inf, 1.0]]), "X[1, 0] = -inf", "a finite number (row 1, column 0"),
    (lambda: Spectrum.from_data([[1.0, 2.0]]), "rows of X = 1", "at least 2"),
    (lambda: Spectrum.from_data([[1.0, 4.0], [2.0, 4.0]]), "column 1 of X = 4.0", "a column that varies"),
    (lambda: Spectrum.from_data([[1e200], [0.0]]), "X[0, 0] = 1e+200", "at most"),
    (lambda: Spectrum.from_data([[1e-200], [0.0]]), "variance of X = 0.0", "a positive number"),
    (lambda: Spectrum.from_data(GOOD, [1.0, 2.0]), "length of y = 2", "3, the number of rows of X"),
    (lambda: Spectrum.from_data(GOOD, [[1.0], [2.0], [3.0]]), "shape of y = (3, 1)", "(n,)"),
    (lambda: Spectrum.from_data(GOOD, [1.0, np.inf, 1.0]), "y[1] = inf", "a finite number"),
    (lambda: Spectrum.from_data(GOOD, [2.0, 2.0, 2.0]), "y = 2.0", "labels that vary"),
    (lambda: Spectrum.from_data(GOOD, [1e-160, 0.0, 0.0]), "sum of squares of centred y = ", "further from 0"),
    (lambda: Spectrum.from_data(GOOD[:2], [1.0, 2.0]), "rows of X = 2", "enough rows"),
    (lambda: Spectrum.from_data(np.eye(4), np.arange(4.0)), "rows of X = 4", "enough rows"),
]


@pytest.mark.parametrize(("call", "shown", "domain"), REFUSALS)
def test_refusals_name_parameter_value_and_domain(call: Callable[[], object], shown: str, domain: str) -> None:
    with pytest.raises(ParameterError) as refusal:
        call()
    message = str(refusal.value)
    assert message.startswith(shown)
    assert f" is outside its domain: {domain}" in message
    assert "\n" not in message
