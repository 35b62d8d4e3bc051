"""The ``rramchar`` command: subjects as sub-commands, one clear line for every error."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from rramchar import __version__
from rramchar.cli import (
    array,
    ber,
    characterize,
    demo,
    energies,
    fit,
    iv,
    learn,
    measured,
    netlist,
    nn,
    program,
    report,
    sweep,
    technology,
)
from rramchar.cli.common import stderr
from rramchar.cli.interrupt import interruptible
from rramchar.errors import RramcharError

# Typer brings its own copy of click from 0.26 on; the class is the same by name in both.
_USAGE_ERROR: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "UsageError")


class _Root(TyperGroup):
    """Typer ends without a word on an interrupt that a command does not handle itself."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _fail("interrupted; what was written is kept, run the same command again", 130)


app = typer.Typer(
    name="rramchar",
    cls=_Root,
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
    (array, "array"),
    (sweep, "sweep"),
    (measured, "measured"),
    (fit, "fit"),
    (ber, "ber"),
    (nn, "nn"),
    (learn, "learn"),
    (report, "report"),
):
    app.add_typer(_module.app, name=_name)
app.command(name="map")(characterize.outcome_map)
app.command(name="offset")(characterize.offset)
app.command(name="energies")(energies.energies)
app.command(name="program")(program.program)
app.command(name="iv")(iv.iv)
app.command(name="devices")(iv.devices)
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
    with interruptible():
        _run()


def _run() -> NoReturn:
    try:
        sys.exit(app(prog_name="rramchar", standalone_mode=False) or 0)
    except RramcharError as error:
        _fail(str(error), error.exit_code)
    except _USAGE_ERROR as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            sys.exit(2)
        command = error.ctx.command_path if error.ctx else "rramchar"
        _fail(f"{error.format_message()} See: {command} --help", 2)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", 130)
    except BrokenPipeError:  # the reader of our stdout went away, as in `rramchar ... | head`
        sys.stderr.close()
        sys.exit(0)


def _fail(text: str, code: int) -> NoReturn:
    # A file name or a key may hold line breaks of its own; an error is one line.
    stderr.print("[bold red]error:[/]", end=" ")
    stderr.print(" ".join(text.split()), markup=False)
    sys.exit(code)


if __name__ == "__main__":
    main()
