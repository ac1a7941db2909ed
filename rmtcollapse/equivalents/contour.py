r"""Functions of one sample covariance: contour integrals of the one- and two-resolvent equivalents.

For *f* analytic around the spectrum of :math:`\hat\Sigma=X^\top X/n`,
:math:`f(\hat\Sigma)=\frac1{2\pi i}\oint f(z)(z-\hat\Sigma)^{-1}dz`, and the equivalents of
:mod:`rmtcollapse.equivalents.resolvent` hold at complex ridge :math:`-z`. This is a hand-written kernel (NumPy,
complex); the SymPy statement that it is checked against is that of the model which calls it.

Nodes lie on an ellipse in :math:`y=\log z` around the positive part of the spectrum, so that the integrand varies
little over many decades. Poles on the negative axis are then at :math:`|\operatorname{Im}y|=\pi`, and zero is at minus
infinity. With fewer samples than directions the null space of :math:`\hat\Sigma` is one more node: the limit
:math:`\lambda R(\lambda)`, :math:`\lambda\to0`. With as many samples as directions the spectrum reaches zero; the
ellipse is then one in :math:`\log(z+\mu)`, which leaves the pole :math:`-\mu` nearest to the origin outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError

__all__ = ["Contour", "Ellipse", "converged_integrals", "log_one_plus"]

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_HALF_HEIGHT = 1.8  # of the ellipse in y; the strip |Im y| < pi is free of singularities
_MARGIN = 1.2  # by which the ellipse passes the ends of the support, in units of y


@dataclass(frozen=True)
class Ellipse:
    """Where the nodes lie: ends of the spectrum in y = log(z + shift), before the margin."""

    shift: float
    low: float
    high: float

    @classmethod
    def around(cls, samples: int, eigenvalue: Real, multiplicity: Real, pole: float) -> Ellipse:
        """Surround the positive spectrum; `pole` > 0 matters only where that reaches zero."""
        top = eigenvalue.max() * (1 + np.sqrt(multiplicity.sum() / samples)) ** 2
        bottom = _lower_edge(samples, eigenvalue, multiplicity)
        shift = 0.0 if bottom > 0 else min(pole, float(top))
        return cls(shift, float(np.log(bottom + shift)), float(np.log(top + shift)))

    @property
    def half_axes(self) -> tuple[float, float]:
        """Half the length and half the height in y."""
        return 0.5 * (self.high - self.low) + _MARGIN, _HALF_HEIGHT


def _lower_edge(samples: int, s: Real, m: Real) -> float:
    r"""Lower edge of the positive spectrum: *z* at the real *w* < min s where :math:`\frac1n\sum s^2/(s-w)^2=1`."""
    from scipy.optimize import brentq

    if m.sum() == samples:
        return 0.0

    def excess(log_distance: float) -> float:
        return float(np.log(m @ (s / (s - s.min() + np.exp(log_distance))) ** 2 / samples))

    # s - w = (s - min s) + distance; the two ends bound the sum from above and from below.
    widest = np.log(np.sqrt(m @ s**2 / samples)) + 1e-12
    narrowest = np.log(s.min() * np.sqrt(m[s == s.min()].sum() / samples)) - 1e-12
    distance = np.exp(brentq(excess, narrowest, widest, xtol=1e-13))
    w = s.min() - distance
    return float(w * (1 - m @ (s / (s - s.min() + distance)) / samples))


@dataclass(frozen=True)
class Contour:
    r"""Nodes around the spectrum of a sample covariance, with the effective ridge at each.

    Attributes
    ----------
    z : complex array (nodes,)
        Nodes, upper half first, then their conjugates.
    weight : complex array (nodes,)
        Quadrature weights of :math:`\frac1{2\pi i}\oint\cdot\,dz`.
    kappa : complex array (nodes [+ 1],)
        :math:`\kappa(-z)`; last, where there is a null space, :math:`\kappa(0)`.
    share : complex array (nodes [+ 1],)
        Weight of each node in :math:`\lambda R(\lambda)` form.
    resolved : complex array (atoms, nodes [+ 1])
        :math:`1/(s_j+\kappa)`.
    slack : complex array (nodes [+ 1], nodes [+ 1])
        :math:`n-\operatorname{tr}\Sigma^2(\Sigma+\kappa_1)^{-1}(\Sigma+\kappa_2)^{-1}`.
    defect : float
        Largest relative defect of the equation for :math:`\kappa`.
    """

    eigenvalue: Real
    multiplicity: Real
    z: Complex
    weight: Complex
    kappa: Complex
    share: Complex
    resolved: Complex
    slack: Complex
    defect: float

    @classmethod
    def around(cls, samples: int, eigenvalue: Real, multiplicity: Real, pole: float, nodes: int) -> Contour:
        """Surround the positive spectrum with an even number of `nodes`, and add the null space where there is one."""
        ellipse = Ellipse.around(samples, eigenvalue, multiplicity, pole)
        half, height = ellipse.half_axes
        theta = (np.arange(nodes // 2) + 0.5) * (2 * np.pi / nodes)
        y = 0.5 * (ellipse.low + ellipse.high) + half * np.cos(theta) + 1j * height * np.sin(theta)
        z = np.exp(y) - ellipse.shift
        weight = np.exp(y) * (-half * np.sin(theta) + 1j * height * np.cos(theta)) / (1j * nodes)
        kappa, defect = _effective_ridges(samples, eigenvalue, multiplicity, z)
        z, weight, kappa = (np.concatenate([a, a.conj()]) for a in (z, weight, kappa))
        share = weight * kappa / z
        if samples < multiplicity.sum():
            null = _ridgeless(samples, eigenvalue, multiplicity)
            kappa, share = np.append(kappa, null), np.append(share, null)
        resolved = 1 / (eigenvalue[:, None] + kappa)
        pair = (resolved * (multiplicity * eigenvalue**2)[:, None]).T @ resolved
        return cls(eigenvalue, multiplicity, z, weight, kappa, share, resolved, samples - pair, defect)

    def gain(self, form: Real) -> Complex:
        """*g* of two resolvents at every pair of nodes; `form` is the diagonal of *B*."""
        return (self.resolved * (self.multiplicity * self.eigenvalue * form)[:, None]).T @ self.resolved / self.slack

    def noise(self, pair: Complex, form: Real | None = None) -> float:
        r""":math:`\frac1n\operatorname{tr}Bf_1(\hat\Sigma)\hat\Sigma f_2(\hat\Sigma)`.

        `form` is the diagonal of *B* (:math:`\Sigma` if not given), `pair` is :math:`f_1(z_1)f_2(z_2)` at the
        nodes; the null space has no part in it.
        """
        form = self.eigenvalue if form is None else form
        size = len(self.z)
        return float((self.weight @ (pair * self.gain(form)[:size, :size]) @ self.weight).real)

    def diagonal(self, function: Complex, at_zero: float) -> Real:
        r"""Diagonal of :math:`f(\hat\Sigma)`, one entry an atom."""
        return np.asarray((self.resolved @ self._coefficients(function, at_zero)).real)

    def quadratic(
        self,
        signal: Real,
        first: Complex,
        second: Complex,
        at_zero: tuple[float, float],
        form: Real | None = None,
    ) -> float:
        r""":math:`\sum_jw_j^2[f_1(\hat\Sigma)Bf_2(\hat\Sigma)]_{jj}`.

        `signal` is :math:`w_j^2` per direction, `first` and `second` are the functions at the nodes, `at_zero` their
        values at zero, `form` the diagonal of *B* (:math:`\Sigma`).
        """
        form = self.eigenvalue if form is None else form
        u, v = (self._coefficients(f, zero) for f, zero in zip((first, second), at_zero, strict=True))
        energy = self.multiplicity * signal
        ends = (self.resolved @ u) * (self.resolved @ v)
        pair = (self.resolved * (energy * self.eigenvalue)[:, None]).T @ self.resolved
        return float((energy * form @ ends).real + (u @ (pair * self.gain(form)) @ v).real)

    def _coefficients(self, function: Complex, at_zero: float) -> Complex:
        return np.append(function, [at_zero] * (len(self.share) - len(self.z))) * self.share


def _ridgeless(samples: int, s: Real, m: Real) -> float:
    r""":math:`\kappa` at ridge 0 with fewer samples than directions: :math:`\sum s/(s+\kappa)=n`."""
    from scipy.optimize import brentq

    rank = m.sum()
    surplus = (rank - samples) / samples

    def missing(log_kappa: float) -> float:
        # Shares of unlearned directions where they are small, of learned ones where those are.
        kappa = np.exp(log_kappa)
        learned = s > kappa
        return float(m[learned].sum() - samples + m @ (np.where(learned, -kappa, s) / (s + kappa)))

    low, high = np.log(surplus * rank / (m @ (1 / s))), np.log(surplus * (m @ s) / rank)
    return float(np.exp(brentq(missing, low - 1e-9, high + 1e-9, xtol=1e-15, rtol=4 * np.finfo(float).eps)))


def _effective_ridges(samples: int, s: Real, m: Real, z: Complex) -> tuple[Complex, float]:
    r"""Solve :math:`\kappa(1-\frac1n\sum s/(s+\kappa))=-z` along nodes that begin near the positive real axis.

    In :math:`w=-\kappa` the equation is :math:`z=w(1+\frac1n\sum s/(w-s))`. For Im z > 0 exactly one root has
    Im w > 0, and any w with Im w > 0 and :math:`\frac1n\sum s^2/|w-s|^2<1` is the root of its own z: that is the
    certificate that each node is asked for.
    """
    kappa = np.empty_like(z)
    here, w = _far_above(samples, s, m, z[0])
    defect = 0.0
    for k, target in enumerate(z):
        w, found = _follow(samples, s, m, here, w, target)
        here, kappa[k] = target, -w
        defect = max(defect, found)
    return kappa, defect


def _far_above(samples: int, s: Real, m: Real, z: complex) -> tuple[complex, complex]:
    """A point so far up the half plane that fixed-point iteration converges at once, and its root."""
    total = float(m @ s) / samples
    start = complex(z.real, abs(z.imag) + 8 * (total + s.max() * (1 + np.sqrt(m.sum() / samples)) ** 2))
    w = start
    for _ in range(200):
        w = complex(start - total - (m * s**2) @ (1 / (w - s)) / samples)
    return start, w


def _newton(samples: int, s: Real, m: Real, w: complex, z: complex) -> tuple[complex, float, bool]:
    defect = np.inf
    for _ in range(12):
        inverse = 1 / (w - s)
        value = w * (1 + (m * s) @ inverse / samples) - z
        slope = 1 - (m * s**2) @ inverse**2 / samples
        step = complex(value / slope)
        w -= step
        scale = abs(z) + abs(w) * (1 + float(m @ abs(s * inverse)) / samples)
        defect = float(abs(value) / scale)
        if abs(step) <= 1e-15 * abs(w) or defect <= 4e-16:
            break
    inside = float(m @ abs(s / (w - s)) ** 2) / samples < 1
    return complex(w), float(defect), bool(w.imag > 0 and inside and defect < 1e-12)


def _follow(samples: int, s: Real, m: Real, here: complex, w: complex, target: complex) -> tuple[complex, float]:
    """Carry the root from `here` to `target`, halving the step where it is not certified."""
    position, step = 0.0, 1.0
    while position < 1:
        ahead = min(1.0, position + step)
        z = here + (target - here) * ahead
        found, defect, certified = _newton(samples, s, m, w, z)
        if certified:
            position, w, step = ahead, found, 2 * step
        elif step < 1e-6:
            raise ConvergenceError(
                f"contour around the sample covariance: no certified effective ridge near z = {z:.3g}; "
                "increase generator_ridge or rescale the spectrum"
            )
        else:
            step /= 4
    return w, defect


def log_one_plus(x: Complex) -> Complex:
    """log(1 + x), accurate for small complex x, where NumPy's ``log1p`` loses the real part."""
    return 0.5 * np.log1p(x.real * (2 + x.real) + x.imag**2) + 1j * np.arctan2(x.imag, 1 + x.real)


def converged_integrals(
    make: Callable[[int], tuple[Real, float]], *, first: int = 64, most: int = 4096, tolerance: float = 2e-14
) -> tuple[Real, float, float]:
    """Double the nodes until the integrals settle.

    Parameters
    ----------
    make : callable
        Integrals (an array) and the defect of the equations for a number of nodes.

    Returns
    -------
    integrals, certificate, defect
        The certificate is the last relative change.

    Raises
    ------
    ConvergenceError
        If they have not settled to 1e-10 at the largest number of nodes.
    """
    nodes = first
    before, defect = make(nodes)
    change = np.inf
    while nodes < most:
        nodes *= 2
        now, defect = make(nodes)
        last, change = change, float(np.max(abs(now - before) / np.maximum(abs(now), np.finfo(float).tiny)))
        before = now
        if not np.isfinite(now).all():
            break
        # At the level of rounding the change stops shrinking; more nodes would not help.
        if change <= tolerance or (change < 1e-12 and change > 0.25 * last):
            return now, change, defect
    if not change <= 1e-10:
        raise ConvergenceError(
            f"contour integrals changed by {change:.1e} at {nodes} nodes; increase generator_ridge (or ridge) "
            "relative to the largest eigenvalue"
        )
    return before, change, defect
