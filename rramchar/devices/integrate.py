"""The state of a device along a voltage waveform, integrated with scipy: the reference for SPICE.

The circuit is a voltage source, a series resistor and the device; no parasitics.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from rramchar.devices.model import DeviceModel


def device_voltage_v(model: DeviceModel, source_v: float, state: float, series_ohm: float) -> float:
    """Return the voltage across a device behind a series resistor.

    Parameters
    ----------
    model : DeviceModel
        The device.
    source_v : float
        Voltage of the source. [V]
    state : float
        State of the device.
    series_ohm : float
        Series resistance; 0 puts the source across the device. [ohm]

    Returns
    -------
    float
        The V that solves V + R I(V) = source. [V]
    """
    if series_ohm == 0 or source_v == 0:
        return source_v

    def excess(v: float) -> float:
        return v + series_ohm * float(model.current_a(v, state)) - source_v

    return float(brentq(excess, min(0.0, source_v), max(0.0, source_v), xtol=1e-12))


def follow(
    model: DeviceModel,
    times_s: ArrayLike,
    source_v: ArrayLike,
    state: float,
    *,
    temperature_k: float,
    series_ohm: float = 0.0,
) -> NDArray[np.float64]:
    """Return the state at the corners of a piecewise linear source waveform.

    Parameters
    ----------
    model : DeviceModel
        The device.
    times_s : array_like, shape (n,)
        Corners, increasing. [s]
    source_v : array_like, shape (n,)
        Source voltage at the corners. [V]
    state : float
        State at the first corner.
    temperature_k : float
        Ambient temperature. [K]
    series_ohm : float
        Resistor between source and device. [ohm]

    Returns
    -------
    array, shape (n,)
        State, in the model's own unit.
    """
    times, volts = np.asarray(times_s, dtype=float), np.asarray(source_v, dtype=float)
    unit = model.state_unit

    def slope(t: float, y: NDArray[np.float64]) -> list[float]:
        value = float(y[0]) * unit
        v = device_voltage_v(model, float(np.interp(t, times, volts)), value, series_ohm)
        return [float(model.rate(v, value, temperature_k)) / unit]

    states = [state / unit]
    for start, stop in zip(times[:-1], times[1:], strict=True):
        # One corner after the other: the slope has a kink there.
        solution = solve_ivp(
            slope, (start, stop), [states[-1]], method="LSODA", rtol=1e-7, atol=1e-9,
            max_step=(stop - start) / 20,
        )  # fmt: skip
        states.append(float(solution.y[0, -1]))
    return np.array(states) * unit
