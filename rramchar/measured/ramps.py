"""Ramps as columns: aihwkit's up and down, CrossSim's files of SET and of RESET ramps.

aihwkit's device fits take a file of two columns, the response to up pulses and to down pulses;
CrossSim's look-up tables are made from ``set.csv`` and ``reset.csv``, each with one ramp per
column. In both one line is one pulse. Both may have a header line with names of no meaning.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rramchar.errors import InputError
from rramchar.measured.assemble import RawColumns, Values, assemble
from rramchar.measured.faults import Faults
from rramchar.measured.fields import read_fields
from rramchar.measured.grid import Grid, Texts, guess_separator, to_number
from rramchar.measured.layout_file import Layout, make_layout
from rramchar.measured.rows import first_fields
from rramchar.measured.source import Source

CROSSSIM_READ_V = 0.1
"""CrossSim's example takes ramps as currents read at this voltage. [V]"""

_LARGEST_S = 0.05  # 20 ohm: no memory cell, but a normalized weight
_UP_DOWN = ("SET", "RESET")


def read_aihwkit_source(source: Source, faults: Faults) -> pd.DataFrame:
    """Read two columns, conductances after up pulses and after down pulses.

    Parameters
    ----------
    source : Source
        With or without a header line. [S]
    faults : Faults
        Takes note of rows that cannot be used.

    Returns
    -------
    DataFrame
        Device 0; sweep 0 is the up ramp (operation SET), sweep 1 the down ramp (RESET); pulses
        count from 1.

    Raises
    ------
    InputError
        If there are not two columns, or the numbers are normalized weights.
    """
    values, lines = _read_columns(source, faults, width=2)
    lowest, highest = float(np.nanmin(values)), float(np.nanmax(values))
    if lowest < 0 or highest > _LARGEST_S:
        raise InputError(
            f"{source.name}, line {lines[0]}: values from {lowest:g} to {highest:g}, expected "
            "conductances in siemens; if they are normalized weights, scale them to siemens first"
        )
    return _assemble_ramps(source, values, lines, _UP_DOWN, "S", faults)


def read_crosssim_source(source: Source, faults: Faults) -> pd.DataFrame:
    """Read one ramp per column, currents at a reading voltage of 0.1 V.

    Parameters
    ----------
    source : Source
        With or without a header line; the file name holds ``reset`` or ``set``. [A]
    faults : Faults
        Takes note of rows that cannot be used.

    Returns
    -------
    DataFrame
        Device 0; one sweep per column, from 0; pulses count from 1.

    Raises
    ------
    InputError
        If the file name does not tell SET from RESET.
    """
    name = Path(source.name).name.lower()
    operation = "RESET" if "reset" in name else "SET" if "set" in name else ""
    if not operation:
        raise InputError(
            f"{source.name}: the file name tells neither SET nor RESET ramps, expected set.csv or "
            "reset.csv; rename the file"
        )
    values, lines = _read_columns(source, faults, width=None)
    operations = (operation,) * values.shape[1]
    return _assemble_ramps(source, values, lines, operations, "A", faults)


def _read_columns(
    source: Source, faults: Faults, width: int | None
) -> tuple[np.ndarray, np.ndarray]:
    lines = source.lines()
    number, offset, text = next(lines)
    separator = guess_separator(text)
    first = first_fields(source, number, text, separator)
    if width is not None and len(first) != width:
        raise InputError(
            f"{source.name}, line {number}: {len(first)} field{'s' if len(first) != 1 else ''}, "
            f"expected {width}: up and down"
        )
    if all(to_number(field) is None for field in first):  # a header line
        if (second := next(lines, None)) is None:
            raise InputError(f"{source.name}: a header line but no readings below it")
        number, offset, text = second
    grid = Grid(
        separator=separator,
        places=tuple(f"field {i + 1} (ramp {i + 1})" for i in range(len(first))),
        numbers=tuple(range(len(first))),
        width_from="the first line",
    )
    fields = read_fields(source, number, offset, grid, faults)
    columns = [column for column in fields.columns.values() if not isinstance(column, Texts)]
    return np.column_stack(columns), fields.lines


def _assemble_ramps(
    source: Source,
    values: np.ndarray,
    lines: np.ndarray,
    operations: tuple[str, ...],
    unit: str,
    faults: Faults,
) -> pd.DataFrame:
    pulses, ramps = values.shape
    # A ramp that is shorter than the longest one leaves empty fields at its end.
    filled = np.isfinite(values)
    length = np.where(filled.any(axis=0), pulses - np.argmax(filled[::-1], axis=0), 0)
    there = (np.arange(pulses)[:, None] < length).T.ravel()
    words = tuple(dict.fromkeys(operations))
    codes = np.repeat([words.index(operation) for operation in operations], pulses)
    raw: dict[str, Values] = {
        "pulse": np.tile(np.arange(1.0, pulses + 1), ramps)[there],
        "sweep": np.repeat(np.arange(float(ramps)), pulses)[there],
        "operation": Texts(codes[there].astype(np.int32), words),
        "resistance_ohm": values.T.ravel()[there],
    }
    return assemble(RawColumns(raw, np.tile(lines, ramps)[there], {}), _layout(unit), faults)


def _layout(unit: str) -> Layout:
    return make_layout(
        {
            "title": "ramps",
            "columns": {"resistance_ohm": {"field": 1, "unit": unit}},
            "fixed": {"device": 0, **({"v_read_v": CROSSSIM_READ_V} if unit == "A" else {})},
        },
        "ramps",
    )
