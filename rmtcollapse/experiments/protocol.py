"""What an experiment needs of a model: it draws, it predicts, it can be resized. Nothing more is known here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from rmtcollapse.errors import ParameterError

__all__ = ["ExperimentModel", "refuse_no_model"]


class ExperimentModel(Protocol):
    """Structural type of a model, as experiments see it."""

    VALUES: ClassVar[Mapping[str, str]]

    @classmethod
    def specs(cls) -> dict[str, Any]:
        """Declarations of the parameters by name: ``symbol``, ``meaning``, ``unit``, ``copied``, ``validated_grid``."""

    @classmethod
    def name(cls) -> str:
        """Name of the model."""

    def parameters(self) -> dict[str, Any]:
        """Parameters by name."""

    def evolve(self, **changes: Any) -> Self:
        """The same model with some parameters changed."""

    def resized(self, factor: int | Fraction) -> Self:
        """The same limit at another size."""

    def draw(self, rng: np.random.Generator) -> Mapping[str, Any]:
        """One finite-size experiment: numbers or arrays by name."""

    def theory(self, digits: int | None = None) -> Any:
        """Predicted values: a mapping with ``status`` and ``certificate``."""

    def sweepable(self, names: Sequence[str]) -> bool:
        """Whether a grid over these parameters is one compiled call."""

    def theory_points(self, points: Mapping[str, np.ndarray], row: int) -> Any:
        """The theory at many points, given by the scalar parameters that vary, in one compiled call."""


def refuse_no_model(model: object) -> None:
    """Refuse what is no model: a name, say, or a class that lacks its parameters."""
    if isinstance(model, type) or not hasattr(model, "parameters"):
        raise ParameterError("model", model, "a model with its parameters, such as models.RidgeRegression(...)")
