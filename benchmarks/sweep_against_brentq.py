"""A ridge curve of 200 points over 1,000 eigenvalues: one sweep against a loop of scipy's brentq, in one process.

Repetitions alternate. The loop solves for kappa at full precision and evaluates the same five values with NumPy. Prints
best and median times, their ratio and the largest relative difference; exits 1 if that exceeds 1e-12.
"""

from __future__ import annotations

import sys
from time import perf_counter

import numpy as np
from scipy.optimize import brentq

from rmtcollapse import Spectrum, models, sweep

SAMPLES, NOISE, REPETITIONS = 500, 0.1, 50
SPECTRUM = Spectrum.power_law(1000, capacity=1.5, source=0.5)
RIDGES = np.geomspace(1e-6, 10, 200)


def by_brentq() -> np.ndarray:
    """The loop; (ridges, values)."""
    s, w2 = SPECTRUM.eigenvalues, SPECTRUM.signal
    assert w2 is not None
    rows = []
    for ridge in RIDGES:

        def defect(log_kappa: float, ridge: float = ridge) -> float:
            kappa = np.exp(log_kappa)
            return kappa * (1 - (s / (s + kappa)).sum() / SAMPLES) - ridge

        ends = np.log(ridge), np.log(ridge + s.sum() / SAMPLES)
        kappa = np.exp(brentq(defect, *ends, xtol=1e-15, rtol=4 * np.finfo(float).eps))
        learned = s / (s + kappa)
        df2 = (learned**2).sum()
        slack = SAMPLES * ridge / kappa + kappa * (learned / (s + kappa)).sum()
        bias = SAMPLES * kappa**2 * (w2 * learned / (s + kappa)).sum() / slack
        variance = NOISE * df2 / slack
        rows.append((bias + variance, bias, variance, kappa, (ridge / kappa) ** 2 * (bias + variance + NOISE)))
    return np.array(rows)


def by_sweep() -> np.ndarray:
    """One call; (ridges, values)."""
    model = models.RidgeRegression(spectrum=SPECTRUM, samples=SAMPLES, ridge=1.0, noise_variance=NOISE)
    found = sweep(model, ridge=RIDGES)
    return np.stack([found[name].values for name in model.VALUES], axis=1)


def main() -> int:
    """Alternate the two and report."""
    difference = float(np.max(abs(by_sweep() / by_brentq() - 1)))
    times: dict[str, list[float]] = {"brentq loop": [], "sweep": []}
    for _ in range(REPETITIONS):
        for name, run in (("brentq loop", by_brentq), ("sweep", by_sweep)):
            started = perf_counter()
            run()
            times[name].append(perf_counter() - started)
    for name, taken in times.items():
        print(f"{name:<12} best {min(taken) * 1e3:7.2f} ms   median {np.median(taken) * 1e3:7.2f} ms")
    loop, once = times.values()
    print(f"ratio        best {min(loop) / min(once):7.1f}      median {np.median(loop) / np.median(once):7.1f}")
    print(f"largest relative difference {difference:.1e}")
    return 0 if difference <= 1e-12 else 1


if __name__ == "__main__":
    sys.exit(main())
