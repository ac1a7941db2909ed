r"""The density of the spectrum of a symmetric expression, on the real axis.

The resolvent of H at x + iη is followed down in η, certified at every height. On the axis Newton's method starts from
the last of them: where its matrix is not singular and all imaginary parts are positive, the solution is the limit from
above. Where they are rounding, the real equation is solved instead, and its certificate (spectral radius below 1)
proves that x is outside the support.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from rmtcollapse.derive.algebra import inverse, summed, transposed
from rmtcollapse.derive.circuit import linearised
from rmtcollapse.derive.dyson import Equation, equation
from rmtcollapse.derive.letters import Dim
from rmtcollapse.derive.pencil import Pencil
from rmtcollapse.derive.solver import attempt, newton, resolvent
from rmtcollapse.errors import ConvergenceError, ParameterError

if TYPE_CHECKING:
    from rmtcollapse.derive.derivation import Derivation

__all__ = ["density"]

_FALL = 0.25  # from one height to the next
_LOWEST = 1e-9  # height relative to the first, from which the axis is tried
_FAINT = 1e-7  # imaginary part, relative to the modulus, that is no density but the height


def density(derivation: Derivation, x: ArrayLike, parameters: Mapping[Any, Any]) -> Any:
    """Density of the continuous part at real x; see :meth:`Derivation.density`."""
    points = np.asarray(x, dtype=float)
    if not np.isfinite(points).all():
        raise ParameterError("x", x, "finite real numbers")
    nodes = list(derivation.reading.nodes.items())
    if len(nodes) != 1 or derivation.reading.value != nodes[0][0] or transposed(nodes[0][1]) != nodes[0][1]:
        raise ParameterError(
            "expression", derivation.expression, "the trace of one symmetric matrix, to have a density"
        )
    circuit, outputs = linearised([inverse(summed([nodes[0][1]]))])
    pencil = Pencil.of(circuit, outputs)
    if not pencil.components:
        raise ParameterError("expression", derivation.expression, "random: this matrix has no continuous spectrum")
    binding = derivation.bound(parameters)
    at_zero = equation(pencil, binding, tuple(range(pencil.size)))
    outer = at_zero.place[next(i for i, w in enumerate(pencil.wires) if w.inverse is not None)]
    values = [_density(at_zero, outer, point) for point in points.ravel()]
    return np.array(values).reshape(points.shape)[()]


def _density(at_zero: Equation, outer: tuple[Dim, int], x: float) -> float:
    height = 1.0 + abs(x)
    solved = resolvent(at_zero.shifted(-complex(x, height), [outer]))
    lowest = height * _LOWEST
    while solved is not None and height > lowest:
        height *= _FALL
        there = at_zero.shifted(-complex(x, height), [outer])
        solved = attempt(there, solved.unknowns, 0) or resolvent(there)
    if solved is None:
        raise _edge(x)
    t, i = outer
    m = solved.G[t][:, i, i]
    if np.all(np.abs(m.imag) <= _FAINT * np.abs(m)):
        outside = at_zero.shifted(-x, [outer])
        if attempt(outside, solved.unknowns.real.astype(outside.dtype), 0) is None:
            raise _edge(x)
        return 0.0
    on_axis = at_zero.shifted(-complex(x, 0.0), [outer])
    try:
        found = newton(on_axis, solved.unknowns)
    except np.linalg.LinAlgError:
        found = None
    if found is None:
        raise _edge(x)
    limit = on_axis.resolvents(found[0])[t][:, i, i]
    if not (np.all(limit.imag > 0) and np.allclose(limit, m, rtol=1e-3, atol=0)):
        raise _edge(x)
    return float(limit.imag.mean() / np.pi)


def _edge(x: float) -> ConvergenceError:
    return ConvergenceError(f"the density at x = {x:.17g} is not certified, at an edge or an atom: move away from it")
