"""Real and synthetic rows in one fit: what the models of mixtures share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ParameterError

__all__ = ["check_rows", "mean_noise", "mixture_arguments", "noise_scales"]


def mixture_arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """Total of the rows, shares of both kinds, and their noises, that of synthetic rows as the other's if not given."""
    real, synthetic = np.asarray(values["real_samples"], float), np.asarray(values["synthetic_samples"], float)
    noise = values["synthetic_noise_variance"]
    return {
        "samples": real + synthetic,
        "real_fraction": real / (real + synthetic),
        "synthetic_fraction": synthetic / (real + synthetic),
        "noise_variance": values["noise_variance"],
        "synthetic_noise_variance": values["noise_variance"] if noise is None else noise,
    }


def check_rows(values: Mapping[str, Any]) -> None:
    """There must be rows to fit."""
    if np.any(np.asarray(values["real_samples"]) + np.asarray(values["synthetic_samples"]) < 1):
        raise ParameterError("real_samples", 0, "at least 1 where synthetic_samples is 0")


def mean_noise(arguments: Mapping[str, Any]) -> float:
    """Label noise of an average row, from what `mixture_arguments` gives."""
    kinds = (("real_fraction", "noise_variance"), ("synthetic_fraction", "synthetic_noise_variance"))
    return float(sum(arguments[share] * arguments[noise] for share, noise in kinds))


def noise_scales(values: Mapping[str, Any]) -> NDArray[Any]:
    """Standard deviation of the label noise of each row, real ones first, (rows,); for one model's parameters."""
    args = mixture_arguments(values)
    noises = [args["noise_variance"], args["synthetic_noise_variance"]]
    scales: NDArray[Any] = np.sqrt(np.repeat(noises, [values["real_samples"], values["synthetic_samples"]]))
    return scales
