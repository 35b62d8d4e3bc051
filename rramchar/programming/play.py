"""Play a sequence of pulses on one cell: the states of its devices live here, between pulses.

Every pulse is one transient analysis that starts from the states that the previous one left, moved
by the cycle-to-cycle noise of the device model. After it the cell is read at a small voltage; what
that read does to the states is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rramchar.devices import DeviceModel
from rramchar.spice.deck import Deck
from rramchar.spice.session import Session, simulate
from rramchar.testbench.program import (
    BranchResult,
    WriteCell,
    program_alterations,
    program_result,
)
from rramchar.testbench.pulses import Pulse, Step

LADDER_OF = {"sweep": "write", "report": "write-report"}

Row = dict[str, Any]
Shape = tuple[float, float]


@dataclass(frozen=True)
class SequenceJob:
    """A sequence of pulses on one cell under one condition, as plain data for a worker.

    Parameters
    ----------
    cell : WriteCell
        The cell.
    model : DeviceModel
        Its devices.
    steps : tuple of Step
        The sequence.
    cycles : int
        How often it is repeated.
    states : mapping of str to float
        State of each device before the first pulse, in the model's unit.
    entropy : tuple of int
        Seeds the cycle-to-cycle noise.
    decks : mapping of (float, float) to Deck
        Deck for every width and edge that the steps use. [s]
    accuracy : str
        ``sweep`` or ``report``.
    """

    cell: WriteCell
    model: DeviceModel
    steps: tuple[Step, ...]
    cycles: int
    states: Mapping[str, float]
    entropy: tuple[int, ...]
    decks: Mapping[Shape, Deck]
    accuracy: str = "sweep"


class Cell:
    """One cell in a simulator session, with the states of its devices.

    Parameters
    ----------
    session : Session
        This process's session.
    job : SequenceJob
        Cell, devices, decks and seed.
    before_run : callable
        Called before every analysis, to start its clock.
    """

    def __init__(
        self, session: Session, job: SequenceJob, before_run: Callable[[], None] | None = None
    ) -> None:
        self._session = session
        self._job = job
        self._before_run = before_run or (lambda: None)
        self._states = dict(job.states)
        self._noise = np.random.default_rng(np.random.SeedSequence(job.entropy))

    def apply(self, pulse: Pulse) -> dict[str, BranchResult]:
        """Give a pulse, move the states, add the noise; return what it did to each device."""
        results = self._run(pulse)
        self._states = {name: result.state for name, result in results.items()}
        if pulse.operation != "read":
            for name in self._job.cell.selected(pulse):
                normal = float(self._noise.standard_normal())
                self._states[name] = self._job.model.perturbed(self._states[name], normal)
        return results

    def resistances_ohm(self, pulse: Pulse) -> dict[str, float]:
        """Read all devices with the deck of a pulse, leaving their states as they are. [ohm]"""
        read = self._job.cell.read_pulse(pulse.width_s, pulse.edge_s)
        return {name: result.resistance_ohm for name, result in self._run(read).items()}

    def _run(self, pulse: Pulse) -> dict[str, BranchResult]:
        job = self._job
        self._before_run()
        alterations = program_alterations(job.cell, job.model, pulse, self._states)
        deck = job.decks[pulse.width_s, pulse.edge_s]
        waves, _ = simulate(self._session, deck, alterations, LADDER_OF[job.accuracy])
        return program_result(waves, job.cell, job.model, pulse)


def play(
    session: Session, job: SequenceJob, before_run: Callable[[], None] | None = None
) -> Iterator[Row]:
    """Simulate a sequence pulse by pulse.

    Parameters
    ----------
    session : Session
        This process's session.
    job : SequenceJob
        What to simulate.
    before_run : callable, optional
        Called before every analysis.

    Yields
    ------
    dict
        One row per pulse and programmed device; see `rramchar.programming.frame` for the columns.

    Raises
    ------
    SimulationError
        If ngspice could not solve a pulse; the rows before it have been yielded.
    """
    cell = Cell(session, job, before_run)
    known = cell.resistances_ohm(job.steps[0].pulse)
    count = 0
    for cycle in range(1, job.cycles + 1):
        for number, step in enumerate(job.steps, 1):
            for index in range(step.repeat):
                pulse = _unfinished(job.cell, step, step.at(index), known)
                if pulse is None:
                    break
                count += 1
                results = cell.apply(pulse)
                before, known = known, cell.resistances_ohm(pulse)
                for device in job.cell.selected(pulse):
                    yield {
                        "cycle": cycle,
                        "step": number,
                        "pulse": count,
                        "operation": pulse.operation,
                        "device": device,
                        "bl_v": pulse.bl_v,
                        "sl_v": pulse.sl_v,
                        "wl_v": pulse.wl_v,
                        "width_s": pulse.width_s,
                        "r_before_ohm": _finite(before[device]),
                        "r_after_ohm": _finite(known[device]),
                        "energy_j": results[device].energy_j,
                        "peak_current_a": results[device].peak_current_a,
                        "end_current_a": results[device].end_current_a,
                        "reached": step.reached(known[device]) if step.verifies else None,
                    }


def _unfinished(
    cell: WriteCell, step: Step, pulse: Pulse, known: Mapping[str, float]
) -> Pulse | None:
    """Return the pulse for the devices that have not reached the step's target, if there are."""
    if not step.verifies:
        return pulse
    left = [name for name in cell.selected(pulse) if not step.reached(known[name])]
    if not left:
        return None
    device = pulse.device if len(left) == len(cell.selected(pulse)) else left[0]
    return Pulse(
        pulse.operation, pulse.bl_v, pulse.sl_v, pulse.wl_v, pulse.width_s, pulse.edge_s, device
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
