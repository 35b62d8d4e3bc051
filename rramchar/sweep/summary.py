"""What a run holds and how far it is, counted in the store without loading its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rramchar.sweep.layout import Point, iterate
from rramchar.sweep.lookup import StoredResults, described, open_run, recorded_plan
from rramchar.sweep.plan import Plan
from rramchar.sweep.running import Running, rate_since_start, read_log, running_pid

_EXAMPLES_LOOKED_FOR = 1000


@dataclass(frozen=True)
class Failure:
    """The points that failed for one reason.

    Parameters
    ----------
    reason : str
        ``convergence``, ``timeout``, ``crash`` or ``bad_netlist``.
    points : int
        How many.
    point : int or None
        Number of one of them; None if it was not looked for.
    values : dict
        Its axis values.
    detail : str
        ngspice's last words about it.
    """

    reason: str
    points: int
    point: int | None
    values: dict[str, Any]
    detail: str


@dataclass(frozen=True)
class RunReport:
    """What a run holds.

    Parameters
    ----------
    run, testbench, technology, accuracy : str
        The directory, and what its plan names.
    points, ok, failed, missing : int
        Points of the plan; with a result; without one; not simulated yet.
    failures : tuple of Failure
        By reason, the most frequent first.
    outcomes : dict of str to int
        Outcome to number of points.
    precharge_not_ok : int
        Points whose outcome may be stale (see the column ``precharge_ok``).
    solvers : dict of str to int
        Set of solver options to number of points that it solved.
    seconds_total, seconds_mean, seconds_longest : float
        Time that the points took in their workers. [s]
    ngspice_version : int or None
        Major version that simulated last.
    technology_digest : str
        Of the technology's definition and model files.
    rramchar : str or None
        Version that made the run.
    started, finished : str or None
        When the run was last started; when that start finished (ISO 8601, UTC).
    starts : int
        How often it was started.
    notes : tuple of str
        Lines of the log that are not routine, with their time.
    running : Running or None
        None if no process is working on it.
    """

    run: str
    testbench: str
    technology: str
    accuracy: str
    points: int
    ok: int
    failed: int
    missing: int
    failures: tuple[Failure, ...]
    outcomes: dict[str, int]
    precharge_not_ok: int
    solvers: dict[str, int]
    seconds_total: float
    seconds_mean: float
    seconds_longest: float
    ngspice_version: int | None
    technology_digest: str
    rramchar: str | None
    started: str | None
    finished: str | None
    starts: int
    notes: tuple[str, ...]
    running: Running | None

    @property
    def done(self) -> int:
        """Points that were simulated, with or without a result."""
        return self.ok + self.failed

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-serializable data."""
        reasons = {failure.reason: failure.points for failure in self.failures}
        return asdict(self) | {"done": self.done, "reasons": reasons}


def summarize(
    folder: str | Path,
    *,
    examples: bool = True,
    rate: tuple[float, float] | None = None,
    measure_s: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
) -> RunReport:
    """Summarize a run, finished or not, also while it is being written.

    Parameters
    ----------
    folder : str or Path
        Run directory.
    examples : bool
        Look for a point of each reason of failure. That lays out the plan until they are found,
        which takes some 10 s in a run of 10^6 points with few failures.
    rate : (float, float), optional
        Points per second of a running run and the seconds they were observed over, if the caller
        knows them; otherwise the average since the first start, or for a resumed run what comes in
        `measure_s`.
    measure_s : float
        How long a resumed run that is running is watched to know its rate. [s]
    progress : callable, optional
        Called now and then with the number of points laid out and of the plan.

    Returns
    -------
    RunReport
        The numbers are those of one moment.

    Raises
    ------
    StoreError
        If the directory holds no run, or a damaged one.
    InputError
        If its plan cannot be read.

    Notes
    -----
    The store is counted in SQL. Only where it may hold points of an earlier plan or model library
    (the log says so, or there are more rows than points) is the plan laid out to count its own.
    """
    folder = Path(folder)
    named = open_run(folder)
    log = read_log(folder)
    with StoredResults(folder, named) as store:
        meta = store.meta()
        plan = recorded_plan(named, meta)
        if not log.plain or store.count() > len(plan):
            _keep_planned(store, plan, progress)
        else:
            store.cursor("CREATE TEMP VIEW counted AS SELECT * FROM results")
        counts = _count(store, plan)
        failures = _failures(store, plan, counts["reasons"], examples, progress)
        done = counts["ok"] + counts["failed"]
        pid = running_pid(folder)
        if pid and not rate:
            rate = rate_since_start(log, done) or store.observe_rate(measure_s)
    return RunReport(
        run=str(folder),
        testbench=plan.testbench.name,
        technology=plan.technology_name,
        accuracy=plan.accuracy,
        points=len(plan),
        ok=counts["ok"],
        failed=counts["failed"],
        missing=len(plan) - done,
        failures=failures,
        outcomes=counts["outcomes"],
        precharge_not_ok=counts["precharge_not_ok"],
        solvers=counts["solvers"],
        seconds_total=counts["seconds"],
        seconds_mean=counts["seconds"] / done if done else 0.0,
        seconds_longest=counts["longest"],
        ngspice_version=meta.get("ngspice_version"),
        technology_digest=plan.technology.digest,
        rramchar=meta.get("provenance", {}).get("rramchar"),
        started=log.started,
        finished=log.finished,
        starts=log.starts,
        notes=log.notes,
        running=None if pid is None else Running.at(pid, rate, len(plan) - done),
    )


def _keep_planned(
    store: StoredResults, plan: Plan, progress: Callable[[int, int], None] | None
) -> None:
    """Make a view of the stored rows that belong to the plan."""
    store.note_keys("planned", (point.key for point in _laid_out(plan, progress)))
    store.cursor(
        "CREATE TEMP VIEW counted AS SELECT results.* FROM planned JOIN results USING (key)"
    )


def _count(store: StoredResults, plan: Plan) -> dict[str, Any]:
    wanted = [
        name if name in plan.testbench.result_fields else "NULL"
        for name in ("outcome", "precharge_ok")
    ]
    groups = store.query(
        f"SELECT status, reason, solver, {', '.join(wanted)}, COUNT(*), TOTAL(seconds), "
        "MAX(seconds) FROM counted GROUP BY 1, 2, 3, 4, 5"
    )
    statuses: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    solvers: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    stale, seconds, longest = 0, 0.0, 0.0
    for status, reason, solver, outcome, precharge_ok, points, total, most in groups:
        statuses[status] += points
        seconds += total
        longest = max(longest, most or 0.0)
        if status == "failed":
            reasons[reason] += points
            continue
        solvers[solver] += points
        outcomes[outcome] += points
        stale += points * (precharge_ok == 0)
    return {
        "ok": statuses["ok"],
        "failed": statuses["failed"],
        "reasons": dict(reasons.most_common()),
        "solvers": dict(solvers.most_common()),
        "outcomes": {k: n for k, n in outcomes.most_common() if k is not None},
        "precharge_not_ok": stale,
        "seconds": seconds,
        "longest": longest,
    }


def _failures(
    store: StoredResults,
    plan: Plan,
    reasons: dict[str, int],
    examples: bool,
    progress: Callable[[int, int], None] | None,
) -> tuple[Failure, ...]:
    wanted: dict[bytes, str] = {}
    details: dict[bytes, str | None] = {}
    for reason in reasons:
        rows = store.query(
            "SELECT key, detail FROM counted WHERE status = 'failed' AND reason = ? LIMIT ?",
            [reason, _EXAMPLES_LOOKED_FOR],
        )
        details |= dict(rows)
        wanted |= dict.fromkeys((key for key, _ in rows), reason)
    found: dict[str, Point] = {}
    if examples and wanted:
        for point in _laid_out(plan, progress):
            if (of := wanted.get(point.key)) is not None and of not in found:
                found[of] = point
                if len(found) == len(reasons):
                    break
    return tuple(
        _failure(reason, points, found.get(reason), details, wanted)
        for reason, points in reasons.items()
    )


def _failure(
    reason: str,
    points: int,
    example: Point | None,
    details: dict[bytes, str | None],
    reason_of: dict[bytes, str],
) -> Failure:
    if example is not None:
        detail = details[example.key] or ""
        return Failure(reason, points, example.index, described(example), detail)
    key = next(key for key, of in reason_of.items() if of == reason)
    return Failure(reason, points, None, {}, details[key] or "")


def _laid_out(plan: Plan, progress: Callable[[int, int], None] | None) -> Iterator[Point]:
    for count, point in enumerate(iterate(plan)):
        if progress and count % 20_000 == 0:
            progress(count, len(plan))
        yield point
