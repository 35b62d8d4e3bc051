"""``rramchar measured``: look at measured resistances, draw synthetic ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rramchar.cli.common import JsonOption, check_writable, emit, stdout

app = typer.Typer(
    no_args_is_help=True,
    help="Measured resistances: check and summarize a file, draw synthetic data.",
)


@app.callback()
def _callback() -> None:
    pass


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="Measured resistances, plain or .gz.")],
    layout: Annotated[
        str | None,
        typer.Option(help="tidy or cycling; guessed from the first line without."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read and check a file, and summarize it.

    tidy: a header line with device, cycle, state (lrs or hrs), resistance_ohm;
    one reading per line.

    cycling: no header; address, HRS_1, LRS_1, HRS_2, LRS_2, ... per line.

    Resistances in ohm; fields separated by comma, TAB or semicolon.

    Example: rramchar measured inspect cells.csv --layout cycling
    """
    from rramchar.measured import guess_layout, read_measured

    name = layout or guess_layout(file)
    frame = read_measured(file, name)
    result: dict[str, Any] = {
        "file": str(file),
        "layout": name,
        "devices": int(frame["device"].nunique()),
        "cycles": int(frame["cycle"].nunique()),
        "readings": len(frame),
        "states": _states(frame),
    }
    emit(result, as_json, lambda: _show(result))


@app.command()
def synthesize(
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV file to write.")],
    devices: Annotated[int, typer.Option(help="Number of devices.")] = 128,
    cycles: Annotated[int, typer.Option(help="Cycles of each device.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same file.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Draw cycled resistances from published statistics, in the cycling layout.

    Two-level lognormal: device to device and cycle to cycle. The header of
    the file says that it is synthetic, gives the statistics and this command.

    Example: rramchar measured synthesize --devices 64 --seed 7 -o cells.csv
    """
    from rich.markup import escape

    from rramchar.measured import write_synthetic_cycling
    from rramchar.provenance import digest_file

    check_writable(output, option="--output")
    write_synthetic_cycling(output, devices, cycles, seed)
    result = {
        "file": str(output),
        "devices": devices,
        "cycles": cycles,
        "seed": seed,
        "sha256": digest_file(output),
    }
    emit(
        result,
        as_json,
        lambda: stdout.print(
            f"synthetic: {devices} devices x {cycles} cycles written to {escape(str(output))}"
        ),
    )


def _states(frame: Any) -> dict[str, dict[str, float]]:
    import numpy as np

    from rramchar.measured import STATES, state_values

    summary = {}
    for state in STATES:
        values = state_values(frame, state)
        if values.size:
            summary[state] = {
                "readings": int(values.size),
                "median_ohm": float(np.median(values)),
                "sigma_log10": float(np.std(np.log10(values))),
                "lowest_ohm": float(values.min()),
                "highest_ohm": float(values.max()),
            }
    return summary


def _show(result: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from rramchar.units import format_quantity

    table = Table(title=escape(Path(result["file"]).name))
    for heading in ("state", "readings", "median", "sigma(log10 R)", "lowest", "highest"):
        table.add_column(heading, justify="left" if heading == "state" else "right")
    for state, summary in result["states"].items():
        table.add_row(
            state.upper(),
            f"{summary['readings']:,}",
            format_quantity(summary["median_ohm"], "ohm"),
            f"{summary['sigma_log10']:.3f}",
            format_quantity(summary["lowest_ohm"], "ohm"),
            format_quantity(summary["highest_ohm"], "ohm"),
        )
    stdout.print(table)
    stdout.print(
        f"layout {result['layout']}: {result['devices']:,} devices, {result['cycles']:,} cycles, "
        f"{result['readings']:,} readings"
    )
