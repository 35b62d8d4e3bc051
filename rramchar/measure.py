"""Waveform arrays to what a read says: decision, sense time, energy. Only numpy.

All times are counted from the moment at which the enable signal crosses half of its swing, called
the start of sensing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PLUS, ZERO, MINUS, INVALID = "plus", "zero", "minus", "invalid"


@dataclass(frozen=True)
class ReadResult:
    """What one read of a sense amplifier gave.

    Parameters
    ----------
    outcome : str
        ``plus``, ``minus``, ``zero`` (both outputs high at the sampling time) or ``invalid`` (both
        low).
    sense_time_s : float or None
        Start of sensing to \\|V(q) - V(qb)\\| = VDD / 2; None if that was never reached. [s]
    read_energy_j : float
        Energy from the supply over precharge and sensing, up to the sampling time. [J]
    precharge_energy_j, sense_energy_j : float
        Its two parts, before and after the start of sensing. [J]
    q_sampled_v, qb_sampled_v : float
        The outputs at the sampling time. [V]
    cell_peak_v : float or None
        Largest voltage across either resistive device, the measure of read disturb. [V]
    held_output_min_v : float or None
        Lowest voltage, while sensing, of the output that is high at the sampling time; None unless
        the outcome is plus or minus. Near VDD / 2 the latch stood close to its balance. [V]
    precharge_ok : bool
        Both outputs stood at 0.9 VDD or more when sensing started; else a stale value could pass
        for a decision.
    q_fall_time_s, qb_fall_time_s : float or None
        Start of sensing to the moment the output first falls through VDD / 2. [s]
    """

    outcome: str
    sense_time_s: float | None
    read_energy_j: float
    precharge_energy_j: float
    sense_energy_j: float
    q_sampled_v: float
    qb_sampled_v: float
    cell_peak_v: float | None
    held_output_min_v: float | None
    precharge_ok: bool
    q_fall_time_s: float | None
    qb_fall_time_s: float | None


def outcome_of(v_q_v: float, v_qb_v: float, vdd_v: float) -> str:
    """Name the state of two outputs, each compared with half the supply.

    Parameters
    ----------
    v_q_v, v_qb_v : float
        Output voltages at the sampling time. [V]
    vdd_v : float
        Supply. [V]

    Returns
    -------
    str
        ``plus`` (only q high), ``minus`` (only qb high), ``zero`` (both high), ``invalid`` (none).
    """
    q_high, qb_high = v_q_v > vdd_v / 2, v_qb_v > vdd_v / 2
    if q_high and qb_high:
        return ZERO
    if q_high:
        return PLUS
    return MINUS if qb_high else INVALID


def crossing_time(
    time_s: Array,
    wave: Array,
    level: float,
    *,
    after_s: float = -np.inf,
    direction: Literal["either", "up", "down"] = "either",
) -> float | None:
    """Find when a wave first passes a level, by cubic Hermite interpolation.

    Parameters
    ----------
    time_s : array, shape (time,)
        Strictly increasing. [s]
    wave : array, shape (time,)
        The signal, in the unit of `level`.
    level : float
        The level.
    after_s : float
        Crossings before this are passed over. [s]
    direction : str
        ``up`` or ``down`` passes over crossings of the other direction.

    Returns
    -------
    float or None
        Time of the first crossing, or None. [s]

    Notes
    -----
    The slopes at the interval's ends are central differences on the uneven grid. Against a fine
    reference this halves the error of linear interpolation on a solver's sparse time points.
    """
    above = wave > level
    for i in np.flatnonzero(above[1:] != above[:-1]).tolist():
        if time_s[i + 1] <= after_s or (
            direction != "either" and above[i + 1] != (direction == "up")
        ):
            continue
        found = _hermite_crossing(time_s, wave, level, i)
        if found >= after_s:
            return found
    return None


def _hermite_crossing(time_s: Array, wave: Array, level: float, i: int) -> float:
    # Plain floats: on so few numbers they are several times faster than arrays.
    lo = max(i - 1, 0)
    t, y = time_s[lo : i + 3].tolist(), wave[lo : i + 3].tolist()
    i -= lo
    step = t[i + 1] - t[i]
    y0, y1 = y[i] - level, y[i + 1] - level
    m0, m1 = _slope(t, y, i) * step, _slope(t, y, i + 1) * step
    # y(u) = y0 + u (m0 + u (c2 + u c3)), by Newton's method inside a bracket: the ends have
    # opposite signs whatever the slopes.
    c2 = 3 * (y1 - y0) - 2 * m0 - m1
    c3 = 2 * (y0 - y1) + m0 + m1
    left, right, u = 0.0, 1.0, y0 / (y0 - y1)
    for _ in range(60):
        value = y0 + u * (m0 + u * (c2 + u * c3))
        if (value > 0) == (y0 > 0):
            left = u
        else:
            right = u
        slope = m0 + u * (2 * c2 + 3 * u * c3)
        following = u - value / slope if slope else left
        if not left < following < right:
            following = (left + right) / 2
        if abs(following - u) < 1e-13:
            break
        u = following
    return float(t[i] + u * step)


def _slope(t: list[float], y: list[float], i: int) -> float:
    """Return the derivative at a point of an uneven grid, of second order inside it."""
    if i == 0:
        return (y[1] - y[0]) / (t[1] - t[0])
    before = (y[i] - y[i - 1]) / (t[i] - t[i - 1])
    if i == len(t) - 1:
        return before
    after = (y[i + 1] - y[i]) / (t[i + 1] - t[i])
    share = (t[i] - t[i - 1]) / (t[i + 1] - t[i - 1])
    return before + (after - before) * share


def supply_energy(time_s: Array, current_a: Array, vdd_v: float, until_s: float) -> float:
    """Integrate the energy that a supply delivers from the start of the record.

    Parameters
    ----------
    time_s : array, shape (time,)
        [s]
    current_a : array, shape (time,)
        Current into the source's positive terminal, as SPICE reports it (negative while it
        delivers). [A]
    vdd_v : float
        Supply voltage. [V]
    until_s : float
        End of the integral. [s]

    Returns
    -------
    float
        ``-vdd * integral of i dt``, trapezoidal. [J]
    """
    n = max(int(np.searchsorted(time_s, until_s)), 1)
    charge = 0.5 * np.dot(current_a[1:n] + current_a[: n - 1], np.diff(time_s[:n]))
    last = np.interp(until_s, time_s, current_a)
    charge += 0.5 * (current_a[n - 1] + last) * max(until_s - time_s[n - 1], 0.0)
    return float(-vdd_v * charge)


def measure_read(
    time_s: Array,
    v_sen_v: Array,
    v_q_v: Array,
    v_qb_v: Array,
    i_vdd_a: Array,
    *,
    cell_v: Array | None = None,
    vdd_v: float,
    sense_edge_after_s: float,
    sample_time_s: float,
) -> ReadResult:
    """Turn the waveforms of one read into its outcome, times and energy.

    Parameters
    ----------
    time_s, v_sen_v, v_q_v, v_qb_v, i_vdd_a : array, shape (time,)
        Time [s], enable and both outputs [V], current through the supply source [A].
    cell_v : array, shape (device, time), optional
        Voltage across each resistive device; without it ``cell_peak_v`` is None. [V]
    vdd_v : float
        Supply. [V]
    sense_edge_after_s : float
        A time inside the precharge phase: the rising enable edge is sought after it. [s]
    sample_time_s : float
        When the outputs are sampled, counted from the start of sensing. [s]

    Returns
    -------
    ReadResult
        See there.

    Raises
    ------
    ValueError
        If the record holds no enable edge or ends before the sampling time: a fault of the
        testbench, not of the circuit.
    """
    half = vdd_v / 2
    start = crossing_time(time_s, v_sen_v, half, after_s=sense_edge_after_s, direction="up")
    if start is None:
        raise ValueError("the record holds no rising enable edge")
    sample = start + sample_time_s
    if sample > time_s[-1]:
        raise ValueError("the record ends before the sampling time")
    precharge_energy = supply_energy(time_s, i_vdd_a, vdd_v, start)
    read_energy = supply_energy(time_s, i_vdd_a, vdd_v, sample)
    v_q, v_qb = np.interp(start, time_s, v_q_v), np.interp(start, time_s, v_qb_v)
    sense = crossing_time(time_s, np.abs(v_q_v - v_qb_v), half, after_s=start, direction="up")
    q_fall = crossing_time(time_s, v_q_v, half, after_s=start, direction="down")
    qb_fall = crossing_time(time_s, v_qb_v, half, after_s=start, direction="down")
    q_sampled = float(np.interp(sample, time_s, v_q_v))
    qb_sampled = float(np.interp(sample, time_s, v_qb_v))
    outcome = outcome_of(q_sampled, qb_sampled, vdd_v)
    held = {PLUS: v_q_v, MINUS: v_qb_v}.get(outcome)
    sensing = slice(int(np.searchsorted(time_s, start)), int(np.searchsorted(time_s, sample)))
    return ReadResult(
        outcome=outcome,
        q_sampled_v=q_sampled,
        qb_sampled_v=qb_sampled,
        sense_time_s=None if sense is None else sense - start,
        read_energy_j=read_energy,
        precharge_energy_j=precharge_energy,
        sense_energy_j=read_energy - precharge_energy,
        cell_peak_v=None if cell_v is None else float(np.abs(cell_v[:, time_s <= sample]).max()),
        held_output_min_v=None if held is None else float(held[sensing].min(initial=vdd_v)),
        precharge_ok=bool(min(v_q, v_qb) >= 0.9 * vdd_v),
        q_fall_time_s=None if q_fall is None else q_fall - start,
        qb_fall_time_s=None if qb_fall is None else qb_fall - start,
    )
