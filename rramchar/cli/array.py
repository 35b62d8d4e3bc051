"""``rramchar array``: read a memory array on ngspice, and what unselected cells do to a read."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.cli.array_inputs import (
    ArrayContents,
    ColumnsOption,
    InputsOption,
    RowsOption,
    SeedOption,
    WeightsOption,
)
from rramchar.cli.circuit_options import (
    AmplifierOption,
    ArrayText,
    CellCapacitanceOption,
    CellResistanceOption,
    ConditionText,
    CornerOption,
    FlavourOption,
    HrsOption,
    LrsOption,
    OutputOption,
    PrechargeOption,
    RblbOption,
    RblOption,
    ReadText,
    SampleOption,
    SetOption,
    TechnologyOption,
    TemperatureOption,
    UnselectedOption,
    VddOption,
)
from rramchar.cli.common import (
    JsonOption,
    PlotOption,
    check_writable,
    emit,
    progress_bar,
    stderr,
    stdout,
    write_figure,
)
from rramchar.errors import InputError
from rramchar.units import format_quantity, parse_quantity

if TYPE_CHECKING:
    import pandas as pd

    from rramchar.characterize.array_read import RowRead

app = typer.Typer(no_args_is_help=True, help="Read columns and arrays of 2T2R cells on ngspice.")

OutputFileOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE.csv", help="Table to write.")
]
_DEFAULT_SIZE = 8


@app.command()
def read(
    technology: TechnologyOption = "generic130",
    corner: CornerOption = "tt",
    temperature: TemperatureOption = "27",
    vdd: VddOption = None,
    rows: RowsOption = None,
    columns: ColumnsOption = None,
    row: Annotated[
        list[int] | None, typer.Option(help="A row to read, several times for several; else all.")
    ] = None,
    weights: WeightsOption = "random",
    seed: SeedOption = 1,
    lrs: LrsOption = "5k",
    hrs: HrsOption = "100k",
    amplifier: AmplifierOption = "pcsa",
    inputs: InputsOption = "random",
    flavour: FlavourOption = "core",
    c_bl_cell: CellCapacitanceOption = "2.5f",
    r_bl_cell: CellResistanceOption = "1",
    c_q: OutputOption = "2f",
    unselected: UnselectedOption = "0",
    precharge_time: PrechargeOption = "40n",
    sample_time: SampleOption = "50n",
    settings: SetOption = None,
    output: OutputFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read rows of an array, all columns at once, and compare with the stored weights.

    Example: rramchar array read --rows 8 --columns 8 --weights random --seed 1 -o reads.csv
    """
    from rramchar.characterize.array_read import read_frame, read_rows

    if output is not None:
        check_writable(output, option="-o")
    process, condition = ConditionText(technology, corner, temperature, vdd).load()
    texts = ReadText(amplifier, flavour, c_q, precharge_time, sample_time, settings)
    parameters = ArrayText(texts, c_bl_cell, r_bl_cell, unselected).parameters()
    contents = ArrayContents(weights, inputs, seed, rows, columns, lrs, hrs)
    stored, cells, x = contents.load(amplifier, _DEFAULT_SIZE)
    start = time.perf_counter()
    bar = progress_bar("rows")

    def advance(done: int, total: int, failed: int) -> None:
        if not bar.tasks:
            bar.add_task("reading", total=total)
        text = f"reading [red]({failed} failed)[/]" if failed else "reading"
        bar.update(bar.tasks[0].id, completed=done, description=text)

    try:
        reads = read_rows(
            process, condition, parameters, cells, rows=row or None, inputs=x, progress=advance
        )
    except KeyboardInterrupt:
        bar.stop()
        stderr.print("interrupted; no result was written")
        raise typer.Exit(130) from None
    finally:
        if bar.live.is_started:
            bar.stop()
    frame = read_frame(reads, stored, x)
    result = _summary(frame, reads, time.perf_counter() - start)
    if output is not None:
        facts = {"technology": process.name, "condition": vars(condition), "seed": seed,
                 "weights": contents.weights_name, "amplifier": amplifier}  # fmt: skip
        _write_table(output, "reads of a memory array", "rramchar array read", frame, facts)
        result["output"] = str(output)
    emit(result, as_json, lambda: _show(result))
    if result["failed"]:
        raise typer.Exit(1)


@app.command()
def leakage(
    technology: TechnologyOption = "generic130",
    corner: CornerOption = "tt",
    temperatures: Annotated[
        str, typer.Option("--temperatures", help="Temperatures in degC, with commas.")
    ] = "27,125",
    vdd: VddOption = None,
    rows: Annotated[str, typer.Option(help="Numbers of rows, with commas.")] = "1,8,32,128",
    r_bl: RblOption = "100k",
    r_blb: RblbOption = "5k",
    stored: Annotated[
        str, typer.Option(help="What is stored: weight (order of the resistances) or zero.")
    ] = "weight",
    pattern: Annotated[
        str, typer.Option(help="What the other cells hold: lrs, hrs, against, along.")
    ] = "against",
    lrs: LrsOption = "5k",
    hrs: HrsOption = "100k",
    flavour: FlavourOption = "core",
    c_bl_cell: CellCapacitanceOption = "2.5f",
    r_bl_cell: CellResistanceOption = "1",
    c_q: OutputOption = "2f",
    precharge_time: PrechargeOption = "40n",
    sample_time: SampleOption = "50n",
    settings: SetOption = None,
    output: OutputFileOption = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what the leakage of unselected cells does to a read, by number of rows.

    Example: rramchar array leakage --rows 8,32,128 --temperatures 27,125 --plot leakage.png
    """
    from dataclasses import replace

    from rramchar.characterize.leakage import leakage_table
    from rramchar.testbench.column import SelectedCell

    for option, path in (("-o", output), ("--plot", plot)):
        if path is not None:
            check_writable(path, option=option)
    if stored not in ("weight", "zero"):
        raise InputError(f"--stored: {stored!r}, expected weight or zero")
    places = [
        ConditionText(technology, corner, text, vdd).load() for text in temperatures.split(",")
    ]
    texts = ReadText("pcsa", flavour, c_q, precharge_time, sample_time, settings)
    parameters = ArrayText(texts, c_bl_cell, r_bl_cell, "0").parameters()
    sample_s = parameters.read.sample_time_s
    parameters = replace(parameters, read=replace(parameters.read, window_time_s=8 * sample_s))
    cell = SelectedCell(
        parse_quantity(r_bl, "ohm", name="--r-bl"),
        parse_quantity(r_blb, "ohm", name="--r-blb"),
        pattern,
        r_lrs_ohm=parse_quantity(lrs, "ohm", name="--lrs"),
        r_hrs_ohm=parse_quantity(hrs, "ohm", name="--hrs"),
    )
    table = leakage_table(
        places[0][0], [condition for _, condition in places], parameters, cell, _counts(rows),
        expected="zero" if stored == "zero" else None,
    )  # fmt: skip
    if output is not None:
        command = "rramchar array leakage"
        _write_table(output, "leakage of unselected cells", command, table, {"flavour": flavour})
    if plot is not None:
        from rramchar.report.array import plot_leakage

        write_figure(plot, plot_leakage(table, sample_time_s=sample_s))
    emit({"points": table.to_dict("records")}, as_json, lambda: _show_leakage(table))


def _summary(frame: pd.DataFrame, reads: list[RowRead], seconds: float) -> dict[str, Any]:
    import resource
    import sys

    ok = frame["status"] == "ok"
    # Kibibytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "reads": len(frame),
        "correct": int(frame["correct"].sum()),
        "wrong": int((ok & ~frame["correct"]).sum()),
        "failed": int((~ok).sum()),
        "reasons": frame["reason"].value_counts().to_dict(),
        "precharge_not_ok": int((~frame["precharge_ok"].dropna().astype(bool)).sum()),
        "rows_read": len(reads),
        "columns": int(frame["column"].max()) + 1,
        "sense_time_median_s": frame["sense_time_s"].median(),
        "sense_time_max_s": frame["sense_time_s"].max(),
        "read_energy_mean_j": frame["read_energy_j"].mean(),
        "seconds": seconds,
        "seconds_per_row": seconds / len(reads),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
    }


def _show(result: dict[str, Any]) -> None:
    stdout.print(
        f"{result['correct']} of {result['reads']} reads correct, {result['wrong']} wrong, "
        f"{result['failed']} failed; {result['seconds']:.1f} s "
        f"({result['seconds_per_row']:.2f} s per row), "
        f"{result['peak_memory_bytes'] / 2**20:.0f} MiB"
    )
    if result["failed"] < result["reads"]:
        stdout.print(
            f"sense time: median {format_quantity(result['sense_time_median_s'], 's', digits=3)}, "
            f"largest {format_quantity(result['sense_time_max_s'], 's', digits=3)}; energy "
            f"{format_quantity(result['read_energy_mean_j'], 'J', digits=3)} per amplifier and read"
        )
    if result["precharge_not_ok"]:
        stdout.print(
            f"note: {result['precharge_not_ok']} reads began before the precharge was complete; "
            "give --precharge-time more time"
        )
    for reason, count in result["reasons"].items():
        stdout.print(f"failed: {count} with {reason}")
    if "output" in result:
        stdout.print(f"table in {result['output']}", markup=False)


def _show_leakage(table: pd.DataFrame) -> None:
    shown = table.drop(columns=["corner"])
    stdout.print(shown.to_string(index=False, float_format="{:.4g}".format), markup=False)


def _counts(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--rows: {text!r}, expected whole numbers with commas") from None


def _write_table(
    path: Path, title: str, command: str, frame: pd.DataFrame, facts: dict[str, Any]
) -> None:
    from rramchar.provenance import comment_header, provenance

    header = comment_header(title, provenance(command=command, **facts))
    path.write_text(header + frame.to_csv(index=False), encoding="utf-8")
