"""What a generated module of matrix equations is evaluated in: NumPy for values and residuals, mpmath as reference.

Loads neither SymPy nor mpmath.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["MPMATH", "NUMPY", "Operations"]


@dataclass(frozen=True)
class Operations:
    """How an arithmetic multiplies, inverts and traces matrices."""

    product: Callable[[Any, Any], Any]
    inverse: Callable[[Any], Any]
    trace: Callable[[Any], Any]
    identity: Callable[[Any], Any]


def _mp_trace(matrix: Any) -> Any:
    import mpmath as mp

    return mp.fsum(matrix[i, i] for i in range(matrix.rows))


def _mp_identity(size: Any) -> Any:
    import mpmath as mp

    return mp.eye(int(size))


NUMPY = Operations(np.matmul, np.linalg.inv, np.trace, lambda size: np.eye(int(size)))
MPMATH = Operations(lambda a, b: a * b, lambda a: a**-1, _mp_trace, _mp_identity)
