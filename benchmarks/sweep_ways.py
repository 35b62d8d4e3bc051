"""Ways to simulate the same points: what users write today, and the bound for any of them."""

from __future__ import annotations

import logging
import multiprocessing
import os
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sweep_work import (
    EDGE_S,
    PRECHARGE_S,
    SAMPLE_S,
    Task,
    conditions_of,
    loop_deck,
    outcome,
    parse_results,
)
from rramchar.spice.library import find_library
from rramchar.sweep.altered import write_alterations
from rramchar.sweep.plan import Plan

Results = dict[int, dict[str, Any]]
PYSPICE_STEP_S = 10e-12


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


def some(plan: Plan, points: int) -> list[Task]:
    """Return a number of points spread evenly over a plan."""
    tasks = [task for tasks in conditions_of(plan) for task in tasks]
    return tasks[:: max(1, len(tasks) // points)][:points]


# (a) A PySpice circuit rebuilt for every point, in a process pool.

_SESSION: dict[str, Any] = {}


def _start_pyspice(threads_off: bool) -> None:
    logging.disable(logging.CRITICAL)
    os.environ["NGSPICE_LIBRARY_PATH"] = str(find_library())
    from PySpice.Spice.NgSpice.Shared import NgSpiceShared

    _SESSION["ngspice"] = NgSpiceShared.new_instance()
    if threads_off:
        _SESSION["ngspice"].exec_command("set num_threads=1")


def _pyspice_point(task: Task) -> tuple[int, dict[str, Any]]:
    from PySpice.Spice.Netlist import Circuit
    from PySpice.Unit import u_s

    text = write_alterations(task.deck.circuit, task.alterations)
    circuit = Circuit("read of a 2T2R cell")
    circuit.raw_spice = text.strip().partition("\n")[2] + "\n"
    temperature = task.deck.temperature_c
    simulator = circuit.simulator(
        temperature=temperature, nominal_temperature=27, ngspice_shared=_SESSION["ngspice"]
    )
    simulator.initial_condition(**task.deck.initial_voltages_v)
    simulator.save(["v(sen)", "v(q)", "v(qb)", "i(vdd)"])
    analysis = simulator.transient(
        step_time=u_s(PYSPICE_STEP_S),
        end_time=u_s(task.deck.stop_time_s),
    )
    now = np.array(analysis.time, dtype=float)
    q, qb = np.array(analysis["q"], dtype=float), np.array(analysis["qb"], dtype=float)
    current = np.array(analysis.branches["vdd"], dtype=float)
    start = PRECHARGE_S + EDGE_S / 2
    sample = start + SAMPLE_S
    apart = (np.abs(q - qb) > task.vdd_v / 2) & (now > start)
    inside = now <= sample
    return task.index, {
        "outcome": outcome(
            float(np.interp(sample, now, q)), float(np.interp(sample, now, qb)), task.vdd_v
        ),
        "sense_time_s": float(now[np.argmax(apart)] - start) if apart.any() else None,
        "read_energy_j": float(-task.vdd_v * np.trapezoid(current[inside], now[inside])),
    }


def pyspice(plan: Plan, points: int, *, threads_off: bool) -> tuple[Results, float]:
    """Simulate some points as (a); return the results and the seconds taken, start-up included."""
    tasks = some(plan, points)
    start = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        cores(), context, initializer=_start_pyspice, initargs=(threads_off,)
    ) as pool:
        results = dict(pool.map(_pyspice_point, tasks))
    return results, time.perf_counter() - start


# (b) One ngspice process for every point, and (c) one for every condition.

Deck = tuple[str, dict[int, float]]


def _ngspice_batch(decks: list[Deck], *, threads_off: bool) -> tuple[Results, float]:
    """Run decks, an ``ngspice -b`` process each, on as many threads as there are cores."""

    def run(path: Path, supplies: dict[int, float]) -> Results:
        done = subprocess.run(
            ["ngspice", "-b", path.name], cwd=path.parent, capture_output=True, text=True
        )
        return parse_results(done.stdout, supplies)

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if threads_off:
            (folder / ".spiceinit").write_text("set num_threads=1\n")
        paths = [folder / f"{i}.cir" for i in range(len(decks))]
        for path, (text, _) in zip(paths, decks, strict=True):
            path.write_text(text)
        start = time.perf_counter()
        with ThreadPoolExecutor(cores()) as threads:
            found = list(threads.map(run, paths, [supplies for _, supplies in decks]))
        seconds = time.perf_counter() - start
    return {index: row for rows in found for index, row in rows.items()}, seconds


def batch(plan: Plan, points: int, *, threads_off: bool) -> tuple[Results, float]:
    """Simulate some points as (b), a process each; the decks are written beforehand."""
    decks = []
    for task in some(plan, points):
        text = write_alterations(task.deck.circuit, task.alterations)
        written = replace(task, deck=replace(task.deck, circuit=text), alterations={})
        decks.append((loop_deck([written]), {task.index: task.vdd_v}))
    return _ngspice_batch(decks, threads_off=threads_off)


def loop(plan: Plan) -> tuple[Results, float]:
    """Simulate all points as (c), one process per condition with a loop in it: the bound."""
    return _ngspice_batch(
        [(loop_deck(tasks), {t.index: t.vdd_v for t in tasks}) for tasks in conditions_of(plan)],
        threads_off=True,
    )
