"""Decks that show what the single transistors of a process do: DC sweeps and a gate ramp.

Every device has its own drain and gate sources, so that one deck holds all devices of a corner.
Source and bulk are at ground; a PMOS sees negative voltages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySpice.Spice.Netlist import Circuit

from rramchar.cells.transistor import Transistor, place_transistor
from rramchar.spice.deck import DcDeck, Deck
from rramchar.technology import Technology

LINEAR_DRAIN_V = 0.05
RAMP_TIME_S = 1e-9
_POINTS = 181


@dataclass(frozen=True)
class DeviceBench:
    """Where and how large the devices are simulated.

    Parameters
    ----------
    technology : Technology
        The process.
    temperature_c : float
        Temperature. [degC]
    width_m : float
        Drawn width, raised to a device's minimum. [m]
    """

    technology: Technology
    temperature_c: float
    width_m: float

    def size(self, role: str) -> tuple[float, float]:
        """Return drawn width and length of a device. [m]"""
        device = self.technology.device(role)
        return max(self.width_m, device.minimum_width_m), device.minimum_length_m

    def sign(self, role: str) -> int:
        """Return +1 for an n device, -1 for a p device."""
        return 1 if self.technology.device(role).polarity == "n" else -1

    def circuit(self, corner: str) -> Circuit:
        """Return a circuit that holds the model libraries and no device yet."""
        circuit = Circuit(f"devices of {self.technology.name}, {corner}")
        circuit.raw_spice = "\n".join(self.technology.library_lines(corner)) + "\n"
        return circuit

    def place(self, circuit: Circuit, role: str, label: str, drain_v: float) -> None:
        """Add a device with its drain source; its gate is node ``g_<label>``."""
        width_m, length_m = self.size(role)
        nodes = (f"d_{label}", f"g_{label}", "0", "0")
        place_transistor(
            circuit, self.technology, Transistor(role, label, nodes, width_m, length_m)
        )
        circuit.V(f"d_{label}", f"d_{label}", "0", drain_v)


DeckBuilder = Callable[[DeviceBench, str, Sequence[str]], Deck | DcDeck]


def linear_deck(bench: DeviceBench, corner: str, roles: Sequence[str]) -> DcDeck:
    """Return a gate sweep at \\|VDS\\| = 50 mV, of every device and of its mirror image.

    Parameters
    ----------
    bench : DeviceBench
        Process, temperature, sizes.
    corner : str
        Process corner.
    roles : sequence of str
        Devices.

    Returns
    -------
    DcDeck
        Drain currents ``i(vd_<role>)``, and ``i(vd_mirror_<role>)`` with all voltages reversed: a
        device that conducts there has the other polarity.
    """
    biases = [(role, role, 1) for role in roles] + [(role, f"mirror_{role}", -1) for role in roles]
    return _dc_deck(bench, corner, [(*bias, LINEAR_DRAIN_V) for bias in biases])


def saturation_deck(bench: DeviceBench, corner: str, roles: Sequence[str]) -> DcDeck:
    """Return a gate sweep at \\|VDS\\| = supply; see `linear_deck`."""
    supply = bench.technology.device_supply_v
    return _dc_deck(bench, corner, [(role, role, 1, supply(role)) for role in roles])


def ramp_deck(bench: DeviceBench, corner: str, roles: Sequence[str]) -> Deck:
    """Return a ramp of all gates from 0 to their supply with the drains at ground.

    Its gate currents ``i(vg_<role>)`` tell the gate capacitance, and with it whether the size was
    understood: a wrong unit changes it by many orders of magnitude, and W/L not at all.
    """
    circuit = bench.circuit(corner)
    for role in roles:
        bench.place(circuit, role, role, 0.0)
        top_v = bench.sign(role) * bench.technology.device_supply_v(role)
        circuit.PieceWiseLinearVoltageSource(
            f"g_{role}", f"g_{role}", "0", values=[(0, 0), (RAMP_TIME_S, top_v)]
        )
    return Deck(
        circuit=str(circuit),
        temperature_c=bench.temperature_c,
        stop_time_s=RAMP_TIME_S,
        max_step_s=RAMP_TIME_S / 50,
        save=tuple(f"i(vg_{role})" for role in roles),
        options=dict(bench.technology.options),
    )


def _dc_deck(
    bench: DeviceBench, corner: str, biases: Sequence[tuple[str, str, int, float]]
) -> DcDeck:
    """Sweep all gates together, each from 0 to its own supply."""
    circuit = bench.circuit(corner)
    circuit.V("sweep", "sweep", "0", 0.0)
    for role, label, direction, drain_v in biases:
        sign = direction * bench.sign(role)
        bench.place(circuit, role, label, sign * drain_v)
        gain = sign * bench.technology.device_supply_v(role)
        circuit.VCVS(f"g_{label}", f"g_{label}", "0", "sweep", "0", voltage_gain=gain)
    return DcDeck(
        circuit=str(circuit),
        temperature_c=bench.temperature_c,
        source="vsweep",
        start_v=0.0,
        stop_v=1.0,
        points=_POINTS,
        save=tuple(f"i(vd_{label})" for _, label, _, _ in biases),
        options=dict(bench.technology.options),
    )
