r"""Vector Dyson equations as a system to be solved: residuals, derivatives, the potential. It solves nothing.

The unknowns are :math:`m_i`, one a class, all in the upper half plane with z:

.. math:: -1/m_i = \alpha_i z - b_i + \sum_j C_{ij} m_j, \qquad C_{ij} \ge 0,\quad g_i C_{ij} = g_j C_{ji} .

A Hermitian matrix has :math:`\alpha = 1`, `b` its expectations, `g` its weights. A Gram matrix has rows with
:math:`\alpha = 1, b = 0`, and columns with :math:`\alpha = 0, b = -1`, whose unknown is z times their transform.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra import _arithmetic as dd
from rmtcollapse.spectra.estimate import FloatArray

__all__ = ["EPS", "Balance", "BoolArray", "ComplexArray", "System", "solve_each"]

EPS = float(np.finfo(np.float64).eps)
ComplexArray: TypeAlias = NDArray[np.complex128]
BoolArray: TypeAlias = NDArray[np.bool_]
NEAR = 1e-4  # distance, relative to the scale, from which a `Balance` is used


@dataclass(frozen=True)
class Balance:
    """A sum of equations that cancels where all of its unknowns diverge or vanish together, and what remains of it.

    `sign` (K,) is 1 for classes P, -1 for the classes N that they meet, and the masses of P and N agree. Then

    .. math:: \\sum_i \\sigma_i g_i m_i (\\alpha_i z - b_i + \\sum_j D_{ij} m_j) = 0,

    `coupling` D being C without the entries between P and N, whose terms cancel. Near `place` it stands in for equation
    `row`, because rounding would lose it there.
    """

    place: float
    sign: FloatArray
    coupling: FloatArray
    row: int


@dataclass(frozen=True)
class System:
    """One irreducible system of K classes; `coupling` is C as a sum (high, low) of two doubles, (K, K) each."""

    alpha: FloatArray
    b: FloatArray
    coupling: tuple[FloatArray, FloatArray]
    masses: FloatArray
    centres: tuple[float, ...] = ()  # where a solution may have a pole or a divergence
    balances: tuple[Balance, ...] = ()

    @property
    def reach(self) -> float:
        """Height from which :math:`-1/(\\alpha z - b)` is close to the solution: the coupling is contracted by 1/16."""
        rows = self.coupling[0].sum(1)
        if np.all(self.alpha == 1):
            return 4 * float(np.sqrt(rows.max()))
        above, below = rows[self.alpha == 1].max(), rows[self.alpha == 0].max()
        return 4 * float(np.sqrt(above) + np.sqrt(below)) ** 2

    def linearized(self, z: ComplexArray, m: ComplexArray) -> tuple[ComplexArray, FloatArray, ComplexArray]:
        """Residuals 1 + m (alpha z - b + C m), the moduli of their terms, and derivatives in log m, (n, K, K)."""
        coupling, diagonal = self.coupling[0], np.arange(m.shape[1])
        products = m * (self.alpha * z[:, None] - self.b + m @ coupling.T)
        size = np.abs(m)
        scale = 1 + size * (self.alpha * np.abs(z[:, None]) + np.abs(self.b) + size @ coupling.T)
        matrix = m[:, :, None] * coupling * m[:, None, :]
        matrix[:, diagonal, diagonal] += products
        residual = 1 + products
        for near, balance in self._near(z):
            value, unit, slopes = self._balanced(balance, z[near], m[near])
            residual[near, balance.row], scale[near, balance.row] = value / unit, 1.0
            matrix[near, balance.row] = slopes / unit[:, None]
        return residual, scale, matrix

    def slope(self, z: ComplexArray, m: ComplexArray) -> ComplexArray:
        """dm/dz (n, K) at solutions; ``nan`` where Newton's matrix is singular."""
        matrix = self.linearized(z, m)[2]
        rate = -self.alpha * m
        for near, balance in self._near(z):
            unit = self._balanced(balance, z[near], m[near])[1]
            rate[near, balance.row] = -(m[near] @ (balance.sign * self.masses * self.alpha)) / unit
        return m * solve_each(matrix, rate)

    def _near(self, z: ComplexArray) -> list[tuple[NDArray[np.intp], Balance]]:
        found = ((np.flatnonzero(np.abs(z - some.place) < NEAR * self.reach), some) for some in self.balances)
        return [(near, balance) for near, balance in found if near.size]

    def _balanced(
        self, balance: Balance, z: ComplexArray, m: ComplexArray
    ) -> tuple[ComplexArray, FloatArray, ComplexArray]:
        signed = balance.sign * self.masses * m
        alone = signed * (self.alpha * z[:, None] - self.b)
        pairs = signed[:, :, None] * balance.coupling * m[:, None, :]
        terms = alone + pairs.sum(2)
        unit = np.abs(alone).sum(1) + np.abs(pairs).sum((1, 2))
        return terms.sum(1), unit, terms + pairs.sum(1)

    def residual_of_pairs(self, z: ComplexArray, m: dd.DoubleDouble) -> ComplexArray:
        """The residuals of `linearized` in double-double arithmetic, (n, K), rounded at the end."""
        zero = np.zeros(m.real[0].shape)
        alone = dd.DoubleDouble(
            dd.add(dd.two_product(self.alpha, z.real[:, None]), (zero - self.b, zero)),
            dd.two_product(self.alpha, z.imag[:, None]),
        )
        result: ComplexArray = (m * (alone + _product_of_pairs(self.coupling, m)) + 1).value
        for near, balance in self._near(z):
            some, field = _taken(m, near), _taken(alone, near)
            field = field + _product_of_pairs((balance.coupling, 0 * balance.coupling), some)
            weight = dd.DoubleDouble.of((balance.sign * self.masses + 0j) * np.ones_like(some.real[0]))
            terms = weight * some * field
            unit = self._balanced(balance, z[near], some.value)[1]
            result[near, balance.row] = (dd.total(terms.real)[0] + 1j * dd.total(terms.imag)[0]) / unit
        return result

    def radius(self, m: ComplexArray) -> FloatArray:
        r"""Spectral radius of :math:`|m_i| C_{ij} |m_j|`, (n,)."""
        root = np.sqrt(self.masses)
        size = np.abs(m)
        matrix = (size * root)[:, :, None] * self.coupling[0] * (size / root)[:, None, :]
        result: FloatArray = np.linalg.eigvalsh((matrix + matrix.transpose(0, 2, 1)) / 2)[:, -1].astype(np.float64)
        return result

    def potential(self, m: ComplexArray) -> ComplexArray:
        r"""U (n,) from a solution: stationary value of the functional of which the system is the gradient.

        .. math:: U = -\sum_i g_i \log(-m_i) + \tfrac12 \sum_{ij} g_i m_i C_{ij} m_j

        Derived here: of :math:`-\sum_i g_i (\log(-m_i) + (\alpha_i z - b_i) m_i + 1) - \frac12 \sum g_i m_i C_{ij} m_j`
        the derivatives in m vanish, and that in z is :math:`-\sum_i g_i \alpha_i m_i`. No logarithm leaves its branch.
        """
        rows = self.alpha == 1
        field = m @ self.coupling[0].T
        # a zero imaginary part is that of the limit from above, whatever the sign of the zero
        logarithm = -np.log(np.abs(m)) + 1j * np.arctan2(np.maximum(m.imag, 0.0), -m.real)
        # of a column, log(1 + Cm): for few rows a column, Cm is small and its mass large
        logarithm[:, ~rows] = np.log1p(field[:, ~rows].real + 1j * np.maximum(field[:, ~rows].imag, 0.0))
        half = 0.5 if rows.all() else 1.0  # the sum over columns is that over rows
        result: ComplexArray = (self.masses * (logarithm + half * rows * m * field)).sum(1)
        return result


def solve_each(matrix: ComplexArray, right: ComplexArray) -> ComplexArray:
    """Solutions (n, K); ``nan`` where a matrix is singular."""
    try:
        result: ComplexArray = np.linalg.solve(matrix, right[:, :, None])[:, :, 0].astype(np.complex128)
        return result
    except np.linalg.LinAlgError:
        if len(matrix) == 1:
            return np.full_like(right, np.nan)
        half = len(matrix) // 2
        parts = (slice(None, half), slice(half, None))
        return np.concatenate([solve_each(matrix[part], right[part]) for part in parts])


def _taken(m: dd.DoubleDouble, index: NDArray[np.intp]) -> dd.DoubleDouble:
    real, imag = ((part[0][index], part[1][index]) for part in (m.real, m.imag))
    return dd.DoubleDouble(real, imag)


def _product_of_pairs(coupling: tuple[FloatArray, FloatArray], m: dd.DoubleDouble) -> dd.DoubleDouble:
    """C m, (n, K)."""
    zero = np.zeros(m.real[0].shape)
    result = dd.DoubleDouble((zero, zero), (zero, zero))
    for j in range(len(coupling[0])):
        column = coupling[0][:, j], coupling[1][:, j]
        parts = [dd.multiply(column, (part[0][:, j : j + 1], part[1][:, j : j + 1])) for part in (m.real, m.imag)]
        result = result + dd.DoubleDouble(*parts)
    return result
