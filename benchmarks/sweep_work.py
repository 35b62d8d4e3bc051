"""The work that every way of `benchmarks.sweep` does: reads of a 2T2R cell under all variations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from rramchar.spice.deck import LADDERS, Deck
from rramchar.sweep.layout import groups
from rramchar.sweep.plan import Plan, make_plan

PRECHARGE_S = 10e-9
SAMPLE_S = 20e-9
EDGE_S = 50e-12
SMALLEST_LOG_RATIO = 0.3
SOLVER = LADDERS["sweep"][0]


def make_work(points: int = 2000, seed: int = 1) -> Plan:
    """Return a plan of PCSA reads: 5 corners, 2 temperatures, 2 supplies, resistances, mismatch.

    Parameters
    ----------
    points : int
        Wanted number of points; rounded up to a multiple of 100.
    seed : int
        Of resistances and mismatch.

    Returns
    -------
    Plan
        Twenty conditions with ``points / 100`` pairs of resistances each, five mismatch samples.
    """
    pairs = math.ceil(points / 100)
    generator = np.random.default_rng(seed)
    log_r = generator.uniform(math.log(3e3), math.log(1e6), pairs)
    distance = generator.uniform(SMALLEST_LOG_RATIO, 3.0, pairs)
    # Away from the end of the range that is nearer, so that both stay inside it.
    sign = np.where(log_r < math.log(3e3 * 1e6) / 2, 1, -1)
    return make_plan(
        {
            "plan": {"testbench": "read", "seed": seed},
            "parameters": {"precharge_time_s": PRECHARGE_S, "sample_time_s": SAMPLE_S},
            "axes": {
                "corner": ["tt", "ff", "ss", "fs", "sf"],
                "temperature_c": [0, 60],
                "vdd_v": [0.6, 1.2],
            },
            "list": {
                "r_bl_ohm": [float(r) for r in np.exp(log_r)],
                "r_blb_ohm": [float(r) for r in np.exp(log_r + sign * distance)],
            },
            "monte_carlo": {"samples": 5, "mismatch": True, "process": True},
        }
    )


@dataclass(frozen=True)
class Task:
    """One point as plain data, for the ways that do not use the engine.

    Parameters
    ----------
    index : int
        Number in the plan.
    vdd_v : float
        Supply. [V]
    deck : Deck
        The circuit of its condition.
    alterations : dict of str to float
        What makes the circuit this point.
    """

    index: int
    vdd_v: float
    deck: Deck
    alterations: dict[str, float]


def conditions_of(plan: Plan) -> list[list[Task]]:
    """Return all points of a plan, one list per condition (a circuit that is parsed once)."""
    lists = []
    for group in groups(plan):
        tasks: list[Task] = []
        deck = None
        for point in group.points:
            deck = deck or plan.testbench.deck(
                plan.technology, group.condition, plan.parameters, point.record, mismatch=True
            )
            values = plan.testbench.alterations(group.condition, plan.parameters, point.record)
            values |= plan.variation.alterations(point.sample)
            tasks.append(Task(point.index, group.condition.vdd_v, deck, values))
        lists.append(tasks)
    return lists


def control_lines(task: Task) -> list[str]:
    """Return the commands that alter, run and measure one point, and print one line of results."""
    half, start = task.vdd_v / 2, PRECHARGE_S + EDGE_S / 2
    sample = start + SAMPLE_S
    return [
        *(f"alter {name} = {value!r}" for name, value in task.alterations.items()),
        "run",
        "let distance = abs(v(q) - v(qb))",
        f"meas tran ts trig v(sen) val={half:g} td={PRECHARGE_S / 2:g} rise=1 "
        f"targ distance val={half:g} td={start:g} rise=1",
        f"meas tran vq find v(q) at={sample:.9g}",
        f"meas tran vqb find v(qb) at={sample:.9g}",
        f"meas tran charge integ i(vdd) from=0 to={sample:.9g}",
        f"echo RESULT {task.index} $&vq $&vqb $&charge $&ts",
        "destroy all",
    ]


def loop_deck(tasks: list[Task]) -> str:
    """Return one deck that simulates points of one condition in a ``.control`` loop."""
    text = tasks[0].deck.text(SOLVER).replace(".end\n", "")
    saved = next(line for line in text.splitlines() if line.startswith(".save"))
    text = text.replace(saved, ".save v(sen) v(q) v(qb) i(vdd)")
    commands = [line for task in tasks for line in control_lines(task)]
    return "\n".join([text, ".control", *commands, "quit", ".endc", ".end", ""])


def outcome(v_q: float, v_qb: float, vdd_v: float) -> str:
    """Name the outcome of a read from the outputs at the sampling time."""
    q, qb = v_q > vdd_v / 2, v_qb > vdd_v / 2
    return {(True, True): "zero", (True, False): "plus", (False, True): "minus"}.get(
        (q, qb), "invalid"
    )


def parse_results(printed: str, supplies: dict[int, float]) -> dict[int, dict[str, Any]]:
    """Read the RESULT lines that a loop printed."""
    results = {}
    for line in printed.splitlines():
        if not line.startswith("RESULT "):
            continue
        index, v_q, v_qb, charge, *time_s = line.split()[1:]  # undecided reads have no time
        vdd_v = supplies[int(index)]
        results[int(index)] = {
            "outcome": outcome(float(v_q), float(v_qb), vdd_v),
            "sense_time_s": float(time_s[0]) if time_s else None,
            "read_energy_j": -vdd_v * float(charge),
        }
    return results
