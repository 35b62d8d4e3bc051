"""``rramchar measured``: look at measured resistances, import them, draw synthetic ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.cli.common import (
    JsonOption,
    check_writable,
    emit,
    progress_bar,
    stderr,
    stdout,
)

if TYPE_CHECKING:
    from rramchar.measured import Measurement

app = typer.Typer(
    no_args_is_help=True,
    help="Measured resistances: inspect a file, import it as a tidy table, draw synthetic data.",
)

FileArgument = Annotated[
    Path,
    typer.Argument(help="Measured resistances: text, plain or .gz .bz2 .xz .zip, or .parquet."),
]
LayoutOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|MAP.toml",
        help="See `rramchar measured layouts`; guessed from name and first lines without.",
    ),
]
SkipOption = Annotated[
    bool,
    typer.Option("--skip-bad-rows", help="Leave out rows that cannot be used, and say why."),
]


@app.callback()
def _callback() -> None:
    pass


@app.command()
def inspect(
    file: FileArgument,
    layout: LayoutOption = None,
    skip_bad_rows: SkipOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read and check a file, and say how it was understood.

    Layout, rows, devices, columns with units and ranges, flagged readings.

    Example: rramchar measured inspect cells.csv
    """
    from rramchar.measured import summarize

    found = _read(file, layout, skip_bad_rows)
    result = {**_document(file, found), **summarize(found.frame)}
    emit(result, as_json, lambda: _show(result))


@app.command("import")
def import_file(
    file: FileArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Tidy table to write: .parquet or .csv.")
    ],
    layout: LayoutOption = None,
    skip_bad_rows: SkipOption = False,
    as_json: JsonOption = False,
) -> None:
    """Import a file as a tidy table: one reading per row, SI units.

    Sentinels become flags. With --skip-bad-rows the rows that cannot be used
    go to FILE.rejected.csv beside the output, with line and reason.

    Example: rramchar measured import cells.csv --layout cycling -o cells.parquet
    """
    from rramchar.measured import count_flags, write_rejected, write_tidy
    from rramchar.measured.write import check_suffix
    from rramchar.provenance import provenance

    check_suffix(check_writable(output, option="--output"))
    rejected_file = output.parent / f"{file.name}.rejected.csv"
    if skip_bad_rows:
        check_writable(rejected_file)
    found = _read(file, layout, skip_bad_rows)
    command = f"rramchar measured import {file.name} --layout {Path(found.layout).name}"
    facts = provenance(inputs=[file], command=command)
    with progress_bar("rows") as bar:
        task = bar.add_task("writing", total=len(found.frame)) if len(found.frame) > 10**6 else None
        write_tidy(
            found.frame,
            output,
            facts,
            lambda rows: None if task is None else bar.advance(task, rows),
        )
    if found.rejected:
        write_rejected(rejected_file, found.rejected, file)
    result = {
        **_document(file, found),
        "readings": len(found.frame),
        "flags": count_flags(found.frame),
        "devices": int(found.frame["device"].nunique()),
        "output": output,
        "rejected_file": rejected_file if found.rejected else None,
    }
    emit(result, as_json, lambda: _show_import(result))


@app.command()
def layouts(as_json: JsonOption = False) -> None:
    """List the layouts that are known by name.

    Any other layout is a TOML file of your own: see docs/measured.md.

    Example: rramchar measured layouts
    """
    from rich.table import Table

    from rramchar.measured import layout_names

    names = layout_names()
    table = Table("layout", "what it is")
    for name, title in names.items():
        table.add_row(name, title)
    result = {"layouts": [{"name": name, "title": title} for name, title in names.items()]}
    emit(result, as_json, lambda: stdout.print(table))


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


def _read(file: Path, layout: str | None, skip_bad_rows: bool) -> Measurement:
    from rich.markup import escape

    from rramchar.measured import import_measured

    with stderr.status(f"reading {escape(file.name)}"):
        return import_measured(file, layout, skip_bad_rows=skip_bad_rows)


def _document(file: Path, found: Measurement) -> dict[str, Any]:
    rejected = [{"line": row.line, "reason": row.reason} for row in found.rejected[:100]]
    return {
        "file": str(file),
        "layout": found.layout,
        "rejected": len(found.rejected),
        "rejected_rows": rejected,
    }


def _show(result: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(Path(result["file"]).name))
    for heading in ("column", "lowest", "median", "highest", "different values"):
        numeric = heading in ("lowest", "median", "highest")
        table.add_column(heading, justify="right" if numeric else "left", no_wrap=True)
    for column in result["columns"]:
        table.add_row(column["name"], *_range(column))
    stdout.print(table)
    for state, summary in result["states"].items():
        stdout.print(
            f"{state.upper()}: {summary['readings']:,} good readings, median "
            f"{_number(summary['median_ohm'], 'ohm')}, sigma(log10 R) {summary['sigma_log10']:.3f}"
        )
    cycles = f"{result['cycles']:,} cycles, " if result["cycles"] else ""
    stdout.print(
        f"layout {escape(result['layout'])}: {result['devices']:,} devices, {cycles}"
        f"{result['readings']:,} readings"
    )
    _show_flags(result)


def _show_import(result: dict[str, Any]) -> None:
    from rich.markup import escape

    stdout.print(
        f"layout {escape(result['layout'])}: {result['devices']:,} devices, "
        f"{result['readings']:,} readings written to {escape(str(result['output']))}"
    )
    _show_flags(result)
    if result["rejected_file"]:
        stdout.print(f"rejected rows written to {escape(str(result['rejected_file']))}")


def _show_flags(result: dict[str, Any]) -> None:
    from rich.markup import escape

    flags = result["flags"]
    if flags:
        counts = ", ".join(f"{count:,} {flag}" for flag, count in flags.items())
        stdout.print(f"flagged readings: {counts}")
    if result["rejected"]:
        first = result["rejected_rows"][0]
        stdout.print(
            f"rejected rows: {result['rejected']:,}; first: line {first['line']}, "
            f"{escape(first['reason'])}"
        )


def _range(column: dict[str, Any]) -> tuple[str, str, str, str]:
    from rich.markup import escape

    if "values" in column:
        words = ", ".join(value[:20] or '""' for value in column["values"][:3])
        more = f", ... ({column['different']:,})" if column["different"] > 3 else ""
        return ("", "", "", escape(words) + more)
    if not column["filled"]:
        return ("empty", "", "", "")
    low, middle, high = (
        _number(column[key], column["unit"]) for key in ("lowest", "median", "highest")
    )
    return (low, "" if column["name"] in ("device", "line") else middle, high, "")


def _number(value: float, unit: str) -> str:
    from rramchar.units import format_quantity

    if unit in ("", "degC") or (unit == "s" and value >= 1):  # nobody says kiloseconds
        return f"{value:,.6g} {unit}".strip()
    return format_quantity(value, unit)
