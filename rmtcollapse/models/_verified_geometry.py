"""Where a generator, a verifier and a class mean stand to each other, and the coordinates of their equations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.models._triple import triple

__all__ = ["Geometry", "isotropic", "placed", "whitened"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Geometry:
    """Length of the whitened mean, cosines, and the coordinates of the equations.

    Attributes
    ----------
    mean_norm : float
        Length of the whitened mean.
    generator, verifier, both : float
        Cosines of generator and verifier with it, and with each other.
    covariance : array (d, d) or (d,)
        Within a class.
    basis : array (d, 3)
        Directions of the generator, of the verifier across it, and of the mean across both, unwhitened.
    multiplicity : array (d,) or None
        Directions that a coordinate stands for, where it is not one.
    """

    mean_norm: float
    generator: float
    verifier: float
    both: float
    covariance: Array
    basis: Array
    multiplicity: Array | None = None


def isotropic(mean_norm: float, cosines: tuple[float, float, float], dimension: int) -> Geometry:
    """Three directions that matter and all features; the former count nothing in a trace."""
    counts = np.array([0.0, 0.0, 0.0, dimension])
    generator, verifier, both = cosines
    return Geometry(mean_norm, generator, verifier, both, np.ones(4), np.eye(4)[:, :3], counts)


def whitened(mean: Array, covariance: Array | None, generator: Array, verifier: Array) -> Geometry:
    """Directions C^(1/2) e of the whitened triple, by Gram and Schmidt in the metric of the inverse covariance."""
    full = np.ones(len(mean)) if covariance is None else covariance

    def times(x: Array) -> Array:
        return np.asarray(full * x if full.ndim == 1 else full @ x)

    def solved(x: Array) -> Array:
        return np.asarray(x / full if full.ndim == 1 else np.linalg.solve(full, x))

    axes: list[Array] = []
    unit: list[Array] = []
    lengths, rests = [], []
    for vector in (times(generator / abs(generator).max()), times(verifier / abs(verifier).max()), mean):
        length = math.sqrt(float(vector @ solved(vector)))
        lengths.append(length)
        unit.append(vector / length if length else vector)
        rest = unit[-1]
        for axis in (*axes, *axes):  # twice, for rounding
            rest = rest - axis * float(axis @ solved(rest))
        size = math.sqrt(max(0.0, float(rest @ solved(rest))))
        # What rounding leaves of a vector in the span of the others has no direction.
        rests.append(size if size > 1e-12 else 0.0)
        axes.append(rest / size if rests[-1] else np.zeros(len(mean)))
    g, v, m = unit
    cg, cv, r = (float(np.clip(a @ solved(b), -1, 1)) for a, b in ((g, m), (v, m), (g, v)))
    if abs(r) > 0.8:  # an angle that is small is known from its sine
        r = math.copysign(math.sqrt((1 - rests[1]) * (1 + rests[1])), r)
    return Geometry(lengths[2], cg, cv, r, full, np.array(axes).T)


def placed(mean: Array, cosines: tuple[float, float, float]) -> tuple[Array, Array]:
    """A generator and a verifier with these cosines with the mean and with each other, (d,) each."""
    cg, cv, r = cosines
    generator, verifier, toward = triple(cg, cv, r, len(mean))
    # A reflection that takes the mean's place in the triple to where it is.
    norm = float(np.linalg.norm(mean))
    across = toward - (mean / norm if norm else toward)
    size = float(across @ across)
    if size == 0:
        return generator, verifier
    turned = [x - 2 * across * float(across @ x) / size for x in (generator, verifier)]
    return turned[0], turned[1]
