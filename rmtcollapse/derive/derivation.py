"""`derive`: from an expression in random matrices to its deterministic equivalent, with evidence."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from rmtcollapse.derive.answer import Answer
from rmtcollapse.derive.binding import Binding, bind, symbols_of
from rmtcollapse.derive.circuit import linearised
from rmtcollapse.derive.diagnosis import refusal
from rmtcollapse.derive.dyson import Array, Equation, equation
from rmtcollapse.derive.features import Coefficient, Features
from rmtcollapse.derive.minimality import Size, minimal_size
from rmtcollapse.derive.pencil import Pencil, Unknown
from rmtcollapse.derive.reading import Reading, letters_in, read, shared_letters
from rmtcollapse.derive.reduction import BudgetError, Reduction, reduced
from rmtcollapse.derive.solver import Solved, affine, resolvent
from rmtcollapse.equations.system import System
from rmtcollapse.errors import ConvergenceError, ParameterError

__all__ = ["Answer", "Derivation", "SharedLetterWarning", "derive"]

_ENGINES = ("numeric", "reduced")
_BUDGET = 20.0  # seconds that a reduction may take


class SharedLetterWarning(UserWarning):
    """One symbol stands in two different resolvents: that is one data set used twice, not two data sets."""


@dataclass(frozen=True)
class Derivation:
    """A derived expression: its equations, its value at any parameters, its simulation.

    Attributes
    ----------
    expression : sympy expression
        What was derived.
    """

    expression: sp.Expr
    reading: Reading = field(repr=False)
    pencil: Pencil = field(repr=False)

    @cached_property
    def size(self) -> Size:
        """Number of intermediate vectors (wires), the size of the linear pencil; its `minimal` bounds it from below."""
        return Size(self.pencil.size, minimal_size(self.pencil))

    @property
    def symbols(self) -> list[sp.Basic]:
        """What needs a number: dimensions, scalars, deterministic matrices."""
        return symbols_of(self.expression)

    @cached_property
    def coefficients(self) -> tuple[Coefficient, ...]:
        """Moments of the activations of random features, which the numbers determine."""
        found = [c for made in sorted(self.expression.atoms(Features), key=str) for c in made.coefficients]
        return tuple(dict.fromkeys(found))

    def bound(self, parameters: Mapping[Any, Any]) -> Binding:
        """The parameters, checked."""
        nodes = list(self.reading.nodes.values())
        letters = {letter for node in nodes for letter in letters_in(node)}
        return bind(self.symbols, parameters, coefficients=self.coefficients, letters=letters, nodes=nodes)

    @cached_property
    def reduced(self) -> Reduction | None:
        """The equations between scalars alone; None where the reduction takes longer than 20 seconds."""
        try:
            return self.reduction()
        except BudgetError:
            return None

    def equations(self) -> System:
        """The equations between scalars, with their LaTeX: implicit unknowns, named sums over the law, the value.

        Raises
        ------
        ConvergenceError
            Where the reduction takes too long.
        """
        if self.reduced is None:
            raise ConvergenceError(
                f"the equations were not reduced to scalars in {_BUDGET:g} s: derive the traces one by one, or use "
                "latex(), theory() and verify(), which do not need it"
            )
        return self.reduced.system

    def _repr_latex_(self) -> str:
        """What a notebook shows."""
        shown = self.latex() if self.reduced is None else self.equations().latex()
        return f"$\\displaystyle {shown}$"

    def reduction(self, budget: float | None = None) -> Reduction:
        """Reduce the matrix Dyson equation to equations between scalars.

        Raises
        ------
        BudgetError
            If that takes more than `budget` seconds (20 by default).
        """
        return reduced(
            self.pencil, self.reading, [*self.symbols, *self.coefficients], _BUDGET if budget is None else budget
        )

    def theory(self, parameters: Mapping[Any, Any], *, digits: int | None = None, engine: str = "numeric") -> Answer:
        """The deterministic equivalent at these parameters.

        Parameters
        ----------
        parameters : mapping
            A size for each dimension, a number for each scalar (complex allowed), and for each deterministic matrix
            its eigenvalues, in an order common to those of one dimension, or all of it as an array: full matrices must
            commute, but for those that every trace is linear in. Keyed by symbols or by their names.
        digits : int, optional
            Solve the reduced equations with mpmath to this many decimal digits, from the certified solution on.
        engine : str
            ``"numeric"``, the matrix Dyson equation, or ``"reduced"``, the compiled equations between scalars where
            there are any (the numeric engine picks the branch, and answers where not). ``answer.engine`` says which.

        Raises
        ------
        ParameterError
            For a missing or unknown symbol, or a value outside its domain.
        ConvergenceError
            Where no certified solution exists; it says why, and what to change.
        """
        binding = self.bound(parameters)
        if engine not in _ENGINES:
            raise ParameterError("engine", engine, f"one of {', '.join(_ENGINES)}")
        answer, solved = self._solved(binding)
        if digits is None and engine == "numeric":
            return answer
        from rmtcollapse.derive.scalars import compiled, refined

        if digits is None:
            return compiled(self, binding, answer, solved)
        return refined(self, binding, answer, solved, digits)

    def _solved(self, binding: Binding) -> tuple[Answer, dict[Unknown, Any]]:
        """The answer of the numeric engine, and its unknowns."""
        parts = [self._resolvent(wires, binding) for wires in self.pencil.components]
        whole = self._whole(binding, parts)
        traces = {name: self._trace(k, whole, binding) for k, name in enumerate(self.reading.nodes)}
        value = binding.number(self.reading.value, traces)
        if not np.isfinite(value):
            raise ConvergenceError("the value is not finite: a scalar outside the traces is divided by zero")
        answer = Answer(
            {"value": float(value) if binding.is_real else complex(value)},
            residual=max([whole.residual, *(s.residual for _, s in parts)]),
            certificate=max([whole.step, *(s.step for _, s in parts)]),
            radius=max((s.radius for _, s in parts), default=0.0),
        )
        return answer, {u: x for part, solved in parts for u, x in zip(part.unknowns, solved.unknowns, strict=True)}

    def _resolvent(self, wires: tuple[int, ...], binding: Binding) -> tuple[Equation, Solved]:
        part = equation(self.pencil, binding, wires)
        solved = resolvent(part)
        if solved is None:
            inverse = next(w.inverse for w in (self.pencil.wires[i] for i in wires) if w.inverse is not None)
            raise ConvergenceError(refusal(inverse, part, binding))
        return part, solved

    def _whole(self, binding: Binding, parts: list[tuple[Equation, Solved]]) -> Solved:
        everything = equation(self.pencil, binding, tuple(range(self.pencil.size)))
        known = {u: x for part, solved in parts for u, x in zip(part.unknowns, solved.unknowns, strict=True)}
        start = np.array([known.get(u, 0) for u in everything.unknowns], dtype=everything.dtype)
        whole = affine(everything, start)
        if whole is None or not whole.residual < 1e-10:
            raise ConvergenceError(
                "the affine equations of the products are singular to rounding: move the parameters away from the edge "
                "of their domain"
            )
        return whole

    def _trace(self, index: int, whole: Solved, binding: Binding) -> Any:
        """The sum of tr(P G b) over the outputs of a trace."""
        total: Any = 0.0
        for output in self.pencil.outputs[index]:
            t = output.dimension
            order = [w for w in range(self.pencil.size) if self.pencil.dimension(w) == t]
            sources = [(w, e) for w, e in self.pencil.sources.items() if self.pencil.dimension(w) == t]
            values = binding.evaluate([*((e, t) for _, e in sources), *((term.outer, t) for term in output.form)])
            weight = binding.weight(t)
            for term in output.form:
                addends: Array = values[term.outer, t].astype(float if binding.is_real else complex)
                if term.wire >= 0:
                    row = order.index(term.wire)
                    b = sum(values[e, t] * whole.G[t][:, row, order.index(w)] for w, e in sources)
                    addends = addends * b
                total = total + weight * addends.sum()
        return total

    def steps(self) -> Any:
        """The derivation as a teacher would write it; ``print`` it, or let a notebook show it."""
        from rmtcollapse.derive.steps import Steps

        return Steps.of(self)

    def latex(self) -> str:
        """The equations, as an ``aligned`` block: the resolvents, the affine equations of their products, the value."""
        from rmtcollapse.derive.steps import equations_latex

        return equations_latex(self)

    def density(self, x: Any, parameters: Mapping[Any, Any]) -> Any:
        """Density of the spectrum of H, for the derivation of ``trace(H)`` with a symmetric H, on the real axis.

        Parameters
        ----------
        x : array_like
            Real points; the result has their shape. Atoms are not part of it.
        parameters : mapping
            As for :meth:`theory`.

        Raises
        ------
        ParameterError
            Where the expression is not the trace of one symmetric random matrix.
        ConvergenceError
            At an edge or an atom of the spectrum.
        """
        from rmtcollapse.derive.density import density

        return density(self, x, parameters)

    def verify(
        self, parameters: Mapping[Any, Any], trials: int = 40, seed: int = 0, sizes: Sequence[int] = (1, 2)
    ) -> Any:
        """Judge the theory by finite matrices: complex Gaussian entries for the z-score, real ones beside it.

        Parameters
        ----------
        parameters : mapping
            As for :meth:`theory`.
        trials : int
            Draws of each kind at each size.
        seed : int
            Of the draws.
        sizes : sequence of int
            Multiples of all dimensions. Two or more are extrapolated to infinite size, by a line in 1/size.
        """
        from rmtcollapse.derive.verdict import judged

        return judged(self, parameters, trials, seed, sizes)


def derive(expression: sp.Expr) -> Derivation:
    """Derive the deterministic equivalent of a scalar expression in traces of random matrices.

    Parameters
    ----------
    expression : sympy expression
        Sums, differences or any function of traces (of :func:`~rmtcollapse.derive.trace`) of sums, products, inverses,
        integer powers and transposes of declared matrices.

    Raises
    ------
    ParameterError
        For what is not covered; the message says what to write instead.

    Warns
    -----
    SharedLetterWarning
        Where one Gaussian matrix stands in two different resolvents.
    """
    reading = read(expression)
    for letter in sorted(shared_letters(list(reading.nodes.values())), key=str):
        warnings.warn(
            f"{letter} stands in two different resolvents: that is one data set used twice; if the second is a fresh "
            f"data set, declare it under another name",
            SharedLetterWarning,
            stacklevel=2,
        )
    circuit, outputs = linearised(list(reading.nodes.values()))
    return Derivation(expression, reading, Pencil.of(circuit, outputs))
