"""Products of free layers: exact densities, the quadrature and its poles, edges, atoms, gaps, masses."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse import ConvergenceError, ParameterError
from rmtcollapse.spectra import FussCatalan, MarchenkoPastur
from rmtcollapse.spectra._layer_curve import Layers
from rmtcollapse.spectra._layer_edges import top_point
from rmtcollapse.spectra._layer_gains import Gains, GaussianGains, HyperbolicGains, SlopeGains, SwitchGains, mean_gain
from rmtcollapse.spectra._layer_mean import log_mean
from rmtcollapse.spectra.law import Law
from rmtcollapse.spectra.layers import LayerProduct


def moment_integrals(law: Law, powers: int) -> np.ndarray:
    """Mass and first moments of the continuous part, by midpoints graded towards a left end at 0."""
    total = np.zeros(powers + 1)
    for left, right in law.support():
        theta = (np.arange(400) + 0.5) / 400 * np.pi
        k = 1 if left > 0 else 4
        v = np.sin(theta / 2) ** 2
        x = left + (right - left) * v**k
        weight = (right - left) * k * v ** (k - 1) * np.sin(theta) / 2 * np.pi / 400 * law.density(x)
        total += [np.sum(weight * x**j) for j in range(powers + 1)]
    return total


# ---- independent entries, no slopes: Fuss and Catalan --------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 3, 10, 50])
def test_fuss_catalan_densities(depth: int) -> None:
    law = LayerProduct(depth, SwitchGains(1.0), 1.0, 1.0)
    angles = np.linspace(0.02, 0.98, 41) * np.pi / (depth + 1)
    x, expected = [], []
    with mp.workdps(40):
        for angle in angles:

            def log_place(f: Any) -> Any:
                waves = mp.log(mp.sin((depth + 1) * f)) * (depth + 1)
                return waves - mp.log(mp.sin(f)) - depth * mp.log(mp.sin(depth * f))

            rough = mp.mpf(float(angle))
            x.append(float(mp.exp(log_place(rough))))
            # of the double that was made of the place: one step of Newton's method
            f = rough - (log_place(rough) - mp.log(x[-1])) / mp.diff(log_place, rough)
            below = mp.pi * mp.sin((depth + 1) * f) ** depth
            expected.append(float(mp.sin(f) ** 2 * mp.sin(depth * f) ** (depth - 1) / below))
    assert law.density(x) == pytest.approx(expected, rel=1e-12)


def test_it_is_the_law_that_free_products_give() -> None:
    law, same = LayerProduct(3, SwitchGains(1.0), 1.0, 1.0), FussCatalan(3)
    x = np.array([1e-6, 0.1, 2.0, 9.0])
    assert law.density(x) == pytest.approx(same.density(x), rel=1e-11)
    assert law.cdf(x) == pytest.approx(same.cdf(x), rel=1e-11)
    assert law.moments(5) == pytest.approx(same.moments(5), rel=1e-12)
    assert law.quantile(0.7) == pytest.approx(same.quantile(0.7), rel=1e-10)
    z = np.array([12.0, -1.0, 3 + 1j, 1 - 2j])
    assert law.stieltjes(z) == pytest.approx(same.stieltjes(z), rel=1e-11)
    assert law.log_potential(z) == pytest.approx(same.log_potential(z), rel=1e-11)


def test_half_the_directions_is_a_product_with_a_projection() -> None:
    from rmtcollapse.spectra import Atoms

    projection = Atoms([0.0, 1.0])
    same = (projection @ projection) @ FussCatalan(2)
    law = LayerProduct(2, SwitchGains(0.5), 1.0, 0.5)
    x = np.array([0.01, 0.3, 1.5])
    assert law.density(x) == pytest.approx(same.density(x), rel=1e-10)


# ---- the quadrature ------------------------------------------------------------------------------------------------


def slope(gains: Gains, z: Any) -> Any:
    h = mp.sqrt(gains.variance) * z  # type: ignore[attr-defined]
    return mp.exp(-2 * h**2) if isinstance(gains, GaussianGains) else mp.sech(h) ** 4


@pytest.mark.parametrize("gains", [GaussianGains(1.0, 0.3), GaussianGains(1.0, 4.0), HyperbolicGains(1.0)])
@pytest.mark.parametrize("lam", [-0.5 + 0.3j, 0.2 + 0.01j, 4 + 0.5j, 9 + 1e-3j])
def test_means_over_slopes_are_exact_however_near_the_pole(gains: Gains, lam: complex) -> None:
    layers = Layers(2, gains, 0.0, 1.0)
    pole = gains.pole(np.array([lam]))
    assert pole is not None
    place = float(pole[0][0].real)
    with mp.workdps(20):
        xi = mp.exp(mp.mpc(lam))
        cuts = sorted({0.0, 0.5 * place, place, place + 0.3, place + 2, 12.0})
        expected = 2 * mp.quad(lambda z: mp.npdf(z) / (1 - xi * slope(gains, z)), cuts)
    u, s, _ = layers.sums(np.array([lam]), gains.first + 4)
    assert abs(s[0] / complex(expected) - 1) < 1e-12
    assert abs(u[0] + 1 - s[0]) < 1e-13


@pytest.mark.parametrize("gains", [GaussianGains(1.0, 0.3), GaussianGains(1.0, 15.0)])
@pytest.mark.parametrize("lam", [-0.5 + 0.3j, 0.2 + 0.01j, 30 + 1e-6j, 2 + 3.1j])
def test_mean_logarithms_are_exact_however_near_the_branch_point(gains: Gains, lam: complex) -> None:
    pole = gains.pole(np.array([lam]))
    assert pole is not None
    place = float(pole[0][0].real)
    with mp.workdps(20):
        xi = mp.exp(mp.mpc(lam))
        cuts = sorted({0.0, 0.5 * place, place, place + 0.3, place + 2, 12.0})
        expected = 2 * mp.quad(lambda z: mp.npdf(z) * mp.log(1 - xi * slope(gains, z)), cuts)
    assert abs(log_mean(Layers(2, gains, 0.0, 1.0), np.array([lam]))[0] - complex(expected)) < 2e-13


def test_the_slope_of_the_mean_is_its_derivative() -> None:
    layers = Layers(3, HyperbolicGains(2.0), 0.3, 1.0)
    lam, step = np.array([0.7 + 0.02j]), 1e-5
    values = [layers.at(lam + k * step, 5).log_z[0] for k in (-2, -1, 1, 2)]
    derivative = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
    assert abs(layers.at(lam, 5).slope[0] / derivative - 1) < 1e-9


def test_graded_nodes_are_those_of_the_same_law() -> None:
    for gains in (GaussianGains(1.0, 0.3), HyperbolicGains(20.0)):
        gain, loss, weight = gains.graded(gains.first + 3, -1e-6)
        assert weight.sum() == pytest.approx(1.0, rel=1e-14)
        assert weight @ gain == pytest.approx(mean_gain(gains), rel=1e-14)
        assert gain + loss == pytest.approx(np.ones(gain.size), rel=1e-15)


def test_a_jump_is_refused() -> None:
    jump = SlopeGains(lambda h: (np.where(h > 0, 1.0, 0.2), np.where(h > 0, 0.0, 0.8)), 1.0, 1.0)
    with pytest.raises(ConvergenceError, match="smoother"):
        mean_gain(jump)


def test_a_density_agrees_with_an_independent_solution() -> None:
    """Newton's method for the equation in xi by itself, with Gauss-Legendre nodes, from the solution's surroundings."""
    depth, gains = 3, GaussianGains(1.0, 1.0)
    law = LayerProduct(depth, gains, 0.0, 1.0)
    nodes, shares = np.polynomial.legendre.leggauss(1500)
    z, share = 10 * nodes, 10 * shares * np.exp(-50 * nodes**2) / math.sqrt(2 * math.pi)
    d = np.exp(-2 * z**2) / (share @ np.exp(-2 * z**2))
    for x in (0.2, 1.0, 3.5):
        xi = 0.9 * np.exp(1j) / x ** (1 / depth) / d.max() * 2
        for _ in range(200):  # a damped form of the fixed point in the sector of the right root
            psi = share @ (d * xi / (1 - d * xi))
            turned = (-np.log(x) + (depth - 1) * np.log(psi / (1 + psi))) / depth
            xi = np.exp(0.5 * (np.log(xi) + turned))
        psi = share @ (d * xi / (1 - d * xi))
        assert law.density(x) == pytest.approx(psi.imag / (np.pi * x), rel=1e-9)


# ---- masses and moments --------------------------------------------------------------------------------------------

LAWS = [
    (4, SwitchGains(0.5), 1.0),
    (3, SwitchGains(0.5), 0.0),
    (1, SwitchGains(0.5), 0.3),
    (3, SwitchGains(1.0), 0.3),
    (2, SwitchGains(1.0), 0.7),
    (5, SwitchGains(0.9984), 0.02),
    (5, SwitchGains(0.9984), 0.0),
    (3, HyperbolicGains(1.0), 1.0),
    (2, GaussianGains(1.0, 0.2), 0.0),
    (1, HyperbolicGains(3.0), 0.4),
    (6, HyperbolicGains(0.3), 0.6),
]


@pytest.mark.parametrize(("depth", "gains", "noise"), LAWS)
def test_masses_and_moments(depth: int, gains: Gains, noise: float) -> None:
    law = LayerProduct(depth, gains, noise, 0.8)
    mass, first, second = moment_integrals(law, 2)
    atoms = law.atoms()
    assert mass + sum(h for _, h in atoms) == pytest.approx(1.0, abs=2e-3)
    assert mass == pytest.approx(law.masses().sum(), abs=2e-3)
    found = [first + sum(h * x for x, h in atoms), second + sum(h * x * x for x, h in atoms)]
    assert found == pytest.approx(law.moments(2), rel=1e-7)
    mean = mean_gain(gains)
    ratio = 1 + depth * (mean_gain(gains, 2) / mean**2 - 1 + noise * (2 - noise))
    assert law.moments(2) == pytest.approx([0.8**depth, 0.8 ** (2 * depth) * ratio], rel=1e-12)
    assert law.cdf(law.support()[-1][1]) == pytest.approx(1 - sum(h for x, h in atoms if x > law.support()[-1][1]))


def test_two_bulks_and_the_gap_between_them() -> None:
    law = LayerProduct(5, SwitchGains(0.9984), 0.02, 1.0)
    (_, low), (high, _) = law.support()
    assert law.masses() == pytest.approx([5 * 0.0016 - 0.0016, 1 - 5 * 0.0016], rel=1e-10)
    inside = np.array([low * 0.99, low * 1.01, 0.5 * (low + high), high * 0.99, high * 1.01])
    assert (law.density(inside) > 0).tolist() == [True, False, False, False, True]
    assert law.cdf(inside[2]) == pytest.approx(1 - (1 - 5 * 0.0016), rel=1e-10)
    # the transform is real there, and falls
    m = law.stieltjes(np.array([inside[2], inside[2] * 1.1]))
    assert m.dtype == float
    assert m[1] > m[0]


def test_little_noise_keeps_a_distance_from_zero() -> None:
    for depth in (1, 3):
        law = LayerProduct(depth, SwitchGains(1.0), 0.1, 1.0)
        assert 0 < law.support()[0][0] < 1
        assert LayerProduct(depth, SwitchGains(1.0), 0.5, 1.0).support()[0][0] == 0.0


def test_verified_products_of_identities_with_noise() -> None:
    law = LayerProduct(10, SwitchGains(1.0), 0.1 / 1.1, 1.1)
    assert math.sqrt(law.support()[0][1]) == pytest.approx(4.1852079510423780494, rel=1e-13)
    assert law.mean == pytest.approx(2.5937424601, rel=1e-13)


def test_very_small_densities_have_their_digits() -> None:
    """Where nearly nothing is, the density is still that of one rare slope among ordinary ones."""
    law = LayerProduct(5, HyperbolicGains(0.1), 0.0, 1.0)
    x = np.array([1e-4, 1e-5, 1e-6, 1e-7])
    density = law.density(x)
    assert np.all(density > 0)
    assert np.all(density < 1e-6)
    # one layer's slope d = cosh^-4 h is small, the others are averaged: log density goes with -h^2 / (2 q)
    h = np.log(x) / 4
    slope = np.diff(np.log(density * x)) / np.diff(-(h**2) / 0.2)
    assert slope == pytest.approx(np.ones(3), abs=0.3)


@pytest.mark.parametrize("depth", [2, 40, 900])
def test_edges_are_stationary(depth: int) -> None:
    layers = Layers(depth, HyperbolicGains(0.5), 1.0, 1.0)
    lam = top_point(layers)
    slopes = layers.at(np.array([lam - 1e-4, lam, lam + 1e-4]) + 0j, 5).slope.real
    assert slopes[0] < 0 < slopes[2]
    assert abs(slopes[1]) < 1e-6 * abs(slopes[0])


def test_one_rotation_is_refused() -> None:
    with pytest.raises(ParameterError, match="depth = 1"):
        LayerProduct(1, HyperbolicGains(1.0), 0.0, 1.0)


@pytest.mark.parametrize(
    ("depth", "gains", "noise"),
    [(2, HyperbolicGains(1.0), 1.0), (20, GaussianGains(1.0, 1e-3), 0.0), (3, SwitchGains(0.5), 0.0)],
)
def test_densities_beside_an_edge_are_square_roots_down_to_the_last_double(
    depth: int, gains: Gains, noise: float
) -> None:
    law = LayerProduct(depth, gains, noise, 1.0)
    edge = law.support()[-1][1]
    (exact,) = [e for e in law._square_roots.values() if e.high == edge]
    x = np.append(edge * (1 - 10.0 ** -np.arange(6, 15)), np.nextafter(edge, 0))
    with mp.workdps(40):
        beyond = [mp.mpf(exact.high) + exact.low - mp.mpf(v) for v in x]
        shares = [float(d / mp.sqrt(b)) for d, b in zip(law.density(x), beyond, strict=True)]
    # of the next order in the distance to the edge
    assert shares == pytest.approx([shares[-1]] * len(x), rel=1e-4)
    assert shares[3:] == pytest.approx([shares[-1]] * len(x[3:]), rel=1e-7)


def test_wide_and_narrow_places_at_once_and_in_any_order() -> None:
    law = LayerProduct(3, HyperbolicGains(1.0), 0.5, 1.0)
    x = np.exp(np.random.default_rng(0).uniform(math.log(1e-8), math.log(law.support()[0][1]), 300))
    together = law.density(x)
    assert together[:5] == pytest.approx([law.density(v) for v in x[:5]], rel=1e-11)
    assert MarchenkoPastur(1).density(0.3) > 0


# ---- extremes -------------------------------------------------------------------------------------------------------


def test_densities_far_below_the_range_of_most_numbers() -> None:
    """Against the equation at 320 digits, its means taken on a line between the poles."""
    law = LayerProduct(2, GaussianGains(1.0, 0.02), 0.05, 1.0)
    density = law.density(np.array([1e-4, 1e-12, 1e-22, 1e-40]))
    expected = [1.1901040049967254e-45, 6.824349029131561e-138, 5.0328116627276176e-253]
    assert density[:3] == pytest.approx(expected, rel=1e-12, abs=0)
    assert density[3] == 0.0  # less than any double


def test_slopes_that_are_nearly_all_on_have_the_digits_of_those_that_are_off() -> None:
    off = 2.0**-80
    law = LayerProduct(2, SwitchGains(1.0, zero=off), 0.0, 1.0)
    ((left, right),) = law.support()
    assert left == 0
    # v = off / (1 - 2 off): z = v / (1 + v) ((off + v) / v)^2 / (1 - off)^2, to leading order 4 off
    assert right == pytest.approx(4 * off, rel=1e-14, abs=0)
    assert law.atoms() == [(0.0, off), (1.0, 1.0)]


def test_nearly_no_noise_has_a_narrow_law() -> None:
    """Close to a semicircle whose variance is that of the law, 2 L g."""
    depth, g = 4, 1e-12
    law = LayerProduct(depth, SwitchGains(1.0), g, 1.0)
    width = 2 * math.sqrt(2 * depth * g)
    x = 1 + width * np.array([-0.5, 0.0, 0.5])
    circle = 2 / np.pi / width * np.sqrt(1 - ((x - 1) / width) ** 2)
    assert law.density(x) == pytest.approx(circle, rel=2e-5)
    assert law.integrate(lambda x: x) == pytest.approx(1.0, abs=1e-10)
    assert law.quantile(0.5) == pytest.approx(1.0, abs=1e-11)


def test_half_of_a_deep_product_lies_near_zero() -> None:
    law = LayerProduct(100, SwitchGains(1.0), 1.0, 1.0)
    median = law.quantile(0.5)
    assert median < 1e-29
    assert law.cdf(median) == pytest.approx(0.5, abs=1e-13)
    assert law.integrate(np.ones_like) == pytest.approx(1.0, rel=1e-13)
    assert law.integrate(lambda x: x * x) == pytest.approx(101.0, rel=1e-12)
    with pytest.raises(ConvergenceError, match="varies"):
        law.integrate(np.log)
    draws = law.sample(2000, 1)
    assert np.mean(draws < median) == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(2000))


def test_integrals_of_narrow_laws_over_a_wide_range() -> None:
    """Nearly isometric: a width of 1e-4 beside a tail that reaches 0."""
    law = LayerProduct(3, HyperbolicGains(1e-5), 0.0, 1.0)
    assert law.integrate(np.ones_like) == pytest.approx(1.0, rel=1e-11)
    assert law.integrate(lambda x: x) == pytest.approx(1.0, rel=1e-11)
    assert law.integrate(lambda x: x * x) == pytest.approx(law.moments(2)[1], rel=1e-11)


def test_a_lower_edge_far_below_one() -> None:
    off = 2.0**-270
    law = LayerProduct(1, SwitchGains(1.0, zero=off), 1.0, 1.0)
    ((left, right),) = law.support()
    assert (left, right) == (off**2 / 4, 4.0)  # Marchenko and Pastur's, (1 -+ sqrt(1 - off))^2
    x = left * np.array([1 + 1e-9, 2, 1e9])
    assert law.density(x) == pytest.approx(np.sqrt((x - left) * (right - x)) / (2 * np.pi * x), rel=1e-13)


def test_densities_are_smooth_where_their_parts_leave_the_doubles() -> None:
    """Logarithms of nearly parabolic densities of pruned rotations, down to 1e-170."""
    law = LayerProduct(2, HyperbolicGains(4.842), 0.069, 0.931)
    x = 10.0 ** -np.arange(140.0, 164.0)
    assert abs(np.diff(np.log(law.density(x)), 4)).max() < 1e-10


def test_many_poles_beside_the_nodes_are_no_obstacle() -> None:
    law = LayerProduct(2, GaussianGains(4 / np.pi, 0.978), 0.0, 0.2)
    x = 10.0 ** -np.arange(195.0, 240.0, 5.0)
    assert abs(np.diff(np.log(law.density(x)), 3)).max() < 1e-4
