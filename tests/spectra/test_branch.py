"""Branches: what their parameters cover; and sampling finds the edges that the guaranteed search finds."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from rmtcollapse.spectra import _branch as branch
from rmtcollapse.spectra import _curve as curve
from rmtcollapse.spectra._arithmetic import EPS
from rmtcollapse.spectra._node import Leaf
from rmtcollapse.spectra._real import branches

LEAVES = {
    "one": Leaf(np.array([1.5]), np.ones(1)),
    "coin": Leaf(np.array([-1.0, 2.0]), np.array([0.5, 0.5])),
    "uneven": Leaf(np.array([-0.7, 2.9]), np.array([0.125, 0.875])),
    "zero": Leaf(np.array([0.0]), np.ones(1)),
    "signed": Leaf(np.array([-2.0, -0.5, 0.0, 3.0]), np.array([0.25, 0.25, 0.25, 0.25])),
    "positive": Leaf(np.array([1e-6, 1.0, 1.0 + 1e-9, 40.0]), np.array([0.5, 0.25, 0.125, 0.125])),
}
each_leaf = pytest.mark.parametrize("name", LEAVES)


def ends(found: branch.Branch) -> np.ndarray:
    return found.u(np.array([found.low, found.high]))[0]


@each_leaf
def test_atoms_have_a_branch_to_either_side_of_each(name: str) -> None:
    leaf = LEAVES[name]
    found = branch.leaf_branches(leaf, branch.size_of(leaf))
    assert len(found) == leaf.places.size + 1
    assert [b.ends for b in found] == [
        ("atom" if i else "infinity", "atom" if i < leaf.places.size else "infinity") for i in range(len(found))
    ]
    for i, b in enumerate(found):
        v = np.linspace(b.low, b.high, 4001)
        u = b.u(v)[0]
        assert b.u(v).shape == (1, 4001)
        assert np.all(np.diff(u) >= 0)
        if 0 < i < leaf.places.size:
            rounding = 8 * np.spacing(np.max(np.abs(leaf.places[i - 1 : i + 1])))
            np.testing.assert_allclose(u - leaf.places[i - 1], leaf.places[i] - b.u(-v)[0], rtol=1e-9, atol=rounding)
        # strictly between its atoms, and within a few roundings (or 1e-250) of them
        if i:
            assert 0 < u[0] - leaf.places[i - 1] <= max(8 * np.spacing(abs(leaf.places[i - 1])), 1e-250)
        if i < leaf.places.size:
            assert 0 < leaf.places[i] - u[-1] <= max(8 * np.spacing(abs(leaf.places[i])), 1e-250)
        else:
            assert u[-1] >= 1e12 * branch.size_of(leaf)


@each_leaf
def test_zero_is_sampled_exactly_where_a_branch_holds_it(name: str) -> None:
    leaf = LEAVES[name]
    for b in branch.leaf_branches(leaf, branch.size_of(leaf)):
        low, high = ends(b)
        grid = branch.grid(b)
        assert np.all(np.diff(grid) > 0)
        assert b.low < grid[0]
        assert grid[-1] < b.high
        assert (0.0 in b.u(grid)[0]) == (low < 0 < high)


def test_a_density_has_branches_outside_its_ends_only() -> None:
    leaf = Leaf(np.array([0.5 - 1j, 1 - 1j]), np.array([0.5, 0.5]), (0.25, 2.0))
    left, right = branch.leaf_branches(leaf, 2.0)
    assert ends(left)[1] <= 0.25
    assert ends(right)[0] >= 2.0
    assert branch.leaf_branches(Leaf(leaf.places, leaf.weights, (0.0, np.inf)), 1.0)[0].ends == (
        "infinity",
        "atom",
    )


def test_parts_keep_the_parameters() -> None:
    whole = branch.leaf_branches(LEAVES["signed"], 3.0)[1]
    part = whole.part(-1.0, 2.0, ("edge", "meeting"))
    assert (part.low, part.high, part.ends) == (-1.0, 2.0, ("edge", "meeting"))
    v = np.linspace(-1, 2, 7)
    np.testing.assert_array_equal(part.u(v), whole.u(v))


@pytest.mark.parametrize(
    ("name", "node"), [*((name, "semicircle") for name in LEAVES), ("one", "product"), ("positive", "product")]
)
def test_sampling_finds_the_edges_of_the_guaranteed_search(name: str, node: str) -> None:
    leaf = LEAVES[name]
    law: Any = {
        "semicircle": curve.AddSemicircle(leaf, Fraction(1, 50)),
        "product": curve.MultiplyPoisson(leaf, Fraction(1, 50)),
    }[node]
    size = branch.size_of(leaf)
    true = [ends(b) for b in branches(law)]  # of `pole_branches`
    sampled = [piece for b in branch.leaf_branches(leaf, size) for piece in branch.increasing(law, b)]
    found = [ends(b) for b in sampled]
    assert [b.ends[0] == "infinity" for b in sampled] == [True] + [False] * (len(true) - 1)
    # a slope of rounding eps times its terms, of which the largest is 1, moves an edge by eps/z''
    for mine, theirs in zip(np.ravel(found)[1:-1], np.ravel(true)[1:-1], strict=True):
        distance = np.min(np.abs(leaf.places - theirs))
        assert abs(mine - theirs) <= 100 * EPS * (abs(theirs) + distance)


@pytest.mark.parametrize("k", [1.25, 1.5, 1.75, 1.9999, 2.5, 100.0])
def test_folded_coins_lose_their_gap_at_two(k: float) -> None:
    r"""z' > 0 for z = ku + (k-1)/m, 1/m = (1 - u^2)/u: z' = 1 - (k-1)/u^2, edges at :math:`\pm\sqrt{k-1}`."""
    leaf = Leaf(np.array([-1.0, 1.0]), np.array([0.5, 0.5]))
    law = curve.AddFold(leaf, Fraction(k), 0.0)
    found = np.array([ends(p) for b in branch.leaf_branches(leaf, 1.0) for p in branch.increasing(law, b)])
    inner = [u for u in found.ravel() if abs(abs(u) - np.sqrt(k - 1)) < 1e-12]
    assert len(inner) == 2
    kinds = [kind for b in branch.leaf_branches(leaf, 1.0) for p in branch.increasing(law, b) for kind in p.ends]
    assert [kind == "edge" for kind in kinds] == [abs(u) == np.sqrt(k - 1) or u in inner for u in found.ravel()]
    slope = branch.image_slope(law, branch.leaf_branches(leaf, 1.0)[2], np.linspace(-20, 10, 400))[1]
    u = branch.leaf_branches(leaf, 1.0)[2].u(np.linspace(-20, 10, 400))[0]
    np.testing.assert_array_equal(slope > 0, u**2 > k - 1)


def test_slopes_along_meetings_are_total_derivatives() -> None:
    """Where two laws meet, dz along the constraint is 1 + a'/b' - a'/m^2 times du, for their transforms a and b."""
    h, (x, y) = np.array([0.75, 0.25]), np.array([[0.0, 1.0], [0.0, 3.0]])
    law = curve.Sum(Leaf(x, h), Leaf(y, h), [0.25, 0.75])
    u = np.array([-3.0, -1.0, -0.2, -0.05, 1.01, 1.3, 2.0, 5.0])
    m = (h / (x - u[:, None])).sum(1)
    # m (0 - w)(3 - w) = 9/4 - w, of whose roots one is outside, on the side of u
    w = np.array([sorted(np.roots([c, 1 - 3 * c, -2.25]))[0 if at < 0 else 1] for c, at in zip(m, u, strict=True)])
    a, b = ((h / (p - v[:, None]) ** 2).sum(1) for p, v in ((x, u), (y, w)))
    image, slope = branch.image_slope(law, branch.Branch(lambda v: np.array([u, w]), 0, 1, ("atom", "atom")), u)
    true = 1 + a / b - a / m**2
    np.testing.assert_allclose(image, u + w + 1 / m, rtol=1e-13)
    np.testing.assert_allclose(slope, true / np.maximum(1, a / b), rtol=1e-12, atol=1e-13)  # the larger step is 1
    assert {-1.0, 1.0} == set(np.sign(slope))


@pytest.mark.parametrize("slack", [1e-2, 1e-4, 1e-6])
def test_sampling_finds_a_gap_that_barely_opens(slack: float) -> None:
    """Two unequal atoms beside a semicircle part where the cube roots of v h add up to a power of their distance."""
    leaf = LEAVES["uneven"]
    critical = 3.6**2 / np.cbrt(leaf.weights).sum() ** 3
    law, closed = (curve.AddSemicircle(leaf, Fraction(critical * (1 + sign * slack))) for sign in (-1, 1))
    whole = branch.leaf_branches(leaf, 3.0)[1]
    (piece,) = branch.increasing(law, whole)
    np.testing.assert_allclose(ends(piece), ends(branches(law)[1]), rtol=1e-9)
    assert branch.increasing(closed, whole) == []


def test_roots_are_found_to_rounding() -> None:
    low, high = np.array([0.0, -3.0, 0.0]), np.array([2.0, -1.0, 1e-3])
    aim = np.array([2.0, -8.0, 1e-12])
    found = branch.find_roots(lambda x, a: x**3 - a, low, high, aim)
    np.testing.assert_allclose(found, np.cbrt(aim), rtol=4e-16, atol=4e-15)
    assert branch.find_roots(lambda x: x, np.zeros(0), np.zeros(0)).size == 0
