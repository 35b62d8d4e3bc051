"""Layouts with many readings in one line: an address or more first, then readings to its end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.measured.assemble import RawColumns, Values, assemble
from rramchar.measured.faults import Faults, shown
from rramchar.measured.fields import EXPECTED_NUMBER, read_fields
from rramchar.measured.grid import (
    SEPARATORS,
    Column,
    Grid,
    Texts,
    code_type,
    fresh,
    guess_separator,
    number_complaint,
    split_line,
    to_number,
)
from rramchar.measured.layout_file import SEPARATOR_NAMES, ColumnTable, Layout, ReadingsTable
from rramchar.measured.rows import first_fields, stricter
from rramchar.measured.schema import SCHEMA, STATE_AFTER
from rramchar.measured.source import Source


@dataclass(frozen=True, eq=False)
class _Matrix:
    """Leading fields, readings as numbers, the line of each row, and the separator."""

    lead: list[Column]
    values: NDArray[np.float64]
    lines: NDArray[np.int64]
    separator: str


def read_wide(source: Source, layout: Layout, faults: Faults) -> pd.DataFrame:
    """Read a file with many readings in one line.

    Parameters
    ----------
    source : Source
        The file, without a header line.
    layout : Layout
        With a table ``readings``.
    faults : Faults
        Takes note of lines that cannot be used.

    Returns
    -------
    DataFrame
        A tidy frame: the readings of the first line, of the second, and so on.

    Raises
    ------
    InputError
        If the first line does not fit the layout, or a line cannot be used and faults are not
        skipped.
    """
    table = layout.readings
    assert table is not None
    matrix = _read_matrix(source, layout, table, faults)
    if table.count == "cycle" and "device" in layout.columns:
        matrix = _drop_repeated(matrix, layout.columns["device"], source, faults)
    rows, readings = matrix.values.shape
    raw, places = _leading(matrix, layout, readings)
    group = max(1, len(table.operations))
    place = np.arange(readings)
    raw["resistance_ohm"] = matrix.values.ravel()
    raw[table.count] = _in_every_row(place // group + table.count_from, rows)
    if table.operations:
        codes = _in_every_row((place % group).astype(code_type(group)), rows)
        raw["operation"] = Texts(codes, tuple(table.operations))
    if table.interval_s is not None:
        raw["time_s"] = _in_every_row(place * table.interval_s, rows)
    columns = {**layout.columns, "resistance_ohm": ColumnTable(field=1, unit=table.unit)}
    lines = _at_every_reading(matrix.lines, readings)
    full = layout.model_copy(update={"columns": columns})
    return assemble(RawColumns(raw, lines, places), full, faults)


def _in_every_row(values: NDArray, rows: int) -> NDArray:
    """Return one value per reading, for the readings of all rows."""
    table = fresh(rows * len(values), values.dtype)
    table.reshape(rows, len(values))[:] = values
    return table


def _at_every_reading(values: NDArray, readings: int) -> NDArray:
    """Return one value per row, for the readings of all rows."""
    table = fresh(len(values) * readings, values.dtype)
    table.reshape(len(values), readings)[:] = values[:, np.newaxis]
    return table


def reading_name(field: int, table: ReadingsTable) -> str:
    """Return the name of a reading by its field: ``HRS_1`` is the first one after a RESET.

    Parameters
    ----------
    field : int
        Position in the line, from 1.
    table : ReadingsTable
        Where the readings start, and the operations before them.

    Returns
    -------
    str
        Name and number, both as in the layout.
    """
    group = max(1, len(table.operations))
    number, at = divmod(field - table.first_field, group)
    operation = table.operations[at] if table.operations else "READING"
    return f"{STATE_AFTER.get(operation, operation).upper()}_{number + table.count_from}"


def _read_matrix(source: Source, layout: Layout, table: ReadingsTable, faults: Faults) -> _Matrix:
    number, offset, text = next(source.lines())
    separator = SEPARATOR_NAMES.get(layout.file.separator or "") or guess_separator(text)
    width = _check_first(source, number, text, separator, table)
    _check_no_header(text, number, separator, layout, table, faults)
    lead = table.first_field - 1
    names = [f"field {i + 1}" for i in range(lead)]
    names += [f"field {i + 1} ({reading_name(i + 1, table)})" for i in range(lead, width)]
    kinds = _lead_kinds(layout)
    grid = Grid(
        separator=separator,
        places=tuple(names),
        numbers=tuple(range(lead, width)),
        soft=tuple(i for i in range(lead) if kinds.get(i) != "text"),
        labels=tuple(i for i in range(lead) if kinds.get(i) == "label"),
        texts=tuple(i for i in range(lead) if kinds.get(i) == "text"),
        decimal=layout.file.decimal,
        width_from=f"line {number}",
    )
    fields = read_fields(source, number, offset, grid, faults)
    values = fresh(len(fields.lines) * (width - lead), np.float64).reshape(-1, width - lead)
    for i in grid.numbers:
        column = fields.columns[i]
        assert not isinstance(column, Texts)
        values[:, i - lead] = column
    return _Matrix([fields.columns[i] for i in range(lead)], values, fields.lines, separator)


def _lead_kinds(layout: Layout) -> dict[int, str]:
    """Return the kind of column that a leading field becomes, by its position from 0."""
    kinds: dict[int, str] = {}
    for name, rule in {**layout.columns, **layout.extra}.items():
        assert isinstance(rule.field, int)
        kind = SCHEMA[name].kind if name in SCHEMA else "soft"
        kinds[rule.field - 1] = stricter(kind, kinds.get(rule.field - 1, kind))
    return kinds


def _check_no_header(
    text: str, line: int, separator: str, layout: Layout, table: ReadingsTable, faults: Faults
) -> None:
    readings = split_line(text, separator)[table.first_field - 1 :]
    if any(to_number(reading, layout.file.decimal) is not None for reading in readings):
        return
    hint = "; this layout has no header line: put # before it"
    place = f"field {table.first_field} ({reading_name(table.first_field, table)})"
    complaint = number_complaint(readings[0], EXPECTED_NUMBER, layout.file.decimal)
    faults.report(line, complaint + hint, place=place)


def _check_first(
    source: Source, number: int, text: str, separator: str, table: ReadingsTable
) -> int:
    width, lead = len(first_fields(source, number, text, separator)), table.first_field - 1
    group = max(1, len(table.operations))
    readings = width - lead
    if readings < group or readings % group:
        first = ["no leading field", "an address"][lead] if lead < 2 else f"{lead} leading fields"
        names = ", ".join(reading_name(table.first_field + i, table) for i in range(group))
        what = "pairs" if group == 2 else "readings" if group == 1 else f"groups of {group},"
        counts = ", ".join(str(lead + group * n) for n in (1, 2, 3))
        raise InputError(
            f"{source.name}, line {number}: {width} field{'s' if width != 1 else ''} (separator "
            f"{SEPARATORS[separator]}), expected {first} and then {what} {names}, ..., so "
            f"{counts}, ... fields"
        )
    return width


def _leading(
    matrix: _Matrix, layout: Layout, readings: int
) -> tuple[dict[str, Values], dict[str, str]]:
    """Return the columns in front of the readings, repeated for every reading."""
    raw: dict[str, Values] = {}
    places = {}
    for name, rule in {**layout.columns, **layout.extra}.items():
        assert isinstance(rule.field, int)
        name_place = "address" if name == "device" else name
        places[name] = f"field {rule.field} ({name_place})"
        values = matrix.lead[rule.field - 1]
        if isinstance(values, Texts):
            raw[name] = Texts(_at_every_reading(values.codes, readings), values.words)
        else:
            raw[name] = _at_every_reading(values, readings)
    return raw, places


def _drop_repeated(matrix: _Matrix, rule: ColumnTable, source: Source, faults: Faults) -> _Matrix:
    """Report a line whose address was there before: its cycles would get the same numbers."""
    assert isinstance(rule.field, int)
    seen: dict[str | float, int] = {}
    kept = []
    addresses = _values(matrix.lead[rule.field - 1])
    for i, (address, line) in enumerate(zip(addresses, matrix.lines.tolist(), strict=True)):
        if address in seen:
            text = split_line(source.texts({line})[line], matrix.separator)[rule.field - 1]
            faults.report(
                line, f"{shown(text)} is already in line {seen[address]}; expected each "
                "address once; rename or remove one of the lines",
                place=f"field {rule.field} (address)",
            )  # fmt: skip
            continue
        if address != "" and address == address:  # neither empty nor NaN
            seen[address] = line
        kept.append(i)
    if len(kept) == len(matrix.lines):
        return matrix
    lead = [
        Texts(column.codes[kept], column.words) if isinstance(column, Texts) else column[kept]
        for column in matrix.lead
    ]
    return _Matrix(lead, matrix.values[kept], matrix.lines[kept], matrix.separator)


def _values(column: Column) -> list[str | float]:
    if isinstance(column, Texts):
        return [column.words[code] for code in column.codes]
    return column.tolist()
