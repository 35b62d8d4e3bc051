"""``rramchar ber``: count bit errors on measured resistances, show tables of error rates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.cli.common import (
    JsonOption,
    PlotOption,
    check_writable,
    emit,
    stdout,
    write_figure,
)

if TYPE_CHECKING:
    from rramchar.ber import BerTable, ErrorCount

app = typer.Typer(
    no_args_is_help=True,
    help="Bit error rates: count them on measured resistances, show tables of them.",
)

_NOTE = (
    "intervals are Clopper-Pearson, 95 %, for independent trials; errors that come from few "
    "devices make the rate of another chip less certain than they say"
)


@app.callback()
def _callback() -> None:
    pass


@app.command()
def count(
    file: Annotated[Path, typer.Argument(help="Measured resistances, plain or .gz.")],
    layout: Annotated[
        str | None,
        typer.Option(help="tidy or cycling; guessed from the first line without."),
    ] = None,
    threshold: Annotated[
        str,
        typer.Option(help="1T1R threshold: best (fewest errors), median, or ohm such as 8k."),
    ] = "best",
    programming: Annotated[
        str, typer.Option(help="How the cells were programmed; a note for the table.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a BER table (CSV) here.")
    ] = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count 1T1R and 2T2R bit errors.

    1T1R: one threshold for all devices; a reading above it is HRS.

    2T2R: the 1st and 2nd device of the file form a pair, the 3rd and 4th, and
    so on; in each cycle HRS of one is compared with LRS of the other, both
    ways round, and R_HRS <= R_LRS is an error.

    Example: rramchar ber count cells.csv --layout cycling -o ber.csv
    """
    from rramchar.ber import BerTable, count_1t1r, count_2t2r, make_row
    from rramchar.measured import read_measured
    from rramchar.provenance import provenance
    from rramchar.units import parse_quantity

    if output is not None:
        check_writable(output, option="--output")
    if plot is not None:
        check_writable(plot, option="--plot")
    limit: float | str = threshold
    if threshold not in ("best", "median"):
        limit = parse_quantity(threshold, "ohm", name="--threshold (best, median or ohm)")
    frame = read_measured(file, layout)
    counted = {"1t1r": count_1t1r(frame, limit), "2t2r": count_2t2r(frame)}
    if output is not None:
        command = f"rramchar ber count {file.name} --threshold {threshold}"
        command += f" --layout {layout}" if layout else ""
        table = BerTable.from_rows(
            make_row(
                cell=cell,
                coding="binary",
                source="counts",
                counts=result.confusion,
                programming=programming,
            )
            for cell, result in counted.items()
        )
        table.save(output, provenance(inputs=[file], command=command))
    if plot is not None:
        _draw(counted, plot)
    one, two = _document(counted["1t1r"], "device"), _document(counted["2t2r"], "pair")
    one |= {"threshold_ohm": counted["1t1r"].threshold_ohm, "threshold": threshold}
    two |= {"odd_device": counted["2t2r"].odd_device, "skipped": counted["2t2r"].skipped}
    result = {"file": str(file), "ber_1t1r": one, "ber_2t2r": two, "note": _NOTE, "table": output}
    result["plot"] = plot
    emit(result, as_json, lambda: _show_counts(counted, output))


@app.command()
def show(
    table: Annotated[Path, typer.Argument(help="A BER table (CSV).")],
    where: Annotated[
        str, typer.Option(help="Only rows that meet conditions, such as vdd_v=0.6,corner=ss.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Show the rows of a BER table.

    Example: rramchar ber show ber.csv --where cell=2t2r,vdd_v=0.6
    """
    from rramchar.ber import BerTable, parse_where
    from rramchar.ber.where import no_match
    from rramchar.provenance import read_comment_header

    conditions = parse_where(where)
    loaded = BerTable.load(table)
    chosen = loaded.filter(**conditions)
    if not chosen.rows:
        raise no_match(loaded.rows, conditions)
    result = {
        "file": str(table),
        "rows": [row.flat() for row in chosen.rows],
        "provenance": read_comment_header(table),
    }
    emit(result, as_json, lambda: _show_table(chosen))


def _draw(counted: dict[str, ErrorCount], plot: Path) -> None:
    from rramchar.report.statistics import plot_ber_bars

    labels = {"1t1r": "1T1R", "2t2r": "2T2R, complementary"}
    bars = [
        {"label": labels[cell], "ber": count.ber, "low": count.low, "high": count.high}
        for cell, count in counted.items()
    ]
    write_figure(plot, plot_ber_bars(bars))


def _document(result: ErrorCount, unit: str) -> dict[str, Any]:
    spread = result.concentration
    return {
        "errors": result.errors,
        "trials": result.trials,
        "ber": result.ber,
        "low": result.low,
        "high": result.high,
        f"{unit}s": spread.units,
        f"{unit}s_with_errors": spread.units_with_errors,
        f"{unit}s_for_half_of_errors": spread.units_for_half,
        f"worst_{unit}s": [{unit: name, "errors": errors} for name, errors in spread.worst],
    }


def _show_counts(counted: dict[str, ErrorCount], output: Path | None) -> None:
    from rich.markup import escape
    from rich.table import Table

    from rramchar.units import format_quantity

    table = Table(title="Bit errors")
    for heading in ("cell", "errors", "trials", "BER", "95 % interval"):
        table.add_column(heading, justify="left" if heading == "cell" else "right")
    for cell, result in counted.items():
        table.add_row(
            cell.upper(),
            f"{result.errors:,}",
            f"{result.trials:,}",
            f"{result.ber:.3g}",
            f"{result.low:.3g} ... {result.high:.3g}",
        )
    stdout.print(table)
    one, two = counted["1t1r"], counted["2t2r"]
    if one.threshold_ohm is not None:
        stdout.print(f"1T1R: threshold {format_quantity(one.threshold_ohm, 'ohm')}")
    stdout.print(f"1T1R: {_spread(one, 'devices')}")
    stdout.print(f"2T2R: {_spread(two, 'pairs')}")
    if two.odd_device is not None:
        stdout.print(f"2T2R: device {two.odd_device} has no partner and is left out")
    if two.skipped:
        stdout.print(f"2T2R: {two.skipped:,} trials left out because a reading is missing")
    stdout.print(f"note: {_NOTE}")
    if output is not None:
        stdout.print(f"table written to {escape(str(output))}")


def _spread(result: ErrorCount, units: str) -> str:
    spread = result.concentration
    if not result.errors:
        return f"no errors in {spread.units} {units}"
    name, most = spread.worst[0]
    return (
        f"{spread.units_with_errors} of {spread.units} {units} have errors, "
        f"{spread.units_for_half} make half of them; worst: {name} with {most:,}"
    )


def _show_table(loaded: BerTable) -> None:
    from rich.table import Table

    from rramchar.ber.rows import describe

    table = Table(title="Bit error rates")
    for heading in ("condition", "errors", "trials", "BER", "95 % interval"):
        table.add_column(heading, justify="left" if heading == "condition" else "right")
    for row in loaded.rows:
        condition = row.flat()
        condition.pop("polarity")
        table.add_row(
            describe(condition),
            f"{row.errors:,}",
            f"{row.trials:,}",
            f"{row.ber:.3g}",
            f"{row.ber_low:.3g} ... {row.ber_high:.3g}",
        )
    stdout.print(table)
