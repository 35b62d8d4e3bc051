from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from plans import plan

from rramchar.errors import InputError, StoreError
from rramchar.provenance import read_comment_header
from rramchar.sweep import export, load, run_plan


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    run_plan(plan(vdd_v=[0.6, 1.2], temperature_c=[27, 900]), folder, workers=1)
    return folder


def test_csv_reads_back_with_its_header(run: Path, tmp_path: Path) -> None:
    output = tmp_path / "reads.csv"
    assert export(run, output, "csv") == 16
    frame = pd.read_csv(output, comment="#")
    stored = load(run)
    assert list(frame.columns) == list(stored.columns)
    assert frame["sense_time_s"].to_numpy() == pytest.approx(
        stored["sense_time_s"].to_numpy(), nan_ok=True, rel=1e-15
    )
    header = read_comment_header(output)
    assert header["plan"]["plan"]["testbench"] == "read"
    assert header["ngspice_version"] >= 36
    assert len(header["technology_digest"]) == 64


def test_parquet_keeps_types_and_missing_values(run: Path, tmp_path: Path) -> None:
    output = tmp_path / "reads.parquet"
    export(run, output, "parquet")
    frame = pd.read_parquet(output)
    pd.testing.assert_frame_equal(frame, load(run), check_exact=True)
    failed = frame[frame["status"] == "failed"]
    assert len(failed) == 8
    assert failed["precharge_ok"].isna().all()


def test_export_is_repeatable(run: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    export(run, first, "csv")
    export(run, second, "csv")
    assert first.read_bytes() == second.read_bytes()


def test_unfinished_points_are_counted_not_invented(run: Path) -> None:
    from rramchar.sweep import results

    larger = plan(vdd_v=[0.6, 1.2, 0.9], temperature_c=[27, 900])
    frame = results(larger, run)
    assert len(frame) == 16
    assert frame.attrs["missing"] == 8
    assert set(frame["vdd_v"]) == {0.6, 1.2}


@pytest.mark.parametrize(
    ("form", "name", "message"),
    [("xlsx", "a.xlsx", "expected one of csv, parquet"), ("csv", "no/such/a.csv", "be written")],
)
def test_bad_exports(run: Path, tmp_path: Path, form: str, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        export(run, tmp_path / name, form)


def test_export_of_no_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is it a run directory"):
        export(tmp_path, tmp_path / "a.csv", "csv")
