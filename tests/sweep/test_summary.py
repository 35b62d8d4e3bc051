"""What a run is said to hold, finished, half done, changed, and while it is being written."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tomli_w
from plans import change_plan, document, plan

from rramchar.errors import StoreError
from rramchar.sweep import Plan, load, make_plan, run_plan, summarize
from rramchar.sweep.layout import iterate
from rramchar.sweep.lookup import axis_columns, point_at
from rramchar.sweep.running import running_pid
from rramchar.sweep.store import Store, run_lock


def fake_run(folder: Path, made: Plan, rows: list[dict[str, Any]]) -> None:
    """Write a run directory with rows for the first points of a plan, in its layout's order."""
    folder.mkdir(exist_ok=True)
    facts = {"plan": made.document(), "technology_digest": made.technology.digest}
    with Store(folder, made.testbench.result_fields) as store:
        store.set_meta(facts)
        store.add([(p.key, row) for p, row in zip(iterate(made), rows, strict=False)])
    (folder / "plan.toml").write_text(tomli_w.dumps(made.document()))
    (folder / "log.txt").write_text(
        f"2026-01-01T00:00:00+00:00 started: {len(made)} points of testbench read\n"
    )


OK = {"status": "ok", "solver": "sweep", "seconds": 0.01, "outcome": "plus", "precharge_ok": True}


def test_counts_of_a_real_run(tmp_path: Path) -> None:
    run_plan(plan(temperature_c=[27, 900]), tmp_path, workers=1)
    report, frame = summarize(tmp_path), load(tmp_path)
    assert (report.points, report.ok, report.failed, report.missing) == (8, 4, 4, 0)
    assert report.outcomes == frame["outcome"].value_counts().to_dict()
    assert report.solvers == frame["solver"].value_counts().to_dict()
    assert report.seconds_total == pytest.approx(frame["seconds"].sum())
    assert report.seconds_longest == frame["seconds"].max()
    (failure,) = report.failures
    row = frame.set_index("point").loc[failure.point]
    assert (failure.reason, failure.points) == ("convergence", 4)
    assert (row["status"], row["detail"]) == ("failed", failure.detail)
    assert failure.values["temperature_c"] == row["temperature_c"] == 900
    assert report.starts == 1
    assert report.finished is not None
    assert report.running is None
    assert report.ngspice_version >= 36


def test_a_half_done_run_and_reasons_in_order(tmp_path: Path) -> None:
    failed = [
        {"status": "failed", "reason": reason, "detail": f"words of {reason}", "seconds": 2.0}
        for reason in ("crash", "timeout", "timeout")
    ]
    rows = [OK, *failed, OK | {"outcome": None, "precharge_ok": False, "solver": "gear"}]
    made = plan(vdd_v=[0.6, 1.2])
    fake_run(tmp_path, made, rows)
    crashed, timed_out = [point.index for point in iterate(made)][1:3]
    report = summarize(tmp_path)
    assert (report.points, report.ok, report.failed, report.missing) == (8, 2, 3, 3)
    assert [(f.reason, f.points) for f in report.failures] == [("timeout", 2), ("crash", 1)]
    assert [f.point for f in report.failures] == [timed_out, crashed]
    assert report.failures[0].detail == "words of timeout"
    assert (report.outcomes, report.precharge_not_ok) == ({"plus": 1}, 1)
    assert report.solvers == {"sweep": 1, "gear": 1}
    assert report.seconds_longest == 2.0
    assert report.as_dict()["reasons"] == {"timeout": 2, "crash": 1}
    quick = summarize(tmp_path, examples=False)
    assert [f.point for f in quick.failures] == [None, None]


def test_an_empty_run(tmp_path: Path) -> None:
    fake_run(tmp_path, plan(), [])
    report = summarize(tmp_path)
    assert (report.points, report.done, report.missing) == (4, 0, 4)
    assert report.seconds_mean == 0
    frame = load(tmp_path)
    assert (len(frame), frame.attrs["missing"]) == (0, 4)
    assert {"point", "status", "sense_time_s"} <= set(frame.columns)


def test_points_of_an_earlier_plan_are_not_counted(tmp_path: Path) -> None:
    run_plan(plan(vdd_v=[0.9, 1.2], temperature_c=[27, 900]), tmp_path, workers=1)
    run_plan(plan(vdd_v=[1.2]), tmp_path, workers=1)
    report = summarize(tmp_path)
    assert (report.points, report.ok, report.failed, report.missing) == (4, 4, 0, 0)
    assert report.failures == ()
    assert any("the plan changed" in note for note in report.notes)
    # Also where the log, that says so, is lost, and where there is more to come than is stored.
    (tmp_path / "log.txt").unlink()
    change_plan(tmp_path, plan(vdd_v=[1.2, 1.1, 1.0, 0.8, 0.7]))
    report = summarize(tmp_path)
    assert (report.points, report.ok, report.missing) == (20, 4, 16)


def test_a_running_run_is_seen_and_not_disturbed(tmp_path: Path) -> None:
    made = plan(
        vdd_v=[0.6, 1.2],
        r_bl_ohm={"start": "3k", "stop": "1M", "num": 12, "scale": "log"},
        r_blb_ohm={"start": "3.1k", "stop": "970k", "num": 11, "scale": "log"},
    )
    path, run = tmp_path / "plan.toml", tmp_path / "run"
    path.write_text(tomli_w.dumps(made.document()))
    command = [sys.executable, "-m", "rramchar.cli.main", "sweep", "run", str(path)]
    process = subprocess.Popen(
        [*command, "--out", str(run)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    seen = []
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if (run / "plan.toml").is_file():
            report = summarize(run)
            if report.running is not None:
                assert len(load(run)) >= report.done
                seen.append(report)
        time.sleep(0.05)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert len(seen) > 1
    assert {report.running.pid for report in seen} == {process.pid}
    done = [report.done for report in seen]
    assert done == sorted(done)
    middle = next(report for report in seen if report.done)
    assert middle.running.rate_per_s == pytest.approx(middle.done / middle.running.over_s, rel=1e-6)
    assert middle.running.left_s == pytest.approx(middle.missing / middle.running.rate_per_s)
    after = summarize(run)
    assert (after.running, after.ok, after.missing) == (None, len(made), 0)


def test_who_holds_a_run_directory(tmp_path: Path) -> None:
    assert running_pid(tmp_path) is None
    with run_lock(tmp_path):
        assert running_pid(tmp_path) == os.getpid()
    # The number of this living process still stands in the file, but it holds it no more.
    assert (tmp_path / ".lock").read_text().strip() == str(os.getpid())
    if sys.platform.startswith("linux"):
        assert running_pid(tmp_path) is None
    for text in ("", "x", "-1", "9" * 30):
        (tmp_path / ".lock").write_text(text)
        assert running_pid(tmp_path) is None


def test_a_resumed_run_is_watched_for_its_rate(tmp_path: Path) -> None:
    fake_run(tmp_path, plan(), [OK])
    with (tmp_path / "log.txt").open("a") as log:
        log.write("2026-01-01T01:00:00+00:00 started: 4 points of testbench read\n")
    with run_lock(tmp_path):
        idle = summarize(tmp_path, measure_s=0.01).running
        told = summarize(tmp_path, rate=(2.0, 60.0)).running
    assert (idle.rate_per_s, idle.left_s) == (None, None)
    assert (told.rate_per_s, told.over_s, told.left_s) == (2.0, 60.0, 1.5)


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is it a run directory"):
        summarize(tmp_path)


LAYOUTS = {
    "axes in any order": document(r_blb_ohm=[6e3, 7e3], vdd_v=[0.6, 1.2], corner=["ss", "tt"]),
    "xnor": document(x=[1, -1], temperature_c=[0, 27]),
    "samples": document(vdd_v=[0.6, 1.2]) | {"monte_carlo": {"samples": 3}},
    "list": {
        **document(vdd_v=[0.6, 1.2]),
        "axes": {"vdd_v": [0.6, 1.2], "corner": ["tt", "ff"]},
        "list": {"r_bl_ohm": [5e3, 6e3, 7e3], "r_blb_ohm": [8e4, 4e3, 1e5]},
        "monte_carlo": {"samples": 2},
    },
}
LAYOUTS["xnor"]["parameters"] |= {"amplifier": "xnor_pcsa"}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_point_by_its_number_is_that_of_the_layout(name: str) -> None:
    made = make_plan(LAYOUTS[name])
    points = sorted(iterate(made), key=lambda point: point.index)
    assert [point.index for point in points] == list(range(len(made)))
    columns = axis_columns(made, pd.RangeIndex(len(made)).to_numpy())
    for point in points:
        condition, found = point_at(made, point.index)
        assert found == point
        assert condition.corner == point.values["corner"]
        for axis, value in point.values.items():
            assert columns[axis][point.index] == value
        assert columns["sample"][point.index] == (point.sample or 0)


@pytest.mark.slow
def test_a_hundred_thousand_points_are_read_in_seconds(tmp_path: Path) -> None:
    made = plan(
        vdd_v={"start": 0.6, "stop": 1.2, "num": 10},
        r_bl_ohm={"start": "3k", "stop": "1M", "num": 100, "scale": "log"},
        r_blb_ohm={"start": "3.1k", "stop": "970k", "num": 100, "scale": "log"},
    )
    fake_run(tmp_path, made, [OK] * 100_000)
    start = time.process_time()
    assert len(load(tmp_path)) == 100_000
    loaded = time.process_time()
    assert summarize(tmp_path).ok == 100_000
    # Three times what it takes, so that a busy machine passes and a slip of an order does not.
    assert loaded - start < 9
    assert time.process_time() - loaded < 3
