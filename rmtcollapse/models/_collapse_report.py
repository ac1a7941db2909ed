r"""Eight definitions of model collapse, and which of them a curve meets.

"Model collapse" has been given at least eight meanings, which can disagree about one and the same system (Schaeffer,
Kazdan, Arulandu and Koyejo, *Model collapse does not mean what you think*, arXiv 2503.03150, whose list this is; how
each is measured is chosen here). A curve of risk over generations answers the first three at most. What the others need
has to be given, and where it is not, the answer is that this curve cannot tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from rmtcollapse.errors import ParameterError, did_you_mean
from rmtcollapse.models._collapse_input import Array, Curve, array_of, read
from rmtcollapse.models._collapse_tests import Answer, Series, grows_for_ever, has_risen, slopes_differ

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["CollapseReport", "Definition", "collapse_report"]

DEFINITIONS = {
    "catastrophic_increase": "risk above a multiple of that on real data",
    "any_increase": "risk above that on real data",
    "diverging_risk": "risk without limit as generations go on",
    "collapsing_variance": "variance of what is generated tends to 0",
    "changed_scaling_law": "risk falls with the samples at another rate",
    "entangled_modes": "modes of the real data are confused more often",
    "lost_tail": "a part of the real tail is no longer generated",
    "hallucinated_data": "more is generated that real data cannot be",
}
_NEEDS = {
    "collapsing_variance": "the variance of what each generation generates (variance=)",
    "changed_scaling_law": "the risk at several sample sizes (a two-dimensional curve and samples=)",
    "entangled_modes": "how often modes are confused at each generation (confusion=)",
    "lost_tail": "what is left of the real tail at each generation (tail=)",
    "hallucinated_data": "the share that real data cannot be, at each generation (hallucinated=)",
}


@dataclass(frozen=True)
class Definition:
    """One definition and whether the curve meets it.

    Attributes
    ----------
    name, meaning : str
    met : bool or None
        None where it cannot be told from this curve.
    reason : str
        What was seen, or what is missing.
    statistic : float or None
        The number behind it: a ratio to the first value, or an exponent.
    """

    name: str
    meaning: str
    met: bool | None
    reason: str
    statistic: float | None = None


@dataclass(frozen=True)
class CollapseReport:
    """The eight answers, in the order of the list.

    ``report["diverging_risk"].met`` is True, False or None (cannot be told from this curve).
    """

    definitions: tuple[Definition, ...]

    def __getitem__(self, name: str) -> Definition:
        for one in self.definitions:
            if one.name == name:
                return one
        raise KeyError(f"{name}: the definitions are {', '.join(DEFINITIONS)}{did_you_mean(name, DEFINITIONS)}")

    def __iter__(self) -> Iterator[Definition]:
        return iter(self.definitions)

    @property
    def met(self) -> tuple[str, ...]:
        """Names of the definitions that are met."""
        return tuple(one.name for one in self.definitions if one.met)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of the definitions that this curve cannot tell."""
        return tuple(one.name for one in self.definitions if one.met is None)

    @property
    def report(self) -> str:
        """The answers as text."""
        words = {True: "yes", False: "no", None: "cannot be told"}
        width = max(map(len, DEFINITIONS))
        lines = [f"{i}  {d.name:<{width}}  {words[d.met]:<14}  {d.reason}" for i, d in enumerate(self.definitions, 1)]
        return "\n".join([f"model collapse: {len(self.met)} of {len(lines)} definitions met", *lines])

    def __str__(self) -> str:
        return self.report

    def to_dict(self) -> dict[str, Any]:
        """The answers as plain values."""
        return {"met": list(self.met), "unknown": list(self.unknown), "definitions": [asdict(d) for d in self]}


def collapse_report(
    curve: ArrayLike | xr.Dataset,
    *,
    standard_error: ArrayLike | None = None,
    generations: Sequence[float] | None = None,
    samples: Sequence[float] | None = None,
    limit: float | None = None,
    variance: ArrayLike | None = None,
    confusion: ArrayLike | None = None,
    tail: ArrayLike | None = None,
    hallucinated: ArrayLike | None = None,
    value: str = "test_error",
    threshold: float = 3.0,
    level: float = 0.01,
) -> CollapseReport:
    r"""Which of eight definitions of model collapse a curve meets [SchaefferEtAl2025]_.

    Parameters
    ----------
    curve : array_like or xarray.Dataset
        Risk over generations, (g,), the first on real data; or (g, n) over sample sizes too, the last of which then
        answers the first three definitions. Or what :func:`rmtcollapse.sweep` gives over ``generations``,
        ``iterations`` or ``rounds`` (and ``samples``), which brings along what else the model predicts: the limit, the
        variance, the surviving tail.
    standard_error : array_like, optional
        Of `curve`; exact if not given. Differences that the errors do not settle are left open.
    generations : sequence, optional
        Generations of the curve, increasing, counted from the one on real data; 0, 1, 2, ... if not given.
    samples : sequence, optional
        Sample sizes of a two-dimensional curve, increasing.
    limit : float, optional
        Risk as generations go on, where it is known (``inf`` if it diverges). Without it the limit is judged by the
        growth over the last doublings, which a finite curve can only suggest.
    variance : (g,) array_like, optional
        Variance of what each generation generates (not the variance of an estimate, nor a part of the risk).
    confusion : (g,) array_like, optional
        How often what was generated from one mode of the real data is taken for another.
    tail : (g,) array_like, optional
        What is left of the real tail: its mass, or how many of its tokens survive.
    hallucinated : (g,) array_like, optional
        Share of what is generated that real data cannot be.
    value : str
        Of a Dataset; ``"test_error_simulated"`` takes the simulation with its standard errors.
    threshold : float
        Multiple of the first risk that is called catastrophic, > 1.
    level : float
        Chance that noise alone decides a definition, in (0, 0.5).

    Returns
    -------
    CollapseReport
        ``.met``, ``.unknown``, ``.report``, and by name ``report["any_increase"]``.

    Raises
    ------
    ParameterError
        For curves that are no arrays of nonnegative numbers of matching shapes.
    """
    _in_range("threshold", threshold, 1.0, math.inf)
    _in_range("level", level, 0.0, 0.5)
    found = read(
        curve,
        value,
        standard_error=standard_error,
        generations=generations,
        samples=samples,
        limit=limit,
        variance=variance,
        tail=tail,
    )
    series = Series(found.times, found.risk[:, -1], found.errors[:, -1], level)
    answers = {
        "catastrophic_increase": _from_real(series, threshold),
        "any_increase": _from_real(series, 1.0),
        "diverging_risk": _diverges(series, found.limit),
        "collapsing_variance": _collapses(found.times, found.variance, level),
        "changed_scaling_law": _scaling(found, level),
        "entangled_modes": _moves("confusion", confusion, found.times, up=True),
        "lost_tail": _moves("tail", found.tail, found.times, up=False),
        "hallucinated_data": _moves("hallucinated", hallucinated, found.times, up=True),
    }
    return CollapseReport(tuple(_definition(name, answers[name]) for name in DEFINITIONS))


def _in_range(name: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low < value < high:
        domain = f"a number in ({low:g}, {high:g})" if high < math.inf else f"a finite number > {low:g}"
        raise ParameterError(name, value, domain)


def _definition(name: str, answer: Answer | None) -> Definition:
    if answer is None:
        return Definition(name, DEFINITIONS[name], None, f"it needs {_NEEDS[name]}")
    return Definition(name, DEFINITIONS[name], *answer)


# ---- the definitions -----------------------------------------------------------------------------------------------


def _from_real(series: Series, factor: float) -> Answer:
    if series.times[0] != 0:
        return None, f"the curve begins {series.times[0]:g} generations after the real data", None
    return has_risen(series, factor)


def _diverges(series: Series, limit: float | None) -> Answer:
    if limit is None:
        return grows_for_ever(series)
    return math.isinf(limit), f"its limit is known: {limit:.6g}", float(limit)


def _collapses(times: Array, variance: ArrayLike | None, level: float) -> Answer | None:
    r"""A variance tends to 0 where :math:`-\log` of it grows without limit."""
    if variance is None:
        return None
    values = array_of("variance", variance, times.shape)
    if values[0] == 0:
        return None, "it is 0 from the start", None
    if np.any(values == 0):
        return True, "it reaches 0", 0.0
    met, reason, _ = grows_for_ever(Series(times, -np.log(values / values[0]), np.zeros(values.size), level))
    return met, f"{values[-1] / values[0]:.4g} of the first at last; of -log, {reason}", float(values[-1] / values[0])


def _scaling(found: Curve, level: float) -> Answer | None:
    if found.sizes is None:
        return None
    first, last = (Series(found.sizes, found.risk[k], found.errors[k], level) for k in (0, -1))
    return slopes_differ(found.sizes, first, last)


def _moves(name: str, given: ArrayLike | None, times: Array, *, up: bool) -> Answer | None:
    """Whether a share has risen (or fallen) from its first value."""
    if given is None:
        return None
    values = array_of(name, given, times.shape)
    most = float(values.max() if up else values.min())
    changed = most > values[0] * (1 + 1e-10) if up else most < values[0] * (1 - 1e-10)
    return bool(changed), f"from {values[0]:.4g} to {'at most' if up else 'at least'} {most:.4g}", most
