"""Place one transistor of a technology in a netlist, whatever way the process spells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySpice.Spice.Netlist import Netlist

from rramchar.errors import InputError
from rramchar.technology import Technology

# A drawn size beyond this is a slip of the unit (metres are expected), not a transistor.
LARGEST_SIZE_M = 1e-3
MISMATCH_PREFIX = "mm_"


@dataclass(frozen=True)
class Transistor:
    """One transistor of a cell.

    Parameters
    ----------
    role : str
        Device role, such as ``nmos`` or ``pmos_hvt``.
    name : str
        Element name without its leading letter.
    nodes : tuple of str
        Drain, gate, source, bulk.
    width_m : float
        Drawn width. [m]
    length_m : float or None
        Drawn length; None is the device's minimum. [m]
    """

    role: str
    name: str
    nodes: tuple[str, str, str, str]
    width_m: float
    length_m: float | None

    def drawn_length(self, technology: Technology) -> float:
        """Return the length that is drawn in a technology. [m]"""
        if self.length_m is None:
            return technology.device(self.role).minimum_length_m
        return self.length_m


def check_size(technology: Technology, role: str, width_m: float, length_m: float) -> None:
    """Refuse a transistor size that the process cannot draw.

    Parameters
    ----------
    technology : Technology
        The process.
    role : str
        Device role, such as ``nmos``.
    width_m, length_m : float
        Drawn width and length. [m]

    Raises
    ------
    InputError
        If the role is unknown or a size is below the device's minimum or above 1 mm.
    """
    device = technology.device(role)
    for what, value, minimum in (
        ("width", width_m, device.minimum_width_m),
        ("length", length_m, device.minimum_length_m),
    ):
        # A part in 1e9 of slack: 0.13e-6 and 130e-9 are not the same float.
        if not minimum * (1 - 1e-9) <= value <= LARGEST_SIZE_M:
            raise InputError(
                f"{what} of {role}: {value:g} m, expected {minimum:g} m (the minimum of "
                f"{device.model} in {technology.name}) to {LARGEST_SIZE_M:g} m"
            )


def place_transistor(
    netlist: Netlist, technology: Technology, transistor: Transistor, *, mismatch: bool = False
) -> None:
    """Add one transistor to a circuit or subcircuit.

    Parameters
    ----------
    netlist : PySpice Netlist
        Circuit or subcircuit to add it to.
    technology : Technology
        The process.
    transistor : Transistor
        What to place.
    mismatch : bool
        True to put a source ``Vmm_<name>`` of 0 V in series with the gate. Altering it shifts the
        threshold; it works with the models of any process and needs no new parse.

    Raises
    ------
    InputError
        If the technology has no such device or cannot draw the size.
    """
    width_m, length_m = transistor.width_m, transistor.drawn_length(technology)
    check_size(technology, transistor.role, width_m, length_m)
    device = technology.device(transistor.role)
    unit = technology.size_unit_m
    sizes: dict[str, Any] = {
        technology.width_parameter: _tidy(width_m / unit),
        technology.length_parameter: _tidy(length_m / unit),
    }
    if technology.diffusion_length_m is not None:
        area = width_m * technology.diffusion_length_m / unit**2
        perimeter = 2 * (width_m + technology.diffusion_length_m) / unit
        sizes |= {
            "ad": _tidy(area),
            "as": _tidy(area),
            "pd": _tidy(perimeter),
            "ps": _tidy(perimeter),
        }
    sizes |= {name: _tidy(value) for name, value in device.parameters}
    drain, gate, source, bulk = transistor.nodes
    if mismatch:
        inner = f"g_{transistor.name}"
        netlist.V(f"{MISMATCH_PREFIX}{transistor.name}", inner, gate, 0.0)
        gate = inner
    nodes = (drain, gate, source, bulk)
    if device.subcircuit:
        netlist.X(transistor.name, device.model, *nodes, **sizes)
        return
    text = " ".join(f"{key}={value}" for key, value in sizes.items())
    netlist.M(transistor.name, *nodes, model=device.model, raw_spice=text)


def _tidy(value: float) -> float:
    """Drop the last bits that unit conversion adds, so that netlists read 0.6 and not 0.6000001."""
    return float(f"{value:.9g}")
