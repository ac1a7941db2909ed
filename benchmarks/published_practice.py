"""Deliberate practice: the published formula for the error and the corrected one beside the experiment.

Prints the table of ``docs/classifiers.md``: the test error by the paper's formula, by this package's, and as simulated
(mean and standard error over the trials).
"""

from __future__ import annotations

from rmtcollapse import simulate
from rmtcollapse.models import DeliberatePractice

TRIALS = 100
HARD = DeliberatePractice(dimension=300, samples=4800, ridge=0.01, pruner_cosine=0.9, keep_fraction=0.5)
SETTINGS = {
    "hard half, good pruner, $n=16d$": HARD,
    "hard third, better pruner, $n=10d$": HARD.evolve(samples=3000, ridge=1e-4, pruner_cosine=0.99, keep_fraction=0.33),
    "all kept, $n=16d$": HARD.evolve(keep_fraction=1.0),
    "easy 40 %, weak pruner, $n=6d$": HARD.evolve(
        samples=1800, ridge=1e-6, pruner_cosine=0.6, keep_fraction=0.4, keep="easy"
    ),
    "hard half, $n=d$": HARD.evolve(samples=300),
}


def main() -> None:
    """Print one line for every setting."""
    print("| setting | error, published | error, corrected | error, simulated |\n|---|---|---|---|")
    for title, model in SETTINGS.items():
        measured = simulate(model, trials=TRIALS, seed=0)["test_error"]
        cells = f"{model.published()['test_error']:.4f} | {model.theory()['test_error']:.4f}"
        print(f"| {title} | {cells} | {measured.mean:.4f} ± {measured.standard_error:.4f} |", flush=True)


if __name__ == "__main__":
    main()
