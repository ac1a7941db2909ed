r"""High-dimensional learning with noisy labels: ridge classifiers on corrected targets, and the best correction.

**Setting.** *n* rows :math:`x=y\mu+C^{1/2}z` in dimension *p*, z standard normal, :math:`P(y=-1)=\pi_-`. Labels
:math:`\tilde y` are wrong with probability :math:`\varepsilon_\pm` where the true one is :math:`\pm1`. The
label-perturbed classifier is ridge regression on the targets

.. math:: t_+=\frac{1-\rho_-+\rho_+}{1-\rho_+-\rho_-}\ (\tilde y=1),\qquad
          t_-=-\frac{1-\rho_++\rho_-}{1-\rho_+-\rho_-}\ (\tilde y=-1) :

:math:`\rho=0` is naive, :math:`\rho=\varepsilon` unbiased, :math:`\varepsilon=\rho=0` the oracle.

**Statement.** With :math:`P_+=\pi_+(1-\varepsilon_+)+\pi_-\varepsilon_-`, :math:`x_1=\pi_+(1-\varepsilon_+)-
\pi_-\varepsilon_-`, :math:`x_2=\pi_-(1-\varepsilon_-)-\pi_+\varepsilon_+`, the rows :math:`yx` are one group of mean
:math:`\mu` with targets of mean :math:`s=t_+x_1-t_-x_2` and energy :math:`\tau=t_+^2P_++t_-^2P_-`; the equations are
those of :mod:`rmtcollapse.equivalents.groups`. Accuracy :math:`\Phi(m/\sqrt V)`, risk :math:`(1-m)^2+V`.

**Consequences.** :math:`m=k_1s` and :math:`V+m^2=As^2+H\tau`: accuracy depends on the targets through
:math:`s^2/\tau` alone, so that the most accurate targets are the posterior means :math:`x_1/P_+`, :math:`-x_2/P_-` of
the label, for every :math:`\mu,C,n,p,\lambda`. In the corrections that is
:math:`\rho_+-\rho_-=(a-b)/(a+b)`, :math:`a=x_1/P_+`, :math:`b=x_2/P_-`.

**Notation.** *n* samples, *p* dimension, :math:`\mu,C` mean and covariance of a class, :math:`\gamma=\lambda` ridge,
:math:`\pi_-` share of negatives, :math:`\varepsilon_\pm` flip rates, :math:`\rho_\pm` corrections, *m*, *V* mean and
variance of the score.

**Source.** El Firdoussi and Seddik [FirdoussiSeddik2024]_ for :math:`C=1` (the public code agrees). Other covariances,
the posterior means and the risk-optimal targets are derived here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.models._base import Limit, Model, validated_digits
from rmtcollapse.models._classes import (
    check_class,
    class_covariance,
    class_dimension,
    class_directions,
    class_mean,
    class_mean_norm,
    class_mixture,
)
from rmtcollapse.models._classifier_values import classifier_theory
from rmtcollapse.models._parameters import count, model, nonnegative, number
from rmtcollapse.models._prediction import Prediction

__all__ = ["NoisyLabels"]

Array = NDArray[np.float64]


def _rate(symbol: str, meaning: str, **given: Any) -> Any:
    return number(symbol, meaning, "a number in [0, 1]", lambda v: (v >= 0) & (v <= 1), unit="a probability", **given)


@model
class NoisyLabels(Model):
    r"""Accuracy and risk of a ridge classifier whose labels are wrong at random.

    Parameters
    ----------
    dimension : int, optional
        Features, *p* >= 1; not needed with `mean`.
    samples : int
        Training rows, *n* >= 1.
    ridge : float
        Penalty :math:`\gamma\ge0`; 0 is the minimum-norm limit.
    mean_norm : float, optional
        Length of the class mean, :math:`|\mu|\ge0`; not given with `mean`.
    mean : array (d,), optional
        Mean of the positive class, in place of `dimension` and `mean_norm`.
    covariance : array (d, d) or (d,), optional
        Covariance within a class or its diagonal, beside `mean`; one if not given.
    negative_fraction : float
        Share of negative labels, :math:`\pi_-` in [0, 1].
    flip_positive : float
        Probability that a positive label is wrong, :math:`\varepsilon_+` in [0, 1].
    flip_negative : float
        The same for a negative label; both sum to less than 1.
    correction_positive : float
        Correction :math:`\rho_+`.
    correction_negative : float
        Correction :math:`\rho_-`; both do not sum to 1.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, a mean and a covariance that disagree, flip
        rates that sum to 1 or more, or corrections that sum to 1.
    """

    dimension: int | None = class_dimension()
    samples: int = count("n", "training rows")
    ridge: float = nonnegative(r"\lambda", "ridge penalty; 0 is the minimum-norm limit", unit="squared feature")
    mean_norm: float | None = class_mean_norm()
    mean: Array | None = class_mean()
    covariance: Array | None = class_covariance()
    negative_fraction: float = _rate(r"\pi_-", "share of negative labels", default=0.5)
    flip_positive: float = _rate(r"\varepsilon_+", "probability that a positive label is wrong")
    flip_negative: float = _rate(r"\varepsilon_-", "probability that a negative label is wrong")
    correction_positive: float = number(
        r"\rho_+", "correction of the positive target", "a finite number", np.isfinite, default=0.0
    )
    correction_negative: float = number(
        r"\rho_-", "correction of the negative target", "a finite number", np.isfinite, default=0.0
    )

    VALUES: ClassVar[Mapping[str, str]] = {
        "accuracy": "probability that a test row is classified correctly",
        "risk": "mean squared error of the score against the label",
        "score_mean": "mean of the score of a positive test row",
        "score_variance": "variance of the score within a class",
    }
    SOURCE: ClassVar[str] = "Firdoussi and Seddik 2024, arXiv 2405.14088"
    ONE_CALL: ClassVar[bool] = False

    @classmethod
    def system(cls) -> Any:
        """The equations, in SymPy: one group, one test class."""
        from rmtcollapse.equivalents.groups import groups_system

        return groups_system(1, 1)

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """A class is described once, labels tell something, corrections do not divide by zero."""
        check_class(values)
        flips = np.asarray(values["flip_positive"]) + values["flip_negative"]
        if np.any(flips >= 1):
            raise ParameterError("flip_positive + flip_negative", float(np.max(flips)), "a sum below 1")
        total = np.asarray(values["correction_positive"]) + values["correction_negative"]
        if np.any(total == 1):
            raise ParameterError("correction_positive + correction_negative", 1.0, "a sum other than 1")

    def targets(self) -> tuple[float, float]:
        """Regression targets of rows labelled positive and negative."""
        plus, minus = self.correction_positive, self.correction_negative
        rest = 1 - plus - minus
        return (1 - minus + plus) / rest, -(1 - plus + minus) / rest

    def _shares(self) -> tuple[float, float, float, float]:
        """Shares of positive and negative labels, and their signed shares x1, x2."""
        minus, plus = self.negative_fraction, 1 - self.negative_fraction
        right, wrong = plus * (1 - self.flip_positive), minus * self.flip_negative
        left, lost = minus * (1 - self.flip_negative), plus * self.flip_positive
        return right + wrong, left + lost, right - wrong, left - lost

    def theory(self, digits: int | None = None) -> Prediction:
        """The deterministic equivalent; see :meth:`rmtcollapse.models._base.Model.theory`."""
        t_plus, t_minus = self.targets()
        _, _, x1, x2 = self._shares()
        mean = t_plus * x1 - t_minus * x2
        # Two values, t_+ and -t_- with the label's sign: a sum of non-negative terms.
        right = (1 - self.negative_fraction) * (1 - self.flip_positive), self.negative_fraction * self.flip_negative
        left = self.negative_fraction * (1 - self.flip_negative), (1 - self.negative_fraction) * self.flip_positive
        signed = (t_plus, -t_plus, -t_minus, t_minus)
        variance = sum(q * (x - mean) ** 2 for q, x in zip((*right, *left), signed, strict=True))
        return self._trained(mean, variance, None if digits is None else validated_digits(digits))

    def _trained(self, mean: float, variance: float, digits: int | None = None) -> Prediction:
        """The theory for targets of this mean and variance, both with the sign of the true label."""
        from rmtcollapse.equivalents.groups_solver import Classifier, Group, ScoredClass

        given = class_directions(self)
        covariance, mu = given.covariances[0], np.ones(1)
        classifier = Classifier(
            [Group(self.samples, covariance, mu, mean, variance)], [ScoredClass(covariance, mu)], given.basis,
            self.samples, self.ridge, multiplicity=given.multiplicity,
        )  # fmt: skip
        return classifier_theory(classifier, list(self.VALUES), digits)

    def _energies(self) -> tuple[float, float, float]:
        """Score mean and energy of a fit to the true labels, and the energy H of a fit to noise of variance one."""
        signal, noise = self._trained(1.0, 0.0), self._trained(0.0, 1.0)
        return signal["score_mean"], signal["score_variance"] + signal["score_mean"] ** 2, noise["score_variance"]

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw rows, labels and their errors; fit the targets; measure exactly given the fit."""
        from rmtcollapse.experiments.classification import fit_classifier, flipped, score_values

        mixture = class_mixture(self)
        labels = np.where(rng.random(self.samples) < self.negative_fraction, -1.0, 1.0)
        told = flipped(labels, np.where(labels > 0, self.flip_positive, self.flip_negative), rng)
        t_plus, t_minus = self.targets()
        weights = fit_classifier(
            mixture.draw(labels, rng), np.where(told > 0, t_plus, t_minus), self.ridge, self.samples
        )
        return score_values(weights, mixture)

    def optimal_correction(self) -> tuple[float, float]:
        r"""Corrections (positive, negative) of the greatest accuracy, one of them 0 and the other not above 0.

        Only their difference matters,
        :math:`\{\pi_+^2\varepsilon_+(1-\varepsilon_+)-\pi_-^2\varepsilon_-(1-\varepsilon_-)\}
        /\{\pi_+\pi_-(1-\varepsilon_+-\varepsilon_-)\}`; that choice keeps :math:`1-\rho_+-\rho_->0`, so that no sign is
        turned.

        Raises
        ------
        ParameterError
            If all rows are of one class: then targets of one sign are best, which no correction gives.
        """
        minus, plus = self.negative_fraction, 1 - self.negative_fraction
        if not 0 < minus < 1:
            raise ParameterError("negative_fraction", minus, "a number strictly between 0 and 1 for a best correction")
        lost = plus**2 * self.flip_positive * (1 - self.flip_positive)
        wrong = minus**2 * self.flip_negative * (1 - self.flip_negative)
        delta = (lost - wrong) / (plus * minus * (1 - self.flip_positive - self.flip_negative))
        return (0.0, -delta) if delta >= 0 else (delta, 0.0)

    def risk_optimal_targets(self) -> tuple[float, float]:
        r"""Regression targets of rows labelled positive and negative that give the least risk.

        The posterior means of the label, times :math:`k_1/(Aq+H)` with :math:`q=x_1^2/P_++x_2^2/P_-`; the risk is then
        :math:`1-k_1^2q/(Aq+H)`. A label that never occurs has the target 1 or -1, times that; at the interpolation
        threshold both are 0. Derived here.
        """
        P_plus, P_minus, x1, x2 = self._shares()
        a, b = x1 / P_plus if P_plus > 0 else 1.0, x2 / P_minus if P_minus > 0 else 1.0
        q = min(a * x1 + b * x2, 1.0)
        gain, energy, noise = self._energies()
        if math.isinf(noise):
            return 0.0, 0.0
        # A = energy - noise, but nothing is subtracted.
        scale = gain / (q * energy + (1 - q) * noise) if gain else 0.0
        return scale * a, -scale * b

    def estimate_noise_rates(self, X: Array, y: Array) -> tuple[float, float]:
        r"""Estimate the flip rates (positive, negative) from rows and their labels.

        The mean's length is taken from the largest eigenvalue of the second moment of the rows, the share of negatives
        from their mean, and :math:`s=1-2e` from the mean square of the scores of the naive classifier on rows left
        out, :math:`As^2+H`; with the share of positive labels these fix both rates. Only the ridge is taken from the
        model. The error grows where *s*, :math:`\pi_+` or :math:`\pi_-` is small. Estimates are brought into [0, 1].

        Parameters
        ----------
        X : array (n, p)
            Rows :math:`y\mu+z`, *z* of unit variance.
        y : array (n,)
            Labels 1 or -1, some wrong.

        Raises
        ------
        ParameterError
            For other rows or labels, or no penalty with as few rows as features.
        ConvergenceError
            If the mean cannot be told from noise, or all rows look like one class.
        """
        from rmtcollapse.models._noise_rates import labelled_rows

        told = labelled_rows(X, y, self.ridge)
        minus, plus = told.negative_fraction, 1 - told.negative_fraction
        if not 0 < minus < 1:
            raise ConvergenceError("noise rates: all rows look like one class; give rows of both, in known shares")
        rows, features = np.shape(X)
        estimated = {"dimension": features, "mean_norm": told.mean_norm, "mean": None, "covariance": None}
        _, energy, noise = self.evolve(samples=rows, **estimated)._energies()
        s = told.sign * math.sqrt(max(told.energy - noise, 0.0) / (energy - noise))
        wrong, excess = (1 - min(max(s, -1.0), 1.0)) / 2, plus - told.told_positive
        rates = (wrong + excess) / (2 * plus), (wrong - excess) / (2 * minus)
        return min(max(rates[0], 0.0), 1.0), min(max(rates[1], 0.0), 1.0)

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Closed isotropic form on both sides of the threshold, with and without a ridge."""
        made = []
        for n, lam in ((150, 0.2), (60, 0.05), (150, 0.0), (60, 0.0)):
            case = cls(dimension=100, samples=n, ridge=lam, mean_norm=1.3, negative_fraction=0.3,
                       flip_positive=0.25, flip_negative=0.125)  # fmt: skip
            made.append(Limit("isotropic population: closed form", case, _isotropic(100 / n, lam), slack=256.0))
        mean = 2.6 * np.array([0.6, 0.0, 0.8, 0.0])
        for n, lam in ((9, 0.2), (2, 0.0)):
            case = cls(mean=mean, covariance=4 * np.eye(4), samples=n, ridge=4 * lam, negative_fraction=0.3,
                       flip_positive=0.25, flip_negative=0.125)  # fmt: skip
            made.append(Limit("features in other units", case, _isotropic(4 / n, lam), slack=256.0))
        return made


def _isotropic(eta: float, lam: float) -> dict[str, float]:
    """Closed form for the examples: naive targets, mean length 1.3."""
    kappa = ((lam + eta - 1) + math.sqrt((lam + eta - 1) ** 2 + 4 * lam)) / 2
    h = eta / (1 + kappa) ** 2
    square, s = 1.3**2, 1 - 2 * (0.7 * 0.25 + 0.3 * 0.125)
    g = 1 / (1 + square + kappa)
    m = s * square * g
    V = (s * 1.3 * g) ** 2 + h / (1 - h) * (1 - 2 * s**2 * square * g + (1 + square) * (s * 1.3 * g) ** 2)
    accuracy = 0.5 * math.erfc(-m / math.sqrt(2 * V))
    return {"score_mean": m, "score_variance": V, "accuracy": accuracy, "risk": (1 - m) ** 2 + V}
