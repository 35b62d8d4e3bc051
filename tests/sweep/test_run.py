"""Runs on the real ngspice; what may befall one is in the ``test_faults_*`` files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from faults import GRID
from plans import plan, rows

from rramchar.errors import InputError, MissingToolError, StoreError
from rramchar.sweep import load, run_plan
from rramchar.sweep.run import PLAN_FILE
from rramchar.sweep.store import FILE_NAME


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


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be used as a run directory"):
        run_plan(plan(), tmp_path / "file" / "run", workers=1)


def test_not_a_run_directory(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is it a run directory"):
        load(tmp_path)


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
