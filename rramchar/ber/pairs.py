"""Cycled devices as matrices, and two devices as one 2T2R cell.

Devices are paired in the order of the file: the first with the second, the third with the fourth,
and so on. The first of a pair sits on BL, the second on BLb; both are read in the same cycle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.measured.schema import STATES, check_states

POLARITY = "plus_is_r_bl_above_r_blb"
"""The weight is +1 when R_BL > R_BLb (IEDM 2019)."""

Floats = NDArray[np.float64]


class ResistancePairs(NamedTuple):
    """Resistances of 2T2R cells for stored weights; polarity: +1 when R_BL > R_BLb.

    Parameters
    ----------
    stored : array of int8, shape (n,)
        Weight: +1 (HRS on BL, LRS on BLb), -1 (the other way round), 0 (HRS on both).
    r_bl_ohm, r_blb_ohm : array, shape (n,)
        Resistance on BL and on BLb. [ohm]
    """

    stored: NDArray[np.int8]
    r_bl_ohm: Floats
    r_blb_ohm: Floats


@dataclass(frozen=True)
class CycleMatrices:
    """Readings by device and cycle.

    Parameters
    ----------
    devices : tuple of int or str
        In the order of the file.
    cycles : array of int, shape (cycles,)
        In ascending order.
    lrs_ohm, hrs_ohm : array, shape (devices, cycles)
        NaN where a device has no reading in a cycle. [ohm]
    """

    devices: tuple[int | str, ...]
    cycles: NDArray[np.int64]
    lrs_ohm: Floats
    hrs_ohm: Floats


def to_matrices(frame: pd.DataFrame) -> CycleMatrices:
    """Arrange a tidy frame by device and cycle.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame (see `rramchar.measured.schema`).

    Returns
    -------
    CycleMatrices
        One matrix for each state. [ohm]
    """
    check_states(frame)
    row, devices = pd.factorize(frame["device"])
    column, cycles = pd.factorize(frame["cycle"], sort=True)
    values = frame["resistance_ohm"].to_numpy(dtype=float)
    matrices = {}
    for state in STATES:
        matrix = np.full((len(devices), len(cycles)), np.nan)
        chosen = (frame["state"] == state).to_numpy(dtype=bool)
        matrix[row[chosen], column[chosen]] = values[chosen]
        matrices[state] = matrix
    return CycleMatrices(
        devices=tuple(devices.tolist()),
        cycles=np.asarray(cycles, dtype=np.int64),
        lrs_ohm=matrices["lrs"],
        hrs_ohm=matrices["hrs"],
    )


def check_pairable(matrices: CycleMatrices) -> int:
    """Return the number of pairs, or refuse data from which none can be made.

    Parameters
    ----------
    matrices : CycleMatrices
        Made by `to_matrices`.

    Returns
    -------
    int
        Half the number of devices, rounded down.

    Raises
    ------
    InputError
        If there are fewer than two devices, or no LRS or no HRS readings.
    """
    if len(matrices.devices) < 2:
        raise InputError("2T2R pairs: only 1 device, expected at least 2; add devices")
    for state, matrix in (("lrs", matrices.lrs_ohm), ("hrs", matrices.hrs_ohm)):
        if np.isnan(matrix).all():
            raise InputError(f"2T2R pairs: no {state} readings, expected both lrs and hrs")
    return len(matrices.devices) // 2


def complementary_pairs(frame: pd.DataFrame) -> ResistancePairs:
    """Return the 2T2R cells that store +1 and -1.

    Every pair of devices gives, for each cycle, one +1 (HRS of the first on BL, LRS of the second
    on BLb) and one -1 (LRS of the first on BL, HRS of the second on BLb). Cycles in which a
    needed reading is missing are left out; so is an odd device at the end.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame with at least two devices.

    Returns
    -------
    ResistancePairs
        First all +1, then all -1. [ohm]
    """
    return _pairs(to_matrices(frame), (1, -1))


def ternary_pairs(frame: pd.DataFrame) -> ResistancePairs:
    """Return the 2T2R cells that store +1, 0 and -1.

    As `complementary_pairs`, and for each pair and cycle one 0: HRS of both devices.

    Parameters
    ----------
    frame : DataFrame
        A tidy frame with at least two devices.

    Returns
    -------
    ResistancePairs
        First all +1, then all 0, then all -1. [ohm]
    """
    return _pairs(to_matrices(frame), (1, 0, -1))


def _pairs(matrices: CycleMatrices, weights: tuple[int, ...]) -> ResistancePairs:
    used = 2 * check_pairable(matrices)
    on_bl = {1: matrices.hrs_ohm, 0: matrices.hrs_ohm, -1: matrices.lrs_ohm}
    on_blb = {1: matrices.lrs_ohm, 0: matrices.hrs_ohm, -1: matrices.hrs_ohm}
    stored, r_bl, r_blb = [], [], []
    for weight in weights:
        bl, blb = on_bl[weight][0:used:2], on_blb[weight][1:used:2]
        both = np.isfinite(bl) & np.isfinite(blb)
        stored.append(np.full(int(both.sum()), weight, dtype=np.int8))
        r_bl.append(bl[both])
        r_blb.append(blb[both])
    return ResistancePairs(np.concatenate(stored), np.concatenate(r_bl), np.concatenate(r_blb))
