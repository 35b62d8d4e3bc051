"""The tidy frame: one reading per row, whatever the file looked like.

Only ``device`` and ``resistance_ohm`` are always there. A column that is absent is not known: a
reader leaves out what its layout does not hold. ``SCHEMA`` says what each column means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.errors import InputError


@dataclass(frozen=True)
class Column:
    """One column of the tidy frame.

    Parameters
    ----------
    kind : str
        ``label`` (whole numbers or text), ``text``, ``count`` (whole numbers from 0) or
        ``number``.
    unit : str
        SI unit; empty where there is none.
    meaning : str
        One line.
    """

    kind: str
    unit: str
    meaning: str


SCHEMA: Mapping[str, Column] = MappingProxyType(
    {
        "lot": Column("text", "", "production lot"),
        "die": Column("text", "", "die or chip"),
        "device": Column("label", "", "address of the cell; order of appearance = order on chip"),
        "cycle": Column("count", "", "programming cycle"),
        "pulse": Column("count", "", "number within its sequence; 0 = read before the first pulse"),
        "sweep": Column("count", "", "number of the ramp or sequence of that device, from 0"),
        "operation": Column("text", "", "FORM, SET, RESET or READ: what preceded the reading"),
        "state": Column("text", "", "lrs or hrs, where the operation tells"),
        "v_set_v": Column("number", "V", "SET pulse from bit to source line, positive"),
        "v_reset_v": Column("number", "V", "RESET pulse from source to bit line, positive"),
        "v_wl_v": Column("number", "V", "word line during the pulse"),
        "v_read_v": Column("number", "V", "across the cell during the reading"),
        "compliance_a": Column("number", "A", "current limit of the pulse"),
        "pulse_width_s": Column("number", "s", "width of the pulse"),
        "resistance_ohm": Column("number", "ohm", "the reading"),
        "resistance_before_ohm": Column("number", "ohm", "read just before the pulse"),
        "current_a": Column("number", "A", "current of the reading"),
        "temperature_c": Column("number", "degC", "of the chip; of the bake in a retention test"),
        "time_s": Column("number", "s", "since programming or start of the record"),
        "target_low_ohm": Column("number", "ohm", "lower limit of the target; empty = none"),
        "target_high_ohm": Column("number", "ohm", "upper limit of the target; empty = none"),
        "flag": Column("text", "", "empty for a good reading, else one of the flags"),
        "line": Column("count", "", "line of the source file, from 1; 0 for drawn data"),
    }
)
COLUMNS = tuple(SCHEMA)
REQUIRED = ("device", "resistance_ohm")
STATE_COLUMNS = ("device", "cycle", "state", "resistance_ohm")

FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "above": "censored: the true resistance is above the number",
        "below": "censored: the true resistance is below the number",
        "open": "no current could be measured; no number",
        "negative": "the instrument gave a negative value; no number",
        "zero": "the instrument gave 0; no number",
        "not_read": "not measured; no number",
    }
)
CENSORED = ("above", "below")
NO_NUMBER = ("open", "negative", "zero", "not_read")

OPERATIONS = ("FORM", "SET", "RESET", "READ")
STATES = ("lrs", "hrs")
STATE_AFTER = {"SET": "lrs", "RESET": "hrs"}
OPERATION_BEFORE = {state: operation for operation, state in STATE_AFTER.items()}
VOCABULARY = {"operation": OPERATIONS, "state": STATES, "flag": tuple(FLAGS)}
"""The words of each text column that has a fixed set; an empty text is allowed besides."""


def check_frame(frame: pd.DataFrame, source: str = "frame") -> pd.DataFrame:
    """Check that a frame is a tidy frame.

    Parameters
    ----------
    frame : DataFrame
        At least ``device`` and ``resistance_ohm``; further columns of any name are left alone.
    source : str
        File name for messages.

    Returns
    -------
    DataFrame
        The same frame.

    Raises
    ------
    InputError
        If a column is missing or of the wrong kind, there are no rows, a word is none of
        `VOCABULARY`, a state contradicts its operation, or a resistance does not agree with its
        flag: finite and above 0 for a good or censored reading, NaN for a flag of `NO_NUMBER`.
    """
    _require(frame, REQUIRED, source)
    if frame.empty:
        raise InputError(f"{source}: holds no readings")
    for name, column in SCHEMA.items():
        if name in frame.columns:
            _check_kind(frame, name, column.kind, source)
    for name, words in VOCABULARY.items():
        if name in frame.columns:
            _check_words(frame, name, words, source)
    _check_states(frame, source)
    _check_resistances(frame, source)
    return frame


def check_states(frame: pd.DataFrame, source: str = "frame") -> pd.DataFrame:
    """Check that a frame holds one good reading per device, cycle and state.

    What the statistics of the two states and the counts of bit errors need.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame with `STATE_COLUMNS`. Leave out flagged readings first
        (``frame[is_good(frame)]``), and say how many those were.
    source : str
        File name for messages.

    Returns
    -------
    DataFrame
        The same frame.

    Raises
    ------
    InputError
        As `check_frame`; and if a column or a state is missing, a reading is flagged, or a device
        has two readings of one state in one cycle.
    """
    _require(frame, STATE_COLUMNS, source)
    check_frame(frame, source)
    wrong = ~frame["state"].isin(STATES).to_numpy(dtype=bool)
    if wrong.any():
        at = int(np.argmax(wrong))
        value = frame["state"].iloc[at]
        raise InputError(f"{_place(frame, source, at, 'state')}: {value!r}, expected lrs or hrs")
    good = is_good(frame)
    if not good.all():
        at = int(np.argmin(good))
        raise InputError(
            f"{_place(frame, source, at, 'flag')}: {frame['flag'].iloc[at]!r}, and "
            f"{int((~good).sum())} of {len(frame)} readings are flagged, expected none; leave "
            "them out"
        )
    again = frame.duplicated(["device", "cycle", "state"]).to_numpy(dtype=bool)
    if again.any():
        at = int(np.argmax(again))
        device, cycle, state = (frame[key].iloc[at] for key in ("device", "cycle", "state"))
        raise InputError(
            f"{_place(frame, source, at, 'device')}: a second {state} reading of device {device} "
            f"in cycle {cycle}; expected one; number the cycles or average repeated reads"
        )
    return frame


def is_good(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which readings carry no flag.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame, with or without the column ``flag``.

    Returns
    -------
    array of bool, shape (rows,)
        True for a good reading.
    """
    if "flag" not in frame.columns:
        return np.ones(len(frame), dtype=bool)
    return (frame["flag"] == "").to_numpy(dtype=bool)


def is_censored(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which readings only bound the resistance: flags ``above`` and ``below``.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame, with or without the column ``flag``.

    Returns
    -------
    array of bool, shape (rows,)
        True for a censored reading.
    """
    if "flag" not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    return frame["flag"].isin(CENSORED).to_numpy(dtype=bool)


def count_flags(frame: pd.DataFrame) -> dict[str, int]:
    """Count the flagged readings by flag, in the order of `FLAGS`; those that occur.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame.

    Returns
    -------
    dict
        Flag to number of readings.
    """
    if "flag" not in frame.columns:
        return {}
    found = frame["flag"].value_counts()
    return {flag: int(found[flag]) for flag in FLAGS if flag in found.index}


def state_values(frame: pd.DataFrame, state: str) -> NDArray[np.float64]:
    """Return all good readings of one state.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame.
    state : str
        ``lrs`` or ``hrs``.

    Returns
    -------
    array, shape (readings,)
        Resistances in the order of the frame, without flagged readings. [ohm]
    """
    chosen = (frame["state"] == state).to_numpy(dtype=bool) & is_good(frame)
    return frame["resistance_ohm"].to_numpy(dtype=float)[chosen]


def _require(frame: pd.DataFrame, names: tuple[str, ...], source: str) -> None:
    for name in names:
        if name not in frame.columns:
            raise InputError(
                f"{source}: column {name} is missing; expected the columns {', '.join(names)}; "
                f"found {', '.join(map(str, frame.columns)) or 'none'}"
            )


def _check_kind(frame: pd.DataFrame, name: str, kind: str, source: str) -> None:
    column = frame[name]
    if kind in ("label", "count") and column.isna().any():
        at = int(np.argmax(column.isna().to_numpy()))
        raise InputError(f"{_place(frame, source, at, name)}: empty, expected a value in every row")
    if kind not in ("count", "number"):
        return
    whole = pd.api.types.is_integer_dtype(column)
    fits = whole if kind == "count" else pd.api.types.is_numeric_dtype(column)
    if not fits or pd.api.types.is_bool_dtype(column):
        expected = "whole numbers" if kind == "count" else f"numbers in {SCHEMA[name].unit}"
        raise InputError(f"{source}: column {name} holds {column.dtype}, expected {expected}")
    if kind == "count" and (column < 0).any():
        at = int(np.argmax((column < 0).to_numpy()))
        raise InputError(
            f"{_place(frame, source, at, name)}: {column.iloc[at]}, expected a whole number from 0"
        )


def _check_words(frame: pd.DataFrame, name: str, words: tuple[str, ...], source: str) -> None:
    column = frame[name]
    # NaN stands for "not known" in operation and state, as an empty text does.
    allowed = {*words, ""}
    odd = [
        value
        for value in column.unique()
        if value not in allowed and not (name != "flag" and pd.isna(value))
    ]
    if odd:
        at = int(np.argmax((column.isna() if pd.isna(odd[0]) else column == odd[0]).to_numpy()))
        expected = f"{', '.join(words[:-1])} or {words[-1]}"
        if name == "flag":
            expected += ", or an empty text for a good reading"
        raise InputError(f"{_place(frame, source, at, name)}: {odd[0]!r}, expected {expected}")


def _check_states(frame: pd.DataFrame, source: str) -> None:
    if not {"operation", "state"} <= set(frame.columns):
        return
    for operation, state in STATE_AFTER.items():
        other = STATES[1 - STATES.index(state)]
        clash = ((frame["operation"] == operation) & (frame["state"] == other)).to_numpy(dtype=bool)
        if clash.any():
            at = int(np.argmax(clash))
            raise InputError(
                f"{_place(frame, source, at, 'state')}: {other!r} after {operation}, expected "
                f"{state!r} (a cell is lrs after SET, hrs after RESET)"
            )


def _check_resistances(frame: pd.DataFrame, source: str) -> None:
    values = frame["resistance_ohm"].to_numpy(dtype=float)
    numbered = np.isfinite(values) & (values > 0)
    empty = np.zeros(len(frame), dtype=bool)
    if "flag" in frame.columns:
        empty = frame["flag"].isin(NO_NUMBER).to_numpy(dtype=bool)
    wrong = ~empty & ~numbered
    if wrong.any():
        at = int(np.argmax(wrong))
        raise InputError(
            f"{_place(frame, source, at, 'resistance_ohm')}: {values[at]:g}, expected a finite "
            "resistance above 0 ohm; flag or drop the reading if the measurement failed"
        )
    wrong = empty & ~np.isnan(values)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise InputError(
            f"{_place(frame, source, at, 'resistance_ohm')}: {values[at]:g} with the flag "
            f"{frame['flag'].iloc[at]!r}, expected NaN: that flag means that there is no number"
        )


def _place(frame: pd.DataFrame, source: str, at: int, column: str) -> str:
    line = int(frame["line"].iloc[at]) if "line" in frame.columns else 0
    where = f"line {line}" if line else f"row {at}"
    return f"{source}, {where}, column {column}"
