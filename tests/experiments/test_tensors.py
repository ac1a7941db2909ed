"""The laboratory of tensors: contractions, unfoldings, the power iteration, labels."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rmtcollapse.experiments.tensors import (
    contracted,
    draw_nested,
    estimated,
    hosvd_start,
    label_values,
    outer,
    rank_one,
    signs,
    unfolded,
)


def test_contractions_and_unfoldings() -> None:
    rng = np.random.default_rng(0)
    a, b, c, d = vectors = [signs(n, rng) for n in (2, 3, 4, 5)]
    tensor = rng.standard_normal((2, 3, 4, 5))
    for mode, expected in enumerate((
        np.einsum("abcd,b,c,d->a", tensor, b, c, d), np.einsum("abcd,a,c,d->b", tensor, a, c, d),
        np.einsum("abcd,a,b,d->c", tensor, a, b, d), np.einsum("abcd,a,b,c->d", tensor, a, b, c),
    )):  # fmt: skip
        np.testing.assert_allclose(contracted(tensor, vectors, mode), expected, rtol=1e-12, atol=1e-14)
    assert unfolded(tensor, 2).shape == (4, 30)
    np.testing.assert_array_equal(unfolded(tensor, 2)[3], tensor[:, :, 3].ravel())


def test_a_tensor_of_rank_one_is_found() -> None:
    rng = np.random.default_rng(0)
    vectors = [signs(n, rng) for n in (2, 3, 4, 5)]
    assert all(np.linalg.norm(v) == pytest.approx(1, rel=1e-15) for v in vectors)
    tensor = 3 * outer(vectors)
    for start in ([rng.standard_normal(n) for n in tensor.shape], hosvd_start(tensor)):
        value, found = rank_one(tensor, start)
        assert value == pytest.approx(3, rel=1e-12)
        assert all(abs(u @ x) == pytest.approx(1, rel=1e-12) for u, x in zip(found, vectors, strict=True))


def test_at_order_two_the_power_iteration_is_a_singular_value_decomposition() -> None:
    rng = np.random.default_rng(1)
    matrix = rng.standard_normal((8, 5))
    left, values, right = np.linalg.svd(matrix)
    value, (u, v) = rank_one(matrix, hosvd_start(matrix))
    assert value == pytest.approx(values[0], rel=1e-10)
    assert abs(u @ left[:, 0]) == pytest.approx(1, rel=1e-8)
    assert abs(v @ right[0]) == pytest.approx(1, rel=1e-8)


def test_without_noise_all_estimators_are_right() -> None:
    tensor, signal = draw_nested((6, 8, 4), 1e6, 1e6, np.random.default_rng(2))
    for estimator in ("tensor", "unfolding", "known-weights"):
        for mode in range(3 if estimator != "known-weights" else 2):
            value, estimate = estimated(estimator, tensor, signal, mode)
            assert value == pytest.approx(1e12, rel=1e-5)
            assert label_values(estimate, signal[mode]) == pytest.approx({"alignment": 1.0, "accuracy": 1.0}, rel=1e-9)


def test_labels_are_counted_up_to_their_sign() -> None:
    truth = np.array([1.0, -1, 1, 1, -1, -1]) / math.sqrt(6)
    estimate = -truth * np.array([1, 1, 1, 1, -0.5, 1])
    estimate /= np.linalg.norm(estimate)
    assert label_values(estimate, truth)["accuracy"] == pytest.approx(5 / 6)
    assert label_values(np.ones(1), -np.ones(1)) == {"alignment": 1.0, "accuracy": 1.0}


def test_a_blind_estimate_is_right_half_of_the_time() -> None:
    rng = np.random.default_rng(3)
    truth = signs(6, rng)
    found = [label_values(rng.standard_normal(6), truth)["accuracy"] for _ in range(4000)]
    assert np.mean(found) == pytest.approx(0.5, abs=4 * np.std(found) / math.sqrt(4000))
