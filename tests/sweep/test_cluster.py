"""Runs on real dask clusters of separate processes, with real losses of workers and schedulers."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tomli_w
from plans import document, plan, rows

import rramchar
from rramchar.errors import ClusterError, InputError, MissingToolError
from rramchar.sweep import load, make_plan, run_plan
from rramchar.sweep.layout import groups
from rramchar.sweep.run import PLAN_FILE
from rramchar.sweep.site import describe_site, site_difference
from rramchar.sweep.store import FILE_NAME
from rramchar.sweep.worker import Chunk

pytest.importorskip("distributed")

from rramchar.sweep.cluster import DaskExecutor  # noqa: E402

# Every condition is a chunk of its own.
GRID = {
    "corner": ["tt", "ff", "ss", "fs", "sf"],
    "vdd_v": [0.9, 1.05, 1.2],
    "r_bl_ohm": {"start": "3k", "stop": "1M", "num": 4, "scale": "log"},
    "r_blb_ohm": {"start": "3.1k", "stop": "970k", "num": 3, "scale": "log"},
}
POINTS = 180


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Rows of an undisturbed local run of the grid."""
    folder = tmp_path_factory.mktemp("reference")
    run_plan(plan(**GRID), folder, workers=2)
    return rows(load(folder))


class Cluster:
    """A scheduler and workers as a user starts them, each in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "scheduler.json"
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"
        )
        _wait_until(lambda: self.file.is_file() and self.file.stat().st_size)
        self.address = json.loads(self.file.read_text(encoding="utf-8"))["address"]

    def add_worker(self, *, threads: int = 1, **environment: str) -> subprocess.Popen[bytes]:
        options = ("--nthreads", str(threads), "--no-dashboard", "--local-directory", self._folder)
        return self._start("worker", *map(str, options), **environment)

    def _start(self, command: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", command, "--scheduler-file", str(self.file), *options],
            cwd=self._folder,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=(self._folder / f"{command}.log").open("ab"),
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def end(self) -> None:
        for process in self._started[::-1]:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def _cluster(folder: Path) -> Iterator[Cluster]:
    cluster = Cluster(folder)
    try:
        yield cluster
    finally:
        cluster.end()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with one worker of two threads."""
    with _cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        cluster.add_worker(threads=2)
        yield cluster


def test_rows_are_those_of_a_local_run_though_a_worker_is_killed(
    reference: pd.DataFrame, tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill_a_worker(done: int, _total: int, _failed: int) -> None:
        if done and not killed:
            killed.append(_dask_workers_of(os.getpid())[0])
            os.kill(killed[0], signal.SIGKILL)

    summary = run_plan(
        plan(**GRID), tmp_path, executor=DaskExecutor(workers=2), progress=kill_a_worker
    )
    assert killed
    assert (summary.ok, summary.failed, summary.simulated) == (POINTS, 0, POINTS)
    pd.testing.assert_frame_equal(rows(load(tmp_path)), reference, check_exact=True)
    assert not _dask_workers_of(os.getpid())


def test_a_running_scheduler_whose_workers_come_and_go(
    running: Cluster, reference: pd.DataFrame, tmp_path: Path
) -> None:
    said: list[str] = []
    guests: list[subprocess.Popen[bytes]] = []

    def come_and_go(done: int, _total: int, _failed: int) -> None:
        if done and not guests:
            guests.append(running.add_worker())
        elif done > POINTS // 2:
            guests[0].kill()  # whatever it is doing

    executor = DaskExecutor(running.address, say=said.append)
    summary = run_plan(plan(**GRID), tmp_path, executor=executor, progress=come_and_go)
    assert guests
    assert (summary.ok, summary.failed) == (POINTS, 0)
    pd.testing.assert_frame_equal(rows(load(tmp_path)), reference, check_exact=True)
    assert "1 dask worker at work" in said


def test_a_hung_point_is_a_timeout_and_a_lone_failure(running: Cluster, tmp_path: Path) -> None:
    """No read is done in 50 us; the cluster's workers themselves are not harmed."""
    described = document(r_bl_ohm=["5k"])
    described["plan"]["point_timeout_s"] = 50e-6
    executor = DaskExecutor(str(running.file))
    summary = run_plan(make_plan(described), tmp_path / "hung", executor=executor)
    assert summary.reasons == Counter(timeout=2)
    hot = plan(temperature_c=[27, 900])
    summary = run_plan(hot, tmp_path / "hot", executor=DaskExecutor(running.address))
    assert (summary.ok, summary.reasons) == (4, Counter(convergence=4))


@pytest.mark.slow
def test_a_point_that_kills_dask_workers_costs_one_point() -> None:
    import dask

    chunk = _chunk(plan())
    (key, _, sample), *others = chunk.jobs
    poisoned = replace(chunk, jobs=((key, _Poison(), sample), *others))
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        DaskExecutor(workers=1) as executor,
    ):
        found = dict(row for result in executor.run([poisoned]) for row in result.rows)
    assert found.keys() == {job[0] for job in chunk.jobs}
    assert (found[key]["status"], found[key]["reason"]) == ("failed", "crash")
    assert "dask workers died" in found[key]["detail"]
    assert {found[job[0]]["status"] for job in others} == {"ok"}


def test_chunks_are_taken_lazily_and_given_up_at_once() -> None:
    chunk = _chunk(plan())
    taken = 0

    def endless() -> Iterator[Chunk]:
        nonlocal taken
        for _ in itertools.count():
            taken += 1
            yield chunk

    with DaskExecutor(workers=1) as executor:
        results = executor.run(endless())
        for _ in range(4):
            assert len(next(results).rows) == len(chunk.jobs)
        assert taken <= 4 + 2 * 3
        results.close()
        start = time.monotonic()
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("ngspice", "worker tcp://.*ngspice library .* install the same package"),
        ("model file", "worker tcp://.*generic130.lib, or one .* differs .* copy the kit"),
        ("nothing", "cannot open rramchar's tasks.* install the same rramchar"),
    ],
)
def test_a_worker_on_another_installation_is_named(tmp_path: Path, what: str, message: str) -> None:
    with _cluster(tmp_path) as cluster:
        cluster.add_worker(**_other_installation(tmp_path, what))
        run = tmp_path / "run"
        with pytest.raises(InputError, match=rf"(?s){cluster.address}: .*{message}"):
            run_plan(plan(), run, executor=DaskExecutor(cluster.address))
        assert load(run).empty


def test_sites_are_compared_across_versions() -> None:
    site = describe_site()
    assert site_difference(site) == ""
    # Whatever else a later version may describe, the versions are compared first.
    told = site_difference({"rramchar": "9.9", "something new": 1})
    assert "planned with 9.9; install the same version on both" in told


@pytest.mark.slow
def test_a_lost_scheduler_is_told_and_the_run_resumes(
    reference: pd.DataFrame, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with _cluster(tmp_path) as cluster:
        cluster.add_worker(threads=2)

        def kill_the_scheduler(done: int, _total: int, _failed: int) -> None:
            if done:
                cluster.scheduler.kill()

        start = time.monotonic()
        with pytest.raises(ClusterError, match="went away.*the same command to go on"):
            run_plan(
                plan(**GRID),
                run,
                executor=DaskExecutor(cluster.address),
                progress=kill_the_scheduler,
            )
        assert time.monotonic() - start < 60
    kept = len(load(run))
    assert 0 < kept < POINTS
    summary = run_plan(plan(**GRID), run, workers=2)
    assert (summary.reused, summary.ok) == (kept, POINTS)
    pd.testing.assert_frame_equal(rows(load(run)), reference, check_exact=True)


def test_ctrl_c_ends_everything_and_keeps_what_was_finished(tmp_path: Path) -> None:
    path = tmp_path / PLAN_FILE
    many = plan(**{**GRID, "temperature_c": list(range(0, 80, 2))})
    path.write_text(tomli_w.dumps(many.document()), encoding="utf-8")
    run = tmp_path / "run"
    mark = f"rramchar-test-{os.getpid()}-{time.time_ns()}"
    process = subprocess.Popen(
        [sys.executable, "-m", "rramchar.cli.main", "sweep", "run", str(path), "--out", str(run),
         "--executor", "dask", "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "RRAMCHAR_TEST_MARK": mark},
        # A shell in the background would hand down an ignored interrupt.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    _wait_until(lambda: process.poll() is not None or _stored(run) > 0)
    os.killpg(process.pid, signal.SIGINT)
    stopped = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert time.monotonic() - stopped < 6  # 2 s on a machine with nothing else to do
    assert "run the same command to go on" in errors
    for noise in ("Traceback", "distributed", "Restarting", "WARNING"):
        assert noise not in errors
    _wait_until(lambda: not _processes_marked(mark), most_s=10)
    assert (load(run)["status"] == "ok").all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"workers": 0}, InputError, "workers: 0, expected at least 1"),
        ({"scheduler": "tcp://a:1", "workers": 2}, InputError, "expected none with scheduler"),
    ],
)
def test_arguments_that_cannot_be_used(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        DaskExecutor(**arguments)


@pytest.mark.parametrize(
    "scheduler", ["tcp://127.0.0.1:1", "nowhere.json", "ftp://a:1", "a:1", "tcp://a:b", ""]
)
def test_no_scheduler_there(scheduler: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no dask scheduler answers there"):
        run_plan(plan(), tmp_path, executor=DaskExecutor(scheduler))


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingToolError, match=r"pip install 'rramchar\[dask\]'"):
        DaskExecutor()


class _Poison:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> Any:
        return os._exit, (3,)


def _chunk(made: Any) -> Chunk:
    group = next(groups(made))
    points = list(group.points)
    return Chunk(
        testbench=made.testbench.name,
        deck=made.testbench.deck(
            made.technology, group.condition, made.parameters, points[0].record
        ),
        accuracy=made.accuracy,
        condition=group.condition,
        parameters=made.parameters,
        point_timeout_s=made.point_timeout_s,
        jobs=tuple((point.key, point.record, point.sample) for point in points),
    )


def _other_installation(folder: Path, what: str) -> dict[str, str]:
    """Return the environment of a worker that has something else than this process."""
    if what == "ngspice":
        from rramchar.spice.library import find_library

        library = folder / "libngspice.so"
        # Bytes behind the end of a library do not matter to the loader.
        library.write_bytes(find_library().read_bytes() + b"another build")
        return {"NGSPICE_LIBRARY_PATH": str(library)}
    package = Path(rramchar.__file__).parent
    if what == "nothing":  # an rramchar of long ago, without what a worker needs
        (folder / "rramchar").mkdir()
        (folder / "rramchar" / "__init__.py").touch()
        return {"PYTHONPATH": str(folder)}
    shutil.copytree(package, folder / "rramchar", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(package.parent / "netlists", folder / "netlists")
    with (folder / "netlists" / "generic130.lib").open("a", encoding="utf-8") as stream:
        stream.write("* changed\n")
    return {"PYTHONPATH": str(folder)}


def _wait_until(condition: Any, most_s: float = 60) -> None:
    deadline = time.monotonic() + most_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _stored(run: Path) -> int:
    with (
        suppress(sqlite3.OperationalError),  # not there yet
        closing(sqlite3.connect(f"file:{run / FILE_NAME}?mode=ro", uri=True)) as database,
    ):
        return int(database.execute("SELECT count(*) FROM results").fetchone()[0])
    return 0


def _dask_workers_of(parent: int) -> list[int]:
    import psutil

    children = psutil.Process(parent).children()
    return [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]


def _processes_marked(mark: str) -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                if mark.encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().decode(errors="replace"))
    return found
