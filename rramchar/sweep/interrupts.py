"""Requests to end that are heard at once, and obeyed where nothing swallows them or is torn.

Python raises ``KeyboardInterrupt`` wherever the main thread happens to be: in a callback of the
garbage collector it is printed and dropped, and in the middle of a call to a scheduler it leaves a
half-finished conversation behind, which the end of the client then waits for.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

_REQUESTS = (signal.SIGINT, signal.SIGTERM)
# How long what is under way may hold a request back: a scheduler may never answer. [s]
_PATIENCE_S = 1.5


class DeferredInterrupts:
    """Hold requests to end back until `obey` is called, or the ``with`` block is left.

    One that has waited for 1.5 s is obeyed wherever the main thread is. Requests that are ignored,
    or end the process at once, stay so. Outside the main thread, where Python delivers no signals,
    nothing changes.

    Parameters
    ----------
    wake : callable, optional
        Called when a request comes, from the signal handler: to end a wait. It must not block.
    """

    def __init__(self, wake: Callable[[], None] | None = None) -> None:
        self._wake = wake
        self._before: dict[int, Any] = {}
        self._heard: int | None = None
        self._heard_s = 0.0
        self._patience: threading.Timer | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            handlers = {request: signal.getsignal(request) for request in _REQUESTS}
            self._before = {request: h for request, h in handlers.items() if callable(h)}
            for request in self._before:
                signal.signal(request, self._hear)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._forget_patience()
        for request, handler in self._before.items():
            signal.signal(request, handler)
        if error is None:
            self.obey()

    def obey(self) -> None:
        """Do what the earlier handler does with the request that came, if one did.

        Raises
        ------
        KeyboardInterrupt
            As a rule: Python's own handler raises it.
        """
        if self._heard is not None:
            self._forget_patience()
            request, self._heard = self._heard, None
            self._before[request](request, None)

    def _hear(self, request: int, _frame: FrameType | None) -> None:
        if self._heard is not None:
            if time.monotonic() - self._heard_s >= _PATIENCE_S:
                self.obey()
            return
        self._heard, self._heard_s = request, time.monotonic()
        main = threading.main_thread().ident
        self._patience = threading.Timer(_PATIENCE_S, signal.pthread_kill, (main, request))
        self._patience.daemon = True
        self._patience.start()
        if self._wake is not None:
            self._wake()

    def _forget_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
