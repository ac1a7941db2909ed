r"""Self-play settles, oscillates or diverges: weak regularisation passes the data by, histories bring it back.

Probability of the answer that humans prefer most, which the base policy hardly gives, against rounds. Left: plain
self-play. It nears the data (dotted) from below for :math:`\lambda>1`, in turns for
:math:`\frac12<\lambda<1`, and leaves them in ever larger turns for :math:`\lambda<\frac12`. Right: at such a
:math:`\lambda`, a reference and an opponent that average the last *H* policies are stable for :math:`\lambda>1/(H+1)`,
an opponent alone that does so is not.

Settings from the papers; the laws over four answers, :math:`\lambda` and sizes are chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rmtcollapse.figures._figure import Figure, Guide, Line, Panel, Size
from rmtcollapse.models.self_play import SelfPlay

__all__ = ["FIGURE"]

_DATA, _BASE = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.3, 0.4])
_ROUNDS = range(13)
_WEAK = 0.48


def _panels(size: Size) -> Sequence[Panel]:
    law = Guide("data", [0, 12], [_DATA[0], _DATA[0]])
    strengths = {lam: _play(size, regularization=lam) for lam in (4.0, 1.5, 0.7, _WEAK)}
    histories = {
        "$H = 1$": _play(size),
        "$H = 2$": _play(size, history=2),
        "$H = 4$": _play(size, history=4),
        "all": _play(size, history=None),
        "$H = 4$, opponent only": _play(size, history=4, opponent="history"),
    }
    named = {rf"$\lambda = {lam:g}$": model for lam, model in strengths.items()}
    return [
        Panel("the last policy", _lines(named, size), [law], y="probability of the best answer", log="y"),
        Panel(
            rf"$\lambda = {_WEAK}$",
            _lines(histories, size),
            [law],
            y="probability of the best answer",
            log="y",
            legend="history",
        ),
    ]


def _play(size: Size, regularization: float = _WEAK, history: int | None = 1, opponent: str = "policy") -> SelfPlay:
    return SelfPlay(
        data=_DATA,
        base=_BASE,
        regularization=regularization,
        rounds=0,
        history=history,
        opponent=opponent,
        samples=500 * size.dimension,
    )


def _lines(models: dict[str, SelfPlay], size: Size) -> list[Line]:
    rounds = range(1, size.points + 1)
    return [Line(label, model, "rounds", _ROUNDS, rounds, "policy", entry=0) for label, model in models.items()]


FIGURE = Figure(
    paper="Chen et al. 2024, arXiv 2401.01335; Alami et al. 2024, arXiv 2404.04291",
    panels=_panels,
    sizes={"quick": Size(20, 4, 40), "standard": Size(100, 6, 100), "large": Size(400, 8, 400)},
)
