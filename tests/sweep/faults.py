"""What the fault tests share: runs as separate processes, their workers, and broken kits."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from plans import document

import rramchar.technology
from rramchar.resources import resource
from rramchar.sweep import Plan, make_plan
from rramchar.sweep.store import FILE_NAME

GRID = {
    "vdd_v": [0.6, 0.9, 1.2],
    "r_bl_ohm": {"start": "3k", "stop": "1M", "num": 12, "scale": "log"},
    "r_blb_ohm": {"start": "3.1k", "stop": "970k", "num": 11, "scale": "log"},
}
MANY = dict(GRID, temperature_c=[0, 27, 60], corner=["tt", "ff", "ss", "fs", "sf"])

COMMAND = [sys.executable, "-m", "rramchar.cli.main", "sweep", "run"]


def write_plan(path: Path, made: Plan) -> Path:
    path.write_text(tomli_w.dumps(made.document()), encoding="utf-8")
    return path


def start_run(plan_file: Path, run: Path, *options: str) -> subprocess.Popen[str]:
    """Start ``rramchar sweep run`` in a process group of its own."""
    return subprocess.Popen(
        [*COMMAND, str(plan_file), "--out", str(run), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell in the background would hand down an ignored interrupt.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def stored_rows(run: Path) -> int:
    """Count a run's rows from outside; 0 where there is no store yet."""
    uri = f"file:{run / FILE_NAME}?mode=ro"
    with (
        suppress(sqlite3.OperationalError),  # not there yet
        closing(sqlite3.connect(uri, uri=True)) as database,
    ):
        return int(database.execute("SELECT count(*) FROM results").fetchone()[0])
    return 0


def wait_until(happened: Callable[[], Any], *, within_s: float = 60.0) -> Any:
    """Wait for something to be true; fail if it does not come."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := happened():
            return found
        time.sleep(0.02)
    raise AssertionError(f"did not happen within {within_s:g} s")


def wait_for_results(run: Path, process: subprocess.Popen[Any]) -> None:
    """Wait until a run has stored something, or ended."""
    wait_until(lambda: stored_rows(run) or process.poll() is not None)


def workers_of(parent: int) -> list[int]:
    """Return the worker processes of a process."""
    return [pid for pid, owner in _workers() if owner == parent]


def alive(pids: list[int]) -> list[int]:
    """Return which of some worker processes still run."""
    return [pid for pid, _ in _workers() if pid in pids]


def _workers() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                status = (folder / "stat").read_text().rpartition(")")[2].split()
                command = (folder / "cmdline").read_text()
            except OSError:
                continue  # ended meanwhile
            if "rramchar-worker" in command and status[0] != "Z":
                yield int(folder.name), int(status[1])


@contextmanager
def killer(
    *, after_s: tuple[float, float], most: int | None = None, seed: int = 1
) -> Iterator[list[int]]:
    """Kill every worker process of this process at a random age between two."""
    kills: list[int] = []
    ages = np.random.default_rng(seed)
    due: dict[int, float] = {}
    stop = threading.Event()

    def hunt() -> None:
        while not stop.is_set() and (most is None or len(kills) < most):
            for child in workers_of(os.getpid()):
                if child not in due:
                    due[child] = time.monotonic() + ages.uniform(*after_s)
                if child not in kills and time.monotonic() >= due[child]:
                    with suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
                        kills.append(child)
            time.sleep(0.02)

    thread = threading.Thread(target=hunt)
    thread.start()
    try:
        yield kills
    finally:
        stop.set()
        thread.join()


def own_kit(folder: Path, *, in_ss: str = "") -> Path:
    """Write a technology of our own, with lines added to the ss corner of its library."""
    text = resource("netlists", "generic130.lib").read_text(encoding="utf-8")
    text = text.replace("generic130.lib", "mine.lib")
    if in_ss:
        text, found = re.subn(r"(?m)^(\.lib ss)$", rf"\1\n{in_ss}", text)
        assert found == 1
    (folder / "mine.lib").write_text(text, encoding="utf-8")
    source = Path(rramchar.technology.__file__).parent / "data" / "generic130.toml"
    definition = source.read_text(encoding="utf-8").replace("shipped:generic130", "mine")
    (folder / "mine.toml").write_text(definition, encoding="utf-8")
    return folder / "mine.toml"


def kit_plan(kit: Path, *, timeout_s: float = 30.0, **axes: Any) -> Plan:
    """Make a small plan on a technology file."""
    described = document(**axes)
    described["plan"] |= {"technology": str(kit), "point_timeout_s": timeout_s}
    return make_plan(described)
