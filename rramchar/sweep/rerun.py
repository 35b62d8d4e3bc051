"""Points of a run simulated again, to see their waveforms: the same numbers, now kept."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError, SimulationError
from rramchar.provenance import provenance
from rramchar.spice.deck import Deck, Solver
from rramchar.spice.session import process_session, simulate
from rramchar.sweep.layout import Point
from rramchar.sweep.lookup import (
    StoredResults,
    alterations_of,
    described,
    open_run_to_simulate,
    point_at,
    solver_of,
)
from rramchar.sweep.plan import Plan
from rramchar.sweep.pool import WorkerPool
from rramchar.sweep.rawfile import write_raw
from rramchar.sweep.worker import REPLACE_EXIT, ChunkResult, failure
from rramchar.technology import Condition
from rramchar.testbench import TESTBENCHES

WAVEFORM_FOLDER = "waveforms"


@dataclass(frozen=True)
class Rerun:
    """One point of a run, simulated again.

    Parameters
    ----------
    point : int
        Its number.
    condition : Condition
        Corner, temperature, supply.
    values : dict
        Its axis values, and the sample where there are several.
    parameters : record
        Of the testbench.
    row : dict
        ``status`` and results, or ``reason`` and ``detail``, as they came out now.
    waves : dict of str to array, shape (time,)
        ``time`` [s] and what the run measures from, such as ``v(q)`` [V]; empty for a failed point.
    differs : tuple of str, or None
        Columns whose stored value is not exactly the one that came out now; None if the point was
        not stored.
    """

    point: int
    condition: Condition
    values: dict[str, Any]
    parameters: Any
    row: dict[str, Any]
    waves: dict[str, NDArray[np.float64]]
    differs: tuple[str, ...] | None


@dataclass(frozen=True)
class KeptChunk:
    """One point for a worker, whose waveforms are wanted.

    Parameters
    ----------
    testbench : str
        Name of the testbench.
    deck : Deck
        The circuit.
    accuracy : str
        Ladder of solver options, climbed if `solver` is None.
    solver : Solver or None
        The options that solved the point in the run.
    condition : Condition
        Corner, temperature, supply.
    parameters : record
        Of the testbench.
    point_timeout_s : float
        Longest time that the point may take. [s]
    jobs : tuple of one (bytes, dict)
        Point key, and what to alter.
    """

    testbench: str
    deck: Deck
    accuracy: str
    solver: Solver | None
    condition: Condition
    parameters: Any
    point_timeout_s: float
    jobs: tuple[tuple[bytes, dict[str, float]], ...]


def waveforms(folder: str | Path, point: int) -> dict[str, NDArray[np.float64]]:
    """Return the waveforms of one point of a run, by simulating it again.

    Parameters
    ----------
    folder : str or Path
        Run directory.
    point : int
        Number in the column ``point``.

    Returns
    -------
    dict of str to array, shape (time,)
        ``time`` [s] and what the run measures from, such as ``v(q)`` [V] and ``i(vdd)`` [A].

    Raises
    ------
    SimulationError
        If the point fails, with reason and ngspice's last words.
    StoreError
        If the directory holds no run, or the technology's files have changed since.
    InputError
        If the plan has no such point, or the technology's files are not there.
    """
    (again,) = rerun(folder, [point])
    if not again.waves:
        raise SimulationError(again.row["reason"], again.row["detail"])
    return again.waves


def rerun(folder: str | Path, points: Sequence[int], *, workers: int | None = 1) -> Iterator[Rerun]:
    """Simulate points of a run again, in worker processes, and compare with what is stored.

    Parameters
    ----------
    folder : str or Path
        Run directory; nothing in it is changed.
    points : sequence of int
        Numbers in the column ``point``.
    workers : int, optional
        Number of processes; None for as many as there are cores.

    Yields
    ------
    Rerun
        One per point, as they come.

    Raises
    ------
    StoreError, InputError
        As `waveforms` does.
    """
    folder = Path(folder)
    plan = open_run_to_simulate(folder)
    numbers = list(dict.fromkeys(points))
    with StoredResults(folder, plan) as store:
        found = {
            point.key: (condition, point, store.row(point.key))
            for condition, point in (point_at(plan, number) for number in numbers)
        }
    with WorkerPool(workers, work=run_kept) as pool:
        chunks = (_chunk(plan, *parts) for parts in found.values())
        for result in pool.run(chunks):  # type: ignore[arg-type]
            for key, row in result.rows:
                condition, point, stored = found[key]
                waves = row.pop("waves", {})
                yield Rerun(
                    point=point.index,
                    condition=condition,
                    values=described(point),
                    parameters=plan.parameters,
                    row=row,
                    waves=waves,
                    differs=_differences(plan, row, stored),
                )


def write_waveforms(folder: str | Path, again: Rerun, output: str | Path | None = None) -> Path:
    """Write the waveforms of a point as a raw file.

    Parameters
    ----------
    folder : str or Path
        The run directory.
    again : Rerun
        A point with waveforms.
    output : str or Path, optional
        Folder to write into; ``waveforms`` in the run directory by default. Made if missing.

    Returns
    -------
    Path
        ``point-000123.raw`` in that folder.

    Raises
    ------
    InputError
        If it cannot be written, or the point failed.
    """
    if not again.waves:
        raise InputError(
            f"point {again.point}: failed ({again.row['reason']}); it has no waveforms"
        )
    place = Path(output) if output else Path(folder) / WAVEFORM_FOLDER
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{place}: cannot be made: {error.strerror}") from None
    path = place / f"point-{again.point:06d}.raw"
    values = ", ".join(f"{name}={value}" for name, value in again.values.items())
    title = f"{Path(folder).resolve().name} point {again.point}: {values}"
    write_raw(path, again.waves, title=title, date=provenance()["created"])
    return path


def run_kept(chunk: KeptChunk) -> ChunkResult:
    """Simulate the one point of a chunk in a worker process, and hand its waveforms back.

    Parameters
    ----------
    chunk : KeptChunk
        What to simulate.

    Returns
    -------
    ChunkResult
        A row as a run has it, with ``waves`` if the point was solved.
    """
    session = process_session()
    if session.suspect:
        os._exit(REPLACE_EXIT)
    ((key, alterations),) = chunk.jobs
    row: dict[str, Any]
    signal.setitimer(signal.ITIMER_REAL, chunk.point_timeout_s)
    try:
        if chunk.solver is None:
            waves, solver = simulate(session, chunk.deck, alterations, chunk.accuracy)
        else:  # a run may have had reasons of its own to choose it
            session.load(chunk.deck, chunk.solver)
            session.alter(alterations)
            waves, solver = session.run(chunk.deck, chunk.deck.save), chunk.solver.name
        result = TESTBENCHES[chunk.testbench].result(waves, chunk.condition, chunk.parameters)
        row = {"status": "ok", "solver": solver, **result, "waves": waves}
    except SimulationError as error:
        session.unload()
        row = failure(error.reason, error.detail)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return ChunkResult([(key, row)], session.version)


def _chunk(
    plan: Plan, condition: Condition, point: Point, stored: dict[str, Any] | None
) -> KeptChunk:
    deck = plan.testbench.deck(
        plan.technology,
        condition,
        plan.parameters,
        point.record,
        mismatch=plan.variation is not None,
    )
    return KeptChunk(
        testbench=plan.testbench.name,
        deck=deck,
        accuracy=plan.accuracy,
        solver=solver_of(plan, stored),
        condition=condition,
        parameters=plan.parameters,
        point_timeout_s=plan.point_timeout_s,
        jobs=((point.key, alterations_of(plan, condition, point)),),
    )


def _differences(
    plan: Plan, row: dict[str, Any], stored: dict[str, Any] | None
) -> tuple[str, ...] | None:
    if stored is None:
        return None
    names = ("status", "reason", "solver", *plan.testbench.result_fields)
    return tuple(name for name in names if not _same(row.get(name), stored[name]))


def _same(value: Any, stored: Any) -> bool:
    if isinstance(value, float) and np.isnan(value):
        return stored is None
    return bool(value == stored)
