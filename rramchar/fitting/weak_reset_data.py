"""Sequences of weak RESET pulses prepared for the fit: units, reference pulse, known floors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.fitting.sequences import PulseSequences
from rramchar.fitting.weak_reset_filter import FilterData

Floats = NDArray[np.float64]

_REPEATS = 3  # equal readings in a row, at the lowest conductance, that show a floor


@dataclass(frozen=True)
class WeakResetData:
    """What the fit works on; sequences are sorted by device.

    Parameters
    ----------
    sequences : PulseSequences
        The readings in SI units.
    filter_data : FilterData
        The same in units of `g_ref_s`.
    starts : array of int, shape (devices,)
        First sequence of each device.
    g_ref_s : float
        Unit of conductance: mean of the first readings. [S]
    v_ref_v, t_ref_s : float
        Reference pulse; NaN where the data have no voltage or width. [V], [s]
    voltages, widths : int
        How many different ones were applied.
    """

    sequences: PulseSequences
    filter_data: FilterData
    starts: NDArray[np.int64]
    g_ref_s: float
    v_ref_v: float
    t_ref_s: float
    voltages: int
    widths: int

    def by_device(self, values: Floats) -> Floats:
        """Add values of sequences to values of devices, along the last axis."""
        return np.asarray(np.add.reduceat(values, self.starts, axis=-1))

    def first_conductances(self) -> Floats:
        """Return the mean first conductance of each device, in units of `g_ref_s`."""
        counts = np.diff(np.append(self.starts, len(self.sequences.device)))
        return self.by_device(self.filter_data.g[0]) / counts

    def of_device(self, device: int) -> FilterData:
        """Return the readings of one device."""
        return self.filter_data.subset(self.sequences.device == device)


def prepare(
    sequences: PulseSequences,
    v_ref_v: float | None = None,
    t_ref_s: float | None = None,
    *,
    integrated: bool = False,
) -> WeakResetData:
    """Bring sequences into the units of the fit.

    Parameters
    ----------
    sequences : PulseSequences
        From `pulse_sequences`.
    v_ref_v, t_ref_s : float, optional
        The pulse for which C is wanted; the medians of the data without. [V], [s]
    integrated : bool
        Whether the law is integrated within each pulse.

    Returns
    -------
    WeakResetData

    Raises
    ------
    InputError
        If a reference is given that the data cannot be referred to, or nothing changes.
    """
    order = np.argsort(sequences.device, kind="stable")
    kept = order[sequences.length[order] >= 2]
    if not len(kept):
        raise InputError("every sequence has one reading; expected readings after several pulses")
    device, names = _renumber(sequences.device[kept], sequences.devices)
    rows = replace(
        sequences,
        devices=names,
        device=device,
        **{
            name: getattr(sequences, name)[kept]
            for name in ("first_pulse", "resistance_ohm", "v_reset_v", "pulse_width_s", "length")
        },
    )
    g = 1 / rows.resistance_ohm
    unit = float(g[:, 0].mean())
    applied = np.arange(g.shape[1])[None, :] < rows.length[:, None]
    applied[:, 0] = False
    volts, v_ref, voltages = _reference(rows.v_reset_v, applied, v_ref_v, "--v-ref", "v_reset_v")
    width, t_ref, widths = _reference(
        rows.pulse_width_s, applied, t_ref_s, "--t-ref", "pulse_width_s"
    )
    data = FilterData(
        g=(g / unit).T,
        volts=_relative(volts - v_ref, applied, v_ref),
        log_width=_relative(np.log(np.where(applied, width, 1.0) / t_ref), applied, t_ref),
        hard_floor=_hard_floors(g / unit),
        integrated=integrated,
    )
    starts = np.flatnonzero(np.diff(rows.device, prepend=-1))
    return WeakResetData(rows, data, starts, unit, v_ref, t_ref, voltages, widths)


def _relative(values: Floats, applied: NDArray[np.bool_], reference: float) -> Floats:
    """Return pulses against the reference, 0 where there is no pulse or it is not known."""
    known = applied & np.isfinite(reference)
    return np.ascontiguousarray(np.where(known, values, 0.0).T)


def _renumber(
    device: NDArray[np.int64], names: NDArray[np.object_]
) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    present, renumbered = np.unique(device, return_inverse=True)
    return renumbered.astype(np.int64), names[present]


def _reference(
    values: Floats, applied: NDArray[np.bool_], given: float | None, option: str, column: str
) -> tuple[Floats, float, int]:
    """Return pulses, their reference and how many different ones there are."""
    used = values[applied]
    if not np.isfinite(used).all():
        if given is not None:
            raise InputError(f"{option} {given:g}: the data have no column {column} to refer to it")
        return values, np.nan, 0
    count = len(np.unique(np.round(used / max(float(np.abs(used).max()), 1e-300), 6)))
    reference = float(np.median(used)) if given is None else given
    if reference <= 0 and option == "--t-ref":
        raise InputError(f"{option} {reference:g}: expected a width above 0 s")
    return values, reference, count


def _hard_floors(g: Floats) -> Floats:
    """Return the lowest conductance of sequences in which readings rest on it, else NaN."""
    lowest = np.nanmin(g, axis=1)
    resting = g <= lowest[:, None] * (1 + 1e-12)
    run = resting[:, :-1] & resting[:, 1:]
    moved = g[:, 0] > lowest * (1 + 1e-12)  # a reading that never changes shows no floor
    return np.where(moved & (run.sum(axis=1) >= _REPEATS - 1), lowest, np.nan)
