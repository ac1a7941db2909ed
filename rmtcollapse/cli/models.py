"""Commands on a model: list and show, predict, measure, judge, sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rmtcollapse.cli.options import Json, Plot, Seed, Store, Trials, interactive, save_plot
from rmtcollapse.cli.output import (
    DATA_FORMATS,
    PLOT_FORMATS,
    check_suffix,
    dataset_json,
    decimals,
    describe,
    dumps,
    table,
    write_dataset,
)
from rmtcollapse.cli.parse import build_curve, build_model, model_class, parse_numbers

__all__ = ["curve", "list_models", "show", "simulate", "theory", "verify"]

Name = Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model; `rmtcollapse list` shows them.")]
Words = Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE...", help="Parameters, such as ridge=0.1.")]


def list_models(as_json: Json = False) -> None:
    """List the models."""
    from rmtcollapse.models import model_classes

    rows = [(name, _headline(cls), cls.SOURCE) for name, cls in model_classes().items()]
    if as_json:
        typer.echo(dumps([{"name": n, "summary": h, "source": s} for n, h, s in rows]))
    else:
        typer.echo(table([(n, h) for n, h, _ in rows]))


def show(
    model: Name,
    as_json: Json = False,
    latex: Annotated[bool, typer.Option("--latex", help="Print the equations only, as LaTeX.")] = False,
) -> None:
    """Show a model: setting, parameters, values, equations, source."""
    cls = model_class(model)
    if latex:
        typer.echo(cls.latex())
        return
    rows = [(n, s.symbol, s.domain, _default(cls, n), s.meaning) for n, s in cls.specs().items()]
    if as_json:
        keys = ("name", "symbol", "domain", "default", "meaning")
        parameters = [dict(zip(keys, row, strict=True)) for row in rows]
        typer.echo(
            dumps(
                {
                    "model": cls.name(),
                    "source": cls.SOURCE,
                    "parameters": parameters,
                    "values": cls.VALUES,
                    "latex": cls.latex(),
                }
            )
        )
        return
    typer.echo(f"{cls.name()}: {_headline(cls)}\n\nParameters")
    typer.echo(table(rows, ("name", "symbol", "domain", "default", "meaning")))
    typer.echo("\nValues\n" + table(list(cls.VALUES.items())))
    typer.echo(f"\nEquations (LaTeX)\n{cls.latex()}\n\nSource\n{cls.SOURCE}")


def theory(
    model: Name,
    parameters: Words = None,
    digits: Annotated[int | None, typer.Option(help="Solve with mpmath to this many decimal digits.")] = None,
    as_json: Json = False,
) -> None:
    """Predict: the deterministic equivalent at these parameters."""
    from rmtcollapse.experiments.entries import by_entry

    built = build_model(model, parameters or [])
    prediction = built.theory(digits)
    values = {k: v if digits is None else decimals(v, digits) for k, v in prediction.items()}
    if as_json:
        typer.echo(
            dumps(
                {
                    "model": built.name(),
                    "parameters": {k: describe(v) for k, v in built.parameters().items()},
                    "values": values,
                    "unknowns": {
                        k: v if digits is None else decimals(v, digits) for k, v in prediction.unknowns.items()
                    },
                    "status": prediction.status,
                    "regimes": prediction.regimes,
                    "residual": prediction.residual,
                    "certificate": prediction.certificate,
                }
            )
        )
        return
    typer.echo(table([(k, f"{v:.12g}" if digits is None else v) for k, v in by_entry(values).items()]))
    typer.echo(f"{prediction.status}; residual {prediction.residual:.1e}, certificate {prediction.certificate:.1e}")


def simulate(
    model: Name, parameters: Words = None, trials: Trials = 100, seed: Seed = 0, as_json: Json = False
) -> None:
    """Measure: repeat the finite-size experiment and print means with standard errors."""
    from rmtcollapse.experiments.entries import by_entry
    from rmtcollapse.experiments.simulate import simulate as run

    built = build_model(model, parameters or [])
    result = run(built, trials, seed, progress=interactive())
    if as_json:
        values = {
            n: {"mean": e.mean, "standard_error": e.standard_error, "trials": e.trials} for n, e in result.items()
        }
        typer.echo(dumps({"model": built.name(), "seed": seed, "values": values}))
        return
    means, errors = (by_entry({n: getattr(e, of) for n, e in result.items()}) for of in ("mean", "standard_error"))
    rows = [(n, f"{mean:.6g}", f"{errors[n]:.2g}") for n, mean in means.items()]
    typer.echo(table(rows, ("value", "mean", f"standard error ({trials} trials)")))


def verify(
    model: Name,
    parameters: Words = None,
    trials: Annotated[int | None, typer.Option(help="Trials at each size; as many as needed if not given.")] = None,
    sizes: Annotated[str | None, typer.Option(help="Multiples of the model's size, such as 1,2,4 or 1/2,1.")] = None,
    claim: Annotated[
        str | None, typer.Option(help="Judge these numbers instead, such as test_error=0.5,bias=0.1.")
    ] = None,
    seed: Seed = 0,
    plot: Plot = None,
    as_json: Json = False,
) -> None:
    """Judge: is the theory right? Exit code 1 if the verdict is against it."""
    from rmtcollapse.experiments.verify import verify as run

    check_suffix("plot", plot, PLOT_FORMATS)
    built = build_model(model, parameters or [])
    claimed = parse_numbers("claim", claim) if claim else None
    multiples: Any = sizes.split(",") if sizes else None
    verdict = run(built, claimed, trials=trials, sizes=multiples, seed=seed, progress=interactive())
    if as_json:
        typer.echo(dumps(verdict.to_dict()))
    else:
        typer.echo(verdict.report)
    save_plot(verdict.plot, plot)
    raise typer.Exit(0 if verdict.passed else 1)


def curve(
    model: Name,
    parameters: Words = None,
    simulate: Annotated[
        int | None, typer.Option(metavar="TRIALS", help="Simulate every point this many times.")
    ] = None,
    plot: Plot = None,
    out: Annotated[Path | None, typer.Option(help="Save the values here (.nc, .csv or .json).")] = None,
    store: Store = None,
    value: Annotated[
        list[str] | None, typer.Option(help="Value to draw (repeatable); the test error by default.")
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Sweep: values over a grid, such as ridge=1e-4:10:60:log or generations=0,1,5."""
    from rmtcollapse.experiments.sweep import sweep

    check_suffix("plot", plot, PLOT_FORMATS)
    check_suffix("out", out, DATA_FORMATS)
    built, grids = build_curve(model, parameters or [])
    dataset = sweep(built, trials=simulate, seed=seed, store=store, progress=interactive(), **grids)
    if out:
        write_dataset(dataset, out)
    if plot:
        from rmtcollapse.plotting import plot_curve

        save_plot(lambda: plot_curve(dataset, values=value), plot)
    if as_json:
        typer.echo(dumps(dataset_json(dataset)))
    elif not out and not plot:
        typer.echo(dataset.to_dataframe().drop(columns="certificate").to_string())
    else:
        typer.echo("\n".join(f"wrote {path}" for path in (out, plot) if path))


def _headline(cls: type) -> str:
    return (cls.__doc__ or "").strip().splitlines()[0]


def _default(cls: Any, name: str) -> str:
    from rmtcollapse.models._parameters import default_of

    return default_of(cls, name)
