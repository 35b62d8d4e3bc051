"""The SLURM example of the docs, as far as it goes without SLURM."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def test_the_job_script_starts_one_worker_with_a_thread_for_every_core() -> None:
    pytest.importorskip("dask_jobqueue")
    spec = importlib.util.spec_from_file_location("slurm_sweep", EXAMPLES / "slurm_sweep.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    with example.make_cluster() as cluster:
        script = cluster.job_script()
        assert cluster.scheduler_address in script
    assert f"#SBATCH --cpus-per-task={example.CORES_PER_JOB}" in script
    assert "#SBATCH -t 08:00:00" in script
    assert f"--nthreads {example.CORES_PER_JOB}" in script
    assert "--nworkers" not in script  # one process: the simulators are processes of their own


def test_the_shell_script_runs_a_plan_on_workers_of_its_own(tmp_path: Path) -> None:
    """With a stand-in for srun that starts what it is given, on this machine."""
    pytest.importorskip("distributed")
    srun = tmp_path / "srun"
    srun.write_text('#!/bin/sh\nexec "$@"\n', encoding="utf-8")
    srun.chmod(0o755)
    plan = tmp_path / "plan.toml"
    plan.write_text(
        '[plan]\ntestbench = "read"\n[axes]\nr_bl_ohm = ["5k", "50k"]\nr_blb_ohm = ["6k"]\n',
        encoding="utf-8",
    )
    process = subprocess.Popen(
        ["sh", str(EXAMPLES / "slurm_sweep.sh"), str(plan), str(tmp_path / "run")],
        cwd=tmp_path,
        env={
            **os.environ,
            # rramchar and dask as in an activated environment, and the stand-in
            "PATH": os.pathsep.join(
                [str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"]]
            ),
            "SLURM_JOB_ID": "1",
            "SLURM_CPUS_PER_TASK": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        # Scheduler and worker live on, as SLURM ends them with the job: do not wait for their pipe.
        assert process.wait(timeout=120) == 0
        assert process.stdout is not None
        said = os.read(process.stdout.fileno(), 100_000).decode()
        assert "2 of 2 points ok" in said
    finally:
        os.killpg(process.pid, 9)


def test_the_shell_script_says_what_is_missing(tmp_path: Path) -> None:
    """Outside the environment it ends at once, instead of waiting for a scheduler for ever."""
    done = subprocess.run(
        ["sh", str(EXAMPLES / "slurm_sweep.sh"), "plan.toml", "run"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "SLURM_JOB_ID": "1", "SLURM_CPUS_PER_TASK": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "is not on PATH" in done.stderr
