"""Roots in decimals, folds, and the shape of the nested curve."""

from __future__ import annotations

import math
from decimal import Decimal

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse.equations.operations import DECIMAL
from rmtcollapse.equivalents.nested_curves import Nested, NestedTensor
from rmtcollapse.equivalents.tensor_curves import fold, ground_state, precise, root, shares, spiked_point
from rmtcollapse.errors import ConvergenceError


@pytest.mark.parametrize("digits", [20, 50, 200])
def test_roots_have_the_digits_asked_for(digits: int) -> None:
    with precise(digits):
        found = root(lambda x: x * x - 2, Decimal("1e-30"), Decimal("1e40"))
        assert abs(found / Decimal(2).sqrt() - 1) < Decimal(10) ** (8 - digits)
        # Exact zeros, at an end and inside.
        assert root(lambda x: x - 1, Decimal(1), Decimal(3)) == 1
        assert root(lambda x: x - 3, Decimal(1), Decimal(3)) == 3
        assert root(lambda x: x - 2, Decimal(1), Decimal(3)) == 2


def test_a_steep_and_a_flat_root() -> None:
    with precise(50):
        steep = root(lambda x: x.ln(), Decimal("1e-300"), Decimal("1e300"))
        assert abs(steep - 1) < Decimal("1e-42")
        flat = root(lambda x: (x - 1) ** 2 - Decimal("1e-20"), Decimal(1), Decimal(2))
        assert abs(flat - 1 - Decimal("1e-10")) < Decimal("1e-36")


def test_no_sign_change_is_refused() -> None:
    with precise(50), pytest.raises(ConvergenceError, match="no sign change from 1 to 3;"):
        root(lambda x: x * x + 1, Decimal(1), Decimal(3))


@pytest.mark.parametrize("order", [2, 3, 4, 9])
def test_the_fold_of_equal_sizes(order: int) -> None:
    with precise(50):
        c = shares([5] * order)
        # s = r (d-2)/d and r^2 = s^2 + 4/d.
        expected = Decimal(order - 2) / (Decimal(order) * (order - 1)).sqrt()
        assert abs(fold(c) - expected) < Decimal("1e-42")
        at = spiked_point(c, Decimal("1e-3"))
        # The edge of the bulk is that of the d-spin model.
        assert abs(at.singular_value - 2 * (Decimal(order - 1) / order).sqrt()) < Decimal("1e-42")


def test_strength_and_singular_value_are_stationary_together() -> None:
    with precise(50):
        c = shares([3, 9, 4, 1])
        s = fold(c)

        def curve(x: Decimal) -> tuple[Decimal, Decimal]:
            r = [(x * x + 4 * y).sqrt() for y in c]
            strength = x
            for y in r:
                strength *= ((x + y) / (2 * x)).sqrt()
            return strength, x + sum((y - x) / 2 for y in r)

        step = Decimal("1e-12")
        for low, high in zip(curve(s * (1 - step)), curve(s * (1 + step)), strict=True):
            assert abs(high / low - 1) < Decimal("1e-34")


def test_ground_states_are_known() -> None:
    with precise(50):
        assert float(ground_state(3)) == pytest.approx(1.656998363527, abs=6e-13)
        assert float(ground_state(2)) == math.sqrt(2)


def test_the_nested_curve_has_one_minimum_at_most() -> None:
    rng = np.random.default_rng(3)
    for _ in range(60):
        sizes = tuple(int(n) for n in 10 ** rng.uniform(0, 4, 3))
        with precise(30):
            curve = NestedTensor(Nested(sizes, Decimal(1), Decimal(10 ** rng.uniform(-4, 4))))
            signs = [curve.state(Decimal(float(x))).slope(curve.c[2]) > 0 for x in np.geomspace(1e-7, 1e3, 25)]
        assert sorted(signs) == signs
        assert signs[-1]
        assert signs[0] == curve.continuous or float(curve.edge.S) < 1e-7


def test_the_tangent_of_the_nested_curve() -> None:
    with precise(50):
        curve = NestedTensor(Nested((3, 5, 2), Decimal(1), Decimal("0.7")))
        x, step = Decimal("0.37"), Decimal("1e-14")
        rise = (curve.state(x * (1 + step)).energy / curve.state(x * (1 - step)).energy).ln() / (2 * step)
        assert abs(rise / (curve.state(x).slope(curve.c[2]) * x) - 1) < Decimal("1e-24")


def test_decimal_arithmetic() -> None:
    with precise(40):
        assert abs(DECIMAL.sqrt(Decimal(2)) ** 2 - 2) < Decimal("1e-38")
        assert float(DECIMAL.normal_cdf(Decimal(1))) == pytest.approx(float(mp.ncdf(1)), rel=1e-15)
        with pytest.raises(NotImplementedError, match="decimal"):
            DECIMAL.inverse(Decimal(2))
