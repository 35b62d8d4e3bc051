"""Run a study of learning: in parallel, resumable task by task, summarized over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from rramchar.errors import StoreError
from rramchar.nn.evaluate import Progress
from rramchar.nn.learn.folder import make_folder
from rramchar.nn.learn.study import (
    Context,
    Finding,
    Request,
    Study,
    StudyResult,
    Task,
    entry,
    resolve,
)
from rramchar.nn.learn.study_statistics import summarize
from rramchar.nn.parallel import check_workers, run_parallel
from rramchar.nn.study_tasks import Row, load_rows, write_json
from rramchar.nn.tables import write_frame
from rramchar.provenance import provenance


def plan_study(name: str, request: Request) -> Study:
    """Return a registered study with its tasks.

    Parameters
    ----------
    name : str
        A key of `rramchar.nn.learn.study.STUDIES`.
    request : Request
        Data, seeds, length, options.

    Returns
    -------
    Study
        Nothing is run.

    Raises
    ------
    InputError
        If there is no such study, or the request cannot be met.
    """
    study: Study = resolve(entry(name).plan)(request)
    return study


def findings(result: StudyResult) -> list[Finding]:
    """Return the published statement beside what a study found."""
    found: list[Finding] = resolve(entry(result.study.name).find)(result)
    return found


def plot_study(result: StudyResult) -> Any:
    """Return the figure of a study; its function stands above this package and is found by name."""
    return resolve(entry(result.study.name).plot)(result)


def run_study(
    study: Study, folder: str | Path, *, workers: int = 1, progress: Progress | None = None
) -> StudyResult:
    """Run a study, or what of it is not finished yet.

    Parameters
    ----------
    study : Study
        From `plan_study`.
    folder : str or path
        Where runs, parts and tables go; made if missing. What it holds of earlier studies with the
        same settings is used.
    workers : int
        Processes; the result is the same for any number.
    progress : callable, optional
        Called with the number of finished tasks and the number of all.

    Returns
    -------
    StudyResult
        Its tables are also written: ``STUDY_TABLE.csv`` and ``STUDY_TABLE_summary.csv``, and the
        findings as ``STUDY_findings.json``.

    Raises
    ------
    InputError
        If data or settings cannot be used.
    StoreError
        If the folder cannot be used, or a file in it is damaged.
    """
    check_workers(workers)
    folder = make_folder(folder)
    make_folder(folder / "parts")
    parts: list[list[Row]] = [[] for _ in study.tasks]
    if progress is not None:
        progress(0, len(parts))
    for done, (index, rows) in enumerate(_all(study, folder, workers), 1):
        parts[index] = rows
        if progress is not None:
            progress(done, len(parts))
    result = _collect(study, parts)
    _write(result, folder)
    return result


def run_task(task: Task, folder: Path) -> list[Row]:
    """Do a task and keep its rows; one BLAS thread, for rounding may depend on their number.

    Parameters
    ----------
    task : Task
        What to do.
    folder : Path
        Of the study.

    Returns
    -------
    list of Row
        With the task's columns and seed.
    """
    with threadpool_limits(1):
        found = task.work(task, Context(folder))
    rows = [{**task.columns, "seed": task.seed, **_plain(row)} for row in found]
    write_json(_part(task, folder), rows)
    return rows


def _all(study: Study, folder: Path, workers: int) -> Iterator[tuple[int, list[Row]]]:
    left = {}
    for index, task in enumerate(study.tasks):
        part = _part(task, folder)
        if part.is_file():
            yield index, _finished(part, task, study)
        else:
            left[index] = (task, folder)
    yield from run_parallel(run_task, left, workers)


def _finished(part: Path, task: Task, study: Study) -> list[Row]:
    """Return the rows of a finished task; rows of something else are damage."""
    rows = load_rows(part)
    own = {**_plain(task.columns), "seed": task.seed}
    columns = {table.name: (*table.keys, *table.measured) for table in study.tables}
    for row in rows:
        missing = [c for c in columns.get(row.get("table", ""), ("table",)) if c not in row]
        if missing or any(row.get(name) != value for name, value in own.items()):
            break
    else:
        if rows:
            return rows
    raise StoreError(
        f"{part}: damaged (its rows are not those of {study.name}, {own}); delete it, and run the "
        "study again"
    )


def _part(task: Task, folder: Path) -> Path:
    return folder / "parts" / f"{task.key()}.json"


def _collect(study: Study, parts: Sequence[Sequence[Row]]) -> StudyResult:
    every = [row for part in parts for row in part]
    rows, summaries = {}, {}
    for table in study.tables:
        mine = [
            {k: v for k, v in row.items() if k != "table"}
            for row in every
            if row["table"] == table.name
        ]
        rows[table.name] = pd.DataFrame(mine)
        if table.measured:
            summaries[table.name] = summarize(rows[table.name], table)
    return StudyResult(study, rows, summaries)


def _plain(row: Mapping[str, Any]) -> Row:
    """Turn numpy's numbers into plain ones, and NaN, which is no JSON, into None."""
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in row.items()}
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in plain.items()}


def _write(result: StudyResult, folder: Path) -> None:
    study = result.study
    first = study.tasks[0].settings
    facts = provenance(study=study.name, title=study.title, settings=dict(first), **study.facts)
    facts["packages"] = {k: v for k, v in facts["packages"].items() if k != "PySpice"}
    for table in study.tables:
        write_frame(
            folder / f"{study.name}_{table.name}.csv",
            result.rows[table.name],
            f"{study.name} study: {table.name}",
            facts,
        )
    for name, summary in result.summaries.items():
        path = folder / f"{study.name}_{name}_summary.csv"
        write_frame(path, summary, f"{study.name} study: {name}, summary over seeds", facts)
    answers: list[Mapping[str, Any]] = [vars(finding) for finding in findings(result)]
    write_json(folder / f"{study.name}_findings.json", {**facts, "findings": answers})
