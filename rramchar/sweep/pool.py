"""Run chunks on a pool of local processes that survives killed and hung workers."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import queue
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import Any, Self

from pebble import ProcessExpired, ProcessPool

from rramchar.errors import InputError, WorkersDiedError
from rramchar.sweep.worker import (
    REPLACE_EXIT,
    Chunk,
    ChunkResult,
    failure,
    run_chunk,
    start_worker,
)

# Chunks waiting at the workers: enough to keep them busy, few enough to lose little.
_AHEAD_PER_WORKER = 3
# A worker is replaced after so many chunks, so that a leak in the simulator stays bounded.
_CHUNKS_PER_WORKER = 500
_BREAKS_IN_A_ROW = 5


def default_workers() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_workers(workers: int | None) -> None:
    """Refuse a number of worker processes that is not positive."""
    if workers is not None and workers < 1:
        raise InputError(f"workers: {workers}, expected at least 1")


class WorkerPool:
    """Worker processes that stay warm over several batches of chunks; use it in a ``with`` block.

    Parameters
    ----------
    workers : int, optional
        Number of processes; by default the cores that this process may use.
    work : callable
        What a worker does with a chunk: a module's function from a chunk to a `ChunkResult`. A
        chunk is a frozen dataclass with at least ``jobs`` (each begins with its key) and
        ``point_timeout_s``.

    Raises
    ------
    InputError
        If `workers` is not positive.
    """

    def __init__(
        self, workers: int | None = None, work: Callable[[Any], ChunkResult] = run_chunk
    ) -> None:
        check_workers(workers)
        self.workers = workers or default_workers()
        self._work = work
        self._crew: _Crew | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def run(self, chunks: Iterable[Chunk]) -> Iterator[ChunkResult]:
        """Simulate chunks in parallel; yield their results as they come, in no fixed order.

        A chunk whose worker died or hung is run again point by point, so that one bad point costs
        one point: it becomes a row with reason ``crash`` or ``timeout``.

        Parameters
        ----------
        chunks : iterable of Chunk
            Taken lazily.

        Yields
        ------
        ChunkResult
            Rows for every point of every chunk, each exactly once.

        Raises
        ------
        MissingToolError
            If ngspice's library is not installed.
        WorkersDiedError
            If the workers die as soon as they start, again and again.
        """
        waiting: Iterator[Chunk] = iter(chunks)
        breaks = 0
        while True:
            self._crew = self._crew or _Crew(self.workers, self._work)
            try:
                for result in self._crew.work(waiting):
                    breaks = 0
                    yield result
                return
            except BrokenProcessPool:
                # A worker died before it had taken a chunk; pebble then gives up the whole pool.
                breaks += 1
                if breaks >= _BREAKS_IN_A_ROW:
                    raise WorkersDiedError(
                        f"the worker processes died {breaks} times in a row as they started; is "
                        "there enough memory? A script of your own needs "
                        "`if __name__ == '__main__':` around what it runs"
                    ) from None
                waiting = itertools.chain(self._crew.unfinished(), waiting)
                self._stop()

    def _stop(self) -> None:
        if self._crew is not None:
            self._crew.stop()
            self._crew = None


class _Crew:
    """One pool of worker processes, and the chunks that it has not finished."""

    def __init__(self, workers: int, work: Callable[[Any], ChunkResult]) -> None:
        self._work = work
        self._ahead = workers * _AHEAD_PER_WORKER
        self._running: dict[Future[ChunkResult], Chunk] = {}
        self._again: deque[Chunk] = deque()
        self._done: queue.SimpleQueue[Future[ChunkResult]] = queue.SimpleQueue()
        self._version = 0
        self._pool = ProcessPool(
            max_workers=workers,
            max_tasks=_CHUNKS_PER_WORKER,
            initializer=start_worker,
            context=multiprocessing.get_context("spawn"),
        )

    def work(self, waiting: Iterator[Chunk]) -> Iterator[ChunkResult]:
        """Yield the results of all waiting chunks; raises `BrokenProcessPool`."""
        while True:
            while len(self._running) < self._ahead:
                chunk = self._again.popleft() if self._again else next(waiting, None)
                if chunk is None:
                    break
                self._submit(chunk)
            if not self._running:
                return
            future = self._next_finished()
            result, again = _collect(future, self._running[future])
            del self._running[future]
            self._again.extend(again)
            if result is not None:
                self._version = result.ngspice_version or self._version
                yield replace(result, ngspice_version=self._version)

    def unfinished(self) -> list[Chunk]:
        """Return the chunks whose results were not handed out."""
        return [*self._again, *self._running.values()]

    def stop(self) -> None:
        """End all workers at once."""
        self._pool.stop()
        self._pool.join(timeout=2)

    def _submit(self, chunk: Chunk) -> None:
        try:
            future = self._pool.schedule(self._work, args=[chunk])
        except RuntimeError:  # the pool broke meanwhile; the chunk must not be lost
            self._again.append(chunk)
            raise BrokenProcessPool from None
        self._running[future] = chunk
        future.add_done_callback(self._done.put)

    def _next_finished(self) -> Future[ChunkResult]:
        while True:
            try:
                return self._done.get(timeout=1)
            except queue.Empty:
                if not self._pool.active:
                    raise BrokenProcessPool from None


def _collect(future: Future[ChunkResult], chunk: Chunk) -> tuple[ChunkResult | None, list[Chunk]]:
    """Return a chunk's result, and the chunks that another worker must do in its place."""
    try:
        result = future.result()
        return result, [replace(chunk, jobs=result.left)] if result.left else []
    except ProcessExpired as error:
        if error.exitcode == REPLACE_EXIT:
            return None, [chunk]
        if len(chunk.jobs) > 1:
            return None, [replace(chunk, jobs=(job,)) for job in chunk.jobs]
        if error.exitcode == -signal.SIGALRM:
            row = failure("timeout", f"no result within {chunk.point_timeout_s:g} s")
        else:
            row = failure("crash", f"the worker process died (exit code {error.exitcode})")
    return ChunkResult([(chunk.jobs[0][0], row)], 0), []
