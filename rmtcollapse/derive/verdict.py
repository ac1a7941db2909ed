r"""The verdict of finite matrices on a derivation.

With real Gaussian entries a trace has a relative bias of order 1/n, as large as its fluctuation, so that with enough
trials a z-score condemns every right formula. Complex entries have the same deterministic equivalent with a smaller
bias: the z-score is theirs, and the real ones stand beside it. What bias there is shrinks with the size: the relative
gap at k times the size is fitted by :math:`a_0+a_1/k`, and :math:`a_0` is judged. An activation is a function of real
numbers, so an expression with random features is judged by its real entries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from rmtcollapse.derive.letters import Dim
from rmtcollapse.derive.matrices import measure
from rmtcollapse.errors import ParameterError

if TYPE_CHECKING:
    from rmtcollapse.derive.derivation import Derivation

__all__ = ["Comparison", "Verdict", "judged"]

_FALSE_ALARM = 1e-3  # probability with which a right formula is condemned
_NOTICEABLE = 0.05  # relative error that must not go unnoticed
_EXACT = 1e-12  # relative gap of a value without noise that is rounding


@dataclass(frozen=True)
class Comparison:
    """The draws of one kind of entries.

    Attributes
    ----------
    mean : float or complex
        Their mean, extrapolated to infinite size and put at the size of the parameters.
    standard_error : float
        Of `mean`.
    z : float
        The z-score of the theory.
    relative_gap : float
        |mean - theory| / |theory|.
    gaps : tuple of float
        The relative gap at each size.
    """

    mean: Any
    standard_error: float
    z: float
    relative_gap: float
    gaps: tuple[float, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What finite matrices say of the theory.

    Attributes
    ----------
    passed : bool
        Whether the z-score is below the threshold, and an error of 5 % would have exceeded it.
    theory : float or complex
        The value judged.
    complex_entries, real_entries : Comparison
        The draws with complex Gaussian entries, which judge, and with real ones, which show the bias of order 1/n.
        With random features there are real ones only, and they judge.
    threshold : float
        Of Student's t at a false-alarm rate of 0.001.
    sizes : tuple of int
        Multiples of the dimensions that were drawn.
    """

    passed: bool
    theory: Any
    complex_entries: Comparison | None
    real_entries: Comparison
    trials: int
    threshold: float
    sizes: tuple[int, ...] = (1,)

    @property
    def judge(self) -> Comparison:
        """The draws that judge."""
        return self.complex_entries or self.real_entries

    @property
    def z(self) -> float:
        """The z-score that judges."""
        return self.judge.z

    @property
    def report(self) -> str:
        """The verdict as text."""
        coarse = abs(self.z) <= self.threshold and not self.passed
        word = "agrees with" if self.passed else "is NOT YET JUDGED by" if coarse else "DISAGREES with"
        where = f" at each of sizes {', '.join(f'x{k}' for k in self.sizes)}" if len(self.sizes) > 1 else ""
        lines = [f"theory {self.theory:.8g} {word} {self.trials} draws{where} (|z| <= {self.threshold:.2f})"]
        for name, c in (("complex entries", self.complex_entries), ("real entries", self.real_entries)):
            if c is not None:
                found = f"{c.mean:.8g} +- {c.standard_error:.2g}, z = {c.z:.2f}, relative gap {c.relative_gap:.2e}"
                shown = f" (at the sizes {', '.join(f'{gap:.1e}' for gap in c.gaps)})" if where else ""
                lines.append(f"  {name:<16}{found}{shown}")
        if coarse:
            lines.append("  the draws are not precise enough to notice an error of 5 %: more trials, or larger sizes")
        lines.append("  real entries have a bias of order 1/size, which is no error of the theory")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.report


def judged(
    derivation: Derivation, parameters: Mapping[Any, Any], trials: int, seed: int, sizes: Sequence[int]
) -> Verdict:
    """Draw finite matrices at every size and compare."""
    if isinstance(trials, bool) or not isinstance(trials, int | np.integer) or trials < 3:
        raise ParameterError("trials", trials, "an integer >= 3")
    multiples = _multiples(sizes)
    theory = derivation.theory(parameters)["value"]
    kinds = (False,) if derivation.coefficients else (True, False)
    found = {kind: list[tuple[np.ndarray, complex]]() for kind in kinds}
    for k, seeds in zip(multiples, np.random.SeedSequence(seed).spawn(len(multiples)), strict=True):
        larger = _resized(derivation, parameters, k)
        binding, value = derivation.bound(larger), derivation.theory(larger)["value"]
        for kind, some in zip((True, False), np.split(np.array(seeds.spawn(2 * trials)), 2), strict=True):
            if kind in found:
                draws = [measure(derivation.expression, binding, np.random.default_rng(s), kind) for s in some]
                found[kind].append((np.array(draws), value))
    threshold = float(stats.t.ppf(1 - _FALSE_ALARM / 2, trials - 1))
    compared = {kind: _compared(sets, theory, multiples) for kind, sets in found.items()}
    judge = compared[kinds[0]]
    noticed = threshold * judge.standard_error <= _NOTICEABLE * abs(theory)
    passed = abs(judge.z) <= threshold and noticed
    return Verdict(bool(passed), theory, compared.get(True), compared[False], int(trials), threshold, multiples)


def _multiples(sizes: Any) -> tuple[int, ...]:
    given = tuple(sizes) if isinstance(sizes, Sequence) and not isinstance(sizes, str) else (sizes,)
    whole = all(isinstance(k, int | np.integer) and not isinstance(k, bool) and k >= 1 for k in given)
    if not given or not whole or len(set(given)) < len(given):
        raise ParameterError("sizes", sizes, "different integers >= 1, multiples of the dimensions, such as (1, 2)")
    return tuple(int(k) for k in given)


def _resized(derivation: Derivation, parameters: Mapping[Any, Any], factor: int) -> dict[Any, Any]:
    """The parameters with every dimension multiplied; eigenvalues keep their law."""
    sizes = {s.name for s in derivation.symbols if isinstance(s, Dim)}
    return {k: v * factor if getattr(k, "name", k) in sizes else v for k, v in parameters.items()}


def _compared(sets: list[tuple[np.ndarray, Any]], theory: Any, sizes: tuple[int, ...]) -> Comparison:
    """Relative gaps, extrapolated; a complex trace is judged by the worse of its two parts."""
    gaps, errors = [], []
    for draws, value in sets:
        scale = abs(value) or 1.0
        parts = [draws.real - np.real(value), draws.imag - np.imag(value)][: 2 if isinstance(theory, complex) else 1]
        gaps.append([p.mean() / scale for p in parts])
        errors.append([p.std(ddof=1) / np.sqrt(len(p)) / scale for p in parts])
    weights = _extrapolation(sizes)
    gap = weights @ np.array(gaps)
    error = np.sqrt(weights**2 @ np.array(errors) ** 2)
    scores = [float(g / e) if e > 0 else 0.0 if abs(g) <= _EXACT else np.inf for g, e in zip(gap, error, strict=True)]
    scale = abs(theory) or 1.0
    mean = theory + scale * (complex(*gap) if isinstance(theory, complex) else float(gap[0]))
    sized = tuple(float(np.hypot.reduce(g)) for g in gaps)
    return Comparison(
        mean, float(scale * np.hypot.reduce(error)), max(scores, key=abs), float(np.hypot.reduce(gap)), sized
    )


def _extrapolation(sizes: tuple[int, ...]) -> np.ndarray:
    """Weights of the gaps that give a_0 of a least-squares line a_0 + a_1/k."""
    k = np.array(sizes, dtype=float)
    design = np.column_stack([np.ones(len(k)), 1 / k][: min(len(k), 2)])
    return np.linalg.pinv(design)[0]  # type: ignore[no-any-return]
