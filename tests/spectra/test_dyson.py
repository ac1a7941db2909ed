"""Dyson laws against closed forms, polynomials solved to 40 digits, matrices, and themselves."""

from __future__ import annotations

import math
from itertools import chain, combinations

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra.dyson import DysonLaw, GramLaw

EPS = float(np.finfo(float).eps)
FloatArray = NDArray[np.float64]
DISTANCES = (0.3, 1e-2, 1e-6, 1e-9)  # of a point to an edge, in units of the width of the bulk


def near_edges(law: DysonLaw | GramLaw) -> list[float]:
    """Points inside every bulk, close to both of its ends."""
    return [
        x
        for left, right in law.support()
        for share in DISTANCES
        for x in (left + share * (right - left), right - share * (right - left))
    ]


def product(*polynomials: list[mpmath.mpf]) -> list[mpmath.mpf]:
    """Coefficients, lowest first."""
    result = [mpmath.mpf(1)]
    for other in polynomials:
        total = [mpmath.mpf(0)] * (len(result) + len(other) - 1)
        for i, a in enumerate(result):
            for j, b in enumerate(other):
                total[i + j] += a * b
        result = total
    return result


def added(*polynomials: list[mpmath.mpf]) -> list[mpmath.mpf]:
    size = max(map(len, polynomials))
    return [sum((p[k] for p in polynomials if k < len(p)), mpmath.mpf(0)) for k in range(size)]


def roots(coefficients: list[mpmath.mpf]) -> list[mpmath.mpc]:
    while coefficients[-1] == 0:
        coefficients = coefficients[:-1]
    return list(mpmath.polyroots(coefficients[::-1], maxsteps=2000, extraprec=600))


def two_classes(s: FloatArray, w: FloatArray, a: FloatArray, z: complex) -> mpmath.mpc:
    """m of two classes: the first equation gives m2, the second is a quartic in m1. For real z inside a bulk, too."""
    z = mpmath.mpc(z)
    C = [[mpmath.mpf(float(s[i, j])) * mpmath.mpf(float(w[j])) for j in range(2)] for i in range(2)]
    first = [mpmath.mpf(-1), -(z - float(a[0])), -C[0][0]]  # C01 m1 m2
    scaled = [mpmath.mpf(0), C[0][1]]  # C01 m1
    other = [z - float(a[1]), C[1][0]]
    quartic = added(product(scaled, scaled), product(first, scaled, other), product([C[1][1]], first, first))
    found = []
    for m1 in roots(quartic):
        if abs(m1) > mpmath.mpf(10) ** -20:
            m2 = mpmath.polyval(first[::-1], m1) / (C[0][1] * m1)
            if m1.imag > mpmath.mpf(10) ** -20 and m2.imag > mpmath.mpf(10) ** -20:
                found.append(w[0] * m1 + w[1] * m2)
    assert len(found) == 1
    return found[0]


def sample_covariance(t: FloatArray, u: FloatArray, c: float, z: float) -> mpmath.mpc:
    """m from Silverstein's equation z = -1/v + c sum u t/(1 + t v), as a polynomial in v; z real, in the bulk."""
    factors = [[mpmath.mpf(1), mpmath.mpf(float(value))] for value in t]
    everything = product(*factors)
    terms = [product([mpmath.mpf(1), mpmath.mpf(z)], everything)]
    for k, weight in enumerate(u):
        rest = product(*[factor for j, factor in enumerate(factors) if j != k])
        terms.append(product([mpmath.mpf(0), -mpmath.mpf(c) * float(weight) * float(t[k])], rest))
    (v,) = [root for root in roots(added(*terms)) if root.imag > mpmath.mpf(10) ** -20]
    return (v + (1 - mpmath.mpf(c)) / mpmath.mpf(z)) / mpmath.mpf(c)


def sample_covariance_edges(t: FloatArray, u: FloatArray, c: float) -> list[float]:
    """Critical values of z(v) in the same equation; for c = 1 one of them is at v = infinity, where z is 0."""
    squares = [
        product([mpmath.mpf(1), mpmath.mpf(float(value))], [mpmath.mpf(1), mpmath.mpf(float(value))]) for value in t
    ]
    terms = [product(*squares)]
    for k, weight in enumerate(u):
        rest = product(*[square for j, square in enumerate(squares) if j != k])
        terms.append(product([0, 0, -mpmath.mpf(c) * float(weight) * float(t[k]) ** 2], rest))
    critical = [root.real for root in roots(added(*terms)) if abs(root.imag) < mpmath.mpf(10) ** -20]
    places = [
        -1 / v + mpmath.mpf(c) * sum(float(w) * float(s) / (1 + float(s) * v) for s, w in zip(t, u, strict=True))
        for v in critical
    ]
    return sorted(float(place) for place in places + [mpmath.mpf(0)] * (c == 1))


def marchenko_pastur(c: float, x: float) -> mpmath.mpf:
    root = mpmath.sqrt(mpmath.mpf(c))
    low, high = (1 - root) ** 2, (1 + root) ** 2
    return mpmath.sqrt((high - x) * (x - low)) / (2 * mpmath.pi * c * x)


# Closed forms


def test_a_flat_profile_is_the_semicircle() -> None:
    law = DysonLaw(np.full((3, 3), 4.0), [0.25, 0.25, 0.5])
    ((left, right),) = law.support()
    assert (left, right) == pytest.approx((-4, 4), rel=2 * EPS, abs=0)
    with mpmath.workdps(40):
        for x in (-3.9, 0.0, 2.5, 4 - 1e-9):
            assert law.density(x) == pytest.approx(
                float(mpmath.sqrt((4 - mpmath.mpf(x)) * (4 + x)) / (8 * mpmath.pi)), rel=8 * EPS
            )
            cdf = (
                mpmath.mpf(1) / 2
                + x * mpmath.sqrt(16 - mpmath.mpf(x) ** 2) / (16 * mpmath.pi)
                + mpmath.asin(mpmath.mpf(x) / 4) / mpmath.pi
            )
            assert law.cdf(x) == pytest.approx(float(cdf), abs=4 * EPS)
        for z in (5.0 + 0j, -4.1 + 0j, 0.3 + 1e-9j, -7 + 2j):
            root = mpmath.sqrt(mpmath.mpc(z) - 4) * mpmath.sqrt(mpmath.mpc(z) + 4)
            m = (root - z) / 8
            assert law.stieltjes(z) == pytest.approx(complex(m), rel=8 * EPS, abs=0)
            assert law.log_potential(z) == pytest.approx(
                complex(2 * m**2 - mpmath.log(-m.conjugate()).conjugate()), rel=16 * EPS
            )
    assert law.moments(8) == pytest.approx([0, 4, 0, 32, 0, 320, 0, 3584], rel=4 * EPS, abs=0)
    assert law.atoms() == []


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0, 1e-3, 1e3])
def test_a_flat_gram_profile_is_marchenko_pastur(ratio: float) -> None:
    law = DysonLaw.covariance(np.ones((2, 4)), [0.25, 0.75], ratio=ratio)
    ((left, right),) = law.support()
    with mpmath.workdps(40):
        root = mpmath.sqrt(mpmath.mpf(ratio))
        assert left == pytest.approx(float((1 - root) ** 2), rel=16 * EPS / min(1.0, abs(float(1 - root)) or 1), abs=0)
        assert right == pytest.approx(float((1 + root) ** 2), rel=4 * EPS, abs=0)
        for x in near_edges(law):
            assert law.density(x) == pytest.approx(float(marchenko_pastur(ratio, mpmath.mpf(x))), rel=16 * EPS, abs=0)
    assert law.atoms() == ([(0.0, 1 - 1 / ratio)] if ratio > 1 else [])
    assert law.masses() == pytest.approx([min(1.0, 1 / ratio)], rel=16 * EPS, abs=0)
    narayana = [1, 1 + ratio, 1 + 3 * ratio + ratio**2, 1 + 6 * ratio + 6 * ratio**2 + ratio**3]
    assert law.moments(4) == pytest.approx(narayana, rel=8 * EPS, abs=0)


def test_a_hard_edge_is_right_down_to_the_smallest_numbers() -> None:
    law = DysonLaw.covariance(np.ones((2, 2)), ratio=1.0)
    assert law.support()[0][0] == 0.0
    assert law.density(0.0) == math.inf
    x = np.array([1e-250, 1e-100, 1e-30, 1e-12, 1e-3])
    assert law.density(x) == pytest.approx(np.sqrt((4 - x) / x) / (2 * math.pi), rel=32 * EPS, abs=0)
    assert law.cdf(1e-12) == pytest.approx(
        2e-6 / math.pi * (1 - 1e-12 / 24), rel=1e-9, abs=0
    )  # 1 - cdf is exact to eps
    with pytest.raises(ParameterError, match="diverges"):
        law.stieltjes(0.0)
    near = DysonLaw.covariance(np.ones((2, 2)), ratio=1 - 1e-9).support()[0][0]
    assert near == pytest.approx(
        2.5e-19, rel=1e-6, abs=0
    )  # (1 - sqrt(1 - e))^2 = e^2/4 (1 + O(e)); e has 1e-7 of rounding


def test_one_matrix_beside_its_transpose() -> None:
    """[[0, X], [X', 0]] with 3 rows to 7 columns: singular values of X with both signs, and 4 zeros."""
    law = DysonLaw([[0, 1], [1, 0]], [0.3, 0.7])
    edges = math.sqrt(0.7) - math.sqrt(0.3), math.sqrt(0.7) + math.sqrt(0.3)
    assert np.ravel(law.support()) == pytest.approx([-edges[1], -edges[0], edges[0], edges[1]], rel=8 * EPS, abs=0)
    assert law.atoms() == [(0.0, pytest.approx(0.4, rel=4 * EPS))]
    assert law.masses() == pytest.approx([0.3, 0.3], rel=8 * EPS, abs=0)
    balanced = DysonLaw([[0, 1], [1, 0]])  # a semicircle of variance 1/2, although its solutions have a free scale at 0
    x = np.array([0.0, 1e-30, -1e-9, 1.2])
    assert balanced.density(x) == pytest.approx(np.sqrt(2 - x**2) / math.pi, rel=8 * EPS, abs=0)


# Polynomials to 40 digits


@pytest.mark.parametrize(
    ("s", "w", "a"),
    [
        ([[1.0, 0.2], [0.2, 3.0]], [0.5, 0.5], [0.0, 0.0]),
        ([[0.01, 2.0], [2.0, 0.5]], [0.125, 0.875], [0.0, 0.0]),
        ([[0.3, 0.02], [0.02, 0.1]], [0.75, 0.25], [-1.5, 2.25]),
        ([[1.0, 1.0], [1.0, 0.0]], [0.5, 0.5], [0.0, 0.0]),
        ([[0.0, 1.0], [1.0, 0.0]], [0.25, 0.75], [0.5, -0.25]),
    ],
)
def test_two_classes_against_a_quartic(s: list[list[float]], w: list[float], a: list[float]) -> None:
    law = DysonLaw(s, w, a)
    arrays = np.array(s), np.array(w), np.array(a)
    with mpmath.workdps(40):
        for x in near_edges(law):
            expected = two_classes(*arrays, x).imag / mpmath.pi
            assert law.density(x) == pytest.approx(float(expected), rel=8 * EPS, abs=0)
        for z in (0.1 + 1e-6j, -2 + 0.5j, 3 + 1e-3j, 40j):
            assert law.stieltjes(z) == pytest.approx(complex(two_classes(*arrays, z)), rel=8 * EPS, abs=0)


@pytest.mark.parametrize("variance", [0.25, 0.999, 1.0078125, 4.0])
def test_two_expectations_and_flat_noise(variance: float) -> None:
    """The free sum of atoms at -1, 1 and a semicircle: m - m (z + s m)^2 = z + s m. The gap closes at s = 1."""
    law = DysonLaw(np.full((2, 2), variance), expectations=[-1.0, 1.0])
    assert len(law.support()) == (2 if variance < 1 else 1)
    with mpmath.workdps(40):
        for x in near_edges(law):
            s, z = mpmath.mpf(variance), mpmath.mpf(x)
            cubic = [-z, 1 - z * z - s, -2 * s * z, -s * s]
            expected = max(root.imag for root in roots(cubic)) / mpmath.pi
            assert law.density(x) == pytest.approx(float(expected), rel=16 * EPS, abs=0)


@pytest.mark.parametrize("ratio", [0.05, 0.5, 1.0, 2.0])
def test_equal_columns_are_a_sample_covariance(ratio: float) -> None:
    t, u = np.array([0.5, 1.0, 8.0]), np.array([0.25, 0.5, 0.25])
    law = DysonLaw.covariance(np.outer(t, np.ones(2)), u, [0.25, 0.75], ratio=ratio)
    with mpmath.workdps(40):
        assert np.ravel(law.support()) == pytest.approx(sample_covariance_edges(t, u, ratio), rel=8 * EPS, abs=1e-30)
        for x in near_edges(law):
            expected = sample_covariance(t, u, ratio, x).imag / mpmath.pi
            assert law.density(x) == pytest.approx(float(expected), rel=16 * EPS, abs=0)


# Atoms and divergences from zeros


def deficiency(entries: NDArray[np.bool_], rows: FloatArray, columns: FloatArray) -> float:
    """Largest mass of rows that the columns which they meet do not balance, over all sets of rows."""
    subsets = chain.from_iterable(combinations(range(len(rows)), k) for k in range(len(rows) + 1))
    return max(float(rows[list(P)].sum() - columns[entries[list(P)].any(0)].sum()) for P in subsets)


def test_atoms_are_what_no_flow_balances() -> None:
    rng = np.random.default_rng(20)
    seen = 0
    for _ in range(18):
        R, C = rng.integers(1, 6, 2)
        s = rng.exponential(size=(R, C)) * (rng.random((R, C)) < 0.4)
        u, v, c = rng.dirichlet(np.ones(R)), rng.dirichlet(np.ones(C)), float(rng.choice([0.5, 1.0, 2.0]))
        u, v = u / math.fsum(u), v / math.fsum(v)
        law = GramLaw(s, u, v, ratio=c)
        mass = sum(mass for _, mass in law.atoms())
        assert mass == pytest.approx(deficiency(s > 0, u, v / c), abs=64 * EPS)
        assert law.masses().sum() + mass == pytest.approx(1, abs=64 * EPS)
        s = rng.exponential(size=(R, R)) * (rng.random((R, R)) < 0.4)
        a = rng.integers(0, 2, R).astype(float)
        hermitian = DysonLaw(s + s.T, u, a)
        found = dict(hermitian.atoms())
        for place in (0.0, 1.0):
            mass = deficiency((s + s.T > 0) | np.diag(a != place), u, u)
            assert found.get(place, 0.0) == pytest.approx(mass, abs=64 * EPS)
            seen += 0 < mass < 1
        assert hermitian.masses().sum() + sum(found.values()) == pytest.approx(1, abs=64 * EPS)
    assert seen > 5


def test_atoms_inside_a_bulk_cut_it_in_two() -> None:
    law = DysonLaw([[1, 0], [0, 0]], [0.5, 0.5], [0.0, 0.25])
    edge = math.sqrt(2)
    assert np.ravel(law.support()) == pytest.approx([-edge, 0.25, 0.25, edge])
    assert law.atoms() == [(0.25, 0.5)]
    bulk = float(DysonLaw([[0.5]]).cdf(0.25)) / 2
    assert law.cdf([0.25, np.nextafter(0.25, 0), 3]) == pytest.approx([bulk + 0.5, bulk, 1], abs=8 * EPS)
    assert law.density(0.25) == pytest.approx(math.sqrt(2 - 0.0625) / (2 * math.pi), rel=8 * EPS, abs=0)
    assert law.quantile([bulk + 0.1, bulk + 0.4]) == pytest.approx([0.25, 0.25], abs=8 * EPS)
    assert law.moments(2) == pytest.approx([0.125, 0.25 + 0.03125], rel=4 * EPS, abs=0)


def test_divergences_inside_and_at_one_side() -> None:
    inside = DysonLaw([[1, 1], [1, 0]])
    assert inside.support()[0][1] == inside.support()[1][0] == 0.0
    assert inside.density(0.0) == math.inf
    powers = np.diff(np.log(inside.density([1e-100, 1e-50])))[0] / (50 * math.log(10))
    assert powers == pytest.approx(-1 / 3, abs=1e-12)
    assert inside.masses() == pytest.approx([0.5, 0.5], rel=8 * EPS, abs=0)
    one_sided = DysonLaw([[1, 1], [1, 0]], expectations=[0.0, 1.0])  # m1 m2 = -2, and m2^2 ~ -2 (z - 1) beside 1
    assert one_sided.support()[1][0] == 1.0
    assert one_sided.density(1.0) == math.inf
    assert one_sided.masses().sum() == pytest.approx(1, abs=8 * EPS)
    assert one_sided.integrate(lambda x: x**2) == pytest.approx(one_sided.moments(2)[1], rel=1e-12, abs=0)
    triangular = GramLaw([[1, 1], [0, 1]], ratio=1.0)  # diverges at 0, faster than x^(-1/2)
    assert triangular.density(0.0) == math.inf
    assert triangular.integrate(lambda x: x) == pytest.approx(triangular.mean, rel=1e-12, abs=0)


def test_a_divergence_is_followed_far_up() -> None:
    """m ~ z^(-1/2), although close to 0 there is also a real solution, with a radius above 1."""
    s = np.array(
        [[0, 0.04272330099262613, 0, 0], [0, 0, 0.2557322793403666, 1.5152968289394761], [0, 0, 0, 2.163659083987813]]
    )
    s = np.vstack([s, np.zeros(4)])
    a = np.array([-0.029898936444401537, -0.22841977422902926, 0.15695178254666659, -0.03130284992919813])
    law = DysonLaw(s + s.T, expectations=a - a[0])
    m = law.stieltjes([1e-150j, 1e-100j])
    assert m[0] / m[1] == pytest.approx(1e25, rel=1e-13, abs=0)
    assert m[0].real == pytest.approx(-m[0].imag, rel=64 * EPS, abs=0)


def test_a_divergence_on_an_edge_of_what_is_left() -> None:
    """Classes 3 and 4 alone end at 1, which is the expectation that class 2 needs to balance class 1."""
    law = DysonLaw([[1, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 1], [1, 0, 1, 0]], expectations=[-1.0, 1.0, 0.0, 0.0])
    assert law.density(1.0) == math.inf
    assert law.masses().sum() == pytest.approx(1, abs=1e-12)  # taken at a height of 1e-30, below which no solution is
    s = [[0.0, 0.04, 0, 0], [0.04, 0, 0.25, 1.5], [0, 0.25, 0, 2.125], [0, 1.5, 2.125, 0]]
    law = DysonLaw(s, expectations=[-0.03125, -0.25, 0.125, -0.0625])
    assert law.density(-0.03125) == math.inf
    assert law.masses().sum() == pytest.approx(1, abs=64 * EPS)


def test_reducible_profiles_are_mixtures() -> None:
    law = DysonLaw([[1, 0], [0, 4]], [0.5, 0.5])
    narrow, wide = DysonLaw([[0.5]]), DysonLaw([[2.0]])
    x = np.linspace(-3, 3, 13)
    assert law.density(x) == pytest.approx((narrow.density(x) + wide.density(x)) / 2, rel=4 * EPS, abs=0)
    assert law.cdf(x) == pytest.approx((narrow.cdf(x) + wide.cdf(x)) / 2, abs=4 * EPS)
    assert law.support() == wide.support()


# Matrices


def test_moments_of_matrices_with_a_profile_that_does_not_separate() -> None:
    """Means over trials at two sizes, extrapolated in 1/n; the correction beyond is O(1/n^2)."""
    s = np.array([[1.0, 0.1, 2.0], [0.2, 3.0, 0.5]])
    law = GramLaw(s, [0.5, 0.5], [0.25, 0.25, 0.5], ratio=0.5)
    rng = np.random.default_rng(3)
    means, errors = [], []
    for n, trials in ((80, 300), (160, 150)):
        root = np.sqrt(np.repeat(np.repeat(s, n // 4, 0), [n // 4, n // 4, n // 2], 1) / n)
        draws = []
        for _ in range(trials):
            X = root * rng.standard_normal(root.shape)
            x = np.linalg.eigvalsh(X @ X.T)
            draws.append([np.mean(x**k) for k in range(1, 5)])
        means.append(np.mean(draws, 0))
        errors.append(np.std(draws, 0, ddof=1) / math.sqrt(trials))
    z = (2 * means[1] - means[0] - law.moments(4)) / np.hypot(2 * errors[1], errors[0])
    assert np.all(np.abs(z) < 4)


# A law against itself


LAWS = [
    DysonLaw([[1, 0.2, 0], [0.2, 3, 1], [0, 1, 0.5]], [0.25, 0.5, 0.25], [0.0, 3.0, -4.0]),
    DysonLaw([[0, 1, 0.5], [1, 0, 1], [0.5, 1, 1]], [0.5, 0.2, 0.3], [0.0, 1.0, 0.0]),
    GramLaw([[1, 0.1, 2], [0.2, 3, 0.5]], ratio=0.5),
    GramLaw([[1, 0.1], [0.2, 3], [0, 0]], ratio=3.0),
]


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_moments_potential_and_transform_are_integrals(law: DysonLaw | GramLaw) -> None:
    reach = max(abs(end) for interval in law.support() for end in interval)
    moments = [law.integrate(lambda x, k=k: x**k) for k in range(6)]
    sizes = reach ** np.arange(6)
    assert moments == pytest.approx([1, *law.moments(5)], abs=1e-12 * sizes.max(), rel=1e-12)
    assert law.mean == pytest.approx(law.moments(1)[0])
    assert law.variance == pytest.approx(law.moments(2)[1] - law.mean**2, rel=64 * EPS, abs=0)
    for z in (reach * (1.5 + 0.5j), reach * (-2 + 0j), 0.25j * reach):
        parts = [law.integrate(lambda x, z=z, f=f: f(np.log(z + 0j - x))) for f in (np.real, np.imag)]
        assert law.log_potential(z) == pytest.approx(complex(*parts), rel=1e-12, abs=1e-12)
        parts = [law.integrate(lambda x, z=z, f=f: f(1 / (x - z))) for f in (np.real, np.imag)]
        assert law.stieltjes(z) == pytest.approx(complex(*parts), rel=1e-12, abs=0)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_the_density_is_the_slope_of_the_distribution(law: DysonLaw | GramLaw) -> None:
    nodes, weights = np.polynomial.legendre.leggauss(20)
    for (left, right), mass in zip(law.support(), law.masses(), strict=True):
        low, high = left + 0.3 * (right - left), left + 0.7 * (right - left)
        x = (low + high) / 2 + (high - low) / 2 * nodes
        inside = float(weights @ law.density(x)) * (high - low) / 2
        assert law.cdf(high) - law.cdf(low) == pytest.approx(inside, abs=1e-6 * mass)
        step = 1e-4 * (right - left)
        slope = (law.cdf(x + step) - law.cdf(x - step)) / (2 * step)
        assert slope == pytest.approx(law.density(x), rel=1e-4, abs=0)
        assert law.cdf(right) - law.cdf(left) == pytest.approx(
            mass + sum(m for place, m in law.atoms() if left < place <= right), abs=64 * EPS
        )


def random_law(rng: np.random.Generator) -> DysonLaw | GramLaw:
    """Profiles of up to 5 classes: smooth, over eight decades, or with zeros."""

    def entries(shape: tuple[int, int]) -> FloatArray:
        kind = rng.integers(4)
        if kind == 1:
            return 10.0 ** rng.uniform(-4, 4, shape)
        mask = rng.random(shape) < (0.5 if kind > 1 else 1.0)
        return np.asarray(mask * (1.0 if kind == 3 else rng.exponential(size=shape)))

    R, C = (int(size) for size in rng.integers(1, 6, 2))
    weights = None
    if rng.random() < 0.5:
        weights = rng.dirichlet(np.ones(R)) + 1e-3
        weights /= math.fsum(weights)
    if rng.random() < 0.5:
        return GramLaw(entries((R, C)), weights, ratio=float(rng.choice([1e-3, 0.1, 0.5, 0.999, 1, 1.001, 2, 10, 1e3])))
    s = np.triu(entries((R, R)))
    a = (None, rng.normal(size=R) * 10.0 ** rng.uniform(-1, 1), rng.integers(-1, 2, R).astype(float))[rng.integers(3)]
    return DysonLaw(s + np.triu(s, 1).T, weights, a)


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 10))])
def test_random_profiles(seed: int) -> None:
    rng = np.random.default_rng([7, seed])
    for _ in range(21):
        law = random_law(rng)
        mass = law.masses().sum() + sum(mass for _, mass in law.atoms())
        assert mass == pytest.approx(1, abs=256 * EPS)
        ends = [end for interval in law.support() for end in interval] + [place for place, _ in law.atoms()]
        shares = np.sort(np.concatenate([10.0 ** -np.arange(1, 8), 1 - 10.0 ** -np.arange(1, 8), [0.5]]))
        for left, right in law.support():
            x = left + shares * (right - left)
            assert np.all(law.density(x) > 0)
            assert np.all(np.diff(law.cdf(x)) >= -64 * EPS)
        reach = 1 + max(map(abs, ends))
        z = reach * (rng.uniform(-2, 2, 8) + 1j * 10.0 ** rng.uniform(-12, 1, 8))
        assert np.all(law.stieltjes(z).imag > 0)
        far = 30 * reach * np.array([1, -1, 1j, 1 + 1j])
        series = np.concatenate([[1.0], law.moments(12)])
        expected = -sum(moment / far ** (k + 1) for k, moment in enumerate(series))
        assert law.stieltjes(far) == pytest.approx(expected, rel=32 * EPS, abs=0)  # 30^-13 is below eps


def test_many_expectations_make_many_bulks() -> None:
    law = DysonLaw(np.full((12, 12), 1e-6), expectations=np.arange(12.0))
    assert len(law.support()) == 12
    assert law.masses() == pytest.approx(np.full(12, 1 / 12), rel=64 * EPS, abs=0)


def test_a_far_and_light_class_is_found() -> None:
    law = DysonLaw([[1, 1e-6], [1e-6, 1e-6]], [1 - 1e-9, 1e-9], [0.0, 5.0])
    assert len(law.support()) == 2
    assert law.masses()[1] == pytest.approx(1e-9, rel=1e-6, abs=0)


def test_a_light_class_beside_a_bulk_is_found() -> None:
    """An island of mass 3e-7 so close to a bulk that a rule for masses alone takes both for one."""
    weights = np.array([3.047335078577783e-07, 0.0010377237012517073, 0.9989601848073449, 1.786757895564671e-06])
    places = [0.06902952233013741, 0.007504965365932395, 0.11065619045500752, -0.07836171255150577]
    law = DysonLaw([[0, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0]], weights, places)
    order = [3, 1, 0]
    assert np.sort(law.masses()) == pytest.approx(np.sort(np.repeat(weights[order], 2)), rel=1e-9, abs=0)


def test_a_light_class_between_an_edge_and_the_next_point_is_found() -> None:
    s = np.array(
        [
            [0.9525248415842212, 0.422788704654595, 2.7836526278978684, 0.3293351227595533, 0.8841112051464147],
            [0.422788704654595, 3.13150931588959, 1.0880818781871098, 0.5051736241118068, 1.2307319104647485],
            [2.7836526278978684, 1.0880818781871098, 0.11182475981592035, 2.2234604919339507, 0.2050847991804018],
            [0.3293351227595533, 0.5051736241118068, 2.2234604919339507, 0.3279489654924228, 0.13753955524029177],
            [0.8841112051464147, 1.2307319104647485, 0.2050847991804018, 0.13753955524029177, 0.1724856496623116],
        ]
    )
    weights = [
        0.17191529479939338,
        1.238310156304543e-08,
        0.8165638562683761,
        0.011519673946500011,
        1.1626026288657878e-06,
    ]
    law = DysonLaw(s, weights)
    assert law.masses().sum() == pytest.approx(1, abs=1e-12 / 8)
    assert law.masses().min() == pytest.approx(weights[1], rel=1e-8, abs=0)


def test_classes_of_no_weight_are_dropped() -> None:
    assert DysonLaw([[1, 5], [5, 7]], [1.0, 0.0]).support() == DysonLaw([[1.0]]).support()
    assert GramLaw([[1, 5], [5, 7]], [1.0, 0.0], [0.0, 1.0], ratio=0.5).support() == GramLaw([[5]], ratio=0.5).support()


def test_no_variance_leaves_atoms() -> None:
    law = DysonLaw(np.zeros((3, 3)), [0.5, 0.25, 0.25], [1.0, -2.0, 1.0])
    assert law.atoms() == [(-2.0, 0.25), (1.0, 0.75)]
    assert law.support() == []
    assert law.cdf([-3, -2, 0, 1]).tolist() == [0, 0.25, 0.25, 1]
    assert GramLaw(np.zeros((1, 1)), ratio=0.5).atoms() == [(0.0, 1.0)]


def test_arrays_are_kept_and_cannot_be_written() -> None:
    law = DysonLaw([[1, 2], [2, 0]], expectations=[0, 1])
    assert law.weights.tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match="read-only"):
        law.profile[0, 0] = 3
    assert repr(law) == "DysonLaw([[1.0, 2.0], [2.0, 0.0]], weights=[0.5, 0.5], expectations=[0.0, 1.0])"
    assert repr(GramLaw([[1]], ratio=2)) == (
        "DysonLaw.covariance([[1.0]], row_weights=[1.0], column_weights=[1.0], ratio=2.0)"
    )


def test_whole_numbers_are_sizes_of_classes_without_rounding() -> None:
    flat = DysonLaw(np.ones((3, 3)), [3, 1, 2])  # the semicircle, whatever the classes
    np.testing.assert_allclose(flat.weights, [1 / 2, 1 / 6, 1 / 3], rtol=1e-16)
    x = np.nextafter(2.0, 0)
    assert flat.density(x) == pytest.approx(math.sqrt((2 - x) * (2 + x)) / (2 * math.pi), rel=1e-13)


@pytest.mark.parametrize(
    ("profile", "options", "message"),
    [
        ([[1, 2], [3, 1]], {}, "profile = .* symmetric"),
        ([[1, -2], [-2, 1]], {}, "profile = .* >= 0"),
        ([[1, math.nan], [math.nan, 1]], {}, "profile = "),
        ([[1, 2], [2]], {}, "profile = "),
        ([[1, 2]], {}, "profile = .* symmetric"),
        ([1, 2], {}, "profile = .* matrix"),
        ([[]], {}, "profile = "),
        ([[1j]], {}, "profile = "),
        ([[1, 2], [2, 1]], {"weights": [0.5, 0.25]}, r"weights = .*it is 0\.75"),
        ([[1, 2], [2, 1]], {"weights": [1.5, -0.5]}, "weights = "),
        ([[1, 2], [2, 1]], {"weights": [3, -2]}, "weights = "),
        ([[1, 2], [2, 1]], {"weights": [0, 0]}, "weights = "),
        ([[1, 2], [2, 1]], {"weights": [1.0]}, r"weights = .*\(2,\)"),
        ([[1, 2], [2, 1]], {"expectations": [1.0]}, r"expectations = .*\(2,\)"),
        ([[1, 2], [2, 1]], {"expectations": [1.0, math.inf]}, "expectations = "),
    ],
)
def test_refusals(profile: object, options: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        DysonLaw(profile, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": 0.0}, "ratio = "),
        ({"ratio": -1.0}, "ratio = "),
        ({"ratio": math.nan}, "ratio = "),
        ({"ratio": [1.0]}, "ratio = "),
        ({"ratio": 1.0, "row_weights": [0.5, 0.25]}, r"row_weights = .*it is 0\.75"),
        ({"ratio": 1.0, "column_weights": [0.5, 0.5]}, r"column_weights = .*\(3,\)"),
    ],
)
def test_refusals_of_gram_laws(options: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        DysonLaw.covariance([[1, 2, 3], [0, 1, 2]], **options)  # type: ignore[arg-type]


def test_refusals_of_arguments() -> None:
    law = DysonLaw([[0, 1], [1, 0]], [0.3, 0.7])
    with pytest.raises(ParameterError, match="side"):
        law.stieltjes(1.0)
    with pytest.raises(ParameterError, match="atom"):
        law.stieltjes(0.0)
    with pytest.raises(ParameterError, match="k = 400"):
        DysonLaw([[1e4]]).moments(400)
