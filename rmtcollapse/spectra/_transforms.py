"""R and S transforms by inversion, on the real line off the support."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra._branch import Branch, find_roots
from rmtcollapse.spectra._solver import jets
from rmtcollapse.spectra.estimate import FloatArray

if TYPE_CHECKING:
    from rmtcollapse.spectra.curve_law import CurveLaw

__all__ = ["r_by_inversion", "s_by_inversion"]


def r_by_inversion(law: CurveLaw, g: FloatArray) -> FloatArray:
    """R(g) = z - 1/g at the z off the support, through infinity, where m(z) = -g."""
    z = _outside(law, "g", g, "m", -g)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(g == 0, law.mean, z - 1 / g)


def s_by_inversion(law: CurveLaw, u: FloatArray) -> FloatArray:
    r"""S(u) = (1 + u)/(u z) at the z off the support, through infinity, where psi = -t = u; a nonnegative law."""
    if law._hull[0] < 0:
        raise ParameterError("smallest place of the law", law._hull[0], "at least 0 for an S transform")
    z = _outside(law, "u", u, "t", -u)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(u == 0, 1 / law.mean, (1 + u) / (u * z))


def _outside(law: CurveLaw, name: str, argument: FloatArray, clock: str, target: FloatArray) -> FloatArray:
    result = np.full(target.shape, np.inf)
    outer = {end: branch for branch in law._branches for end in (0, 1) if branch.ends[end] == "infinity"}
    for end, wanted in ((1, target < 0), (0, target > 0)):
        if not wanted.any():
            continue
        branch = outer[end]
        shown = _shown(law, branch, clock, np.array([branch.low, branch.high]))[1]
        aim = target[wanted]
        if np.any((aim <= shown[0]) | (aim >= shown[1])):
            bad = float(argument[wanted][(aim <= shown[0]) | (aim >= shown[1])][0])
            domain = f"between {-shown[1]:.6g} and {-shown[0]:.6g} on its side of 0: values taken off the support"
            raise ParameterError(name, bad, domain)

        def miss(v: FloatArray, aim: FloatArray, branch: Branch = branch) -> Any:
            value = _shown(law, branch, clock, v)[1]
            return (value - aim) / (np.abs(value) + np.abs(aim))

        ends = np.full(aim.shape, branch.low), np.full(aim.shape, branch.high)
        result[wanted] = _shown(law, branch, clock, find_roots(miss, *ends, aim))[0]
    return result


def _shown(law: CurveLaw, branch: Branch, clock: str, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    with np.errstate(all="ignore"):
        here, _ = jets(law._root, branch.u(v).astype(complex))
    return here.z.value.real, getattr(here, clock).value.real
