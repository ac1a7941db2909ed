"""The tour in one command: real data, model collapse in theory and simulation, the verdict, one picture."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from rmtcollapse.experiments.simulate import simulate
from rmtcollapse.experiments.verify import verify
from rmtcollapse.models.recursive_regression import RecursiveRegression
from rmtcollapse.plotting import COLOURS, plot_learning_curve, points, tidy
from rmtcollapse.predict import load_dataset, predict_regression
from rmtcollapse.spectra.population import Spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["run"]

_TRIALS = 30
_SHOWN = (0, 2, 5, 10)


def _chain(**changes: Any) -> RecursiveRegression:
    given: dict[str, Any] = {
        "spectrum": Spectrum.isotropic(100),
        "samples": 150,
        "ridge": 0.1,
        "noise_variance": 0.1,
        "generations": 5,
        "generator_samples": 200,
    }
    return RecursiveRegression(**{**given, **changes})


def run(plot: Path, seed: int, progress: bool) -> None:
    """Run the tour, printing as it goes, and save the picture to `plot`."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    started = perf_counter()
    figure, axes = plt.subplots(1, 3, figsize=(14.4, 4.4), layout="constrained")
    print("1. A forecast on real data: scikit-learn's diabetes measurements\n")
    forecast = predict_regression(load_dataset("diabetes"), repeats=20, seed=seed, progress=progress)
    print(forecast.report)
    plot_learning_curve(forecast, axes[0])

    print(
        "\n2. Model collapse: every generation is trained on labels from the one before (d = 100, T0 = 200, T = 150)\n"
    )
    _generations(axes[1], seed)
    _regularisation(axes[2], seed)

    print("\n3. The verdict: is the theory of that picture right?\n")
    small = _chain(spectrum=Spectrum.isotropic(24), samples=36, generator_samples=48)
    print(verify(small, trials=900, sizes=(1, 2, 4), seed=seed, progress=progress).report)
    figure.savefig(plot, dpi=150)
    print(f"\nPicture: {plot}  ({perf_counter() - started:.0f} s)")


def _generations(axes: Axes, seed: int) -> None:
    """Test error against generations: a line for generators with more rows than directions, saturation with fewer."""
    print(f"{'generations':>11}  {'theory':>9}  {'simulated':>18}")
    for rows, colour in ((200, COLOURS[0]), (80, COLOURS[1])):
        theory = [_chain(generations=g, generator_samples=rows).theory()["test_error"] for g in range(11)]
        axes.plot(
            range(11),
            theory,
            color=colour,
            label=rf"$T_0 = {rows}$ ({'more' if rows > 100 else 'fewer'} rows than $d = 100$)",
        )
        for g in _SHOWN:
            found = simulate(_chain(generations=g, generator_samples=rows), _TRIALS, seed)["test_error"]
            points(axes, g, found.mean, found.standard_error, colour)
            if rows == 200:
                print(f"{g:>11}  {theory[g]:>9.4f}  {found.mean:>9.4f} ± {found.standard_error:.4f}")
    axes.set(xlabel="generations $g$", ylabel="test error $E$", title="Model collapse")
    axes.legend(frameon=False, fontsize=9)
    tidy(axes)


def _regularisation(axes: Axes, seed: int) -> None:
    """Test error against ridge for several generations: the sweet spot moves to the right."""
    ridges = np.geomspace(1e-3, 30, 60)
    print(f"\n{'generations':>11}  {'best ridge':>10}  {'test error there':>16}")
    for colour, g in zip(COLOURS, _SHOWN, strict=False):
        chain = _chain(generations=g)
        axes.plot(
            ridges, [chain.evolve(ridge=x).theory()["test_error"] for x in ridges], color=colour, label=f"$g = {g}$"
        )
        best = chain.optimal_ridge()
        lowest = chain.evolve(ridge=best).theory()["test_error"]
        axes.plot(best, lowest, marker="*", markersize=12, color=colour)
        print(f"{g:>11}  {best:>10.4f}  {lowest:>16.4f}")
        for x in (0.01, 0.3, 5.0):
            found = simulate(chain.evolve(ridge=x), _TRIALS, seed)["test_error"]
            points(axes, x, found.mean, found.standard_error, colour)
    axes.set(
        xscale="log",
        xlabel=r"ridge $\lambda$",
        ylabel="test error $E$",
        title="The best ridge (stars) grows with the generations",
    )
    axes.legend(frameon=False, fontsize=9)
    tidy(axes)
