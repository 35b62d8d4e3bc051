"""The program testbench: a 1T1R or 2T2R cell of stateful devices under one pulse.

Every line is driven by an ideal source: the shape of the pulse times an alterable height. One
parsed circuit therefore serves all pulses of one width, and the reads between them; the states of
the devices are carried from pulse to pulse by the caller (see `rramchar.programming`).
Capacitances of the lines are left out: behind an ideal driver they change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySpice.Spice.Netlist import Circuit, SubCircuit

from rramchar.cells.checks import require_choice, require_not_negative, require_positive
from rramchar.cells.transistor import Transistor, place_transistor
from rramchar.devices import DeviceModel
from rramchar.devices.model import library_path
from rramchar.errors import InputError
from rramchar.spice.deck import Deck
from rramchar.technology import Condition, Technology
from rramchar.testbench.pulses import Pulse, corners

KINDS = {"1t1r": ("bl",), "2t2r": ("bl", "blb")}
ACCESS_ROLE = "nmos_io"
_STEPS_PER_PULSE = 50
_LARGEST_READ_V = 0.3

Waves = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class WriteCell:
    """A cell with its read conditions.

    Parameters
    ----------
    kind : str
        ``1t1r`` or ``2t2r``.
    access_width_m, access_length_m : float
        Thick-oxide access transistor. [m]
    c_cell_f : float
        Capacitance of the node between device and transistor; it keeps an abrupt SET solvable. [F]
    read_v, read_wl_v : float
        Bit-line and word-line voltage at which resistances are read between pulses. [V]
    """

    kind: str = "1t1r"
    access_width_m: float = 2.0e-6
    access_length_m: float = 0.5e-6
    c_cell_f: float = 5e-15
    read_v: float = 0.1
    read_wl_v: float = 2.5

    def __post_init__(self) -> None:
        require_choice(self, "kind", tuple(KINDS))
        require_positive(self, "access_width_m", "access_length_m", "c_cell_f", "read_v")
        require_not_negative(self, "read_wl_v")
        if self.read_v > _LARGEST_READ_V:
            raise InputError(
                f"read_v: {self.read_v:g} V, expected up to {_LARGEST_READ_V:g} V, or reading "
                "would program the cell"
            )

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the devices: ``bl``, and ``blb`` in a 2T2R cell."""
        return KINDS[self.kind]

    def selected(self, pulse: Pulse) -> tuple[str, ...]:
        """Return the devices that a pulse programs."""
        if pulse.device == "both":
            return self.devices
        if pulse.device not in self.devices:
            raise InputError(
                f"device: {pulse.device!r}, expected {' or '.join(self.devices)} in a {self.kind} "
                "cell"
            )
        return (pulse.device,)

    def read_pulse(self, width_s: float, edge_s: float) -> Pulse:
        """Return the pulse that reads all devices of the cell."""
        return Pulse("read", self.read_v, 0.0, self.read_wl_v, width_s, edge_s, "both")


@dataclass(frozen=True)
class BranchResult:
    """What a pulse did in one branch (device and transistor) of a cell.

    Parameters
    ----------
    state : float
        State of the device after the pulse, in its model's unit.
    resistance_ohm : float
        V / I of the device alone at the end of the pulse's top. [ohm]
    energy_j : float
        Integral of (V_BL - V_SL) I over the pulse: device and transistor, without the charging of
        the word line. [J]
    peak_current_a, end_current_a : float
        Largest current during the pulse, and at the end of its top; both as magnitudes. [A]
    """

    state: float
    resistance_ohm: float
    energy_j: float
    peak_current_a: float
    end_current_a: float


def build_write_cell(
    technology: Technology, condition: Condition, cell: WriteCell, model: DeviceModel
) -> Circuit:
    """Return the circuit of a cell of stateful devices, without its sources.

    Nodes: ``bl`` (``blb``), ``wl``, ``sl``; ``mid_bl`` and ``state_bl`` (``..._blb``) inside.

    Raises
    ------
    InputError
        If the condition cannot be simulated or the technology has no thick-oxide NMOS.
    """
    condition.check(technology)
    if ACCESS_ROLE not in technology.devices:
        raise InputError(
            f"technology {technology.name}: no device {ACCESS_ROLE!r}, the thick-oxide NMOS that "
            f"stands programming voltages; it has {', '.join(technology.devices)}"
        )
    title = f"program {cell.kind}, {model.name}, {technology.name}, {condition.corner}"
    circuit = Circuit(title)
    lines = [*technology.library_lines(condition.corner), f'.include "{library_path(model)}"']
    circuit.raw_spice = "\n".join(lines) + "\n"
    branch = SubCircuit("write_1t1r", "bl", "wl", "sl", "mid", "state")
    values = {name: repr(float(value)) for name, value in model.subcircuit_parameters().items()}
    branch.X("rram", model.subcircuit, "bl", "mid", "state", **values)
    branch.C("mid", "mid", "0", cell.c_cell_f)
    place_transistor(
        branch,
        technology,
        Transistor(ACCESS_ROLE, "access", ("mid", "wl", "sl", "0"),
                   cell.access_width_m, cell.access_length_m),
    )  # fmt: skip
    circuit.subcircuit(branch)
    for name in cell.devices:
        circuit.X(name, "write_1t1r", name, "wl", "sl", f"mid_{name}", f"state_{name}")
    return circuit


def build_program(
    technology: Technology,
    condition: Condition,
    cell: WriteCell,
    model: DeviceModel,
    *,
    width_s: float,
    edge_s: float,
) -> Deck:
    """Return the deck of all pulses of one width.

    Parameters
    ----------
    technology : Technology
        The process; it needs a device ``nmos_io``.
    condition : Condition
        Corner and temperature; the supply only has to be valid.
    cell : WriteCell
        The cell.
    model : DeviceModel
        Its devices.
    width_s, edge_s : float
        Width at half height, and duration of an edge. [s]

    Returns
    -------
    Deck
        Heights and states are zero until `program_alterations` sets them.

    Raises
    ------
    InputError
        If something cannot be used.
    """
    circuit = build_write_cell(technology, condition, cell, model)
    times, heights = corners(width_s, edge_s)
    for name, values in heights.items():
        points = [(float(t), float(v)) for t, v in zip(times, values, strict=True)]
        circuit.PieceWiseLinearVoltageSource(name, name, "0", values=points)
    for line in (*cell.devices, "sl"):
        circuit.VCVS(line, line, "0", "line", "0", voltage_gain=0.0)
    circuit.VCVS("wl", "wl", "0", "word", "0", voltage_gain=0.0)
    saved = [f"{vector}_{name})" for name in cell.devices for vector in ("v(state", "v(mid")]
    return Deck(
        circuit=str(circuit),
        temperature_c=condition.temperature_c,
        stop_time_s=float(times[-1]),
        max_step_s=width_s / _STEPS_PER_PULSE * 0.9871,
        save=("v(line)", *saved, *(f"i(e{name})" for name in cell.devices)),
        options=dict(technology.options),
    )


def program_alterations(
    cell: WriteCell, model: DeviceModel, pulse: Pulse, states: Mapping[str, float]
) -> dict[str, float]:
    """Return what to alter in the deck for one pulse.

    Parameters
    ----------
    cell : WriteCell
        The cell.
    model : DeviceModel
        Gives the unit of the states.
    pulse : Pulse
        Heights of the lines.
    states : mapping of str to float
        State of each device of the cell before the pulse, in the model's unit.

    Returns
    -------
    dict of str to float
        ngspice's name of each parameter to its value.
    """
    lines = pulse.lines_v()
    values = {f"@e{line}[gain]": lines[line] for line in (*cell.devices, "sl", "wl")}
    return values | {
        f"@v.x{name}.xrram.vinit[dc]": states[name] / model.state_unit for name in cell.devices
    }


def program_result(
    waves: Waves, cell: WriteCell, model: DeviceModel, pulse: Pulse
) -> dict[str, BranchResult]:
    """Measure the recorded waveforms of one pulse.

    Parameters
    ----------
    waves : mapping of str to array, shape (time,)
        ``time`` and the deck's saved vectors.
    cell, model, pulse
        As given to the deck.

    Returns
    -------
    dict of str to BranchResult
        For every device of the cell, programmed or not.
    """
    times, _ = corners(pulse.width_s, pulse.edge_s)
    lines, top_end = pulse.lines_v(), times[3]
    time = waves["time"]
    results = {}
    for name in cell.devices:
        current = -waves[f"i(e{name})"]  # ngspice counts the current into the source
        drive_v = (lines[name] - lines["sl"]) * waves["v(line)"]
        at_end = float(np.interp(top_end, time, current))
        across_v = lines[name] - float(np.interp(top_end, time, waves[f"v(mid_{name})"]))
        state = float(waves[f"v(state_{name})"][-1]) * model.state_unit
        results[name] = BranchResult(
            state=float(np.clip(state, model.state_low, model.state_high)),
            resistance_ohm=across_v / at_end if at_end else float("inf"),
            energy_j=float(np.trapezoid(drive_v * current, time)),
            peak_current_a=float(np.max(np.abs(current))),
            end_current_a=abs(at_end),
        )
    return results
