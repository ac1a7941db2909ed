"""How much of a classifier's forecast error is due to rows that are not Gaussian.

Forecasts breast cancer and two digits, then Gaussian rows of the same number and of many with the same shares, means
and covariances of the classes. Prints the median and the largest gap in points of accuracy of every curve.
"""

from __future__ import annotations

import numpy as np

from rmtcollapse.predict import ClassificationForecast, Table, load_dataset, predict_classification

CASES = {"breast-cancer": (1.0, 0.0), "digits": (8.0, 3.0)}
MANY = 6000


def twin(table: Table, classes: tuple[float, float], rows: int, rng: np.random.Generator) -> Table:
    """Gaussian rows with the first two moments of each class."""
    members = [table.features[table.target == value] for value in classes]
    share = len(members[0]) / sum(map(len, members))
    target = np.where(rng.random(rows) < share, *classes)
    features = np.empty((rows, table.features.shape[1]))
    for value, own in zip(classes, members, strict=True):
        at = target == value
        features[at] = rng.multivariate_normal(own.mean(axis=0), np.cov(own.T), size=int(at.sum()), method="eigh")
    return Table(features, target, table.names, table.target_name, f"{rows} Gaussian rows")


def line(found: ClassificationForecast) -> str:
    """One line of a table in Markdown."""
    gaps = [100 * curve.gaps for curve in found.curves.values()]
    cells = [f"{np.median(abs(g)):.1f} / {g[np.argmax(abs(g))]:+.1f}" for g in gaps]
    return f"| {found.source} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    print("| rows | true labels | 20 % wrong | ridge curve | wrong labels |\n|---|---|---|---|---|")
    for name, classes in CASES.items():
        table, rng = load_dataset(name), np.random.default_rng(0)
        found = predict_classification(table, classes=classes)
        print(line(found), flush=True)
        for rows in (found.rows, MANY):
            size = int(found.regularisation.samples[0])
            print(line(predict_classification(twin(table, classes, rows, rng), samples=size)), flush=True)


if __name__ == "__main__":
    main()
