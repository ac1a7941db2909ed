"""`rmtcollapse predict --task tail`: what a text loses as it is sampled again and again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from rmtcollapse.cli.options import interactive, save_plot
from rmtcollapse.cli.output import dumps
from rmtcollapse.errors import ParameterError

__all__ = ["run"]


def run(
    data: str,
    others: Mapping[str, Any],
    samples: int | None,
    repeats: int,
    seed: int,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Forecast, print, draw; `others` are options that are of no use here."""
    from rmtcollapse.predict import load_text, predict_tail, read_text
    from rmtcollapse.predict.texts import TEXTS

    for name, value in others.items():
        if value is not None:
            raise ParameterError(name, value, "not given with --task tail")
    text = load_text(data) if data in TEXTS else read_text(data)
    forecast = predict_tail(text, samples=samples, repeats=repeats, seed=seed, progress=interactive())
    typer.echo(dumps(forecast.to_dict()) if as_json else forecast.report)
    save_plot(forecast.plot, plot)
