"""Products of layers whose slopes have atoms and gaps: closed forms, sample covariances, atoms inside, narrow gaps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest
from scipy.special import ndtri

from rmtcollapse import ConvergenceError
from rmtcollapse.spectra import Atoms, SampleCovariance
from rmtcollapse.spectra._layer_gains import mean_gain
from rmtcollapse.spectra._layer_pieces import PieceGains, monotone_pieces, panel_nodes
from rmtcollapse.spectra.layers import LayerProduct


def steps(gains: Sequence[float], masses: Sequence[float]) -> PieceGains:
    kinks = ndtri(np.cumsum(masses)[:-1])

    def relative(z: np.ndarray) -> np.ndarray:
        return np.asarray(gains)[np.searchsorted(kinks, z)]

    return PieceGains(relative, 1.0, monotone_pieces(relative, kinks.tolist()))


def product(depth: int, gains: PieceGains, noise: float) -> LayerProduct:
    return LayerProduct(depth, gains, noise, mean_gain(gains))


def test_one_gaussian_layer_is_a_sample_covariance() -> None:
    places, masses = [1.0, 0.04, 0.0004], [0.3, 0.3, 0.4]
    law, known = product(1, steps(places, masses), 1.0), SampleCovariance(Atoms(places, masses), 1.0)
    assert len(law.support()) == 3
    assert np.array(law.support()) == pytest.approx(np.array(known.support()), rel=1e-13)
    for left, right in law.support():
        x = left + (right - left) * np.array([0.001, 0.2, 0.6, 0.999])
        assert law.density(x) == pytest.approx(known.density(x), rel=1e-11)
        assert law.cdf(x) == pytest.approx(known.cdf(x), abs=1e-13)


@pytest.mark.parametrize("slope", [0.5, 0.02])
def test_two_free_switches_of_one_half_in_closed_form(slope: float) -> None:
    """Two by two blocks at uniform angles: x + a^4 / x = 2 (e^2 + f^2 cos), e, f = (1 +- a^2) / 2."""
    law = product(2, steps([1.0, slope**2], [0.5, 0.5]), 0.0)
    assert law.support() == [pytest.approx((slope**4, 1.0), rel=1e-13)]
    assert law.density(np.array(law.support()[0])).tolist() == [math.inf, math.inf]
    e, f = (1 + slope**2) / 2, (1 - slope**2) / 2
    angle = np.array([0.3, 1.0, 2.0, 3.0])
    half = e**2 + f**2 * np.cos(angle)
    x = half + np.sqrt(half**2 - slope**4)
    assert law.cdf(x) == pytest.approx(1 - angle / (2 * np.pi), abs=1e-12)
    assert law.cdf(slope**4 / x) == pytest.approx(angle / (2 * np.pi), abs=1e-12)
    density = (1 - slope**4 / x**2) / (4 * np.pi * f**2 * np.sin(angle))
    assert law.density(x) == pytest.approx(density, rel=1e-10)


@pytest.mark.parametrize(
    ("places", "masses", "depth", "atom"),
    [
        ([1.0, 0.25, 0.01], [0.1, 0.8, 0.1], 2, (0.0625, 0.6)),
        ([1.0, 0.25, 0.01], [0.1, 0.8, 0.1], 3, (0.015625, 0.4)),
        ([1.0, 0.01], [0.2, 0.8], 2, (0.0001, 0.6)),
        ([1.0, 0.01], [0.9, 0.1], 2, (1.0, 0.8)),
        ([1.0, 0.04, 0.0], [0.6, 0.3, 0.1], 2, (1.0, 0.2)),
    ],
)
def test_atoms_of_rotations(places: list[float], masses: list[float], depth: int, atom: tuple[float, float]) -> None:
    gains = steps(places, masses)
    law = product(depth, gains, 0.0)
    found = law.atoms()
    assert found[-1] == pytest.approx(atom, rel=1e-12)
    assert [p for _, p in found[:-1]] == pytest.approx([gains.zero] if gains.zero else [])
    assert sum(law.masses()) + sum(p for _, p in found) == pytest.approx(1, abs=1e-12)
    assert law.cdf(np.array([right for _, right in law.support()])[-1]) == pytest.approx(
        1 - (atom[1] if atom[0] == 1 else 0), abs=1e-12
    )
    # mean of the law from its cdf, by parts, beside the mean of the equation
    ends = sorted({0.0, atom[0], law.largest, *(e for bulk in law.support() for e in bulk)})
    nodes, weights = np.polynomial.legendre.leggauss(60)
    mean = 0.0
    for a, b in pairwise(ends):
        theta = (nodes + 1) * np.pi / 2
        x = (a + b) / 2 - (b - a) / 2 * np.cos(theta)
        mean += (b - a) * np.pi / 4 * weights @ (np.sin(theta) * (1 - law.cdf(x)))
    assert mean == pytest.approx(law.moments(1)[0], rel=1e-5)


def test_beside_a_narrow_gap_no_real_root_is_taken_for_an_empty_place() -> None:
    law = product(2, steps([1.0, 1e-4], [0.7, 0.3]), 0.01)
    (_, left), (right, _) = law.support()
    assert right / left - 1 == pytest.approx(1.09e-3, rel=0.01)
    assert law.cdf(np.array([left, (left + right) / 2, right])) == pytest.approx(0.6, abs=1e-9)
    x = left * (1 - np.array([1e-2, 1e-3, 1e-5]))
    assert np.all(law.density(x) > 1e-3)
    assert np.all((law.cdf(x) > 0.59) & (law.cdf(x) < 0.6))


def test_edges_of_simulated_steps() -> None:
    rng = np.random.default_rng(0)
    places, masses = [1.0, 0.3, 0.01, 0.0005], [0.2, 0.3, 0.2, 0.3]
    law = product(1, steps(places, masses), 0.05)
    assert law.masses() == pytest.approx(masses[::-1], abs=1e-12)
    for n in (100, 300):
        d = np.repeat(np.sqrt(places), np.round(np.array(masses) * n).astype(int))
        rotation = np.linalg.qr(rng.normal(size=(n, n)))[0]
        weights = math.sqrt(0.95) * rotation + math.sqrt(0.05 / n) * rng.normal(size=(n, n))
        values = np.linalg.svd(weights * d, compute_uv=False) ** 2
        widened = [(left * (1 - 3 / n ** (2 / 3)), right * (1 + 3 / n ** (2 / 3))) for left, right in law.support()]
        assert [np.mean((values > a) & (values < b)) for a, b in widened] == pytest.approx(law.masses(), abs=1e-9)


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_a_continuous_piece_beside_an_atom(noise: float) -> None:
    """The slope of an exponential linear unit, against quadrature and a root of the equation in mpmath."""

    def relative(z: np.ndarray) -> np.ndarray:
        return np.exp(2 * np.minimum(z, 0.0))

    law = product(3, PieceGains(relative, 1.0, monotone_pieces(relative, [0.0])), noise)
    assert law.support()[0][0] == 0
    x = np.array([0.05, 0.6]) * law.largest
    with mp.workdps(25):
        mean = mp.mpf(1) / 2 + mp.exp(2) * mp.ncdf(-2)

        def psi(xi: mp.mpc) -> mp.mpc:
            rest = mp.quad(lambda z: mp.npdf(z) / (mp.exp(-2 * z) / xi - 1), [-14, -5, -2, -1, -0.3, -0.05, 0])
            return xi / (1 - xi) / 2 + rest

        for place, density in zip(x, law.density(x), strict=True):
            start = complex(law._solved(np.array([place + 0j])).lam[0])

            def defect(lam: mp.mpc, place: float = place) -> mp.mpc:
                u = psi(mp.exp(lam))
                each = mp.log(u / (1 + u)) + (mp.log(1 + u) if noise else 0) - lam
                return mp.log((1 + u) / u) + 3 * each - mp.log(mp.mpf(float(place)) / law.moments(1)[0] * mean**3)

            u = psi(mp.exp(mp.findroot(defect, mp.mpc(start * (1 + 1e-6)), tol=1e-17)))
            assert density == pytest.approx(float(abs(u.imag) / mp.pi) / place, rel=1e-12)


def test_panels_integrate_next_to_their_ends() -> None:
    for pole in (1e-8, 1e-3, 0.5):
        places, weights = panel_nodes(0.0, 3.0, 0)
        with mp.workdps(25):
            exact = mp.quad(lambda z, pole=pole: mp.npdf(z) / (z + pole), [0, pole, 10 * pole, 0.1, 1, 3])
        assert weights @ (1 / (places + pole)) == pytest.approx(float(exact), rel=1e-13)


def test_a_slope_that_turns_too_often_is_refused() -> None:
    with pytest.raises(ConvergenceError, match="turns"):
        monotone_pieces(lambda z: 1 + 0.1 * np.cos(12 * z), [0.0])


def test_an_atom_among_other_gains_is_not_in_the_mass_of_its_bulk() -> None:
    def relative(z: np.ndarray) -> np.ndarray:
        return np.where(z > -0.5, 0.25, np.exp(np.minimum(z + 0.5, 0.0)))

    law = product(2, PieceGains(relative, 1.0, monotone_pieces(relative, [-0.5])), 0.0)
    ((left, right),) = law.support()
    ((place, mass),) = law.atoms()
    assert left < place < right
    assert mass == pytest.approx(2 * float(mp.ncdf(0.5)) - 1, rel=1e-12)
    assert law.masses() == pytest.approx([1 - mass], rel=1e-12)
    x = np.array([0.05, 0.95]) * right
    assert np.all(law.density(x) > 0)
    assert law.cdf(x)[1] - law.cdf(x)[0] > mass


def test_gains_that_are_nowhere_zero_leave_nothing_at_zero() -> None:
    law = product(3, steps([2.5e-5, 0.25, 1.0], [0.036, 1e-6, 0.963999]), 0.0)
    assert law.support()[0][0] > 1e-12
    assert law.masses().sum() + law.atoms()[0][1] == pytest.approx(1, abs=1e-12)
