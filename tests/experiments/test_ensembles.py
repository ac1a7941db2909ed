"""Classical random matrices against exact finite-size expectations, and their band forms against their dense ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rmtcollapse.experiments.ensembles import (
    Entries,
    haar,
    rounded_counts,
    singular_squares,
    wigner_spectrum,
    wishart_spectrum,
    wishart_triangle,
)

Draw = Callable[[np.random.Generator], NDArray[np.float64]]


def mean_is(sample: NDArray[np.float64], expected: float) -> None:
    """The mean agrees with an exact expectation to four standard errors."""
    error = sample.std(ddof=1) / np.sqrt(sample.size)
    assert error > 0
    assert abs(sample.mean() - expected) <= 4 * error, (sample.mean() - expected) / error


def traces(draw: Draw, power: int, trials: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return np.array([np.sum(draw(rng) ** power) for _ in range(trials)])


# ---- Wigner --------------------------------------------------------------------------------------------------------


def dense_wigner(size: int, signs: bool = False) -> Draw:
    return lambda rng: np.linalg.eigvalsh(Entries(rng, signs).wigner(size))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("band", [False, True])
def test_gaussian_wigner_traces(size: int, band: bool) -> None:
    """E tr H^2 = n(n+1) and E tr H^4 = 2 n^3 + 5 n^2 + 5 n, diagonal of variance 2 (n = 1: 2 and 3 * 2^2)."""
    draw = (lambda rng: wigner_spectrum(size, rng)) if band else dense_wigner(size)
    mean_is(traces(draw, 1, 1500, 1), 0.0)
    mean_is(traces(draw, 2, 1500, 2), size * (size + 1))
    mean_is(traces(draw, 4, 1500, 3), 2 * size**3 + 5 * size**2 + 5 * size)


@pytest.mark.parametrize("size", [2, 5, 12])
def test_sign_wigner_traces(size: int) -> None:
    """tr H^2 = n^2 always; E tr H^4 = 2 n^3 - n^2, the number of closed walks with every edge taken evenly."""
    np.testing.assert_allclose(traces(dense_wigner(size, True), 2, 50, 1), size**2, rtol=1e-13)
    if size > 2:
        mean_is(traces(dense_wigner(size, True), 4, 1500, 2), 2 * size**3 - size**2)
    else:  # h11, h22 of one sign: eigenvalues 0 and 2; of different signs: both of modulus sqrt 2
        assert set(traces(dense_wigner(size, True), 4, 50, 2).round(9)) == {8.0, 16.0}


def test_wigner_matrices_are_symmetric() -> None:
    for signs in (False, True):
        matrix = Entries(np.random.default_rng(1), signs).wigner(9)
        np.testing.assert_array_equal(matrix, matrix.T)


# ---- Wishart -------------------------------------------------------------------------------------------------------


def wishart(size: int, samples: int, form: str, signs: bool = False) -> Draw:
    forms: dict[str, Draw] = {
        "dense": lambda rng: singular_squares(Entries(rng, signs).rectangle(size, samples)),
        "band": lambda rng: wishart_spectrum(size, samples, rng),
        "triangle": lambda rng: singular_squares(wishart_triangle(size, samples, rng)),
    }
    return forms[form]


SHAPES = [(1, 1), (1, 4), (4, 1), (3, 8), (8, 3), (6, 6), (15, 30)]


@pytest.mark.parametrize(("size", "samples"), SHAPES)
@pytest.mark.parametrize("form", ["dense", "band", "triangle"])
def test_wishart_traces(size: int, samples: int, form: str) -> None:
    """E tr W = pn, E tr W^2 = pn(n+p+1), E tr W^3 = pn(n^2+p^2+3np+3n+3p+4) for real W = ZZ' (n = p = 1: 1, 3, 15)."""
    if form == "triangle" and size > samples:
        size, samples = samples, size
    p, n = size, samples
    draw = wishart(p, n, form)
    mean_is(traces(draw, 1, 1500, 1), p * n)
    mean_is(traces(draw, 2, 1500, 2), p * n * (n + p + 1))
    mean_is(traces(draw, 3, 1500, 3), p * n * (n**2 + p**2 + 3 * n * p + 3 * n + 3 * p + 4))


def test_sign_wishart_traces() -> None:
    """tr ZZ' = pn always; E tr (ZZ')^2 = pn(n+p-1) for signs."""
    draw = wishart(4, 7, "dense", signs=True)
    np.testing.assert_allclose(traces(draw, 1, 50, 1), 28, rtol=1e-13)
    mean_is(traces(draw, 2, 1500, 2), 28 * 10)


@pytest.mark.parametrize(("size", "samples"), [(9, 4), (4, 1), (5, 5), (4, 9)])
@pytest.mark.parametrize("form", ["dense", "band"])
def test_null_eigenvalues_are_exactly_zero(size: int, samples: int, form: str) -> None:
    values = wishart(size, samples, form)(np.random.default_rng(5))
    assert values.shape == (size,)
    assert np.sum(values == 0) == max(size - samples, 0)
    assert np.all(values >= 0)


def test_small_singular_values_survive() -> None:
    """A square bidiagonal matrix has a determinant: the product of its diagonal, to rounding, however small."""
    rng = np.random.default_rng(4)
    values = wishart_spectrum(60, 60, rng)
    diagonal = np.random.default_rng(4).chisquare(np.arange(60, 0, -1))
    assert np.sum(np.log(values)) == pytest.approx(np.sum(np.log(diagonal)), rel=1e-12)


EXTREMES: list[tuple[Draw, Draw]] = [
    (dense_wigner(12), lambda rng: wigner_spectrum(12, rng)),
    (wishart(10, 15, "dense"), wishart(10, 15, "band")),
    (wishart(15, 10, "dense"), wishart(15, 10, "band")),
    (wishart(10, 10, "dense"), wishart(10, 10, "band")),
    (wishart(10, 15, "dense"), wishart(10, 15, "triangle")),
]


@pytest.mark.parametrize(("dense", "reduced"), EXTREMES)
def test_reduced_forms_have_the_same_extreme_eigenvalues(dense: Draw, reduced: Draw) -> None:
    """Kolmogorov-Smirnov over matrices: one largest eigenvalue, one smallest and one middle gap a matrix."""
    from scipy.stats import ks_2samp

    first, second = np.random.default_rng(10), np.random.default_rng(11)
    one = np.array([np.sort(dense(first)) for _ in range(1500)])
    two = np.array([np.sort(reduced(second)) for _ in range(1500)])
    size = one.shape[1]
    for column in (0, size // 2, size - 1):
        if np.any(one[:, column] != 0):
            assert ks_2samp(one[:, column], two[:, column]).pvalue > 0.001
    gap = [x[:, -(size // 3)] - x[:, -(size // 3) - 1] for x in (one, two)]
    assert ks_2samp(*gap).pvalue > 0.001


# ---- rotations and counts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "columns"), [(1, 1), (5, 5), (8, 3)])
def test_haar_columns_are_orthonormal(size: int, columns: int) -> None:
    rotation = haar(size, columns, np.random.default_rng(0))
    assert rotation.shape == (size, columns)
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(columns), atol=16 * size * np.finfo(float).eps)


@pytest.mark.parametrize("size", [2, 6])
def test_haar_traces(size: int) -> None:
    """E tr Q = 0, E (tr Q)^2 = 1 and E tr Q^2 = 1 on the orthogonal group."""
    rng = np.random.default_rng(2)
    rotations = np.array([haar(size, size, rng) for _ in range(4000)])
    trace = np.trace(rotations, axis1=1, axis2=2)
    mean_is(trace, 0.0)
    mean_is(trace**2, 1.0)
    mean_is(np.trace(rotations @ rotations, axis1=1, axis2=2), 1.0)


@given(
    weights=st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=20),
    size=st.integers(1, 5000),
)
def test_rounded_counts_are_within_one_of_their_shares(weights: list[float], size: int) -> None:
    shares = np.array(weights) / np.sum(weights) * size
    counts = rounded_counts(np.array(weights), size)
    assert counts.sum() == size
    assert np.all(counts >= 0)
    assert np.all(abs(counts - shares) < 1 + 1e-9)


def test_rounded_counts() -> None:
    assert rounded_counts(np.array([0.5, 0.3, 0.2]), 10).tolist() == [5, 3, 2]
    assert rounded_counts(np.ones(3), 10).tolist() == [4, 3, 3]
    assert rounded_counts(np.array([0.46, 0.27, 0.27]), 5).tolist() == [2, 2, 1]
    assert rounded_counts(np.array([0.05, 0.95]), 5).tolist() == [0, 5]


@pytest.mark.parametrize("size", [10, 30, 50, 70, 110, 1000, 10**6])
@pytest.mark.parametrize("tenths", [(1, 2, 7), (3, 3, 3, 1), (6, 4), (7, 2, 1), (1, 1, 1, 1, 1, 1, 1, 3)])
def test_whole_shares_are_kept(size: int, tenths: tuple[int, ...]) -> None:
    """0.7 * 10 is 7 although 0.7 * 10 in a normalised sum may come out just below."""
    counts = rounded_counts(np.array(tenths) * 0.1, size)
    assert counts.tolist() == [t * size // 10 for t in tenths]
