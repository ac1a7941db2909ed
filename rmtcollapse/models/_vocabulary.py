r"""A law over tokens: its different probabilities, their complements, and fewer of them with the same totals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ParameterError

__all__ = ["Tokens", "check_law", "lost_share"]

Array: TypeAlias = NDArray[np.float64]

# Rounding of a law in double precision whose terms were divided by their sum in single precision.
_SUM_TOLERANCE = 2.0**-23
_NODES = 20  # in an interval on whose scale everything is analytic
_MANY = 4000


def check_law(name: str, law: Array) -> None:
    """Refuse non-negative numbers that do not sum to 1."""
    total = float(np.sum(law))
    if not abs(total - 1) <= _SUM_TOLERANCE:
        raise ParameterError(f"the sum of {name}", total, f"1 (divide {name} by their sum)")


def lost_share(share: Array, steps: Array | float) -> Array:
    """1 - (1 - share)^steps where nothing cancels; shares below 1, or steps above 0."""
    with np.errstate(divide="ignore"):
        lost: Array = -np.expm1(steps * np.log1p(-share))
    return lost


@dataclass(frozen=True)
class Tokens:
    r"""Tokens of different probabilities.

    Attributes
    ----------
    probability, complement : array (k,)
        *p*, increasing and positive, and :math:`1-p`, neither rounded against the other.
    multiplicity : array (k,)
        How many tokens have that probability; the weight of a node where tokens are stood for by fewer.
    """

    probability: Array
    complement: Array
    multiplicity: Array

    @classmethod
    def of(cls, law: Array) -> Tokens:
        """The tokens that a law, divided by its sum, can draw."""
        values, counts = np.unique(law[law > 0], return_counts=True)
        p = values / np.sum(values * counts)
        q = 1 - p
        if p[-1] > 0.5:  # its complement is what all others have
            q[-1] = p[:-1] @ counts[:-1]
        return cls(p, q, counts.astype(float))

    @property
    def log_probability(self) -> Array:
        """Logarithm of the probabilities, accurate near 1."""
        return np.where(self.probability > 0.5, np.log1p(-self.complement), np.log(self.probability))

    def between_kinks(self, kinks: int) -> Tokens:
        r"""Fewer tokens with the same totals :math:`\sum_ip_ig(p_i)`, *g* smooth between multiples of 1/`kinks`."""
        return self._compressed(np.floor(self.probability * kinks))

    def few(self) -> Tokens:
        """Fewer tokens, where there are many, with the same totals of functions that are smooth in log p."""
        if len(self.probability) <= _MANY:
            return self
        return self._compressed(np.floor(4 * np.log2(self.probability)))

    def _compressed(self, cells: Array) -> Tokens:
        """Chebyshev nodes in every cell that has many tokens, weighted by interpolation."""
        starts = np.flatnonzero(np.r_[True, np.diff(cells) > 0])
        parts = []
        for start, stop in zip(starts, np.r_[starts[1:], len(cells)], strict=True):
            part = Tokens(*(v[start:stop] for v in (self.probability, self.complement, self.multiplicity)))
            parts.append(part if stop - start <= _NODES else part._nodes())
        columns = zip(*((t.probability, t.complement, t.multiplicity) for t in parts), strict=True)
        return Tokens(*map(np.concatenate, columns))

    def _nodes(self) -> Tokens:
        """Chebyshev nodes over the range of these tokens."""
        p = self.probability
        centre, half = (p[-1] + p[0]) / 2, (p[-1] - p[0]) / 2
        t = (p - centre) / half
        mass = self.multiplicity * p
        angle = (np.arange(_NODES) + 0.5) * np.pi / _NODES
        before, here = mass, mass * t
        weights = np.full(_NODES, mass.sum())
        for r in range(1, _NODES):
            weights += 2 * here.sum() * np.cos(r * angle)
            before, here = here, 2 * t * here - before
        nodes = (centre + half * np.cos(angle))[::-1]
        return Tokens(nodes, 1 - nodes, weights[::-1] / _NODES / nodes)
