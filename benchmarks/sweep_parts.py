"""Parts of `benchmarks.sweep` that measure a process from inside; each runs in a fresh one."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.sweep_work import make_work
from rramchar.spice.session import process_session
from rramchar.sweep.layout import groups, iterate
from rramchar.sweep.plan import Plan, make_plan
from rramchar.sweep.worker import Chunk, run_chunk


def overhead(points: int) -> dict[str, float]:
    """Return the share of a worker's time that it does not spend inside libngspice."""
    plan = make_work(points)
    library = process_session()._library
    inside = 0.0

    def timed(function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            nonlocal inside
            start = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                inside += time.perf_counter() - start

        return call

    for name in ("send", "load", "vector"):
        setattr(library, name, timed(getattr(library, name)))
    start = time.perf_counter()
    for group in groups(plan):
        laid_out = list(group.points)
        deck = plan.testbench.deck(
            plan.technology, group.condition, plan.parameters, laid_out[0].record, mismatch=True
        )
        run_chunk(
            Chunk(
                testbench=plan.testbench.name,
                deck=deck,
                accuracy=plan.accuracy,
                condition=group.condition,
                parameters=plan.parameters,
                point_timeout_s=plan.point_timeout_s,
                jobs=tuple((p.key, p.record, p.sample) for p in laid_out),
                variation=plan.variation,
                refine=True,
            )
        )
    return {"overhead_fraction": 1 - inside / (time.perf_counter() - start)}


def memory(points: int) -> dict[str, float]:
    """Return how much a run's processes grow from a tenth of the points to the last."""
    from rramchar.sweep import run_plan

    plan = make_work(points)
    samples: list[tuple[float, int]] = []
    share = 0.0
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(0.2):
            samples.append((share, _resident_bytes(os.getpid())))

    def progress(done: int, total: int, failed: int) -> None:
        nonlocal share
        share = done / total

    watcher = threading.Thread(target=watch)
    watcher.start()
    with tempfile.TemporaryDirectory() as folder:
        run_plan(plan, folder, progress=progress)
        finished.set()
        watcher.join()
    early = max(size for part, size in samples if part <= 0.1)
    late = max(size for part, size in samples if part > 0.9)
    return {
        "memory_points": len(plan),
        "memory_bytes": late,
        "memory_growth_fraction": late / early - 1,
    }


def _resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and all its descendants."""
    total, waiting = 0, [pid]
    while waiting:
        here = Path(f"/proc/{waiting.pop()}")
        try:
            total += int((here / "statm").read_text().split()[1]) * resource.getpagesize()
            for task in (here / "task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except OSError:  # it has ended meanwhile
            continue
    return total


def million(points: int) -> Plan:
    """Return a plan of a thousand nominal points and as many samples of each as asked for."""
    return make_plan(
        {
            "plan": {"testbench": "read"},
            "parameters": {"precharge_time_s": "10n", "sample_time_s": "20n"},
            "axes": {
                "corner": ["tt", "ff", "ss", "fs", "sf"],
                "vdd_v": [0.6, 1.2],
                "r_bl_ohm": {"start": "3k", "stop": "1M", "num": 10, "scale": "log"},
                "r_blb_ohm": {"start": "4k", "stop": "2M", "num": 10, "scale": "log"},
            },
            "monte_carlo": {"samples": max(points // 1000, 1)},
        }
    )


def layout(points: int) -> dict[str, float]:
    """Return time and memory to lay out a large plan, every point with its key."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    count = sum(1 for _ in iterate(million(points)))
    seconds = time.perf_counter() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"layout_points": count, "layout_s": seconds, "layout_bytes": grown * 1024}


def first_result(points: int) -> dict[str, float]:
    """Return the time from reading a large plan to its first stored result."""
    from rramchar.sweep import run_plan

    class Stop(Exception):
        pass

    def progress(done: int, total: int, failed: int) -> None:
        if done:
            raise Stop

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        try:
            run_plan(million(points), folder, progress=progress)
        except Stop:
            return {"first_result_s": time.perf_counter() - start}
    raise RuntimeError("the run ended without a result")


if __name__ == "__main__":
    PARTS = {part.__name__: part for part in (overhead, memory, layout, first_result)}
    print(json.dumps(PARTS[sys.argv[1]](int(sys.argv[2]))))
