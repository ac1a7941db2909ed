"""The laboratory for regression experiments: draw rows, draw labels, fit, measure the risk given the fit.

Everything is written from the definitions in the eigenbasis of the population covariance (a Gaussian design looks the
same in any basis) and shares no formula with the deterministic equivalents that it judges.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.spectra.population import Spectrum

__all__ = ["Design", "Target"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """A true coefficient vector in the eigenbasis: random signs, so that its second moments are exact."""

    eigenvalues: Array
    coefficients: Array

    @classmethod
    def draw(cls, spectrum: Spectrum, rng: np.random.Generator) -> Target:
        """Coefficients of squared size `signal` with independent random signs."""
        full = spectrum.expanded()
        assert full.signal is not None
        return cls(full.eigenvalues, _random_signs(full.signal, rng))

    def shifted(self, spectrum: Spectrum, rng: np.random.Generator) -> Target:
        """Another target: these coefficients plus a shift of squared size `target_shift` with random signs."""
        full = spectrum.expanded()
        assert full.target_shift is not None
        return Target(self.eigenvalues, self.coefficients + _random_signs(full.target_shift, rng))

    def energy(self, vector: Array) -> float:
        r"""Expected squared prediction of a coefficient vector, :math:`v^\top\Sigma v`."""
        return float(self.eigenvalues @ vector**2)

    def risk(self, estimate: Array) -> float:
        """Excess risk of an estimate, exact given the estimate."""
        return self.energy(estimate - self.coefficients)


@dataclass(frozen=True)
class Design:
    """Training rows, (samples, dimension)."""

    rows: Array

    @classmethod
    def draw(cls, eigenvalues: Array, samples: int, rng: np.random.Generator) -> Design:
        """Independent Gaussian rows with covariance diag(`eigenvalues`)."""
        return cls(rng.standard_normal((samples, len(eigenvalues))) * np.sqrt(eigenvalues))

    @classmethod
    def correlated(cls, covariance: Array, samples: int, rng: np.random.Generator) -> Design:
        """Independent Gaussian rows with any covariance matrix."""
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        return cls(rng.standard_normal((samples, len(values))) @ root.T)

    def labels(self, coefficients: Array) -> Array:
        """Noise-free labels."""
        return self.rows @ coefficients

    def fitter(self, ridge: float) -> Callable[[Array], Array]:
        r"""Ridge regression on these rows: labels (samples,) or (samples, k) to coefficients; minimum norm at 0."""
        return self._ridge(ridge) if ridge > 0 else self._minimum_norm()

    def projected(self, projection: Array, ridge: float) -> Callable[[Array], Array]:
        r"""Ridge regression on the features :math:`S^\top x`: labels to :math:`S\hat v`, in the original coordinates.

        `projection` is *S*, (dimension, width). With more features than directions the fit is the same in the
        coordinates of the square root *L*, :math:`LL^\top=SS^\top`, where minimum norm is not a question of rank.
        """
        seen = np.flatnonzero(self.rows.any(axis=0))
        basis = projection[seen]
        if basis.shape[1] > basis.shape[0]:
            basis = np.asarray(np.linalg.qr(basis.T, mode="r")).T
        fit = Design(self.rows[:, seen] @ basis).fitter(ridge)

        def coefficients(labels: Array) -> Array:
            found = np.zeros((self.rows.shape[1], *labels.shape[1:]))
            found[seen] = basis @ fit(labels)
            return found

        return coefficients

    def _ridge(self, ridge: float) -> Callable[[Array], Array]:
        from scipy.linalg import cho_factor, cho_solve

        rows, (n, d) = self.rows, self.rows.shape
        if n < d:
            dual = cho_factor(rows @ rows.T + n * ridge * np.eye(n))
            return lambda labels: rows.T @ cho_solve(dual, labels)
        primal = cho_factor(rows.T @ rows + n * ridge * np.eye(d))
        return lambda labels: cho_solve(primal, rows.T @ labels)

    def _minimum_norm(self) -> Callable[[Array], Array]:
        from scipy.linalg import lstsq

        return lambda labels: np.asarray(lstsq(self.rows, labels, lapack_driver="gelsy")[0])

    def shrinkage(self, fit: Callable[[Array], Array], eigenvalues: Array) -> float:
        r"""Measured :math:`\kappa` of any linear fit: :math:`\operatorname{tr}\Sigma(I-T)/\operatorname{tr}T`.

        *T* is what the fit makes of noise-free labels, :math:`\hat w=Tw`; :math:`T=\Sigma(\Sigma+\kappa)^{-1}` for a
        ridge :math:`\kappa` on the population.
        """
        learned = np.diagonal(fit(self.rows))
        return float(eigenvalues @ (1 - learned) / learned.sum())

    def effective_ridge(self, ridge: float) -> float:
        r"""Measured :math:`\kappa`: the reciprocal of :math:`\frac1n\operatorname{tr}(XX^\top/n+\lambda)^{-1}`."""
        rows = self.rows[:, self.rows.any(axis=0)]
        n, d = rows.shape
        # The n - d exact zeros are counted, not computed: rounding would give them a size.
        if n > d and ridge == 0:
            return 0.0
        gram = np.linalg.eigvalsh(rows @ rows.T if n <= d else rows.T @ rows) / n + ridge
        return float(n / (np.sum(1 / gram) + (max(n - d, 0) / ridge if n > d else 0.0)))


def _random_signs(squares: Array, rng: np.random.Generator) -> Array:
    return np.asarray(rng.choice((-1.0, 1.0), size=len(squares)) * np.sqrt(squares))
