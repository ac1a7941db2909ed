"""Meetings of two laws: both show the same along them, and their edges are those of two projections."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from rmtcollapse.spectra import _branch as branch
from rmtcollapse.spectra import _curve as curve
from rmtcollapse.spectra._arithmetic import EPS
from rmtcollapse.spectra._meeting import meetings
from rmtcollapse.spectra._node import Leaf
from rmtcollapse.spectra._real import branches, bulks

Pair = tuple[float, float]


def atoms(*pairs: Pair) -> Leaf:
    return Leaf(np.array([x for x, _ in pairs], float), np.array([h for _, h in pairs]))


def projection(share: float) -> Leaf:
    return atoms((0, 1 - share), (1, share))


def joined(kind: Any, a: Leaf, b: Leaf) -> Any:
    return kind(a, b, [float(law.weights @ law.places) for law in (a, b)])


def two_projections(a: float, b: float) -> tuple[Any, Any]:
    r""":math:`a + b - 2ab \pm \sqrt{4ab(1-a)(1-b)}`: Voiculescu, Dykema and Nica 1992, example 3.6.7."""
    a, b = mpmath.mpf(a), mpmath.mpf(b)
    root = mpmath.sqrt(4 * a * b * (1 - a) * (1 - b))
    return a + b - 2 * a * b - root, a + b - 2 * a * b + root


PAIRS = [
    joined(curve.Sum, projection(0.25), projection(0.625)),
    joined(curve.Sum, atoms((-3, 0.5), (0, 0.25), (0.5, 0.25)), atoms((-1, 0.125), (2, 0.875))),
    joined(curve.Product, projection(0.25), projection(0.625)),
    joined(curve.Product, atoms((1, 0.5), (2, 0.25), (9, 0.25)), atoms((0.5, 0.125), (2, 0.875))),
]


def shown(law: Any, leaf: Leaf, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """m or t by definition, and the sum of the absolute values of its derivative's terms times u, and of its own."""
    h = leaf.weights * (leaf.places if isinstance(law, curve.Product) else 1)
    terms = h / (leaf.places - u[:, None])
    distance = np.abs(leaf.places - u[:, None])
    return terms.sum(1), (np.abs(terms) * (1 + np.abs(u[:, None]) / distance)).sum(1)


@pytest.mark.parametrize("law", PAIRS)
def test_both_laws_show_the_same(law: Any) -> None:
    below = [branch.leaf_branches(leaf, branch.size_of(law)) for leaf in law.children]
    found = meetings(law, below)
    assert found
    for b in found:
        v = np.linspace(b.low, b.high, 203)[1:-1]
        u = b.u(v)
        assert u.shape == (2, 201)
        assert np.all(np.diff(u[0]) >= 0)
        (first, size), (second, other) = (shown(law, leaf, x) for leaf, x in zip(law.children, u, strict=True))
        fine = np.abs(first) < 1e140  # beyond, 1/m is nothing beside u, and its slope is no double
        assert np.all(np.abs(first - second)[fine] <= 8 * EPS * (size + other)[fine])


SHARES = [
    (0.25, 0.5),
    (0.25, 0.625),
    (0.75, 0.875),
    (0.125, 0.0625),
    (0.5, 0.375),
    (2.0**-10, 0.5),
    (0.5, 0.5 - 2.0**-7),
]


@pytest.mark.parametrize("shares", SHARES)
def test_edges_of_sums_and_products_of_projections(shares: Pair) -> None:
    with mpmath.workdps(40):
        low, high = two_projections(*shares)
        wings = [(1 - mpmath.sqrt(high), 1 - mpmath.sqrt(low)), (1 + mpmath.sqrt(low), 1 + mpmath.sqrt(high))]
        for kind, true in ((curve.Product, [(low, high)]), (curve.Sum, wings)):
            law = joined(kind, *map(projection, shares))
            found = bulks(law, branches(law))
            assert len(found) == len(true)
            for bulk, (left, right) in zip(found, true, strict=True):
                assert abs(bulk.left - left) <= EPS * right
                assert abs(bulk.right - right) <= EPS * right
                for x, u in ((bulk.left, bulk.left_u), (bulk.right, bulk.right_u)):
                    here = law.relate(*(leaf.reference(p) for leaf, p in zip(law.children, u, strict=True)))
                    assert abs(here.z - x) <= 1e-7 * max(map(abs, u))
