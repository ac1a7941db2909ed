"""The front door: what importing loads, what it offers, and that floors import only from below."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rmtcollapse

PACKAGE = Path(rmtcollapse.__file__).resolve().parent
REPOSITORY = Path(__file__).resolve().parents[1]
HEAVY = ("sympy", "numba", "matplotlib", "xarray", "pandas", "scipy.stats", "mpmath", "typer", "rich", "dask")


def loaded_by(script: str, tmp_path: Path) -> set[str]:
    """Modules that a fresh interpreter has loaded after a script."""
    command = [
        sys.executable,
        "-W",
        "error",
        "-c",
        f"{script}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))",
    ]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "RMTCOLLAPSE_CACHE": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


MODEL = """
from rmtcollapse import Spectrum, models
model = models.RidgeRegression(spectrum=Spectrum.isotropic(20), samples=30, ridge=0.1, noise_variance=1.0)
"""


def test_importing_the_package_loads_nothing_heavy(tmp_path: Path) -> None:
    loaded = loaded_by("import rmtcollapse", tmp_path)
    assert not loaded & {*HEAVY, "numpy", "scipy", "attrs", "attr"}
    assert {m for m in loaded if m.startswith("rmtcollapse")} <= {"rmtcollapse", "rmtcollapse.errors"}


@pytest.mark.parametrize(
    "script",
    ["from rmtcollapse import Spectrum, models", MODEL, "from rmtcollapse import simulate, verify, sweep"],
    ids=["names", "a model", "experiments"],
)
def test_names_load_what_they_need_and_nothing_heavy(script: str, tmp_path: Path) -> None:
    assert not loaded_by(script, tmp_path) & set(HEAVY)


def test_a_stored_theory_needs_neither_sympy_nor_numba(tmp_path: Path) -> None:
    script = MODEL + "model.theory()"
    assert "sympy" in loaded_by(script, tmp_path), "the first call makes the module"
    assert not loaded_by(script, tmp_path) & set(HEAVY), "every other finds it"


def test_neither_does_one_of_matrices(tmp_path: Path) -> None:
    script = (
        "from rmtcollapse.models import WeightedSources\n"
        "WeightedSources(covariances=[[[1.0]]] * 2, samples=[5, 6], noise_variances=[0.1, 0.2], weights=[1, 1],"
        " targets=[[1.0], [2.0]], ridge=0.1, test_covariance=[[1.0]], test_target=[1.0]).theory()"
    )
    assert "sympy" in loaded_by(script, tmp_path), "the first call makes the module"
    assert not loaded_by(script, tmp_path) & set(HEAVY), "every other finds it"


def test_neither_does_one_of_decimals(tmp_path: Path) -> None:
    script = "from rmtcollapse.models import SpikedTensor\nSpikedTensor(sizes=[4, 5, 6], strength=2.0).theory()"
    assert "sympy" in loaded_by(script, tmp_path), "the first call makes the module"
    assert not loaded_by(script, tmp_path) & set(HEAVY), "every other finds it"


def test_experiments_load_no_theory(tmp_path: Path) -> None:
    loaded = loaded_by(MODEL + "model.draw(__import__('numpy').random.default_rng(0))", tmp_path)
    assert not loaded & {"sympy", "numba"}
    assert not {m for m in loaded if m.startswith("rmtcollapse.equivalents")}


# ---- what it offers ----------------------------------------------------------------------------------------------


def test_everything_offered_is_there() -> None:
    assert dir(rmtcollapse) == rmtcollapse.__all__ == sorted(rmtcollapse.__all__)
    assert {"Spectrum", "models", "simulate", "spectra", "sweep", "verify"} <= set(dir(rmtcollapse))
    for name in rmtcollapse.__all__:
        assert getattr(rmtcollapse, name).__doc__, name


def test_names_are_the_objects_of_their_homes() -> None:
    from rmtcollapse.errors import ParameterError
    from rmtcollapse.experiments.verify import verify
    from rmtcollapse.spectra import Spectrum

    assert rmtcollapse.Spectrum is Spectrum
    assert rmtcollapse.verify is verify
    assert rmtcollapse.ParameterError is ParameterError
    assert issubclass(ParameterError, ValueError)


@pytest.mark.parametrize("name", ["spectrum", "Models", "_nothing", "numpy"])
def test_unknown_attributes_are_errors(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"\Amodule 'rmtcollapse' has no attribute '{name}'"):
        getattr(rmtcollapse, name)


def test_the_version_is_that_of_the_distribution() -> None:
    import tomllib

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == rmtcollapse.__version__


# ---- how it is built ---------------------------------------------------------------------------------------------


@pytest.mark.skipif(importlib.util.find_spec("importlinter") is None, reason="import-linter is not installed")
def test_floors_import_only_from_below() -> None:
    script = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_every_folder_says_what_lives_there() -> None:
    folders = [p for p in PACKAGE.rglob("__init__.py") if "__pycache__" not in p.parts]
    assert len(folders) >= 6
    for path in folders:
        head = path.read_text(encoding="utf-8").lstrip("r")
        assert head.startswith('"""'), path
        assert len(head.split('"""')[1]) > 60, path
