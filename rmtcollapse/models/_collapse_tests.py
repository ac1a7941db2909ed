"""What a finite curve, with or without standard errors, can say: has it risen, does it grow for ever, is it steeper.

Each answer is (met, reason, statistic), with ``None`` where the curve cannot tell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Answer", "Series", "grows_for_ever", "has_risen", "slopes_differ"]

Array: TypeAlias = NDArray[np.float64]
Answer: TypeAlias = "tuple[bool | None, str, float | None]"

_ROUNDING = 1e-10  # relative size below which a change of a curve without errors is rounding
_MARGIN = 0.25  # exponents closer to 0 than this may be logarithms
_SLOWING = 0.05  # an exponent that falls by more than this, over a factor of two, may fall further
_TILT = 0.1  # scaling exponents closer than this are one


@dataclass(frozen=True)
class Series:
    """Values over generations, with standard errors (zero where exact) and the level of the tests.

    `times` counts from the generation that was trained on real data.
    """

    times: Array
    values: Array
    errors: Array
    level: float

    def quantile(self, comparisons: int) -> float:
        """Two-sided normal quantile at the level shared among so many comparisons."""
        from scipy.special import ndtri

        return float(-ndtri(self.level / (2 * max(comparisons, 1))))

    @property
    def exact(self) -> bool:
        """Whether there are no errors."""
        return not self.errors.any()


def has_risen(series: Series, factor: float) -> Answer:
    """Whether a value is anywhere more than `factor` times the first one."""
    first, rest = series.values[0], series.values[1:]
    if math.isinf(first):
        return None, "it is infinite from the start", None
    with np.errstate(divide="ignore", invalid="ignore"):
        largest = float(rest.max()) / first if first else math.inf if rest.max() > 0 else 1.0
    excess = rest - factor * first
    width = series.quantile(rest.size) * np.hypot(series.errors[1:], factor * series.errors[0])
    width = width + _ROUNDING * factor * abs(first)
    shown = f"at most {largest:.4g} times the first value"
    if np.any(excess > width):
        return True, shown, largest
    if series.exact or np.all(excess < -width):
        return False, shown, largest
    return None, f"{shown}, but the standard errors are too large to tell", largest


def grows_for_ever(series: Series) -> Answer:
    r"""Whether values grow without limit, judged by how what they gain changes as time doubles.

    The gain per unit of log time, :math:`g(t)=dv/d\log t`, behaves as :math:`t^q` with q > 0 for growth like a power,
    q = 0 for a logarithm and q < 0 where a limit is approached. A finite curve says so as far as it goes.
    """
    if np.isinf(series.values[1:]).any():
        return True, "it becomes infinite", math.inf
    picked = _doublings(series.times)
    if picked is None:
        return None, "it needs eight generations or more, of which some lie near 1/8, 1/4 and 1/2 of the last", None
    values, errors, times = series.values[picked], series.errors[picked], series.times[picked]
    gains, scale = np.diff(values), float(np.abs(values).max())
    noise = np.hypot(errors[1:], errors[:-1]) * series.quantile(3) + _ROUNDING * scale
    if gains[2] < -noise[2] or (series.exact and gains[2] <= noise[2]):
        return False, "it does not grow at the end of the curve", None
    if np.any(gains[1:] <= noise[1:]):
        return None, "it grows, but not clearly enough over the last two doublings to tell", None
    earlier, last = _exponents(times, gains)
    spread = series.quantile(1) * _exponent_error(times, gains, errors)
    shown = f"the gain per doubling of the generations t goes as t^{last:.2f}"
    if last + spread < -_MARGIN:
        return False, f"{shown}: it tends to a limit, as far as this curve goes", last
    slowing = gains[0] > noise[0] and last < earlier - _SLOWING - (spread if not series.exact else 0.0)
    if last - spread > _MARGIN and not slowing:
        return True, f"{shown}: it grows for ever, as far as this curve goes", last
    return None, f"{shown}{', and slows down' if slowing else ''}: too close to call", last


def _doublings(times: Array) -> NDArray[np.intp] | None:
    """Places near 1/8, 1/4, 1/2 and 1 of the last time, all different and after the first."""
    last = float(times[-1])
    if times.size < 5 or last < 7:
        return None
    with np.errstate(divide="ignore"):
        logs = np.log(times)
    picked = np.array([int(np.argmin(abs(logs - math.log(last * share)))) for share in (1 / 8, 1 / 4, 1 / 2, 1.0)])
    steps = np.diff(logs[picked])
    return picked if picked[0] > 0 and np.all((steps > math.log(1.3)) & (steps < math.log(4))) else None


def _centres(times: Array) -> Array:
    return np.diff((np.log(times[1:]) + np.log(times[:-1])) / 2)


def _exponents(times: Array, gains: Array) -> tuple[float, float]:
    """Exponents q of the gain per log time, over the earlier and the later pair of doublings."""
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = np.log(gains / np.diff(np.log(times)))
    earlier, last = np.diff(rates) / _centres(times)
    return float(earlier), float(last)


def _exponent_error(times: Array, gains: Array, errors: Array) -> float:
    """Standard error of the later exponent, to first order."""
    middle, end = gains[1:]
    variance = (errors[3] / end) ** 2 + (errors[2] * (1 / end + 1 / middle)) ** 2 + (errors[1] / middle) ** 2
    return float(np.sqrt(variance) / _centres(times)[1])


def slopes_differ(sizes: Array, first: Series, last: Series) -> Answer:
    """Whether two curves over sample sizes fall with different exponents at the larger sizes."""
    large = sizes >= math.sqrt(float(sizes[0]) * float(sizes[-1]))
    if sizes.size < 3 or sizes[-1] < 4 * sizes[0]:
        return None, "it needs three sample sizes or more, over a factor of four", None
    if large.sum() < 3:
        large = np.arange(sizes.size) >= sizes.size - 3
    if any(not np.all(np.isfinite(c.values[large]) & (c.values[large] > 0)) for c in (first, last)):
        return None, "a power of the sample size needs finite positive values", None
    fits = [_slope(np.log(sizes[large]), c.values[large], c.errors[large]) for c in (first, last)]
    change = fits[1][0] - fits[0][0]
    width = first.quantile(1) * math.hypot(fits[0][1], fits[1][1])
    shown = f"exponent {fits[0][0]:.3f} at first, {fits[1][0]:.3f} at last"
    if abs(change) - width > _TILT:
        return True, shown, change
    if abs(change) + width < _TILT:
        return False, shown, change
    return None, f"{shown}, but the standard errors are too large to tell", change


def _slope(x: Array, values: Array, errors: Array) -> tuple[float, float]:
    """Slope of log values and its standard error; weighted where there are errors."""
    spread = errors / values
    weights = 1 / spread**2 if np.all(spread > 0) else np.ones(x.size)
    centred = x - np.average(x, weights=weights)
    strength = float(np.sum(weights * centred**2))
    slope = float(np.sum(weights * centred * np.log(values))) / strength
    return slope, float(np.sqrt(np.sum((weights * centred * spread) ** 2))) / strength
