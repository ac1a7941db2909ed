r"""The dense engine of several sources: effective ridges by a monotone Newton method, leverages without cancellation.

:math:`\kappa=F(\kappa)` with :math:`F_k=\lambda+\frac1N\operatorname{tr}\Sigma_kQ(\kappa)` is increasing and concave,
so that the root is unique, Newton's method from above decreases to it, and two points with
:math:`\kappa^-\le F(\kappa^-)`, :math:`\kappa^+\ge F(\kappa^+)` enclose it: that is the certificate.

Both Newton's method in :math:`\log\kappa` and the leverages need :math:`I-H`,
:math:`H_{kl}=p_l\operatorname{tr}\Sigma_kQ\Sigma_lQ/(N\kappa_k\kappa_l)`. At the root the deficits of its rows are
:math:`1-\sum_lH_{kl}=(\lambda+\frac\epsilon N\operatorname{tr}\Sigma_kQ^2)/\kappa_k`, so that elimination can be done
on deficits and off-diagonal entries, which are positive and are only added. Near a threshold :math:`I-H` is nearly
singular, with left null vector :math:`p`; that component of the defect is known without cancellation, from
:math:`\sum_kn_k\lambda/\kappa_k=\sum_kn_k-d+\epsilon\operatorname{tr}Q`. Derived here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.equivalents.thresholds import THRESHOLD
from rmtcollapse.errors import ConvergenceError

__all__ = ["Sources", "SourcesSolution", "solve_sources"]

Array = NDArray[np.float64]
EPS = float(np.finfo(float).eps)
_STEPS = 200


@dataclass(frozen=True)
class Sources:
    """Sources that have a say: weighted covariances (K, d, d), rows (K,); all rows, ridge, metric (d, d)."""

    covariances: Array
    rows: Array
    samples: float
    ridge: float
    metric: Array

    @property
    def fractions(self) -> Array:
        """Shares p of all rows."""
        return self.rows / self.samples


@dataclass(frozen=True)
class SourcesSolution:
    """Unknowns of the stated equations, and the regime in which they hold.

    Attributes
    ----------
    ridge, epsilon : float
        The pair of the statement.
    unseen : array (d, d)
        Projector on the directions that no source has, where the statement needs it.
    scales, leverages : array (K,)
        The unknowns.
    certificate : float
        Relative radius around the scales that contains the exact root.
    regime, status : str
        In words.
    iterations : int
        Newton steps.
    """

    ridge: float
    epsilon: float
    unseen: Array
    scales: Array
    leverages: Array
    certificate: float
    regime: str
    status: str
    iterations: int


class _State:
    """Everything at one point: the resolvent, F, H and the deficits of its rows."""

    def __init__(self, sources: Sources, ridge: float, epsilon: float, unseen: Array, scales: Array) -> None:
        self.sources, self.scales = sources, scales
        d = len(unseen)
        seen = d - round(float(np.trace(unseen)))
        mixed = np.tensordot(sources.fractions / scales, sources.covariances, 1) + epsilon * np.eye(d) + unseen
        self.resolvent = _inverse(mixed) - unseen
        self.products = self.resolvent @ sources.covariances
        self.image = ridge + np.trace(self.products, axis1=1, axis2=2) / sources.samples
        learned = self.products / scales[:, None, None]
        self.H = sources.fractions / sources.samples * np.einsum("kij,lji->kl", learned, learned, optimize=True)
        square = np.einsum("kij,ji->k", self.products, self.resolvent) if epsilon else np.zeros(len(scales))
        self.deficits = (ridge + epsilon * square / sources.samples) / scales

        # (F - kappa)/kappa, with the mean that near a threshold decides.
        plain = (self.image - scales) / scales
        spare = sources.rows.sum() - seen
        mean = np.sum(sources.rows * ridge / scales) - spare - epsilon * np.trace(self.resolvent)
        self.defect = plain + (mean - sources.rows @ plain) / sources.rows.sum()

    def leverages(self) -> Array:
        """z, which solve (I - H)(kappa z) = tr(Sigma_k Q M Q)/(N kappa)."""
        pulled = self.resolvent @ self.sources.metric
        right = np.einsum("kij,ji->k", self.products, pulled) / (self.sources.samples * self.scales)
        return np.asarray(solve_dominant(self.H, self.deficits, right) / self.scales)


def _inverse(matrix: Array) -> Array:
    """Inverse of a symmetric positive definite matrix; exact scaling where it is diagonal."""
    from scipy.linalg import cho_factor, cho_solve

    scale = 1 / np.sqrt(np.diagonal(matrix))
    factor = cho_factor(scale[:, None] * matrix * scale, lower=True)
    inverse = cho_solve(factor, np.diag(scale)) * scale[:, None]
    return np.asarray((inverse + inverse.T) / 2)


def solve_dominant(H: Array, deficits: Array, right: Array) -> Array:
    """Solve (I - H) x = right for H >= 0 whose rows leave `deficits` >= 0 of one: no subtraction anywhere."""
    H, deficits, x = H.copy(), deficits.copy(), right.copy()
    size = len(x)
    pivots = np.zeros(size)
    for k in range(size):
        pivots[k] = deficits[k] + H[k, k + 1 :].sum()
        for i in range(k + 1, size):
            factor = H[i, k] / pivots[k]
            H[i, k + 1 :] += factor * H[k, k + 1 :]
            deficits[i] += factor * deficits[k]
            x[i] += factor * x[k]
    for k in range(size - 1, -1, -1):
        x[k] = (x[k] + H[k, k + 1 :] @ x[k + 1 :]) / pivots[k]
    return x


def solve_sources(sources: Sources) -> SourcesSolution:
    """Solve the equations of :mod:`rmtcollapse.equivalents.sources` for the unknowns.

    Parameters
    ----------
    sources : Sources
        At least one, each with rows and a covariance that is not zero.

    Raises
    ------
    ConvergenceError
        Without a ridge, where some sources determine their own directions and others do not; or at extreme scales.
    """
    d = len(sources.metric)
    unseen, rank = _unseen(sources)
    rows = sources.rows.sum()
    none = np.zeros((d, d))
    if sources.ridge > 0:
        return _solved(sources, sources.ridge, 1.0, none, "ridge")
    if rows < rank:
        return _solved(sources, 0.0, 1.0, none, "ridgeless, fewer samples than directions")
    if rows > rank:
        return _solved(sources, 1.0, 0.0, unseen, "ridgeless, more samples than directions")
    return _solved(sources, 0.0, 0.0, unseen, "threshold", THRESHOLD)


def _unseen(sources: Sources) -> tuple[Array, int]:
    """Projector on the directions that no source has, and the number of the others."""
    joint = sum(s / np.trace(s) for s in sources.covariances)
    values, vectors = np.linalg.eigh(joint)
    null = values <= len(values) * EPS * values[-1]
    return vectors[:, null] @ vectors[:, null].T, int(np.sum(~null))


def _solved(
    sources: Sources, ridge: float, epsilon: float, unseen: Array, regime: str, status: str = ""
) -> SourcesSolution:
    def at(scales: Array) -> _State:
        return _State(sources, ridge, epsilon, unseen, scales)

    free = not ridge and not epsilon  # any multiple of a solution is one
    start = np.trace(sources.covariances, axis1=1, axis2=2) / sources.samples
    scales = ridge + start if epsilon else start / start.max() + ridge
    with np.errstate(all="ignore"):
        state, count = _newton(at, scales, free)
        if free:
            certificate, leverages = 0.0, np.full(len(scales), np.inf)
        else:
            certificate, leverages = _certificate(at, state), state.leverages()
    return SourcesSolution(
        ridge, epsilon, unseen, state.scales, leverages, certificate, regime, status or "converged", count
    )


def _step(state: _State, free: bool) -> Array:
    """Newton's step in log kappa, (I - H) step = (F - kappa)/kappa; that of the map itself where it would mislead."""
    size = len(state.scales)
    if not free and float(np.max(abs(np.linalg.eigvals(state.H)))) >= 1:
        return np.asarray(np.log(state.image / state.scales))
    # A solution known up to a factor: keep the mean of the logarithms.
    extra = np.ones((size, size)) if free else 0.0
    return np.asarray(np.linalg.solve(np.eye(size) - state.H + extra, state.defect))


def _newton(at: Callable[[Array], _State], scales: Array, free: bool) -> tuple[_State, int]:
    last = np.inf
    for count in range(1, _STEPS + 1):
        try:
            state = at(scales)
            step = _step(state, free)
        except np.linalg.LinAlgError:
            break
        size = float(np.max(abs(step)))
        if not np.isfinite(size):
            break
        # Quadratic until rounding, which near a threshold may be large, makes the steps uneven.
        if size <= 4 * EPS or (size <= 1e-6 and size >= 0.5 * last):
            return state, count
        last = size
        scales = scales * np.exp(step * min(1.0, 2 / size))
    raise ConvergenceError(_FAILURE)


def _certificate(at: Callable[[Array], _State], state: _State) -> float:
    """Radius of an enclosure of the root between two points of which the map leads inwards."""
    direction = solve_dominant(state.H, state.deficits, np.ones(len(state.scales)))
    gain = float(direction.max())
    radius = 2 * gain * (float(np.max(abs(state.defect))) + 16 * EPS)
    for _ in range(6):
        shift = direction / gain * radius
        above, below = at(state.scales * np.exp(shift)), at(state.scales * np.exp(-shift))
        if np.all(above.defect < 0) and np.all(below.defect > 0):
            return radius
        radius *= 4
    raise ConvergenceError(_FAILURE)


_FAILURE = (
    "weighted_sources: no certified solution; without a ridge the sources must be determined together (all by more, or "
    "all by fewer rows than directions): give a ridge, or rescale the covariances to have eigenvalues near one"
)
