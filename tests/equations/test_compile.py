"""The store of generated modules: found without SymPy, repaired where broken, shared by processes, never stale."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

import rmtcollapse
from rmtcollapse.equations.compile import Compiled
from rmtcollapse.equations.symbols import Column, parameter, total, unknown
from rmtcollapse.equations.system import System

EPS = 2.0**-52
Run = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[str]"]

HEAD = """
import json, sys
from rmtcollapse import Spectrum
from rmtcollapse.models import RidgeRegression
model = RidgeRegression(spectrum=Spectrum([1.0, 0.5, 0.1], [1, 2, 3], multiplicities=[20, 10, 5]),
                        samples=30, ridge=0.1, noise_variance=0.3)
found = {"numpy": dict(model.theory())}
found["loaded"] = [name for name in ("sympy", "numba") if name in sys.modules]
"""
PLAIN = HEAD + "print(json.dumps(found))"
BOTH = (
    HEAD
    + """
from rmtcollapse import sweep
table = sweep(model, ridge=[0.1, 0.2])
found["numba"] = {name: float(table[name][0]) for name in model.VALUES}
found["late"] = [name for name in ("sympy",) if name in sys.modules]
print(json.dumps(found))
"""
)


def files(cache: Path, pattern: str) -> list[Path]:
    return sorted(cache.rglob(pattern))


def assert_equal(found: dict[str, float], expected: dict[str, float]) -> None:
    """Equal to rounding."""
    assert found == pytest.approx(expected, rel=64 * EPS, abs=0)


# ---- processes -----------------------------------------------------------------------------------------------------


def test_a_warm_start_loads_neither_sympy_nor_numba(run_python: Run, tmp_path: Path) -> None:
    cold, warm = run_python(PLAIN, tmp_path), run_python(PLAIN, tmp_path)
    assert cold["loaded"] == ["sympy"]
    assert warm["loaded"] == []
    assert warm["numpy"] == cold["numpy"]


MODULE, MANIFEST = "modules/*.py", "manifest/*.json"


def falsify(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("0.0, a * b)") == 1
    path.write_text(text.replace("0.0, a * b)", "0.0, a + b)"), encoding="utf-8")


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "module deleted": (MODULE, Path.unlink),
    "module emptied": (MODULE, lambda path: path.write_bytes(b"")),
    "module truncated": (MODULE, lambda path: path.write_bytes(path.read_bytes()[:200])),
    "module edited": (MODULE, falsify),
    "module overwritten": (MODULE, lambda path: path.write_bytes(b"\xff\xfe\x00 no text at all")),
    "manifest deleted": (MANIFEST, Path.unlink),
    "manifest truncated": (MANIFEST, lambda path: path.write_bytes(path.read_bytes()[:9])),
    "manifest overwritten": (MANIFEST, lambda path: path.write_bytes(b"\xff\xfe\x00")),
    "manifest of another shape": (MANIFEST, lambda path: path.write_text("[1, 2]")),
    "manifest without its entry": (MANIFEST, lambda path: path.write_text('{"form": "numpy"}')),
    "manifest of an unknown module": (MANIFEST, lambda path: path.write_text('{"module": "0"}')),
    "manifest with a number": (MANIFEST, lambda path: path.write_text('{"module": 7}')),
}


@pytest.fixture(scope="module")
def intact(run_python: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A filled cache folder, to be copied, and what was computed from it."""
    cache = tmp_path_factory.mktemp("intact")
    return cache, run_python(PLAIN, cache)


@pytest.mark.parametrize(("pattern", "damage"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_written_anew(
    run_python: Run,
    intact: tuple[Path, dict[str, Any]],
    tmp_path: Path,
    pattern: str,
    damage: Callable[[Path], object],
) -> None:
    cache = tmp_path / "cache"
    shutil.copytree(intact[0], cache, ignore=shutil.ignore_patterns("__pycache__"))
    texts = {path: path.read_bytes() for path in files(cache, "*.*")}
    assert len(texts) == 2
    damage(files(cache, pattern)[0])
    assert run_python(PLAIN, cache)["numpy"] == intact[1]["numpy"]
    assert {path: path.read_bytes() for path in (*files(cache, MODULE), *files(cache, MANIFEST))} == texts


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(
    run_python: Run, intact: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    # Below a file no folder can be made, whoever runs the test.
    (tmp_path / "file").write_text("not a folder")
    elsewhere = tmp_path / "temporary"
    elsewhere.mkdir()
    found = run_python(PLAIN, tmp_path / "file" / "cache", TMPDIR=str(elsewhere))
    assert found["numpy"] == intact[1]["numpy"]
    assert (tmp_path / "file").read_text() == "not a folder"
    assert len(files(elsewhere, MODULE)) == 1


@pytest.fixture(scope="module")
def together(start_python: Start, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A cache that four processes filled at once, two of them with the Numba form, and what each printed."""
    cache = tmp_path_factory.mktemp("together")
    running = [start_python(script, cache) for script in (BOTH, PLAIN, BOTH, PLAIN)]
    results = []
    for process in running:
        printed, complaint = process.communicate()
        assert process.returncode == 0, complaint
        results.append(json.loads(printed))
    return cache, results


def test_processes_that_start_together_agree(together: tuple[Path, list[dict[str, Any]]]) -> None:
    cache, results = together
    assert all(result["numpy"] == results[0]["numpy"] for result in results)
    assert results[0]["numba"] == results[2]["numba"]
    assert_equal(results[0]["numba"], results[0]["numpy"])
    assert files(cache, "*.part*") == []
    assert len(files(cache, MODULE)) == len(files(cache, MANIFEST)) == 2


def test_a_warm_grid_needs_no_sympy(run_python: Run, together: tuple[Path, list[dict[str, Any]]]) -> None:
    cache, results = together
    assert files(cache, "*.nbi"), "Numba's own cache lies beside the module"
    warm = run_python(BOTH, cache)
    assert warm["numba"] == results[0]["numba"]
    assert warm["late"] == []


# ---- edited formulas -----------------------------------------------------------------------------------------------

MODEL_EDIT = ("models/ridge_regression.py", "variance: limit_product(sigma2, df2 / slack)", "sigma2, ", "2 * sigma2, ")
SHARED_EDIT = (
    "equivalents/resolvent.py",
    "return total(self.learned**2)",
    "return ",
    "return 3 * ",
)


def edit(package: Path, file: str, line: str, old: str, new: str) -> None:
    path = package / file
    text = path.read_text(encoding="utf-8")
    assert text.count(line) == 1
    path.write_text(text.replace(line, line.replace(old, new)), encoding="utf-8")


def copied_package(folder: Path) -> Path:
    source = Path(rmtcollapse.__file__).resolve().parent
    shutil.copytree(source, folder / "rmtcollapse", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "rmtcollapse"


def test_an_edited_formula_changes_the_numbers_of_both_forms(
    run_python: Run, together: tuple[Path, list[dict[str, Any]]], tmp_path: Path
) -> None:
    # A copy has the same sources, so the same modules: they must be found before the edits and left after them.
    package, cache = copied_package(tmp_path), together[0]
    before = run_python(BOTH, cache, package=package)
    assert before["late"] == []
    edit(package, *MODEL_EDIT)
    doubled = run_python(PLAIN, cache, package=package)  # both forms are looked up alike, and Numba is slow
    edit(package, *SHARED_EDIT)
    sixfold = run_python(BOTH, cache, package=package)
    for form, after, factor in (("numpy", doubled, 2), ("numpy", sixfold, 6), ("numba", sixfold, 6)):
        expected = {name: before[form][name] for name in ("bias", "effective_ridge")}
        expected["variance"] = factor * before[form]["variance"]
        assert_equal({name: after[form][name] for name in expected}, expected)


def test_an_edit_that_is_taken_back_finds_the_first_module_again(run_python: Run, tmp_path: Path) -> None:
    package, cache = copied_package(tmp_path), tmp_path / "cache"
    before = run_python(PLAIN, cache, package=package)
    text = (package / MODEL_EDIT[0]).read_bytes()
    edit(package, *MODEL_EDIT)
    assert run_python(PLAIN, cache, package=package)["loaded"] == ["sympy"]
    (package / MODEL_EDIT[0]).write_bytes(text)
    assert run_python(PLAIN, cache, package=package) == before | {"loaded": []}


@pytest.mark.parametrize("file", ["equations/generate.py", "equations/solver_one.py.in", "equivalents/contour.py"])
def test_an_edited_generator_is_asked_again(run_python: Run, tmp_path: Path, file: str) -> None:
    package, cache = copied_package(tmp_path), tmp_path / "cache"
    before = run_python(PLAIN, cache, package=package)
    with (package / file).open("a", encoding="utf-8") as source:
        source.write("\n# edited\n")
    after = run_python(PLAIN, cache, package=package)
    assert after["loaded"] == ["sympy"]
    assert after["numpy"] == before["numpy"]


# ---- one process ---------------------------------------------------------------------------------------------------


class Builder:
    """Builds a small system and counts how often it is asked to."""

    def __init__(self, factor: int = 1) -> None:
        self.factor, self.calls = factor, 0

    def __call__(self) -> System:
        self.calls += 1
        a, s = parameter("a", "a"), Column("eigenvalue", "s_j")
        return System("small", (a,), (s,), (), {}, {unknown("answer", "A"): self.factor * a * total(s)})


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that defines the system, and a cache folder of its own."""
    monkeypatch.setenv("RMTCOLLAPSE_CACHE", str(tmp_path / "cache"))
    for name in [name for name in sys.modules if name.startswith("rmtcollapse_")]:  # loaded from another's folder
        monkeypatch.delitem(sys.modules, name)
    path = tmp_path / "model.py"
    path.write_text("# a formula")
    return path


def test_a_stored_module_needs_no_system(source: Path) -> None:
    first, second = Builder(), Builder()
    module, again = Compiled("small", first, [source]).numpy, Compiled("small", second, [source]).numpy
    assert again.OUTPUTS == ("answer",)
    assert again.__file__ == module.__file__
    assert [again.__file__] == [str(path) for path in files(source.parent / "cache", MODULE)]
    assert (first.calls, second.calls) == (1, 0)


@pytest.mark.parametrize("change", ["source", "name", "form"])
def test_another_source_name_or_form_asks_for_the_system(source: Path, change: str) -> None:
    Compiled("small", Builder(), [source]).numpy
    if change == "source":
        source.write_text("# another formula")
    again = Builder()
    compiled = Compiled("other" if change == "name" else "small", again, [source])
    assert (compiled.numba if change == "form" else compiled.numpy).SYSTEM == "small"
    assert again.calls == 1


def test_what_a_source_imports_from_beside_it_is_a_source_too(source: Path) -> None:
    source.write_text("def system():\n    from rmtcollapse.models._theory import build")
    theory, system = source.with_name("_theory.py"), source.with_name("_system.py")
    theory.write_text("from rmtcollapse.models._system import statement\nimport rmtcollapse.models.model")
    for text, calls in (("statement = 1", 1), ("statement = 2", 1), ("statement = 1", 0)):
        system.write_text(text)
        build = Builder()
        assert Compiled("small", build, [source]).numpy.SYSTEM == "small"
        assert build.calls == calls


def test_a_system_without_sources_is_built_in_every_process(source: Path) -> None:
    first, second = Builder(), Builder(factor=2)
    assert Compiled("small", first, ()).numpy is not Compiled("small", second, ()).numpy
    assert (first.calls, second.calls) == (1, 1)
    assert files(source.parent, "manifest/*") == []


def test_threads_build_once(source: Path) -> None:
    build, together = Builder(), Barrier(8)
    compiled = Compiled("small", build, [source])

    def ask(_: int) -> object:
        together.wait()
        return compiled.numpy

    with ThreadPoolExecutor(8) as pool:
        modules = list(pool.map(ask, range(8)))
    assert len({id(module) for module in modules}) == 1
    assert build.calls == 1


def test_a_module_that_fails_to_run_leaves_nothing_behind(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from rmtcollapse.equations import generate

    with monkeypatch.context() as broken:
        broken.setattr(generate, "numpy_module", lambda system: "this is = no Python")
        before = set(sys.modules)
        with pytest.raises(SyntaxError):
            Compiled("small", Builder(), ()).numpy
        assert set(sys.modules) == before
    assert Compiled("small", Builder(), [source]).numpy.SYSTEM == "small"
