"""New devices drawn from fitted models: one registry from model name to simulate function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from rramchar.errors import InputError
from rramchar.fitting.families import FAMILIES
from rramchar.fitting.model import FittedModel
from rramchar.fitting.read_noise import simulate_read_noise
from rramchar.fitting.reset_law import simulate_reset
from rramchar.fitting.resistance_states import simulate_states
from rramchar.fitting.retention import simulate_retention
from rramchar.fitting.set_law import simulate_set
from rramchar.fitting.weak_reset_devices import (
    draw_drift_devices,
    draw_weak_reset_devices,
    simulate_weak_reset_arxiv2107,
    simulate_weak_reset_iedm2019,
)

Simulator = Callable[[FittedModel, int, int, np.random.Generator], pd.DataFrame]

SIMULATORS: dict[str, Simulator] = {
    "weak_reset_iedm2019": simulate_weak_reset_iedm2019,
    "weak_reset_arxiv2107": simulate_weak_reset_arxiv2107,
    **{f"resistance_{family}": simulate_states for family in (*FAMILIES, "mixed")},
    "read_noise": simulate_read_noise,
    "retention": simulate_retention,
    "set_law": simulate_set,
    "reset_law": simulate_reset,
}
"""Model name to ``simulate(model, devices, pulses_or_cycles, rng)``, which gives a tidy frame."""

DRAWERS: Mapping[str, Callable[[FittedModel, int, np.random.Generator], Any]] = {
    "weak_reset_iedm2019": draw_weak_reset_devices,
    "weak_reset_arxiv2107": draw_drift_devices,
}
"""Model name to a function that draws arrays of per-device parameters."""


def simulate(model: FittedModel, devices: int, pulses: int, seed: int) -> pd.DataFrame:
    """Draw new devices from a fitted model and read them over pulses or cycles.

    Parameters
    ----------
    model : FittedModel
        Any kind with a simulate function.
    devices, pulses : int
        How many, from 1; cycles for models of states.
    seed : int
        The same seed gives the same readings.

    Returns
    -------
    DataFrame
        A tidy frame.

    Raises
    ------
    InputError
        If the model has no simulate function or a number is out of range.
    """
    for name, value, least in (("devices", devices, 1), ("pulses", pulses, 1), ("seed", seed, 0)):
        if value < least:
            raise InputError(f"{name}: {value}, expected a whole number from {least}")
    if model.name not in SIMULATORS:
        raise InputError(
            f"model {model.name!r} cannot be drawn; those that can: {', '.join(SIMULATORS)}"
        )
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    return SIMULATORS[model.name](model, devices, pulses, rng)


def draw_devices(model: FittedModel, devices: int, rng: np.random.Generator) -> Any:
    """Draw arrays of per-device parameters for the step functions of the device laws.

    Parameters
    ----------
    model : FittedModel
        A weak-RESET model, fitted or published.
    devices : int
        How many.
    rng : numpy Generator
        Source of randomness.

    Returns
    -------
    WeakResetDevices or DriftDevices
        See `rramchar.devices.weak_reset_law` and `rramchar.devices.piecewise_drift`.

    Raises
    ------
    InputError
        If the model is of another kind.
    """
    if model.name not in DRAWERS:
        raise InputError(f"model {model.name!r}: expected one of {', '.join(DRAWERS)}")
    return DRAWERS[model.name](model, devices, rng)
