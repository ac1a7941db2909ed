"""The command line as a user meets it: output, exit codes, one line for what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from rmtcollapse import Spectrum, models

RIDGE = ["ridge-regression", "spectrum=isotropic:dimension=20", "samples=30", "ridge=0.1", "noise_variance=0.5"]


@pytest.fixture
def cli(command_line):  # type: ignore[no-untyped-def]
    """A function that runs one command."""
    return command_line


def test_list_is_the_registry(strict, cli) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = cli("list", "--json")
    assert code == 0
    assert [row["name"] for row in strict(out)] == list(models.model_classes())
    assert "ridge-regression" in cli("list")[1]


def test_show_prints_parameters_equations_and_source(strict, cli) -> None:  # type: ignore[no-untyped-def]
    cls = models.RecursiveRegression
    code, out, _ = cli("show", "recursive-regression")
    assert code == 0
    assert all(name in out for name in (*cls.specs(), *cls.VALUES))
    assert cls.latex() in out
    assert cls.SOURCE in out
    assert cli("show", "recursive-regression", "--latex")[1].strip() == cls.latex()
    assert strict(cli("show", "recursive-regression", "--json")[1])["latex"] == cls.latex()


def test_theory_prints_what_python_gives(strict, cli) -> None:  # type: ignore[no-untyped-def]
    wanted = models.RidgeRegression(spectrum=Spectrum.isotropic(20), samples=30, ridge=0.1, noise_variance=0.5).theory()
    code, out, _ = cli("theory", *RIDGE, "--json")
    assert code == 0
    assert strict(out)["values"] == dict(wanted)
    assert f"{wanted['test_error']:.12g}" in cli("theory", *RIDGE)[1]


def test_theory_with_digits(strict, cli) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = cli("theory", *RIDGE, "--digits", "40", "--json")
    assert code == 0
    text = strict(out)["values"]["test_error"]
    assert len(text.replace(".", "").lstrip("0")) == 40


def test_an_infinite_value_is_null_with_its_status(strict, cli) -> None:  # type: ignore[no-untyped-def]
    words = [w.replace("samples=30", "samples=20").replace("ridge=0.1", "ridge=0") for w in RIDGE]
    code, out, _ = cli("theory", *words, "--json")
    found = strict(out)
    assert code == 0
    assert found["values"]["variance"] is None
    assert found["values"]["bias"] == 0
    assert "interpolation threshold" in found["status"]


def test_simulate(strict, cli) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = cli("simulate", *RIDGE, "--trials", "20", "--seed", "3", "--json")
    found = strict(out)["values"]["test_error"]
    assert code == 0
    assert found["trials"] == 20
    assert 0 < found["standard_error"] < found["mean"]


def test_verify_exit_code_is_the_verdict(strict, cli, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    words = [*RIDGE, "--trials", "600", "--sizes", "1,2"]
    picture = tmp_path / "verdict.png"
    code, out, _ = cli("verify", *words, "--claim", "effective_ridge=0.3", "--json")
    assert (code, strict(out)["passed"]) == (1, False)
    right = models.RidgeRegression(spectrum=Spectrum.isotropic(20), samples=30, ridge=0.1, noise_variance=0.5).theory()
    code, out, _ = cli(
        "verify", *words, "--claim", f"effective_ridge={right['effective_ridge']}", "--plot", str(picture)
    )
    assert code == 0
    assert "agrees" in out
    assert picture.stat().st_size > 1000


def test_curve_writes_every_format(strict, cli, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    words = [*RIDGE[:3], RIDGE[4], "ridge=1e-3:1:5:log"]
    code, out, _ = cli("curve", *words, "--json", "--simulate", "4", "--seed", "1")
    found = strict(out)
    assert code == 0
    assert len(found["values"]["test_error"]) == len(found["values"]["test_error_simulated"]) == 5
    for kind in ("nc", "csv", "json"):
        path = tmp_path / f"curve.{kind}"
        assert cli("curve", *words, "--out", str(path), "--plot", str(tmp_path / "curve.png"))[0] == 0
        assert path.stat().st_size > 0
    with xr.open_dataset(tmp_path / "curve.nc", engine="scipy") as stored:
        np.testing.assert_array_equal(stored["test_error"], found["values"]["test_error"])
    assert strict((tmp_path / "curve.json").read_text())["values"]["bias"] == found["values"]["bias"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["theory", "rigde-regression"], "did you mean 'ridge-regression'"),
        (["theory", *RIDGE, "sampels=3"], "did you mean 'samples'"),
        (["theory", *RIDGE[:3], "ridge=abc", RIDGE[4]], "ridge = 'abc'"),
        (["theory", *RIDGE, "--digits", "0"], "digits"),
        (["theory"], "MODEL"),
        (["thoery"], "thoery"),
        (["simulate", *RIDGE, "--trials", "1"], "trials"),
        (["simulate", *RIDGE, "--seed", "-1"], "seed"),
        (["verify", *RIDGE, "--sizes", "1"], "sizes"),
        (["verify", *RIDGE, "--sizes", "one,two"], "sizes"),
        (["verify", *RIDGE, "--claim", "tset_error=1"], "did you mean 'test_error'"),
        (["curve", *RIDGE], "at least one grid"),
        (["curve", *RIDGE[:3], RIDGE[4], "ridge=0,1", "--plot", "picture.bmp"], "picture.bmp"),
        (["curve", *RIDGE[:3], RIDGE[4], "ridge=0,1", "--out", "nowhere/x.csv"], "nowhere"),
        (["predict", "missing.csv"], "missing.csv"),
        (["predict", "diabetes", "--task", "regresion"], "did you mean 'regression'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(cli, words: list[str], part: str) -> None:  # type: ignore[no-untyped-def]
    code, out, err = cli(*words)
    assert code == 2
    assert out == ""
    assert err.startswith("rmtcollapse: ")
    assert err.count("\n") == 1
    assert part in err


def test_every_command_has_help(cli) -> None:  # type: ignore[no-untyped-def]
    for command in ("list", "show", "theory", "simulate", "verify", "curve", "figure", "predict", "demo"):
        code, out, _ = cli(command, "--help")
        assert code == 0
        assert "Usage" in out
    assert cli()[0] == 0
    assert cli("--version")[1].strip() == "0.1.0"


def test_a_warm_theory_loads_neither_sympy_nor_numba() -> None:
    script = (
        "import sys; from rmtcollapse.cli.main import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([m for m in ('sympy', 'numba', 'matplotlib', 'xarray', 'pandas', 'scipy') if m in sys.modules])"
    )
    for _ in range(2):  # the first may have to generate
        done = subprocess.run(
            [sys.executable, "-c", script, "theory", *RIDGE], capture_output=True, text=True, check=True
        )
    assert done.stdout.splitlines()[-1] == "[]"
