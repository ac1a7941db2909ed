r"""Real and synthetic data mixed: strong model collapse, in the linear model and with random projections.

**Setting.** :math:`n_1` real rows with labels :math:`x^\top w_1+\varepsilon`, noise :math:`\sigma_1^2`, and
:math:`n_2` synthetic rows with labels :math:`x^\top w_2+\varepsilon`, noise :math:`\sigma_2^2`; all rows
:math:`x\sim N(0,\Sigma)`; :math:`w_1\sim N(0,\Gamma)` and, independent of it, :math:`w_2-w_1\sim N(0,\Delta)`. One
ridge fit on all :math:`n=n_1+n_2` rows: in the linear model on *x*, with a width *m* on :math:`S^\top x` for an
independent :math:`d\times m` matrix *S* with entries :math:`N(0,\varsigma^2)`, then :math:`\hat w=S\hat v`. The test
error is the excess risk :math:`\|\hat w-w_1\|_\Sigma^2` against the real target.

**Statement.** :math:`E=B+V+\zeta`. With :math:`p_k=n_k/n`, :math:`\gamma=m\varsigma^2` and
:math:`\gamma\kappa\rho\mu=\lambda`, :math:`n\rho=n-\mathrm{df}_1(\kappa)`, :math:`m\mu=m-\mathrm{df}_1(\kappa)`,

.. math:: B=(1+u)\operatorname{tr}\Gamma\Sigma\frac{\kappa^2+r\kappa\Sigma}{(\Sigma+\kappa)^2},\qquad
          V=(p_1\sigma_1^2+p_2\sigma_2^2)u,\qquad
          \zeta=\operatorname{tr}\Delta\Sigma\Big\{p_1p_2u+p_2^2\frac{u\kappa^2+\Sigma^2+(1+u)r\kappa\Sigma}
          {(\Sigma+\kappa)^2}\Big\},

with :math:`t=\mathrm{df}_1-\mathrm{df}_2`, :math:`r=t/(m\mu+t)` and :math:`1/(1+u)=\rho+\mu t/(n(\mu+t/m))`. The
linear model is :math:`m=\infty`, :math:`\gamma=\mu=1`, :math:`r=0`, :math:`u=\mathrm{df}_2/(n-\mathrm{df}_2)`.
Relative error :math:`O(1/n)` as *n*, *d*, *m* grow together.

**Consequences.** *Strong collapse*: with any fixed share :math:`p_2>0` more data does not help,
:math:`E\to p_2^2\operatorname{tr}\Delta\Sigma>0` as :math:`n\to\infty`, :math:`\lambda\to0` (linear model).
*Model size*: with a width :math:`E\to\operatorname{tr}\Gamma\Sigma-\operatorname{tr}(\Gamma-p_2^2\Delta)\Sigma^2
(\Sigma+\kappa_m)^{-1}`, :math:`\mathrm{df}_1(\kappa_m)=m`, so a larger model is worse where
:math:`p_2^2\Delta\succ\Gamma`. Without a ridge *B*, *V* and :math:`\zeta` diverge like :math:`n/|n-m|` at :math:`m=n`
below the rank; beyond it they fall towards those of the linear model.

**Notation.** :math:`n_1,n_2` real and synthetic rows, *m* width, :math:`s_j,\Gamma_{jj},\Delta_{jj}` eigenvalues of
:math:`\Sigma` and diagonals of :math:`\Gamma,\Delta`, :math:`\kappa` effective ridge, :math:`\rho,\mu` residual
fraction and spare width, *u* amplification of noise, :math:`\tau=1/(1+u)`, *r* leakage,
:math:`\mathrm{df}_k=\operatorname{tr}[\Sigma(\Sigma+\kappa)^{-1}]^k`.

**Source.** Dohmatob, Feng, Subramonian and Kempe, *Strong Model Collapse* [DohmatobFengSubramonianKempe2024]_: the
linear model and random projections (Theorems 1 and 2, there with several auxiliary scalars), the floor and the role of
model size are stated there, from memory. The one-scalar equations, the form without cancellation, the ridgeless limits
on all sides of all thresholds and the rates in the width are derived here and checked by simulation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from rmtcollapse.equations.solve import Solution, solve_point
from rmtcollapse.errors import NoExactValueError
from rmtcollapse.models._amplification import Amplification, judge_growth
from rmtcollapse.models._base import Limit, Model
from rmtcollapse.models._exact import exact_prediction, minimum_norm_variance, mixed_share
from rmtcollapse.models._mixture import check_rows, mean_noise, mixture_arguments, noise_scales
from rmtcollapse.models._optimum import smooth_minimum
from rmtcollapse.models._parameters import count, model, nonnegative, number, population
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.models._rates import clean_rates, measured_rate, power_law_exponents
from rmtcollapse.spectra.population import Spectrum

if TYPE_CHECKING:
    from rmtcollapse.equations.system import System

__all__ = ["StrongCollapse"]

_STEP = 1e-6  # in log-width, of the slope that says whether a larger model is worse
_MANY = 1e30  # rows, of which one more or less, or a rank, is below rounding
_WIDE = 1e3  # widths beyond samples and rank by this factor are nearly the linear model


@model
class StrongCollapse(Model):
    r"""Test error of a ridge fit on real and synthetic rows, on the features or on random projections of them.

    Parameters
    ----------
    spectrum : Spectrum
        Population spectrum with signal and target_shift, the diagonals of :math:`\Gamma` and :math:`\Delta`.
    real_samples : int
        Rows labelled by the real target, :math:`n_1\ge0`.
    synthetic_samples : int
        Rows labelled by the shifted target, :math:`n_2\ge0`; :math:`n_1+n_2\ge1`.
    ridge : float
        Penalty :math:`\lambda\ge0` in (1/n) * squared loss + :math:`\lambda|v|^2`; 0 is the minimum-norm limit.
    noise_variance : float
        Label noise of the real rows, :math:`\sigma_1^2\ge0`.
    synthetic_noise_variance : float, optional
        Label noise of the synthetic rows, :math:`\sigma_2^2\ge0`; `noise_variance` if not given.
    width : int, optional
        Number of random features, *m* >= 1; the linear model if not given.
    projection_variance : float, optional
        Variance of the entries of the projection, :math:`\varsigma^2>0`; one over the dimension of the spectrum if not
        given. Without a width there is no projection.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, or no rows at all.
    """

    spectrum: Spectrum = population(
        r"(s_j,\Gamma_{jj},\Delta_{jj})", "population spectrum with signal and target_shift", "signal", "target_shift"
    )
    real_samples: int = count("n_1", "rows labelled by the real target", least=0)
    synthetic_samples: int = count("n_2", "rows labelled by the shifted target", least=0)
    ridge: float = nonnegative(r"\lambda", "ridge penalty; 0 is the minimum-norm limit", unit="squared feature")
    noise_variance: float = nonnegative(r"\sigma_1^2", "label noise of the real rows", unit="squared label")
    synthetic_noise_variance: float | None = nonnegative(
        r"\sigma_2^2", "label noise of the synthetic rows", unit="squared label", default=None, optional=True
    )
    width: int | None = count("m", "number of random features; none is the linear model", default=None, optional=True)
    projection_variance: float | None = number(
        r"\varsigma^2",
        "variance of the entries of the projection; 1/dimension if not given",
        "a finite number > 0",
        lambda v: v > 0,
        default=None,
        optional=True,
    )

    VALUES: ClassVar[Mapping[str, str]] = {
        "test_error": "excess risk against the real target (add the noise variance for prediction error)",
        "bias": "part of the test error that remains on real noise-free labels",
        "variance": "part of the test error that label noise adds",
        "zeta": "part of the test error that the shift of the synthetic labels adds",
        "effective_ridge": "kappa, the ridge that the population sees",
    }
    SOURCE: ClassVar[str] = (
        "Dohmatob, Feng, Subramonian and Kempe 2024, arXiv 2410.04840 (stated); one-scalar stable form derived here"
    )

    @classmethod
    def system(cls) -> System:
        """The equations, in SymPy."""
        from rmtcollapse.equations.symbols import Column, Count, parameter, unknown
        from rmtcollapse.equations.system import System
        from rmtcollapse.equivalents.mixture import Mixture
        from rmtcollapse.equivalents.projection import random_projection

        s, signal, shift = (
            Column("eigenvalue", "s_j"),
            Column("signal", r"\Gamma_{jj}"),
            Column("target_shift", r"\Delta_{jj}"),
        )
        n, m = (Count(name, letter, extended_nonnegative=True) for name, letter in (("samples", "n"), ("width", "m")))
        lam, gain = parameter("ridge", r"\lambda"), parameter("projection_gain", r"\gamma")
        mixture = Mixture.named()
        projection = random_projection(n, m, lam, gain, s)
        t, r = unknown("boundary", "t"), unknown("leakage", "r")
        slack, u = unknown("slack", r"\tau"), unknown("amplification", "u")
        bias, variance, zeta = unknown("bias", "B"), unknown("variance", "V"), unknown("zeta", r"\zeta")
        return System(
            name="strong_collapse",
            parameters=(n, m, lam, gain, mixture.real, mixture.synthetic, mixture.noise, mixture.synthetic_noise),
            columns=(s, signal, shift),
            fixed_points=projection.fixed_points(),
            definitions={
                t: projection.boundary,
                r: projection.leakage(t),
                slack: projection.slack(t),
                u: projection.amplification(t, r, slack),
            },
            outputs={
                bias: projection.bias(signal, r, slack),
                variance: mixture.variance(u),
                zeta: mixture.shift_error(projection, shift, u, r, slack),
                unknown("test_error", "E"): bias + variance + zeta,
            },
        )

    @classmethod
    def arguments(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Totals and shares of the rows; no projection is an infinite width of gain 1."""
        width, entries = values["width"], values["projection_variance"]
        entries = 1 / values["spectrum"].dimension if entries is None else entries
        return {
            **mixture_arguments(values),
            "width": np.inf if width is None else np.asarray(width, float),
            "ridge": values["ridge"],
            "projection_gain": 1.0 if width is None else np.asarray(width, float) * entries,
        }

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """There must be rows to fit."""
        check_rows(values)

    def resized(self, factor: int | Fraction) -> Self:
        """The same limit at another size; entries of the projection shrink as their number grows."""
        made = super().resized(factor)
        if self.projection_variance is None:
            return made
        return made.evolve(projection_variance=self.projection_variance / float(factor))

    # ---- experiment ---------------------------------------------------------------------------------------------

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw rows, two targets, labels and a projection; fit signal, shift and noise in one go."""
        from rmtcollapse.experiments.regression import Design, Target

        target = Target.draw(self.spectrum, rng)
        shifted = target.shifted(self.spectrum, rng)
        real, rows = self.real_samples, self.real_samples + self.synthetic_samples
        design = Design.draw(target.eigenvalues, rows, rng)
        fit = design.fitter(self.ridge)
        if self.width is not None:
            entries = 1 / self.spectrum.dimension if self.projection_variance is None else self.projection_variance
            projection = rng.normal(scale=math.sqrt(entries), size=(len(target.eigenvalues), self.width))
            fit = design.projected(projection, self.ridge)
        labels = design.labels(np.stack([target.coefficients, shifted.coefficients - target.coefficients], axis=1))
        labels[:real, 1] = 0.0
        signal, shift, error = fit(
            np.column_stack([labels, rng.standard_normal(rows) * noise_scales(self.parameters())])
        ).T
        return {
            "test_error": target.risk(signal + shift + error),
            "bias": target.risk(signal),
            "variance": target.energy(error),
            "zeta": target.energy(shift),
            "effective_ridge": design.shrinkage(fit, target.eigenvalues),
        }

    def exact(self) -> Prediction:
        """Expectation at this finite size, for least squares.

        Known at ridge 0 where rows and width are at least as many as directions; then the projection drops out.
        Infinite within one sample of the threshold where there is noise, or where rows of both kinds disagree.

        Raises
        ------
        NoExactValueError
            With a ridge, or with fewer samples or features than directions.
        """
        args, d = self.arguments(self.parameters()), self.spectrum.rank
        rows = self.real_samples + self.synthetic_samples
        if self.ridge > 0 or min(rows, args["width"]) < d:
            raise NoExactValueError(
                "StrongCollapse: exact at ridge = 0 with at least as many samples and features as directions only"
            )
        variance = minimum_norm_variance(rows, d, mean_noise(args))
        law = self.spectrum.columns()
        energy = float(np.sum(law["multiplicity"] * law["eigenvalue"] * law["target_shift"]))
        zeta = energy * mixed_share(self.real_samples, self.synthetic_samples, d) if energy > 0 else 0.0
        return exact_prediction(test_error=variance + zeta, bias=0.0, variance=variance, zeta=zeta)

    # ---- limits and thresholds ----------------------------------------------------------------------------------

    def floor(self, ridge: float | None = None) -> float:
        r"""The limit of the test error as the rows grow at fixed shares: what no amount of this data removes.

        Parameters
        ----------
        ridge : float, optional
            :math:`\lambda\ge0` in that limit; this model's own if not given. 0 gives the floor of the paper,
            :math:`p_2^2\operatorname{tr}\Delta\Sigma` in the linear model.
        """
        lam = self.ridge if ridge is None else self.specs()["ridge"].validated("ridge", ridge)
        # Rows without end and no width leave nothing to solve: take as many as doubles cannot tell from that, and none
        # of the noise that they average out.
        rows = _MANY if self.width is None else np.inf
        limit = self._at(samples=rows, ridge=lam, noise_variance=0.0, synthetic_noise_variance=0.0)
        return limit.outputs["test_error"]

    def interpolation_threshold(self) -> int:
        """The number of rows at which a ridgeless fit begins to leave residuals, and its error is infinite."""
        rank = self.spectrum.rank
        return rank if self.width is None else min(rank, self.width)

    def amplifies(self) -> Amplification:
        r"""Does a larger model make it worse here, and why.

        The slope of the test error in the log-width, at these samples and this ridge. For the linear model, which is
        the largest, the slope from a very wide model of the same gain towards it.

        Returns
        -------
        Amplification
            True as a condition where a larger model is worse; with the slope of each part and the reason.
        """
        if self.width is None:
            wide = _WIDE * max(self.spectrum.rank, self.real_samples + self.synthetic_samples)
            return judge_growth(self._at(width=wide).outputs, self._at().outputs, 1.0)
        step = min(_STEP, 0.5 / self.width)
        gain = self.arguments(self.parameters())["projection_gain"]
        larger = self._at(width=self.width * (1 + step), projection_gain=gain * (1 + step))
        return judge_growth(self._at().outputs, larger.outputs, step)

    def _at(self, **changes: float) -> Solution:
        """The equations at arguments of the system that no model has: infinite samples, fractional widths."""
        return solve_point(self.compiled(), {**self.arguments(self.parameters()), **changes}, self.spectrum.columns())

    # ---- regularisation and rates -------------------------------------------------------------------------------

    def optimal_ridge(self) -> float:
        r"""The :math:`\lambda\ge0` of least predicted test error; infinite where predicting zero is best."""
        return smooth_minimum(self)

    def exponents(self) -> dict[str, float]:
        r"""Power-law rates for a spectrum of capacity :math:`\beta` and source *r*.

        Returns
        -------
        dict
            ``clean_ridge``, ``clean_rate``, ``noiseless_rate``: the best :math:`\ell` in :math:`\lambda=n^{-\ell}` and
            the exponents of the linear model's error in *n* before the floor, with and without label noise;
            ``plateau_samples``: where that law meets the floor, up to a constant (infinite without one);
            ``width_rate``: the exponent in *m* of what a width leaves at many samples, :math:`\beta\min(2r,1)` (times
            a logarithm at 2r = 1).

        Raises
        ------
        ParameterError
            For other spectra, or :math:`\beta\le1`, :math:`r\le0`.
        """
        beta, r = power_law_exponents(self.spectrum)
        rates = clean_rates(beta, r)
        floor = self.evolve(width=None).floor(0.0)
        plateau = floor ** (-1 / rates["clean_rate"]) if floor > 0 else math.inf
        return {**rates, "plateau_samples": plateau, "width_rate": beta * min(2 * r, 1.0)}

    def fitted_exponents(self, factor: int = 4) -> dict[str, float]:
        """The rates of :meth:`exponents` as slopes of the equations themselves, from this size to `factor` times it.

        On real rows only, with the ridge that each rate is stated for, and a unit of noise where there is noise. They
        meet the stated ones for many samples and, as the spectrum ends at its dimension, far fewer than directions.
        """
        beta, r = power_law_exponents(self.spectrum)
        clean, rows = clean_rates(beta, r), self.real_samples + self.synthetic_samples
        real = self.evolve(synthetic_samples=0, width=None, synthetic_noise_variance=None)

        def error(ell: float, noise: float, n: int) -> float:
            return float(real.evolve(real_samples=n, ridge=n**-ell, noise_variance=noise).theory()["test_error"])

        def narrow(m: int) -> float:
            return self.evolve(real_samples=rows, synthetic_samples=0, width=m).floor(0.0)

        return {
            "clean_rate": measured_rate(lambda n: error(clean["clean_ridge"], 1.0, n), rows, factor * rows),
            "noiseless_rate": measured_rate(lambda n: error(beta, 0.0, n), rows, factor * rows),
            "width_rate": measured_rate(narrow, self.width or rows, factor * (self.width or rows)),
        }

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Closed forms without a ridge on every side of every threshold, and with one in the linear model."""
        flat: dict[str, Any] = {"spectrum": Spectrum.isotropic(100, 1.7).with_target_shift(0.6)}
        made = []
        for n1, n2, m in ((150, 50, None), (30, 20, None), (150, 50, 40), (30, 20, 80), (120, 30, 250)):
            case = cls(real_samples=n1, synthetic_samples=n2, ridge=0.0, noise_variance=0.4, width=m, **flat)
            made.append(Limit("isotropic population without a ridge", case, _ridgeless(n1, n2, m)))
        for n1, n2 in ((150, 50), (30, 20)):
            case = cls(real_samples=n1, synthetic_samples=n2, ridge=0.2, noise_variance=0.4, **flat)
            made.append(Limit("isotropic population, linear model", case, _linear(n1, n2, 0.2)))
        return made


def _parts(real: int, synthetic: int, kappa: float, leakage: float, u: float) -> dict[str, float]:
    """Values for the isotropic examples from effective ridge, leakage and amplification."""
    p1, p2 = real / (real + synthetic), synthetic / (real + synthetic)
    learned, lost = 1 / (1 + kappa), kappa / (1 + kappa)
    mixed = leakage * learned * lost
    bias, variance = 1.7 * (1 + u) * (lost**2 + mixed), 0.4 * u
    zeta = 0.6 * (p1 * p2 * u + p2**2 * (u * lost**2 + learned**2 + (1 + u) * mixed))
    total = bias + variance + zeta
    return {"bias": bias, "variance": variance, "zeta": zeta, "test_error": total, "effective_ridge": kappa}


def _ridgeless(real: int, synthetic: int, width: int | None) -> dict[str, float]:
    """d = 100: the smallest of samples, width and d decides."""
    n, d, m = real + synthetic, 100, math.inf if width is None else width
    if min(n, m) > d:
        return _parts(real, synthetic, 0.0, 0.0, d / (n - d))
    kappa = d / min(n, m) - 1
    if m < n:
        return _parts(real, synthetic, kappa, 1.0, m / (n - m))
    t = kappa * d / (1 + kappa) ** 2
    u = n / (d - n) + (0.0 if math.isinf(m) else n / (m - n))
    return _parts(real, synthetic, kappa, t / (m - n + t), u)


def _linear(real: int, synthetic: int, lam: float) -> dict[str, float]:
    r"""The quadratic for :math:`\kappa` solved by radicals."""
    phi = 100 / (real + synthetic)
    kappa = ((lam + phi - 1) + math.sqrt((lam + phi - 1) ** 2 + 4 * lam)) / 2
    df2 = phi / (1 + kappa) ** 2
    return _parts(real, synthetic, kappa, 0.0, df2 / (1 - df2))
