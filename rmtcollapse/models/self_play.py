r"""Self-play on discrete policies: rounds of preferring human answers to one's own, and when that settles.

**Setting.** Human answers have the law *p*, policies :math:`\pi_t` are unrestricted softmax policies, :math:`\pi_0` is
the base. A round fits :math:`h=\lambda\log(\pi_{t+1}/\bar\pi_t)` to preferences of human answers *y* over answers
*y'* of an opponent *q*, by the loss :math:`\mathrm E_{y\sim p,\,y'\sim q}\log(1+e^{-h(y)+h(y')})`. Its only
minimiser is :math:`h=\log(p/q)` up to a constant, since then every pair is balanced, so that

.. math:: \pi_{t+1}\propto\bar\pi_t\,(p/q)^{1/\lambda}.

The reference is :math:`\bar\pi_t=g_t^{1-a}\pi_0^a`, with :math:`g_t` the geometric mean of the last *H* policies. The
opponent is :math:`g_t` (``policy``), :math:`\bar\pi_t` (``reference``), or the mixture of the last *H* policies, with
:math:`\bar\pi_t=\pi_t^{1-a}\pi_0^a` (``history``).

**Statement.** With :math:`\rho=1-a-1/\lambda` (``policy``) or :math:`(1-a)(1-1/\lambda)` (``reference``) and
:math:`w=(1/\lambda)/(1-\rho)`, the log policy is that of a fixed point plus a share :math:`D_t` of where it began:

.. math:: \pi_t\propto p\,(\pi_0/p)^{1-w+wD_t},\qquad D_0=1,\quad
          D_{t+1}=\frac{\rho}{H}\sum_{k<H}D_{t-k}\quad(\text{over all while }t<H-1).

*H* = 1: :math:`D_t=\rho^t`, one step at :math:`a=0,\lambda=1`, monotone for :math:`\lambda>1`, oscillating for
:math:`\frac12<\lambda<1`, diverging below. A history stabilises: :math:`\rho>-H` is enough
(:math:`\lambda>1/(H+1)`); the whole history is stable for every :math:`\lambda`, though
:math:`D_t\propto t^{-(1-\rho)}` only. A history in the opponent alone does not: linearised, it is stable for
:math:`1/\lambda<2H\sin^2\frac{\pi}{2H}`, which is less than 2 for H > 2.

**Finite samples.** In the experiment every round has *N* new human answers and *N* of the opponent's. To leading order
the contrast of two answers has the variance :math:`V_{t+1}=\rho^2V_t+(1/p_i+1/p_j+1/q_i+1/q_j)/(N\lambda^2)` (H = 1).

**Notation.** *p* data, :math:`\pi_0` base, :math:`\lambda` regularisation, *t* rounds, *a* mixing with the base, *H*
history, *N* samples, :math:`[\cdot]` 1 for the opponent that is chosen.

**Source.** Setting: [ChenEtAl2024]_ and [AlamiEtAl2024]_ (regularised, with mixtures and histories). The closed forms,
thresholds and rates are derived here; that of ``history`` is linearised, its policies are iterated exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rmtcollapse.errors import ParameterError
from rmtcollapse.models._base import Limit, Model, validated_digits
from rmtcollapse.models._parameters import array, choice, count, model, number
from rmtcollapse.models._play import characteristic, contraction, linear_share, mixture_log_ratios
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.models._tilt import Tilt, reference_tilt
from rmtcollapse.models._vocabulary import Array, check_law

if TYPE_CHECKING:
    from rmtcollapse.equations.system import System

__all__ = ["SelfPlay"]

OSCILLATES = "the policy passes the fixed point in every round"
DIVERGES = "unstable: the policy leaves the fixed point behind"
SLOW = "stable, but only by a power of the rounds"
LINEARISED = "contraction and stability are those of the linearised rounds"
LONGEST = 500
EXTREME = "the policy exceeds the range of double precision: all is on one side"


@model
class SelfPlay(Model):
    r"""Policy after rounds of self-play, how far it is from the data, and whether the rounds settle.

    Parameters
    ----------
    data : array (k,)
        Law of the human answers, positive with sum 1.
    base : array (k,)
        First policy, positive with sum 1.
    regularization : float
        Penalty on leaving the reference, :math:`\lambda>0`.
    rounds : int
        Rounds, *t* >= 0; 0 is the base.
    base_mixing : float
        Share of the base in the reference, *a* in [0, 1].
    history : int, optional
        Policies that are averaged, *H* >= 1; None for all.
    opponent : str
        Whose answers human ones are preferred to: the averaged ``"policy"``, the ``"reference"``, or the ``"history"``
        of policies, each as likely, which then is not in the reference.
    samples : int
        Human answers, and answers of the opponent, in each round of the experiment, *N* >= 1.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, laws that do not sum to 1 or are not of one
        length.
    """

    data: Array = array(
        "p_j", "law of the human answers", "positive numbers with sum 1 (k,)", "k", check=lambda v: v > 0,
        unit="a probability",
    )  # fmt: skip
    base: Array = array(
        r"\pi_{0,j}", "first policy", "positive numbers with sum 1 (k,), as many as data has", "k",
        check=lambda v: v > 0, unit="a probability",
    )  # fmt: skip
    regularization: float = number(
        r"\lambda", "penalty on leaving the reference", "a finite number > 0", lambda v: v > 0
    )
    rounds: int = count("t", "rounds of self-play", least=0)
    base_mixing: float = number(
        "a", "share of the base in the reference", "a number in [0, 1]", lambda v: (v >= 0) & (v <= 1), default=0.0
    )
    history: int | None = count("H", "policies that are averaged, or none for all", default=1, optional=True)
    opponent: str = choice(
        "", "whose answers human ones are preferred to", "policy", "reference", "history", default="policy"
    )
    samples: int = count("N", "answers of each kind in a round of the experiment", default=10_000)

    VALUES: ClassVar[Mapping[str, str]] = {
        "policy": "probabilities of the answers under the last policy",
        "divergence": "Kullback-Leibler divergence KL(data, policy)",
        "contraction": "factor by which a round brings the policy towards its fixed point, in absolute value",
        "stable": "1 where the rounds settle, else 0",
    }
    SOURCE: ClassVar[str] = (
        "Chen et al. 2024, arXiv 2401.01335 and Alami et al. 2024, arXiv 2404.04291 (settings); formulas derived here"
    )
    ONE_CALL: ClassVar[bool] = False
    UNMEASURED: ClassVar[frozenset[str]] = frozenset({"contraction", "stable"})
    SCALE_FREE: ClassVar[frozenset[str]] = Model.SCALE_FREE | {"history"}

    @classmethod
    def system(cls) -> System:
        """The equations, in SymPy: rates and weights are compiled, the policy has a kernel that works in logarithms."""
        from sympy import IndexedBase, Sum, log, symbols

        from rmtcollapse.equations.symbols import Column, parameter, total, unknown
        from rmtcollapse.equations.system import System

        p, base, policy = Column("data", "p_j"), Column("base", r"\pi_{0,j}"), Column("policy", r"\pi_{t,j}")
        lam, a, t = parameter("regularization", r"\lambda"), parameter("base_mixing", "a"), parameter("rounds", "t")
        mixed = parameter("reference", r"[\mathrm{reference}]", exact=True)
        rate, weight = unknown("rate", r"\rho"), unknown("weight", "w")
        share, Z, divergence = unknown("share", "D_t"), unknown("normaliser", "Z"), unknown("divergence", "K_t")
        D = IndexedBase("D")
        k, H, i = symbols("k H i", integer=True)
        tilted = p * (base / p) ** (1 - weight + weight * share)
        return System(
            name="self_play",
            parameters=(lam, a, mixed, t, share),
            columns=(p, base),
            fixed_points=(),
            definitions={},
            outputs={rate: 1 - a - (1 - mixed * a) / lam, weight: 1 / (1 + (lam - mixed) * a)},
            kernel={
                D[i + 1]: rate / H * Sum(D[i - k], (k, 0, H - 1)),
                Z: total(tilted),
                policy: tilted / Z,
                divergence: total(p * log(p / policy)),
            },
        )

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Two laws over the same answers."""
        for name in ("data", "base"):
            check_law(name, values[name])
        if values["base"].shape != values["data"].shape:
            shown = values["base"].shape
            raise ParameterError("base of shape", shown, f"shape {values['data'].shape}, as data has it")
        if values["history"] is not None and values["history"] > LONGEST:
            raise ParameterError("history", values["history"], f"an integer from 1 to {LONGEST}, or none for all")

    def columns(self) -> Mapping[str, np.ndarray]:
        """The two laws."""
        data, base = self.data / self.data.sum(), self.base / self.base.sum()
        return {"multiplicity": np.ones(len(data)), "data": data, "base": base}

    # ---- theory -------------------------------------------------------------------------------------------------

    def _arguments(self, share: Any) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in ("regularization", "base_mixing", "rounds")}
        return {**given, "reference": float(self.opponent == "reference"), "share": share}

    def theory(self, digits: int | None = None) -> Prediction:
        """The policy after so many rounds; see :meth:`Model.theory`."""
        if digits is not None:
            return self._reference(validated_digits(digits))
        from rmtcollapse.equations.solve import solve_point

        rates = solve_point(self.compiled(), self._arguments(1.0), self.columns()).outputs
        columns = self.columns()
        p, contrast = columns["data"], np.log(columns["base"] / columns["data"])
        if self.opponent == "history":
            score, strength = self._mixture(contrast, p), 1.0
        else:
            share = linear_share(rates["rate"], self.rounds, self.history)
            score, strength = contrast, 1 - rates["weight"] + rates["weight"] * share
        tilt = Tilt.by(p, score, strength)
        factor, stable = self._stability(rates["rate"])
        values = {"policy": tilt.law, "divergence": tilt.from_base, "contraction": factor, "stable": float(stable)}
        unknowns = {"rate": rates["rate"], "weight": rates["weight"]}
        status = self._status(rates["rate"], stable, bool(np.isneginf(tilt.log_ratio).any()))
        return Prediction(values, unknowns, tilt.defect(score, strength), 0.0, status)

    def _mixture(self, contrast: Any, data: Any) -> Any:
        inverse, a = contrast[0] * 0 + 1, contrast[0] * 0 + self.base_mixing
        return mixture_log_ratios(contrast, inverse / self.regularization, a, data, self.rounds, self.history)

    def _stability(self, rate: float) -> tuple[float, bool]:
        """Factor of a round and whether it settles."""
        lam, a, H, mixture = self.regularization, self.base_mixing, self.history, self.opponent == "history"
        if H is None:
            return 1.0 if a == 0 or not mixture else 1 - a, True
        if H == 1:
            return abs(rate), abs(rate) < 1
        factor = contraction(characteristic(rate, lam, a, H, mixture))
        if mixture:
            return factor, 1 / lam < 2 * H * math.sin(math.pi / (2 * H)) ** 2 if a == 0 else factor < 1
        return factor, rate > -H

    def _status(self, rate: float, stable: bool, extreme: bool) -> str:
        mixture = self.opponent == "history" and self.history != 1
        notes = [] if not extreme else [EXTREME]
        if not stable:
            notes.append(DIVERGES)
        elif self.history is None:
            notes.append(SLOW)
        elif rate < 0 and not mixture:
            notes.append(OSCILLATES)
        if mixture:
            notes.append(LINEARISED)
        return "; ".join(notes) or "converged"

    def _reference(self, digits: int) -> Prediction:
        import mpmath as mp

        double = self.theory()
        with mp.workdps(digits + 30):
            lam, a = mp.mpf(self.regularization), mp.mpf(self.base_mixing)
            rate = 1 - a - (1 - a * (self.opponent == "reference")) / lam
            if self.opponent == "history":
                policy, divergence = self._reference_mixture()
            else:
                share = linear_share(rate, self.rounds, self.history)
                found = reference_tilt(self.system(), self.columns(), self._arguments(share))
                policy, divergence = found["policy"], found["divergence"]
            factor = abs(rate) if self.history == 1 else mp.mpf(self._reference_factor(rate, double["contraction"]))
            named = {
                "policy": policy,
                "divergence": divergence,
                "contraction": factor,
                "stable": mp.mpf(double["stable"]),
            }
        return Prediction(named, {}, 0.0, 10.0**-digits, double.status, double.regimes, digits)

    def _reference_mixture(self) -> tuple[Any, Any]:
        import mpmath as mp

        p, base = (np.array([mp.mpf(x) for x in law], dtype=object) for law in (self.data, self.base))
        p, base = p / sum(p), base / sum(base)
        y = self._mixture(np.array([mp.log(b / q) for b, q in zip(base, p, strict=True)], dtype=object), p)
        return p * np.array([mp.exp(v) for v in y], dtype=object), -mp.fsum(p * y)

    def _reference_factor(self, rate: Any, double: float) -> Any:
        """Largest modulus among all roots, with mpmath."""
        import mpmath as mp

        H, lam, a = self.history, mp.mpf(self.regularization), mp.mpf(self.base_mixing)
        if H is None:
            return double
        lower = [-rate / H] * H
        if self.opponent == "history":
            lower = [1 / (lam * H)] * H
            lower[0] -= 1 - a
        return max(abs(z) for z in mp.polyroots([mp.mpf(1), *lower], maxsteps=500, extraprec=400))

    # ---- finite samples -----------------------------------------------------------------------------------------

    def contrast_variance(self, first: int, second: int) -> float:
        r"""Variance of :math:`\log\pi_t(i)/\pi_t(j)` in the experiment, to leading order in 1/samples.

        Raises
        ------
        ParameterError
            For answers that there are not, or where policies are averaged or mixed with the base.
        """
        for name, place in (("first", first), ("second", second)):
            if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(self.data):
                raise ParameterError(name, place, f"an integer from 0 to {len(self.data) - 1}")
        if self.history != 1 or (self.base_mixing > 0 and self.opponent == "reference"):
            raise ParameterError("history", self.history, "1, and an opponent that is the last policy")
        places, variance = [first, second], 0.0
        human = float(np.sum(1 / self.columns()["data"][places]))
        rate = self.theory().unknowns["rate"]
        for t in range(self.rounds):
            drawn = self.evolve(rounds=t).theory()["policy"][places]
            variance = rate**2 * variance + (human + np.sum(1 / drawn)) / (self.samples * self.regularization**2)
        return float(variance)

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Play the rounds: draw answers, fit preferences by Newton's method, move the policy.

        Raises
        ------
        ConvergenceError
            If an answer was not drawn, so that the fit has no minimum.
        """
        from rmtcollapse.experiments.preferences import play

        columns = self.columns()
        log_policy = play(
            columns["data"], columns["base"], self.regularization, self.rounds, self.base_mixing, self.history,
            self.opponent, self.samples, rng,
        )  # fmt: skip
        policy = np.exp(log_policy)
        divergence = float(columns["data"] @ (np.log(columns["data"]) - log_policy))
        return {"policy": policy, "divergence": divergence}

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """One step, fixed points, and rates of each regime."""
        p, base = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
        common: dict[str, Any] = {"data": p, "base": base, "rounds": 4, "samples": 500}
        root = np.sqrt(p * base)
        flat = p * (base / p) ** -0.4
        return [
            Limit(
                "one step to the data",
                cls(**common, regularization=1.0),
                {"policy": p, "divergence": 0.0, "contraction": 0.0, "stable": 1.0},
            ),
            Limit(
                "plain: a geometric path",
                cls(**{**common, "rounds": 1}, regularization=2.0),
                {"policy": root / root.sum(), "contraction": 0.5, "stable": 1.0},
            ),
            Limit(
                "mixed reference and opponent, a = 1: one step for ever",
                cls(**common, regularization=2.5, base_mixing=1.0, opponent="reference"),
                {"policy": (q := p**0.4 * base**0.6) / q.sum(), "contraction": 0.0, "stable": 1.0},
            ),
            Limit(
                "regularisation between a half and one: past the data",
                cls(**{**common, "rounds": 1}, regularization=1 / 1.4),
                {"policy": flat / flat.sum(), "contraction": 0.4, "stable": 1.0},
            ),
            Limit(
                "the whole history: two rounds",
                cls(**{**common, "rounds": 2}, regularization=2.0, history=None),
                {"policy": (r := p * (base / p) ** 0.375) / r.sum(), "contraction": 1.0, "stable": 1.0},
            ),
        ]
