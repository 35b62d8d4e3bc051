"""What runs inside a worker process: one warm ngspice session, one chunk of points at a time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from rramchar.errors import SimulationError
from rramchar.spice.deck import Deck
from rramchar.spice.session import Session, process_session, simulate
from rramchar.technology import Condition
from rramchar.testbench import TESTBENCHES
from rramchar.testbench.variation import Variation

Job = tuple[bytes, Any, int | None]

# Exit code of a worker that asks to be replaced before it has touched its chunk.
REPLACE_EXIT = 77


@dataclass(frozen=True)
class Chunk:
    """Points that share a parsed circuit, as plain data for a worker.

    Parameters
    ----------
    testbench : str
        Name of the testbench.
    deck : Deck
        The shared circuit.
    accuracy : str
        Ladder of solver options.
    condition : Condition
        Corner, temperature, supply.
    parameters : record
        Of the testbench.
    point_timeout_s : float
        Longest time that one point may take. [s]
    jobs : tuple of (bytes, record, int or None)
        Point key, the testbench's record of the point, and its Monte Carlo sample.
    variation : Variation or None
        How the samples vary.
    refine : bool
        Simulate delicate points again with a finer solver.
    shifts : mapping of bytes to mapping
        Further alterations by point key. The circuit stays altered for the points that follow.
    """

    testbench: str
    deck: Deck
    accuracy: str
    condition: Condition
    parameters: Any
    point_timeout_s: float
    jobs: tuple[Job, ...]
    variation: Variation | None = None
    refine: bool = False
    shifts: Mapping[bytes, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class ChunkResult:
    """Rows of a chunk, the ngspice that made them, and the jobs that another worker must do."""

    rows: list[tuple[bytes, dict[str, Any]]]
    ngspice_version: int
    left: tuple[Job, ...] = ()


def start_worker() -> None:
    """Prepare a fresh worker process: an interrupt is for the parent to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Inside ngspice no Python handler runs; the default action ends the process, which is what a
    # hung point needs. The parent sees the signal as exit code and knows what it means.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def run_chunk(chunk: Chunk) -> ChunkResult:
    """Simulate the points of a chunk one after the other.

    Parameters
    ----------
    chunk : Chunk
        What to simulate.

    Returns
    -------
    ChunkResult
        One row per point: ``status`` ``ok`` with results, or ``failed`` with ``reason`` and
        ngspice's last words as ``detail``. A point that outlasts its time ends the process with
        ``SIGALRM``. A worker whose session is suspect does nothing more: it hands back what is
        left of its chunk, and ends with `REPLACE_EXIT` when it is given another.
    """
    session = process_session()
    if session.suspect:
        os._exit(REPLACE_EXIT)
    rows: list[tuple[bytes, dict[str, Any]]] = []
    for key, record, sample in chunk.jobs:
        if session.suspect:
            break
        session.mark()
        signal.setitimer(signal.ITIMER_REAL, chunk.point_timeout_s)
        rows.append((key, _run_point(session, chunk, key, record, sample)))
    signal.setitimer(signal.ITIMER_REAL, 0)
    return ChunkResult(rows, session.version, left=chunk.jobs[len(rows) :])


def failure(reason: str, detail: str, seconds: float | None = None) -> dict[str, Any]:
    """Return the row of a point that gave no result."""
    return {"status": "failed", "reason": reason, "detail": detail, "seconds": seconds}


def _run_point(
    session: Session, chunk: Chunk, key: bytes, record: Any, sample: int | None
) -> dict[str, Any]:
    testbench = TESTBENCHES[chunk.testbench]
    start = time.perf_counter()
    alterations = testbench.alterations(chunk.condition, chunk.parameters, record)
    if chunk.variation is not None and sample is not None:
        alterations |= chunk.variation.alterations(sample)
    alterations |= chunk.shifts.get(key, {})
    try:
        waves, solver = simulate(session, chunk.deck, alterations, chunk.accuracy)
    except SimulationError as error:
        return failure(error.reason, error.detail, time.perf_counter() - start)
    result = testbench.result(waves, chunk.condition, chunk.parameters)
    if chunk.refine and testbench.is_delicate(result, chunk.condition):
        # Without convergence the first result stands.
        with suppress(SimulationError):
            waves, solver = simulate(session, chunk.deck, alterations, "fine")
            result = testbench.result(waves, chunk.condition, chunk.parameters)
    return {"status": "ok", "solver": solver, "seconds": time.perf_counter() - start, **result}
