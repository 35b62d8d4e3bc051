"""``rramchar ber count``: bit errors counted on measured resistances."""

from __future__ import annotations

import dataclasses
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
    import pandas as pd

    from rramchar.ber import BerRow, ErrorCount
    from rramchar.ber.repair import Repaired

_NOTE = (
    "intervals are Clopper-Pearson, 95 %, for independent trials; errors that come from few "
    "devices make the rate of another chip less certain than they say: see the interval over "
    "devices or pairs"
)


def count(
    file: Annotated[Path, typer.Argument(help="Measured resistances, plain or .gz.")],
    layout: Annotated[
        str | None, typer.Option(help="See `rramchar measured inspect`; guessed without.")
    ] = None,
    threshold: Annotated[
        str,
        typer.Option(help="1T1R threshold: best (fewest errors), median, or ohm such as 8k."),
    ] = "best",
    r_star: Annotated[
        str | None,
        typer.Option(help="Count ternary reads too: zero where both resistances lie above this."),
    ] = None,
    pairings: Annotated[
        int, typer.Option(help="Random pairings that the real neighbours are compared with.")
    ] = 200,
    seed: Annotated[int, typer.Option(help="Seed of pairings and bootstrap.")] = 0,
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
    ways round, and R_HRS <= R_LRS is an error. Pairs drawn at random beside
    them show what the correlation of neighbours does.

    Example: rramchar ber count cells.csv --layout cycling -o ber.csv
    """
    from rramchar.ber import BerTable, count_2t2r, make_row
    from rramchar.ber.repair import count_repaired, count_ternary
    from rramchar.measured import read_measured
    from rramchar.measured.schema import check_states
    from rramchar.provenance import provenance
    from rramchar.units import parse_quantity

    for path, option in ((output, "--output"), (plot, "--plot")):
        if path is not None:
            check_writable(path, option=option)
    limit: float | str = threshold
    if threshold not in ("best", "median"):
        limit = parse_quantity(threshold, "ohm", name="--threshold (best, median or ohm)")
    frame, flagged = _good(read_measured(file, layout))
    check_states(frame, str(file))
    by_threshold = _thresholds(frame, limit)
    single = by_threshold[limit if isinstance(limit, str) else "given"]
    counted = {"1t1r": single, "2t2r": count_2t2r(frame)}
    rows = [
        make_row(cell=cell, coding="binary", source="counts", counts=result.confusion,
                 programming=programming)
        for cell, result in counted.items()
    ]  # fmt: skip
    if r_star is not None:
        matrix = count_ternary(frame, parse_quantity(r_star, "ohm", name="--r-star"))
        rows.append(make_row(cell="2t2r", coding="ternary", source="counts", counts=matrix,
                             programming=programming))  # fmt: skip
    repaired = count_repaired(frame, pairings=pairings, seed=seed)
    if output is not None:
        command = f"rramchar ber count {file.name} --threshold {threshold}"
        command += f" --layout {layout}" if layout else ""
        command += f" --r-star {r_star}" if r_star else ""
        BerTable.from_rows(rows).save(output, provenance(inputs=[file], command=command))
    if plot is not None:
        _draw(counted, repaired, plot)
    one = _document(counted["1t1r"], "device", seed)
    two = _document(counted["2t2r"], "pair", seed)
    one |= {
        "threshold_ohm": counted["1t1r"].threshold_ohm,
        "threshold": threshold,
        "thresholds": {
            name: {k: getattr(c, k) for k in ("threshold_ohm", "errors", "ber", "low", "high")}
            for name, c in by_threshold.items()
        },
    }
    two |= {
        "odd_device": counted["2t2r"].odd_device,
        "skipped": counted["2t2r"].skipped,
        "orientations": _orientations(counted["2t2r"]),
        "repaired": dataclasses.asdict(repaired),
    }
    result = {"file": str(file), "flagged_left_out": flagged, "ber_1t1r": one, "ber_2t2r": two}
    if r_star is not None:
        result["ternary"] = rows[-1].flat()
    result |= {"note": _NOTE, "table": output, "plot": plot}
    emit(result, as_json, lambda: _show(result, rows, by_threshold, repaired, output))


def _good(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return the readings without a flag, and how many have one."""
    from rramchar.measured.schema import is_good

    good = is_good(frame)
    return (frame if good.all() else frame[good]), int((~good).sum())


def _thresholds(frame: pd.DataFrame, chosen: float | str) -> dict[str, ErrorCount]:
    """Count 1T1R errors at the best and the median threshold, and at a given one."""
    from rramchar.ber import count_1t1r

    found = {name: count_1t1r(frame, name) for name in ("best", "median")}
    return found if isinstance(chosen, str) else {**found, "given": count_1t1r(frame, chosen)}


def _orientations(result: ErrorCount) -> dict[str, dict[str, int]]:
    table = result.confusion
    return {
        "plus": {"errors": int(table[0, 2]), "trials": int(table[0].sum())},
        "minus": {"errors": int(table[2, 0]), "trials": int(table[2].sum())},
    }


def _draw(counted: dict[str, ErrorCount], repaired: Repaired, plot: Path) -> None:
    from rramchar.report.statistics import plot_ber_bars

    labels = {"1t1r": "1T1R", "2t2r": "2T2R,\nneighbours"}
    bars = [
        {"label": labels[cell], "ber": count.ber, "low": count.low, "high": count.high}
        for cell, count in counted.items()
    ]
    spread = {"ber": repaired.mean, "low": repaired.low, "high": repaired.high}
    bars.append({"label": "2T2R, paired\nat random", **spread})
    write_figure(plot, plot_ber_bars(bars))


def _document(result: ErrorCount, unit: str, seed: int) -> dict[str, Any]:
    from rramchar.ber.repair import unit_interval, without_worst

    spread = result.concentration
    over = unit_interval(result.unit_errors, result.unit_trials, seed=seed)
    rest = without_worst(list(result.unit_names), result.unit_errors, result.unit_trials)
    return {
        "errors": result.errors,
        "trials": result.trials,
        "ber": result.ber,
        "low": result.low,
        "high": result.high,
        f"low_over_{unit}s": over[0],
        f"high_over_{unit}s": over[1],
        f"{unit}s": spread.units,
        f"{unit}s_with_errors": spread.units_with_errors,
        f"{unit}s_for_half_of_errors": spread.units_for_half,
        f"worst_{unit}s": [{unit: name, "errors": errors} for name, errors in spread.worst],
        "without_worst": dataclasses.asdict(rest),
    }


def _show(
    result: dict[str, Any],
    rows: list[BerRow],
    by_threshold: dict[str, ErrorCount],
    repaired: Repaired,
    output: Path | None,
) -> None:
    from rich.markup import escape

    from rramchar.cli.ber_tables import show_rows
    from rramchar.units import format_quantity

    show_rows(rows, "Bit errors")
    one, two = result["ber_1t1r"], result["ber_2t2r"]
    for name, found in by_threshold.items():
        level = format_quantity(found.threshold_ohm or 0.0, "ohm")
        stdout.print(
            f"1T1R: threshold {level} ({name}): {found.errors:,} errors, BER {found.ber:.3g}"
        )
    stdout.print(f"1T1R: {_spread(one, 'device')}")
    stdout.print(f"2T2R: {_spread(two, 'pair')}")
    for name, found in two["orientations"].items():
        stdout.print(f"2T2R: stored {name}: {found['errors']:,} of {found['trials']:,}")
    stdout.print(
        f"2T2R: paired at random {repaired.mean:.3g}, 95 % of {repaired.pairings} pairings in "
        f"{repaired.low:.3g} ... {repaired.high:.3g}; {repaired.share_at_most:.0%} of them do as "
        "well as the neighbours or better"
    )
    if two["odd_device"] is not None:
        stdout.print(
            f"2T2R: device {escape(str(two['odd_device']))} has no partner and is left out"
        )
    if two["skipped"]:
        stdout.print(f"2T2R: {two['skipped']:,} trials left out because a reading is missing")
    if result["flagged_left_out"]:
        stdout.print(f"{result['flagged_left_out']:,} flagged readings left out")
    stdout.print(f"note: {_NOTE}")
    if output is not None:
        stdout.print(f"table written to {escape(str(output))}")


def _spread(document: dict[str, Any], unit: str) -> str:
    from rich.markup import escape

    units = f"{unit}s"
    many = document[units]
    if not document["errors"]:
        return f"no errors in {many} {units}"
    worst = document[f"worst_{units}"][0]
    rest = document["without_worst"]
    names = ", ".join(rest["left_out"][:5]) + (", ..." if len(rest["left_out"]) > 5 else "")
    return (
        f"95 % over {units} {document[f'low_over_{units}']:.3g} ... "
        f"{document[f'high_over_{units}']:.3g}; {document[f'{units}_with_errors']} of {many} "
        f"{units} have errors, worst: {escape(worst[unit])} with {worst['errors']:,}; without the "
        f"{len(rest['left_out'])} that make half of them ({escape(names)}) BER {rest['ber']:.3g} "
        f"({rest['low']:.3g} ... {rest['high']:.3g})"
    )
