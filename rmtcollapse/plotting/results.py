"""Pictures of verdicts and forecasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rmtcollapse.plotting._axes import COLOURS, colour_of, new_axes, points, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rmtcollapse.experiments.verdict import Verdict

    Forecast = Any  # of the floor above

__all__ = ["plot_forecast", "plot_learning_curve", "plot_verdict", "plot_weights"]


def plot_verdict(verdict: Verdict, ax: Axes | None = None) -> Axes:
    """Draw a verdict: relative gaps against 1/size, with the fitted line and its intercept, which is what is judged."""
    axes = new_axes(ax)
    inverse = np.array([float(1 / s) for s in verdict.sizes])
    judged = [r for r in verdict.rows if r.scale > 0]
    for i, row in enumerate(judged):
        colour = colour_of(i, len(judged))
        gap = verdict.means[row.name] / verdict.predictions[row.name] - 1
        points(axes, inverse, gap, verdict.errors[row.name] / abs(verdict.predictions[row.name]), colour)
        x = np.linspace(0.0, inverse.max(), 2 if row.rate == 1 else 64)
        axes.plot(
            x,
            row.relative_gap + row.slope * x**row.rate,
            color=colour,
            linewidth=1.4,
            label=f"{row.name}: z = {row.z:.1f}",
        )
    axes.axhline(0, color="0.4", linewidth=0.8)
    axes.yaxis.set_major_formatter(lambda v, _: f"{v:.1%}")
    axes.set_xlabel("1 / size (multiples of the model's own)")
    axes.set_ylabel("(simulation - theory) / theory")
    axes.set_title(f"{verdict.model}: {verdict.outcome}", loc="left", fontsize=10)
    if judged:
        axes.legend(frameon=False, fontsize=9)
    return tidy(axes)


def plot_forecast(forecast: Forecast, axes: Any = None) -> Any:
    """Draw a forecast: the learning curves and the ridge curve, theory as lines and refits as points."""
    if axes is None:
        import matplotlib.pyplot as plt

        axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")[1]
    plot_learning_curve(forecast, axes[0])
    right, curve = axes[1], forecast.regularisation
    right.plot(curve.ridge, curve.predicted, color=COLOURS[2], label=f"theory, $N = {curve.samples[0]:.0f}$")
    points(right, curve.ridge, curve.measured, curve.standard_error, COLOURS[2], "refits")
    right.axvline(
        forecast.best_ridge_predicted, color="0.4", linestyle=":", linewidth=1.2, label="best ridge, predicted"
    )
    right.set(xscale="log", xlabel=r"ridge $\lambda$", ylabel="mean squared error")
    right.legend(frameon=False, fontsize=9)
    tidy(right)
    return axes


def plot_learning_curve(forecast: Forecast, ax: Axes | None = None) -> Axes:
    """Draw the learning curves of a forecast against the number of rows."""
    axes = new_axes(ax)
    small = f"{forecast.plain.ridge[0]:.2g}"
    for curve, colour, label in (
        (forecast.plain, COLOURS[1], rf"$\lambda = {small}$"),
        (forecast.tuned, COLOURS[0], "best $\\lambda$"),
    ):
        axes.plot(curve.samples, curve.predicted, color=colour, label=f"theory, {label}")
        points(axes, curve.samples, curve.measured, curve.standard_error, colour, "refits")
    axes.axhline(forecast.noise_variance, color="0.4", linestyle=":", linewidth=1.2, label="noise")
    axes.axhline(forecast.variance, color="0.7", linestyle=":", linewidth=1.2, label="target variance")
    axes.set(xscale="log", yscale="log", xlabel="rows $N$", ylabel="mean squared error", title=forecast.source)
    axes.legend(frameon=False, fontsize=8)
    return tidy(axes)


def plot_weights(forecast: Forecast, axes: Any = None) -> Any:
    """Draw singular values of weights: every layer's range beside that of random ones, and those of the product."""
    if axes is None:
        import matplotlib.pyplot as plt

        axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")[1]
    left, right = axes
    for k, layer in enumerate(forecast.layers):
        first = k == 0
        left.vlines(k + 1, *layer.edges, color="0.8", linewidth=8, label="random" if first else None)
        left.plot(np.full(layer.measured.size, k + 1.22), layer.measured, "_", color=COLOURS[0], markersize=9,
                  label="measured" if first else None)  # fmt: skip
    left.set(xlabel="layer", ylabel="singular values", title=forecast.source, xlim=(0.3, len(forecast.layers) + 0.7))
    left.set_xticks(range(1, len(forecast.layers) + 1))
    left.legend(frameon=False, fontsize=9)
    tidy(left)
    _product(right, forecast.product)
    return axes


def _product(axes: Axes, product: Any) -> None:
    """Distribution of log10 of the singular values, which spans decades where layers are many."""
    values = product.measured[product.measured > 0]
    bottom, top = product.edges
    bottom = bottom if bottom > 0 else min(values.min(), top / 100)
    low, high = np.log10(min(values.min(), bottom)), np.log10(max(values.max(), top))
    bins = np.linspace(low, high, 1 + min(max(values.size // 2, 10), 40))
    axes.hist(np.log10(values), bins.tolist(), density=True, color="0.85", edgecolor="0.7", label="measured")
    x = np.linspace(np.log10(bottom), np.log10(top), 402)[1:-1]
    share = product.measured.size / product.shape[0]
    density = product.law.density(10.0 ** (2 * x)) * 10.0 ** (2 * x) * 2 * np.log(10) / share
    axes.plot(x, density, color=COLOURS[0], linewidth=1.8, label="random")
    axes.set(xlabel=r"$\log_{10}$ singular value of the product", ylabel="density")
    axes.legend(frameon=False, fontsize=9)
    tidy(axes)
