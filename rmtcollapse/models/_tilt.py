"""Exponential tilts of a law, in logarithms: nothing cancels near the law, nothing overflows far from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rmtcollapse.models._vocabulary import Array

__all__ = ["Tilt", "reference_tilt"]

_NEAR = 0.5


@dataclass(frozen=True)
class Tilt:
    r"""A law :math:`b_i` and :math:`b_ie^{y_i}`, :math:`y_i=\beta f_i-\log\sum_jb_je^{\beta f_j}`.

    Attributes
    ----------
    base, log_ratio : array (k,)
        *b* and *y*.
    """

    base: Array
    log_ratio: Array

    @classmethod
    def by(cls, base: Array, score: Array, strength: float) -> Tilt:
        """Tilt by a strength times a score; tokens without probability keep none."""
        known = base > 0
        centred = np.where(known, score, 0.0) - base[known] @ score[known]
        with np.errstate(over="ignore", invalid="ignore"):
            u = strength * centred
        if not np.isfinite(u[known]).all():
            return cls(base, _extreme(base, np.sign(strength) * centred))
        if np.max(abs(u[known])) < _NEAR:
            return cls(base, u - np.log1p(base[known] @ _exp_excess(u[known])))
        top = np.max(u[known])
        shifted = u - top
        y = shifted - np.log(base[known] @ np.exp(shifted[known]))
        return cls(base, np.where(known, y, 0.0))

    @property
    def law(self) -> Array:
        """The tilted law."""
        law = self.base * np.exp(self.log_ratio)
        law = np.asarray(law / law.sum())
        law.setflags(write=False)
        return law

    @property
    def from_base(self) -> float:
        r"""KL(base, law), by :math:`\sum b(e^y-1-y)`: no term is negative."""
        b, y = self._shown()
        return float(b @ _exp_excess(y))

    @property
    def to_base(self) -> float:
        r"""KL(law, base), by :math:`\sum b(ye^y-e^y+1)`: no term is negative."""
        b, y = self._shown()
        near = np.clip(y, -_NEAR, _NEAR)
        far = np.maximum(y, -745.0)
        terms = np.where(abs(y) < _NEAR, np.exp(near) * _exp_excess(-near), far * np.exp(far) - np.expm1(far))
        return float(b @ terms)

    def defect(self, score: Array, strength: float) -> float:
        """How far log law / base is from strength times score, up to a constant, and its mass from 1, relative."""
        known = np.isfinite(self.log_ratio) & (self.base > 0)
        y = self.log_ratio[known]
        with np.errstate(over="ignore", invalid="ignore"):
            f = strength * score[known]
        if not np.isfinite(f).all():
            f = np.zeros_like(y)  # infinitely strong: equal where anything is left
        scale = 1 + abs(y).max() + abs(f).max()
        mass = self.base[known] @ np.exp(y) - 1
        return float((abs((y - y[0]) - (f - f[0])).max() + abs(mass)) / scale)

    def _shown(self) -> tuple[Array, Array]:
        known = self.base > 0
        return self.base[known], self.log_ratio[known]

    def mean(self, score: Array) -> float:
        """Mean of a score under the tilted law."""
        return float(self.law @ score)


def _extreme(base: Array, direction: Array) -> Array:
    """An infinitely strong tilt: what is left is the base on the tokens of the largest score."""
    known = base > 0
    best = known & (direction == np.max(direction[known]))
    return np.where(best, -np.log(base[best].sum()), np.where(known, -np.inf, 0.0))


def _exp_excess(y: Array) -> Array:
    """exp(y) - 1 - y; a series where it cancels."""
    small = np.clip(y, -_NEAR, _NEAR)
    series = np.ones_like(y)
    for k in range(18, 2, -1):
        series = 1 + series * small / k
    with np.errstate(over="ignore"):
        far: Array = np.where(abs(y) < _NEAR, small**2 / 2 * series, np.expm1(y) - y)
    return far


def reference_tilt(system: Any, columns: Any, scalars: Any) -> dict[str, Any]:
    """What a system states of its kernel, evaluated with mpmath in the current precision; arrays of its numbers."""
    import mpmath as mp

    from rmtcollapse.equations.reference import Evaluator
    from rmtcollapse.equations.symbols import Column, Parameter

    laws = {n: [mp.mpf(x) for x in v] for n, v in columns.items()}
    for name in ("base", "data"):  # laws sum to 1 to all digits
        if name in laws:
            laws[name] = [x / mp.fsum(laws[name]) for x in laws[name]]
    evaluate = Evaluator(laws, system.columns)
    evaluate.scalars.update({p: mp.mpf(scalars[p.name]) for p in system.parameters})
    found: dict[str, Any] = {}
    for symbol, expr in {**system.definitions, **system.outputs, **system.kernel}.items():
        if isinstance(symbol, Column):
            evaluate.columns[symbol] = evaluate.per_atom(expr)
            found[symbol.name] = np.array(evaluate.columns[symbol], dtype=object)
        elif isinstance(symbol, Parameter):
            evaluate.scalars[symbol] = found[symbol.name] = evaluate(expr)
    return found
