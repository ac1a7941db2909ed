"""Tokens from power laws: every probability, within the table and beyond it, with a cut and without."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import zeta
from scipy.stats import binom

from rmtcollapse.experiments.tokens import PowerLawTokens

SIZE = 200_000


def draw(exponent: float, last: int | None = None) -> np.ndarray:
    return PowerLawTokens(exponent, last).draw(SIZE, np.random.default_rng(7))


def assert_count(count: int, share: float) -> None:
    """Within the range that a right share leaves with a chance of one in a hundred thousand."""
    low, high = binom.ppf([5e-6, 1 - 5e-6], SIZE, share)
    assert low <= count <= high, (count / SIZE, share)


@pytest.mark.parametrize("exponent", [1.1, 1.5, 3.0])
def test_without_a_cut(exponent: float) -> None:
    tokens = draw(exponent)
    assert np.array_equal(tokens, np.rint(tokens))
    whole = zeta(exponent, 1.0)
    for token in (1, 2, 7):
        assert_count(np.sum(tokens == token), token**-exponent / whole)
    for rank in (10, 1000, 10**5, 131_072, 131_073, 10**6, 10**8, 10**12):
        assert_count(np.sum(tokens > rank), zeta(exponent, rank + 1.0) / whole)


@pytest.mark.parametrize("last", [1, 5, 131_072, 10**7])
def test_with_a_cut(last: int) -> None:
    tokens = draw(1.1, last)
    assert tokens.min() == 1
    assert tokens.max() <= last
    whole = zeta(1.1, 1.0) - zeta(1.1, last + 1.0)
    for rank in (1, 3, 1000, 10**6):
        if rank < last:
            assert_count(np.sum(tokens > rank), (zeta(1.1, rank + 1.0) - zeta(1.1, last + 1.0)) / whole)


def test_mass_is_that_of_the_whole_law() -> None:
    law = PowerLawTokens(2.0)
    assert law.mass(np.array([1.0])) == pytest.approx(6 / np.pi**2, rel=1e-14)
    assert law.mass(np.arange(1.0, 10**6)) == pytest.approx(1 - 6e-6 / np.pi**2, rel=1e-11)
    assert law.mass(np.array([])) == 0
