"""Sums over atoms: NumPy's form, Numba's and mpmath's agree, wherever the points are and however they are cut."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from rmtcollapse.spectra import _atom_sums as atom_sums
from rmtcollapse.spectra._arithmetic import EPS, DoubleDouble

Array = NDArray[np.float64]
ALWAYS, NEVER = -1, 10**12


@pytest.fixture(params=["numpy", "numba"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Force one of the two forms."""
    for name in ("SMALL", "WARM"):
        monkeypatch.setattr(atom_sums, name, ALWAYS if request.param == "numba" else NEVER)
    return str(request.param)


def atoms(rng: np.random.Generator, size: int, low: float = -3.0) -> tuple[Array, Array]:
    weights = rng.dirichlet(np.ones(size))
    return np.sort(rng.uniform(low, 4, size)), weights


def points(rng: np.random.Generator, places: Array, size: int) -> NDArray[np.complex128]:
    """Near atoms and far, on both sides of the axis and on it."""
    near = places[rng.integers(places.size, size=size)] + rng.normal(size=size) * 10 ** rng.uniform(-9, 4, size)
    sign = rng.choice([-1.0, 0.0, 1.0], size)
    return np.asarray(near + 1j * sign * 10 ** rng.uniform(-12, 3, size))


def true_sums(u: complex, places: NDArray[np.generic], weights: NDArray[np.generic]) -> tuple[list[complex], Array]:
    """The four sums by definition, and those of the absolute values of their terms."""
    with mpmath.workdps(50):
        at = mpmath.mpmathify(complex(u))
        atoms = [
            (mpmath.mpmathify(complex(x)), mpmath.mpmathify(complex(h))) for x, h in zip(places, weights, strict=True)
        ]
        terms = [[h * x**j / (x - at) ** k for x, h in atoms] for k in (1, 2) for j in (0, 1)]
        return [complex(mpmath.fsum(t)) for t in terms], np.array([float(mpmath.fsum(map(abs, t))) for t in terms])


@pytest.mark.parametrize("size", [1, 2, 9, 63, 64, 65, 130])
def test_sums_are_their_definitions(engine: str, size: int) -> None:
    rng = np.random.default_rng(size)
    places, weights = atoms(rng, size)
    u = points(rng, places, 12)
    found = np.array(atom_sums.atom_sums(u, places, weights))
    assert found.shape == (4, 12)
    for i in range(12):
        true, scale = true_sums(u[i], places, weights)
        assert np.all(np.abs(found[:, i] - true) <= (10 + size) * EPS * scale)


def nodes(rng: np.random.Generator, size: int = 30) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Nodes below the axis, of complex weights."""
    places = rng.uniform(0, 1, size) - 1j * rng.uniform(0.1, 0.5, size)
    return places, rng.normal(size=size) + 1j * rng.normal(size=size)


def test_sums_over_nodes_and_the_sizes_of_their_terms() -> None:
    rng = np.random.default_rng(2)
    places, weights = nodes(rng)
    u = rng.uniform(-1, 2, 6) + 1j * 10 ** rng.uniform(-9, 0, 6)
    found = atom_sums.node_sums(u, places, weights)
    for i in range(6):
        true, scale = true_sums(u[i], places, weights)
        assert np.all(np.abs(found[:4, i] - true) <= 40 * EPS * scale)
        assert np.all((found[4:, i].real >= scale[:2]) & (found[4:, i].real <= 1.5 * scale[:2]))


def test_sums_over_nodes_in_double_doubles() -> None:
    rng = np.random.default_rng(4)
    places, weights = nodes(rng)
    rows = [np.array([x.real, 1e-17 * x.imag, x.imag, -1e-17 * x.real]) for x in (places, weights)]
    u = DoubleDouble.of(rng.uniform(-1, 2, 4) + 1j * 10 ** rng.uniform(-9, 0, 4), 1e-18 + 1e-19j)
    found = atom_sums.node_sums_double_double(u, *rows)
    with mpmath.workdps(50):
        p, h = ([mpmath.mpc(mpmath.mpf(a) + b, mpmath.mpf(c) + d) for a, b, c, d in r.T.tolist()] for r in rows)
        for i in range(4):
            at = mpmath.mpc(*(mpmath.mpf(float(x[0][i])) + float(x[1][i]) for x in (u.real, u.imag)))
            for j in (0, 1):
                terms = [b * a**j / (a - at) for a, b in zip(p, h, strict=True)]
                got = [mpmath.mpf(float(x[0][i])) + float(x[1][i]) for x in (found[j].real, found[j].imag)]
                assert abs(mpmath.mpc(*got) - mpmath.fsum(terms)) <= 1e-29 * mpmath.fsum(map(abs, terms))


def test_the_last_two_sums_are_derivatives(engine: str) -> None:
    places, weights = atoms(np.random.default_rng(3), 5)
    u, h = 0.3 + 0.5j, 2.0**-13
    m, t, m1, t1 = atom_sums.atom_sums(np.array([u, u + h, u - h]), places, weights)
    error = 100 * (h**2 + EPS / h)  # curvature at a distance 0.5, and rounding
    assert abs((m[1] - m[2]) / (2 * h) - m1[0]) <= error
    assert abs((t[1] - t[2]) / (2 * h) - t1[0]) <= error


@pytest.mark.parametrize("chunk", [1, 5, 10, 35, 49, 50, 51, 10**6])
def test_chunks_change_nothing(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    places, weights = atoms(rng, 5)
    u = points(rng, places, 10)
    monkeypatch.setattr(atom_sums, "CHUNK", 10**9)
    whole = np.array(atom_sums.atom_sums(u, places, weights))
    monkeypatch.setattr(atom_sums, "CHUNK", chunk)
    np.testing.assert_array_equal(np.array(atom_sums.atom_sums(u, places, weights)), whole)


def test_distances_whose_squares_leave_the_doubles(engine: str) -> None:
    places, weights = np.array([0.0, 1.0]), np.array([0.25, 0.75])
    u = np.array([1e-160 + 1e-150j, 3e-200 - 1e-200j, 1e-170 + 0j, 1e160 + 1e155j, -1e200j])
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        found = np.array(atom_sums.atom_sums(u, places, weights))
    for i in range(u.size):
        true, scale = true_sums(u[i], places, weights)
        assert np.all(np.abs(found[:2, i] - true[:2]) <= 10 * EPS * scale[:2])


def test_many_equal_terms_keep_their_digits(engine: str) -> None:
    """Lanes: rounding grows with the size of a lane at worst, by far less on the way."""
    size = 30_000
    places = 1 + 1e-3 * np.arange(size) / size
    found = np.array(atom_sums.atom_sums(np.array([2.0 + 1.0j]), places, np.full(size, 1 / size)))
    # midpoint sums of 1/(x - u) on an interval: logarithms, up to the width of a cell
    true = np.log((places[-1] + 0.5e-3 / size - 2 - 1j) / (places[0] - 0.5e-3 / size - 2 - 1j)) / 1e-3
    assert abs(found[0, 0] - true) <= (size / 8 + 10 / 1e-3) * EPS


def pair(number: DoubleDouble, i: int) -> mpmath.mpc:
    real, imag = (mpmath.mpf(float(x[0][i])) + mpmath.mpf(float(x[1][i])) for x in (number.real, number.imag))
    return mpmath.mpc(real, imag)


@pytest.mark.parametrize("size", [1, 3, 8, 33])
def test_double_double_sums_have_29_digits(engine: str, size: int) -> None:
    rng = np.random.default_rng(10 + size)
    places, weights = atoms(rng, size)
    places[0] = 0.0
    near = np.array([1e-9 + 1e-9j, 1e-200 + 1e-220j, -1e-190j, 0.5, 1e3 + 1e-20j, 1e190 + 1e160j])
    top = np.concatenate([points(rng, places, 6), near])
    u = DoubleDouble.of(top, top * rng.normal(size=12) * 2.0**-55)
    found = atom_sums.atom_sums_double_double(u, places, weights)
    with mpmath.workdps(480):
        exact = [(mpmath.mpf(float(x)), mpmath.mpf(float(h))) for x, h in zip(places, weights, strict=True)]
        for i in range(12):
            at = pair(u, i)
            for j in (0, 1):
                terms = [h * x**j / (x - at) for x, h in exact]
                assert abs(pair(found[j], i) - mpmath.fsum(terms)) <= 1e-29 * mpmath.fsum(map(abs, terms))


def test_numba_serves_large_sums_only(monkeypatch: pytest.MonkeyPatch) -> None:
    places = np.linspace(1, 2, 10)
    for warm, limit in ((0, atom_sums.SMALL), (1, atom_sums.WARM)):

        class Kernels:
            @staticmethod
            def cache_info(size: int = warm) -> object:
                return type("Info", (), {"currsize": size})

        monkeypatch.setattr(atom_sums, "_kernels", Kernels)
        assert atom_sums._large(limit // 10 + 1, places)
        assert not atom_sums._large(limit // 10, places)


@pytest.mark.parametrize("size", [1, 5, 64, 70])
def test_powers_are_their_definitions(engine: str, size: int) -> None:
    rng = np.random.default_rng(size)
    places, weights = atoms(rng, size)
    u = points(rng, places, 8).real
    found = atom_sums.power_sums(u, places, weights)
    for i, at in enumerate(u):
        terms = weights / (places - at) ** np.arange(2, 5)[:, None]
        assert np.all(np.abs(found[:, i] - terms.sum(1)) <= (10 + size) * EPS * np.abs(terms).sum(1))


@pytest.mark.parametrize("size", [1, 5, 64, 70])
def test_heights_meet_their_equation(engine: str, size: int) -> None:
    rng = np.random.default_rng(size)
    places, weights = atoms(rng, size)
    real = places[rng.integers(size, size=9)] + 1e-3 * rng.normal(size=9)
    squares = atom_sums.unit_heights(real, places, weights, 1e-10, 200)
    sums = (weights / ((places - real[:, None]) ** 2 + squares[:, None])).sum(1)
    np.testing.assert_allclose(sums, 1, rtol=1e-12)


@pytest.mark.parametrize(("variance", "ratio"), [(0.7, 0.0), (0.0, 0.4)])
def test_rough_roots_are_roots_or_nan(monkeypatch: pytest.MonkeyPatch, variance: float, ratio: float) -> None:
    monkeypatch.setattr(atom_sums, "WARM", ALWAYS)
    monkeypatch.setattr(atom_sums, "SMALL", ALWAYS)
    places, weights = np.linspace(0.5, 2, 70), np.full(70, 1 / 70)

    def image(u: NDArray[np.complex128]) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        m, t, m1, t1 = np.array([[(weights * places**j / (places - x) ** k).sum() for x in u]
                                 for k in (1, 2) for j in (0, 1)])  # fmt: skip
        return u * (1 - ratio * t) - variance * m, 1 - ratio * (t + u * t1) - variance * m1

    real = image(np.array([1.0 + 0.5j]))[0].real
    found = atom_sums.rough_roots(np.array([1.0 + 0.5j]), real, (places, weights), variance, ratio, 20)
    assert found is not None
    roots, slopes = found
    np.testing.assert_allclose(image(roots)[0], real, rtol=1e-12)
    np.testing.assert_allclose(slopes, image(roots)[1], rtol=1e-3)
    astray = atom_sums.rough_roots(np.array([1e8 + 1e-8j]), real, (places, weights), variance, ratio, 3)
    assert astray is not None
    assert np.isnan(astray[0]).all()


def test_rough_roots_wait_for_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SMALL", "WARM"):
        monkeypatch.setattr(atom_sums, name, NEVER)
    one = np.ones(1)
    assert atom_sums.rough_roots(one + 1j, one, (one, one), 1.0, 0.0, 9) is None
