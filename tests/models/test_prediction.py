"""A prediction is a mapping of its values that also gives the unknowns behind them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from rmtcollapse import Spectrum, models
from rmtcollapse.models._prediction import Prediction

MADE = Prediction({"error": 2.0, "kappa": 0.25}, {"kappa": 0.25, "rho": 0.5}, 1e-16, 2e-15, "converged", ("ridge",))


def test_iteration_runs_over_the_values_only() -> None:
    assert isinstance(MADE, Mapping)
    assert list(MADE) == list(MADE.keys()) == ["error", "kappa"]
    assert dict(MADE) == dict(MADE.items()) == {"error": 2.0, "kappa": 0.25}
    assert len(MADE) == 2


def test_values_is_that_of_a_mapping() -> None:
    assert list(MADE.values()) == [2.0, 0.25]


def test_unknowns_are_found_by_name() -> None:
    assert MADE["rho"] == 0.5
    assert MADE.get("rho") == 0.5
    assert "rho" in MADE
    assert MADE.get("sigma") is None


def test_a_missing_name_lists_those_there_are() -> None:
    with pytest.raises(KeyError, match="sigma: this prediction has error, kappa"):
        MADE["sigma"]


def test_frozen() -> None:
    with pytest.raises(AttributeError):
        MADE.status = "doubtful"  # type: ignore[misc]


def test_evidence_has_defaults_for_values_without_equations() -> None:
    bare = Prediction({"error": 1.0})
    assert (bare.residual, bare.certificate, bare.status, bare.regimes, bare.digits) == (
        0.0,
        0.0,
        "converged",
        (),
        None,
    )


def test_a_model_hands_out_values_unknowns_and_evidence() -> None:
    model = models.RidgeRegression(spectrum=Spectrum.isotropic(20), samples=30, ridge=0.1, noise_variance=1.0)
    theory = model.theory()
    assert "residual_fraction" not in list(theory)
    # kappa * rho = lambda is one of the two equations that were solved.
    assert theory["effective_ridge"] * theory["residual_fraction"] == pytest.approx(0.1, rel=1e-15)
    assert theory.regimes == ("ridge",)
