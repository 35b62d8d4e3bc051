"""Changes of conductance since a device's first reading, device by condition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.fitting.readings import take_readings

Floats = NDArray[np.float64]
_TIME_GAP = 0.1  # decades between readings that belong to different times
ROOM_C = 27.0
"""Temperature of a frame without ``temperature_c``. [degC]"""


@dataclass(frozen=True)
class Changes:
    """Changes of conductance.

    Parameters
    ----------
    change, initial : array, shape (devices, conditions)
        G(t) - G(0) and G(0); NaN where a device was not read. [S]
    time_s, temperature_c : array, shape (conditions,)
        Conditions; the time is the geometric mean of its readings. [s], [degC]
    left_out : dict of str to int
        Readings not used, by reason.
    """

    change: Floats
    initial: Floats
    time_s: Floats
    temperature_c: Floats
    left_out: dict[str, int]


def take_changes(frame: pd.DataFrame) -> Changes:
    """Subtract each device's first reading at a temperature from its later ones.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame with ``device, time_s, resistance_ohm`` and perhaps ``temperature_c``. Readings
        at times less than a tenth of a decade apart are one condition; a device's last counts.

    Returns
    -------
    Changes
        Censored readings are left out and counted.

    Raises
    ------
    InputError
        If a column is missing or no device was read twice.
    """
    readings = take_readings(frame, ("device", "time_s", "resistance_ohm"), "fit retention")
    rows, left_out = readings.frame, dict(readings.left_out)
    if readings.sides.any():
        left_out["censored"] = int((readings.sides != 0).sum())
        rows = rows[readings.sides == 0]
    temperature = (
        rows["temperature_c"].to_numpy(dtype=float)
        if "temperature_c" in rows.columns
        else np.full(len(rows), ROOM_C)
    )
    table = pd.DataFrame({
        "device": pd.factorize(rows["device"])[0],
        "temperature": temperature,
        "time": rows["time_s"].to_numpy(dtype=float),
        "g": 1.0 / rows["resistance_ohm"].to_numpy(dtype=float),
    }).sort_values(["device", "temperature", "time"], kind="stable")  # fmt: skip
    groups = table.groupby(["device", "temperature"], sort=False)
    table["initial"] = groups["g"].transform("first")
    later = table[(groups.cumcount() > 0) & (table["time"] > 0)].copy()
    if later.empty:
        raise InputError(
            "fit retention: no device was read at two times; expected a first reading and later "
            "ones (time_s above 0) of the same device and temperature"
        )
    later["slot"] = _slots(np.log10(later["time"].to_numpy()))
    key = later.groupby(["temperature", "slot"])
    later["condition"] = key.ngroup()
    times = np.exp(np.log(later["time"]).groupby(later["condition"]).mean().to_numpy(np.float64))
    temperatures = key["temperature"].first().to_numpy(dtype=np.float64)
    shape = (int(table["device"].max()) + 1, len(times))
    change, initial = np.full(shape, np.nan), np.full(shape, np.nan)
    at = (later["device"].to_numpy(), later["condition"].to_numpy())
    change[at] = (later["g"] - later["initial"]).to_numpy()
    initial[at] = later["initial"].to_numpy()
    return Changes(change, initial, times, temperatures, left_out)


def moments(
    change: Floats, inside: NDArray[np.bool_], weights: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return number, mean and standard deviation per condition, for resamples of the devices.

    Parameters
    ----------
    change : array, shape (devices, conditions)
        [S]
    inside : array of bool, shape (devices, conditions)
        Which to count.
    weights : array, shape (resamples, devices)
        How often each device counts.

    Returns
    -------
    count, mean, sigma : array, shape (resamples, conditions)
        NaN for fewer than two readings.
    """
    values = np.where(inside, change, 0.0)
    count = weights @ inside.astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (weights @ values) / count
        square = (weights @ values**2) - count * mean**2
        sigma = np.sqrt(np.maximum(square, 0.0) / (count - 1))
    bad = count < 2
    return count, np.where(bad, np.nan, mean), np.where(bad, np.nan, sigma)


def _slots(logs: Floats) -> NDArray[np.int64]:
    order = np.argsort(logs, kind="stable")
    slot = np.concatenate([[0], np.cumsum(np.diff(logs[order]) > _TIME_GAP)])
    out = np.empty(len(logs), dtype=np.int64)
    out[order] = slot
    return out
