"""Mend a run whose result file is damaged: keep every row that can still be read."""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rramchar.errors import InputError, StoreError
from rramchar.sweep.carve import carve
from rramchar.sweep.layout import KEY_BYTES
from rramchar.sweep.plan import load_plan
from rramchar.sweep.run import write_log, write_plan
from rramchar.sweep.store import COMMON_FIELDS, FILE_NAME, PLAN_FILE, Store, run_lock

_WORK_FOLDER = ".repair"


@dataclass(frozen=True)
class RepairSummary:
    """What a repair did.

    Parameters
    ----------
    run : Path
        The run directory.
    damaged : bool
        False if the run was sound; nothing was changed then.
    rows : int
        Results in the file now.
    kept_aside : Path or None
        Where the damaged file lies.
    plan_restored : bool
        True if ``plan.toml`` was written anew.
    """

    run: Path
    damaged: bool
    rows: int
    kept_aside: Path | None = None
    plan_restored: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as JSON-serializable data."""
        return {
            "run": str(self.run),
            "damaged": self.damaged,
            "rows": self.rows,
            "kept_aside": None if self.kept_aside is None else str(self.kept_aside),
            "plan_restored": self.plan_restored,
        }


def repair_run(folder: str | Path) -> RepairSummary:
    """Put every readable row of a damaged run into a new result file.

    A row counts only if the digest that it carries is right. The damaged file is kept beside the
    new one. What could not be read is simulated again by the next run of the plan.

    Parameters
    ----------
    folder : str or Path
        Run directory.

    Returns
    -------
    RepairSummary
        What was found and kept.

    Raises
    ------
    StoreError
        If the directory holds no run, is in use or cannot be written; or if neither its plan nor
        the record of it can be read.
    """
    folder = Path(folder)
    path = folder / FILE_NAME
    if not path.is_file():
        raise StoreError(f"{folder}: no {FILE_NAME} here; is it a run directory?")
    with run_lock(folder):
        facts, results = _sort(path)
        if not {"plan", "columns"} <= facts.keys():
            facts = _facts_of_plan(folder) | facts
        plan, columns = facts["plan"], facts["columns"]
        results = {key: row for key, row in results.items() if len(row) == len(columns)}
        if (rows := _sound(folder, columns)) is not None:
            restored = _restore_plan(folder, plan)
            return RepairSummary(folder, restored, rows, plan_restored=restored)
        work = folder / _WORK_FOLDER
        shutil.rmtree(work, ignore_errors=True)
        try:
            work.mkdir()
            _build(work, columns, facts, results)
            aside = _exchange(path, work / FILE_NAME)
            shutil.rmtree(work, ignore_errors=True)
        except OSError as error:
            raise StoreError(f"{folder}: cannot be written: {error.strerror}") from None
        restored = _restore_plan(folder, plan)
        write_log(folder, f"repaired: {len(results)} rows kept; the damaged file is {aside.name}")
    return RepairSummary(folder, True, len(results), aside, restored)


def _sort(path: Path) -> tuple[dict[str, Any], dict[bytes, tuple[Any, ...]]]:
    """Return what was recorded about the run, and the results by key."""
    facts: dict[str, Any] = {}
    results: dict[bytes, tuple[Any, ...]] = {}
    for key, *values in carve(path):
        if isinstance(key, str) and len(values) == 1:
            facts[key] = json.loads(values[0])  # the log comes last, so the newest stays
            continue
        # An old version of a row may still lie about; a result goes before a failure.
        worse = values[0] != "ok" and results.get(key, values)[0] == "ok"
        if isinstance(key, bytes) and len(key) == KEY_BYTES and not worse:
            results[key] = tuple(values)
    return facts, results


def _facts_of_plan(folder: Path) -> dict[str, Any]:
    try:
        plan = load_plan(folder / PLAN_FILE, check_files=False)
    except InputError as error:
        raise StoreError(
            f"{folder / FILE_NAME}: damaged, and what it holds is recorded nowhere else ({error}); "
            "move it away and run the plan again"
        ) from None
    return {
        "plan": plan.document(),
        "columns": {**COMMON_FIELDS, **plan.testbench.result_fields},
    }


def _own_fields(columns: Mapping[str, str]) -> dict[str, str]:
    """Return a testbench's own columns among all columns of a file."""
    return {name: kind for name, kind in columns.items() if name not in COMMON_FIELDS}


def _sound(folder: Path, columns: Mapping[str, str]) -> int | None:
    """Return the number of rows of a sound file, None for a damaged one."""
    try:
        with Store(folder, _own_fields(columns)) as store:
            return len(store.keys())
    except StoreError as error:
        if "damaged" not in str(error):  # in use, of a newer version, not to be written
            raise
        return None


def _build(
    work: Path,
    columns: Mapping[str, str],
    facts: Mapping[str, Any],
    results: Mapping[bytes, tuple[Any, ...]],
) -> None:
    with Store(work, _own_fields(columns)) as store:
        kept = {key: value for key, value in facts.items() if key not in store.meta()}
        store.set_meta(kept)
        store.add(
            (key, dict(zip(store.columns, values, strict=True))) for key, values in results.items()
        )


def _exchange(path: Path, new: Path) -> Path:
    """Put the new file in the place of the damaged one, which is kept under another name."""
    number = 1
    while (aside := path.with_name(f"results.damaged-{number}.sqlite")).exists():
        number += 1
    os.link(path, aside)
    log = path.with_name(f"{path.name}-wal")
    if log.exists():  # left in place, it would be taken for the new file's
        log.replace(aside.with_name(f"{aside.name}-wal"))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    new.replace(path)
    return aside


def _restore_plan(folder: Path, plan: Mapping[str, Any]) -> bool:
    """Write the recorded plan unless the file beside the results says the same."""
    try:
        if tomllib.loads((folder / PLAN_FILE).read_text(encoding="utf-8")) == plan:
            return False
    except (OSError, ValueError):  # gone or damaged
        pass
    write_plan(folder, dict(plan))
    return True
