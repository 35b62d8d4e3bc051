"""Studies of many networks: in parallel over networks, resumable, with intervals over networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rramchar.errors import StoreError
from rramchar.nn.chip_interval import mean_interval
from rramchar.nn.evaluate import Progress
from rramchar.nn.gain import MEASURED, ternary_gain
from rramchar.nn.parallel import check_workers, run_parallel
from rramchar.nn.study_tasks import Row, Task, finished_rows, run_task, write_json
from rramchar.nn.tables import write_frame
from rramchar.provenance import provenance


@dataclass(frozen=True)
class Study:
    """A named list of tasks.

    Parameters
    ----------
    name : str
        ``matrix``, ``cells`` or ``table``.
    tasks : tuple of Task
        All networks.
    x : str
        The column that the figure has as its abscissa.
    series : str
        The column that tells lines of one kind of weights apart; empty for none.
    note : str
        What the errors come from, for the figure's title; empty where it is in the axes.
    inputs : tuple of str
        Files that the conditions come from, recorded with their digests.
    """

    name: str
    tasks: tuple[Task, ...]
    x: str
    series: str = ""
    note: str = ""
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class StudyResult:
    """What a study found.

    Parameters
    ----------
    networks : DataFrame
        A row for each network and condition, see `rramchar.nn.study_tasks.run_task`. Its interval
        is over chips of that network.
    summary : DataFrame
        A row for each condition; see `summarize`.
    gain : DataFrame
        Ternary against binary networks of equal layers; see `rramchar.nn.gain.ternary_gain`. Empty
        where there are not two of each at one condition.
    """

    networks: pd.DataFrame
    summary: pd.DataFrame
    gain: pd.DataFrame


def run_study(
    study: Study, folder: str | Path, *, workers: int = 1, progress: Progress | None = None
) -> StudyResult:
    """Run a study, or what of it is not finished yet.

    Parameters
    ----------
    study : Study
        From `rramchar.nn.study_plans`.
    folder : str or path
        Where networks, parts and tables go; made if missing. What it holds of earlier runs with
        the same settings is used, whatever study they belonged to.
    workers : int
        Processes; the result is the same for any number.
    progress : callable, optional
        Called with the number of finished networks and the number of all.

    Returns
    -------
    StudyResult
        Also written to the folder, as ``<study>_networks.csv``, ``<study>_summary.csv`` and, where
        it is not empty, ``<study>_gain.csv``.

    Raises
    ------
    InputError
        If data or settings cannot be used.
    StoreError
        If the folder cannot be used.
    """
    check_workers(workers)
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be created ({error.strerror})") from None
    facts = _facts(study)  # before the work: a table may be gone, or another one, after it
    rows: list[list[Row]] = [[] for _ in study.tasks]
    if progress is not None:
        progress(0, len(study.tasks))
    for done, (index, found) in enumerate(_all(study.tasks, folder, workers), 1):
        rows[index] = found
        if progress is not None:
            progress(done, len(study.tasks))
    networks = _numeric(pd.DataFrame([row for part in rows for row in part]))
    result = StudyResult(networks, summarize(networks), ternary_gain(networks))
    _write(study, result, folder, facts)
    return result


def summarize(networks: pd.DataFrame) -> pd.DataFrame:
    """Bring the networks of each condition together.

    Parameters
    ----------
    networks : DataFrame
        As in `StudyResult`.

    Returns
    -------
    DataFrame
        All columns but ``train_seed``; ``accuracy_mean`` is the mean over networks,
        ``accuracy_std`` the standard deviation between their means, ``accuracy_low`` and
        ``accuracy_high`` the 95 % t interval over networks, so that it covers training and chips;
        with one network, that network's interval over chips, NaN where it has one chip or no
        errors. ``networks`` counts them. [1]
    """
    networks = _numeric(networks)
    keys = [c for c in networks.columns if c not in (*MEASURED, "train_seed")]
    rows = []
    for key, group in networks.groupby(keys, sort=False, dropna=False):
        means = group["accuracy_mean"].to_numpy(float)
        low, high = mean_interval(means)
        only = group.iloc[0]
        alone = len(group) == 1
        rows.append(
            {
                **dict(zip(keys, key, strict=True)),
                "accuracy_mean": float(means.mean()),
                "accuracy_std": float(only["accuracy_std"] if alone else means.std(ddof=1)),
                "accuracy_low": float(only["accuracy_low"]) if alone else low,
                "accuracy_high": float(only["accuracy_high"]) if alone else high,
                "accuracy_clean": float(group["accuracy_clean"].mean()),
                "networks": len(group),
                "draws": int(only["draws"]),
                "images": int(only["images"]),
            }
        )
    return pd.DataFrame(rows)


def _all(tasks: Sequence[Task], folder: Path, workers: int) -> Iterator[tuple[int, list[Row]]]:
    """Yield each task's position and rows as they are finished."""
    left = {}
    for index, task in enumerate(tasks):
        if (rows := finished_rows(task, folder)) is None:
            left[index] = (task, folder)
        else:
            yield index, rows
    yield from run_parallel(run_task, left, workers)


def _numeric(networks: pd.DataFrame) -> pd.DataFrame:
    """Turn what a part's JSON has as null, because it is not defined, into NaN."""
    measured = [column for column in MEASURED if column in networks]
    return networks.assign(**{column: pd.to_numeric(networks[column]) for column in measured})


def _facts(study: Study) -> dict[str, Any]:
    first = study.tasks[0]
    data = [first.dataset] if first.dataset.endswith(".npz") else []
    facts = provenance(
        inputs=[*study.inputs, *data],
        study=study.name,
        dataset=first.dataset,
        draws=first.draws,
        seed=first.seed,
        epochs=first.settings.epochs,
    )
    facts["packages"] = {k: v for k, v in facts["packages"].items() if k != "PySpice"}
    return facts


def _write(study: Study, result: StudyResult, folder: Path, facts: dict[str, Any]) -> None:
    tables = {"networks": result.networks, "summary": result.summary, "gain": result.gain}
    for name, frame in tables.items():
        if not frame.empty:
            title = f"{study.name} study: {name}"
            write_frame(folder / f"{study.name}_{name}.csv", frame, title, facts)
    conditions = [c.document() for c in study.tasks[0].conditions]
    write_json(folder / f"{study.name}_study.json", {**facts, "conditions": conditions})
