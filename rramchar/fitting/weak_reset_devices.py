"""Devices drawn from the weak-RESET models, and their resistance over pulses.

`draw_devices` gives arrays of per-device parameters for the step functions in
`rramchar.devices.weak_reset_law` and `rramchar.devices.piecewise_drift`, as a learning simulator
needs them; `simulate_weak_reset_*` run a sequence of equal pulses on each device.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from rramchar.devices.piecewise_drift import (
    DriftDevices,
    drift_resistance,
    fresh_state,
    step_drift,
)
from rramchar.devices.weak_reset_law import WeakResetDevices, step_conductance
from rramchar.errors import InputError
from rramchar.fitting.model import FittedModel
from rramchar.fitting.population import draw_population

Floats = NDArray[np.float64]

_LEAST_CONDUCTANCE = 1e-3  # of Gmax: a drawn reading is not taken below


def draw_weak_reset_devices(
    model: FittedModel, devices: int, rng: np.random.Generator
) -> WeakResetDevices:
    """Draw devices from a fitted law of IEDM 2019.

    Parameters
    ----------
    model : FittedModel
        Named ``weak_reset_iedm2019``.
    devices : int
        How many.
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    WeakResetDevices
        With the population's spread; devices are alike where none was fitted.
    """
    spec = model.population
    time = model.parameters["t_ref"].value if "t_ref" in model.parameters else 1.0
    correlation = float(spec.get("correlation", {}).get("ln_C_beta", 0.0))
    first, second, third, fourth = rng.standard_normal((4, devices))
    second = correlation * first + np.sqrt(1 - correlation**2) * second

    def value(name: str, normal: Floats) -> Floats:
        if name in spec:
            return draw_population(spec[name], special.ndtr(normal))
        return np.full(devices, model.value(name))

    g_min = value("Gmin", first)
    exponent = model.parameters.get("width_exponent")
    noise_exponent = model.parameters.get("noise_exponent")
    return WeakResetDevices(
        fall_s=value("C", first) * time,
        beta=value("beta", second),
        eta_s=value("eta", third),
        g_min_s=g_min,
        g_max_s=np.maximum(value("Gmax", fourth), 1.001 * g_min),
        v_ref_v=model.parameters["v_ref"].value if "v_ref" in model.parameters else 1.0,
        t_ref_s=time,
        v_scale_v=model.parameters["v_s"].value if "v_s" in model.parameters else None,
        width_exponent=1.0 if exponent is None else exponent.value,
        read_noise_s=value("read_noise", first),
        noise_exponent=0.0 if noise_exponent is None else noise_exponent.value,
        integrated=model.goodness.get("within_pulse") == "integrated",
    )


def draw_drift_devices(model: FittedModel, devices: int, rng: np.random.Generator) -> DriftDevices:
    """Draw devices from a fitted model of arXiv:2107.06064.

    Parameters
    ----------
    model : FittedModel
        Named ``weak_reset_arxiv2107``.
    devices : int
        How many.
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    DriftDevices
    """
    names = ("m1", "t_star", "c1", "m2", "R0", "rtn_amplitude", "alpha")
    missing = [name for name in names if name not in model.population]
    if missing:
        raise InputError(f"model {model.name}: population.{missing[0]} is missing; fit it again")
    m1, t_star, c1, m2, r0, amplitude, alpha = (
        draw_population(model.population[name], rng.random(devices)) for name in names
    )
    return DriftDevices(
        m1, t_star, c1, m2, r0, amplitude, alpha, model.value("p_up"), model.value("p_down")
    )


def simulate_weak_reset_iedm2019(
    model: FittedModel, devices: int, pulses: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw new devices and pulse them with the reference pulse.

    Parameters
    ----------
    model : FittedModel
        Named ``weak_reset_iedm2019``.
    devices, pulses : int
        How many; every device is read before the first and after every pulse.
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    DataFrame
        Tidy: ``device, pulse, operation, v_reset_v, pulse_width_s, resistance_ohm``.
    """
    drawn = draw_weak_reset_devices(model, devices, rng)
    conductance = np.array(drawn.g_max_s)
    readings = np.empty((pulses + 1, devices))
    for pulse in range(pulses + 1):
        if pulse:
            conductance = step_conductance(conductance, drawn, rng.standard_normal(devices))
        noise = drawn.read_noise_s * rng.standard_normal(devices)
        readings[pulse] = np.maximum(conductance + noise, _LEAST_CONDUCTANCE * drawn.g_max_s)
    timed = "t_ref" in model.parameters
    known = "v_ref" in model.parameters
    return _tidy(1 / readings.T, drawn.v_ref_v if known else None, drawn.t_ref_s if timed else None)


def simulate_weak_reset_arxiv2107(
    model: FittedModel, devices: int, pulses: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw new devices and pulse them.

    Parameters
    ----------
    model : FittedModel
        Named ``weak_reset_arxiv2107``.
    devices, pulses : int
        How many; every device is read before the first and after every pulse.
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    DataFrame
        Tidy: ``device, pulse, operation, resistance_ohm``.
    """
    drawn = draw_drift_devices(model, devices, rng)
    state = fresh_state(devices)
    readings = np.empty((pulses + 1, devices))
    readings[0] = drift_resistance(drawn, state)
    for pulse in range(1, pulses + 1):
        state = step_drift(drawn, state, rng)
        readings[pulse] = drift_resistance(drawn, state)
    return _tidy(readings.T, None, None)


def _tidy(resistance_ohm: Floats, volts: float | None, width_s: float | None) -> pd.DataFrame:
    devices, places = resistance_ohm.shape
    pulse = np.tile(np.arange(places), devices)
    columns: dict[str, Any] = {
        "device": np.repeat(np.arange(1, devices + 1), places),
        "pulse": pulse,
        "operation": np.where(pulse > 0, "RESET", "SET"),
    }
    if volts is not None:
        columns["v_reset_v"] = np.full(len(pulse), volts)
    if width_s is not None:
        columns["pulse_width_s"] = np.full(len(pulse), width_s)
    return pd.DataFrame({**columns, "resistance_ohm": resistance_ohm.ravel()})
