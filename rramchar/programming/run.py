"""Run a programming plan into a run directory: only what is missing, safe against interruption."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from rramchar.errors import SimulationError
from rramchar.programming.frame import PULSES_FILE, pulse_frame, write_pulses
from rramchar.programming.plan import ProgramPlan, SequencePoint
from rramchar.programming.play import SequenceJob, Shape, play
from rramchar.provenance import provenance
from rramchar.spice.deck import Deck
from rramchar.spice.library import find_library
from rramchar.spice.session import process_session
from rramchar.sweep.pool import WorkerPool, check_workers
from rramchar.sweep.run import (
    PLAN_FILE,
    Progress,
    RunSummary,
    note_version,
    prepare_folder,
    write_log,
)
from rramchar.sweep.store import Store, run_lock
from rramchar.sweep.worker import REPLACE_EXIT, ChunkResult, failure
from rramchar.technology import Condition
from rramchar.testbench.program import build_program

RESULT_FIELDS = {"pulses": "TEXT"}  # JSON: one object per pulse and programmed device


@dataclass(frozen=True)
class SequenceChunk:
    """Sequences for a worker.

    Parameters
    ----------
    jobs : tuple of (bytes, SequenceJob)
        Key and content of each sequence.
    point_timeout_s : float
        Longest time that one pulse may take. [s]
    """

    jobs: tuple[tuple[bytes, SequenceJob], ...]
    point_timeout_s: float


def run_sequences(chunk: SequenceChunk) -> ChunkResult:
    """Simulate the sequences of a chunk, inside a worker process.

    Parameters
    ----------
    chunk : SequenceChunk
        What to simulate.

    Returns
    -------
    ChunkResult
        One row per sequence. One that failed keeps the pulses before the failure. A pulse that
        outlasts its time ends the process with ``SIGALRM``.
    """
    session = process_session()
    if session.suspect:
        os._exit(REPLACE_EXIT)

    def start_clock() -> None:
        signal.setitimer(signal.ITIMER_REAL, chunk.point_timeout_s)

    rows: list[tuple[bytes, dict[str, Any]]] = []
    for key, job in chunk.jobs:
        if session.suspect:
            break
        start = time.perf_counter()
        pulses: list[dict[str, Any]] = []
        row: dict[str, Any] = {"status": "ok"}
        try:
            for pulse in play(session, job, start_clock):
                pulses.append(pulse)
        except SimulationError as error:
            row = failure(error.reason, f"pulse {len(pulses) + 1}: {error.detail}")
        seconds = time.perf_counter() - start
        rows.append((key, {**row, "seconds": seconds, "pulses": json.dumps(pulses)}))
    signal.setitimer(signal.ITIMER_REAL, 0)
    return ChunkResult(rows, session.version, left=chunk.jobs[len(rows) :])  # type: ignore[arg-type]


def run_program(
    plan: ProgramPlan,
    folder: str | Path,
    *,
    workers: int | None = None,
    retry_failed: bool = False,
    progress: Progress | None = None,
) -> RunSummary:
    """Simulate every sequence of a plan that the run directory does not hold yet.

    Parameters
    ----------
    plan : ProgramPlan
        The plan.
    folder : str or Path
        Run directory; created if missing, resumed if it holds a run. ``pulses.csv`` in it holds the
        results.
    workers : int, optional
        Number of processes; by default the cores that this process may use.
    retry_failed : bool
        Simulate sequences again that failed before.
    progress : callable, optional
        Called with the numbers of sequences done, planned and failed.

    Returns
    -------
    RunSummary
        Its points are sequences.

    Raises
    ------
    InputError
        If `workers` is not positive.
    MissingToolError
        If ngspice's library is not installed.
    StoreError
        If the directory cannot be written, is in use, or holds something else.
    """
    check_workers(workers)
    find_library()  # before anything is written
    folder = prepare_folder(Path(folder))
    start = time.perf_counter()
    report = progress or (lambda done, total, failed: None)
    with run_lock(folder), Store(folder, RESULT_FIELDS) as store:
        summary = RunSummary(run=folder, points=len(plan))
        facts = _record_plan(plan, folder, store, summary)
        planned = {point.key for point in plan.points()}
        done = store.keys(status="ok") & planned
        failed = set() if retry_failed else store.keys(status="failed") & planned
        summary.reused = len(done) + len(failed)
        summary.ok, summary.failed = len(done), len(failed)
        report(summary.reused, summary.points, summary.failed)
        with WorkerPool(workers, run_sequences) as pool:
            for result in pool.run(_chunks(plan, done | failed)):  # type: ignore[arg-type]
                store.add(result.rows)
                for _, row in result.rows:
                    summary.simulated += 1
                    summary.ok += row["status"] == "ok"
                    summary.failed += row["status"] != "ok"
                if result.ngspice_version:
                    note_version(store, summary, result.ngspice_version)
                report(summary.ok + summary.failed, summary.points, summary.failed)
        stored = {key: row for key, row in store.rows() if key in planned}
        for row in stored.values():
            if row["status"] == "failed":
                summary.reasons[row["reason"]] += 1
        version = store.meta().get("ngspice_version", 0)
        summary.ngspice_version = summary.ngspice_version or version
        write_pulses(
            pulse_frame(plan, stored), folder / PULSES_FILE, {**facts, "ngspice_version": version}
        )
        summary.seconds = time.perf_counter() - start
        write_log(folder, f"finished: {summary.as_dict()}")
    return summary


def _record_plan(
    plan: ProgramPlan, folder: Path, store: Store, summary: RunSummary
) -> dict[str, Any]:
    """Write the resolved plan beside the results; return the facts for the table's header."""
    document = plan.document()
    old = store.meta().get("plan")
    if old not in (None, document):
        summary.notes.append("the plan changed; sequences that it shares with the old one are kept")
    facts = {"plan": document, "provenance": provenance()}
    store.set_meta({**facts, "technology_digest": plan.technology.digest})
    temporary = folder / f"{PLAN_FILE}.new"
    text = "# As resolved by rramchar; the results lie beside it.\n" + tomli_w.dumps(document)
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(folder / PLAN_FILE)
    write_log(folder, f"started: {summary.points} programming sequences")
    for note in summary.notes:
        write_log(folder, note)
    return facts


def _chunks(plan: ProgramPlan, stored: set[bytes]) -> Iterator[SequenceChunk]:
    decks: dict[tuple[Condition, Shape], Deck] = {}
    states = plan.states()
    for point in plan.points():
        if point.key not in stored:
            job = SequenceJob(
                cell=plan.cell,
                model=plan.model,
                steps=point.steps,
                cycles=plan.cycles,
                states=states,
                entropy=point.entropy,
                decks=_decks_of(plan, point, decks),
                accuracy=plan.accuracy,
            )
            yield SequenceChunk(((point.key, job),), plan.pulse_timeout_s)


def _decks_of(
    plan: ProgramPlan, point: SequencePoint, decks: dict[tuple[Condition, Shape], Deck]
) -> dict[Shape, Deck]:
    shapes = {(step.pulse.width_s, step.pulse.edge_s) for step in point.steps}
    for shape in shapes:
        if (point.condition, shape) not in decks:
            decks[point.condition, shape] = build_program(
                plan.technology, point.condition, plan.cell, plan.model,
                width_s=shape[0], edge_s=shape[1],
            )  # fmt: skip
    return {shape: decks[point.condition, shape] for shape in shapes}
