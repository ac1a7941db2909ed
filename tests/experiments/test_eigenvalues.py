"""Eigenvalues of a law's matrices against exact finite-size expectations, combinatorial limits, and refusals."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rmtcollapse import experiments
from rmtcollapse.errors import ParameterError
from rmtcollapse.experiments import eigenvalues
from rmtcollapse.spectra.continuous import Exponential, PowerLawDensity, Uniform
from rmtcollapse.spectra.dyson import DysonLaw
from rmtcollapse.spectra.free import Affine, FreeAdditivePower, FreeMultiplicativePower, FreeProduct, FreeSum
from rmtcollapse.spectra.law import Law
from rmtcollapse.spectra.laws import Atoms, FreePoisson, FussCatalan, MarchenkoPastur, Semicircle
from rmtcollapse.spectra.sample_covariance import SampleCovariance

FloatArray = NDArray[np.float64]
SIGNS = Atoms([-1.0, 1.0])
TWO = Atoms([1.0, 3.0])
THIRDS = Atoms([0.0, 1.0, 4.0], [0.5, 0.25, 0.25])
WAYS = [{"method": "auto"}, {"method": "dense"}]


def moments(law: Law, size: int, powers: int, trials: int, seed: int = 0, **options: Any) -> FloatArray:
    """Moments 1..powers of the spectrum of each matrix, (trials, powers)."""
    rng = np.random.default_rng(seed)
    draws = np.array([eigenvalues(law, size, rng, **options) for _ in range(trials)])
    return np.stack([np.mean(draws**k, axis=1) for k in range(1, powers + 1)], axis=1)


def means_are(sample: FloatArray, expected: list[float]) -> None:
    """Every column's mean agrees with an exact expectation to four standard errors, or to rounding if constant."""
    error = sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    rounding = 1e3 * np.finfo(float).eps * np.abs(sample).max(axis=0)
    gaps = abs(sample.mean(axis=0) - np.array(expected))
    assert np.all(gaps <= 4 * error + rounding), (gaps / (error + rounding)).tolist()


def limits_are(law: Law, expected: list[float], trials: int = 60, size: int = 60, **options: Any) -> None:
    """Moments extrapolated in 1/size from two sizes agree to four standard errors and a remainder of 4/size^2."""
    small = moments(law, size, len(expected), 4 * trials, seed=1, **options)
    large = moments(law, 2 * size, len(expected), trials, seed=2, **options)
    value = 2 * large.mean(axis=0) - small.mean(axis=0)
    error = np.sqrt(4 * large.var(axis=0, ddof=1) / len(large) + small.var(axis=0, ddof=1) / len(small))
    remainder = 4 * np.abs(expected) * (1 + np.arange(len(expected))) / size**2
    second = (expected[1] if len(expected) > 1 else expected[0] ** 2) ** (np.arange(1, len(expected) + 1) / 2)
    assert np.all(4 * error < 0.1 * np.maximum(np.abs(expected), second)), "too noisy to mean anything"
    assert np.all(abs(value - expected) <= 4 * error + remainder + 1e-12), (value - expected) / error


# ---- independent entries: exact at every size ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [4, 25])
@pytest.mark.parametrize("options", [*WAYS, {"method": "banded"}])
def test_semicircle(size: int, options: dict[str, str]) -> None:
    """GOE: (1/n) E tr H^2 = v (1 + 1/n), (1/n) E tr H^4 = v^2 (2 + 5/n + 5/n^2); odd moments vanish."""
    v = 2.25
    expected = [0, v * (1 + 1 / size), 0, v**2 * (2 + 5 / size + 5 / size**2)]
    means_are(moments(Semicircle(v), size, 4, 1200, **options), expected)


@pytest.mark.parametrize("size", [4, 25])
def test_semicircle_of_signs(size: int) -> None:
    expected = [0, 2.25, 0, 2.25**2 * (2 - 1 / size)]
    means_are(moments(Semicircle(2.25), size, 4, 1200, entries="signs"), expected)


SHAPES = [(4, 8), (8, 4), (6, 6), (20, 50)]


@pytest.mark.parametrize(("size", "samples"), SHAPES)
@pytest.mark.parametrize("options", [*WAYS, {"method": "banded"}])
def test_marchenko_pastur(size: int, samples: int, options: dict[str, str]) -> None:
    """Real Wishart: 1, 1 + c + 1/n, 1 + 3c + c^2 + 3(1+c)/n + 4/n^2 with c = p/n (Narayana numbers at n = infinity)."""
    n, c = samples, size / samples
    expected = [1.0, 1 + c + 1 / n, 1 + 3 * c + c**2 + 3 * (1 + c) / n + 4 / n**2]
    means_are(moments(MarchenkoPastur(c), size, 3, 1200, **options), expected)
    rate, jump = samples / size, 0.7
    scaled = [m * (rate * jump) ** (k + 1) for k, m in enumerate(expected)]
    means_are(moments(FreePoisson(rate, jump), size, 3, 1200, seed=3, **options), scaled)


def test_rounded_sample_counts_keep_the_mean() -> None:
    """1.5 samples are 2: the sum over samples is scaled, so that its mean stays rate * jump."""
    means_are(moments(FreePoisson(0.3, 2.0), 5, 1, 1200), [0.6])
    means_are(moments(MarchenkoPastur(3.5), 5, 1, 1200), [1.0])
    assert np.sum(eigenvalues(FreePoisson(0.3, 2.0), 5, 0) == 0) == 3
    assert np.sum(eigenvalues(MarchenkoPastur(3.5), 5, 0) == 0) == 4


def test_negative_jumps() -> None:
    values = eigenvalues(FreePoisson(0.5, -2.0), 10, 0)
    assert np.sum(values == 0) == 5
    assert np.all(values[:5] < 0)
    assert not np.any(np.signbit(values[5:]))


def test_marchenko_pastur_of_signs() -> None:
    means_are(moments(MarchenkoPastur(0.5), 6, 2, 1200, entries="signs"), [1.0, 1.5 - 1 / 12])


@pytest.mark.parametrize(("size", "samples"), [(4, 8), (12, 4), (24, 60)])
@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize("population", [Atoms([3.0]), TWO, THIRDS], ids=["one", "two", "with-null"])
def test_sample_covariance(size: int, samples: int, options: dict[str, str], population: Atoms) -> None:
    """E (1/p) tr S = t1 and E (1/p) tr S^2 = t2 (1 + 1/n) + c t1^2, with t1, t2 the population's moments."""
    t1, t2 = (float(np.sum(population.weights * population.values**k)) for k in (1, 2))
    expected = [t1, t2 * (1 + 1 / samples) + size / samples * t1**2]
    means_are(moments(SampleCovariance(population, size / samples), size, 2, 1200, **options), expected)


def test_sample_covariance_of_signs() -> None:
    """With signs the fourth moment of an entry is 1, not 3: t2 (1 - 1/n) + c t1^2."""
    sample = moments(SampleCovariance(TWO, 0.5), 8, 2, 1200, entries="signs")
    means_are(sample, [2.0, 5 * (1 - 1 / 16) + 0.5 * 4])


def test_a_population_may_be_any_law_on_the_half_line() -> None:
    """Twice sampled white data: means of products of independent Wishart matrices, second moments by conditioning."""
    size, inner, outer = 10, 40, 20
    t2 = 1 + size / inner + 1 / inner
    t1_squared = 1 + 2 / (inner * size)
    expected = [1.0, t2 * (1 + 1 / outer) + size / outer * t1_squared]
    means_are(moments(SampleCovariance(MarchenkoPastur(0.25), 0.5), size, 2, 1500), expected)
    uniform = SampleCovariance(Uniform(1.0, 3.0), 0.5)
    t2 = float(np.mean((1 + 2 * (np.arange(8) + 0.5) / 8) ** 2))
    means_are(moments(uniform, 8, 2, 1200), [2.0, t2 * (1 + 1 / 16) + 0.5 * 4])


@pytest.mark.parametrize("order", [1, 2, 5])
@pytest.mark.parametrize("size", [4, 16])
def test_fuss_catalan(order: int, size: int) -> None:
    """Conditioning on all factors but one: a = E tr M^2/n and b = E (tr M)^2/n^2 go to (1+1/n) a + b and b + 2a/n^2."""
    a = b = 1.0
    for _ in range(order):
        a, b = (1 + 1 / size) * a + b, b + 2 * a / size**2
    means_are(moments(FussCatalan(order), size, 2, 1500), [1.0, a])


PROFILE = np.array([[1.0, 3.0], [3.0, 0.5]])
SHARES = np.array([0.25, 0.75])


@pytest.mark.parametrize("size", [4, 16])
def test_variance_profiles(size: int) -> None:
    """E (1/n) tr H^2 = w a^2 + w S w + diagonal/n: a diagonal entry has twice the variance, with signs the same."""
    law = DysonLaw(PROFILE, SHARES, [1.0, -1.0])
    flat = SHARES @ PROFILE @ SHARES
    means_are(moments(law, size, 2, 1500), [-0.5, 1 + flat + SHARES @ np.diag(PROFILE) / size])
    means_are(moments(law, size, 2, 200, entries="signs"), [-0.5, 1 + flat])


@pytest.mark.parametrize("size", [4, 16])
@pytest.mark.parametrize(("entries", "excess"), [("gaussian", 1), ("signs", -1)])
def test_gram_profiles(size: int, entries: str, excess: int) -> None:
    """E (1/p) tr (XX')^2 = u (Sv)^2 + c v (S'u)^2 + excess/n u S^2 v, excess + 2 an entry's fourth moment."""
    s, u, v = np.array([[1.0, 2.0, 0.0], [0.5, 1.0, 4.0]]), SHARES, np.array([0.25, 0.5, 0.25])
    law, n = DysonLaw.covariance(s, u, v, ratio=0.5), 2 * size
    second = u @ (s @ v) ** 2 + 0.5 * (v @ (u @ s) ** 2) + excess / n * (u @ s**2 @ v)
    means_are(moments(law, size, 2, 1500, entries=entries), [float(u @ s @ v), float(second)])


@pytest.mark.parametrize("entries", ["gaussian", "signs"])
def test_limits(entries: str) -> None:
    """Catalan, Narayana and Fuss-Catalan numbers."""
    limits_are(Semicircle(1.0), [0, 1, 0, 2, 0, 5], trials=300, entries=entries)
    narayana = [sum(math.comb(k, r) * math.comb(k - 1, r) / (r + 1) * 0.5**r for r in range(k)) for k in range(1, 5)]
    limits_are(MarchenkoPastur(0.5), narayana, trials=200, entries=entries)
    fuss = [math.comb(4 * k, k) / (3 * k + 1) for k in range(1, 4)]
    limits_are(FussCatalan(3), fuss, trials=500, entries=entries)
    fourth = 2 * SHARES @ (PROFILE @ SHARES) ** 2
    limits_are(DysonLaw(PROFILE, SHARES), [0, SHARES @ PROFILE @ SHARES, 0, fourth], trials=200, entries=entries)


# ---- free convolutions: exact second moments on the orthogonal group -------------------------------------------------


def second_order(n: int, squared_trace: float, trace_of_square: float) -> tuple[float, float]:
    """a, b of E M_ij M_kl = a d_ij d_kl + b (d_ik d_jl + d_il d_jk) for an orthogonally invariant M (n, n).

    From the traces: n^2 a + 2 n b = E (tr M)^2 and n a + (n^2 + n) b = E tr M^2.
    """
    system = np.array([[n**2, 2 * n], [n, n**2 + n]], dtype=float)
    a, b = np.linalg.solve(system, [squared_trace, trace_of_square])
    return float(a), float(b)


def rotated(values: FloatArray) -> tuple[float, float]:
    """`second_order` of Q diag(values) Q', Q Haar orthogonal."""
    return second_order(values.size, float(values.sum() ** 2), float(np.sum(values**2)))


def product_moments(left: FloatArray, right: FloatArray) -> list[float]:
    """E (1/n) tr AM and E (1/n) tr AMAM = (a + b) tr A^2/n + n b (tr A/n)^2."""
    a, b = rotated(right)
    mean = float(left.mean())
    return [mean * float(right.mean()), (a + b) * float(np.mean(left**2)) + left.size * b * mean**2]


def spectrum_of(law: Atoms, size: int) -> FloatArray:
    return np.repeat(law.values, np.round(law.weights * size).astype(int))


def sum_moments(x: FloatArray, y: FloatArray) -> list[float]:
    """First four moments of A + M: words with no more than two blocks of A and M factorise, AMAM does not."""
    x1, x2, x3, x4 = (float(np.mean(x**k)) for k in (1, 2, 3, 4))
    y1, y2, y3, y4 = (float(np.mean(y**k)) for k in (1, 2, 3, 4))
    alternating = product_moments(x, y)[1]
    fourth = x4 + y4 + 4 * (x3 * y1 + x1 * y3) + 4 * x2 * y2 + 2 * alternating
    return [x1 + y1, x2 + 2 * x1 * y1 + y2, x3 + 3 * x2 * y1 + 3 * x1 * y2 + y3, fourth]


@pytest.mark.parametrize("size", [4, 24])
@pytest.mark.parametrize(("left", "right"), [(SIGNS, SIGNS), (TWO, THIRDS), (THIRDS, SIGNS)])
def test_sums_of_atoms(size: int, left: Atoms, right: Atoms) -> None:
    expected = sum_moments(spectrum_of(left, size), spectrum_of(right, size))
    means_are(moments(FreeSum(left, right), size, 4, 1200), expected)


def test_signs_and_signs_make_the_arcsine_law() -> None:
    """Moments 2, 6, 20 in the limit, (2k choose k); the inverse of 1/2 + arcsin(x/2)/pi, eigenvalue by eigenvalue."""
    limits_are(FreeSum(SIGNS, SIGNS), [0, 2, 0, 6, 0, 20])
    worst = []
    for size in (50, 200):
        values = eigenvalues(FreeSum(SIGNS, SIGNS), size, 3)
        cdf = 0.5 + np.arcsin(np.clip(values / 2, -1, 1)) / np.pi
        worst.append(float(abs(cdf - (np.arange(size) + 0.5) / size).max()))
    assert worst[1] < worst[0] / 2
    assert worst[1] < 4 / 200


@pytest.mark.parametrize("other", [Semicircle(0.5), MarchenkoPastur(0.5), FreePoisson(2.0, 0.5)])
@pytest.mark.parametrize("options", [*WAYS, {"entries": "signs"}])
def test_sums_with_independent_entries(other: Law, options: dict[str, str]) -> None:
    """First and second moments of A + B factorise, on either side; here the second moment of B is exact too."""
    size, gaussian = 8, options.get("entries") != "signs"
    if isinstance(other, Semicircle):
        b1, b2 = 0.0, 0.5 * (1 + gaussian / size)
    else:
        b1, b2 = 1.0, 1.5 + (1 if gaussian else -1) / 16
    expected = [2 + b1, 5 + 2 * 2 * b1 + b2]
    for law in (FreeSum(TWO, other), FreeSum(other, TWO)):
        means_are(moments(law, size, 2, 1000, **options), expected)


def test_sums_keep_the_entries_they_are_given() -> None:
    """A diagonal matrix plus signs: two dimensions have four such spectra, where rotations would give any number."""
    for law in (FreeSum(TWO, Semicircle(1.0)), FreeSum(Semicircle(1.0), TWO)):
        rng = np.random.default_rng(0)
        found = {tuple(eigenvalues(law, 2, rng, entries="signs").round(9)) for _ in range(60)}
        assert len(found) == 4


def test_sums_with_independent_entries_in_the_limit() -> None:
    """Free cumulants add: of +-1 they are 0, 1, 0, -1; of a semicircle 0, v, 0, 0."""
    limits_are(FreeSum(SIGNS, Semicircle(0.5)), [0, 1.5, 0, -1 + 2 * 1.5**2])
    limits_are(FreeSum(Semicircle(0.5), SIGNS), [0, 1.5, 0, -1 + 2 * 1.5**2], entries="signs")
    limits_are(FreeSum(Semicircle(1.0), Semicircle(2.0)), [0, 3, 0, 18], trials=150)


def test_nested_sums() -> None:
    """Three fair signs, and the same by the power: cumulants 0, 3, 0, -3."""
    limits_are(FreeSum(FreeSum(SIGNS, SIGNS), SIGNS), [0, 3, 0, -3 + 2 * 9])
    limits_are(FreeSum(SIGNS, Affine(FreeSum(SIGNS, SIGNS), -1.0, 1.0)), [1, 4, 10, 15 + 6 * 3 + 1])


@pytest.mark.parametrize("size", [4, 24])
@pytest.mark.parametrize(("left", "right"), [(TWO, TWO), (TWO, THIRDS), (THIRDS, TWO)])
def test_products_of_atoms(size: int, left: Atoms, right: Atoms) -> None:
    expected = product_moments(spectrum_of(left, size), spectrum_of(right, size))
    means_are(moments(FreeProduct(left, right), size, 2, 1500), expected)


@pytest.mark.parametrize("population", [SIGNS, Atoms([-1.0, 0.0, 3.0], [0.25, 0.5, 0.25])])
def test_products_of_an_indefinite_law(population: Atoms) -> None:
    """A @ Marchenko-Pastur, tr M and tr M^2 of a Wishart matrix M = ZZ'/n of dimension p known to second order."""
    p, n = 8, 16
    a, b = second_order(p, p**2 + 2 * p / n, p * (n + p + 1) / n)
    t1, t2 = (float(population.weights @ population.values**k) for k in (1, 2))
    expected = [t1, (a + b) * t2 + p * b * t1**2]
    for law in (FreeProduct(population, MarchenkoPastur(0.5)), FreeProduct(MarchenkoPastur(0.5), population)):
        means_are(moments(law, p, 2, 1500), expected)


def test_products_in_the_limit() -> None:
    """m2 = b1^2 a2 + a1^2 b2 - a1^2 b1^2; a Marchenko-Pastur factor makes a sample covariance."""
    limits_are(FreeProduct(TWO, THIRDS), [2 * 1.25, 1.25**2 * 5 + 4 * (4.25 - 1.25**2)])
    limits_are(FreeProduct(MarchenkoPastur(0.5), TWO), [2, 5 + 0.5 * 4])
    limits_are(FreeProduct(Semicircle(1.0), MarchenkoPastur(0.5)), [0, 1])
    limits_are(FreeProduct(MarchenkoPastur(1.0), MarchenkoPastur(1.0)), [1, 3, 12])


def test_additive_powers() -> None:
    """Sums of k copies, exact to the third moment: words of three letters factorise."""
    k, size = 3, 8
    a1, a2, a3 = 1.25, 4.25, 16.25
    expected = [
        k * a1,
        k * a2 + k * (k - 1) * a1**2,
        k * a3 + 3 * k * (k - 1) * a2 * a1 + k * (k - 1) * (k - 2) * a1**3,
    ]
    means_are(moments(FreeAdditivePower(THIRDS, k), size, 3, 1500), expected)
    means_are(moments(FreeAdditivePower(Semicircle(0.5), 3), size, 2, 1500, entries="signs"), [0, 1.5])


@pytest.mark.parametrize("k", [1.5, 2.5])
@pytest.mark.parametrize("size", [8, 24])
def test_fractional_additive_powers(k: float, size: int) -> None:
    """k times a corner C of dimension p: E (1/p) tr C^2 = a + (p + 1) b; kappa_2 = k (m2 - m1^2) in the limit."""
    law = Atoms([0.0, 1.0, 4.0], [0.25, 0.5, 0.25])
    full = spectrum_of(law, round(k * size))
    a, b = rotated(full)
    expected = [k * float(full.mean()), k**2 * (a + (size + 1) * b)]
    means_are(moments(FreeAdditivePower(law, k), size, 2, 1500), expected)


def test_corners_and_sums_have_the_same_limit() -> None:
    """k = 2.5 of cumulants 0, 1, 0, -1; as for whole k."""
    limits_are(FreeAdditivePower(SIGNS, 2.5), [0, 2.5, 0, -2.5 + 2 * 2.5**2])
    limits_are(FreeAdditivePower(SIGNS, 3), [0, 3, 0, -3 + 2 * 3**2])
    limits_are(FreeAdditivePower(MarchenkoPastur(0.5), 1.5), [1.5, 1.5**2 + 0.75, 1.5**3 + 3 * 1.5 * 0.75 + 1.5 / 4])


def test_multiplicative_powers() -> None:
    """The square is the product with itself; in the limit the variance of x/mean is k times that of one factor."""
    means_are(moments(FreeMultiplicativePower(TWO, 2), 8, 2, 1500), product_moments(*[spectrum_of(TWO, 8)] * 2))
    limits_are(FreeMultiplicativePower(TWO, 3), [8, 64 * (1 + 3 * 0.25)])
    np.testing.assert_array_equal(eigenvalues(FreeMultiplicativePower(TWO, 1), 5, 0), [1, 1, 1, 3, 3])


# ---- exact properties ------------------------------------------------------------------------------------------------


def test_given_spectra() -> None:
    np.testing.assert_array_equal(eigenvalues(Atoms([3.0, -1.0], [0.3, 0.7]), 10, 0), [-1.0] * 7 + [3.0] * 3)
    np.testing.assert_allclose(eigenvalues(Uniform(1.0, 3.0), 4, 0), [1.25, 1.75, 2.25, 2.75], rtol=1e-13)
    np.testing.assert_allclose(
        eigenvalues(Exponential(2.0), 2, 0), [-2 * math.log(0.75), -2 * math.log(0.25)], rtol=1e-9
    )
    density = PowerLawDensity(2.0, 1.0, 2.0)  # x^-2 on [1, 2]: cdf 2 (1 - 1/x)
    np.testing.assert_allclose(eigenvalues(density, 2, 0), [1 / (1 - 0.125), 1 / (1 - 0.375)], rtol=1e-9)


ZEROS: list[tuple[Law, int]] = [
    (MarchenkoPastur(0.5), 0),
    (MarchenkoPastur(1.0), 0),
    (MarchenkoPastur(2.0), 20),
    (FreePoisson(0.25, 3.0), 30),
    (SampleCovariance(THIRDS, 0.5), 20),
    (SampleCovariance(THIRDS, 4.0), 30),
    (SampleCovariance(MarchenkoPastur(2.0), 0.5), 20),
    (FreeProduct(Atoms([0.0, 1.0], [0.3, 0.7]), Atoms([0.0, 1.0], [0.6, 0.4])), 24),
    (FreeProduct(SIGNS, MarchenkoPastur(2.0)), 20),
    (FreeProduct(MarchenkoPastur(0.5), Atoms([-1.0, 0.0, 3.0], [0.25, 0.5, 0.25])), 20),
    (FreeProduct(MarchenkoPastur(2.0), MarchenkoPastur(4.0)), 30),
    (FreeMultiplicativePower(THIRDS, 3), 20),
    (Affine(MarchenkoPastur(2.0), -3.0, 0.0), 20),
    (FussCatalan(2), 0),
    (DysonLaw.covariance([[1.0, 2.0], [3.0, 0.5]], ratio=4.0), 30),
]


@pytest.mark.parametrize(("law", "zeros"), ZEROS)
@pytest.mark.parametrize("options", [*WAYS, {"entries": "signs"}])
def test_null_eigenvalues_are_exactly_zero(law: Law, zeros: int, options: dict[str, str]) -> None:
    values = eigenvalues(law, 40, 7, **options)
    assert np.sum(values == 0) == zeros
    assert np.sum(abs(values) < 1e-12) == zeros
    assert not np.any(np.signbit(values[values == 0]))


def test_rounding_makes_no_product_negative() -> None:
    """Null eigenvalues of a sum come out as rounding of either sign."""
    singular = FreeSum(Atoms([0.0, 1.0], [0.8, 0.2]), Atoms([0.0, 2.0], [0.7, 0.3]))
    for law in (FreeProduct(TWO, singular), FreeProduct(singular, TWO), SampleCovariance(singular, 0.5)):
        values = eigenvalues(law, 40, 2)
        assert values[0] >= 0
        assert np.sum(values < 1e-12) == 20


def test_atoms_of_sums_and_powers() -> None:
    """n (p + q - 1) eigenvalues at the sum of two heavy atoms; a power keeps 1 - k (1 - p) at one of mass p."""
    left, right = Atoms([1.0, 5.0], [0.8, 0.2]), Atoms([2.0, -3.0], [0.7, 0.3])
    assert np.sum(abs(eigenvalues(FreeSum(left, right), 40, 1) - 3) < 1e-12) == 20
    heavy = Atoms([0.0, 1.0], [0.8, 0.2])
    assert np.sum(abs(eigenvalues(FreeAdditivePower(heavy, 1.5), 40, 1)) < 1e-12) == 28
    assert np.sum(abs(eigenvalues(FreeAdditivePower(heavy, 2), 40, 1)) < 1e-12) == 24


LAWS: list[Law] = [
    SIGNS,
    Semicircle(2.0),
    MarchenkoPastur(0.4),
    FreePoisson(0.5, 2.0),
    FussCatalan(2),
    DysonLaw(PROFILE, SHARES, [1.0, -1.0]),
    DysonLaw.covariance(PROFILE, ratio=0.5),
    SampleCovariance(TWO, 0.5),
    FreeSum(TWO, SIGNS),
    FreeSum(TWO, Semicircle(1.0)),
    FreeProduct(MarchenkoPastur(0.5), SIGNS),
    FreeAdditivePower(TWO, 2),
    FreeAdditivePower(TWO, 1.5),
    FreeMultiplicativePower(TWO, 2),
    Affine(Semicircle(1.0), -2.0, 1.0),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
@pytest.mark.parametrize("options", [*WAYS, {"entries": "signs"}])
def test_seeds_and_shapes(law: Law, options: dict[str, str]) -> None:
    values = eigenvalues(law, 12, 3, **options)
    assert values.shape == (12,)
    assert values.dtype == np.float64
    assert np.all(np.isfinite(values))
    assert np.all(np.diff(values) >= 0)
    np.testing.assert_array_equal(values, eigenvalues(law, 12, 3, **options))
    rng = np.random.default_rng(3)
    np.testing.assert_array_equal(values, eigenvalues(law, 12, rng, **options))
    if not isinstance(law, Atoms):
        assert not np.array_equal(values, eigenvalues(law, 12, rng, **options)), "a generator moves on"
        assert not np.array_equal(values, eigenvalues(law, 12, 4, **options))
    assert eigenvalues(law, np.int64(2), np.int64(3), **options).shape == (2,)


def test_multiples_are_multiples() -> None:
    values = eigenvalues(FreeProduct(TWO, THIRDS), 9, 5)
    np.testing.assert_array_equal(
        eigenvalues(Affine(FreeProduct(TWO, THIRDS), -2.0, 1.0), 9, 5), (1 - 2 * values)[::-1]
    )


@pytest.mark.parametrize(
    "law", [Semicircle(1.0), MarchenkoPastur(0.5), FreePoisson(3.0, 0.1), SampleCovariance(Atoms([2.0, 2.0]), 2.0)]
)
def test_banded_is_what_auto_does(law: Law) -> None:
    for kind in (law, Affine(law, 2.0, 1.0)):
        banded = eigenvalues(kind, 10, 3, method="banded")
        np.testing.assert_array_equal(banded, eigenvalues(kind, 10, 3))
        assert not np.array_equal(banded, eigenvalues(kind, 10, 3, method="dense"))


def test_matrices_use_no_equation_of_a_law(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn can judge a law because it asks the law for its parameters only."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("an equation of the law was used")

    equations = "density cdf quantile stieltjes log_potential support atoms masses moments _transform _potential"
    for law in LAWS:
        for name in equations.split():
            monkeypatch.setattr(type(law), name, refuse)
    for law in LAWS:
        assert eigenvalues(law, 10, 0).shape == (10,)


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, -3, True, 2.0, "5", None, 2.5])
def test_sizes_are_positive_integers(size: Any) -> None:
    with pytest.raises(ParameterError, match=r"\Asize = .* an integer >= 1\Z"):
        eigenvalues(Semicircle(1.0), size, 0)


@pytest.mark.parametrize("rng", [None, -1, True, 1.5, "seed", np.random.RandomState(0)])
def test_rngs_are_generators_or_seeds(rng: Any) -> None:
    with pytest.raises(ParameterError, match=r"\Arng = .*Generator or an integer >= 0\Z"):
        eigenvalues(Semicircle(1.0), 5, rng)


CASES: list[tuple[Callable[[], Any], str]] = [
    (lambda: eigenvalues(Semicircle(1.0), 5, 0, method="sparse"), r"\Amethod = 'sparse' .*'auto', 'dense' or 'banded'"),
    (lambda: eigenvalues(Semicircle(1.0), 5, 0, entries="uniform"), r"\Aentries = 'uniform' .*'gaussian' or 'signs'"),
    (lambda: eigenvalues(Semicircle(1.0), 5, 0, method="banded", entries="signs"), r"\Aentries = 'signs'"),
    (lambda: eigenvalues(SIGNS, 5, 0, method="banded"), r"\Amethod = 'banded' .*'auto' or 'dense'"),
    (lambda: eigenvalues(SampleCovariance(TWO, 0.5), 5, 0, method="banded"), r"\Amethod = 'banded'"),
    (lambda: eigenvalues(MarchenkoPastur(100.0), 5, 0), r"\Asize = 5 .*one sample"),
    (lambda: eigenvalues(FreePoisson(0.01), 5, 0), r"\Asize = 5 .*one sample"),
    (lambda: eigenvalues(SampleCovariance(TWO, 100.0), 5, 0), r"\Asize = 5 .*one sample"),
    (lambda: eigenvalues("semicircle", 5, 0), r"\Alaw = 'semicircle' .*Atoms, .*MarchenkoPastur, .*Semicircle"),
]


@pytest.mark.parametrize(("call", "message"), CASES)
def test_refusals(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        call()


def test_matrices_that_must_be_nonnegative_but_are_not() -> None:
    """A semicircle that touches 0 reaches below it at finite size, where a root of it is wanted."""
    touching = Affine(Semicircle(1.0), 1.0, 2.0)
    seed = next(seed for seed in range(50) if eigenvalues(touching, 10, seed)[0] < -0.01)
    for law in (FreeMultiplicativePower(touching, 2), SampleCovariance(touching, 0.5)):
        with pytest.raises(ParameterError, match=r"\Asmallest eigenvalue = -.*at least 0.*another size"):
            eigenvalues(law, 10, seed)
    assert eigenvalues(FreeProduct(touching, TWO), 10, seed)[0] < 0


def test_unknown_laws_are_refused_inside_others() -> None:
    class Odd(Atoms.__base__):  # type: ignore[name-defined, misc]
        support = atoms = moments = _transform = _potential = None

    with pytest.raises(ParameterError, match=r"\Alaw = .*a law with a matrix model: "):
        eigenvalues(Odd(), 5, 0)
    with pytest.raises(ParameterError, match=r"\Alaw = .*a law with a matrix model: "):
        eigenvalues(Affine(Odd(), 2.0, 0.0), 5, 0)


def test_importing_experiments_is_light() -> None:
    script = "import rmtcollapse.experiments, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"numpy", "scipy", "sympy", "numba"} & set(json.loads(done.stdout))
    assert dir(experiments) == ["Linked", "eigenvalues"]
    assert experiments.eigenvalues is eigenvalues
    with pytest.raises(AttributeError, match="no attribute 'eigenvalue'"):
        experiments.eigenvalue
