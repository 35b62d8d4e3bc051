"""The tidy layout: a header line, then one reading per line."""

from __future__ import annotations

import csv
import difflib
from pathlib import Path

import numpy as np
import pandas as pd

from rramchar.errors import InputError
from rramchar.measured.schema import (
    COLUMNS,
    OPERATION_BEFORE,
    REQUIRED,
    STATE_AFTER,
    check_frame,
)
from rramchar.measured.text import (
    TextTable,
    parse_floats,
    parse_ints,
    read_text_table,
    resistance_complaint,
)


def read_tidy(path: str | Path) -> pd.DataFrame:
    """Read a table with one resistance reading per line.

    Parameters
    ----------
    path : str or path
        CSV with a header line; fields separated by comma, TAB or semicolon; ``#`` lines on top
        are allowed; plain or gzip-compressed. Needs the columns ``device, cycle, state,
        resistance_ohm``; where ``operation`` is present, ``state`` may be left out (``lrs`` after
        SET, ``hrs`` after RESET). Upper and lower case of states and operations do not matter.
        Further columns are kept, as numbers where they are numbers.

    Returns
    -------
    DataFrame
        A tidy frame (see `rramchar.measured.schema`). Resistances in ohm.

    Raises
    ------
    InputError
        If the file cannot be read, a column is missing, a line has another number of fields than
        the header, or a field cannot be used; file, line and column are named.
    """
    table = read_text_table(path)
    rows = [[f.strip() for f in row] for row in csv.reader(table.lines, delimiter=table.separator)]
    header, rows = rows[0], rows[1:]
    numbers = table.numbers[1:]
    _check_header(table, header)
    if not rows:
        raise InputError(f"{table.source}: a header line but no readings below it")
    _check_widths(table, header, rows)
    texts = {
        name: list(column) for name, column in zip(header, zip(*rows, strict=True), strict=True)
    }
    columns: dict[str, object] = {
        "device": _devices(table, texts["device"]),
        "cycle": _cycles(table, texts["cycle"]),
        **_states(table, texts),
        "resistance_ohm": _resistances(table, texts["resistance_ohm"]),
        "line": np.array(numbers),
    }
    for name in header:
        if name not in COLUMNS:
            values = parse_floats(texts[name])
            columns[name] = texts[name] if np.isnan(values).any() else values
    return check_frame(pd.DataFrame(columns), table.source)


def _check_header(table: TextTable, header: list[str]) -> None:
    place = f"{table.source}, line {table.numbers[0]}"
    for name in header:
        if header.count(name) > 1:
            raise InputError(f"{place}: column {name!r} comes twice in the header")
    for name in REQUIRED:
        if name in header or (name == "state" and "operation" in header):
            continue
        close = difflib.get_close_matches(name, header, n=1, cutoff=0.5)
        hint = f"; is {close[0]!r} meant? rename it" if close else ""
        raise InputError(
            f"{place}: column {name} is missing; expected a header line with "
            f"{', '.join(REQUIRED)}; found {', '.join(header[:8])}"
            f"{', ...' if len(header) > 8 else ''}{hint}"
        )


def _check_widths(table: TextTable, header: list[str], rows: list[list[str]]) -> None:
    for number, row in zip(table.numbers[1:], rows, strict=False):
        if len(row) != len(header):
            raise InputError(
                f"{table.source}, line {number}: {len(row)} fields, expected {len(header)} as in "
                "the header; complete the line or leave it out"
            )


def _devices(table: TextTable, texts: list[str]) -> object:
    if "" in texts:
        raise InputError(
            f"{_place(table, texts.index(''), 'device')}: empty, expected a number or name"
        )
    numbers = parse_ints(texts)
    return texts if numbers is None else numbers


def _cycles(table: TextTable, texts: list[str]) -> object:
    numbers = parse_ints(texts)
    if numbers is None or (numbers < 0).any():
        bad = next(i for i, text in enumerate(texts) if _not_a_count(text))
        raise InputError(
            f"{_place(table, bad, 'cycle')}: {texts[bad]!r}, expected a whole number from 0"
        )
    return numbers


def _not_a_count(text: str) -> bool:
    number = parse_ints([text])
    return number is None or bool(number[0] < 0)


def _states(table: TextTable, texts: dict[str, list[str]]) -> dict[str, list[str]]:
    if "state" in texts:
        states = [text.lower() for text in texts["state"]]
        for i, state in enumerate(states):
            if state not in OPERATION_BEFORE:
                raise InputError(
                    f"{_place(table, i, 'state')}: {texts['state'][i]!r}, expected lrs or hrs"
                )
        if "operation" not in texts:
            return {"operation": [OPERATION_BEFORE[state] for state in states], "state": states}
        return {"operation": [text.upper() for text in texts["operation"]], "state": states}
    operations = [text.upper() for text in texts["operation"]]
    for i, operation in enumerate(operations):
        if operation not in STATE_AFTER:
            raise InputError(
                f"{_place(table, i, 'operation')}: {texts['operation'][i]!r}, expected SET or "
                "RESET; for other operations add a column state (lrs or hrs)"
            )
    return {"operation": operations, "state": [STATE_AFTER[o] for o in operations]}


def _resistances(table: TextTable, texts: list[str]) -> object:
    values = parse_floats(texts)
    wrong = ~(np.isfinite(values) & (values > 0))
    if wrong.any():
        at = int(np.argmax(wrong))
        complaint = resistance_complaint(texts[at], float(values[at]))
        raise InputError(f"{_place(table, at, 'resistance_ohm')}: {complaint}")
    return values


def _place(table: TextTable, row: int, column: str) -> str:
    return f"{table.source}, line {table.numbers[row + 1]}, column {column}"
