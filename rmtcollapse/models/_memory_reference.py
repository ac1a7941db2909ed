"""The error of a memory in mpmath, from its SymPy equations: every pair of tokens at every length of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mpmath as mp
import sympy as sp

from rmtcollapse.equations.symbols import normal_cdf
from rmtcollapse.models._tail_equations import memory_equations

if TYPE_CHECKING:
    from rmtcollapse.models.associative_memory import AssociativeMemory

__all__ = ["memory_reference"]


def memory_reference(model: AssociativeMemory, digits: int) -> dict[str, Any]:
    """Values of a memory to so many digits."""
    equations = memory_equations()
    integrand = equations.token["right"][1].args[0]
    length = equations.token["right"][1].args[1][0]
    density = sp.Mul(*(a for a in integrand.args if not a.has(sp.Product, normal_cdf)))
    names = sorted(density.free_symbols - {length}, key=str)
    weigh = sp.lambdify([length, *names], density, "mpmath")
    with mp.workdps(digits + 15):
        dimension = mp.mpf(model.dimension)
        stored = model.tokens if model.tail_cut is None else model.tail_cut
        powers = [mp.mpf(i) ** -mp.mpf(model.exponent) for i in range(1, model.tokens + 1)]
        whole = mp.fsum(powers)
        mass = [x / whole for x in powers]
        strength = mass if model.weights == "frequency" else [mp.mpf(1)] * model.tokens

        def right(i: int, r: Any) -> Any:
            return weigh(r, dimension) * mp.fprod(
                mp.ncdf(r * strength[i] / strength[j]) for j in range(stored) if j != i
            )

        centre, reach = mp.sqrt(dimension), mp.sqrt(2 * mp.log(10) * mp.mp.dps) + 2
        places = mp.linspace(max(mp.mpf(0), centre - reach), centre + reach, 5)
        found = [mp.quad(lambda r, i=i: right(i, r), places, method="gauss-legendre") for i in range(stored)]
        return {"test_error": 1 - mp.fdot(mass[:stored], found), "learned_tokens": mp.fsum(found)}
