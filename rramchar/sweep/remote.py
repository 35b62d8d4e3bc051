"""What runs inside a worker of a dask cluster: check the machine, then drive simulator processes.

A dask worker simulates in threads, may be long-lived and may be shared; ngspice is neither safe in
threads nor to be trusted with a process that others need, and an alarm can end a hung point only in
a process of its own. So every busy thread has a `WorkerPool` of one process: a point that hangs or
crashes never takes the dask worker with it, and becomes the same row as in a local run.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from rramchar.errors import RramcharError
from rramchar.sweep.pool import WorkerPool
from rramchar.sweep.site import Site, localize, model_file_difference, site_difference
from rramchar.sweep.worker import Chunk, ChunkResult


def simulate(
    run: str, site: Site, model_files: dict[str, str], payload: bytes
) -> ChunkResult | str:
    """Simulate a chunk in a worker of a cluster; this is the dask task.

    Parameters
    ----------
    run : str
        Identity of the run.
    site : dict
        The client's `rramchar.sweep.site.describe_site`.
    model_files : dict of str to str
        The client's `rramchar.sweep.site.model_file_digests` of the chunk's circuit.
    payload : bytes
        The pickled `Chunk`; opened only if this machine has the client's version of rramchar.

    Returns
    -------
    ChunkResult or str
        A row for every point; or, where this machine cannot serve the run, why.
    """
    from distributed import get_worker

    try:
        return _CREW.simulate(run, site, model_files, payload)
    except RramcharError as error:
        return f"worker {get_worker().address}: {error}"


def release(run: str) -> None:
    """End this worker's simulator processes when a run is over; busy ones end with their chunk.

    Parameters
    ----------
    run : str
        Identity of the run.
    """
    _CREW.release(run)


class _Crew:
    """The simulator processes of one dask worker, one for each of its busy threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[WorkerPool] = []
        self._over: set[str] = set()
        self._passed: set[tuple[str, ...]] = set()

    def simulate(
        self, run: str, site: Site, model_files: dict[str, str], payload: bytes
    ) -> ChunkResult:
        self._once((run,), lambda: site_difference(site))
        chunk: Chunk = pickle.loads(payload)
        circuit = localize(chunk.deck.circuit, site["shipped"])
        self._once((run, *model_files), lambda: model_file_difference(model_files, circuit))
        if circuit != chunk.deck.circuit:
            chunk = replace(chunk, deck=replace(chunk.deck, circuit=circuit))
        with self._pool(run) as pool:
            return _merged(pool.run([chunk]))

    def release(self, run: str) -> None:
        with self._lock:
            self._over.add(run)
            idle, self._idle = self._idle, []
        for pool in idle:
            pool.__exit__()

    def _once(self, check: tuple[str, ...], difference: Callable[[], str]) -> None:
        """Make a check of a run unless it was passed here before."""
        if check not in self._passed:
            if problem := difference():
                raise RramcharError(problem)
            self._passed.add(check)

    @contextmanager
    def _pool(self, run: str) -> Iterator[WorkerPool]:
        with self._lock:
            pool = self._idle.pop() if self._idle else WorkerPool(1)
        try:
            yield pool
        except BaseException:
            pool.__exit__()
            raise
        with self._lock:
            keep = run not in self._over
            if keep:
                self._idle.append(pool)
        if not keep:
            pool.__exit__()


def _merged(results: Iterator[ChunkResult]) -> ChunkResult:
    """Return one result for all parts of a chunk."""
    rows: list[tuple[bytes, dict[str, Any]]] = []
    version = 0
    for result in results:
        rows += result.rows
        version = result.ngspice_version or version
    return ChunkResult(rows, version)


# One for each process: it is what dask's threads have in common from task to task.
_CREW = _Crew()
