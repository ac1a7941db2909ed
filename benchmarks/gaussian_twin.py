"""Why a forecast misses on real data: the same forecast on tables that are ever more like the theory.

For each bundled data set: the data themselves; the real features with a linear target of the same signal and noise; and
a Gaussian twin with the same covariance, signal and noise. Prints the median and the largest relative gap between
predicted and measured error for each curve.
"""

from __future__ import annotations

import numpy as np

from rmtcollapse.predict import Table, load_dataset, predict_regression


def twins(table: Table, seed: int = 0) -> dict[str, Table]:
    """The table, its linear twin and its Gaussian twin."""
    rng = np.random.default_rng(seed)
    rows = (table.features - table.features.mean(axis=0)) / table.features.std(axis=0)
    target = table.target - table.target.mean()
    weights = np.linalg.lstsq(rows, target, rcond=None)[0]
    noise = np.sqrt(((target - rows @ weights) ** 2).sum() / (len(target) - rows.shape[1] - 1))
    gaussian = rng.multivariate_normal(np.zeros(rows.shape[1]), np.cov(rows.T), size=len(target))

    def labelled(features: np.ndarray, name: str) -> Table:
        labels = features @ weights + rng.normal(scale=noise, size=len(target))
        return Table(features, labels, table.names, "y", name)

    return {
        "as it is": table,
        "linear target": labelled(rows, "linear twin"),
        "Gaussian twin": labelled(gaussian, "Gaussian twin"),
    }


def main() -> None:
    """Print one line for every table."""
    print(f"{'data':<10}{'table':<16}{'learning curve':>20}{'tuned curve':>20}{'ridge curve':>20}{'regret':>9}")
    for name in ("diabetes", "digits"):
        for kind, table in twins(load_dataset(name)).items():
            found = predict_regression(table)
            gaps = [f"{np.median(abs(c.gaps)):.1%} / {max(c.gaps, key=abs):+.1%}" for c in found.curves]
            print(f"{name:<10}{kind:<16}" + "".join(f"{g:>20}" for g in gaps) + f"{found.regret:>9.1%}")


if __name__ == "__main__":
    main()
