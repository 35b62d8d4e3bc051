"""Small plans that the sweep tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli_w

from rramchar.sweep import Plan, make_plan
from rramchar.sweep.store import PLAN_FILE, Store


def document(**axes: Any) -> dict[str, Any]:
    return {
        "plan": {"testbench": "read", "technology": "generic130", "seed": 1},
        "parameters": {"c_bl_f": "30f", "sample_time_s": "5n", "precharge_time_s": "5n"},
        "axes": {"r_bl_ohm": ["5k", "50k"], "r_blb_ohm": ["6k", "60k"], **axes},
    }


def plan(**axes: Any) -> Plan:
    return make_plan(document(**axes))


def rows(frame: Any) -> Any:
    """Return the columns of a frame that a run determines, without its timing."""
    return frame.drop(columns=["seconds"])


def change_plan(folder: Path, made: Plan) -> None:
    """Give a run directory another plan, as a run does that was stopped before its first point."""
    (folder / PLAN_FILE).write_text(tomli_w.dumps(made.document()))
    with Store(folder, made.testbench.result_fields) as store:
        store.set_meta({"plan": made.document()})
