"""What a derivation answers: a value with its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer"]


@dataclass(frozen=True)
class Answer(Mapping[str, Any]):
    """The value, and the evidence for it.

    Attributes
    ----------
    named : dict
        ``value``, a float, or a complex number where a parameter is complex.
    residual : float
        Largest defect of the Dyson equation relative to the sum of the absolute addends.
    certificate : float
        Relative size of the last Newton step: an estimate of the relative error of the unknowns.
    radius : float
        Largest spectral radius over the resolvents; below 1 it proves the branch, and close to 1 an edge is near.
    engine : str
        Which engine answered.
    status : str
        ``"converged"``.
    """

    named: Mapping[str, Any]
    residual: float
    certificate: float
    radius: float
    engine: str = "numeric: matrix Dyson equation"
    status: str = "converged"
    unknowns: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        if name in self.named:
            return self.named[name]
        raise KeyError(f"{name}: this answer has {', '.join(self.named)}")

    def __iter__(self) -> Iterator[str]:
        return iter(self.named)

    def __len__(self) -> int:
        return len(self.named)
