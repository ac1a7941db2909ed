"""Pictures of a classifier's forecast."""

from __future__ import annotations

from typing import Any

from rmtcollapse.plotting._axes import COLOURS, points, tidy

__all__ = ["plot_classification_forecast"]


def plot_classification_forecast(forecast: Any, axes: Any = None) -> Any:
    """Draw a classifier's forecast: accuracy against rows, ridge and wrong labels, theory as lines, refits as points.

    Parameters
    ----------
    forecast : ClassificationForecast
        From :func:`rmtcollapse.predict.predict_classification`.
    axes : array of three matplotlib Axes, optional
        Where to draw; new ones if not given.
    """
    if axes is None:
        import matplotlib.pyplot as plt

        axes = plt.subplots(1, 3, figsize=(14, 4.2), layout="constrained")[1]
    left, middle, right = axes
    noise, size = forecast.regularisation.noise[0], forecast.regularisation.samples[0]
    _draw(left, forecast.plain, COLOURS[0], "true labels")
    _draw(left, forecast.noisy, COLOURS[1], f"{noise:.0%} wrong labels")
    left.set(xscale="log", xlabel="rows $N$", ylabel="accuracy", title=forecast.source)
    _draw(middle, forecast.regularisation, COLOURS[1], f"{noise:.0%} wrong labels")
    middle.axvline(
        forecast.best_ridge_predicted, color="0.4", linestyle=":", linewidth=1.2, label="best ridge, predicted"
    )
    middle.set(xscale="log", xlabel=r"ridge $\lambda$", ylabel="accuracy", title=f"$N = {size:.0f}$")
    _draw(right, forecast.corruption, COLOURS[0], rf"$\lambda = {forecast.corruption.ridge[0]:.2g}$")
    right.set(xlabel=r"share of wrong labels $\varepsilon$", ylabel="accuracy", title=f"$N = {size:.0f}$")
    for ax in axes:
        ax.legend(frameon=False, fontsize=8)
        tidy(ax)
    return axes


def _draw(ax: Any, curve: Any, colour: str, label: str) -> None:
    ax.plot(curve.x, curve.predicted, color=colour, label=f"theory, {label}")
    points(ax, curve.x, curve.measured, curve.standard_error, colour, "refits")
