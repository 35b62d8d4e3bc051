"""The iv testbench: one quasi-static loop of a 1T1R cell, SET and back, then RESET and back.

::

    bit line     /\\____    to set_v, the word line at wl_set_v (compliance)
    source line  ___/\\_    to reset_v, the word line at wl_reset_v
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rramchar.cells.checks import require_positive
from rramchar.devices import DeviceModel
from rramchar.devices.model import initial_state
from rramchar.errors import InputError
from rramchar.spice.deck import Deck
from rramchar.technology import Condition, Technology
from rramchar.testbench.program import WriteCell, build_write_cell
from rramchar.testbench.pulses import LARGEST_LINE_V, LONGEST_S

_STEPS_PER_RAMP = 100
_SETTLE = 0.02  # part of a ramp in which the word line changes

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Loop:
    """What is swept.

    Parameters
    ----------
    set_v, reset_v : float
        Highest voltage on the bit line (SET), then on the source line (RESET). [V]
    wl_set_v, wl_reset_v : float
        Word line during each half. [V]
    ramp_time_s : float
        Duration of each of the four ramps; the slower, the lower the switching voltages. [s]
    initial_r_ohm : float
        Resistance of the device before the loop. [ohm]
    """

    set_v: float = 2.0
    reset_v: float = 1.8
    wl_set_v: float = 1.6
    wl_reset_v: float = 4.5
    ramp_time_s: float = 1e-3
    initial_r_ohm: float = 300e3

    def __post_init__(self) -> None:
        voltages = ("set_v", "reset_v", "wl_set_v", "wl_reset_v")
        require_positive(self, *voltages, "ramp_time_s", "initial_r_ohm")
        for name in voltages:
            if getattr(self, name) > LARGEST_LINE_V:
                raise InputError(
                    f"{name}: {getattr(self, name):g} V, expected up to {LARGEST_LINE_V:g} V"
                )
        if not 1e-7 <= self.ramp_time_s <= LONGEST_S:
            raise InputError(
                f"ramp_time_s: {self.ramp_time_s:g} s, expected 1e-07 to {LONGEST_S:g} s"
            )


@dataclass(frozen=True)
class LoopResult:
    """A recorded loop.

    Parameters
    ----------
    time_s : array, shape (n,)
        Time. [s]
    applied_v : array, shape (n,)
        Bit line minus source line; positive in SET. [V]
    device_v : array, shape (n,)
        Voltage across the device. [V]
    current_a : array, shape (n,)
        Current through it. [A]
    resistance_ohm : array, shape (n,)
        What the state of that moment would read at the cell's read voltage. [ohm]
    set_at_v, reset_at_v : float or None
        Applied voltage, as a magnitude, at which the resistance crosses the geometric mean of its
        values before and after the half loop; None if it changes by less than a factor of 2. [V]
    """

    time_s: Array
    applied_v: Array
    device_v: Array
    current_a: Array
    resistance_ohm: Array
    set_at_v: float | None
    reset_at_v: float | None

    def columns(self) -> dict[str, Array]:
        """Return the recorded arrays by column name."""
        names = ("time_s", "applied_v", "device_v", "current_a", "resistance_ohm")
        return {name: getattr(self, name) for name in names}


def build_iv(
    technology: Technology, condition: Condition, cell: WriteCell, model: DeviceModel, loop: Loop
) -> tuple[Deck, dict[str, float]]:
    """Return the deck of a loop, and what to alter in it.

    Parameters
    ----------
    technology : Technology
        The process; it needs a device ``nmos_io``.
    condition : Condition
        Corner and temperature; the supply only has to be valid.
    cell : WriteCell
        A 1T1R cell.
    model : DeviceModel
        Its device.
    loop : Loop
        Voltages and times.

    Returns
    -------
    deck : Deck
        The circuit and its sources.
    alterations : dict of str to float
        The initial state.

    Raises
    ------
    InputError
        If something cannot be used.
    """
    if cell.kind != "1t1r":
        raise InputError(f"kind: {cell.kind!r}, expected 1t1r: a loop is taken on one device")
    state = initial_state(model, loop.initial_r_ohm, cell.read_v)
    circuit = build_write_cell(technology, condition, cell, model)
    ramp, settle = loop.ramp_time_s, _SETTLE * loop.ramp_time_s
    turn = 2 * ramp + 2 * settle  # the word line has its RESET voltage from here
    waveforms = {
        "bl": [(0, 0), (settle, 0), (settle + ramp, loop.set_v), (settle + 2 * ramp, 0)],
        "sl": [(0, 0), (turn, 0), (turn + ramp, loop.reset_v), (turn + 2 * ramp, 0)],
        "wl": [(0, 0), (settle, loop.wl_set_v), (settle + 2 * ramp, loop.wl_set_v),
               (turn, loop.wl_reset_v)],
    }  # fmt: skip
    for line, points in waveforms.items():
        circuit.PieceWiseLinearVoltageSource(line, line, "0", values=points)
    deck = Deck(
        circuit=str(circuit),
        temperature_c=condition.temperature_c,
        stop_time_s=turn + 2 * ramp,
        max_step_s=ramp / _STEPS_PER_RAMP * 0.9871,
        save=("v(bl)", "v(sl)", "v(mid_bl)", "v(state_bl)", "i(vbl)"),
        options=dict(technology.options),
    )
    return deck, {"@v.xbl.xrram.vinit[dc]": state / model.state_unit}


def iv_result(
    waves: Mapping[str, Array], cell: WriteCell, model: DeviceModel, loop: Loop
) -> LoopResult:
    """Measure the recorded waveforms of a loop.

    Parameters
    ----------
    waves : mapping of str to array, shape (n,)
        ``time`` and the deck's saved vectors.
    cell : WriteCell
        Gives the read voltage.
    model : DeviceModel
        Turns states into resistances.
    loop : Loop
        Tells where its halves meet.

    Returns
    -------
    LoopResult
        The curves and the two switching voltages.
    """
    applied_v = waves["v(bl)"] - waves["v(sl)"]
    state = waves["v(state_bl)"] * model.state_unit
    resistance = cell.read_v / model.current_a(cell.read_v, state)
    first = waves["time"] <= (2 + 2 * _SETTLE) * loop.ramp_time_s
    return LoopResult(
        time_s=waves["time"],
        applied_v=applied_v,
        device_v=waves["v(bl)"] - waves["v(mid_bl)"],
        current_a=-waves["i(vbl)"],
        resistance_ohm=resistance,
        set_at_v=_switching_v(applied_v, resistance, first),
        reset_at_v=_switching_v(-applied_v, resistance, ~first),
    )


def _switching_v(applied_v: Array, resistance_ohm: Array, half: NDArray[np.bool_]) -> float | None:
    log_r, volts = np.log(resistance_ohm[half]), applied_v[half]
    first, last = log_r[0], log_r[-1]
    if abs(last - first) < np.log(2):
        return None
    middle = (first + last) / 2
    passed = (log_r - middle) * np.sign(last - first) >= 0
    return float(volts[np.argmax(passed)])
