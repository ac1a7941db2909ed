"""`rmtcollapse derive` as a user meets it: numbers of closed forms and of the Python API, one-line refusals."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rmtcollapse import derive as dv

X = ("--gaussian", "X: n x d")
S = ("--gaussian", "X: n x d, cov S")
SIZES = ("--set", "n=90", "--set", "d=120", "--set", "lam=0.2")
R = "inv(X'*X/n + lam*I)"


@pytest.fixture
def cli(command_line):  # type: ignore[no-untyped-def]
    """A function that runs `derive` and gives its exit code, standard output and standard error."""
    return partial(command_line, "derive")


def marchenko_pastur(n: float, d: float, lam: Any) -> Any:
    """E tr (X'X/n + lam)^-1 / d in the limit: the positive root of c lam m^2 + (1 - c + lam) m - 1 = 0."""
    c = d / n
    b = 1 - c + lam
    return 2 / (b + np.sqrt(b**2 + 4 * c * lam))


@pytest.mark.parametrize(
    "expression",
    [
        f"tr({R})/d",
        "trace((X.T@X/n + lam*I_d)**-1)/d",
        "tr(inv(lam*I + X'*X/n) * I)/d",
        "(tr(inv(X*X'/n + lam*I)) - n/lam + d/lam)/d",
        f"tr({R}*(lam*I + X'X/n)*{R})/d".replace("X'X", "X'*X"),
        f"--1 * tr(({R})')/d + 0*exp(sqrt(4)) - log(1)",
        f"tr(2^2*{R}/4)/d^1",
    ],
)
def test_writings_of_one_closed_form(strict, cli, expression: str) -> None:  # type: ignore[no-untyped-def]
    code, out, err = cli("--json", *X, *SIZES, "--", expression)
    assert (code, err) == (0, "")
    assert strict(out)["value"] == pytest.approx(marchenko_pastur(90, 120, 0.2), rel=1e-12)


def test_precedence_of_signs_and_powers(strict, cli) -> None:  # type: ignore[no-untyped-def]
    tr = f"tr({R})/d"
    m = marchenko_pastur(90, 120, 0.2)
    for factor, number in (("-2^2", -4.0), ("2^-2", 0.25), ("2^2^3/64", 4.0), ("6/2*3", 9.0), ("1 - 2 - 3", -4.0)):
        _, out, _ = cli("--json", *X, *SIZES, "--", f"({factor})*{tr}")
        assert strict(out)["value"] == pytest.approx(number * m, rel=1e-12)


def test_complex_numbers(strict, cli) -> None:  # type: ignore[no-untyped-def]
    for z in ("-1+0.1j", "-1+0.1i"):
        code, out, _ = cli(f"tr({R})/d", "--json", *X, *SIZES[:4], "--set", f"lam={z}")
        found = strict(out)["value"]
        m, c, lam = complex(found["real"], found["imag"]), 120 / 90, -1 + 0.1j
        assert code == 0
        assert abs(c * lam * m**2 + (1 - c + lam) * m - 1) < 1e-12
        assert m.imag < 0
    assert "j" in cli(f"tr({R})/d", *X, *SIZES[:4], "--set", "lam=-1+0.1j")[1]


@pytest.mark.parametrize(
    ("text", "eigenvalues"),
    [
        ("0.5,2", [0.5, 2.0]),
        ("3", [3.0]),
        ("isotropic", [1.0]),
        ("power-law:capacity=1.2", np.arange(1, 121) ** -1.2),
        ("power-law:dimension=120,capacity=1.2,source=0.5", np.arange(1, 121) ** -1.2),
    ],
)
def test_matrices_are_given_by_their_eigenvalues(strict, cli, text: str, eigenvalues: Any) -> None:  # type: ignore[no-untyped-def]
    n, d = dv.dims("n d")
    lam, T = dv.scalar("lam"), dv.commuting("S", d)
    x = dv.gaussian("X", n, d, colcov=T)
    resolvent = (x.T * x / n + lam * dv.identity(d)).inv()
    expected = dv.derive(dv.trace(T * resolvent * T)).theory({n: 90, d: 120, lam: 0.2, T: eigenvalues})["value"]
    code, out, _ = cli(f"tr(S*{R}*S)", "--json", *S, *SIZES, "--set", f"S={text}")
    assert code == 0
    assert strict(out)["value"] == pytest.approx(expected, rel=1e-12)


def test_files_and_joint_eigenvalues(strict, cli, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    values = np.linspace(0.5, 2, 120)
    np.save(tmp_path / "s.npy", values)
    np.save(tmp_path / "matrix.npy", np.diag(values))
    words = (f"tr(G*{R})", "--json", *S, "--commuting", "G: d", *SIZES, "--set")
    both = (*words, f"S={tmp_path / 's.npy'}", "--set")
    code, out, _ = cli(*both, "G=" + ",".join(map(repr, values.tolist())))
    listed = strict(out)["value"]
    assert code == 0
    assert strict(cli(*both, f"G={tmp_path / 's.npy'}")[1])["value"] == listed
    assert strict(cli(*both, f"G={tmp_path / 'matrix.npy'}")[1])["value"] == pytest.approx(listed, rel=1e-12)
    alone = (f"tr({R})", "--json", *S, *SIZES, "--set")
    one = [strict(cli(*alone, f"S={tmp_path / name}")[1])["value"] for name in ("s.npy", "matrix.npy")]
    assert one[0] == pytest.approx(one[1], rel=1e-12)


def test_covariances_variances_and_symmetric_letters(strict, cli) -> None:  # type: ignore[no-untyped-def]
    # tr X'CX = v tr(A C) tr(B) for rows of covariance A and columns of covariance B; tr W^2 = v d^2.
    words = ("--gaussian", "X: n x d, cov 2*B + I, rowcov A, variance v/n", "--commuting", "C: n")
    numbers = ("--set", "n=4", "--set", "d=6", "--set", "v=3", "--set", "A=1,2", "--set", "B=0.5,1", "--set", "C=5,7")
    _, out, _ = cli("tr(X'*C*X)", "--json", *words, *numbers)
    assert strict(out)["value"] == pytest.approx(3 / 4 * (2 * (5 + 14)) * (3 * (2 + 3)), rel=1e-12)
    _, out, _ = cli("tr(W^2)/d", "--json", "--gaussian", "W: d x d, symmetric, variance=2/d", "--set", "d=50")
    assert strict(out)["value"] == pytest.approx(2.0, rel=1e-12)


def test_equations_without_numbers(strict, cli) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = cli(f"tr({R})", *X, "--latex")
    assert code == 0
    assert out.startswith("\\begin{aligned}")
    assert "value  " not in out
    found = strict(cli(f"tr({R})", *X, "--latex", "--steps", "--json")[1])
    assert found["latex"] == out.strip()
    assert found["steps"].startswith("1. ")
    assert "value" not in found


def test_verdict_and_exit_codes(strict, cli) -> None:  # type: ignore[no-untyped-def]
    words = (f"tr({R})/d", *X, *SIZES, "--verify", "--trials", "12")
    code, out, _ = cli(*words)
    assert code == 0
    assert "agrees with 12 draws" in out
    found = strict(cli(*words, "--json")[1])["verdict"]
    assert found["passed"] is True
    assert abs(found["complex_entries"]["z"]) <= found["threshold"]
    # One row and one column: nothing to do with the limit, so the verdict is against it or cannot be reached.
    code, _, _ = cli("tr(inv(X'*X + lam*I))", *X, "--set", "n=1", "--set", "d=1", "--set", "lam=1e-3", "--verify")
    assert code == 1


def test_one_symbol_that_may_be_two_data_sets(strict, cli) -> None:  # type: ignore[no-untyped-def]
    words = (f"tr({R}*inv(X'*X/n + 2*lam*I))", *X, *SIZES)
    code, out, err = cli(*words)
    assert (code, err.count("\n")) == (0, 1)
    assert "warning: X stands in two different resolvents" in err
    assert len(strict(cli(*words, "--json")[1])["warnings"]) == 1
    assert "value  " in out


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("tr(X'*X", ") is missing at the end"),
        ("tr(X'*X))", "goes on with an operator, such as *, before ')' (character 9)"),
        ("tr(X' X)", "before 'X'"),
        ("tr(X'*)", "before ')'"),
        ("", "at the end"),
        ("tr(X'*X) $ 2", "character 10 is none of these"),
        ("__import__('os').system('true')", "none of these"),
        ("tr(X'*X).real", "none of these"),
        ("open(X)", "functions tr, trace"),
        ("tr(exp(X'*X))", "free of the exp of a matrix"),
        ("tr(X'*X + lam)", "write lam*I"),
        ("tr(X + I)", "a square matrix where I is added"),
        ("tr(X*X)", "transpose missing"),
        ("tr(I)", "write I_d"),
        ("tr(3)", "a matrix in the trace, not 3"),
        ("X'*X", "wrap the matrix in tr(...)"),
        ("I", "wrap the matrix in tr(...)"),
        ("lam", "at least one"),
        ("tr(inv(X))", "a square matrix where it is inverted"),
        ("tr(1/(X'*X))", "write inv(...)"),
        ("tr(X'*X)/0", "division by zero"),
        ("tr(X'*X)/(1-1)", "division by zero"),
        ("tr((X'*X)^0.5)", "integer powers only"),
        ("tr((X'*X)^999)", "powers between"),
        ("tr(X'*X)*9^9^9^9^9", "powers between"),
        ("tr(X'*X)*((((9^20)^20)^20)^20)^20", "between 1e-300 and 1e300"),
        ("tr(X'*X)*exp(exp(exp(9)))", "between 1e-300 and 1e300"),
        ("tr(X'*X)*log(0)", "real constants"),
        ("tr(X'*X)*log(lam - lam)", "real constants"),
        ("tr(X'*X)*sqrt(-1)", "real constants"),
        ("log(-lam)*tr(X'*X)", "not finite"),
        ("tr(X'*X)*1e999", "finite numbers"),
        ("tr(X'*X)^X", "matrices in exponents"),
        ("lam'*tr(X'*X)", "a matrix where it is transposed, not lam"),
        ("tr(X'*Y)", '--gaussian "Y: n x d"'),
        ("tr(tr(X'*X)*X'*X)", "traces inside a trace"),
        ("(" * 500 + "1", "brackets inside"),
        ("tr(X'*X)" + "+1" * 2000, "2000 characters"),
        ("tr(X'*X" + "'" * 1900, "is missing"),
    ],
)
def test_expressions_that_are_refused(cli, expression: str, message: str) -> None:  # type: ignore[no-untyped-def]
    code, out, err = cli(*X, *SIZES, "--", expression)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--gaussian", "X n x d"), 'such as "X: n x d, cov S"'),
        (("--gaussian", "X: n x d, covariance S"), "did you mean 'variance'"),
        (("--gaussian", "X: n x d, cov"), "once each"),
        (("--gaussian", "X: n x d, cov S, colcov S"), "once each"),
        (("--gaussian", "X: n x d, symmetric"), "square and without"),
        (("--gaussian", "X: n x d, variance I"), "a variance that is a number"),
        (("--gaussian", "X: n x d, cov lam*2"), "colcov"),
        (("--gaussian", "I: n x d"), "kept for the language"),
        (("--gaussian", "n: n x d"), "one thing"),
        ((*X, *X), "one thing"),
        ((*X, "--commuting", "S"), 'such as "S G: d"'),
        ((*X, "--commuting", "X: d"), "one thing"),
        ((*S, "--commuting", "S: n"), "one thing"),
        ((*X, "--set", "n=9"), "d is missing"),
        ((*X, *SIZES[:4]), "lam is missing"),
        ((*X, *SIZES, "--set", "mu=1"), "not a symbol of this expression"),
        ((*X, *SIZES, "--set", "S=1,2"), "S is not a symbol of this expression"),
        ((*X, "--set", "n=1.5", *SIZES[2:]), "n = 1.5"),
        ((*X, *SIZES[:4], "--set", "lam=abc"), "a number, such as"),
        ((*X, *SIZES[:4], "--set", "lam=nan"), "lam = nan"),
        ((*X, *SIZES[:4], "--set", "lam"), "name=value"),
        ((*X, *SIZES, "--seed", "-1"), "seed = -1"),
        ((*X, *SIZES, "--verify", "--trials", "2"), "trials = 2"),
        ((*S, *SIZES), "S is missing"),
        ((*S, *SIZES, "--set", "S=1,2,3,4,5,6,7"), "eigenvalues"),
        ((*S, *SIZES, "--set", "S=1,x"), "a number, such as"),
        ((*S, *SIZES, "--set", "S=1,1j"), "real eigenvalues"),
        ((*S, *SIZES, "--set", "S=power-low:capacity=1"), "did you mean 'power-law'"),
        ((*S, *SIZES, "--set", "S=power-law:dimension=60,capacity=1"), "d = 120 directions"),
        ((*S, "--set", "n=9", "--set", "d=1j", "--set", "lam=1", "--set", "S=isotropic"), "a size"),
        ((*S, *SIZES, "--set", "S=missing.npy"), "an existing file"),
    ],
)
def test_declarations_and_numbers_that_are_refused(cli, words: tuple[str, ...], message: str) -> None:  # type: ignore[no-untyped-def]
    code, out, err = cli(f"tr({R})", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_points_without_a_solution(cli) -> None:  # type: ignore[no-untyped-def]
    code, out, err = cli("tr(inv(X'*X/n))", *X, *SIZES[:4])
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "n < d" in err


def test_digits_and_scalars(cli, strict) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = cli(f"tr({R})/d", *X, *SIZES, "--digits", "30", "--scalars", "--json")
    found = strict(out)
    assert code == 0
    assert found["value"].startswith("2.2")
    assert len(found["value"]) == 31
    assert float(found["value"]) == pytest.approx(marchenko_pastur(90, 120, 0.2), rel=1e-14)
    assert r"q_{X} &= \frac{1}{1 + s_{X}}" in found["scalars"]
    assert cli(f"tr({R})/d", *X, *SIZES, "--digits", "0")[2].count("an integer from 1 to 1000") == 1
    complex_point = ("--set", "n=90", "--set", "d=120", "--set", "z=0.2+0.3i", "--digits", "25")
    assert " + i(" in cli("tr(inv(X'*X/n - z*I))/d", *X, *complex_point)[1]


def test_random_features(cli, strict) -> None:  # type: ignore[no-untyped-def]
    words = (*X, "--gaussian", "W: d x m, variance 1/d", "--set", "m=60", *SIZES)
    code, out, _ = cli("tr(inv(F'*F/n + lam*I))/m", *words, "--features", "F: relu(X*W), centred", "--json")
    assert code == 0
    n, d, m, lam = (*dv.dims("n d m"), dv.scalar("lam"))
    F = dv.features(dv.gaussian("X", n, d), dv.gaussian("W", d, m, variance=1 / d), "relu", centred=True)
    expected = dv.derive(dv.trace((F.T * F / n + lam * dv.identity(m)).inv()) / m)
    assert strict(out)["value"] == pytest.approx(expected.theory({n: 90, d: 120, m: 60, lam: 0.2})["value"], rel=1e-13)
    for text in ("F: relu(X*V)", "F relu(X*W)", "F: relu(X)", "X: relu(X*W)"):
        code, _, err = cli("tr(inv(F'*F/n + lam*I))/m", *words, "--features", text)
        assert code == 2
        assert err.count("\n") == 1
    assert "did you mean 'relu'" in cli("tr(F*F')", *words, "--features", "F: rellu(X*W)")[2]


@pytest.mark.parametrize(
    ("expression", "words", "message"),
    [
        ("tr(tr(A)*A)", (), "take tr(A) outside, for tr(tr(A)*B) is tr(A)*tr(B)"),
        ("tr(X*X)", (), "expression = X^2 is outside its domain"),
        ("tr(X'*X + X*X')", (), "X*X' is n x n, and X'*X is d x d"),
        ("tr(inv(X'*X/n))", ("n=9", "d=12"), "the inverse of X'*X/n has no ridge.*add lam*I, or take n > d"),
        ("tr(inv(X'*X/n - z*I))", ("n=90", "d=12", "z=1"), "the inverse of -z*I + X'*X/n is taken inside the bulk"),
        ("tr(Z)", ("n=9", "d=12", "S=-1,2"), "finite eigenvalues >= 0, for it is a covariance of Y"),
        ("tr(inv(F'*F + I))", ("n=9", "d=12", "m=5"), '", centred" in --features subtracts it'),
    ],
)
def test_refusals_speak_the_language_of_the_command_line(
    cli,  # type: ignore[no-untyped-def]
    expression: str,
    words: tuple[str, ...],
    message: str,
) -> None:
    letters = (*X, "--commuting", "A: d", "--gaussian", "W: d x m", "--features", "F: relu(X*W)")
    letters = (*letters, "--gaussian", "Y: n x d, cov S")
    numbers = [part for word in words for part in ("--set", word)]
    code, _, err = cli(expression.replace("tr(Z)", "tr(inv(Y'*Y + I))"), *letters, *numbers)
    assert code == 2 or "the inverse" in message
    assert all(part in err for part in message.split(".*")), err
    assert not any(word in err for word in ("dv.", ".T", "**", "Trace", "identity("))
