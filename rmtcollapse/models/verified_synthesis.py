r"""Verification of synthesized data: a linear generator labels, a linear verifier keeps what it agrees with.

**Setting.** *n* candidates :math:`x=y\mu+C^{1/2}z` in dimension *d*, z standard normal, :math:`y=\pm1`. A generator
labels them :math:`y'=\operatorname{sign}(w_g\cdot x)`; a verifier keeps those with
:math:`\operatorname{sign}(w_v\cdot x)=y'`. Errors and what is kept thus depend on *x*. The kept rows train

.. math:: w=\Big(\tfrac1n\sum_{\mathrm{kept}}x_ix_i^\top+\lambda\Big)^{-1}\tfrac1n\sum_{\mathrm{kept}}y'_ix_i ,

which is tested on new rows and their true labels.

**Statement.** Only the cosines of :math:`C^{1/2}w_g`, :math:`C^{1/2}w_v` and :math:`C^{-1/2}\mu` matter:
:math:`c_g,c_v` with the mean and *r* with each other; *g*, *v* are the first two as unit vectors, :math:`\tilde m` is
the third. With :math:`m_g=\tilde m\cdot g`, :math:`m_v=\tilde m\cdot v`, :math:`\bar m_v=(m_v-rm_g)/\sqrt{1-r^2}`,
:math:`\bar m_g=(m_g-rm_v)/\sqrt{1-r^2}`, the rows that are kept with a right and with a wrong label are the shares

.. math:: P_\pm=\Phi_2(\pm m_g,\pm m_v;r),\qquad p=P_++P_-,

of all, and by Stein's lemma the whitened rows :math:`y'C^{-1/2}x` of what is kept have the first two moments

.. math:: \nu p=(P_+-P_-)\tilde m+\varphi(m_g)g+\varphi(m_v)v,

.. math:: Sp=p(I+\tilde m\tilde m^\top)+a_g(\tilde mg^\top+g\tilde m^\top-m_ggg^\top)
          +a_v(\tilde mv^\top+v\tilde m^\top-m_vvv^\top)
          +2\varphi(m_g)\varphi(\bar m_v)\{rs(gg^\top-ee^\top)+s^2(ge^\top+eg^\top)\},

:math:`s=\sqrt{1-r^2}`, :math:`e=(v-rg)/s`, :math:`a_g=\varphi(m_g)\{\Phi(\bar m_v)-\Phi(-\bar m_v)\}`,
:math:`a_v=\varphi(m_v)\{\Phi(\bar m_g)-\Phi(-\bar m_g)\}`. They are one group of :math:`pn` rows in the equations of
:mod:`rmtcollapse.equivalents.groups`.

**Consequences.** The verifier keeps a right label with probability :math:`\phi=P_+/\Phi(m_g)` and a wrong one with
:math:`\psi=P_-/\Phi(-m_g)`. Were errors and selection independent of *x*, data without number would lead to the best
classifier for generator errors below :math:`p_*=\phi/(\phi+\psi)` and to its opposite above. Here :math:`p_*`, which a
labelled probe set shows, is a proxy: the accuracy at :math:`n=\infty` lies in between and has no jump. The generator's
error is :math:`p_*` where :math:`P_+=P_-`, that is :math:`m_g=-m_v`: generator and verifier err with probabilities that
sum to one. There, for :math:`C=1`, a reflection exchanges *g* and *v* and the two classes, and the accuracy is one half
whatever *n*, *d* and :math:`\lambda` are.

**Supervision that is independent of x**, given the label: errors :math:`\varepsilon_y` and keep rates
:math:`\phi_y,\psi_y` enter through the shares :math:`p=\sum\pi_y\{(1-\varepsilon_y)\phi_y+\varepsilon_y\psi_y\}` and
:math:`s=\sum\pi_y\{(1-\varepsilon_y)\phi_y-\varepsilon_y\psi_y\}` alone. That is the model ``PrunedSynthetic`` with
``real_samples=0``, the ``label_error`` :math:`\varepsilon=\sum\pi_y\varepsilon_y` and the mean rates ``keep_correct``
:math:`(p+s)/(2-2\varepsilon)` and ``keep_wrong`` :math:`(p-s)/(2\varepsilon)`; its threshold is sharp.

**Notation.** *n* samples, *d* dimension, :math:`\lambda` ridge, :math:`\mu,C` mean and covariance of a class,
:math:`w_g,w_v` generator and verifier, :math:`c_g,c_v,r` cosines, *p* keep fraction, :math:`\phi,\psi` keep rates.

**Source.** The setting is that of Feng et al. [FengEtAl2024]_; the moments and equations at finite *n*/*d* are derived
here and checked by simulation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
from rmtcollapse.models._classifier_values import stated_theory
from rmtcollapse.models._covariance import copied_vector
from rmtcollapse.models._parameters import array, count, model, nonnegative
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.models._triple import check_triple, cosine
from rmtcollapse.models._verified_geometry import Geometry, isotropic, placed, whitened

__all__ = ["VerifiedSynthesis"]

Array = NDArray[np.float64]
NOTHING = "nothing is kept: the verifier contradicts the generator"
_COSINES = ("generator_cosine", "verifier_cosine", "generator_verifier_cosine")
_PROBES = 4096  # rows that measure each keep rate in an experiment


def _direction(symbol: str, meaning: str) -> Any:
    return array(
        symbol, meaning, "finite numbers (d,), not all zero", "d", check=lambda v: np.any(v != 0),
        default=None, optional=True, copied=copied_vector,
    )  # fmt: skip


@model
class VerifiedSynthesis(Model):
    r"""Accuracy of a ridge classifier trained on a linear generator's labels that a linear verifier has let pass.

    Parameters
    ----------
    dimension : int, optional
        Features, *d* >= 1; not needed with `mean`.
    samples : int
        Candidates before verification, *n* >= 1.
    ridge : float
        Penalty :math:`\lambda\ge0` beside a loss divided by *n*; 0 is the minimum-norm limit.
    mean_norm : float, optional
        Length of the class mean, :math:`|\mu|\ge0`; not given with `mean`.
    mean : array (d,), optional
        Mean of the positive class, in place of `dimension` and `mean_norm`.
    covariance : array (d, d) or (d,), optional
        Covariance within a class or its diagonal, beside `mean`; positive definite, one if not given.
    generator_cosine : float, optional
        Cosine of the generator with the mean, :math:`c_g` in [-1, 1].
    verifier_cosine : float, optional
        Cosine of the verifier with the mean, :math:`c_v` in [-1, 1].
    generator_verifier_cosine : float, optional
        Cosine of generator and verifier, *r* in [-1, 1].
    generator : array (d,), optional
        The generator :math:`w_g`; with `verifier` and `mean`, in place of the three cosines.
    verifier : array (d,), optional
        The verifier :math:`w_v`.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, cosines that no three vectors have, or
        vectors and a covariance that disagree.
    """

    dimension: int | None = class_dimension()
    samples: int = count("n", "candidates before verification")
    ridge: float = nonnegative(r"\lambda", "ridge penalty; 0 is the minimum-norm limit", unit="squared feature")
    mean_norm: float | None = class_mean_norm()
    mean: Array | None = class_mean()
    covariance: Array | None = class_covariance()
    generator_cosine: float | None = cosine(
        "c_g", "cosine of the generator with the mean; not given with generator", default=None, optional=True
    )
    verifier_cosine: float | None = cosine(
        "c_v", "cosine of the verifier with the mean; not given with verifier", default=None, optional=True
    )
    generator_verifier_cosine: float | None = cosine(
        "r", "cosine of generator and verifier; not given with them", default=None, optional=True
    )
    generator: Array | None = _direction("w_g", "what labels, in place of cosines")
    verifier: Array | None = _direction("w_v", "what decides which labels are kept, in place of cosines")

    VALUES: ClassVar[Mapping[str, str]] = {
        "accuracy": "probability that a test row is classified correctly",
        "keep_fraction": "share of the candidates that is kept",
        "keep_correct": "probability that a correctly labelled candidate is kept",
        "keep_wrong": "probability that a wrongly labelled candidate is kept",
        "generator_error": "probability that the generator labels wrongly",
        "proxy_threshold": "generator error up to which such keep rates would suffice, if errors did not depend on x",
    }
    SOURCE: ClassVar[str] = "Feng et al. 2024, arXiv 2406.07515 (setting); finite samples derived here"
    ONE_CALL: ClassVar[bool] = False

    @classmethod
    def system(cls) -> Any:
        """The equations, in SymPy: those of one group, with the moments of what is kept."""
        return _system()

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """A class is described once, and so are generator and verifier; there are three such vectors."""
        check_class(values)
        if vectors := [n for n in ("generator", "verifier") if values[n] is not None]:
            _check_vectors(values, vectors)
        else:
            _check_cosines(values)

    def theory(self, digits: int | None = None) -> Prediction:
        """The deterministic equivalent; see :meth:`rmtcollapse.models._base.Model.theory`."""
        from rmtcollapse.equations.normal_values import binormal_cdf
        from rmtcollapse.equivalents.groups_solver import Classifier, Group, ScoredClass
        from rmtcollapse.models._selected import Selected

        digits = None if digits is None else validated_digits(digits)
        where = self._geometry()
        kept = sum(binormal_cdf(s * where.mean_norm * where.generator, s * where.mean_norm * where.verifier, where.both)
                   for s in (1, -1))  # fmt: skip
        if kept == 0:
            return _nothing(where, digits)
        none = np.zeros(3)
        classifier = Classifier(
            [Group(kept * self.samples, where.covariance, none, 1.0)], [ScoredClass(where.covariance, none)],
            where.basis, self.samples, self.ridge, multiplicity=where.multiplicity,
        )  # fmt: skip
        if digits is None:
            classifier = classifier.in_eigenbasis()
        given = {
            "mean_norm": where.mean_norm, "generator_cosine": where.generator, "verifier_cosine": where.verifier,
            "generator_verifier_cosine": where.both, **{f"axis_{k + 1}": np.eye(3)[:, k : k + 1] for k in range(3)},
        }  # fmt: skip
        return stated_theory(self.compiled().numpy, Selected(classifier, given), list(self.VALUES), digits)

    def _cosines(self) -> tuple[float, float, float]:
        generator, verifier, both = (getattr(self, n) for n in _COSINES)
        return generator, verifier, both

    def _geometry(self) -> Geometry:
        if self.generator is not None and self.verifier is not None and self.mean is not None:
            return whitened(self.mean, self.covariance, self.generator, self.verifier)
        if self.mean is not None:
            return isotropic(float(np.linalg.norm(self.mean)), self._cosines(), len(self.mean))
        return isotropic(self.mean_norm or 0.0, self._cosines(), self.dimension or 0)

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw candidates, label, verify and fit them; keep rates are measured on rows drawn given the label's fate."""
        from rmtcollapse.experiments.classification import fit_classifier, score_values

        mixture = class_mixture(self)
        generator, verifier = self.generator, self.verifier
        if generator is None or verifier is None:
            generator, verifier = placed(mixture.mean, self._cosines())
        truth = np.where(rng.random(self.samples) < 0.5, -1.0, 1.0)
        rows = mixture.draw(truth, rng)
        told = np.sign(rows @ generator)
        kept = told == np.sign(rows @ verifier)
        weights = fit_classifier(rows[kept], told[kept], self.ridge, self.samples)
        right, wrong = (mixture.kept_share(generator, verifier, right, _PROBES, rng) for right in (True, False))
        error = float(np.mean(told != truth))
        return {
            "accuracy": score_values(weights, mixture)["accuracy"],
            "keep_fraction": float(np.mean(kept)),
            "keep_correct": right,
            "keep_wrong": wrong,
            "generator_error": error,
            "proxy_threshold": right / (right + wrong) if right + wrong else error,
        }

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """No verification, in closed form; in other units; rows that are all noise, where angles are all there is."""
        made, mean = [], 2.6 * np.array([0.6, 0.0, 0.8, 0.0])
        for n, lam in ((300, 0.2), (60, 0.05), (300, 0.0), (60, 0.0)):
            case = cls(dimension=100, samples=n, ridge=lam, mean_norm=1.3, generator_cosine=0.5, verifier_cosine=0.5,
                       generator_verifier_cosine=1.0)  # fmt: skip
            made.append(Limit("a verifier that is the generator", case, _unverified(100 / n, lam), slack=256.0))
        vector = np.array([1.0, -0.5, 0.3, 0.2])
        for n, lam in ((9, 0.2), (2, 0.0)):
            case = cls(mean=mean, covariance=4 * np.eye(4), samples=n, ridge=4 * lam, generator=vector, verifier=vector)
            cosine = float(mean @ vector / np.linalg.norm(mean) / np.linalg.norm(vector))
            made.append(Limit("features in other units", case, _unverified(4 / n, lam, cosine), slack=256.0))
        noise = cls(dimension=100, samples=150, ridge=0.2, mean_norm=0.0, generator_cosine=0.5, verifier_cosine=0.25,
                    generator_verifier_cosine=0.25)  # fmt: skip
        share = 1 - math.acos(0.25) / math.pi
        half = {"accuracy": 0.5, "keep_fraction": share, "keep_correct": share, "keep_wrong": share}
        made.append(Limit("classes that do not differ: the angle", noise, half))
        return made


def _unverified(phi: float, lam: float, cosine: float = 0.5) -> dict[str, float]:
    """Ridge regression on the generator's labels; mean length 1.3."""
    kappa = ((lam + phi - 1) + math.sqrt((lam + phi - 1) ** 2 + 4 * lam)) / 2
    h = phi / (1 + kappa) ** 2
    length, along = 1.3, 1.3 * cosine
    peak, wrong = math.exp(-(along**2) / 2) / math.sqrt(2 * math.pi), 0.5 * math.erfc(along / math.sqrt(2))
    # Normal equations in the directions of the generator and of the mean across it.
    mean = np.array([along, math.sqrt(length**2 - along**2)])
    second, cross = np.eye(2) + np.outer(mean, mean), np.array([2 * peak, 0.0]) + (1 - 2 * wrong) * mean
    fit = np.linalg.solve(second + kappa * np.eye(2), cross)
    variance = fit @ fit + h / (1 - h) * (1 - 2 * cross @ fit + fit @ second @ fit)
    accuracy = 0.5 * math.erfc(-float(mean @ fit) / math.sqrt(2 * variance))
    return {"accuracy": accuracy, "generator_error": wrong, "keep_fraction": 1.0, "proxy_threshold": 0.5}


def _check_cosines(values: Mapping[str, Any]) -> None:
    """Refuse cosines that are missing, meant for another covariance, or impossible."""
    for name in _COSINES:
        if values[name] is None:
            meaning = VerifiedSynthesis.specs()[name].meaning
            raise MissingParameterError(name, None, f"{meaning}, a number in [-1, 1]")
    if values["covariance"] is not None:
        domain = "given with generator and verifier as vectors, in place of cosines"
        raise ParameterError("covariance", values["covariance"], domain)
    dimension = len(values["mean"]) if values["mean"] is not None else values["dimension"]
    check_triple({n: values[n] for n in _COSINES}, dimension)


def _check_vectors(values: Mapping[str, Any], given: Sequence[str]) -> None:
    """Refuse generator and verifier with something missing, superfluous or of another length."""
    for name in _COSINES:
        if values[name] is not None:
            raise ParameterError(name, values[name], f"left out where {given[0]} is given")
    for name in ("generator", "verifier", "mean"):
        if values[name] is None:
            raise MissingParameterError(name, None, f"an array (d,) beside {given[0]}")
    d = len(values["mean"])
    for name in given:
        if values[name].shape != (d,):
            raise ParameterError(f"{name} of shape", values[name].shape, f"shape ({d},), as mean has it")
    if values["covariance"] is not None:
        matrix = values["covariance"]
        least = matrix.min() if matrix.ndim == 1 else np.linalg.eigvalsh(matrix)[0]
        if not least > d * np.finfo(float).eps * matrix.max():
            raise ParameterError("covariance", matrix, "positive definite, beside a generator")


def _nothing(where: Geometry, digits: int | None) -> Prediction:
    """Without rows the fit is zero; the proxy is where no data would tell either way."""
    import mpmath as mp

    with mp.workdps(digits or 15):
        wrong = mp.ncdf(-mp.mpf(where.mean_norm) * where.generator)
        values = (mp.mpf("0.5"), mp.mpf(0), mp.mpf(0), mp.mpf(0), wrong, wrong)
        shown = values if digits else map(float, values)
        named = dict(zip(VerifiedSynthesis.VALUES, shown, strict=True))
        return Prediction(named, status=NOTHING, digits=digits)


def _system() -> Any:
    import sympy as sp

    from rmtcollapse.equations import normal
    from rmtcollapse.equations.matrices import MatrixParameter
    from rmtcollapse.equations.symbols import Parameter, normal_cdf, unknown
    from rmtcollapse.equivalents.groups import groups_system

    base = groups_system(1, 1)
    symbol = base.symbol
    directions, n = symbol("directions"), symbol("samples")

    def real(name: str, letter: str) -> Parameter:
        return Parameter(name, letter, real=True)

    def vector(name: str, letter: str) -> MatrixParameter:
        return MatrixParameter(name, directions, 1, letter)

    length = unknown("mean_norm", r"|\mu|")
    cg, cv, r = real("generator_cosine", "c_g"), real("verifier_cosine", "c_v"), real("generator_verifier_cosine", "r")
    g, e, e3 = (vector(f"axis_{k}", letter) for k, letter in ((1, "g"), (2, "e"), (3, "e_3")))
    v, m, moment = vector("verifier", "v"), vector("whitened_mean", r"\tilde m"), vector("first_moment", "c")
    side = unknown("side", "s")
    mg, mv = real("along_generator", "m_g"), real("along_verifier", "m_v")
    bv, bg = real("beside_generator", r"\bar m_v"), real("beside_verifier", r"\bar m_g")
    height = unknown("height", "m_3")
    right, wrong, p = unknown("right", "P_+"), unknown("wrong", "P_-"), unknown("kept", "p")
    ag, av, edge = real("edge_generator", "a_g"), real("edge_verifier", "a_v"), unknown("edge", r"\eta")

    def both(x: MatrixParameter, y: MatrixParameter, factor: sp.Expr) -> tuple[sp.MatrixExpr, sp.MatrixExpr]:
        return factor / p * x * y.T, factor / p * y * x.T

    nu = symbol("mean_1")
    spread = (
        m * m.T, *both(m, g, ag), -ag * mg / p * g * g.T, *both(m, v, av), -av * mv / p * v * v.T,
        2 * edge * r * side / p * g * g.T, -2 * edge * r * side / p * e * e.T, *both(g, e, 2 * edge * side**2),
        -nu * nu.T,
    )  # fmt: skip
    formulas = {
        side: sp.sqrt((1 - r) * (1 + r)),
        mg: length * cg,
        mv: length * cv,
        bv: length * normal.quotient(normal.less_product(cv, r, cg), side),
        bg: length * normal.quotient(normal.less_product(cg, r, cv), side),
        height: length * normal.height(cg, cv, r),
        v: sp.MatAdd(r * g, side * e),
        m: sp.MatAdd(mg * g, bv * e, height * e3),
        right: normal.binormal_cdf(mg, mv, r),
        wrong: normal.binormal_cdf(-mg, -mv, r),
        p: right + wrong,
        ag: normal.normal_pdf(mg) * (normal_cdf(bv) - normal_cdf(-bv)),
        av: normal.normal_pdf(mv) * (normal_cdf(bg) - normal_cdf(-bg)),
        edge: normal.normal_pdf(mg) * normal.normal_pdf(bv),
        symbol("rows_1"): p * n,
        moment: sp.MatAdd((right - wrong) * m, normal.normal_pdf(mg) * g, normal.normal_pdf(mv) * v),
        nu: 1 / p * moment,
        symbol("spread_1"): sp.MatAdd(*spread),
        symbol("test_mean_1"): 1 * m,
    }
    correct, mistaken = unknown("keep_correct", r"\phi"), unknown("keep_wrong", r"\psi")
    outputs = {
        unknown("keep_fraction", r"\mathrm{keep}"): p,
        correct: normal.quotient(right, normal_cdf(mg)),
        mistaken: normal.quotient(wrong, normal_cdf(-mg)),
        unknown("generator_error", r"\varepsilon_g"): normal_cdf(-mg),
        unknown("proxy_threshold", "p_*"): correct / (correct + mistaken),
    }
    keep = ("projection_1", "score_mean_1", "score_variance_1", "accuracy")
    return base.given("verified_synthesis", (length, cg, cv, r, g, e, e3), formulas, outputs, keep)
