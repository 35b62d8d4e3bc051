"""Simulate a plan on a SLURM cluster: python slurm_sweep.py plan.toml runs/big

It needs `pip install -e '.[dask]' dask-jobqueue` in the checkout, and an environment that the nodes
share.
"""

import sys

from dask_jobqueue import SLURMCluster

from rramchar.sweep import load_plan, run_plan
from rramchar.sweep.cluster import DaskExecutor

CORES_PER_JOB = 16
JOBS = 8


def make_cluster() -> SLURMCluster:
    """Describe one job: a dask worker whose every thread drives an ngspice process of its own."""
    return SLURMCluster(
        cores=CORES_PER_JOB,
        processes=1,
        memory="16GB",
        walltime="08:00:00",
        queue="normal",
        scheduler_options={"dashboard_address": ":0"},
    )


def main(plan: str, run: str) -> None:
    """Submit the jobs, simulate what the run directory lacks, end the jobs."""
    with make_cluster() as cluster:
        cluster.scale(jobs=JOBS)
        executor = DaskExecutor(cluster.scheduler_address, say=print)
        print(run_plan(load_plan(plan), run, executor=executor).as_dict())


if __name__ == "__main__":
    main(*sys.argv[1:])
