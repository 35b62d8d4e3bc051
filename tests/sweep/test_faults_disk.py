"""A full disk, a limit on file size, a directory that cannot be written: said, and nothing lost."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from faults import COMMAND, GRID, write_plan
from plans import plan, rows

from rramchar.sweep import load, run_plan
from rramchar.sweep.store import FILE_NAME

_IN_A_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


def _one_clear_error(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    message = " ".join(result.stderr.split())
    assert message.count("error:") == 1
    return message


@pytest.mark.parametrize(
    "limit_bytes",
    [40_000, *(pytest.param(n, marks=pytest.mark.slow) for n in (1000, 10_000, 90_000))],
)
def test_a_limit_on_the_size_of_files(
    reference: pd.DataFrame, tmp_path: Path, limit_bytes: int
) -> None:
    """For the system it is the same as a full disk, but anybody may set it."""
    path = write_plan(tmp_path / "plan.toml", plan(**GRID))
    run = tmp_path / "run"
    result = subprocess.run(
        [*COMMAND, str(path), "--out", str(run), "--workers", "2"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes)),
    )
    message = _one_clear_error(result)
    assert "cannot be written" in message
    assert "run the same command again" in message
    summary = run_plan(plan(**GRID), run, workers=2)
    assert summary.ok == 396
    pd.testing.assert_frame_equal(rows(load(run)), reference, check_exact=True)


def test_a_full_disk(reference: pd.DataFrame, tmp_path: Path) -> None:
    """On a real, small file system; room is made later, and the run goes on."""
    path = write_plan(tmp_path / "plan.toml", plan(**GRID))
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    disk.mkdir()
    run = f"{sys.executable} -m rramchar.cli.main sweep run {path} --out {disk}/run --workers 2"
    script = f"""
        mount -t tmpfs -o size=120k none {disk} || exit 77
        {run}; echo "code $?"
        mount -o remount,size=20m {disk} && {run} --json && cp -r {disk}/run {copy}
    """
    if shutil.which("unshare") is None:
        pytest.skip("no unshare here")
    result = subprocess.run(
        [*_IN_A_NAMESPACE, "sh", "-c", script], capture_output=True, text=True, check=False
    )
    if "code" not in result.stdout:
        pytest.skip(f"no file system can be mounted here: {result.stderr}")
    assert "code 2" in result.stdout
    assert "Traceback" not in result.stderr
    message = " ".join(result.stderr.split())
    assert "cannot be written" in message
    assert "run the same command again" in message
    pd.testing.assert_frame_equal(rows(load(copy)), reference, check_exact=True)


def _obey_permissions() -> None:
    """Give up, as root, the right to write where the permissions forbid it."""
    libc = ctypes.CDLL(None, use_errno=True)
    drop_from_bounding_set, dac_override, dac_read_search = 24, 1, 2
    for capability in (dac_override, dac_read_search):
        libc.prctl(drop_from_bounding_set, capability, 0, 0, 0)


def _in_a_read_only_folder(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    mode = folder.stat().st_mode
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        return subprocess.run(
            [sys.executable, "-m", "rramchar.cli.main", "sweep", *arguments],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=_obey_permissions if os.geteuid() == 0 else None,
        )
    finally:
        folder.chmod(mode)


def test_a_read_only_directory(tmp_path: Path) -> None:
    path = write_plan(tmp_path / "plan.toml", plan())
    locked = tmp_path / "locked"
    locked.mkdir()
    for out in (locked, locked / "run"):
        result = _in_a_read_only_folder(locked, "run", str(path), "--out", str(out))
        assert "cannot be used as a run directory (Permission denied)" in _one_clear_error(result)
    assert not list(locked.iterdir())


def test_results_are_read_where_nothing_can_be_written(tmp_path: Path) -> None:
    """SQLite would make a file beside the results to read them; an archive forbids that."""
    run = tmp_path / "run"
    run_plan(plan(), run, workers=1)
    assert not (run / f"{FILE_NAME}-wal").exists()
    output = tmp_path / "results.csv"
    result = _in_a_read_only_folder(run, "export", str(run), "--to", "csv", "-o", str(output))
    assert result.returncode == 0, result.stderr
    assert len(pd.read_csv(output, comment="#")) == 4
    path = write_plan(tmp_path / "plan.toml", plan(vdd_v=[0.9]))
    result = _in_a_read_only_folder(run, "run", str(path), "--out", str(run))
    assert "cannot be used as a run directory" in _one_clear_error(result)
