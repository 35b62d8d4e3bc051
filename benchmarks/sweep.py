"""The sweep engine beside the other ways to simulate the same points, in one run.

Run it from a checkout on an idle machine: ``python -m benchmarks.sweep`` (about 10 minutes). With
``--json`` it prints the numbers alone; ``--quick`` does a tenth of the work, to see that it works.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.machine import describe_machine
from benchmarks.sweep_accuracy import accuracy
from benchmarks.sweep_ways import Results, batch, cores, loop, pyspice
from benchmarks.sweep_work import make_work
from rramchar.sweep import load, run_plan
from rramchar.sweep.plan import Plan

TARGETS = {
    "speedup_over_pyspice": (">=", 4),
    "speedup_over_pyspice_default": (">=", 50),
    "speedup_over_batch": (">=", 3),
    "time_over_handwritten_loop": ("<=", 1.10),
    "two_workers_over_one": (">=", 1.85),
    "overhead_fraction": ("<", 0.05),
    "memory_growth_fraction": ("<", 0.05),
    "first_result_s": ("<=", 2.0),
    "layout_s": ("<=", 30),
    "layout_bytes": ("<=", 1e9),
    "wrong_decisions": ("==", 0),
    "sense_time_error_p95": ("<=", 0.01),
    "sense_time_error_max": ("<=", 0.03),
    "read_energy_error_p95": ("<=", 0.01),
    "read_energy_error_max": ("<=", 0.03),
}


def main() -> None:
    """Measure, print a table or JSON, exit with 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--repeats", type=int, default=3, help="interleaved repeats; medians count")
    options = parser.parse_args()
    scale = 10 if options.quick else 1
    say = (lambda text: None) if options.json else (lambda text: print(text, flush=True))
    found = measure(2000 // scale, scale, options.repeats, say)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print_table(found)
    sys.exit(1 if found["missed"] else 0)


def measure(points: int, scale: int, repeats: int, say: Any) -> dict[str, Any]:
    """Run every part and return the named numbers."""
    plan = make_work(points)
    found: dict[str, Any] = {"machine": describe_machine(), "points": len(plan), "cores": cores()}
    rates: dict[str, list[float]] = {}
    counts = {"pyspice": 400 // scale, "batch": 400 // scale, "batch_default": 20}
    for repeat in range(repeats):
        for name, result, seconds in _ways(plan, counts):
            rates.setdefault(name, []).append(len(result) / seconds)
            say(f"{repeat + 1}/{repeats} {name}: {len(result)} points, {rates[name][-1]:.4g} /s")
    say("PySpice as it comes")
    result, seconds = pyspice(plan, 10, threads_off=False)
    rates["pyspice_default"] = [len(result) / seconds]
    rates.setdefault("rramchar_all_cores", rates["rramchar_two_workers"])
    rate = {name: statistics.median(values) for name, values in rates.items()}
    found["points_per_second"] = rate
    ours = rate["rramchar_all_cores"]
    found |= {
        "speedup_over_pyspice": ours / rate["pyspice"],
        "speedup_over_pyspice_default": ours / rate["pyspice_default"],
        "speedup_over_batch": ours / rate["batch"],
        "speedup_over_batch_one_thread": ours / rate["batch_one_thread"],
        "time_over_handwritten_loop": rate["handwritten_loop"] / ours,
        "two_workers_over_one": rate["rramchar_two_workers"] / rate["rramchar_one_worker"],
    }
    for part, size in (
        ("overhead", points),
        ("memory", 20_000 // scale),
        ("layout", 1_000_000 // scale),
        ("first_result", 1_000_000 // scale),
    ):
        say(part)
        found |= in_own_process(part, size)
    say("accuracy")
    found |= accuracy(plan, ours_of(plan, cores())[0], 400 // scale)
    found["missed"] = [name for name in TARGETS if not _met(name, found[name])]
    return found


def _ways(plan: Plan, counts: dict[str, int]) -> Any:
    yield "pyspice", *pyspice(plan, counts["pyspice"], threads_off=True)
    yield "batch_one_thread", *batch(plan, counts["batch"], threads_off=True)
    yield "batch", *batch(plan, counts["batch_default"], threads_off=False)
    yield "handwritten_loop", *loop(plan)
    yield "rramchar_one_worker", *ours_of(plan, 1)
    yield "rramchar_two_workers", *ours_of(plan, 2)
    if cores() != 2:
        yield "rramchar_all_cores", *ours_of(plan, cores())


def ours_of(plan: Plan, workers: int) -> tuple[Results, float]:
    """Run a plan into a new run directory; return results by point, and the seconds taken."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run_plan(plan, folder, workers=workers)
        seconds = time.perf_counter() - start
        frame = load(folder)
    return frame[frame["status"] == "ok"].set_index("point").to_dict("index"), seconds


def in_own_process(part: str, points: int) -> dict[str, Any]:
    """Run a part in a fresh Python process and return its numbers."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sweep_parts", part, str(points)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{part}: {done.stderr}")
    return dict(json.loads(done.stdout))


def _met(name: str, value: float) -> bool:
    sign, bound = TARGETS[name]
    return {">=": value >= bound, "<=": value <= bound, "<": value < bound, "==": value == bound}[
        sign
    ]


def print_table(found: dict[str, Any]) -> None:
    """Print the machine, points per second of each way, and every number beside its target."""
    print("\n".join(f"{name}: {value}" for name, value in found["machine"].items()))
    print(f"\n{found['points']} points; medians\n")
    for name, rate in sorted(found["points_per_second"].items(), key=lambda item: item[1]):
        print(f"{name:24s} {rate:10.4g} points/s {1e3 / rate:10.3f} ms/point")
    print()
    for name, (sign, bound) in TARGETS.items():
        verdict = "" if name not in found["missed"] else "  MISSED"
        print(f"{name:30s} {found[name]:12.4g}   target {sign} {bound:g}{verdict}")
    print(
        f"\naccuracy on {found['accuracy_points']} points ({found['references_failed']} references "
        f"failed); {found['refined_points']} of {found['points']} points were simulated again with "
        "the fine solver"
    )


if __name__ == "__main__":
    main()
