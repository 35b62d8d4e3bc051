"""Energies of a read, a SET and a weak RESET, measured on the testbenches.

The cases are few and named: a read of a pair of a low and a high resistance, both ways round and
for both inputs of the XNOR amplifier; a SET of a device from several resistances; weak RESETs of
one device in a row.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rramchar.characterize.reader import Query, Reader
from rramchar.errors import InputError, SimulationError
from rramchar.programming import ProgramPlan, make_program_plan, read_pulses, run_program
from rramchar.technology import Condition, Technology
from rramchar.testbench import ReadParameters, ReadPoint
from rramchar.units import format_quantity

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class EnergyCases:
    """What is measured.

    Parameters
    ----------
    r_low_ohm, r_high_ohm : float
        The pair that is read. [ohm]
    set_from_ohm : tuple of float
        Resistances that the filament device is SET from. [ohm]
    set_bl_v, set_wl_v, set_width_s : float
        The SET pulse. [V], [s]
    weak_from_ohm : float
        Resistance before the first weak RESET. [ohm]
    weak_sl_v, weak_wl_v, weak_width_s : float
        The weak RESET; 1.2 V and 100 ns are those of IEDM 2019, Fig. 7. [V], [s]
    weak_pulses : int
        Their number.
    """

    r_low_ohm: float = 7e3
    r_high_ohm: float = 20e3
    set_from_ohm: tuple[float, ...] = (10e3, 20e3, 50e3)
    set_bl_v: float = 2.0
    set_wl_v: float = 1.8
    set_width_s: float = 1e-6
    weak_from_ohm: float = 7e3
    weak_sl_v: float = 1.2
    weak_wl_v: float = 4.5
    weak_width_s: float = 100e-9
    weak_pulses: int = 20

    def __post_init__(self) -> None:
        """Check what the testbenches do not."""
        if not self.r_low_ohm < self.r_high_ohm:
            raise InputError(
                f"r_low_ohm: {self.r_low_ohm:g} ohm, expected below r_high_ohm of "
                f"{self.r_high_ohm:g} ohm: the read of two equal resistances is noise"
            )
        if not self.set_from_ohm:
            raise InputError("set_from_ohm: none given, expected at least one resistance")


@dataclass(frozen=True)
class CaseEnergies:
    """Energies of the cases of one operation.

    Parameters
    ----------
    energies_j : tuple of float
        One for each case. [J]
    how : str
        The cases, in words.
    """

    energies_j: tuple[float, ...]
    how: str


def measure_energies(
    technology_name: str,
    technology: Technology,
    condition: Condition,
    parameters: ReadParameters,
    cases: EnergyCases,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> dict[str, CaseEnergies]:
    """Simulate the cases and return their energies.

    Parameters
    ----------
    technology_name : str
        Shipped name or absolute path, as a plan has it.
    technology : Technology
        The same, loaded; it needs the thick-oxide device ``nmos_io`` for the pulses.
    condition : Condition
        Corner, temperature, supply of the reads.
    parameters : ReadParameters
        Circuit and timing of the reads.
    cases : EnergyCases
        See there.
    workers : int, optional
        Worker processes.
    progress : callable, optional
        Called with the number of finished groups of cases and the number of all.

    Returns
    -------
    dict of str to CaseEnergies
        ``read``, ``set`` and ``weak_reset``.

    Raises
    ------
    InputError
        If something given cannot be used.
    SimulationError
        If ngspice cannot solve a case, or a read decides wrongly: its energy would mean nothing.
    """
    tell = progress or (lambda done, total: None)
    total = 2 + len(cases.set_from_ohm)
    # All plans first: what cannot be used is refused before anything is simulated.
    weak_plan = _plan(technology_name, condition, _weak_pulses(cases), cases.weak_from_ohm)
    set_plans = [
        _plan(technology_name, condition, _set_pulse(cases), start) for start in cases.set_from_ohm
    ]
    tell(0, total)
    reads = _reads(technology, condition, parameters, cases, workers)
    tell(1, total)
    weak = _pulses(weak_plan, workers)
    tell(2, total)
    sets: list[float] = []
    for done, plan in enumerate(set_plans, 3):
        sets += _pulses(plan, workers)
        tell(done, total)
    return {
        "read": CaseEnergies(tuple(reads), _read_words(condition, parameters, cases)),
        "set": CaseEnergies(tuple(sets), _set_words(cases)),
        "weak_reset": CaseEnergies(tuple(weak), _weak_words(cases)),
    }


def _read_words(condition: Condition, parameters: ReadParameters, cases: EnergyCases) -> str:
    low, high = (format_quantity(r, "ohm") for r in (cases.r_low_ohm, cases.r_high_ohm))
    return (
        f"2T2R pair of {low} and {high}, {parameters.amplifier}, bit lines of "
        f"{format_quantity(parameters.c_bl_f, 'F')}, {condition.vdd_v:g} V: supply energy of "
        "precharge and sensing, both ways round, every input"
    )


def _set_words(cases: EnergyCases) -> str:
    starts = ", ".join(format_quantity(r, "ohm") for r in cases.set_from_ohm)
    return (
        f"filament device from {starts}; bit line {cases.set_bl_v:g} V, word line "
        f"{cases.set_wl_v:g} V, {format_quantity(cases.set_width_s, 's')}; device and transistor"
    )


def _weak_words(cases: EnergyCases) -> str:
    return (
        f"weak_reset device, pulses 1 to {cases.weak_pulses} from "
        f"{format_quantity(cases.weak_from_ohm, 'ohm')}; source line {cases.weak_sl_v:g} V, word "
        f"line {cases.weak_wl_v:g} V, {format_quantity(cases.weak_width_s, 's')}; device and "
        "transistor"
    )


def _reads(
    technology: Technology,
    condition: Condition,
    parameters: ReadParameters,
    cases: EnergyCases,
    workers: int | None,
) -> list[float]:
    inputs = (1, -1) if parameters.amplifier == "xnor_pcsa" else (None,)
    pairs = (cases.r_low_ohm, cases.r_high_ohm), (cases.r_high_ohm, cases.r_low_ohm)
    queries = [Query(ReadPoint(bl, blb, x)) for bl, blb in pairs for x in inputs]
    with Reader(technology, condition, parameters, workers=workers) as reader:
        rows = reader.read(queries)
    for query, row in zip(queries, rows, strict=True):
        higher = query.point.r_bl_ohm > query.point.r_blb_ohm
        expected = "plus" if higher == (query.point.x != -1) else "minus"
        if row["outcome"] != expected or not row["precharge_ok"]:
            raise SimulationError(
                "wrong_read",
                f"R_BL = {query.point.r_bl_ohm:g} ohm, R_BLb = {query.point.r_blb_ohm:g} ohm reads "
                f"{row['outcome']}, expected {expected} after a complete precharge; choose another "
                "supply, sampling time or pair",
            )
    return [float(row["read_energy_j"]) for row in rows]


def _weak_pulses(cases: EnergyCases) -> dict[str, Any]:
    step = {
        "operation": "weak_reset",
        "sl_v": cases.weak_sl_v,
        "wl_v": cases.weak_wl_v,
        "width_s": cases.weak_width_s,
        "repeat": cases.weak_pulses,
    }
    return {"device": {"model": "weak_reset"}, "sequence": [step]}


def _set_pulse(cases: EnergyCases) -> dict[str, Any]:
    step = {
        "operation": "set",
        "bl_v": cases.set_bl_v,
        "wl_v": cases.set_wl_v,
        "width_s": cases.set_width_s,
    }
    return {"device": {"model": "filament"}, "sequence": [step]}


def _plan(
    technology_name: str, condition: Condition, document: dict[str, Any], start_ohm: float
) -> ProgramPlan:
    return make_program_plan(
        {
            "plan": {"testbench": "program", "technology": technology_name},
            "cell": {"kind": "1t1r", "initial_r_bl_ohm": start_ohm},
            "axes": {"corner": condition.corner, "temperature_c": condition.temperature_c},
            **document,
        }
    )


def _pulses(plan: ProgramPlan, workers: int | None) -> list[float]:
    """Return the energy of each pulse of a plan."""
    with tempfile.TemporaryDirectory(prefix="rramchar-energies-") as folder:
        run_program(plan, folder, workers=workers)
        frame = read_pulses(folder)
    failed = frame[frame["status"] != "ok"]
    if len(failed):
        row = failed.iloc[0]
        start = ", ".join(format_quantity(r, "ohm") for r in plan.initial_r_ohm.values())
        raise SimulationError(str(row["reason"]), f"{row['detail']} (pulses from {start})")
    return [float(value) for value in frame["energy_j"]]
