"""The wide cycling layout: one cell per line, readings after RESET and SET in turn.

``address, HRS_1, LRS_1, HRS_2, LRS_2, ...`` without a header line; fields separated by TAB, comma
or semicolon (whatever the suffix says); ``#`` comment lines are allowed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.measured.faults import Faults
from rramchar.measured.grid import text_series
from rramchar.measured.layout_file import Layout, make_layout
from rramchar.measured.schema import STATE_AFTER
from rramchar.measured.source import Source, read_source
from rramchar.measured.wide import read_wide

_ORDER = ("RESET", "SET")  # before the readings of a cycle

CYCLING: Layout = make_layout(
    {
        "title": "one cell per line: address, HRS_1, LRS_1, HRS_2, LRS_2, ...",
        "columns": {"device": {"field": 1}},
        "readings": {"first_field": 2, "operations": list(_ORDER), "count": "cycle"},
    },
    "cycling",
)


def read_cycling(path: str | Path) -> pd.DataFrame:
    """Read a wide cycling matrix.

    Parameters
    ----------
    path : str or path
        Text file, plain or packed. Addresses may be whole numbers (``200`` or ``200.000``) or
        names. [ohm]

    Returns
    -------
    DataFrame
        A tidy frame (see `rramchar.measured.schema`) in the order of the file; within a line
        HRS_1, LRS_1, HRS_2, ... Cycles count from 1.

    Raises
    ------
    InputError
        If the file cannot be read, a line has another number of fields than the first, a field
        is not a number, or an address comes twice.
    """
    faults = Faults(str(path))
    return read_cycling_source(read_source(path, faults), faults)


def read_cycling_source(source: Source, faults: Faults) -> pd.DataFrame:
    """Read a cycling matrix that is in memory.

    Parameters
    ----------
    source : Source
        The file.
    faults : Faults
        Takes note of lines that cannot be used.

    Returns
    -------
    DataFrame
        A tidy frame.
    """
    return read_wide(source, CYCLING, faults)


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
    states = np.tile(np.array([0, 1], dtype=np.int32), cells * cycles)
    numbers = np.zeros(cells, dtype=np.int64) if lines is None else lines
    return pd.DataFrame(
        {
            "device": pd.Series(devices).repeat(readings).to_numpy(),
            "cycle": np.tile(np.repeat(np.arange(1, cycles + 1), 2), cells),
            "operation": text_series(states, _ORDER),
            "state": text_series(states, [STATE_AFTER[operation] for operation in _ORDER]),
            "resistance_ohm": resistance_ohm.ravel(),
            "line": np.repeat(numbers, readings),
        }
    )
