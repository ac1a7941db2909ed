r"""Classical random matrices of finite size: independent entries, Wigner, Wishart, rotations, and band forms of them.

The band forms have exactly the eigenvalues, in law, of Gaussian matrices, at a cost that grows with the square of the
dimension rather than its cube: Householder reflections turn a Gaussian matrix into independent chi variables on two
diagonals (Dumitriu and Edelman, *Matrix models for beta ensembles*, J. Math. Phys. 43, 2002; stated there for every
beta, used here for beta = 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Entries",
    "haar",
    "rounded_counts",
    "singular_squares",
    "wigner_spectrum",
    "wishart_spectrum",
    "wishart_triangle",
]

FloatArray: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Entries:
    """Independent entries of mean 0 and variance 1: Gaussian, or random signs.

    Attributes
    ----------
    rng : numpy.random.Generator
        Where all randomness comes from.
    signs : bool
        Whether entries are -1 or 1, with equal probability, in place of normal variables.
    """

    rng: np.random.Generator
    signs: bool = False

    def rectangle(self, rows: int, columns: int) -> FloatArray:
        """Independent entries, (rows, columns)."""
        if self.signs:
            return np.where(self.rng.integers(0, 2, (rows, columns)) == 1, 1.0, -1.0)
        return self.rng.standard_normal((rows, columns))

    def wigner(self, size: int) -> FloatArray:
        """Symmetric (size, size): variance 1 off the diagonal; on it 2 for Gaussian entries (the GOE), 1 for signs."""
        square = self.rectangle(size, size)
        if self.signs:
            return np.tril(square) + np.tril(square, -1).T
        symmetric: FloatArray = (square + square.T) / np.sqrt(2)
        return symmetric


def haar(size: int, columns: int, rng: np.random.Generator) -> FloatArray:
    """The first columns of a Haar orthogonal matrix, (size, columns).

    The orthogonal factor of a Gaussian matrix, with the signs that make its triangular factor's diagonal positive:
    without them it is not uniform (Mezzadri, Notices of the AMS 54, 2007, section 5).
    """
    basis, triangle = np.linalg.qr(rng.standard_normal((size, columns)))
    rotation: FloatArray = basis * np.where(np.diagonal(triangle) < 0, -1.0, 1.0)
    return rotation


def singular_squares(factor: FloatArray) -> FloatArray:
    """Eigenvalues of F F', as many as F has rows; those beyond its number of columns are exactly zero."""
    values = np.zeros(factor.shape[0])
    found = np.linalg.svd(factor, compute_uv=False) if min(factor.shape) else np.zeros(0)
    values[: found.size] = found**2
    return values


def wigner_spectrum(size: int, rng: np.random.Generator) -> FloatArray:
    """Eigenvalues of the Gaussian Wigner matrix by its tridiagonal form: N(0, 2), beside it chi of size-1, ..., 1."""
    from scipy.linalg import eigh_tridiagonal

    diagonal = np.sqrt(2) * rng.standard_normal(size)
    beside = np.sqrt(rng.chisquare(np.arange(size - 1, 0, -1)))
    values: FloatArray = eigh_tridiagonal(diagonal, beside, eigvals_only=True)
    return values


def wishart_spectrum(size: int, samples: int, rng: np.random.Generator) -> FloatArray:
    """Eigenvalues of Z Z', Z Gaussian (size, samples), by its bidiagonal form; max(size - samples, 0) are exactly zero.

    Singular values of the bidiagonal matrix are taken as half the spectrum of the tridiagonal matrix with zero diagonal
    that interleaves its two diagonals (Golub and Kahan, 1965), so that small ones do not drown in rounding.
    """
    from scipy.linalg import eigh_tridiagonal

    small, large = min(size, samples), max(size, samples)
    woven = np.zeros(2 * small - 1)
    woven[::2] = np.sqrt(rng.chisquare(np.arange(large, large - small, -1)))
    woven[1::2] = np.sqrt(rng.chisquare(np.arange(small - 1, 0, -1)))
    both_signs = eigh_tridiagonal(np.zeros(2 * small), woven, eigvals_only=True)
    values = np.zeros(size)
    values[:small] = both_signs[small:] ** 2
    return values


def wishart_triangle(size: int, samples: int, rng: np.random.Generator) -> FloatArray:
    """A lower triangle L (size, size) with L L' distributed as Z Z', Z Gaussian (size, samples), samples >= size.

    Chi of samples, samples-1, ... on the diagonal and normal variables below it (Bartlett, 1933).
    """
    triangle = np.tril(rng.standard_normal((size, size)), -1)
    triangle[np.diag_indices(size)] = np.sqrt(rng.chisquare(np.arange(samples, samples - size, -1)))
    return triangle


def rounded_counts(weights: FloatArray, size: int) -> NDArray[np.intp]:
    """Integers that sum to `size`, each within 1 of its share, by largest remainders."""
    shares = weights / weights.sum() * size
    counts: NDArray[np.intp] = np.floor(shares).astype(np.intp)
    order = np.argsort(counts - shares, kind="stable")
    counts[order[: size - counts.sum()]] += 1
    return counts
