"""Batches of unknown mixture: recorded values, limits, rates, the experiment."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rmtcollapse import ParameterError, simulate
from rmtcollapse.models import CategoricalRecursion, MixedBatches


def batches(samples: int = 40, generations: int = 16, real_fraction: float = 0.2, **given: Any) -> MixedBatches:
    law = 1 / np.arange(1.0, 7)
    return MixedBatches(
        probabilities=law / law.sum(), samples=samples, generations=generations, real_fraction=real_fraction, **given
    )


def test_recorded_values() -> None:
    """The records count generations from the first batch."""
    assert batches().theory()["squared_distance"] == pytest.approx(0.04994292594674386, rel=1e-14)
    pooled = batches(workflow="accumulate").theory()
    assert pooled["squared_distance"] == pytest.approx(0.013253863494181579, rel=1e-14)


def test_no_real_data_is_the_recursive_categorical_law() -> None:
    model = batches(real_fraction=0.0)
    alone = CategoricalRecursion(probabilities=model.probabilities, generations=16, synthetic_samples=40).theory()
    for name in ("squared_distance", "collision_probability"):
        assert model.theory()[name] == pytest.approx(alone[name], rel=1e-14)


def test_accumulation_without_real_data_tends_to_a_sine() -> None:
    x = math.pi / math.sqrt(40)
    unlike = 1 - np.sum(batches().probabilities ** 2)
    found = batches(generations=5000, real_fraction=0.0, workflow="accumulate").theory()["squared_distance"]
    assert found == pytest.approx(unlike * (1 - math.sin(x) / x), rel=3e-4)


@pytest.mark.parametrize(("fraction", "rate"), [(0.1, 0.2), (0.25, 0.5), (0.8, 1.0)])
def test_rates_of_accumulation(fraction: float, rate: float) -> None:
    near, far = (batches(generations=t, real_fraction=fraction, workflow="accumulate").theory() for t in (4000, 16000))
    slope = math.log(near["squared_distance"] / far["squared_distance"]) / math.log(4)
    assert slope == pytest.approx(rate, abs=0.02)


@pytest.mark.parametrize("workflow", ["replace", "accumulate"])
def test_the_experiment_agrees(workflow: str) -> None:
    for samples in (10, 30):
        model = batches(samples, 5, workflow=workflow)
        theory, found = model.theory(), simulate(model, 1200, seed=3)
        for name, estimate in found.items():
            assert abs(estimate.mean - theory[name]) <= 4.5 * estimate.standard_error, name


def test_bad_input_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"real_fraction = -0\.1"):
        batches(real_fraction=-0.1)
    with pytest.raises(ParameterError, match=r"the sum of probabilities = 1\.5"):
        MixedBatches(probabilities=np.array([1.0, 0.5]), samples=3, generations=1, real_fraction=0.5)
