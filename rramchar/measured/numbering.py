"""Numbers that a file leaves out because they follow from the order of its lines."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.measured.blocks import over_rows
from rramchar.measured.grid import fresh
from rramchar.measured.layout_file import NewSweepTable, NumberingTable

_TURNED = {"drops": np.less, "rises": np.greater, "changes": np.not_equal}


def count_columns(frame: pd.DataFrame, numbering: NumberingTable) -> dict[str, NDArray[np.int64]]:
    """Return the columns that a layout counts.

    Parameters
    ----------
    frame : DataFrame
        Rows in the order of the file, with ``line`` (and ``device``, unless that is counted).
    numbering : NumberingTable
        What to count.

    Returns
    -------
    dict of str to array, shape (rows,)
        By name in the tidy frame.
    """
    counted: dict[str, NDArray[np.int64]] = {}
    if numbering.device_from_line or numbering.checkerboard is not None:
        lines = frame["line"].to_numpy(dtype=np.int64)
        place = lines - lines[0]
        if numbering.device_from_line:
            counted["device"] = place
        if numbering.checkerboard is not None:
            board = numbering.checkerboard
            counted["level"] = (place + place // board.columns) % board.levels
    device = pd.Series(counted["device"]) if "device" in counted else frame["device"]
    if numbering.new_sweep is not None:
        starts = sweep_starts(device, frame[numbering.new_sweep.column], numbering.new_sweep)
        counted["sweep"], counted["pulse"] = number_sweeps(device, starts)
    if numbering.count is not None:
        first = np.int64(0 if numbering.count == "sweep" else 1)
        number = device.groupby(device.to_numpy(), sort=False).cumcount()
        counted[numbering.count] = number.to_numpy(dtype=np.int64) + first
    return counted


def sweep_starts(device: pd.Series, swept: pd.Series, rule: NewSweepTable) -> NDArray[np.bool_]:
    """Tell in which rows a new sweep starts: at another device, or by the rule.

    Parameters
    ----------
    device, swept : Series, shape (rows,)
        Address and swept column of each row, in the order of the file.
    rule : NewSweepTable
        What the swept column does where a new sweep starts.

    Returns
    -------
    array of bool, shape (rows,)
        True in the first row of each sweep.
    """
    address, values = device.to_numpy(), swept.to_numpy(dtype=float)
    starts = np.ones(len(values), dtype=bool)
    turned = _TURNED[rule.when]

    def compare(start: int, stop: int) -> None:
        here, before = slice(max(start, 1), stop), slice(max(start, 1) - 1, stop - 1)
        starts[here] = turned(values[here], values[before]) | (address[here] != address[before])

    over_rows(compare, len(values))
    return starts


def number_sweeps(
    device: pd.Series, starts: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the sweeps of each device from 0, and the pulses of each sweep from 1.

    Parameters
    ----------
    device : Series, shape (rows,)
        Address of each row.
    starts : array of bool, shape (rows,)
        True in the first row of each sweep.

    Returns
    -------
    sweep, pulse : array of int64, shape (rows,)
        The two numbers.
    """
    first_row = np.flatnonzero(starts)
    owner = device.iloc[first_row]  # of each sweep: there are far fewer sweeps than rows
    number = owner.groupby(owner.to_numpy(), sort=False).cumcount().to_numpy(dtype=np.int64)
    sweep, pulse = fresh(len(starts), np.int64), fresh(len(starts), np.int64)

    def count(start: int, stop: int) -> None:
        first, behind = np.searchsorted(first_row, [start, stop - 1], side="right") - [1, 0]
        here = first_row[first:behind]
        rows = np.diff(np.append(np.maximum(here, start), stop))
        sweep[start:stop] = np.repeat(number[first:behind], rows)
        pulse[start:stop] = np.arange(start + 1, stop + 1) - np.repeat(here, rows)

    over_rows(count, len(starts))
    return sweep, pulse
