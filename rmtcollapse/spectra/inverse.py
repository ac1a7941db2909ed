r"""From a sample covariance back to the population: its eigenvalues, its signal, and a better covariance.

The Marchenko-Pastur law says where the eigenvalues :math:`\lambda_1 \ge \lambda_2 \ge \dots` of a sample covariance
fall when the population has eigenvalues :math:`t_j`: near the places :math:`q_i` that have i - 1/2 eigenvalues above
them. Here it is read backwards.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra._population_fit import ATOMS, LEVELS, SMOOTHING, PopulationFit, blocks, centres, sums
from rmtcollapse.spectra._sample_places import null_value, places
from rmtcollapse.spectra.estimate import (
    Estimate,
    FloatArray,
    _checked_rows,
    _padded,
    _squares,
    estimate,
    real_array,
    refuse_entry,
)

if TYPE_CHECKING:
    from rmtcollapse.spectra.population import Spectrum

__all__ = [
    "deconvolved_energy",
    "estimate_from_data",
    "estimate_population",
    "nonlinear_shrinkage",
    "population_eigenvalues",
    "shrink_covariance",
]

COMPARABLE = 20  # degrees of freedom per direction from which "auto" takes the sample spectrum
EPS = float(np.finfo(np.float64).eps)
SHARPENING = 30  # iterations of the deconvolution: 10 to 300 predict the same risks


def estimate_population(eigenvalues: ArrayLike, samples: int, *, smoothing: float = SMOOTHING) -> Spectrum:
    r"""Population spectrum behind the eigenvalues of a sample covariance.

    Undoes the spread that the Marchenko-Pastur law describes, and keeps the trace, which is unbiased as it is. Tends to
    the sample eigenvalues as `samples` grows.

    Parameters
    ----------
    eigenvalues : (d,) array_like
        All d eigenvalues >= 0 of the sample covariance, zeros included, in any order; of a sum of squares divided by
        `samples`, so that their mean estimates that of the population. At most `samples` of them are positive.
    samples : int
        Degrees of freedom n >= 1: the number of rows, less one if they were centred.
    smoothing : float
        From 1e-6 to 1e6: weight of squared steps of log eigenvalues, beside squared residuals in units of eigenvalue
        counts. Matters little: 0.1 and 2.5 give spectra that predict alike.

    Returns
    -------
    Spectrum
        d eigenvalues, decreasing, of multiplicity one. Where fewer than min(n, d) of the given ones are positive, the
        population itself has that rank, and the rest are 0; otherwise all are positive, for n < d too.

    Raises
    ------
    ParameterError
        Outside these domains.
    ConvergenceError
        If the fit does not settle.

    Notes
    -----
    Source: the idea is that of Ledoit and Wolf (2015), "Spectrum estimation"; the residuals, the penalty and the
    derivatives are derived here. Up to 160 eigenvalues are fitted one by one; of more, the logarithm is linear between
    about 160 knots, which crowd towards both ends. Entries of the whitened rows are taken as independent: rows of
    random lengths (elliptical laws, heavy tails) spread the sample spectrum further, and the estimate with it.
    """
    from rmtcollapse.spectra.population import Spectrum

    number = isinstance(smoothing, Real) and not isinstance(smoothing, bool)
    if not number or not 1e-6 <= smoothing <= 1e6:
        raise ParameterError("smoothing", smoothing, "a number from 1e-6 to 1e6")
    values = _checked(eigenvalues, samples)
    return Spectrum(population_eigenvalues(np.sort(values)[::-1], int(samples), float(smoothing)))


def nonlinear_shrinkage(eigenvalues: ArrayLike, samples: int, population: Spectrum | None = None) -> FloatArray:
    r"""Variances along the sample's eigenvectors, in place of its eigenvalues: :math:`\hat u_i' \Sigma \hat u_i`.

    .. math:: \delta_i = \frac{|w_i|^2}{q_i}, \qquad \delta_{\mathrm{null}} = \frac{n\kappa}{d-n}, \quad
              \sum_j \frac{t_j}{t_j+\kappa} = n,

    at the place :math:`q_i` where the law has i - 1/2 eigenvalues above it, with -1/w its companion Stieltjes transform
    there; an eigenvalue beyond the limit's support has such a place too. Null directions are those of n < d. Of all
    matrices with the sample's eigenvectors, the one with these eigenvalues is closest to :math:`\Sigma` in the limit.

    Parameters
    ----------
    eigenvalues, samples
        As in `estimate_population`.
    population : Spectrum, optional
        The population's, of dimension d and at least the rank of the sample; estimated if not given.

    Returns
    -------
    (d,) array
        In the order of `eigenvalues`.

    Raises
    ------
    ParameterError, ConvergenceError
        As in `estimate_population`.

    Notes
    -----
    Source: Ledoit and Peche (2011) for the limit, there in terms of the Stieltjes transform; its form in w and the null
    value are derived here.
    """
    values = _checked(eigenvalues, samples)
    order, n = np.argsort(-values, kind="stable"), int(samples)
    t = population_eigenvalues(values[order], n) if population is None else _given(population, values)
    t, shrunk = t[t > 0], np.zeros(values.size)
    rank = min(n, t.size)
    shrunk[order[:rank]] = _oracle(t, n, rank)
    shrunk[order[rank:]] = null_value(t, n, values.size) if n < t.size else 0.0
    return shrunk


def shrink_covariance(X: ArrayLike) -> FloatArray:
    """Covariance (d, d) of the population of rows X (n, d), n >= 2: sample eigenvectors, `nonlinear_shrinkage`.

    Rows are centred, and their degrees of freedom are n - 1. Raises `ParameterError` for what is no finite array of at
    least two rows, or has a constant column.
    """
    rows = _checked_rows(X)
    (n, d), (_, singular, right) = rows.shape, np.linalg.svd(rows, full_matrices=False)
    squares = _squares(singular, rows.shape)
    rank, basis = squares.size, right[: squares.size].T
    shrunk = nonlinear_shrinkage(_padded(squares / (n - 1), d), n - 1)
    null = float(shrunk[-1]) if rank < d else 0.0
    covariance: FloatArray = (basis * (shrunk[:rank] - null)) @ basis.T + null * np.eye(d)
    return (covariance + covariance.T) / 2


def estimate_from_data(X: ArrayLike, y: ArrayLike | None, population: str) -> Estimate:
    """What `Spectrum.from_data` holds; a signal that is equal in all directions stays, any other is deconvolved."""
    if population not in ("auto", "estimated", "sample"):
        raise ParameterError("population", population, "'auto', 'estimated' or 'sample'")
    found = estimate(X, y)
    rank, freedom = int(np.count_nonzero(found.eigenvalues)), len(np.asarray(X)) - 1
    if population == "sample" or (population == "auto" and freedom >= COMPARABLE * rank):
        return found
    eigenvalues, signal = population_eigenvalues(found.eigenvalues, freedom), found.signal
    if signal is not None and np.ptp(signal) > 0:  # least squares: the rank is that of the population
        inside, energy = eigenvalues[:rank], (found.eigenvalues * signal)[:rank]
        signal = _padded(deconvolved_energy(energy, inside, freedom) / inside, signal.size)
    return Estimate(eigenvalues, signal, found.noise_variance)


def population_eigenvalues(values: FloatArray, samples: int, smoothing: float = SMOOTHING) -> FloatArray:
    """Population eigenvalues (d,), decreasing, from valid sample eigenvalues, decreasing; see `estimate_population`."""
    rank, scale = int(np.count_nonzero(values)), float(values[0])
    size = rank if rank < min(samples, values.size) else values.size
    if size == 1 or samples >= 1e12 * size:  # the correction, of order size/samples, is far below the sampling error
        return values
    fitted = PopulationFit(values[:rank] / scale, size, samples, smoothing).run()
    fitted *= values.sum() / fitted.sum()
    return np.concatenate([fitted, np.zeros(values.size - size)])


def deconvolved_energy(energy: FloatArray, population: FloatArray, samples: int) -> FloatArray:
    r"""Energies :math:`t_j w_j^2` of the population's directions from those of the sample's, both (d,), total kept.

    A sample direction overlaps those of nearby population eigenvalues, so that in expectation the energies seen are
    :math:`e_i = \sum_j K_{ij} t_j w_j^2` with :math:`K_{ij} = \partial q_i/\partial t_j` (derived here, from the
    overlaps of Ledoit and Peche 2011). Solved by the iteration of Richardson (1972) and Lucy (1974), which keeps signs
    and total, from a signal equal in every direction. All of `population` is positive.
    """
    if not energy.any():
        return energy
    seen, own = blocks(energy.size, LEVELS), blocks(energy.size, ATOMS)
    means = sums(population, own) / own
    kernel = places(means, own, samples, centres(seen)).kernel  # the iteration does not see the scale of a row
    target, found = sums(energy, seen), own * means * (energy.sum() / population.sum())
    for _ in range(SHARPENING):
        found = found * (kernel.T @ (target / (kernel @ found)))
    each: FloatArray = population * np.repeat(found / (own * means), own.astype(np.intp))
    return each


def _checked(eigenvalues: ArrayLike, samples: object) -> FloatArray:
    """Sample eigenvalues (d,) as given, those that rounding cannot tell from 0 set to 0; refuses what cannot be any."""
    if not isinstance(samples, Integral) or isinstance(samples, bool) or not 1 <= int(samples) <= 2**53:
        raise ParameterError("samples", samples, "a positive integer, at most 2**53")
    values = real_array("eigenvalues", eigenvalues, "(d,): all eigenvalues of a sample covariance", 1)
    refuse_entry("eigenvalues", values, values < 0, "a finite number >= 0")
    largest = float(values.max())
    if not np.finfo(np.float64).tiny / EPS <= largest <= np.finfo(np.float64).max / values.size:
        raise ParameterError("largest eigenvalue", largest, "positive, and with a finite sum, in double precision")
    values = np.where(values > EPS * values.size * largest, values, 0.0)
    if (rank := int(np.count_nonzero(values))) > int(samples):
        domain = f"at most samples = {samples}, the largest rank of the covariance of as many rows"
        raise ParameterError("number of positive eigenvalues", rank, domain)
    return values


def _given(population: Spectrum, values: FloatArray) -> FloatArray:
    """Eigenvalues (d,), decreasing, of a population that can have such a sample."""
    if population.dimension != values.size:
        raise ParameterError("dimension of population", population.dimension, f"{values.size}, as many as eigenvalues")
    if (rank := int(np.count_nonzero(values))) > population.rank:
        domain = f"at most the rank of population, {population.rank}"
        raise ParameterError("number of positive eigenvalues", rank, domain)
    return np.sort(population.expanded().eigenvalues)[::-1]


def _oracle(t: FloatArray, samples: int, rank: int) -> FloatArray:
    """|w|^2/x (rank,) at the places of the eigenvalues, decreasing; of many, interpolated between blocks."""
    if samples >= 1e12 * t.size:
        return t[:rank]
    own, seen = blocks(t.size, ATOMS), blocks(rank, LEVELS)
    scale = float(t[0])
    at = places(sums(t / scale, own) / own, own, samples, centres(seen))
    modulus = at.real**2 + at.square
    logs = np.interp(np.arange(rank) + 0.5, centres(seen), np.log(modulus / at.x))
    oracle: FloatArray = scale * np.exp(logs)
    return oracle
