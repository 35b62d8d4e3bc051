"""The summary of a run as a table for people, once or again and again."""

from __future__ import annotations

import time
from collections import deque
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from rramchar.cli.common import stdout
from rramchar.units import format_quantity

if TYPE_CHECKING:
    from rramchar.sweep.running import Running
    from rramchar.sweep.summary import RunReport

_EVERY_S = 2.0
_RATE_OVER_S = 60.0


def summary_table(report: RunReport) -> Group:
    """Return a run's summary, ready to be printed.

    Parameters
    ----------
    report : RunReport
        The summary.

    Returns
    -------
    rich Group
        Facts, failures by reason, notes of the log.
    """
    facts = Table(show_header=False, box=None, pad_edge=False)
    for name, text in _facts(report):
        facts.add_row(name, escape(text))
    parts: list[Table | Text] = [facts]
    if report.failures:
        failures = Table(box=None, pad_edge=False, title_justify="left", title="\nfailures")
        for column in ("reason", "points", "example", "ngspice's last words about it"):
            failures.add_column(column, justify="right" if column == "points" else "left")
        for failure in report.failures:
            values = ", ".join(f"{k}={_value(v)}" for k, v in failure.values.items())
            example = f"point {failure.point}: {values}" if failure.point is not None else ""
            failures.add_row(
                failure.reason, f"{failure.points:,}", escape(example), escape(failure.detail)
            )
        parts.append(failures)
    parts += [Text(f"note: {note}") for note in report.notes]
    return Group(*parts)


def watch_run(run: Path) -> None:
    """Show a run's summary and its rate over the last minute, until no process works on it.

    Parameters
    ----------
    run : Path
        Run directory.
    """
    from rramchar.sweep import summarize

    seen: deque[tuple[float, int]] = deque()
    rate: tuple[float, float] | None = None
    with Live(console=stdout, auto_refresh=False) as live:
        while True:
            report = summarize(run, examples=False, rate=rate, measure_s=0.2)
            if report.running is None:
                return
            seen.append((time.monotonic(), report.done))
            while seen[-1][0] - seen[0][0] > _RATE_OVER_S:
                seen.popleft()
            live.update(summary_table(report), refresh=True)
            time.sleep(_EVERY_S)
            elapsed = seen[-1][0] - seen[0][0]
            rate = ((seen[-1][1] - seen[0][1]) / elapsed, elapsed) if elapsed > 0 else None


def _facts(report: RunReport) -> list[tuple[str, str]]:
    share = report.done / report.points if report.points else 1.0
    facts = [
        ("run", report.run),
        ("points", f"{report.points:,}: {report.ok:,} ok, {report.failed:,} failed, "
         f"{report.missing:,} not simulated ({share:.1%} done)"),
    ]  # fmt: skip
    if report.running is not None:
        facts.append(("running", _running_text(report.running)))
    elif report.missing:
        facts.append(("running", "no; `rramchar sweep run` with the same plan and --out goes on"))
    facts += [("outcomes", _counted(report.outcomes)), ("solver options", _counted(report.solvers))]
    if report.precharge_not_ok:
        facts.append(("precharge", f"not complete in {report.precharge_not_ok:,} points, whose "
                      "outcome may be stale (column precharge_ok)"))  # fmt: skip
    if report.done:
        mean, longest, total = (
            format_quantity(seconds, "s", digits=3)
            for seconds in (report.seconds_mean, report.seconds_longest, report.seconds_total)
        )
        facts.append(("time per point", f"{mean} on average, {longest} at most, {total} in all"))
    facts += [
        ("simulated by", f"ngspice {report.ngspice_version or '-'}, "
         f"rramchar {report.rramchar or '-'}, accuracy {report.accuracy}"),
        ("technology", f"{report.technology}, digest {report.technology_digest[:16]}"),
        ("started", f"{report.started or '-'} ({report.starts} in all)"),
        ("finished", report.finished or "-"),
    ]  # fmt: skip
    return facts


def _running_text(running: Running) -> str:
    text = f"yes, process {running.pid}"
    if running.rate_per_s is None or running.left_s is None:
        return f"{text}; rate not known yet"
    left = timedelta(seconds=round(running.left_s))
    rate = f"{running.rate_per_s:,.3g} points/s over {running.over_s:,.0f} s"
    return f"{text}, {rate}, about {left} left"


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items()) or "-"


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
