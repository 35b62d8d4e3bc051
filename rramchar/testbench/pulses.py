"""Programming pulses as plain data: operation, lines, width; staircases of them; their waveform.

::

    word line    __/‾‾‾‾‾‾‾‾‾‾‾‾\\__
    bit, source  ____/‾‾‾‾‾‾‾‾\\____
                 0 1 2        3 4 5   corners of `corners`
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rramchar.cells.checks import is_number, require_choice, require_not_negative, require_positive
from rramchar.errors import InputError

DEVICES = ("bl", "blb", "both")
# Above any supply that a memory array sees; beyond it a number is a slip of the unit.
LARGEST_LINE_V = 10.0
LONGEST_S = 10.0


@dataclass(frozen=True)
class Operation:
    """What a kind of pulse does to the lines unless told otherwise.

    Parameters
    ----------
    name : str
        ``form``, ``set``, ``reset``, ``weak_reset`` or ``read``.
    sign : int
        +1 where the bit line must be above the source line, -1 where below.
    bl_v, sl_v, wl_v : float
        Default voltages of bit, source and word line. [V]
    width_s : float
        Default width. [s]
    """

    name: str
    sign: int
    bl_v: float
    sl_v: float
    wl_v: float
    width_s: float


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("form", +1, 3.0, 0.0, 1.4, 10e-6),
        Operation("set", +1, 2.0, 0.0, 1.8, 1e-6),
        Operation("reset", -1, 0.0, 1.8, 4.5, 1e-6),
        Operation("weak_reset", -1, 0.0, 1.2, 4.5, 100e-9),
        Operation("read", +1, 0.1, 0.0, 2.5, 100e-9),
    )
}


@dataclass(frozen=True)
class Pulse:
    """One pulse on the lines of a cell.

    Parameters
    ----------
    operation : str
        A key of `OPERATIONS`.
    bl_v, sl_v, wl_v : float
        Voltage of the selected bit line, the source line and the word line. [V]
    width_s : float
        Width of the pulse on bit and source line, at half its height. [s]
    edge_s : float
        Duration of each edge. [s]
    device : str
        Device that is programmed: ``bl``, ``blb`` (2T2R only) or ``both``. The bit line of the
        other one follows the source line, so that no voltage stands across it.

    Raises
    ------
    InputError
        If a value is out of range, or the polarity is not that of the operation.
    """

    operation: str
    bl_v: float
    sl_v: float
    wl_v: float
    width_s: float
    edge_s: float = 10e-9
    device: str = "bl"

    def __post_init__(self) -> None:
        require_choice(self, "operation", tuple(OPERATIONS))
        require_choice(self, "device", DEVICES)
        require_positive(self, "width_s", "edge_s")
        require_not_negative(self, "bl_v", "sl_v", "wl_v")
        for name in ("bl_v", "sl_v", "wl_v"):
            value = getattr(self, name)
            if value > LARGEST_LINE_V:
                raise InputError(
                    f"{name}: {value:g} V, expected 0 to {LARGEST_LINE_V:g} V (the lines of a "
                    "RRAM array see no more)"
                )
        if self.width_s > LONGEST_S:
            raise InputError(f"width_s: {self.width_s:g} s, expected up to {LONGEST_S:g} s")
        if self.width_s < 2 * self.edge_s:
            raise InputError(
                f"width_s: {self.width_s:g} s, expected at least twice edge_s of {self.edge_s:g} s"
            )
        sign = OPERATIONS[self.operation].sign
        if sign * (self.bl_v - self.sl_v) <= 0:
            order = "above" if sign > 0 else "below"
            raise InputError(
                f"bl_v: {self.bl_v:g} V with sl_v of {self.sl_v:g} V, expected bl_v {order} sl_v: "
                f"that is the polarity of a {self.operation}"
            )

    def lines_v(self) -> dict[str, float]:
        """Return the voltage of each line at the top of the pulse: ``bl blb sl wl``. [V]"""
        return {
            "bl": self.sl_v if self.device == "blb" else self.bl_v,
            "blb": self.sl_v if self.device == "bl" else self.bl_v,
            "sl": self.sl_v,
            "wl": self.wl_v,
        }


@dataclass(frozen=True)
class Step:
    """A run of pulses: the same pulse repeated, or a staircase, with or without verification.

    Parameters
    ----------
    pulse : Pulse
        The first pulse.
    repeat : int
        Number of pulses; their limit where a target is given.
    bl_step_v, sl_step_v, wl_step_v : float
        Added to the line's voltage from one pulse to the next. [V]
    until_below_ohm, until_above_ohm : float or None
        Write-verify: the step ends when every selected device reads below (above) this. No pulse is
        given to a device that is there already. [ohm]

    Raises
    ------
    InputError
        If a value cannot be used, or a pulse of the staircase could not be given.
    """

    pulse: Pulse
    repeat: int = 1
    bl_step_v: float = 0.0
    sl_step_v: float = 0.0
    wl_step_v: float = 0.0
    until_below_ohm: float | None = None
    until_above_ohm: float | None = None

    def __post_init__(self) -> None:
        if not is_number(self.repeat) or not 1 <= self.repeat <= 100_000:
            raise InputError(f"repeat: {self.repeat!r}, expected 1 to 100000")
        for name in ("until_below_ohm", "until_above_ohm"):
            if getattr(self, name) is not None:
                require_positive(self, name)
        if self.until_below_ohm is not None and self.until_above_ohm is not None:
            raise InputError("until_above_ohm: stands beside until_below_ohm; keep one of them")
        for name in ("bl_step_v", "sl_step_v", "wl_step_v"):
            if not is_number(getattr(self, name)):
                raise InputError(f"{name}: {getattr(self, name)!r}, expected a number")
        self.at(self.repeat - 1)

    def at(self, index: int) -> Pulse:
        """Return pulse number `index` of the step, from 0."""
        if index == 0:
            return self.pulse
        p = self.pulse
        # Twelve digits: 0.8 + 3 * 0.1 shall be 1.1 in tables and digests.
        raised = {
            f"{line}_v": float(
                f"{getattr(p, f'{line}_v') + index * getattr(self, f'{line}_step_v'):.12g}"
            )
            for line in ("bl", "sl", "wl")
        }
        return Pulse(
            operation=p.operation, width_s=p.width_s, edge_s=p.edge_s, device=p.device, **raised
        )

    def reached(self, resistance_ohm: float) -> bool:
        """Return whether a device that reads so needs no (further) pulse."""
        if self.until_below_ohm is not None:
            return resistance_ohm < self.until_below_ohm
        return self.until_above_ohm is not None and resistance_ohm > self.until_above_ohm

    @property
    def verifies(self) -> bool:
        """Whether the step ends at a target resistance."""
        return self.until_below_ohm is not None or self.until_above_ohm is not None


def corners(width_s: float, edge_s: float) -> tuple[NDArray[np.float64], dict[str, list[float]]]:
    """Return the waveform of a pulse of height 1.

    Parameters
    ----------
    width_s, edge_s : float
        Width at half height, and duration of an edge. [s]

    Returns
    -------
    times_s : array, shape (6,)
        Corners; the top of the pulse on bit and source line is from the third to the fourth. [s]
    heights : dict of str to list, length 6
        ``line`` (bit and source lines) and ``word`` (rises before, falls after them).
    """
    top = width_s - edge_s
    times = np.cumsum([0.0, edge_s, edge_s, top, edge_s, edge_s])
    return times, {"line": [0, 0, 1, 1, 0, 0], "word": [0, 1, 1, 1, 1, 0]}
