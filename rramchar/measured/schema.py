"""The tidy frame: one resistance reading per row, whatever the file looked like.

Columns
-------
device : int or str
    Address of the cell; the order of first appearance is the order on the chip.
cycle : int
    Programming cycle, from 1 in the wide layout.
operation : str
    Programming operation before the reading, such as ``SET`` or ``RESET``.
state : str
    ``lrs`` (read after SET) or ``hrs`` (read after RESET).
resistance_ohm : float
    The reading, finite and above 0. [ohm]
line : int
    Line of the source file, from 1; 0 for drawn data.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from rramchar.errors import InputError

COLUMNS = ("device", "cycle", "operation", "state", "resistance_ohm", "line")
REQUIRED = ("device", "cycle", "state", "resistance_ohm")
STATES = ("lrs", "hrs")
STATE_AFTER = {"SET": "lrs", "RESET": "hrs"}
OPERATION_BEFORE = {state: operation for operation, state in STATE_AFTER.items()}


def check_frame(frame: pd.DataFrame, source: str = "frame") -> pd.DataFrame:
    """Check that a frame is a tidy frame, as every function on measured data expects it.

    Parameters
    ----------
    frame : DataFrame
        At least the columns ``device, cycle, state, resistance_ohm``; ``operation`` and ``line``
        are used where present; further columns are left alone.
    source : str
        File name for messages.

    Returns
    -------
    DataFrame
        The same frame.

    Raises
    ------
    InputError
        If a column is missing, there are no rows, a state is not ``lrs`` or ``hrs``, a state
        contradicts its operation, a resistance is not a finite number above 0, or a device has
        two readings of one state in one cycle.
    """
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        raise InputError(
            f"{source}: column {missing[0]} is missing; expected the columns "
            f"{', '.join(REQUIRED)}; found {', '.join(map(str, frame.columns)) or 'none'}"
        )
    if frame.empty:
        raise InputError(f"{source}: holds no readings")
    _check_states(frame, source)
    _check_resistances(frame, source)
    _check_unique(frame, source)
    return frame


def state_values(frame: pd.DataFrame, state: str) -> np.ndarray:
    """Return all readings of one state.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame.
    state : str
        ``lrs`` or ``hrs``.

    Returns
    -------
    array, shape (readings,)
        Resistances in the order of the frame. [ohm]
    """
    chosen = (frame["state"] == state).to_numpy(dtype=bool)
    return frame["resistance_ohm"].to_numpy(dtype=float)[chosen]


def _check_states(frame: pd.DataFrame, source: str) -> None:
    wrong = ~frame["state"].isin(STATES)
    if wrong.any():
        at = int(np.argmax(wrong.to_numpy()))
        value = frame["state"].iloc[at]
        raise InputError(f"{_place(frame, source, at, 'state')}: {value!r}, expected lrs or hrs")
    if "operation" in frame.columns:
        after = frame["operation"].map(STATE_AFTER)
        clash = (after.notna() & (after != frame["state"])).to_numpy(dtype=bool)
        if clash.any():
            at = int(np.argmax(clash))
            operation, state = frame["operation"].iloc[at], frame["state"].iloc[at]
            raise InputError(
                f"{_place(frame, source, at, 'state')}: {state!r} after {operation}, expected "
                f"{STATE_AFTER[operation]!r} (a cell is lrs after SET, hrs after RESET)"
            )


def _check_resistances(frame: pd.DataFrame, source: str) -> None:
    column = frame["resistance_ohm"]
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise InputError(
            f"{source}: column resistance_ohm holds {column.dtype}, expected numbers in ohm"
        )
    values = column.to_numpy(dtype=float)
    wrong = ~(np.isfinite(values) & (values > 0))
    if wrong.any():
        at = int(np.argmax(wrong))
        raise InputError(
            f"{_place(frame, source, at, 'resistance_ohm')}: {values[at]:g}, expected a finite "
            "resistance above 0 ohm; drop the reading if the measurement failed"
        )


def _check_unique(frame: pd.DataFrame, source: str) -> None:
    keys = ["device", "cycle", "state"]
    again = frame.duplicated(keys).to_numpy(dtype=bool)
    if again.any():
        at = int(np.argmax(again))
        device, cycle, state = (frame[key].iloc[at] for key in keys)
        raise InputError(
            f"{_place(frame, source, at, 'device')}: a second {state} reading of device {device} "
            f"in cycle {cycle}; expected one; number the cycles or average repeated reads"
        )


def _place(frame: pd.DataFrame, source: str, at: int, column: str) -> str:
    line = int(frame["line"].iloc[at]) if "line" in frame.columns else 0
    where = f"line {line}" if line else f"row {at}"
    return f"{source}, {where}, column {column}"
