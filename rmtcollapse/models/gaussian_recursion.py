r"""A Gaussian refitted to its own samples: variance that is lost, a mean that drifts, with and without real data.

**Setting.** The truth is :math:`N(0,1)`, in units of its variance: :math:`\mu_0=0,\ \sigma_0^2=1`. Generation *t* fits
mean and variance to

- ``replace``: *n* draws from :math:`N(\mu_{t-1},\sigma_{t-1}^2)`;
- ``accumulate``: all *tn* draws since the first, *n* from each fit;
- ``fresh``: *an* new real draws and :math:`(1-a)n` from :math:`N(\mu_{t-1},\sigma_{t-1}^2)`.

The variance is the mean square deviation (``mle``), or with one draw less in the divisor (``unbiased``).

**Statement.** With :math:`b=1-a` and the maximum-likelihood variance, exactly,

.. math::
   \mathrm E\sigma_t^2=\left(1-\tfrac1n\right)^t\ \text{(replace)},\qquad
   \prod_{j\le t}\left(1-\tfrac1{nj^2}\right)\ \text{(accumulate)},\qquad
   1-\frac{1-\{b(b-1/n)\}^t}{n(1-b(b-1/n))}\ \text{(fresh)},

and :math:`\mathrm E\sigma_t^2+\mathrm E\mu_t^2=1`: refitting moves variance into the mean. Unbiased,
:math:`\mathrm E\sigma_t^2=1` and :math:`\mathrm E\mu_t^2=t/n` where data are replaced, though
:math:`\sigma_t^2\to0`, for

.. math:: \mathrm E\log\sigma_t^2=t\left\{\psi\left(\tfrac{n-1}2\right)-\log\tfrac{n-1}2\right\}<0

(with :math:`\log\frac n2` for maximum likelihood). Accumulated, with :math:`d_t=tn` or :math:`tn-1` the divisor,
:math:`d_{t+1}\sigma_{t+1}^2=\sigma_t^2(d_t+\chi^2_{n-1}+\frac t{t+1}\chi^2_1)`, so that the log variance is a sum of
independent terms and :math:`\mathrm E\log\sigma_t^2` a sum of integrals. With fresh data it is not autonomous, and
from the second generation on known to leading order in 1/*n* only, for 0 < *a* < 1.

**Notation.** *n* samples, *t* generations, *a* real fraction, :math:`[\cdot]` 1 for the workflow and estimator that are
chosen and 0 for the others, :math:`\psi` the digamma function.

**Source.** Replaced data: [ShumailovEtAl2024]_ (that the variance is lost). Accumulated data: the workflow of
[KazdanEtAl2024]_. All formulas are derived here and checked by simulation; the units are those of the true variance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rmtcollapse.errors import NoExactValueError, ParameterError
from rmtcollapse.models._base import Limit, Model, validated_digits
from rmtcollapse.models._parameters import choice, count, model, number
from rmtcollapse.models._prediction import Prediction

if TYPE_CHECKING:
    from rmtcollapse.equations.symbols import Parameter
    from rmtcollapse.equations.system import FixedPoint, System

__all__ = ["GaussianRecursion"]

DRIFTS = "the mean drifts without limit; the variance tends to 0 though its mean does not"
LEADING = "expected_log_variance to leading order in 1/samples"
_CHAINS = 64
VANISHES = "one sample has no spread: the log variance is -infinite"


@model
class GaussianRecursion(Model):
    r"""Variance and drift of a Gaussian fitted to samples of its own, generation after generation.

    Parameters
    ----------
    samples : int
        Draws of each generation, *n* >= 1 (2 where the variance is unbiased).
    generations : int
        Fits, *t* >= 0; 0 is the truth.
    workflow : str
        ``"replace"``, ``"accumulate"`` or ``"fresh"``.
    real_fraction : float
        Share of new real draws in each generation, *a* in [0, 1]; for ``"fresh"`` only.
    estimator : str
        ``"mle"`` or ``"unbiased"``: what the sum of squares is divided by.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, an unbiased variance of one sample, or a
        real fraction where no fresh data are drawn.
    """

    samples: int = count("n", "draws of each generation")
    generations: int = count("t", "number of fits", least=0)
    workflow: str = choice("", "which draws a fit sees", "replace", "accumulate", "fresh", default="replace")
    real_fraction: float = number(
        "a", "share of new real draws", "a number in [0, 1]", lambda v: (v >= 0) & (v <= 1), default=0.0
    )
    estimator: str = choice("", "divisor of the variance", "mle", "unbiased", default="mle")

    VALUES: ClassVar[Mapping[str, str]] = {
        "expected_variance": "mean of the last variance, in units of the true one",
        "mean_squared_drift": "mean squared distance of the last mean from the true one, in the same units",
        "expected_log_variance": "mean of the logarithm of the last variance",
    }
    SOURCE: ClassVar[str] = (
        "Shumailov et al. 2024, Nature 631 (setting); Kazdan et al. 2024, arXiv 2410.16713 (accumulated data); "
        "formulas derived here"
    )
    ONE_CALL: ClassVar[bool] = False
    ASYMPTOTIC: ClassVar[bool] = False

    @classmethod
    def system(cls) -> System:
        """The equations, in SymPy; the mean log variance is stated, and computed by its own kernel."""
        from sympy import Function, Min, S, Symbol, digamma, log

        from rmtcollapse.equations.symbols import kept_share, limit_product, lost_share, parameter, unknown
        from rmtcollapse.equations.system import Recursion, System

        n, t = parameter("samples", "n", exact=True), parameter("generations", "t", exact=True)
        a, b = parameter("real_fraction", "a"), parameter("synthetic_fraction", "b")
        words = {
            "replace_mle": r"\mathrm{replace,mle}", "replace_unbiased": r"\mathrm{replace,unbiased}",
            "fresh_mle": r"\mathrm{fresh,mle}", "fresh_unbiased": r"\mathrm{fresh,unbiased}",
            "accumulate_mle": r"\mathrm{accumulate,mle}", "accumulate_unbiased": r"\mathrm{accumulate,unbiased}",
        }  # fmt: skip
        chosen = {name: parameter(name, f"[{word}]", exact=True) for name, word in words.items()}
        steps = parameter("steps", "t_*", exact=True)
        rest, place = unknown("rest", "c"), unknown("place", "j")
        S2, V = unknown("carried_variance", "v"), unknown("carried_drift", "u")
        pooled = chosen["accumulate_mle"] + chosen["accumulate_unbiased"]
        shares = {
            "accumulate_mle": S2 * (1 - 1 / (n * place**2)),
            "accumulate_unbiased": S2 * (1 - limit_product(Min(place - 1, 1), 1 / (place * (n * place - 1)))),
            "fresh_unbiased": a + b * S2 + n * a * b / (n - 1) * V,
        }
        drifts = pooled * (V + S2 / (n * place**2)) + chosen["fresh_unbiased"] * ((a + b * S2) / n + b**2 * V)
        variance = {
            "replace_mle": kept_share(1 / n, t),
            "replace_unbiased": S.One,
            "fresh_mle": (a * (n * (2 - a) - 1) + kept_share(rest, t)) / (n * rest),
        }
        drift = {
            "replace_mle": lost_share(1 / n, t),
            "replace_unbiased": t / n,
            "fresh_mle": lost_share(rest, t) / (n * rest),
        }
        carried = pooled + chosen["fresh_unbiased"]

        def choose(each: Mapping[str, Any]) -> Any:
            return sum(limit_product(chosen[name], value) for name, value in each.items())

        chi = Function(r"\chi^2")
        ratio = Symbol(r"d_{j+1}\sigma_{j+1}^2/\sigma_j^2")
        return System(
            name="gaussian_recursion",
            parameters=(n, t, steps, a, b, *chosen.values()),
            columns=(),
            fixed_points=(_workflow(chosen["replace_unbiased"]),),
            definitions={rest: a * (2 - a) + b / n},
            recursion=Recursion(
                steps=steps,
                state={S2: (S.One, choose(shares)), V: (S.Zero, drifts), place: (S.One, place + 1)},
            ),
            outputs={
                unknown("expected_variance", r"\mathrm{E}\sigma_t^2"): choose(variance) + limit_product(carried, S2),
                unknown("mean_squared_drift", r"\mathrm{E}\mu_t^2"): choose(drift) + limit_product(carried, V),
            },
            kernel={
                Symbol(r"\mathrm{E}\log\sigma_t^2\ [\mathrm{replace,mle}]"): t * (digamma((n - 1) / 2) - log(n / 2)),
                Symbol(r"\mathrm{E}\log\sigma_t^2\ [\mathrm{replace,unbiased}]"): t
                * (digamma((n - 1) / 2) - log((n - 1) / 2)),
                ratio: Symbol("d_j") + chi(n - 1) + place / (place + 1) * chi(1),
            },
        )

    @classmethod
    def arguments(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Workflow and estimator as six numbers, one of them 1."""
        workflow, unbiased = np.asarray(values["workflow"]), np.asarray(values["estimator"]) == "unbiased"
        # Without real draws nothing is fresh.
        fresh = (workflow == "fresh") & (np.asarray(values["real_fraction"]) > 0)
        pooled = workflow == "accumulate"
        chosen = {"replace": ~fresh & ~pooled, "fresh": fresh, "accumulate": pooled}
        flags = {f"{name}_mle": 1.0 * (one & ~unbiased) for name, one in chosen.items()}
        flags |= {f"{name}_unbiased": 1.0 * (one & unbiased) for name, one in chosen.items()}
        numbers = {name: values[name] for name in ("samples", "generations", "real_fraction")}
        steps = np.where(pooled | (fresh & unbiased), values["generations"], 0)
        return {**numbers, "synthetic_fraction": 1 - np.asarray(values["real_fraction"]), "steps": steps, **flags}

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """A spread needs two samples; real draws need a workflow that has them."""
        few = (np.asarray(values["estimator"]) == "unbiased") & (np.asarray(values["samples"]) < 2)
        if np.any(few):
            raise ParameterError("samples", 1, "an integer >= 2 where estimator is unbiased")
        share = np.asarray(values["real_fraction"])
        unused = (share > 0) & (np.asarray(values["workflow"]) != "fresh")
        if np.any(unused):
            shown = float(np.max(share))
            raise ParameterError("real_fraction", shown, "0 where workflow is not fresh")

    # ---- theory -------------------------------------------------------------------------------------------------

    def theory(self, digits: int | None = None) -> Prediction:
        """Exact moments; see :meth:`Model.theory`."""
        given = self.arguments(self.parameters())
        if digits is not None:
            from rmtcollapse.equations.reference import solve_reference

            solved = solve_reference(self.system(), given, self.columns(), validated_digits(digits))
            return self._prediction(solved, 0.0, 10.0**-digits, digits)
        from rmtcollapse.equations.solve import solve_point

        solution = solve_point(self.compiled(), given, self.columns())
        return self._prediction(solution, solution.residual, solution.certificate, None)

    def _prediction(self, solved: Any, residual: float, certificate: float, digits: int | None) -> Prediction:
        log = self._log(solved.outputs["expected_variance"], digits)
        notes = [] if solved.status == "converged" else [solved.status]
        if self._leading:
            notes.append(LEADING)
        if log == -math.inf:
            notes.append(VANISHES)
        status = "; ".join(notes) or "converged"
        named = {**solved.outputs, "expected_log_variance": log}
        named = {name: named[name] for name in self.VALUES}
        return Prediction(named, solved.unknowns, residual, certificate, status, solved.regimes, digits)

    @property
    def _leading(self) -> bool:
        """Whether the log variance is known to leading order only."""
        return self.workflow == "fresh" and 0 < self.real_fraction < 1 and self.generations > 1

    def _log(self, variance: Any, digits: int | None) -> Any:
        """Mean of the log variance, as a float or with mpmath."""
        n, t, spare = self.samples, self.generations, int(self.estimator == "unbiased")
        if t == 0:
            return 0.0 * variance
        if self._leading:
            return self._leading_log(variance, digits)
        if digits is not None:
            return self._log_reference(digits)
        from rmtcollapse.models._log_variance import log_chi_square, pooled_logs

        one = log_chi_square(n - 1) + (0.0 if spare or n == 1 else math.log1p(-1 / n))
        if self.workflow == "accumulate":
            return -math.inf if n == 1 else one + pooled_logs(n, t, spare)
        return one * (1 if self.real_fraction == 1 else t)

    def _log_reference(self, digits: int) -> Any:
        import mpmath as mp

        from rmtcollapse.models._log_variance import log_chi_square_reference, pooled_logs_reference

        n, t, spare = self.samples, self.generations, int(self.estimator == "unbiased")
        if self.workflow == "accumulate" and t > 100:
            raise ParameterError("digits", digits, "None for more than 100 accumulated generations")
        with mp.workdps(digits + 20):
            one = log_chi_square_reference(n - 1) + (0 if spare or n == 1 else mp.log(1 - mp.mpf(1) / n))
            if self.workflow == "accumulate":
                return -mp.inf if n == 1 else one + pooled_logs_reference(n, t, spare)
            return one * (1 if self.real_fraction == 1 else t)

    def _leading_log(self, variance: Any, digits: int | None) -> Any:
        """Logarithm of the mean, less half of the relative variance, (2/n) times a geometric sum."""
        import mpmath as mp

        b2, lib = (1 - self.real_fraction) ** 2, math if digits is None else mp
        return lib.log(variance) - (1 - b2**self.generations) / (1 - b2) / self.samples

    def exact(self) -> Prediction:
        """The theory, where none of its values is to leading order.

        Raises
        ------
        NoExactValueError
            Where the mean log variance is.
        """
        if self._leading:
            raise NoExactValueError(
                "GaussianRecursion: with fresh data the mean log variance is known to leading order"
            )
        theory = self.theory()
        return Prediction(dict(theory), status="exact" if theory.status == "converged" else f"exact; {theory.status}")

    # ---- experiment ---------------------------------------------------------------------------------------------

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw and fit literally: the mean of many chains, which are cheap.

        Raises
        ------
        ParameterError
            If the real share of the samples is not a whole number of draws.
        """
        n, real = self.samples, round(self.real_fraction * self.samples)
        if abs(real - self.real_fraction * n) > 1e-9 * n:
            raise ParameterError("real_fraction", self.real_fraction, f"a whole number of the {n} samples to be drawn")
        chains = max(1, min(_CHAINS, 10**6 // n))
        mean, variance, pool = np.zeros(chains), np.ones(chains), np.empty((chains, 0))
        for _ in range(self.generations):
            made = mean[:, None] + np.sqrt(variance)[:, None] * rng.standard_normal((chains, n))
            made[:, :real] = rng.standard_normal((chains, real))
            pool = np.concatenate([pool, made], axis=1) if self.workflow == "accumulate" else made
            mean, variance = pool.mean(axis=1), pool.var(axis=1, ddof=int(self.estimator == "unbiased"))
        with np.errstate(divide="ignore"):
            log = float(np.log(variance).mean())
        drift = float((mean**2).mean())
        found = {"expected_variance": float(variance.mean()), "mean_squared_drift": drift}
        return {**found, "expected_log_variance": log} if math.isfinite(log) else found

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """What is known in closed form, and total variance that is conserved."""
        euler = 0.5772156649015329
        replaced = cls(samples=3, generations=4)
        unbiased = replaced.evolve(estimator="unbiased")
        pooled = cls(samples=4, generations=2, workflow="accumulate")
        half = cls(samples=6, generations=3, workflow="fresh", real_fraction=0.5)
        drift = 1 / 6 * (1 + 1 / 6 + 1 / 36)
        return [
            Limit(
                "replaced: geometric loss, psi(1) = -gamma",
                replaced,
                {
                    "expected_variance": 16 / 81,
                    "mean_squared_drift": 65 / 81,
                    "expected_log_variance": -4 * (euler + math.log(1.5)),
                },
            ),
            Limit(
                "unbiased: the mean stays, the logarithm falls, the drift grows",
                unbiased,
                {"expected_variance": 1.0, "mean_squared_drift": 4 / 3, "expected_log_variance": -4 * euler},
            ),
            Limit(
                "accumulated: product of two",
                pooled,
                {"expected_variance": 3 / 4 * 15 / 16, "mean_squared_drift": 19 / 64},
            ),
            Limit(
                "fresh: geometric sum",
                half,
                {"expected_variance": 1 - drift, "mean_squared_drift": drift},
            ),
        ]


def _workflow(drifting: Parameter) -> FixedPoint:
    """Nothing to solve; what is to be said of each workflow."""
    from sympy import true

    from rmtcollapse.equations.system import Branch, FixedPoint

    branches = (Branch("replaced, unbiased", drifting > 0, status=DRIFTS), Branch("other", true))
    return FixedPoint("workflow", (), (), branches)
