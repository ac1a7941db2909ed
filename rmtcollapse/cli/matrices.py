"""Commands on random matrices: spectral laws, and expressions to derive."""

from __future__ import annotations

from typing import Annotated

import typer

from rmtcollapse.cli.options import Json, Plot, Seed, Trials, save_plot
from rmtcollapse.cli.output import PLOT_FORMATS, check_suffix, describe_law, dumps

__all__ = ["density", "derive"]


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
