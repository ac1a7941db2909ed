r"""Several sources with their own covariances, targets, noises and weights, in one ridge fit; the best weights.

**Setting.** Source *k* has :math:`n_k` rows :math:`x\sim N(0,\Sigma_k)` with labels :math:`x^\top w_k+\varepsilon`,
noise :math:`\sigma_k^2`. The covariances need not commute. With :math:`N=\sum_kn_k`,

.. math:: \hat w=\arg\min_w\tfrac1N\sum_k\omega_k\|X_kw-y_k\|^2+\lambda\|w\|^2 ,

of minimum norm at :math:`\lambda=0`. The test error is :math:`(\hat w-\bar w)^\top M(\hat w-\bar w)` for any positive
semi-definite *M* (the covariance of the test rows) and any target :math:`\bar w`.

**Statement.** With :math:`p_k=n_k/N`, :math:`\delta_k=w_k-\bar w`, and the weights put into :math:`\Sigma_k` and
:math:`\sigma_k^2`, each source has an effective ridge :math:`\kappa_k` and a leverage :math:`z_k`,

.. math:: Q=\Big(1+\sum_lp_l\Sigma_l/\kappa_l\Big)^{-1},\quad \kappa_k=\lambda+\tfrac1N\operatorname{tr}\Sigma_kQ,\quad
          z_k=\frac{\operatorname{tr}\Sigma_kQ(M+\sum_lp_lz_l\Sigma_l)Q}{N\kappa_k^2},

.. math:: m=-Q\bar w+Q\sum_kp_k\Sigma_k\delta_k/\kappa_k,\qquad
          E=m^\top Mm+\sum_kp_kz_k\{(m-\delta_k)^\top\Sigma_k(m-\delta_k)+\sigma_k^2\},

relative error :math:`O(1/N)`. *B* is the part from :math:`\bar w` alone, :math:`\zeta` that from :math:`\delta` alone,
*V* that from the noise, and the cross term is the rest; it can have either sign.

**Consequences.** For many rows, with :math:`\alpha` the weighted share of synthetic rows,
:math:`E\approx\alpha^2\operatorname{tr}\Delta\Sigma+(1-\alpha)^2d\sigma_1^2/n_1+\alpha^2d\sigma_2^2/n_2`, least at
:math:`\alpha^*=(d\sigma_1^2/n_1)/(\operatorname{tr}\Delta\Sigma+d\sigma_1^2/n_1+d\sigma_2^2/n_2)\to0` as
:math:`n_1\to\infty`: reweighting beats collapse only by discarding the synthetic data.

**Notation.** :math:`n_k,\Sigma_k,\sigma_k^2,\omega_k,w_k` rows, covariance, noise, weight and target of source *k*,
:math:`\lambda` ridge, *M* test covariance, :math:`\bar w` test target, :math:`\kappa_k` scale, :math:`z_k` leverage.

**Source.** Dohmatob, Feng, Subramonian and Kempe, *Strong Model Collapse* [DohmatobFengSubramonianKempe2024]_, treats
two sources and their weights. The equations for *K* sources that do not commute and any metric, the form of *E*
without cancellation and the ridgeless limits are derived here and checked by simulation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.equations.compile import Compiled
from rmtcollapse.errors import ParameterError
from rmtcollapse.models._base import Limit, Model
from rmtcollapse.models._covariance import copied_covariance, copied_vector, is_covariance
from rmtcollapse.models._parameters import array, model, nonnegative
from rmtcollapse.models._prediction import Prediction

__all__ = ["WeightedSources"]

Array = NDArray[np.float64]


@model
class WeightedSources(Model):
    r"""Test error of a ridge fit on several weighted sources whose covariances need not commute.

    Parameters
    ----------
    covariances : array (K, d, d)
        Covariance of the rows of each source, symmetric positive semi-definite.
    samples : array (K,)
        Rows of each source, whole numbers >= 0.
    noise_variances : array (K,)
        Label noise of each source, :math:`\sigma_k^2\ge0`.
    weights : array (K,)
        Weight of each source in the loss, :math:`\omega_k\ge0`; rows of weight 0 still count in *N*.
    targets : array (K, d)
        Coefficients that label each source.
    ridge : float
        Penalty :math:`\lambda\ge0`; 0 is the minimum-norm limit.
    test_covariance : array (d, d)
        Metric of the test error, symmetric positive semi-definite.
    test_target : array (d,)
        Coefficients that the test error is measured against.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, shapes that do not fit, or no source with
        rows, a weight and a covariance.
    """

    covariances: Array = array(
        r"\Sigma_k", "covariance of the rows of each source", "symmetric positive semi-definite matrices (K, d, d)",
        "K", "d", "d", unit="squared feature",
        copied=lambda v, k: [copied_covariance(s, k) for s in v],
    )  # fmt: skip
    samples: Array = array(
        "n_k", "rows of each source", "whole numbers >= 0 (K,)", "K",
        check=lambda v: (v >= 0) & (v == np.floor(v)) & (v <= 2**53), unit="a count", copied=lambda v, k: v * k,
    )  # fmt: skip
    noise_variances: Array = array(
        r"\sigma_k^2", "label noise of each source", "finite numbers >= 0 (K,)", "K",
        check=lambda v: v >= 0, unit="squared label",
    )  # fmt: skip
    weights: Array = array(
        r"\omega_k", "weight of each source in the loss", "finite numbers >= 0 (K,)", "K", check=lambda v: v >= 0
    )
    targets: Array = array(
        "w_k", "coefficients that label each source", "finite numbers (K, d)", "K", "d", unit="label per feature",
        copied=lambda v, k: [copied_vector(w, k) for w in v],
    )  # fmt: skip
    ridge: float = nonnegative(r"\lambda", "ridge penalty; 0 is the minimum-norm limit", unit="squared feature")
    test_covariance: Array = array(
        "M", "metric of the test error", "a symmetric positive semi-definite matrix (d, d)", "d", "d",
        unit="squared feature", copied=copied_covariance,
    )  # fmt: skip
    test_target: Array = array(
        r"\bar w", "coefficients that the error is measured against", "finite numbers (d,)", "d",
        unit="label per feature", copied=copied_vector,
    )  # fmt: skip

    VALUES: ClassVar[Mapping[str, str]] = {
        "test_error": "squared error in the test metric against the test target",
        "bias": "part of the test error from shrinking the test target",
        "variance": "part of the test error that label noise adds",
        "zeta": "part of the test error that differences between targets add",
        "cross": "interaction of bias and differences between targets, of either sign",
    }
    SOURCE: ClassVar[str] = (
        "Dohmatob, Feng, Subramonian and Kempe 2024, arXiv 2410.04840 (two sources); K sources derived here"
    )
    ONE_CALL: ClassVar[bool] = False

    @classmethod
    def system(cls) -> Any:
        """The equations for two sources, in SymPy; for K sources see :func:`rmtcollapse.equivalents.sources`."""
        from rmtcollapse.equivalents.sources import sources_system

        return sources_system(2)

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Shapes fit, covariances are covariances, and there is something to fit."""
        count, d = values["targets"].shape
        shapes = {"covariances": (count, d, d), "test_covariance": (d, d), "test_target": (d,)}
        for name in ("covariances", "samples", "noise_variances", "weights", "test_covariance", "test_target"):
            expected = shapes.get(name, (count,))
            if values[name].shape != expected:
                raise ParameterError(f"{name} of shape", values[name].shape, f"shape {expected}, as targets has it")
        for name in ("covariances", "test_covariance"):
            for matrix in values[name].reshape(-1, d, d):
                if not is_covariance(matrix):
                    raise ParameterError(name, matrix, "symmetric positive semi-definite")
        if not _active(values).any():
            raise ParameterError("weights", values["weights"], "positive for a source with rows and a covariance")

    # ---- theory -------------------------------------------------------------------------------------------------

    def theory(self, digits: int | None = None) -> Prediction:
        """The deterministic equivalent; see :meth:`rmtcollapse.models._base.Model.theory`."""
        from rmtcollapse.equivalents.sources_solver import solve_sources
        from rmtcollapse.models._base import validated_digits
        from rmtcollapse.models._sources_values import certified_values, reference_values

        sources, given = self._sources()
        solution = solve_sources(sources)
        module = _compiled(len(sources.rows)).numpy
        if digits is not None:
            return reference_values(module, given, solution, validated_digits(digits), list(self.VALUES))
        return certified_values(module, given, solution, list(self.VALUES))

    def _sources(self) -> tuple[Any, dict[str, Any]]:
        """The sources that have a say, and the parameters of their system."""
        from rmtcollapse.equivalents.sources_state import Sources

        on = _active(self.parameters())
        omega = self.weights[on]
        covariances, total = omega[:, None, None] * self.covariances[on], float(self.samples.sum())
        sources = Sources(covariances, self.samples[on], total, self.ridge, self.test_covariance)
        shifts = self.targets[on] - self.test_target
        given: dict[str, Any] = {
            "dimension": len(self.test_target),
            "samples": total,
            "metric": self.test_covariance,
            "target": self.test_target[:, None],
        }
        columns = zip(sources.rows, omega * self.noise_variances[on], covariances, shifts, strict=True)
        for k, (count, noise, covariance, shift) in enumerate(columns, 1):
            given |= {f"rows_{k}": count, f"noise_variance_{k}": noise}
            given |= {f"covariance_{k}": covariance, f"shift_{k}": shift[:, None]}
        return sources, given

    # ---- experiment ---------------------------------------------------------------------------------------------

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw the rows of every source; fit the test target's labels, the differences and the noise in one go."""
        from rmtcollapse.experiments.regression import Design

        rows, labels = [], []
        for covariance, n, noise, omega, target in zip(
            self.covariances, self.samples, self.noise_variances, self.weights, self.targets, strict=True
        ):
            design = Design.correlated(covariance, int(n), rng)
            made = design.labels(np.stack([self.test_target, target - self.test_target], axis=1))
            error = rng.normal(scale=math.sqrt(noise), size=int(n))
            rows.append(math.sqrt(omega) * design.rows)
            labels.append(math.sqrt(omega) * np.column_stack([made, error]))
        fit = Design(np.concatenate(rows)).fitter(self.ridge)
        signal, shift, error = fit(np.concatenate(labels)).T
        signal = signal - self.test_target

        def product(left: Array, right: Array) -> float:
            return float(left @ self.test_covariance @ right)

        return {
            "test_error": product(signal + shift + error, signal + shift + error),
            "bias": product(signal, signal),
            "variance": product(error, error),
            "zeta": product(shift, shift),
            "cross": 2 * product(signal, shift),
        }

    # ---- weights ------------------------------------------------------------------------------------------------

    def optimal_weights(self) -> Array:
        r"""The weights of least predicted test error, with the weight of the first source 1.

        At this ridge, which is not adapted. A weight may be 0 (discard that source) or infinite (discard all others);
        in the latter case it is given as 1 and the others as 0. For two sources the least of all valleys, to near full
        precision; for more a local minimum from several starts, to about six digits.

        Returns
        -------
        array (K,)
        """
        from rmtcollapse.models._sources_weights import best_of_many, best_of_two

        if len(self.weights) == 1:
            return np.ones(1)
        return best_of_two(self) if len(self.weights) == 2 else best_of_many(self)

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Two sources of one covariance, with and without a ridge, and two with opposite supports."""
        d = 6
        base: dict[str, Any] = {
            "covariances": np.array([np.eye(d), np.eye(d)]),
            "noise_variances": [0.4, 0.9],
            "weights": [1.0, 1.0],
            "targets": np.array([np.ones(d), np.arange(d)]) / d,
            "test_covariance": np.eye(d),
            "test_target": np.ones(d) / d,
        }
        shift = float(np.sum((np.arange(d) - 1.0) ** 2)) / d**2
        made = []
        for n1, n2, lam in ((9, 6, 0.0), (9, 6, 0.2), (1, 2, 0.2)):
            phi, p1, p2 = d / (n1 + n2), n1 / (n1 + n2), n2 / (n1 + n2)
            kappa = ((lam + phi - 1) + math.sqrt((lam + phi - 1) ** 2 + 4 * lam)) / 2
            lost, u = kappa / (1 + kappa), 1 / (1 - phi / (1 + kappa) ** 2) - 1
            values = {
                "bias": (1 + u) * lost**2 / d,
                "variance": (0.4 * p1 + 0.9 * p2) * u,
                "zeta": shift * (p1 * p2 * u + p2**2 * (u * lost**2 + (1 - lost) ** 2)),
            }
            case = cls(samples=np.array([n1, n2]), ridge=lam, **base)
            made.append(Limit("two sources of one isotropic covariance", case, values, slack=512.0))
        halves = np.array([np.diag([1.0] * 3 + [0.0] * 3), np.diag([0.0] * 3 + [1.0] * 3)])
        apart = cls(samples=np.array([9, 12]), ridge=0.0, **{**base, "covariances": halves})
        noise = 0.4 * 3 / 6 + 0.9 * 3 / 9
        made.append(Limit("sources that see different directions", apart, {"variance": noise}, slack=512.0))
        return made


@cache
def _compiled(count: int) -> Compiled:
    """The generated module for `count` sources."""

    def build() -> Any:
        from rmtcollapse.equivalents.sources import sources_system

        return sources_system(count)

    return Compiled(f"WeightedSources of {count}", build, (Path(__file__),))


def _active(values: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Which sources have rows, a weight and a covariance."""
    traces = np.trace(values["covariances"], axis1=1, axis2=2)
    return np.asarray((values["samples"] > 0) & (values["weights"] > 0) & (traces > 0))
