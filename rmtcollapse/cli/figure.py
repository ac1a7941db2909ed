"""`rmtcollapse figure`: the papers' figures, as a picture and as a table beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rmtcollapse.cli.options import Json, Seed, Store, interactive, save_plot
from rmtcollapse.cli.output import DATA_FORMATS, PLOT_FORMATS, check_suffix, dumps

if TYPE_CHECKING:
    from rmtcollapse.figures._data import FigureData

__all__ = ["figure"]


def figure(
    name: Annotated[
        str | None, typer.Argument(metavar="FIGURE", help="Name of a figure; all are listed without.")
    ] = None,
    show_all: Annotated[bool, typer.Option("--list", help="List the figures.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Save the picture here (.png, .pdf or .svg); FIGURE.png by default.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Save the table here (.nc, .csv or .json); beside the picture by default.")
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Experiments at each simulated point.")] = None,
    seed: Seed = 0,
    size: Annotated[str | None, typer.Option(help="quick, standard (the default) or large.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small and in seconds: --size quick.")] = False,
    no_simulation: Annotated[bool, typer.Option("--no-simulation", help="Theory alone.")] = False,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Draw a figure of the papers: theory as lines, simulation as points, picture and data saved."""
    if name is None or show_all:
        typer.echo(_listing(as_json))
        return
    from rmtcollapse import figures
    from rmtcollapse.errors import ParameterError

    if quick and size not in (None, "quick"):
        raise ParameterError("size", size, "quick, or not given, with --quick")
    figures.find(name)
    picture = Path(f"{name}.png") if output is None else output
    values = picture.with_suffix(".csv") if data is None else data
    check_suffix("output", picture, PLOT_FORMATS)
    check_suffix("data", values, DATA_FORMATS)
    made = figures.make(
        name,
        size="quick" if quick else size or "standard",
        trials=trials,
        seed=seed,
        simulation=not no_simulation,
        progress=interactive(),
        store=store,
    )
    save_plot(made.plot, picture)
    _write(made, values)
    typer.echo(dumps(_written(made, picture, values)) if as_json else f"{made.report}\nwrote {picture}\nwrote {values}")


def _listing(as_json: bool) -> str:
    from rmtcollapse import figures

    rows = [(name, figures.summary(name), one.paper) for name, one in figures.declarations().items()]
    if as_json:
        return dumps([{"name": n, "summary": s, "paper": p} for n, s, p in rows])
    return "\n".join(f"{name}\n  {text}\n  {paper}" for name, text, paper in rows)


def _write(made: FigureData, path: Path) -> None:
    if path.suffix == ".nc":
        made.to_dataset().to_netcdf(path, engine="scipy")
    elif path.suffix == ".csv":
        made.to_dataframe().to_csv(path, index=False)
    else:
        path.write_text(dumps(made.to_dict()) + "\n", encoding="utf-8")


def _written(made: FigureData, picture: Path, values: Path) -> dict[str, Any]:
    head = {n: v for n, v in made.to_dict().items() if n != "rows"}
    return {**head, "picture": str(picture), "data": str(values), "points": len(made.rows()), **made.agreement()}
