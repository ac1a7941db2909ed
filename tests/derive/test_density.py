"""Densities on the real axis, against closed forms and the package's own laws."""

from __future__ import annotations

import numpy as np
import pytest

from rmtcollapse import ConvergenceError, ParameterError, spectra
from rmtcollapse import derive as dv

from .cases import d, n


def test_semicircle() -> None:
    W = dv.symmetric("W", d, variance=1 / d)
    x = np.array([-2.5, -1.9, 0.0, 0.3, 1.999, 2.01])
    values = dv.derive(dv.trace(W)).density(x, {d: 10})
    assert values == pytest.approx(np.sqrt(np.maximum(4 - x**2, 0)) / (2 * np.pi), rel=1e-11, abs=0)


@pytest.mark.parametrize("columns", [50, 300])
def test_sample_covariance(columns: int) -> None:
    S = dv.commuting("Sigma", d)
    X = dv.gaussian("X", n, d, colcov=S)
    law = spectra.SampleCovariance(spectra.Atoms([1, 8]), ratio=columns / 100)
    x = np.array([-1.0, 0.3, 0.9, 1.5, 6.0, 9.0, 14.0, 60.0])
    values = dv.derive(dv.trace(X.T * X / n)).density(x, {n: 100, d: columns, S: [1.0, 8.0]})
    assert values == pytest.approx(law.density(x), rel=1e-10, abs=0)


def test_free_sum() -> None:
    A, W = dv.commuting("A", d), dv.symmetric("W", d, variance=1 / d)
    law = spectra.Atoms([-1, 1]) + spectra.Semicircle(1.0)
    x = np.array([-2.0, -0.5, 0.7, 1.8, 4.0])
    values = dv.derive(dv.trace(A + W)).density(x, {d: 10, A: [-1.0, 1.0]})
    assert values == pytest.approx(law.density(x), rel=1e-10, abs=0)


def test_refusals() -> None:
    X, A = dv.gaussian("X", n, d), dv.commuting("A", d)
    with pytest.raises(ParameterError, match="one symmetric matrix"):
        dv.derive(dv.trace(A * X.T * X)).density(1.0, {n: 10, d: 10, A: [1.0]})
    with pytest.raises(ParameterError, match="one symmetric matrix"):
        dv.derive(dv.trace(X.T * X) / n).density(1.0, {n: 10, d: 10})
    with pytest.raises(ConvergenceError, match="at an edge or an atom"):
        dv.derive(dv.trace(X.T * X / n)).density(0.0, {n: 10, d: 20})
