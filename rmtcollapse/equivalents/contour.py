r"""Functions of one sample covariance: contour integrals of the one- and two-resolvent equivalents.

For *f* analytic around the spectrum of :math:`\hat\Sigma=X^\top X/n`,
:math:`f(\hat\Sigma)=\frac1{2\pi i}\oint f(z)(z-\hat\Sigma)^{-1}dz`, and the equivalents of
:mod:`rmtcollapse.equivalents.resolvent` hold at complex ridge :math:`-z`. This is a hand-written kernel (NumPy,
complex); the SymPy statement that it is checked against is that of the model which calls it.

Nodes lie on an ellipse in :math:`y=\log(z+\mu)`, where :math:`-\mu` is the pole nearest to the origin that must stay
outside. In that variable the pole is at minus infinity, so the support may reach zero and span many decades.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError

__all__ = ["Contour", "converged_integrals"]

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_HALF_HEIGHT = 1.8  # of the ellipse in y; the strip |Im y| < pi is free of singularities
_MARGIN = 1.2  # by which the ellipse passes the ends of the support, in units of y


@dataclass(frozen=True)
class Contour:
    r"""Nodes around the spectrum of a sample covariance, with the effective ridge at each.

    Attributes
    ----------
    z : complex array (nodes,)
        Nodes, upper half first, then their conjugates.
    weight : complex array (nodes,)
        Quadrature weights of :math:`\frac1{2\pi i}\oint\cdot\,dz`.
    kappa : complex array (nodes,)
        :math:`\kappa(-z)`.
    learned : complex array (atoms, nodes)
        :math:`1/(s_j+\kappa)`.
    gain : complex array (nodes, nodes)
        *g* of two resolvents with :math:`B=\Sigma`.
    defect : float
        Largest relative defect of the equation for :math:`\kappa`.
    """

    eigenvalue: Real
    multiplicity: Real
    z: Complex
    weight: Complex
    kappa: Complex
    learned: Complex
    gain: Complex
    defect: float

    @classmethod
    def around(cls, samples: int, eigenvalue: Real, multiplicity: Real, pole: float, nodes: int) -> Contour:
        r"""Surround the spectrum (zero included), leaving :math:`-\mu` = -`pole` < 0 outside."""
        top = eigenvalue.max() * (1 + np.sqrt(multiplicity.sum() / samples)) ** 2
        low, high = np.log(pole), np.log(top + pole)
        centre, half = 0.5 * (low + high), 0.5 * (high - low) + _MARGIN
        theta = (np.arange(nodes // 2) + 0.5) * (2 * np.pi / nodes)
        y = centre + half * np.cos(theta) + 1j * _HALF_HEIGHT * np.sin(theta)
        z = np.exp(y) - pole
        turn = np.exp(y) * (-half * np.sin(theta) + 1j * _HALF_HEIGHT * np.cos(theta))
        weight = turn / (1j * nodes)
        kappa, defect = _effective_ridges(samples, eigenvalue, multiplicity, z)
        z, weight, kappa = (np.concatenate([a, a.conj()]) for a in (z, weight, kappa))
        learned = 1 / (eigenvalue[:, None] + kappa)
        pair = (learned * (multiplicity * eigenvalue**2)[:, None]).T @ learned
        return cls(eigenvalue, multiplicity, z, weight, kappa, learned, pair / (samples - pair), defect)

    def noise(self, pair: Complex) -> float:
        r""":math:`\frac1n\operatorname{tr}\Sigma f_1(\hat\Sigma)\hat\Sigma f_2(\hat\Sigma)`.

        `pair` is f_1(z_1) f_2(z_2).
        """
        return float((self.weight @ (pair * self.gain) @ self.weight).real)

    def quadratic(self, signal: Real, first: Complex, second: Complex) -> float:
        r""":math:`\sum_jw_j^2[f_1(\hat\Sigma)\Sigma f_2(\hat\Sigma)]_{jj}`; `signal` is :math:`w_j^2` per direction."""
        u, v = (f * self.weight * self.kappa / self.z for f in (first, second))
        ends = (self.learned @ u) * (self.learned @ v)
        energy = self.multiplicity * signal * self.eigenvalue
        pair = (self.learned * energy[:, None]).T @ self.learned
        return float((energy @ ends).real + (u @ (pair * self.gain) @ v).real)


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
        # At the level of rounding the change stops shrinking; more nodes would not help.
        if change <= tolerance or (change < 1e-12 and change > 0.25 * last):
            return now, change, defect
    if change > 1e-10:
        raise ConvergenceError(
            f"contour integrals changed by {change:.1e} at {nodes} nodes; increase generator_ridge (or ridge) "
            "relative to the largest eigenvalue"
        )
    return before, change, defect
