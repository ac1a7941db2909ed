"""Linear spectral statistics: closed forms of the central limit theorem, and simulated matrices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.spectra.laws import Atoms, MarchenkoPastur
from rmtcollapse.spectra.sample_covariance import SampleCovariance
from rmtcollapse.spectra.statistics import LinearStatistic, linear_statistic

FloatArray = NDArray[np.float64]
WHITE = Atoms([1.0])
POPULATIONS = [
    WHITE,
    Atoms([1.0, 8.0]),
    Atoms([1.0, 2.0, 50.0], [0.5, 0.25, 0.25]),
    Atoms([0.0, 1.0, 3.0], [0.25, 0.5, 0.25]),
]


def power(k: int) -> tuple[Callable[[FloatArray], FloatArray], Callable[[FloatArray], FloatArray]]:
    return (lambda x: x**k), (lambda x: k * x ** (k - 1))


def inverse(x: FloatArray) -> FloatArray:
    return 1 / x


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("population", [WHITE, Atoms([1.0, 8.0])], ids=["one bulk", "one or two"])
def test_the_logarithm_of_the_determinant(population: Atoms, ratio: float) -> None:
    """Bias log(1 - c)/2 and variance -2 log(1 - c), whatever the population."""
    found = linear_statistic(SampleCovariance(population, ratio), np.log, inverse)
    closed = (ratio - 1) / ratio * math.log1p(-ratio) - 1 + population.weights @ np.log(population.values)
    assert found.mean == pytest.approx(closed, rel=1e-10)
    assert found.bias == pytest.approx(math.log1p(-ratio) / 2, rel=1e-7)
    assert found.variance == pytest.approx(-2 * math.log1p(-ratio), rel=1e-7)


@pytest.mark.parametrize("ratio", [0.05, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("population", POPULATIONS, ids=repr)
def test_the_trace(population: Atoms, ratio: float) -> None:
    """tr S has mean tr T and variance 2 tr(T^2)/n, exactly."""
    found = linear_statistic(SampleCovariance(population, ratio), lambda x: x, np.ones_like)
    second = population.moments(2)[1]
    assert found.mean == pytest.approx(population.mean, rel=1e-12)
    assert found.bias == pytest.approx(0, abs=1e-8 * math.sqrt(found.variance))
    assert found.variance == pytest.approx(2 * ratio * second, rel=1e-8)


@pytest.mark.parametrize("ratio", [0.05, 0.5, 3.0])
@pytest.mark.parametrize("population", POPULATIONS, ids=repr)
def test_the_trace_of_the_square(population: Atoms, ratio: float) -> None:
    """E tr S^2 = tr T^2 (n + 1)/n + (tr T)^2/n: bias c t2; white data: variance 8 c + 20 c^2 + 8 c^3."""
    found = linear_statistic(SampleCovariance(population, ratio), *power(2))
    first, second = population.moments(2)
    assert found.mean == pytest.approx(second + ratio * first**2, rel=1e-11)
    assert found.bias == pytest.approx(ratio * second, rel=1e-7)
    if population is WHITE:
        assert found.variance == pytest.approx(8 * ratio + 20 * ratio**2 + 8 * ratio**3, rel=1e-8)


def test_the_variance_is_a_quadratic_form_in_the_function() -> None:
    """A quadratic form in f; its cross term, the covariance of tr S and tr S^2, is 4 c (t3 + c t1 t2)."""
    law = SampleCovariance(Atoms([1.0, 8.0]), 0.1)

    def variance(a: float, b: float) -> float:
        return linear_statistic(law, lambda x: a * x + b * x**2, lambda x: a + 2 * b * x).variance

    one, two = variance(1, 0), variance(0, 1)
    cross = (variance(1, 1) - one - two) / 2
    assert variance(2, -3) == pytest.approx(4 * one + 9 * two - 12 * cross, rel=1e-7)
    # cov(tr S, tr S^2) = (2/n) d/ds E tr S^2 at T -> T + s T^2: 4 (t3 + c t1 t2) c to leading order
    t1, t2, t3 = law.population.moments(3)
    assert cross == pytest.approx(4 * 0.1 * (t3 + 0.1 * t1 * t2), rel=1e-7)


def test_complex_entries_halve_the_variance_and_have_no_bias() -> None:
    law = SampleCovariance(Atoms([1.0, 8.0]), 0.1)
    real = linear_statistic(law, *power(2))
    other = linear_statistic(law, *power(2), complex_entries=True)
    assert other == LinearStatistic(real.mean, 0.0, real.variance / 2)


@pytest.mark.parametrize(
    ("function", "derivative"),
    [(np.log, inverse), (lambda x: np.exp(-x / 4), lambda x: -np.exp(-x / 4) / 4), power(3)],
    ids=["log", "exp", "cube"],
)
@pytest.mark.parametrize("complex_entries", [False, True])
def test_against_matrices_of_two_bulks(
    function: Any, derivative: Any, complex_entries: bool, two_bulks: dict[bool, FloatArray]
) -> None:
    """600 matrices, n = 400, p = 40: mean and variance within 4 standard errors and a term in 1/n."""
    eigenvalues = two_bulks[complex_entries]
    trials, p = eigenvalues.shape
    law = SampleCovariance(Atoms([1.0, 8.0]), 0.1)
    assert len(law.support()) == 2
    found = linear_statistic(law, function, derivative, complex_entries=complex_entries)
    sums = function(eigenvalues).sum(axis=1)
    deviation = math.sqrt(found.variance)
    assert sums.mean() == pytest.approx(p * found.mean + found.bias, abs=deviation * (4 / math.sqrt(trials) + 4 / 400))
    assert sums.var(ddof=1) == pytest.approx(found.variance, rel=4 * math.sqrt(2 / trials) + 8 / 400)


@pytest.fixture(scope="module")
def two_bulks() -> dict[bool, FloatArray]:
    rng = np.random.default_rng(11)
    scale = np.sqrt(np.repeat([1.0, 8.0], 20))
    result = {}
    for is_complex in (False, True):
        values = np.empty((600, 40))
        for i in range(600):
            z = rng.standard_normal((400, 40)) * scale
            if is_complex:
                z = (z + 1j * rng.standard_normal((400, 40)) * scale) / math.sqrt(2)
            values[i] = np.linalg.eigvalsh(z.conj().T @ z / 400)
        result[is_complex] = values
    return result


def test_refusals() -> None:
    with pytest.raises(ParameterError, match="law"):
        linear_statistic(MarchenkoPastur(0.5), np.log, inverse)  # type: ignore[arg-type]
    law = SampleCovariance(WHITE, 0.5)
    with pytest.raises(ConvergenceError, match="did not settle"):
        linear_statistic(law, lambda x: np.abs(x - 1), lambda x: np.sign(x - 1))
    with pytest.raises(ParameterError, match="shape"):
        linear_statistic(law, np.sum, inverse)
