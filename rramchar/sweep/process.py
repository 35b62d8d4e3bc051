"""One worker process: its parent's end, and what runs inside it.

The two talk through a socket pair. What the worker prints, and every message of its ngspice, goes
into a file in memory that both hold open, the notes: they outlive a crash, and as long as they
change the worker is alive.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import pickle
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from rramchar.spice.messages import last_words
from rramchar.spice.session import process_session
from rramchar.sweep.worker import ChunkResult, start_worker

Work = Callable[[Any], ChunkResult]

# What a worker answers when it has begun with a chunk, before the result or the error.
TAKEN = "taken"
# A worker's standard error is its notes.
_NOTES = 2
_NOTES_READ_BYTES = 65536


class WorkerProcess:
    """A worker process that simulates the chunks sent to it, in order.

    It needs no guard around a script's main part, is in a process group of its own, so that an
    interrupt at the terminal is for the parent alone to handle, and ends by itself when the parent
    is gone, for whatever reason.

    Parameters
    ----------
    work : callable
        What it does with a chunk: a function of an importable module.
    """

    def __init__(self, work: Work) -> None:
        self.connection, theirs = multiprocessing.Pipe()
        self._notes = _open_notes()
        # ngspice writes what it thinks of a model's parameters into a file where it stands.
        self._folder = tempfile.TemporaryDirectory(prefix="rramchar-", ignore_cleanup_errors=True)
        program = (
            f"import sys; sys.path[:] = {[os.path.abspath(part) for part in sys.path]!r}; "
            "from rramchar.sweep.process import serve; serve(int(sys.argv[2]))"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, "rramchar-worker", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=self._notes,
            stderr=self._notes,
            pass_fds=[theirs.fileno()],
            cwd=self._folder.name,
            process_group=0,
        )
        theirs.close()
        self.send(work)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def send(self, message: Any) -> None:
        """Send a chunk; to a dead worker it is lost, and `receive` tells that it is dead."""
        try:
            self.connection.send(message)
        except OSError:
            return

    def receive(self) -> tuple[list[Any], bool]:
        """Return the messages that have come, and whether the worker is dead."""
        messages = []
        try:
            while self.connection.poll():
                messages.append(self.connection.recv())
        except (EOFError, OSError, pickle.UnpicklingError):
            return messages, True
        return messages, False

    def pulse(self) -> tuple[int, int]:
        """Return what changes whenever the worker writes into its notes; the first is their size.

        The notes are empty while it has nothing to do.
        """
        status = os.fstat(self._notes)
        return status.st_size, status.st_mtime_ns

    def kill(self) -> None:
        """End the process at once, also a stopped one."""
        self._process.kill()

    def end(self) -> tuple[int, str]:
        """End the process, if it still runs; return its exit code and its last words."""
        if self._process.poll() is None:
            try:  # its end of the connection closes a moment before its exit code is known
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
        exitcode = self._process.wait()
        text = os.pread(self._notes, _NOTES_READ_BYTES, max(0, self.pulse()[0] - _NOTES_READ_BYTES))
        os.close(self._notes)
        self.connection.close()
        self._folder.cleanup()
        return exitcode, last_words(text.decode(errors="replace").splitlines())


def serve(descriptor: int) -> None:
    """Simulate chunks, inside a worker process and its own folder, until the parent is gone.

    Parameters
    ----------
    descriptor : int
        The worker's end of the connection. First comes the work to do, then chunks; a chunk is
        answered with `TAKEN` and then with its result, or the error that ended it.
    """
    start_worker()
    connection = Connection(descriptor)
    orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
    listening = (connection, orders, os.getcwd())
    threading.Thread(target=_listen, args=listening, daemon=True).start()
    work = orders.get()
    os.ftruncate(_NOTES, 0)
    while True:
        chunk = orders.get()
        connection.send(TAKEN)
        answer = _answer(work, chunk)
        os.ftruncate(_NOTES, 0)
        connection.send(answer)


def _answer(work: Work, chunk: Any) -> ChunkResult | Exception:
    try:
        session = process_session()
        session.take_notes(_NOTES)
        session.mark()
        return work(chunk)
    except Exception as error:
        return _portable(error)


def _portable(error: Exception) -> Exception:
    """Return an error that can leave the process."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:  # whatever pickle meets in it
        return RuntimeError("".join(traceback.format_exception_only(error)).strip())


def _listen(connection: Connection, orders: queue.SimpleQueue[Any], folder: str) -> None:
    """Take what the parent sends, also while ngspice runs; without a parent, tidy up and end."""
    try:
        while True:
            orders.put(connection.recv())
    except (EOFError, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        os.kill(os.getpid(), signal.SIGKILL)
    except Exception:  # an order that cannot be read
        traceback.print_exc()
        os._exit(1)


def _open_notes() -> int:
    """Return a nameless file to append to; in memory where the system can."""
    if hasattr(os, "memfd_create"):
        notes = os.memfd_create("rramchar-notes")
    else:
        with tempfile.TemporaryFile() as stream:
            notes = os.dup(stream.fileno())
    # Both processes write at its end: after it has been emptied, that is its beginning.
    fcntl.fcntl(notes, fcntl.F_SETFL, fcntl.fcntl(notes, fcntl.F_GETFL) | os.O_APPEND)
    return notes
