"""Residual Jacobians: verified values, moments, a distance from zero, experiments."""

from __future__ import annotations

import pytest

from rmtcollapse import simulate
from rmtcollapse.models import ResidualJacobian


def test_verified_case() -> None:
    found = ResidualJacobian(depth=10, branch_variance=0.1).theory()
    assert found["largest_singular_value"] == pytest.approx(4.1852079510423780494, rel=1e-13)
    assert found["mean_square"] == pytest.approx(2.5937424601, rel=1e-13)


@pytest.mark.parametrize(("depth", "variance", "largest"), [(1, 1.0, 2.5981), (3, 0.3, None)])
def test_layers_are_as_large_as_the_theory_says(depth: int, variance: float, largest: float | None) -> None:
    model = ResidualJacobian(depth=depth, branch_variance=variance, width=120)
    theory, found = model.theory(), simulate(model, trials=20, seed=1)
    for name, rate in (("mean_square", 1.0), ("fourth_moment_ratio", 1.0), ("largest_singular_value", 2 / 3)):
        gap = abs(found[name].mean - theory[name])
        assert gap < 4 * found[name].standard_error + 2 / 120**rate * theory[name], name
    if largest:
        assert theory["largest_singular_value"] == pytest.approx(largest, abs=5e-5)


def test_small_branches_keep_singular_values_from_zero_at_any_depth() -> None:
    for depth in (1, 5, 50):
        law = ResidualJacobian(depth=depth, branch_variance=1 / depth / 4).law()
        assert law.support()[0][0] > 0.05
        assert law.support()[0][1] < 12
