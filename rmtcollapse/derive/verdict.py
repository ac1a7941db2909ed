r"""The verdict of finite matrices on a derivation.

With real Gaussian entries a trace has a relative bias of order 1/n, as large as its fluctuation, so that with enough
trials a z-score condemns every right formula. Complex entries have the same deterministic equivalent with a smaller
bias: the z-score is theirs, and the real ones stand beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from rmtcollapse.derive.binding import bind
from rmtcollapse.derive.matrices import measure
from rmtcollapse.errors import ParameterError

if TYPE_CHECKING:
    from rmtcollapse.derive.derivation import Derivation

__all__ = ["Comparison", "Verdict", "judged"]

_FALSE_ALARM = 1e-3  # probability with which a right formula is condemned
_NOTICEABLE = 0.05  # relative error that must not go unnoticed


@dataclass(frozen=True)
class Comparison:
    """Mean of the draws, its standard error, and the z-score of the theory."""

    mean: Any
    standard_error: float
    z: float
    relative_gap: float


@dataclass(frozen=True)
class Verdict:
    """What finite matrices say of the theory.

    Attributes
    ----------
    passed : bool
        Whether the z-score of complex entries is below the threshold, and an error of 5 % would have exceeded it.
    theory : float or complex
        The value judged.
    complex_entries, real_entries : Comparison
        The draws with complex Gaussian entries, which judge, and with real ones, which show the bias of order 1/n.
    threshold : float
        Of Student's t at a false-alarm rate of 0.001.
    """

    passed: bool
    theory: Any
    complex_entries: Comparison
    real_entries: Comparison
    trials: int
    threshold: float

    @property
    def z(self) -> float:
        """The z-score that judges."""
        return self.complex_entries.z

    @property
    def report(self) -> str:
        """The verdict as text."""
        coarse = abs(self.z) <= self.threshold and not self.passed
        word = "agrees with" if self.passed else "is NOT YET JUDGED by" if coarse else "DISAGREES with"
        lines = [f"theory {self.theory:.8g} {word} {self.trials} draws (|z| <= {self.threshold:.2f})"]
        for name, c in (("complex entries", self.complex_entries), ("real entries", self.real_entries)):
            error = f"{c.standard_error:.2g}"
            lines.append(f"  {name:<16}{c.mean:.8g} +- {error}, z = {c.z:.2f}, relative gap {c.relative_gap:.2e}")
        if coarse:
            lines.append("  the draws are not precise enough to notice an error of 5 %: more trials, or larger sizes")
        lines.append("  real entries have a bias of order 1/size, which is no error of the theory")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.report


def judged(derivation: Derivation, parameters: Mapping[Any, Any], trials: int, seed: int) -> Verdict:
    """Draw finite matrices and compare."""
    if isinstance(trials, bool) or not isinstance(trials, int | np.integer) or trials < 3:
        raise ParameterError("trials", trials, "an integer >= 3")
    theory = derivation.theory(parameters)["value"]
    binding = bind(derivation.symbols, parameters)
    seeds = np.random.SeedSequence(seed).spawn(2 * trials)
    threshold = float(stats.t.ppf(1 - _FALSE_ALARM / 2, trials - 1))
    found = []
    for kind, some in ((True, seeds[:trials]), (False, seeds[trials:])):
        draws = [measure(derivation.expression, binding, np.random.default_rng(s), kind) for s in some]
        found.append(_compared(np.array(draws), theory))
    noticed = threshold * found[0].standard_error <= _NOTICEABLE * abs(theory)
    passed = abs(found[0].z) <= threshold and noticed
    return Verdict(bool(passed), theory, found[0], found[1], int(trials), threshold)


def _compared(draws: np.ndarray, theory: Any) -> Comparison:
    """A complex trace is judged by the worse of its two parts."""
    parts = [draws.real, draws.imag] if isinstance(theory, complex) else [draws.real]
    targets = [theory.real, theory.imag] if isinstance(theory, complex) else [theory]
    errors = [float(p.std(ddof=1)) / np.sqrt(len(p)) for p in parts]
    scores = [
        float((p.mean() - t) / e) if e > 0 else 0.0 if np.isclose(p.mean(), t, rtol=1e-12) else np.inf
        for p, t, e in zip(parts, targets, errors, strict=True)
    ]
    mean = complex(draws.mean()) if isinstance(theory, complex) else float(draws.real.mean())
    gap = abs(mean - theory) / abs(theory) if theory else float(abs(mean))
    return Comparison(mean, float(np.hypot(*errors) if len(errors) == 2 else errors[0]), max(scores, key=abs), gap)
