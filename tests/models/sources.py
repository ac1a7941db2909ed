"""Sources for tests: covariances that do not commute, targets that differ."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rmtcollapse.models import WeightedSources


def wishart(d: int, rng: np.random.Generator, rank: int | None = None) -> np.ndarray:
    root = rng.standard_normal((d, rank or 2 * d))
    return np.asarray(root @ root.T / root.shape[1])


def random_sources(rows: tuple[int, ...], d: int, ridge: float, seed: int = 0, **changes: Any) -> WeightedSources:
    """Covariances that do not commute, targets that differ, a test metric of its own."""
    rng, count = np.random.default_rng(seed), len(rows)
    given = {
        "covariances": np.array([wishart(d, rng) for _ in rows]),
        "samples": np.array(rows),
        "noise_variances": rng.uniform(0.1, 1.0, count),
        "weights": rng.uniform(0.3, 2.0, count),
        "targets": rng.standard_normal((count, d)) / math.sqrt(d),
        "ridge": ridge,
        "test_covariance": wishart(d, rng),
        "test_target": rng.standard_normal(d) / math.sqrt(d),
    }
    return WeightedSources(**{**given, **changes})
