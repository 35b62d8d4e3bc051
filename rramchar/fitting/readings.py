"""The readings of a tidy frame as a fit wants them: numbers, censoring, what was left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.measured.schema import CENSORED, NO_NUMBER, check_frame, count_flags

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Readings:
    """Readings that carry a number.

    Parameters
    ----------
    frame : DataFrame
        The rows used, in the order of the source.
    log10_r : array, shape (readings,)
        log10 of the resistance in ohm, or of the bound of a censored reading. [decade]
    sides : array of int, shape (readings,)
        0 for a good reading, +1 where the true value is above the number, -1 where below.
    labels : array of int, shape (readings,)
        Device of each reading, from 0, in order of appearance.
    left_out : dict of str to int
        Rows not used, by reason.
    """

    frame: pd.DataFrame
    log10_r: Floats
    sides: NDArray[np.int64]
    labels: NDArray[np.int64]
    left_out: dict[str, int]

    @property
    def devices(self) -> int:
        """Number of devices."""
        return int(self.labels.max()) + 1 if len(self.labels) else 0

    @property
    def censored(self) -> dict[str, int]:
        """Number of censored readings, by flag."""
        return {
            flag: int((self.sides == side).sum()) for flag, side in (("above", 1), ("below", -1))
        }


def take_readings(frame: pd.DataFrame, needed: Iterable[str], purpose: str) -> Readings:
    """Keep the readings that a fit can use.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame (see `rramchar.measured.schema`).
    needed : iterable of str
        Columns that the fit needs; a row in which a numeric one is empty is left out.
    purpose : str
        The fit, for messages.

    Returns
    -------
    Readings
        At least one.

    Raises
    ------
    InputError
        If the frame is no tidy frame, a column is missing, or no reading is left.
    """
    needed = list(needed)
    for name in needed:
        if name not in frame.columns:
            raise InputError(
                f"{purpose}: column {name} is missing; expected {', '.join(needed)}; found "
                f"{', '.join(map(str, frame.columns))}; give it in the file or in the layout map"
            )
    check_frame(frame, purpose)
    left_out = {flag: n for flag, n in count_flags(frame).items() if flag in NO_NUMBER}
    keep = np.ones(len(frame), dtype=bool)
    if "flag" in frame.columns:
        keep = keep & ~frame["flag"].isin(NO_NUMBER).to_numpy(dtype=bool)
    for name in needed:
        column = frame[name]
        empty = column.isna().to_numpy(dtype=bool)
        if not pd.api.types.is_numeric_dtype(column):
            empty = empty | (column == "").to_numpy(dtype=bool)
        if (missing := int((keep & empty).sum())) > 0:
            left_out[f"{name} empty"] = missing
        keep = keep & ~empty
    rows = frame[keep].reset_index(drop=True)
    if rows.empty:
        raise InputError(f"{purpose}: no reading is left of {len(frame)}; left out: {left_out}")
    sides = np.zeros(len(rows), dtype=np.int64)
    if "flag" in rows.columns:
        for flag, side in zip(CENSORED, (1, -1), strict=True):
            sides[(rows["flag"] == flag).to_numpy(dtype=bool)] = side
    logs = np.log10(rows["resistance_ohm"].to_numpy(dtype=float))
    return Readings(rows, logs, sides, pd.factorize(rows["device"])[0].astype(np.int64), left_out)


def pick(readings: Readings, chosen: NDArray[np.bool_]) -> Readings:
    """Keep some of the readings; devices are numbered anew.

    Parameters
    ----------
    readings : Readings
        All.
    chosen : array of bool, shape (readings,)
        Which to keep.

    Returns
    -------
    Readings
        Those; `left_out` stays.
    """
    rows = readings.frame[chosen].reset_index(drop=True)
    labels = pd.factorize(rows["device"])[0].astype(np.int64)
    return Readings(
        rows, readings.log10_r[chosen], readings.sides[chosen], labels, readings.left_out
    )
