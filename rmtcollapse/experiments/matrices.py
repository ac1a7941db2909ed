r"""Eigenvalues of one random matrix of finite size, made from what defines a limiting law and not from its equations.

Every law here is the limit of a matrix that can be written down: atoms are diagonal, a semicircle has independent
entries, a sample covariance is drawn, and free convolutions put one matrix in a random position relative to another
(Voiculescu, Invent. Math. 104, 1991: Haar rotations are asymptotically free). No transform, density or edge of the law
is used, so that these eigenvalues can judge all of them.
"""

from __future__ import annotations

from numbers import Integral

import numpy as np

from rmtcollapse.errors import ParameterError
from rmtcollapse.experiments.ensembles import Entries, FloatArray
from rmtcollapse.experiments.executors import seed_sequence
from rmtcollapse.experiments.recipes import Draw, has_band_form, spectrum
from rmtcollapse.spectra.law import Law

__all__ = ["eigenvalues"]


def eigenvalues(
    law: Law,
    size: int,
    rng: np.random.Generator | int,
    *,
    method: str = "auto",
    entries: str = "gaussian",
) -> FloatArray:
    r"""Eigenvalues of one random symmetric matrix whose spectral law tends to `law` as its dimension grows.

    Parameters
    ----------
    law : Law
        Atoms and laws with a density of their own give deterministic eigenvalues (rounded counts; quantiles of
        :math:`(i-1/2)/p`). Semicircle: Wigner, variance ``variance/size``. Marchenko-Pastur, free Poisson, sample
        covariance: :math:`T^{1/2}ZZ'T^{1/2}/n` with n = size/ratio, rounded. Fuss-Catalan: product of square matrices.
        Dyson and Gram laws: rows, or rows and columns, in classes of rounded counts.
        Sums, products, powers: Haar rotated copies; a fractional additive power k: k times a corner of dimension
        ``size`` of a rotated matrix of dimension k ``size`` (Nica and Speicher, Amer. J. Math. 118, 1996).
    size : int
        Dimension p >= 1.
    rng : numpy.random.Generator or int
        A generator, which moves on, or a seed >= 0.
    method : "auto", "dense" or "banded"
        Whether Gaussian matrices are drawn entry by entry, or as band and triangular matrices that have the same
        eigenvalues in law. "banded" allows only laws whose eigenvalues are those of one band matrix.
    entries : "gaussian" or "signs"
        What the entries of Wigner and data matrices are. The limit is the same; fluctuations differ.

    Returns
    -------
    (size,) array
        Increasing. Null eigenvalues of Gram matrices and of products of nonnegative matrices are exactly 0.

    Raises
    ------
    ParameterError
        For a law without a matrix here, a size that is too small for it, and options that exclude each other.
    """
    if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
        raise ParameterError("size", size, "an integer >= 1")
    if method not in ("auto", "dense", "banded"):
        raise ParameterError("method", method, "'auto', 'dense' or 'banded'")
    if entries not in ("gaussian", "signs"):
        raise ParameterError("entries", entries, "'gaussian' or 'signs'")
    if method == "banded" and entries == "signs":
        raise ParameterError("entries", entries, "'gaussian', which is what band matrices stand for")
    if method == "banded" and not has_band_form(law):
        domain = "'auto' or 'dense' for a law that is not a semicircle, a Marchenko-Pastur law or a multiple of one"
        raise ParameterError("method", method, domain)
    generator = rng if isinstance(rng, np.random.Generator) else np.random.default_rng(_seed(rng))
    draw = Draw(Entries(generator, entries == "signs"), method != "dense" and entries == "gaussian")
    return np.sort(spectrum(law, int(size), draw)) + 0.0  # no negative zeros


def _seed(rng: object) -> np.random.SeedSequence:
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
        raise ParameterError("rng", rng, "a numpy.random.Generator or an integer >= 0")
    return seed_sequence(int(rng))
