"""Laws as a user types them: every name, joins, brackets, and refusals. Nothing typed is evaluated."""

from __future__ import annotations

import builtins
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from rmtcollapse import Spectrum, spectra
from rmtcollapse.cli.laws import LAWS, parse_law
from rmtcollapse.errors import MissingParameterError, ParameterError, UnknownParameterError

SIGNS, TWO = spectra.Atoms([-1, 1]), spectra.Atoms([1, 8], [0.3, 0.7])
POWER = "power-law:dimension=40,capacity=1.5,source=0.5"
SAMPLED = spectra.SampleCovariance(Spectrum.power_law(40, capacity=1.5, source=0.5), samples=20)

FORMS = {
    "marchenko-pastur:ratio=0.5": spectra.MarchenkoPastur(0.5),
    "marchenko-pastur:ratio=1/3": spectra.MarchenkoPastur(Fraction(1, 3)),
    "semicircle": spectra.Semicircle(),
    "semicircle:variance=2": spectra.Semicircle(2.0),
    " semicircle : variance = 2 ": spectra.Semicircle(2.0),
    "free-poisson:rate=2": spectra.FreePoisson(2.0),
    "free-poisson:rate=2,jump=-1": spectra.FreePoisson(2.0, -1.0),
    "fuss-catalan:order=3": spectra.FussCatalan(3),
    "atoms:values=-1;1": SIGNS,
    "atoms:values=1;8,weights=0.3;0.7": TWO,
    "uniform": spectra.Uniform(0, 1),
    "uniform:low=1,high=3": spectra.Uniform(1, 3),
    "exponential:scale=2": spectra.Exponential(2.0),
    "power-law-density:exponent=1.5,low=0.01,high=1": spectra.PowerLawDensity(1.5, 0.01, 1),
    "sample-covariance:atoms=1;8,weights=0.3;0.7,ratio=1/10": spectra.SampleCovariance(TWO, Fraction(1, 10)),
    f"sample-covariance:spectrum=({POWER}),samples=20": SAMPLED,
    "sample-covariance:spectrum=isotropic:dimension=20,ratio=0.5": spectra.MarchenkoPastur(0.5),
    "semicircle+marchenko-pastur:ratio=0.5": spectra.Semicircle() + spectra.MarchenkoPastur(0.5),
    "semicircle:variance=1e-1+semicircle:variance=+1e+0": spectra.Semicircle(1.1),
    "marchenko-pastur:ratio=0.5 @ marchenko-pastur:ratio=0.25": spectra.MarchenkoPastur(0.5)
    @ spectra.MarchenkoPastur(0.25),
    "atoms:values=-1;+1 + semicircle @ marchenko-pastur:ratio=2": SIGNS
    + spectra.Semicircle() @ spectra.MarchenkoPastur(2),
    "(atoms:values=-1;1 + semicircle) @ marchenko-pastur:ratio=2": (SIGNS + spectra.Semicircle())
    @ spectra.MarchenkoPastur(2),
    f"semicircle + ((sample-covariance:samples=20,spectrum=({POWER})))": spectra.Semicircle() + SAMPLED,
}


@pytest.mark.parametrize("text", FORMS)
def test_every_form_is_the_law_of_the_python_api(text: str) -> None:
    found, wanted = parse_law(text), FORMS[text]
    np.testing.assert_allclose(found.atoms(), wanted.atoms(), rtol=1e-13)
    np.testing.assert_allclose(found.support(), wanted.support(), rtol=1e-13, atol=1e-15)
    points = np.array([0.1j, 1 + 0.5j, 4 + 2j])
    np.testing.assert_allclose(found.stieltjes(points), wanted.stieltjes(points), rtol=1e-13)


def test_every_name_has_a_form_above() -> None:
    assert all(any(name in text for text in FORMS) for name in LAWS)


def test_ratios_are_exact_where_typed_as_fractions() -> None:
    assert parse_law("marchenko-pastur:ratio=49/49").support()[0][0] == 0
    assert parse_law("marchenko-pastur:ratio=1/3")._ratio == Fraction(1, 3)  # type: ignore[attr-defined]


def test_spectra_come_from_files_with_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "a+b@c"
    folder.mkdir()
    (folder / "law.csv").write_text("eigenvalue,multiplicity\n8,3\n1,1\n")
    found = parse_law(f"sample-covariance:spectrum=({folder / 'law.csv'}),samples=40 + semicircle")
    wanted = spectra.SampleCovariance(Spectrum([8.0, 1.0], multiplicities=[3, 1]), samples=40) + spectra.Semicircle()
    assert found.support() == wanted.support()


@pytest.mark.parametrize(
    ("text", "error", "parts"),
    [
        ("", UnknownParameterError, ["(nothing)", "marchenko-pastur"]),
        ("+", UnknownParameterError, ["(nothing)"]),
        ("semicircle + ", UnknownParameterError, ["(nothing)"]),
        ("semicircle @ @ semicircle", UnknownParameterError, ["(nothing)"]),
        ("semicirle", UnknownParameterError, ["did you mean 'semicircle'"]),
        ("semicircle - semicircle", UnknownParameterError, ["semicircle - semicircle"]),
        ("2 * semicircle", UnknownParameterError, ["2 * semicircle"]),
        ("(semicircle", ParameterError, ["brackets in pairs"]),
        ("semicircle)(", ParameterError, ["brackets in pairs"]),
        ("(semicircle)(semicircle)", ParameterError, ["brackets in pairs"]),
        ("semicircle@semicircle", ParameterError, ["smallest place of a factor", "-2"]),
        ("marchenko-pastur", MissingParameterError, ["ratio"]),
        ("power-law-density:exponent=1.5", MissingParameterError, ["low, high"]),
        ("atoms", MissingParameterError, ["give values, such as"]),
        ("marchenko-pastur:ratoi=1", UnknownParameterError, ["did you mean 'ratio'"]),
        ("marchenko-pastur:ratio", ParameterError, ["name=value"]),
        ("marchenko-pastur:ratio=", ParameterError, ["name=value"]),
        ("marchenko-pastur:ratio=1,", ParameterError, ["name=value"]),
        ("marchenko-pastur:(ratio=1)", UnknownParameterError, ["(ratio"]),
        ("marchenko-pastur:ratio=1,ratio=1", ParameterError, ["ratio", "once"]),
        ("marchenko-pastur:ratio=-1", ParameterError, ["ratio", "-1"]),
        ("marchenko-pastur:ratio=1/0", ParameterError, ["ratio", "1/0"]),
        ("marchenko-pastur:ratio=nan", ParameterError, ["ratio", "nan"]),
        ("marchenko-pastur:ratio=1_0", ParameterError, ["ratio", "1_0"]),
        ("semicircle:variance=0", ParameterError, ["variance", "from 1e-200"]),
        ("free-poisson:rate=2,jump=0", ParameterError, ["jump", "not 0"]),
        ("fuss-catalan:order=2.5", ParameterError, ["order", "integer"]),
        ("fuss-catalan:order=" + "9" * 5000, ValueError, ["4300"]),
        ("uniform:low=1,high=0", ParameterError, ["high", "0"]),
        ("atoms:values=1;;2", ParameterError, ["values"]),
        ("atoms:values=1,2", ParameterError, ["name=value"]),
        ("atoms:values=1;2,weights=1", ParameterError, ["weights", "2"]),
        ("atoms:values=1;2,weights=0.3;0.3", ParameterError, ["sum of weights", "0.6"]),
        ("atoms:values=1;inf", ParameterError, ["values[1]", "inf"]),
        ("sample-covariance:ratio=1", ParameterError, ["population", "atoms="]),
        ("sample-covariance:atoms=1;8", ParameterError, ["ratio"]),
        ("sample-covariance:atoms=1;8,samples=10", ParameterError, ["samples", "Spectrum"]),
        ("sample-covariance:atoms=-1;8,ratio=1", ParameterError, ["smallest place", "-1"]),
        ("sample-covariance:weights=1,spectrum=(isotropic:dimension=3),samples=3", ParameterError, ["weights"]),
        ("sample-covariance:atoms=1,spectrum=(isotropic:dimension=3),ratio=1", ParameterError, ["one of them"]),
        ("sample-covariance:spectrum=(isotropic),ratio=1", ParameterError, ["dimension"]),
        ("sample-covariance:spectrum=(missing.csv),ratio=1", ParameterError, ["missing.csv", "existing file"]),
    ],
)
def test_refusals_say_what_is_wrong_in_one_line(text: str, error: type, parts: list[str]) -> None:
    with pytest.raises(error) as caught:
        parse_law(text)
    message = str(caught.value)
    assert "\n" not in message
    assert all(part in message for part in parts), message


@pytest.mark.parametrize("form", ["{}", "atoms:values={}", "semicircle:{}", "sample-covariance:spectrum=({}),ratio=1"])
@pytest.mark.parametrize("code", ["__import__('os').abort()", "[x for x in ().__class__]", "1 if exit() else 2"])
def test_nothing_typed_is_evaluated(monkeypatch: pytest.MonkeyPatch, form: str, code: str) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("evaluated")

    for name in ("eval", "exec", "compile"):
        monkeypatch.setattr(builtins, name, refuse)
    with pytest.raises(ParameterError):
        parse_law(form.format(code))
