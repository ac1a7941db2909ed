"""Products of unequal free layers: masses, transforms, tails, gaps and the ends of them."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse.spectra._chain_curve import Chain, Stage
from rmtcollapse.spectra._chain_gaps import gaps
from rmtcollapse.spectra._layer_curve import Layers
from rmtcollapse.spectra._layer_gains import Gains, GaussianGains, HyperbolicGains, SwitchGains, mean_gain
from rmtcollapse.spectra.chains import LayerChain
from rmtcollapse.spectra.law import Law
from rmtcollapse.spectra.layers import LayerProduct

HALF, ALL = SwitchGains(0.5), SwitchGains(1.0)
TANH, SMALL, ERF = HyperbolicGains(1.0), HyperbolicGains(0.002), GaussianGains(4 / math.pi, 0.7)


def chain(widths: list[int], gains: list[Gains], orthogonal: bool = False) -> Chain:
    pairs = zip(widths[:-1], widths[1:], gains, strict=True)
    return Chain(tuple(Stage(n, m, law, 1.5) for n, m, law in pairs), orthogonal)


def moment_integrals(law: Law) -> np.ndarray:
    """First two moments, by midpoints graded towards a left end at 0."""
    total = sum(h * np.array([x, x * x]) for x, h in law.atoms()) + np.zeros(2)
    for left, right in law.support():
        theta = (np.arange(120) + 0.5) / 120 * np.pi
        k = 1 if left > 0 else 3
        v = np.sin(theta / 2) ** 2
        x = left + (right - left) * v**k
        weight = (right - left) * k * v ** (k - 1) * np.sin(theta) / 2 * np.pi / 120 * law.density(x)
        total += [np.sum(weight * x**j) for j in (1, 2)]
    return total


CHAINS = [
    chain([30, 50, 20, 40], [HALF, HALF, HALF]),
    chain([30, 50, 20, 40], [ERF, TANH, TANH]),
    chain([30, 50, 20], [ALL, TANH], True),
    chain([20, 30, 40], [TANH, HALF], True),
    chain([60, 20, 40, 30], [ALL, ALL, HALF], True),
    chain([9, 9, 40, 12], [SMALL, HALF, TANH], True),
]


@pytest.mark.parametrize("made", CHAINS)
def test_masses_moments_and_transforms(made: Chain) -> None:
    law = LayerChain(made)
    assert law.masses().sum() + sum(h for _, h in law.atoms()) == pytest.approx(1.0, abs=1e-14)
    assert moment_integrals(law) == pytest.approx(law.moments(2), rel=1e-7)
    top = law.largest
    z = np.array([1.2 * top, 20 * top, -0.3 * top, -1e-5 * top, (0.3 + 0.2j) * top, (1.1 - 1e-3j) * top])
    u, m = law.log_potential(z), law.stieltjes(z)
    step = 1e-4 * z
    slope = (law.log_potential(z + step) - law.log_potential(z - step)) / (2 * step)
    assert np.abs(slope / -m - 1).max() < 1e-5
    assert np.all(u.imag[z.imag > 0] > 0)
    assert np.all(u.imag[z.imag < 0] < 0)
    assert law.stieltjes(1e6 * top) == pytest.approx(-1e-6 / top, rel=1e-5)
    inside = law.support()[-1][0] + np.diff(law.support()[-1])[0] * np.array([0.2, 0.6])
    step = 1e-5 * inside
    rise = (law.cdf(inside + step) - law.cdf(inside - step)) / (2 * step)
    assert law.density(inside) == pytest.approx(rise, rel=1e-6)


def test_many_places_are_those_of_few() -> None:
    law = LayerChain(CHAINS[1])
    x = np.geomspace(1e-8, 0.999, 300) * law.largest
    few = np.concatenate([law.density(x[i : i + 40]) for i in range(0, 300, 40)])
    assert law.density(x) == pytest.approx(few, rel=1e-9)


@pytest.mark.slow
def test_a_density_in_a_deep_tail() -> None:
    """One layer: its slopes by mpmath, near the real line where their argument is beyond the least slope."""
    law = LayerChain(chain([20, 30], [TANH]))
    with mp.workdps(40):
        for x in (1e-9, 1e-5, 1e-2):

            def defect(lam: mp.mpc, x: float = x) -> mp.mpc:
                xi = mp.exp(lam)
                path = [0, *(mp.mpc(z, -0.4) for z in range(1, 12)), 14]  # past the pole, which is above
                u = 2 * mp.quad(lambda z: mp.npdf(z) * _ratio(xi, z), path)
                u *= mp.mpf(2) / 3  # tau over the outputs
                return mp.log((1 + u) / u) + mp.log(1.5 * 1.5 * u / xi) - mp.log(mp.mpf(x))

            known = law._solved(np.array([x + 0j]))
            lam = mp.mpc(complex(known.place[1, 0] + 1j * np.pi * known.half[1, 0]))
            assert abs(defect(lam)) < 1e-11
            assert law.density(x) > 0


def _ratio(xi: mp.mpc, z: mp.mpf) -> mp.mpc:
    c = mp.sech(z) ** 4
    return c * xi / (1 - c * xi)


def test_negative_arguments_keep_their_digits() -> None:
    """Of the mean over slopes, where xi is nearly real and negative: against the same nodes with plain arithmetic."""
    layers = Layers(1, ERF, 1.0, 1.0)
    places = np.array([0.3 - 1e-9j, 2.0 - 1e-14j])
    u, s, du = layers.sums(places, ERF.first + 5, np.ones(2, bool))
    gain, _, weight = ERF.nodes(ERF.first + 5)
    for k, place in enumerate(places):
        eta = math.exp(place.real)
        assert u[k].real == pytest.approx(-weight @ (gain * eta / (1 + gain * eta)), rel=1e-13)
        slope = -weight @ (gain * eta / (1 + gain * eta) ** 2)
        assert du[k].real == pytest.approx(slope, rel=1e-13)
        assert u[k].imag == pytest.approx(slope * place.imag, rel=1e-9)
        assert s[k] == pytest.approx(1 + u[k], rel=1e-13)


def test_a_gap_may_end_where_the_slope_is_at_its_smallest() -> None:
    """Nearly no compression: 1/c has a mean, and no place is stationary below the least of its free compression."""
    (gap,) = gaps(chain([60, 20, 16], [ALL, SMALL], True))
    assert gap.edges == ()
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    mean = weights @ np.cosh(math.sqrt(0.002) * nodes) ** 4 / weights.sum()  # of 1 / c
    # tau = -20 there: the last width leaves (16 - 20) / -20, and the slopes 1 / mean
    assert gap.ends[1] == pytest.approx(math.log(1.5**2 * (4 / 20) / mean), rel=1e-12)


def test_gaps_between_bulks_and_below_an_atom() -> None:
    nearly = SwitchGains(0.95)
    law = LayerChain(chain([40, 60, 50], [nearly, nearly], True))
    below = [place for place, _ in law.atoms()][-1]
    excess = (50 + 0.95 * 40 + 0.95 * 60 - 60 - 60) / 50
    assert law.atoms()[-1] == (pytest.approx(1.5**2 * 1.5), pytest.approx(excess))
    assert law.support()[-1][1] < below
    assert law.cdf(law.support()[-1][1]) == pytest.approx(1 - excess, rel=1e-13)
    m = law.stieltjes(np.array([0.5, 0.8]) * (below - law.support()[-1][1]) + law.support()[-1][1])
    assert m.dtype == float


def test_densities_below_the_doubles_of_their_parts_are_those_of_equal_layers() -> None:
    """Not 0: the density of the other kernel, whose places are far below those of all mass."""
    gains, x = GaussianGains(4 / math.pi, 0.12), 10.0 ** -np.arange(100.0, 280.0, 9.0)
    unequal = LayerChain(Chain((Stage(100, 100, gains, 1.0), Stage(100, 100, gains, 1.0)), True))
    equal = LayerProduct(2, gains, 0.0, gains.largest * mean_gain(gains))
    expected = equal.density(x)
    assert 0 < expected[-1] < 1e-290
    np.testing.assert_allclose(unequal.density(x), expected, rtol=1e-11)
