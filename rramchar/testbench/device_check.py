"""Is a process wired right? One transistor of each kind per corner, and what looks wrong about it.

Vth is the |VGS| at which |ID| = 100 nA * W / L with |VDS| = 50 mV; Ion is |ID| / W at |VGS| =
|VDS| = supply, Ioff the same at VGS = 0. The supply is the device's own, or the nominal core
supply. The length is the device's minimum, the width 1 um or the minimum if that is larger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import SimulationError
from rramchar.spice.isolated import IsolatedSimulator
from rramchar.technology import Condition, Technology
from rramchar.testbench.device_decks import (
    DeckBuilder,
    DeviceBench,
    linear_deck,
    ramp_deck,
    saturation_deck,
)
from rramchar.testbench.device_verdict import (
    THRESHOLD_CURRENT_A,
    judge_corners,
    judge_off,
    judge_on,
    same_in_every_corner,
    threshold_v,
)

FloatArray = NDArray[np.float64]
_Key = tuple[str, str]
_Found = dict[_Key, Mapping[str, FloatArray] | SimulationError]
_CURVES = ("gate_v", "linear_a_per_um", "saturation_a_per_um")


@dataclass(frozen=True, eq=False)
class DeviceCheck:
    """What one device does at one corner.

    Parameters
    ----------
    name, model, polarity, corner : str
        Role of the device, its model in the kit, ``n`` or ``p``, and the corner.
    width_m, length_m : float
        Drawn size. [m]
    supply_v : float
        Supply that Ion and Ioff are for. [V]
    vth_v, ion_a_per_um, ioff_a_per_um : float or None
        Threshold [V] and currents [A/um], as magnitudes; None where there is none.
    gate_capacitance_f_per_um2 : float or None
        Charge of a gate ramp from 0 to the supply, over supply, W and L; overlaps included. Only
        at the first corner. [F/um2]
    problem : str or None
        What looks wrong, and what to look at.
    gate_v, linear_a_per_um, saturation_a_per_um : array or None
        |ID| / W [A/um] over |VGS| [V], at |VDS| = 50 mV and at the supply.
    """

    name: str
    model: str
    polarity: str
    corner: str
    width_m: float
    length_m: float
    supply_v: float
    vth_v: float | None = None
    ion_a_per_um: float | None = None
    ioff_a_per_um: float | None = None
    gate_capacitance_f_per_um2: float | None = None
    problem: str | None = None
    gate_v: FloatArray | None = None
    linear_a_per_um: FloatArray | None = None
    saturation_a_per_um: FloatArray | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return everything but the curves as JSON-serializable data."""
        return {name: value for name, value in vars(self).items() if name not in _CURVES}


def check_devices(
    technology: Technology,
    *,
    corners: Sequence[str] | None = None,
    temperature_c: float = 27.0,
    width_m: float = 1e-6,
) -> list[DeviceCheck]:
    """Simulate every device of a process at every corner, and say what looks wrong.

    Parameters
    ----------
    technology : Technology
        The process.
    corners : sequence of str, optional
        Corners to simulate; all by default.
    temperature_c : float
        Temperature. [degC]
    width_m : float
        Drawn width, raised to a device's minimum. [m]

    Returns
    -------
    list of DeviceCheck
        Corner by corner, devices in the order of the technology. A device that cannot be
        simulated has ngspice's words in its ``problem``; nothing is raised for it.

    Raises
    ------
    InputError
        If a corner, the temperature or the width cannot be used.
    """
    bench = DeviceBench(technology, temperature_c, width_m)
    names = tuple(technology.corners) if corners is None else tuple(corners)
    for corner in names:
        Condition(corner, temperature_c, technology.vdd_nominal_v).check(technology)
    keys = [(corner, role) for corner in names for role in technology.devices]
    checks: dict[_Key, DeviceCheck] = {}
    with IsolatedSimulator() as simulator:
        for key, result in _run(simulator, linear_deck, bench, keys).items():
            checks[key] = _linear(bench, key, result)
        # A device that is off or reversed is not driven hard: its junctions would conduct.
        sound = [key for key in keys if checks[key].vth_v is not None]
        for key, result in _run(simulator, saturation_deck, bench, sound).items():
            checks[key] = _saturation(bench, checks[key], result)
        first = [key for key in sound if key[0] == names[0]]
        for key, result in _run(simulator, ramp_deck, bench, first).items():
            checks[key] = _ramp(bench, checks[key], result)
    return _judge([checks[key] for key in keys])


def _run(
    simulator: IsolatedSimulator, build: DeckBuilder, bench: DeviceBench, keys: Sequence[_Key]
) -> _Found:
    """Run one deck per corner; where it fails, one per device, to find the one at fault."""
    corners = {corner: [r for c, r in keys if c == corner] for corner, _ in keys}
    together = simulator.run([build(bench, corner, roles) for corner, roles in corners.items()])
    found: _Found = {}
    again: list[_Key] = []
    for (corner, roles), result in zip(corners.items(), together, strict=True):
        found |= {(corner, role): result for role in roles}
        if isinstance(result, SimulationError) and len(roles) > 1:
            again += [(corner, role) for role in roles]
    alone = simulator.run([build(bench, corner, [role]) for corner, role in again])
    return found | dict(zip(again, alone, strict=True))


def _linear(
    bench: DeviceBench, key: _Key, result: Mapping[str, FloatArray] | SimulationError
) -> DeviceCheck:
    corner, role = key
    device = bench.technology.device(role)
    width_m, length_m = bench.size(role)
    supply_v = bench.technology.device_supply_v(role)
    check = DeviceCheck(role, device.model, device.polarity, corner, width_m, length_m, supply_v)
    if isinstance(result, SimulationError):
        return _failed(check, result)
    gate_v = result["sweep"] * supply_v
    sign = bench.sign(role)
    # A source of voltage counts the current that it delivers as negative.
    current, mirror = -sign * result[f"i(vd_{role})"], sign * result[f"i(vd_mirror_{role})"]
    level = THRESHOLD_CURRENT_A * width_m / length_m
    vth_v = threshold_v(gate_v, current, level)
    problem = None
    if vth_v is None:
        reversed_v = threshold_v(gate_v, mirror, level)
        problem = judge_off(device.polarity, current[0], current[-1], reversed_v, level)
    return replace(
        check,
        vth_v=vth_v,
        problem=problem,
        gate_v=gate_v,
        linear_a_per_um=current / (width_m * 1e6),
    )


def _saturation(
    bench: DeviceBench, check: DeviceCheck, result: Mapping[str, FloatArray] | SimulationError
) -> DeviceCheck:
    if isinstance(result, SimulationError):
        return _failed(check, result)
    current = -bench.sign(check.name) * result[f"i(vd_{check.name})"] / (check.width_m * 1e6)
    return replace(
        check,
        saturation_a_per_um=current,
        ion_a_per_um=float(current[-1]),
        ioff_a_per_um=float(current[0]),
    )


def _ramp(
    bench: DeviceBench, check: DeviceCheck, result: Mapping[str, FloatArray] | SimulationError
) -> DeviceCheck:
    if isinstance(result, SimulationError):
        return _failed(check, result)
    charge = -bench.sign(check.name) * float(
        np.trapezoid(result[f"i(vg_{check.name})"], result["time"])
    )
    area_um2 = check.width_m * check.length_m * 1e12
    return replace(check, gate_capacitance_f_per_um2=charge / check.supply_v / area_um2)


def _failed(check: DeviceCheck, error: SimulationError) -> DeviceCheck:
    return replace(
        check,
        problem=f"cannot be simulated ({error}); look at the model's name, subcircuit, the "
        "instance parameters and sizes.unit_m",
    )


def _judge(checks: Sequence[DeviceCheck]) -> list[DeviceCheck]:
    ion: dict[str, dict[str, float]] = {}
    for check in checks:
        if check.ion_a_per_um is not None:
            ion.setdefault(check.name, {})[check.corner] = check.ion_a_per_um
    same = same_in_every_corner(ion)
    judged = []
    for check in checks:
        problem = check.problem
        if problem is None and check.ion_a_per_um is not None and check.ioff_a_per_um is not None:
            problem = (
                judge_on(check.ion_a_per_um, check.ioff_a_per_um, check.gate_capacitance_f_per_um2)
                or judge_corners(check.polarity, ion[check.name])
                or same
            )
        judged.append(replace(check, problem=problem))
    return judged
