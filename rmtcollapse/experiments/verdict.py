"""What a comparison of theory and simulation found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse._deferred import deferred

__all__ = ["COARSE", "UNJUDGED", "Row", "Verdict"]

COARSE = "not precise enough"  # how the note of a value begins that is not known well enough to be judged
UNJUDGED = "not judged"  # how the note of a value begins that the experiment says nothing about


@dataclass(frozen=True)
class Row:
    """One value of the verdict.

    Attributes
    ----------
    name : str
        The value.
    theory : float
        What the theory predicts at the model's own size.
    simulated : float
        Extrapolated simulation, theory * (1 + relative_gap).
    standard_error : float
        Of `simulated`.
    z : float
        (simulated - theory) / standard_error.
    relative_gap : float
        Extrapolated gap, relative to the theory.
    slope : float
        Coefficient of 1/k, or of its power `rate`, in the relative gap: the finite-size effect at the model's own size.
    passed : bool
        Whether this value agrees, and an error of 5 % of `scale` would have been noticed.
    scale : float
        |theory|, but at least 1 % of the largest value; 0 where the value has no noise or is infinite.
    note : str
        Why a value was not judged by its z-score.
    rate : float
        Exponent of 1/k in the relative gap.
    """

    name: str
    theory: float
    simulated: float
    standard_error: float
    z: float
    relative_gap: float
    slope: float
    passed: bool
    scale: float = 0.0
    note: str = ""
    rate: float = 1.0


@dataclass(frozen=True)
class Verdict:
    """What :func:`verify` found.

    Attributes
    ----------
    passed : bool
        Whether every judged value agrees, and there is one.
    rows : tuple of Row
        One for each value.
    sizes : tuple of Fraction
        Multiples of the model's size that were simulated.
    trials : int
        Trials at each size.
    threshold : float
        Largest |z| that passes; a right theory exceeds it in any value with probability 0.001.
    means, errors : dict of str to array (sizes,)
        Simulated means and standard errors at each size.
    predictions : dict of str to array (sizes,)
        The theory at each size.
    """

    passed: bool
    rows: tuple[Row, ...]
    sizes: tuple[Fraction, ...]
    trials: int
    threshold: float
    model: str
    means: dict[str, NDArray[np.float64]] = field(repr=False)
    errors: dict[str, NDArray[np.float64]] = field(repr=False)
    predictions: dict[str, NDArray[np.float64]] = field(repr=False)

    plot = deferred("rmtcollapse.plotting", "plot_verdict")

    def __getitem__(self, name: str) -> Row:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"{name}: this verdict has {', '.join(r.name for r in self.rows)}")

    @property
    def conclusive(self) -> bool:
        """False where values agree only because they are not known precisely enough, or none could be judged."""
        seen = [r for r in self.rows if not r.note.startswith(UNJUDGED)]
        return bool(seen) and not any(r.note.startswith(COARSE) for r in seen)

    @property
    def outcome(self) -> str:
        """One of ``agrees``, ``disagrees`` and ``not yet judged``."""
        against = any(abs(r.z) > self.threshold for r in self.rows)
        return "agrees" if self.passed else "disagrees" if against else "not yet judged"

    @property
    def report(self) -> str:
        """The verdict as text."""
        sizes = ", ".join(f"x{s}" for s in self.sizes)
        words = {"agrees": "agrees with", "disagrees": "DISAGREES with", "not yet judged": "is NOT YET JUDGED by"}
        how = f"{self.trials} trials at each of sizes {sizes}, |z| <= {self.threshold:.2f}"
        head = f"{self.model}: theory {words[self.outcome]} simulation ({how})"
        lines = [f"{'value':<18}{'theory':>14}{'simulated':>14}{'std error':>11}{'z':>8}{'gap':>10}"]
        for r in self.rows:
            numbers = (
                f"{r.theory:>14.6g}{r.simulated:>14.6g}{r.standard_error:>11.2g}{r.z:>8.3g}{r.relative_gap:>10.2%}"
            )
            word = "--" if r.note.startswith(UNJUDGED) else "ok" if r.passed else "NO"
            lines.append(f"{r.name:<18}{numbers}  {word}{'  ' + r.note if r.note else ''}")
        return "\n".join([head, *lines])

    def __str__(self) -> str:
        return self.report

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain values."""
        rows = [{**asdict(r), "z": float(r.z)} for r in self.rows]
        sizes = [str(s) for s in self.sizes]
        head = {"model": self.model, "passed": self.passed, "conclusive": self.conclusive, "threshold": self.threshold}
        return {**head, "sizes": sizes, "trials": self.trials, "rows": rows}
