"""Do many independent pieces of work in worker processes, and take results as they come."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from typing import Any, TypeVar

from pebble import ProcessPool

from rramchar.errors import InputError

Result = TypeVar("Result")


def check_workers(workers: int) -> int:
    """Return the number of workers, or refuse what is none."""
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise InputError(f"workers: {workers!r}, expected a whole number of at least 1")
    return workers


def run_parallel(
    function: Callable[..., Result], pieces: Mapping[int, Sequence[Any]], workers: int
) -> Iterator[tuple[int, Result]]:
    """Call a function for each piece of work.

    Parameters
    ----------
    function : callable
        A function of a module, so that a worker process can find it.
    pieces : mapping of int to sequence
        Position to the arguments of the call.
    workers : int
        Processes; with one, everything runs in this one.

    Yields
    ------
    int, object
        Position and result, in the order in which they are finished.
    """
    if workers == 1 or len(pieces) < 2:
        for index, arguments in pieces.items():
            yield index, function(*arguments)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPool(min(workers, len(pieces)), context=context, initializer=_quiet)
    try:
        waiting: dict[Any, int] = {
            pool.schedule(function, args=list(arguments)): index
            for index, arguments in pieces.items()
        }
        for future in as_completed(waiting):
            yield waiting[future], future.result()
        pool.close()
    finally:
        pool.stop()
        pool.join()


def _quiet() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to obey
