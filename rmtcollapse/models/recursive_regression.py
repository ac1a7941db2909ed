r"""Regression on recursively generated labels: linear, saturating and catastrophic model collapse.

**Setting.** :math:`\hat w_0=w_0`. Generation :math:`\ell=0,\dots,g-1` draws :math:`T_0` rows :math:`X_\ell`, labels
them :math:`X_\ell\hat w_\ell+E_\ell` with noise :math:`\sigma_0^2`, and fits :math:`\hat w_{\ell+1}` with ridge
:math:`\lambda_0` (0: least squares, of minimum norm where :math:`T_0<d`). The downstream model is fitted on *T* rows
labelled by :math:`\hat w_g` with noise :math:`\sigma^2` and ridge :math:`\lambda`. Its test error is the excess risk
against the true :math:`w_0`. Zero generations is clean training.

**Designs.** ``independent``: every fit has fresh rows. ``generators-shared``: one :math:`X_0` for all generators,
fresh rows downstream. ``all-shared``: one *X* for everything (:math:`T_0=T`). With a shared design and
:math:`\lambda_0=0` the label noises only add, because :math:`X^\top XX^+=X^\top`: noise :math:`g\sigma_0^2` once, and
the bias does not grow. With :math:`\lambda_0>0` a shared design is a function of one sample covariance
(``_shared_design``).

**Statement (independent).** With :math:`(\kappa,\rho)` at :math:`(T,\lambda)`, :math:`(\kappa_0,\rho_0)` at
:math:`(T_0,\lambda_0)` and *B* the quadratic form that weighs an error, one step back through a generator maps, in the
eigenbasis,

.. math:: c=\frac{\sum_jB_js_j/(s_j+\kappa_0)^2}{T_0-\mathrm{df}_2(\kappa_0)},\qquad N\leftarrow N+\sigma_0^2c,\qquad
          B\leftarrow\Big(\frac{s}{s+\kappa_0}\Big)^2B+\frac{c\,\kappa_0^2s}{(s+\kappa_0)^2}.

The recursion below carries :math:`\Pi` the retained signal, *G* the signal lost by generators, :math:`C=B-s\Pi^2`, *D*
the change of *C* from clean training, and *N* the generators' noise, so that bias and collapse are sums of small terms
and never differences of large ones.

**Consequences.** :math:`T_0>d`, :math:`\lambda_0=0`: collapse is linear in *g*. :math:`T_0<d`: the noise saturates and
the signal is lost as :math:`\eta^g`, :math:`\eta=T_0/d` (isotropic), with no noise at all: catastrophic collapse.

**Notation.** *g* generations (the paper's *n*), :math:`T_0,\lambda_0,\sigma_0` generators, :math:`T,\lambda,\sigma`
downstream, :math:`\kappa,\rho` effective ridge and residual fraction, :math:`s_j,w_j^2` spectrum and signal.

**Source.** Dohmatob, Feng and Kempe, *Model Collapse Demystified* [DohmatobFengKempe2024]_. The linear law and the
power-law rates are stated there; the backward recursion for any :math:`T_0`, any ridge and any spectrum, the shared
designs, the saturation and :math:`1-\eta^g` at finite size are derived here and checked by simulation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rmtcollapse.errors import NoExactValueError, ParameterError
from rmtcollapse.models._base import Limit, Model
from rmtcollapse.models._exact import exact_prediction, isotropic_signal, minimum_norm_variance
from rmtcollapse.models._optimum import smooth_minimum
from rmtcollapse.models._parameters import choice, count, model, nonnegative, population
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.models._rates import clean_rates, power_law_exponents
from rmtcollapse.spectra.population import Spectrum

if TYPE_CHECKING:
    from rmtcollapse.equations.system import System

__all__ = ["RecursiveRegression"]

DESIGNS = ("independent", "generators-shared", "all-shared")


@model
class RecursiveRegression(Model):
    r"""Test error of ridge regression on labels that earlier models generated.

    Parameters
    ----------
    spectrum : Spectrum
        Population spectrum with signal.
    samples : int
        Rows of the downstream fit, *T* >= 1.
    ridge : float
        Penalty of the downstream fit, :math:`\lambda\ge0`; 0 is the minimum-norm limit.
    noise_variance : float
        Noise of the downstream labels, :math:`\sigma^2\ge0`.
    generations : int
        Number of generator fits, *g* >= 0.
    generator_samples : int, optional
        Rows of each generator fit, :math:`T_0\ge1`; `samples` if not given, and equal to it for ``all-shared``.
    generator_noise_variance : float, optional
        Noise of each generator's labels, :math:`\sigma_0^2\ge0`; `noise_variance` if not given.
    generator_ridge : float
        Penalty of each generator fit, :math:`\lambda_0\ge0`.
    designs : str
        ``"independent"``, ``"generators-shared"`` or ``"all-shared"``.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, or unequal sample counts that are to share
        one design.
    """

    spectrum: Spectrum = population("(s_j, w_j^2)", "population spectrum with signal", "signal")
    samples: int = count("T", "rows of the downstream fit")
    ridge: float = nonnegative(r"\lambda", "downstream ridge; 0 is the minimum-norm limit", unit="squared feature")
    noise_variance: float = nonnegative(r"\sigma^2", "noise of the downstream labels", unit="squared label")
    generations: int = count("g", "number of generator fits", least=0)
    generator_samples: int | None = count("T_0", "rows of each generator fit", default=None, optional=True)
    generator_noise_variance: float | None = nonnegative(
        r"\sigma_0^2", "noise of each generator's labels", unit="squared label", default=None, optional=True
    )
    generator_ridge: float = nonnegative(
        r"\lambda_0", "ridge of each generator fit", unit="squared feature", default=0.0
    )
    designs: str = choice("", "which fits share their rows", *DESIGNS, default="independent")

    VALUES: ClassVar[Mapping[str, str]] = {
        "test_error": "excess risk against the true target (add the noise variance for prediction error)",
        "bias": "part of the test error that remains without noise anywhere",
        "variance": "part of the test error that noise adds, downstream and in the generators",
        "clean_test_error": "test error without any generator (generations = 0)",
        "collapse": "test_error - clean_test_error",
    }
    SOURCE: ClassVar[str] = "Dohmatob, Feng and Kempe 2024, arXiv 2402.07712 (stated); general recursion derived here"

    @classmethod
    def system(cls) -> System:
        """The equations, in SymPy."""
        from sympy import S

        from rmtcollapse.equations.symbols import Column, limit_product, parameter, total, unknown
        from rmtcollapse.equations.system import Recursion, System
        from rmtcollapse.equivalents.resolvent import one_resolvent

        s, w2 = Column("eigenvalue", "s_j"), Column("signal", "w_j^2")
        T, lam = parameter("samples", "T", exact=True), parameter("ridge", r"\lambda")
        T0, lam0 = parameter("generator_samples", "T_0", exact=True), parameter("generator_ridge", r"\lambda_0")
        sigma2, sigma02 = parameter("noise_variance", r"\sigma^2"), parameter("generator_noise_variance", r"\sigma_0^2")
        shared, steps = (
            parameter("shared_noise_variance", r"\sigma_{\mathrm{sh}}^2"),
            parameter("steps", "g", exact=True),
        )
        down, gen = one_resolvent(T, lam, s), one_resolvent(T0, lam0, s, "0")
        slack, slack0 = unknown("slack", r"(T-\mathrm{df}_2)"), unknown("generator_slack", r"(T_0-\mathrm{df}_2^0)")
        c, c0 = unknown("gain", "c"), unknown("generator_gain", "c")
        kept, lost = Column("kept", r"\Pi_j"), Column("lost", "G_j")
        spread, shift = Column("spread", "C_j"), Column("spread_change", "D_j", real=True)
        noise = unknown("generator_noise", "N")
        bias, variance = unknown("bias", "B"), unknown("variance", "V")
        test, clean, collapse = (
            unknown("test_error", "E"),
            unknown("clean_test_error", r"E_{\mathrm{clean}}"),
            unknown("collapse", r"\Delta E"),
        )
        clean_bias = unknown("clean_bias", r"B_{\mathrm{clean}}")
        excess = down.sandwich_excess(c)
        change = gen.sandwich_excess(c0)
        forgets = gen.unlearned * (1 + gen.learned)  # 1 - learned^2
        return System(
            name="recursive_regression",
            parameters=(T, lam, sigma2, T0, lam0, sigma02, shared, steps),
            columns=(s, w2),
            fixed_points=(down.fixed_point(), gen.fixed_point()),
            definitions={
                slack: down.slack,
                slack0: gen.slack,
                c: down.degrees_of_freedom_2 / slack,
                clean_bias: down.bias(w2, slack),
            },
            recursion=Recursion(
                steps=steps,
                within={c0: gen.gain(s * kept**2 + spread, slack0)},
                state={
                    kept: (down.learned, kept * gen.learned),
                    lost: (S.Zero, lost + kept * gen.unlearned),
                    spread: (excess, spread * gen.learned**2 + change),
                    shift: (S.Zero, shift * gen.learned**2 + change - forgets * excess),
                    noise: (S.Zero, noise + limit_product(sigma02, c0)),
                },
            ),
            outputs={
                clean: clean_bias + limit_product(sigma2, c),
                bias: total(w2 * (s * (down.unlearned + lost) ** 2 + spread)),
                variance: limit_product(sigma2 + shared, c) + noise,
                test: bias + variance,
                collapse: noise
                + limit_product(shared, c)
                + total(w2 * (s * lost * (lost + 2 * down.unlearned) + shift)),
            },
        )

    @classmethod
    def arguments(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Generator steps and noise as the design has them: a shared design is one step with all the noise, or none."""
        generations, designs = np.asarray(values["generations"]), np.asarray(values["designs"])
        given_samples, given_noise = values["generator_samples"], values["generator_noise_variance"]
        noise = values["noise_variance"] if given_noise is None else given_noise
        samples = values["samples"] if given_samples is None else given_samples
        one, none = designs == "generators-shared", designs == "all-shared"
        steps = np.where(none, 0, np.where(one, np.minimum(generations, 1), generations))
        return {
            "samples": values["samples"],
            "ridge": values["ridge"],
            "noise_variance": values["noise_variance"],
            # Without a step the generator does not matter; the downstream values keep its status out of the way.
            "generator_samples": np.where(steps > 0, samples, values["samples"]),
            "generator_ridge": np.where(steps > 0, values["generator_ridge"], values["ridge"]),
            "generator_noise_variance": np.where(one, generations, 1) * noise,
            "shared_noise_variance": np.where(none, generations, 0) * noise,
            "steps": steps,
        }

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """One design for all needs one number of rows."""
        rows = values["generator_samples"]
        if rows is not None and values["designs"] == "all-shared" and np.any(rows != np.asarray(values["samples"])):
            raise ParameterError("generator_samples", rows, 'equal to samples (or not given) with designs="all-shared"')

    # ---- shared designs with a generator ridge: a functional of one sample covariance ---------------------------

    @property
    def _spectral(self) -> bool:
        return self.designs != "independent" and self.generator_ridge > 0 and self.generations > 0

    def theory(self, digits: int | None = None) -> Prediction:
        """The deterministic equivalent; see :meth:`rmtcollapse.models._base.Model.theory`."""
        if not self._spectral:
            return super().theory(digits)
        from rmtcollapse.models._shared_design import shared_design_theory

        return shared_design_theory(self, digits)

    def sweepable(self, names: Sequence[str]) -> bool:
        """Whether a grid over these parameters is one compiled call; not where a shared design meets a ridge."""
        spectral = self.designs != "independent" and (self.generator_ridge > 0 or "generator_ridge" in names)
        return not spectral and super().sweepable(names)

    def generator_noise(self) -> float:
        r""":math:`\sigma_0^2`, which is :math:`\sigma^2` where it is not given."""
        return self.noise_variance if self.generator_noise_variance is None else self.generator_noise_variance

    # ---- experiment ---------------------------------------------------------------------------------------------

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Run the chain literally; three label columns: signal alone, noise alone, and clean training."""
        from rmtcollapse.experiments.regression import Design, Target

        target = Target.draw(self.spectrum, rng)
        rows = self.samples if self.generator_samples is None else self.generator_samples
        noise = self.generator_noise()
        design = Design.draw(target.eigenvalues, self.samples, rng)
        generator = design
        if self.designs == "generators-shared":
            generator = Design.draw(target.eigenvalues, rows, rng)
        fit = generator.fitter(self.generator_ridge) if self.designs != "independent" else None
        signal, error = target.coefficients, np.zeros_like(target.coefficients)
        for _ in range(self.generations):
            if self.designs == "independent":
                generator = Design.draw(target.eigenvalues, rows, rng)
                fit = generator.fitter(self.generator_ridge)
            labels = generator.labels(np.stack([signal, error], axis=1))
            labels[:, 1] += rng.normal(scale=math.sqrt(noise), size=rows)
            assert fit is not None
            signal, error = fit(labels).T
        last = rng.normal(scale=math.sqrt(self.noise_variance), size=self.samples)
        labels = design.labels(np.stack([signal, error, target.coefficients], axis=1))
        labels[:, 1] += last
        labels[:, 2] += last
        signal, error, clean = design.fitter(self.ridge)(labels).T
        test, untouched = target.risk(signal + error), target.risk(clean)
        return {
            "test_error": test,
            "bias": target.risk(signal),
            "variance": target.energy(error),
            "clean_test_error": untouched,
            "collapse": test - untouched,
        }

    # ---- exact statements and limits ------------------------------------------------------------------------------

    def exact(self) -> Prediction:
        r"""Expectation at this finite size, for minimum-norm fits throughout (both ridges 0).

        Known where every fit has at least as many samples as directions (any :math:`\Sigma`):
        :math:`\sigma^2d/(T-d-1)+g\sigma_0^2d/(T_0-d-1)`; and for an isotropic population in all cases, where each fit
        with fewer samples keeps a share :math:`T/d` of what it sees. Infinite within one sample of a threshold.

        Raises
        ------
        NoExactValueError
            With a ridge, or with fewer samples than directions in an anisotropic population.
        """
        if self.ridge > 0 or (self.generator_ridge > 0 and self.generations > 0):
            raise NoExactValueError(
                "RecursiveRegression: the exact expectation is known at ridge = generator_ridge = 0 only"
            )
        d, g, rows = self.spectrum.rank, self.generations, int(self.arguments(self.parameters())["generator_samples"])
        steps = {"independent": g, "generators-shared": min(g, 1), "all-shared": 0}[self.designs]
        energy = isotropic_signal(self.spectrum)
        if energy is None and (self.samples < d or (rows < d and steps)):
            raise NoExactValueError(
                "RecursiveRegression: with fewer samples than directions, exact for isotropic spectra only"
            )
        keep, keep0 = min(1.0, self.samples / d), min(1.0, rows / d)
        sigma02 = self.generator_noise()
        generated = self._generated_noise(g, steps, rows, d, sigma02)
        downstream = minimum_norm_variance(self.samples, d, self.noise_variance)
        shared = minimum_norm_variance(self.samples, d, g * sigma02) if self.designs == "all-shared" else 0.0
        clean_bias = (energy or 0.0) * (1 - keep)
        # 1 - keep * keep0^steps without cancellation where both are 1.
        bias = (energy or 0.0) * ((1 - keep) + keep * (1 - keep0**steps))
        added = shared + (keep * generated if generated else 0.0)
        variance, clean = downstream + added, clean_bias + downstream
        collapse = added + (bias - clean_bias)
        return exact_prediction(
            test_error=bias + variance, bias=bias, variance=variance, clean_test_error=clean, collapse=collapse
        )

    def _generated_noise(self, g: int, steps: int, rows: int, d: int, sigma02: float) -> float:
        """Energy of the generators' accumulated noise when the downstream fit begins."""
        if steps == 0:
            return 0.0
        per_step = minimum_norm_variance(rows, d, sigma02 * (g if self.designs == "generators-shared" else 1))
        keep0 = min(1.0, rows / d)
        return per_step * (steps if keep0 == 1 else (1 - keep0**steps) / (1 - keep0))

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """The linear law, saturation, catastrophic collapse, and no bias growth with a shared design."""
        common: dict[str, Any] = {"samples": 250, "ridge": 0.0, "noise_variance": 0.4, "generator_noise_variance": 0.3}
        flat: dict[str, Any] = {"spectrum": Spectrum.isotropic(100, 1.7), **common}
        law: dict[str, Any] = {"spectrum": Spectrum.power_law(100, 1.2, 0.6), **common}
        down, eta = 0.4 * 100 / 150, 0.8
        linear = cls(**law, generations=6, generator_samples=400)
        saturating = cls(**flat, generations=6, generator_samples=80)
        noise_free = cls(
            **{**flat, "noise_variance": 0.0, "generator_noise_variance": 0.0}, generations=6, generator_samples=80
        )
        shared = cls(**law, generations=6, designs="all-shared")
        noise = 0.3 * eta / (1 - eta) * (1 - eta**6) / (1 - eta)
        return [
            Limit(
                "linear growth: g sigma_0^2 d/(T_0 - d)",
                linear,
                {"collapse": 6 * 0.3 * 100 / 300, "clean_test_error": down},
            ),
            Limit("saturating noise", saturating, {"variance": down + noise, "bias": 1.7 * (1 - eta**6)}),
            Limit("catastrophic collapse: 1 - eta^g without noise", noise_free, {"test_error": 1.7 * (1 - eta**6)}),
            Limit(
                "one design for all: no bias, noise adds", shared, {"bias": 0.0, "test_error": (0.4 + 1.8) * 100 / 150}
            ),
        ]

    # ---- regularisation and rates -----------------------------------------------------------------------------------

    def optimal_ridge(self) -> float:
        r"""The downstream :math:`\lambda\ge0` of least predicted test error; it grows with the generations."""
        return smooth_minimum(self)

    def exponents(self, generator_growth: float | None = None) -> dict[str, float]:
        r"""Power-law rates in *T* for a spectrum of capacity :math:`\beta` and source *r*, with :math:`T_0=T^a`.

        Parameters
        ----------
        generator_growth : float, optional
            *a* >= 0; :math:`\log T_0/\log T` of this model if not given.

        Returns
        -------
        dict
            ``clean_ridge``: the optimal :math:`\ell` in :math:`\lambda=T^{-\ell}` on clean data; ``clean_rate``: the
            exponent of the test error it gives; ``noiseless_rate``: without label noise; ``unadapted_rate``: on
            synthetic data with the clean ridge (negative: the error grows); ``adaptive_ridge``, ``adaptive_rate``: the
            ridge that accounts for the generators and its rate. Rates are positive where the error decays.

        Notes
        -----
        Source: [DohmatobFengKempe2024]_, Theorem 5.1 and Corollary 5.2, from memory and re-derived here; checked
        against the equations in the tests.
        """
        clean = clean_rates(*power_law_exponents(self.spectrum))
        a = min(self._growth(generator_growth), 1.0)
        return {
            **clean,
            "unadapted_rate": a - 1 + clean["clean_rate"],
            "adaptive_ridge": a * clean["clean_ridge"],
            "adaptive_rate": a * clean["clean_rate"],
        }

    def adaptive_ridge(self, generator_growth: float | None = None) -> float:
        r""":math:`\lambda=T^{-\ell_*}` with the adaptive exponent of :meth:`exponents`: the error keeps decaying."""
        return float(self.samples ** -self.exponents(generator_growth)["adaptive_ridge"])

    def _growth(self, given: float | None) -> float:
        if given is None:
            rows = self.samples if self.generator_samples is None else self.generator_samples
            return math.log(rows) / math.log(self.samples) if self.samples > 1 else 1.0
        if isinstance(given, bool) or not isinstance(given, int | float) or not (math.isfinite(given) and given >= 0):
            raise ParameterError("generator_growth", given, "a finite number >= 0")
        return float(given)
