r"""Forecast what a text loses: words unseen as the sample grows, and words lost as samples are drawn from samples.

The theory is that of :class:`~rmtcollapse.models.heavy_tail.HeavyTail` for a tail :math:`p_i=Ci^{-\beta}` whose scale
*C* is free, since only the tail of a text is a power law: *T* words miss a mass
:math:`E=\alpha\,\Gamma(1-\alpha)\,C^\alpha T^{\alpha-1}`, :math:`\alpha=1/\beta`, and :math:`\int E\,\mathrm dT` of
them are new; after *n* resamplings *T* becomes :math:`\tau`.

Both parameters come from one part of the text. In a sample from such a tail a share
:math:`\alpha\,\Gamma(m-\alpha)/(\Gamma(1-\alpha)\,m!)` of the different words is seen *m* times (Karlin 1967);
:math:`\alpha` maximises the likelihood of the words seen at most ten times, with Fisher's standard error. *C* follows
from the words that are seen once, whose share of the sample estimates the mass that is unseen (Good 1953).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.experiments.executors import seed_sequence, track
from rmtcollapse.models.heavy_tail import HeavyTail
from rmtcollapse.predict.tail_report import Losses, TailForecast
from rmtcollapse.predict.texts import Text

__all__ = ["fit_tail", "predict_tail"]

Array = NDArray[np.float64]
Tokens = NDArray[np.int64]

_SIZES = 9
_GENERATIONS = (0, 1, 2, 5, 10, 20, 50)
_RANGE = 10  # words seen at most so often say what the tail is
_HELD_OUT = 0.25


def predict_tail(
    text: Text, *, samples: int | None = None, repeats: int = 20, seed: int = 0, progress: bool = False
) -> TailForecast:
    """Predict and measure the unseen mass of a text, as the sample grows and as it is resampled.

    The words are put in random order; a quarter of them is held out, and the law is fitted on `samples` of the others.

    Parameters
    ----------
    text : Text
        From :func:`read_text` or :func:`load_text`.
    samples : int, optional
        Words that the law is fitted on, from 100 to three quarters of the text; a quarter of it by default.
    repeats : int
        Samples at each measured point, at least 2.
    seed, progress
        As in :func:`rmtcollapse.simulate`.

    Returns
    -------
    TailForecast
        The law, both curves, ``report`` and ``plot``.

    Raises
    ------
    ParameterError
        For a value outside its domain.
    ConvergenceError
        Where the words seen once or twice are not those of a power law.
    """
    if isinstance(repeats, bool) or not isinstance(repeats, int | np.integer) or repeats < 2:
        raise ParameterError("repeats", repeats, "an integer >= 2")
    rng = np.random.default_rng(seed_sequence(seed))
    order = rng.permutation(text.tokens)
    held, pool = np.split(order, [int(_HELD_OUT * len(order))])
    size = _validated_samples(samples, len(pool), len(order))
    fitted = pool[:size]
    exponent, error = fit_tail(fitted)
    counts = np.unique(fitted, return_counts=True)[1]
    mass = np.bincount(held, minlength=text.kinds) / len(held)
    sizes = np.unique(np.round(np.geomspace(max(50, size / 32), len(pool), _SIZES)).astype(np.int64))
    law = _Law(exponent, counts.size, float(np.mean(counts == 1)) * counts.size / size, size)
    with track("resampling", repeats, progress) as advance:
        grown, lost = [], []
        for _ in range(repeats):
            grown.append(_growth(rng.permutation(pool), sizes, mass))
            lost.append(_resampled(fitted, mass, rng))
            advance(1)
    worth = np.array([law.worth(n) for n in _GENERATIONS])
    return TailForecast(
        source=text.source,
        tokens=len(order),
        kinds=text.kinds,
        held_out=len(held),
        fitted_on=size,
        fitted_kinds=counts.size,
        exponent=exponent,
        exponent_error=error,
        rate=law.pure().exponents()["clean_rate"],
        largest_count=_RANGE,
        repeats=int(repeats),
        growth=_losses("words", sizes, law, sizes.astype(float), np.array(grown)),
        resampling=_losses("resamplings", np.array(_GENERATIONS), law, worth, np.array(lost)),
    )


def _validated_samples(samples: int | None, pool: int, tokens: int) -> int:
    if samples is None:
        return tokens // 4
    if isinstance(samples, bool) or not isinstance(samples, int | np.integer) or not 100 <= samples <= pool:
        raise ParameterError("samples", samples, f"an integer from 100 to {pool}, the words that are not held out")
    return int(samples)


def fit_tail(tokens: Tokens) -> tuple[float, float]:
    r"""Exponent :math:`\beta` of the tail from a sample of tokens, and its standard error.

    Raises
    ------
    ConvergenceError
        Where the likelihood has no maximum at an exponent from 1.02 to 50.
    """
    from scipy.optimize import minimize_scalar

    counts = np.unique(tokens, return_counts=True)[1]
    seen = np.bincount(counts[counts <= _RANGE], minlength=_RANGE + 1)[1:].astype(float)

    def loss(alpha: float) -> float:
        return -float(seen @ np.log(_shares(alpha)))

    low, high = 1 / 50, 1 / 1.02
    alpha = float(minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-10}).x)
    if not low + 1e-3 < alpha < high - 1e-3:
        raise ConvergenceError(
            f"the tail of this text is no power law: of {counts.size} different words {seen[0]:.0f} are seen once and "
            f"{seen[1]:.0f} twice; give a longer text, or fewer samples"
        )
    step = 1e-4
    slope = (np.log(_shares(alpha + step)) - np.log(_shares(alpha - step))) / (2 * step)
    information = float(seen.sum() * (_shares(alpha) @ slope**2))
    return 1 / alpha, 1 / (math.sqrt(information) * alpha**2)


def _shares(alpha: float) -> Array:
    """Shares of words seen 1, ..., 10 times, among those that are seen at most ten times."""
    m = np.arange(1.0, _RANGE)
    made = np.concatenate([[1.0], np.cumprod((m - alpha) / (m + 1))])
    return np.asarray(made / made.sum())


class _Law:
    """The fitted tail."""

    def __init__(self, exponent: float, kinds: int, mass: float, samples: int) -> None:
        self.exponent, self.kinds, self.mass, self.samples = exponent, kinds, mass, samples

    def pure(self, generations: int = 0) -> HeavyTail:
        """The model with this exponent; its scale is not that of the text."""
        return HeavyTail(
            exponent=self.exponent, samples=self.samples, generations=generations, generator_samples=self.samples
        )

    def worth(self, generations: int) -> float:
        """How many words of the text the sample is worth after so many resamplings."""
        # The sample itself is the first data set: what is drawn from it is one generation of the model.
        return self.pure(generations).effective_samples if generations else float(self.samples)

    def unseen(self, worth: Array) -> Array:
        """Expected mass of the words that are not among so many."""
        return np.minimum(1.0, self.mass * (worth / self.samples) ** (1 / self.exponent - 1))

    def different(self, worth: Array) -> Array:
        """Expected number of different words in so many: those in the sample, and the new ones since."""
        new = self.mass * self.samples * self.exponent * np.expm1(np.log(worth / self.samples) / self.exponent)
        return np.maximum(1.0, self.kinds + new)


def _losses(axis: str, x: NDArray[np.int64], law: _Law, worth: Array, measured: Array) -> Losses:
    """Measured: (repeats, points, 2), unseen mass and different words."""
    mean, error = measured.mean(axis=0), measured.std(axis=0, ddof=1) / math.sqrt(len(measured))
    error[np.ptp(measured, axis=0) == 0] = 0.0  # the whole sample, which there is one of
    return Losses(axis, x, worth, law.unseen(worth), mean[:, 0], error[:, 0], law.different(worth), mean[:, 1])


def _growth(order: Tokens, sizes: NDArray[np.int64], mass: Array) -> Array:
    """Held-out mass unseen in the first words of an order, and how many different words those are, (sizes, 2)."""
    return np.array([_unseen(order[:size], mass) for size in sizes])


def _resampled(sample: Tokens, mass: Array, rng: np.random.Generator) -> Array:
    """The same after drawing, with replacement, as many words from the sample, and again from those, (steps, 2)."""
    found = []
    for generation in range(_GENERATIONS[-1] + 1):
        if generation in _GENERATIONS:
            found.append(_unseen(sample, mass))
        sample = rng.choice(sample, size=sample.size)
    return np.array(found)


def _unseen(sample: Tokens, mass: Array) -> tuple[float, float]:
    seen = np.zeros(mass.size, bool)
    seen[sample] = True
    return float(mass[~seen].sum()), float(seen.sum())
