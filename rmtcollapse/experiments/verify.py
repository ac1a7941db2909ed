r"""Is the theory right? Finite-size experiments at several sizes, extrapolated in 1/n, compared with its numbers.

A deterministic equivalent is off by :math:`O(1/n)` at any finite size, so a simulation precise enough to be worth
running rejects every correct theory at one size. The model is therefore resized (multiplicities and sample counts
times *k*, which leaves the equivalent unchanged), the relative gaps are fitted by :math:`a_0+a_1/k`, and :math:`a_0`
is what is tested. A theory that is exact at every size needs no extrapolation: there the gaps themselves are tested. A
value that nears its limit at another rate says so in its model's ``finite_size``: the largest eigenvalue of a matrix is
:math:`O(n^{-2/3})` off, and its gap is fitted by :math:`a_0+a_1k^{-2/3}`. A value that experiments of these sizes say
nothing about, next to a phase transition for one, is shown with the reason that ``unjudged`` gives, and not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from fractions import Fraction
from math import isfinite, isnan, sqrt
from typing import Any, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import NoExactValueError, ParameterError, did_you_mean
from rmtcollapse.experiments.entries import by_entry, columns_by_entry
from rmtcollapse.experiments.executors import default_executor, seed_sequence
from rmtcollapse.experiments.protocol import ExperimentModel, refuse_no_model
from rmtcollapse.experiments.simulate import draws, validated_trials
from rmtcollapse.experiments.verdict import COARSE, UNJUDGED, Row, Verdict

__all__ = ["Row", "Verdict", "verify"]

Theory = Mapping[str, Any] | Callable[[Any], Mapping[str, Any]] | None

_FALSE_ALARM = 1e-3  # chance that a right theory is rejected, over all its values together
_NOTICED = 0.05  # an error of this relative size must not pass
_ROUNDING = 1e-9  # a value that theory says is zero is measured as rounding of a fit, relative to the largest value
_ENDLESS = "infinite: a mean cannot be judged"
_FIRST, _MOST = 48, 6144  # trials a size: first batch, and where an adaptive run gives up


def verify(
    model: ExperimentModel,
    theory: Theory = None,
    *,
    trials: int | None = None,
    sizes: Iterable[int | Fraction] | None = None,
    precision: float = 0.0075,
    seed: int | np.random.SeedSequence = 0,
    executor: Executor | None = None,
    progress: bool = False,
) -> Verdict:
    """Compare a theory with finite-size experiments.

    Parameters
    ----------
    model : model
        What is simulated.
    theory : mapping or callable, optional
        Numbers by name (for an array its entries, or ``"name[0]"`` for one of them), or a function from a model to
        such numbers, to be judged in place of the model's own theory. Numbers are taken to hold at every multiple of
        the model's size, as a deterministic equivalent does.
    trials : int, optional
        Trials at each size, at least 2. If not given, as many as `precision` needs (48 to 6,144).
    sizes : iterable of int or Fraction, optional
        Two or more multiples of the model's size; by default 1, 2 and 4 for a small model, 1/2 and 1 for a large one
        that can be halved, else 1 and 2. A model of fewer than about ten rows needs larger ones, such as 2, 4 and 8:
        its gaps are not linear in 1/k yet.
    precision : float
        Relative standard error of the extrapolated values that an adaptive run aims for, in (0, 1). A value in which
        an error of 5 % could go unnoticed does not pass: agreement would mean nothing.
    seed, executor, progress
        As in :func:`~rmtcollapse.experiments.simulate.simulate`.

    Returns
    -------
    Verdict
        With ``passed``, ``report`` and ``rows``; it does not pass where no value could be judged.
    """
    refuse_no_model(model)
    exact = _exact(model)
    multiples = _validated_sizes(model, sizes)
    if exact and sizes is None:  # numbers are a claim about the model's own size
        multiples = (Fraction(1),) if isinstance(theory, Mapping) else (Fraction(1), Fraction(2))
    if isinstance(precision, bool) or not isinstance(precision, int | float) or not 0 < precision < 1:
        raise ParameterError("precision", precision, "a number in (0, 1)")
    models = [model.resized(k) for k in multiples]
    predictions = [_predicted(theory, m) for m in models]
    seeds = seed_sequence(seed).spawn(len(models))
    wanted = _FIRST if trials is None else validated_trials(trials)
    samples: list[dict[str, NDArray[np.float64]]] = [{} for _ in models]
    with default_executor(executor) as pool:
        while True:
            for i, m in enumerate(models):
                done = len(next(iter(samples[i].values()), ()))
                title = f"simulating {m.name()} x{multiples[i]}"
                more = columns_by_entry(draws(m, seeds[i].spawn(wanted - done), pool, title, progress))
                samples[i] = {n: np.concatenate([samples[i].get(n, v[:0]), v]) for n, v in more.items()}
            verdict = _judge(models, multiples, predictions, samples, exact)
            spread = _coarsest(verdict)
            if trials is not None or spread <= precision or wanted >= _MOST:
                return verdict
            wanted = int(min(_MOST, max(2 * wanted, min(1.1 * wanted * (spread / precision) ** 2, 8 * wanted))))


def _coarsest(verdict: Verdict) -> float:
    """Largest standard error, relative to what its value is judged against, among the values that have noise."""
    spreads = [r.standard_error / r.scale for r in verdict.rows if r.scale > 0]
    return max((s for s in spreads if isfinite(s)), default=0.0)


def _validated_sizes(model: ExperimentModel, sizes: Iterable[int | Fraction] | None) -> tuple[Fraction, ...]:
    if sizes is None:
        return _default_sizes(model)
    try:
        multiples = tuple(Fraction(s) for s in sizes)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        raise ParameterError("sizes", sizes, "two or more positive multiples of the model's size") from None
    if len(set(multiples)) < 2 or min(multiples) <= 0:
        raise ParameterError("sizes", tuple(map(str, multiples)), "two or more different positive multiples")
    return multiples


def _default_sizes(model: ExperimentModel) -> tuple[Fraction, ...]:
    if _dimension(model) <= 120:
        return Fraction(1), Fraction(2), Fraction(4)
    try:
        model.resized(Fraction(1, 2))
    except ParameterError:
        return Fraction(1), Fraction(2)
    return Fraction(1, 2), Fraction(1)


def _exact(model: ExperimentModel) -> bool:
    """Whether the theory is the expectation at the model's own size, not its limit."""
    if getattr(model, "ASYMPTOTIC", True):
        return False
    try:
        model.exact()  # type: ignore[attr-defined]
    except NoExactValueError:
        return False
    return True


def _dimension(model: ExperimentModel) -> int:
    """Features of a model: of its spectrum, as it says, of its modes, or of the largest array that grows with it."""
    given = model.parameters()
    said = getattr(given.get("spectrum"), "dimension", None) or given.get("dimension") or np.sum(given.get("sizes", 0))
    grown = [np.shape(given[n])[-1] for n, s in model.specs().items() if s.copied and given[n] is not None]
    return int(said or max(grown, default=100))


def _predicted(theory: Theory, model: ExperimentModel) -> dict[str, float]:
    own = {name: float(v) for name, v in by_entry(model.theory()).items()}
    if theory is None:
        return own
    given = theory(model) if callable(theory) else theory
    if not isinstance(given, Mapping) or not given:
        raise ParameterError("theory", given, "a mapping from names to numbers, or a function from a model to one")
    given = by_entry(given)
    for name, value in given.items():
        if name not in own:
            known = f"names of this model's values: {', '.join(own)}{did_you_mean(str(name), own)}"
            raise ParameterError("theory", name, known)
        if isinstance(value, bool | str) or not isinstance(value, SupportsFloat) or isnan(float(value)):
            raise ParameterError(f"theory {name}", value, "a number")
    return {name: float(value) for name, value in given.items()}


def _judge(
    models: list[ExperimentModel],
    sizes: tuple[Fraction, ...],
    predictions: list[dict[str, float]],
    samples: list[dict[str, NDArray[np.float64]]],
    exact: bool,
) -> Verdict:
    names, model = [n for n in predictions[0] if n in samples[0]], models[0]
    if not names:
        measured = f"one or more of the values that the experiment measures: {', '.join(samples[0])}"
        raise ParameterError("theory", ", ".join(predictions[0]), measured)
    trials = len(next(iter(samples[0].values())))
    means = {n: np.array([s[n].mean() for s in samples]) for n in names}
    errors = {n: np.array([s[n].std(ddof=1) for s in samples]) / sqrt(trials) for n in names}
    theory = {n: np.array([p[n] for p in predictions]) for n in names}
    for n in getattr(model, "EVENTS", frozenset()).intersection(names):
        # Where no trial differs, events of unit size are too rare to be seen: their number is Poisson.
        unseen = np.sqrt(abs(means[n] - theory[n]) / trials)
        errors[n] = np.where(errors[n] == 0, unseen, errors[n])
    threshold = _threshold(len(names), trials * len(sizes) - 2)
    at = int(np.argmin([abs(float(s) - 1) for s in sizes]))
    top = max((abs(means[n]).max() for n in names), default=0.0)
    inverse = np.array([0.0 if exact else float(1 / s) for s in sizes])
    rates, reasons = _exponents(model, names), _reasons(models, names)
    rows = tuple(
        Row(n, theory[n][at], means[n][at], errors[n][at], 0.0, 0.0, 0.0, True, note=f"{UNJUDGED}: {reasons[n]}")
        if n in reasons
        else _row(n, inverse, rates[n], at, theory[n], means[n], errors[n], threshold, top)
        for n in names
    )
    if any(r.note == _ENDLESS for r in rows):
        own = by_entry(model.theory())
        rows = tuple(_refuted(r) if r.note == _ENDLESS and isfinite(float(own[r.name])) else r for r in rows)
    passed = all(r.passed for r in rows) and len(reasons) < len(rows)
    return Verdict(passed, rows, sizes, trials, threshold, model.name(), means, errors, theory)


def _exponents(model: ExperimentModel, names: list[str]) -> dict[str, float]:
    found: Mapping[str, float] = getattr(model, "finite_size", dict)()
    return {n: found.get(n.split("[")[0], 1.0) for n in names}


def _reasons(models: list[ExperimentModel], names: list[str]) -> dict[str, str]:
    """Why values are not judged, of the smallest model that says so."""
    found: dict[str, str] = {}
    for model in models:
        found = {**getattr(model, "unjudged", dict)(), **found}
    return {n: found[n.split("[")[0]] for n in names if n.split("[")[0] in found}


def _threshold(values: int, freedom: int) -> float:
    """Two-sided quantile of Student's t at the false-alarm rate, shared among the values."""
    from scipy.special import stdtrit

    return float(stdtrit(max(freedom, 1), 1 - _FALSE_ALARM / (2 * max(values, 1))))


def _row(
    name: str,
    inverse: NDArray[np.float64],
    rate: float,
    at: int,
    theory: NDArray[np.float64],
    mean: NDArray[np.float64],
    error: NDArray[np.float64],
    threshold: float,
    top: float,
) -> Row:
    """Judge one value over inverse sizes to the power `rate`; `at` is the reported one, `top` the largest value."""
    if not np.isfinite(theory).all():
        return Row(name, theory[at], mean[at], error[at], 0.0, 0.0, 0.0, True, note=_ENDLESS)
    gaps = abs(mean - theory)
    if np.all(gaps <= _ROUNDING * top) and (np.all(theory == 0) or np.all(error <= _ROUNDING * abs(mean))):
        return Row(
            name, theory[at], mean[at], error[at], 0.0, gaps.max() / (top or 1.0), 0.0, True, note="without noise"
        )
    if np.all(error == 0):
        return Row(name, theory[at], mean[at], 0.0, np.inf, gaps.max() / (top or 1.0), 0.0, False, note="without noise")
    noisy = error > 0  # a vector of one entry, say, has an overlap of 1: that size tells nothing
    if inverse.any() and noisy.sum() < 2:
        note = f"{COARSE}: without noise at all sizes but one; use others"
        return Row(name, theory[at], mean[at], error[at], 0.0, 0.0, 0.0, False, note=note)
    # A value that vanishes in the limit is measured in units of what it is at finite size.
    unit = abs(theory) if np.all(theory != 0) else np.full_like(mean, abs(mean).max())
    gap, slope, width = _extrapolate((inverse**rate)[noisy], ((mean - theory) / unit)[noisy], (error / unit)[noisy])
    z, width = gap / width, float(unit[at]) * width
    if np.all(theory == 0):
        passed = bool(abs(z) <= threshold)
        return Row(name, 0.0, float(unit[at]) * gap, width, z, gap, slope, passed, 0.0, "vanishes in the limit", rate)
    scale = max(abs(theory[at]), 0.01 * top)
    blind = threshold * width / scale
    note = f"{COARSE}: an error of {blind:.0%} would pass unnoticed; use more trials" if blind > _NOTICED else ""
    passed = bool(abs(z) <= threshold and not note)
    return Row(name, theory[at], theory[at] + unit[at] * gap, width, z, gap, slope, passed, scale, note, rate)


def _refuted(row: Row) -> Row:
    """A value that is said to be infinite, where the mean is known to exist."""
    return replace(row, z=np.inf, relative_gap=np.inf, passed=False, note="infinite: the mean is not")


def _extrapolate(
    x: NDArray[np.float64], y: NDArray[np.float64], error: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Weighted least squares y = a0 + a1 x: a0, a1 and the standard error of a0; without a1 where all x are 0."""
    if not x.any():
        weight = 1 / error**2
        return float(weight @ y / weight.sum()), 0.0, float(1 / np.sqrt(weight.sum()))
    weighted = np.stack([np.ones_like(x), x], axis=1) / error[:, None]
    covariance = np.linalg.inv(weighted.T @ weighted)
    a0, a1 = covariance @ weighted.T @ (y / error)
    return float(a0), float(a1), float(np.sqrt(covariance[0, 0]))
