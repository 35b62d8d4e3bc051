"""How far the sweep's results are from a fine reference, for `benchmarks.sweep`."""

from __future__ import annotations

import math
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.sweep_ways import Results, cores, some
from benchmarks.sweep_work import PRECHARGE_S, SAMPLE_S, SMALLEST_LOG_RATIO, Task
from rramchar.errors import SimulationError
from rramchar.spice.deck import Solver
from rramchar.spice.session import process_session
from rramchar.sweep.layout import iterate
from rramchar.sweep.plan import Plan
from rramchar.technology import Condition
from rramchar.testbench import TESTBENCHES
from rramchar.testbench.read import ReadParameters

STEP_S = 1e-12
_TIGHT = {"method": "trap", "reltol": "1e-6", "chgtol": "1e-19", "abstol": "1e-14", "vntol": "1e-8"}


def _reference(task: Task) -> tuple[int, dict[str, Any] | None]:
    """Simulate one point with steps of 1 ps or less and tight tolerances."""
    session = process_session()
    parameters = ReadParameters(precharge_time_s=PRECHARGE_S, sample_time_s=SAMPLE_S)
    condition = Condition("tt", task.deck.temperature_c, task.vdd_v)  # only the supply is used
    # A step that meets the source edges ends in "timestep too small": other steps are tried.
    for step in (STEP_S, 0.94 * STEP_S, 0.83 * STEP_S):
        deck = replace(task.deck, max_step_s=step)
        try:
            session.load(deck, Solver("reference", _TIGHT))
            session.alter(task.alterations)
            waves = session.run(deck, deck.save)
        except SimulationError:
            session.unload()
            continue
        return task.index, TESTBENCHES["read"].result(waves, condition, parameters)
    return task.index, None


def accuracy(plan: Plan, ours: Results, points: int) -> dict[str, Any]:
    """Compare results with references of points spread over the plan.

    Parameters
    ----------
    plan : Plan
        The work.
    ours : dict
        Results by point, as `benchmarks.sweep` ran them.
    points : int
        Number of points that are compared.

    Returns
    -------
    dict
        Counts, and relative errors at the 95th percentile and at worst.
    """
    ratios = {p.index: abs(math.log(p.record.r_bl_ohm / p.record.r_blb_ohm)) for p in iterate(plan)}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores(), context) as pool:
        found = dict(pool.map(_reference, some(plan, points)))
    references = {i: row for i, row in found.items() if row and ratios[i] >= SMALLEST_LOG_RATIO}
    pairs = [(ours[i], row) for i, row in references.items()]
    errors = {
        name: np.array([abs(a[name] / b[name] - 1) for a, b in pairs if b[name] is not None])
        for name in ("sense_time_s", "read_energy_j")
    }
    result: dict[str, Any] = {
        "accuracy_points": len(pairs),
        "references_failed": sum(row is None for row in found.values()),
        "wrong_decisions": sum(a["outcome"] != b["outcome"] for a, b in pairs),
        "refined_points": sum(str(row["solver"]).startswith("fine") for row in ours.values()),
    }
    for name, values in errors.items():
        short = name.rpartition("_")[0]
        result[f"{short}_error_median"] = float(np.median(values))
        result[f"{short}_error_p95"] = float(np.quantile(values, 0.95))
        result[f"{short}_error_max"] = float(values.max())
    return result
