r"""Products of free layers of different widths and slopes, in logarithms: the equation and Newton's method.

Layer *l* takes :math:`N_{l-1}` inputs to :math:`N_l` outputs. Non-zero eigenvalues stay when factors are turned round,
so the trace :math:`\tau=\sum_ix_i/(z-x_i)`, which is not normalised, is the same at every layer. With :math:`\xi_l` the
argument of one layer's slopes, :math:`\tau/N_{l-1}=E\,c_l\xi_l/(1-c_l\xi_l)`, and :math:`\chi_l` the variance of the
weights times the largest squared slope,

.. math:: \log z=\log\frac{N_L+\tau}\tau+\sum_l\Big(\log\frac{\tau}{N_{l-1}\xi_l}+\log\chi_l\Big)
          -[\mathrm{orthogonal}]\sum_l\log\frac{M_l+\tau}{M_l},\qquad M_l=\max(N_{l-1},N_l),

all logarithms principal: widths of independent entries cancel but for the last. Slopes that are switched on with a
probability *p* have :math:`\tau/(N\xi)=p+\tau/N`, and need no argument of their own.

A solution with :math:`\tau` and all :math:`\xi_l` in the upper half plane is the right one, for *z* in the lower half
plane. Let :math:`\theta=-\arg z`, and :math:`\zeta'` be the argument of all layers but the first at this :math:`\tau`.
By :math:`\arg\psi(\xi)\ge\arg\xi` its argument is between :math:`\theta` and :math:`\pi`; by induction :math:`\tau` is
what those layers have at :math:`\zeta'`, so :math:`\xi_1` and :math:`\zeta'` are a fixed point of a map of the sector
:math:`\theta\le\arg<\pi` into itself, which has one at most. The unknown beside the :math:`\lambda_l=\log\xi_l` is
:math:`\Lambda=\log\{\tau/(R+\tau)\}`, where *R* is the rank: it keeps its digits at both ends.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra._arithmetic import EPS
from rmtcollapse.spectra._layer_curve import Layers
from rmtcollapse.spectra._layer_gains import COARSEST, Gains, SwitchGains, mean_gain
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["Chain", "Group", "Spot", "Stage"]

ComplexArray: TypeAlias = NDArray[Any]
TIE = 4e-15  # relative difference below which two places are one


@dataclass(frozen=True)
class Stage:
    """One layer.

    Attributes
    ----------
    inputs, outputs : int
        Widths before and behind the weights.
    gains : Gains
        Law of the squared slopes of the inputs.
    variance : float
        Mean square of the weights, times the inputs.
    """

    inputs: int
    outputs: int
    gains: Gains
    variance: float


@dataclass(frozen=True)
class Group:
    """So many layers of the same width and the same slopes, which are not switched on or off."""

    layers: Layers
    width: float
    count: int

    def level(self, step: int) -> int:
        """The level of the quadrature after so many halvings."""
        gains = self.layers.gains
        return min(gains.first + 1 + step, gains.levels)


@dataclass
class Spot:
    """What belongs to points (n,): log z and its slope in Lambda, their roundings, tau.

    Of the groups (K, n), how far their traces are from tau in logarithms, and how far lambda has to go for that and for
    a step in Lambda.
    """

    log_z: ComplexArray
    slope: ComplexArray
    rounding: FloatArray
    turning: FloatArray
    tau: ComplexArray
    behind: ComplexArray
    rate: ComplexArray
    apart: ComplexArray
    pull: ComplexArray
    drag: ComplexArray


@dataclass(frozen=True)
class Chain:
    """Layers in the order in which they are passed.

    Attributes
    ----------
    stages : tuple of Stage
        The layers; the outputs of one are the inputs of the next.
    orthogonal : bool
        Whether weights have orthogonal rows or columns, or else independent entries.
    """

    stages: tuple[Stage, ...]
    orthogonal: bool

    @property
    def last(self) -> int:
        """Width of the last layer."""
        return self.stages[-1].outputs

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Layers whose slopes are not switched on or off, equal ones together."""
        found: dict[tuple[int, int], list[Stage]] = {}
        for stage in self.stages:
            if not isinstance(stage.gains, SwitchGains):
                found.setdefault((id(stage.gains), stage.inputs), []).append(stage)
        return tuple(Group(Layers(1, s[0].gains, 1.0, 1.0), float(s[0].inputs), len(s)) for s in found.values())

    @cached_property
    def smooth(self) -> int:
        """Layers in the groups."""
        return sum(group.count for group in self.groups)

    @cached_property
    def _crossed(self) -> list[float]:
        """The places -tau at which a numerator changes sign, those of the groups not among them."""
        ups = [float(self.last)]
        ups += [s.inputs * s.gains.share for s in self.stages if isinstance(s.gains, SwitchGains)]
        ups.sort()
        for i in range(1, len(ups)):
            if ups[i] - ups[i - 1] <= TIE * ups[i]:
                ups[i] = ups[i - 1]
        return ups

    @cached_property
    def rank(self) -> float:
        """Directions that are not lost on the way."""
        return min(self._crossed[0], *(group.width for group in self.groups)) if self.groups else self._crossed[0]

    @cached_property
    def factors(self) -> tuple[FloatArray, FloatArray]:
        """Places b, increasing, and powers of the factors b + tau, what cancels left out."""
        net = Counter(self._crossed)
        if self.orthogonal:
            for stage in self.stages:
                place = float(max(stage.inputs, stage.outputs))
                near = [b for b in self._crossed if abs(b - place) <= TIE * place]
                net[near[0] if near else place] -= 1
        places = sorted(b for b, power in net.items() if power)
        return np.array(places), np.array([float(net[b]) for b in places])

    @cached_property
    def log_scale(self) -> float:
        """What log z has that does not depend on tau, where traces and widths are in units of the last width."""
        whole = [max(s.inputs, s.outputs) if self.orthogonal else self.last for s in self.stages]
        return math.fsum(
            math.log(s.variance * s.gains.largest * n / s.inputs) for s, n in zip(self.stages, whole, strict=True)
        )

    @cached_property
    def log_mean(self) -> float:
        """log of the mean of the law."""
        return math.fsum(math.log(s.variance * s.gains.largest * mean_gain(s.gains)) for s in self.stages)

    @cached_property
    def excess(self) -> float:
        """Directions of the largest singular value, if positive and slopes are switched on or off: N_L + sum a - M."""
        places, powers = self.factors
        return math.fsum(places * powers) if self.orthogonal else -math.inf

    def at(self, Lam: ComplexArray, lam: ComplexArray, half: NDArray[np.bool_], step: int) -> Spot:
        r"""Everything at Lambda (n,) and lambda (K, n), after so many halvings of the step of the quadrature.

        Where `half`, a lambda is given without its :math:`i\pi`.
        """
        R, (places, powers) = self.rank, self.factors
        X, one = np.exp(Lam), -np.expm1(Lam)
        tau, behind = R * X / one, R / one
        rate = 1 / one  # d log tau / d Lambda
        factors = (places - R)[:, None] + behind
        logs = np.log(np.abs(np.vstack([factors, tau])) / self.last)
        exponents = np.append(powers, self.smooth - 1)
        size = exponents @ logs + self.log_scale
        turns, smalls = _angles(np.vstack([factors, tau]))
        slope = (powers @ (tau / factors) + self.smooth - 1) * rate
        apart, pull, drag, steep = self._groups(lam, half, step, tau, behind, rate)
        counts = np.array([float(group.count) for group in self.groups])
        blur = counts @ (steep * np.abs(pull))
        slope = slope - counts @ drag
        size = size - counts @ lam.real
        angle = np.pi * np.round(exponents @ turns - counts @ half) + exponents @ smalls - counts @ lam.imag
        rounding = EPS * (
            np.abs(exponents) @ np.abs(logs)
            + counts @ np.abs(lam.real)
            + 4 * blur
            + np.abs(self.log_scale)
            + 2 * len(self.stages)
        )
        turning = EPS * (np.abs(exponents) @ np.abs(smalls) + 2 * counts @ (steep * np.abs(lam.imag)))
        return Spot(size + 1j * angle, slope, rounding, turning, tau, behind, rate, apart, pull, drag)

    def _groups(
        self, lam: ComplexArray, half: NDArray[np.bool_], step: int, tau: ComplexArray, behind: ComplexArray,
        rate: ComplexArray,
    ) -> tuple[ComplexArray, ComplexArray, ComplexArray, FloatArray]:  # fmt: skip
        """What :class:`Spot` says of the groups, and what roundings of their sums grow by, (K, n) each."""
        apart, pull, drag = (np.empty_like(lam) for _ in range(3))
        steep = np.ones_like(lam, float)
        for k, group in enumerate(self.groups):
            level = group.level(step)
            u, s, du = group.layers.sums(lam[k], level, half[k])
            with np.errstate(all="ignore"):
                steep[k] = _steepness(group.layers.gains, lam[k] + 1j * np.pi * half[k], level)
            whole, rest = tau / group.width, (behind + (group.width - self.rank)) / group.width
            near = np.abs(u) < np.abs(s)  # the smaller one of u and 1 + u has the digits
            apart[k] = np.log(np.where(near, whole / u, rest / s))
            pull[k] = np.where(near, u, s) / du
            drag[k] = pull[k] * rate * np.where(near, 1.0, whole / rest)
        return apart, pull, drag, steep

    def start(self, log_z: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
        """Lambda and the lambda where tau is small."""
        log_tau = self.log_mean + math.log(self.last) - log_z
        lam = [log_tau - math.log(group.width) - math.log(group.layers.mean) for group in self.groups]
        return log_tau - math.log(self.rank), np.array(lam).reshape(len(self.groups), log_z.size)


def _angles(values: ComplexArray) -> tuple[FloatArray, FloatArray]:
    """Arguments of numbers of the closed upper half plane: half turns, and a rest that keeps its digits if small."""
    left = values.real < 0
    small = np.arctan2(np.maximum(values.imag, 0.0), np.abs(values.real))
    return np.asarray(1.0 * left), np.where(left, -small, small)


def _steepness(gains: Gains, lam: ComplexArray, level: int) -> Any:
    """Of the normal density at a pole that counts, in rounding."""
    pole = gains.pole(lam)
    if pole is None:
        return 1.0
    return 1 + np.where(pole[0].imag < np.pi * 2**level / COARSEST, np.abs(pole[0]) ** 2, 0.0)
