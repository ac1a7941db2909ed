"""Evaluate a compiled system: at a point through the NumPy form, over a grid through the Numba form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.equations.compile import Compiled
from rmtcollapse.errors import ConvergenceError

__all__ = ["CONVERGED", "GridSolution", "Solution", "solve_grid", "solve_point", "status_text"]

Array = NDArray[np.float64]

CONVERGED = "converged"
_FAILURES = {
    -1: "no regime of the equations covers these parameters",
    -2: "the solver stopped before the equation was met to rounding",
    -3: "the solver stopped where no root is certified nearby",
    -4: "the stated equations are not met to rounding",
}
_ADVICE = (
    "move the parameters away from the edge of their domain, rescale the spectrum so that its eigenvalues are near "
    "one, or ask for theory(digits=30), which solves in higher precision"
)


@dataclass(frozen=True)
class Solution:
    """One solved point.

    Attributes
    ----------
    outputs, unknowns : dict of str to float
        Values by name.
    letters : dict of str to str
        LaTeX letter of each unknown.
    residual : float
        Largest defect of the stated equations, |left - right| over the sum of the absolute addends.
    certificate : float
        Relative radius around each solved unknown that contains the exact root (0 where it is a closed form).
    status : str
        ``"converged"``, or what is special about this regime.
    regimes : tuple of str
        Regime of each fixed point.
    iterations : int
        Evaluations of residuals.
    """

    outputs: dict[str, float]
    unknowns: dict[str, float]
    letters: dict[str, str]
    residual: float
    certificate: float
    status: str
    regimes: tuple[str, ...]
    iterations: int


@dataclass(frozen=True)
class GridSolution:
    """Solved points of a grid: arrays with one entry (or row) a point, in the order of the points."""

    outputs: dict[str, Array]
    unknowns: dict[str, Array]
    residual: Array
    certificate: Array
    status: NDArray[np.str_]


def law_array(module: ModuleType, columns: Mapping[str, Array]) -> Array:
    """Stack the columns that `module` needs, the multiplicity first."""
    return np.ascontiguousarray([columns["multiplicity"], *(columns[name] for name in module.COLUMNS)], dtype=float)


def status_text(module: ModuleType, branches: Array, values: Array) -> str:
    """What to say of a solved point: the notes of its regimes, or that a value has overflowed."""
    notes = [module.REGIMES[k][int(b)][1] for k, b in enumerate(branches)]
    notes = list(dict.fromkeys(note for note in notes if note))
    if not notes and np.isinf(values).any():
        notes = ["a value exceeds the range of double precision"]
    return "; ".join(notes) or CONVERGED


def _failure(module: ModuleType, code: float, parameters: Mapping[str, float], radius: float) -> ConvergenceError:
    given = ", ".join(f"{k} = {v:g}" for k, v in parameters.items())
    reason = _FAILURES.get(int(code), "the values came out undefined")
    return ConvergenceError(f"{module.SYSTEM}: {reason} ({given}; last relative step {radius:.1e}); {_ADVICE}")


def solve_point(compiled: Compiled, parameters: Mapping[str, float], columns: Mapping[str, Array]) -> Solution:
    """Solve at one point.

    Raises
    ------
    ConvergenceError
        If no certified solution was reached, or a value is undefined.
    """
    module = compiled.numpy
    law = law_array(module, columns)
    p = np.array([parameters[name] for name in module.PARAMETERS], dtype=float)
    v, out = np.zeros(len(module.UNKNOWNS)), np.zeros(len(module.OUTPUTS))
    info = np.zeros(4 + len(module.REGIMES))
    with np.errstate(all="ignore"):
        module.point(np.zeros(len(v)), p, module.constants(law), law, v, out, info)
    if info[0] < 0 or np.isnan(out).any() or np.isnan(v).any():
        raise _failure(module, info[0], dict(zip(module.PARAMETERS, p, strict=True)), info[1])
    return Solution(
        outputs=dict(zip(module.OUTPUTS, out.tolist(), strict=True)),
        unknowns={name: float(x) for (name, _), x in zip(module.UNKNOWNS, v, strict=True)},
        letters=dict(module.UNKNOWNS),
        residual=float(info[3]),
        certificate=float(info[1]),
        status=status_text(module, info[4:], out),
        regimes=tuple(module.REGIMES[k][int(b)][0] for k, b in enumerate(info[4:])),
        iterations=int(info[2]),
    )


def solve_grid(compiled: Compiled, points: Array, columns: Mapping[str, Array], row: int | None = None) -> GridSolution:
    """Solve at many points in one compiled call, each started from those before it.

    Parameters
    ----------
    points : array (points, parameters)
        Parameter vectors, in the order of the module's ``PARAMETERS``.
    columns : mapping
        Columns of the law.
    row : int, optional
        Number of points after which a new line of a rectangular grid begins.

    Raises
    ------
    ConvergenceError
        If a point has no certified solution; it names the first such point.
    """
    module = compiled.numba
    law = law_array(module, columns)
    points = np.ascontiguousarray(points, dtype=float)
    out = np.zeros((len(points), len(module.OUTPUTS)))
    unknowns = np.zeros((len(points), max(1, len(module.UNKNOWNS))))
    info = np.zeros((len(points), 4 + len(module.REGIMES)))
    module.grid(points, row or len(points), law, out, unknowns, info)
    bad = (info[:, 0] < 0) | np.isnan(out).any(axis=1)
    if bad.any():
        i = int(np.argmax(bad))
        raise _failure(module, info[i, 0], dict(zip(module.PARAMETERS, points[i], strict=True)), info[i, 1])
    return GridSolution(
        outputs={name: out[:, k] for k, name in enumerate(module.OUTPUTS)},
        unknowns={name: unknowns[:, k] for k, (name, _) in enumerate(module.UNKNOWNS)},
        residual=info[:, 3],
        certificate=info[:, 1],
        status=_statuses(module, info, out),
    )


def _statuses(module: ModuleType, info: Array, out: Array) -> NDArray[np.str_]:
    plain = (info[:, 0] == 0) & ~np.isinf(out).any(axis=1)
    if plain.all():
        return np.full(len(out), CONVERGED)
    return np.array([status_text(module, info[i, 4:], out[i]) for i in range(len(out))])
