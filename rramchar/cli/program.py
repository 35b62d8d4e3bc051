"""``rramchar program``: run a plan of programming pulses on ngspice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rramchar.cli.common import (
    JsonOption,
    PlotOption,
    check_writable,
    emit,
    progress_bar,
    stderr,
    stdout,
    write_figure,
)

if TYPE_CHECKING:
    from rramchar.programming import ProgramPlan
    from rramchar.sweep.run import RunSummary


def program(
    plan: Annotated[Path, typer.Argument(help="Plan file (TOML).", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Run directory; resumed if it holds a run.")
    ],
    workers: Annotated[
        int | None, typer.Option(help="Worker processes; the cores of this machine by default.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Simulate failed sequences again.")
    ] = False,
    plot: PlotOption = None,
    figure: Annotated[
        str | None,
        typer.Option(help="low_states, high_states, weak_reset, energy or train; fits the plan."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Give programming pulses to a 1T1R or 2T2R cell, and read it after each.

    Sequences that the run directory holds already are not simulated again. The results are in
    pulses.csv in the run directory; with --json they are printed too, as "rows".

    Example: rramchar program docs/examples/set_staircase.toml --out runs/set --plot set.png
    """
    from rramchar.errors import InputError
    from rramchar.programming import load_program_plan, read_pulses
    from rramchar.programming.frame import PULSES_FILE
    from rramchar.report.writes import FIGURES, plot_pulses

    if figure is not None and figure not in FIGURES:
        raise InputError(f"--figure {figure!r}: expected one of {', '.join(FIGURES)}")
    if plot is not None:
        check_writable(plot, option="--plot")
    summary = _run(load_program_plan(plan), out, workers, retry_failed)
    pulses = read_pulses(out)
    if plot is not None:
        write_figure(plot, plot_pulses(pulses, figure))
    table = out / PULSES_FILE

    def show() -> None:
        _show(summary)
        stdout.print(f"{len(pulses)} rows in {table}", markup=False)

    rows = pulses.astype(object).where(pulses.notna(), None).to_dict("records") if as_json else []
    emit({**summary.as_dict(), "output": str(table), "rows": rows}, as_json, show)
    if summary.failed:
        raise typer.Exit(1)


def _run(plan: ProgramPlan, out: Path, workers: int | None, retry_failed: bool) -> RunSummary:
    from rramchar.programming import run_program

    with progress_bar("sequences") as bar:
        task = bar.add_task("programming", total=len(plan))

        def advance(done: int, total: int, failed: int) -> None:
            text = f"programming [red]({failed} failed)[/]" if failed else "programming"
            bar.update(task, completed=done, total=total, description=text)

        try:
            return run_program(
                plan, out, workers=workers, retry_failed=retry_failed, progress=advance
            )
        except KeyboardInterrupt:
            bar.stop()
            done = int(bar.tasks[0].completed)
            stderr.print(
                f"interrupted with {done} of {len(plan)} sequences done, kept in {out}; "
                "run the same command to go on"
            )
            raise typer.Exit(130) from None


def _show(summary: RunSummary) -> None:
    for note in summary.notes:
        stdout.print(f"note: {note}", markup=False)
    reasons = ", ".join(f"{n} {reason}" for reason, n in summary.reasons.items())
    failed = f", {summary.failed} failed ({reasons})" if summary.failed else ""
    stdout.print(
        f"{summary.ok} of {summary.points} sequences ok{failed}; {summary.simulated} simulated "
        f"now, {summary.reused} found finished, {summary.seconds:.1f} s",
        markup=False,
    )
