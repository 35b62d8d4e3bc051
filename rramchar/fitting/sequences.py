"""Pulse sequences: a tidy frame turned into arrays with one row per sequence of pulses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.errors import InputError

Floats = NDArray[np.float64]

_LARGEST_GRID = 50_000_000  # places for readings; 0.4 GB per array


@dataclass(frozen=True)
class PulseSequences:
    """Resistance over pulses; the first column is the first reading of a sequence.

    Parameters
    ----------
    devices : array, shape (devices,)
        Their names, in the order of the file.
    device : array of int, shape (sequences,)
        Which device each sequence is of.
    first_pulse : array of int, shape (sequences,)
        Pulse number of the first reading; 0 is the read before the first pulse.
    resistance_ohm : array, shape (sequences, places)
        NaN where there is no good reading. [ohm]
    v_reset_v, pulse_width_s : array, shape (sequences, places)
        Of the pulse before each reading; NaN where not known. [V], [s]
    length : array of int, shape (sequences,)
        Places from the first to the last reading.
    left_out : dict of str to int
        Readings that were not used, by reason.
    """

    devices: NDArray[np.object_]
    device: NDArray[np.int64]
    first_pulse: NDArray[np.int64]
    resistance_ohm: Floats
    v_reset_v: Floats
    pulse_width_s: Floats
    length: NDArray[np.int64]
    left_out: dict[str, int]

    @property
    def readings(self) -> int:
        """Number of good readings."""
        return int(np.isfinite(self.resistance_ohm).sum())


def pulse_sequences(
    frame: pd.DataFrame, source: str = "frame", voltage: str = "v_reset_v"
) -> PulseSequences:
    """Arrange the readings of a tidy frame by sequence and pulse.

    A sequence is what has one device, ``sweep`` and ``cycle`` (where those columns exist). Flagged
    readings are left out and counted. Where an operation is given, only RESET readings and those of
    pulse 0 are used. A sequence without a reading of pulse 0 takes it from
    ``resistance_before_ohm`` of its pulse 1, where there is one.

    Parameters
    ----------
    frame : DataFrame
        Tidy, with ``device, pulse, resistance_ohm`` and, where known, ``v_reset_v`` and
        ``pulse_width_s``.
    source : str
        File name for messages.
    voltage : str
        Column that holds the voltage of the pulses; ``v_wl_v`` where the word line was swept.

    Returns
    -------
    PulseSequences
        At least one sequence with two readings.

    Raises
    ------
    InputError
        If a column is missing, pulses are not whole numbers or come twice, or nothing is left.
    """
    for name in ("device", "pulse", "resistance_ohm"):
        if name not in frame.columns:
            raise InputError(
                f"{source}: column {name} is missing; a weak-RESET fit needs device, pulse, "
                f"resistance_ohm and, where known, v_reset_v, pulse_width_s; found "
                f"{', '.join(map(str, frame.columns))}"
            )
    if voltage not in frame.columns and voltage != "v_reset_v":
        raise InputError(f"{source}: column {voltage} is missing; expected the pulses' voltage")
    frame = _with_first_readings(frame, _whole_numbers(frame, source))
    pulse = _whole_numbers(frame, source)
    values = frame["resistance_ohm"].to_numpy(dtype=float)
    good, left_out = _usable(frame, values, pulse)
    if not good.any():
        reasons = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise InputError(f"{source}: no usable reading ({reasons or 'the file is empty'})")
    columns = [frame[c] for c in ("device", "sweep", "cycle") if c in frame.columns]
    sequence = _number([pd.factorize(column)[0] for column in columns])
    # Rows without a usable reading stay where they tell the pulse between two readings.
    first, last = _ends(sequence, pulse, good)
    keep = (pulse >= first[sequence]) & (pulse <= last[sequence])
    sequence = pd.factorize(sequence[keep])[0]
    frame, pulse, values = frame[keep], pulse[keep], np.where(good, values, np.nan)[keep]
    _check_unique(frame, sequence, pulse, source)
    _check_pulses_known(frame, pulse, source, voltage)
    return _fill(frame, values, pulse, sequence, left_out, voltage)


def _with_first_readings(frame: pd.DataFrame, pulse: NDArray[np.int64]) -> pd.DataFrame:
    """Add a reading of pulse 0 where only the column of readings before the pulse has it."""
    if "resistance_before_ohm" not in frame.columns or (pulse == 0).any():
        return frame
    before = frame[pulse == 1]
    before = before.assign(pulse=0, resistance_ohm=before["resistance_before_ohm"])
    if "flag" in before.columns:
        before = before.assign(flag="")
    return pd.concat([frame, before], ignore_index=True)


def _whole_numbers(frame: pd.DataFrame, source: str) -> NDArray[np.int64]:
    number = pd.to_numeric(frame["pulse"], errors="coerce").to_numpy(dtype=float)
    wrong = ~(np.isfinite(number) & (number >= 0) & (number == np.floor(number)))
    if wrong.any():
        at = int(np.argmax(wrong))
        raise InputError(
            f"{_place(frame, source, at)}, column pulse: {frame['pulse'].iloc[at]}, expected a "
            "whole number from 0 (0 = the read before the first pulse)"
        )
    return number.astype(np.int64)


def _usable(
    frame: pd.DataFrame, values: Floats, pulse: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    good = np.ones(len(frame), dtype=bool)
    left_out: dict[str, int] = {}

    def leave_out(wrong: NDArray[np.bool_], reason: str) -> None:
        count = int((good & wrong).sum())
        if count:
            left_out[reason] = count
            good[wrong] = False

    if "operation" in frame.columns:
        other = ~frame["operation"].fillna("").astype(str).str.upper().isin(["", "RESET"])
        leave_out(
            other.to_numpy(dtype=bool) & (pulse > 0), "readings after another operation than RESET"
        )
    if "flag" in frame.columns:
        flags = frame["flag"].fillna("").astype(str)
        for flag in sorted(set(flags) - {""}):
            leave_out((flags == flag).to_numpy(dtype=bool), f"readings flagged {flag}")
    leave_out(~(np.isfinite(values) & (values > 0)), "readings that are no resistance above 0 ohm")
    return good, left_out


def _ends(
    sequence: NDArray[np.int64], pulse: NDArray[np.int64], good: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pulse of the first and last good reading of each sequence; first > last: none."""
    count = int(sequence.max()) + 1
    first = np.full(count, np.iinfo(np.int64).max)
    last = np.full(count, -1)
    np.minimum.at(first, sequence[good], pulse[good])
    np.maximum.at(last, sequence[good], pulse[good])
    return first, last


def _number(keys: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Number distinct combinations in the order in which they appear."""
    combined = keys[0].astype(np.int64)
    for key in keys[1:]:
        combined = combined * (int(key.max()) + 2) + key + 1
    return np.asarray(pd.factorize(combined)[0], dtype=np.int64)


def _check_unique(
    frame: pd.DataFrame, sequence: NDArray[np.int64], pulse: NDArray[np.int64], source: str
) -> None:
    again = pd.DataFrame({"s": sequence, "p": pulse}).duplicated().to_numpy()
    if again.any():
        at = int(np.argmax(again))
        raise InputError(
            f"{_place(frame, source, at)}, column pulse: a second reading of device "
            f"{frame['device'].iloc[at]} after pulse {pulse[at]}; number repeated sequences in a "
            "column sweep"
        )


def _check_pulses_known(
    frame: pd.DataFrame, pulse: NDArray[np.int64], source: str, voltage: str
) -> None:
    for name, unit in ((voltage, "V"), ("pulse_width_s", "s")):
        values = _column(frame, name)
        missing = ~np.isfinite(values) & (pulse > 0)
        if missing.any() and np.isfinite(values[pulse > 0]).any():
            at = int(np.argmax(missing))
            raise InputError(
                f"{_place(frame, source, at)}, column {name}: empty after pulse {pulse[at]}, "
                f"expected a number in {unit}; fill it in, or leave the column out altogether"
            )
    wrong = _column(frame, "pulse_width_s") <= 0
    if (wrong & (pulse > 0)).any():
        at = int(np.argmax(wrong & (pulse > 0)))
        raise InputError(f"{_place(frame, source, at)}, column pulse_width_s: 0, expected above 0")


def _fill(
    frame: pd.DataFrame,
    values: Floats,
    pulse: NDArray[np.int64],
    sequence: NDArray[np.int64],
    left_out: dict[str, int],
    voltage: str,
) -> PulseSequences:
    first, last = _ends(sequence, pulse, np.isfinite(values))
    count, places = len(first), int((last - first).max()) + 1
    if places < 2:
        raise InputError("every sequence has one reading; expected readings after several pulses")
    if count * places > _LARGEST_GRID:
        raise InputError(
            f"{count:,} sequences of up to {places:,} pulses are too many for one fit; expected at "
            f"most {_LARGEST_GRID:,} readings in all; split the file by device"
        )
    device, names = pd.factorize(frame["device"])
    owner = np.zeros(count, dtype=np.int64)
    owner[sequence] = device
    grids: list[Floats] = []
    for column in (values, *(_column(frame, name) for name in (voltage, "pulse_width_s"))):
        grid = np.full((count, places), np.nan)
        grid[sequence, pulse - first[sequence]] = column
        grids.append(grid)
    # The read before the first pulse has no pulse; pulses that were not read are like the next.
    volts, width = (pd.DataFrame(grid.T).bfill().to_numpy().T for grid in grids[1:])
    return PulseSequences(
        np.asarray(names, dtype=object), owner, first, grids[0], volts, width, last - first + 1,
        left_out,
    )  # fmt: skip


def _column(frame: pd.DataFrame, name: str) -> Floats:
    if name not in frame.columns:
        return np.full(len(frame), np.nan)
    return np.abs(pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float))


def _place(frame: pd.DataFrame, source: str, at: int) -> str:
    line = int(frame["line"].iloc[at]) if "line" in frame.columns else 0
    return f"{source}, line {line}" if line else f"{source}, row {at}"
