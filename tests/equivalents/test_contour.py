"""Functions of a sample covariance against identities: powers, the resolvent's own gain and bias, closed forms."""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse.equivalents.contour import Contour, converged_integrals, log_one_plus
from rmtcollapse.errors import ConvergenceError
from rmtcollapse.models import RidgeRegression
from rmtcollapse.spectra import Spectrum

EPS = float(np.finfo(float).eps)
Law = tuple[np.ndarray, np.ndarray, np.ndarray]

LAWS: dict[str, Law] = {
    "one atom": (np.array([2.0]), np.array([30.0]), np.array([0.7])),
    "two clusters": (np.array([5.0, 4.9, 1e-3]), np.array([5.0, 10.0, 15.0]), np.array([0.2, 1.0, 3.0])),
    "seven decades": (10.0 ** np.arange(3, -4, -1), np.array([1.0, 2, 3, 4, 5, 7, 8]), np.linspace(2, 0.1, 7)),
    "sixteen decades": (np.array([1e8, 1.0, 1e-8]), np.array([4.0, 20.0, 6.0]), np.array([1e-6, 1.0, 1e6])),
}
RANK = 30
SAMPLES = [1, 12, RANK - 1, RANK, RANK + 1, 45, 3000]

every_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
every_size = pytest.mark.parametrize("samples", SAMPLES)
Make = Callable[[Contour], list[float]]


def integrals(samples: int, law: Law, pole: float, make: Make) -> np.ndarray:
    """Integrals over a contour with enough nodes; the equations at every node must be met to rounding."""

    def at(nodes: int) -> tuple[np.ndarray, float]:
        contour = Contour.around(samples, law[0], law[1], pole, nodes)
        return np.array(make(contour)), contour.defect

    found, certificate, defect = converged_integrals(at)
    assert certificate <= 1e-10
    assert defect <= 8 * EPS
    return found


def test_all_laws_have_the_same_rank() -> None:
    assert {float(m.sum()) for _, m, _ in LAWS.values()} == {RANK}


@every_law
@every_size
def test_powers_have_their_moments(samples: int, law: Law) -> None:
    r"""f = 1 and f = z: the identity, Sigma, and E S Sigma S = Sigma^3 + (tr Sigma^2/n) Sigma to leading order."""
    s, m, signal = law

    def make(contour: Contour) -> list[float]:
        one, z = np.ones_like(contour.z), contour.z
        return [
            contour.quadratic(signal, one, one, (1, 1)),
            contour.quadratic(signal, z, one, (0, 1)),
            contour.quadratic(signal, one, z, (1, 0)),
            contour.quadratic(signal, z, z, (0, 0)),
            contour.noise(one[:, None] * one),
            contour.noise(z[:, None] * one),
        ]

    found = integrals(samples, law, s.max(), make)
    trace2 = m @ s**2 / samples
    energy = m * signal
    expected = [
        energy @ s,
        energy @ s**2,
        energy @ s**2,
        energy @ s**3 + trace2 * (energy @ s),
        trace2,
        m @ s**3 / samples + trace2 * (m @ s) / samples,
    ]
    assert found == pytest.approx(expected, rel=1e-12, abs=0)


@every_law
@every_size
def test_each_direction_has_its_own_diagonal(samples: int, law: Law) -> None:
    """f(z) = z on one atom at a time: its sample covariance is, on average, its own eigenvalue."""
    s, m, _ = law
    contour = Contour.around(samples, s, m, s.max(), 1024)
    one = np.ones_like(contour.z)
    found = np.array([contour.quadratic(row, contour.z, one, (0, 1)) for row in np.eye(len(s))])
    # z is as large as the top of the spectrum along the contour, and so is its rounding for every direction.
    assert np.all(abs(found - m * s**2) <= 64 * EPS * m * s * s.max() * (1 + np.sqrt(RANK / samples)) ** 2)


def exact_gain_and_bias(samples: int, law: Law, ridge: float) -> tuple[float, float]:
    """Noise gain and unit-noise bias of ridge regression, from the SymPy system to 40 digits."""
    s, m, signal = law
    spectrum = Spectrum(s, m * signal, multiplicities=m)
    found = RidgeRegression(spectrum=spectrum, samples=samples, ridge=ridge, noise_variance=1.0).theory(40)
    return float(found["variance"]), float(found["bias"])


@every_law
@every_size
@pytest.mark.parametrize("relative_ridge", [1e-6, 1e-2, 100.0])
def test_the_ridge_filter_gives_the_gain_and_the_bias(samples: int, law: Law, relative_ridge: float) -> None:
    s, _, signal = law
    ridge = relative_ridge * float(np.median(s))

    def make(contour: Contour) -> list[float]:
        inverse = 1 / (contour.z + ridge)
        return [
            contour.noise(inverse[:, None] * inverse),
            contour.quadratic(signal, ridge * inverse, ridge * inverse, (1, 1)),
        ]

    found = integrals(samples, law, ridge, make)
    assert found == pytest.approx(exact_gain_and_bias(samples, law, ridge), rel=1e-12, abs=0)


@every_law
@pytest.mark.parametrize("samples", [12, RANK, 45])
def test_a_pole_far_beyond_the_spectrum_costs_no_digits(samples: int, law: Law) -> None:
    """The filter z/(z + pole) is then z/pole, whose moments are known."""
    s, m, signal = law
    pole = 1e9 * float(s.max())

    def make(contour: Contour) -> list[float]:
        rest, small = 1 / (1 + contour.z / pole), contour.z / (1 + contour.z / pole)
        return [
            contour.noise(rest[:, None] * rest),
            contour.quadratic(signal, small, rest, (0, 1)),
            contour.quadratic(signal, small, small, (0, 0)),
        ]

    energy, trace2 = m * signal, m @ s**2 / samples
    expected = [trace2, energy @ s**2, energy @ s**3 + trace2 * (energy @ s)]
    # The next order in the spectrum over the pole is below 1e-6.
    found = integrals(samples, law, pole, make)
    assert found == pytest.approx(expected, rel=1e-6, abs=0)
    gain, bias = exact_gain_and_bias(samples, law, pole)
    assert found[0] == pytest.approx(gain * pole**2, rel=1e-12, abs=0)
    assert bias == pytest.approx(energy @ s, rel=1e-6, abs=0)


@every_law
@every_size
def test_functions_multiply_as_numbers_do(samples: int, law: Law) -> None:
    """The pair (f1, f2) = (1, f) and its mirror image agree, and sums go through."""
    s, _, signal = law
    pole = float(np.median(s))

    def make(contour: Contour) -> list[float]:
        one, f = np.ones_like(contour.z), contour.z / (contour.z + pole)
        return [
            contour.quadratic(signal, one, f, (1, 0)),
            contour.quadratic(signal, f, one, (0, 1)),
            contour.quadratic(signal, one - f, one, (1, 1)),
            contour.quadratic(signal, one, one, (1, 1)),
        ]

    left, right, rest, whole = integrals(samples, law, pole, make)
    assert left == pytest.approx(right, rel=1e-12, abs=0)
    assert left + rest == pytest.approx(whole, rel=1e-12, abs=0)


@pytest.mark.parametrize("samples", [12, RANK, 45])
def test_the_effective_ridge_of_an_isotropic_population_is_its_closed_form(samples: int) -> None:
    s, m, _ = LAWS["one atom"]
    contour = Contour.around(samples, s, m, 0.5, 64)
    with mp.workdps(40):
        phi, level = mp.mpf(RANK) / samples, mp.mpf(2)
        for z, kappa in zip(contour.z, contour.kappa[: len(contour.z)], strict=True):
            b, lam = -mp.mpc(z) / level + phi - 1, -mp.mpc(z) / level
            roots = [level * (b + sign * mp.sqrt(b**2 + 4 * lam)) / 2 for sign in (1, -1)]
            # The physical root is in the half plane opposite to z.
            (physical,) = [k for k in roots if k.imag * z.imag < 0]
            assert abs(kappa - physical) <= 1e-13 * abs(physical)


@every_law
@every_size
def test_the_nodes_are_conjugate_pairs_around_the_spectrum_alone(samples: int, law: Law) -> None:
    s, m, _ = law
    pole = float(s.min())
    contour = Contour.around(samples, s, m, pole, 512)
    half = len(contour.z) // 2
    for values in (contour.z, contour.weight, contour.kappa[: 2 * half]):
        assert np.array_equal(values[half:], values[:half].conj())
    top = s.max() * (1 + np.sqrt(RANK / samples)) ** 2
    # Cauchy: a point inside has residue one, a pole on the negative axis has none.
    for point, residue in ((0.5 * top, 1), (top, 1), (-pole, 0), (-top, 0)):
        assert abs(np.sum(contour.weight / (contour.z - point)) - residue) <= 1e-10


@pytest.mark.parametrize("samples", [1, 12, RANK - 1])
def test_the_null_space_is_one_more_node(samples: int) -> None:
    s, m, signal = LAWS["seven decades"]
    contour = Contour.around(samples, s, m, 1.0, 256)
    assert len(contour.kappa) == len(contour.z) + 1
    gain, bias = exact_gain_and_bias(samples, (s, m, signal), 0.0)
    nothing = np.zeros_like(contour.z)
    # f = 1 at zero and 0 elsewhere projects on the null space, whose energy is the bias of the minimum-norm fit.
    assert contour.quadratic(signal, nothing, nothing, (1, 1)) == pytest.approx(bias, rel=1e-12, abs=0)
    inverse = 1 / contour.z
    assert contour.noise(inverse[:, None] * inverse) == pytest.approx(gain, rel=1e-12, abs=0)


# ---- convergence ---------------------------------------------------------------------------------------------------


def test_integrals_that_do_not_settle_are_refused_with_advice() -> None:
    asked: list[int] = []

    def make(nodes: int) -> tuple[np.ndarray, float]:
        asked.append(nodes)
        return np.array([1.0, 1.0 + 1 / nodes]), 0.0

    with pytest.raises(ConvergenceError, match=r"changed by 2\.4e-04 at 4096 nodes; increase generator_ridge"):
        converged_integrals(make)
    assert asked == [64, 128, 256, 512, 1024, 2048, 4096]


def test_undefined_integrals_are_refused() -> None:
    with pytest.raises(ConvergenceError, match="contour integrals changed by nan"):
        converged_integrals(lambda nodes: (np.array([np.nan]), 0.0))


def test_integrals_settle_at_rounding_and_say_how_far_they_moved() -> None:
    asked: list[int] = []

    def make(nodes: int) -> tuple[np.ndarray, float]:
        asked.append(nodes)
        return np.array([2.0, 3.0 * (1 + 0.5**nodes * 1e16)]), nodes * EPS

    found, certificate, defect = converged_integrals(make)
    assert asked == [64, 128, 256]
    assert found == pytest.approx([2, 3], rel=EPS, abs=0)
    assert certificate <= 2e-14
    assert defect == 256 * EPS


def test_a_contour_without_a_certified_ridge_is_refused_with_advice() -> None:
    s, m, _ = LAWS["one atom"]
    with np.errstate(all="ignore"), pytest.raises(ConvergenceError, match=r"no certified effective ridge .* rescale"):
        Contour.around(RANK, 1e200 * s, m, 1e180, 64)


def test_the_logarithm_is_accurate_for_small_and_large_arguments() -> None:
    rng = np.random.default_rng(0)
    x = 10 ** rng.uniform(-18, 3, 300) * np.exp(1j * rng.uniform(-3, 3, 300))
    found = log_one_plus(x)
    with mp.workdps(40):
        exact = [mp.log(1 + mp.mpc(value)) for value in x]
    for value, truth in zip(found, exact, strict=True):
        assert abs(value - truth) <= 8 * EPS * abs(truth)
