"""Shares, noises and rows of mixtures of real and synthetic data."""

from __future__ import annotations

import numpy as np
import pytest

from rmtcollapse.errors import ParameterError
from rmtcollapse.models._mixture import check_rows, mean_noise, mixture_arguments, noise_scales

VALUES = {"real_samples": 3, "synthetic_samples": 1, "noise_variance": 0.25, "synthetic_noise_variance": 4.0}


def test_shares_and_noises() -> None:
    args = mixture_arguments(VALUES)
    assert (args["samples"], args["real_fraction"], args["synthetic_fraction"]) == (4, 0.75, 0.25)
    assert mean_noise(args) == 0.75 * 0.25 + 0.25 * 4.0
    assert noise_scales(VALUES).tolist() == [0.5, 0.5, 0.5, 2.0]


def test_synthetic_rows_have_the_noise_of_the_others_if_not_given() -> None:
    values = {**VALUES, "synthetic_noise_variance": None}
    assert mean_noise(mixture_arguments(values)) == 0.25
    assert noise_scales(values).tolist() == [0.5] * 4


def test_no_rows_are_refused() -> None:
    check_rows(VALUES)
    for real in (0, np.array([3, 0])):
        with pytest.raises(ParameterError, match="real_samples"):
            check_rows({**VALUES, "real_samples": real, "synthetic_samples": 0})
