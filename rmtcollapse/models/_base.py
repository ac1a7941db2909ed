"""What every model is: a record of parameters, equations, a finite-size experiment, and the theory between them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import attrs
import numpy as np

from rmtcollapse._names import kebab_case
from rmtcollapse.equations.compile import Compiled
from rmtcollapse.equations.solve import GridSolution, solve_grid, solve_point
from rmtcollapse.errors import NoExactValueError, ParameterError
from rmtcollapse.models._parameters import ParameterSpec, specs
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.spectra.population import Spectrum

if TYPE_CHECKING:
    from rmtcollapse.equations.system import System

__all__ = ["Limit", "Model", "validated_digits"]


@attrs.frozen
class Limit:
    """An identity that a model must meet: `model` at these parameters has these `values`, to rounding times `slack`."""

    statement: str
    model: Model
    values: Mapping[str, Any]
    slack: float = 64.0


class Model:
    """Base of all models. A subclass declares fields, ``VALUES``, ``SOURCE``, :meth:`system` and :meth:`draw`."""

    VALUES: ClassVar[Mapping[str, str]]
    SOURCE: ClassVar[str]
    spectrum: Spectrum
    _compiled: ClassVar[Compiled]

    # ---- what a model file writes -----------------------------------------------------------------------------

    @classmethod
    def system(cls) -> System:
        """The SymPy system of the theorem (loads SymPy)."""
        raise NotImplementedError

    @classmethod
    def arguments(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters of the system from those of the model; works on numbers and on arrays alike."""
        return dict(values)

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Refuse combinations of valid parameters that are invalid together (numbers or arrays)."""

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """One finite-size experiment: the same names as :meth:`theory`, measured."""
        raise NotImplementedError

    def exact(self) -> Prediction:
        """The expectation at this finite size, where one is known.

        Raises
        ------
        NoExactValueError
            Where none is known.
        """
        raise NoExactValueError(f"{type(self).__name__}: no exact finite-size expectation is known")

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Closed forms and exact statements that the theory must meet; tested for every model."""
        return ()

    def columns(self) -> Mapping[str, np.ndarray]:
        """Columns of the law that the system is over; a model without a population has a law of one direction."""
        if "spectrum" not in self.specs():
            return {"multiplicity": np.ones(1)}
        return self.spectrum.columns()

    # ---- what every model then has ----------------------------------------------------------------------------

    def __attrs_post_init__(self) -> None:
        self.check(self.parameters())

    @classmethod
    def name(cls) -> str:
        """Name on the command line, such as ``ridge-regression``."""
        return kebab_case(cls.__name__)

    @classmethod
    def specs(cls) -> dict[str, ParameterSpec]:
        """Declarations of the parameters by name."""
        return {name: spec for name, (spec, _) in specs(cls).items()}

    def parameters(self) -> dict[str, Any]:
        """Parameters by name, as given."""
        return {name: getattr(self, name) for name in specs(type(self))}

    def evolve(self, **changes: Any) -> Self:
        """The same model with some parameters changed."""
        return type(self)(**{**self.parameters(), **changes})

    def resized(self, factor: int | Fraction) -> Self:
        """The same limit at another size: multiplicities and all sample counts times `factor`.

        The deterministic equivalent does not change, so the gap between it and a simulation shrinks as the size grows.
        """
        changes: dict[str, Any] = {}
        for name, (spec, _) in specs(type(self)).items():
            value = getattr(self, name)
            if spec.kind == "population":
                changes[name] = value.resized(factor)
            elif spec.kind == "count" and value is not None and name not in self.SCALE_FREE:
                scaled = Fraction(value) * factor
                if scaled.denominator != 1:
                    raise ParameterError(
                        name, value, f"a multiple of {Fraction(factor).denominator} to be resized by {factor}"
                    )
                changes[name] = int(scaled)
            elif spec.copied is not None and value is not None:
                if Fraction(factor).denominator != 1 or factor < 1:
                    raise ParameterError("factor", factor, f"a positive integer, where {name} is given")
                changes[name] = spec.copied(value, int(factor))
        return self.evolve(**changes)

    # Whether a grid over scalars can be one compiled call of the system, or every point is solved by itself.
    ONE_CALL: ClassVar[bool] = True
    # Whether theory() is a limit, the same at every size, or the expectation at the model's own size.
    ASYMPTOTIC: ClassVar[bool] = True
    # Values that no experiment of finite size measures.
    UNMEASURED: ClassVar[frozenset[str]] = frozenset()
    # Values whose experiment counts events of unit size, which may be too rare to be seen.
    EVENTS: ClassVar[frozenset[str]] = frozenset()
    # Values that near their limit like another power of the size than -1: its exponent.
    FINITE_SIZE: ClassVar[Mapping[str, float]] = {}
    # Counts that do not grow with the size.
    SCALE_FREE: ClassVar[frozenset[str]] = frozenset({"generations", "iterations", "rounds", "depth", "learners"})

    def finite_size(self) -> Mapping[str, float]:
        """The exponents of ``FINITE_SIZE`` at these parameters."""
        return self.FINITE_SIZE

    def unjudged(self) -> Mapping[str, str]:
        """Values that this experiment, at this size, says nothing about, and why; none by default."""
        return {}

    @classmethod
    def compiled(cls) -> Compiled:
        """Handle to the generated modules of this model's system."""
        if "_compiled" not in cls.__dict__:
            files = {_source_file(c) for c in cls.__mro__ if issubclass(c, Model) and c is not Model}
            cls._compiled = Compiled(cls.__name__, cls.system, () if None in files else files)  # type: ignore[arg-type]
        return cls._compiled

    @classmethod
    def equations(cls) -> System:
        """The SymPy system."""
        return cls.system()

    @classmethod
    def latex(cls) -> str:
        """The equations as LaTeX, one ``aligned`` block."""
        return cls.system().latex()

    def theory(self, digits: int | None = None) -> Prediction:
        """The deterministic equivalent at these parameters.

        Parameters
        ----------
        digits : int, optional
            Solve with mpmath to this many decimal digits instead of in double precision.

        Raises
        ------
        ConvergenceError
            If no certified solution was reached.
        """
        if digits is not None:
            return self._reference(validated_digits(digits))
        solution = solve_point(self.compiled(), self.arguments(self.parameters()), self.columns())
        values = {**solution.unknowns, **solution.outputs}
        return Prediction(
            {name: values[name] for name in self.VALUES},
            solution.unknowns,
            solution.residual,
            solution.certificate,
            solution.status,
            solution.regimes,
        )

    def _reference(self, digits: int) -> Prediction:
        from rmtcollapse.equations.reference import solve_reference

        solution = solve_reference(self.system(), self.arguments(self.parameters()), self.columns(), digits)
        values = {**solution.unknowns, **solution.outputs}
        named = {name: values[name] for name in self.VALUES}
        return Prediction(named, solution.unknowns, 0.0, 10.0**-digits, solution.status, solution.regimes, digits)

    def theory_grid(self, axes: Mapping[str, np.ndarray]) -> GridSolution:
        """The theory over a rectangular grid of scalar parameters, in one compiled call (last axis fastest).

        Parameters
        ----------
        axes : mapping of str to array
            Validated axes by parameter name.
        """
        mesh = np.meshgrid(*axes.values(), indexing="ij")
        points = {name: m.ravel() for name, m in zip(axes, mesh, strict=True)}
        return self.theory_points(points, row=mesh[0].shape[-1])

    def theory_points(self, points: Mapping[str, np.ndarray], row: int) -> GridSolution:
        """The theory at many points in one compiled call.

        Parameters
        ----------
        points : mapping of str to array (points,)
            Validated values of the scalar parameters that vary.
        row : int
            Neighbours in a row of this many points differ little: each solve starts from the one before.
        """
        values = {**self.parameters(), **points}
        self.check(values)
        arguments = self.arguments(values)
        compiled = self.compiled()
        table = np.empty((len(next(iter(points.values()))), len(compiled.numba.PARAMETERS)))
        for k, name in enumerate(compiled.numba.PARAMETERS):
            table[:, k] = arguments[name]
        return solve_grid(compiled, table, self.columns(), row=row)

    def sweepable(self, names: Sequence[str]) -> bool:
        """Whether a grid over these parameters is one compiled call (scalars of one system)."""
        kinds = {name: spec.kind for name, (spec, _) in specs(type(self)).items()}
        return self.ONE_CALL and all(kinds[name] in ("count", "number") for name in names)


def validated_digits(digits: int) -> int:
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= 1000:
        raise ParameterError("digits", digits, "an integer from 1 to 1000")
    return digits


def _source_file(cls: type) -> Path | None:
    try:
        return Path(inspect.getfile(cls))
    except (TypeError, OSError):  # typed into an interpreter
        return None
