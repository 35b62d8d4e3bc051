"""``rramchar sweep run``: simulate what a plan asks for; the subject's other commands join here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rramchar.cli import sweep_repair, sweep_results
from rramchar.cli.common import JsonOption, emit, progress_bar, stderr, stdout
from rramchar.errors import InputError

if TYPE_CHECKING:
    from rramchar.sweep import RunSummary
    from rramchar.sweep.run import Executor

app = typer.Typer(
    no_args_is_help=True,
    help="Run a plan of simulations on ngspice, resume it, export its results.",
)

app.command()(sweep_results.export)
app.command()(sweep_results.show)
app.command()(sweep_results.plot)
app.command(name="map")(sweep_results.outcome_map)
app.command()(sweep_results.reproduce)
app.command()(sweep_results.waveforms)
app.command()(sweep_repair.repair)


@app.command()
def run(
    plan: Annotated[Path, typer.Argument(help="Plan file (TOML).", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Run directory; resumed if it holds a run.")
    ],
    workers: Annotated[
        int | None, typer.Option(help="Worker processes; the cores of this machine by default.")
    ] = None,
    executor: Annotated[
        Literal["local", "dask"],
        typer.Option(help="Where points are simulated: processes of our own, or a dask cluster."),
    ] = "local",
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="tcp://HOST:PORT",
            help="A running dask scheduler, or its .json file; without one, --executor dask starts "
            "a cluster on this machine.",
            show_default=False,
        ),
    ] = None,
    axis: Annotated[
        list[str] | None,
        typer.Option(
            help="Override an axis: vdd_v=0.6,1.2 or vdd_v=0.5:1.2:8 or r_bl_ohm=3k:1M:9:log"
        ),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Simulate failed points again.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Simulate every point of a plan that the run directory does not hold yet.

    Example: rramchar sweep run plan.toml --out runs/first --axis vdd_v=0.6,1.2

    On a cluster: rramchar sweep run plan.toml --out runs/first --executor dask
    --scheduler tcp://node7:8786
    """
    from rramchar.sweep import load_plan, run_plan

    chosen = _executor(executor, scheduler, workers)
    loaded = load_plan(plan, _overrides(axis or []))
    with progress_bar() as bar:

        def advance(done: int, total: int, failed: int) -> None:
            if not bar.tasks:
                bar.add_task("simulating", total=total)
            text = f"simulating [red]({failed} failed)[/]" if failed else "simulating"
            bar.update(bar.tasks[0].id, completed=done, description=text)

        try:
            summary = run_plan(
                loaded,
                out,
                workers=workers,
                executor=chosen,
                retry_failed=retry_failed,
                progress=advance,
            )
        except KeyboardInterrupt:
            bar.stop()
            done = int(bar.tasks[0].completed) if bar.tasks else 0
            so_far = f"with {done} of {len(loaded)} points done" if done else "early"
            stderr.print(
                f"interrupted {so_far}; what was finished is kept in {out}; "
                "run the same command to go on"
            )
            raise typer.Exit(130) from None
    emit(summary.as_dict(), as_json, lambda: show_summary(summary))
    if summary.failed:
        raise typer.Exit(1)


def show_summary(summary: RunSummary) -> None:
    """Print what a run did, for people."""
    for note in summary.notes:
        stdout.print(f"note: {note}", markup=False)
    reasons = ", ".join(f"{n} {reason}" for reason, n in summary.reasons.items())
    failed = f", {summary.failed} failed ({reasons})" if summary.failed else ""
    stdout.print(
        f"{summary.ok} of {summary.points} points ok{failed}; {summary.simulated} simulated now, "
        f"{summary.reused} found finished, {summary.seconds:.1f} s\nresults in {summary.run}",
        markup=False,
    )


def _executor(kind: str, scheduler: str | None, workers: int | None) -> Executor | None:
    if kind == "dask":
        from rramchar.sweep.cluster import DaskExecutor

        return DaskExecutor(scheduler, workers, say=lambda text: stderr.print(text, markup=False))
    if scheduler is not None:
        raise InputError(f"--scheduler {scheduler}: expected together with --executor dask")
    return None


def _overrides(axes: list[str]) -> dict[str, str]:
    overrides = {}
    for text in axes:
        name, separator, values = text.partition("=")
        if not separator or not values:
            raise InputError(f"--axis {text!r}: expected NAME=VALUES, such as vdd_v=0.6,1.2")
        overrides[name.strip()] = values
    return overrides
