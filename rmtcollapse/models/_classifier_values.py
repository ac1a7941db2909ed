"""From a classifier's groups to certified values, in double precision and with mpmath."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from rmtcollapse.equations.compile import Compiled
from rmtcollapse.equations.operations import MPMATH, NUMPY, Operations, diagonal_operations
from rmtcollapse.equivalents.groups_solver import Classifier
from rmtcollapse.equivalents.sources_solver import SourcesSolution
from rmtcollapse.errors import ConvergenceError
from rmtcollapse.models._prediction import Prediction

__all__ = ["classifier_theory", "compiled_equivalent", "compiled_groups", "stated_theory"]

_GUARD_DIGITS = 20
_EPS = float(np.finfo(float).eps)


@cache
def compiled_groups(groups: int, classes: int, drawn: bool = False) -> Compiled:
    """The generated module for so many groups and test classes."""

    def build() -> Any:
        from rmtcollapse.equivalents.groups import groups_system

        return groups_system(groups, classes, drawn=drawn)

    return compiled_equivalent(f"groups {groups} {classes} {drawn}", build)


def compiled_equivalent(name: str, build: Callable[[], Any]) -> Compiled:
    """The generated module of a system that ``equivalents/`` defines."""
    from pathlib import Path

    return Compiled(name, build, (Path(__file__),))


class Stated(Protocol):
    """What trains a classifier, with the solution of its stated equations."""

    @property
    def basis(self) -> Any:
        """Directions in which means are given, (d, r)."""

    @property
    def diagonal(self) -> bool:
        """Whether covariances are given by their diagonals."""

    def solve(self) -> tuple[SourcesSolution, dict[str, float]]:
        """The regime with a certificate, and all unknowns of the stated system by name."""

    def parameters(self) -> dict[str, Any]:
        """Parameters of the stated system by name, but for the pair of the regime."""


def classifier_theory(classifier: Classifier, names: Sequence[str], digits: int | None = None) -> Prediction:
    """Values of the stated equations, certified by their residual.

    Parameters
    ----------
    classifier : Classifier
        What is trained and tested.
    names : sequence of str
        Outputs of :func:`~rmtcollapse.equivalents.groups.groups_system`; ``score_mean`` and ``score_variance`` are
        those of the first test class.
    digits : int, optional
        Solve with mpmath to this many digits.

    Raises
    ------
    ConvergenceError
        If no certified solution was reached.
    """
    drawn = classifier.weights.rate is not None
    module = compiled_groups(len(classifier.active), len(classifier.classes), drawn).numpy
    if digits is None:
        classifier = classifier.in_eigenbasis()
    return stated_theory(module, classifier, names, digits)


def stated_theory(
    module: ModuleType, classifier: Stated, names: Sequence[str], digits: int | None = None
) -> Prediction:
    """Outputs of a generated module at the solution of what it states, certified by their residual.

    Parameters
    ----------
    module : module
        Generated from the stated system.
    classifier : Stated
        What is trained, with its solution.
    names, digits
        As in :func:`classifier_theory`.

    Raises
    ------
    ConvergenceError
        If no certified solution was reached.
    """
    solution, unknowns = classifier.solve()
    if not solution.epsilon:
        _refuse_unseen(solution, classifier)
    given = classifier.parameters()
    given |= {"ridge": solution.ridge, "epsilon": solution.epsilon, "unseen": solution.unseen}
    if digits is not None:
        return _reference(module, classifier, given, solution, unknowns, list(names), digits)
    op = diagonal_operations(given["dimension"]) if classifier.diagonal else NUMPY
    with np.errstate(all="ignore"):
        relations, outputs = module.evaluate({**given, **unknowns}, op)
    judged = [(float(left), float(right)) for left, right in relations]
    residual = max(abs(a - b) / (abs(a) + abs(b)) if a != b else 0.0 for a, b in judged if np.isfinite(a))
    if not residual <= 2**14 * len(classifier.basis) * _EPS + 8 * solution.certificate:
        raise ConvergenceError(
            f"classifier: the stated equations are met to {residual:.1e} only; give a larger ridge, or rescale the "
            "covariances so that their eigenvalues are near one"
        )
    values = {n: float(outputs[_output(n, outputs)]) for n in names}
    if np.isnan(list(values.values())).any():
        raise ConvergenceError("classifier: the limit of no ridge was not found at this threshold; give a small ridge")
    return Prediction(values, unknowns, residual, solution.certificate, solution.status, (solution.regime,))


def _refuse_unseen(solution: SourcesSolution, classifier: Stated) -> None:
    """Directions without a variance must not tell the classes apart: there the fit is not determined by the others."""
    B, none = classifier.basis, solution.unseen
    lost = none[:, None] * B if classifier.diagonal else none @ B
    if np.linalg.norm(lost) > 16 * len(B) * _EPS * np.linalg.norm(B):
        raise ConvergenceError(
            "classifier: without a ridge the means must lie in directions in which rows vary; give a ridge"
        )


def _output(name: str, outputs: Mapping[str, Any]) -> str:
    return name if name in outputs else f"{name}_1"


def _reference(
    module: ModuleType,
    classifier: Stated,
    given: dict[str, Any],
    solution: SourcesSolution,
    unknowns: dict[str, float],
    names: list[str],
    digits: int,
) -> Prediction:
    """The stated relations solved with mpmath, from the solution in double precision (the root is unique)."""
    import mpmath as mp

    with mp.workdps(digits + _GUARD_DIGITS):
        exact = {n: _exact(v, classifier.diagonal) for n, v in given.items()}
        op: Operations = diagonal_operations(exact["dimension"], exact=True) if classifier.diagonal else MPMATH

        def evaluate(*values: Any) -> Any:
            return module.evaluate({**exact, **dict(zip(unknowns, values, strict=True))}, op)

        start = [mp.mpf(x) for x in unknowns.values()]
        if np.isfinite(list(unknowns.values())).all():
            start = _polished(evaluate, start, [n for n, _ in module.UNKNOWNS], list(unknowns), digits)
        outputs = evaluate(*start)[1]
        named = {n: mp.mpf(outputs[_output(n, outputs)]) for n in names}
        found = dict(zip(unknowns, start, strict=True))
        return Prediction(named, found, 0.0, 10.0**-digits, solution.status, (solution.regime,), digits)


def _polished(evaluate: Any, start: list[Any], stated: list[str], order: list[str], digits: int) -> list[Any]:
    import mpmath as mp

    at = [order.index(n) for n in stated]

    def defects(*values: Any) -> list[Any]:
        relations = evaluate(*values)[0]
        return [(right - left) / start[i] if start[i] else right - left
                for i, (left, right) in zip(at, relations, strict=True)]  # fmt: skip

    tolerance = mp.mpf(10) ** -(2 * digits + 8)
    return list(mp.findroot(defects, start, solver="mdnewton", tol=tolerance, maxsteps=60))


def _exact(value: Any, diagonal: bool) -> Any:
    import mpmath as mp

    if not np.ndim(value):
        return mp.mpf(float(value))
    if not diagonal:
        return mp.matrix(np.asarray(value).tolist())
    return np.vectorize(lambda x: mp.mpf(float(x)), otypes=[object])(value)
