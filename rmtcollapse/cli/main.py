"""Commands. Exit code 0: fine; 1: the verdict is against the theory; 2: bad input, in one line."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from rmtcollapse.cli.figure import figure
from rmtcollapse.cli.options import Json, Plot, Seed, Store, Trials, interactive, save_plot
from rmtcollapse.cli.output import (
    DATA_FORMATS,
    PLOT_FORMATS,
    check_suffix,
    dataset_json,
    decimals,
    describe,
    describe_law,
    dumps,
    table,
    write_dataset,
)
from rmtcollapse.cli.parse import build_curve, build_model, model_class, parse_numbers
from rmtcollapse.errors import ConvergenceError

__all__ = ["app", "main"]

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="A random-matrix-theory calculator: what does the theorem predict for these numbers, and is it right?",
)

Name = Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model; `rmtcollapse list` shows them.")]
Words = Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE...", help="Parameters, such as ridge=0.1.")]


@app.callback(invoke_without_command=True)
def front(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from rmtcollapse import __version__

        typer.echo(__version__)
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List the models."""
    from rmtcollapse.models import model_classes

    rows = [(name, _headline(cls), cls.SOURCE) for name, cls in model_classes().items()]
    if as_json:
        typer.echo(dumps([{"name": n, "summary": h, "source": s} for n, h, s in rows]))
    else:
        typer.echo(table([(n, h) for n, h, _ in rows]))


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


app.command()(figure)


@app.command()
def density(
    law: Annotated[
        str,
        typer.Argument(metavar="LAW", help="Such as marchenko-pastur:ratio=0.5; join with + and @, group with ()."),
    ],
    points: Annotated[int, typer.Option(help="Points in each interval of the support.")] = 200,
    at: Annotated[str | None, typer.Option(help="Print the density at these x instead, such as 0.5,1,2.")] = None,
    matrix: Annotated[
        int | None, typer.Option(metavar="SIZE", help="Draw one matrix of this size; its eigenvalues join the plot.")
    ] = None,
    seed: Seed = 0,
    plot: Plot = None,
    as_json: Json = False,
) -> None:
    """Spectral laws: support, atoms, masses and density on the real axis.

    Laws: marchenko-pastur:ratio=1/2, semicircle:variance=1, free-poisson:rate=2,jump=1, fuss-catalan:order=3,
    atoms:values=-1;1,weights=0.5;0.5, uniform:low=0,high=1, exponential:scale=1,
    power-law-density:exponent=1.5,low=0.01,high=1, sample-covariance:atoms=1;8,weights=0.5;0.5,ratio=0.1 or
    sample-covariance:spectrum=(power-law:dimension=400,capacity=1.5,source=0.5),samples=200.
    """
    from rmtcollapse.cli.density import report

    check_suffix("plot", plot, PLOT_FORMATS)
    found, draw = report(law, points, at, matrix, seed)
    typer.echo(dumps(found) if as_json else describe_law(found))
    save_plot(draw, plot)


@app.command()
def derive(
    expression: Annotated[
        str, typer.Argument(metavar="EXPRESSION", help='Such as "tr(S*inv(X\'*X/n + lam*I))"; I or I_d: identity.')
    ],
    gaussian: Annotated[
        list[str] | None,
        typer.Option(help='Such as "X: n x d, cov S, rowcov C, variance 1/n" or "W: d x d, symmetric".'),
    ] = None,
    commuting: Annotated[list[str] | None, typer.Option(help='More deterministic matrices, such as "G T: d".')] = None,
    features: Annotated[
        list[str] | None, typer.Option(help='Random features, such as "F: relu(X*W), centred"; tanh, erf, sign, ...')
    ] = None,
    numbers: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="n=90, lam=0.1, S=0.5,2 or S=power-law:capacity=1.2."),
    ] = None,
    latex: Annotated[bool, typer.Option("--latex", help="Print the equations as LaTeX.")] = False,
    scalars: Annotated[bool, typer.Option("--scalars", help="Print the equations between scalars as LaTeX.")] = False,
    steps: Annotated[bool, typer.Option("--steps", help="Print the derivation, step by step.")] = False,
    digits: Annotated[int | None, typer.Option(help="Solve with mpmath to this many decimal digits.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Judge by finite matrices; exit code 1 if against.")] = False,
    trials: Trials = 40,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Derive: from an expression in random matrices to certified numbers and equations.

    Sums, products, ^ (powers), ' (transpose), inv, tr, and sqrt, log, exp of numbers. Deterministic matrices are given
    by their eigenvalues in an eigenbasis common to those of one dimension; names in lower case are numbers.
    """
    from rmtcollapse.cli.derive import described, report

    found = report(
        expression,
        gaussian or [],
        commuting or [],
        numbers or [],
        features=features or [],
        latex=latex,
        scalars=scalars,
        steps=steps,
        digits=digits,
        trials=trials if verify else None,
        seed=seed,
    )
    for message in found["warnings"]:
        typer.echo(f"rmtcollapse: warning: {message}", err=True)
    typer.echo(dumps(found) if as_json else described(found))
    raise typer.Exit(0 if found.get("verdict", {}).get("passed", True) else 1)


@app.command()
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


@app.command()
def demo(
    plot: Annotated[Path, typer.Option(help="Where to save the picture.")] = Path("rmtcollapse-demo.png"),
    seed: Seed = 0,
) -> None:
    """The tour: a forecast on real data, model collapse in theory and simulation, the verdict, a picture."""
    from rmtcollapse.cli.demo import run

    check_suffix("plot", plot, PLOT_FORMATS)
    run(plot, seed, progress=interactive())


def _headline(cls: type) -> str:
    return (cls.__doc__ or "").strip().splitlines()[0]


def _default(cls: Any, name: str) -> str:
    from rmtcollapse.models._parameters import default_of

    return default_of(cls, name)


def main() -> None:
    """Run the command line; every refusal is one line on standard error."""
    try:
        code = typer.main.get_command(app).main(prog_name="rmtcollapse", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        code = _refuse("interrupted", 130)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except (ValueError, ConvergenceError, OSError) as error:
        code = _refuse(str(error))
    except (MemoryError, RecursionError):
        code = _refuse("this is too large to compute here: give fewer laws, or a smaller order or size")
    except Exception as error:
        # Usage errors: their class has lived in click and in typer, their method has not moved.
        if not hasattr(error, "format_message"):
            raise
        code = _refuse(error.format_message())
    sys.exit(code if isinstance(code, int) else 0)


def _refuse(message: str, code: int = 2) -> int:
    typer.echo("rmtcollapse: " + " ".join(message.split()), err=True)
    return code
