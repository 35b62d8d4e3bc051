"""The run itself interrupted: killed, asked to end, Ctrl-C. A resume gives the undisturbed rows."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from faults import (
    GRID,
    MANY,
    alive,
    kit_plan,
    own_kit,
    start_run,
    stored_rows,
    wait_for_results,
    wait_until,
    workers_of,
    write_plan,
)
from plans import plan, rows

from rramchar.sweep import load, run_plan
from rramchar.sweep.store import LOCK_FILE, run_lock


@pytest.mark.parametrize(
    ("kills", "longest_s"),
    [(4, 1.2), pytest.param(50, 1.5, marks=pytest.mark.slow)],
)
def test_killed_at_random_moments_and_resumed(
    reference: pd.DataFrame, tmp_path: Path, kills: int, longest_s: float
) -> None:
    """From the start of the process on: importing, opening, simulating, storing, closing."""
    path = write_plan(tmp_path / "plan.toml", plan(**GRID))
    generator = np.random.default_rng(kills)
    killed = 0
    run = 0
    while killed < kills:
        folder = tmp_path / f"run-{run}"
        process = start_run(path, folder, "--workers", "2")
        if generator.uniform() < 0.7:
            wait_until(lambda f=folder, p=process: (f / LOCK_FILE).exists() or p.poll() is not None)
        time.sleep(generator.uniform(0, longest_s))
        if process.poll() is None:
            process.kill()
            killed += 1
        process.communicate()
        if process.returncode == 0:  # it was finished; the next kills are for a new run
            _check(folder, reference)
            run += 1
    finished = start_run(path, folder)
    _, errors = finished.communicate(timeout=120)
    assert finished.returncode == 0, errors
    _check(folder, reference)


def _check(folder: Path, reference: pd.DataFrame) -> None:
    frame = load(folder)
    assert not frame["point"].duplicated().any()
    pd.testing.assert_frame_equal(rows(frame), reference, check_exact=True)


@pytest.mark.parametrize("request_to_end", [signal.SIGTERM, signal.SIGINT])
def test_interrupted_it_says_how_to_go_on_and_loses_nothing(
    tmp_path: Path, request_to_end: signal.Signals
) -> None:
    path = write_plan(tmp_path / "plan.toml", plan(**MANY))
    process = start_run(path, tmp_path / "run", "--workers", "2")
    # What is stored is counted a moment later, but before the next is stored.
    wait_until(lambda: stored_rows(tmp_path / "run") > 64)
    workers = workers_of(process.pid)
    errors = _interrupt(process, request_to_end)
    assert "points done; what was finished is kept" in errors
    assert "run the same command to go on" in errors
    assert not alive(workers)
    frame = load(tmp_path / "run")
    assert 0 < len(frame) < 5940
    assert (frame["status"] == "ok").all()


def test_interrupted_twice_in_a_row(tmp_path: Path) -> None:
    path = write_plan(tmp_path / "plan.toml", plan(**MANY))
    process = start_run(path, tmp_path / "run")
    wait_for_results(tmp_path / "run", process)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.01)
    _interrupt(process, signal.SIGINT)


@pytest.mark.parametrize("moment", ["folder", "workers"])
def test_interrupted_while_it_starts(tmp_path: Path, moment: str) -> None:
    run = tmp_path / "run"
    process = start_run(write_plan(tmp_path / "plan.toml", plan(**MANY)), run)
    wait_until((run / LOCK_FILE).exists if moment == "folder" else lambda: workers_of(process.pid))
    _interrupt(process, signal.SIGINT)


def test_interrupted_in_an_endless_point(tmp_path: Path) -> None:
    (tmp_path / "loop.lib").write_text(".lib ss\n.lib loop.lib ss\n.endl\n", encoding="utf-8")
    kit = own_kit(tmp_path, in_ss=".lib loop.lib ss")
    made = kit_plan(kit, timeout_s=60.0, corner=["tt", "ss"])
    process = start_run(
        write_plan(tmp_path / "plan.toml", made), tmp_path / "run", "--workers", "1"
    )
    wait_for_results(tmp_path / "run", process)
    time.sleep(0.3)  # until it is counted, and the next point begun
    errors = _interrupt(process, signal.SIGINT)
    assert "with 4 of 8 points done" in errors


def _interrupt(process: subprocess.Popen[str], how: signal.Signals) -> str:
    """Interrupt a run as a terminal or a batch system does; return what it said within 2 s."""
    os.killpg(process.pid, how)
    start = time.monotonic()
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - start < 2
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "interrupted" in errors
    return errors


def test_the_second_process_on_a_directory_is_refused(tmp_path: Path) -> None:
    path = write_plan(tmp_path / "plan.toml", plan())
    with run_lock(tmp_path):
        process = start_run(path, tmp_path)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"another process (pid {os.getpid()}) is running a sweep here" in " ".join(
        errors.split()
    )


def test_the_lock_of_a_killed_run_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text("1\n")
    assert run_plan(plan(), tmp_path, workers=1).ok == 4
