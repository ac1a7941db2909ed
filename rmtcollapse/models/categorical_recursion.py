r"""A language model trained on its own output: the recursive categorical model, with and without real data.

**Setting.** Tokens 1, ..., *k* of true probabilities *p* (one context; contexts are independent). A model is an
empirical law. Without real data :math:`p^{(0)}=p` and :math:`p^{(m)}` is the law of *n* draws from :math:`p^{(m-1)}`.
With real data :math:`p^{(1)}` is the law of *N* real draws, and with :math:`\hat p^{(m)}` that of *n* draws from
:math:`p^{(m)}`,

.. math:: p^{(m+1)}=\frac{N\,r^{(m)}+n\,\hat p^{(m)}}{N+n},

where :math:`r^{(m)}` is :math:`p^{(1)}` (``fixed``) or the law of *N* new real draws (``fresh``). N = 0 is no real
data, n = 0 real data alone. This is the Wright-Fisher model of genetics, with *k* alleles.

**Statement.** :math:`\mathrm E\,p^{(m)}=p` and every token has the variance :math:`F_mp_i(1-p_i)`, exactly, so that
:math:`\mathrm E\|p^{(m)}-p\|^2=F_m(1-\|p\|^2)` and :math:`\mathrm E\|p^{(m)}\|^2=\|p\|^2+F_m(1-\|p\|^2)`:

.. math::
   F_m&=1-\left(1-\tfrac1n\right)^m\ \text{(none)},\qquad
   F_m=\tfrac1N+\left(1-\tfrac1N\right)\tfrac{n}{N^2+(2N+1)n}(1-r^{m-1})\ \text{(fixed)},\\
   F_m&=\tfrac1Nr^{m-1}+\tfrac{N+n}{N^2+(2N+1)n}(1-r^{m-1})\ \text{(fresh)},\qquad r=\frac{n(n-1)}{(N+n)^2}.

With fixed data synthetic data never add more than about half of what the real sample lacks, whatever their number; with
fresh data they help. The count of one token is a chain of its own, so that :math:`\mathrm E\|p^{(m)}-p\|_1` is exact
too. Collapse and survival are questions about ancestors. Looking back *g* generations, all draws descend from
:math:`A_g` of them, :math:`A_0=n`, as many as boxes are hit when :math:`A_{g-1}` balls fall into *n*. All tokens but
one are lost with probability :math:`\mathrm E\sum_ip_i^A`, and :math:`\mathrm E\sum_i\{1-(1-p_i)^A\}` are left.

**How exact.** Second moments, collapse and survivors with fixed data: for any size. The others: for up to 2,000 draws
(for ``fresh`` and the absolute distance of ``fixed`` also as far as a chain costs a few seconds); beyond that limits of
many draws, which the status names. Then more than 1,000 ancestors are followed by mean and variance (relative error of
time and survivors without real data at most 1e-5, measured against the chain), and the absolute distance is that of
laws of the exact variance and the shape of the diffusion (a few per cent at worst, for tokens drawn once or twice).

**Notation.** *n* synthetic, *N* real samples, *m* generations, :math:`s=\|p\|^2`, :math:`[\cdot]` 1 for the data that
are chosen and 0 for the others.

**Source.** [SeddikEtAl2024]_: setting, and :math:`\mathrm E\|p^{(m)}\|^2` without real data, stated; moments with real
data, distances, survivors and times derived here and checked by simulation (ancestors: Kingman's coalescent, at finite
*n*). The paper's largest amount of synthetic data follows from a bound and is sufficient, not necessary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from rmtcollapse.errors import ConvergenceError, NoExactValueError, ParameterError
from rmtcollapse.models._base import Limit, Model, validated_digits
from rmtcollapse.models._parameters import array, choice, count, model
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.models._vocabulary import Array, Tokens, check_law

if TYPE_CHECKING:
    from rmtcollapse.equations.symbols import Parameter
    from rmtcollapse.equations.system import FixedPoint, System

__all__ = ["CategoricalRecursion", "SyntheticLimit"]

NEVER = "real data: no collapse is for good, its time is infinite"
_ALLOWED_DEFECT = 1e-10


class SyntheticLimit(NamedTuple):
    """Largest numbers of synthetic samples a generation: `exact` in what is asked, and by a sufficient `bound`."""

    exact: float
    bound: float


@model
class CategoricalRecursion(Model):
    r"""What is left of a law over tokens after generations of drawing from it and refitting.

    Parameters
    ----------
    probabilities : array (k,)
        True probabilities of the tokens, non-negative with sum 1 (up to rounding, and divided by it).
    generations : int
        Generations, *m* >= 0; 0 is the true law.
    synthetic_samples : int
        Draws from the last law in each generation, *n* >= 0.
    real_samples : int
        Real draws, *N* >= 0.
    real_data : str
        ``"none"``, ``"fixed"`` (the same in every generation) or ``"fresh"``.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, probabilities that do not sum to 1, real
        samples that are said not to be used, or no samples at all.
    """

    probabilities: Array = array(
        "p_i", "true probabilities of the tokens", "non-negative numbers with sum 1 (k,)", "k",
        check=lambda v: v >= 0, unit="a probability",
    )  # fmt: skip
    generations: int = count("m", "generations of models", least=0)
    synthetic_samples: int = count("n", "draws from the last law in each generation", least=0)
    real_samples: int = count("N", "real draws", least=0, default=0)
    real_data: str = choice("", "which real draws a generation sees", "none", "fixed", "fresh", default="none")

    VALUES: ClassVar[Mapping[str, str]] = {
        "collision_probability": "mean probability that two draws from the last law are alike",
        "squared_distance": "mean squared Euclidean distance of the last law from the true one",
        "absolute_distance": "mean sum of absolute differences of the last law from the true one",
        "collapse_probability": "probability that the last law is on one token",
        "expected_collapse_time": "mean generations until the law is on one token for good",
        "surviving_tokens": "mean number of tokens that the last law can draw",
    }
    SOURCE: ClassVar[str] = (
        "Seddik et al. 2024, arXiv 2404.05090 (collision probability without real data, stated); the rest derived here"
    )
    ONE_CALL: ClassVar[bool] = False
    ASYMPTOTIC: ClassVar[bool] = False
    EVENTS: ClassVar[frozenset[str]] = frozenset({"collapse_probability", "surviving_tokens"})

    @classmethod
    def system(cls) -> System:
        """The equations, in SymPy: second moments are compiled, chains are stated."""
        from rmtcollapse.equations.symbols import Column, limit_product, lost_share, parameter, total, unknown
        from rmtcollapse.equations.system import System
        from rmtcollapse.models._categorical_equations import chain_statement

        p, q = Column("probability", "p_i"), Column("complement", "(1-p_i)")
        n, N = parameter("synthetic_samples", "n", exact=True), parameter("real_samples", "N", exact=True)
        m = parameter("generations", "m", exact=True)
        words = {"pure": "none", "fixed": "fixed", "fresh": "fresh"}
        chosen = [parameter(name, rf"[\mathrm{{{word}}}]", exact=True) for name, word in words.items()]
        rest, unlike, share = unknown("rest", "1-r"), unknown("unlike", "(1-s)"), unknown("spread", "F_m")
        alike = unknown("alike", "s")
        late = lost_share(rest, m - 1)
        scale = N**2 + (2 * N + 1) * n
        each = (
            lost_share(1 / n, m),
            1 / N + (1 - 1 / N) * n / scale * late,
            (1 - late) / N + (N + n) / scale * late,
        )
        outputs = {
            unknown("collision_probability", "S_m"): alike + share * unlike,
            unknown("squared_distance", r"\Delta_m"): share * unlike,
        }
        return System(
            name="categorical_recursion",
            parameters=(n, N, m, *chosen),
            columns=(p, q),
            fixed_points=(_regimes(*chosen),),
            definitions={
                alike: total(p**2),
                unlike: total(p * q),
                rest: scale / (N + n) ** 2,
                share: sum(limit_product(c, e) for c, e in zip(chosen, each, strict=True)),
            },
            outputs=outputs,
            kernel=chain_statement(n, N, m),
        )

    @classmethod
    def arguments(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Real data as numbers, one of them 1; none before the first generation."""
        m, N, n = (values[name] for name in ("generations", "real_samples", "synthetic_samples"))
        pure = np.asarray(N) == 0
        fixed = np.asarray(values["real_data"]) == "fixed"
        begun = 1.0 * (np.asarray(m) > 0)
        # Counts that do not matter must not divide by zero.
        counts = {
            "generations": np.maximum(m, 1),
            "real_samples": np.maximum(N, 1),
            "synthetic_samples": np.where(pure, np.maximum(n, 1), n),
        }
        return {**counts, "pure": begun * pure, "fixed": begun * (~pure & fixed), "fresh": begun * (~pure & ~fixed)}

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """A law, and samples that are used."""
        check_law("probabilities", values["probabilities"])
        if values["real_data"] == "none" and values["real_samples"] > 0:
            raise ParameterError("real_data", "none", "fixed or fresh where real_samples > 0")
        if values["real_samples"] + values["synthetic_samples"] == 0:
            raise ParameterError("synthetic_samples", 0, "an integer >= 1 where there are no real samples")

    # ---- theory -------------------------------------------------------------------------------------------------

    @cached_property
    def tokens(self) -> Tokens:
        """Different probabilities and how many tokens have them."""
        return Tokens.of(self.probabilities)

    def columns(self) -> Mapping[str, np.ndarray]:
        """The law over tokens."""
        t = self.tokens
        return {"multiplicity": t.multiplicity, "probability": t.probability, "complement": t.complement}

    @property
    def _data(self) -> str:
        return "none" if self.real_samples == 0 else self.real_data

    @property
    def _alone(self) -> bool:
        """Whether there is one token only."""
        return len(self.tokens.probability) == 1 and self.tokens.multiplicity[0] == 1

    def theory(self, digits: int | None = None) -> Prediction:
        """Exact values, or limits of many draws that the status names; see :meth:`Model.theory`.

        Raises
        ------
        ConvergenceError
            If a chain does not keep its exact moments.
        ParameterError
            For digits of chains that are too large for mpmath.
        """
        if digits is not None:
            from rmtcollapse.models._categorical_reference import reference

            return reference(self, validated_digits(digits))
        from rmtcollapse.equations.solve import solve_point
        from rmtcollapse.models._categorical_values import EXACT, Chain, Found

        solution = solve_point(self.compiled(), self.arguments(self.parameters()), self.columns())
        unlike = float(self.tokens.multiplicity @ (self.tokens.probability * self.tokens.complement))
        if self.generations == 0 or self._alone:
            found = Found(self._trivial(), EXACT, 0.0)
        else:
            chain = Chain(self.tokens, self.generations, self.synthetic_samples, self.real_samples, self._data)
            found = chain.found(solution.outputs["squared_distance"] / unlike)
        if not found.defect <= _ALLOWED_DEFECT:
            raise ConvergenceError(
                f"categorical_recursion: the chain keeps its exact moments to {found.defect:.1e} only; give fewer draws"
            )
        values = {**solution.outputs, **found.values}
        return Prediction(
            {name: values[name] for name in self.VALUES},
            solution.unknowns,
            max(solution.residual, found.defect),
            0.0,
            self._status(solution.status, found.how),
            (*solution.regimes, found.how),
        )

    def _trivial(self) -> dict[str, float]:
        """The true law, or one token."""
        return {
            "absolute_distance": 0.0,
            "collapse_probability": float(self._alone),
            "expected_collapse_time": self._waiting(),
            "surviving_tokens": float(self.tokens.multiplicity.sum()),
        }

    def _waiting(self) -> float:
        from rmtcollapse.models._ancestors import collapse_time

        if self._data != "none" and not self._alone:
            return math.inf
        return collapse_time(self.synthetic_samples, self.tokens.few())

    def _status(self, status: str, how: str) -> str:
        """What is to be said of the values."""
        from rmtcollapse.models._categorical_values import LIMIT

        notes = [] if status == "converged" else [status]
        if self._data != "none" and not self._alone:
            notes.append(NEVER)
        if how == LIMIT:
            notes.append("values beyond second moments are limits of many draws")
        return "; ".join(notes) or "converged"

    def exact(self) -> Prediction:
        """The theory, where none of its values is a limit.

        Raises
        ------
        NoExactValueError
            Where one is.
        """
        from rmtcollapse.models._categorical_values import LIMIT

        theory = self.theory()
        if LIMIT in theory.regimes:
            raise NoExactValueError("CategoricalRecursion: exact chains are followed for up to 2,000 draws only")
        return Prediction(dict(theory), status="exact" if theory.status == "converged" else f"exact; {theory.status}")

    def largest_synthetic_samples(self, tolerance: float) -> SyntheticLimit:
        r"""How many synthetic samples keep all generations near the law of the real draws, with fixed real data.

        `exact` keeps the root mean squared Euclidean distance from :math:`p^{(1)}` within the tolerance for ever;
        `bound` also the mean sum of absolute differences, by the Cauchy-Schwarz inequality: sufficient, not necessary.
        Infinite where any amount will do. Derived here.

        Raises
        ------
        ParameterError
            For a tolerance that is not positive, or without real samples.
        """
        if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 < tolerance < math.inf:
            raise ParameterError("tolerance", tolerance, "a finite number > 0")
        if self.real_samples == 0:
            raise ParameterError("real_samples", 0, "an integer >= 1 for the law of the real draws to be known")
        t, N = self.tokens, self.real_samples
        unlike = (1 - 1 / N) * float(t.multiplicity @ (t.probability * t.complement))

        def largest(square: float) -> float:
            rest = unlike - square * (2 * N + 1)
            return math.inf if rest <= 0 else float(math.floor(square * N**2 / rest))

        return SyntheticLimit(largest(tolerance**2), largest(tolerance**2 / float(t.multiplicity.sum())))

    # ---- experiment ---------------------------------------------------------------------------------------------

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw, count and refit literally; without real data on until one token is left.

        With real data no time is measured: it is infinite.
        """
        from rmtcollapse.experiments.generations import recursion

        return recursion(
            self.probabilities / self.probabilities.sum(),
            self.generations,
            self.synthetic_samples,
            self.real_samples,
            self._data,
            rng,
        )

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """Closed forms, conserved variance, and what can be counted by hand."""
        coin = cls(probabilities=np.array([0.5, 0.5]), generations=2, synthetic_samples=2)
        common: dict[str, Any] = {
            "probabilities": np.array([0.5, 0.25, 0.25]),
            "generations": 3,
            "synthetic_samples": 6,
        }
        unlike = 0.625
        fixed = unlike * (1 / 4 + 3 / 4 * 6 / 70 * (1 - 0.3))
        fresh = unlike * (1 / 4 * 0.3 + 10 / 70 * 0.7)
        survivors = 3 - 0.5**4 - 2 * 0.75**4
        return [
            Limit(
                "two draws of a coin, twice",
                coin,
                {
                    "collision_probability": 7 / 8, "squared_distance": 3 / 8, "absolute_distance": 3 / 4,
                    "collapse_probability": 3 / 4, "expected_collapse_time": 2.0, "surviving_tokens": 5 / 4,
                },
            ),
            Limit(
                "fixed real data: geometric sum, support of the first sample",
                cls(**{**common, "generations": 2}, real_samples=4, real_data="fixed"),
                {
                    "squared_distance": fixed, "collision_probability": 1 - unlike + fixed,
                    "surviving_tokens": survivors, "collapse_probability": 0.5**4 + 2 * 0.25**4,
                    "expected_collapse_time": math.inf,
                },
            ),
            Limit(
                "fresh real data: geometric sum",
                cls(**{**common, "generations": 2}, real_samples=4, real_data="fresh"),
                {"squared_distance": fresh, "collision_probability": 1 - unlike + fresh},
            ),
            Limit(
                "one generation of real draws",
                cls(**{**common, "generations": 1}, real_samples=4, real_data="fresh"),
                {"squared_distance": unlike / 4, "surviving_tokens": survivors},
            ),
        ]  # fmt: skip


def _regimes(pure: Parameter, fixed: Parameter, fresh: Parameter) -> FixedPoint:
    """Nothing to solve; which data there are."""
    from sympy import true

    from rmtcollapse.equations.system import Branch, FixedPoint

    branches = (
        Branch("synthetic data alone", pure > 0),
        Branch("fixed real data", fixed > 0),
        Branch("fresh real data", fresh > 0),
        Branch("the true law", true),
    )
    return FixedPoint("data", (), (), branches)
