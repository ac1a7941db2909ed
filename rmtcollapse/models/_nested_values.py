"""Values of the nested matrix-tensor model: which equations an estimate has, and its point on their curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from rmtcollapse.equations.compile import Compiled
from rmtcollapse.equivalents.nested_curves import Nested, NestedTensor, NestedUnfolding, known_energy, third_energy
from rmtcollapse.equivalents.tensor_curves import DIGITS, precise, spiked_point
from rmtcollapse.models._prediction import Prediction
from rmtcollapse.models._tensor_values import certified

__all__ = ["Estimate"]

UNDETECTABLE = "below the threshold: the estimate tells nothing, and the singular value is that of noise"
REMEMBERED = "below the threshold the iteration remembers the signal that it starts at"
RANGE = "a value exceeds the range of double precision"


@cache
def _compiled(tag: str) -> Compiled:
    def build() -> Any:
        from rmtcollapse.equivalents.nested_tensors import nested_system

        return nested_system(tag)

    return Compiled(f"nested {tag}", build, (Path(__file__),))


@dataclass(frozen=True)
class Estimate:
    """What is estimated of the nested model, and how.

    Attributes
    ----------
    sizes : tuple of int
        Sizes of the three modes.
    matrix_strength, tensor_strength : float
        Of the signal.
    tag : str
        One of :data:`rmtcollapse.equivalents.nested_tensors.ESTIMATORS`; for the first mode its sizes are exchanged.
    """

    sizes: tuple[int, int, int]
    matrix_strength: float
    tensor_strength: float
    tag: str

    def theory(self, digits: int | None) -> Prediction:
        """Alignment, accuracy, singular value, and whether the alignment is positive."""
        found = certified(_compiled(self.tag), self._solve, digits)
        seen = float(found.given[f"{self.tag}_seen"])
        shown = {"alignment": "alignment", "accuracy": "accuracy", "singular_value": "value"}
        named = {n: found.outputs[f"{self.tag}_{output}"] for n, output in shown.items()} | {"detectable": seen}
        unknowns = {n.removeprefix(f"{self.tag}_"): v for n, v in found.unknowns.items()}
        status = ("converged" if seen else UNDETECTABLE) if math.isfinite(float(named["singular_value"])) else RANGE
        regime = "detected" if seen else "below the threshold"
        return Prediction(named, unknowns, found.residual, found.certificate, status, (regime,), digits)

    def threshold(self) -> float:
        """The least matrix strength with a positive alignment; infinite where there is none."""
        with precise(DIGITS):
            setting = self._setting()
            least = self._least_energy(setting)
            if least <= 0:
                return 0.0
            return float((least / setting.weight).sqrt()) if setting.weight > 0 else math.inf

    def continuous(self) -> bool:
        """Whether the alignment of the best rank-one tensor grows from zero at the threshold."""
        with precise(DIGITS):
            return NestedTensor(self._setting()).continuous

    def remembered(self) -> dict[str, str]:
        """What an iteration from the signal does not tell of noise, as it ends at one of many local maxima near it."""
        if not self.tag.startswith("tensor") or self.theory(None)["detectable"] or self.continuous():
            return {}
        names = ("alignment", "accuracy") if self.weights_seen() else ("alignment", "accuracy", "singular_value")
        return dict.fromkeys(names, REMEMBERED)

    def weights_seen(self) -> bool:
        """Whether the best rank-one tensor sees the weights of the views even where it sees nothing else."""
        with precise(DIGITS):
            return NestedTensor(self._setting()).weights_seen

    def _setting(self) -> Nested:
        beta_M, beta_T = Decimal(self.matrix_strength), Decimal(self.tensor_strength)
        return Nested(self.sizes, (beta_M * beta_T) ** 2, beta_T**2)

    def _least_energy(self, setting: Nested) -> Decimal:
        """The threshold as p = (beta_T beta_M)^2."""
        first, second, third = self.sizes
        c1, c2, _ = setting.c
        if self.tag.startswith("tensor"):
            curve = NestedTensor(setting)
            return Decimal(0) if self.tag == "tensor_third" and curve.weights_seen else curve.edge.energy
        if self.tag.startswith("unfolding"):
            curve_of = NestedUnfolding(setting, self.tag == "unfolding")
            return curve_of.edge[0] * curve_of.unit
        if self.tag == "known":
            a, b = setting.c_matrix
            return (a * b).sqrt() * (setting.weight + c1 + c2)
        unit = (Decimal(first) * second * third).sqrt() / sum(self.sizes)
        return unit - setting.weight * first * second / (first + second)

    def _solve(self) -> tuple[dict[str, Any], dict[str, Decimal]]:
        """Parameters and unknowns of the stated system."""
        setting = self._setting()
        how = {"tensor": self._tensor, "unfolding": self._unfolding, "third_limit": self._third_limit}
        found, detected, seen = how.get(self.tag, how.get(self.tag.split("_")[0], self._spiked))(setting)
        given: dict[str, Any] = {f"size_{i}": n for i, n in enumerate(self.sizes, 1)}
        given |= {"matrix_strength": self.matrix_strength, "tensor_strength": self.tensor_strength}
        given |= {f"{self.tag}_detected": int(detected), f"{self.tag}_seen": int(seen)}
        if self.tag.startswith("tensor"):
            given[f"{self.tag}_weights"] = int(detected or self.weights_seen())
        return given, {f"{self.tag}_{n}": v for n, v in found.items()}

    def _tensor(self, setting: Nested) -> tuple[dict[str, Decimal], bool, bool]:
        curve = NestedTensor(setting)
        at, detected = curve.point(setting.energy)
        c1, c2, c3 = setting.c
        gamma = at.k * at.u
        w, (t1, t2), g3 = (1 + gamma).sqrt(), at.t, -c3 / at.tau
        found = {"kernel_1": -c1 / (t1 * w), "kernel_2": -c2 / (t2 * w), "kernel_3": g3, "gamma": gamma}
        found |= {"overlap_1": (at.S / t1).sqrt(), "overlap_2": (at.S / t2).sqrt(), "overlap_3": at.u.sqrt()}
        found |= {"excess": at.S, "singular_value": w * at.P - g3}
        return found, detected, detected or (self.tag == "tensor_third" and curve.weights_seen)

    def _unfolding(self, setting: Nested) -> tuple[dict[str, Decimal], bool, bool]:
        found, detected = NestedUnfolding(setting, self.tag == "unfolding").unknowns()
        return found, detected, detected

    def _spiked(self, setting: Nested) -> tuple[dict[str, Decimal], bool, bool]:
        shares, energy = (known_energy if self.tag == "known" else third_energy)(setting)
        at = spiked_point(shares, energy.sqrt())
        found = {f"kernel_{i}": g for i, g in enumerate(at.kernels, 1)}
        found |= {f"overlap_{i}": q for i, q in enumerate(at.overlaps, 1)}
        return found | {"excess": at.s, "singular_value": at.singular_value}, at.detected, at.detected

    def _third_limit(self, setting: Nested) -> tuple[dict[str, Decimal], bool, bool]:
        (wide, tall), energy = third_energy(setting)
        rho = energy / (wide * tall).sqrt()
        detected = rho > 1
        rho = max(rho, Decimal(1))
        return {"m": -1 / rho, "place": rho + 1 / rho}, detected, detected
