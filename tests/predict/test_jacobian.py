"""Weights of one's own: random ones are told to be random, planted directions are found, files are refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rmtcollapse import ParameterError
from rmtcollapse.predict import Weights, predict_jacobian, read_weights


def random_weights(seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    sparse = rng.normal(size=(80, 100)) * (rng.random((80, 100)) < 0.4)
    return [rng.normal(size=(100, 150)) / 10, sparse / 5, rng.normal(size=(60, 80)) / 9]


def test_random_weights_look_random() -> None:
    for seed in range(3):
        found = predict_jacobian(Weights.of(random_weights(seed)))
        for layer in (*found.layers, found.product):
            assert layer.outliers == (0, 0), layer.name
            assert layer.distance < 0.08
            assert layer.measured[-1] == pytest.approx(layer.edges[1], rel=0.2)
    assert found.layers[1].sparsity == pytest.approx(0.6, abs=0.03)
    assert found.product.shape == (60, 150)


def test_the_edges_are_those_of_marchenko_and_pastur() -> None:
    layer = predict_jacobian(Weights.of(random_weights())).layers[0]
    size = np.sqrt(layer.mean_square)
    assert layer.edges == pytest.approx((size * (150**0.5 - 10), size * (150**0.5 + 10)), rel=1e-10)


def test_the_product_has_the_second_moment_of_the_free_product() -> None:
    found = predict_jacobian(Weights.of(random_weights()))
    first, second = found.product.law.moments(2)
    scale = np.prod([layer.mean_square * layer.shape[1] for layer in found.layers])
    assert first == pytest.approx(scale)
    assert second / first**2 == pytest.approx(1 + 60 / 150 + 60 / 100 + 60 / 80)
    assert np.mean(found.product.measured**2) == pytest.approx(first, rel=0.1)


def test_planted_directions_are_counted() -> None:
    weights = random_weights()
    rng = np.random.default_rng(5)
    for _ in range(2):
        weights[0] = weights[0] + 0.1 * np.outer(rng.normal(size=100), rng.normal(size=150))
    found = predict_jacobian(Weights.of(weights))
    assert found.layers[0].outliers[1] == 2
    assert found.layers[2].outliers == (0, 0)
    assert found.product.outliers[1] >= 1
    assert "+ 2" in found.report


def test_narrow_layers_leave_null_values_out() -> None:
    rng = np.random.default_rng(0)
    found = predict_jacobian(Weights.of([rng.normal(size=(20, 90)), rng.normal(size=(90, 20))]))
    assert found.product.measured.size == 20
    assert found.product.measured[0] > 1e-6
    assert found.product.outliers[1] == 0
    json.dumps(found.to_dict(), allow_nan=False)


def test_files(tmp_path: Path) -> None:
    weights = random_weights()
    np.savez(tmp_path / "w.npz", first=weights[0], bias=np.zeros(100), second=weights[1], third=weights[2])
    read = read_weights(tmp_path / "w.npz")
    assert read.names == ("first", "second", "third")
    assert not read.transposed
    np.savez(tmp_path / "t.npz", *[w.T for w in weights])
    turned = read_weights(tmp_path / "t.npz")
    assert turned.transposed
    assert np.array_equal(turned.matrices[0], weights[0])


def test_safetensors(tmp_path: Path) -> None:
    weights = [w.astype(np.float32) for w in random_weights()[:2]]
    upper = (weights[1].view(np.uint32) >> 16).astype(np.uint16)  # bfloat16: the upper half
    data = weights[0].tobytes() + upper.tobytes()
    cut = len(weights[0].tobytes())
    header = json.dumps({
        "__metadata__": {"format": "pt"},
        "two": {"dtype": "BF16", "shape": [80, 100], "data_offsets": [cut, len(data)]},
        "one": {"dtype": "F32", "shape": [100, 150], "data_offsets": [0, cut]},
    }).encode()  # fmt: skip
    (tmp_path / "w.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + data)
    read = read_weights(tmp_path / "w.safetensors")
    assert read.names == ("one", "two")
    assert np.array_equal(read.matrices[0], weights[0])
    assert read.matrices[1] == pytest.approx(weights[1], rel=0.01)
    (tmp_path / "cut.safetensors").write_bytes((10**9).to_bytes(8, "little") + header)
    with pytest.raises(ParameterError, match="cut off"):
        read_weights(tmp_path / "cut.safetensors")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ([np.ones((3, 4)), np.ones((5, 6))], "shape of weights 'layer 2'"),
        ([np.ones(3)], "two-dimensional"),
        ([np.ones((1, 4))], "at least 2"),
        ([np.array([[1.0, np.nan], [0.0, 1.0]])], r"entry \[0, 1\]"),
        ([np.zeros((3, 3))], "largest entry"),
        ([np.array([["a", "b"], ["c", "d"]])], "real numbers"),
        ([], "at least one"),
    ],
)
def test_wrong_weights_are_refused_by_name(arrays: list[np.ndarray], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Weights.of(arrays)


@pytest.mark.parametrize(("name", "content"), [("w.npz", b"no archive"), ("w.csv", b"1,2"), ("w.safetensors", b"x")])
def test_damaged_files_are_refused_in_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ParameterError, match=r"\Adata [^\n]+\Z"):
        read_weights(tmp_path / name)
    with pytest.raises(ParameterError, match="existing file"):
        read_weights(tmp_path / "none.npz")


def test_it_draws() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    axes = predict_jacobian(Weights.of(random_weights())).plot()
    assert len(axes) == 2
    assert axes[1].get_xlabel()
    plt.close("all")
