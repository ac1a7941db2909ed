"""What `rmtcollapse density` finds: a law's support, atoms and density, and one matrix beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rmtcollapse.cli.laws import parse_law
from rmtcollapse.errors import ParameterError

__all__ = ["report"]

_LARGEST_MATRIX = 10_000


def report(
    text: str, points: int, at: str | None, matrix: int | None, seed: int
) -> tuple[dict[str, Any], Callable[[], Any]]:
    """Numbers to print, and a function that draws them."""
    if not 1 <= points <= 1_000_000:
        raise ParameterError("points", points, "an integer from 1 to 1000000")
    if matrix is not None and not 1 <= matrix <= _LARGEST_MATRIX:
        raise ParameterError("matrix", matrix, f"an integer from 1 to {_LARGEST_MATRIX}")
    if seed < 0:
        raise ParameterError("seed", seed, "an integer >= 0")
    law = parse_law(text)
    support = law.support()
    x = _asked(at) if at is not None else _grid(support, points)
    eigenvalues = None
    if matrix is not None:
        from rmtcollapse.experiments import eigenvalues as draw_matrix

        eigenvalues = draw_matrix(law, matrix, seed)
    values = np.atleast_1d(law.density(x))
    found = {
        "law": repr(law),
        "mean": law.mean,
        "variance": law.variance,
        "support": [list(interval) for interval in support],
        "masses": law.masses().tolist(),
        "atoms": [list(atom) for atom in law.atoms()],
        "asked": at is not None,
        "x": x.tolist(),
        "density": values.tolist(),
        "divergent": x[np.isinf(values)].tolist(),
        "eigenvalues": None if eigenvalues is None else eigenvalues.tolist(),
    }
    return found, lambda: law.plot(eigenvalues=eigenvalues)


def _asked(text: str) -> Any:
    try:
        found = np.array([float(part if "_" not in part else "refused") for part in text.split(",")])
    except ValueError:
        found = np.array([np.nan])
    if not np.all(np.isfinite(found)):
        raise ParameterError("at", text, "finite numbers, such as 0.5,1,2")
    return found


def _grid(support: list[tuple[float, float]], points: int) -> Any:
    """Denser towards the edges, where densities turn."""
    share = np.sin((np.arange(points) + 0.5) * np.pi / (2 * points)) ** 2
    return np.concatenate([left + (right - left) * share for left, right in support] or [np.zeros(0)])
