"""The eigenbasis that covariances share: found where there is one, and nothing changes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import toeplitz

from rmtcollapse.equivalents.eigenbasis import shared_eigenbasis
from rmtcollapse.models import BaggedLSSVM, NoisyLabels

D = 120
C = toeplitz(0.6 ** np.arange(D))


def test_powers_of_a_matrix_share_its_eigenvectors() -> None:
    matrices = [C, C @ C, np.eye(D), C]
    found = shared_eigenbasis(matrices)
    assert found is not None
    vectors, diagonals = found
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(D), atol=1e-13)
    for matrix, values in zip(matrices, diagonals, strict=True):
        np.testing.assert_allclose(vectors * values @ vectors.T, matrix, atol=1e-13 * np.linalg.norm(matrix, 2))


def test_eigenvalues_of_a_degenerate_covariance_are_not_negative() -> None:
    factor = np.random.default_rng(0).standard_normal((D, 30))
    found = shared_eigenbasis([factor @ factor.T])
    assert found is not None
    assert found[1][0].min() >= 0


@pytest.mark.parametrize(
    "matrices",
    [
        [C, np.diag(np.linspace(1.0, 2.0, D))],
        [C, C + 1e-9 * np.diag(np.linspace(1.0, 2.0, D))],
        [C[:20, :20]],
        [C * np.outer(np.geomspace(1, 1e3, D), np.geomspace(1, 1e3, D))],
    ],
    ids=["do not commute", "hardly commute", "small", "in different units"],
)
def test_none_where_matrices_serve_better(matrices: list[np.ndarray]) -> None:
    assert shared_eigenbasis(matrices) is None


@pytest.mark.parametrize(("samples", "ridge"), [(200, 0.1), (200, 0.0), (50, 0.0)])
def test_the_same_values_in_either_form(samples: int, ridge: float, monkeypatch: pytest.MonkeyPatch) -> None:
    mean = np.cos(np.arange(D)) / 8
    noisy = NoisyLabels(mean=mean, covariance=C, samples=samples, ridge=ridge, flip_positive=0.1, flip_negative=0.2)
    bagged = BaggedLSSVM(means=np.array([mean, -0.5 * mean]), covariances=np.array([C, C @ C]), samples=samples,
                         subset_samples=samples // 2, learners=2, ridge=ridge, intercept=True)  # fmt: skip
    quick = [dict(m.theory()) for m in (noisy, bagged)]
    monkeypatch.setattr("rmtcollapse.equivalents.eigenbasis._LEAST", 10**9)
    for found, model in zip(quick, (noisy, bagged), strict=True):
        for name, value in model.theory().items():
            assert found[name] == pytest.approx(value, rel=1e-12), name
