"""`predict --task jacobian`: a network's weight matrices beside random ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import typer

from rmtcollapse.cli.options import save_plot
from rmtcollapse.cli.output import dumps
from rmtcollapse.errors import ParameterError

__all__ = ["run"]


def run(data: str, unused: Mapping[str, object], plot: Path | None, as_json: bool) -> None:
    """Read weights, compare their singular values with those of random matrices, print, draw.

    Raises
    ------
    ParameterError
        If an option is given that the task does not use, or for a file without weights.
    """
    from rmtcollapse.predict import predict_jacobian, read_weights

    for name, value in unused.items():
        if value is not None:
            raise ParameterError(name, value, "not given for --task jacobian")
    forecast = predict_jacobian(read_weights(data))
    typer.echo(dumps(forecast.to_dict()) if as_json else forecast.report)
    save_plot(forecast.plot, plot)
