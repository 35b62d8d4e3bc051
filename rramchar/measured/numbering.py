"""Numbers that a file leaves out because they follow from the order of its lines."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.measured.layout_file import NewSweepTable, NumberingTable

_TURNED = {"drops": np.less, "rises": np.greater, "changes": np.not_equal}


def add_numbering(frame: pd.DataFrame, numbering: NumberingTable) -> None:
    """Add the columns that a layout counts, in place.

    Parameters
    ----------
    frame : DataFrame
        Rows in the order of the file, with ``line`` (and ``device``, unless that is counted).
    numbering : NumberingTable
        What to count.
    """
    if numbering.device_from_line:
        frame["device"] = frame["line"] - int(frame["line"].iloc[0])
    if numbering.checkerboard is not None:
        place = (frame["line"] - int(frame["line"].iloc[0])).to_numpy()
        board = numbering.checkerboard
        frame["level"] = (place + place // board.columns) % board.levels
    if numbering.new_sweep is not None:
        starts = sweep_starts(frame, numbering.new_sweep)
        frame["sweep"], frame["pulse"] = number_sweeps(frame["device"], starts)
    if numbering.count is not None:
        first = 0 if numbering.count == "sweep" else 1
        frame[numbering.count] = frame.groupby("device", sort=False).cumcount() + first


def sweep_starts(frame: pd.DataFrame, rule: NewSweepTable) -> NDArray[np.bool_]:
    """Tell in which rows a new sweep starts: at another device, or by the rule.

    Parameters
    ----------
    frame : DataFrame
        Rows in the order of the file.
    rule : NewSweepTable
        The swept column, and what it does where a new sweep starts.

    Returns
    -------
    array of bool, shape (rows,)
        True in the first row of each sweep.
    """
    device = frame["device"].to_numpy()
    swept = frame[rule.column].to_numpy(dtype=float)
    starts = np.ones(len(frame), dtype=bool)
    _TURNED[rule.when](swept[1:], swept[:-1], out=starts[1:])
    starts[1:] |= device[1:] != device[:-1]
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
    length = np.diff(np.append(first_row, len(starts)))
    owner = device.iloc[first_row]  # of each sweep: there are far fewer sweeps than rows
    number = owner.groupby(owner.to_numpy(), sort=False).cumcount().to_numpy(dtype=np.int64)
    pulse = np.ones(len(starts), dtype=np.int64)
    pulse[first_row[1:]] -= length[:-1]  # the sum below starts again at 1
    return np.repeat(number, length), np.cumsum(pulse, out=pulse)
