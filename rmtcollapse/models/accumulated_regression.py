r"""Least squares on its own labels: replace the data and the error grows, accumulate them and it stays bounded.

**Setting.** Iteration 1 fits :math:`\hat w_1` by least squares on *T* rows :math:`x\sim N(0,\Sigma)` in dimension *d*,
labelled by the true :math:`w_0` with noise :math:`\sigma^2`. Iteration *i* labels *T* rows with
:math:`\hat w_{i-1}` and the same noise, and fits :math:`\hat w_i` on

- ``replace``: these rows alone;
- ``accumulate``: all *iT* rows since the first, each with the label it was given;
- ``accumulate-subsample``: *T* of those *iT* rows, drawn without replacement, anew at each iteration.

Every iteration draws its rows (``designs="fresh"``), or all use one matrix of rows (``"same"``). The test error is the
excess risk :math:`\|\hat w_N-w_0\|_\Sigma^2` after *N* iterations. It depends on neither :math:`\Sigma` nor
:math:`w_0`.

**Statement.** With :math:`f=T-d-1`, exactly at finite *T* and *d*,

.. math:: E_{\mathrm{replace}}=\sigma^2\frac{Nd}{f},\qquad
          E_{\mathrm{accumulate}}=\sigma^2\frac df\sum_{i=1}^N\frac1{i^2}\ \text{(same)},\qquad
          \sigma^2d\sum_{i=1}^N\frac1{i\,(f+(i-1)T)}\ \text{(fresh)},

so that accumulating multiplies the first error by less than :math:`\pi^2/6`, for ever. To leading order in *d*/*T*,
with a relative error of order 1/*T* at fixed *d*,

.. math:: E_{\mathrm{accumulate-subsample}}=\sigma^2\frac df\Big(3\sum_{i=1}^N\frac1{i^2}-2\Big)
          \;\longrightarrow\;\sigma^2\frac df\Big(\frac{\pi^2}2-2\Big).

**Derivation.** Replaced: each fit adds :math:`X^+E` to the one before. Accumulated on fresh rows, with
:math:`H_i=\sum_{k\le i}X_k^\top X_k`: :math:`\hat w_i=\hat w_{i-1}+H_i^{-1}X_i^\top E_i`; the *i* blocks of
:math:`H_i` are exchangeable, so this step adds :math:`\frac1i\,\mathbb E\operatorname{tr}\Sigma H_i^{-1}`. On the same
rows :math:`H_i=iX^\top X`. Subsampled, with :math:`\xi_i` the noise of fit *i*: :math:`\hat w_N-w_0=
\xi_N+\sum_{i<N}\xi_i/(i+1)`, where :math:`\xi_i` and :math:`\xi_j`, *i* < *j*, share a fraction 1/*j* of their rows.

**Notation.** *T* samples, *d* dimension, *N* iterations, *f* the rows that are spare, :math:`[\cdot]` 1 for the
workflow that is chosen and 0 for the others.

**Source.** The sum for the same rows, and that it is bounded, are stated in [GerstgrasserEtAl2024]_; that
:math:`\pi^2/6` is universal as :math:`T\to\infty` in [DeyDonoho2024]_; the subsampled workflow is that of
[KazdanEtAl2024]_. The exact sum for fresh rows (smaller than the one for the same rows, which is often quoted for both)
and the closed form of the subsampled workflow are derived here and checked by simulation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from rmtcollapse.errors import NoExactValueError, ParameterError
from rmtcollapse.models._base import Limit, Model
from rmtcollapse.models._exact import exact_prediction, minimum_norm_variance
from rmtcollapse.models._parameters import choice, count, model, nonnegative
from rmtcollapse.models._prediction import Prediction

if TYPE_CHECKING:
    from rmtcollapse.equations.symbols import Parameter
    from rmtcollapse.equations.system import FixedPoint, System

__all__ = ["AccumulatedRegression"]

WORKFLOWS = ("replace", "accumulate", "accumulate-subsample")
THRESHOLD = "interpolation threshold: samples within one of the dimension, the error is infinite with noise"
GROWS = "the error grows with every iteration, without limit"
LEADING = "leading order in dimension/samples"


@model
class AccumulatedRegression(Model):
    r"""Test error of least squares on labels of its own, when data are replaced, accumulated, or subsampled.

    Parameters
    ----------
    dimension : int
        Features, *d* >= 1.
    samples : int
        Rows that each iteration adds, *T* >= *d*.
    noise_variance : float
        Noise of all labels, :math:`\sigma^2\ge0`.
    iterations : int
        Number of fits, *N* >= 1; the first is on true labels.
    workflow : str
        ``"replace"``, ``"accumulate"`` or ``"accumulate-subsample"``.
    designs : str
        ``"fresh"`` rows at every iteration, or the ``"same"``.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, or fewer samples than dimensions.
    """

    dimension: int = count("d", "number of features")
    samples: int = count("T", "rows that each iteration adds")
    noise_variance: float = nonnegative(r"\sigma^2", "noise of all labels", unit="squared label")
    iterations: int = count("N", "number of fits, the first on true labels")
    workflow: str = choice("", "which rows a fit sees", *WORKFLOWS, default="replace")
    designs: str = choice("", "whether iterations draw their rows or share them", "fresh", "same", default="fresh")

    VALUES: ClassVar[Mapping[str, str]] = {
        "test_error": "excess risk against the true target (add the noise variance for prediction error)",
        "limit": "what the test error tends to as the iterations go on",
    }
    SOURCE: ClassVar[str] = (
        "Gerstgrasser et al. 2024, arXiv 2404.01413 (same rows, stated); Dey and Donoho 2024, arXiv 2410.22812 "
        "(pi^2/6, stated); fresh rows and subsamples derived here"
    )
    ASYMPTOTIC: ClassVar[bool] = False
    UNMEASURED: ClassVar[frozenset[str]] = frozenset({"limit"})

    @classmethod
    def system(cls) -> System:
        """The equations, in SymPy."""
        from sympy import S, oo

        from rmtcollapse.equations.symbols import limit_product, parameter, reciprocal_sum, unknown
        from rmtcollapse.equations.system import System

        d, T = parameter("dimension", "d", exact=True), parameter("samples", "T", exact=True)
        sigma2, N = parameter("noise_variance", r"\sigma^2"), parameter("iterations", "N", exact=True)
        shown = {"replaced": "replace", "same": "same", "fresh": "fresh", "subsampled": "subsample"}
        chosen = [parameter(name, rf"[\mathrm{{{word}}}]", exact=True) for name, word in shown.items()]
        spare, gain = unknown("spare", "f"), unknown("gain", "b")
        sums = {
            N: (unknown("squares", "S_N"), unknown("mixed", "F_N")),
            oo: (unknown("all_squares", r"S_\infty"), unknown("all_mixed", r"F_\infty")),
        }

        def error(fits: Any) -> Any:
            squares, mixed = sums[fits]
            each = (fits * gain if fits != oo else oo, gain * squares, d * mixed, gain * (3 * squares - 2))
            return limit_product(sigma2, sum(limit_product(c, e) for c, e in zip(chosen, each, strict=True)))

        definitions = {gain: d / spare}
        for fits, (squares, mixed) in sums.items():
            definitions[squares] = reciprocal_sum(S.One, S.One, fits)
            definitions[mixed] = reciprocal_sum(spare, T, fits)
        return System(
            name="accumulated_regression",
            parameters=(d, T, sigma2, N, *chosen),
            columns=(),
            fixed_points=(_spare_rows(d, T, spare), _workflow(chosen[0], chosen[3], N)),
            definitions=definitions,
            outputs={unknown("test_error", "E"): error(N), unknown("limit", r"E_\infty"): error(oo)},
        )

    @classmethod
    def arguments(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Workflow and designs as four numbers, one of them 1."""
        workflow, same = np.asarray(values["workflow"]), np.asarray(values["designs"]) == "same"
        accumulated = workflow == "accumulate"
        numbers = {name: values[name] for name in ("dimension", "samples", "noise_variance", "iterations")}
        chosen = {
            "replaced": workflow == "replace",
            "same": accumulated & same,
            "fresh": accumulated & ~same,
            "subsampled": workflow == "accumulate-subsample",
        }
        return {**numbers, **{name: 1.0 * one for name, one in chosen.items()}}

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Least squares needs as many rows as dimensions."""
        samples, dimension = np.broadcast_arrays(values["samples"], values["dimension"])
        if np.any(few := samples < dimension):
            domain = f"at least the dimension ({dimension[few][0]}), for least squares to have one solution"
            raise ParameterError("samples", int(samples[few][0]), domain)

    def resized(self, factor: int | Fraction) -> Self:
        """Another size with the same limit: dimension and samples times `factor`.

        The subsampled workflow, known to leading order in dimension/samples, keeps its dimension.
        """
        if self.workflow != "accumulate-subsample":
            return super().resized(factor)
        rows = Fraction(self.samples) * factor
        if rows.denominator != 1:
            raise ParameterError("samples", self.samples, f"a multiple of {rows.denominator} to be resized by {factor}")
        return self.evolve(samples=int(rows))

    # ---- experiment ---------------------------------------------------------------------------------------------

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Run the iterations literally, and measure the risk of the last fit."""
        from rmtcollapse.experiments.regression import Design, Target
        from rmtcollapse.spectra.population import Spectrum

        target = Target.draw(Spectrum.isotropic(self.dimension), rng)
        design = Design.draw(target.eigenvalues, self.samples, rng)
        rows, labels = np.empty((0, self.dimension)), np.empty(0)
        estimate = target.coefficients
        for i in range(self.iterations):
            if i > 0 and self.designs == "fresh":
                design = Design.draw(target.eigenvalues, self.samples, rng)
            noise = rng.normal(scale=math.sqrt(self.noise_variance), size=self.samples)
            seen, told = design.rows, design.labels(estimate) + noise
            if self.workflow != "replace":
                rows, labels = np.concatenate([rows, seen]), np.concatenate([labels, told])
                seen, told = rows, labels
            if self.workflow == "accumulate-subsample":
                chosen = rng.choice(len(rows), size=self.samples, replace=False)
                seen, told = rows[chosen], labels[chosen]
            estimate = Design(seen).fitter(0.0)(told)
        return {"test_error": target.risk(estimate)}

    # ---- exact statements and limits ------------------------------------------------------------------------------

    def exact(self) -> Prediction:
        r"""Expectation at this finite size, which is the theory for all workflows but the subsampled one.

        Infinite for :math:`T\le d+1` where there is noise.

        Raises
        ------
        NoExactValueError
            For a second or later fit on a subsample.
        """
        d, T, N, sigma2 = self.dimension, self.samples, self.iterations, self.noise_variance
        first = minimum_norm_variance(T, d, sigma2)
        if self.workflow == "accumulate-subsample" and N > 1:
            raise NoExactValueError("AccumulatedRegression: fits on subsamples are known to leading order only")
        if self.workflow == "replace" or first in (0.0, math.inf):
            return exact_prediction(test_error=N * first)
        if self.designs == "same":
            return exact_prediction(test_error=first * math.fsum(1 / i**2 for i in range(1, N + 1)))
        terms = (minimum_norm_variance(i * T, d, sigma2) / i for i in range(1, N + 1))
        return exact_prediction(test_error=math.fsum(terms))

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Growth without limit, the two constants, and a sum that is a logarithm."""
        common: dict[str, Any] = {"dimension": 29, "samples": 60, "noise_variance": 0.7, "iterations": 5}
        first, squares = 0.7 * 29 / 30, 5269 / 3600
        tends, half = math.pi**2 / 6, 0.7 * 29 / 60 * 4 * math.log(2)
        accumulated = {**common, "workflow": "accumulate"}
        subsampled = cls(**common, workflow="accumulate-subsample")
        return [
            Limit("replaced: linear growth", cls(**common), {"test_error": 5 * first, "limit": math.inf}),
            Limit(
                "accumulated on the same rows: pi^2/6",
                cls(**accumulated, designs="same"),
                {"test_error": first * squares, "limit": first * tends},
            ),
            Limit("accumulated on fresh rows, 2 (d + 1) = T: 4 log 2", cls(**accumulated), {"limit": half}),
            Limit(
                "subsampled: pi^2/2 - 2",
                subsampled,
                {"test_error": first * (3 * squares - 2), "limit": first * (math.pi**2 / 2 - 2)},
            ),
        ]


def _spare_rows(d: Parameter, T: Parameter, spare: Parameter) -> FixedPoint:
    """The rows beyond those that a finite mean needs."""
    from sympy import Eq, Max, S, true

    from rmtcollapse.equations.system import Branch, FixedPoint

    branches = (
        Branch("enough samples", d + 1 < T, given={spare: T - d - 1}),
        Branch("threshold", true, given={spare: S.Zero}, status=THRESHOLD),
    )
    return FixedPoint("spare rows", (spare,), (Eq(spare, Max(T - d - 1, 0), evaluate=False),), branches)


def _workflow(replaced: Parameter, subsampled: Parameter, N: Parameter) -> FixedPoint:
    """Nothing to solve; what is to be said of each workflow."""
    from sympy import And, true

    from rmtcollapse.equations.system import Branch, FixedPoint

    branches = (
        Branch("replaced", replaced > 0, status=GROWS),
        Branch("subsampled", And(subsampled > 0, N > 1), status=LEADING),
        Branch("accumulated", true),
    )
    return FixedPoint("workflow", (), (), branches)
