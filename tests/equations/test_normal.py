"""Functions of normal variables: double precision against mpmath, mpmath against the definitions."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest

from rmtcollapse.equations import normal_reference as reference
from rmtcollapse.equations import normal_values as values

SHARES = [1e-12, 1e-5, 0.03, 0.4, 0.9, 1 - 1e-9, 1.0]
COSINES = [0.0, 1e-9, 0.3, -0.7, 0.99, -(1 - 1e-7), 1 - 1e-13, 1.0, -1.0]


def close(got: float, exact: mp.mpf, tolerance: float = 4e-14) -> bool:
    if abs(exact) < 1e-290:
        return abs(got) < 1e-280
    return got == exact or abs(float((got - exact) / exact)) <= tolerance


@pytest.mark.parametrize("easy", [0.0, 1.0])
@pytest.mark.parametrize("share", SHARES)
def test_moments_of_the_kept_part_to_rounding(share: float, easy: float) -> None:
    with mp.workdps(40):
        bound = values.kept_bound(share, easy)
        assert close(bound, reference.kept_bound(mp.mpf(share), easy))
        exact = mp.mpf(bound)
        assert close(values.kept_square(bound, easy), reference.kept_square(exact, easy))
        for rho in COSINES:
            for name in ("kept_pull", "kept_push"):
                got = getattr(values, name)(bound, rho, easy)
                # A tail at z is known to z^2 roundings of z.
                z = bound / math.sqrt((1 - rho) * (1 + rho)) if abs(rho) < 1 else bound
                known = 4e-14 + (2**-51 * z**2 if easy else 0.0)
                assert close(got, getattr(reference, name)(exact, mp.mpf(rho), easy), known), (name, rho)


@pytest.mark.parametrize("rho", [0.6, -0.95, 1.0])
@pytest.mark.parametrize("easy", [0.0, 1.0])
def test_reference_is_what_is_defined(rho: float, easy: float) -> None:
    bound, slope = mp.mpf("0.8"), mp.mpf(rho) / mp.sqrt(1 - mp.mpf(rho) ** 2) if abs(rho) < 1 else mp.inf
    ends = [bound, 3, mp.inf] if easy else [0, bound]
    known = mp.quad(lambda g: mp.npdf(g) * 2 * g * (mp.erf(slope * g / mp.sqrt(2)) if abs(rho) < 1 else rho), ends)
    assert mp.almosteq(reference.kept_pull(bound, mp.mpf(rho), easy), known, 1e-13)
    if abs(rho) < 1:
        other = mp.quad(lambda g: mp.npdf(g) * 4 * mp.npdf(slope * g), ends)
        assert mp.almosteq(reference.kept_push(bound, mp.mpf(rho), easy), other, 1e-13)
    assert mp.almosteq(reference.kept_square(bound, easy), mp.quad(lambda g: 2 * g * g * mp.npdf(g), ends), 1e-13)


def test_bivariate_distribution_function_where_it_is_known() -> None:
    for r in COSINES:
        angle = math.atan2(math.sqrt((1 - r) * (1 + r)), -r)
        assert values.binormal_cdf(0.0, 0.0, r) == pytest.approx(angle / (2 * math.pi), rel=1e-13)
        assert values.binormal_cdf(-0.4, 40.0, r) == pytest.approx(0.5 * math.erfc(0.4 / math.sqrt(2)), rel=1e-14)
    assert values.binormal_cdf(1.2, -1.2, -1.0) == 0
    assert values.binormal_cdf(1.2, -0.2, 0.0) == pytest.approx(
        0.25 * math.erfc(-1.2 / math.sqrt(2)) * math.erfc(0.2 / math.sqrt(2)), rel=1e-15
    )


def test_bivariate_distribution_function_to_rounding() -> None:
    rng = np.random.default_rng(4)
    places = [(*rng.normal(0, 3, 2), math.copysign(1 - 10 ** -rng.uniform(0, 9), rng.normal())) for _ in range(8)]
    places += [(0.7, 0.7 + 1e-7, 1 - 1e-12), (0.7, -0.7 + 1e-7, -1 + 1e-12), (-5.0, -5.0, 0.999), (-9.0, 3.0, -0.4)]
    with mp.workdps(20):
        for place in places:
            assert close(values.binormal_cdf(*place), reference.binormal_cdf(*map(mp.mpf, place)), 2e-13), place


def test_differences_and_heights_are_rounded_once() -> None:
    third = 1 / 3
    assert values.less_product(third, third, 1.0) == 0
    assert values.less_product(1.0, 1 - 2**-53, 1 + 2**-52) == pytest.approx(-(2.0**-53), rel=1e-12)
    assert values.height(0.6, 0.8, 0.0) == pytest.approx(0.0, abs=1e-8)
    assert values.height(0.0, 0.0, 1.0) == 1
    near = 1 - 2.0**-40
    assert values.height(0.0, 0.0, near) == 1
    assert values.quotient(0.0, 0.0) == 0
