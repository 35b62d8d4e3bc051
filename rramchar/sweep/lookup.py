"""Find things in a run directory: its plan, a point by its number, a stored row by its key."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rramchar.errors import InputError, StoreError
from rramchar.spice.deck import LADDERS, Solver
from rramchar.sweep.layout import Point, groups
from rramchar.sweep.plan import Plan, load_plan
from rramchar.sweep.store import PLAN_FILE, Store
from rramchar.technology import Condition


class StoredResults(Store):
    """A run's result file, opened to be looked at: nothing is created, locked or changed.

    A run that is being written at the same time is not held up, and every query sees whole
    transactions.

    Parameters
    ----------
    folder : Path
        The run directory.
    plan : Plan
        Its plan, for the columns.

    Raises
    ------
    StoreError
        As `rramchar.sweep.store.Store` does.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        super().__init__(folder, plan.testbench.result_fields, read_only=True)

    def cursor(self, query: str, arguments: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Start a query; its rows are fetched as they are asked for."""
        try:
            return self._db.execute(query, arguments)
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None

    def batches(self, query: str, size: int = 50_000) -> Iterator[list[Any]]:
        """Iterate over the rows of a query, a list of tuples at a time."""
        cursor = self.cursor(query)
        while True:
            try:
                batch = cursor.fetchmany(size)
            except sqlite3.DatabaseError as error:
                raise self._damaged(error) from None
            if not batch:
                return
            yield batch

    def query(self, query: str, arguments: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        try:
            return self.cursor(query, arguments).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None

    def count(self) -> int:
        """Return the number of stored rows, whatever plan they belong to."""
        return int(self.query("SELECT COUNT(*) FROM results")[0][0])

    def observe_rate(self, seconds: float) -> tuple[float, float]:
        """Watch the store for some time [s]; return rows per second and the time it took [s]."""
        before, start = self.count(), time.monotonic()
        time.sleep(seconds)
        elapsed = time.monotonic() - start
        return (self.count() - before) / elapsed, elapsed

    def note_keys(self, table: str, keys: Iterable[bytes]) -> None:
        """Make a table of keys in SQLite's temporary storage, to be joined with the results."""
        self.cursor(f"CREATE TEMP TABLE {table} (key BLOB PRIMARY KEY) WITHOUT ROWID")
        self._db.executemany(f"INSERT INTO temp.{table} VALUES (?)", ((key,) for key in keys))
        self._db.commit()  # an open transaction would hold back the writer's own clearing up

    def row(self, key: bytes) -> dict[str, Any] | None:
        """Return the stored columns of one point, or None if it was not simulated."""
        found = self.query(f"SELECT {', '.join(self.columns)} FROM results WHERE key = ?", [key])
        return dict(zip(self.columns, found[0], strict=True)) if found else None


def open_run(folder: str | Path) -> Plan:
    """Return the plan of a run, for reading its results: the model files need not be there.

    Parameters
    ----------
    folder : str or Path
        Run directory.

    Returns
    -------
    Plan
        As resolved when the run was last started.

    Raises
    ------
    StoreError
        If the directory holds no run.
    InputError
        If its plan cannot be read.
    """
    path = Path(folder) / PLAN_FILE
    if not path.is_file():
        raise StoreError(f"{folder}: no {PLAN_FILE} here; is it a run directory?")
    plan = load_plan(path, check_files=False)
    with StoredResults(Path(folder), plan) as store:
        recorded = store.meta().get("plan")
    if recorded not in (None, plan.document()):
        raise StoreError(
            f"{path}: not the plan that the results beside it were made with; it was edited or "
            f"damaged; `rramchar sweep repair {folder}` writes it anew"
        )
    return plan


def recorded_plan(plan: Plan, meta: dict[str, Any]) -> Plan:
    """Return a plan with the model library's digest that the run recorded, as its keys have it.

    What was simulated with a model library stays readable after the library has changed.
    """
    digest = meta.get("technology_digest", plan.technology.digest)
    return replace(plan, technology=replace(plan.technology, digest=digest))


def open_run_to_simulate(folder: str | Path) -> Plan:
    """Return the plan of a run whose points are to be simulated again, exactly.

    Parameters
    ----------
    folder : str or Path
        Run directory.

    Returns
    -------
    Plan
        With its technology's model files found, and the same as when the run was made.

    Raises
    ------
    StoreError
        If the directory holds no run, or the model files have changed since.
    InputError
        If the technology's files are not there any more.
    """
    folder = Path(folder)
    named = open_run(folder)
    try:
        plan = load_plan(folder / PLAN_FILE)
    except InputError as error:
        raise InputError(
            f"{folder}: cannot be simulated again without the technology's files; bring them back: "
            f"{error}"
        ) from None
    with StoredResults(folder, named) as store:
        recorded = store.meta().get("technology_digest")
    if recorded != plan.technology.digest:
        raise StoreError(
            f"{folder}: the files of technology {plan.technology_name} changed since this run was "
            "made, so its points would come out differently; restore the old files, or simulate "
            "the run again with `rramchar sweep run`"
        )
    return plan


def point_at(plan: Plan, index: int) -> tuple[Condition, Point]:
    """Return one point of a plan by its number, without laying out the others.

    Parameters
    ----------
    plan : Plan
        The plan.
    index : int
        The number in the column ``point``.

    Returns
    -------
    condition : Condition
        Its corner, temperature and supply.
    point : Point
        Its key, record and values.

    Raises
    ------
    InputError
        If the plan has no such point.
    """
    if not 0 <= index < len(plan):
        raise InputError(f"point {index}: not in the plan; expected 0 to {len(plan) - 1}")
    *chosen, row, sample = (int(i) for i in np.unravel_index(index, _shape(plan)))
    axes = {name: (values[i],) for (name, values), i in zip(plan.axes.items(), chosen, strict=True)}
    group = next(groups(replace(plan, axes=axes, rows=(plan.rows[row],))))
    point = next(itertools.islice(group.points, sample, None))
    return group.condition, replace(point, index=index)


def axis_columns(plan: Plan, index: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return the axis values of many points.

    Parameters
    ----------
    plan : Plan
        The plan.
    index : array of int, shape (points,)
        Numbers of the points.

    Returns
    -------
    dict of str to array, shape (points,)
        ``corner``, ``temperature_c`` [degC], ``vdd_v`` [V], the testbench's own fields, ``sample``.
        An axis that the plan does not have (``x`` of a binary amplifier) holds None throughout.
    """
    *chosen, row, sample = np.unravel_index(index, _shape(plan))
    columns = {
        name: _pick(values, i) for (name, values), i in zip(plan.axes.items(), chosen, strict=True)
    }
    columns |= {name: _pick([r[name] for r in plan.rows], row) for name in plan.rows[0]}
    order = ("corner", "temperature_c", "vdd_v", *plan.testbench.point_fields)
    return {name: columns[name] for name in order} | {"sample": np.asarray(sample, np.int64)}


def described(point: Point) -> dict[str, Any]:
    """Return a point's axis values and its sample, for people; what it has not is left out."""
    values = {name: value for name, value in point.values.items() if value is not None}
    return values if point.sample is None else values | {"sample": point.sample}


def alterations_of(plan: Plan, condition: Condition, point: Point) -> dict[str, float]:
    """Return what a run alters in the shared circuit to make it one point.

    Parameters
    ----------
    plan : Plan
        The plan.
    condition : Condition
        The point's condition.
    point : Point
        The point.

    Returns
    -------
    dict of str to float
        ngspice's name of each parameter to its value.
    """
    values = plan.testbench.alterations(condition, plan.parameters, point.record)
    if plan.variation is not None and point.sample is not None:
        values |= plan.variation.alterations(point.sample)
    return values


def solver_of(plan: Plan, row: dict[str, Any] | None) -> Solver | None:
    """Return the solver options that solved a stored point.

    Parameters
    ----------
    plan : Plan
        Its accuracy tells where to look first: two ladders may use a name.
    row : dict or None
        Stored columns.

    Returns
    -------
    Solver or None
        None for a point that failed or is not stored, or if this rramchar has no such options.
    """
    if row is None or row["status"] != "ok":
        return None
    ladders = [LADDERS[plan.accuracy], *LADDERS.values()]
    return next((s for ladder in ladders for s in ladder if s.name == row["solver"]), None)


def _shape(plan: Plan) -> tuple[int, ...]:
    """Return the lengths of all axes in the order of the points: the last varies fastest."""
    sizes = [len(values) for values in plan.axes.values()]
    return (*sizes, len(plan.rows), plan.samples or 1)


def _pick(values: Sequence[Any], index: NDArray[np.int64]) -> NDArray[Any]:
    numeric = all(isinstance(value, float | int) for value in values)
    return np.asarray(values, dtype=float if numeric else object)[index]
