r"""Iterated mixing: every generation is trained on real rows and on rows that the generation before labelled.

**Setting.** Generation 0 is a ridge fit on :math:`n_0` real rows (:math:`n=n_1+n_2` of them if not given), labels
:math:`x^\top w_0+\varepsilon`, noise :math:`\sigma_1^2`. Each later generation is a fit with the same ridge on fresh
rows: :math:`n_1` real ones, noise :math:`\sigma_1^2`, and :math:`n_2` synthetic ones labelled by the generation before,
noise :math:`\sigma_2^2`. All rows :math:`x\sim N(0,\Sigma)`. The test error is the excess risk
:math:`\|\hat w-w_0\|_\Sigma^2` of the last generation.

**Statement.** With :math:`p_k=n_k/n`, :math:`(\kappa,\rho)` at :math:`(n,\lambda)`,
:math:`T=\Sigma(\Sigma+\kappa)^{-1}` and the noise gain of one direction :math:`c=\Sigma(\Sigma+\kappa)^{-2}/
(n-\mathrm{df}_2)`, the error of a generation has mean :math:`-hw_0` and covariance *C*, diagonal in the eigenbasis, and

.. math:: h\leftarrow(1-T)+p_2Th,\qquad C\leftarrow p_2^2T^2C+c\,\Phi,

.. math:: \Phi=p_1\sigma_1^2+p_2\sigma_2^2+\sum_js_j\big\{w_j^2[(1-T_j)^2(p_1+p_2k_j)^2+p_1p_2h_j^2]
          +(p_1p_2+p_2^2(1-T_j)^2)C_j\big\},

with the kept share :math:`k=1-h`, carried as :math:`k\leftarrow T(p_1+p_2k)`; generation 0, with :math:`\kappa` at
:math:`(n_0,\lambda)`, is :math:`h=1-T`, :math:`k=T`, :math:`C=c\,(\sigma_1^2+\sum_js_jw_j^2(1-T_j)^2)`. The test error
is :math:`\sum_js_j(w_j^2h_j^2+C_j)`; *C* splits into what the signal and what the noise adds. Every term is
non-negative. Relative error :math:`O(1/n)`.

**Consequences.** With many rows, whatever an earlier generation got wrong is forgotten as :math:`p_2^2` a generation.
Real rows in every generation keep the error bounded, if there are enough: least squares keeps the share
:math:`p_2^2+p_1p_2d/(n-d)` of an error, which is below one for :math:`p_2d/(n-d)<1+p_2`. Without real rows
(:math:`n_1=0`) it is the chain of *Model Collapse Demystified*, and grows.

**Notation.** :math:`n_1,n_2` real and synthetic rows, :math:`n_0` rows of generation 0, *g* generations after it,
:math:`s_j,w_j^2` spectrum and signal, :math:`\lambda` ridge, :math:`\kappa,\rho` effective ridge and residual fraction,
*h*, *k* lost and kept shares; *C*, *D* the spread from signal and from noise.

**Source.** Iterated mixing is discussed in Dohmatob, Feng, Subramonian and Kempe, *Strong Model Collapse*
[DohmatobFengSubramonianKempe2024]_. The recursion, in this forward form without cancellation, and the expectation at
finite size are derived here and checked by simulation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rmtcollapse.errors import NoExactValueError
from rmtcollapse.models._base import Limit, Model
from rmtcollapse.models._exact import exact_prediction, minimum_norm_variance, mixed_share
from rmtcollapse.models._mixture import check_rows, mean_noise, mixture_arguments, noise_scales
from rmtcollapse.models._optimum import smooth_minimum
from rmtcollapse.models._parameters import count, model, nonnegative, population
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.spectra.population import Spectrum

if TYPE_CHECKING:
    from rmtcollapse.equations.system import System

__all__ = ["IteratedMixing"]


@model
class IteratedMixing(Model):
    r"""Test error after generations of training on real rows and on the labels of the generation before.

    Parameters
    ----------
    spectrum : Spectrum
        Population spectrum with signal.
    real_samples : int
        Real rows of each generation, :math:`n_1\ge0`.
    synthetic_samples : int
        Rows of each generation that the one before labels, :math:`n_2\ge0`; :math:`n_1+n_2\ge1`.
    ridge : float
        Penalty :math:`\lambda\ge0` in (1/n) * squared loss + :math:`\lambda|w|^2`; 0 is the minimum-norm limit.
    noise_variance : float
        Label noise of real rows, :math:`\sigma_1^2\ge0`.
    synthetic_noise_variance : float, optional
        Label noise of synthetic rows, :math:`\sigma_2^2\ge0`; `noise_variance` if not given.
    generations : int
        Fits on the mixture after the first fit on real rows, *g* >= 0.
    first_samples : int, optional
        Real rows of generation 0, :math:`n_0\ge1`; `real_samples` + `synthetic_samples` if not given.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, or no rows at all.
    """

    spectrum: Spectrum = population("(s_j, w_j^2)", "population spectrum with signal", "signal")
    real_samples: int = count("n_1", "real rows of each generation", least=0)
    synthetic_samples: int = count("n_2", "rows of each generation that the one before labels", least=0)
    ridge: float = nonnegative(r"\lambda", "ridge penalty; 0 is the minimum-norm limit", unit="squared feature")
    noise_variance: float = nonnegative(r"\sigma_1^2", "label noise of real rows", unit="squared label")
    synthetic_noise_variance: float | None = nonnegative(
        r"\sigma_2^2", "label noise of synthetic rows", unit="squared label", default=None, optional=True
    )
    generations: int = count("g", "fits on the mixture after the first fit on real rows", least=0)
    first_samples: int | None = count("n_0", "real rows of generation 0", default=None, optional=True)

    VALUES: ClassVar[Mapping[str, str]] = {
        "test_error": "excess risk of the last generation (add the noise variance for prediction error)",
        "bias": "part of the test error that remains without noise in any generation",
        "variance": "part of the test error that the noise of all generations adds",
    }
    SOURCE: ClassVar[str] = (
        "Dohmatob, Feng, Subramonian and Kempe 2024, arXiv 2410.04840 (setting); recursion derived here"
    )

    @classmethod
    def system(cls) -> System:
        """The equations, in SymPy."""
        from rmtcollapse.equations.symbols import Column, limit_product, parameter, total, unknown
        from rmtcollapse.equations.system import Recursion, System
        from rmtcollapse.equivalents.mixture import Mixture
        from rmtcollapse.equivalents.resolvent import one_resolvent

        s, w2 = Column("eigenvalue", "s_j"), Column("signal", "w_j^2")
        n, steps = parameter("samples", "n", exact=True), parameter("steps", "g", exact=True)
        n0, lam = parameter("first_samples", "n_0", exact=True), parameter("ridge", r"\lambda")
        mixture = Mixture.named()
        p1, p2 = mixture.real, mixture.synthetic
        fit, first = one_resolvent(n, lam, s), one_resolvent(n0, lam, s, "0")
        slack, slack0 = unknown("slack", r"(n-\mathrm{df}_2)"), unknown("first_slack", r"(n_0-\mathrm{df}_2^0)")
        missed = unknown("missed", r"\Phi_0")
        lost, kept = Column("lost", "h_j"), Column("kept", "k_j")
        spread, scatter = Column("spread", "C_j"), Column("scatter", "D_j")
        misfit, noise = unknown("misfit", r"\Phi_C"), unknown("noise", r"\Phi_D")
        bias, variance = unknown("bias", "B"), unknown("variance", "V")

        gain, gain0 = fit.learned**2 / s / slack, first.learned**2 / s / slack0
        passed = p1 * p2 + p2**2 * fit.unlearned**2
        carried = p2**2 * fit.learned**2
        return System(
            name="iterated_mixing",
            parameters=(n, n0, lam, steps, p1, p2, mixture.noise, mixture.synthetic_noise),
            columns=(s, w2),
            fixed_points=(fit.fixed_point(), first.fixed_point()),
            definitions={slack: fit.slack, slack0: first.slack, missed: total(w2 * s * first.unlearned**2)},
            recursion=Recursion(
                steps=steps,
                within={
                    misfit: total(w2 * s * fit.unlearned**2 * (p1 + p2 * kept) ** 2)
                    + p1 * p2 * total(w2 * s * lost**2)
                    + total(s * limit_product(passed, spread)),
                    noise: mixture.mean_noise + total(s * limit_product(passed, scatter)),
                },
                state={
                    lost: (first.unlearned, fit.unlearned + p2 * fit.learned * lost),
                    kept: (first.learned, fit.learned * (p1 + p2 * kept)),
                    spread: (
                        limit_product(gain0, missed),
                        limit_product(carried, spread) + limit_product(gain, misfit),
                    ),
                    scatter: (
                        limit_product(gain0, mixture.noise),
                        limit_product(carried, scatter) + limit_product(gain, noise),
                    ),
                },
            ),
            outputs={
                bias: total(w2 * s * lost**2) + total(s * spread),
                variance: total(s * scatter),
                unknown("test_error", "E"): bias + variance,
            },
        )

    @classmethod
    def arguments(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Totals and shares of the rows."""
        mixture = mixture_arguments(values)
        rows, given = mixture["samples"], values["first_samples"]
        first = rows if given is None else given
        return {
            **mixture,
            # Without a mixture its rows do not matter; those of generation 0 keep its status out of the way.
            "samples": np.where(np.asarray(values["generations"]) > 0, rows, first),
            "first_samples": first,
            "ridge": values["ridge"],
            "steps": values["generations"],
        }

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """There must be rows to fit."""
        check_rows(values)

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Run the generations literally; two label columns, signal alone and noise alone."""
        from rmtcollapse.experiments.regression import Design, Target

        target = Target.draw(self.spectrum, rng)
        real, rows = self.real_samples, self.real_samples + self.synthetic_samples
        truth = np.stack([target.coefficients, np.zeros_like(target.coefficients)], axis=1)
        design = Design.draw(target.eigenvalues, rows if self.first_samples is None else self.first_samples, rng)
        labels = design.labels(truth)
        labels[:, 1] += rng.normal(scale=math.sqrt(self.noise_variance), size=len(labels))
        labeller = design.fitter(self.ridge)(labels)
        for _ in range(self.generations):
            design = Design.draw(target.eigenvalues, rows, rng)
            labels = design.labels(labeller)
            labels[:real] = design.labels(truth)[:real]
            labels[:, 1] += rng.standard_normal(rows) * noise_scales(self.parameters())
            labeller = design.fitter(self.ridge)(labels)
        signal, error = labeller.T
        return {
            "test_error": target.risk(signal + error),
            "bias": target.risk(signal),
            "variance": target.energy(error),
        }

    def exact(self) -> Prediction:
        """Expectation at this finite size, for least squares: ridge 0 and at least as many rows as directions.

        One generation keeps a known share of the energy of the error before it, and adds the same noise; infinite
        within one sample of the threshold.

        Raises
        ------
        NoExactValueError
            With a ridge, or with fewer samples than directions.
        """
        args, d = self.arguments(self.parameters()), self.spectrum.rank
        rows, first = int(args["samples"]), int(args["first_samples"])
        if self.ridge > 0 or min(rows, first) < d:
            raise NoExactValueError(
                "IteratedMixing: exact at ridge = 0 with at least as many samples as directions only"
            )
        added = minimum_norm_variance(rows, d, mean_noise(args))
        share = mixed_share(self.real_samples, self.synthetic_samples, d)
        error = minimum_norm_variance(first, d, self.noise_variance)
        for _ in range(self.generations):
            error = (share * error if error > 0 else 0.0) + added
        return exact_prediction(test_error=error, bias=0.0, variance=error)

    def optimal_ridge(self) -> float:
        r"""The :math:`\lambda\ge0`, the same in all generations, of least predicted test error."""
        return smooth_minimum(self)

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Least squares: a geometric sum of noise; without real rows the chain's linear growth and forgetting."""
        common: dict[str, Any] = {"spectrum": Spectrum.power_law(100, 1.2, 0.6), "ridge": 0.0, "noise_variance": 0.4}
        flat: dict[str, Any] = {**common, "spectrum": Spectrum.isotropic(100, 1.7)}
        mixed = cls(real_samples=150, synthetic_samples=50, synthetic_noise_variance=0.9, generations=7, **common)
        alone = cls(real_samples=0, synthetic_samples=250, generations=5, **common)
        silent = cls(real_samples=0, synthetic_samples=80, generations=5, **{**flat, "noise_variance": 0.0})
        share, error = 0.25**2 + 0.75 * 0.25, 0.4
        for _ in range(7):
            error = share * error + 0.75 * 0.4 + 0.25 * 0.9
        return [
            Limit("least squares: noise adds geometrically", mixed, {"bias": 0.0, "variance": error}),
            Limit("no real rows: linear growth", alone, {"bias": 0.0, "test_error": 6 * 0.4 * 100 / 150}),
            Limit("no real rows, few samples: 1 - eta^(g+1)", silent, {"test_error": 1.7 * (1 - 0.8**6)}),
        ]
