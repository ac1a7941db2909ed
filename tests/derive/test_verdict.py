"""The judgement by finite matrices, and the teaching view."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rmtcollapse import ParameterError
from rmtcollapse import derive as dv

from .cases import cases, d, lam, n, resolvent

CASES = cases()


@pytest.mark.parametrize("name", ["MP", "MP, complex z", "ridge test error", "mixture", "projected test error"])
def test_right_theories_pass(name: str) -> None:
    expression, numbers, _ = CASES[name]
    verdict = dv.derive(expression).verify(numbers, trials=20, sizes=(1,))
    assert verdict.passed, verdict.report
    assert "agrees with" in verdict.report
    assert "real entries" in str(verdict)


def test_a_wrong_theory_fails(monkeypatch: Any) -> None:
    expression, numbers, value = CASES["MP"]
    derived = dv.derive(expression)
    wrong = replace(derived.theory(numbers), named={"value": 1.04 * value})
    monkeypatch.setattr(type(derived), "theory", lambda *_: wrong)
    verdict = derived.verify({n: 40, d: 30, lam: 0.3}, trials=80)
    assert not verdict.passed
    assert "DISAGREES" in verdict.report


def test_real_entries_are_extrapolated_to_infinite_size() -> None:
    """At n = 16 the bias of real entries is many standard errors; a line in 1/size removes it."""
    S = dv.commuting("Sigma", d)
    R = resolvent(dv.gaussian("X", n, d, colcov=S))
    verdict = dv.derive(dv.trace(S * R) / d).verify({n: 16, d: 12, lam: 0.2, S: [0.5, 2.0]}, trials=300, sizes=(1, 2))
    real = verdict.real_entries
    assert real.gaps[0] > 2 * real.gaps[1] * 0.8
    assert real.gaps[0] * abs(verdict.theory) > 4 * real.standard_error
    assert abs(real.z) < 3.5
    assert verdict.passed, verdict.report


@pytest.mark.parametrize("sizes", [(), (0,), (1, 1), (1.5,), "12", 0])
def test_sizes_are_checked(sizes: Any) -> None:
    expression, numbers, _ = CASES["MP"]
    with pytest.raises(ParameterError, match="sizes"):
        dv.derive(expression).verify(numbers, sizes=sizes)


def test_what_is_too_coarse_does_not_pass() -> None:
    X = dv.gaussian("X", n, d)
    verdict = dv.derive(dv.trace(resolvent(X)) - 145.7561).verify({n: 160, d: 120, lam: 0.3}, trials=3)
    assert not verdict.passed
    assert "NOT YET JUDGED" in verdict.report


def test_trials_are_checked() -> None:
    expression, numbers, _ = CASES["MP"]
    with pytest.raises(ParameterError, match="trials"):
        dv.derive(expression).verify(numbers, trials=1)


def test_the_steps_tell_the_derivation() -> None:
    derived = dv.derive(CASES["ridge bias"][0])
    text = str(derived.steps())
    assert [f"{k}. " in text for k in range(1, 8)] == [True] * 7
    assert r"\lambda w_{1} + \frac{1}{n} X^{\top} w_{2} &= \Sigma x" in text
    assert "{w_1, w_2}; {w_3, w_4}" in text
    assert r"e_{2} &= \mathrm{tr}_{d}\left[\frac{\Sigma}{n} G_{1,1}\right]" in derived.latex()
    assert "$$" in derived.steps()._repr_markdown_()
    assert r"\begin{pmatrix}" in derived.steps().latex()
