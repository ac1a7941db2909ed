"""Elementary laws against closed forms in mpmath, against combinatorial numbers, and their refusals."""

from __future__ import annotations

import math
from fractions import Fraction
from types import SimpleNamespace

import mpmath as mp
import numpy as np
import pytest
import sympy as sy

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra.law import Law
from rmtcollapse.spectra.laws import Atoms, FreePoisson, FussCatalan, MarchenkoPastur, Semicircle

RELATIVE = 1e-13
EPS = float(np.finfo(float).eps)
LAWS = [Semicircle(0.7), FreePoisson(2.5, -0.4), FreePoisson(0.3, 2.0), MarchenkoPastur(0.5)]


@pytest.mark.parametrize("ratio", [0.5, 2.0, 1.0, 1e-6, 1e6, 0.999, 1.001])
def test_marchenko_pastur_is_its_closed_form(exact: SimpleNamespace, ratio: float) -> None:
    law = MarchenkoPastur(ratio)
    x = exact.grid(law)
    reference = exact.marchenko_pastur(ratio)
    errors = exact.relative_errors(law.density(x), [reference.density(p) for p in x])
    assert errors.max() < RELATIVE, x[errors.argmax()]


@pytest.mark.parametrize("ratio", [0.5, 2.0, 1.0, 1e-6, 1e6, Fraction(1, 3)])
def test_marchenko_pastur_edges_are_rounded_once(ratio: float) -> None:
    ((left, right),) = MarchenkoPastur(ratio).support()
    with mp.workdps(60):
        c = mp.mpf(Fraction(ratio).numerator) / Fraction(ratio).denominator
        assert left == float((1 - mp.sqrt(c)) ** 2)
        assert right == float((1 + mp.sqrt(c)) ** 2)


def test_a_ratio_given_as_a_fraction_is_exact() -> None:
    assert MarchenkoPastur(Fraction(1, 3)).atoms() == []
    (atom,) = MarchenkoPastur(Fraction(3)).atoms()
    assert atom == (0.0, float(Fraction(2, 3)))
    assert MarchenkoPastur(1 / 3).ratio == 1 / 3


def test_marchenko_pastur_at_a_ratio_of_one_diverges_at_zero_only() -> None:
    law = MarchenkoPastur(1)
    assert law.support() == [(0.0, 4.0)]
    assert law.density([0.0, 4.0]).tolist() == [math.inf, 0.0]
    tiny = 10.0 ** -np.array([20, 100, 250])
    np.testing.assert_allclose(law.density(tiny) * np.pi * np.sqrt(tiny), np.ones(3), rtol=1e-13)


@pytest.mark.parametrize("variance", [1.0, 1e-8, 0.3, 1e8])
def test_the_semicircle_is_its_closed_form(exact: SimpleNamespace, variance: float) -> None:
    law = Semicircle(variance)
    x = exact.grid(law)
    with mp.workdps(50):
        true = [mp.sqrt(4 * mp.mpf(variance) - mp.mpf(p) ** 2) / (2 * mp.pi * mp.mpf(variance)) for p in x]
    assert exact.relative_errors(law.density(x), true).max() < RELATIVE
    ((left, right),) = law.support()
    assert right == -left == float(2 * mp.sqrt(mp.mpf(variance)))


@pytest.mark.parametrize("order", [1, 2, 3, 10, 50])
def test_fuss_catalan_is_its_closed_form(exact: SimpleNamespace, order: int) -> None:
    law = FussCatalan(order)
    ((left, right),) = law.support()
    assert left == 0
    assert right == pytest.approx(float(Fraction((order + 1) ** (order + 1), order**order)), rel=4 * EPS)
    with mp.workdps(60):
        angles = [mp.pi / (order + 1) * share for share in (1e-3, 0.3, 0.99)]
        points = [exact.fuss_catalan_point(order, angle) for angle in angles]
        x = [float(place) for place, _ in points]
        true = []
        for place, angle in zip(x, angles, strict=True):  # the density at the rounded place
            ends = angle * (1 - mp.mpf(10) ** -9), min(angle * (1 + mp.mpf(10) ** -9), mp.pi / (order + 1))
            moved = mp.findroot(
                lambda f, at=place: mp.log(exact.fuss_catalan_point(order, f)[0] / mp.mpf(at)), ends, solver="anderson"
            )
            assert abs(exact.fuss_catalan_point(order, moved)[0] / mp.mpf(place) - 1) < mp.mpf(10) ** -25
            true.append(exact.fuss_catalan_point(order, moved)[1])
    assert exact.relative_errors(law.density(x), true).max() < RELATIVE


def test_free_poisson_is_a_stretched_marchenko_pastur(exact: SimpleNamespace) -> None:
    rate, jump = 0.3, -2.0
    law = FreePoisson(rate, jump)
    reference = exact.plus_r([0.0], [1.0], rate=rate, jump=jump)
    x = exact.grid(law)
    assert exact.relative_errors(law.density(x), [reference.density(p) for p in x]).max() < RELATIVE
    assert law.atoms() == [(0.0, 0.7)]
    assert law.support()[0][1] < 0


# Combinatorial numbers


def test_moments_are_the_combinatorial_numbers() -> None:
    k = np.arange(1, 13)
    catalan = [math.comb(2 * j, j) // (j + 1) for j in range(1, 7)]
    assert Semicircle(2.0).moments(12).tolist() == [
        0.0 if j % 2 else 2.0 ** (j // 2) * catalan[j // 2 - 1] for j in k.tolist()
    ]
    c = Fraction(3, 2)
    narayana = [
        sum(Fraction(math.comb(j, i) * math.comb(j - 1, i), i + 1) * c**i for i in range(j)) for j in k.tolist()
    ]
    np.testing.assert_allclose(MarchenkoPastur(1.5).moments(12), [float(m) for m in narayana], rtol=32 * EPS)
    for order in (1, 2, 5):
        fuss = [math.comb((order + 1) * j, j) // (order * j + 1) for j in k.tolist()]
        assert FussCatalan(order).moments(12).tolist() == [float(m) for m in fuss]
    np.testing.assert_allclose(
        Atoms([-1, 2.0], [0.25, 0.75]).moments(4),
        [0.75 * 2.0**j + 0.25 * (-1.0) ** j for j in range(1, 5)],
        rtol=8 * EPS,
    )


def test_free_cumulants_are_the_coefficients_of_r() -> None:
    j = np.arange(1, 9)
    np.testing.assert_allclose(Semicircle(0.7).free_cumulants(8), np.where(j == 2, 0.7, 0.0), atol=1e-13)
    np.testing.assert_allclose(FreePoisson(2.5, -0.4).free_cumulants(8), 2.5 * (-0.4) ** j, rtol=1e-11)
    np.testing.assert_allclose(MarchenkoPastur(0.5).free_cumulants(8), 0.5 ** (j - 1.0), rtol=1e-12)


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_mean_variance_and_integrals_agree_with_moments(law: Law) -> None:
    first, second, third = law.moments(3)
    assert law.mean == first
    assert Law.variance.fget(law) == pytest.approx(second - first**2, rel=8 * EPS)  # type: ignore[attr-defined]
    for power, moment in ((0, 1.0), (1, first), (2, second), (3, third)):
        size = law.integrate(lambda x, n=power: np.abs(x) ** n)  # type: ignore[misc]
        value = law.integrate(lambda x, n=power: x**n)  # type: ignore[misc]
        assert value == pytest.approx(moment, abs=2e-13 * size)


def test_r_and_s_transforms_invert_the_cauchy_transform() -> None:
    """At a z off the support g = -m and psi = z g - 1, with z = R(g) + 1/g and z S(psi) = (1 + psi)/psi."""
    z = 40.0 + 3.0j
    for law in (*LAWS, FussCatalan(3)):
        g = -law.stieltjes(z)
        if not isinstance(law, FussCatalan):
            assert law._r(g) + 1 / g == pytest.approx(z, rel=1e-13)
        if not isinstance(law, Semicircle):
            psi = z * g - 1
            assert (1 + psi) / (psi * law._s(psi)) == pytest.approx(z, rel=1e-12)
    g = sy.symbols("g")
    assert sy.simplify(MarchenkoPastur(Fraction(1, 2))._r(g) - 1 / (1 - g / 2)) == 0


def test_a_strongly_divergent_edge_is_integrated() -> None:
    law = FussCatalan(2)
    assert law.integrate(np.sqrt) == pytest.approx(float(mp.binomial(1.5, 0.5) / 2), rel=1e-12)


# Atoms


def test_equal_atoms_are_merged_and_empty_ones_dropped() -> None:
    law = Atoms([3, 1, 3, 2, -0.0, 0.0], [0.25, 0.25, 0.25, 0.0, 0.125, 0.125])
    assert law.atoms() == [(0.0, 0.25), (1.0, 0.25), (3.0, 0.5)]
    assert not law.values.flags.writeable
    assert not law.weights.flags.writeable
    assert law.support() == []
    assert law.masses().size == 0
    assert law.density([0.0, 1.0, 2.0]).tolist() == [0.0, 0.0, 0.0]
    assert law.cdf([-1, 0, 0.5, 1, 2.99, 3, 4]).tolist() == [0.0, 0.25, 0.25, 0.5, 0.5, 1.0, 1.0]


def test_equal_weights_are_the_default() -> None:
    assert Atoms([1, 2, 4, 8]).weights.tolist() == [0.25] * 4


def test_transform_and_potential_of_atoms() -> None:
    law = Atoms([-1.0, 2.0], [0.25, 0.75])
    z = np.array([3.0 + 1j, -0.5 - 2j, 0.5, 5.0])
    np.testing.assert_allclose(law.stieltjes(z), 0.25 / (-1 - z) + 0.75 / (2 - z), rtol=8 * EPS)
    np.testing.assert_allclose(
        law.log_potential(z[:2]), 0.25 * np.log(z[:2] + 1) + 0.75 * np.log(z[:2] - 2), rtol=8 * EPS
    )
    assert law.log_potential(0.5).imag == pytest.approx(0.75 * np.pi, rel=4 * EPS)
    assert law.log_potential(0.5, side="below").imag == pytest.approx(-0.75 * np.pi, rel=4 * EPS)


@pytest.mark.parametrize(
    ("values", "weights", "message"),
    [
        ([1, np.nan], None, "values"),
        ([1, np.inf], None, "values"),
        ([[1.0, 2.0]], None, "values"),
        ([], None, "values"),
        (["a", "b"], None, "values"),
        ([1 + 1j], None, "values"),
        ([1, 2], [0.5, np.nan], "weights"),
        ([1, 2], [1.5, -0.5], "weights"),
        ([1, 2], [0.5, 0.25, 0.25], "length of weights"),
        ([1, 2], [0.5, 0.4], r"sum of weights = 0\.9 "),
        ([1, 2], [0.5, 0.5 + 1e-12], "sum of weights"),
    ],
)
def test_bad_atoms_are_refused(values: object, weights: object, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Atoms(values, weights)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf, True, "1", None, 1j, 1e-10, 1e10])
def test_bad_aspect_ratios_are_refused(value: object) -> None:
    with pytest.raises(ParameterError, match="ratio"):
        MarchenkoPastur(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf, True, "1", None])
def test_bad_variances_rates_and_jumps_are_refused(value: object) -> None:
    with pytest.raises(ParameterError, match="variance"):
        Semicircle(value)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="rate"):
        FreePoisson(value)  # type: ignore[arg-type]
    if value != -1.0:
        with pytest.raises(ParameterError, match="jump"):
            FreePoisson(1.0, value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0, -1, 1.5, 2.0, True, 1001, "2", math.nan])
def test_bad_orders_are_refused(value: object) -> None:
    with pytest.raises(ParameterError, match="order"):
        FussCatalan(value)  # type: ignore[arg-type]


def test_representations_show_the_parameters() -> None:
    assert repr(MarchenkoPastur(0.5)) == "MarchenkoPastur(ratio=0.5)"
    assert repr(Semicircle(2)) == "Semicircle(variance=2)"
    assert repr(FreePoisson(2, -1)) == "FreePoisson(rate=2, jump=-1)"
    assert repr(FussCatalan(2)) == "FussCatalan(order=2)"
    assert "5 in all" in repr(Atoms([1, 2, 3, 4, 5]))
    assert MarchenkoPastur(0.5).rate == 2
    assert MarchenkoPastur(0.5).jump == 0.5
