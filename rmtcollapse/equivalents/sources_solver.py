r"""The engine of several sources: traces by a monotone Newton method, leverages without cancellation.

Every source *k* has the trace :math:`t_k=\frac1N\operatorname{tr}C_kQ`, with :math:`h(t)=E\frac s{\lambda+st}` over the
sample weights *s* and :math:`Q=(\epsilon+\sum_lf_lh(t_l)C_l)^{-1}`, :math:`f_l=n_l/N`; without weights
:math:`h=1/(\lambda+t)=1/\kappa`. :math:`t=F(t)` is increasing and concave, so that the root is unique, Newton's method
from above decreases to it, and two points with :math:`t^-\le F(t^-)`, :math:`t^+\ge F(t^+)` enclose it: that is the
certificate.

Both Newton's method in :math:`\log t` and the leverages need :math:`I-H`,
:math:`H_{kl}=f_lg(t_l)t_l\operatorname{tr}C_kQC_lQ/(Nt_k)`, :math:`g=-h'=E\frac{s^2}{(\lambda+st)^2}`. At the root the
deficits of its rows are :math:`1-\sum_lH_{kl}=\frac1{Nt_k}\{\epsilon\operatorname{tr}C_kQ^2+\sum_lf_l(h-gt)_l
\operatorname{tr}C_kQC_lQ\}`, with :math:`h-gt=\lambda E\frac s{(\lambda+st)^2}`, so that elimination can be done on
deficits and off-diagonal entries, which are positive and are only added. Near a threshold :math:`I-H` is nearly
singular, with left null vector :math:`fht`; that component of the defect is known without cancellation, from
:math:`\sum_kn_kP(s>0)-d+\epsilon\operatorname{tr}Q=\sum_kn_kE\frac{\lambda[s>0]}{\lambda+st_k}`.

Covariances are dense, (K, d, d), or diagonal in one basis, (K, d), where a coordinate may stand for several directions.
Derived here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.equivalents.sources_state import Regime, Sources, State, solve_dominant
from rmtcollapse.equivalents.thresholds import THRESHOLD
from rmtcollapse.errors import ConvergenceError

__all__ = ["SourcesSolution", "solve_sources"]

Array = NDArray[np.float64]
EPS = float(np.finfo(float).eps)
_STEPS = 200


@dataclass(frozen=True)
class SourcesSolution:
    """Unknowns of the stated equations, and the regime in which they hold.

    Attributes
    ----------
    ridge, epsilon : float
        The pair of the statement.
    unseen : array (d, d) or (d,)
        Projector on the directions that no source has, where the statement needs it.
    traces, leverages : array (K,)
        The unknowns t and, for the metric of the sources, z.
    certificate : float
        Relative radius around the traces that contains the exact root.
    regime, status : str
        In words.
    iterations : int
        Newton steps.
    """

    ridge: float
    epsilon: float
    unseen: Array
    traces: Array
    leverages: Array
    certificate: float
    regime: str
    status: str
    iterations: int
    _state: State = field(repr=False)

    @property
    def scales(self) -> Array:
        r"""Effective ridges :math:`\kappa_k=\lambda+t_k` of sources without sample weights."""
        return self.ridge + self.traces

    def leverages_for(self, metric: Array, joint: Array | None = None) -> Array:
        """Leverages for another metric; between two fits that share the rows, with the `joint` moments of weights."""
        if not self.ridge and not self.epsilon:
            return np.full(len(self.traces), np.inf)
        return self._state.leverages(metric, joint)


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
    regime = _regime(sources)

    def at(traces: Array) -> State:
        return State(sources, regime, traces)

    start = sources.traces(sources.covariances) / sources.samples
    with np.errstate(all="ignore"):
        state, count = _newton(at, start if regime.epsilon else start / start.max(), regime.free)
        certificate = 0.0 if regime.free else _certificate(at, state)
        solution = SourcesSolution(
            regime.ridge, regime.epsilon, regime.unseen, state.unknowns, np.full(len(start), np.inf), certificate,
            regime.name, regime.status, count, state,
        )  # fmt: skip
        return solution if regime.free else replace(solution, leverages=state.leverages(sources.metric))


def _regime(sources: Sources) -> Regime:
    rows = float((sources.rows * sources.weights.seen).sum())
    none = np.zeros_like(sources.identity)
    if sources.ridge > 0:
        return Regime(sources.ridge, 1.0, none, sources.traces(sources.identity), "ridge")
    unseen, rank = _unseen(sources)
    if rows < rank:
        return Regime(0.0, 1.0, none, sources.traces(sources.identity), "ridgeless, fewer samples than directions")
    if rows > rank:
        return Regime(1.0, 0.0, unseen, rank, "ridgeless, more samples than directions")
    return Regime(0.0, 0.0, unseen, rank, "threshold", THRESHOLD)


def _unseen(sources: Sources) -> tuple[Array, float]:
    """Projector on the directions that no source has, and the number of the others."""
    joint = np.tensordot(1 / sources.traces(sources.covariances), sources.covariances, 1)
    if sources.diagonal:
        null = np.asarray(joint <= len(joint) * EPS * joint.max(), float)
        return null, float(sources.traces(1 - null))
    values, vectors = np.linalg.eigh(joint)
    null = values <= len(values) * EPS * values[-1]
    return vectors[:, null] @ vectors[:, null].T, float(np.sum(~null))


def _step(state: State, free: bool) -> Array:
    """Newton's step in log t, (I - H) step = (F - t)/t; that of the map itself where it would mislead."""
    size = len(state.unknowns)
    if not free and float(np.max(abs(np.linalg.eigvals(state.H)))) >= 1:
        return np.asarray(np.log(state.image / state.unknowns))
    # A solution known up to a factor: keep the mean of the logarithms.
    extra = np.ones((size, size)) if free else 0.0
    return np.asarray(np.linalg.solve(np.eye(size) - state.H + extra, state.defect))


def _newton(at: Callable[[Array], State], traces: Array, free: bool) -> tuple[State, int]:
    last = np.inf
    for count in range(1, _STEPS + 1):
        try:
            state = at(traces)
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
        traces = traces * np.exp(step * min(1.0, 2 / size))
    raise ConvergenceError(_FAILURE)


def _certificate(at: Callable[[Array], State], state: State) -> float:
    """Radius of an enclosure of the root between two points of which the map leads inwards."""
    direction = solve_dominant(state.H, state.deficits, np.ones(len(state.unknowns)))
    gain = float(direction.max())
    radius = 2 * gain * (float(np.max(abs(state.defect))) + 16 * EPS)
    for _ in range(6):
        shift = direction / gain * radius
        above, below = at(state.unknowns * np.exp(shift)), at(state.unknowns * np.exp(-shift))
        if np.all(above.defect < 0) and np.all(below.defect > 0):
            return radius
        radius *= 4
    raise ConvergenceError(_FAILURE)


_FAILURE = (
    "several sources: no certified solution; without a ridge the sources must be determined together (all by more, or "
    "all by fewer rows than directions): give a ridge, or rescale the covariances to have eigenvalues near one"
)
