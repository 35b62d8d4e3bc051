"""``rramchar sweep``: look at the results of a run, draw them, export them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rramchar.cli.common import JsonOption, check_writable, emit, stdout, write_figure
from rramchar.errors import InputError

RunArgument = Annotated[Path, typer.Argument(help="Run directory.", show_default=False)]


def export(
    run: RunArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    to: Annotated[str, typer.Option(help="csv or parquet.")] = "csv",
    as_json: JsonOption = False,
) -> None:
    """Write a run's results as a table with units in the column names.

    Example: rramchar sweep export runs/first --to csv -o first.csv
    """
    from rramchar.sweep import export as export_run

    check_writable(output, option="-o")
    rows = export_run(run, output, to)
    emit(
        {"rows": rows, "output": str(output)},
        as_json,
        lambda: stdout.print(f"{rows} rows written to {output}"),
    )


def show(run: RunArgument, as_json: JsonOption = False) -> None:
    """Summarize a run: points, outcomes, failures by reason."""
    from rramchar.sweep import load

    frame = load(run)
    failed = frame[frame["status"] == "failed"]
    summary = {
        "run": str(run),
        "points": len(frame) + frame.attrs["missing"],
        "ok": int((frame["status"] == "ok").sum()),
        "failed": len(failed),
        "missing": frame.attrs["missing"],
        "reasons": failed["reason"].value_counts().to_dict(),
        "outcomes": frame["outcome"].value_counts().to_dict(),
        "precharge_not_ok": int((~frame["precharge_ok"].dropna()).sum()),
        "ngspice_version": frame.attrs.get("ngspice_version"),
    }

    def table() -> None:
        from rich.table import Table

        grid = Table(show_header=False, box=None)
        for key, value in summary.items():
            text = (
                ", ".join(f"{k} {v}" for k, v in value.items())
                if isinstance(value, dict)
                else value
            )
            grid.add_row(key.replace("_", " "), str(text) or "-")
        stdout.print(grid)
        for row in failed.head(10).itertuples():
            stdout.print(f"point {row.point}: {row.reason}: {row.detail}", markup=False)

    emit(summary, as_json, table)


def outcome_map(
    run: RunArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Picture to write (.png).")],
    corner: Annotated[str, typer.Option(help="Process corner to show.")] = "tt",
    temperature: Annotated[float, typer.Option(help="Temperature to show, in degC.")] = 27.0,
    sample_time: Annotated[
        str | None, typer.Option("--sample-time", help="Sampling time; the plan's by default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the outcome over both resistances from a finished grid, one panel per supply.

    Example: rramchar sweep map runs/first -o outcomes.png --sample-time 6n
    """
    from rramchar.ber.decision_map import decision_map
    from rramchar.report.reads import plot_outcome_map
    from rramchar.sweep import load
    from rramchar.sweep.plan import read_parameters
    from rramchar.units import parse_quantity

    check_writable(output, option="-o")
    frame = load(run)
    parameters = read_parameters(frame.attrs["plan"])
    chosen = frame[(frame["corner"] == corner) & (frame["temperature_c"] == temperature)]
    supplies = sorted(chosen["vdd_v"].unique(), reverse=True)
    if not supplies:
        raise InputError(f"{run}: holds no reads at corner {corner}, {temperature:g} degC")
    maps = {
        vdd: decision_map(
            frame,
            corner=corner,
            temperature_c=temperature,
            vdd_v=vdd,
            window_s=parameters.sensing_time_s,
        )
        for vdd in supplies
    }
    time_s = (
        parameters.sample_time_s
        if sample_time is None
        else parse_quantity(sample_time, "s", name="--sample-time")
    )
    write_figure(output, plot_outcome_map(maps, time_s))
    emit(
        {"output": str(output), "supplies_v": supplies, "sample_time_s": time_s},
        as_json,
        lambda: stdout.print(f"written: {output}", markup=False),
    )
