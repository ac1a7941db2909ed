"""All gaps of a sum of double poles, against bisection in mpmath and grids."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from rmtcollapse.spectra import _atom_sums
from rmtcollapse.spectra._poles import gaps_of_poles, unit_height

Array = NDArray[np.float64]
EPS = float(np.finfo(float).eps)


def level(u: Any, places: Array, weights: Array, power: int = 2) -> Any:
    return sum(mpmath.mpf(a) / (mpmath.mpf(t) - u) ** power for t, a in zip(places, weights, strict=True))


def bisect(below: Any, low: Any, high: Any) -> Any:
    """Where a predicate turns from true, at low, to false, at high."""
    for _ in range(130):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return low


def true_gaps(places: Array, weights: Array) -> list[tuple[Any, Any]]:
    """By definition: g - 1 changes sign at most twice between neighbours, on the two sides of the only zero of g'."""
    x = [mpmath.mpf(t) for t in places]
    far = sum(mpmath.sqrt(mpmath.mpf(a)) for a in weights) + 1

    def open_at(u: Any) -> bool:
        return bool(level(u, places, weights) < 1)

    found = [(-mpmath.inf, bisect(open_at, x[0] - far, x[0]))]
    for left, right in pairwise(x):
        lowest = bisect(lambda u: level(u, places, weights, 3) < 0, left, right)
        if open_at(lowest):
            found.append((bisect(lambda u: not open_at(u), left, lowest), bisect(open_at, lowest, right)))
    return [*found, (bisect(lambda u: not open_at(u), x[-1], x[-1] + far), mpmath.inf)]


def check(places: Array, weights: Array) -> int:
    """Compare, edges to the rounding of g: an error of eps in g - 1 moves an edge by eps/g', and one of u by eps."""
    found = gaps_of_poles(places, weights)
    with mpmath.workdps(38):
        true = true_gaps(places, weights)
        assert found.shape == (len(true), 2)
        for mine, theirs in zip(found.ravel(), [u for gap in true for u in gap], strict=True):
            if not np.isfinite(mine):
                assert mine == theirs
                continue
            slope = 2 * abs(level(theirs, places, weights, 3))
            spread = sum(a / abs(t - float(theirs)) ** 3 for t, a in zip(places, weights, strict=True))
            size = max(abs(places[0]), abs(places[-1]), abs(mine))
            assert abs(mine - theirs) <= EPS * (4 * abs(mine) + (len(places) + 8 + 4 * spread * size) / slope)
    assert np.all(np.diff(found.ravel()[1:-1]) > 0)
    return len(true)


@pytest.mark.parametrize("seed", range(14))
def test_random_atoms(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 7))
    places = np.unique(rng.normal(size=size) * 10 ** rng.uniform(-2, 2, size))
    weights = rng.dirichlet(np.ones(places.size)) * 10 ** rng.uniform(-4, 2)
    check(places, weights)


@pytest.mark.parametrize("seed", range(6))
def test_gaps_that_barely_open(seed: int) -> None:
    """Weights scaled to the point where one gap closes, and by a share less or more."""
    rng = np.random.default_rng([seed, 1])
    places = np.sort(rng.normal(size=5))
    weights = rng.dirichlet(np.ones(5) / 2)
    with mpmath.workdps(38):
        for left, right in pairwise([mpmath.mpf(t) for t in places]):
            lowest = bisect(lambda u: level(u, places, weights, 3) < 0, left, right)
            critical = 1 / float(level(lowest, places, weights))
            for share in (1e-3, 1e-6, 1e-9):
                below, above = (gaps_of_poles(places, critical * (1 + s * share) * weights) for s in (-1, 1))
                assert len(below) == len(above) + 1
                assert np.sum((below[:, 0] < lowest) & (lowest < below[:, 1])) == 1


@pytest.mark.parametrize("variance", [1e-8, 1e-4, 1e-2, 1.0])
def test_every_gap_of_many_atoms_shows_on_a_grid(variance: float) -> None:
    """Bulks are as many as the grid shows; edges lie where g = 1."""
    rng = np.random.default_rng(1)
    places = np.sort(rng.uniform(-1, 1, 60))
    weights = variance * rng.dirichlet(np.ones(60))
    found = gaps_of_poles(places, weights)
    grid = (places[:-1, None] + np.diff(places)[:, None] * np.linspace(0, 1, 1003)[1:-1]).ravel()
    dips = (weights / (places - grid[:, None]) ** 2).sum(1) < 1
    inside = np.any((found[:, 0] < grid[:, None]) & (grid[:, None] < found[:, 1]), axis=1)
    np.testing.assert_array_equal(inside, dips)
    shown = {int(np.searchsorted(places, u)) for u in grid[dips]}
    assert {int(np.searchsorted(places, gap.mean())) for gap in found[1:-1]} == shown


def test_one_atom_is_exact() -> None:
    assert gaps_of_poles(np.array([2.0]), np.array([0.25])).tolist() == [[-np.inf, 1.5], [2.5, np.inf]]
    assert gaps_of_poles(np.array([0.0]), np.array([1e-300]))[0, 1] == pytest.approx(-1e-150, rel=4 * EPS)


@pytest.mark.parametrize("width", [1.0, 3.0, 2.0**-20, 2.0**30])
def test_two_equal_atoms_touch_at_an_eighth(width: float) -> None:
    r"""g = A/(d/2)^2 * 2 in the middle: open below A = d^2/8, closed there."""
    places = np.array([-width / 2, width / 2])
    touching = width**2 / 8
    assert gaps_of_poles(places, np.array([touching] * 2)).shape == (2, 2)
    assert gaps_of_poles(places, np.array([touching * (1 + 1e-9)] * 2)).shape == (2, 2)
    found = gaps_of_poles(places, np.array([touching * (1 - 1e-9)] * 2))
    assert found.shape == (3, 2)
    # 1 = g(0) (1 + 12 (u/d)^2 + ...)
    np.testing.assert_allclose(found[1], width * np.sqrt(1e-9 / 12) * np.array([-1, 1]), rtol=1e-6)


def test_three_atoms_that_touch() -> None:
    """Two unequal neighbours touch where the cube roots of their weights add up to a power of the distance."""
    a, b = Fraction(49, 125), Fraction(64 * 49, 125)  # places 1 and 8, in fifths
    for slack, count in ((1 - 1e-12, 3), (1 + 1e-12, 2)):
        weights = np.array([float(a), float(b)]) * slack
        assert len(gaps_of_poles(np.array([1.0, 8.0]), weights)) == count


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9])
def test_close_atoms(distance: float) -> None:
    places = np.array([1.0, 1.0 + distance, 2.0])
    for weight in (0.1, 1e-3, 0.9 * distance**2 / 8, 1.1 * distance**2 / 8):
        assert check(places, np.array([weight, weight, 0.05])) == (4 if weight == 0.9 * distance**2 / 8 else 3)


@pytest.mark.parametrize("weight", [1e-10, 1e-20, 1e-29])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_tiny_weights_have_bulks(weight: float, place: int) -> None:
    weights = np.array([0.05, 0.1, 0.05])
    weights[place] = weight
    assert check(np.array([1.0, 2.0, 3.0]), weights) == 4


@pytest.mark.parametrize("weight", [1e-33, 1e-40, 1e-60, 1e-300, 5e-324])
def test_weights_below_rounding_leave_the_other_gaps(weight: float) -> None:
    """Their own bulk is narrower than doubles resolve; those of the others stay where they are."""
    places, weights = np.array([1.0, 2.0, 3.0]), np.array([0.05, weight, 0.05])
    found, without = gaps_of_poles(places, weights), gaps_of_poles(places[[0, 2]], weights[[0, 2]])
    ends = [found[0, 1], found[1, 0], found[-2, 1], found[-1, 0]]
    np.testing.assert_allclose(ends, without.ravel()[1:-1], rtol=4 * EPS)
    assert np.all(np.diff(found.ravel()) > 0)
    lightest = gaps_of_poles(places, np.full(3, weight))
    assert np.all(np.abs(lightest.ravel()[1:-1] - np.repeat(places, 2)) <= 8 * np.spacing(3.0))


@pytest.mark.parametrize("scale", [1e-8, 1e-2, 10.0])
def test_heights_over_bulks_solve_their_equation(scale: float) -> None:
    """The sum of A/|tau - u|^2 is 1 at a + i sqrt(s), to the rounding of the sum: its slope in log s is -s g'/g."""
    rng = np.random.default_rng(3)
    places, weights = np.sort(rng.uniform(-1, 1, 6)), scale * rng.dirichlet(np.ones(6))
    ends = gaps_of_poles(places, weights).ravel()[1:-1].reshape(-1, 2)
    real = np.concatenate([low + (high - low) * np.array([1e-9, 0.01, 0.5, 0.99]) for low, high in ends])
    found = np.array([unit_height(np.array([a]), places, weights)[0] for a in real])
    assert np.all(found > 0)
    with mpmath.workdps(40):
        for a, s in zip(real, found, strict=True):
            squares = [(mpmath.mpf(t) - mpmath.mpf(a)) ** 2 + mpmath.mpf(s) for t in places]
            level = sum(mpmath.mpf(w) / q for w, q in zip(weights, squares, strict=True))
            assert abs(level - 1) <= 64 * EPS


@pytest.mark.parametrize("chunk", [1, 7, 60])
def test_chunks_change_nothing(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_atom_sums, "WARM", 10**9)  # chunks are for NumPy
    rng = np.random.default_rng(2)
    places, weights = np.sort(rng.uniform(-1, 1, 20)), 1e-4 * rng.dirichlet(np.ones(20))
    gaps = gaps_of_poles(places, weights)
    real = np.linspace(*gaps.ravel()[1:3], 9)[1:-1]
    heights = unit_height(real, places, weights)
    monkeypatch.setattr(_atom_sums, "CHUNK", chunk)
    np.testing.assert_array_equal(gaps_of_poles(places, weights), gaps)
    np.testing.assert_allclose(unit_height(real, places, weights), heights, rtol=1e-12)
