"""Reading a large file of measurements against a bare pandas read of the same file.

    python -m benchmarks.measured --json

Files of several shapes are drawn into a temporary folder. Each is read in processes of its own, by
`rramchar.measured.read_measured` and by `pandas.read_csv`, in turn; the smallest time of the
repeats counts, since other work on the machine only ever adds. Both import the same, which is not
timed. Two ratios of times are given: of wall time, to be read on a quiet machine, and of CPU time
(user and system, all threads). Memory is the peak of the process. The bounds, for files of 1e7
rows, are 1.5 times the time and 3 times the memory. The wide file has as many readings in 5,000
rows.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 10_000_000
REPEATS = 5
BOUNDS = {"time": 1.5, "memory": 3.0}
_BLOCK = 1_000_000
_READINGS = 2_000

_CHILD = """
import json, os, resource, sys, time
import pandas
from rramchar.measured import read_measured
way, path, header, separator = sys.argv[1:]
if way == "pandas":
    read = lambda: pandas.read_csv(path, header=0 if header == "True" else None, sep=separator)
else:
    read = lambda: read_measured(path)
start, began = os.times(), time.perf_counter()
frame = read()
end, wall_s = os.times(), time.perf_counter() - began
print(json.dumps({"rows": len(frame), "wall_s": wall_s,
                  "cpu_s": end.user + end.system - start.user - start.system,
                  "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def cycling_block(start: int, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """One reading per line with operation and state."""
    k = np.arange(start, start + rows)
    return pd.DataFrame(
        {
            "device": k // 2000,
            "cycle": k % 2000 // 2 + 1,
            "operation": np.where(k % 2, "SET", "RESET"),
            "state": np.where(k % 2, "lrs", "hrs"),
            "resistance_ohm": np.round(5e3 * np.exp(rng.normal(size=rows)), 3),
        }
    )


def pulses_block(start: int, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """A pulse log, numbers in full precision."""
    k = np.arange(start, start + rows)
    return pd.DataFrame(
        {
            "device": k // 5000,
            "pulse": k % 5000,
            "operation": "RESET",
            "v_reset_v": np.round(0.5 + k % 50 * 0.05, 2),
            "pulse_width_s": 2e-7,
            "resistance_ohm": 5e3 * np.exp(rng.normal(size=rows)),
        }
    )


def logger_block(start: int, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """The headerless log of progressive RESET, every number with three decimals."""
    k = np.arange(start, start + rows)
    before, after = 5e3 * np.exp(rng.normal(size=(2, rows)))
    columns = [1450 + k // 2000, np.full(rows, 200.0), k % 80 * 0.05, np.full(rows, 3.5)]
    return pd.DataFrame(np.round(np.column_stack([*columns, before, after]), 3))


def wide_block(start: int, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """An address and 2,000 readings per line: 1,000 cycles of RESET and SET."""
    lines = np.arange(start // _READINGS, (start + rows) // _READINGS)
    readings = np.round(5e3 * np.exp(rng.normal(size=(len(lines), _READINGS))), 3)
    return pd.DataFrame(readings, index=lines).reset_index()


@dataclass(frozen=True)
class Shape:
    """A kind of file: its name, what is in it, and how it is written."""

    name: str
    block: Callable[..., pd.DataFrame]
    header: bool = True
    separator: str = ","
    line_end: str = "\n"
    decimals: str | None = None


SHAPES = {
    "cycling": Shape("tidy.csv", cycling_block),
    "windows": Shape("windows.csv", cycling_block, line_end="\r\n"),
    "packed": Shape("packed.csv.gz", cycling_block),
    "pulses": Shape("pulses.csv", pulses_block),
    "logger": Shape("reset-sweep-sl-bench.csv", logger_block, False, "\t", decimals="%.3f"),
    "wide": Shape("wide.csv", wide_block, False),
}


def draw_file(path: Path, rows: int, shape: Shape) -> None:
    """Write a file block by block."""
    rng = np.random.default_rng(1)
    packed = path.suffix == ".gz"
    with gzip.open(path, "wt", 1, newline="") if packed else path.open("w", newline="") as stream:
        for start in range(0, rows, _BLOCK):
            shape.block(start, min(_BLOCK, rows - start), rng).to_csv(
                stream,
                index=False,
                header=start == 0 and shape.header,
                sep=shape.separator,
                float_format=shape.decimals,
                lineterminator=shape.line_end,
            )


def measure(way: str, path: Path, shape: Shape) -> dict[str, float]:
    """Read a file in a process of its own."""
    command = [sys.executable, "-c", _CHILD, way, str(path), str(shape.header), shape.separator]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def compare(path: Path, shape: Shape, repeats: int) -> dict[str, float]:
    """Read a file both ways in turn, and return the best of each with the ratios."""
    runs: dict[str, list[dict[str, float]]] = {"pandas": [], "rramchar": []}
    for _ in range(repeats):
        for way, done in runs.items():
            done.append(measure(way, path, shape))
    best = {
        f"{way}_{key}": min(run[key] for run in done)
        for way, done in runs.items()
        for key in ("cpu_s", "wall_s", "peak_mb")
    }
    ratios = {
        name: best[f"rramchar_{key}"] / best[f"pandas_{key}"]
        for name, key in (("time", "wall_s"), ("cpu_time", "cpu_s"), ("memory", "peak_mb"))
    }
    return {**best, **{f"{name}_ratio": ratio for name, ratio in ratios.items()}}


def main() -> None:
    """Draw, read, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, shape in SHAPES.items():
            path = Path(folder) / shape.name
            draw_file(path, options.rows, shape)
            size = os.path.getsize(path) / 1e6
            results[name] = {"file_mb": size, **compare(path, shape, options.repeats)}
            path.unlink()
            if not options.json:
                print(name, {key: round(value, 2) for key, value in results[name].items()})
    document = {"rows": options.rows, "repeats": options.repeats, "bounds": BOUNDS, **results}
    if options.json:
        print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
