"""A model whose every distribution is known, for tests of the machinery around models."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from threading import Lock
from typing import Any, ClassVar

import numpy as np

from rmtcollapse.models._parameters import ParameterSpec
from rmtcollapse.models._prediction import Prediction


class Counter:
    """Counts the draws of a model, from any thread; raises once a number of them has been made."""

    def __init__(self, most: int | None = None) -> None:
        self.made = 0
        self.most = most
        self._lock = Lock()

    def step(self) -> None:
        with self._lock:
            if self.most is not None and self.made >= self.most:
                raise RuntimeError("interrupted")
            self.made += 1


@dataclass(frozen=True)
class Toy:
    """Measures level * (1 + slope/size) plus normal noise of a known spread; its theory is the level."""

    level: float = 2.0
    spread: float = 0.1
    slope: float = 0.0
    size: int = 1
    kind: str = "plain"
    counter: Counter = field(default_factory=Counter, compare=False)

    VALUES: ClassVar[dict[str, str]] = {"value": "a normal variable", "nothing": "always zero"}

    @classmethod
    def specs(cls) -> dict[str, ParameterSpec]:
        number = {name: ParameterSpec("number", name, name, "a finite number") for name in ("level", "spread", "slope")}
        kind = ParameterSpec("choice", "", "kind", "one of plain, odd", options=("plain", "odd"))
        return {**number, "size": ParameterSpec("count", "n", "size", "an integer"), "kind": kind}

    @classmethod
    def name(cls) -> str:
        return "toy"

    def parameters(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.specs()}

    def evolve(self, **changes: Any) -> Toy:
        return replace(self, **changes)

    def resized(self, factor: int | Fraction) -> Toy:
        return replace(self, size=int(self.size * Fraction(factor)))

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        self.counter.step()
        mean = self.level * (1 + self.slope / self.size)
        return {"value": float(rng.normal(mean, self.spread)), "nothing": 0.0}

    def theory(self, digits: int | None = None) -> Prediction:
        return Prediction({"value": self.level, "nothing": 0.0})

    def sweepable(self, names: Any) -> bool:
        return False

    def theory_points(self, points: Any, row: int) -> Any:
        raise NotImplementedError
