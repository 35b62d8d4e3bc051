"""Interrupts that are obeyed once, and are not lost.

Python raises ``KeyboardInterrupt`` wherever the main thread happens to be. In a destructor or a
callback of the garbage collector it is printed and dropped there, and the program goes on. So a
request is repeated until something handles it.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_REQUESTS = (signal.SIGINT, signal.SIGTERM)  # a batch system's request to end is an interrupt
_REPEAT_S = 0.5


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn requests to end into one ``KeyboardInterrupt`` in the main thread.

    Further requests, while the first is being obeyed and after it, change nothing. Requests that
    are ignored already stay so, as for a job in the background of a shell.
    """
    before = {request: signal.getsignal(request) for request in _REQUESTS}
    heard = [request for request in _REQUESTS if before[request] is not signal.SIG_IGN]
    repeats: list[threading.Timer] = []

    def interrupt(number: int, _frame: object) -> None:
        if _being_obeyed():
            return
        again = threading.Timer(
            _REPEAT_S, signal.pthread_kill, (threading.main_thread().ident, number)
        )
        again.daemon = True
        repeats.append(again)
        again.start()
        raise KeyboardInterrupt

    for request in heard:
        signal.signal(request, interrupt)
    try:
        yield
    finally:
        for request in heard:
            signal.signal(request, signal.SIG_IGN if repeats else before[request])
        for timer in repeats:
            timer.cancel()


def _being_obeyed() -> bool:
    """Return whether an interrupt, or what was raised because of one, is being handled."""
    error = sys.exception()
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False
