"""A run's results as a tidy frame, and as CSV or Parquet files with units in the names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from rramchar.errors import InputError, StoreError
from rramchar.provenance import comment_header
from rramchar.sweep.layout import iterate
from rramchar.sweep.plan import Plan, load_plan
from rramchar.sweep.run import PLAN_FILE
from rramchar.sweep.store import Store

FORMATS = ("csv", "parquet")


def load(folder: str | Path) -> pd.DataFrame:
    """Return the results of a run, one row per planned point that was simulated.

    Parameters
    ----------
    folder : str or Path
        Run directory.

    Returns
    -------
    DataFrame
        Columns ``point, corner, temperature_c, vdd_v, r_bl_ohm, r_blb_ohm, x, sample, status,
        reason, outcome, sense_time_s, read_energy_j, precharge_ok`` and more, in plan order.
        Result columns of a failed point are empty; ``frame.attrs`` holds the run's metadata and
        ``missing``, the number of planned points not simulated yet.

    Raises
    ------
    StoreError
        If the directory holds no run, or a damaged one.
    """
    return results(*_open(Path(folder)))


def results(plan: Plan, folder: Path) -> pd.DataFrame:
    """Return the results of a run whose plan is at hand; see `load`."""
    with Store(folder, plan.testbench.result_fields, read_only=True) as store:
        stored = dict(store.rows())
        meta = store.meta()
    # What was simulated with a model library stays readable after the library has changed.
    digest = meta.get("technology_digest", plan.technology.digest)
    plan = replace(plan, technology=replace(plan.technology, digest=digest))
    order = ["status", "reason", *plan.testbench.result_fields, "solver", "seconds", "detail"]
    rows: list[dict[str, Any]] = []
    missing = 0
    for point in iterate(plan):
        row = stored.get(point.key)
        if row is None:
            missing += 1
            continue
        rows.append(
            {
                "point": point.index,
                **point.values,
                "sample": point.sample or 0,
                **{k: row[k] for k in order},
            }
        )
    columns = ["point", *_axis_order(plan), "sample", *order]
    frame = pd.DataFrame(rows, columns=columns).sort_values("point", ignore_index=True)
    frame["x"] = frame["x"].astype("Int64")
    frame["precharge_ok"] = frame["precharge_ok"].astype("boolean")
    for name, kind in plan.testbench.result_fields.items():
        if kind == "REAL":
            frame[name] = frame[name].astype(float)
    frame.attrs.update(meta, missing=missing)
    return frame


def export(folder: str | Path, output: str | Path, form: str) -> int:
    """Write a run's results as a table that other programs read.

    Parameters
    ----------
    folder : str or Path
        Run directory.
    output : str or Path
        File to write.
    form : str
        ``csv`` (with a commented header) or ``parquet``.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    InputError
        If the format is unknown or the file cannot be written.
    StoreError
        If the directory holds no run.
    """
    if form not in FORMATS:
        raise InputError(f"--to {form!r}: expected one of {', '.join(FORMATS)}")
    frame = load(folder)
    meta = {str(key): value for key, value in frame.attrs.items()}
    try:
        if form == "parquet":
            frame.attrs = {key: value for key, value in meta.items() if key != "missing"}
            frame.to_parquet(output, index=False)
        else:
            with Path(output).open("w", encoding="utf-8", newline="") as stream:
                stream.write(comment_header("rramchar sweep results; SI units in the names", meta))
                frame.to_csv(stream, index=False)
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}") from None
    return len(frame)


def _axis_order(plan: Plan) -> list[str]:
    return ["corner", "temperature_c", "vdd_v", *plan.testbench.point_fields]


def _open(folder: Path) -> tuple[Plan, Path]:
    if not (folder / PLAN_FILE).is_file():
        raise StoreError(f"{folder}: no {PLAN_FILE} here; is it a run directory?")
    return load_plan(folder / PLAN_FILE, check_files=False), folder
