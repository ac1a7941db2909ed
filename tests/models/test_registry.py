"""The folder is the registry: a class name gives its file, and a new file is a new model."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from rmtcollapse import models
from rmtcollapse._names import kebab_case, snake_case
from rmtcollapse.models._base import Model


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("RidgeRegression", "ridge_regression"),
        ("BaggedLSSVM", "bagged_lssvm"),
        ("SelfPlay", "self_play"),
        ("LSSVMBagged", "lssvm_bagged"),
        ("Model2Go", "model2_go"),
        ("Plain", "plain"),
    ],
)
def test_names_of_classes_files_and_commands(name: str, file: str) -> None:
    assert snake_case(name) == file
    assert kebab_case(name) == file.replace("_", "-")


def test_every_model_lives_in_the_file_of_its_name() -> None:
    classes = models.model_classes()
    assert {"ridge-regression", "recursive-regression"} <= set(classes)
    assert list(classes) == sorted(classes)
    for name, cls in classes.items():
        assert cls.__module__ == f"rmtcollapse.models.{snake_case(cls.__name__)}"
        assert cls.name() == name == kebab_case(cls.__name__)
        assert getattr(models, cls.__name__) is cls
        assert cls.__name__ in dir(models)


def test_unknown_models_are_refused_with_a_suggestion() -> None:
    with pytest.raises(
        AttributeError, match=r"no model 'RidgeRegresion' \(did you mean 'RidgeRegression'\?\)"
    ) as refusal:
        models.RidgeRegresion
    assert all(cls.__name__ in str(refusal.value) for cls in models.model_classes().values())
    assert "\n" not in str(refusal.value)
    # A file of that name is not enough: the class has to be there.
    with pytest.raises(AttributeError, match="no model 'Ridge_regression'"):
        models.Ridge_regression


@pytest.mark.parametrize("name", ["ridge", "_base_of_all", "__wrapped__"])
def test_other_attributes_are_ordinary_misses(name: str) -> None:
    with pytest.raises(AttributeError, match=f"has no attribute {name!r}"):
        getattr(models, name)


NEW = '''
from rmtcollapse.models._base import Model
from rmtcollapse.models._parameters import count, model

@model
class BrandNewLaw(Model):
    """A law."""
    samples: int = count("n", "rows")
    VALUES = {"value": "a value"}
    SOURCE = "nowhere"
'''


@pytest.fixture
def extra_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A second folder of the models package, forgotten afterwards."""
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("rmtcollapse.models."):
            del sys.modules[name]
            delattr(models, name.rpartition(".")[2])


def test_adding_a_theorem_is_adding_one_file(extra_folder: Path) -> None:
    (extra_folder / "brand_new_law.py").write_text(NEW)
    (extra_folder / "_helper.py").write_text("raise RuntimeError('files with an underscore are not models')")
    cls: Any = models.BrandNewLaw
    assert issubclass(cls, Model)
    assert cls.name() == "brand-new-law"
    assert models.model_classes()["brand-new-law"] is cls
    assert cls(samples=3).parameters() == {"samples": 3}


def test_a_model_file_that_does_not_import_says_why(extra_folder: Path) -> None:
    (extra_folder / "broken_law.py").write_text("import a_package_that_nobody_has")
    with pytest.raises(ModuleNotFoundError, match="a_package_that_nobody_has"):
        models.BrokenLaw


def test_a_model_without_overrides_has_no_exact_value_and_no_limits(extra_folder: Path) -> None:
    (extra_folder / "brand_new_law.py").write_text(NEW)
    made = models.BrandNewLaw(samples=3)
    with pytest.raises(ValueError, match="BrandNewLaw: no exact finite-size expectation is known"):
        made.exact()
    assert list(made.limits()) == []
    assert made.resized(4).samples == 12
    with pytest.raises(ValueError, match=r"samples = 3 .*a multiple of 2"):
        made.resized(Fraction(1, 2))
