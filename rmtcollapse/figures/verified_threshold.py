r"""Verified synthetic data: how wrong a generator may be, for verifiers of several qualities.

Left: accuracy against the generator's error, for verifiers whose errors, given the class, are in directions
perpendicular to the generator's (:math:`r=c_gc_v`). Dots mark where the generator's error is the proxy threshold
:math:`p_*=\phi/(\phi+\psi)`; there generator and verifier err with probabilities that sum to one, and the classifier
guesses. The passage is smooth: there is no jump, even with infinitely many candidates. Right: a generator that errs on
23 %, against the number of candidates; dashed lines are the limits of infinitely many, short of the best accuracy
:math:`\Phi(|\mu|)` (dotted).

The question is the paper's; :math:`|\mu|=1.5`, at the left :math:`d/n=1/4`, :math:`\lambda=0.01` and the cosines are
chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rmtcollapse.experiments.grid import Linked
from rmtcollapse.figures._figure import Figure, Guide, Line, Panel, Size, places
from rmtcollapse.models.verified_synthesis import VerifiedSynthesis

__all__ = ["FIGURE"]

_MEAN = 1.5
_VERIFIERS = (0.2, 0.5, 0.9)


def _panels(size: Size) -> Sequence[Panel]:
    return [_generators(size), _candidates(size)]


def _verified(d: int, n: int, generator: float, verifier: float) -> VerifiedSynthesis:
    return VerifiedSynthesis(
        dimension=d, samples=n, ridge=0.01, mean_norm=_MEAN, generator_cosine=generator, verifier_cosine=verifier,
        generator_verifier_cosine=generator * verifier,
    )  # fmt: skip


def _unverified(d: int, n: int, generator: float) -> VerifiedSynthesis:
    return _verified(d, n, generator, generator).evolve(generator_verifier_cosine=1.0)


def _linked(cosines: np.ndarray, linked: dict[str, Any]) -> Linked:
    from scipy.special import ndtr

    varied: dict[str, Any] = {"generator_cosine": cosines, **linked}
    return Linked(ndtr(-_MEAN * cosines), varied, symbol=r"\varepsilon_g", meaning="error of the generator")


def _generators(size: Size) -> Panel:
    """Accuracy against the generator's error."""
    from scipy.special import ndtr

    d = size.dimension
    simulated = np.linspace(0.95, -0.95, size.points)
    cosines = np.union1d(np.linspace(-1.0, 1.0, 65), simulated)[::-1]
    at = ndtr(-_MEAN * simulated)
    alone = _unverified(d, 4 * d, 0.5)
    lines = [Line("none", alone, "error", _linked(cosines, {"verifier_cosine": cosines}), at, value="accuracy")]
    for c in _VERIFIERS:
        grid = _linked(cosines, {"generator_verifier_cosine": c * cosines})
        lines.append(Line(f"$c_v = {c:g}$", _verified(d, 4 * d, 0.5, c), "error", grid, at, value="accuracy"))
    marked = [_verified(d, 4 * d, -c, c).theory() for c in _VERIFIERS]
    x, y = ([t[n] for t in marked] for n in ("proxy_threshold", "accuracy"))
    guide = Guide("proxy threshold $p_*$", x, y, marker="o")
    return Panel(
        rf"$d/n = 1/4$, $|\mu| = {_MEAN:g}$", lines, guides=[guide], x=r"error of the generator $\varepsilon_g$",
        y="accuracy", legend="verifier",
    )  # fmt: skip


def _candidates(size: Size) -> Panel:
    """Accuracy against the number of candidates."""
    from scipy.special import ndtr

    d = size.dimension
    grid, simulated = places(d / 2, 64 * d, size.points, between=10, whole=True)
    models = {"none": _unverified(d, d, 0.5)} | {f"$c_v = {c:g}$": _verified(d, d, 0.5, c) for c in _VERIFIERS}
    lines = [
        Line(label, model, "samples", grid, simulated, value="accuracy",
             limit=model.evolve(samples=10**9 * d).theory()["accuracy"])
        for label, model in models.items()
    ]  # fmt: skip
    best = Guide(r"$\Phi(|\mu|)$", [d / 2, 64 * d], [ndtr(_MEAN)] * 2)
    return Panel(
        rf"$\varepsilon_g = {ndtr(-_MEAN / 2):.2f}$, $d = {d}$", lines, guides=[best], x="candidates $n$", y="accuracy",
        log="x", legend="verifier",
    )  # fmt: skip


FIGURE = Figure(
    paper="Feng et al. 2024, arXiv 2406.07515",
    panels=_panels,
    sizes={"quick": Size(20, 4, 24), "standard": Size(60, 8, 24), "large": Size(150, 11, 40)},
)
