"""Layouts with many readings in one line: an address or more first, then readings to its end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.measured.assemble import RawColumns, Values, assemble
from rramchar.measured.faults import Faults, shown
from rramchar.measured.grid import (
    SEPARATORS,
    Texts,
    guess_separator,
    is_whole,
    number_complaint,
    split_line,
    to_number,
)
from rramchar.measured.layout_file import SEPARATOR_NAMES, ColumnTable, Layout, ReadingsTable
from rramchar.measured.rows import first_fields
from rramchar.measured.schema import SCHEMA, STATE_AFTER
from rramchar.measured.source import Source

_EXPECTED = "a number such as 5000 or 9.1e4"


@dataclass(frozen=True, eq=False)
class _Matrix:
    """Leading fields as texts, readings as numbers, and the line of each row."""

    lead: list[list[str]]
    values: NDArray[np.float64]
    lines: NDArray[np.int64]


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
    rows, readings = matrix.values.shape
    raw, places = _leading(matrix, layout, readings)
    if table.count == "cycle" and "device" in layout.columns:
        matrix = _drop_repeated(matrix, layout.columns["device"], faults)
        rows = len(matrix.lines)
        raw, places = _leading(matrix, layout, readings)
    group = max(1, len(table.operations))
    place = np.arange(readings)
    raw["resistance_ohm"] = matrix.values.ravel()
    raw[table.count] = np.tile(place // group + table.count_from, rows).astype(float)
    if table.operations:
        codes = np.tile((place % group).astype(np.int32), rows)
        raw["operation"] = Texts(codes, tuple(table.operations))
    if table.interval_s is not None:
        raw["time_s"] = np.tile(place * table.interval_s, rows)
    columns = {**layout.columns, "resistance_ohm": ColumnTable(field=1, unit=table.unit)}
    lines = np.repeat(matrix.lines, readings)
    full = layout.model_copy(update={"columns": columns})
    return assemble(RawColumns(raw, lines, places), full, faults)


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
    number, _, text = next(source.lines())
    separator = SEPARATOR_NAMES.get(layout.file.separator or "") or guess_separator(text)
    width = _check_first(source, number, text, separator, table)
    lead, values, lines = [], [], []
    for line, _, text in source.lines():
        fields = _fields(text, line, separator, (width, number), faults)
        if fields is None:
            continue
        row = _parse_readings(fields, line, line == number, layout, table, faults)
        if row is not None:
            values.append(row)
            lead.append(fields[: table.first_field - 1])
            lines.append(line)
    if not lines:
        raise InputError(
            f"{source.name}: no line can be used; line {faults.rows[0].line}, "
            f"{faults.rows[0].reason}"
        )
    return _Matrix(lead, np.array(values), np.array(lines, dtype=np.int64))


def _fields(
    text: str, line: int, separator: str, first: tuple[int, int], faults: Faults
) -> list[str] | None:
    """Return the fields of a line that has as many as the first: its width and line number."""
    width, first_line = first
    try:
        fields = split_line(text, separator)
    except ValueError as error:
        faults.report(line, f"{error}; expected a closing quotation mark")
        return None
    if len(fields) == width + 1 and not fields[-1]:
        fields.pop()
    if len(fields) == width:
        return fields
    faults.report(
        line,
        f"{len(fields)} fields, expected {width} as in line {first_line}; complete the line "
        "or leave it out",
    )
    return None


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


def _parse_readings(
    fields: list[str],
    line: int,
    is_first: bool,
    layout: Layout,
    table: ReadingsTable,
    faults: Faults,
) -> NDArray[np.float64] | None:
    texts = fields[table.first_field - 1 :]
    decimal = layout.file.decimal
    if decimal == "." and not any("_" in text for text in texts):
        try:
            return np.fromiter(map(float, texts), dtype=float, count=len(texts))
        except ValueError:
            pass  # one of them is no plain number: look at each
    numbers = [to_number(text, decimal) for text in texts]
    if None not in numbers:
        return np.array(numbers, dtype=float)
    at = numbers.index(None)
    hint = ""
    if is_first and not any(number is not None for number in numbers):
        hint = "; this layout has no header line: put # before it"
    field = table.first_field + at
    faults.report(
        line, number_complaint(texts[at], _EXPECTED, decimal) + hint,
        place=f"field {field} ({reading_name(field, table)})",
    )  # fmt: skip
    return None


def _leading(
    matrix: _Matrix, layout: Layout, readings: int
) -> tuple[dict[str, Values], dict[str, str]]:
    """Return the columns in front of the readings, repeated for every reading."""
    raw: dict[str, Values] = {}
    places = {}
    for name, rule in {**layout.columns, **layout.extra}.items():
        assert isinstance(rule.field, int)
        texts = [fields[rule.field - 1] for fields in matrix.lead]
        name_place = "address" if name == "device" else name
        places[name] = f"field {rule.field} ({name_place})"
        values = _column(name, texts, layout.file.decimal)
        if isinstance(values, Texts):
            raw[name] = Texts(np.repeat(values.codes, readings), values.words)
        else:
            raw[name] = np.repeat(values.astype(float), readings)
    return raw, places


def _column(name: str, texts: list[str], decimal: str) -> Values:
    kind = SCHEMA[name].kind if name in SCHEMA else "number"
    numbers = [to_number(text, decimal) for text in texts]
    if kind != "text" and None not in numbers:
        values = np.array(numbers, dtype=float)
        if kind != "label" or is_whole(values).all():
            return values
    codes, words = pd.factorize(np.array(texts, dtype=object))
    return Texts(codes.astype(np.int32), tuple(words.tolist()))


def _drop_repeated(matrix: _Matrix, rule: ColumnTable, faults: Faults) -> _Matrix:
    """Report a line whose address was there before: its cycles would get the same numbers."""
    assert isinstance(rule.field, int)
    seen: dict[str | float, int] = {}
    kept = []
    for i, (fields, line) in enumerate(zip(matrix.lead, matrix.lines.tolist(), strict=True)):
        text = fields[rule.field - 1]
        number = to_number(text)
        key = text if number is None or np.isnan(number) else number
        if text and key in seen:
            faults.report(
                line, f"{shown(text)} is already in line {seen[key]}; expected each address "
                "once; rename or remove one of the lines",
                place=f"field {rule.field} (address)",
            )  # fmt: skip
            continue
        seen[key] = line
        kept.append(i)
    return _Matrix([matrix.lead[i] for i in kept], matrix.values[kept], matrix.lines[kept])
