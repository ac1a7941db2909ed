"""Values of a Jacobian of different layers: mean field, the edge on the curve, the stated equations there."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rmtcollapse.equations.compile import Compiled
from rmtcollapse.equations.solve import solve_point
from rmtcollapse.errors import ConvergenceError
from rmtcollapse.models._activations import energy, gains
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.spectra._chain_curve import Chain, Stage
from rmtcollapse.spectra._chain_edges import has_atom, isometric, top_point
from rmtcollapse.spectra._chain_real import argument
from rmtcollapse.spectra._layer_gains import LEVELS, Gains, SwitchGains, mean_gain

if TYPE_CHECKING:
    from rmtcollapse.models.layered_jacobian import LayeredJacobian

__all__ = ["chain_of", "compiled_layers", "layered_theory", "variances"]

_AGREE = 2e-14  # of values on two levels of the quadrature, and more for more layers
_SAME = 2e-15  # relative difference below which two variances are one
_LEAST, _MOST = 1e-12, 1e8  # variances at which a law of slopes is resolved


def variances(model: LayeredJacobian) -> np.ndarray:
    """Mean squares of what the layers are given: the input, then preactivations, (L,)."""
    found = [model.input_variance]
    for kind in model.kinds()[:-1]:
        found.append(model.weight_variance * energy(kind, found[-1]) + model.bias_variance)
    return np.array(found)


def chain_of(model: LayeredJacobian) -> Chain:
    """The layers of the model as free factors; equal laws of slopes are one object."""
    known: list[tuple[str, float, Gains]] = []

    def law(kind: str, q: float) -> Gains:
        if kind not in ("linear", "relu") and not _LEAST <= q <= _MOST:
            raise ConvergenceError(
                f"layered-jacobian: a preactivation variance of {q:.3g} is not between {_LEAST:g} and {_MOST:g}; other "
                "weights or biases keep it there"
            )
        for name, variance, made in known:
            if name == kind and (abs(variance - q) <= _SAME * q or kind in ("linear", "relu")):
                return made
        known.append((kind, q, gains(kind, q)))
        return known[-1][2]

    widths = [int(n) for n in model.widths]
    stages = tuple(
        Stage(widths[i], widths[i + 1], law(kind, q), model.weight_variance)
        for i, (kind, q) in enumerate(zip(model.kinds(), variances(model), strict=True))
    )
    return Chain(stages, model.weights == "orthogonal")


@cache
def compiled_layers(edge: bool) -> Compiled:
    """The generated module of :func:`~rmtcollapse.models._layered_system.layered_system`."""

    def build() -> Any:
        from rmtcollapse.models._layered_system import layered_system

        return layered_system(edge)

    return Compiled(f"layered_jacobian {edge}", build, (Path(__file__).parent / "_layered_system.py",))


def layered_theory(model: LayeredJacobian, digits: int | None = None) -> Prediction:
    """The values of the model, certified; see :meth:`rmtcollapse.models._base.Model.theory`."""
    chain = chain_of(model)
    flat = has_atom(chain) or isometric(chain)
    given = model.arguments(model.parameters())
    tau = math.inf if flat else top_point(chain).tau
    if digits is not None:
        return _reference(model, chain, tau, given, digits)
    compiled = compiled_layers(not flat)
    before = None
    for step in range(LEVELS + 1):
        solution = solve_point(compiled, given, _columns(chain, tau, step))
        values = {name: solution.outputs[name] for name in model.VALUES}
        if not chain.groups or flat or (before and _near(values, before, _AGREE * (1 + len(chain.stages) / 20))):
            return Prediction(
                values, solution.unknowns, solution.residual, solution.certificate, solution.status, solution.regimes
            )
        before = values
    raise ConvergenceError("layered-jacobian: the means over the slopes did not settle")


def _reference(model: LayeredJacobian, chain: Chain, tau: float, given: dict[str, float], digits: int) -> Prediction:
    """With mpmath, on nodes whose step is halved until the digits stay."""
    import mpmath as mp

    from rmtcollapse.equations.reference import solve_reference
    from rmtcollapse.models._layered_reference import reference_rows
    from rmtcollapse.models._layered_system import layered_system

    system, near, before = layered_system(edge=math.isfinite(tau)), [1.0] * len(chain.stages), None
    if math.isfinite(tau):
        near = [row["t"] for row in _rows(chain, tau, 2)]
    with mp.workdps(digits + 30):
        step = mp.mpf(1) / 8
        while True:
            found = solve_reference(system, given, reference_rows(model, tau, near, step), digits)
            values = {name: found.outputs[name] for name in model.VALUES}
            if before and all(abs(values[n] / before[n] - 1) < mp.mpf(10) ** -digits for n in values):
                break
            before, step = values, step / 2
    return Prediction(values, found.unknowns, 0.0, 10.0**-digits, found.status, found.regimes, digits)


def _near(now: dict[str, float], before: dict[str, float], allowed: float) -> bool:
    return all(now[n] == before[n] or abs(now[n] - before[n]) <= allowed * abs(now[n]) for n in now)


def _columns(chain: Chain, tau: float, step: int) -> dict[str, np.ndarray]:
    """What the sums over the layers need, at the trace `tau`; none of the curve where that is infinite."""
    rows = _rows(chain, tau, step)
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return {"multiplicity": np.ones(len(rows)), **columns}


def _rows(chain: Chain, tau: float, step: int) -> list[dict[str, float]]:
    known: dict[tuple[int, int, int], dict[str, float]] = {}
    for stage in chain.stages:
        key = id(stage.gains), stage.inputs, stage.outputs
        if key not in known:
            known[key] = _row(chain, stage, tau, step)
    return [known[id(s.gains), s.inputs, s.outputs] for s in chain.stages]


def _row(chain: Chain, stage: Stage, tau: float, step: int) -> dict[str, float]:
    law, u = stage.gains, tau / stage.inputs
    row = {
        "inputs": float(stage.inputs), "wide": float(max(stage.inputs, stage.outputs)), "variance": stage.variance,
        "mean": law.largest * mean_gain(law), "square": law.largest**2 * mean_gain(law, 2), "largest": law.largest,
    }  # fmt: skip
    if math.isinf(tau):
        return row
    if isinstance(law, SwitchGains):
        log_xi, t, rate = -math.log1p(law.share / u), u / law.share, (law.share + u) / law.share
    else:
        group = next(g for g in chain.groups if g.layers.gains is law and g.width == stage.inputs)
        log_xi, t, rate = argument(group, u, step)
    return {**row, "psi": u, "argument": math.exp(log_xi) / law.largest, "rate": rate, "t": t}
