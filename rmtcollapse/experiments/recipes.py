"""One random matrix for each limiting law: how every law is made from diagonals, independent entries and rotations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, singledispatch

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ParameterError
from rmtcollapse.experiments.ensembles import (
    Entries,
    FloatArray,
    haar,
    rounded_counts,
    singular_squares,
    wigner_spectrum,
    wishart_spectrum,
    wishart_triangle,
)
from rmtcollapse.spectra.continuous import Exponential, PowerLawDensity, Uniform
from rmtcollapse.spectra.dyson import DysonLaw, GramLaw
from rmtcollapse.spectra.free import Affine, FreeAdditivePower, FreeMultiplicativePower, FreeProduct, FreeSum
from rmtcollapse.spectra.law import Law
from rmtcollapse.spectra.laws import Atoms, FreePoisson, FussCatalan, MarchenkoPastur, Semicircle
from rmtcollapse.spectra.sample_covariance import SampleCovariance

__all__ = ["Draw", "has_band_form", "spectrum"]


@dataclass(frozen=True)
class Draw:
    """Where numbers come from, and whether reduced forms may stand for Gaussian matrices.

    Attributes
    ----------
    entries : Entries
        Independent entries.
    reduced : bool
        Whether band and triangular matrices replace Gaussian ones that have the same eigenvalues in law.
    """

    entries: Entries
    reduced: bool

    @property
    def rng(self) -> np.random.Generator:
        """The generator behind the entries."""
        return self.entries.rng

    def data(self, rows: int, columns: int) -> FloatArray:
        """A factor F with F F' distributed as that of independent entries (rows, columns)."""
        if self.reduced and columns > rows:
            return wishart_triangle(rows, columns, self.rng)
        return self.entries.rectangle(rows, columns)


@singledispatch
def spectrum(law: object, size: int, draw: Draw) -> FloatArray:
    """Eigenvalues of one matrix of a law, (size,), in any order; `ParameterError` for a law without a matrix."""
    known = sorted({MarchenkoPastur.__name__, *(kind.__name__ for kind in spectrum.registry if kind is not object)})
    raise ParameterError("law", law, f"a law with a matrix model: {', '.join(known)}")


@singledispatch
def _placed(law: Law, size: int, draw: Draw) -> FloatArray:
    """One matrix of a law in random position, (size, size)."""
    rotation = haar(size, size, draw.rng)
    matrix: FloatArray = (rotation * spectrum(law, size, draw)) @ rotation.T
    return matrix


# ---- given spectra -------------------------------------------------------------------------------------------------


@spectrum.register
def _(law: Atoms, size: int, draw: Draw) -> FloatArray:
    return np.repeat(law.values, rounded_counts(law.weights, size))


@spectrum.register(Uniform)
@spectrum.register(Exponential)
@spectrum.register(PowerLawDensity)
def _(law: Law, size: int, draw: Draw) -> FloatArray:
    return _quantiles(law, size)


@lru_cache(maxsize=8)  # many matrices of one law have these in common
def _quantiles(law: Law, size: int) -> FloatArray:
    places = np.array(law.quantile((np.arange(size) + 0.5) / size), dtype=np.float64)
    places.setflags(write=False)
    return places


# ---- independent entries -------------------------------------------------------------------------------------------


@spectrum.register
def _(law: Semicircle, size: int, draw: Draw) -> FloatArray:
    if draw.reduced:
        return math.sqrt(law.variance / size) * wigner_spectrum(size, draw.rng)
    return _eigenvalues(_placed(law, size, draw))


@_placed.register
def _(law: Semicircle, size: int, draw: Draw) -> FloatArray:
    return math.sqrt(law.variance / size) * draw.entries.wigner(size)


def _eigenvalues(matrix: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.eigvalsh(matrix), dtype=np.float64)


def _samples(exact: float, size: int) -> int:
    """Number of columns of a data matrix."""
    count = round(exact)
    if count < 1:
        raise ParameterError("size", size, "large enough for one sample (a Gram matrix of size/ratio samples)")
    return count


def _gram_shape(law: FreePoisson, size: int) -> tuple[int, float]:
    """Number n of columns of Z, and the factor of Z Z': that which gives the law's mean at any n."""
    n = _samples(size * law.rate, size)
    return n, law.rate * law.jump / n


@spectrum.register
def _(law: FreePoisson, size: int, draw: Draw) -> FloatArray:
    n, factor = _gram_shape(law, size)
    if draw.reduced:
        return factor * wishart_spectrum(size, n, draw.rng)
    return factor * singular_squares(draw.entries.rectangle(size, n))


@_placed.register
def _(law: FreePoisson, size: int, draw: Draw) -> FloatArray:
    n, factor = _gram_shape(law, size)
    data = draw.data(size, n)
    matrix: FloatArray = factor * (data @ data.T)
    return matrix


@spectrum.register
def _(law: SampleCovariance, size: int, draw: Draw) -> FloatArray:
    n = _samples(size / law.ratio, size)
    population = _nonnegative(spectrum(law.population, size, draw))
    if draw.reduced and np.all(population == population[0]):
        return float(population[0]) / n * wishart_spectrum(size, n, draw.rng)
    kept = population > 0
    return _padded(singular_squares(np.sqrt(population[kept] / n)[:, None] * draw.data(int(kept.sum()), n)), size)


def _padded(values: FloatArray, size: int) -> FloatArray:
    return np.concatenate([values, np.zeros(size - values.size)])


@spectrum.register
def _(law: FussCatalan, size: int, draw: Draw) -> FloatArray:
    product = draw.entries.rectangle(size, size) / np.sqrt(size)
    for _ in range(law.order - 1):
        product = product @ (draw.entries.rectangle(size, size) / np.sqrt(size))
    return singular_squares(product)


@spectrum.register
def _(law: DysonLaw, size: int, draw: Draw) -> FloatArray:
    of = _classes(law.weights, size)
    matrix = np.sqrt(law.profile[np.ix_(of, of)] / size) * draw.entries.wigner(size)
    return _eigenvalues(matrix + np.diag(law.expectations[of]))


@spectrum.register
def _(law: GramLaw, size: int, draw: Draw) -> FloatArray:
    n = _samples(size / law.ratio, size)
    variances = law.profile[np.ix_(_classes(law.row_weights, size), _classes(law.column_weights, n))] / n
    return singular_squares(np.sqrt(variances) * draw.entries.rectangle(size, n))


def _classes(weights: FloatArray, size: int) -> NDArray[np.intp]:
    """The class of each row, by increasing class."""
    return np.repeat(np.arange(weights.size), rounded_counts(weights, size))


# ---- free convolutions ---------------------------------------------------------------------------------------------


@spectrum.register
def _(law: Affine, size: int, draw: Draw) -> FloatArray:
    return law.factor * spectrum(law.law, size, draw) + law.offset


@_placed.register
def _(law: Affine, size: int, draw: Draw) -> FloatArray:
    return law.factor * _placed(law.law, size, draw) + law.offset * np.eye(size)


@spectrum.register
def _(law: FreeSum, size: int, draw: Draw) -> FloatArray:
    # The side that is a matrix of independent entries is in random position already.
    entrywise = isinstance(law.left, Semicircle | FreePoisson)
    fixed, moved = (law.right, law.left) if entrywise else (law.left, law.right)
    return _eigenvalues(np.diag(spectrum(fixed, size, draw)) + _placed(moved, size, draw))


@spectrum.register
def _(law: FreeAdditivePower, size: int, draw: Draw) -> FloatArray:
    if law.k == round(law.k):
        total = np.diag(spectrum(law.law, size, draw))
        for _ in range(round(law.k) - 1):
            total += _placed(law.law, size, draw)
        return _eigenvalues(total)
    large = round(law.k * size)
    corner = haar(large, size, draw.rng)
    return law.k * _eigenvalues((corner.T * spectrum(law.law, large, draw)) @ corner)


@spectrum.register
def _(law: FreeProduct, size: int, draw: Draw) -> FloatArray:
    left, right = spectrum(law.left, size, draw), spectrum(law.right, size, draw)
    if left.min() < _rounding(left):
        left, right = right, left
    return _product(_nonnegative(left), right, draw)


@spectrum.register
def _(law: FreeMultiplicativePower, size: int, draw: Draw) -> FloatArray:
    values = _nonnegative(spectrum(law.law, size, draw))
    for _ in range(law.k - 1):
        values = _product(values, _nonnegative(spectrum(law.law, size, draw)), draw)
    return values


def _product(left: FloatArray, right: FloatArray, draw: Draw) -> FloatArray:
    """Eigenvalues of A^1/2 Q B Q' A^1/2 with diagonal A >= 0 and B: of F F' where B >= 0 too, F from where both act."""
    rotation = haar(left.size, left.size, draw.rng)
    if right.min() >= _rounding(right):
        right = np.maximum(right, 0.0)
    half = np.sqrt(left[left > 0])[:, None] * rotation[np.ix_(left > 0, right != 0)]
    right = right[right != 0]
    if np.all(right > 0):
        return _padded(singular_squares(half * np.sqrt(right)), left.size)
    if half.shape[0] > half.shape[1]:
        half = np.linalg.qr(half, mode="r")
    return _padded(_eigenvalues((half * right) @ half.T), left.size)


def _rounding(values: FloatArray) -> float:
    """What a null eigenvalue may have become in a symmetric eigenvalue problem, with a minus sign."""
    return -values.size * float(np.finfo(np.float64).eps) * float(abs(values).max())


def _nonnegative(values: FloatArray) -> FloatArray:
    if values.min() < _rounding(values):
        domain = (
            "at least 0 for a population and for one factor of a product; a law that touches 0 may need another size"
        )
        raise ParameterError("smallest eigenvalue", float(values.min()), domain)
    return np.maximum(values, 0.0)


def has_band_form(law: Law) -> bool:
    """Whether the eigenvalues of a law's matrix are those of one band matrix."""
    if isinstance(law, Affine):
        return has_band_form(law.law)
    if isinstance(law, SampleCovariance):
        return isinstance(law.population, Atoms) and np.unique(law.population.values).size == 1
    return isinstance(law, Semicircle | FreePoisson)
