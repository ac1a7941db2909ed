r"""A policy tilted towards its reward: what a penalty on the distance from the base buys, once or again and again.

**Setting.** Answers 1, ..., *k* with probabilities :math:`\pi_0` under the base policy and rewards *r*. The policy of
largest :math:`\mathrm E_\pi r-\tau\,\mathrm{KL}(\pi,\pi_0)` is the aim of reinforcement learning from preferences and
of direct preference optimisation; *t* rounds take each policy as the base of the next.

**Statement.**

.. math:: \pi_t\propto\pi_0e^{tr/\tau},\qquad
          \mathrm E_{\pi_t}r=\tau\frac{d\log Z}{dt},\qquad
          \mathrm{KL}(\pi_t,\pi_0)=\frac t\tau\mathrm E_{\pi_t}r-\log Z,\qquad Z=\sum_i\pi_{0,i}e^{tr_i/\tau},

so that *t* rounds at temperature :math:`\tau` are one at :math:`\tau/t`. No policy has more reward at the same
divergence: tilts are the frontier, of slope :math:`d\,\mathrm{KL}/d\,\mathrm E r=t/\tau`. Sampling in proportion to a
positive reward *R* (the target of generative flow networks) is a tilt of the uniform policy by
:math:`r=\log R,\ \tau=1`; *t* rounds are :math:`R^t`.

**Finite samples.** In the experiment every round draws *N* answers from the last policy and tilts their empirical law.
Errors are of order 1/*N*; to leading order the mean reward has the variance

.. math:: \frac1N\sum_{s<t}\sum_i\frac{\pi_{t,i}^2}{\pi_{s,i}}(r_i-\mathrm E_{\pi_t}r)^2 .

**Notation.** :math:`\pi_0` base, *r* reward, :math:`\tau` temperature, *t* rounds, *N* samples.

**Source.** [RafailovEtAl2023]_ (the tilted optimum, stated), [BengioEtAl2021]_ (reward-proportional sampling, setting).
Repeated rounds and the finite-sample error are derived here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rmtcollapse.errors import ParameterError
from rmtcollapse.models._base import Limit, Model, validated_digits
from rmtcollapse.models._parameters import array, count, model, number
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.models._tilt import Tilt, reference_tilt
from rmtcollapse.models._vocabulary import Array, check_law

if TYPE_CHECKING:
    from rmtcollapse.equations.system import System

__all__ = ["TiltedPolicy"]

EXTREME = "the tilt exceeds the range of double precision: all is on the answers of largest reward"


@model
class TiltedPolicy(Model):
    r"""Policy, mean reward and distance from the base of a policy that is tilted towards its reward.

    Parameters
    ----------
    base : array (k,)
        Probabilities of the answers under the base policy, non-negative with sum 1; those of 0 stay 0.
    reward : array (k,)
        Reward of each answer, finite; the logarithm of a positive one for reward-proportional sampling.
    temperature : float
        Penalty on the divergence, :math:`\tau>0`, in units of reward.
    rounds : int
        Tilts, *t* >= 0, each of the policy before.
    samples : int
        Answers that a round of the experiment draws, *N* >= 1.

    Raises
    ------
    ParameterError
        For a value outside its domain, an unknown or a missing parameter, probabilities that do not sum to 1, or
        rewards that are not one for each answer.
    """

    base: Array = array(
        r"\pi_{0,i}", "probabilities of the answers under the base policy", "non-negative numbers with sum 1 (k,)", "k",
        check=lambda v: v >= 0, unit="a probability",
    )  # fmt: skip
    reward: Array = array(
        "r_i", "reward of each answer", "finite numbers (k,), as many as base has", "k", unit="reward"
    )
    temperature: float = number(
        r"\tau", "penalty on the divergence from the base", "a finite number > 0", lambda v: v > 0, unit="reward"
    )
    rounds: int = count("t", "tilts, each of the policy before", least=0, default=1)
    samples: int = count("N", "answers that a round of the experiment draws", default=10_000)

    VALUES: ClassVar[Mapping[str, str]] = {
        "policy": "probabilities of the answers under the last policy",
        "reward_mean": "mean reward of the last policy",
        "divergence": "Kullback-Leibler divergence KL(policy, base)",
    }
    SOURCE: ClassVar[str] = (
        "Rafailov et al. 2023, arXiv 2305.18290 (tilted optimum, stated); Bengio et al. 2021, arXiv 2106.04399 "
        "(reward-proportional sampling); rounds and finite samples derived here"
    )
    ONE_CALL: ClassVar[bool] = False

    @classmethod
    def system(cls) -> System:
        """The equations, in SymPy: the strength is compiled, the policy has a kernel that works in logarithms."""
        from sympy import exp, log

        from rmtcollapse.equations.symbols import Column, parameter, total, unknown
        from rmtcollapse.equations.system import System

        b, r, policy = Column("base", r"\pi_{0,j}"), Column("reward", "r_j"), Column("policy", r"\pi_{t,j}")
        t, tau = parameter("rounds", "t", exact=True), parameter("temperature", r"\tau")
        strength, Z = unknown("strength", r"\beta"), unknown("normaliser", "Z")
        mean, divergence = unknown("reward_mean", r"\mathrm{E}r"), unknown("divergence", "D")
        return System(
            name="tilted_policy",
            parameters=(t, tau),
            columns=(b, r),
            fixed_points=(),
            definitions={},
            outputs={strength: t / tau},
            kernel={
                Z: total(b * exp(strength * r)),
                policy: b * exp(strength * r) / Z,
                mean: total(policy * r),
                divergence: total(policy * log(policy / b)),
            },
        )

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """A law, and a reward for each answer."""
        check_law("base", values["base"])
        if values["reward"].shape != values["base"].shape:
            shown = values["reward"].shape
            raise ParameterError("reward of shape", shown, f"shape {values['base'].shape}, as base has it")

    def columns(self) -> Mapping[str, np.ndarray]:
        """Answers that the base can give."""
        known = self.base > 0
        base = self.base[known] / self.base.sum()
        return {"multiplicity": np.ones(len(base)), "base": base, "reward": self.reward[known]}

    def theory(self, digits: int | None = None) -> Prediction:
        """The tilted policy; see :meth:`Model.theory`."""
        if digits is not None:
            return self._reference(validated_digits(digits))
        from rmtcollapse.equations.solve import solve_point

        solution = solve_point(self.compiled(), self.parameters(), self.columns())
        tilt = self._tilt(solution.outputs["strength"])
        values = {"policy": tilt.law, "reward_mean": tilt.mean(self.reward), "divergence": tilt.to_base}
        status = EXTREME if np.isneginf(tilt.log_ratio).any() else "converged"
        return Prediction(values, {}, tilt.defect(self.reward, solution.outputs["strength"]), 0.0, status)

    def _tilt(self, strength: float) -> Tilt:
        return Tilt.by(self.base / self.base.sum(), self.reward, strength)

    def _reference(self, digits: int) -> Prediction:
        import mpmath as mp

        double = self.theory()
        with mp.workdps(digits + 30):
            found = reference_tilt(self.system(), self.columns(), self.parameters())
            policy = np.array([mp.mpf(0)] * len(self.base), dtype=object)
            policy[self.base > 0] = found["policy"]
            named = {"policy": policy, "reward_mean": found["reward_mean"], "divergence": found["divergence"]}
        return Prediction(named, {}, 0.0, 10.0**-digits, double.status, double.regimes, digits)

    def reward_variance(self) -> float:
        """Variance of the mean reward when every round is fitted to `samples` draws, to leading order in 1/samples."""
        last = self.theory()
        apart = last["policy"] * (self.reward - last["reward_mean"])
        known, total = self.base > 0, 0.0
        for s in range(self.rounds):
            drawn = self.evolve(rounds=s).theory()["policy"]
            with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
                total += float(np.sum(np.where(apart[known] == 0, 0.0, apart[known] ** 2 / drawn[known])))
        return total / self.samples

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw answers from each policy, weight them by their reward, and measure the last one."""
        base = self.base / self.base.sum()
        policy = base
        for _ in range(self.rounds):
            drawn = rng.multinomial(self.samples, policy) / self.samples
            best = self.reward[drawn > 0].max()
            weights = np.where(drawn > 0, drawn * np.exp(np.minimum(self.reward - best, 0.0) / self.temperature), 0.0)
            policy = weights / weights.sum()
        seen = policy > 0
        divergence = float(policy[seen] @ np.log(policy[seen] / base[seen]))
        return {"policy": policy, "reward_mean": float(policy @ self.reward), "divergence": divergence}

    @classmethod
    def limits(cls) -> Sequence[Limit]:
        """A coin, rewards that are logarithms, and rounds that are temperatures."""
        odds, rewards = np.log([1.0, 3.0]), np.log([1.0, 2.0, 3.0, 4.0])
        coin = cls(base=np.full(2, 0.5), reward=odds, temperature=1.0, samples=200)
        flow = cls(base=np.full(4, 0.25), reward=rewards, temperature=1.0, rounds=2, samples=500)
        squares = np.array([1.0, 4.0, 9.0, 16.0]) / 30
        return [
            Limit(
                "a coin and the odds 3",
                coin,
                {
                    "policy": np.array([0.25, 0.75]),
                    "reward_mean": 0.75 * np.log(3.0),
                    "divergence": 0.75 * np.log(3.0) - np.log(2.0),
                },
            ),
            Limit("reward-proportional sampling, twice", flow, {"policy": squares}),
            Limit("two rounds are half the temperature", flow.evolve(rounds=1, temperature=0.5), {"policy": squares}),
        ]
