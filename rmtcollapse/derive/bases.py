"""Full matrices as numbers for deterministic letters: one eigenbasis for those that commute.

A matrix that commutes with no other may still be given where every trace is linear in it: the law of the Gaussian
matrices does not change when signs of eigenvectors do, so only its diagonal in the eigenbasis of the others enters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import sympy as sp

from rmtcollapse.derive.algebra import Det, Eigenvalue, Inv, Letter, Node, Prod
from rmtcollapse.derive.letters import Commuting
from rmtcollapse.derive.reading import covariance
from rmtcollapse.errors import ParameterError

__all__ = ["joint_diagonals", "symmetric_matrix"]

_ROUNDING = 1e-10  # relative size of what is no asymmetry, and no commutator
_MANY = 99  # a degree that is no polynomial one


def symmetric_matrix(name: str, array: np.ndarray) -> np.ndarray:
    """The array, checked to be a symmetric matrix."""
    if array.shape[0] != array.shape[1] or not np.isfinite(array).all():
        raise ParameterError(name, array, "an array of eigenvalues, or a full symmetric matrix")
    if np.abs(array - array.T).max() > _ROUNDING * np.abs(array).max():
        raise ParameterError(name, array, "a symmetric matrix; this one is not")
    return (array + array.T) / 2  # type: ignore[no-any-return]


def joint_diagonals(full: Mapping[Commuting, np.ndarray], nodes: Collection[Node]) -> dict[Commuting, np.ndarray]:
    """Diagonals of the matrices of one dimension in the eigenbasis of those that traces are not linear in.

    Raises
    ------
    ParameterError
        For two matrices that do not commute where both are needed in full.
    """
    apart = [m for m in full if not all(_commute(full[m], other) for other in full.values())]
    linear = [m for m in apart if all(_degree(node, {m}) <= 1 for node in nodes)]
    # Those that would be left must commute; of two linear ones that meet in a trace, the later is kept in full.
    while linear and any(_degree(node, set(linear)) > 1 for node in nodes):
        linear.pop()
    kept = [m for m in full if m not in linear]
    for k, a in enumerate(kept):
        for b in kept[k + 1 :]:
            if not _commute(full[a], full[b]):
                domain = (
                    f"a matrix that commutes with {a.name}, or one that every trace is linear in: these two do not "
                    "commute, and the theory of such a pair is not covered"
                )
                raise ParameterError(b.name, full[b], domain)
    basis = _basis([full[m] for m in kept]) if kept else np.eye(len(next(iter(full.values()))))
    return {m: np.einsum("ij,ik,kj->j", basis, matrix, basis) for m, matrix in full.items()}


def _commute(a: np.ndarray, b: np.ndarray) -> bool:
    size = np.linalg.norm(a, 2) * np.linalg.norm(b, 2)
    return bool(np.abs(a @ b - b @ a).max() <= _ROUNDING * size)


def _basis(matrices: Iterable[np.ndarray]) -> np.ndarray:
    """Common eigenvectors: each matrix turns the eigenspaces that those before it have left whole."""
    basis: np.ndarray | None = None
    spaces: list[np.ndarray] = []
    for matrix in matrices:
        basis = np.eye(len(matrix)) if basis is None else basis
        spaces = spaces or [np.arange(len(matrix))]
        ahead = []
        for space in spaces:
            part = basis[:, space]
            values, vectors = np.linalg.eigh(part.T @ matrix @ part)
            basis[:, space] = part @ vectors
            gaps = np.flatnonzero(np.diff(values) > 1e3 * _ROUNDING * max(np.abs(values).max(), 1e-300)) + 1
            ahead += np.split(space, gaps)
        spaces = ahead
    assert basis is not None
    return basis


def _degree(node: Node, matrices: set[Commuting]) -> int:
    """Degree of a node in some matrices together; `_MANY` where it is no polynomial in them."""
    if isinstance(node, Det):
        return _scalar_degree(node.value, matrices)
    if isinstance(node, Letter):
        both = (covariance(node.matrix.rowcov), covariance(node.matrix.colcov))
        return _MANY if any(_scalar_degree(value, matrices) for value in both) else 0
    degrees = [_degree(part, matrices) for part in node.parts]
    if isinstance(node, Inv):
        return _MANY if degrees[0] else 0
    return sum(degrees) if isinstance(node, Prod) else max(degrees)


def _scalar_degree(value: sp.Expr, matrices: set[Commuting]) -> int:
    own = [a for a in value.atoms(Eigenvalue) if a.matrix in matrices]
    if not own:
        return 0
    return int(sp.Poly(value, *own).total_degree()) if value.is_polynomial(*own) else _MANY
