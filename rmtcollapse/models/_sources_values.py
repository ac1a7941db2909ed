"""From the unknowns of several sources to certified values, in double precision and with mpmath."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from rmtcollapse.equations.operations import MPMATH, NUMPY
from rmtcollapse.equivalents.sources_solver import SourcesSolution
from rmtcollapse.errors import ConvergenceError
from rmtcollapse.models._prediction import Prediction

__all__ = ["certified_values", "reference_values"]

_GUARD_DIGITS = 20
_EPS = float(np.finfo(float).eps)


def _unknowns(module: ModuleType, scales: Any, leverages: Any) -> dict[str, Any]:
    return dict(zip((name for name, _ in module.UNKNOWNS), [*scales, *leverages], strict=True))


def certified_values(
    module: ModuleType, given: Mapping[str, Any], solution: SourcesSolution, names: list[str]
) -> Prediction:
    """Values at a solution, with the residual of the stated relations."""
    fixed = {**given, "ridge": solution.ridge, "epsilon": solution.epsilon, "unseen": solution.unseen}
    finite = np.isfinite(solution.leverages).all()
    leverages = solution.leverages if finite else np.zeros(len(solution.scales))
    relations, outputs = module.evaluate({**fixed, **_unknowns(module, solution.scales, leverages)}, NUMPY)
    judged = relations if finite else relations[: len(solution.scales)]
    residual = max(abs(float(a - b)) / float(abs(a) + abs(b)) if a != b else 0.0 for a, b in judged)
    allowed = 2**14 * len(solution.unseen) * _EPS + 8 * solution.certificate
    if not residual <= allowed or not np.isfinite([float(v) for v in outputs.values()]).all():
        raise ConvergenceError(
            f"weighted_sources: the stated equations are met to {residual:.1e} only; give a larger ridge, or rescale "
            "the covariances so that their eigenvalues are near one"
        )
    values = {n: float(v) for n, v in outputs.items()}
    if not finite:
        ahead = module.evaluate({**fixed, **_unknowns(module, solution.scales, np.ones(len(leverages)))}, NUMPY)[1]
        values = _at_threshold(values, {n: float(v) for n, v in ahead.items()})
    unknowns = {n: float(v) for n, v in _unknowns(module, solution.scales, solution.leverages).items()}
    return Prediction(
        {n: values[n] for n in names},
        unknowns,
        residual,
        solution.certificate,
        solution.status,
        (solution.regime,),
    )


def _at_threshold(still: Mapping[str, Any], amplified: Mapping[str, Any]) -> dict[str, Any]:
    """Values are linear in the leverages; where these are infinite, so is what they multiply, if it is not rounding."""
    scale = max(abs(float(v)) for v in amplified.values())
    grows = {n: float(amplified[n] - still[n]) > 1e3 * _EPS * scale for n in still}
    grows["test_error"] = grows["variance"] or grows["zeta"]
    return {n: np.inf if grows[n] and n != "cross" else v for n, v in still.items()}


def reference_values(
    module: ModuleType, given: Mapping[str, Any], solution: SourcesSolution, digits: int, names: list[str]
) -> Prediction:
    """The stated relations solved with mpmath, from the solution in double precision (the root is unique)."""
    import mpmath as mp

    with mp.workdps(digits + _GUARD_DIGITS):
        fixed = {n: _exact(v) for n, v in given.items()}
        fixed |= {"ridge": mp.mpf(solution.ridge), "epsilon": mp.mpf(solution.epsilon)}
        fixed["unseen"] = _exact(solution.unseen)
        start = [mp.mpf(float(x)) for x in (*solution.scales, *solution.leverages)]

        def defects(*unknowns: Any) -> list[Any]:
            half = len(unknowns) // 2
            values = _unknowns(module, unknowns[:half], unknowns[half:])
            return [(b - a) / b for a, b in module.evaluate({**fixed, **values}, MPMATH)[0]]

        if not np.isfinite(solution.leverages).all():
            return _reference_threshold(module, fixed, solution, digits, names)
        root = mp.findroot(defects, start, solver="mdnewton", tol=mp.mpf(10) ** -(2 * digits + 8), maxsteps=60)
        half = len(start) // 2
        unknowns = _unknowns(module, list(root)[:half], list(root)[half:])
        outputs = module.evaluate({**fixed, **unknowns}, MPMATH)[1]
        return Prediction(
            {n: outputs[n] for n in names},
            unknowns,
            0.0,
            10.0**-digits,
            solution.status,
            (solution.regime,),
            digits,
        )


def _reference_threshold(
    module: ModuleType, fixed: Mapping[str, Any], solution: SourcesSolution, digits: int, names: list[str]
) -> Prediction:
    """At a threshold only a common factor of the scales is open; the finite values do not depend on it."""
    import mpmath as mp

    scales = [mp.mpf(float(x)) for x in solution.scales]
    still, amplified = (
        module.evaluate({**fixed, **_unknowns(module, scales, [mp.mpf(z)] * len(scales))}, MPMATH)[1] for z in (0, 1)
    )
    values = _at_threshold(still, amplified)
    unknowns = _unknowns(module, scales, [mp.inf] * len(scales))
    named = {n: mp.mpf(values[n]) for n in names}
    return Prediction(named, unknowns, 0.0, 10.0**-digits, solution.status, (solution.regime,), digits)


def _exact(value: Any) -> Any:
    import mpmath as mp

    return mp.matrix(np.asarray(value).tolist()) if np.ndim(value) else mp.mpf(float(value))
