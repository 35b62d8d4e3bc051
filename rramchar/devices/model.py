"""What all device models have in common, and the models there are."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rramchar.devices.filament import Filament
from rramchar.devices.static import Static
from rramchar.devices.weak_reset import WeakReset
from rramchar.errors import InputError
from rramchar.resources import resource


class DeviceModel(Protocol):
    """A resistive device with one state variable.

    Attributes
    ----------
    name : str
        What plans call it.
    operations : tuple of str
        Programming operations that it describes.
    library, subcircuit : str
        File in ``netlists`` and subcircuit in it; nodes: bit-line side, other side, state.
    state_unit : float
        What one volt on the state node means.
    state_low, state_high : float
        Limits of the state.
    """

    name: ClassVar[str]
    operations: ClassVar[tuple[str, ...]]
    library: ClassVar[str]
    subcircuit: ClassVar[str]
    state_unit: ClassVar[float]

    @property
    def state_low(self) -> float: ...  # noqa: D102

    @property
    def state_high(self) -> float: ...  # noqa: D102

    def current_a(self, voltage_v: ArrayLike, state: ArrayLike) -> NDArray[np.float64]:
        """Return the current into the bit-line side. [A]"""
        ...

    def rate(
        self, voltage_v: ArrayLike, state: ArrayLike, temperature_k: float
    ) -> NDArray[np.float64]:
        """Return the change of the state per second."""
        ...

    def state_of(self, resistance_ohm: float, voltage_v: float) -> float:
        """Return the state that shows a resistance at a voltage."""
        ...

    def perturbed(self, state: float, normal: float) -> float:
        """Return the state after the noise of a pulse; `normal` is a standard normal draw."""
        ...

    def subcircuit_parameters(self) -> dict[str, float]:
        """Return the subcircuit's parameters by name."""
        ...


MODELS: Mapping[str, Any] = {model.name: model for model in (Static, WeakReset, Filament)}


def make_model(name: str, values: Mapping[str, float] | None = None) -> DeviceModel:
    """Return a device model by name.

    Parameters
    ----------
    name : str
        A key of `MODELS`.
    values : mapping of str to float, optional
        Parameters that differ from their defaults.

    Returns
    -------
    DeviceModel
        A checked, frozen record.

    Raises
    ------
    InputError
        If the model or a parameter is unknown, or a value is out of range.
    """
    if name not in MODELS:
        raise InputError(f"device.model: {name!r}, expected one of {', '.join(MODELS)}")
    known = [field.name for field in dataclasses.fields(MODELS[name])]
    for key in values or {}:
        if key not in known:
            raise InputError(
                f"device: unknown parameter {key!r}; the {name} model has {', '.join(known)}"
            )
    model: DeviceModel = MODELS[name](**(values or {}))
    return model


def resistance_ohm(model: DeviceModel, state: float, voltage_v: float) -> float:
    """Return the resistance V / I of a device at a voltage. [ohm]"""
    return voltage_v / float(model.current_a(voltage_v, state))


def initial_state(model: DeviceModel, resistance_ohm: float, voltage_v: float) -> float:
    """Return the state of a device that shows a given resistance.

    Parameters
    ----------
    model : DeviceModel
        The device.
    resistance_ohm : float
        Resistance to start from. [ohm]
    voltage_v : float
        Voltage at which it is read. [V]

    Returns
    -------
    float
        State, in the model's own unit.

    Raises
    ------
    InputError
        If the model cannot have that resistance; the message gives the range that it can have.
    """
    # A part in 1e6 of slack, so that a printed limit can be given back.
    low, high = (
        voltage_v / float(model.current_a(voltage_v, state))
        for state in (model.state_low, model.state_high)
    )
    if not low * (1 - 1e-6) <= resistance_ohm <= high * (1 + 1e-6):
        raise InputError(
            f"initial_r_ohm: {resistance_ohm:g} ohm, expected {low:.6g} to {high:.6g} ohm (what "
            f"the {model.name} model can show at {voltage_v:g} V)"
        )
    state = model.state_of(resistance_ohm, voltage_v)
    return float(np.clip(state, model.state_low, model.state_high))


def library_path(model: DeviceModel) -> Path:
    """Return the shipped file that holds a model's subcircuit."""
    return resource("netlists", model.library)
