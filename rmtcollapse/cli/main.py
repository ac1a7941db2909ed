"""Commands. Exit code 0: fine; 1: the verdict is against the theory; 2: bad input, in one line."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from rmtcollapse.cli.data import demo, predict
from rmtcollapse.cli.figure import figure
from rmtcollapse.cli.matrices import density, derive
from rmtcollapse.cli.models import curve, list_models, show, simulate, theory, verify
from rmtcollapse.errors import ConvergenceError

__all__ = ["app", "main"]

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="A random-matrix-theory calculator: what does the theorem predict for these numbers, and is it right?",
)


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


app.command("list")(list_models)
for _command in (show, theory, simulate, verify, curve, figure, density, derive, predict, demo):
    app.command()(_command)


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
