"""Resistive devices: numpy functions, each beside the SPICE subcircuit of the same equations."""

from rramchar.devices.filament import Filament
from rramchar.devices.model import MODELS, DeviceModel, make_model
from rramchar.devices.static import Static
from rramchar.devices.weak_reset import WeakReset

__all__ = ["MODELS", "DeviceModel", "Filament", "Static", "WeakReset", "make_model"]
