"""`rmtcollapse predict --task classification`: a ridge classifier's accuracy on a table of two classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from rmtcollapse.cli.options import interactive, save_plot
from rmtcollapse.cli.output import dumps
from rmtcollapse.errors import ParameterError

__all__ = ["run"]


def run(
    data: str, target: str | None, classes: str | None, how: dict[str, Any], plot: Path | None, as_json: bool
) -> None:
    """Forecast, print, draw; `how` are the options that have a number or nothing."""
    from rmtcollapse.predict import load_dataset, predict_classification, read_table
    from rmtcollapse.predict.tables import BUNDLED

    pair = None if classes is None else _pair(classes)
    table = load_dataset(data) if data in BUNDLED else read_table(data, target)
    given = {n: v for n, v in how.items() if v is not None}
    forecast = predict_classification(table, classes=pair, progress=interactive(), **given)
    typer.echo(dumps(forecast.to_dict()) if as_json else forecast.report)
    save_plot(forecast.plot, plot)


def _pair(text: str) -> tuple[float, float]:
    domain = "two values of the target, such as 3,8"
    try:
        values = [float(v) for v in text.split(",")]
    except ValueError:
        raise ParameterError("classes", text, domain) from None
    if len(values) != 2:
        raise ParameterError("classes", text, domain)
    return values[0], values[1]
