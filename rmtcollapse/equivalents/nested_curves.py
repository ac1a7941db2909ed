r"""The nested matrix-tensor model on explicit curves: best rank-one tensor, unfoldings, known weights.

The equations of :mod:`rmtcollapse.equivalents.nested_tensors` for the best rank-one tensor are solved in *S* > 0:
with :math:`R_i=\sqrt{S^2+4c_i}`, :math:`t_i=(S+R_i)/2`, :math:`P=t_1+t_2-S` and :math:`k=\beta_T^2/(c_1+c_2)`,

.. math:: E=\frac{S+\gamma P}{\sqrt{1+\gamma}},\quad \tau=\tfrac12\big(E+\sqrt{E^2+4c_3}\big),\quad
          \gamma=k\,q_3^2,\quad q_3^2=E/\tau

has one positive root, as the right side is concave in :math:`\gamma`; then :math:`q_i^2=S/t_i` for *i* = 1, 2 and

.. math:: (\beta_T\beta_M)^2=t_1t_2\,(q_3^{-2}+k),\qquad \lambda=\sqrt{1+\gamma}\,P+c_3/\tau .

As a function of *S* this falls to one minimum and rises; where it only rises, the transition is continuous, from the
point *S* = 0, where :math:`\gamma` is explicit. What is asked is where :math:`p=(\beta_T\beta_M)^2` is reached on the
rising part. Everything is in decimals, as in :mod:`rmtcollapse.equivalents.tensor_curves`. Derived here; that there is
one minimum was found by search, over 4,000 random shares and strengths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property

from rmtcollapse.equivalents.tensor_curves import resolution, root
from rmtcollapse.errors import ConvergenceError

__all__ = ["Nested", "NestedTensor", "NestedUnfolding", "known_energy", "third_energy"]

_STEPS = 2000


@dataclass(frozen=True)
class Nested:
    """Sizes, :math:`p=(\\beta_T\\beta_M)^2` and :math:`S=\\beta_T^2`, in the current decimal precision."""

    sizes: tuple[int, int, int]
    energy: Decimal
    weight: Decimal

    @property
    def c(self) -> tuple[Decimal, ...]:
        """Shares of all three sizes."""
        return tuple(Decimal(n) / sum(self.sizes) for n in self.sizes)

    @property
    def c_matrix(self) -> tuple[Decimal, Decimal]:
        """Shares of the first two."""
        first, second, _ = self.sizes
        return Decimal(first) / (first + second), Decimal(second) / (first + second)


# ---- best rank-one tensor --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """A point of the curve."""

    S: Decimal
    R: tuple[Decimal, Decimal]
    u: Decimal  # q_3^2
    E: Decimal
    tau: Decimal
    k: Decimal

    @property
    def t(self) -> tuple[Decimal, Decimal]:
        return (self.S + self.R[0]) / 2, (self.S + self.R[1]) / 2

    @property
    def P(self) -> Decimal:
        return (self.R[0] + self.R[1]) / 2

    @property
    def energy(self) -> Decimal:
        """:math:`(\\beta_T\\beta_M)^2` here."""
        return self.t[0] * self.t[1] * (1 / self.u + self.k)

    def slope(self, c3: Decimal) -> Decimal:
        """Derivative of log energy in log *S*, over *S*; sums of positive terms, and one difference."""
        gamma = self.k * self.u
        inverse = 1 / self.R[0] + 1 / self.R[1]
        rise = 1 + gamma * self.S * inverse / 2
        fall = self.S + (self.S + gamma * self.P) * (gamma / (1 + gamma) + self.E * self.tau / c3) / 2
        return inverse - rise / (fall * (1 + gamma))


class NestedTensor:
    """The curve of the best rank-one tensor for given shares and tensor strength."""

    def __init__(self, setting: Nested) -> None:
        self.setting = setting
        self.c = setting.c
        self.k = setting.weight / (self.c[0] + self.c[1])

    @property
    def noise(self) -> NestedTensor:
        """The curve without noise in the views: that of a spiked tensor."""
        return NestedTensor(replace(self.setting, weight=Decimal(0)))

    def state(self, S: Decimal) -> State:
        """The point at *S*; at *S* = 0 the one with positive :math:`q_3`, for which :attr:`weights_seen` must hold."""
        c1, c2, c3 = self.c
        R = (S * S + 4 * c1).sqrt(), (S * S + 4 * c2).sqrt()
        P, k = (R[0] + R[1]) / 2, self.k

        def pole(u: Decimal) -> Decimal:
            return (S + k * u * P) / (1 + k * u).sqrt()

        u = self._overlap(P, pole) if S > 0 else (k * k * P * P - c3) / (k * (c3 + k * P * P))
        E = pole(u)
        return State(S, R, u, E, (E + (E * E + 4 * c3).sqrt()) / 2, k)

    def _overlap(self, P: Decimal, pole: Callable[[Decimal], Decimal]) -> Decimal:
        """The root of u = E/tau by Newton's method from u = 1: the difference is convex, so that it falls to it."""
        k, c3, tiny, u = self.k, self.c[2], resolution(), Decimal(1)
        for _ in range(_STEPS):
            E = pole(u)
            r = (E * E + 4 * c3).sqrt()
            share = 2 * E / (E + r)
            growth = k * (P / (1 + k * u).sqrt() - E / (2 * (1 + k * u)))
            step = (u - share) / (1 - share * growth * 4 * c3 / ((r + E) * r * E))
            if step <= tiny * u:
                return u - step
            u -= step
        raise ConvergenceError("nested tensor: the overlap of the weights did not settle; rescale the strengths")

    @property
    def weights_seen(self) -> bool:
        """Whether the third mode is recovered even where the first two are not."""
        noise = self.c[0].sqrt() + self.c[1].sqrt()
        return (self.k * noise) ** 2 > self.c[2]

    @cached_property
    def continuous(self) -> bool:
        """Whether alignments grow from zero at the threshold: the energy rises from *S* = 0 on."""
        return self.weights_seen and self.state(Decimal(0)).slope(self.c[2]) >= 0

    @cached_property
    def edge(self) -> State:
        """Where the energy is least: *S* = 0, or the fold."""
        if self.continuous:
            return self.state(Decimal(0))

        def slope(S: Decimal) -> Decimal:
            return self.state(S).slope(self.c[2])

        low = high = self.c[2].sqrt()
        while slope(low) > 0:
            low /= 16
        while slope(high) < 0:
            high *= 16
        return self.state(root(slope, low, high))

    def point(self, energy: Decimal) -> tuple[State, bool]:
        """Where the energy is reached, and True; where it is nowhere, the state without clusters, and False.

        That is the one at *S* = 0 where the weights of the views are seen, and else the edge of the noise alone.
        """
        if energy > self.edge.energy:
            most = 2 * max((energy / (1 + self.k)).sqrt(), self.edge.S)
            if self.edge.S == 0:
                low = most
                while self.state(low).energy > energy:
                    low /= 16
            else:
                low = self.edge.S
            return self.state(root(lambda S: self.state(S).energy / energy - 1, low, most)), True
        return (self.state(Decimal(0)) if self.weights_seen else self.noise.edge), False


# ---- unfoldings ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NestedUnfolding:
    r"""The unfolding along the second mode, in *p* and *S*.

    With :math:`y=p+Sc_2'`, :math:`K=p^2-S^2c_1'c_2'` the signal part of its Gram matrix has an eigenvalue
    :math:`w=(p+Sc_1')y/p` where its Stieltjes transform is :math:`m=-1/y`, of slope :math:`p^2/(y^2K)`. `corrected`:
    noise at the actual sizes; otherwise both in units of :math:`\sqrt{n_1n_2n_3}/n_T`, and the limit.
    """

    setting: Nested
    corrected: bool

    @cached_property
    def scale(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Unit, S in it, and what noise adds: v n_2 and v (n_1 n_3 - n_2) where corrected."""
        first, second, third = self.setting.sizes
        v = 1 / Decimal(first + second + third)
        if self.corrected:
            return Decimal(1), self.setting.weight, v * second, v * (first * third - second)
        unit = (Decimal(first) * second * third).sqrt() * v
        return unit, self.setting.weight / unit, Decimal(0), Decimal(0)

    @property
    def unit(self) -> Decimal:
        """What *p* is measured in."""
        return self.scale[0]

    def _place(self, K: Decimal) -> Decimal:
        """*p* at *K*, which next to the edge is known to more digits than their difference."""
        _, S, _, _ = self.scale
        c1, c2 = self.setting.c_matrix
        return (K + S * S * c1 * c2).sqrt()

    def gain(self, p: Decimal, K: Decimal) -> Decimal:
        """The alignment times p y: its sign decides what is detected."""
        _, S, own, rest = self.scale
        c1, c2 = self.setting.c_matrix
        y = p + S * c2
        if not self.corrected:
            return K - (p / y) ** 2
        return (K * (y + own) - 2 * own * p * (p + S * c1) - own * rest * p * p / (y + own)) / y

    def missed(self, p: Decimal) -> Decimal:
        """One minus the alignment, times p y, without cancellation."""
        _, S, own, rest = self.scale
        c1, c2 = self.setting.c_matrix
        y = p + S * c2
        lost = S * c2 * (p + S * c1)
        if not self.corrected:
            return lost + (p / y) ** 2
        spread = p * p + 2 * p * S * c1 + S * S * c1 * c2
        return lost + own * (spread + rest * p * p / (y + own)) / y

    @cached_property
    def edge(self) -> tuple[Decimal, Decimal]:
        """The least *p* (in the unit) that is detected, and its *K*."""
        _, _, own, rest = self.scale
        low = high = own * (own + rest) if self.corrected else Decimal(1)
        while self.gain(self._place(low), low) > 0:
            low /= 16
        while self.gain(self._place(high), high) <= 0:
            high *= 16
        K = root(lambda k: self.gain(self._place(k), k) / k, low, high)
        return self._place(K), K

    def point(self) -> tuple[Decimal, Decimal, bool]:
        """*p* in the unit, *K* and True; where *p* is too small, those of the edge and False."""
        unit, S, _, _ = self.scale
        c1, c2 = self.setting.c_matrix
        p = self.setting.energy / unit
        K = p * p - S * S * c1 * c2
        if K > 0 and self.gain(p, K) > 0:
            return p, K, True
        return *self.edge, False

    def unknowns(self) -> tuple[dict[str, Decimal], bool]:
        """What the stated equations determine, and whether anything is detected."""
        _, S, _, _ = self.scale
        _, c2 = self.setting.c_matrix
        p, K, detected = self.point()
        y = p + S * c2
        values = {"energy": p, "spare": K, "transform": -1 / y, "slope": p * p / (y * y * K)}
        values["overlap"] = self.gain(p, K) / (p * y) if detected else Decimal(0)
        return {**values, "missed": self.missed(p) / (p * y)}, detected


# ---- spiked matrices in disguise -------------------------------------------------------------------------------------


def known_energy(setting: Nested) -> tuple[tuple[Decimal, Decimal], Decimal]:
    """Shares and squared strength of the spiked matrix that the mean with the true weights is."""
    c1, c2, _ = setting.c
    return setting.c_matrix, setting.energy / (setting.weight + c1 + c2)


def third_energy(setting: Nested) -> tuple[tuple[Decimal, Decimal], Decimal]:
    """The same for the unfolding along the third mode; its shares are of the noise."""
    first, second, third = setting.sizes
    whole = first + second + third
    strength = setting.energy + setting.weight * first * second / (first + second)
    return (Decimal(first * second) / whole, Decimal(third) / whole), strength
