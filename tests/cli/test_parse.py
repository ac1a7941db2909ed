"""What a user types becomes models, grids and spectra; what is wrong is refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rmtcollapse import Spectrum
from rmtcollapse.cli.parse import build_curve, build_model, model_class, parse_spectrum
from rmtcollapse.errors import MissingParameterError, ParameterError, UnknownParameterError

RIDGE = ["spectrum=isotropic:dimension=20", "samples=30", "ridge=0.1", "noise_variance=0.5"]


def test_a_model_is_what_was_typed() -> None:
    model = build_model("ridge-regression", RIDGE)
    assert model.parameters() == {
        "spectrum": Spectrum.isotropic(20),
        "samples": 30,
        "ridge": 0.1,
        "noise_variance": 0.5,
    }


def test_dashes_in_names_and_none_are_understood() -> None:
    words = [w.replace("noise_variance", "noise-variance") for w in RIDGE]
    model = build_model("recursive-regression", [*words, "generations=2", "generator-samples=none"])
    assert model.parameters()["generator_samples"] is None


@pytest.mark.parametrize(
    ("words", "error", "parts"),
    [
        ([*RIDGE, "rigde=1"], UnknownParameterError, ["rigde", "ridge"]),
        (RIDGE[:-1], MissingParameterError, ["noise_variance"]),
        ([*RIDGE, "ridge=1"], ParameterError, ["ridge", "once"]),
        ([*RIDGE[:2], "ridge=-1", RIDGE[3]], ParameterError, ["ridge", "-1", ">= 0"]),
        ([*RIDGE[:2], "ridge=nan", RIDGE[3]], ParameterError, ["ridge", "nan", "finite"]),
        ([*RIDGE[:2], "ridge=inf", RIDGE[3]], ParameterError, ["ridge", "inf", "finite"]),
        ([*RIDGE[:2], "ridge=1_0", RIDGE[3]], ParameterError, ["ridge", "1_0"]),
        ([*RIDGE[:2], "ridge=__import__('os')", RIDGE[3]], ParameterError, ["ridge", "__import__"]),
        ([RIDGE[0], "samples=3.5", *RIDGE[2:]], ParameterError, ["samples", "3.5", "integer"]),
        ([RIDGE[0], "samples=0", *RIDGE[2:]], ParameterError, ["samples", "0", ">= 1"]),
        (["spectrum"], ParameterError, ["spectrum", "name=value"]),
    ],
)
def test_refusals_name_parameter_value_and_domain(words: list[str], error: type, parts: list[str]) -> None:
    with pytest.raises(error) as caught:
        build_model("ridge-regression", words)
    message = str(caught.value)
    assert "\n" not in message
    assert all(part in message for part in parts)


def test_arrays_are_lists_of_numbers_or_files(tmp_path: Path) -> None:
    np.save(tmp_path / "covariances.npy", np.array([np.eye(2), 2 * np.eye(2)]))
    words = [
        "samples=10,20",
        "noise_variances=0.1,0.2",
        "weights=1,0.5",
        "targets=1,0;1,0.5",
        "ridge=0.1",
        "test_covariance=1,0.5;0.5,1",
        "test_target=1,0",
    ]
    typed = build_model("weighted-sources", ["covariances=1,0;0,1|2,0;0,2", *words])
    assert typed == build_model("weighted-sources", [f"covariances={tmp_path / 'covariances.npy'}", *words])
    np.testing.assert_array_equal(typed.parameters()["targets"], [[1.0, 0.0], [1.0, 0.5]])
    _, grids = build_curve("weighted-sources", ["covariances=1,0;0,1|2,0;0,2", *words[:4], "ridge=0.1,0.2", *words[5:]])
    assert list(grids) == ["ridge"]
    (tmp_path / "broken.npy").write_bytes(b"no array")
    wrong = ("1,0;0,x", "1,0;0|1", "1_0,0;0,1", str(tmp_path / "none.npy"), str(tmp_path / "broken.npy"))
    for text in wrong:
        with pytest.raises(ParameterError, match=r"\Acovariances = [^\n]+\Z"):
            build_model("weighted-sources", [f"covariances={text}", *words])


def test_truth_values_infinite_counts_and_arrays_of_several_ranks() -> None:
    words = ["samples=40", "subset_samples=9", "ridge=0.1", "resampling=subsample", "means=1,0;0,1"]
    model = build_model("bagged-lssvm", [*words, "learners=inf", "intercept=true", "covariances=1,2;2,1"])
    given = model.parameters()
    assert given["learners"] == float("inf")
    assert given["intercept"] is True
    np.testing.assert_array_equal(given["covariances"], [[1, 2], [2, 1]])
    dense = build_model("bagged-lssvm", [*words, "learners=2", "covariances=1,0;0,2|2,0;0,1"])
    np.testing.assert_array_equal(dense.parameters()["covariances"], [np.diag([1, 2]), np.diag([2, 1])])
    _, grids = build_curve("bagged-lssvm", [*words, "learners=1,2,inf", "intercept=true,false"])
    assert list(grids["intercept"]) == [True, False]
    assert list(grids["learners"]) == [1, 2, float("inf")]
    for wrong in ("intercept=1", "learners=infinity", "learners=-inf", "covariances=1,2", "priors=1"):
        others = [] if wrong.startswith("learners") else ["learners=2"]
        with pytest.raises(ParameterError, match=rf"\A{wrong.split('=')[0]} = [^\n]+\Z"):
            build_model("bagged-lssvm", [*words, *others, wrong])


def test_a_misspelt_model_has_a_suggestion() -> None:
    with pytest.raises(UnknownParameterError, match="did you mean 'ridge-regression'"):
        model_class("rigde-regression")
    with pytest.raises(UnknownParameterError):
        model_class("../../etc/passwd")


def test_a_target_shift_is_spread_over_directions() -> None:
    assert parse_spectrum("isotropic:dimension=20,target_shift=0.5") == Spectrum.isotropic(20).with_target_shift(0.5)
    shifted = parse_spectrum("power-law:dimension=4,capacity=1,source=1,target_shift=2")
    assert shifted == Spectrum.power_law(4, 1, 1).with_target_shift(2)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("isotropic", ["dimension"]),
        ("isotropic:dimension=10,target_shift=-1", ["target_shift", "-1", ">= 0"]),
        ("isotropic:dimension=ten", ["dimension", "ten"]),
        ("isotropic:dimensoin=10", ["dimensoin", "did you mean 'dimension'"]),
        ("power-law:dimension=10", ["capacity", "source"]),
        ("isotrpic:dimension=10", ["did you mean 'isotropic'"]),
        ("missing.csv", ["missing.csv", "existing file"]),
    ],
)
def test_spectra_are_refused_by_name(text: str, parts: list[str]) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_spectrum(text)
    assert all(part in str(caught.value) for part in parts)


def test_spectra_from_files(tmp_path: Path) -> None:
    wanted = Spectrum([2.0, 0.5], signal=[1.0, 3.0], multiplicities=[1, 3])
    csv, npz, npy = (tmp_path / f"law.{kind}" for kind in ("csv", "npz", "npy"))
    csv.write_text("eigenvalue,signal,multiplicity\n2,1,1\n0.5,3,3\n")
    np.savez(npz, eigenvalues=wanted.eigenvalues, signal=wanted.signal, multiplicities=wanted.multiplicities)
    np.save(npy, np.diag([2.0, 0.5]))
    assert parse_spectrum(str(csv)) == wanted
    assert parse_spectrum(str(npz)) == wanted
    assert parse_spectrum(str(npy)) == Spectrum.from_covariance(np.diag([2.0, 0.5]))


@pytest.mark.parametrize(
    "text", ["eigenvalue,signal\n1,2\n3\n", "a,b\n1,2\n", "eigenvalue\nx\n", "", "eigenvalue\n-1\n"]
)
def test_bad_spectrum_files_are_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "law.csv"
    path.write_text(text)
    with pytest.raises(ParameterError) as caught:
        parse_spectrum(str(path))
    assert "\n" not in str(caught.value)


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "law.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ParameterError, match=r"law\.npy"):
        parse_spectrum(str(path))


def test_grids() -> None:
    words = [RIDGE[0], "samples=10:1000:7:log", "ridge=1e-4:10:6:log", "noise_variance=0,0.5"]
    model, grids = build_curve("ridge-regression", words)
    np.testing.assert_array_equal(grids["samples"], [10, 22, 46, 100, 215, 464, 1000])
    np.testing.assert_allclose(grids["ridge"], np.geomspace(1e-4, 10, 6), rtol=0, atol=0)
    np.testing.assert_array_equal(grids["noise_variance"], [0, 0.5])
    assert model.parameters()["samples"] == 10


@pytest.mark.parametrize(
    "grid",
    [
        "ridge=1:2",
        "ridge=1:2:3:cubic",
        "ridge=0:1:5:log",
        "ridge=1:2:1",
        "ridge=a:b:5",
        "ridge=1:inf:5",
        "ridge=0:1:1e3",
    ],
)
def test_bad_grids_are_refused(grid: str) -> None:
    with pytest.raises(ParameterError, match="ridge"):
        build_curve("ridge-regression", [RIDGE[0], RIDGE[1], RIDGE[3], grid])


def test_a_curve_needs_a_grid() -> None:
    with pytest.raises(ParameterError, match="at least one grid"):
        build_curve("ridge-regression", RIDGE)
