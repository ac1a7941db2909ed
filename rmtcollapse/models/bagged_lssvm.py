r"""Ensembles of ridge classifiers (least-squares support vector machines) on subsets of the data; how many to train.

**Setting.** *n* rows of two Gaussian classes, :math:`x\sim N(\mu_j,C_j)` with probability :math:`\pi_j`, labels
:math:`y=1` and :math:`-1`. Each of *m* learners minimises
:math:`\frac1k\sum_i(y_i-w^\top x_i-b)^2+\lambda|w|^2` on *k* of the rows; *b* is an intercept, or 0. The ensemble
scores a row by the mean :math:`w^\top x+b` of all learners. Subsets are disjoint, or drawn without replacement for each
learner anew (subsample), or drawn with replacement (bootstrap).

**Statement.** One learner solves the equations of :mod:`rmtcollapse.equivalents.groups` with normaliser *k*: groups of
:math:`\pi_jk` rows; for the bootstrap groups of :math:`\pi_jn` rows with Poisson weights of mean *k/n*. All learners
have the same mean fit, and the ensemble has

.. math:: V_m=\tfrac1mV_{11}+\big(1-\tfrac1m\big)V_{12},\qquad
          \mathrm{acc}=\sum_j\pi_j\Phi\Big(\frac{y_j(\mu_j^\top w+b)}{\sqrt{V_m(C_j)}}\Big),

where :math:`V_{11}` is that of one learner and :math:`V_{12}` that between two of them: what they have in common is a
share 0, *k/n* or 1 of their rows, with independent weights.

**Consequences.** With :math:`C_j=C`, :math:`G=(C+\kappa)^{-1}`, :math:`h=\frac1n\operatorname{tr}(CG)^2` and the
residual :math:`\rho`, splitting all rows among *m* learners gives :math:`V=w^\top Cw+\frac h{1-mh}\rho` and infinitely
many subsamples :math:`w^\top Cw+\frac h{1-h}\rho`, the latter the same as one fit to all rows with the ridge
:math:`\kappa(1-\frac1n\operatorname{tr}CG)`. At equal :math:`\kappa` splitting is therefore never better: **where the
ridge is tuned, one learner is best**. Where it is fixed and too small, splitting acts as a ridge, because
:math:`\kappa` grows as *k* falls, and many learners are better than one, though not where each of them comes near its
own threshold, :math:`k=p`.

**Notation.** *n* `samples`, *k* `subset_samples`, *m* learners, :math:`\lambda` ridge, *p* dimension,
:math:`\mu_j,C_j,\pi_j` mean, covariance and prior of class *j*, :math:`\kappa=\lambda(1+\delta)` effective ridge, *b*
intercept.

**Source.** Cherkaoui, Tiomoko, Seddik, Louart, Schnoor and Kégl [CherkaouiEtAl2025]_; their public code has disjoint
subsets without intercept and the error of one class. The other ways of resampling, the intercept, the error of both
classes and the consequences are derived here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ParameterError
from rmtcollapse.models._base import Limit, Model, validated_digits
from rmtcollapse.models._classes import (
    Directions,
    check_class,
    class_dimension,
    class_mean_norm,
    directions,
    labelled_mixtures,
)
from rmtcollapse.models._classifier_values import classifier_theory
from rmtcollapse.models._covariance import copied_covariance, copied_vector, is_variance
from rmtcollapse.models._optimum import best_count
from rmtcollapse.models._parameters import array, choice, count, flag, model, nonnegative
from rmtcollapse.models._prediction import Prediction

__all__ = ["BaggedLSSVM"]

Array = NDArray[np.float64]
_OUTPUTS = {"score_mean": "projection_1"}


@model
class BaggedLSSVM(Model):
    r"""Accuracy of the mean of ridge classifiers that are each trained on some of the rows.

    Parameters
    ----------
    dimension : int, optional
        Features, *p* >= 1; not needed with `means`.
    samples : int
        Rows that there are, *n* >= 1.
    subset_samples : int
        Rows of each learner, *k* >= 1: at most *n* without replacement, at most *n*/*m* in disjoint subsets.
    learners : int or inf
        How many scores are averaged, *m* >= 1.
    mean_norm : float, optional
        Length of the mean :math:`\mu` where the classes have the means :math:`\pm\mu` and unit covariance; not given
        with `means`.
    ridge : float
        Penalty :math:`\lambda\ge0` beside a loss divided by *k*; 0 is the minimum-norm limit.
    resampling : {"disjoint", "subsample", "bootstrap"}
        Whether learners split the rows, draw some without replacement, or draw with replacement.
    priors : array (2,)
        Shares of both classes in training and test rows, positive with sum 1.
    intercept : bool
        Whether each learner has an unpenalised intercept.
    means : array (2, d), optional
        Means of both classes, the one labelled 1 first, in place of `dimension` and `mean_norm`.
    covariances : array (2, d, d) or (2, d), optional
        Their covariances or diagonals, beside `means`; one if not given.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, means and covariances that disagree, or more
        rows of the learners than there are.
    """

    dimension: int | None = class_dimension("means")
    samples: int = count("n", "rows that there are")
    subset_samples: int = count("k", "rows of each learner")
    learners: int = count("m", "learners whose scores are averaged", infinite=True)
    mean_norm: float | None = class_mean_norm("means")
    ridge: float = nonnegative(r"\lambda", "ridge penalty; 0 is the minimum-norm limit", unit="squared feature")
    resampling: str = choice(
        "", "how learners get their rows", "disjoint", "subsample", "bootstrap", default="disjoint"
    )
    priors: Array = array(
        r"\pi_j", "shares of both classes", "two positive numbers of sum 1", "2", default=(0.5, 0.5),
        check=lambda v: v.shape == (2,) and np.all(v > 0) and abs(v.sum() - 1) <= 1e-12, unit="a probability",
    )  # fmt: skip
    intercept: bool = flag("b", "whether there is an unpenalised intercept", default=False)
    means: Array | None = array(
        r"\mu_j", "means of both classes, in place of dimension and mean_norm", "finite numbers (2, d)", "2", "d",
        check=lambda v: len(v) == 2, unit="feature", default=None, optional=True,
        copied=lambda v, k: [copied_vector(m, k) for m in v],
    )  # fmt: skip
    covariances: Array | None = array(
        "C_j", "covariances of both classes, one if not given",
        "two symmetric positive semi-definite matrices (2, d, d), or their diagonals (2, d), not zero", "2", "d", "d",
        check=lambda v: len(v) == 2 and all(map(is_variance, v)), unit="squared feature", default=None, optional=True,
        ranks=(2, 3), copied=lambda v, k: [copied_covariance(c, k) for c in v],
    )  # fmt: skip

    VALUES: ClassVar[Mapping[str, str]] = {
        "accuracy": "probability that a test row is classified correctly, both classes in their shares",
        "test_error": "probability that a test row is misclassified, precise where it is small",
        "risk": "mean squared error of the score against the label, both classes in their shares",
        "score_mean": "projection of the first class's mean on the fit, without the intercept",
        "score_variance": "variance of the score within the first class",
        "offset": "intercept of the score",
    }
    SOURCE: ClassVar[str] = (
        "Cherkaoui et al. 2025, arXiv 2505.14587; resampling with overlap, intercept and both classes derived here"
    )
    ONE_CALL: ClassVar[bool] = False

    @classmethod
    def system(cls) -> Any:
        """The equations, in SymPy: two groups, two test classes."""
        from rmtcollapse.equivalents.groups import groups_system

        return groups_system(2, 2)

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Classes are described once, and there are rows for every learner."""
        check_class(values, "s")
        rows, subset, learners = (values[n] for n in ("samples", "subset_samples", "learners"))
        if values["resampling"] != "bootstrap" and subset > rows:
            raise ParameterError("subset_samples", subset, f"at most samples, {rows}, unless resampling='bootstrap'")
        if values["resampling"] == "disjoint" and learners * subset > rows:
            most = f"at most samples // subset_samples = {rows // subset}, as resampling='disjoint'"
            raise ParameterError("learners", learners, most)

    # ---- theory -------------------------------------------------------------------------------------------------

    def theory(self, digits: int | None = None) -> Prediction:
        """The deterministic equivalent; see :meth:`rmtcollapse.models._base.Model.theory`."""
        return self._ensemble(self.learners, self.subset_samples, None if digits is None else validated_digits(digits))

    def _ensemble(self, learners: float, subset: float, digits: int | None = None) -> Prediction:
        """The theory for so many learners of so many rows each, not necessarily whole."""
        from rmtcollapse.equivalents.groups_solver import Classifier
        from rmtcollapse.equivalents.sample_weights import UNIT, SampleWeights

        drawn = self.resampling == "bootstrap"
        groups, classes, given = self._classes(float(self.samples if drawn else subset))
        classifier = Classifier(
            groups, classes, given.basis, subset, self.ridge, self.intercept and len(groups) > 1, learners,
            {"disjoint": 0.0, "subsample": subset / self.samples, "bootstrap": 1.0}[self.resampling],
            SampleWeights(subset / self.samples) if drawn else UNIT, given.multiplicity,
        )  # fmt: skip
        found = classifier_theory(classifier, [_OUTPUTS.get(n, n) for n in self.VALUES], digits)
        return replace(found, named={n: found.named[_OUTPUTS.get(n, n)] for n in self.VALUES})

    def _classes(self, rows: float) -> tuple[list[Any], list[Any], Directions]:
        """What trains and what tests: one group of signed rows where both classes are mirror images."""
        from rmtcollapse.equivalents.groups_solver import Group, ScoredClass

        means, covariances = self.means, self.covariances
        if means is None:
            means = np.array([[self.mean_norm], [-self.mean_norm]])  # type: ignore[operator]
        forms = [None, None] if covariances is None else list(covariances)
        equal = covariances is None or np.array_equal(covariances[0], covariances[1])
        balanced = not self.intercept or self.priors[0] == self.priors[1]
        if equal and balanced and np.array_equal(means[0], -means[1]):
            given, kinds = directions(means[:1], forms[:1], self.dimension), [(1.0, 1.0)]
        else:
            given = directions(means, forms, self.dimension)
            kinds = [(1.0, float(self.priors[0])), (-1.0, float(self.priors[1]))]
        each = list(zip(given.covariances, np.eye(len(kinds)), kinds, strict=True))
        groups = [Group(prior * rows, c, mu, label) for c, mu, (label, prior) in each]
        return groups, [ScoredClass(c, mu, label, prior) for c, mu, (label, prior) in each], given

    # ---- experiment ---------------------------------------------------------------------------------------------

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw rows, fit every learner to its own, average; measure exactly given the fits."""
        from rmtcollapse.experiments.classification import (
            fit_classifier,
            fit_with_offset,
            resampled,
            two_class_values,
        )

        if math.isinf(self.learners):
            raise ParameterError("learners", self.learners, "finite for an experiment")
        classes = labelled_mixtures(self)
        labels = np.where(rng.random(self.samples) < self.priors[0], 1.0, -1.0)
        rows = np.empty((self.samples, len(classes[0].mean)))
        for mixture, label in zip(classes, (1.0, -1.0), strict=True):
            own = labels == label
            rows[own] = mixture.draw(np.ones(int(own.sum())), rng)
        weights, offset = np.zeros(rows.shape[1]), 0.0
        for taken in resampled(self.samples, self.subset_samples, self.learners, self.resampling, rng):
            if self.intercept:
                fit, b = fit_with_offset(rows[taken], labels[taken], self.ridge, self.subset_samples)
            else:
                fit, b = fit_classifier(rows[taken], labels[taken], self.ridge, self.subset_samples), 0.0
            weights, offset = weights + fit / self.learners, offset + b / self.learners
        return two_class_values(weights, offset, classes, self.priors)

    # ---- how many -----------------------------------------------------------------------------------------------

    def optimal_learners(self) -> float:
        r"""The number of learners of greatest accuracy at this ridge.

        For disjoint subsets all `samples` are split equally, :math:`k=n/m` rows each with *m* from 1 to *n*, whatever
        `subset_samples` is; for other ways of resampling *k* stays, and the answer is ``inf`` where every further
        learner helps. The least of several that are equally good. Where the ridge is tuned and both classes have one
        covariance, a single learner on all rows is best.

        Returns
        -------
        int, or inf
        """
        if self.resampling == "disjoint":
            return best_count(lambda m: -float(self._ensemble(m, self.samples / m)["test_error"]), self.samples)

        def error(m: float) -> float:
            return float(self._ensemble(m, self.subset_samples)["test_error"])

        best, endless = best_count(lambda m: -error(m), 2**20), error(math.inf)
        return math.inf if endless < error(best) * (1 - 1e-14) else best

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Closed isotropic form for disjoint subsets and for overlapping ones, on both sides of the threshold."""
        made = []
        cases: tuple[tuple[str, int, float, int], ...] = (
            ("disjoint", 160, 0.2, 3), ("disjoint", 50, 0.0, 8), ("subsample", 250, 0.0, 4), ("subsample", 60, 1e-3, 2),
        )  # fmt: skip
        for way, k, lam, m in cases:
            case = cls(dimension=100, samples=500, subset_samples=k, learners=m, mean_norm=1.2, ridge=lam,
                       resampling=way)  # fmt: skip
            values = _isotropic(100 / k, lam, m, 0.0 if way == "disjoint" else k / 500)
            made.append(Limit(f"isotropic population, {way}: closed form", case, values, slack=256.0))
        one = cls(means=np.array([[1.2, 0, 0], [-1.2, 0, 0]]), covariances=np.ones((2, 3)), samples=9, learners=4,
                  subset_samples=5, ridge=0.1, resampling="subsample", priors=np.array([0.75, 0.25]))  # fmt: skip
        made.append(Limit("one covariance, other priors", one, _isotropic(3 / 5, 0.1, 4, 5 / 9), slack=256.0))
        moved = cls(means=np.array([[2.2, 1, 0], [-0.2, 1, 0]]), covariances=np.array([np.eye(3)] * 2), samples=9,
                    subset_samples=2, learners=4, ridge=0.1, intercept=True)  # fmt: skip
        values = {n: v for n, v in _isotropic(3 / 2, 0.1, 4, 0.0).items() if n != "score_mean"}
        made.append(Limit("with an intercept the origin is free", moved, values, slack=1024.0))
        alike = cls(dimension=100, samples=150, subset_samples=200, learners=3, mean_norm=0.0, ridge=0.1,
                    resampling="bootstrap")  # fmt: skip
        made.append(Limit("classes that are alike", alike, {"accuracy": 0.5, "score_mean": 0.0}))
        return made


def _isotropic(phi: float, lam: float, m: int, overlap: float) -> dict[str, float]:
    """Closed form for the examples: means of length 1.2."""
    kappa = ((lam + phi - 1) + math.sqrt((lam + phi - 1) ** 2 + 4 * lam)) / 2
    h, square = phi / (1 + kappa) ** 2, 1.2**2
    g = 1 / (1 + square + kappa)
    residual = 1 - 2 * square * g + (1 + square) * square * g**2
    shared = overlap * h / (1 - overlap * h)
    V = square * g**2 + (h / (1 - h) / m + (1 - 1 / m) * shared) * residual
    ratio = square * g / math.sqrt(2 * V)
    values = {"score_mean": square * g, "score_variance": V}
    return {**values, "accuracy": 0.5 * math.erfc(-ratio), "test_error": 0.5 * math.erfc(ratio)}
