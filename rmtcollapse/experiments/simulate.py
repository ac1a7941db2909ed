"""Means of finite-size experiments with their standard errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ParameterError
from rmtcollapse.experiments.executors import default_executor, run_all, seed_sequence, track
from rmtcollapse.experiments.protocol import ExperimentModel, refuse_no_model

__all__ = ["Estimate", "Simulation", "draws", "simulate", "validated_trials"]

_BATCH = 32


@dataclass(frozen=True)
class Estimate:
    """Mean of a measured value over independent trials, and the standard error of that mean; arrays for an array."""

    mean: Any
    standard_error: Any
    trials: int

    def __str__(self) -> str:
        pairs = zip(np.ravel(self.mean), np.ravel(self.standard_error), strict=True)
        return f"{', '.join(f'{m:.6g} ± {e:.2g}' for m, e in pairs)} ({self.trials} trials)"


class Simulation(Mapping[str, Estimate]):
    """Estimates by name; ``simulation[name].mean``, ``.standard_error``, ``.trials``.

    ``draws`` has the raw values, (trials, ...) for each name.
    """

    def __init__(self, samples: Mapping[str, NDArray[np.float64]]) -> None:
        self.draws = dict(samples)

    def __getitem__(self, name: str) -> Estimate:
        if name not in self.draws:
            raise KeyError(f"{name}: this simulation has {', '.join(self.draws)}")
        values = self.draws[name]
        mean = values.mean(axis=0)
        spread = values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.full_like(mean, np.inf)
        if mean.ndim:
            return Estimate(mean, spread, len(values))
        return Estimate(float(mean), float(spread), len(values))

    def __iter__(self) -> Iterator[str]:
        return iter(self.draws)

    def __len__(self) -> int:
        return len(self.draws)


def _one(model: ExperimentModel, seed: np.random.SeedSequence) -> dict[str, Any]:
    return dict(model.draw(np.random.default_rng(seed)))


def validated_trials(trials: int) -> int:
    """`trials` as an integer of at least 2 (one trial has no standard error)."""
    if isinstance(trials, bool) or not isinstance(trials, int | np.integer) or trials < 2:
        raise ParameterError("trials", trials, "an integer >= 2")
    return int(trials)


def draws(
    model: ExperimentModel, seeds: list[np.random.SeedSequence], executor: Executor, description: str, progress: bool
) -> dict[str, NDArray[np.float64]]:
    """One experiment for each seed: measured values by name, (trials, ...) each."""
    rows: list[dict[str, Any]] = []
    with track(description, len(seeds), progress) as advance:
        for start in range(0, len(seeds), _BATCH):
            batch = seeds[start : start + _BATCH]
            rows += run_all(executor, _one, [(model, s) for s in batch])
            advance(len(batch))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def simulate(
    model: ExperimentModel,
    trials: int = 100,
    seed: int | np.random.SeedSequence = 0,
    executor: Executor | None = None,
    progress: bool = False,
) -> Simulation:
    """Repeat the model's finite-size experiment.

    Parameters
    ----------
    model : model
        What to draw.
    trials : int
        Independent repetitions, at least 2.
    seed : int
        Seed of the run; each trial spawns its own from it, so the result is the same on any executor.
    executor : concurrent.futures.Executor, optional
        Where trials run; threads, one a core, if not given. Left open.
    progress : bool
        Show a progress bar on standard error.

    Raises
    ------
    ParameterError
        For trials < 2 or a negative seed.
    """
    refuse_no_model(model)
    seeds = seed_sequence(seed).spawn(validated_trials(trials))
    with default_executor(executor) as pool:
        return Simulation(draws(model, seeds, pool, f"simulating {model.name()}", progress))
