"""Runs on the real ngspice, with real interruptions."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tomli_w
from plans import document, plan, rows

import rramchar.technology
from rramchar.errors import InputError, MissingToolError, StoreError, WorkersDiedError
from rramchar.resources import resource
from rramchar.sweep import load, make_plan, run_plan
from rramchar.sweep.run import PLAN_FILE
from rramchar.sweep.store import FILE_NAME, run_lock

GRID = {
    "vdd_v": [0.6, 0.9, 1.2],
    "r_bl_ohm": {"start": "3k", "stop": "1M", "num": 12, "scale": "log"},
    "r_blb_ohm": {"start": "3.1k", "stop": "970k", "num": 11, "scale": "log"},
}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Rows of an undisturbed run of the grid, with one worker."""
    folder = tmp_path_factory.mktemp("reference")
    run_plan(plan(**GRID), folder, workers=1)
    return rows(load(folder))


def test_rows_are_the_same_for_any_number_of_workers(
    reference: pd.DataFrame, tmp_path: Path
) -> None:
    summary = run_plan(plan(**GRID), tmp_path, workers=3)
    assert (summary.ok, summary.failed, summary.simulated) == (396, 0, 396)
    pd.testing.assert_frame_equal(rows(load(tmp_path)), reference, check_exact=True)


def test_outcomes_follow_the_polarity(reference: pd.DataFrame) -> None:
    decided = reference[reference["outcome"].isin(["plus", "minus"])]
    assert len(decided) > 300
    expected = np.where(decided["r_bl_ohm"] > decided["r_blb_ohm"], "plus", "minus")
    assert (decided["outcome"] == expected).all()


def test_columns_are_the_documented_ones(reference: pd.DataFrame) -> None:
    expected = [
        "point",
        "corner",
        "temperature_c",
        "vdd_v",
        "r_bl_ohm",
        "r_blb_ohm",
        "x",
        "sample",
        "status",
        "reason",
        "outcome",
        "sense_time_s",
        "read_energy_j",
        "precharge_ok",
    ]
    assert list(reference.columns)[: len(expected)] == expected
    assert list(reference["point"]) == list(range(len(reference)))
    assert reference["x"].isna().all()


def test_a_finished_run_is_not_repeated(tmp_path: Path) -> None:
    small = plan()
    assert run_plan(small, tmp_path, workers=1).simulated == 4
    before = (tmp_path / FILE_NAME).read_bytes()
    again = run_plan(small, tmp_path, workers=1)
    assert (again.simulated, again.reused, again.ok) == (0, 4, 4)
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_a_larger_plan_adds_only_what_is_new(tmp_path: Path) -> None:
    run_plan(plan(), tmp_path, workers=1)
    summary = run_plan(plan(vdd_v=[1.2, 1.0]), tmp_path, workers=1)
    assert (summary.points, summary.simulated, summary.reused) == (8, 4, 4)
    assert any("plan changed" in note for note in summary.notes)
    assert len(load(tmp_path)) == 8


def test_a_changed_model_library_is_detected(tmp_path: Path) -> None:
    library = tmp_path / "generic130.lib"
    text = resource("netlists", "generic130.lib").read_text(encoding="utf-8")
    library.write_text(text, encoding="utf-8")
    source = Path(rramchar.technology.__file__).parent / "data"
    definition = (source / "generic130.toml").read_text(encoding="utf-8")
    technology = tmp_path / "mine.toml"
    technology.write_text(definition.replace("shipped:", "").replace('generic130"', 'mine"', 1))
    described = document()
    described["plan"]["technology"] = str(technology)
    run_plan(make_plan(described), tmp_path / "run", workers=1)
    before = rows(load(tmp_path / "run"))
    library.write_text(text.replace("vth0={0.352+dvtn}", "vth0={0.372+dvtn}"), encoding="utf-8")
    # What was simulated stays readable; the change only matters to the next run.
    pd.testing.assert_frame_equal(rows(load(tmp_path / "run")), before, check_exact=True)
    summary = run_plan(make_plan(described), tmp_path / "run", workers=1)
    assert summary.simulated == 4
    assert any("model library" in note for note in summary.notes)
    after = rows(load(tmp_path / "run"))
    assert (after["sense_time_s"] != before["sense_time_s"]).all()


def test_interrupted_by_kill_and_resumed_gives_the_same_rows(
    reference: pd.DataFrame, tmp_path: Path
) -> None:
    """SIGKILL the whole run again and again until it is finished."""
    path = tmp_path / "plan.toml"
    path.write_text(tomli_w.dumps(plan(**GRID).document()), encoding="utf-8")
    command = [sys.executable, "-m", "rramchar.cli.main", "sweep", "run", str(path)]
    run = tmp_path / "run"
    generator = np.random.default_rng(5)
    kills = 0
    for _ in range(4):
        process = subprocess.Popen(
            [*command, "--out", str(run)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _wait_for_results(run, process)
        time.sleep(generator.uniform(0, 0.3))
        if process.poll() is None:
            process.kill()
            kills += 1
        process.wait()
    assert kills > 0
    done = subprocess.run([*command, "--out", str(run)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    pd.testing.assert_frame_equal(rows(load(run)), reference, check_exact=True)


def test_ctrl_c_says_how_to_go_on_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    many = dict(GRID, temperature_c=[0, 27, 60], corner=["tt", "ff", "ss", "fs", "sf"])
    path.write_text(tomli_w.dumps(plan(**many).document()), encoding="utf-8")
    run = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "rramchar.cli.main", "sweep", "run", str(path), "--out", str(run)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell in the background would hand down an ignored interrupt.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    _wait_for_results(run, process)
    os.killpg(process.pid, signal.SIGINT)
    stopped = time.monotonic()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - stopped < 5
    assert "run the same command to go on" in errors
    assert "Traceback" not in errors
    frame = load(run)
    assert len(frame) > 0
    assert (frame["status"] == "ok").all()


def test_a_killed_worker_costs_no_point(tmp_path: Path) -> None:
    """The chunk of a worker that died is run again; every point is there once."""
    killed = threading.Event()

    def kill_a_worker(done: int, _total: int, _failed: int) -> None:
        if done and not killed.is_set():
            for child in _children(os.getpid()):
                os.kill(child, signal.SIGKILL)
                killed.set()
                break

    summary = run_plan(plan(**GRID), tmp_path, workers=2, progress=kill_a_worker)
    assert killed.is_set()
    assert (summary.ok, summary.failed) == (396, 0)
    assert not load(tmp_path)["point"].duplicated().any()


def test_a_hung_point_is_a_recorded_timeout(tmp_path: Path) -> None:
    """No read is done in 50 us, so every point runs into its deadline."""
    described = document(r_bl_ohm=["5k"])
    described["plan"]["point_timeout_s"] = 50e-6
    summary = run_plan(make_plan(described), tmp_path, workers=1)
    assert (summary.ok, summary.failed) == (0, 2)
    assert summary.reasons == Counter(timeout=2)
    frame = load(tmp_path)
    assert (frame["reason"] == "timeout").all()
    assert frame["outcome"].isna().all()


def test_points_that_do_not_converge_are_rows_with_a_reason(tmp_path: Path) -> None:
    """At 900 degC ngspice gives up on the transistor models; the others are not affected."""
    hot = plan(temperature_c=[27, 900])
    summary = run_plan(hot, tmp_path, workers=1)
    assert (summary.ok, summary.failed) == (4, 4)
    assert summary.reasons == Counter(convergence=4)
    frame = load(tmp_path)
    failed = frame[frame["status"] == "failed"]
    assert (failed["temperature_c"] == 900).all()
    assert failed["detail"].str.len().gt(10).all()
    assert failed[["outcome", "sense_time_s", "read_energy_j"]].isna().all(axis=None)
    # Known failures are not tried again unless asked for.
    assert run_plan(hot, tmp_path, workers=1).simulated == 0
    assert run_plan(hot, tmp_path, workers=1, retry_failed=True).simulated == 4


def test_a_crash_at_every_try_is_a_recorded_crash(tmp_path: Path) -> None:
    """Kill the worker whenever it has taken the lone point."""
    single = plan(r_bl_ohm=["5k"], r_blb_ohm=["50k"])
    with _killer(after_s=0.0) as kills:
        reasons = Counter()
        # Where every kill comes before the worker has taken the point, nothing is recorded.
        with suppress(WorkersDiedError):
            reasons = run_plan(single, tmp_path, workers=1).reasons
    assert kills
    assert reasons == Counter(crash=1) or load(tmp_path).empty
    # Left in peace, the point is simulated after all.
    assert run_plan(single, tmp_path, workers=1, retry_failed=True).ok == 1


def test_a_rejected_deck_costs_only_its_own_points(tmp_path: Path) -> None:
    """An undefined parameter in one corner's section breaks libngspice for good in its process."""
    library = tmp_path / "mine.lib"
    text = resource("netlists", "generic130.lib").read_text(encoding="utf-8")
    text = text.replace("generic130.lib", "mine.lib")
    library.write_text(text.replace("kun=0.94", "other=0.94"), encoding="utf-8")
    source = Path(rramchar.technology.__file__).parent / "data" / "generic130.toml"
    definition = source.read_text(encoding="utf-8").replace("shipped:generic130", "mine")
    (tmp_path / "mine.toml").write_text(definition, encoding="utf-8")
    described = document(corner=["tt", "ss", "ff"], vdd_v=[0.9, 1.2])
    described["plan"]["technology"] = str(tmp_path / "mine.toml")
    summary = run_plan(make_plan(described), tmp_path / "run", workers=1)
    frame = load(tmp_path / "run")
    assert (summary.ok, summary.failed) == (16, 8)
    assert set(frame.loc[frame["status"] == "failed", "corner"]) == {"ss"}
    assert (frame.loc[frame["corner"] != "ss", "status"] == "ok").all()
    assert set(frame["reason"].dropna()) <= {"bad_netlist", "crash"}


def test_workers_killed_at_random_cost_no_point(reference: pd.DataFrame, tmp_path: Path) -> None:
    # Fewer kills than starts in a row that end a run, for workers start slowly on a busy machine.
    with _killer(after_s=0.6, most=4) as kills:
        summary = run_plan(plan(**GRID), tmp_path, workers=2)
    assert kills
    assert summary.ok + summary.failed == 396
    run_plan(plan(**GRID), tmp_path, workers=2, retry_failed=True)
    pd.testing.assert_frame_equal(rows(load(tmp_path)), reference, check_exact=True)


def test_the_second_process_on_a_directory_is_refused(tmp_path: Path) -> None:
    with run_lock(tmp_path), pytest.raises(StoreError, match="another process"):
        run_plan(plan(), tmp_path, workers=1)


@pytest.mark.parametrize("damage", ["garbage", "truncated", "empty table"])
def test_a_damaged_store_is_named_and_left_alone(tmp_path: Path, damage: str) -> None:
    run_plan(plan(**GRID), tmp_path, workers=2)
    path = tmp_path / FILE_NAME
    if damage == "garbage":
        path.write_bytes(b"not a database, but long enough to be looked at" * 50)
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    else:
        with sqlite3.connect(path) as database:
            database.execute("DROP TABLE results")
            database.execute("CREATE TABLE results (key BLOB PRIMARY KEY, other TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"results\.sqlite"):
        run_plan(plan(**GRID), tmp_path, workers=1)
    assert path.read_bytes() == before


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    run_plan(plan(), tmp_path, workers=1)
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    with pytest.raises(StoreError, match="schema version 99"):
        load(tmp_path)


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be used as a run directory"):
        run_plan(plan(), tmp_path / "file" / "run", workers=1)


def test_not_a_run_directory(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is it a run directory"):
        load(tmp_path)


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    """SQLite's own page limit stands in for a full disk: it raises the same error."""
    from rramchar.sweep.store import Store

    made = plan()
    with Store(tmp_path, made.testbench.result_fields) as store:
        store.add([(b"first", {"status": "ok"})])
        pages = store._db.execute("PRAGMA page_count").fetchone()[0]
        store._db.execute(f"PRAGMA max_page_count = {pages}")
        many = [(os.urandom(16), {"status": "ok", "detail": "x" * 200}) for _ in range(500)]
        with pytest.raises(StoreError, match="disk is full"):
            store.add(many)
        assert store.keys() == {b"first"}


def test_without_ngspice_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NGSPICE_LIBRARY_PATH", str(tmp_path / "libngspice.so"))
    with pytest.raises(MissingToolError, match="NGSPICE_LIBRARY_PATH"):
        run_plan(plan(), tmp_path / "run", workers=1)
    assert not (tmp_path / "run").exists()


def test_workers_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="workers: 0"):
        run_plan(plan(), tmp_path, workers=0)


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int, int]] = []
    run_plan(plan(), tmp_path, workers=1, progress=lambda *numbers: seen.append(numbers))
    assert seen[-1] == (4, 4, 0)
    assert sorted(seen) == seen


def test_the_resolved_plan_lies_beside_the_results(tmp_path: Path) -> None:
    from rramchar.sweep import load_plan

    made = plan(vdd_v=[0.6])
    run_plan(made, tmp_path, workers=1)
    assert load_plan(tmp_path / PLAN_FILE).document() == made.document()
    assert "finished" in (tmp_path / "log.txt").read_text(encoding="utf-8")


def _wait_for_results(run: Path, process: subprocess.Popen[object]) -> None:
    """Wait until a run has stored something, or ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        uri = f"file:{run / FILE_NAME}?mode=ro"
        with (
            suppress(sqlite3.OperationalError),  # not there yet
            closing(sqlite3.connect(uri, uri=True)) as database,
        ):
            if database.execute("SELECT count(*) FROM results").fetchone()[0]:
                return
        time.sleep(0.02)


def _children(parent: int) -> list[int]:
    """Return the worker processes of a process (not multiprocessing's resource tracker)."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                status = (folder / "stat").read_text()
                command = (folder / "cmdline").read_text()
            except OSError:
                continue  # ended meanwhile
            if int(status.rpartition(")")[2].split()[1]) == parent and "spawn_main" in command:
                found.append(int(folder.name))
    return found


@contextmanager
def _killer(*, after_s: float, most: int | None = None) -> Iterator[list[int]]:
    """Kill every worker process of this process that has lived for some time."""
    kills: list[int] = []
    born: dict[int, float] = {}
    stop = threading.Event()

    def hunt() -> None:
        while not stop.is_set() and (most is None or len(kills) < most):
            for child in _children(os.getpid()):
                if time.monotonic() - born.setdefault(child, time.monotonic()) >= after_s:
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
