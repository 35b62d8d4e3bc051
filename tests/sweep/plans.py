"""Small plans that the sweep tests share."""

from __future__ import annotations

from typing import Any

from rramchar.sweep import Plan, make_plan


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
