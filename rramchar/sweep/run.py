"""Run a plan into a run directory: only what is missing, safe against any interruption."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, Self

import tomli_w

from rramchar.errors import StoreError
from rramchar.provenance import provenance
from rramchar.spice.library import find_library
from rramchar.sweep.guard import ModelGuard
from rramchar.sweep.layout import Group, groups
from rramchar.sweep.plan import Plan
from rramchar.sweep.pool import WorkerPool, check_workers
from rramchar.sweep.store import PLAN_FILE, Store, run_lock
from rramchar.sweep.worker import Chunk, ChunkResult, Job

LOG_FILE = "log.txt"
_SMALLEST_CHUNK, _LARGEST_CHUNK = 8, 64
_CHUNKS_AT_THE_END = 32

Progress = Callable[[int, int, int], None]


class Executor(Protocol):
    """Where chunks are simulated; entered once per run."""

    def __enter__(self) -> Self:
        """Start the workers."""

    def __exit__(self, *_: object) -> None:
        """Stop them."""

    def run(self, chunks: Iterable[Chunk]) -> Iterator[ChunkResult]:
        """Simulate chunks, taken lazily; yield every point's row exactly once, in any order."""


@dataclass
class RunSummary:
    """What a run did.

    Parameters
    ----------
    run : Path
        The run directory.
    points, reused, simulated : int
        Points of the plan; those found finished; those simulated now.
    ok, failed : int
        Points of the plan with and without a result.
    reasons : Counter
        Reason of failure to number of points.
    seconds : float
        Wall-clock time. [s]
    ngspice_version : int
        Major version that simulated; 0 if nothing was simulated and none is recorded.
    notes : list of str
        What the user should know, such as a model library that changed.
    """

    run: Path
    points: int
    reused: int = 0
    simulated: int = 0
    ok: int = 0
    failed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    ngspice_version: int = 0
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as JSON-serializable data."""
        return {
            "run": str(self.run),
            "points": self.points,
            "ok": self.ok,
            "failed": self.failed,
            "reasons": dict(self.reasons),
            "reused": self.reused,
            "simulated": self.simulated,
            "seconds": round(self.seconds, 3),
            "ngspice_version": self.ngspice_version,
            "notes": self.notes,
        }


def run_plan(
    plan: Plan,
    folder: str | Path,
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    retry_failed: bool = False,
    progress: Progress | None = None,
) -> RunSummary:
    """Simulate every point of a plan that the run directory does not hold yet.

    Parameters
    ----------
    plan : Plan
        The plan.
    folder : str or Path
        Run directory; created if missing, resumed if it holds a run.
    workers : int, optional
        Number of processes; by default the cores that this process may use.
    executor : Executor, optional
        Where the chunks are simulated; by default a `WorkerPool` of `workers` local processes.
    retry_failed : bool
        Simulate points again that failed before.
    progress : callable, optional
        Called with the numbers of points done, planned and failed.

    Returns
    -------
    RunSummary
        Counts, failures by reason, notes.

    Raises
    ------
    InputError
        If `workers` is not positive.
    MissingToolError
        If ngspice's library is not installed.
    StoreError
        If the directory cannot be written, is in use, is damaged or holds something else, or if
        the model files change during the run.
    """
    check_workers(workers)
    find_library()  # before anything is written
    guard = ModelGuard(plan.technology, plan.technology_name)
    folder = prepare_folder(Path(folder))
    start = time.perf_counter()
    with run_lock(folder), Store(folder, plan.testbench.result_fields) as store:
        summary = RunSummary(run=folder, points=len(plan))
        _record_plan(plan, folder, store, summary)
        stored = store.reasons()
        if retry_failed:
            stored = {key: reason for key, reason in stored.items() if reason is None}
        report = progress or (lambda done, total, failed: None)
        chunks = _missing_chunks(plan, stored, summary, report)
        with executor or WorkerPool(workers) as pool:
            for result in pool.run(chunks):
                guard.check()
                store.add(result.rows)
                _count(summary, result.rows)
                if result.ngspice_version:
                    note_version(store, summary, result.ngspice_version)
                report(summary.ok + summary.failed, summary.points, summary.failed)
        summary.ngspice_version = summary.ngspice_version or store.meta().get("ngspice_version", 0)
        summary.seconds = time.perf_counter() - start
        write_log(folder, f"finished: {summary.as_dict()}")
    return summary


def prepare_folder(folder: Path) -> Path:
    """Make a run directory unless it is there, and see that it can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write-test"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be used as a run directory ({error.strerror}); choose another --out"
        ) from None
    return folder


def _record_plan(plan: Plan, folder: Path, store: Store, summary: RunSummary) -> None:
    meta = store.meta()
    old = meta.get("technology_digest")
    if old and old != plan.technology.digest:
        summary.notes.append(
            f"the model library of {plan.technology.name} changed since this run was started; "
            "every point is simulated anew"
        )
    if meta.get("plan") not in (None, plan.document()):
        summary.notes.append("the plan changed; points that it shares with the old one are kept")
    facts = {"plan": plan.document(), "technology_digest": plan.technology.digest}
    if any(meta.get(key) != value for key, value in facts.items()):
        store.set_meta({**facts, "provenance": provenance()})
    write_plan(folder, plan.document())
    write_log(folder, f"started: {summary.points} points of testbench {plan.testbench.name}")
    for note in summary.notes:
        write_log(folder, note)


def _missing_chunks(
    plan: Plan, stored: dict[bytes, str | None], summary: RunSummary, report: Progress
) -> Iterator[Chunk]:
    """Lay out the plan, pass over what is stored, and pack the rest into chunks."""
    left = len(plan)
    for group in groups(plan):
        chunk: Chunk | None = None
        jobs: list[Job] = []
        for point in group.points:
            left -= 1
            if point.key in stored:
                summary.reused += 1
                _count_point(summary, stored[point.key])
                continue
            chunk = chunk or _chunk_of(plan, group, point.record)
            jobs.append((point.key, point.record, point.sample))
            if len(jobs) >= _points_per_chunk(left):
                yield replace(chunk, jobs=tuple(jobs))
                jobs = []
        if chunk is not None and jobs:
            yield replace(chunk, jobs=tuple(jobs))
        report(summary.ok + summary.failed, summary.points, summary.failed)


def _chunk_of(plan: Plan, group: Group, record: Any) -> Chunk:
    """Return a chunk of a group without jobs; the record gives the circuit its first values."""
    deck = plan.testbench.deck(
        plan.technology,
        group.condition,
        plan.parameters,
        record,
        mismatch=plan.variation is not None,
    )
    return Chunk(
        testbench=plan.testbench.name,
        deck=deck,
        accuracy=plan.accuracy,
        condition=group.condition,
        parameters=plan.parameters,
        point_timeout_s=plan.point_timeout_s,
        jobs=(),
        variation=plan.variation,
        refine=True,
    )


def _points_per_chunk(left: int) -> int:
    """Return the size of the next chunk: small near the end, so that all workers end together."""
    return min(max(left // _CHUNKS_AT_THE_END, _SMALLEST_CHUNK), _LARGEST_CHUNK)


def _count(summary: RunSummary, rows: list[tuple[bytes, dict[str, Any]]]) -> None:
    for _, row in rows:
        summary.simulated += 1
        _count_point(summary, row.get("reason"))


def _count_point(summary: RunSummary, reason: str | None) -> None:
    if reason is None:
        summary.ok += 1
    else:
        summary.failed += 1
        summary.reasons[reason] += 1


def note_version(store: Store, summary: RunSummary, version: int) -> None:
    """Record the ngspice that simulated, and note if an earlier run used another."""
    if summary.ngspice_version == version:
        return
    old = store.meta().get("ngspice_version")
    if old and old != version:
        summary.notes.append(f"points of ngspice {old} and ngspice {version} stand side by side")
    summary.ngspice_version = version
    store.set_meta({"ngspice_version": version})


def write_log(folder: Path, text: str) -> None:
    """Append a line to a run's log.

    Raises
    ------
    StoreError
        If it cannot be written, as on a full disk.
    """
    stamp = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        with (folder / LOG_FILE).open("a", encoding="utf-8") as stream:
            stream.write(f"{stamp} {text}\n")
    except OSError as error:
        raise _unwritable(folder / LOG_FILE, error) from None


def write_plan(folder: Path, document: dict[str, Any]) -> None:
    """Write the resolved plan into a run directory, whole or not at all.

    Raises
    ------
    StoreError
        If it cannot be written, as on a full disk.
    """
    text = "# As resolved by rramchar; the results lie beside it.\n" + tomli_w.dumps(document)
    temporary = folder / f"{PLAN_FILE}.new"
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(folder / PLAN_FILE)
    except OSError as error:
        raise _unwritable(folder / PLAN_FILE, error) from None


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path}: cannot be written: {error.strerror}; what was finished is kept; mend that and "
        "run the same command again"
    )
