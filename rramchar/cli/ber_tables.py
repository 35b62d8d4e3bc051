"""``rramchar ber show``, ``plot`` and ``compare``: tables of error rates."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rramchar.cli.common import JsonOption, check_writable, emit, stdout, write_figure
from rramchar.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from rramchar.ber import BerRow
    from rramchar.ber.compare import TableComparison

WhereOption = Annotated[
    str, typer.Option(help="Only rows that meet conditions, such as vdd_v=0.6,corner=ss.")
]
_NUMERIC = ("vdd_v", "time_s", "temperature_c", "sample_time_s")
_ENOUGH_LINES = 12


def show(
    tables: Annotated[list[Path], typer.Argument(metavar="TABLE...", help="BER tables (CSV).")],
    where: WhereOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show the rows of BER tables.

    Example: rramchar ber show ber.csv --where cell=2t2r,vdd_v=0.6
    """
    from rramchar.provenance import read_comment_header

    found = {path: _rows(path, where) for path in tables}
    documents = [
        {
            "file": str(path),
            "rows": [row.flat() for row in rows],
            "provenance": read_comment_header(path),
        }
        for path, rows in found.items()
    ]
    result = documents[0] if len(documents) == 1 else {"tables": documents}

    def tell() -> None:
        for path, rows in found.items():
            show_rows(rows, str(path))

    emit(result, as_json, tell)


def plot(
    tables: Annotated[list[Path], typer.Argument(metavar="TABLE...", help="BER tables (CSV).")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FIGURE.png", help="Figure.")],
    x: Annotated[
        str | None, typer.Option("--x", help="Condition column; the one with most values without.")
    ] = None,
    where: WhereOption = "",
    confusion: Annotated[
        bool, typer.Option("--confusion", help="Heat maps of the ternary rows instead.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Draw error rates with their intervals against a condition, on a logarithmic scale.

    Every combination of the other conditions is a line.

    Example: rramchar ber plot ber.csv --x vdd_v --where cell=2t2r -o ber.png
    """
    from rramchar.report.ber import plot_ber_against, plot_confusion

    check_writable(output, option="--output")
    rows = {path: _rows(path, where) for path in tables}
    if confusion:
        if x is not None:
            raise InputError(f"--x {x}: --confusion has no such axis; leave one out")
        panels = _panels(rows)
        write_figure(output, plot_confusion(panels))
        labels = list(panels)
    else:
        x = x or widest(rows)
        lines = lines_of(rows, x)
        write_figure(output, plot_ber_against(lines, x))
        labels = list(lines)
    result = {"plot": output, "x": x, "lines": labels, "rows": sum(map(len, rows.values()))}

    def tell() -> None:
        stdout.print(f"{result['rows']} rows, {len(labels)} {'maps' if confusion else 'lines'}")
        stdout.print(f"written: {output}", markup=False)

    emit(result, as_json, tell)


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="A BER table (CSV).")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    where: WhereOption = "",
    ignore: Annotated[
        str, typer.Option(help="Columns that may differ, such as source,programming.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Compare two tables: the ratio B / A of each condition in both, with a 95 % interval.

    Example: rramchar ber compare before.csv after.csv --ignore programming
    """
    from rramchar.ber.compare import compare_rows

    columns = [part.strip() for part in ignore.split(",") if part.strip()]
    found = compare_rows(_rows(first, where), _rows(second, where), ignore=columns)
    result = {
        "a": str(first),
        "b": str(second),
        "shared": [{**dataclasses.asdict(c), "verdict": c.verdict} for c in found.shared],
        "only_a": found.only_a,
        "only_b": found.only_b,
    }
    emit(result, as_json, lambda: _show_comparison(found, first, second))


def show_rows(rows: list[BerRow], title: str) -> None:
    """Print rows of a table.

    Parameters
    ----------
    rows : list of BerRow
        The rows.
    title : str
        Stands above.
    """
    from rich.markup import escape
    from rich.table import Table

    from rramchar.ber.rows import describe

    table = Table(title=escape(title))
    for heading in ("condition", "errors", "trials", "BER", "95 % interval"):
        table.add_column(heading, justify="left" if heading == "condition" else "right")
    for row in rows:
        condition = row.flat()
        condition.pop("polarity")
        counted = (f"{row.errors:,}", f"{row.trials:,}") if row.trials else ("", "")
        table.add_row(
            escape(describe(condition)), *counted, f"{row.ber:.3g}",
            f"{row.ber_low:.3g} ... {row.ber_high:.3g}",
        )  # fmt: skip
    stdout.print(table)


def listed(text: str, option: str) -> list[str]:
    """Split a list of values that stands in one option.

    Parameters
    ----------
    text : str
        Values, separated by commas.
    option : str
        Its name, for messages.

    Returns
    -------
    list of str
        At least one.

    Raises
    ------
    InputError
        If there is none, or one comes twice.
    """
    values = [part.strip() for part in text.split(",") if part.strip()]
    if not values or len(set(values)) != len(values):
        raise InputError(f"{option}: {text!r}, expected values without repetition, such as a,b")
    return values


def _rows(path: Path, where: str) -> list[BerRow]:
    from rramchar.ber import BerTable, parse_where
    from rramchar.ber.where import no_match

    conditions = parse_where(where)
    loaded = BerTable.load(path)
    chosen = loaded.filter(**conditions)
    if not chosen.rows:
        raise InputError(f"{path}: {no_match(loaded.rows, conditions)}")
    return list(chosen.rows)


def widest(rows: dict[Path, list[BerRow]]) -> str:
    """Return the numeric condition with most values, or ``cell`` where none has two.

    Parameters
    ----------
    rows : dict of Path to list of BerRow
        Rows by table.

    Returns
    -------
    str
        A column.
    """
    every = [row for part in rows.values() for row in part]

    def values(column: str) -> int:
        return len({getattr(row, column) for row in every} - {None})

    numeric = max(_NUMERIC, key=values)
    return numeric if values(numeric) > 1 else "cell"


def lines_of(rows: dict[Path, list[BerRow]], x: str) -> dict[str, pd.DataFrame]:
    """Group rows into lines: one for each combination of the other conditions that differ.

    Parameters
    ----------
    rows : dict of Path to list of BerRow
        Rows by table.
    x : str
        The condition along the axis.

    Returns
    -------
    dict of str to DataFrame
        Label to rows of the table.

    Raises
    ------
    InputError
        If the column is unknown or empty, or there are too many lines to tell apart.
    """
    import pandas as pd

    from rramchar.ber.rows import KEYS, OPTIONAL_NUMBERS
    from rramchar.ber.where import check_column

    check_column(x)
    frame = pd.concat(
        [
            pd.DataFrame([r.flat() for r in part]).assign(table=path.stem)
            for path, part in rows.items()
        ]
    )
    if x in OPTIONAL_NUMBERS:
        empty = int(frame[x].isna().sum())
        if empty == len(frame):
            raise InputError(f"--x {x}: empty in every row; choose another column")
        frame = frame[frame[x].notna()]
    others = [k for k in (*KEYS, "table") if k != x and frame[k].nunique(dropna=False) > 1]
    groups = frame.groupby(others, sort=False, dropna=False) if others else [((), frame)]
    lines = {}
    for key, part in groups:
        values = key if isinstance(key, tuple) else (key,)
        shown = [_shown(k, v) for k, v in zip(others, values, strict=True) if v == v and v != ""]
        lines[", ".join(shown)] = part.reset_index(drop=True)
    if len(lines) > _ENOUGH_LINES:
        raise InputError(
            f"{len(lines)} lines in one figure, expected at most {_ENOUGH_LINES}; choose some with "
            f"--where (they differ in {', '.join(others)})"
        )
    return lines


def _shown(column: str, value: Any) -> str:
    units = {"vdd_v": " V", "temperature_c": " °C"}
    if column in ("sample_time_s", "time_s"):
        from rramchar.units import format_quantity

        return format_quantity(value, "s")
    if column == "cell":
        return str(value).upper()
    return f"{value:g}{units[column]}" if column in units else str(value)


def _panels(rows: dict[Path, list[BerRow]]) -> dict[str, Any]:
    panels = {}
    for path, part in rows.items():
        for row in part:
            if row.coding == "ternary":
                keys = (
                    "programming",
                    "corner",
                    "temperature_c",
                    "vdd_v",
                    "sample_time_s",
                    "time_s",
                )
                known = {k: getattr(row, k) for k in keys if getattr(row, k) not in ("", None)}
                title = ", ".join(_shown(k, v) for k, v in known.items()) or row.source
                title = f"{path.stem}: {title}" if len(rows) > 1 else title
                panels[title] = row.confusion().probability
    if not 0 < len(panels) <= _ENOUGH_LINES:
        raise InputError(
            f"--confusion: {len(panels)} ternary rows, expected 1 to {_ENOUGH_LINES}; choose some "
            "with --where"
        )
    return panels


def _show_comparison(found: TableComparison, first: Path, second: Path) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(f"A: {first}, B: {second}"))
    for heading in ("condition", "A", "B", "B / A", "95 % interval", "p", "B is"):
        table.add_column(heading, justify="left" if heading == "condition" else "right")
    for c in found.shared:
        ends = " ... ".join("?" if e is None else f"{e:.3g}" for e in (c.low, c.high))
        table.add_row(
            escape(c.condition), f"{c.ber_a:.3g}", f"{c.ber_b:.3g}",
            "?" if c.ratio is None else f"{c.ratio:.3g}", ends,
            "?" if c.p_value is None else f"{c.p_value:.2g}", c.verdict,
        )  # fmt: skip
    stdout.print(table)
    for name, only in (("A", found.only_a), ("B", found.only_b)):
        for condition in only:
            stdout.print(f"only in {name}: {condition}", markup=False)
