"""A run's results as a tidy frame, and as CSV or Parquet files with units in the names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rramchar.errors import InputError
from rramchar.provenance import comment_header
from rramchar.sweep.layout import iterate
from rramchar.sweep.lookup import StoredResults, axis_columns, open_run, recorded_plan
from rramchar.sweep.plan import Plan

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
        If the directory holds no run, or a damaged one: every row is checked against its digest.
    """
    return results(open_run(folder), Path(folder))


def results(plan: Plan, folder: Path) -> pd.DataFrame:
    """Return the results of a run whose plan is at hand; see `load`."""
    with StoredResults(folder, plan) as store:
        store.check()
        meta = store.meta()
        planned = recorded_plan(plan, meta)
        index, columns = _stored_columns(store, planned)
    order = np.argsort(index)
    index = index[order]
    frame = pd.DataFrame({"point": index, **axis_columns(planned, index)})
    frame["x"] = frame["x"].astype("Int64")
    for name in ("status", "reason", *plan.testbench.result_fields, "solver", "seconds", "detail"):
        frame[name] = pd.Series(columns[name][order])
    frame["precharge_ok"] = frame["precharge_ok"].astype("boolean")
    frame.attrs.update(meta, missing=len(plan) - len(frame))
    return frame


def _stored_columns(
    store: StoredResults, plan: Plan
) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
    """Return the numbers of the planned points that are stored, and their columns.

    Column by column and in batches: 10^6 rows as dictionaries would take gigabytes.
    """
    kinds = {**dict.fromkeys(store.columns, "TEXT"), **plan.testbench.result_fields}
    kinds["seconds"] = "REAL"
    index_of = {point.key: point.index for point in iterate(plan)}
    words: dict[Any, Any] = {}  # few different texts stand in many rows; each is kept once
    numbers: list[NDArray[np.int64]] = []
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in store.columns}
    for batch in store.batches(f"SELECT key, {', '.join(store.columns)} FROM results"):
        keys, *values = zip(*batch, strict=True)
        number = np.fromiter((index_of.get(key, -1) for key in keys), np.int64, len(keys))
        planned = number >= 0  # others belong to an earlier plan or model library
        numbers.append(number[planned])
        for name, column in zip(store.columns, values, strict=True):
            if kinds[name] == "REAL":
                array = np.array(column, dtype=float)
            else:
                array = np.array([words.setdefault(v, v) for v in column], dtype=object)
            parts[name].append(array[planned])
    empty = {n: np.array([], float if kinds[n] == "REAL" else object) for n in store.columns}
    joined = {n: np.concatenate([empty[n], *found]) for n, found in parts.items()}
    return np.concatenate([np.array([], np.int64), *numbers]), joined


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
