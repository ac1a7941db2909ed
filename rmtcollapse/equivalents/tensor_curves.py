r"""Spiked matrices and tensors on explicit curves, in decimal arithmetic of any precision.

The equations of :mod:`rmtcollapse.equivalents.tensors` need no iteration: with :math:`s=\lambda+\sum_ig_i`,
:math:`r_i=\sqrt{s^2+4c_i}` and :math:`t_i=(s+r_i)/2`,

.. math:: g_i=-c_i/t_i,\qquad q_i^2=s/t_i,\qquad \lambda=s+\sum_ic_i/t_i,\qquad \beta^2=s^{2-d}\prod_it_i .

:math:`\ln\beta` is convex in :math:`\ln s` and least where :math:`\sum_is/r_i=d-2`: the fold of the curve, which is
also the edge of the bulk. Above it a strength has one *s*, found inside a bracket; for matrices the fold is at *s* = 0
and *s* is explicit. Next to a fold or an edge, alignments move with the square root of the distance, so that double
precision would lose half its digits: all is done with as many decimal digits as are asked for, 50 by default, in
Python's own ``decimal``, and a root is accepted when a sign change encloses it to all but a few of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext

from rmtcollapse.errors import ConvergenceError

__all__ = ["DIGITS", "SpikedPoint", "fold", "halves", "precise", "root", "shares"]
__all__ += ["crowd", "maximum_threshold", "resolution", "spiked_point", "spiked_threshold"]

DIGITS = 50
_LOST = 6  # digits that a root may be short of
_BLURRED = 14  # further digits next to a fold
_STEPS = 2000


@contextmanager
def precise(digits: int) -> Iterator[None]:
    """Decimal arithmetic with so many digits and no bounds on exponents."""
    with localcontext(Context(prec=digits, Emin=MIN_EMIN, Emax=MAX_EMAX)):
        yield


def resolution() -> Decimal:
    from decimal import getcontext

    return Decimal(10) ** (_LOST - getcontext().prec)


def root(function: Callable[[Decimal], Decimal], low: Decimal, high: Decimal) -> Decimal:
    """Where an increasing function changes sign in [low, high] > 0: bisection in the exponent, then Ridders' method.

    Raises
    ------
    ConvergenceError
        If there is no sign change, or none within the last digits of the result.
    """
    left, right = function(low), function(high)
    if left == 0 or low == high:
        return low
    if right == 0:
        return high
    if left > 0 or right < 0:
        raise ConvergenceError(f"tensor curve: no sign change from {low:.6g} to {high:.6g}; rescale the strengths")
    tiny = resolution()
    while high > 4 * low:
        middle = (low * high).sqrt()
        value = function(middle)
        low, left, high, right = (middle, value, high, right) if value < 0 else (low, left, middle, value)
    guess = low
    for _ in range(_STEPS):
        middle = (low + high) / 2
        value = function(middle)
        if value == 0:
            return middle
        before, guess = guess, middle - (middle - low) * value / (value * value - left * right).sqrt()
        found = function(guess)
        if found == 0 or abs(guess - before) <= tiny * guess:
            return _enclosed(function, guess, tiny)
        for place, here in sorted(((middle, value), (guess, found))):
            if here < 0:
                low, left = place, here
            elif place < high:
                high, right = place, here
    raise ConvergenceError("tensor curve: the bracket did not close; rescale the strengths")


def _enclosed(function: Callable[[Decimal], Decimal], guess: Decimal, tiny: Decimal) -> Decimal:
    """The guess, once a sign change encloses it; next to a fold rounding blurs a few digits more."""
    radius = 4 * tiny
    for _ in range(_BLURRED):
        if function(guess * (1 - radius)) <= 0 <= function(guess * (1 + radius)):
            return guess
        radius *= 10
    raise ConvergenceError(f"tensor curve: no sign change next to {guess:.6g}; rescale the strengths")


# ---- rank one --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SpikedPoint:
    r"""A point of the curve of a spiked tensor.

    Attributes
    ----------
    s : Decimal
        The curve parameter, :math:`\beta\prod_iq_i`.
    detected : bool
        Whether the strength is above the threshold; below, this is the fold.
    kernels, overlaps : tuple of Decimal
        :math:`g_i` and :math:`q_i` of each mode.
    singular_value : Decimal
        :math:`\lambda`.
    """

    s: Decimal
    detected: bool
    kernels: tuple[Decimal, ...]
    overlaps: tuple[Decimal, ...]
    singular_value: Decimal


def shares(sizes: Sequence[int]) -> list[Decimal]:
    """Sizes over their sum."""
    whole = sum(sizes)
    return [Decimal(n) / whole for n in sizes]


def halves(s: Decimal, c: Sequence[Decimal]) -> list[Decimal]:
    """The :math:`t_i` at *s*."""
    return [(s + (s * s + 4 * x).sqrt()) / 2 for x in c]


def _squared_strength(s: Decimal, c: Sequence[Decimal]) -> Decimal:
    product = Decimal(1)
    for t in halves(s, c):
        product *= t
    return product if len(c) == 2 else product / s ** (len(c) - 2)


def fold(c: Sequence[Decimal]) -> Decimal:
    """The least *s* of the physical branch, where the strength has its minimum; 0 for a matrix."""
    spare = len(c) - 2
    if spare == 0:
        return Decimal(0)
    share = Decimal(spare) / len(c)
    # Where all sizes are the largest, or all the smallest.
    low, high = (2 * share * (x / (1 - share * share)).sqrt() for x in (min(c), max(c)))
    margin = 1 + resolution()

    def excess(s: Decimal) -> Decimal:
        return sum((s / (s * s + 4 * x).sqrt() for x in c), Decimal(-spare))

    return root(excess, low / margin, high * margin)


def spiked_threshold(c: Sequence[Decimal]) -> Decimal:
    """The least strength with a local maximum that is correlated with the signal."""
    return _squared_strength(fold(c), c).sqrt()


def spiked_point(c: Sequence[Decimal], strength: Decimal) -> SpikedPoint:
    """Where the curve has this strength; its fold where it has it nowhere."""
    edge = fold(c)
    detected = strength * strength > _squared_strength(edge, c)
    s = edge
    if detected and len(c) == 2:
        square = strength * strength
        s = (square * square - c[0] * c[1]) / (strength * ((square + c[0]) * (square + c[1])).sqrt())
    elif detected:
        s = root(lambda x: _squared_strength(x, c) / (strength * strength) - 1, edge, 2 * strength)
    t = halves(s, c)
    kernels = tuple(-x / y for x, y in zip(c, t, strict=True))
    return SpikedPoint(s, detected, kernels, tuple((s / y).sqrt() for y in t), s - sum(kernels))


def crowd(c: Sequence[Decimal], strength: Decimal) -> Decimal:
    r"""Noise eigenvalues as near below the edge as the signal is above it, over the whole size, to leading order.

    With few of them finite sizes round the threshold off. Next to the edge :math:`\lambda` grows like
    :math:`a(s-s_*)^2/2`, :math:`a=\sum_i2c_i/r_i^3`, and the density of eigenvalues is :math:`\Im s/\pi`, so that they
    are :math:`a(s-s_*)^3/(3\pi)`. Below the threshold the strength is reflected at it, :math:`\beta_s^2/\beta`.
    """
    edge, least = fold(c), spiked_threshold(c)
    if strength == 0:
        return Decimal("Infinity")
    s = spiked_point(c, max(strength, least * least / strength)).s
    bend = sum((2 * x / (edge * edge + 4 * x) ** Decimal("1.5") for x in c), Decimal(0))
    return bend * (s - edge) ** 3 / Decimal(3 * math.pi)


def ground_state(order: int) -> Decimal:
    r"""The greatest weight of a rank-one approximation of noise of equal sizes, as they grow.

    The energy *u* of the spherical *d*-spin model at which the complexity of critical points of index zero vanishes,
    :math:`\tfrac12\ln(d-1)-\frac{d-2}{4(d-1)}u^2=\frac u{e^2}\sqrt{u^2-e^2}-...`, with :math:`e=2\sqrt{(d-1)/d}`.
    """
    edge = 2 * (Decimal(order - 1) / order).sqrt()
    if order == 2:
        return edge

    def cost(u: Decimal) -> Decimal:
        beyond = (u * u - edge * edge).sqrt()
        rate = u * beyond / (edge * edge) - ((u + beyond) / edge).ln()
        return rate + u * u * (order - 2) / (4 * (order - 1)) - Decimal(order - 1).ln() / 2

    return root(cost, edge, 2 * edge * Decimal(order).ln().sqrt() + 2)


def maximum_threshold(order: int) -> Decimal:
    """The strength at which the local maximum that sees the signal is as large as the greatest one of noise."""
    c = [1 / Decimal(order)] * order
    level, low = ground_state(order), fold(c)
    s = root(lambda x: x + sum(y / t for y, t in zip(c, halves(x, c), strict=True)) - level, low, level) if low else low
    return _squared_strength(s, c).sqrt()
