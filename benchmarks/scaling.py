"""How a sweep grows with workers, here and on a cluster, and what bounds it.

Run it from a checkout on an idle machine (about three minutes): ``python -m benchmarks.scaling``.
With ``--json`` it prints the numbers alone; ``--quick`` does a tenth of the work, to see that it
works. The last table follows from the measured numbers by the formulas of docs/scaling.md.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import pickle
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from benchmarks.machine import describe_machine
from benchmarks.sweep_ways import cores
from benchmarks.sweep_work import make_work
from rramchar.sweep.cluster import DaskExecutor
from rramchar.sweep.layout import groups, iterate
from rramchar.sweep.plan import Plan, make_plan
from rramchar.sweep.pool import WorkerPool
from rramchar.sweep.run import Executor
from rramchar.sweep.store import FILE_NAME, Store
from rramchar.sweep.worker import Chunk

POINTS_PER_CHUNK = 64
EXECUTORS: dict[str, Callable[[int], Executor]] = {
    "local": WorkerPool,
    "dask": lambda workers: DaskExecutor(workers=workers),
}


def main() -> None:
    """Measure; print tables or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--workers", type=int, default=cores(), help="most workers; the cores")
    options = parser.parse_args()
    found = measure(10 if options.quick else 1, options.workers)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        _print(found)


def measure(scale: int, most_workers: int) -> dict[str, Any]:
    """Return every measured number, and what follows from them for large sweeps."""
    plan = make_work(2000)
    found: dict[str, Any] = {"machine": describe_machine("distributed"), "runs": []}
    for name, workers in itertools.product(EXECUTORS, range(1, most_workers + 1)):
        chunks = itertools.islice(_endless(plan), 3 * workers + 40 * workers // scale)
        found["runs"].append({"executor": name, "workers": workers} | _rate(name, workers, chunks))
    for name in EXECUTORS:
        empty = replace(next(_endless(plan)), jobs=())
        timed = _rate(name, 1, itertools.repeat(empty, 3 + 1000 // scale))
        found[f"{name}_seconds_per_task"] = timed["seconds_per_chunk"]
        found[f"{name}_client_seconds_per_task"] = timed["client_seconds_per_chunk"]
    found |= _client(plan, 1_000_000 // scale)
    found |= _memory(plan)
    found["cores_that_pay"] = 1 / (_one_dask_worker(found) * _client_seconds_per_point(found))
    found["large"] = large_sweeps(found)
    return found


def _rate(name: str, workers: int, chunks: Iterator[Chunk]) -> dict[str, float]:
    """Time an executor over chunks, from when all of its workers are warm."""
    start = time.perf_counter()
    with EXECUTORS[name](workers) as executor:
        results = executor.run(chunks)
        next(results)
        first = time.perf_counter()
        for _ in range(3 * workers - 1):
            next(results)
        warm, used = time.perf_counter(), time.process_time()
        sizes = [len(result.rows) for result in results]
        end, used = time.perf_counter(), time.process_time() - used
    return {
        "first_result_s": first - start,
        "points_per_second": sum(sizes) / (end - warm),
        "seconds_per_chunk": (end - warm) / len(sizes),
        "client_seconds_per_chunk": used / len(sizes),
    }


def _client(plan: Plan, points: int) -> dict[str, float]:
    """Measure what the client does for every point: lay it out, send it, store it, know it."""
    start = time.perf_counter()
    laid_out = sum(1 for _ in itertools.islice(iterate(_large_plan(points)), points))
    layout_s = time.perf_counter() - start
    chunk = next(_endless(plan))
    with WorkerPool(1) as pool:
        result = next(pool.run([chunk]))
    rows = [row for _, row in result.rows]
    found = {
        "layout_points_per_second": laid_out / layout_s,
        "sent_bytes_per_point": len(pickle.dumps(chunk)) / len(chunk.jobs),
        "received_bytes_per_point": len(pickle.dumps(result)) / len(result.rows),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Store(folder, plan.testbench.result_fields) as store:
            start = time.perf_counter()
            for _ in range(points // len(rows)):
                store.add((os.urandom(16), row) for row in rows)
            found["stored_rows_per_second"] = points / (time.perf_counter() - start)
        found["stored_bytes_per_point"] = (folder / FILE_NAME).stat().st_size / points
        tracemalloc.start()
        with Store(folder, plan.testbench.result_fields) as store:
            known = store.reasons()
        found["resume_bytes_per_point"] = tracemalloc.get_traced_memory()[0] / len(known)
        tracemalloc.stop()
    return found


def large_sweeps(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return time, limit and sizes of 10^6 and 10^8 points on clusters.

    A core of the cluster is taken to be one of this machine; the rate of the simulators is that of
    one dask worker times the cores. The client is taken to do one thing after the other: lay every
    point out, send it, take it back, store it; the scheduler shares its core, as measured here.
    """
    rows = []
    for points, workers in itertools.product((10**6, 10**8), (16, 128, 1024)):
        simulating_s = points / (workers * _one_dask_worker(found))
        client_s = points * _client_seconds_per_point(found)
        rows.append(
            {
                "points": points,
                "cores": workers,
                "hours": max(simulating_s, client_s) / 3600,
                "limit": "simulators" if simulating_s > client_s else "client",
                "store_gb": points * found["stored_bytes_per_point"] / 1e9,
                "resume_memory_gb": points * found["resume_bytes_per_point"] / 1e9,
            }
        )
    return rows


def _one_dask_worker(found: dict[str, Any]) -> float:
    runs = {(run["executor"], run["workers"]): run for run in found["runs"]}
    return float(runs["dask", 1]["points_per_second"])


def _client_seconds_per_point(found: dict[str, Any]) -> float:
    per_chunk = float(found["dask_client_seconds_per_task"])
    return (
        1 / found["layout_points_per_second"]
        + per_chunk / POINTS_PER_CHUNK
        + 1 / found["stored_rows_per_second"]
    )


def _memory(plan: Plan) -> dict[str, float]:
    """Measure what a dask worker and one of its simulator processes hold, warm."""
    with DaskExecutor(workers=1) as executor:
        results = executor.run(_endless(plan))
        for _ in range(5):
            next(results)
        held = {
            "simulator_bytes" if "rramchar-worker" in child.cmdline() else "dask_worker_bytes": (
                float(child.memory_full_info().uss)
            )
            for child in psutil.Process().children(recursive=True)
            if {"rramchar-worker", "--multiprocessing-fork"} & set(child.cmdline())
        }
        results.close()
    return held


def _endless(plan: Plan) -> Iterator[Chunk]:
    """Yield chunks of full length over and over, each of one condition."""
    while True:
        for group in groups(plan):
            points = [(p.key, p.record, p.sample) for p in group.points]
            deck = plan.testbench.deck(
                plan.technology,
                group.condition,
                plan.parameters,
                points[0][1],
                mismatch=plan.variation is not None,
            )
            jobs = itertools.islice(itertools.cycle(points), POINTS_PER_CHUNK)
            yield Chunk(
                testbench=plan.testbench.name,
                deck=deck,
                accuracy=plan.accuracy,
                condition=group.condition,
                parameters=plan.parameters,
                point_timeout_s=plan.point_timeout_s,
                jobs=tuple(jobs),
                variation=plan.variation,
                refine=True,
            )


def _large_plan(points: int) -> Plan:
    return make_plan(
        {
            "plan": {"testbench": "read"},
            "axes": {"r_bl_ohm": ["5k"], "r_blb_ohm": ["50k"], "vdd_v": [0.9, 1.2]},
            "monte_carlo": {"samples": -(-points // 2)},
        }
    )


def _print(found: dict[str, Any]) -> None:
    for name, value in found["machine"].items():
        print(f"{name}: {value}")
    print(f"\n{'executor':<10}{'workers':>8}{'points/s':>10}{'first result':>14}")
    for run in found["runs"]:
        print(
            f"{run['executor']:<10}{run['workers']:>8}{run['points_per_second']:>10.0f}"
            f"{run['first_result_s']:>12.2f} s"
        )
    print()
    for name, value in found.items():
        if isinstance(value, float):
            print(f"{name:<28}{value:>14,.4g}")
    print(f"\n{'points':>12}{'cores':>7}{'hours':>8}  {'limit':<12}{'store':>9}{'resume':>10}")
    for row in found["large"]:
        print(
            f"{row['points']:>12,}{row['cores']:>7}{row['hours']:>8.2f}  {row['limit']:<12}"
            f"{row['store_gb']:>6.1f} GB{row['resume_memory_gb']:>7.1f} GB"
        )


if __name__ == "__main__":
    main()
