"""The 1T1R cell: one resistive device on the bit line, one access transistor to the source line.

::

    bl ──[ rram ]── mid ──┐
                          │ access    gate = wl, bulk = ground
    sl ───────────────────┘
"""

from __future__ import annotations

from dataclasses import dataclass

from PySpice.Spice.Netlist import SubCircuit

from rramchar.cells.checks import require_choice, require_positive
from rramchar.cells.transistor import Transistor, place_transistor
from rramchar.technology import Technology

ACCESS_ROLES = {"core": "nmos", "io": "nmos_io"}


@dataclass(frozen=True)
class OneTOneR:
    """Parameters of a 1T1R cell.

    Parameters
    ----------
    access : str
        Access transistor: ``core`` (thin oxide, for reading) or ``io`` (thick oxide, stands the
        programming voltages).
    access_width_m : float
        Its drawn width. [m]
    access_length_m : float or None
        Its drawn length; None is the device's minimum. [m]
    """

    access: str = "core"
    access_width_m: float = 1.0e-6
    access_length_m: float | None = None

    def __post_init__(self) -> None:
        require_choice(self, "access", tuple(ACCESS_ROLES))
        require_positive(self, "access_width_m")
        if self.access_length_m is not None:
            require_positive(self, "access_length_m")


def access_transistor(cell: OneTOneR) -> Transistor:
    """Return the cell's transistor."""
    return Transistor(
        ACCESS_ROLES[cell.access],
        "access",
        ("mid", "wl", "sl", "0"),
        cell.access_width_m,
        cell.access_length_m,
    )


def build_one_t_one_r(
    technology: Technology, cell: OneTOneR, *, mismatch: bool = False
) -> SubCircuit:
    """Return subcircuit ``one_t_one_r`` with nodes ``bl wl sl`` and parameter ``r_ohm``.

    Parameters
    ----------
    technology : Technology
        The process.
    cell : OneTOneR
        Sizes.
    mismatch : bool
        True to make the threshold alterable (see `rramchar.cells.transistor`).

    Returns
    -------
    PySpice SubCircuit
        The resistive device is a static resistor ``Rrram`` of ``r_ohm``. [ohm]

    Raises
    ------
    InputError
        If the technology cannot draw the access transistor.
    """
    subcircuit = SubCircuit("one_t_one_r", "bl", "wl", "sl", r_ohm=1e4)
    subcircuit.R("rram", "bl", "mid", "{r_ohm}")
    place_transistor(subcircuit, technology, access_transistor(cell), mismatch=mismatch)
    return subcircuit
