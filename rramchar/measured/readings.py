"""From what an instrument wrote to a resistance, or to a flag that says why there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.measured.blocks import over_rows
from rramchar.measured.grid import text_series
from rramchar.measured.schema import FLAGS, NO_NUMBER

OPEN_FROM_OHM = 1e10
"""Readings from here on mean "open": loggers write 1e10, SCPI instruments 9.9e37 (SCPI-99, 7.2.1).

At 0.1 V this is a current of 10 pA, below what a read through an access transistor resolves.
"""

# SCPI-99, 7.2.1: 9.9e37 is infinity, 9.91e37 is "not a number".
_INFINITE_FROM = 9.895e37
_NAN_FROM = 9.905e37
WORDS = ("", *FLAGS)

Flags = NDArray[np.int8]
Floats = NDArray[np.float64]


def no_flags(rows: int) -> Flags:
    """Return the codes of readings that are all good, positions in `WORDS`."""
    return np.zeros(rows, dtype=np.int8)


def set_flag(flags: Flags, where: NDArray[np.bool_], flag: str) -> None:
    """Flag readings in place, but none that has a flag already."""
    if where.any():
        flags[where & (flags == 0)] = WORDS.index(flag)


def flag_readings(values: Floats, quantity: str, flags: Flags) -> None:
    """Flag what is no resistance, in place: a missing, zero, negative or boundless reading.

    Parameters
    ----------
    values : array, shape (rows,)
        As measured. [ohm, S or A]
    quantity : str
        ``ohm``, ``S`` or ``A``. No current or conductance means ``open``, no resistance ``zero``.
    flags : array of int8, shape (rows,)
        Changed in place; a reading that has a flag keeps it.
    """
    with np.errstate(invalid="ignore"):
        if quantity == "ohm" and _all_plain(values):
            return
        overflow = _NAN_FROM if quantity == "ohm" else _INFINITE_FROM
        beyond = (values >= overflow) & (np.isfinite(values) | (quantity != "ohm"))
        set_flag(flags, np.isnan(values) | beyond, "not_read")
        set_flag(flags, values < 0, "negative")
        set_flag(flags, values == 0, "zero" if quantity == "ohm" else "open")
        if quantity == "ohm":
            set_flag(flags, values >= OPEN_FROM_OHM, "open")


def _all_plain(values: Floats) -> bool:
    """Tell whether all are resistances, in one pass; NaN compares false."""
    bounds: list[bool] = []

    def look(start: int, stop: int) -> None:
        part = values[start:stop]
        bounds.append(bool(part.min() > 0 and part.max() < OPEN_FROM_OHM))

    over_rows(look, len(values))
    return all(bounds)


def to_resistance(values: Floats, quantity: str, flags: Flags, v_read_v: Floats | float) -> Floats:
    """Return resistances: NaN where the flag says that there is no number.

    Parameters
    ----------
    values : array, shape (rows,)
        As measured. [ohm, S or A]
    quantity : str
        ``ohm``, ``S`` (``R = 1 / G``) or ``A`` (``R = v_read_v / I``).
    flags : array of int8, shape (rows,)
        Flags that are known; those of the resistance itself are added in place.
    v_read_v : array or float
        Reading voltage; used for a current only. [V]

    Returns
    -------
    array, shape (rows,)
        Resistances. [ohm]
    """
    flag_readings(values, quantity, flags)
    if quantity == "ohm" and not flags.any():
        return values
    without = np.isin(flags, [WORDS.index(flag) for flag in NO_NUMBER])
    if quantity == "ohm":
        resistance = np.where(without, np.nan, values)
    else:
        above = 1.0 if quantity == "S" else v_read_v
        with np.errstate(divide="ignore", invalid="ignore"):
            resistance = np.where(without, np.nan, above / values)
        # A tiny conductance, or a reading voltage that is 0 or of the other sign.
        flag_readings(resistance, "ohm", flags)
        resistance[np.isin(flags, [WORDS.index(flag) for flag in NO_NUMBER])] = np.nan
    return resistance


def flag_column(flags: Flags) -> pd.Series:
    """Return the flags as the text column of the tidy frame."""
    return text_series(flags.astype(np.int32), WORDS)
