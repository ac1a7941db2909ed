"""The gallery: expressions of the literature with their closed formulas, and finite matrices for each."""

from __future__ import annotations

import re
import shlex
import sys
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from rmtcollapse import Spectrum, models
from rmtcollapse import derive as dv
from rmtcollapse.cli.main import main

from .cases import d, lam, m, n, n1, noise, noise1, resolvent

PAGE = Path(__file__).parents[2] / "docs" / "derive_gallery.md"

S, G = dv.commuting("Sigma Gamma", d)
X = dv.gaussian("X", n, d, colcov=S)
u = (np.arange(8) + 0.5) / 8
SPECTRUM, SIGNAL = 0.3 + 2 * u**2, (1 + u) / 40


def _multiuser() -> Any:
    """Linear MMSE with random spreading: the signal-to-interference ratio beta of a user of power one."""
    P = dv.commuting("P", m)
    H = dv.gaussian("H", n, m, colcov=P, variance=1 / n)
    powers = np.array([0.5, 1.0, 4.0, 8.0])
    expected = brentq(lambda b: b * (0.3 + np.sum(32 / 4 * powers / (1 + powers * b)) / 48) - 1, 1e-9, 1e3, xtol=1e-15)
    return dv.trace((H * H.T + noise * dv.identity(n)).inv()) / n, {n: 48, m: 32, noise: 0.3, P: powers}, expected


def _portfolio() -> Any:
    """Variance of the minimum-variance portfolio of a sample covariance, over that of the true one; G is 11'."""
    C = (X.T * X / n).inv()
    risk = dv.trace(C * G * C * S) / dv.trace(C * G) ** 2 * dv.trace(S.inv() * G)
    return risk, {n: 100, d: 40, S: SPECTRUM, G: SIGNAL}, 1 / (1 - 40 / 100)


def _shrinkage() -> Any:
    """Squared error of rho mu + (1 - rho) X'X/n: (1 - rho)^2 (tr Sigma)^2/n + rho^2 |Sigma - mu|^2, over d."""
    rho, mu = dv.scalar("rho mu")
    miss = rho * mu * dv.identity(d) + (1 - rho) * X.T * X / n - S
    centre = SPECTRUM.mean()
    expected = 0.6**2 * (40 * centre) ** 2 / 60 / 40 + 0.4**2 * np.mean((SPECTRUM - centre) ** 2)
    return dv.trace(miss**2) / d, {n: 60, d: 40, rho: 0.4, mu: centre, S: SPECTRUM}, expected


def _sketch() -> Any:
    """Variance of least squares after a Gaussian sketch of m of n rows, over that of the full fit."""
    K = dv.gaussian("K", m, n)
    M = (X.T * K.T * K * X).inv()
    ratio = dv.trace(M * X.T * K.T * K * K.T * K * X * M) / dv.trace((X.T * X).inv())
    return ratio, {n: 120, m: 72, d: 24, S: SPECTRUM}, 1 + (120 - 24) / (72 - 24)


def _transfer() -> Any:
    """Ridge towards a fit of a source task: its error is a signal, of covariance E(X0'X0)^-1 noise plus the shift."""
    X0 = dv.gaussian("X0", n1, d, colcov=S)
    R, source = resolvent(X), (X0.T * X0).inv()
    error = lam**2 * dv.trace(S * R * (G + noise1 * source) * R) + noise * dv.trace(S * R * X.T * X * R) / n**2
    numbers = {n: 30, n1: 80, d: 40, lam: 0.2, noise: 0.3, noise1: 0.4, S: SPECTRUM, G: SIGNAL}
    signal = np.repeat(SIGNAL + 0.4 / (80 - 40) / SPECTRUM, 5)
    hand = models.RidgeRegression(
        spectrum=Spectrum(np.repeat(SPECTRUM, 5), signal), samples=30, ridge=0.2, noise_variance=0.3
    )
    return error, numbers, hand.theory()["test_error"]


def _validation() -> Any:
    """Generalised cross-validation: its limit is the prediction error itself."""
    R = resolvent(X)
    Q = (X * X.T / n + lam * dv.identity(n)).inv()
    training = dv.trace(Q * (noise * dv.identity(n) + X * G * X.T) * Q) / n
    numbers = {n: 30, d: 40, lam: 0.2, noise: 0.3, S: SPECTRUM, G: SIGNAL}
    error = lam**2 * dv.trace(S * R * G * R) + noise * dv.trace(S * R * X.T * X * R) / n**2
    return training / (dv.trace(Q) / n) ** 2, numbers, dv.derive(error).theory(numbers)["value"] + 0.3


def _layers() -> Any:
    """Second moment of a product of three square layers: the Fuss-Catalan number."""
    A, B, C = (dv.gaussian(name, d, d, variance=1 / d) for name in "ABC")
    J = A * B * C
    return dv.trace((J * J.T) ** 2) / d, {d: 160}, comb(8, 2) / 7


GALLERY = {
    "multiuser detection": _multiuser,
    "minimum-variance portfolio": _portfolio,
    "linear shrinkage": _shrinkage,
    "sketched least squares": _sketch,
    "transfer from a source task": _transfer,
    "generalised cross-validation": _validation,
    "moments of deep products": _layers,
}


@pytest.mark.parametrize("name", GALLERY)
@pytest.mark.filterwarnings("ignore::rmtcollapse.derive.SharedLetterWarning")
def test_the_closed_formula(name: str) -> None:
    expression, numbers, expected = GALLERY[name]()
    derived = dv.derive(expression)
    assert derived.theory(numbers)["value"] == pytest.approx(float(expected), rel=1e-12)
    assert float(derived.theory(numbers, digits=20)["value"]) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", GALLERY)
@pytest.mark.filterwarnings("ignore::rmtcollapse.derive.SharedLetterWarning")
def test_finite_matrices(name: str) -> None:
    expression, numbers, _ = GALLERY[name]()
    verdict = dv.derive(expression).verify(numbers, trials=30, seed=1)
    assert verdict.passed, verdict.report


def _lines() -> list[tuple[str, str]]:
    """Commands of the page, each with the value that it says."""
    text = PAGE.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(r"^(rmtcollapse derive .*)\n# value +(\S+)$", text, flags=re.MULTILINE)


@pytest.mark.parametrize(("command", "value"), _lines())
def test_the_page_says_what_the_command_line_finds(
    command: str, value: str, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit) as stopped:
        main()
    assert not stopped.value.code
    assert f"value  {value}" in capsys.readouterr().out


def test_the_page_has_a_line_for_every_expression() -> None:
    assert len(_lines()) == len(GALLERY)
