"""Step sweeps of RESET pulses: the steps not taken, and a table of what each voltage gave."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from rramchar.errors import InputError
from rramchar.fitting.clusters import group, quantiles
from rramchar.fitting.readings import Readings

_RESAMPLES = 400


def complete_sweeps(frame: pd.DataFrame, name: str, stop_ohm: float) -> tuple[pd.DataFrame, int]:
    """Add the steps that sweeps did not take after they had reached their stop, as censored.

    A sweep that ends once the resistance is above `stop_ohm` leaves only the devices that are
    hard to RESET at higher voltages, and medians of what is left fall. In a progressive sweep the
    resistance would have stayed above: the missing steps are known to be ``above`` the stop.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame with ``device, sweep, resistance_ohm`` and the swept voltage.
    name : str
        Column of the swept voltage. [V]
    stop_ohm : float
        Where sweeps were ended. [ohm]

    Returns
    -------
    frame : DataFrame
        With the added rows at the end, flagged ``above`` at `stop_ohm`.
    added : int
        How many.

    Raises
    ------
    InputError
        If there is no column ``sweep`` or the stop is not above 0.
    """
    if not stop_ohm > 0:
        raise InputError(f"stop_ohm: {stop_ohm}, expected a resistance above 0 ohm")
    for column in ("sweep", name):
        if column not in frame.columns:
            raise InputError(
                f"fit reset-law: column {column} is missing; a stop needs numbered sweeps of a "
                "voltage: give it in the layout map"
            )
    grid = np.unique(frame[name].to_numpy(dtype=float))
    last = frame.groupby(["device", "sweep"], sort=False).tail(1)
    last = last[last["resistance_ohm"] > stop_ohm]
    first = np.searchsorted(grid, last[name].to_numpy(dtype=float), side="right")
    count = len(grid) - first
    rows = last.loc[last.index.repeat(count)].copy()
    if rows.empty:
        return frame, 0
    rows[name] = np.concatenate([grid[i:] for i in first])
    rows["resistance_ohm"] = float(stop_ohm)
    rows["flag"] = "above"
    known = frame if "flag" in frame.columns else frame.assign(flag="")
    return pd.concat([known, rows], ignore_index=True), len(rows)


def condition_table(readings: Readings, name: str, seed: int) -> list[dict[str, Any]]:
    """Return median and spread at each voltage and width, with intervals over devices.

    Parameters
    ----------
    readings : Readings
        Readings after RESET.
    name : str
        Column of the voltage. [V]
    seed : int
        Of the bootstrap.

    Returns
    -------
    list of dict
        ``voltage_v``, ``pulse_width_s`` (None where not known), ``readings``, ``above`` (how many
        are censored), ``median_ohm`` with ``low_ohm`` and ``high_ohm``, and ``sigma_log10``: the
        distance from the 15.9 % point to the median, which censoring above leaves alone. None
        where more than 45 % are above the instrument's or the sweep's limit.
    """
    rows = readings.frame
    width = rows["pulse_width_s"] if "pulse_width_s" in rows.columns else pd.Series(0.0, rows.index)
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    table = []
    keys = np.column_stack([rows[name].to_numpy(dtype=float), width.to_numpy(dtype=float)])
    places, which = np.unique(keys, axis=0, return_inverse=True)
    for i, (v, w) in enumerate(places):
        at = np.flatnonzero(which == i)
        y, above = readings.log10_r[at], readings.sides[at] > 0
        # Whatever is above its bound is above every quantile that counts here.
        y = np.where(above, np.maximum(y, y.max()), y)
        entry: dict[str, Any] = {
            "voltage_v": float(v), "pulse_width_s": float(w) or None, "readings": len(at),
            "above": int(above.sum()), "median_ohm": None, "low_ohm": None, "high_ohm": None,
            "sigma_log10": None,
        }  # fmt: skip
        if above.mean() <= 0.45 and len(at) > 1:
            low, middle = np.quantile(y, special.ndtr([-1.0, 0.0]))
            entry |= {"median_ohm": float(10.0**middle), "sigma_log10": float(middle - low)}
            clusters = group(y, pd.factorize(readings.labels[at])[0])
            k = clusters.devices
            if k > 1:
                weights = rng.multinomial(k, np.full(k, 1 / k), size=_RESAMPLES).astype(float)
                ends = np.quantile(quantiles(clusters, weights, (0.5,)), [0.025, 0.975])
                entry |= {"low_ohm": float(10.0 ** ends[0]), "high_ohm": float(10.0 ** ends[1])}
        table.append(entry)
    return table
