"""A forecast of what a text loses, and how it reads: predicted curves beside measured ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse._deferred import deferred
from rmtcollapse.predict._plain import plain_values

__all__ = ["Losses", "TailForecast"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Losses:
    """Unseen mass and different words along one axis.

    Attributes
    ----------
    axis : str
        ``"words"`` or ``"resamplings"``.
    x : array (points,)
        Words in the sample, or how often the sample was resampled.
    effective_samples : array (points,)
        How many words of the text that is worth, in the theory.
    predicted, measured, standard_error : array (points,)
        Mass of the held-out words that are unseen; the error is over samples of this text only.
    predicted_kinds, measured_kinds : array (points,)
        Different words that are seen.
    """

    axis: str
    x: NDArray[np.int64]
    effective_samples: Array
    predicted: Array
    measured: Array
    standard_error: Array
    predicted_kinds: Array
    measured_kinds: Array

    @property
    def gaps(self) -> Array:
        """Relative gaps of the unseen mass, predicted / measured - 1; infinite where nothing was unseen."""
        with np.errstate(divide="ignore"):
            return self.predicted / self.measured - 1


@dataclass(frozen=True, eq=False)
class TailForecast:
    r"""What the theory said of a text, and what was measured.

    Attributes
    ----------
    source : str
        The text.
    tokens, kinds, held_out : int
        Words, different words, and words held out.
    fitted_on, fitted_kinds : int
        Words that the law was fitted on, and different ones among them.
    exponent, exponent_error : float
        :math:`\beta` of the tail and its standard error for independent words.
    rate : float
        Exponent of the unseen mass in the sample size, :math:`1-1/\beta`, and of its growth in the resamplings.
    largest_count : int
        Words seen at most so often were used for the exponent.
    growth, resampling : Losses
        Against the sample size, and against the number of resamplings of the fitted sample.
    """

    source: str
    tokens: int
    kinds: int
    held_out: int
    fitted_on: int
    fitted_kinds: int
    exponent: float
    exponent_error: float
    rate: float
    largest_count: int
    repeats: int
    growth: Losses
    resampling: Losses

    plot = deferred("rmtcollapse.plotting", "plot_tail_forecast")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, arrays as lists."""
        return plain_values(self, ("growth", "resampling"))

    @property
    def report(self) -> str:
        """The forecast as text."""
        grown, lost = self.growth.gaps, self.resampling.gaps
        beyond = self.growth.x > self.fitted_on
        lines = [
            f"{self.source}: {self.tokens:,} words, {self.kinds:,} of them different; {self.held_out:,} held out",
            f"tail fitted on {self.fitted_on:,} words ({self.fitted_kinds:,} different), those seen at most "
            f"{self.largest_count} times: exponent {self.exponent:.3f} ± {self.exponent_error:.2g}, unseen mass ~ "
            f"words^-{self.rate:.3f}",
            f"± is one standard error over {self.repeats} samples of this text; gap is predicted / measured - 1",
            "",
            "unseen mass as the sample grows",
            *_table(self.growth),
            "",
            f"unseen mass as {self.fitted_on:,} words are drawn from the fitted ones, and again from those",
            *_table(self.resampling),
            f"gap up to the fitted size: median {np.median(abs(grown[~beyond])):.1%}",
        ]
        if beyond.any():
            lines.append(
                f"gap beyond it: {grown[beyond][-1]:+.1%} at {self.growth.x[-1] / self.fitted_on:.2g} times as many"
            )
        return "\n".join([*lines, f"gap of resampling: median {np.median(abs(lost)):.1%}"])


def _table(losses: Losses) -> list[str]:
    head = f"{losses.axis:>12}{'predicted':>11}{'measured':>11}{'±':>10}{'gap':>9}{'different':>12}{'measured':>10}"
    rows = zip(
        losses.x, losses.predicted, losses.measured, losses.standard_error, losses.gaps, losses.predicted_kinds,
        losses.measured_kinds, strict=True,
    )  # fmt: skip
    return [
        head,
        *(f"{x:>12}{p:>11.4g}{m:>11.4g}{e:>10.2g}{g:>9.1%}{k:>12.0f}{s:>10.0f}" for x, p, m, e, g, k, s in rows),
    ]
