r"""Reward against divergence: tilts are the frontier, and repeated tilts run along it.

Left: mean reward against the divergence from a uniform base, over all temperatures, for rewards of 50 answers that are
normal scores, a right answer in ten, or logarithms (a tilt of which is reward-proportional sampling); at small
divergence the reward grows by :math:`\sigma\sqrt{2D}` (dotted, normal scores). Right: rounds that tilt each policy
again. Points tilt the empirical law of *N* answers in place of the policy.

The optimum and its trade-off are the papers'; rewards, temperatures and sizes are chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import ndtri

from rmtcollapse.experiments.grid import Linked
from rmtcollapse.figures._figure import Figure, Guide, Line, Panel, Size, places
from rmtcollapse.models.tilted_policy import TiltedPolicy

__all__ = ["FIGURE"]

_ANSWERS = 50


def _rewards() -> dict[str, Any]:
    ranks = np.arange(1, _ANSWERS + 1)
    right = 1.0 * (ranks > 0.9 * _ANSWERS)
    return {"normal scores": 1 + ndtri((ranks - 0.5) / _ANSWERS), "right or wrong": right, "logarithms": np.log(ranks)}


def _panels(size: Size) -> Sequence[Panel]:
    samples = 100 * size.dimension
    models = {name: _policy(reward, samples) for name, reward in _rewards().items()}
    first = next(iter(models.values()))
    near = np.geomspace(1e-2, 0.3, 20)
    slope = 1 + float(np.std(first.reward)) * np.sqrt(2 * near)
    frontier = [_frontier(name, model, size) for name, model in models.items()]
    rounds = range(1, 13)
    places_of_rounds = sorted({round(12 ** (k / (size.points - 1))) for k in range(size.points)})
    again = [
        Line(rf"$\tau = {tau:g}$", first.evolve(temperature=tau), "rounds", rounds, places_of_rounds, "reward_mean")
        for tau in (20.0, 5.0, 2.0)
    ]
    y = r"mean reward $\mathrm{E}_\pi r$"
    return [
        Panel("all temperatures", frontier, [Guide(r"$\sigma\sqrt{2D}$", near, slope)], y=y, log="x", legend="reward"),
        Panel("repeated tilts", again, y=y, legend="temperature"),
    ]


def _policy(reward: Any, samples: int) -> TiltedPolicy:
    base = np.full(_ANSWERS, 1 / _ANSWERS)
    return TiltedPolicy(base=base, reward=reward, temperature=1.0, samples=samples)


def _frontier(name: str, model: TiltedPolicy, size: Size) -> Line:
    """Mean reward over temperatures, at the divergence of each."""
    every, some = places(0.25, 8.0, size.points, between=8)
    divergence = {float(t): model.evolve(temperature=float(t)).theory()["divergence"] for t in every}
    grid = Linked(list(divergence.values()), {"temperature": list(divergence)}, symbol="D", meaning="KL(policy, base)")
    return Line(name, model, "D", grid, [divergence[float(t)] for t in some], "reward_mean")


FIGURE = Figure(
    paper="Rafailov et al. 2023, arXiv 2305.18290; Bengio et al. 2021, arXiv 2106.04399",
    panels=_panels,
    sizes={"quick": Size(20, 4, 60), "standard": Size(50, 7, 200), "large": Size(200, 10, 1000)},
)
