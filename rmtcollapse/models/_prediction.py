"""What a theorem predicts: named values with the evidence that they solve its equations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Prediction"]


@dataclass(frozen=True)
class Prediction(Mapping[str, Any]):
    """Named values, the unknowns behind them, and the certificate.

    ``prediction[name]`` gives a value or an unknown; iteration runs over the values.

    Attributes
    ----------
    named : dict
        What the model predicts, by name: a float or an array of them (mpmath numbers where digits were asked for).
    unknowns : dict
        Solutions of the fixed points.
    residual : float
        Largest defect of the stated equations relative to the sum of their absolute addends.
    certificate : float
        Relative radius around the unknowns that contains the exact solution.
    status : str
        ``"converged"``, or what is special about the parameters (an interpolation threshold, ...).
    regimes : tuple of str
        Regime of each fixed point.
    digits : int or None
        Decimal digits, where the value comes from mpmath.
    """

    named: Mapping[str, Any]
    unknowns: Mapping[str, Any] = field(default_factory=dict)
    residual: float = 0.0
    certificate: float = 0.0
    status: str = "converged"
    regimes: tuple[str, ...] = ()
    digits: int | None = None

    def __getitem__(self, name: str) -> Any:
        if name in self.named:
            return self.named[name]
        if name in self.unknowns:
            return self.unknowns[name]
        raise KeyError(f"{name}: this prediction has {', '.join([*self.named, *self.unknowns])}")

    def __iter__(self) -> Iterator[str]:
        return iter(self.named)

    def __len__(self) -> int:
        return len(self.named)
