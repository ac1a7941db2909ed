"""`rmtcollapse density` as a user meets it: numbers of the Python API, strict JSON, pictures, one-line refusals."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from rmtcollapse import experiments, spectra

TWO = "sample-covariance:atoms=1;8,ratio=1/10"
LAW = spectra.SampleCovariance(spectra.Atoms([1, 8]), 0.1)


@pytest.fixture
def cli(command_line):  # type: ignore[no-untyped-def]
    """A function that runs `density` and gives its exit code, standard output and standard error."""
    return partial(command_line, "density")


def test_values_are_those_of_the_python_api(strict, cli) -> None:  # type: ignore[no-untyped-def]
    code, out, err = cli(TWO, "--json", "--points", "30")
    found = strict(out)
    assert (code, err) == (0, "")
    np.testing.assert_allclose(found["support"], LAW.support(), rtol=1e-14)
    np.testing.assert_allclose(found["masses"], LAW.masses(), rtol=1e-12)
    np.testing.assert_allclose(found["density"], LAW.density(found["x"]), rtol=1e-12)
    assert (found["mean"], found["variance"]) == pytest.approx((LAW.mean, LAW.variance), rel=1e-13)
    assert len(found["x"]) == 60
    assert all(left < x < right for i, (left, right) in enumerate(found["support"]) for x in found["x"][30 * i :][:30])


def test_a_closed_form(strict, cli) -> None:  # type: ignore[no-untyped-def]
    """Marchenko-Pastur at ratio 1: the density is sqrt(x (4 - x)) / (2 pi x), which diverges at 0."""
    code, out, _ = cli("marchenko-pastur:ratio=1", "--at", "-1,0,1,2,4", "--json")
    found = strict(out)
    assert code == 0
    assert found["density"][1] is None
    assert found["divergent"] == [0]
    wanted = [0, np.sqrt(3) / (2 * np.pi), 1 / (2 * np.pi), 0]
    np.testing.assert_allclose([found["density"][i] for i in (0, 2, 3, 4)], wanted, rtol=1e-14)
    assert "inf" in cli("marchenko-pastur:ratio=1", "--at", "0")[1]


def test_text_names_law_atoms_and_bulks(cli) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = cli("marchenko-pastur:ratio=2", "--at", "1")
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "MarchenkoPastur(ratio=2)"
    assert lines[1] == "mean 1, variance 2"
    assert lines[2] == "atom at 0, mass 0.5"
    left, right = (1 - np.sqrt(2)) ** 2, (1 + np.sqrt(2)) ** 2
    assert lines[3].startswith(f"bulk from {left:.13g}")
    assert f"to {right:.14g}"[:-1] in lines[3]
    assert lines[3].endswith("mass 0.5")
    assert lines[4].split() == ["x", "density"]
    assert float(lines[5].split()[1]) == pytest.approx(np.sqrt((right - 1) * (1 - left)) / (4 * np.pi), rel=1e-11)


def test_laws_of_atoms_have_no_density(strict, cli) -> None:  # type: ignore[no-untyped-def]
    found = strict(cli("atoms:values=1;3,weights=0.25;0.75", "--json")[1])
    assert (found["support"], found["x"], found["density"]) == ([], [], [])
    assert found["atoms"] == [[1, 0.25], [3, 0.75]]
    assert strict(cli("atoms:values=1", "--at", "1", "--json")[1])["density"] == [0]


def test_a_matrix_is_that_of_its_seed(strict, cli) -> None:  # type: ignore[no-untyped-def]
    found = strict(cli(TWO, "--matrix", "40", "--seed", "3", "--json")[1])
    np.testing.assert_allclose(found["eigenvalues"], experiments.eigenvalues(LAW, 40, 3), rtol=1e-12)
    assert strict(cli(TWO, "--json")[1])["eigenvalues"] is None


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_pictures_are_saved_beside_the_numbers(strict, cli, tmp_path: Path, kind: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / f"law.{kind}"
    code, out, err = cli(TWO, "--matrix", "50", "--plot", str(path), "--json")
    assert (code, err) == (0, "")
    assert len(strict(out)["eigenvalues"]) == 50
    assert path.read_bytes().startswith({"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[kind])


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "LAW"),
        ([TWO, TWO], "unexpected"),
        (["semicirle"], "did you mean 'semicircle'"),
        ([TWO, "--at", ""], "at = ''"),
        ([TWO, "--at", "1,,2"], "at = '1,,2'"),
        ([TWO, "--at", "nan"], "at = 'nan'"),
        ([TWO, "--at", "1,inf"], "finite"),
        ([TWO, "--at", "1e400"], "finite"),
        ([TWO, "--at", "1_0"], "at = '1_0'"),
        ([TWO, "--at", "__import__('os')"], "at = "),
        ([TWO, "--points", "0"], "points = 0"),
        ([TWO, "--points", "1000001"], "points = 1000001"),
        ([TWO, "--points", "many"], "--points"),
        ([TWO, "--matrix", "0"], "matrix = 0"),
        ([TWO, "--matrix", "-5"], "matrix = -5"),
        ([TWO, "--matrix", "10001"], "matrix = 10001"),
        ([TWO, "--matrix", "5", "--seed", "-1"], "seed = -1"),
        (["marchenko-pastur:ratio=1e9", "--matrix", "3"], "size = 3"),
        ([TWO, "--plot", "law.bmp"], "law.bmp"),
        ([TWO, "--plot", "nowhere/law.png"], "nowhere"),
        ([TWO, "--plt", "law.png"], "--plt"),
        (["(" * 3000 + "semicircle" + ")" * 3000], "too large"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(cli, words: list[str], part: str) -> None:  # type: ignore[no-untyped-def]
    code, out, err = cli(*words)
    assert (code, out) == (2, "")
    assert err.startswith("rmtcollapse: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert part in err


def test_a_folder_is_not_a_picture(cli, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "law.png"
    folder.mkdir()
    code, out, err = cli(TWO, "--plot", str(folder))
    assert (code, out, err.count("\n")) == (2, "", 1)
