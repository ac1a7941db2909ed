"""How a verdict reads: as text, by name, and as plain values."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest

from rmtcollapse.experiments.verdict import COARSE, Row, Verdict

GOOD = Row("bias", 2.0, 2.02, 0.02, 1.0, 0.01, 0.3, True, 2.0)
BAD = Row("variance", 1.0, 1.1, 0.01, 10.0, 0.1, 0.0, False, 1.0)
VAGUE = Row("collapse", 1.0, 1.1, 0.1, 1.0, 0.1, 0.0, False, 1.0, f"{COARSE}: an error of 40% would pass unnoticed")
ENDLESS = Row("test_error", math.inf, 7.0, 1.0, 0.0, 0.0, 0.0, True, note="infinite: a mean cannot be judged")


def verdict(*rows: Row) -> Verdict:
    arrays = {row.name: np.ones(2) for row in rows}
    passed = all(row.passed for row in rows)
    return Verdict(passed, rows, (Fraction(1, 2), Fraction(1)), 50, 3.5, "some-model", arrays, arrays, arrays)


@pytest.mark.parametrize(
    ("rows", "words", "conclusive"),
    [
        ((GOOD, ENDLESS), "agrees with", True),
        ((GOOD, BAD), "DISAGREES with", True),
        ((GOOD, VAGUE), "is NOT YET JUDGED by", False),
        ((BAD, VAGUE), "DISAGREES with", False),
    ],
)
def test_the_first_line_says_it_all(rows: tuple[Row, ...], words: str, conclusive: bool) -> None:
    made = verdict(*rows)
    assert made.report.splitlines()[0] == (
        f"some-model: theory {words} simulation (50 trials at each of sizes x1/2, x1, |z| <= 3.50)"
    )
    assert made.conclusive is conclusive
    assert str(made) == made.report


def test_one_line_a_value() -> None:
    lines = verdict(GOOD, BAD, VAGUE, ENDLESS).report.splitlines()
    assert len(lines) == 6
    assert lines[1].split() == ["value", "theory", "simulated", "std", "error", "z", "gap"]
    assert lines[2].split() == ["bias", "2", "2.02", "0.02", "1", "1.00%", "ok"]
    assert lines[3].split()[-1] == "NO"
    assert COARSE in lines[4]
    assert lines[5].split()[1] == "inf"
    assert "cannot be judged" in lines[5]


def test_rows_by_name() -> None:
    made = verdict(GOOD, BAD)
    assert made["variance"] is BAD
    with pytest.raises(KeyError, match="varianse: this verdict has bias, variance"):
        made["varianse"]


def test_plain_values() -> None:
    plain = verdict(GOOD, VAGUE).to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["sizes"] == ["1/2", "1"]
    assert plain["passed"] is False
    assert plain["conclusive"] is False
    assert plain["rows"][0]["name"] == "bias"
    assert plain["rows"][1]["note"].startswith(COARSE)
