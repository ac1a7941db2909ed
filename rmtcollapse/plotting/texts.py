"""Pictures of what a text loses."""

from __future__ import annotations

from typing import Any

import numpy as np

from rmtcollapse.plotting._axes import COLOURS, points, tidy

__all__ = ["plot_tail_forecast"]


def plot_tail_forecast(forecast: Any, axes: Any = None) -> Any:
    """Draw a forecast of a text: unseen mass against the sample size and against resamplings, theory and samples.

    Parameters
    ----------
    forecast : TailForecast
        From :func:`rmtcollapse.predict.predict_tail`.
    axes : array of two matplotlib Axes, optional
        Where to draw; new ones if not given.
    """
    if axes is None:
        import matplotlib.pyplot as plt

        axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")[1]
    left, right = axes
    # Resampling begins with the sample itself, which a logarithmic axis has no place for.
    for ax, losses, shift in ((left, forecast.growth, 0), (right, forecast.resampling, 1)):
        seen = losses.measured > 0
        ax.plot(losses.x + shift, losses.predicted, color=COLOURS[0], label="theory")
        points(ax, (losses.x + shift)[seen], losses.measured[seen], losses.standard_error[seen], COLOURS[0], "measured")
        ax.set(xscale="log", yscale="log", ylabel="unseen mass")
    left.axvline(forecast.fitted_on, color="0.4", linestyle=":", linewidth=1.2, label="fitted on")
    left.set(xlabel="words in the sample $T$", title=forecast.source)
    right.plot(
        forecast.resampling.x + 1,
        np.minimum(1.0, (forecast.resampling.x + 1) * forecast.resampling.predicted[0]),
        color="0.4",
        linestyle="--",
        linewidth=1,
        label="linear growth, a bound",
    )
    right.set(xlabel="samples drawn one from another $n + 1$", title=rf"$T = T_0 = {forecast.fitted_on}$")
    for ax in (left, right):
        ax.legend(frameon=False, fontsize=8)
        tidy(ax)
    return axes
