"""Limiting laws against eigenvalues of finite matrices: moments, distribution functions, atoms and edges, at two sizes.

Matrices are made from what defines a law, and the law is computed from its equations: nothing is shared but parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from rmtcollapse.experiments import eigenvalues
from rmtcollapse.spectra.continuous import Exponential, PowerLawDensity, Uniform
from rmtcollapse.spectra.dyson import DysonLaw
from rmtcollapse.spectra.free import Affine, FreeAdditivePower, FreeMultiplicativePower, FreeProduct, FreeSum
from rmtcollapse.spectra.law import Law
from rmtcollapse.spectra.laws import Atoms, FreePoisson, FussCatalan, MarchenkoPastur, Semicircle
from rmtcollapse.spectra.sample_covariance import SampleCovariance

FloatArray = NDArray[np.float64]
SIZE = 240  # and half of it
POWERS = 4
SIGMAS = 4.5  # 19 + 4 comparisons a law: a right law fails by chance with probability below 2e-4


@dataclass(frozen=True)
class Sample:
    """Eigenvalues of many matrices of two sizes, (trials, size) each."""

    small: FloatArray
    large: FloatArray

    @property
    def size(self) -> int:
        return self.large.shape[1]

    def extrapolated(self, statistic: Callable[[FloatArray], FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """A statistic of each matrix in the limit: value, standard error, and its 1/size term at the larger size."""
        one, two = statistic(self.small), statistic(self.large)
        errors = [x.std(axis=0, ddof=1) / np.sqrt(len(x)) for x in (one, two)]
        slope = two.mean(axis=0) - one.mean(axis=0)
        return two.mean(axis=0) + slope, np.hypot(2 * errors[1], errors[0]), abs(slope)


def drawn(law: Law, size: int = SIZE, trials: int = 20) -> Sample:
    """Matrices of a size, and twice as many of half that size, so that both add about as much noise."""
    rng = np.random.default_rng(0)
    small, large = (
        np.array([eigenvalues(law, n, rng) for _ in range(t)]) for n, t in ((size // 2, 2 * trials), (size, trials))
    )
    return Sample(small, large)


def moment_excess(law: Law, sample: Sample) -> float:
    """Largest gap in the first moments, in units of what noise and a remainder in 1/size^2 explain."""

    def statistic(draws: FloatArray) -> FloatArray:
        return np.stack([np.mean(draws**k, axis=1) for k in range(1, POWERS + 1)], axis=1)

    value, error, slope = sample.extrapolated(statistic)
    scale = np.sqrt(np.mean(sample.large**2)) ** np.arange(1, POWERS + 1)
    # Terms of an expansion in 1/size grow by a factor of about k^2 from one to the next.
    remainder = (slope + scale / sample.size) * np.arange(1, POWERS + 1) ** 2 / sample.size
    return float(np.max(abs(value - law.moments(POWERS)) / (SIGMAS * error + remainder)))


def cdf_excess(law: Law, sample: Sample) -> float:
    """Largest gap of the distribution function, in units of what noise and an allowance in 1/size explain."""
    points = np.unique(np.quantile(sample.large, np.linspace(0.02, 0.98, 19)))
    points += 1e-9 * np.abs(points).max()  # to the right of atoms, whose eigenvalues are off by rounding

    def statistic(draws: FloatArray) -> FloatArray:
        return np.mean(draws[:, :, None] <= points, axis=1)

    value, error, slope = sample.extrapolated(statistic)
    # Near edges and atoms the mean count oscillates about the limit by a fraction of one eigenvalue.
    allowance = slope.max() + 0.5 / sample.size
    return float(np.max(abs(value - law.cdf(points)) / (SIGMAS * error + allowance)))


UNEVEN = Atoms([1.0, 3.0, 10.0], [0.5, 0.25, 0.25])
SIGNS = Atoms([-1.0, 1.0])
PROJECTION = Atoms([0.0, 1.0], [0.4, 0.6])
LAWS: dict[str, Callable[[], Law]] = {
    "semicircle": lambda: Semicircle(2.0),
    "marchenko-pastur": lambda: MarchenkoPastur(0.3),
    "marchenko-pastur, hard edge": lambda: MarchenkoPastur(1.0),
    "marchenko-pastur, null": lambda: MarchenkoPastur(3.0),
    "free poisson": lambda: FreePoisson(0.5, 2.0),
    "free poisson, negative": lambda: FreePoisson(2.0, -0.5),
    "fuss-catalan 1": lambda: FussCatalan(1),
    "fuss-catalan 2": lambda: FussCatalan(2),
    "fuss-catalan 3": lambda: FussCatalan(3),
    "covariance, three bulks": lambda: SampleCovariance(UNEVEN, 0.05),
    "covariance, merged": lambda: SampleCovariance(UNEVEN, 0.5),
    "covariance, null": lambda: SampleCovariance(UNEVEN, 2.0),
    "covariance, null population": lambda: SampleCovariance(Atoms([0.0, 1.0, 2.0], [0.2, 0.4, 0.4]), 0.5),
    "covariance of a uniform": lambda: SampleCovariance(Uniform(1.0, 3.0), 0.5),
    "covariance of an exponential": lambda: SampleCovariance(Exponential(1.0), 0.5),
    "covariance of a power law": lambda: SampleCovariance(PowerLawDensity(1.5, 0.1, 2.0), 0.25),
    "arcsine": lambda: FreeSum(SIGNS, SIGNS),
    "sum of atoms": lambda: FreeSum(Atoms([-1.0, 1.0, 4.0], [0.25, 0.5, 0.25]), PROJECTION),
    "sum, two bulks": lambda: FreeSum(Atoms([-3.0, 3.0]), Semicircle(1.0)),
    "sum with an atom": lambda: FreeSum(Atoms([0.0, 1.0], [0.7, 0.3]), Atoms([0.0, 2.0], [0.6, 0.4])),
    "deformed covariance": lambda: FreeSum(MarchenkoPastur(0.5), SIGNS),
    "semicircle and covariance": lambda: FreeSum(Semicircle(1.0), MarchenkoPastur(2.0)),
    "three signs": lambda: FreeSum(FreeSum(SIGNS, SIGNS), SIGNS),
    "product of atoms": lambda: FreeProduct(Atoms([1.0, 3.0]), Atoms([1.0, 2.0, 5.0])),
    "product of projections": lambda: FreeProduct(PROJECTION, Atoms([0.0, 1.0], [0.3, 0.7])),
    "product of equal projections": lambda: FreeProduct(PROJECTION, PROJECTION),
    "product of projections up to 1": lambda: FreeProduct(Atoms([0.0, 1.0]), PROJECTION),
    "product of halves": lambda: FreeProduct(Atoms([0.0, 1.0]), Atoms([0.0, 1.0])),
    "product of covariances": lambda: FreeProduct(MarchenkoPastur(0.5), MarchenkoPastur(0.25)),
    "product with null": lambda: FreeProduct(MarchenkoPastur(2.0), Atoms([0.0, 1.0, 2.0], [0.2, 0.4, 0.4])),
    "shifted and flipped": lambda: Affine(MarchenkoPastur(0.5), -2.0, 1.0),
    "additive power": lambda: FreeAdditivePower(Atoms([-1.0, 2.0]), 3),
    "fractional additive power": lambda: FreeAdditivePower(Atoms([0.0, 1.0, 3.0], [0.5, 0.25, 0.25]), 1.5),
    "multiplicative power": lambda: FreeMultiplicativePower(Atoms([1.0, 3.0]), 3),
    "multiplicative power, close atoms": lambda: FreeMultiplicativePower(Atoms([1.0, 1.5]), 2),
    "multiplicative power, null": lambda: FreeMultiplicativePower(Atoms([0.0, 1.0], [0.2, 0.8]), 3),
    "variance profile": lambda: DysonLaw([[1.0, 3.0], [3.0, 0.5]], [0.25, 0.75]),
    "profile and expectations": lambda: DysonLaw([[0.5, 0.2], [0.2, 0.1]], [0.25, 0.75], [2.0, -2.0]),
    "profile with zeros": lambda: DysonLaw([[0.0, 1.0], [1.0, 0.0]], [0.25, 0.75]),
    "mixture of covariances": lambda: DysonLaw.covariance([[1.0, 2.0], [0.5, 4.0]], [0.25, 0.75], ratio=0.5),
    "mixture, null": lambda: DysonLaw.covariance([[1.0, 2.0], [0.5, 4.0]], ratio=2.0),
    "operators": lambda: 2 * (Atoms([1.0, 3.0]) @ MarchenkoPastur(0.5)) + Semicircle(0.5) + 1.0,
}


@pytest.mark.parametrize("name", LAWS)
def test_law(name: str) -> None:
    law = LAWS[name]()
    sample = drawn(law)
    assert moment_excess(law, sample) <= 1
    assert cdf_excess(law, sample) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWS)
def test_law_at_larger_sizes(name: str) -> None:
    law = LAWS[name]()
    sample = drawn(law, 720, 60)
    assert moment_excess(law, sample) <= 1
    assert cdf_excess(law, sample) <= 1


@pytest.mark.parametrize("name", LAWS)
def test_atoms_and_edges(name: str) -> None:
    """Atoms hold their share of the eigenvalues up to rounding of counts; none is far outside the support."""
    law = LAWS[name]()
    values = eigenvalues(law, SIZE, 1)
    ends = np.array([*law.support(), *[(place, place) for place, _ in law.atoms()]]).reshape(-1, 2)
    assert ends.size
    width = max(float(np.ptp(values)), 1.0)
    for place, mass in law.atoms():
        assert abs(np.sum(abs(values - place) <= 1e-10 * width) - mass * SIZE) <= 1
    outside = np.maximum(ends[:, 0] - values[:, None], values[:, None] - ends[:, 1]).min(axis=1)
    assert outside.max() <= 4 * width * SIZE ** (-2 / 3)
    inside = [np.sum((values > low) & (values < high)) for low, high in law.support()]
    if len(inside) > 1:
        np.testing.assert_allclose(inside, law.masses() * SIZE, atol=2)


WRONG: list[tuple[Law, Law]] = [
    (MarchenkoPastur(0.3), MarchenkoPastur(0.32)),
    (Semicircle(2.0), Semicircle(2.1)),
    (SampleCovariance(UNEVEN, 0.5), SampleCovariance(Atoms([1.0, 3.0, 10.0], [0.48, 0.26, 0.26]), 0.5)),
    (FreeSum(SIGNS, SIGNS), Semicircle(2.0)),
]


@pytest.mark.parametrize(("true", "wrong"), WRONG)
def test_wrong_laws_are_noticed(true: Law, wrong: Law) -> None:
    sample = drawn(true)
    assert max(moment_excess(wrong, sample), cdf_excess(wrong, sample)) > 1
