r"""Ridge regression in proportional dimensions: double descent and its optimal regularisation.

**Setting.** *n* rows :math:`x_i\sim N(0,\Sigma)` in dimension *d*, labels :math:`y_i=x_i^\top w_0+\varepsilon_i`,
:math:`\varepsilon_i\sim N(0,\sigma^2)`; :math:`\hat w=\arg\min_w \frac1n\|Xw-y\|^2+\lambda\|w\|^2`, the minimum-norm
interpolator at :math:`\lambda=0`. The test error is the excess risk :math:`\|\hat w-w_0\|_\Sigma^2`; add
:math:`\sigma^2` for the error of predicting a noisy label. The training error is :math:`\frac1n\|y-X\hat w\|^2`.

**Statement.** With :math:`\kappa\rho=\lambda` and :math:`n\rho=n-\sum_j s_j/(s_j+\kappa)`,

.. math:: B=\frac{n\kappa^2\sum_j s_jw_j^2/(s_j+\kappa)^2}{n-\mathrm{df}_2},\qquad
          V=\frac{\sigma^2\,\mathrm{df}_2}{n-\mathrm{df}_2},\qquad E=B+V,\qquad E_{\mathrm{train}}=\rho^2(E+\sigma^2),

relative error :math:`O(1/n)` as *n*, *d* grow together.

**Notation.** *n* samples, *d* dimension, :math:`s_j,w_j^2` spectrum and signal, :math:`\lambda` ridge, :math:`\kappa`
effective ridge, :math:`\rho=\lambda/\kappa`, :math:`\mathrm{df}_k=\operatorname{tr}[\Sigma(\Sigma+\kappa)^{-1}]^k`.

**Source.** Bias and variance: stated in [DobribanWager2018]_ and [HastieMontanariRossetTibshirani2022]_, re-derived
here in the pair :math:`(\kappa,\rho)`. The training error is generalised cross-validation [GolubHeathWahba1979]_ read
backwards. :math:`\lambda^*=\sigma^2d/(nr^2)` for an isotropic prior is stated in [DobribanWager2018]_; the expectation
at finite size is the mean of an inverse Wishart matrix.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from rmtcollapse.errors import NoExactValueError
from rmtcollapse.models._base import Limit, Model
from rmtcollapse.models._exact import exact_prediction, isotropic_signal, minimum_norm_variance
from rmtcollapse.models._optimum import smooth_minimum
from rmtcollapse.models._parameters import count, model, nonnegative, population
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.spectra.population import Spectrum

if TYPE_CHECKING:
    from rmtcollapse.equations.system import System

__all__ = ["RidgeRegression"]


@model
class RidgeRegression(Model):
    r"""Test and training error of ridge regression on noisy linear labels.

    Parameters
    ----------
    spectrum : Spectrum
        Population spectrum with signal.
    samples : int
        Training rows, at least 1.
    ridge : float
        Penalty :math:`\lambda\ge0` in (1/n) * squared loss + :math:`\lambda|w|^2`; 0 is the minimum-norm limit.
    noise_variance : float
        Label noise variance :math:`\sigma^2\ge0`.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter.
    """

    spectrum: Spectrum = population("(s_j, w_j^2)", "population spectrum with signal", "signal")
    samples: int = count("n", "training rows")
    ridge: float = nonnegative(r"\lambda", "ridge penalty; 0 is the minimum-norm limit", unit="squared feature")
    noise_variance: float = nonnegative(r"\sigma^2", "variance of the label noise", unit="squared label")

    VALUES: ClassVar[Mapping[str, str]] = {
        "test_error": "excess risk (add the noise variance for prediction error)",
        "bias": "part of the test error that remains without noise",
        "variance": "part of the test error that the noise adds",
        "effective_ridge": "kappa, the ridge that the population sees",
        "train_error": "mean squared residual on the noisy training labels",
    }
    SOURCE: ClassVar[str] = "Dobriban and Wager 2018 (stated); Hastie, Montanari, Rosset, Tibshirani 2022 (stated)"

    @classmethod
    def system(cls) -> System:
        """The equations, in SymPy."""
        from rmtcollapse.equations.symbols import Column, limit_product, parameter, unknown
        from rmtcollapse.equations.system import System
        from rmtcollapse.equivalents.resolvent import one_resolvent

        s, w2 = Column("eigenvalue", "s_j"), Column("signal", "w_j^2")
        n, lam = parameter("samples", "n", exact=True), parameter("ridge", r"\lambda")
        sigma2 = parameter("noise_variance", r"\sigma^2")
        resolvent = one_resolvent(n, lam, s)
        df2, slack = unknown("df2", r"\mathrm{df}_2"), unknown("slack", r"n-\mathrm{df}_2")
        bias, variance = unknown("bias", "B"), unknown("variance", "V")
        test, train = unknown("test_error", "E"), unknown("train_error", r"E_{\mathrm{train}}")
        return System(
            name="ridge_regression",
            parameters=(n, lam, sigma2),
            columns=(s, w2),
            fixed_points=(resolvent.fixed_point(),),
            definitions={df2: resolvent.degrees_of_freedom_2, slack: resolvent.slack},
            outputs={
                bias: resolvent.bias(w2, slack),
                variance: limit_product(sigma2, df2 / slack),
                test: bias + variance,
                train: limit_product(resolvent.rho**2, test + sigma2),
            },
        )

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw rows, labels and a target with random signs; fit; measure the risk exactly given the fit."""
        from rmtcollapse.experiments.regression import Design, Target

        target = Target.draw(self.spectrum, rng)
        design = Design.draw(target.eigenvalues, self.samples, rng)
        fit = design.fitter(self.ridge)
        noise = rng.normal(scale=math.sqrt(self.noise_variance), size=self.samples)
        clean, noisy = fit(design.labels(target.coefficients)), fit(noise)
        residual = design.labels(target.coefficients - clean - noisy) + noise
        return {
            "test_error": target.risk(clean + noisy),
            "bias": target.risk(clean),
            "variance": target.energy(noisy),
            "effective_ridge": design.effective_ridge(self.ridge),
            "train_error": float(residual @ residual) / self.samples,
        }

    def exact(self) -> Prediction:
        r"""Expectation at this finite size, for the minimum-norm fit.

        Known for :math:`\lambda=0` with at least as many samples as directions (any :math:`\Sigma`), and with fewer
        for an isotropic population. Infinite where :math:`|n-d|\le1` and there is noise.

        Raises
        ------
        NoExactValueError
            With a ridge, or with fewer samples than directions in an anisotropic population.
        """
        n, d, sigma2 = self.samples, self.spectrum.rank, self.noise_variance
        if self.ridge > 0:
            raise NoExactValueError("RidgeRegression: the exact expectation is known at ridge = 0 only")
        variance = minimum_norm_variance(n, d, sigma2)
        if n >= d:
            bias, train = 0.0, sigma2 * (n - d) / n
        elif (energy := isotropic_signal(self.spectrum)) is not None:
            bias, train = energy * (1 - n / d), 0.0
        else:
            raise NoExactValueError(
                "RidgeRegression: with fewer samples than directions, exact for isotropic spectra only"
            )
        return exact_prediction(test_error=bias + variance, bias=bias, variance=variance, train_error=train)

    def optimal_ridge(self) -> float:
        r"""The :math:`\lambda\ge0` that minimises the predicted test error.

        For a signal spread evenly over all directions it is :math:`\sigma^2d/(nr^2)`; otherwise it is found
        numerically, over :math:`\lambda\ge0` only (the unconstrained optimum can be negative). Without signal it is
        infinite.
        """
        return smooth_minimum(self)

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Closed isotropic form, ridgeless forms and training error, as identities."""
        made = []
        for n, lam in ((150, 0.2), (60, 0.05), (100, 0.3), (150, 0.0), (60, 0.0)):
            case = cls(spectrum=Spectrum.isotropic(100, 1.7), samples=n, ridge=lam, noise_variance=0.4)
            made.append(Limit("isotropic population: closed form", case, _isotropic(100 / n, lam, 1.7, 0.4)))
        return made


def _isotropic(phi: float, lam: float, energy: float, sigma2: float) -> dict[str, float]:
    r"""Closed form for :math:`\Sigma=I`, :math:`\phi=d/n\ne1`: the quadratic for :math:`\kappa` solved by radicals."""
    kappa = ((lam + phi - 1) + math.sqrt((lam + phi - 1) ** 2 + 4 * lam)) / 2
    slack = 1 - phi / (1 + kappa) ** 2
    bias = energy * (kappa / (1 + kappa)) ** 2 / slack
    variance = sigma2 * phi / (1 + kappa) ** 2 / slack
    train = (1 - phi / (1 + kappa)) ** 2 * (bias + variance + sigma2)
    return {
        "effective_ridge": kappa,
        "bias": bias,
        "variance": variance,
        "test_error": bias + variance,
        "train_error": train,
    }
