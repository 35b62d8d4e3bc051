"""Results of programming sequences as a table: one row per pulse and programmed device.

Columns: ``point`` (position of the sequence in the plan), ``corner``, ``temperature_c``,
``sample``, one column per axis (such as ``step1_wl_v``), then ``cycle``, ``step``, ``pulse`` (all
counted from 1), ``operation``, ``device``, ``bl_v``, ``sl_v``, ``wl_v``, ``width_s``,
``r_before_ohm``, ``r_after_ohm``, ``energy_j``, ``peak_current_a``, ``end_current_a``, ``reached``
(of a write-verify step), ``status``, ``reason``, ``detail``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from rramchar.errors import InputError
from rramchar.programming.plan import ProgramPlan
from rramchar.provenance import comment_header

PULSES_FILE = "pulses.csv"
PULSE_COLUMNS = (
    "cycle", "step", "pulse", "operation", "device", "bl_v", "sl_v", "wl_v", "width_s",
    "r_before_ohm", "r_after_ohm", "energy_j", "peak_current_a", "end_current_a", "reached",
)  # fmt: skip
_TYPES: Any = {"cycle": "Int64", "step": "Int64", "pulse": "Int64", "reached": "boolean"}
_STATUS = ("status", "reason", "detail")


def pulse_frame(plan: ProgramPlan, stored: Mapping[bytes, Mapping[str, Any]]) -> pd.DataFrame:
    """Return the pulses of all sequences that were simulated, in plan order.

    Parameters
    ----------
    plan : ProgramPlan
        The plan.
    stored : mapping of bytes to mapping
        Rows of the store by the sequence's key.

    Returns
    -------
    DataFrame
        See the module's text. A sequence that failed ends with a row without results, whose
        ``status`` is ``failed``.
    """
    rows: list[dict[str, Any]] = []
    for point in plan.points():
        row = stored.get(point.key)
        if row is None:
            continue
        head = {
            "point": point.index,
            "corner": point.condition.corner,
            "temperature_c": point.condition.temperature_c,
            "sample": point.sample,
            **point.values,
        }
        pulses = json.loads(row["pulses"]) if row["pulses"] else []
        rows += [{**head, **pulse, "status": "ok"} for pulse in pulses]
        if row["status"] != "ok":
            rows.append({**head, **{name: row[name] for name in _STATUS}})
    columns = ["point", "corner", "temperature_c", "sample", *plan.axes, *PULSE_COLUMNS, *_STATUS]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype(_TYPES)


def write_pulses(frame: pd.DataFrame, path: Path, facts: Mapping[str, Any]) -> None:
    """Write pulses as CSV with a commented header; an older file is replaced at once.

    Parameters
    ----------
    frame : DataFrame
        From `pulse_frame`.
    path : Path
        File to write.
    facts : mapping
        Provenance, JSON-serializable.
    """
    temporary = path.with_name(f"{path.name}.new")
    with temporary.open("w", encoding="utf-8", newline="") as stream:
        stream.write(comment_header("rramchar programming pulses; SI units in the names", facts))
        frame.to_csv(stream, index=False)
    temporary.replace(path)


def read_pulses(path: str | Path) -> pd.DataFrame:
    """Read the pulses of a run.

    Parameters
    ----------
    path : str or Path
        Run directory, or its ``pulses.csv``.

    Returns
    -------
    DataFrame
        See the module's text.

    Raises
    ------
    InputError
        If there is no such file.
    """
    path = Path(path)
    file = path / PULSES_FILE if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"{file}: does not exist; finish the run that writes it")
    return pd.read_csv(file, comment="#", dtype=_TYPES)
