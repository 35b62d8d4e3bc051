"""Is a run being worked on, by which process, how fast: without disturbing it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rramchar.sweep.run import LOG_FILE
from rramchar.sweep.store import LOCK_FILE


@dataclass(frozen=True)
class Running:
    """The process that is working on a run at this moment.

    Parameters
    ----------
    pid : int
        The process that holds the run directory.
    rate_per_s : float or None
        Points per second; None if it is not known yet. [1/s]
    over_s : float or None
        Time that the rate is an average over. [s]
    left_s : float or None
        Time left at this rate. [s]
    """

    pid: int
    rate_per_s: float | None
    over_s: float | None
    left_s: float | None

    @classmethod
    def at(cls, pid: int, rate: tuple[float, float] | None, missing: int) -> Running:
        """Return the record for a rate [1/s] observed over some time [s], and points to go."""
        if rate is None or rate[0] <= 0:
            return cls(pid, None, None, None)
        return cls(pid, rate[0], rate[1], missing / rate[0])


@dataclass(frozen=True)
class RunLog:
    """What the log of a run tells.

    Parameters
    ----------
    started, finished : str or None
        When the run was last started; when that start finished (ISO 8601, UTC).
    starts : int
        How often it was started.
    notes : tuple of str
        Lines that are not routine, with their time.
    plain : bool
        Whether every start was of the same number of points and nothing was noted, so that the
        store can only hold points of the plan.
    """

    started: str | None
    finished: str | None
    starts: int
    notes: tuple[str, ...]
    plain: bool


def running_pid(folder: Path) -> int | None:
    """Return the process that holds a run directory, or None; the lock itself is not touched.

    Trying the lock would refuse a run that starts at this very moment.
    """
    lock = folder / LOCK_FILE
    try:
        pid = int(lock.read_text(encoding="ascii"))
        os.kill(pid, 0)
    except PermissionError:
        return pid  # it lives, and belongs to another user
    except (OSError, ValueError, OverflowError):
        return None
    if not sys.platform.startswith("linux"):
        return pid
    try:  # the number may belong to another process by now: does it hold the file open?
        links = list(Path(f"/proc/{pid}/fd").iterdir())
    except PermissionError:
        return pid
    except OSError:
        return None
    return pid if any(_same_file(link, lock) for link in links) else None


def _same_file(link: Path, lock: Path) -> bool:
    try:
        return os.path.samefile(link, lock)
    except OSError:  # closed meanwhile, or not a file
        return False


def rate_since_start(log: RunLog, done: int) -> tuple[float, float] | None:
    """Return the points per second since the start of a run that was started once.

    Parameters
    ----------
    log : RunLog
        Tells when.
    done : int
        Points stored; all of them since then.

    Returns
    -------
    (float, float) or None
        The rate [1/s] and the time since the start [s]; None where the run was resumed, because
        nobody knows how many points it found.
    """
    if log.starts != 1 or log.started is None:
        return None
    elapsed = (datetime.now(UTC) - datetime.fromisoformat(log.started)).total_seconds()
    return (done / elapsed, elapsed) if elapsed > 0 else None


def read_log(folder: Path) -> RunLog:
    """Read the log of a run; one that is not there tells nothing."""
    try:
        text = (folder / LOG_FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return RunLog(None, None, 0, (), plain=False)
    started: str | None = None
    finished: str | None = None
    planned: list[str] = []
    notes: list[str] = []
    for line in text.splitlines():
        stamp, _, said = line.partition(" ")
        if said.startswith("started: "):
            started, finished = stamp, None
            planned.append(said)
        elif said.startswith("finished: "):
            finished = stamp
        elif said:
            notes.append(line)
    plain = len(set(planned)) == 1 and not notes
    return RunLog(started, finished, len(planned), tuple(notes), plain)
