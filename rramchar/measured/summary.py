"""What a tidy frame holds, in numbers: rows, devices, columns with ranges, flags, states."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rramchar.measured.schema import SCHEMA, STATES, count_flags, is_good, state_values

_SHOWN_VALUES = 6


def summarize(frame: pd.DataFrame) -> dict[str, Any]:
    """Summarize a tidy frame.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame.

    Returns
    -------
    dict
        JSON-serializable: ``readings``, ``good``, ``flags``, ``devices``, ``cycles`` (0 without
        the column), ``columns`` (a list of name, unit, meaning, and lowest, median, highest or the
        first values), ``states`` (by state that occurs: readings, median, sigma, range).
    """
    return {
        "readings": len(frame),
        "good": int(is_good(frame).sum()),
        "flags": count_flags(frame),
        "devices": int(frame["device"].nunique()),
        "cycles": int(frame["cycle"].nunique()) if "cycle" in frame else 0,
        "columns": [_column(frame, name) for name in frame.columns],
        "states": _states(frame) if "state" in frame else {},
    }


def _column(frame: pd.DataFrame, name: str) -> dict[str, Any]:
    known = SCHEMA.get(name)
    entry: dict[str, Any] = {
        "name": name,
        "unit": known.unit if known else "",
        "meaning": known.meaning if known else "not a column of the schema",
    }
    column = frame[name]
    if not pd.api.types.is_numeric_dtype(column):
        values = column.unique()
        shown = [str(value) for value in values[:_SHOWN_VALUES]]
        return {**entry, "different": len(values), "values": shown}
    numbers = column.to_numpy(dtype=float)
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return {**entry, "filled": 0}
    low, middle, high = numbers.min(), np.median(numbers), numbers.max()
    return {
        **entry,
        "filled": int(numbers.size),
        "lowest": float(low),
        "median": float(middle),
        "highest": float(high),
    }


def _states(frame: pd.DataFrame) -> dict[str, dict[str, float]]:
    summary = {}
    for state in STATES:
        values = state_values(frame, state)
        if values.size:
            summary[state] = {
                "readings": int(values.size),
                "median_ohm": float(np.median(values)),
                "sigma_log10": float(np.std(np.log10(values))),
                "lowest_ohm": float(values.min()),
                "highest_ohm": float(values.max()),
            }
    return summary
