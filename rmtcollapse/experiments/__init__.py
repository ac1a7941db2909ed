"""Finite-size experiments: trials, seeds, executors, sweeps, storage and the verdict; eigenvalues of random matrices.

Here live drawing random matrices and fitting estimators, running many trials and comparing their means with a theory.
Here never live formulas of a theory, nor any particular model: a model is whatever follows the protocol, and matrices
are drawn from what defines a law, not from its equations.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rmtcollapse.experiments.grid import Linked
    from rmtcollapse.experiments.matrices import eigenvalues

__all__ = ["Linked", "eigenvalues"]

_HOMES = {"Linked": "grid", "eigenvalues": "matrices"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
