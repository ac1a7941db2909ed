"""What training writes into weights: a network before and after it has learned the digits, beside random matrices.

Trains scikit-learn's network on its bundled digits and prints the report of `rmtcollapse predict --task jacobian` for
the first weights and for the last. With a path, saves the last ones as an NPZ file that the command reads.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from rmtcollapse.predict import Weights, predict_jacobian


def trained(steps: int, rate: float) -> MLPClassifier:
    """A network of three hidden layers after so many passes over the digits."""
    pixels, digit = load_digits(return_X_y=True)
    network = MLPClassifier((300, 200, 100), learning_rate_init=rate, max_iter=steps, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return network.fit(pixels / 16, digit)


def main(path: str | None = None) -> None:
    """Print both reports."""
    for title, network in (("first weights", trained(1, 1e-12)), ("after 60 passes", trained(60, 1e-3))):
        weights = Weights.of({f"layer {k + 1}": w for k, w in enumerate(network.coefs_)}, title)
        print(predict_jacobian(weights).report, end="\n\n")
    if path is not None:
        np.savez(path, **dict(zip(weights.names, network.coefs_, strict=True)))


if __name__ == "__main__":
    main(*sys.argv[1:2])
