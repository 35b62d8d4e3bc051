"""Run chunks on a pool of local processes that survives killed and hung workers."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace

from pebble import ProcessExpired, ProcessPool

from rramchar.sweep.worker import Chunk, ChunkResult, failure, run_chunk, start_worker

# Chunks waiting at the workers: enough to keep them busy, few enough to lose little.
_AHEAD_PER_WORKER = 3
# A worker is replaced after so many chunks, so that a leak in the simulator stays bounded.
_CHUNKS_PER_WORKER = 500


def default_workers() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class _Task:
    chunk: Chunk
    future: Future[ChunkResult]


def run_chunks(chunks: Iterable[Chunk], *, workers: int) -> Iterator[ChunkResult]:
    """Simulate chunks in parallel; yield their results as they come, in no fixed order.

    A chunk whose worker died or hung is run again point by point, so that one bad point costs one
    point: it becomes a row with reason ``crash`` or ``timeout``.

    Parameters
    ----------
    chunks : iterable of Chunk
        Taken lazily.
    workers : int
        Number of processes.

    Yields
    ------
    ChunkResult
        Rows for every point of every chunk, each exactly once.

    Raises
    ------
    rramchar.errors.MissingToolError
        If ngspice's library is not installed.
    """
    done: queue.SimpleQueue[_Task] = queue.SimpleQueue()
    source = iter(chunks)
    version = 0
    pool = ProcessPool(
        max_workers=workers,
        max_tasks=_CHUNKS_PER_WORKER,
        initializer=start_worker,
        context=multiprocessing.get_context("spawn"),
    )

    def submit(chunk: Chunk) -> None:
        future = pool.schedule(run_chunk, args=[chunk])
        future.add_done_callback(lambda finished: done.put(_Task(chunk, finished)))

    running = 0
    try:
        while True:
            while running < workers * _AHEAD_PER_WORKER:
                chunk = next(source, None)
                if chunk is None:
                    break
                submit(chunk)
                running += 1
            if running == 0:
                break
            task = done.get()
            running -= 1
            result, again = _collect(task)
            for chunk in again:
                submit(chunk)
                running += 1
            if result is not None:
                version = result.ngspice_version or version
                yield replace(result, ngspice_version=version)
        pool.close()
        pool.join()
    finally:
        pool.stop()
        pool.join(timeout=2)


def _collect(task: _Task) -> tuple[ChunkResult | None, list[Chunk]]:
    """Return a task's result, or the single-point chunks that replace it."""
    chunk = task.chunk
    try:
        return task.future.result(), []
    except ProcessExpired as error:
        if len(chunk.jobs) > 1:
            return None, [replace(chunk, jobs=(job,)) for job in chunk.jobs]
        if error.exitcode == -signal.SIGALRM:
            row = failure("timeout", f"no result within {chunk.point_timeout_s:g} s")
        else:
            row = failure("crash", f"the worker process died (exit code {error.exitcode})")
    return ChunkResult([(chunk.jobs[0][0], row)], 0), []
