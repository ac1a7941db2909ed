"""A classifier whose rows are selected: some parameters of its equations follow, by formulas, from others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rmtcollapse.equivalents.groups_solver import Classifier
from rmtcollapse.equivalents.sources_solver import SourcesSolution

__all__ = ["Selected"]


@dataclass(frozen=True)
class Selected:
    """A classifier with what its formulas are given.

    Attributes
    ----------
    classifier : Classifier
        Rows, covariances up to the few directions that matter, penalty: what the traces depend on.
    given : mapping
        Further parameters of the stated system by name.
    """

    classifier: Classifier
    given: Mapping[str, Any]

    @property
    def basis(self) -> Any:
        """Directions that matter, (d, r)."""
        return self.classifier.basis

    @property
    def diagonal(self) -> bool:
        """Whether covariances are given by their diagonals."""
        return self.classifier.diagonal

    def solve(self) -> tuple[SourcesSolution, dict[str, float]]:
        """The regime with a certificate, and all unknowns of the stated system by name."""
        return self.classifier.solve()

    def parameters(self) -> dict[str, Any]:
        """Parameters of the stated system by name, but for the pair of the regime."""
        return {**self.classifier.parameters(), **self.given}
