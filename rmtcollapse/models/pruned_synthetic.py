r"""Maximizing the potential of synthetic data: a classifier on real and on pruned synthetic rows.

**Setting.** *n* real rows :math:`x=y\mu+C^{1/2}z` with their labels, and *m* synthetic candidates
:math:`x=y\mu_b+C_b^{1/2}z` whose label is wrong with probability :math:`\varepsilon`; a verifier keeps a candidate with
probability :math:`\phi` if its label is right and :math:`\rho` if it is wrong. One ridge fit to the real rows and the
kept ones, with the loss divided by :math:`N=n+m`, the candidates before pruning included:

.. math:: w=\Big(\tfrac1N\textstyle\sum_ix_ix_i^\top+\gamma\Big)^{-1}\tfrac1N\sum_iy_ix_i .

The generator knows the distribution of the synthetic rows *exactly*; or it has *estimated* the covariance, and the mean
or not, from :math:`\hat n` rows of its own; or it has both from *the same data*, the *n* real rows.

**Statement.** :math:`\alpha=\phi(1-\varepsilon)+\rho\varepsilon` of the candidates are kept, and
:math:`\lambda_\varepsilon/\alpha`, :math:`\lambda_\varepsilon=\phi(1-\varepsilon)-\rho\varepsilon`, is the mean of
label times true label among them. Accuracy :math:`\Phi(m/\sqrt V)`, risk :math:`(1-m)^2+V`. For an exact generator the
fit is that to two groups, of *n* and :math:`\alpha m` rows with targets 1 and :math:`\lambda_\varepsilon/\alpha`
(:mod:`rmtcollapse.equivalents.groups`); the equations printed here
(:mod:`rmtcollapse.equivalents.generated_rows`) have an estimated generator, and the exact one as the limit
:math:`\hat n=\infty`; those of the same data are in :mod:`rmtcollapse.equivalents.reused_rows`.

**Consequences.** Synthetic rows alone: accuracy is 1/2 exactly at :math:`\varepsilon^*=\phi/(\phi+\rho)`, whatever
*p*, *m* and :math:`\gamma`; beyond it the sign of the score turns. The transition has a width of order
:math:`\sqrt{p/m}`. A large penalty, :math:`C=C_b=1`, :math:`\mu_b=\mu`: accuracy is
:math:`\Phi\big((n+m\lambda_\varepsilon)|\mu|^2/\sqrt{(n+m\lambda_\varepsilon)^2|\mu|^2+p(n+m\alpha)}\big)`, so that
synthetic rows help if and only if :math:`(n+m\lambda_\varepsilon)^2>n(n+m\alpha)` and the sign is kept. A generator of
the same data gives the ridge fit to the real rows at another penalty, and noise: no information.

**Notation.** *n*, *m* real and synthetic rows, *p* dimension, :math:`\gamma=\lambda` ridge, :math:`\varepsilon` label
error, :math:`\phi,\rho` rates of keeping right and wrong labels, *m*, *V* mean and variance of the score.

**Source.** Firdoussi, Seddik et al. 2024 [FirdoussiEtAl2024]_, arXiv 2410.08942: the model, the exact generator, the
phase transition. Its public code takes :math:`\delta_s=\alpha\frac1N\operatorname{tr}C_bR`; *corrected here* to
:math:`\frac1N\operatorname{tr}C_bR`, which is the same without pruning (:meth:`PrunedSynthetic.published` has theirs).
The estimated generator, for whose second moment theirs is an approximation, and the same data are derived here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import MissingParameterError, ParameterError
from rmtcollapse.models._base import Limit, Model, validated_digits
from rmtcollapse.models._classes import (
    check_class,
    class_covariance,
    class_dimension,
    class_mean,
    class_mean_norm,
    class_mixture,
)
from rmtcollapse.models._covariance import copied_covariance, copied_vector, is_variance
from rmtcollapse.models._mixture import check_rows
from rmtcollapse.models._parameters import array, choice, count, flag, model, nonnegative, number
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.models._pruned import Kept, pruned_theory
from rmtcollapse.models._pruned_published import published_values

__all__ = ["PrunedSynthetic"]

Array = NDArray[np.float64]


def _rate(symbol: str, meaning: str) -> Any:
    return number(symbol, meaning, "a number in [0, 1]", lambda v: (v >= 0) & (v <= 1), unit="a probability")


@model
class PrunedSynthetic(Model):
    r"""Accuracy and risk of a ridge classifier on real rows and on synthetic rows that passed a verifier.

    Parameters
    ----------
    dimension : int, optional
        Features, *p* >= 1; with `mean_norm`.
    real_samples : int
        Real rows, *n* >= 0.
    synthetic_samples : int
        Synthetic candidates before pruning, *m* >= 0; not both 0.
    ridge : float
        Penalty :math:`\gamma\ge0`; 0 is the minimum-norm limit.
    mean_norm : float, optional
        Length of the class mean, :math:`|\mu|\ge0`; the covariance is one.
    mean : array (d,), optional
        Class mean :math:`\mu`, in place of `dimension` and `mean_norm`.
    covariance : array (d, d) or (d,), optional
        Covariance *C* within a class, or its diagonal; one if not given.
    synthetic_mean : array (d,), optional
        Mean :math:`\mu_b` of what the generator knows or samples; that of the real rows if not given.
    synthetic_covariance : array (d, d) or (d,), optional
        The same for the covariance, :math:`C_b`.
    label_error : float
        Probability that the generator's label is wrong, :math:`\varepsilon` in [0, 1].
    keep_correct : float
        Probability that a row with a right label is kept, :math:`\phi` in [0, 1].
    keep_wrong : float
        The same for a wrong label, :math:`\rho` in [0, 1]; not both 0.
    generator : {"exact", "estimated", "same-data"}
        What the generator knows of the distribution.
    generator_samples : int, optional
        Rows :math:`\hat n\ge1` that an estimated generator was fitted to.
    estimate_mean : bool
        Whether an estimated generator has its mean from them too; one of the same data always has.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, shapes that do not fit, no rows, nothing
        kept, or parameters that this generator does not have.
    """

    dimension: int | None = class_dimension()
    real_samples: int = count("n", "real rows", least=0)
    synthetic_samples: int = count("m", "synthetic candidates, before pruning", least=0)
    ridge: float = nonnegative(r"\gamma", "ridge penalty; 0 is the minimum-norm limit", unit="squared feature")
    mean_norm: float | None = class_mean_norm()
    mean: Array | None = class_mean()
    covariance: Array | None = class_covariance()
    synthetic_mean: Array | None = array(
        r"\mu_b", "mean of what the generator samples, that of the real rows if not given", "finite numbers (d,)", "d",
        unit="feature", default=None, optional=True, copied=copied_vector,
    )  # fmt: skip
    synthetic_covariance: Array | None = array(
        "C_b", "covariance of what the generator samples, that of the real rows if not given",
        "a symmetric positive semi-definite matrix (d, d), or its diagonal (d,), not zero", "d", "d",
        check=is_variance, unit="squared feature", default=None, optional=True, ranks=(1, 2),
        copied=copied_covariance,
    )  # fmt: skip
    label_error: float = _rate(r"\varepsilon", "probability that a generated label is wrong")
    keep_correct: float = _rate(r"\phi", "probability that a row with a right label is kept")
    keep_wrong: float = _rate(r"\rho", "probability that a row with a wrong label is kept")
    generator: str = choice(
        "G", "what the generator knows of the distribution", "exact", "estimated", "same-data", default="exact"
    )
    generator_samples: int | None = count(
        r"\hat n", "rows that an estimated generator was fitted to", default=None, optional=True
    )
    estimate_mean: bool = flag(r"\iota", "whether an estimated generator has its mean from its rows", default=False)

    VALUES: ClassVar[Mapping[str, str]] = {
        "accuracy": "probability that a test row is classified correctly",
        "risk": "mean squared error of the score against the label",
        "score_mean": "mean of the score of a positive test row",
        "score_variance": "variance of the score within a class",
        "critical_label_error": "label error at which synthetic rows alone tell nothing",
    }
    UNMEASURED: ClassVar[frozenset[str]] = frozenset({"critical_label_error"})
    SOURCE: ClassVar[str] = (
        "Firdoussi, Seddik et al. 2024, arXiv 2410.08942 (corrected where rows are pruned); fitted generators derived "
        "here"
    )
    ONE_CALL: ClassVar[bool] = False

    @classmethod
    def system(cls) -> Any:
        """The equations, in SymPy: real rows and those of an estimated generator."""
        from rmtcollapse.equivalents.generated_rows import generated_rows_system

        return generated_rows_system()

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """A class is described once, something is kept, and a generator has its own parameters only."""
        check_class(values)
        check_rows(values)
        if np.any(np.asarray(values["keep_correct"]) + values["keep_wrong"] == 0):
            raise ParameterError("keep_correct + keep_wrong", 0.0, "above 0: something must be kept")
        _check_shapes(values)
        _check_generator(values)

    def kept(self) -> Kept:
        """Share of the candidates that is kept, and how their labels agree with the truth."""
        return Kept.of(self.label_error, self.keep_correct, self.keep_wrong)

    def theory(self, digits: int | None = None) -> Prediction:
        """The deterministic equivalent; see :meth:`rmtcollapse.models._base.Model.theory`."""
        digits = None if digits is None else validated_digits(digits)
        found = pruned_theory(self, [n for n in self.VALUES if n not in self.UNMEASURED], digits)
        named = {**found.named, "critical_label_error": self._critical(digits)}
        return replace(found, named=named)

    def _critical(self, digits: int | None) -> Any:
        if digits is None:
            return self.keep_correct / (self.keep_correct + self.keep_wrong)
        import mpmath as mp

        with mp.workdps(digits):
            return mp.mpf(self.keep_correct) / (mp.mpf(self.keep_correct) + mp.mpf(self.keep_wrong))

    def published(self) -> Mapping[str, float]:
        r"""The values of the published code, which are wrong where rows are pruned.

        Status: published; :meth:`theory` is corrected. Both agree where all candidates are kept. Where the published
        variance is not positive there is no accuracy among the values. To have it judged:
        ``verify(model, theory=PrunedSynthetic.published)``.

        Raises
        ------
        ParameterError
            For a generator that is not exact, or without a ridge: the code has no such case.
        """
        if self.generator != "exact":
            raise ParameterError("generator", self.generator, "exact, for the published formula")
        if not self.ridge:
            raise ParameterError("ridge", self.ridge, "above 0 for the published formula")
        if not self.real_samples and not self.kept().share:
            raise ParameterError("label_error", self.label_error, "such that rows are kept, for the published formula")
        return published_values(self)

    def synthetic_data_helps(self) -> bool:
        """Whether the synthetic rows make the classifier more accurate, by the theory at these parameters.

        Compares the predicted accuracy with that of the same model without synthetic rows, at the same ridge (either
        loss is divided by its own number of rows), or with a guess where there are no real rows. It holds for every
        generator; at a finite ridge synthetic rows may help for no more than what they do to the penalty.
        """
        alone = 0.5
        if self.real_samples:
            changes: dict[str, Any] = {"generator": "exact", "generator_samples": None, "estimate_mean": False}
            alone = float(self.evolve(synthetic_samples=0, **changes).theory()["accuracy"])
        return float(self.theory()["accuracy"]) > alone

    def helps_at_large_ridge(self) -> bool:
        r"""The same as the ridge grows, in closed form: :math:`(n+m\lambda_\varepsilon)^2>n(n+m\alpha)`.

        With :math:`n+m\lambda_\varepsilon>0`, for an exact generator, :math:`\mu_b=\mu\ne0` and covariances one. A few
        synthetic rows help if :math:`\phi(1-\varepsilon)>3\rho\varepsilon`, many if :math:`m\lambda_\varepsilon^2>
        n\alpha`. Derived here.

        Raises
        ------
        ParameterError
            In another setting, for which no closed form is derived; :meth:`synthetic_data_helps` compares there.
        """
        if self.generator != "exact":
            raise ParameterError("generator", self.generator, "exact, for the condition in closed form")
        for name in ("covariance", "synthetic_mean", "synthetic_covariance"):
            if getattr(self, name) is not None:
                raise ParameterError(name, getattr(self, name), "left out, for the condition in closed form")
        kept, n, m = self.kept(), self.real_samples, self.synthetic_samples
        signal = n + m * kept.share * kept.agreement
        return signal > 0 and signal**2 > n * (n + m * kept.share)

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw real rows, a generator, its rows and their labels; prune; fit; measure exactly given the fit."""
        from rmtcollapse.experiments.classification import fit_classifier, flipped, score_values

        real = class_mixture(self)
        labels = rng.choice([-1.0, 1.0], self.real_samples)
        rows = real.draw(labels, rng)
        truth = rng.choice([-1.0, 1.0], self.synthetic_samples)
        told = flipped(truth, self.label_error, rng)
        keep = rng.random(self.synthetic_samples) < np.where(told == truth, self.keep_correct, self.keep_wrong)
        # The verifier looks at labels only: features of the others need not be drawn.
        made = self._generator(real, rows, labels, rng).draw(truth[keep], rng)
        weights = fit_classifier(
            np.vstack([rows, made]), np.append(labels, told[keep]), self.ridge,
            self.real_samples + self.synthetic_samples,
        )  # fmt: skip
        return score_values(weights, real)

    def _generator(self, real: Any, rows: Array, labels: Array, rng: np.random.Generator) -> Any:
        """What synthetic rows are drawn from."""
        from rmtcollapse.experiments.classification import FittedMixture, Mixture

        if self.generator == "same-data":
            return FittedMixture.to(rows, labels)
        covariance = real.covariance if self.synthetic_covariance is None else self.synthetic_covariance
        known = Mixture(real.mean if self.synthetic_mean is None else self.synthetic_mean, covariance)
        if self.generator == "exact":
            return known
        assert self.generator_samples is not None
        own = rng.choice([-1.0, 1.0], self.generator_samples)
        return FittedMixture.to(known.draw(own, rng), own, None if self.estimate_mean else known.mean)

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Closed isotropic forms: synthetic rows alone on both sides of the threshold and of the transition."""
        made = []
        for m, lam, error in ((150, 0.2, 0.1), (60, 0.05, 0.45), (400, 0.0, 0.1), (60, 0.0, 0.45)):
            case = cls(dimension=100, real_samples=0, synthetic_samples=m, ridge=lam, mean_norm=1.3, label_error=error,
                       keep_correct=0.25, keep_wrong=0.5)  # fmt: skip
            made.append(Limit("synthetic rows alone: closed form", case, _alone(100 / m, lam, error), slack=256.0))
        case = cls(dimension=100, real_samples=0, synthetic_samples=150, ridge=0.2, mean_norm=1.3, label_error=0.5,
                   keep_correct=0.5, keep_wrong=0.5, generator="estimated", generator_samples=40,
                   estimate_mean=True)  # fmt: skip
        nothing = {"accuracy": 0.5, "score_mean": 0.0, "critical_label_error": 0.5}
        made.append(Limit("estimated generator: nothing is learned at the critical error", case, nothing))
        case = cls(dimension=100, real_samples=40, synthetic_samples=150, ridge=0.0, mean_norm=1.3, label_error=0.25,
                   keep_correct=0.5, keep_wrong=0.5, generator="same-data")  # fmt: skip
        made.append(Limit("same data, no ridge, fewer rows than directions", case, _interpolating(), slack=256.0))
        return made


def _check_shapes(values: Mapping[str, Any]) -> None:
    for name in ("synthetic_mean", "synthetic_covariance"):
        if values[name] is None:
            continue
        if values["mean"] is None:
            raise ParameterError(name, values[name], "given together with mean, in place of mean_norm")
        if len(values[name]) != len(values["mean"]):
            d = len(values["mean"])
            shapes = f"({d},)" if name == "synthetic_mean" else f"({d},) or ({d}, {d})"
            raise ParameterError(f"{name} of shape", values[name].shape, f"shape {shapes}, as mean has it")


def _check_generator(values: Mapping[str, Any]) -> None:
    kind = values["generator"]
    if kind == "estimated":
        if values["generator_samples"] is None:
            raise MissingParameterError("generator_samples", None, "rows that the estimated generator was fitted to")
        return
    if values["generator_samples"] is not None:
        raise ParameterError("generator_samples", values["generator_samples"], "left out unless generator is estimated")
    if kind == "exact":
        if values["estimate_mean"]:
            raise ParameterError("estimate_mean", True, "false where generator is exact; an estimated one has a choice")
        return
    for name in ("synthetic_mean", "synthetic_covariance"):
        if values[name] is not None:
            raise ParameterError(name, values[name], "left out where generator is same-data: it has the real rows")
    if np.any(np.asarray(values["real_samples"]) == 0):
        raise ParameterError("real_samples", 0, "at least 1 where generator is same-data")


def _interpolating() -> dict[str, float]:
    """Closed form for the example: minimum norm on 40 real rows, and the noise of 75 rows of mean target 1/2."""
    real, made, square = 40 / 190, 75 / 190, 1.3**2
    b = (made + math.sqrt(made**2 + 4 * real**2)) / 2
    shrunk = (real + (b - real) / 2) / b
    q = (b - real) ** 2 / made * real / b**2
    w = 1.3 / (1 + square + 1.5)
    m, gain = 1.3 * w, 1 / 1.5
    alone = w**2 + gain * (1 - 2 * m + (1 + square) * w**2)
    V = shrunk**2 * alone + q * gain / (1 - q) * ((0.5 - shrunk) ** 2 + 0.75)
    return {"score_mean": shrunk * m, "score_variance": V, "risk": (1 - shrunk * m) ** 2 + V}


def _alone(eta: float, lam: float, error: float) -> dict[str, float]:
    r"""Closed form for the examples: p/m, ridge; :math:`\phi=1/4,\rho=1/2`, mean length 1.3."""
    alpha, signal = 0.25 * (1 - error) + 0.5 * error, 0.25 * (1 - error) - 0.5 * error
    half = alpha - eta - lam
    kappa = (math.sqrt(half**2 + 4 * lam * alpha) - half) / 2
    h = alpha * eta / (alpha + kappa) ** 2
    noise = eta / (alpha + kappa) ** 2 / (1 - h)
    square = 1.3**2
    w = signal * 1.3 / (alpha * (1 + square) + kappa)
    V = w**2 + noise * (alpha - 2 * signal * 1.3 * w + alpha * (1 + square) * w**2)
    m = 1.3 * w
    accuracy = 0.5 * math.erfc(-m / math.sqrt(2 * V))
    values = {"score_mean": m, "score_variance": V, "accuracy": accuracy, "risk": (1 - m) ** 2 + V}
    return values | {"critical_label_error": 1 / 3}
