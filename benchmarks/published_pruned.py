"""Pruned synthetic data: the published formula and the corrected one beside the experiment.

Prints the table of ``docs/classifiers.md``: accuracy and risk by the published code's formula, by this package's, and
as simulated (mean and standard error over the trials), from no pruning to much of it, with a large ridge and a small
one.
"""

from __future__ import annotations

from rmtcollapse import simulate
from rmtcollapse.models import PrunedSynthetic

TRIALS = 100
MIXED = PrunedSynthetic(
    dimension=400, real_samples=400, synthetic_samples=1600, ridge=1.0, mean_norm=1.2, label_error=0.2,
    keep_correct=1.0, keep_wrong=1.0,
)  # fmt: skip
PRUNED = MIXED.evolve(keep_correct=0.34, keep_wrong=0.04)
SETTINGS = {
    "no pruning, ridge 0.01": MIXED.evolve(ridge=0.01),
    "28 % kept, ridge 1": PRUNED,
    "28 % kept, ridge 0.1": PRUNED.evolve(ridge=0.1),
    "28 % kept, ridge 0.01": PRUNED.evolve(ridge=0.01),
    "52 % kept, synthetic alone, ridge 0.001": MIXED.evolve(
        dimension=800, real_samples=0, synthetic_samples=800, mean_norm=1.5, keep_correct=0.6, keep_wrong=0.2,
        ridge=0.001,
    ),
}  # fmt: skip


def cells(model: PrunedSynthetic, name: str) -> list[str]:
    """Published, corrected and simulated value of one name."""
    published, measured = model.published().get(name), simulate(model, trials=TRIALS, seed=0)[name]
    shown = "none, V < 0" if published is None else f"{published:.4f}"
    return [shown, f"{model.theory()[name]:.4f}", f"{measured.mean:.4f} ± {measured.standard_error:.4f}"]


def main() -> None:
    """Print one line for every setting."""
    names = ("accuracy", "risk")
    heads = ["setting", *(f"{name}, {who}" for name in names for who in ("published", "corrected", "simulated"))]
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for title, model in SETTINGS.items():
        print("| " + " | ".join([title, *(cell for name in names for cell in cells(model, name))]) + " |", flush=True)


if __name__ == "__main__":
    main()
