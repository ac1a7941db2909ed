"""Values of a deep network's Jacobian: the stated equations solved, and the law that they belong to."""

from __future__ import annotations

import math
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rmtcollapse.equations.compile import Compiled
from rmtcollapse.equations.solve import solve_point
from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.models._activations import gains, reference_columns
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.spectra._layer_curve import Layers
from rmtcollapse.spectra._layer_edges import top_point
from rmtcollapse.spectra._layer_gains import EvenGains, Gains, mean_gain

if TYPE_CHECKING:
    from rmtcollapse.models.deep_jacobian import DeepJacobian
    from rmtcollapse.spectra.law import Law

__all__ = [
    "correlation_outlier",
    "heaviest_row",
    "jacobian_theory",
    "kinds_of_pruning",
    "law_of",
    "layers_of",
    "mean_squared_slope",
    "scaling_inflation",
    "squares",
]

_AGREE = 2e-14  # of values on two levels of the quadrature, and more for more layers


@cache
def _pruning_module() -> Compiled:
    def build() -> Any:
        from rmtcollapse.models._jacobian_system import pruning_system

        return pruning_system()

    return Compiled("deep_jacobian pruning", build, (Path(__file__).parent / "_jacobian_system.py",))


@lru_cache(maxsize=256)
def squares(sparsity: float, pruning: str) -> tuple[float, float]:
    """Shares of the squares of normal weights that pruning keeps, and takes."""
    given = {"sparsity": sparsity, "orthogonal": 1.0, **kinds_of_pruning(sparsity, pruning)}
    found = solve_point(_pruning_module(), given, {"multiplicity": np.ones(1)}).outputs
    return found["kept_squares"], found["lost_squares"]


def kinds_of_pruning(sparsity: float, pruning: str) -> dict[str, float]:
    """The word as numbers; where nothing is pruned no score counts."""
    by_score = pruning != "random" and sparsity > 0
    return {"scored": 1.0 * by_score, "sensitive": 1.0 * (by_score and pruning == "score")}


def mean_squared_slope(activation: Any, variance: float) -> float:
    """mu_1, the mean square of the slope."""
    law = gains(activation, variance)
    return law.largest * mean_gain(law)


def layers_of(model: DeepJacobian) -> Layers:
    """The layers of the model as free factors."""
    kept, lost = squares(model.sparsity, model.pruning)
    law = gains(model.activation, model.preactivation_variance)
    noise = 1.0 if model.weights == "gaussian" else lost
    gain = 1.0 if model.weight_variance is None else model.weight_variance * law.largest * mean_gain(law)
    return Layers(model.depth, law, noise, gain if model.rescaled else gain * kept)


def law_of(layers: Layers) -> Law:
    """The law of a product of layers; one rotation has that of the slopes."""
    from rmtcollapse.spectra.laws import Atoms
    from rmtcollapse.spectra.layers import LayerProduct
    from rmtcollapse.spectra.slopes import SquaredSlopes

    gains = layers.gains
    if layers.depth == 1 and layers.noise == 0:
        if isinstance(gains, EvenGains):
            return SquaredSlopes(gains, layers.gain)
        if gains.levels == 0:
            relative, _, weights = gains.nodes(0)
            places = [*([0.0] if gains.zero else []), *relative * (layers.gain / layers.mean)]
            return Atoms(places, [*([gains.zero] if gains.zero else []), *weights])
    return LayerProduct(layers.depth, gains, layers.noise, layers.gain)


@cache
def _atom_module() -> Compiled:
    def build() -> Any:
        from rmtcollapse.models._jacobian_system import jacobian_system

        return jacobian_system(atom=True)

    return Compiled("deep_jacobian atom", build, (Path(__file__).parent / "_jacobian_system.py",))


def has_top_atom(layers: Layers) -> bool:
    """Whether orthogonal weights leave nothing above the largest slope of every layer."""
    if layers.noise > 0:
        return False
    return layers.depth == 1 or layers.depth * layers.gains.rest <= 1


def jacobian_theory(model: DeepJacobian, digits: int | None = None) -> Prediction:
    """The values of the model, certified; see :meth:`rmtcollapse.models._base.Model.theory`."""
    layers = layers_of(model)
    atom = has_top_atom(layers)
    given = model.arguments(model.parameters())
    edge = -1.0 if atom else top_point(layers)
    given["near"] = 1 / math.expm1(-edge)
    if digits is not None:
        return _reference(model, atom, given, digits)
    compiled = _atom_module() if atom else model.compiled()
    before = None
    for level in range(layers.gains.first + 1, layers.gains.levels + 1) or [0]:
        solution = solve_point(compiled, given, _columns(layers.gains, level, edge))
        values = {name: solution.outputs[name] for name in model.VALUES}
        if not layers.gains.levels or (before and _near(values, before, _AGREE * (1 + model.depth / 20))):
            status = "; ".join(filter(None, [solution.status.replace("converged", ""), model.caution()])) or "converged"
            return Prediction(
                values, solution.unknowns, solution.residual, solution.certificate, status, solution.regimes
            )
        before = values
    raise ConvergenceError(
        "deep-jacobian: the means over the slopes did not settle; use a smoother activation, or give its kinks"
    )


def _near(now: dict[str, float], before: dict[str, float], allowed: float) -> bool:
    return all(now[n] == before[n] or abs(now[n] - before[n]) <= allowed * abs(now[n]) for n in now)


def _columns(law: Gains, level: int, edge: float) -> dict[str, np.ndarray]:
    gain, loss, weight = law.graded(level, edge)
    return {"multiplicity": weight, "gain": gain, "loss": loss, "square": law.largest * gain}


def _reference(model: DeepJacobian, atom: bool, given: dict[str, float], digits: int) -> Prediction:
    """With mpmath, on nodes whose step is halved until the digits stay."""
    import mpmath as mp

    from rmtcollapse.equations.reference import solve_reference
    from rmtcollapse.errors import NoExactValueError
    from rmtcollapse.models._jacobian_system import jacobian_system

    if not isinstance(model.activation, str):
        raise NoExactValueError("digits need a named activation: functions of arrays give 16 only")
    system, before = jacobian_system(atom), None
    with mp.workdps(digits + 30):
        step = mp.mpf(1) / 8
        while True:
            columns = reference_columns(model.activation, model.preactivation_variance, step, given["near"])
            found = solve_reference(system, given, columns, digits)
            values = {name: found.outputs[name] for name in model.VALUES}
            exact = len(columns["gain"]) == 1
            if exact or (before and all(abs(values[n] / before[n] - 1) < mp.mpf(10) ** -digits for n in values)):
                break
            before, step = values, step / 2
    status = "; ".join(filter(None, [found.status.replace("converged", ""), model.caution()])) or "converged"
    return Prediction(values, found.unknowns, 0.0, 10.0**-digits, status, found.regimes, digits)


def heaviest_row(left: float, width: int) -> float:
    """Squared norm of the heaviest of `width` rows with `left` weights on average, to leading exponential order."""
    from scipy.optimize import brentq

    def excess(y: float) -> float:
        # Stationary in theta = (1 - y^2) / 2 at a = 1 / y^3, for 0 < y < 1.
        return left * ((1 - y**2) / 2 / y**3 - 1 / y + 1) - math.log(width)

    return float(brentq(excess, 1e-6, 1.0, xtol=1e-14)) ** -3


def scaling_inflation(sparsity: float, pruning: str, depth: int) -> float:
    """What dividing by the root of the share of weights that is kept, not of their squares, makes of the product."""
    if pruning == "random":
        return 1.0
    log = math.log(squares(sparsity, pruning)[0] / (1 - sparsity)) * depth / 2
    if log > 700:
        raise ConvergenceError(f"the inflation exp({log:.6g}) is beyond the range of doubles; fewer layers")
    return math.exp(log)


def correlation_outlier(correlation: float, width: int, quantile: float) -> tuple[float, float]:
    """How likely common randomness of all weights makes an outlier, and a quantile of the largest singular value."""
    from scipy.special import erfinv

    from rmtcollapse.spectra.laws import exact_number

    rho, q = (float(exact_number(n, v, f"a number in {d}")) for n, v, d in
              (("correlation", correlation, "[0, 1)"), ("quantile", quantile, "(0, 1)")))  # fmt: skip
    if not 0 <= rho < 1:
        raise ParameterError("correlation", correlation, "a number in [0, 1)")
    if not 0 < q < 1:
        raise ParameterError("quantile", quantile, "a number in (0, 1)")
    alone = 1 - rho
    chance = math.erfc(math.sqrt(alone / (2 * rho * width))) if rho > 0 else 0.0
    theta = math.sqrt(2 * rho * width) * float(erfinv(q))
    return chance, (alone + theta**2) / theta if theta**2 > alone else 2 * math.sqrt(alone)
