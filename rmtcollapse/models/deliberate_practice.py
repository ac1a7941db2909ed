r"""Deliberate practice: train on the examples that are hard, or easy, for another classifier.

**Setting.** *n* candidates :math:`x\sim N(0,I)` in dimension *d*, true label :math:`\operatorname{sign}(w_0\cdot x)`.
A pruner :math:`w_s` keeps the share *p* of them on which it is least sure (``keep="hard"``,
:math:`|w_s\cdot x|\le\xi`) or most sure (``"easy"``, :math:`|w_s\cdot x|>\xi`). The kept rows, with labels
:math:`\operatorname{sign}(w_l\cdot x)`, train

.. math:: w=\Big(\tfrac1n\sum_{\mathrm{kept}}x_ix_i^\top+\lambda\Big)^{-1}\tfrac1n\sum_{\mathrm{kept}}y_ix_i .

:math:`w_0,w_s,w_l` are unit vectors with the cosines :math:`\sigma=w_s\cdot w_0`, :math:`\ell=w_l\cdot w_0`,
:math:`\rho=w_s\cdot w_l`. Labels are perfect, :math:`w_l=w_0`, if nothing else is said. Where only :math:`\ell` is
given, :math:`\rho=\sigma\ell`: the errors of labels and of the pruner are in perpendicular directions.

**Statement.** Let *v* be the unit vector of the part of :math:`w_l` that is perpendicular to :math:`w_s`, *G*, *G'*
independent normal variables, and

.. math:: \gamma_s=E[G^2;\mathrm{kept}],\qquad
          (\beta_s,\beta_v)=E[\operatorname{sign}(\rho G+\sqrt{1-\rho^2}G')\,(G,G');\mathrm{kept}] .

Kept rows are one group of :math:`pn` rows with the second moment :math:`\gamma_s/p` along :math:`w_s` and 1 elsewhere,
and the cross moment :math:`(\beta_sw_s+\beta_vv)/p`; the equations are those of
:mod:`rmtcollapse.equivalents.groups`. With the mean fit :math:`\bar w`, *V* the limit of :math:`|w|^2`, and the noise
:math:`V-|\bar w|^2`,

.. math:: \mathrm{error}=\frac1\pi\arctan\frac{\sqrt{V-C_0^2}}{C_0},\qquad C_0=\bar w\cdot w_0,\qquad
          V-C_0^2=|\bar w-C_0w_0|^2+\text{noise} .

The margin :math:`y\,w\cdot x` has the mean :math:`\sqrt{2/\pi}\,C_0` and the variance :math:`V-\frac2\pi C_0^2`. It is
not normal: :math:`y\,w_0\cdot x` is half-normal. At the interpolation threshold, :math:`\lambda=0` and :math:`pn=d`,
the variance is infinite and the error 1/2.

**Notation.** *n* samples, *d* dimension, :math:`\lambda` ridge, *p* keep fraction, :math:`\xi` where the pruner cuts,
:math:`\sigma,\ell,\rho` cosines, *e* the choice of hard (0) or easy (1).

**Source.** Askari-Hemmat et al. [AskariHemmatEtAl2025]_, whose theorem states the moments and the equations for
perfect labels. Corrected here: the error, which is printed there as that of a normal margin
(:meth:`DeliberatePractice.published`; it cannot fall below 0.0928 and is twice too large where the error is 0.05).
Derived here: imperfect labels, the one-group form, and everything about moments that does not cancel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from rmtcollapse.errors import ParameterError
from rmtcollapse.models._base import Limit, Model, validated_digits
from rmtcollapse.models._classifier_values import stated_theory
from rmtcollapse.models._parameters import choice, count, model, nonnegative, number
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.models._triple import check_triple, cosine, triple

__all__ = ["DeliberatePractice"]


@model
class DeliberatePractice(Model):
    r"""Test error of a ridge classifier trained on the examples that a pruner finds hard, or easy.

    Parameters
    ----------
    dimension : int
        Features, *d* >= 1.
    samples : int
        Candidates before pruning, *n* >= 1.
    ridge : float
        Penalty :math:`\lambda\ge0` beside a loss divided by *n*; 0 is the minimum-norm limit.
    pruner_cosine : float
        Cosine :math:`\sigma` of the pruner with the truth, in [-1, 1].
    keep_fraction : float
        Share of the candidates that is kept, *p* in (0, 1].
    keep : str
        ``"hard"`` or ``"easy"`` examples.
    label_cosine : float, optional
        Cosine :math:`\ell` of what labels with the truth; 1, perfect labels, if not given.
    pruner_label_cosine : float, optional
        Cosine :math:`\rho` of the pruner with what labels; :math:`\sigma\ell` if not given.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, or cosines that no three vectors have.
    """

    dimension: int = count("d", "number of features")
    samples: int = count("n", "candidates before pruning")
    ridge: float = nonnegative(r"\lambda", "ridge penalty; 0 is the minimum-norm limit", unit="squared feature")
    pruner_cosine: float = cosine(r"\sigma", "cosine of the pruner with the truth")
    keep_fraction: float = number(
        "p", "share of the candidates that is kept", "a number in (0, 1]", lambda v: (v > 0) & (v <= 1),
        unit="a probability",
    )  # fmt: skip
    keep: str = choice("", "which examples are kept", "hard", "easy", default="hard")
    label_cosine: float | None = cosine(
        r"\ell", "cosine of what labels with the truth; 1 if not given", default=None, optional=True
    )
    pruner_label_cosine: float | None = cosine(
        r"\rho", "cosine of the pruner with what labels; the product of the others if not given", default=None,
        optional=True,
    )  # fmt: skip

    VALUES: ClassVar[Mapping[str, str]] = {
        "test_error": "probability that a test row is misclassified",
        "margin_mean": "mean of the score of a test row times its true label",
        "margin_variance": "variance of the score of a test row times its true label",
    }
    SOURCE: ClassVar[str] = "Askari-Hemmat et al. 2025, arXiv 2502.15588 (error corrected here)"
    ONE_CALL: ClassVar[bool] = False

    @classmethod
    def system(cls) -> Any:
        """The equations, in SymPy: those of one group, with the moments of what is kept."""
        return _system()

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """There are three vectors with these cosines."""
        truth, labels, pruner = _cosines(values)
        if values["label_cosine"] is None and values["pruner_label_cosine"] not in (None, truth):
            domain = f"left out, or pruner_cosine = {truth:g}, where labels are perfect; give label_cosine"
            raise ParameterError("pruner_label_cosine", values["pruner_label_cosine"], domain)
        named = {"pruner_cosine": truth, "label_cosine": labels, "pruner_label_cosine": pruner}
        check_triple(named, values["dimension"])

    def theory(self, digits: int | None = None) -> Prediction:
        """The deterministic equivalent; see :meth:`rmtcollapse.models._base.Model.theory`."""
        from rmtcollapse.equivalents.groups_solver import Classifier, Group, ScoredClass
        from rmtcollapse.models._selected import Selected

        rows = self.keep_fraction * self.samples
        # A product of decimals is a whole number only to rounding.
        if abs(rows - self.dimension) <= 4 * np.finfo(float).eps * self.dimension:
            rows = self.dimension
        # Two directions that matter and all features; the former count nothing in a trace.
        one, none = np.ones(3), np.zeros(2)
        classifier = Classifier(
            [Group(rows, one, none, 0.0, 1.0)], [ScoredClass(one, none)], np.eye(3)[:, :2], self.samples, self.ridge,
            multiplicity=np.array([0.0, 0.0, self.dimension]),
        )  # fmt: skip
        truth, labels, pruner = _cosines(self.parameters())
        given = {
            "keep_fraction": self.keep_fraction, "easy": float(self.keep == "easy"), "truth_cosine": truth,
            "label_cosine": labels, "pruner_label_cosine": pruner, "along": np.array([1.0, 0.0, 0.0]),
            "across": np.array([0.0, 1.0, 1.0]), "pruner": np.array([[1.0], [0.0]]), "other": np.array([[0.0], [1.0]]),
        }  # fmt: skip
        digits = None if digits is None else validated_digits(digits)
        return stated_theory(self.compiled().numpy, Selected(classifier, given), list(self.VALUES), digits)

    def published(self) -> dict[str, float]:
        r"""The error as it is printed in the paper, :math:`\Phi(-m/\sqrt v)` from mean and variance of the margin.

        ``verify(model, theory=DeliberatePractice.published)`` has it judged.
        """
        theory = self.theory()
        mean, variance = theory["margin_mean"], theory["margin_variance"]
        return {"test_error": 0.5 * math.erfc(mean / math.sqrt(2 * variance))}

    def optimal_keep_fraction(self) -> float:
        """The keep fraction in [1e-6, 1] of the least error, all else as it is."""
        from rmtcollapse.models._optimum import least_share

        return least_share(lambda p: float(self.evolve(keep_fraction=p).theory()["test_error"]))

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw candidates, keep some, label and fit them; the angle to the truth is the error."""
        from rmtcollapse.experiments.classification import fit_classifier

        sigma, ell, rho = _cosines(self.parameters())
        pruner, labeller, truth = triple(sigma, ell, rho, self.dimension)
        rows = rng.standard_normal((self.samples, self.dimension))
        sure = abs(rows @ pruner)
        cut = _quantile(self.keep_fraction, self.keep == "easy")
        rows = rows[sure > cut if self.keep == "easy" else sure <= cut]
        weights = fit_classifier(rows, np.sign(rows @ labeller), self.ridge, self.samples)
        along, size = float(weights @ truth), float(weights @ weights)
        across = float(np.linalg.norm(weights - along * truth))
        return {
            "test_error": math.atan2(across, along) / math.pi if size else 0.5,
            "margin_mean": math.sqrt(2 / math.pi) * along,
            "margin_variance": size - 2 / math.pi * along**2,
        }

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """All examples kept: a closed form; a pruner that knows nothing: fewer samples."""
        made = []
        for n, lam in ((300, 0.2), (60, 0.05), (300, 0.0), (60, 0.0)):
            case = cls(dimension=100, samples=n, ridge=lam, pruner_cosine=0.25, keep_fraction=1.0, keep="easy")
            made.append(Limit("all examples are kept: closed form", case, _unpruned(100 / n, lam), slack=256.0))
        return made


def _cosines(values: Mapping[str, Any]) -> tuple[float, float, float]:
    """Of the pruner with the truth, of what labels with the truth, and of both with each other."""
    sigma, ell, rho = (values[n] for n in ("pruner_cosine", "label_cosine", "pruner_label_cosine"))
    ell = 1.0 if ell is None else ell
    return sigma, ell, sigma * ell if rho is None else rho


def _quantile(share: float, above: bool) -> float:
    from scipy.special import ndtri

    return float(-ndtri(share / 2) if above else ndtri((1 + share) / 2))


def _unpruned(phi: float, lam: float) -> dict[str, float]:
    """Ridge regression on signs, whose best linear predictor has the share 2/pi of their energy."""
    kappa = ((lam + phi - 1) + math.sqrt((lam + phi - 1) ** 2 + 4 * lam)) / 2
    h = phi / (1 + kappa) ** 2
    share = 2 / math.pi
    aligned = math.sqrt(share) / (1 + kappa)
    noise = h / (1 - h) * (1 - share + share * (kappa / (1 + kappa)) ** 2)
    return {
        "test_error": math.atan2(math.sqrt(noise), aligned) / math.pi,
        "margin_mean": math.sqrt(share) * aligned,
        "margin_variance": (1 - share) * aligned**2 + noise,
    }


def _system() -> Any:
    import sympy as sp

    from rmtcollapse.equations import normal
    from rmtcollapse.equations.matrices import MatrixParameter
    from rmtcollapse.equations.symbols import Parameter, limit_product, unknown
    from rmtcollapse.equivalents.groups import groups_system

    base = groups_system(1, 1)
    symbol = base.symbol
    d, r, n = symbol("dimension"), symbol("directions"), symbol("samples")
    p, easy = unknown("keep_fraction", "p"), unknown("easy", "e")
    sigma, ell, rho = (
        Parameter(name, letter, real=True)
        for name, letter in (("truth_cosine", r"\sigma"), ("label_cosine", r"\ell"), ("pruner_label_cosine", r"\rho"))
    )
    along, across = MatrixParameter("along", d, d, r"\Pi_s"), MatrixParameter("across", d, d, r"\Pi_\perp")
    pruner, other = MatrixParameter("pruner", r, 1, "e_s"), MatrixParameter("other", r, 1, "e_v")
    xi, gamma = unknown("bound", r"\xi"), unknown("square", r"\gamma_s")
    pull, push = Parameter("pull_moment", r"\beta_s", real=True), unknown("push_moment", r"\beta_v")
    formulas = {
        xi: normal.kept_bound(p, easy),
        gamma: normal.kept_square(xi, easy),
        pull: normal.kept_pull(xi, rho, easy),
        push: normal.kept_push(xi, rho, easy),
        symbol("rows_1"): p * n,
        symbol("covariance_1"): sp.MatAdd(gamma / p * along, across),
        symbol("covariation_1"): sp.MatAdd(pull / p * pruner, push / p * other),
    }
    u, w = symbol("coordinates"), symbol("fit")
    # The fit in the oblique directions of the pruner and of what labels.
    labelled, pruned = Parameter("labelled", "b_l", real=True), Parameter("pruned", "b_s", real=True)
    noise, truth = unknown("noise", "U"), Parameter("aligned", "C_0", real=True)
    beside = unknown("beside", r"C_\perp")
    side, peak = sp.sqrt((1 - rho) * (1 + rho)), normal.normal_pdf(sp.S.Zero)
    outputs = {
        labelled: normal.quotient(sp.Trace(other.T * u), side),
        pruned: sp.Trace(pruner.T * u) - rho * labelled,
        noise: limit_product(symbol("fraction_1") * symbol("leverage_1_1"), symbol("misfit_1")),
        truth: sigma * sp.Trace(pruner.T * u) + normal.less_product(ell, rho, sigma) * labelled,
        beside: pruned**2 * (1 - sigma) * (1 + sigma)
        + 2 * pruned * labelled * normal.less_product(rho, sigma, ell)
        + labelled**2 * (1 - ell) * (1 + ell),
        unknown("test_error", r"\mathrm{err}"): normal.angle_share(sp.sqrt(beside + noise), truth),
        Parameter("margin_mean", r"\bar m", real=True): 2 * peak * truth,
        unknown("margin_variance", r"\bar v"): sp.Trace(w.T * w) - 4 * peak**2 * truth**2 + noise,
    }
    return base.given(
        "deliberate_practice", (p, easy, sigma, ell, rho, along, across, pruner, other), formulas, outputs
    )
