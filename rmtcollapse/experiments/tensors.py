"""The laboratory for spiked matrices and tensors: draw them, unfold them, find their best rank-one approximation.

Everything is written from the definitions and shares no formula with the equations that it judges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError, ParameterError

__all__ = ["contracted", "contraction_matrix", "draw_nested", "draw_spiked", "estimated", "hosvd_start", "label_values"]
__all__ += ["outer", "rank_one", "refuse_large", "signs", "unfolded"]

Array = NDArray[np.float64]

MOST = 2**27  # entries of a tensor that is drawn, one gigabyte
_STEPS = 5000
_STILL = 1e-12  # change of a vector, squared, at which the power iteration stops


def refuse_large(sizes: Sequence[int]) -> None:
    """Refuse to draw what does not fit."""
    if math.prod(sizes) > MOST:
        raise ParameterError("sizes", tuple(sizes), f"at most {MOST} entries together where a tensor is drawn")


def signs(size: int, rng: np.random.Generator) -> Array:
    """A vector of length one whose entries are of equal size and random sign."""
    return rng.choice([-1.0, 1.0], size) / math.sqrt(size)


def outer(vectors: Sequence[Array]) -> Array:
    """The rank-one tensor of some vectors."""
    product = vectors[0]
    for vector in vectors[1:]:
        product = np.multiply.outer(product, vector)
    return product


def unfolded(tensor: Array, mode: int) -> Array:
    """The matrix (n_mode, product of the other sizes), modes counted from 0."""
    return np.moveaxis(tensor, mode, 0).reshape(tensor.shape[mode], -1)


def contracted(tensor: Array, vectors: Sequence[Array], mode: int) -> Array:
    """The vector that is left when all modes but one are contracted by vectors."""
    found = tensor
    for k in reversed(range(mode + 1, tensor.ndim)):
        found = found @ vectors[k]
    for k in range(mode):
        found = np.tensordot(vectors[k], found, axes=(0, 0))
    return found


def contraction_matrix(tensor: Array, vectors: Sequence[Array]) -> Array:
    """The symmetric matrix whose block (i, j) is the tensor contracted by all vectors but two; zero for i = j."""
    ends = np.cumsum([0, *tensor.shape])
    matrix = np.zeros((ends[-1], ends[-1]))
    for i in range(tensor.ndim):
        for j in range(i + 1, tensor.ndim):
            found = tensor
            for k in reversed(range(tensor.ndim)):
                if k not in (i, j):
                    found = np.tensordot(found, vectors[k], axes=(k, 0))
            matrix[ends[i] : ends[i + 1], ends[j] : ends[j + 1]] = found
    return matrix + matrix.T


def hosvd_start(tensor: Array) -> list[Array]:
    """First left singular vector of every unfolding."""
    found = []
    for mode in range(tensor.ndim):
        matrix = unfolded(tensor, mode)
        found.append(np.linalg.eigh(matrix @ matrix.T)[1][:, -1])
    return found


def rank_one(tensor: Array, start: Sequence[Array]) -> tuple[float, list[Array]]:
    """The local maximum of the rank-one approximation that the power iteration reaches from `start`.

    Returns
    -------
    singular_value : float
        Its weight, not negative.
    vectors : list of array
        Of length one, one a mode.

    Raises
    ------
    ConvergenceError
        If the vectors are still moving after 5,000 steps.
    """
    vectors, size = list(start), 0.0
    for _ in range(_STEPS):
        moved = 0.0
        for mode in range(tensor.ndim):
            found = contracted(tensor, vectors, mode)
            size = float(np.linalg.norm(found))
            found /= size
            # Two unit vectors: no cancellation in their difference.
            moved = max(moved, float(np.sum((found - vectors[mode]) ** 2)))
            vectors[mode] = found
        if moved <= _STILL:
            return size, vectors
    raise ConvergenceError(
        "power iteration: still moving after 5,000 steps; take a strength further from the threshold"
    )


def draw_spiked(sizes: Sequence[int], strength: float, rng: np.random.Generator) -> tuple[Array, list[Array]]:
    """A rank-one tensor in noise, and the vectors of the signal."""
    refuse_large(sizes)
    signal = [signs(n, rng) for n in sizes]
    return strength * outer(signal) + rng.standard_normal(sizes) / math.sqrt(sum(sizes)), signal


# ---- the nested model ------------------------------------------------------------------------------------------------


def draw_nested(
    sizes: Sequence[int], matrix_strength: float, tensor_strength: float, rng: np.random.Generator
) -> tuple[Array, list[Array]]:
    """The matrix, then the tensor that holds it; and the vectors of the signal."""
    refuse_large(sizes)
    x, y, z = signal = [signs(n, rng) for n in sizes]
    noise = rng.standard_normal((sizes[0], sizes[1])) / math.sqrt(sizes[0] + sizes[1])
    matrix = matrix_strength * outer([x, y]) + noise
    return tensor_strength * outer([matrix, z]) + rng.standard_normal(sizes) / math.sqrt(sum(sizes)), signal


def estimated(estimator: str, tensor: Array, signal: Sequence[Array], mode: int) -> tuple[float, Array]:
    """Singular value, and the estimate of the signal's vector of `mode`; the power iteration starts at the signal."""
    if estimator == "tensor":
        value, vectors = rank_one(tensor, signal)
        return value, vectors[mode]
    matrix = unfolded(tensor, mode)
    if estimator == "known-weights":
        weighted = tensor @ signal[2]
        matrix = weighted if mode == 0 else weighted.T
    squares, left = np.linalg.eigh(matrix @ matrix.T)
    return math.sqrt(max(float(squares[-1]), 0.0)), left[:, -1]


def label_values(estimate: Array, truth: Array) -> dict[str, float]:
    """Squared overlap, and share of right signs.

    The common sign is no part of the estimate. For every second entry it is taken from the others, and the other way
    round, so that nothing is gained by chance where the estimate is blind.
    """
    agreement, right = estimate * truth, []
    for seen, judged in ((agreement[::2], agreement[1::2]), (agreement[1::2], agreement[::2])):
        if len(seen) and len(judged):
            right.append(judged * (1.0 if seen.sum() >= 0 else -1.0) > 0)
    accuracy = float(np.mean(np.concatenate(right))) if right else 1.0
    return {"alignment": float(agreement.sum()) ** 2, "accuracy": accuracy}
