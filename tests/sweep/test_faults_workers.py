"""Workers that are killed, stopped, hung or crashed by a real netlist: no point is ever lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from faults import (
    GRID,
    MANY,
    alive,
    killer,
    kit_plan,
    own_kit,
    start_run,
    wait_for_results,
    wait_until,
    workers_of,
    write_plan,
)
from plans import document, plan, rows

from rramchar.errors import WorkersDiedError
from rramchar.sweep import load, make_plan, pool, run_plan
from rramchar.sweep.plan import Plan
from rramchar.sweep.pool import WorkerPool
from rramchar.sweep.run import RunSummary, _missing_chunks
from rramchar.sweep.worker import Chunk, ChunkResult, run_chunk


def _chunks(made: Plan, folder: Path) -> Iterator[Chunk]:
    return _missing_chunks(made, {}, RunSummary(folder, len(made)), lambda *_: None)


def test_workers_killed_at_random_cost_no_point(reference: pd.DataFrame, tmp_path: Path) -> None:
    with killer(after_s=(0.0, 0.5), most=8) as kills:
        summary = run_plan(plan(**GRID), tmp_path, workers=2)
    assert kills
    assert (summary.ok, summary.failed, summary.simulated) == (396, 0, 396)
    pd.testing.assert_frame_equal(rows(load(tmp_path)), reference, check_exact=True)


def test_a_stopped_worker_is_ended_and_costs_no_point(
    reference: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process obeys no alarm and no request to end."""
    monkeypatch.setattr(pool, "_GRACE_S", 1.0)
    monkeypatch.setattr(pool, "_SILENT_START_S", 10.0)  # it may not have begun yet
    made = document(**GRID)
    made["plan"]["point_timeout_s"] = 1.0
    stopped: list[int] = []

    def stop_one(done: int, _total: int, _failed: int) -> None:
        if done and not stopped:
            stopped.append(workers_of(os.getpid())[0])
            os.kill(stopped[0], signal.SIGSTOP)

    summary = run_plan(make_plan(made), tmp_path, workers=2, progress=stop_one)
    assert stopped
    assert not alive(stopped)
    assert (summary.ok, summary.failed) == (396, 0)
    pd.testing.assert_frame_equal(rows(load(tmp_path)), reference, check_exact=True)


def test_a_worker_that_was_stopped_between_two_chunks_is_not_waited_for_as_one_that_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has nothing to say then, like one that has not begun."""
    monkeypatch.setattr(pool, "_GRACE_S", 1.0)
    made = document(**GRID)
    made["plan"]["point_timeout_s"] = 1.0
    chunks = list(_chunks(make_plan(made), tmp_path))
    with WorkerPool(1) as workers:
        assert list(workers.run(chunks[:1]))
        (stopped,) = workers_of(os.getpid())
        os.kill(stopped, signal.SIGSTOP)
        since = time.monotonic()
        found = [key for result in workers.run(chunks[1:2]) for key, _ in result.rows]
        assert time.monotonic() - since < 60
        assert not alive([stopped])
    assert sorted(found) == sorted(job[0] for job in chunks[1].jobs)


def test_a_point_that_needs_too_long_is_a_recorded_timeout(tmp_path: Path) -> None:
    """No read is done in 50 us, so every point runs into its deadline."""
    described = document(r_bl_ohm=["5k"])
    described["plan"]["point_timeout_s"] = 50e-6
    summary = run_plan(make_plan(described), tmp_path, workers=1)
    assert (summary.ok, summary.failed) == (0, 2)
    assert summary.reasons == Counter(timeout=2)
    frame = load(tmp_path)
    assert (frame["reason"] == "timeout").all()
    assert frame["outcome"].isna().all()


@pytest.mark.parametrize(
    ("lines", "reason", "words"),
    [
        # ngspice takes a function that calls itself until its stack is full.
        (".func boom(x) {boom(x)}\n.param boomed={boom(1)}", "crash", "SIGSEGV"),
        # A section that takes in itself is read for ever.
        (".lib loop.lib ss", "timeout", "no result within 1 s"),
        # An undefined parameter makes libngspice refuse every later circuit of its process.
        (".param lost={nowhere}", "bad_netlist", "Undefined parameter"),
    ],
    ids=["crash", "hang", "rejected"],
)
def test_a_netlist_that_breaks_ngspice_costs_only_its_own_points(
    tmp_path: Path, lines: str, reason: str, words: str
) -> None:
    (tmp_path / "loop.lib").write_text(".lib ss\n.lib loop.lib ss\n.endl\n", encoding="utf-8")
    kit = own_kit(tmp_path, in_ss=lines)
    made = kit_plan(kit, timeout_s=1.0, corner=["tt", "ss", "ff"], r_bl_ohm=["5k"])
    summary = run_plan(made, tmp_path / "run", workers=2)
    frame = load(tmp_path / "run")
    assert (summary.ok, summary.failed) == (4, 2)
    assert set(frame.loc[frame["status"] == "failed", "corner"]) == {"ss"}
    failed = frame[frame["status"] == "failed"]
    # A session that saw a rejected deck is not trusted again, so a point of it may count as crash.
    assert set(failed["reason"]) <= {reason, "crash"}
    assert failed["detail"].str.contains(words).any()
    assert failed["detail"].str.len().gt(20).all()
    sound = plan(corner=["tt", "ff"], r_bl_ohm=["5k"])
    run_plan(sound, tmp_path / "sound", workers=1)
    assert list(frame.loc[frame["status"] == "ok", "sense_time_s"]) == list(
        load(tmp_path / "sound")["sense_time_s"]
    )


def test_what_ngspice_said_last_outlives_a_crash(tmp_path: Path) -> None:
    kit = own_kit(tmp_path, in_ss=".func boom(x) {boom(x)}\n.param boomed={boom(1)}")
    run_plan(kit_plan(kit, corner=["ss"], r_bl_ohm=["5k"]), tmp_path / "run", workers=1)
    details = load(tmp_path / "run")["detail"]
    assert details.str.contains("SIGSEGV").all()
    assert details.str.contains("reading the circuit").all()


def test_points_that_do_not_converge_are_rows_with_a_reason(tmp_path: Path) -> None:
    """At 900 degC ngspice gives up on the transistor models; the others are not affected."""
    hot = plan(temperature_c=[27, 900])
    summary = run_plan(hot, tmp_path, workers=1)
    assert (summary.ok, summary.failed) == (4, 4)
    assert summary.reasons == Counter(convergence=4)
    frame = load(tmp_path)
    failed = frame[frame["status"] == "failed"]
    assert (failed["temperature_c"] == 900).all()
    assert failed["detail"].str.contains("(?i)timestep|converge|singular|aborted").all()
    assert failed[["outcome", "sense_time_s", "read_energy_j"]].isna().all(axis=None)
    # Known failures are not tried again unless asked for; their reasons are still told.
    again = run_plan(hot, tmp_path, workers=1)
    assert (again.simulated, again.reasons) == (0, Counter(convergence=4))
    assert run_plan(hot, tmp_path, workers=1, retry_failed=True).simulated == 4


def _dies_by_its_own(chunk: Chunk) -> ChunkResult:
    """Simulate, but die of SIGABRT at the points of 5 kohm."""
    if any(record.r_bl_ohm == 5e3 for _, record, _ in chunk.jobs):
        os.write(2, b"the last thing it said\n")
        os.abort()
    return run_chunk(chunk)


def _is_killed(chunk: Chunk) -> ChunkResult:
    os.kill(os.getpid(), signal.SIGKILL)
    return run_chunk(chunk)


def _has_a_bug(chunk: Chunk) -> ChunkResult:
    if any(record.r_bl_ohm == 5e3 for _, record, _ in chunk.jobs):
        raise ZeroDivisionError("somewhere")
    return run_chunk(chunk)


@pytest.mark.parametrize(
    ("work", "detail"),
    [
        (_dies_by_its_own, "SIGABRT.*the last thing it said"),
        (_has_a_bug, "ZeroDivisionError: somewhere"),
    ],
)
def test_one_bad_point_does_not_take_others_along(tmp_path: Path, work, detail: str) -> None:
    summary = run_plan(plan(), tmp_path, executor=WorkerPool(2, work))
    frame = load(tmp_path)
    assert (summary.ok, summary.failed) == (2, 2)
    assert (frame.loc[frame["r_bl_ohm"] == 5e3, "reason"] == "crash").all()
    assert frame.loc[frame["r_bl_ohm"] == 5e3, "detail"].str.contains(detail).all()
    assert (frame.loc[frame["r_bl_ohm"] == 5e4, "status"] == "ok").all()


def test_a_point_at_which_the_worker_is_killed_every_time_is_a_crash(tmp_path: Path) -> None:
    single = plan(r_bl_ohm=["5k"], r_blb_ohm=["50k"])
    summary = run_plan(single, tmp_path, executor=WorkerPool(1, _is_killed))
    assert summary.reasons == Counter(crash=1)
    assert load(tmp_path)["detail"].str.contains("SIGKILL").all()
    # Left in peace, the point is simulated after all.
    assert run_plan(single, tmp_path, workers=1, retry_failed=True).ok == 1


def test_workers_that_never_begin_are_an_error(tmp_path: Path) -> None:
    with killer(after_s=(0.0, 0.0)) as kills, suppress(WorkersDiedError):
        run_plan(plan(r_bl_ohm=["5k"], r_blb_ohm=["50k"]), tmp_path, workers=1)
        pytest.fail("it went on")
    assert len(kills) >= 10
    assert load(tmp_path).empty


def test_a_caller_that_wants_no_more_gets_nothing_old_later(tmp_path: Path) -> None:
    with WorkerPool(2) as workers:
        next(workers.run(_chunks(plan(**GRID), tmp_path)))
        small = plan(temperature_c=[60])
        found = [key for result in workers.run(_chunks(small, tmp_path)) for key, _ in result.rows]
    expected = [key for chunk in _chunks(small, tmp_path) for key, _, _ in chunk.jobs]
    assert sorted(found) == sorted(expected)


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    process = start_run(
        write_plan(tmp_path / "plan.toml", plan(**MANY)), tmp_path / "run", "--workers", "2"
    )
    wait_for_results(tmp_path / "run", process)
    workers = workers_of(process.pid)
    assert len(workers) == 2
    process.kill()
    process.communicate()
    wait_until(lambda: not alive(workers), within_s=5)


def test_workers_in_an_endless_point_end_with_their_parent(tmp_path: Path) -> None:
    (tmp_path / "loop.lib").write_text(".lib ss\n.lib loop.lib ss\n.endl\n", encoding="utf-8")
    kit = own_kit(tmp_path, in_ss=".lib loop.lib ss")
    path = write_plan(tmp_path / "plan.toml", kit_plan(kit, timeout_s=60.0, corner=["ss"]))
    process = start_run(path, tmp_path / "run", "--workers", "1")
    workers = wait_until(lambda: workers_of(process.pid))
    wait_until(lambda: _processor_seconds(workers[0]) > 1.5)  # past its imports: in the loop
    process.kill()
    process.communicate()
    wait_until(lambda: not alive(workers), within_s=5)


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


def test_a_run_that_was_stopped_and_continued_goes_on(tmp_path: Path) -> None:
    """Ctrl-Z and fg: the time spent stopped is nobody's timeout."""
    made = document(**GRID)
    made["plan"]["point_timeout_s"] = 2.0
    process = start_run(write_plan(tmp_path / "plan.toml", make_plan(made)), tmp_path / "run")
    wait_for_results(tmp_path / "run", process)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGSTOP)
        threading.Timer(4.0, os.kill, (process.pid, signal.SIGCONT)).start()
    start = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert time.monotonic() - start > 3
    assert (load(tmp_path / "run")["status"] == "ok").all()
