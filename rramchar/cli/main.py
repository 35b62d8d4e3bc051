"""The ``rramchar`` command: subjects as sub-commands, one clear line for every error."""

from __future__ import annotations

import sys

import typer

from rramchar import __version__
from rramchar.cli import ber, demo, fit, measured, netlist, nn, report, sweep, technology
from rramchar.cli.common import stderr
from rramchar.errors import RramcharError

app = typer.Typer(
    name="rramchar",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Characterize resistive-memory (RRAM) neural-network hardware: circuits on ngspice, "
    "measured resistances, bit-error-rate tables, and networks that read them.",
)
for _module, _name in (
    (technology, "technology"),
    (netlist, "netlist"),
    (sweep, "sweep"),
    (measured, "measured"),
    (fit, "fit"),
    (ber, "ber"),
    (nn, "nn"),
    (report, "report"),
):
    app.add_typer(_module.app, name=_name)
app.command(name="demo")(demo.demo)


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    if version:
        typer.echo(f"rramchar {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; exit 0 when done, 1 when some points failed, 2 on bad input."""
    try:
        app()
    except RramcharError as error:
        stderr.print(f"[bold red]error:[/] {_escape(str(error))}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        stderr.print("interrupted; what was finished is kept, run the same command to go on")
        sys.exit(130)
    except BrokenPipeError:  # the reader of our stdout went away, as in `rramchar ... | head`
        sys.stderr.close()
        sys.exit(0)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
