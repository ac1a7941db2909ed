"""Does a larger model make it worse, and which part of the test error says so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Amplification", "judge_growth"]

_PARTS = ("bias", "variance", "zeta")
_ROUNDING = 2e-14  # relative error of a value, with a margin


@dataclass(frozen=True)
class Amplification:
    """The answer; true as a condition where a larger model is worse.

    Attributes
    ----------
    worse : bool
        Whether the test error grows with the width.
    slopes : mapping of str to float
        Change of the test error and of its parts per unit of log-width (for the linear model, from a very wide model
        to it); empty where the error is infinite.
    reason : str
        Which part decides, in words.
    """

    worse: bool
    slopes: Mapping[str, float]
    reason: str

    def __bool__(self) -> bool:
        return self.worse

    def __str__(self) -> str:
        return f"a larger model is {'worse' if self.worse else 'not worse'} here: {self.reason}"


def judge_growth(here: Mapping[str, float], larger: Mapping[str, float], step: float) -> Amplification:
    """Compare the values of a model with those of one that is larger by `step` in log-width."""
    if math.isinf(here["test_error"]):
        return Amplification(False, {}, "it is at the interpolation threshold, where the error is infinite")
    slopes = {name: (larger[name] - here[name]) / step for name in ("test_error", *_PARTS)}
    if abs(slopes["test_error"]) <= _ROUNDING * here["test_error"] / step:
        return Amplification(False, slopes, "the width does not matter")
    return Amplification(slopes["test_error"] > 0, slopes, _reason(slopes))


def _reason(slopes: Mapping[str, float]) -> str:
    up = slopes["test_error"] > 0
    deciding = max(_PARTS, key=lambda name: slopes[name] if up else -slopes[name])
    return _WORDS[deciding, up]


_WORDS = {
    ("zeta", True): "it learns the shift of the synthetic labels faster than it learns the target",
    ("bias", True): "the width nears the number of samples, and what the features miss acts as noise that is amplified",
    ("variance", True): "the width nears the number of samples, and label noise is amplified",
    ("zeta", False): "past interpolation the shift of the synthetic labels is amplified less",
    ("bias", False): "it learns the target faster than it learns the shift of the synthetic labels",
    ("variance", False): "past interpolation label noise is amplified less",
}
