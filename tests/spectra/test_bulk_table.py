"""Tables of bulks: nodes on the curve, guesses between them, and certified points up to the edges."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from rmtcollapse.spectra import (
    Atoms,
    FreeAdditivePower,
    FussCatalan,
    MarchenkoPastur,
    SampleCovariance,
    Semicircle,
    Uniform,
)
from rmtcollapse.spectra._arithmetic import EPS
from rmtcollapse.spectra._bulk_table import CLOSE, PERIOD, BulkTable
from rmtcollapse.spectra._solver import jets, polished

COIN, HALF = Atoms([-1, 1]), Atoms([0, 1])
LAWS: dict[str, Any] = {
    "semicircle": Semicircle(2.0),
    "flat": MarchenkoPastur(Fraction(1, 3)),
    "hard edge": MarchenkoPastur(1),
    "mirrored": -1 * MarchenkoPastur(1),
    "fuss-catalan": FussCatalan(3),
    "four bulks": Atoms([-3, 0, 2, 7]) + Semicircle(0.05),
    "five orders of magnitude": SampleCovariance(Atoms([1e-3, 1, 100]), 0.05),
    "density": SampleCovariance(Uniform(1, 2), 0.5),
    "kesten": FreeAdditivePower(COIN, 5),
    "arcsine": COIN + COIN,
    "angles": HALF @ HALF,
    "two laws": Atoms([-3, 0.5]) + Atoms([0, 1], [0.25, 0.75]),
}
each_law = pytest.mark.parametrize("name", LAWS)


def table_of(law: Any) -> BulkTable:
    return BulkTable(law._root, law._bulks)


@each_law
def test_angles_and_places_are_inverse(name: str) -> None:
    law = LAWS[name]
    table = table_of(law)
    for number, bulk in enumerate(law._bulks):
        own = np.concatenate([10.0 ** np.arange(-7, 0), np.linspace(0.2, 3.0, 7), np.pi - 10.0 ** np.arange(-7, 0)])
        own = PERIOD * number + own - PERIOD * number  # as rounded in the table
        x = table.place(PERIOD * number + own)
        with mpmath.workdps(40):
            half = (mpmath.mpf(bulk.right) - mpmath.mpf(bulk.left)) / 2
            true = [bulk.left + half * (1 - mpmath.cos(mpmath.mpf(a))) for a in own]
            distance = [min(y - bulk.left, bulk.right - y) for y in true]
            # rounded once, and where it is close to an end, as a share of its distance from there
            slack = [EPS * (abs(y) + 8 * d) for y, d in zip(true, distance, strict=True)]
            assert all(abs(a - b) <= c for a, b, c in zip(x, true, slack, strict=True))
        back = table.angle(x, np.full(x.size, number))
        error = np.array([float(c / (half * mpmath.sin(mpmath.mpf(o)))) for c, o in zip(slack, own, strict=True)])
        assert np.all(np.abs(back - PERIOD * number - own) <= 4 * error + 16 * EPS * (number + 1))


@each_law
def test_nodes_are_on_the_curve_and_predict_what_is_between(name: str) -> None:
    law = LAWS[name]
    table = table_of(law)
    assert np.all(np.diff(table.angles) > 0)
    here, trace = jets(law._root, table.u)
    # inside: at an end z is flat, and a hard edge has no node
    inside = table.u.imag.min(0) > 1e-4 * table.scale
    misses = [here.z.value - table.place(table.angles)]
    bounds = [here.z.bound + 4 * EPS * table.scale]
    for node, _, below in trace:
        if (c := node.constraint(*below)) is not None:
            misses.append(c.value)
            bounds.append(c.bound)
    for miss, bound in zip(misses, bounds, strict=True):
        assert np.all(np.abs(miss)[inside] <= 32 * bound[inside])
    rng = np.random.default_rng(1)
    which = rng.integers(len(law._bulks), size=300)
    own = np.arccos(rng.uniform(-0.999, 0.9, 300))
    guess = table.guess(PERIOD * which + own)
    found = table.solve(table.place(PERIOD * which + own), which)
    assert found.good.all()
    assert np.all(np.abs((guess - found.u) / found.u.imag).max(0) <= 10 * CLOSE)


@each_law
def test_square_root_edges_are_nodes_with_slopes_along_the_imaginary_axis(name: str) -> None:
    law = LAWS[name]
    table = table_of(law)
    for number, bulk in enumerate(law._bulks):
        for end, u in ((0.0, bulk.left_u), (np.pi, bulk.right_u)):
            i = np.flatnonzero(table.angles == PERIOD * number + end)
            if not i.size:
                assert name == "fuss-catalan"  # of power 1/4
                assert end == 0
                continue
            np.testing.assert_array_equal(table.u[:, i[0]], u)
            assert np.all(table.slopes[:, i].real == 0)
            assert np.all(table.slopes[:, i].imag * (1 if end == 0 else -1) > 0)
            if name in ("density", "arcsine", "angles"):  # no simple edges, or no exact second derivative
                continue
            angle = np.array([PERIOD * number + end + (1e-3 if end == 0 else -1e-3)])
            found = table.solve(table.place(angle), np.array([number]))
            straight = table.u[:, i] + table.slopes[:, i] * (1e-3 if end == 0 else -1e-3)
            assert np.all(np.abs(found.u - straight) <= 1e-2 * straight.imag)


CLOSED: dict[str, Any] = {
    "semicircle": lambda x: mpmath.sqrt(8 - x * x) / 4,
    "flat": lambda x: mpmath.sqrt(4 * x - mpmath.mpf(3) * (x - mpmath.mpf(2) / 3) ** 2 * 1) / (2 * x) * mpmath.sqrt(3),
    "hard edge": lambda x: mpmath.sqrt((4 - x) * x) / (2 * x),
    "kesten": lambda x: 5 * mpmath.sqrt(16 - x * x) / (2 * (25 - x * x)),
    "arcsine": lambda x: 1 / mpmath.sqrt(4 - x * x),
    "angles": lambda x: 1 / (2 * mpmath.sqrt(x * (1 - x))),
}


@pytest.mark.parametrize("name", CLOSED)
def test_points_up_to_the_edges_are_certified_and_right(name: str) -> None:
    law = LAWS[name]
    (bulk,) = law._bulks
    share = 10.0 ** np.arange(-15, 0)
    x = np.concatenate(
        [bulk.left + (bulk.right - bulk.left) * share, [0.1, 0.7], bulk.right - (bulk.right - bulk.left) * share]
    )
    x = x[(x > bulk.left) & (x < bulk.right)]
    found = table_of(law).solve(x, np.zeros(x.size, int))
    assert found.good.all()
    assert np.all(found.u.imag > 0)
    fine = polished(law._root, x + 0j, found)
    with mpmath.workdps(60):
        for i in range(x.size):
            true = CLOSED[name](mpmath.mpf(x[i]))
            assert abs(mpmath.mpf(fine.m[i].imag) - true) <= 2e-12 * true


@pytest.mark.parametrize(
    ("name", "nearest"), [("fuss-catalan", -15), ("five orders of magnitude", -14), ("density", -7)]
)
def test_nothing_is_left_open_near_edges(name: str, nearest: int) -> None:
    law = LAWS[name]
    table = table_of(law)
    share = np.concatenate([10.0 ** np.arange(nearest, 0), 1 - 10.0 ** np.arange(max(nearest, -12), 0)])
    for number, bulk in enumerate(law._bulks):
        x = bulk.left + (bulk.right - bulk.left) * share
        found = table.solve(x, np.full(x.size, number))
        assert found.good.all()
        assert np.all(found.m.imag > 0)


def test_bulks_of_one_table_are_those_of_tables_of_their_own() -> None:
    law = LAWS["four bulks"]
    whole = table_of(law)
    for number, bulk in enumerate(law._bulks):
        alone = BulkTable(law._root, [bulk])
        x = np.linspace(bulk.left, bulk.right, 33)[1:-1]
        here, there = whole.solve(x, np.full(31, number)), alone.solve(x, np.zeros(31, int))
        assert np.all(here.good & there.good)
        np.testing.assert_allclose(here.m, there.m, rtol=1e-12)
    assert np.unique(np.floor_divide(whole.angles, PERIOD)).tolist() == [0.0, 1.0, 2.0, 3.0]
