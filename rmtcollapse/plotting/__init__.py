"""Pictures of results: theory as lines, simulation as points with error bars, the paper's symbols on the axes.

Here live functions that take results and return matplotlib axes. Here never lives a computation.
"""

from __future__ import annotations

from rmtcollapse.plotting._axes import COLOURS, new_axes, points, tidy
from rmtcollapse.plotting.accuracies import plot_classification_forecast
from rmtcollapse.plotting.curves import plot_curve
from rmtcollapse.plotting.figures import plot_densities, plot_figure, plot_panel
from rmtcollapse.plotting.laws import plot_law
from rmtcollapse.plotting.results import plot_forecast, plot_learning_curve, plot_verdict, plot_weights
from rmtcollapse.plotting.texts import plot_tail_forecast

__all__ = [
    "COLOURS",
    "new_axes",
    "plot_classification_forecast",
    "plot_curve",
    "plot_densities",
    "plot_figure",
    "plot_forecast",
    "plot_law",
    "plot_learning_curve",
    "plot_panel",
    "plot_tail_forecast",
    "plot_verdict",
    "plot_weights",
    "points",
    "tidy",
]
