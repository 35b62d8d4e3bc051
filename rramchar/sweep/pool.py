"""Run chunks on local processes that may be killed, hang or crash without a point being lost."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from multiprocessing.connection import wait
from typing import Self

from rramchar.errors import InputError, RramcharError, WorkersDiedError
from rramchar.sweep.process import TAKEN, Work, WorkerProcess
from rramchar.sweep.worker import REPLACE_EXIT, Chunk, ChunkResult, failure, run_chunk

# A worker is replaced after so many chunks, so that a leak in the simulator stays bounded.
_CHUNKS_PER_WORKER = 500
_DEATHS_IN_A_ROW = 10
# Whoever sends these signals does not judge the point; so often it is tried before it is given up.
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_TRIES = 3
# A worker that gives no sign of life so much longer than a point may take is stopped or stuck. [s]
_GRACE_S = 30.0
_SILENT_START_S = 300.0
_LOOK_EVERY_S = 1.0


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

    def __init__(self, workers: int | None = None, work: Work = run_chunk) -> None:
        check_workers(workers)
        self.workers = workers or default_workers()
        self._work = work
        self._crew: list[_Worker] = []
        self._again: deque[Chunk] = deque()
        self._kills: Counter[bytes] = Counter()
        self._deaths = 0
        self._version = 0

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
        source = iter(chunks)
        ahead: deque[Chunk] = deque()
        done = threading.Event()
        threading.Thread(target=self._watch, args=(done,), daemon=True).start()
        try:
            while True:
                self._hand_out(ahead)
                while len(ahead) < self.workers and (chunk := next(source, None)) is not None:
                    ahead.append(chunk)
                    self._hand_out(ahead)
                if not any(worker.chunks for worker in self._crew):
                    return
                for worker in self._wait():
                    yield from self._hear(worker)
        finally:
            done.set()
            if any(worker.chunks for worker in self._crew):
                self._stop()  # the caller wants no more; what comes late must not reach a next run

    def _hand_out(self, ahead: deque[Chunk]) -> None:
        """Give every idle worker a chunk, and a second one as long as there are plenty."""
        while self._again or ahead:
            plenty = len(self._again) + len(ahead) >= self.workers
            free = [worker for worker in self._crew if worker.takes(plenty)]
            if not free and len(self._crew) < self.workers:
                self._crew.append(_Worker(self._work))
                free = self._crew[-1:]
            if not free:
                return
            worker = min(free, key=lambda candidate: len(candidate.chunks))
            worker.give(self._again.popleft() if self._again else ahead.popleft())

    def _wait(self) -> list[_Worker]:
        """Return the workers that have something to say, as soon as there is one."""
        ready = wait([worker.process.connection for worker in self._crew])
        return [worker for worker in self._crew if worker.process.connection in ready]

    def _hear(self, worker: _Worker) -> Iterator[ChunkResult]:
        messages, dead = worker.process.receive()
        for message in messages:
            if message == TAKEN:
                worker.busy = True
                continue
            chunk = worker.finished()
            if isinstance(message, RramcharError):
                raise message
            self._deaths = 0
            if isinstance(message, Exception):
                detail = f"{type(message).__name__}: {message}"
                result, again = _blame(chunk, "crash", f"an error in rramchar itself: {detail}")
            else:
                result = message
                again = [replace(chunk, jobs=result.left)] if result.left else []
            yield from self._settle(result, again)
        if dead:
            self._crew.remove(worker)
            yield from self._settle(*self._bury(worker))
        elif worker.spent and not worker.chunks:
            self._crew.remove(worker)
            worker.process.kill()
            worker.process.end()

    def _settle(self, result: ChunkResult | None, again: list[Chunk]) -> Iterator[ChunkResult]:
        self._again.extend(again)
        if result is not None:
            self._version = result.ngspice_version or self._version
            yield replace(result, ngspice_version=self._version)

    def _bury(self, worker: _Worker) -> tuple[ChunkResult | None, list[Chunk]]:
        """Judge a worker that died; what it had not begun goes to another one."""
        exitcode, words = worker.process.end()
        if not worker.busy:
            self._deaths += exitcode != REPLACE_EXIT
            if self._deaths >= _DEATHS_IN_A_ROW:
                raise WorkersDiedError(
                    f"the worker processes died {self._deaths} times in a row before they had "
                    f"begun ({_cause(exitcode)}); is there enough memory? Last words: {words}"
                )
            return None, list(worker.chunks)
        chunk, *untouched = worker.chunks
        self._again.extend(untouched)
        if worker.stuck:
            return _blame(chunk, "timeout", f"no sign of life, so it was ended; {words}")
        if len(chunk.jobs) == 1 and -exitcode in _FROM_OUTSIDE:
            key = chunk.jobs[0][0]
            self._kills[key] += 1
            if self._kills[key] < _TRIES:
                return None, [chunk]
        return _judge(chunk, exitcode, words)

    def _watch(self, done: threading.Event) -> None:
        """End workers that give no sign of life: a stopped process obeys no alarm.

        It counts its own looks and not the time, for a whole run may be stopped and continued.
        """
        while not done.wait(_LOOK_EVERY_S):
            for worker in list(self._crew):
                worker.look()

    def _stop(self) -> None:
        crew, self._crew = self._crew, []
        self._again.clear()
        for worker in crew:
            worker.process.kill()
        for worker in crew:
            worker.process.end()


class _Worker:
    """A worker process with the chunks that it has: the first is being worked on, once busy."""

    def __init__(self, work: Work) -> None:
        self.process = WorkerProcess(work)
        self.chunks: deque[Chunk] = deque()
        self.busy = False
        self.stuck = False
        self._proven = False
        self._given = 0
        self._limit_s = 0.0
        self._pulse = (0, 0)
        self._silent_s = 0.0

    @property
    def spent(self) -> bool:
        return self._given >= _CHUNKS_PER_WORKER

    def takes(self, plenty: bool) -> bool:
        return not self.spent and len(self.chunks) < (2 if plenty else 1)

    def give(self, chunk: Chunk) -> None:
        self._limit_s = chunk.point_timeout_s + _GRACE_S
        self._given += 1
        self.chunks.append(chunk)
        self.process.send(chunk)

    def finished(self) -> Chunk:
        self.busy, self._proven = False, True
        return self.chunks.popleft()

    def look(self) -> None:
        try:
            pulse = self.process.pulse()
        except OSError:  # it ended at this very moment
            return
        changed, self._pulse = pulse != self._pulse, pulse
        self._silent_s = 0.0 if changed or not self.chunks else self._silent_s + _LOOK_EVERY_S
        started = self._proven or pulse[0] > 0
        if self._silent_s > (self._limit_s if started else self._limit_s + _SILENT_START_S):
            self.stuck = True
            self.process.kill()


def _judge(chunk: Chunk, exitcode: int, words: str) -> tuple[ChunkResult | None, list[Chunk]]:
    """Return what follows from a worker's end: the row of a lone point, or what to do again."""
    if exitcode == REPLACE_EXIT:
        return None, [chunk]
    if exitcode == -signal.SIGALRM:
        return _blame(chunk, "timeout", f"no result within {chunk.point_timeout_s:g} s; {words}")
    return _blame(chunk, "crash", f"the worker process died ({_cause(exitcode)}); {words}")


def _blame(chunk: Chunk, reason: str, detail: str) -> tuple[ChunkResult | None, list[Chunk]]:
    """Return the row of a lone point that ended its worker, or the points to try one by one."""
    if len(chunk.jobs) > 1:
        return None, [replace(chunk, jobs=(job,)) for job in chunk.jobs]
    return ChunkResult([(chunk.jobs[0][0], failure(reason, detail))], 0), []


def _cause(exitcode: int) -> str:
    return signal.Signals(-exitcode).name if exitcode < 0 else f"exit code {exitcode}"
