"""Run chunks on a dask cluster: one on this machine, or any whose scheduler has an address."""

from __future__ import annotations

import json
import logging
import os
import pickle
import queue
import signal
import socket
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias
from urllib.parse import urlsplit

from rramchar.errors import ClusterError, InputError, MissingToolError, WorkersDiedError
from rramchar.sweep import remote
from rramchar.sweep.interrupts import DeferredInterrupts
from rramchar.sweep.pool import check_workers, default_workers
from rramchar.sweep.site import describe_site, model_file_digests
from rramchar.sweep.worker import Chunk, ChunkResult, failure

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

# Chunks at the workers for each of their threads: enough to keep them busy, few enough to give up.
_AHEAD_PER_THREAD = 3
# How often workers that came or went are counted. [s]
_LOOK_EVERY_S = 1.0
_CONNECT_S = 10.0
# How long the end of a run waits for workers that do not answer. [s]
_CLOSE_S = 1.0

Say = Callable[[str], None]
Done: TypeAlias = "queue.SimpleQueue[Future | None]"


class DaskExecutor:
    """Simulates chunks on a dask cluster; for `rramchar.sweep.run.run_plan`.

    Parameters
    ----------
    scheduler : str, optional
        Address of a running scheduler, such as ``tcp://node7:8786``, or the path of the ``.json``
        file that it wrote. By default a cluster of processes is started on this machine.
    workers : int, optional
        Number of processes of the cluster on this machine; by default the cores that this process
        may use. The workers of a scheduler are started with it, not here.
    say : callable, optional
        Called with a line of text when workers are waited for, come or go.

    Raises
    ------
    InputError
        If `workers` is not positive, or is given with a scheduler.
    MissingToolError
        If dask is not installed.
    """

    def __init__(
        self, scheduler: str | None = None, workers: int | None = None, *, say: Say | None = None
    ) -> None:
        check_workers(workers)
        if scheduler is not None and workers is not None:
            raise InputError(
                f"workers: {workers}, expected none with scheduler {scheduler}; its workers are "
                "started beside it (dask worker)"
            )
        _require_dask()
        self._scheduler = scheduler
        self._workers = workers or default_workers()
        self._say = say or (lambda text: None)
        self._stack = ExitStack()
        self._client: Client
        self._done: Done = queue.SimpleQueue()
        self._interrupts: DeferredInterrupts

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(_quiet())
            self._interrupts = stack.enter_context(
                DeferredInterrupts(wake=lambda: self._done.put(None))
            )
            if self._scheduler is None:
                cluster = stack.enter_context(_local_cluster(self._workers))
                self._client = stack.enter_context(_local_client(cluster))
            else:
                self._client = stack.enter_context(_connected_client(self._scheduler))
            self._interrupts.obey()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def run(self, chunks: Iterable[Chunk]) -> Iterator[ChunkResult]:
        """Simulate chunks on the cluster; yield their results as they come, in no fixed order.

        A chunk whose dask worker is lost is run again on another one. One that takes several with
        it is run point by point, so that one bad point costs one point: a row ``crash``.

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
        InputError
            If a worker's rramchar, ngspice or model files are not those of this machine.
        ClusterError
            If the scheduler goes away.
        """
        scheduler = self._scheduler or "of this run"
        flight = _Flight(self._client, scheduler, self._say, self._interrupts, self._done)
        try:
            yield from flight.results(iter(chunks))
        finally:
            flight.stop()


class _Flight:
    """The chunks of one run that are at a cluster's workers."""

    def __init__(
        self,
        client: Client,
        scheduler: str,
        say: Say,
        interrupts: DeferredInterrupts,
        done: Done,
    ) -> None:
        self._client = client
        self._scheduler = scheduler
        self._say = say
        self._interrupts = interrupts
        self._done = done
        self._run = uuid.uuid4().hex
        self._site = describe_site()
        self._files: dict[str, dict[str, str]] = {}
        self._running: dict[Future, Chunk] = {}
        self._suspects: deque[Chunk] = deque()
        self._threads = 0
        self._workers = -1
        self._looked = -_LOOK_EVERY_S

    def results(self, waiting: Iterator[Chunk]) -> Iterator[ChunkResult]:
        """Yield the results of all waiting chunks."""
        while True:
            self._interrupts.obey()
            self._look()
            while (chunk := self._next_chunk(waiting)) is not None:
                self._submit(chunk)
            if not self._running:
                return
            done = self._next_done()
            for future, reply in zip(done, self._gather(done), strict=True):
                result = self._judge(self._running.pop(future), reply)
                if result is not None:
                    yield result

    def stop(self) -> None:
        """Let go of what is still at the workers, and of their simulator processes."""
        with suppress(Exception):  # the run ends one way or another; a worker may be gone
            if self._running:
                self._client.cancel(list(self._running), asynchronous=False)
            self._client.run(remote.release, self._run, on_error="ignore", wait=False)
        self._running.clear()

    def _look(self) -> None:
        """Count the workers from time to time: they may come and go during a run."""
        if self._client.status != "running":
            raise self._lost()
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY_S:
            return
        self._looked = now
        try:
            threads = self._client.nthreads()
        except Exception as error:  # whatever dask makes of a connection that was lost
            raise self._lost() from error
        self._threads = sum(threads.values())
        if len(threads) != self._workers:
            if threads:
                plural = "" if len(threads) == 1 else "s"
                self._say(f"{len(threads)} dask worker{plural} at work")
            else:
                self._say(f"the scheduler {self._scheduler} has no worker; waiting for one")
            self._workers = len(threads)

    def _next_chunk(self, waiting: Iterator[Chunk]) -> Chunk | None:
        """Return what may go to the workers now."""
        if self._suspects:
            # Alone: dask blames the death of a worker on all that waited there.
            return None if self._running else self._suspects.popleft()
        if len(self._running) >= max(1, self._threads) * _AHEAD_PER_THREAD:
            return None
        return next(waiting, None)

    def _submit(self, chunk: Chunk) -> None:
        circuit = chunk.deck.circuit
        if circuit not in self._files:
            self._files = {circuit: model_file_digests(circuit)}  # chunks come group by group
        future = self._client.submit(
            remote.simulate,
            self._run,
            self._site,
            self._files[circuit],
            pickle.dumps(chunk),
            pure=False,
        )
        self._running[future] = chunk
        future.add_done_callback(self._done.put)

    def _next_done(self) -> list[Future]:
        """Return all chunks that are done; wait for one, but not for long."""
        done = []
        with suppress(queue.Empty):
            done.append(self._done.get(timeout=_LOOK_EVERY_S))
            while True:
                done.append(self._done.get_nowait())
        # None only ended the wait; others are of an earlier run that was broken off.
        return [future for future in done if future is not None and future in self._running]

    def _gather(self, futures: list[Future]) -> list[Any]:
        """Return the reply of every chunk, or the exception that took its place."""
        try:
            return list(self._client.gather(futures))
        except Exception:  # one of them has none: ask for each
            return [self._reply(future) for future in futures]

    def _reply(self, future: Future) -> Any:
        try:
            return future.result()
        except CancelledError as error:
            raise self._lost() from error
        except Exception as error:  # from the worker; _judge knows what it means
            return error

    def _judge(self, chunk: Chunk, reply: Any) -> ChunkResult | None:
        """Return a chunk's result; put back in line what must be done again."""
        from distributed import KilledWorker

        if isinstance(reply, ChunkResult):
            return reply
        if isinstance(reply, KilledWorker):
            if len(chunk.jobs) > 1:
                self._suspects.extend(replace(chunk, jobs=(job,)) for job in chunk.jobs)
                return None
            address = reply.last_worker.address
            row = failure("crash", f"dask workers died with it again and again, last {address}")
            return ChunkResult([(chunk.jobs[0][0], row)], 0)
        if isinstance(reply, str):
            raise InputError(f"the scheduler {self._scheduler}: {reply}")
        if isinstance(reply, ImportError | AttributeError) or "deserialization" in str(reply):
            raise InputError(
                f"the scheduler {self._scheduler}: a worker there cannot open rramchar's tasks "
                f"({reply}); install the same rramchar, Python and dask on every machine"
            )
        raise reply

    def _lost(self) -> ClusterError:
        return ClusterError(
            f"the scheduler {self._scheduler} went away; what was finished is kept: start it and "
            "its workers anew, and run the same command to go on"
        )


def _require_dask() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise MissingToolError(
            "dask is not installed; install it with: pip install 'rramchar[dask]'"
        ) from None


@contextmanager
def _local_cluster(workers: int) -> Iterator[LocalCluster]:
    """Start a cluster of single-threaded processes on this machine; end it at once."""
    from distributed import LocalCluster

    try:
        with _interrupt_withheld():
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            )
    except (RuntimeError, AssertionError, OSError) as error:
        raise WorkersDiedError(
            f"the dask workers on this machine did not start ({error}); is there enough memory? A "
            "script of your own needs `if __name__ == '__main__':` around what it runs"
        ) from None
    try:
        yield cluster
    finally:
        # A polite end waits for points that are being simulated, which nobody wants any more.
        for nanny in cluster.workers.values():
            nanny.auto_restart = False
            if nanny.pid:
                with suppress(ProcessLookupError):
                    os.kill(nanny.pid, signal.SIGKILL)
        with suppress(TimeoutError):
            cluster.close(timeout=_CLOSE_S)


@contextmanager
def _interrupt_withheld() -> Iterator[None]:
    """Let threads that are started here, and their processes, be deaf to an interrupt.

    Ctrl-C at a terminal goes to every process; it is for the main thread of this one to handle.
    """
    # Where it starts with the first process, it lets the thread that starts that hear again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _local_client(cluster: LocalCluster) -> Iterator[Client]:
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:
        yield client


@contextmanager
def _connected_client(scheduler: str) -> Iterator[Client]:
    from distributed import Client

    address = _reachable(scheduler)
    try:
        client = Client(address, timeout=_CONNECT_S, set_as_default=False)
    except OSError as error:
        raise InputError(
            f"scheduler {scheduler}: no dask scheduler answers there ({error})"
        ) from None
    try:
        yield client
    finally:
        client.close(timeout=_CLOSE_S)


def _reachable(scheduler: str) -> str:
    """Return a scheduler's address; refused before dask sees it, whose own attempt lingers."""
    address = scheduler
    try:
        if scheduler.endswith(".json"):
            address = json.loads(Path(scheduler).read_text(encoding="utf-8"))["address"]
        parts = urlsplit(address)
        if parts.scheme not in ("tcp", "tls") or not parts.hostname or not parts.port:
            raise ValueError("an address begins with tcp:// or tls:// and ends with a port")
        socket.create_connection((parts.hostname, parts.port), timeout=_CONNECT_S).close()
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"scheduler {scheduler!r}: no dask scheduler answers there ({error}); expected an "
            "address such as tcp://node7:8786, as `dask scheduler` prints it, or its .json file"
        ) from None
    return address


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep dask's log from the terminal: what matters of it becomes a row or an error."""
    import distributed  # noqa: F401  (makes the loggers)

    names = [n for n in logging.root.manager.loggerDict if n.partition(".")[0] == "distributed"]
    # asyncio tells of conversations that were broken off.
    loggers = [logging.getLogger(name) for name in (*names, "asyncio")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
