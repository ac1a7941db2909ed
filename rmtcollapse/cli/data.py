"""Commands that start from data, and the tour."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rmtcollapse.cli.options import Json, Plot, Seed, interactive, save_plot
from rmtcollapse.cli.output import PLOT_FORMATS, check_suffix, dumps

__all__ = ["demo", "predict"]


def predict(
    data: Annotated[
        str,
        typer.Argument(
            help="A .csv, .npy or .npz file, or a bundled set: breast-cancer, diabetes, digits; for a tail a text, a "
            ".csv of columns token and count, or python-topics; for a jacobian weights in an .npz or .safetensors file."
        ),
    ],
    task: Annotated[
        str, typer.Option(help="What to predict: regression, classification, tail, jacobian.")
    ] = "regression",
    target: Annotated[str | None, typer.Option(help="Target column, by name or position; the last by default.")] = None,
    samples: Annotated[int | None, typer.Option(help="Sample size of the ridge curve; words to fit on.")] = None,
    ridge: Annotated[float | None, typer.Option(help="Ridge of the plain learning curve.")] = None,
    classes: Annotated[str | None, typer.Option(help="Classification: two values of the target, such as 3,8.")] = None,
    noise: Annotated[float | None, typer.Option(help="Classification: share of labels made wrong; 0.2.")] = None,
    repeats: Annotated[int, typer.Option(help="Refits a point.")] = 40,
    seed: Seed = 0,
    plot: Plot = None,
    as_json: Json = False,
) -> None:
    """Your data: predicted learning curves beside measured ones.

    With --task jacobian: singular values of a network's weight matrices (in order), and of their product, beside those
    of random matrices; outliers are counted.
    """
    from rmtcollapse.errors import ParameterError, did_you_mean
    from rmtcollapse.predict import load_dataset, predict_regression, read_table
    from rmtcollapse.predict.tables import BUNDLED

    tasks = ("regression", "classification", "tail", "jacobian")
    if task not in tasks:
        raise ParameterError("task", task, f"one of {', '.join(tasks)}{did_you_mean(task, tasks)}")
    check_suffix("plot", plot, PLOT_FORMATS)
    if task == "classification":
        from rmtcollapse.cli.predict_classification import run as classify

        how = {"samples": samples, "ridge": ridge, "noise": noise, "repeats": repeats, "seed": seed}
        classify(data, target, classes, how, plot, as_json)
        return
    for name, value in (("classes", classes), ("noise", noise)):
        if value is not None:
            raise ParameterError(name, value, f"not given with --task {task}")
    if task == "tail":
        from rmtcollapse.cli.predict_tail import run

        run(data, {"target": target, "ridge": ridge}, samples, repeats, seed, plot, as_json)
        return
    if task == "jacobian":
        from rmtcollapse.cli.predict_jacobian import run as run_weights

        run_weights(data, {"target": target, "samples": samples, "ridge": ridge}, plot, as_json)
        return
    table_read = load_dataset(data) if data in BUNDLED else read_table(data, target)
    forecast = predict_regression(
        table_read, samples=samples, ridge=ridge, repeats=repeats, seed=seed, progress=interactive()
    )
    typer.echo(dumps(forecast.to_dict()) if as_json else forecast.report)
    save_plot(forecast.plot, plot)


def demo(
    plot: Annotated[Path, typer.Option(help="Where to save the picture.")] = Path("rmtcollapse-demo.png"),
    seed: Seed = 0,
) -> None:
    """The tour: a forecast on real data, model collapse in theory and simulation, the verdict, a picture."""
    from rmtcollapse.cli.demo import run

    check_suffix("plot", plot, PLOT_FORMATS)
    run(plot, seed, progress=interactive())
