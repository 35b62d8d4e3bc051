"""The wide cycling layout: one cell per line, readings after RESET and SET in turn.

``address, HRS_1, LRS_1, HRS_2, LRS_2, ...`` without a header line; fields separated by TAB, comma
or semicolon (whatever the suffix says); ``#`` comment lines are allowed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.measured.schema import OPERATION_BEFORE
from rramchar.measured.text import (
    TextTable,
    parse_floats,
    parse_ints,
    read_text_table,
    resistance_complaint,
    separator_name,
)

_ORDER = ("hrs", "lrs")  # of the readings within a cycle


def read_cycling(path: str | Path) -> pd.DataFrame:
    """Read a wide cycling matrix.

    Parameters
    ----------
    path : str or path
        Text file, plain or gzip-compressed. Addresses may be whole numbers (``200`` or
        ``200.000``) or names.

    Returns
    -------
    DataFrame
        A tidy frame (see `rramchar.measured.schema`) in the order of the file; within a line
        HRS_1, LRS_1, HRS_2, ... Cycles count from 1. Resistances in ohm.

    Raises
    ------
    InputError
        If the file cannot be read, a line has another number of fields than the first, a reading
        is not a finite number above 0, or an address comes twice.
    """
    table = read_text_table(path)
    rows = table.split()
    readings = _check_widths(table, rows)
    flat = [text for fields in rows for text in fields[1:]]
    values = parse_floats(flat)
    _check_values(table, flat, values, readings)
    devices = _addresses(table, [fields[0] for fields in rows])
    return cycling_frame(devices, values.reshape(len(rows), readings), np.array(table.numbers))


def cycling_frame(
    devices: NDArray[np.int64] | list[str],
    resistance_ohm: NDArray[np.float64],
    lines: NDArray[np.int64] | None = None,
) -> pd.DataFrame:
    """Turn a wide matrix into a tidy frame.

    Parameters
    ----------
    devices : array of int or list of str, length n
        Address of each line.
    resistance_ohm : array, shape (n, 2 * cycles)
        HRS_1, LRS_1, HRS_2, LRS_2, ... [ohm]
    lines : array of int, shape (n,), optional
        Line numbers in the source file; 0 without.

    Returns
    -------
    DataFrame
        A tidy frame.
    """
    cells, readings = resistance_ohm.shape
    cycles = readings // 2
    operations = [OPERATION_BEFORE[state] for state in _ORDER]
    numbers = np.zeros(cells, dtype=np.int64) if lines is None else lines
    return pd.DataFrame(
        {
            "device": pd.Series(devices).repeat(readings).to_numpy(),
            "cycle": np.tile(np.repeat(np.arange(1, cycles + 1), 2), cells),
            "operation": pd.Series(operations * (cells * cycles), dtype="str"),
            "state": pd.Series(list(_ORDER) * (cells * cycles), dtype="str"),
            "resistance_ohm": resistance_ohm.ravel(),
            "line": np.repeat(numbers, readings),
        }
    )


def reading_name(field: int) -> str:
    """Return the name of a field, counted from 1 for the address: ``HRS_1`` for field 2.

    Parameters
    ----------
    field : int
        Position in the line, from 1.

    Returns
    -------
    str
        ``address``, ``HRS_n`` or ``LRS_n``.
    """
    if field == 1:
        return "address"
    cycle, state = divmod(field - 2, 2)
    return f"{_ORDER[state].upper()}_{cycle + 1}"


def _check_widths(table: TextTable, rows: list[list[str]]) -> int:
    width = len(rows[0])
    if width < 3 or width % 2 == 0:
        raise InputError(
            f"{table.source}, line {table.numbers[0]}: {width} field{'s' if width != 1 else ''} "
            f"(separator {separator_name(table.separator)}), expected an address and then pairs "
            "HRS_1, LRS_1, ..., so 3, 5, 7, ... fields"
        )
    for number, fields in zip(table.numbers, rows, strict=True):
        if len(fields) != width:
            raise InputError(
                f"{table.source}, line {number}: {len(fields)} fields, expected {width} as in "
                f"line {table.numbers[0]}; complete the line or leave it out"
            )
    return width - 1


def _check_values(
    table: TextTable, flat: list[str], values: NDArray[np.float64], readings: int
) -> None:
    wrong = ~(np.isfinite(values) & (values > 0))
    if not wrong.any():
        return
    at = int(np.argmax(wrong))
    row, column = divmod(at, readings)
    field = column + 2
    hint = ""
    if row == 0 and np.isnan(values[:readings]).all():
        hint = "; the cycling layout has no header line: put # before it"
    raise InputError(
        f"{table.source}, line {table.numbers[row]}, field {field} ({reading_name(field)}): "
        f"{resistance_complaint(flat[at], float(values[at]))}{hint}"
    )


def _addresses(table: TextTable, texts: list[str]) -> NDArray[np.int64] | list[str]:
    numbers = parse_ints(texts)
    keys: list[int | str] = [*texts] if numbers is None else numbers.tolist()
    seen: dict[int | str, int] = {}
    for key, text, line in zip(keys, texts, table.numbers, strict=True):
        if not text:
            raise InputError(
                f"{table.source}, line {line}, field 1 (address): empty, expected a number or name"
            )
        if key in seen:
            raise InputError(
                f"{table.source}, line {line}, field 1 (address): {text!r} is already in line "
                f"{seen[key]}; expected each address once; rename or remove one of the lines"
            )
        seen[key] = line
    return texts if numbers is None else numbers
