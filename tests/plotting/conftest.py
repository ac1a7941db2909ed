"""What tests of plots share: figures are closed after each; a small model."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import matplotlib as mpl
import pytest

from rmtcollapse import Spectrum, models

mpl.use("Agg")

import matplotlib.pyplot as plt


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close what a test drew."""
    yield
    plt.close("all")


@pytest.fixture
def ridge() -> Callable[..., models.RidgeRegression]:
    """A function that makes a small ridge regression, some of it changed."""
    given = {"spectrum": Spectrum.isotropic(20), "samples": 30, "ridge": 0.1, "noise_variance": 0.5}
    return lambda **changes: models.RidgeRegression(**{**given, **changes})
