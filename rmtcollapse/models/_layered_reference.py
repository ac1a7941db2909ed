"""A Jacobian of different layers with mpmath: the arguments of the layers and the edge on nodes of any precision."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.models._activations import closed_energy, reference_columns

if TYPE_CHECKING:
    from rmtcollapse.models.layered_jacobian import LayeredJacobian

__all__ = ["reference_rows"]

Rows = dict[str, list[Any]]


@dataclass
class _Slopes:
    """Slopes of one layer on nodes: the mean over relative gains c and what they lack of 1."""

    nodes: list[tuple[Any, Any, Any]]
    largest: Any
    width: int
    t: Any

    def at(self, psi: Any, tiny: Any) -> tuple[Any, Any]:
        r"""log xi, relative to the largest slope, at which the trace is `psi`, and d log psi / d log xi."""
        import mpmath as mp

        for _ in range(100):
            t = self.t
            terms = [(w * c * t / (1 + loss * t), 1 + loss * t) for w, c, loss in self.nodes]
            value = mp.fsum(term for term, _ in terms)
            rise = mp.fsum(term / below for term, below in terms)  # d psi / d log t
            step = (psi - value) / rise
            self.t = t * mp.exp(step) if abs(step) > 1e-3 else t * (1 + step)
            if abs(step) < tiny:
                return mp.log(t / (1 + t)), rise * (1 + t) / value
        raise ConvergenceError("the reference found no argument of the slopes; ask for fewer digits")


def reference_rows(model: LayeredJacobian, tau: float, near: list[float], step: Any) -> Rows:
    """The columns of the system, one entry a layer, in the current precision of mpmath.

    Parameters
    ----------
    model : LayeredJacobian
        The model.
    tau : float
        The trace at the edge in double precision, infinite where no edge is stationary.
    near : list of float
        Arguments t of the layers there.
    step : mpf
        Of the quadrature.
    """
    import mpmath as mp

    q, layers, rows = mp.mpf(model.input_variance), [], _fixed(model)
    widths = [int(n) for n in model.widths]
    for k, kind in enumerate(model.kinds()):
        columns = reference_columns(kind, q, step, near[k])
        nodes = list(zip(columns["multiplicity"], columns["gain"], columns["loss"], strict=True))
        largest = columns["square"][0] / columns["gain"][0]
        for power, name in ((1, "mean"), (2, "square")):
            rows[name].append(largest**power * mp.fsum(w * c**power for w, c, _ in nodes))
        rows["largest"].append(largest)
        layers.append(_Slopes(nodes, largest, widths[k], mp.mpf(near[k])))
        q = model.weight_variance * _energy(kind, q, step) + model.bias_variance
    if mp.isfinite(tau):
        _at_the_edge(layers, rows, mp.log(tau), 1.0 * (model.weights == "orthogonal"), widths[-1])
    return rows


def _fixed(model: LayeredJacobian) -> Rows:
    widths = [int(n) for n in model.widths]
    wide = [max(pair) for pair in pairwise(widths)]
    ones = [1] * (len(widths) - 1)
    rows: Rows = {"multiplicity": ones, "inputs": list(widths[:-1]), "wide": list(wide)}
    rows["variance"] = [model.weight_variance for _ in ones]
    return {**rows, **{name: [] for name in ("mean", "square", "largest")}}


def _at_the_edge(layers: list[_Slopes], rows: Rows, log_tau: Any, rotated: float, last: int) -> None:
    """The secant method for the edge, with the arguments of all layers at every step."""
    import mpmath as mp

    tiny = mp.mpf(10) ** (10 - mp.mp.dps)

    def balance(log_tau: Any) -> Any:
        tau = mp.exp(log_tau)
        found = [layer.at(tau / layer.width, tiny) for layer in layers]
        rows["psi"] = [tau / layer.width for layer in layers]
        rows["argument"] = [mp.exp(log_xi) / layer.largest for layer, (log_xi, _) in zip(layers, found, strict=True)]
        rows["rate"] = [rate for _, rate in found]
        layer_terms = mp.fsum(1 - 1 / rate for rate in rows["rate"])
        return layer_terms - rotated * mp.fsum(tau / (m + tau) for m in rows["wide"]) - 1 / (1 + tau / last)

    before, log_tau = mp.mpf(log_tau), log_tau + mp.mpf(10) ** -9
    value = balance(before)
    for _ in range(60):
        now = balance(log_tau)
        if now == value:
            return
        before, log_tau, value = log_tau, log_tau - now * (log_tau - before) / (now - value), now
        if abs(log_tau - before) < tiny:
            balance(log_tau)
            return
    raise ConvergenceError("the reference found no upper edge; ask for fewer digits")


def _energy(activation: str, q: Any, step: Any) -> Any:
    """The mean square of the activation."""
    import mpmath as mp

    closed = closed_energy(activation, q, mp)
    if closed is not None:
        return closed
    columns = reference_columns(activation, q, step, 0.0)
    return mp.fsum(w * (1 - mp.sqrt(c)) for w, c in zip(columns["multiplicity"], columns["gain"], strict=True))
